using Mumega.Api.Files;
using Mumega.Api.GraphQL;
using Mumega.Api.Identity;
using Mumega.Domain.Files;
using Mumega.Domain.Imports;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Imports;

/// <summary>
/// <c>POST /imports/{workspace}?name=…</c> takes a file of rows, <c>text/csv</c> or <c>application/x-ndjson</c> in UTF-8, and answers the id of an
/// import, its columns and how many rows it has. Nothing comes in before its rows were looked at and a run lets them in.
/// </summary>
public static class ImportEndpoint
{
    private const int MaxName = 200;

    private static readonly Dictionary<string, ImportFormat> Formats = new(StringComparer.OrdinalIgnoreCase)
    {
        ["text/csv"] = ImportFormat.Csv,
        ["application/x-ndjson"] = ImportFormat.Ndjson,
        ["application/ndjson"] = ImportFormat.Ndjson,
        ["application/jsonl"] = ImportFormat.Ndjson,
    };

    public static void MapImports(this WebApplication app) => app.MapPost("/imports/{workspace:guid}", UploadAsync).DisableAntiforgery();

    private static async Task<IResult> UploadAsync(Guid workspace, string? name, HttpContext http, CallerOf callerOf, Kernel kernel)
    {
        if ((await callerOf.RequestAsync(http)).Caller is not { } caller)
            return Answers.Unauthenticated();
        if (!Formats.TryGetValue(http.Request.ContentType?.Split(';')[0].Trim() ?? "", out var format))
            return Answers.Refused(new FileTypeRefused(http.Request.ContentType ?? "none", [.. Formats.Keys]));
        if ((await Answers.ReadAsync(http, PacketImport.MaxBytes)).Refused(out var large, out var content))
            return Answers.Refused(large);

        var fileName = string.IsNullOrWhiteSpace(name) ? $"rows.{(format is ImportFormat.Csv ? "csv" : "ndjson")}" : name.Trim();
        if (fileName.Length > MaxName)
            fileName = fileName[..MaxName];
        return (await kernel.UploadImportAsync(caller.Actor, workspace, fileName, format, content, http.RequestAborted)).Refused(
            out var why,
            out var import
        )
            ? Answers.Refused(why)
            : Results.Json(
                new
                {
                    id = NodeId.Of("PacketImport", workspace, import.Id),
                    importId = import.Id,
                    columns = import.Columns,
                    rows = import.Rows,
                    digest = import.Digest,
                },
                statusCode: StatusCodes.Status201Created
            );
    }
}
