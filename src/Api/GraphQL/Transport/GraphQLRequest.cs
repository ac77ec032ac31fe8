using System.Text.Json;
using GraphQL;
using GraphQL.SystemTextJson;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>A well-formed request as "GraphQL over HTTP" has it.</summary>
public sealed record GraphQLRequest(string Query, string? OperationName, Inputs Variables, Inputs Extensions)
{
    private static readonly GraphQLSerializer Serializer = new();

    /// <summary>Reads a request body or message payload; the problem says what is wrong with it.</summary>
    public static GraphQLRequest? Read(JsonElement json, out string? problem)
    {
        problem = null;
        if (json.ValueKind is JsonValueKind.Array)
            problem = "Batches are not accepted; send one request at a time.";
        else if (json.ValueKind is not JsonValueKind.Object)
            problem = "The request must be a JSON object.";
        else if (!json.TryGetProperty("query", out var query) || query.ValueKind is not JsonValueKind.String)
            problem = "\"query\" must be a string.";
        else if (Wrong(json, "operationName", JsonValueKind.String))
            problem = "\"operationName\" must be a string.";
        else if (Wrong(json, "variables", JsonValueKind.Object))
            problem = "\"variables\" must be an object.";
        else if (Wrong(json, "extensions", JsonValueKind.Object))
            problem = "\"extensions\" must be an object.";
        else
        {
            return new(
                query.GetString()!,
                json.TryGetProperty("operationName", out var name) ? name.GetString() : null,
                Inputs(json, "variables"),
                Inputs(json, "extensions")
            );
        }

        return null;
    }

    private static bool Wrong(JsonElement json, string name, JsonValueKind kind) =>
        json.TryGetProperty(name, out var value) && value.ValueKind != kind && value.ValueKind is not JsonValueKind.Null;

    private static Inputs Inputs(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Object
            ? Serializer.ReadNode<Inputs>(value)!
            : global::GraphQL.Inputs.Empty;
}
