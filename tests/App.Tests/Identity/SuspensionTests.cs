using System.Net.WebSockets;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Identity;

/// <summary>How soon a suspension ends what somebody had open. It is measured, so nothing else runs beside it.</summary>
public abstract class SuspensionTests(MumegaApp app) : AgentSteps(app)
{
    [Fact]
    public async Task Suspending_a_person_ends_three_agents_and_five_child_tokens_within_two_seconds_fifty_times()
    {
        const int Rounds = 50;
        var world = await App.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var agents = new List<(string ClientId, string Secret)>();
        foreach (var name in new[] { "One", "Two", "Three" })
            agents.Add(await SecretAsync(world, otto, await RegisterAsync(world, otto, name)));
        await world.Hermes;

        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            // A person with a browser, three agents, five tokens made from theirs, and an open socket of each kind.
            using var browser = await Client.SignInAsync(App.Address, world.Email("Otto"), World.Password);
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
                sockets.Add(await Sockets.SubscribeAsync(App, token, world));
            foreach (var token in tokens)
                await Client.Bearer(App.Address, token).AskAsync("{ viewer { tenant } }");

            var run = (await ada.ProposeAsync(world, "member.suspend", new { principal = world.IdOf("Otto") })).Run();
            await Poll.UntilAsync(() => StateAsync(world, run), state => state == "SUCCEEDED");
            var begun = TimeProvider.System.GetTimestamp();
            await Task.WhenAll(
                Task.WhenAll(
                    tokens.Select(async token =>
                        Assert.Equal(
                            "UNAUTHENTICATED",
                            GovernedActionTests.Code(await Client.Bearer(App.Address, token).AnswerAsync("{ viewer { tenant } }"))
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
                await using var db = App.Databases.Open(world.Tenant.Id, world.Workspace.Id);
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
}

[Collection(nameof(Alone))]
public sealed class SuspensionsOnSqlite(SqliteApp app) : SuspensionTests(app);

[Collection(nameof(Alone))]
public sealed class SuspensionsOnPostgres(PostgresApp app) : SuspensionTests(app);

[Collection(nameof(Alone))]
public sealed class SuspensionsOnSqlServer(SqlServerApp app) : SuspensionTests(app);
