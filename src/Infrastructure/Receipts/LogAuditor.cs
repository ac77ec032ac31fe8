using Microsoft.EntityFrameworkCore;
using Mumega.Infrastructure.Data;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Receipts;

/// <summary>
/// Makes each tenant's tree again from the stored entries and compares: leaves, tiles, every checkpoint, the head. What differs freezes the
/// log, so that nothing more is signed, and says so to operators until somebody has looked into it.
/// </summary>
public sealed class LogAuditor(Databases databases)
{
    private const int Batch = 1_000;

    /// <summary>Audits every tenant's log.</summary>
    public async Task AuditAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        foreach (var tenant in await db.Tenants.Select(t => t.Id).ToListAsync(ct))
        {
            if (await AuditAsync(tenant, ct) is { } problem)
                await FreezeAsync(tenant, problem, ct);
        }
    }

    /// <summary>What is wrong with a tenant's log, or null when all is as it was sealed.</summary>
    public async Task<string?> AuditAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);

        // Checkpoints before the head: sealing goes on meanwhile, and a head that is newer than the checkpoints differs from none of them.
        var checkpoints = await db.LogCheckpoints.AsNoTracking().OrderBy(c => c.Size).Select(c => new { c.Size, c.Note }).ToListAsync(ct);
        if (await db.LogHeads.AsNoTracking().SingleOrDefaultAsync(ct) is not { } head)
            return null;

        var rooms = await db.Workspaces.Select(w => w.Id).ToListAsync(ct);
        var (range, next, level0) = (new CompactRange(), 0, new List<byte>(Tile.FullWidth * 32));
        while (range.Size < head.Size)
        {
            var (from, to) = (range.Size, Math.Min(range.Size + Batch, head.Size));
            var entries = new byte[to - from][];
            foreach (var room in rooms)
            {
                await using var own = databases.Open(tenant, room);
                var found = own
                    .ReceiptPlaces.Where(p => p.TenantId == tenant && p.WorkspaceId == room && p.Position > from && p.Position <= to)
                    .Join(own.Receipts, p => p.ReceiptId, r => r.Id, (p, r) => new { p.Position, r.Entry });
                foreach (var one in await found.AsNoTracking().ToListAsync(ct))
                    entries[one.Position!.Value - from - 1] = one.Entry;
            }

            for (var i = 0; i < entries.Length; i++)
            {
                if (entries[i] is null)
                    return $"The receipt at position {from + i + 1} is gone.";
                var leaf = MerkleHash.Leaf(entries[i]);
                range.Append(leaf);
                level0.AddRange(leaf);
                if (level0.Count == Tile.FullWidth * 32)
                {
                    var index = range.Size / Tile.FullWidth - 1;
                    var stored = await db
                        .LogTiles.AsNoTracking()
                        .Where(t => t.Level == 0 && t.Index == index)
                        .Select(t => t.Hashes)
                        .SingleOrDefaultAsync(ct);
                    if (stored is null || !stored.AsSpan().SequenceEqual(level0.ToArray()))
                        return $"Tile 0/{index} is not made of the stored receipts.";
                    level0.Clear();
                }

                for (; next < checkpoints.Count && checkpoints[next].Size == range.Size; next++)
                {
                    var signed = Checkpoint.Parse(SignedNote.Parse(checkpoints[next].Note).Text);
                    if (signed.Size != range.Size || !signed.Root.Span.SequenceEqual(range.Root()))
                        return $"The checkpoint of {checkpoints[next].Size} receipts was signed over others than are stored.";
                }
            }
        }

        if (next < checkpoints.Count)
            return $"A checkpoint of {checkpoints[^1].Size} receipts was signed; the log ends at {head.Size}.";
        if (!head.Roots.AsSpan().SequenceEqual(range.Roots.SelectMany(r => r).ToArray()))
            return "The head of the log is not made of the stored receipts.";
        return null;
    }

    private async Task FreezeAsync(Guid tenant, string problem, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        await db.WriteAsync(
            () =>
                db.LogHeads.ExecuteUpdateAsync(h => h.SetProperty(x => x.Frozen, problem).SetProperty(x => x.Epoch, x => x.Epoch + 1), ct),
            ct
        );
    }
}
