using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Members;

namespace Mumega.App.Tests.Members;

/// <summary>Roles of the tenant's own, exceptions for single members, people who are invited, and rooms and tenants that go.</summary>
public abstract class RoleTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_role_of_the_tenants_own_is_a_policy_that_can_be_read_and_is_what_decides()
    {
        var world = await app.WorldAsync();
        var (ada, bela, hana) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.PersonAsync("Hana"));
        var defined = (
            await ada.ProposeAsync(
                world,
                "role.define",
                new
                {
                    key = "editor",
                    title = "Editor",
                    acts = new[] { "workspace.read", "page.publish" },
                }
            )
        ).Run();
        Assert.Equal("AWAITING_APPROVAL", defined.State());
        Assert.Equal("OwnRequest", (await ada.DecideAsync(defined)).Error());
        Assert.Null((await bela.DecideAsync(defined)).Error());
        await ada.UntilAsync(defined, "SUCCEEDED");

        var see = new { key = world.Workspace.Key };
        Assert.Equal(
            JsonValueKind.Null,
            (await hana.AskAsync("query($key: String!) { workspace(key: $key) { id } }", see)).GetProperty("workspace").ValueKind
        );
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Hana"), role = "editor" })).Run(),
            "SUCCEEDED"
        );

        // A token names the workspaces that its person worked in when it was made.
        using var again = await Client.SignInAsync(app.Address, world.Email("Hana"), World.Password);
        var roles = (
            await again.AskAsync("query($key: String!) { workspace(key: $key) { roles { key builtIn policy holders acts } } }", see)
        )
            .GetProperty("workspace")
            .GetProperty("roles")
            .EnumerateArray()
            .ToList();
        var editor = roles.Single(r => r.GetProperty("key").GetString() == "editor");
        Assert.Contains("""permit (""", editor.GetProperty("policy").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, editor.GetProperty("holders").GetInt32());
        await again.UntilAsync((await again.ProposePageAsync(world, "edited")).Run(), "SUCCEEDED");
        var denied = (await again.ProposeAsync(world, "page.unpublish", new { slug = "edited" })).Run();
        Assert.Equal("DENIED", denied.State());
        var why = (
            await ada.AskAsync(
                "query($key: String!, $who: [ID!]) { workspace(key: $key) { authority(principalIds: $who, acts: [\"page.publish\"]) { cells { verdict policies } } } }",
                new { key = world.Workspace.Key, who = new[] { world.IdOf("Hana") } }
            )
        )
            .GetProperty("workspace")
            .GetProperty("authority")[0]
            .GetProperty("cells")[0];
        Assert.Equal(["role.editor"], why.GetProperty("policies").EnumerateArray().Select(p => p.GetString()));

        // Not dropped while it is held; taken away, it is nothing at once.
        Assert.Equal("PREFLIGHT_FAILED", (await ada.ProposeAsync(world, "role.drop", new { key = "editor" })).Run().State());
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Hana"), role = "editor" })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal(
            JsonValueKind.Null,
            (await again.AskAsync("query($key: String!) { workspace(key: $key) { id } }", see)).GetProperty("workspace").ValueKind
        );
        await ada.UntilAsync((await ada.ProposeAsync(world, "role.drop", new { key = "editor" })).Run(), "SUCCEEDED");
        Assert.Equal(
            "InvalidInput",
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Hana"), role = "editor" })).Error()
        );
    }

    [Theory]
    [InlineData("owner", "ReservedRole")]
    [InlineData("0wner", "InvalidInput")]
    [InlineData("owners", "ReservedRole")]
    [InlineData("o-w-n-e-r", "ReservedRole")]
    [InlineData("adm1n", "ReservedRole")]
    [InlineData("partner", "ReservedRole")]
    [InlineData("Owner", "InvalidInput")]
    [InlineData("editor\"", "InvalidInput")]
    public async Task A_role_named_like_a_built_in_one_is_refused(string key, string error)
    {
        var world = await app.WorldAsync();
        Assert.Equal(
            error,
            (
                await (await world.Ada).ProposeAsync(
                    world,
                    "role.define",
                    new
                    {
                        key,
                        title = "Mine",
                        acts = new[] { "workspace.read" },
                    }
                )
            ).Error()
        );
    }

    [Fact]
    public void A_title_that_looks_like_policy_stays_a_title()
    {
        var role = new CustomRole
        {
            TenantId = Guid.NewGuid(),
            Key = "evil",
            Title = "x\") permit (principal, action, resource); //\n\\",
            ActsJson = "[\"workspace.read\"]",
            CreatedAt = TimeProvider.System.GetUtcNow(),
        };
        var policy = Assert.Single(Cedar.PolicySet.Parse(role.Policy()).Policies);
        Assert.Contains(role.Title, policy.Annotations["reason"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exception_binds_a_person_and_everybody_who_acts_for_them()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "before")).Run(), "SUCCEEDED");
        var forbidden = await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "page.publish",
                        effect = "forbid",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        var denied = (await otto.ProposePageAsync(world, "after")).Run();
        Assert.Equal("DENIED", denied.State());
        Assert.Contains("exception", denied.GetProperty("decision").GetProperty("reason").GetString(), StringComparison.Ordinal);
        await otto.UntilAsync((await otto.ProposeAsync(world, "page.unpublish", new { slug = "before" })).Run(), "SUCCEEDED");
        await ada.UntilAsync((await ada.RollBackAsync(forbidden)).Run(), "SUCCEEDED");
        await otto.UntilAsync((await otto.ProposePageAsync(world, "after")).Run(), "SUCCEEDED");

        // A scope taken away counts for nothing, whatever token carries it.
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "mumega:propose",
                        effect = "forbid",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("DENIED", (await otto.ProposePageAsync(world, "more")).Run().State());

        // Permitted what no role of theirs permits; nobody for themselves, and owners only by owners.
        var audra = await world.Audra;
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Audra"),
                        act = "page.publish",
                        effect = "permit",
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        await audra.UntilAsync((await audra.ProposePageAsync(world, "hers")).Run(), "SUCCEEDED");
        Assert.Equal("PREFLIGHT_FAILED", (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Ada"),
                        act = "page.publish",
                        effect = "permit",
                    }
                )
            ).Run().State());
        var bela = await world.PersonAsync("Bela", "admin");
        Assert.Equal("DENIED", (
                await bela.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Ada"),
                        act = "page.publish",
                        effect = "forbid",
                    }
                )
            ).Run().State());
        Assert.Equal("DENIED", (
                await audra.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "page.publish",
                        effect = "forbid",
                    }
                )
            ).Run().State());
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "page.explode",
                        effect = "forbid",
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "member.override",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        act = "mumega:stop",
                        effect = "permit",
                    }
                )
            ).Error()
        );
    }

    [Fact]
    public async Task Somebody_is_invited_comes_by_the_link_once_and_holds_the_role()
    {
        var world = await app.WorldAsync();
        var (ada, otto) = (await world.Ada, await world.Otto);
        var email = $"Nora@{world.Tenant.Key}.test";
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "member.invite", new { email, role = "operator" })).Run().State());
        Assert.Equal("InvalidInput", (await ada.ProposeAsync(world, "member.invite", new { email = "nobody", role = "operator" })).Error());
        Assert.Equal("InvalidInput", (await ada.ProposeAsync(world, "member.invite", new { email, role = "emperor" })).Error());
        var bela = await world.PersonAsync("Bela", "admin");
        Assert.Equal("DENIED", (await bela.ProposeAsync(world, "member.invite", new { email, role = "owner" })).Run().State());
        await ada.UntilAsync((await ada.ProposeAsync(world, "member.invite", new { email, role = "operator" })).Run(), "SUCCEEDED");

        var id = await InvitationAsync(ada, world);
        Assert.Equal("PolicyDenied", (await LinkAsync(otto, world, id)).Error());
        var old = Token(await LinkAsync(ada, world, id));
        var token = Token(await LinkAsync(ada, world, id));
        Assert.Equal((HttpStatusCode.NotFound, "INVITATION_VOID"), await PostAsync("/session/invitation", new { token = old }));
        Assert.Equal(
            (HttpStatusCode.NotFound, "INVITATION_VOID"),
            await PostAsync("/session/invitation", new { token = token[..^2] + "AA" })
        );
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("/session/invitation", new { token })).Status);
        Assert.Equal(
            (HttpStatusCode.UnprocessableEntity, "INVALID_ARGUMENT"),
            await PostAsync(
                "/session/accept",
                new
                {
                    token,
                    name = "Nora",
                    password = "short",
                }
            )
        );

        // Twice at once: one account, one role.
        var both = await Task.WhenAll(
            Enumerable
                .Range(0, 2)
                .Select(_ =>
                    PostAsync(
                        "/session/accept",
                        new
                        {
                            token,
                            name = "Nora",
                            password = "a long way from home",
                        }
                    )
                )
        );
        Assert.Equal(1, both.Count(b => b.Status == HttpStatusCode.NoContent));
        Assert.Equal(
            (HttpStatusCode.NotFound, "INVITATION_VOID"),
            await PostAsync(
                "/session/accept",
                new
                {
                    token,
                    name = "Nora",
                    password = "a long way from home",
                }
            )
        );
        using var nora = await Client.SignInAsync(app.Address, email, "a long way from home");
        await nora.UntilAsync((await nora.ProposePageAsync(world, "hello")).Run(), "SUCCEEDED");

        // Into another room with the account that is there; a wrong password lets nobody in.
        var side = await world.OtherWorkspaceAsync();
        var grace = await side.PersonAsync("Grace", "owner");
        await grace.UntilAsync((await grace.ProposeAsync(side, "member.invite", new { email, role = "auditor" })).Run(), "SUCCEEDED");
        var second = Token(await LinkAsync(grace, side, await InvitationAsync(grace, side)));
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "WRONG_CREDENTIALS"),
            await PostAsync("/session/accept", new { token = second, password = "a long way from here" })
        );
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await PostAsync("/session/accept", new { token = second, password = "a long way from home" })).Status
        );

        // Taken back, the link is void.
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.invite", new { email = $"late@{world.Tenant.Key}.test", role = "auditor" })).Run(),
            "SUCCEEDED"
        );
        var late = await InvitationAsync(ada, world);
        var link = Token(await LinkAsync(ada, world, late));
        await ada.UntilAsync((await ada.ProposeAsync(world, "member.uninvite", new { invitation = late })).Run(), "SUCCEEDED");
        Assert.Equal(
            (HttpStatusCode.NotFound, "INVITATION_VOID"),
            await PostAsync(
                "/session/accept",
                new
                {
                    token = link,
                    name = "Late",
                    password = "a long way from home",
                }
            )
        );
    }

    [Fact]
    public async Task A_workspace_that_was_removed_is_gone_for_everybody_at_once_and_its_receipts_stay()
    {
        var world = await app.WorldAsync();
        var (ada, otto, hermes) = (await world.Ada, await world.Otto, await world.Hermes);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "last")).Run(), "SUCCEEDED");
        Assert.Equal(HttpStatusCode.OK, await StatusAsync($"/p/{world.Tenant.Key}/last"));
        Assert.Equal("DENIED", (await otto.ProposeAsync(world, "workspace.remove", new { key = world.Workspace.Key })).Run().State());
        Assert.Equal("InvalidInput", (await ada.ProposeAsync(world, "workspace.remove", new { key = "another" })).Error());
        using var socket = await Sockets.SubscribeAsync(app, otto, world);
        var run = (await ada.ProposeAsync(world, "workspace.remove", new { key = world.Workspace.Key })).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());
        Assert.Null((await otto.DecideAsync(run)).Error());

        await Sockets.OverAsync(socket);
        foreach (var client in new[] { ada, otto, hermes })
        {
            Assert.Equal(
                JsonValueKind.Null,
                (await client.AskAsync("query($key: String!) { workspace(key: $key) { id } }", new { key = world.Workspace.Key }))
                    .GetProperty("workspace")
                    .ValueKind
            );
            Assert.Equal("NotFound", (await client.ProposePageAsync(world, "ghost")).Error());
        }

        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync($"/p/{world.Tenant.Key}/last"));
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        Assert.True(await db.Receipts.AnyAsync(Ct));
    }

    [Fact]
    public async Task A_tenant_that_left_is_dead_and_its_receipts_still_verify()
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        var (ada, hermes, otto) = (await world.Ada, await world.Hermes, await world.Otto);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "kept")).Run(), "SUCCEEDED");
        var waits = (
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
        using var socket = await Sockets.SubscribeAsync(app, otto, world);
        Assert.True(await app.Services.GetRequiredService<Api.Setup.Installation>().CloseTenantAsync(world.Tenant.Key, Ct));

        await Sockets.ClosedAsync(socket);
        foreach (var client in new[] { ada, hermes, otto })
            Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await client.AnswerAsync("{ viewer { me { name } } }")));
        using (
            var form = new FormUrlEncodedContent(
                new Dictionary<string, string>
                {
                    ["grant_type"] = "client_credentials",
                    ["client_id"] = world.AgentClientId,
                    ["client_secret"] = world.AgentSecret,
                }
            )
        )
        using (var http = new HttpClient())
        using (var answer = await http.PostAsync($"{app.Address}/connect/token", form, Ct))
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync($"/p/{world.Tenant.Key}/kept"));

        // Nothing of it runs, its secrets are gone, its log is there.
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        db.Jobs.Add(
            Infrastructure.Runs.WorkspaceState.NewJob(
                world.Tenant.Id,
                world.Workspace.Id,
                Domain.Jobs.JobKind.ExecuteRun,
                RaceTests.RunId(waits),
                TimeProvider.System.GetUtcNow().AddMinutes(-1)
            )
        );
        await db.SaveChangesAsync(Ct);
        Assert.DoesNotContain(
            await app.Services.GetRequiredService<Infrastructure.Jobs.JobQueue>().ClaimAsync(Ct),
            j => j.TenantId == world.Tenant.Id
        );
        Assert.All(await db.Connections.AsNoTracking().ToListAsync(Ct), c => Assert.Equal("", c.SealedSecret));
        await Poll.UntilAsync(async () => await StatusAsync($"/log/{world.Tenant.LogId}/checkpoint"), s => s == HttpStatusCode.OK);
    }

    private static async Task<string> InvitationAsync(Client client, World world) =>
        (
            await client.AskAsync(
                "query($key: String!) { workspace(key: $key) { invitations { invitationId state } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("invitations")[0]
            .GetProperty("invitationId")
            .GetString()!;

    private static async Task<JsonElement> LinkAsync(Client client, World world, string invitationId) =>
        (
            await client.AskAsync(
                "mutation($input: LinkInvitationInput!) { linkInvitation(input: $input) { link errors { __typename } } }",
                new { input = new { workspaceId = world.WorkspaceId, invitationId } }
            )
        ).GetProperty("linkInvitation");

    private static string Token(JsonElement payload) => payload.GetProperty("link").GetString()!.Split('#')[1];

    private async Task<(HttpStatusCode Status, string? Code)> PostAsync(string path, object body)
    {
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var answer = await http.PostAsJsonAsync(path, body, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return (
            answer.StatusCode,
            text.Length > 0 && JsonDocument.Parse(text).RootElement.TryGetProperty("code", out var code) ? code.GetString() : null
        );
    }

    private async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var http = new HttpClient { BaseAddress = new(app.Address) };
        using var answer = await http.GetAsync(path, Ct);
        return answer.StatusCode;
    }
}

public sealed class RolesOnSqlite(SqliteApp app) : RoleTests(app);

public sealed class RolesOnPostgres(PostgresApp app) : RoleTests(app);
