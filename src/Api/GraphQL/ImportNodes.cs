using System.Text.Json;
using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Imports;

namespace Mumega.Api.GraphQL;

/// <summary>A file whose rows become packets: first each row is looked at, then one run of <c>packet.import</c> lets all of them in at once.</summary>
[Name("PacketImport"), Implements(typeof(INode))]
public sealed class PacketImportNode(PacketImport import, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("PacketImport", import.WorkspaceId, import.Id);

    /// <summary>The plain id, as the input of <c>packet.import</c> names it.</summary>
    [Id]
    public Guid ImportId => import.Id;

    public string FileName => import.FileName;

    public ImportFormat Format => import.Format;

    /// <summary>Of the file, in bytes.</summary>
    public long Size => import.Size;

    /// <summary>SHA-256 of the file, hex.</summary>
    public string Digest => import.Digest;

    /// <summary>The column names, or the names found in the objects.</summary>
    public IReadOnlyList<string> Columns => import.Columns;

    public int Rows => import.Rows;

    public ImportState State => import.State;

    /// <summary>What becomes of the columns, as it was last said.</summary>
    public ImportPlanView? Plan =>
        import.Plan is { } plan
            ? new(
                plan.Type,
                import.Workflow,
                plan.Title,
                JsonSerializer.SerializeToElement(plan.Payload),
                plan.Labels ?? [],
                plan.LabelsFrom
            )
            : null;

    /// <summary>How many rows were looked at.</summary>
    public int Checked => import.Checked;

    /// <summary>How many of them can't become packets.</summary>
    public int Faulty => import.Faulty;

    public DateTimeOffset UploadedAt => import.UploadedAt;

    public IDataLoaderResult<Who> UploadedBy(IResolveFieldContext context) => Who.Of(context.Request(), import.UploadedBy);

    /// <summary>When the packets came in, or it was given up.</summary>
    public DateTimeOffset? EndedAt => import.EndedAt;

    /// <summary>The run that let the packets in.</summary>
    public IDataLoaderResult<RunNode?> Run(IResolveFieldContext context) =>
        import.RunId is { } id
            ? context
                .Request()
                .RunAsync(import.WorkspaceId, id)
                .Then(r => r is null ? null : new RunNode(r, context.Request().Desk.Catalog, now))
            : new Loaded<RunNode?>(null);

    /// <summary>The rows that can't become packets, in the order of the file.</summary>
    [Complexity<PageCost>]
    public async Task<ImportFaultConnection> Faults(IResolveFieldContext context, int? first, string? after)
    {
        await using var db = context.Request().Open(import.WorkspaceId);
        var id = import.Id;
        var query = db.ImportRows.AsNoTracking().Where(r => r.ImportId == id && r.FaultsJson != null);
        if (Paging.Position(after) is { } last)
            query = query.Where(r => r.Number > last);

        var (rows, info) = await Paging.PageAsync(
            query.OrderBy(r => r.Number),
            first,
            after,
            r => Paging.Cursor(r.Number),
            context.CancellationToken
        );
        List<ImportFaultEdge> edges = [.. rows.Select(r => new ImportFaultEdge(Paging.Cursor(r.Number), new(r.Number, r.Faults)))];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>The first rows as they would come in by a plan; nothing is kept.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="plan">What becomes of the columns.</param>
    /// <param name="first">How many rows, 50 at most; 10 when left out.</param>
    [Complexity(30)]
    public async Task<ImportPreviewView> Preview(IResolveFieldContext context, ImportPlanInput plan, int? first)
    {
        var count = first is null or (>= 1 and <= 50)
            ? first ?? 10
            : throw new Transport.RefusalException(new InvalidArgument("first", "between 1 and 50."));
        var request = context.Request();
        if (plan.Read().Refused(out var unreadable, out var read))
            return new([], [unreadable]);
        return (
            await request.Kernel.PreviewImportAsync(request.Actor, import.WorkspaceId, import.Id, read, count, context.CancellationToken)
        ).Refused(out var why, out var preview)
            ? new([], [why])
            : new(
                [
                    .. preview.Rows.Select(r => new ImportDraftView(
                        r.Number,
                        r.Draft.Title,
                        r.Draft.Payload.ValueKind is JsonValueKind.Undefined ? null : r.Draft.Payload,
                        r.Draft.Labels,
                        r.Draft.Faults
                    )),
                ],
                []
            );
    }
}

/// <summary>What becomes of the columns of a file. See the input of the same name.</summary>
[Name("ImportPlan")]
public sealed record ImportPlanView(
    string Type,
    string? Workflow,
    JsonElement Title,
    JsonElement Payload,
    IReadOnlyList<string> Labels,
    string? LabelsFrom
);

/// <summary>A row that can't become a packet.</summary>
/// <param name="Number">As a spreadsheet counts: the column names are row 1; in NDJSON the line.</param>
/// <param name="Faults">Everything that is wrong with it, with places in the packet.</param>
[Name("ImportFault")]
public sealed record ImportFaultView(long Number, IReadOnlyList<InputFault> Faults);

/// <summary>An edge of a list of rows with faults.</summary>
public sealed record ImportFaultEdge(string Cursor, ImportFaultView Node);

/// <summary>A page of rows with faults.</summary>
public sealed record ImportFaultConnection(
    [property: Complexity(0, 1)] IReadOnlyList<ImportFaultEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<ImportFaultView> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>A row as it would come in.</summary>
/// <param name="Payload">Absent when the row can't be read at all.</param>
[Name("ImportDraft")]
public sealed record ImportDraftView(
    long Number,
    string Title,
    JsonElement? Payload,
    IReadOnlyList<string> Labels,
    IReadOnlyList<InputFault> Faults
);

/// <summary>The first rows of a file by a plan, or what is wrong with the plan.</summary>
[Name("ImportPreview")]
public sealed record ImportPreviewView(IReadOnlyList<ImportDraftView> Rows, IReadOnlyList<Refusal> Errors);

/// <summary>
/// What becomes of the columns of a file. A source is a JSON Pointer (RFC 6901) into the row, such as "/Order number", or { "value": … } for a fixed
/// value, { "text": "Order {/Order number}" }, { "object": { "city": "/City" } }.
/// </summary>
/// <param name="Type">The packet type.</param>
/// <param name="Workflow">May be left out when there is only one for the type.</param>
/// <param name="Title">The source of the packet's title.</param>
/// <param name="Payload">An object with, for each field of the payload, its source.</param>
/// <param name="Labels">Labels that every packet gets.</param>
/// <param name="LabelsFrom">A JSON Pointer to more labels: a list, or text with commas.</param>
public sealed record ImportPlanInput(
    string Type,
    string? Workflow,
    JsonElement Title,
    JsonElement Payload,
    IReadOnlyList<string>? Labels,
    string? LabelsFrom
)
{
    internal Outcome<ImportPlan> Read() =>
        Payload.ValueKind is JsonValueKind.Object
            ? new ImportPlan(Type, Workflow, Title, Payload.EnumerateObject().ToDictionary(p => p.Name, p => p.Value), Labels, LabelsFrom)
            : new InvalidInput([new("/payload", "is an object with a source for each field")]);
}

public sealed partial class WorkspaceNode
{
    /// <summary>Where files are sent to whose rows are to become packets.</summary>
    public string ImportsAddress => $"/imports/{workspace.Id}";

    /// <summary>Imports, newest first, at most 100.</summary>
    [Complexity(5, 2)]
    public async Task<IReadOnlyList<PacketImportNode>> PacketImports(IResolveFieldContext context)
    {
        var request = context.Request();
        await using var db = request.Open(workspace.Id);
        return
        [
            .. (
                await db.PacketImports.AsNoTracking().OrderByDescending(i => i.Id).Take(Paging.Max).ToListAsync(context.CancellationToken)
            ).Select(i => new PacketImportNode(i, request.Now)),
        ];
    }
}

/// <param name="ImportId">The import, as its upload answered.</param>
/// <param name="Plan">What becomes of the columns.</param>
public sealed record CheckPacketImportInput([property: Id] string ImportId, ImportPlanInput Plan, string IdempotencyKey);

public sealed record CancelPacketImportInput([property: Id] string ImportId, string IdempotencyKey);

public sealed record CheckPacketImportPayload(PacketImportNode? Import, IReadOnlyList<Refusal> Errors);

public sealed record CancelPacketImportPayload(PacketImportNode? Import, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Has every row of an import looked at; when all were, <c>packet.import</c> lets the packets in.</summary>
    public static async Task<CheckPacketImportPayload> CheckPacketImport(IResolveFieldContext context, CheckPacketImportInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ImportId, "PacketImport") is not { } at)
            return new(null, [new NotFound("import", input.ImportId)]);
        if (input.Plan.Read().Refused(out var unreadable, out var plan))
            return new(null, [unreadable]);
        return (
            await request.Kernel.CheckImportAsync(request.Actor, at.Workspace, at.Id, plan, input.IdempotencyKey, context.CancellationToken)
        ).Refused(out var why, out var import)
            ? new(null, [why])
            : new(new(import, request.Now), []);
    }

    /// <summary>Gives an import up before its packets came in; the file is deleted.</summary>
    public static async Task<CancelPacketImportPayload> CancelPacketImport(IResolveFieldContext context, CancelPacketImportInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ImportId, "PacketImport") is not { } at)
            return new(null, [new NotFound("import", input.ImportId)]);
        return (
            await request.Kernel.CancelImportAsync(request.Actor, at.Workspace, at.Id, input.IdempotencyKey, context.CancellationToken)
        ).Refused(out var why, out var import)
            ? new(null, [why])
            : new(new(import, request.Now), []);
    }
}
