using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Receipts;

/// <summary>
/// Gives committed receipts their place in the tenant's order, in batches. The database allows each position and each receipt once, so
/// two sequencers that race can't give out a place twice: the loser reads again.
/// </summary>
public sealed class ReceiptSequencer(Databases databases, LogSealer sealer, Signals signals)
{
    private const int MaxEnds = 100_000;

    // Where each tenant's order ends, as this process knows it. Wrong only when another sequencer was faster, which the database then says.
    private readonly Dictionary<Guid, long> ends = [];

    /// <summary>Places what waits and returns how many were placed.</summary>
    public async Task<int> PlaceAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        await db.Database.OpenConnectionAsync(ct);
        var waiting = await db.Queries.WaitingPlaces(db, RowWriter.MaxPlaces).ToListAsync(ct);
        if (waiting.Count == 0)
            return 0;

        FaultPoint.Hit("place.before");
        var given = new List<(ReceiptPlace, long)>();
        foreach (var tenant in waiting.GroupBy(p => p.TenantId))
        {
            var next = ends.TryGetValue(tenant.Key, out var known) ? known : await db.Queries.LastPlace(db, tenant.Key, ct) ?? 0;
            foreach (var place in InChainOrder([.. tenant]))
                given.Add((place, ++next));
            ends[tenant.Key] = next;
        }

        if (!await db.WriteAsync(() => TryGiveAsync(db, given, ct), ct))
            return waiting.Count;

        FaultPoint.Hit("place.after");
        foreach (var tenant in waiting.Select(p => p.TenantId).Distinct())
            sealer.Mark(tenant);
        signals.Feed.Pulse();
        return waiting.Count;
    }

    // All or none: a place that another sequencer gave meanwhile means that ours were counted from a position that is gone.
    private async Task<bool> TryGiveAsync(MumegaDb db, List<(ReceiptPlace, long)> given, CancellationToken ct)
    {
        var committed = false;
        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(ct);
            if (await db.Queries.Rows.PlaceAsync(db, given, ct) != given.Count)
                return false;

            await transaction.CommitAsync(ct);
            return committed = true;
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return false;
        }
        finally
        {
            // After anything but success it is not known where the orders end.
            if (!committed || ends.Count > MaxEnds)
                ends.Clear();
        }
    }

    // Clocks of two nodes may disagree; the steps of one chain never do.
    private static List<ReceiptPlace> InChainOrder(List<ReceiptPlace> places)
    {
        var chains = places.GroupBy(p => p.SubjectId).ToDictionary(g => g.Key, g => new Queue<ReceiptPlace>(g.OrderBy(p => p.Step)));
        return [.. places.Select(p => chains[p.SubjectId].Dequeue())];
    }
}
