using Microsoft.EntityFrameworkCore;
using Mumega.Infrastructure.Data;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Receipts;

/// <summary>
/// Reads proofs and tiles of one tenant's log. A full tile is a row; the hashes at the right edge come from the receipts' places and from
/// the tiles below, so that nothing is stored twice. Holds what it read: make a new one for each question.
/// </summary>
public sealed class LogReader(MumegaDb db, Guid tenant)
{
    private readonly Dictionary<(int Level, long Index), byte[]> tiles = [];

    /// <summary>The path from a leaf to the root at that size.</summary>
    public async Task<IReadOnlyList<byte[]>> InclusionAsync(long index, long size, CancellationToken ct) =>
        await ProveAsync(read => MerkleTree.Inclusion(index, size, read), size, ct);

    /// <summary>The proof that the log at the second size goes on from the first.</summary>
    public async Task<IReadOnlyList<byte[]>> ConsistencyAsync(long first, long second, CancellationToken ct) =>
        await ProveAsync(read => MerkleTree.Consistency(first, second, read), second, ct);

    /// <summary>The hashes of a tile, or null when the log is not that large. A partial tile is the beginning of what is there now.</summary>
    public async Task<byte[]?> TileAsync(Tile tile, long size, CancellationToken ct)
    {
        var (full, partial) = Tile.At(tile.Level, size);
        if (tile.Index > full || (tile.Index == full && tile.Width > partial))
            return null;
        return (await HashesAsync(tile.Level, tile.Index, size, ct)).AsSpan(0, tile.Width * 32).ToArray();
    }

    /// <summary>The first hashes of a tile that is not full at this size.</summary>
    internal static async Task<List<byte[]>> FirstHashesAsync(
        MumegaDb db,
        Guid tenant,
        int level,
        long index,
        int count,
        long size,
        CancellationToken ct
    )
    {
        var first = index * Tile.FullWidth;
        var hashes = await (
            level == 0
                ? db.Queries.Leaves(db, tenant, first, first + count)
                : db.Queries.TileRoots(db, tenant, level - 1, first, first + count)
        ).ToListAsync(ct);
        return hashes.Count == count
            ? hashes
            : throw new InvalidOperationException($"the log of {size} leaves lacks hashes of tile {level}/{index}");
    }

    // First what is needed is asked for with hashes that are not there, then read, then the proof is made.
    private async Task<IReadOnlyList<byte[]>> ProveAsync(Func<NodeReader, IReadOnlyList<byte[]>> prove, long size, CancellationToken ct)
    {
        await db.Database.OpenConnectionAsync(ct);
        var needed = new HashSet<(int Level, long Index)>();
        prove(node =>
        {
            var tile = Tile.Of(node);
            needed.Add((tile.Level, tile.Index));
            return new byte[32];
        });
        foreach (var (level, index) in needed)
            await HashesAsync(level, index, size, ct);
        return prove(node =>
        {
            var tile = Tile.Of(node);
            return Tile.Read(node, tiles[(tile.Level, tile.Index)]);
        });
    }

    private async Task<byte[]> HashesAsync(int level, long index, long size, CancellationToken ct)
    {
        if (tiles.TryGetValue((level, index), out var known))
            return known;

        var (full, partial) = Tile.At(level, size);
        var hashes =
            index < full
                ? await db.Queries.Tile(db, tenant, level, index, ct)
                    ?? throw new InvalidOperationException($"the log of {size} leaves lacks tile {level}/{index}")
                : [.. (await FirstHashesAsync(db, tenant, level, index, partial, size, ct)).SelectMany(h => h)];
        return tiles[(level, index)] = hashes;
    }
}
