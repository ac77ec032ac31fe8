using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Members;

/// <summary>Roles are given, end, and are taken away; the last owner stays; what the matrix says is what is decided.</summary>
public abstract class MemberTests(MumegaApp app)
{
    [Fact]
    public async Task A_role_is_given_holds_at_once_and_is_taken_away_at_once()
    {
        var world = await app.WorldAsync();
        var (ada, audra, hermes) = (await world.Ada, await world.Audra, await world.Hermes);
        Assert.Equal("DENIED", (await audra.ProposePageAsync(world, "prices")).Run().State());
        var run = await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Audra"), role = "operator" })).Run(),
            "SUCCEEDED"
        );
        await audra.UntilAsync((await audra.ProposePageAsync(world, "prices")).Run(), "SUCCEEDED");
        Assert.Equal(["auditor", "operator"], await RolesAsync(ada, world, "Audra"));

        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Audra"), role = "operator" })).Run(),
            "SUCCEEDED"
        );
        Assert.Equal("DENIED", (await audra.ProposePageAsync(world, "prices-2")).Run().State());

        // Undone by the record of what was done; then there is nothing left to undo of the first.
        var revoked = await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Audra"), role = "operator" })).Run(),
            "SUCCEEDED"
        );
        await ada.UntilAsync((await ada.RollBackAsync(revoked)).Run(), "SUCCEEDED");
        Assert.Equal(["auditor"], await RolesAsync(ada, world, "Audra"));
        Assert.Equal("InvalidInput", (await ada.RollBackAsync(run)).Error());
        Assert.Equal(
            "DENIED",
            (await hermes.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Hermes"), role = "agent" })).Run().State()
        );
    }

    [Fact]
    public async Task Nobody_gives_themselves_a_role_and_only_owners_make_owners()
    {
        var world = await app.WorldAsync();
        var (ada, bela, otto) = (await world.Ada, await world.PersonAsync("Bela", "admin"), await world.Otto);
        Assert.Equal(
            "DENIED",
            (await otto.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "admin" })).Run().State()
        );
        Assert.Equal(
            "DENIED",
            (await bela.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "owner" })).Run().State()
        );
        Assert.Equal(
            "DENIED",
            (await bela.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Ada"), role = "owner" })).Run().State()
        );
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await bela.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Bela"), role = "operator" })).Run().State()
        );
        await bela.UntilAsync(
            (await bela.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "auditor" })).Run(),
            "SUCCEEDED"
        );

        // What can't be a role of theirs, or an end.
        Assert.Equal(
            "InvalidInput",
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "agent" })).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Otto"), role = "emperor" })).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (await ada.ProposeAsync(world, "member.grant", new { principal = Guid.NewGuid(), role = "auditor" })).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        role = "admin",
                        until = TimeProvider.System.GetUtcNow().AddMinutes(-1),
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (
                await ada.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Otto"),
                        role = "admin",
                        until = TimeProvider.System.GetUtcNow().AddYears(9),
                    }
                )
            ).Error()
        );
        Assert.Equal(
            "InvalidInput",
            (await ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Otto"), role = "admin" })).Error()
        );
    }

    [Fact]
    public async Task The_last_owner_stays_whoever_asks_and_however_many_at_once()
    {
        var world = await app.WorldAsync();
        var (ada, ct) = (await world.Ada, TestContext.Current.CancellationToken);
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Ada"), role = "owner" })).Run().State()
        );
        Assert.Equal("PREFLIGHT_FAILED", (
                await ada.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Ada"),
                        role = "owner",
                        until = TimeProvider.System.GetUtcNow().AddDays(1),
                    }
                )
            ).Run().State());

        // An owner with an end does not count.
        var olga = await world.PersonAsync("Olga", "auditor");
        await ada.UntilAsync(
            (
                await ada.ProposeAsync(
                    world,
                    "member.grant",
                    new
                    {
                        principal = world.IdOf("Olga"),
                        role = "owner",
                        until = TimeProvider.System.GetUtcNow().AddDays(1),
                    }
                )
            ).Run(),
            "SUCCEEDED"
        );
        Assert.Equal(
            "PREFLIGHT_FAILED",
            (await olga.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Ada"), role = "owner" })).Run().State()
        );

        // Two who take it from each other at the same moment: one stays.
        await ada.UntilAsync(
            (await ada.ProposeAsync(world, "member.grant", new { principal = world.IdOf("Olga"), role = "owner" })).Run(),
            "SUCCEEDED"
        );
        await Task.WhenAll(
            ada.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Olga"), role = "owner" }),
            olga.ProposeAsync(world, "member.revoke", new { principal = world.IdOf("Ada"), role = "owner" })
        );
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        await Poll.UntilAsync(
            () =>
                db.Runs.CountAsync(
                    r => r.Action == "member.revoke" && (r.State == Domain.Runs.RunState.Queued || r.State == Domain.Runs.RunState.Running),
                    ct
                ),
            left => left == 0
        );
        Assert.Equal(1, await db.RoleBindings.CountAsync(b => b.WorkspaceId == world.Workspace.Id && b.Role == "owner", ct));
    }

    [Fact]
    public async Task The_matrix_says_what_is_decided_and_why()
    {
        var world = await app.WorldAsync();
        var (ada, otto, audra, hermes) = (await world.Ada, await world.Otto, await world.Audra, await world.Hermes);
        var rows = (
            await ada.AskAsync(
                "query($key: String!) { workspace(key: $key) { authority { act cells { principalId verdict reason policies remedies gates { role } } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("authority")
            .EnumerateArray()
            .ToList();
        JsonElement Cell(string act, string who) =>
            rows.Single(r => r.GetProperty("act").GetString() == act)
                .GetProperty("cells")
                .EnumerateArray()
                .Single(c => c.GetProperty("principalId").GetGuid() == world.IdOf(who));
        string Verdict(string act, string who) => Cell(act, who).GetProperty("verdict").GetString()!;

        // Asked of the engine by asking it to do it, for everybody who can ask.
        foreach (var (client, name) in new[] { (ada, "Ada"), (otto, "Otto"), (audra, "Audra"), (hermes, "Hermes") })
        {
            var eligible = (
                await client.AskAsync(
                    "query($key: String!) { workspace(key: $key) { families { actions { kind eligibility { verdict } } } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("families")
                .EnumerateArray()
                .SelectMany(f => f.GetProperty("actions").EnumerateArray())
                .ToDictionary(
                    a => a.GetProperty("kind").GetString()!,
                    a => a.GetProperty("eligibility").GetProperty("verdict").GetString()
                );
            Assert.NotEmpty(eligible);
            foreach (var (act, verdict) in eligible)
                Assert.Equal(verdict, Verdict(act, name));
        }

        Assert.Equal(
            ("ALLOW", "DENY", "ALLOW"),
            (Verdict("approval.decide", "Otto"), Verdict("approval.decide", "Hermes"), Verdict("workspace.read", "Audra"))
        );
        Assert.Equal("ALLOW_BEHIND_GATES", Verdict("page.publish", "Hermes"));
        Assert.Equal("approver", Cell("page.publish", "Hermes").GetProperty("gates")[0].GetProperty("role").GetString());
        Assert.Contains("owners and admins", Cell("member.grant", "Otto").GetProperty("reason").GetString(), StringComparison.Ordinal);

        // One act, one member; and nobody is offered to who may not give roles.
        var one = (
            await ada.AskAsync(
                "query($key: String!, $who: [ID!]) { workspace(key: $key) { authority(principalIds: $who, acts: [\"page.publish\"]) { act cells { principalId } } candidates { principalId name } } }",
                new { key = world.Workspace.Key, who = new[] { world.IdOf("Otto") } }
            )
        ).GetProperty("workspace");
        Assert.Equal(1, one.GetProperty("authority")[0].GetProperty("cells").GetArrayLength());
        Assert.Contains(one.GetProperty("candidates").EnumerateArray(), c => c.GetProperty("name").GetString() == "Audra");
        Assert.Equal(
            0,
            (
                await otto.AskAsync(
                    "query($key: String!) { workspace(key: $key) { candidates { name } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("candidates")
                .GetArrayLength()
        );
    }

    internal static async Task<List<string>> RolesAsync(Client client, World world, string name) =>
        [
            .. (
                await client.AskAsync(
                    "query($key: String!) { workspace(key: $key) { members { name roles } } }",
                    new { key = world.Workspace.Key }
                )
            )
                .GetProperty("workspace")
                .GetProperty("members")
                .EnumerateArray()
                .Single(m => m.GetProperty("name").GetString() == name)
                .GetProperty("roles")
                .EnumerateArray()
                .Select(r => r.GetString()!),
        ];
}

public sealed class MembersOnSqlite(SqliteApp app) : MemberTests(app);

public sealed class MembersOnPostgres(PostgresApp app) : MemberTests(app);

public sealed class MembersOnSqlServer(SqlServerApp app) : MemberTests(app);
