using System.Text.Json;
using Mumega.App.Tests.Packets;

namespace Mumega.App.Tests.Approvals;

/// <summary>What an operations team does with approvals: delegate, take back, ask for changes, decide several at once, choose reasons.</summary>
public abstract class ApprovalTests(MumegaApp app)
{
    [Fact]
    public async Task Somebody_decides_for_another_while_it_is_delegated_and_the_decision_says_so()
    {
        var world = await app.WorldAsync();
        var (hermes, petra, audra) = (await world.Hermes, await world.Petra, await world.Audra);
        var run = (await hermes.ProposePageAsync(world, "delegated")).Run();
        Assert.Equal("PolicyDenied", (await audra.SayAsync(run, "APPROVE", null)).Error());

        // The auditor may not decide by policy, whoever delegates; an operator without the approver's role may.
        var olga = await world.PersonAsync("Olga", "operator");
        Assert.Equal("RoleRequired", (await olga.SayAsync(run, "APPROVE", null)).Error());
        Assert.Null((await petra.DelegateAsync(world, world.IdOf("Olga"))).Error());
        var decided = await olga.SayAsync(run, "APPROVE", null);
        Assert.Null(decided.Error());
        var word = decided.GetProperty("approval").GetProperty("decisions")[0];
        Assert.Equal(
            ("Olga", "Petra"),
            (word.GetProperty("by").GetProperty("name").GetString(), word.GetProperty("for").GetProperty("name").GetString())
        );
        var done = await hermes.UntilAsync(run, "SUCCEEDED");
        var gate = done.GetProperty("receipts").EnumerateArray().Single(r => r.GetProperty("reasonCode").GetString() == "gate.approved");
        Assert.Equal(world.IdOf("Petra"), gate.GetProperty("fields").GetProperty("delegated_by").GetGuid());
    }

    [Fact]
    public async Task A_delegation_that_ended_or_has_not_begun_or_can_not_be_gives_nothing()
    {
        var world = await app.WorldAsync();
        var (ada, hermes, petra) = (await world.Ada, await world.Hermes, await world.Petra);
        var olga = await world.PersonAsync("Olga", "operator");
        var now = TimeProvider.System.GetUtcNow();
        Assert.Equal("BadDelegation", (await petra.DelegateAsync(world, world.IdOf("Petra"))).Error());
        Assert.Equal("BadDelegation", (await petra.DelegateAsync(world, world.IdOf("Olga"), until: now.AddDays(-1))).Error());
        Assert.Equal("BadDelegation", (await petra.DelegateAsync(world, world.IdOf("Olga"), until: now.AddYears(1))).Error());
        Assert.Equal("HumanRequired", (await petra.DelegateAsync(world, world.IdOf("Hermes"))).Error());
        Assert.Equal("NotFound", (await petra.DelegateAsync(world, Guid.NewGuid())).Error());
        Assert.Equal("PolicyDenied", (await hermes.DelegateAsync(world, world.IdOf("Olga"))).Error());

        var run = (await hermes.ProposePageAsync(world, "later")).Run();
        Assert.Null((await petra.DelegateAsync(world, world.IdOf("Olga"), since: now.AddHours(1))).Error());
        Assert.Equal("RoleRequired", (await olga.SayAsync(run, "APPROVE", null)).Error());
        var active = (await petra.DelegateAsync(world, world.IdOf("Olga"))).GetProperty("delegation");
        Assert.Equal("NotFound", (await EndAsync(ada, "RGVsZWdhdGlvbg")).Error());
        Assert.Null((await EndAsync(petra, active.GetProperty("id").GetString()!)).Error());
        Assert.Equal("RoleRequired", (await olga.SayAsync(run, "APPROVE", null)).Error());
        Assert.Equal("WrongState", (await EndAsync(petra, active.GetProperty("id").GetString()!)).Error());
    }

    [Fact]
    public async Task Nobody_in_the_chain_of_a_proposal_decides_on_it_by_any_way()
    {
        var world = await app.WorldAsync();
        var (ada, hermes, otto, petra, pavel) = (
            await world.Ada,
            await world.Hermes,
            await world.Otto,
            await world.Petra,
            await world.Pavel
        );
        var olga = await world.PersonAsync("Olga", "operator");

        // Petra has Olga decide for her; what Olga proposes is Petra's delegate's.
        Assert.Null((await petra.DelegateAsync(world, world.IdOf("Olga"))).Error());
        await world.ConnectAsync("acme", "ok");
        var sent = (
            await olga.ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "acme",
                    @event = "a.b",
                    data = new { },
                }
            )
        ).Run();
        Assert.Equal("OwnRequest", (await olga.SayAsync(sent, "APPROVE", null)).Error());
        Assert.Equal("OwnDelegatesRequest", (await petra.SayAsync(sent, "APPROVE", null)).Error());

        // Olga proposes, and Otto would decide on behalf of somebody in her chain.
        Assert.Null((await petra.DelegateAsync(world, world.IdOf("Otto"))).Error());
        Assert.Null((await otto.SayAsync(sent, "APPROVE", null)).Error());
        await olga.UntilAsync(sent, "SUCCEEDED");

        // An agent's owner neither by herself nor through somebody she has decide for her.
        var page = (await hermes.ProposePageAsync(world, "chain")).Run();
        Assert.Equal("OwnAgentsRequest", (await ada.SayAsync(page, "APPROVE", null)).Error());
        Assert.Null((await ada.DelegateAsync(world, world.IdOf("Olga"))).Error());
        Assert.Null((await pavel.SayAsync(page, "APPROVE", null)).Error());
    }

    [Fact]
    public async Task One_person_gives_one_word_however_many_they_speak_for()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra, pavel) = (await world.Hermes, await world.Otto, await world.Petra, await world.Pavel);
        var olga = await world.PersonAsync("Olga", "operator");
        var run = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.mode", value = "open" })).Run();
        Assert.Null((await petra.DelegateAsync(world, world.IdOf("Olga"))).Error());
        Assert.Null((await pavel.DelegateAsync(world, world.IdOf("Olga"))).Error());
        Assert.Null((await olga.SayAsync(run, "APPROVE", null)).Error());
        Assert.Equal("AlreadyDecided", (await olga.SayAsync(run, "APPROVE", null)).Error());

        // Whom she spoke for has spoken; the other has not.
        var spoken = (await RunAsync(otto, run))
            .GetProperty("approval")
            .GetProperty("decisions")[0]
            .GetProperty("for")
            .GetProperty("name")
            .GetString();
        var (said, open) = spoken == "Petra" ? (petra, pavel) : (pavel, petra);
        Assert.Equal("AlreadyDecided", (await said.SayAsync(run, "APPROVE", null)).Error());
        Assert.Null((await open.SayAsync(run, "APPROVE", null)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");
    }

    [Fact]
    public async Task A_decision_is_withdrawn_while_others_are_missing_and_given_again()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra, pavel) = (await world.Hermes, await world.Otto, await world.Petra, await world.Pavel);
        var run = (await hermes.ProposeAsync(world, "runtime.set", new { key = "security.level", value = "low" })).Run();
        Assert.Equal("NothingToWithdraw", (await WithdrawAsync(petra, run)).Error());
        Assert.Null((await petra.SayAsync(run, "APPROVE", null)).Error());
        Assert.Null((await WithdrawAsync(petra, run)).Error());
        Assert.Equal("NothingToWithdraw", (await WithdrawAsync(petra, run)).Error());
        Assert.Equal("AWAITING_APPROVAL", (await pavel.SayAsync(run, "APPROVE", null)).GetProperty("approval").GetProperty("run").State());
        Assert.Equal("REJECTED", (await petra.SayAsync(run, "REJECT", "not like this")).GetProperty("approval").GetProperty("run").State());
        Assert.Equal("NothingToWithdraw", (await WithdrawAsync(petra, run)).Error());
        var codes = (await otto.RunAsync(run))
            .GetProperty("receipts")
            .EnumerateArray()
            .Select(r => r.GetProperty("reasonCode").GetString())
            .Skip(3);
        Assert.Equal(["gate.counted", "gate.withdrawn", "gate.counted", "gate.rejected"], codes);
    }

    [Fact]
    public async Task Changes_are_asked_for_made_and_decided_anew()
    {
        var world = await app.WorldAsync();
        var (hermes, otto, petra) = (await world.Hermes, await world.Otto, await world.Petra);
        var run = (await hermes.ProposePageAsync(world, "revised", "First.")).Run();
        Assert.Equal("InvalidArgument", (await petra.SayAsync(run, "REQUEST_CHANGES", null)).Error());
        Assert.Equal("CHANGES_REQUESTED", (await petra.SayAsync(run, "REQUEST_CHANGES", "Say more.")).GetProperty("approval").State());
        Assert.Equal("ChangesAwaited", (await otto.SayAsync(run, "APPROVE", null)).Error());
        Assert.Equal("NotFound", (await ReviseAsync(otto, run, "Second, and more.")).Error());

        var revised = (await ReviseAsync(hermes, run, "Second, and more.")).Run();
        Assert.NotEqual(run.GetProperty("digest").GetString(), revised.GetProperty("digest").GetString());
        var stale = await otto.SayAsync(run, "APPROVE", null);
        Assert.Equal("StaleDigest", stale.Error());
        Assert.Contains(
            stale.GetProperty("errors")[0].GetProperty("changes").EnumerateArray(),
            c =>
                c.GetProperty("what").GetString() == "result"
                && c.GetProperty("after").GetString()!.Contains("Second", StringComparison.Ordinal)
        );
        Assert.Null((await petra.SayAsync(revised, "APPROVE", null)).Error());
        await hermes.UntilAsync(run, "SUCCEEDED");
        Assert.Contains(
            "Second, and more.",
            await (await app.PortalAsync(world, "revised")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Approvals_of_the_very_same_are_decided_at_once_others_are_not()
    {
        var world = await app.WorldAsync();
        var (hermes, petra) = (await world.Hermes, await world.Petra);
        await world.ConnectAsync("acme", "ok");
        var same = new List<JsonElement>();
        for (var i = 0; i < 3; i++)
            same.Add(
                (
                    await hermes.ProposeAsync(
                        world,
                        "webhook.send",
                        new
                        {
                            connection = "acme",
                            @event = "ping.sent",
                            data = new { n = 1 },
                        }
                    )
                ).Run()
            );
        var other = (
            await hermes.ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "acme",
                    @event = "ping.sent",
                    data = new { n = 2 },
                }
            )
        ).Run();
        Assert.Equal("NotAlike", (await DecideTogetherAsync(petra, [.. same, other])).Error());
        Assert.All(same, r => Assert.Equal("AWAITING_APPROVAL", r.State()));
        var decided = await DecideTogetherAsync(petra, same);
        Assert.Null(decided.Error());
        Assert.All(decided.GetProperty("approvals").EnumerateArray(), a => Assert.Equal("APPROVED", a.State()));
        foreach (var run in same)
            await hermes.UntilAsync(run, "SUCCEEDED");
        Assert.Equal("AWAITING_APPROVAL", (await hermes.RunAsync(other)).State());
        Assert.Equal("AlreadyDecided", (await DecideTogetherAsync(petra, same)).Error());
    }

    [Fact]
    public async Task Deciders_choose_from_the_tenants_reasons()
    {
        var world = await app.WorldAsync();
        var (otto, hermes, petra) = (await world.Otto, await world.Hermes, await world.Petra);
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "approval.reasons",
                    new
                    {
                        reasons = new[]
                        {
                            new
                            {
                                code = "no-source",
                                label = "No source",
                                verdict = "reject",
                            },
                            new
                            {
                                code = "off-brand",
                                label = "Not our voice",
                                verdict = "reject",
                            },
                        },
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var run = (await hermes.ProposePageAsync(world, "reasons")).Run();
        Assert.Equal("ReasonRequired", (await petra.SayAsync(run, "REJECT", "Hm.")).Error());
        Assert.Equal("ReasonRequired", (await petra.SayAsync(run, "REJECT", "Hm.", "nonsense")).Error());
        var decided = await petra.SayAsync(run, "REJECT", "Hm.", "no-source");
        Assert.Equal("no-source", decided.GetProperty("approval").GetProperty("decisions")[0].GetProperty("reasonCode").GetString());
        Assert.Equal(
            "InvalidInput",
            (
                await otto.ProposeAsync(
                    world,
                    "approval.reasons",
                    new
                    {
                        reasons = new[]
                        {
                            new
                            {
                                code = "a",
                                label = "A",
                                verdict = "reject",
                            },
                            new
                            {
                                code = "a",
                                label = "B",
                                verdict = "reject",
                            },
                        },
                    }
                )
            ).Error()
        );

        var measures = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { approvalMeasures { waiting decided medianHours lateShare byGate { name count } byPerson { name count } } decisionReasons { code label } } }",
                new { key = world.Workspace.Key }
            )
        ).GetProperty("workspace");
        Assert.Equal(
            (0, 1),
            (
                measures.GetProperty("approvalMeasures").GetProperty("waiting").GetInt32(),
                measures.GetProperty("approvalMeasures").GetProperty("decided").GetInt32()
            )
        );
        Assert.Equal("Petra", measures.GetProperty("approvalMeasures").GetProperty("byPerson")[0].GetProperty("name").GetString());
    }

    private static async Task<JsonElement> EndAsync(Client client, string delegationId) =>
        (
            await client.AskAsync(
                "mutation($input: EndDelegationInput!) { endDelegation(input: $input) { delegation { active } errors { __typename message } } }",
                new { input = new { delegationId, idempotencyKey = Acts.Key() } }
            )
        ).GetProperty("endDelegation");

    private static async Task<JsonElement> WithdrawAsync(Client client, JsonElement run) =>
        (
            await client.AskAsync(
                "mutation($input: WithdrawDecisionInput!) { withdrawDecision(input: $input) { approval { state } errors { __typename message } } }",
                new
                {
                    input = new
                    {
                        approvalId = run.GetProperty("approval").GetProperty("id").GetString(),
                        reason = "on second thoughts",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("withdrawDecision");

    private static async Task<JsonElement> ReviseAsync(Client client, JsonElement run, string markdown) =>
        (
            await client.AskAsync(
                "mutation($input: ReviseRunInput!) { reviseRun(input: $input) { run { id state digest approval { id } } errors { __typename message } } }",
                new
                {
                    input = new
                    {
                        runId = run.GetProperty("id").GetString(),
                        input = new
                        {
                            slug = "revised",
                            title = "Page revised",
                            markdown,
                        },
                        reason = "as asked",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("reviseRun");

    private static async Task<JsonElement> DecideTogetherAsync(Client client, List<JsonElement> runs) =>
        (
            await client.AskAsync(
                "mutation($input: DecideApprovalsInput!) { decideApprovals(input: $input) { approvals { id state } errors { __typename message } } }",
                new
                {
                    input = new
                    {
                        approvals = runs.Select(r => new
                        {
                            approvalId = r.GetProperty("approval").GetProperty("id").GetString(),
                            digest = r.GetProperty("digest").GetString(),
                        }),
                        verdict = "APPROVE",
                        reason = "all the same",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("decideApprovals");

    private static async Task<JsonElement> RunAsync(Client client, JsonElement run) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { approval { decisions { for { name } } } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        ).GetProperty("node");
}

public sealed class ApprovalsOnSqlite(SqliteApp app) : ApprovalTests(app);

public sealed class ApprovalsOnPostgres(PostgresApp app) : ApprovalTests(app);

public sealed class ApprovalsOnSqlServer(SqlServerApp app) : ApprovalTests(app);
