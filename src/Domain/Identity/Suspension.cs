using Mumega.Domain.Receipts;

namespace Mumega.Domain.Identity;

/// <summary>One time that a person or agent was out of action, with its receipts: when it began, why, how many tokens died, and when it ended.</summary>
public sealed class Suspension : IReceipted
{
    public required Guid TenantId { get; init; }

    /// <summary>The workspace where it was decided; it holds in the whole tenant.</summary>
    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>The owner whose suspension or leaving caused it; absent when it was decided on the principal itself.</summary>
    public Guid? Through { get; init; }

    public required DateTimeOffset Since { get; init; }

    public DateTimeOffset? EndedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    /// <summary>Suspends somebody.</summary>
    /// <param name="workspaceId">Where it was decided.</param>
    /// <param name="principal">Who.</param>
    /// <param name="through">The owner who caused it, for an agent.</param>
    /// <param name="code">Why, for the receipt, for example <c>owner.suspended</c>.</param>
    /// <param name="tokens">How many tokens died with it.</param>
    /// <param name="level">The <see cref="Policies.Level"/> at which it was decided.</param>
    /// <param name="by">Who decided it.</param>
    /// <param name="now">When.</param>
    public static (Suspension Suspension, Evidence Evidence) Begin(
        Guid workspaceId,
        Principal principal,
        Guid? through,
        string code,
        int tokens,
        string level,
        Actor by,
        DateTimeOffset now
    )
    {
        principal.Suspend(now, by.Id, level, through);
        var suspension = new Suspension
        {
            TenantId = principal.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(now),
            PrincipalId = principal.Id,
            Through = through,
            Since = now,
        };
        return (
            suspension,
            suspension.Note(by, now, "principal.suspended", code, "SUSPENDED", principal, ("through", through), ("tokens_revoked", tokens))
        );
    }

    /// <summary>Lets the principal act again, with new tokens.</summary>
    public Evidence End(Principal principal, string code, Actor by, DateTimeOffset now)
    {
        principal.Resume();
        EndedAt = now;
        return Note(by, now, "principal.resumed", code, "ACTIVE", principal);
    }

    private Evidence Note(
        Actor by,
        DateTimeOffset now,
        string action,
        string code,
        string state,
        Principal principal,
        params (string, object?)[] fields
    ) =>
        ReceiptWriter.Append(
            this,
            ReceiptKind.Stop,
            by,
            now,
            action,
            code,
            state,
            [("target", $"{principal.Kind}::\"{principal.Id}\""), .. fields]
        );
}
