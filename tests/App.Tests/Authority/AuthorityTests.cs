using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Mumega.App.Tests.Packets;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Policies;

namespace Mumega.App.Tests.Authority;

/// <summary>
/// Authority against its own people: what gates a run is what the decision says now, every way in is the same way in, and rules hang on what an act
/// does rather than on what it is called.
/// </summary>
public abstract class AuthorityTests(MumegaApp app)
{
    private const string Far = "a long way from home";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_gate_that_is_tightened_after_the_approval_binds_what_comes_back_from_a_stop()
    {
        var world = await app.WorldAsync();
        var (hermes, petra, pavel) = (await world.Hermes, await world.Petra, await world.Pavel);
        await world.PersonAsync("Bela", "admin");

        // Approved, and held before it runs; meanwhile two are asked for.
        var page = (await hermes.ProposePageAsync(world, "held")).Run();
        var stop = (await (await world.Otto).EngageAsync(world, "FAMILY", "pages")).GetProperty("stop");
        await petra.UntilAsync(page, "HELD");
        await PutInForceAsync(world, Seed.Replace("@quorum(\"1\")", "@quorum(\"2\")", StringComparison.Ordinal));
        await ReleaseAsync(world, stop);

        page = await petra.UntilAsync(page, "AWAITING_APPROVAL");
        Assert.Equal(2, page.GetProperty("approval").GetProperty("gates")[0].GetProperty("missing").GetInt32());
        Assert.Null((await petra.DecideAsync(page)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await petra.RunAsync(page)).State());
        Assert.Null((await pavel.DecideAsync(page)).Error());
        await petra.UntilAsync(page, "SUCCEEDED");
    }

    [Fact]
    public async Task What_waits_follows_the_policies_both_ways_and_nobody_has_to_look_first()
    {
        var world = await app.WorldAsync();
        var (hermes, petra, ada) = (await world.Hermes, await world.Petra, await world.Ada);
        await world.Pavel;
        await world.PersonAsync("Bela", "admin");
        var page = (await hermes.ProposePageAsync(world, "waits")).Run();

        // Stricter: what was seen is no longer what is asked for.
        await PutInForceAsync(world, Seed.Replace("@quorum(\"1\")", "@quorum(\"2\")", StringComparison.Ordinal));
        var stricter = await Poll.UntilAsync(
            () => petra.RunAsync(page),
            r =>
                r.GetProperty("approval").GetProperty("round").GetInt32() == 1
                && r.GetProperty("digest").GetString() == r.GetProperty("approval").GetProperty("digest").GetString()
        );
        Assert.Equal(2, stricter.GetProperty("approval").GetProperty("gates")[0].GetProperty("missing").GetInt32());
        Assert.Equal("StaleDigest", (await petra.DecideAsync(page)).Error());
        Assert.Null((await petra.DecideAsync(stricter)).Error());

        // No gate any more: it is not stuck behind a digest that nobody can meet, it goes on.
        await PutInForceAsync(
            world,
            Seed.Replace(
                "forbid (principal is Mumega::Agent, action in Mumega::Action::\"pages\", resource);",
                "forbid (principal is Mumega::Agent, action in Mumega::Action::\"pages\", resource) when { false };",
                StringComparison.Ordinal
            ),
            2
        );
        await petra.UntilAsync(page, "SUCCEEDED");
        Assert.Equal("NOT_NEEDED", (await petra.RunAsync(page)).GetProperty("approval").GetProperty("state").GetString());

        // Forbidden while it waits: it ends, and says why.
        var security = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.mode", value = "on" })).Run();
        Assert.Equal("AWAITING_APPROVAL", security.State());
        await PutInForceAsync(
            world,
            Seed
                + "\n@id(\"none\") @reason(\"Not by agents.\") forbid (principal is Mumega::Agent, action == Mumega::Action::\"runtime.set\", resource);",
            3
        );
        Assert.Contains(
            "Not by agents.",
            (await ada.UntilAsync(security, "FAILED")).GetProperty("result").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_revision_goes_through_the_whole_admission()
    {
        var world = await app.WorldAsync();
        var (hermes, ada, petra) = (await world.Hermes, await world.Ada, await world.Petra);
        await world.ConnectAsync("shop", "ok", idempotent: true);
        await world.ConnectAsync("other", "ok", idempotent: true);
        await SucceedAsync(
            ada,
            world,
            "budget.set",
            new
            {
                key = "spend",
                scope = "workspace",
                family = "webhooks",
                minutes = 60,
                amount = 10_000,
                currency = "EUR",
            }
        );

        var run = await ReadyForChangesAsync(hermes, petra, world, "shop", 5_000);
        Assert.Equal("OverBudget", (await ReviseAsync(hermes, run, "shop", 1_000_000)).Error());

        // Through a connection that is stopped; and in another purse.
        Assert.Null((await ada.EngageAsync(world, "CONNECTOR", "other")).Error());
        Assert.Equal("Stopped", (await ReviseAsync(hermes, run, "other", 100)).Error());
        Assert.Equal("OtherCurrency", (await ReviseAsync(hermes, run, "shop", 100, "USD")).Error());

        // Its own share does not stand in its way, is given back, and the new one is reserved.
        var revised = (await ReviseAsync(hermes, run, "shop", 9_000)).Run();
        Assert.Equal("OverBudget", (await SendAsync(hermes, world, "shop", 1_001)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await SendAsync(hermes, world, "shop", 1_000)).Run().State());
        Assert.Null((await petra.DecideAsync(revised)).Error());
        await petra.UntilAsync(revised, "SUCCEEDED");

        // What is refused when it is proposed is refused when it is revised: here a name that only looks like another.
        var role = (
            await ada.ProposeAsync(
                world,
                "role.define",
                new
                {
                    key = "editor",
                    title = "Editor",
                    acts = new[] { "workspace.read" },
                }
            )
        ).Run();
        var bela = await world.PersonAsync("Bela", "admin");
        Assert.Null((await bela.SayAsync(role, "REQUEST_CHANGES", "another name")).Error());
        Assert.Equal(
            "ReservedRole",
            (
                await ReviseAsync(
                    ada,
                    role,
                    new
                    {
                        key = "o-w-n-e-r",
                        title = "Editor",
                        acts = new[] { "workspace.read" },
                    }
                )
            ).Error()
        );
    }

    [Fact]
    public async Task A_revision_moves_the_run_to_the_connection_that_it_is_for_now()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);
        await world.ConnectAsync("first", "ok", idempotent: true);
        await world.ConnectAsync("second", "ok", idempotent: true);
        var run = await ReadyForChangesAsync(hermes, petra, world, "first", 0);
        run = (await ReviseAsync(hermes, run, "second", 0)).Run();

        // The stop of the first is nothing to it, that of the second is.
        Assert.Null((await otto.EngageAsync(world, "CONNECTOR", "first")).Error());
        Assert.Null((await otto.EngageAsync(world, "CONNECTOR", "second")).Error());
        await petra.UntilAsync(run, "HELD");
        Assert.Equal("Stopped", (await petra.DecideAsync(run)).Error());
    }

    [Fact]
    public async Task An_admin_makes_no_link_for_an_owners_invitation()
    {
        var world = await app.WorldAsync();
        var (ada, bela) = (await world.Ada, await world.PersonAsync("Bela", "admin"));
        await SucceedAsync(ada, world, "member.invite", new { email = Address(world, "next"), role = "owner" });
        var invitation = await InvitationAsync(ada, world);
        Assert.Equal("PolicyDenied", (await LinkAsync(bela, world, invitation)).Error());
        Assert.Null((await LinkAsync(ada, world, invitation)).Error());
        Assert.Equal(
            "DENIED",
            (await bela.ProposeAsync(world, "member.invite", new { email = Address(world, "mine"), role = "owner" })).Run().State()
        );
    }

    [Fact]
    public async Task Somebody_whom_one_let_in_counts_as_oneself_until_another_has_verified_them()
    {
        var world = await app.WorldAsync();
        var (ada, bela) = (await world.Ada, await world.PersonAsync("Bela", "admin"));
        using var puppet = await JoinAsync(bela, world, "puppet", "admin");
        var id = await MemberAsync(ada, world, "puppet");

        // The one who let them in opens nothing for them, nor they anything for that one.
        var elevation = (await puppet.ProposeAsync(world, "elevation.take", new { role = "owner", minutes = 60 })).Run();
        Assert.Contains(
            elevation.GetProperty("approval").GetProperty("gates").EnumerateArray(),
            g => g.GetProperty("role").GetString() == "owner"
        );
        Assert.Equal("NotIndependent", (await bela.DecideAsync(elevation)).Error());
        var role = (
            await bela.ProposeAsync(
                world,
                "role.define",
                new
                {
                    key = "editor",
                    title = "Editor",
                    acts = new[] { "workspace.read" },
                }
            )
        ).Run();
        Assert.Equal("NotIndependent", (await puppet.DecideAsync(role)).Error());

        // Not even with an owner's role of their own would an admin do as an owner, by whatever verb.
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "member.grant", new { principal = id, role = "owner" })).Run().State());
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await puppet.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Bela"), role = "auditor" })).Run().State()
        );

        // They can't verify each other; somebody else can, and then they are two.
        Assert.Equal("PREFLIGHT_FAILED", (await bela.ProposeAsync(world, "member.verify", new { principal = id })).Run().State());
        Assert.Equal("PREFLIGHT_FAILED", (await puppet.ProposeAsync(world, "member.verify", new { principal = id })).Run().State());
        await SucceedAsync(ada, world, "member.verify", new { principal = id });
        Assert.Null((await puppet.DecideAsync(role)).Error());
        await ada.UntilAsync(role, "SUCCEEDED");
    }

    [Fact]
    public async Task Two_accounts_that_one_person_let_in_are_one_word()
    {
        var world = await app.WorldAsync();
        var (hermes, ada, petra) = (await world.Hermes, await world.Ada, await world.Petra);
        await world.PersonAsync("Bela", "admin");
        var bela = await world.PersonAsync("Bela", "admin");
        using var one = await JoinAsync(bela, world, "one", "approver");
        using var two = await JoinAsync(bela, world, "two", "approver");
        var run = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.mode", value = "on" })).Run();
        Assert.Null((await one.DecideAsync(run)).Error());
        Assert.Equal("NotIndependent", (await two.DecideAsync(run)).Error());
        Assert.Null((await petra.DecideAsync(run)).Error());
        await ada.UntilAsync(run, "SUCCEEDED");
    }

    [Fact]
    public async Task An_owners_role_for_a_time_takes_an_owner_and_gives_nothing_that_outlives_it()
    {
        var world = await app.WorldAsync();
        var (ada, otto, bela) = (await world.Ada, await world.Otto, await world.PersonAsync("Bela", "admin"));
        var run = (await otto.ProposeAsync(world, "elevation.take", new { role = "owner", minutes = 60 })).Run();
        Assert.Null((await bela.DecideAsync(run)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await ada.RunAsync(run)).State());
        Assert.Null((await ada.DecideAsync(run)).Error());
        await ada.UntilAsync(run, "SUCCEEDED");

        // By grant, invitation, exception or another's agent: not beyond the hour.
        var audra = await world.Audra;
        var until = TimeProvider.System.GetUtcNow();
        foreach (
            var (action, input) in new (string, object)[]
            {
                ("member.grant", new { principal = world.IdOf("Audra"), role = "owner" }),
                (
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Audra"),
                        role = "owner",
                        until = until.AddHours(2),
                    }
                ),
                ("member.invite", new { email = Address(world, "late"), role = "owner" }),
                (
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Audra"),
                        act = "page.publish",
                        effect = "permit",
                    }
                ),
                ("member.verify", new { principal = world.IdOf("Audra") }),
            }
        )
        {
            var refused = (await otto.ProposeAsync(world, action, input)).Run();
            Assert.Equal(
                ("DENIED", "guardrail.no-longer-than-held"),
                (refused.State(), refused.GetProperty("decision").GetProperty("policies")[0].GetString())
            );
        }

        await SucceedAsync(
            otto,
            world,
            "member.grant",
            new
            {
                principal = world.IdOf("Audra"),
                role = "operator",
                until = until.AddMinutes(30),
            }
        );
    }

    [Fact]
    public async Task An_owner_for_a_time_breaks_no_glass()
    {
        var world = await app.WorldAsync();
        var side = await world.OtherWorkspaceAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await SucceedAsync(
            ada,
            world,
            "member.grant",
            new
            {
                principal = world.IdOf("Otto"),
                role = "owner",
                until = TimeProvider.System.GetUtcNow().AddHours(1),
            }
        );
        await side.PersonAsync("Grace", "owner");
        var asked = (
            await otto.AskAsync(
                "mutation($input: RequestElevationInput!) { requestElevation(input: $input) { request { answer } errors { __typename } } }",
                new
                {
                    input = new
                    {
                        workspaceKey = side.Workspace.Key,
                        role = "owner",
                        minutes = 60,
                        breakGlass = true,
                        reason = "nobody is there",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("requestElevation");
        Assert.Equal("OwnersOnly", asked.Error());
    }

    [Fact]
    public async Task An_invitation_ends_with_the_right_of_the_one_who_made_it()
    {
        var world = await app.WorldAsync();
        var (ada, bela, cora) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.PersonAsync("Cora", "admin"));
        await SucceedAsync(bela, world, "member.invite", new { email = Address(world, "late"), role = "admin" });
        var token = Token(await LinkAsync(bela, world, await InvitationAsync(ada, world)));
        await SucceedAsync(ada, world, "member.suspend", new { principal = world.IdOf("Bela") });
        Assert.Equal(
            (HttpStatusCode.NotFound, "INVITATION_VOID"),
            await PostAsync(
                "/session/accept",
                new
                {
                    token,
                    name = "Late",
                    password = Far,
                }
            )
        );
        Assert.Equal(
            "REVOKED",
            (
                await ada.AskAsync(
                    "query($key: String!) { workspace(key: $key) { invitations { state } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("invitations")[0]
                .GetProperty("state")
                .GetString()
        );

        // Not suspended, only no admin any more: the link is taken by nobody either.
        await SucceedAsync(cora, world, "member.invite", new { email = Address(world, "later"), role = "admin" });
        token = Token(await LinkAsync(cora, world, await InvitationAsync(ada, world)));
        await SucceedAsync(ada, world, "member.revoke", new { principal = world.IdOf("Cora"), role = "admin" });
        Assert.Equal(
            (HttpStatusCode.NotFound, "INVITATION_VOID"),
            await PostAsync(
                "/session/accept",
                new
                {
                    token,
                    name = "Later",
                    password = Far,
                }
            )
        );
    }

    [Fact]
    public async Task A_limit_is_lifted_at_the_level_at_which_it_was_set_and_never_by_those_whom_it_limits()
    {
        var world = await app.WorldAsync();
        var (ada, otto, bela, cora) = (
            await world.Ada,
            await world.Otto,
            await world.PersonAsync("Bela", "admin"),
            await world.PersonAsync("Cora", "owner")
        );
        var stop = (await ada.EngageAsync(world, "TENANT")).GetProperty("stop");
        foreach (var somebody in new[] { otto, bela })
            Assert.Equal("DENIED", (await somebody.ReleaseAsync(stop)).Run().State());
        await ada.UntilAsync((await cora.ReleaseAsync(stop)).Run(), "SUCCEEDED");

        // A budget on oneself stays what it is, unless it becomes stricter.
        await SucceedAsync(
            bela,
            world,
            "budget.set",
            new
            {
                key = "otto",
                scope = "person",
                target = world.IdOf("Otto"),
                minutes = 60,
                runs = 5,
            }
        );
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "budget.remove", new { key = "otto" })).Run().State());
        Assert.Equal("DENIED", (
                await otto.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "otto",
                        scope = "person",
                        target = world.IdOf("Otto"),
                        minutes = 60,
                        runs = 6,
                    }
                )
            ).Run().State());
        await SucceedAsync(
            otto,
            world,
            "budget.set",
            new
            {
                key = "otto",
                scope = "person",
                target = world.IdOf("Otto"),
                minutes = 60,
                runs = 4,
            }
        );
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "budget.remove", new { key = "otto" })).Run().State());

        // Set by an owner, and about nobody in particular: an admin does not loosen it.
        await SucceedAsync(
            ada,
            world,
            "budget.set",
            new
            {
                key = "all",
                scope = "workspace",
                minutes = 60,
                runs = 1000,
            }
        );
        Assert.Equal("DENIED", (
                await bela.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "all",
                        scope = "workspace",
                        minutes = 60,
                        runs = 2000,
                    }
                )
            ).Run().State());

        // What a hold keeps is not let go by those whose deed it is, nor by an operator.
        var page = await otto.UntilAsync((await otto.ProposePageAsync(world, "deed")).Run(), "SUCCEEDED");
        var receiptId = await ReceiptAsync(ada, page);
        await SucceedAsync(bela, world, "receipt.hold", new { receiptId });
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "receipt.unhold", new { receiptId })).Run().State());
        await SucceedAsync(ada, world, "receipt.unhold", new { receiptId });
    }

    [Fact]
    public async Task A_limit_that_one_set_on_oneself_first_gives_way_to_anothers()
    {
        var world = await app.WorldAsync();
        var (ada, bela, cora) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.PersonAsync("Cora", "admin"));

        // The same budget: an owner's word from then on.
        var budget = new
        {
            key = "bela",
            scope = "person",
            target = world.IdOf("Bela"),
            minutes = 60,
            runs = 50,
        };
        await SucceedAsync(bela, world, "budget.set", budget);
        await SucceedAsync(ada, world, "budget.set", budget);
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "budget.remove", new { key = "bela" })).Run().State());
        Assert.Equal("DENIED", (await cora.ProposeAsync(world, "budget.remove", new { key = "bela" })).Run().State());

        // A hold on one's own deed.
        var receiptId = await ReceiptAsync(bela, await bela.UntilAsync((await bela.ProposePageAsync(world, "mine")).Run(), "SUCCEEDED"));
        await SucceedAsync(bela, world, "receipt.hold", new { receiptId });
        await SucceedAsync(ada, world, "receipt.hold", new { receiptId });
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "receipt.unhold", new { receiptId })).Run().State());

        // An exception against oneself, and a suspension of an accomplice.
        var exception = new
        {
            principal = world.IdOf("Bela"),
            act = "page.publish",
            effect = "forbid",
        };
        await SucceedAsync(bela, world, "member.override", exception);
        await SucceedAsync(cora, world, "member.override", exception);
        await SucceedAsync(ada, world, "member.override", exception);
        Assert.Equal("DENIED", (
                await cora.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        exception.principal,
                        exception.act,
                        effect = "none",
                    }
                )
            ).Run().State());
        await SucceedAsync(bela, world, "member.suspend", new { principal = world.IdOf("Cora") });
        await SucceedAsync(ada, world, "member.suspend", new { principal = world.IdOf("Cora") });
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "member.resume", new { principal = world.IdOf("Cora") })).Run().State());
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await bela.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Cora") })).Run().State()
        );
        await SucceedAsync(ada, world, "member.resume", new { principal = world.IdOf("Cora") });
    }

    // The first receipt of a run, which is there once the log has it.
    private static Task<string?> ReceiptAsync(Client by, JsonElement run) =>
        Poll.UntilAsync(
            async () =>
                (
                    await by.AskAsync(
                        "query($id: ID!) { node(id: $id) { ... on Run { receipts { receiptId } } } }",
                        new { id = run.GetProperty("id").GetString() }
                    )
                )
                    .GetProperty("node")
                    .GetProperty("receipts")[0]
                    .GetProperty("receiptId")
                    .GetString(),
            id => id is not null
        );

    [Fact]
    public async Task An_admin_suspends_no_owner_and_binds_none_by_an_exception()
    {
        var world = await app.WorldAsync();
        var (bela, cora) = (await world.PersonAsync("Bela", "admin"), await world.PersonAsync("Cora", "owner"));
        await world.Ada;
        Assert.Equal(
            "guardrail.owners-by-owners",
            (await bela.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Cora") }))
                .Run()
                .GetProperty("decision")
                .GetProperty("policies")[0]
                .GetString()
        );
        Assert.Equal(
            "DENIED",
            (await bela.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Cora"), role = "owner" })).Run().State()
        );
        Assert.Equal("DENIED", (
                await bela.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Cora"),
                        act = "page.publish",
                        effect = "forbid",
                    }
                )
            ).Run().State());
        await SucceedAsync(await world.Ada, world, "member.suspend", new { principal = world.IdOf("Cora") });
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "member.resume", new { principal = world.IdOf("Cora") })).Run().State());
    }

    [Fact]
    public async Task What_a_workflow_does_is_stopped_and_counted_for_those_who_set_it_off()
    {
        var world = await app.WorldAsync();
        await world.WorkflowAsync("customer-refund");
        await world.ConnectAsync("payments", "ok", idempotent: true);
        var (hermes, ada, petra, otto) = (await world.Hermes, await world.Ada, await world.Petra, await world.Otto);
        await SucceedAsync(
            ada,
            world,
            "budget.set",
            new
            {
                key = "sends",
                scope = "person",
                family = "webhooks",
                minutes = 60,
                runs = 1,
            }
        );

        async Task<JsonElement> GrantedAsync(Client by, string order)
        {
            var packet = await by.CreatePacketAsync(
                world,
                "refund",
                $"Refund {order}",
                new
                {
                    order,
                    cents = 100,
                    currency = "EUR",
                    reason = "broken",
                }
            );
            Assert.Null((await petra.SayAsync((await by.MoveAsync(packet, "grant")).Run(), "APPROVE", null)).Error());
            return packet;
        }

        // The agent's first one goes out; what follows from its second is over its person's budget, and says so.
        var first = await GrantedAsync(hermes, "a-1");
        await petra.UntilPendingAsync(first, "pay");
        Assert.Null((await petra.SayAsync(await ada.PendingRunAsync(first), "APPROVE", null)).Error());
        await ada.UntilStateAsync(first, "paid");
        var second = await GrantedAsync(hermes, "a-2");
        Assert.Contains(
            "sends",
            (await Poll.UntilAsync(() => ada.PacketAsync(second), p => p.GetProperty("remark").ValueKind is JsonValueKind.String))
                .GetProperty("remark")
                .GetString(),
            StringComparison.Ordinal
        );

        // Another's step is theirs. The agent's stop holds what follows from what the agent did, and not that.
        var third = await GrantedAsync(otto, "b-1");
        await petra.UntilPendingAsync(third, "pay");
        await SucceedAsync(ada, world, "budget.remove", new { key = "sends" });
        var fourth = await GrantedAsync(hermes, "a-3");
        await petra.UntilPendingAsync(fourth, "pay");
        Assert.Null((await ada.EngageAsync(world, "AGENT", world.IdOf("Hermes").ToString())).Error());
        await ada.UntilAsync(await ada.PendingRunAsync(fourth), "HELD");
        Assert.Equal("AWAITING_APPROVAL", (await ada.PendingRunAsync(third)).State());
    }

    [Fact]
    public async Task Whoever_can_sign_in_as_an_agent_opens_no_gate_for_it()
    {
        var world = await app.WorldAsync();
        var (ada, bela, petra) = (await world.Ada, await world.PersonAsync("Bela", "admin", "approver"), await world.Petra);
        var before = (await (await world.Hermes).ProposePageAsync(world, "before")).Run();
        var (id, secret) = await SecretAsync(bela, world, world.IdOf("Hermes"));
        using var asHermes = await Client.WithTokenAsync(app.Address, id, secret);
        var run = (await asHermes.ProposePageAsync(world, "mine")).Run();
        Assert.Equal("OwnDelegatesRequest", (await bela.DecideAsync(run)).Error());
        Assert.Null((await petra.DecideAsync(run)).Error());

        // Nor by giving another input to what it proposed before they could.
        Assert.Null((await petra.SayAsync(before, "REQUEST_CHANGES", "something else")).Error());
        run = (
            await ReviseAsync(
                asHermes,
                before,
                new
                {
                    slug = "before",
                    title = "Mine",
                    markdown = "Mine.",
                }
            )
        ).Run();
        Assert.Equal("OwnDelegatesRequest", (await bela.DecideAsync(run)).Error());

        // Nor by registering one in another's name: that person agrees first, and the one who registered it stands behind it.
        var registered = (
            await bela.ProposeAsync(
                world,
                "agent.register",
                new
                {
                    name = "Hers",
                    purpose = "Looks.",
                    tier = "api",
                    owner = world.IdOf("Ada"),
                    endsAt = TimeProvider.System.GetUtcNow().AddDays(3),
                }
            )
        ).Run();
        Assert.Equal("AWAITING_APPROVAL", registered.State());
        Assert.Equal("RoleRequired", (await petra.DecideAsync(registered)).Error());
        Assert.Null((await ada.DecideAsync(registered)).Error());
        await ada.UntilAsync(registered, "SUCCEEDED");
        var hers = await MemberAsync(ada, world, "Hers");
        (id, secret) = await SecretAsync(ada, world, hers);
        using var asHers = await Client.WithTokenAsync(app.Address, id, secret);
        run = (await asHers.ProposePageAsync(world, "hers")).Run();
        Assert.Equal("OwnDelegatesRequest", (await bela.DecideAsync(run)).Error());

        // Once out of action, they leave nothing that works on with what they know.
        (id, secret) = await SecretAsync(bela, world, hers);
        using var still = await Client.WithTokenAsync(app.Address, id, secret);
        await SucceedAsync(ada, world, "member.suspend", new { principal = world.IdOf("Bela") });
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await still.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "agent.resume", new { agentId = hers })).Run().State());
    }

    [Fact]
    public async Task An_agent_may_do_what_its_owner_may_today()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var agent = await RegisterAsync(otto, world, "Scout", "Otto");
        var (id, secret) = await SecretAsync(otto, world, agent);
        using var scout = await Client.WithTokenAsync(app.Address, id, secret);
        Assert.Equal("AWAITING_APPROVAL", (await scout.ProposePageAsync(world, "one")).Run().State());
        await SucceedAsync(
            ada,
            world,
            "member.override",
            new
            {
                principal = world.IdOf("Otto"),
                act = "page.publish",
                effect = "forbid",
            }
        );
        var denied = (await scout.ProposePageAsync(world, "two")).Run();
        Assert.Equal("DENIED", denied.State());
        Assert.StartsWith(
            "Otto, who answers for the agent, may not",
            denied.GetProperty("decision").GetProperty("reason").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_word_counts_while_the_one_who_gave_it_may_decide()
    {
        var world = await app.WorldAsync();
        var (hermes, ada, petra, pavel) = (await world.Hermes, await world.Ada, await world.Petra, await world.Pavel);
        var run = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.mode", value = "on" })).Run();
        Assert.Null((await petra.DecideAsync(run)).Error());
        await SucceedAsync(ada, world, "member.suspend", new { principal = world.IdOf("Petra") });
        Assert.Null((await pavel.DecideAsync(run)).Error());

        // Two had said yes, and one of them counts.
        var again = await Poll.UntilAsync(
            () => ada.RunAsync(run),
            r => r.State() == "AWAITING_APPROVAL" && r.GetProperty("approval").GetProperty("round").GetInt32() == 1
        );
        Assert.Equal(2, again.GetProperty("approval").GetProperty("gates")[0].GetProperty("missing").GetInt32());
        Assert.Null((await pavel.DecideAsync(again)).Error());
        Assert.Null((await (await world.Otto).DecideAsync(again)).Error());
        await ada.UntilAsync(run, "SUCCEEDED");
    }

    [Fact]
    public async Task Undoing_an_undo_counts_against_the_budget()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await SucceedAsync(
            ada,
            world,
            "budget.set",
            new
            {
                key = "settings",
                scope = "person",
                family = "runtime",
                minutes = 60,
                runs = 1,
            }
        );
        var set = await otto.UntilAsync((await otto.ProposeAsync(world, "runtime.set", new { key = "a", value = "1" })).Run(), "SUCCEEDED");
        var undone = await otto.UntilAsync((await otto.RollBackAsync(set)).Run(), "SUCCEEDED");
        Assert.Equal("OverBudget", (await otto.RollBackAsync(undone)).Error());
    }

    [Fact]
    public async Task Policies_that_leave_no_way_back_are_refused_and_those_that_were_stranded_before_are_not_in_the_way()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        await world.PersonAsync("Bela", "admin");
        string? Detail(JsonElement run, string check) =>
            run.GetProperty("preflight")
                .GetProperty("checks")
                .EnumerateArray()
                .Single(c => c.GetProperty("name").GetString() == check)
                .GetProperty("detail")
                .GetString();
        async Task<JsonElement> TryAsync(string text, int replaces = 1) =>
            (await ada.ProposeAsync(world, "policy.replace", new { text, replaces })).Run();

        // Nobody could decide, nobody could release, owners could not propose.
        var undecided = await TryAsync(
            Seed.Replace(
                "@id(\"approvers-decide\")",
                "@id(\"nobody\") forbid (principal, action == Mumega::Action::\"approval.decide\", resource);\n@id(\"approvers-decide\")",
                StringComparison.Ordinal
            )
        );
        Assert.Equal("PREFLIGHT_FAILED", undecided.State());
        Assert.Contains("Nobody could change the policies again", Detail(undecided, "way back"), StringComparison.Ordinal);
        var stopped = await TryAsync(Seed + "\n@id(\"stays\") forbid (principal, action == Mumega::Action::\"stop.release\", resource);");
        Assert.Contains("Nobody could have an engaged stop released", Detail(stopped, "way back"), StringComparison.Ordinal);
        var owners = await TryAsync(
            Seed
                + "\n@id(\"no-owners\") forbid (principal in Mumega::Role::\"owner\", action == Mumega::Action::\"policy.replace\", resource);"
        );
        Assert.Contains("Nobody could change the policies again", Detail(owners, "way back"), StringComparison.Ordinal);

        // A gate that nobody can open today stands in nobody's way.
        var auditor =
            Seed + "\n@id(\"audited\") @gate(\"auditor\") forbid (principal, action == Mumega::Action::\"page.unpublish\", resource);";
        await world.Audra;
        await PutInForceAsync(world, auditor);
        await SucceedAsync(ada, world, "member.revoke", new { principal = world.IdOf("Audra"), role = "auditor" });
        await PutInForceAsync(world, auditor + "\n// a word more", 2);
    }

    [Fact]
    public async Task A_tokens_scopes_are_a_ceiling_for_taking_back_too()
    {
        var world = await app.WorldAsync();
        var hermes = await world.Hermes;
        var run = (await hermes.ProposePageAsync(world, "mine")).Run();
        using var reader = await Client.WithTokenAsync(app.Address, world.AgentClientId, world.AgentSecret, "mumega:read");
        Assert.Equal("PolicyDenied", (await reader.CancelAsync(run)).Error());
        Assert.Equal("CANCELLED", (await hermes.CancelAsync(run)).Run().State());
    }

    [Fact]
    public async Task An_exception_against_a_plain_forbid_is_refused_and_names_what_would_help()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        await world.PersonAsync("Bela", "admin");
        await world.Audra;
        await PutInForceAsync(world, Seed + "\n@id(\"closed\") forbid (principal, action == Mumega::Action::\"page.publish\", resource);");
        var run = (
            await ada.ProposeAsync(
                world,
                "member.override",
                new
                {
                    principal = world.IdOf("Audra"),
                    act = "page.publish",
                    effect = "permit",
                }
            )
        ).Run();
        Assert.Equal("PREFLIGHT_FAILED", run.State());
        Assert.Contains(
            run.GetProperty("preflight").GetProperty("checks").EnumerateArray(),
            c => c.GetProperty("detail").GetString()!.Contains("closed", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Budgets_differ_by_tier_and_a_withheld_permit_says_why()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var (background, beside) = (
            await RegisterAsync(otto, world, "Night", "Otto", "background"),
            await RegisterAsync(otto, world, "Day", "Otto")
        );
        var (nightId, nightSecret) = await SecretAsync(otto, world, background);
        var (dayId, daySecret) = await SecretAsync(otto, world, beside);
        using var night = await Client.WithTokenAsync(app.Address, nightId, nightSecret);
        using var day = await Client.WithTokenAsync(app.Address, dayId, daySecret);
        await SucceedAsync(
            ada,
            world,
            "budget.set",
            new
            {
                key = "night",
                scope = "agent",
                tier = "background",
                minutes = 60,
                runs = 1,
            }
        );
        Assert.Equal("AWAITING_APPROVAL", (await night.ProposePageAsync(world, "n-1")).Run().State());
        Assert.Equal("OverBudget", (await night.ProposePageAsync(world, "n-2")).Error());
        for (var i = 0; i < 3; i++)
            Assert.Equal("AWAITING_APPROVAL", (await day.ProposePageAsync(world, $"d-{i}")).Run().State());

        await world.PersonAsync("Bela", "admin");
        await PutInForceAsync(
            world,
            Seed.Replace(
                "when { principal in Mumega::Role::\"agent\" };",
                "when { principal in Mumega::Role::\"agent\" }\nunless { principal has tier && principal.tier == \"background\" };",
                StringComparison.Ordinal
            )
        );
        var denied = (await night.ProposeAsync(world, "runtime.set", new { key = "a", value = "1" })).Run();
        Assert.Equal("DENIED", denied.State());
        Assert.Contains("agents-propose", denied.GetProperty("decision").GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Contains("tier", denied.GetProperty("decision").GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    private static string Seed => PolicyBook.Seed;

    private static async Task<JsonElement> SucceedAsync(Client by, World world, string action, object input) =>
        await by.UntilAsync((await by.ProposeAsync(world, action, input)).Run(), "SUCCEEDED");

    private static async Task PutInForceAsync(World world, string text, int replaces = 1)
    {
        var run = (await (await world.Ada).ProposeAsync(world, "policy.replace", new { text, replaces })).Run();
        Assert.True(run.State() == "AWAITING_APPROVAL", run.ToString());
        Assert.Null((await (await world.PersonAsync("Bela", "admin")).DecideAsync(run)).Error());
        await (await world.Ada).UntilAsync(run, "SUCCEEDED");
    }

    private static async Task ReleaseAsync(World world, JsonElement stop) =>
        await (await world.Ada).UntilAsync((await (await world.Ada).ReleaseAsync(stop)).Run(), "SUCCEEDED");

    private static Task<JsonElement> SendAsync(Client by, World world, string connection, int amount, string currency = "EUR") =>
        by.ProposeAsync(world, "webhook.send", Message(connection, amount, currency));

    private static object Message(string connection, int amount, string currency) =>
        new
        {
            connection,
            @event = "pay",
            data = new { n = amount },
            cost = new { amount, currency },
        };

    private static async Task<JsonElement> ReadyForChangesAsync(Client by, Client approver, World world, string connection, int amount)
    {
        var run = (await SendAsync(by, world, connection, amount)).Run();
        Assert.Null((await approver.SayAsync(run, "REQUEST_CHANGES", "something else")).Error());
        return run;
    }

    private static Task<JsonElement> ReviseAsync(Client by, JsonElement run, string connection, int amount, string currency = "EUR") =>
        ReviseAsync(by, run, Message(connection, amount, currency));

    private static async Task<JsonElement> ReviseAsync(Client by, JsonElement run, object input) =>
        (
            await by.AskAsync(
                "mutation($input: ReviseRunInput!) { reviseRun(input: $input) { run { id state digest approval { id state digest } } errors { __typename code message } } }",
                new
                {
                    input = new
                    {
                        runId = run.GetProperty("id").GetString(),
                        input,
                        reason = "as asked",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("reviseRun");

    private static string Address(World world, string name) => $"{name}@{world.Tenant.Key}.test";

    private static async Task<string> InvitationAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { invitations { invitationId state } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("invitations")[0]
            .GetProperty("invitationId")
            .GetString()!;

    private static async Task<JsonElement> LinkAsync(Client client, World world, string invitationId) =>
        (
            await client.AskAsync(
                "mutation($input: LinkInvitationInput!) { linkInvitation(input: $input) { link errors { __typename } } }",
                new { input = new { workspaceId = world.WorkspaceId, invitationId } }
            )
        ).GetProperty("linkInvitation");

    private static string Token(JsonElement payload) => payload.GetProperty("link").GetString()!.Split('#')[1];

    // Invited, linked and come in by the link.
    private async Task<Client> JoinAsync(Client by, World world, string name, string role)
    {
        await SucceedAsync(by, world, "member.invite", new { email = Address(world, name), role });
        var token = Token(await LinkAsync(by, world, await InvitationAsync(by, world)));
        Assert.Equal(
            (HttpStatusCode.NoContent, null),
            await PostAsync(
                "/session/accept",
                new
                {
                    token,
                    name,
                    password = Far,
                }
            )
        );
        var client = await Client.SignInAsync(app.Address, Address(world, name), Far);
        client.Confirms = _ => ("PASSWORD", Far);
        return client;
    }

    private static async Task<Guid> MemberAsync(Client client, World world, string name) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { members { principalId name } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("members")
            .EnumerateArray()
            .Single(m => m.GetProperty("name").GetString() == name)
            .GetProperty("principalId")
            .GetGuid();

    private static async Task<Guid> RegisterAsync(Client by, World world, string name, string owner, string tier = "interactive")
    {
        await SucceedAsync(
            by,
            world,
            "agent.register",
            new
            {
                name,
                purpose = "Looks around.",
                tier,
                owner = world.IdOf(owner),
                endsAt = TimeProvider.System.GetUtcNow().AddDays(30),
            }
        );
        return await MemberAsync(by, world, name);
    }

    private static async Task<(string Id, string Secret)> SecretAsync(Client by, World world, Guid agent)
    {
        var issued = (
            await by.AskAsync(
                "mutation($input: IssueAgentSecretInput!) { issueAgentSecret(input: $input) { clientId secret errors { __typename } } }",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        agentId = agent,
                        reason = "another one",
                    },
                }
            )
        ).GetProperty("issueAgentSecret");
        Assert.Null(issued.Error());
        return (issued.GetProperty("clientId").GetString()!, issued.GetProperty("secret").GetString()!);
    }

    private async Task<(HttpStatusCode Status, string? Code)> PostAsync(string path, object body)
    {
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var answer = await http.PostAsJsonAsync(path, body, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return (
            answer.StatusCode,
            text.Length > 0 && JsonDocument.Parse(text).RootElement.TryGetProperty("code", out var code) ? code.GetString() : null
        );
    }
}

public sealed class AuthorityOnSqlite(SqliteApp app) : AuthorityTests(app);

public sealed class AuthorityOnPostgres(PostgresApp app) : AuthorityTests(app);

public sealed class AuthorityOnSqlServer(SqlServerApp app) : AuthorityTests(app);
