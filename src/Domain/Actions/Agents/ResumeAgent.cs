using System.Text.Json;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Agents;

/// <summary>Lets a suspended agent work again, with a new token. Undone by suspending it.</summary>
public sealed class ResumeAgent : InternalAction
{
    public override string Kind => "agent.resume";

    public override string Family => "agents";

    public override string Title => "Resume an agent";

    public override string Description => "Lets a suspended agent ask for tokens again. Tokens from before stay dead.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema => AgentInput.Schema;

    public override string TargetType => "Agent";

    public override string TargetId(JsonElement input) => input.Text("agentId");

    // Those who suspended it themselves may let it work again; else nobody who answers for it, or stands behind what it does, does. What was suspended only
    // through a person has done nothing itself.
    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await AgentInput.FindAsync(input, call, ct) is not { SuspendedAt: not null, SuspendedThrough: null } agent
        || agent.SuspendedBy == call.By.Id
            ? []
            : [.. AuthorityEffect.Lifting(agent.SuspendedLevel ?? Level.Admin, call.Independence.IsAmong(call.By.Id, agent.Concerned))];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var agent = await AgentInput.FindAsync(input, call, ct);
        var owner = agent?.OwnerId is { } id ? await call.State.FindTenantPrincipalAsync(id, ct) : null;
        var answered = owner?.IsActive(call.Now) != false;
        var looked = AgentInput.Preflight(
            agent,
            "suspended",
            agent is { SuspendedAt: not null },
            "may ask for tokens again",
            "Suspend the agent again."
        );
        var known = agent?.SuspendedThrough is { } through && agent.IsKnownTo(through) && agent.OwnerId != through;
        var credential = new Check(
            "credential",
            !known,
            known
                ? "It signs in with what a suspended person knows. Give it another secret or other keys first."
                : "Nobody who is suspended knows what it signs in with."
        );
        return looked with
        {
            Checks =
            [
                .. looked.Checks,
                credential,
                new(
                    "owner",
                    answered,
                    answered
                        ? "Its owner is active."
                        : $"Its owner, {owner!.Name}, is suspended. Transfer it to somebody else, or let them come back first."
                ),
            ],
        };
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await AgentInput.FindAsync(input, call, ct) is not { } agent)
            return new NotFound("agent", input.Text("agentId"));

        await call.State.ResumeAsync(agent, "resumed", call.By, ct);
        return new Change($"{agent.Name} is active.", new("agent.suspend", input, $"Suspend {agent.Name} again."), "suspended", "active");
    }
}
