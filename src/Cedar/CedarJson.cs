using System.Text.Json;

namespace Mumega.Cedar;

/// <summary>JSON that is not what Cedar's JSON formats allow, with the place where it stands.</summary>
/// <param name="path">The place, as a JSON path such as <c>$[0].attrs.age</c>.</param>
public sealed class CedarJsonException(string path, string problem) : Exception($"{path}: {problem}")
{
    public string Path { get; } = path;
}

/// <summary>
/// Entities, contexts and values in the JSON formats of the Cedar specification: entity references as <c>{"__entity": {"type", "id"}}</c>,
/// extension values as <c>{"__extn": {"fn", "arg"}}</c>. An attribute twice, a number that is not a 64-bit integer and <c>null</c> are refused.
/// </summary>
public static class CedarJson
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 256 };

    /// <summary>
    /// Reads an array of <c>{"uid", "attrs", "parents", "tags"}</c>. With a schema, references and extension values may be written plainly where
    /// it says what they are, and the schema's actions are entities too. Throws <see cref="CedarJsonException"/>.
    /// </summary>
    public static Entities Entities(string json, Schema? schema = null)
    {
        using var document = Parse(json, Strict);
        if (document.RootElement.ValueKind is not JsonValueKind.Array)
            throw new CedarJsonException("$", "expected an array of entities");

        var entities = document.RootElement.EnumerateArray().Select((e, i) => Entity(e, schema, $"$[{i}]")).ToList();
        if (schema is not null)
        {
            var given = entities.Select(e => e.Uid).ToHashSet();
            entities.AddRange(
                schema.Actions.Values.Where(a => !given.Contains(a.Uid)).Select(a => new Entity(a.Uid, RecordValue.Empty, [.. a.MemberOf]))
            );
        }

        try
        {
            return new(entities);
        }
        catch (ArgumentException e)
        {
            throw new CedarJsonException("$", e.Message);
        }
    }

    /// <summary>Reads a record, such as a request's context. Throws <see cref="CedarJsonException"/>.</summary>
    public static RecordValue Record(string json)
    {
        using var document = Parse(json, Strict);
        return Record(document.RootElement, "$");
    }

    /// <summary>The same from JSON that was read already, of a known type if one is given.</summary>
    public static RecordValue Record(JsonElement json, string path = "$", RecordOfType? type = null) =>
        Value(json, path, type) as RecordValue ?? throw new CedarJsonException(path, "expected a record");

    /// <summary>Reads <c>{"type", "id"}</c>, or the same inside <c>__entity</c>. Throws <see cref="CedarJsonException"/>.</summary>
    public static EntityUid Uid(JsonElement json, string path = "$")
    {
        if (json.ValueKind is JsonValueKind.Object && json.TryGetProperty("__entity", out var inner))
            (json, path) = (inner, $"{path}.__entity");
        if (json.ValueKind is not JsonValueKind.Object || Text(json, "type") is not { } type || Text(json, "id") is not { } id)
            throw new CedarJsonException(path, "expected an entity reference with type and id");
        if (!Parser.IsName(type))
            throw new CedarJsonException($"{path}.type", $"`{type}` is not the name of an entity type");
        return new(type, id);
    }

    /// <summary>Reads any value; where its type is known, what needs it least may be left out. Throws <see cref="CedarJsonException"/>.</summary>
    public static Value Value(JsonElement json, string path = "$", CedarType? type = null)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.String when type is ExtensionType plain:
                return Construct(plain.Name == "ipaddr" ? "ip" : plain.Name, [Cedar.Value.Of(String(json, path))], path);
            case JsonValueKind.Object when type is EntityRefType && json.TryGetProperty("type", out _):
                return Uid(json, path);
            case JsonValueKind.Object when type is ExtensionType && json.TryGetProperty("fn", out _):
                return Extension(json, path);
            case JsonValueKind.True:
            case JsonValueKind.False:
                return Cedar.Value.Of(json.GetBoolean());
            case JsonValueKind.String:
                return Cedar.Value.Of(String(json, path));
            case JsonValueKind.Number:
                return json.TryGetInt64(out var number)
                    ? Cedar.Value.Of(number)
                    : throw new CedarJsonException(path, $"{json.GetRawText()} is not a 64-bit integer");
            case JsonValueKind.Array:
                return Cedar.Value.SetOf(
                    json.EnumerateArray().Select((item, i) => Value(item, $"{path}[{i}]", (type as SetOfType)?.Element))
                );
            case JsonValueKind.Object when json.TryGetProperty("__entity", out _):
                return Only(json, "__entity") is { } entity ? Uid(entity, $"{path}.__entity") : throw Mixed(path, "__entity");
            case JsonValueKind.Object when json.TryGetProperty("__extn", out _):
                return Only(json, "__extn") is { } extension ? Extension(extension, $"{path}.__extn") : throw Mixed(path, "__extn");
            case JsonValueKind.Object when json.TryGetProperty("__expr", out _):
                throw new CedarJsonException(path, "`__expr` is not supported any more; use `__entity` or `__extn`");
            case JsonValueKind.Object:
                var fields = new Dictionary<string, Value>(StringComparer.Ordinal);
                foreach (var field in json.EnumerateObject())
                    fields[field.Name] = Value(
                        field.Value,
                        $"{path}.{field.Name}",
                        (type as RecordOfType)?.Attributes.GetValueOrDefault(field.Name)?.Type
                    );
                return new RecordValue(fields);
            default:
                throw new CedarJsonException(path, "Cedar has no null");
        }
    }

    /// <summary>Reads one entity. Throws <see cref="CedarJsonException"/>.</summary>
    public static Entity Entity(JsonElement json, Schema? schema = null, string path = "$")
    {
        if (json.ValueKind is not JsonValueKind.Object)
            throw new CedarJsonException(path, "expected an entity");
        foreach (var field in json.EnumerateObject())
        {
            if (field.Name is not ("uid" or "attrs" or "parents" or "tags"))
                throw new CedarJsonException($"{path}.{field.Name}", "an entity has uid, attrs, parents and tags");
        }

        var uid = json.TryGetProperty("uid", out var id)
            ? Uid(id, $"{path}.uid")
            : throw new CedarJsonException(path, "an entity needs a uid");
        List<EntityUid> parents = [];
        if (json.TryGetProperty("parents", out var above))
        {
            if (above.ValueKind is not JsonValueKind.Array)
                throw new CedarJsonException($"{path}.parents", "expected an array of entity references");
            parents.AddRange(above.EnumerateArray().Select((p, i) => Uid(p, $"{path}.parents[{i}]")));
        }

        var known = schema?.EntityTypes.GetValueOrDefault(uid.Type);
        var attributes = json.TryGetProperty("attrs", out var attrs)
            ? Record(attrs, $"{path}.attrs", known?.Attributes)
            : RecordValue.Empty;
        if (!json.TryGetProperty("tags", out var tags))
            return new(uid, attributes, parents);
        if (tags.ValueKind is not JsonValueKind.Object)
            throw new CedarJsonException($"{path}.tags", "expected a record");
        return new(uid, attributes, parents)
        {
            Tags = new RecordValue(
                tags.EnumerateObject()
                    .ToDictionary(t => t.Name, t => Value(t.Value, $"{path}.tags.{t.Name}", known?.Tags), StringComparer.Ordinal)
            ),
        };
    }

    private static Value Extension(JsonElement json, string path)
    {
        if (json.ValueKind is not JsonValueKind.Object || Text(json, "fn") is not { } function)
            throw new CedarJsonException(path, "expected fn and arg");

        Value[] arguments =
            json.TryGetProperty("arg", out var one) ? [Value(one, $"{path}.arg")]
            : json.TryGetProperty("args", out var many) && many.ValueKind is JsonValueKind.Array
                ? [.. many.EnumerateArray().Select((a, i) => Value(a, $"{path}.args[{i}]"))]
            : throw new CedarJsonException(path, "expected fn and arg");
        return Construct(function, arguments, path);
    }

    private static Value Construct(string function, Value[] arguments, string path)
    {
        try
        {
            return Call.Construct(function, arguments)
                ?? throw new CedarJsonException(path, $"`{function}` is not an extension function that makes a value");
        }
        catch (EvaluationException e)
        {
            throw new CedarJsonException(path, e.Message);
        }
    }

    private static JsonElement? Only(JsonElement json, string name) => json.EnumerateObject().Count() == 1 ? json.GetProperty(name) : null;

    private static CedarJsonException Mixed(string path, string name) => new(path, $"`{name}` stands alone in its object");

    internal static JsonDocument Parse(string json, JsonDocumentOptions options)
    {
        try
        {
            return JsonDocument.Parse(json, options);
        }
        catch (JsonException e)
        {
            throw new CedarJsonException("$", e.Message);
        }
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var text) && text.ValueKind is JsonValueKind.String ? String(text, name) : null;

    // A lone surrogate is valid JSON and no text.
    internal static string String(JsonElement json, string path)
    {
        try
        {
            if (json.ValueKind is not JsonValueKind.String)
                throw new CedarJsonException(path, "expected a string");
            return json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new CedarJsonException(path, "the string is not valid Unicode");
        }
    }
}
