using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;

namespace Mumega.Domain.Members;

public enum InvitationState
{
    Open,
    Accepted,
    Revoked,
    Expired,
}

/// <summary>The link is wrong, was used, taken back, or is too old; which of these is not told.</summary>
public sealed record InvitationVoid() : Refusal("This invitation does not hold any more. Ask for another one.");

/// <summary>Somebody is asked to work here. Whoever comes with the link's secret, within its time, gets the role; the secret itself is told once and kept as a hash.</summary>
public sealed class Invitation : IReceipted
{
    /// <summary>How long a link holds.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromDays(7);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>Whom it is for: only an account with this address can be made or used with it.</summary>
    public required string Email { get; init; }

    public required string Role { get; init; }

    /// <summary>When the role ends; absent when it is for good.</summary>
    public DateTimeOffset? Until { get; init; }

    public required Guid InvitedBy { get; init; }

    /// <summary>Who made the link that is valid now, and so could take it; absent before there is one.</summary>
    public Guid? LinkedBy { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>SHA-256 of the link's secret, lower-case hex; absent before a link was asked for.</summary>
    public string? TokenHash { get; private set; }

    /// <summary>Until when the link holds.</summary>
    public DateTimeOffset ExpiresAt { get; private set; }

    public DateTimeOffset? AcceptedAt { get; private set; }

    public Guid? AcceptedBy { get; private set; }

    public DateTimeOffset? RevokedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public InvitationState State(DateTimeOffset now) =>
        AcceptedAt is not null ? InvitationState.Accepted
        : RevokedAt is not null ? InvitationState.Revoked
        : now >= ExpiresAt ? InvitationState.Expired
        : InvitationState.Open;

    public Evidence Begin(Actor by, DateTimeOffset now)
    {
        ExpiresAt = now + Lasts;
        return Note(by, now, "invitation.made", "OPEN", ("role", Role), ("until", Until));
    }

    /// <summary>A new link; the one before it holds no longer.</summary>
    public Outcome<Evidence> Link(string tokenHash, Actor by, DateTimeOffset now)
    {
        if (State(now) is InvitationState.Accepted or InvitationState.Revoked)
            return new WrongState(State(now).ToString().ToUpperInvariant(), "OPEN");

        (TokenHash, LinkedBy, ExpiresAt) = (tokenHash, by.Id, now + Lasts);
        return Note(by, now, "invitation.linked", "OPEN");
    }

    public Outcome<Evidence> Accept(Actor by, DateTimeOffset now)
    {
        if (State(now) is not InvitationState.Open)
            return new InvitationVoid();

        (AcceptedAt, AcceptedBy, TokenHash) = (now, by.Id, null);
        return Note(by, now, "invitation.accepted", "ACCEPTED", ("role", Role), ("until", Until));
    }

    public Outcome<Evidence> Revoke(Actor by, DateTimeOffset now)
    {
        if (State(now) is InvitationState.Accepted or InvitationState.Revoked)
            return new WrongState(State(now).ToString().ToUpperInvariant(), "OPEN");

        (RevokedAt, TokenHash) = (now, null);
        return Note(by, now, "invitation.revoked", "REVOKED");
    }

    private Evidence Note(Actor by, DateTimeOffset now, string code, string state, params (string, object?)[] fields) =>
        ReceiptWriter.Append(
            this,
            ReceiptKind.Decided,
            by,
            now,
            "member.invitation",
            code,
            state,
            [("target", $"Invitation::\"{Id}\""), ("email", Email), .. fields]
        );
}
