using System.Text.Json;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Takes a packet along a transition that runs no action of its own. The packet moves with the run's success, as with any transition.</summary>
public sealed class MovePacket : PacketAction
{
    public override string Kind => "packet.move";

    public override string Title => "Take a transition";

    public override string Description => "Takes a packet further in its workflow.";

    public override Reversibility Reversibility => Reversibility.Compensable;

    // It has a verb of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["packet", "transition"],
              "properties": {
                "packet": { "type": "string", "title": "Packet", "format": "guid" },
                "transition": { "type": "string", "title": "Transition", "minLength": 1, "maxLength": 60 }
              }
            }
            """;

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return Gone();

        var transition = document.Transitions.GetValueOrDefault(input.Text("transition"));
        var leads = transition is not null && transition.From.Contains(packet.State);
        return new(
            [new("way", leads, leads ? "The way leads out of the packet's state." : $"No such way leads out of {packet.State}.")],
            leads ? $"\"{packet.Title}\" goes to {document.States[transition!.To].Title}." : "It stays where it is.",
            document.States[packet.State].Title,
            leads ? document.States[transition!.To].Title : null,
            "Another transition may lead back.",
            $"{packet.Id}/{packet.EnteredBy}/{packet.Payload}"
        );
    }

    // The move itself is what every run of a transition leads to.
    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await FindAsync(input, call, ct) is var (packet, document)
        && document.Transitions.TryGetValue(input.Text("transition"), out var transition)
            ? new Change($"\"{packet.Title}\" went to {document.States[transition.To].Title}.", null, packet.State, transition.To)
            : new NotFound("packet", input.Text("packet"));
}
