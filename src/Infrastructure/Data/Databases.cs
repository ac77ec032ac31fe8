using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mumega.Infrastructure.Data;

public enum DatabaseKind
{
    Sqlite,
    Postgres,
    SqlServer,
}

/// <summary>Which database to use. From the configuration section <c>Database</c>.</summary>
public sealed class DatabaseOptions
{
    public DatabaseKind Kind { get; set; } = DatabaseKind.Sqlite;

    /// <summary>An ADO.NET connection string. On SQLite a file of the data folder by default.</summary>
    public string Connection { get; set; } = "";

    /// <summary>On a server: the connection string of who owns the tables and brings the schema up to date, so that the application's own role owns nothing. Left out, it is the same.</summary>
    public string? Owner { get; set; }

    /// <summary>Lets the application start although its role on a server is one that row-level security does not bind (a superuser, or one with BYPASSRLS). For trying things out.</summary>
    public bool AllowBypass { get; set; }
}

/// <summary>The one way to open the database: always for a tenant and a workspace, or for none.</summary>
public sealed class Databases
{
    private const int Pool = 256;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    private readonly CompiledQueries queries = new();
    private readonly SemaphoreSlim? writer;
    private readonly Func<MumegaDb> rent;

    private readonly DatabaseOptions options;

    public Databases(DatabaseOptions options)
    {
        this.options = options;
        Kind = options.Kind;
        switch (options.Kind)
        {
            case DatabaseKind.Sqlite:
                // "Default Timeout" is how long a command waits for another process's write lock.
                var connection = new SqliteConnectionStringBuilder(options.Connection)
                {
                    ForeignKeys = true,
                    DefaultTimeout = 30,
                    Pooling = true,
                };
                writer = new(1, 1);
                rent = Build(new DbContextOptionsBuilder<SqliteDb>().UseSqlite(connection.ToString()));
                break;
            case DatabaseKind.Postgres:
                // The pool's reset is what keeps one tenant's session out of the next lease; statements stay prepared over it.
                var server = new NpgsqlConnectionStringBuilder(options.Connection);
                if (server.NoResetOnClose)
                    throw new InvalidOperationException(
                        "\"No Reset On Close\" in the connection string would hand one tenant's session to the next. Leave it out."
                    );
                if (
                    !new System.Data.Common.DbConnectionStringBuilder { ConnectionString = options.Connection }.ContainsKey(
                        "Max Auto Prepare"
                    )
                )
                    server.MaxAutoPrepare = 200;
                rent = Build(new DbContextOptionsBuilder<PostgresDb>().UseNpgsql(server.ToString()).AddInterceptors(new ConnectionOwner()));
                break;
            default:
                rent = Build(
                    new DbContextOptionsBuilder<SqlServerDb>().UseSqlServer(options.Connection).AddInterceptors(new ConnectionOwner())
                );
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

    /// <summary>
    /// Waits until no other node is getting ready on this database, and keeps others waiting until what it returns is disposed of. The database server holds it for the connection, so that a node
    /// which dies holds up nobody. The embedded database has one process.
    /// </summary>
    public async Task<IAsyncDisposable?> TakeTurnAsync(ILogger log, CancellationToken ct)
    {
        if (Kind is DatabaseKind.Sqlite)
            return null;

        await using (var db = OpenAsOwner())
            await CreateAsync(db, ct);
        var (connection, sql) = Turn();
        try
        {
            await connection.OpenAsync(ct);
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            for (var waits = 0; await command.ExecuteScalarAsync(ct) is not true; waits++)
            {
                if (waits == 0)
                    log.LogInformation("Another node is getting ready on this database. This one waits for its turn.");
                await Task.Delay(Wait, ct);
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private (System.Data.Common.DbConnection Connection, string Sql) Turn() =>
        Kind is DatabaseKind.Postgres
            ? (new NpgsqlConnection(OwnersConnection), "SELECT pg_try_advisory_lock(8316540197)")
            : (
                new Microsoft.Data.SqlClient.SqlConnection(OwnersConnection),
                "DECLARE @got int; EXEC @got = sp_getapplock @Resource = N'mumega.start', @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT CAST(IIF(@got >= 0, 1, 0) AS bit)"
            );

    // Out of no pool: it is needed once, and one that is given back there may keep its session, and with it the lock.
    private string OwnersConnection =>
        (HasOwner ? options.Owner! : options.Connection) is var owner && Kind is DatabaseKind.Postgres
            ? new NpgsqlConnectionStringBuilder(owner) { Pooling = false }.ToString()
            : new Microsoft.Data.SqlClient.SqlConnectionStringBuilder(owner) { Pooling = false }.ToString();

    private static async Task CreateAsync(MumegaDb db, CancellationToken ct)
    {
        var creator = db.GetService<IRelationalDatabaseCreator>();
        if (await creator.ExistsAsync(ct))
            return;

        try
        {
            await creator.CreateAsync(ct);
        }
        catch (System.Data.Common.DbException)
        {
            // Another node may have been faster.
            if (!await creator.ExistsAsync(ct))
                throw;
        }
    }

    /// <summary>
    /// Creates or updates the schema, as its owner; whoever calls it has the turn. On SQLite it also turns on write-ahead logging, which stays on; on a server it raises the walls between tenants, and refuses to go on where they would
    /// not bind the application's role.
    /// </summary>
    public async Task MigrateAsync(CancellationToken ct)
    {
        await using (var db = OpenAsOwner())
        {
            // A start with nothing to bring up to date is the usual one; Migrate would compare whole models first.
            if ((await db.Database.GetPendingMigrationsAsync(ct)).Any())
                await db.Database.MigrateAsync(ct);
            if (Kind is DatabaseKind.Sqlite)
                await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode=WAL", ct);
            if (Kind is not DatabaseKind.Sqlite)
                await WallAsync(db, ct);
        }

        if (Kind is DatabaseKind.Postgres && !options.AllowBypass)
        {
            await using var own = OpenPlatform();
            var bypasses = await own
                .Database.SqlQuery<bool>($"SELECT (rolsuper OR rolbypassrls) AS \"Value\" FROM pg_roles WHERE rolname = current_user")
                .SingleAsync(ct);
            if (bypasses)
                throw new InvalidOperationException(
                    "The application's database role is one that row-level security does not bind. Give it a role of its own in Database:Connection and put this one in Database:Owner, or set Database:AllowBypass."
                );
        }
    }

    // Another role than the application's, where one is given.
    private MumegaDb OpenAsOwner()
    {
        if (!HasOwner)
            return OpenPlatform();

        MumegaDb db =
            Kind is DatabaseKind.Postgres
                ? new PostgresDb(new DbContextOptionsBuilder<PostgresDb>().UseNpgsql(OwnersConnection).Options)
                : new SqlServerDb(new DbContextOptionsBuilder<SqlServerDb>().UseSqlServer(OwnersConnection).Options);
        return db.For(Guid.Empty, Guid.Empty, queries, writer);
    }

    private async Task WallAsync(MumegaDb db, CancellationToken ct)
    {
        var walls = Walls.Of(db.Model);
        var appendOnly = AppendOnly.Tables.Select(t => db.Model.FindEntityType(t)!.GetTableName()!);

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (Kind is DatabaseKind.Postgres)
        {
            var role = HasOwner
                ? new NpgsqlConnectionStringBuilder(options.Connection).Username
                    ?? throw new InvalidOperationException("Database:Connection names no user.")
                : null;
            var script = Walls.PostgresScript(walls, appendOnly, role);

            // What is as it should be is left alone: raising a wall locks its table.
            var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(script)));
            var raised = await db
                .Database.SqlQuery<string?>(
                    $"SELECT (SELECT obj_description(oid, 'pg_policy') FROM pg_policy WHERE polname = 'wall' AND polrelid = '\"Tenants\"'::regclass) AS \"Value\""
                )
                .SingleAsync(ct);
            if (raised == digest)
                return;

            if (role is not null)
                await CreateRoleAsync(db, role, ct);
            await RunAsync(db, $"{script}COMMENT ON POLICY wall ON \"Tenants\" IS '{digest}'", ct);
        }
        else
        {
            var predicates = await db
                .Database.SqlQuery<int>(
                    $"SELECT COUNT(*) AS [Value] FROM sys.security_predicates p JOIN sys.security_policies s ON s.object_id = p.object_id WHERE s.name = 'mumega_walls' AND s.is_enabled = 1"
                )
                .SingleAsync(ct);
            if (predicates == walls.Count * 2)
                return;

            // Its login is made by whoever runs the server; here it gets its place in this database.
            var role = HasOwner ? new Microsoft.Data.SqlClient.SqlConnectionStringBuilder(options.Connection).UserID : null;
            if (role is not null)
                await RunAsync(
                    db,
                    $"IF DATABASE_PRINCIPAL_ID(N'{role.Replace("'", "''", StringComparison.Ordinal)}') IS NULL CREATE USER [{role.Replace("]", "]]", StringComparison.Ordinal)}]",
                    ct
                );
            foreach (var batch in Walls.SqlServerScript(walls, appendOnly, role))
                await RunAsync(db, batch, ct);
        }

        await transaction.CommitAsync(ct);
    }

    private bool HasOwner => options.Owner is { Length: > 0 };

    // Braces would be taken for parameters.
    private static Task<int> RunAsync(MumegaDb db, string sql, CancellationToken ct) =>
        db.Database.ExecuteSqlRawAsync(sql.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal), ct);

    // The role is made with the password of the application's own connection string, so that two strings are all that has to be set up.
    private async Task CreateRoleAsync(MumegaDb db, string role, CancellationToken ct)
    {
        if (await db.Database.SqlQuery<bool>($"SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {role}) AS \"Value\"").SingleAsync(ct))
            return;

        var password = new NpgsqlConnectionStringBuilder(options.Connection).Password;
        var statement = await db
            .Database.SqlQuery<string>(
                $"SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD %L', {role}, {password}::text) AS \"Value\""
            )
            .SingleAsync(ct);
        await RunAsync(db, statement, ct);
    }

    /// <summary>Whether a failed commit lost a race that a fresh attempt may win: a changed version, a taken key, a deadlock.</summary>
    public static bool IsRace(Exception e) =>
        e switch
        {
            DbUpdateConcurrencyException => true,
            DbUpdateException { InnerException: { } inner } => IsRace(inner),
            SqliteException s => s.SqliteErrorCode is 5 or 6 || s.SqliteExtendedErrorCode is 1555 or 2067,
            Npgsql.PostgresException p => p.SqlState is "23505" or "40001" or "40P01",
            Microsoft.Data.SqlClient.SqlException s => s.Number is 2601 or 2627 or 1205 or 3960,
            InvalidOperationException { InnerException: DbUpdateException inner } => IsRace(inner),
            _ => false,
        };

    private static Func<MumegaDb> Build<T>(DbContextOptionsBuilder<T> builder)
        where T : MumegaDb
    {
        builder.ConfigureWarnings(w => w.Ignore(CoreEventId.PossibleIncorrectRequiredNavigationWithQueryFilterInteractionWarning));
        return new PooledDbContextFactory<T>(builder.Options, Pool).CreateDbContext;
    }
}
