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

    protected Token Peek => tokens[at];

    protected bool Accept(string symbol)
    {
        if (Peek.Kind != TokenKind.Symbol || Peek.Raw != symbol) return false;
        at++;
        return true;
    }

    protected bool AcceptWord(string word)
    {
        if (Peek.Kind != TokenKind.Identifier || Peek.Raw != word) return false;
        at++;
        return true;
    }

    protected void Expect(string symbol)
    {
        if (!Accept(symbol)) throw Unexpected($"`{symbol}`");
    }

    protected void ExpectWord(string word)
    {
        if (!AcceptWord(word)) throw Unexpected($"`{word}`");
    }

    protected Token Expect(TokenKind kind, string what) => Peek.Kind == kind ? tokens[at++] : throw Unexpected(what);

    protected CedarSyntaxException Unexpected(string wanted) =>
        lexer.Error(Peek.Offset, Peek.Kind == TokenKind.End ? $"expected {wanted}, found the end of the text" : $"expected {wanted}, found `{Peek.Raw}`");
}
