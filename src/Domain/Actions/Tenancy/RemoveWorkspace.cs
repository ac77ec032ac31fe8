using System.Text.Json;

namespace Mumega.Domain.Actions.Tenancy;

/// <summary>Removes this workspace: from then on nobody holds a role in it. What happened in it stays, and its receipts verify.</summary>
public sealed class RemoveWorkspace : InternalAction
{
    public override string Kind => "workspace.remove";

    public override string Family => "workspaces";

    public override string Title => "Remove the workspace";

    public override string Description =>
        "Takes everybody's access to this workspace away for good, and its pages off the portal. Nothing is deleted.";

    public override bool NeedsConfirmation => true;

    public override bool PassesStops => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Irreversible;

    public override string InputSchema =>
        """{ "type": "object", "additionalProperties": false, "required": ["key"], "properties": { "key": { "type": "string", "title": "Type the workspace's short name", "maxLength": 80 } } }""";

    public override string TargetType => "Workspace";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        (await call.State.FindWorkspaceAsync(ct)).Key == input.Text("key") ? [] : [new("/key", "is not this workspace's short name")];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var workspace = await call.State.FindWorkspaceAsync(ct);
        return new(
            [new("there", workspace.RemovedAt is null, workspace.RemovedAt is null ? "It is there." : "It is removed already.")],
            $"Nobody gets into {workspace.Name} any more.",
            workspace.Name,
            null,
            "It can't be undone.",
            $"{workspace.RemovedAt}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var workspace = await call.State.FindWorkspaceAsync(ct);
        workspace.RemovedAt = call.Now;
        return new Change($"{workspace.Name} is removed.", null, workspace.Name, null);
    }
}
