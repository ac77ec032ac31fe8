using System.Text.Json;
using Mumega.Domain.Elevations;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Elevations;

/// <summary>Gives whoever asks a role for a short time, once somebody lets them. Undone by ending it.</summary>
public class TakeRole : InternalAction
{
    public override string Kind => "elevation.take";

    public override string Family => "elevations";

    public override string Title => "Be elevated";

    public override string Description =>
        "Gives you a role here for between 15 minutes and 8 hours. Everything that you see or do by it leaves a receipt.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The elevations' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["role", "minutes"],
              "properties": {
                "role": { "title": "Role", "enum": ["owner", "admin", "operator", "approver", "auditor"] },
                "minutes": { "type": "integer", "title": "Minutes", "minimum": 1, "maximum": 100000 }
              }
            }
            """;

    public override string TargetType => "Elevation";

    public override string TargetId(JsonElement input) => input.Text("role");

    protected virtual bool BreaksGlass => false;

    public override Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyCollection<string>>(input.Text("role") == Level.Owner ? [AuthorityEffect.MakesOwner] : []);

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        input.GetProperty("minutes").GetInt32() is >= Elevation.MinMinutes and <= Elevation.MaxMinutes
            ? []
            : [new("/minutes", $"between {Elevation.MinMinutes} and {Elevation.MaxMinutes}")];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (role, minutes) = (input.Text("role"), input.GetProperty("minutes").GetInt32());
        var (held, who) = (await call.State.FindRoleAsync(call.By.Id, role, ct), await call.State.FindTenantPrincipalAsync(call.By.Id, ct));
        var person = call.By is { Kind: PrincipalKind.User, Chain.Count: 0 };
        var owns = !BreaksGlass || await call.State.OwnsSomethingAsync(call.By.Id, ct);
        return new(
            [
                new("person", person, person ? "A person asks for themselves." : "Only a person is elevated, and nobody on their behalf."),
                new("above", held is null, held is null ? "They do not hold it already." : "They hold it already."),
                new(
                    "active",
                    who?.IsActive(call.Now) == true,
                    who?.IsActive(call.Now) == true ? "They are active." : "They are suspended."
                ),
                new("owner", owns, owns ? "They may ask." : "Only somebody who owns a workspace of the tenant breaks the glass."),
            ],
            $"{who?.Name} holds the role {role} for {minutes} minutes{(BreaksGlass ? ", without being let in" : "")}.",
            held is null ? "Not held" : "Held",
            $"{role} for {minutes} minutes",
            "End it before its time.",
            $"{held is null}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (role, minutes) = (input.Text("role"), input.GetProperty("minutes").GetInt32());
        if (await call.State.FindRoleAsync(call.By.Id, role, ct) is not null)
            return new WrongState("HELD", "NOT HELD");

        var until = call.Now.AddMinutes(minutes);
        await call.State.ElevateAsync(call.By, role, until, call.RunId, BreaksGlass, ct);
        return new Change($"Elevated to {role} until {until:u}.", null, null, $"{role} until {until:u}");
    }
}

/// <summary>The same without being let in, for owners when nobody else is there. Somebody looks over it afterwards.</summary>
public sealed class BreakGlass : TakeRole
{
    public override string Kind => "elevation.break-glass";

    public override string Title => "Break the glass";

    public override string Description => "Gives an owner of the tenant a role here at once. Somebody else looks over it afterwards.";

    protected override bool BreaksGlass => true;
}
