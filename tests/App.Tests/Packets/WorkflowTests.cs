using System.Text.Json;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Packets;

/// <summary>The workflows that ship, from end to end through the public API.</summary>
public abstract class WorkflowTests(MumegaApp app)
{
    [Fact]
    public async Task Content_is_drafted_by_an_agent_sent_back_changed_approved_and_live()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);
        var packet = await hermes.CreatePacketAsync(
            world,
            "content",
            "Prices",
            new
            {
                slug = "prices",
                title = "Prices",
                markdown = "From 1 euro.",
            },
            new { labels = new[] { "sales", "web" } }
        );
        Assert.Equal("draft", packet.State());
        Assert.Equal(["sales", "web"], packet.GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Equal("Write the page", packet.GetProperty("task").GetProperty("title").GetString());

        var first = (await hermes.MoveAsync(packet, "publish")).Run();
        Assert.Equal("AWAITING_APPROVAL", first.State());
        Assert.Equal("TransitionPending", (await otto.MoveAsync(packet, "drop")).Error());
        Assert.Null((await petra.SayAsync(first, "REQUEST_CHANGES", "Name the currency.")).Error());

        var back = await hermes.UntilStateAsync(packet, "draft");
        Assert.Equal("Name the currency.", back.GetProperty("remark").GetString());
        var edit = (
            await hermes.EditAsync(
                world,
                back,
                new
                {
                    version = back.GetProperty("version").GetInt32(),
                    payload = new
                    {
                        slug = "prices",
                        title = "Prices",
                        markdown = "From 1 euro (EUR).",
                    },
                }
            )
        ).Run();
        await hermes.UntilAsync(edit, "SUCCEEDED");

        var second = (await hermes.MoveAsync(packet, "publish")).Run();
        Assert.Null((await petra.SayAsync(second, "APPROVE", null)).Error());
        var live = await hermes.UntilStateAsync(packet, "published");
        Assert.Equal("Look whether the page still holds", live.GetProperty("task").GetProperty("title").GetString());
        Assert.Contains(
            "1 euro (EUR)",
            await (await app.PortalAsync(world, "prices")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );

        await otto.UntilStateAsync(await OttoMovesAsync(otto, live, "archive"), "archived");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await app.PortalAsync(world, "prices")).StatusCode);
        await PacketActs.SameAsHistoryAsync(world, packet);

        var history = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { history(first: 50) { nodes { number kind by { name } run { action state } } } runs { action state transition } } } }",
                new { id = packet.GetProperty("id").GetString() }
            )
        ).GetProperty("node");
        Assert.Equal(
            ["created", "requested", "moved", "edited", "requested", "moved", "requested", "moved"],
            history.GetProperty("history").GetProperty("nodes").EnumerateArray().Reverse().Select(h => h.GetProperty("kind").GetString())
        );
        Assert.Equal(
            ["publish", "publish", "archive"],
            history.GetProperty("runs").EnumerateArray().Reverse().Select(r => r.GetProperty("transition").GetString())
        );
    }

    [Fact]
    public async Task A_change_needs_two_of_three_and_a_rejection_ends_it()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("change-request");
        var (hermes, otto, petra, pavel) = (await world.Hermes, await world.Otto, await world.Petra, await world.Pavel);
        var packet = await hermes.CreatePacketAsync(
            world,
            "change",
            "Longer sessions",
            new
            {
                key = "session.minutes",
                value = "60",
                why = "People are signed out while they write.",
            }
        );
        var run = (await hermes.MoveAsync(packet, "apply")).Run();
        Assert.Equal(2, run.GetProperty("approval").GetProperty("gates")[0].GetProperty("missing").GetInt32());
        Assert.Equal("AWAITING_APPROVAL", (await petra.SayAsync(run, "APPROVE", null)).GetProperty("approval").GetProperty("run").State());
        Assert.Equal("AlreadyDecided", (await petra.SayAsync(run, "APPROVE", null)).Error());
        Assert.Null((await pavel.SayAsync(run, "APPROVE", null)).Error());
        await otto.UntilStateAsync(packet, "live");
        Assert.Equal("60", (await ProfileAsync(otto, world))["session.minutes"]);

        // Put back: what was done on the way is made good, as runs of their own.
        await otto.UntilAsync((await otto.MoveAsync(packet, "put-back")).Run(), "SUCCEEDED");
        await otto.UntilStateAsync(packet, "undone");
        Assert.False((await ProfileAsync(otto, world)).ContainsKey("session.minutes"));
        await PacketActs.SameAsHistoryAsync(world, packet);

        var other = await hermes.CreatePacketAsync(
            world,
            "change",
            "Shorter sessions",
            new
            {
                key = "session.minutes",
                value = "5",
                why = "Safety.",
            }
        );
        Assert.Null((await petra.SayAsync((await hermes.MoveAsync(other, "apply")).Run(), "REJECT", "Too short.")).Error());
        Assert.Equal("Too short.", (await otto.UntilStateAsync(other, "refused")).GetProperty("remark").GetString());
    }

    [Fact]
    public async Task A_refund_is_paid_and_what_was_done_is_put_back_when_the_payment_service_refuses()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        await world.ConnectAsync("payments", "refuses");
        var (hermes, otto, petra, pavel) = (await world.Hermes, await world.Otto, await world.Petra, await world.Pavel);
        var packet = await hermes.CreatePacketAsync(
            world,
            "refund",
            "Order 7",
            new
            {
                order = "order-7",
                cents = 1999,
                currency = "EUR",
                reason = "It came broken.",
            }
        );
        Assert.Null((await petra.SayAsync((await hermes.MoveAsync(packet, "grant")).Run(), "APPROVE", null)).Error());

        // It goes on by itself to the external step, which can't be undone and is gated once more.
        await otto.UntilPendingAsync(packet, "pay");
        Assert.Equal("1999", (await ProfileAsync(otto, world))["orders.order-7.refund"]);
        var pay = await otto.PendingRunAsync(packet);

        // Whoever set off what goes on by itself does not decide on it: Hermes' owner neither.
        Assert.Equal("OwnDelegatesRequest", (await (await world.Ada).SayAsync(pay, "APPROVE", null)).Error());
        Assert.Null((await pavel.SayAsync(pay, "APPROVE", null)).Error());
        var failed = await otto.UntilStateAsync(packet, "failed");
        Assert.Contains("422", failed.GetProperty("remark").GetString(), StringComparison.Ordinal);
        Assert.False((await ProfileAsync(otto, world)).ContainsKey("orders.order-7.refund"));
        await PacketActs.SameAsHistoryAsync(world, packet);

        var runs = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { runs { action state transition proposedBy { name } receipts { kind reasonCode } } } } }",
                new { id = packet.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("runs")
            .EnumerateArray()
            .Reverse()
            .ToList();
        Assert.Equal(["grant", "pay", "compensate grant"], runs.Select(r => r.GetProperty("transition").GetString()));
        Assert.Equal("Mumega", runs[2].GetProperty("proposedBy").GetProperty("name").GetString());
        Assert.Equal("compensated", runs[2].GetProperty("receipts").EnumerateArray().Last().GetProperty("kind").GetString());
    }

    [Fact]
    public async Task A_harmless_first_step_is_rated_decided_and_confirmed_by_the_worst_that_it_sets_off()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        await world.ConnectAsync("crm", "ok");
        var (ada, bela, hermes, otto, petra) = (
            await world.Ada,
            await world.PersonAsync("Bela", "admin"),
            await world.Hermes,
            await world.Otto,
            await world.Petra
        );

        // Three steps, of which the first two only move the packet and the last can't be undone. Only the first is asked for by somebody.
        object Document(object begin) =>
            new
            {
                workflow = "content-review",
                title = "Quietly out",
                packetType = "content",
                states = new
                {
                    draft = new { title = "Draft", kind = "initial" },
                    looked = new { title = "Looked at" },
                    sending = new { title = "Sending" },
                    sent = new { title = "Sent", kind = "final" },
                },
                transitions = new
                {
                    begin,
                    go = new
                    {
                        title = "Go on",
                        from = new[] { "looked" },
                        to = "sending",
                        automatic = true,
                    },
                    send = new
                    {
                        title = "Tell everybody",
                        from = new[] { "sending" },
                        to = "sent",
                        automatic = true,
                        action = new
                        {
                            run = "webhook.send",
                            input = new
                            {
                                connection = new { value = "crm" },
                                @event = new { value = "page.out" },
                                data = new { value = new { } },
                            },
                        },
                    },
                },
            };
        async Task PutInForceAsync(string action, object input)
        {
            var run = (await ada.ProposeAsync(world, action, input)).Run();
            Assert.Null((await bela.SayAsync(run, "APPROVE", null)).Error());
            await ada.UntilAsync(run, "SUCCEEDED");
        }

        await PutInForceAsync(
            "workflow.publish",
            new
            {
                document = Document(
                    new
                    {
                        title = "Begin",
                        from = new[] { "draft" },
                        to = "looked",
                        roles = new[] { "operator", "agent" },
                    }
                ),
                replaces = 1,
            }
        );
        Task<JsonElement> DraftAsync(string slug) =>
            hermes.CreatePacketAsync(
                world,
                "content",
                slug,
                new
                {
                    slug,
                    title = slug,
                    markdown = "x",
                }
            );
        var packet = await DraftAsync("out");
        var begin = (await hermes.MoveAsync(packet, "begin")).Run();
        Assert.Equal("AWAITING_APPROVAL", begin.State());
        var seen = (
            await petra.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { blast reversibility setsOff { transition action blast reversibility } decision { policies } } } }",
                new { id = begin.GetProperty("id").GetString() }
            )
        ).GetProperty("node");
        Assert.Equal(("HIGH", "IRREVERSIBLE"), (seen.GetProperty("blast").GetString(), seen.GetProperty("reversibility").GetString()));
        Assert.Equal(
            [("go", "packet.move", "LOW"), ("send", "webhook.send", "HIGH")],
            seen.GetProperty("setsOff")
                .EnumerateArray()
                .Select(f =>
                    (f.GetProperty("transition").GetString(), f.GetProperty("action").GetString(), f.GetProperty("blast").GetString())
                )
        );
        Assert.Contains(
            "guardrail.irreversible",
            seen.GetProperty("decision").GetProperty("policies").EnumerateArray().Select(p => p.GetString())
        );

        // Approving it weighs as much, and the last step is asked about once more.
        var confirms = petra.Confirms;
        petra.Confirms = null;
        Assert.Equal("ConfirmationNeeded", (await petra.SayAsync(begin, "APPROVE", null)).Error());
        petra.Confirms = confirms;
        Assert.Null((await petra.SayAsync(begin, "APPROVE", null)).Error());
        await otto.UntilPendingAsync(packet, "send");
        Assert.Null((await petra.SayAsync(await otto.PendingRunAsync(packet), "APPROVE", null)).Error());
        await otto.UntilStateAsync(packet, "sent");

        // An agent that may do nothing irreversible can't have the workflow do it either.
        var seed = (
            await ada.AskAsync("query($key: String!) { workspace(key: $key) { policies { text } } }", new { key = world.Workspace.Key })
        )
            .GetProperty("workspace")
            .GetProperty("policies")
            .GetProperty("text")
            .GetString();
        const string Strict = """

            @id("agents-undo") @reason("Agents do what can be undone.") forbid (principal is Mumega::Agent, action in Mumega::Action::"act", resource) when { context.reversibility == "irreversible" };
            """;
        await PutInForceAsync("policy.replace", new { text = seed + Strict, replaces = 1 });
        var next = await DraftAsync("next");
        var denied = (await hermes.MoveAsync(next, "begin")).Run();
        Assert.Equal(
            ("DENIED", "Agents do what can be undone."),
            (denied.State(), denied.GetProperty("decision").GetProperty("reason").GetString())
        );
        Assert.Equal("AWAITING_APPROVAL", (await otto.MoveAsync(next, "begin")).Run().State());

        // Nor where it would begin with the packet.
        await PutInForceAsync(
            "workflow.publish",
            new
            {
                document = Document(
                    new
                    {
                        title = "Begin",
                        from = new[] { "draft" },
                        to = "looked",
                        automatic = true,
                    }
                ),
                replaces = 2,
            }
        );
        Task<JsonElement> CreateAsync(Client by) =>
            by.ProposeAsync(
                world,
                "packet.create",
                new
                {
                    type = "content",
                    title = "Quick",
                    payload = new
                    {
                        slug = "quick",
                        title = "Quick",
                        markdown = "x",
                    },
                }
            );
        Assert.Equal("DENIED", (await CreateAsync(hermes)).Run().State());
        Assert.Equal("AWAITING_APPROVAL", (await CreateAsync(otto)).Run().State());
    }

    [Fact]
    public async Task A_compensation_that_fails_stops_and_asks_a_person()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        await world.ConnectAsync("payments", "refuses");
        var (ada, hermes, otto, petra, pavel) = (
            await world.Ada,
            await world.Hermes,
            await world.Otto,
            await world.Petra,
            await world.Pavel
        );
        var packet = await hermes.CreatePacketAsync(
            world,
            "refund",
            "Order 8",
            new
            {
                order = "order-8",
                cents = 500,
                currency = "EUR",
                reason = "Twice.",
            }
        );
        Assert.Null((await petra.SayAsync((await hermes.MoveAsync(packet, "grant")).Run(), "APPROVE", null)).Error());
        await otto.UntilPendingAsync(packet, "pay");

        // Somebody changes what the compensation would put back, so that its preflight refuses.
        await otto.UntilAsync(
            (await otto.ProposeAsync(world, "runtime.set", new { key = "orders.order-8.refund", value = "by hand" })).Run(),
            "SUCCEEDED"
        );
        Assert.Null((await pavel.SayAsync(await otto.PendingRunAsync(packet), "APPROVE", null)).Error());
        var stuck = await Poll.UntilAsync(
            () => otto.PacketAsync(packet),
            p =>
                p.GetProperty("saga") is { ValueKind: JsonValueKind.Object } saga
                && saga.GetProperty("stuck").ValueKind is JsonValueKind.String
        );
        Assert.Equal("admin", stuck.GetProperty("task").GetProperty("role").GetString());

        Assert.Equal("PolicyDenied", (await hermes.ResumeAsync(packet, skip: true)).Error());
        Assert.Null((await ada.ResumeAsync(packet, skip: false)).Error());
        await Poll.UntilAsync(
            () => otto.PacketAsync(packet),
            p =>
                p.GetProperty("saga") is { ValueKind: JsonValueKind.Object } saga
                && saga.GetProperty("stuck").ValueKind is JsonValueKind.String
                && p.GetProperty("version").GetInt32() > stuck.GetProperty("version").GetInt32() + 1
        );
        Assert.Null((await ada.ResumeAsync(packet, skip: true)).Error());
        await otto.UntilStateAsync(packet, "failed");
        await PacketActs.SameAsHistoryAsync(world, packet);
    }

    [Fact]
    public async Task Tasks_are_claimed_by_one_handed_back_and_assigned()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var (ada, otto, olga, petra) = (await world.Ada, await world.Otto, await world.PersonAsync("Olga", "operator"), await world.Petra);
        var packet = await otto.CreatePacketAsync(
            world,
            "content",
            "Team",
            new
            {
                slug = "team",
                title = "Team",
                markdown = "We.",
            }
        );
        Assert.Equal("RoleRequired", (await petra.ClaimAsync(packet)).Error());

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? otto : olga).ClaimAsync(packet)));
        Assert.Single(claims, c => c.Error() is null);
        Assert.All(claims.Where(c => c.Error() is not null), c => Assert.Equal("TaskClaimed", c.Error()));
        var holder = (await ada.PacketAsync(packet)).GetProperty("assignee").GetProperty("name").GetString();
        var (mine, theirs) = holder == "Otto" ? (otto, olga) : (olga, otto);
        Assert.Equal((1, 0), (await CountsAsync(mine, world), await CountsAsync(theirs, world)));
        Assert.Equal("TaskClaimed", (await theirs.MoveAsync(packet, "publish")).Error());
        Assert.Equal("TaskClaimed", (await theirs.HandBackAsync(packet)).Error());
        Assert.Null((await mine.HandBackAsync(packet)).Error());
        Assert.Equal("RoleRequired", (await ada.AssignAsync(packet, world.IdOf("Petra"))).Error());
        Assert.Null((await ada.AssignAsync(packet, world.IdOf("Olga"))).Error());
        Assert.Equal(1, await CountsAsync(olga, world));
        Assert.Equal("AWAITING_APPROVAL", (await olga.MoveAsync(packet, "publish")).Run().State());
        await PacketActs.SameAsHistoryAsync(world, packet);

        var receipts = (
            await ada.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { receipts { step reasonCode actor { name } } } } }",
                new { id = packet.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("receipts");
        Assert.Equal(
            ["task.claimed", "task.handed_back", "task.assigned"],
            receipts.EnumerateArray().Select(r => r.GetProperty("reasonCode").GetString())
        );
    }

    [Fact]
    public async Task Packets_are_found_by_type_state_label_assignee_and_words_and_shown_on_a_board()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        await world.WorkflowAsync("change-request");
        var otto = await world.Otto;
        var prices = await otto.CreatePacketAsync(
            world,
            "content",
            "Prices 100% fair",
            new
            {
                slug = "prices",
                title = "Prices",
                markdown = "x",
            },
            new { labels = new[] { "sales" } }
        );
        var team = await otto.CreatePacketAsync(
            world,
            "content",
            "The team",
            new
            {
                slug = "team",
                title = "Team",
                markdown = "x",
            }
        );
        await otto.CreatePacketAsync(
            world,
            "change",
            "Longer sessions",
            new
            {
                key = "session.minutes",
                value = "60",
                why = "x",
            },
            new { labels = new[] { "sales" } }
        );
        Assert.Null((await otto.ClaimAsync(team)).Error());
        await otto.UntilAsync((await otto.MoveAsync(prices, "drop")).Run(), "SUCCEEDED");
        await otto.UntilStateAsync(prices, "dropped");

        async Task<string[]> FoundAsync(object filter) =>
            [
                .. (
                    await otto.AskAsync(
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
        Assert.Equal(["Longer sessions", "The team", "Prices 100% fair"], await FoundAsync(new { }));
        Assert.Equal(["Longer sessions"], await FoundAsync(new { type = "change" }));
        Assert.Equal(["The team"], await FoundAsync(new { workflow = "content-review", states = new[] { "draft" } }));
        Assert.Equal(["Longer sessions", "Prices 100% fair"], await FoundAsync(new { label = "sales" }));
        Assert.Equal(["The team"], await FoundAsync(new { assignee = world.IdOf("Otto") }));
        Assert.Equal(["Prices 100% fair"], await FoundAsync(new { closed = true }));
        Assert.Equal(["The team"], await FoundAsync(new { text = "TEAM" }));
        Assert.Equal(["Prices 100% fair"], await FoundAsync(new { text = "100%" }));
        Assert.Empty(await FoundAsync(new { text = "1_0" }));

        var columns = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { labels board(workflow: \"content-review\") { columns { state count packets { title } } } } }",
                new { key = world.Workspace.Key }
            )
        ).GetProperty("workspace");
        Assert.Equal(["sales"], columns.GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Equal(
            [("draft", 1), ("published", 0), ("archived", 0), ("dropped", 1)],
            columns
                .GetProperty("board")
                .GetProperty("columns")
                .EnumerateArray()
                .Select(c => (c.GetProperty("state").GetString(), c.GetProperty("count").GetInt32()))
                .OrderBy(c => Array.IndexOf(["draft", "published", "archived", "dropped"], c.Item1))
        );
    }

    [Fact]
    public async Task Bad_packets_and_moves_are_refused_with_every_fault_and_change_nothing()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("content-review");
        var (otto, audra) = (await world.Otto, await world.Audra);
        var bad = await otto.ProposeAsync(
            world,
            "packet.create",
            new
            {
                type = "content",
                title = "x",
                payload = new
                {
                    slug = "No Slug",
                    title = 5,
                    more = true,
                },
            }
        );
        Assert.Equal("InvalidInput", bad.Error());
        Assert.Equal(
            ["/payload/markdown", "/payload/more", "/payload/slug", "/payload/title"],
            bad.GetProperty("errors")[0].GetProperty("faults").EnumerateArray().Select(f => f.GetProperty("path").GetString()).Order()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await otto.ProposeAsync(
                    world,
                    "packet.create",
                    new
                    {
                        type = "nothing",
                        title = "x",
                        payload = new { },
                    }
                )
            ).Error()
        );

        var packet = await otto.CreatePacketAsync(
            world,
            "content",
            "TODO",
            new
            {
                slug = "todo",
                title = "TODO",
                markdown = "x",
            }
        );
        Assert.Equal("NoSuchTransition", (await otto.MoveAsync(packet, "archive")).Error());
        Assert.Equal("NoSuchTransition", (await otto.MoveAsync(packet, "forget")).Error());
        Assert.Equal("StaleVersion", (await otto.MoveAsync(packet, "drop", version: 77)).Error());
        var guarded = (await otto.MoveAsync(packet, "publish")).Run();
        Assert.Equal("DENIED", guarded.State());
        Assert.Contains("condition", guarded.GetProperty("decision").GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("DENIED", (await audra.MoveAsync(packet, "drop")).Run().State());
        Assert.Equal("draft", (await otto.PacketAsync(packet)).State());

        var ways = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { transitions { key verdict reason unattended } } } }",
                new { id = packet.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("transitions")
            .EnumerateArray()
            .ToDictionary(t => t.GetProperty("key").GetString()!);
        Assert.Equal("ALLOW", ways["drop"].GetProperty("verdict").GetString());
        Assert.Equal("DENY", ways["publish"].GetProperty("verdict").GetString());
        Assert.True(ways["forget"].GetProperty("unattended").GetBoolean());
        Assert.Equal("InvalidInput", (await otto.EditAsync(world, packet, new { payload = new { slug = "a" } })).Error());
        Assert.Equal(
            "InvalidInput",
            (await otto.EditAsync(world, packet, new { parent = packet.GetProperty("packetId").GetString() })).Error()
        );
    }

    private static async Task<JsonElement> OttoMovesAsync(Client otto, JsonElement packet, string transition)
    {
        await otto.UntilAsync((await otto.MoveAsync(packet, transition)).Run(), "SUCCEEDED");
        return packet;
    }

    private static async Task<int> CountsAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { taskCounts { mine } tasks(which: MINE) { nodes { title packet { title } } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("taskCounts")
            .GetProperty("mine")
            .GetInt32();

    private static async Task<Dictionary<string, string>> ProfileAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { profile { key value } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("profile")
            .EnumerateArray()
            .ToDictionary(p => p.GetProperty("key").GetString()!, p => p.GetProperty("value").ToString());
}

public sealed class WorkflowsOnSqlite(SqliteApp app) : WorkflowTests(app);

public sealed class WorkflowsOnPostgres(PostgresApp app) : WorkflowTests(app);

public sealed class WorkflowsOnSqlServer(SqlServerApp app) : WorkflowTests(app);
