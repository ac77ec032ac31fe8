using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Sqlite.Migrations
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
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Role_Assignee_Rank_Id",
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

            migrationBuilder.AddColumn<long>(
                name: "AttachedAt",
                table: "StoredFiles",
                type: "INTEGER",
                nullable: true);

            // What was there before counts as attached: nobody knows better.
            migrationBuilder.Sql("UPDATE \"StoredFiles\" SET \"AttachedAt\" = \"UploadedAt\";");

            migrationBuilder.CreateTable(
                name: "PacketImports",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    FileName = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    Format = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Size = table.Column<long>(type: "INTEGER", nullable: false),
                    Digest = table.Column<string>(type: "TEXT", maxLength: 64, nullable: false),
                    ColumnsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    Rows = table.Column<int>(type: "INTEGER", nullable: false),
                    UploadedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    UploadedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    State = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Attempt = table.Column<int>(type: "INTEGER", nullable: false),
                    PlanJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    Type = table.Column<string>(type: "TEXT", maxLength: 60, nullable: true),
                    TypeVersion = table.Column<int>(type: "INTEGER", nullable: true),
                    Workflow = table.Column<string>(type: "TEXT", maxLength: 60, nullable: true),
                    WorkflowVersion = table.Column<int>(type: "INTEGER", nullable: true),
                    Surface = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    Checked = table.Column<int>(type: "INTEGER", nullable: false),
                    Faulty = table.Column<int>(type: "INTEGER", nullable: false),
                    LastRow = table.Column<long>(type: "INTEGER", nullable: false),
                    RunId = table.Column<Guid>(type: "TEXT", nullable: true),
                    EndedAt = table.Column<long>(type: "INTEGER", nullable: true),
                    Version = table.Column<int>(type: "INTEGER", nullable: false)
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
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    ImportId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Content = table.Column<byte[]>(type: "BLOB", maxLength: 134217728, nullable: false)
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
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    ImportId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Number = table.Column<long>(type: "INTEGER", nullable: false),
                    FaultsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    PacketId = table.Column<Guid>(type: "TEXT", nullable: true),
                    Title = table.Column<string>(type: "TEXT", maxLength: 200, nullable: true),
                    Payload = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    Labels = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    Data = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    TaskId = table.Column<Guid>(type: "TEXT", nullable: true)
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
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "StagedBy",
                table: "Packets",
                type: "TEXT",
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
                name: "IX_WorkTasks_TenantId_WorkspaceId_StagedBy_Role_Assignee_Rank_Id",
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
