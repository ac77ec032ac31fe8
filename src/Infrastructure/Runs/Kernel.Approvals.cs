using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;

namespace Mumega.Infrastructure.Runs;

/// <summary>Approvals that were decided at once.</summary>
public sealed record DecidedTogether(IReadOnlyList<Approval> Approvals);

public sealed partial class Kernel
{
    /// <summary>Counts a person's word on what they saw.</summary>
    public async Task<Outcome<Approval>> DecideAsync(
        Actor by,
        Guid workspaceId,
        Guid approvalId,
        ApprovalVerdict verdict,
        string digest,
        string? code,
        string? reason,
        string key,
        CancellationToken ct
    )
    {
        if (reason is not null && BadReason(reason) is { } bad)
            return bad;
        if (verdict is ApprovalVerdict.Withdraw)
            return new InvalidArgument("verdict", "a decision is withdrawn with withdrawDecision.");
        if (verdict is ApprovalVerdict.RequestChanges && reason is null)
            return new InvalidArgument("reason", "say what should change.");

        Refusal? stale = null;
        var outcome = await desk.ActAsync(
            by,
            workspaceId,
            key,
            code is null ? ["decide", approvalId, verdict, digest, reason] : ["decide", approvalId, verdict, digest, reason, code],
            (s, id) => s.Db.Queries.Approval(s.Db, id, ct),
            async s =>
            {
                stale = null;
                if (await s.Db.Queries.Approval(s.Db, approvalId, ct) is not { } approval)
                    return new NotFound("approval", approvalId.ToString());

                // Said before policy is asked, because they tell the person more than a denial would.
                var run =
                    await s.Db.Queries.Run(s.Db, approval.RunId, ct) ?? throw new InvalidOperationException("an approval's run is gone");
                if (by.Kind is not PrincipalKind.User)
                    return new HumanRequired();
                if (s.WhyNotDecide(run) is { } no)
                    return no;
                if (s.StopFor(run) is { } stopped)
                    return stopped;

                if (await BadCodeAsync(s, verdict, code, ct) is { } unknown)
                    return unknown;
                stale = await StaleAsync(s, run, approval, ct);
                if (stale is not null)
                    return approval;
                var decider = await s.DeciderAsync(ct);
                if (approval.WhyNot(run, digest, s.By, decider, s.Now) is { } never)
                    return never;
                if (
                    verdict is ApprovalVerdict.Approve
                    && Weighs(run)
                    && await s.ConfirmAsync($"approve {run.Action}: {run.Preflight?.Summary}", ["approve", approvalId, digest, key], ct)
                        is { } unconfirmed
                )
                    return unconfirmed;
                return await CountAsync(s, run, approval, verdict, digest, code, reason, decider, ct) is { } why ? why : approval;
            },
            a => a.Id,
            ct
        );

        return stale is null ? outcome : stale;
    }

    /// <summary>Counts a person's word on several approvals of the very same content: all of them, or none.</summary>
    public async Task<Outcome<DecidedTogether>> DecideTogetherAsync(
        Actor by,
        Guid workspaceId,
        IReadOnlyList<(Guid Id, string Digest)> approvals,
        ApprovalVerdict verdict,
        string? code,
        string? reason,
        string key,
        CancellationToken ct
    )
    {
        if (reason is not null && BadReason(reason) is { } bad)
            return bad;
        if (verdict is not (ApprovalVerdict.Approve or ApprovalVerdict.Reject))
            return new InvalidArgument("verdict", "several approvals are approved or rejected at once, nothing else.");
        if (approvals.Count is < 1 or > 100 || approvals.DistinctBy(a => a.Id).Count() != approvals.Count)
            return new InvalidArgument("approvals", "between 1 and 100, each once.");

        List<Approval> decided = [];
        Refusal? stale = null;
        var outcome = await desk.ActAsync(
            by,
            workspaceId,
            key,
            ["decide together", approvals.Select(a => $"{a.Id}/{a.Digest}"), verdict, code, reason],
            async (s, _) =>
            {
                var ids = approvals.Select(a => a.Id).ToList();
                decided = await s.Db.Approvals.Include(a => a.Decisions).Where(a => ids.Contains(a.Id)).ToListAsync(ct);
                return decided.FirstOrDefault();
            },
            async s =>
            {
                (decided, stale) = ([], null);
                if (by.Kind is not PrincipalKind.User)
                    return new HumanRequired();
                if (await BadCodeAsync(s, verdict, code, ct) is { } unknown)
                    return unknown;

                var likeness = new HashSet<string>(StringComparer.Ordinal);
                var found = new List<(Approval Approval, Run Run, string Digest)>();
                foreach (var (id, digest) in approvals)
                {
                    if (await s.Db.Queries.Approval(s.Db, id, ct) is not { } approval)
                        return new NotFound("approval", id.ToString());
                    found.Add((approval, (await s.Db.Queries.Run(s.Db, approval.RunId, ct))!, digest));
                    likeness.Add(approval.Likeness);
                }

                if (likeness.Count > 1)
                    return new NotAlike([.. likeness]);
                foreach (var (approval, run, digest) in found)
                {
                    if (s.WhyNotDecide(run) is { } no)
                        return no;
                    if (s.StopFor(run) is { } stopped)
                        return stopped;
                    stale = await StaleAsync(s, run, approval, ct) ?? stale;
                }

                // What changed is kept; nothing is decided.
                if (stale is not null)
                    return found[0].Approval;

                var decider = await s.DeciderAsync(ct);
                if (
                    verdict is ApprovalVerdict.Approve
                    && found.Any(f => Weighs(f.Run))
                    && await s.ConfirmAsync(
                        $"approve {found.Count} times {found[0].Run.Action}: {found[0].Run.Preflight?.Summary}",
                        ["approve together", .. approvals.Select(a => $"{a.Id}/{a.Digest}"), key],
                        ct
                    )
                        is { } unconfirmed
                )
                    return unconfirmed;
                foreach (var (approval, run, digest) in found)
                {
                    if (await CountAsync(s, run, approval, verdict, digest, code, reason, decider, ct) is { } why)
                        return why;
                    decided.Add(approval);
                }

                return found[0].Approval;
            },
            a => a.Id,
            ct
        );

        if (stale is not null)
            return stale;
        return outcome.Refused(out var refused, out _) ? refused : new DecidedTogether(decided);
    }

    // What reaches far is approved with a fresh second factor.
    private bool Weighs(Run run) =>
        desk.Catalog.Find(run.Action) is { } action
        && (action.NeedsConfirmation || run.Decision.RatingOf(action.Rating).Blast is Blast.High);

    // What was seen is not what would run now: the act keeps what changed and decides nothing.
    private static async Task<Refusal?> StaleAsync(Sitting s, Run run, Approval approval, CancellationToken ct)
    {
        if (
            approval.State is not ApprovalState.Pending
            || run.State is not RunState.AwaitingApproval
            || await RefreshAsync(s, run, approval, ct) is not { } stale
        )
            return null;

        s.IsRefusal = true;
        return stale;
    }

    // Counts the caller's word and has follow what follows from it; the refusal when it can't be counted.
    private static async Task<Refusal?> CountAsync(
        Sitting s,
        Run run,
        Approval approval,
        ApprovalVerdict verdict,
        string digest,
        string? code,
        string? reason,
        Decider decider,
        CancellationToken ct
    )
    {
        if (approval.Decide(run, verdict, digest, code, reason, s.By, decider, s.Now).Refused(out var why, out var evidence))
            return why;

        s.Db.Add(evidence);
        if (run.State is RunState.Queued)
            s.Enqueue(JobKind.ExecuteRun, run.Id);
        if (run.State.IsFinal())
            await EndedAsync(s, run, ct);
        return null;
    }

    /// <summary>Takes the caller's word back while others are still missing.</summary>
    public async Task<Outcome<Approval>> WithdrawAsync(
        Actor by,
        Guid workspaceId,
        Guid approvalId,
        string? reason,
        string key,
        CancellationToken ct
    ) =>
        reason is not null && BadReason(reason) is { } bad
            ? bad
            : await desk.ActAsync(
                by,
                workspaceId,
                key,
                ["withdraw", approvalId, reason],
                (s, id) => s.Db.Queries.Approval(s.Db, id, ct),
                async s =>
                {
                    if (await s.Db.Queries.Approval(s.Db, approvalId, ct) is not { } approval)
                        return new NotFound("approval", approvalId.ToString());

                    var run = (await s.Db.Queries.Run(s.Db, approval.RunId, ct))!;
                    if (s.WhyNotDecide(run) is { } no)
                        return no;
                    if (approval.Withdraw(run, reason, by, s.Now).Refused(out var why, out var evidence))
                        return why;

                    s.Db.Add(evidence);
                    return approval;
                },
                a => a.Id,
                ct
            );

    /// <summary>Makes the changes that an approver asked for: another input for the same run, which everybody decides on anew.</summary>
    public async Task<Outcome<Run>> ReviseAsync(
        Actor by,
        Guid workspaceId,
        Guid runId,
        JsonElement input,
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
                ["revise", runId, input.GetRawText(), reason],
                async (s, run) =>
                {
                    // Through the connection that it was for; the one that it is for now is asked about when it is let in.
                    if (s.StopFor(run) is { } stopped)
                        return stopped;
                    if (run.ProposedBy != by.Id)
                        return new NotFound("run of yours", runId.ToString());
                    if (run.PacketId is not null)
                        return new InvalidArgument(
                            "runId",
                            "what a transition runs is made from its packet; edit the packet and take the transition again."
                        );
                    if (desk.Read(run.Action, input).Refused(out var unreadable, out var read))
                        return unreadable;
                    if (await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct) is not { State: ApprovalState.ChangesRequested } approval)
                        return new WrongState(run.State.Name(), "CHANGES_REQUESTED");

                    var undoes = run.UndoOf is { } undone ? await s.Db.Queries.Run(s.Db, undone, ct) : null;
                    if ((await AdmitAsync(s, read, "revise", key, undoes, null, run, ct)).Refused(out var no, out var admitted))
                        return no;

                    var (decision, preflight, cost) = admitted;
                    if (decision.Verdict is Verdict.Deny)
                        return decision.AsRefusal();
                    if (!preflight!.Passed)
                        return new InvalidInput([.. preflight.Checks.Where(c => !c.Passed).Select(c => new InputFault("", c.Detail))]);

                    var changes = Differences.Between(run.Decision, run.Preflight, decision, preflight);
                    var behind = await BehindAsync(s, ct);
                    if (
                        run.Revise(read.Action, read.Canonical, reason, decision, preflight, by, behind, s.Now)
                            .Refused(out var why, out var evidence)
                    )
                        return why;

                    s.Db.Add(evidence);
                    AskAgain(s, run, approval, changes);
                    if (!IsUndoOfOriginal(undoes))
                        await Spending.ReserveAsync(s, read.Action, run, cost, ct, again: true);
                    return run;
                },
                ct
            );

    /// <summary>Has another person decide for the caller between two times.</summary>
    public async Task<Outcome<Delegation>> DelegateAsync(
        Actor by,
        Guid workspaceId,
        Guid to,
        DateTimeOffset? since,
        DateTimeOffset until,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await desk.ActAsync(
                by,
                workspaceId,
                key,
                ["delegate", to, since, until, reason],
                (s, id) => s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == id, ct),
                async s =>
                {
                    if (s.Decide(ControlAct.Delegate) is { Verdict: Verdict.Deny } no)
                        return no.AsRefusal();
                    if (s.StopFor("approvals") is { } stopped)
                        return stopped;
                    if (await s.Call.State.FindPrincipalAsync(to, ct) is not { } other || !other.IsActive(s.Now))
                        return new NotFound("person", to.ToString());
                    if (Delegation.Begin(workspaceId, other, since ?? s.Now, until, reason, by, s.Now).Refused(out var why, out var begun))
                        return why;

                    s.Db.Delegations.Add(begun.Delegation);
                    s.Db.Add(begun.Evidence);
                    return begun.Delegation;
                },
                d => d.Id,
                ct
            );

    /// <summary>Ends a delegation before its time: of the caller's own, or of somebody else by who may assign tasks.</summary>
    public async Task<Outcome<Delegation>> EndDelegationAsync(
        Actor by,
        Guid workspaceId,
        Guid delegationId,
        string key,
        CancellationToken ct
    ) =>
        await desk.ActAsync(
            by,
            workspaceId,
            key,
            ["end delegation", delegationId],
            (s, id) => s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == id, ct),
            async s =>
            {
                if (await s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == delegationId, ct) is not { } delegation)
                    return new NotFound("delegation", delegationId.ToString());
                if (s.Decide(delegation.FromId == by.Id ? ControlAct.Delegate : ControlAct.AssignTask) is { Verdict: Verdict.Deny } no)
                    return no.AsRefusal();
                if (delegation.End(by, s.Now).Refused(out var why, out var evidence))
                    return why;

                s.Db.Add(evidence);
                return delegation;
            },
            d => d.Id,
            ct
        );

    /// <summary>
    /// Holds a run that waits for an approval against policy and live state as they are now. What changed is kept: another digest, other gates, no gate any
    /// more, or the end of a run that policy no longer allows. Null when nothing changed.
    /// </summary>
    internal static async Task<Refusal?> RefreshAsync(Sitting s, Run run, Approval approval, CancellationToken ct)
    {
        var proposer = await s.ForProposerAsync(run, ct);
        var action = s.Desk.Catalog.Find(run.Action)!;
        var decision = await Step.DecideAsync(proposer, run, action, ct);
        if (decision.Verdict is Verdict.Deny)
        {
            s.Db.Add(run.Fail("policy.denied", $"Policy no longer allows this: {decision.Reason}", s.By, s.Now));
            approval.Cancel(s.Now);
            await EndedAsync(s, run, ct);
            return decision.AsRefusal();
        }

        var preflight = await action.PreflightAsync(run.InputJson, proposer.Call, ct);
        if (run.ActionHash(decision, preflight) == run.Digest)
            return null;

        var changes = Differences.Between(run.Decision, run.Preflight, decision, preflight);
        s.Db.Add(decision.Gates.Count == 0 ? run.Lift(decision, preflight, s.By, s.Now) : run.Renew(decision, preflight, s.By, s.Now));
        AskAgain(s, run, approval, changes);
        return approval.State is ApprovalState.NotNeeded ? new ApprovalNotNeeded() : new StaleDigest(run.Digest, approval.Changes);
    }

    // Everybody decides afresh on what the run is now; or nobody has to any more, and it goes on.
    private static void AskAgain(Sitting s, Run run, Approval approval, IReadOnlyList<Difference> changes)
    {
        if (run.State is RunState.Queued)
        {
            approval.Lift(s.Now);
            s.Enqueue(JobKind.ExecuteRun, run.Id);
            return;
        }

        approval.Renew(run, changes, s.Now);
        s.EnqueueClocks(run, approval);
    }

    private static async Task<Refusal?> BadCodeAsync(Sitting s, ApprovalVerdict verdict, string? code, CancellationToken ct)
    {
        if (code is null && verdict is ApprovalVerdict.Approve)
            return null;

        var codes = await s.Db.DecisionReasons.Where(r => r.Verdict == verdict).OrderBy(r => r.Code).Select(r => r.Code).ToListAsync(ct);
        return code is null ? (codes.Count > 0 ? new ReasonRequired(codes) : null)
            : codes.Contains(code) ? null
            : new ReasonRequired(codes);
    }
}
