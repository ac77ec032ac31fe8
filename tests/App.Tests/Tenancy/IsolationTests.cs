using System.Text.Json;
using GraphQL;
using GraphQL.Types;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Packets;

namespace Mumega.App.Tests.Tenancy;

/// <summary>
/// Walks the whole schema as Mallory, once as the owner of another tenant and once as a member of another workspace of the same tenant. A new
/// root field, mutation, subscription or node type that is not walked fails these tests.
/// </summary>
public abstract class IsolationTests(MumegaApp app)
{
    public static TheoryData<bool> Walls => [true, false];

    private ISchema Schema => app.Services.GetRequiredService<ISchema>();

    [Theory]
    [MemberData(nameof(Walls))]
    public async Task No_node_id_of_another_room_finds_anything(bool sameTenant)
    {
        var (victim, mallory, _) = await SceneAsync(sameTenant);
        var ids = await IdsAsync(victim);

        var types = Schema
            .AllTypes.OfType<IObjectGraphType>()
            .Where(t => t.ResolvedInterfaces.Any(i => i.Name == "Node"))
            .Select(t => t.Name)
            .Order();
        Assert.Equal(types, ids.Keys.Order());
        foreach (var (type, id) in ids)
        {
            Assert.NotEqual(
                JsonValueKind.Null,
                (await (await victim.Otto).AskAsync("query($id: ID!) { node(id: $id) { id } }", new { id })).GetProperty("node").ValueKind
            );
            Assert.Equal(
                JsonValueKind.Null,
                (await mallory.AskAsync("query($id: ID!) { node(id: $id) { id } }", new { id })).GetProperty("node").ValueKind
            );

            // The same key, said to lie in Mallory's own room.
            var moved = Api.GraphQL.NodeId.Parse(id)!.Value;
            var own = (await mallory.AskAsync("{ viewer { workspaces { id } } }"))
                .GetProperty("viewer")
                .GetProperty("workspaces")[0]
                .GetProperty("id")
                .GetString();
            var forged = Api.GraphQL.NodeId.Of(moved.Type, Api.GraphQL.NodeId.Parse(own)!.Value.WorkspaceId, moved.Key);
            Assert.Equal(
                JsonValueKind.Null,
                (await mallory.AskAsync("query($id: ID!) { node(id: $id) { id } }", new { id = forged })).GetProperty("node").ValueKind
            );
        }
    }

    [Theory]
    [MemberData(nameof(Walls))]
    public async Task Nothing_of_another_room_shows_in_any_field(bool sameTenant)
    {
        var (victim, mallory, room) = await SceneAsync(sameTenant);
        Assert.Equal(["contract", "contracts", "node", "viewer", "workspace"], Schema.Query.Fields.Select(f => f.Name).Order());

        // A field at a time: all at once would be more than one request may cost.
        var parts = Parts("Viewer", 5)
            .Select(p => $"{{ viewer {{ {p} }} }}")
            .Where(q => !q.Contains("workspaces {", StringComparison.Ordinal))
            .Concat(
                Parts("Workspace", 4)
                    .SelectMany(p =>
                        (string[])[$"{{ viewer {{ workspaces {{ {p} }} }} }}", $"{{ workspace(key: \"{room.Workspace.Key}\") {{ {p} }} }}"]
                    )
            )
            .ToList();
        Assert.InRange(parts.Count, 20, 200);
        var everything = "";
        foreach (var query in parts)
            everything += await mallory.AskAsync(query);
        Assert.DoesNotContain("victim", everything, StringComparison.Ordinal);
        Assert.DoesNotContain(victim.Workspace.Id.ToString(), everything, StringComparison.Ordinal);
        foreach (var id in (await IdsAsync(victim)).Where(p => p.Key != "Principal"))
            Assert.DoesNotContain(id.Value, everything, StringComparison.Ordinal);

        Assert.Equal(
            """{"contracts":[],"contract":null}""",
            (
                await mallory.AskAsync(
                    "query($id: ID!) { contracts { id } contract(id: $id) { id } }",
                    new { id = (await IdsAsync(victim))["Contract"] }
                )
            ).ToString()
        );

        var theirs = await mallory.AskAsync(
            "query($key: String!) { workspace(key: $key) { id name } }",
            new { key = victim.Workspace.Key }
        );
        var nobodys = await mallory.AskAsync("query($key: String!) { workspace(key: $key) { id name } }", new { key = "no-such-room" });
        if (victim.Workspace.Key != room.Workspace.Key)
            Assert.Equal(nobodys.ToString(), theirs.ToString());
    }

    [Theory]
    [MemberData(nameof(Walls))]
    public async Task No_mutation_reaches_into_another_room(bool sameTenant)
    {
        var (victim, mallory, _) = await SceneAsync(sameTenant);
        var ids = await IdsAsync(victim);
        var before = await RowsAsync(victim);

        // Asking to be let in names a room that one can't see, on purpose: it has tests of its own.
        foreach (var mutation in Schema.Mutation!.Fields.Where(m => m.Name != "requestElevation" && !OwnAccount.Contains(m.Name)))
        {
            var input = (IInputObjectGraphType)mutation.Arguments![0].ResolvedType!.GetNamedType();
            var values = input.Fields.ToDictionary(f => f.Name, f => Value(f, ids));
            Assert.Contains(values, v => v.Key.EndsWith("Id", StringComparison.Ordinal) || v.Key == "approvals");
            var payload = (
                await mallory.AskAsync(
                    $"mutation($input: {input.Name}!) {{ {mutation.Name}(input: $input) {{ errors {{ __typename }} }} }}",
                    new { input = values }
                )
            ).GetProperty(mutation.Name);
            Assert.Equal("NotFound", payload.Error());
        }

        Assert.Equal(before, await RowsAsync(victim));
    }

    [Theory]
    [MemberData(nameof(Walls))]
    public async Task No_subscription_follows_another_room(bool sameTenant)
    {
        var (victim, mallory, _) = await SceneAsync(sameTenant);
        Assert.Equal(
            ["approvalRequested", "receiptAppended", "receiptShared", "runChanged"],
            Schema.Subscription!.Fields.Select(f => f.Name).Order()
        );
        var ids = await IdsAsync(victim);
        foreach (var field in Schema.Subscription.Fields)
        {
            var what = field.Arguments!.Single(a => a.Name != "after").Name;
            using var client = Node.Start(
                "subscribe.mjs",
                "ws",
                $"{app.Address}/graphql",
                mallory.Token!,
                $"subscription($w: ID!) {{ {field.Name}({what}: $w, after: \"MA\") {{ __typename }} }}",
                "1",
                JsonSerializer.Serialize(new { w = ids[char.ToUpperInvariant(what[0]) + what[1..]] })
            );
            Assert.Equal("READY", await client.LineAsync());
            Assert.Matches(what == "contract" ? "Policy does not allow this" : "There is no workspace", await client.LineAsync());
        }
    }

    [Fact]
    public async Task An_address_known_in_one_tenant_can_be_used_in_another()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        foreach (var world in new[] { one, other })
            await (await world.Otto).UntilAsync((await (await world.Otto).ProposePageAsync(world, "prices")).Run(), "SUCCEEDED");
    }

    [Fact]
    public async Task Nothing_in_a_request_but_the_token_says_which_tenant_it_is()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        var hermes = await one.Hermes;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/graphql?tenant={other.Tenant.Id}")
        {
            Content = System.Net.Http.Json.JsonContent.Create(new { query = "{ viewer { tenant } }" }),
        };
        request.Headers.Add("X-Tenant-Id", other.Tenant.Id.ToString());
        request.Headers.Add("Cookie", $"tenant={other.Tenant.Id}");
        using var answer = await hermes.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Contains(
            one.Tenant.Name,
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
    }

    // They name nothing but the caller's own account.
    private static readonly string[] OwnAccount =
    [
        "beginAuthenticator",
        "confirmAuthenticator",
        "renewRecoveryCodes",
        "changePassword",
        "removeAuthenticator",
        "beginPasskey",
        "addPasskey",
        "removePasskey",
    ];

    [Theory]
    [InlineData("elevation ended")]
    [InlineData("role removed")]
    [InlineData("workspace removed")]
    [InlineData("agent suspended")]
    public async Task Nothing_shows_any_more_to_somebody_who_lost_the_room(string way)
    {
        var victim = await FurnishedAsync(app);
        var ids = await IdsAsync(victim);
        var (ada, lost) = (
            await victim.Ada,
            way switch
            {
                "agent suspended" => await victim.AgentAsync("gone"),
                "elevation ended" => await (await victim.OtherWorkspaceAsync()).PersonAsync("Outside", "operator"),
                _ => await victim.Audra,
            }
        );
        const string See = "query($key: String!) { workspace(key: $key) { id } }";
        if (way == "elevation ended")
        {
            Assert.Null((
                    await lost.AskAsync(
                        "mutation($input: RequestElevationInput!) { requestElevation(input: $input) { errors { __typename } } }",
                        new
                        {
                            input = new
                            {
                                workspaceKey = victim.Workspace.Key,
                                role = "auditor",
                                minutes = 15,
                                breakGlass = false,
                                reason = "to look",
                                idempotencyKey = Acts.Key(),
                            },
                        }
                    )
                ).GetProperty("requestElevation").Error());
            var waiting = (
                await ada.AskAsync(
                    "query($key: String!) { workspace(key: $key) { runs(first: 1) { nodes { id digest approval { id } } } } }",
                    new { key = victim.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("runs")
                .GetProperty("nodes")[0];
            Assert.Null((await ada.DecideAsync(waiting)).Error());
            await ada.UntilAsync(waiting, "SUCCEEDED");
        }

        Assert.NotEqual(
            JsonValueKind.Null,
            (await lost.AskAsync(See, new { key = victim.Workspace.Key })).GetProperty("workspace").ValueKind
        );
        using var socket = lost.Token is { } token
            ? await Sockets.SubscribeAsync(app, token, victim)
            : await Sockets.SubscribeAsync(app, lost, victim);
        switch (way)
        {
            case "elevation ended":
                var elevation = (await lost.AskAsync("{ viewer { elevations { elevationId } } }"))
                    .GetProperty("viewer")
                    .GetProperty("elevations")[0]
                    .GetProperty("elevationId")
                    .GetString();
                Assert.Null((
                        await ada.AskAsync(
                            "mutation($input: EndElevationInput!) { endElevation(input: $input) { errors { __typename } } }",
                            new
                            {
                                input = new
                                {
                                    elevationId = elevation,
                                    reason = "over",
                                    idempotencyKey = Acts.Key(),
                                },
                            }
                        )
                    ).GetProperty("endElevation").Error());
                break;
            case "role removed":
                await ada.UntilAsync(
                    (await ada.ProposeAsync(victim, "member.revoke", new { principal = victim.IdOf("Audra"), role = "auditor" })).Run(),
                    "SUCCEEDED"
                );
                break;
            case "workspace removed":
                var remove = (await ada.ProposeAsync(victim, "workspace.remove", new { key = victim.Workspace.Key })).Run();
                Assert.Null((await (await victim.Otto).DecideAsync(remove)).Error());
                break;
            default:
                await ada.UntilAsync(
                    (await ada.ProposeAsync(victim, "agent.suspend", new { agentId = victim.IdOf("gone") })).Run(),
                    "SUCCEEDED"
                );
                await Sockets.ClosedAsync(socket);
                Assert.Equal(
                    "UNAUTHENTICATED",
                    Runs.GovernedActionTests.Code(await lost.AnswerAsync(See, new { key = victim.Workspace.Key }))
                );
                Assert.Equal(
                    "UNAUTHENTICATED",
                    Runs.GovernedActionTests.Code(
                        await lost.AnswerAsync("query($id: ID!) { node(id: $id) { id } }", new { id = ids["Run"] })
                    )
                );
                return;
        }

        await Sockets.OverAsync(socket);
        Assert.Equal(JsonValueKind.Null, (await lost.AskAsync(See, new { key = victim.Workspace.Key })).GetProperty("workspace").ValueKind);
        foreach (var id in ids.Values)
            Assert.Equal(
                JsonValueKind.Null,
                (await lost.AskAsync("query($id: ID!) { node(id: $id) { id } }", new { id })).GetProperty("node").ValueKind
            );
        var everything = "";
        foreach (var part in Parts("Viewer", 4).Where(p => !p.Contains("workspaces {", StringComparison.Ordinal)))
            everything += await lost.AskAsync($"{{ viewer {{ {part} }} }}");
        Assert.DoesNotContain("victim", everything, StringComparison.Ordinal);
        foreach (var mutation in Schema.Mutation!.Fields.Where(m => m.Name != "requestElevation" && !OwnAccount.Contains(m.Name)))
        {
            var input = (IInputObjectGraphType)mutation.Arguments![0].ResolvedType!.GetNamedType();
            var payload = (
                await lost.AskAsync(
                    $"mutation($input: {input.Name}!) {{ {mutation.Name}(input: $input) {{ errors {{ __typename }} }} }}",
                    new { input = input.Fields.ToDictionary(f => f.Name, f => Value(f, ids)) }
                )
            ).GetProperty(mutation.Name);
            Assert.Equal("NotFound", payload.Error());
        }
    }

    /// <summary>A victim's room with one of everything in it, and Mallory beside it.</summary>
    private async Task<(World Victim, Client Mallory, World Room)> SceneAsync(bool sameTenant)
    {
        var victim = await FurnishedAsync(app);

        // Mallory is an agent here because sockets of other origins take tokens; with the agent's role in a room of its own.
        var room = sameTenant ? await victim.OtherWorkspaceAsync() : await app.WorldAsync();
        return (victim, sameTenant ? await room.AgentAsync("mallory") : await room.Hermes, room);
    }

    /// <summary>A room with one of everything in it.</summary>
    internal static async Task<World> FurnishedAsync(MumegaApp app)
    {
        var victim = await app.WorldAsync();
        var otto = await victim.Otto;
        await otto.UntilAsync((await otto.ProposePageAsync(victim, "victim-page", "victim text")).Run(), "SUCCEEDED");
        await (await victim.Hermes).ProposePageAsync(victim, "victim-waiting", "victim text");
        await otto.UntilAsync(
            (await otto.ProposeAsync(victim, "runtime.set", new { key = "victim.key", value = "victim value" })).Run(),
            "SUCCEEDED"
        );
        Assert.Null((await otto.EngageAsync(victim, "FAMILY", "webhooks")).Error());
        using (await Receipts.Partner.OpenAsync(victim, ["proposed"], ["parameters.*"], name: "victim partner")) { }

        await victim.WorkflowAsync("content-review");
        var elevated = (await (await victim.Petra).ProposeAsync(victim, "elevation.take", new { role = "auditor", minutes = 15 })).Run();
        Assert.Null((await (await victim.Ada).DecideAsync(elevated)).Error());
        await otto.UntilAsync(elevated, "SUCCEEDED");
        await otto.CreatePacketAsync(
            victim,
            "content",
            "victim packet",
            new
            {
                slug = "victim-packet",
                title = "victim title",
                markdown = "victim text",
            },
            new { labels = new[] { "victim-label" } }
        );
        var import = await ImportTests.UploadedAsync(otto, victim, "text/csv", "victim column\nvictim row\n");
        Assert.Null(
            (
                await ImportTests.CheckAsync(
                    otto,
                    import,
                    new
                    {
                        type = "content",
                        title = "/victim column",
                        payload = new { slug = "/victim column" },
                    }
                )
            ).Error()
        );
        await Runs.Poll.UntilAsync(() => ImportTests.ImportAsync(otto, import), i => i.State() == "CHECKED");
        Assert.Null((await otto.DelegateAsync(victim, victim.IdOf("Petra"))).Error());
        return victim;
    }

    internal static async Task<Dictionary<string, string>> IdsAsync(World victim)
    {
        var w = (
            await (await victim.Otto).AskAsync(
                "query($key: String!) { workspace(key: $key) { id runs { nodes { id } } approvals { nodes { id } } receipts { nodes { id } } pages { nodes { id } } stops { id } agents { id } contracts { id } packets { nodes { id } } delegations { id } elevations { id } packetImports { id } } }",
                new { key = victim.Workspace.Key }
            )
        ).GetProperty("workspace");
        string First(string list) => w.GetProperty(list).GetProperty("nodes")[0].GetProperty("id").GetString()!;
        return new()
        {
            ["Workspace"] = w.GetProperty("id").GetString()!,
            ["Run"] = First("runs"),
            ["Approval"] = First("approvals"),
            ["Receipt"] = First("receipts"),
            ["Page"] = First("pages"),
            ["Stop"] = w.GetProperty("stops")[0].GetProperty("id").GetString()!,
            ["Contract"] = w.GetProperty("contracts")[0].GetProperty("id").GetString()!,
            ["Packet"] = First("packets"),
            ["Delegation"] = w.GetProperty("delegations")[0].GetProperty("id").GetString()!,
            ["Elevation"] = w.GetProperty("elevations")[0].GetProperty("id").GetString()!,
            ["PacketImport"] = w.GetProperty("packetImports")[0].GetProperty("id").GetString()!,
            ["Principal"] = w.GetProperty("agents")[0].GetProperty("id").GetString()!,
        };
    }

    internal static object? Value(FieldType field, Dictionary<string, string> ids) =>
        field.ResolvedType!.GetNamedType() switch
        {
            IdGraphType when field.Name == "to" => Guid.NewGuid(),
            IInputObjectGraphType when field.Name == "approvals" => new[] { new { approvalId = ids["Approval"], digest = "x" } },
            IInputObjectGraphType when field.Name == "plan" => new
            {
                type = "content",
                title = "/victim column",
                payload = new { },
            },
            IdGraphType when field.Name == "importId" => ids["PacketImport"],
            IdGraphType when field.Name is "sessionId" or "passkeyId" => "0000",
            IdGraphType when field.Name is "confirmationId" or "invitationId" => Guid.NewGuid(),
            IdGraphType when field.Name == "agentId" => Api.GraphQL.NodeId.Parse(ids["Principal"])!.Value.Key,
            IntGraphType => 1,
            BooleanGraphType => true,
            DateTimeOffsetGraphType => TimeProvider.System.GetUtcNow().AddDays(1),
            IdGraphType => ids[char.ToUpperInvariant(field.Name[0]) + field.Name[1..^2]],
            EnumerationGraphType e => e.Values.First().Name,
            _ when field.Name == "action" => "page.unpublish",
            _ when field.Name == "input" => new { slug = "victim-page" },
            _ when field.Name == "target" => null,
            _ => $"{field.Name}-{Guid.NewGuid():N}",
        };

    // Every field that needs no argument, down to the depth.
    private string Selection(string type, int depth) =>
        Parts(type, depth) is { Count: > 0 } fields ? $"{{ {string.Join(' ', fields)} }}" : "{ __typename }";

    private List<string> Parts(string type, int depth) =>
        [
            .. ((IObjectGraphType)Schema.AllTypes[type]!)
                .Fields.Where(f => f.Arguments is not { Count: > 0 } args || args.All(a => a.ResolvedType is not NonNullGraphType))
                .Select(f =>
                {
                    var inner = f.ResolvedType!.GetNamedType();
                    if (inner is not IObjectGraphType)
                        return inner is IInterfaceGraphType ? "" : f.Name;
                    var first = f.Arguments?.Any(a => a.Name == "first") == true ? "(first: 3)" : "";
                    return
                        depth == 0
                        || f.Name is "edges" or "undoes" or "parent" or "children" or "pendingRun"
                        || (f.Name is "packet" or "approval" or "run" or "runs" or "history" && depth < 4)
                        ? ""
                        : $"{f.Name}{first} {Selection(inner.Name, depth - 1)}";
                })
                .Where(f => f.Length > 0),
        ];

    private async Task<string> RowsAsync(World victim)
    {
        await using var db = app.Databases.Open(victim.Tenant.Id, victim.Workspace.Id);
        var ct = TestContext.Current.CancellationToken;
        return string.Join(
            ',',
            await db.Runs.CountAsync(ct),
            await db.Receipts.CountAsync(ct),
            await db.Stops.CountAsync(ct),
            await db.Pages.CountAsync(ct),
            await db.Approvals.SumAsync(a => a.Version, ct),
            await db.Runs.SumAsync(r => r.Version, ct),
            await db.IdempotencyKeys.CountAsync(ct),
            await db.Packets.SumAsync(p => p.Version, ct),
            await db.PacketEvents.CountAsync(ct),
            await db.Delegations.SumAsync(d => d.Version + 1, ct),
            await db.PacketImports.SumAsync(i => i.Version, ct)
        );
    }
}

public sealed class IsolationOnSqlite(SqliteApp app) : IsolationTests(app);

public sealed class IsolationOnPostgres(PostgresApp app) : IsolationTests(app);
