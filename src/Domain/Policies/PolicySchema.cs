using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Mumega.Cedar;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;

namespace Mumega.Domain.Policies;

/// <summary>
/// What policies may speak of, as a Cedar schema in the namespace <c>Mumega</c>: who acts, on what, and every action of the catalogue in the
/// group of its family, with the input that its JSON Schema says. Derived from the catalogue, so that a new action is there by itself.
/// </summary>
public static class PolicySchema
{
    private const string Circumstances = "scope: String, scopes: Set<String>, workspace: String, surface: String, effects: Set<String>";

    private static readonly ConcurrentDictionary<string, InputShape> Shapes = new(StringComparer.Ordinal);
    private static readonly Lazy<string> Written = new(Write);
    private static readonly Lazy<Schema> Read = new(() => Schema.Parse(Written.Value));

    /// <summary>The schema as text.</summary>
    public static string Text => Written.Value;

    public static Schema Schema => Read.Value;

    /// <summary>The entity type of what an action is about. An agent that is acted upon is not the principal that acts: less is known of it.</summary>
    public static string ResourceType(ActionDefinition action) => $"Mumega::{Resource(action)}";

    /// <summary>An action's input as policies see it.</summary>
    public static Value InputOf(ActionDefinition action, JsonElement input) =>
        Shapes.GetOrAdd($"{action.Kind}/{action.Version}", _ => ShapeOf(action)).Of(input);

    private static InputShape ShapeOf(ActionDefinition action)
    {
        using var schema = JsonDocument.Parse(action.InputSchema);
        return InputShape.From(schema.RootElement);
    }

    private static string Resource(ActionDefinition action) =>
        Enum.TryParse<PrincipalKind>(action.TargetType, out _) ? $"{action.TargetType}Account" : action.TargetType;

    private static string Write()
    {
        var actions = new ActionCatalog().All.ToList();
        var principals = string.Join(", ", Enum.GetNames<PrincipalKind>());
        var text = new StringBuilder("namespace Mumega {\n");
        text.Append("  // A role is held in one workspace; the decision is always about one.\n  entity Role;\n");
        foreach (var kind in Enum.GetNames<PrincipalKind>())
            text.Append(
                $"  entity {kind} in [Role] = {{ tenant: String, suspended: Bool, workspaces: Set<String>{(kind == nameof(PrincipalKind.Agent) ? ", tier?: String" : "")} }};\n"
            );
        text.Append("  entity Workspace = { tenant: String };\n");
        foreach (
            var type in actions
                .Select(Resource)
                .Concat(["Packet", "Run"])
                .Where(t => t != "Workspace")
                .Distinct()
                .Order(StringComparer.Ordinal)
        )
            text.Append($"  entity {type} in [Workspace] = {{ tenant: String }};\n");

        text.Append(
            "\n  // Everything in the catalogue, by family; before there is an input, the action is asked about on the workspace.\n  action act;\n"
        );
        foreach (var family in actions.GroupBy(a => a.Family))
        {
            text.Append($"  action \"{family.Key}\";\n");
            foreach (var action in family)
            {
                text.Append(
                        $"  action \"{action.Kind}\" in [\"act\", \"{family.Key}\"] appliesTo {{\n    principal: [{principals}],\n    resource: [{(Resource(action) == "Workspace" ? "" : $"{Resource(action)}, ")}Workspace],\n"
                    )
                    .Append(
                        $"    context: {{ {Circumstances}, blast: String, reversibility: String, input?: {ShapeOf(action).Type} }}\n  }};\n"
                    );
            }
        }

        text.Append("\n  // What people do to runs, approvals and stops, and reading.\n  action control;\n  action ")
            .AppendJoin(", ", ControlAct.All.Select(a => $"\"{a}\""))
            .Append(
                $" in [\"control\"] appliesTo {{\n    principal: [{principals}],\n    resource: [Workspace],\n    context: {{ {Circumstances} }}\n  }};\n"
            )
            .Append(
                $"  // The value of one field of a receipt is shown.\n  action \"{ControlAct.OpenField}\" in [\"control\"] appliesTo {{\n    principal: [{principals}],\n    resource: [Workspace],\n    context: {{ {Circumstances}, field: String }}\n  }};\n}}\n"
            );
        return text.ToString();
    }
}
