using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Imports;

namespace Mumega.Infrastructure.Runs;

/// <summary>Rows of an import as they would come in.</summary>
public sealed record ImportPreview(IReadOnlyList<(long Number, Draft Draft)> Rows);

public sealed partial class Kernel
{
    private const string Import = "packet.import";

    /// <summary>Keeps a file so that its rows can become packets. It does nothing by itself.</summary>
    public async Task<Outcome<PacketImport>> UploadImportAsync(
        Actor by,
        Guid workspaceId,
        string fileName,
        ImportFormat format,
        byte[] content,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee)
            return new NotFound("workspace", workspaceId.ToString());
        if (WhyNot(s, Import) is { } no)
            return no;
        if (ImportReader.Inspect(format, content).Refused(out var why, out var shape))
            return why;

        var import = new PacketImport
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(s.Now),
            FileName = fileName,
            Format = format,
            Size = content.Length,
            Digest = Convert.ToHexStringLower(SHA256.HashData(content)),
            ColumnsJson = JsonSerializer.Serialize(shape.Columns),
            Rows = shape.Rows,
            UploadedBy = by.Id,
            UploadedAt = s.Now,
        };
        s.Db.PacketImports.Add(import);
        s.Db.ImportFiles.Add(
            new()
            {
                TenantId = by.TenantId,
                WorkspaceId = workspaceId,
                ImportId = import.Id,
                Content = Importer.Pack(content),
            }
        );
        await s.CommitAsync(ct);
        return import;
    }

    /// <summary>The first rows of an import as a plan would have them.</summary>
    public async Task<Outcome<ImportPreview>> PreviewImportAsync(
        Actor by,
        Guid workspaceId,
        Guid importId,
        ImportPlan plan,
        int first,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee || await s.Call.State.FindImportAsync(importId, ct) is not { } import)
            return new NotFound("import", importId.ToString());
        if (import.IsOver)
            return new ImportOver();
        if (WhyNot(s, Import) is { } no)
            return no;
        if ((await ReadAsync(s, import, plan, ct)).Refused(out var why, out var read))
            return why;
        return new ImportPreview([.. (await Importer.DraftsAsync(s.Db, import, plan, read.Type, 0, ct)).Take(first)]);
    }

    /// <summary>Has every row of an import looked at by a plan; from the first, also when it was done before.</summary>
    public Task<Outcome<PacketImport>> CheckImportAsync(
        Actor by,
        Guid workspaceId,
        Guid importId,
        ImportPlan plan,
        string key,
        CancellationToken ct
    ) =>
        OnImportAsync(
            by,
            workspaceId,
            importId,
            key,
            ["check import", importId, plan.ToJson()],
            async (s, import) =>
            {
                if ((await ReadAsync(s, import, plan, ct)).Refused(out var why, out var read))
                    return why;
                if (import.Begin(plan, read.Type, read.Workflow, by) is { } over)
                    return over;

                s.Db.Also(stop => s.Db.ImportRows.Where(r => r.ImportId == importId).ExecuteDeleteAsync(stop));
                Importer.Enqueue(s, import);
                return import;
            },
            ct
        );

    /// <summary>Gives an import up before its packets came in.</summary>
    public Task<Outcome<PacketImport>> CancelImportAsync(Actor by, Guid workspaceId, Guid importId, string key, CancellationToken ct) =>
        OnImportAsync(
            by,
            workspaceId,
            importId,
            key,
            ["cancel import", importId],
            (s, import) =>
            {
                if (import.Cancel(s.Now) is { } over)
                    return Task.FromResult<Outcome<PacketImport>>(over);

                Importer.Enqueue(s, import);
                return Task.FromResult<Outcome<PacketImport>>(import);
            },
            ct
        );

    private async Task<Outcome<PacketImport>> OnImportAsync(
        Actor by,
        Guid workspaceId,
        Guid importId,
        string key,
        object?[] request,
        Func<Sitting, PacketImport, Task<Outcome<PacketImport>>> act,
        CancellationToken ct
    ) =>
        await desk.ActAsync(
            by,
            workspaceId,
            key,
            request,
            (s, id) => s.Call.State.FindImportAsync(id, ct),
            async s =>
            {
                if (await s.Call.State.FindImportAsync(importId, ct) is not { } import)
                    return new NotFound("import", importId.ToString());
                return WhyNot(s, Import) is { } no ? no : await act(s, import);
            },
            i => i.Id,
            ct
        );

    // What is kept for an action is kept for whoever may propose it.
    private Refusal? WhyNot(Sitting s, string action) =>
        s.Decide(action, desk.Catalog.Find(action)) is { Verdict: Verdict.Deny } no ? no.AsRefusal() : s.StopFor("packets");

    private static async Task<Outcome<Definitions>> ReadAsync(Sitting s, PacketImport import, ImportPlan plan, CancellationToken ct)
    {
        if (await s.Call.State.FindPacketTypeAsync(plan.Type, null, ct) is not { } type)
            return new InvalidInput([new("/type", $"there is no packet type \"{plan.Type}\"")]);

        var faults = plan.Faults(import.Columns, type).ToList();
        var workflows = await s.Call.State.WorkflowsForAsync(type.Key, ct);
        var key = plan.Workflow ?? (workflows.Count == 1 ? workflows[0] : null);
        if (key is null || !workflows.Contains(key))
            faults.Add(
                new(
                    "/workflow",
                    workflows.Count == 0 ? $"no workflow is published for {type.Key}" : $"name one of {string.Join(", ", workflows)}"
                )
            );
        return faults.Count > 0 ? new InvalidInput(faults) : new Definitions(type, (await s.Call.State.FindWorkflowAsync(key!, null, ct))!);
    }

    private sealed record Definitions(PacketType Type, Workflow Workflow);
}
