using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Mumega.App.Tests.Packets;

/// <summary>Files of packets, and workflows and types that can't be.</summary>
public abstract class FileTests(MumegaApp app)
{
    private static readonly byte[] Pdf = [.. "%PDF-1.7\n"u8, .. new byte[2000]];

    [Fact]
    public async Task A_file_is_uploaded_attached_fetched_and_taken_off_again()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var (otto, hermes) = (await world.Otto, await world.Hermes);
        var packet = await otto.CreatePacketAsync(
            world,
            "content",
            "With a file",
            new
            {
                slug = "a",
                title = "A",
                markdown = "x",
            }
        );
        var digest = (await JsonAsync(await UploadAsync(hermes, world, "application/pdf", Pdf), HttpStatusCode.Created))
            .GetProperty("digest")
            .GetString()!;
        Assert.Equal(
            digest,
            (await JsonAsync(await UploadAsync(hermes, world, "application/pdf", Pdf), HttpStatusCode.Created))
                .GetProperty("digest")
                .GetString()
        );

        var run = await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "packet.attach",
                    new
                    {
                        packet = packet.GetProperty("packetId").GetString(),
                        digest,
                        name = "Offer.pdf",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var attached = (await otto.PacketAsync(packet)).GetProperty("attachments")[0];
        Assert.Equal(
            ("Offer.pdf", "application/pdf", 2009),
            (attached.GetProperty("name").GetString(), attached.GetProperty("type").GetString(), attached.GetProperty("size").GetInt32())
        );
        using var fetched = await hermes.Http.GetAsync(attached.GetProperty("address").GetString(), TestContext.Current.CancellationToken);
        Assert.Equal(Pdf, await fetched.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal("attachment", fetched.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("PREFLIGHT_FAILED", (
                await otto.ProposeAsync(
                    world,
                    "packet.attach",
                    new
                    {
                        packet = packet.GetProperty("packetId").GetString(),
                        digest,
                        name = "Again.pdf",
                    }
                )
            ).Run().State());
        Assert.Equal("PREFLIGHT_FAILED", (
                await otto.ProposeAsync(
                    world,
                    "packet.attach",
                    new
                    {
                        packet = packet.GetProperty("packetId").GetString(),
                        digest = new string('0', 64),
                        name = "None.pdf",
                    }
                )
            ).Run().State());

        await otto.UntilAsync((await otto.RollBackAsync(run)).Run(), "SUCCEEDED");
        Assert.Equal(0, (await otto.PacketAsync(packet)).GetProperty("attachments").GetArrayLength());
        await PacketActs.SameAsHistoryAsync(world, packet);

        // Not in another room, not without a token.
        var stranger = await (await world.OtherWorkspaceAsync()).AgentAsync("mallory");
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await stranger.Http.GetAsync(attached.GetProperty("address").GetString(), TestContext.Current.CancellationToken)).StatusCode
        );
        Assert.Equal(HttpStatusCode.NotFound, (await UploadAsync(stranger, world, "application/pdf", Pdf)).StatusCode);
        using var nobody = new HttpClient { BaseAddress = new(app.Address) };
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await nobody.GetAsync(attached.GetProperty("address").GetString(), TestContext.Current.CancellationToken)).StatusCode
        );
    }

    [Fact]
    public async Task Files_that_are_too_large_or_not_what_they_say_are_refused()
    {
        var world = await app.WorldAsync();
        var otto = await world.Hermes;
        Assert.Equal(
            "FILE_TOO_LARGE",
            await RefusalAsync(
                await UploadAsync(otto, world, "application/pdf", new byte[50 * 1024 * 1024]),
                HttpStatusCode.RequestEntityTooLarge
            )
        );
        Assert.Equal(
            "FILE_TOO_LARGE",
            await RefusalAsync(
                await UploadAsync(otto, world, "application/pdf", new byte[11 * 1024 * 1024], chunked: true),
                HttpStatusCode.RequestEntityTooLarge
            )
        );
        Assert.Equal(
            "FILE_TYPE_MISMATCH",
            await RefusalAsync(await UploadAsync(otto, world, "image/png", Pdf), HttpStatusCode.UnsupportedMediaType)
        );
        Assert.Equal(
            "FILE_TYPE_MISMATCH",
            await RefusalAsync(await UploadAsync(otto, world, "text/plain", [0x4d, 0x5a, 0x00, 0x01]), HttpStatusCode.UnsupportedMediaType)
        );
        Assert.Equal(
            "FILE_TYPE_MISMATCH",
            await RefusalAsync(
                await UploadAsync(otto, world, "application/json", "{ not json"u8.ToArray()),
                HttpStatusCode.UnsupportedMediaType
            )
        );
        Assert.Equal(
            "FILE_TYPE_MISMATCH",
            await RefusalAsync(
                await UploadAsync(otto, world, "text/csv", Encoding.Unicode.GetBytes("a,b\n1,2\n")),
                HttpStatusCode.UnsupportedMediaType
            )
        );
        Assert.Equal(
            "FILE_TYPE_REFUSED",
            await RefusalAsync(await UploadAsync(otto, world, "text/html", "<p>"u8.ToArray()), HttpStatusCode.UnsupportedMediaType)
        );
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        Assert.False(db.StoredFiles.Any());
    }

    [Theory]
    [InlineData("states: { a: { title: A, kind: initial } }", "/document/states")]
    [InlineData("add: { b: { title: B } }", "/document/states/b")]
    [InlineData("t: { title: T, from: [start], to: nowhere, roles: [operator] }", "/document/transitions/t/to")]
    [InlineData("t: { title: T, from: [done], to: start, roles: [operator] }", "/document/transitions/t/from/0")]
    [InlineData("t: { title: T, from: [start], to: done }", "/document/transitions/t/roles")]
    [InlineData("t: { title: T, from: [start], to: done, roles: [wizard] }", "/document/transitions/t/roles/0")]
    [InlineData("t: { title: T, from: [start], to: start, automatic: true }", "/document/states/start")]
    [InlineData(
        "t: { title: T, from: [start], to: done, roles: [operator], action: { run: page.vanish } }",
        "/document/transitions/t/action/run"
    )]
    [InlineData(
        "t: { title: T, from: [start], to: done, roles: [operator], action: { run: page.unpublish, input: { slug: /missing } } }",
        "/document/transitions/t/action/input/slug"
    )]
    [InlineData(
        "t: { title: T, from: [start], to: done, roles: [operator], action: { run: page.unpublish } }",
        "/document/transitions/t/action/input"
    )]
    [InlineData(
        "t: { title: T, from: [start], to: done, roles: [operator], guard: context.payload.nothing == 1 }",
        "/document/transitions/t/guard"
    )]
    [InlineData("t: { title: T, from: [start], to: done, roles: [operator], guard: context.payload. }", "/document/transitions/t/guard")]
    [InlineData(
        "t: { title: T, from: [start], to: done, roles: [operator], gates: [{ role: agent }] }",
        "/document/transitions/t/gates/0/role"
    )]
    [InlineData("t: { title: T, from: [start], to: done, after: soon }", "/document/transitions/t/after")]
    public async Task A_workflow_that_can_not_be_is_refused_with_the_place_of_the_fault(string change, string place)
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var otto = await world.Otto;
        var part =
            change.StartsWith("states:", StringComparison.Ordinal) ? change
            : change.StartsWith("add: ", StringComparison.Ordinal)
                ? $"states: {{ start: {{ title: Start, kind: initial }}, done: {{ title: Done, kind: final }}, {change[7..^2]} }}"
            : "states: { start: { title: Start, kind: initial }, done: { title: Done, kind: final } }";
        var transitions =
            $"transitions: {{ go: {{ title: Go, from: [{(change.StartsWith("states:", StringComparison.Ordinal) ? "a" : "start")}], to: {(change.StartsWith("states:", StringComparison.Ordinal) ? "a" : "done")}, roles: [operator] }}{(change.StartsWith("t:", StringComparison.Ordinal) ? $", {change}" : "")} }}";
        var check = (
            await otto.AskAsync(
                "query($key: String!, $yaml: String!) { workspace(key: $key) { workflowCheck(yaml: $yaml) { faults { path message line } } } }",
                new { key = world.Workspace.Key, yaml = $"workflow: test\ntitle: Test\npacketType: content\n{part}\n{transitions}\n" }
            )
        )
            .GetProperty("workspace")
            .GetProperty("workflowCheck")
            .GetProperty("faults");
        Assert.Contains(check.EnumerateArray(), f => f.GetProperty("path").GetString() == place);
    }

    [Fact]
    public async Task A_workflow_is_published_by_two_and_its_packets_are_migrated_with_a_preview()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var (ada, bela, otto) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.Otto);
        await world.Petra;
        var packet = await otto.CreatePacketAsync(
            world,
            "content",
            "Old",
            new
            {
                slug = "old",
                title = "Old",
                markdown = "x",
            }
        );
        var yaml = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { workflow(key: \"content-review\") { number yaml } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("workflow")
            .GetProperty("yaml")
            .GetString()!;
        var next = yaml.Replace("  draft:", "  written:", StringComparison.Ordinal)
            .Replace("- draft", "- written", StringComparison.Ordinal)
            .Replace("[draft]", "[written]", StringComparison.Ordinal)
            .Replace("changes: draft", "changes: written", StringComparison.Ordinal);
        var check = (
            await ada.AskAsync(
                "query($key: String!, $yaml: String!) { workspace(key: $key) { workflowCheck(yaml: $yaml) { faults { path message } document } } }",
                new { key = world.Workspace.Key, yaml = next }
            )
        )
            .GetProperty("workspace")
            .GetProperty("workflowCheck");
        Assert.True(check.GetProperty("faults").GetArrayLength() == 0, check.ToString());
        var run = (await ada.ProposeAsync(world, "workflow.publish", new { document = check.GetProperty("document"), replaces = 1 })).Run();
        Assert.Equal("OwnRequest", (await ada.SayAsync(run, "APPROVE", null)).Error());
        Assert.Null((await bela.SayAsync(run, "APPROVE", null)).Error());
        await ada.UntilAsync(run, "SUCCEEDED");
        Assert.Equal("draft", (await otto.PacketAsync(packet)).State());
        Assert.Equal(
            "written",
            (
                await otto.CreatePacketAsync(
                    world,
                    "content",
                    "New",
                    new
                    {
                        slug = "new",
                        title = "New",
                        markdown = "x",
                    }
                )
            ).State()
        );

        var lost = (
            await ada.ProposeAsync(
                world,
                "packet.migrate",
                new
                {
                    workflow = "content-review",
                    from = 1,
                    to = 2,
                }
            )
        ).Run();
        Assert.Equal("PREFLIGHT_FAILED", lost.State());
        Assert.Contains("draft (1)", lost.ToString(), StringComparison.Ordinal);
        var migrate = (
            await ada.ProposeAsync(
                world,
                "packet.migrate",
                new
                {
                    workflow = "content-review",
                    from = 1,
                    to = 2,
                    states = new { draft = "written" },
                }
            )
        ).Run();
        Assert.Null((await bela.SayAsync(migrate, "APPROVE", null)).Error());
        await ada.UntilAsync(migrate, "SUCCEEDED");
        Assert.Equal("written", (await otto.PacketAsync(packet)).State());
        await PacketActs.SameAsHistoryAsync(world, packet);
        Assert.Equal("AWAITING_APPROVAL", (await otto.MoveAsync(packet, "publish")).Run().State());
    }

    private static async Task<HttpResponseMessage> UploadAsync(
        Client client,
        World world,
        string type,
        byte[] content,
        bool chunked = false
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/files/{world.Workspace.Id}")
        {
            Content = new ByteArrayContent(content),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        if (chunked)
            request.Headers.TransferEncodingChunked = true;
        request.Headers.ExpectContinue = true;
        return await client.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == status, $"{answer.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task<string?> RefusalAsync(HttpResponseMessage answer, HttpStatusCode status) =>
        (await JsonAsync(answer, status)).GetProperty("code").GetString();
}

public sealed class FilesOnSqlite(SqliteApp app) : FileTests(app);

public sealed class FilesOnPostgres(PostgresApp app) : FileTests(app);

public sealed class FilesOnSqlServer(SqlServerApp app) : FileTests(app);
