using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class PacketImports : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Assignee_Rank_Id",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_DueAt",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Role_Assignee_Rank_~",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Id_Title",
                table: "Packets");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Type_Id",
                table: "Packets");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Workflow_State_Id",
                table: "Packets");

            migrationBuilder.DropColumn(
                name: "StagedBy",
                table: "WorkTasks");

            migrationBuilder.DropColumn(
                name: "StagedBy",
                table: "Packets");

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "AttachedAt",
                table: "StoredFiles",
                type: "timestamp with time zone",
                nullable: true);

            // What was there before counts as attached: nobody knows better.
            migrationBuilder.Sql("UPDATE \"StoredFiles\" SET \"AttachedAt\" = \"UploadedAt\";");

            migrationBuilder.CreateTable(
                name: "PacketImports",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uuid", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "uuid", nullable: false),
                    Id = table.Column<Guid>(type: "uuid", nullable: false),
                    FileName = table.Column<string>(type: "character varying(400)", maxLength: 400, nullable: false),
                    Format = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    Size = table.Column<long>(type: "bigint", nullable: false),
                    Digest = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    ColumnsJson = table.Column<string>(type: "text", maxLength: -1, nullable: false),
                    Rows = table.Column<int>(type: "integer", nullable: false),
                    UploadedBy = table.Column<Guid>(type: "uuid", nullable: false),
                    UploadedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    State = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    Attempt = table.Column<int>(type: "integer", nullable: false),
                    PlanJson = table.Column<string>(type: "text", maxLength: -1, nullable: true),
                    Type = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: true),
                    TypeVersion = table.Column<int>(type: "integer", nullable: true),
                    Workflow = table.Column<string>(type: "character varying(60)", maxLength: 60, nullable: true),
                    WorkflowVersion = table.Column<int>(type: "integer", nullable: true),
                    Surface = table.Column<string>(type: "character varying(400)", maxLength: 400, nullable: true),
                    Checked = table.Column<int>(type: "integer", nullable: false),
                    Faulty = table.Column<int>(type: "integer", nullable: false),
                    LastRow = table.Column<long>(type: "bigint", nullable: false),
                    RunId = table.Column<Guid>(type: "uuid", nullable: true),
                    EndedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    Version = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_PacketImports", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_PacketImports_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "ImportFiles",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uuid", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "uuid", nullable: false),
                    ImportId = table.Column<Guid>(type: "uuid", nullable: false),
                    Content = table.Column<byte[]>(type: "bytea", maxLength: 134217728, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_ImportFiles", x => new { x.TenantId, x.WorkspaceId, x.ImportId });
                    table.ForeignKey(
                        name: "FK_ImportFiles_PacketImports_TenantId_WorkspaceId_ImportId",
                        columns: x => new { x.TenantId, x.WorkspaceId, x.ImportId },
                        principalTable: "PacketImports",
                        principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_ImportFiles_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "ImportRows",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "uuid", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "uuid", nullable: false),
                    ImportId = table.Column<Guid>(type: "uuid", nullable: false),
                    Number = table.Column<long>(type: "bigint", nullable: false),
                    FaultsJson = table.Column<string>(type: "text", maxLength: -1, nullable: true),
                    PacketId = table.Column<Guid>(type: "uuid", nullable: true),
                    Title = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    Payload = table.Column<string>(type: "text", maxLength: -1, nullable: true),
                    Labels = table.Column<string>(type: "text", maxLength: -1, nullable: true),
                    Data = table.Column<string>(type: "text", maxLength: -1, nullable: true),
                    TaskId = table.Column<Guid>(type: "uuid", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_ImportRows", x => new { x.TenantId, x.WorkspaceId, x.ImportId, x.Number });
                    table.ForeignKey(
                        name: "FK_ImportRows_PacketImports_TenantId_WorkspaceId_ImportId",
                        columns: x => new { x.TenantId, x.WorkspaceId, x.ImportId },
                        principalTable: "PacketImports",
                        principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_ImportRows_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_Assignee_Rank_Id",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "Assignee", "Rank", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_DueAt",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "DueAt" });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_Role_Assignee_Rank_Id",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "Role", "Assignee", "Rank", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Title",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Id", "Title" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Type_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Type", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Workflow_State_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Workflow", "State", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_PacketImports_TenantId_WorkspaceId_Digest",
                table: "PacketImports",
                columns: new[] { "TenantId", "WorkspaceId", "Digest" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "ImportFiles");

            migrationBuilder.DropTable(
                name: "ImportRows");

            migrationBuilder.DropTable(
                name: "PacketImports");

            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_Assignee_Rank_Id",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_DueAt",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_Role_Assignee_Rank_Id",
                table: "WorkTasks");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Id_Title",
                table: "Packets");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Type_Id",
                table: "Packets");

            migrationBuilder.DropIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Workflow_State_Id",
                table: "Packets");

            migrationBuilder.DropColumn(
                name: "AttachedAt",
                table: "StoredFiles");

            migrationBuilder.AddColumn<Guid>(
                name: "StagedBy",
                table: "WorkTasks",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "StagedBy",
                table: "Packets",
                type: "uuid",
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Assignee_Rank_Id",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Assignee", "Rank", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_DueAt",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "DueAt" });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Role_Assignee_Rank_~",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Role", "Assignee", "Rank", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Id_Title",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Id", "Title" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Type_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Type", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Workflow_State_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Workflow", "State", "Id" });
        }
    }
}
