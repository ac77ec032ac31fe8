using System.Text.Json;
using Mumega.Domain.Schedules;

namespace Mumega.Domain.Actions.Schedules;

/// <summary>Says what starts packets by itself. Undone by setting what was set before, or by taking it away.</summary>
public sealed class SetSchedule : InternalAction
{
    public override string Kind => "schedule.set";

    public override string Family => "workflows";

    public override string Title => "Set a schedule";

    public override string Description =>
        "Starts packets by the clock, by a signed call from outside, or when another packet comes into a state; in the authority of whoever sets it.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["key", "trigger", "starts"],
              "properties": {
                "key": { "type": "string", "title": "Name", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 1, "maxLength": 60 },
                "trigger": { "title": "Started by", "enum": ["cron", "webhook", "packet"] },
                "cron": { "type": "string", "title": "Cron", "description": "Five or six fields, for example 0 9 * * MON.", "maxLength": 100 },
                "timeZone": { "type": "string", "title": "Time zone", "description": "An IANA name, for example Europe/Berlin; UTC when left out.", "maxLength": 60 },
                "missed": { "title": "Missed occasions", "enum": ["skip", "catch-up"] },
                "whenWorkflow": { "type": "string", "title": "When a packet of the workflow", "maxLength": 60 },
                "whenState": { "type": "string", "title": "comes into the state", "maxLength": 60 },
                "enabled": { "type": "boolean", "title": "Enabled" },
                "starts": { "type": "object", "title": "Starts", "description": "The input of packet.create; { \"from\": \"/data/…\" } is read from what triggered it." }
              }
            }
            """;

    public override string TargetType => "Schedule";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (faults, trigger, starts) = (new List<InputFault>(), input.Text("trigger"), input.GetProperty("starts"));
        if (trigger == "cron")
        {
            if (input.TextOrNull("cron") is not { } cron)
                faults.Add(new("/cron", "is required for the clock, for example 0 9 * * MON"));
            else if (call.State.NextOccasion(cron, input.TextOrNull("timeZone") ?? "UTC", call.Now).Refused(out var why, out _))
                faults.Add(
                    new(why.Message.StartsWith("there is no time zone", StringComparison.Ordinal) ? "/timeZone" : "/cron", why.Message)
                );
        }
        else if (input.TryGetProperty("cron", out _))
        {
            faults.Add(new("/cron", $"says nothing when a {trigger} starts it"));
        }

        if (trigger == "packet")
        {
            if (input.TextOrNull("whenWorkflow") is not { } key)
                faults.Add(new("/whenWorkflow", "name the workflow whose packets are waited for"));
            else if (await call.State.FindWorkflowAsync(key, null, ct) is not { } workflow)
                faults.Add(new("/whenWorkflow", $"there is no workflow \"{key}\""));
            else if (input.TextOrNull("whenState") is not { } state || !workflow.Document.States.ContainsKey(state))
                faults.Add(new("/whenState", $"names one of {string.Join(", ", workflow.Document.States.Keys)}"));
        }

        foreach (var name in new[] { "type", "title", "payload" }.Where(n => !starts.TryGetProperty(n, out _)))
            faults.Add(new($"/starts/{name}", "is required"));
        if (
            starts.TryGetProperty("type", out var type)
            && type.ValueKind is JsonValueKind.String
            && await call.State.FindPacketTypeAsync(type.GetString()!, null, ct) is null
        )
            faults.Add(new("/starts/type", $"there is no packet type \"{type}\""));

        // A packet that starts another one of its own kind in the state where it begins would never stop.
        if (
            trigger == "packet"
            && faults.Count == 0
            && await call.State.FindWorkflowAsync(input.Text("whenWorkflow"), null, ct) is { } watched
            && watched.Document.Initial == input.Text("whenState")
            && type.ValueKind is JsonValueKind.String
            && type.GetString() == watched.PacketType
        )
            faults.Add(new("/whenState", "would start packets that start packets without end"));
        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var now = await call.State.FindScheduleAsync(input.Text("key"), ct);
        var next =
            input.TextOrNull("cron") is { } cron
            && !call.State.NextOccasion(cron, input.TextOrNull("timeZone") ?? "UTC", call.Now).Refused(out _, out var occasion)
                ? $" Next at {occasion.At:u}."
                : "";
        return new(
            [new("new", true, now is null ? "It is new." : "It replaces what is set.")],
            $"{input.Text("key")} starts packets by {input.Text("trigger")}.{next}",
            now is null ? null : AsInput(now).Pretty(),
            input.Pretty(),
            now is null ? "Take it away." : "Set what was set before.",
            $"{now?.Version ?? -1}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (key, trigger) = (input.Text("key"), Enum.Parse<Trigger>(input.Text("trigger"), ignoreCase: true));
        var schedule = await call.State.FindScheduleAsync(key, ct);
        var undo = schedule is null
            ? new Undo("schedule.remove", JsonSerializer.SerializeToElement(new { key }), "Take it away.")
            : new Undo(Kind, AsInput(schedule), "Set what was set before.");
        if (schedule is null)
        {
            schedule = new()
            {
                TenantId = call.By.TenantId,
                WorkspaceId = call.State.WorkspaceId,
                Id = Guid.CreateVersion7(call.Now),
                Key = key,
                Trigger = trigger,
                StartsJson = "{}",
                SetBy = call.By.Id,
                SetByKind = call.By.Kind,
                CreatedAt = call.Now,
            };
            call.State.Add(schedule);
        }

        (schedule.Trigger, schedule.StartsJson, schedule.SetBy, schedule.SetByKind) = (
            trigger,
            input.GetProperty("starts").GetRawText(),
            call.By.Id,
            call.By.Kind
        );
        (schedule.Cron, schedule.TimeZone) = (input.TextOrNull("cron"), input.TextOrNull("timeZone") ?? "UTC");
        schedule.Missed = input.TextOrNull("missed") == "catch-up" ? Missed.CatchUp : Missed.Skip;
        (schedule.WhenWorkflow, schedule.WhenState) = (input.TextOrNull("whenWorkflow"), input.TextOrNull("whenState"));
        schedule.Enabled = !input.TryGetProperty("enabled", out var enabled) || enabled.GetBoolean();
        schedule.NextAt =
            schedule.Cron is { } cron && !call.State.NextOccasion(cron, schedule.TimeZone, call.Now).Refused(out _, out var next)
                ? next.At
                : null;
        if (trigger is Trigger.Webhook && schedule.SealedSecret is null)
            schedule.SealedSecret = call.State.NewSecret().Sealed;
        call.State.Await(schedule);
        return new Change($"{key} starts packets by {input.Text("trigger")}.", undo, null, key);
    }

    internal static JsonElement AsInput(Schedule s)
    {
        var fields = new Dictionary<string, object?>
        {
            ["key"] = s.Key,
            ["trigger"] = s.Trigger.ToString().ToLowerInvariant(),
            ["starts"] = s.Starts,
            ["enabled"] = s.Enabled,
            ["missed"] = s.Missed is Missed.CatchUp ? "catch-up" : "skip",
            ["cron"] = s.Cron,
            ["timeZone"] = s.TimeZone,
            ["whenWorkflow"] = s.WhenWorkflow,
            ["whenState"] = s.WhenState,
        };
        return JsonSerializer.SerializeToElement(fields.Where(f => f.Value is not null).ToDictionary());
    }
}

/// <summary>Takes a schedule away. Undone by setting it again.</summary>
public sealed class RemoveSchedule : InternalAction
{
    public override string Kind => "schedule.remove";

    public override string Family => "workflows";

    public override string Title => "Remove a schedule";

    public override string Description => "Takes a schedule away; what it started stays.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            { "type": "object", "additionalProperties": false, "required": ["key"], "properties": { "key": { "type": "string", "title": "Name", "minLength": 1, "maxLength": 60 } } }
            """;

    public override string TargetType => "Schedule";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var now = await call.State.FindScheduleAsync(input.Text("key"), ct);
        return new(
            [new("there", now is not null, now is null ? "There is no such schedule." : "It is set.")],
            $"{input.Text("key")} starts nothing any more.",
            now is null ? null : SetSchedule.AsInput(now).Pretty(),
            null,
            "Set it again.",
            $"{now?.Version ?? -1}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindScheduleAsync(input.Text("key"), ct) is not { } schedule)
            return new NotFound("schedule", input.Text("key"));

        call.State.Remove(schedule);
        return new Change(
            $"{schedule.Key} is gone.",
            new("schedule.set", SetSchedule.AsInput(schedule), "Set it again."),
            schedule.Key,
            null
        );
    }
}
