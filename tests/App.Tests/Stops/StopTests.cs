using System.Net;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using GraphQL;
using GraphQL.Types;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;
using Mumega.App.Tests.Tenancy;
using Mumega.Domain.Jobs;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Stops;

public abstract class StopTests(MumegaApp app)
{
    public static TheoryData<string> Boundaries => ["WORKSPACE", "AGENT", "FAMILY", "CONNECTOR", "TENANT"];

    [Theory]
    [MemberData(nameof(Boundaries))]
    public async Task A_stop_holds_what_waits_refuses_what_is_new_and_lets_go_when_somebody_else_releases_it(string boundary)
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (hermes, otto, ada, bela) = (await world.Hermes, await world.Otto, await world.Ada, await world.PersonAsync("Bela", "admin"));
        var input = new
        {
            connection = "crm",
            @event = "a.b",
            data = new { },
        };
        var waiting = (await hermes.ProposeAsync(world, "webhook.send", input)).Run();
        var target = boundary switch
        {
            "AGENT" => world.IdOf("Hermes").ToString(),
            "FAMILY" => "webhooks",
            "CONNECTOR" => "crm",
            _ => null,
        };

        var engaged = await ada.EngageAsync(world, boundary, target);
        Assert.Null(engaged.Error());
        var stop = engaged.GetProperty("stop");
        var held = await otto.UntilAsync(waiting, "HELD");
        Assert.Equal("AWAITING_APPROVAL", held.GetProperty("heldFrom").GetString());
        Assert.Equal("Stopped", (await otto.DecideAsync(waiting)).Error());
        if (boundary is "AGENT")
        {
            using var ask = await hermes.Http.PostAsJsonAsync(
                "/graphql",
                new { query = "{ viewer { name } }" },
                TestContext.Current.CancellationToken
            );
            Assert.Equal(HttpStatusCode.Unauthorized, ask.StatusCode);
            using var form = new FormUrlEncodedContent(
                new Dictionary<string, string>
                {
                    ["grant_type"] = "client_credentials",
                    ["client_id"] = world.AgentClientId,
                    ["client_secret"] = world.AgentSecret,
                }
            );
            using var token = await hermes.Http.PostAsync("/connect/token", form, TestContext.Current.CancellationToken);
            Assert.Contains(
                "A stop is engaged for this agent",
                await token.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
                StringComparison.Ordinal
            );
        }
        else
        {
            Assert.Equal("Stopped", (await hermes.ProposeAsync(world, "webhook.send", input)).Error());
        }

        Assert.Equal("ReleaseByAnother", (await ada.ReleaseAsync(stop)).Error());
        await bela.UntilAsync((await bela.ReleaseAsync(stop)).Run(), "SUCCEEDED");
        await otto.UntilAsync(waiting, "AWAITING_APPROVAL");
        Assert.Null((await otto.DecideAsync(waiting)).Error());
        await otto.UntilAsync(waiting, "SUCCEEDED");
    }

    [Fact]
    public async Task A_stop_outside_its_boundary_changes_nothing()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        Assert.Null((await otto.EngageAsync(world, "FAMILY", "webhooks")).Error());
        await otto.UntilAsync((await otto.ProposePageAsync(world, "goes-on")).Run(), "SUCCEEDED");
        await otto.UntilAsync((await otto.ProposeAsync(world, "runtime.set", new { key = "a", value = 1 })).Run(), "SUCCEEDED");
    }

    [Fact]
    public async Task Who_may_stop_what_is_decided_by_policy_and_bad_targets_are_refused()
    {
        var world = await app.WorldAsync();
        Assert.Equal("PolicyDenied", (await (await world.Audra).EngageAsync(world, "WORKSPACE")).Error());
        Assert.Equal("PolicyDenied", (await (await world.Hermes).EngageAsync(world, "WORKSPACE")).Error());
        Assert.Equal("PolicyDenied", (await (await world.Otto).EngageAsync(world, "TENANT")).Error());
        Assert.Equal("InvalidArgument", (await (await world.Otto).EngageAsync(world, "FAMILY", "nothing")).Error());
        Assert.Equal("InvalidArgument", (await (await world.Otto).EngageAsync(world, "AGENT")).Error());
        Assert.Equal("InvalidArgument", (await (await world.Otto).EngageAsync(world, "WORKSPACE", "x")).Error());
    }

    [Fact]
    public async Task A_tenant_stop_reaches_every_workspace()
    {
        var world = await app.WorldAsync();
        var ada = await world.Ada;
        var side = await world.OtherWorkspaceAsync();
        var olaf = await side.PersonAsync("Olaf", "operator");
        Assert.Null((await ada.EngageAsync(world, "TENANT")).Error());
        Assert.Equal("Stopped", (await olaf.ProposePageAsync(side, "side")).Error());
        var seen = await olaf.AskAsync(
            "query($k: String!) { workspace(key: $k) { stops { boundary engagedHere } } }",
            new { k = side.Workspace.Key }
        );
        Assert.False(
            Assert.Single(seen.GetProperty("workspace").GetProperty("stops").EnumerateArray()).GetProperty("engagedHere").GetBoolean()
        );
    }

    /// <summary>Mutations that pass a stop, and why. Every other one is refused; a new one that is not fails.</summary>
    private static readonly Dictionary<string, string> Passing = new(StringComparer.Ordinal)
    {
        ["engageStop"] = "makes things safer",
        ["releaseStop"] = "ends the stop, by somebody else",
        ["cancelRun"] = "takes work away",
        ["settleRun"] = "says what became of work that left before",
        ["withdrawDecision"] = "takes a word back",
        ["endDelegation"] = "takes authority away",
        ["endElevation"] = "takes authority away",
        ["endSession"] = "takes authority away",
        ["reviewElevation"] = "looks at what was",
        ["confirm"] = "says that one means it; the act itself asks",
        ["beginAuthenticator"] = "is about one's own account",
        ["confirmAuthenticator"] = "is about one's own account",
        ["changePassword"] = "is about one's own account",
        ["renewRecoveryCodes"] = "is about one's own account",
        ["removeAuthenticator"] = "is about one's own account",
        ["beginPasskey"] = "is about one's own account",
        ["addPasskey"] = "is about one's own account",
        ["removePasskey"] = "is about one's own account",
        ["requestElevation"] = "answers the same whatever is there; the run that it proposes there is refused",
    };

    [Fact]
    public async Task Every_mutation_asks_about_stops_or_says_why_it_need_not()
    {
        var world = await IsolationTests.FurnishedAsync(app);
        var ids = await IsolationTests.IdsAsync(world);
        var (ada, schema) = (await world.Ada, app.Services.GetRequiredService<ISchema>());
        Assert.Null((await (await world.PersonAsync("Bela", "admin")).EngageAsync(world, "WORKSPACE")).Error());

        var answers = new Dictionary<string, string?>();
        foreach (var mutation in schema.Mutation!.Fields)
        {
            var input = (IInputObjectGraphType)mutation.Arguments!.Single().ResolvedType!.GetNamedType();
            var values = input.Fields.ToDictionary(
                f => f.Name,
                f =>
                    f.Name switch
                    {
                        "reasonCode" => null,
                        "password" => "too short",
                        _ => IsolationTests.Value(f, ids),
                    }
            );
            answers[mutation.Name] = (
                await ada.AskAsync(
                    $"mutation($input: {input.Name}!) {{ {mutation.Name}(input: $input) {{ errors {{ __typename }} }} }}",
                    new { input = values }
                )
            )
                .GetProperty(mutation.Name)
                .Error();
        }

        Assert.Equal(Passing.Keys.Order(), answers.Where(a => a.Value is not "Stopped").Select(a => a.Key).Order());
    }

    [Fact]
    public void Every_job_asks_about_stops_or_says_why_it_need_not()
    {
        // Whatever proposes or executes asks through the kernel; the others write down what is so already.
        string[] asks = [JobKind.ExecuteRun, JobKind.ReconcileRun, JobKind.ContinuePacket, JobKind.FireSchedule];
        string[] clocks = [JobKind.ExpireApproval, JobKind.RemindApproval, JobKind.LookAgain]; // of runs that wait; a held one does not
        string[] records = [JobKind.EndElevation, JobKind.HoldRuns, JobKind.ResumeRuns, JobKind.WatchStop];
        string[] reads = [JobKind.ImportPackets]; // looks at rows; what lets them in is a run
        var all = typeof(JobKind).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetValue(null)!);
        Assert.Equal(all.Order(), asks.Concat(clocks).Concat(records).Concat(reads).Order());
    }

    [Fact]
    public async Task Every_address_asks_about_stops_or_only_reads_or_signs_in()
    {
        string[] reads =
        [
            "/audit/{workspace:guid}",
            "/.well-known/oauth-protected-resource/graphql",
            "/files/{workspace:guid}/{digest}",
            "/healthz",
            "/log/{id}/checkpoint",
            "/log/{id}/log.vkey",
            "/log/{id}/tile/{**path}",
            "/p/{tenant}/{slug}",
            "/readyz",
        ];
        string[] signsIn =
        [
            "/connect/authorize",
            "/connect/token",
            "/session/callback",
            "/session/sign-in",
            "/session/sign-out",
            "/session/start",
            "/session/second-factor",
            "/session/passkey",
            "/session/passkey/options",
            "/session/invitation",
        ]; // a stopped agent gets no token: tested above
        string[] asks =
        [
            "/session/accept",
            "/files/{workspace:guid}",
            "/graphql",
            "/hooks/{tenant}/{workspace}/{key}",
            "/imports/{workspace:guid}",
        ];
        var all = app
            .Services.GetServices<EndpointDataSource>()
            .SelectMany(d => d.Endpoints)
            .OfType<RouteEndpoint>()
            .Select(e => e.RoutePattern.RawText!)
            .Distinct()
            .Where(e => !e.StartsWith("{*", StringComparison.Ordinal));
        Assert.Equal(reads.Concat(signsIn).Concat(asks).Order(), all.Order());

        // A hook only asks for a schedule to be started; the start is a job, which asks.
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        Assert.Null((await (await world.Ada).EngageAsync(world, "WORKSPACE")).Error());
        foreach (var address in new[] { $"/files/{world.Workspace.Id}", $"/imports/{world.Workspace.Id}?name=a.csv" })
        {
            using var body = new StringContent("a,b\n1,2\n", null, "text/csv");
            using var answer = await otto.Http.PostAsync(address, body, TestContext.Current.CancellationToken);
            Assert.Contains(
                "STOPPED",
                await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public async Task A_stop_tells_what_was_in_flight_and_how_long_it_took_and_freezes_the_clocks_of_approvals()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (hermes, otto, ada) = (await world.Hermes, await world.Otto, await world.Ada);
        var run = (
            await hermes.ProposeAsync(
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
        var before = await ExpiresAsync(otto, run);

        var stop = (await otto.EngageAsync(world, "FAMILY", "webhooks")).GetProperty("stop");
        await otto.UntilAsync(run, "HELD");
        var effective = await UntilAsync(otto, stop, s => s.GetProperty("effectiveAt").ValueKind is not JsonValueKind.Null);
        Assert.Equal(1, effective.GetProperty("held").GetInt32());
        Assert.InRange(effective.GetProperty("timeToStop").GetInt32(), 0, 10_000);

        await ada.UntilAsync((await ada.ReleaseAsync(stop)).Run(), "SUCCEEDED");
        await otto.UntilAsync(run, "AWAITING_APPROVAL");
        Assert.True(await ExpiresAsync(otto, run) > before);

        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var id = Guid.Parse(Api.GraphQL.NodeId.Parse(stop.GetProperty("id").GetString()!)!.Value.Key);
        var receipts = await db
            .Receipts.AsNoTracking()
            .Where(r => r.SubjectId == id)
            .OrderBy(r => r.Step)
            .ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["stop.engaged", "stop.effective", "stop.released"], receipts.Select(r => r.ReasonCode));
    }

    [Theory]
    [InlineData(false, "UNKNOWN")]
    [InlineData(true, "SUCCEEDED")]
    public async Task A_stop_ends_a_call_that_is_under_way_and_asks_the_receiver_where_that_is_possible(bool probe, string ends)
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "waits", probe: probe);
        var (hermes, otto, ada) = (await world.Hermes, await world.Otto, await world.Ada);
        var run = (
            await hermes.ProposeAsync(
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
        Assert.Null((await otto.DecideAsync(run)).Error());
        var sent = await otto.UntilAsync(run, "RUNNING");
        await ReceivedAsync(sent);

        var stop = (await ada.EngageAsync(world, "CONNECTOR", "crm")).GetProperty("stop");
        await otto.UntilAsync(run, ends);
        var effective = await UntilAsync(otto, stop, s => s.GetProperty("effectiveAt").ValueKind is not JsonValueKind.Null);
        Assert.Equal(probe ? 0 : 1, effective.GetProperty("cancelled").GetInt32());
        Assert.Single(app.Receiver.Of(RaceTests.Effect(sent)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_staged_release_lets_a_few_go_on_at_a_time_and_holds_everything_again_when_one_fails(bool fails)
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", fails ? "refuses" : "ok");
        var (hermes, otto, ada, bela) = (await world.Hermes, await world.Otto, await world.Ada, await world.PersonAsync("Bela", "admin"));
        var input = new
        {
            connection = "crm",
            @event = "a.b",
            data = new { },
        };
        var runs = new List<JsonElement>();
        for (var i = 0; i < 3; i++)
            runs.Add((await hermes.ProposeAsync(world, "webhook.send", input)).Run());

        // Approved and about to leave, but stopped before the worker, which waits for another answer, comes to it.
        await world.ConnectAsync("slow", "waits");
        var slow = (
            await hermes.ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "slow",
                    @event = "a.b",
                    data = new { },
                }
            )
        ).Run();
        Assert.Null((await otto.DecideAsync(slow)).Error());
        slow = await otto.UntilAsync(slow, "RUNNING");
        await ReceivedAsync(slow);
        foreach (var run in runs)
            Assert.Null((await otto.DecideAsync(run)).Error());
        var stop = (await ada.EngageAsync(world, "CONNECTOR", "crm")).GetProperty("stop");
        app.Receiver.Hold.Release();
        await otto.UntilAsync(slow, "SUCCEEDED");

        foreach (var run in runs)
            Assert.Equal("QUEUED", (await otto.UntilAsync(run, "HELD")).GetProperty("heldFrom").GetString());
        await UntilAsync(otto, stop, s => s.GetProperty("effectiveAt").ValueKind is not JsonValueKind.Null);
        await bela.UntilAsync((await bela.ReleaseAsync(stop, 1)).Run(), "SUCCEEDED");

        if (fails)
        {
            await InStateAsync(otto, runs, "FAILED", 1);
            var again = await UntilAsync(otto, stop, s => s.GetProperty("state").GetString() is "ENGAGED");
            Assert.Equal(0, again.GetProperty("stage").GetInt32());
            await InStateAsync(otto, runs, "HELD", 2);
            Assert.Equal("Stopped", (await hermes.ProposeAsync(world, "webhook.send", input)).Error());
            return;
        }

        foreach (var run in runs)
            await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Equal(
            3,
            (await UntilAsync(otto, stop, s => s.GetProperty("state").GetString() is "RELEASED")).GetProperty("stage").GetInt32()
        );
        Assert.Equal("AWAITING_APPROVAL", (await hermes.ProposeAsync(world, "webhook.send", input)).Run().State());
    }

    [Fact]
    public async Task Every_boundary_is_probed_and_shown_as_armed_without_touching_anybodys_work()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        const string Lights =
            "query($key: String!) { workspace(key: $key) { stopLights { boundary armed checkedAt milliseconds fault } stops(all: true) { id } } }";
        async Task<JsonElement> LookAsync() => (await otto.AskAsync(Lights, new { key = world.Workspace.Key })).GetProperty("workspace");

        Assert.DoesNotContain((await LookAsync()).GetProperty("stopLights").EnumerateArray(), l => l.GetProperty("armed").GetBoolean());
        await app
            .Services.GetRequiredService<StopProber>()
            .ProbeAsync(world.Tenant.Id, world.Workspace.Id, TestContext.Current.CancellationToken);
        var seen = await LookAsync();
        Assert.Equal(
            ["AGENT", "CONNECTOR", "FAMILY", "TENANT", "WORKSPACE"],
            seen.GetProperty("stopLights")
                .EnumerateArray()
                .Where(l => l.GetProperty("armed").GetBoolean())
                .Select(l => l.GetProperty("boundary").GetString())
                .Order()
        );
        Assert.Empty(seen.GetProperty("stops").EnumerateArray());
        await otto.UntilAsync((await otto.ProposePageAsync(world, "goes-on")).Run(), "SUCCEEDED");
    }

    [Fact]
    public async Task A_person_and_an_agent_can_be_suspended_behind_a_stop()
    {
        var world = await app.WorldAsync();
        var (ada, bela, _) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.Hermes);
        Assert.Null((await ada.EngageAsync(world, "TENANT")).Error());
        await bela.UntilAsync((await bela.ProposeAsync(world, "agent.suspend", new { agentId = world.IdOf("Hermes") })).Run(), "SUCCEEDED");
    }

    private static async Task<DateTimeOffset> ExpiresAsync(Client client, JsonElement run) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { approval { expiresAt } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("approval")
            .GetProperty("expiresAt")
            .GetDateTimeOffset();

    private static Task<JsonElement> UntilAsync(Client client, JsonElement stop, Func<JsonElement, bool> holds) =>
        Poll.UntilAsync(
            async () =>
                (
                    await client.AskAsync(
                        "query($id: ID!) { node(id: $id) { ... on Stop { state stage atOnce effectiveAt timeToStop held cancelled } } }",
                        new { id = stop.GetProperty("id").GetString() }
                    )
                ).GetProperty("node"),
            holds
        );

    private Task<bool> ReceivedAsync(JsonElement run) =>
        Poll.UntilAsync(() => Task.FromResult(app.Receiver.Of(RaceTests.Effect(run)).Any()), there => there);

    private static Task<int> InStateAsync(Client client, List<JsonElement> runs, string state, int count) =>
        Poll.UntilAsync(async () => (await Task.WhenAll(runs.Select(client.RunAsync))).Count(r => r.State() == state), n => n == count);
}

public sealed class StopsOnSqlite(SqliteApp app) : StopTests(app);

public sealed class StopsOnPostgres(PostgresApp app) : StopTests(app);
