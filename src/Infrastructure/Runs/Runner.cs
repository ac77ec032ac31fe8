using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Jobs;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Imports;

namespace Mumega.Infrastructure.Runs;

/// <summary>
/// Does what jobs ask for. Every check is made again right before the work. An internal effect commits with the run, its receipts and the
/// job; an external one is recorded as dispatched first. A worker whose lease was taken over can't commit any more. Jobs of one workspace
/// that need nothing from outside share a commit; when that fails, each is done by itself.
/// </summary>
public sealed class Runner(Desk desk, IWebhookSender sender)
{
    private const int Parallel = 4;

    private static readonly TimeSpan[] Backoff =
    [
        TimeSpan.FromSeconds(1),
        TimeSpan.FromSeconds(5),
        TimeSpan.FromSeconds(30),
        TimeSpan.FromMinutes(2),
    ];

    private static readonly TimeSpan StopLook = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs claimed jobs to their end.</summary>
    public async Task RunAsync(IReadOnlyList<Job> claimed, CancellationToken ct)
    {
        using var trace = claimed.Count > 0 ? Traces.Source.StartActivity("jobs") : null;
        var alone = new List<Job>();
        foreach (var room in claimed.GroupBy(j => (j.TenantId, j.WorkspaceId)))
            alone.AddRange(room.Count() == 1 ? room : await TogetherAsync(room.Key.TenantId, room.Key.WorkspaceId, [.. room], ct));

        await System.Threading.Tasks.Parallel.ForEachAsync(
            alone,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = ct },
            async (job, token) => await AloneAsync(job, token)
        );
    }

    /// <summary>Does the jobs of one workspace in one commit; returns those that have to be done by themselves.</summary>
    private async Task<List<Job>> TogetherAsync(Guid tenantId, Guid workspaceId, List<Job> claimed, CancellationToken ct)
    {
        var alone = new List<Job>();
        try
        {
            await using var s = await desk.SitAsPlatformAsync(tenantId, workspaceId, ct);
            foreach (var one in claimed)
            {
                if (await s.Db.Queries.LeasedJob(s.Db, one.Id, one.Epoch, ct) is not { } job)
                    continue;

                var run = job.Kind is JobKind.ExecuteRun or JobKind.ReconcileRun ? await s.Db.Queries.Run(s.Db, job.SubjectId, ct) : null;
                if (job.Kind is JobKind.ImportPackets || (run is not null && desk.Catalog.Find(run.Action) is not InternalAction))
                    alone.Add(one);
                else
                    await DoAsync(s, job, ct);
            }

            await s.CommitAsync(ct);
            FaultPoint.Hit("jobs.committed");
            return alone;
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // One of them stands in the way of the others; nothing was committed.
            return claimed;
        }
    }

    /// <summary>Runs one claimed job to its end. A race lost to another worker or a person is simply left to them.</summary>
    private async Task AloneAsync(Job claimed, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var s = await desk.SitAsPlatformAsync(claimed.TenantId, claimed.WorkspaceId, ct);
                var job = await s.Db.Queries.LeasedJob(s.Db, claimed.Id, claimed.Epoch, ct);
                if (job is null)
                    return;

                await DoAsync(s, job, ct);
                await s.CommitAsync(ct);
                FaultPoint.Hit("jobs.committed");
                return;
            }
            catch (Exception e) when (Databases.IsRace(e) && attempt < 5)
            {
                // Read everything again and look at what is left to do.
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                await FailedAsync(claimed, e, ct);
                return;
            }
        }
    }

    /// <summary>Does what the job asks for and marks it done; the caller commits.</summary>
    private Task DoAsync(Sitting s, Job job, CancellationToken ct) =>
        job.Kind switch
        {
            JobKind.ExecuteRun or JobKind.ReconcileRun => ExecuteAsync(s, job, ct),
            JobKind.ExpireApproval => ExpireAsync(s, job, ct),
            JobKind.RemindApproval => RemindAsync(s, job, ct),
            JobKind.ContinuePacket => ContinueAsync(s, job, ct),
            JobKind.FireSchedule => FireAsync(s, job, ct),
            JobKind.ImportPackets => ImportAsync(s, job, ct),
            JobKind.EndElevation => EndElevationAsync(s, job, ct),
            JobKind.HoldRuns => HoldAsync(s, job, ct),
            JobKind.ResumeRuns => ResumeAsync(s, job, ct),
            JobKind.WatchStop => WatchAsync(s, job, ct),
            JobKind.LookAgain => LookAgainAsync(s, job, ct),
            _ => throw new InvalidOperationException($"there is no job of the kind {job.Kind}"),
        };

    private async Task ExecuteAsync(Sitting s, Job job, CancellationToken ct)
    {
        var run = await s.Db.Queries.Run(s.Db, job.SubjectId, ct) ?? throw new InvalidOperationException("a job's run is gone");
        var action = desk.Catalog.Find(run.Action) ?? throw new InvalidOperationException($"the action {run.Action} is gone");

        if (run.State is RunState.Running && action is ExternalAction lost)
        {
            await RecoverAsync(s, job, run, lost, ct);
            return;
        }

        if (run.State is not RunState.Queued)
        {
            Done(s, job);
            return;
        }

        if (s.EngagedFor(run) is { } stop)
        {
            if (!run.Hold(s.By, s.Now, stop.Id).Refused(out _, out var held))
                s.Db.Add(held);
            Done(s, job);
            return;
        }

        FaultPoint.Hit("execute.before-checks");
        var proposer = await s.ForProposerAsync(run, ct);
        if (!await StillHoldsAsync(s, proposer, run, action, ct))
        {
            Done(s, job);
            return;
        }

        if (run.Start(s.By, s.Now).Refused(out _, out var started))
            return;
        s.Db.Add(started);
        if (action is InternalAction inside)
            await ApplyAsync(s, job, run, inside, proposer, ct);
        else
            await SendAsync(s, job, run, (ExternalAction)action, proposer, ct);
    }

    /// <summary>Asks policy, gates and preflight again. When they no longer hold, moves the run accordingly and says no.</summary>
    private static async Task<bool> StillHoldsAsync(Sitting s, Sitting proposer, Run run, ActionDefinition action, CancellationToken ct)
    {
        var decision = await Step.DecideAsync(proposer, run, action, ct);
        if (decision.Verdict is Verdict.Deny)
        {
            s.Db.Add(run.Fail("policy.denied", $"Policy no longer allows this: {decision.Reason}", s.By, s.Now));
            await Kernel.EndedAsync(s, run, ct);
            return false;
        }

        var preflight = await action.PreflightAsync(run.InputJson, proposer.Call, ct);
        if (!preflight.Passed)
        {
            var failed = preflight.Checks.First(c => !c.Passed);
            s.Db.Add(run.Fail("preflight.failed", failed.Detail, s.By, s.Now));
            await Kernel.EndedAsync(s, run, ct);
            return false;
        }

        // What gates it is what the decision says now; what was approved counts as far as it is still asked for.
        var approval = await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct);
        if (decision.Gates.Count == 0)
            return true;

        var same = run.ActionHash(decision, preflight) == run.Digest;
        if (same && approval is { State: ApprovalState.Approved } && await s.StillApprovedAsync(run, approval, decision, ct))
            return true;

        // What was approved is not what would run now, a gate was added since, or somebody's word no longer counts: people look again.
        var changes = Differences.Between(run.Decision, run.Preflight, decision, preflight);
        if (same)
            changes = [new("approvals", "enough", "not enough: somebody who approved may no longer decide")];
        s.Db.Add(run.Renew(decision, preflight, s.By, s.Now));
        if (approval is not null)
        {
            approval.Renew(run, changes, s.Now);
        }
        else
        {
            approval = Approval.For(run, s.Now);
            s.Db.Approvals.Add(approval);
        }

        s.EnqueueClocks(run, approval);
        return false;
    }

    private static async Task ApplyAsync(Sitting s, Job job, Run run, InternalAction action, Sitting proposer, CancellationToken ct)
    {
        FaultPoint.Hit("apply.before");
        if (
            (await action.ApplyAsync(run.InputJson, proposer.Call with { RunId = run.Id, EffectId = run.EffectId }, ct)).Refused(
                out var why,
                out var change
            )
        )
            s.Db.Add(run.Fail("refused", why.Message, s.By, s.Now));
        else
            s.Db.Add(run.Succeed(change, action.ReceiptKind, s.By, s.Now));

        await Kernel.EndedAsync(s, run, ct);
        FaultPoint.Hit("apply.before-commit");
        Done(s, job);
    }

    private async Task SendAsync(Sitting s, Job job, Run run, ExternalAction action, Sitting proposer, CancellationToken ct)
    {
        s.Db.Add(run.Dispatch(s.By, s.Now));
        FaultPoint.Hit("dispatch.before-commit");
        await s.CommitAsync(ct);
        FaultPoint.Hit("dispatch.after-commit");

        // The receiver may take its time; nobody else should lack a connection meanwhile.
        await s.Db.Database.CloseConnectionAsync();
        var (delivery, stop) = await UnlessStoppedAsync(
            run,
            token => action.DispatchAsync(run.InputJson, run.EffectId, proposer.Call, sender, token),
            ct
        );
        FaultPoint.Hit("dispatch.answered");
        if (stop is null)
            await ConcludeAsync(s, job, run, action, proposer, delivery, ct);
        else
            await EndAsync(s, job, run, action, proposer, delivery, stop, ct);
    }

    /// <summary>The process died, or the answer was lost, after the call may have left.</summary>
    private async Task RecoverAsync(Sitting s, Job job, Run run, ExternalAction action, CancellationToken ct)
    {
        var proposer = await s.ForProposerAsync(run, ct);
        var recovery = await action.RecoveryAsync(run.InputJson, proposer.Call, ct);
        if (recovery is not Recovery.None && s.EngagedFor(run) is { } stop)
        {
            await EndAsync(s, job, run, action, proposer, new(DeliveryResult.Unknown, "Its answer was lost."), stop, ct);
            return;
        }

        if (recovery is Recovery.None)
        {
            s.Db.Add(
                run.LoseTrack("It was dispatched and the answer was lost; the receiver can neither be asked nor told twice.", s.By, s.Now)
            );
            Done(s, job);
            return;
        }

        var delivery =
            recovery is Recovery.Probe
                ? await action.ProbeAsync(run.InputJson, run.EffectId, proposer.Call, sender, ct)
                : new(DeliveryResult.Absent, "The receiver drops repeats.");
        FaultPoint.Hit("recover.probed");
        if (delivery.Result is DeliveryResult.Absent)
        {
            (delivery, var late) = await UnlessStoppedAsync(
                run,
                token => action.DispatchAsync(run.InputJson, run.EffectId, proposer.Call, sender, token),
                ct
            );
            if (late is not null)
            {
                await EndAsync(s, job, run, action, proposer, delivery, late, ct);
                return;
            }
        }

        await ConcludeAsync(s, job, run, action, proposer, delivery, ct);
    }

    /// <summary>Makes a call to the outside unless a stop covers it, and ends it when one is engaged while it is under way.</summary>
    /// <returns>What is known of the call, and the stop that ended it if one did. <see cref="DeliveryResult.Absent"/>: it never left.</returns>
    private async Task<(Delivery Delivery, Stop? Stop)> UnlessStoppedAsync(
        Run run,
        Func<CancellationToken, Task<Delivery>> call,
        CancellationToken ct
    )
    {
        if (await LookAsync(run, ct) is { } before)
            return (new(DeliveryResult.Absent, "A stop was engaged before it left; nothing was sent."), before);

        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var answered = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watch = WatchAsync(run, stopped, answered.Token);
        try
        {
            return (await call(stopped.Token), null);
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return (new(DeliveryResult.Unknown, "A stop ended the call while it was under way."), await watch);
        }
        finally
        {
            await answered.CancelAsync();
            await Task.WhenAny(watch);
        }
    }

    private async Task<Stop?> WatchAsync(Run run, CancellationTokenSource stopped, CancellationToken answered)
    {
        while (true)
        {
            var changed = desk.Signals.Authority.Next;
            if (await LookAsync(run, answered) is { } stop)
            {
                await stopped.CancelAsync();
                return stop;
            }

            // A stop that another process engaged is found by looking.
            await Task.WhenAny(changed, Task.Delay(StopLook, answered));
            answered.ThrowIfCancellationRequested();
        }
    }

    private async Task<Stop?> LookAsync(Run run, CancellationToken ct)
    {
        await using var s = await desk.SitAsPlatformAsync(run.TenantId, run.WorkspaceId, ct);
        return s.EngagedFor(run);
    }

    /// <summary>A stop ended a call. A receiver that can be asked is asked, which changes nothing there; nothing is sent again.</summary>
    private async Task EndAsync(
        Sitting s,
        Job job,
        Run run,
        ExternalAction action,
        Sitting proposer,
        Delivery delivery,
        Stop stop,
        CancellationToken ct
    )
    {
        if (delivery.Result is DeliveryResult.Unknown && await action.RecoveryAsync(run.InputJson, proposer.Call, ct) is Recovery.Probe)
            delivery = await action.ProbeAsync(run.InputJson, run.EffectId, proposer.Call, sender, ct)
                is { Result: not DeliveryResult.Unknown } known
                ? known
                : delivery;

        var now = desk.Clock.Now();
        s.Db.Add(
            delivery.Result switch
            {
                DeliveryResult.Confirmed => run.Succeed(
                    new(delivery.Detail, null, null, run.EffectId.ToString()),
                    action.ReceiptKind,
                    s.By,
                    now
                ),
                DeliveryResult.Absent or DeliveryResult.Refused => run.StopShort(stop.Id, delivery.Detail, s.By, now),
                _ => run.StopBlind(stop.Id, $"{delivery.Detail} Whether it arrived is not known.", s.By, now),
            }
        );
        if (run.State.IsFinal())
            await Kernel.EndedAsync(s, run, ct);
        Done(s, job);
    }

    private async Task ConcludeAsync(
        Sitting s,
        Job job,
        Run run,
        ExternalAction action,
        Sitting proposer,
        Delivery delivery,
        CancellationToken ct
    )
    {
        var now = desk.Clock.Now();
        if (
            delivery.Result is DeliveryResult.Unknown or DeliveryResult.Absent
            && job.Attempts < Job.MaxAttempts
            && await action.RecoveryAsync(run.InputJson, proposer.Call, ct) is not Recovery.None
        )
        {
            Later(job, delivery.Detail, now);
            return;
        }

        s.Db.Add(
            delivery.Result switch
            {
                DeliveryResult.Confirmed => run.Succeed(
                    new(delivery.Detail, null, null, run.EffectId.ToString()),
                    action.ReceiptKind,
                    s.By,
                    now
                ),
                DeliveryResult.Refused => run.Fail("receiver.refused", delivery.Detail, s.By, now),
                DeliveryResult.Absent => run.Fail("receiver.unreachable", $"{delivery.Detail} Nothing was sent.", s.By, now),
                _ => run.LoseTrack(delivery.Detail, s.By, now),
            }
        );
        if (run.State.IsFinal())
            await Kernel.EndedAsync(s, run, ct);
        FaultPoint.Hit("outcome.before-commit");
        Done(s, job);
    }

    private static async Task ExpireAsync(Sitting s, Job job, CancellationToken ct)
    {
        var run = await s.Db.Runs.SingleAsync(r => r.Id == job.SubjectId, ct);
        var approval = await s.Db.Approvals.Include(a => a.Decisions).SingleAsync(a => a.RunId == run.Id, ct);
        if (
            run.State is RunState.AwaitingApproval
            && approval.State is (ApprovalState.Pending or ApprovalState.ChangesRequested)
            && s.Now >= approval.ExpiresAt
        )
        {
            s.Db.Add(approval.TimeOver(run, s.By, s.Now));
            if (run.State.IsFinal())
                await Kernel.EndedAsync(s, run, ct);
            else
                s.EnqueueClocks(run, approval);
        }

        Done(s, job);
    }

    private static async Task RemindAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (
            await s.Db.Queries.ApprovalOfRun(s.Db, job.SubjectId, ct) is { } approval
            && await s.Db.Queries.Run(s.Db, job.SubjectId, ct) is { State: RunState.AwaitingApproval } run
            && approval.Remind(run, s.By, s.Now) is { } reminded
        )
            s.Db.Add(reminded);
        Done(s, job);
    }

    private static async Task ContinueAsync(Sitting s, Job job, CancellationToken ct)
    {
        await Step.ContinueAsync(await s.AsWorkflowAsync(job.SubjectId, ct), job.SubjectId, ct);
        Done(s, job);
    }

    private static async Task FireAsync(Sitting s, Job job, CancellationToken ct)
    {
        await Starter.FireAsync(s, job, ct);
        Done(s, job);
    }

    private static async Task ImportAsync(Sitting s, Job job, CancellationToken ct)
    {
        await Importer.ContinueAsync(s, job, ct);
        Done(s, job);
    }

    // The role ended by itself at that time; this writes it down.
    private static async Task EndElevationAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (
            await s.Db.Elevations.SingleOrDefaultAsync(e => e.Id == job.SubjectId, ct) is { } elevation
            && !elevation.End(s.By, "elevation.over", null, s.Now).Refused(out _, out var over)
        )
            s.Db.Add(over);
        Done(s, job);
    }

    private static async Task HoldAsync(Sitting s, Job job, CancellationToken ct)
    {
        await Stopping.HoldAsync(s, ct);
        Done(s, job);
    }

    private static async Task ResumeAsync(Sitting s, Job job, CancellationToken ct)
    {
        await Stopping.ResumeAsync(s, job, ct);
        Done(s, job);
    }

    // The policies changed: what waits for an approval is held against them, some at a time.
    private static async Task LookAgainAsync(Sitting s, Job job, CancellationToken ct)
    {
        const int AtOnce = 100;
        var after = Guid.TryParse(job.Detail, out var last) ? last : Guid.Empty;
        var waiting = await s
            .Db.Runs.Where(r => r.State == RunState.AwaitingApproval && r.Id > after)
            .OrderBy(r => r.Id)
            .Take(AtOnce)
            .ToListAsync(ct);
        foreach (var run in waiting)
        {
            if (await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct) is { } approval)
                await Kernel.RefreshAsync(s, run, approval, ct);
        }

        if (waiting.Count == AtOnce)
            s.Db.Jobs.Add(
                WorkspaceState.NewJob(job.TenantId, job.WorkspaceId, JobKind.LookAgain, job.SubjectId, s.Now, $"{waiting[^1].Id}")
            );
        Done(s, job);
    }

    private static async Task WatchAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (await Stopping.WatchAsync(s, job, ct) is not { } again)
        {
            Done(s, job);
            return;
        }

        // Looking again is no failure, so it counts as no attempt.
        (job.State, job.LeaseUntil, job.DueAt, job.Attempts) = (JobState.Due, null, again, 0);
    }

    /// <summary>Something threw. It is tried again a few times, then parked where operators see it; its run ends with a receipt.</summary>
    private async Task FailedAsync(Job claimed, Exception e, CancellationToken ct)
    {
        await using var s = await desk.SitAsPlatformAsync(claimed.TenantId, claimed.WorkspaceId, ct);
        if (await s.Db.Queries.LeasedJob(s.Db, claimed.Id, claimed.Epoch, ct) is not { } job)
            return;

        if (job.Attempts < Job.MaxAttempts)
        {
            Later(job, e.Message, s.Now);
        }
        else
        {
            (job.State, job.LastError) = (JobState.Dead, Cut(e.Message));
            if (
                job.Kind is JobKind.ExecuteRun
                && await s.Db.Runs.SingleOrDefaultAsync(r => r.Id == job.SubjectId, ct)
                    is { State: RunState.Queued or RunState.Running } run
            )
            {
                s.Db.Add(
                    run.DispatchedAt is null
                        ? run.Fail("worker.failed", "The work failed repeatedly; an operator can see the job.", s.By, s.Now)
                        : run.LoseTrack("The work failed repeatedly after it was dispatched.", s.By, s.Now)
                );
                await Kernel.EndedAsync(s, run, ct);
            }

            if (
                job.Kind is JobKind.ImportPackets
                && await s.Db.PacketImports.SingleOrDefaultAsync(i => i.Id == job.SubjectId, ct) is { } import
            )
                import.Fail();
            if (job.Kind is JobKind.ContinuePacket)
                await Step.GiveUpAsync(s, job.SubjectId, ct);
        }

        await s.CommitAsync(ct);
    }

    private static void Later(Job job, string why, DateTimeOffset now)
    {
        (job.State, job.LeaseUntil, job.LastError) = (JobState.Due, null, Cut(why));
        job.DueAt = now + Backoff[Math.Min(job.Attempts, Backoff.Length) - 1];
    }

    private static string Cut(string text) => text.Length > 2000 ? text[..2000] : text;

    private static void Done(Sitting s, Job job)
    {
        (job.State, job.LeaseUntil) = (JobState.Done, null);

        // The epoch is the fence: a claim by somebody else has raised it, and this commit then fails as a whole.
        s.Db.Entry(job).Property(j => j.State).IsModified = true;
    }
}
