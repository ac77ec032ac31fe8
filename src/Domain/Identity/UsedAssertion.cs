using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Identity;

/// <summary>A client assertion (RFC 7523) that somebody has signed in with; while it could be taken for valid, it is not taken again, on any node.</summary>
public sealed class UsedAssertion : ITenantOwned
{
    public required Guid TenantId { get; init; }

    /// <summary>SHA-256 of client and <c>jti</c>, lowercase hex.</summary>
    public required string Digest { get; init; }

    /// <summary>When it would have expired; forgotten after that.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}
