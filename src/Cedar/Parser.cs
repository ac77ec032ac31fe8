using System.Globalization;

namespace Mumega.Cedar;

/// <summary>Reads Cedar policy text by recursive descent over the grammar of the Cedar specification.</summary>
internal sealed class Parser : TokenReader
{
    private const int MaxDepth = 400;

    private static readonly HashSet<string> Reserved = ["true", "false", "if", "then", "else", "in", "like", "has", "is", "__cedar"];

    private readonly string source;
    private int depth;

    private Parser(string source) : base(source) => this.source = source;

    public static List<Policy> Policies(string source)
    {
        var parser = new Parser(source);
        var policies = new List<Policy>();
        while (parser.Peek.Kind != TokenKind.End) policies.Add(parser.Policy(policies.Count));
        return policies;
    }

    /// <summary>Whether the text is a name as types have it: identifiers that are not reserved, joined by <c>::</c>.</summary>
    public static bool IsName(string text)
    {
        foreach (var part in text.Split("::"))
        {
            if (part.Length == 0 || Reserved.Contains(part) || !(char.IsAsciiLetter(part[0]) || part[0] == '_') || !part.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')) return false;
        }

        return true;
    }

    private Policy Policy(int index)
    {
        var start = Peek.Offset;
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        while (Accept("@"))
        {
            var name = Expect(TokenKind.Identifier, "an annotation name");
            var value = "";
            if (Accept("("))
            {
                value = lexer.Unescape(Expect(TokenKind.String, "a string"));
                Expect(")");
            }

            if (!annotations.TryAdd(name.Raw, value)) throw lexer.Error(name.Offset, $"duplicate annotation `@{name.Raw}`");
        }

        var word = Expect(TokenKind.Identifier, "`permit` or `forbid`");
        if (word.Raw is not ("permit" or "forbid")) throw lexer.Error(word.Offset, $"expected `permit` or `forbid`, not `{word.Raw}`");

        Expect("(");
        var principal = EntityScope("principal", Variable.Principal);
        Expect(",");
        var action = ActionScope();
        Expect(",");
        var resource = EntityScope("resource", Variable.Resource);
        Accept(",");
        Expect(")");

        var conditions = new List<Condition>();
        while (Peek is { Kind: TokenKind.Identifier, Raw: "when" or "unless" })
        {
            var unless = tokens[at++].Raw == "unless";
            Expect("{");
            var from = Peek.Offset;
            var body = Expression();
            var text = source[from..Peek.Offset].Trim();
            Expect("}");
            conditions.Add(new(unless, body, text));
        }

        Expect(";");
        return new(index, word.Raw == "permit" ? Effect.Permit : Effect.Forbid, annotations, [principal, action, resource], conditions,
            source[start..(tokens[at - 1].Offset + 1)]);
    }

    private Expr EntityScope(string keyword, Variable variable)
    {
        ExpectWord(keyword);
        var it = new VariableExpr(variable);
        if (Accept("==")) return new Equality(false, it, new Literal(EntityLiteral()));
        if (AcceptWord("in")) return new In(it, new Literal(EntityLiteral()));
        if (!AcceptWord("is")) return new Literal(BoolValue.True);

        var type = new Is(it, Name());
        return AcceptWord("in") ? new And(type, new In(it, new Literal(EntityLiteral()))) : type;
    }

    private Expr ActionScope()
    {
        ExpectWord("action");
        var it = new VariableExpr(Variable.Action);
        if (Accept("==")) return new Equality(false, it, new Literal(ActionLiteral()));
        if (!AcceptWord("in")) return new Literal(BoolValue.True);
        if (!Accept("[")) return new In(it, new Literal(ActionLiteral()));

        var items = new List<Value>();
        while (!Accept("]"))
        {
            items.Add(ActionLiteral());
            if (!Accept(",") && Peek.Raw != "]") throw Unexpected("`,` or `]`");
        }

        return new In(it, new Literal(new SetValue(items)));
    }

    private EntityUid ActionLiteral()
    {
        var offset = Peek.Offset;
        var uid = EntityLiteral();
        return uid.Type == "Action" || uid.Type.EndsWith("::Action", StringComparison.Ordinal)
            ? uid
            : throw lexer.Error(offset, $"`{uid}` is not an action: its type must be `Action`");
    }

    private EntityUid EntityLiteral()
    {
        var type = Ident();
        while (true)
        {
            Expect("::");
            if (Peek.Kind == TokenKind.String) return new(type, lexer.Unescape(tokens[at++]));
            type += "::" + Ident();
        }
    }

    private string Name()
    {
        var name = Ident();
        while (Accept("::")) name += "::" + Ident();
        return name;
    }

    private Expr Expression()
    {
        if (++depth > MaxDepth) throw lexer.Error(Peek.Offset, "this expression is nested too deeply");
        try
        {
            if (!AcceptWord("if")) return Or();

            var test = Expression();
            ExpectWord("then");
            var then = Expression();
            ExpectWord("else");
            return new If(test, then, Expression());
        }
        finally
        {
            depth--;
        }
    }

    private Expr Or()
    {
        var left = And();
        while (Accept("||")) left = new Or(left, And());
        return left;
    }

    private Expr And()
    {
        var left = Relation();
        while (Accept("&&")) left = new And(left, Relation());
        return left;
    }

    private Expr Relation()
    {
        var left = Add();
        var op = Peek;
        if (op.Kind == TokenKind.Symbol)
        {
            switch (op.Raw)
            {
                case "==": at++; return new Equality(false, left, Add());
                case "!=": at++; return new Equality(true, left, Add());
                case "<" or "<=" or ">" or ">=": at++; return new Comparison(op.Raw, left, Add());
                default: return left;
            }
        }

        if (AcceptWord("in")) return new In(left, Add());
        if (AcceptWord("like")) return new Like(left, lexer.Pattern(Expect(TokenKind.String, "a pattern")));
        if (AcceptWord("has")) return Has(left);
        if (!AcceptWord("is")) return left;

        var type = new Is(left, Name());
        return AcceptWord("in") ? new And(type, new In(left, Add())) : type;
    }

    // `a has b.c` means `a has b && a.b has c`.
    private Expr Has(Expr target)
    {
        if (Peek.Kind == TokenKind.String) return new HasAttribute(target, lexer.Unescape(tokens[at++]));

        var name = Ident();
        Expr test = new HasAttribute(target, name);
        while (Accept("."))
        {
            target = new GetAttribute(target, name);
            name = Ident();
            test = new And(test, new HasAttribute(target, name));
        }

        return test;
    }

    private Expr Add()
    {
        var left = Multiply();
        while (Peek is { Kind: TokenKind.Symbol, Raw: "+" or "-" }) left = new Arithmetic(tokens[at++].Raw[0], left, Multiply());
        return left;
    }

    private Expr Multiply()
    {
        var left = Unary();
        while (Accept("*")) left = new Arithmetic('*', left, Unary());
        return left;
    }

    private Expr Unary()
    {
        if (Peek is not { Kind: TokenKind.Symbol, Raw: "!" or "-" }) return Member();
        var op = Peek.Raw;
        var offset = Peek.Offset;
        var count = 0;
        while (Accept(op)) count++;
        if (count > 4) throw lexer.Error(offset, $"at most four `{op}` may stand in a row");

        // -9223372036854775808 is in range although its positive half is not.
        if (op == "-" && Peek.Kind == TokenKind.Number && tokens[at + 1] is not { Kind: TokenKind.Symbol, Raw: "." or "[" })
        {
            count--;
            Expr number = new Literal(Number(tokens[at++], negative: true));
            for (; count > 0; count--) number = new Negate(number);
            return number;
        }

        var operand = Member();
        for (; count > 0; count--) operand = op == "!" ? new Not(operand) : new Negate(operand);
        return operand;
    }

    private Expr Member()
    {
        var it = Primary();
        while (true)
        {
            if (Accept("."))
            {
                var name = IdentToken();
                it = Accept("(") ? Method(name, it) : new GetAttribute(it, name.Raw);
            }
            else if (Accept("["))
            {
                it = new GetAttribute(it, lexer.Unescape(Expect(TokenKind.String, "a string")));
                Expect("]");
            }
            else
            {
                return it;
            }
        }
    }

    private Call Method(Token name, Expr receiver)
    {
        var arguments = Arguments(")");
        if (!Call.Methods.TryGetValue(name.Raw, out var arity)) throw lexer.Error(name.Offset, $"there is no method `{name.Raw}`");
        if (arguments.Count + 1 != arity && Call.IsCore(name.Raw))
            throw lexer.Error(name.Offset, $"`{name.Raw}` takes {arity - 1} argument(s), not {arguments.Count}");
        return new(name.Raw, [receiver, .. arguments]);
    }

    private Expr Primary()
    {
        var token = Peek;
        switch (token.Kind)
        {
            case TokenKind.Number:
                at++;
                return new Literal(Number(token, negative: false));
            case TokenKind.String:
                at++;
                return new Literal(Value.Of(lexer.Unescape(token)));
            case TokenKind.Symbol when Accept("("):
                var inner = Expression();
                Expect(")");
                return inner;
            case TokenKind.Symbol when Accept("["):
                return new SetLiteral(Arguments("]"));
            case TokenKind.Symbol when Accept("{"):
                return Record();
            case TokenKind.Identifier when token.Raw is "true" or "false":
                at++;
                return new Literal(Value.Of(token.Raw == "true"));
            case TokenKind.Identifier when tokens[at + 1].Raw != "::" && Variables.TryGetValue(token.Raw, out var variable):
                at++;
                return new VariableExpr(variable);
            case TokenKind.Identifier:
                return NameOrCall();
            default:
                throw Unexpected("an expression");
        }
    }

    private static readonly Dictionary<string, Variable> Variables = new(StringComparer.Ordinal)
    {
        ["principal"] = Variable.Principal,
        ["action"] = Variable.Action,
        ["resource"] = Variable.Resource,
        ["context"] = Variable.Context,
    };

    private Expr NameOrCall()
    {
        var start = Peek;
        var name = Ident();
        while (Accept("::"))
        {
            if (Peek.Kind == TokenKind.String) return new Literal(new EntityUid(name, lexer.Unescape(tokens[at++])));
            name += "::" + Ident();
        }

        if (!Accept("(")) throw lexer.Error(start.Offset, $"`{name}` is not a variable; did you mean a string or an entity?");

        var arguments = Arguments(")");
        if (!Call.Functions.ContainsKey(name)) throw lexer.Error(start.Offset, $"there is no function `{name}`");
        return new Call(name, arguments);
    }

    private RecordLiteral Record()
    {
        var fields = new List<KeyValuePair<string, Expr>>();
        while (!Accept("}"))
        {
            var key = Peek;
            var name = key.Kind == TokenKind.String ? lexer.Unescape(tokens[at++]) : Ident();
            if (fields.Any(f => f.Key == name)) throw lexer.Error(key.Offset, $"duplicate key `{name}` in a record");
            Expect(":");
            fields.Add(new(name, Expression()));
            if (!Accept(",") && Peek.Raw != "}") throw Unexpected("`,` or `}`");
        }

        return new(fields);
    }

    private List<Expr> Arguments(string close)
    {
        var items = new List<Expr>();
        while (!Accept(close))
        {
            items.Add(Expression());
            if (!Accept(",") && !(Peek.Kind == TokenKind.Symbol && Peek.Raw == close)) throw Unexpected($"`,` or `{close}`");
        }

        return items;
    }

    private Value Number(Token token, bool negative) =>
        long.TryParse((negative ? "-" : "") + token.Raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? Value.Of(value)
            : throw lexer.Error(token.Offset, $"integer literal `{token.Raw}` is out of range");

    private string Ident() => IdentToken().Raw;

    private Token IdentToken()
    {
        var token = AnyIdent();
        return Reserved.Contains(token.Raw) ? throw lexer.Error(token.Offset, $"`{token.Raw}` is a reserved word") : token;
    }

    private Token AnyIdent() => Expect(TokenKind.Identifier, "a name");
}
