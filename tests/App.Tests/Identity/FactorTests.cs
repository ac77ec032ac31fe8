using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Mumega.App.Tests.Identity;

/// <summary>Second factors, and that what weighs is confirmed with one, each act for itself.</summary>
public abstract class FactorTests(MumegaApp app)
{
    private const string NeedsConfirming = "errors { __typename code ... on ConfirmationNeeded { confirmationId methods what } }";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_authenticator_is_set_up_asked_for_at_sign_in_and_no_code_is_taken_twice()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var (key, recovery) = await SetUpAsync(otto);
        var factors = (await otto.AskAsync("{ viewer { factors { authenticator recoveryCodes passkeys { name } } } }"))
            .GetProperty("viewer")
            .GetProperty("factors");
        Assert.True(factors.GetProperty("authenticator").GetBoolean());
        Assert.Equal(10, factors.GetProperty("recoveryCodes").GetInt32());

        using var http = Visitor(new HttpClientHandler { CookieContainer = new(), AllowAutoRedirect = false });
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "SIGN_IN_FIRST"),
            await PostAsync(http, "/session/second-factor", new { method = "totp", code = "123456" })
        );
        Assert.Equal(
            (HttpStatusCode.OK, "SECOND_FACTOR"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password })
        );

        // Half signed in is not signed in.
        using (
            var start = await http.GetAsync(
                "/connect/authorize?client_id=mission-control&response_type=code&scope=mumega:read&state=x&code_challenge_method=S256&code_challenge="
                    + new string('a', 43)
                    + $"&redirect_uri={Uri.EscapeDataString(app.Address)}/session/callback",
                Ct
            )
        )
            Assert.StartsWith("/sign-in", start.Headers.Location!.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, -20) })
        );
        var code = Totp.Code(key, 1);
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(http, "/session/second-factor", new { method = "totp", code })).Status);

        // The same code again, by somebody who looked over the shoulder; and a recovery code, once.
        Assert.Equal(
            (HttpStatusCode.OK, "SECOND_FACTOR"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password })
        );
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/second-factor", new { method = "totp", code })
        );
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await PostAsync(http, "/session/second-factor", new { method = "recovery", code = recovery[0] })).Status
        );
        Assert.Equal(
            (HttpStatusCode.OK, "SECOND_FACTOR"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password })
        );
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/second-factor", new { method = "recovery", code = recovery[0] })
        );

        // The key and the codes lie sealed.
        await using var db = app.OpenAsOwner();
        var kept = await db.UserTokens.AsNoTracking().Where(t => t.UserId == world.IdOf("Otto")).Select(t => t.Value!).ToListAsync(Ct);
        Assert.NotEmpty(kept);
        Assert.All(kept, value => Assert.StartsWith("m1.", value, StringComparison.Ordinal));
        var events = (
            await (await world.Ada).AskAsync(
                "query($k: String!) { workspace(key: $k) { securityEvents(first: 50) { nodes { code who } } } }",
                new { k = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("securityEvents")
            .GetProperty("nodes");
        Assert.Contains(
            events.EnumerateArray(),
            e => e.GetProperty("code").GetString() == "sign-in.failed" && e.GetProperty("who").GetString() == "Otto"
        );
        Assert.Contains(events.EnumerateArray(), e => e.GetProperty("code").GetString() == "factor.added");
    }

    [Fact]
    public async Task Wrong_codes_lock_the_account_for_a_while()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var (key, _) = await SetUpAsync(otto);
        using var http = Visitor(new HttpClientHandler { CookieContainer = new() });
        await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password });
        for (var i = 0; i < 5; i++)
            Assert.Equal(
                (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
                await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, -30 - i) })
            );
        Assert.Equal(
            (HttpStatusCode.TooManyRequests, "LOCKED_OUT"),
            await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, 1) })
        );
    }

    [Fact]
    public async Task What_reaches_far_is_approved_with_a_fresh_factor_for_that_very_act()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var (key, recovery) = await SetUpAsync(otto);
        otto.Confirms = null;
        var (run, other) = (
            (
                await hermes.ProposeAsync(
                    world,
                    "webhook.send",
                    new
                    {
                        connection = "crm",
                        @event = "a.b",
                        data = new { },
                    }
                )
            ).Run(),
            (
                await hermes.ProposeAsync(
                    world,
                    "webhook.send",
                    new
                    {
                        connection = "crm",
                        @event = "c.d",
                        data = new { },
                    }
                )
            ).Run()
        );
        var idempotency = Acts.Key();

        var needed = (await otto.DecideAsync(run, key: idempotency)).GetProperty("errors")[0];
        Assert.Equal("ConfirmationNeeded", needed.GetProperty("__typename").GetString());
        Assert.Equal(["totp", "recovery"], needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
        var id = needed.GetProperty("confirmationId").GetString()!;

        // Neither the password nor a wrong code nor somebody else gives it.
        Assert.Equal("InvalidArgument", await ConfirmAsync(otto, id, "PASSWORD", World.Password));
        Assert.Equal("WrongFactor", await ConfirmAsync(otto, id, "TOTP", Totp.Code(key, -9)));
        Assert.Equal("NotFound", await ConfirmAsync(await world.Petra, id, "PASSWORD", World.Password));
        Assert.Equal("ConfirmationNeeded", (await otto.DecideAsync(run, key: idempotency)).Error());
        Assert.Null(await ConfirmAsync(otto, id, "TOTP", Totp.Code(key, 1)));

        // It was given for this run, digest and request; another asks anew. Then it counts, once.
        Assert.Equal("ConfirmationNeeded", (await otto.DecideAsync(other)).Error());
        Assert.Equal("ConfirmationNeeded", (await otto.DecideAsync(run)).Error());
        Assert.Null((await otto.DecideAsync(run, key: idempotency)).Error());
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        var receipts = (await otto.RunAsync(done)).GetProperty("receipts").EnumerateArray();
        Assert.Contains(receipts, r => r.GetProperty("fields").TryGetProperty("approver_auth", out var by) && by.GetString() == "totp");

        // Rejecting needs none, nor does what reaches less far.
        Assert.Null((await otto.DecideAsync(other, "REJECT")).Error());
        var page = (await hermes.ProposePageAsync(world, "light")).Run();
        Assert.Null((await otto.DecideAsync(page)).Error());
        Assert.Equal(10, recovery.Count);
    }

    [Fact]
    public async Task Whoever_has_no_factor_says_the_password_again_unless_the_tenant_wants_more()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        ada.Confirms = null;
        var hermes = await world.Hermes;
        Assert.NotNull(hermes.Token);

        // Keys and secrets of each kind.
        async Task<JsonElement> SecretAsync() =>
            (
                await ada.AskAsync(
                    $"mutation($input: IssueAgentSecretInput!) {{ issueAgentSecret(input: $input) {{ secret {NeedsConfirming} }} }}",
                    new
                    {
                        input = new
                        {
                            workspaceId = world.WorkspaceId,
                            agentId = world.IdOf("Hermes"),
                            reason = "rotated",
                        },
                    }
                )
            ).GetProperty("issueAgentSecret");
        var needed = (await SecretAsync()).GetProperty("errors")[0];
        Assert.Equal(["password"], needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
        Assert.Equal(
            "WrongFactor",
            await ConfirmAsync(ada, needed.GetProperty("confirmationId").GetString()!, "PASSWORD", "not the password")
        );
        Assert.Null(await ConfirmAsync(ada, needed.GetProperty("confirmationId").GetString()!, "PASSWORD", World.Password));
        Assert.StartsWith("mumega_", (await SecretAsync()).GetProperty("secret").GetString(), StringComparison.Ordinal);
        Assert.Equal("ConfirmationNeeded", (await SecretAsync()).Error());
        Assert.Equal(
            "ConfirmationNeeded",
            (await ada.ProposeAsync(world, "agent.keys", new { agentId = world.IdOf("Hermes"), keys = Array.Empty<string>() })).Error()
        );
        Assert.Equal(
            "ConfirmationNeeded",
            (
                await ada.AskAsync(
                    $"mutation($input: AccountInput!) {{ beginAuthenticator(input: $input) {{ key {NeedsConfirming} }} }}",
                    new { input = new { idempotencyKey = Acts.Key() } }
                )
            )
                .GetProperty("beginAuthenticator")
                .Error()
        );
        Assert.Equal(
            "ConfirmationNeeded",
            (
                await ada.AskAsync(
                    $"mutation($input: AccountInput!) {{ beginPasskey(input: $input) {{ options {NeedsConfirming} }} }}",
                    new { input = new { idempotencyKey = Acts.Key() } }
                )
            )
                .GetProperty("beginPasskey")
                .Error()
        );
        Assert.Equal(
            "ConfirmationNeeded",
            (
                await ada.ProposeAsync(
                    world,
                    "policy.replace",
                    new
                    {
                        text = Domain.Policies.PolicyBook.Seed
                            + "\n@id(\"mine\") forbid (principal, action == Mumega::Action::\"page.unpublish\", resource);",
                        replaces = 1,
                    }
                )
            ).Error()
        );
        Assert.Equal("ConfirmationNeeded", (
                await ada.AskAsync(
                    $"mutation($input: RequestElevationInput!) {{ requestElevation(input: $input) {{ {NeedsConfirming} }} }}",
                    new
                    {
                        input = new
                        {
                            workspaceKey = "anywhere",
                            role = "auditor",
                            minutes = 30,
                            breakGlass = false,
                            reason = "to look",
                            idempotencyKey = Acts.Key(),
                        },
                    }
                )
            ).GetProperty("requestElevation").Error());

        ada.Confirms = _ => ("PASSWORD", World.Password);
        Assert.Equal(
            "DENIED",
            (await (await world.Otto).ProposeAsync(world, "tenant.second-factor", new { required = true })).Run().State()
        );
        await ada.UntilAsync((await ada.ProposeAsync(world, "tenant.second-factor", new { required = true })).Run(), "SUCCEEDED");
        ada.Confirms = null;

        Assert.Equal("SecondFactorRequired", (await SecretAsync()).Error());

        // The first one can be set up all the same, with the password; then it is what confirms.
        ada.Confirms = _ => ("PASSWORD", World.Password);
        await SetUpAsync(ada);
        ada.Confirms = null;
        Assert.Equal(
            ["totp", "recovery"],
            (await SecretAsync()).GetProperty("errors")[0].GetProperty("methods").EnumerateArray().Select(m => m.GetString())
        );
    }

    [Fact]
    public async Task A_passkey_signs_in_and_confirms_each_challenge_once_and_only_from_here()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        using var passkey = new Passkey(app.Address);
        var (credential, state) = await MakeAsync(ada, passkey);
        Assert.Equal("WrongFactor", (await AddAsync(await world.Otto, credential, state)).Error());
        var added = await AddAsync(ada, credential, state);
        Assert.True(added.Error() is null, added.ToString());
        Assert.Equal("Phone", added.GetProperty("factors").GetProperty("passkeys")[0].GetProperty("name").GetString());

        var cookies = new CookieContainer();
        using var http = Visitor(new HttpClientHandler { CookieContainer = cookies });
        async Task<(string Options, string Cookie)> OptionsAsync()
        {
            using var answer = await http.PostAsync("/session/passkey/options", null, Ct);
            return (await answer.Content.ReadAsStringAsync(Ct), cookies.GetCookies(new(app.Address))["mumega_passkey"]!.Value);
        }

        // From another page, without a finger or PIN, nonsense, or to a challenge that was put to somebody else.
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(
                http,
                "/session/passkey",
                new { credential = passkey.Get((await OptionsAsync()).Options, from: "https://mumega.example") }
            )
        );
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/passkey", new { credential = passkey.Get((await OptionsAsync()).Options, verified: false) })
        );
        await OptionsAsync();
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/passkey", new { credential = "{}" }));
        var (earlier, _) = await OptionsAsync();
        await OptionsAsync();
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/passkey", new { credential = passkey.Get(earlier) })
        );

        var (options, cookie) = await OptionsAsync();
        var answered = passkey.Get(options);

        // Whoever overhears all of it has nothing: a challenge is answered once.
        using var repeating = Visitor(new HttpClientHandler { UseCookies = false });
        repeating.DefaultRequestHeaders.Add("Cookie", $"mumega_passkey={cookie}");
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(repeating, "/session/passkey", new { credential = answered })).Status);
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(repeating, "/session/passkey", new { credential = answered })
        );

        // It confirms one act, by an answer to the challenge that was made for that act.
        ada.Confirms = null;
        Assert.NotNull((await world.Hermes).Token);
        async Task<JsonElement> SecretAsync(string reason) =>
            (
                await ada.AskAsync(
                    $"mutation($input: IssueAgentSecretInput!) {{ issueAgentSecret(input: $input) {{ secret {NeedsConfirming} }} }}",
                    new
                    {
                        input = new
                        {
                            workspaceId = world.WorkspaceId,
                            agentId = world.IdOf("Hermes"),
                            reason,
                        },
                    }
                )
            ).GetProperty("issueAgentSecret");
        async Task<string> ChallengeAsync(string id) =>
            (await ada.AskAsync("query($id: ID!) { viewer { passkeyChallenge(confirmationId: $id) } }", new { id }))
                .GetProperty("viewer")
                .GetProperty("passkeyChallenge")
                .GetString()!;
        var needed = (await SecretAsync("rotated")).GetProperty("errors")[0];
        Assert.Equal(["passkey", "recovery"], needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
        var id = needed.GetProperty("confirmationId").GetString()!;
        Assert.Equal("InvalidArgument", await ConfirmAsync(ada, id, "PASSWORD", World.Password));
        Assert.Equal("WrongFactor", await ConfirmAsync(ada, id, "PASSKEY", answered));
        var mine = passkey.Get(await ChallengeAsync(id));
        await ChallengeAsync(id);
        Assert.Equal("WrongFactor", await ConfirmAsync(ada, id, "PASSKEY", mine));
        Assert.Null(await ConfirmAsync(ada, id, "PASSKEY", passkey.Get(await ChallengeAsync(id))));
        Assert.StartsWith("mumega_", (await SecretAsync("rotated")).GetProperty("secret").GetString(), StringComparison.Ordinal);
        Assert.Equal("ConfirmationNeeded", (await SecretAsync("rotated")).Error());
    }

    [Fact]
    public async Task Who_has_a_passkey_is_not_signed_in_by_the_password_alone_and_a_recovery_code_stands_in_for_it()
    {
        var world = await app.WorldAsync();
        var (petra, otto) = (await world.Petra, await world.Otto);
        using var passkey = new Passkey(app.Address);
        var (credential, state) = await MakeAsync(petra, passkey);
        var codes = (await AddAsync(petra, credential, state)).GetProperty("codes").EnumerateArray().Select(c => c.GetString()!).ToList();
        Assert.Equal(10, codes.Count);
        using var second = new Passkey(app.Address);
        petra.Confirms = _ => ("RECOVERY", codes[9]);
        var (another, othersState) = await MakeAsync(petra, second);
        var added = await AddAsync(petra, another, othersState);
        Assert.Equal(
            (2, 0),
            (added.GetProperty("factors").GetProperty("passkeys").GetArrayLength(), added.GetProperty("codes").GetArrayLength())
        );

        var cookies = new CookieContainer();
        using var http = Visitor(new HttpClientHandler { CookieContainer = cookies, AllowAutoRedirect = false });
        var credentials = new { email = world.Email("Petra"), password = World.Password };
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_CREDENTIALS"),
            await PostAsync(http, "/session/sign-in", new { credentials.email, password = "not the password" })
        );
        using (var answer = await http.PostAsJsonAsync("/session/sign-in", credentials, Ct))
        {
            var half = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
            Assert.Equal("SECOND_FACTOR", half.GetProperty("code").GetString());
            Assert.Equal(["passkey", "recovery"], half.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
        }

        Assert.DoesNotContain(cookies.GetAllCookies(), c => c.Name == "mumega_sign_in");
        using (var start = await http.GetAsync("/session/start", Ct))
        using (var authorize = await http.GetAsync(start.Headers.Location, Ct))
            Assert.StartsWith("/sign-in", authorize.Headers.Location!.ToString(), StringComparison.Ordinal);

        // A passkey that no browser would find by itself is named; it is hers, and another's does not fit.
        using (var options = await http.PostAsync("/session/passkey/options?second=true", null, Ct))
        {
            var json = await options.Content.ReadAsStringAsync(Ct);
            Assert.Equal(2, JsonDocument.Parse(json).RootElement.GetProperty("allowCredentials").GetArrayLength());
            using var foreign = new Passkey(app.Address);
            var (theirs, theirState) = await MakeAsync(otto, foreign);
            Assert.Null((await AddAsync(otto, theirs, theirState)).Error());
            Assert.Equal(
                (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
                await PostAsync(http, "/session/passkey", new { credential = foreign.Get(json) })
            );
        }

        using (var options = await http.PostAsync("/session/passkey/options?second=true", null, Ct))
            Assert.Equal(
                HttpStatusCode.NoContent,
                (
                    await PostAsync(http, "/session/passkey", new { credential = second.Get(await options.Content.ReadAsStringAsync(Ct)) })
                ).Status
            );

        // Without the device: a code, once.
        Assert.Equal((HttpStatusCode.OK, "SECOND_FACTOR"), await PostAsync(http, "/session/sign-in", credentials));
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_FACTOR"),
            await PostAsync(http, "/session/second-factor", new { method = "recovery", code = codes[9] })
        );
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await PostAsync(http, "/session/second-factor", new { method = "recovery", code = codes[0] })).Status
        );

        // With the last factor go the codes, and the password is enough again.
        petra.Confirms = _ => ("RECOVERY", codes[1]);
        async Task<JsonElement> FactorsAsync() =>
            (await petra.AskAsync("{ viewer { factors { recoveryCodes passkeys { passkeyId } } } }"))
                .GetProperty("viewer")
                .GetProperty("factors");
        foreach (
            var (id, code, left) in (await FactorsAsync())
                .GetProperty("passkeys")
                .EnumerateArray()
                .Select((p, i) => (p.GetProperty("passkeyId").GetString(), codes[i + 1], i == 0 ? 7 : 0))
                .ToList()
        )
        {
            petra.Confirms = _ => ("RECOVERY", code);
            Assert.Null(
                (
                    await petra.AskAsync(
                        $"mutation($input: RemovePasskeyInput!) {{ removePasskey(input: $input) {{ {NeedsConfirming} }} }}",
                        new { input = new { passkeyId = id, idempotencyKey = Acts.Key() } }
                    )
                )
                    .GetProperty("removePasskey")
                    .Error()
            );
            Assert.Equal(left, (await FactorsAsync()).GetProperty("recoveryCodes").GetInt32());
        }

        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(http, "/session/sign-in", credentials)).Status);
    }

    [Fact]
    public async Task A_password_is_changed_by_whoever_proves_to_be_its_owner_and_every_other_session_ends()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var elsewhere = await Client.SignInAsync(app.Address, world.Email("Otto"), World.Password);
        const string Next = "another long sentence";
        var key = Acts.Key();
        async Task<JsonElement> ChangeAsync(string password) =>
            (
                await otto.AskAsync(
                    $"mutation($input: ChangePasswordInput!) {{ changePassword(input: $input) {{ endedSessions {NeedsConfirming} }} }}",
                    new { input = new { password, idempotencyKey = key } }
                )
            ).GetProperty("changePassword");
        Assert.Equal("InvalidArgument", (await ChangeAsync("short")).Error());
        Assert.Equal("InvalidArgument", (await ChangeAsync("password1234")).Error());
        var confirms = otto.Confirms;
        otto.Confirms = null;
        Assert.Equal("ConfirmationNeeded", (await ChangeAsync(Next)).Error());
        otto.Confirms = confirms;
        Assert.Equal(1, (await ChangeAsync(Next)).GetProperty("endedSessions").GetInt32());

        Assert.Equal("UNAUTHENTICATED", Runs.GovernedActionTests.Code(await elsewhere.AnswerAsync("{ viewer { tenant } }")));
        await otto.AskAsync("{ viewer { tenant } }");
        using var http = Visitor(new HttpClientHandler { UseCookies = false });
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_CREDENTIALS"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password })
        );
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = Next })).Status
        );
        Assert.Contains("password.changed", await CodesAsync(world));
    }

    [Fact]
    public async Task Who_lost_password_and_factors_is_let_in_again_and_nothing_old_holds()
    {
        var world = await app.WorldAsync();
        var petra = await world.Petra;
        await SetUpAsync(petra);
        using var http = Visitor(new HttpClientHandler { CookieContainer = new() });
        for (var i = 0; i < 5; i++)
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Petra"), password = "forgotten it" });
        Assert.Equal(
            (HttpStatusCode.TooManyRequests, "LOCKED_OUT"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Petra"), password = World.Password })
        );

        var installation = app.Services.GetRequiredService<Api.Setup.Installation>();
        Assert.Null(await installation.RecoverPersonAsync("nobody@mumega.test", Ct));
        var password = await installation.RecoverPersonAsync(world.Email("Petra"), Ct);
        Assert.Equal("UNAUTHENTICATED", Runs.GovernedActionTests.Code(await petra.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_CREDENTIALS"),
            await PostAsync(http, "/session/sign-in", new { email = world.Email("Petra"), password = World.Password })
        );
        using var back = await Client.SignInAsync(app.Address, world.Email("Petra"), password!);
        var factors = (await back.AskAsync("{ viewer { factors { authenticator recoveryCodes passkeys { name } } } }"))
            .GetProperty("viewer")
            .GetProperty("factors");
        Assert.Equal(
            (false, 0, 0),
            (
                factors.GetProperty("authenticator").GetBoolean(),
                factors.GetProperty("recoveryCodes").GetInt32(),
                factors.GetProperty("passkeys").GetArrayLength()
            )
        );
        Assert.Contains("person.recovered", await CodesAsync(world));
    }

    private static async Task<List<string?>> CodesAsync(World world) =>
        [
            .. (
                await (await world.Ada).AskAsync(
                    "query($k: String!) { workspace(key: $k) { securityEvents(first: 50) { nodes { code } } } }",
                    new { k = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("securityEvents")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(e => e.GetProperty("code").GetString()),
        ];

    private static async Task<(string Credential, string State)> MakeAsync(Client client, Passkey passkey)
    {
        var begun = (
            await client.AskAsync(
                $"mutation($input: AccountInput!) {{ beginPasskey(input: $input) {{ options state {NeedsConfirming} }} }}",
                new { input = new { idempotencyKey = Acts.Key() } }
            )
        ).GetProperty("beginPasskey");
        return (passkey.Create(begun.GetProperty("options").GetString()!), begun.GetProperty("state").GetString()!);
    }

    private static async Task<JsonElement> AddAsync(Client client, string credential, string state) =>
        (
            await client.AskAsync(
                $"mutation($input: AddPasskeyInput!) {{ addPasskey(input: $input) {{ codes factors {{ passkeys {{ name }} }} {NeedsConfirming} }} }}",
                new
                {
                    input = new
                    {
                        name = "Phone",
                        credential,
                        state,
                    },
                }
            )
        ).GetProperty("addPasskey");

    // A browser that nobody is signed in with.
    private HttpClient Visitor(HttpClientHandler handler)
    {
        var http = new HttpClient(handler) { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        return http;
    }

    internal static async Task<(string Key, IReadOnlyList<string> Recovery)> SetUpAsync(Client client)
    {
        var begun = (
            await client.AskAsync(
                $"mutation($input: AccountInput!) {{ beginAuthenticator(input: $input) {{ key address {NeedsConfirming} }} }}",
                new { input = new { idempotencyKey = Acts.Key() } }
            )
        ).GetProperty("beginAuthenticator");
        var key = begun.GetProperty("key").GetString()!;
        var wrong = (
            await client.AskAsync(
                $"mutation($input: ConfirmAuthenticatorInput!) {{ confirmAuthenticator(input: $input) {{ codes {NeedsConfirming} }} }}",
                new { input = new { code = Totp.Code(key, -40) } }
            )
        ).GetProperty("confirmAuthenticator");
        Assert.Equal("WrongFactor", wrong.Error());
        var codes = (
            await client.AskAsync(
                $"mutation($input: ConfirmAuthenticatorInput!) {{ confirmAuthenticator(input: $input) {{ codes {NeedsConfirming} }} }}",
                new { input = new { code = Totp.Code(key, 0) } }
            )
        )
            .GetProperty("confirmAuthenticator")
            .GetProperty("codes");
        return (key, [.. codes.EnumerateArray().Select(c => c.GetString()!)]);
    }

    private static async Task<string?> ConfirmAsync(Client client, string confirmationId, string method, string code) => (
            await client.AskAsync(
                "mutation($input: ConfirmInput!) { confirm(input: $input) { confirmed errors { __typename } } }",
                new
                {
                    input = new
                    {
                        confirmationId,
                        method,
                        code,
                    },
                }
            )
        ).GetProperty("confirm").Error();

    private static async Task<(HttpStatusCode Status, string? Code)> PostAsync(HttpClient http, string path, object body)
    {
        using var answer = await http.PostAsJsonAsync(path, body, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return (answer.StatusCode, text.Length == 0 ? null : JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
    }
}

public sealed class FactorsOnSqlite(SqliteApp app) : FactorTests(app);

public sealed class FactorsOnPostgres(PostgresApp app) : FactorTests(app);
