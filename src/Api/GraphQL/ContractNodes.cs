using System.Text.Json;
using GraphQL;
using GraphQL.DataLoader;
using Mumega.Api.GraphQL.Transport;
using Mumega.Api.Log;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Partners;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Api.GraphQL;

/// <summary>A receipt as a contract shows it: the entry as it was hashed, and the fields that the contract opens.</summary>
[Name("SharedReceipt")]
public sealed class SharedReceiptNode(SharedReceipt shared)
{
    /// <summary>The plain id, as the entry says it.</summary>
    [Id]
    public Guid ReceiptId => shared.Receipt.Id;

    public string Kind => shared.Receipt.Kind;

    /// <summary>What the receipt's chain is about: steps of the same chain have the same id and count from 1 without gaps.</summary>
    [Id]
    public Guid ChainId => shared.Receipt.SubjectId;

    public int Step => shared.Receipt.Step;

    public DateTimeOffset At => shared.Receipt.At;

    /// <summary>The leaf hash (RFC 6962) of the entry, base64.</summary>
    public string Digest => shared.Receipt.Digest;

    /// <summary>The entry as it was hashed: canonical JSON (RFC 8785).</summary>
    public string Entry => System.Text.Encoding.UTF8.GetString(shared.Receipt.Entry);

    /// <summary>The fields that the contract opens.</summary>
    public JsonElement Fields => shared.Opened.Fields();

    /// <summary>The disclosures behind their commitments (RFC 9901 encoding), for verifying.</summary>
    public IReadOnlyList<string> Disclosures => shared.Opened.Open();

    /// <summary>The proof that the receipt is in the log: at the checkpoint of that size, or at the latest.</summary>
    [Complexity(10)]
    public Task<InclusionView?> Inclusion(IResolveFieldContext context, long? checkpoint) =>
        InclusionView.OfAsync(context.Request(), shared.Receipt, checkpoint, context.CancellationToken);
}

/// <summary>An edge of a list of shared receipts; its cursor resumes a subscription.</summary>
[Name("SharedReceiptEdge")]
public sealed record SharedReceiptEdge(string Cursor, SharedReceiptNode Node);

/// <summary>A page of shared receipts, oldest first.</summary>
[Name("SharedReceiptConnection")]
public sealed record SharedReceiptConnection(
    [property: Complexity(0, 1)] IReadOnlyList<SharedReceiptEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<SharedReceiptNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>Evidence that a contract showed.</summary>
/// <param name="Bundle">The file.</param>
/// <param name="EndCursor">Where the next one begins.</param>
/// <param name="HasNextPage">Whether there is more.</param>
[Name("SharedEvidence")]
public sealed record SharedEvidence(string Bundle, string EndCursor, bool HasNextPage);

/// <summary>What a partner may see of one workspace: receipts of some kinds, with some fields opened, for a time.</summary>
[Name("Contract"), Implements(typeof(INode))]
public sealed class ContractNode(Contract contract, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Contract", contract.WorkspaceId, contract.Id);

    /// <summary>The plain id, as action inputs and receipts name it.</summary>
    [Id]
    public Guid ContractId => contract.Id;

    public IDataLoaderResult<Who> Partner(IResolveFieldContext context) => Who.Of(context.Request(), contract.PartnerId);

    /// <summary>The OAuth client id that the partner signs in with (client credentials, private_key_jwt).</summary>
    public IDataLoaderResult<string?> ClientId(IResolveFieldContext context) =>
        context.Request().PrincipalAsync(contract.PartnerId).Then(p => p?.ClientId);

    /// <summary>The kinds of receipts that are shown.</summary>
    public IReadOnlyList<string> Kinds => contract.SharedKinds;

    /// <summary>The fields that are opened; <c>parameters.*</c> stands for all parameters.</summary>
    public IReadOnlyList<string> Fields => contract.SharedFields;

    public DateTimeOffset Since => contract.Since;

    public DateTimeOffset Until => contract.Until;

    /// <summary>The connection by which new checkpoints are sent.</summary>
    public string? Connection => contract.Connection;

    public DateTimeOffset CreatedAt => contract.CreatedAt;

    public DateTimeOffset? RevokedAt => contract.RevokedAt;

    /// <summary>Why nothing is shown now; absent while it is in force.</summary>
    public string? Ended => contract.Ended(now)?.Reason;

    /// <summary>How often something was shown under it: the number of its last receipt.</summary>
    public int Uses => contract.Receipts;

    /// <summary>How many receipts were shown, counting repeats.</summary>
    public long Shown => contract.Shown;

    public DateTimeOffset? UsedAt => contract.UsedAt;

    /// <summary>The sealed receipts that it shows, oldest first. For the partner only; each page is recorded before it is returned.</summary>
    [Complexity<PageCost>]
    public async Task<SharedReceiptConnection> Receipts(IResolveFieldContext context, int? first, string? after)
    {
        var page = await ShowAsync(context, Paging.Position(after) ?? 0, Paging.Size(first), "query");
        List<SharedReceiptEdge> edges = [.. page.Receipts.Select(r => new SharedReceiptEdge(Paging.Cursor(r.Position), new(r)))];
        return new(
            edges,
            [.. edges.Select(e => e.Node)],
            new(page.More, after is not null, edges.FirstOrDefault()?.Cursor, edges.LastOrDefault()?.Cursor)
        );
    }

    /// <summary>
    /// The next receipts after a cursor (100 at most) with their proofs as one file that can be checked without asking us, and how the log goes on from
    /// an earlier checkpoint, if its size is named. Proves them against the latest checkpoint, or the one of that size, so that several answers can be
    /// put together. For the partner only; recorded before it is returned. Absent when there is nothing to show.
    /// </summary>
    [Complexity(100)]
    public async Task<SharedEvidence?> Evidence(IResolveFieldContext context, string? after, long? from, long? checkpoint)
    {
        await using var all = context.Request().OpenTenant();
        if (checkpoint is { } size && await LogEndpoints.LatestAsync(all, size, context.CancellationToken) is null)
            throw new RefusalException(new InvalidArgument("checkpoint", "there is no checkpoint of that size."));

        var page = await ShowAsync(context, Paging.Position(after) ?? 0, Paging.Max, "evidence", checkpoint ?? long.MaxValue);
        return page.Receipts.Count > 0 && await EvidenceExport.WriteAsync(context, page.Receipts, from, checkpoint) is { } bundle
            ? new(bundle, Paging.Cursor(page.Receipts[^1].Position), page.More)
            : null;
    }

    private async Task<SharedPage> ShowAsync(IResolveFieldContext context, long after, int limit, string way, long upTo = long.MaxValue)
    {
        var request = context.Request();
        if (request.Actor.Kind is not PrincipalKind.Partner)
            throw new RefusalException(new PartnersOnly());

        var sharing = context.RequestServices!.GetRequiredService<Sharing>();
        var outcome = await sharing.ShowAsync(
            request.Actor,
            contract.WorkspaceId,
            contract.Id,
            after,
            limit,
            way,
            context.CancellationToken,
            upTo
        );
        return outcome.Refused(out var why, out var page) ? throw new RefusalException(why) : page;
    }
}
