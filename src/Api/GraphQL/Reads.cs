using System.Text.Json;
using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;

namespace Mumega.Api.GraphQL;

/// <summary>An edge of a list of runs.</summary>
public sealed record RunEdge(string Cursor, RunNode Node);

/// <summary>A page of runs, newest first.</summary>
public sealed record RunConnection(
    [property: Complexity(0, 1)] IReadOnlyList<RunEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<RunNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>An edge of a list of approvals.</summary>
public sealed record ApprovalEdge(string Cursor, ApprovalNode Node);

/// <summary>A page of approvals, newest first.</summary>
public sealed record ApprovalConnection(
    [property: Complexity(0, 1)] IReadOnlyList<ApprovalEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<ApprovalNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>An edge of a list of receipts; its cursor resumes a subscription.</summary>
public sealed record ReceiptEdge(string Cursor, ReceiptNode Node);

/// <summary>A page of receipts, newest first.</summary>
public sealed record ReceiptConnection(
    [property: Complexity(0, 1)] IReadOnlyList<ReceiptEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<ReceiptNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>Which receipts are wanted; what is left out does not matter.</summary>
/// <param name="Kinds">Of any of these kinds.</param>
/// <param name="Action">Of this action, for example <c>page.publish</c>.</param>
/// <param name="Actor">By this principal.</param>
/// <param name="Run">Of this run's chain.</param>
/// <param name="Subject">About this, for example <c>Page::"prices"</c>.</param>
/// <param name="Since">At this time or later.</param>
/// <param name="Until">Before this time.</param>
public sealed record ReceiptFilterInput(
    IReadOnlyList<string>? Kinds,
    string? Action,
    [property: Id] Guid? Actor,
    [property: Id] string? Run,
    string? Subject,
    DateTimeOffset? Since,
    DateTimeOffset? Until
)
{
    internal ReceiptQuery Query(Guid workspaceId) =>
        new(
            Kinds,
            Action,
            Actor,
            Run is null ? null
                : NodeId.Parse(Run, "Run") is var (room, id) && room == workspaceId ? id
                : throw new Transport.RefusalException(new Domain.NotFound("run", Run)),
            Subject,
            Since,
            Until
        );
}

/// <summary>An edge of a list of pages.</summary>
public sealed record PageEdge(string Cursor, PageNode Node);

/// <summary>A page of the portal's pages, newest first.</summary>
public sealed record PageConnection(
    [property: Complexity(0, 1)] IReadOnlyList<PageEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<PageNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>What policy and live state say about an action, without proposing anything.</summary>
/// <param name="Stopped">Why a stop would refuse it; absent when none would.</param>
/// <param name="OverBudget">Which budget would refuse it and until when; absent when none would.</param>
[Name("Eligibility")]
public sealed record EligibilityView(
    Verdict Verdict,
    string Reason,
    IReadOnlyList<GateView> Gates,
    IReadOnlyList<string> Policies,
    string PolicyVersion,
    IReadOnlyList<string> Remedies,
    PreflightView? Preflight,
    string? Stopped,
    string? OverBudget
)
{
    internal static EligibilityView Of(Decision d, Preflight? preflight, Stopped? stop, Domain.Refusal? budget = null)
    {
        var view = DecisionView.Of(d);
        return new(
            view.Verdict,
            view.Reason,
            view.Gates,
            view.Policies,
            view.PolicyVersion,
            view.Remedies,
            PreflightView.Of(preflight),
            stop?.Message,
            budget?.Message
        );
    }
}

/// <summary>An action of the catalogue, and what policy says about it for the caller before there is an input.</summary>
[Name("ActionType")]
public sealed record ActionView(
    string Kind,
    int Version,
    string Title,
    string Description,
    Blast Blast,
    Reversibility Reversibility,
    JsonElement InputSchema,
    EligibilityView Eligibility
);

/// <summary>Actions that belong together.</summary>
[Name("ActionFamily")]
public sealed record FamilyView(string Name, IReadOnlyList<ActionView> Actions);

/// <summary>A version of the tenant's policies. None is ever changed.</summary>
[Name("PolicyVersion")]
public sealed class PolicyVersionView(PolicyVersion version)
{
    /// <summary>From 1; the highest is in force.</summary>
    public int Number => version.Number;

    /// <summary>Cedar policy text.</summary>
    public string Text => version.Text;

    public DateTimeOffset CreatedAt => version.CreatedAt;

    /// <summary>Who proposed it; absent for the policies that a tenant starts with.</summary>
    public IDataLoaderResult<string?> CreatedBy(IResolveFieldContext context) =>
        context.Request().PrincipalAsync(version.CreatedBy).Then(p => version.CreatedBy == Guid.Empty ? null : p?.Name);
}

[Name("PolicyVersionEdge")]
public sealed record PolicyVersionEdge(string Cursor, PolicyVersionView Node);

[Name("PolicyVersionConnection")]
public sealed record PolicyVersionConnection(
    [property: Complexity(0, 1)] IReadOnlyList<PolicyVersionEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<PolicyVersionView> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>What surrounds a tenant's policies.</summary>
/// <param name="Guardrails">Cedar policies of the platform.</param>
/// <param name="Schema">The Cedar schema that policies are held against.</param>
[Name("PolicyFrame")]
public sealed record PolicyFrameView(string Guardrails, string Schema);

/// <summary>What is wrong with policy text.</summary>
/// <param name="Faults">Every fault, in the order of the text; none when it may be put in force.</param>
/// <param name="Formatted">The text laid out anew; absent when it is not Cedar.</param>
[Name("PolicyCheck")]
public sealed record PolicyCheckView(IReadOnlyList<PolicyFault> Faults, string? Formatted);

/// <summary>A walled room inside a tenant.</summary>
[Name("Workspace"), Implements(typeof(INode))]
public sealed partial class WorkspaceNode(Workspace workspace, string tenantKey) : INode
{
    internal string TenantKey => tenantKey;

    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Workspace", workspace.Id, workspace.Id);

    public string Key => workspace.Key;

    public string Name => workspace.Name;

    /// <summary>The roles that the caller holds here.</summary>
    public async Task<IReadOnlyList<string>> MyRoles(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        return await db.RolesAt(request.Now)
            .Where(b => b.PrincipalId == request.Actor.Id && b.WorkspaceId == workspace.Id)
            .Select(b => b.Role)
            .OrderBy(r => r)
            .ToListAsync(context.CancellationToken);
    }

    /// <summary>The catalogue by family, with eligibility and its reasons.</summary>
    [Complexity(5, 2)]
    public async Task<IReadOnlyList<FamilyView>> Families(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, context.CancellationToken);
        return
        [
            .. request
                .Desk.Catalog.All.Where(a => a.Listed)
                .GroupBy(a => a.Family)
                .Select(family => new FamilyView(
                    family.Key,
                    [
                        .. family.Select(a => new ActionView(
                            a.Kind,
                            a.Version,
                            a.Title,
                            a.Description,
                            a.Blast,
                            a.Reversibility,
                            JsonDocument.Parse(a.InputSchema).RootElement,
                            EligibilityView.Of(sitting.Decide(a.Kind, a), null, sitting.StopFor(a))
                        )),
                    ]
                )),
        ];
    }

    /// <summary>What would happen if this were proposed now. Proposes nothing.</summary>
    [Complexity(10)]
    public async Task<EligibilityView> Eligibility(IResolveFieldContext context, string action, JsonElement input)
    {
        var request = context.Request();
        if (
            (await request.Kernel.EligibilityAsync(request.Actor, workspace.Id, action, input, context.CancellationToken)).Refused(
                out var why,
                out var answer
            )
        )
            throw new Transport.RefusalException(why);
        return EligibilityView.Of(answer.Decision, answer.Preflight, answer.Stop, answer.Budget);
    }

    /// <summary>Runs, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<RunConnection> Runs(
        IResolveFieldContext context,
        int? first,
        string? after,
        IReadOnlyList<RunState>? state,
        string? action
    )
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var query = db.Runs.AsNoTracking();
        if (state is { Count: > 0 })
            query = query.Where(r => state.Contains(r.State));
        if (action is not null)
            query = query.Where(r => r.Action == action);
        if (Paging.TimeAndId(after) is { } cursor)
            query = query.Where(r => r.CreatedAt < cursor.At || (r.CreatedAt == cursor.At && r.Id.CompareTo(cursor.Id) < 0));

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(r => r.CreatedAt).ThenByDescending(r => r.Id),
            first,
            after,
            r => Paging.Cursor(r.CreatedAt, r.Id),
            context.CancellationToken
        );
        List<RunEdge> edges =
        [
            .. rows.Select(r => new RunEdge(Paging.Cursor(r.CreatedAt, r.Id), new(r, request.Desk.Catalog, request.Now))),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>Approvals, newest first; without a state those that wait.</summary>
    [Complexity<PageCost>]
    public async Task<ApprovalConnection> Approvals(IResolveFieldContext context, int? first, string? after, ApprovalState? state)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var wanted = state ?? ApprovalState.Pending;
        var query = db.Approvals.AsNoTracking().Include(a => a.Decisions).Where(a => a.State == wanted);
        if (Paging.TimeAndId(after) is { } cursor)
            query = query.Where(a => a.CreatedAt < cursor.At || (a.CreatedAt == cursor.At && a.Id.CompareTo(cursor.Id) < 0));

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(a => a.CreatedAt).ThenByDescending(a => a.Id),
            first,
            after,
            a => Paging.Cursor(a.CreatedAt, a.Id),
            context.CancellationToken
        );
        List<ApprovalEdge> edges =
        [
            .. rows.Select(a => new ApprovalEdge(Paging.Cursor(a.CreatedAt, a.Id), new(a, request.Desk.Catalog, request.Now))),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>Receipts in the order of the record, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<ReceiptConnection> Receipts(IResolveFieldContext context, int? first, string? after, ReceiptFilterInput? filter)
    {
        await using var db = context.Request().Open(workspace.Id);
        var rows = await db.ReceiptsBefore(Paging.Position(after) ?? long.MaxValue, filter?.Query(workspace.Id), Paging.Size(first) + 1)
            .ToListAsync(context.CancellationToken);
        var info = Paging.Info(rows, first, after, r => Paging.Cursor(r.Position));
        List<ReceiptEdge> edges = [.. rows.Select(r => new ReceiptEdge(Paging.Cursor(r.Position), new(r.Receipt)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>Who acted in this workspace so far, by name, at most 100: for filtering receipts.</summary>
    [Complexity(10)]
    public async Task<IReadOnlyList<Who>> Actors(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        var ids = db.Receipts.Select(r => r.ActorId).Distinct();
        return
        [
            .. await db
                .Principals.AsNoTracking()
                .Where(p => ids.Contains(p.Id))
                .OrderBy(p => p.Name)
                .Take(Paging.Max)
                .Select(p => new Who(p.Id, p.Name, p.Kind))
                .ToListAsync(context.CancellationToken),
        ];
    }

    /// <summary>Contracts with partners, newest first, at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<ContractNode>> Contracts(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        return
        [
            .. (
                await db
                    .Contracts.AsNoTracking()
                    .OrderByDescending(c => c.CreatedAt)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(c => new ContractNode(c, request.Now)),
        ];
    }

    /// <summary>Pages, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<PageConnection> Pages(IResolveFieldContext context, int? first, string? after, bool? live)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var query = db.Pages.AsNoTracking();
        if (live is { } wanted)
            query = query.Where(p => (p.Live != null) == wanted);
        if (Paging.TimeAndId(after) is { } cursor)
            query = query.Where(p => p.Id.CompareTo(cursor.Id) < 0);

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(p => p.Id),
            first,
            after,
            p => Paging.Cursor(DateTimeOffset.UnixEpoch, p.Id),
            context.CancellationToken
        );
        var address = request.PublicAddress;
        List<PageEdge> edges =
        [
            .. rows.Select(p => new PageEdge(Paging.Cursor(DateTimeOffset.UnixEpoch, p.Id), new(p, $"{address}/p/{tenantKey}/{p.Slug}"))),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The runtime profile, at most 100 keys in their order.</summary>
    public async Task<IReadOnlyList<ProfileView>> Profile(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (
                await db
                    .ProfileEntries.AsNoTracking()
                    .Where(e => e.Value != null)
                    .OrderBy(e => e.Key)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(ProfileView.Of),
        ];
    }

    /// <summary>The stops that reach into this workspace: engaged ones unless asked for all, newest first, at most 100.</summary>
    public async Task<IReadOnlyList<StopNode>> Stops(IResolveFieldContext context, bool? all)
    {
        await using var db = context.Request().Open(workspace.Id);
        var stops = await db
            .Stops.AsNoTracking()
            .Where(s => s.WorkspaceId == workspace.Id || s.Boundary == StopBoundary.Tenant)
            .Where(s => all == true || s.ReleasedAt == null)
            .OrderByDescending(s => s.EngagedAt)
            .Take(Paging.Max)
            .ToListAsync(context.CancellationToken);
        return [.. stops.Select(s => new StopNode(s, workspace.Id))];
    }

    /// <summary>Whether each stop boundary holds, as the last probe found it: one light a boundary.</summary>
    public async Task<IReadOnlyList<StopLight>> StopLights(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        var probes = await db
            .StopProbes.AsNoTracking()
            .Where(p => p.WorkspaceId == workspace.Id)
            .ToDictionaryAsync(p => p.Boundary, context.CancellationToken);
        return [.. Enum.GetValues<StopBoundary>().Select(b => StopLight.Of(b, probes.GetValueOrDefault(b), context.Request().Now))];
    }

    /// <summary>The tenant's policies in force; they hold in every workspace.</summary>
    public async Task<PolicyVersionView> Policies(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return new(await db.PolicyVersions.AsNoTracking().OrderByDescending(p => p.Number).FirstAsync(context.CancellationToken));
    }

    /// <summary>Every version of the policies that was ever in force, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<PolicyVersionConnection> PolicyVersions(IResolveFieldContext context, int? first, string? after)
    {
        await using var db = context.Request().Open(workspace.Id);
        var query = db.PolicyVersions.AsNoTracking();
        if (Paging.Position(after) is { } before)
            query = query.Where(p => p.Number < before);

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(p => p.Number),
            first,
            after,
            p => Paging.Cursor(p.Number),
            context.CancellationToken
        );
        List<PolicyVersionEdge> edges = [.. rows.Select(p => new PolicyVersionEdge(Paging.Cursor(p.Number), new(p)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The platform's own policies, which hold together with the tenant's and can't be changed, and the schema of what policies may speak of.</summary>
    public PolicyFrameView PolicyFrame() => new(PolicyBook.GuardrailText, PolicySchema.Text);

    /// <summary>Checks policy text as a proposal would be, without proposing anything. Text of up to 200,000 characters.</summary>
    [Complexity(20)]
    public PolicyCheckView PolicyCheck(string text)
    {
        if (text.Length > 200_000)
            throw new Transport.RefusalException(new Domain.InvalidArgument("text", "at most 200000 characters."));

        var faults = Domain.Policies.PolicyCheck.Faults(text);
        return new(faults, faults.Any(f => f.Policy is null) ? null : Cedar.Formatter.Format(text));
    }

    /// <summary>The log that the receipts of this workspace are sealed into.</summary>
    public async Task<LogNode> Log(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.OpenTenant();
        var tenant = await db.Tenants.AsNoTracking().SingleAsync(t => t.Id == request.Actor.TenantId, context.CancellationToken);
        return new(
            tenant.Log,
            $"{request.PublicAddress}/log/{tenant.LogId}",
            await db.LogHeads.AsNoTracking().SingleOrDefaultAsync(context.CancellationToken)
        );
    }

    /// <summary>
    /// Receipts with their proofs as one file that can be checked without asking us: those named (at most 100), or the newest 100. Proves them
    /// against the latest checkpoint or the one of that size, and says how the log goes on from an earlier one, if it is named. Absent while
    /// nothing is sealed, and at a checkpoint that never was.
    /// </summary>
    [Complexity(100)]
    public async Task<string?> Evidence(
        IResolveFieldContext context,
        [Id] IReadOnlyList<string>? receipts,
        IReadOnlyList<string>? open,
        long? from,
        long? checkpoint
    ) => await EvidenceExport.WriteAsync(context, workspace.Id, receipts, open, from, checkpoint);

    /// <summary>The agents that hold a role here, and those that did and were retired; by name, at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<PrincipalNode>> Agents(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var members = db.RolesAt(request.Now).Where(b => b.WorkspaceId == workspace.Id).Select(b => b.PrincipalId);
        var before = db.RoleBindings.Where(b => b.WorkspaceId == workspace.Id).Select(b => b.PrincipalId);
        var agents = await db
            .Principals.AsNoTracking()
            .Where(p => p.Kind == PrincipalKind.Agent && (members.Contains(p.Id) || (p.RetiredAt != null && before.Contains(p.Id))))
            .OrderBy(p => p.Name)
            .Take(Paging.Max)
            .ToListAsync(context.CancellationToken);
        return [.. agents.Select(p => new PrincipalNode(workspace.Id, p, request.Now))];
    }
}

/// <summary>What several fields read alike.</summary>
internal static class Reads
{
    public static async Task<IReadOnlyList<ReceiptNode>> ReceiptsOfAsync(
        RequestContext request,
        Guid workspaceId,
        Guid subjectId,
        CancellationToken ct
    )
    {
        await using var db = request.Open(workspaceId);
        return
        [
            .. (
                await db.Receipts.AsNoTracking().Where(r => r.SubjectId == subjectId).OrderBy(r => r.Step).Take(Paging.Max).ToListAsync(ct)
            ).Select(r => new ReceiptNode(r)),
        ];
    }

    public static async Task<INode?> NodeAsync(RequestContext request, NodeId id, CancellationToken ct)
    {
        if (!Guid.TryParse(id.Key, out var key) || await request.WorkspaceAsync(id.WorkspaceId) is not { } workspace)
            return null;
        if (id.Type == "Workspace")
            return key == id.WorkspaceId ? workspace : null;

        await using var db = request.Open(id.WorkspaceId);
        switch (id.Type)
        {
            case "Run":
                return await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == key, ct) is { } run
                    ? new RunNode(run, request.Desk.Catalog, request.Now)
                    : null;
            case "Approval":
                return
                    await db.Approvals.AsNoTracking().Include(a => a.Decisions).SingleOrDefaultAsync(a => a.Id == key, ct) is { } approval
                    ? new ApprovalNode(approval, request.Desk.Catalog, request.Now)
                    : null;
            case "Receipt":
                return await db.Receipts.AsNoTracking().SingleOrDefaultAsync(r => r.Id == key, ct) is { } receipt
                    ? new ReceiptNode(receipt)
                    : null;
            case "Page":
                return await db.Pages.AsNoTracking().SingleOrDefaultAsync(p => p.Id == key, ct) is { } page
                    ? new PageNode(page, $"{request.PublicAddress}/p/{workspace.TenantKey}/{page.Slug}")
                    : null;
            case "Packet":
                return await db.Packets.AsNoTracking().SingleOrDefaultAsync(p => p.Id == key, ct) is { } packet
                    ? new PacketNode(packet, request.Now)
                    : null;
            case "PacketImport":
                return await db.PacketImports.AsNoTracking().SingleOrDefaultAsync(i => i.Id == key, ct) is { } import
                    ? new PacketImportNode(import, request.Now)
                    : null;
            case "Delegation":
                return await db.Delegations.AsNoTracking().SingleOrDefaultAsync(d => d.Id == key, ct) is { } delegation
                    ? new DelegationNode(delegation, request.Now)
                    : null;
            case "Contract":
                return await db.Contracts.AsNoTracking().SingleOrDefaultAsync(c => c.Id == key, ct) is { } contract
                    ? new ContractNode(contract, request.Now)
                    : null;
            case "Stop":
                return
                    await db
                        .Stops.AsNoTracking()
                        .SingleOrDefaultAsync(
                            s => s.Id == key && (s.WorkspaceId == id.WorkspaceId || s.Boundary == StopBoundary.Tenant),
                            ct
                        )
                        is { } stop
                    ? new StopNode(stop, id.WorkspaceId)
                    : null;
            case "Elevation":
                return await db.Elevations.AsNoTracking().SingleOrDefaultAsync(e => e.Id == key, ct) is { } elevation
                    ? new ElevationNode(elevation)
                    : null;
            case "Principal":
                return
                    await db.RolesAt(request.Now).AnyAsync(b => b.PrincipalId == key && b.WorkspaceId == id.WorkspaceId, ct)
                    && await db.Principals.AsNoTracking().SingleOrDefaultAsync(p => p.Id == key, ct) is { } principal
                    ? new PrincipalNode(id.WorkspaceId, principal, request.Now)
                    : null;
            default:
                return null;
        }
    }

    /// <summary>A result that is worked out from a loaded one.</summary>
    public static IDataLoaderResult<TOut> Then<TIn, TOut>(this IDataLoaderResult<TIn> loaded, Func<TIn, TOut> map) =>
        new Mapped<TIn, TOut>(loaded, map);

    /// <summary>The same where working it out has to wait for something.</summary>
    public static IDataLoaderResult<TOut> Then<TIn, TOut>(this IDataLoaderResult<TIn> loaded, Func<TIn, Task<TOut>> map) =>
        new Awaited<TIn, TOut>(loaded, map);

    private sealed class Awaited<TIn, TOut>(IDataLoaderResult<TIn> loaded, Func<TIn, Task<TOut>> map) : IDataLoaderResult<TOut>
    {
        public async Task<TOut> GetResultAsync(CancellationToken cancellationToken = default) =>
            await map(await loaded.GetResultAsync(cancellationToken));

        async Task<object?> IDataLoaderResult.GetResultAsync(CancellationToken cancellationToken) =>
            await GetResultAsync(cancellationToken);
    }

    private sealed class Mapped<TIn, TOut>(IDataLoaderResult<TIn> loaded, Func<TIn, TOut> map) : IDataLoaderResult<TOut>
    {
        public async Task<TOut> GetResultAsync(CancellationToken cancellationToken = default) =>
            map(await loaded.GetResultAsync(cancellationToken));

        async Task<object?> IDataLoaderResult.GetResultAsync(CancellationToken cancellationToken) =>
            await GetResultAsync(cancellationToken);
    }
}
