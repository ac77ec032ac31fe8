using System.Text.Json;
using Mumega.Domain.Imports;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Tasks;

namespace Mumega.Domain.Actions.Packets;

/// <summary>Lets the rows of a file in as packets, all of them in one commit. Made good by taking each to an end by its workflow.</summary>
public sealed class ImportPackets : InternalAction
{
    public override string Kind => "packet.import";

    public override string Family => "packets";

    public override string Title => "Import packets";

    public override string Description => "Makes a packet of every row of a file that was looked at before: all of them at once, or none.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The packets' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["import"],
              "properties": {
                "import": { "type": "string", "title": "Import", "format": "guid" },
                "leaveOutFaulty": { "type": "boolean", "title": "Leave out rows with faults" },
                "again": { "type": "boolean", "title": "Import the same file again" }
              }
            }
            """;

    public override string TargetType => "PacketImport";

    public override string TargetId(JsonElement input) => input.Text("import");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await FindAsync(input, call, ct) is null ? [new("/import", "there is no such import")] : [];

    public override async Task<IReadOnlyList<FollowUp>> SetsOffAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await FindAsync(input, call, ct) is { Workflow: { } key, WorkflowVersion: { } number }
        && await call.State.FindWorkflowAsync(key, number, ct) is { Document: var document }
            ? document.SetOffIn([document.Initial])
            : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not { } import)
            return new([new("import", false, "The import is gone.")], "Nothing can be imported.", null, null, "Nothing to undo.", "-");
        if (import.State is not ImportState.Checked)
            return new(
                [new("checked", false, import.IsOver ? "This import is over." : "Its rows were not all looked at yet.")],
                "Nothing can be imported.",
                null,
                null,
                "Nothing to undo.",
                $"{import.State}/{import.Attempt}"
            );

        var (type, workflow) = (
            await call.State.FindPacketTypeAsync(import.Type!, null, ct),
            await call.State.FindWorkflowAsync(import.Workflow!, null, ct)
        );
        var good = import.Checked - import.Faulty;
        var (leaveOut, again) = (input.Flag("leaveOutFaulty"), input.Flag("again"));
        var before = await call.State.FindImportedAsync(import.Digest, ct);
        var newest = type?.Number == import.TypeVersion && workflow?.Number == import.WorkflowVersion;
        var sample = await call.State.SampleAsync(import, 5, ct);
        return new(
            [
                new(
                    "rows",
                    good > 0 && (import.Faulty == 0 || leaveOut),
                    good == 0 ? "No row can become a packet."
                        : import.Faulty == 0 ? $"All {good:N0} rows can become packets."
                        : $"{import.Faulty:N0} of {import.Checked:N0} rows can't become packets{(leaveOut ? " and are left out" : "; mend them, or leave them out")}."
                ),
                new(
                    "definitions",
                    newest,
                    newest
                        ? "Packet type and workflow are the newest."
                        : "Packet type or workflow has a newer version since the rows were looked at; look at them again."
                ),
                new(
                    "once",
                    before is null || again,
                    before is null
                        ? "This file was not imported before."
                        : $"The same file was imported at {before.EndedAt:u}{(again ? ", and is wanted again" : "; say so if it is wanted again")}."
                ),
            ],
            $"{good:N0} packets of the type {import.Type} begin in {workflow?.Document.States[workflow.Document.Initial].Title}, from {import.FileName}.",
            null,
            string.Join(
                '\n',
                sample
                    .Select(s => s.Title)
                    .Append(good > sample.Count ? $"… and {good - sample.Count:N0} more" : null)
                    .Where(t => t is not null)
            ),
            "Take each to an end by its workflow.",
            $"{import.Digest}/{import.Attempt}/{import.Checked}/{import.Faulty}/{type?.Number}/{workflow?.Number}/{before?.Id}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await FindAsync(input, call, ct) is not { State: ImportState.Checked } import)
            return new NotFound("import", input.Text("import"));

        var (type, workflow) = (
            (await call.State.FindPacketTypeAsync(import.Type!, import.TypeVersion, ct))!,
            (await call.State.FindWorkflowAsync(import.Workflow!, import.WorkflowVersion, ct))!
        );
        var document = workflow.Document;

        // All that the packets have in common; what each has of its own was made when its row was looked at.
        var (pattern, created) = Packet.Create(
            call.State.WorkspaceId,
            import.Id,
            new("", JsonSerializer.SerializeToElement(new { }), null, [], []),
            type,
            workflow,
            document,
            call.By with
            {
                Surface = import.Surface!,
            },
            call.RunId,
            call.Now
        );
        import.LetIn(call.RunId, call.Now);
        call.State.LetIn(import, pattern, created, WorkTask.Of(pattern, document));
        var good = import.Checked - import.Faulty;
        return new Change(
            $"{good:N0} packets began in {document.States[pattern.State].Title}{(import.Faulty > 0 ? $"; {import.Faulty:N0} rows were left out" : "")}.",
            null,
            null,
            $"{import.Digest}, {good} of {import.Checked} rows"
        );
    }

    private static Task<PacketImport?> FindAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        call.State.FindImportAsync(Guid.Parse(input.Text("import")), ct);
}
