using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.TransparencyLog;
using Mumega.Witness;

namespace Mumega.App.Tests.Receipts;

/// <summary>A real witness behind a real HTTP server, and the log that it watches.</summary>
public abstract class WitnessTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Checkpoints_are_cosigned_and_the_cosignature_travels_with_the_evidence()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await SealAsync(world, otto, "one", 5);
        await using var witness = await Watcher.StartAsync(await KeysAsync(world));
        using var witnesses = New(witness);

        Assert.True(await witnesses.CosignAsync(world.Tenant.Id, Ct));
        await SealAsync(world, otto, "two", 10);
        Assert.True(await witnesses.CosignAsync(world.Tenant.Id, Ct));
        Assert.True(await witnesses.CosignAsync(world.Tenant.Id, Ct));

        var state = Assert.Single(await witnesses.StatesAsync(world.Tenant.Id, Ct));
        Assert.Equal((10L, null), (state.Size, state.Problem));
        using var http = new HttpClient();
        var note = SignedNote.Parse(await http.GetStringAsync($"{app.Address}/log/{world.Tenant.LogId}/checkpoint", Ct));
        Assert.Contains(witness.Ledger.Key, note.Verify([witness.Ledger.Key]).Select(v => v.Key));
        var cosigners = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { log { checkpoints(first: 2) { nodes { size cosigners } } } } }",
                new { key = world.Workspace.Key }
            )
        ).ToString();
        Assert.Contains("witness.test", cosigners, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_was_set_back_is_not_signed_any_more()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await SealAsync(world, otto, "kept", 5);
        await using var witness = await Watcher.StartAsync(await KeysAsync(world));
        using var witnesses = New(witness);
        await witnesses.CosignAsync(world.Tenant.Id, Ct);

        // Somebody restores a backup: the log ends earlier than the witness knows. Here the witness is made to know more.
        await using (var db = app.Databases.OpenTenant(world.Tenant.Id))
        {
            var signer = await SignerAsync(world);
            var leaves = await db
                .ReceiptPlaces.Where(p => p.TenantId == world.Tenant.Id)
                .OrderBy(p => p.Position)
                .Select(p => p.Leaf!)
                .ToListAsync(Ct);
            var nodes = new Dictionary<TreeNode, byte[]>();
            var range = new CompactRange();
            foreach (var leaf in leaves.Append(MerkleHash.Leaf([1])))
                range.Append(leaf, nodes.Add);
            var text = new Checkpoint(world.Tenant.Log, 6, range.Root()).Text;
            Assert.Equal(
                200,
                witness
                    .Ledger.Add(
                        new AddCheckpoint(
                            5,
                            MerkleTree.Consistency(5, 6, n => nodes[n]),
                            new SignedNote(text, [signer.Sign(text)]).ToString()
                        ).ToString()
                    )
                    .Status
            );
        }

        var restarted = new LogSealer(
            app.Databases,
            witnesses,
            app.Services.GetRequiredService<Signals>(),
            app.Services.GetRequiredService<Mumega.Infrastructure.Secrets.Vault>(),
            TimeProvider.System
        );
        await Runs.Poll.UntilAsync(
            async () =>
            {
                await restarted.SealAsync(world.Tenant.Id, Ct);
                return await FrozenAsync(world);
            },
            frozen => frozen is not null
        );
        Assert.Contains("has seen 6 receipts; this database holds 5", await FrozenAsync(world), StringComparison.Ordinal);

        await otto.UntilAsync((await otto.ProposePageAsync(world, "after")).Run(), "SUCCEEDED");
        await restarted.SealAsync(world.Tenant.Id, Ct);
        await using var after = app.Databases.OpenTenant(world.Tenant.Id);
        Assert.Equal(5, await after.LogCheckpoints.MaxAsync(c => c.Size, Ct));
    }

    [Fact]
    public async Task Nothing_is_signed_for_the_first_time_while_no_witness_can_be_asked()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await SealAsync(world, otto, "alone", 5);
        using var witnesses = new LogWitnesses(
            app.Databases,
            [new() { Url = new($"http://127.0.0.1:{MumegaApp.FreePort()}"), Key = Watcher.Key.Verifier.ToString() }],
            new(),
            TimeProvider.System
        );
        Assert.False(await witnesses.GuardAsync(world.Tenant.Id, Ct));
        Assert.False(await witnesses.CosignAsync(world.Tenant.Id, Ct));
        Assert.Equal("it could not be reached", Assert.Single(await witnesses.StatesAsync(world.Tenant.Id, Ct)).Problem);
        Assert.Null(await FrozenAsync(world));
    }

    [Fact]
    public async Task A_folder_of_checkpoints_stops_a_log_that_was_set_back()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await SealAsync(world, otto, "kept", 5);
        var options = new CheckpointOptions
        {
            Folder = Directory.CreateTempSubdirectory("mumega-checkpoints-").FullName,
            Every = TimeSpan.Zero,
        };
        await new CheckpointDelivery(
            app.Databases,
            options,
            app.Services.GetRequiredService<IWebhookSender>(),
            TimeProvider.System
        ).DeliverAsync(Ct);

        var folder = Path.Combine(options.Folder, world.Tenant.LogId);
        var kept = await File.ReadAllTextAsync(Path.Combine(folder, "5"), Ct);
        Assert.Equal(kept, await File.ReadAllTextAsync(Path.Combine(folder, "checkpoint"), Ct));
        Assert.NotEmpty(SignedNote.Parse(kept).Verify(await KeysAsync(world)));
        using var witnesses = new LogWitnesses(app.Databases, [], options, TimeProvider.System);
        Assert.True(await witnesses.GuardAsync(world.Tenant.Id, Ct));
        Assert.Null(await FrozenAsync(world));

        // What the folder would hold, had a backup been restored since.
        var signer = await SignerAsync(world);
        var text = new Checkpoint(world.Tenant.Log, 9, new byte[32]).Text;
        await File.WriteAllTextAsync(Path.Combine(folder, "checkpoint"), new SignedNote(text, [signer.Sign(text)]).ToString(), Ct);
        Assert.True(await witnesses.GuardAsync(world.Tenant.Id, Ct));
        Assert.Contains("has seen 9 receipts; this database holds 5", await FrozenAsync(world), StringComparison.Ordinal);
        Directory.Delete(options.Folder, recursive: true);
    }

    [Fact]
    public async Task A_key_is_replaced_after_a_year_with_both_signatures_and_a_receipt()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await SealAsync(world, otto, "first-year", 5);
        var later = new Later(TimeSpan.FromDays(366));
        var services = app.Services;
        using var witnesses = new LogWitnesses(app.Databases, [], new(), later);
        var sealer = new LogSealer(
            app.Databases,
            witnesses,
            services.GetRequiredService<Signals>(),
            services.GetRequiredService<Mumega.Infrastructure.Secrets.Vault>(),
            later
        );
        await using (var db = app.Databases.OpenTenant(world.Tenant.Id))
            await db.WriteAsync(
                () => db.LogHeads.ExecuteUpdateAsync(h => h.SetProperty(x => x.LeaseUntil, DateTimeOffset.UnixEpoch), Ct),
                Ct
            );
        await Runs.Poll.UntilAsync(() => sealer.SealAsync(world.Tenant.Id, Ct), held => held);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "second-year")).Run(), "SUCCEEDED");
        await Runs.Poll.UntilAsync(
            async () =>
            {
                await sealer.SealAsync(world.Tenant.Id, Ct);
                return await KeysAsync(world);
            },
            keys => keys.Count == 2
        );

        // The receipt of the new key is sealed like any other, under both keys.
        string note = "";
        await Runs.Poll.UntilAsync(
            async () =>
            {
                await sealer.SealAsync(world.Tenant.Id, Ct);
                await using var db = app.Databases.OpenTenant(world.Tenant.Id);
                var latest = await db.LogCheckpoints.AsNoTracking().OrderByDescending(c => c.Size).FirstAsync(Ct);
                note = latest.Note;
                return latest.Size;
            },
            size => size == 11
        );
        var keys = await KeysAsync(world);
        foreach (var key in keys)
            Assert.Single(SignedNote.Parse(note).Verify([key]));
        var receipt = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { receipts(filter: { kinds: [\"log.key\"] }) { nodes { reasonCode step fields actor { name } } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("receipts")
            .GetProperty("nodes")[0];
        Assert.Equal(keys[0].ToString(), receipt.GetProperty("fields").GetProperty("state_after").GetString());
        Assert.Equal(keys[1].ToString(), receipt.GetProperty("fields").GetProperty("state_before")[0].GetString());
    }

    private sealed class Later(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }

    private async Task<string?> FrozenAsync(World world)
    {
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        return await db.LogHeads.Select(h => h.Frozen).SingleAsync(Ct);
    }

    private LogWitnesses New(Watcher witness) =>
        new(app.Databases, [new() { Url = witness.Address, Key = witness.Ledger.Key.ToString() }], new(), TimeProvider.System);

    private Task<IReadOnlyList<VerifierKey>> KeysAsync(World world) =>
        app.Services.GetRequiredService<LogSealer>().KeysAsync(world.Tenant.Id, Ct);

    // What only somebody has who took the database and its keys.
    private async Task<SignerKey> SignerAsync(World world)
    {
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        var seed = app
            .Services.GetRequiredService<Mumega.Infrastructure.Secrets.Vault>()
            .Open(world.Tenant.Id, Mumega.Infrastructure.Secrets.Purpose.LogKey, await db.LogKeys.Select(k => k.Sealed).SingleAsync(Ct));
        return new(world.Tenant.Log, Convert.FromBase64String(seed));
    }

    private async Task SealAsync(World world, Client client, string slug, int size)
    {
        await client.UntilAsync((await client.ProposePageAsync(world, slug)).Run(), "SUCCEEDED");
        await Runs.Poll.UntilAsync(
            async () =>
            {
                await using var db = app.Databases.OpenTenant(world.Tenant.Id);
                return await db.LogHeads.Select(h => (long?)h.Size).SingleOrDefaultAsync(Ct);
            },
            s => s == size
        );
    }
}

public sealed class WitnessesOnSqlite(SqliteApp app) : WitnessTests(app);

public sealed class WitnessesOnPostgres(PostgresApp app) : WitnessTests(app);

/// <summary>What a witness answers, whoever asks.</summary>
public sealed class WitnessProtocolTests
{
    private static readonly SignerKey Log = new("log.example/l/1", new byte[32]);

    [Fact]
    public async Task The_protocol_is_answered_as_specified()
    {
        await using var witness = await Watcher.StartAsync([Log.Verifier]);
        var nodes = new Dictionary<TreeNode, byte[]>();
        var range = new CompactRange();
        for (byte i = 0; i < 20; i++)
            range.Append(MerkleHash.Leaf([i]), nodes.Add);
        string Sign(long size, SignerKey? key = null, byte[]? root = null)
        {
            var text = new Checkpoint(key?.Verifier.Name ?? Log.Verifier.Name, size, root ?? MerkleTree.Root(size, n => nodes[n])).Text;
            return new SignedNote(text, [(key ?? Log).Sign(text)]).ToString();
        }

        IReadOnlyList<byte[]> Proof(long from, long to) => MerkleTree.Consistency(from, to, n => nodes[n]);
        async Task Expect(HttpStatusCode status, string body, string? text = null)
        {
            using var http = new HttpClient();
            using var answer = await http.PostAsync(
                new Uri(witness.Address, "/add-checkpoint"),
                new StringContent(body),
                TestContext.Current.CancellationToken
            );
            var said = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(status == answer.StatusCode, $"{answer.StatusCode} {said}");
            if (text is not null)
                Assert.Equal(text, said);
            if (status is HttpStatusCode.Conflict)
                Assert.Equal("text/x.tlog.size", answer.Content.Headers.ContentType!.MediaType);
        }

        await Expect(HttpStatusCode.OK, new AddCheckpoint(0, [], Sign(7)).ToString());
        await Expect(HttpStatusCode.OK, new AddCheckpoint(7, [], Sign(7)).ToString());
        await Expect(HttpStatusCode.Conflict, new AddCheckpoint(0, [], Sign(7)).ToString(), "7\n");
        await Expect(HttpStatusCode.Conflict, new AddCheckpoint(5, Proof(5, 9), Sign(9)).ToString(), "7\n");
        await Expect(HttpStatusCode.UnprocessableEntity, new AddCheckpoint(7, Proof(5, 9), Sign(9)).ToString());
        await Expect(
            HttpStatusCode.UnprocessableEntity,
            new AddCheckpoint(7, Proof(7, 9), Sign(9, root: MerkleHash.Leaf([99]))).ToString()
        );
        await Expect(HttpStatusCode.Conflict, new AddCheckpoint(7, [], Sign(7, root: MerkleHash.Leaf([99]))).ToString(), "7\n");
        await Expect(HttpStatusCode.BadRequest, new AddCheckpoint(9, [], Sign(7)).ToString());
        await Expect(HttpStatusCode.NotFound, new AddCheckpoint(0, [], Sign(7, new SignerKey("other.example", new byte[32]))).ToString());
        await Expect(
            HttpStatusCode.Forbidden,
            new AddCheckpoint(7, Proof(7, 9), Sign(9, new SignerKey(Log.Verifier.Name, [.. Enumerable.Repeat((byte)3, 32)]))).ToString()
        );
        await Expect(
            HttpStatusCode.Forbidden,
            new AddCheckpoint(7, Proof(7, 9), Sign(9).Replace("\n9\n", "\n10\n", StringComparison.Ordinal)).ToString()
        );
        foreach (
            var nonsense in new[]
            {
                "",
                "old 7",
                "old 07\n\n" + Sign(9),
                "old -1\n\n" + Sign(9),
                "old 7\nAAAA\n\n" + Sign(9),
                "old 7\n\nhello",
            }
        )
            await Expect(HttpStatusCode.BadRequest, nonsense);
        await Expect(HttpStatusCode.OK, new AddCheckpoint(7, Proof(7, 20), Sign(20)).ToString());

        // Another process goes on from what was remembered on disk.
        var again = new Ledger(Watcher.Key, [Log.Verifier], witness.Folder, TimeProvider.System);
        Assert.Equal(new Answer(409, "20\n", IsSize: true), again.Add(new AddCheckpoint(7, Proof(7, 20), Sign(20)).ToString()));
    }
}

internal sealed class Watcher : IAsyncDisposable
{
    public static readonly SignerKey Key = new("witness.test", [.. Enumerable.Repeat((byte)5, 32)], KeyType.Cosignature);

    private readonly WebApplication app;

    private Watcher(WebApplication app, Ledger ledger, Uri address, string folder) =>
        (this.app, Ledger, Address, Folder) = (app, ledger, address, folder);

    public Ledger Ledger { get; }

    public Uri Address { get; }

    public string Folder { get; }

    public static async Task<Watcher> StartAsync(IReadOnlyList<VerifierKey> logs)
    {
        var folder = Directory.CreateTempSubdirectory("mumega-witness-").FullName;
        var ledger = new Ledger(Key, logs, folder, TimeProvider.System);
        var address = $"http://127.0.0.1:{MumegaApp.FreePort()}";
        var builder = WebApplication.CreateSlimBuilder([$"--urls={address}"]);
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.MapWitness(ledger);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new(app, ledger, new(address), folder);
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
