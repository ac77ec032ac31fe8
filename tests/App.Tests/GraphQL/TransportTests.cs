using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using GraphQL;
using GraphQL.Types;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.GraphQL;

public sealed class TransportTests(SqliteApp app)
{
    private const string Appended =
        "subscription($w: ID!, $after: String) { receiptAppended(workspace: $w, after: $after) { cursor node { reasonCode step } } }";

    [Fact]
    public async Task The_committed_schema_is_the_schema()
    {
        var printed = app
            .Services.GetRequiredService<ISchema>()
            .Print(new() { StringComparison = StringComparison.Ordinal })
            .ReplaceLineEndings("\n");
        var committed = await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "src", "Api", "schema.graphql"),
            TestContext.Current.CancellationToken
        );
        Assert.True(printed == committed, "src/Api/schema.graphql is out of date; run ./mumega schema");
    }

    [Fact]
    public async Task The_public_audit_of_GraphQL_over_HTTP_passes_whole()
    {
        var world = await app.WorldAsync();
        using var audit = Node.Start("audit.mjs", $"{app.Address}/graphql", (await world.Hermes).Token!);
        var (code, output) = await audit.EndAsync();
        Assert.True(code == 0, output);
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("sse")]
    public async Task A_public_client_gets_live_receipts_and_resumes_from_its_last_cursor_without_a_gap(string kind)
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var run = (await hermes.ProposePageAsync(world, "live")).Run();

        // From the start of the record: three receipts that are there, then what follows live.
        using var client = Node.Start(
            "subscribe.mjs",
            kind,
            $"{app.Address}/graphql",
            hermes.Token!,
            Appended,
            "4",
            JsonSerializer.Serialize(new { w = world.WorkspaceId, after = Cursor(0) })
        );
        Assert.Equal("READY", await client.LineAsync());
        var first = new List<(string Cursor, string Code)>();
        for (var i = 0; i < 3; i++)
            first.Add(Event(await client.LineAsync()));
        Assert.Equal(["proposed", "policy.allow_behind_gates", "preflight.passed"], first.Select(e => e.Code));
        await otto.DecideAsync(run);
        var fourth = Event(await client.LineAsync());
        Assert.Equal("gate.approved", fourth.Code);
        await client.EndAsync();

        await otto.UntilAsync(run, "SUCCEEDED");
        using var again = Node.Start(
            "subscribe.mjs",
            kind,
            $"{app.Address}/graphql",
            hermes.Token!,
            Appended,
            "2",
            JsonSerializer.Serialize(new { w = world.WorkspaceId, after = fourth.Cursor })
        );
        Assert.Equal("READY", await again.LineAsync());
        Assert.Equal(["authorised", "succeeded"], [Event(await again.LineAsync()).Code, Event(await again.LineAsync()).Code]);
    }

    [Fact]
    public async Task Runs_and_approvals_are_pushed_too()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var variables = JsonSerializer.Serialize(new { w = world.WorkspaceId, after = Cursor(0) });
        using var approvals = Node.Start(
            "subscribe.mjs",
            "ws",
            $"{app.Address}/graphql",
            hermes.Token!,
            "subscription($w: ID!, $after: String) { approvalRequested(workspace: $w, after: $after) { run { target } } }",
            "1",
            variables
        );
        using var runs = Node.Start(
            "subscribe.mjs",
            "sse",
            $"{app.Address}/graphql",
            hermes.Token!,
            "subscription($w: ID!, $after: String) { runChanged(workspace: $w, after: $after) { state } }",
            "1",
            variables
        );
        Assert.Equal("READY", await approvals.LineAsync());
        Assert.Equal("READY", await runs.LineAsync());
        await hermes.ProposePageAsync(world, "pushed");
        Assert.Contains(
            "Page::\\u0022pushed\\u0022",
            (await approvals.LineAsync())!.Replace("\\\"", "\\u0022", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
        Assert.Contains("AWAITING_APPROVAL", await runs.LineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_suspended_agents_open_socket_is_cut_off()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        var ct = TestContext.Current.CancellationToken;
        await socket.ConnectAsync(new($"{app.Address.Replace("http", "ws", StringComparison.Ordinal)}/graphql"), ct);
        await SendAsync(socket, new { type = "connection_init", payload = new { authorization = $"Bearer {hermes.Token}" } });
        Assert.Equal("connection_ack", (await ReceiveAsync(socket)).GetProperty("type").GetString());

        var held = socket.ReceiveAsync(new byte[1024], ct);
        await otto.UntilAsync((await otto.ProposeAsync(world, "agent.suspend", new { agentId = world.IdOf("Hermes") })).Run(), "SUCCEEDED");
        await held.WaitAsync(TimeSpan.FromSeconds(2), ct);
        Assert.Equal(4403, (int)socket.CloseStatus!);
    }

    [Fact]
    public async Task An_open_subscription_of_somebody_whose_role_was_taken_away_shows_nothing_more()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, ada) = (await world.Hermes, await world.Otto, await world.Ada);
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        await socket.ConnectAsync(
            new($"{app.Address.Replace("http", "ws", StringComparison.Ordinal)}/graphql"),
            TestContext.Current.CancellationToken
        );
        await SendAsync(socket, new { type = "connection_init", payload = new { authorization = $"Bearer {hermes.Token}" } });
        await ReceiveAsync(socket);
        await SendAsync(
            socket,
            new
            {
                type = "subscribe",
                id = "1",
                payload = new
                {
                    query = "subscription($w: ID!) { receiptAppended(workspace: $w) { node { run { target } } } }",
                    variables = new { w = world.WorkspaceId },
                },
            }
        );
        await otto.UntilAsync((await otto.ProposePageAsync(world, "while-a-member")).Run(), "SUCCEEDED");
        Assert.Contains("while-a-member", (await ReceiveAsync(socket)).ToString(), StringComparison.Ordinal);

        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Hermes"), role = "agent" })).Run(),
            "SUCCEEDED"
        );
        await otto.UntilAsync((await otto.ProposePageAsync(world, "after-that")).Run(), "SUCCEEDED");
        for (var type = ""; type is not ("error" or "complete"); )
        {
            var message = await ReceiveAsync(socket);
            Assert.DoesNotContain("after-that", message.ToString(), StringComparison.Ordinal);
            type = message.GetProperty("type").GetString();
        }

        Assert.True(
            (await hermes.AnswerAsync("query($id: ID!) { node(id: $id) { id } }", new { id = world.WorkspaceId }))
                .GetProperty("data")
                .GetProperty("node")
                .ValueKind is JsonValueKind.Null
        );
    }

    [Theory]
    [InlineData("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{viewer{tenant}}\"}}", 4401)]
    [InlineData("not json", 4400)]
    [InlineData("{\"type\":\"connection_init\",\"payload\":{\"authorization\":\"Bearer nope\"}}", 4403)]
    public async Task A_socket_that_breaks_the_protocol_is_closed_with_its_code(string message, int code)
    {
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        var ct = TestContext.Current.CancellationToken;
        await socket.ConnectAsync(new($"{app.Address.Replace("http", "ws", StringComparison.Ordinal)}/graphql"), ct);
        await socket.SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, true, ct);
        await socket.ReceiveAsync(new byte[1024], ct);
        Assert.Equal(code, (int)socket.CloseStatus!);
    }

    [Fact]
    public async Task A_foreign_page_can_use_neither_the_cookie_nor_a_socket()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var forged = new HttpClient(new HttpClientHandler { UseCookies = false }) { BaseAddress = new(app.Address) };
        forged.DefaultRequestHeaders.Add("Cookie", $"mumega_session={otto.Cookie}");
        using var answer = await forged.PostAsJsonAsync(
            "/graphql",
            new { query = "{ viewer { tenant } }" },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);

        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        socket.Options.SetRequestHeader("Origin", "https://evil.example");
        socket.Options.SetRequestHeader("Cookie", $"mumega_session={otto.Cookie}");
        await Assert.ThrowsAsync<WebSocketException>(() =>
            socket.ConnectAsync(
                new($"{app.Address.Replace("http", "ws", StringComparison.Ordinal)}/graphql"),
                TestContext.Current.CancellationToken
            )
        );
    }

    [Theory]
    [InlineData("", "application/json", 400)]
    [InlineData("{", "application/json", 400)]
    [InlineData("[{\"query\":\"{viewer{tenant}}\"}]", "application/json", 400)]
    [InlineData("{\"query\":\"{viewer{tenant}}\",\"query\":\"{viewer{tenant}}\"}", "application/json", 400)]
    [InlineData("query={viewer{tenant}}", "application/x-www-form-urlencoded", 415)]
    [InlineData("{\"query\":\"{viewer{tenant}}\"}", "text/plain", 415)]
    public async Task A_malformed_request_is_a_clean_refusal(string body, string type, int status)
    {
        var world = await app.WorldAsync();
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var answer = await (await world.Hermes).Http.PostAsync("/graphql", content, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.True(
            (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).TryGetProperty("errors", out _)
        );
    }

    [Fact]
    public async Task A_ten_megabyte_body_is_refused_and_memory_stays_flat()
    {
        var world = await app.WorldAsync();
        var hermes = await world.Hermes;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 5; i++)
        {
            using var content = new StreamContent(new EndlessJson(10 * 1024 * 1024));
            content.Headers.ContentType = new("application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = content };
            request.Headers.TransferEncodingChunked = true;
            try
            {
                using var answer = await hermes.Http.SendAsync(request, TestContext.Current.CancellationToken);
                Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            }
            catch (HttpRequestException e)
            {
                // The server may hang up while the body is still being sent.
                Assert.IsType<IOException>(e.InnerException);
            }
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 * 1024 * 1024);
    }

    public static TheoryData<string, string> Bombs =>
        new()
        {
            { "TOO_MANY_ALIASES", "{" + string.Concat(Enumerable.Range(0, 16).Select(i => $" a{i}: viewer {{ tenant }}")) + "}" },
            { "TOO_MANY_ROOT_FIELDS", "{" + string.Concat(Enumerable.Repeat(" viewer { tenant }", 11)) + "}" },
            {
                "TOO_DEEP",
                "{ viewer { workspaces { runs { nodes { approval { run { approval { run { approval { run { approval { run { id } } } } } } } } } } } } }"
            },
            { "DOCUMENT_TOO_LONG", "{ viewer { tenant } }" + new string(' ', 15_000) },
            {
                "TOO_COSTLY",
                "{ viewer { ...f0 } } "
                    + string.Concat(Enumerable.Range(0, 30).Select(i => $"fragment f{i} on Viewer {{ ...f{i + 1} ...f{i + 1} }} "))
                    + "fragment f30 on Viewer { tenant }"
            },
            { "TOO_MANY_DIRECTIVES", "{ viewer { tenant " + string.Concat(Enumerable.Repeat("@skip(if: false) ", 51)) + "} }" },
            { "COMPLEXITY", "{ viewer { workspaces { runs(first: 100) { nodes { receipts { run { receipts { run { id } } } } } } } } }" },
        };

    [Theory]
    [MemberData(nameof(Bombs))]
    public async Task A_query_bomb_is_refused_each_time_it_is_sent(string code, string query)
    {
        var world = await app.WorldAsync();
        var hermes = await world.Hermes;
        for (var i = 0; i < 2; i++)
        {
            var answer = await hermes.AnswerAsync(query);
            Assert.False(answer.TryGetProperty("data", out var data) && data.ValueKind is not JsonValueKind.Null, answer.ToString());
            if (code != "COMPLEXITY")
                Assert.Equal(code, GovernedActionTests.Code(answer));
        }
    }

    [Fact]
    public async Task Errors_show_nothing_of_the_inside_and_strangers_learn_nothing()
    {
        var world = await app.WorldAsync();
        var odd = await (await world.Hermes).AnswerAsync("{ viewer { tenants } }");
        Assert.DoesNotContain("Mumega.", odd.ToString(), StringComparison.Ordinal);
        var cursor = await (await world.Hermes).AnswerAsync(
            "query($k: String!) { workspace(key: $k) { runs(after: \"###\") { nodes { id } } } }",
            new { k = world.Workspace.Key }
        );
        Assert.Equal("BAD_CURSOR", GovernedActionTests.Code(cursor));

        using var stranger = new HttpClient { BaseAddress = new(app.Address) };
        using var answer = await stranger.PostAsJsonAsync(
            "/graphql",
            new { query = "{ __schema { types { name } } }" },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Lists_are_paged_by_cursor_without_gap_or_repeat()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        for (var i = 0; i < 7; i++)
            await otto.ProposeAsync(world, "runtime.set", new { key = $"k{i}", value = i });

        var seen = new List<string>();
        string? after = null;
        while (true)
        {
            var page = (
                await otto.AskAsync(
                    "query($k: String!, $after: String) { workspace(key: $k) { runs(first: 3, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }",
                    new { k = world.Workspace.Key, after }
                )
            )
                .GetProperty("workspace")
                .GetProperty("runs");
            seen.AddRange(page.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("id").GetString()!));
            if (!page.GetProperty("pageInfo").GetProperty("hasNextPage").GetBoolean())
                break;
            after = page.GetProperty("pageInfo").GetProperty("endCursor").GetString();
        }

        Assert.Equal(7, seen.Distinct().Count());
        Assert.Equal(7, seen.Count);
        Assert.Equal(
            "INVALID_ARGUMENT",
            GovernedActionTests.Code(
                await otto.AnswerAsync(
                    "query($k: String!) { workspace(key: $k) { runs(first: 101) { nodes { id } } } }",
                    new { k = world.Workspace.Key }
                )
            )
        );
    }

    private static string Cursor(long position) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.ASCII.GetBytes($"{position}"));

    private static (string Cursor, string Code) Event(string? line)
    {
        var edge = JsonDocument.Parse(line!).RootElement.GetProperty("data").GetProperty("receiptAppended");
        return (edge.GetProperty("cursor").GetString()!, edge.GetProperty("node").GetProperty("reasonCode").GetString()!);
    }

    private static Task SendAsync(ClientWebSocket socket, object message) =>
        socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(message),
            WebSocketMessageType.Text,
            true,
            TestContext.Current.CancellationToken
        );

    private static async Task<JsonElement> ReceiveAsync(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        var part = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
        return JsonDocument.Parse(buffer.AsMemory(0, part.Count)).RootElement;
    }

    private sealed class EndlessJson(int length) : Stream
    {
        private int sent;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => sent;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var part = Math.Min(count, length - sent);
            for (var i = 0; i < part; i++)
                buffer[offset + i] = (byte)(sent + i == 0 ? '"' : 'x');
            sent += part;
            return part;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
