using Microsoft.AspNetCore.Http.Features;
using Mumega.Domain;
using Mumega.Domain.Files;
using Mumega.Domain.Imports;

namespace Mumega.Api.Files;

/// <summary>What the endpoints beside GraphQL have in common: bodies of a bounded size, and refusals as <c>{ "code", "message" }</c>.</summary>
internal static class Answers
{
    /// <summary>The whole body, or a refusal when it is larger than the most; said before a byte is read when the client tells its length.</summary>
    public static async Task<Outcome<byte[]>> ReadAsync(HttpContext http, int most)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = most + 1;
        if (http.Request.ContentLength > most)
            return new FileTooLarge(http.Request.ContentLength.Value, most);

        using var content = new MemoryStream();
        try
        {
            await http.Request.Body.CopyToAsync(content, http.RequestAborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return new FileTooLarge(most + 1, most);
        }

        return content.Length > most ? new FileTooLarge(content.Length, most) : content.ToArray();
    }

    public static IResult Unauthenticated() =>
        Refused(StatusCodes.Status401Unauthorized, "UNAUTHENTICATED", "Sign in, or send a valid access token.");

    public static IResult Refused(Refusal why) =>
        Refused(
            why switch
            {
                NotFound => StatusCodes.Status404NotFound,
                FileTooLarge or TooManyRows => StatusCodes.Status413PayloadTooLarge,
                FileTypeRefused or FileTypeMismatch or WrongEncoding => StatusCodes.Status415UnsupportedMediaType,
                UnreadableFile or InvalidArgument => StatusCodes.Status422UnprocessableEntity,
                _ => StatusCodes.Status403Forbidden,
            },
            why.Code,
            why.Message
        );

    public static IResult Refused(int status, string code, string message) => Results.Json(new { code, message }, statusCode: status);
}
