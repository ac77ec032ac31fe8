using Mumega.Api.Identity;
using Mumega.Domain.Files;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Files;

/// <summary>
/// Files of a workspace: <c>POST /files/{workspace}</c> takes the content as the body under its own media type and answers its SHA-256;
/// <c>GET /files/{workspace}/{digest}</c> gives it back to whoever may see the workspace. A file does nothing until a run attaches it.
/// </summary>
public static class FileEndpoints
{
    public static void MapFiles(this WebApplication app)
    {
        app.MapPost("/files/{workspace:guid}", UploadAsync).DisableAntiforgery();
        app.MapGet("/files/{workspace:guid}/{digest}", DownloadAsync);
    }

    private static async Task<IResult> UploadAsync(Guid workspace, HttpContext http, CallerOf callerOf, Kernel kernel)
    {
        if ((await callerOf.RequestAsync(http)).Caller is not { } caller)
            return Answers.Unauthenticated();
        if (http.Request.ContentType is not { Length: > 0 } type)
            return Answers.Refused(StatusCodes.Status415UnsupportedMediaType, "FILE_TYPE_REFUSED", "Say what it is with Content-Type.");
        if ((await Answers.ReadAsync(http, StoredFile.MaxBytes)).Refused(out var large, out var content))
            return Answers.Refused(large);
        return (await kernel.UploadAsync(caller.Actor, workspace, type, content, http.RequestAborted)).Refused(out var why, out var file)
            ? Answers.Refused(why)
            : Results.Json(
                new
                {
                    digest = file.Digest,
                    type = file.Type,
                    size = file.Size,
                },
                statusCode: StatusCodes.Status201Created
            );
    }

    private static async Task<IResult> DownloadAsync(Guid workspace, string digest, HttpContext http, CallerOf callerOf, Kernel kernel)
    {
        if ((await callerOf.RequestAsync(http)).Caller is not { } caller)
            return Answers.Unauthenticated();
        if ((await kernel.FileAsync(caller.Actor, workspace, digest, http.RequestAborted)).Refused(out var why, out var file))
            return Answers.Refused(why);

        // Never shown in our own origin, whatever it is.
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return Results.File(file.Content, file.Type, fileDownloadName: file.Digest[..12]);
    }
}
