using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class PacketSearch : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Title",
                table: "Packets");

            migrationBuilder.AddColumn<string>(
                name: "Folded",
                table: "Packets",
                type: "nvarchar(200)",
                maxLength: 200,
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<string>(
                name: "Folded",
                table: "ImportRows",
                type: "nvarchar(200)",
                maxLength: 200,
                nullable: true);

            migrationBuilder.Sql("UPDATE [Packets] SET [Folded] = LOWER([Title]);");

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Folded_Closed_Workflow_State_Type",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Id", "Folded", "Closed", "Workflow", "State", "Type" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Folded_Closed_Workflow_State_Type",
                table: "Packets");

            migrationBuilder.DropColumn(
                name: "Folded",
                table: "Packets");

            migrationBuilder.DropColumn(
                name: "Folded",
                table: "ImportRows");

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Title",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Id", "Title" });
        }
    }
}
