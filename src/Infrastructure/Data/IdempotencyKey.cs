using Mumega.Domain.Tenancy;

namespace Mumega.Infrastructure.Data;

/// <summary>What a mutation with this key led to, committed together with it.</summary>
public sealed class IdempotencyKey : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PrincipalId { get; init; }

    public required string Key { get; init; }

    /// <summary>SHA-256 of what was asked, lower-case hex.</summary>
    public required string RequestHash { get; init; }

    public required Guid SubjectId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
