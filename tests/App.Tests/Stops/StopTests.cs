
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
        var input = new { connection = "crm", @event = "a.b", data = new { } };
        var waiting = (await hermes.ProposeAsync(world, "webhook.send", input)).Run();
        var target = boundary switch { "AGENT" => world.IdOf("Hermes").ToString(), "FAMILY" => "webhooks", "CONNECTOR" => "crm", _ => null };

        var engaged = await ada.EngageAsync(world, boundary, target);
        Assert.Null(engaged.Error());
        var stop = engaged.GetProperty("stop");
        var held = await otto.UntilAsync(waiting, "HELD");
        Assert.Equal("AWAITING_APPROVAL", held.GetProperty("heldFrom").GetString());
        Assert.Equal("Stopped", (await otto.DecideAsync(waiting)).Error());
        Assert.Equal("Stopped", (await hermes.ProposeAsync(world, "webhook.send", input)).Error());

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
        var seen = await olaf.AskAsync("query($k: String!) { workspace(key: $k) { stops { boundary engagedHere } } }", new { k = side.Workspace.Key });
        Assert.False(Assert.Single(seen.GetProperty("workspace").GetProperty("stops").EnumerateArray()).GetProperty("engagedHere").GetBoolean());
    }
}

public sealed class StopsOnSqlite(SqliteApp app) : StopTests(app);

public sealed class StopsOnPostgres(PostgresApp app) : StopTests(app);
