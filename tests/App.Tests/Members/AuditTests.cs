using System.Text.Json;

namespace Mumega.App.Tests.Members;

/// <summary>The audit log says of everything who, for whom, by which way, what was decided and why; and leaves the house as a file.</summary>
public abstract class AuditTests(MumegaApp app)
{
    private const string Log = """
        query($key: String!, $filter: ReceiptFilterInput, $first: Int, $after: String) { workspace(key: $key) { auditLog(first: $first, after: $after, filter: $filter) {
          pageInfo { hasNextPage endCursor } nodes { at by { name email kind tier } root { name email } chain { name } surface tool decision code state reason traceId } } } }
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_row_has_who_for_whom_by_which_way_what_was_decided_and_why()
    {
        var world = await app.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        var run = (await hermes.ProposePageAsync(world, "audited")).Run();
        Assert.Null((await otto.DecideAsync(run)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Equal(
            "DENIED",
            (await hermes.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "admin" })).Run().State()
        );

        var rows = await Runs.Poll.UntilAsync(
            async () => (await ReadAsync(ada, world)).GetProperty("nodes").EnumerateArray().ToList(),
            found =>
                found.Exists(r => r.GetProperty("code").GetString() == "policy.denied" || r.GetProperty("state").GetString() == "DENIED")
        );
        var proposed = rows.First(r =>
            r.GetProperty("tool").GetString() == "page.publish" && r.GetProperty("by").GetProperty("name").GetString() == "Hermes"
        );
        Assert.Equal(
            ("Ada", world.Email("Ada")),
            (proposed.GetProperty("root").GetProperty("name").GetString(), proposed.GetProperty("root").GetProperty("email").GetString())
        );
        Assert.Equal("ALLOW_BEHIND_GATES", proposed.GetProperty("decision").GetString());
        Assert.Matches("^[0-9a-f]{32}$", proposed.GetProperty("traceId").GetString());
        Assert.Equal("graphql", proposed.GetProperty("surface").GetString());
        var approved = rows.First(r => r.GetProperty("by").GetProperty("name").GetString() == "Otto");
        Assert.Equal(
            (world.Email("Otto"), "looked at it"),
            (approved.GetProperty("by").GetProperty("email").GetString(), approved.GetProperty("reason").GetString())
        );
        var denied = rows.First(r => r.GetProperty("state").GetString() == "DENIED");
        Assert.Equal("DENY", denied.GetProperty("decision").GetString());
        Assert.NotEqual(JsonValueKind.Null, denied.GetProperty("reason").ValueKind);

        // By pages and filters.
        var first = await ReadAsync(ada, world, first: 2);
        Assert.Equal(2, first.GetProperty("nodes").GetArrayLength());
        Assert.True(first.GetProperty("pageInfo").GetProperty("hasNextPage").GetBoolean());
        var next = await ReadAsync(ada, world, first: 2, after: first.GetProperty("pageInfo").GetProperty("endCursor").GetString());
        Assert.NotEqual(first.GetProperty("nodes")[0].ToString(), next.GetProperty("nodes")[0].ToString());
        Assert.All(
            (await ReadAsync(ada, world, new { actor = world.IdOf("Otto") })).GetProperty("nodes").EnumerateArray(),
            r => Assert.Equal("Otto", r.GetProperty("by").GetProperty("name").GetString())
        );

        // For who audits; for others there is none.
        Assert.NotEqual(JsonValueKind.Null, (await ReadAsync(await world.Audra, world)).ValueKind);
        Assert.Equal(JsonValueKind.Null, (await ReadAsync(otto, world)).ValueKind);
        Assert.Equal(JsonValueKind.Null, (await ReadAsync(hermes, world)).ValueKind);
    }

    [Fact]
    public async Task It_is_exported_as_CSV_NDJSON_and_CloudEvents_and_no_cell_is_a_formula()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "page.publish",
                    new
                    {
                        slug = "sheet",
                        title = "Sheet",
                        markdown = "x",
                    },
                    reason: "=HYPERLINK(\"http://evil\"), \"quoted\""
                )
            ).Run(),
            "SUCCEEDED"
        );
        await Runs.Poll.UntilAsync(async () => (await ReadAsync(ada, world)).GetProperty("nodes").GetArrayLength(), n => n >= 3);

        var csv = await ExportAsync(ada, world, "csv");
        Assert.StartsWith("at,receipt,by,", csv, StringComparison.Ordinal);
        Assert.Contains("\"'=HYPERLINK(\"\"http://evil\"\"), \"\"quoted\"\"\"", csv, StringComparison.Ordinal);
        var lines = (await ExportAsync(ada, world, "ndjson")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length - 1, lines.Length);
        Assert.All(lines, line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.GetProperty("by").ValueKind));
        foreach (var line in (await ExportAsync(ada, world, "cloudevents")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var e = JsonDocument.Parse(line).RootElement;
            Assert.Equal("1.0", e.GetProperty("specversion").GetString());
            Assert.All(new[] { "id", "source", "type" }, name => Assert.NotEqual("", e.GetProperty(name).GetString()));
        }

        Assert.Contains("NOT_FOUND", await ExportAsync(otto, world, "csv"), StringComparison.Ordinal);
        Assert.Contains("INVALID_ARGUMENT", await ExportAsync(ada, world, "pdf"), StringComparison.Ordinal);
        Assert.Contains("NOT_FOUND", await ExportAsync(await (await app.WorldAsync()).Ada, world, "csv"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_row_of_a_run_names_who_caused_it_and_who_wrote_it()
    {
        var world = await app.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        var run = (await hermes.ProposePageAsync(world, "caused")).Run();
        Assert.Null((await otto.DecideAsync(run)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");
        var rows = await Runs.Poll.UntilAsync(
            async () =>
                (
                    await ada.AskAsync(
                        "query($key: String!) { workspace(key: $key) { auditLog(first: 50) { nodes { code tool traceId by { name } cause { name kind } root { name email } } } } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("auditLog")
                    .GetProperty("nodes")
                    .EnumerateArray()
                    .Where(r => r.GetProperty("tool").GetString() == "page.publish")
                    .ToList(),
            found => found.Exists(r => r.GetProperty("code").GetString() == "succeeded")
        );
        Assert.All(
            rows,
            r =>
                Assert.Equal(
                    ("Hermes", "Ada", world.Email("Ada")),
                    (
                        r.GetProperty("cause").GetProperty("name").GetString(),
                        r.GetProperty("root").GetProperty("name").GetString(),
                        r.GetProperty("root").GetProperty("email").GetString()
                    )
                )
        );
        Assert.Single(rows.Select(r => r.GetProperty("traceId").GetString()).Distinct());
        Assert.Equal(
            ["Hermes", "Mumega", "Otto"],
            rows.Select(r => r.GetProperty("by").GetProperty("name").GetString()).Distinct().Order()
        );
        Assert.Contains(",cause,cause_kind,", await ExportAsync(ada, world, "csv"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_refused_leaves_one_row_with_a_count_that_says_who_what_and_why()
    {
        var world = await app.WorldAsync();
        var other = await app.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "budget.set",
                    new
                    {
                        key = "none",
                        scope = "agent",
                        minutes = 60,
                        runs = 0,
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        for (var i = 0; i < 40; i++)
            Assert.Equal("OverBudget", (await hermes.ProposePageAsync(world, $"over-{i}")).Error());
        Assert.Equal("NotFound", (await hermes.ProposeAsync(other, "page.unpublish", new { slug = "x" })).Error());
        Assert.Equal("PolicyDenied", (await hermes.EngageAsync(world, "WORKSPACE")).Error());
        Assert.NotNull((
                await hermes.AskAsync(
                    "mutation($input: IssueAgentSecretInput!) { issueAgentSecret(input: $input) { errors { __typename } } }",
                    new
                    {
                        input = new
                        {
                            workspaceId = world.WorkspaceId,
                            agentId = world.IdOf("Hermes"),
                            reason = "mine",
                        },
                    }
                )
            ).GetProperty("issueAgentSecret").Error());
        Assert.Equal(JsonValueKind.Null, (await ReadAsync(otto, world)).ValueKind);
        Assert.Null((await ada.EngageAsync(world, "FAMILY", "runtime")).Error());
        Assert.Equal("Stopped", (await otto.ProposeAsync(world, "runtime.set", new { key = "a", value = "1" })).Error());

        var events = await Runs.Poll.UntilAsync(
            async () =>
                (
                    await ada.AskAsync(
                        "query($key: String!) { workspace(key: $key) { securityEvents(first: 100) { nodes { code who detail count surface here } } } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("securityEvents")
                    .GetProperty("nodes")
                    .EnumerateArray()
                    .Where(e => e.GetProperty("code").GetString() == "act.refused")
                    .ToList(),
            found => found.Count >= 6
        );
        JsonElement Of(string act) => events.Single(e => e.GetProperty("detail").GetString()!.StartsWith(act, StringComparison.Ordinal));
        Assert.Equal(
            ("Hermes", true, "graphql"),
            (
                Of("propose page.publish: OVER_BUDGET").GetProperty("who").GetString(),
                Of("propose page.publish: OVER_BUDGET").GetProperty("here").GetBoolean(),
                Of("propose page.publish: OVER_BUDGET").GetProperty("surface").GetString()
            )
        );
        Assert.False(Of("propose page.unpublish: NOT_FOUND").GetProperty("here").GetBoolean());
        foreach (
            var act in new[]
            {
                "engage: POLICY_DENIED",
                "issueAgentSecret: POLICY_DENIED",
                "audit.read: POLICY_DENIED",
                "propose runtime.set: STOPPED",
            }
        )
            Of(act);

        // Forty at once are one row that counts them all, though nothing follows.
        await Runs.Poll.UntilAsync(
            async () =>
            {
                return (
                    await ada.AskAsync(
                        "query($key: String!) { workspace(key: $key) { securityEvents(first: 100) { nodes { detail count } } } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("securityEvents")
                    .GetProperty("nodes")
                    .EnumerateArray()
                    .Single(e => e.GetProperty("detail").GetString()?.StartsWith("propose page.publish", StringComparison.Ordinal) == true)
                    .GetProperty("count")
                    .GetInt32();
            },
            count => count == 40
        );
    }

    private static async Task<JsonElement> ReadAsync(
        Client client,
        World world,
        object? filter = null,
        int? first = 100,
        string? after = null
    ) => (
            await client.AskAsync(
                Log,
                new
                {
                    key = world.Workspace.Key,
                    filter,
                    first,
                    after,
                }
            )
        ).GetProperty("workspace").GetProperty("auditLog");

    private static async Task<string> ExportAsync(Client client, World world, string format)
    {
        using var answer = await client.Http.GetAsync($"/audit/{world.Workspace.Id}?format={format}", Ct);
        return await answer.Content.ReadAsStringAsync(Ct);
    }
}

public sealed class AuditOnSqlite(SqliteApp app) : AuditTests(app);

public sealed class AuditOnPostgres(PostgresApp app) : AuditTests(app);
