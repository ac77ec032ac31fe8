using System.Security.Cryptography;
using System.Text.Json;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Stops;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Runs;

public enum RunState
{
    Denied,
    PreflightFailed,
    AwaitingApproval,
    Rejected,
    Expired,
    Cancelled,
    Queued,
    Running,
    Succeeded,
    Failed,
    Unknown,
    Held,
}

public static class RunStates
{
    /// <summary>The state as receipts and the API spell it, for example <c>AWAITING_APPROVAL</c>.</summary>
    public static string Name(this RunState state) =>
        state switch
        {
            RunState.PreflightFailed => "PREFLIGHT_FAILED",
            RunState.AwaitingApproval => "AWAITING_APPROVAL",
            _ => state.ToString().ToUpperInvariant(),
        };

    public static bool IsFinal(this RunState state) =>
        state is not (RunState.AwaitingApproval or RunState.Queued or RunState.Running or RunState.Unknown or RunState.Held);
}

/// <summary>The run was undone before; the answer names the run that did it.</summary>
public sealed record AlreadyRolledBack(Guid RunId) : Refusal("This was already rolled back, or a rollback is on its way.");

/// <summary>The run can't be rolled back any more, or never could.</summary>
public sealed record RollbackUnavailable(RollbackStatus Status, string Reason) : Refusal($"This cannot be rolled back: {Reason}");

public enum RollbackStatus
{
    None,
    Available,
    Expired,
    Blocked,
    Pending,
    Used,
}

/// <summary>Whether and how a run can be undone now.</summary>
public sealed record RollbackPointer(RollbackStatus Status, string Summary, DateTimeOffset? Until, Guid? RunId);

/// <summary>One governed attempt at one action. Its state changes only here, and every change yields its receipt.</summary>
public sealed class Run : IReceipted
{
    /// <summary>What stands where something was erased.</summary>
    public const string Gone = "(erased)";

    /// <summary>How long an undo stays on offer.</summary>
    public static readonly TimeSpan UndoWindow = TimeSpan.FromDays(30);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required string Action { get; init; }

    public required int ActionVersion { get; init; }

    public required string Family { get; init; }

    /// <summary>The input, canonical JSON.</summary>
    public required string Input { get; set; }

    /// <summary>What it is about, for example <c>Page::"prices"</c>.</summary>
    public required string Target { get; set; }

    /// <summary>The connection it goes out through, if any.</summary>
    public string? Connector { get; private set; }

    public required string Reason { get; set; }

    public RunState State { get; private set; }

    /// <summary>While held: where it goes back to.</summary>
    public RunState? HeldFrom { get; private set; }

    /// <summary>Since when a stop holds it; absent unless it is held.</summary>
    public DateTimeOffset? HeldAt { get; private set; }

    /// <summary>The stop that held it last, or ended the call that was under way.</summary>
    public Guid? StopId { get; private set; }

    /// <summary>Whether that stop let it go on in a stage of its release.</summary>
    public bool PastStop { get; private set; }

    /// <summary>What a stop is asked about.</summary>
    public Work Work => new(WorkspaceId, ProposedBy, Chain, Family, Connector, PastStop ? StopId : null);

    public required Guid ProposedBy { get; init; }

    public required PrincipalKind ProposerKind { get; init; }

    /// <summary>The person who answers for the proposing agent.</summary>
    public Guid? ProposerOwner { get; init; }

    /// <summary>JSON array of everybody who stands behind the proposal: proposer, owner, whoever they decide for, whoever set off what followed by itself.</summary>
    public required string ChainJson { get; set; }

    /// <summary>Nobody of these decides on it.</summary>
    public IReadOnlyList<Guid> Chain => JsonSerializer.Deserialize<Guid[]>(ChainJson)!;

    /// <summary>
    /// JSON array of the principals on whose behalf it was proposed, the root first; absent when the proposer acted for themselves. For what a
    /// workflow does: those who set it off.
    /// </summary>
    public string? ForJson { get; init; }

    /// <summary>On whose behalf it was proposed, the root first.</summary>
    public IReadOnlyList<Guid> For => ForJson is null ? [] : JsonSerializer.Deserialize<Guid[]>(ForJson)!;

    public required string Surface { get; init; }

    /// <summary>The packet that it takes along a transition; absent for a run by itself.</summary>
    public Guid? PacketId { get; init; }

    /// <summary>The transition, or <c>compensate</c> and the transition whose step is made good.</summary>
    public string? Transition { get; init; }

    /// <summary>JSON of the <see cref="Policies.Decision"/> in force for it.</summary>
    public string DecisionJson { get; private set; } = "{}";

    /// <summary>JSON of the last <see cref="Actions.Preflight"/>; absent for a run that policy denied.</summary>
    public string? PreflightJson { get; private set; }

    /// <summary>What an approval binds to, lower-case hex of a SHA-256.</summary>
    public string Digest { get; private set; } = "";

    /// <summary>The id under which an external effect is made, fixed from the start.</summary>
    public required Guid EffectId { get; init; }

    /// <summary>The run that this one undoes.</summary>
    public Guid? UndoOf { get; init; }

    /// <summary>The receipt that this one undoes.</summary>
    public Guid? UndoOfReceipt { get; init; }

    /// <summary>The run that undoes this one, from when it is proposed.</summary>
    public Guid? UndoneBy { get; private set; }

    public DateTimeOffset? UndoneAt { get; private set; }

    /// <summary>JSON of the <see cref="Actions.Undo"/>.</summary>
    public string? UndoJson { get; private set; }

    public DateTimeOffset? UndoUntil { get; private set; }

    /// <summary>The receipt of the outcome.</summary>
    public Guid? OutcomeReceipt { get; private set; }

    /// <summary>What came of it, in a sentence.</summary>
    public string? Result { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; private set; }

    public DateTimeOffset? DispatchedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public Decision Decision => JsonSerializer.Deserialize<Decision>(DecisionJson)!;

    public Preflight? Preflight => PreflightJson is null ? null : JsonSerializer.Deserialize<Preflight>(PreflightJson);

    public Undo? Undo => UndoJson is null ? null : JsonSerializer.Deserialize<Undo>(UndoJson);

    public JsonElement InputJson => JsonDocument.Parse(Input).RootElement;

    /// <summary>A new run in the state that decision and preflight lead to, with a receipt for each step taken.</summary>
    public static (Run Run, IReadOnlyList<Evidence> Evidence) Propose(
        ActionDefinition action,
        string input,
        Guid workspaceId,
        string reason,
        Actor by,
        Decision decision,
        Preflight? preflight,
        DateTimeOffset now,
        string idempotencyKey,
        Run? undoes = null,
        IReadOnlyCollection<Guid>? behind = null,
        (Guid Packet, string Transition)? move = null
    )
    {
        var json = JsonDocument.Parse(input).RootElement;
        var (type, id) = (action.TargetType, action.TargetId(json));
        var run = new Run
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(now),
            Action = action.Kind,
            ActionVersion = action.Version,
            Family = action.Family,
            Input = input,
            Target = $"{type}::\"{id}\"",
            Connector = action.Connector(json),
            Reason = reason,
            ProposedBy = by.Id,
            ProposerKind = by.Kind,
            ProposerOwner = by.OwnerId,
            ChainJson = JsonSerializer.Serialize(Everybody(by, behind)),
            ForJson = by.Chain.Count == 0 ? null : JsonSerializer.Serialize(by.Chain.Select(l => l.Id)),
            Surface = by.Surface,
            PacketId = move?.Packet,
            Transition = move?.Transition,
            EffectId = Guid.CreateVersion7(now),
            UndoOf = undoes?.Id,
            UndoOfReceipt = undoes?.OutcomeReceipt,
            CreatedAt = now,
            UpdatedAt = now,
            DecisionJson = JsonSerializer.Serialize(decision),
            PreflightJson = preflight is null ? null : JsonSerializer.Serialize(preflight),
        };
        run.Digest = run.ActionHash(decision, preflight);
        run.State =
            decision.Verdict is Verdict.Deny ? RunState.Denied
            : preflight is { Passed: false } ? RunState.PreflightFailed
            : decision.Verdict is Verdict.AllowBehindGates ? RunState.AwaitingApproval
            : RunState.Queued;
        if (undoes is not null && !run.State.IsFinal())
            undoes.UndoneBy = run.Id;

        var evidence = new List<Evidence>
        {
            run.Note(
                ReceiptKind.Proposed,
                by,
                now,
                "proposed",
                [
                    .. json.EnumerateObject().Select(p => ($"parameters.{p.Name}", (object?)p.Value)),
                    ("target", run.Target),
                    ("reason_text", reason),
                    ("effect_id", run.EffectId),
                    ("idempotency_key", idempotencyKey),
                    ("undoes", undoes?.Id),
                    ("packet", run.PacketId),
                    ("transition", run.Transition),
                ]
            ),
            run.Note(
                ReceiptKind.Decided,
                by,
                now,
                $"policy.{Snake(decision.Verdict)}",
                [
                    ("decision", Snake(decision.Verdict)),
                    ("policies", decision.Policies),
                    ("policy_version", decision.PolicyVersion),
                    ("reason_text", decision.Reason),
                    ("sets_off", Seen(decision.SetsOff)),
                ]
            ),
        };
        if (preflight is not null)
        {
            evidence.Add(
                run.Note(
                    ReceiptKind.Decided,
                    by,
                    now,
                    preflight.Passed ? "preflight.passed" : "preflight.failed",
                    [
                        ("action_hash", run.Digest),
                        ("checks", preflight.Checks),
                        ("state_version", preflight.StateVersion),
                        ("undo_plan", preflight.RollbackPlan),
                    ]
                )
            );
        }

        return (run, evidence);
    }

    /// <summary>Policy or live state changed before it ran: what is approved is no longer what would run, so it is asked again.</summary>
    public Evidence Renew(Decision decision, Preflight preflight, Actor by, DateTimeOffset now) =>
        Look(RunState.AwaitingApproval, "gate.stale", decision, preflight, by, now);

    /// <summary>The policies no longer ask for an approval: it goes on without one.</summary>
    public Evidence Lift(Decision decision, Preflight preflight, Actor by, DateTimeOffset now) =>
        Look(RunState.Queued, "gate.lifted", decision, preflight, by, now);

    private Evidence Look(RunState to, string code, Decision decision, Preflight preflight, Actor by, DateTimeOffset now)
    {
        (DecisionJson, PreflightJson) = (JsonSerializer.Serialize(decision), JsonSerializer.Serialize(preflight));
        var old = Digest;
        Digest = ActionHash(decision, preflight);
        return Move(
            to,
            ReceiptKind.Decided,
            by,
            now,
            code,
            [("action_hash", Digest), ("state_before", old), ("checks", preflight.Checks), ("policy_version", decision.PolicyVersion)]
        );
    }

    internal Evidence Approve(Actor by, DateTimeOffset now, Said said) =>
        Move(RunState.Queued, ReceiptKind.Decided, by, now, "gate.approved", Fields(by, said));

    internal Evidence NoteDecision(Actor by, DateTimeOffset now, Said said) =>
        Move(
            RunState.AwaitingApproval,
            ReceiptKind.Decided,
            by,
            now,
            said.Verdict switch
            {
                ApprovalVerdict.RequestChanges => "gate.changes_requested",
                ApprovalVerdict.Withdraw => "gate.withdrawn",
                _ => "gate.counted",
            },
            Fields(by, said)
        );

    internal Evidence NoteClock(Actor by, DateTimeOffset now, string code, IEnumerable<(string, object?)> fields) =>
        Move(RunState.AwaitingApproval, ReceiptKind.Decided, by, now, code, fields);

    internal Evidence Reject(Actor by, DateTimeOffset now, Said said) =>
        End(
            RunState.Rejected,
            ReceiptKind.Decided,
            by,
            now,
            said.Verdict is ApprovalVerdict.RequestChanges ? "gate.changes_requested" : "gate.rejected",
            said.Reason ?? said.Code ?? "Rejected.",
            Fields(by, said)
        );

    /// <summary>The proposer made the changes that were asked for: another input, which everybody decides on anew.</summary>
    /// <param name="action">The action, which stays.</param>
    /// <param name="input">The new input, as canonical JSON (RFC 8785).</param>
    /// <param name="reason">Why.</param>
    /// <param name="decision">What is said about it as it is now.</param>
    /// <param name="preflight">What live state says about it as it is now.</param>
    /// <param name="by">The proposer, perhaps on behalf of others than before.</param>
    /// <param name="behind">Who else stands behind it now; those who stood behind it before still do.</param>
    /// <param name="now">When.</param>
    public Outcome<Evidence> Revise(
        ActionDefinition action,
        string input,
        string reason,
        Decision decision,
        Preflight preflight,
        Actor by,
        IEnumerable<Guid> behind,
        DateTimeOffset now
    )
    {
        if (State is not RunState.AwaitingApproval)
            return new WrongState(State.Name(), RunState.AwaitingApproval.Name());

        ChainJson = JsonSerializer.Serialize(Chain.Union(Everybody(by, behind)));
        var json = JsonDocument.Parse(input).RootElement;
        (Input, Reason, Target, Connector) = (input, reason, $"{action.TargetType}::\"{action.TargetId(json)}\"", action.Connector(json));
        (DecisionJson, PreflightJson) = (JsonSerializer.Serialize(decision), JsonSerializer.Serialize(preflight));
        Digest = ActionHash(decision, preflight);
        return Move(
            decision.Verdict is Verdict.AllowBehindGates ? RunState.AwaitingApproval : RunState.Queued,
            ReceiptKind.Proposed,
            by,
            now,
            "revised",
            [
                .. json.EnumerateObject().Select(p => ($"parameters.{p.Name}", (object?)p.Value)),
                ("target", Target),
                ("reason_text", reason),
                ("action_hash", Digest),
                ("checks", preflight.Checks),
                ("policy_version", decision.PolicyVersion),
            ]
        );
    }

    // The proposer, those on whose behalf they act, those who answer for any of them, and who else stands behind it.
    private static IEnumerable<Guid> Everybody(Actor by, IEnumerable<Guid>? behind) =>
        new[] { by.Id, by.OwnerId ?? by.Id }
            .Concat(by.Chain.SelectMany(l => new[] { l.Id, l.OwnerId ?? l.Id }))
            .Concat(behind ?? [])
            .Where(id => id != Guid.Empty)
            .Distinct();

    private static IEnumerable<(string, object?)> Fields(Actor by, Said said) =>
        [
            ("approver", by.Id),
            ("delegated_by", said.For),
            (
                "decision",
                said.Verdict switch
                {
                    ApprovalVerdict.RequestChanges => "request_changes",
                    var verdict => verdict.ToString().ToLowerInvariant(),
                }
            ),
            ("action_hash", said.Digest),
            ("reason_type", said.Code),
            ("reason_text", said.Reason),
        ];

    public Evidence Expire(Actor by, DateTimeOffset now) =>
        End(RunState.Expired, ReceiptKind.Decided, by, now, "gate.expired", "Nobody decided in time.", []);

    public Outcome<Evidence> Cancel(Actor by, DateTimeOffset now, string reason) =>
        State is RunState.AwaitingApproval or RunState.Queued or RunState.Held
            ? End(RunState.Cancelled, ReceiptKind.Decided, by, now, "cancelled", reason, [("reason_text", reason)])
            : new WrongState(State.Name(), "AWAITING_APPROVAL, QUEUED or HELD");

    public Outcome<Evidence> Hold(Actor by, DateTimeOffset now, Guid stopId)
    {
        if (State is not (RunState.AwaitingApproval or RunState.Queued))
            return new WrongState(State.Name(), "AWAITING_APPROVAL or QUEUED");

        (HeldFrom, HeldAt, StopId, PastStop) = (State, now, stopId, false);
        return Move(RunState.Held, ReceiptKind.Stop, by, now, "stop.held", [("stop", stopId)]);
    }

    /// <param name="past">The stop that is still engaged and lets this one go on in a stage of its release; absent when none holds it any more.</param>
    public Outcome<Evidence> ReleaseHold(Actor by, DateTimeOffset now, Guid? past)
    {
        if (State is not RunState.Held)
            return new WrongState(State.Name(), "HELD");

        var back = HeldFrom!.Value;
        (HeldFrom, HeldAt, PastStop) = (null, null, past is not null);
        if (past is not null)
            StopId = past;
        return Move(back, ReceiptKind.Stop, by, now, "stop.resumed", [("stop", StopId)]);
    }

    /// <summary>A stop ended the call before it left, or the receiver says that it never arrived.</summary>
    public Evidence StopShort(Guid stopId, string why, Actor by, DateTimeOffset now)
    {
        (StopId, PastStop) = (stopId, false);
        return Fail("stop.cancelled", why, by, now);
    }

    /// <summary>A stop ended the call while it was under way, and nobody can say whether it arrived.</summary>
    public Evidence StopBlind(Guid stopId, string why, Actor by, DateTimeOffset now)
    {
        (StopId, PastStop) = (stopId, false);
        return LoseTrack(why, by, now);
    }

    /// <summary>Every check was made again and holds: work begins.</summary>
    public Outcome<Evidence> Start(Actor by, DateTimeOffset now) =>
        State is RunState.Queued
            ? Move(RunState.Running, ReceiptKind.Authorised, by, now, "authorised", [("action_hash", Digest), ("effect_id", EffectId)])
            : new WrongState(State.Name(), "QUEUED");

    /// <summary>Recorded before an external call leaves, so that a crash can never hide it.</summary>
    public Evidence Dispatch(Actor by, DateTimeOffset now)
    {
        DispatchedAt = now;
        return Move(RunState.Running, ReceiptKind.Dispatched, by, now, "dispatched", [("effect_id", EffectId), ("target", Target)]);
    }

    /// <param name="change">What was done, and how it is undone.</param>
    /// <param name="kind">The kind of the receipt, unless this undoes another run.</param>
    public Evidence Succeed(Change change, string kind, Actor by, DateTimeOffset now)
    {
        UndoJson = change.Undo is null ? null : JsonSerializer.Serialize(change.Undo);
        UndoUntil = change.Undo is null ? null : now + UndoWindow;
        return End(
            RunState.Succeeded,
            UndoOf is null ? kind : ReceiptKind.Compensated,
            by,
            now,
            "succeeded",
            change.Summary,
            [
                ("state_before", change.Before),
                ("state_after", change.After),
                ("reason_text", change.Summary),
                ("effect_id", EffectId),
                ("undo_pointer", change.Undo is null ? null : new { action = change.Undo.Action, until = UndoUntil }),
                ("undoes", UndoOfReceipt),
            ],
            UndoOfReceipt
        );
    }

    public Evidence Fail(string code, string reason, Actor by, DateTimeOffset now) =>
        End(RunState.Failed, ReceiptKind.Failed, by, now, code, reason, [("reason_text", reason), ("effect_id", EffectId)]);

    /// <summary>The call left and its answer was lost. Nothing is repeated silently from here on.</summary>
    public Evidence LoseTrack(string reason, Actor by, DateTimeOffset now)
    {
        Result = reason;
        return Move(RunState.Unknown, ReceiptKind.Unknown, by, now, "unknown", [("reason_text", reason), ("effect_id", EffectId)]);
    }

    /// <summary>An operator or a probe found out what became of an external effect.</summary>
    public Outcome<Evidence> Settle(bool succeeded, string reason, Actor by, DateTimeOffset now) =>
        State is RunState.Unknown
            ? End(
                succeeded ? RunState.Succeeded : RunState.Failed,
                ReceiptKind.Reconciled,
                by,
                now,
                succeeded ? "settled.succeeded" : "settled.failed",
                reason,
                [("reason_text", reason), ("effect_id", EffectId)]
            )
            : new WrongState(State.Name(), "UNKNOWN");

    /// <summary>Tells the run that an undo of it came to its end.</summary>
    public void UndoEnded(bool succeeded, DateTimeOffset now)
    {
        if (succeeded)
            UndoneAt = now;
        else
            UndoneBy = null;
    }

    /// <summary>
    /// Takes out what was erased from the receipts, which is all that its own row still says of it. Whoever erases an input gives up the undo,
    /// which holds it too.
    /// </summary>
    /// <param name="fields">The names of the erased fields.</param>
    /// <param name="texts">What stood in them, wherever it is repeated.</param>
    public void Erase(IReadOnlyCollection<string> fields, IReadOnlyCollection<string> texts)
    {
        var gone = fields
            .Where(f => f.StartsWith("parameters.", StringComparison.Ordinal))
            .Select(f => f["parameters.".Length..])
            .ToHashSet(StringComparer.Ordinal);
        if (gone.Count > 0)
        {
            Input = CanonicalJson.Write(
                JsonSerializer.SerializeToElement(
                    InputJson.EnumerateObject().Where(p => !gone.Contains(p.Name)).ToDictionary(p => p.Name, p => p.Value)
                )
            );
            UndoJson = null;
        }

        if (gone.Count > 0 && Preflight is { } seen)
            PreflightJson = JsonSerializer.Serialize(seen with { Checks = [], Summary = Gone, Before = null, After = null });
        if (fields.Contains("target") || Repeats(Target))
            Target = Gone;
        if (fields.Contains("reason_text") || Repeats(Reason))
            Reason = Gone;
        if (fields.Contains("reason_text") || Repeats(Result))
            Result = Result is null ? null : Gone;

        // What policy said stays; what it quoted goes.
        var said = Decision;
        if (said.Remedies.Concat(said.DependsOn ?? []).Append(said.Reason).Any(Repeats))
        {
            DecisionJson = JsonSerializer.Serialize(
                said with
                {
                    Reason = Repeats(said.Reason) ? Gone : said.Reason,
                    Remedies = [.. said.Remedies.Where(r => !Repeats(r))],
                    DependsOn = said.DependsOn is null ? null : [.. said.DependsOn.Select(d => Repeats(d) ? Gone : d)],
                }
            );
        }

        bool Repeats(string? text) => text is not null && texts.Any(t => text.Contains(t, StringComparison.Ordinal));
    }

    /// <summary>Whether the run can be undone now, and if not, why.</summary>
    public RollbackPointer Rollback(DateTimeOffset now) =>
        this switch
        {
            { State: not RunState.Succeeded } => new(RollbackStatus.None, "There is nothing to roll back.", null, null),
            { UndoneAt: not null } => new(RollbackStatus.Used, "This was rolled back.", null, UndoneBy),
            { UndoneBy: not null } => new(RollbackStatus.Pending, "A rollback is on its way.", null, UndoneBy),
            { UndoJson: null } => new(RollbackStatus.Blocked, "This action has no undo.", null, null),
            _ when now >= UndoUntil => new(RollbackStatus.Expired, "The time for rolling back has passed.", UndoUntil, null),
            _ => new(RollbackStatus.Available, Undo!.Summary, UndoUntil, null),
        };

    /// <summary>The digest that an approval binds to: any change of action, input, policy or observed state changes it.</summary>
    public string ActionHash(Decision decision, Preflight? preflight) =>
        Hash(
            new()
            {
                ["tenant"] = TenantId,
                ["workspace"] = WorkspaceId,
                ["action_type"] = Action,
                ["action_version"] = ActionVersion,
                ["parameters"] = InputJson,
                ["target"] = Target,
                ["requester"] = ProposedBy,
                ["on_behalf_of"] = ProposerOwner,
                ["policy_version"] = decision.PolicyVersion,
                ["gates"] = decision.Gates.Select(g => g.Terms),
                ["behind"] = Chain,
                ["connector"] = Connector,
                ["depends_on"] = decision.DependsOn,
                ["state_version"] = preflight?.StateVersion,
                ["undo_plan"] = preflight?.RollbackPlan,
                ["effect_id"] = EffectId,
                ["nonce"] = Id,
                ["packet"] = PacketId,
                ["transition"] = Transition,
                ["sets_off"] = Seen(decision.SetsOff),
            }
        );

    /// <summary>The digest of what would run without what tells one run from another: who asked, the ids, and where it stands.</summary>
    public string Likeness() =>
        Hash(
            new()
            {
                ["action_type"] = Action,
                ["action_version"] = ActionVersion,
                ["parameters"] = InputJson,
                ["target"] = Target,
                ["policy_version"] = Decision.PolicyVersion,
                ["gates"] = Decision.Gates.Select(g => g.Terms),
                ["depends_on"] = Decision.DependsOn,
                ["transition"] = Transition,
                ["sets_off"] = Seen(Decision.SetsOff),
            }
        );

    private static IEnumerable<string>? Seen(IReadOnlyList<FollowUp>? setsOff) => setsOff?.Select(f => $"{f.Transition} {f.Action}");

    // What does not apply is left out, so that what was approved before it existed keeps its digest.
    private static string Hash(Dictionary<string, object?> content)
    {
        foreach (var name in new[] { "packet", "transition", "sets_off", "connector", "depends_on" })
        {
            if (content.GetValueOrDefault(name) is null)
                content.Remove(name);
        }

        return Convert.ToHexStringLower(
            SHA256.HashData([.. "mumega-action/1\n"u8, .. CanonicalJson.Bytes(JsonSerializer.SerializeToElement(content))])
        );
    }

    private Evidence End(
        RunState state,
        string kind,
        Actor by,
        DateTimeOffset now,
        string code,
        string result,
        IEnumerable<(string, object?)> fields,
        Guid? undoes = null
    )
    {
        Result = result;
        (HeldFrom, HeldAt) = (null, null);
        var evidence = Move(state, kind, by, now, code, fields, undoes);
        OutcomeReceipt = evidence.Receipt.Id;
        return evidence;
    }

    private Evidence Move(
        RunState state,
        string kind,
        Actor by,
        DateTimeOffset now,
        string code,
        IEnumerable<(string, object?)> fields,
        Guid? undoes = null
    )
    {
        var from = State;
        (State, UpdatedAt) = (state, now);
        return Note(kind, by, now, code, [("run_state", new { from = from.Name(), to = state.Name() }), .. fields], undoes);
    }

    private Evidence Note(
        string kind,
        Actor by,
        DateTimeOffset now,
        string code,
        IEnumerable<(string, object?)> fields,
        Guid? undoes = null
    ) => ReceiptWriter.Append(this, kind, by, now, Action, code, State.Name(), fields, undoes);

    private static string Snake(Verdict verdict) =>
        verdict switch
        {
            Verdict.Deny => "deny",
            Verdict.Allow => "allow",
            _ => "allow_behind_gates",
        };
}
