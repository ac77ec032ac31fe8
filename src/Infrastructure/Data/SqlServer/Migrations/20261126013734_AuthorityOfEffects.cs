using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class AuthorityOfEffects : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "GatesJson",
                table: "Approvals");

            migrationBuilder.AddColumn<Guid>(
                name: "Authorization",
                table: "WebSessions",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Level",
                table: "Stops",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: false,
                defaultValue: "admin");

            migrationBuilder.AddColumn<int>(
                name: "Count",
                table: "SecurityEvents",
                type: "int",
                nullable: false,
                defaultValue: 1);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "LastAt",
                table: "SecurityEvents",
                type: "datetimeoffset",
                nullable: false,
                defaultValue: new DateTimeOffset(new DateTime(1, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)));

            migrationBuilder.Sql("UPDATE [SecurityEvents] SET [LastAt] = [At];");

            migrationBuilder.AddColumn<string>(
                name: "Surface",
                table: "SecurityEvents",
                type: "nvarchar(40)",
                maxLength: 40,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "WorkspaceId",
                table: "SecurityEvents",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "SecretToldTo",
                table: "Schedules",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "KeysSetBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "LetInBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "RegisteredBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "SecretIssuedBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "SuspendedBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "SuspendedLevel",
                table: "Principals",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "VerifiedAt",
                table: "Principals",
                type: "datetimeoffset",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "VerifiedBy",
                table: "Principals",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "LinkedBy",
                table: "Invitations",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "HeldLevel",
                table: "Disclosures",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Level",
                table: "Budgets",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: false,
                defaultValue: "admin");

            migrationBuilder.AddColumn<Guid>(
                name: "SetBy",
                table: "Budgets",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Tier",
                table: "Budgets",
                type: "nvarchar(40)",
                maxLength: 40,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Level",
                table: "AuthorityOverrides",
                type: "nvarchar(10)",
                maxLength: 10,
                nullable: false,
                defaultValue: "admin");

            migrationBuilder.CreateTable(
                name: "UsedAssertions",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    Digest = table.Column<string>(type: "nvarchar(64)", maxLength: 64, nullable: false),
                    ExpiresAt = table.Column<DateTimeOffset>(type: "datetimeoffset", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_UsedAssertions", x => new { x.TenantId, x.Digest });
                    table.ForeignKey(
                        name: "FK_UsedAssertions_Tenants_TenantId",
                        column: x => x.TenantId,
                        principalTable: "Tenants",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_UsedAssertions_TenantId_ExpiresAt",
                table: "UsedAssertions",
                columns: new[] { "TenantId", "ExpiresAt" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "UsedAssertions");

            migrationBuilder.DropColumn(
                name: "Authorization",
                table: "WebSessions");

            migrationBuilder.DropColumn(
                name: "Level",
                table: "Stops");

            migrationBuilder.DropColumn(
                name: "Count",
                table: "SecurityEvents");

            migrationBuilder.DropColumn(
                name: "LastAt",
                table: "SecurityEvents");

            migrationBuilder.DropColumn(
                name: "Surface",
                table: "SecurityEvents");

            migrationBuilder.DropColumn(
                name: "WorkspaceId",
                table: "SecurityEvents");

            migrationBuilder.DropColumn(
                name: "SecretToldTo",
                table: "Schedules");

            migrationBuilder.DropColumn(
                name: "KeysSetBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "LetInBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "RegisteredBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "SecretIssuedBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "SuspendedBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "SuspendedLevel",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "VerifiedAt",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "VerifiedBy",
                table: "Principals");

            migrationBuilder.DropColumn(
                name: "LinkedBy",
                table: "Invitations");

            migrationBuilder.DropColumn(
                name: "HeldLevel",
                table: "Disclosures");

            migrationBuilder.DropColumn(
                name: "Level",
                table: "Budgets");

            migrationBuilder.DropColumn(
                name: "SetBy",
                table: "Budgets");

            migrationBuilder.DropColumn(
                name: "Tier",
                table: "Budgets");

            migrationBuilder.DropColumn(
                name: "Level",
                table: "AuthorityOverrides");

            migrationBuilder.AddColumn<string>(
                name: "GatesJson",
                table: "Approvals",
                type: "nvarchar(max)",
                maxLength: -1,
                nullable: false,
                defaultValue: "admin");
        }
    }
}
