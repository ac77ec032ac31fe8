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
        Assert.Equal("DENIED", (await hermes.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "admin" })).Run().State());

        var rows = await Runs.Poll.UntilAsync(async () => (await ReadAsync(ada, world)).GetProperty("nodes").EnumerateArray().ToList(), found => found.Exists(r => r.GetProperty("code").GetString() == "policy.denied" || r.GetProperty("state").GetString() == "DENIED"));
        var proposed = rows.First(r => r.GetProperty("tool").GetString() == "page.publish" && r.GetProperty("by").GetProperty("name").GetString() == "Hermes");
        Assert.Equal(("Ada", world.Email("Ada")), (proposed.GetProperty("root").GetProperty("name").GetString(), proposed.GetProperty("root").GetProperty("email").GetString()));
        Assert.Equal("ALLOW_BEHIND_GATES", proposed.GetProperty("decision").GetString());
        Assert.Matches("^[0-9a-f]{32}$", proposed.GetProperty("traceId").GetString());
        Assert.Equal("graphql", proposed.GetProperty("surface").GetString());
        var approved = rows.First(r => r.GetProperty("by").GetProperty("name").GetString() == "Otto");
        Assert.Equal((world.Email("Otto"), "looked at it"), (approved.GetProperty("by").GetProperty("email").GetString(), approved.GetProperty("reason").GetString()));
        var denied = rows.First(r => r.GetProperty("state").GetString() == "DENIED");
        Assert.Equal("DENY", denied.GetProperty("decision").GetString());
        Assert.NotEqual(JsonValueKind.Null, denied.GetProperty("reason").ValueKind);

        // By pages and filters.
        var first = await ReadAsync(ada, world, first: 2);
        Assert.Equal(2, first.GetProperty("nodes").GetArrayLength());
        Assert.True(first.GetProperty("pageInfo").GetProperty("hasNextPage").GetBoolean());
        var next = await ReadAsync(ada, world, first: 2, after: first.GetProperty("pageInfo").GetProperty("endCursor").GetString());
        Assert.NotEqual(first.GetProperty("nodes")[0].ToString(), next.GetProperty("nodes")[0].ToString());
        Assert.All((await ReadAsync(ada, world, new { actor = world.IdOf("Otto") })).GetProperty("nodes").EnumerateArray(), r => Assert.Equal("Otto", r.GetProperty("by").GetProperty("name").GetString()));

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
        await otto.UntilAsync((await otto.ProposeAsync(world, "page.publish", new { slug = "sheet", title = "Sheet", markdown = "x" }, reason: "=HYPERLINK(\"http://evil\"), \"quoted\"")).Run(), "SUCCEEDED");
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

    private static async Task<JsonElement> ReadAsync(Client client, World world, object? filter = null, int? first = 100, string? after = null) =>
        (await client.AskAsync(Log, new { key = world.Workspace.Key, filter, first, after })).GetProperty("workspace").GetProperty("auditLog");

    private static async Task<string> ExportAsync(Client client, World world, string format)
    {
        using var answer = await client.Http.GetAsync($"/audit/{world.Workspace.Id}?format={format}", Ct);
        return await answer.Content.ReadAsStringAsync(Ct);
    }
}

public sealed class AuditOnSqlite(SqliteApp app) : AuditTests(app);

public sealed class AuditOnPostgres(PostgresApp app) : AuditTests(app);
