using System.Globalization;
using System.Text.Json;
using Mumega.Domain.Identity;

namespace Mumega.Domain.Actions.Agents;

/// <summary>Adds an agent that somebody answers for, until a day. It gets its credentials afterwards. Undone by retiring it.</summary>
public sealed class RegisterAgent : InternalAction
{
    /// <summary>The longest that an agent works until somebody certifies it again.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    internal const string Tiers = """["interactive", "background", "api"]""";

    public override string Kind => "agent.register";

    public override string Family => "agents";

    public override string Title => "Register an agent";

    public override string Description =>
        "Adds an agent with an owner, a purpose and an end date. It can sign in once it has a secret or a key.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The agents' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        $$"""
            {
              "type": "object", "additionalProperties": false, "required": ["name", "purpose", "tier", "owner", "endsAt"],
              "properties": {
                "name": { "type": "string", "title": "Name", "minLength": 1, "maxLength": 80 },
                "purpose": { "type": "string", "title": "What it is for", "minLength": 1, "maxLength": 2000 },
                "tier": { "title": "Tier", "description": "Beside a person, by itself in the background, or a program that calls the API.", "enum": {{Tiers}} },
                "owner": { "type": "string", "title": "Who answers for it", "format": "guid" },
                "endsAt": { "type": "string", "title": "Works until", "description": "A year at most; then somebody certifies it again.", "format": "date-time" }
              }
            }
            """;

    public override string TargetType => "Agent";

    public override string TargetId(JsonElement input) => input.Text("name");

    public override IEnumerable<Guid> InTheNameOf(JsonElement input) => [Guid.Parse(input.Text("owner"))];

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var faults = new List<InputFault>();
        if (await call.State.FindPrincipalAsync(Guid.Parse(input.Text("owner")), ct) is not { Kind: PrincipalKind.User })
            faults.Add(new("/owner", "there is no such person in this workspace"));
        if (EndProblem(input, call) is { } problem)
            faults.Add(new("/endsAt", problem));
        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var owner = await call.State.FindPrincipalAsync(Guid.Parse(input.Text("owner")), ct);
        var active = owner is { Kind: PrincipalKind.User } && owner.IsActive(call.Now);
        return new(
            [new("owner", active, active ? $"{owner!.Name} answers for it." : "Nobody would answer for it.")],
            $"{input.Text("name")} may propose what policies let agents propose, until {EndsAt(input):u}.",
            null,
            input.Text("purpose"),
            "Retire it.",
            $"{owner?.Version ?? -1}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindPrincipalAsync(Guid.Parse(input.Text("owner")), ct) is not { Kind: PrincipalKind.User } owner)
            return new NotFound("owner", input.Text("owner"));

        var agent = call.State.AddAgent(
            input.Text("name"),
            input.Text("purpose"),
            Enum.Parse<AgentTier>(input.Text("tier"), ignoreCase: true),
            owner,
            EndsAt(input),
            call.By.Id
        );
        return new Change(
            $"{agent.Name} is an agent of {owner.Name}; its client id is {agent.ClientId}.",
            new("agent.retire", JsonSerializer.SerializeToElement(new { agentId = agent.Id }), $"Retire {agent.Name}."),
            null,
            agent.Id.ToString()
        );
    }

    internal static DateTimeOffset EndsAt(JsonElement input) =>
        DateTimeOffset.Parse(input.Text("endsAt"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUniversalTime();

    internal static string? EndProblem(JsonElement input, ActionCall call) =>
        EndsAt(input) <= call.Now ? "is over already"
        : EndsAt(input) > call.Now + Longest ? $"at most {Longest.TotalDays:0} days from now"
        : null;
}
