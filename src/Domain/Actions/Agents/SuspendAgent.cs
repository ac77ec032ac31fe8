using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Agents;

/// <summary>Stops an agent: its live tokens and held connections end at once. Undone by resuming it.</summary>
public sealed class SuspendAgent : InternalAction
{
    public override string Kind => "agent.suspend";

    public override string Family => "agents";

    public override string Title => "Suspend an agent";

    public override string Description => "Ends the agent's tokens and open connections at once, and refuses new ones.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema => AgentInput.Schema;

    public override string TargetType => "Agent";

    public override string TargetId(JsonElement input) => input.Text("agentId");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var agent = await AgentInput.FindAsync(input, call, ct);
        return AgentInput.Preflight(
            agent,
            "active",
            agent is { SuspendedAt: null } or { SuspendedThrough: not null }
                || (
                    agent is not null
                    && await call.TakesOverAsync(agent.SuspendedLevel ?? Level.Admin, agent.SuspendedBy, [.. agent.Concerned], ct)
                ),
            "loses its tokens and connections",
            "Resume the agent; it asks for a new token."
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await AgentInput.FindAsync(input, call, ct) is not { } agent)
            return new NotFound("agent", input.Text("agentId"));

        await call.State.SuspendAsync(agent, null, "suspended", call.By, ct);
        return new Change($"{agent.Name} is suspended.", new("agent.resume", input, $"Resume {agent.Name}."), "active", "suspended");
    }
}

/// <summary>What suspending and resuming have in common.</summary>
internal static class AgentInput
{
    public const string Schema = """
        {
          "type": "object", "additionalProperties": false, "required": ["agentId"],
          "properties": {
            "agentId": { "type": "string", "title": "Agent", "description": "The agent's id.", "format": "agent",
                         "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }
          }
        }
        """;

    public static async Task<Principal?> FindAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindPrincipalAsync(Guid.Parse(input.Text("agentId")), ct) is { Kind: PrincipalKind.Agent } agent ? agent : null;

    public static Preflight Preflight(Principal? agent, string wanted, bool ready, string effect, string plan) =>
        new(
            [Here(agent), new(wanted, ready, ready ? $"The agent is {wanted}." : $"The agent is not {wanted}."), Stands(agent)],
            $"{agent?.Name ?? "The agent"} {effect}.",
            State(agent),
            State(agent) is null ? null
                : agent!.SuspendedAt is null ? "suspended"
                : "active",
            plan,
            $"{agent?.Version ?? 0}"
        );

    public static Check Here(Principal? agent) =>
        new("agent", agent is not null, agent is null ? "There is no such agent here." : $"{agent.Name} is an agent of this tenant.");

    public static Check Stands(Principal? agent) =>
        new(
            "not-retired",
            agent is { RetiredAt: null },
            agent is { RetiredAt: null } ? "It was not retired." : "It was retired, for good. Register a new agent."
        );

    public static string? State(Principal? agent) =>
        agent switch
        {
            null => null,
            { RetiredAt: not null } => "retired",
            { SuspendedAt: not null } => "suspended",
            _ => "active",
        };
}
