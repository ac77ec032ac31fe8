using System.Text.Json;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Approvals;

public enum ApprovalState
{
    Pending,
    Approved,
    Rejected,
    Expired,
    Cancelled,
    ChangesRequested,
    NotNeeded,
}

public enum ApprovalVerdict
{
    Approve,
    Reject,
    RequestChanges,
    Withdraw,
}

/// <summary>Whose word a person's decision is.</summary>
/// <param name="Roles">The roles that count: the decider's own, or those of the one who is decided for.</param>
/// <param name="For">Who is decided for; absent for one's own word.</param>
public sealed record Standpoint(IReadOnlySet<string> Roles, Guid? For = null);

/// <summary>As what somebody could decide.</summary>
/// <param name="Standpoints">Their own roles first, then those of people they decide for.</param>
/// <param name="Delegates">Whom they have decide for themselves now.</param>
/// <param name="Independence">Which accounts count as one person.</param>
public sealed record Decider(IReadOnlyList<Standpoint> Standpoints, IReadOnlyCollection<Guid> Delegates, Independence Independence);

/// <summary>Only a person decides.</summary>
public sealed record HumanRequired() : Refusal("Only a person can decide this.");

/// <summary>The one who proposed it asks to decide it.</summary>
public sealed record OwnRequest() : Refusal("A request cannot be decided by whoever made it.");

/// <summary>The owner of the agent that proposed it asks to decide it.</summary>
public sealed record OwnAgentsRequest() : Refusal("A request of your own agent is decided by somebody else.");

/// <summary>No gate that is still open asks for a role of the caller.</summary>
public sealed record RoleRequired(IReadOnlyList<string> Roles) : Refusal($"This needs a holder of the role {string.Join(" or ", Roles)}.");

/// <summary>The one who proposed it decides for the caller, or the caller would decide for somebody who stands behind the request.</summary>
public sealed record OwnDelegatesRequest()
    : Refusal(
        "A request is decided by somebody who does not stand behind it: not by whom its proposer decides for, and not on their behalf."
    );

/// <summary>The caller counts as one person with somebody behind the request: one let the other in, and nobody else has verified them.</summary>
public sealed record NotIndependent()
    : Refusal(
        "You and somebody behind this request count as one person: one of you let the other in. Another owner or admin can verify the member."
    );

/// <summary>The policies no longer ask for an approval; the run goes on without one.</summary>
public sealed record ApprovalNotNeeded() : Refusal("The policies no longer ask for an approval here, and the run goes on.");

/// <summary>The caller has not decided this, or it is too late to take that back.</summary>
public sealed record NothingToWithdraw() : Refusal("There is no decision of yours here that could still be withdrawn.");

/// <summary>The reason has to come from the tenant's list, and it does not.</summary>
public sealed record ReasonRequired(IReadOnlyList<string> Codes) : Refusal($"Give one of these reasons: {string.Join(", ", Codes)}.")
{
    public override IReadOnlyList<string> Path => ["reasonCode"];
}

/// <summary>Approvals that are decided at once have to be about the same; these are not.</summary>
public sealed record NotAlike(IReadOnlyList<string> Digests)
    : Refusal("Only approvals of the very same content are decided at once. Decide these one by one.");

/// <summary>Changes can be asked for once at a time.</summary>
public sealed record ChangesAwaited() : Refusal("Changes were asked for. It can be decided when they have been made.");

/// <summary>The caller decided this before, or it is decided altogether.</summary>
public sealed record AlreadyDecided(Guid By, DateTimeOffset At) : Refusal("This was already decided.");

/// <summary>The deadline has passed.</summary>
public sealed record ApprovalExpired(DateTimeOffset At) : Refusal("The deadline for this approval has passed.");

/// <summary>What would run is no longer what the caller saw.</summary>
/// <param name="Current">The digest of what would run now.</param>
/// <param name="Changes">What is different now.</param>
public sealed record StaleDigest(string Current, IReadOnlyList<Difference> Changes)
    : Refusal("What would run has changed since you looked. Look again before deciding.")
{
    public override IReadOnlyList<string> Path => ["digest"];
}

/// <summary>One thing that changed about what is approved.</summary>
/// <param name="What">For example <c>state</c>, <c>policy</c> or <c>input</c>.</param>
public sealed record Difference(string What, string? Before, string? After);

/// <summary>Tells two looks at a run apart.</summary>
public static class Differences
{
    /// <summary>What a change of the gates is called.</summary>
    public const string Gates = "gates";

    /// <summary>What changed between two looks at the same run.</summary>
    public static IReadOnlyList<Difference> Between(Decision then, Preflight? before, Decision now, Preflight after)
    {
        var found = new List<Difference>();
        Compare("policy", then.PolicyVersion, now.PolicyVersion);
        Compare(Gates, GatesOf(then), GatesOf(now));
        Compare("sets off", SetsOff(then), SetsOff(now));
        Compare("depends on", DependsOn(then), DependsOn(now));
        Compare("summary", before?.Summary, after.Summary);
        Compare("state", before?.Before, after.Before);
        Compare("result", before?.After, after.After);
        foreach (var check in after.Checks)
            Compare(check.Name, before?.Checks.FirstOrDefault(c => c.Name == check.Name)?.Detail, check.Detail);
        if (found.Count == 0)
            Compare("state version", before?.StateVersion, after.StateVersion);
        return found;

        void Compare(string what, string? old, string? current)
        {
            if (old != current)
                found.Add(new(what, old, current));
        }
    }

    private static string? DependsOn(Decision decision) => decision.DependsOn is { } all ? string.Join("; ", all) : null;

    private static string? SetsOff(Decision decision) => decision.SetsOff is { } all ? string.Join(", ", all.Select(f => f.Title)) : null;

    private static string GatesOf(Decision decision) => string.Join(", ", decision.Gates.Select(g => g.Terms));
}

/// <summary>A human gate on a run: what exactly is approved, who may decide, until when.</summary>
public sealed class Approval : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid RunId { get; init; }

    /// <summary>What is approved: the digest of action, version, input, target and the state that preflight saw.</summary>
    public required string Digest { get; set; }

    public ApprovalState State { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset ExpiresAt { get; private set; }

    /// <summary>When those who have not decided are reminded; absent when they are not, or were.</summary>
    public DateTimeOffset? RemindAt { get; private set; }

    public DateTimeOffset? RemindedAt { get; private set; }

    /// <summary>When the first deadline passed and another role was asked as well.</summary>
    public DateTimeOffset? EscalatedAt { get; private set; }

    /// <summary>JSON array of <see cref="Difference"/>: what changed with the last round.</summary>
    public string? ChangesJson { get; private set; }

    public IReadOnlyList<Difference> Changes => ChangesJson is null ? [] : JsonSerializer.Deserialize<Difference[]>(ChangesJson)!;

    /// <summary>The digest of what would run without what tells one run from another: approvals with the same can be decided at once.</summary>
    public required string Likeness { get; set; }

    public DateTimeOffset? ClosedAt { get; private set; }

    /// <summary>How often what is approved changed since it was asked for; decisions on an earlier round do not count.</summary>
    public int Round { get; private set; }

    public int Version { get; private set; }

    public List<ApprovalDecision> Decisions { get; } = [];

    public static Approval For(Run run, DateTimeOffset now)
    {
        var approval = new Approval
        {
            TenantId = run.TenantId,
            WorkspaceId = run.WorkspaceId,
            Id = Guid.CreateVersion7(now),
            RunId = run.Id,
            Digest = run.Digest,
            Likeness = run.Likeness(),
            CreatedAt = now,
        };
        approval.StartClocks(run, now);
        return approval;
    }

    /// <summary>What has to be approved: the gates of the run's decision, which are kept nowhere else. Once the time was over, with the roles asked as well.</summary>
    public IReadOnlyList<Gate> Gates(Run run) => Gates(run.Decision);

    /// <summary>The gates of a decision, likewise.</summary>
    public IReadOnlyList<Gate> Gates(Decision decision) =>
        EscalatedAt is null
            ? decision.Gates
            : [.. decision.Gates.Select(g => g.Escalate is { } role ? g with { Also = role, Escalate = null } : g)];

    /// <summary>Why somebody may not decide this now, or null when they may.</summary>
    /// <param name="run">The run.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="decider">As what.</param>
    /// <param name="now">When.</param>
    public Refusal? WhyNot(Run run, Actor by, Decider decider, DateTimeOffset now) => Stand(run, by, decider, now).Why;

    /// <summary>Counts one person's word. When every gate has its quorum the run is queued; one rejection ends it.</summary>
    public Outcome<Evidence> Decide(
        Run run,
        ApprovalVerdict verdict,
        string digest,
        string? code,
        string? reason,
        Actor by,
        Decider decider,
        DateTimeOffset now
    )
    {
        var (no, stand) = Stand(run, by, decider, now);
        if (no is not null)
            return no;
        if (digest != Digest)
            return new StaleDigest(Digest, Changes);

        Word(by, stand!, verdict, code, reason, digest, now);
        var said = new Said(verdict, digest, code, reason, stand!.For);
        switch (verdict)
        {
            case ApprovalVerdict.Reject:
                return Close(ApprovalState.Rejected, now, run.Reject(by, now, said));
            case ApprovalVerdict.RequestChanges when run.PacketId is not null:
                // The packet goes back; what is made of it then is another run.
                return Close(ApprovalState.Rejected, now, run.Reject(by, now, said));
            case ApprovalVerdict.RequestChanges:
                State = ApprovalState.ChangesRequested;
                return run.NoteDecision(by, now, said);
            default:
                return Gates(run).All(g => Missing(g) == 0)
                    ? Close(ApprovalState.Approved, now, run.Approve(by, now, said))
                    : run.NoteDecision(by, now, said);
        }
    }

    /// <summary>Why somebody could not decide on what they saw, if so; nothing is counted.</summary>
    public Refusal? WhyNot(Run run, string digest, Actor by, Decider decider, DateTimeOffset now) =>
        Stand(run, by, decider, now).Why ?? (digest != Digest ? new StaleDigest(Digest, Changes) : null);

    /// <summary>The decision that somebody could still take back; null when there is none.</summary>
    public ApprovalDecision? Withdrawable(Guid by, DateTimeOffset now) =>
        State is (ApprovalState.Pending or ApprovalState.ChangesRequested)
        && now < ExpiresAt
        && Current.FirstOrDefault(d => d.DeciderId == by) is { } mine
        && (State is ApprovalState.Pending || mine.Verdict is ApprovalVerdict.RequestChanges)
            ? mine
            : null;

    /// <summary>Takes one's word back while others are still missing.</summary>
    public Outcome<Evidence> Withdraw(Run run, string? reason, Actor by, DateTimeOffset now)
    {
        if (run.State is not RunState.AwaitingApproval || Withdrawable(by.Id, now) is not { } mine)
            return new NothingToWithdraw();

        Word(
            by,
            new(new HashSet<string>(mine.Roles.Split(' ', StringSplitOptions.RemoveEmptyEntries)), mine.ForId),
            ApprovalVerdict.Withdraw,
            null,
            reason,
            Digest,
            now
        );
        State = ApprovalState.Pending;
        return run.NoteDecision(by, now, new(ApprovalVerdict.Withdraw, Digest, null, reason, mine.ForId));
    }

    /// <summary>What would run has changed: decisions so far no longer count. Other gates, and an approval that was decided before, have their full time again.</summary>
    public void Renew(Run run, IReadOnlyList<Difference> changes, DateTimeOffset now)
    {
        if (State is not ApprovalState.Pending || changes.Any(c => c.What == Differences.Gates))
        {
            (EscalatedAt, RemindedAt) = (null, null);
            StartClocks(run, now);
        }

        (Digest, Likeness, State, ClosedAt) = (run.Digest, run.Likeness(), ApprovalState.Pending, null);
        ChangesJson = JsonSerializer.Serialize(changes);
        Round++;
    }

    /// <summary>Takes out what repeats one of these texts.</summary>
    public void Erase(IReadOnlyCollection<string> texts)
    {
        if (ChangesJson is null)
            return;

        ChangesJson = JsonSerializer.Serialize(
            Changes.Select(c => Repeats(c.Before) || Repeats(c.After) || Repeats(c.What) ? new Difference(Run.Gone, Run.Gone, Run.Gone) : c)
        );

        bool Repeats(string? text) => text is not null && texts.Any(t => text.Contains(t, StringComparison.Ordinal));
    }

    /// <summary>The policies no longer ask for it.</summary>
    public void Lift(DateTimeOffset now) => (State, ClosedAt) = (ApprovalState.NotNeeded, now);

    private void StartClocks(Run run, DateTimeOffset now)
    {
        var gates = run.Decision.Gates;
        ExpiresAt = now + gates.Min(g => g.Expires);
        RemindAt = gates.Min(g => g.Remind) is { } remind ? now + remind : null;
    }

    /// <summary>Reminds those who have not decided. Null when there is nothing to remind of.</summary>
    public Evidence? Remind(Run run, Actor by, DateTimeOffset now)
    {
        if (State is not ApprovalState.Pending || RemindAt is not { } due || now < due)
            return null;

        (RemindAt, RemindedAt) = (null, now);
        return run.NoteClock(by, now, "gate.reminded", [("roles", Open(run)), ("until", ExpiresAt)]);
    }

    /// <summary>The time is over: another role is asked as well where a gate says so, once; otherwise it expires. Never a yes by itself.</summary>
    public Evidence TimeOver(Run run, Actor by, DateTimeOffset now)
    {
        var escalated = run.Decision.Gates.Where(g => g.Escalate is not null && Missing(g) > 0).ToList();
        if (EscalatedAt is not null || escalated.Count == 0)
        {
            (State, ClosedAt) = (ApprovalState.Expired, now);
            return run.Expire(by, now);
        }

        EscalatedAt = now;
        ExpiresAt = now + escalated.Min(g => g.Expires);
        return run.NoteClock(by, now, "gate.escalated", [("roles", escalated.Select(g => g.Escalate).Distinct()), ("until", ExpiresAt)]);
    }

    /// <summary>A stop held the run for that long: its clocks stood still.</summary>
    public void Thaw(TimeSpan held) => (ExpiresAt, RemindAt) = (ExpiresAt + held, RemindAt + held);

    public void Cancel(DateTimeOffset now) => (State, ClosedAt) = (ApprovalState.Cancelled, now);

    /// <summary>How many approvals a gate still lacks.</summary>
    public int Missing(Gate gate) =>
        Math.Max(0, gate.Quorum - Current.Count(d => d.Verdict is ApprovalVerdict.Approve && gate.Asks.Any(d.Holds)));

    /// <summary>The words that count now: the last of each person in this round, unless it was taken back.</summary>
    public IEnumerable<ApprovalDecision> Current =>
        Decisions
            .Where(d => d.Round == Round)
            .GroupBy(d => d.DeciderId)
            .Select(g => g.MaxBy(d => d.Number)!)
            .Where(d => d.Verdict is not ApprovalVerdict.Withdraw);

    // The roles that gates without their quorum ask for.
    private List<string> Open(Run run) => [.. Gates(run).Where(g => Missing(g) > 0).SelectMany(g => g.Asks).Distinct()];

    private (Refusal? Why, Standpoint? Stand) Stand(Run run, Actor by, Decider decider, DateTimeOffset now)
    {
        if (by.Kind is not PrincipalKind.User)
            return (new HumanRequired(), null);
        if (by.Id == run.ProposedBy)
            return (new OwnRequest(), null);
        if (by.Id == run.ProposerOwner)
            return (new OwnAgentsRequest(), null);
        var (standpoints, independence) = (decider.Standpoints, decider.Independence);
        if (run.Chain.Contains(by.Id) || decider.Delegates.Any(run.Chain.Contains))
            return (new OwnDelegatesRequest(), null);
        if (independence.IsAmong(by.Id, run.Chain))
            return (new NotIndependent(), null);
        if (Current.FirstOrDefault(d => d.DeciderId == by.Id) is { } mine)
            return (new AlreadyDecided(by.Id, mine.At), null);
        if (State is ApprovalState.Approved or ApprovalState.Rejected)
            return (new AlreadyDecided(Decisions.OrderBy(d => d.At).Last().DeciderId, ClosedAt!.Value), null);
        if (State is ApprovalState.Expired || (State is ApprovalState.Pending && now >= ExpiresAt))
            return (new ApprovalExpired(ExpiresAt), null);
        if (State is ApprovalState.ChangesRequested)
            return (new ChangesAwaited(), null);
        if (State is not ApprovalState.Pending || run.State is not RunState.AwaitingApproval)
            return (new WrongState(run.State.Name(), RunState.AwaitingApproval.Name()), null);

        // One person, one word: who was decided for has had theirs, and who decided for somebody else gave that one's.
        var open = Open(run);
        var spoken = Current.SelectMany(d => new[] { d.DeciderId, d.ForId ?? d.DeciderId }).ToHashSet();
        if (spoken.Contains(by.Id))
            return (new AlreadyDecided(by.Id, Current.First(d => d.ForId == by.Id).At), null);

        if (independence.IsAmong(by.Id, spoken))
            return (new NotIndependent(), null);

        var able = standpoints.Where(s => open.Any(s.Roles.Contains)).ToList();
        if (
            able.FirstOrDefault(s =>
                s.For is not { } other || (!independence.IsAmong(other, run.Chain) && !independence.IsAmong(other, spoken))
            ) is
            { } stand
        )
            return (null, stand);
        return (
            able.Any(s => s.For is { } other && independence.IsAmong(other, run.Chain))
                ? new OwnDelegatesRequest()
                : new RoleRequired(open),
            null
        );
    }

    private void Word(Actor by, Standpoint stand, ApprovalVerdict verdict, string? code, string? reason, string digest, DateTimeOffset now)
    {
        Decisions.Add(
            new()
            {
                TenantId = TenantId,
                WorkspaceId = WorkspaceId,
                ApprovalId = Id,
                DeciderId = by.Id,
                Round = Round,
                Number = Decisions.Count(d => d.DeciderId == by.Id && d.Round == Round) + 1,
                Verdict = verdict,
                ForId = stand.For,
                Roles = string.Join(' ', stand.Roles.Order(StringComparer.Ordinal)),
                ReasonCode = code,
                Reason = reason,
                Digest = digest,
                At = now,
            }
        );
        Version++;
    }

    private Evidence Close(ApprovalState state, DateTimeOffset now, Evidence evidence)
    {
        (State, ClosedAt) = (state, now);
        return evidence;
    }
}

/// <summary>What somebody said about what is approved.</summary>
public sealed record Said(ApprovalVerdict Verdict, string Digest, string? Code, string? Reason, Guid? For);

/// <summary>One person's word on one approval. Never changed: taking it back is another one.</summary>
public sealed class ApprovalDecision : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ApprovalId { get; init; }

    public required Guid DeciderId { get; init; }

    public required int Round { get; init; }

    /// <summary>Counts a person's words within a round, from 1.</summary>
    public required int Number { get; init; }

    public required ApprovalVerdict Verdict { get; init; }

    /// <summary>On whose behalf, by delegation; absent for one's own word.</summary>
    public Guid? ForId { get; init; }

    /// <summary>A reason of the tenant's list.</summary>
    public string? ReasonCode { get; init; }

    /// <summary>The roles that counted at the time, separated by spaces: the decider's own, or those of the one who was decided for.</summary>
    public required string Roles { get; init; }

    public string? Reason { get; init; }

    /// <summary>What the decider saw.</summary>
    public required string Digest { get; init; }

    public required DateTimeOffset At { get; init; }

    public bool Holds(string role) => Roles.Split(' ').Contains(role);
}
