using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class AuthorityCount : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "Authority",
                table: "Tenants",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "Authority",
                table: "Tenants");
        }
    }
}
