using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Approvals;
using Mumega.Domain.Jobs;
using Mumega.Domain.Pages;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Infrastructure.Data;

/// <summary>What an act finds when it opens a workspace.</summary>
/// <param name="Authority">The tenant's count of changes to who may do what.</param>
/// <param name="Seen">What the idempotency key led to before, if it was used.</param>
internal sealed record Opening(long Authority, string TenantKey, string Log, SeenKey? Seen);

/// <summary>A leaf at its place in the tenant's order.</summary>
internal sealed record PlacedLeaf(long Position, byte[]? Leaf);

internal sealed record SeenKey(string RequestHash, Guid SubjectId);

/// <summary>
/// The queries of the hot path. Translating a query costs more than running it. One instance belongs to one database, because a compiled
/// query belongs to one provider's model.
/// </summary>
internal sealed class CompiledQueries
{
    public readonly RowWriter Rows = new();

    public readonly Func<MumegaDb, Guid, Guid, string, CancellationToken, Task<Opening>> Opening = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, Guid principal, string key, CancellationToken ct) =>
            (
                from t in db.Tenants
                where t.Id == tenant
                join k in db.IdempotencyKeys.Where(k => k.PrincipalId == principal && k.Key == key) on t.Id equals k.TenantId into seen
                from k in seen.DefaultIfEmpty()
                select new Opening(t.Authority, t.Key, t.Log, k == null ? null : new SeenKey(k.RequestHash, k.SubjectId))
            ).Single()
    );

    public readonly Func<MumegaDb, Guid, CancellationToken, Task<Run?>> Run = EF.CompileAsyncQuery(
        (MumegaDb db, Guid id, CancellationToken ct) => db.Runs.SingleOrDefault(r => r.Id == id)
    );

    public readonly Func<MumegaDb, Guid, CancellationToken, Task<Approval?>> Approval = EF.CompileAsyncQuery(
        (MumegaDb db, Guid id, CancellationToken ct) => db.Approvals.Include(a => a.Decisions).SingleOrDefault(a => a.Id == id)
    );

    public readonly Func<MumegaDb, Guid, CancellationToken, Task<Approval?>> ApprovalOfRun = EF.CompileAsyncQuery(
        (MumegaDb db, Guid run, CancellationToken ct) => db.Approvals.Include(a => a.Decisions).SingleOrDefault(a => a.RunId == run)
    );

    public readonly Func<MumegaDb, string, CancellationToken, Task<Page?>> PageAt = EF.CompileAsyncQuery(
        (MumegaDb db, string slug, CancellationToken ct) => db.Pages.SingleOrDefault(p => p.Slug == slug)
    );

    public readonly Func<MumegaDb, Guid, string, CancellationToken, Task<bool>> AddressTakenElsewhere = EF.CompileAsyncQuery(
        (MumegaDb db, Guid workspace, string slug, CancellationToken ct) =>
            db.PortalAddresses.Any(a => a.Slug == slug && a.WorkspaceId != workspace)
    );

    public readonly Func<MumegaDb, Guid, int, CancellationToken, Task<Job?>> LeasedJob = EF.CompileAsyncQuery(
        (MumegaDb db, Guid id, int epoch, CancellationToken ct) =>
            db.Jobs.SingleOrDefault(j => j.Id == id && j.Epoch == epoch && j.State == JobState.Leased)
    );

    public readonly Func<MumegaDb, string, CancellationToken, Task<WebSession?>> WebSession = EF.CompileAsyncQuery(
        (MumegaDb db, string id, CancellationToken ct) => db.WebSessions.SingleOrDefault(s => s.Id == id)
    );

    public readonly Func<MumegaDb, Guid, Guid, long, int, IAsyncEnumerable<FeedItem>> ReceiptsAfter = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, Guid workspace, long after, int limit) =>
            (
                from place in db.ReceiptPlaces
                where place.TenantId == tenant && place.WorkspaceId == workspace && place.Position > after
                join receipt in db.Receipts
                    on new
                    {
                        place.TenantId,
                        place.WorkspaceId,
                        place.ReceiptId,
                    } equals new
                    {
                        receipt.TenantId,
                        receipt.WorkspaceId,
                        ReceiptId = receipt.Id,
                    }
                orderby place.Position
                select new FeedItem(place.Position!.Value, receipt)
            )
                .AsNoTracking()
                .Take(limit)
    );

    public readonly Func<MumegaDb, Guid, Guid, long, int, IAsyncEnumerable<FeedItem>> ReceiptsBefore = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, Guid workspace, long before, int limit) =>
            (
                from place in db.ReceiptPlaces
                where place.TenantId == tenant && place.WorkspaceId == workspace && place.Position < before
                join receipt in db.Receipts
                    on new
                    {
                        place.TenantId,
                        place.WorkspaceId,
                        place.ReceiptId,
                    } equals new
                    {
                        receipt.TenantId,
                        receipt.WorkspaceId,
                        ReceiptId = receipt.Id,
                    }
                orderby place.Position descending
                select new FeedItem(place.Position!.Value, receipt)
            )
                .AsNoTracking()
                .Take(limit)
    );

    public readonly Func<MumegaDb, int, IAsyncEnumerable<ReceiptPlace>> WaitingPlaces = EF.CompileAsyncQuery(
        (MumegaDb db, int limit) =>
            db.ReceiptPlaces.AsNoTracking().Where(p => p.Position == null).OrderBy(p => p.Ticks).ThenBy(p => p.Step).Take(limit)
    );

    public readonly Func<MumegaDb, Guid, long, int, IAsyncEnumerable<PlacedLeaf>> PlacedAfter = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, long after, int limit) =>
            db
                .ReceiptPlaces.Where(p => p.TenantId == tenant && p.Position > after)
                .OrderBy(p => p.Position)
                .Select(p => new PlacedLeaf(p.Position!.Value, p.Leaf))
                .Take(limit)
    );

    public readonly Func<MumegaDb, Guid, CancellationToken, Task<long?>> LastPlace = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, CancellationToken ct) =>
            db.ReceiptPlaces.Where(p => p.TenantId == tenant && p.Position != null).Max(p => p.Position)
    );

    public readonly Func<MumegaDb, Guid, int, long, CancellationToken, Task<byte[]?>> Tile = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, int level, long index, CancellationToken ct) =>
            db.LogTiles.Where(t => t.TenantId == tenant && t.Level == level && t.Index == index).Select(t => t.Hashes).SingleOrDefault()
    );

    public readonly Func<MumegaDb, Guid, int, long, long, IAsyncEnumerable<byte[]>> TileRoots = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, int level, long first, long after) =>
            db
                .LogTiles.Where(t => t.TenantId == tenant && t.Level == level && t.Index >= first && t.Index < after)
                .OrderBy(t => t.Index)
                .Select(t => t.Root)
    );

    public readonly Func<MumegaDb, Guid, long, long, IAsyncEnumerable<byte[]>> Leaves = EF.CompileAsyncQuery(
        (MumegaDb db, Guid tenant, long after, long last) =>
            db
                .ReceiptPlaces.Where(p => p.TenantId == tenant && p.Position > after && p.Position <= last)
                .OrderBy(p => p.Position)
                .Select(p => p.Leaf!)
    );
}
