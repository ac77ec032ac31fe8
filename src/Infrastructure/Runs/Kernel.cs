using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Schedules;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Actions;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Webhooks;

namespace Mumega.Infrastructure.Runs;

/// <summary>What policy and live state say about an action, without proposing anything.</summary>
public sealed record Eligibility(Decision Decision, Preflight? Preflight, Stopped? Stop);

/// <summary>
/// The one door, whoever knocks: propose, decide, cancel, roll back, settle, stop. Each act commits its change, its receipts and the
/// jobs that follow from it together or not at all.
/// </summary>
public sealed partial class Kernel(Desk desk)
{
    public const int MaxReason = 2000;

    /// <summary>What would happen if this were proposed now.</summary>
    public async Task<Outcome<Eligibility>> EligibilityAsync(Actor by, Guid workspaceId, string kind, JsonElement input, CancellationToken ct)
    {
        if (desk.Read(kind, input).Refused(out var unreadable, out var read)) return unreadable;

        await using var sitting = await desk.SitAsync(by, workspaceId, ct);
        var decision = sitting.Decide(kind, read.Action, read.Json);
        if (decision.Verdict is not Verdict.Deny && await read.Action.FaultsAsync(read.Json, sitting.Call, ct) is { Count: > 0 } faults) return new InvalidInput(faults);

        var preflight = decision.Verdict is Verdict.Deny ? null : await read.Action.PreflightAsync(read.Json, sitting.Call, ct);
        return new Eligibility(decision, preflight, sitting.StopFor(by.Id, read.Action, read.Json));
    }

    /// <summary>Proposes an action. A denial is a run too, with its receipt; only what can't be read or is stopped leaves nothing.</summary>
    public async Task<Outcome<Run>> ProposeAsync(
        Actor by, Guid workspaceId, string kind, JsonElement input, string reason, string key, CancellationToken ct)
    {
        if (desk.Read(kind, input).Refused(out var unreadable, out var read)) return unreadable;
        if (BadReason(reason) is { } bad) return bad;

        return await desk.ActAsync(by, workspaceId, key, ["propose", kind, read.Canonical, reason], FindRun,
            s => ProposeAsync(s, read.Action, read.Canonical, reason, key, undoes: null, ct), r => r.Id, ct);
    }

    /// <summary>Counts a person's word on what they saw.</summary>
    public async Task<Outcome<Approval>> DecideAsync(
        Actor by, Guid workspaceId, Guid approvalId, ApprovalVerdict verdict, string digest, string? code, string? reason, string key, CancellationToken ct)
    {
        if (reason is not null && BadReason(reason) is { } bad) return bad;
        if (verdict is ApprovalVerdict.Withdraw) return new InvalidArgument("verdict", "a decision is withdrawn with withdrawDecision.");
        if (verdict is ApprovalVerdict.RequestChanges && reason is null) return new InvalidArgument("reason", "say what should change.");

        StaleDigest? stale = null;
        var outcome = await desk.ActAsync(by, workspaceId, key, code is null ? ["decide", approvalId, verdict, digest, reason] : ["decide", approvalId, verdict, digest, reason, code],
            (s, id) => s.Db.Queries.Approval(s.Db, id, ct),
            async s =>
            {
                stale = null;
                if (await s.Db.Queries.Approval(s.Db, approvalId, ct) is not { } approval)
                    return new NotFound("approval", approvalId.ToString());

                // Said before policy is asked, because they tell the person more than a denial would.
                var run = await s.Db.Queries.Run(s.Db, approval.RunId, ct) ?? throw new InvalidOperationException("an approval's run is gone");
                if (by.Kind is not PrincipalKind.User) return new HumanRequired();
                if (s.Decide(ControlAct.DecideApproval) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (s.StopFor(run) is { } stopped) return stopped;

                if (await BadCodeAsync(s, verdict, code, ct) is { } unknown) return unknown;
                if (approval.State is ApprovalState.Pending && run.State is RunState.AwaitingApproval && await RefreshAsync(s, run, approval, ct) is { } renewed)
                {
                    stale = new(renewed, approval.Changes);
                    s.IsRefusal = true;
                    return approval;
                }

                var (standpoints, delegates) = await s.StandpointsAsync(ct);
                if (approval.Decide(run, verdict, digest, code, reason, by, standpoints, delegates, s.Now).Refused(out var why, out var evidence)) return why;

                s.Db.Add(evidence);
                if (run.State is RunState.Queued) s.Enqueue(JobKind.ExecuteRun, run.Id);
                if (run.State.IsFinal()) await EndedAsync(s, run, ct);
                return approval;
            },
            a => a.Id, ct);

        return stale is null ? outcome : stale;
    }

    /// <summary>Counts a person's word on several approvals of the very same content: all of them, or none.</summary>
    public async Task<Outcome<DecidedTogether>> DecideTogetherAsync(
        Actor by, Guid workspaceId, IReadOnlyList<(Guid Id, string Digest)> approvals, ApprovalVerdict verdict, string? code, string? reason, string key, CancellationToken ct)
    {
        if (reason is not null && BadReason(reason) is { } bad) return bad;
        if (verdict is not (ApprovalVerdict.Approve or ApprovalVerdict.Reject)) return new InvalidArgument("verdict", "several approvals are approved or rejected at once, nothing else.");
        if (approvals.Count is < 1 or > 100 || approvals.DistinctBy(a => a.Id).Count() != approvals.Count) return new InvalidArgument("approvals", "between 1 and 100, each once.");

        List<Approval> decided = [];
        Refusal? stale = null;
        var outcome = await desk.ActAsync(by, workspaceId, key, ["decide together", approvals.Select(a => $"{a.Id}/{a.Digest}"), verdict, code, reason],
            async (s, _) =>
            {
                var ids = approvals.Select(a => a.Id).ToList();
                decided = await s.Db.Approvals.Include(a => a.Decisions).Where(a => ids.Contains(a.Id)).ToListAsync(ct);
                return decided.FirstOrDefault();
            },
            async s =>
            {
                (decided, stale) = ([], null);
                if (by.Kind is not PrincipalKind.User) return new HumanRequired();
                if (s.Decide(ControlAct.DecideApproval) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (await BadCodeAsync(s, verdict, code, ct) is { } unknown) return unknown;

                var likeness = new HashSet<string>(StringComparer.Ordinal);
                var (standpoints, delegates) = await s.StandpointsAsync(ct);
                var found = new List<(Approval Approval, Run Run, string Digest)>();
                foreach (var (id, digest) in approvals)
                {
                    if (await s.Db.Queries.Approval(s.Db, id, ct) is not { } approval) return new NotFound("approval", id.ToString());
                    found.Add((approval, (await s.Db.Queries.Run(s.Db, approval.RunId, ct))!, digest));
                    likeness.Add(approval.Likeness);
                }

                if (likeness.Count > 1) return new NotAlike([.. likeness]);
                foreach (var (approval, run, digest) in found)
                {
                    if (s.StopFor(run) is { } stopped) return stopped;
                    if (approval.State is ApprovalState.Pending && run.State is RunState.AwaitingApproval && await RefreshAsync(s, run, approval, ct) is { } renewed)
                    {
                        // What changed is kept; nothing is decided.
                        stale = new StaleDigest(renewed, approval.Changes);
                        s.IsRefusal = true;
                    }
                }

                if (stale is not null) return found[0].Approval;
                foreach (var (approval, run, digest) in found)
                {
                    if (approval.Decide(run, verdict, digest, code, reason, by, standpoints, delegates, s.Now).Refused(out var why, out var evidence)) return why;

                    s.Db.Add(evidence);
                    if (run.State is RunState.Queued) s.Enqueue(JobKind.ExecuteRun, run.Id);
                    if (run.State.IsFinal()) await EndedAsync(s, run, ct);
                    decided.Add(approval);
                }

                return found[0].Approval;
            },
            a => a.Id, ct);

        if (stale is not null) return stale;
        return outcome.Refused(out var refused, out _) ? refused : new DecidedTogether(decided);
    }

    /// <summary>Takes the caller's word back while others are still missing.</summary>
    public async Task<Outcome<Approval>> WithdrawAsync(Actor by, Guid workspaceId, Guid approvalId, string? reason, string key, CancellationToken ct) =>
        reason is not null && BadReason(reason) is { } bad ? bad : await desk.ActAsync(by, workspaceId, key, ["withdraw", approvalId, reason], (s, id) => s.Db.Queries.Approval(s.Db, id, ct),
            async s =>
            {
                if (await s.Db.Queries.Approval(s.Db, approvalId, ct) is not { } approval) return new NotFound("approval", approvalId.ToString());
                if (s.Decide(ControlAct.DecideApproval) is { Verdict: Verdict.Deny } no) return no.AsRefusal();

                var run = (await s.Db.Queries.Run(s.Db, approval.RunId, ct))!;
                if (approval.Withdraw(run, reason, by, s.Now).Refused(out var why, out var evidence)) return why;

                s.Db.Add(evidence);
                return approval;
            },
            a => a.Id, ct);

    /// <summary>Makes the changes that an approver asked for: another input for the same run, which everybody decides on anew.</summary>
    public async Task<Outcome<Run>> ReviseAsync(Actor by, Guid workspaceId, Guid runId, JsonElement input, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["revise", runId, input.GetRawText(), reason], async (s, run) =>
        {
            if (run.ProposedBy != by.Id) return new NotFound("run of yours", runId.ToString());
            if (run.PacketId is not null) return new InvalidArgument("runId", "what a transition runs is made from its packet; edit the packet and take the transition again.");
            if (desk.Read(run.Action, input).Refused(out var unreadable, out var read)) return unreadable;
            if (s.StopFor(run) is { } stopped) return stopped;
            if (await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct) is not { State: ApprovalState.ChangesRequested } approval) return new WrongState(run.State.Name(), "CHANGES_REQUESTED");

            var decision = s.Decide(run.Action, read.Action, read.Json);
            if (decision.Verdict is Verdict.Deny) return decision.AsRefusal();
            if (await read.Action.FaultsAsync(read.Json, s.Call, ct) is { Count: > 0 } faults) return new InvalidInput(faults);

            var preflight = await read.Action.PreflightAsync(read.Json, s.Call, ct);
            if (!preflight.Passed) return new InvalidInput([.. preflight.Checks.Where(c => !c.Passed).Select(c => new InputFault("", c.Detail))]);

            var changes = Differences.Between(run.Decision, run.Preflight, decision, preflight);
            if (run.Revise(read.Action, read.Canonical, reason, decision with { Gates = run.Decision.Gates }, preflight, by, s.Now).Refused(out var why, out var evidence)) return why;

            s.Db.Add(evidence);
            approval.Renew(run, changes);
            return run;
        }, ct);

    /// <summary>Has another person decide for the caller between two times.</summary>
    public async Task<Outcome<Delegation>> DelegateAsync(Actor by, Guid workspaceId, Guid to, DateTimeOffset? since, DateTimeOffset until, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await desk.ActAsync(by, workspaceId, key, ["delegate", to, since, until, reason], (s, id) => s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == id, ct),
            async s =>
            {
                if (s.Decide(ControlAct.Delegate) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (await s.Call.State.FindPrincipalAsync(to, ct) is not { } other || !other.IsActive(s.Now)) return new NotFound("person", to.ToString());
                if (Delegation.Begin(workspaceId, other, since ?? s.Now, until, reason, by, s.Now).Refused(out var why, out var begun)) return why;

                s.Db.Delegations.Add(begun.Delegation);
                s.Db.Add(begun.Evidence);
                return begun.Delegation;
            },
            d => d.Id, ct);

    /// <summary>Ends a delegation before its time: of the caller's own, or of somebody else by who may assign tasks.</summary>
    public async Task<Outcome<Delegation>> EndDelegationAsync(Actor by, Guid workspaceId, Guid delegationId, string key, CancellationToken ct) =>
        await desk.ActAsync(by, workspaceId, key, ["end delegation", delegationId], (s, id) => s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == id, ct),
            async s =>
            {
                if (await s.Db.Delegations.SingleOrDefaultAsync(d => d.Id == delegationId, ct) is not { } delegation) return new NotFound("delegation", delegationId.ToString());
                if (s.Decide(delegation.FromId == by.Id ? ControlAct.Delegate : ControlAct.AssignTask) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (delegation.End(by, s.Now).Refused(out var why, out var evidence)) return why;

                s.Db.Add(evidence);
                return delegation;
            },
            d => d.Id, ct);

    /// <summary>Takes a packet along a transition of its workflow: a run of its own, through the whole path.</summary>
    public async Task<Outcome<Run>> MoveAsync(Actor by, Guid workspaceId, Guid packetId, string transition, int? version, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await desk.ActAsync(by, workspaceId, key, ["move", packetId, transition, version, reason], FindRun,
            async s =>
            {
                if ((await Step.FindAsync(s, packetId, transition, ct)).Refused(out var no, out var step)) return no;
                if (version is { } seen && seen != step.Packet.Version) return new StaleVersion();
                return await step.ProposeAsync(s, reason, key, ct);
            },
            r => r.Id, ct);

    /// <summary>The ways out of the state that a packet is in, and what is said about the caller taking each.</summary>
    public async Task<IReadOnlyList<Way>> WaysAsync(Actor by, Guid workspaceId, Guid packetId, CancellationToken ct)
    {
        await using var sitting = await desk.SitAsync(by, workspaceId, ct);
        return sitting.MaySee ? await Step.WaysAsync(sitting, packetId, ct) : [];
    }

    /// <summary>Keeps a file so that it can be attached. The same content is kept once.</summary>
    public async Task<Outcome<StoredFile>> UploadAsync(Actor by, Guid workspaceId, string declared, byte[] content, CancellationToken ct)
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee) return new NotFound("workspace", workspaceId.ToString());
        if (s.Decide("packet.attach", desk.Catalog.Find("packet.attach")) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
        if (s.StopFor(by.Id, "packets") is { } stopped) return stopped;
        if (FileTypes.Read(declared, content).Refused(out var why, out var type)) return why;

        var digest = Convert.ToHexStringLower(SHA256.HashData(content));
        if (await s.Call.State.FindFileAsync(digest, ct) is { } known) return known;

        var file = new StoredFile { TenantId = by.TenantId, WorkspaceId = workspaceId, Digest = digest, Type = type, Size = content.Length, Content = content, UploadedBy = by.Id, UploadedAt = s.Now };
        s.Db.StoredFiles.Add(file);
        try
        {
            await s.CommitAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            // Somebody else sent the same at the same time.
        }

        return file;
    }

    /// <summary>A file with its content.</summary>
    public async Task<Outcome<StoredFile>> FileAsync(Actor by, Guid workspaceId, string digest, CancellationToken ct)
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        return s.MaySee && await s.Db.StoredFiles.AsNoTracking().SingleOrDefaultAsync(f => f.Digest == digest, ct) is { } file ? file : new NotFound("file", digest);
    }

    /// <summary>A signed call from outside starts a packet, once for each id. Null when there is no such hook or the signature is not made with its secret.</summary>
    public async Task<Outcome<Run>?> StartByHookAsync(Guid tenantId, Guid workspaceId, string scheduleKey, string id, byte[] signed, IReadOnlyList<string> signatures, JsonElement data, CancellationToken ct)
    {
        Actor by;
        await using (var s = await desk.SitAsPlatformAsync(tenantId, workspaceId, ct))
        {
            if (await s.Call.State.FindScheduleAsync(scheduleKey, ct) is not { Trigger: Trigger.Webhook, Enabled: true, SealedSecret: { } secret } schedule || !desk.Signed(secret, signed, signatures)) return null;
            by = (await s.OnBehalfOfAsync(schedule.SetBy, Starter.Surface, ct)).By;
        }

        return await desk.ActAsync(by, workspaceId, $"hook/{scheduleKey}/{id}", ["hook", scheduleKey, data.GetRawText()], FindRun,
            async s => await s.Call.State.FindScheduleAsync(scheduleKey, ct) is { Enabled: true } schedule
                ? await Starter.StartAsync(s, schedule, JsonSerializer.SerializeToElement(new { data }), $"hook/{scheduleKey}/{id}", "called from outside.", ct)
                : new NotFound("schedule", scheduleKey),
            r => r.Id, ct);
    }

    /// <summary>Gives a webhook's schedule another secret and tells it, this once.</summary>
    public async Task<Outcome<NewSecret>> RenewSecretAsync(Actor by, Guid workspaceId, string scheduleKey, CancellationToken ct)
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee) return new NotFound("workspace", workspaceId.ToString());
        if (s.Decide("schedule.set", desk.Catalog.Find("schedule.set")) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
        if (await s.Call.State.FindScheduleAsync(scheduleKey, ct) is not { Trigger: Trigger.Webhook } schedule) return new NotFound("hook", scheduleKey);

        var (secret, kept) = s.Call.State.NewSecret();
        s.Db.Add(schedule.Renew(kept, by, s.Now));
        await s.CommitAsync(ct);
        return new NewSecret(secret);
    }

    /// <summary>Takes the task of a packet's state.</summary>
    public Task<Outcome<Packet>> ClaimAsync(Actor by, Guid workspaceId, Guid packetId, string key, CancellationToken ct) =>
        OnTaskAsync(by, workspaceId, packetId, key, ["claim", packetId], ControlAct.ClaimTask, "task.claimed", null, (s, packet, document) =>
            packet.TaskOf(document) is { } task && !s.Roles.Contains(task.Role) ? new RoleRequired([task.Role]) : packet.Claim(document, by, s.Now), ct);

    /// <summary>Gives a claimed task back.</summary>
    public async Task<Outcome<Packet>> HandBackAsync(Actor by, Guid workspaceId, Guid packetId, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnTaskAsync(by, workspaceId, packetId, key, ["hand back", packetId, reason], ControlAct.ClaimTask, "task.handed_back", reason, (s, packet, _) => packet.HandBack(reason, by, s.Now), ct);

    /// <summary>Gives a task to somebody who may do it, or back to all.</summary>
    public async Task<Outcome<Packet>> AssignAsync(Actor by, Guid workspaceId, Guid packetId, Guid? to, string reason, string key, CancellationToken ct)
    {
        if (BadReason(reason) is { } bad) return bad;
        return await OnTaskAsync(by, workspaceId, packetId, key, ["assign", packetId, to, reason], ControlAct.AssignTask, "task.assigned", reason, async (s, packet, document) =>
        {
            if (to is { } id)
            {
                if (await s.Call.State.FindPrincipalAsync(id, ct) is not { } somebody || !somebody.IsActive(s.Now)) return new NotFound("person", id.ToString());
                if (packet.TaskOf(document) is { } task && !(await s.OnBehalfOfAsync(id, by.Surface, ct)).Roles.Contains(task.Role)) return new RoleRequired([task.Role]);
            }

            return packet.Assign(to, reason, document, by, s.Now);
        }, ct, ("assignee", to));
    }

    /// <summary>Lets a workflow go on that could not make good what it did: tries again, or takes it as done outside.</summary>
    public async Task<Outcome<Packet>> ResumeAsync(Actor by, Guid workspaceId, Guid packetId, bool skip, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnTaskAsync(by, workspaceId, packetId, key, ["resume", packetId, skip, reason], ControlAct.ResumePacket, skip ? "saga.skipped" : "saga.retried", reason,
            (s, packet, _) => packet.Resume(skip, reason, by, s.Now), ct);

    private Task<Outcome<Packet>> OnTaskAsync(
        Actor by, Guid workspaceId, Guid packetId, string key, object?[] request, string act, string code, string? reason, Func<Sitting, Packet, WorkflowDocument, Outcome<PacketEvent>> change, CancellationToken ct) =>
        OnTaskAsync(by, workspaceId, packetId, key, request, act, code, reason, (s, packet, document) => Task.FromResult(change(s, packet, document)), ct);

    private Task<Outcome<Packet>> OnTaskAsync(
        Actor by, Guid workspaceId, Guid packetId, string key, object?[] request, string act, string code, string? reason, Func<Sitting, Packet, WorkflowDocument, Task<Outcome<PacketEvent>>> change, CancellationToken ct,
        params IEnumerable<(string, object?)> more) =>
        desk.ActAsync(by, workspaceId, key, request, (s, id) => s.Call.State.FindPacketAsync(id, ct),
            async s =>
            {
                if (await s.Call.State.FindPacketAsync(packetId, ct) is not { } packet) return new NotFound("packet", packetId.ToString());
                if (s.Decide(act) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (s.StopFor(by.Id, "packets") is { } stopped) return stopped;

                var document = (await s.Call.State.FindWorkflowAsync(packet.Workflow, packet.WorkflowVersion, ct))!.Document;
                if ((await change(s, packet, document)).Refused(out var why, out var happened)) return why;

                await s.Call.State.KeepAsync(packet, happened, document, ct);
                s.Db.Add(packet.Note(code, by, s.Now, [("reason_text", reason), .. more]));
                return packet;
            },
            p => p.Id, ct);

    /// <summary>Withdraws a run that has not begun.</summary>
    public async Task<Outcome<Run>> CancelAsync(Actor by, Guid workspaceId, Guid runId, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["cancel", runId, reason], async (s, run) =>
        {
            // Whoever proposed something may withdraw it; anybody else needs a policy.
            if (run.ProposedBy != by.Id && s.Decide(ControlAct.CancelRun) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
            if (s.Decide(ControlAct.Read) is { Verdict: Verdict.Deny } unseen) return unseen.AsRefusal();
            if (run.Cancel(by, s.Now, reason).Refused(out var why, out var evidence)) return why;

            s.Db.Add(evidence);
            if (await s.Db.Approvals.SingleOrDefaultAsync(a => a.RunId == run.Id, ct) is { State: ApprovalState.Pending or ApprovalState.ChangesRequested } approval) approval.Cancel(s.Now);
            await EndedAsync(s, run, ct);
            return run;
        }, ct);

    /// <summary>Undoes a run by the inverse that was recorded with it: a run of its own, through the whole path.</summary>
    public async Task<Outcome<Run>> RollBackAsync(Actor by, Guid workspaceId, Guid runId, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["rollback", runId, reason], async (s, run) =>
        {
            if (s.Decide(ControlAct.RollBackRun) is { Verdict: Verdict.Deny } no) return no.AsRefusal();

            var pointer = run.Rollback(s.Now);
            if (pointer.Status is RollbackStatus.Used or RollbackStatus.Pending) return new AlreadyRolledBack(pointer.RunId!.Value);
            if (pointer.Status is not RollbackStatus.Available) return new RollbackUnavailable(pointer.Status, pointer.Summary);

            var undo = run.Undo!;
            if (desk.Read(undo.Action, undo.Input).Refused(out var unreadable, out var read)) return unreadable;
            return await ProposeAsync(s, read.Action, read.Canonical, reason, key, run, ct);
        }, ct);

    /// <summary>Says what became of an external effect whose answer was lost.</summary>
    public async Task<Outcome<Run>> SettleAsync(Actor by, Guid workspaceId, Guid runId, bool succeeded, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["settle", runId, succeeded, reason], async (s, run) =>
        {
            if (s.Decide(ControlAct.SettleRun) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
            if (run.Settle(succeeded, reason, by, s.Now).Refused(out var why, out var evidence)) return why;

            s.Db.Add(evidence);
            await EndedAsync(s, run, ct);
            return run;
        }, ct);

    /// <summary>Engages a stop at once. What waits inside the boundary is held.</summary>
    public async Task<Outcome<Stop>> EngageStopAsync(
        Actor by, Guid workspaceId, StopBoundary boundary, string? target, string reason, string key, CancellationToken ct)
    {
        if (BadReason(reason) is { } bad) return bad;
        var needsTarget = boundary is StopBoundary.Agent or StopBoundary.Family or StopBoundary.Connector;
        if (needsTarget != !string.IsNullOrWhiteSpace(target))
            return new InvalidArgument("target", needsTarget ? "name the agent, family or connector to stop." : "a tenant or workspace stop has no target.");

        return await desk.ActAsync(by, workspaceId, key, ["engage", boundary, target, reason],
            (s, id) => s.Db.Stops.SingleOrDefaultAsync(x => x.Id == id, ct),
            async s =>
            {
                var act = boundary is StopBoundary.Tenant ? ControlAct.EngageTenantStop : ControlAct.EngageStop;
                if (s.Decide(act) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
                if (await UnknownTargetAsync(s, boundary, target, ct) is { } unknown) return unknown;

                var waiting = await s.Db.Runs.Where(r => r.State == RunState.AwaitingApproval || r.State == RunState.Queued || r.State == RunState.Running)
                    .GroupBy(r => r.State).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(ct);
                var (stop, evidence) = Stop.Engage(workspaceId, boundary, target, reason, by, s.Now, waiting.ToDictionary(w => w.Key.Name(), w => w.Count));
                s.Db.Stops.Add(stop);
                s.Db.Add(evidence);
                foreach (var room in await WorkspaceState.ReachAsync(s.Db, stop, ct))
                    s.Db.Jobs.Add(WorkspaceState.NewJob(s.Db.TenantId, room, JobKind.HoldRuns, stop.Id, s.Now));
                return stop;
            },
            x => x.Id, ct);
    }

    /// <summary>Proposes the release of a stop: a governed action of somebody other than the one who engaged it.</summary>
    public async Task<Outcome<Run>> ReleaseStopAsync(Actor by, Guid workspaceId, Guid stopId, string reason, string key, CancellationToken ct)
    {
        await using (var sitting = await desk.SitAsync(by, workspaceId, ct))
        {
            if (await sitting.Db.Stops.SingleOrDefaultAsync(s => s.Id == stopId && s.WorkspaceId == workspaceId, ct) is not { } stop)
                return new NotFound("stop", stopId.ToString());
            if (stop is { ReleasedAt: null } && stop.EngagedBy == by.Id) return new ReleaseByAnother();
        }

        return await ProposeAsync(by, workspaceId, "stop.release", JsonSerializer.SerializeToElement(new { stopId }), reason, key, ct);
    }

    internal static async Task<Outcome<Run>> ProposeAsync(
        Sitting s, ActionDefinition action, string input, string reason, string key, Run? undoes, CancellationToken ct, Step? step = null, (Guid Packet, string Transition)? move = null)
    {
        var json = JsonDocument.Parse(input).RootElement;
        if (s.StopFor(s.By.Id, action, json) is { } stopped) return stopped;

        var decision = step is null ? s.Decide(action.Kind, action, json) : step.Decide(s, action, json);
        if (decision.Verdict is not Verdict.Deny && await action.FaultsAsync(json, s.Call, ct) is { Count: > 0 } faults) return new InvalidInput(faults);

        var preflight = decision.Verdict is Verdict.Deny ? null : await action.PreflightAsync(json, s.Call, ct);
        var behind = await BehindAsync(s, step, move, ct);
        var (run, evidence) = Run.Propose(action, input, s.Db.WorkspaceId, reason, s.By, decision, preflight, s.Now, key, undoes, behind, step is null ? move : (step.Packet.Id, step.Key));

        s.Db.Runs.Add(run);
        foreach (var e in evidence) s.Db.Add(e);
        if (run.State is RunState.AwaitingApproval)
        {
            var approval = Approval.For(run, decision.Gates, s.Now);
            s.Db.Approvals.Add(approval);
            s.EnqueueClocks(run, approval);
        }

        if (run.State is RunState.Queued) s.Enqueue(JobKind.ExecuteRun, run.Id);
        return run;
    }

    /// <summary>Looks again at policy and live state. When they changed, the approval starts over and the new digest is returned.</summary>
    internal static async Task<string?> RefreshAsync(Sitting s, Run run, Approval approval, CancellationToken ct)
    {
        var proposer = await s.ForProposerAsync(run, ct);
        var action = s.Desk.Catalog.Find(run.Action)!;
        var decision = await Step.DecideAsync(proposer, run, action, ct);
        var preflight = await action.PreflightAsync(run.InputJson, proposer.Call, ct);
        if (run.ActionHash(decision, preflight) == run.Digest) return null;

        var changes = Differences.Between(run.Decision, run.Preflight, decision, preflight);
        s.Db.Add(run.Renew(decision with { Gates = run.Decision.Gates }, preflight, s.By, s.Now));
        approval.Renew(run, changes);
        return run.Digest;
    }

    /// <summary>Tells whoever waits for a run that it came to its end: the run that it undoes, the packet that it takes along.</summary>
    internal static async Task EndedAsync(Sitting s, Run run, CancellationToken ct)
    {
        if (run.UndoOf is { } id) (await s.Db.Runs.SingleAsync(r => r.Id == id, ct)).UndoEnded(run.State is RunState.Succeeded, s.Now);
        if (run.PacketId is not null) await Step.EndedAsync(s, run, ct);
    }

    // Whoever has the proposer decide for them, and whoever set off what the workflow does by itself.
    private static async Task<IReadOnlyCollection<Guid>> BehindAsync(Sitting s, Step? step, (Guid Packet, string Transition)? move, CancellationToken ct)
    {
        var behind = new HashSet<Guid>();
        if (s.By.Kind is PrincipalKind.Service && (step?.Packet ?? (move is { } m ? await s.Db.Packets.SingleOrDefaultAsync(p => p.Id == m.Packet, ct) : null)) is { } packet)
        {
            behind.Add(packet.MovedBy);
            if (await s.Db.Principals.Where(p => p.Id == packet.MovedBy).Select(p => p.OwnerId).SingleOrDefaultAsync(ct) is { } owner) behind.Add(owner);
        }

        var (by, now) = (s.By.Id, s.Now);
        if (s.By.Kind is PrincipalKind.User) behind.UnionWith(await s.Db.Delegations.Where(d => d.ToId == by && d.EndedAt == null && d.Since <= now && d.Until > now).Select(d => d.FromId).ToListAsync(ct));
        return behind;
    }

    private static async Task<Refusal?> BadCodeAsync(Sitting s, ApprovalVerdict verdict, string? code, CancellationToken ct)
    {
        var codes = await s.Db.DecisionReasons.Where(r => r.Verdict == verdict).OrderBy(r => r.Code).Select(r => r.Code).ToListAsync(ct);
        return code is null ? (codes.Count > 0 && verdict is not ApprovalVerdict.Approve ? new ReasonRequired(codes) : null) : codes.Contains(code) ? null : new ReasonRequired(codes);
    }

    private async Task<Outcome<Run>> OnRunAsync(
        Actor by, Guid workspaceId, Guid runId, string key, object?[] request, Func<Sitting, Run, Task<Outcome<Run>>> act, CancellationToken ct) =>
        await desk.ActAsync(by, workspaceId, key, request, FindRun,
            async s => await FindRun(s, runId) is { } run ? await act(s, run) : new NotFound("run", runId.ToString()), r => r.Id, ct);

    private static Task<Run?> FindRun(Sitting s, Guid id) => s.Db.Queries.Run(s.Db, id, CancellationToken.None);

    private async Task<Refusal?> UnknownTargetAsync(Sitting s, StopBoundary boundary, string? target, CancellationToken ct)
    {
        var known = boundary switch
        {
            StopBoundary.Agent => Guid.TryParse(target, out var id) && await MemberAsync(s.Db, id, ct),
            StopBoundary.Family => desk.Catalog.All.Any(a => a.Family == target),
            StopBoundary.Connector => await s.Db.Connections.AnyAsync(c => c.Key == target, ct),
            _ => true,
        };
        return known ? null : new InvalidArgument("target", "there is no such agent, family or connector here.");
    }

    private static Task<bool> MemberAsync(MumegaDb db, Guid principalId, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return db.RoleBindings.AnyAsync(b => b.PrincipalId == principalId && b.WorkspaceId == workspaceId, ct);
    }

    private static InvalidArgument? BadReason(string reason) =>
        string.IsNullOrWhiteSpace(reason) ? new("reason", "say why, in a sentence.")
        : reason.Length > MaxReason ? new("reason", $"at most {MaxReason} characters.")
        : null;
}

/// <summary>A way out of a packet's state: what policy says, or why it can't be taken by anybody now.</summary>
public sealed record Way(string Key, TransitionSpec Transition, Decision? Decision, Refusal? Refusal);

/// <summary>A secret, told once: base64 after <c>whsec_</c>.</summary>
public sealed record NewSecret(string Value);

/// <summary>Approvals that were decided at once.</summary>
public sealed record DecidedTogether(IReadOnlyList<Approval> Approvals);

/// <summary>An action's input as it was read: the definition, the canonical text and the same as JSON.</summary>
public sealed record ReadInput(ActionDefinition Action, string Canonical, JsonElement Json);

/// <summary>What every act needs, gathered once: databases, policies, catalogue, clock.</summary>
public sealed class Desk(Databases databases, Authorities authorities, ActionCatalog catalog, InputSchemas schemas, Signals signals, TimeProvider clock, PublicAddress address, IDataProtectionProvider protection)
{
    private const int MaxAttempts = 12;

    public ActionCatalog Catalog => catalog;

    public Databases Databases => databases;

    public Signals Signals => signals;

    public TimeProvider Clock => clock;

    /// <summary>Whether one of the signatures (<c>v1,</c> and base64) is made with the sealed secret.</summary>
    public bool Signed(string sealedSecret, byte[] content, IReadOnlyList<string> signatures)
    {
        var mac = HMACSHA256.HashData(Convert.FromBase64String(WebhookSender.Unseal(protection, sealedSecret)["whsec_".Length..]), content);
        return signatures.Any(s => s.StartsWith("v1,", StringComparison.Ordinal) && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(s[3..]), Encoding.ASCII.GetBytes(Convert.ToBase64String(mac))));
    }

    public Outcome<ReadInput> Read(string kind, JsonElement input)
    {
        if (catalog.Find(kind) is not { } action) return new UnknownAction(kind);
        if (schemas.Read(action, input).Refused(out var why, out var canonical)) return why;

        var json = JsonDocument.Parse(canonical).RootElement;
        return action.Faults(json) is { Count: > 0 } faults ? new InvalidInput(faults) : new ReadInput(action, canonical, json);
    }

    /// <summary>Opens the workspace and reads what decisions need. Dispose it.</summary>
    public async Task<Sitting> SitAsync(Actor by, Guid workspaceId, CancellationToken ct) =>
        (await SitAsync(by.TenantId, workspaceId, by.Id, _ => by, "", ct)).Sitting;

    /// <summary>The same for reads of a request whose authentication already read the tenant's count.</summary>
    public async Task<Sitting> SitAsync(Actor by, Guid workspaceId, long count, CancellationToken ct)
    {
        if (!authorities.TryRecall(by.TenantId, count, out var authority)) return await SitAsync(by, workspaceId, ct);

        var db = databases.Open(by.TenantId, workspaceId);
        try
        {
            return await SitAsync(db, by, authority, ct);
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same for the platform acting on the tenant's behalf.</summary>
    public async Task<Sitting> SitAsPlatformAsync(Guid tenantId, Guid workspaceId, CancellationToken ct) =>
        (await SitAsync(tenantId, workspaceId, Guid.Empty, o => Actor.Platform(tenantId, o.Log), "", ct)).Sitting;

    // The connection stays open from here to the end, so that the queries of an act don't each fetch one.
    private async Task<(Sitting Sitting, SeenKey? Seen)> SitAsync(
        Guid tenantId, Guid workspaceId, Guid principalId, Func<Opening, Actor> who, string key, CancellationToken ct)
    {
        var db = databases.Open(tenantId, workspaceId);
        try
        {
            await db.Database.OpenConnectionAsync(ct);
            var opening = await db.Queries.Opening(db, tenantId, principalId, key, ct);
            var by = who(opening);
            var authority = await authorities.AsOfAsync(db, opening, ct);
            return (await SitAsync(db, by, authority, ct), opening.Seen);
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
    }

    private async Task<Sitting> SitAsync(MumegaDb db, Actor by, Authority authority, CancellationToken ct)
    {
        var now = clock.Now();
        var standing = await authority.StandingAsync(db, by.Id, now, ct);
        return new(this, db, by, authority, standing, now, new WorkspaceState(db, authority.TenantKey, address.Value, now, secret => WebhookSender.Seal(protection, secret)));
    }

    /// <summary>
    /// Runs one act of a principal: reads, changes, commits everything at once, and wakes who waits. An act that lost a race is done
    /// again on fresh rows. A repeated idempotency key returns what the first call led to.
    /// </summary>
    public async Task<Outcome<T>> ActAsync<T>(
        Actor by, Guid workspaceId, string key, object?[] request, Func<Sitting, Guid, Task<T?>> find, Func<Sitting, Task<Outcome<T>>> act,
        Func<T, Guid> idOf, CancellationToken ct) where T : class
    {
        if (string.IsNullOrWhiteSpace(key) || key.Length > 200) return new InvalidArgument("idempotencyKey", "between 1 and 200 characters.");

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(request))));
        for (var attempt = 1; ; attempt++)
        {
            var (opened, seen) = await SitAsync(by.TenantId, workspaceId, by.Id, _ => by, key, ct);
            await using var sitting = opened;
            if (!sitting.MaySee) return new NotFound("workspace", workspaceId.ToString());

            if (seen is not null)
            {
                if (seen.RequestHash != hash) return new IdempotencyConflict(key);
                return await find(sitting, seen.SubjectId) is { } first ? first : new NotFound("earlier answer", key);
            }

            try
            {
                if ((await act(sitting)).Refused(out var why, out var result)) return why;

                if (!sitting.IsRefusal) sitting.Db.IdempotencyKeys.Add(new()
                {
                    TenantId = by.TenantId,
                    WorkspaceId = workspaceId,
                    PrincipalId = by.Id,
                    Key = key,
                    RequestHash = hash,
                    SubjectId = idOf(result),
                    CreatedAt = sitting.Now,
                });
                await sitting.CommitAsync(ct);
                return result;
            }
            catch (Exception e) when (Databases.IsRace(e))
            {
                if (attempt == MaxAttempts) return new StaleVersion();
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 8 * attempt)), ct);
            }
        }
    }
}

/// <summary>The address under which the outside reaches this installation, without a final slash.</summary>
public sealed record PublicAddress(string Value);

/// <summary>One act in progress: an open workspace, who acts with which roles, the policies and stops in force, and the time.</summary>
public sealed class Sitting : IAsyncDisposable
{
    private readonly Authority authority;
    private readonly Standing standing;

    internal Sitting(Desk desk, MumegaDb db, Actor by, Authority authority, Standing standing, DateTimeOffset now, IWorkspaceState state)
    {
        (Desk, Db, By, Now) = (desk, db, by, now);
        (this.authority, this.standing) = (authority, standing);
        Call = new(by, state, now);
    }

    public Desk Desk { get; }

    public MumegaDb Db { get; }

    public Actor By { get; }

    public IReadOnlySet<string> Roles => standing.Roles;

    public DateTimeOffset Now { get; }

    public ActionCall Call { get; }

    /// <summary>Set when the act commits something but refuses what was asked: the key stays free, and repeating it asks again.</summary>
    public bool IsRefusal { get; set; }

    /// <summary>Whether the principal may see this workspace at all. If not, it does not exist for them.</summary>
    public bool MaySee => By.Kind is PrincipalKind.Service || Decide(ControlAct.Read).Verdict is not Verdict.Deny;

    /// <summary>The workspace and the key of its tenant, when the principal may see it; otherwise null.</summary>
    public async Task<(Workspace Workspace, string TenantKey)?> SeeAsync(CancellationToken ct) =>
        MaySee && await authority.WorkspaceAsync(Db, ct) is { } workspace ? (workspace, authority.TenantKey) : null;

    public Decision Decide(string act, ActionDefinition? action = null, JsonElement? input = null) =>
        authority.Policies.Decide(new(By, standing.Suspended, Roles, Db.WorkspaceId, act, action, input));

    /// <summary>Which fields of receipts the principal may see, by policy. Outlives the act.</summary>
    public FieldDoor Door()
    {
        var (by, suspended, roles, workspace, policies) = (By, standing.Suspended, Roles, Db.WorkspaceId, authority.Policies);
        return new(field => policies.Decide(new(by, suspended, roles, workspace, ControlAct.OpenField, null, null, field)).Verdict is Verdict.Allow);
    }

    /// <summary>The stop that covers work of this proposer, or null. A release passes, or nothing could ever be released.</summary>
    public Stopped? StopFor(Guid proposer, ActionDefinition action, JsonElement input) => StopFor(proposer, action.Family, action.Connector(input));

    public Stopped? StopFor(Run run) => StopFor(run.ProposedBy, run.Family, run.Connector);

    public Stop? EngagedFor(Run run) =>
        run.Family == "stops" ? null : authority.Stops.FirstOrDefault(s => s.Covers(Db.WorkspaceId, run.ProposedBy, run.Family, run.Connector));

    public void Enqueue(string kind, Guid subject, DateTimeOffset? dueAt = null) =>
        Db.Jobs.Add(WorkspaceState.NewJob(Db.TenantId, Db.WorkspaceId, kind, subject, dueAt ?? Now));

    /// <summary>Has an approval's deadline and reminder kept.</summary>
    public void EnqueueClocks(Run run, Approval approval)
    {
        if (approval.RemindAt is { } remind) Enqueue(JobKind.RemindApproval, run.Id, remind < Now ? Now : remind);
        Enqueue(JobKind.ExpireApproval, run.Id, approval.ExpiresAt < Now ? Now : approval.ExpiresAt);
    }

    /// <summary>The roles by which the caller decides: their own, and those of everybody who has them decide now; and whom they have decide for themselves.</summary>
    public async Task<(IReadOnlyList<Standpoint> Standpoints, IReadOnlyCollection<Guid> Delegates)> StandpointsAsync(CancellationToken ct)
    {
        var (by, now) = (By.Id, Now);
        var delegations = await Db.Delegations.AsNoTracking().Where(d => (d.ToId == by || d.FromId == by) && d.EndedAt == null && d.Since <= now && d.Until > now).ToListAsync(ct);
        var standpoints = new List<Standpoint> { new(Roles) };
        foreach (var from in delegations.Where(d => d.ToId == by).OrderBy(d => d.Since).Select(d => d.FromId).Distinct())
        {
            // As they stand now: who lost a role, or may decide nothing by policy, has nothing left to pass on.
            var theirs = await OnBehalfOfAsync(from, By.Surface, ct);
            if (theirs.Decide(ControlAct.DecideApproval).Verdict is not Verdict.Deny) standpoints.Add(new(theirs.Roles, from));
        }

        return (standpoints, [.. delegations.Where(d => d.FromId == by).Select(d => d.ToId)]);
    }

    /// <summary>The same act as the platform does it for a workflow: what a published workflow does by itself.</summary>
    public Sitting AsWorkflow()
    {
        var platform = Actor.Platform(By.TenantId, By.Log) with { Surface = Actor.WorkflowSurface, Scopes = new HashSet<string>(Scopes.All), Workspaces = new HashSet<Guid> { Db.WorkspaceId } };
        return new(Desk, Db, platform, authority, Authority.Platform, Now, Call.State);
    }

    /// <summary>The same act with the authority that somebody has now, for what they set up to happen later.</summary>
    public async Task<Sitting> OnBehalfOfAsync(Guid principalId, string surface, CancellationToken ct)
    {
        var principal = await Db.Principals.AsNoTracking().SingleAsync(p => p.Id == principalId, ct);
        var actor = By with
        {
            Id = principal.Id,
            Kind = principal.Kind,
            Name = principal.Name,
            OwnerId = principal.OwnerId,
            Surface = surface,
            Scopes = new HashSet<string>(Scopes.All),
            Workspaces = new HashSet<Guid> { Db.WorkspaceId },
        };
        return new(Desk, Db, actor, authority, await authority.StandingAsync(Db, principalId, Now, ct), Now, Call.State);
    }

    /// <summary>The same act seen with the authority of whoever proposed the run, as it is now. Shares the open context.</summary>
    public async Task<Sitting> ForProposerAsync(Run run, CancellationToken ct)
    {
        var theirs = await authority.StandingAsync(Db, run.ProposedBy, Now, ct);

        // Scopes and workspaces bounded the token when it was proposed; what can have changed since is role, suspension and policy.
        var proposer = By with
        {
            Id = run.ProposedBy,
            Kind = run.ProposerKind,
            OwnerId = run.ProposerOwner,
            Surface = run.Surface,
            Scopes = new HashSet<string>(Scopes.All),
            Workspaces = new HashSet<Guid> { Db.WorkspaceId },
        };
        return new(Desk, Db, proposer, authority, theirs, Now, Call.State);
    }

    public async Task CommitAsync(CancellationToken ct)
    {
        FaultPoint.Hit("commit.before");
        var saved = await Db.CommitAsync(ct);
        FaultPoint.Hit("commit.after");

        if (saved.Jobs) Desk.Signals.Jobs.Pulse();
        if (saved.Authority) Desk.Signals.Authority.Pulse();
        Desk.Signals.Receipts.Pulse();
    }

    public ValueTask DisposeAsync() => Db.DisposeAsync();

    /// <summary>The same for a family as such, before there is an input.</summary>
    public Stopped? StopFor(Guid proposer, string family, string? connector = null) =>
        family == "stops" ? null
        : authority.Stops.FirstOrDefault(s => s.Covers(Db.WorkspaceId, proposer, family, connector)) is { } stop ? new(stop.Boundary, stop.Target, stop.Reason)
        : null;
}

/// <summary>Which fields of receipts somebody may see. Each name is decided once.</summary>
public sealed class FieldDoor(Func<string, bool> decide)
{
    private readonly ConcurrentDictionary<string, bool> decided = new(StringComparer.Ordinal);

    public bool Opens(string field) => decided.GetOrAdd(field, decide);
}
