using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Mumega.App.Tests.Runs;
using Mumega.Infrastructure.Secrets;

namespace Mumega.App.Tests.Data;

public sealed class VaultTests
{
    private static readonly byte[] Old = RandomNumberGenerator.GetBytes(32),
        New = RandomNumberGenerator.GetBytes(32);

    [Fact]
    public void What_is_sealed_opens_for_the_same_tenant_and_purpose_only_and_no_bit_may_change()
    {
        var (vault, tenant) = (new Vault([Old]), Guid.NewGuid());
        var value = vault.Seal(tenant, "a", "whsec_secret");
        Assert.Equal("whsec_secret", vault.Open(tenant, "a", value));
        Assert.NotEqual(value, vault.Seal(tenant, "a", "whsec_secret"));
        Assert.ThrowsAny<CryptographicException>(() => vault.Open(tenant, "b", value));
        Assert.ThrowsAny<CryptographicException>(() => vault.Open(Guid.NewGuid(), "a", value));
        Assert.ThrowsAny<CryptographicException>(() => new Vault([New]).Open(tenant, "a", value));
        for (var i = 0; i < value.Length; i++)
        {
            // The last character of a part holds bits that mean nothing.
            if (value[i] is '.' || i + 1 == value.Length || value[i + 1] is '.')
                continue;
            var changed = $"{value[..i]}{(value[i] == 'A' ? 'B' : 'A')}{value[(i + 1)..]}";
            Assert.ThrowsAny<Exception>(() => vault.Open(tenant, "a", changed));
        }
    }

    [Fact]
    public void A_new_key_takes_over_and_what_was_rewrapped_no_longer_needs_the_old_one()
    {
        var tenant = Guid.NewGuid();
        var value = new Vault([Old]).Seal(tenant, "a", "kept");
        var both = new Vault([New, Old]);
        Assert.Equal("kept", both.Open(tenant, "a", value));
        var moved = both.Rewrap(tenant, "a", value);
        Assert.StartsWith(both.Current, moved, StringComparison.Ordinal);
        Assert.Equal("kept", new Vault([New]).Open(tenant, "a", moved));
        Assert.ThrowsAny<CryptographicException>(() => new Vault([New]).Open(tenant, "a", value));
    }

    [Fact]
    public void The_embedded_key_is_a_file_that_only_its_owner_reads_and_processes_that_start_at_once_share_it()
    {
        for (var round = 0; round < 200; round++)
        {
            var folder = Directory.CreateTempSubdirectory("mumega-keys-");
            var keys = Enumerable
                .Range(0, 8)
                .AsParallel()
                .WithDegreeOfParallelism(8)
                .Select(_ => Convert.ToHexString(Vault.KeysIn(folder)[0]))
                .ToList();
            Assert.Single(keys.Distinct());
            var file = Path.Combine(folder.FullName, "encryption.keys");
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            folder.Delete(recursive: true);
        }
    }
}

/// <summary>A secret that is easy to find, and everything that leaves the system while it is in use.</summary>
public abstract class CanaryTests(CanaryApp app)
{
    [Fact]
    public async Task A_connections_secret_is_in_no_log_receipt_answer_error_export_or_row()
    {
        var ct = TestContext.Current.CancellationToken;
        var world = await app.WorldAsync();
        var canary = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes("canary-canary-canary-canary-1234"));
        var plain = System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(canary));
        foreach (var (key, mode) in new[] { ("fine", "ok"), ("broken", "refuses") })
            await app
                .Services.GetRequiredService<Api.Setup.Installation>()
                .AddConnectionAsync(world.Workspace, key, key, app.Receiver.Url(mode), $"whsec_{canary}", false, null, ct);

        var (hermes, otto) = (await world.Hermes, await world.Otto);
        foreach (var key in new[] { "fine", "broken" })
        {
            var run = (
                await hermes.ProposeAsync(
                    world,
                    "webhook.send",
                    new
                    {
                        connection = key,
                        @event = "a.b",
                        data = new { },
                    }
                )
            ).Run();
            await otto.DecideAsync(run);
            await otto.UntilAsync(run, "SUCCEEDED", "FAILED");
        }

        var seen = new List<string> { await Everything(otto, world) };
        foreach (
            var query in new[] { "{ viewer { nonsense } }", "query($k: String!) { workspace(key: $k) { connections { key secret } } }" }
        )
            seen.Add((await otto.AnswerAsync(query, new { k = world.Workspace.Key })).ToString());
        using (
            var hook = await otto.Http.PostAsync($"/hooks/{world.Tenant.Key}/{world.Workspace.Key}/nothing", new StringContent("{}"), ct)
        )
            seen.Add(await hook.Content.ReadAsStringAsync(ct));
        seen.AddRange(app.Log.Lines);

        await using (var db = app.OpenAsOwner())
        {
            var tables = db
                .Model.GetEntityTypes()
                .Where(t => t.GetTableName() is not null && !t.IsMappedToJson())
                .SelectMany(t =>
                    t.GetProperties()
                        .Where(p => p.GetProviderClrType() == typeof(string) || p.ClrType == typeof(string) || p.ClrType == typeof(byte[]))
                        .Select(p => (Table: t.GetTableName()!, Column: p.GetColumnName(), Bytes: p.ClrType == typeof(byte[])))
                )
                .Distinct();
            await db.Database.OpenConnectionAsync(ct);
            foreach (var (table, column, bytes) in tables)
            {
                await using var command = db.Database.GetDbConnection().CreateCommand();
                command.CommandText = $"SELECT \"{column}\" FROM \"{table}\" WHERE \"{column}\" IS NOT NULL";
                await using var rows = await command.ExecuteReaderAsync(ct);
                while (await rows.ReadAsync(ct))
                    seen.Add(bytes ? System.Text.Encoding.Latin1.GetString((byte[])rows.GetValue(0)) : rows.GetValue(0).ToString()!);
            }
        }

        Assert.InRange(seen.Count, 100, 1_000_000);
        Assert.Contains(seen, s => s.Contains("webhook.send", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, s => s.Contains(canary, StringComparison.Ordinal) || s.Contains(plain, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Everything_sealed_is_brought_under_a_new_key_and_still_opens()
    {
        var ct = TestContext.Current.CancellationToken;
        var world = await app.WorldAsync();
        await world.ConnectAsync("crm", "ok");
        await (await world.Otto).UntilAsync((await (await world.Otto).ProposePageAsync(world, "sealed")).Run(), "SUCCEEDED");

        // Only this tenant's rows are looked at afterwards: other tests use the old key meanwhile, and the vault of the application has both.
        var (old, next) = (Convert.FromBase64String(TestServers.EncryptionKey), CanaryApp.NextKey);
        // The application's own round at its start, for which the old key comes first, may come in between.
        var rotation = new SecretRotation(app.Databases, new Vault([next, old]), NullLogger<SecretRotation>.Instance);
        Assert.InRange(await rotation.RotateAsync(ct), 2, int.MaxValue);
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var current = new Vault([next]).Current;
        var value = await Poll.UntilAsync(
            async () =>
            {
                await rotation.RotateAsync(ct);
                return await db.Connections.Select(c => c.SealedSecret).SingleAsync(ct);
            },
            v => v.StartsWith(current, StringComparison.Ordinal)
        );
        Assert.StartsWith("whsec_", new Vault([next]).Open(world.Tenant.Id, Purpose.Connection, value), StringComparison.Ordinal);
        var run = (
            await (await world.Hermes).ProposeAsync(
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
        await (await world.Otto).DecideAsync(run);
        await (await world.Otto).UntilAsync(run, "SUCCEEDED");
    }

    private static async Task<string> Everything(Client client, World world) =>
        (
            await client.AnswerAsync(
                """
                query($key: String!) { workspace(key: $key) {
                  receipts(first: 100) { nodes { id kind entry fields disclosures } } runs(first: 100) { nodes { id input result preflight { checks { detail } } } } families { name actions { kind inputSchema } } } }
                """,
                new { key = world.Workspace.Key }
            )
        ).ToString();
}

/// <summary>An application that remembers what it logs, and whose vault already knows the next key.</summary>
public abstract class CanaryApp : MumegaApp
{
    public static byte[] NextKey { get; } = RandomNumberGenerator.GetBytes(32);

    internal RememberedLog Log { get; } = new();

    protected override void Adjust(WebApplicationBuilder builder)
    {
        builder.Configuration["Keys:Encryption:1"] = Convert.ToBase64String(NextKey);
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(Log);
    }
}

internal sealed class RememberedLog : ILoggerProvider, ILogger
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> lines = new();

    public IReadOnlyCollection<string> Lines => lines;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => lines.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose() { }
}

public sealed class CanarySqliteApp : CanaryApp
{
    protected override Task<(string Kind, string Connection)> DatabaseAsync(string folder) => Task.FromResult(("Sqlite", ""));
}

public sealed class CanaryPostgresApp : CanaryApp
{
    public override string? Missing => TestServers.Postgres is null ? "MUMEGA_TEST_POSTGRES names no server" : null;

    protected override async Task<(string Kind, string Connection)> DatabaseAsync(string folder) =>
        ("Postgres", await TestServers.NewPostgresDatabaseAsync());
}

public sealed class CanaryOnSqlite(CanarySqliteApp app) : CanaryTests(app), IClassFixture<CanarySqliteApp>;

public sealed class CanaryOnPostgres(CanaryPostgresApp app) : CanaryTests(app), IClassFixture<CanaryPostgresApp>;
