using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Jobs;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Jobs;

/// <summary>How jobs are claimed. From the configuration section <c>Jobs</c>.</summary>
public sealed class JobOptions
{
    /// <summary>How long a claim holds before another worker may take over.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the database is asked when nobody was woken: the safety net.</summary>
    public TimeSpan Poll { get; set; } = TimeSpan.FromMilliseconds(500);

    public int Batch { get; set; } = 32;
}

/// <summary>Claims due job rows for one worker at a time. The only place that updates rows in bulk.</summary>
public sealed class JobQueue(Databases databases, JobOptions options, TimeProvider clock)
{
    /// <summary>The next due jobs, leased to the caller in one commit. Two workers never get the same one.</summary>
    public async Task<List<Job>> ClaimAsync(CancellationToken ct)
    {
        var now = clock.Now();
        var claim = Guid.CreateVersion7(now);
        await using var db = databases.OpenPlatform();

        var ids = await Due(db, now).OrderBy(j => j.DueAt).ThenBy(j => j.Id).Select(j => j.Id).Take(options.Batch).ToListAsync(ct);
        if (ids.Count == 0)
            return [];

        var until = now + options.Lease;
        var taken = await db.WriteAsync(
            () =>
                Due(db, now)
                    .Where(j => ids.Contains(j.Id))
                    .ExecuteUpdateAsync(
                        set =>
                            set.SetProperty(j => j.State, JobState.Leased)
                                .SetProperty(j => j.LeasedBy, claim)
                                .SetProperty(j => j.LeaseUntil, until)
                                .SetProperty(j => j.Epoch, j => j.Epoch + 1)
                                .SetProperty(j => j.Attempts, j => j.Attempts + 1),
                        ct
                    ),
            ct
        );
        FaultPoint.Hit("jobs.claimed");
        return taken == 0
            ? []
            : await db
                .Jobs.AsNoTracking()
                .Where(j => j.LeasedBy == claim && j.State == JobState.Leased)
                .OrderBy(j => j.DueAt)
                .ThenBy(j => j.Id)
                .ToListAsync(ct);
    }

    /// <summary>When the next job falls due, or null when none waits.</summary>
    public async Task<DateTimeOffset?> NextDueAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        return await Open(db)
            .Where(j => j.State == JobState.Due)
            .OrderBy(j => j.DueAt)
            .Select(j => (DateTimeOffset?)j.DueAt)
            .FirstOrDefaultAsync(ct);
    }

    /// <summary>Gives up every lease: on the embedded database there is one process, so at its start every lease is a dead one's.</summary>
    public async Task ReleaseAllAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        await db.WriteAsync(
            () =>
                db
                    .Jobs.Where(j => j.State == JobState.Leased)
                    .ExecuteUpdateAsync(
                        set => set.SetProperty(j => j.State, JobState.Due).SetProperty(j => j.LeaseUntil, (DateTimeOffset?)null),
                        ct
                    ),
            ct
        );
    }

    /// <summary>Forgets jobs that were done long ago.</summary>
    public async Task<int> PruneAsync(CancellationToken ct)
    {
        var before = clock.Now() - TimeSpan.FromDays(7);
        await using var db = databases.OpenPlatform();
        return await db.WriteAsync(() => db.Jobs.Where(j => j.State == JobState.Done && j.DueAt < before).ExecuteDeleteAsync(ct), ct);
    }

    // Nothing runs any more for a tenant that left.
    private static IQueryable<Job> Open(MumegaDb db) => db.Jobs.Where(j => !db.Tenants.Any(t => t.Id == j.TenantId && t.ClosedAt != null));

    private static IQueryable<Job> Due(MumegaDb db, DateTimeOffset now) =>
        Open(db).Where(j => (j.State == JobState.Due && j.DueAt <= now) || (j.State == JobState.Leased && j.LeaseUntil < now));
}
