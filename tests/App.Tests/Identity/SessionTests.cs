using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Api.Setup;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Identity;

/// <summary>Where somebody is signed in, and what keeps passwords from being guessed.</summary>
public abstract class SessionTests(MumegaApp app)
{
    private const string List = "{ viewer { sessions { sessionId current browser address } } }";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_shows_where_it_is_and_is_ended_from_elsewhere()
    {
        var world = await app.WorldAsync();
        var (here, petra) = (await world.Otto, await world.Petra);
        using var there = await Client.SignInAsync(app.Address, world.Email("Otto"), World.Password);
        var sessions = (await here.AskAsync(List)).GetProperty("viewer").GetProperty("sessions").EnumerateArray().ToList();
        Assert.Equal(2, sessions.Count);
        Assert.Equal(1, sessions.Count(s => s.GetProperty("current").GetBoolean()));
        Assert.All(sessions, s => Assert.Equal(JsonValueKind.String, s.GetProperty("address").ValueKind));

        var other = sessions.Single(s => !s.GetProperty("current").GetBoolean()).GetProperty("sessionId").GetString()!;
        using var socket = await Sockets.SubscribeAsync(app, there, world);
        Assert.Equal("NotFound", (await EndAsync(petra, other)).Error());
        Assert.Equal("NotFound", (await EndAsync(await world.Hermes, other)).Error());
        Assert.Null((await EndAsync(here, other)).Error());
        await Sockets.ClosedAsync(socket);
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await there.AnswerAsync(List)));
        Assert.Equal("NotFound", (await EndAsync(here, other)).Error());
        Assert.Equal(0, (await (await world.Hermes).AskAsync(List)).GetProperty("viewer").GetProperty("sessions").GetArrayLength());
    }

    [Fact]
    public async Task Another_password_ends_all_that_was_open_with_the_old_one_and_every_client_is_seen()
    {
        var world = await app.WorldAsync();
        var here = await world.Otto;
        using var there = await Client.SignInAsync(app.Address, world.Email("Otto"), World.Password);

        // Tokens without a browser's session, and a sign-in that is not used yet.
        var (code, verifier) = await TokenTests.CodeAsync(app, world, "S256", "Otto", "mumega:read offline_access");
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        async Task<(HttpStatusCode Status, JsonElement Json)> TokensAsync(params (string, string)[] form)
        {
            using var content = new FormUrlEncodedContent(
                form.Append(("client_id", "mission-control")).ToDictionary(f => f.Item1, f => f.Item2)
            );
            using var answer = await http.PostAsync("/connect/token", content, Ct);
            return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(Ct));
        }

        var tokens = (
            await TokensAsync(
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", $"{app.Address}/session/callback"),
                ("code_verifier", verifier)
            )
        ).Json;
        using var bearer = Client.Bearer(app.Address, tokens.GetProperty("access_token").GetString()!);
        await bearer.AskAsync("{ viewer { tenant } }");
        using var signedIn = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new(app.Address) };
        signedIn.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using (
            var answer = await signedIn.PostAsJsonAsync(
                "/session/sign-in",
                new { email = world.Email("Otto"), password = World.Password },
                Ct
            )
        )
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);

        var shown = (await here.AskAsync("{ viewer { sessions { sessionId current client } } }"))
            .GetProperty("viewer")
            .GetProperty("sessions")
            .EnumerateArray()
            .ToList();
        Assert.Equal(3, shown.Count);
        Assert.Equal(["Mission Control"], shown.Select(s => s.GetProperty("client").GetString()).Where(c => c is not null));
        Assert.Equal(1, shown.Count(s => s.GetProperty("current").GetBoolean()));

        const string Other = "quite another password";
        var changed = (
            await here.AskAsync(
                "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { endedSessions errors { code } } }",
                new { input = new { password = Other, idempotencyKey = Acts.Key() } }
            )
        ).GetProperty("changePassword");
        Assert.Equal(2, changed.GetProperty("endedSessions").GetInt32());
        await here.AskAsync("{ viewer { tenant } }");
        foreach (var old in new[] { there, bearer })
            Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await old.AnswerAsync("{ viewer { tenant } }")));
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await TokensAsync(("grant_type", "refresh_token"), ("refresh_token", tokens.GetProperty("refresh_token").GetString()!))).Status
        );
        using var authorize = await signedIn.GetAsync(
            $"/connect/authorize?client_id=mission-control&response_type=code&redirect_uri={Uri.EscapeDataString($"{app.Address}/session/callback")}&scope=mumega%3Aread&state=s&code_challenge={new string('a', 43)}&code_challenge_method=S256",
            Ct
        );
        Assert.StartsWith("/sign-in", authorize.Headers.Location?.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_of_ones_own_is_ended_from_elsewhere()
    {
        var world = await app.WorldAsync();
        var here = await world.Otto;
        var (code, verifier) = await TokenTests.CodeAsync(app, world, "S256", "Otto", "mumega:read offline_access");
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "authorization_code",
                ["client_id"] = "mission-control",
                ["code"] = code,
                ["redirect_uri"] = $"{app.Address}/session/callback",
                ["code_verifier"] = verifier,
            }
        );
        using var answer = await http.PostAsync("/connect/token", form, Ct);
        using var bearer = Client.Bearer(
            app.Address,
            (await answer.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("access_token").GetString()!
        );
        var own = (await bearer.AskAsync("{ viewer { sessions { sessionId current } } }"))
            .GetProperty("viewer")
            .GetProperty("sessions")
            .EnumerateArray()
            .Single(s => s.GetProperty("current").GetBoolean())
            .GetProperty("sessionId")
            .GetString()!;
        Assert.Equal("NotFound", (await EndAsync(await world.Petra, own)).Error());
        Assert.Null((await EndAsync(here, own)).Error());
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await bearer.AnswerAsync("{ viewer { tenant } }")));
    }

    [Theory]
    [InlineData("passwordpassword")]
    [InlineData("P@ssw0rd1234")]
    [InlineData("welcome12345!")]
    [InlineData("aaaaaaaaaaaaaa")]
    [InlineData("hello-hello-")]
    [InlineData("qwertyuiopasdf")]
    [InlineData("0987654321098")]
    [InlineData("abcdefgh1234")]
    [InlineData("olive.tree12")]
    [InlineData("short")]
    public async Task A_password_that_is_guessed_first_is_not_taken(string password)
    {
        var world = await app.WorldAsync();
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            app
                .Services.GetRequiredService<Installation>()
                .AddPersonAsync(world.Tenant, "Olive", $"olive.tree@{world.Tenant.Key}.test", password, Ct)
        );
        Assert.NotEmpty(refused.Message);
    }

    [Fact]
    public async Task A_password_that_nobody_guesses_is_taken()
    {
        var world = await app.WorldAsync();
        foreach (var (password, i) in new[] { "correct horse battery", "the lighthouse at noon", "k3j!9sd0-ql2" }.Select((p, i) => (p, i)))
            await app
                .Services.GetRequiredService<Installation>()
                .AddPersonAsync(world.Tenant, "Olive", $"olive{i}@{world.Tenant.Key}.test", password, Ct);
    }

    private static async Task<JsonElement> EndAsync(Client by, string sessionId) =>
        (
            await by.AskAsync(
                "mutation($input: EndSessionInput!) { endSession(input: $input) { errors { __typename } } }",
                new { input = new { sessionId } }
            )
        ).GetProperty("endSession");
}

public sealed class SessionsOnSqlite(SqliteApp app) : SessionTests(app);

public sealed class SessionsOnPostgres(PostgresApp app) : SessionTests(app);

public sealed class SessionsOnSqlServer(SqlServerApp app) : SessionTests(app);

/// <summary>An application with the limit that it ships with.</summary>
public sealed class LimitedApp : MumegaApp
{
    protected override int SignInsPerMinute => 20;

    protected override Task<(string Kind, string Connection)> DatabaseAsync(string folder) => Task.FromResult(("Sqlite", ""));
}

public sealed class SignInLimitTests(LimitedApp app) : IClassFixture<LimitedApp>
{
    [Fact]
    public async Task One_address_does_not_try_many_peoples_passwords()
    {
        await app.WorldAsync();
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 25; i++)
        {
            using var answer = await http.PostAsJsonAsync(
                "/session/sign-in",
                new { email = $"somebody-{i}@example.test", password = "correct horse battery" },
                TestContext.Current.CancellationToken
            );
            answers.Add(answer.StatusCode);
            if (answer.StatusCode is HttpStatusCode.TooManyRequests)
                Assert.Equal(
                    "TOO_MANY_ATTEMPTS",
                    (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken))
                        .GetProperty("code")
                        .GetString()
                );
        }

        Assert.Equal(20, answers.Count(a => a is HttpStatusCode.Unauthorized));
        Assert.Equal(5, answers.Count(a => a is HttpStatusCode.TooManyRequests));
    }
}

/// <summary>Behind a proxy that ends TLS and is named in the configuration.</summary>
public sealed class ProxiedApp : MumegaApp
{
    protected override int SignInsPerMinute => 3;

    protected override void Adjust(Microsoft.AspNetCore.Builder.WebApplicationBuilder builder)
    {
        builder.Configuration["PublicAddress"] = "https://mumega.test";
        builder.Configuration["Proxies:0"] = "127.0.0.0/8";
        builder.Configuration["Proxies:1"] = "::1";
    }

    protected override Task<(string Kind, string Connection)> DatabaseAsync(string folder) => Task.FromResult(("Sqlite", ""));
}

public sealed class ProxyTests(ProxiedApp proxied, LimitedApp direct) : IClassFixture<ProxiedApp>, IClassFixture<LimitedApp>
{
    [Fact]
    public async Task Cookies_are_secure_where_the_public_address_is_and_limits_count_the_real_client()
    {
        // Two hops are configured; the nearest proxy says who came to it.
        for (var i = 0; i < 3; i++)
            Assert.Equal(HttpStatusCode.Unauthorized, await TryAsync(proxied, "203.0.113.7"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await TryAsync(proxied, "203.0.113.7"));
        Assert.Equal(HttpStatusCode.Unauthorized, await TryAsync(proxied, "203.0.113.8"));

        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false });
        using var start = await http.GetAsync($"{proxied.Address}/session/start", TestContext.Current.CancellationToken);
        Assert.All(start.Headers.GetValues("Set-Cookie"), c => Assert.Contains("; secure", c, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_forwarded_address_is_believed_from_nobody_else()
    {
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 21; i++)
            answers.Add(await TryAsync(direct, $"203.0.113.{i}"));
        Assert.Equal(HttpStatusCode.TooManyRequests, answers[^1]);
    }

    private static async Task<HttpStatusCode> TryAsync(MumegaApp app, string from)
    {
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        http.DefaultRequestHeaders.Add("X-Forwarded-For", from);
        using var answer = await http.PostAsJsonAsync(
            "/session/sign-in",
            new { email = "nobody@example.com", password = "no idea at all" },
            TestContext.Current.CancellationToken
        );
        return answer.StatusCode;
    }
}
