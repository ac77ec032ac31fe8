using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>The roles of a principal in a workspace, and whether it is out of action.</summary>
/// <param name="Elevation">The elevation that gives one of the roles, if one does.</param>
/// <param name="Tier">How an agent works; absent for anybody else.</param>
internal sealed record Standing(IReadOnlySet<string> Roles, bool Suspended, Guid? Elevation = null, AgentTier? Tier = null);

/// <summary>
/// Who may do what in a tenant, remembered. Every act reads the tenant's count of such changes, which is raised in the commit that makes
/// one; what is remembered under another count is read again. So a stop, a suspension or a policy takes effect on the next act, on every node.
/// </summary>
public sealed class Authorities
{
    private const int MaxTenants = 1_000;

    private readonly ConcurrentDictionary<Guid, Authority> tenants = new();
    private readonly ConcurrentDictionary<(Guid Tenant, int Number, string Made), PolicyBook> books = new();

    /// <summary>Throws when the tenant has no policies: without them nothing can be decided, so nothing is allowed.</summary>
    internal async ValueTask<Authority> AsOfAsync(MumegaDb db, Opening opening, CancellationToken ct)
    {
        if (TryRecall(db.TenantId, opening.Authority, out var known))
            return known;

        // Read after the count was: it may be newer than the count says, never older.
        var policies = await PoliciesAsync(db, ct);
        var stops = await db.Stops.Where(s => s.ReleasedAt == null).AsNoTracking().ToListAsync(ct);
        stops.AddRange((await db.StopProbes.Where(p => p.Nonce != null).AsNoTracking().ToListAsync(ct)).Select(p => p.Engaged!));
        var letInBy = await db
            .Principals.Where(p => p.LetInBy != null && p.VerifiedAt == null)
            .Select(p => new { p.Id, By = p.LetInBy!.Value })
            .ToDictionaryAsync(p => p.Id, p => p.By, ct);
        if (tenants.Count >= MaxTenants)
            tenants.Clear();
        return tenants[db.TenantId] = new(opening.Authority, opening.TenantKey, policies, stops, new(letInBy));
    }

    /// <summary>What is remembered under this count, if anything is.</summary>
    internal bool TryRecall(Guid tenantId, long count, [NotNullWhen(true)] out Authority? known) =>
        tenants.TryGetValue(tenantId, out known) && known.Count == count;

    private async Task<PolicyBook> PoliciesAsync(MumegaDb db, CancellationToken ct)
    {
        var number =
            await db.PolicyVersions.MaxAsync(p => (int?)p.Number, ct) ?? throw new InvalidOperationException("The tenant has no policies.");
        var made = string.Concat(
            (await db.CustomRoles.AsNoTracking().OrderBy(r => r.Key).ToListAsync(ct))
                .Select(r => r.Policy())
                .Concat(
                    (
                        await db
                            .AuthorityOverrides.AsNoTracking()
                            .OrderBy(o => o.WorkspaceId)
                            .ThenBy(o => o.PrincipalId)
                            .ThenBy(o => o.Act)
                            .ToListAsync(ct)
                    ).Select(o => o.Policy())
                )
        );
        var key = (
            db.TenantId,
            number,
            Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(made)))
        );
        if (books.TryGetValue(key, out var book))
            return book;

        var text = await db.PolicyVersions.Where(p => p.Number == number).Select(p => p.Text).SingleAsync(ct);
        if (books.Count >= MaxTenants)
            books.Clear();
        return books.GetOrAdd(key, _ => new(number, text, made));
    }
}

/// <summary>One tenant's policies, engaged stops, principals and workspaces as of one count.</summary>
internal sealed class Authority(long count, string tenantKey, PolicyBook policies, IReadOnlyList<Stop> stops, Independence independence)
{
    public static readonly Standing Platform = new(new HashSet<string>(), false);

    private readonly ConcurrentDictionary<(Guid Workspace, Guid Principal), Member> members = new();

    private readonly ConcurrentDictionary<Guid, Workspace> workspaces = new();

    private readonly ConcurrentDictionary<Guid, IReadOnlyList<Budget>> budgets = new();

    public long Count => count;

    public string TenantKey => tenantKey;

    public PolicyBook Policies => policies;

    public IReadOnlyList<Stop> Stops => stops;

    public Independence Independence => independence;

    /// <summary>The workspace that the context is open for, or null when the tenant has no such one.</summary>
    public async ValueTask<Workspace?> WorkspaceAsync(MumegaDb db, CancellationToken ct)
    {
        if (workspaces.TryGetValue(db.WorkspaceId, out var known))
            return known;

        var workspaceId = db.WorkspaceId;
        if (await db.Workspaces.AsNoTracking().SingleOrDefaultAsync(w => w.Id == workspaceId, ct) is not { } found)
            return null;
        return workspaces[workspaceId] = found;
    }

    /// <summary>The budgets of the workspace that the context is open for.</summary>
    public async ValueTask<IReadOnlyList<Budget>> BudgetsAsync(MumegaDb db, CancellationToken ct)
    {
        if (budgets.TryGetValue(db.WorkspaceId, out var known))
            return known;

        var found = await db.Budgets.AsNoTracking().OrderBy(b => b.Id).ToListAsync(ct);
        return await WorkspaceAsync(db, ct) is null ? found : budgets[db.WorkspaceId] = found;
    }

    /// <summary>How a principal stands in the workspace that the context is open for.</summary>
    public async ValueTask<Standing> StandingAsync(MumegaDb db, Guid principalId, DateTimeOffset now, CancellationToken ct)
    {
        if (principalId == Guid.Empty)
            return Platform;

        if (!members.TryGetValue((db.WorkspaceId, principalId), out var member))
        {
            var workspaceId = db.WorkspaceId;
            var principal = await db.Principals.AsNoTracking().SingleOrDefaultAsync(p => p.Id == principalId, ct);

            // Nobody holds a role in a workspace that was removed.
            var bindings = await WorkspaceAsync(db, ct) is { RemovedAt: null }
                ? await db
                    .RoleBindings.AsNoTracking()
                    .Where(b => b.PrincipalId == principalId && b.WorkspaceId == workspaceId)
                    .ToListAsync(ct)
                : [];
            var owner = principal?.OwnerId is { } ownerId
                ? await db.Principals.AsNoTracking().SingleOrDefaultAsync(p => p.Id == ownerId, ct)
                : null;
            var ownerRoles = owner is null
                ? []
                : await db.RoleBindings.AsNoTracking().Where(b => b.PrincipalId == owner.Id).ToListAsync(ct);
            member = new(
                principal,
                owner,
                ownerRoles,
                bindings,
                bindings.Any(b => b.Until is not null) ? null : PolicyBook.Implied(bindings.Select(b => b.Role))
            );

            // Only what exists is remembered, or asking for made-up workspaces would fill the memory.
            if (bindings.Count > 0)
                members[(workspaceId, principalId)] = member;
        }

        return new(
            member.Roles ?? PolicyBook.Implied(member.Bindings.Where(b => b.Holds(now)).Select(b => b.Role)),
            !member.MayAct(now),
            member.Bindings.FirstOrDefault(b => b.ElevationId is not null && b.Holds(now))?.ElevationId,
            member.Principal?.Tier
        );
    }

    /// <summary>The people who answer for the agents among somebody and those on whose behalf they act, each with how they stand: an agent may do what they may.</summary>
    public async ValueTask<IReadOnlyList<(ActorLink Owner, Standing Standing)>> OwnersAsync(
        MumegaDb db,
        Actor by,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        if (by.Kind is PrincipalKind.Service || (by.Kind is PrincipalKind.User && by.Chain.Count == 0))
            return [];

        var owners = new List<(ActorLink, Standing)>();
        foreach (
            var id in by
                .Chain.Where(l => l.Kind is PrincipalKind.Agent)
                .Select(l => l.OwnerId)
                .Append(by.Kind is PrincipalKind.Agent ? by.OwnerId : null)
                .OfType<Guid>()
                .Distinct()
        )
        {
            if (by.Chain.Any(l => l.Id == id))
                continue;

            var name = await PrincipalNameAsync(db, id, ct);
            owners.Add((new(id, PrincipalKind.User, name, null), await StandingAsync(db, id, now, ct)));
        }

        return owners;
    }

    private async ValueTask<string> PrincipalNameAsync(MumegaDb db, Guid id, CancellationToken ct) =>
        members.TryGetValue((db.WorkspaceId, id), out var known) && known.Principal is { } principal
            ? principal.Name
            : await db.Principals.Where(p => p.Id == id).Select(p => p.Name).SingleAsync(ct);

    /// <summary>How each of those stands on whose behalf somebody acts.</summary>
    public async ValueTask<IReadOnlyList<Standing>> StandingsAsync(
        MumegaDb db,
        IReadOnlyList<ActorLink> chain,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        if (chain.Count == 0)
            return [];

        var standings = new List<Standing>(chain.Count);
        foreach (var link in chain)
            standings.Add(await StandingAsync(db, link.Id, now, ct));
        return standings;
    }

    // The roles are there when none of them has an end; otherwise they depend on the time.
    private sealed record Member(
        Principal? Principal,
        Principal? Owner,
        IReadOnlyList<RoleBinding> OwnerRoles,
        IReadOnlyList<RoleBinding> Bindings,
        IReadOnlySet<string>? Roles
    )
    {
        // An agent acts while somebody answers for it: an active person who still belongs to the tenant.
        public bool MayAct(DateTimeOffset now) =>
            Principal?.IsActive(now) == true
            && (Principal.OwnerId is null || (Owner?.IsActive(now) == true && OwnerRoles.Any(b => b.Holds(now))));
    }
}
