using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

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
        var factors = (await otto.AskAsync("{ viewer { factors { authenticator recoveryCodes passkeys { name } } } }")).GetProperty("viewer").GetProperty("factors");
        Assert.True(factors.GetProperty("authenticator").GetBoolean());
        Assert.Equal(10, factors.GetProperty("recoveryCodes").GetInt32());

        using var http = Visitor(new HttpClientHandler { CookieContainer = new(), AllowAutoRedirect = false });
        Assert.Equal((HttpStatusCode.Unauthorized, "SIGN_IN_FIRST"), await PostAsync(http, "/session/second-factor", new { method = "totp", code = "123456" }));
        Assert.Equal((HttpStatusCode.OK, "SECOND_FACTOR"), await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password }));

        // Half signed in is not signed in.
        using (var start = await http.GetAsync("/connect/authorize?client_id=mission-control&response_type=code&scope=mumega:read&state=x&code_challenge_method=S256&code_challenge=" + new string('a', 43) + $"&redirect_uri={Uri.EscapeDataString(app.Address)}/session/callback", Ct))
            Assert.StartsWith("/sign-in", start.Headers.Location!.ToString(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, -20) }));
        var code = Totp.Code(key, 1);
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(http, "/session/second-factor", new { method = "totp", code })).Status);

        // The same code again, by somebody who looked over the shoulder; and a recovery code, once.
        Assert.Equal((HttpStatusCode.OK, "SECOND_FACTOR"), await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password }));
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/second-factor", new { method = "totp", code }));
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(http, "/session/second-factor", new { method = "recovery", code = recovery[0] })).Status);
        Assert.Equal((HttpStatusCode.OK, "SECOND_FACTOR"), await PostAsync(http, "/session/sign-in", new { email = world.Email("Otto"), password = World.Password }));
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/second-factor", new { method = "recovery", code = recovery[0] }));

        // The key and the codes lie sealed.
        await using var db = app.OpenAsOwner();
        var kept = await db.UserTokens.AsNoTracking().Where(t => t.UserId == world.IdOf("Otto")).Select(t => t.Value!).ToListAsync(Ct);
        Assert.NotEmpty(kept);
        Assert.All(kept, value => Assert.StartsWith("m1.", value, StringComparison.Ordinal));
        var events = (await (await world.Ada).AskAsync("query($k: String!) { workspace(key: $k) { securityEvents(first: 50) { nodes { code who } } } }", new { k = world.Workspace.Key })).GetProperty("workspace").GetProperty("securityEvents").GetProperty("nodes");
        Assert.Contains(events.EnumerateArray(), e => e.GetProperty("code").GetString() == "sign-in.failed" && e.GetProperty("who").GetString() == "Otto");
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
        for (var i = 0; i < 5; i++) Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, -30 - i) }));
        Assert.Equal((HttpStatusCode.TooManyRequests, "LOCKED_OUT"), await PostAsync(http, "/session/second-factor", new { method = "totp", code = Totp.Code(key, 1) }));
    }

    [Fact]
    public async Task What_reaches_far_is_approved_with_a_fresh_factor_for_that_very_act()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var (key, recovery) = await SetUpAsync(otto);
        otto.Confirms = null;
        var (run, other) = ((await hermes.ProposeAsync(world, "webhook.send", new { connection = "crm", @event = "a.b", data = new { } })).Run(), (await hermes.ProposeAsync(world, "webhook.send", new { connection = "crm", @event = "c.d", data = new { } })).Run());
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
        async Task<JsonElement> SecretAsync() => (await ada.AskAsync($"mutation($input: IssueAgentSecretInput!) {{ issueAgentSecret(input: $input) {{ secret {NeedsConfirming} }} }}", new { input = new { workspaceId = world.WorkspaceId, agentId = world.IdOf("Hermes"), reason = "rotated" } })).GetProperty("issueAgentSecret");
        var needed = (await SecretAsync()).GetProperty("errors")[0];
        Assert.Equal(["password"], needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
        Assert.Equal("WrongFactor", await ConfirmAsync(ada, needed.GetProperty("confirmationId").GetString()!, "PASSWORD", "not the password"));
        Assert.Null(await ConfirmAsync(ada, needed.GetProperty("confirmationId").GetString()!, "PASSWORD", World.Password));
        Assert.StartsWith("mumega_", (await SecretAsync()).GetProperty("secret").GetString(), StringComparison.Ordinal);
        Assert.Equal("ConfirmationNeeded", (await SecretAsync()).Error());
        Assert.Equal("ConfirmationNeeded", (await ada.ProposeAsync(world, "agent.keys", new { agentId = world.IdOf("Hermes"), keys = Array.Empty<string>() })).Error());
        Assert.Equal("ConfirmationNeeded", (await ada.AskAsync($"mutation($input: AccountInput!) {{ beginAuthenticator(input: $input) {{ key {NeedsConfirming} }} }}", new { input = new { idempotencyKey = Acts.Key() } })).GetProperty("beginAuthenticator").Error());
        Assert.Equal("ConfirmationNeeded", (await ada.AskAsync($"mutation($input: AccountInput!) {{ beginPasskey(input: $input) {{ options {NeedsConfirming} }} }}", new { input = new { idempotencyKey = Acts.Key() } })).GetProperty("beginPasskey").Error());
        Assert.Equal("ConfirmationNeeded", (await ada.ProposeAsync(world, "policy.replace", new { text = Domain.Policies.PolicyBook.Seed + "\n@id(\"mine\") forbid (principal, action == Mumega::Action::\"page.unpublish\", resource);", replaces = 1 })).Error());
        Assert.Equal("ConfirmationNeeded", (await ada.AskAsync($"mutation($input: RequestElevationInput!) {{ requestElevation(input: $input) {{ {NeedsConfirming} }} }}", new { input = new { workspaceKey = "anywhere", role = "auditor", minutes = 30, breakGlass = false, reason = "to look", idempotencyKey = Acts.Key() } })).GetProperty("requestElevation").Error());

        ada.Confirms = _ => ("PASSWORD", World.Password);
        Assert.Equal("DENIED", (await (await world.Otto).ProposeAsync(world, "tenant.second-factor", new { required = true })).Run().State());
        await ada.UntilAsync((await ada.ProposeAsync(world, "tenant.second-factor", new { required = true })).Run(), "SUCCEEDED");
        ada.Confirms = null;

        Assert.Equal("SecondFactorRequired", (await SecretAsync()).Error());

        // The first one can be set up all the same, with the password; then it is what confirms.
        ada.Confirms = _ => ("PASSWORD", World.Password);
        await SetUpAsync(ada);
        ada.Confirms = null;
        Assert.Equal(["totp", "recovery"], (await SecretAsync()).GetProperty("errors")[0].GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
    }

    [Fact]
    public async Task A_passkey_signs_in_and_confirms_each_challenge_once_and_only_from_here()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        using var passkey = new Passkey(app.Address);
        var begun = (await ada.AskAsync($"mutation($input: AccountInput!) {{ beginPasskey(input: $input) {{ options state {NeedsConfirming} }} }}", new { input = new { idempotencyKey = Acts.Key() } })).GetProperty("beginPasskey");
        var credential = passkey.Create(begun.GetProperty("options").GetString()!);
        async Task<JsonElement> AddAsync(Client client) => (await client.AskAsync($"mutation($input: AddPasskeyInput!) {{ addPasskey(input: $input) {{ factors {{ passkeys {{ name }} }} {NeedsConfirming} }} }}", new { input = new { name = "Phone", credential, state = begun.GetProperty("state").GetString() } })).GetProperty("addPasskey");
        Assert.Equal("WrongFactor", (await AddAsync(await world.Otto)).Error());
        var added = await AddAsync(ada);
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
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/passkey", new { credential = passkey.Get((await OptionsAsync()).Options, from: "https://mumega.example") }));
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/passkey", new { credential = passkey.Get((await OptionsAsync()).Options, verified: false) }));
        await OptionsAsync();
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/passkey", new { credential = "{}" }));
        var (earlier, _) = await OptionsAsync();
        await OptionsAsync();
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(http, "/session/passkey", new { credential = passkey.Get(earlier) }));

        var (options, cookie) = await OptionsAsync();
        var answered = passkey.Get(options);

        // Whoever overhears all of it has nothing: a challenge is answered once.
        using var repeating = Visitor(new HttpClientHandler { UseCookies = false });
        repeating.DefaultRequestHeaders.Add("Cookie", $"mumega_passkey={cookie}");
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync(repeating, "/session/passkey", new { credential = answered })).Status);
        Assert.Equal((HttpStatusCode.Unauthorized, "WRONG_FACTOR"), await PostAsync(repeating, "/session/passkey", new { credential = answered }));

        // It confirms one act, by an answer to the challenge that was made for that act.
        ada.Confirms = null;
        Assert.NotNull((await world.Hermes).Token);
        async Task<JsonElement> SecretAsync(string reason) => (await ada.AskAsync($"mutation($input: IssueAgentSecretInput!) {{ issueAgentSecret(input: $input) {{ secret {NeedsConfirming} }} }}", new { input = new { workspaceId = world.WorkspaceId, agentId = world.IdOf("Hermes"), reason } })).GetProperty("issueAgentSecret");
        async Task<string> ChallengeAsync(string id) => (await ada.AskAsync("query($id: ID!) { viewer { passkeyChallenge(confirmationId: $id) } }", new { id })).GetProperty("viewer").GetProperty("passkeyChallenge").GetString()!;
        var needed = (await SecretAsync("rotated")).GetProperty("errors")[0];
        Assert.Equal(["passkey"], needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()));
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

    // A browser that nobody is signed in with.
    private HttpClient Visitor(HttpClientHandler handler)
    {
        var http = new HttpClient(handler) { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        return http;
    }

    internal static async Task<(string Key, IReadOnlyList<string> Recovery)> SetUpAsync(Client client)
    {
        var begun = (await client.AskAsync($"mutation($input: AccountInput!) {{ beginAuthenticator(input: $input) {{ key address {NeedsConfirming} }} }}", new { input = new { idempotencyKey = Acts.Key() } })).GetProperty("beginAuthenticator");
        var key = begun.GetProperty("key").GetString()!;
        var wrong = (await client.AskAsync($"mutation($input: ConfirmAuthenticatorInput!) {{ confirmAuthenticator(input: $input) {{ codes {NeedsConfirming} }} }}", new { input = new { code = Totp.Code(key, -40) } })).GetProperty("confirmAuthenticator");
        Assert.Equal("WrongFactor", wrong.Error());
        var codes = (await client.AskAsync($"mutation($input: ConfirmAuthenticatorInput!) {{ confirmAuthenticator(input: $input) {{ codes {NeedsConfirming} }} }}", new { input = new { code = Totp.Code(key, 0) } })).GetProperty("confirmAuthenticator").GetProperty("codes");
        return (key, [.. codes.EnumerateArray().Select(c => c.GetString()!)]);
    }

    private static async Task<string?> ConfirmAsync(Client client, string confirmationId, string method, string code) =>
        (await client.AskAsync("mutation($input: ConfirmInput!) { confirm(input: $input) { confirmed errors { __typename } } }", new { input = new { confirmationId, method, code } })).GetProperty("confirm").Error();

    private static async Task<(HttpStatusCode Status, string? Code)> PostAsync(HttpClient http, string path, object body)
    {
        using var answer = await http.PostAsJsonAsync(path, body, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return (answer.StatusCode, text.Length == 0 ? null : JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
    }
}

public sealed class FactorsOnSqlite(SqliteApp app) : FactorTests(app);

public sealed class FactorsOnPostgres(PostgresApp app) : FactorTests(app);
