using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Receipts;

/// <summary>
/// Gives committed receipts their place in the tenant's order, in batches. The database allows each position and each receipt once, so
/// two sequencers that race can't give out a place twice: the loser reads again.
/// </summary>
public sealed class ReceiptSequencer(Databases databases, Signals signals)
{
    private const int Batch = 256;

    /// <summary>Places what waits and returns how many were placed.</summary>
    public async Task<int> PlaceAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        var waiting = await db.ReceiptPlaces.Where(p => p.Position == null).OrderBy(p => p.Ticks).ThenBy(p => p.Step).Take(Batch).ToListAsync(ct);
        if (waiting.Count == 0) return 0;

        FaultPoint.Hit("place.before");
        foreach (var tenant in waiting.GroupBy(p => p.TenantId))
        {
            var next = await db.ReceiptPlaces.Where(p => p.TenantId == tenant.Key && p.Position != null).MaxAsync(p => p.Position, ct) ?? 0;
            foreach (var place in InChainOrder([.. tenant])) place.Position = ++next;
        }

        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return waiting.Count;
        }

        FaultPoint.Hit("place.after");
        signals.Feed.Pulse();
        return waiting.Count;
    }

    // Clocks of two nodes may disagree; the steps of one chain never do.
    private static List<ReceiptPlace> InChainOrder(List<ReceiptPlace> places)
    {
        var chains = places.GroupBy(p => p.SubjectId).ToDictionary(g => g.Key, g => new Queue<ReceiptPlace>(g.OrderBy(p => p.Step)));
        return [.. places.Select(p => chains[p.SubjectId].Dequeue())];
    }
}
