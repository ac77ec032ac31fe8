namespace Mumega.Cedar;

internal enum ScopeKind
{
    Any,
    Equal,
    In,
    Is,
    IsIn,
}

/// <summary>What a policy's head asks of the principal, the action or the resource.</summary>
/// <param name="Type">The entity type that <c>is</c> names.</param>
/// <param name="Entities">The entity that <c>==</c> or <c>in</c> names; for an action perhaps several. None where a slot stands.</param>
/// <param name="Slot">A template's <c>?principal</c> or <c>?resource</c> stands for the entity.</param>
/// <param name="Listed">The action's groups were written as a list, even if of one.</param>
internal sealed record Scope(
    Variable Variable,
    ScopeKind Kind,
    string? Type,
    IReadOnlyList<EntityUid> Entities,
    bool Slot = false,
    bool Listed = false,
    int Offset = -1
)
{
    private readonly EntityUid? only = Entities.Count == 1 ? Entities[0] : null;

    public string Word => Variable.ToString().ToLowerInvariant();

    /// <summary>The constraint with the entity in its slot.</summary>
    public Scope Filled(EntityUid entity) => new(Variable, Kind, Type, [entity], Offset: Offset);

    public bool Matches(EntityUid uid, HashSet<EntityUid> ancestors) =>
        Kind switch
        {
            ScopeKind.Any => true,
            ScopeKind.Equal => uid == only,
            ScopeKind.Is => uid.Type == Type,
            ScopeKind.IsIn => uid.Type == Type && IsIn(uid, ancestors),
            _ => IsIn(uid, ancestors),
        };

    /// <summary>The first of the named entities that this is or lies below.</summary>
    public EntityUid? FirstAbove(EntityUid uid, HashSet<EntityUid> ancestors)
    {
        foreach (var entity in Entities)
        {
            if (uid == entity || ancestors.Contains(entity))
                return entity;
        }

        return null;
    }

    /// <summary>The same as an expression; what hangs on a slot is left out.</summary>
    public Expr Written
    {
        get
        {
            var it = new VariableExpr(Variable) { Offset = Offset };
            if (Listed)
                return Entities.Count == 0
                    ? new Literal(BoolValue.False)
                    : new Or([.. Entities.Select(e => new In(it, new Literal(e) { Offset = Offset }) { Offset = Offset })])
                    {
                        Offset = Offset,
                    };

            Expr? entity = Entities.Count == 0 ? null : new Literal(Entities[0]) { Offset = Offset };
            return Kind switch
            {
                ScopeKind.Is or ScopeKind.IsIn => new Is(it, Type!, entity) { Offset = Offset },
                ScopeKind.Equal when entity is not null => new Equality(false, it, entity) { Offset = Offset },
                ScopeKind.In when entity is not null => new In(it, entity) { Offset = Offset },
                _ => new Literal(BoolValue.True),
            };
        }
    }

    private bool IsIn(EntityUid uid, HashSet<EntityUid> ancestors) =>
        only is not null ? uid == only || ancestors.Contains(only) : FirstAbove(uid, ancestors) is not null;
}
