using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Identity;

/// <summary>Agents: somebody answers for them, they sign in with what they were given, act on behalf of others, and end with their owner.</summary>
public abstract class AgentTests(MumegaApp app) : AgentSteps(app)
{
    [Fact]
    public async Task An_agent_is_registered_signs_in_is_certified_again_and_retired_and_one_of_the_same_name_inherits_nothing()
    {
        var world = await App.WorldAsync();
        var (ada, otto, petra) = (await world.Ada, await world.Otto, await world.Petra);
        var agent = await RegisterAsync(world, otto, "Scout");
        var (clientId, secret) = await SecretAsync(world, otto, agent);
        using (var scout = await Client.WithTokenAsync(App.Address, clientId, secret))
            Assert.Equal("AWAITING_APPROVAL", (await scout.ProposePageAsync(world, "scouted")).Run().State());

        // Another secret: the first holds no longer, nor do its tokens.
        using var old = await Client.WithTokenAsync(App.Address, clientId, secret);
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
        using var scouting = await Client.WithTokenAsync(App.Address, clientId, renewed);
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
        var world = await App.WorldAsync();
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
        var world = await App.WorldAsync();
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
        using var between = Client.Bearer(App.Address, (await SignInAsync(clientId, first, "k1")).Token()!);
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
        var world = await App.WorldAsync();
        var otto = await world.Otto;
        using var reader = Client.Bearer(App.Address, await PersonTokenAsync(world, "Otto", "mumega:read"));
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
        var world = await App.WorldAsync();
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
            using var asKeyed = Client.Bearer(App.Address, token);
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
        var world = await App.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        await world.Hermes;
        await world.AgentAsync("Helper");
        var person = await PersonTokenAsync(world, "Otto", "mumega:read mumega:propose mumega:decide");

        // The person's token is good for itself; handed over it is good for nothing but the exchange.
        var handed = (await HandOverAsync(person, world.AgentClientId)).Token()!;
        Assert.Equal(
            "UNAUTHENTICATED",
            GovernedActionTests.Code(await Client.Bearer(App.Address, handed).AnswerAsync("{ viewer { tenant } }"))
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

        using var helper = Client.Bearer(App.Address, further.Token()!);
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
        var denied = (await Client.Bearer(App.Address, audras.Token()!).ProposePageAsync(world, "by-audra")).Run();
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
        var (world, other) = (await App.WorldAsync(), await App.WorldAsync());
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
        using var narrow = Client.Bearer(App.Address, own.Token()!);
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
    public async Task A_token_handed_over_for_some_acts_is_good_for_those_only()
    {
        var world = await App.WorldAsync();
        await world.Otto;
        await world.Hermes;
        var side = await world.OtherWorkspaceAsync();
        foreach (var name in new[] { "Otto", "Hermes" })
            await App
                .Services.GetRequiredService<Api.Setup.Installation>()
                .GrantAsync(side.Workspace, await PrincipalAsync(world, name), [name == "Otto" ? "operator" : "agent"], Ct);
        await world.AgentAsync("A1");
        var here = Api.GraphQL.NodeId.Of("Workspace", world.Workspace.Id, world.Workspace.Id);
        var person = await PersonTokenAsync(world, "Otto", "mumega:read mumega:propose");
        Task<Answer> For(string token, string audience, string details, (string, string)[] client) =>
            TokenAsync([
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", token),
                ("subject_token_type", AccessToken),
                ("audience", audience),
                ("authorization_details", details),
                .. client,
            ]);
        (string, string)[] browser = [("client_id", "mission-control")];
        string Details(params string[] acts) =>
            JsonSerializer.Serialize(
                new[]
                {
                    new
                    {
                        type = "mumega_acts",
                        actions = acts,
                        workspaces = new[] { here },
                    },
                }
            );

        // What is granted is said in the answer and in the token.
        var handed = await For(person, world.AgentClientId, Details("page.publish", "packet.create"), browser);
        Assert.Equal(
            ["packet.create", "page.publish"],
            handed.Json.GetProperty("authorization_details")[0].GetProperty("actions").EnumerateArray().Select(a => a.GetString()!)
        );
        var token = (await ExchangeAsync(world, "Hermes", handed.Token()!)).Token()!;
        Assert.Equal("mumega_acts", Claims(token).GetProperty("authorization_details")[0].GetProperty("type").GetString());

        using var hermes = Client.Bearer(App.Address, token);
        var page = (await hermes.ProposePageAsync(world, "handed")).Run();
        Assert.Equal("AWAITING_APPROVAL", page.State());
        var beyond = (await hermes.ProposeAsync(world, "agent.resume", new { agentId = Guid.NewGuid() })).Run();
        Assert.Equal("DENIED", beyond.State());
        Assert.Equal("PolicyDenied", (await hermes.EngageAsync(world, "WORKSPACE")).Error());
        Assert.Equal("NotFound", (await hermes.ProposePageAsync(side, "elsewhere")).Error());

        // Its own proposal it may take back; whoever the token stands for could do more.
        Assert.Null((await hermes.CancelAsync(page)).Error());

        // Handing on keeps the limit, and narrows it.
        var on = await For(
            token,
            ClientIdOf(world, "A1"),
            Details("page.publish", "agent.resume"),
            [("client_id", world.AgentClientId), ("client_secret", world.AgentSecret)]
        );
        using var next = Client.Bearer(App.Address, (await ExchangeAsync(world, "A1", on.Token()!)).Token()!);
        Assert.Equal("AWAITING_APPROVAL", (await next.ProposePageAsync(world, "handed-on")).Run().State());
        Assert.Equal(
            ["page.publish"],
            on.Json.GetProperty("authorization_details")[0].GetProperty("actions").EnumerateArray().Select(a => a.GetString()!)
        );

        // An agent narrows what it is by itself.
        var own = await TokenAsync(
            ("grant_type", "client_credentials"),
            ("client_id", world.AgentClientId),
            ("client_secret", world.AgentSecret),
            ("scope", "mumega:read mumega:propose"),
            ("authorization_details", Details("packet.create"))
        );
        using var narrow = Client.Bearer(App.Address, own.Token()!);
        Assert.Equal("DENIED", (await narrow.ProposePageAsync(world, "narrow")).Run().State());

        // What is not known is refused.
        foreach (
            var bad in new[]
            {
                "no JSON",
                "{}",
                "[]",
                "[1]",
                """[{"type":"mumega_acts"}]""",
                """[{"type":"mumega_acts","actions":[]}]""",
                """[{"type":"mumega_acts","actions":["page.publish","page.paint"]}]""",
                """[{"type":"payment_initiation","actions":["page.publish"]}]""",
                """[{"type":"mumega_acts","actions":["page.publish"],"amount":"5"}]""",
                """[{"type":"mumega_acts","actions":["page.publish"],"actions":["packet.create"]}]""",
                """[{"type":"mumega_acts","actions":["page.publish"],"locations":["https://elsewhere.example"]}]""",
                """[{"type":"mumega_acts","actions":["page.publish"],"workspaces":["x"]}]""",
                $$"""[{"type":"mumega_acts","actions":["page.publish"],"workspaces":["{{Api.GraphQL.NodeId.Of("Workspace", Guid.Empty, Guid.Empty)}}"]}]""",
            }
        )
            Assert.Equal("invalid_authorization_details", (await For(person, world.AgentClientId, bad, browser)).Error());
        Assert.Equal(
            "invalid_authorization_details",
            (
                await For(
                    token,
                    ClientIdOf(world, "A1"),
                    Details("agent.resume"),
                    [("client_id", world.AgentClientId), ("client_secret", world.AgentSecret)]
                )
            ).Error()
        );

        using var http = new HttpClient();
        var metadata = await http.GetFromJsonAsync<JsonElement>($"{App.Address}/.well-known/openid-configuration", Ct);
        Assert.Equal("mumega_acts", metadata.GetProperty("authorization_details_types_supported")[0].GetString());
    }

    [Fact]
    public async Task Who_looks_after_a_person_suspends_them_and_nobody_else()
    {
        var world = await App.WorldAsync();
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
        await App
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
        var world = await App.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var agent = await RegisterAsync(world, otto, "Orphan");
        var (id, secret) = await SecretAsync(world, otto, agent);
        using var orphan = await Client.WithTokenAsync(App.Address, id, secret);
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
        using var back = await Client.WithTokenAsync(App.Address, id, secret);
        Assert.Equal("AWAITING_APPROVAL", (await back.ProposePageAsync(world, "orphans")).Run().State());
    }

    [Fact]
    public async Task A_token_got_with_a_certificate_is_worth_nothing_without_it()
    {
        var world = await App.WorldAsync();
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
            GovernedActionTests.Code(await Client.Bearer(App.Address, token).AnswerAsync("{ viewer { tenant } }"))
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
        using var answer = await http.PostAsync($"{App.SecureAddress}/connect/token", form, Ct);
        return new(await answer.Content.ReadFromJsonAsync<JsonElement>(Ct));
    }

    private async Task<HttpStatusCode> AskSecurelyAsync(Holder holder, string token)
    {
        using var http = holder.Client();
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var answer = await http.PostAsJsonAsync($"{App.SecureAddress}/graphql", new { query = "{ viewer { tenant } }" }, Ct);
        return answer.StatusCode;
    }
}

public sealed class AgentsOnSqlite(SqliteApp app) : AgentTests(app);

public sealed class AgentsOnPostgres(PostgresApp app) : AgentTests(app);

public sealed class AgentsOnSqlServer(SqlServerApp app) : AgentTests(app);
