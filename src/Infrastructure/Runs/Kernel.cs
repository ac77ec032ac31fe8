using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;

namespace Mumega.Infrastructure.Runs;

/// <summary>What policy and live state say about an action, without proposing anything.</summary>
/// <param name="Budget">Why a budget would refuse it, if one would.</param>
public sealed record Eligibility(Decision Decision, Preflight? Preflight, Stopped? Stop, Refusal? Budget);

/// <summary>
/// The one door, whoever knocks: propose, decide, cancel, roll back, settle, stop. Each act commits its change, its receipts and the
/// jobs that follow from it together or not at all.
/// </summary>
public sealed partial class Kernel(Desk desk)
{
    public const int MaxReason = 2000;

    /// <summary>What would happen if this were proposed now.</summary>
    public async Task<Outcome<Eligibility>> EligibilityAsync(
        Actor by,
        Guid workspaceId,
        string kind,
        JsonElement input,
        CancellationToken ct
    )
    {
        if (desk.Read(kind, input).Refused(out var unreadable, out var read))
            return unreadable;

        await using var sitting = await desk.SitAsync(by, workspaceId, ct);
        var decision = await sitting.DecideAsync(read.Action, read.Json, ct);
        if (decision.Verdict is not Verdict.Deny && await read.Action.FaultsAsync(read.Json, sitting.Call, ct) is { Count: > 0 } faults)
            return new InvalidInput(faults);

        var preflight = decision.Verdict is Verdict.Deny ? null : await read.Action.PreflightAsync(read.Json, sitting.Call, ct);
        return new Eligibility(
            decision,
            preflight,
            sitting.StopFor(read.Action, read.Json),
            decision.Verdict is Verdict.Deny ? null : await Spending.LookAsync(sitting, read.Action, read.Action.Cost(read.Json), ct)
        );
    }

    /// <summary>Proposes an action. A denial is a run too, with its receipt; only what can't be read or is stopped leaves nothing.</summary>
    public async Task<Outcome<Run>> ProposeAsync(
        Actor by,
        Guid workspaceId,
        string kind,
        JsonElement input,
        string reason,
        string key,
        CancellationToken ct
    )
    {
        if (desk.Read(kind, input).Refused(out var unreadable, out var read))
            return unreadable;
        if (BadReason(reason) is { } bad)
            return bad;

        return await desk.ActAsync(
            by,
            workspaceId,
            key,
            ["propose", kind, read.Canonical, reason],
            FindRun,
            s => ProposeAsync(s, read, reason, key, undoes: null, ct),
            r => r.Id,
            ct
        );
    }

    /// <summary>Withdraws a run that has not begun.</summary>
    public async Task<Outcome<Run>> CancelAsync(Actor by, Guid workspaceId, Guid runId, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad
            ? bad
            : await OnRunAsync(
                by,
                workspaceId,
                runId,
                key,
                ["cancel", runId, reason],
                async (s, run) =>
                {
                    // Taking back what one proposed is everybody's right, within the scopes of their token; what others proposed takes a policy.
                    if (s.Decide(run.ProposedBy == by.Id ? ControlAct.WithdrawRun : ControlAct.CancelRun) is { Verdict: Verdict.Deny } no)
                        return no.AsRefusal();
                    if (s.Decide(ControlAct.Read) is { Verdict: Verdict.Deny } unseen)
                        return unseen.AsRefusal();
                    if (run.Cancel(by, s.Now, reason).Refused(out var why, out var evidence))
                        return why;

                    s.Db.Add(evidence);
                    if (
                        await s.Db.Approvals.SingleOrDefaultAsync(a => a.RunId == run.Id, ct) is
                        { State: ApprovalState.Pending or ApprovalState.ChangesRequested } approval
                    )
                        approval.Cancel(s.Now);
                    await EndedAsync(s, run, ct);
                    return run;
                },
                ct
            );

    /// <summary>Undoes a run by the inverse that was recorded with it: a run of its own, through the whole path.</summary>
    public async Task<Outcome<Run>> RollBackAsync(
        Actor by,
        Guid workspaceId,
        Guid runId,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await OnRunAsync(
                by,
                workspaceId,
                runId,
                key,
                ["rollback", runId, reason],
                async (s, run) =>
                {
                    if (s.Decide(ControlAct.RollBackRun) is { Verdict: Verdict.Deny } no)
                        return no.AsRefusal();
                    if (s.StopFor(run) is { } stopped)
                        return stopped;

                    var pointer = run.Rollback(s.Now);
                    if (pointer.Status is RollbackStatus.Used or RollbackStatus.Pending)
                        return new AlreadyRolledBack(pointer.RunId!.Value);
                    if (pointer.Status is not RollbackStatus.Available)
                        return new RollbackUnavailable(pointer.Status, pointer.Summary);

                    var undo = run.Undo!;
                    if (desk.Read(undo.Action, undo.Input).Refused(out var unreadable, out var read))
                        return unreadable;
                    return await ProposeAsync(s, read, reason, key, run, ct);
                },
                ct
            );

    /// <summary>Says what became of an external effect whose answer was lost.</summary>
    public async Task<Outcome<Run>> SettleAsync(
        Actor by,
        Guid workspaceId,
        Guid runId,
        bool succeeded,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await OnRunAsync(
                by,
                workspaceId,
                runId,
                key,
                ["settle", runId, succeeded, reason],
                async (s, run) =>
                {
                    if (s.Decide(ControlAct.SettleRun) is { Verdict: Verdict.Deny } no)
                        return no.AsRefusal();
                    if (run.Settle(succeeded, reason, by, s.Now).Refused(out var why, out var evidence))
                        return why;

                    s.Db.Add(evidence);
                    await EndedAsync(s, run, ct);
                    return run;
                },
                ct
            );

    /// <summary>Engages a stop at once. What waits inside the boundary is held.</summary>
    public async Task<Outcome<Stop>> EngageStopAsync(
        Actor by,
        Guid workspaceId,
        StopBoundary boundary,
        string? target,
        string reason,
        string key,
        CancellationToken ct
    )
    {
        if (BadReason(reason) is { } bad)
            return bad;
        var needsTarget = boundary is StopBoundary.Agent or StopBoundary.Family or StopBoundary.Connector;
        if (needsTarget != !string.IsNullOrWhiteSpace(target))
            return new InvalidArgument(
                "target",
                needsTarget ? "name the agent, family or connector to stop." : "a tenant or workspace stop has no target."
            );

        return await desk.ActAsync(
            by,
            workspaceId,
            key,
            ["engage", boundary, target, reason],
            (s, id) => s.Db.Stops.SingleOrDefaultAsync(x => x.Id == id, ct),
            async s =>
            {
                var act = boundary is StopBoundary.Tenant ? ControlAct.EngageTenantStop : ControlAct.EngageStop;
                if (s.Decide(act) is { Verdict: Verdict.Deny } no)
                    return no.AsRefusal();
                if (await UnknownTargetAsync(s, boundary, target, ct) is { } unknown)
                    return unknown;

                // Whatever a stopped agent holds ends with it: its tokens, and through them its open connections.
                var tokens =
                    boundary is StopBoundary.Agent
                        ? await s.Call.State.EndTokensAsync(await s.Db.Principals.SingleAsync(p => p.Id == Guid.Parse(target!), ct), ct)
                        : 0;
                var level = Level.Of(s.Roles);
                var inFlight = await Stopping.InFlightAsync(
                    s,
                    Stop.Engage(workspaceId, boundary, target, reason, by, s.Now, new Dictionary<string, int>(), 0, level).Stop,
                    ct
                );
                var (stop, evidence) = Stop.Engage(workspaceId, boundary, target, reason, by, s.Now, inFlight, tokens, level);
                s.Db.Stops.Add(stop);
                s.Db.Add(evidence);
                foreach (var room in await WorkspaceState.ReachAsync(s.Db, stop, ct))
                    s.Db.Jobs.Add(WorkspaceState.NewJob(s.Db.TenantId, room, JobKind.HoldRuns, stop.Id, s.Now));
                s.Enqueue(JobKind.WatchStop, stop.Id);
                return stop;
            },
            x => x.Id,
            ct
        );
    }

    /// <summary>Proposes the release of a stop: a governed action of somebody other than the one who engaged it.</summary>
    public async Task<Outcome<Run>> ReleaseStopAsync(
        Actor by,
        Guid workspaceId,
        Guid stopId,
        int? atOnce,
        string reason,
        string key,
        CancellationToken ct
    )
    {
        await using (var sitting = await desk.SitAsync(by, workspaceId, ct))
        {
            if (await sitting.Db.Stops.SingleOrDefaultAsync(s => s.Id == stopId && s.WorkspaceId == workspaceId, ct) is not { } stop)
                return await desk.NotedAsync<Run>(by, "releaseStop", null, new NotFound("stop", stopId.ToString()), ct);
            if (stop is { ReleasedAt: null } && sitting.Independence.AreOne(stop.EngagedBy, by.Id))
                return await desk.NotedAsync<Run>(by, "releaseStop", workspaceId, new ReleaseByAnother(), ct);
        }

        return await ProposeAsync(
            by,
            workspaceId,
            "stop.release",
            atOnce is { } few
                ? JsonSerializer.SerializeToElement(new { stopId, atOnce = few })
                : JsonSerializer.SerializeToElement(new { stopId }),
            reason,
            key,
            ct
        );
    }

    /// <summary>Proposes what was let in: the one place where a run begins.</summary>
    /// <param name="s">Who proposes it, where.</param>
    /// <param name="read">The action with its input.</param>
    /// <param name="reason">Why.</param>
    /// <param name="key">The idempotency key of the request.</param>
    /// <param name="undoes">The run that it undoes.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="step">The packet's step that it carries out.</param>
    /// <param name="move">The packet and transition whose step it compensates.</param>
    /// <param name="behind">People who stand behind it although they neither propose it nor are acted for.</param>
    internal static async Task<Outcome<Run>> ProposeAsync(
        Sitting s,
        ReadInput read,
        string reason,
        string key,
        Run? undoes,
        CancellationToken ct,
        Step? step = null,
        (Guid Packet, string Transition)? move = null,
        IEnumerable<Guid>? behind = null
    )
    {
        if ((await AdmitAsync(s, read, "propose", key, undoes, step, null, ct)).Refused(out var why, out var admitted))
            return why;

        var (decision, preflight, cost) = admitted;
        var everybody = (await BehindAsync(s, ct)).Concat(behind ?? []).ToList();
        var (run, evidence) = Run.Propose(
            read.Action,
            read.Canonical,
            s.Db.WorkspaceId,
            reason,
            s.By,
            decision,
            preflight,
            s.Now,
            key,
            undoes,
            everybody,
            step is null ? move : (step.Packet.Id, step.Key)
        );

        s.Db.Runs.Add(run);
        foreach (var e in evidence)
            s.Db.Add(e);
        if (run.State is RunState.AwaitingApproval)
        {
            var approval = Approval.For(run, s.Now);
            s.Db.Approvals.Add(approval);
            s.EnqueueClocks(run, approval);
        }

        if (run.State is RunState.Queued)
            s.Enqueue(JobKind.ExecuteRun, run.Id);
        if (!run.State.IsFinal() && !IsUndoOfOriginal(undoes))
            await Spending.ReserveAsync(s, read.Action, run, cost, ct);
        return run;
    }

    /// <summary>What was said about a run when it was let in.</summary>
    /// <param name="Preflight">Absent when policy denies it.</param>
    internal sealed record Admitted(Decision Decision, Preflight? Preflight, Money? Cost);

    /// <summary>
    /// The one admission, whatever brings a run about or gives it another input: a request, a revision, an undo, a workflow, a schedule, an import or a
    /// call from outside. Stops, policy, the action's own refusals and faults, confirmation, budgets and preflight, in this order. A denial is let in:
    /// it leaves a run that says so.
    /// </summary>
    private static async Task<Outcome<Admitted>> AdmitAsync(
        Sitting s,
        ReadInput read,
        string verb,
        string key,
        Run? undoes,
        Step? step,
        Run? revises,
        CancellationToken ct
    )
    {
        var (action, json) = (read.Action, read.Json);
        if (s.StopFor(action, json) is { } stopped)
            return stopped;

        var decision = step is null ? await s.DecideAsync(action, json, ct) : await step.DecideAsync(s, action, json, ct);
        var cost = action.Cost(json);
        if (decision.Verdict is Verdict.Deny)
            return new Admitted(decision, null, cost);

        if (await action.RefusalAsync(json, s.Call, ct) is { } refused)
            return refused;
        if (await action.FaultsAsync(json, s.Call, ct) is { Count: > 0 } faults)
            return new InvalidInput(faults);
        if (
            action.NeedsConfirmation
            && await s.ConfirmAsync($"{action.Title}.", [verb, action.Kind, read.Canonical, key], ct) is { } unconfirmed
        )
            return unconfirmed;
        if (!IsUndoOfOriginal(undoes) && await Spending.LookAsync(s, action, cost, ct, revises) is { } over)
            return over;
        return new Admitted(decision, await action.PreflightAsync(json, s.Call, ct), cost);
    }

    // An undo makes good what was counted already; undoing that one does the first thing again, and counts.
    private static bool IsUndoOfOriginal(Run? undoes) => undoes is { UndoOf: null };

    /// <summary>Tells whoever waits for a run that it came to its end: the run that it undoes, the packet that it takes along.</summary>
    internal static async Task EndedAsync(Sitting s, Run run, CancellationToken ct)
    {
        await Spending.SettleAsync(s, run, ct);
        if (run.UndoOf is { } id)
            (await s.Db.Runs.SingleAsync(r => r.Id == id, ct)).UndoEnded(run.State is RunState.Succeeded, s.Now);
        if (run.PacketId is not null)
            await Step.EndedAsync(s, run, ct);
    }

    // Those who have the proposer decide for them, and those who know what an agent signs in with or brought it about.
    private static async Task<IReadOnlyCollection<Guid>> BehindAsync(Sitting s, CancellationToken ct)
    {
        var by = s.By.Id;
        if (s.By is { Kind: PrincipalKind.User, Chain.Count: 0 })
            return await s.Db.DelegationsAt(s.Now).Where(d => d.ToId == by).Select(d => d.FromId).ToListAsync(ct);

        var everybody = s.By.Chain.Select(l => l.Id).Append(by).ToList();
        var agents = await s
            .Db.Principals.AsNoTracking()
            .Where(p => p.Kind == PrincipalKind.Agent && everybody.Contains(p.Id))
            .ToListAsync(ct);
        var people = s.By.Chain.Where(l => l.Kind is PrincipalKind.User).Select(l => l.Id).ToList();
        var delegators =
            people.Count == 0
                ? []
                : await s.Db.DelegationsAt(s.Now).Where(d => people.Contains(d.ToId)).Select(d => d.FromId).ToListAsync(ct);
        return [.. agents.SelectMany(a => a.Stewards), .. delegators];
    }

    private async Task<Outcome<Run>> OnRunAsync(
        Actor by,
        Guid workspaceId,
        Guid runId,
        string key,
        object?[] request,
        Func<Sitting, Run, Task<Outcome<Run>>> act,
        CancellationToken ct
    ) =>
        await desk.ActAsync(
            by,
            workspaceId,
            key,
            request,
            FindRun,
            async s => await FindRun(s, runId) is { } run ? await act(s, run) : new NotFound("run", runId.ToString()),
            r => r.Id,
            ct
        );

    private static Task<Run?> FindRun(Sitting s, Guid id) => s.Db.Queries.Run(s.Db, id, CancellationToken.None);

    private async Task<Refusal?> UnknownTargetAsync(Sitting s, StopBoundary boundary, string? target, CancellationToken ct)
    {
        var known = boundary switch
        {
            StopBoundary.Agent => Guid.TryParse(target, out var id) && await MemberAsync(s, id, ct),
            StopBoundary.Family => desk.Catalog.All.Any(a => a.Family == target),
            StopBoundary.Connector => await s.Db.Connections.AnyAsync(c => c.Key == target, ct),
            _ => true,
        };
        return known ? null : new InvalidArgument("target", "there is no such agent, family or connector here.");
    }

    private static Task<bool> MemberAsync(Sitting s, Guid principalId, CancellationToken ct)
    {
        var workspaceId = s.Db.WorkspaceId;
        return s.Db.RolesAt(s.Now).AnyAsync(b => b.PrincipalId == principalId && b.WorkspaceId == workspaceId, ct);
    }

    private static InvalidArgument? BadReason(string reason) =>
        string.IsNullOrWhiteSpace(reason) ? new("reason", "say why, in a sentence.")
        : reason.Length > MaxReason ? new("reason", $"at most {MaxReason} characters.")
        : null;
}
