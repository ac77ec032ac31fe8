using System.Reflection;
using System.Text.Json;
using Mumega.Cedar;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;

namespace Mumega.Domain.Policies;

public enum Verdict
{
    Deny,
    Allow,
    AllowBehindGates,
}

/// <summary>A hold that lasts until enough holders of a role have approved.</summary>
/// <param name="Policy">The id of the policy that asks for it.</param>
/// <param name="Reason">Why, in the words of the policy's author.</param>
/// <param name="Escalate">The role that is asked as well when the time is over; without it the approval expires then.</param>
/// <param name="Remind">After how long those who have not decided are reminded; absent when they are not.</param>
/// <param name="Also">The role that is asked as well since the time was over.</param>
public sealed record Gate(
    string Role,
    int Quorum,
    TimeSpan Expires,
    string Policy,
    string? Reason,
    string? Escalate = null,
    TimeSpan? Remind = null,
    string? Also = null
)
{
    /// <summary>The roles whose holders can open it now.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<string> Asks => Also is null ? [Role] : [Role, Also];

    /// <summary>All that a person who approves relies on, in one text.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Terms => $"{Quorum} × {Role} ({Policy}{(Escalate is null ? "" : $", then {Escalate}")})";

    /// <summary>What stands for a role where one person, and nobody else, has to agree.</summary>
    public static string PersonRole(Guid person) => $"person:{person}";

    /// <summary>The person who has to agree; absent where holders of a role do.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Guid? Person =>
        Role.StartsWith("person:", StringComparison.Ordinal) && Guid.TryParse(Role["person:".Length..], out var id) ? id : null;

    /// <summary>A gate that only this person opens, because something would come about in their name.</summary>
    public static Gate Consent(Guid person) =>
        new(
            PersonRole(person),
            1,
            TimeSpan.FromHours(72),
            "guardrail.consent",
            "Nothing comes about in somebody's name without their word."
        );
}

/// <summary>What a workflow does by itself once a transition was taken.</summary>
/// <param name="Transition">The transition's name in the workflow.</param>
/// <param name="Title">The same for people.</param>
/// <param name="Action">The kind of the action that it runs.</param>
public sealed record FollowUp(string Transition, string Title, string Action, Rating Rating)
{
    /// <summary>The rating of an action with everything that it sets off: the worst of them.</summary>
    public static Rating Worst(Rating own, IReadOnlyList<FollowUp>? setsOff) =>
        (setsOff ?? []).Aggregate(own, (worst, f) => worst.Or(f.Rating));
}

/// <summary>What policy says about one act.</summary>
/// <param name="Policies">The ids of the policies that determined the verdict.</param>
/// <param name="PolicyVersion">The version of the tenant's policies that was asked.</param>
/// <param name="Remedies">What would change the verdict; each was tried against the same policies before being offered.</param>
/// <param name="SetsOff">What a workflow would do by itself after it; absent when nothing.</param>
/// <param name="DependsOn">What else it rests on and an approval binds to, in words: budgets, the workflow's version, attached files; absent when nothing.</param>
public sealed record Decision(
    Verdict Verdict,
    IReadOnlyList<string> Policies,
    string PolicyVersion,
    string Reason,
    IReadOnlyList<Gate> Gates,
    IReadOnlyList<string> Remedies,
    IReadOnlyList<FollowUp>? SetsOff = null,
    IReadOnlyList<string>? DependsOn = null
)
{
    /// <summary>The rating of an action with everything that it sets off: the worst of them.</summary>
    public Rating RatingOf(Rating own) => FollowUp.Worst(own, SetsOff);

    /// <summary>The same behind further gates.</summary>
    public Decision Behind(IEnumerable<Gate> more)
    {
        Gate[] gates = [.. Gates.Concat(more).DistinctBy(g => (g.Policy, g.Role))];
        return Verdict is Verdict.Deny || gates.Length == Gates.Count
            ? this
            : this with
            {
                Verdict = Verdict.AllowBehindGates,
                Policies = [.. Policies.Concat(gates.Select(g => g.Policy)).Distinct()],
                Reason = gates[0].Reason ?? "an approval is needed",
                Gates = gates,
                Remedies = [.. gates.Select(Remedy)],
            };
    }

    internal static string Remedy(Gate gate) =>
        gate.Person is null
            ? $"{gate.Quorum} approval{(gate.Quorum == 1 ? "" : "s")} by the role {gate.Role}."
            : "The agreement of the person in whose name it is.";

    public PolicyDenied AsRefusal() => new(Reason, Policies, PolicyVersion);

    /// <summary>What holds when somebody else has to be allowed too: the stricter verdict, and the gates of both.</summary>
    /// <param name="other">What is said about the other.</param>
    /// <param name="denied">How a denial of the other begins.</param>
    public Decision And(Decision other, string denied)
    {
        if (Verdict is Verdict.Deny)
            return this;
        if (other.Verdict is Verdict.Deny)
            return other with { Reason = $"{denied}: {other.Reason}" };

        Gate[] gates = [.. Gates.Concat(other.Gates).DistinctBy(g => (g.Policy, g.Role))];
        return gates.Length == Gates.Count
            ? this
            : other with
            {
                Policies = [.. Policies.Concat(other.Policies).Distinct()],
                Gates = gates,
                Remedies = [.. Remedies.Concat(other.Remedies).Distinct()],
            };
    }
}

/// <summary>Acts that are not runs of a catalogue action but ask policy all the same.</summary>
public static class ControlAct
{
    public const string Read = "workspace.read";
    public const string DecideApproval = "approval.decide";

    /// <summary>Somebody says yes or no to what would come about in their name.</summary>
    public const string Consent = "approval.consent";
    public const string CancelRun = "run.cancel";
    public const string RollBackRun = "run.rollback";
    public const string SettleRun = "run.settle";
    public const string EngageStop = "stop.engage";
    public const string EngageTenantStop = "stop.engage.tenant";

    /// <summary>A partner reads receipts under a contract; what it sees of them is the contract's matter.</summary>
    public const string ReadContract = "contract.read";

    /// <summary>The value of one field of a receipt is shown; the field's name is in the context.</summary>
    public const string OpenField = "receipt.open";

    /// <summary>Somebody takes a task that is theirs to do, or gives it back.</summary>
    public const string ClaimTask = "task.claim";

    /// <summary>Somebody gives a task to somebody else.</summary>
    public const string AssignTask = "task.assign";

    /// <summary>Somebody has another person decide for them for some days, or ends that.</summary>
    public const string Delegate = "approval.delegate";

    /// <summary>Somebody lets a workflow go on that could not make good what it did.</summary>
    public const string ResumePacket = "packet.resume";

    /// <summary>Somebody gives an agent another client secret.</summary>
    public const string AgentSecret = "agent.secret";

    /// <summary>Somebody ends another's elevation, or looks over broken glass.</summary>
    public const string ControlElevation = "elevation.control";

    /// <summary>Somebody takes back what they proposed themselves.</summary>
    public const string WithdrawRun = "run.withdraw";

    /// <summary>Somebody ends their own elevation.</summary>
    public const string EndElevation = "elevation.end";

    /// <summary>Somebody makes a link for an invitation.</summary>
    public const string LinkInvitation = "member.link";

    /// <summary>Somebody reads or exports the audit log, with who signed in and who could not.</summary>
    public const string ReadAudit = "audit.read";

    /// <summary>Somebody takes receipts away with their proofs.</summary>
    public const string ReadEvidence = "evidence.read";

    /// <summary>Somebody looks at what an agent signs in with: its keys' names, when its secret was issued, how many tokens hold.</summary>
    public const string ReadCredentials = "credentials.read";

    public static readonly IReadOnlyList<string> All =
    [
        Read,
        DecideApproval,
        Consent,
        CancelRun,
        RollBackRun,
        SettleRun,
        EngageStop,
        EngageTenantStop,
        ReadContract,
        ClaimTask,
        AssignTask,
        Delegate,
        ResumePacket,
        AgentSecret,
        ControlElevation,
        EndElevation,
        WithdrawRun,
        LinkInvitation,
        ReadAudit,
        ReadEvidence,
        ReadCredentials,
    ];
}

/// <summary>Everything a decision looks at.</summary>
/// <param name="Roles">The roles that the principal holds in the workspace now.</param>
/// <param name="Act">A catalogue action's kind or a <see cref="ControlAct"/>.</param>
/// <param name="Input">The action's input; absent for control acts.</param>
/// <param name="Field">For <see cref="ControlAct.OpenField"/>: the name of the field.</param>
/// <param name="Tier">How an agent works; absent for anybody else.</param>
/// <param name="Rating">The rating of the action with what it sets off; absent when it sets nothing off.</param>
/// <param name="Effects">What the act does to authority, as <see cref="AuthorityEffect"/> names it.</param>
public sealed record Question(
    Actor Principal,
    bool Suspended,
    IReadOnlySet<string> Roles,
    Guid WorkspaceId,
    string Act,
    ActionDefinition? Action,
    JsonElement? Input,
    string? Field = null,
    AgentTier? Tier = null,
    Rating? Rating = null,
    IReadOnlyCollection<string>? Effects = null
);

/// <summary>The one place where authority is decided: Cedar policies of the tenant under guardrails that no tenant can edit.</summary>
public sealed class PolicyBook
{
    /// <summary>The roles whose holders are people, so that a gate may ask for them.</summary>
    public static readonly IReadOnlyList<string> GateRoles = ["owner", "admin", "operator", "approver", "auditor"];

    /// <summary>The roles whose holders count as holding this one: an owner is an admin too.</summary>
    public static IReadOnlyList<string> RolesThatInclude(string role) => role == "admin" ? ["admin", "owner"] : [role];

    /// <summary>The roles that follow from those that were granted.</summary>
    public static IReadOnlySet<string> Implied(IEnumerable<string> granted)
    {
        var roles = granted.ToHashSet(StringComparer.Ordinal);
        if (roles.Contains("owner"))
            roles.Add("admin");
        return roles;
    }

    /// <summary>How long an approval is waited for when nobody says otherwise.</summary>
    public static readonly TimeSpan DefaultExpiry = TimeSpan.FromHours(72);
    private static readonly PolicySet Guardrails = PolicySet.Parse(Resource("Guardrails.cedar"));

    private readonly PolicySet policies;
    private readonly string version;
    private readonly bool traces;

    /// <summary>Throws <see cref="CedarSyntaxException"/> when the text is not Cedar.</summary>
    /// <param name="number">The version of the tenant's policies.</param>
    /// <param name="text">Their text.</param>
    /// <param name="made">What roles of the tenant's own and exceptions for members stand for, as policies.</param>
    public PolicyBook(int number, string text, string made = "")
    {
        version = $"v{number}";
        policies = Guardrails.And(PolicySet.Parse(text));
        if (made.Length > 0)
            policies = policies.And(PolicySet.Parse(made));
        traces = policies.Policies.Any(IsTrace);
    }

    /// <summary>The tenant's own policies, without the guardrails, as a set that can be looked through.</summary>
    public static IReadOnlyList<Gate> GatesIn(string text) => [.. PolicySet.Parse(text).Policies.Where(IsGate).Select(Gate)];

    /// <summary>The platform's policies, which no tenant can change.</summary>
    public static string GuardrailText => Resource("Guardrails.cedar");

    /// <summary>The policies that a new tenant starts with.</summary>
    public static string Seed => Resource("Seed.cedar");

    public Decision Decide(Question question)
    {
        if (BeyondLimits(question) is { } beyond)
            return Denied(["guardrail.limits-of-tokens"], beyond, ["A token that is handed over for this act too."]);

        var (request, entities) = Ask(question);
        var answer = policies.Evaluate(request, entities);

        // Cedar skips a policy that can't be evaluated. A forbid that can't be read must not open a door, so here it denies.
        // Asked about an action as such, before there is an input, what hangs on the input stays open.
        var open = question is { Action: not null, Input: null };
        var broken = answer.Errors.Where(e => e.Policy.Effect == Effect.Forbid && !open).ToList();
        if (broken.Count > 0)
            return Denied(
                [.. broken.Select(e => e.Policy.Id)],
                $"policy {broken[0].Policy.Id} could not be evaluated: {broken[0].Message}",
                []
            );

        var denials = answer.Forbids.Where(IsDenial).ToList();
        if (denials.Count > 0)
        {
            var reason = denials[0].Annotations.GetValueOrDefault("reason") ?? $"forbidden by {denials[0].Id}";
            return Denied(
                [.. denials.Select(p => p.Id)],
                reason,
                [.. denials.Select(p => p.Annotations.GetValueOrDefault("remedy")).OfType<string>(), .. Remedies(request, entities)]
            );
        }

        if (answer.Permits.Count == 0)
            return Withheld(request, entities);

        var gates = answer.Forbids.Where(IsGate).Select(Gate).ToList();
        IReadOnlyList<string> permits = [.. answer.Permits.Select(p => p.Id)];
        return gates.Count == 0
            ? new(Verdict.Allow, permits, version, answer.Permits[0].Annotations.GetValueOrDefault("reason") ?? "permitted", [], [])
            : new(
                Verdict.AllowBehindGates,
                [.. permits, .. gates.Select(g => g.Policy)],
                version,
                gates[0].Reason ?? "an approval is needed",
                gates,
                [.. gates.Select(Decision.Remedy)]
            );
    }

    /// <summary>Whether a policy wants what is read to be written down.</summary>
    public bool Traces(Question question)
    {
        if (!traces)
            return false;
        var (request, entities) = Ask(question);
        return policies.Evaluate(request, entities).Forbids.Any(IsTrace);
    }

    // A token that was handed over for some acts is good for those, for looking, and for taking back what was proposed with it.
    private static string? BeyondLimits(Question question)
    {
        if (
            question.Principal.Limits is not { } limits
            || question.Act is ControlAct.Read or ControlAct.OpenField or ControlAct.WithdrawRun or ControlAct.RollBackRun // The undo is an act of its own, and asked about as such.
        )
            return null;
        return limits.Any(l => l.Covers(question.Act, question.WorkspaceId)) ? null
            : limits.Any(l => l.Acts.Contains(question.Act)) ? $"the token is not handed over for {question.Act} in this workspace."
            : $"the token is handed over for {string.Join(", ", limits.SelectMany(l => l.Acts).Distinct().Order(StringComparer.Ordinal))} only.";
    }

    // Where a permit is for just this but for one of its conditions, that condition is the reason.
    private Decision Withheld(Request request, Entities entities)
    {
        var nearest = policies
            .Withheld(request, entities)
            .Where(w => w.Met > 0 || w.Unmet.Unless)
            .OrderByDescending(w => w.Met)
            .FirstOrDefault();
        return nearest.Policy is null
            ? Denied([], "no policy permits it.", Remedies(request, entities))
            : Denied(
                [nearest.Policy.Id],
                $"{nearest.Policy.Id} permits it {(nearest.Unmet.Unless ? "unless" : "only when")} {nearest.Unmet.Text.Trim()}.",
                Remedies(request, entities)
            );
    }

    private Decision Denied(IReadOnlyList<string> ids, string reason, IReadOnlyList<string> remedies) =>
        new(Verdict.Deny, ids, version, reason, [], remedies);

    // What a principal can ask for: a role, or another input. Anything else about them or the resource is not theirs to change.
    private IReadOnlyList<string> Remedies(Request request, Entities entities) =>
        [
            .. policies
                .Explain(
                    request,
                    entities,
                    e => e.Permits.Count > 0 && !e.Forbids.Any(IsDenial) && e.Errors.All(x => x.Policy.Effect is Effect.Permit)
                )
                .Remedies.Select(r =>
                    r switch
                    {
                        AddParent { Entity: var who, Parent: { Type: "Mumega::Role" } role } when who == request.Principal =>
                            $"The role {role.Id} in this workspace.",
                        SetAttribute { Entity: null, Path: ["input", _, ..] } set =>
                            $"{string.Join('.', set.Path.Skip(1))} {(set.After is null ? "left out" : $"= {set.After}")}{(set.Before is null ? "" : $" instead of {set.Before}")}.",
                        _ => null,
                    }
                )
                .OfType<string>(),
        ];

    private static bool IsGate(Policy policy) => policy.Annotations.ContainsKey("gate");

    private static bool IsTrace(Policy policy) => policy.Annotations.ContainsKey("trace");

    // A gate holds, and a trace only has it written down.
    private static bool IsDenial(Policy policy) => !IsGate(policy) && !IsTrace(policy);

    private static Gate Gate(Policy policy) =>
        new(
            policy.Annotations["gate"],
            int.TryParse(policy.Annotations.GetValueOrDefault("quorum"), out var quorum) ? Math.Max(1, quorum) : 1,
            policy.Annotations.GetValueOrDefault("expires") is { } text ? PolicyCheck.Span(text) ?? DefaultExpiry : DefaultExpiry,
            policy.Id,
            policy.Annotations.GetValueOrDefault("reason"),
            policy.Annotations.GetValueOrDefault("escalate"),
            policy.Annotations.GetValueOrDefault("remind") is { } remind ? PolicyCheck.Span(remind) : null
        );

    private static (Request Request, Entities Entities) Ask(Question question)
    {
        var by = question.Principal;
        var tenant = Value.Of(by.TenantId.ToString());
        var workspace = new EntityUid("Mumega::Workspace", question.WorkspaceId.ToString());
        var principal = new EntityUid($"Mumega::{by.Kind}", by.Id.ToString());
        // What is about the workspace itself has it as its resource.
        var resource = question is { Action: { TargetType: not "Workspace" } action, Input: { } input }
            ? new EntityUid(PolicySchema.ResourceType(action), action.TargetId(input))
            : workspace;
        var act = new EntityUid("Mumega::Action", question.Act);

        var entities = new List<Entity>
        {
            new(
                principal,
                Attributes(
                    ("tenant", tenant),
                    ("suspended", Value.Of(question.Suspended)),
                    ("workspaces", Value.SetOf(by.Workspaces.Select(w => w.ToString()))),
                    ("tier", question.Tier is { } tier ? Value.Of(tier.ToString().ToLowerInvariant()) : null)
                ),
                [.. question.Roles.Select(role => new EntityUid("Mumega::Role", role))]
            ),
            new(act, RecordValue.Empty, question.Action is null ? [Group("control")] : [Group(question.Action.Family), Group("act")]),
            new(workspace, Attributes(("tenant", tenant)), []),
        };
        if (resource != workspace)
            entities.Add(new(resource, Attributes(("tenant", tenant)), [workspace]));

        var context = new Dictionary<string, Value>
        {
            ["scope"] = Value.Of(ScopeFor(question)),
            ["scopes"] = Value.SetOf(by.Scopes),
            ["workspace"] = Value.Of(question.WorkspaceId.ToString()),
            ["surface"] = Value.Of(by.Surface),
            ["effects"] = Value.SetOf(question.Effects ?? []),
        };
        if (question.Field is { } field)
            context["field"] = Value.Of(field);
        if (question.Action is not null)
        {
            var rating = question.Rating ?? question.Action.Rating;
            context["blast"] = Value.Of(rating.Blast.ToString().ToLowerInvariant());
            context["reversibility"] = Value.Of(rating.Reversibility.ToString().ToLowerInvariant());
            if (question.Input is { } value)
                context["input"] = PolicySchema.InputOf(question.Action, value);
        }

        return (new(principal, act, resource, new(context)), new(entities));
    }

    private static string ScopeFor(Question question) =>
        question.Act switch
        {
            ControlAct.Read or ControlAct.OpenField or ControlAct.ReadAudit or ControlAct.ReadEvidence or ControlAct.ReadCredentials =>
                Scopes.Read,
            ControlAct.ReadContract => Scopes.Receipts,
            ControlAct.DecideApproval or ControlAct.Consent or ControlAct.SettleRun or ControlAct.Delegate => Scopes.Decide,
            ControlAct.EngageStop or ControlAct.EngageTenantStop => Scopes.Stop,
            _ => Scopes.Propose,
        };

    private static EntityUid Group(string name) => new("Mumega::Action", name);

    private static RecordValue Attributes(params (string Name, Value? Value)[] fields) =>
        new(fields.Where(f => f.Value is not null).ToDictionary(f => f.Name, f => f.Value!));

    private static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Mumega.Domain.Policies.{name}")!;
        return new StreamReader(stream).ReadToEnd();
    }
}
