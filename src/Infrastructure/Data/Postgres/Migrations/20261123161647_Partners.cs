using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class Partners : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_Disclosures_Receipts_TenantId_WorkspaceId_ReceiptId",
                table: "Disclosures");

            migrationBuilder.DropForeignKey(
                name: "FK_Disclosures_Workspaces_TenantId_WorkspaceId",
                table: "Disclosures");

            migrationBuilder.DropForeignKey(
                name: "FK_ReceiptPlaces_Receipts_TenantId_WorkspaceId_ReceiptId",
                table: "ReceiptPlaces");

            migrationBuilder.DropIndex(
                name: "IX_Receipts_TenantId_WorkspaceId_At_Id",
                table: "Receipts");

            migrationBuilder.AddColumn<int>(
                name: "Version",
                table: "LogKeys",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<string>(
                name: "Erased",
                table: "Disclosures",
                type: "text",
                maxLength: -1,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "HeldBy",
                table: "Disclosures",
                type: "uuid",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "Contracts",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uuid", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "uuid", nullable: false),
                    Id = table.Column<Guid>(type: "uuid", nullable: false),
                    PartnerId = table.Column<Guid>(type: "uuid", nullable: false),
                    KindsJson = table.Column<string>(type: "text", maxLength: -1, nullable: false),
                    FieldsJson = table.Column<string>(type: "text", maxLength: -1, nullable: false),
                    Since = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    Until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    Connection = table.Column<string>(type: "character varying(80)", maxLength: 80, nullable: true),
                    Delivered = table.Column<long>(type: "bigint", nullable: false),
                    CreatedBy = table.Column<Guid>(type: "uuid", nullable: false),
                    CreatedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    RevokedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    UsedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    Shown = table.Column<long>(type: "bigint", nullable: false),
                    Receipts = table.Column<int>(type: "integer", nullable: false),
                    LastReceipt = table.Column<string>(type: "character varying(400)", maxLength: 400, nullable: true),
                    Version = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Contracts", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_Contracts_Principals_TenantId_PartnerId",
                        columns: x => new { x.TenantId, x.PartnerId },
                        principalTable: "Principals",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Contracts_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Contracts_TenantId_PartnerId",
                table: "Contracts",
                columns: new[] { "TenantId", "PartnerId" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "Contracts");

            migrationBuilder.DropColumn(
                name: "Version",
                table: "LogKeys");

            migrationBuilder.DropColumn(
                name: "Erased",
                table: "Disclosures");

            migrationBuilder.DropColumn(
                name: "HeldBy",
                table: "Disclosures");

            migrationBuilder.CreateIndex(
                name: "IX_Receipts_TenantId_WorkspaceId_At_Id",
                table: "Receipts",
                columns: new[] { "TenantId", "WorkspaceId", "At", "Id" });

            migrationBuilder.AddForeignKey(
                name: "FK_Disclosures_Receipts_TenantId_WorkspaceId_ReceiptId",
                table: "Disclosures",
                columns: new[] { "TenantId", "WorkspaceId", "ReceiptId" },
                principalTable: "Receipts",
                principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_Disclosures_Workspaces_TenantId_WorkspaceId",
                table: "Disclosures",
                columns: new[] { "TenantId", "WorkspaceId" },
                principalTable: "Workspaces",
                principalColumns: new[] { "TenantId", "Id" },
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_ReceiptPlaces_Receipts_TenantId_WorkspaceId_ReceiptId",
                table: "ReceiptPlaces",
                columns: new[] { "TenantId", "WorkspaceId", "ReceiptId" },
                principalTable: "Receipts",
                principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                onDelete: ReferentialAction.Restrict);
        }
    }
}
