using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.GraphQL.Transport;
using Mumega.Api.Log;
using Mumega.Domain;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Api.GraphQL;

/// <summary>The proof that a leaf is in the log (RFC 9162 section 2.1.3).</summary>
/// <param name="Index">The leaf's place, from 0.</param>
/// <param name="Size">The size of the tree that the path leads to the root of.</param>
/// <param name="Path">32-byte hashes in base64, lowest first.</param>
/// <param name="Checkpoint">The signed checkpoint of that size (C2SP tlog-checkpoint), with cosignatures.</param>
[Name("Inclusion")]
public sealed record InclusionView(long Index, long Size, IReadOnlyList<string> Path, string Checkpoint)
{
    internal static async Task<InclusionView?> OfAsync(RequestContext request, Receipt receipt, long? size, CancellationToken ct)
    {
        await using var db = request.OpenTenant();
        var position = await db
            .ReceiptPlaces.AsNoTracking()
            .Where(p => p.TenantId == receipt.TenantId && p.WorkspaceId == receipt.WorkspaceId && p.ReceiptId == receipt.Id)
            .Select(p => p.Position)
            .SingleOrDefaultAsync(ct);
        if (position is not { } place || await LogEndpoints.LatestAsync(db, size, ct) is not { } note)
            return null;

        var checkpoint = TransparencyLog.Checkpoint.Parse(TransparencyLog.SignedNote.Parse(note).Text);
        if (place > checkpoint.Size)
            return null;
        var path = await new LogReader(db, receipt.TenantId).InclusionAsync(place - 1, checkpoint.Size, ct);
        return new(place - 1, checkpoint.Size, [.. path.Select(Convert.ToBase64String)], note);
    }
}

/// <summary>A checkpoint that was signed.</summary>
/// <param name="Root">32 bytes, base64.</param>
/// <param name="Note">The signed note, with cosignatures.</param>
/// <param name="Cosigners">The names of the witnesses that cosigned it.</param>
[Name("LogCheckpoint")]
public sealed record CheckpointView(long Size, string Root, string Note, DateTimeOffset At, IReadOnlyList<string> Cosigners);

/// <summary>An edge of the history of checkpoints.</summary>
[Name("LogCheckpointEdge")]
public sealed record CheckpointEdge(string Cursor, CheckpointView Node);

/// <summary>A page of the history of checkpoints, newest first.</summary>
[Name("LogCheckpointConnection")]
public sealed record CheckpointConnection(
    [property: Complexity(0, 1)] IReadOnlyList<CheckpointEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<CheckpointView> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>The tenant's receipt log. One log holds the receipts of all workspaces, so its size says how many receipts the tenant has, and nothing else of them.</summary>
[Name("ReceiptLog")]
public sealed class LogNode(string origin, string address, LogHead? head)
{
    /// <summary>The log's name, also the name of its key.</summary>
    public string Origin => origin;

    /// <summary>Where checkpoint, tiles and keys lie as files.</summary>
    public string Address => address;

    /// <summary>How many receipts are sealed.</summary>
    public long Size => head?.Size ?? 0;

    /// <summary>Why nothing is signed any more; absent while all is well.</summary>
    public string? Frozen => head?.Frozen;

    /// <summary>Receipts that have their place and wait to be sealed.</summary>
    public async Task<long> Waiting(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.OpenTenant();
        return (
                await db
                    .ReceiptPlaces.Where(p => p.TenantId == request.Actor.TenantId && p.Position != null)
                    .MaxAsync(p => p.Position, context.CancellationToken)
                ?? 0
            ) - Size;
    }

    /// <summary>The log's verifier keys (C2SP signed-note), newest first. Compare them with the ones that you pinned.</summary>
    public async Task<IReadOnlyList<string>> Keys(IResolveFieldContext context) =>
        [
            .. (
                await context
                    .RequestServices!.GetRequiredService<LogSealer>()
                    .KeysAsync(context.Request().Actor.TenantId, context.CancellationToken)
            ).Select(k => k.ToString()),
        ];

    /// <summary>The witnesses that are asked to cosign, and how they stand.</summary>
    public Task<IReadOnlyList<WitnessState>> Witnesses(IResolveFieldContext context) =>
        context
            .RequestServices!.GetRequiredService<LogWitnesses>()
            .StatesAsync(context.Request().Actor.TenantId, context.CancellationToken);

    /// <summary>The latest checkpoint; absent before the first receipt is sealed.</summary>
    public async Task<CheckpointView?> Checkpoint(IResolveFieldContext context) =>
        (await Checkpoints(context, 1, null)).Nodes is [var latest] ? latest : null;

    /// <summary>Every checkpoint, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<CheckpointConnection> Checkpoints(IResolveFieldContext context, int? first, string? after)
    {
        await using var db = context.Request().OpenTenant();
        var query = db.LogCheckpoints.AsNoTracking();
        if (Paging.Position(after) is { } before)
            query = query.Where(c => c.Size < before);

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(c => c.Size),
            first,
            after,
            c => Paging.Cursor(c.Size),
            context.CancellationToken
        );
        var sizes = rows.Select(r => r.Size).ToList();
        var cosigned = (
            await db
                .LogCosignatures.AsNoTracking()
                .Where(c => sizes.Contains(c.Size))
                .OrderBy(c => c.At)
                .ToListAsync(context.CancellationToken)
        ).ToLookup(c => c.Size);
        List<CheckpointEdge> edges =
        [
            .. rows.Select(r => new CheckpointEdge(
                Paging.Cursor(r.Size),
                new(
                    r.Size,
                    r.Note.Split('\n')[2],
                    r.Note + string.Concat(cosigned[r.Size].Select(c => $"{c.Line}\n")),
                    r.At,
                    [.. cosigned[r.Size].Select(c => TransparencyLog.VerifierKey.Parse(c.Witness).Name)]
                )
            )),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The proof that the log at one size goes on from another (RFC 9162 section 2.1.4): hashes in base64.</summary>
    [Complexity(10)]
    public async Task<IReadOnlyList<string>> Consistency(IResolveFieldContext context, long from, long to)
    {
        if (from < 0 || from > to || to > Size)
            throw new RefusalException(new InvalidArgument("to", $"sizes from 0 to {Size}, the first not above the second."));

        var request = context.Request();
        await using var db = request.OpenTenant();
        return
        [
            .. (await new LogReader(db, request.Actor.TenantId).ConsistencyAsync(from, to, context.CancellationToken)).Select(
                Convert.ToBase64String
            ),
        ];
    }
}
