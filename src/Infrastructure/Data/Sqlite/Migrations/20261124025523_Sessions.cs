using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Sessions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "Address",
                table: "WebSessions",
                type: "TEXT",
                maxLength: 64,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Browser",
                table: "WebSessions",
                type: "TEXT",
                maxLength: 400,
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "CreatedAt",
                table: "WebSessions",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<long>(
                name: "SeenAt",
                table: "WebSessions",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.CreateIndex(
                name: "IX_WebSessions_PrincipalId",
                table: "WebSessions",
                column: "PrincipalId");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_WebSessions_PrincipalId",
                table: "WebSessions");

            migrationBuilder.DropColumn(
                name: "Address",
                table: "WebSessions");

            migrationBuilder.DropColumn(
                name: "Browser",
                table: "WebSessions");

            migrationBuilder.DropColumn(
                name: "CreatedAt",
                table: "WebSessions");

            migrationBuilder.DropColumn(
                name: "SeenAt",
                table: "WebSessions");
        }
    }
}
