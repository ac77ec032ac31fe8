using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Receipts;

/// <summary>
/// Processes that place and seal die by SIGKILL at any moment while receipts keep coming. Whatever was acknowledged is in the log once, in its
/// chain's order, and no checkpoint that anybody could see is contradicted by a later one.
/// </summary>
public abstract class SealerKillTests
{
    /// <summary>How often, in all. A process takes some seconds to start, so the usual run kills less often than <c>./mumega test kills</c>.</summary>
    protected static int Kills { get; } =
        int.Parse(Environment.GetEnvironmentVariable("MUMEGA_TEST_KILLS") is { Length: > 0 } many ? many : "10");

    protected static async Task KillAsync(DatabaseOptions options, int processes, int kills)
    {
        var ct = TestContext.Current.CancellationToken;
        var databases = new Databases(options);
        await databases.MigrateAsync(ct);
        var keys = Directory.CreateTempSubdirectory("mumega-seal-");
        var (tenant, workspace) = await RoomAsync(databases, ct);
        var by = new Actor(
            tenant.Id,
            Guid.NewGuid(),
            PrincipalKind.Agent,
            "Load",
            Guid.NewGuid(),
            tenant.Log,
            new HashSet<string>(),
            new HashSet<Guid>(),
            "test"
        );

        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var load = Enumerable.Range(0, 2).Select(_ => Task.Run(() => AppendAsync(databases, by, workspace.Id, done.Token), ct)).ToList();
        var watch = Task.Run(() => WatchAsync(databases, tenant.Id, done.Token), ct);
        var shares = Enumerable.Range(0, processes).Select(p => kills / processes).ToList();
        await Task.WhenAll(shares.Select((share, seed) => Task.Run(() => KillManyAsync(options, keys.FullName, share, seed), ct)));
        await done.CancelAsync();
        var (acknowledged, seen) = ((await Task.WhenAll(load)).SelectMany(c => c).ToList(), await watch);

        // A last one, left alone, seals the rest.
        using (var last = await StartAsync(options, keys.FullName))
        {
            await using var heads = databases.OpenTenant(tenant.Id);
            await Poll.UntilAsync(
                async () => await heads.LogHeads.AsNoTracking().SingleOrDefaultAsync(ct),
                h => h?.Size >= acknowledged.Count
            );
            last.Kill();
            await last.WaitForExitAsync(ct);
        }

        await using var db = databases.Open(tenant.Id, workspace.Id);
        var places = await db.ReceiptPlaces.AsNoTracking().OrderBy(p => p.Position).ToListAsync(ct);
        Assert.Equal(Enumerable.Range(1, places.Count).Select(i => (long?)i), places.Select(p => p.Position));
        Assert.Empty(acknowledged.Except(places.Select(p => p.ReceiptId)));
        Assert.Equal(places.Count, places.Select(p => p.ReceiptId).Distinct().Count());
        Assert.All(places.GroupBy(p => p.SubjectId), chain => Assert.Equal(chain.Select(p => p.Step).Order(), chain.Select(p => p.Step)));
        Assert.Null(await new LogAuditor(databases).AuditAsync(tenant.Id, ct));

        // Whoever kept a checkpoint while all this went on finds the log going on from it.
        Assert.True(seen.Count > kills / 2, $"only {seen.Count} checkpoints were seen");
        var end = await db.LogHeads.AsNoTracking().SingleAsync(ct);
        var root = new CompactRange(end.Size, end.Roots.Chunk(32)).Root();
        foreach (var kept in seen.Select(n => Checkpoint.Parse(SignedNote.Parse(n).Text)))
        {
            var proof = await new LogReader(db, tenant.Id).ConsistencyAsync(kept.Size, end.Size, ct);
            Assert.True(
                MerkleTree.VerifyConsistency(kept.Size, end.Size, kept.Root.ToArray(), root, proof),
                $"the log does not go on from {kept.Size}"
            );
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        keys.Delete(recursive: true);
    }

    private static async Task KillManyAsync(DatabaseOptions options, string keys, int kills, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < kills; i++)
        {
            using var process = await StartAsync(options, keys);

            // It has placed and sealed once by now, and does so several times more.
            await Task.Delay(random.Next(0, 400));
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task<Process> StartAsync(DatabaseOptions options, string keys)
    {
        var process = Process.Start(
            new ProcessStartInfo(
                "dotnet",
                [Path.Combine(AppContext.BaseDirectory, "Mumega.Sealing.dll"), options.Kind.ToString(), options.Connection, keys]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        Assert.Equal("sealing", await process.StandardOutput.ReadLineAsync());
        return process;
    }

    // Returns what was acknowledged: the commit came back.
    private static async Task<List<Guid>> AppendAsync(Databases databases, Actor by, Guid workspace, CancellationToken ct)
    {
        var acknowledged = new List<Guid>();
        var chain = new Chain { TenantId = by.TenantId, WorkspaceId = workspace };
        while (!ct.IsCancellationRequested)
        {
            await using var db = databases.Open(by.TenantId, workspace);
            if (chain.Receipts >= 20)
                chain = new Chain { TenantId = by.TenantId, WorkspaceId = workspace };
            var left = ReceiptWriter.Append(
                chain,
                ReceiptKind.Decided,
                by,
                TimeProvider.System.GetUtcNow(),
                "page.publish",
                "policy.allow",
                "QUEUED",
                [("target", "Page::\"load\"")]
            );
            db.Add(left);
            await db.SaveChangesAsync(CancellationToken.None);
            acknowledged.Add(left.Receipt.Id);
            await Task.WhenAny(Task.Delay(4, ct));
        }

        return acknowledged;
    }

    private static async Task<List<string>> WatchAsync(Databases databases, Guid tenant, CancellationToken ct)
    {
        var (seen, size) = (new List<string>(), 0L);
        while (!ct.IsCancellationRequested)
        {
            await using var db = databases.OpenTenant(tenant);
            if (
                await db.LogCheckpoints.AsNoTracking().OrderByDescending(c => c.Size).FirstOrDefaultAsync(CancellationToken.None)
                    is { } latest
                && latest.Size != size
            )
            {
                Assert.True(latest.Size > size, "the log became smaller");
                seen.Add(latest.Note);
                size = latest.Size;
            }

            await Task.WhenAny(Task.Delay(20, ct));
        }

        return seen;
    }

    private static async Task<(Tenant, Workspace)> RoomAsync(Databases databases, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        var tenant = new Tenant
        {
            Id = Guid.CreateVersion7(now),
            Key = "kill",
            Name = "Kill",
            Log = Tenant.OriginOf(new string('k', 26)),
            CreatedAt = now,
        };
        var workspace = new Workspace
        {
            TenantId = tenant.Id,
            Id = Guid.CreateVersion7(now),
            Key = "kill",
            Name = "Kill",
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
        await db.SaveChangesAsync(ct);
        return (tenant, workspace);
    }

    private sealed class Chain : IReceipted
    {
        public required Guid TenantId { get; init; }

        public required Guid WorkspaceId { get; init; }

        public Guid Id { get; } = Guid.CreateVersion7();

        public int Receipts { get; set; }

        public string? LastReceipt { get; set; }
    }
}

public sealed class SealerKillsOnSqlite : SealerKillTests
{
    [Fact]
    public async Task One_sealer_killed_again_and_again_loses_and_repeats_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("mumega-seal-");
        await KillAsync(new() { Connection = $"Data Source={Path.Combine(folder.FullName, "seal.db")}" }, 1, Kills / 2);
        folder.Delete(recursive: true);
    }
}

public sealed class SealerKillsOnPostgres : SealerKillTests
{
    [Fact]
    public async Task Two_sealers_at_once_killed_again_and_again_neither_lose_nor_repeat_nor_fork()
    {
        if (TestServers.Postgres is null)
            Assert.Skip("MUMEGA_TEST_POSTGRES names no server");
        var connection = await TestServers.NewPostgresDatabaseAsync();
        await KillAsync(
            new()
            {
                Kind = DatabaseKind.Postgres,
                Connection = connection,
                Owner = TestServers.OwnerOf(DatabaseKind.Postgres, connection),
            },
            2,
            Kills
        );
    }
}
