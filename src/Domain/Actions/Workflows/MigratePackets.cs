using System.Text.Json;
using Mumega.Domain.Packets;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Actions.Workflows;

/// <summary>Takes open packets from one version of a workflow to another. Undone by taking them back.</summary>
public sealed class MigratePackets : InternalAction
{
    /// <summary>So many at once at most; the rest takes another run.</summary>
    public const int Most = 1000;

    public override string Kind => "packet.migrate";

    public override string Family => "workflows";

    public override string Title => "Migrate packets";

    public override string Description =>
        "Takes open packets from one version of a workflow to another. States of the same name stand for each other; say where the others go.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The workflow's page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["workflow", "from", "to"],
              "properties": {
                "workflow": { "type": "string", "title": "Workflow", "minLength": 1, "maxLength": 60 },
                "from": { "type": "integer", "title": "From version", "minimum": 1 },
                "to": { "type": "integer", "title": "To version", "minimum": 1 },
                "states": { "type": "object", "title": "States", "description": "Where packets go whose state has another name there.", "additionalProperties": { "type": "string" } }
              }
            }
            """;

    public override string TargetType => "Workflow";

    public override string TargetId(JsonElement input) => input.Text("workflow");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (key, faults) = (input.Text("workflow"), new List<InputFault>());
        var from = await call.State.FindWorkflowAsync(key, input.GetProperty("from").GetInt32(), ct);
        var to = await call.State.FindWorkflowAsync(key, input.GetProperty("to").GetInt32(), ct);
        if (from is null)
            faults.Add(new("/from", "there is no such version"));
        if (to is null)
            faults.Add(new("/to", "there is no such version"));
        if (from is null || to is null)
            return faults;
        if (from.Number == to.Number)
            faults.Add(new("/to", "is the version that they have"));

        foreach (var state in input.TryGetProperty("states", out var states) ? states.EnumerateObject().ToList() : [])
        {
            if (!from.Document.States.ContainsKey(state.Name))
                faults.Add(
                    new(
                        $"/states/{state.Name}",
                        $"version {from.Number} has no such state; it has {string.Join(", ", from.Document.States.Keys)}"
                    )
                );
            if (!to.Document.States.ContainsKey(state.Value.GetString()!))
                faults.Add(
                    new(
                        $"/states/{state.Name}",
                        $"version {to.Number} has no state \"{state.Value}\"; it has {string.Join(", ", to.Document.States.Keys)}"
                    )
                );
        }

        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (from, to, packets) = await PartsAsync(input, call, ct);
        var (old, next) = (from.Document, to.Document);
        var type = await call.State.FindPacketTypeAsync(next.PacketType, null, ct);
        var moves = packets
            .Take(Most)
            .GroupBy(p => p.State)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => (State: g.Key, To: Target(input, g.Key, next), Count: g.Count()))
            .ToList();
        var (lost, busy) = (
            moves.Where(m => m.To is null).ToList(),
            packets.Count(p => p.PendingRun is not null || p.SagaJson is not null)
        );
        return new(
            [
                new(
                    "states",
                    lost.Count == 0,
                    lost.Count == 0
                        ? "Every state has one that stands for it."
                        : $"Say where these go: {string.Join(", ", lost.Select(l => $"{l.State} ({l.Count})"))}."
                ),
                new(
                    "free",
                    busy == 0,
                    busy == 0
                        ? "No transition is on its way."
                        : $"{busy} packet(s) have a transition on the way. Wait for them, or cancel their runs."
                ),
                new(
                    "type",
                    type is not null && next.PacketType == old.PacketType,
                    next.PacketType == old.PacketType ? "The packet type stays." : "The other version is for another packet type."
                ),
                new(
                    "some",
                    packets.Count > 0,
                    packets.Count > 0
                        ? $"{Math.Min(packets.Count, Most)} packet(s){(packets.Count > Most ? $", the first {Most}; the rest takes another run" : "")}."
                        : "No open packet has this version."
                ),
            ],
            $"{Math.Min(packets.Count, Most)} packet(s) go from version {from.Number} to version {to.Number} of {to.Title}.",
            string.Join('\n', moves.Select(m => $"{old.States[m.State].Title}: {m.Count}")),
            string.Join('\n', moves.Select(m => $"{(m.To is null ? "?" : next.States[m.To].Title)}: {m.Count}")),
            "Migrate them back.",
            JsonSerializer.Serialize(
                moves.Select(m => new
                {
                    m.State,
                    m.To,
                    m.Count,
                })
            )
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (from, to, packets) = await PartsAsync(input, call, ct);
        var (document, moved) = (to.Document, 0);
        foreach (var packet in packets.Take(Most))
        {
            if (Target(input, packet.State, document) is not { } state)
                return new InvalidInput([new($"/states/{packet.State}", "say where packets in this state go")]);
            if (packet.Migrate(to, document, state, call.By, call.RunId, call.Now).Refused(out var why, out var migrated))
                return why;
            await call.State.KeepAsync(packet, migrated, document, ct);
            moved++;
        }

        return new Change(
            $"{moved} packet(s) went from version {from.Number} to version {to.Number} of {to.Title}.",
            null,
            $"{from.Number}",
            $"{to.Number}"
        );
    }

    private static string? Target(JsonElement input, string state, WorkflowDocument to) =>
        input.TryGetProperty("states", out var states) && states.TryGetProperty(state, out var named) ? named.GetString()
        : to.States.ContainsKey(state) ? state
        : null;

    private static async Task<(Workflow From, Workflow To, IReadOnlyList<Packet> Packets)> PartsAsync(
        JsonElement input,
        ActionCall call,
        CancellationToken ct
    )
    {
        var (key, number) = (input.Text("workflow"), input.GetProperty("from").GetInt32());
        return (
            (await call.State.FindWorkflowAsync(key, number, ct))!,
            (await call.State.FindWorkflowAsync(key, input.GetProperty("to").GetInt32(), ct))!,
            await call.State.PacketsUnderAsync(key, number, Most + 1, ct)
        );
    }
}
