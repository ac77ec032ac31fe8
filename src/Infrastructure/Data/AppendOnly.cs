using Microsoft.EntityFrameworkCore.Migrations;
using Mumega.Domain.Approvals;
using Mumega.Domain.Packets;
using Mumega.Domain.Pages;
using Mumega.Domain.Receipts;
using Mumega.Domain.Workflows;

namespace Mumega.Infrastructure.Data;

/// <summary>Tables whose rows the database itself neither changes nor deletes, whoever asks.</summary>
internal static class AppendOnly
{
    public static readonly Type[] Tables =
    [
        typeof(Receipt),
        typeof(PageRevision),
        typeof(ApprovalDecision),
        typeof(PacketEvent),
        typeof(PacketType),
        typeof(Workflow),
        typeof(LogTile),
        typeof(LogCheckpoint),
        typeof(LogCosignature),
    ];

    /// <summary>Makes the triggers of tables that a migration added.</summary>
    public static void Enforce(MigrationBuilder migration, params string[] tables)
    {
        switch (migration.ActiveProvider)
        {
            case "Microsoft.EntityFrameworkCore.Sqlite":
                foreach (var table in tables)
                {
                    foreach (var verb in new[] { "UPDATE", "DELETE" })
                        migration.Sql(
                            $"CREATE TRIGGER \"{table}_append_only_{verb}\" BEFORE {verb} ON \"{table}\" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
                        );
                }

                break;
            case "Npgsql.EntityFrameworkCore.PostgreSQL":
                migration.Sql(
                    "CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;"
                );
                foreach (var table in tables)
                {
                    migration.Sql(
                        $"CREATE TRIGGER \"{table}_append_only\" BEFORE UPDATE OR DELETE ON \"{table}\" FOR EACH ROW EXECUTE FUNCTION append_only();"
                    );
                    migration.Sql(
                        $"CREATE TRIGGER \"{table}_append_only_truncate\" BEFORE TRUNCATE ON \"{table}\" FOR EACH STATEMENT EXECUTE FUNCTION append_only();"
                    );
                }

                break;
            default:
                foreach (var table in tables)
                    migration.Sql(
                        $"EXEC(N'CREATE TRIGGER [{table}_append_only] ON [{table}] INSTEAD OF UPDATE, DELETE AS BEGIN THROW 50001, N''{table} is append-only'', 1; END')"
                    );
                break;
        }
    }
}
