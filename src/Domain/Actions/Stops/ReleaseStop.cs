using System.Text.Json;
using Mumega.Domain.Policies;
using Mumega.Domain.Stops;

namespace Mumega.Domain.Actions.Stops;

/// <summary>Releases a stop; done by somebody other than the one who engaged it. Engaging it again undoes it, by hand.</summary>
public sealed class ReleaseStop : InternalAction
{
    public override string Kind => "stop.release";

    public override string Family => "stops";

    public override string Title => "Release a stop";

    public override string Description => "Lets what a stop held go on from where it was.";

    public override bool PassesStops => true;

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["stopId"],
              "properties": {
                "stopId": { "type": "string", "title": "Stop", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" },
                "atOnce": { "type": "integer", "title": "At a time", "description": "In stages: so many held runs go on, the next ones when these have ended well. When one fails, everything is held again.", "minimum": 1, "maximum": 1000 }
              }
            }
            """;

    public override string TargetType => "Stop";

    public override string TargetId(JsonElement input) => input.Text("stopId");

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindStopAsync(Guid.Parse(input.Text("stopId")), ct) is not { } stop)
            return [];

        var agent =
            stop.Boundary is StopBoundary.Agent && Guid.TryParse(stop.Target, out var id)
                ? await call.State.FindTenantPrincipalAsync(id, ct)
                : null;
        var own = agent is not null && call.Independence.IsAmong(call.By.Id, agent.Concerned);
        return [.. AuthorityEffect.Lifting(await LevelAsync(stop, call, ct), own)];
    }

    // The one who engaged it never releases it. Where nobody else has that level, the next one is enough, so that no stop stays for ever.
    private static async Task<string> LevelAsync(Stop stop, ActionCall call, CancellationToken ct)
    {
        var others = (await call.State.FindPeopleAsync(ct))
            .Where(p => !call.Independence.AreOne(p.Id, stop.EngagedBy))
            .Select(p => Level.Of(p.Roles))
            .ToList();
        return stop.Level == Level.Owner && others.Contains(Level.Owner) ? Level.Owner
            : stop.Level != Level.Member && (others.Contains(Level.Owner) || others.Contains(Level.Admin)) ? Level.Admin
            : Level.Member;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var stop = await call.State.FindStopAsync(Guid.Parse(input.Text("stopId")), ct);
        var engaged = stop is { State: StopState.Engaged };
        var another = stop is null || !call.IsOwn(stop.EngagedBy);
        return new(
            [
                new(
                    "engaged",
                    engaged,
                    engaged ? "The stop is engaged."
                        : stop is { State: StopState.Releasing } ? "It is being released in stages already."
                        : "The stop is not engaged."
                ),
                new(
                    "somebody else",
                    another,
                    another ? "It was engaged by somebody else." : "You engaged this stop; somebody else has to release it."
                ),
            ],
            AtOnce(input) is { } few
                ? $"What the stop held goes on from where it was, {few} at a time. When one fails, everything is held again."
                : "What the stop held goes on from where it was.",
            stop?.Reason,
            null,
            "Engage the stop again.",
            $"{stop?.Version ?? 0}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindStopAsync(Guid.Parse(input.Text("stopId")), ct) is not { } stop)
            return new NotFound("stop", input.Text("stopId"));
        if ((await call.State.ReleaseStopAsync(stop, AtOnce(input), call.By, ct)).Refused(out var why, out _))
            return why;
        return stop.State is StopState.Releasing
            ? new Change("The stop is released in stages.", null, "ENGAGED", "RELEASING")
            : new Change("The stop is released.", null, "ENGAGED", "RELEASED");
    }

    private static int? AtOnce(JsonElement input) => input.TryGetProperty("atOnce", out var few) ? few.GetInt32() : null;
}
