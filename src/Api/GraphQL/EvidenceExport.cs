using System.Text.Json;
using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.GraphQL.Transport;
using Mumega.Api.Log;
using Mumega.Domain;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.Api.GraphQL;

/// <summary>Writes evidence bundles.</summary>
internal static class EvidenceExport
{
    private const int Max = 100;

    /// <summary>Receipts of a workspace as the caller may see them.</summary>
    /// <param name="context">The field.</param>
    /// <param name="workspaceId">The workspace.</param>
    /// <param name="ids">The receipts; the newest without any.</param>
    /// <param name="open">The fields to open; all without any.</param>
    /// <param name="from">The size of an earlier checkpoint to go on from.</param>
    /// <param name="size">The checkpoint to prove against; the latest without one.</param>
    public static async Task<string?> WriteAsync(
        IResolveFieldContext context,
        Guid workspaceId,
        IReadOnlyList<string>? ids,
        IReadOnlyList<string>? open,
        long? from,
        long? size
    )
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        if (ids is { Count: > Max })
            throw new RefusalException(new InvalidArgument("receipts", $"at most {Max}."));

        var (tenantId, door) = (request.Actor.TenantId, await request.DoorAsync(workspaceId));
        if (door.WhyNot(ControlAct.ReadEvidence) is { } refused)
            throw new RefusalException(refused);

        await using var all = request.OpenTenant();
        if (await LogEndpoints.LatestAsync(all, size, ct) is not { } note)
            return null;

        var checkpoint = Checkpoint.Parse(SignedNote.Parse(note).Text);
        await using var db = request.Open(workspaceId);
        var wanted = ids
            ?.Select(id =>
                NodeId.Parse(id, "Receipt") is var (room, key) && room == workspaceId
                    ? key
                    : throw new RefusalException(new NotFound("receipt", id))
            )
            .ToList();
        var places = db
            .ReceiptPlaces.AsNoTracking()
            .Where(p => p.TenantId == tenantId && p.WorkspaceId == workspaceId && p.Position <= checkpoint.Size);
        if (wanted is not null)
            places = places.Where(p => wanted.Contains(p.ReceiptId));
        var found = await (
            from place in places.OrderByDescending(p => p.Position).Take(Max)
            join receipt in db.Receipts on place.ReceiptId equals receipt.Id
            join disclosure in db.Disclosures on receipt.Id equals disclosure.ReceiptId
            select new
            {
                place.Position,
                receipt.Entry,
                Opened = disclosure,
            }
        )
            .AsNoTracking()
            .ToListAsync(ct);
        if (wanted is not null && found.Count < wanted.Distinct().Count())
            throw new RefusalException(new WrongState("waiting", "sealed"));
        if (await request.Reading.WhyNotAsync(door, ControlAct.ReadEvidence, found.Count, ct) is { } over)
            throw new RefusalException(over);

        return await BundleAsync(
            context,
            all,
            note,
            checkpoint,
            found.Select(f => (f.Position!.Value, f.Entry, f.Opened.Only(door.Opens).Open(open))),
            from
        );
    }

    /// <summary>Receipts that a contract showed, as the contract opens them.</summary>
    public static async Task<string?> WriteAsync(IResolveFieldContext context, IReadOnlyList<SharedReceipt> shared, long? from, long? size)
    {
        await using var all = context.Request().OpenTenant();
        if (await LogEndpoints.LatestAsync(all, size, context.CancellationToken) is not { } note)
            return null;
        return await BundleAsync(
            context,
            all,
            note,
            Checkpoint.Parse(SignedNote.Parse(note).Text),
            shared.Select(s => (s.Position, s.Receipt.Entry, s.Opened.Open())),
            from
        );
    }

    private static async Task<string> BundleAsync(
        IResolveFieldContext context,
        MumegaDb all,
        string note,
        Checkpoint checkpoint,
        IEnumerable<(long Position, byte[] Entry, IReadOnlyList<string> Open)> found,
        long? from
    )
    {
        var ct = context.CancellationToken;
        if (from < 0 || from > checkpoint.Size)
            throw new RefusalException(new InvalidArgument("from", $"a size from 0 to {checkpoint.Size}."));

        var reader = new LogReader(all, all.TenantId);
        var receipts = new List<EvidenceReceipt>();
        foreach (var (position, entry, open) in found.OrderBy(f => f.Position))
            receipts.Add(
                new(
                    position - 1,
                    Convert.ToBase64String(entry),
                    [.. (await reader.InclusionAsync(position - 1, checkpoint.Size, ct)).Select(Convert.ToBase64String)],
                    open
                )
            );

        List<EvidenceGrowth> growth = from is { } size and > 0
            ? [new(size, [.. (await reader.ConsistencyAsync(size, checkpoint.Size, ct)).Select(Convert.ToBase64String)])]
            : [];
        var keys = await context.RequestServices!.GetRequiredService<LogSealer>().KeysAsync(all.TenantId, ct);
        return JsonSerializer.Serialize(
            new EvidenceBundle(EvidenceBundle.Version, checkpoint.Origin, [.. keys.Select(k => k.ToString())], note, receipts, growth),
            JsonSerializerOptions.Web
        );
    }
}
