using System.Text.Json;
using Mumega.Cedar;

namespace Mumega.Domain.Policies;

/// <summary>
/// How policies see an action's input: each field with the Cedar type that its JSON Schema says. Cedar has no value of any type, so a field
/// without a type of its own is its JSON text, as canonical as the input is.
/// </summary>
internal abstract record InputShape
{
    /// <summary>The type as a Cedar schema spells it.</summary>
    public abstract string Type { get; }

    public abstract Value Of(JsonElement json);

    public static InputShape From(JsonElement schema)
    {
        var type =
            schema.TryGetProperty("type", out var named) && named.ValueKind is JsonValueKind.String ? named.GetString()
            : schema.TryGetProperty("enum", out var values) && values.EnumerateArray().All(v => v.ValueKind is JsonValueKind.String)
                ? "string"
            : null;
        return type switch
        {
            "string" => new Simple("String", json => Value.Of(json.GetString()!)),
            "integer" => new Simple("Long", json => Value.Of(json.GetInt64())),
            "boolean" => new Simple("Bool", json => Value.Of(json.GetBoolean())),
            "array" when schema.TryGetProperty("items", out var items) && items.ValueKind is JsonValueKind.Object => new Items(From(items)),
            "object" when schema.TryGetProperty("properties", out var properties) => new Record([
                .. properties
                    .EnumerateObject()
                    .Select(p =>
                        (
                            p.Name,
                            From(p.Value),
                            schema.TryGetProperty("required", out var required)
                                && required.EnumerateArray().Any(r => r.GetString() == p.Name)
                        )
                    ),
            ]),
            _ => new Simple("String", json => Value.Of(json.GetRawText())),
        };
    }

    private sealed record Simple(string Name, Func<JsonElement, Value> Read) : InputShape
    {
        public override string Type => Name;

        public override Value Of(JsonElement json) => Read(json);
    }

    private sealed record Items(InputShape Element) : InputShape
    {
        public override string Type => $"Set<{Element.Type}>";

        public override Value Of(JsonElement json) => new SetValue(json.EnumerateArray().Select(Element.Of));
    }

    private sealed record Record(IReadOnlyList<(string Name, InputShape Shape, bool Required)> Fields) : InputShape
    {
        public override string Type =>
            $"{{ {string.Join(", ", Fields.Select(f => $"\"{f.Name}\"{(f.Required ? "" : "?")}: {f.Shape.Type}"))} }}";

        // A field that is null where a type is asked for is absent.
        public override Value Of(JsonElement json) =>
            new RecordValue(
                Fields
                    .Where(f =>
                        json.TryGetProperty(f.Name, out var value)
                        && (value.ValueKind is not JsonValueKind.Null || f.Shape is Simple { Name: "String" } && f.Required)
                    )
                    .ToDictionary(f => f.Name, f => f.Shape.Of(json.GetProperty(f.Name)))
            );
    }
}
