using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Runs;

public abstract class GovernedActionTests(MumegaApp app)
{
    [Fact]
    public async Task A_page_of_an_agent_goes_live_when_approved_and_is_gone_when_rolled_back()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);

        var run = (await hermes.ProposePageAsync(world, "hello")).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());
        Assert.Equal("ALLOW_BEHIND_GATES", run.GetProperty("decision").GetProperty("verdict").GetString());
        Assert.Equal(HttpStatusCode.NotFound, await PageAsync(world, "hello"));

        Assert.Null((await otto.DecideAsync(run)).Error());
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Equal(HttpStatusCode.OK, await PageAsync(world, "hello"));
        Assert.Equal("AVAILABLE", done.GetProperty("rollback").GetProperty("status").GetString());

        var undo = await otto.UntilAsync((await otto.RollBackAsync(done)).Run(), "SUCCEEDED");
        Assert.Equal(HttpStatusCode.NotFound, await PageAsync(world, "hello"));

        var confirmed = done.GetProperty("receipts").EnumerateArray().Last();
        var compensated = undo.GetProperty("receipts").EnumerateArray().Last();
        Assert.Equal("outcome.confirmed", confirmed.GetProperty("kind").GetString());
        Assert.Equal("compensated", compensated.GetProperty("kind").GetString());
        Assert.Equal(confirmed.GetProperty("id").GetString(), compensated.GetProperty("undoes").GetString());
        Assert.Equal("USED", (await otto.RunAsync(run)).GetProperty("rollback").GetProperty("status").GetString());
    }

    [Fact]
    public async Task Each_step_leaves_a_receipt_whose_chain_and_commitments_hold()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var run = (await hermes.ProposePageAsync(world, "chain")).Run();
        await otto.DecideAsync(run);
        var receipts = (await otto.UntilAsync(run, "SUCCEEDED")).GetProperty("receipts").EnumerateArray().ToList();

        Assert.Equal(
            ["proposed", "policy.allow_behind_gates", "preflight.passed", "gate.approved", "authorised", "succeeded"],
            receipts.Select(r => r.GetProperty("reasonCode").GetString())
        );

        string? previous = null;
        for (var i = 0; i < receipts.Count; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(receipts[i].GetProperty("entry").GetString()!);
            var entry = JsonDocument.Parse(bytes).RootElement;
            Assert.Equal(bytes, CanonicalJson.Bytes(entry));
            Assert.Equal(Convert.ToBase64String(MerkleHash.Leaf(bytes)), receipts[i].GetProperty("digest").GetString());
            Assert.Equal(i + 1, entry.GetProperty("n").GetInt32());
            Assert.Equal(previous, entry.GetProperty("prev").GetString());
            previous = receipts[i].GetProperty("digest").GetString();

            var commitments = entry.GetProperty("_sd").EnumerateArray().Select(d => d.GetString()).ToHashSet();
            Assert.Equal(0, commitments.Count % 8);
            foreach (var disclosure in receipts[i].GetProperty("disclosures").EnumerateArray())
                Assert.Contains(
                    System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(disclosure.GetString()!))),
                    commitments
                );
        }
    }

    [Fact]
    public async Task A_denial_is_a_run_with_its_reason_and_receipts_and_changes_nothing()
    {
        var world = await app.WorldAsync();
        var run = (await (await world.Audra).ProposePageAsync(world, "nope")).Run();

        Assert.Equal("DENIED", run.State());
        Assert.Contains(
            "The role operator in this workspace.",
            run.GetProperty("decision").GetProperty("remedies").EnumerateArray().Select(r => r.GetString())
        );
        var receipts = (await (await world.Audra).RunAsync(run))
            .GetProperty("receipts")
            .EnumerateArray()
            .Select(r => r.GetProperty("reasonCode").GetString());
        Assert.Equal(["proposed", "policy.deny"], receipts);
        Assert.Equal(HttpStatusCode.NotFound, await PageAsync(world, "nope"));
    }

    [Fact]
    public async Task Eligibility_says_what_would_happen_and_proposes_nothing()
    {
        var world = await app.WorldAsync();
        var hermes = await world.Hermes;
        var answer = (
            await hermes.AskAsync(
                """query($key: String!, $input: JSON!) { workspace(key: $key) { eligibility(action: "page.publish", input: $input) { verdict gates { role quorum } policies policyVersion remedies preflight { passed preview { summary } } } runs { nodes { id } } } }""",
                new
                {
                    key = world.Workspace.Key,
                    input = new
                    {
                        slug = "maybe",
                        title = "Maybe",
                        markdown = "x",
                    },
                }
            )
        ).GetProperty("workspace");

        Assert.Equal("ALLOW_BEHIND_GATES", answer.GetProperty("eligibility").GetProperty("verdict").GetString());
        Assert.True(answer.GetProperty("eligibility").GetProperty("preflight").GetProperty("passed").GetBoolean());
        Assert.Equal(0, answer.GetProperty("runs").GetProperty("nodes").GetArrayLength());
    }

    [Fact]
    public async Task A_rejected_run_never_runs()
    {
        var world = await app.WorldAsync();
        var run = (await (await world.Hermes).ProposePageAsync(world, "no")).Run();
        Assert.Null((await (await world.Otto).DecideAsync(run, "REJECT")).Error());
        Assert.Equal("REJECTED", (await (await world.Otto).RunAsync(run)).State());
        Assert.Equal("AlreadyDecided", (await (await world.Petra).DecideAsync(run)).Error());
        Assert.Equal(HttpStatusCode.NotFound, await PageAsync(world, "no"));
    }

    [Fact]
    public async Task Nobody_decides_on_what_they_or_their_agent_proposed()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var agents = (await (await world.Hermes).ProposePageAsync(world, "mine")).Run();
        Assert.Equal("OwnAgentsRequest", (await (await world.Ada).DecideAsync(agents)).Error());
        Assert.Equal("HumanRequired", (await (await world.Hermes).DecideAsync(agents)).Error());

        var own = (
            await (await world.Otto).ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "crm",
                    @event = "a.b",
                    data = new { },
                }
            )
        ).Run();
        Assert.Equal("OwnRequest", (await (await world.Otto).DecideAsync(own)).Error());
        Assert.Equal("RoleRequired", (await (await world.PersonAsync("Olga", "operator")).DecideAsync(agents)).Error());
        Assert.Equal("PolicyDenied", (await (await world.Audra).DecideAsync(agents)).Error());
    }

    [Fact]
    public async Task A_gate_with_quorum_two_needs_two_people()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        var run = (await (await world.Hermes).ProposeAsync(world, "runtime.set", new { key = "security.mfa", value = true })).Run();

        Assert.Null((await otto.DecideAsync(run)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await otto.RunAsync(run)).State());
        Assert.Equal("AlreadyDecided", (await otto.DecideAsync(run)).Error());
        Assert.Null((await petra.DecideAsync(run)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");
    }

    [Fact]
    public async Task An_approval_goes_stale_when_what_would_run_has_changed_and_says_so()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var first = (await hermes.ProposePageAsync(world, "stale", "one")).Run();
        await otto.UntilAsync((await otto.ProposePageAsync(world, "stale", "two")).Run(), "SUCCEEDED");

        var refused = await otto.DecideAsync(first, key: "stale");
        Assert.Equal("StaleDigest", (await otto.DecideAsync(first, key: "stale")).Error());
        Assert.Equal("StaleDigest", refused.Error());
        var again = await otto.RunAsync(first);
        Assert.Equal("AWAITING_APPROVAL", again.State());
        Assert.Equal(1, again.GetProperty("approval").GetProperty("round").GetInt32());
        Assert.Equal(again.GetProperty("digest").GetString(), refused.GetProperty("errors")[0].GetProperty("current").GetString());
        Assert.Contains("gate.stale", again.GetProperty("receipts").EnumerateArray().Select(r => r.GetProperty("reasonCode").GetString()));
        Assert.Equal("StaleDigest", (await otto.DecideAsync(again, digest: first.GetProperty("digest").GetString())).Error());
        Assert.Null((await otto.DecideAsync(again)).Error());
        await otto.UntilAsync(first, "SUCCEEDED");
    }

    [Fact]
    public async Task An_undo_refuses_when_the_state_has_drifted_and_is_done_once_only()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var set = await otto.UntilAsync(
            (await otto.ProposeAsync(world, "runtime.set", new { key = "greeting", value = "hi" })).Run(),
            "SUCCEEDED"
        );
        await otto.UntilAsync(
            (await otto.ProposeAsync(world, "runtime.set", new { key = "greeting", value = "hello" })).Run(),
            "SUCCEEDED"
        );

        var drifted = (await otto.RollBackAsync(set)).Run();
        Assert.Equal("PREFLIGHT_FAILED", drifted.State());
        Assert.Equal("AVAILABLE", (await otto.RunAsync(set)).GetProperty("rollback").GetProperty("status").GetString());

        var page = await otto.UntilAsync((await otto.ProposePageAsync(world, "twice")).Run(), "SUCCEEDED");
        var undo = await otto.UntilAsync((await otto.RollBackAsync(page)).Run(), "SUCCEEDED");
        var again = await otto.RollBackAsync(page);
        Assert.Equal("AlreadyRolledBack", again.Error());
        Assert.Equal(undo.GetProperty("id").GetString(), NodeOf(world, again.GetProperty("errors")[0].GetProperty("runId").GetString()!));
        Assert.Equal("RollbackUnavailable", (await otto.RollBackAsync(drifted)).Error());
    }

    [Fact]
    public async Task A_replaced_page_is_rolled_back_to_what_was_there_before()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await otto.UntilAsync((await otto.ProposePageAsync(world, "v", "first text")).Run(), "SUCCEEDED");
        var second = await otto.UntilAsync((await otto.ProposePageAsync(world, "v", "second text")).Run(), "SUCCEEDED");
        await otto.UntilAsync((await otto.RollBackAsync(second)).Run(), "SUCCEEDED");

        using var http = new HttpClient();
        var html = await http.GetStringAsync($"{app.Address}/p/{world.Tenant.Key}/v", TestContext.Current.CancellationToken);
        Assert.Contains("first text", html, StringComparison.Ordinal);
        Assert.DoesNotContain("second text", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_can_be_withdrawn_until_it_begins()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var run = (await hermes.ProposePageAsync(world, "later")).Run();
        Assert.Equal("PolicyDenied", (await (await world.Audra).CancelAsync(run)).Error());
        Assert.Equal("CANCELLED", (await hermes.CancelAsync(run)).Run().State());
        Assert.Equal("WrongState", (await hermes.CancelAsync(run)).Error());
        Assert.Equal("WrongState", (await otto.DecideAsync(run)).Error());
        Assert.Equal("WrongState", (await otto.SettleAsync(run, "SUCCEEDED")).Error());
    }

    [Fact]
    public async Task Bad_input_is_refused_with_every_fault_and_leaves_nothing()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        Assert.Equal("UnknownAction", (await otto.ProposeAsync(world, "page.burn", new { })).Error());

        var refused = await otto.ProposeAsync(
            world,
            "page.publish",
            new
            {
                slug = "Not OK",
                markdown = 5,
                extra = true,
            }
        );
        Assert.Equal("InvalidInput", refused.Error());
        var faults = refused
            .GetProperty("errors")[0]
            .GetProperty("faults")
            .EnumerateArray()
            .Select(f => f.GetProperty("path").GetString())
            .Order()
            .ToList();
        Assert.Equal(["/extra", "/markdown", "/slug", "/title"], faults);

        Assert.Equal("InputTooLarge", (await otto.ProposePageAsync(world, "big", new string('x', 300_000))).Error());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "runtime.set", new { key = "k", value = 1.5 })).Error());
        Assert.Equal(
            "InvalidArgument",
            (
                await otto.ProposeAsync(
                    world,
                    "page.publish",
                    new
                    {
                        slug = "a",
                        title = "b",
                        markdown = "c",
                    },
                    reason: " "
                )
            ).Error()
        );
        Assert.Equal(
            "NotFound",
            (
                await otto.ProposeAsync(
                    world,
                    "page.publish",
                    new
                    {
                        slug = "a",
                        title = "b",
                        markdown = "c",
                    },
                    workspaceId: "bm9wZQ"
                )
            ).Error()
        );

        var runs = await otto.AskAsync(
            "query($key: String!) { workspace(key: $key) { runs { nodes { id } } receipts { nodes { id } } } }",
            new { key = world.Workspace.Key }
        );
        Assert.Equal(0, runs.GetProperty("workspace").GetProperty("runs").GetProperty("nodes").GetArrayLength());
        Assert.Equal(0, runs.GetProperty("workspace").GetProperty("receipts").GetProperty("nodes").GetArrayLength());
    }

    [Fact]
    public async Task A_repeated_key_returns_the_first_answer_and_other_content_is_refused()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var first = (await otto.ProposeAsync(world, "runtime.set", new { key = "a", value = 1 }, key: "same")).Run();
        var again = (await otto.ProposeAsync(world, "runtime.set", new { value = 1, key = "a" }, key: "same")).Run();
        Assert.Equal(first.GetProperty("id").GetString(), again.GetProperty("id").GetString());
        Assert.Equal(
            "IdempotencyConflict",
            (await otto.ProposeAsync(world, "runtime.set", new { key = "a", value = 2 }, key: "same")).Error()
        );
    }

    [Fact]
    public async Task HTML_in_a_page_is_shown_as_text()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await otto.UntilAsync(
            (
                await otto.ProposePageAsync(world, "xss", "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>")
            ).Run(),
            "SUCCEEDED"
        );
        using var http = new HttpClient();
        var html = await http.GetStringAsync($"{app.Address}/p/{world.Tenant.Key}/xss", TestContext.Current.CancellationToken);
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("javascript:", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", html, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_suspended_agent_is_out_at_once_and_its_old_token_stays_dead()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var suspend = await otto.UntilAsync(
            (await otto.ProposeAsync(world, "agent.suspend", new { agentId = world.IdOf("Hermes") })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("UNAUTHENTICATED", Code(await hermes.AnswerAsync("{ viewer { tenant } }")));

        await otto.UntilAsync((await otto.RollBackAsync(suspend)).Run(), "SUCCEEDED");
        Assert.Equal("UNAUTHENTICATED", Code(await hermes.AnswerAsync("{ viewer { tenant } }")));
        using var fresh = await Client.WithTokenAsync(app.Address, world.AgentClientId, world.AgentSecret);
        await fresh.AskAsync("{ viewer { tenant } }");
    }

    internal static string? Code(JsonElement answer) =>
        answer.GetProperty("errors")[0].GetProperty("extensions").GetProperty("code").GetString();

    private static string NodeOf(World world, string runId) => Api.GraphQL.NodeId.Of("Run", world.Workspace.Id, runId);

    private async Task<HttpStatusCode> PageAsync(World world, string slug)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync($"{app.Address}/p/{world.Tenant.Key}/{slug}", TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}

public sealed class GovernedActionsOnSqlite(SqliteApp app) : GovernedActionTests(app);

public sealed class GovernedActionsOnPostgres(PostgresApp app) : GovernedActionTests(app);

public sealed class GovernedActionsOnSqlServer(SqlServerApp app) : GovernedActionTests(app);
