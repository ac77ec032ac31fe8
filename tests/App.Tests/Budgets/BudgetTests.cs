using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace Mumega.App.Tests.Budgets;

/// <summary>Budgets: never more than allowed, whoever and however many ask; given back when nothing came of it; a refusal says until when.</summary>
public abstract class BudgetTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sixty_four_callers_at_once_get_exactly_what_is_allowed()
    {
        var world = await app.WorldAsync();
        await world.Hermes;
        await SetAsync(
            world,
            new
            {
                key = "each-agent",
                scope = "agent",
                minutes = 60,
                runs = 100,
            }
        );
        Assert.Equal((100, 28), await StormAsync(world, [app.Address], 64, 2));
        await CountsAsync(world, 100);
    }

    [Fact]
    public async Task Two_server_processes_share_one_budget()
    {
        if (app is SqliteApp)
            Assert.Skip("The embedded database has one process.");
        var world = await app.WorldAsync();
        await world.Hermes;
        await SetAsync(
            world,
            new
            {
                key = "each-agent",
                scope = "agent",
                minutes = 60,
                runs = 100,
            }
        );
        await using var neighbour = await app.NeighbourAsync();
        Assert.Equal((100, 28), await StormAsync(world, [app.Address, neighbour.Address], 64, 2));
        await CountsAsync(world, 100);
    }

    [Fact]
    public async Task Ten_agents_of_one_person_share_what_the_person_has_and_a_refusal_says_until_when()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await SetAsync(
            world,
            new
            {
                key = "each-person",
                scope = "person",
                family = "pages",
                minutes = 30,
                runs = 3,
            }
        );
        var run = default(JsonElement);
        foreach (var name in new[] { "a1", "a2", "a3" })
            run = (await (await world.AgentAsync(name)).ProposePageAsync(world, $"page-{name}")).Run();

        // Hermes and the others are all Ada's.
        var refused = await (await world.Hermes).ProposePageAsync(world, "one-more");
        Assert.Equal("OverBudget", refused.Error());
        var until = await AllowedAtAsync(await world.Hermes, world);
        Assert.InRange(until - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));
        Assert.Contains("each-person", (
                await (await world.Hermes).AskAsync(
                    "query($key: String!, $i: JSON!) { workspace(key: $key) { eligibility(action: \"page.publish\", input: $i) { overBudget } } }",
                    new
                    {
                        key = world.Workspace.Key,
                        i = new
                        {
                            slug = "x",
                            title = "X",
                            markdown = "x",
                        },
                    }
                )
            ).GetProperty("workspace").GetProperty("eligibility").GetProperty("overBudget").GetString(), StringComparison.Ordinal);

        // Another person has their own; another family is not counted.
        await otto.UntilAsync((await otto.ProposePageAsync(world, "ottos")).Run(), "SUCCEEDED");
        await ada.UntilAsync((await ada.ProposeAsync(world, "runtime.set", new { key = "free", value = 1 })).Run(), "SUCCEEDED");

        // Rejected: nothing came of it, so there is room again. A repeated key is no second use.
        await (await world.Petra).DecideAsync(run, "REJECT");
        Assert.Equal("AWAITING_APPROVAL", (
                await (await world.Hermes).ProposeAsync(
                    world,
                    "page.publish",
                    new
                    {
                        slug = "room",
                        title = "Room",
                        markdown = "x",
                    },
                    "same-key"
                )
            ).Run().State());
        Assert.Equal("AWAITING_APPROVAL", (
                await (await world.Hermes).ProposeAsync(
                    world,
                    "page.publish",
                    new
                    {
                        slug = "room",
                        title = "Room",
                        markdown = "x",
                    },
                    "same-key"
                )
            ).Run().State());
        Assert.Equal("OverBudget", (await (await world.Hermes).ProposePageAsync(world, "one-more")).Error());

        var shown = (
            await ada.AskAsync(
                "query($key: String!) { workspace(key: $key) { budgets { key limit used { who { name } runs } course } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("budgets")[0];
        Assert.Equal(
            [("Ada", 3), ("Otto", 1)],
            shown
                .GetProperty("used")
                .EnumerateArray()
                .Select(u => (u.GetProperty("who").GetProperty("name").GetString(), u.GetProperty("runs").GetInt32()))
        );
        Assert.Equal(4, shown.GetProperty("course").EnumerateArray().Sum(b => b.GetInt32()));

        // What is undone was counted already, and taking the budget away needs no budget.
        var removed = await ada.UntilAsync(
            (await ada.ProposeAsync(world, "budget.remove", new { key = "each-person" })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("AWAITING_APPROVAL", (await (await world.Hermes).ProposePageAsync(world, "free-again")).Run().State());
        await ada.UntilAsync((await ada.RollBackAsync(removed)).Run(), "SUCCEEDED");
        Assert.Equal("OverBudget", (await (await world.Hermes).ProposePageAsync(world, "not-again")).Error());
    }

    [Fact]
    public async Task Money_is_reserved_before_and_settled_after()
    {
        var world = await app.WorldAsync();
        var (ada, hermes, otto) = (await world.Ada, await world.Hermes, await world.Otto);
        await world.ConnectAsync("shop", "ok", idempotent: true);
        await world.ConnectAsync("broken", "refuses", idempotent: true);
        await SetAsync(
            world,
            new
            {
                key = "spend",
                scope = "workspace",
                family = "webhooks",
                minutes = 60,
                amount = 1000,
                currency = "EUR",
            }
        );
        Task<JsonElement> SendAsync(string connection, int amount, string currency = "EUR") =>
            hermes.ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection,
                    @event = "pay",
                    data = new { n = amount },
                    cost = new { amount, currency },
                }
            );

        Assert.Equal("OverBudget", (await SendAsync("shop", 1001)).Error());
        var first = (await SendAsync("shop", 600)).Run();
        Assert.Equal("OverBudget", (await SendAsync("shop", 600)).Error());
        var second = (await SendAsync("broken", 400)).Run();
        Assert.Equal("OverBudget", (await SendAsync("shop", 1)).Error());

        // Another currency is no way around it.
        Assert.Equal("OtherCurrency", (await SendAsync("shop", 5000, "USD")).Error());

        // Spent stays spent; what the receiver refused cost nothing.
        await otto.DecideAsync(first);
        await ada.UntilAsync(first, "SUCCEEDED");
        await otto.DecideAsync(second);
        await ada.UntilAsync(second, "FAILED");
        Assert.Equal("OverBudget", (await SendAsync("shop", 401)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await SendAsync("shop", 400)).Run().State());
    }

    [Fact]
    public async Task A_budget_that_makes_no_sense_is_refused()
    {
        var world = await app.WorldAsync();
        var (ada, hermes) = (await world.Ada, await world.Hermes);
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 1,
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 1,
                        amount = 5,
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 0,
                        runs = 5,
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "workspace",
                        minutes = 1,
                        runs = 5,
                        target = world.IdOf("Ada"),
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 1,
                        runs = 5,
                        target = world.IdOf("Ada"),
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 1,
                        runs = 5,
                        family = "nothing",
                    }
                )
            ).Error()
        );
        Assert.Equal("DENIED", (
                await hermes.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "x",
                        scope = "agent",
                        minutes = 1,
                        runs = 500,
                    }
                )
            ).Run().State());

        // None at all: nothing passes, and there is no time at which it would.
        await SetAsync(
            world,
            new
            {
                key = "nothing",
                scope = "agent",
                minutes = 60,
                runs = 0,
            }
        );
        var refused = await hermes.ProposePageAsync(world, "never");
        Assert.Equal("OverBudget", refused.Error());
        Assert.Contains(
            "this alone exceeds",
            refused.GetProperty("errors")[0].GetProperty("message").GetString(),
            StringComparison.Ordinal
        );
    }

    private static async Task SetAsync(World world, object budget)
    {
        var ada = await world.Ada;
        await ada.UntilAsync((await ada.ProposeAsync(world, "budget.set", budget)).Run(), "SUCCEEDED");
    }

    /// <summary>Callers who all propose at once, spread over the servers; how many passed and how many were refused.</summary>
    private async Task<(int Passed, int Refused)> StormAsync(World world, string[] addresses, int callers, int each)
    {
        var token = (await world.Hermes).Token!;
        var clients = Enumerable.Range(0, callers).Select(i => Client.Bearer(addresses[i % addresses.Length], token)).ToList();
        var answers = await Task.WhenAll(
            clients.Select(
                async (client, i) =>
                {
                    var errors = new List<string?>();
                    for (var n = 0; n < each; n++)
                        errors.Add((await client.ProposePageAsync(world, $"storm-{i}-{n}")).Error());
                    client.Dispose();
                    return errors;
                }
            )
        );
        var all = answers.SelectMany(a => a).ToList();
        Assert.DoesNotContain(all, e => e is not (null or "OverBudget"));
        return (all.Count(e => e is null), all.Count(e => e is "OverBudget"));
    }

    private async Task CountsAsync(World world, int runs)
    {
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        Assert.Equal((runs, runs), (await db.BudgetUses.CountAsync(Ct), await db.Runs.CountAsync(r => r.Action == "page.publish", Ct)));
    }

    private static async Task<DateTimeOffset> AllowedAtAsync(Client client, World world) => (
            await client.AskAsync(
                "mutation($input: ProposeActionInput!) { proposeAction(input: $input) { errors { ... on OverBudget { allowedAt } } } }",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        action = "page.publish",
                        input = new
                        {
                            slug = "when",
                            title = "When",
                            markdown = "x",
                        },
                        reason = "when",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("proposeAction").GetProperty("errors")[0].GetProperty("allowedAt").GetDateTimeOffset();
}

public sealed class BudgetsOnSqlite(SqliteApp app) : BudgetTests(app);

public sealed class BudgetsOnPostgres(PostgresApp app) : BudgetTests(app);

public sealed class BudgetsOnSqlServer(SqlServerApp app) : BudgetTests(app);
