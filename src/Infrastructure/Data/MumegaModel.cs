using System.Reflection;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Mumega.Domain.Approvals;
using Mumega.Domain.Audit;
using Mumega.Domain.Budgets;
using Mumega.Domain.Elevations;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Jobs;
using Mumega.Domain.Members;
using Mumega.Domain.Packets;
using Mumega.Domain.Pages;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Schedules;
using Mumega.Domain.Stops;
using Mumega.Domain.Tasks;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Webhooks;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Identity;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// Tables, keys and walls. Every owned row's key starts with tenant (and workspace), and every reference carries them, so that the
/// database itself refuses one that crosses.
/// </summary>
internal static class MumegaModel
{
    public static void Configure(ModelBuilder model, MumegaDb db)
    {
        model
            .Entity<Person>()
            .HasOne<Principal>()
            .WithMany()
            .HasForeignKey(p => new { p.TenantId, p.Id })
            .OnDelete(DeleteBehavior.Restrict);

        // The framework has it only where its options reach the context, which a pooled one's do not.
        model.Entity<IdentityUserPasskey<Guid>>(e =>
        {
            e.ToTable("AspNetUserPasskeys").HasKey(p => p.CredentialId);
            e.Property(p => p.CredentialId).HasMaxLength(1024);
            e.OwnsOne(p => p.Data).ToJson();
            e.HasOne<Person>().WithMany().HasForeignKey(p => p.UserId);
        });
        model.Entity<WebSession>(e =>
        {
            e.Property(s => s.Id).HasMaxLength(64);
            Long(e, s => s.AccessToken);
            Long(e, s => s.RefreshToken);
            e.HasIndex(s => s.ExpiresAt);
            e.HasIndex(s => s.PrincipalId);
            e.Property(s => s.Address).HasMaxLength(64);
        });
        model.Entity<TokenKey>(e => Long(e, k => k.Sealed));

        model.Entity<Tenant>(e =>
        {
            e.Property(t => t.Key).HasMaxLength(80);
            e.HasIndex(t => t.Key).IsUnique();
            e.HasIndex(t => t.Log).IsUnique();
            e.Ignore(t => t.LogId);
        });
        model.Entity<Workspace>(e =>
        {
            e.HasKey(w => new { w.TenantId, w.Id });
            e.HasOne<Tenant>().WithMany().HasForeignKey(w => w.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(w => w.Key).HasMaxLength(80);
            e.HasIndex(w => new { w.TenantId, w.Key }).IsUnique();
        });
        model.Entity<Principal>(e =>
        {
            e.HasKey(p => new { p.TenantId, p.Id });
            e.HasOne<Tenant>().WithMany().HasForeignKey(p => p.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.HasOne<Principal>().WithMany().HasForeignKey(p => new { p.TenantId, p.OwnerId }).OnDelete(DeleteBehavior.Restrict);
            e.Property(p => p.ClientId).HasMaxLength(100);
            e.Property(p => p.Purpose).HasMaxLength(2000);
            e.Property(p => p.SuspendedLevel).HasMaxLength(10);
            e.Ignore(p => p.Stewards);
            e.Ignore(p => p.Keys);
            Long(e, p => p.KeysJson);
            e.HasIndex(p => new { p.TenantId, p.OwnerId });
            e.HasIndex(p => new { p.TenantId, p.ClientId });
            e.HasIndex(p => new { p.TenantId, p.Name }).IsUnique().HasFilter($"{Quoted(db, "Kind")} = 'Partner'");
        });
        model.Entity<PolicyVersion>(e =>
        {
            e.HasKey(p => new { p.TenantId, p.Number });
            e.Property(p => p.Number).ValueGeneratedNever();
            e.HasOne<Tenant>().WithMany().HasForeignKey(p => p.TenantId).OnDelete(DeleteBehavior.Restrict);
            Long(e, p => p.Text);
        });
        model.Entity<PortalAddress>(e =>
        {
            e.Property(a => a.Slug).HasMaxLength(80);
            e.HasKey(a => new { a.TenantId, a.Slug });
            e.HasOne<Page>()
                .WithMany()
                .HasForeignKey(a => new
                {
                    a.TenantId,
                    a.WorkspaceId,
                    a.PageId,
                })
                .OnDelete(DeleteBehavior.Restrict);
        });

        Room<RoleBinding>(
            model,
            e =>
            {
                e.Property(b => b.Role).HasMaxLength(40);
                e.HasKey(b => new
                {
                    b.TenantId,
                    b.WorkspaceId,
                    b.PrincipalId,
                    b.Role,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(b => new { b.TenantId, b.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
            }
        );
        Room<Suspension>(
            model,
            e =>
            {
                e.HasKey(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
                e.HasIndex(x => new { x.TenantId, x.PrincipalId });
            }
        );
        Room<AgentSecret>(
            model,
            e =>
            {
                e.HasKey(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.AgentId }).OnDelete(DeleteBehavior.Restrict);
                e.HasIndex(x => new { x.TenantId, x.AgentId });
            }
        );
        Room<Elevation>(
            model,
            e =>
            {
                e.HasKey(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
                e.Property(x => x.Role).HasMaxLength(40);
                e.Property(x => x.Reason).HasMaxLength(2000);
                e.Property(x => x.Review).HasMaxLength(2000);
                e.HasIndex(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.Until,
                });
            }
        );
        model.Entity<ElevationRequest>(e =>
        {
            e.HasKey(x => new { x.TenantId, x.Id });
            e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
            e.Property(x => x.WorkspaceKey).HasMaxLength(80);
            e.Property(x => x.Role).HasMaxLength(40);
            e.Property(x => x.Reason).HasMaxLength(2000);
            e.Property(x => x.IdempotencyKey).HasMaxLength(200);
            e.HasIndex(x => new
                {
                    x.TenantId,
                    x.PrincipalId,
                    x.IdempotencyKey,
                })
                .IsUnique();
        });
        model.Entity<Confirmation>(e =>
        {
            e.HasKey(x => new { x.TenantId, x.Id });
            e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
            e.Property(x => x.Purpose).HasMaxLength(64);
            e.Property(x => x.Method).HasMaxLength(20);
            Long(e, x => x.Challenge);
            e.HasIndex(x => new
            {
                x.TenantId,
                x.PrincipalId,
                x.Purpose,
            });
        });
        Room<Invitation>(
            model,
            e =>
            {
                e.HasKey(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.Id,
                });
                e.Property(x => x.Email).HasMaxLength(256);
                e.Property(x => x.Role).HasMaxLength(40);
                e.Property(x => x.TokenHash).HasMaxLength(64);
                e.HasIndex(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.CreatedAt,
                });
            }
        );
        model.Entity<CustomRole>(e =>
        {
            e.Property(x => x.Key).HasMaxLength(40);
            e.HasKey(x => new { x.TenantId, x.Key });
            e.HasOne<Tenant>().WithMany().HasForeignKey(x => x.TenantId).OnDelete(DeleteBehavior.Restrict);
            Long(e, x => x.ActsJson);
            e.Property(x => x.Description).HasMaxLength(2000);
            e.Ignore(x => x.Acts);
        });
        Room<AuthorityOverride>(
            model,
            e =>
            {
                e.Property(x => x.Act).HasMaxLength(80);
                e.Property(x => x.Level).HasMaxLength(10);
                e.HasKey(x => new
                {
                    x.TenantId,
                    x.WorkspaceId,
                    x.PrincipalId,
                    x.Act,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(x => new { x.TenantId, x.PrincipalId }).OnDelete(DeleteBehavior.Restrict);
            }
        );
        model.Entity<UsedAssertion>(e =>
        {
            e.Property(x => x.Digest).HasMaxLength(64);
            e.HasKey(x => new { x.TenantId, x.Digest });
            e.HasOne<Tenant>().WithMany().HasForeignKey(x => x.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.HasIndex(x => new { x.TenantId, x.ExpiresAt });
        });
        model.Entity<SecurityEvent>(e =>
        {
            e.HasKey(x => new { x.TenantId, x.Id });
            e.HasOne<Tenant>().WithMany().HasForeignKey(x => x.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(x => x.Code).HasMaxLength(60);
            e.Property(x => x.Address).HasMaxLength(64);
            e.Property(x => x.Surface).HasMaxLength(40);
            e.Property(x => x.TraceId).HasMaxLength(32);
            e.HasIndex(x => new { x.TenantId, x.At });
        });
        Room<Budget>(
            model,
            e =>
            {
                e.HasKey(b => new
                {
                    b.TenantId,
                    b.WorkspaceId,
                    b.Id,
                });
                e.Property(b => b.Key).HasMaxLength(60);
                e.Property(b => b.Family).HasMaxLength(60);
                e.Property(b => b.Currency).HasMaxLength(3);
                e.Property(b => b.Level).HasMaxLength(10);
                e.Property(b => b.Window).HasConversion<long>();
                e.Ignore(b => b.Limit);
                e.HasIndex(b => new
                    {
                        b.TenantId,
                        b.WorkspaceId,
                        b.Key,
                    })
                    .IsUnique();
            }
        );

        // No references: uses outlive their budget.
        Room<BudgetUse>(
            model,
            e =>
            {
                e.Property(u => u.Counted).HasMaxLength(40);
                e.Property(u => u.Budget).HasMaxLength(60);
                e.HasKey(u => new
                {
                    u.TenantId,
                    u.WorkspaceId,
                    u.RunId,
                    u.Budget,
                    u.Counted,
                });
                e.HasIndex(u => new
                {
                    u.TenantId,
                    u.WorkspaceId,
                    u.Budget,
                    u.Counted,
                    u.At,
                });
            }
        );
        Room<BudgetMeter>(
            model,
            e =>
            {
                e.Property(m => m.Counted).HasMaxLength(40);
                e.Property(m => m.Budget).HasMaxLength(60);
                e.HasKey(m => new
                {
                    m.TenantId,
                    m.WorkspaceId,
                    m.Budget,
                    m.Counted,
                });
            }
        );
        Room<Run>(
            model,
            e =>
            {
                e.HasKey(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(r => new { r.TenantId, r.ProposedBy }).OnDelete(DeleteBehavior.Restrict);
                e.HasOne<Run>()
                    .WithMany()
                    .HasForeignKey(r => new
                    {
                        r.TenantId,
                        r.WorkspaceId,
                        r.UndoOf,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.Property(r => r.Action).HasMaxLength(80);
                e.Ignore(r => r.Decision)
                    .Ignore(r => r.Preflight)
                    .Ignore(r => r.Undo)
                    .Ignore(r => r.InputJson)
                    .Ignore(r => r.Chain)
                    .Ignore(r => r.For)
                    .Ignore(r => r.Work);
                Long(e, r => r.ForJson);
                Long(e, r => r.ChainJson);
                e.Property(r => r.Transition).HasMaxLength(80);
                e.HasIndex(r => new
                    {
                        r.TenantId,
                        r.WorkspaceId,
                        r.PacketId,
                    })
                    .HasFilter(NotNull(db, "PacketId"));
                Long(e, r => r.Input);
                Long(e, r => r.DecisionJson);
                Long(e, r => r.PreflightJson);
                Long(e, r => r.UndoJson);
                e.Property(r => r.Reason).HasMaxLength(2000);
                e.Property(r => r.Result).HasMaxLength(4000);
                e.HasIndex(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.CreatedAt,
                    r.Id,
                });
                e.HasIndex(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.State,
                    r.CreatedAt,
                });
            }
        );
        Room<Approval>(
            model,
            e =>
            {
                e.HasKey(a => new
                {
                    a.TenantId,
                    a.WorkspaceId,
                    a.Id,
                });
                e.HasOne<Run>()
                    .WithMany()
                    .HasForeignKey(a => new
                    {
                        a.TenantId,
                        a.WorkspaceId,
                        a.RunId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.HasIndex(a => new
                    {
                        a.TenantId,
                        a.WorkspaceId,
                        a.RunId,
                    })
                    .IsUnique();
                e.HasIndex(a => new
                {
                    a.TenantId,
                    a.WorkspaceId,
                    a.State,
                    a.CreatedAt,
                });
                e.HasMany(a => a.Decisions)
                    .WithOne()
                    .HasForeignKey(d => new
                    {
                        d.TenantId,
                        d.WorkspaceId,
                        d.ApprovalId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.Ignore(a => a.Changes).Ignore(a => a.Current);
                Long(e, a => a.ChangesJson);
                e.Property(a => a.Likeness).HasMaxLength(64);
            }
        );
        Room<ApprovalDecision>(
            model,
            e =>
            {
                e.HasKey(d => new
                {
                    d.TenantId,
                    d.WorkspaceId,
                    d.ApprovalId,
                    d.DeciderId,
                    d.Round,
                    d.Number,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(d => new { d.TenantId, d.DeciderId }).OnDelete(DeleteBehavior.Restrict);
                e.Property(d => d.Reason).HasMaxLength(2000);
            }
        );
        Room<Delegation>(
            model,
            e =>
            {
                e.HasKey(d => new
                {
                    d.TenantId,
                    d.WorkspaceId,
                    d.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(d => new { d.TenantId, d.FromId }).OnDelete(DeleteBehavior.Restrict);
                e.HasOne<Principal>().WithMany().HasForeignKey(d => new { d.TenantId, d.ToId }).OnDelete(DeleteBehavior.Restrict);
                e.Property(d => d.Reason).HasMaxLength(2000);
            }
        );
        model.Entity<DecisionReason>(e =>
        {
            e.Property(r => r.Code).HasMaxLength(40);
            e.HasKey(r => new { r.TenantId, r.Code });
            e.HasOne<Tenant>().WithMany().HasForeignKey(r => r.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        Room<PacketType>(
            model,
            e =>
            {
                e.Property(t => t.Key).HasMaxLength(60);
                e.HasKey(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.Key,
                    t.Number,
                });
                e.Property(t => t.Number).ValueGeneratedNever();
                Long(e, t => t.SchemaJson);
                e.Ignore(t => t.Schema);
            }
        );
        Room<Workflow>(
            model,
            e =>
            {
                e.Property(w => w.Key).HasMaxLength(60);
                e.Property(w => w.PacketType).HasMaxLength(60);
                e.HasKey(w => new
                {
                    w.TenantId,
                    w.WorkspaceId,
                    w.Key,
                    w.Number,
                });
                e.Property(w => w.Number).ValueGeneratedNever();
                Long(e, w => w.DocumentJson);
                e.Ignore(w => w.Document);
            }
        );
        Room<Packet>(
            model,
            e =>
            {
                e.HasKey(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Id,
                });
                e.Property(p => p.Type).HasMaxLength(60);
                e.Property(p => p.Workflow).HasMaxLength(60);
                e.Property(p => p.State).HasMaxLength(60);
                e.Property(p => p.Title).HasMaxLength(Packet.MaxTitle);
                e.Property(p => p.Folded).HasMaxLength(Packet.MaxTitle);
                e.Property(p => p.PendingTransition).HasMaxLength(80);
                e.Property(p => p.Remark).HasMaxLength(4000);
                Long(e, p => p.Payload);
                Long(e, p => p.LabelsJson);
                Long(e, p => p.LinksJson);
                Long(e, p => p.AttachmentsJson);
                Long(e, p => p.StepsJson);
                Long(e, p => p.SagaJson);
                e.Ignore(p => p.PayloadJson)
                    .Ignore(p => p.Labels)
                    .Ignore(p => p.Links)
                    .Ignore(p => p.Attachments)
                    .Ignore(p => p.Steps)
                    .Ignore(p => p.Saga);
                e.HasOne<Packet>()
                    .WithMany()
                    .HasForeignKey(p => new
                    {
                        p.TenantId,
                        p.WorkspaceId,
                        p.ParentId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.HasIndex(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Workflow,
                    p.State,
                    p.Id,
                });
                e.HasIndex(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Type,
                    p.Id,
                });

                // With all in it that lists are narrowed by, so that looking for a word need not read the rows.
                e.HasIndex(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Id,
                    p.Folded,
                    p.Closed,
                    p.Workflow,
                    p.State,
                    p.Type,
                });
                e.HasIndex(p => new
                    {
                        p.TenantId,
                        p.WorkspaceId,
                        p.Assignee,
                    })
                    .HasFilter(NotNull(db, "Assignee"));
            }
        );
        Room<PacketLabel>(
            model,
            e =>
            {
                e.Property(l => l.Label).HasMaxLength(40);
                e.HasKey(l => new
                {
                    l.TenantId,
                    l.WorkspaceId,
                    l.Label,
                    l.PacketId,
                });
                e.HasOne<Packet>()
                    .WithMany()
                    .HasForeignKey(l => new
                    {
                        l.TenantId,
                        l.WorkspaceId,
                        l.PacketId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
            }
        );
        Room<PacketEvent>(
            model,
            e =>
            {
                e.HasKey(h => new
                {
                    h.TenantId,
                    h.WorkspaceId,
                    h.PacketId,
                    h.Number,
                });
                e.Property(h => h.Number).ValueGeneratedNever();
                e.Property(h => h.Kind).HasMaxLength(40);
                Long(e, h => h.Data);
                e.Ignore(h => h.Json);
            }
        );
        Room<WorkTask>(
            model,
            e =>
            {
                e.HasKey(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.Id,
                });
                e.Property(t => t.Role).HasMaxLength(40);
                e.HasOne<Packet>()
                    .WithMany()
                    .HasForeignKey(t => new
                    {
                        t.TenantId,
                        t.WorkspaceId,
                        t.PacketId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.HasIndex(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.Assignee,
                    t.Rank,
                    t.Id,
                });
                e.HasIndex(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.Role,
                    t.Assignee,
                    t.Rank,
                    t.Id,
                });
                e.HasIndex(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.DueAt,
                });
                e.HasIndex(t => new
                {
                    t.TenantId,
                    t.WorkspaceId,
                    t.PacketId,
                });
            }
        );
        Room<Schedule>(
            model,
            e =>
            {
                e.HasKey(s => new
                {
                    s.TenantId,
                    s.WorkspaceId,
                    s.Id,
                });
                e.Property(s => s.Key).HasMaxLength(60);
                e.HasIndex(s => new
                    {
                        s.TenantId,
                        s.WorkspaceId,
                        s.Key,
                    })
                    .IsUnique();
                e.Property(s => s.WhenWorkflow).HasMaxLength(60);
                e.Property(s => s.WhenState).HasMaxLength(60);
                e.Property(s => s.LastProblem).HasMaxLength(4000);
                Long(e, s => s.SealedSecret);
                Long(e, s => s.StartsJson);
                e.Ignore(s => s.Starts).Ignore(s => s.KnowingSecret);
                e.HasIndex(s => new
                {
                    s.TenantId,
                    s.WorkspaceId,
                    s.WhenWorkflow,
                    s.WhenState,
                });
            }
        );
        Room<PacketImport>(
            model,
            e =>
            {
                e.HasKey(i => new
                {
                    i.TenantId,
                    i.WorkspaceId,
                    i.Id,
                });
                e.Property(i => i.Digest).HasMaxLength(64);
                e.Property(i => i.Type).HasMaxLength(60);
                e.Property(i => i.Workflow).HasMaxLength(60);
                Long(e, i => i.ColumnsJson);
                Long(e, i => i.PlanJson);
                e.Ignore(i => i.Columns).Ignore(i => i.Plan).Ignore(i => i.IsOver);
                e.HasIndex(i => new
                {
                    i.TenantId,
                    i.WorkspaceId,
                    i.Digest,
                });
            }
        );
        Room<ImportFile>(
            model,
            e =>
            {
                e.HasKey(f => new
                {
                    f.TenantId,
                    f.WorkspaceId,
                    f.ImportId,
                });
                e.HasOne<PacketImport>()
                    .WithMany()
                    .HasForeignKey(f => new
                    {
                        f.TenantId,
                        f.WorkspaceId,
                        f.ImportId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                e.Property(f => f.Content).HasMaxLength(2 * PacketImport.MaxBytes);
            }
        );
        Room<ImportRow>(
            model,
            e =>
            {
                e.HasKey(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.ImportId,
                    r.Number,
                });
                e.Property(r => r.Number).ValueGeneratedNever();
                e.Property(r => r.Title).HasMaxLength(Packet.MaxTitle);
                e.Property(r => r.Folded).HasMaxLength(Packet.MaxTitle);
                Long(e, r => r.FaultsJson);
                Long(e, r => r.Payload);
                Long(e, r => r.Labels);
                Long(e, r => r.Data);
                e.Ignore(r => r.Faults);
                e.HasOne<PacketImport>()
                    .WithMany()
                    .HasForeignKey(r => new
                    {
                        r.TenantId,
                        r.WorkspaceId,
                        r.ImportId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
            }
        );
        Room<StoredFile>(
            model,
            e =>
            {
                e.Property(f => f.Digest).HasMaxLength(64);
                e.HasKey(f => new
                {
                    f.TenantId,
                    f.WorkspaceId,
                    f.Digest,
                });
                e.Property(f => f.Type).HasMaxLength(100);
                e.Property(f => f.Content).HasMaxLength(StoredFile.MaxBytes);
            }
        );
        Room<Receipt>(
            model,
            e =>
            {
                e.HasKey(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.Id,
                });
                e.Property(r => r.Kind).HasMaxLength(40);
                e.Property(r => r.Digest).HasMaxLength(44);
                e.Property(r => r.TraceId).HasMaxLength(32);
                e.Property(r => r.Entry).HasMaxLength(ReceiptWriter.MaxEntryBytes);
                e.HasIndex(r => new
                    {
                        r.TenantId,
                        r.WorkspaceId,
                        r.SubjectId,
                        r.Step,
                    })
                    .IsUnique();
            }
        );

        // These two are written with their receipt from the same object, in one commit, and nowhere else; the audit of the log holds them against
        // each other. A reference that the database checks would cost as much as the row, and on PostgreSQL far more until it has statistics.
        model.Entity<Disclosure>(e =>
        {
            e.HasKey(d => new
            {
                d.TenantId,
                d.WorkspaceId,
                d.ReceiptId,
            });
            Long(e, d => d.Opened);
            Long(e, d => d.Erased);
            e.Property(d => d.HeldLevel).HasMaxLength(10);
            e.Ignore(d => d.Names).Ignore(d => d.ErasedNames);
        });
        Room<Contract>(
            model,
            e =>
            {
                e.HasKey(c => new
                {
                    c.TenantId,
                    c.WorkspaceId,
                    c.Id,
                });
                e.HasOne<Principal>().WithMany().HasForeignKey(c => new { c.TenantId, c.PartnerId }).OnDelete(DeleteBehavior.Restrict);
                Long(e, c => c.KindsJson);
                Long(e, c => c.FieldsJson);
                e.Property(c => c.Connection).HasMaxLength(80);
                e.Ignore(c => c.SharedKinds).Ignore(c => c.SharedFields);
            }
        );
        model.Entity<ReceiptPlace>(e =>
        {
            e.HasKey(p => new
            {
                p.TenantId,
                p.WorkspaceId,
                p.ReceiptId,
            });
            e.Property(p => p.Position).IsConcurrencyToken();
            e.Property(p => p.Leaf).HasMaxLength(32);
            e.HasIndex(p => new { p.TenantId, p.Position }).IsUnique().HasFilter(NotNull(db, "Position"));
            e.HasIndex(p => new
            {
                p.TenantId,
                p.WorkspaceId,
                p.Position,
            });
            e.HasIndex(p => p.Ticks).HasFilter(Null(db, "Position"));
        });
        model.Entity<LogHead>(e =>
        {
            e.HasKey(h => h.TenantId);
            e.HasOne<Tenant>().WithMany().HasForeignKey(h => h.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(h => h.Size).IsConcurrencyToken();
            e.Property(h => h.Epoch).IsConcurrencyToken();
            e.Property(h => h.Roots).HasMaxLength(64 * 32);
            e.Property(h => h.Frozen).HasMaxLength(2000);
        });
        model.Entity<LogTile>(e =>
        {
            e.HasKey(t => new
            {
                t.TenantId,
                t.Level,
                t.Index,
            });
            e.HasOne<Tenant>().WithMany().HasForeignKey(t => t.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(t => t.Level).ValueGeneratedNever();
            e.Property(t => t.Index).ValueGeneratedNever();
            e.Property(t => t.Hashes).HasMaxLength(Tile.FullWidth * 32);
            e.Property(t => t.Root).HasMaxLength(32);
        });
        model.Entity<LogCheckpoint>(e =>
        {
            e.HasKey(c => new { c.TenantId, c.Size });
            e.HasOne<Tenant>().WithMany().HasForeignKey(c => c.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(c => c.Size).ValueGeneratedNever();
            e.Property(c => c.Note).HasMaxLength(2000);
        });
        model.Entity<LogCosignature>(e =>
        {
            e.Property(c => c.Witness).HasMaxLength(200);
            e.HasKey(c => new
            {
                c.TenantId,
                c.Size,
                c.Witness,
            });
            e.HasOne<LogCheckpoint>().WithMany().HasForeignKey(c => new { c.TenantId, c.Size }).OnDelete(DeleteBehavior.Restrict);
            e.Property(c => c.Line).HasMaxLength(1000);
        });
        model.Entity<LogKey>(e =>
        {
            e.HasKey(k => new { k.TenantId, k.Id });
            e.HasOne<Tenant>().WithMany().HasForeignKey(k => k.TenantId).OnDelete(DeleteBehavior.Restrict);
            e.Property(k => k.Verifier).HasMaxLength(400);
            e.Property(k => k.Sealed).HasMaxLength(2000);
        });
        Room<Page>(
            model,
            e =>
            {
                e.HasKey(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Id,
                });
                e.Property(p => p.Slug).HasMaxLength(80);
                e.HasIndex(p => new
                    {
                        p.TenantId,
                        p.WorkspaceId,
                        p.Slug,
                    })
                    .IsUnique();
            }
        );
        Room<PageRevision>(
            model,
            e =>
            {
                e.HasKey(r => new
                {
                    r.TenantId,
                    r.WorkspaceId,
                    r.PageId,
                    r.Number,
                });
                e.Property(r => r.Number).ValueGeneratedNever();
                e.HasOne<Page>()
                    .WithMany()
                    .HasForeignKey(r => new
                    {
                        r.TenantId,
                        r.WorkspaceId,
                        r.PageId,
                    })
                    .OnDelete(DeleteBehavior.Restrict);
                Long(e, r => r.Markdown);
                Long(e, r => r.Html);
            }
        );
        Room<ProfileEntry>(
            model,
            e =>
            {
                e.Property(p => p.Key).HasMaxLength(100);
                e.HasKey(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Key,
                });
                Long(e, p => p.Value);
            }
        );
        Room<Connection>(
            model,
            e =>
            {
                e.Property(c => c.Key).HasMaxLength(80);
                e.HasKey(c => new
                {
                    c.TenantId,
                    c.WorkspaceId,
                    c.Key,
                });
                e.Property(c => c.Url).HasMaxLength(2000);
                e.Property(c => c.ProbeUrl).HasMaxLength(2000);
                Long(e, c => c.SealedSecret);
            }
        );
        Room<IdempotencyKey>(
            model,
            e =>
            {
                e.Property(k => k.Key).HasMaxLength(200);
                e.HasKey(k => new
                {
                    k.TenantId,
                    k.WorkspaceId,
                    k.PrincipalId,
                    k.Key,
                });
            }
        );
        Room<Stop>(
            model,
            e =>
            {
                e.HasKey(s => new
                {
                    s.TenantId,
                    s.WorkspaceId,
                    s.Id,
                });
                e.HasIndex(s => new { s.TenantId, s.ReleasedAt });
                e.Property(s => s.Reason).HasMaxLength(2000);
                e.Property(s => s.Level).HasMaxLength(10);
                e.Ignore(s => s.Probe).Ignore(s => s.State).Ignore(s => s.TimeToStop);
            }
        );
        Room<StopProbe>(
            model,
            e =>
            {
                e.HasKey(p => new
                {
                    p.TenantId,
                    p.WorkspaceId,
                    p.Boundary,
                });
                e.Property(p => p.Fault).HasMaxLength(400);
                e.Ignore(p => p.Engaged);
            }
        );
        model.Entity<Job>(e =>
        {
            e.Property(j => j.Epoch).IsConcurrencyToken();
            e.Property(j => j.LastError).HasMaxLength(4000);
            e.Property(j => j.Kind).HasMaxLength(40);
            e.Property(j => j.Detail).HasMaxLength(200);
            e.HasIndex(j => new { j.State, j.DueAt });
            e.HasIndex(j => new
            {
                j.TenantId,
                j.WorkspaceId,
                j.SubjectId,
            });
        });

        // SQL Server needs to know about triggers before it writes; the migrations make them for every provider.
        foreach (var table in AppendOnly.Tables)
            model.Entity(table).ToTable(t => t.HasTrigger($"{t.Name}_append_only"));

        foreach (
            var type in model.Model.GetEntityTypes().Select(t => t.ClrType).Where(t => t.IsAssignableTo(typeof(ITenantOwned))).ToList()
        )
        {
            // A tenant's stop reaches into every workspace, so each may see it, and so does its probe; the tenant's policies include everybody's exceptions; a token is made from a principal's roles in all of them.
            var byWorkspace =
                type.IsAssignableTo(typeof(IWorkspaceOwned))
                && type != typeof(Stop)
                && type != typeof(StopProbe)
                && type != typeof(RoleBinding)
                && type != typeof(AuthorityOverride);
            typeof(MumegaDb)
                .GetMethod(nameof(MumegaDb.Filter), BindingFlags.Instance | BindingFlags.NonPublic)!
                .MakeGenericMethod(type)
                .Invoke(db, [model, byWorkspace]);
            if (model.Entity(type).Metadata.FindProperty("Version") is { } version)
                version.IsConcurrencyToken = true;
        }

        model.Entity<WebSession>().Property(s => s.Version).IsConcurrencyToken();

        // The token server's rows keep whole tokens and lists; only what it indexes has a length of its own.
        var tokenServer = model
            .Model.GetEntityTypes()
            .Where(t => t.ClrType.Namespace?.StartsWith("OpenIddict", StringComparison.Ordinal) == true);
        foreach (
            var property in tokenServer
                .SelectMany(t => t.GetProperties())
                .Where(p => p.ClrType == typeof(string) && p.GetMaxLength() == 400 && p.Name != "Subject")
        )
            property.SetMaxLength(-1);
    }

    private static void Room<T>(ModelBuilder model, Action<EntityTypeBuilder<T>> configure)
        where T : class, IWorkspaceOwned =>
        model.Entity<T>(e =>
        {
            configure(e);
            e.HasOne<Workspace>().WithMany().HasForeignKey(row => new { row.TenantId, row.WorkspaceId }).OnDelete(DeleteBehavior.Restrict);
        });

    private static void Long<T>(EntityTypeBuilder<T> e, System.Linq.Expressions.Expression<Func<T, string?>> property)
        where T : class => e.Property(property).HasMaxLength(-1);

    private static string NotNull(MumegaDb db, string column) => $"{Quoted(db, column)} IS NOT NULL";

    private static string Null(MumegaDb db, string column) => $"{Quoted(db, column)} IS NULL";

    private static string Quoted(MumegaDb db, string column) => db.Database.IsSqlServer() ? $"[{column}]" : $"\"{column}\"";
}
