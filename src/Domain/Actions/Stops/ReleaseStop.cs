using System.Text.Json;

namespace Mumega.Domain.Actions.Stops;

/// <summary>Releases a stop; done by somebody other than the one who engaged it. Engaging it again undoes it, by hand.</summary>
public sealed class ReleaseStop : InternalAction
{
    public override string Kind => "stop.release";

    public override string Family => "stops";

    public override string Title => "Release a stop";

    public override string Description => "Lets what a stop held go on from where it was.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    public override bool Listed => false;

    public override string InputSchema => """
        {
          "type": "object", "additionalProperties": false, "required": ["stopId"],
          "properties": { "stopId": { "type": "string", "title": "Stop", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" } }
        }
        """;

    public override string TargetType => "Stop";

    public override string TargetId(JsonElement input) => input.Text("stopId");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var stop = await call.State.FindStopAsync(Guid.Parse(input.Text("stopId")), ct);
        var engaged = stop is { ReleasedAt: null };
        var another = stop?.EngagedBy != call.By.Id;
        return new(
            [
                new("engaged", engaged, engaged ? "The stop is engaged." : "The stop is not engaged."),
                new("somebody else", another, another ? "It was engaged by somebody else." : "You engaged this stop; somebody else has to release it."),
            ],
            "What the stop held goes on from where it was.", stop?.Reason, null, "Engage the stop again.", $"{stop?.Version ?? 0}");
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindStopAsync(Guid.Parse(input.Text("stopId")), ct) is not { } stop) return new NotFound("stop", input.Text("stopId"));
        if ((await call.State.ReleaseStopAsync(stop, call.By, ct)).Refused(out var why, out _)) return why;
        return new Change("The stop is released.", null, "ENGAGED", "RELEASED");
    }
}
