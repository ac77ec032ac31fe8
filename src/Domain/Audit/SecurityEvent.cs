using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Audit;

/// <summary>Something about signing in or a credential that is no governed act, and so has no receipt: who came in, who did not, and why.</summary>
public sealed class SecurityEvent : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>A stable code, for example <c>sign-in.failed</c>.</summary>
    public required string Code { get; init; }

    /// <summary>Whom it concerns, if that is known.</summary>
    public Guid? PrincipalId { get; init; }

    /// <summary>Where it came from.</summary>
    public string? Address { get; init; }

    public string? Detail { get; init; }

    /// <summary>The trace that it belongs to (W3C Trace Context), 32 hex digits.</summary>
    public string? TraceId { get; init; }

    public required DateTimeOffset At { get; init; }
}
