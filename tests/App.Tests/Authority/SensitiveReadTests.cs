using System.Net;
using System.Text.Json;
using Mumega.App.Tests.Identity;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Policies;

namespace Mumega.App.Tests.Authority;

/// <summary>Fields of receipts, the audit log, evidence and what agents sign in with: limited by policy and budget, and written down where the tenant says so.</summary>
public abstract class SensitiveReadTests(MumegaApp app) : AgentSteps(app)
{
    private const string Fields =
        "query($k: String!, $n: Int!) { workspace(key: $k) { receipts(first: $n) { nodes { kind erased held fields disclosures } } } }";

    [Fact]
    public async Task Reads_count_for_the_person_at_the_root_and_stop_where_the_budget_does()
    {
        var world = await App.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await world.Hermes;
        foreach (var slug in new[] { "one", "two", "three" })
            await otto.UntilAsync((await otto.ProposePageAsync(world, slug)).Run(), "SUCCEEDED");
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "reading",
                        scope = "person",
                        target = world.IdOf("Otto"),
                        family = "reads",
                        minutes = 60,
                        runs = 10,
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );

        // What shows no value costs nothing, and what costs is counted once, however often a query asks for it.
        for (var i = 0; i < 5; i++)
            await otto.AskAsync(
                "query($k: String!) { workspace(key: $k) { receipts(first: 10) { nodes { kind erased held } } } }",
                new { k = world.Workspace.Key }
            );
        Assert.Null(await ReadAsync(otto, world, 6));
        Assert.Equal((6, "10 reads in an hour"), await UsedAsync(ada, world));

        // An agent that acts for the person reads from what they have; by itself it has its owner's.
        var handed = await HandOverAsync(await PersonTokenAsync(world, "Otto", "mumega:read"), world.AgentClientId);
        using var hermes = Client.Bearer(App.Address, (await ExchangeAsync(world, "Hermes", handed.Token()!)).Token()!);
        Assert.Equal("OVER_BUDGET", await ReadAsync(hermes, world, 5));
        Assert.Null(await ReadAsync(hermes, world, 4));
        Assert.Equal("OVER_BUDGET", await ReadAsync(otto, world, 1));
        Assert.Null(await ReadAsync(ada, world, 5));

        // Evidence and proofs are the same reads by another way.
        Assert.Equal(
            "OVER_BUDGET",
            Code(await otto.AnswerAsync("query($k: String!) { workspace(key: $k) { evidence } }", new { k = world.Workspace.Key }))
        );
        Assert.Equal(
            "OVER_BUDGET",
            Code(
                await otto.AnswerAsync(
                    "query($k: String!) { workspace(key: $k) { agents { credentials { hasSecret } } } }",
                    new { k = world.Workspace.Key }
                )
            )
        );
        Assert.Contains(
            await EventsAsync(ada, world),
            e => e.Code == "act.refused" && e.Who == "Otto" && e.Detail.StartsWith("receipt.open: OVER_BUDGET", StringComparison.Ordinal)
        );

        // The budget holds up no act.
        Assert.Equal("SUCCEEDED", (await ada.UntilAsync((await otto.ProposePageAsync(world, "four")).Run(), "SUCCEEDED")).State());
    }

    [Fact]
    public async Task The_audit_log_is_a_sensitive_read_by_every_entrance()
    {
        var world = await App.WorldAsync();
        var (ada, audra, otto) = (await world.Ada, await world.Audra, await world.Otto);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "one")).Run(), "SUCCEEDED");
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "reading",
                        scope = "person",
                        target = world.IdOf("Audra"),
                        family = "reads",
                        minutes = 60,
                        runs = 2,
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );

        using var export = await audra.Http.GetAsync($"/audit/{world.Workspace.Id}?format=csv", Ct);
        Assert.NotEqual(HttpStatusCode.OK, export.StatusCode);
        Assert.Contains("OVER_BUDGET", await export.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        Assert.Equal(
            "OVER_BUDGET",
            Code(
                await audra.AnswerAsync(
                    "query($k: String!) { workspace(key: $k) { auditLog(first: 50) { nodes { code } } } }",
                    new { k = world.Workspace.Key }
                )
            )
        );
        Assert.Null(
            Code(
                await audra.AnswerAsync(
                    "query($k: String!) { workspace(key: $k) { auditLog(first: 1) { nodes { code } } } }",
                    new { k = world.Workspace.Key }
                )
            )
        );
    }

    [Fact]
    public async Task Policy_refuses_a_read_and_has_it_written_down()
    {
        var world = await App.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        var bela = await world.PersonAsync("Bela", "admin");
        await otto.UntilAsync((await otto.ProposePageAsync(world, "one")).Run(), "SUCCEEDED");
        Assert.DoesNotContain(await EventsAsync(ada, world), e => e.Code == "read.traced");

        var text =
            PolicyBook.Seed
            + """

                @id("agents-take-nothing-away")
                forbid (principal is Mumega::Agent, action in [Mumega::Action::"evidence.read", Mumega::Action::"credentials.read"], resource);

                @id("reads-are-written-down")
                @trace
                forbid (principal, action in [Mumega::Action::"receipt.open", Mumega::Action::"audit.read"], resource)
                unless { principal in Mumega::Role::"auditor" };
                """;
        var change = (await ada.ProposeAsync(world, "policy.replace", new { text, replaces = 1 })).Run();
        Assert.Equal("AWAITING_APPROVAL", change.State());
        Assert.Null((await bela.DecideAsync(change)).Error());
        await ada.UntilAsync(change, "SUCCEEDED");

        Assert.Equal(
            "POLICY_DENIED",
            Code(await hermes.AnswerAsync("query($k: String!) { workspace(key: $k) { evidence } }", new { k = world.Workspace.Key }))
        );
        Assert.Null(await ReadAsync(otto, world, 3));
        Assert.Null(await ReadAsync(otto, world, 2));
        Assert.Null(await ReadAsync(await world.Audra, world, 3));
        var traced = await Poll.UntilAsync(
            async () => (await EventsAsync(ada, world)).Where(e => e.Code == "read.traced" && e.Detail == "receipt.open").ToList(),
            all => all.Where(e => e.Who == "Otto").Sum(e => e.Count) == 5
        );
        Assert.DoesNotContain(traced, e => e.Who == "Audra");

        // A trace is neither a permit nor a gate.
        foreach (var wrong in new[] { "@trace permit", "@trace @gate(\"admin\") forbid" })
        {
            var refused = await ada.ProposeAsync(
                world,
                "policy.replace",
                new { text = $"{text}\n@id(\"x\") {wrong} (principal, action, resource);", replaces = 2 }
            );
            Assert.Equal("InvalidInput", refused.Error());
        }
    }

    private static async Task<string?> ReadAsync(Client by, World world, int receipts) =>
        Code(await by.AnswerAsync(Fields, new { k = world.Workspace.Key, n = receipts }));

    private static string? Code(JsonElement answer) => answer.TryGetProperty("errors", out _) ? GovernedActionTests.Code(answer) : null;

    private static async Task<(int Runs, string Limit)> UsedAsync(Client by, World world)
    {
        var budget = (
            await by.AskAsync(
                "query($k: String!) { workspace(key: $k) { budgets { limit used { runs } } } }",
                new { k = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("budgets")[0];
        return (budget.GetProperty("used")[0].GetProperty("runs").GetInt32(), budget.GetProperty("limit").GetString()!);
    }

    private static async Task<List<(string Code, string? Who, string Detail, int Count)>> EventsAsync(Client by, World world) =>
        [
            .. (
                await by.AskAsync(
                    "query($k: String!) { workspace(key: $k) { securityEvents(first: 100) { nodes { code who detail count } } } }",
                    new { k = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("securityEvents")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(e =>
                    (
                        e.GetProperty("code").GetString()!,
                        e.GetProperty("who").GetString(),
                        e.GetProperty("detail").GetString() ?? "",
                        e.GetProperty("count").GetInt32()
                    )
                ),
        ];
}

public sealed class SensitiveReadsOnSqlite(SqliteApp app) : SensitiveReadTests(app);

public sealed class SensitiveReadsOnPostgres(PostgresApp app) : SensitiveReadTests(app);

public sealed class SensitiveReadsOnSqlServer(SqlServerApp app) : SensitiveReadTests(app);
