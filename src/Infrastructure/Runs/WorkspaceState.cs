using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Budgets;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Jobs;
using Mumega.Domain.Members;
using Mumega.Domain.Packets;
using Mumega.Domain.Pages;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Schedules;
using Mumega.Domain.Stops;
using Mumega.Domain.Tasks;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Webhooks;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Data;
using OpenIddict.Abstractions;

namespace Mumega.Infrastructure.Runs;

/// <summary>What actions see of a workspace: the rows of one open context, committed with the run.</summary>
internal sealed partial class WorkspaceState(
    MumegaDb db,
    string tenantKey,
    string publicAddress,
    DateTimeOffset now,
    Func<string, string> seal
) : IWorkspaceState
{
    public Guid WorkspaceId => db.WorkspaceId;

    public Task<Page?> FindPageAsync(string slug, CancellationToken ct) => db.Queries.PageAt(db, slug, ct);

    public async Task<PageRevision?> FindRevisionAsync(Guid pageId, int number, CancellationToken ct) =>
        await db.PageRevisions.SingleOrDefaultAsync(r => r.PageId == pageId && r.Number == number, ct);

    public string PageAddress(string slug) => $"{publicAddress}/p/{tenantKey}/{slug}";

    public Task<bool> IsAddressTakenAsync(string slug, CancellationToken ct) =>
        db.Queries.AddressTakenElsewhere(db, db.WorkspaceId, slug, ct);

    public string Render(string markdown) => Pages.Markdown.Render(markdown);

    public async Task<PolicyVersion> FindPoliciesAsync(CancellationToken ct) =>
        await db.PolicyVersions.OrderByDescending(p => p.Number).FirstAsync(ct);

    public async Task<int> CountHoldersAsync(string role, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        var roles = PolicyBook.RolesThatInclude(role);
        var holders = await db.RolesAt(now)
            .Where(b => b.WorkspaceId == workspaceId && roles.Contains(b.Role))
            .Select(b => b.PrincipalId)
            .Distinct()
            .ToListAsync(ct);
        var people = await db.Principals.Where(p => holders.Contains(p.Id) && p.Kind == PrincipalKind.User).AsNoTracking().ToListAsync(ct);
        return people.Count(p => p.IsActive(now));
    }

    public async Task<ProfileEntry?> FindProfileEntryAsync(string key, CancellationToken ct) =>
        await db.Set<ProfileEntry>().SingleOrDefaultAsync(p => p.Key == key, ct);

    public async Task<Principal?> FindPrincipalAsync(Guid id, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return await db.RolesAt(now).AnyAsync(b => b.PrincipalId == id && b.WorkspaceId == workspaceId, ct)
            ? await db.Principals.SingleOrDefaultAsync(p => p.Id == id, ct)
            : null;
    }

    public async Task<Principal?> FindTenantPrincipalAsync(Guid id, CancellationToken ct) =>
        await db.Principals.SingleOrDefaultAsync(p => p.Id == id, ct);

    // One whose end has passed is still in the table, and is given anew.
    public async Task<RoleBinding?> FindRoleAsync(Guid principalId, string role, CancellationToken ct) =>
        await BindingAsync(principalId, role, ct) is { } held && held.Holds(now) ? held : null;

    public void SetRole(Guid principalId, string role, RoleBinding? held, DateTimeOffset? until, Guid grantedBy)
    {
        held ??= db.RoleBindings.Local.FirstOrDefault(b =>
            b.PrincipalId == principalId && b.Role == role && b.WorkspaceId == db.WorkspaceId
        );
        if (held is null)
            db.RoleBindings.Add(
                held = new()
                {
                    TenantId = db.TenantId,
                    WorkspaceId = db.WorkspaceId,
                    PrincipalId = principalId,
                    Role = role,
                    CreatedAt = now,
                }
            );
        (held.Until, held.GrantedBy, held.ElevationId) = (until, grantedBy, null);
    }

    public async Task<RoleBinding?> FindOtherOwnerAsync(Guid than, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        var others = (
            await db
                .RoleBindings.Where(b => b.WorkspaceId == workspaceId && b.Role == "owner" && b.Until == null && b.PrincipalId != than)
                .OrderBy(b => b.PrincipalId)
                .ToListAsync(ct)
        )
            .Where(o => Stays(o) && o.Until is null)
            .ToList();
        var ids = others.Select(o => o.PrincipalId).ToList();
        var people = await db.Principals.Where(p => ids.Contains(p.Id) && p.Kind == PrincipalKind.User).AsNoTracking().ToListAsync(ct);
        return others.FirstOrDefault(o => people.Any(p => p.Id == o.PrincipalId && p.IsActive(now)));
    }

    public void Vouch(RoleBinding stays) => db.Entry(stays).Property(b => b.GrantedBy).IsModified = true;

    private async Task<RoleBinding?> BindingAsync(Guid principalId, string role, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return
            await db.RoleBindings.SingleOrDefaultAsync(
                b => b.PrincipalId == principalId && b.Role == role && b.WorkspaceId == workspaceId,
                ct
            )
                is { } found
            && Stays(found)
            ? found
            : null;
    }

    // Several runs may share a commit: what an earlier one takes away is still in the database for a later one.
    private bool Stays(RoleBinding role) => db.Entry(role).State is not EntityState.Deleted;

    public async Task<Connection?> FindConnectionAsync(string key, CancellationToken ct) =>
        await db.Connections.SingleOrDefaultAsync(c => c.Key == key, ct);

    public async Task<Stop?> FindStopAsync(Guid id, CancellationToken ct) =>
        await db.Stops.SingleOrDefaultAsync(s => s.Id == id && s.WorkspaceId == WorkspaceId, ct);

    public async Task<Outcome<Stop>> ReleaseStopAsync(Stop stop, int? atOnce, Actor by, CancellationToken ct)
    {
        if (stop.Release(atOnce, by, now).Refused(out var why, out var evidence))
            return why;

        db.Add(evidence);
        if (stop.State is StopState.Releasing)
            db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.WatchStop, stop.Id, now));
        else
            foreach (var workspace in await ReachAsync(db, stop, ct))
                db.Jobs.Add(NewJob(db.TenantId, workspace, JobKind.ResumeRuns, stop.Id, now));
        return stop;
    }

    public async Task<IReadOnlyList<ChainLink>> FindChainAsync(Guid receiptId, CancellationToken ct)
    {
        // On SQLite what is overwritten would otherwise stay readable in the file's free space.
        if (db.Database.IsSqlite())
            await db.Database.ExecuteSqlRawAsync("PRAGMA secure_delete = ON", ct);

        var subject = db.Receipts.Where(r => r.Id == receiptId).Select(r => r.SubjectId);
        return
        [
            .. (
                await db
                    .Receipts.Where(r => subject.Contains(r.SubjectId))
                    .OrderBy(r => r.Step)
                    .Join(db.Disclosures, r => r.Id, d => d.ReceiptId, (r, d) => new { Receipt = r, Disclosure = d })
                    .ToListAsync(ct)
            ).Select(l => new ChainLink(l.Receipt, l.Disclosure)),
        ];
    }

    public async Task<CustomRole?> FindCustomRoleAsync(string key, CancellationToken ct) =>
        await db.CustomRoles.SingleOrDefaultAsync(r => r.Key == key, ct);

    public Task<int> CountBindingsAsync(string role, CancellationToken ct) => db.RolesAt(now).CountAsync(b => b.Role == role, ct);

    public async Task<AuthorityOverride?> FindOverrideAsync(Guid principalId, string act, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return await db.AuthorityOverrides.SingleOrDefaultAsync(
            o => o.PrincipalId == principalId && o.Act == act && o.WorkspaceId == workspaceId,
            ct
        );
    }

    public async Task<Invitation?> FindInvitationAsync(Guid id, CancellationToken ct) =>
        await db.Invitations.SingleOrDefaultAsync(i => i.Id == id, ct);

    public void Invite(Invitation invitation, Actor by)
    {
        db.Invitations.Add(invitation);
        db.Add(invitation.Begin(by, now));
    }

    public Refusal? Revoke(Invitation invitation, Actor by)
    {
        if (invitation.Revoke(by, now).Refused(out var why, out var evidence))
            return why;

        db.Add(evidence);
        return null;
    }

    public async Task<Tenant> FindTenantAsync(CancellationToken ct)
    {
        var tenantId = db.TenantId;
        return await db.Tenants.SingleAsync(t => t.Id == tenantId, ct);
    }

    public async Task<Workspace> FindWorkspaceAsync(CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return await db.Workspaces.SingleAsync(w => w.Id == workspaceId, ct);
    }

    public async Task<Budget?> FindBudgetAsync(string key, CancellationToken ct) =>
        await db.Budgets.SingleOrDefaultAsync(b => b.Key == key, ct);

    public async Task<Run?> FindRunAsync(Guid id, CancellationToken ct) => await db.Runs.SingleOrDefaultAsync(r => r.Id == id, ct);

    public async Task ForgetAsync(Guid runId, IReadOnlyCollection<string> texts, CancellationToken ct)
    {
        if ((await db.Queries.ApprovalOfRun(db, runId, ct)) is { } approval)
            approval.Erase(texts);

        foreach (var text in texts)
        {
            // Longer ones were cut when they were kept.
            var (part, gone) = (text.Length > 100 ? text[..100] : text, Run.Gone);
            db.Confirmations.RemoveRange(await db.Confirmations.Where(c => c.What.Contains(part)).ToListAsync(ct));
            db.Also(stop =>
                db.SecurityEvents.Where(e => e.Detail!.Contains(part)).ExecuteUpdateAsync(set => set.SetProperty(e => e.Detail, gone), stop)
            );
            db.Also(stop =>
                db.Jobs.Where(j => j.TenantId == db.TenantId && j.LastError!.Contains(part))
                    .ExecuteUpdateAsync(set => set.SetProperty(j => j.LastError, gone), stop)
            );
        }
    }

    public async Task<IReadOnlyList<Contract>> FindContractsAsync(string partner, CancellationToken ct) =>
        await db
            .Contracts.Where(c => db.Principals.Any(p => p.Id == c.PartnerId && p.Kind == PrincipalKind.Partner && p.Name == partner))
            .OrderByDescending(c => c.CreatedAt)
            .ToListAsync(ct);

    public async Task<Contract?> FindContractAsync(Guid id, CancellationToken ct) =>
        await db.Contracts.SingleOrDefaultAsync(c => c.Id == id, ct);

    public async Task<Principal?> FindPartnerAsync(string name, CancellationToken ct) =>
        await db.Principals.SingleOrDefaultAsync(p => p.Kind == PrincipalKind.Partner && p.Name == name, ct);

    public Principal AddPartner(string name, string jwk, DateTimeOffset now)
    {
        var id = Guid.CreateVersion7(now);
        var partner = new Principal
        {
            TenantId = db.TenantId,
            Id = id,
            Kind = PrincipalKind.Partner,
            Name = name,
            ClientId = $"partner-{id:N}",
            CreatedAt = now,
        };
        db.Principals.Add(partner);

        var client = NewClient(
            partner,
            [
                OpenIddictConstants.Permissions.Endpoints.Token,
                OpenIddictConstants.Permissions.Endpoints.Revocation,
                OpenIddictConstants.Permissions.GrantTypes.ClientCredentials,
                OpenIddictConstants.Permissions.Prefixes.Scope + Scopes.Receipts,
            ]
        );
        client.JsonWebKeySet = JsonSerializer.Serialize(new { keys = new[] { JsonDocument.Parse(jwk).RootElement } });
        db.Add(client);
        return partner;
    }

    public async Task SetPartnerRoleAsync(Principal partner, bool holds, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        var bound = await db.RoleBindings.SingleOrDefaultAsync(
            b => b.PrincipalId == partner.Id && b.WorkspaceId == workspaceId && b.Role == "partner",
            ct
        );
        if (holds && bound is null)
            db.RoleBindings.Add(
                new()
                {
                    TenantId = db.TenantId,
                    WorkspaceId = workspaceId,
                    PrincipalId = partner.Id,
                    Role = "partner",
                    CreatedAt = now,
                }
            );
        if (!holds && bound is not null)
            db.RoleBindings.Remove(bound);
    }

    public Task<PacketType?> FindPacketTypeAsync(string key, int? number, CancellationToken ct) =>
        Pick(db.PacketTypes.Where(t => t.Key == key && (number == null || t.Number == number)).OrderByDescending(t => t.Number), ct);

    public Task<Workflow?> FindWorkflowAsync(string key, int? number, CancellationToken ct) =>
        Pick(db.Workflows.Where(w => w.Key == key && (number == null || w.Number == number)).OrderByDescending(w => w.Number), ct);

    public async Task<IReadOnlyList<string>> WorkflowsForAsync(string packetType, CancellationToken ct) =>
        await db.Workflows.Where(w => w.PacketType == packetType).Select(w => w.Key).Distinct().OrderBy(k => k).ToListAsync(ct);

    // What this commit adds is found too, before it is in the database.
    public async Task<Packet?> FindPacketAsync(Guid id, CancellationToken ct) =>
        db.Packets.Local.FirstOrDefault(p => p.Id == id) ?? await db.Packets.SingleOrDefaultAsync(p => p.Id == id, ct);

    public async Task<IReadOnlyList<Packet>> PacketsUnderAsync(string workflow, int version, int limit, CancellationToken ct) =>
        await db
            .Packets.Where(p => p.Workflow == workflow && p.WorkflowVersion == version && !p.Closed)
            .OrderBy(p => p.Id)
            .Take(limit)
            .ToListAsync(ct);

    public async Task KeepAsync(Packet packet, PacketEvent happened, WorkflowDocument document, CancellationToken ct)
    {
        db.Add(happened);
        await ProjectAsync(packet, document, ct);
        if (happened.Kind is PacketChange.Created or PacketChange.Edited)
            await LabelAsync(packet, ct);

        var entered = happened.Kind is PacketChange.Created || packet.EnteredBy == happened.Number;
        var clocks = entered || happened.Kind is PacketChange.Migrated;

        // Under another version the same state may have other clocks; one that is over already rings at once.
        if (clocks)
            db.Jobs.AddRange(Clocks(db.TenantId, db.WorkspaceId, packet.Id, document, packet.State, packet.EnteredAt));
        if (entered)
        {
            foreach (var schedule in await WaitingForAsync(db, packet.Workflow, packet.State, ct))
                db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.FireSchedule, schedule, now, $"{packet.Id}/{happened.Number}"));
        }

        var automatic = (clocks || happened.Kind is PacketChange.Edited) && document.Out(packet.State).Any(t => t.Transition.Automatic);
        if (packet.Saga is { Stuck: null, Run: null } || (automatic && packet is { PendingRun: null, SagaJson: null }))
            db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.ContinuePacket, packet.Id, now));
    }

    public async Task<PacketImport?> FindImportAsync(Guid id, CancellationToken ct) =>
        await db.PacketImports.SingleOrDefaultAsync(i => i.Id == id, ct);

    public async Task<PacketImport?> FindImportedAsync(string digest, CancellationToken ct) =>
        await db
            .PacketImports.AsNoTracking()
            .Where(i => i.Digest == digest && i.State == ImportState.Imported)
            .OrderByDescending(i => i.Id)
            .FirstOrDefaultAsync(ct);

    public async Task<IReadOnlyList<ImportRow>> SampleAsync(PacketImport import, int count, CancellationToken ct) =>
        await db
            .ImportRows.AsNoTracking()
            .Where(r => r.ImportId == import.Id && r.FaultsJson == null)
            .OrderBy(r => r.Number)
            .Take(count)
            .ToListAsync(ct);

    public void LetIn(PacketImport import, Packet pattern, PacketEvent created, WorkTask? task)
    {
        db.Also(async ct =>
        {
            // Everybody else waits for this commit; with room for it in memory its pages are written once.
            if (db.Database.IsSqlite())
                await db.Database.ExecuteSqlRawAsync("PRAGMA cache_size = -262144", ct);
            await db.Queries.Rows.CopyAsync(
                db,
                pattern,
                import,
                new Dictionary<string, string>
                {
                    [nameof(Packet.Id)] = nameof(ImportRow.PacketId),
                    [nameof(Packet.Title)] = nameof(ImportRow.Title),
                    [nameof(Packet.Folded)] = nameof(ImportRow.Folded),
                    [nameof(Packet.Payload)] = nameof(ImportRow.Payload),
                    [nameof(Packet.LabelsJson)] = nameof(ImportRow.Labels),
                },
                ct
            );
            await db.Queries.Rows.CopyAsync(
                db,
                created,
                import,
                new Dictionary<string, string>
                {
                    [nameof(PacketEvent.PacketId)] = nameof(ImportRow.PacketId),
                    [nameof(PacketEvent.Data)] = nameof(ImportRow.Data),
                },
                ct
            );
            if (task is not null)
                await db.Queries.Rows.CopyAsync(
                    db,
                    task,
                    import,
                    new Dictionary<string, string>
                    {
                        [nameof(WorkTask.Id)] = nameof(ImportRow.TaskId),
                        [nameof(WorkTask.PacketId)] = nameof(ImportRow.PacketId),
                    },
                    ct
                );
            await db.Queries.Rows.CopyLabelsAsync(db, import, ct);
            if (db.Database.IsSqlite())
                await db.Database.ExecuteSqlRawAsync("PRAGMA cache_size = -2000", ct);
        });
        db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.ImportPackets, import.Id, now));
    }

    public async Task<StoredFile?> FindFileAsync(string digest, CancellationToken ct) =>
        await db
            .StoredFiles.Where(f => f.Digest == digest)
            .Select(f => new StoredFile
            {
                TenantId = f.TenantId,
                WorkspaceId = f.WorkspaceId,
                Digest = f.Digest,
                Type = f.Type,
                Size = f.Size,
                Content = Array.Empty<byte>(),
                UploadedBy = f.UploadedBy,
                UploadedAt = f.UploadedAt,
                AttachedAt = f.AttachedAt,
            })
            .AsNoTracking()
            .SingleOrDefaultAsync(ct);

    public void Attached(StoredFile file)
    {
        if (file.AttachedAt is not null)
            return;

        // Its content was not read and is not written.
        file.AttachedAt = now;
        db.Attach(file).Property(f => f.AttachedAt).IsModified = true;
    }

    public async Task<Schedule?> FindScheduleAsync(string key, CancellationToken ct) =>
        await db.Schedules.SingleOrDefaultAsync(s => s.Key == key, ct);

    public Outcome<Occasion> NextOccasion(string cron, string timeZone, DateTimeOffset after) => Clockwork.Next(cron, timeZone, after);

    public (string Secret, string Sealed) NewSecret()
    {
        var secret = $"whsec_{Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32))}";
        return (secret, seal(secret));
    }

    public async Task<IReadOnlyList<DecisionReason>> FindReasonsAsync(CancellationToken ct) =>
        await db.DecisionReasons.OrderBy(r => r.Code).ToListAsync(ct);

    public void Remove(object row) => db.Remove(row);

    public void Await(Schedule schedule)
    {
        if (schedule is { Enabled: true, NextAt: { } next })
            db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.FireSchedule, schedule.Id, next, "clock"));
    }

    public void Add(object row) => db.Add(row);

    /// <summary>Makes a packet's task anew.</summary>
    private async Task ProjectAsync(Packet packet, WorkflowDocument document, CancellationToken ct)
    {
        var (next, changed) = (WorkTask.Of(packet, document), false);
        foreach (
            var old in db
                .WorkTasks.Local.Where(t => t.PacketId == packet.Id)
                .Concat(await db.WorkTasks.Where(t => t.PacketId == packet.Id).ToListAsync(ct))
                .Distinct()
                .ToList()
        )
        {
            if (next is not null && old.Id == next.Id)
            {
                db.Entry(old).CurrentValues.SetValues(next);
                changed = true;
            }
            else
            {
                db.WorkTasks.Remove(old);
            }
        }

        if (next is not null && !changed)
            db.WorkTasks.Add(next);
    }

    private async Task LabelAsync(Packet packet, CancellationToken ct)
    {
        var (wanted, there) = (packet.Labels, await db.PacketLabels.Where(l => l.PacketId == packet.Id).ToListAsync(ct));
        db.PacketLabels.RemoveRange(there.Where(l => !wanted.Contains(l.Label)));
        foreach (var label in wanted.Where(w => there.All(l => l.Label != w)))
            db.PacketLabels.Add(
                new()
                {
                    TenantId = packet.TenantId,
                    WorkspaceId = packet.WorkspaceId,
                    PacketId = packet.Id,
                    Label = label,
                }
            );
    }

    private static async Task<T?> Pick<T>(IQueryable<T> rows, CancellationToken ct)
        where T : class => await rows.AsNoTracking().FirstOrDefaultAsync(ct);

    /// <summary>The workspaces that a stop reaches.</summary>
    public static async Task<List<Guid>> ReachAsync(MumegaDb db, Stop stop, CancellationToken ct) =>
        stop.Boundary is StopBoundary.Tenant ? await db.Workspaces.Select(w => w.Id).ToListAsync(ct) : [stop.WorkspaceId];

    /// <summary>The schedules that wait for packets of a workflow to come into a state.</summary>
    public static Task<List<Guid>> WaitingForAsync(MumegaDb db, string workflow, string state, CancellationToken ct) =>
        db
            .Schedules.Where(x => x.Trigger == Trigger.Packet && x.Enabled && x.WhenWorkflow == workflow && x.WhenState == state)
            .Select(x => x.Id)
            .ToListAsync(ct);

    /// <summary>The clocks that a packet's state has by its workflow.</summary>
    public static IEnumerable<Job> Clocks(
        Guid tenant,
        Guid workspace,
        Guid packet,
        WorkflowDocument document,
        string state,
        DateTimeOffset entered
    ) =>
        document
            .Out(state)
            .Where(t => t.Transition.Timer is not null)
            .Select(t => NewJob(tenant, workspace, JobKind.ContinuePacket, packet, entered + t.Transition.Timer!.Value));

    public static Job NewJob(Guid tenant, Guid workspace, string kind, Guid subject, DateTimeOffset dueAt, string? detail = null) =>
        new()
        {
            Id = Guid.CreateVersion7(dueAt),
            TenantId = tenant,
            WorkspaceId = workspace,
            Kind = kind,
            SubjectId = subject,
            DueAt = dueAt,
            State = JobState.Due,
            Detail = detail,
        };
}
