using Microsoft.AspNetCore.Http.Features;
using Mumega.Api.Identity;
using Mumega.Domain;
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
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = StoredFile.MaxBytes + 1;
        if (await CallerAsync(http, callerOf) is not { } caller) return Refused(StatusCodes.Status401Unauthorized, "UNAUTHENTICATED", "Sign in, or send a valid access token.");

        // Said before a byte is read, when the client says how much it would send.
        if (http.Request.ContentLength > StoredFile.MaxBytes) return Refused(new FileTooLarge(http.Request.ContentLength.Value, StoredFile.MaxBytes));
        if (http.Request.ContentType is not { Length: > 0 } type) return Refused(StatusCodes.Status415UnsupportedMediaType, "FILE_TYPE_REFUSED", "Say what it is with Content-Type.");

        using var content = new MemoryStream();
        try
        {
            await http.Request.Body.CopyToAsync(content, http.RequestAborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return Refused(new FileTooLarge(StoredFile.MaxBytes + 1, StoredFile.MaxBytes));
        }

        if (content.Length > StoredFile.MaxBytes) return Refused(new FileTooLarge(content.Length, StoredFile.MaxBytes));
        return (await kernel.UploadAsync(caller.Actor, workspace, type, content.ToArray(), http.RequestAborted)).Refused(out var why, out var file)
            ? Refused(why)
            : Results.Json(new { digest = file.Digest, type = file.Type, size = file.Size }, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> DownloadAsync(Guid workspace, string digest, HttpContext http, CallerOf callerOf, Kernel kernel)
    {
        if (await CallerAsync(http, callerOf) is not { } caller) return Refused(StatusCodes.Status401Unauthorized, "UNAUTHENTICATED", "Sign in, or send a valid access token.");
        if ((await kernel.FileAsync(caller.Actor, workspace, digest, http.RequestAborted)).Refused(out var why, out var file)) return Refused(why);

        // Never shown in our own origin, whatever it is.
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return Results.File(file.Content, file.Type, fileDownloadName: file.Digest[..12]);
    }

    private static async Task<Caller?> CallerAsync(HttpContext http, CallerOf callerOf) => (await callerOf.RequestAsync(http)).Caller;

    private static IResult Refused(Refusal why) => Refused(why switch
    {
        NotFound => StatusCodes.Status404NotFound,
        FileTooLarge => StatusCodes.Status413PayloadTooLarge,
        FileTypeRefused or FileTypeMismatch => StatusCodes.Status415UnsupportedMediaType,
        _ => StatusCodes.Status403Forbidden,
    }, why.Code, why.Message);

    private static IResult Refused(int status, string code, string message) => Results.Json(new { code, message }, statusCode: status);
}
