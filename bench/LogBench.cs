using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.Jobs;
using Mumega.TransparencyLog;

/// <summary>The receipt log: appending and sealing beside raw inserts, the lag, proofs of a large log, and the verifier.</summary>
internal static class LogBench
{
    private const int Batch = 64;
    private const int Writers = 4;
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(string kind, string? postgres, bool proofs = false)
    {
        var folder = Directory.CreateTempSubdirectory("mumega-bench-").FullName;
        var options = await OptionsAsync(kind, postgres, folder);
        try
        {
            var databases = new Databases(options);
            await databases.MigrateAsync(default);
            if (!proofs)
            {
                await AppendAsync(kind, databases, 1);
                await AppendAsync(kind, databases, 100);
                await SizeAsync(kind, databases);
            }

            await ProofsAsync(kind, databases);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>How many receipts a second the offline verifier checks: proof, canonical form and every disclosure.</summary>
    public static void Verify()
    {
        var seed = new byte[32];
        var origin = Tenant.OriginOf(new string('b', 26));
        var signer = new SignerKey(origin, seed);
        var (tree, evidence) = (new List<byte[]>(), new List<Evidence>());
        var actor = Someone(Guid.NewGuid(), origin);
        var room = Guid.NewGuid();
        for (var i = 0; i < 4096; i++)
        {
            var left = Receipt(new() { TenantId = actor.TenantId, WorkspaceId = room }, actor, DateTimeOffset.UnixEpoch);
            evidence.Add(left);
            tree.Add(MerkleHash.Leaf(left.Receipt.Entry));
        }

        var levels = Levels(tree);
        var checkpoint = new Checkpoint(origin, tree.Count, levels[^1][0]);
        var note = new SignedNote(checkpoint.Text, [signer.Sign(checkpoint.Text)]).ToString();
        var receipts = evidence
            .Select(
                (e, i) =>
                    new EvidenceReceipt(
                        i,
                        Convert.ToBase64String(e.Receipt.Entry),
                        [
                            .. MerkleTree
                                .Inclusion(i, tree.Count, node => levels[node.Level][(int)node.Index])
                                .Select(Convert.ToBase64String),
                        ],
                        e.Disclosure.Open()
                    )
            )
            .ToList();
        var bundle = Encoding.UTF8.GetBytes(
            JsonSerializer.Serialize(
                new EvidenceBundle(EvidenceBundle.Version, origin, [signer.Verifier.ToString()], note, receipts, []),
                JsonSerializerOptions.Web
            )
        );
        var trust = new Trust([signer.Verifier], null, [], 0);

        if (EvidenceVerifier.Verify(bundle, trust).Result is not CheckResult.Valid)
            throw new InvalidOperationException("the bundle does not verify");
        var clock = Stopwatch.StartNew();
        var rounds = 0;
        for (; clock.Elapsed < Turn; rounds++)
            EvidenceVerifier.Verify(bundle, trust);
        Print(
            new
            {
                figure = "verify a bundle",
                receipts = receipts.Count,
                megabytes = Math.Round(bundle.Length / 1e6, 1),
                receipts_per_second = Math.Round(rounds * receipts.Count / clock.Elapsed.TotalSeconds),
                megabytes_per_second = Math.Round(rounds * bundle.Length / 1e6 / clock.Elapsed.TotalSeconds, 1),
            }
        );
    }

    private static async Task AppendAsync(string kind, Databases databases, int tenants)
    {
        var rooms = new List<(Guid Tenant, Guid Workspace, Actor By)>();
        for (var i = 0; i < tenants; i++)
            rooms.Add(await RoomAsync(databases));

        var signals = new Signals();
        var witnesses = new LogWitnesses(databases, [], new(), TimeProvider.System);
        var sealer = new LogSealer(
            databases,
            witnesses,
            signals,
            new Mumega.Infrastructure.Secrets.Vault([new byte[32]]),
            TimeProvider.System
        );
        var sequencer = new ReceiptSequencer(databases, sealer, signals);
        using var stop = new CancellationTokenSource();
        var jobs = new JobOptions();
        var behind = new[]
        {
            LoopAsync(new Sequencer(sequencer, signals, jobs, NullLogger<Sequencer>.Instance).PlaceAsync, stop.Token),
            LoopAsync(new Sealer(sealer, signals, jobs, TimeProvider.System, NullLogger<Sealer>.Instance).SealAsync, stop.Token),
        };

        await RawTableAsync(databases);
        var (next, placed) = (0, 0L);
        var fill = new string('x', 60);
        async Task Ours()
        {
            var (tenant, workspace, by) = rooms[Interlocked.Increment(ref next) % rooms.Count];
            await using var db = databases.Open(tenant, workspace);
            for (var i = 0; i < Batch; i++)
                db.Add(Receipt(new() { TenantId = tenant, WorkspaceId = workspace }, by, TimeProvider.System.GetUtcNow(), fill));
            await db.SaveChangesAsync();
            signals.Receipts.Pulse();
        }

        var sample = Receipt(
            new() { TenantId = rooms[0].Tenant, WorkspaceId = rooms[0].Workspace },
            rooms[0].By,
            TimeProvider.System.GetUtcNow(),
            fill
        );
        Func<Task> raw = () => RawAsync(databases, sample);
        var aside = await RoomAsync(databases);
        await using (var frozen = databases.OpenTenant(aside.Item1))
        {
            frozen.LogHeads.Add(
                new()
                {
                    TenantId = aside.Item1,
                    Roots = [],
                    Frozen = "Left alone by the bench.",
                }
            );
            await frozen.SaveChangesAsync();
        }

        async Task SameRows()
        {
            // The very rows of an append, already at a place, so that nobody gives them one or seals them.
            await using var db = databases.Open(aside.Item1, aside.Item2);
            for (var i = 0; i < Batch; i++)
            {
                var left = Receipt(
                    new() { TenantId = aside.Item1, WorkspaceId = aside.Item2 },
                    aside.Item3,
                    TimeProvider.System.GetUtcNow(),
                    fill
                );
                left.Place.Position = Interlocked.Increment(ref placed);
                db.Add(left);
            }

            await db.SaveChangesAsync();
        }

        await Bench.ManyAsync(Writers, TimeSpan.FromSeconds(3), Ours);
        await SettleAsync(databases, rooms);
        await Bench.ManyAsync(Writers, TimeSpan.FromSeconds(2), raw);
        await Bench.ManyAsync(Writers, TimeSpan.FromSeconds(2), SameRows);

        // In turns, because the speed of a shared machine drifts.
        var ratios = new List<(double Sealed, double Raw, double Same)>();
        using var watching = new CancellationTokenSource();
        var seen = WatchAsync(databases, rooms, watching.Token);
        for (var turn = 0; turn < 4; turn++)
        {
            var before = await SizesAsync(databases, rooms);
            var clock = Stopwatch.StartNew();
            await Bench.ManyAsync(Writers, Turn, Ours);
            var target = await SettleAsync(databases, rooms);
            var sealing = (target.Values.Sum() - before.Values.Sum()) / clock.Elapsed.TotalSeconds;
            var rows = await Bench.ManyAsync(Writers, Turn, raw);
            var same = await Bench.ManyAsync(Writers, Turn, SameRows);
            ratios.Add((sealing, rows.Rate * Batch, same.Rate * Batch));
        }

        await watching.CancelAsync();
        var lags = await LagsAsync(databases, rooms, await seen);
        Print(
            new
            {
                figure = "append and seal",
                database = kind,
                tenants,
                batch = Batch,
                writers = Writers,
                receipts_per_second = Math.Round(Median(ratios.Select(r => r.Sealed))),
                raw_rows_per_second = Math.Round(Median(ratios.Select(r => r.Raw))),
                ratio_to_raw = Math.Round(Median(ratios.Select(r => r.Sealed / r.Raw)), 2),
                aim_ratio = 0.75,
                same_rows_per_second = Math.Round(Median(ratios.Select(r => r.Same))),
                ratio_to_same_rows = Math.Round(Median(ratios.Select(r => r.Sealed / r.Same)), 2),
                lag_p50_ms = Math.Round(At(lags, 0.5)),
                lag_p99_ms = Math.Round(At(lags, 0.99)),
                aim_lag_p99_ms = 1000,
            }
        );
        await stop.CancelAsync();
        await Task.WhenAll(behind);
    }

    private static async Task SizeAsync(string kind, Databases databases)
    {
        if (kind != "postgres")
            return;
        await using var db = databases.OpenPlatform();
        await db.Database.OpenConnectionAsync();
        async Task<double> Of(string sql)
        {
            await using var command = db.Database.GetDbConnection().CreateCommand();
            command.CommandText = sql;
            return Convert.ToDouble(await command.ExecuteScalarAsync());
        }

        await db.Database.ExecuteSqlRawAsync("VACUUM FULL \"ReceiptPlaces\"");
        var receipts = await Of("SELECT count(*) FROM \"Receipts\"");
        async Task<double> Bytes(string table) => Math.Round(await Of($"SELECT pg_total_relation_size('\"{table}\"')") / receipts, 1);
        var (tiles, checkpoints, places) = (await Bytes("LogTiles"), await Bytes("LogCheckpoints"), await Bytes("ReceiptPlaces"));
        Print(
            new
            {
                figure = "bytes a receipt beyond the receipt",
                database = kind,
                receipts,
                tiles,
                checkpoints,
                places_with_indexes = places,
                log = Math.Round(tiles + checkpoints, 1),
                receipt_and_fields = await Bytes("Receipts") + await Bytes("Disclosures"),
                aim = 100,
            }
        );
    }

    /// <summary>Inclusion proofs of random leaves, from the tiles that the database holds.</summary>
    private static async Task ProofsAsync(string kind, Databases databases)
    {
        const int Largest = 10_000_000;
        var (tenant, workspace, by) = await RoomAsync(databases);
        await FillAsync(databases, tenant, workspace, by, Largest);
        var random = new Random(1);
        var figures = new List<object>();
        foreach (var size in new[] { 1 << 12, 1 << 16, 1 << 20, Largest })
        {
            var times = new List<double>();
            for (var i = 0; i < 600; i++)
            {
                var index = random.NextInt64(size);
                var start = Stopwatch.GetTimestamp();
                await using var db = databases.OpenTenant(tenant);
                await new LogReader(db, tenant).InclusionAsync(index, size, default);
                if (i >= 100)
                    times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            times.Sort();
            figures.Add(
                new
                {
                    leaves = size,
                    p50_ms = Math.Round(At(times, 0.5), 2),
                    p99_ms = Math.Round(At(times, 0.99), 2),
                }
            );
        }

        Print(
            new
            {
                figure = "inclusion proof",
                database = kind,
                sizes = figures,
                aim_ms_at_10_million = 2,
            }
        );
    }

    private static async Task FillAsync(Databases databases, Guid tenant, Guid workspace, Actor by, int leaves)
    {
        // Leaves of made-up hashes: a proof reads hashes, never entries. The receipts behind the last, partial tile are real rows.
        var rest = leaves % Tile.FullWidth;
        await using var db = databases.Open(tenant, workspace);
        var level = new List<byte[]>();
        var hashes = new byte[Tile.FullWidth * 32];
        for (var tile = 0; tile < leaves / Tile.FullWidth; tile++)
        {
            Random.Shared.NextBytes(hashes);
            level.Add(await TileAsync(db, 0, tile, [.. hashes]));
            if (tile % 500 == 499)
            {
                await db.SaveChangesAsync();
                db.ChangeTracker.Clear();
            }
        }

        for (var height = 1; level.Count >= Tile.FullWidth; height++)
        {
            var above = new List<byte[]>();
            foreach (var (full, index) in level.Chunk(Tile.FullWidth).Where(c => c.Length == Tile.FullWidth).Select((c, i) => (c, i)))
                above.Add(await TileAsync(db, height, index, [.. full.SelectMany(h => h)]));
            level = above;
        }

        await db.SaveChangesAsync();
        var evidence = Enumerable
            .Range(0, rest)
            .Select(_ => Receipt(new() { TenantId = tenant, WorkspaceId = workspace }, by, TimeProvider.System.GetUtcNow()))
            .ToList();
        foreach (var (one, i) in evidence.Select((e, i) => (e, i)))
        {
            one.Place.Position = leaves - rest + i + 1;
            db.Add(one);
        }

        await db.SaveChangesAsync();
        if (db.Database.IsNpgsql())
            await db.Database.ExecuteSqlRawAsync("ANALYZE");
    }

    private static Task<byte[]> TileAsync(MumegaDb db, int level, long index, byte[] hashes)
    {
        var root = Tile.Root(hashes);
        db.LogTiles.Add(
            new()
            {
                TenantId = db.TenantId,
                Level = level,
                Index = index,
                Hashes = hashes,
                Root = root,
            }
        );
        return Task.FromResult(root);
    }

    // The same bytes in the same number of rows, for a table without any duty.
    private static async Task RawTableAsync(Databases databases)
    {
        await using var db = databases.OpenPlatform();
        await db.Database.ExecuteSqlRawAsync(
            db.Database.IsNpgsql()
                ? "CREATE TABLE IF NOT EXISTS raw_receipts (id uuid PRIMARY KEY, tenant uuid, workspace uuid, kind text, subject uuid, step int, actor uuid, action text, reason text, state text, at bigint, entry bytea, digest text, opened text)"
                : "CREATE TABLE IF NOT EXISTS raw_receipts (id TEXT PRIMARY KEY, tenant TEXT, workspace TEXT, kind text, subject TEXT, step int, actor TEXT, action text, reason text, state text, at bigint, entry BLOB, digest text, opened text)"
        );
    }

    private static async Task RawAsync(Databases databases, Evidence sample)
    {
        await using var db = databases.OpenPlatform();
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();
        var text = new StringBuilder("INSERT INTO raw_receipts VALUES ");
        var r = sample.Receipt;
        for (var row = 0; row < Batch; row++)
        {
            object[] values =
            [
                Guid.CreateVersion7(),
                r.TenantId,
                r.WorkspaceId,
                r.Kind,
                r.SubjectId,
                r.Step,
                r.ActorId,
                r.Action,
                r.ReasonCode,
                r.State,
                r.At.UtcTicks,
                r.Entry,
                r.Digest,
                sample.Disclosure.Opened,
            ];
            text.Append(row == 0 ? "(" : ",(");
            for (var i = 0; i < values.Length; i++)
            {
                var parameter = command.CreateParameter();
                (parameter.ParameterName, parameter.Value) = ($"@p{row}_{i}", values[i]);
                command.Parameters.Add(parameter);
                text.Append(i == 0 ? "" : ",").Append(parameter.ParameterName);
            }

            text.Append(')');
        }

        command.CommandText = text.ToString();
        await db.WriteAsync(() => command.ExecuteNonQueryAsync(), default);
    }

    private static async Task<(Guid, Guid, Actor)> RoomAsync(Databases databases)
    {
        var now = TimeProvider.System.GetUtcNow();
        var tenant = new Tenant
        {
            Id = Guid.CreateVersion7(now),
            Key = $"t-{Guid.NewGuid():N}",
            Name = "Bench",
            Log = Tenant.OriginOf(Guid.NewGuid().ToString("N")[..26]),
            CreatedAt = now,
        };
        var workspace = new Workspace
        {
            TenantId = tenant.Id,
            Id = Guid.CreateVersion7(now),
            Key = "bench",
            Name = "Bench",
            CreatedAt = now,
        };
        await using var db = databases.Open(tenant.Id, workspace.Id);
        db.Tenants.Add(tenant);
        db.Workspaces.Add(workspace);
        db.PolicyVersions.Add(
            new()
            {
                TenantId = tenant.Id,
                Number = 1,
                Text = PolicyBook.Seed,
                CreatedBy = Guid.Empty,
                CreatedAt = now,
            }
        );
        await db.SaveChangesAsync();
        return (tenant.Id, workspace.Id, Someone(tenant.Id, tenant.Log));
    }

    private static Actor Someone(Guid tenant, string log) =>
        new(tenant, Guid.NewGuid(), PrincipalKind.Agent, "Bench", Guid.NewGuid(), log, new HashSet<string>(), new HashSet<Guid>(), "bench");

    private static Evidence Receipt(Chain chain, Actor by, DateTimeOffset now, string text = "A page of the bench.") =>
        ReceiptWriter.Append(
            chain,
            ReceiptKind.Proposed,
            by,
            now,
            "page.publish",
            "proposed",
            "PREFLIGHTED",
            [
                ("parameters.slug", "bench"),
                ("parameters.title", "Bench"),
                ("parameters.markdown", text),
                ("target", "Page::\"bench\""),
                ("reason_text", "bench"),
                ("effect_id", Guid.NewGuid()),
                ("idempotency_key", "bench"),
            ]
        );

    private static async Task LoopAsync(Func<CancellationToken, Task> once, CancellationToken ct)
    {
        await Task.Yield();
        while (!ct.IsCancellationRequested)
            await once(ct);
    }

    private static async Task<Dictionary<Guid, long>> SizesAsync(Databases databases, List<(Guid Tenant, Guid, Actor)> rooms)
    {
        await using var db = databases.OpenPlatform();
        return await CountsAsync(db, rooms, "SELECT \"TenantId\", \"Size\" FROM \"LogHeads\"");
    }

    private static async Task<Dictionary<Guid, long>> SettleAsync(Databases databases, List<(Guid Tenant, Guid, Actor)> rooms)
    {
        await using var db = databases.OpenPlatform();
        var count = (await CountsAsync(db, rooms, "SELECT \"TenantId\", count(*) FROM \"Receipts\" GROUP BY \"TenantId\"")).Values.Sum();
        while (true)
        {
            var sizes = await SizesAsync(databases, rooms);
            if (sizes.Values.Sum() == count)
                return sizes;
            await Task.Delay(10);
        }
    }

    private static async Task<Dictionary<Guid, long>> CountsAsync(MumegaDb db, List<(Guid Tenant, Guid, Actor)> rooms, string sql)
    {
        var (wanted, found) = (rooms.Select(r => r.Tenant).ToHashSet(), new Dictionary<Guid, long>());
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            if (reader.GetGuid(0) is var tenant && wanted.Contains(tenant))
                found[tenant] = reader.GetInt64(1);
        }

        return found;
    }

    // What the heads said when, looked at often enough to time a checkpoint.
    private static async Task<List<(Guid Tenant, long Size, DateTimeOffset At)>> WatchAsync(
        Databases databases,
        List<(Guid Tenant, Guid, Actor)> rooms,
        CancellationToken ct
    )
    {
        var (seen, last) = (new List<(Guid, long, DateTimeOffset)>(), new Dictionary<Guid, long>());
        while (!ct.IsCancellationRequested)
        {
            var sizes = await SizesAsync(databases, rooms);
            var now = TimeProvider.System.GetUtcNow();
            foreach (var (tenant, size) in sizes)
            {
                if (last.GetValueOrDefault(tenant) == size)
                    continue;
                seen.Add((tenant, size, now));
                last[tenant] = size;
            }

            await Task.WhenAny(Task.Delay(25, ct));
        }

        return seen;
    }

    // From the receipt's time, taken before its commit, to a checkpoint that covers it being seen.
    private static async Task<List<double>> LagsAsync(
        Databases databases,
        List<(Guid Tenant, Guid Workspace, Actor)> rooms,
        List<(Guid Tenant, long Size, DateTimeOffset At)> seen
    )
    {
        var lags = new List<double>();
        foreach (var (tenant, workspace, _) in rooms)
        {
            await using var db = databases.Open(tenant, workspace);
            var marks = seen.Where(s => s.Tenant == tenant).OrderBy(s => s.Size).ToList();
            if (marks.Count < 2)
                continue;

            // The first mark is where the watch began.
            var from = marks[0].Size;
            var places = await db
                .ReceiptPlaces.AsNoTracking()
                .Where(p => p.TenantId == tenant && p.Position > from)
                .Select(p => new { p.Position, p.Ticks })
                .OrderBy(p => p.Position)
                .ToListAsync();
            var next = 1;
            foreach (var place in places)
            {
                while (next < marks.Count && marks[next].Size < place.Position)
                    next++;
                if (next == marks.Count)
                    break;
                lags.Add((marks[next].At - new DateTimeOffset(place.Ticks, TimeSpan.Zero)).TotalMilliseconds);
            }
        }

        lags.Sort();
        return lags;
    }

    private static async Task<DatabaseOptions> OptionsAsync(string kind, string? postgres, string folder)
    {
        if (kind == "sqlite")
            return new() { Connection = $"Data Source={Path.Combine(folder, "log.db")}" };

        var name = $"bench_{Guid.NewGuid():N}";
        await using var admin = new Npgsql.NpgsqlConnection(postgres);
        await admin.OpenAsync();
        await using var create = new Npgsql.NpgsqlCommand($"CREATE DATABASE {name}", admin);
        await create.ExecuteNonQueryAsync();
        return new()
        {
            Kind = DatabaseKind.Postgres,
            Connection = new Npgsql.NpgsqlConnectionStringBuilder(postgres)
            {
                Database = name,
                MaxPoolSize = 60,
                Username = "mumega_bench",
            }.ToString(),
            Owner = new Npgsql.NpgsqlConnectionStringBuilder(postgres) { Database = name }.ToString(),
        };
    }

    private static List<List<byte[]>> Levels(List<byte[]> leaves)
    {
        var levels = new List<List<byte[]>> { leaves };
        while (levels[^1].Count > 1)
            levels.Add([.. levels[^1].Chunk(2).Select(p => MerkleHash.Node(p[0], p[1]))]);
        return levels;
    }

    private static double Median(IEnumerable<double> values) => At([.. values.Order()], 0.5);

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];

    private static void Print(object figure) => Console.WriteLine(JsonSerializer.Serialize(figure));

    /// <summary>A subject with a chain of its own.</summary>
    private sealed class Chain : IReceipted
    {
        public required Guid TenantId { get; init; }

        public required Guid WorkspaceId { get; init; }

        public Guid Id { get; } = Guid.CreateVersion7();

        public int Receipts { get; set; }

        public string? LastReceipt { get; set; }
    }
}
