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
    private readonly IReadOnlyList<(ActorLink Owner, Standing Standing)> owners;

    private Sitting(
        Desk desk,
        MumegaDb db,
        Actor by,
        Authority authority,
        Standing standing,
        IReadOnlyList<Standing> behind,
        IReadOnlyList<(ActorLink Owner, Standing Standing)> owners,
        DateTimeOffset now,
        IWorkspaceState state
    )
    {
        (Desk, Db, By, Now) = (desk, db, by, now);
        (this.authority, this.standing, this.behind, this.owners) = (authority, standing, behind, owners);
        Call = new(by, state, now, authority.Independence);
    }

    /// <summary>Reads how everybody stands who matters to what the actor may do.</summary>
    internal static async Task<Sitting> OpenAsync(
        Desk desk,
        MumegaDb db,
        Actor by,
        Authority authority,
        DateTimeOffset now,
        IWorkspaceState state,
        CancellationToken ct
    ) =>
        new(
            desk,
            db,
            by,
            authority,
            await authority.StandingAsync(db, by.Id, now, ct),
            await authority.StandingsAsync(db, by.Chain, now, ct),
            await authority.OwnersAsync(db, by, now, ct),
            now,
            state
        );

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

    public Decision Decide(
        string act,
        ActionDefinition? action = null,
        JsonElement? input = null,
        IReadOnlyList<FollowUp>? setsOff = null,
        IReadOnlyCollection<string>? effects = null
    )
    {
        var rating = action is null ? null : FollowUp.Worst(action.Rating, setsOff);
        var decision = Decide(
            new(By, standing.Suspended, standing.Roles, Db.WorkspaceId, act, action, input, null, standing.Tier, rating, effects)
        );
        return setsOff is { Count: > 0 } ? decision with { SetsOff = setsOff } : decision;
    }

    /// <summary>
    /// What is said about an action now: by policy, with what it sets off and does to authority; by those in whose name it would be; and what else it
    /// rests on. Asked when it is proposed, revised, decided, resumed and carried out, and never remembered in place of the answer.
    /// </summary>
    /// <param name="setsOff">What it sets off, where a workflow says so; else the action says it.</param>
    public async Task<Decision> DecideAsync(
        ActionDefinition action,
        JsonElement input,
        CancellationToken ct,
        IReadOnlyList<FollowUp>? setsOff = null
    )
    {
        var effects = await action.EffectsAsync(input, Call, ct);
        var decision = Decide(action.Kind, action, input, setsOff ?? await action.SetsOffAsync(input, Call, ct), effects);
        if (decision.Verdict is Verdict.Deny)
            return decision;

        var budgets = await Spending.ConcernedAsync(this, action, ct);
        return decision.Behind(action.InTheNameOf(input).Where(id => id != By.Id).Select(Gate.Consent)) with
        {
            DependsOn = budgets.Count == 0 ? null : [.. budgets.Select(b => $"budget {b.Budget.Key}: {b.Budget.Limit}").Distinct()],
        };
    }

    // Those who act for others may do what all of them may, behind the gates of each; an agent what those who answer for it may. What the platform does
    // for a workflow was decided when the workflow was published.
    private Decision Decide(Question question)
    {
        var decision = authority.Policies.Decide(question);
        if (By.Kind is PrincipalKind.Service)
            return decision;

        for (var i = 0; i < behind.Count && decision.Verdict is not Verdict.Deny; i++)
            decision = decision.And(
                authority.Policies.Decide(As(question, By.Chain[i], behind[i])),
                $"{By.Chain[i].Name}, on whose behalf this is asked, may not"
            );
        for (var i = 0; i < owners.Count && decision.Verdict is not Verdict.Deny; i++)
            decision = decision.And(
                authority.Policies.Decide(As(question, owners[i].Owner, owners[i].Standing)),
                $"{owners[i].Owner.Name}, who answers for the agent, may not"
            );
        return decision;
    }

    private Question As(Question question, ActorLink link, Standing theirs) =>
        question with
        {
            Principal = By with { Id = link.Id, Kind = link.Kind, Name = link.Name, OwnerId = link.OwnerId, For = null },
            Suspended = theirs.Suspended,
            Roles = theirs.Roles,
            Tier = theirs.Tier,
        };

    /// <summary>What the principal may see of what is sensitive, by policy and budget. Outlives the act.</summary>
    public async Task<ReadDoor> DoorAsync(CancellationToken ct)
    {
        // Put now: once the act is over, the context serves somebody else in another workspace.
        var asked = new Question(By, standing.Suspended, standing.Roles, Db.WorkspaceId, "", null, null, null, standing.Tier);
        IReadOnlyList<(Budget Budget, string Counted)> budgets =
        [
            .. (await BudgetsAsync(ct))
                .Where(b => b.Family == Budget.Reads)
                .SelectMany(b => b.Counts(By, Budget.Reads, TierOf).Distinct().Select(c => (Budget: b, Counted: c)))
                .OrderBy(x => x.Budget.Key, StringComparer.Ordinal)
                .ThenBy(x => x.Counted, StringComparer.Ordinal),
        ];
        return new(
            By,
            Db.WorkspaceId,
            budgets,
            (act, field) => Decide(asked with { Act = act, Field = field }),
            (act, field) => Traces(asked with { Act = act, Field = field })
        );
    }

    private bool Traces(Question question) =>
        authority.Policies.Traces(question) || behind.Index().Any(b => authority.Policies.Traces(As(question, By.Chain[b.Index], b.Item)));

    /// <summary>How somebody who acts, or on whose behalf it is done, works; absent for anybody but agents.</summary>
    internal AgentTier? TierOf(Guid id)
    {
        if (id == By.Id)
            return standing.Tier;
        for (var i = 0; i < behind.Count; i++)
        {
            if (By.Chain[i].Id == id)
                return behind[i].Tier;
        }

        return null;
    }

    /// <summary>Which accounts count as one person.</summary>
    public Independence Independence => authority.Independence;

    /// <summary>The budgets of the workspace.</summary>
    internal ValueTask<IReadOnlyList<Budget>> BudgetsAsync(CancellationToken ct) => authority.BudgetsAsync(Db, ct);

    /// <summary>The stop that covers this action if the caller proposes it, or null.</summary>
    public Stopped? StopFor(ActionDefinition action, JsonElement? input = null) =>
        action.PassesStops ? null : StopFor(action.Family, input is { } json ? action.Connector(json) : null);

    /// <summary>The same for what is done in a family without being a run.</summary>
    public Stopped? StopFor(string family, string? connector = null) =>
        Why(StopOver(new(Db.WorkspaceId, By.Id, [.. By.Chain.Select(l => l.Id)], family, connector)));

    public Stopped? StopFor(Run run) => Why(EngagedFor(run));

    public Stop? EngagedFor(Run run) => Desk.Catalog.Find(run.Action)?.PassesStops == true ? null : StopOver(run.Work);

    /// <summary>The one question that every entrance asks. Stops are read with the policies; when they can't be read, there is no sitting and nothing happens.</summary>
    internal Stop? StopOver(in Work work)
    {
        foreach (var stop in authority.Stops)
        {
            if (stop.Covers(work))
                return stop;
        }

        return null;
    }

    private static Stopped? Why(Stop? stop) => stop is null ? null : new(stop.Boundary, stop.Target, stop.Reason);

    public void Enqueue(string kind, Guid subject, DateTimeOffset? dueAt = null) =>
        Db.Jobs.Add(WorkspaceState.NewJob(Db.TenantId, Db.WorkspaceId, kind, subject, dueAt ?? Now));

    /// <summary>Has an approval's deadline and reminder kept.</summary>
    public void EnqueueClocks(Run run, Approval approval)
    {
        if (approval.RemindAt is { } remind)
            Enqueue(JobKind.RemindApproval, run.Id, remind < Now ? Now : remind);
        Enqueue(JobKind.ExpireApproval, run.Id, approval.ExpiresAt < Now ? Now : approval.ExpiresAt);
    }

    /// <summary>Why the caller may decide nothing on a run, by policy; null when they may. What asks for somebody by name they may always answer.</summary>
    public Refusal? WhyNotDecide(Run run) =>
        Decide(ControlAct.DecideApproval) is { Verdict: Verdict.Deny } no && !(run.Decision.Gates.Any(g => g.Person == By.Id) && MayConsent)
            ? no.AsRefusal()
            : null;

    private bool MayConsent => By.Kind is PrincipalKind.User && Decide(ControlAct.Consent).Verdict is not Verdict.Deny;

    /// <summary>As what the caller decides: by their own roles and those of everybody who has them decide now.</summary>
    public async Task<Decider> DeciderAsync(CancellationToken ct)
    {
        var by = By.Id;
        var delegations = await Db.DelegationsAt(Now).AsNoTracking().Where(d => d.ToId == by || d.FromId == by).ToListAsync(ct);
        var standpoints = new List<Standpoint> { new(DecidingRoles()) };
        foreach (var from in delegations.Where(d => d.ToId == by).OrderBy(d => d.Since).Select(d => d.FromId).Distinct())
        {
            // As they stand now: who lost a role, or may decide nothing by policy, has nothing left to pass on.
            var theirs = await OnBehalfOfAsync(from, By.Surface, ct);
            if (theirs.Decide(ControlAct.DecideApproval).Verdict is not Verdict.Deny)
                standpoints.Add(new(theirs.Roles, from));
        }

        return new(standpoints, [.. delegations.Where(d => d.FromId == by).Select(d => d.ToId)], Independence);
    }

    // Their roles, where policy lets them decide, and what asks for them by name.
    private HashSet<string> DecidingRoles()
    {
        var roles = Decide(ControlAct.DecideApproval).Verdict is Verdict.Deny ? [] : standing.Roles.ToHashSet(StringComparer.Ordinal);
        if (MayConsent)
            roles.Add(Gate.PersonRole(By.Id));
        return roles;
    }

    /// <summary>
    /// Whether every gate of a run still has its quorum: of people who may decide now, by roles that they hold now, and who count as persons of their own.
    /// </summary>
    public async Task<bool> StillApprovedAsync(Run run, Approval approval, Decision decision, CancellationToken ct)
    {
        var (words, persons) = (new List<(ApprovalDecision Word, IReadOnlySet<string> Roles)>(), new HashSet<Guid>());
        foreach (var word in approval.Current.Where(d => d.Verdict is ApprovalVerdict.Approve))
        {
            var decider = await OnBehalfOfAsync(word.DeciderId, By.Surface, ct);
            var speaksFor = word.ForId is { } other ? await OnBehalfOfAsync(other, By.Surface, ct) : decider;
            if (
                decider.DecidingRoles().Count == 0
                || (word.ForId is not null && decider.Decide(ControlAct.DecideApproval).Verdict is Verdict.Deny)
            )
                continue;

            HashSet<Guid> roots = [Independence.RootOf(word.DeciderId), Independence.RootOf(speaksFor.By.Id)];
            if (roots.Overlaps(persons) || roots.Overlaps(run.Chain.Select(Independence.RootOf)))
                continue;

            persons.UnionWith(roots);
            words.Add((word, speaksFor.DecidingRoles()));
        }

        return approval
            .Gates(decision)
            .All(g => words.Count(w => g.Asks.Any(role => w.Word.Holds(role) && w.Roles.Contains(role))) >= g.Quorum);
    }

    /// <summary>
    /// The same act as the platform does it for a workflow: what follows a packet's step. Stops and budgets of those who took that step apply to it.
    /// </summary>
    public async Task<Sitting> AsWorkflowAsync(Guid packetId, CancellationToken ct)
    {
        var mover = await Db.Packets.Where(p => p.Id == packetId).Select(p => (Guid?)p.MovedBy).SingleOrDefaultAsync(ct);
        IReadOnlyList<Guid> behalf = mover is not { } by
            ? []
            :
            [
                .. (
                    await Db
                        .Runs.AsNoTracking()
                        .Where(r => (r.PacketId == packetId || r.EffectId == packetId) && r.ProposedBy == by)
                        .OrderByDescending(r => r.CreatedAt)
                        .FirstOrDefaultAsync(ct)
                )?.For
                    ?? [],
                by,
            ];
        var actor = Actor.Platform(By.TenantId, By.Log) with { Surface = Actor.WorkflowSurface };
        return await AsAsync(actor with { For = await LinksAsync(behalf.Where(id => id != Guid.Empty), ct) }, ct);
    }

    /// <summary>The same act with the authority that somebody has now, for what they set up to happen later.</summary>
    public async Task<Sitting> OnBehalfOfAsync(Guid principalId, string surface, CancellationToken ct)
    {
        var principal = await Db.Principals.AsNoTracking().SingleAsync(p => p.Id == principalId, ct);
        return await AsAsync(
            By with
            {
                Id = principal.Id,
                Kind = principal.Kind,
                Name = principal.Name,
                OwnerId = principal.OwnerId,
                Surface = surface,
                For = null,
            },
            ct
        );
    }

    /// <summary>The same act seen with the authority of whoever proposed the run, and on whose behalf, as it is now. Shares the open context.</summary>
    public async Task<Sitting> ForProposerAsync(Run run, CancellationToken ct)
    {
        var owner =
            run.ProposerKind is PrincipalKind.Agent
                ? await Db.Principals.Where(p => p.Id == run.ProposedBy).Select(p => p.OwnerId).SingleAsync(ct)
                : run.ProposerOwner;
        return await AsAsync(
            By with
            {
                Id = run.ProposedBy,
                Kind = run.ProposerKind,
                OwnerId = owner,
                Surface = run.Surface,
                For = await LinksAsync(run.For, ct),
            },
            ct
        );
    }

    private async Task<IReadOnlyList<ActorLink>> LinksAsync(IEnumerable<Guid> ids, CancellationToken ct)
    {
        var links = new List<ActorLink>();
        foreach (var id in ids)
            links.Add(ActorLink.Of(await Db.Principals.AsNoTracking().SingleAsync(p => p.Id == id, ct)));
        return links;
    }

    // Scopes, limits and workspaces bound a token, and there is none here: what can have changed since is role, suspension and policy.
    private Task<Sitting> AsAsync(Actor actor, CancellationToken ct) =>
        OpenAsync(
            Desk,
            Db,
            actor with
            {
                Scopes = new HashSet<string>(Scopes.All),
                Limits = null,
                Workspaces = new HashSet<Guid> { Db.WorkspaceId },
            },
            authority,
            Now,
            Call.State,
            ct
        );

    /// <summary>Asks whoever sits in front of it to say with a fresh second factor that they mean this very act; null when they did, or nobody sits there.</summary>
    /// <param name="what">What they confirm, in words.</param>
    /// <param name="act">The act, what it is about and the request's key.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<Refusal?> ConfirmAsync(string what, object?[] act, CancellationToken ct)
    {
        if (!By.IsPresent || By.Confirmed is not null)
            return null;
        if (
            (await Desk.Confirmations.UseAsync(Db, By, what, [Db.WorkspaceId, .. act], Now, passwordWillDo: false, ct)).Refused(
                out var why,
                out var given
            )
        )
            return why;

        By = By with { Confirmed = given.Method };
        Call = Call with { By = By };
        return null;
    }

    public async Task CommitAsync(CancellationToken ct)
    {
        if (Elevation is { } id && By.Kind is PrincipalKind.User && Db.HasEvidence)
        {
            var elevation = await Db.Elevations.SingleAsync(e => e.Id == id, ct);
            if (elevation.EndedAt is null)
                Db.Add(elevation.Use(By, Now, "did", ("receipts", Db.EvidenceIds)));
        }

        FaultPoint.Hit("commit.before");
        var saved = await Db.CommitAsync(ct);
        FaultPoint.Hit("commit.after");

        if (saved.Jobs)
            Desk.Signals.Jobs.Pulse();
        if (saved.Authority)
            Desk.Signals.Authority.Pulse();
        Desk.Signals.Receipts.Pulse();
    }

    public ValueTask DisposeAsync() => Db.DisposeAsync();
}
