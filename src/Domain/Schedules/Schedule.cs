using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;

namespace Mumega.Domain.Schedules;

/// <summary>What starts a workflow.</summary>
public enum Trigger
{
    Cron,
    Webhook,
    Packet,
}

/// <summary>What happens to occasions that passed while nothing ran.</summary>
public enum Missed
{
    Skip,
    CatchUp,
}

/// <summary>Starts packets by itself: by the clock, by a signed call from outside, or when another packet comes into a state.</summary>
public sealed class Schedule : IReceipted
{
    /// <summary>So many missed occasions are caught up with at most.</summary>
    public const int MostMissed = 100;

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>A short name, unique in the workspace; part of the address of a webhook.</summary>
    public required string Key { get; init; }

    public required Trigger Trigger { get; set; }

    /// <summary>Five or six fields, as cron has them.</summary>
    public string? Cron { get; set; }

    /// <summary>An IANA name, for example <c>Europe/Berlin</c>.</summary>
    public string? TimeZone { get; set; }

    public Missed Missed { get; set; }

    /// <summary>The secret that calls from outside are signed with, sealed.</summary>
    public string? SealedSecret { get; set; }

    /// <summary>Who was told that secret last; absent where it is whoever set the schedule.</summary>
    public Guid? SecretToldTo { get; private set; }

    /// <summary>The people who can call in somebody else's name: they stand behind what that starts.</summary>
    public IEnumerable<Guid> KnowingSecret => Trigger is Trigger.Webhook && SecretToldTo is { } who ? [who] : [];

    /// <summary>The workflow whose packets are waited for.</summary>
    public string? WhenWorkflow { get; set; }

    /// <summary>The state that they come into.</summary>
    public string? WhenState { get; set; }

    /// <summary>The packet that is started: input of <c>packet.create</c>, where strings that begin with <c>/</c> in <c>from</c> objects are read from what triggered it.</summary>
    public required string StartsJson { get; set; }

    /// <summary>When the clock starts it next; absent when it does not.</summary>
    public DateTimeOffset? NextAt { get; set; }

    public DateTimeOffset? LastAt { get; set; }

    /// <summary>How often it started something.</summary>
    public int Started { get; set; }

    /// <summary>Why the last start came to nothing.</summary>
    public string? LastProblem { get; set; }

    public bool Enabled { get; set; } = true;

    /// <summary>Who set it: its packets are started on their behalf.</summary>
    public required Guid SetBy { get; set; }

    public required PrincipalKind SetByKind { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    /// <summary>Calls from outside are signed with another secret from now on.</summary>
    public Evidence Renew(string sealedSecret, Actor by, DateTimeOffset now)
    {
        (SealedSecret, SecretToldTo) = (sealedSecret, by.Id);
        return ReceiptWriter.Append(
            this,
            ReceiptKind.Decided,
            by,
            now,
            "schedule.secret",
            "secret.renewed",
            Enabled ? "enabled" : "disabled",
            [("target", $"Schedule::\"{Key}\"")]
        );
    }

    public JsonElement Starts => JsonDocument.Parse(StartsJson).RootElement;
}

/// <summary>A time at which a cron expression falls due.</summary>
public sealed record Occasion(DateTimeOffset At);

/// <summary>The expression is no cron expression, or never falls due.</summary>
public sealed record BadCron(string Problem) : Refusal(Problem);
