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
/// <param name="Place">Where, with the message; a policy that was read from JSON has no line.</param>
public sealed record ValidationError(Policy Policy, Diagnostic Place)
{
    public string Message => Place.Message;

    public override string ToString() => Place.ToString();
}

/// <summary>Holds policies and templates against a schema, by the typing rules of the Cedar specification. Immutable and safe to share.</summary>
public sealed class Validator(Schema schema)
{
    private readonly TypeFacts facts = new(schema);

    /// <summary>Everything wrong with the policies; none when they are valid.</summary>
    public IReadOnlyList<ValidationError> Validate(PolicySet policies, ValidationMode mode = ValidationMode.Strict) =>
        [
            .. policies
                .Policies.Concat(policies.Templates)
                .SelectMany(p => Validate(p, mode).OrderBy(e => e.Offset).Select(e => new ValidationError(p, p.At(e.Offset, e.Message)))),
        ];

    private HashSet<(int Offset, string Message)> Validate(Policy policy, ValidationMode mode)
    {
        var problems = new HashSet<(int, string)>();
        var scope = policy.Scope.Select(s => s.Written).ToList();
        foreach (var expr in scope.Concat(policy.Conditions.Select(c => c.Body)).SelectMany(All))
        {
            if (expr is Literal { Value: EntityUid uid } && facts.Unknown(uid) is { } problem)
                problems.Add((expr.Offset, problem));
            if (expr is Is { Parts.Type: var type } && !facts.Exists(type))
                problems.Add((expr.Offset, $"unrecognized entity type `{type}`{facts.SuggestType(type)}"));
        }

        if (problems.Count > 0)
            return problems;

        var applies = false;
        foreach (var (action, principal, resource) in facts.Requests)
        {
            var checker = new TypeChecker(facts, mode, action, principal, resource, problems);
            if (!checker.MayApply(scope))
                continue;

            applies = true;
            checker.Check(policy);
        }

        if (!applies)
            problems.Add((policy.Scope[0].Offset, "unable to find an applicable action given the policy scope constraints"));
        return problems;
    }

    private static IEnumerable<Expr> All(Expr expr) => expr.Children.SelectMany(All).Prepend(expr);
}

/// <summary>What follows from a schema: which types and actions lie below which, and which requests there can be.</summary>
internal sealed class TypeFacts
{
    private readonly Schema schema;
    private readonly Dictionary<string, HashSet<string>> above = new(StringComparer.Ordinal);
    private readonly Dictionary<EntityUid, HashSet<EntityUid>> groups = [];
    private readonly HashSet<string> actionTypes;
    private readonly Dictionary<string, EntityTy> entities;
    private readonly Dictionary<string, RecordTy> attributes;
    private readonly Dictionary<EntityUid, Ty> contexts;

    public TypeFacts(Schema schema)
    {
        this.schema = schema;
        actionTypes = schema.Actions.Keys.Select(a => a.Type).ToHashSet(StringComparer.Ordinal);
        foreach (var type in schema.EntityTypes.Keys)
            above[type] = Closure(type, t => schema.EntityTypes.TryGetValue(t, out var def) ? def.MemberOf : []);
        foreach (var action in schema.Actions.Keys)
            groups[action] = Closure(action, a => schema.Actions.TryGetValue(a, out var def) ? def.MemberOf : []);
        entities = schema.EntityTypes.Keys.Union(actionTypes).ToDictionary(t => t, Ty.Entity, StringComparer.Ordinal);
        attributes = schema.EntityTypes.ToDictionary(t => t.Key, t => (RecordTy)Ty.Of(t.Value.Attributes), StringComparer.Ordinal);
        contexts = schema.Actions.ToDictionary(a => a.Key, a => Ty.Of(a.Value.Context));
        Requests = [.. schema.Actions.Values.SelectMany(a => a.Principals.SelectMany(p => a.Resources.Select(r => (a, p, r))))];
    }

    /// <summary>Every combination of action, principal type and resource type that the schema allows.</summary>
    public IReadOnlyList<(ActionDef Action, string Principal, string Resource)> Requests { get; }

    public bool IsAction(EntityUid uid) => schema.Actions.ContainsKey(uid);

    public bool IsActionType(string type) => actionTypes.Contains(type);

    public bool Exists(string type) => schema.EntityTypes.ContainsKey(type) || actionTypes.Contains(type);

    /// <summary>An entity of one type.</summary>
    public EntityTy Entity(string type) => entities.GetValueOrDefault(type) ?? Ty.Entity(type);

    /// <summary>What entities of the type have.</summary>
    public RecordTy Attributes(string type) => attributes.GetValueOrDefault(type) ?? RecordTy.Empty;

    /// <summary>What the action is asked with.</summary>
    public Ty Context(ActionDef action) => contexts[action.Uid];

    public EntityTypeDef? Type(string type) => schema.EntityTypes.GetValueOrDefault(type);

    /// <summary>Whether an entity of the one type can be, or be below, one of the other.</summary>
    public bool Below(string type, string ancestor) =>
        type == ancestor
        || (above.TryGetValue(type, out var all) && all.Contains(ancestor))
        || (actionTypes.Contains(type) && actionTypes.Contains(ancestor));

    /// <summary>Whether entities of the type may lie below others of the same type.</summary>
    public bool MayNest(string type) => above.TryGetValue(type, out var all) && all.Contains(type);

    public bool Below(EntityUid action, EntityUid group) => action == group || groups[action].Contains(group);

    public string? Unknown(EntityUid uid)
    {
        if (Parser.IsAction(uid.Type))
        {
            if (IsAction(uid))
                return null;
            return $"unrecognized action `{uid}`{(Spelling.Closest(uid.ToString(), schema.Actions.Keys.Select(a => a.ToString())) is { } close ? $"; did you mean `{close}`?" : "")}";
        }

        if (!schema.EntityTypes.TryGetValue(uid.Type, out var type))
            return $"unrecognized entity type `{uid.Type}`{SuggestType(uid.Type)}";
        return type.Ids is { } ids && !ids.Contains(uid.Id) ? $"`{uid}` is not one of the ids of the enumerated type `{uid.Type}`" : null;
    }

    public string SuggestType(string type) =>
        Spelling.Closest(type, schema.EntityTypes.Keys) is { } close ? $"; did you mean `{close}`?" : "";

    private static HashSet<T> Closure<T>(T start, Func<T, IEnumerable<T>> parents)
    {
        var found = new HashSet<T>();
        var open = new Stack<T>(parents(start));
        while (open.TryPop(out var next))
        {
            if (!found.Add(next))
                continue;
            foreach (var parent in parents(next))
                open.Push(parent);
        }

        return found;
    }
}
