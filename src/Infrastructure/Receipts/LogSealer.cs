using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Secrets;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Receipts;

/// <summary>
/// Makes leaves of placed receipts and signs a checkpoint over them, a batch a tenant at a time. Everything that a batch changes commits
/// together, and only if the log still ends where it was read: a crash, a lost lease or a second sealer can neither lose, repeat nor fork.
/// </summary>
public sealed class LogSealer(Databases databases, LogWitnesses witnesses, Signals signals, Vault vault, TimeProvider clock)
{
    /// <summary>How long a log's key signs before the next one does, and how long the former signs along.</summary>
    public static readonly TimeSpan KeyUse = TimeSpan.FromDays(365),
        KeyOverlap = TimeSpan.FromDays(90);

    private const int Batch = 4096,
        MaxHolds = 10_000;
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Guid, bool> marked = new(),
        guarded = new();
    private readonly ConcurrentDictionary<Guid, bool> unseen = new();
    private readonly ConcurrentDictionary<Guid, long> sealedTo = new();
    private readonly ConcurrentDictionary<Guid, Hold> holds = new();
    private readonly Guid self = Guid.CreateVersion7();
    private readonly ConcurrentDictionary<Guid, (IReadOnlyList<SignerKey> Keys, DateTimeOffset Until)> keys = new();

    /// <summary>Says that receipts of a tenant were placed.</summary>
    public void Mark(Guid tenant) => marked[tenant] = true;

    /// <summary>The tenants of which that was said since the last call.</summary>
    public IReadOnlyList<Guid> TakeMarked() => [.. marked.Keys.Where(t => marked.TryRemove(t, out _))];

    /// <summary>Has the witnesses cosign what was sealed since the last call; what one could not be asked for is asked again.</summary>
    public async Task CosignAsync(CancellationToken ct)
    {
        foreach (var tenant in unseen.Keys.Where(t => unseen.TryRemove(t, out _)).ToList())
        {
            if (!await witnesses.CosignAsync(tenant, ct))
                unseen[tenant] = true;
        }
    }

    /// <summary>Gives receipts from before there was a log their leaf hash. Call once at start.</summary>
    public async Task AdoptAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        var rooms = await db
            .ReceiptPlaces.Where(p => p.Leaf == null)
            .Select(p => new { p.TenantId, p.WorkspaceId })
            .Distinct()
            .ToListAsync(ct);
        foreach (var room in rooms)
        {
            await using var own = databases.Open(room.TenantId, room.WorkspaceId);
            var bare = own
                .ReceiptPlaces.Where(p => p.TenantId == room.TenantId && p.WorkspaceId == room.WorkspaceId && p.Leaf == null)
                .Select(p => p.ReceiptId);
            foreach (
                var receipt in await own
                    .Receipts.AsNoTracking()
                    .Where(r => bare.Contains(r.Id))
                    .Select(r => new { r.Id, r.Digest })
                    .ToListAsync(ct)
            )
            {
                var leaf = Convert.FromBase64String(receipt.Digest);
                await own.WriteAsync(
                    () =>
                        own
                            .ReceiptPlaces.Where(p =>
                                p.TenantId == room.TenantId && p.WorkspaceId == room.WorkspaceId && p.ReceiptId == receipt.Id
                            )
                            .ExecuteUpdateAsync(p => p.SetProperty(x => x.Leaf, leaf), ct),
                    ct
                );
            }
        }
    }

    /// <summary>The tenants whose logs have receipts that are placed and not sealed.</summary>
    public async Task<IReadOnlyList<Guid>> BehindAsync(CancellationToken ct)
    {
        // One question for all tenants; the head is read of those only that have more than this process saw sealed.
        await using var db = databases.OpenPlatform();
        var ends = await db
            .Tenants.Select(t => new
            {
                t.Id,
                Last = db.ReceiptPlaces.Where(p => p.TenantId == t.Id && p.Position != null).Max(p => p.Position) ?? 0,
            })
            .ToListAsync(ct);
        var behind = new List<Guid>();
        foreach (var tenant in ends.Where(t => t.Last > sealedTo.GetValueOrDefault(t.Id)))
        {
            await using var own = databases.OpenTenant(tenant.Id);
            sealedTo[tenant.Id] =
                await own.LogHeads.Where(h => h.TenantId == tenant.Id).Select(h => (long?)h.Size).SingleOrDefaultAsync(ct) ?? 0;
            if (tenant.Last > sealedTo[tenant.Id])
                behind.Add(tenant.Id);
        }

        return behind;
    }

    /// <summary>Seals what waits of one tenant. Returns false when something may still wait: more than a batch, or another process is at it.</summary>
    public async Task<bool> SealAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        await db.Database.OpenConnectionAsync(ct);
        var now = clock.Now();
        if (await HoldAsync(db, tenant, now, ct) is not { } hold)
            return false;

        var head = hold.Head;
        if (head.Frozen is not null)
            return true;

        var size = head.Size;
        var places = await db.Queries.PlacedAfter(db, tenant, size, Batch).ToListAsync(ct);
        if (places.Count == 0)
            return true;

        var leaves = new List<byte[]>(places.Count);
        foreach (var (position, leaf) in places)
        {
            if (position != size + leaves.Count + 1)
                throw new InvalidOperationException($"The log of tenant {tenant} has no receipt at position {size + leaves.Count + 1}.");
            leaves.Add(
                leaf ?? throw new InvalidOperationException("A receipt from before there was a log was not looked after at the start.")
            );
        }

        FaultPoint.Hit("seal.before");
        var range = new CompactRange(size, head.Roots.Chunk(32));
        await GrowAsync(db, tenant, range, leaves, ct);
        head.Size = range.Size;
        head.Roots = [.. range.Roots.SelectMany(r => r)];
        head.LeaseUntil = now + Lease;
        db.LogCheckpoints.Add(
            new()
            {
                TenantId = tenant,
                Size = range.Size,
                Note = await SignAsync(db, new(hold.Origin, range.Size, range.Root()), now, ct),
                At = now,
            }
        );

        FaultPoint.Hit("seal.signed");
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            // Somebody else sealed meanwhile; what this process signed was never shown to anybody.
            return false;
        }

        FaultPoint.Hit("seal.after");
        if (holds.Count < MaxHolds)
            holds[tenant] = hold;
        if (witnesses.Any)
            unseen[tenant] = true;
        signals.Sealed.Pulse();
        return places.Count < Batch;
    }

    /// <summary>The verifier keys of a tenant's log that signed anything that is still to be checked, newest first.</summary>
    public async Task<IReadOnlyList<VerifierKey>> KeysAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        return
        [
            .. (await db.LogKeys.AsNoTracking().OrderByDescending(k => k.CreatedAt).Select(k => k.Verifier).ToListAsync(ct)).Select(
                VerifierKey.Parse
            ),
        ];
    }

    // The lease keeps processes from doing the same work; that only one commits is the head row's matter. While this process holds it, it knows the
    // row; whatever else changes it, such as a freeze, raises the epoch, so that the next commit fails and the row is read again.
    private async Task<Hold?> HoldAsync(MumegaDb db, Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        // Taken out while it is worked with: whatever goes wrong, the row is read again.
        if (holds.TryRemove(tenant, out var known) && known.Head.LeaseUntil > now)
        {
            db.LogHeads.Attach(known.Head);
            return known;
        }

        var head = await db.LogHeads.SingleOrDefaultAsync(h => h.TenantId == tenant, ct);
        if (head is not null && head.Holder != self && head.LeaseUntil > now)
            return null;

        if (head is null)
            db.LogHeads.Add(head = new() { TenantId = tenant, Roots = [] });
        if (head.Holder != self)
            head.Epoch++;
        (head.Holder, head.LeaseUntil) = (self, now + Lease);
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return null;
        }

        if (!guarded.ContainsKey(tenant))
        {
            if (!await witnesses.GuardAsync(tenant, ct))
                return null;
            guarded[tenant] = true;

            // Whatever the guard found is in the row.
            await db.Entry(head).ReloadAsync(ct);
        }

        return new(head, await db.Tenants.Where(t => t.Id == tenant).Select(t => t.Log).SingleAsync(ct));
    }

    private sealed record Hold(LogHead Head, string Origin);

    /// <summary>Appends the leaves and stores each tile that became full; what a tile held before this batch is read back once.</summary>
    private static async Task GrowAsync(MumegaDb db, Guid tenant, CompactRange range, List<byte[]> leaves, CancellationToken ct)
    {
        var tiles = new SortedDictionary<(int Level, long Index), List<byte[]>>();
        foreach (var leaf in leaves)
        {
            range.Append(
                leaf,
                (node, hash) =>
                {
                    if (node.Level % Tile.Height != 0)
                        return;
                    var key = (node.Level / Tile.Height, node.Index / Tile.FullWidth);
                    if (!tiles.TryGetValue(key, out var hashes))
                        tiles[key] = hashes = [];
                    hashes.Add(hash);
                }
            );
        }

        var before = range.Size - leaves.Count;
        foreach (var ((level, index), hashes) in tiles)
        {
            if (Tile.At(level, range.Size).Full <= index)
                continue;

            var missing = Tile.FullWidth - hashes.Count;
            var all =
                missing == 0 ? hashes : [.. await LogReader.FirstHashesAsync(db, tenant, level, index, missing, before, ct), .. hashes];
            byte[] bytes = [.. all.SelectMany(h => h)];
            db.LogTiles.Add(
                new()
                {
                    TenantId = tenant,
                    Level = level,
                    Index = index,
                    Hashes = bytes,
                    Root = Tile.Root(bytes),
                }
            );
        }
    }

    private async Task<string> SignAsync(MumegaDb db, Checkpoint checkpoint, DateTimeOffset now, CancellationToken ct)
    {
        var signers = await SignersAsync(db, checkpoint.Origin, now, ct);
        return new SignedNote(checkpoint.Text, [.. signers.Select(s => s.Sign(checkpoint.Text))]).ToString();
    }

    // The first key commits with the batch that it signs, so that a key that signed is known to all who see the signature.
    private async Task<IReadOnlyList<SignerKey>> SignersAsync(MumegaDb db, string origin, DateTimeOffset now, CancellationToken ct)
    {
        if (keys.TryGetValue(db.TenantId, out var known) && now < known.Until)
            return known.Keys;

        var rows = await KeysInUseAsync(db, now, ct);
        if (rows.Count == 0)
        {
            var (first, signer) = NewKey(db.TenantId, origin, now);
            db.LogKeys.Add(first);
            return [signer];
        }

        if (rows[0].CreatedAt + KeyUse <= now)
        {
            await RotateAsync(db.TenantId, origin, now, ct);
            rows = await KeysInUseAsync(db, now, ct);
        }

        // Looked at again within the hour, so that a rotation elsewhere is followed.
        IReadOnlyList<SignerKey> signers =
        [
            .. rows.Select(k => new SignerKey(origin, Convert.FromBase64String(vault.Open(db.TenantId, Purpose.LogKey, k.Sealed)))),
        ];
        keys[db.TenantId] = (signers, now + TimeSpan.FromHours(1));
        return signers;
    }

    private static Task<List<LogKey>> KeysInUseAsync(MumegaDb db, DateTimeOffset now, CancellationToken ct) =>
        db.LogKeys.AsNoTracking().Where(k => k.RetiresAt == null || k.RetiresAt > now).OrderByDescending(k => k.CreatedAt).ToListAsync(ct);

    // A commit of its own, with a receipt; whoever comes second finds the new key there and leaves it at that.
    private async Task RotateAsync(Guid tenant, string origin, DateTimeOffset now, CancellationToken ct)
    {
        Guid room;
        await using (var rooms = databases.OpenTenant(tenant))
            room = await rooms.Workspaces.OrderBy(w => w.CreatedAt).Select(w => w.Id).FirstAsync(ct);

        await using var db = databases.Open(tenant, room);
        var former = await db.LogKeys.Where(k => k.RetiresAt == null).ToListAsync(ct);
        if (former.All(k => k.CreatedAt + KeyUse > now))
            return;

        foreach (var key in former)
            key.RetiresAt = now + KeyOverlap;
        var (next, _) = NewKey(tenant, origin, now);
        db.LogKeys.Add(next);
        db.Add(next.Announce(room, Actor.Platform(tenant, origin), [.. former.Select(k => k.Verifier)], now));
        try
        {
            await db.SaveChangesAsync(ct);
            signals.Receipts.Pulse();
        }
        catch (Exception e) when (Databases.IsRace(e)) { }
    }

    private (LogKey Key, SignerKey Signer) NewKey(Guid tenant, string origin, DateTimeOffset now)
    {
        var seed = RandomNumberGenerator.GetBytes(32);
        var signer = new SignerKey(origin, seed);
        return (
            new()
            {
                TenantId = tenant,
                Id = Guid.CreateVersion7(now),
                Verifier = signer.Verifier.ToString(),
                Sealed = vault.Seal(tenant, Purpose.LogKey, Convert.ToBase64String(seed)),
                CreatedAt = now,
            },
            signer
        );
    }
}
