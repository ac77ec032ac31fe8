using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace Mumega.Infrastructure.Data;

public enum DatabaseKind { Sqlite, Postgres, SqlServer }

/// <summary>Which database to use. From the configuration section <c>Database</c>.</summary>
public sealed class DatabaseOptions
{
    public DatabaseKind Kind { get; set; } = DatabaseKind.Sqlite;

    /// <summary>An ADO.NET connection string. On SQLite a file of the data folder by default.</summary>
    public string Connection { get; set; } = "";
}

/// <summary>The one way to open the database: always for a tenant and a workspace, or for none.</summary>
public sealed class Databases
{
    private const int Pool = 256;

    private readonly CompiledQueries queries = new();
    private readonly SemaphoreSlim? writer;
    private readonly Func<MumegaDb> rent;

    public Databases(DatabaseOptions options)
    {
        Kind = options.Kind;
        switch (options.Kind)
        {
            case DatabaseKind.Sqlite:
                // "Default Timeout" is how long a command waits for another process's write lock.
                var connection = new SqliteConnectionStringBuilder(options.Connection) { ForeignKeys = true, DefaultTimeout = 30, Pooling = true };
                writer = new(1, 1);
                rent = Build(new DbContextOptionsBuilder<SqliteDb>().UseSqlite(connection.ToString()));
                break;
            case DatabaseKind.Postgres:
                // Statements are prepared once a connection; no session state is kept on one that would need a reset.
                var server = new NpgsqlConnectionStringBuilder(options.Connection) { NoResetOnClose = true };
                if (!new System.Data.Common.DbConnectionStringBuilder { ConnectionString = options.Connection }.ContainsKey("Max Auto Prepare")) server.MaxAutoPrepare = 200;
                rent = Build(new DbContextOptionsBuilder<PostgresDb>().UseNpgsql(server.ToString()));
                break;
            default:
                rent = Build(new DbContextOptionsBuilder<SqlServerDb>().UseSqlServer(options.Connection));
                break;
        }
    }

    public DatabaseKind Kind { get; }

    /// <summary>What one workspace may see and write.</summary>
    public MumegaDb Open(Guid tenantId, Guid workspaceId) => rent().For(tenantId, workspaceId, queries, writer);

    /// <summary>What the tenant as such owns (its workspaces, principals, policies, addresses), nothing inside a workspace.</summary>
    public MumegaDb OpenTenant(Guid tenantId) => Open(tenantId, Guid.Empty);

    /// <summary>No owned row at all: sign-in, tokens, the list of tenants, jobs.</summary>
    public MumegaDb OpenPlatform() => Open(Guid.Empty, Guid.Empty);

    /// <summary>Creates or updates the schema. On SQLite it also turns on write-ahead logging, which stays on.</summary>
    public async Task MigrateAsync(CancellationToken ct)
    {
        await using var db = OpenPlatform();
        await db.Database.MigrateAsync(ct);
        if (Kind is DatabaseKind.Sqlite) await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode=WAL", ct);
    }

    /// <summary>Whether a failed commit lost a race that a fresh attempt may win: a changed version, a taken key, a deadlock.</summary>
    public static bool IsRace(Exception e) => e switch
    {
        DbUpdateConcurrencyException => true,
        DbUpdateException { InnerException: { } inner } => IsRace(inner),
        SqliteException s => s.SqliteErrorCode is 5 or 6 || s.SqliteExtendedErrorCode is 1555 or 2067,
        Npgsql.PostgresException p => p.SqlState is "23505" or "40001" or "40P01",
        Microsoft.Data.SqlClient.SqlException s => s.Number is 2601 or 2627 or 1205 or 3960,
        InvalidOperationException { InnerException: DbUpdateException inner } => IsRace(inner),
        _ => false,
    };

    private static Func<MumegaDb> Build<T>(DbContextOptionsBuilder<T> builder) where T : MumegaDb
    {
        builder.ConfigureWarnings(w => w.Ignore(CoreEventId.PossibleIncorrectRequiredNavigationWithQueryFilterInteractionWarning));
        return new PooledDbContextFactory<T>(builder.Options, Pool).CreateDbContext;
    }
}
