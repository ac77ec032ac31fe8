using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Elevations;

/// <summary>Who needs more than they have asks, is let in by somebody there, for a while, and leaves a trace of all that they saw.</summary>
public abstract class ElevationTests(MumegaApp app)
{
    private const string See = "query See($key: String!) { workspace(key: $key) { id name pages { nodes { slug } } } }";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Somebody_is_let_into_another_room_sees_it_for_a_while_and_everything_seen_is_on_record()
    {
        var (world, room) = await TwoRoomsAsync();
        var (otto, grace) = (await world.Otto, await room.PersonAsync("Grace", "owner"));
        await grace.UntilAsync((await grace.ProposePageAsync(room, "secret-plan")).Run(), "SUCCEEDED");
        Assert.Equal(JsonValueKind.Null, (await otto.AskAsync(See, new { key = room.Workspace.Key })).GetProperty("workspace").ValueKind);

        var asked = await RequestAsync(otto, room.Workspace.Key, "auditor", 15);
        Assert.Equal("WAITING", asked.GetProperty("request").GetProperty("answer").GetString());
        var run = await WaitingAsync(grace, room);
        Assert.Equal("NotFound", (await otto.DecideAsync(run)).Error());
        Assert.Null((await grace.DecideAsync(run)).Error());
        await grace.UntilAsync(run, "SUCCEEDED");

        // At once, with the token that they have; and the banner says so.
        Assert.Equal(
            "secret-plan",
            (await otto.AskAsync(See, new { key = room.Workspace.Key }))
                .GetProperty("workspace")
                .GetProperty("pages")
                .GetProperty("nodes")[0]
                .GetProperty("slug")
                .GetString()
        );
        var live = (
            await otto.AskAsync("{ viewer { elevations { elevationId workspaceKey role until } elevationRequests { answer } } }")
        ).GetProperty("viewer");
        Assert.Equal(
            (room.Workspace.Key, "auditor"),
            (
                live.GetProperty("elevations")[0].GetProperty("workspaceKey").GetString(),
                live.GetProperty("elevations")[0].GetProperty("role").GetString()
            )
        );
        Assert.Equal("GRANTED", live.GetProperty("elevationRequests")[0].GetProperty("answer").GetString());
        Assert.Equal("DENIED", (await otto.ProposePageAsync(room, "more")).Run().State());

        var elevation = await ElevationAsync(grace, room);
        var seen = elevation.GetProperty("receipts").EnumerateArray().ToList();
        Assert.Equal(["elevation.begun", "elevation.saw"], seen.Select(r => r.GetProperty("reasonCode").GetString()).Distinct().Take(2));
        Assert.All(seen, r => Assert.Equal("elevated", r.GetProperty("kind").GetString()));
        Assert.Contains(seen, r => r.GetProperty("fields").TryGetProperty("document", out var document) && document.GetString() == See);
        Assert.Contains(seen, r => r.GetProperty("reasonCode").GetString() == "elevation.did");

        // Ended by whoever looks after the room: gone on the next request, an open subscription with it.
        using var socket = await Sockets.SubscribeAsync(app, otto, room);
        Assert.Null((await EndAsync(grace, elevation.GetProperty("id").GetString()!)).Error());
        await Sockets.OverAsync(socket);
        Assert.Equal(JsonValueKind.Null, (await otto.AskAsync(See, new { key = room.Workspace.Key })).GetProperty("workspace").ValueKind);
        Assert.Equal(
            0,
            (await otto.AskAsync("{ viewer { elevations { role } } }")).GetProperty("viewer").GetProperty("elevations").GetArrayLength()
        );
        Assert.Equal("WrongState", (await EndAsync(grace, elevation.GetProperty("id").GetString()!)).Error());
    }

    [Fact]
    public async Task A_room_that_does_not_exist_and_one_where_nobody_answers_look_the_same()
    {
        var (world, room) = await TwoRoomsAsync();
        var otto = await world.Otto;
        var (there, nowhere) = (
            await RequestAsync(otto, room.Workspace.Key, "auditor", 60),
            await RequestAsync(otto, "no-such-room", "auditor", 60)
        );
        string Shape(JsonElement answer) =>
            answer
                .ToString()
                .Replace(room.Workspace.Key, "KEY", StringComparison.Ordinal)
                .Replace("no-such-room", "KEY", StringComparison.Ordinal);
        Assert.Equal(Shape(nowhere), Shape(there));
        Assert.Equal(
            2,
            (await otto.AskAsync("{ viewer { elevationRequests { answer } } }"))
                .GetProperty("viewer")
                .GetProperty("elevationRequests")
                .EnumerateArray()
                .Count(r => r.GetProperty("answer").GetString() == "WAITING")
        );

        // Another tenant's is as little there.
        var other = await app.WorldAsync();
        Assert.Equal(Shape(nowhere), Shape(await RequestAsync(await other.Ada, room.Workspace.Key, "auditor", 60)));
        await using var db = app.Databases.Open(room.Tenant.Id, room.Workspace.Id);
        Assert.Equal(1, await db.Runs.CountAsync(Ct));
    }

    [Fact]
    public async Task What_is_no_elevation_is_refused_with_its_own_code()
    {
        var (world, room) = await TwoRoomsAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        Assert.Equal("ElevationTooLong", (await RequestAsync(otto, room.Workspace.Key, "auditor", 14)).Error());
        Assert.Equal("ElevationTooLong", (await RequestAsync(otto, room.Workspace.Key, "auditor", 481)).Error());
        Assert.Equal("InvalidArgument", (await RequestAsync(otto, room.Workspace.Key, "emperor", 60)).Error());
        Assert.Equal("InvalidArgument", (await RequestAsync(otto, room.Workspace.Key, "auditor", 60, reason: " ")).Error());
        Assert.Equal("HumanRequired", (await RequestAsync(hermes, room.Workspace.Key, "auditor", 60)).Error());
        Assert.Equal("OwnersOnly", (await RequestAsync(otto, room.Workspace.Key, "auditor", 60, breakGlass: true)).Error());
        Assert.Equal("OwnersOnly", (await RequestAsync(otto, "no-such-room", "auditor", 60, breakGlass: true)).Error());
        Assert.Equal("InvalidInput", (await otto.ProposeAsync(world, "elevation.take", new { role = "admin", minutes = 500 })).Error());
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await otto.ProposeAsync(world, "elevation.take", new { role = "operator", minutes = 60 })).Run().State()
        );
        Assert.Equal("DENIED", (await hermes.ProposeAsync(world, "elevation.take", new { role = "operator", minutes = 60 })).Run().State());

        // Above one's own role in a room where one works: somebody else lets them in, and it is not for keeps.
        var run = (await otto.ProposeAsync(world, "elevation.take", new { role = "admin", minutes = 60 })).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());
        Assert.NotNull((await otto.DecideAsync(run)).Error());
        Assert.Null((await ada.DecideAsync(run)).Error());
        await ada.UntilAsync(run, "SUCCEEDED");
        await otto.UntilAsync(
            (
                await otto.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Hermes"),
                        role = "agent",
                        until = TimeProvider.System.GetUtcNow().AddMinutes(30),
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("DENIED", (
                await otto.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Hermes"),
                        role = "agent",
                        until = TimeProvider.System.GetUtcNow().AddDays(1),
                    }
                )
            ).Run().State());
        Assert.Equal("PREFLIGHT_FAILED", (
                await otto.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        role = "auditor",
                        until = TimeProvider.System.GetUtcNow().AddMinutes(30),
                    }
                )
            ).Run().State());

        // What is handed to an agent stays within what the person has for keeps: an elevation is theirs alone.
        Assert.Equal(
            JsonValueKind.Null,
            (
                await (await world.Audra).AskAsync(
                    "query($id: ID!) { node(id: $id) { id } }",
                    new { id = Api.GraphQL.NodeId.Of("Elevation", room.Workspace.Id, Guid.NewGuid()) }
                )
            )
                .GetProperty("node")
                .ValueKind
        );
    }

    [Fact]
    public async Task What_is_exported_by_an_elevation_is_on_record()
    {
        var (world, room) = await TwoRoomsAsync();
        var (otto, grace) = (await world.Otto, await room.PersonAsync("Grace", "owner"));
        await grace.UntilAsync((await grace.ProposePageAsync(room, "secret-plan")).Run(), "SUCCEEDED");
        Assert.Equal(
            "WAITING",
            (await RequestAsync(otto, room.Workspace.Key, "auditor", 15)).GetProperty("request").GetProperty("answer").GetString()
        );
        var run = await WaitingAsync(grace, room);
        Assert.Null((await grace.DecideAsync(run)).Error());
        await grace.UntilAsync(run, "SUCCEEDED");

        using var export = await otto.Http.GetAsync($"/audit/{room.Workspace.Id}?format=csv", Ct);
        Assert.Equal(System.Net.HttpStatusCode.OK, export.StatusCode);
        var seen = (await ElevationAsync(grace, room))
            .GetProperty("receipts")
            .EnumerateArray()
            .Where(r => r.GetProperty("reasonCode").GetString() == "elevation.saw")
            .ToList();
        Assert.Contains(
            seen,
            r => r.GetProperty("fields").TryGetProperty("operation", out var operation) && operation.GetString() == "audit log"
        );

        // Every address that reads a workspace is here: those that show its content, and the portal and the log, which show what is public.
        string[] reads = ["/audit/{workspace:guid}", "/files/{workspace:guid}/{digest}", "/graphql"];
        var all = app
            .Services.GetServices<Microsoft.AspNetCore.Routing.EndpointDataSource>()
            .SelectMany(d => d.Endpoints)
            .OfType<Microsoft.AspNetCore.Routing.RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText!.Contains("{workspace", StringComparison.Ordinal) || e.RoutePattern.RawText == "/graphql")
            .Select(e => e.RoutePattern.RawText!)
            .Distinct();
        Assert.Equal(
            reads.Concat(["/files/{workspace:guid}", "/hooks/{tenant}/{workspace}/{key}", "/imports/{workspace:guid}"]).Order(),
            all.Order()
        );
    }

    [Fact]
    public async Task An_owner_breaks_the_glass_and_somebody_else_looks_over_it()
    {
        var (world, room) = await TwoRoomsAsync();
        var (ada, grace) = (await world.Ada, await room.PersonAsync("Grace", "owner"));
        Assert.Null((await RequestAsync(ada, room.Workspace.Key, "operator", 15, breakGlass: true)).Error());
        await Poll.UntilAsync(
            async () => (await ada.AskAsync(See, new { key = room.Workspace.Key })).GetProperty("workspace").ValueKind,
            kind => kind is JsonValueKind.Object
        );
        await ada.UntilAsync((await ada.ProposePageAsync(room, "emergency")).Run(), "SUCCEEDED");

        var elevation = await ElevationAsync(grace, room);
        Assert.True(elevation.GetProperty("breakGlass").GetBoolean());
        var id = elevation.GetProperty("id").GetString()!;
        Assert.Equal("PolicyDenied", (await ReviewAsync(ada, id)).Error());
        Assert.Null((await ReviewAsync(grace, id)).Error());
        Assert.Equal("WrongState", (await ReviewAsync(grace, id)).Error());
        Assert.Contains(
            "glass.justified",
            (await ElevationAsync(grace, room))
                .GetProperty("receipts")
                .EnumerateArray()
                .Select(r => r.GetProperty("reasonCode").GetString())
        );
        Assert.Null((await EndAsync(ada, id)).Error());
        Assert.Equal(JsonValueKind.Null, (await ada.AskAsync(See, new { key = room.Workspace.Key })).GetProperty("workspace").ValueKind);
    }

    private async Task<(World World, World Room)> TwoRoomsAsync()
    {
        var world = await app.WorldAsync();
        await world.Otto;
        await world.Hermes;
        return (world, await world.OtherWorkspaceAsync());
    }

    private static async Task<JsonElement> RequestAsync(
        Client by,
        string workspaceKey,
        string role,
        int minutes,
        bool breakGlass = false,
        string reason = "an incident"
    ) =>
        (
            await by.AskAsync(
                "mutation($input: RequestElevationInput!) { requestElevation(input: $input) { request { workspaceKey role minutes answer } errors { __typename code message } } }",
                new
                {
                    input = new
                    {
                        workspaceKey,
                        role,
                        minutes,
                        breakGlass,
                        reason,
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("requestElevation");

    private static async Task<JsonElement> EndAsync(Client by, string elevationId) =>
        (
            await by.AskAsync(
                "mutation($input: EndElevationInput!) { endElevation(input: $input) { errors { __typename code message } } }",
                new
                {
                    input = new
                    {
                        elevationId,
                        reason = "done",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("endElevation");

    private static async Task<JsonElement> ReviewAsync(Client by, string elevationId) =>
        (
            await by.AskAsync(
                "mutation($input: ReviewElevationInput!) { reviewElevation(input: $input) { errors { __typename code message } } }",
                new
                {
                    input = new
                    {
                        elevationId,
                        justified = true,
                        reason = "there was smoke",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("reviewElevation");

    private static async Task<JsonElement> WaitingAsync(Client by, World room) =>
        await by.RunAsync(
            (
                await by.AskAsync(
                    "query($key: String!) { workspace(key: $key) { runs(action: \"elevation.take\") { nodes { id } } } }",
                    new { key = room.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("runs")
                .GetProperty("nodes")[0]
        );

    private static async Task<JsonElement> ElevationAsync(Client by, World room) =>
        (
            await by.AskAsync(
                "query($key: String!) { workspace(key: $key) { elevations { id breakGlass uses receipts { kind reasonCode fields } } } }",
                new { key = room.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("elevations")[0];
}

public sealed class ElevationsOnSqlite(SqliteApp app) : ElevationTests(app);

public sealed class ElevationsOnPostgres(PostgresApp app) : ElevationTests(app);

public sealed class ElevationsOnSqlServer(SqlServerApp app) : ElevationTests(app);
