using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Imports;
using Mumega.Domain.Jobs;
using Mumega.Domain.Packets;
using Mumega.Domain.Tasks;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Imports;

/// <summary>
/// The long parts of an import, a few thousand rows a job: looking at the rows before it, and what follows from new packets after it. Each job
/// commits what it did with how far it came, so that it goes on from there whatever happens.
/// </summary>
internal static class Importer
{
    /// <summary>So many rows a commit: about a second's work.</summary>
    private const int Chunk = 5000;

    public static byte[] Pack(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var brotli = new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            brotli.Write(content);
        return packed.ToArray();
    }

    /// <summary>The rows of an import's file after one, as drafts of packets.</summary>
    public static async Task<IEnumerable<(long Number, Draft Draft)>> DraftsAsync(
        MumegaDb db,
        PacketImport import,
        ImportPlan plan,
        PacketType type,
        long after,
        CancellationToken ct
    )
    {
        var content = await db.ImportFiles.Where(f => f.ImportId == import.Id).Select(f => f.Content).SingleAsync(ct);
        return Drafts(content, import.Format, plan, new(type), after);
    }

    private static IEnumerable<(long Number, Draft Draft)> Drafts(
        byte[] content,
        ImportFormat format,
        ImportPlan plan,
        DraftSchema type,
        long after
    )
    {
        using var file = new BrotliStream(new MemoryStream(content, writable: false), CompressionMode.Decompress);
        foreach (var (number, record, problem) in ImportReader.Rows(format, file))
        {
            if (number <= after)
                continue;
            yield return (
                number,
                record is { } row ? plan.Make(row, format is ImportFormat.Csv, type) : new("", default, [], [new("", problem!)])
            );
        }
    }

    public static async Task ContinueAsync(Sitting s, Job job, CancellationToken ct)
    {
        if (await s.Db.PacketImports.SingleOrDefaultAsync(i => i.Id == job.SubjectId, ct) is not { } import)
            return;

        if (import.IsOver)
            await FollowAsync(s, import, ct);
        else if (import.State is ImportState.Checking && job.Detail == import.Attempt.ToString(CultureInfo.InvariantCulture))
            await LookAsync(s, import, ct);
    }

    /// <summary>Has it go on in a job of its own.</summary>
    public static void Enqueue(Sitting s, PacketImport import) =>
        s.Db.Jobs.Add(
            WorkspaceState.NewJob(
                import.TenantId,
                import.WorkspaceId,
                JobKind.ImportPackets,
                import.Id,
                s.Now,
                import.Attempt.ToString(CultureInfo.InvariantCulture)
            )
        );

    private static async Task LookAsync(Sitting s, PacketImport import, CancellationToken ct)
    {
        var type = (await s.Call.State.FindPacketTypeAsync(import.Type!, import.TypeVersion, ct))!;
        var workflow = (await s.Call.State.FindWorkflowAsync(import.Workflow!, import.WorkflowVersion, ct))!;
        var (document, by) = (workflow.Document, s.By with { Surface = import.Surface! });
        var rows = new List<ImportRow>(Chunk);
        foreach (var (number, draft) in (await DraftsAsync(s.Db, import, import.Plan!, type, import.LastRow, ct)).Take(Chunk))
        {
            if (draft.Faults.Count > 0)
            {
                rows.Add(
                    new()
                    {
                        TenantId = import.TenantId,
                        WorkspaceId = import.WorkspaceId,
                        ImportId = import.Id,
                        Number = number,
                        FaultsJson = JsonSerializer.Serialize(draft.Faults),
                    }
                );
                continue;
            }

            // In the order of the file, which lists keep.
            var id = Guid.CreateVersion7(import.UploadedAt.AddMilliseconds(number - import.Rows));
            var (packet, created) = Packet.Create(
                import.WorkspaceId,
                id,
                new(draft.Title, draft.Payload, null, draft.Labels, []),
                type,
                workflow,
                document,
                by,
                null,
                s.Now
            );
            rows.Add(
                new()
                {
                    TenantId = import.TenantId,
                    WorkspaceId = import.WorkspaceId,
                    ImportId = import.Id,
                    Number = number,
                    PacketId = packet.Id,
                    Title = packet.Title,
                    Folded = packet.Folded,
                    Payload = packet.Payload,
                    Labels = packet.LabelsJson,
                    Data = created.Data,
                    TaskId = WorkTask.Of(packet, document)?.Id,
                }
            );
        }

        import.Look(
            rows.Count,
            rows.Count(r => r.FaultsJson is not null),
            rows.Count == 0 ? import.LastRow : rows[^1].Number,
            rows.Count < Chunk
        );
        s.Db.Also(stop => s.Db.Queries.Rows.InsertAsync(s.Db, rows, stop));
        if (import.State is ImportState.Checking)
            Enqueue(s, import);
        FaultPoint.Hit("import.looked");
    }

    /// <summary>After its end: sets the clocks of the new packets, starts what waits for their state, and clears what is not needed any more.</summary>
    private static async Task FollowAsync(Sitting s, PacketImport import, CancellationToken ct)
    {
        var (imported, which) = (import.State is ImportState.Imported, import.Id);
        var rows = await s
            .Db.ImportRows.AsNoTracking()
            .Where(r => r.ImportId == import.Id && (!imported || r.FaultsJson == null))
            .OrderBy(r => r.Number)
            .Select(r => new { r.Number, r.PacketId })
            .Take(Chunk)
            .ToListAsync(ct);
        if (rows.Count == 0)
        {
            s.Db.Also(stop => s.Db.ImportFiles.Where(f => f.ImportId == which).ExecuteDeleteAsync(stop));
            return;
        }

        if (imported)
        {
            var document = (await s.Call.State.FindWorkflowAsync(import.Workflow!, import.WorkflowVersion, ct))!.Document;
            var (workflow, state, entered) = (import.Workflow, document.Initial, import.EndedAt!.Value);
            var schedules = await WorkspaceState.WaitingForAsync(s.Db, workflow!, state, ct);
            var automatic = document.Out(state).Any(t => t.Transition.Automatic);
            var jobs = new List<Job>();
            foreach (var id in rows.Select(r => r.PacketId!.Value))
            {
                jobs.AddRange(WorkspaceState.Clocks(import.TenantId, import.WorkspaceId, id, document, state, entered));
                jobs.AddRange(
                    schedules.Select(schedule =>
                        WorkspaceState.NewJob(import.TenantId, import.WorkspaceId, JobKind.FireSchedule, schedule, s.Now, $"{id}/1")
                    )
                );
                if (automatic)
                    jobs.Add(WorkspaceState.NewJob(import.TenantId, import.WorkspaceId, JobKind.ContinuePacket, id, s.Now));
            }

            if (jobs.Count > 0)
                s.Db.Also(stop => s.Db.Queries.Rows.InsertAsync(s.Db, jobs, stop));
        }

        var last = rows[^1].Number;
        s.Db.Also(stop =>
            s.Db.ImportRows.Where(r => r.ImportId == which && r.Number <= last && (!imported || r.FaultsJson == null))
                .ExecuteDeleteAsync(stop)
        );
        Enqueue(s, import);
        FaultPoint.Hit("import.followed");
    }
}
