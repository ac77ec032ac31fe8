namespace Mumega.Cedar;

/// <summary>How strictly a policy is held against the schema.</summary>
public enum ValidationMode
{
    /// <summary>Types must agree wherever values meet; what the Cedar specification recommends.</summary>
    Strict,

    /// <summary>Values of different types may meet as long as evaluation cannot fail.</summary>
    Permissive,
}

/// <summary>Something a policy gets wrong by its schema.</summary>
public sealed record ValidationError(Policy Policy, string Message);

/// <summary>Holds policies against a schema, by the typing rules of the Cedar specification. Immutable and safe to share.</summary>
public sealed class Validator(Schema schema)
{
    private readonly TypeFacts facts = new(schema);

    /// <summary>Everything wrong with the policies; none when they are valid.</summary>
    public IReadOnlyList<ValidationError> Validate(PolicySet policies, ValidationMode mode = ValidationMode.Strict) =>
        [.. policies.Policies.SelectMany(p => Validate(p, mode).Select(message => new ValidationError(p, message)))];

    private HashSet<string> Validate(Policy policy, ValidationMode mode)
    {
        var problems = new HashSet<string>(StringComparer.Ordinal);
        var names = policy.Scope.Concat(policy.Conditions.Select(c => c.Body)).SelectMany(Names.Of).ToList();
        foreach (var uid in names.OfType<EntityUid>())
        {
            if (facts.Unknown(uid) is { } problem) problems.Add(problem);
        }

        foreach (var type in names.OfType<string>().Where(t => !facts.Exists(t))) problems.Add($"unrecognized entity type `{type}`{facts.SuggestType(type)}");
        if (problems.Count > 0) return problems;

        var applies = false;
        foreach (var (action, principal, resource) in facts.Requests)
        {
            var checker = new TypeChecker(facts, mode, action, principal, resource, problems);
            if (!checker.MayApply(policy.Scope)) continue;

            applies = true;
            checker.Check(policy);
        }

        if (!applies) problems.Add("unable to find an applicable action given the policy scope constraints");
        return problems;
    }
}

/// <summary>The entity references (as <see cref="EntityUid"/>) and type names (as string) that an expression mentions.</summary>
internal static class Names
{
    public static IEnumerable<object> Of(Expr expr) => expr switch
    {
        Literal { Value: EntityUid uid } => [uid],
        Literal { Value: SetValue set } => set.Items.OfType<EntityUid>(),
        Is { Parts: var (operand, type) } => Of(operand).Append(type),
        _ => Children(expr).SelectMany(Of),
    };

    private static IEnumerable<Expr> Children(Expr expr) => expr switch
    {
        If { Parts: var (test, then, otherwise) } => [test, then, otherwise],
        And { Parts: var (left, right) } => [left, right],
        Or { Parts: var (left, right) } => [left, right],
        Not not => [not.Operand],
        Negate negate => [negate.Operand],
        Arithmetic { Parts: var (_, left, right) } => [left, right],
        Equality { Parts: var (_, left, right) } => [left, right],
        Comparison { Parts: var (_, left, right) } => [left, right],
        In { Parts: var (left, right) } => [left, right],
        Like { Parts: var (operand, _) } => [operand],
        GetAttribute { Parts: var (target, _) } => [target],
        HasAttribute { Parts: var (target, _) } => [target],
        SetLiteral set => set.Items,
        RecordLiteral record => record.Fields.Select(f => f.Value),
        Call { Parts: var (_, arguments) } => arguments,
        _ => [],
    };
}

/// <summary>What follows from a schema: which types and actions lie below which, and which requests there can be.</summary>
internal sealed class TypeFacts
{
    private readonly Schema schema;
    private readonly Dictionary<string, HashSet<string>> above = new(StringComparer.Ordinal);
    private readonly Dictionary<EntityUid, HashSet<EntityUid>> groups = [];
    private readonly HashSet<string> actionTypes;

    public TypeFacts(Schema schema)
    {
        this.schema = schema;
        actionTypes = schema.Actions.Keys.Select(a => a.Type).ToHashSet(StringComparer.Ordinal);
        foreach (var type in schema.EntityTypes.Keys) above[type] = Closure(type, t => schema.EntityTypes.TryGetValue(t, out var def) ? def.MemberOf : []);
        foreach (var action in schema.Actions.Keys) groups[action] = Closure(action, a => schema.Actions.TryGetValue(a, out var def) ? def.MemberOf : []);
        Requests = [.. schema.Actions.Values.SelectMany(a => a.Principals.SelectMany(p => a.Resources.Select(r => (a, p, r))))];
    }

    /// <summary>Every combination of action, principal type and resource type that the schema allows.</summary>
    public IReadOnlyList<(ActionDef Action, string Principal, string Resource)> Requests { get; }

    public bool IsAction(EntityUid uid) => schema.Actions.ContainsKey(uid);

    public bool IsActionType(string type) => actionTypes.Contains(type);

    public bool Exists(string type) => schema.EntityTypes.ContainsKey(type) || actionTypes.Contains(type);

    public EntityTypeDef? Type(string type) => schema.EntityTypes.GetValueOrDefault(type);

    /// <summary>Whether an entity of the one type can be, or be below, one of the other.</summary>
    public bool Below(string type, string ancestor) =>
        type == ancestor || (above.TryGetValue(type, out var all) && all.Contains(ancestor)) || (actionTypes.Contains(type) && actionTypes.Contains(ancestor));

    /// <summary>Whether entities of the type may lie below others of the same type.</summary>
    public bool MayNest(string type) => above.TryGetValue(type, out var all) && all.Contains(type);

    public bool Below(EntityUid action, EntityUid group) => action == group || groups[action].Contains(group);

    public string? Unknown(EntityUid uid)
    {
        if (uid.Type == "Action" || uid.Type.EndsWith("::Action", StringComparison.Ordinal))
        {
            if (IsAction(uid)) return null;
            return $"unrecognized action `{uid}`{(Spelling.Closest(uid.ToString(), schema.Actions.Keys.Select(a => a.ToString())) is { } close ? $"; did you mean `{close}`?" : "")}";
        }

        if (!schema.EntityTypes.TryGetValue(uid.Type, out var type)) return $"unrecognized entity type `{uid.Type}`{SuggestType(uid.Type)}";
        return type.Ids is { } ids && !ids.Contains(uid.Id) ? $"`{uid}` is not one of the ids of the enumerated type `{uid.Type}`" : null;
    }

    public string SuggestType(string type) => Spelling.Closest(type, schema.EntityTypes.Keys) is { } close ? $"; did you mean `{close}`?" : "";

    private static HashSet<T> Closure<T>(T start, Func<T, IEnumerable<T>> parents)
    {
        var found = new HashSet<T>();
        var open = new Stack<T>(parents(start));
        while (open.TryPop(out var next))
        {
            if (!found.Add(next)) continue;
            foreach (var parent in parents(next)) open.Push(parent);
        }

        return found;
    }
}
