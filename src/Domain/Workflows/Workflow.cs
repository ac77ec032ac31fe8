using System.Text.Json;
using System.Text.Json.Serialization;
using Mumega.Domain.Actions;
using Mumega.Domain.Policies;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Workflows;

/// <summary>A published version of a workflow. None is ever changed; packets keep the one they began with until they are migrated.</summary>
public sealed class Workflow : IWorkspaceOwned
{
    // Neither it nor the text ever changes.
    private WorkflowDocument? document;

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>A short name, for example <c>content-review</c>.</summary>
    public required string Key { get; init; }

    /// <summary>From 1; the highest is the one that new packets begin with.</summary>
    public required int Number { get; init; }

    public required string Title { get; init; }

    /// <summary>The type of the packets that it is for.</summary>
    public required string PacketType { get; init; }

    /// <summary>The <see cref="WorkflowDocument"/> as canonical JSON.</summary>
    public required string DocumentJson { get; init; }

    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public WorkflowDocument Document => document ??= WorkflowDocument.Read(DocumentJson);
}

/// <summary>Where a state stands in its workflow.</summary>
public enum StateKind
{
    Normal,
    Initial,
    Final,
}

/// <summary>How much a task matters.</summary>
public enum Priority
{
    Low,
    Normal,
    High,
    Urgent,
}

/// <summary>A state machine over packets, as an operator writes and reads it.</summary>
/// <param name="Workflow">Its short name.</param>
/// <param name="PacketType">The type of the packets that it is for.</param>
public sealed record WorkflowDocument(
    string Workflow,
    string Title,
    string? Description,
    string PacketType,
    IReadOnlyDictionary<string, StateSpec> States,
    IReadOnlyDictionary<string, TransitionSpec> Transitions
)
{
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly Lazy<ActionCatalog> Catalog = new(() => new());

    /// <summary>Reads a document that satisfies the schema of <c>workflow.publish</c>.</summary>
    public static WorkflowDocument Read(string json) => JsonSerializer.Deserialize<WorkflowDocument>(json, Form)!;

    public static WorkflowDocument Read(JsonElement json) => json.Deserialize<WorkflowDocument>(Form)!;

    /// <summary>The state that packets begin in.</summary>
    [JsonIgnore]
    public string Initial => States.First(s => s.Value.Kind is StateKind.Initial).Key;

    /// <summary>The transitions that lead out of a state, by name.</summary>
    public IEnumerable<(string Key, TransitionSpec Transition)> Out(string state) =>
        Transitions.Where(t => t.Value.From.Contains(state)).OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => (t.Key, t.Value));

    /// <summary>What may follow a transition by itself, by the workflow's or the clock's doing and whatever their conditions say then; the nearest first.</summary>
    public IReadOnlyList<FollowUp> SetOffBy(string transition) => SetOffIn(LeadsTo(Transitions[transition]));

    /// <summary>The same once a packet is in one of some states.</summary>
    public IReadOnlyList<FollowUp> SetOffIn(IEnumerable<string> states)
    {
        var found = new List<(string Key, TransitionSpec Transition)>();
        var open = new Queue<string>(states);
        while (open.TryDequeue(out var state))
        {
            foreach (var next in Out(state).Where(t => t.Transition.Unattended && found.All(f => f.Key != t.Key)))
            {
                found.Add(next);
                foreach (var further in LeadsTo(next.Transition))
                    open.Enqueue(further);
            }
        }

        return
        [
            .. found
                .Select(f =>
                    (
                        f.Key,
                        f.Transition.Title,
                        Action: (f.Transition.Action is { } a ? Catalog.Value.Find(a.Run) : null) ?? Catalog.Value.Find("packet.move")!
                    )
                )
                .Select(f => new FollowUp(f.Key, f.Title, f.Action.Kind, f.Action.Rating)),
        ];
    }

    private static IEnumerable<string> LeadsTo(TransitionSpec transition) =>
        transition.Otherwise is { To: var otherwise } ? [transition.To, otherwise] : [transition.To];

    /// <summary>The states in the order in which packets come to them; where they end, last.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Order
    {
        get
        {
            List<string> order = [Initial];
            for (var i = 0; i < order.Count; i++)
                order.AddRange(Out(order[i]).Where(t => !order.Contains(t.Transition.To)).Select(t => t.Transition.To).Distinct().ToList());
            return [.. order.Concat(States.Keys).Distinct().OrderBy(s => States[s].Kind is StateKind.Final)];
        }
    }
}

/// <summary>A state that packets can be in.</summary>
/// <param name="Editable">Whether title, payload and attachments may change in it.</param>
/// <param name="Task">What somebody has to do while a packet is in it.</param>
public sealed record StateSpec(
    string Title,
    string? Description = null,
    StateKind Kind = StateKind.Normal,
    bool Editable = false,
    TaskSpec? Task = null
);

/// <summary>What somebody has to do.</summary>
/// <param name="Role">Whose holders may claim it.</param>
/// <param name="Due">How long they have, for example <c>3d</c>.</param>
/// <param name="DoneWhen">By what they see that it is done.</param>
public sealed record TaskSpec(string Title, string Role, string? Due = null, Priority Priority = Priority.Normal, string? DoneWhen = null)
{
    [JsonIgnore]
    public TimeSpan? DueAfter => Due is null ? null : PolicyCheck.Span(Due);
}

/// <summary>A way from one state to another.</summary>
/// <param name="Roles">Whose holders may take it; none when only the clock or the workflow itself does.</param>
/// <param name="Guard">A Cedar condition over <c>principal</c> and <c>context.payload</c>, <c>context.labels</c>, <c>context.surface</c>.</param>
/// <param name="Action">The action that runs; the packet moves when it succeeded.</param>
/// <param name="Gates">Who has to approve, all of them, in any order.</param>
/// <param name="Changes">Where the packet goes when an approver asks for changes; it stays where it is when absent.</param>
/// <param name="Otherwise">Where it goes when the run fails, is rejected or expires; it stays where it is when absent.</param>
/// <param name="Compensate">What makes good for the action when a later step fails; <c>undo</c> stands for the undo that the run recorded.</param>
/// <param name="Unwind">Whether everything that was done on the way is made good first, the latest first.</param>
/// <param name="After">Taken by the clock, so long after the state was entered.</param>
/// <param name="Automatic">Taken by the workflow itself as soon as the guard holds on entering the state.</param>
public sealed record TransitionSpec(
    string Title,
    IReadOnlyList<string> From,
    string To,
    string? Description = null,
    IReadOnlyList<string>? Roles = null,
    string? Guard = null,
    StepSpec? Action = null,
    IReadOnlyList<GateSpec>? Gates = null,
    string? Changes = null,
    OtherwiseSpec? Otherwise = null,
    StepSpec? Compensate = null,
    string? After = null,
    bool Automatic = false,
    bool Unwind = false
)
{
    [JsonIgnore]
    public TimeSpan? Timer => After is null ? null : PolicyCheck.Span(After);

    /// <summary>Whether only the clock or the workflow itself takes it.</summary>
    [JsonIgnore]
    public bool Unattended => Automatic || After is not null;
}

/// <summary>Where a packet goes when a transition came to nothing.</summary>
/// <param name="Compensate">Whether the compensations of earlier steps run first, the latest first.</param>
public sealed record OtherwiseSpec(string To, bool Compensate = false);

/// <summary>An action and how its input is made.</summary>
/// <param name="Run">The action's kind, or <c>undo</c>.</param>
/// <param name="Input">For each field of the action's input where it comes from: <see cref="Mapping"/>.</param>
public sealed record StepSpec(string Run, IReadOnlyDictionary<string, JsonElement>? Input = null)
{
    public const string Undo = "undo";
}

/// <summary>An approval that is asked for before the action runs.</summary>
/// <param name="Quorum">How many holders of the role.</param>
/// <param name="Expires">How long they have; 72h when absent.</param>
/// <param name="Remind">After how long they are reminded.</param>
/// <param name="Escalate">The role that is asked as well when the time is over; without it the approval expires.</param>
public sealed record GateSpec(
    string Role,
    int Quorum = 1,
    string? Expires = null,
    string? Remind = null,
    string? Escalate = null,
    string? Reason = null
)
{
    /// <summary>The gate as approvals know it.</summary>
    public Gate ToGate(string transition) =>
        new(
            Role,
            Quorum,
            Expires is null ? PolicyBook.DefaultExpiry : PolicyCheck.Span(Expires)!.Value,
            $"workflow.{transition}",
            Reason,
            Escalate,
            Remind is null ? null : PolicyCheck.Span(Remind)
        );
}
