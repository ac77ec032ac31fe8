using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Receipts;

public abstract class LogTests(MumegaApp app)
{
    private const string LogFields = "log { origin address size waiting frozen keys checkpoint { size root note } }";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Receipts_are_sealed_and_verify_offline_with_chosen_fields_open()
    {
        var world = await app.WorldAsync();
        var (hermes, otto) = (await world.Hermes, await world.Otto);
        var run = (await hermes.ProposePageAsync(world, "sealed")).Run();
        var before = await SealedAsync(otto, world, 3);
        await otto.DecideAsync(run);
        await otto.UntilAsync(run, "SUCCEEDED");
        var log = await SealedAsync(otto, world, 6);

        var trust = new Trust(
            [.. log.GetProperty("keys").EnumerateArray().Select(k => VerifierKey.Parse(k.GetString()!))],
            SignedNote.Parse(before.GetProperty("checkpoint").GetProperty("note").GetString()!),
            [],
            0
        );
        var receipts = (
            await otto.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Run { receipts { id kind proofFile(open: [\"action_type\"]) inclusion { index size path checkpoint } } } } }",
                new { id = run.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("receipts")
            .EnumerateArray()
            .ToList();
        Assert.Equal(6, receipts.Count);
        foreach (var receipt in receipts)
        {
            var report = EvidenceVerifier.Verify(
                Encoding.UTF8.GetBytes(receipt.GetProperty("proofFile").GetString()!),
                trust with
                {
                    Earlier = null,
                }
            );
            Assert.True(report.Result is CheckResult.Valid, string.Join('\n', report.Checks));
            Assert.Equal(["action_type"], report.Receipts[0].Fields.Keys);
            Assert.Equal(6, receipt.GetProperty("inclusion").GetProperty("size").GetInt64());
        }

        var bundle = (
            await otto.AskAsync(
                "query($key: String!, $ids: [ID!], $from: Long) { workspace(key: $key) { evidence(receipts: $ids, from: $from) } }",
                new
                {
                    key = world.Workspace.Key,
                    ids = receipts.Select(r => r.GetProperty("id").GetString()),
                    from = before.GetProperty("size").GetInt64(),
                }
            )
        ).GetProperty("workspace").GetProperty("evidence").GetString()!;
        var whole = EvidenceVerifier.Verify(Encoding.UTF8.GetBytes(bundle), trust);
        Assert.True(whole.Result is CheckResult.Valid, string.Join('\n', whole.Checks));
        Assert.Equal(6, whole.Receipts.Count);

        var proof = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { log { consistency(from: 2, to: 6) } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("log")
            .GetProperty("consistency")
            .GetArrayLength();
        Assert.InRange(proof, 1, 3);
        Assert.Null(await app.Services.GetRequiredService<LogAuditor>().AuditAsync(world.Tenant.Id, Ct));
    }

    [Fact]
    public async Task The_log_lies_as_files_that_make_the_same_root()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        for (var i = 0; i < 3; i++)
            await otto.UntilAsync((await otto.ProposePageAsync(world, $"tile-{i}")).Run(), "SUCCEEDED");
        var log = await SealedAsync(otto, world, 15);
        using var http = new HttpClient();
        var address = log.GetProperty("address").GetString()!;

        var note = SignedNote.Parse(await http.GetStringAsync($"{address}/checkpoint", Ct));
        var keys = (await http.GetStringAsync($"{address}/log.vkey", Ct))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(VerifierKey.Parse)
            .ToList();
        Assert.Single(note.Verify(keys));
        var checkpoint = Checkpoint.Parse(note.Text);
        using var tile = await http.GetAsync($"{address}/tile/0/000.p/{checkpoint.Size}", Ct);
        Assert.Equal(
            "public, max-age=31536000, immutable",
            tile.Headers.CacheControl!.ToString()
                .Replace("immutable, public, max-age=31536000", "public, max-age=31536000, immutable", StringComparison.Ordinal)
        );
        var range = new CompactRange();
        foreach (var hash in (await tile.Content.ReadAsByteArrayAsync(Ct)).Chunk(32))
            range.Append(hash);
        Assert.Equal(checkpoint.Root.ToArray(), range.Root());

        foreach (
            var (path, status) in new[]
            {
                ($"tile/0/000.p/{checkpoint.Size + 1}", 404),
                ("tile/0/000", 404),
                ("tile/1/000.p/1", 404),
                ("tile/0/1", 400),
                ("tile/0/000.p/0", 400),
                ("tile/63/x999/999", 404),
                ("tile/../../etc/passwd", 404),
            }
        )
        {
            using var answer = await http.GetAsync(new Uri($"{address}/{path}"), Ct);
            Assert.True((int)answer.StatusCode == status || path.Contains("..", StringComparison.Ordinal), $"{path}: {answer.StatusCode}");
        }

        foreach (var id in new[] { new string('a', 26), world.Tenant.Key, "x" })
        {
            using var answer = await http.GetAsync($"{app.Address}/log/{id}/checkpoint", Ct);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Two_sealers_at_once_never_fork_the_log()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var services = app.Services;
        LogSealer New() =>
            new(
                app.Databases,
                services.GetRequiredService<LogWitnesses>(),
                services.GetRequiredService<Signals>(),
                services.GetRequiredService<Mumega.Infrastructure.Secrets.Vault>(),
                new Hasty()
            );
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var sealers = Enumerable
            .Range(0, 3)
            .Select(_ =>
                Task.Run(
                    async () =>
                    {
                        var sealer = New();
                        while (!stop.IsCancellationRequested)
                            await sealer.SealAsync(world.Tenant.Id, CancellationToken.None);
                    },
                    Ct
                )
            )
            .ToList();
        var runs = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => otto.ProposePageAsync(world, $"race-{i}")));
        foreach (var run in runs)
            await otto.UntilAsync(run.Run(), "SUCCEEDED");
        await SealedAsync(otto, world, 60);
        await stop.CancelAsync();
        await Task.WhenAll(sealers);

        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        var checkpoints = (await db.LogCheckpoints.AsNoTracking().OrderBy(c => c.Size).ToListAsync(Ct))
            .Select(c => Checkpoint.Parse(SignedNote.Parse(c.Note).Text))
            .ToList();
        Assert.Equal(60, checkpoints[^1].Size);
        foreach (var (one, next) in checkpoints.Zip(checkpoints.Skip(1)))
        {
            var proof = await new LogReader(db, world.Tenant.Id).ConsistencyAsync(one.Size, next.Size, Ct);
            Assert.True(MerkleTree.VerifyConsistency(one.Size, next.Size, one.Root.ToArray(), next.Root.ToArray(), proof));
        }

        Assert.Null(await services.GetRequiredService<LogAuditor>().AuditAsync(world.Tenant.Id, Ct));
    }

    [Fact]
    public async Task Tiles_fill_up_and_proofs_reach_across_them()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await using (var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id))
        {
            // More than two tiles of receipts at once, as many short chains.
            var by = Domain.Identity.Actor.Platform(world.Tenant.Id, world.Tenant.Log);
            for (var i = 0; i < 600; i++)
            {
                var stop = Domain.Stops.Stop.Engage(
                    world.Workspace.Id,
                    Domain.Stops.StopBoundary.Connector,
                    $"nowhere-{i}",
                    "filling a tile",
                    by,
                    new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(i),
                    new Dictionary<string, int>(),
                    0,
                    "admin"
                );
                db.Stops.Add(stop.Item1);
                db.Add(stop.Item2);
            }

            await db.SaveChangesAsync(Ct);
        }

        app.Services.GetRequiredService<Signals>().Receipts.Pulse();
        var log = await SealedAsync(otto, world, 600);
        var checkpoint = Checkpoint.Parse(SignedNote.Parse(log.GetProperty("checkpoint").GetProperty("note").GetString()!).Text);
        await using var tenant = app.Databases.OpenTenant(world.Tenant.Id);
        Assert.Equal([(0, 0L), (0, 1L)], (await tenant.LogTiles.AsNoTracking().ToListAsync(Ct)).Select(t => (t.Level, t.Index)).Order());
        var leaves = await tenant
            .ReceiptPlaces.AsNoTracking()
            .Where(p => p.TenantId == world.Tenant.Id)
            .OrderBy(p => p.Position)
            .Select(p => p.Leaf!)
            .ToListAsync(Ct);
        foreach (var index in new[] { 0, 255, 256, 511, 512, 599 })
        {
            var path = await new LogReader(tenant, world.Tenant.Id).InclusionAsync(index, 600, Ct);
            Assert.True(MerkleTree.VerifyInclusion(leaves[index], index, 600, path, checkpoint.Root.ToArray()), $"{index}");
        }

        Assert.Null(await app.Services.GetRequiredService<LogAuditor>().AuditAsync(world.Tenant.Id, Ct));
    }

    [Fact]
    public async Task An_audit_that_finds_a_difference_freezes_the_log_and_says_so()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await otto.UntilAsync((await otto.ProposePageAsync(world, "audited")).Run(), "SUCCEEDED");
        await SealedAsync(otto, world, 5);
        await using (var db = app.Databases.OpenTenant(world.Tenant.Id))
            await db.WriteAsync(() => db.LogHeads.ExecuteUpdateAsync(h => h.SetProperty(x => x.Roots, new byte[64]), Ct), Ct);

        await app.Services.GetRequiredService<LogAuditor>().AuditAsync(Ct);
        var log = await LogAsync(otto, world);
        Assert.Equal("The head of the log is not made of the stored receipts.", log.GetProperty("frozen").GetString());

        // Work goes on and leaves receipts; nothing more is signed.
        await otto.UntilAsync((await otto.ProposePageAsync(world, "after")).Run(), "SUCCEEDED");
        await app.Services.GetRequiredService<LogSealer>().SealAsync(world.Tenant.Id, Ct);
        Assert.Equal(5, (await LogAsync(otto, world)).GetProperty("size").GetInt64());
    }

    [Fact]
    public async Task Evidence_shows_nothing_of_another_workspace_and_says_what_it_cannot_give()
    {
        var world = await app.WorldAsync();
        var other = await world.OtherWorkspaceAsync();
        var otto = await world.Otto;
        var run = await otto.UntilAsync((await otto.ProposePageAsync(world, "mine")).Run(), "SUCCEEDED");
        await SealedAsync(otto, world, 5);
        var receipt = run.GetProperty("receipts")[0].GetProperty("id").GetString();

        var stranger = await other.PersonAsync("Sofia", "operator");
        var answer = await stranger.AnswerAsync(
            "query($key: String!, $ids: [ID!]) { workspace(key: $key) { evidence(receipts: $ids) } }",
            new { key = other.Workspace.Key, ids = new[] { receipt } }
        );
        Assert.Contains("There is no receipt", answer.ToString(), StringComparison.Ordinal);
        var all = (await stranger.AskAsync("query($key: String!) { workspace(key: $key) { evidence } }", new { key = other.Workspace.Key }))
            .GetProperty("workspace")
            .GetProperty("evidence")
            .GetString()!;
        Assert.Empty(JsonDocument.Parse(all).RootElement.GetProperty("receipts").EnumerateArray());
    }

    private static async Task<JsonElement> LogAsync(Client client, World world) =>
        (await client.AskAsync($"query($key: String!) {{ workspace(key: $key) {{ {LogFields} }} }}", new { key = world.Workspace.Key }))
            .GetProperty("workspace")
            .GetProperty("log");

    /// <summary>Waits until that many receipts are sealed.</summary>
    private static async Task<JsonElement> SealedAsync(Client client, World world, int size)
    {
        JsonElement log = default;
        await Runs.Poll.UntilAsync(async () => log = await LogAsync(client, world), l => l.GetProperty("size").GetInt64() >= size);
        Assert.Equal(size, log.GetProperty("size").GetInt64());
        return log;
    }

    /// <summary>A clock by which every lease is over at once.</summary>
    private sealed class Hasty : TimeProvider
    {
        private long hours;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddMinutes(Interlocked.Increment(ref hours));
    }
}

public sealed class LogsOnSqlite(SqliteApp app) : LogTests(app);

public sealed class LogsOnPostgres(PostgresApp app) : LogTests(app);

public sealed class LogsOnSqlServer(SqlServerApp app) : LogTests(app);
