namespace Mumega.Cedar;

/// <summary>Reads the schema syntax for people.</summary>
internal sealed class SchemaParser : TokenReader
{
    private const int MaxDepth = 200;

    private readonly SchemaResolver found;
    private int depth;

    private SchemaParser(string source)
        : base(source) => found = new(Report);

    public static Schema Read(string source)
    {
        var parser = new SchemaParser(source);
        while (parser.Peek.Kind != TokenKind.End)
            parser.Recovering(null);

        // Names that a broken declaration would have declared would be reported as unknown.
        parser.lexer.ThrowIfAny();
        var schema = parser.found.Resolve();
        parser.lexer.ThrowIfAny();
        return schema;
    }

    private void Recovering(string? space)
    {
        try
        {
            Annotations();
            if (space is null && Peek is { Kind: TokenKind.Identifier, Raw: "namespace" })
                Namespace();
            else
                Declaration(space ?? "");
        }
        catch (Lost)
        {
            Recover();
            depth = 0;
        }
    }

    private void Namespace()
    {
        at++;
        var start = Peek.Offset;
        var name = Path();
        found.AddNamespace(name, start);
        Expect("{");
        while (!Accept("}"))
        {
            if (Peek.Kind == TokenKind.End)
                throw Unexpected("`}`");
            Recovering(name);
        }
    }

    private void Annotations()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (Accept("@"))
        {
            var name = Expect(TokenKind.Identifier, "an annotation name");
            if (!seen.Add(name.Raw))
                Report(name.Offset, $"duplicate annotation `@{name.Raw}`");
            if (!Accept("("))
                continue;
            lexer.Unescape(Expect(TokenKind.String, "a string"));
            Expect(")");
        }
    }

    private void Declaration(string space)
    {
        var word = Expect(TokenKind.Identifier, "`entity`, `action` or `type`");
        switch (word.Raw)
        {
            case "entity":
                Entity(space);
                break;
            case "action":
                Action(space);
                break;
            case "type":
                Common(space);
                break;
            default:
                throw Stop(word.Offset, $"expected `entity`, `action` or `type`, not `{word.Raw}`");
        }

        Expect(";");
    }

    private void Entity(string space)
    {
        var names = new List<Token> { Ident() };
        while (Accept(","))
            names.Add(Ident());

        List<TypeName> memberOf = [];
        TypeSyntax? attributes = null,
            tags = null;
        List<string>? ids = null;
        if (AcceptWord("enum"))
        {
            Expect("[");
            ids = [];
            while (!Accept("]"))
            {
                ids.Add(lexer.Unescape(Expect(TokenKind.String, "a string")));
                if (!Accept(",") && !Next("]"))
                    throw Unexpected("`,` or `]`");
            }
        }
        else
        {
            if (AcceptWord("in"))
                memberOf = TypeNames();
            if (Accept("=") || Next("{"))
                attributes = RecordType();
            if (AcceptWord("tags"))
                tags = Type();
        }

        foreach (var name in names)
            found.Add(new EntityDecl(space, name.Raw, name.Offset, memberOf, attributes, tags, ids));
    }

    private void Action(string space)
    {
        var names = new List<Token> { ActionName() };
        while (Accept(","))
            names.Add(ActionName());

        List<ActionRef> memberOf = [];
        if (AcceptWord("in"))
        {
            if (Accept("["))
            {
                while (!Accept("]"))
                {
                    memberOf.Add(ActionReference());
                    if (!Accept(",") && !Next("]"))
                        throw Unexpected("`,` or `]`");
                }
            }
            else
            {
                memberOf.Add(ActionReference());
            }
        }

        List<TypeName>? principals = null,
            resources = null;
        TypeSyntax? context = null;
        var applies = AcceptWord("appliesTo");
        var start = Peek.Offset;
        if (applies)
        {
            Expect("{");
            while (!Accept("}"))
            {
                var word = Expect(TokenKind.Identifier, "`principal`, `resource` or `context`");
                Expect(":");
                switch (word.Raw)
                {
                    case "principal" when principals is null:
                        principals = TypeNames();
                        break;
                    case "resource" when resources is null:
                        resources = TypeNames();
                        break;
                    case "context" when context is null:
                        context = Type();
                        break;
                    case "principal" or "resource" or "context":
                        throw Stop(word.Offset, $"`{word.Raw}` is given twice");
                    default:
                        throw Stop(word.Offset, $"expected `principal`, `resource` or `context`, not `{word.Raw}`");
                }

                if (!Accept(",") && !Next("}"))
                    throw Unexpected("`,` or `}`");
            }

            if (principals is not { Count: > 0 } || resources is not { Count: > 0 })
                Report(start, "an action applies to at least one principal type and one resource type");
        }

        if (AcceptWord("attributes"))
            RecordType();
        foreach (var name in names)
            found.Add(
                new ActionDecl(
                    space,
                    name.Kind == TokenKind.String ? lexer.Unescape(name) : name.Raw,
                    name.Offset,
                    memberOf,
                    principals ?? [],
                    resources ?? [],
                    context
                )
            );
    }

    private void Common(string space)
    {
        var name = Ident();
        Expect("=");
        found.AddCommon(space, name.Raw, name.Offset, Type());
    }

    private Token ActionName() => Peek.Kind == TokenKind.String ? tokens[at++] : Expect(TokenKind.Identifier, "an action's name");

    private ActionRef ActionReference()
    {
        var start = Peek.Offset;
        if (Peek.Kind == TokenKind.String)
            return new(null, lexer.Unescape(tokens[at++]), start);

        var name = Expect(TokenKind.Identifier, "an action").Raw;
        if (!Accept("::"))
            return new(null, name, start);
        while (true)
        {
            if (Peek.Kind == TokenKind.String)
                return new(name, lexer.Unescape(tokens[at++]), start);
            name += "::" + Ident().Raw;
            Expect("::");
        }
    }

    private List<TypeName> TypeNames()
    {
        if (!Accept("["))
            return [One()];

        var names = new List<TypeName>();
        while (!Accept("]"))
        {
            names.Add(One());
            if (!Accept(",") && !Next("]"))
                throw Unexpected("`,` or `]`");
        }

        return names;

        TypeName One()
        {
            var start = Peek.Offset;
            return new(Path(), start);
        }
    }

    private TypeSyntax Type()
    {
        if (++depth > MaxDepth)
            throw Stop(Peek.Offset, "this type is nested too deeply");
        try
        {
            var start = Peek.Offset;
            if (Next("{"))
                return RecordType();
            if (Peek is not { Kind: TokenKind.Identifier, Raw: "Set" } || tokens[at + 1].Raw != "<")
                return new Named(Path(), start);

            at += 2;
            var element = Type();
            Expect(">");
            return new SetOf(element, start);
        }
        finally
        {
            depth--;
        }
    }

    private TypeSyntax RecordType()
    {
        var start = Peek.Offset;
        if (!Accept("{"))
            return new Named(Path(), start);

        var attributes = new List<(string, bool, TypeSyntax)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!Accept("}"))
        {
            Annotations();
            var key = Peek;
            var name =
                key.Kind == TokenKind.String ? lexer.Unescape(tokens[at++]) : Expect(TokenKind.Identifier, "an attribute's name").Raw;
            if (!seen.Add(name))
                Report(key.Offset, $"the attribute `{name}` is declared twice");
            var optional = Accept("?");
            Expect(":");
            var type = Type();
            if (seen.Count > attributes.Count)
                attributes.Add((name, !optional, type));
            if (!Accept(",") && !Next("}"))
                throw Unexpected("`,` or `}`");
        }

        return new RecordOf(attributes, start);
    }

    private string Path()
    {
        var name = PathPart();
        while (Accept("::"))
            name += "::" + PathPart();
        return name;
    }

    private string PathPart() => Peek is { Kind: TokenKind.Identifier, Raw: "__cedar" } ? tokens[at++].Raw : Ident().Raw;

    private Token Ident()
    {
        var token = Expect(TokenKind.Identifier, "a name");
        return Parser.IsName(token.Raw) ? token : throw Stop(token.Offset, $"`{token.Raw}` is a reserved word");
    }
}
