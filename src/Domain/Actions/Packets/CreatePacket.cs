using System.Text.Json;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Schemas;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Begins a piece of business work. Made good by taking it to an end by its workflow.</summary>
public sealed class CreatePacket : InternalAction
{
    public override string Kind => "packet.create";

    public override string Family => "packets";

    public override string Title => "Create a packet";

    public override string Description => "Begins a piece of work: it starts in the first state of its workflow.";

    public override Blast Blast => Blast.Low;

    public override Reversibility Reversibility => Reversibility.Compensable;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["type", "title", "payload"],
              "properties": {
                "type": { "type": "string", "title": "Type", "minLength": 1, "maxLength": 60 },
                "workflow": { "type": "string", "title": "Workflow", "description": "May be left out when there is only one for the type.", "maxLength": 60 },
                "title": { "type": "string", "title": "Title", "minLength": 1, "maxLength": 200 },
                "payload": { "type": "object", "title": "Payload", "description": "As the type's schema says." },
                "parent": { "type": "string", "title": "Parent", "description": "The id of the packet that this is a part of.", "format": "guid" },
                "labels": { "type": "array", "title": "Labels", "maxItems": 20, "uniqueItems": true, "items": { "type": "string", "minLength": 1, "maxLength": 40 } }
              }
            }
            """;

    public override string TargetType => "PacketType";

    public override string TargetId(JsonElement input) => input.Text("type");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindPacketTypeAsync(input.Text("type"), null, ct) is not { } type)
            return [new("/type", $"there is no packet type \"{input.Text("type")}\"")];

        var faults = PayloadFaults(type, input.GetProperty("payload")).ToList();
        var workflows = await call.State.WorkflowsForAsync(type.Key, ct);
        if (input.TextOrNull("workflow") is { } named)
        {
            if (!workflows.Contains(named))
                faults.Add(
                    new(
                        "/workflow",
                        $"there is no workflow \"{named}\" for {type.Key}; there {(workflows.Count == 0 ? "is none" : $"are {string.Join(", ", workflows)}")}"
                    )
                );
        }
        else if (workflows.Count != 1)
        {
            faults.Add(
                new(
                    "/workflow",
                    workflows.Count == 0 ? $"no workflow is published for {type.Key}" : $"name one of {string.Join(", ", workflows)}"
                )
            );
        }

        if (input.TextOrNull("parent") is { } parent && await call.State.FindPacketAsync(Guid.Parse(parent), ct) is null)
            faults.Add(new("/parent", "there is no such packet"));
        return faults;
    }

    public override async Task<IReadOnlyList<FollowUp>> SetsOffAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await PartsAsync(input, call, ct) is var (_, workflow) ? workflow.Document.SetOffIn([workflow.Document.Initial]) : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await PartsAsync(input, call, ct) is not var (type, workflow))
            return new(
                [new("definitions", false, "Its type or workflow is gone.")],
                "Nothing can be created.",
                null,
                null,
                "Nothing to undo.",
                "-"
            );

        var faults = PayloadFaults(type, input.GetProperty("payload"));
        return new(
            [
                new(
                    "payload",
                    faults.Count == 0,
                    faults.Count == 0 ? $"The payload is what {type.Key} {type.Number} asks for." : string.Join("; ", faults)
                ),
            ],
            $"\"{input.Text("title")}\" begins in {workflow.Document.States[workflow.Document.Initial].Title}.",
            null,
            input.GetProperty("payload").Pretty(),
            "Take it to an end by its workflow.",
            $"{type.Key}/{type.Number}/{workflow.Key}/{workflow.Number}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await PartsAsync(input, call, ct) is not var (type, workflow))
            return new NotFound("packet type or workflow", input.Text("type"));

        var document = workflow.Document;
        var content = new PacketContent(
            input.Text("title"),
            input.GetProperty("payload"),
            input.TextOrNull("parent") is { } parent ? Guid.Parse(parent) : null,
            input.TryGetProperty("labels", out var labels) ? [.. labels.EnumerateArray().Select(l => l.GetString()!)] : [],
            []
        );
        var (packet, created) = Packet.Create(
            call.State.WorkspaceId,
            call.EffectId,
            content,
            type,
            workflow,
            document,
            call.By,
            call.RunId,
            call.Now
        );
        call.State.Add(packet);
        await call.State.KeepAsync(packet, created, document, ct);
        return new Change($"\"{packet.Title}\" is in {document.States[packet.State].Title}.", null, null, packet.Id.ToString());
    }

    /// <summary>What is wrong with a payload, with places in an input that has it in <c>payload</c>.</summary>
    internal static IReadOnlyList<InputFault> PayloadFaults(PacketType type, JsonElement payload) =>
        [.. JsonSchema.Read(type.Schema, out _).Faults(payload).Select(f => f with { Path = $"/payload{f.Path}" })];

    private static async Task<(PacketType Type, Workflow Workflow)?> PartsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindPacketTypeAsync(input.Text("type"), null, ct) is not { } type)
            return null;

        var key = input.TextOrNull("workflow") ?? (await call.State.WorkflowsForAsync(type.Key, ct) is [var only, ..] ? only : null);
        return key is not null && await call.State.FindWorkflowAsync(key, null, ct) is { } workflow ? (type, workflow) : null;
    }
}
