namespace Mumega.Domain.Tenancy;

/// <summary>A row that belongs to one tenant.</summary>
public interface ITenantOwned
{
    Guid TenantId { get; }
}

/// <summary>A row that belongs to one workspace of one tenant.</summary>
public interface IWorkspaceOwned : ITenantOwned
{
    Guid WorkspaceId { get; }
}

/// <summary>A customer. Everything it owns is walled off from every other tenant.</summary>
public sealed class Tenant
{
    public required Guid Id { get; init; }

    /// <summary>A short name, unique, used in public addresses.</summary>
    public required string Key { get; init; }

    public required string Name { get; set; }

    /// <summary>The origin of the tenant's receipt log; random, so that it tells nothing about the tenant.</summary>
    public required string Log { get; init; }

    /// <summary>The last part of the origin, 26 characters of base32: what the log is called in addresses.</summary>
    public string LogId => Log[(Log.LastIndexOf('/') + 1)..];

    /// <summary>The origin of the log with that id.</summary>
    public static string OriginOf(string logId) => $"receipts.mumega.local/l/{logId}";

    /// <summary>
    /// Counts the commits that changed who may do what: policies, stops, principals, roles, workspaces. What was read at one count still holds
    /// while the count is the same.
    /// </summary>
    public long Authority { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Whether a password alone never confirms anything: who has no second factor has to set one up first.</summary>
    public bool RequiresSecondFactor { get; set; }

    /// <summary>Set once the tenant left: nobody signs in, no token holds, no job runs; its receipts still verify.</summary>
    public DateTimeOffset? ClosedAt { get; set; }
}

/// <summary>A walled room inside a tenant: what lies in one workspace does not show in another.</summary>
public sealed class Workspace : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>A short name, unique within the tenant.</summary>
    public required string Key { get; init; }

    public required string Name { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Set once it was removed: nobody holds a role in it any more. Its rows stay, and its receipts verify.</summary>
    public DateTimeOffset? RemovedAt { get; set; }
}

/// <summary>A role that a principal holds in one workspace.</summary>
public sealed class RoleBinding : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>For example <c>operator</c>; a Cedar group <c>Mumega::Role::"operator"</c> within the workspace.</summary>
    public required string Role { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends by itself; absent when it is held for good.</summary>
    public DateTimeOffset? Until { get; set; }

    /// <summary>The elevation that gave it; absent for a role that was granted.</summary>
    public Guid? ElevationId { get; set; }

    /// <summary>Who gave it; absent for what a tenant began with.</summary>
    public Guid? GrantedBy { get; set; }

    public int Version { get; private set; }

    public bool Holds(DateTimeOffset now) => Until is null || now < Until;
}
