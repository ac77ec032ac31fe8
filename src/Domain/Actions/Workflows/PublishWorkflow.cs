using System.Globalization;
using System.Text.Json;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Actions.Workflows;

/// <summary>Publishes a version of a workflow. New packets begin with it; packets that exist keep theirs until they are migrated.</summary>
public sealed class PublishWorkflow : InternalAction
{
    private const string Role = """{ "type": "string", "minLength": 1, "maxLength": 40 }""";
    private const string Span = """{ "type": "string", "minLength": 1, "maxLength": 20 }""";
    private const string Name = "^[a-z0-9]+(-[a-z0-9]+)*$";
    private const string Step =
        """{ "type": "object", "additionalProperties": false, "required": ["run"], "properties": { "run": { "type": "string", "minLength": 1, "maxLength": 80 }, "input": { "type": "object" } } }""";

    public override string Kind => "workflow.publish";

    public override string Family => "workflows";

    public override string Title => "Publish a workflow";

    public override string Description =>
        "Publishes a version of a workflow. New packets begin with it; packets that exist keep theirs until they are migrated.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It has a page of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        $$"""
            {
              "type": "object", "additionalProperties": false, "required": ["document"],
              "properties": {
                "replaces": { "type": "integer", "title": "Replaces version", "description": "The number of the version that you changed; 0 for a new workflow.", "minimum": 0 },
                "document": {
                  "type": "object", "title": "Workflow", "additionalProperties": false, "required": ["workflow", "title", "packetType", "states", "transitions"],
                  "properties": {
                    "workflow": { "type": "string", "title": "Name", "pattern": "{{Name}}", "maxLength": 60 },
                    "title": { "type": "string", "minLength": 1, "maxLength": 100 },
                    "description": { "type": "string", "maxLength": 400 },
                    "packetType": { "type": "string", "pattern": "{{Name}}", "maxLength": 60 },
                    "states": { "type": "object", "minProperties": 2, "maxProperties": 60, "additionalProperties": {
                      "type": "object", "additionalProperties": false, "required": ["title"],
                      "properties": {
                        "title": { "type": "string", "minLength": 1, "maxLength": 60 },
                        "description": { "type": "string", "maxLength": 400 },
                        "kind": { "enum": ["initial", "normal", "final"] },
                        "editable": { "type": "boolean" },
                        "task": { "type": "object", "additionalProperties": false, "required": ["title", "role"], "properties": {
                          "title": { "type": "string", "minLength": 1, "maxLength": 200 }, "role": {{Role}}, "due": {{Span}},
                          "priority": { "enum": ["low", "normal", "high", "urgent"] }, "doneWhen": { "type": "string", "maxLength": 400 } } }
                      } } },
                    "transitions": { "type": "object", "minProperties": 1, "maxProperties": 200, "additionalProperties": {
                      "type": "object", "additionalProperties": false, "required": ["title", "from", "to"],
                      "properties": {
                        "title": { "type": "string", "minLength": 1, "maxLength": 60 },
                        "description": { "type": "string", "maxLength": 400 },
                        "from": { "type": "array", "minItems": 1, "maxItems": 60, "items": { "type": "string" } },
                        "to": { "type": "string" },
                        "roles": { "type": "array", "maxItems": 10, "items": {{Role}} },
                        "guard": { "type": "string", "minLength": 1, "maxLength": 2000 },
                        "action": {{Step}},
                        "gates": { "type": "array", "maxItems": 10, "items": { "type": "object", "additionalProperties": false, "required": ["role"], "properties": {
                          "role": {{Role}}, "quorum": { "type": "integer", "minimum": 1, "maximum": 20 }, "expires": {{Span}}, "remind": {{Span}}, "escalate": {{Role}}, "reason": { "type": "string", "maxLength": 400 } } } },
                        "changes": { "type": "string" },
                        "otherwise": { "type": "object", "additionalProperties": false, "required": ["to"], "properties": { "to": { "type": "string" }, "compensate": { "type": "boolean" } } },
                        "compensate": {{Step}},
                        "after": {{Span}},
                        "automatic": { "type": "boolean" },
                        "unwind": { "type": "boolean" }
                      } } }
                  }
                }
              }
            }
            """;

    public override string TargetType => "Workflow";

    public override string TargetId(JsonElement input) => input.GetProperty("document").Text("workflow");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var document = WorkflowDocument.Read(input.GetProperty("document"));
        if (await call.State.FindPacketTypeAsync(document.PacketType, null, ct) is not { } type)
            return [new("/document/packetType", $"there is no packet type \"{document.PacketType}\"; define it first")];
        return WorkflowCheck.Faults(document, type.Schema);
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var document = WorkflowDocument.Read(input.GetProperty("document"));
        var now = await call.State.FindWorkflowAsync(document.Workflow, null, ct);
        var expected = input.TryGetProperty("replaces", out var replaces) ? replaces.GetInt32() : (int?)null;
        var (people, gates) = (new List<string>(), new List<string>());
        foreach (var (key, t) in document.Transitions)
        {
            var holders = 0;
            foreach (var role in t.Roles ?? [])
                holders += role == "agent" ? 1 : await call.State.CountHoldersAsync(role, ct);
            if (!t.Unattended && holders == 0)
                people.Add($"{key} asks for {string.Join(" or ", t.Roles!)}, which nobody here holds");
            foreach (var gate in t.Gates ?? [])
            {
                if (await call.State.CountHoldersAsync(gate.Role, ct) is var there && there < gate.Quorum)
                    gates.Add($"{key} needs {gate.Quorum} holder(s) of the role {gate.Role}; there are {there}");
            }
        }

        var same = now?.DocumentJson == input.GetProperty("document").GetRawText();
        return new(
            [
                new(
                    "drift",
                    expected is null || expected == (now?.Number ?? 0),
                    expected is null
                        ? "No particular version is expected."
                        : $"Version {expected} was changed; {(now is null ? "there is none" : $"version {now.Number} is published")}."
                ),
                new("change", !same, same ? "It is published like this already." : "The workflow changes."),
                new(
                    "people",
                    people.Count == 0,
                    people.Count == 0
                        ? "Somebody may take every transition."
                        : $"Nobody may take a transition: {string.Join("; ", people)}."
                ),
                new(
                    "gates",
                    gates.Count == 0,
                    gates.Count == 0 ? "Every gate can be opened." : $"Nobody could open a gate: {string.Join("; ", gates)}."
                ),
            ],
            $"Version {(now?.Number ?? 0) + 1} of {document.Title} holds for new packets.",
            now is null ? null : JsonDocument.Parse(now.DocumentJson).RootElement.Pretty(),
            input.GetProperty("document").Pretty(),
            now is null ? "Nothing begins with it unless somebody creates a packet." : $"Publish version {now.Number} again.",
            $"{now?.Number ?? 0}/{people.Count}/{gates.Count}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var document = WorkflowDocument.Read(input.GetProperty("document"));
        var now = await call.State.FindWorkflowAsync(document.Workflow, null, ct);
        if (input.TryGetProperty("replaces", out var replaces) && replaces.GetInt32() != (now?.Number ?? 0))
            return new StaleVersion();

        var next = new Workflow
        {
            TenantId = call.By.TenantId,
            WorkspaceId = call.State.WorkspaceId,
            Key = document.Workflow,
            Number = (now?.Number ?? 0) + 1,
            Title = document.Title,
            PacketType = document.PacketType,
            DocumentJson = input.GetProperty("document").GetRawText(),
            CreatedBy = call.By.Id,
            CreatedAt = call.Now,
        };
        call.State.Add(next);
        var undo = now is null
            ? null
            : new Undo(
                Kind,
                JsonSerializer.SerializeToElement(
                    new { document = JsonDocument.Parse(now.DocumentJson).RootElement, replaces = next.Number }
                ),
                $"Publish version {now.Number} again."
            );
        return new Change(
            $"Version {next.Number} of {document.Title} is published.",
            undo,
            now?.Number.ToString(CultureInfo.InvariantCulture),
            next.Number.ToString(CultureInfo.InvariantCulture)
        );
    }
}
