using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;

namespace Mumega.Domain.Partners;

/// <summary>The contract was revoked, has run out or has not begun: nothing is shown under it.</summary>
public sealed record ContractEnded(string Reason) : Refusal($"Nothing is shown under this contract: {Reason}");

/// <summary>
/// What a partner may see of one workspace: receipts of some kinds, with some fields opened, for a time. Whatever is shown under it leaves a
/// receipt in the contract's own chain, numbered without gaps, so that both sides can tell what was shown.
/// </summary>
public sealed class Contract : IReceipted
{
    /// <summary>What is never shared: receipts about sharing would have no end.</summary>
    public static readonly IReadOnlyList<string> Kinds = [.. ReceiptKind.All.Except([ReceiptKind.Disclosed])];

    /// <summary>Actions that are never shared either: which contracts there are with others is nobody's business.</summary>
    public const string Family = "partner.";

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid PartnerId { get; init; }

    /// <summary>JSON array of receipt kinds.</summary>
    public required string KindsJson { get; init; }

    /// <summary>JSON array of the names of fields that are opened; <c>parameters.*</c> stands for all parameters.</summary>
    public required string FieldsJson { get; init; }

    /// <summary>Receipts after this time are shown.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>When it ends by itself.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>The key of the connection by which new checkpoints are sent to the partner; absent for none.</summary>
    public string? Connection { get; init; }

    /// <summary>The size of the last checkpoint that was delivered by the connection.</summary>
    public long Delivered { get; set; }

    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; private set; }

    /// <summary>When something was last shown under it.</summary>
    public DateTimeOffset? UsedAt { get; private set; }

    /// <summary>How many receipts were shown under it, counting repeats.</summary>
    public long Shown { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public IReadOnlyList<string> SharedKinds => JsonSerializer.Deserialize<string[]>(KindsJson)!;

    public IReadOnlyList<string> SharedFields => JsonSerializer.Deserialize<string[]>(FieldsJson)!;

    /// <summary>Why nothing is shown now, or null while it holds.</summary>
    public ContractEnded? Ended(DateTimeOffset now) =>
        RevokedAt is not null ? new("it was revoked.")
        : now >= Until ? new("it has run out.")
        : null;

    /// <summary>Whether the partner sees the value of a field.</summary>
    public bool Opens(string field) =>
        SharedFields.Contains(field)
        || (field.StartsWith("parameters.", StringComparison.Ordinal) && SharedFields.Contains("parameters.*"));

    public void Revoke(DateTimeOffset now) => RevokedAt ??= now;

    /// <summary>Records what is about to be shown. Commit it before showing anything.</summary>
    /// <param name="by">The partner.</param>
    /// <param name="shown">Ids of receipts.</param>
    /// <param name="way">How it is shown: <c>query</c>, <c>subscription</c> or <c>evidence</c>.</param>
    /// <param name="now">The time.</param>
    public Outcome<Evidence> Disclose(Actor by, IReadOnlyList<Guid> shown, string way, DateTimeOffset now)
    {
        if (Ended(now) is { } ended)
            return ended;

        UsedAt = now;
        Shown += shown.Count;
        return ReceiptWriter.Append(
            this,
            ReceiptKind.Disclosed,
            by,
            now,
            "contract",
            $"disclosed.{way}",
            "SHARED",
            [
                ("partner_seq", new { partner = PartnerId, seq = Receipts + 1 }),
                ("target", $"Contract::\"{Id}\""),
                ("receipts", shown),
                ("fields", SharedFields),
            ]
        );
    }
}

/// <summary>What is shown under a contract is recorded as shown to the partner, so nobody else may look through it.</summary>
public sealed record PartnersOnly() : Refusal("Only the partner reads receipts under its contract; look at them in the workspace.");
