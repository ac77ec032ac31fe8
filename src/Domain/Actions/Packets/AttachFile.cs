using System.Text.Json;
using Mumega.Domain.Packets;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Makes an uploaded file a part of a packet. Undone by taking it off.</summary>
public sealed class AttachFile : PacketAction
{
    public override string Kind => "packet.attach";

    public override string Title => "Attach a file";

    public override string Description => "Makes a file that was uploaded a part of a packet, in states that allow editing.";

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It has a page of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["packet", "digest", "name"],
              "properties": {
                "packet": { "type": "string", "title": "Packet", "format": "guid" },
                "digest": { "type": "string", "title": "File", "description": "SHA-256 of the uploaded content, hex.", "pattern": "^[0-9a-f]{64}$" },
                "name": { "type": "string", "title": "Name", "minLength": 1, "maxLength": 200 }
              }
            }
            """;

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return Gone();

        var file = await call.State.FindFileAsync(input.Text("digest"), ct);
        var (no, there, room) = (
            packet.WhyNotEdit(document),
            packet.Attachments.Any(a => a.Digest == input.Text("digest")),
            packet.Attachments.Count < Packet.MaxAttachments
        );
        return new(
            [
                new("file", file is not null, file is null ? "No such file was uploaded here." : $"{file.Type}, {file.Size:N0} bytes."),
                new("once", !there, there ? "It is attached already." : "It is not attached yet."),
                new("room", room, room ? "There is room for it." : $"A packet has at most {Packet.MaxAttachments} files."),
                new("editable", no is null, no?.Message ?? $"A packet in {document.States[packet.State].Title} may be edited."),
            ],
            $"{input.Text("name")} is attached to \"{packet.Title}\".",
            null,
            input.Text("name"),
            "Take it off again.",
            $"{packet.Id}/{packet.AttachmentsJson}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return new NotFound("packet", input.Text("packet"));
        if (await call.State.FindFileAsync(input.Text("digest"), ct) is not { } file)
            return new NotFound("file", input.Text("digest"));

        var edit = new PacketEdit(Attachments: [.. packet.Attachments, new(input.Text("name"), file.Digest, file.Type, file.Size)]);
        if (packet.Edit(edit, document, call.By, call.RunId, call.Now).Refused(out var why, out var edited))
            return why;

        await call.State.KeepAsync(packet, edited, document, ct);
        call.State.Attached(file);
        return new Change(
            $"{input.Text("name")} is attached to \"{packet.Title}\".",
            new("packet.detach", JsonSerializer.SerializeToElement(new { packet = packet.Id, digest = file.Digest }), "Take it off again."),
            null,
            file.Digest
        );
    }
}

/// <summary>Takes a file off a packet; the file itself stays. Undone by attaching it again.</summary>
public sealed class DetachFile : PacketAction
{
    public override string Kind => "packet.detach";

    public override string Title => "Take a file off";

    public override string Description => "Takes a file off a packet, in states that allow editing. The file itself stays.";

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It has a page of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["packet", "digest"],
              "properties": {
                "packet": { "type": "string", "title": "Packet", "format": "guid" },
                "digest": { "type": "string", "title": "File", "description": "SHA-256 of the content, hex.", "pattern": "^[0-9a-f]{64}$" }
              }
            }
            """;

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return Gone();

        var (no, file) = (packet.WhyNotEdit(document), packet.Attachments.FirstOrDefault(a => a.Digest == input.Text("digest")));
        return new(
            [
                new("file", file is not null, file is null ? "It is not attached." : "It is attached."),
                new("editable", no is null, no?.Message ?? $"A packet in {document.States[packet.State].Title} may be edited."),
            ],
            $"{file?.Name ?? "The file"} is taken off \"{packet.Title}\".",
            file?.Name,
            null,
            "Attach it again.",
            $"{packet.Id}/{packet.AttachmentsJson}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not var (packet, document))
            return new NotFound("packet", input.Text("packet"));
        if (packet.Attachments.FirstOrDefault(a => a.Digest == input.Text("digest")) is not { } file)
            return new NotFound("file", input.Text("digest"));

        if (
            packet
                .Edit(new(Attachments: [.. packet.Attachments.Where(a => a != file)]), document, call.By, call.RunId, call.Now)
                .Refused(out var why, out var edited)
        )
            return why;

        await call.State.KeepAsync(packet, edited, document, ct);
        return new Change(
            $"{file.Name} is off \"{packet.Title}\".",
            new(
                "packet.attach",
                JsonSerializer.SerializeToElement(
                    new
                    {
                        packet = packet.Id,
                        digest = file.Digest,
                        name = file.Name,
                    }
                ),
                "Attach it again."
            ),
            file.Digest,
            null
        );
    }
}
