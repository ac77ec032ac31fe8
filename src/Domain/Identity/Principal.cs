using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Identity;

public enum PrincipalKind { User, Agent, Partner, Service }

/// <summary>Who can act: a person, an agent, a partner or the platform itself.</summary>
public sealed class Principal : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    public required PrincipalKind Kind { get; init; }

    public required string Name { get; set; }

    /// <summary>The person who answers for an agent; absent for anybody else.</summary>
    public Guid? OwnerId { get; init; }

    /// <summary>The OAuth client id of an agent; unique over all tenants.</summary>
    public string? ClientId { get; init; }

    /// <summary>Set while suspended: every token and connection of the principal is dead.</summary>
    public DateTimeOffset? SuspendedAt { get; private set; }

    /// <summary>When an agent stops working by itself.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public int Version { get; private set; }

    public bool IsActive(DateTimeOffset now) => SuspendedAt is null && (EndsAt is null || now < EndsAt);

    public void Suspend(DateTimeOffset now) => SuspendedAt ??= now;

    public void Resume() => SuspendedAt = null;
}

/// <summary>The authenticated principal of one request, as an argument to every act. There is no ambient user.</summary>
/// <param name="Log">The origin of the tenant's receipt log, which every receipt names.</param>
/// <param name="Scopes">The OAuth scopes of the token: a ceiling that no policy can lift.</param>
/// <param name="Workspaces">The workspaces that the token names.</param>
/// <param name="Surface">Where the request came in, for example <c>graphql</c>.</param>
public sealed record Actor(
    Guid TenantId,
    Guid Id,
    PrincipalKind Kind,
    string Name,
    Guid? OwnerId,
    string Log,
    IReadOnlySet<string> Scopes,
    IReadOnlySet<Guid> Workspaces,
    string Surface)
{
    /// <summary>The surface of what a published workflow does by itself; nobody else acts on it.</summary>
    public const string WorkflowSurface = "workflow";

    /// <summary>The platform acting on a tenant's behalf, for example when a deadline passes.</summary>
    public static Actor Platform(Guid tenantId, string log) => new(
        tenantId, Guid.Empty, PrincipalKind.Service, "Mumega", null, log, new HashSet<string>(), new HashSet<Guid>(), "job");
}

/// <summary>The OAuth scopes that tokens may carry.</summary>
public static class Scopes
{
    public const string Read = "mumega:read";
    public const string Propose = "mumega:propose";
    public const string Decide = "mumega:decide";
    public const string Stop = "mumega:stop";

    /// <summary>What a partner gets: receipts under its contracts, nothing else.</summary>
    public const string Receipts = "mumega:receipts";

    public static readonly IReadOnlyList<string> All = [Read, Propose, Decide, Stop, Receipts];
}
