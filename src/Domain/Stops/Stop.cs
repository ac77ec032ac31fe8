using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;

namespace Mumega.Domain.Stops;

public enum StopBoundary { Tenant, Workspace, Agent, Family, Connector }

/// <summary>A stop boundary refuses or holds this.</summary>
public sealed record Stopped(StopBoundary Boundary, string? Target, string Reason)
    : Refusal($"A stop is engaged for this {Boundary.ToString().ToLowerInvariant()}{(Target is null ? "" : $" ({Target})")}: {Reason}");

/// <summary>A stop is released by somebody other than the one who engaged it.</summary>
public sealed record ReleaseByAnother() : Refusal("A stop is released by somebody other than the one who engaged it.");

/// <summary>An engaged stop: nothing inside its boundary is proposed or executed until it is released.</summary>
public sealed class Stop : IReceipted
{
    public required Guid TenantId { get; init; }

    /// <summary>Where it was engaged. A tenant boundary reaches every other workspace too.</summary>
    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required StopBoundary Boundary { get; init; }

    /// <summary>The agent's id, the family or the connector's key; absent for a tenant or workspace.</summary>
    public string? Target { get; init; }

    public required string Reason { get; init; }

    public required Guid EngagedBy { get; init; }

    public required DateTimeOffset EngagedAt { get; init; }

    public Guid? ReleasedBy { get; private set; }

    public DateTimeOffset? ReleasedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public static (Stop Stop, Evidence Evidence) Engage(
        Guid workspaceId, StopBoundary boundary, string? target, string reason, Actor by, DateTimeOffset now, object inFlight)
    {
        var stop = new Stop
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(now),
            Boundary = boundary,
            Target = target,
            Reason = reason,
            EngagedBy = by.Id,
            EngagedAt = now,
        };
        return (stop, stop.Note(by, now, "stop.engaged", "ENGAGED", ("reason_text", reason), ("in_flight", inFlight)));
    }

    public Outcome<Evidence> Release(Actor by, DateTimeOffset now)
    {
        if (ReleasedAt is not null) return new WrongState("RELEASED", "ENGAGED");
        if (by.Id == EngagedBy) return new ReleaseByAnother();

        (ReleasedBy, ReleasedAt) = (by.Id, now);
        return Note(by, now, "stop.released", "RELEASED");
    }

    /// <summary>Whether work of this workspace, agent, family and connector lies inside the boundary.</summary>
    public bool Covers(Guid workspaceId, Guid proposer, string family, string? connector) => ReleasedAt is null && Boundary switch
    {
        StopBoundary.Tenant => true,
        StopBoundary.Workspace => workspaceId == WorkspaceId,
        StopBoundary.Agent => workspaceId == WorkspaceId && Target == proposer.ToString(),
        StopBoundary.Family => workspaceId == WorkspaceId && Target == family,
        StopBoundary.Connector => workspaceId == WorkspaceId && connector is not null && Target == connector,
        _ => true,
    };

    private Evidence Note(Actor by, DateTimeOffset now, string code, string state, params (string, object?)[] fields) =>
        ReceiptWriter.Append(this, ReceiptKind.Stop, by, now, "stop", code, state,
            [("target", new { boundary = Boundary.ToString().ToUpperInvariant(), target = Target }), .. fields]);
}
