using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Files;
using Mumega.Domain;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Hooks;

/// <summary>
/// Calls from outside that start packets: <c>POST /hooks/{tenant}/{workspace}/{schedule}</c>, signed as Standard Webhooks has it (<c>webhook-id</c>,
/// <c>webhook-timestamp</c>, <c>webhook-signature</c> with HMAC-SHA256). A call that is repeated under its id starts nothing twice.
/// </summary>
public static class HookEndpoint
{
    private const int MaxBytes = 256 * 1024;
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public static void MapHooks(this WebApplication app) =>
        app.MapPost("/hooks/{tenant}/{workspace}/{key}", TakeAsync).DisableAntiforgery();

    private static async Task<IResult> TakeAsync(
        string tenant,
        string workspace,
        string key,
        HttpContext http,
        Databases databases,
        Kernel kernel,
        TimeProvider clock
    )
    {
        var (ct, headers) = (http.RequestAborted, http.Request.Headers);
        string id = headers["webhook-id"].ToString(),
            at = headers["webhook-timestamp"].ToString(),
            signatures = headers["webhook-signature"].ToString();
        if (
            id.Length is 0 or > 100
            || signatures.Length > 1000
            || !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        )
            return Answers.Refused(
                StatusCodes.Status400BadRequest,
                "BAD_REQUEST",
                "Send webhook-id, webhook-timestamp and webhook-signature."
            );
        if (Math.Abs(clock.Now().ToUnixTimeSeconds() - seconds) > Tolerance.TotalSeconds)
            return Answers.Refused(StatusCodes.Status401Unauthorized, "BAD_TIMESTAMP", "The timestamp is more than five minutes off.");

        if ((await Answers.ReadAsync(http, MaxBytes)).Refused(out _, out var body))
            return TooLarge();

        // What is unknown is answered like what is forged, so that nothing can be found out by asking.
        await using var platform = databases.OpenPlatform();
        var tenantId = await platform.Tenants.Where(t => t.Key == tenant && t.ClosedAt == null).Select(t => t.Id).SingleOrDefaultAsync(ct);
        await using var all = databases.OpenTenant(tenantId);
        var workspaceId =
            tenantId == Guid.Empty
                ? Guid.Empty
                : await all.Workspaces.Where(w => w.Key == workspace).Select(w => w.Id).SingleOrDefaultAsync(ct);
        if (workspaceId == Guid.Empty)
            return Forged();

        JsonElement data;
        try
        {
            data = JsonDocument.Parse(body, new() { MaxDepth = 32 }).RootElement;
        }
        catch (JsonException)
        {
            return Answers.Refused(StatusCodes.Status400BadRequest, "BAD_REQUEST", "The body is not JSON.");
        }

        var outcome = await kernel.StartByHookAsync(tenantId, workspaceId, key, new(id, seconds, body, signatures.Split(' ')), data, ct);
        if (outcome is null)
            return Forged();
        return outcome.Value.Refused(out var why, out var run)
            ? Answers.Refused(
                why is IdempotencyConflict ? StatusCodes.Status409Conflict : StatusCodes.Status422UnprocessableEntity,
                why.Code,
                why.Message
            )
            : Results.Json(new { run = run.Id, state = Domain.Runs.RunStates.Name(run.State) }, statusCode: StatusCodes.Status202Accepted);
    }

    private static IResult Forged() =>
        Answers.Refused(
            StatusCodes.Status401Unauthorized,
            "BAD_SIGNATURE",
            "There is no such hook, or the signature is not made with its secret."
        );

    private static IResult TooLarge() =>
        Answers.Refused(StatusCodes.Status413PayloadTooLarge, "TOO_LARGE", $"At most {MaxBytes} bytes are taken.");
}
