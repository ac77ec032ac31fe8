using Mumega.Domain.Identity;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Receipts;

/// <summary>
/// How far a tenant's log is sealed. Its row is what sealers race for: the commit that adds leaves takes the size from what was read to the new
/// one, so that only one of them can.
/// </summary>
public sealed class LogHead : ITenantOwned
{
    public required Guid TenantId { get; init; }

    /// <summary>The number of leaves; the leaf at index i is the receipt at position i + 1.</summary>
    public long Size { get; set; }

    /// <summary>The roots of the full subtrees, largest first, 32 bytes each.</summary>
    public required byte[] Roots { get; set; }

    /// <summary>Grows whenever another sealer takes over; a sealer that lost its lease without noticing commits nothing.</summary>
    public int Epoch { get; set; }

    /// <summary>The process that seals.</summary>
    public Guid Holder { get; set; }

    public DateTimeOffset LeaseUntil { get; set; }

    /// <summary>Why nothing is signed any more, for an operator to look into; absent while all is well.</summary>
    public string? Frozen { get; set; }
}

/// <summary>A full tile of the log's tree (C2SP tlog-tiles). Stored once, never changed.</summary>
public sealed class LogTile : ITenantOwned
{
    public required Guid TenantId { get; init; }

    /// <summary>0 for leaves.</summary>
    public required int Level { get; init; }

    public required long Index { get; init; }

    /// <summary>256 hashes of 32 bytes.</summary>
    public required byte[] Hashes { get; init; }

    /// <summary>The root over them: the tile's hash in the tile above.</summary>
    public required byte[] Root { get; init; }
}

/// <summary>A checkpoint that was signed. There is one for a size, ever.</summary>
public sealed class LogCheckpoint : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required long Size { get; init; }

    /// <summary>The signed note (C2SP tlog-checkpoint), without cosignatures.</summary>
    public required string Note { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>A witness's signature on a checkpoint.</summary>
public sealed class LogCosignature : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required long Size { get; init; }

    /// <summary>The witness's verifier key.</summary>
    public required string Witness { get; init; }

    /// <summary>The signature line (C2SP tlog-cosignature).</summary>
    public required string Line { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>A key that a tenant's log signs with.</summary>
public sealed class LogKey : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>The public half, a verifier key as C2SP signed-note writes it.</summary>
    public required string Verifier { get; init; }

    /// <summary>The private half, sealed.</summary>
    public required string Sealed { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it stops signing; absent for the newest.</summary>
    public DateTimeOffset? RetiresAt { get; set; }

    public int Version { get; private set; }

    /// <summary>The receipt that says that this key signs from now on, beside those before it for a while.</summary>
    public Evidence Announce(Guid workspaceId, Actor by, IReadOnlyList<string> former, DateTimeOffset now) =>
        ReceiptWriter.Append(
            new Announcement(TenantId, workspaceId, Id),
            ReceiptKind.LogKey,
            by,
            now,
            "log",
            "key.rotated",
            "SIGNING",
            [("target", Verifier), ("state_before", former), ("state_after", Verifier)]
        );

    // A chain of one.
    private sealed class Announcement(Guid tenantId, Guid workspaceId, Guid id) : IReceipted
    {
        public Guid TenantId => tenantId;

        public Guid WorkspaceId => workspaceId;

        public Guid Id => id;

        public int Receipts { get; set; }

        public string? LastReceipt { get; set; }
    }
}
