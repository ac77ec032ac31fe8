using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class PacketRules : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // The platform acts too: what a workflow does by itself is its doing.
            migrationBuilder.Sql("INSERT INTO \"Principals\" (\"TenantId\", \"Id\", \"Kind\", \"Name\", \"CreatedAt\", \"Version\") SELECT \"Id\", '00000000-0000-0000-0000-000000000000', 'Service', 'Mumega', \"CreatedAt\", 0 FROM \"Tenants\"");
            // Making a table anew loses its triggers.
            AppendOnly.Enforce(migrationBuilder, "ApprovalDecisions", "PacketEvents", "PacketTypes", "Workflows");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {

        }
    }
}
