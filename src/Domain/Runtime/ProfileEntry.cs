using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Runtime;

/// <summary>One key of a workspace's runtime profile.</summary>
public sealed class ProfileEntry : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string Key { get; init; }

    /// <summary>Canonical JSON; absent when the key was removed.</summary>
    public string? Value { get; private set; }

    public DateTimeOffset UpdatedAt { get; private set; }

    public int Version { get; private set; }

    public void Set(string? value, DateTimeOffset now) => (Value, UpdatedAt) = (value, now);
}
