using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Agents;

/// <summary>An action about one agent of this workspace, named in the input's <c>agentId</c>.</summary>
public abstract class AgentAction : InternalAction
{
    protected const string Id =
        """ "agentId": { "type": "string", "title": "Agent", "format": "agent", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" } """;

    public override string Family => "agents";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The agents' page has it.
    public override bool Listed => false;

    public override string TargetType => "Agent";

    public override string TargetId(JsonElement input) => input.Text("agentId");

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await AgentInput.FindAsync(input, call, ct) is { RetiredAt: null } agent
            ? await ApplyAsync(agent, input, call, ct)
            : new NotFound("agent", input.Text("agentId"));

    protected abstract Task<Outcome<Change>> ApplyAsync(Principal agent, JsonElement input, ActionCall call, CancellationToken ct);
}

/// <summary>Somebody says that an agent is still needed, and until when. Undone by the end that it had.</summary>
public sealed class RecertifyAgent : AgentAction
{
    public override string Kind => "agent.recertify";

    public override string Title => "Certify an agent again";

    public override string Description => "Says that the agent is still needed for what it is for, and until when it works.";

    public override string InputSchema =>
        $$"""
            {
              "type": "object", "additionalProperties": false, "required": ["agentId", "endsAt"],
              "properties": {
                {{Id}},
                "purpose": { "type": "string", "title": "What it is for", "description": "Stays as it is when left out.", "minLength": 1, "maxLength": 2000 },
                "tier": { "title": "Tier", "enum": {{RegisterAgent.Tiers}} },
                "endsAt": { "type": "string", "title": "Works until", "format": "date-time" }
              }
            }
            """;

    public override Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<InputFault>>(RegisterAgent.EndProblem(input, call) is { } problem ? [new("/endsAt", problem)] : []);

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var agent = await AgentInput.FindAsync(input, call, ct);
        return new(
            [AgentInput.Here(agent), AgentInput.Stands(agent)],
            $"{agent?.Name} works until {RegisterAgent.EndsAt(input):u}.",
            Shown(agent?.EndsAt, agent?.Purpose),
            Shown(RegisterAgent.EndsAt(input), input.TextOrNull("purpose") ?? agent?.Purpose),
            "Give it the end that it had.",
            $"{agent?.Version ?? -1}"
        );
    }

    protected override Task<Outcome<Change>> ApplyAsync(Principal agent, JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (before, undo) = (
            Shown(agent.EndsAt, agent.Purpose),
            agent.EndsAt is { } had
                ? new Undo(
                    Kind,
                    JsonSerializer.SerializeToElement(
                        new
                        {
                            agentId = agent.Id,
                            endsAt = had,
                            purpose = agent.Purpose ?? agent.Name,
                            tier = (agent.Tier ?? AgentTier.Api).ToString().ToLowerInvariant(),
                        }
                    ),
                    "Give it the end that it had."
                )
                : null
        );
        agent.EndsAt = RegisterAgent.EndsAt(input);
        agent.Purpose = input.TextOrNull("purpose") ?? agent.Purpose;
        if (input.TextOrNull("tier") is { } tier)
            agent.Tier = Enum.Parse<AgentTier>(tier, ignoreCase: true);
        (agent.CertifiedAt, agent.CertifiedBy) = (call.Now, call.By.Id);
        return Task.FromResult<Outcome<Change>>(
            new Change($"{agent.Name} works until {agent.EndsAt:u}.", undo, before, Shown(agent.EndsAt, agent.Purpose))
        );
    }

    private static string? Shown(DateTimeOffset? endsAt, string? purpose) =>
        endsAt is null && purpose is null ? null : $"{purpose} (until {endsAt:u})";
}

/// <summary>Somebody else answers for an agent from now on. Undone by giving it back.</summary>
public sealed class TransferAgent : AgentAction
{
    public override string Kind => "agent.transfer";

    public override string Title => "Transfer an agent";

    public override string Description => "Has another person answer for the agent. Its tokens end; it signs in again.";

    public override string InputSchema =>
        $$"""
            {
              "type": "object", "additionalProperties": false, "required": ["agentId", "owner"],
              "properties": { {{Id}}, "owner": { "type": "string", "title": "Who answers for it", "format": "guid" } }
            }
            """;

    public override IEnumerable<Guid> InTheNameOf(JsonElement input) => [Guid.Parse(input.Text("owner"))];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (agent, owner) = (
            await AgentInput.FindAsync(input, call, ct),
            await call.State.FindPrincipalAsync(Guid.Parse(input.Text("owner")), ct)
        );
        var fit = owner is { Kind: PrincipalKind.User } && owner.IsActive(call.Now);
        var other = agent?.OwnerId != owner?.Id;
        var before = agent?.OwnerId is { } had ? (await call.State.FindTenantPrincipalAsync(had, ct))?.Name : null;
        return new(
            [
                AgentInput.Here(agent),
                AgentInput.Stands(agent),
                new("owner", fit, fit ? $"{owner!.Name} can answer for it." : "There is no such active person in this workspace."),
                new("change", other, other ? "Somebody else answers for it." : "They answer for it already."),
            ],
            $"{owner?.Name} answers for {agent?.Name}.",
            before,
            owner?.Name,
            "Give it back.",
            $"{agent?.Version ?? -1}/{owner?.Version ?? -1}"
        );
    }

    protected override async Task<Outcome<Change>> ApplyAsync(Principal agent, JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindPrincipalAsync(Guid.Parse(input.Text("owner")), ct) is not { Kind: PrincipalKind.User } owner)
            return new NotFound("owner", input.Text("owner"));

        var had = agent.OwnerId;
        agent.OwnerId = owner.Id;
        await call.State.EndTokensAsync(agent, ct);
        return new Change(
            $"{owner.Name} answers for {agent.Name}.",
            had is null ? null : new(Kind, JsonSerializer.SerializeToElement(new { agentId = agent.Id, owner = had }), "Give it back."),
            had?.ToString(),
            owner.Id.ToString()
        );
    }
}

/// <summary>Says with which keys an agent may sign in (private_key_jwt, RFC 7523). Several may hold at once, so that one can take over from another.</summary>
public sealed class SetAgentKeys : AgentAction
{
    public override string Kind => "agent.keys";

    public override string Title => "Set an agent's keys";

    public override string Description =>
        "Replaces the public keys that the agent signs in with. Keep the old one until the new one is in use; then leave it out.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override string InputSchema =>
        $$"""
            {
              "type": "object", "additionalProperties": false, "required": ["agentId", "keys"],
              "properties": {
                {{Id}},
                "keys": { "type": "array", "title": "Public keys", "description": "JSON Web Keys, three at most; none takes all away.", "maxItems": 3, "items": { "type": "string", "maxLength": 8000 } }
              }
            }
            """;

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await AgentInput.FindAsync(input, call, ct) is { } agent ? await GivingCredentialAsync(agent, call, ct) : [];

    /// <summary>What it is to give an agent a credential: of somebody else's agent it is kept when the right to give it is over.</summary>
    public static async Task<IReadOnlyCollection<string>> GivingCredentialAsync(Principal agent, ActionCall call, CancellationToken ct) =>
        agent.OwnerId == call.By.Id || await call.State.HeldUntilAsync(call.By.Id, [Level.Owner, Level.Admin, "operator"], ct) is null
            ? []
            : [AuthorityEffect.OutlivesOwnRight];

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        [
            .. Keys(input)
                .Select((key, i) => (Problem: Jwk.Problem(key), i))
                .Where(k => k.Problem is not null)
                .Select(k => new InputFault($"/keys/{k.i}", k.Problem!)),
        ];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var agent = await AgentInput.FindAsync(input, call, ct);
        var before = agent is null ? [] : await call.State.FindAgentKeysAsync(agent, ct);
        return new(
            [AgentInput.Here(agent), AgentInput.Stands(agent)],
            $"{agent?.Name} signs in with {Count(Keys(input).Count)}.",
            Count(before.Count),
            Count(Keys(input).Count),
            "Set the keys that it had.",
            $"{agent?.Version ?? -1}/{string.Join('|', before)}"
        );
    }

    protected override async Task<Outcome<Change>> ApplyAsync(Principal agent, JsonElement input, ActionCall call, CancellationToken ct)
    {
        var before = await call.State.FindAgentKeysAsync(agent, ct);
        await call.State.SetAgentKeysAsync(agent, Keys(input), ct);
        agent.SetKeys([.. Keys(input).Select(Jwk.Thumbprint)], call.By.Id);

        // A token that a lost key got must not outlive it.
        await call.State.EndTokensAsync(agent, ct);
        return new Change(
            $"{agent.Name} signs in with {Count(Keys(input).Count)}.",
            new(Kind, JsonSerializer.SerializeToElement(new { agentId = agent.Id, keys = before }), "Set the keys that it had."),
            Count(before.Count),
            Count(Keys(input).Count)
        );
    }

    private static IReadOnlyList<string> Keys(JsonElement input) =>
        [.. input.GetProperty("keys").EnumerateArray().Select(k => k.GetString()!)];

    private static string Count(int keys) => keys == 1 ? "1 key" : $"{keys} keys";
}

/// <summary>Ends an agent for good. Its name stays in receipts; nothing else of it does, and one of the same name starts from nothing.</summary>
public sealed class RetireAgent : AgentAction
{
    public override string Kind => "agent.retire";

    public override string Title => "Retire an agent";

    public override string Description => "Ends the agent, its credentials, roles and tokens for good. Receipts still say who it was.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Irreversible;

    public override string InputSchema =>
        $$"""
            { "type": "object", "additionalProperties": false, "required": ["agentId"], "properties": { {{Id}} } }
            """;

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var agent = await AgentInput.FindAsync(input, call, ct);
        return new(
            [AgentInput.Here(agent), AgentInput.Stands(agent)],
            $"{agent?.Name} is gone for good.",
            AgentInput.State(agent),
            "retired",
            "It can't be undone. A new agent of the same name inherits nothing.",
            $"{agent?.Version ?? -1}"
        );
    }

    protected override async Task<Outcome<Change>> ApplyAsync(Principal agent, JsonElement input, ActionCall call, CancellationToken ct)
    {
        await call.State.RetireAsync(agent, call.By, ct);
        return new Change($"{agent.Name} is retired.", null, "active", "retired");
    }
}
