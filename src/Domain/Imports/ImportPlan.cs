using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Mumega.Domain.Packets;
using Mumega.Domain.Schemas;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Imports;

/// <summary>
/// What becomes of the columns of a file. A source is a JSON Pointer (RFC 6901) into the row, such as <c>/Order number</c>, or
/// <c>{ "value": … }</c>, <c>{ "text": "Order {/Order number}" }</c>, <c>{ "object": { "city": "/City" } }</c>.
/// </summary>
/// <param name="Type">The packet type.</param>
/// <param name="Workflow">May be absent when there is only one for the type.</param>
/// <param name="Title">The source of the packet's title.</param>
/// <param name="Payload">For each field of the payload its source; a row that lacks it leaves the field out.</param>
/// <param name="Labels">Labels that every packet gets.</param>
/// <param name="LabelsFrom">A JSON Pointer to more labels: a list, or text with commas.</param>
public sealed record ImportPlan(
    string Type,
    string? Workflow,
    JsonElement Title,
    IReadOnlyDictionary<string, JsonElement> Payload,
    IReadOnlyList<string>? Labels = null,
    string? LabelsFrom = null
)
{
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static ImportPlan Read(string json) => JsonSerializer.Deserialize<ImportPlan>(json, Form)!;

    public string ToJson() => JsonSerializer.Serialize(this, Form);

    /// <summary>What is wrong with the plan for files with these columns; none when rows can be looked at.</summary>
    public IReadOnlyList<InputFault> Faults(IReadOnlyList<string> columns, PacketType type)
    {
        var faults = new List<InputFault>();
        var fields = type.Schema.TryGetProperty("properties", out var properties)
            ? properties.EnumerateObject().Select(p => p.Name).ToList()
            : null;
        Source("/title", Title);
        foreach (var (field, source) in Payload)
        {
            if (fields is not null && !fields.Contains(field))
                faults.Add(new($"/payload/{field}", $"the packet type has no field {field}; it has {string.Join(", ", fields)}"));
            else
                Source($"/payload/{field}", source);
        }

        foreach (var label in Labels ?? [])
        {
            if (label.Trim().Length is 0 or > MaxLabel)
                faults.Add(new("/labels", $"a label has 1 to {MaxLabel} characters"));
        }

        if (LabelsFrom is not null)
            Source("/labelsFrom", JsonSerializer.SerializeToElement(LabelsFrom));
        return faults;

        void Source(string at, JsonElement source)
        {
            if (Mapping.Reads(source).Refused(out var why, out var pointers))
                faults.Add(new(at, ((InvalidArgument)why).Problem));
            else
                faults.AddRange(
                    pointers
                        .Select(ColumnOf)
                        .Where(c => !columns.Contains(c))
                        .Select(c => new InputFault(at, $"the file has no column \"{c}\"; it has {string.Join(", ", columns)}"))
                );
        }
    }

    private const int MaxLabel = 40;

    private static string ColumnOf(string pointer) =>
        pointer[1..].Split('/')[0].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

    /// <summary>What a row comes to by this plan.</summary>
    /// <param name="row">The row as an object.</param>
    /// <param name="cells">Whether its values are all text, to be read as the schema has them.</param>
    /// <param name="type">The packet type's payload schema, to be read once for many rows.</param>
    public Draft Make(JsonElement row, bool cells, DraftSchema type)
    {
        var faults = new List<InputFault>();
        var made = Mapping.Fill(new Dictionary<string, JsonElement> { ["title"] = Title }, row);
        var title = made["title"] is JsonValue value ? Text(value).Trim() : "";
        if (title.Length is 0 or > Packet.MaxTitle)
            faults.Add(new("/title", title.Length == 0 ? "is empty" : $"has more than {Packet.MaxTitle} characters"));

        var payload = Mapping.Fill(Payload, row);
        if (cells)
            Convert(payload, type.Json);
        var json = JsonSerializer.SerializeToElement(payload);
        faults.AddRange(type.Schema.Faults(json).Select(f => f with { Path = $"/payload{f.Path}" }));

        var labels = (Labels ?? [])
            .Concat(LabelsFrom is { } from && Mapping.Find(row, from) is { } more ? Split(more) : [])
            .Select(l => l.Trim())
            .Where(l => l.Length > 0)
            .Distinct()
            .ToList();
        if (labels.FirstOrDefault(l => l.Length > MaxLabel) is { } tooLong)
            faults.Add(new("/labels", $"\"{tooLong}\" has more than {MaxLabel} characters"));
        if (labels.Count > Packet.MaxLabels)
            faults.Add(new("/labels", $"has more than {Packet.MaxLabels} labels"));
        return new(title, json, labels, faults);
    }

    private static string Text(JsonValue value) => value.TryGetValue<string>(out var text) ? text : value.ToJsonString();

    private static IEnumerable<string> Split(JsonElement labels) =>
        labels.ValueKind switch
        {
            JsonValueKind.Array => labels.EnumerateArray().Select(l => l.ToString()),
            JsonValueKind.String => labels.GetString()!.Split(',', ';'),
            _ => [labels.ToString()],
        };

    // An empty cell is no value. Text that can't be read as what the schema asks for stays text, and the schema says so.
    private static void Convert(JsonObject made, JsonElement schema)
    {
        foreach (var (name, value) in made.ToList())
        {
            var field =
                schema.ValueKind is JsonValueKind.Object
                && schema.TryGetProperty("properties", out var properties)
                && properties.TryGetProperty(name, out var found)
                    ? found
                    : default;
            if (value is JsonObject inner)
                Convert(inner, field);
            else if (value is JsonValue cell && cell.TryGetValue<string>(out var text))
            {
                if (text.Length == 0)
                    made.Remove(name);
                else if (Converted(text.Trim(), field) is { } converted)
                    made[name] = converted;
            }
        }
    }

    private static JsonNode? Converted(string text, JsonElement field)
    {
        var types =
            field.ValueKind is JsonValueKind.Object && field.TryGetProperty("type", out var type)
                ? type.ValueKind is JsonValueKind.Array
                    ? type.EnumerateArray().Select(t => t.GetString()).ToList()
                    : [type.GetString()]
                : [];
        if (types.Contains("string") || types.Count == 0)
            return null;
        if (types.Contains("boolean"))
        {
            if (text.ToLowerInvariant() is "true" or "yes" or "1")
                return true;
            if (text.ToLowerInvariant() is "false" or "no" or "0")
                return false;
        }

        try
        {
            var read = JsonNode.Parse(text);
            var kind = read?.GetValueKind();
            if (kind is JsonValueKind.Number && (types.Contains("number") || types.Contains("integer")))
                return read;
            if (kind is JsonValueKind.Array && types.Contains("array"))
                return read;
            if (kind is JsonValueKind.Object && types.Contains("object"))
                return read;
        }
        catch (JsonException)
        {
            // No JSON: a list may be written with semicolons.
        }

        return types.Contains("array") ? new JsonArray([.. text.Split(';').Select(t => (JsonNode?)JsonValue.Create(t.Trim()))]) : null;
    }
}

/// <summary>A packet type's payload schema, ready for many rows.</summary>
public sealed class DraftSchema(PacketType type)
{
    public JsonElement Json { get; } = type.Schema;

    public JsonSchema Schema { get; } = JsonSchema.Read(type.Schema, out _);
}

/// <summary>What a row of a file would be as a packet.</summary>
/// <param name="Faults">Why it can't be one, with places in the plan's words; none when it can.</param>
public sealed record Draft(string Title, JsonElement Payload, IReadOnlyList<string> Labels, IReadOnlyList<InputFault> Faults);
