using System.Text.Json;

namespace Mumega.Infrastructure.Workflows;

/// <summary>A workflow to begin with, and the packet type that it is for.</summary>
/// <param name="Type">The input of <c>packet.type</c>.</param>
/// <param name="Workflow">The document of <c>workflow.publish</c>.</param>
public sealed record WorkflowTemplate(string Key, string Title, string? Description, JsonElement Type, JsonElement Workflow)
{
    private const string Prefix = "Mumega.Workflows.";

    /// <summary>The library, by name.</summary>
    public static IReadOnlyList<WorkflowTemplate> All { get; } =
    [
        .. typeof(WorkflowTemplate)
            .Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(Read),
    ];

    private static WorkflowTemplate Read(string name)
    {
        using var stream = typeof(WorkflowTemplate).Assembly.GetManifestResourceStream(name)!;
        if (WorkflowYaml.Read(new StreamReader(stream).ReadToEnd()).Refused(out var why, out var json))
            throw new InvalidOperationException($"{name}: {why.Message}");

        var (type, workflow) = (JsonSerializer.SerializeToElement(json["type"]), JsonSerializer.SerializeToElement(json["workflow"]));
        return new(
            workflow.GetProperty("workflow").GetString()!,
            workflow.GetProperty("title").GetString()!,
            workflow.TryGetProperty("description", out var d) ? d.GetString() : null,
            type,
            workflow
        );
    }
}
