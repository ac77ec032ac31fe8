using System.Text.Json;

namespace Mumega.Cedar;

/// <summary>Reads the JSON syntax of schemas: an object of namespaces, each with <c>commonTypes</c>, <c>entityTypes</c> and <c>actions</c>.</summary>
internal sealed class SchemaJson
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 256 };

    private readonly List<string> paths = [];
    private readonly SchemaResolver found;

    private SchemaJson() => found = new((place, problem) => throw new CedarJsonException(paths[place], problem));

    public static Schema Read(string json)
    {
        using var document = CedarJson.Parse(json, Strict);
        var reader = new SchemaJson();
        foreach (var space in Fields(document.RootElement, "$"))
        {
            if (space.Name.Length > 0 && !Parser.IsName(space.Name))
                throw new CedarJsonException("$", $"`{space.Name}` is not the name of a namespace");
            reader.Namespace(space.Name, space.Value, $"$.{space.Name}");
        }

        return reader.found.Resolve();
    }

    private int Place(string path)
    {
        paths.Add(path);
        return paths.Count - 1;
    }

    private void Namespace(string name, JsonElement json, string path)
    {
        Known(json, path, "commonTypes", "entityTypes", "actions", "annotations");
        foreach (var type in Part("commonTypes"))
            found.AddCommon(
                name,
                Identifier(type.Name, path),
                Place($"{path}.commonTypes.{type.Name}"),
                Type(type.Value, $"{path}.commonTypes.{type.Name}")
            );
        foreach (var entity in Part("entityTypes"))
            found.Add(Entity(name, Identifier(entity.Name, path), entity.Value, $"{path}.entityTypes.{entity.Name}"));
        foreach (var action in Part("actions"))
            found.Add(Action(name, action.Name, action.Value, $"{path}.actions.{action.Name}"));

        JsonElement.ObjectEnumerator Part(string part) =>
            json.TryGetProperty(part, out var found) ? Fields(found, $"{path}.{part}") : default;
    }

    private EntityDecl Entity(string space, string name, JsonElement json, string path)
    {
        Known(json, path, "memberOfTypes", "shape", "tags", "enum", "annotations");
        var ids = json.TryGetProperty("enum", out var listed)
            ? Items(listed, $"{path}.enum").Select(e => CedarJson.String(e, $"{path}.enum")).ToList()
            : null;
        if (ids is not null && json.EnumerateObject().Any(f => f.Name is not ("enum" or "annotations")))
            throw new CedarJsonException(path, "an enumerated type has nothing but its ids");
        return new(
            space,
            name,
            Place(path),
            TypeNames(json, "memberOfTypes", path),
            json.TryGetProperty("shape", out var shape) ? Type(shape, $"{path}.shape") : null,
            json.TryGetProperty("tags", out var tags) ? Type(tags, $"{path}.tags") : null,
            ids
        );
    }

    private ActionDecl Action(string space, string name, JsonElement json, string path)
    {
        Known(json, path, "memberOf", "appliesTo", "attributes", "annotations");
        var groups = new List<ActionRef>();
        if (json.TryGetProperty("memberOf", out var memberOf))
        {
            foreach (var (i, group) in Items(memberOf, $"{path}.memberOf").Index())
            {
                var at = $"{path}.memberOf[{i}]";
                Known(group, at, "id", "type");
                groups.Add(
                    new(group.TryGetProperty("type", out var type) ? CedarJson.String(type, at) : null, Text(group, "id", at), Place(at))
                );
            }
        }

        if (!json.TryGetProperty("appliesTo", out var applies))
            return new(space, name, Place(path), groups, [], [], null);

        path += ".appliesTo";
        Known(applies, path, "principalTypes", "resourceTypes", "context");
        foreach (var needed in (string[])["principalTypes", "resourceTypes"])
        {
            if (!applies.TryGetProperty(needed, out _))
                throw new CedarJsonException(path, $"expected `{needed}`");
        }

        return new(
            space,
            name,
            Place(path),
            groups,
            TypeNames(applies, "principalTypes", path),
            TypeNames(applies, "resourceTypes", path),
            applies.TryGetProperty("context", out var context) ? Type(context, $"{path}.context") : null
        );
    }

    private List<TypeName> TypeNames(JsonElement json, string name, string path) =>
        json.TryGetProperty(name, out var listed)
            ?
            [
                .. Items(listed, $"{path}.{name}")
                    .Select((t, i) => new TypeName(CedarJson.String(t, $"{path}.{name}[{i}]"), Place($"{path}.{name}[{i}]"))),
            ]
            : [];

    private TypeSyntax Type(JsonElement json, string path)
    {
        var type = Text(json, "type", path);
        var place = Place(path);
        switch (type)
        {
            case "Boolean" or "Bool":
                return Only(new Named("__cedar::Bool", place));
            case "Long" or "String":
                return Only(new Named($"__cedar::{type}", place));
            case "Set":
                Known(json, path, "type", "element", "required", "annotations");
                return new SetOf(
                    json.TryGetProperty("element", out var element)
                        ? Type(element, $"{path}.element")
                        : throw new CedarJsonException(path, "a set needs `element`"),
                    place
                );
            case "Record":
                Known(json, path, "type", "attributes", "additionalAttributes", "required", "annotations");
                if (json.TryGetProperty("additionalAttributes", out var open) && open.ValueKind is not JsonValueKind.False)
                    throw new CedarJsonException(path, "records with additional attributes are not part of the specification yet");
                var attributes = json.TryGetProperty("attributes", out var listed)
                    ? Fields(listed, $"{path}.attributes")
                    : throw new CedarJsonException(path, "a record needs `attributes`");
                return new RecordOf(
                    [
                        .. attributes.Select(a =>
                            (
                                a.Name,
                                !a.Value.TryGetProperty("required", out var required) || required.ValueKind is not JsonValueKind.False,
                                Type(a.Value, $"{path}.attributes.{a.Name}")
                            )
                        ),
                    ],
                    place
                );
            case "Entity":
                return Name(NameKind.Entity);
            case "EntityOrCommon":
                return Name(NameKind.Any);
            case "Extension":
                Known(json, path, "type", "name", "required", "annotations");
                return SchemaResolver.IsExtension(Text(json, "name", path))
                    ? new Named($"__cedar::{Text(json, "name", path)}", place)
                    : throw new CedarJsonException($"{path}.name", $"there is no extension type `{Text(json, "name", path)}`");
            default:
                return Only(new Named(type, place, NameKind.Common));
        }

        TypeSyntax Only(TypeSyntax syntax)
        {
            Known(json, path, "type", "required", "annotations");
            return syntax;
        }

        Named Name(NameKind kind)
        {
            Known(json, path, "type", "name", "required", "annotations");
            return new(Text(json, "name", path), place, kind);
        }
    }

    private static string Identifier(string name, string path) =>
        Parser.IsName(name) && !name.Contains(':') ? name : throw new CedarJsonException(path, $"`{name}` can't name a type");

    private static string Text(JsonElement json, string name, string path) =>
        json.ValueKind is JsonValueKind.Object && json.TryGetProperty(name, out var field)
            ? CedarJson.String(field, $"{path}.{name}")
            : throw new CedarJsonException(path, $"expected `{name}`");

    private static JsonElement.ObjectEnumerator Fields(JsonElement json, string path) =>
        json.ValueKind is JsonValueKind.Object ? json.EnumerateObject() : throw new CedarJsonException(path, "expected an object");

    private static JsonElement.ArrayEnumerator Items(JsonElement json, string path) =>
        json.ValueKind is JsonValueKind.Array ? json.EnumerateArray() : throw new CedarJsonException(path, "expected an array");

    private static void Known(JsonElement json, string path, params ReadOnlySpan<string> names)
    {
        foreach (var field in Fields(json, path))
        {
            if (!names.Contains(field.Name))
                throw new CedarJsonException($"{path}.{field.Name}", $"expected only {string.Join(", ", names.ToArray())}");
        }
    }
}
