using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Stops;

public enum StopBoundary
{
    Tenant,
    Workspace,
    Agent,
    Family,
    Connector,
}

/// <summary>Where a stop stands: everything inside is held; part of what it held is let go on; it is over.</summary>
public enum StopState
{
    Engaged,
    Releasing,
    Released,
}

/// <summary>A stop boundary refuses or holds this.</summary>
public sealed record Stopped(StopBoundary Boundary, string? Target, string Reason)
    : Refusal($"A stop is engaged for this {Boundary.ToString().ToLowerInvariant()}{(Target is null ? "" : $" ({Target})")}: {Reason}");

/// <summary>A stop is released by somebody other than the one who engaged it.</summary>
public sealed record ReleaseByAnother() : Refusal("A stop is released by somebody other than the one who engaged it.");

/// <summary>What a stop is asked about: somebody's work of one family, perhaps through a connector.</summary>
/// <param name="Behind">Everybody who stands behind it: those on whose behalf it is, and those who set off what a workflow does.</param>
/// <param name="Past">The stop that let it go on in a stage of its release.</param>
public readonly record struct Work(
    Guid WorkspaceId,
    Guid Proposer,
    IReadOnlyList<Guid> Behind,
    string Family,
    string? Connector,
    Guid? Past = null
)
{
    public bool Involves(Guid principal) => Proposer == principal || Behind.Contains(principal);
}

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

    /// <summary>The <see cref="Policies.Level"/> at which it was engaged: only that level or a higher one releases it.</summary>
    public string Level { get; init; } = Policies.Level.Admin;

    public required DateTimeOffset EngagedAt { get; init; }

    /// <summary>When nothing inside the boundary waited or ran any more; absent until then.</summary>
    public DateTimeOffset? EffectiveAt { get; private set; }

    /// <summary>How much was held when it took effect.</summary>
    public int Held { get; private set; }

    /// <summary>How many calls that were under way it ended.</summary>
    public int Cancelled { get; private set; }

    /// <summary>How many held runs go on at once while it is released in stages; absent otherwise.</summary>
    public int? StageSize { get; private set; }

    /// <summary>The stage of its release, from 1; 0 before.</summary>
    public int Stage { get; private set; }

    /// <summary>Who has it released in stages; after that, who released it.</summary>
    public Guid? ReleasedBy { get; private set; }

    public DateTimeOffset? ReleasedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    /// <summary>Set for a probe: it covers that made-up principal and nobody else. Never in the database.</summary>
    public Guid? Probe { get; init; }

    public StopState State =>
        ReleasedAt is not null ? StopState.Released
        : StageSize is not null ? StopState.Releasing
        : StopState.Engaged;

    /// <summary>How long it took until nothing inside waited or ran, in milliseconds; absent until then.</summary>
    public int? TimeToStop => EffectiveAt is { } at ? (int)(at - EngagedAt).TotalMilliseconds : null;

    /// <param name="inFlight">How many runs inside the boundary were in each state.</param>
    /// <param name="tokens">How many tokens of a stopped agent were ended.</param>
    /// <param name="level">At which level it is engaged.</param>
    public static (Stop Stop, Evidence Evidence) Engage(
        Guid workspaceId,
        StopBoundary boundary,
        string? target,
        string reason,
        Actor by,
        DateTimeOffset now,
        IReadOnlyDictionary<string, int> inFlight,
        int tokens,
        string level
    )
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
            Level = level,
            EngagedAt = now,
        };
        return (stop, stop.Note(by, now, "stop.engaged", ("reason_text", reason), ("in_flight", inFlight), ("tokens_ended", tokens)));
    }

    /// <summary>Nothing inside waits or runs any more.</summary>
    public Evidence TakeEffect(int held, int cancelled, int unknown, Actor by, DateTimeOffset now)
    {
        (EffectiveAt, Held, Cancelled) = (now, held, cancelled);
        return Note(
            by,
            now,
            "stop.effective",
            ("time_to_stop_ms", TimeToStop),
            ("held", held),
            ("cancelled", cancelled),
            ("unknown", unknown)
        );
    }

    /// <param name="atOnce">How many held runs go on at a time; absent to let everything go on at once.</param>
    public Outcome<Evidence> Release(int? atOnce, Actor by, DateTimeOffset now)
    {
        if (State is not StopState.Engaged)
            return new WrongState(State.ToString().ToUpperInvariant(), "ENGAGED");
        if (by.Id == EngagedBy)
            return new ReleaseByAnother();

        ReleasedBy = by.Id;
        if (atOnce is null)
            return End(by, now);

        (StageSize, Stage) = (atOnce, 0);
        return Note(by, now, "stop.releasing", ("at_once", atOnce));
    }

    /// <summary>The next part of what it holds goes on.</summary>
    public Evidence NextStage(Actor by, DateTimeOffset now)
    {
        Stage++;
        return Note(by, now, "stop.stage", ("stage", Stage), ("at_once", StageSize));
    }

    /// <summary>Something that was let go on failed: everything inside is held again.</summary>
    public Evidence Halt(IReadOnlyList<Guid> failed, Actor by, DateTimeOffset now)
    {
        var stage = Stage;
        (StageSize, Stage, ReleasedBy) = (null, 0, null);
        return Note(by, now, "stop.release_halted", ("stage", stage), ("failed", failed));
    }

    /// <summary>All that it held went on and nothing failed.</summary>
    public Evidence End(Actor by, DateTimeOffset now)
    {
        (ReleasedAt, StageSize) = (now, null);
        return Note(by, now, "stop.released", ("stage", Stage));
    }

    /// <summary>Whether the work lies inside the boundary: the one question that every entrance asks, and the worker again right before it acts.</summary>
    public bool Covers(in Work work)
    {
        if (ReleasedAt is not null || (Probe is { } probe && work.Proposer != probe))
            return false;
        if (StageSize is not null && work.Past == Id)
            return false;

        return Boundary switch
        {
            StopBoundary.Tenant => true,
            StopBoundary.Workspace => work.WorkspaceId == WorkspaceId,
            StopBoundary.Agent => work.WorkspaceId == WorkspaceId && Guid.TryParse(Target, out var agent) && work.Involves(agent),
            StopBoundary.Family => work.WorkspaceId == WorkspaceId && Target == work.Family,
            StopBoundary.Connector => work.WorkspaceId == WorkspaceId && work.Connector is not null && Target == work.Connector,
            _ => true,
        };
    }

    private Evidence Note(Actor by, DateTimeOffset now, string code, params (string, object?)[] fields) =>
        ReceiptWriter.Append(
            this,
            ReceiptKind.Stop,
            by,
            now,
            "stop",
            code,
            State.ToString().ToUpperInvariant(),
            [("target", new { boundary = Boundary.ToString().ToUpperInvariant(), target = Target }), .. fields]
        );
}

/// <summary>
/// Whether a boundary is armed: from time to time a stop that covers a made-up principal is engaged, the question that every entrance asks
/// is asked, and it is taken away again.
/// </summary>
public sealed class StopProbe : IWorkspaceOwned
{
    /// <summary>A boundary whose last probe is older than this counts as not armed.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromMinutes(5);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required StopBoundary Boundary { get; init; }

    /// <summary>The made-up principal while the probe is under way.</summary>
    public Guid? Nonce { get; set; }

    /// <summary>When it was last found to hold.</summary>
    public DateTimeOffset? HeldAt { get; set; }

    public DateTimeOffset? CheckedAt { get; set; }

    /// <summary>From engaging to being refused, in milliseconds.</summary>
    public int? Milliseconds { get; set; }

    /// <summary>What the last probe found wrong; absent when the boundary held.</summary>
    public string? Fault { get; set; }

    public bool Armed(DateTimeOffset now) => Fault is null && HeldAt is { } at && now - at < Fresh;

    /// <summary>The stop that the probe engages, while it is under way.</summary>
    public Stop? Engaged =>
        Nonce is not { } nonce
            ? null
            : new()
            {
                TenantId = TenantId,
                WorkspaceId = WorkspaceId,
                Id = nonce,
                Boundary = Boundary,
                Target = Boundary switch
                {
                    StopBoundary.Agent => nonce.ToString(),
                    StopBoundary.Family or StopBoundary.Connector => Target,
                    _ => null,
                },
                Reason = "A probe.",
                EngagedBy = Guid.Empty,
                EngagedAt = default,
                Probe = nonce,
            };

    /// <summary>The family and connector of the probe's made-up work; no real one has this name.</summary>
    public const string Target = "probe";
}
