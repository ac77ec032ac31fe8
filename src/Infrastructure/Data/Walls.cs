using System.Data.Common;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Metadata;
using Mumega.Domain.Tenancy;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// Row-level security on the servers: whatever SQL is sent on the application's connection, it reaches the rows of the tenant and workspace that
/// the connection was opened for, and on a connection that was opened for nobody none at all. The model says which tables there are, so that a new one has its wall
/// by itself.
/// </summary>
internal static class Walls
{
    internal const string Tenant = "mumega.tenant";
    internal const string Workspace = "mumega.workspace";
    internal const string Platform = "mumega.platform";

    /// <summary>Who sees a table's rows.</summary>
    /// <param name="Table">Its name.</param>
    /// <param name="Column">The column with the tenant.</param>
    /// <param name="ByWorkspace">Only the workspace's own; otherwise all of the tenant.</param>
    /// <param name="ByPlatform">Also the platform itself, which looks through all tenants for what is due.</param>
    internal sealed record Wall(string Table, string Column, bool ByWorkspace, bool ByPlatform);

    /// <summary>Every table that holds rows of tenants.</summary>
    public static IReadOnlyList<Wall> Of(IModel model) =>
        [
            .. from type in model.GetEntityTypes()
            let table = type.GetTableName()
            where table is not null
            let tenant = type.ClrType == typeof(Domain.Tenancy.Tenant)
                ? nameof(Domain.Tenancy.Tenant.Id)
                : type.FindProperty("TenantId")?.Name
            where tenant is not null
            orderby table
            select new Wall(
                table,
                tenant,
                type.GetDeclaredQueryFilters().Any(f => f.Key == "workspace"),
                !type.ClrType.IsAssignableTo(typeof(ITenantOwned))
            ),
        ];

    /// <summary>The statements that raise the walls on PostgreSQL, and let the application's role in without letting it own anything, if it is not the owner's. They can be repeated.</summary>
    public static string PostgresScript(IReadOnlyList<Wall> walls, IEnumerable<string> appendOnly, string? role)
    {
        var script = new StringBuilder();
        foreach (var wall in walls)
        {
            var condition = $"\"{wall.Column}\" = NULLIF(current_setting('{Tenant}', true), '')::uuid";
            if (wall.ByWorkspace)
                condition += $" AND \"WorkspaceId\" = NULLIF(current_setting('{Workspace}', true), '')::uuid";
            if (wall.ByPlatform)
                condition = $"({condition}) OR current_setting('{Platform}', true) = 'on'";
            script.AppendLine(
                CultureInfo.InvariantCulture,
                $"ALTER TABLE \"{wall.Table}\" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            );
            script.AppendLine(CultureInfo.InvariantCulture, $"DROP POLICY IF EXISTS wall ON \"{wall.Table}\";");
            script.AppendLine(
                CultureInfo.InvariantCulture,
                $"CREATE POLICY wall ON \"{wall.Table}\" USING ({condition}) WITH CHECK ({condition});"
            );
        }

        if (role is null)
            return script.ToString();

        var to = $"\"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        script.AppendLine(CultureInfo.InvariantCulture, $"GRANT USAGE ON SCHEMA public TO {to};");
        script.AppendLine(CultureInfo.InvariantCulture, $"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {to};");
        script.AppendLine(CultureInfo.InvariantCulture, $"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {to};");
        foreach (var table in appendOnly)
            script.AppendLine(CultureInfo.InvariantCulture, $"REVOKE UPDATE, DELETE ON \"{table}\" FROM {to};");
        script.AppendLine(CultureInfo.InvariantCulture, $"REVOKE INSERT, UPDATE, DELETE ON \"__EFMigrationsHistory\" FROM {to};");
        script.AppendLine(CultureInfo.InvariantCulture, $"CREATE SCHEMA IF NOT EXISTS hangfire; GRANT ALL ON SCHEMA hangfire TO {to};");
        return script.ToString();
    }

    /// <summary>The same for SQL Server: one security policy whose predicates filter what is read and refuse what is written.</summary>
    public static IReadOnlyList<string> SqlServerScript(IReadOnlyList<Wall> walls, IEnumerable<string> appendOnly, string? role)
    {
        const string Condition = "@TenantId = CAST(SESSION_CONTEXT(N'mumega.tenant') AS uniqueidentifier)";
        List<string> batches =
        [
            "DROP SECURITY POLICY IF EXISTS [mumega_walls]",
            "DROP FUNCTION IF EXISTS [dbo].[mumega_tenant]",
            "DROP FUNCTION IF EXISTS [dbo].[mumega_workspace]",
            "DROP FUNCTION IF EXISTS [dbo].[mumega_platform]",
            $"CREATE FUNCTION [dbo].[mumega_tenant](@TenantId uniqueidentifier) RETURNS TABLE WITH SCHEMABINDING AS RETURN SELECT 1 AS [seen] WHERE {Condition}",
            $"CREATE FUNCTION [dbo].[mumega_workspace](@TenantId uniqueidentifier, @WorkspaceId uniqueidentifier) RETURNS TABLE WITH SCHEMABINDING AS RETURN SELECT 1 AS [seen] WHERE {Condition} AND @WorkspaceId = CAST(SESSION_CONTEXT(N'mumega.workspace') AS uniqueidentifier)",
            $"CREATE FUNCTION [dbo].[mumega_platform](@TenantId uniqueidentifier) RETURNS TABLE WITH SCHEMABINDING AS RETURN SELECT 1 AS [seen] WHERE {Condition} OR CAST(SESSION_CONTEXT(N'mumega.platform') AS nvarchar(3)) = N'on'",
        ];
        var predicates = walls.SelectMany(wall =>
        {
            var predicate =
                wall.ByPlatform ? $"[dbo].[mumega_platform]([{wall.Column}])"
                : wall.ByWorkspace ? $"[dbo].[mumega_workspace]([{wall.Column}], [WorkspaceId])"
                : $"[dbo].[mumega_tenant]([{wall.Column}])";
            return new[]
            {
                $"ADD FILTER PREDICATE {predicate} ON [dbo].[{wall.Table}]",
                $"ADD BLOCK PREDICATE {predicate} ON [dbo].[{wall.Table}]",
            };
        });
        batches.Add($"CREATE SECURITY POLICY [mumega_walls] {string.Join(", ", predicates)} WITH (STATE = ON)");
        if (role is null)
            return batches;

        var to = $"[{role.Replace("]", "]]", StringComparison.Ordinal)}]";
        batches.Add("IF SCHEMA_ID(N'HangFire') IS NULL EXEC(N'CREATE SCHEMA [HangFire]')");
        batches.Add($"GRANT CONTROL ON SCHEMA::[HangFire] TO {to}");
        batches.Add($"GRANT CREATE TABLE TO {to}");
        batches.Add($"GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[dbo] TO {to}");
        batches.AddRange(appendOnly.Select(table => $"DENY UPDATE, DELETE ON [dbo].[{table}] TO {to}"));
        batches.Add($"DENY INSERT, UPDATE, DELETE ON [dbo].[__EFMigrationsHistory] TO {to}");
        return batches;
    }
}

/// <summary>Tells the server for whom a connection was opened, every time that one comes out of the pool, which forgets it when it is given back.</summary>
internal sealed class ConnectionOwner : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        if (eventData.Context is not MumegaDb db)
            return;

        using var command = Command(connection, db);
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(
        DbConnection connection,
        ConnectionEndEventData eventData,
        CancellationToken cancellationToken = default
    )
    {
        if (eventData.Context is not MumegaDb db)
            return;

        await using var command = Command(connection, db);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static DbCommand Command(DbConnection connection, MumegaDb db)
    {
        var command = connection.CreateCommand();
        if (connection is Npgsql.NpgsqlConnection)
        {
            command.CommandText =
                $"SELECT set_config('{Walls.Tenant}', $1, false), set_config('{Walls.Workspace}', $2, false), set_config('{Walls.Platform}', $3, false)";
            foreach (var value in new[] { Text(db.TenantId), Text(db.WorkspaceId), db.TenantId == Guid.Empty ? "on" : "" })
                command.Parameters.Add(new Npgsql.NpgsqlParameter<string> { TypedValue = value });
        }
        else
        {
            // Not read-only: one connection may serve one context after another, and its reset clears them anyway.
            command.CommandText =
                $"EXEC sp_set_session_context N'{Walls.Tenant}', @tenant; EXEC sp_set_session_context N'{Walls.Workspace}', @workspace; EXEC sp_set_session_context N'{Walls.Platform}', @platform";
            foreach (
                var (name, value) in new (string, object)[]
                {
                    ("@tenant", Id(db.TenantId)),
                    ("@workspace", Id(db.WorkspaceId)),
                    ("@platform", db.TenantId == Guid.Empty ? "on" : DBNull.Value),
                }
            )
            {
                var parameter = command.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                command.Parameters.Add(parameter);
            }
        }

        return command;
    }

    private static string Text(Guid id) => id == Guid.Empty ? "" : id.ToString();

    private static object Id(Guid id) => id == Guid.Empty ? DBNull.Value : id;
}
