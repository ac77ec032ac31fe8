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
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => app.Services.GetRequiredService<Installation>().AddPersonAsync(world.Tenant, "Olive", $"olive.tree@{world.Tenant.Key}.test", password, Ct));
        Assert.NotEmpty(refused.Message);
    }

    [Fact]
    public async Task A_password_that_nobody_guesses_is_taken()
    {
        var world = await app.WorldAsync();
        foreach (var (password, i) in new[] { "correct horse battery", "the lighthouse at noon", "k3j!9sd0-ql2" }.Select((p, i) => (p, i)))
            await app.Services.GetRequiredService<Installation>().AddPersonAsync(world.Tenant, "Olive", $"olive{i}@{world.Tenant.Key}.test", password, Ct);
    }

    private static async Task<JsonElement> EndAsync(Client by, string sessionId) =>
        (await by.AskAsync("mutation($input: EndSessionInput!) { endSession(input: $input) { errors { __typename } } }", new { input = new { sessionId } })).GetProperty("endSession");
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
            using var answer = await http.PostAsJsonAsync("/session/sign-in", new { email = $"somebody-{i}@example.test", password = "correct horse battery" }, TestContext.Current.CancellationToken);
            answers.Add(answer.StatusCode);
            if (answer.StatusCode is HttpStatusCode.TooManyRequests) Assert.Equal("TOO_MANY_ATTEMPTS", (await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("code").GetString());
        }

        Assert.Equal(20, answers.Count(a => a is HttpStatusCode.Unauthorized));
        Assert.Equal(5, answers.Count(a => a is HttpStatusCode.TooManyRequests));
    }
}
