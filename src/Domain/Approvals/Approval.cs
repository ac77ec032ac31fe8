using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Approvals;

public enum ApprovalState { Pending, Approved, Rejected, Expired, Cancelled }

public enum ApprovalVerdict { Approve, Reject }

/// <summary>Only a person decides.</summary>
public sealed record HumanRequired() : Refusal("Only a person can decide this.");

/// <summary>The one who proposed it asks to decide it.</summary>
public sealed record OwnRequest() : Refusal("A request cannot be decided by whoever made it.");

/// <summary>The owner of the agent that proposed it asks to decide it.</summary>
public sealed record OwnAgentsRequest() : Refusal("A request of your own agent is decided by somebody else.");

/// <summary>No gate that is still open asks for a role of the caller.</summary>
public sealed record RoleRequired(IReadOnlyList<string> Roles) : Refusal($"This needs a holder of the role {string.Join(" or ", Roles)}.");

/// <summary>The caller decided this before, or it is decided altogether.</summary>
public sealed record AlreadyDecided(Guid By, DateTimeOffset At) : Refusal("This was already decided.");

/// <summary>The deadline has passed.</summary>
public sealed record ApprovalExpired(DateTimeOffset At) : Refusal("The deadline for this approval has passed.");

/// <summary>What would run is no longer what the caller saw.</summary>
/// <param name="Current">The digest of what would run now.</param>
public sealed record StaleDigest(string Current) : Refusal("What would run has changed since you looked. Look again before deciding.")
{
    public override IReadOnlyList<string> Path => ["digest"];
}

/// <summary>A human gate on a run: what exactly is approved, who may decide, until when.</summary>
public sealed class Approval : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid RunId { get; init; }

    /// <summary>JSON array of <see cref="Gate"/>.</summary>
    public required string GatesJson { get; init; }

    public IReadOnlyList<Gate> Gates => JsonSerializer.Deserialize<Gate[]>(GatesJson)!;

    /// <summary>What is approved: the digest of action, version, input, target and the state that preflight saw.</summary>
    public required string Digest { get; set; }

    public ApprovalState State { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? ClosedAt { get; private set; }

    /// <summary>How often what is approved changed since it was asked for; decisions on an earlier round do not count.</summary>
    public int Round { get; private set; }

    public int Version { get; private set; }

    public List<ApprovalDecision> Decisions { get; } = [];

    public static Approval For(Run run, IReadOnlyList<Gate> gates, DateTimeOffset now) => new()
    {
        TenantId = run.TenantId,
        WorkspaceId = run.WorkspaceId,
        Id = Guid.CreateVersion7(now),
        RunId = run.Id,
        GatesJson = JsonSerializer.Serialize(gates),
        Digest = run.Digest,
        CreatedAt = now,
        ExpiresAt = now + gates.Min(g => g.Expires),
    };

    /// <summary>Why somebody may not decide this now, or null when they may.</summary>
    public Refusal? WhyNot(Run run, Actor by, IReadOnlySet<string> roles, DateTimeOffset now)
    {
        if (by.Kind is not PrincipalKind.User) return new HumanRequired();
        if (by.Id == run.ProposedBy) return new OwnRequest();
        if (by.Id == run.ProposerOwner) return new OwnAgentsRequest();
        if (Current.FirstOrDefault(d => d.DeciderId == by.Id) is { } mine) return new AlreadyDecided(by.Id, mine.At);
        if (State is ApprovalState.Approved or ApprovalState.Rejected)
            return new AlreadyDecided(Decisions.OrderBy(d => d.At).Last().DeciderId, ClosedAt!.Value);
        if (State is ApprovalState.Expired || (State is ApprovalState.Pending && now >= ExpiresAt)) return new ApprovalExpired(ExpiresAt);
        if (State is not ApprovalState.Pending || run.State is not RunState.AwaitingApproval)
            return new WrongState(run.State.Name(), RunState.AwaitingApproval.Name());

        var open = Gates.Where(g => Missing(g) > 0).Select(g => g.Role).Distinct().ToList();
        return open.Any(roles.Contains) ? null : new RoleRequired(open);
    }

    /// <summary>Counts one person's word. When every gate has its quorum the run is queued; one rejection ends it.</summary>
    public Outcome<Evidence> Decide(
        Run run, ApprovalVerdict verdict, string digest, string? reason, Actor by, IReadOnlySet<string> roles, DateTimeOffset now)
    {
        if (WhyNot(run, by, roles, now) is { } no) return no;
        if (digest != Digest) return new StaleDigest(Digest);

        Decisions.Add(new()
        {
            TenantId = TenantId,
            WorkspaceId = WorkspaceId,
            ApprovalId = Id,
            DeciderId = by.Id,
            Round = Round,
            Verdict = verdict,
            Roles = string.Join(' ', roles.Order(StringComparer.Ordinal)),
            Reason = reason,
            Digest = digest,
            At = now,
        });
        Version++;

        if (verdict is ApprovalVerdict.Reject) return Close(ApprovalState.Rejected, now, run.Reject(by, now, reason, digest));
        return Gates.All(g => Missing(g) == 0)
            ? Close(ApprovalState.Approved, now, run.Approve(by, now, reason, digest))
            : run.NoteApproval(by, now, reason, digest);
    }

    /// <summary>What would run has changed: decisions so far no longer count.</summary>
    public void Renew(string digest)
    {
        (Digest, State, ClosedAt) = (digest, ApprovalState.Pending, null);
        Round++;
    }

    public void Expire(DateTimeOffset now) => (State, ClosedAt) = (ApprovalState.Expired, now);

    public void Cancel(DateTimeOffset now) => (State, ClosedAt) = (ApprovalState.Cancelled, now);

    /// <summary>How many approvals a gate still lacks.</summary>
    public int Missing(Gate gate) => Math.Max(0, gate.Quorum - Current.Count(d => d.Verdict is ApprovalVerdict.Approve && d.Holds(gate.Role)));

    private IEnumerable<ApprovalDecision> Current => Decisions.Where(d => d.Round == Round);

    private Evidence Close(ApprovalState state, DateTimeOffset now, Evidence evidence)
    {
        (State, ClosedAt) = (state, now);
        return evidence;
    }
}

/// <summary>One person's word on one approval. The database allows one per person and round.</summary>
public sealed class ApprovalDecision : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ApprovalId { get; init; }

    public required Guid DeciderId { get; init; }

    public required int Round { get; init; }

    public required ApprovalVerdict Verdict { get; init; }

    /// <summary>The roles that the decider held at the time, separated by spaces.</summary>
    public required string Roles { get; init; }

    public string? Reason { get; init; }

    /// <summary>What the decider saw.</summary>
    public required string Digest { get; init; }

    public required DateTimeOffset At { get; init; }

    public bool Holds(string role) => Roles.Split(' ').Contains(role);
}
