using System.Text.Json;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Packets;

/// <summary>One thing that happened to a packet. Never changed; all of them, in order, give the packet.</summary>
public sealed class PacketEvent : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PacketId { get; init; }

    /// <summary>From 1, without gaps.</summary>
    public required int Number { get; init; }

    /// <summary>One of <see cref="PacketChange"/>.</summary>
    public required string Kind { get; init; }

    public required DateTimeOffset At { get; init; }

    public required Guid ById { get; init; }

    /// <summary>The run that did it; absent for what needs none, such as claiming a task.</summary>
    public Guid? RunId { get; init; }

    /// <summary>What changed, JSON.</summary>
    public required string Data { get; init; }

    public JsonElement Json => JsonDocument.Parse(Data).RootElement;
}

/// <summary>The kinds of event in a packet's history.</summary>
public static class PacketChange
{
    public const string Created = "created";
    public const string Edited = "edited";

    /// <summary>A transition was asked for; the packet waits for its run.</summary>
    public const string Requested = "requested";

    /// <summary>The run came to nothing and the packet stays where it is.</summary>
    public const string Dropped = "dropped";
    public const string Moved = "moved";
    public const string Claimed = "claimed";
    public const string HandedBack = "handed back";
    public const string Assigned = "assigned";
    public const string Migrated = "migrated";

    /// <summary>A step failed and what was done before is made good, the latest first.</summary>
    public const string Compensating = "compensating";

    /// <summary>One step was made good.</summary>
    public const string Compensated = "compensated";

    /// <summary>Making good failed too: a person has to look.</summary>
    public const string Stuck = "stuck";
    public const string Resumed = "resumed";
}
