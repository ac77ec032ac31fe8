using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Pages;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Stops;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Data;
using OpenIddict.Abstractions;
using OpenIddict.EntityFrameworkCore.Models;

namespace Mumega.Infrastructure.Runs;

/// <summary>What actions see of a workspace: the rows of one open context, committed with the run.</summary>
internal sealed class WorkspaceState(MumegaDb db, string tenantKey, string publicAddress, DateTimeOffset now) : IWorkspaceState
{
    public Guid WorkspaceId => db.WorkspaceId;

    public Task<Page?> FindPageAsync(string slug, CancellationToken ct) => db.Queries.PageAt(db, slug, ct);

    public async Task<PageRevision?> FindRevisionAsync(Guid pageId, int number, CancellationToken ct) =>
        await db.PageRevisions.SingleOrDefaultAsync(r => r.PageId == pageId && r.Number == number, ct);

    public string PageAddress(string slug) => $"{publicAddress}/p/{tenantKey}/{slug}";

    public Task<bool> IsAddressTakenAsync(string slug, CancellationToken ct) => db.Queries.AddressTakenElsewhere(db, db.WorkspaceId, slug, ct);

    public string Render(string markdown) => Pages.Markdown.Render(markdown);

    public async Task<PolicyVersion> FindPoliciesAsync(CancellationToken ct) => await db.PolicyVersions.OrderByDescending(p => p.Number).FirstAsync(ct);

    public async Task<int> CountHoldersAsync(string role, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        var roles = PolicyBook.RolesThatInclude(role);
        var holders = await db.RoleBindings.Where(b => b.WorkspaceId == workspaceId && roles.Contains(b.Role)).Select(b => b.PrincipalId).Distinct().ToListAsync(ct);
        var people = await db.Principals.Where(p => holders.Contains(p.Id) && p.Kind == PrincipalKind.User).AsNoTracking().ToListAsync(ct);
        return people.Count(p => p.IsActive(now));
    }

    public async Task<ProfileEntry?> FindProfileEntryAsync(string key, CancellationToken ct) => await db.Set<ProfileEntry>().SingleOrDefaultAsync(p => p.Key == key, ct);

    public async Task<Principal?> FindPrincipalAsync(Guid id, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return await db.RoleBindings.AnyAsync(b => b.PrincipalId == id && b.WorkspaceId == workspaceId, ct)
            ? await db.Principals.SingleOrDefaultAsync(p => p.Id == id, ct)
            : null;
    }

    public async Task EndTokensAsync(Principal principal, CancellationToken ct)
    {
        var subject = principal.Id.ToString();
        foreach (var token in await db.Tokens.Where(t => t.Subject == subject && t.Status == "valid").ToListAsync(ct)) token.Status = "revoked";
    }

    public async Task<Connection?> FindConnectionAsync(string key, CancellationToken ct) => await db.Connections.SingleOrDefaultAsync(c => c.Key == key, ct);

    public async Task<Stop?> FindStopAsync(Guid id, CancellationToken ct) => await db.Stops.SingleOrDefaultAsync(s => s.Id == id && s.WorkspaceId == WorkspaceId, ct);

    public async Task<Outcome<Stop>> ReleaseStopAsync(Stop stop, Actor by, CancellationToken ct)
    {
        if (stop.Release(by, now).Refused(out var why, out var evidence)) return why;

        db.Add(evidence);
        foreach (var workspace in await ReachAsync(db, stop, ct)) db.Jobs.Add(NewJob(db.TenantId, workspace, JobKind.ResumeRuns, stop.Id, now));
        return stop;
    }

    public async Task<IReadOnlyList<ChainLink>> FindChainAsync(Guid receiptId, CancellationToken ct)
    {
        // On SQLite what is overwritten would otherwise stay readable in the file's free space.
        if (db.Database.IsSqlite()) await db.Database.ExecuteSqlRawAsync("PRAGMA secure_delete = ON", ct);

        var subject = db.Receipts.Where(r => r.Id == receiptId).Select(r => r.SubjectId);
        return [.. (await db.Receipts.Where(r => subject.Contains(r.SubjectId)).OrderBy(r => r.Step)
            .Join(db.Disclosures, r => r.Id, d => d.ReceiptId, (r, d) => new { Receipt = r, Disclosure = d }).ToListAsync(ct)).Select(l => new ChainLink(l.Receipt, l.Disclosure))];
    }

    public async Task<Run?> FindRunAsync(Guid id, CancellationToken ct) => await db.Runs.SingleOrDefaultAsync(r => r.Id == id, ct);

    public async Task<IReadOnlyList<Contract>> FindContractsAsync(string partner, CancellationToken ct) =>
        await db.Contracts.Where(c => db.Principals.Any(p => p.Id == c.PartnerId && p.Kind == PrincipalKind.Partner && p.Name == partner)).OrderByDescending(c => c.CreatedAt).ToListAsync(ct);

    public async Task<Contract?> FindContractAsync(Guid id, CancellationToken ct) => await db.Contracts.SingleOrDefaultAsync(c => c.Id == id, ct);

    public async Task<Principal?> FindPartnerAsync(string name, CancellationToken ct) =>
        await db.Principals.SingleOrDefaultAsync(p => p.Kind == PrincipalKind.Partner && p.Name == name, ct);

    public Principal AddPartner(string name, string jwk, DateTimeOffset now)
    {
        var id = Guid.CreateVersion7(now);
        var partner = new Principal { TenantId = db.TenantId, Id = id, Kind = PrincipalKind.Partner, Name = name, ClientId = $"partner-{id:N}", CreatedAt = now };
        db.Principals.Add(partner);

        // What the token server's own manager would write, but in the commit of the contract.
        db.Add(new OpenIddictEntityFrameworkCoreApplication<Guid>
        {
            Id = Guid.CreateVersion7(now),
            ClientId = partner.ClientId,
            ClientType = OpenIddictConstants.ClientTypes.Confidential,
            DisplayName = name,
            JsonWebKeySet = JsonSerializer.Serialize(new { keys = new[] { JsonDocument.Parse(jwk).RootElement } }),
            Permissions = JsonSerializer.Serialize<string[]>(
            [
                OpenIddictConstants.Permissions.Endpoints.Token, OpenIddictConstants.Permissions.Endpoints.Revocation,
                OpenIddictConstants.Permissions.GrantTypes.ClientCredentials, OpenIddictConstants.Permissions.Prefixes.Scope + Scopes.Receipts,
            ]),
            Properties = JsonSerializer.Serialize(new { tenant_id = db.TenantId, principal_id = id }),
        });
        return partner;
    }

    public async Task SetPartnerRoleAsync(Principal partner, bool holds, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        var bound = await db.RoleBindings.SingleOrDefaultAsync(b => b.PrincipalId == partner.Id && b.WorkspaceId == workspaceId && b.Role == "partner", ct);
        if (holds && bound is null) db.RoleBindings.Add(new() { TenantId = db.TenantId, WorkspaceId = workspaceId, PrincipalId = partner.Id, Role = "partner", CreatedAt = now });
        if (!holds && bound is not null) db.RoleBindings.Remove(bound);
    }

    public void Add(object row) => db.Add(row);

    /// <summary>The workspaces that a stop reaches.</summary>
    public static async Task<List<Guid>> ReachAsync(MumegaDb db, Stop stop, CancellationToken ct) =>
        stop.Boundary is StopBoundary.Tenant ? await db.Workspaces.Select(w => w.Id).ToListAsync(ct) : [stop.WorkspaceId];

    public static Job NewJob(Guid tenant, Guid workspace, string kind, Guid subject, DateTimeOffset dueAt) => new()
    {
        Id = Guid.CreateVersion7(dueAt),
        TenantId = tenant,
        WorkspaceId = workspace,
        Kind = kind,
        SubjectId = subject,
        DueAt = dueAt,
        State = JobState.Due,
    };
}
