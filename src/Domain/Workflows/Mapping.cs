using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Mumega.Domain.Workflows;

/// <summary>The payload has nothing at a place that the workflow reads.</summary>
public sealed record MissingField(string Pointer, string Input)
    : Refusal($"The packet has no {Pointer}, from which the workflow makes {Input}. Fill it in first.");

/// <summary>
/// How an action's input is made from a packet, field by field, by data alone. A source is a JSON Pointer (RFC 6901) into the payload, or one of
/// <c>{ "from": "/a", "optional": true }</c> for what may be absent, <c>{ "value": … }</c> for a fixed value, <c>{ "packet": "id" }</c> (or title,
/// state) for the packet itself, <c>{ "text": "order {/number}" }</c> for text with values in it, <c>{ "object": { "name": source } }</c>.
/// </summary>
public static partial class Mapping
{
    private const string Forms =
        "is a JSON Pointer such as \"/title\", or one of { \"from\": … }, { \"value\": … }, { \"packet\": \"id\" }, { \"text\": \"… {/field}\" } and { \"object\": { … } }";

    private static readonly string[] Facts = ["id", "title", "state"];

    /// <summary>The input, or the first field that could not be made.</summary>
    public static Outcome<JsonNode> Apply(StepSpec step, JsonElement payload, Func<string, string> packet)
    {
        var input = new JsonObject();
        foreach (var (name, source) in step.Input ?? new Dictionary<string, JsonElement>())
        {
            if (Add(input, name, source, payload, packet) is { } missing)
                return missing;
        }

        return input;
    }

    /// <summary>What the sources give for a record; what the record lacks is left out, for a schema to judge.</summary>
    public static JsonObject Fill(IReadOnlyDictionary<string, JsonElement> sources, JsonElement record)
    {
        var made = new JsonObject();
        foreach (var (name, source) in sources)
            Add(made, name, source, record, _ => "", lenient: true);
        return made;
    }

    /// <summary>The JSON Pointers that a source reads, or why it is none of the forms that need no packet.</summary>
    public static Outcome<IReadOnlyList<string>> Reads(JsonElement source)
    {
        if (PointerOf(source) is { } pointer)
            return pointer.StartsWith('/') ? new[] { pointer } : new InvalidArgument(pointer, "is no JSON Pointer; it begins with /");
        if (source.ValueKind is not JsonValueKind.Object || source.EnumerateObject().Count() != 1)
            return new InvalidArgument("source", Forms);

        var form = source.EnumerateObject().Single();
        switch (form.Name)
        {
            case "value":
                return Array.Empty<string>();
            case "text" when form.Value.ValueKind is JsonValueKind.String:
                return Holes().Matches(form.Value.GetString()!).Select(m => m.Groups[1].Value).ToArray();
            case "object" when form.Value.ValueKind is JsonValueKind.Object:
                var read = new List<string>();
                foreach (var part in form.Value.EnumerateObject())
                {
                    if (Reads(part.Value).Refused(out var why, out var pointers))
                        return why;
                    read.AddRange(pointers);
                }

                return read;
            default:
                return new InvalidArgument("source", Forms);
        }
    }

    /// <summary>What is wrong with one source, given the payload's schema; null when it can be followed.</summary>
    public static string? Fault(JsonElement source, JsonElement schema)
    {
        if (PointerOf(source) is { } pointer)
            return PointerFault(pointer, schema, IsOptional(source));
        if (source.ValueKind is not JsonValueKind.Object || source.EnumerateObject().Count() != 1)
            return Forms;

        var form = source.EnumerateObject().Single();
        return form.Name switch
        {
            "packet" => form.Value.ValueKind is JsonValueKind.String && Facts.Contains(form.Value.GetString())
                ? null
                : $"names one of {string.Join(", ", Facts)} of the packet",
            "text" when form.Value.ValueKind is JsonValueKind.String => Holes()
                .Matches(form.Value.GetString()!)
                .Select(m => PointerFault(m.Groups[1].Value, schema, optional: false))
                .FirstOrDefault(f => f is not null),
            "object" when form.Value.ValueKind is JsonValueKind.Object => form
                .Value.EnumerateObject()
                .Select(p => Fault(p.Value, schema) is { } fault ? $"{p.Name}: {fault}" : null)
                .FirstOrDefault(f => f is not null),
            "value" => null,
            _ => Forms,
        };
    }

    private static MissingField? Add(
        JsonObject made,
        string name,
        JsonElement source,
        JsonElement payload,
        Func<string, string> packet,
        bool lenient = false
    )
    {
        if (PointerOf(source) is { } pointer)
        {
            if (Find(payload, pointer) is { } found)
                made[name] = JsonNode.Parse(found.GetRawText());
            else if (!lenient && !IsOptional(source))
                return new(pointer, name);
            return null;
        }

        var form = source.EnumerateObject().Single();
        switch (form.Name)
        {
            case "packet":
                made[name] = packet(form.Value.GetString()!);
                return null;
            case "text":
                var text = form.Value.GetString()!;
                if (Holes().Matches(text).Select(m => m.Groups[1].Value).FirstOrDefault(p => Find(payload, p) is null) is { } absent)
                    return lenient ? null : new(absent, name);
                made[name] = Holes().Replace(text, m => Find(payload, m.Groups[1].Value)!.Value.ToString());
                return null;
            case "object":
                var inner = new JsonObject();
                foreach (var part in form.Value.EnumerateObject())
                {
                    if (Add(inner, part.Name, part.Value, payload, packet, lenient) is { } missing)
                        return missing;
                }

                if (!lenient || inner.Count > 0)
                    made[name] = inner;
                return null;
            default:
                made[name] = JsonNode.Parse(form.Value.GetRawText());
                return null;
        }
    }

    [GeneratedRegex(@"\{(/[^{}]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Holes();

    /// <summary>The value at a JSON Pointer (RFC 6901).</summary>
    public static JsonElement? Find(JsonElement json, string pointer)
    {
        foreach (var part in Parts(pointer))
        {
            if (json.ValueKind is JsonValueKind.Object && json.TryGetProperty(part, out var member))
                json = member;
            else if (json.ValueKind is JsonValueKind.Array && int.TryParse(part, out var at) && at >= 0 && at < json.GetArrayLength())
                json = json[at];
            else
                return null;
        }

        return json;
    }

    private static string? PointerOf(JsonElement source) =>
        source.ValueKind is JsonValueKind.String ? source.GetString()
        : source.ValueKind is JsonValueKind.Object && source.TryGetProperty("from", out var from) && from.ValueKind is JsonValueKind.String
            ? from.GetString()
        : null;

    private static bool IsOptional(JsonElement source) =>
        source.ValueKind is JsonValueKind.Object
        && source.TryGetProperty("optional", out var optional)
        && optional.ValueKind is JsonValueKind.True;

    private static string? PointerFault(string pointer, JsonElement schema, bool optional)
    {
        if (pointer.Length > 0 && pointer[0] != '/')
            return $"\"{pointer}\" is no JSON Pointer; it begins with /";

        var walked = "";
        foreach (var part in Parts(pointer))
        {
            if (!schema.TryGetProperty("properties", out var properties))
            {
                // A list or a free object: what is in it can't be known beforehand.
                return
                    schema.TryGetProperty("type", out var type)
                    && type.ValueKind is JsonValueKind.String
                    && type.GetString() is not ("object" or "array")
                    ? $"there is nothing below {walked}"
                    : null;
            }

            if (!properties.TryGetProperty(part, out var next))
                return $"the packet type has no field {walked}/{part}; it has {string.Join(", ", properties.EnumerateObject().Select(p => $"{walked}/{p.Name}"))}";
            if (
                !optional
                && !(schema.TryGetProperty("required", out var required) && required.EnumerateArray().Any(r => r.GetString() == part))
            )
                return $"{walked}/{part} may be absent; require it in the packet type, or write {{ \"from\": \"{pointer}\", \"optional\": true }}";
            (schema, walked) = (next, $"{walked}/{part}");
        }

        return null;
    }

    private static IEnumerable<string> Parts(string pointer) =>
        pointer.Length == 0
            ? []
            : pointer[1..]
                .Split('/')
                .Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal));
}
