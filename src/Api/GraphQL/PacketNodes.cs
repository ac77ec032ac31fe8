using System.Text.Json;
using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Approvals;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Schedules;
using Mumega.Domain.Tasks;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Workflows;

namespace Mumega.Api.GraphQL;

/// <summary>A version of a kind of packets.</summary>
[Name("PacketType")]
public sealed class PacketTypeView(PacketType type)
{
    public string Key => type.Key;

    /// <summary>From 1.</summary>
    public int Number => type.Number;

    public string Title => type.Title;

    public string? Description => type.Description;

    /// <summary>JSON Schema (draft 2020-12) of the payload.</summary>
    public JsonElement Schema => type.Schema;

    public DateTimeOffset CreatedAt => type.CreatedAt;
}

/// <summary>A published version of a workflow.</summary>
[Name("Workflow")]
public sealed class WorkflowView(Workflow workflow)
{
    public string Key => workflow.Key;

    /// <summary>From 1; new packets begin with the highest.</summary>
    public int Number => workflow.Number;

    public string Title => workflow.Title;

    public string PacketType => workflow.PacketType;

    /// <summary>The document: states and transitions.</summary>
    public JsonElement Document => JsonDocument.Parse(workflow.DocumentJson).RootElement;

    /// <summary>The same in YAML, for people.</summary>
    public string Yaml() => WorkflowYaml.Write(workflow.DocumentJson);

    public DateTimeOffset CreatedAt => workflow.CreatedAt;

    public IDataLoaderResult<Who> CreatedBy(IResolveFieldContext context) => Who.Of(context.Request(), workflow.CreatedBy);

    /// <summary>How many packets are in each state under this version.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<StateCount>> Counts(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workflow.WorkspaceId);
        var (key, number) = (workflow.Key, workflow.Number);
        return
        [
            .. (
                await db
                    .Packets.Where(p => p.Workflow == key && p.WorkflowVersion == number)
                    .GroupBy(p => p.State)
                    .Select(g => new { g.Key, Count = g.Count() })
                    .ToListAsync(context.CancellationToken)
            ).Select(c => new StateCount(c.Key, c.Count)),
        ];
    }
}

/// <summary>How many packets are in a state.</summary>
public sealed record StateCount(string State, int Count);

/// <summary>What somebody has to do next.</summary>
[Name("Task")]
public sealed class TaskNode(WorkTask task, DateTimeOffset now)
{
    [Id]
    public Guid TaskId => task.Id;

    public string Title => task.Title;

    /// <summary>Whose holders may claim it.</summary>
    public string Role => task.Role;

    public Priority Priority => task.Priority;

    public DateTimeOffset? DueAt => task.DueAt;

    public bool Overdue => task.DueAt < now;

    /// <summary>By what one sees that it is done.</summary>
    public string? DoneWhen => task.DoneWhen;

    public DateTimeOffset OpenedAt => task.OpenedAt;

    /// <summary>Who has it; absent while anybody with the role may claim it.</summary>
    public IDataLoaderResult<Who?> Assignee(IResolveFieldContext context) =>
        task.Assignee is { } id ? Who.Of(context.Request(), id).Then(w => (Who?)w) : new Loaded<Who?>(null);

    public IDataLoaderResult<PacketNode> Packet(IResolveFieldContext context) =>
        context.Request().PacketAsync(task.WorkspaceId, task.PacketId).Then(p => new PacketNode(p!, now));
}

/// <summary>A file of a packet.</summary>
/// <param name="Digest">SHA-256 of its content, hex.</param>
/// <param name="Address">Where it can be fetched by whoever may see the packet.</param>
[Name("Attachment")]
public sealed record AttachmentView(string Name, string Digest, string Type, long Size, string Address);

/// <summary>A packet that has to do with this one.</summary>
[Name("PacketLink")]
public sealed class LinkView(Guid workspaceId, PacketLink link, DateTimeOffset now)
{
    public string Kind => link.Kind;

    public IDataLoaderResult<PacketNode?> Packet(IResolveFieldContext context) =>
        context.Request().PacketAsync(workspaceId, link.Packet).Then(p => p is null ? null : new PacketNode(p, now));
}

/// <summary>A failed workflow that makes good what was done before.</summary>
/// <param name="Failed">The transition that failed.</param>
/// <param name="Left">The transitions whose steps are still to be made good, the next one last.</param>
/// <param name="Stuck">Why a person has to look; absent while it goes on by itself.</param>
[Name("Saga")]
public sealed record SagaView(string Failed, string To, IReadOnlyList<string> Left, string? Stuck);

/// <summary>A way out of the state that a packet is in, and whether the caller may take it.</summary>
/// <param name="Verdict">Absent when the packet can't be moved at all now.</param>
/// <param name="Reason">Why, or why not.</param>
/// <param name="Unattended">The clock or the workflow itself takes it.</param>
[Name("PacketTransition")]
public sealed record TransitionView(string Key, string Title, string To, string? Action, bool Unattended, Verdict? Verdict, string Reason);

/// <summary>One thing that happened to a packet.</summary>
[Name("PacketEvent")]
public sealed class PacketEventNode(PacketEvent happened, DateTimeOffset now)
{
    /// <summary>From 1, without gaps.</summary>
    public int Number => happened.Number;

    /// <summary>For example <c>moved</c> or <c>claimed</c>.</summary>
    public string Kind => happened.Kind;

    public DateTimeOffset At => happened.At;

    /// <summary>What changed.</summary>
    public JsonElement Data => happened.Json;

    public IDataLoaderResult<Who> By(IResolveFieldContext context) => Who.Of(context.Request(), happened.ById);

    /// <summary>The run that did it; absent for what needs none.</summary>
    public IDataLoaderResult<RunNode?> Run(IResolveFieldContext context) =>
        happened.RunId is { } id
            ? context
                .Request()
                .RunAsync(happened.WorkspaceId, id)
                .Then(r => r is null ? null : new RunNode(r, context.Request().Desk.Catalog, now))
            : new Loaded<RunNode?>(null);
}

public sealed record PacketEventEdge(string Cursor, PacketEventNode Node);

/// <summary>A page of a packet's history, newest first.</summary>
public sealed record PacketEventConnection(
    [property: Complexity(0, 1)] IReadOnlyList<PacketEventEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<PacketEventNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>The unit of business work.</summary>
[Name("Packet"), Implements(typeof(INode))]
public sealed class PacketNode(Packet packet, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Packet", packet.WorkspaceId, packet.Id);

    /// <summary>The plain id, as action inputs and receipts name it.</summary>
    [Id]
    public Guid PacketId => packet.Id;

    public string Title => packet.Title;

    public string Type => packet.Type;

    public int TypeVersion => packet.TypeVersion;

    /// <summary>As the type's schema says.</summary>
    public JsonElement Payload => packet.PayloadJson;

    /// <summary>The state that it is in, as its workflow names it.</summary>
    public string State => packet.State;

    /// <summary>When it came into that state.</summary>
    public DateTimeOffset EnteredAt => packet.EnteredAt;

    /// <summary>Whether it came to an end.</summary>
    public bool Closed => packet.Closed;

    public IReadOnlyList<string> Labels => packet.Labels;

    public IReadOnlyList<LinkView> Links => [.. packet.Links.Select(l => new LinkView(packet.WorkspaceId, l, now))];

    public IReadOnlyList<AttachmentView> Attachments(IResolveFieldContext context) =>
        [
            .. packet.Attachments.Select(a => new AttachmentView(
                a.Name,
                a.Digest,
                a.Type,
                a.Size,
                $"/files/{packet.WorkspaceId}/{a.Digest}"
            )),
        ];

    /// <summary>Grows with every change; send it back with an edit or a move.</summary>
    public int Version => packet.Version;

    /// <summary>What an approver or a failed run left to be read.</summary>
    public string? Remark => packet.Remark;

    /// <summary>The surface that it came in by.</summary>
    public string Surface => packet.Surface;

    public DateTimeOffset CreatedAt => packet.CreatedAt;

    public DateTimeOffset UpdatedAt => packet.UpdatedAt;

    public IDataLoaderResult<Who> CreatedBy(IResolveFieldContext context) => Who.Of(context.Request(), packet.CreatedBy);

    /// <summary>Who has the task of the present state.</summary>
    public IDataLoaderResult<Who?> Assignee(IResolveFieldContext context) =>
        packet.Assignee is { } id ? Who.Of(context.Request(), id).Then(w => (Who?)w) : new Loaded<Who?>(null);

    /// <summary>The transition that is on its way.</summary>
    public string? PendingTransition => packet.PendingTransition;

    public IDataLoaderResult<RunNode?> PendingRun(IResolveFieldContext context) =>
        packet.PendingRun is { } id
            ? context
                .Request()
                .RunAsync(packet.WorkspaceId, id)
                .Then(r => r is null ? null : new RunNode(r, context.Request().Desk.Catalog, now))
            : new Loaded<RunNode?>(null);

    public SagaView? Saga =>
        packet.Saga is { } saga ? new(saga.Failed, saga.To, [.. saga.Left.Select(l => l.Transition)], saga.Stuck) : null;

    /// <summary>The version of its workflow that it is under.</summary>
    public IDataLoaderResult<WorkflowView> Workflow(IResolveFieldContext context) =>
        context.Request().WorkflowAsync(packet.WorkspaceId, packet.Workflow, packet.WorkflowVersion).Then(w => new WorkflowView(w!));

    /// <summary>The version of its type that it is of.</summary>
    [Complexity(3)]
    public async Task<PacketTypeView> Definition(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(packet.WorkspaceId);
        var (key, number) = (packet.Type, packet.TypeVersion);
        return new(await db.PacketTypes.AsNoTracking().SingleAsync(t => t.Key == key && t.Number == number, context.CancellationToken));
    }

    /// <summary>What somebody has to do now; absent when nobody has.</summary>
    public IDataLoaderResult<TaskNode?> Task(IResolveFieldContext context) =>
        context.Request().TaskOfAsync(packet.WorkspaceId, packet.Id).Then(t => t is null ? null : new TaskNode(t, now));

    public IDataLoaderResult<PacketNode?> Parent(IResolveFieldContext context) =>
        packet.ParentId is { } id
            ? context.Request().PacketAsync(packet.WorkspaceId, id).Then(p => p is null ? null : new PacketNode(p, now))
            : new Loaded<PacketNode?>(null);

    /// <summary>The packets that are a part of this one, at most 100.</summary>
    [Complexity(5, 5)]
    public async Task<IReadOnlyList<PacketNode>> Children(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(packet.WorkspaceId);
        var id = packet.Id;
        return
        [
            .. (
                await db
                    .Packets.AsNoTracking()
                    .Where(p => p.ParentId == id)
                    .OrderBy(p => p.Id)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(p => new PacketNode(p, now)),
        ];
    }

    /// <summary>The ways out of the state that it is in, and whether the caller may take them.</summary>
    [Complexity(10, 1)]
    public async Task<IReadOnlyList<TransitionView>> Transitions(IResolveFieldContext context)
    {
        var request = context.Request();
        return
        [
            .. (await request.Kernel.WaysAsync(request.Actor, packet.WorkspaceId, packet.Id, context.CancellationToken)).Select(
                w => new TransitionView(
                    w.Key,
                    w.Transition.Title,
                    w.Transition.To,
                    w.Transition.Action?.Run,
                    w.Transition.Unattended,
                    w.Decision?.Verdict,
                    w.Refusal?.Message ?? w.Decision!.Reason
                )
            ),
        ];
    }

    /// <summary>Everything that happened to it, newest first.</summary>
    [Complexity<PageCost>]
    public async Task<PacketEventConnection> History(IResolveFieldContext context, int? first, string? after)
    {
        await using var db = context.Request().Open(packet.WorkspaceId);
        var id = packet.Id;
        var query = db.PacketEvents.AsNoTracking().Where(e => e.PacketId == id);
        if (Paging.Position(after) is { } before)
            query = query.Where(e => e.Number < before);

        var (rows, info) = await Paging.PageAsync(
            query.OrderByDescending(e => e.Number),
            first,
            after,
            e => Paging.Cursor(e.Number),
            context.CancellationToken
        );
        List<PacketEventEdge> edges = [.. rows.Select(e => new PacketEventEdge(Paging.Cursor(e.Number), new(e, now)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The runs that took it along, newest first, at most 100.</summary>
    [Complexity(5, 5)]
    public async Task<IReadOnlyList<RunNode>> Runs(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(packet.WorkspaceId);
        var id = packet.Id;
        return
        [
            .. (
                await db
                    .Runs.AsNoTracking()
                    .Where(r => r.PacketId == id)
                    .OrderByDescending(r => r.Id)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(r => new RunNode(r, request.Desk.Catalog, now)),
        ];
    }

    /// <summary>The packet's own receipts: what was done to it without a run.</summary>
    public Task<IReadOnlyList<ReceiptNode>> Receipts(IResolveFieldContext context) =>
        Reads.ReceiptsOfAsync(context.Request(), packet.WorkspaceId, packet.Id, context.CancellationToken);
}

/// <summary>An edge of a list of packets.</summary>
public sealed record PacketEdge(string Cursor, PacketNode Node);

/// <summary>A page of packets, newest first.</summary>
public sealed record PacketConnection(
    [property: Complexity(0, 1)] IReadOnlyList<PacketEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<PacketNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>Which packets are wanted; what is left out does not matter.</summary>
/// <param name="Assignee">Whose task it is.</param>
/// <param name="Text">In the title.</param>
public sealed record PacketFilterInput(
    string? Type,
    string? Workflow,
    IReadOnlyList<string>? States,
    string? Label,
    [property: Id] Guid? Assignee,
    string? Text,
    bool? Closed
);

/// <summary>An edge of a list of tasks.</summary>
public sealed record TaskEdge(string Cursor, TaskNode Node);

/// <summary>A page of tasks, the most urgent first.</summary>
public sealed record TaskConnection(
    [property: Complexity(0, 1)] IReadOnlyList<TaskEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<TaskNode> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>Which tasks are wanted.</summary>
public enum TaskList
{
    /// <summary>Those that the caller has.</summary>
    Mine,

    /// <summary>Those of the caller's roles that nobody has.</summary>
    MyRoles,

    /// <summary>All whose time is over.</summary>
    Overdue,

    /// <summary>All.</summary>
    All,
}

/// <summary>How many tasks are in each list.</summary>
public sealed record TaskCounts(int Mine, int MyRoles, int Overdue, int All);

/// <summary>The packets of a workflow by state.</summary>
/// <param name="Count">How many are in the state.</param>
/// <param name="Packets">The first of them, newest first.</param>
public sealed record BoardColumn(
    string State,
    string Title,
    StateKind Kind,
    int Count,
    [property: Complexity(5, 5)] IReadOnlyList<PacketNode> Packets
);

/// <summary>A workflow's packets as columns, in the order of its states.</summary>
public sealed record Board(WorkflowView Workflow, [property: Complexity(1, 10)] IReadOnlyList<BoardColumn> Columns);

/// <summary>Somebody has another person decide for them.</summary>
[Name("Delegation"), Implements(typeof(INode))]
public sealed class DelegationNode(Delegation delegation, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Delegation", delegation.WorkspaceId, delegation.Id);

    public IDataLoaderResult<Who> From(IResolveFieldContext context) => Who.Of(context.Request(), delegation.FromId);

    public IDataLoaderResult<Who> To(IResolveFieldContext context) => Who.Of(context.Request(), delegation.ToId);

    public DateTimeOffset Since => delegation.Since;

    public DateTimeOffset Until => delegation.Until;

    public string Reason => delegation.Reason;

    public DateTimeOffset? EndedAt => delegation.EndedAt;

    /// <summary>Whether it holds now.</summary>
    public bool Active => delegation.Holds(now);
}

/// <summary>A reason that deciders choose from.</summary>
[Name("DecisionReason")]
public sealed record DecisionReasonView(string Code, string Label, ApprovalVerdict Verdict);

/// <summary>What starts packets by itself.</summary>
/// <param name="Hook">Where calls from outside go; for webhooks only.</param>
/// <param name="NextAt">When the clock starts it next.</param>
/// <param name="LastProblem">Why the last start came to nothing.</param>
[Name("Schedule")]
public sealed record ScheduleView(
    string Key,
    Trigger Trigger,
    string? Cron,
    string? TimeZone,
    Missed Missed,
    string? WhenWorkflow,
    string? WhenState,
    JsonElement Starts,
    bool Enabled,
    string? Hook,
    DateTimeOffset? NextAt,
    DateTimeOffset? LastAt,
    int Started,
    string? LastProblem
);

/// <summary>How approvals went.</summary>
/// <param name="Name">The gate, or the person.</param>
/// <param name="Count">How many were decided.</param>
/// <param name="MedianHours">From when it was asked for to the decision.</param>
/// <param name="LateShare">The share decided after the first deadline, or never, from 0 to 1.</param>
public sealed record ApprovalMeasure(string Name, int Count, double MedianHours, double LateShare);

/// <summary>How approvals of some time went, over all, by gate and by person.</summary>
/// <param name="P90Hours">Nine of ten were decided within so many hours.</param>
public sealed record ApprovalMeasures(
    int Waiting,
    int Decided,
    double MedianHours,
    double P90Hours,
    double LateShare,
    IReadOnlyList<ApprovalMeasure> ByGate,
    IReadOnlyList<ApprovalMeasure> ByPerson
);

/// <summary>What is wrong with a workflow.</summary>
/// <param name="Faults">Every fault with its place; none when it may be published.</param>
/// <param name="Document">It as JSON; absent when it can't be read at all.</param>
/// <param name="Yaml">It as YAML, laid out anew.</param>
[Name("WorkflowCheck")]
public sealed record WorkflowCheckView(IReadOnlyList<Domain.InputFault> Faults, JsonElement? Document, string? Yaml);

/// <summary>A workflow to begin with.</summary>
/// <param name="PacketType">The input of <c>packet.type</c>.</param>
/// <param name="Document">The document of <c>workflow.publish</c>.</param>
[Name("WorkflowTemplate")]
public sealed record WorkflowTemplateView(
    string Key,
    string Title,
    string? Description,
    JsonElement PacketType,
    JsonElement Document,
    string Yaml
);
