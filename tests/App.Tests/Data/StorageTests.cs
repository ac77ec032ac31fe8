using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.SqlServer.TransactSql.ScriptDom;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runtime;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;

namespace Mumega.App.Tests.Data;

public sealed class ModelTests
{
    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres, DatabaseKind.SqlServer];

    private static MumegaDb Open(DatabaseKind kind) =>
        new Databases(
            new()
            {
                Kind = kind,
                Connection = kind switch
                {
                    DatabaseKind.Sqlite => "Data Source=:memory:",
                    DatabaseKind.Postgres => "Host=localhost",
                    _ => "Server=localhost",
                },
            }
        ).OpenPlatform();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_migrations_are_up_to_date_with_the_model(DatabaseKind kind)
    {
        using var db = Open(kind);
        Assert.False(db.Database.HasPendingModelChanges());
    }

    [Fact]
    public void Every_test_that_the_security_page_names_is_one()
    {
        var named = System
            .Text.RegularExpressions.Regex.Matches(
                File.ReadAllText(Path.Combine(Repository.Root, "docs", "security.md")),
                "`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`"
            )
            .Select(m => m.Groups[1].Value)
            .ToHashSet();
        var tests = typeof(ModelTests)
            .Assembly.GetTypes()
            .SelectMany(t => t.GetMethods())
            .Where(m => m.GetCustomAttributes(typeof(FactAttribute), inherit: true).Length > 0)
            .Select(m => m.Name)
            .ToHashSet();
        Assert.InRange(named.Count, 30, 200);
        Assert.Empty(named.Except(tests));
    }

    [Fact]
    public void Every_migration_script_for_SQL_Server_is_valid_T_SQL()
    {
        using var db = Open(DatabaseKind.SqlServer);
        var script = db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent);
        new TSql160Parser(initialQuotedIdentifiers: true).Parse(new StringReader(script), out var errors);
        Assert.Empty(errors.Select(e => $"{e.Line}: {e.Message}"));
        Assert.Contains("Receipts_append_only", script, StringComparison.Ordinal);
    }

    [Fact]
    public void The_walls_of_SQL_Server_are_valid_T_SQL_and_stand_around_every_table_with_a_tenant()
    {
        using var db = Open(DatabaseKind.SqlServer);
        var walls = Walls.Of(db.Model);
        foreach (var batch in Walls.SqlServerScript(walls, ["Receipts"], "app"))
        {
            new TSql160Parser(initialQuotedIdentifiers: true).Parse(new StringReader(batch), out var errors);
            Assert.Empty(errors.Select(e => $"{batch[..Math.Min(80, batch.Length)]}: {e.Message}"));
        }

        var owned = db
            .Model.GetEntityTypes()
            .Where(t => t.ClrType.IsAssignableTo(typeof(ITenantOwned)) || t.FindProperty("TenantId") is not null)
            .Select(t => t.GetTableName()!)
            .Append("Tenants");
        Assert.Equal(owned.Order(StringComparer.Ordinal), walls.Select(w => w.Table).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["AspNetUsers", "Jobs", "ReceiptPlaces", "Tenants"],
            walls.Where(w => w.ByPlatform).Select(w => w.Table).Order(StringComparer.Ordinal)
        );
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_owned_row_is_filtered_and_every_key_and_reference_starts_with_the_tenant(DatabaseKind kind)
    {
        using var db = Open(kind);
        Type[] tenantWide = [typeof(Stop), typeof(StopProbe), typeof(RoleBinding), typeof(Domain.Members.AuthorityOverride)];
        foreach (var type in db.Model.GetEntityTypes().Where(t => t.ClrType.IsAssignableTo(typeof(ITenantOwned))))
        {
            var byWorkspace = type.ClrType.IsAssignableTo(typeof(IWorkspaceOwned)) && !tenantWide.Contains(type.ClrType);
            Assert.Equal(byWorkspace ? ["tenant", "workspace"] : ["tenant"], type.GetDeclaredQueryFilters().Select(f => f.Key).Order());
            Assert.Equal("TenantId", type.FindPrimaryKey()!.Properties[0].Name);
            if (type.ClrType.IsAssignableTo(typeof(IWorkspaceOwned)))
                Assert.Equal("WorkspaceId", type.FindPrimaryKey()!.Properties[1].Name);
            Assert.All(type.GetForeignKeys(), key => Assert.Equal("TenantId", key.Properties[0].Name));
            Assert.All(type.GetIndexes().Where(i => i.IsUnique), index => Assert.Equal("TenantId", index.Properties[0].Name));
        }
    }

    [Fact]
    public void The_layers_only_point_downward()
    {
        static string[] References(Type type) =>
            [
                .. type
                    .Assembly.GetReferencedAssemblies()
                    .Select(a => a.Name!)
                    .Where(n => !n.StartsWith("System", StringComparison.Ordinal) && n != "netstandard"),
            ];
        Assert.Empty(References(typeof(Cedar.PolicySet)));
        Assert.Equal(["BouncyCastle.Cryptography"], References(typeof(TransparencyLog.CanonicalJson)));
        Assert.All(References(typeof(Receipt)), name => Assert.Contains(name, new[] { "Mumega.Cedar", "Mumega.TransparencyLog" }));
        Assert.DoesNotContain(References(typeof(MumegaDb)), name => name is "Mumega.Jobs" or "Mumega.Api");
        Assert.DoesNotContain("Mumega.Api", References(typeof(Jobs.Worker)));
    }
}

public abstract class StorageTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Receipts", "UPDATE \"Receipts\" SET \"Kind\" = 'x'")]
    [InlineData("Receipts", "DELETE FROM \"Receipts\"")]
    [InlineData("ApprovalDecisions", "DELETE FROM \"ApprovalDecisions\"")]
    [InlineData("PageRevisions", "UPDATE \"PageRevisions\" SET \"Markdown\" = 'x'")]
    public async Task The_database_itself_refuses_to_change_what_is_append_only(string table, string sql)
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        var run = (await (await world.Hermes).ProposePageAsync(world, "kept")).Run();
        await otto.DecideAsync(run);
        await otto.UntilAsync(run, "SUCCEEDED");

        await using var db = app.OpenAsOwner();
        var error = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() =>
            db.WriteAsync(() => db.Database.ExecuteSqlRawAsync(sql, Ct), Ct)
        );
        Assert.Contains($"{table} is append-only", error.Message, StringComparison.Ordinal);
        if (app.Database.Owner is null)
            return;

        await using var own = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        error = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => own.Database.ExecuteSqlRawAsync(sql, Ct));
        Assert.Contains("permission denied", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_database_itself_refuses_a_reference_into_another_tenant()
    {
        var (mine, theirs) = (await app.WorldAsync(), await app.WorldAsync());
        var run = (await (await theirs.Otto).ProposeAsync(theirs, "runtime.set", new { key = "a", value = 1 })).Run();
        var theirRun = Runs.RaceTests.RunId(run);

        // Past every guard of ours: raw SQL with our tenant and their run.
        await using var db = app.OpenAsOwner();
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() =>
            db.WriteAsync(
                () =>
                    db.Database.ExecuteSqlAsync(
                        $"""INSERT INTO "Approvals" ("TenantId", "WorkspaceId", "Id", "RunId", "Digest", "State", "CreatedAt", "ExpiresAt", "Round", "Version") SELECT {mine.Tenant.Id}, {mine.Workspace.Id}, {Guid.NewGuid()}, {theirRun}, '', 'Pending', "CreatedAt", "CreatedAt", 0, 0 FROM "Runs" WHERE "Id" = {theirRun}""",
                        Ct
                    ),
                Ct
            )
        );
    }

    [Fact]
    public async Task A_write_for_another_tenant_or_workspace_is_refused_before_the_database_sees_it()
    {
        var (mine, theirs) = (await app.WorldAsync(), await app.WorldAsync());
        var side = await mine.OtherWorkspaceAsync();
        await using var db = app.Databases.Open(mine.Tenant.Id, mine.Workspace.Id);
        foreach (var (tenant, workspace) in new[] { (theirs.Tenant.Id, theirs.Workspace.Id), (mine.Tenant.Id, side.Workspace.Id) })
        {
            db.Add(
                new ProfileEntry
                {
                    TenantId = tenant,
                    WorkspaceId = workspace,
                    Key = "x",
                }
            );
            await Assert.ThrowsAsync<GuardException>(() => db.SaveChangesAsync(Ct));
            db.ChangeTracker.Clear();
        }
    }

    [Fact]
    public async Task A_context_without_a_tenant_sees_and_writes_nothing_owned()
    {
        var world = await app.WorldAsync();
        await (await world.Otto).UntilAsync((await (await world.Otto).ProposePageAsync(world, "seen")).Run(), "SUCCEEDED");
        await using var none = app.Databases.OpenPlatform();
        Assert.False(await none.Pages.AnyAsync(Ct));
        Assert.False(await none.Runs.AnyAsync(Ct));
        Assert.False(await none.Receipts.AnyAsync(Ct));
        Assert.False(await none.Principals.AnyAsync(Ct));
        await using var tenant = app.Databases.OpenTenant(world.Tenant.Id);
        Assert.False(await tenant.Pages.AnyAsync(Ct));
        Assert.True(await tenant.Principals.AnyAsync(Ct));
    }

    [Fact]
    public async Task A_run_that_changes_without_a_receipt_is_not_committed()
    {
        var world = await app.WorldAsync();
        var run = (await (await world.Hermes).ProposePageAsync(world, "silent")).Run();
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var row = await db.Runs.SingleAsync(r => r.Id == Runs.RaceTests.RunId(run), Ct);
        row.UndoEnded(true, TimeProvider.System.GetUtcNow());
        await Assert.ThrowsAsync<GuardException>(() => db.SaveChangesAsync(Ct));
    }
}

/// <summary>What row-level security makes of raw SQL on the application's own connection.</summary>
public sealed class WallTests(PostgresApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Raw_SQL_on_the_applications_connection_sees_only_the_tenant_and_nothing_before_one_is_set()
    {
        var (mine, theirs) = (await app.WorldAsync(), await app.WorldAsync());
        foreach (var world in new[] { mine, theirs })
            await (await world.Otto).UntilAsync((await (await world.Otto).ProposePageAsync(world, "walled")).Run(), "SUCCEEDED");
        await using var model = app.Databases.OpenPlatform();
        var walls = Walls.Of(model.Model);
        Assert.InRange(walls.Count, 40, 200);

        // One connection, so that each lease of it follows another tenant's.
        await using var pool = Npgsql.NpgsqlDataSource.Create(
            new Npgsql.NpgsqlConnectionStringBuilder(app.Database.Connection) { MinPoolSize = 1, MaxPoolSize = 1 }.ToString()
        );
        foreach (var wall in walls)
        {
            await using (var lease = await pool.OpenConnectionAsync(Ct))
            {
                await ScalarAsync(
                    lease,
                    $"SELECT set_config('{Walls.Tenant}', '{mine.Tenant.Id}', false), set_config('{Walls.Workspace}', '{mine.Workspace.Id}', false)"
                );
                Assert.Equal(
                    0L,
                    await ScalarAsync(lease, $"""SELECT count(*) FROM "{wall.Table}" WHERE "{wall.Column}" <> '{mine.Tenant.Id}'""")
                );
                if (wall.ByWorkspace)
                    Assert.Equal(
                        0L,
                        await ScalarAsync(lease, $"""SELECT count(*) FROM "{wall.Table}" WHERE "WorkspaceId" <> '{mine.Workspace.Id}'""")
                    );
            }

            await using var next = await pool.OpenConnectionAsync(Ct);
            Assert.Equal(0L, await ScalarAsync(next, $"""SELECT count(*) FROM "{wall.Table}" """));
        }

        await using var db = app.Databases.Open(mine.Tenant.Id, mine.Workspace.Id);
        Assert.Equal(1, await db.Database.SqlQueryRaw<int>("""SELECT count(*)::int AS "Value" FROM "Pages" """).SingleAsync(Ct));
        var foreign = await Assert.ThrowsAsync<Npgsql.PostgresException>(() =>
            db.Database.ExecuteSqlAsync(
                $"""INSERT INTO "ProfileEntries" ("TenantId", "WorkspaceId", "Key", "Value", "UpdatedAt", "Version") VALUES ({theirs.Tenant.Id}, {theirs.Workspace.Id}, 'x', '1', now(), 0)""",
                Ct
            )
        );
        Assert.Contains("row-level security", foreign.Message, StringComparison.Ordinal);
        Assert.Equal(
            0,
            await db.Database.ExecuteSqlAsync($"""UPDATE "Pages" SET "Slug" = 'gone' WHERE "TenantId" = {theirs.Tenant.Id}""", Ct)
        );
    }

    [Fact]
    public async Task The_applications_role_owns_nothing_and_can_change_nothing_but_rows()
    {
        var world = await app.WorldAsync();
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        foreach (
            var sql in new[]
            {
                "ALTER TABLE \"Pages\" DISABLE ROW LEVEL SECURITY",
                "ALTER TABLE \"Pages\" NO FORCE ROW LEVEL SECURITY",
                "DROP POLICY wall ON \"Pages\"",
                "TRUNCATE \"Pages\" CASCADE",
                "ALTER TABLE \"Receipts\" DISABLE TRIGGER ALL",
                "DROP TABLE \"Pages\"",
                "CREATE TABLE mine (a int)",
                "SET ROLE postgres",
                "SET SESSION AUTHORIZATION postgres",
                "DELETE FROM \"__EFMigrationsHistory\"",
                "SET session_replication_role = replica",
            }
        )
        {
            var error = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => db.Database.ExecuteSqlRawAsync(sql, Ct));
            Assert.Equal("42501", error.SqlState);
        }
    }

    [Fact]
    public async Task Every_table_with_a_tenant_has_its_wall()
    {
        await app.WorldAsync();
        await using var owner = app.OpenAsOwner();
        var open = await owner
            .Database.SqlQueryRaw<string>(
                """
                SELECT c.relname AS "Value" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') AND (c.relname = 'Tenants' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'TenantId'))
                  AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL))
                """
            )
            .ToListAsync(Ct);
        Assert.Empty(open);
    }

    [Fact]
    public async Task A_role_that_walls_do_not_bind_and_a_pool_that_keeps_sessions_are_refused_at_start()
    {
        await app.WorldAsync();
        var super = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            new Databases(new() { Kind = DatabaseKind.Postgres, Connection = app.Database.Owner! }).MigrateAsync(Ct)
        );
        Assert.Contains("row-level security does not bind", super.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() =>
            new Databases(new() { Kind = DatabaseKind.Postgres, Connection = $"{app.Database.Connection};No Reset On Close=true" })
        );
    }

    private static async Task<object?> ScalarAsync(Npgsql.NpgsqlConnection connection, string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct);
    }
}

public sealed class StorageOnSqlite(SqliteApp app) : StorageTests(app);

public sealed class StorageOnPostgres(PostgresApp app) : StorageTests(app);
