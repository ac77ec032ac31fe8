using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Receipts;

/// <summary>What a receipt says is seen by permission, can be left out, and can be destroyed, and the log is whole all the while.</summary>
public abstract class ErasureTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Erased_values_are_gone_everywhere_and_the_log_still_verifies()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        var run = await otto.UntilAsync((await otto.ProposePageAsync(world, "personal", "Call Ingrid at 555-0199.")).Run(), "SUCCEEDED");
        var before = await ProofAsync(otto, run, 0);
        Assert.Contains("555-0199", Opened(before), StringComparison.Ordinal);

        var erase = (
            await otto.ProposeAsync(
                world,
                "receipt.erase",
                new
                {
                    receiptId = await IdAsync(otto, run, 0),
                    fields = new[] { "parameters.markdown" },
                    basis = "data_subject_request",
                }
            )
        ).Run();
        Assert.Equal("AWAITING_APPROVAL", erase.State());
        Assert.Null((await petra.DecideAsync(erase)).Error());
        var done = await otto.UntilAsync(erase, "SUCCEEDED");
        Assert.Equal("erased", done.GetProperty("receipts").EnumerateArray().Last().GetProperty("kind").GetString());
        Assert.Contains(
            "no undo",
            (await otto.RollBackAsync(done)).GetProperty("errors")[0].GetProperty("message").GetString(),
            StringComparison.Ordinal
        );

        // Nowhere in the database of runs and receipts is the value any more.
        await using (var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id))
        {
            foreach (var d in await db.Disclosures.AsNoTracking().ToListAsync(Ct))
                Assert.DoesNotContain("555-0199", d.Fields().ToString(), StringComparison.Ordinal);
            foreach (var r in await db.Runs.AsNoTracking().ToListAsync(Ct))
                Assert.DoesNotContain("555-0199", $"{r.Input}{r.PreflightJson}{r.UndoJson}{r.Result}", StringComparison.Ordinal);
        }

        var after = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { input rollback { status } receipts { entry digest erased fields } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        ).GetProperty("node");
        Assert.Equal(
            ["parameters.markdown"],
            after.GetProperty("receipts")[0].GetProperty("erased").EnumerateArray().Select(e => e.GetString())
        );
        Assert.False(after.GetProperty("input").TryGetProperty("markdown", out _));
        Assert.Equal("BLOCKED", after.GetProperty("rollback").GetProperty("status").GetString());

        // The entry is the same to the byte, the old proof holds, a new one holds, and whoever has the old file can still open it.
        var now = await ProofAsync(otto, run, 0);
        Assert.Equal(before.Entry, now.Entry);
        Assert.Null(await app.Services.GetRequiredService<LogAuditor>().AuditAsync(world.Tenant.Id, Ct));
        foreach (var proof in new[] { before, now })
            Assert.Equal(
                CheckResult.Valid,
                EvidenceVerifier.Verify(Encoding.UTF8.GetBytes(proof.File), await TrustAsync(otto, world)).Result
            );
    }

    [Fact]
    public async Task Every_copy_of_an_erased_value_is_found()
    {
        const string Canary = "canary-4f1c77";
        var world = await app.WorldAsync();
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);

        // Kept in what changed while it waited, in checks, previews, summaries, confirmations and refusals.
        await world.ConnectAsync("shop", "ok", idempotent: true);
        var run = (await hermes.ProposePageAsync(world, "copied", $"See {Canary}.")).Run();
        await otto.UntilAsync((await otto.ProposePageAsync(world, "copied", "Meanwhile.")).Run(), "SUCCEEDED");
        Assert.Equal("StaleDigest", (await petra.DecideAsync(run)).Error());
        run = await petra.RunAsync(run);
        Assert.Null((await petra.DecideAsync(run)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");
        var key = (
            await otto.UntilAsync(
                (await otto.ProposeAsync(world, "runtime.set", new { key = "copied.key", value = Canary })).Run(),
                "SUCCEEDED"
            )
        );
        foreach (var (one, field) in new[] { (run, "parameters.markdown"), (key, "parameters.value") })
        {
            var erase = (
                await otto.ProposeAsync(
                    world,
                    "receipt.erase",
                    new
                    {
                        receiptId = await IdAsync(otto, one, 0),
                        fields = new[] { field },
                        basis = "data_subject_request",
                    }
                )
            ).Run();
            Assert.Null((await petra.DecideAsync(erase)).Error());
            await otto.UntilAsync(erase, "SUCCEEDED");
        }

        // In every table of the database, but for the page and the setting themselves, which are not the record's.
        await using (var db = app.OpenAsOwner())
        {
            foreach (
                var type in db
                    .Model.GetEntityTypes()
                    .Where(t =>
                        t.GetTableName() is not null && !t.IsMappedToJson() && t.ClrType.Name is not ("PageRevision" or "ProfileEntry")
                    )
            )
            {
                foreach (var property in type.GetProperties().Where(p => p.ClrType == typeof(string)))
                {
                    var (table, column) = (type.GetTableName(), property.GetColumnName());
                    await db.Database.OpenConnectionAsync(Ct);
                    await using var query = db.Database.GetDbConnection().CreateCommand();
                    query.CommandText = $"SELECT COUNT(*) FROM \"{table}\" WHERE \"{column}\" LIKE '%{Canary}%'";
                    Assert.True(
                        Convert.ToInt64(await query.ExecuteScalarAsync(Ct), System.Globalization.CultureInfo.InvariantCulture) == 0,
                        $"{table}.{column} has a copy"
                    );
                }
            }
        }

        // Nor in the encoded fields of receipts, or anywhere that people and files show it.
        await using (var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id))
            foreach (var d in await db.Disclosures.AsNoTracking().ToListAsync(Ct))
                Assert.DoesNotContain(Canary, d.Fields().ToString(), StringComparison.Ordinal);
        var seen = await otto.AskAsync(
            """
            query($key: String!) { workspace(key: $key) { runs(first: 50) { nodes { input target reason result decision { reason remedies } preflight { checks { detail } preview { summary before after } } approval { changes { what before after } }
              receipts { fields disclosures } } } } }
            """,
            new { key = world.Workspace.Key }
        );
        Assert.DoesNotContain(Canary, seen.ToString(), StringComparison.Ordinal);
        using var export = await (await world.Ada).Http.GetAsync($"/audit/{world.Workspace.Id}?format=ndjson", Ct);
        Assert.DoesNotContain(Canary, await export.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_legal_hold_wins_until_it_is_lifted_and_what_is_needed_is_never_erased()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        var waiting = (await (await world.Hermes).ProposePageAsync(world, "held")).Run();
        Assert.Equal(
            ["finished"],
            Failed((await otto.ProposeAsync(world, "receipt.erase", Input(await IdAsync(otto, waiting, 0), "parameters.title"))).Run())
        );
        await otto.DecideAsync(waiting);
        var run = await otto.UntilAsync(waiting, "SUCCEEDED");
        var id = await IdAsync(otto, run, 0);

        Assert.Contains(
            "tenant is kept",
            (await otto.ProposeAsync(world, "receipt.erase", Input(id, "tenant")))
                .GetProperty("errors")[0]
                .GetProperty("message")
                .GetString(),
            StringComparison.Ordinal
        );
        Assert.Equal(["fields"], Failed((await otto.ProposeAsync(world, "receipt.erase", Input(id, "parameters.nothing"))).Run()));
        Assert.Equal(
            ["receipt", "fields"],
            Failed((await otto.ProposeAsync(world, "receipt.erase", Input(Guid.NewGuid().ToString(), "target"))).Run())
        );

        // Asked for before the hold and decided after it: the checks are made again, and the hold wins.
        var early = (await otto.ProposeAsync(world, "receipt.erase", Input(id, "parameters.title"))).Run();
        var hold = await otto.UntilAsync((await otto.ProposeAsync(world, "receipt.hold", new { receiptId = id })).Run(), "SUCCEEDED");
        Assert.Equal(["legal hold"], Failed((await otto.ProposeAsync(world, "receipt.erase", Input(id, "parameters.title"))).Run()));
        var stale = await petra.DecideAsync(early);
        if (stale.Error() == "StaleDigest")
            stale = await petra.DecideAsync(await otto.RunAsync(early));
        Assert.Equal(
            "preflight.failed",
            (await otto.UntilAsync(early, "FAILED")).GetProperty("receipts").EnumerateArray().Last().GetProperty("reasonCode").GetString()
        );

        await otto.UntilAsync((await otto.RollBackAsync(hold)).Run(), "SUCCEEDED");
        var again = (await otto.ProposeAsync(world, "receipt.erase", Input(id, "parameters.title"))).Run();
        await petra.DecideAsync(again);
        await otto.UntilAsync(again, "SUCCEEDED");

        static object Input(string receiptId, string field) =>
            new
            {
                receiptId,
                fields = new[] { field },
                basis = "retention",
            };
    }

    [Fact]
    public async Task Policy_decides_who_sees_which_field()
    {
        var world = await app.WorldAsync();
        var (ada, bela, otto, hermes) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.Otto, await world.Hermes);
        await world.Petra;
        var run = await otto.UntilAsync((await otto.ProposePageAsync(world, "closed", "Only for people.")).Run(), "SUCCEEDED");
        var text = (
            await ada.AskAsync(
                "query($key: String!) { workspace(key: $key) { policies { number text } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("policies")
            .GetProperty("text")
            .GetString();
        var change = (
            await ada.ProposeAsync(
                world,
                "policy.replace",
                new
                {
                    text = text
                        + "\n@id(\"agents-see-no-text\")\nforbid (principal is Mumega::Agent, action == Mumega::Action::\"receipt.open\", resource)\nwhen { context.field == \"parameters.markdown\" || context.field like \"reason*\" };\n",
                    replaces = 1,
                }
            )
        ).Run();
        Assert.True(change.State() == "AWAITING_APPROVAL", change.ToString());
        Assert.Null((await bela.DecideAsync(change)).Error());
        var done = await ada.UntilAsync(change, "SUCCEEDED");
        Assert.Equal("policy.promoted", done.GetProperty("receipts").EnumerateArray().Last().GetProperty("kind").GetString());

        const string All =
            "query($id: ID!) { node(id: $id) { ... on Run { input reason result preflight { checks { detail } preview { summary before after } } receipts { fields disclosures proofFile } } } }";
        await Poll.UntilAsync(
            async () =>
                (await otto.AskAsync(All, new { id = run.GetProperty("id").GetString() }))
                    .GetProperty("node")
                    .GetProperty("receipts")
                    .EnumerateArray(),
            receipts => receipts.All(r => r.GetProperty("proofFile").ValueKind is JsonValueKind.String)
        );
        var people = (await otto.AskAsync(All, new { id = run.GetProperty("id").GetString() })).GetProperty("node");
        var agent = (await hermes.AskAsync(All, new { id = run.GetProperty("id").GetString() })).GetProperty("node");
        Assert.Contains("Only for people.", people.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Only for people.", agent.ToString() + Opened(agent), StringComparison.Ordinal);
        Assert.DoesNotContain("because", agent.ToString() + Opened(agent), StringComparison.Ordinal);
        Assert.True(agent.GetProperty("input").TryGetProperty("title", out _));

        var bundle = (
            await hermes.AskAsync("query($key: String!) { workspace(key: $key) { evidence } }", new { key = world.Workspace.Key })
        )
            .GetProperty("workspace")
            .GetProperty("evidence")
            .GetString()!;
        var report = EvidenceVerifier.Verify(Encoding.UTF8.GetBytes(bundle), await TrustAsync(otto, world));
        Assert.Equal(CheckResult.Valid, report.Result);
        Assert.DoesNotContain(report.Receipts, r => r.Fields.ContainsKey("parameters.markdown") || r.Fields.ContainsKey("reason_text"));
    }

    [Fact]
    public async Task Receipts_are_found_by_kind_action_actor_run_subject_and_time()
    {
        var world = await app.WorldAsync();
        var (otto, hermes) = (await world.Otto, await world.Hermes);
        var mine = await otto.UntilAsync((await otto.ProposePageAsync(world, "mine")).Run(), "SUCCEEDED");
        await hermes.ProposePageAsync(world, "theirs");
        await otto.UntilAsync((await otto.ProposeAsync(world, "runtime.set", new { key = "a.b", value = 1 })).Run(), "SUCCEEDED");
        await Poll.UntilAsync(async () => (await FoundAsync(new { })).Count, n => n == 13);

        Assert.Equal(3, (await FoundAsync(new { kinds = new[] { "proposed" } })).Count);
        Assert.Equal(5, (await FoundAsync(new { kinds = new[] { "proposed", "outcome.confirmed" } })).Count);
        Assert.Equal(5, (await FoundAsync(new { action = "runtime.set" })).Count);
        Assert.Equal(3, (await FoundAsync(new { actor = world.IdOf("Hermes") })).Count);
        Assert.Equal(5, (await FoundAsync(new { run = mine.GetProperty("id").GetString() })).Count);
        Assert.Equal(3, (await FoundAsync(new { subject = "Page::\"theirs\"" })).Count);
        Assert.Empty(await FoundAsync(new { until = "2020-01-01T00:00:00Z" }));
        Assert.Equal(13, (await FoundAsync(new { since = "2020-01-01T00:00:00Z" })).Count);
        Assert.Single(
            await FoundAsync(
                new
                {
                    kinds = new[] { "proposed" },
                    action = "page.publish",
                    actor = world.IdOf("Otto"),
                }
            )
        );
        Assert.Contains(
            "There is no run",
            (
                await otto.AnswerAsync(
                    "query($key: String!, $f: ReceiptFilterInput) { workspace(key: $key) { receipts(filter: $f) { nodes { id } } } }",
                    new { key = world.Workspace.Key, f = new { run = "UnVu" } }
                )
            ).ToString(),
            StringComparison.Ordinal
        );

        var actors = (
            await otto.AskAsync("query($key: String!) { workspace(key: $key) { actors { name } } }", new { key = world.Workspace.Key })
        )
            .GetProperty("workspace")
            .GetProperty("actors")
            .EnumerateArray()
            .Select(a => a.GetProperty("name").GetString());
        Assert.Equal(["Hermes", "Mumega", "Otto"], actors);

        async Task<List<JsonElement>> FoundAsync(object f) =>
            [
                .. (
                    await otto.AskAsync(
                        "query($key: String!, $f: ReceiptFilterInput) { workspace(key: $key) { receipts(first: 100, filter: $f) { nodes { id } } } }",
                        new { key = world.Workspace.Key, f }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("receipts")
                    .GetProperty("nodes")
                    .EnumerateArray(),
            ];
    }

    private static IEnumerable<string?> Failed(JsonElement run) =>
        run.GetProperty("preflight")
            .GetProperty("checks")
            .EnumerateArray()
            .Where(c => !c.GetProperty("passed").GetBoolean())
            .Select(c => c.GetProperty("name").GetString());

    private static async Task<string> IdAsync(Client client, JsonElement run, int step) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { receipts { receiptId } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("receipts")[step]
            .GetProperty("receiptId")
            .GetString()!;

    private static async Task<(string File, string Entry, string Extra)> ProofAsync(Client client, JsonElement run, int step)
    {
        JsonElement receipt = default;
        await Poll.UntilAsync(
            async () =>
                receipt = (
                    await client.AskAsync(
                        "query($id: ID!) { node(id: $id) { ... on Run { receipts { entry proofFile } } } }",
                        new { id = run.GetProperty("id").GetString() }
                    )
                )
                    .GetProperty("node")
                    .GetProperty("receipts")[step],
            r => r.GetProperty("proofFile").ValueKind is JsonValueKind.String
        );
        var file = receipt.GetProperty("proofFile").GetString()!;
        return (
            file,
            receipt.GetProperty("entry").GetString()!,
            file.Split('\n').First(l => l.StartsWith("extra ", StringComparison.Ordinal))["extra ".Length..]
        );
    }

    // The disclosures inside whatever is nested as base64.
    private static string Opened((string File, string Entry, string Extra) proof) =>
        string.Concat(
            JsonDocument
                .Parse(Convert.FromBase64String(proof.Extra))
                .RootElement.GetProperty("disclosures")
                .EnumerateArray()
                .Select(d => Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(d.GetString())))
        );

    private static string Opened(JsonElement run) =>
        string.Concat(
            run.GetProperty("receipts")
                .EnumerateArray()
                .SelectMany(r =>
                    r.GetProperty("disclosures")
                        .EnumerateArray()
                        .Select(d => Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(d.GetString())))
                )
        );

    private static async Task<Trust> TrustAsync(Client client, World world) =>
        new(
            [
                .. (
                    await client.AskAsync(
                        "query($key: String!) { workspace(key: $key) { log { keys } } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("log")
                    .GetProperty("keys")
                    .EnumerateArray()
                    .Select(k => VerifierKey.Parse(k.GetString()!)),
            ],
            null,
            [],
            0
        );
}

public sealed class ErasuresOnSqlite(SqliteApp app) : ErasureTests(app);

public sealed class ErasuresOnPostgres(PostgresApp app) : ErasureTests(app);

public sealed class ErasuresOnSqlServer(SqlServerApp app) : ErasureTests(app);
