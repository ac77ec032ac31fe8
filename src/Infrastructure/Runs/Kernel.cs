using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Actions;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>What policy and live state say about an action, without proposing anything.</summary>
public sealed record Eligibility(Decision Decision, Preflight? Preflight, Stopped? Stop);

/// <summary>
/// The one door, whoever knocks: propose, decide, cancel, roll back, settle, stop. Each act commits its change, its receipts and the
/// jobs that follow from it together or not at all.
/// </summary>
public sealed class Kernel(Desk desk)
{
    public const int MaxReason = 2000;

    /// <summary>What would happen if this were proposed now.</summary>
    public async Task<Outcome<Eligibility>> EligibilityAsync(Actor by, Guid workspaceId, string kind, JsonElement input, CancellationToken ct)
    {
        if (desk.Read(kind, input).Refused(out var unreadable, out var read)) return unreadable;

        await using var sitting = await desk.SitAsync(by, workspaceId, ct);
        var decision = sitting.Decide(kind, read.Action, read.Json);
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
        Actor by, Guid workspaceId, Guid approvalId, ApprovalVerdict verdict, string digest, string? reason, string key, CancellationToken ct)
    {
        if (reason is not null && BadReason(reason) is { } bad) return bad;

        StaleDigest? stale = null;
        var outcome = await desk.ActAsync(by, workspaceId, key, ["decide", approvalId, verdict, digest, reason],
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

                var before = approval.Digest;
                if (run.State is RunState.AwaitingApproval && await RefreshAsync(s, run, approval, ct) is { } renewed)
                {
                    stale = new(renewed);
                    s.IsRefusal = true;
                    return approval;
                }

                if (approval.Decide(run, verdict, digest, reason, by, s.Roles, s.Now).Refused(out var why, out var evidence)) return why;

                s.Db.Add(evidence);
                if (run.State is RunState.Queued) s.Enqueue(JobKind.ExecuteRun, run.Id);
                if (run.State.IsFinal()) await UndoEndedAsync(s, run, ct);
                return approval;
            },
            a => a.Id, ct);

        return stale is null ? outcome : stale;
    }

    /// <summary>Withdraws a run that has not begun.</summary>
    public async Task<Outcome<Run>> CancelAsync(Actor by, Guid workspaceId, Guid runId, string reason, string key, CancellationToken ct) =>
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["cancel", runId, reason], async (s, run) =>
        {
            // Whoever proposed something may withdraw it; anybody else needs a policy.
            if (run.ProposedBy != by.Id && s.Decide(ControlAct.CancelRun) is { Verdict: Verdict.Deny } no) return no.AsRefusal();
            if (s.Decide(ControlAct.Read) is { Verdict: Verdict.Deny } unseen) return unseen.AsRefusal();
            if (run.Cancel(by, s.Now, reason).Refused(out var why, out var evidence)) return why;

            s.Db.Add(evidence);
            if (await s.Db.Approvals.SingleOrDefaultAsync(a => a.RunId == run.Id, ct) is { State: ApprovalState.Pending } approval) approval.Cancel(s.Now);
            await UndoEndedAsync(s, run, ct);
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
        BadReason(reason) is { } bad ? bad : await OnRunAsync(by, workspaceId, runId, key, ["settle", runId, succeeded, reason], (s, run) =>
        {
            if (s.Decide(ControlAct.SettleRun) is { Verdict: Verdict.Deny } no) return Task.FromResult<Outcome<Run>>(no.AsRefusal());
            if (run.Settle(succeeded, reason, by, s.Now).Refused(out var why, out var evidence)) return Task.FromResult<Outcome<Run>>(why);

            s.Db.Add(evidence);
            return Task.FromResult<Outcome<Run>>(run);
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

    private static async Task<Outcome<Run>> ProposeAsync(
        Sitting s, ActionDefinition action, string input, string reason, string key, Run? undoes, CancellationToken ct)
    {
        var json = JsonDocument.Parse(input).RootElement;
        if (s.StopFor(s.By.Id, action, json) is { } stopped) return stopped;

        var decision = s.Decide(action.Kind, action, json);
        var preflight = decision.Verdict is Verdict.Deny ? null : await action.PreflightAsync(json, s.Call, ct);
        var (run, evidence) = Run.Propose(action, input, s.Db.WorkspaceId, reason, s.By, decision, preflight, s.Now, key, undoes);

        s.Db.Runs.Add(run);
        foreach (var e in evidence) s.Db.Add(e);
        if (run.State is RunState.AwaitingApproval)
        {
            var approval = Approval.For(run, decision.Gates, s.Now);
            s.Db.Approvals.Add(approval);
            s.Enqueue(JobKind.ExpireApproval, run.Id, approval.ExpiresAt);
        }

        if (run.State is RunState.Queued) s.Enqueue(JobKind.ExecuteRun, run.Id);
        return run;
    }

    /// <summary>Looks again at policy and live state. When they changed, the approval starts over and the new digest is returned.</summary>
    internal static async Task<string?> RefreshAsync(Sitting s, Run run, Approval approval, CancellationToken ct)
    {
        var proposer = await s.ForProposerAsync(run, ct);
        var action = s.Desk.Catalog.Find(run.Action)!;
        var decision = proposer.Decide(run.Action, action, run.InputJson);
        var preflight = await action.PreflightAsync(run.InputJson, proposer.Call, ct);
        if (run.ActionHash(decision, preflight) == run.Digest) return null;

        s.Db.Add(run.Renew(decision with { Gates = run.Decision.Gates }, preflight, s.By, s.Now));
        approval.Renew(run.Digest);
        return run.Digest;
    }

    /// <summary>If the run was an undo, tells the run it undoes that it came to its end.</summary>
    internal static async Task UndoEndedAsync(Sitting s, Run run, CancellationToken ct)
    {
        if (run.UndoOf is { } id) (await s.Db.Runs.SingleAsync(r => r.Id == id, ct)).UndoEnded(run.State is RunState.Succeeded, s.Now);
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

/// <summary>An action's input as it was read: the definition, the canonical text and the same as JSON.</summary>
public sealed record ReadInput(ActionDefinition Action, string Canonical, JsonElement Json);

/// <summary>What every act needs, gathered once: databases, policies, catalogue, clock.</summary>
public sealed class Desk(Databases databases, Authorities authorities, ActionCatalog catalog, InputSchemas schemas, Signals signals, TimeProvider clock, PublicAddress address)
{
    private const int MaxAttempts = 12;

    public ActionCatalog Catalog => catalog;

    public Databases Databases => databases;

    public Signals Signals => signals;

    public TimeProvider Clock => clock;

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
        return new(this, db, by, authority, standing, now, new WorkspaceState(db, authority.TenantKey, address.Value, now));
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
