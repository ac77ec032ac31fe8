using System.Text;

namespace Mumega.Cedar;

/// <summary>
/// Lays policy text out anew. Every token and comment stays, in its order; only the space between them changes, so that the policies mean the
/// same. Formatting formatted text changes nothing.
/// </summary>
public static class Formatter
{
    private const int Width = 100;

    /// <summary>Throws <see cref="CedarSyntaxException"/> when the text is not Cedar.</summary>
    public static string Format(string text)
    {
        Parser.Policies(text);
        var layout = new Layout(text, new Lexer(text).All());
        return layout.Policies();
    }

    private sealed record Comment(string Text, bool BlankAfter);

    private sealed class Layout
    {
        private static readonly HashSet<string> Keywords =
        [
            "permit",
            "forbid",
            "when",
            "unless",
            "if",
            "then",
            "else",
            "in",
            "is",
            "has",
            "like",
        ];

        private readonly StringBuilder text = new();
        private readonly string source;
        private readonly List<Token> tokens;
        private readonly List<Comment>[] before;
        private readonly string?[] behind;
        private readonly int[] partner;
        private int indent,
            column;
        private bool broken = true,
            space,
            comment;

        public Layout(string source, List<Token> tokens)
        {
            this.source = source;
            this.tokens = tokens;
            before = new List<Comment>[tokens.Count];
            behind = new string?[tokens.Count];
            partner = new int[tokens.Count];
            var open = new Stack<int>();
            for (var i = 0; i < tokens.Count; i++)
            {
                before[i] = Comments(i);
                if (tokens[i].Kind != TokenKind.Symbol)
                    continue;
                if (tokens[i].Raw is "(" or "[" or "{")
                    open.Push(i);
                else if (tokens[i].Raw is ")" or "]" or "}")
                    partner[open.Peek()] = i;
                if (tokens[i].Raw is ")" or "]" or "}")
                    partner[i] = open.Pop();
            }
        }

        public string Policies()
        {
            var i = 0;
            while (tokens[i].Kind != TokenKind.End)
            {
                if (text.Length > 0)
                    Blank();
                i = Policy(i);
            }

            if (before[i].Count > 0 && text.Length > 0)
                Blank();
            Before(i);
            return text.Length == 0 || text[^1] == '\n' ? text.ToString() : text.Append('\n').ToString();
        }

        // What stands between two tokens: a comment on the line of the first belongs to it, the others to the second.
        private List<Comment> Comments(int i)
        {
            var (from, to) = (i == 0 ? 0 : tokens[i - 1].End, tokens[i].Offset);
            var found = new List<Comment>();
            var lines = source[from..to].ReplaceLineEndings("\n").Split('\n');
            for (var n = 0; n < lines.Length; n++)
            {
                var line = lines[n].Trim();
                if (line.Length == 0)
                    continue;
                if (n == 0 && i > 0)
                    behind[i - 1] = line;
                else
                    found.Add(new(line, n + 1 < lines.Length - 1 && lines[n + 1].Trim().Length == 0));
            }

            return found;
        }

        private int Policy(int i)
        {
            for (; tokens[i].Raw == "@"; Line())
            {
                Emit(i++);
                Emit(i++);
                if (tokens[i].Raw == "(")
                    for (var end = partner[i]; i <= end; i++)
                        Emit(i);
            }

            Emit(i++);
            Space();
            i = Group(i);
            while (tokens[i].Raw is "when" or "unless")
            {
                Line();
                Emit(i++);
                Space();
                var end = partner[i];
                if (column + 2 + Flat(i + 1, end) + 3 <= Width && !HasComments(i, end))
                {
                    Emit(i++);
                    Space();
                    EmitAll(i, end);
                    Space();
                }
                else
                {
                    Emit(i++);
                    Inside(() => Expression(i, end));
                }

                Emit(end);
                i = end + 1;
            }

            Emit(i++);
            return i;
        }

        /// <summary>A bracket and what is in it: on one line if it fits, else each item on its own.</summary>
        private int Group(int i)
        {
            var end = partner[i];
            if (column + Flat(i, end + 1) <= Width && !HasComments(i, end))
            {
                EmitAll(i, end + 1);
                return end + 1;
            }

            Emit(i);
            Inside(() =>
            {
                var start = i + 1;
                foreach (var comma in Find(",", start, end).Append(end))
                {
                    if (comma == end && start == end)
                        break;
                    if (start > i + 1)
                        Line();
                    Expression(start, comma);
                    if (comma < end)
                        Emit(comma);
                    start = comma + 1;
                }
            });
            Emit(end);
            return end + 1;
        }

        private void Expression(int from, int to)
        {
            if (column + Flat(from, to) <= Width && !HasComments(from, to - 1))
            {
                EmitAll(from, to);
                return;
            }

            if (tokens[from].Raw == "if" && tokens[from].Kind == TokenKind.Identifier)
            {
                var then = Branch("then", from + 1, to);
                var otherwise = Branch("else", then + 1, to);
                Emit(from);
                Space();
                Expression(from + 1, then);
                Line();
                Emit(then);
                Space();
                Expression(then + 1, otherwise);
                Line();
                Emit(otherwise);
                Space();
                Expression(otherwise + 1, to);
                return;
            }

            foreach (var op in (string[])["||", "&&"])
            {
                var ops = Find(op, from, to);
                if (ops.Count == 0)
                    continue;

                var start = from;
                foreach (var at in ops)
                {
                    Expression(start, at);
                    Space();
                    Emit(at);
                    Line();
                    start = at + 1;
                }

                Expression(start, to);
                return;
            }

            for (var i = from; i < to; )
            {
                if (i > from && Apart(i))
                    Space();
                if (partner[i] > i)
                    i = Group(i);
                else
                    Emit(i++);
            }
        }

        private List<int> Find(string symbol, int from, int to)
        {
            var found = new List<int>();
            for (var i = from; i < to; i++)
            {
                if (partner[i] > i)
                    i = partner[i];
                else if (tokens[i].Kind == TokenKind.Symbol && tokens[i].Raw == symbol)
                    found.Add(i);
            }

            return found;
        }

        private int Branch(string word, int from, int to)
        {
            var nested = 0;
            for (var i = from; i < to; i++)
            {
                if (partner[i] > i)
                    i = partner[i];
                else if (tokens[i].Kind != TokenKind.Identifier || tokens[i - 1].Raw == ".")
                    continue;
                else if (tokens[i].Raw == "if")
                    nested++;
                else if (tokens[i].Raw == word && nested == 0)
                    return i;
                else if (tokens[i].Raw == "else")
                    nested--;
            }

            throw new InvalidOperationException(word);
        }

        private bool HasComments(int from, int to)
        {
            for (var i = from; i <= to; i++)
            {
                if ((i > from && before[i].Count > 0) || (i < to && behind[i] is not null))
                    return true;
            }

            return false;
        }

        private int Flat(int from, int to)
        {
            var length = 0;
            for (var i = from; i < to && length <= Width; i++)
                length += tokens[i].End - tokens[i].Offset + (i > from && Apart(i) ? 1 : 0);
            return length;
        }

        /// <summary>Whether a space stands before the token.</summary>
        private bool Apart(int i)
        {
            Token last = tokens[i - 1],
                next = tokens[i];
            if (last.Kind == TokenKind.Symbol && last.Raw is "(" or "[" or "{" or "@" or "?" or "!" or "." or "::")
                return false;
            if (last is { Kind: TokenKind.Symbol, Raw: "-" } && Prefix(i - 1))
                return false;
            if (next.Kind != TokenKind.Symbol)
                return true;
            return next.Raw switch
            {
                ")" or "]" or "}" or "," or ";" or "." or "::" or ":" => false,
                "(" or "[" => last.Kind == TokenKind.Symbol
                    ? last.Raw is not (")" or "]")
                    : Keywords.Contains(last.Raw) && !(i > 1 && tokens[i - 2].Raw is "." or "@"),
                _ => true,
            };
        }

        private bool Prefix(int i) =>
            tokens[i - 1] is { Kind: TokenKind.Symbol, Raw: not (")" or "]" or "}") }
            || (tokens[i - 1].Kind == TokenKind.Identifier && Keywords.Contains(tokens[i - 1].Raw));

        private void EmitAll(int from, int to)
        {
            for (var i = from; i < to; i++)
            {
                if (i > from && Apart(i))
                    Space();
                Emit(i);
            }
        }

        private void Inside(Action write)
        {
            indent++;
            Line();
            write();
            indent--;
            Line();
        }

        private void Space() => space = true;

        private void Line()
        {
            if (broken)
                return;
            text.Append('\n');
            (column, broken, space, comment) = (0, true, false, false);
        }

        private void Blank()
        {
            Line();
            text.Append('\n');
        }

        private void Before(int i)
        {
            if (before[i].Count == 0)
                return;
            Line();
            foreach (var one in before[i])
            {
                text.Append(' ', indent * 2).Append(one.Text).Append('\n');
                if (one.BlankAfter)
                    text.Append('\n');
            }
        }

        private void Emit(int i)
        {
            Before(i);
            if (comment)
                Line();
            if (broken)
            {
                text.Append(' ', indent * 2);
                column = indent * 2;
            }
            else if (space)
            {
                text.Append(' ');
                column++;
            }

            var raw = source[tokens[i].Offset..tokens[i].End];
            text.Append(raw);
            column += raw.Length;
            (broken, space) = (false, false);
            if (behind[i] is not { } after)
                return;

            text.Append(' ').Append(after);
            comment = true;
        }
    }
}
