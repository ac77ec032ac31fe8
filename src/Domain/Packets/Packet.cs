using System.Text.Json;
using System.Text.Json.Nodes;
using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Workflows;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Packets;

/// <summary>A file that belongs to a packet, by its content.</summary>
/// <param name="Digest">SHA-256 of the content, lower-case hex.</param>
/// <param name="Type">Its media type, as its content shows.</param>
/// <param name="Size">In bytes.</param>
public sealed record Attachment(string Name, string Digest, string Type, long Size);

/// <summary>A packet that has to do with this one.</summary>
/// <param name="Kind">For example <c>blocks</c> or <c>relates to</c>.</param>
public sealed record PacketLink(string Kind, Guid Packet);

/// <summary>A step that was done on the way and can be made good.</summary>
/// <param name="Transition">The transition that did it.</param>
/// <param name="Run">Its run.</param>
public sealed record DoneStep(string Transition, Guid Run);

/// <summary>A failed workflow that makes good what was done before.</summary>
/// <param name="Failed">The transition that failed.</param>
/// <param name="To">Where the packet goes when all is made good.</param>
/// <param name="Left">What is still to be made good, the next one last.</param>
/// <param name="Run">The run that makes the next one good; absent before it is proposed.</param>
/// <param name="Stuck">Why a person has to look; absent while it goes on by itself.</param>
public sealed record Saga(string Failed, string To, IReadOnlyList<DoneStep> Left, Guid? Run = null, string? Stuck = null);

/// <summary>A transition of the packet is on its way; it changes when that one came to its end.</summary>
public sealed record TransitionPending(Guid RunId)
    : Refusal("A transition of this packet is on its way. It can change again when that one has come to its end.");

/// <summary>The state that the packet is in does not allow it to be edited.</summary>
public sealed record NotEditable(string State)
    : Refusal($"A packet in the state {State} is not edited. Take it back first, if its workflow has a way.");

/// <summary>The workflow has no such way out of the state that the packet is in.</summary>
/// <param name="Possible">The transitions that there are.</param>
public sealed record NoSuchTransition(string Transition, string State, IReadOnlyList<string> Possible)
    : Refusal(
        $"There is no transition \"{Transition}\" out of {State}; there {(Possible.Count == 0 ? "is none" : $"are {string.Join(", ", Possible)}")}."
    )
{
    public override IReadOnlyList<string> Path => ["transition"];
}

/// <summary>Somebody else works on it.</summary>
public sealed record TaskClaimed(Guid By)
    : Refusal("Somebody else has claimed this task. Ask them to hand it back, or have it assigned to you.");

/// <summary>The packet's state asks nobody to do anything.</summary>
public sealed record NoTask() : Refusal("There is nothing to do here: the state that the packet is in opens no task.");

/// <summary>What a person has to look at has not happened.</summary>
public sealed record NotStuck() : Refusal("Nothing is stuck here.");

/// <summary>
/// The unit of business work: what it is about, and where it stands in its workflow. It changes only by events, each of which is kept; the
/// history, replayed, gives the packet.
/// </summary>
public sealed class Packet : IReceipted
{
    public const int MaxTitle = 200;
    public const int MaxLabels = 20;
    public const int MaxAttachments = 50;

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public string Type { get; private set; } = "";

    public int TypeVersion { get; private set; }

    public string Title { get; private set; } = "";

    /// <summary>The title in small letters, to be searched whatever the case.</summary>
    public string Folded { get; private set; } = "";

    /// <summary>Canonical JSON, valid against the type's schema.</summary>
    public string Payload { get; private set; } = "{}";

    public string Workflow { get; private set; } = "";

    public int WorkflowVersion { get; private set; }

    public string State { get; private set; } = "";

    /// <summary>When it came into that state.</summary>
    public DateTimeOffset EnteredAt { get; private set; }

    /// <summary>The number of the event that brought it there: a state entered again is another occasion.</summary>
    public int EnteredBy { get; private set; }

    /// <summary>Whether the state is a final one.</summary>
    public bool Closed { get; private set; }

    public Guid? ParentId { get; private set; }

    /// <summary>A JSON array of labels, in order.</summary>
    public string LabelsJson { get; private set; } = "[]";

    /// <summary>A JSON array of <see cref="PacketLink"/>.</summary>
    public string LinksJson { get; private set; } = "[]";

    /// <summary>A JSON array of <see cref="Attachment"/>.</summary>
    public string AttachmentsJson { get; private set; } = "[]";

    public Guid CreatedBy { get; private set; }

    /// <summary>The surface that it came in by.</summary>
    public string Surface { get; private set; } = "";

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset UpdatedAt { get; private set; }

    /// <summary>Who took it further last; whoever stands behind what follows by itself.</summary>
    public Guid MovedBy { get; private set; }

    /// <summary>The run of the transition that is on its way.</summary>
    public Guid? PendingRun { get; private set; }

    public string? PendingTransition { get; private set; }

    /// <summary>Who has claimed the task of the present state, or was assigned it.</summary>
    public Guid? Assignee { get; private set; }

    public DateTimeOffset? AssignedAt { get; private set; }

    /// <summary>JSON of the steps that were done and can be made good, in order.</summary>
    public string StepsJson { get; private set; } = "[]";

    /// <summary>JSON of the <see cref="Packets.Saga"/>, while there is one.</summary>
    public string? SagaJson { get; private set; }

    /// <summary>What an approver or a failed run left to be read, until the next move.</summary>
    public string? Remark { get; private set; }

    /// <summary>How many events there are.</summary>
    public int Events { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public JsonElement PayloadJson => JsonDocument.Parse(Payload).RootElement;

    public IReadOnlyList<string> Labels => JsonSerializer.Deserialize<string[]>(LabelsJson)!;

    public IReadOnlyList<PacketLink> Links => JsonSerializer.Deserialize<PacketLink[]>(LinksJson)!;

    public IReadOnlyList<Attachment> Attachments => JsonSerializer.Deserialize<Attachment[]>(AttachmentsJson)!;

    public IReadOnlyList<DoneStep> Steps => JsonSerializer.Deserialize<DoneStep[]>(StepsJson)!;

    public Saga? Saga => SagaJson is null ? null : JsonSerializer.Deserialize<Saga>(SagaJson);

    /// <summary>A new packet in its workflow's initial state.</summary>
    public static (Packet Packet, PacketEvent Event) Create(
        Guid workspaceId,
        Guid id,
        PacketContent content,
        PacketType type,
        Workflow workflow,
        WorkflowDocument document,
        Actor by,
        Guid? runId,
        DateTimeOffset now
    )
    {
        var packet = new Packet
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Id = id,
        };
        return (
            packet,
            packet.Happened(
                PacketChange.Created,
                by,
                runId,
                now,
                new()
                {
                    ["type"] = type.Key,
                    ["typeVersion"] = type.Number,
                    ["workflow"] = workflow.Key,
                    ["workflowVersion"] = workflow.Number,
                    ["state"] = document.Initial,
                    ["surface"] = by.Surface,
                    ["title"] = content.Title,
                    ["payload"] = Node(content.Payload),
                    ["parent"] = content.Parent,
                    ["labels"] = JsonSerializer.SerializeToNode(content.Labels),
                    ["links"] = JsonSerializer.SerializeToNode(content.Links),
                }
            )
        );
    }

    /// <summary>The packet that a history gives.</summary>
    public static Packet Replay(Guid tenantId, Guid workspaceId, Guid id, IEnumerable<PacketEvent> history)
    {
        var packet = new Packet
        {
            TenantId = tenantId,
            WorkspaceId = workspaceId,
            Id = id,
        };
        foreach (var e in history)
            packet.Apply(e);
        return packet;
    }

    /// <summary>Why it can't be edited now, or null when it can.</summary>
    public Refusal? WhyNotEdit(WorkflowDocument document) =>
        PendingRun is { } run ? new TransitionPending(run)
        : SagaJson is not null || !document.States[State].Editable ? new NotEditable(State)
        : null;

    /// <summary>Changes what is given; what is absent stays.</summary>
    public Outcome<PacketEvent> Edit(PacketEdit edit, WorkflowDocument document, Actor by, Guid runId, DateTimeOffset now)
    {
        if (WhyNotEdit(document) is { } no)
            return no;

        var changed = new JsonObject();
        if (edit.Title is { } title)
            changed["title"] = title;
        if (edit.Payload is { } payload)
            changed["payload"] = Node(payload);
        if (edit.Labels is { } labels)
            changed["labels"] = JsonSerializer.SerializeToNode(labels);
        if (edit.Links is { } links)
            changed["links"] = JsonSerializer.SerializeToNode(links);
        if (edit.Attachments is { } attachments)
            changed["attachments"] = JsonSerializer.SerializeToNode(attachments);
        if (edit.SetsParent)
            changed["parent"] = edit.Parent;
        return Happened(PacketChange.Edited, by, runId, now, changed);
    }

    /// <summary>Why nobody can take a transition now, whoever asks; null when the packet is free.</summary>
    public Refusal? WhyNotMove(string transition, WorkflowDocument document, Actor by)
    {
        if (PendingRun is { } run)
            return new TransitionPending(run);
        if (SagaJson is not null)
            return new WrongState("compensating", State);
        if (
            !document.Transitions.TryGetValue(transition, out var spec)
            || !spec.From.Contains(State)
            || (spec.Unattended && by.Kind is not PrincipalKind.Service)
        )
            return new NoSuchTransition(
                transition,
                State,
                [.. document.Out(State).Where(t => !t.Transition.Unattended).Select(t => t.Key)]
            );
        return Assignee is { } somebody && by.Kind is not PrincipalKind.Service && somebody != by.Id ? new TaskClaimed(somebody) : null;
    }

    /// <summary>The transition's run was proposed and goes on.</summary>
    public PacketEvent Request(string transition, Run run, Actor by, DateTimeOffset now) =>
        Happened(PacketChange.Requested, by, run.Id, now, new() { ["transition"] = transition });

    /// <summary>The run came to nothing; the packet stays where it is.</summary>
    public PacketEvent Drop(Guid? runId, string remark, Actor by, DateTimeOffset now) =>
        Happened(PacketChange.Dropped, by, runId, now, new() { ["remark"] = remark });

    /// <summary>Goes where a transition leads.</summary>
    /// <param name="transition">By which transition.</param>
    /// <param name="to">To which state.</param>
    /// <param name="document">Its workflow.</param>
    /// <param name="runId">The run that led there.</param>
    /// <param name="mover">Who stands behind it.</param>
    /// <param name="remark">What is to be read there; absent when all went well.</param>
    /// <param name="step">Whether what the run did may have to be made good later.</param>
    /// <param name="by">Whose act it is.</param>
    /// <param name="now">When.</param>
    public PacketEvent Move(
        string transition,
        string to,
        WorkflowDocument document,
        Guid? runId,
        Guid mover,
        string? remark,
        bool step,
        Actor by,
        DateTimeOffset now
    ) =>
        Happened(
            PacketChange.Moved,
            by,
            runId,
            now,
            new()
            {
                ["transition"] = transition,
                ["from"] = State,
                ["to"] = to,
                ["closed"] = document.States[to].Kind is StateKind.Final,
                ["remark"] = remark,
                ["step"] = step,
                ["mover"] = mover,
            }
        );

    /// <summary>A step failed: what was done before is made good, the latest first.</summary>
    public PacketEvent BeginSaga(string failed, string to, WorkflowDocument document, Run run, string remark, Actor by, DateTimeOffset now)
    {
        var left = Steps.Where(s => document.Transitions.TryGetValue(s.Transition, out var t) && t.Compensate is not null).ToList();
        return Happened(
            PacketChange.Compensating,
            by,
            run.Id,
            now,
            new() { ["saga"] = JsonSerializer.SerializeToNode(new Saga(failed, to, left)), ["remark"] = remark }
        );
    }

    /// <summary>The run that makes the next step good was proposed.</summary>
    public PacketEvent Compensate(Run run, Actor by, DateTimeOffset now) =>
        Happened(
            PacketChange.Compensating,
            by,
            run.Id,
            now,
            new() { ["saga"] = JsonSerializer.SerializeToNode(Saga! with { Run = run.Id, Stuck = null }), ["remark"] = Remark }
        );

    /// <summary>One step was made good.</summary>
    public PacketEvent Compensated(Run run, Actor by, DateTimeOffset now) =>
        Happened(PacketChange.Compensated, by, run.Id, now, new() { ["transition"] = Saga!.Left[^1].Transition });

    /// <summary>Making good failed: nothing more happens by itself.</summary>
    public PacketEvent GetStuck(Guid? runId, string why, Actor by, DateTimeOffset now) =>
        Happened(PacketChange.Stuck, by, runId, now, new() { ["why"] = why });

    /// <summary>A person looked: the failed compensation is tried again, or taken as done outside.</summary>
    public Outcome<PacketEvent> Resume(bool skip, string reason, Actor by, DateTimeOffset now) =>
        Saga is not { Stuck: not null }
            ? new NotStuck()
            : Happened(PacketChange.Resumed, by, null, now, new() { ["skip"] = skip, ["reason"] = reason });

    /// <summary>Takes the task of the present state.</summary>
    public Outcome<PacketEvent> Claim(WorkflowDocument document, Actor by, DateTimeOffset now)
    {
        if (TaskOf(document) is null)
            return new NoTask();
        if (Assignee is { } somebody)
            return new TaskClaimed(somebody);
        return Happened(PacketChange.Claimed, by, null, now, new() { ["assignee"] = by.Id });
    }

    /// <summary>Gives the task back to whoever holds its role.</summary>
    public Outcome<PacketEvent> HandBack(string reason, Actor by, DateTimeOffset now) =>
        Assignee is not { } somebody ? new NoTask()
        : somebody != by.Id ? new TaskClaimed(somebody)
        : Happened(PacketChange.HandedBack, by, null, now, new() { ["reason"] = reason });

    /// <summary>Gives the task to somebody, or to nobody in particular.</summary>
    public Outcome<PacketEvent> Assign(Guid? to, string reason, WorkflowDocument document, Actor by, DateTimeOffset now) =>
        TaskOf(document) is null
            ? new NoTask()
            : Happened(PacketChange.Assigned, by, null, now, new() { ["assignee"] = to, ["reason"] = reason });

    /// <summary>Goes on under another version of its workflow, in the state that stands for its own there.</summary>
    public Outcome<PacketEvent> Migrate(
        Workflow workflow,
        WorkflowDocument document,
        string to,
        Actor by,
        Guid runId,
        DateTimeOffset now
    ) =>
        PendingRun is { } run ? new TransitionPending(run)
        : SagaJson is not null ? new WrongState("compensating", State)
        : Happened(
            PacketChange.Migrated,
            by,
            runId,
            now,
            new()
            {
                ["workflowVersion"] = workflow.Number,
                ["from"] = State,
                ["to"] = to,
                ["closed"] = document.States[to].Kind is StateKind.Final,
            }
        );

    /// <summary>What somebody has to do now; null when nothing, or when it goes on by itself.</summary>
    public TaskSpec? TaskOf(WorkflowDocument document) =>
        Saga is { Stuck: { } why } ? new("Look at a compensation that failed", "admin", Priority: Priority.Urgent, DoneWhen: why)
        : SagaJson is null ? document.States.GetValueOrDefault(State)?.Task
        : null;

    /// <summary>A receipt in the packet's own chain, for what needs no run.</summary>
    public Evidence Note(string code, Actor by, DateTimeOffset now, params IEnumerable<(string, object?)> fields) =>
        ReceiptWriter.Append(
            this,
            ReceiptKind.Decided,
            by,
            now,
            $"packet.{code.Split('.')[0]}",
            code,
            State,
            [("target", $"Packet::\"{Id}\""), .. fields]
        );

    private PacketEvent Happened(string kind, Actor by, Guid? runId, DateTimeOffset now, JsonObject data)
    {
        foreach (var absent in data.Where(p => p.Value is null).Select(p => p.Key).ToList())
        {
            // Only these mean something by being null.
            if (absent is not ("parent" or "assignee"))
                data.Remove(absent);
        }

        var happened = new PacketEvent
        {
            TenantId = TenantId,
            WorkspaceId = WorkspaceId,
            PacketId = Id,
            Number = Events + 1,
            Kind = kind,
            At = now,
            ById = by.Id,
            RunId = runId,
            Data = CanonicalJson.Write(JsonSerializer.SerializeToElement(data)),
        };
        Apply(happened);
        return happened;
    }

    // The only place where a packet changes.
    private void Apply(PacketEvent e)
    {
        var data = e.Json;
        (Events, UpdatedAt) = (e.Number, e.At);
        switch (e.Kind)
        {
            case PacketChange.Created:
                (Type, TypeVersion) = (data.GetProperty("type").GetString()!, data.GetProperty("typeVersion").GetInt32());
                (Workflow, WorkflowVersion) = (data.GetProperty("workflow").GetString()!, data.GetProperty("workflowVersion").GetInt32());
                (CreatedBy, CreatedAt, MovedBy, Surface) = (e.ById, e.At, e.ById, data.GetProperty("surface").GetString()!);
                Content(data);
                Enter(data.GetProperty("state").GetString()!, false, e);
                break;
            case PacketChange.Edited:
                Content(data);
                break;
            case PacketChange.Requested:
                (PendingRun, PendingTransition) = (e.RunId, data.GetProperty("transition").GetString());
                break;
            case PacketChange.Dropped:
                (PendingRun, PendingTransition, Remark) = (null, null, data.GetProperty("remark").GetString());
                break;
            case PacketChange.Moved:
                if (data.GetProperty("step").GetBoolean())
                    StepsJson = JsonSerializer.Serialize(Steps.Append(new(data.GetProperty("transition").GetString()!, e.RunId!.Value)));
                (PendingRun, PendingTransition, SagaJson, MovedBy) = (null, null, null, data.GetProperty("mover").GetGuid());
                Remark = data.TryGetProperty("remark", out var remark) ? remark.GetString() : null;
                Enter(data.GetProperty("to").GetString()!, data.GetProperty("closed").GetBoolean(), e);
                break;
            case PacketChange.Claimed or PacketChange.Assigned:
                Assignee = data.GetProperty("assignee").ValueKind is JsonValueKind.Null ? null : data.GetProperty("assignee").GetGuid();
                AssignedAt = Assignee is null ? null : e.At;
                break;
            case PacketChange.HandedBack:
                (Assignee, AssignedAt) = (null, null);
                break;
            case PacketChange.Migrated:
                WorkflowVersion = data.GetProperty("workflowVersion").GetInt32();
                if (data.GetProperty("to").GetString() is { } to && to != State)
                    Enter(to, data.GetProperty("closed").GetBoolean(), e);
                break;
            case PacketChange.Compensating:
                (SagaJson, PendingRun, PendingTransition) = (data.GetProperty("saga").GetRawText(), null, null);
                (Assignee, AssignedAt) = (null, null);
                Remark = data.TryGetProperty("remark", out var why) ? why.GetString() : null;
                break;
            case PacketChange.Compensated:
                var good = Saga!.Left[^1];
                SagaJson = JsonSerializer.Serialize(Saga with { Left = [.. Saga.Left.SkipLast(1)], Run = null });
                StepsJson = JsonSerializer.Serialize(Steps.Where(s => s != good));
                break;
            case PacketChange.Stuck:
                SagaJson = JsonSerializer.Serialize(Saga! with { Run = null, Stuck = data.GetProperty("why").GetString() });
                break;
            case PacketChange.Resumed:
                SagaJson = JsonSerializer.Serialize(
                    Saga! with
                    {
                        Stuck = null,
                        Run = null,
                        Left = data.GetProperty("skip").GetBoolean() ? [.. Saga.Left.SkipLast(1)] : Saga.Left,
                    }
                );
                (Assignee, AssignedAt) = (null, null);
                break;
            default:
                throw new InvalidOperationException($"there is no event of the kind {e.Kind}");
        }
    }

    private void Content(JsonElement data)
    {
        if (data.TryGetProperty("title", out var title))
            (Title, Folded) = (title.GetString()!, Fold(title.GetString()!));
        if (data.TryGetProperty("payload", out var payload))
            Payload = payload.GetRawText();
        if (data.TryGetProperty("labels", out var labels))
            LabelsJson = labels.GetRawText();
        if (data.TryGetProperty("links", out var links))
            LinksJson = links.GetRawText();
        if (data.TryGetProperty("attachments", out var attachments))
            AttachmentsJson = attachments.GetRawText();
        if (data.TryGetProperty("parent", out var parent))
            ParentId = parent.ValueKind is JsonValueKind.Null ? null : parent.GetGuid();
    }

    private void Enter(string state, bool closed, PacketEvent e)
    {
        (State, Closed, EnteredAt, EnteredBy) = (state, closed, e.At, e.Number);
        (Assignee, AssignedAt) = (null, null);
    }

    /// <summary>A text as titles are searched by it.</summary>
    public static string Fold(string text) => text.ToLowerInvariant();

    private static JsonNode? Node(JsonElement json) => JsonNode.Parse(json.GetRawText());
}

/// <summary>What a new packet is about.</summary>
public sealed record PacketContent(
    string Title,
    JsonElement Payload,
    Guid? Parent,
    IReadOnlyList<string> Labels,
    IReadOnlyList<PacketLink> Links
);

/// <summary>What of a packet changes; what is null stays.</summary>
/// <param name="SetsParent">Whether the parent changes, also to none.</param>
public sealed record PacketEdit(
    string? Title = null,
    JsonElement? Payload = null,
    IReadOnlyList<string>? Labels = null,
    IReadOnlyList<PacketLink>? Links = null,
    IReadOnlyList<Attachment>? Attachments = null,
    bool SetsParent = false,
    Guid? Parent = null
);
