using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Mumega.Cedar;

/// <summary>Something wrong at a place in a text.</summary>
/// <param name="Line">From 1; 0 when the text is not known.</param>
/// <param name="Column">From 1, in UTF-16 units.</param>
public sealed record Diagnostic(int Line, int Column, string Message)
{
    public override string ToString() => Line > 0 ? $"{Line}:{Column}: {Message}" : Message;
}

/// <summary>Text that is not Cedar. Carries where and why; after a mistake reading goes on with the next policy or declaration.</summary>
public sealed class CedarSyntaxException : Exception
{
    internal CedarSyntaxException(IReadOnlyList<Diagnostic> diagnostics)
        : base(string.Join('\n', diagnostics)) => Diagnostics = diagnostics;

    /// <summary>Everything found, in the order of the text; at least one, at most a hundred.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }

    /// <summary>The first of them.</summary>
    public Diagnostic Diagnostic => Diagnostics[0];
}

internal enum TokenKind
{
    Identifier,
    Number,
    String,
    Symbol,
    End,
}

/// <param name="Raw">For a string: its text between the quotes, escapes not yet read (a pattern reads them differently).</param>
/// <param name="End">The offset behind its last character.</param>
internal readonly record struct Token(TokenKind Kind, string Raw, int Offset, int End);

/// <summary>Splits a text into tokens. What is no token is reported and left out.</summary>
internal sealed class Lexer(string source)
{
    private const int MaxDiagnostics = 100;

    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> Words = new[]
    {
        "permit",
        "forbid",
        "principal",
        "action",
        "resource",
        "context",
        "when",
        "unless",
        "if",
        "then",
        "else",
        "in",
        "is",
        "has",
        "like",
        "true",
        "false",
        "id",
        "contains",
        "User",
        "Action",
    }
        .ToFrozenDictionary(w => w, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly List<(int Offset, string Message)> problems = [];
    private int at;

    public List<Token> All()
    {
        var tokens = new List<Token>(source.Length / 4 + 1);
        while (true)
        {
            SkipBlank();
            if (at >= source.Length)
            {
                tokens.Add(new(TokenKind.End, "", source.Length, source.Length));
                return tokens;
            }

            if (Next() is { } token)
                tokens.Add(token);
        }
    }

    public void Report(int offset, string message)
    {
        if (problems.Count < MaxDiagnostics)
            problems.Add((offset, message));
    }

    public void ThrowIfAny()
    {
        if (problems.Count == 0)
            return;
        var text = new SourceText(source);
        throw new CedarSyntaxException([.. problems.OrderBy(p => p.Offset).Select(p => text.At(p.Offset, p.Message))]);
    }

    private void SkipBlank()
    {
        while (at < source.Length)
        {
            if (char.IsWhiteSpace(source[at]))
                at++;
            else if (source[at] == '/' && at + 1 < source.Length && source[at + 1] == '/')
                while (at < source.Length && source[at] is not ('\n' or '\r'))
                    at++;
            else
                return;
        }
    }

    private Token? Next()
    {
        var start = at;
        var c = source[at];
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < source.Length && (char.IsAsciiLetterOrDigit(source[at]) || source[at] == '_'))
                at++;
            var word = source.AsSpan(start, at - start);
            return new(TokenKind.Identifier, Words.TryGetValue(word, out var known) ? known : word.ToString(), start, at);
        }

        if (char.IsAsciiDigit(c))
        {
            while (at < source.Length && char.IsAsciiDigit(source[at]))
                at++;
            return new(TokenKind.Number, source[start..at], start, at);
        }

        if (c == '"')
            return String();

        if (Symbol(c, at + 1 < source.Length ? source[at + 1] : '\0') is { } symbol)
        {
            at += symbol.Length;
            return new(TokenKind.Symbol, symbol, start, at);
        }

        at += char.IsHighSurrogate(c) && at + 1 < source.Length && char.IsLowSurrogate(source[at + 1]) ? 2 : 1;
        Report(start, char.IsSurrogate(c) && at == start + 1 ? "this is not valid Unicode" : $"unexpected character `{source[start..at]}`");
        return null;
    }

    private static string? Symbol(char c, char next) =>
        c switch
        {
            ':' => next == ':' ? "::" : ":",
            '=' => next == '=' ? "==" : "=",
            '!' => next == '=' ? "!=" : "!",
            '<' => next == '=' ? "<=" : "<",
            '>' => next == '=' ? ">=" : ">",
            '&' when next == '&' => "&&",
            '|' when next == '|' => "||",
            '(' => "(",
            ')' => ")",
            '{' => "{",
            '}' => "}",
            '[' => "[",
            ']' => "]",
            '+' => "+",
            '-' => "-",
            '*' => "*",
            '.' => ".",
            ',' => ",",
            ';' => ";",
            '@' => "@",
            '?' => "?",
            _ => null,
        };

    private Token? String()
    {
        var start = at++;
        while (at < source.Length && source[at] != '"')
            at += source[at] == '\\' ? 2 : 1;
        if (at >= source.Length)
        {
            at = source.Length;
            Report(start, "this string is not closed");
            return null;
        }

        at++;
        return new(TokenKind.String, source[(start + 1)..(at - 1)], start, at);
    }

    /// <summary>Reads the escapes of a string literal.</summary>
    public string Unescape(Token token)
    {
        if (!token.Raw.Contains('\\') && IsText(token))
            return token.Raw;
        return string.Concat(Elements(token, pattern: false).Select(c => c!.ToString()));
    }

    /// <summary>Reads a pattern literal: null stands for a wildcard, <c>\*</c> for a star.</summary>
    public IReadOnlyList<char?> Pattern(Token token)
    {
        IsText(token);
        return Elements(token, pattern: true);
    }

    private bool IsText(Token token)
    {
        for (var i = 0; i < token.Raw.Length; i++)
        {
            if (!char.IsSurrogate(token.Raw[i]))
                continue;
            if (!char.IsHighSurrogate(token.Raw[i]) || i + 1 == token.Raw.Length || !char.IsLowSurrogate(token.Raw[++i]))
            {
                Report(token.Offset, "this string is not valid Unicode");
                return false;
            }
        }

        return true;
    }

    private List<char?> Elements(Token token, bool pattern)
    {
        var found = new List<char?>(token.Raw.Length);
        var raw = token.Raw;
        for (var i = 0; i < raw.Length; i++)
        {
            if (pattern && raw[i] == '*')
                found.Add(null);
            else if (raw[i] != '\\')
                found.Add(raw[i]);
            else
                foreach (var c in Escape(token, ref i, pattern))
                    found.Add(c);
        }

        return found;
    }

    private string Escape(Token token, ref int i, bool pattern)
    {
        var raw = token.Raw;
        switch (raw[++i])
        {
            case 'n':
                return "\n";
            case 'r':
                return "\r";
            case 't':
                return "\t";
            case '0':
                return "\0";
            case '\\':
                return "\\";
            case '\'':
                return "'";
            case '"':
                return "\"";
            case '*' when pattern:
                return "*";
            case 'x'
                when i + 2 < raw.Length
                    && int.TryParse(raw.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                    && code < 0x80:
                i += 2;
                return ((char)code).ToString();
            case 'u' when i + 1 < raw.Length && raw[i + 1] == '{' && raw.IndexOf('}', i) is > 0 and var end:
                var digits = raw.AsSpan(i + 2, end - i - 2).ToString().Replace("_", "", StringComparison.Ordinal);
                if (
                    digits.Length is < 1 or > 6
                    || !int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rune)
                    || !Rune.IsValid(rune)
                )
                    break;
                i = end;
                return new Rune(rune).ToString();
        }

        Report(token.Offset + i, $"`\\{raw[i]}` is not an escape sequence");
        return "";
    }
}

/// <summary>A text in which offsets are given as line and column.</summary>
internal sealed class SourceText(string text)
{
    private int[]? lines;

    public string Text => text;

    public Diagnostic At(int offset, string message)
    {
        if (offset < 0)
            return new(0, 0, message);

        var starts = lines ??= [0, .. text.Index().Where(c => c.Item == '\n').Select(c => c.Index + 1)];
        var line = Array.BinarySearch(starts, offset);
        if (line < 0)
            line = ~line - 1;
        return new(line + 1, offset - starts[line] + 1, message);
    }
}
