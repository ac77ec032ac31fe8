using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Elevations;

/// <summary>An elevation lasts between a quarter of an hour and eight hours.</summary>
public sealed record ElevationTooLong(int MinMinutes, int MaxMinutes)
    : Refusal($"An elevation lasts between {MinMinutes} and {MaxMinutes} minutes.")
{
    public override IReadOnlyList<string> Path => ["minutes"];
}

/// <summary>Only somebody who owns a workspace of the tenant breaks the glass.</summary>
public sealed record OwnersOnly() : Refusal("Only somebody who owns a workspace of the tenant can come in without being let in.");

/// <summary>Whoever was elevated does not look over it themselves.</summary>
public sealed record ReviewByAnother() : Refusal("Somebody else looks over it.");

/// <summary>
/// A role that somebody holds for a short time, because they asked and were let in, or because they broke the glass. Everything that they see
/// or do by it is in its chain of receipts.
/// </summary>
public sealed class Elevation : IReceipted
{
    public const int MinMinutes = 15;
    public const int MaxMinutes = 8 * 60;

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>The role that it gives.</summary>
    public required string Role { get; init; }

    public required string Reason { get; init; }

    /// <summary>The run that let them in.</summary>
    public required Guid RunId { get; init; }

    /// <summary>Nobody let them in; somebody looks over it afterwards.</summary>
    public required bool BreakGlass { get; init; }

    public required DateTimeOffset Since { get; init; }

    public required DateTimeOffset Until { get; init; }

    /// <summary>When it was ended, by hand or by the clock; its <see cref="Until"/> holds either way.</summary>
    public DateTimeOffset? EndedAt { get; private set; }

    /// <summary>How many requests were answered by it.</summary>
    public int Uses { get; private set; }

    public Guid? ReviewedBy { get; private set; }

    public DateTimeOffset? ReviewedAt { get; private set; }

    /// <summary>What the review found: whether it was justified.</summary>
    public bool? Justified { get; private set; }

    public string? Review { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    /// <summary>That it began.</summary>
    public Evidence Begin(Actor by, DateTimeOffset now) =>
        Note(
            by,
            now,
            BreakGlass ? "glass.broken" : "elevation.begun",
            "ELEVATED",
            ("reason_text", Reason),
            ("role", Role),
            ("until", Until),
            ("run", RunId)
        );

    /// <summary>That something was seen or done by it. Commit it before the answer leaves.</summary>
    public Evidence Use(Actor by, DateTimeOffset now, string way, params (string, object?)[] fields)
    {
        Uses++;
        return Note(by, now, $"elevation.{way}", "ELEVATED", [("role", Role), .. fields]);
    }

    public Outcome<Evidence> End(Actor by, string code, string? reason, DateTimeOffset now)
    {
        if (EndedAt is not null)
            return new WrongState("OVER", "ELEVATED");

        EndedAt = now < Until ? now : Until;
        return Note(by, now, code, "OVER", ("reason_text", reason), ("uses", Uses));
    }

    /// <summary>Says whether breaking the glass was justified.</summary>
    public Outcome<Evidence> Look(Actor by, bool justified, string reason, DateTimeOffset now)
    {
        if (!BreakGlass || ReviewedAt is not null)
            return new WrongState(BreakGlass ? "REVIEWED" : "APPROVED", "UNREVIEWED");
        if (by.Id == PrincipalId)
            return new ReviewByAnother();

        (ReviewedBy, ReviewedAt, Justified, Review) = (by.Id, now, justified, reason);
        return Note(
            by,
            now,
            justified ? "glass.justified" : "glass.not_justified",
            EndedAt is null ? "ELEVATED" : "OVER",
            ("reason_text", reason)
        );
    }

    private Evidence Note(Actor by, DateTimeOffset now, string code, string state, params (string, object?)[] fields) =>
        ReceiptWriter.Append(
            this,
            ReceiptKind.Elevated,
            by,
            now,
            "elevation",
            code,
            state,
            [("target", $"User::\"{PrincipalId}\""), .. fields]
        );
}

/// <summary>That somebody asked for an elevation. It says nothing about whether there is such a workspace.</summary>
public sealed class ElevationRequest : ITenantOwned
{
    /// <summary>How long an answer is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromHours(24);

    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>Which workspace, as they spelled it.</summary>
    public required string WorkspaceKey { get; init; }

    public required string Role { get; init; }

    public required int Minutes { get; init; }

    public required string Reason { get; init; }

    public required string IdempotencyKey { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The workspace and run that it led to; absent when there is no such workspace.</summary>
    public Guid? InWorkspace { get; set; }

    public Guid? RunId { get; set; }

    public int Version { get; private set; }
}
