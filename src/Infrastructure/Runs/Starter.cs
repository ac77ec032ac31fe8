using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Runs;
using Mumega.Domain.Schedules;
using Mumega.Domain.Stops;
using Mumega.Domain.Workflows;

namespace Mumega.Infrastructure.Runs;

/// <summary>Starts packets on schedule, each as a governed run in the authority that whoever set the schedule has by then.</summary>
internal static class Starter
{
    public const string Surface = Actor.ScheduleSurface;

    /// <summary>A schedule fell due, by the clock or by a packet.</summary>
    public static async Task FireAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (await s.Db.Schedules.SingleOrDefaultAsync(x => x.Id == job.SubjectId, ct) is not { Enabled: true } schedule)
            return;

        if (schedule.Trigger is Trigger.Packet && job.Detail!.Split('/') is [var packetId, var number])
        {
            var packet = await s.Call.State.FindPacketAsync(Guid.Parse(packetId), ct);
            var facts = JsonSerializer.SerializeToElement(
                new
                {
                    packet = new
                    {
                        id = packetId,
                        title = packet?.Title,
                        state = schedule.WhenState,
                        payload = packet?.PayloadJson,
                    },
                }
            );
            if (
                (
                    await StartAsync(
                        s,
                        schedule,
                        facts,
                        $"schedule/{schedule.Id}/{packetId}/{number}",
                        $"{packet?.Title} came into {schedule.WhenState}.",
                        ct
                    )
                ).Refused(out var why, out _)
                && why is Stopped
            )
                s.Db.Jobs.Add(
                    WorkspaceState.NewJob(job.TenantId, job.WorkspaceId, job.Kind, job.SubjectId, s.Now + Step.WhileStopped, job.Detail)
                );
            return;
        }

        // A job of an earlier setting, or one that another node was quicker with.
        if (schedule.Trigger is not Trigger.Cron || schedule.NextAt is not { } due || due > s.Now)
            return;

        var occasions = new Queue<DateTimeOffset>([due]);
        var next = Next(schedule.Missed is Missed.CatchUp ? due : s.Now);
        while (next is { } at && at <= s.Now)
        {
            // So long away that catching up with everything would bury people: the newest are kept.
            occasions.Enqueue(at);
            if (occasions.Count > Schedule.MostMissed)
                occasions.Dequeue();
            next = Next(at);
        }

        foreach (var at in occasions)
        {
            if (
                !(
                    await StartAsync(
                        s,
                        schedule,
                        JsonSerializer.SerializeToElement(new { at }),
                        $"schedule/{schedule.Id}/{at.UtcTicks}",
                        $"Due at {at:u}.",
                        ct
                    )
                ).Refused(out var why, out _) || why is not Stopped
            )
                continue;

            // While it is stopped the occasion is missed; what becomes of it is decided when it is released.
            schedule.NextAt = at;
            s.Db.Jobs.Add(
                WorkspaceState.NewJob(job.TenantId, job.WorkspaceId, job.Kind, job.SubjectId, s.Now + Step.WhileStopped, job.Detail)
            );
            return;
        }

        schedule.NextAt = next;
        s.Call.State.Await(schedule);

        DateTimeOffset? Next(DateTimeOffset after) =>
            Clockwork.Next(schedule.Cron!, schedule.TimeZone!, after).Refused(out _, out var occasion) ? null : occasion.At;
    }

    /// <summary>Starts one packet. A refusal is kept with the schedule, where people see it.</summary>
    public static async Task<Outcome<Run>> StartAsync(
        Sitting s,
        Schedule schedule,
        JsonElement facts,
        string key,
        string why,
        CancellationToken ct
    )
    {
        (schedule.LastAt, schedule.LastProblem) = (s.Now, null);
        var by = await s.OnBehalfOfAsync(schedule.SetBy, Surface, ct);
        if (Fill(JsonNode.Parse(schedule.StartsJson)!, facts).Refused(out var missing, out var input))
            return Problem(missing);
        if (s.Desk.Read("packet.create", JsonSerializer.SerializeToElement(input)).Refused(out var unreadable, out var read))
            return Problem(unreadable);
        if (
            (
                await Kernel.ProposeAsync(
                    by,
                    read,
                    $"Schedule {schedule.Key}: {why}",
                    key,
                    undoes: null,
                    ct,
                    behind: schedule.KnowingSecret
                )
            ).Refused(out var refused, out var run)
        )
            return Problem(refused);

        schedule.Started++;
        if (run.State.IsFinal())
            schedule.LastProblem =
                run.Decision.Verdict is Domain.Policies.Verdict.Deny
                    ? run.Decision.Reason
                    : run.Preflight?.Checks.FirstOrDefault(c => !c.Passed)?.Detail;
        return run;

        Refusal Problem(Refusal refusal)
        {
            schedule.LastProblem = refusal.Message;
            return refusal;
        }
    }

    // { "from": "/packet/title" } is read from what triggered it; all else stands as it is.
    private static Outcome<JsonNode> Fill(JsonNode template, JsonElement facts)
    {
        if (
            template is JsonObject { Count: 1 } reference
            && reference["from"] is JsonValue pointer
            && pointer.TryGetValue<string>(out var at)
        )
            return Mapping.Find(facts, at) is { } found ? JsonNode.Parse(found.GetRawText())! : new MissingField(at, "the packet");
        if (template is JsonObject record)
        {
            var made = new JsonObject();
            foreach (var (name, value) in record)
            {
                if (value is null)
                    made[name] = null;
                else if (Fill(value, facts).Refused(out var why, out var part))
                    return why;
                else
                    made[name] = part;
            }

            return made;
        }

        if (template is JsonArray list)
        {
            var made = new JsonArray();
            foreach (var value in list)
            {
                if (value is null)
                    made.Add((JsonNode?)null);
                else if (Fill(value, facts).Refused(out var why, out var part))
                    return why;
                else
                    made.Add(part);
            }

            return made;
        }

        return template.DeepClone();
    }
}
