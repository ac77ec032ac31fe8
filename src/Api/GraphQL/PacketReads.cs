using System.Text.Json;
using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Schedules;
using Mumega.Domain.Tasks;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Workflows;

namespace Mumega.Api.GraphQL;

public sealed partial class WorkspaceNode
{
    /// <summary>Where files of this workspace are sent to before they are attached.</summary>
    public string FilesAddress => $"/files/{workspace.Id}";

    /// <summary>The kinds of packets, each in its newest version, by name; at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<PacketTypeView>> PacketTypes(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (
                await db
                    .PacketTypes.AsNoTracking()
                    .Where(t => !db.PacketTypes.Any(n => n.Key == t.Key && n.Number > t.Number))
                    .OrderBy(t => t.Key)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(t => new PacketTypeView(t)),
        ];
    }

    /// <summary>The workflows, each in its newest version, by name; at most 100.</summary>
    [Complexity(5, 2)]
    public async Task<IReadOnlyList<WorkflowView>> Workflows(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (
                await db
                    .Workflows.AsNoTracking()
                    .Where(w => !db.Workflows.Any(n => n.Key == w.Key && n.Number > w.Number))
                    .OrderBy(w => w.Key)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(w => new WorkflowView(w)),
        ];
    }

    /// <summary>A version of a workflow, or the newest; null when there is none.</summary>
    [Complexity(3)]
    public async Task<WorkflowView?> Workflow(IResolveFieldContext context, string key, int? number)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
            await db
                .Workflows.AsNoTracking()
                .Where(w => w.Key == key && (number == null || w.Number == number))
                .OrderByDescending(w => w.Number)
                .FirstOrDefaultAsync(context.CancellationToken)
                is { } found
            ? new(found)
            : null;
    }

    /// <summary>The published versions of a workflow, newest first, at most 100.</summary>
    [Complexity(5, 2)]
    public async Task<IReadOnlyList<WorkflowView>> WorkflowVersions(IResolveFieldContext context, string key)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (
                await db
                    .Workflows.AsNoTracking()
                    .Where(w => w.Key == key)
                    .OrderByDescending(w => w.Number)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(w => new WorkflowView(w)),
        ];
    }

    /// <summary>Workflows to begin with: a packet type and a workflow for it, ready to be published or changed first.</summary>
    [Complexity(5, 1)]
    public IReadOnlyList<WorkflowTemplateView> WorkflowTemplates() =>
        [
            .. WorkflowTemplate.All.Select(t => new WorkflowTemplateView(
                t.Key,
                t.Title,
                t.Description,
                t.Type,
                t.Workflow,
                WorkflowYaml.Write(t.Workflow.GetRawText())
            )),
        ];

    /// <summary>Checks a workflow as a proposal would be, without proposing anything. JSON is YAML too.</summary>
    [Complexity(20)]
    public async Task<WorkflowCheckView> WorkflowCheck(IResolveFieldContext context, string yaml)
    {
        var request = context.Request();
        if (WorkflowYaml.Read(yaml).Refused(out var why, out var json))
            return new(((InvalidInput)why).Faults, null, null);

        var document = JsonSerializer.SerializeToElement(json);
        if (
            request
                .Desk.Read("workflow.publish", JsonSerializer.SerializeToElement(new { document }))
                .Refused(out var unreadable, out var read)
        )
            return new(unreadable is InvalidInput { Faults: var faults } ? faults : [new("/document", unreadable.Message)], document, null);

        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, context.CancellationToken);
        return new(
            await read.Action.FaultsAsync(read.Json, sitting.Call, context.CancellationToken),
            read.Json.GetProperty("document"),
            WorkflowYaml.Write(document.GetRawText())
        );
    }

    /// <summary>Packets, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<PacketConnection> Packets(IResolveFieldContext context, int? first, string? after, PacketFilterInput? filter)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var query = Wanted(db, filter);
        if (Paging.TimeAndId(after) is { } cursor)
            query = query.Where(p => p.Id.CompareTo(cursor.Id) < 0);
        if (filter?.Text is { Length: > 0 })
        {
            // Looked for in an index that has all of the filter; the rows are read of the few that are shown.
            var found = query.OrderByDescending(p => p.Id).Select(p => p.Id).Take(Paging.Size(first) + 1);
            query = db.Packets.AsNoTracking().Where(p => found.Contains(p.Id));
        }

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(p => p.Id),
            first,
            after,
            p => Paging.Cursor(DateTimeOffset.UnixEpoch, p.Id),
            context.CancellationToken
        );
        List<PacketEdge> edges = [.. rows.Select(p => new PacketEdge(Paging.Cursor(DateTimeOffset.UnixEpoch, p.Id), new(p, request.Now)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The packets of a workflow's newest version by state, so many of each (25 at most, 10 when not said), and how many there are.</summary>
    [Complexity(20, 1)]
    public async Task<Board?> Board(IResolveFieldContext context, string workflow, int? first, PacketFilterInput? filter)
    {
        var size = first is null or (>= 1 and <= Paging.Default)
            ? first ?? 10
            : throw new Transport.RefusalException(new InvalidArgument("first", $"between 1 and {Paging.Default}."));
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var db = request.Open(workspace.Id);
        if (
            await db.Workflows.AsNoTracking().Where(w => w.Key == workflow).OrderByDescending(w => w.Number).FirstOrDefaultAsync(ct)
            is not { } found
        )
            return null;

        var wanted = Wanted(db, (filter ?? new(null, null, null, null, null, null, null)) with { Workflow = workflow });
        var counts = await wanted
            .GroupBy(p => p.State)
            .Select(g => new { g.Key, Count = g.Count() })
            .ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        var columns = new List<BoardColumn>();
        var document = found.Document;
        foreach (var state in document.Order)
        {
            var spec = document.States[state];
            var packets = counts.ContainsKey(state)
                ? await wanted.Where(p => p.State == state).OrderByDescending(p => p.Id).Take(size).ToListAsync(ct)
                : [];
            columns.Add(
                new(state, spec.Title, spec.Kind, counts.GetValueOrDefault(state), [.. packets.Select(p => new PacketNode(p, request.Now))])
            );
        }

        return new(new(found), columns);
    }

    /// <summary>The labels in use, by name, at most 100.</summary>
    [Complexity(5)]
    public async Task<IReadOnlyList<string>> Labels(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return await db
            .PacketLabels.Select(l => l.Label)
            .Distinct()
            .OrderBy(l => l)
            .Take(Paging.Max)
            .ToListAsync(context.CancellationToken);
    }

    /// <summary>Tasks, the most urgent first.</summary>
    [Complexity<PageCost>]
    public async Task<TaskConnection> Tasks(IResolveFieldContext context, int? first, string? after, TaskList which)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var db = request.Open(workspace.Id);
        var query = await WantedAsync(context, db, which);
        if (Paging.Place(after) is var (rank, id))
            query = query.Where(t => t.Rank > rank || (t.Rank == rank && t.Id.CompareTo(id) > 0));

        var (rows, info) = await Paging.PageAsync(
            query.OrderBy(t => t.Rank).ThenBy(t => t.Id),
            first,
            after,
            t => Paging.Cursor(t.Rank, t.Id),
            ct
        );
        List<TaskEdge> edges = [.. rows.Select(t => new TaskEdge(Paging.Cursor(t.Rank, t.Id), new(t, request.Now)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>How many tasks there are.</summary>
    [Complexity(10)]
    public async Task<TaskCounts> TaskCounts(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        async Task<int> CountAsync(TaskList which) => await (await WantedAsync(context, db, which)).CountAsync(context.CancellationToken);
        return new(
            await CountAsync(TaskList.Mine),
            await CountAsync(TaskList.MyRoles),
            await CountAsync(TaskList.Overdue),
            await CountAsync(TaskList.All)
        );
    }

    /// <summary>People and agents who hold a role here, by name, at most 100: for assigning and delegating.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<MemberView>> Members(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        var id = workspace.Id;
        var bindings = await db.RolesAt(request.Now).AsNoTracking().Where(b => b.WorkspaceId == id).ToListAsync(context.CancellationToken);
        var members = bindings.Select(b => b.PrincipalId).Distinct().ToList();
        return
        [
            .. (
                await db
                    .Principals.AsNoTracking()
                    .Where(p => members.Contains(p.Id) && (p.Kind == PrincipalKind.User || p.Kind == PrincipalKind.Agent))
                    .OrderBy(p => p.Name)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(p => new MemberView(
                p.Id,
                p.Name,
                p.Kind,
                p.IsActive(request.Now),
                p.LetInBy is null || p.VerifiedAt is not null,
                [
                    .. bindings
                        .Where(b => b.PrincipalId == p.Id)
                        .OrderBy(b => b.Role, StringComparer.Ordinal)
                        .Select(b => new HeldRole(b.Role, b.Until, b.CreatedAt)),
                ]
            )),
        ];
    }

    /// <summary>What starts packets by itself, by name, at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<ScheduleView>> Schedules(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        return
        [
            .. (await db.Schedules.AsNoTracking().OrderBy(s => s.Key).Take(Paging.Max).ToListAsync(context.CancellationToken)).Select(
                s => new ScheduleView(
                    s.Key,
                    s.Trigger,
                    s.Cron,
                    s.TimeZone,
                    s.Missed,
                    s.WhenWorkflow,
                    s.WhenState,
                    s.Starts,
                    s.Enabled,
                    s.Trigger is Trigger.Webhook ? $"{request.PublicAddress}/hooks/{tenantKey}/{workspace.Key}/{s.Key}" : null,
                    s.NextAt,
                    s.LastAt,
                    s.Started,
                    s.LastProblem
                )
            ),
        ];
    }

    /// <summary>Who has somebody decide for them: what holds or will, newest first, at most 100; with all, also what is over.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<DelegationNode>> Delegations(IResolveFieldContext context, bool? all)
    {
        var (request, now) = (context.Request(), context.Request().Now);
        await using var db = request.Open(workspace.Id);
        return
        [
            .. (
                await db
                    .Delegations.AsNoTracking()
                    .Where(d => all == true || (d.EndedAt == null && d.Until > now))
                    .OrderByDescending(d => d.Id)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(d => new DelegationNode(d, now)),
        ];
    }

    /// <summary>The tenant's reasons to decide by.</summary>
    public async Task<IReadOnlyList<DecisionReasonView>> DecisionReasons(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (await db.DecisionReasons.AsNoTracking().OrderBy(r => r.Code).ToListAsync(context.CancellationToken)).Select(
                r => new DecisionReasonView(r.Code, r.Label, r.Verdict)
            ),
        ];
    }

    /// <summary>How approvals went that were asked for since a time, or in the last 30 days; of the newest 5,000.</summary>
    [Complexity(50)]
    public async Task<ApprovalMeasures> ApprovalMeasures(IResolveFieldContext context, DateTimeOffset? since)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var db = request.Open(workspace.Id);
        var (from, now) = (since ?? request.Now - TimeSpan.FromDays(30), request.Now);
        var approvals = await db
            .Approvals.AsNoTracking()
            .Include(a => a.Decisions)
            .Where(a => a.CreatedAt >= from)
            .OrderByDescending(a => a.CreatedAt)
            .Take(5000)
            .ToListAsync(ct);
        var waitedFor = approvals.Select(a => a.RunId).ToList();
        var gates = (
            await db.Runs.AsNoTracking().Where(r => waitedFor.Contains(r.Id)).Select(r => new { r.Id, r.DecisionJson }).ToListAsync(ct)
        ).ToDictionary(r => r.Id, r => JsonSerializer.Deserialize<Decision>(r.DecisionJson)!.Gates);
        var people = approvals.SelectMany(a => a.Decisions).Select(d => d.DeciderId).Distinct().ToList();
        var names = await db.Principals.AsNoTracking().Where(p => people.Contains(p.Id)).ToDictionaryAsync(p => p.Id, p => p.Name, ct);
        var closed = approvals.Where(a => a.State is ApprovalState.Approved or ApprovalState.Rejected or ApprovalState.Expired).ToList();
        return new(
            approvals.Count(a => a.State is ApprovalState.Pending),
            closed.Count,
            Quantile(closed.Select(Hours), 0.5),
            Quantile(closed.Select(Hours), 0.9),
            Share(closed.Select(Late)),
            [
                .. closed
                    .SelectMany(a => gates[a.RunId].Where(g => g.Person is null).Select(g => (g.Role, a)))
                    .GroupBy(x => x.Role, x => x.a)
                    .OrderByDescending(g => g.Count())
                    .Select(g => new ApprovalMeasure(g.Key, g.Count(), Quantile(g.Select(Hours), 0.5), Share(g.Select(Late)))),
            ],
            [
                .. approvals
                    .SelectMany(a => a.Decisions.Where(d => d.Verdict is not ApprovalVerdict.Withdraw).Select(d => (d, a)))
                    .GroupBy(x => x.d.DeciderId)
                    .OrderByDescending(g => g.Count())
                    .Take(20)
                    .Select(g => new ApprovalMeasure(
                        names.GetValueOrDefault(g.Key, "Somebody"),
                        g.Count(),
                        Quantile(g.Select(x => (x.d.At - x.a.CreatedAt).TotalHours), 0.5),
                        Share(g.Select(x => x.a.EscalatedAt is { } over && x.d.At > over))
                    )),
            ]
        );

        static double Hours(Approval a) => (a.ClosedAt!.Value - a.CreatedAt).TotalHours;
        static bool Late(Approval a) => a.State is ApprovalState.Expired || a.EscalatedAt is not null;
        static double Share(IEnumerable<bool> all) => all.Select(a => a ? 1.0 : 0).DefaultIfEmpty(0).Average();
        static double Quantile(IEnumerable<double> all, double share) =>
            all.Order().ToList() is { Count: > 0 } sorted
                ? Math.Round(sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))], 2)
                : 0;
    }

    private static IQueryable<Packet> Wanted(MumegaDb db, PacketFilterInput? filter)
    {
        var query = db.Packets.AsNoTracking();
        if (filter is null)
            return query;

        if (filter.Type is { } type)
            query = query.Where(p => p.Type == type);
        if (filter.Workflow is { } workflow)
            query = query.Where(p => p.Workflow == workflow);
        if (filter.States is { Count: > 0 } states)
            query = query.Where(p => states.Contains(p.State));
        if (filter.Assignee is { } assignee)
            query = query.Where(p => p.Assignee == assignee);
        if (filter.Closed is { } closed)
            query = query.Where(p => p.Closed == closed);
        if (filter.Label is { } label)
            query = query.Where(p => db.PacketLabels.Where(l => l.Label == label).Select(l => l.PacketId).Contains(p.Id));
        if (filter.Text is { Length: > 0 } text && Packet.Fold(text) is var folded)
            query = query.Where(p => p.Folded.Contains(folded));
        return query;
    }

    private async Task<IQueryable<WorkTask>> WantedAsync(IResolveFieldContext context, MumegaDb db, TaskList which)
    {
        var (request, me) = (context.Request(), context.Request().Actor.Id);
        var (query, now) = (db.WorkTasks.AsNoTracking(), request.Now);
        switch (which)
        {
            case TaskList.Mine:
                return query.Where(t => t.Assignee == me);
            case TaskList.MyRoles:
                var roles = (await request.DecidesAsync(workspace.Id)).Roles;
                return query.Where(t => t.Assignee == null && roles.Contains(t.Role));
            case TaskList.Overdue:
                return query.Where(t => t.DueAt < now);
            default:
                return query;
        }
    }
}

/// <summary>Somebody who holds a role in the workspace.</summary>
/// <param name="Verified">False while the person and the one who made their invitation link count as one in approvals, until somebody else verifies them.</param>
[Name("Member")]
public sealed record MemberView(
    [property: Id] Guid PrincipalId,
    string Name,
    PrincipalKind Kind,
    bool Active,
    bool Verified,
    IReadOnlyList<HeldRole> Held
)
{
    public IReadOnlyList<string> Roles => [.. Held.Select(h => h.Role)];
}

/// <summary>A role that somebody holds in the workspace.</summary>
/// <param name="Until">When it ends by itself; absent when it is held for good.</param>
public sealed record HeldRole(string Role, DateTimeOffset? Until, DateTimeOffset Since);
