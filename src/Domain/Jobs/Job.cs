namespace Mumega.Domain.Jobs;

public enum JobState
{
    Due,
    Leased,
    Done,
    Dead,
}

/// <summary>
/// Work that was committed together with the change that caused it. A worker claims it by a lease; the epoch fences off a
/// worker whose lease ran out.
/// </summary>
public sealed class Job
{
    /// <summary>Attempts after which a job that keeps failing is parked for an operator.</summary>
    public const int MaxAttempts = 5;

    public required Guid Id { get; init; }

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>One of <see cref="JobKind"/>; a stable string, never a class name.</summary>
    public required string Kind { get; init; }

    /// <summary>The run, approval or stop that the job is about.</summary>
    public required Guid SubjectId { get; init; }

    public required DateTimeOffset DueAt { get; set; }

    public JobState State { get; set; }

    public int Attempts { get; set; }

    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>The claim that holds the lease; new for every batch.</summary>
    public Guid? LeasedBy { get; set; }

    /// <summary>Grows with every claim; a write of an earlier epoch is refused.</summary>
    public int Epoch { get; set; }

    public string? LastError { get; set; }

    /// <summary>What else the kind needs to know, at most 200 characters.</summary>
    public string? Detail { get; init; }
}

public static class JobKind
{
    public const string ExecuteRun = "run.execute";
    public const string ReconcileRun = "run.reconcile";
    public const string ExpireApproval = "approval.expire";
    public const string RemindApproval = "approval.remind";
    public const string ContinuePacket = "packet.continue";
    public const string FireSchedule = "schedule.fire";
    public const string ImportPackets = "packet.import";
    public const string EndElevation = "elevation.end";
    public const string HoldRuns = "stop.hold";
    public const string ResumeRuns = "stop.resume";
    public const string WatchStop = "stop.watch";
    public const string LookAgain = "approval.look_again";
}
