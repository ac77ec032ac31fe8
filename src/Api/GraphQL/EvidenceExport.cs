using System.Text.Json;
using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.GraphQL.Transport;
using Mumega.Api.Log;
using Mumega.Domain;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.Api.GraphQL;

/// <summary>Writes evidence bundles.</summary>
internal static class EvidenceExport
{
    private const int Max = 100;

    public static async Task<string?> WriteAsync(IResolveFieldContext context, Guid workspaceId, IReadOnlyList<string>? ids, IReadOnlyList<string>? open, long? from)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        if (ids is { Count: > Max }) throw new RefusalException(new InvalidArgument("receipts", $"at most {Max}."));

        await using var all = request.OpenTenant();
        if (await LogEndpoints.LatestAsync(all, null, ct) is not { } note) return null;

        var checkpoint = Checkpoint.Parse(SignedNote.Parse(note).Text);
        if (from < 0 || from > checkpoint.Size) throw new RefusalException(new InvalidArgument("from", $"a size from 0 to {checkpoint.Size}."));

        await using var db = request.Open(workspaceId);
        var tenantId = request.Actor.TenantId;
        var wanted = ids?.Select(id => NodeId.Parse(id, "Receipt") is var (room, key) && room == workspaceId ? key : throw new RefusalException(new NotFound("receipt", id))).ToList();
        var places = db.ReceiptPlaces.AsNoTracking().Where(p => p.TenantId == tenantId && p.WorkspaceId == workspaceId && p.Position <= checkpoint.Size);
        if (wanted is not null) places = places.Where(p => wanted.Contains(p.ReceiptId));
        var found = await (
            from place in places.OrderByDescending(p => p.Position).Take(Max)
            join receipt in db.Receipts on place.ReceiptId equals receipt.Id
            join disclosure in db.Disclosures on receipt.Id equals disclosure.ReceiptId into disclosures
            from opened in disclosures.DefaultIfEmpty()
            select new { place.Position, receipt.Entry, Opened = opened }).AsNoTracking().ToListAsync(ct);
        if (wanted is not null && found.Count < wanted.Distinct().Count()) throw new RefusalException(new WrongState("waiting", "sealed"));

        var reader = new LogReader(all, tenantId);
        var receipts = new List<EvidenceReceipt>();
        foreach (var item in found.OrderBy(f => f.Position))
        {
            var index = item.Position!.Value - 1;
            receipts.Add(new(index, Convert.ToBase64String(item.Entry), [.. (await reader.InclusionAsync(index, checkpoint.Size, ct)).Select(Convert.ToBase64String)], item.Opened?.Open(open) ?? []));
        }

        List<EvidenceGrowth> growth = from is { } size and > 0 ? [new(size, [.. (await reader.ConsistencyAsync(size, checkpoint.Size, ct)).Select(Convert.ToBase64String)])] : [];
        var keys = await context.RequestServices!.GetRequiredService<LogSealer>().KeysAsync(tenantId, ct);
        return JsonSerializer.Serialize(new EvidenceBundle(EvidenceBundle.Version, checkpoint.Origin, [.. keys.Select(k => k.ToString())], note, receipts, growth), JsonSerializerOptions.Web);
    }
}
