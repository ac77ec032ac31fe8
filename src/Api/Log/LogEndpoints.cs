using System.Text;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.Api.Log;

/// <summary>
/// The log as files, as C2SP tlog-tiles lays them out: <c>/log/{id}/checkpoint</c>, <c>/log/{id}/tile/…</c> and the keys. Hashes only; entries are
/// given out receipt by receipt to those who may see them. The id is 128 random bits and not the tenant's name.
/// </summary>
public static partial class LogEndpoints
{
    public static void MapLog(this WebApplication app)
    {
        app.MapGet("/log/{id}/checkpoint", CheckpointAsync);
        app.MapGet("/log/{id}/log.vkey", KeysAsync);
        app.MapGet("/log/{id}/tile/{**path}", TileAsync);
    }

    private static async Task<IResult> CheckpointAsync(string id, HttpContext http, Databases databases)
    {
        var ct = http.RequestAborted;
        if (await TenantAsync(databases, id, ct) is not { } tenant)
            return Missing();

        await using var db = databases.OpenTenant(tenant);
        http.Response.Headers.CacheControl = "no-cache";
        return await LatestAsync(db, null, ct) is { } note
            ? Results.Text(note, "text/plain", Encoding.UTF8)
            : Missing("nothing is sealed yet");
    }

    private static async Task<IResult> KeysAsync(string id, HttpContext http, Databases databases, LogSealer sealer)
    {
        if (await TenantAsync(databases, id, http.RequestAborted) is not { } tenant)
            return Missing();

        http.Response.Headers.CacheControl = "public, max-age=3600";
        return Results.Text(
            string.Concat((await sealer.KeysAsync(tenant, http.RequestAborted)).Select(k => $"{k}\n")),
            "text/plain",
            Encoding.UTF8
        );
    }

    private static async Task<IResult> TileAsync(string id, string path, HttpContext http, Databases databases)
    {
        var ct = http.RequestAborted;
        if (Tile.Parse(path) is not { } tile)
            return Results.Text("not the path of a tile", statusCode: StatusCodes.Status400BadRequest);
        if (await TenantAsync(databases, id, ct) is not { } tenant)
            return Missing();

        await using var db = databases.OpenTenant(tenant);
        var size = await db.LogHeads.Select(h => (long?)h.Size).SingleOrDefaultAsync(ct) ?? 0;
        if (await new LogReader(db, tenant).TileAsync(tile, size, ct) is not { } hashes)
            return Missing("the log is not that large");

        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return Results.Bytes(hashes, "application/octet-stream");
    }

    /// <summary>The checkpoint at a size, or the latest, with its cosignatures; null when there is none.</summary>
    internal static async Task<string?> LatestAsync(MumegaDb db, long? size, CancellationToken ct)
    {
        var found = await db
            .LogCheckpoints.AsNoTracking()
            .Where(c => size == null || c.Size == size)
            .OrderByDescending(c => c.Size)
            .FirstOrDefaultAsync(ct);
        if (found is null)
            return null;

        var cosignatures = await db
            .LogCosignatures.AsNoTracking()
            .Where(c => c.Size == found.Size)
            .OrderBy(c => c.At)
            .Select(c => c.Line)
            .ToListAsync(ct);
        return found.Note + string.Concat(cosignatures.Select(line => $"{line}\n"));
    }

    private static async Task<Guid?> TenantAsync(Databases databases, string id, CancellationToken ct)
    {
        if (!LogId().IsMatch(id))
            return null;

        await using var db = databases.OpenPlatform();
        var origin = Tenant.OriginOf(id);
        return await db.Tenants.Where(t => t.Log == origin).Select(t => (Guid?)t.Id).SingleOrDefaultAsync(ct);
    }

    private static IResult Missing(string why = "there is no such log") => Results.Text(why, statusCode: StatusCodes.Status404NotFound);

    [GeneratedRegex(@"\A[a-z2-7]{26}\z")]
    private static partial Regex LogId();
}
