using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using GraphQL;
using GraphQL.SystemTextJson;
using Mumega.Api.Identity;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>
/// The <c>graphql-transport-ws</c> subprotocol. Who connects is known from the session cookie, the Authorization header, or a token in
/// <c>connection_init</c>; a foreign Origin is refused. A caller whose authority ends is cut off with 4403.
/// </summary>
public sealed class SocketTransport(Executor executor, CallerOf callerOf, PublicAddress address)
{
    private readonly Executor executor = executor;
    private readonly CallerOf callerOf = callerOf;

    private const string Subprotocol = "graphql-transport-ws";
    private const int MaxMessageBytes = 1024 * 1024;
    private const int MaxSubscriptions = 50;
    private static readonly TimeSpan InitTimeout = TimeSpan.FromSeconds(5),
        Goodbye = TimeSpan.FromSeconds(10);
    private static readonly GraphQLSerializer Serializer = new(new ErrorInfo());

    public async Task HandleAsync(HttpContext http)
    {
        if (http.Request.Headers.Origin is { Count: > 0 } origin && !IsOurs(http, origin.ToString()))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        if (!http.WebSockets.WebSocketRequestedProtocols.Contains(Subprotocol))
        {
            using var wrong = await http.WebSockets.AcceptWebSocketAsync();
            await CloseAsync(wrong, 4406, "Subprotocol not acceptable");
            return;
        }

        var early = await callerOf.HandshakeAsync(http);
        using var socket = await http.WebSockets.AcceptWebSocketAsync(Subprotocol);
        await new Connection(this, socket, http, early).RunAsync(http.RequestAborted);
    }

    private bool IsOurs(HttpContext http, string origin) =>
        origin == $"{http.Request.Scheme}://{http.Request.Host}" || origin == new Uri(address.Value).GetLeftPart(UriPartial.Authority);

    // Cancelling a receive would abort the connection and the close code would be lost, so the close is sent first and the socket aborted later.
    private static async Task CloseAsync(WebSocket socket, int code, string reason)
    {
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
                await socket.CloseOutputAsync((WebSocketCloseStatus)code, reason, limit.Token);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
        {
            socket.Abort();
        }
    }

    private sealed class Connection(SocketTransport transport, WebSocket socket, HttpContext http, Caller? early)
    {
        private readonly ConcurrentDictionary<string, CancellationTokenSource> subscriptions = new(StringComparer.Ordinal);
        private Caller? caller;
        private Outbox outbox = null!;

        public async Task RunAsync(CancellationToken aborted)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(aborted);
            await using var sending = outbox = new(
                (message, ct) => socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, ct).WaitAsync(ct)
            );
            var initialised = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var receiving = ReceiveAsync(initialised, over.Token);
            try
            {
                if (
                    await Task.WhenAny(initialised.Task, receiving, Task.Delay(InitTimeout, over.Token)) is var first
                    && first != initialised.Task
                )
                {
                    if (first != receiving)
                        await FinishAsync(4408, "Connection initialisation timeout", receiving);
                    return;
                }

                var watch = transport.callerOf.WatchAsync(caller!, over.Token);
                var ended = await Task.WhenAny(receiving, watch, outbox.Broken);
                if (ended == watch && !over.IsCancellationRequested)
                    await FinishAsync(4403, "Forbidden", receiving);
                else if (ended == outbox.Broken)
                    socket.Abort();
            }
            finally
            {
                foreach (var subscription in subscriptions.Values)
                    await subscription.CancelAsync();
                await over.CancelAsync();
            }
        }

        private async Task FinishAsync(int code, string reason, Task receiving)
        {
            foreach (var subscription in subscriptions.Values)
                await subscription.CancelAsync();
            await CloseAsync(socket, code, reason);

            // Cut off too soon, a client that is late in reading would never learn why.
            await Task.WhenAny(receiving, Task.Delay(Goodbye));
            if (!receiving.IsCompleted)
                socket.Abort();
        }

        private async Task ReceiveAsync(TaskCompletionSource initialised, CancellationToken ct)
        {
            var buffer = new byte[16 * 1024];
            using var message = new MemoryStream();
            try
            {
                while (true)
                {
                    message.SetLength(0);
                    ValueWebSocketReceiveResult part;
                    do
                    {
                        part = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                        if (part.MessageType is WebSocketMessageType.Close)
                        {
                            await CloseAsync(socket, 1000, "");
                            return;
                        }

                        message.Write(buffer, 0, part.Count);
                        if (message.Length > MaxMessageBytes)
                        {
                            await CloseAsync(socket, 1009, "Message too big");
                            return;
                        }
                    } while (!part.EndOfMessage);

                    if (await HandleAsync(message.GetBuffer().AsMemory(0, (int)message.Length), initialised, ct) is { } end)
                    {
                        await CloseAsync(socket, end.Code, end.Reason);
                        return;
                    }
                }
            }
            catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The other side is gone.
            }
        }

        private async Task<(int Code, string Reason)?> HandleAsync(
            ReadOnlyMemory<byte> bytes,
            TaskCompletionSource initialised,
            CancellationToken ct
        )
        {
            JsonElement json;
            string? type;
            try
            {
                json = JsonDocument.Parse(bytes).RootElement.Clone();
                type = json.GetProperty("type").GetString();
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                return (4400, "Invalid message received");
            }

            switch (type)
            {
                case "connection_init":
                    if (caller is not null)
                        return (4429, "Too many initialisation requests");
                    caller = early ?? await transport.callerOf.InitAsync(json, http, ct);
                    if (caller is null)
                        return (4403, "Forbidden");
                    Send(new { type = "connection_ack" });
                    initialised.TrySetResult();
                    return null;
                case "ping":
                    Send(new { type = "pong" });
                    return null;
                case "pong":
                    return null;
                case "subscribe":
                    if (caller is null)
                        return (4401, "Unauthorized");
                    return Subscribe(json, ct);
                case "complete":
                    if (Id(json) is { } done && subscriptions.TryRemove(done, out var cancel))
                        await cancel.CancelAsync();
                    return null;
                default:
                    return (4400, "Invalid message received");
            }
        }

        private (int, string)? Subscribe(JsonElement json, CancellationToken ct)
        {
            if (Id(json) is not { } id || !json.TryGetProperty("payload", out var payload))
                return (4400, "Invalid message received");
            if (GraphQLRequest.Read(payload, out var problem) is not { } request)
                return (4400, problem!.Length < 120 ? problem : "Invalid message received");
            if (subscriptions.Count >= MaxSubscriptions)
                return (4400, "Too many subscriptions");

            var cancel = CancellationTokenSource.CreateLinkedTokenSource(ct);
            if (!subscriptions.TryAdd(id, cancel))
                return (4409, $"Subscriber for {id} already exists");

            _ = Task.Run(() => ServeAsync(id, request, cancel), CancellationToken.None);
            return null;
        }

        private async Task ServeAsync(string id, GraphQLRequest request, CancellationTokenSource cancel)
        {
            try
            {
                // A credential that was taken away a moment ago does nothing more; the watch closes the connection, or did so already.
                if (await caller!.Renew(cancel.Token) is not { } current)
                    return;

                var result = await transport.executor.ExecuteAsync(request, current, get: false, cancel.Token);
                if (result.Streams is not { Count: > 0 } streams)
                {
                    if (!result.Executed || (result.Data is null && result.Errors is { Count: > 0 }))
                        SendErrors(id, result);
                    else
                    {
                        Next(id, result);
                        Complete(id);
                    }

                    return;
                }

                var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                using var subscription = streams
                    .Values.Single()
                    .Subscribe(new Observer(next => Next(id, next), failed => SendErrors(id, failed), () => finished.TrySetResult()));
                await finished.Task.WaitAsync(cancel.Token);
                Complete(id);
            }
            catch (OperationCanceledException)
            {
                // The client completed the subscription or left.
            }
            finally
            {
                subscriptions.TryRemove(new(id, cancel));
                await cancel.CancelAsync();
                cancel.Dispose();
            }
        }

        private void Next(string id, ExecutionResult result) =>
            outbox.Send(
                System.Text.Encoding.UTF8.GetBytes(
                    $"{{\"id\":{JsonSerializer.Serialize(id)},\"type\":\"next\",\"payload\":{Serializer.Serialize(result)}}}"
                )
            );

        private void SendErrors(string id, ExecutionResult result)
        {
            subscriptions.TryRemove(id, out _);
            using var whole = JsonDocument.Parse(Serializer.Serialize(result));
            Send(
                new
                {
                    id,
                    type = "error",
                    payload = whole.RootElement.GetProperty("errors"),
                }
            );
        }

        private void Complete(string id)
        {
            if (subscriptions.TryRemove(id, out _))
                Send(new { id, type = "complete" });
        }

        private void Send(object message) => outbox.Send(JsonSerializer.SerializeToUtf8Bytes(message));

        private static string? Id(JsonElement json) =>
            json.TryGetProperty("id", out var id) && id.ValueKind is JsonValueKind.String && id.GetString() is { Length: > 0 } text
                ? text
                : null;
    }
}
