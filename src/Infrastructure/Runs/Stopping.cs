using System.Globalization;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Jobs;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;

namespace Mumega.Infrastructure.Runs;

/// <summary>
/// What a stop does to work that is there already: each workspace that it reaches holds its own runs, and the workspace that engaged it
/// watches until nothing inside waits or runs any more, and takes a staged release from one part to the next.
/// </summary>
internal static class Stopping
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private static readonly RunState[] Live = [RunState.AwaitingApproval, RunState.Queued, RunState.Running, RunState.Held];

    /// <summary>How many runs inside the boundary are in each state, over every workspace that it reaches.</summary>
    public static async Task<IReadOnlyDictionary<string, int>> InFlightAsync(Sitting s, Stop stop, CancellationToken ct) =>
        (await InsideAsync(s, stop, ct))
            .Where(r => r.State is not RunState.Held)
            .GroupBy(r => r.State)
            .ToDictionary(g => g.Key.Name(), g => g.Count());

    /// <summary>Holds what waits in one workspace.</summary>
    public static async Task HoldAsync(Sitting s, CancellationToken ct)
    {
        foreach (var run in await s.Db.Runs.Where(r => r.State == RunState.AwaitingApproval || r.State == RunState.Queued).ToListAsync(ct))
        {
            if (s.EngagedFor(run) is { } stop && !run.Hold(s.By, s.Now, stop.Id).Refused(out _, out var held))
                s.Db.Add(held);
        }
    }

    /// <summary>Lets go on what no stop of this workspace holds any more, or the first few that one in release lets past.</summary>
    public static async Task ResumeAsync(Sitting s, Job job, CancellationToken ct)
    {
        var (past, most) = job.Detail is { } few
            ? (job.SubjectId, int.Parse(few, CultureInfo.InvariantCulture))
            : ((Guid?)null, int.MaxValue);
        foreach (var run in await s.Db.Runs.Where(r => r.State == RunState.Held).OrderBy(r => r.Id).ToListAsync(ct))
        {
            if (most == 0)
                return;
            if (s.StopOver(run.Work with { Past = past }) is not null)
                continue;

            var since = run.HeldAt;
            if (run.ReleaseHold(s.By, s.Now, past).Refused(out _, out var resumed))
                continue;

            most--;
            s.Db.Add(resumed);
            if (run.State is RunState.Queued)
            {
                s.Enqueue(JobKind.ExecuteRun, run.Id);
            }
            else if (await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct) is { } approval)
            {
                // Nobody could decide meanwhile, so that time does not count.
                if (since is { } from)
                    approval.Thaw(s.Now - from);
                s.EnqueueClocks(run, approval);

                // The policies may have changed while it was held.
                await Kernel.RefreshAsync(s, run, approval, ct);
            }
        }
    }

    /// <summary>Looks after a stop until it has taken effect, or its staged release has come to an end. Returns when to look again, or null when there is nothing left to do.</summary>
    public static async Task<DateTimeOffset?> WatchAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (await s.Db.Stops.SingleOrDefaultAsync(x => x.Id == job.SubjectId, ct) is not { State: not StopState.Released } stop)
            return null;

        var inside = await InsideAsync(s, stop, ct);
        if (stop.State is StopState.Releasing)
            return await ReleaseAsync(s, stop, inside, ct);
        if (stop.EffectiveAt is not null)
            return null;
        if (inside.Any(r => r.State is not RunState.Held))
            return s.Now + Look;

        var ended = await EndedByAsync(s, stop, ct);
        s.Db.Add(stop.TakeEffect(inside.Count, ended.Count, ended.Count(r => r.State is RunState.Unknown), s.By, s.Desk.Clock.Now()));
        return null;
    }

    private static async Task<DateTimeOffset?> ReleaseAsync(Sitting s, Stop stop, List<Run> inside, CancellationToken ct)
    {
        var on = await LetGoAsync(s, stop, ct);
        if (on.Where(r => r.State is RunState.Failed or RunState.Unknown).Select(r => r.Id).ToList() is { Count: > 0 } failed)
        {
            s.Db.Add(stop.Halt(failed, s.By, s.Now));
            foreach (var room in await WorkspaceState.ReachAsync(s.Db, stop, ct))
                s.Db.Jobs.Add(WorkspaceState.NewJob(s.Db.TenantId, room, JobKind.HoldRuns, stop.Id, s.Now));
            return null;
        }

        // What waits for a person again is as far as it comes by itself.
        if (on.Any(r => r.State is RunState.Queued or RunState.Running))
            return s.Now + Look;

        if (inside.Where(r => r.State is RunState.Held).ToList() is { Count: > 0 } held)
        {
            // A part that was just asked for and is not there yet is not asked for again.
            if (
                await s.Db.Jobs.AnyAsync(
                    j => j.SubjectId == stop.Id && j.Kind == JobKind.ResumeRuns && j.State != JobState.Done && j.State != JobState.Dead,
                    ct
                )
            )
                return s.Now + Look;

            s.Db.Add(stop.NextStage(s.By, s.Now));
            var left = stop.StageSize!.Value;
            foreach (var room in held.OrderBy(r => r.Id).Take(left).GroupBy(r => r.WorkspaceId))
                s.Db.Jobs.Add(WorkspaceState.NewJob(s.Db.TenantId, room.Key, JobKind.ResumeRuns, stop.Id, s.Now, $"{room.Count()}"));
            return s.Now + Look;
        }

        s.Db.Add(stop.End(s.By, s.Now));
        foreach (var room in await WorkspaceState.ReachAsync(s.Db, stop, ct))
            s.Db.Jobs.Add(WorkspaceState.NewJob(s.Db.TenantId, room, JobKind.ResumeRuns, stop.Id, s.Now));
        return null;
    }

    // Covered by this stop and by no other that holds it anyway: another one's are its own to let go.
    private static async Task<List<Run>> InsideAsync(Sitting s, Stop stop, CancellationToken ct) =>
        [
            .. (await RunsAsync(s, stop, r => Live.Contains(r.State), ct))
                .Where(r => s.Desk.Catalog.Find(r.Action)?.PassesStops != true && stop.Covers(r.Work))
                .Where(r => stop.State is not StopState.Releasing || s.StopOver(r.Work with { Past = stop.Id }) is null),
        ];

    private static Task<List<Run>> EndedByAsync(Sitting s, Stop stop, CancellationToken ct)
    {
        var id = stop.Id;
        return RunsAsync(
            s,
            stop,
            r => r.StopId == id && (r.State == RunState.Failed || r.State == RunState.Unknown || r.State == RunState.Succeeded),
            ct
        );
    }

    private static Task<List<Run>> LetGoAsync(Sitting s, Stop stop, CancellationToken ct)
    {
        var id = stop.Id;
        return RunsAsync(s, stop, r => r.StopId == id && r.PastStop, ct);
    }

    private static async Task<List<Run>> RunsAsync(Sitting s, Stop stop, Expression<Func<Run, bool>> which, CancellationToken ct)
    {
        if (stop.Boundary is not StopBoundary.Tenant)
            return await s.Db.Runs.AsNoTracking().Where(which).ToListAsync(ct);

        var found = new List<Run>();
        foreach (var room in await WorkspaceState.ReachAsync(s.Db, stop, ct))
        {
            await using var db = s.Desk.Databases.Open(s.Db.TenantId, room);
            found.AddRange(await db.Runs.AsNoTracking().Where(which).ToListAsync(ct));
        }

        return found;
    }
}
