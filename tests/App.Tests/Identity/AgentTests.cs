using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Identity;

/// <summary>Agents: somebody answers for them, they sign in with what they were given, act on behalf of others, and end with their owner.</summary>
public abstract class AgentTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_is_registered_signs_in_is_certified_again_and_retired_and_one_of_the_same_name_inherits_nothing()
    {
        var world = await app.WorldAsync();
        var (ada, otto, petra) = (await world.Ada, await world.Otto, await world.Petra);
        var agent = await RegisterAsync(world, otto, "Scout");
        var (clientId, secret) = await SecretAsync(world, otto, agent);
        using (var scout = await Client.WithTokenAsync(app.Address, clientId, secret))
            Assert.Equal("AWAITING_APPROVAL", (await scout.ProposePageAsync(world, "scouted")).Run().State());

        // Another secret: the first holds no longer, nor do its tokens.
        using var old = await Client.WithTokenAsync(app.Address, clientId, secret);
        var (_, renewed) = await SecretAsync(world, otto, agent);
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await old.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal(
            "invalid_client",
            (await TokenAsync(("grant_type", "client_credentials"), ("client_id", clientId), ("client_secret", secret))).Error()
        );

        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "agent.recertify",
                    new
                    {
                        agentId = agent,
                        endsAt = TimeProvider.System.GetUtcNow().AddDays(300),
                        purpose = "Looks further.",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var seen = await AgentAsync(world, ada, agent);
        Assert.Equal(
            ("Looks further.", "Otto", "INTERACTIVE"),
            (
                seen.GetProperty("purpose").GetString(),
                seen.GetProperty("owner").GetProperty("name").GetString(),
                seen.GetProperty("tier").GetString()
            )
        );
        Assert.Equal(JsonValueKind.String, seen.GetProperty("credentials").GetProperty("secretIssuedAt").ValueKind);

        // For good, so a person looks first.
        using var scouting = await Client.WithTokenAsync(app.Address, clientId, renewed);
        var page = (await scouting.ProposePageAsync(world, "last-words")).Run();
        var retire = (await otto.ProposeAsync(world, "agent.retire", new { agentId = agent })).Run();
        Assert.Equal("AWAITING_APPROVAL", retire.State());
        await petra.DecideAsync(retire);
        await otto.UntilAsync(retire, "SUCCEEDED");
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await scouting.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal(
            "invalid_client",
            (await TokenAsync(("grant_type", "client_credentials"), ("client_id", clientId), ("client_secret", renewed))).Error()
        );
        Assert.Equal("PREFLIGHT_FAILED", (await otto.ProposeAsync(world, "agent.resume", new { agentId = agent })).Run().State());

        // What it proposed is still its own in the record, and can't run in its name any more.
        Assert.Equal(
            "Scout",
            (
                await ada.AskAsync(
                    "query($id: ID!) { node(id: $id) { ... on Run { proposedBy { name } } } }",
                    new { id = page.GetProperty("id").GetString() }
                )
            )
                .GetProperty("node")
                .GetProperty("proposedBy")
                .GetProperty("name")
                .GetString()
        );
        Assert.Equal("PolicyDenied", (await petra.DecideAsync(page)).Error());
        Assert.Equal("FAILED", (await ada.RunAsync(page)).State());
        Assert.Equal(JsonValueKind.String, (await AgentAsync(world, ada, agent)).GetProperty("retiredAt").ValueKind);

        var again = await RegisterAsync(world, otto, "Scout");
        Assert.NotEqual(agent, again);
        var fresh = await AgentAsync(world, ada, again);
        Assert.Equal(
            (JsonValueKind.Null, 0, 0),
            (
                fresh.GetProperty("credentials").GetProperty("secretIssuedAt").ValueKind,
                fresh.GetProperty("credentials").GetProperty("keys").GetArrayLength(),
                fresh.GetProperty("credentials").GetProperty("liveTokens").GetInt32()
            )
        );
        Assert.NotEqual(clientId, fresh.GetProperty("clientId").GetString());
    }

    [Fact]
    public async Task What_can_not_be_an_agent_is_refused()
    {
        var world = await app.WorldAsync();
        var (otto, audra, hermes) = (await world.Otto, await world.Audra, await world.Hermes);
        object Input(object? owner = null, int days = 30) =>
            new
            {
                name = "X",
                purpose = "tries",
                tier = "api",
                owner = owner ?? world.IdOf("Otto"),
                endsAt = TimeProvider.System.GetUtcNow().AddDays(days),
            };
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "agent.register", Input(days: -1))).Error());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "agent.register", Input(days: 400))).Error());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "agent.register", Input(world.IdOf("Hermes")))).Error());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "agent.register", Input(Guid.NewGuid()))).Error());
        Assert.Equal("DENIED", (await audra.ProposeAsync(world, "agent.register", Input())).Run().State());
        Assert.Equal("DENIED", (await hermes.ProposeAsync(world, "agent.register", Input())).Run().State());
        Assert.Equal("PolicyDenied", (await IssueAsync(world, hermes, world.IdOf("Hermes"))).Error());
        Assert.Equal("PolicyDenied", (await IssueAsync(world, audra, world.IdOf("Hermes"))).Error());
        Assert.Equal("NotFound", (await IssueAsync(world, otto, world.IdOf("Otto"))).Error());
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal(
            "InvalidInput",
            (
                await otto.ProposeAsync(
                    world,
                    "agent.keys",
                    new
                    {
                        agentId = world.IdOf("Hermes"),
                        keys = new[] { JsonSerializer.Serialize(JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new(pair))) },
                    }
                )
            ).Error()
        );
    }

    [Fact]
    public async Task Keys_are_changed_with_an_overlap_and_a_key_that_is_left_out_signs_in_no_more()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var agent = await RegisterAsync(world, otto, "Keyed");
        var clientId = (await AgentAsync(world, otto, agent)).GetProperty("clientId").GetString()!;
        using var first = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var second = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        async Task SetAsync(params (string Name, ECDsa Key)[] keys) =>
            await otto.UntilAsync(
                (
                    await otto.ProposeAsync(
                        world,
                        "agent.keys",
                        new { agentId = agent, keys = keys.Select(k => TokenTests.PublicJwk(k.Key, k.Name)) }
                    )
                ).Run(),
                "SUCCEEDED"
            );

        await SetAsync(("k1", first));
        Assert.NotNull((await SignInAsync(clientId, first, "k1")).Token());
        await SetAsync(("k1", first), ("k2", second));
        using var between = Client.Bearer(app.Address, (await SignInAsync(clientId, first, "k1")).Token()!);
        Assert.NotNull((await SignInAsync(clientId, second, "k2")).Token());
        Assert.Equal(
            ["k1", "k2"],
            (await AgentAsync(world, otto, agent))
                .GetProperty("credentials")
                .GetProperty("keys")
                .EnumerateArray()
                .Select(k => k.GetString())
        );
        await SetAsync(("k2", second));
        Assert.Equal("invalid_client", (await SignInAsync(clientId, first, "k1")).Error());
        Assert.NotNull((await SignInAsync(clientId, second, "k2")).Token());
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await between.AnswerAsync("{ viewer { tenant } }")));
    }

    [Fact]
    public async Task A_token_that_may_only_read_changes_nothing_of_its_persons_account()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var reader = Client.Bearer(app.Address, await PersonTokenAsync(world, "Otto", "mumega:read"));
        var sessions = (await otto.AskAsync("{ viewer { sessions { sessionId } } }")).GetProperty("viewer").GetProperty("sessions");
        var key = Acts.Key();
        foreach (
            var (act, input) in new (string, object)[]
            {
                ("changePassword", new { password = "quite another password", idempotencyKey = key }),
                ("beginAuthenticator", new { idempotencyKey = key }),
                ("renewRecoveryCodes", new { idempotencyKey = key }),
                ("removeAuthenticator", new { idempotencyKey = key }),
                ("beginPasskey", new { idempotencyKey = key }),
                ("endSession", new { sessionId = sessions[0].GetProperty("sessionId").GetString() }),
            }
        )
        {
            var type = act is "beginAuthenticator" or "renewRecoveryCodes" or "removeAuthenticator" or "beginPasskey"
                ? "AccountInput"
                : $"{char.ToUpperInvariant(act[0])}{act[1..]}Input";
            var answer = await reader.AskAsync(
                $"mutation($input: {type}!) {{ {act}(input: $input) {{ errors {{ __typename }} }} }}",
                new { input }
            );
            Assert.Equal("ScopeRequired", answer.GetProperty(act).Error());
        }

        Assert.Equal(
            sessions.GetArrayLength(),
            (await otto.AskAsync("{ viewer { sessions { sessionId } } }")).GetProperty("viewer").GetProperty("sessions").GetArrayLength()
        );
    }

    [Fact]
    public async Task Whoever_first_set_a_key_stays_behind_it_whoever_keeps_it_or_brings_it_back()
    {
        var world = await app.WorldAsync();
        var (otto, ada, petra) = (await world.Otto, await world.Ada, await world.Petra);
        var bela = await world.PersonAsync("Bela", "admin", "approver");
        var agent = await RegisterAsync(world, otto, "Keyed");
        var clientId = (await AgentAsync(world, otto, agent)).GetProperty("clientId").GetString()!;
        using var hers = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        async Task SetAsync(Client by, params string[] keys) =>
            await by.UntilAsync((await by.ProposeAsync(world, "agent.keys", new { agentId = agent, keys })).Run(), "SUCCEEDED");
        async Task HoldsAsync()
        {
            var token = (await SignInAsync(clientId, hers, "k1", "mumega:read mumega:propose")).Token()!;
            using var asKeyed = Client.Bearer(app.Address, token);
            var run = (await asKeyed.ProposePageAsync(world, $"keyed-{Guid.NewGuid():N}")).Run();
            Assert.Equal("OwnDelegatesRequest", (await bela.DecideAsync(run)).Error());
            Assert.Null((await petra.DecideAsync(run)).Error());
        }

        var (one, two) = (TokenTests.PublicJwk(hers, "k1"), TokenTests.PublicJwk(other, "k2"));
        await SetAsync(bela, one);
        await HoldsAsync();
        await SetAsync(ada, one, two);
        await HoldsAsync();

        // Under another name and with members in another order it is the same key.
        var spelt = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(one)!.Reverse().ToDictionary(m => m.Key, m => m.Value);
        spelt["kid"] = JsonSerializer.SerializeToElement("k1");
        await SetAsync(ada, two);
        await SetAsync(ada, JsonSerializer.Serialize(spelt));
        await HoldsAsync();

        // And when they are out of action, so is the agent.
        await ada.UntilAsync((await ada.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Bela") })).Run(), "SUCCEEDED");
        Assert.Equal("invalid_grant", (await SignInAsync(clientId, hers, "k1")).Error());
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "agent.resume", new { agentId = agent })).Run().State());
        await SetAsync(ada, two);
        await ada.UntilAsync((await ada.ProposeAsync(world, "agent.resume", new { agentId = agent })).Run(), "SUCCEEDED");
        Assert.NotNull((await SignInAsync(clientId, other, "k2")).Token());
    }

    [Fact]
    public async Task A_token_is_handed_to_an_agent_that_acts_with_what_both_may_and_the_chain_shows()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        await world.Hermes;
        await world.AgentAsync("Helper");
        var person = await PersonTokenAsync(world, "Otto", "mumega:read mumega:propose mumega:decide");

        // The person's token is good for itself; handed over it is good for nothing but the exchange.
        var handed = (await HandOverAsync(person, world.AgentClientId)).Token()!;
        Assert.Equal(
            "UNAUTHENTICATED",
            GovernedActionTests.Code(await Client.Bearer(app.Address, handed).AnswerAsync("{ viewer { tenant } }"))
        );
        Assert.NotNull((await ExchangeAsync(world, "helper", handed)).Error());

        var acting = await ExchangeAsync(world, "Hermes", handed);
        var claims = Claims(acting.Token()!);
        Assert.Equal(world.IdOf("Otto").ToString(), claims.GetProperty("sub").GetString());
        Assert.Equal(world.IdOf("Hermes").ToString(), claims.GetProperty("act").GetProperty("sub").GetString());
        Assert.True(claims.GetProperty("exp").GetInt64() <= Claims(person).GetProperty("exp").GetInt64());
        Assert.DoesNotContain("mumega:decide", claims.GetProperty("scope").ToString(), StringComparison.Ordinal);

        // On to a second agent: the chain has all three.
        var further = await ExchangeAsync(
            world,
            "Helper",
            (await HandOverAsync(acting.Token()!, ClientIdOf(world, "Helper"), world, "Hermes")).Token()!
        );
        var chain = Claims(further.Token()!).GetProperty("act");
        Assert.Equal(
            (world.IdOf("Helper").ToString(), world.IdOf("Hermes").ToString()),
            (chain.GetProperty("sub").GetString(), chain.GetProperty("act").GetProperty("sub").GetString())
        );

        using var helper = Client.Bearer(app.Address, further.Token()!);
        var run = (await helper.ProposePageAsync(world, "by-helper")).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());

        // Nobody in the chain decides on it, nor who answers for one of them; the person at its root neither.
        Assert.Equal("OwnDelegatesRequest", (await otto.DecideAsync(run)).Error());
        Assert.Equal("OwnAgentsRequest", (await (await world.Ada).DecideAsync(run)).Error());
        Assert.Equal("HumanRequired", (await helper.DecideAsync(run)).Error());
        await petra.DecideAsync(run);
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        var fields = done.GetProperty("receipts")
            .EnumerateArray()
            .First(r => r.GetProperty("kind").GetString() == "proposed")
            .GetProperty("fields");
        Assert.Equal(world.IdOf("Otto").ToString(), fields.GetProperty("on_behalf_of").GetString());
        Assert.Equal(
            [world.IdOf("Otto").ToString(), world.IdOf("Hermes").ToString()],
            fields.GetProperty("actor_chain").EnumerateArray().Select(l => l.GetString()!)
        );

        // Whoever may less bounds everybody behind: Audra only reads, whatever the agent may propose.
        await world.Audra;
        var audras = await ExchangeAsync(
            world,
            "Hermes",
            (await HandOverAsync(await PersonTokenAsync(world, "Audra", "mumega:read mumega:propose"), world.AgentClientId)).Token()!
        );
        var denied = (await Client.Bearer(app.Address, audras.Token()!).ProposePageAsync(world, "by-audra")).Run();
        Assert.Equal("DENIED", denied.State());
        Assert.Contains(
            "Audra, on whose behalf",
            denied.GetProperty("decision").GetProperty("reason").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task What_an_exchange_may_not_widen_it_refuses()
    {
        var (world, other) = (await app.WorldAsync(), await app.WorldAsync());
        await world.Otto;
        await world.Hermes;
        await other.Hermes;
        foreach (var name in new[] { "A1", "A2", "A3" })
            await world.AgentAsync(name);
        var person = await PersonTokenAsync(world, "Otto", "mumega:read");
        var handed = (await HandOverAsync(person, world.AgentClientId)).Token()!;

        Assert.Equal("invalid_scope", (await ExchangeAsync(world, "Hermes", handed, ("scope", "mumega:read mumega:propose"))).Error());
        Assert.Equal(
            "invalid_request",
            (
                await ExchangeAsync(
                    world,
                    "Hermes",
                    (
                        await HandOverAsync(
                            await PersonTokenAsync(world, "Otto", "mumega:read mumega:decide"),
                            world.AgentClientId,
                            null,
                            null
                        )
                    ).Token()!,
                    ("scope", "mumega:decide")
                )
            ).Error()
        );
        Assert.Equal(
            "invalid_target",
            (await ExchangeAsync(world, "Hermes", handed, ("resource", "https://elsewhere.example/graphql"))).Error()
        );
        Assert.Equal("invalid_target", (await HandOverAsync(person, other.AgentClientId)).Error());
        Assert.Equal("invalid_target", (await HandOverAsync(person, "nobody")).Error());
        Assert.NotNull((await ExchangeAsync(other, "Hermes", handed)).Error());
        Assert.NotNull((await ExchangeAsync(world, "Hermes", person)).Error());
        Assert.Equal(
            "invalid_request",
            (await ExchangeAsync(world, "Hermes", handed, ("actor_token", handed), ("actor_token_type", AccessToken))).Error()
        );

        // An agent that only holds what was handed to it can't hand it on unseen; and there is an end to handing on.
        Assert.Equal("invalid_target", (await HandOverAsync(handed, ClientIdOf(world, "A1"), world, "Hermes")).Error());
        var token = (await ExchangeAsync(world, "Hermes", handed)).Token()!;
        var before = "Hermes";
        foreach (var next in new[] { "A1", "A2" })
        {
            token = (
                await ExchangeAsync(world, next, (await HandOverAsync(token, ClientIdOf(world, next), world, before)).Token()!)
            ).Token()!;
            before = next;
        }

        Assert.Equal("invalid_target", (await HandOverAsync(token, ClientIdOf(world, "A3"), world, "A2")).Error());
        Assert.Equal("invalid_target", (await HandOverAsync(token, world.AgentClientId, world, "A2")).Error());

        // A narrower one of its own stays within it, and dies with it.
        var own = await ExchangeAsync(world, "Hermes", (await world.Hermes).Token!, ("scope", "mumega:read"));
        Assert.False(Claims(own.Token()!).TryGetProperty("act", out _));
        using var narrow = Client.Bearer(app.Address, own.Token()!);
        Assert.Equal("DENIED", (await narrow.ProposePageAsync(world, "narrow")).Run().State());
        await PostAsync(
            "/connect/revocation",
            ("client_id", world.AgentClientId),
            ("client_secret", world.AgentSecret),
            ("token", (await world.Hermes).Token!)
        );
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await narrow.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal("invalid_grant", (await ExchangeAsync(world, "Hermes", (await world.Hermes).Token!)).Error());
    }

    [Fact]
    public async Task Suspending_a_person_ends_three_agents_and_five_child_tokens_within_two_seconds_fifty_times()
    {
        const int Rounds = 50;
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var agents = new List<(string ClientId, string Secret)>();
        foreach (var name in new[] { "One", "Two", "Three" })
            agents.Add(await SecretAsync(world, otto, await RegisterAsync(world, otto, name)));
        await world.Hermes;

        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            // A person with a browser, three agents, five tokens made from theirs, and an open socket of each kind.
            using var browser = await Client.SignInAsync(app.Address, world.Email("Otto"), World.Password);
            var person = await PersonTokenAsync(world, "Otto", "mumega:read mumega:propose");
            var tokens = new List<string> { person };
            foreach (var (id, secret) in agents)
                tokens.Add(
                    (
                        await TokenAsync(
                            ("grant_type", "client_credentials"),
                            ("client_id", id),
                            ("client_secret", secret),
                            ("scope", "mumega:read")
                        )
                    ).Token()!
                );
            var children = new List<string>();
            for (var i = 0; i < 2; i++)
                children.Add((await ExchangeAsync(agents[i], (await HandOverAsync(person, agents[i].ClientId)).Token()!)).Token()!);
            for (var i = 0; i < 2; i++)
                children.Add((await ExchangeAsync(agents[i], tokens[1 + i], ("scope", "mumega:read"))).Token()!);

            // Somebody else's agent on behalf of one of them.
            children.Add(
                (
                    await ExchangeAsync(
                        world,
                        "Hermes",
                        (await HandOverAsync(tokens[3], world.AgentClientId, null, null, agents[2])).Token()!
                    )
                ).Token()!
            );
            tokens.AddRange(children);
            var sockets = new List<ClientWebSocket>();
            foreach (var token in new[] { person, tokens[1], children[0], children[4] })
                sockets.Add(await Sockets.SubscribeAsync(app, token, world));
            foreach (var token in tokens)
                await Client.Bearer(app.Address, token).AskAsync("{ viewer { tenant } }");

            var run = (await ada.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Otto") })).Run();
            await Poll.UntilAsync(() => StateAsync(world, run), state => state == "SUCCEEDED");
            var begun = TimeProvider.System.GetTimestamp();
            await Task.WhenAll(
                Task.WhenAll(
                    tokens.Select(async token =>
                        Assert.Equal(
                            "UNAUTHENTICATED",
                            GovernedActionTests.Code(await Client.Bearer(app.Address, token).AnswerAsync("{ viewer { tenant } }"))
                        )
                    )
                ),
                Task.WhenAll(sockets.Select(Sockets.ClosedAsync))
            );
            Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await browser.AnswerAsync("{ viewer { tenant } }")));
            var took = TimeProvider.System.GetElapsedTime(begun);
            Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(2));
            times.Add(took.TotalMilliseconds);

            if (round == 0)
            {
                Assert.NotNull(
                    (
                        await TokenAsync(
                            ("grant_type", "client_credentials"),
                            ("client_id", agents[0].ClientId),
                            ("client_secret", agents[0].Secret)
                        )
                    ).Error()
                );
                await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
                Assert.Equal(4, await db.Receipts.CountAsync(r => r.Action == "principal.suspended", Ct));
                Assert.Equal(3, await db.Receipts.CountAsync(r => r.ReasonCode == "owner.suspended", Ct));
            }

            await ada.UntilAsync(
                (await ada.ProposeAsync(world, "member.resume", new { principal = world.IdOf("Otto") })).Run(),
                "SUCCEEDED"
            );
            foreach (var socket in sockets)
                socket.Dispose();
        }

        times.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine($"refused after ms: p50 {times[Rounds / 2]:0} p99 {times[(int)(Rounds * 0.99)]:0}");
    }

    [Fact]
    public async Task Who_looks_after_a_person_suspends_them_and_nobody_else()
    {
        var world = await app.WorldAsync();
        var (ada, otto, audra) = (await world.Ada, await world.Otto, await world.Audra);
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await ada.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Ada") })).Run().State()
        );
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Audra") })).Run().State());
        var bela = await world.PersonAsync("Bela", "admin");
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Ada") })).Run().State());

        // Otto also works where Bela has nothing to say.
        var side = await world.OtherWorkspaceAsync();
        await app
            .Services.GetRequiredService<Api.Setup.Installation>()
            .GrantAsync(side.Workspace, await PrincipalAsync(world, "Otto"), ["operator"], Ct);
        var refused = (await bela.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Otto") })).Run();
        Assert.Equal("PREFLIGHT_FAILED", refused.State());
        Assert.Contains(
            refused.GetProperty("preflight").GetProperty("checks").EnumerateArray(),
            c => c.GetProperty("name").GetString() == "reach" && !c.GetProperty("passed").GetBoolean()
        );

        // An agent suspended by itself stays so when its owner comes back; one suspended through them does not.
        var (own, through) = (await RegisterAsync(world, otto, "Own", "Audra"), await RegisterAsync(world, otto, "Through", "Audra"));
        await ada.UntilAsync((await ada.ProposeAsync(world, "agent.suspend", new { agentId = own })).Run(), "SUCCEEDED");
        var suspended = await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Audra") })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await audra.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal("Audra", (await AgentAsync(world, ada, through)).GetProperty("suspendedThrough").GetProperty("name").GetString());
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "agent.resume", new { agentId = through })).Run().State());
        await ada.UntilAsync((await ada.RollBackAsync(suspended)).Run(), "SUCCEEDED");
        Assert.Equal(
            (false, true),
            (
                (await AgentAsync(world, ada, own)).GetProperty("active").GetBoolean(),
                (await AgentAsync(world, ada, through)).GetProperty("active").GetBoolean()
            )
        );
    }

    [Fact]
    public async Task Who_leaves_leaves_nothing_that_still_acts()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var agent = await RegisterAsync(world, otto, "Orphan");
        var (id, secret) = await SecretAsync(world, otto, agent);
        using var orphan = await Client.WithTokenAsync(app.Address, id, secret);
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "member.leave", new { })).Run().State());
        var run = (await otto.ProposeAsync(world, "member.leave", new { })).Run();
        await ada.UntilAsync(run, "SUCCEEDED");
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await orphan.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal(
            JsonValueKind.Null,
            (await otto.AskAsync("query($key: String!) { workspace(key: $key) { id } }", new { key = world.Workspace.Key }))
                .GetProperty("workspace")
                .ValueKind
        );

        // Somebody else answers for it from now on, and it works again.
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "agent.transfer", new { agentId = agent, owner = world.IdOf("Ada") })).Run(),
            "SUCCEEDED"
        );
        // Otto still knows what it signed in with.
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "agent.resume", new { agentId = agent })).Run().State());
        (id, secret) = await SecretAsync(world, ada, agent);
        await ada.UntilAsync((await ada.ProposeAsync(world, "agent.resume", new { agentId = agent })).Run(), "SUCCEEDED");
        using var back = await Client.WithTokenAsync(app.Address, id, secret);
        Assert.Equal("AWAITING_APPROVAL", (await back.ProposePageAsync(world, "orphans")).Run().State());
    }

    [Fact]
    public async Task A_token_got_with_a_certificate_is_worth_nothing_without_it()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var own = new Holder(Certificates.New("agent"));
        using var other = new Holder(Certificates.New("mallory"));
        var agent = await RegisterAsync(world, otto, "Bound");
        var clientId = (await AgentAsync(world, otto, agent)).GetProperty("clientId").GetString()!;
        await otto.UntilAsync(
            (await otto.ProposeAsync(world, "agent.keys", new { agentId = agent, keys = new[] { own.Jwk } })).Run(),
            "SUCCEEDED"
        );
        (string, string)[] form = [("grant_type", "client_credentials"), ("client_id", clientId), ("scope", "mumega:read")];
        Assert.Equal("invalid_request", (await PostAsync("/connect/token", form)).Error());
        Assert.Equal("invalid_client", (await SecurePostAsync(other, form)).Error());
        var answer = await SecurePostAsync(own, form);
        Assert.True(answer.Token() is not null, answer.Json.ToString());
        var token = answer.Token()!;
        Assert.Equal(own.Thumbprint, Claims(token).GetProperty("cnf").GetProperty("x5t#S256").GetString());

        Assert.Equal(
            "UNAUTHENTICATED",
            GovernedActionTests.Code(await Client.Bearer(app.Address, token).AnswerAsync("{ viewer { tenant } }"))
        );
        Assert.Equal(HttpStatusCode.Unauthorized, await AskSecurelyAsync(other, token));
        Assert.Equal(HttpStatusCode.OK, await AskSecurelyAsync(own, token));
    }

    private sealed class Holder(X509Certificate2 certificate) : IDisposable
    {
        public string Thumbprint { get; } = System.Buffers.Text.Base64Url.EncodeToString(certificate.GetCertHash(HashAlgorithmName.SHA256));

        public string Jwk
        {
            get
            {
                using var rsa = certificate.PublicKey.GetRSAPublicKey()!;
                var key = rsa.ExportParameters(false);
                return JsonSerializer.Serialize(
                    new
                    {
                        kty = "RSA",
                        kid = "cert",
                        use = "sig",
                        n = System.Buffers.Text.Base64Url.EncodeToString(key.Modulus),
                        e = System.Buffers.Text.Base64Url.EncodeToString(key.Exponent),
                        x5c = new[] { Convert.ToBase64String(certificate.RawData) },
                    }
                );
            }
        }

        public HttpClient Client()
        {
            var handler = new HttpClientHandler
            {
                ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
            };
            handler.ClientCertificates.Add(certificate);
            return new(handler);
        }

        public void Dispose() => certificate.Dispose();
    }

    private async Task<Answer> SecurePostAsync(Holder holder, (string Name, string Value)[] fields)
    {
        using var http = holder.Client();
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        using var answer = await http.PostAsync($"{app.SecureAddress}/connect/token", form, Ct);
        return new(await answer.Content.ReadFromJsonAsync<JsonElement>(Ct));
    }

    private async Task<HttpStatusCode> AskSecurelyAsync(Holder holder, string token)
    {
        using var http = holder.Client();
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var answer = await http.PostAsJsonAsync($"{app.SecureAddress}/graphql", new { query = "{ viewer { tenant } }" }, Ct);
        return answer.StatusCode;
    }

    private const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";

    internal sealed record Answer(JsonElement Json)
    {
        public string? Token() => Json.TryGetProperty("access_token", out var token) ? token.GetString() : null;

        public string? Error() => Json.TryGetProperty("error", out var error) ? error.GetString() : null;
    }

    private async Task<Guid> RegisterAsync(World world, Client by, string name, string owner = "Otto")
    {
        var run = (
            await by.ProposeAsync(
                world,
                "agent.register",
                new
                {
                    name,
                    purpose = "Looks around.",
                    tier = "interactive",
                    owner = world.IdOf(owner),
                    endsAt = TimeProvider.System.GetUtcNow().AddDays(30),
                }
            )
        ).Run();

        // In somebody else's name an agent comes about with their word only.
        if (run.State() == "AWAITING_APPROVAL")
            Assert.Null((await (await world.PersonAsync(owner)).DecideAsync(run)).Error());
        run = await by.UntilAsync(run, "SUCCEEDED");
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        Assert.NotNull(run.GetProperty("rollback").GetProperty("summary").GetString());
        return await db.Principals.Where(p => p.Name == name).OrderByDescending(p => p.CreatedAt).Select(p => p.Id).FirstAsync(Ct);
    }

    private async Task<Domain.Identity.Principal> PrincipalAsync(World world, string name)
    {
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        var id = world.IdOf(name);
        return await db.Principals.SingleAsync(p => p.Id == id, Ct);
    }

    private async Task<string> StateAsync(World world, JsonElement run)
    {
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var id = Guid.Parse(Api.GraphQL.NodeId.Parse(run.GetProperty("id").GetString()!)!.Value.Key);
        return Domain.Runs.RunStates.Name(await db.Runs.Where(r => r.Id == id).Select(r => r.State).SingleAsync(Ct));
    }

    private static async Task<JsonElement> IssueAsync(World world, Client by, Guid agent) =>
        (
            await by.AskAsync(
                "mutation($input: IssueAgentSecretInput!) { issueAgentSecret(input: $input) { clientId secret errors { __typename message } } }",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        agentId = agent,
                        reason = "it needs one",
                    },
                }
            )
        ).GetProperty("issueAgentSecret");

    private static async Task<(string ClientId, string Secret)> SecretAsync(World world, Client by, Guid agent)
    {
        var issued = await IssueAsync(world, by, agent);
        Assert.Null(issued.Error());
        return (issued.GetProperty("clientId").GetString()!, issued.GetProperty("secret").GetString()!);
    }

    private static async Task<JsonElement> AgentAsync(World world, Client by, Guid agent) =>
        (
            await by.AskAsync(
                "query($key: String!) { workspace(key: $key) { agents { principalId name active clientId purpose tier owner { name } suspendedThrough { name } retiredAt credentials { secretIssuedAt keys liveTokens lastTokenAt } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("agents")
            .EnumerateArray()
            .Single(a => a.GetProperty("principalId").GetGuid() == agent);

    private static string ClientIdOf(World world, string name) =>
        name == "Hermes" ? world.AgentClientId : $"{name}-{world.Workspace.Key}-{world.Tenant.Key}";

    /// <summary>A person's own access token, by code and PKCE.</summary>
    private async Task<string> PersonTokenAsync(World world, string name, string scope)
    {
        var (code, verifier) = await TokenTests.CodeAsync(app, world, "S256", name, scope);
        return (
            await TokenAsync(
                ("grant_type", "authorization_code"),
                ("client_id", "mission-control"),
                ("code", code),
                ("redirect_uri", $"{app.Address}/session/callback"),
                ("code_verifier", verifier)
            )
        ).Token()!;
    }

    /// <summary>Makes a token that only that agent can exchange: by the person's client, or by the agent that acts with it.</summary>
    private Task<Answer> HandOverAsync(
        string token,
        string to,
        World? world = null,
        string? by = null,
        (string ClientId, string Secret)? agent = null
    )
    {
        var client = agent ?? (by is null ? null : (ClientIdOf(world!, by), world!.AgentSecret));
        (string, string)[] credentials = client is { } c
            ? [("client_id", c.ClientId), ("client_secret", c.Secret)]
            : [("client_id", "mission-control")];
        return TokenAsync([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", AccessToken),
            ("audience", to),
            .. credentials,
        ]);
    }

    private Task<Answer> ExchangeAsync(World world, string agent, string token, params (string, string)[] more) =>
        ExchangeAsync((ClientIdOf(world, agent), world.AgentSecret), token, more);

    private Task<Answer> ExchangeAsync((string ClientId, string Secret) agent, string token, params (string, string)[] more) =>
        TokenAsync([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", AccessToken),
            ("client_id", agent.ClientId),
            ("client_secret", agent.Secret),
            .. more,
        ]);

    private async Task<Answer> SignInAsync(string clientId, ECDsa key, string name, string scope = "mumega:read") =>
        await TokenAsync(
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", TokenTests.Assertion(app, clientId, key, name))
        );

    private Task<Answer> TokenAsync(params (string Name, string Value)[] fields) => PostAsync("/connect/token", fields);

    private async Task<Answer> PostAsync(string path, params (string Name, string Value)[] fields)
    {
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        using var answer = await http.PostAsync($"{app.Address}{path}", form, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return new(text.Length == 0 ? JsonSerializer.SerializeToElement(new { }) : JsonDocument.Parse(text).RootElement);
    }

    private static JsonElement Claims(string token) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
}

public sealed class AgentsOnSqlite(SqliteApp app) : AgentTests(app);

public sealed class AgentsOnPostgres(PostgresApp app) : AgentTests(app);

public sealed class AgentsOnSqlServer(SqlServerApp app) : AgentTests(app);
