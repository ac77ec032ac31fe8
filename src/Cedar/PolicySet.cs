namespace Mumega.Cedar;

public enum Effect { Permit, Forbid }

/// <summary>A <c>when</c> or <c>unless</c> clause with the text it was written as.</summary>
public sealed class Condition
{
    private readonly Expr body;

    internal Condition(bool unless, Expr body, string text)
    {
        Unless = unless;
        Text = text;
        this.body = body;
    }

    public bool Unless { get; }

    /// <summary>The clause's expression as its author wrote it.</summary>
    public string Text { get; }

    internal Expr Body => body;

    internal bool Holds(Env env) => body.Bool(env) != Unless;
}

/// <summary>One policy. Immutable.</summary>
public sealed class Policy
{
    private readonly Expr[] scope;

    internal Policy(
        int index, Effect effect, IReadOnlyDictionary<string, string> annotations, Expr[] scope, IReadOnlyList<Condition> conditions, string text)
    {
        Effect = effect;
        Annotations = annotations;
        Conditions = conditions;
        Text = text;
        Position = index;
        Id = annotations.GetValueOrDefault("id") is { Length: > 0 } id ? id : $"policy{index}";
        this.scope = scope;
    }

    /// <summary>The value of <c>@id</c>, or <c>policyN</c> with N counted from 0 in the order of the text.</summary>
    public string Id { get; }

    /// <summary>The policy's place in its text, from 0.</summary>
    public int Position { get; }

    public Effect Effect { get; }

    public IReadOnlyDictionary<string, string> Annotations { get; }

    public IReadOnlyList<Condition> Conditions { get; }

    /// <summary>The policy as its author wrote it.</summary>
    public string Text { get; }

    internal IReadOnlyList<Expr> Scope => scope;

    internal bool InScope(Env env)
    {
        foreach (var part in scope)
        {
            if (!part.Bool(env)) return false;
        }

        return true;
    }

    internal bool Satisfied(Env env)
    {
        if (!InScope(env)) return false;
        foreach (var condition in Conditions)
        {
            if (!condition.Holds(env)) return false;
        }

        return true;
    }
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

/// <summary>A parsed set of Cedar policies. Immutable and safe to share between threads.</summary>
public sealed class PolicySet
{
    private PolicySet(IReadOnlyList<Policy> policies) => Policies = policies;

    public IReadOnlyList<Policy> Policies { get; }

    /// <summary>Reads policy text. Throws <see cref="CedarSyntaxException"/> with line and column when it is not Cedar.</summary>
    public static PolicySet Parse(string text) => new(Parser.Policies(text));

    /// <summary>Both sets as one; ids may repeat, since each policy keeps its own text.</summary>
    public PolicySet And(PolicySet other) => new([.. Policies, .. other.Policies]);

    /// <summary>Evaluates every policy; one that errors is skipped and reported.</summary>
    public Evaluation Evaluate(Request request, Entities entities)
    {
        var env = new Env(request, entities);
        List<Policy> permits = [], forbids = [];
        List<PolicyError> errors = [];
        foreach (var policy in Policies)
        {
            try
            {
                if (policy.Satisfied(env)) (policy.Effect == Effect.Permit ? permits : forbids).Add(policy);
            }
            catch (EvaluationException e)
            {
                errors.Add(new(policy, e.Message));
            }
        }

        return new(permits, forbids, errors);
    }

    /// <summary>The conditions of an in-scope policy that do not hold for this request, with their source text.</summary>
    public static IReadOnlyList<Condition> Unmet(Policy policy, Request request, Entities entities)
    {
        var env = new Env(request, entities);
        if (!policy.InScope(env)) return [];

        var unmet = new List<Condition>();
        foreach (var condition in policy.Conditions)
        {
            try
            {
                if (!condition.Holds(env)) unmet.Add(condition);
            }
            catch (EvaluationException)
            {
                unmet.Add(condition);
            }
        }

        return unmet;
    }

    /// <summary>Whether the policy's scope (principal, action, resource) matches the request, whatever its conditions say.</summary>
    public static bool InScope(Policy policy, Request request, Entities entities) => policy.InScope(new Env(request, entities));
}
