namespace Mumega.Cedar;

/// <summary>A type of the schema language.</summary>
public abstract record CedarType
{
    public static readonly CedarType Bool = new PrimitiveType("Bool");
    public static readonly CedarType Long = new PrimitiveType("Long");
    public static readonly CedarType String = new PrimitiveType("String");
}

/// <summary><c>Bool</c>, <c>Long</c> or <c>String</c>.</summary>
public sealed record PrimitiveType(string Name) : CedarType
{
    public override string ToString() => Name;
}

/// <summary><c>ipaddr</c>, <c>decimal</c>, <c>datetime</c> or <c>duration</c>.</summary>
public sealed record ExtensionType(string Name) : CedarType
{
    public override string ToString() => Name;
}

/// <summary>A reference to entities of one type, its name with all namespaces.</summary>
public sealed record EntityRefType(string Name) : CedarType
{
    public override string ToString() => Name;
}

/// <summary>A set whose elements all have one type.</summary>
public sealed record SetOfType(CedarType Element) : CedarType
{
    public override string ToString() => $"Set<{Element}>";
}

/// <summary>An attribute of a record or an entity.</summary>
public sealed record AttributeType(CedarType Type, bool Required);

/// <summary>A record with exactly these attributes.</summary>
public sealed record RecordOfType(IReadOnlyDictionary<string, AttributeType> Attributes) : CedarType
{
    public static readonly RecordOfType Empty = new(new Dictionary<string, AttributeType>());

    public bool Equals(RecordOfType? other) =>
        other is not null
        && Attributes.Count == other.Attributes.Count
        && Attributes.All(a => other.Attributes.TryGetValue(a.Key, out var theirs) && theirs == a.Value);

    public override int GetHashCode() => Attributes.Aggregate(Attributes.Count, (hash, a) => hash ^ HashCode.Combine(a.Key, a.Value));

    public override string ToString() =>
        $"{{{string.Join(", ", Attributes.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{Text.Quote(a.Key)}{(a.Value.Required ? "" : "?")}: {a.Value.Type}"))}}}";
}

/// <summary>What the schema says of one entity type.</summary>
/// <param name="MemberOf">The types that its entities may have as direct parents.</param>
/// <param name="Tags">The type of every tag; absent when its entities have none.</param>
/// <param name="Ids">For an enumerated type, the only ids that exist; otherwise absent.</param>
public sealed record EntityTypeDef(
    string Name,
    IReadOnlySet<string> MemberOf,
    RecordOfType Attributes,
    CedarType? Tags,
    IReadOnlySet<string>? Ids
);

/// <summary>What the schema says of one action.</summary>
/// <param name="MemberOf">The action groups that it is a direct member of.</param>
/// <param name="Principals">The types that may ask for it; absent, like the resources, when it applies to nothing.</param>
public sealed record ActionDef(
    EntityUid Uid,
    IReadOnlySet<EntityUid> MemberOf,
    IReadOnlySet<string> Principals,
    IReadOnlySet<string> Resources,
    RecordOfType Context
);

/// <summary>The entity types and actions that exist, and the types of their attributes. Immutable.</summary>
public sealed class Schema
{
    internal Schema(IReadOnlyDictionary<string, EntityTypeDef> entityTypes, IReadOnlyDictionary<EntityUid, ActionDef> actions)
    {
        EntityTypes = entityTypes;
        Actions = actions;
    }

    public IReadOnlyDictionary<string, EntityTypeDef> EntityTypes { get; }

    public IReadOnlyDictionary<EntityUid, ActionDef> Actions { get; }

    /// <summary>Reads the schema syntax for people. Throws <see cref="CedarSyntaxException"/> with every place that does not hold together.</summary>
    public static Schema Parse(string text) => SchemaParser.Read(text);

    /// <summary>Reads the JSON syntax of the specification. Throws <see cref="CedarJsonException"/> with the place that does not hold together.</summary>
    public static Schema ParseJson(string json) => SchemaJson.Read(json);
}
