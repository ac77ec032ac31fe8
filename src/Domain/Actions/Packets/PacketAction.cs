using System.Text.Json;
using Mumega.Domain.Packets;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Actions.Packets;

/// <summary>An action about one packet, named in the input's <c>packet</c>.</summary>
public abstract class PacketAction : InternalAction
{
    public override string Family => "packets";

    public override Blast Blast => Blast.Low;

    public override string TargetType => "Packet";

    public override string TargetId(JsonElement input) => input.Text("packet");

    /// <summary>The packet with its workflow, or null when there is none.</summary>
    internal static async Task<(Packet Packet, WorkflowDocument Document)?> FindAsync(
        JsonElement input,
        ActionCall call,
        CancellationToken ct
    ) =>
        await call.State.FindPacketAsync(Guid.Parse(input.Text("packet")), ct) is { } packet
            ? (packet, (await call.State.FindWorkflowAsync(packet.Workflow, packet.WorkflowVersion, ct))!.Document)
            : null;

    /// <summary>That nobody changed the packet since it was looked at.</summary>
    internal static Check Drift(JsonElement input, Packet packet) =>
        input.TryGetProperty("version", out var expected) && expected.GetInt32() != packet.Version
            ? new("drift", false, $"Version {expected.GetInt32()} was looked at; version {packet.Version} is there.")
            : new("drift", true, "Nobody changed it in between.");

    internal static Preflight Gone() =>
        new([new("packet", false, "The packet is gone.")], "Nothing can be changed.", null, null, "Nothing to undo.", "-");
}
