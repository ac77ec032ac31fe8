using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Elevations;
using Mumega.Domain.Runs;

namespace Mumega.Api.GraphQL;

/// <summary>A role that somebody holds, or held, for a short time.</summary>
[Name("Elevation"), Implements(typeof(INode))]
public sealed class ElevationNode(Elevation elevation) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Elevation", elevation.WorkspaceId, elevation.Id);

    /// <summary>Who was elevated.</summary>
    public IDataLoaderResult<Who> Who(IResolveFieldContext context) => GraphQL.Who.Of(context.Request(), elevation.PrincipalId);

    /// <summary>The role that it gives.</summary>
    public string Role => elevation.Role;

    /// <summary>Why, in the words of whoever asked.</summary>
    public string Reason => elevation.Reason;

    /// <summary>Nobody let them in; somebody looks over it afterwards.</summary>
    public bool BreakGlass => elevation.BreakGlass;

    public DateTimeOffset Since => elevation.Since;

    public DateTimeOffset Until => elevation.Until;

    /// <summary>When it was over; absent while it lasts.</summary>
    public DateTimeOffset? EndedAt => elevation.EndedAt;

    /// <summary>How often something was seen or done by it.</summary>
    public int Uses => elevation.Uses;

    /// <summary>What a review of broken glass found; absent before it.</summary>
    public bool? Justified => elevation.Justified;

    /// <summary>What the review says.</summary>
    public string? Review => elevation.Review;

    /// <summary>Who looked over it.</summary>
    public IDataLoaderResult<Who>? ReviewedBy(IResolveFieldContext context) =>
        elevation.ReviewedBy is { } by ? GraphQL.Who.Of(context.Request(), by) : null;

    /// <summary>What was seen and done by it, oldest first, at most 100.</summary>
    [Complexity(10, 2)]
    public Task<IReadOnlyList<ReceiptNode>> Receipts(IResolveFieldContext context) =>
        Reads.ReceiptsOfAsync(context.Request(), elevation.WorkspaceId, elevation.Id, context.CancellationToken);
}

/// <summary>An elevation of the caller that lasts now: what the banner says.</summary>
/// <param name="ElevationId">The global id, to end it by.</param>
/// <param name="Workspace">The name of the workspace.</param>
[Name("LiveElevation")]
public sealed record LiveElevation(
    [property: Id] string ElevationId,
    string Workspace,
    string WorkspaceKey,
    string Role,
    string Reason,
    bool BreakGlass,
    DateTimeOffset Until
);

public enum ElevationAnswer
{
    Waiting,
    Granted,
    Rejected,
    Expired,
}

/// <summary>What the caller asked for. One for a workspace that does not exist waits until it expires, like one that nobody answers.</summary>
[Name("ElevationRequest")]
public sealed record ElevationRequestView(
    [property: Id] Guid RequestId,
    string WorkspaceKey,
    string Role,
    int Minutes,
    string Reason,
    DateTimeOffset At,
    ElevationAnswer Answer
)
{
    internal static ElevationRequestView Of(ElevationRequest request, RunState? run, DateTimeOffset now) =>
        new(
            request.Id,
            request.WorkspaceKey,
            request.Role,
            request.Minutes,
            request.Reason,
            request.At,
            run switch
            {
                RunState.Succeeded => ElevationAnswer.Granted,
                RunState.Rejected => ElevationAnswer.Rejected,
                _ => now < request.At + ElevationRequest.Patience ? ElevationAnswer.Waiting : ElevationAnswer.Expired,
            }
        );
}

public sealed partial class Viewer
{
    /// <summary>The caller's elevations that last now.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<LiveElevation>> Elevations(IResolveFieldContext context)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        var live = new List<LiveElevation>();
        await using var db = request.OpenTenant();
        var bindings = await db.RolesAt(request.Now)
            .AsNoTracking()
            .Where(b => b.PrincipalId == request.Actor.Id && b.ElevationId != null)
            .OrderBy(b => b.Until)
            .Take(Paging.Max)
            .ToListAsync(ct);
        foreach (var binding in bindings)
        {
            await using var room = request.Open(binding.WorkspaceId);
            var elevation = await room.Elevations.AsNoTracking().SingleAsync(e => e.Id == binding.ElevationId, ct);
            var workspace = await room.Workspaces.AsNoTracking().SingleAsync(w => w.Id == binding.WorkspaceId, ct);
            live.Add(
                new(
                    NodeId.Of("Elevation", binding.WorkspaceId, elevation.Id),
                    workspace.Name,
                    workspace.Key,
                    elevation.Role,
                    elevation.Reason,
                    elevation.BreakGlass,
                    elevation.Until
                )
            );
        }

        return live;
    }

    /// <summary>What the caller asked for within the last week, newest first.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<ElevationRequestView>> ElevationRequests(IResolveFieldContext context)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var db = request.OpenTenant();
        var since = request.Now.AddDays(-7);
        var views = new List<ElevationRequestView>();
        foreach (
            var asked in await db
                .ElevationRequests.AsNoTracking()
                .Where(r => r.PrincipalId == request.Actor.Id && r.At > since)
                .OrderByDescending(r => r.At)
                .Take(20)
                .ToListAsync(ct)
        )
        {
            await using var room = request.Open(asked.InWorkspace ?? Guid.Empty);
            views.Add(
                ElevationRequestView.Of(
                    asked,
                    await room.Runs.Where(r => r.Id == asked.RunId).Select(r => (RunState?)r.State).SingleOrDefaultAsync(ct),
                    request.Now
                )
            );
        }

        return views;
    }
}

public sealed partial class WorkspaceNode
{
    /// <summary>Who was elevated here, newest first, at most 100: those that last, and those of the last 90 days.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<ElevationNode>> Elevations(IResolveFieldContext context)
    {
        var request = context.Request();
        var since = request.Now.AddDays(-90);
        await using var db = request.Open(workspace.Id);
        return
        [
            .. (
                await db
                    .Elevations.AsNoTracking()
                    .Where(e => e.Until > since)
                    .OrderByDescending(e => e.Until)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(e => new ElevationNode(e)),
        ];
    }
}

/// <param name="WorkspaceKey">Which workspace; it need not be one that the caller can see.</param>
/// <param name="Minutes">Between 15 and 480.</param>
/// <param name="BreakGlass">Come in without being let in; for owners of the tenant, and looked over afterwards.</param>
public sealed record RequestElevationInput(
    string WorkspaceKey,
    string Role,
    int Minutes,
    bool? BreakGlass,
    string Reason,
    string IdempotencyKey
);

public sealed record EndElevationInput([property: Id] string ElevationId, string Reason, string IdempotencyKey);

/// <param name="Justified">Whether there was a reason to break the glass.</param>
public sealed record ReviewElevationInput([property: Id] string ElevationId, bool Justified, string Reason, string IdempotencyKey);

public sealed record RequestElevationPayload(ElevationRequestView? Request, IReadOnlyList<Refusal> Errors);

public sealed record EndElevationPayload(ElevationNode? Elevation, IReadOnlyList<Refusal> Errors);

public sealed record ReviewElevationPayload(ElevationNode? Elevation, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Asks for a role in a workspace for a short time. The answer does not tell whether there is such a workspace.</summary>
    public static async Task<RequestElevationPayload> RequestElevation(IResolveFieldContext context, RequestElevationInput input)
    {
        var request = context.Request();
        return (
            await request.Kernel.RequestElevationAsync(
                request.Actor,
                input.WorkspaceKey,
                input.Role,
                input.Minutes,
                input.BreakGlass == true,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var asked)
            ? new(null, [why])
            : new(ElevationRequestView.Of(asked, null, request.Now), []);
    }

    /// <summary>Ends an elevation before its time.</summary>
    public static async Task<EndElevationPayload> EndElevation(IResolveFieldContext context, EndElevationInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ElevationId, "Elevation") is not { } at)
            return new(null, [new NotFound("elevation", input.ElevationId)]);
        return (
            await request.Kernel.EndElevationAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var ended)
            ? new(null, [why])
            : new(new(ended), []);
    }

    /// <summary>Says whether breaking the glass was justified; by somebody else than who did it.</summary>
    public static async Task<ReviewElevationPayload> ReviewElevation(IResolveFieldContext context, ReviewElevationInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ElevationId, "Elevation") is not { } at)
            return new(null, [new NotFound("elevation", input.ElevationId)]);
        return (
            await request.Kernel.ReviewElevationAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.Justified,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var looked)
            ? new(null, [why])
            : new(new(looked), []);
    }
}
