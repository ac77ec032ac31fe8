using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Audit;

/// <summary>Something that is no governed act, and so has no receipt: who came in, who did not, what was refused before it became a run, and why.</summary>
public sealed class SecurityEvent : ITenantOwned
{
    /// <summary>The same refusal within this time is one event with a count.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

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

    /// <summary>Where, if that is known and was no secret to them.</summary>
    public Guid? WorkspaceId { get; init; }

    /// <summary>Where it came in, for example <c>graphql</c>; absent for sign-ins.</summary>
    public string? Surface { get; init; }

    /// <summary>When it happened first.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When it happened last.</summary>
    public required DateTimeOffset LastAt { get; init; }

    /// <summary>How often it happened.</summary>
    public int Count { get; init; } = 1;
}
