using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class AgentKeys : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "KeysSetBy",
                table: "Principals");

            migrationBuilder.AddColumn<string>(
                name: "KeysJson",
                table: "Principals",
                type: "nvarchar(max)",
                maxLength: -1,
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "KeysJson",
                table: "Principals");

            migrationBuilder.AddColumn<Guid>(
                name: "KeysSetBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);
        }
    }
}
