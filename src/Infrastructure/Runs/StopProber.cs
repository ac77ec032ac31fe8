using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Mumega.Domain.Stops;

namespace Mumega.Infrastructure.Runs;

/// <summary>
/// Shows that stops hold, boundary by boundary: engages one that covers a made-up principal, asks what every entrance asks, and takes it
/// away again. Nobody's work is touched.
/// </summary>
public sealed class StopProber(Desk desk, ILogger<StopProber> log)
{
    /// <summary>Probes every workspace of every tenant. One that fails keeps no other from being probed.</summary>
    public async Task ProbeAsync(CancellationToken ct)
    {
        List<Guid> tenants;
        await using (var db = desk.Databases.OpenPlatform())
            tenants = await db.Tenants.Select(t => t.Id).ToListAsync(ct);
        foreach (var tenant in tenants)
        {
            List<Guid> rooms;
            await using (var db = desk.Databases.OpenTenant(tenant))
                rooms = await db.Workspaces.Select(w => w.Id).ToListAsync(ct);
            foreach (var room in rooms)
            {
                try
                {
                    await ProbeAsync(tenant, room, ct);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // Its lights go out by themselves when no probe succeeds.
                    log.LogError(e, "The stop boundaries of workspace {Workspace} could not be probed.", room);
                }
            }
        }
    }

    /// <summary>Probes the boundaries of one workspace.</summary>
    public async Task ProbeAsync(Guid tenant, Guid room, CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        var nonces = Enum.GetValues<StopBoundary>().ToDictionary(b => b, _ => Guid.NewGuid());
        await using (var s = await desk.SitAsPlatformAsync(tenant, room, ct))
        {
            var probes = await s.Db.StopProbes.Where(p => p.WorkspaceId == room).ToDictionaryAsync(p => p.Boundary, ct);
            foreach (var (boundary, nonce) in nonces)
            {
                if (!probes.TryGetValue(boundary, out var probe))
                    s.Db.StopProbes.Add(
                        probe = new()
                        {
                            TenantId = tenant,
                            WorkspaceId = room,
                            Boundary = boundary,
                        }
                    );
                probe.Nonce = nonce;
            }

            await s.CommitAsync(ct);
        }

        var faults = new Dictionary<StopBoundary, string?>();
        foreach (var (boundary, nonce) in nonces)
            faults[boundary] = await FaultAsync(tenant, room, boundary, nonce, ct);

        var elapsed = (int)Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        await using var end = await desk.SitAsPlatformAsync(tenant, room, ct);
        foreach (var probe in await end.Db.StopProbes.Where(p => p.WorkspaceId == room).ToListAsync(ct))
        {
            // Another process may be probing too; each looks at its own.
            if (!nonces.TryGetValue(probe.Boundary, out var mine) || probe.Nonce != mine)
                continue;

            (probe.Nonce, probe.CheckedAt, probe.Milliseconds, probe.Fault) = (null, end.Now, elapsed, faults[probe.Boundary]);
            if (probe.Fault is null)
                probe.HeldAt = end.Now;
            else
                log.LogError("The {Boundary} boundary of workspace {Workspace} does not hold: {Fault}", probe.Boundary, room, probe.Fault);
        }

        await end.CommitAsync(ct);
    }

    private async Task<string?> FaultAsync(Guid tenant, Guid room, StopBoundary boundary, Guid nonce, CancellationToken ct)
    {
        await using var s = await desk.SitAsPlatformAsync(tenant, room, ct);
        if (s.StopOver(new(room, nonce, [], StopProbe.Target, StopProbe.Target)) is not { } stop)
            return "What lies inside was let in.";
        if (stop.Probe is not null && stop.Boundary != boundary)
            return $"Another boundary answered: {stop.Boundary.ToString().ToLowerInvariant()}.";
        return s.StopOver(new(room, Guid.NewGuid(), [], StopProbe.Target, StopProbe.Target)) is { Probe: not null }
            ? "What lies outside was refused."
            : null;
    }
}
