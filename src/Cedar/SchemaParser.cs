namespace Mumega.Cedar;

/// <summary>Reads the schema syntax for people: first the declarations as they stand, then every name is looked up.</summary>
internal sealed class SchemaParser : TokenReader
{
    private const int MaxDepth = 200;

    private static readonly HashSet<string> Primitives = ["Bool", "Long", "String"];
    private static readonly HashSet<string> Extensions = ["ipaddr", "decimal", "datetime", "duration"];
    private static readonly HashSet<string> ReservedTypes = ["Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"];

    private readonly List<EntityDecl> entities = [];
    private readonly List<ActionDecl> actions = [];
    private readonly Dictionary<string, CommonDecl> commons = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CedarType> resolved = new(StringComparer.Ordinal);
    private readonly HashSet<string> entityNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> resolving = new(StringComparer.Ordinal);
    private int depth;

    private SchemaParser(string source) : base(source)
    {
    }

    public static Schema Read(string source)
    {
        var parser = new SchemaParser(source);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (parser.Peek.Kind != TokenKind.End)
        {
            parser.Annotations();
            if (parser.Peek is { Kind: TokenKind.Identifier, Raw: "namespace" }) parser.Namespace(seen);
            else parser.Declaration("");
        }

        return parser.Resolve();
    }

    private sealed record TypeName(string Name, int Offset);

    private abstract record TypeSyntax(int Offset);

    private sealed record Named(string Name, int Offset) : TypeSyntax(Offset);

    private sealed record SetOf(TypeSyntax Element, int Offset) : TypeSyntax(Offset);

    private sealed record RecordOf(List<(string Name, bool Required, TypeSyntax Type)> Attributes, int Offset) : TypeSyntax(Offset);

    private sealed record EntityDecl(string Namespace, string Name, List<TypeName> MemberOf, TypeSyntax? Attributes, TypeSyntax? Tags, List<string>? Ids);

    private sealed record ActionRef(string? Type, string Id, int Offset);

    private sealed record ActionDecl(string Namespace, string Name, int Offset, List<ActionRef> MemberOf, List<TypeName> Principals, List<TypeName> Resources, TypeSyntax? Context);

    private sealed record CommonDecl(string Namespace, TypeSyntax Type);

    private void Namespace(HashSet<string> seen)
    {
        at++;
        var start = Peek.Offset;
        var name = Path();
        if (!seen.Add(name)) throw lexer.Error(start, $"the namespace `{name}` is declared twice");
        Expect("{");
        while (!Accept("}"))
        {
            Annotations();
            Declaration(name);
        }
    }

    private void Annotations()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (Accept("@"))
        {
            var name = Expect(TokenKind.Identifier, "an annotation name");
            if (!seen.Add(name.Raw)) throw lexer.Error(name.Offset, $"duplicate annotation `@{name.Raw}`");
            if (!Accept("(")) continue;
            lexer.Unescape(Expect(TokenKind.String, "a string"));
            Expect(")");
        }
    }

    private void Declaration(string space)
    {
        var word = Expect(TokenKind.Identifier, "`entity`, `action` or `type`");
        switch (word.Raw)
        {
            case "entity": Entity(space); break;
            case "action": Action(space); break;
            case "type": Common(space); break;
            default: throw lexer.Error(word.Offset, $"expected `entity`, `action` or `type`, not `{word.Raw}`");
        }

        Expect(";");
    }

    private void Entity(string space)
    {
        var names = new List<Token> { Ident() };
        while (Accept(",")) names.Add(Ident());

        List<TypeName> memberOf = [];
        TypeSyntax? attributes = null, tags = null;
        List<string>? ids = null;
        if (AcceptWord("enum"))
        {
            Expect("[");
            ids = [];
            while (!Accept("]"))
            {
                ids.Add(lexer.Unescape(Expect(TokenKind.String, "a string")));
                if (!Accept(",") && Peek.Raw != "]") throw Unexpected("`,` or `]`");
            }

            if (ids.Count == 0) throw lexer.Error(names[0].Offset, $"the enumerated type `{names[0].Raw}` needs at least one id");
        }
        else
        {
            if (AcceptWord("in")) memberOf = TypeNames();
            if (Accept("=") || Peek.Raw == "{") attributes = RecordType();
            if (AcceptWord("tags")) tags = Type();
        }

        foreach (var name in names)
        {
            var full = Qualified(space, name.Raw);
            if (!entityNames.Add(full)) throw lexer.Error(name.Offset, $"the entity type `{full}` is declared twice");
            entities.Add(new(space, full, memberOf, attributes, tags, ids));
        }
    }

    private void Action(string space)
    {
        var names = new List<Token> { ActionName() };
        while (Accept(",")) names.Add(ActionName());

        List<ActionRef> memberOf = [];
        if (AcceptWord("in"))
        {
            if (Accept("["))
            {
                while (!Accept("]"))
                {
                    memberOf.Add(ActionReference());
                    if (!Accept(",") && Peek.Raw != "]") throw Unexpected("`,` or `]`");
                }
            }
            else
            {
                memberOf.Add(ActionReference());
            }
        }

        List<TypeName>? principals = null, resources = null;
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
                    case "principal" when principals is null: principals = TypeNames(); break;
                    case "resource" when resources is null: resources = TypeNames(); break;
                    case "context" when context is null: context = Type(); break;
                    case "principal" or "resource" or "context": throw lexer.Error(word.Offset, $"`{word.Raw}` is given twice");
                    default: throw lexer.Error(word.Offset, $"expected `principal`, `resource` or `context`, not `{word.Raw}`");
                }

                if (!Accept(",") && Peek.Raw != "}") throw Unexpected("`,` or `}`");
            }

            if (principals is not { Count: > 0 } || resources is not { Count: > 0 })
                throw lexer.Error(start, "an action applies to at least one principal type and one resource type");
        }

        if (AcceptWord("attributes")) RecordType();
        foreach (var name in names)
            actions.Add(new(space, name.Kind == TokenKind.String ? lexer.Unescape(name) : name.Raw, name.Offset, memberOf, principals ?? [], resources ?? [], context));
    }

    private void Common(string space)
    {
        var name = Ident();
        if (ReservedTypes.Contains(name.Raw)) throw lexer.Error(name.Offset, $"`{name.Raw}` is the name of a type of the language");
        Expect("=");
        if (!commons.TryAdd(Qualified(space, name.Raw), new(space, Type()))) throw lexer.Error(name.Offset, $"the type `{name.Raw}` is declared twice");
    }

    private Token ActionName() => Peek.Kind == TokenKind.String ? tokens[at++] : Expect(TokenKind.Identifier, "an action's name");

    private ActionRef ActionReference()
    {
        var start = Peek.Offset;
        if (Peek.Kind == TokenKind.String) return new(null, lexer.Unescape(tokens[at++]), start);

        var name = Expect(TokenKind.Identifier, "an action").Raw;
        if (!Accept("::")) return new(null, name, start);
        while (true)
        {
            if (Peek.Kind == TokenKind.String) return new(name, lexer.Unescape(tokens[at++]), start);
            name += "::" + Ident().Raw;
            Expect("::");
        }
    }

    private List<TypeName> TypeNames()
    {
        if (!Accept("[")) return [Next()];

        var names = new List<TypeName>();
        while (!Accept("]"))
        {
            names.Add(Next());
            if (!Accept(",") && Peek.Raw != "]") throw Unexpected("`,` or `]`");
        }

        return names;

        TypeName Next()
        {
            var start = Peek.Offset;
            return new(Path(), start);
        }
    }

    private TypeSyntax Type()
    {
        if (++depth > MaxDepth) throw lexer.Error(Peek.Offset, "this type is nested too deeply");
        try
        {
            var start = Peek.Offset;
            if (Peek.Raw == "{" && Peek.Kind == TokenKind.Symbol) return RecordType();
            if (Peek is not { Kind: TokenKind.Identifier, Raw: "Set" } || tokens[at + 1].Raw != "<") return new Named(Path(), start);

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
        if (!Accept("{")) return new Named(Path(), start);

        var attributes = new List<(string, bool, TypeSyntax)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!Accept("}"))
        {
            Annotations();
            var key = Peek;
            var name = key.Kind == TokenKind.String ? lexer.Unescape(tokens[at++]) : Expect(TokenKind.Identifier, "an attribute's name").Raw;
            if (!seen.Add(name)) throw lexer.Error(key.Offset, $"the attribute `{name}` is declared twice");
            var optional = Accept("?");
            Expect(":");
            attributes.Add((name, !optional, Type()));
            if (!Accept(",") && Peek.Raw != "}") throw Unexpected("`,` or `}`");
        }

        return new RecordOf(attributes, start);
    }

    private Schema Resolve()
    {
        foreach (var name in commons.Keys) Common(name, 0);

        var types = new Dictionary<string, EntityTypeDef>(StringComparer.Ordinal);
        foreach (var e in entities)
        {
            types[e.Name] = new(e.Name, e.MemberOf.Select(m => EntityName(e.Namespace, m)).ToHashSet(StringComparer.Ordinal),
                e.Attributes is null ? RecordOfType.Empty : Record(e.Namespace, e.Attributes, "an entity's attributes"),
                e.Tags is null ? null : TypeOf(e.Namespace, e.Tags), e.Ids?.ToHashSet(StringComparer.Ordinal));
        }

        var found = new Dictionary<EntityUid, ActionDef>();
        foreach (var a in actions)
        {
            var uid = new EntityUid(Qualified(a.Namespace, "Action"), a.Name);
            var groups = a.MemberOf.Select(m => new EntityUid(ActionType(a.Namespace, m), m.Id)).ToHashSet();
            if (!found.TryAdd(uid, new(uid, groups, Names(a, a.Principals), Names(a, a.Resources), a.Context is null ? RecordOfType.Empty : Record(a.Namespace, a.Context, "a context"))))
                throw lexer.Error(a.Offset, $"the action `{uid}` is declared twice");
        }

        foreach (var a in actions)
        {
            foreach (var (reference, group) in a.MemberOf.Select(m => (m, new EntityUid(ActionType(a.Namespace, m), m.Id))))
            {
                if (!found.ContainsKey(group)) throw lexer.Error(reference.Offset, $"there is no action `{group}`");
            }
        }

        foreach (var a in found.Keys)
        {
            if (Above(found, a).Contains(a)) throw lexer.Error(0, $"the action `{a}` is a member of itself");
        }

        return new(types, found);
    }

    private HashSet<string> Names(ActionDecl action, List<TypeName> names) => names.Select(n => EntityName(action.Namespace, n)).ToHashSet(StringComparer.Ordinal);

    private static HashSet<EntityUid> Above(Dictionary<EntityUid, ActionDef> actions, EntityUid start)
    {
        var above = new HashSet<EntityUid>();
        var open = new Stack<EntityUid>(actions[start].MemberOf);
        while (open.TryPop(out var next))
        {
            if (!above.Add(next)) continue;
            foreach (var parent in actions[next].MemberOf) open.Push(parent);
        }

        return above;
    }

    // `Action` alone means the action type of the own namespace; anything else is taken as written, or within the own namespace.
    private string ActionType(string space, ActionRef reference)
    {
        if (reference.Type is null or "Action") return Qualified(space, "Action");
        var within = Qualified(space, reference.Type);
        return actions.Any(a => Qualified(a.Namespace, "Action") == within) ? within : reference.Type;
    }

    private string EntityName(string space, TypeName name)
    {
        foreach (var candidate in Candidates(space, name.Name))
        {
            if (entityNames.Contains(candidate)) return candidate;
        }

        throw lexer.Error(name.Offset, $"there is no entity type `{name.Name}`{Suggest(name.Name, entityNames)}");
    }

    private RecordOfType Record(string space, TypeSyntax syntax, string what) =>
        TypeOf(space, syntax) as RecordOfType ?? throw lexer.Error(syntax.Offset, $"{what} must be a record");

    private CedarType TypeOf(string space, TypeSyntax syntax) => syntax switch
    {
        SetOf set => new SetOfType(TypeOf(space, set.Element)),
        RecordOf record => new RecordOfType(record.Attributes.ToDictionary(a => a.Name, a => new AttributeType(TypeOf(space, a.Type), a.Required), StringComparer.Ordinal)),
        Named named => TypeOf(space, named),
        _ => throw new InvalidOperationException(),
    };

    private CedarType TypeOf(string space, Named named)
    {
        if (named.Name.StartsWith("__cedar::", StringComparison.Ordinal))
            return BuiltIn(named.Name["__cedar::".Length..]) ?? throw lexer.Error(named.Offset, $"there is no type `{named.Name}`");

        foreach (var candidate in Candidates(space, named.Name))
        {
            if (commons.ContainsKey(candidate)) return Common(candidate, named.Offset);
            if (entityNames.Contains(candidate)) return new EntityRefType(candidate);
        }

        return BuiltIn(named.Name) ?? throw lexer.Error(named.Offset, $"there is no type `{named.Name}`{Suggest(named.Name, [.. entityNames, .. commons.Keys, .. Primitives, .. Extensions])}");
    }

    private CedarType Common(string name, int offset)
    {
        if (resolved.TryGetValue(name, out var known)) return known;
        if (!resolving.Add(name)) throw lexer.Error(offset, $"the type `{name}` is declared by means of itself");
        var declared = commons[name];
        var type = TypeOf(declared.Namespace, declared.Type);
        resolving.Remove(name);
        return resolved[name] = type;
    }

    private static CedarType? BuiltIn(string name) => Primitives.Contains(name) ? new PrimitiveType(name) : Extensions.Contains(name) ? new ExtensionType(name) : null;

    // The own namespace first; a name with a namespace of its own is also taken as it stands.
    private static IEnumerable<string> Candidates(string space, string name) => space.Length == 0 ? [name] : name.Contains("::", StringComparison.Ordinal) ? [name, Qualified(space, name)] : [Qualified(space, name), name];

    private static string Qualified(string space, string name) => space.Length == 0 ? name : $"{space}::{name}";

    private static string Suggest(string name, IEnumerable<string> known) => Spelling.Closest(name, known) is { } close ? $"; did you mean `{close}`?" : "";

    private string Path()
    {
        var name = PathPart();
        while (Accept("::")) name += "::" + PathPart();
        return name;
    }

    private string PathPart() => Peek is { Kind: TokenKind.Identifier, Raw: "__cedar" } ? tokens[at++].Raw : Ident().Raw;

    private Token Ident()
    {
        var token = Expect(TokenKind.Identifier, "a name");
        return Parser.IsName(token.Raw) ? token : throw lexer.Error(token.Offset, $"`{token.Raw}` is a reserved word");
    }
}

/// <summary>Finds what somebody probably meant.</summary>
internal static class Spelling
{
    /// <summary>The known name that is nearest to the given one, if one is near: at most a third of its letters wrong.</summary>
    public static string? Closest(string name, IEnumerable<string> known)
    {
        var (best, distance) = ((string?)null, Math.Max(1, name.Length / 3) + 1);
        foreach (var candidate in known.Order(StringComparer.Ordinal))
        {
            if (Math.Abs(candidate.Length - name.Length) >= distance) continue;
            var d = Distance(name, candidate);
            if (d < distance) (best, distance) = (candidate, d);
        }

        return best;
    }

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++) row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var (corner, left) = (row[0], i);
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var next = Math.Min(Math.Min(row[j] + 1, left + 1), corner + (a[i - 1] == b[j - 1] ? 0 : 1));
                (corner, left, row[j]) = (row[j], next, next);
            }
        }

        return row[b.Length];
    }
}
