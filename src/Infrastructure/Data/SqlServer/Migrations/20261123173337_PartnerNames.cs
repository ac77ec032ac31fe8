using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class PartnerNames : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateIndex(
                name: "IX_Principals_TenantId_Name",
                table: "Principals",
                columns: new[] { "TenantId", "Name" },
                unique: true,
                filter: "[Kind] = 'Partner'");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Principals_TenantId_Name",
                table: "Principals");
        }
    }
}
