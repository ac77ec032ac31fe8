using System.Globalization;
using System.Text;

namespace Mumega.Cedar;

/// <summary>A place in policy text where reading it failed.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1, in UTF-16 units.</param>
public sealed record Diagnostic(int Line, int Column, string Message)
{
    public override string ToString() => $"{Line}:{Column}: {Message}";
}

/// <summary>Policy text that is not Cedar. Carries where and why.</summary>
public sealed class CedarSyntaxException(Diagnostic diagnostic) : Exception(diagnostic.ToString())
{
    public Diagnostic Diagnostic { get; } = diagnostic;
}

internal enum TokenKind { Identifier, Number, String, Symbol, End }

/// <param name="Raw">For a string: its text between the quotes, escapes not yet read (a pattern reads them differently).</param>
internal readonly record struct Token(TokenKind Kind, string Raw, int Offset);

internal sealed class Lexer(string source)
{
    private static readonly string[] Symbols =
        ["::", "==", "!=", "<=", ">=", "&&", "||", "(", ")", "{", "}", "[", "]", "<", ">", "+", "-", "*", "!", ".", ",", ";", ":", "@", "?", "="];

    private int at;

    public List<Token> All()
    {
        var tokens = new List<Token>();
        while (true)
        {
            SkipBlank();
            if (at == source.Length)
            {
                tokens.Add(new(TokenKind.End, "", at));
                return tokens;
            }

            tokens.Add(Next());
        }
    }

    public CedarSyntaxException Error(int offset, string message)
    {
        var before = source.AsSpan(0, Math.Min(offset, source.Length));
        var line = before.Count('\n') + 1;
        return new(new(line, before.Length - before.LastIndexOf('\n'), message));
    }

    private void SkipBlank()
    {
        while (at < source.Length)
        {
            if (char.IsWhiteSpace(source[at])) at++;
            else if (source.AsSpan(at).StartsWith("//"))
                while (at < source.Length && source[at] is not ('\n' or '\r')) at++;
            else return;
        }
    }

    private Token Next()
    {
        var start = at;
        var c = source[at];
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < source.Length && (char.IsAsciiLetterOrDigit(source[at]) || source[at] == '_')) at++;
            return new(TokenKind.Identifier, source[start..at], start);
        }

        if (char.IsAsciiDigit(c))
        {
            while (at < source.Length && char.IsAsciiDigit(source[at])) at++;
            return new(TokenKind.Number, source[start..at], start);
        }

        if (c == '"') return String();

        foreach (var symbol in Symbols)
        {
            if (!source.AsSpan(at).StartsWith(symbol)) continue;
            at += symbol.Length;
            return new(TokenKind.Symbol, symbol, start);
        }

        throw Error(start, $"unexpected character `{c}`");
    }

    private Token String()
    {
        var start = at++;
        while (at < source.Length && source[at] != '"') at += source[at] == '\\' ? 2 : 1;
        if (at >= source.Length) throw Error(start, "this string is not closed");
        at++;
        return new(TokenKind.String, source[(start + 1)..(at - 1)], start);
    }

    /// <summary>Reads the escapes of a string literal.</summary>
    public string Unescape(Token token) => string.Concat(Elements(token, pattern: false).Select(c => c!.ToString()));

    /// <summary>Reads a pattern literal: null stands for a wildcard, <c>\*</c> for a star.</summary>
    public List<char?> Pattern(Token token) => [.. Elements(token, pattern: true)];

    private List<char?> Elements(Token token, bool pattern)
    {
        var found = new List<char?>();
        var raw = token.Raw;
        for (var i = 0; i < raw.Length; i++)
        {
            if (pattern && raw[i] == '*') found.Add(null);
            else if (raw[i] != '\\') found.Add(raw[i]);
            else foreach (var c in Escape(token, ref i, pattern)) found.Add(c);
        }

        return found;
    }

    private string Escape(Token token, ref int i, bool pattern)
    {
        var raw = token.Raw;
        switch (raw[++i])
        {
            case 'n': return "\n";
            case 'r': return "\r";
            case 't': return "\t";
            case '0': return "\0";
            case '\\': return "\\";
            case '\'': return "'";
            case '"': return "\"";
            case '*' when pattern: return "*";
            case 'x' when i + 2 < raw.Length && int.TryParse(raw.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && code < 0x80:
                i += 2;
                return ((char)code).ToString();
            case 'u' when i + 1 < raw.Length && raw[i + 1] == '{' && raw.IndexOf('}', i) is > 0 and var end:
                var digits = raw.AsSpan(i + 2, end - i - 2).ToString().Replace("_", "", StringComparison.Ordinal);
                if (digits.Length is < 1 or > 6 || !int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rune) || !Rune.IsValid(rune))
                    break;
                i = end;
                return new Rune(rune).ToString();
        }

        throw Error(token.Offset, "this string has an invalid escape sequence");
    }
}
