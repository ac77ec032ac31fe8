using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Jobs;

namespace Mumega.App.Tests.Packets;

/// <summary>Files whose rows become packets: mapped, looked at, let in by one run or not at all.</summary>
public abstract class ImportTests(MumegaApp app)
{
    private static readonly object Plan = new
    {
        type = "refund",
        title = new { text = "Refund of {/Order no}" },
        payload = new
        {
            order = "/Order no",
            cents = "/Amount",
            currency = new { value = "EUR" },
            reason = "/Why",
        },
        labels = new[] { "imported" },
        labelsFrom = "/Tags",
    };

    [Fact]
    public async Task Rows_of_a_csv_file_are_mapped_looked_at_and_let_in_by_one_run()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        var otto = await world.Otto;
        var import = await UploadedAsync(
            otto,
            world,
            "text/csv",
            "\uFEFFOrder no;Amount;Why;Tags\r\na-1;500;broken;vip, late\r\na-2;twelve;\"never came;\nreally\";\r\na-3;700;#late;\r\na-4;900\r\na-5; 1100 ;\"it \"\"hurt\"\"\";vip\r\n"
        );
        Assert.Equal(
            (5, "Order no,Amount,Why,Tags"),
            (import.GetProperty("rows").GetInt32(), string.Join(',', import.GetProperty("columns").EnumerateArray()))
        );

        var preview = (
            await otto.AskAsync(
                "query($id: ID!, $plan: ImportPlanInput!) { node(id: $id) { ... on PacketImport { preview(plan: $plan, first: 3) { errors { message } rows { number title payload labels faults { path message } } } } } }",
                new { id = Id(import), plan = Plan }
            )
        )
            .GetProperty("node")
            .GetProperty("preview");
        var rows = preview.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal([2, 3, 4], rows.Select(r => r.GetProperty("number").GetInt32()));
        Assert.Equal("""{"order":"a-1","cents":500,"currency":"EUR","reason":"broken"}""", rows[0].GetProperty("payload").GetRawText());
        Assert.Equal(["imported", "vip", "late"], rows[0].GetProperty("labels").EnumerateArray().Select(l => l.GetString()!));
        Assert.Equal("/payload/cents", Assert.Single(rows[1].GetProperty("faults").EnumerateArray()).GetProperty("path").GetString());
        Assert.Equal("#late", rows[2].GetProperty("payload").GetProperty("reason").GetString());

        var looked = await LookedAsync(otto, import, Plan);
        Assert.Equal((5, 2), (looked.GetProperty("checked").GetInt32(), looked.GetProperty("faulty").GetInt32()));
        Assert.Equal(
            [(3, "/payload/cents"), (5, "")],
            looked
                .GetProperty("faults")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(f => (f.GetProperty("number").GetInt32(), f.GetProperty("faults")[0].GetProperty("path").GetString()!))
        );
        Assert.Empty(await TitlesAsync(otto, world));

        var refused = (await otto.ProposeAsync(world, "packet.import", new { import = Key(import) })).Run();
        Assert.Equal("PREFLIGHT_FAILED", refused.State());
        Assert.Contains("2 of 5 rows", refused.ToString(), StringComparison.Ordinal);
        Assert.Empty(await TitlesAsync(otto, world));

        var run = await otto.UntilAsync(
            (await otto.ProposeAsync(world, "packet.import", new { import = Key(import), leaveOutFaulty = true })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal(["Refund of a-5", "Refund of a-3", "Refund of a-1"], await TitlesAsync(otto, world));
        Assert.Equal(["Refund of a-5", "Refund of a-1"], await TitlesAsync(otto, world, new { label = "vip" }));
        var packet = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { packets(filter: { label: \"late\" }) { nodes { id packetId state createdBy { name } history { nodes { kind run { id } } } task { title role overdue dueAt } } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("packets")
            .GetProperty("nodes")[0];
        Assert.Equal(
            ("requested", "Otto", run.GetProperty("id").GetString(), "operator"),
            (
                packet.State(),
                packet.GetProperty("createdBy").GetProperty("name").GetString(),
                packet.GetProperty("history").GetProperty("nodes")[0].GetProperty("run").GetProperty("id").GetString(),
                packet.GetProperty("task").GetProperty("role").GetString()
            )
        );
        await PacketActs.SameAsHistoryAsync(world, packet);
        Assert.Null((await otto.ClaimAsync(packet)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await otto.MoveAsync(packet, "grant")).Run().State());

        // What was left out can still be read; the file and the rest are gone.
        await Poll.UntilAsync(() => LeftAsync(world), left => left == (0, 2));
        var over = await ImportAsync(otto, import);
        Assert.Equal(("IMPORTED", 2), (over.State(), over.GetProperty("faults").GetProperty("nodes").GetArrayLength()));
        Assert.Equal("ImportOver", (await CheckAsync(otto, import, Plan)).Error());

        // The same file again is a mistake, unless it is said.
        var again = await UploadedAsync(
            otto,
            world,
            "text/csv",
            "\uFEFFOrder no;Amount;Why;Tags\r\na-1;500;broken;vip, late\r\na-2;twelve;\"never came;\nreally\";\r\na-3;700;#late;\r\na-4;900\r\na-5; 1100 ;\"it \"\"hurt\"\"\";vip\r\n"
        );
        await LookedAsync(otto, again, Plan);
        var twice = (await otto.ProposeAsync(world, "packet.import", new { import = Key(again), leaveOutFaulty = true })).Run();
        Assert.Equal("PREFLIGHT_FAILED", twice.State());
        Assert.Contains("same file was imported", twice.ToString(), StringComparison.Ordinal);
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "packet.import",
                    new
                    {
                        import = Key(again),
                        leaveOutFaulty = true,
                        again = true,
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        Assert.Equal(6, (await TitlesAsync(otto, world)).Count);
    }

    [Fact]
    public async Task Objects_a_line_come_in_with_their_clocks_and_start_what_waits_for_them()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        await world.WorkflowAsync("change-request");
        var otto = await world.Otto;
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "schedule.set",
                    new
                    {
                        key = "echo",
                        trigger = "packet",
                        whenWorkflow = "content-review",
                        whenState = "draft",
                        starts = new
                        {
                            type = "change",
                            title = new { from = "/packet/title" },
                            payload = new
                            {
                                key = "pages.seen",
                                value = new { from = "/packet/payload/slug" },
                                why = "It was begun.",
                            },
                        },
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var import = await UploadedAsync(
            otto,
            world,
            "application/x-ndjson",
            "{\"page\":{\"slug\":\"one\",\"title\":\"One\"},\"text\":\"1\"}\n\n{\"page\":{\"slug\":\"two\"}\n{\"page\":{\"slug\":\"three\",\"title\":\"Three\"},\"text\":\"3\"}\n[1]\n{\"page\":{\"slug\":\"four\",\"title\":4},\"text\":\"4\"}\n"
        );
        Assert.Equal("page,text", string.Join(',', import.GetProperty("columns").EnumerateArray()));
        var looked = await LookedAsync(
            otto,
            import,
            new
            {
                type = "content",
                title = "/page/slug",
                payload = new
                {
                    slug = "/page/slug",
                    title = "/page/title",
                    markdown = "/text",
                },
            }
        );
        Assert.Equal(
            [(3, ""), (5, ""), (6, "/payload/title")],
            looked
                .GetProperty("faults")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(f => (f.GetProperty("number").GetInt32(), f.GetProperty("faults")[0].GetProperty("path").GetString()!))
        );
        await otto.UntilAsync(
            (await otto.ProposeAsync(world, "packet.import", new { import = Key(import), leaveOutFaulty = true })).Run(),
            "SUCCEEDED"
        );

        // The two of the file, and one that each of them started.
        Assert.Equal(
            ["one", "one", "three", "three"],
            (await Poll.UntilAsync(() => TitlesAsync(otto, world), titles => titles.Count == 4)).Order(StringComparer.Ordinal)
        );
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var imported = await db
            .Packets.Where(p => p.Type == "content")
            .OrderBy(p => p.Id)
            .Select(p => new { p.Id, p.EnteredAt })
            .ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, imported.Count);
        var first = imported[0].Id;
        var clock = await db.Jobs.SingleAsync(
            j => j.SubjectId == first && j.Kind == JobKind.ContinuePacket,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(imported[0].EnteredAt.AddDays(90), clock.DueAt);
    }

    [Fact]
    public async Task What_can_not_be_read_or_mapped_is_refused_with_its_place()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        var (otto, hermes) = (await world.Otto, await world.Hermes);

        Assert.Contains(
            "byte 0xE9, as Windows-1252 or Latin-1 write accented letters, stands at byte 11, line 2",
            await RefusedAsync(
                otto,
                world,
                "text/csv",
                [.. "Order no\nPr\u00e9".Select(c => (byte)c), .. "fixe is long enough"u8],
                "WRONG_ENCODING",
                HttpStatusCode.UnsupportedMediaType
            ),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "UTF-16",
            await RefusedAsync(
                otto,
                world,
                "text/csv",
                [0xff, 0xfe, .. Encoding.Unicode.GetBytes("a,b\n1,2\n")],
                "WRONG_ENCODING",
                HttpStatusCode.UnsupportedMediaType
            ),
            StringComparison.Ordinal
        );
        await RefusedAsync(
            otto,
            world,
            "application/x-ndjson",
            Encoding.Unicode.GetBytes("{}"),
            "WRONG_ENCODING",
            HttpStatusCode.UnsupportedMediaType
        );
        Assert.Contains(
            "two columns are called \"a\"",
            await RefusedAsync(otto, world, "text/csv", "a,b,a\n1,2,3\n"u8.ToArray(), "UNREADABLE_FILE"),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "column 2 has no name",
            await RefusedAsync(otto, world, "text/csv", "a,,c\n1,2,3\n"u8.ToArray(), "UNREADABLE_FILE"),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Row 3: a quotation mark",
            await RefusedAsync(otto, world, "text/csv", "a,b\n1,2\n\"3,4\n5,6\n"u8.ToArray(), "UNREADABLE_FILE"),
            StringComparison.Ordinal
        );
        await RefusedAsync(otto, world, "text/csv", "a,b\n"u8.ToArray(), "UNREADABLE_FILE");
        await RefusedAsync(otto, world, "text/csv", [], "UNREADABLE_FILE");
        await RefusedAsync(otto, world, "application/x-ndjson", "\n\n"u8.ToArray(), "UNREADABLE_FILE");
        await RefusedAsync(otto, world, "text/plain", "a,b\n1,2\n"u8.ToArray(), "FILE_TYPE_REFUSED", HttpStatusCode.UnsupportedMediaType);
        await RefusedAsync(otto, world, "text/csv", new byte[65 * 1024 * 1024], "FILE_TOO_LARGE", HttpStatusCode.RequestEntityTooLarge);
        await RefusedAsync(
            otto,
            world,
            "text/csv",
            [.. "a\n"u8, .. Enumerable.Repeat("1\n"u8.ToArray(), 200_001).SelectMany(x => x)],
            "TOO_MANY_ROWS",
            HttpStatusCode.RequestEntityTooLarge
        );

        // Whom policy does not let import, and who does not see the room.
        await RefusedAsync(hermes, world, "text/csv", "a,b\n1,2\n"u8.ToArray(), "POLICY_DENIED", HttpStatusCode.Forbidden);
        var stranger = await (await world.OtherWorkspaceAsync()).PersonAsync("Mallory", "operator");
        await RefusedAsync(stranger, world, "text/csv", "a,b\n1,2\n"u8.ToArray(), "NOT_FOUND", HttpStatusCode.NotFound);

        var import = await UploadedAsync(otto, world, "text/csv", "Order no,Amount\na-1,5\n");
        Assert.Equal("NotFound", (await CheckAsync(stranger, import, Plan)).Error());
        Assert.Equal("PolicyDenied", (await CheckAsync(hermes, import, Plan)).Error());
        var faults = (
            await CheckAsync(
                otto,
                import,
                new
                {
                    type = "refund",
                    title = "/Titel",
                    payload = new
                    {
                        order = "Order no",
                        amount = "/Amount",
                        reason = new { text = "{/Why}" },
                        cents = new { packet = "id" },
                    },
                    labels = new[] { "" },
                    labelsFrom = "/Tags",
                }
            )
        ).GetProperty("errors")[0].GetProperty("faults");
        Assert.Equal(
            ["/labels", "/labelsFrom", "/payload/amount", "/payload/cents", "/payload/order", "/payload/reason", "/title"],
            faults.EnumerateArray().Select(f => f.GetProperty("path").GetString()!).Order(StringComparer.Ordinal)
        );
        Assert.Contains(
            faults.EnumerateArray(),
            f => f.GetProperty("message").GetString() == "the file has no column \"Titel\"; it has Order no, Amount"
        );
        Assert.Equal(
            "InvalidInput",
            (
                await CheckAsync(
                    otto,
                    import,
                    new
                    {
                        type = "nothing",
                        title = "/Amount",
                        payload = new { },
                    }
                )
            ).Error()
        );
        Assert.Equal("UPLOADED", (await ImportAsync(otto, import)).State());
        Assert.Equal("PREFLIGHT_FAILED", (await otto.ProposeAsync(world, "packet.import", new { import = Key(import) })).Run().State());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "packet.import", new { import = Guid.NewGuid() })).Error());
    }

    [Fact]
    public async Task Many_rows_are_looked_at_in_parts_and_an_import_that_is_given_up_leaves_nothing()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        var otto = await world.Otto;
        var csv = new StringBuilder("Order no,Amount,Why,Tags\n");
        for (var i = 0; i < 12_000; i++)
            csv.Append("a-").Append(i).Append(',').Append(i % 1000 == 999 ? "none" : "5").Append(",long ago,\n");
        var import = await UploadedAsync(otto, world, "text/csv", csv.ToString());
        await LookedAsync(
            otto,
            import,
            new
            {
                type = "refund",
                title = "/Why",
                payload = new { order = "/Why", cents = "/Amount" },
            }
        );

        // Another plan begins anew.
        var looked = await LookedAsync(otto, import, Plan);
        Assert.Equal((12_000, 12), (looked.GetProperty("checked").GetInt32(), looked.GetProperty("faulty").GetInt32()));
        var page = looked.GetProperty("faults");
        Assert.Equal(
            [1001, 2001, 3001],
            page.GetProperty("nodes").EnumerateArray().Take(3).Select(f => f.GetProperty("number").GetInt32())
        );
        Assert.Null((await CancelAsync(otto, import)).Error());
        Assert.Equal("ImportOver", (await CancelAsync(otto, import)).Error());
        await Poll.UntilAsync(() => LeftAsync(world), left => left == (0, 0));
        Assert.Empty(await TitlesAsync(otto, world));
        Assert.Equal("PREFLIGHT_FAILED", (await otto.ProposeAsync(world, "packet.import", new { import = Key(import) })).Run().State());
    }

    internal static async Task<JsonElement> UploadedAsync(Client client, World world, string type, string content)
    {
        using var answer = await UploadAsync(client, world.Workspace.Id, type, Encoding.UTF8.GetBytes(content));
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, text);
        return JsonDocument.Parse(text).RootElement;
    }

    internal static async Task<HttpResponseMessage> UploadAsync(Client client, Guid workspace, string type, byte[] content)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/imports/{workspace}?name=refunds.csv")
        {
            Content = new ByteArrayContent(content),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        request.Headers.ExpectContinue = true;
        return await client.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    internal static async Task<JsonElement> CheckAsync(Client client, JsonElement import, object plan, string? key = null) =>
        (
            await client.AskAsync(
                "mutation($input: CheckPacketImportInput!) { checkPacketImport(input: $input) { import { id state } errors { __typename code message ... on InvalidInput { faults { path message } } } } }",
                new
                {
                    input = new
                    {
                        importId = Id(import),
                        plan,
                        idempotencyKey = key ?? Acts.Key(),
                    },
                }
            )
        ).GetProperty("checkPacketImport");

    internal static async Task<JsonElement> ImportAsync(Client client, JsonElement import) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on PacketImport { id state rows checked faulty faults(first: 10) { nodes { number faults { path message } } pageInfo { hasNextPage } } run { id state } } } }",
                new { id = Id(import) }
            )
        ).GetProperty("node");

    private static async Task<JsonElement> CancelAsync(Client client, JsonElement import) =>
        (
            await client.AskAsync(
                "mutation($input: CancelPacketImportInput!) { cancelPacketImport(input: $input) { import { id state } errors { __typename code message } } }",
                new { input = new { importId = Id(import), idempotencyKey = Acts.Key() } }
            )
        ).GetProperty("cancelPacketImport");

    private static async Task<JsonElement> LookedAsync(Client client, JsonElement import, object plan)
    {
        Assert.Null((await CheckAsync(client, import, plan)).Error());
        return await Poll.UntilAsync(() => ImportAsync(client, import), i => i.State() == "CHECKED");
    }

    private static async Task<string> RefusedAsync(
        Client client,
        World world,
        string type,
        byte[] content,
        string code,
        HttpStatusCode status = HttpStatusCode.UnprocessableEntity
    )
    {
        using var answer = await UploadAsync(client, world.Workspace.Id, type, content);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == status, text);
        var refusal = JsonDocument.Parse(text).RootElement;
        Assert.Equal(code, refusal.GetProperty("code").GetString());
        return refusal.GetProperty("message").GetString()!;
    }

    private static async Task<List<string>> TitlesAsync(Client client, World world, object? filter = null) =>
        [
            .. (
                await client.AskAsync(
                    "query($key: String!, $filter: PacketFilterInput) { workspace(key: $key) { packets(filter: $filter) { nodes { title } } } }",
                    new { key = world.Workspace.Key, filter }
                )
            )
                .GetProperty("workspace")
                .GetProperty("packets")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(p => p.GetProperty("title").GetString()!),
        ];

    private async Task<(int Files, int Rows)> LeftAsync(World world)
    {
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        return (
            await db.ImportFiles.CountAsync(TestContext.Current.CancellationToken),
            await db.ImportRows.CountAsync(TestContext.Current.CancellationToken)
        );
    }

    private static string Id(JsonElement import) => import.GetProperty("id").GetString()!;

    private static string Key(JsonElement import) => import.GetProperty("importId").GetString()!;
}

public sealed class ImportsOnSqlite(SqliteApp app) : ImportTests(app);

public sealed class ImportsOnPostgres(PostgresApp app) : ImportTests(app);

public sealed class ImportsOnSqlServer(SqlServerApp app) : ImportTests(app);
