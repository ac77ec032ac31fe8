using System.Collections.Concurrent;
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
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>One act in progress: an open workspace, who acts with which roles, the policies and stops in force, and the time.</summary>
public sealed class Sitting : IAsyncDisposable
{
    private readonly Authority authority;
    private readonly Standing standing;
    private readonly IReadOnlyList<Standing> behind;

    internal Sitting(Desk desk, MumegaDb db, Actor by, Authority authority, Standing standing, IReadOnlyList<Standing> behind, DateTimeOffset now, IWorkspaceState state)
    {
        (Desk, Db, By, Now) = (desk, db, by, now);
        (this.authority, this.standing, this.behind) = (authority, standing, behind);
        Call = new(by, state, now);
    }

    public Desk Desk { get; }

    public MumegaDb Db { get; }

    public Actor By { get; private set; }

    public IReadOnlySet<string> Roles => standing.Roles;

    /// <summary>The elevation that gives the principal one of the roles, if one does: what they see or do is recorded with it.</summary>
    public Guid? Elevation => standing.Elevation;

    public DateTimeOffset Now { get; }

    public ActionCall Call { get; private set; }

    /// <summary>Set when the act commits something but refuses what was asked: the key stays free, and repeating it asks again.</summary>
    public bool IsRefusal { get; set; }

    /// <summary>Whether the principal may see this workspace at all. If not, it does not exist for them.</summary>
    public bool MaySee => By.Kind is PrincipalKind.Service || Decide(ControlAct.Read).Verdict is not Verdict.Deny;

    /// <summary>The workspace and the key of its tenant, when the principal may see it; otherwise null.</summary>
    public async Task<(Workspace Workspace, string TenantKey)?> SeeAsync(CancellationToken ct) =>
        MaySee && await authority.WorkspaceAsync(Db, ct) is { } workspace ? (workspace, authority.TenantKey) : null;

    public Decision Decide(string act, ActionDefinition? action = null, JsonElement? input = null, IReadOnlyList<FollowUp>? setsOff = null)
    {
        var rating = action is null ? null : FollowUp.Worst(action.Rating, setsOff);
        var decision = Decide(By, standing, behind, authority.Policies, Db.WorkspaceId, act, action, input, rating: rating);
        return setsOff is { Count: > 0 } ? decision with { SetsOff = setsOff } : decision;
    }

    /// <summary>What policy says about an action, with what it sets off.</summary>
    public async Task<Decision> DecideAsync(ActionDefinition action, JsonElement input, CancellationToken ct) => Decide(action.Kind, action, input, await action.SetsOffAsync(input, Call, ct));

    // Who acts for others may do what all of them may, behind the gates of each.
    private static Decision Decide(
        Actor by, Standing standing, IReadOnlyList<Standing> behind, PolicyBook policies, Guid workspaceId, string act, ActionDefinition? action, JsonElement? input, string? field = null, Rating? rating = null)
    {
        var decision = policies.Decide(new(by, standing.Suspended, standing.Roles, workspaceId, act, action, input, field, standing.Tier, rating));
        for (var i = 0; i < behind.Count && decision.Verdict is not Verdict.Deny; i++)
        {
            var link = by.Chain[i];
            var theirs = by with { Id = link.Id, Kind = link.Kind, Name = link.Name, OwnerId = link.OwnerId, For = null };
            decision = decision.And(policies.Decide(new(theirs, behind[i].Suspended, behind[i].Roles, workspaceId, act, action, input, field, behind[i].Tier, rating)), link.Name);
        }

        return decision;
    }

    /// <summary>Which fields of receipts the principal may see, by policy. Outlives the act.</summary>
    public FieldDoor Door()
    {
        var (by, own, theirs, workspace, policies) = (By, standing, behind, Db.WorkspaceId, authority.Policies);
        return new(field => Decide(by, own, theirs, policies, workspace, ControlAct.OpenField, null, null, field).Verdict is Verdict.Allow);
    }

    /// <summary>The budgets of the workspace.</summary>
    internal ValueTask<IReadOnlyList<Budget>> BudgetsAsync(CancellationToken ct) => authority.BudgetsAsync(Db, ct);

    /// <summary>The stop that covers this action if the caller proposes it, or null.</summary>
    public Stopped? StopFor(ActionDefinition action, JsonElement? input = null) =>
        action.PassesStops ? null : StopFor(action.Family, input is { } json ? action.Connector(json) : null);

    /// <summary>The same for what is done in a family without being a run.</summary>
    public Stopped? StopFor(string family, string? connector = null) => Why(StopOver(new(Db.WorkspaceId, By.Id, [.. By.Chain.Select(l => l.Id)], family, connector)));

    public Stopped? StopFor(Run run) => Why(EngagedFor(run));

    public Stop? EngagedFor(Run run) => Desk.Catalog.Find(run.Action)?.PassesStops == true ? null : StopOver(run.Work);

    /// <summary>The one question that every entrance asks. Stops are read with the policies; when they can't be read, there is no sitting and nothing happens.</summary>
    internal Stop? StopOver(in Work work)
    {
        foreach (var stop in authority.Stops)
        {
            if (stop.Covers(work)) return stop;
        }

        return null;
    }

    private static Stopped? Why(Stop? stop) => stop is null ? null : new(stop.Boundary, stop.Target, stop.Reason);

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
        var by = By.Id;
        var delegations = await Db.DelegationsAt(Now).AsNoTracking().Where(d => d.ToId == by || d.FromId == by).ToListAsync(ct);
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
    public Sitting AsWorkflow() => As(Actor.Platform(By.TenantId, By.Log) with { Surface = Actor.WorkflowSurface }, Authority.Platform, []);

    /// <summary>The same act with the authority that somebody has now, for what they set up to happen later.</summary>
    public async Task<Sitting> OnBehalfOfAsync(Guid principalId, string surface, CancellationToken ct)
    {
        var principal = await Db.Principals.AsNoTracking().SingleAsync(p => p.Id == principalId, ct);
        return As(By with { Id = principal.Id, Kind = principal.Kind, Name = principal.Name, OwnerId = principal.OwnerId, Surface = surface, For = null }, await authority.StandingAsync(Db, principalId, Now, ct), []);
    }

    /// <summary>The same act seen with the authority of whoever proposed the run, and on whose behalf, as it is now. Shares the open context.</summary>
    public async Task<Sitting> ForProposerAsync(Run run, CancellationToken ct)
    {
        var chain = new List<ActorLink>();
        foreach (var id in run.For)
        {
            var link = await Db.Principals.AsNoTracking().SingleAsync(p => p.Id == id, ct);
            chain.Add(new(link.Id, link.Kind, link.Name, link.OwnerId));
        }

        return As(By with { Id = run.ProposedBy, Kind = run.ProposerKind, OwnerId = run.ProposerOwner, Surface = run.Surface, For = chain },
            await authority.StandingAsync(Db, run.ProposedBy, Now, ct), await authority.StandingsAsync(Db, chain, Now, ct));
    }

    // Scopes and workspaces bound a token, and there is none here: what can have changed since is role, suspension and policy.
    private Sitting As(Actor actor, Standing theirs, IReadOnlyList<Standing> others) =>
        new(Desk, Db, actor with { Scopes = new HashSet<string>(Scopes.All), Workspaces = new HashSet<Guid> { Db.WorkspaceId } }, authority, theirs, others, Now, Call.State);

    /// <summary>Asks whoever sits in front of it to say with a fresh second factor that they mean this very act; null when they did, or nobody sits there.</summary>
    /// <param name="what">What they confirm, in words.</param>
    /// <param name="act">The act, what it is about and the request's key.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<Refusal?> ConfirmAsync(string what, object?[] act, CancellationToken ct)
    {
        if (!By.IsPresent || By.Confirmed is not null) return null;
        if ((await Desk.Confirmations.UseAsync(Db, By, what, [Db.WorkspaceId, .. act], Now, passwordWillDo: false, ct)).Refused(out var why, out var given)) return why;

        By = By with { Confirmed = given.Method };
        Call = Call with { By = By };
        return null;
    }

    public async Task CommitAsync(CancellationToken ct)
    {
        if (Elevation is { } id && By.Kind is PrincipalKind.User && Db.HasEvidence)
        {
            var elevation = await Db.Elevations.SingleAsync(e => e.Id == id, ct);
            if (elevation.EndedAt is null) Db.Add(elevation.Use(By, Now, "did", ("receipts", Db.EvidenceIds)));
        }

        FaultPoint.Hit("commit.before");
        var saved = await Db.CommitAsync(ct);
        FaultPoint.Hit("commit.after");

        if (saved.Jobs) Desk.Signals.Jobs.Pulse();
        if (saved.Authority) Desk.Signals.Authority.Pulse();
        Desk.Signals.Receipts.Pulse();
    }

    public ValueTask DisposeAsync() => Db.DisposeAsync();
}

/// <summary>Which fields of receipts somebody may see. Each name is decided once.</summary>
public sealed class FieldDoor(Func<string, bool> decide)
{
    private readonly ConcurrentDictionary<string, bool> decided = new(StringComparer.Ordinal);

    public bool Opens(string field) => decided.GetOrAdd(field, decide);
}
