using System.Text.Json;
using Mumega.Cedar;
using Mumega.Domain.Actions;
using Mumega.Domain.Policies;

namespace Mumega.App.Tests.Policies;

public abstract class PolicyTests(MumegaApp app)
{
    private const string Extra = """


        @id("small-flags-only")
        @reason("Agents switch flags; they don't rename them.")
        forbid (principal is Mumega::Agent, action == Mumega::Action::"runtime.set", resource)
        when { context has input && context.input.key like "flags.*" && context.input.value != "true" };

        @id("night")
        @gate("approver")
        @quorum("2")
        @expires("12h")
        @reason("Front page: two people.")
        forbid (principal, action in [Mumega::Action::"pages"], resource == Mumega::Page::"home");
        """;

    [Fact]
    public async Task New_policies_come_into_force_when_somebody_else_approves_and_go_again_when_undone()
    {
        var world = await app.WorldAsync();
        var (ada, hermes, bela, _, _) = (
            await world.Ada,
            await world.Hermes,
            await world.PersonAsync("Bela", "admin"),
            await world.Petra,
            await world.Pavel
        );
        var before = await PoliciesAsync(ada, world);
        var run = (
            await bela.ProposeAsync(world, "policy.replace", new { text = before.GetProperty("text").GetString() + Extra, replaces = 1 })
        ).Run();

        Assert.Equal("AWAITING_APPROVAL", run.State());
        Assert.Contains(
            "guardrail.policies-by-two",
            run.GetProperty("decision").GetProperty("policies").EnumerateArray().Select(p => p.GetString())
        );
        Assert.Equal("OwnRequest", (await bela.DecideAsync(run)).Error());
        Assert.Equal(
            "SUCCEEDED",
            (
                await hermes.UntilAsync(
                    (await hermes.ProposeAsync(world, "runtime.set", new { key = "flags.beta", value = "soon" })).Run(),
                    "SUCCEEDED",
                    "DENIED"
                )
            ).State()
        );

        Assert.Null((await ada.DecideAsync(run)).Error());
        var done = await bela.UntilAsync(run, "SUCCEEDED");
        Assert.Equal(2, (await PoliciesAsync(ada, world)).GetProperty("number").GetInt32());

        var denied = (await hermes.ProposeAsync(world, "runtime.set", new { key = "flags.beta", value = "later" })).Run();
        Assert.Equal("DENIED", denied.State());
        var decision = denied.GetProperty("decision");
        Assert.Equal(["small-flags-only"], decision.GetProperty("policies").EnumerateArray().Select(p => p.GetString()));
        Assert.Equal("v2", decision.GetProperty("policyVersion").GetString());
        Assert.Contains(
            "value = \"true\" instead of \"\\\"later\\\"\".",
            decision.GetProperty("remedies").EnumerateArray().Select(r => r.GetString())
        );
        Assert.Equal(
            "SUCCEEDED",
            (
                await hermes.UntilAsync(
                    (await hermes.ProposeAsync(world, "runtime.set", new { key = "flags.beta", value = true })).Run(),
                    "SUCCEEDED",
                    "DENIED"
                )
            ).State()
        );

        var home = (await hermes.ProposePageAsync(world, "home")).Run();
        Assert.Equal(
            [1, 2],
            home.GetProperty("approval").GetProperty("gates").EnumerateArray().Select(g => g.GetProperty("missing").GetInt32()).Order()
        );

        var undo = (
            await bela.ProposeAsync(world, "policy.replace", new { text = before.GetProperty("text").GetString(), replaces = 2 })
        ).Run();
        await ada.DecideAsync(undo);
        await bela.UntilAsync(undo, "SUCCEEDED");
        Assert.Equal(
            [3, 2, 1],
            (
                await ada.AskAsync(
                    "query($key: String!) { workspace(key: $key) { policyVersions(first: 10) { nodes { number createdBy } } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("policyVersions")
                .GetProperty("nodes")
                .EnumerateArray()
                .Select(n => n.GetProperty("number").GetInt32())
        );
        Assert.Equal("AVAILABLE", done.GetProperty("rollback").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(
        "permit (principal, action, resource) when { context.input.slug == \"x\" };",
        1,
        53,
        "policy0: attribute `input` in the record not found",
        "policy0: unable to guarantee safety of access to optional attribute `input`"
    )]
    [InlineData("permit (principal is Mumega::Usr, action, resource);", 1, 22, "did you mean `Mumega::User`?")]
    [InlineData(
        "permit (principal, action == Mumega::Action::\"page.publsh\", resource);",
        1,
        30,
        "did you mean `Mumega::Action::\"page.publish\"`?"
    )]
    [InlineData(
        "permit (principal, action == Mumega::Action::\"page.publish\", resource)\nwhen { context has input && context.input.slg == \"x\" };",
        2,
        43,
        "did you mean `slug`?"
    )]
    [InlineData(
        "permit (principal, action == Mumega::Action::\"page.publish\", resource)\nwhen { context has input && context.input.slug == 3 };",
        2,
        48,
        "not compatible"
    )]
    [InlineData("permit (principal, action, resource) whn { true };", 1, 38, "expected `;`")]
    [InlineData("@gate(\"wizard\") forbid (principal, action, resource);", 1, 1, "nobody can open this gate")]
    [InlineData("@gate(\"agent\") forbid (principal, action, resource);", 1, 1, "nobody can open this gate")]
    [InlineData("@gate(\"approver\") permit (principal, action, resource);", 1, 1, "a permit can't be one")]
    [InlineData("@gate(\"approver\") @quorum(\"0\") forbid (principal, action, resource);", 1, 1, "@quorum is a number of people")]
    [InlineData("@gate(\"approver\") @expires(\"soon\") forbid (principal, action, resource);", 1, 1, "@expires is a duration")]
    [InlineData("@expires(\"1h\") forbid (principal, action, resource);", 1, 1, "there is no @gate")]
    [InlineData(
        "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") permit (principal, action, resource);",
        2,
        1,
        "another policy has the same id"
    )]
    [InlineData("@id(\"guardrail.x\") permit (principal, action, resource);", 1, 1, "belong to the platform")]
    [InlineData("permit (principal == ?principal, action, resource);", 1, 1, "a template decides nothing")]
    public async Task Policies_that_are_not_valid_are_refused_with_the_place_and_leave_nothing(
        string text,
        int line,
        int column,
        params string[] problems
    )
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        var refused = await ada.AskAsync(
            """mutation($input: ProposeActionInput!) { proposeAction(input: $input) { run { id } errors { __typename path ... on InvalidInput { faults { path line column message } } } } }""",
            new
            {
                input = new
                {
                    workspaceId = world.WorkspaceId,
                    action = "policy.replace",
                    input = new { text, replaces = 1 },
                    reason = "because",
                    idempotencyKey = Acts.Key(),
                },
            }
        );
        var error = Assert.Single(refused.GetProperty("proposeAction").GetProperty("errors").EnumerateArray());
        Assert.Equal("InvalidInput", error.GetProperty("__typename").GetString());
        var faults = error.GetProperty("faults").EnumerateArray().ToList();
        Assert.Contains(
            faults,
            f =>
                (f.GetProperty("line").GetInt32(), f.GetProperty("column").GetInt32()) == (line, column)
                && problems.Any(p => f.GetProperty("message").GetString()!.Contains(p, StringComparison.Ordinal))
        );
        Assert.All(faults, f => Assert.Equal("/text", f.GetProperty("path").GetString()));
        Assert.Equal(1, (await PoliciesAsync(ada, world)).GetProperty("number").GetInt32());

        var check = (
            await ada.AskAsync(
                "query($key: String!, $text: String!) { workspace(key: $key) { policyCheck(text: $text) { faults { line column message } formatted } runs { nodes { id } } } }",
                new { key = world.Workspace.Key, text }
            )
        ).GetProperty("workspace");
        Assert.Equal(faults.Count, check.GetProperty("policyCheck").GetProperty("faults").GetArrayLength());
        Assert.Equal(0, check.GetProperty("runs").GetProperty("nodes").GetArrayLength());
    }

    [Fact]
    public async Task Preflight_stops_policies_whose_gates_nobody_could_open_or_that_could_never_be_changed_again()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        var seed = (await PoliciesAsync(ada, world)).GetProperty("text").GetString();

        var run = (
            await ada.ProposeAsync(
                world,
                "policy.replace",
                new
                {
                    text = seed
                        + "\n@id(\"g\") @gate(\"approver\") @quorum(\"3\") forbid (principal, action in [Mumega::Action::\"pages\"], resource);",
                    replaces = 1,
                }
            )
        ).Run();
        Assert.Equal("PREFLIGHT_FAILED", run.State());
        Assert.Contains("g needs 3 holder(s) of the role approver; there are 0", Detail(run, "gates"), StringComparison.Ordinal);

        var locked = (
            await ada.ProposeAsync(
                world,
                "policy.replace",
                new { text = "permit (principal, action == Mumega::Action::\"workspace.read\", resource);", replaces = 1 }
            )
        ).Run();
        Assert.Equal("PREFLIGHT_FAILED", locked.State());
        Assert.Contains("Nobody could change the policies again", Detail(locked, "way back"), StringComparison.Ordinal);

        var stale = (await ada.ProposeAsync(world, "policy.replace", new { text = seed + "\n// more", replaces = 7 })).Run();
        Assert.Contains("version 1 is in force", Detail(stale, "drift"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_owners_and_admins_change_policies_whatever_the_policies_say()
    {
        var world = await app.WorldAsync();
        var seed = (await PoliciesAsync(await world.Ada, world)).GetProperty("text").GetString();
        foreach (var client in new[] { await world.Otto, await world.Hermes, await world.Audra })
        {
            var run = (await client.ProposeAsync(world, "policy.replace", new { text = seed + "\n// mine", replaces = 1 })).Run();
            Assert.Equal("DENIED", run.State());
            Assert.Contains(
                "guardrail.policies-by-admins",
                run.GetProperty("decision").GetProperty("policies").EnumerateArray().Select(p => p.GetString())
            );
            if (client == await world.Otto)
                Assert.Equal(
                    ["The role admin in this workspace.", "The role owner in this workspace."],
                    run.GetProperty("decision").GetProperty("remedies").EnumerateArray().Select(r => r.GetString()).Order()
                );
        }
    }

    [Fact]
    public void The_policies_that_ship_are_valid_and_every_action_is_in_the_schema()
    {
        Assert.Empty(PolicyCheck.Faults(PolicyBook.Seed));
        Assert.All([PolicyBook.Seed, PolicyBook.GuardrailText], text => Assert.Equal(text, Formatter.Format(text)));
        Assert.Empty(
            new Validator(PolicySchema.Schema).Validate(PolicySet.Parse(PolicyBook.GuardrailText)).Select(e => $"{e.Policy.Id} {e}")
        );
        foreach (var action in new ActionCatalog().All)
        {
            var known = PolicySchema.Schema.Actions[new("Mumega::Action", action.Kind)];
            Assert.Contains(new EntityUid("Mumega::Action", action.Family), known.MemberOf);
            Assert.True(known.Context.Attributes.ContainsKey("input"));
        }

        foreach (
            var type in new[] { "User", "Agent", "Partner", "Service", "Role", "Workspace", "Packet", "Run", "Page", "Connection", "Stop" }
        )
            Assert.True(PolicySchema.Schema.EntityTypes.ContainsKey($"Mumega::{type}"), type);
    }

    private static string Detail(JsonElement run, string check) =>
        run.GetProperty("preflight")
            .GetProperty("checks")
            .EnumerateArray()
            .Single(c => c.GetProperty("name").GetString() == check)
            .GetProperty("detail")
            .GetString()!;

    private static async Task<JsonElement> PoliciesAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { policies { number text createdBy } policyFrame { guardrails schema } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("policies");
}

public sealed class PoliciesOnSqlite(SqliteApp app) : PolicyTests(app);

public sealed class PoliciesOnPostgres(PostgresApp app) : PolicyTests(app);

public sealed class PoliciesOnSqlServer(SqlServerApp app) : PolicyTests(app);
