using System.Text.Json;
using Mumega.Domain.Packets;
using Mumega.Domain.Schemas;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Says what packets of a kind look like. Packets that exist keep the version they began with.</summary>
public sealed class DefinePacketType : InternalAction
{
    public override string Kind => "packet.type";

    public override string Family => "workflows";

    public override string Title => "Define a packet type";

    public override string Description =>
        "Says what packets of a kind look like: a JSON Schema of their payload. Existing packets keep the version they began with.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["key", "title", "schema"],
              "properties": {
                "key": { "type": "string", "title": "Name", "description": "Small letters, digits and hyphens.", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 1, "maxLength": 60 },
                "title": { "type": "string", "title": "Title", "minLength": 1, "maxLength": 100 },
                "description": { "type": "string", "title": "Description", "maxLength": 400 },
                "schema": { "type": "object", "title": "Schema", "description": "JSON Schema (draft 2020-12) of the payload; titles and descriptions become the form." }
              }
            }
            """;

    public override string TargetType => "PacketType";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override IReadOnlyList<InputFault> Faults(JsonElement input)
    {
        var schema = input.GetProperty("schema");
        JsonSchema.Read(schema, out var faults);
        var found = faults.Select(f => f with { Path = $"/schema{f.Path}" }).ToList();
        if (!schema.TryGetProperty("type", out var type) || type.ValueKind is not JsonValueKind.String || type.GetString() != "object")
            found.Add(new("/schema/type", "a payload is an object; write \"type\": \"object\""));
        return found;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var key = input.Text("key");
        var now = await call.State.FindPacketTypeAsync(key, null, ct);
        var same =
            now is not null
            && now.SchemaJson == input.GetProperty("schema").GetRawText()
            && now.Title == input.Text("title")
            && now.Description == input.TextOrNull("description");
        return new(
            [new("change", !same, same ? "It is defined like this already." : "The definition changes.")],
            $"Version {(now?.Number ?? 0) + 1} of {key} holds for new packets.",
            now is null ? null : now.Schema.Pretty(),
            input.GetProperty("schema").Pretty(),
            now is null
                ? "Packets of a type that nobody wants are closed by their workflow; the definition stays."
                : $"Define version {now.Number} again.",
            $"{now?.Number ?? 0}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var key = input.Text("key");
        var now = await call.State.FindPacketTypeAsync(key, null, ct);
        var next = new PacketType
        {
            TenantId = call.By.TenantId,
            WorkspaceId = call.State.WorkspaceId,
            Key = key,
            Number = (now?.Number ?? 0) + 1,
            Title = input.Text("title"),
            Description = input.TextOrNull("description"),
            SchemaJson = input.GetProperty("schema").GetRawText(),
            CreatedBy = call.By.Id,
            CreatedAt = call.Now,
        };
        call.State.Add(next);
        var undo = now is null
            ? null
            : new Undo(
                Kind,
                JsonSerializer.SerializeToElement(
                    now.Description is null
                        ? (object)
                            new
                            {
                                key,
                                title = now.Title,
                                schema = now.Schema,
                            }
                        : new
                        {
                            key,
                            title = now.Title,
                            description = now.Description,
                            schema = now.Schema,
                        }
                ),
                $"Define version {now.Number} again."
            );
        return new Change(
            $"Version {next.Number} of {key} is defined.",
            undo,
            now?.Number.ToString(System.Globalization.CultureInfo.InvariantCulture),
            next.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)
        );
    }
}
