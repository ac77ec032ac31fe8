using System.Globalization;

namespace Mumega.Cedar;

/// <summary>Reads Cedar policy text by recursive descent over the grammar of the Cedar specification.</summary>
internal sealed class Parser : TokenReader
{
    private const int MaxDepth = 400;

    // A chain such as a.b.c.d nests without parentheses.
    private const int MaxChain = 1_000;

    private static readonly HashSet<string> Reserved = ["true", "false", "if", "then", "else", "in", "like", "has", "is", "__cedar"];

    private readonly SourceText source;
    private int depth;

    private Parser(string source)
        : base(source) => this.source = new(source);

    public static List<Policy> Policies(string source)
    {
        var parser = new Parser(source);
        var policies = new List<Policy>();
        for (var position = 0; parser.Peek.Kind != TokenKind.End; position++)
        {
            try
            {
                policies.Add(parser.Policy(position));
            }
            catch (Lost)
            {
                parser.Recover();
                parser.depth = 0;
            }
        }

        parser.lexer.ThrowIfAny();
        return policies;
    }

    /// <summary>Whether the text is a name as types have it: identifiers that are not reserved, joined by <c>::</c>.</summary>
    public static bool IsName(string text)
    {
        foreach (var part in text.Split("::"))
        {
            if (!IsIdentifier(part))
                return false;
        }

        return true;
    }

    /// <summary>Whether the text can name an attribute without quotes.</summary>
    public static bool IsIdentifier(string text) =>
        text.Length > 0
        && !Reserved.Contains(text)
        && (char.IsAsciiLetter(text[0]) || text[0] == '_')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private Policy Policy(int position)
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

            if (!annotations.TryAdd(name.Raw, value))
                Report(name.Offset, $"duplicate annotation `@{name.Raw}`");
        }

        if (Peek.Kind != TokenKind.Identifier)
            throw Unexpected("`permit` or `forbid`");
        var word = tokens[at++];
        if (word.Raw is not ("permit" or "forbid"))
            throw Stop(word.Offset, $"expected `permit` or `forbid`, not `{word.Raw}`");

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
            var text = source.Text[from..tokens[at - 1].End];
            Expect("}");
            conditions.Add(new(unless, body, text));
        }

        Expect(";");
        return new(
            position,
            null,
            word.Raw == "permit" ? Effect.Permit : Effect.Forbid,
            annotations,
            [principal, action, resource],
            conditions,
            source,
            start,
            tokens[at - 1].End
        );
    }

    private Scope EntityScope(string keyword, Variable variable)
    {
        var start = Peek.Offset;
        ExpectWord(keyword);
        if (Accept("=="))
            return EntityOrSlot(ScopeKind.Equal, null);
        if (AcceptWord("in"))
            return EntityOrSlot(ScopeKind.In, null);
        if (!AcceptWord("is"))
            return new(variable, ScopeKind.Any, null, [], Offset: start);

        start = Peek.Offset;
        var type = Name();
        return AcceptWord("in") ? EntityOrSlot(ScopeKind.IsIn, type) : new(variable, ScopeKind.Is, type, [], Offset: start);

        // A mistake is reported at the name that it is in.
        Scope EntityOrSlot(ScopeKind kind, string? type)
        {
            if (type is null)
                start = Peek.Offset;
            if (!Next("?"))
                return new(variable, kind, type, [EntityLiteral()], Offset: start);
            var slot = tokens[at++].Offset;
            var name = Expect(TokenKind.Identifier, $"`{keyword}`");
            if (name.Raw != keyword)
                Report(slot, $"the slot of the {keyword} is `?{keyword}`, not `?{name.Raw}`");
            return new(variable, kind, type, [], Slot: true, Offset: start);
        }
    }

    private Scope ActionScope()
    {
        var start = Peek.Offset;
        ExpectWord("action");
        if (Accept("=="))
        {
            start = Peek.Offset;
            return new(Variable.Action, ScopeKind.Equal, null, [ActionLiteral()], Offset: start);
        }

        if (!AcceptWord("in"))
            return new(Variable.Action, ScopeKind.Any, null, [], Offset: start);
        start = Peek.Offset;
        if (!Accept("["))
            return new(Variable.Action, ScopeKind.In, null, [ActionLiteral()], Offset: start);

        var items = new List<EntityUid>();
        while (!Accept("]"))
        {
            items.Add(ActionLiteral());
            if (!Accept(",") && !Next("]"))
                throw Unexpected("`,` or `]`");
        }

        return new(Variable.Action, ScopeKind.In, null, items, Listed: true, Offset: start);
    }

    private EntityUid ActionLiteral()
    {
        var offset = Peek.Offset;
        var uid = EntityLiteral();
        if (!IsAction(uid.Type))
            Report(offset, $"`{uid}` is not an action: its type must be `Action`");
        return uid;
    }

    /// <summary>Whether entities of the type are actions.</summary>
    public static bool IsAction(string type) => type == "Action" || type.EndsWith("::Action", StringComparison.Ordinal);

    private EntityUid EntityLiteral()
    {
        var type = Ident();
        while (true)
        {
            Expect("::");
            if (Peek.Kind == TokenKind.String)
                return new(type, lexer.Unescape(tokens[at++]));
            type += "::" + Ident();
        }
    }

    private string Name()
    {
        var name = Ident();
        while (Accept("::"))
            name += "::" + Ident();
        return name;
    }

    private Expr Expression()
    {
        if (++depth > MaxDepth)
            throw TooDeep();

        Expr expr;
        var start = Peek.Offset;
        if (AcceptWord("if"))
        {
            var test = Expression();
            ExpectWord("then");
            var then = Expression();
            ExpectWord("else");
            expr = new If(test, then, Expression()) { Offset = start };
        }
        else
        {
            expr = Or();
        }

        depth--;
        return expr;
    }

    private Lost TooDeep() => Stop(Peek.Offset, "this expression is nested too deeply");

    private Expr Chained(Expr expr) => expr.Depth > MaxChain ? throw TooDeep() : expr;

    private Expr Or()
    {
        var first = And();
        if (!Next("||"))
            return first;

        var start = Peek.Offset;
        var operands = new List<Expr> { first };
        while (Accept("||"))
            operands.Add(And());
        return new Or(operands) { Offset = start };
    }

    private Expr And()
    {
        var first = Relation();
        if (!Next("&&"))
            return first;

        var start = Peek.Offset;
        var operands = new List<Expr> { first };
        while (Accept("&&"))
            operands.Add(Relation());
        return new And(operands) { Offset = start };
    }

    private Expr Relation()
    {
        var left = Add();
        var op = Peek;
        if (op.Kind == TokenKind.Symbol)
        {
            switch (op.Raw)
            {
                case "==":
                    at++;
                    return new Equality(false, left, Add()) { Offset = op.Offset };
                case "!=":
                    at++;
                    return new Equality(true, left, Add()) { Offset = op.Offset };
                case "<" or "<=" or ">" or ">=":
                    at++;
                    return new Comparison(op.Raw, left, Add()) { Offset = op.Offset };
                default:
                    return left;
            }
        }

        if (AcceptWord("in"))
            return new In(left, Add()) { Offset = op.Offset };
        if (AcceptWord("like"))
            return new Like(left, lexer.Pattern(Expect(TokenKind.String, "a pattern"))) { Offset = op.Offset };
        if (AcceptWord("has"))
            return Has(left, op.Offset);
        if (!AcceptWord("is"))
            return left;

        var type = Name();
        return new Is(left, type, AcceptWord("in") ? Add() : null) { Offset = op.Offset };
    }

    private BoolExpr Has(Expr target, int offset)
    {
        if (Peek.Kind == TokenKind.String)
            return new HasAttribute(target, lexer.Unescape(tokens[at++])) { Offset = offset };

        var names = new List<string> { Ident() };
        while (Accept("."))
        {
            names.Add(Ident());
            if (names.Count > MaxChain)
                throw TooDeep();
        }

        return names.Count == 1 ? new HasAttribute(target, names[0]) { Offset = offset } : new HasPath(target, names, offset);
    }

    private Expr Add()
    {
        var left = Multiply();
        while (Peek is { Kind: TokenKind.Symbol, Raw: "+" or "-" } op)
        {
            at++;
            left = Chained(new Arithmetic(op.Raw[0], left, Multiply()) { Offset = op.Offset });
        }

        return left;
    }

    private Expr Multiply()
    {
        var left = Unary();
        while (Peek is { Kind: TokenKind.Symbol, Raw: "*" } op)
        {
            at++;
            left = Chained(new Arithmetic('*', left, Unary()) { Offset = op.Offset });
        }

        return left;
    }

    private Expr Unary()
    {
        if (Peek is not { Kind: TokenKind.Symbol, Raw: "!" or "-" })
            return Member();
        var op = Peek.Raw;
        var offset = Peek.Offset;
        var count = 0;
        while (Accept(op))
            count++;
        if (count > 4)
            throw Stop(offset, $"at most four `{op}` may stand in a row");

        // -9223372036854775808 is in range although its positive half is not.
        if (op == "-" && Peek.Kind == TokenKind.Number && tokens[at + 1] is not { Kind: TokenKind.Symbol, Raw: "." or "[" })
        {
            count--;
            Expr number = new Literal(Number(tokens[at++], negative: true)) { Offset = offset };
            for (; count > 0; count--)
                number = new Negate(number) { Offset = offset };
            return number;
        }

        var operand = Member();
        for (; count > 0; count--)
            operand = op == "!" ? new Not(operand) { Offset = offset } : new Negate(operand) { Offset = offset };
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
                it = Chained(Accept("(") ? Method(name, it) : new GetAttribute(it, name.Raw) { Offset = name.Offset });
            }
            else if (Accept("["))
            {
                var name = Expect(TokenKind.String, "a string");
                it = Chained(new GetAttribute(it, lexer.Unescape(name)) { Offset = name.Offset });
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
        if (!Call.Methods.TryGetValue(name.Raw, out var arity))
            throw Stop(
                name.Offset,
                $"there is no method `{name.Raw}`{(Call.Functions.ContainsKey(name.Raw) ? $"; `{name.Raw}` is a function" : Suggest(name.Raw, Call.Methods.Keys))}"
            );
        if (arguments.Count + 1 != arity && Call.IsCore(name.Raw))
            Report(name.Offset, $"`{name.Raw}` takes {arity - 1} argument(s), not {arguments.Count}");
        return new(name.Raw, [receiver, .. arguments]) { Offset = name.Offset };
    }

    private static string Suggest(string name, IEnumerable<string> known) =>
        Spelling.Closest(name, known) is { } close ? $"; did you mean `{close}`?" : "";

    private Expr Primary()
    {
        var token = Peek;
        switch (token.Kind)
        {
            case TokenKind.Number:
                at++;
                return new Literal(Number(token, negative: false)) { Offset = token.Offset };
            case TokenKind.String:
                at++;
                return new Literal(Value.Of(lexer.Unescape(token))) { Offset = token.Offset };
            case TokenKind.Symbol when Accept("("):
                var inner = Expression();
                Expect(")");
                return inner;
            case TokenKind.Symbol when Accept("["):
                return new SetLiteral(Arguments("]")) { Offset = token.Offset };
            case TokenKind.Symbol when Accept("{"):
                return Record(token.Offset);
            case TokenKind.Symbol when token.Raw == "?":
                throw Stop(token.Offset, "a slot may only stand in the head of a policy, behind `==` or `in`");
            case TokenKind.Identifier when token.Raw is "true" or "false":
                at++;
                return new Literal(Value.Of(token.Raw == "true")) { Offset = token.Offset };
            case TokenKind.Identifier when tokens[at + 1].Raw != "::" && Variables.TryGetValue(token.Raw, out var variable):
                at++;
                return new VariableExpr(variable) { Offset = token.Offset };
            case TokenKind.Identifier:
                return NameOrCall();
            default:
                throw Unexpected("an expression");
        }
    }

    /// <summary>The variables of the language by name.</summary>
    public static readonly IReadOnlyDictionary<string, Variable> Variables = new Dictionary<string, Variable>(StringComparer.Ordinal)
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
            if (Peek.Kind == TokenKind.String)
                return new Literal(new EntityUid(name, lexer.Unescape(tokens[at++]))) { Offset = start.Offset };
            name += "::" + Ident();
        }

        if (!Accept("("))
            throw Stop(
                start.Offset,
                $"`{name}` is not a variable{(Variables.Keys.FirstOrDefault(v => v == Spelling.Closest(name, Variables.Keys)) is { } close ? $"; did you mean `{close}`?" : "; did you mean a string or an entity?")}"
            );

        var arguments = Arguments(")");
        if (!Call.Functions.ContainsKey(name))
            throw Stop(
                start.Offset,
                $"there is no function `{name}`{(Call.Methods.ContainsKey(name) ? $"; `{name}` is a method, written behind a point" : Suggest(name, Call.Functions.Keys))}"
            );
        return new Call(name, arguments) { Offset = start.Offset };
    }

    private RecordLiteral Record(int offset)
    {
        var fields = new List<KeyValuePair<string, Expr>>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!Accept("}"))
        {
            var key = Peek;
            var name = key.Kind == TokenKind.String ? lexer.Unescape(tokens[at++]) : Ident();
            if (!seen.Add(name))
                Report(key.Offset, $"duplicate key `{name}` in a record");
            Expect(":");
            fields.Add(new(name, Expression()));
            if (!Accept(",") && !Next("}"))
                throw Unexpected("`,` or `}`");
        }

        return new(fields) { Offset = offset };
    }

    private List<Expr> Arguments(string close)
    {
        var items = new List<Expr>();
        while (!Accept(close))
        {
            items.Add(Expression());
            if (!Accept(",") && !Next(close))
                throw Unexpected($"`,` or `{close}`");
        }

        return items;
    }

    private Value Number(Token token, bool negative)
    {
        if (long.TryParse((negative ? "-" : "") + token.Raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            return Value.Of(value);
        Report(token.Offset, $"integer literal `{token.Raw}` is out of range");
        return Value.Of(0);
    }

    private string Ident() => IdentToken().Raw;

    private Token IdentToken()
    {
        var token = Expect(TokenKind.Identifier, "a name");
        if (Reserved.Contains(token.Raw))
            throw Stop(token.Offset, $"`{token.Raw}` is a reserved word");
        return token;
    }
}
