using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Mumega.Infrastructure.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Packets : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "PK_ApprovalDecisions",
                table: "ApprovalDecisions");

            migrationBuilder.AddColumn<string>(
                name: "ChainJson",
                table: "Runs",
                type: "TEXT",
                maxLength: -1,
                nullable: false,
                defaultValue: "[]");

            migrationBuilder.AddColumn<Guid>(
                name: "PacketId",
                table: "Runs",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Transition",
                table: "Runs",
                type: "TEXT",
                maxLength: 80,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Detail",
                table: "Jobs",
                type: "TEXT",
                maxLength: 200,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "ChangesJson",
                table: "Approvals",
                type: "TEXT",
                maxLength: -1,
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "EscalatedAt",
                table: "Approvals",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Likeness",
                table: "Approvals",
                type: "TEXT",
                maxLength: 64,
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<long>(
                name: "RemindAt",
                table: "Approvals",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "RemindedAt",
                table: "Approvals",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Number",
                table: "ApprovalDecisions",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<Guid>(
                name: "ForId",
                table: "ApprovalDecisions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "ReasonCode",
                table: "ApprovalDecisions",
                type: "TEXT",
                maxLength: 400,
                nullable: true);

            migrationBuilder.AddPrimaryKey(
                name: "PK_ApprovalDecisions",
                table: "ApprovalDecisions",
                columns: new[] { "TenantId", "WorkspaceId", "ApprovalId", "DeciderId", "Round", "Number" });

            migrationBuilder.CreateTable(
                name: "DecisionReasons",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Code = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Label = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    Verdict = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_DecisionReasons", x => new { x.TenantId, x.Code });
                    table.ForeignKey(
                        name: "FK_DecisionReasons_Tenants_TenantId",
                        column: x => x.TenantId,
                        principalTable: "Tenants",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "Delegations",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    FromId = table.Column<Guid>(type: "TEXT", nullable: false),
                    ToId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Since = table.Column<long>(type: "INTEGER", nullable: false),
                    Until = table.Column<long>(type: "INTEGER", nullable: false),
                    Reason = table.Column<string>(type: "TEXT", maxLength: 2000, nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    EndedAt = table.Column<long>(type: "INTEGER", nullable: true),
                    Receipts = table.Column<int>(type: "INTEGER", nullable: false),
                    LastReceipt = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    Version = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Delegations", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_Delegations_Principals_TenantId_FromId",
                        columns: x => new { x.TenantId, x.FromId },
                        principalTable: "Principals",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Delegations_Principals_TenantId_ToId",
                        columns: x => new { x.TenantId, x.ToId },
                        principalTable: "Principals",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Delegations_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "PacketEvents",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    PacketId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Number = table.Column<int>(type: "INTEGER", nullable: false),
                    Kind = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    At = table.Column<long>(type: "INTEGER", nullable: false),
                    ById = table.Column<Guid>(type: "TEXT", nullable: false),
                    RunId = table.Column<Guid>(type: "TEXT", nullable: true),
                    Data = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_PacketEvents", x => new { x.TenantId, x.WorkspaceId, x.PacketId, x.Number });
                    table.ForeignKey(
                        name: "FK_PacketEvents_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "PacketTypes",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Key = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    Number = table.Column<int>(type: "INTEGER", nullable: false),
                    Title = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    Description = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    SchemaJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    CreatedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_PacketTypes", x => new { x.TenantId, x.WorkspaceId, x.Key, x.Number });
                    table.ForeignKey(
                        name: "FK_PacketTypes_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "Packets",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    Type = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    TypeVersion = table.Column<int>(type: "INTEGER", nullable: false),
                    Title = table.Column<string>(type: "TEXT", maxLength: 200, nullable: false),
                    Payload = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    Workflow = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    WorkflowVersion = table.Column<int>(type: "INTEGER", nullable: false),
                    State = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    EnteredAt = table.Column<long>(type: "INTEGER", nullable: false),
                    EnteredBy = table.Column<int>(type: "INTEGER", nullable: false),
                    Closed = table.Column<bool>(type: "INTEGER", nullable: false),
                    ParentId = table.Column<Guid>(type: "TEXT", nullable: true),
                    LabelsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    LinksJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    AttachmentsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    CreatedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    Surface = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    UpdatedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    MovedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    PendingRun = table.Column<Guid>(type: "TEXT", nullable: true),
                    PendingTransition = table.Column<string>(type: "TEXT", maxLength: 80, nullable: true),
                    Assignee = table.Column<Guid>(type: "TEXT", nullable: true),
                    AssignedAt = table.Column<long>(type: "INTEGER", nullable: true),
                    StepsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    SagaJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    Remark = table.Column<string>(type: "TEXT", maxLength: 4000, nullable: true),
                    StagedBy = table.Column<Guid>(type: "TEXT", nullable: true),
                    Events = table.Column<int>(type: "INTEGER", nullable: false),
                    Receipts = table.Column<int>(type: "INTEGER", nullable: false),
                    LastReceipt = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    Version = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Packets", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_Packets_Packets_TenantId_WorkspaceId_ParentId",
                        columns: x => new { x.TenantId, x.WorkspaceId, x.ParentId },
                        principalTable: "Packets",
                        principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Packets_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "Schedules",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    Key = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    Trigger = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Cron = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    TimeZone = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    Missed = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    SealedSecret = table.Column<string>(type: "TEXT", maxLength: -1, nullable: true),
                    WhenWorkflow = table.Column<string>(type: "TEXT", maxLength: 60, nullable: true),
                    WhenState = table.Column<string>(type: "TEXT", maxLength: 60, nullable: true),
                    StartsJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    NextAt = table.Column<long>(type: "INTEGER", nullable: true),
                    LastAt = table.Column<long>(type: "INTEGER", nullable: true),
                    Started = table.Column<int>(type: "INTEGER", nullable: false),
                    LastProblem = table.Column<string>(type: "TEXT", maxLength: 4000, nullable: true),
                    Enabled = table.Column<bool>(type: "INTEGER", nullable: false),
                    SetBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    SetByKind = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    Version = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Schedules", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_Schedules_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "StoredFiles",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Digest = table.Column<string>(type: "TEXT", maxLength: 64, nullable: false),
                    Type = table.Column<string>(type: "TEXT", maxLength: 100, nullable: false),
                    Size = table.Column<long>(type: "INTEGER", nullable: false),
                    Content = table.Column<byte[]>(type: "BLOB", maxLength: 10485760, nullable: false),
                    UploadedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    UploadedAt = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_StoredFiles", x => new { x.TenantId, x.WorkspaceId, x.Digest });
                    table.ForeignKey(
                        name: "FK_StoredFiles_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "Workflows",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Key = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    Number = table.Column<int>(type: "INTEGER", nullable: false),
                    Title = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    PacketType = table.Column<string>(type: "TEXT", maxLength: 60, nullable: false),
                    DocumentJson = table.Column<string>(type: "TEXT", maxLength: -1, nullable: false),
                    CreatedBy = table.Column<Guid>(type: "TEXT", nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Workflows", x => new { x.TenantId, x.WorkspaceId, x.Key, x.Number });
                    table.ForeignKey(
                        name: "FK_Workflows_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "PacketLabels",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Label = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    PacketId = table.Column<Guid>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_PacketLabels", x => new { x.TenantId, x.WorkspaceId, x.Label, x.PacketId });
                    table.ForeignKey(
                        name: "FK_PacketLabels_Packets_TenantId_WorkspaceId_PacketId",
                        columns: x => new { x.TenantId, x.WorkspaceId, x.PacketId },
                        principalTable: "Packets",
                        principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_PacketLabels_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "WorkTasks",
                columns: table => new
                {
                    TenantId = table.Column<Guid>(type: "TEXT", nullable: false),
                    WorkspaceId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    PacketId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Title = table.Column<string>(type: "TEXT", maxLength: 400, nullable: false),
                    Role = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Assignee = table.Column<Guid>(type: "TEXT", nullable: true),
                    Priority = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    Rank = table.Column<int>(type: "INTEGER", nullable: false),
                    DueAt = table.Column<long>(type: "INTEGER", nullable: true),
                    DoneWhen = table.Column<string>(type: "TEXT", maxLength: 400, nullable: true),
                    OpenedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    StagedBy = table.Column<Guid>(type: "TEXT", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_WorkTasks", x => new { x.TenantId, x.WorkspaceId, x.Id });
                    table.ForeignKey(
                        name: "FK_WorkTasks_Packets_TenantId_WorkspaceId_PacketId",
                        columns: x => new { x.TenantId, x.WorkspaceId, x.PacketId },
                        principalTable: "Packets",
                        principalColumns: new[] { "TenantId", "WorkspaceId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_WorkTasks_Workspaces_TenantId_WorkspaceId",
                        columns: x => new { x.TenantId, x.WorkspaceId },
                        principalTable: "Workspaces",
                        principalColumns: new[] { "TenantId", "Id" },
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Runs_TenantId_WorkspaceId_PacketId",
                table: "Runs",
                columns: new[] { "TenantId", "WorkspaceId", "PacketId" },
                filter: "\"PacketId\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_Delegations_TenantId_FromId",
                table: "Delegations",
                columns: new[] { "TenantId", "FromId" });

            migrationBuilder.CreateIndex(
                name: "IX_Delegations_TenantId_ToId",
                table: "Delegations",
                columns: new[] { "TenantId", "ToId" });

            migrationBuilder.CreateIndex(
                name: "IX_PacketLabels_TenantId_WorkspaceId_PacketId",
                table: "PacketLabels",
                columns: new[] { "TenantId", "WorkspaceId", "PacketId" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_Assignee",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "Assignee" },
                filter: "\"Assignee\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_ParentId",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "ParentId" });

            migrationBuilder.CreateIndex(
                name: "IX_Packets_TenantId_WorkspaceId_StagedBy_Id",
                table: "Packets",
                columns: new[] { "TenantId", "WorkspaceId", "StagedBy", "Id" });

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

            migrationBuilder.CreateIndex(
                name: "IX_Schedules_TenantId_WorkspaceId_Key",
                table: "Schedules",
                columns: new[] { "TenantId", "WorkspaceId", "Key" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_Schedules_TenantId_WorkspaceId_WhenWorkflow_WhenState",
                table: "Schedules",
                columns: new[] { "TenantId", "WorkspaceId", "WhenWorkflow", "WhenState" });

            migrationBuilder.CreateIndex(
                name: "IX_WorkTasks_TenantId_WorkspaceId_PacketId",
                table: "WorkTasks",
                columns: new[] { "TenantId", "WorkspaceId", "PacketId" });

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
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "DecisionReasons");

            migrationBuilder.DropTable(
                name: "Delegations");

            migrationBuilder.DropTable(
                name: "PacketEvents");

            migrationBuilder.DropTable(
                name: "PacketLabels");

            migrationBuilder.DropTable(
                name: "PacketTypes");

            migrationBuilder.DropTable(
                name: "Schedules");

            migrationBuilder.DropTable(
                name: "StoredFiles");

            migrationBuilder.DropTable(
                name: "WorkTasks");

            migrationBuilder.DropTable(
                name: "Workflows");

            migrationBuilder.DropTable(
                name: "Packets");

            migrationBuilder.DropIndex(
                name: "IX_Runs_TenantId_WorkspaceId_PacketId",
                table: "Runs");

            migrationBuilder.DropPrimaryKey(
                name: "PK_ApprovalDecisions",
                table: "ApprovalDecisions");

            migrationBuilder.DropColumn(
                name: "ChainJson",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "PacketId",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "Transition",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "Detail",
                table: "Jobs");

            migrationBuilder.DropColumn(
                name: "ChangesJson",
                table: "Approvals");

            migrationBuilder.DropColumn(
                name: "EscalatedAt",
                table: "Approvals");

            migrationBuilder.DropColumn(
                name: "Likeness",
                table: "Approvals");

            migrationBuilder.DropColumn(
                name: "RemindAt",
                table: "Approvals");

            migrationBuilder.DropColumn(
                name: "RemindedAt",
                table: "Approvals");

            migrationBuilder.DropColumn(
                name: "Number",
                table: "ApprovalDecisions");

            migrationBuilder.DropColumn(
                name: "ForId",
                table: "ApprovalDecisions");

            migrationBuilder.DropColumn(
                name: "ReasonCode",
                table: "ApprovalDecisions");

            migrationBuilder.AddPrimaryKey(
                name: "PK_ApprovalDecisions",
                table: "ApprovalDecisions",
                columns: new[] { "TenantId", "WorkspaceId", "ApprovalId", "DeciderId", "Round" });
        }
    }
}
