using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Members;

/// <summary>Puts a person out of action everywhere in the tenant, with their agents and every token. Undone by letting them come back.</summary>
public sealed class SuspendMember : InternalAction
{
    internal const string Schema = """
        {
          "type": "object", "additionalProperties": false, "required": ["principal"],
          "properties": { "principal": { "type": "string", "title": "Who", "format": "guid" } }
        }
        """;

    public override string Kind => "member.suspend";

    public override string Family => "members";

    public override string Title => "Suspend a person";

    public override string Description =>
        "Ends a person's sessions and tokens in the whole tenant at once, and those of their agents. Their roles stay for when they come back.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema => Schema;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await FindAsync(input, call, ct) is { } who ? await BindingAsync(who, call, ct) : [];

    /// <summary>What it is to bind somebody in the whole tenant.</summary>
    internal static async Task<List<string>> BindingAsync(Principal who, ActionCall call, CancellationToken ct)
    {
        var effects = new List<string>();
        if (await call.State.FindRoleAsync(who.Id, Level.Owner, ct) is not null)
            effects.Add(AuthorityEffect.BindsOwner);
        if (await call.State.OwnsBeyondAsync(who.Id, call.By.Id, ct))
            effects.Add(AuthorityEffect.BindsOwnerElsewhere);
        return effects;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var who = await FindAsync(input, call, ct);
        if (who is null)
            return Missing();

        var (own, last, reach) = (
            call.IsOwn(who.Id),
            await call.State.IsLastOwnerAsync(who.Id, ct),
            await call.State.ReachesAsync(call.By.Id, who.Id, ct)
        );
        var agents = await call.State.FindAgentsOfAsync(who.Id, ct);
        var active = who.SuspendedAt is null;
        var over = !active && await call.TakesOverAsync(who.SuspendedLevel ?? Level.Admin, who.SuspendedBy, [who.Id], ct);
        return new(
            [
                new(
                    "active",
                    active || over,
                    active ? "They are active."
                        : over ? "They are suspended; from now on it is you who suspended them."
                        : "They are suspended already."
                ),
                new("somebody-else", !own, own ? "Nobody suspends themselves." : "Somebody else does it."),
                new(
                    "last-owner",
                    !last,
                    last ? "They are the last owner of a workspace. Make somebody else an owner first." : "Every workspace keeps an owner."
                ),
                new(
                    "reach",
                    reach,
                    reach
                        ? "Whoever suspends them looks after every workspace that they work in."
                        : "They work in a workspace that you do not look after. Take their roles here away, or ask an owner there."
                ),
            ],
            $"{who.Name} loses their sessions and tokens{(agents.Count == 0 ? "" : $", and so do their agents: {string.Join(", ", agents.Select(a => a.Name))}")}.",
            "active",
            "suspended",
            "Let them come back; they sign in again.",
            $"{who.Version}/{string.Join(',', agents.Select(a => $"{a.Id}:{a.Version}"))}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not { } who)
            return new NotFound("person", input.Text("principal"));
        if (await call.State.IsLastOwnerAsync(who.Id, ct))
            return new LastOwner();

        await call.State.SuspendAsync(who, null, "suspended", call.By, ct);
        var agents = await call.State.SuspendAgentsOfAsync(who.Id, "owner.suspended", call.By, ct);
        return new Change(
            $"{who.Name} is suspended{(agents == 0 ? "" : agents == 1 ? ", and 1 agent with them" : $", and {agents} agents with them")}.",
            new("member.resume", input, $"Let {who.Name} come back."),
            "active",
            "suspended"
        );
    }

    internal static async Task<Principal?> FindAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindPrincipalAsync(Guid.Parse(input.Text("principal")), ct) is { Kind: PrincipalKind.User } who ? who : null;

    internal static Preflight Missing() =>
        new([new("person", false, "There is no such person here.")], "Nothing can be done.", null, null, "Nothing to undo.", "-");
}

/// <summary>Lets a suspended person come back, and with them the agents that were suspended only through them. Undone by suspending them.</summary>
public sealed class ResumeMember : InternalAction
{
    public override string Kind => "member.resume";

    public override string Family => "members";

    public override string Title => "Let a person come back";

    public override string Description =>
        "Lets a suspended person sign in again, with the roles that they still hold, and their agents that were suspended only through them.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema => SuspendMember.Schema;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await SuspendMember.FindAsync(input, call, ct) is { } who
            ?
            [
                .. await SuspendMember.BindingAsync(who, call, ct),
                .. AuthorityEffect.Lifting(who.SuspendedLevel ?? Level.Admin, call.IsOwn(who.Id)),
            ]
            : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var who = await SuspendMember.FindAsync(input, call, ct);
        if (who is null)
            return SuspendMember.Missing();

        var (suspended, reach) = (who.SuspendedAt is not null, await call.State.ReachesAsync(call.By.Id, who.Id, ct));
        return new(
            [
                new("suspended", suspended, suspended ? "They are suspended." : "They are not suspended."),
                new(
                    "reach",
                    reach,
                    reach
                        ? "Whoever lets them come back looks after every workspace that they work in."
                        : "They work in a workspace that you do not look after. Ask an owner there."
                ),
            ],
            $"{who.Name} may sign in again.",
            "suspended",
            "active",
            "Suspend them again.",
            $"{who.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await SuspendMember.FindAsync(input, call, ct) is not { } who)
            return new NotFound("person", input.Text("principal"));

        await call.State.ResumeAsync(who, "resumed", call.By, ct);
        foreach (var agent in (await call.State.FindAgentsOfAsync(who.Id, ct)).Where(a => a.SuspendedThrough == who.Id))
            await call.State.ResumeAsync(agent, "owner.resumed", call.By, ct);
        return new Change(
            $"{who.Name} may sign in again.",
            new("member.suspend", input, $"Suspend {who.Name} again."),
            "suspended",
            "active"
        );
    }
}

/// <summary>Somebody leaves the workspace by themselves, with all their roles in it.</summary>
public sealed class LeaveWorkspace : InternalAction
{
    public override string Kind => "member.leave";

    public override string Family => "members";

    public override string Title => "Leave the workspace";

    public override string Description => "Gives all your roles here back. An owner can let you in again.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema => """{ "type": "object", "additionalProperties": false, "properties": {} }""";

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => "self";

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var roles = await call.State.FindRolesAsync(call.By.Id, ct);
        var last = roles.Any(r => r is { Role: "owner", Until: null }) && await call.State.FindOtherOwnerAsync(call.By.Id, ct) is null;
        return new(
            [
                new("member", roles.Count > 0, roles.Count > 0 ? "You hold roles here." : "You hold no role here."),
                new(
                    "last-owner",
                    !last,
                    last ? "You are the last owner. Make somebody else an owner first." : "An owner for good remains."
                ),
            ],
            "You lose all your roles here.",
            string.Join(", ", roles.Select(r => r.Role)),
            null,
            "An owner grants them again.",
            string.Join('/', roles.Select(r => $"{r.Role}:{r.Version}"))
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var roles = await call.State.FindRolesAsync(call.By.Id, ct);
        if (roles.Any(r => r is { Role: "owner", Until: null }))
        {
            if (await call.State.FindOtherOwnerAsync(call.By.Id, ct) is not { } stays)
                return new LastOwner();
            call.State.Vouch(stays);
        }

        foreach (var role in roles)
            call.State.Remove(role);
        await call.State.LeftAsync(call.By.Id, call.By, ct);
        return new Change($"{call.By.Name} left.", null, string.Join(", ", roles.Select(r => r.Role)), null);
    }
}
