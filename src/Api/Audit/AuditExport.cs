using System.Globalization;
using System.Text;
using System.Text.Json;
using Mumega.Api.Files;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Budgets;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Audit;

/// <summary>
/// The audit log as a file: <c>GET /audit/{workspace}?format=csv|ndjson|cloudevents</c>, filtered by <c>action</c>, <c>actor</c>, <c>kind</c>, <c>since</c> and <c>until</c>. Newest first, streamed, so that a long one needs no memory.
/// </summary>
public static class AuditExport
{
    private const int Batch = 200;

    private static readonly JsonSerializerOptions Camel = new(JsonSerializerDefaults.Web)
    {
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static void MapAudit(this WebApplication app) => app.MapGet("/audit/{workspace:guid}", ExportAsync);

    private static async Task<IResult> ExportAsync(
        Guid workspace,
        string? format,
        string? action,
        Guid? actor,
        string? kind,
        DateTimeOffset? since,
        DateTimeOffset? until,
        HttpContext http,
        CallerOf callers,
        AuditLog audit,
        PublicAddress address,
        CancellationToken ct
    )
    {
        var (caller, forged) = await callers.RequestAsync(http);
        if (forged)
            return Answers.Refused(StatusCodes.Status403Forbidden, "FORGED", "The header graphql-require-preflight is missing.");
        if (caller is null)
            return Answers.Unauthenticated();
        if (format is not ("csv" or "ndjson" or "cloudevents"))
            return Answers.Refused(new InvalidArgument("format", "csv, ndjson or cloudevents."));

        var query = new ReceiptQuery(kind is null ? null : [kind], action, actor, null, null, since, until);
        if ((await audit.ReadAsync(caller.Actor, workspace, long.MaxValue, query, Batch, ct)).Refused(out var refused, out var rows))
            return Answers.Refused(refused is OverBudget ? refused : new NotFound("audit log", workspace.ToString()));

        http.Response.Headers.ContentDisposition = $"attachment; filename=\"audit.{(format == "csv" ? "csv" : "ndjson")}\"";
        http.Response.ContentType = format switch
        {
            "csv" => "text/csv; charset=utf-8",
            "ndjson" => "application/x-ndjson",
            _ => "application/cloudevents+json",
        };
        await using var writer = new StreamWriter(http.Response.Body, new UTF8Encoding(false));
        if (format == "csv")
            await writer.WriteAsync(
                "at,receipt,by,by_kind,email,cause,cause_kind,cause_email,cause_tier,root,root_email,chain,tier,surface,tool,decision,code,state,reason,trace_id\r\n"
            );
        while (rows.Count > 0)
        {
            foreach (var row in rows)
            {
                await writer.WriteAsync(
                    format switch
                    {
                        "csv" => Csv(row),
                        "ndjson" => JsonSerializer.Serialize(row, Camel) + "\n",
                        _ => JsonSerializer.Serialize(CloudEvent(row, workspace, address.Value), Camel) + "\n",
                    }
                );
            }

            await writer.FlushAsync(ct);
            if ((await audit.ReadAsync(caller.Actor, workspace, rows[^1].Position, query, Batch, ct)).Refused(out _, out var more))
            {
                // The rest may not be read. A file that ends early must not look whole.
                http.Abort();
                return Results.Empty;
            }

            rows = more;
        }

        return Results.Empty;
    }

    // CloudEvents 1.0, JSON format, one event a line.
    private static object CloudEvent(AuditRow row, Guid workspace, string address) =>
        new
        {
            specversion = "1.0",
            id = row.ReceiptId,
            source = $"{address}/workspaces/{workspace}",
            type = $"mumega.{row.Code}",
            subject = row.Subject.ToString(),
            time = row.At,
            datacontenttype = "application/json",
            traceparent = row.TraceId is null ? null : $"00-{row.TraceId}-{row.ReceiptId.ToString("N")[..16]}-00",
            data = row,
        };

    private static string Csv(AuditRow row) =>
        string.Join(
            ',',
            new[]
            {
                row.At.ToString("O", CultureInfo.InvariantCulture),
                row.ReceiptId.ToString(),
                row.By.Name,
                row.By.Kind.ToString(),
                row.By.Email,
                row.Cause.Name,
                row.Cause.Kind.ToString(),
                row.Cause.Email,
                row.Cause.Tier?.ToString(),
                row.Root.Name,
                row.Root.Email,
                string.Join(" > ", row.Chain.Select(c => c.Name)),
                row.By.Tier?.ToString(),
                row.Surface,
                row.Tool,
                row.Decision,
                row.Code,
                row.State,
                row.Reason,
                row.TraceId,
            }.Select(Cell)
        ) + "\r\n";

    // RFC 4180; and a spreadsheet must not take what somebody wrote for a formula.
    private static string Cell(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return "";
        if (value[0] is '=' or '+' or '-' or '@' or '\t' or '\r')
            value = $"'{value}";
        return value.AsSpan().IndexOfAny(",\"\r\n") < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
