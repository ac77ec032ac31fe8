namespace Mumega.Cedar;

/// <summary>A name of an entity type and the place where it stands.</summary>
internal sealed record TypeName(string Name, int Place);

internal abstract record TypeSyntax(int Place);

internal enum NameKind
{
    Any,
    Entity,
    Common,
}

internal sealed record Named(string Name, int Place, NameKind Kind = NameKind.Any) : TypeSyntax(Place);

internal sealed record SetOf(TypeSyntax Element, int Place) : TypeSyntax(Place);

internal sealed record RecordOf(IReadOnlyList<(string Name, bool Required, TypeSyntax Type)> Attributes, int Place) : TypeSyntax(Place);

internal sealed record EntityDecl(
    string Namespace,
    string Name,
    int Place,
    IReadOnlyList<TypeName> MemberOf,
    TypeSyntax? Attributes,
    TypeSyntax? Tags,
    IReadOnlyList<string>? Ids
);

internal sealed record ActionRef(string? Type, string Id, int Place);

internal sealed record ActionDecl(
    string Namespace,
    string Name,
    int Place,
    IReadOnlyList<ActionRef> MemberOf,
    IReadOnlyList<TypeName> Principals,
    IReadOnlyList<TypeName> Resources,
    TypeSyntax? Context
);

/// <summary>
/// The declarations of a schema as they stand, whichever syntax they were read from, and the schema that they make once every name is looked
/// up. A place is an offset into a text or an index of a JSON path: the resolver only hands it back with what is wrong there.
/// </summary>
internal sealed class SchemaResolver(Action<int, string> report)
{
    private static readonly HashSet<string> Primitives = ["Bool", "Long", "String"];
    private static readonly HashSet<string> Extensions = ["ipaddr", "decimal", "datetime", "duration"];
    private static readonly HashSet<string> ReservedTypes = ["Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"];

    private readonly List<EntityDecl> entities = [];
    private readonly List<ActionDecl> actions = [];
    private readonly HashSet<string> namespaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Namespace, TypeSyntax Type)> commons = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CedarType> resolved = new(StringComparer.Ordinal);
    private readonly HashSet<string> entityNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> resolving = new(StringComparer.Ordinal);

    public void AddNamespace(string name, int place)
    {
        if (!namespaces.Add(name))
            report(place, $"the namespace `{name}` is declared twice");
    }

    public void Add(EntityDecl entity)
    {
        var full = Qualified(entity.Namespace, entity.Name);
        if (!entityNames.Add(full))
            report(entity.Place, $"the entity type `{full}` is declared twice");
        if (entity.Ids is { Count: 0 })
            report(entity.Place, $"the enumerated type `{entity.Name}` needs at least one id");
        entities.Add(entity with { Name = full });
    }

    public void Add(ActionDecl action) => actions.Add(action);

    public void AddCommon(string space, string name, int place, TypeSyntax type)
    {
        if (ReservedTypes.Contains(name))
            report(place, $"`{name}` is the name of a type of the language");
        if (!commons.TryAdd(Qualified(space, name), (space, type)))
            report(place, $"the type `{name}` is declared twice");
    }

    /// <summary>The schema. What did not hold together was reported, and something else stands in its stead.</summary>
    public Schema Resolve()
    {
        foreach (var name in commons.Keys)
            Common(name, commons[name].Type.Place);

        var types = new Dictionary<string, EntityTypeDef>(StringComparer.Ordinal);
        foreach (var e in entities)
        {
            types[e.Name] = new(
                e.Name,
                Names(e.Namespace, e.MemberOf),
                e.Attributes is null ? RecordOfType.Empty : Record(e.Namespace, e.Attributes, "an entity's attributes"),
                e.Tags is null ? null : TypeOf(e.Namespace, e.Tags),
                e.Ids?.ToHashSet(StringComparer.Ordinal)
            );
        }

        var found = new Dictionary<EntityUid, ActionDef>();
        foreach (var a in actions)
        {
            var uid = new EntityUid(Qualified(a.Namespace, "Action"), a.Name);
            var groups = a.MemberOf.Select(m => new EntityUid(ActionType(a.Namespace, m), m.Id)).ToHashSet();
            if (
                !found.TryAdd(
                    uid,
                    new(
                        uid,
                        groups,
                        Names(a.Namespace, a.Principals),
                        Names(a.Namespace, a.Resources),
                        a.Context is null ? RecordOfType.Empty : Record(a.Namespace, a.Context, "a context")
                    )
                )
            )
                report(a.Place, $"the action `{uid}` is declared twice");
        }

        var whole = true;
        foreach (var (space, reference) in actions.SelectMany(a => a.MemberOf.Select(m => (a.Namespace, m))))
        {
            var group = new EntityUid(ActionType(space, reference), reference.Id);
            if (found.ContainsKey(group))
                continue;
            report(reference.Place, $"there is no action `{group}`{Suggest(group.ToString(), found.Keys.Select(a => a.ToString()))}");
            whole = false;
        }

        foreach (var a in whole ? actions : [])
        {
            var uid = new EntityUid(Qualified(a.Namespace, "Action"), a.Name);
            if (Above(found, uid).Contains(uid))
                report(a.Place, $"the action `{uid}` is a member of itself");
        }

        return new(types, found);
    }

    private static HashSet<EntityUid> Above(Dictionary<EntityUid, ActionDef> actions, EntityUid start)
    {
        var above = new HashSet<EntityUid>();
        var open = new Stack<EntityUid>(actions[start].MemberOf);
        while (open.TryPop(out var next))
        {
            if (!above.Add(next))
                continue;
            foreach (var parent in actions[next].MemberOf)
                open.Push(parent);
        }

        return above;
    }

    private HashSet<string> Names(string space, IReadOnlyList<TypeName> names) =>
        names.Select(n => EntityName(space, n)).ToHashSet(StringComparer.Ordinal);

    // `Action` alone means the action type of the own namespace; anything else is taken as written, or within the own namespace.
    private string ActionType(string space, ActionRef reference)
    {
        if (reference.Type is null or "Action")
            return Qualified(space, "Action");
        var within = Qualified(space, reference.Type);
        return actions.Any(a => Qualified(a.Namespace, "Action") == within) ? within : reference.Type;
    }

    private string EntityName(string space, TypeName name)
    {
        foreach (var candidate in Candidates(space, name.Name))
        {
            if (entityNames.Contains(candidate))
                return candidate;
        }

        report(name.Place, $"there is no entity type `{name.Name}`{Suggest(name.Name, entityNames)}");
        return name.Name;
    }

    private RecordOfType Record(string space, TypeSyntax syntax, string what)
    {
        if (TypeOf(space, syntax) is RecordOfType record)
            return record;
        report(syntax.Place, $"{what} must be a record");
        return RecordOfType.Empty;
    }

    private CedarType TypeOf(string space, TypeSyntax syntax) =>
        syntax switch
        {
            SetOf set => new SetOfType(TypeOf(space, set.Element)),
            RecordOf record => new RecordOfType(
                record.Attributes.ToDictionary(
                    a => a.Name,
                    a => new AttributeType(TypeOf(space, a.Type), a.Required),
                    StringComparer.Ordinal
                )
            ),
            Named named => TypeOf(space, named),
            _ => throw new InvalidOperationException(),
        };

    private CedarType TypeOf(string space, Named named)
    {
        if (named.Name.StartsWith("__cedar::", StringComparison.Ordinal))
        {
            if (BuiltIn(named.Name["__cedar::".Length..]) is { } cedars)
                return cedars;
            report(named.Place, $"there is no type `{named.Name}`");
            return CedarType.Bool;
        }

        foreach (var candidate in Candidates(space, named.Name))
        {
            if (named.Kind is not NameKind.Entity && commons.ContainsKey(candidate))
                return Common(candidate, named.Place);
            if (named.Kind is not NameKind.Common && entityNames.Contains(candidate))
                return new EntityRefType(candidate);
        }

        if (named.Kind is not NameKind.Entity && BuiltIn(named.Name) is { } type)
            return type;
        report(
            named.Place,
            $"there is no type `{named.Name}`{Suggest(named.Name, [.. entityNames, .. commons.Keys, .. Primitives, .. Extensions])}"
        );
        return CedarType.Bool;
    }

    private CedarType Common(string name, int place)
    {
        if (resolved.TryGetValue(name, out var known))
            return known;
        if (!resolving.Add(name))
        {
            report(place, $"the type `{name}` is declared by means of itself");
            return CedarType.Bool;
        }

        var declared = commons[name];
        var type = TypeOf(declared.Namespace, declared.Type);
        resolving.Remove(name);
        return resolved[name] = type;
    }

    public static bool IsExtension(string name) => Extensions.Contains(name);

    private static CedarType? BuiltIn(string name) =>
        Primitives.Contains(name) ? new PrimitiveType(name)
        : Extensions.Contains(name) ? new ExtensionType(name)
        : null;

    // The own namespace first; a name with a namespace of its own is also taken as it stands.
    private static IEnumerable<string> Candidates(string space, string name) =>
        space.Length == 0 ? [name]
        : name.Contains("::", StringComparison.Ordinal) ? [name, Qualified(space, name)]
        : [Qualified(space, name), name];

    private static string Qualified(string space, string name) => space.Length == 0 ? name : $"{space}::{name}";

    private static string Suggest(string name, IEnumerable<string> known) =>
        Spelling.Closest(name, known) is { } close ? $"; did you mean `{close}`?" : "";
}
