using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class PacketNames : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Id",
                table: "Packets");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Id" });
        }
    }
}
