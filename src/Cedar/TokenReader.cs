namespace Mumega.Cedar;

/// <summary>Goes through the tokens of a text, one after the other.</summary>
internal abstract class TokenReader
{
    protected readonly Lexer lexer;
    protected readonly List<Token> tokens;
    protected int at;

    protected TokenReader(string source)
    {
        lexer = new(source);
        tokens = lexer.All();
    }

    /// <summary>Reading can't go on here; what is wrong was reported. Caught where it can go on again.</summary>
    protected sealed class Lost : Exception;

    protected Token Peek => tokens[at];

    protected bool Next(string symbol) => Peek.Kind == TokenKind.Symbol && Peek.Raw == symbol;

    protected bool Accept(string symbol)
    {
        if (!Next(symbol))
            return false;
        at++;
        return true;
    }

    protected bool AcceptWord(string word)
    {
        if (Peek.Kind != TokenKind.Identifier || Peek.Raw != word)
            return false;
        at++;
        return true;
    }

    protected void Expect(string symbol)
    {
        if (!Accept(symbol))
            throw Unexpected($"`{symbol}`");
    }

    protected void ExpectWord(string word)
    {
        if (!AcceptWord(word))
            throw Unexpected($"`{word}`");
    }

    protected Token Expect(TokenKind kind, string what) => Peek.Kind == kind ? tokens[at++] : throw Unexpected(what);

    protected void Report(int offset, string problem) => lexer.Report(offset, problem);

    protected Lost Stop(int offset, string problem)
    {
        Report(offset, problem);
        return new();
    }

    protected Lost Unexpected(string wanted) =>
        Stop(
            Peek.Offset,
            Peek.Kind == TokenKind.End
                ? $"expected {wanted}, found the end of the text"
                : $"expected {wanted}, found {(Peek.Kind == TokenKind.String ? Text.Quote(Peek.Raw) : $"`{Peek.Raw}`")}"
        );

    /// <summary>Goes on behind the next semicolon: Cedar has none inside a policy or declaration.</summary>
    protected void Recover()
    {
        while (Peek.Kind != TokenKind.End && !Accept(";"))
            at++;
    }
}
