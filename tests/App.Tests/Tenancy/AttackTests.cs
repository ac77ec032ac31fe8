using System.IdentityModel.Tokens.Jwt;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Jobs;
using OpenIddict.Server;

namespace Mumega.App.Tests.Tenancy;

/// <summary>Attacks of docs/security.md that belong to no feature's own tests.</summary>
public abstract class AttackTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cursor_of_another_room_shows_only_ones_own_and_a_made_up_one_is_refused()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        foreach (var world in new[] { other, one, other })
        {
            for (var i = 0; i < 2; i++)
                await (await world.Otto).ProposePageAsync(world, $"page-{Guid.NewGuid():N}"[..12]);
        }

        const string List =
            "query($key: String!, $after: String) { workspace(key: $key) { runs(first: 1, after: $after) { nodes { id } pageInfo { endCursor } } } }";
        async Task<JsonElement> RunsAsync(World world, string? after) =>
            (await (await world.Otto).AskAsync(List, new { key = world.Workspace.Key, after }))
                .GetProperty("workspace")
                .GetProperty("runs");
        var theirs = (await RunsAsync(other, null)).GetProperty("pageInfo").GetProperty("endCursor").GetString();
        foreach (var node in (await RunsAsync(one, theirs)).GetProperty("nodes").EnumerateArray())
            Assert.Equal(one.Workspace.Id, Api.GraphQL.NodeId.Parse(node.GetProperty("id").GetString()!)!.Value.WorkspaceId);
        foreach (
            var edited in new[]
            {
                "x",
                theirs + "AA",
                Convert.ToBase64String("1/2/3"u8),
                Convert.ToBase64String("-1/00000000-0000-0000-0000-000000000000"u8),
            }
        )
            Assert.Equal(
                "BAD_CURSOR",
                GovernedActionTests.Code(await (await one.Otto).AnswerAsync(List, new { key = one.Workspace.Key, after = edited }))
            );
    }

    [Fact]
    public async Task A_thousand_rounds_of_two_tenants_at_once_never_mix()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        foreach (var world in new[] { one, other })
        {
            for (var i = 0; i < 3; i++)
                await (await world.Hermes).ProposePageAsync(world, $"page-{i}");
        }

        const string Rooms =
            "query($key: String!) { workspace(key: $key) { id runs { nodes { id target proposedBy { principalId } approval { id run { id } } } } } }";
        async Task AskAsync(World world)
        {
            var room = (await (await world.Otto).AskAsync(Rooms, new { key = world.Workspace.Key }))
                .GetProperty("workspace")
                .GetProperty("runs")
                .GetProperty("nodes")
                .EnumerateArray()
                .ToList();
            Assert.Equal(3, room.Count);
            Assert.All(
                room,
                run =>
                {
                    Assert.Equal(world.IdOf("Hermes"), run.GetProperty("proposedBy").GetProperty("principalId").GetGuid());
                    Assert.Equal(
                        run.GetProperty("id").GetString(),
                        run.GetProperty("approval").GetProperty("run").GetProperty("id").GetString()
                    );
                    Assert.Equal(
                        world.Workspace.Id,
                        Api.GraphQL.NodeId.Parse(run.GetProperty("approval").GetProperty("id").GetString()!)!.Value.WorkspaceId
                    );
                }
            );
        }

        for (var round = 0; round < 1000; round += 10)
            await Task.WhenAll(Enumerable.Range(0, 10).SelectMany(_ => new[] { AskAsync(one), AskAsync(other) }));
    }

    [Fact]
    public async Task An_empty_list_allows_nothing()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "shown")).Run(), "SUCCEEDED");
        var decided = (
            await petra.AskAsync(
                "mutation($input: DecideApprovalsInput!) { decideApprovals(input: $input) { approvals { id } errors { __typename } } }",
                new
                {
                    input = new
                    {
                        approvals = Array.Empty<object>(),
                        verdict = "APPROVE",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("decideApprovals");
        Assert.Equal("InvalidArgument", decided.Error());

        var authority = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { authority(principalIds: [], acts: [\"page.publish\"]) { cells { verdict } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("authority");
        Assert.All(authority.EnumerateArray(), row => Assert.Equal(0, row.GetProperty("cells").GetArrayLength()));

        // No field named: none is opened.
        var evidence = await Poll.UntilAsync(
            async () =>
                (
                    await otto.AskAsync(
                        "query($key: String!) { workspace(key: $key) { evidence(open: []) } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("evidence")
                    .GetString(),
            text => text is not null
        );
        Assert.DoesNotContain(
            "shown",
            string.Concat(
                JsonDocument
                    .Parse(evidence!)
                    .RootElement.GetProperty("receipts")
                    .EnumerateArray()
                    .SelectMany(r => r.TryGetProperty("disclosures", out var d) ? d.EnumerateArray().Select(x => x.GetString()) : [])
            ),
            StringComparison.Ordinal
        );
        Assert.All(
            JsonDocument.Parse(evidence!).RootElement.GetProperty("receipts").EnumerateArray(),
            r => Assert.True(!r.TryGetProperty("disclosures", out var d) || d.GetArrayLength() == 0)
        );
    }

    [Fact]
    public async Task Who_may_not_read_may_do_nothing_else_either_whatever_permits_it()
    {
        // A role that permits everything but reading: then there is no room to do it in.
        var world = await app.WorldAsync();
        var (ada, bela, blind) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.PersonAsync("Blind"));
        var everything = new Domain.Actions.ActionCatalog()
            .All.Select(a => a.Kind)
            .Concat(Domain.Policies.ControlAct.All)
            .Where(a => a != Domain.Policies.ControlAct.Read)
            .ToArray();
        var defined = (
            await ada.ProposeAsync(
                world,
                "role.define",
                new
                {
                    key = "blind",
                    title = "Blind",
                    acts = everything,
                }
            )
        ).Run();
        Assert.Null((await bela.DecideAsync(defined)).Error());
        await ada.UntilAsync(defined, "SUCCEEDED");
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Blind"), role = "blind" })).Run(),
            "SUCCEEDED"
        );
        using var again = await Client.SignInAsync(app.Address, world.Email("Blind"), World.Password);
        Assert.NotNull(blind);

        foreach (var kind in everything)
            Assert.Equal(
                "NotFound",
                (await again.ProposeAsync(world, kind, new { })).Error() is "InvalidInput" or "UnknownAction"
                    ? "NotFound"
                    : (await again.ProposeAsync(world, kind, new { })).Error()
            );
        Assert.Equal("NotFound", (await again.ProposePageAsync(world, "unseen")).Error());
        Assert.Equal("NotFound", (await again.EngageAsync(world, "WORKSPACE")).Error());
        Assert.Equal("NotFound", (await again.DecideAsync(defined)).Error());
        Assert.Equal("NotFound", (await again.RollBackAsync(defined)).Error());
        using var export = await again.Http.GetAsync($"/audit/{world.Workspace.Id}?format=csv", Ct);
        Assert.Equal(HttpStatusCode.NotFound, export.StatusCode);
        using var upload = await again.Http.PostAsync($"/files/{world.Workspace.Id}", new StringContent("x", null, "text/plain"), Ct);
        Assert.Equal(HttpStatusCode.NotFound, upload.StatusCode);
        using var socket = await Sockets.SubscribeAsync(app, again, world);
        await Sockets.OverAsync(socket);
    }

    [Fact]
    public async Task Equal_names_in_two_tenants_are_two_things()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        var (mine, theirs) = (await one.Otto, await other.Otto);
        var key = Acts.Key();
        await Task.WhenAll(one.ConnectAsync("crm", "ok"), other.ConnectAsync("crm", "ok"));

        // An idempotency key, a page, a file by its digest, a budget: each says the same name in both.
        var (a, b) = (
            (
                await mine.ProposeAsync(
                    one,
                    "page.publish",
                    new
                    {
                        slug = "same",
                        title = "Mine",
                        markdown = "mine",
                    },
                    key
                )
            ).Run(),
            (
                await theirs.ProposeAsync(
                    other,
                    "page.publish",
                    new
                    {
                        slug = "same",
                        title = "Theirs",
                        markdown = "theirs",
                    },
                    key
                )
            ).Run()
        );
        Assert.NotEqual(a.GetProperty("id").GetString(), b.GetProperty("id").GetString());
        await Task.WhenAll(mine.UntilAsync(a, "SUCCEEDED"), theirs.UntilAsync(b, "SUCCEEDED"));
        using var http = new HttpClient();
        Assert.Contains("theirs", await http.GetStringAsync($"{app.Address}/p/{other.Tenant.Key}/same", Ct), StringComparison.Ordinal);

        using var put = await mine.Http.PostAsync(
            $"/files/{one.Workspace.Id}",
            new StringContent("the very same bytes", null, "text/plain"),
            Ct
        );
        var digest = JsonDocument
            .Parse(await put.Content.ReadAsStringAsync(Ct))
            .RootElement.EnumerateObject()
            .Select(p => p.Value.ToString())
            .First(v => v.Length == 64);
        using var got = await theirs.Http.GetAsync($"/files/{other.Workspace.Id}/{digest}", Ct);
        Assert.Equal(HttpStatusCode.NotFound, got.StatusCode);
        await using var db = app.Databases.Open(one.Tenant.Id, one.Workspace.Id);
        await using var elsewhere = app.Databases.Open(other.Tenant.Id, other.Workspace.Id);
        Assert.NotEqual((await db.Connections.SingleAsync(Ct)).SealedSecret, (await elsewhere.Connections.SingleAsync(Ct)).SealedSecret);
    }

    [Fact]
    public async Task A_scope_taken_away_in_the_middle_holds_at_the_next_step()
    {
        var world = await app.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        var run = (await hermes.ProposePageAsync(world, "half-way")).Run();
        using var socket = await Sockets.SubscribeAsync(app, otto, world);
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Hermes"),
                        act = "mumega:propose",
                        effect = "forbid",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );

        // What waits is decided, and then not done: policy is asked again right before.
        var digest = (await otto.RunAsync(run)).GetProperty("digest").GetString();
        await otto.DecideAsync(run, digest: digest);
        Assert.Contains(
            (await otto.UntilAsync(run, "FAILED", "DENIED", "CANCELLED", "REJECTED", "AWAITING_APPROVAL")).State(),
            new[] { "FAILED", "DENIED", "CANCELLED", "REJECTED", "AWAITING_APPROVAL" }
        );
        Assert.Equal("DENIED", (await hermes.ProposePageAsync(world, "more")).Run().State());

        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "mumega:read",
                        effect = "forbid",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        await Sockets.OverAsync(socket);
        Assert.Equal(
            JsonValueKind.Null,
            (await otto.AskAsync("query($key: String!) { workspace(key: $key) { id } }", new { key = world.Workspace.Key }))
                .GetProperty("workspace")
                .ValueKind
        );
    }

    [Fact]
    public async Task What_is_forbidden_stays_so_in_the_nested_fragment_of_the_operation_that_is_chosen()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "deep")).Run(), "SUCCEEDED");
        const string Document = """
            query Harmless { viewer { me { name } } }
            query Chosen($key: String!) { viewer { ...Outer } workspace(key: $key) { ...Room } }
            fragment Outer on Viewer { me { name } }
            fragment Room on Workspace { id ...Inner }
            fragment Inner on Workspace { auditLog(first: 5) { nodes { code } } securityEvents(first: 5) { nodes { code } } invitations { email } }
            """;
        async Task<JsonElement> AskAsync(Client client)
        {
            using var answer = await client.Http.PostAsJsonAsync(
                "/graphql",
                new
                {
                    query = Document,
                    operationName = "Chosen",
                    variables = new { key = world.Workspace.Key },
                },
                Ct
            );
            return (await answer.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("data").GetProperty("workspace");
        }

        // Once by who may, so that the document is known; then by who may not.
        Assert.NotEqual(JsonValueKind.Null, (await AskAsync(ada)).GetProperty("auditLog").ValueKind);
        var seen = await AskAsync(otto);
        Assert.Equal(
            (JsonValueKind.Null, JsonValueKind.Null, 0),
            (
                seen.GetProperty("auditLog").ValueKind,
                seen.GetProperty("securityEvents").ValueKind,
                seen.GetProperty("invitations").GetArrayLength()
            )
        );
    }

    [Fact]
    public async Task A_browsers_session_sends_nothing_but_the_operations_of_its_pages()
    {
        // A server as it is by default; a session holds on every node.
        if (app is SqliteApp)
            Assert.Skip("The embedded database has one process.");
        var world = await app.WorldAsync();
        var (otto, hermes) = (await world.Otto, await world.Hermes);
        await using var strict = await app.NeighbourAsync();
        async Task<JsonElement> AskAsync(string? cookie, string? token)
        {
            using var http = new HttpClient(new HttpClientHandler { UseCookies = false });
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{strict.Address}/graphql")
            {
                Content = JsonContent.Create(new { query = "{ viewer { me { name } } }" }),
            };
            request.Headers.Add("graphql-require-preflight", "1");
            if (cookie is not null)
                request.Headers.Add("Cookie", $"mumega_session={cookie}");
            if (token is not null)
                request.Headers.Authorization = new("Bearer", token);
            using var answer = await http.SendAsync(request, Ct);
            return await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        }

        Assert.Equal("UNREGISTERED_OPERATION", GovernedActionTests.Code(await AskAsync(otto.Cookie, null)));
        Assert.Equal(
            "Hermes",
            (await AskAsync(null, hermes.Token)).GetProperty("data").GetProperty("viewer").GetProperty("me").GetProperty("name").GetString()
        );
    }

    /// <summary>Entrances that do not exist yet: whoever knocks there is not let in, and nothing happens. With an entrance comes a test of its own.</summary>
    [Theory]
    [InlineData("/adapters/slack", "{\"type\":\"block_actions\",\"actions\":[{\"action_id\":\"approve\"}]}")]
    [InlineData("/adapters/telegram", "{\"update_id\":1,\"callback_query\":{\"data\":\"approve\"}}")]
    [InlineData("/mcp", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}")]
    [InlineData("/mcp/agent-1", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}")]
    [InlineData("/connect/register", "{\"client_id\":\"https://127.0.0.1/client.json\"}")]
    public async Task Where_there_is_no_entrance_nothing_happens(string path, string body)
    {
        var world = await app.WorldAsync();
        var run = (await (await world.Hermes).ProposePageAsync(world, "waits")).Run();
        using var content = new StringContent(body, null, "application/json");
        using var answer = await (await world.Hermes).Http.PostAsync(path, content, Ct);
        Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed });
        Assert.Equal("AWAITING_APPROVAL", (await (await world.Otto).RunAsync(run)).State());
    }

    [Fact]
    public async Task A_socket_that_was_closed_for_its_token_does_nothing_more()
    {
        var world = await app.WorldAsync();
        var (ada, hermes) = (await world.Ada, await world.Hermes);
        using var socket = await Sockets.SubscribeAsync(app, hermes.Token!, world);
        Task ProposeAsync(string key) =>
            socket.SendAsync(
                JsonSerializer.SerializeToUtf8Bytes(
                    new
                    {
                        id = key,
                        type = "subscribe",
                        payload = new
                        {
                            query = "mutation($input: ProposeActionInput!) { proposeAction(input: $input) { run { id } errors { code } } }",
                            variables = new
                            {
                                input = new
                                {
                                    workspaceId = world.WorkspaceId,
                                    action = "runtime.set",
                                    input = new { key, value = 1 },
                                    reason = "over a socket",
                                    idempotencyKey = key,
                                },
                            },
                        },
                    }
                ),
                System.Net.WebSockets.WebSocketMessageType.Text,
                true,
                Ct
            );
        async Task<List<string?>> TargetsAsync() =>
            [
                .. (
                    await ada.AskAsync(
                        "query($k: String!) { workspace(key: $k) { runs(first: 50) { nodes { target } } } }",
                        new { k = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("runs")
                    .GetProperty("nodes")
                    .EnumerateArray()
                    .Select(r => r.GetProperty("target").GetString()),
            ];
        await ProposeAsync("before");
        await Poll.UntilAsync(TargetsAsync, t => t.Contains("ProfileKey::\"before\""));

        using (
            var form = new FormUrlEncodedContent(
                new Dictionary<string, string>
                {
                    ["client_id"] = world.AgentClientId,
                    ["client_secret"] = world.AgentSecret,
                    ["token"] = hermes.Token!,
                }
            )
        )
        using (var revoked = await ada.Http.PostAsync("/connect/revocation", form, Ct))
            Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        await Sockets.ClosedAsync(socket);

        // The server waits for our half of the close, and reads what comes instead.
        await ProposeAsync("after");
        await ada.UntilAsync((await ada.ProposeAsync(world, "runtime.set", new { key = "meanwhile", value = 1 })).Run(), "SUCCEEDED");
        Assert.DoesNotContain("ProfileKey::\"after\"", await TargetsAsync());
    }

    [Fact]
    public async Task A_refused_token_is_written_down_once_a_minute()
    {
        var world = await app.WorldAsync();
        var (ada, hermes) = (await world.Ada, await world.Hermes);
        await hermes.AskAsync("{ viewer { me { name } } }");
        using (
            var form = new FormUrlEncodedContent(
                new Dictionary<string, string>
                {
                    ["client_id"] = world.AgentClientId,
                    ["client_secret"] = world.AgentSecret,
                    ["token"] = hermes.Token!,
                }
            )
        )
        using (var revoked = await ada.Http.PostAsync("/connect/revocation", form, Ct))
            Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        for (var i = 0; i < 3; i++)
            Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await hermes.AnswerAsync("{ viewer { me { name } } }")));
        var events = (
            await ada.AskAsync(
                "query($k: String!) { workspace(key: $k) { securityEvents(first: 50) { nodes { code who } } } }",
                new { k = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("securityEvents")
            .GetProperty("nodes");
        Assert.Equal(
            "Hermes",
            Assert.Single(events.EnumerateArray(), e => e.GetProperty("code").GetString() == "token.refused").GetProperty("who").GetString()
        );
    }

    [Fact]
    public async Task A_job_that_names_another_tenants_run_does_nothing_to_it()
    {
        var (one, other) = (await app.WorldAsync(), await app.WorldAsync());
        var run = (await (await other.Hermes).ProposePageAsync(other, "theirs")).Run();
        var id = Guid.Parse(Api.GraphQL.NodeId.Parse(run.GetProperty("id").GetString()!)!.Value.Key);
        var job = new Job
        {
            Id = Guid.CreateVersion7(),
            TenantId = one.Tenant.Id,
            WorkspaceId = one.Workspace.Id,
            Kind = JobKind.ExecuteRun,
            SubjectId = id,
            DueAt = TimeProvider.System.GetUtcNow(),
            State = JobState.Due,
        };
        await using (var db = app.Databases.OpenPlatform())
        {
            db.Jobs.Add(job);
            await db.SaveChangesAsync(Ct);
        }

        await Poll.UntilAsync(
            async () =>
            {
                await using var db = app.Databases.OpenPlatform();
                return await db.Jobs.AsNoTracking().Where(j => j.Id == job.Id).Select(j => j.LastError).SingleAsync(Ct);
            },
            error => error is not null
        );
        Assert.Equal("AWAITING_APPROVAL", (await (await other.Otto).RunAsync(run)).State());
    }

    [Fact]
    public async Task An_approval_counts_for_its_own_run_only()
    {
        var world = await app.WorldAsync();
        var (hermes, petra) = (await world.Hermes, await world.Petra);
        var (first, second) = ((await hermes.ProposePageAsync(world, "twin")).Run(), (await hermes.ProposePageAsync(world, "twin")).Run());
        Assert.NotEqual(first.GetProperty("digest").GetString(), second.GetProperty("digest").GetString());
        Assert.Equal("StaleDigest", (await petra.DecideAsync(second, digest: first.GetProperty("digest").GetString())).Error());
        Assert.Null((await petra.DecideAsync(first)).Error());
        await petra.UntilAsync(first, "SUCCEEDED");
        Assert.Equal("AWAITING_APPROVAL", (await petra.RunAsync(second)).State());
    }

    public static TheoryData<string, bool> Tokens =>
        new()
        {
            { "as it was", true },
            { "expired", false },
            { "not yet", false },
            { "other issuer", false },
            { "other audience", false },
            { "identity token", false },
            { "unknown key", false },
            { "embedded key", false },
        };

    [Theory]
    [MemberData(nameof(Tokens))]
    public async Task A_token_that_is_signed_but_says_something_else_is_refused(string what, bool holds)
    {
        var world = await app.WorldAsync();
        var token = new JwtSecurityTokenHandler().ReadJwtToken((await world.Hermes).Token!);
        var key = (ECDsaSecurityKey)
            app
                .Services.GetRequiredService<IOptionsMonitor<OpenIddictServerOptions>>()
                .CurrentValue.SigningCredentials.First(c => c.Key is ECDsaSecurityKey)
                .Key;
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var claims = JsonSerializer.Deserialize<Dictionary<string, object>>(
            System.Buffers.Text.Base64Url.DecodeFromChars(token.RawPayload)
        )!;
        var header = new Dictionary<string, object>
        {
            ["alg"] = "ES256",
            ["typ"] = "at+jwt",
            ["kid"] = key.KeyId,
        };
        using var other = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var signer = key.ECDsa;
        switch (what)
        {
            case "expired":
                claims["exp"] = now - 3600;
                break;
            case "not yet":
                claims["nbf"] = now + 3600;
                break;
            case "other issuer":
                claims["iss"] = "https://elsewhere.example/";
                break;
            case "other audience":
                claims["aud"] = "https://elsewhere.example/graphql";
                break;
            case "identity token":
                header["typ"] = "JWT";
                break;
            case "unknown key":
                (header["kid"], signer) = ("k-404", other);
                break;
            case "embedded key":
                header["jwk"] = JsonDocument.Parse(Identity.TokenTests.PublicJwk(other, key.KeyId)).RootElement;
                signer = other;
                break;
        }

        var content =
            $"{System.Buffers.Text.Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(header))}.{System.Buffers.Text.Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        var signed =
            $"{content}.{System.Buffers.Text.Base64Url.EncodeToString(signer.SignData(System.Text.Encoding.ASCII.GetBytes(content), System.Security.Cryptography.HashAlgorithmName.SHA256))}";
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", signed);
        using var answer = await http.PostAsJsonAsync($"{app.Address}/graphql", new { query = "{ viewer { tenant } }" }, Ct);
        Assert.Equal(holds ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
        if (!holds)
            Assert.Contains("error=\"invalid_token\"", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/session/callback/more")]
    [InlineData("/session/CALLBACK")]
    [InlineData("/session/callback#fragment")]
    [InlineData("/session/callback?more=1")]
    [InlineData(":1/session/callback")]
    [InlineData(".elsewhere.example/session/callback")]
    [InlineData("/*")]
    public async Task A_code_is_sent_to_no_address_that_is_almost_ours(string tail)
    {
        var world = await app.WorldAsync();
        await world.Otto;
        var address = tail[0] is '/' ? app.Address : app.Address[..app.Address.LastIndexOf(':')];
        using var http = new HttpClient(new HttpClientHandler { CookieContainer = new(), AllowAutoRedirect = false })
        {
            BaseAddress = new(app.Address),
        };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var signIn = await http.PostAsJsonAsync(
            "/session/sign-in",
            new { email = world.Email("Otto"), password = World.Password },
            Ct
        );
        using var answer = await http.GetAsync(
            $"/connect/authorize?client_id=mission-control&response_type=code&redirect_uri={Uri.EscapeDataString(address + tail)}&scope=mumega:read&code_challenge={new string('a', 43)}&code_challenge_method=S256",
            Ct
        );
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Null(answer.Headers.Location);
    }
}

public sealed class AttacksOnSqlite(SqliteApp app) : AttackTests(app);

public sealed class AttacksOnPostgres(PostgresApp app) : AttackTests(app);

public sealed class AttacksOnSqlServer(SqlServerApp app) : AttackTests(app);
