using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Approvals;
using Mumega.Domain.Budgets;
using Mumega.Domain.Elevations;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Domain.Packets;
using Mumega.Domain.Pages;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Workflows;

namespace Mumega.Infrastructure.Data;

/// <summary>A write that would cross a tenant's or a workspace's wall, or change what may not change. Always a bug.</summary>
public sealed class GuardException(string message) : InvalidOperationException(message);

/// <summary>What every commit is held against before the database sees it.</summary>
internal static class SaveGuard
{
    /// <summary>Throws when the commit may not be; returns whether it changes who may do what.</summary>
    public static bool Check(MumegaDb db, IReadOnlyCollection<Evidence> record)
    {
        bool changed = false,
            evidence = record.Count > 0,
            authority = false;
        foreach (var left in record)
        {
            if (left.Receipt.TenantId != db.TenantId || left.Receipt.WorkspaceId != db.WorkspaceId)
                throw new GuardException("A receipt belongs to another tenant or workspace than the open context.");
        }

        foreach (var entry in db.ChangeTracker.Entries())
        {
            if (entry.State is EntityState.Unchanged or EntityState.Detached)
                continue;

            if (entry.Entity is ITenantOwned owned && owned.TenantId != db.TenantId)
                throw new GuardException($"{entry.Metadata.ShortName()} belongs to another tenant than the open context.");
            if (entry.Entity is IWorkspaceOwned room && room.WorkspaceId != db.WorkspaceId)
                throw new GuardException($"{entry.Metadata.ShortName()} belongs to another workspace than the open context.");
            if (
                entry.Entity
                    is Receipt
                        or PageRevision
                        or ApprovalDecision
                        or PacketEvent
                        or PacketType
                        or Workflow
                        or LogTile
                        or LogCheckpoint
                        or LogCosignature
                && entry.State is not EntityState.Added
            )
                throw new GuardException($"{entry.Metadata.ShortName()} is never changed.");

            changed |=
                entry.Entity
                    is Run
                        or Approval
                        or Stop
                        or Contract
                        or Packet
                        or Delegation
                        or Suspension
                        or AgentSecret
                        or Elevation
                        or Invitation;
            evidence |= entry.Entity is Receipt;
            authority |=
                entry.Entity
                    is Stop
                        or StopProbe
                        or Principal
                        or RoleBinding
                        or PolicyVersion
                        or Workspace
                        or Tenant
                        or Budget
                        or CustomRole
                        or AuthorityOverride;
            if (
                entry.State is EntityState.Modified
                && entry.Metadata.FindProperty("Version") is not null
                && entry.Property("Version") is { OriginalValue: int original } version
            )
            {
                version.CurrentValue = original + 1;
            }
        }

        if (changed && !evidence)
            throw new GuardException(
                "A run, approval, stop, contract, packet, delegation, suspension, secret, elevation or invitation changed without a receipt."
            );
        return authority;
    }
}
