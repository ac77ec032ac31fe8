using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Api;
using Mumega.Api.Setup;
using Mumega.App.Tests.Packets;
using Mumega.Domain.Jobs;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;

namespace Mumega.App.Tests.Runs;

internal static class Kill
{
    public static readonly string[] WholeStory =
    [
        "proposed",
        "policy.allow_behind_gates",
        "preflight.passed",
        "gate.approved",
        "authorised",
    ];

    public static IEnumerable<string?> Codes(JsonElement run) =>
        run.GetProperty("receipts").EnumerateArray().Select(r => r.GetProperty("reasonCode").GetString());

    public static TheoryData<string, int> Points(params (string Name, int Passes)[] points)
    {
        var data = new TheoryData<string, int>();
        foreach (var (name, passes) in points)
        {
            for (var pass = 1; pass <= passes; pass++)
                data.Add(name, pass);
        }

        return data;
    }

    public static async Task InternalAsync(Seeded seeded, string point, int pass)
    {
        await using var server = await Survivor.StartAsync(seeded, $"{point}:kill:{pass}");
        var run = await server.GovernAsync(
            "page.publish",
            new
            {
                slug = "survivor",
                title = "Survivor",
                markdown = "Still here.",
            }
        );
        var done = await server.AskAsync((_, otto) => otto.UntilAsync(run, "SUCCEEDED"));
        server.MustHaveDied();

        Assert.Equal([.. WholeStory, "succeeded"], Codes(done));
        Assert.Contains("Still here.", await server.PageAsync("survivor"), StringComparison.Ordinal);
        await using var db = server.Open();
        Assert.Equal(1, await db.PageRevisions.CountAsync(TestContext.Current.CancellationToken));
        await Poll.UntilAsync(
            async () => await db.ReceiptPlaces.AsNoTracking().ToListAsync(),
            places =>
                places.Count > 0
                && places.All(p => p.Position is not null)
                && places.Select(p => p.Position).Order().SequenceEqual(Enumerable.Range(1, places.Count).Select(i => (long?)i))
        );
        await Poll.UntilAsync(
            async () => await db.LogHeads.AsNoTracking().SingleOrDefaultAsync(),
            head => head?.Size == done.GetProperty("receipts").GetArrayLength()
        );
        Assert.Null(await new LogAuditor(server.Databases).AuditAsync(db.TenantId, TestContext.Current.CancellationToken));
    }

    public static async Task SagaAsync(Seeded seeded, string point, int pass)
    {
        await using var server = await Survivor.StartAsync(seeded, $"{point}:kill:{pass}");
        var workspaceId = Api.GraphQL.NodeId.Of("Workspace", seeded.WorkspaceId, seeded.WorkspaceId);
        var create = (
            await server.AskAsync(
                (hermes, _) =>
                    hermes.ProposeAsync(
                        null,
                        "packet.create",
                        new
                        {
                            type = "refund",
                            title = "Order 9",
                            payload = new
                            {
                                order = "order-9",
                                cents = 900,
                                currency = "EUR",
                                reason = "Broken.",
                            },
                        },
                        "create",
                        workspaceId: workspaceId
                    )
            )
        ).Run();
        await server.AskAsync((_, otto) => otto.UntilAsync(create, "SUCCEEDED"));
        var packet = await server.AskAsync(
            async (_, otto) =>
                (
                    await otto.AskAsync(
                        "query($id: ID!) { node(id: $id) { ... on Run { packet { id packetId } } } }",
                        new { id = create.GetProperty("id").GetString() }
                    )
                )
                    .GetProperty("node")
                    .GetProperty("packet")
        );
        var grant = (await server.AskAsync((hermes, _) => hermes.MoveAsync(packet, "grant", key: "grant"))).Run();
        Assert.Null((await server.AskAsync((_, otto) => otto.DecideAsync(grant, key: "decide grant"))).Error());
        await server.AskAsync((_, otto) => otto.UntilPendingAsync(packet, "pay"));
        var pay = await server.AskAsync((_, otto) => otto.PendingRunAsync(packet));
        Assert.Null((await server.AskAsync((_, otto) => otto.DecideAsync(pay, key: "decide pay"))).Error());
        await server.AskAsync((_, otto) => otto.UntilStateAsync(packet, "failed"));
        server.MustHaveDied();

        var runs = await server.AskAsync(
            async (_, otto) =>
                (
                    await otto.AskAsync(
                        "query($id: ID!) { node(id: $id) { ... on Packet { runs { transition state receipts { reasonCode } } } } }",
                        new { id = packet.GetProperty("id").GetString() }
                    )
                )
                    .GetProperty("node")
                    .GetProperty("runs")
                    .EnumerateArray()
                    .Reverse()
                    .ToList()
        );
        Assert.Equal(
            [("grant", "SUCCEEDED"), ("pay", "FAILED"), ("compensate grant", "SUCCEEDED")],
            runs.Select(r => (r.GetProperty("transition").GetString(), r.State()))
        );
        Assert.Equal([.. WholeStory, "dispatched", "receiver.refused"], Codes(runs[1]));
        Assert.Equal(["proposed", "policy.allow", "preflight.passed", "authorised", "succeeded"], Codes(runs[2]));
        await using var db = server.Open();
        var (id, ct) = (packet.GetProperty("packetId").GetGuid(), TestContext.Current.CancellationToken);
        Assert.False(await db.ProfileEntries.AnyAsync(e => e.Key == "orders.order-9.refund" && e.Value != null, ct));
        var history = await db.PacketEvents.AsNoTracking().Where(e => e.PacketId == id).OrderBy(e => e.Number).ToListAsync(ct);
        Assert.Equal(
            ["created", "requested", "moved", "requested", "compensating", "compensating", "compensated", "moved"],
            history.Select(e => e.Kind)
        );
        Assert.Equal("failed", Domain.Packets.Packet.Replay(seeded.TenantId, seeded.WorkspaceId, id, history).State);
    }

    public static async Task ImportAsync(Seeded seeded, string point, int pass)
    {
        await using var server = await Survivor.StartAsync(seeded, $"{point}:kill:{pass}");
        var (workspaceId, ct) = (
            Api.GraphQL.NodeId.Of("Workspace", seeded.WorkspaceId, seeded.WorkspaceId),
            TestContext.Current.CancellationToken
        );
        var lines = Encoding.UTF8.GetBytes(
            string.Concat(
                Enumerable
                    .Range(0, Rows)
                    .Select(i => $"{{\"slug\":\"page-{i}\",\"title\":{(i % 1000 == 500 ? "null" : "\"A page\"")},\"markdown\":\"x\"}}\n")
            )
        );
        var import = await server.AskAsync(
            async (_, otto) =>
            {
                using var answer = await ImportTests.UploadAsync(otto, seeded.WorkspaceId, "application/x-ndjson", lines);
                return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(ct)).RootElement;
            }
        );
        Assert.Null(
            (
                await server.AskAsync(
                    (_, otto) =>
                        ImportTests.CheckAsync(
                            otto,
                            import,
                            new
                            {
                                type = "content",
                                title = "/slug",
                                payload = new
                                {
                                    slug = "/slug",
                                    title = "/title",
                                    markdown = "/markdown",
                                },
                            },
                            "check"
                        )
                )
            ).Error()
        );
        var looked = await server.AskAsync(
            (_, otto) => Poll.UntilAsync(() => ImportTests.ImportAsync(otto, import), i => i.State() == "CHECKED")
        );
        Assert.Equal((Rows, Rows / 1000), (looked.GetProperty("checked").GetInt32(), looked.GetProperty("faulty").GetInt32()));
        var run = (
            await server.AskAsync(
                (_, otto) =>
                    otto.ProposeAsync(
                        null,
                        "packet.import",
                        new { import = import.GetProperty("importId").GetString(), leaveOutFaulty = true },
                        "import",
                        workspaceId: workspaceId
                    )
            )
        ).Run();
        await server.AskAsync((_, otto) => otto.UntilAsync(run, "SUCCEEDED"));

        await using var db = server.Open();
        await Poll.UntilAsync(
            async () =>
            {
                await server.AskAsync((_, otto) => ImportTests.ImportAsync(otto, import));
                return await db.ImportFiles.CountAsync(ct);
            },
            left => left == 0
        );
        server.MustHaveDied();
        const int Good = Rows - (Rows / 1000);
        Assert.Equal(
            (Good, Good, Good, Good, Rows / 1000),
            (
                await db.Packets.CountAsync(ct),
                await db.PacketEvents.CountAsync(ct),
                await db.WorkTasks.CountAsync(ct),
                await db.Jobs.CountAsync(j => j.Kind == JobKind.ContinuePacket, ct),
                await db.ImportRows.CountAsync(ct)
            )
        );
    }

    private const int Rows = 11_000;

    public static async Task ExternalAsync(Seeded seeded, string point, int pass)
    {
        await using var server = await Survivor.StartAsync(seeded, $"{point}:kill:{pass}");
        var run = await server.GovernAsync(
            "webhook.send",
            new
            {
                connection = "plain",
                @event = "a.b",
                data = new { n = 1 },
            }
        );
        var end = await server.AskAsync((_, otto) => otto.UntilAsync(run, "SUCCEEDED", "UNKNOWN"));
        server.MustHaveDied();

        // The third commit records the dispatch; from then until the outcome is committed nobody can know.
        var unsure =
            point is "dispatch.after-commit" or "dispatch.answered" or "outcome.before-commit"
            || (point, pass) is ("commit.after", 3) or ("commit.before", 4);
        Assert.Equal(unsure ? "UNKNOWN" : "SUCCEEDED", end.State());
        Assert.Equal([.. WholeStory, "dispatched", unsure ? "unknown" : "succeeded"], Codes(end));
        var calls = seeded.Receiver.Of(RaceTests.Effect(end)).Count();
        Assert.Equal(point == "dispatch.after-commit" || (point, pass) == ("commit.after", 3) ? 0 : 1, calls);

        if (unsure)
        {
            var settled = await server.AskAsync((_, otto) => otto.SettleAsync(run, calls == 1 ? "SUCCEEDED" : "FAILED"));
            Assert.Equal(calls == 1 ? "SUCCEEDED" : "FAILED", settled.Run().State());
            Assert.Equal(calls, seeded.Receiver.Of(RaceTests.Effect(end)).Count());
        }
    }
}

/// <summary>
/// The server is a process of its own and dies by SIGKILL at a named point between proposing and the last receipt. After a restart every run
/// reaches its right state, each effect has happened once (or the run says that nobody knows), and the receipts tell the whole story.
/// </summary>
public sealed class InternalKillTests(Seeded seeded) : IClassFixture<Seeded>
{
    public static TheoryData<string, int> InternalPoints =>
        Kill.Points(
            ("commit.before", 3),
            ("commit.after", 3),
            ("jobs.claimed", 1),
            ("execute.before-checks", 1),
            ("apply.before", 1),
            ("apply.before-commit", 1),
            ("jobs.committed", 1),
            ("place.before", 3),
            ("place.after", 3),
            ("seal.before", 1),
            ("seal.signed", 1),
            ("seal.after", 1)
        );

    [Theory]
    [MemberData(nameof(InternalPoints))]
    public Task An_internal_action_happens_once_wherever_the_process_dies(string point, int pass) =>
        Kill.InternalAsync(seeded, point, pass);
}

/// <summary>
/// The server is a process of its own and dies by SIGKILL at a named point between proposing and the last receipt. After a restart every run
/// reaches its right state, each effect has happened once (or the run says that nobody knows), and the receipts tell the whole story.
/// </summary>
public sealed class ExternalKillTests(Seeded seeded) : IClassFixture<Seeded>
{
    public static TheoryData<string, int> ExternalPoints =>
        Kill.Points(
            ("commit.before", 4),
            ("commit.after", 4),
            ("jobs.claimed", 1),
            ("execute.before-checks", 1),
            ("dispatch.before-commit", 1),
            ("dispatch.after-commit", 1),
            ("dispatch.answered", 1),
            ("outcome.before-commit", 1),
            ("jobs.committed", 1)
        );

    [Theory]
    [MemberData(nameof(ExternalPoints))]
    public Task An_external_action_happens_once_or_says_that_nobody_knows(string point, int pass) =>
        Kill.ExternalAsync(seeded, point, pass);

    [Theory]
    [InlineData("dispatch.after-commit", 1)]
    [InlineData("dispatch.answered", 1)]
    [InlineData("outcome.before-commit", 1)]
    public async Task A_receiver_that_can_be_asked_settles_it_and_is_told_once(string point, int pass)
    {
        await using var server = await Survivor.StartAsync(seeded, $"{point}:kill:{pass}");
        var run = await server.GovernAsync(
            "webhook.send",
            new
            {
                connection = "probed",
                @event = "a.b",
                data = new { },
            }
        );
        var end = await server.AskAsync((_, otto) => otto.UntilAsync(run, "SUCCEEDED"));
        server.MustHaveDied();
        Assert.Single(seeded.Receiver.Of(RaceTests.Effect(end)));
    }

    [Fact]
    public async Task A_receiver_that_drops_repeats_is_told_again_under_the_same_id()
    {
        await using var server = await Survivor.StartAsync(seeded, "dispatch.answered:kill:1");
        var run = await server.GovernAsync(
            "webhook.send",
            new
            {
                connection = "idempotent",
                @event = "a.b",
                data = new { },
            }
        );
        var end = await server.AskAsync((_, otto) => otto.UntilAsync(run, "SUCCEEDED"));
        server.MustHaveDied();
        Assert.Equal(2, seeded.Receiver.Of(RaceTests.Effect(end)).Count());
    }
}

/// <summary>
/// The server dies in the middle of a workflow whose later step fails: after a restart what was done is made good once, each step as a run with
/// its receipts, and the packet is where the workflow says.
/// </summary>
public sealed class SagaKillTests(Seeded seeded) : IClassFixture<Seeded>
{
    // The commits from where the payment is sent to where the packet has failed.
    public static TheoryData<string, int> SagaPoints =>
        new(Enumerable.Range(8, 5).SelectMany(pass => new[] { ("commit.before", pass), ("commit.after", pass) }));

    [Theory]
    [MemberData(nameof(SagaPoints))]
    public Task What_was_done_is_made_good_once_wherever_the_process_dies(string point, int pass) => Kill.SagaAsync(seeded, point, pass);
}

/// <summary>The process dies while rows are looked at, let in and followed up: each row becomes a packet once, with its clock, or none does.</summary>
public sealed class ImportKillTests(Seeded seeded) : IClassFixture<Seeded>
{
    // Three commits look at the rows, one lets them in, three set their clocks.
    [Theory]
    [InlineData("import.looked", 2)]
    [InlineData("apply.before-commit", 1)]
    [InlineData("commit.before", 7)]
    [InlineData("import.followed", 2)]
    public Task Every_row_comes_in_once_wherever_the_process_dies(string point, int pass) => Kill.ImportAsync(seeded, point, pass);
}

/// <summary>
/// The same on PostgreSQL, at the points that differ there: a dead worker's lease is not given up at the start, because another node may
/// hold it, but taken over when it ends.
/// </summary>
public sealed class PostgresKillTests(SeededOnPostgres seeded) : IClassFixture<SeededOnPostgres>
{
    [Theory]
    [InlineData("commit.before", 3)]
    [InlineData("commit.after", 2)]
    [InlineData("jobs.claimed", 1)]
    [InlineData("apply.before-commit", 1)]
    [InlineData("place.before", 2)]
    [InlineData("seal.signed", 1)]
    public Task An_internal_action_happens_once_wherever_the_process_dies(string point, int pass) =>
        Kill.InternalAsync(seeded.OrSkip(), point, pass);

    [Theory]
    [InlineData("jobs.claimed", 1)]
    [InlineData("dispatch.after-commit", 1)]
    [InlineData("outcome.before-commit", 1)]
    public Task An_external_action_happens_once_or_says_that_nobody_knows(string point, int pass) =>
        Kill.ExternalAsync(seeded.OrSkip(), point, pass);
}

/// <summary>The template of the servers' databases is a database of its own; each server gets a copy.</summary>
public sealed class SeededOnPostgres : Seeded
{
    private string template = "";

    internal override string? Missing => TestServers.Postgres is null ? "MUMEGA_TEST_POSTGRES names no server" : null;

    public Seeded OrSkip()
    {
        if (Missing is { } why)
            Assert.Skip(why);
        return this;
    }

    internal override async Task<DatabaseOptions> TemplateAsync()
    {
        // A copy can be made only of a database that nobody is connected to.
        template = new Npgsql.NpgsqlConnectionStringBuilder(await TestServers.NewPostgresDatabaseAsync()) { Pooling = false }.ToString();
        return Options(template);
    }

    internal override async Task<DatabaseOptions> CopyAsync(string folder) =>
        Options(await TestServers.NewPostgresDatabaseAsync(new Npgsql.NpgsqlConnectionStringBuilder(template).Database));

    private static DatabaseOptions Options(string connection) =>
        new()
        {
            Kind = DatabaseKind.Postgres,
            Connection = connection,
            Owner = TestServers.OwnerOf(DatabaseKind.Postgres, connection),
        };
}

/// <summary>A data folder with one tenant set up, to be copied for every server, and the receiver that outlives them all.</summary>
public class Seeded : IAsyncLifetime
{
    /// <summary>Why it can't be had here, or null when it can.</summary>
    internal virtual string? Missing => null;

    /// <summary>The database that every server's is copied from.</summary>
    internal virtual Task<DatabaseOptions> TemplateAsync() => CopyAsync(Folder);

    /// <summary>The database of a server with this data folder.</summary>
    internal virtual Task<DatabaseOptions> CopyAsync(string folder) =>
        Task.FromResult(new DatabaseOptions { Connection = $"Data Source={Path.Combine(folder, "mumega.db")}" });

    internal Receiver Receiver { get; } = new();

    public string Folder { get; } = Directory.CreateTempSubdirectory("mumega-seed-").FullName;

    public string Secret { get; } = Guid.NewGuid().ToString("N");

    public Guid TenantId { get; private set; }

    public Guid WorkspaceId { get; private set; }

    public int Port { get; } = MumegaApp.FreePort();

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;

        await Receiver.StartAsync();
        var ct = CancellationToken.None;
        var template = await TemplateAsync();
        await using (
            var app = MumegaHost.Build(
                [
                    $"--Data={Folder}",
                    $"--Database:Kind={template.Kind}",
                    $"--Database:Connection={template.Connection}",
                    $"--Database:Owner={template.Owner}",
                    "--Keys:Encryption:0=" + TestServers.EncryptionKey,
                    $"--PublicAddress=http://localhost:{Port}",
                    "--Jobs:Run=false",
                ],
                b => b.Logging.ClearProviders()
            )
        )
        {
            await app.PrepareAsync(ct);
            var installation = app.Services.GetRequiredService<Installation>();
            var tenant = await installation.AddTenantAsync("kill", "Kill", ct);
            var workspace = await installation.AddWorkspaceAsync(tenant, "main", "Main", ct);
            (TenantId, WorkspaceId) = (tenant.Id, workspace.Id);
            var ada = await installation.AddPersonAsync(tenant, "Ada", "ada@kill.test", World.Password, ct);
            var otto = await installation.AddPersonAsync(tenant, "Otto", "otto@kill.test", World.Password, ct);
            var hermes = await installation.AddAgentAsync(tenant, "Hermes", "hermes", ada, Secret, null, ct);
            await installation.GrantAsync(workspace, ada, ["owner"], ct);
            await installation.GrantAsync(workspace, otto, ["operator", "approver"], ct);
            await installation.GrantAsync(workspace, hermes, ["agent"], ct);
            var key = "whsec_" + Convert.ToBase64String(new byte[32]);
            await installation.AddConnectionAsync(workspace, "plain", "Plain", Receiver.Url("ok"), key, false, null, ct);
            await installation.AddConnectionAsync(workspace, "probed", "Probed", Receiver.Url("ok"), key, false, Receiver.Probe, ct);
            await installation.AddWorkflowAsync(workspace, "customer-refund", ct);
            await installation.AddWorkflowAsync(workspace, "content-review", ct);
            await installation.AddConnectionAsync(workspace, "payments", "Payments", Receiver.Url("refuses"), key, true, null, ct);
            await installation.AddConnectionAsync(workspace, "idempotent", "Idempotent", Receiver.Url("ok"), key, true, null, ct);
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Missing is null)
            await Receiver.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A server process that is started again whenever it has died, and clients that repeat under the same key, as they should.</summary>
internal sealed class Survivor : IAsyncDisposable
{
    private readonly Seeded seeded;
    private readonly string folder = Directory.CreateTempSubdirectory("mumega-kill-").FullName;
    private readonly string address;
    private readonly DatabaseOptions database;
    private Process process;
    private int deaths;
    private Client? hermes;
    private Client? otto;

    private Survivor(Seeded seeded, string failpoint)
    {
        this.seeded = seeded;
        database = seeded.CopyAsync(folder).GetAwaiter().GetResult();
        address = $"http://localhost:{seeded.Port}";
        foreach (var file in Directory.EnumerateFiles(seeded.Folder, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(seeded.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        process = Launch(failpoint);
    }

    public static async Task<Survivor> StartAsync(Seeded seeded, string failpoint)
    {
        var survivor = new Survivor(seeded, failpoint);
        await survivor.ReadyAsync();
        return survivor;
    }

    /// <summary>Proposes and approves; what a death interrupts is repeated under the same key.</summary>
    public async Task<JsonElement> GovernAsync(string action, object input)
    {
        var workspaceId = Api.GraphQL.NodeId.Of("Workspace", seeded.WorkspaceId, seeded.WorkspaceId);
        var run = (await AskAsync((hermes, _) => hermes.ProposeAsync(null, action, input, key: "propose", workspaceId: workspaceId))).Run();
        var decided = await AskAsync((_, otto) => otto.DecideAsync(run, key: "decide"));
        Assert.Null(decided.Error());
        return run;
    }

    public async Task<T> AskAsync<T>(Func<Client, Client, Task<T>> ask)
    {
        while (true)
        {
            try
            {
                hermes ??= await Client.WithTokenAsync(address, "hermes", seeded.Secret);
                otto ??= await Client.SignInAsync(address, "otto@kill.test", World.Password);
                return await ask(hermes, otto);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                await process
                    .WaitForExitAsync(TestContext.Current.CancellationToken)
                    .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
                deaths++;
                process = Launch(null);
                await ReadyAsync();
            }
        }
    }

    public async Task<string> PageAsync(string slug)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync($"{address}/p/kill/{slug}", TestContext.Current.CancellationToken);
    }

    /// <summary>A point that was never reached would prove nothing.</summary>
    public void MustHaveDied()
    {
        if (deaths == 0 && process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            deaths++;
            process = Launch(null);
            ReadyAsync().GetAwaiter().GetResult();
        }

        Assert.Equal(1, deaths);
    }

    public Databases Databases => new(database);

    public MumegaDb Open() => Databases.Open(seeded.TenantId, seeded.WorkspaceId);

    public async ValueTask DisposeAsync()
    {
        hermes?.Dispose();
        otto?.Dispose();
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    private Process Launch(string? failpoint)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = folder };
        start.ArgumentList.Add(Repository.Server);
        foreach (
            var argument in new[]
            {
                $"--Urls={address}",
                $"--PublicAddress={address}",
                $"--Data={folder}",
                $"--Database:Kind={database.Kind}",
                $"--Database:Connection={database.Connection}",
                $"--Database:Owner={database.Owner}",
                "--Keys:Encryption:0=" + TestServers.EncryptionKey,
                "--GraphQL:RegisteredOnly=false",
                "--Jobs:Lease=00:00:02",
                $"--Outbound:AllowedPrivate:0={seeded.Receiver.Host}",
                "--Jobs:Poll=00:00:00.050",
                "--Logging:Console:LogLevel:Default=None",
            }
        )
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_TieredPGO"] = "0";
        if (failpoint is not null)
            start.Environment["MUMEGA_FAILPOINT"] = failpoint;
        return Process.Start(start)!;
    }

    private async Task ReadyAsync()
    {
        using var http = new HttpClient();
        await Poll.UntilAsync(
            async () =>
            {
                try
                {
                    return (await http.GetAsync($"{address}/readyz")).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            ready => ready,
            seconds: 60
        );
    }
}
