using System.Text.Json;
using Mumega.Domain.Packets;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Changes what a packet is about, where its state allows it. Undone by putting back what was there.</summary>
public sealed class EditPacket : PacketAction
{
    public override string Kind => "packet.edit";

    public override string Title => "Edit a packet";

    public override string Description =>
        "Changes title, payload, labels, links or parent, in states that allow it. What is left out stays.";

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It has a page of its own.
    public override bool Listed => false;

    /// <summary>So deep a packet may be a part of parts.</summary>
    private const int MaxLevels = 50;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["packet"],
              "properties": {
                "packet": { "type": "string", "title": "Packet", "format": "guid" },
                "version": { "type": "integer", "title": "Version", "description": "The version that you changed; refused when somebody else changed it since.", "minimum": 0 },
                "title": { "type": "string", "title": "Title", "minLength": 1, "maxLength": 200 },
                "payload": { "type": "object", "title": "Payload" },
                "labels": { "type": "array", "title": "Labels", "maxItems": 20, "uniqueItems": true, "items": { "type": "string", "minLength": 1, "maxLength": 40 } },
                "links": { "type": "array", "title": "Links", "maxItems": 50, "items": { "type": "object", "additionalProperties": false, "required": ["kind", "packet"],
                  "properties": { "kind": { "type": "string", "minLength": 1, "maxLength": 40 }, "packet": { "type": "string", "format": "guid" } } } },
                "parent": { "type": ["string", "null"], "title": "Parent", "description": "The id of the packet that this is a part of; null for none." }
              }
            }
            """;

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, _))
            return [new("/packet", "there is no such packet")];

        var faults = new List<InputFault>();
        if (input.TryGetProperty("payload", out var payload))
            faults.AddRange(
                CreatePacket.PayloadFaults((await call.State.FindPacketTypeAsync(packet.Type, packet.TypeVersion, ct))!, payload)
            );
        if (input.TryGetProperty("links", out var links))
        {
            foreach (var (link, i) in links.EnumerateArray().Select((l, i) => (l, i)))
            {
                if (await call.State.FindPacketAsync(Guid.Parse(link.Text("packet")), ct) is null)
                    faults.Add(new($"/links/{i}/packet", "there is no such packet"));
            }
        }

        // A packet that were above itself would have no top.
        var levels = 0;
        for (var above = Parent(input); above is { } id; levels++)
        {
            // Two who moved packets under each other at the same moment may have closed a ring.
            if (levels == MaxLevels)
                faults.Add(new("/parent", $"would lie more than {MaxLevels} levels deep"));
            else if (id == packet.Id)
                faults.Add(new("/parent", "a packet can't be a part of itself"));
            var parent = faults.Count > 0 ? null : await call.State.FindPacketAsync(id, ct);
            if (parent is null && faults.Count == 0)
                faults.Add(new("/parent", "there is no such packet"));
            above = parent?.ParentId;
        }

        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return Gone();

        var no = packet.WhyNotEdit(document);
        return new(
            [
                Drift(input, packet),
                new("editable", no is null, no?.Message ?? $"A packet in {document.States[packet.State].Title} may be edited."),
            ],
            $"\"{packet.Title}\" changes: {string.Join(", ", input.EnumerateObject().Select(p => p.Name).Where(n => n is not ("packet" or "version")))}.",
            Shown(packet, input, null),
            Shown(packet, input, input),
            "Put back what was there.",
            $"{packet.Id}/{packet.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return new NotFound("packet", input.Text("packet"));
        if (input.TryGetProperty("version", out var expected) && expected.GetInt32() != packet.Version)
            return new StaleVersion();

        var before = new Dictionary<string, object?> { ["packet"] = packet.Id };
        if (input.TryGetProperty("title", out _))
            before["title"] = packet.Title;
        if (input.TryGetProperty("payload", out _))
            before["payload"] = packet.PayloadJson;
        if (input.TryGetProperty("labels", out _))
            before["labels"] = packet.Labels;
        if (input.TryGetProperty("links", out _))
            before["links"] = packet.Links.Select(l => new { kind = l.Kind, packet = l.Packet });
        if (input.TryGetProperty("parent", out _))
            before["parent"] = packet.ParentId;

        var edit = new PacketEdit(
            input.TextOrNull("title"),
            input.TryGetProperty("payload", out var payload) ? payload : null,
            input.TryGetProperty("labels", out var labels) ? [.. labels.EnumerateArray().Select(l => l.GetString()!)] : null,
            input.TryGetProperty("links", out var links)
                ? [.. links.EnumerateArray().Select(l => new PacketLink(l.Text("kind"), Guid.Parse(l.Text("packet"))))]
                : null,
            null,
            input.TryGetProperty("parent", out _),
            Parent(input)
        );
        if (packet.Edit(edit, document, call.By, call.RunId, call.Now).Refused(out var why, out var edited))
            return why;

        await call.State.KeepAsync(packet, edited, document, ct);
        before["version"] = packet.Version + 1;
        return new Change(
            $"\"{packet.Title}\" was edited.",
            new(Kind, JsonSerializer.SerializeToElement(before), "Put back what was there."),
            null,
            packet.Id.ToString()
        );
    }

    private static Guid? Parent(JsonElement input) =>
        input.TextOrNull("parent") is { } parent && Guid.TryParse(parent, out var id) ? id : null;

    private static string Shown(Packet packet, JsonElement input, JsonElement? after)
    {
        var fields = new Dictionary<string, object?>();
        if (input.TryGetProperty("title", out _))
            fields["title"] = after?.GetProperty("title").GetString() ?? packet.Title;
        if (input.TryGetProperty("payload", out _))
            fields["payload"] = after?.GetProperty("payload") ?? packet.PayloadJson;
        if (input.TryGetProperty("labels", out _))
            fields["labels"] = after is { } l ? l.GetProperty("labels") : packet.Labels;
        if (input.TryGetProperty("links", out _))
            fields["links"] = after is { } k ? k.GetProperty("links") : packet.Links;
        if (input.TryGetProperty("parent", out _))
            fields["parent"] = after is { } p ? p.GetProperty("parent") : packet.ParentId;
        return JsonSerializer.SerializeToElement(fields).Pretty();
    }
}
