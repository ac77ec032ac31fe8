using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;

namespace Mumega.Domain.Approvals;

/// <summary>A delegation that can't be.</summary>
public sealed record BadDelegation(string Problem) : Refusal($"This can't be delegated: {Problem}");

/// <summary>Somebody has another person decide for them between two times. It reaches no further: who is decided for by delegation passes nothing on.</summary>
public sealed class Delegation : IReceipted
{
    /// <summary>The longest that one lasts.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(92);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>Whose word it is.</summary>
    public required Guid FromId { get; init; }

    /// <summary>Who says it.</summary>
    public required Guid ToId { get; init; }

    public required DateTimeOffset Since { get; init; }

    public required DateTimeOffset Until { get; init; }

    public required string Reason { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public bool Holds(DateTimeOffset now) => EndedAt is null && Since <= now && now < Until;

    /// <summary>Has another person decide for the caller.</summary>
    public static Outcome<BegunDelegation> Begin(
        Guid workspaceId,
        Principal to,
        DateTimeOffset since,
        DateTimeOffset until,
        string reason,
        Actor by,
        DateTimeOffset now
    )
    {
        if (by.Kind is not PrincipalKind.User || to.Kind is not PrincipalKind.User)
            return new HumanRequired();
        if (to.Id == by.Id)
            return new BadDelegation("nobody decides for themselves by delegation.");
        if (until <= since || until <= now)
            return new BadDelegation("it ends before it begins.");
        if (until - (since < now ? now : since) > Longest)
            return new BadDelegation($"it lasts at most {Longest.TotalDays:0} days.");

        var delegation = new Delegation
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(now),
            FromId = by.Id,
            ToId = to.Id,
            Since = since,
            Until = until,
            Reason = reason,
            CreatedAt = now,
        };
        return new BegunDelegation(
            delegation,
            delegation.Note(
                by,
                now,
                "delegation.begun",
                "ACTIVE",
                ("delegate", to.Id),
                ("since", since),
                ("until", until),
                ("reason_text", reason)
            )
        );
    }

    /// <summary>Ends it before its time. Decisions that were made keep counting.</summary>
    public Outcome<Evidence> End(Actor by, DateTimeOffset now)
    {
        if (EndedAt is not null || now >= Until)
            return new WrongState("ENDED", "ACTIVE");

        EndedAt = now;
        return Note(by, now, "delegation.ended", "ENDED");
    }

    private Evidence Note(Actor by, DateTimeOffset now, string code, string state, params IEnumerable<(string, object?)> fields) =>
        ReceiptWriter.Append(this, ReceiptKind.Decided, by, now, "approval.delegate", code, state, fields);
}

/// <summary>A delegation with the receipt of its beginning.</summary>
public sealed record BegunDelegation(Delegation Delegation, Evidence Evidence);

/// <summary>A reason that deciders choose from, of the tenant's own list.</summary>
public sealed class DecisionReason : Tenancy.ITenantOwned
{
    public required Guid TenantId { get; init; }

    /// <summary>A short name, for example <c>missing-source</c>.</summary>
    public required string Code { get; init; }

    public required string Label { get; set; }

    /// <summary>For which word it is meant.</summary>
    public required ApprovalVerdict Verdict { get; set; }
}
