using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Api;
using Mumega.Api.Setup;
using Mumega.App.Tests;
using Mumega.App.Tests.Runs;
using Mumega.Infrastructure.Data;

[assembly: AssemblyFixture(typeof(SqliteApp))]
[assembly: AssemblyFixture(typeof(PostgresApp))]
[assembly: AssemblyFixture(typeof(SqlServerApp))]

namespace Mumega.App.Tests;

/// <summary>The whole application in this process, on a real HTTP server and a real database. Tests share it; each has a tenant of its own.</summary>
public abstract class MumegaApp : IAsyncLifetime
{
    private WebApplication? app;
    private string folder = "";
    private (string Kind, string Connection) database;

    public string Address { get; private set; } = "";

    /// <summary>The same over TLS, where clients can show a certificate.</summary>
    public string SecureAddress { get; private set; } = "";

    public IServiceProvider Services => app!.Services;

    public Databases Databases => Services.GetRequiredService<Databases>();

    /// <summary>Why it can't run here, or null when it can.</summary>
    public virtual string? Missing => null;

    /// <summary>How the application's own role reaches the database, and how its owner does; the latter is null where there is one role for everything.</summary>
    internal (string Connection, string? Owner) Database => (database.Connection, Owner);

    /// <summary>The database as its owner sees it, past the walls on a server.</summary>
    internal MumegaDb OpenAsOwner() =>
        Owner is { } owner ? new PostgresDb(new DbContextOptionsBuilder<PostgresDb>().UseNpgsql(owner).Options) : Databases.OpenPlatform();

    private string? Owner => TestServers.OwnerOf(Enum.Parse<DatabaseKind>(database.Kind), database.Connection);

    /// <summary>Takes the place of an outside receiver of webhooks.</summary>
    internal Receiver Receiver { get; } = new();

    /// <summary>A second server on the same database, in a process of its own.</summary>
    internal Task<Neighbour> NeighbourAsync() => NeighbourAsync(database.Connection);

    /// <summary>A server of the same kind on another database.</summary>
    internal async Task<Neighbour> NeighbourAsync(string connection)
    {
        var neighbour = new Neighbour(
            $"http://localhost:{FreePort()}",
            folder,
            $"--PublicAddress={Address}",
            $"--Database:Kind={database.Kind}",
            $"--Database:Connection={connection}",
            $"--Database:Owner={TestServers.OwnerOf(Enum.Parse<DatabaseKind>(database.Kind), connection)}",
            "--Keys:Encryption:0=" + TestServers.EncryptionKey,
            "--SignIn:TokensPerMinute=1000000",
            $"--Keys:Folder={Path.Combine(folder, "keys")}"
        );
        await neighbour.ReadyAsync();
        return neighbour;
    }

    protected abstract Task<(string Kind, string Connection)> DatabaseAsync(string folder);

    /// <summary>All tests sign in from one address.</summary>
    protected virtual int SignInsPerMinute => 1_000_000;

    /// <summary>What is different about this application.</summary>
    protected virtual void Adjust(WebApplicationBuilder builder) { }

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;

        await Receiver.StartAsync();
        folder = Directory.CreateTempSubdirectory("mumega-test-").FullName;
        database = await DatabaseAsync(folder);
        Address = $"http://localhost:{FreePort()}";
        SecureAddress = $"https://localhost:{FreePort()}";
        using (var made = Certificates.New("localhost"))
            await File.WriteAllBytesAsync(
                Certificate,
                made.Export(System.Security.Cryptography.X509Certificates.X509ContentType.Pfx, "test")
            );
        app = await StartAsync($"{Address};{SecureAddress}");
    }

    private string Certificate => Path.Combine(folder, "server.pfx");

    /// <summary>A second node on the same database, in this process, so that it has the same clock. It runs no jobs.</summary>
    internal async Task<(WebApplication Node, string Address)> TwinAsync()
    {
        var address = $"http://localhost:{FreePort()}";
        return (await StartAsync(address, "--Jobs:Run=false"), address);
    }

    private async Task<WebApplication> StartAsync(string urls, params string[] more)
    {
        var started = MumegaHost.Build(
            [
                $"--Urls={urls}",
                $"--Kestrel:Certificates:Default:Path={Certificate}",
                "--Kestrel:Certificates:Default:Password=test",
                $"--PublicAddress={Address}",
                $"--Data={folder}",
                $"--Database:Kind={database.Kind}",
                $"--Database:Connection={database.Connection}",
                $"--Database:Owner={Owner}",
                "--Keys:Encryption:0=" + TestServers.EncryptionKey,
                $"--Outbound:AllowedPrivate:0={Receiver.Host}",
                "--Outbound:Timeout=00:00:02",
                "--Jobs:Poll=00:00:00.100",
                "--GraphQL:RegisteredOnly=false",
                $"--SignIn:PerMinute={SignInsPerMinute}",
                $"--SignIn:TokensPerMinute={SignInsPerMinute}",
                "--Checkpoints:Every=00:00:00.300",
                .. more,
            ],
            b =>
            {
                b.Logging.ClearProviders();
                Adjust(b);
            }
        );
        await started.PrepareAsync(CancellationToken.None);
        await started.StartAsync();
        return started;
    }

    public async ValueTask DisposeAsync()
    {
        if (app is null)
            return;
        await app.DisposeAsync();
        await Receiver.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    public Task<World> WorldAsync()
    {
        if (Missing is { } why)
            Assert.Skip(why);
        return World.CreateAsync(this, Services.GetRequiredService<Installation>());
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

public sealed class SqliteApp : MumegaApp
{
    protected override Task<(string Kind, string Connection)> DatabaseAsync(string folder) => Task.FromResult(("Sqlite", ""));
}

public sealed class PostgresApp : MumegaApp
{
    public override string? Missing => TestServers.Postgres is null ? "MUMEGA_TEST_POSTGRES names no server" : null;

    protected override async Task<(string Kind, string Connection)> DatabaseAsync(string folder) =>
        ("Postgres", await TestServers.NewPostgresDatabaseAsync());
}

public sealed class SqlServerApp : MumegaApp
{
    public override string? Missing => TestServers.SqlServer is null ? "MUMEGA_TEST_SQLSERVER names no server" : null;

    protected override async Task<(string Kind, string Connection)> DatabaseAsync(string folder) =>
        ("SqlServer", await TestServers.NewSqlServerDatabaseAsync());
}

/// <summary>The servers that the environment offers; each app gets a database of its own there.</summary>
internal static class TestServers
{
    public static string? Postgres { get; } = Environment.GetEnvironmentVariable("MUMEGA_TEST_POSTGRES") is { Length: > 0 } s ? s : null;

    /// <summary>What seals secrets in the tests' databases.</summary>
    public static string EncryptionKey { get; } = Convert.ToBase64String(new byte[32]);

    public static string? SqlServer { get; } = Environment.GetEnvironmentVariable("MUMEGA_TEST_SQLSERVER") is { Length: > 0 } s ? s : null;

    public static async Task<string> NewPostgresDatabaseAsync(string? template = null)
    {
        var name = $"mumega_{Guid.NewGuid():N}";
        await using var connection = new Npgsql.NpgsqlConnection(Postgres);
        await connection.OpenAsync();
        await using var create = new Npgsql.NpgsqlCommand($"CREATE DATABASE {name} TEMPLATE {template ?? "template1"}", connection);
        await create.ExecuteNonQueryAsync();
        return new Npgsql.NpgsqlConnectionStringBuilder(Postgres)
        {
            Database = name,
            Username = "mumega_app",
            Password = "mumega",
            MaxPoolSize = 60,
        }.ToString();
    }

    /// <summary>The same database as whoever owns its tables; null where there is one role for everything.</summary>
    public static string? OwnerOf(DatabaseKind kind, string connection) =>
        kind is DatabaseKind.Postgres
            ? new Npgsql.NpgsqlConnectionStringBuilder(Postgres)
            {
                Database = new Npgsql.NpgsqlConnectionStringBuilder(connection).Database,
                MaxPoolSize = 60,
            }.ToString()
            : null;

    public static async Task<string> NewSqlServerDatabaseAsync()
    {
        var name = $"mumega_{Guid.NewGuid():N}";
        await using var connection = new Microsoft.Data.SqlClient.SqlConnection(SqlServer);
        await connection.OpenAsync();
        await using var create = new Microsoft.Data.SqlClient.SqlCommand($"CREATE DATABASE {name}", connection);
        await create.ExecuteNonQueryAsync();
        return new Microsoft.Data.SqlClient.SqlConnectionStringBuilder(SqlServer) { InitialCatalog = name }.ToString();
    }
}

internal sealed class Neighbour : IAsyncDisposable
{
    private readonly System.Diagnostics.Process process;
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> said = new();

    public Neighbour(string address, string folder, params string[] arguments)
    {
        Address = address;
        var start = new System.Diagnostics.ProcessStartInfo("dotnet")
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (
            var argument in (string[])
                [
                    Repository.Server,
                    $"--Urls={address}",
                    $"--Data={Path.Combine(folder, $"neighbour-{new Uri(address).Port}")}",
                    .. arguments,
                ]
        )
            start.ArgumentList.Add(argument);
        process = System.Diagnostics.Process.Start(start)!;
        process.OutputDataReceived += (_, line) => said.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => said.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Address { get; }

    public Task ReadyAsync() =>
        Poll.UntilAsync(
            async () =>
            {
                // One that is gone is not waited for.
                Assert.False(process.HasExited, $"the server ended before it was ready:\n{string.Join('\n', said)}");
                using var http = new HttpClient();
                try
                {
                    using var answer = await http.GetAsync($"{Address}/readyz", TestContext.Current.CancellationToken);
                    return answer.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            ready => ready,
            seconds: 60
        );

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}

internal static class Certificates
{
    /// <summary>A certificate that vouches for itself.</summary>
    public static System.Security.Cryptography.X509Certificates.X509Certificate2 New(string name)
    {
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            $"CN={name}",
            key,
            System.Security.Cryptography.HashAlgorithmName.SHA256,
            System.Security.Cryptography.RSASignaturePadding.Pkcs1
        );
        request.CertificateExtensions.Add(
            new System.Security.Cryptography.X509Certificates.X509EnhancedKeyUsageExtension(
                [new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")],
                false
            )
        );
        request.CertificateExtensions.Add(
            new System.Security.Cryptography.X509Certificates.X509KeyUsageExtension(
                System.Security.Cryptography.X509Certificates.X509KeyUsageFlags.DigitalSignature,
                false
            )
        );
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));

        // A key that lives in memory only can't be used in a handshake everywhere.
        return System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadPkcs12(
            made.Export(System.Security.Cryptography.X509Certificates.X509ContentType.Pfx),
            null
        );
    }
}
