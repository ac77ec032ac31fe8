using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Policies;

/// <summary>One version of a tenant's policies. The highest number is in force; none is ever changed.</summary>
public sealed class PolicyVersion : ITenantOwned
{
    public required Guid TenantId { get; init; }

    /// <summary>From 1 within the tenant.</summary>
    public required int Number { get; init; }

    /// <summary>Cedar policy text.</summary>
    public required string Text { get; init; }

    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
