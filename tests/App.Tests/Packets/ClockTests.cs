using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Packets;

/// <summary>The time that the application sees; tests put it forward.</summary>
public sealed class MovableClock : TimeProvider
{
    private TimeSpan ahead;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;

    public void Advance(TimeSpan by) => ahead += by;
}

/// <summary>What the clock does: timers of workflows, reminders and escalation of approvals, schedules. An application of its own, because time moves for everybody in it.</summary>
public abstract class ClockTests(MumegaApp app, MovableClock clock)
{
    [Fact]
    public async Task A_timer_moves_a_packet_and_a_state_that_was_left_in_time_is_left_alone()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var otto = await world.Otto;
        var (stays, leaves) = (
            await otto.CreatePacketAsync(world, "content", "Forgotten", Page("forgotten")),
            await otto.CreatePacketAsync(world, "content", "Dropped", Page("dropped"))
        );
        await otto.UntilAsync((await otto.MoveAsync(leaves, "drop")).Run(), "SUCCEEDED");
        await otto.UntilStateAsync(leaves, "dropped");
        clock.Advance(TimeSpan.FromDays(89));
        otto = await AgainAsync(world, "Otto");
        Assert.True((await otto.PacketAsync(stays)).GetProperty("task").GetProperty("overdue").GetBoolean());
        Assert.Equal("draft", (await otto.PacketAsync(stays)).State());
        clock.Advance(TimeSpan.FromDays(2));
        otto = await AgainAsync(world, "Otto");
        await otto.UntilStateAsync(stays, "dropped");
        var last = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { history(first: 1) { nodes { kind run { action reason proposedBy { name } } } } } } }",
                new { id = stays.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("history")
            .GetProperty("nodes")[0];
        Assert.Equal("Mumega", last.GetProperty("run").GetProperty("proposedBy").GetProperty("name").GetString());
        Assert.Contains("90d have passed", last.GetProperty("run").GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_ends_when_its_time_is_over()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        await world.Audra;
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Audra"),
                        role = "operator",
                        until = clock.GetUtcNow().AddDays(2),
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        clock.Advance(TimeSpan.FromHours(47));
        var audra = await AgainAsync(world, "Audra");
        await audra.UntilAsync((await audra.ProposePageAsync(world, "in-time")).Run(), "SUCCEEDED");
        clock.Advance(TimeSpan.FromHours(2));
        audra = await AgainAsync(world, "Audra");
        Assert.Equal("DENIED", (await audra.ProposePageAsync(world, "too-late")).Run().State());
        Assert.Equal(["auditor"], await Members.MemberTests.RolesAsync(audra, world, "Audra"));

        // It can be given anew.
        ada = await AgainAsync(world, "Ada");
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Audra"), role = "operator" })).Run(),
            "SUCCEEDED"
        );
        await audra.UntilAsync((await audra.ProposePageAsync(world, "again")).Run(), "SUCCEEDED");
    }

    [Fact]
    public async Task What_the_clock_would_do_waits_for_a_stops_release()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var otto = await AgainAsync(world, "Otto", first: true);
        var packet = await otto.CreatePacketAsync(world, "content", "Stopped", Page("stopped"));
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "schedule.set",
                    new
                    {
                        key = "daily",
                        trigger = "cron",
                        cron = "0 9 * * *",
                        starts = new
                        {
                            type = "content",
                            title = "Daily",
                            payload = Page("daily"),
                        },
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var stop = (await otto.EngageAsync(world, "FAMILY", "packets")).GetProperty("stop");
        clock.Advance(TimeSpan.FromDays(91));
        otto = await AgainAsync(world, "Otto");
        await Poll.UntilAsync(() => ScheduleAsync(otto, world), s => s.GetProperty("lastProblem").ValueKind is JsonValueKind.String);
        Assert.Equal(
            (0, "draft"),
            ((await ScheduleAsync(otto, world)).GetProperty("started").GetInt32(), (await otto.PacketAsync(packet)).State())
        );

        var ada = await AgainAsync(world, "Ada");
        await ada.UntilAsync((await ada.ReleaseAsync(stop)).Run(), "SUCCEEDED");
        clock.Advance(TimeSpan.FromMinutes(2));
        await otto.UntilStateAsync(packet, "dropped");
        await Poll.UntilAsync(() => ScheduleAsync(otto, world), s => s.GetProperty("started").GetInt32() == 1);
    }

    [Fact]
    public async Task An_approval_reminds_asks_another_role_and_expires_but_never_says_yes()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        await world.PersonAsync("Bela", "admin");
        await world.Petra;
        var otto = await world.Otto;
        var packet = await otto.CreatePacketAsync(world, "content", "Waits", Page("waits"));
        var run = (await otto.MoveAsync(packet, "publish")).Run();
        clock.Advance(TimeSpan.FromHours(25));
        otto = await AgainAsync(world, "Otto");
        await Poll.UntilAsync(() => ApprovalAsync(otto, run), a => a.GetProperty("remindedAt").ValueKind is JsonValueKind.String);

        var bela = await AgainAsync(world, "Bela");
        Assert.Equal("RoleRequired", (await bela.SayAsync(run, "APPROVE", null)).Error());
        clock.Advance(TimeSpan.FromDays(2));
        otto = await AgainAsync(world, "Otto");
        var escalated = await Poll.UntilAsync(
            () => ApprovalAsync(otto, run),
            a => a.GetProperty("escalatedAt").ValueKind is JsonValueKind.String
        );
        Assert.Equal(("PENDING", "admin"), (escalated.State(), escalated.GetProperty("gates")[0].GetProperty("also").GetString()));

        var second = await otto.CreatePacketAsync(world, "content", "Waits too", Page("waits-too"));
        var other = (await otto.MoveAsync(second, "publish")).Run();
        bela = await AgainAsync(world, "Bela");
        Assert.Null((await bela.SayAsync(run, "APPROVE", null)).Error());
        await otto.UntilStateAsync(packet, "published");

        foreach (var days in new[] { 3.1, 3.1 })
        {
            clock.Advance(TimeSpan.FromDays(days));
            otto = await AgainAsync(world, "Otto");
            await Poll.UntilAsync(
                () => ApprovalAsync(otto, other),
                a => a.State() == "EXPIRED" || a.GetProperty("escalatedAt").ValueKind is JsonValueKind.String
            );
        }

        await Poll.UntilAsync(() => ApprovalAsync(otto, other), a => a.State() == "EXPIRED");
        Assert.Equal("Nobody decided in time.", (await otto.UntilStateAsync(second, "draft")).GetProperty("remark").GetString());
        var codes = (await otto.RunAsync(other))
            .GetProperty("receipts")
            .EnumerateArray()
            .Select(r => r.GetProperty("reasonCode").GetString())
            .Skip(3);
        Assert.Equal(["gate.reminded", "gate.escalated", "gate.expired"], codes);
    }

    [Theory]
    [InlineData("skip", 1)]
    [InlineData("catch-up", 3)]
    public async Task A_schedule_starts_packets_and_does_with_missed_occasions_what_it_says(string missed, int started)
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var otto = await world.Otto;
        var set = await otto.ProposeAsync(
            world,
            "schedule.set",
            new
            {
                key = "daily",
                trigger = "cron",
                cron = "0 9 * * *",
                timeZone = "Europe/Berlin",
                missed,
                starts = new
                {
                    type = "content",
                    title = "Daily",
                    payload = Page("daily"),
                },
            }
        );
        await otto.UntilAsync(set.Run(), "SUCCEEDED");

        // Three mornings pass at once.
        clock.Advance(TimeSpan.FromDays(3));
        otto = await AgainAsync(world, "Otto");
        var schedule = await Poll.UntilAsync(() => ScheduleAsync(otto, world), s => s.GetProperty("started").GetInt32() >= started);
        Assert.Equal(started, schedule.GetProperty("started").GetInt32());
        Assert.Equal(JsonValueKind.Null, schedule.GetProperty("lastProblem").ValueKind);
        await Poll.UntilAsync(() => CountAsync(otto, world), n => n == started);
        Assert.True(schedule.GetProperty("nextAt").GetDateTimeOffset() > clock.GetUtcNow());
    }

    [Fact]
    public async Task Bad_schedules_are_refused_with_the_place()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var otto = await AgainAsync(world, "Otto", first: true);
        async Task<string[]> FaultsAsync(object input)
        {
            var payload = await otto.ProposeAsync(world, "schedule.set", input);
            Assert.Equal("InvalidInput", payload.Error());
            return
            [
                .. payload
                    .GetProperty("errors")[0]
                    .GetProperty("faults")
                    .EnumerateArray()
                    .Select(f => $"{f.GetProperty("path")} {f.GetProperty("message")}"),
            ];
        }

        var starts = new
        {
            type = "content",
            title = "x",
            payload = new { },
        };
        Assert.Contains(
            "never falls due",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "cron",
                        cron = "0 0 30 2 *",
                        starts,
                    }
                )
            ),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "/cron",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "cron",
                        cron = "every day",
                        starts,
                    }
                )
            ),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "/timeZone",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "cron",
                        cron = "0 9 * * *",
                        timeZone = "Mars/Base",
                        starts,
                    }
                )
            ),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "/whenWorkflow",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "packet",
                        whenWorkflow = "none",
                        starts,
                    }
                )
            ),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "without end",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "packet",
                        whenWorkflow = "content-review",
                        whenState = "draft",
                        starts,
                    }
                )
            ),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "/starts/type",
            Assert.Single(
                await FaultsAsync(
                    new
                    {
                        key = "a",
                        trigger = "webhook",
                        starts = new
                        {
                            type = "none",
                            title = "x",
                            payload = new { },
                        },
                    }
                )
            ),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_signed_call_and_another_packets_state_start_packets_once()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        await world.WorkflowAsync("change-request");
        var otto = await AgainAsync(world, "Otto", first: true);
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "schedule.set",
                    new
                    {
                        key = "from-crm",
                        trigger = "webhook",
                        starts = new
                        {
                            type = "content",
                            title = new { from = "/data/title" },
                            payload = new
                            {
                                slug = new { from = "/data/slug" },
                                title = new { from = "/data/title" },
                                markdown = "From outside.",
                            },
                        },
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "schedule.set",
                    new
                    {
                        key = "follow-up",
                        trigger = "packet",
                        whenWorkflow = "content-review",
                        whenState = "dropped",
                        starts = new
                        {
                            type = "change",
                            title = new { from = "/packet/title" },
                            payload = new
                            {
                                key = "dropped.page",
                                value = new { from = "/packet/payload/slug" },
                                why = "It was dropped.",
                            },
                        },
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var secret = (
            await otto.AskAsync(
                "mutation($input: RenewScheduleSecretInput!) { renewScheduleSecret(input: $input) { secret errors { message } } }",
                new { input = new { workspaceId = world.WorkspaceId, schedule = "from-crm" } }
            )
        )
            .GetProperty("renewScheduleSecret")
            .GetProperty("secret")
            .GetString()!;
        var renewed = await Poll.UntilAsync(
            async () =>
                (
                    await otto.AskAsync(
                        "query($key: String!) { workspace(key: $key) { receipts(first: 5, filter: { action: \"schedule.secret\" }) { nodes { reasonCode } } } }",
                        new { key = world.Workspace.Key }
                    )
                ).ToString(),
            found => found.Contains("secret.renewed", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(secret, renewed, StringComparison.Ordinal);
        var hook = (await SchedulesAsync(otto, world))
            .Single(s => s.GetProperty("key").GetString() == "from-crm")
            .GetProperty("hook")
            .GetString()!;

        using var http = new HttpClient();
        async Task<HttpResponseMessage> CallAsync(string id, string body, string with, long off = 0)
        {
            var at = clock.GetUtcNow().ToUnixTimeSeconds() + off;
            using var request = new HttpRequestMessage(HttpMethod.Post, hook)
            {
                Content = new StringContent(body, Encoding.UTF8, "application/json"),
            };
            request.Headers.Add("webhook-id", id);
            request.Headers.Add("webhook-timestamp", at.ToString(System.Globalization.CultureInfo.InvariantCulture));
            request.Headers.Add(
                "webhook-signature",
                $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(with["whsec_".Length..]), Encoding.UTF8.GetBytes($"{id}.{at}.{body}")))}"
            );
            return await http.SendAsync(request, TestContext.Current.CancellationToken);
        }

        const string Body = """{"title":"Called","slug":"called"}""";
        Assert.Equal(HttpStatusCode.Accepted, (await CallAsync("msg-1", Body, secret)).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await CallAsync("msg-1", Body, secret)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await CallAsync("msg-1", """{"title":"Other","slug":"other"}""", secret)).StatusCode);
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await CallAsync("msg-2", Body, "whsec_" + Convert.ToBase64String(new byte[32]))).StatusCode
        );
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync("msg-3", Body, secret, off: -301)).StatusCode);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await CallAsync("msg-4", """{"slug":"no-title"}""", secret)).StatusCode);
        Assert.Equal(
            HttpStatusCode.UnprocessableEntity,
            (await CallAsync("msg-5", """{"title":"Bad","slug":"NOT A SLUG"}""", secret)).StatusCode
        );
        await Poll.UntilAsync(() => CountAsync(otto, world), n => n == 1);

        var packet = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { packets { nodes { id title createdBy { name } surface } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("packets")
            .GetProperty("nodes")[0];
        Assert.Equal(
            ("Called", "Otto", "schedule"),
            (
                packet.GetProperty("title").GetString(),
                packet.GetProperty("createdBy").GetProperty("name").GetString(),
                packet.GetProperty("surface").GetString()
            )
        );
        await otto.UntilAsync((await otto.MoveAsync(packet, "drop")).Run(), "SUCCEEDED");
        await Poll.UntilAsync(() => CountAsync(otto, world), n => n == 2);
    }

    private static object Page(string slug) =>
        new
        {
            slug,
            title = slug,
            markdown = "Text.",
        };

    // Tokens end while time passes.
    private static Task<Client> AgainAsync(World world, string name, bool first = false) =>
        first ? world.Otto : Client.SignInAsync(world.App.Address, world.Email(name), World.Password);

    private static async Task<JsonElement> ApprovalAsync(Client client, JsonElement run) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { approval { state remindedAt escalatedAt gates { role also missing } } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("approval");

    private static async Task<List<JsonElement>> SchedulesAsync(Client client, World world) =>
        [
            .. (
                await client.AskAsync(
                    "query($key: String!) { workspace(key: $key) { schedules { key started nextAt lastProblem hook } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("schedules")
                .EnumerateArray(),
        ];

    private static async Task<JsonElement> ScheduleAsync(Client client, World world) => (await SchedulesAsync(client, world))[0];

    private static async Task<int> CountAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { packets(first: 100) { nodes { id } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("packets")
            .GetProperty("nodes")
            .GetArrayLength();
}

public sealed class ClockedSqliteApp : MumegaApp
{
    public MovableClock Clock { get; } = new();

    protected override void Adjust(WebApplicationBuilder builder) => builder.Services.AddSingleton<TimeProvider>(Clock);

    protected override Task<(string Kind, string Connection)> DatabaseAsync(string folder) => Task.FromResult(("Sqlite", ""));
}

public sealed class ClockedPostgresApp : MumegaApp
{
    public MovableClock Clock { get; } = new();

    public override string? Missing => TestServers.Postgres is null ? "MUMEGA_TEST_POSTGRES names no server" : null;

    protected override void Adjust(WebApplicationBuilder builder) => builder.Services.AddSingleton<TimeProvider>(Clock);

    protected override async Task<(string Kind, string Connection)> DatabaseAsync(string folder) =>
        ("Postgres", await TestServers.NewPostgresDatabaseAsync());
}

public sealed class ClocksOnSqlite(ClockedSqliteApp app) : ClockTests(app, app.Clock), IClassFixture<ClockedSqliteApp>;

public sealed class ClocksOnPostgres(ClockedPostgresApp app) : ClockTests(app, app.Clock), IClassFixture<ClockedPostgresApp>;
