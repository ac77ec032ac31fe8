using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mumega.Domain;
using Mumega.Domain.Workflows;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mumega.Infrastructure.Workflows;

/// <summary>Workflows in YAML (the JSON schema of YAML 1.2): what people write. JSON is what is kept.</summary>
public static class WorkflowYaml
{
    /// <summary>The longest text that is read.</summary>
    public const int MaxLength = 200_000;

    private const int MaxDepth = 20;

    private static readonly string[] Names =
    [
        "workflow",
        "title",
        "description",
        "packetType",
        "states",
        "kind",
        "editable",
        "task",
        "role",
        "quorum",
        "due",
        "priority",
        "doneWhen",
        "transitions",
        "from",
        "to",
        "roles",
        "guard",
        "automatic",
        "after",
        "action",
        "run",
        "input",
        "gates",
        "expires",
        "remind",
        "escalate",
        "reason",
        "changes",
        "otherwise",
        "compensate",
        "unwind",
    ];

    /// <summary>The document as JSON, or what is wrong with the text, with its place.</summary>
    public static Outcome<JsonNode> Read(string yaml)
    {
        if (yaml.Length > MaxLength)
            return new InvalidInput([new("/yaml", $"at most {MaxLength} characters")]);
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(yaml));
            return stream.Documents is [var document] && Json(document.RootNode, 0) is { } json
                ? json
                : new InvalidInput([new("/yaml", "is one YAML document, not empty")]);
        }
        catch (YamlException e)
        {
            return new InvalidInput([new("/yaml", (e.InnerException ?? e).Message, (int)e.Start.Line, (int)e.Start.Column)]);
        }
    }

    /// <summary>A document as YAML, in the order in which packets come to its states.</summary>
    public static string Write(string json)
    {
        var document = JsonNode.Parse(json)!.AsObject();
        try
        {
            var read = WorkflowDocument.Read(json);
            var order = read.Order;
            Sort(document["states"]!.AsObject(), name => order.ToList().IndexOf(name));
            Sort(document["transitions"]!.AsObject(), name => read.Transitions[name].From.Min(f => order.ToList().IndexOf(f)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or KeyNotFoundException)
        {
            // Something that is no workflow yet is shown as it is.
        }

        Arrange(document);
        using var text = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(Yaml(document))).Save(text, assignAnchors: false);

        // The library ends a stream with the mark of a document's end.
        return text.ToString().Replace("\n...\n", "\n", StringComparison.Ordinal);
    }

    // As somebody would write it: what it is called first, what it leads to last.
    private static void Arrange(JsonNode? node)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
                Arrange(item);
        }
        else if (node is JsonObject record)
        {
            if (record.All(p => Names.Contains(p.Key)))
                Sort(record, name => Array.IndexOf(Names, name));
            foreach (var (name, value) in record)
            {
                if (name is not "input")
                    Arrange(value);
            }
        }
    }

    private static void Sort(JsonObject record, Func<string, int> rank)
    {
        var sorted = record.OrderBy(p => rank(p.Key)).Select(p => (p.Key, Value: p.Value?.DeepClone())).ToList();
        record.Clear();
        foreach (var (name, value) in sorted)
            record[name] = value;
    }

    private static JsonNode? Json(YamlNode node, int depth)
    {
        if (depth > MaxDepth)
            throw new YamlException(node.Start, node.End, $"is nested deeper than {MaxDepth} levels");
        if (!node.Anchor.IsEmpty)
            throw new YamlException(node.Start, node.End, "anchors are not used here; write it out");
        switch (node)
        {
            case YamlMappingNode map:
                var record = new JsonObject();
                foreach (var (key, value) in map.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                        throw new YamlException(key.Start, key.End, "a name is a plain text");
                    if (!record.TryAdd(name, Json(value, depth + 1)))
                        throw new YamlException(key.Start, key.End, $"\"{name}\" is there twice");
                }

                return record;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(c => Json(c, depth + 1))]);
            case YamlScalarNode { Value: var value, Style: ScalarStyle.Plain }:
                return value switch
                {
                    "" or "~" or "null" => null,
                    "true" => true,
                    "false" => false,
                    _ when long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
                    _ => value,
                };
            case YamlScalarNode scalar:
                return scalar.Value;
            default:
                throw new YamlException(node.Start, node.End, "is not understood");
        }
    }

    private static YamlNode Yaml(JsonNode? node) =>
        node switch
        {
            null => new YamlScalarNode("null"),
            JsonObject record => new YamlMappingNode(record.SelectMany(p => new[] { Text(p.Key), Yaml(p.Value) })),
            JsonArray list when list.All(i => i is JsonValue) => new YamlSequenceNode(list.Select(Yaml))
            {
                Style = YamlDotNet.Core.Events.SequenceStyle.Flow,
            },
            JsonArray list => new YamlSequenceNode(list.Select(Yaml)),
            JsonValue value when value.TryGetValue<string>(out var text) => Text(text),
            _ => new YamlScalarNode(node.ToJsonString()),
        };

    // Quoted where it would otherwise be read as something else.
    private static YamlScalarNode Text(string text) =>
        new(text)
        {
            Style =
                text.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.Literal
                : text is "" or "~" or "null" or "true" or "false"
                || long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
                    ? ScalarStyle.DoubleQuoted
                : ScalarStyle.Any,
        };
}
