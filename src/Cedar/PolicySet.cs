namespace Mumega.Cedar;

public enum Effect
{
    Permit,
    Forbid,
}

/// <summary>A <c>when</c> or <c>unless</c> clause with the text it was written as.</summary>
public sealed class Condition
{
    private readonly string? text;
    private Expr? folded;

    internal Condition(bool unless, Expr body, string? text = null)
    {
        Unless = unless;
        Body = body;
        this.text = text;
    }

    public bool Unless { get; }

    /// <summary>The clause's expression as its author wrote it.</summary>
    public string Text => text ?? Printer.Of(Body);

    internal Expr Body { get; }

    /// <summary>Whether the clause is met.</summary>
    internal Truth Test(Env env)
    {
        var truth = (folded ??= Body.Folded()).Test(env);
        return truth is Truth.Failed || !Unless ? truth
            : truth is Truth.True ? Truth.False
            : Truth.True;
    }
}

/// <summary>One policy, or a template of policies. Immutable.</summary>
public sealed class Policy
{
    private readonly SourceText? source;
    private readonly int start,
        end;
    private string? text;

    internal Policy(
        int position,
        string? id,
        Effect effect,
        IReadOnlyDictionary<string, string> annotations,
        Scope[] scope,
        IReadOnlyList<Condition> conditions,
        SourceText? source = null,
        int start = -1,
        int end = -1
    )
    {
        Effect = effect;
        Annotations = annotations;
        Conditions = conditions;
        Position = position;
        Id = id ?? (annotations.GetValueOrDefault("id") is { Length: > 0 } given ? given : $"policy{position}");
        Scope = scope;
        this.source = source;
        this.start = start;
        this.end = end;
    }

    /// <summary>The id it was given, the value of <c>@id</c>, or <c>policyN</c> with N counted from 0 in the order of the text.</summary>
    public string Id { get; }

    /// <summary>The policy's place in its text, from 0.</summary>
    public int Position { get; }

    public Effect Effect { get; }

    public IReadOnlyDictionary<string, string> Annotations { get; }

    public IReadOnlyList<Condition> Conditions { get; }

    /// <summary>Whether <c>?principal</c> or <c>?resource</c> stands in its head, so that it decides nothing until it is linked.</summary>
    public bool IsTemplate => Scope.Any(s => s.Slot);

    /// <summary>The template that it was linked from, if it was.</summary>
    public Policy? Template { get; private init; }

    /// <summary>The policy as its author wrote it; one that was read from JSON or linked is written out.</summary>
    public string Text => text ??= source is null ? Printer.Of(this) : source.Text[start..end];

    /// <summary>Where it begins in its text; line 0 when it was read from JSON.</summary>
    public Diagnostic Place => At(-1, Id);

    /// <summary>The policy in the JSON form (EST) of the specification.</summary>
    public string ToJson() => PolicyJson.Json(this).ToJsonString(PolicyJson.Written);

    /// <summary>Principal, action and resource.</summary>
    internal Scope[] Scope { get; }

    internal Diagnostic At(int offset, string message) => source?.At(offset < 0 ? start : offset, message) ?? new(0, 0, message);

    internal Policy Link(string id, EntityUid? principal, EntityUid? resource)
    {
        var filled = Scope
            .Select(s =>
                !s.Slot ? s
                : (s.Variable is Variable.Principal ? principal : resource) is { } entity ? s.Filled(entity)
                : throw new ArgumentException($"the template `{Id}` needs a value for `?{s.Word}`")
            )
            .ToArray();
        if ((principal is not null && !Scope[0].Slot) || (resource is not null && !Scope[2].Slot))
            throw new ArgumentException(
                $"the template `{Id}` has no slot `?{(principal is not null && !Scope[0].Slot ? "principal" : "resource")}`"
            );
        return new(Position, id, Effect, Annotations, filled, Conditions) { Template = this };
    }

    /// <summary>Whether every clause is met; they are looked at in order until one is not.</summary>
    internal Truth Test(Env env)
    {
        foreach (var condition in Conditions)
        {
            var truth = condition.Test(env);
            if (truth is not Truth.True)
                return truth;
        }

        return Truth.True;
    }

    internal bool InScope(Env env) =>
        Scope[0].Matches(env.Request.Principal, env.Entities.Ancestors(env.Request.Principal))
        && Scope[1].Matches(env.Request.Action, env.Entities.Ancestors(env.Request.Action))
        && Scope[2].Matches(env.Request.Resource, env.Entities.Ancestors(env.Request.Resource));
}

/// <summary>Who wants to do what to which resource, and the circumstances.</summary>
public sealed record Request(EntityUid Principal, EntityUid Action, EntityUid Resource, RecordValue Context);

/// <summary>A policy that could not be evaluated. Cedar skips it; the caller may want to be stricter.</summary>
public sealed record PolicyError(Policy Policy, string Message);

/// <summary>The answer of <see cref="PolicySet.Evaluate"/>: which policies applied, and which could not be evaluated.</summary>
public sealed record Evaluation(IReadOnlyList<Policy> Permits, IReadOnlyList<Policy> Forbids, IReadOnlyList<PolicyError> Errors)
{
    /// <summary>Cedar's decision: allowed when some permit applies and no forbid does.</summary>
    public bool Allowed => Forbids.Count == 0 && Permits.Count > 0;

    /// <summary>The policies that determined <see cref="Allowed"/>.</summary>
    public IReadOnlyList<Policy> Determining => Forbids.Count > 0 ? Forbids : Permits;
}

/// <summary>A set of Cedar policies and templates. Immutable and safe to share between threads.</summary>
public sealed class PolicySet
{
    private PolicyIndex? index;

    private PolicySet(IReadOnlyList<Policy> policies, IReadOnlyList<Policy> templates)
    {
        Policies = policies;
        Templates = templates;
    }

    /// <summary>The policies that decide: static ones, and those linked from templates.</summary>
    public IReadOnlyList<Policy> Policies { get; }

    public IReadOnlyList<Policy> Templates { get; }

    /// <summary>Reads policy text. Throws <see cref="CedarSyntaxException"/> with every place at which it is not Cedar.</summary>
    public static PolicySet Parse(string text) => Of(Parser.Policies(text));

    /// <summary>
    /// Reads the JSON form (EST) of the specification: a single policy, or a set <c>{"staticPolicies": {id: policy}, "templates": {id: policy},
    /// "templateLinks": [{"templateId", "newId", "values": {"?principal": entity}}]}</c>. Throws <see cref="CedarJsonException"/>.
    /// </summary>
    public static PolicySet ParseJson(string json) => PolicyJson.Read(json);

    /// <summary>The set in JSON, as <see cref="ParseJson"/> reads it.</summary>
    public string ToJson() => PolicyJson.Write(this);

    /// <summary>Both sets as one; ids may repeat, since each policy keeps its own text.</summary>
    public PolicySet And(PolicySet other) => new([.. Policies, .. other.Policies], [.. Templates, .. other.Templates]);

    /// <summary>
    /// The set with a policy made from a template. Throws <see cref="ArgumentException"/> when there is no such template, the id is in use, or
    /// the entities are not the ones that its slots ask for.
    /// </summary>
    public PolicySet Link(string template, string id, EntityUid? principal = null, EntityUid? resource = null)
    {
        var found = Templates.FirstOrDefault(t => t.Id == template) ?? throw new ArgumentException($"there is no template `{template}`");
        if (Policies.Concat(Templates).Any(p => p.Id == id))
            throw new ArgumentException($"there is already a policy `{id}`");
        return new([.. Policies, found.Link(id, principal, resource)], Templates);
    }

    /// <summary>Evaluates the policies that may apply; one that errs is skipped and reported.</summary>
    public Evaluation Evaluate(Request request, Entities entities) => (index ??= new(Policies)).Evaluate(new(request, entities));

    /// <summary>
    /// Says which conditions stood against a request, and which single changes of an attribute or a membership would have it accepted. Each
    /// change is tried before it is offered.
    /// </summary>
    /// <param name="accepted">What counts as accepted; Cedar's own decision when not given.</param>
    public Explanation Explain(Request request, Entities entities, Func<Evaluation, bool>? accepted = null) =>
        new Explainer(this, request, entities, accepted ?? (e => e.Allowed)).Explain();

    /// <summary>
    /// The permits whose head matches the request and that are withheld by one of their conditions: each with that condition, and how many of its conditions
    /// before it are met. In the order of the text.
    /// </summary>
    public IReadOnlyList<(Policy Policy, Condition Unmet, int Met)> Withheld(Request request, Entities entities)
    {
        var env = new Env(request, entities);
        var withheld = new List<(Policy, Condition, int)>();
        foreach (var policy in Policies.Where(p => p.Effect is Effect.Permit && p.InScope(env)))
        {
            var met = policy.Conditions.TakeWhile(c => c.Test(env) is Truth.True).Count();
            if (met < policy.Conditions.Count)
                withheld.Add((policy, policy.Conditions[met], met));
        }

        return withheld;
    }

    internal static PolicySet Of(IEnumerable<Policy> policies)
    {
        var all = policies.ToLookup(p => p.IsTemplate);
        return new([.. all[false]], [.. all[true]]);
    }
}
