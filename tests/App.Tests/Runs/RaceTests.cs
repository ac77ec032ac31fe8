using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Domain.Jobs;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Runs;

public abstract class RaceTests(MumegaApp app)
{
    private const int Crowd = 50;

    [Fact]
    public async Task Fifty_equal_keys_propose_one_run()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var payloads = await Task.WhenAll(
            Enumerable.Range(0, Crowd).Select(_ => otto.ProposeAsync(world, "runtime.set", new { key = "one", value = 1 }, key: "the-same"))
        );
        Assert.Single(payloads.Select(p => p.Run().GetProperty("id").GetString()).Distinct());

        await otto.UntilAsync(payloads[0].Run(), "SUCCEEDED");
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        Assert.Equal(1, await db.Runs.CountAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Fifty_decisions_by_one_person_count_once()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);
        var run = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.level", value = 2 })).Run();

        var payloads = await Task.WhenAll(Enumerable.Range(0, Crowd).Select(_ => otto.DecideAsync(run)));
        Assert.Single(payloads, p => p.Error() is null);
        Assert.Equal("AWAITING_APPROVAL", (await otto.RunAsync(run)).State());

        await petra.DecideAsync(run);
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Equal(
            1,
            done.GetProperty("receipts").EnumerateArray().Count(r => r.GetProperty("reasonCode").GetString() == "gate.approved")
        );
    }

    [Fact]
    public async Task Approvals_and_rejections_at_once_have_one_winner()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);
        var run = (await hermes.ProposePageAsync(world, "duel")).Run();

        var payloads = await Task.WhenAll(
            Enumerable.Range(0, Crowd).Select(i => i % 2 == 0 ? otto.DecideAsync(run) : petra.DecideAsync(run, "REJECT"))
        );
        Assert.Single(payloads, p => p.Error() is null);
        var end = await otto.UntilAsync(run, "SUCCEEDED", "REJECTED");
        Assert.Equal(
            1,
            end.GetProperty("receipts")
                .EnumerateArray()
                .Count(r => r.GetProperty("reasonCode").GetString() is "gate.approved" or "gate.rejected")
        );
    }

    [Fact]
    public async Task Fifty_executions_of_one_run_have_one_effect()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var run = (
            await hermes.ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "crm",
                    @event = "a.b",
                    data = new { n = 1 },
                }
            )
        ).Run();
        await otto.DecideAsync(run);
        var done = await otto.UntilAsync(run, "SUCCEEDED");

        // The same job, handed to fifty more workers after and while it is done.
        var ct = TestContext.Current.CancellationToken;
        Job job;
        await using (var db = app.Databases.OpenPlatform())
            job = await db.Jobs.AsNoTracking().SingleAsync(j => j.SubjectId == RunId(run) && j.Kind == JobKind.ExecuteRun, ct);
        var runner = app.Services.GetRequiredService<Runner>();
        await Task.WhenAll(Enumerable.Range(0, Crowd).Select(_ => runner.RunAsync([job], ct)));

        Assert.Single(app.Receiver.Of(Effect(done)));
        Assert.Equal(
            1,
            (await otto.RunAsync(run))
                .GetProperty("receipts")
                .EnumerateArray()
                .Count(r => r.GetProperty("kind").GetString() == "outcome.confirmed")
        );
    }

    [Fact]
    public async Task Thirty_two_clients_write_at_once_and_every_write_arrives_in_order_of_its_chain()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var runs = await Task.WhenAll(
            Enumerable
                .Range(0, 32)
                .Select(async i => (await otto.ProposeAsync(world, "runtime.set", new { key = $"k{i}", value = i })).Run())
        );
        foreach (var run in runs)
            await otto.UntilAsync(run, "SUCCEEDED");

        var ct = TestContext.Current.CancellationToken;
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var places = await Poll.UntilAsync(
            async () => await db.ReceiptPlaces.AsNoTracking().Where(p => p.TenantId == world.Tenant.Id).ToListAsync(ct),
            all => all.All(p => p.Position is not null)
        );
        Assert.Equal(32 * 5, places.Count);
        Assert.Equal(Enumerable.Range(1, places.Count).Select(i => (long?)i), places.Select(p => p.Position).Order());
        Assert.All(
            places.GroupBy(p => p.SubjectId),
            chain => Assert.Equal(chain.OrderBy(p => p.Step).Select(p => p.Step), chain.OrderBy(p => p.Position).Select(p => p.Step))
        );
    }

    internal static Guid RunId(JsonElement run) => Api.GraphQL.NodeId.Parse(run.GetProperty("id").GetString(), "Run")!.Value.Id;

    internal static string Effect(JsonElement run) =>
        run.GetProperty("receipts")[0].GetProperty("fields").GetProperty("effect_id").GetString()!;
}

internal static class Poll
{
    /// <summary>Asks again until the answer is right; fails after twenty seconds, or those given.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> right, int seconds = 20)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (right(answer))
                return answer;
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(seconds), $"still not right: {answer}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

public sealed class RacesOnSqlite(SqliteApp app) : RaceTests(app);

public sealed class RacesOnPostgres(PostgresApp app) : RaceTests(app);

public sealed class RacesOnSqlServer(SqlServerApp app) : RaceTests(app);
