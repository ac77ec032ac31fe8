using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Mumega.App.Tests;

/// <summary>Open subscriptions (graphql-transport-ws) that something is waited to happen to.</summary>
internal static class Sockets
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Follows the runs of a workspace with a token.</summary>
    public static Task<ClientWebSocket> SubscribeAsync(MumegaApp app, string token, World world) =>
        SubscribeAsync(app, world, new { authorization = $"Bearer {token}" }, null);

    /// <summary>The same with a browser's session.</summary>
    public static Task<ClientWebSocket> SubscribeAsync(MumegaApp app, Client browser, World world) =>
        SubscribeAsync(app, world, new { }, browser.Cookie);

    /// <summary>The server closes the socket, because whoever holds it may not any more.</summary>
    public static async Task ClosedAsync(ClientWebSocket socket)
    {
        while ((await ReadAsync(socket)).Length > 0) { }

        Assert.Equal(4403, (int?)socket.CloseStatus);
    }

    /// <summary>The server ends the subscription, or the socket with it.</summary>
    public static async Task OverAsync(ClientWebSocket socket)
    {
        while (true)
        {
            var message = Encoding.UTF8.GetString(await ReadAsync(socket));
            if (
                message.Length == 0
                || message.Contains("\"complete\"", StringComparison.Ordinal)
                || message.Contains("\"error\"", StringComparison.Ordinal)
            )
                return;
        }
    }

    private static async Task<ClientWebSocket> SubscribeAsync(MumegaApp app, World world, object payload, string? cookie)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        if (cookie is not null)
        {
            socket.Options.SetRequestHeader("Cookie", $"mumega_session={cookie}");
            socket.Options.SetRequestHeader("Origin", app.Address);
        }

        await socket.ConnectAsync(new Uri($"{app.Address.Replace("http", "ws", StringComparison.Ordinal)}/graphql"), Ct);
        async Task SendAsync(object message) =>
            await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, Ct);
        await SendAsync(new { type = "connection_init", payload });
        Assert.Contains("connection_ack", Encoding.UTF8.GetString(await ReadAsync(socket)), StringComparison.Ordinal);
        await SendAsync(
            new
            {
                id = "1",
                type = "subscribe",
                payload = new
                {
                    query = "subscription($w: ID!) { runChanged(workspace: $w) { __typename } }",
                    variables = new { w = world.WorkspaceId },
                },
            }
        );
        return socket;
    }

    private static async Task<byte[]> ReadAsync(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        var read = await socket.ReceiveAsync(buffer, Ct);
        return read.MessageType is WebSocketMessageType.Close ? [] : buffer[..read.Count];
    }
}
