using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class Stops : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<int>(
                name: "Cancelled",
                table: "Stops",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "EffectiveAt",
                table: "Stops",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Held",
                table: "Stops",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "Stage",
                table: "Stops",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<int>(
                name: "StageSize",
                table: "Stops",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "HeldAt",
                table: "Runs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "PastStop",
                table: "Runs",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<Guid>(
                name: "StopId",
                table: "Runs",
                type: "uuid",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "StopProbes",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uuid", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "uuid", nullable: false),
                    Boundary = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    Nonce = table.Column<Guid>(type: "uuid", nullable: true),
                    HeldAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    CheckedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    Milliseconds = table.Column<int>(type: "integer", nullable: true),
                    Fault = table.Column<string>(type: "character varying(400)", maxLength: 400, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_StopProbes", x => new { x.TenantId, x.WorkspaceId, x.Boundary });
                    table.ForeignKey(
                        name: "FK_StopProbes_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "StopProbes");

            migrationBuilder.DropColumn(
                name: "Cancelled",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "EffectiveAt",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "Held",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "Stage",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "StageSize",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "HeldAt",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "PastStop",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "StopId",
                table: "Runs");
        }
    }
}
