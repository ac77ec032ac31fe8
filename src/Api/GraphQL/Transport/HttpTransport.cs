using System.Text.Json;
using GraphQL;
using GraphQL.SystemTextJson;
using Microsoft.Net.Http.Headers;
using Mumega.Api.Identity;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>
/// GraphQL over HTTP (GraphQL-over-HTTP working draft): POST and GET with content negotiation, and server-sent events (graphql-sse,
/// distinct connections) for whoever accepts <c>text/event-stream</c>.
/// </summary>
public sealed class HttpTransport(Executor executor, CallerOf callerOf, SocketTransport sockets, GraphQLLimits limits)
{
    private const string GraphQLJson = "application/graphql-response+json";
    private const string Json = "application/json";
    private const string Events = "text/event-stream";

    private static readonly GraphQLSerializer Serializer = new(new ErrorInfo());

    public async Task HandleAsync(HttpContext http)
    {
        if (http.WebSockets.IsWebSocketRequest)
        {
            await sockets.HandleAsync(http);
            return;
        }

        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsPost(http.Request.Method))
        {
            http.Response.Headers.Allow = "GET, POST";
            await RefuseAsync(http, Json, StatusCodes.Status405MethodNotAllowed, "METHOD_NOT_ALLOWED", "Use GET or POST.");
            return;
        }

        if (Negotiate(http.Request) is not { } type)
        {
            await RefuseAsync(
                http,
                Json,
                StatusCodes.Status406NotAcceptable,
                "NOT_ACCEPTABLE",
                $"The answer is {GraphQLJson}, {Json} or {Events}."
            );
            return;
        }

        var get = HttpMethods.IsGet(http.Request.Method);
        if (!get && !HasJsonBody(http.Request))
        {
            await RefuseAsync(
                http,
                type,
                StatusCodes.Status415UnsupportedMediaType,
                "UNSUPPORTED_MEDIA_TYPE",
                "The body must be application/json in UTF-8."
            );
            return;
        }

        var (caller, forged) = await callerOf.RequestAsync(http);
        if (forged)
        {
            await RefuseAsync(
                http,
                type,
                StatusCodes.Status403Forbidden,
                "PREFLIGHT_REQUIRED",
                "Send the header graphql-require-preflight."
            );
            return;
        }

        if (caller is null)
        {
            http.Response.Headers.WWWAuthenticate = callerOf.Challenge(http);
            await callerOf.NoteRefusalAsync(http);
            await RefuseAsync(http, type, StatusCodes.Status401Unauthorized, "UNAUTHENTICATED", "Sign in, or send a valid access token.");
            return;
        }

        if (await ReadAsync(http, get, type) is not { } request)
            return;

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        var result = await executor.ExecuteAsync(request, caller, get, ended.Token);
        if (type == Events)
            await StreamAsync(http, result, caller, ended);
        else
            await AnswerAsync(http, type, result);
    }

    private async Task<GraphQLRequest?> ReadAsync(HttpContext http, bool get, string type)
    {
        try
        {
            using var json = get ? FromQuery(http.Request.Query) : await BodyAsync(http);
            if (GraphQLRequest.Read(json.RootElement, out var problem) is { } request)
                return request;
            await RefuseAsync(http, type, StatusCodes.Status400BadRequest, "BAD_REQUEST", problem!);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await RefuseAsync(
                http,
                type,
                StatusCodes.Status413PayloadTooLarge,
                "TOO_LARGE",
                $"The body may have at most {limits.MaxBodyBytes} bytes."
            );
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException or ArgumentException or InvalidOperationException)
        {
            await RefuseAsync(http, type, StatusCodes.Status400BadRequest, "BAD_REQUEST", "The request is not valid JSON.");
        }

        return null;
    }

    private async Task<JsonDocument> BodyAsync(HttpContext http)
    {
        if (http.Request.ContentLength > limits.MaxBodyBytes)
            throw new BadHttpRequestException("", StatusCodes.Status413PayloadTooLarge);
        http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = limits.MaxBodyBytes;
        return await JsonDocument.ParseAsync(http.Request.Body, Strict, http.RequestAborted);
    }

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private static JsonDocument FromQuery(IQueryCollection query)
    {
        var request = new Dictionary<string, object?> { ["query"] = query.TryGetValue("query", out var text) ? text.ToString() : null };
        if (query.TryGetValue("operationName", out var name))
            request["operationName"] = name.ToString();
        foreach (var part in new[] { "variables", "extensions" })
        {
            if (query.TryGetValue(part, out var json))
                request[part] = JsonDocument.Parse(json.ToString(), Strict).RootElement;
        }

        return JsonSerializer.SerializeToDocument(request);
    }

    private static async Task AnswerAsync(HttpContext http, string type, ExecutionResult result)
    {
        // application/json answers 200 to every well-formed request; the newer type tells apart what never ran.
        http.Response.StatusCode = result switch
        {
            { Errors: [RequestRefusedException { Refusal: "METHOD_NOT_ALLOWED" }] } => StatusCodes.Status405MethodNotAllowed,
            { Executed: false } when type == GraphQLJson || result.Errors is [RequestRefusedException] => StatusCodes.Status400BadRequest,
            _ => StatusCodes.Status200OK,
        };
        http.Response.ContentType = $"{type}; charset=utf-8";
        await Serializer.WriteAsync(http.Response.Body, result, http.RequestAborted);
    }

    private async Task StreamAsync(HttpContext http, ExecutionResult result, Caller caller, CancellationTokenSource ended)
    {
        http.Response.ContentType = Events;
        http.Response.Headers.CacheControl = "no-store";
        await http.Response.Body.FlushAsync(ended.Token);
        await using var outbox = new Outbox(
            async (message, ct) =>
            {
                await http.Response.Body.WriteAsync(message, ct);
                await http.Response.Body.FlushAsync(ct);
            }
        );
        try
        {
            if (result.Streams is { Count: > 0 } streams)
            {
                var watch = callerOf.WatchAsync(caller, ended.Token);
                var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                using var subscription = streams
                    .Values.Single()
                    .Subscribe(
                        new Observer(
                            next => outbox.Send(Event("next", next)),
                            failed => outbox.Send(Event("next", failed)),
                            () => finished.TrySetResult()
                        )
                    );
                await Task.WhenAny(finished.Task, watch, outbox.Broken, KeepAliveAsync(outbox, ended.Token));
            }
            else
            {
                outbox.Send(Event("next", result));
            }

            outbox.Send("event: complete\ndata:\n\n"u8.ToArray());
            await outbox.DrainAsync(TimeSpan.FromSeconds(5));
        }
        catch (OperationCanceledException) { }
        finally
        {
            await ended.CancelAsync();
        }
    }

    private static async Task KeepAliveAsync(Outbox outbox, CancellationToken ct)
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(12), ct);
            outbox.Send(":\n\n"u8.ToArray());
        }
    }

    private static byte[] Event(string name, ExecutionResult result) =>
        System.Text.Encoding.UTF8.GetBytes($"event: {name}\ndata: {Serializer.Serialize(result)}\n\n");

    private static string? Negotiate(HttpRequest request)
    {
        if (!request.Headers.TryGetValue(HeaderNames.Accept, out var accept) || accept.Count == 0)
            return GraphQLJson;
        if (!MediaTypeHeaderValue.TryParseList(accept, out var types))
            return null;

        foreach (var type in types.OrderByDescending(t => t.Quality ?? 1))
        {
            if (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
                continue;
            switch (type.MediaType.Value?.ToLowerInvariant())
            {
                case GraphQLJson:
                    return GraphQLJson;
                case Json or "*/*" or "application/*":
                    return Json;
                case Events:
                    return Events;
            }
        }

        return null;
    }

    private static bool HasJsonBody(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    private static async Task RefuseAsync(HttpContext http, string type, int status, string code, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = $"{(type == Events ? Json : type)}; charset=utf-8";
        await JsonSerializer.SerializeAsync(
            http.Response.Body,
            new { errors = new[] { new { message, extensions = new { code } } } },
            cancellationToken: http.RequestAborted
        );
    }
}
