using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.App.Tests.Runs;
using Mumega.Infrastructure.Webhooks;

namespace Mumega.App.Tests.Webhooks;

public abstract class SendWebhookTests(MumegaApp app)
{
    [Fact]
    public async Task A_message_is_always_gated_signed_and_sent_once()
    {
        var (world, otto, run) = await ApprovedAsync("ok");
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Equal("BLOCKED", done.GetProperty("rollback").GetProperty("status").GetString());
        Assert.Contains("dispatched", done.GetProperty("receipts").EnumerateArray().Select(r => r.GetProperty("kind").GetString()));

        var call = Assert.Single(app.Receiver.Of(RaceTests.Effect(done)));
        var expected = Convert.ToBase64String(
            HMACSHA256.HashData(new byte[32], Encoding.UTF8.GetBytes($"{call.Id}.{call.Timestamp}.{call.Body}"))
        );
        Assert.Equal($"v1,{expected}", call.Signature);
        Assert.Equal("order.refunded", JsonDocument.Parse(call.Body).RootElement.GetProperty("type").GetString());
        Assert.NotNull(world);
    }

    [Fact]
    public async Task A_refusal_of_the_receiver_fails_the_run()
    {
        var (_, otto, run) = await ApprovedAsync("refuses");
        Assert.Contains("422", (await otto.UntilAsync(run, "FAILED")).GetProperty("result").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fails-after")]
    [InlineData("silent")]
    public async Task A_lost_answer_leaves_the_run_unknown_until_a_person_settles_it(string mode)
    {
        var (world, otto, run) = await ApprovedAsync(mode);
        var lost = await otto.UntilAsync(run, "UNKNOWN");
        Assert.Single(app.Receiver.Of(RaceTests.Effect(lost)));
        Assert.Equal("PolicyDenied", (await (await world.Audra).SettleAsync(run, "SUCCEEDED")).Error());

        Assert.Equal("SUCCEEDED", (await otto.SettleAsync(run, "SUCCEEDED")).Run().State());
        Assert.Equal("WrongState", (await otto.SettleAsync(run, "FAILED")).Error());
        Assert.Equal(
            "reconciled",
            (await otto.RunAsync(run)).GetProperty("receipts").EnumerateArray().Last().GetProperty("kind").GetString()
        );
        Assert.Single(app.Receiver.Of(RaceTests.Effect(lost)));
    }

    [Fact]
    public async Task A_receiver_that_can_be_asked_is_asked_instead_of_told_twice()
    {
        var (_, otto, run) = await ApprovedAsync("fails-after", probe: true);
        var done = await otto.UntilAsync(run, "SUCCEEDED");
        Assert.Single(app.Receiver.Of(RaceTests.Effect(done)));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("fc00::1")]
    [InlineData("ff02::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("2001:db8::1")]
    public void An_address_that_is_not_public_is_refused(string address) => Assert.False(WebhookSender.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("93.184.215.14")]
    [InlineData("2606:4700::1111")]
    public void A_public_address_is_accepted(string address) => Assert.True(WebhookSender.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://example.com/")]
    [InlineData("https://example.com:8443/")]
    [InlineData("https://localhost/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0177.0.0.1/")]
    [InlineData("https://[::ffff:127.0.0.1]/")]
    [InlineData("ftp://example.com/")]
    public async Task An_address_is_refused_before_anything_is_sent(string url)
    {
        using var sender = new WebhookSender(new(), new Mumega.Infrastructure.Secrets.Vault([new byte[32]]), TimeProvider.System);
        Assert.NotNull(await sender.RefusalAsync(new(url), TestContext.Current.CancellationToken));
    }

    private async Task<(World World, Client Otto, JsonElement Run)> ApprovedAsync(string mode, bool probe = false)
    {
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", mode, probe: probe);
        var run = (
            await (await world.Hermes).ProposeAsync(
                world,
                "webhook.send",
                new
                {
                    connection = "crm",
                    @event = "order.refunded",
                    data = new { order = 7 },
                }
            )
        ).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());
        await (await world.Otto).DecideAsync(run);
        return (world, await world.Otto, run);
    }
}

public sealed class SendWebhookOnSqlite(SqliteApp app) : SendWebhookTests(app);

public sealed class SendWebhookOnPostgres(PostgresApp app) : SendWebhookTests(app);
