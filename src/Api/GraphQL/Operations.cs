using System.Runtime.CompilerServices;
using System.Text.Json;
using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Api.GraphQL;

/// <summary>Who asks, and what they can reach.</summary>
public sealed partial class Viewer
{
    /// <summary>The caller.</summary>
    public Who Me(IResolveFieldContext context)
    {
        var actor = context.Request().Actor;
        return new(actor.Id, actor.Name, actor.Kind);
    }

    /// <summary>The scopes of the caller's token.</summary>
    public IReadOnlyList<string> Scopes(IResolveFieldContext context) => [.. context.Request().Actor.Scopes.Order(StringComparer.Ordinal)];

    /// <summary>The name of the caller's tenant.</summary>
    public async Task<string> Tenant(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.OpenTenant();
        return await db.Tenants.Where(t => t.Id == request.Actor.TenantId).Select(t => t.Name).SingleAsync(context.CancellationToken);
    }

    /// <summary>The workspaces that the caller may see, by name.</summary>
    public async Task<IReadOnlyList<WorkspaceNode>> Workspaces(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.OpenTenant();
        var found = new List<WorkspaceNode>();
        foreach (
            var id in await db
                .Workspaces.Where(w => request.Actor.Workspaces.Contains(w.Id))
                .OrderBy(w => w.Name)
                .Select(w => w.Id)
                .Take(Paging.Max)
                .ToListAsync(context.CancellationToken)
        )
        {
            if (await request.WorkspaceAsync(id) is { } workspace)
                found.Add(workspace);
        }

        return found;
    }
}

public sealed class Query
{
    /// <summary>Who asks, and what they can reach.</summary>
    public static Viewer Viewer() => new();

    /// <summary>Finds an object again by its global id; null when it does not exist for the caller.</summary>
    public static async Task<INode?> Node(IResolveFieldContext context, [Id] string id) =>
        NodeId.Parse(id) is { } node ? await Reads.NodeAsync(context.Request(), node, context.CancellationToken) : null;

    /// <summary>The contracts under which the caller, a partner, sees receipts; none for anybody else.</summary>
    [Complexity(5, 1)]
    public static async Task<IReadOnlyList<ContractNode>> Contracts(IResolveFieldContext context)
    {
        var request = context.Request();
        return
        [
            .. (
                await context.RequestServices!.GetRequiredService<Sharing>().ContractsAsync(request.Actor, context.CancellationToken)
            ).Select(c => new ContractNode(c, request.Now)),
        ];
    }

    /// <summary>One of those contracts; null when there is no such one for the caller.</summary>
    public static async Task<ContractNode?> Contract(IResolveFieldContext context, [Id] string id)
    {
        var request = context.Request();
        if (NodeId.Parse(id, "Contract") is not { } at)
            return null;
        return
            (
                await context.RequestServices!.GetRequiredService<Sharing>().ContractsAsync(request.Actor, context.CancellationToken)
            ).FirstOrDefault(c => c.WorkspaceId == at.Workspace && c.Id == at.Id)
                is { } found
            ? new(found, request.Now)
            : null;
    }

    /// <summary>A workspace by its key; null when it does not exist for the caller.</summary>
    public static async Task<WorkspaceNode?> Workspace(IResolveFieldContext context, string key)
    {
        var request = context.Request();
        await using var db = request.OpenTenant();
        var id = await db.Workspaces.Where(w => w.Key == key).Select(w => w.Id).SingleOrDefaultAsync(context.CancellationToken);
        return id == Guid.Empty ? null : await request.WorkspaceAsync(id);
    }
}

public sealed record ProposeActionInput(
    [property: Id] string WorkspaceId,
    string Action,
    JsonElement Input,
    string Reason,
    string IdempotencyKey
);

public sealed record DecideApprovalInput(
    [property: Id] string ApprovalId,
    ApprovalVerdict Verdict,
    string Digest,
    string? ReasonCode,
    string? Reason,
    string IdempotencyKey
);

public sealed record CancelRunInput([property: Id] string RunId, string Reason, string IdempotencyKey);

public sealed record RollBackRunInput([property: Id] string RunId, string Reason, string IdempotencyKey);

public enum SettledOutcome
{
    Succeeded,
    Failed,
}

public sealed record SettleRunInput([property: Id] string RunId, SettledOutcome Outcome, string Reason, string IdempotencyKey);

public sealed record EngageStopInput(
    [property: Id] string WorkspaceId,
    StopBoundary Boundary,
    string? Target,
    string Reason,
    string IdempotencyKey
);

/// <param name="AtOnce">In stages: so many held runs go on, the next when these ended well; absent to let everything go on at once.</param>
public sealed record ReleaseStopInput([property: Id] string StopId, int? AtOnce, string Reason, string IdempotencyKey);

public sealed record ProposeActionPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record DecideApprovalPayload(ApprovalNode? Approval, IReadOnlyList<Refusal> Errors);

public sealed record CancelRunPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record RollBackRunPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record SettleRunPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record EngageStopPayload(StopNode? Stop, IReadOnlyList<Refusal> Errors);

public sealed record ReleaseStopPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Proposes an action: policy decides, preflight checks, a gate may hold it, a job runs it.</summary>
    public static async Task<ProposeActionPayload> ProposeAction(IResolveFieldContext context, ProposeActionInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, [new NotFound("workspace", input.WorkspaceId)]);
        return Answer(
            request,
            await request.Kernel.ProposeAsync(
                request.Actor,
                at.Workspace,
                input.Action,
                input.Input,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            ),
            (run, errors) => new ProposeActionPayload(run, errors)
        );
    }

    /// <summary>Approves or rejects what the caller saw, named by its digest.</summary>
    public static async Task<DecideApprovalPayload> DecideApproval(IResolveFieldContext context, DecideApprovalInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ApprovalId, "Approval") is not { } at)
            return new(null, [new NotFound("approval", input.ApprovalId)]);
        return (
            await request.Kernel.DecideAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.Verdict,
                input.Digest,
                input.ReasonCode,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var approval)
            ? new(null, [why])
            : new(new(approval, request.Desk.Catalog, request.Now), []);
    }

    /// <summary>Withdraws a run that has not begun.</summary>
    public static Task<CancelRunPayload> CancelRun(IResolveFieldContext context, CancelRunInput input) =>
        OnRunAsync(
            context,
            input.RunId,
            (k, by, at, ct) => k.CancelAsync(by, at.Workspace, at.Id, input.Reason, input.IdempotencyKey, ct),
            (run, errors) => new CancelRunPayload(run, errors)
        );

    /// <summary>Undoes a run by a run of its own, through the whole path.</summary>
    public static Task<RollBackRunPayload> RollBackRun(IResolveFieldContext context, RollBackRunInput input) =>
        OnRunAsync(
            context,
            input.RunId,
            (k, by, at, ct) => k.RollBackAsync(by, at.Workspace, at.Id, input.Reason, input.IdempotencyKey, ct),
            (run, errors) => new RollBackRunPayload(run, errors)
        );

    /// <summary>Says what became of an external effect whose answer was lost.</summary>
    public static Task<SettleRunPayload> SettleRun(IResolveFieldContext context, SettleRunInput input) =>
        OnRunAsync(
            context,
            input.RunId,
            (k, by, at, ct) =>
                k.SettleAsync(by, at.Workspace, at.Id, input.Outcome is SettledOutcome.Succeeded, input.Reason, input.IdempotencyKey, ct),
            (run, errors) => new SettleRunPayload(run, errors)
        );

    /// <summary>Engages a stop at once; needs no approval.</summary>
    public static async Task<EngageStopPayload> EngageStop(IResolveFieldContext context, EngageStopInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, [new NotFound("workspace", input.WorkspaceId)]);
        return (
            await request.Kernel.EngageStopAsync(
                request.Actor,
                at.Workspace,
                input.Boundary,
                input.Target,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var stop)
            ? new(null, [why])
            : new(new(stop, at.Workspace), []);
    }

    /// <summary>Proposes the release of a stop: a governed action of somebody other than the one who engaged it.</summary>
    public static async Task<ReleaseStopPayload> ReleaseStop(IResolveFieldContext context, ReleaseStopInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.StopId, "Stop") is not { } at)
            return new(null, [new NotFound("stop", input.StopId)]);
        return Answer(
            request,
            await request.Kernel.ReleaseStopAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.AtOnce,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            ),
            (run, errors) => new ReleaseStopPayload(run, errors)
        );
    }

    private static async Task<T> OnRunAsync<T>(
        IResolveFieldContext context,
        string runId,
        Func<Infrastructure.Runs.Kernel, Actor, (Guid Workspace, Guid Id), CancellationToken, Task<Outcome<Run>>> act,
        Func<RunNode?, IReadOnlyList<Refusal>, T> payload
    )
    {
        var request = context.Request();
        if (NodeId.Parse(runId, "Run") is not { } at)
            return payload(null, [new NotFound("run", runId)]);
        return Answer(request, await act(request.Kernel, request.Actor, at, context.CancellationToken), payload);
    }

    private static T Answer<T>(RequestContext request, Outcome<Run> outcome, Func<RunNode?, IReadOnlyList<Refusal>, T> payload) =>
        outcome.Refused(out var why, out var run) ? payload(null, [why]) : payload(new(run, request.Desk.Catalog, request.Now), []);
}

public sealed class Subscription
{
    /// <summary>Receipts as they are appended; with a cursor, first everything after it. Nothing is missed in between.</summary>
    public static async IAsyncEnumerable<ReceiptEdge> ReceiptAppended(
        IResolveFieldContext context,
        [Id] string workspace,
        string? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        await foreach (var item in Follow(context, workspace, after, ct))
            yield return new(Paging.Cursor(item.Position), new(item.Receipt));
    }

    /// <summary>
    /// Receipts under a contract as they are sealed; with a cursor, first everything after it. Each is recorded as shown before it is sent. Ends when
    /// the contract does.
    /// </summary>
    public static async IAsyncEnumerable<SharedReceiptEdge> ReceiptShared(
        IResolveFieldContext context,
        [Id] string contract,
        string? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        var request = context.Request();
        if (NodeId.Parse(contract, "Contract") is not { } at)
            throw new Transport.RefusalException(new NotFound("contract", contract));

        var sharing = context.RequestServices!.GetRequiredService<Sharing>();
        await foreach (var outcome in sharing.FollowAsync(request.Actor, at.Workspace, at.Id, Paging.Position(after) ?? 0, ct))
        {
            if (outcome.Refused(out var why, out var page))
                throw new Transport.RefusalException(why);
            foreach (var shared in page.Receipts)
                yield return new(Paging.Cursor(shared.Position), new(shared));
        }
    }

    /// <summary>Runs whose state changed, as they are now.</summary>
    public static async IAsyncEnumerable<RunNode> RunChanged(
        IResolveFieldContext context,
        [Id] string workspace,
        string? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        var request = context.Request();
        await foreach (var item in Follow(context, workspace, after, ct))
        {
            await using var db = request.Open(item.Receipt.WorkspaceId);
            if (await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == item.Receipt.SubjectId, ct) is { } run)
                yield return new(run, request.Desk.Catalog, request.Now);
        }
    }

    /// <summary>Approvals that somebody is asked for, when they are asked for.</summary>
    public static async IAsyncEnumerable<ApprovalNode> ApprovalRequested(
        IResolveFieldContext context,
        [Id] string workspace,
        string? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        var request = context.Request();
        await foreach (var item in Follow(context, workspace, after, ct))
        {
            if (
                item.Receipt.State != RunState.AwaitingApproval.Name()
                || item.Receipt.ReasonCode is not ("preflight.passed" or "gate.stale" or "stop.resumed")
            )
                continue;

            await using var db = request.Open(item.Receipt.WorkspaceId);
            if (
                await db
                    .Approvals.AsNoTracking()
                    .Include(a => a.Decisions)
                    .SingleOrDefaultAsync(a => a.RunId == item.Receipt.SubjectId, ct) is
                { } approval
            )
                yield return new(approval, request.Desk.Catalog, request.Now);
        }
    }

    private static async IAsyncEnumerable<FeedItem> Follow(
        IResolveFieldContext context,
        string workspace,
        string? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        var request = context.Request();
        if (NodeId.Parse(workspace, "Workspace") is not { } at || !await request.MaySeeAsync(at.Workspace))
            throw new Transport.RefusalException(new NotFound("workspace", workspace));

        using var watching = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var lost = LostAsync(request, at.Workspace, watching);
        await using var items = context
            .RequestServices!.GetRequiredService<ReceiptFeed>()
            .FollowAsync(request.Actor.TenantId, at.Workspace, Paging.Position(after), watching.Token)
            .GetAsyncEnumerator(watching.Token);
        try
        {
            while (await NextAsync(items, lost))
            {
                // What held when the subscription began may hold no longer.
                request.Forget();
                if (!await request.MaySeeAsync(at.Workspace))
                    break;
                yield return items.Current;
            }
        }
        finally
        {
            await watching.CancelAsync();
            await lost;
        }

        throw new Transport.RefusalException(new NotFound("workspace", workspace));
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<FeedItem> items, Task lost)
    {
        try
        {
            return await items.MoveNextAsync();
        }
        catch (OperationCanceledException) when (lost.IsCompletedSuccessfully)
        {
            return false;
        }
    }

    /// <summary>Cancels when the workspace does not exist for the reader any more, though nothing happens in it: at once in this process, within a second on another.</summary>
    private static async Task LostAsync(RequestContext request, Guid workspace, CancellationTokenSource watching)
    {
        while (!watching.IsCancellationRequested)
        {
            var changed = request.Desk.Signals.Authority.Next;
            await Task.WhenAny(changed, Task.Delay(CallerOf.Recheck, watching.Token));
            if (watching.IsCancellationRequested || await request.StillSeesAsync(workspace))
                continue;

            await watching.CancelAsync();
            return;
        }
    }
}
