using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Elevations;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Policies;
using Mumega.Domain.Tenancy;
using OpenIddict.Abstractions;
using Application = OpenIddict.EntityFrameworkCore.Models.OpenIddictEntityFrameworkCoreApplication<System.Guid>;

namespace Mumega.Infrastructure.Runs;

// People, agents and what they sign in with. What the token server's own managers would write is written here, to commit with the run.
internal sealed partial class WorkspaceState
{
    public async Task<IReadOnlyList<RoleBinding>> FindRolesAsync(Guid principalId, CancellationToken ct)
    {
        var workspaceId = db.WorkspaceId;
        return
        [
            .. (await db.RoleBindings.Where(b => b.PrincipalId == principalId && b.WorkspaceId == workspaceId).ToListAsync(ct)).Where(b =>
                Stays(b) && b.Holds(now)
            ),
        ];
    }

    public async Task<bool> IsLastOwnerAsync(Guid principalId, CancellationToken ct)
    {
        var owned = await db
            .RoleBindings.AsNoTracking()
            .Where(b => b.PrincipalId == principalId && b.Role == "owner" && b.Until == null)
            .Select(b => b.WorkspaceId)
            .ToListAsync(ct);
        foreach (var workspace in owned)
        {
            var others = (
                await db
                    .RoleBindings.Where(b =>
                        b.WorkspaceId == workspace && b.Role == "owner" && b.Until == null && b.PrincipalId != principalId
                    )
                    .ToListAsync(ct)
            )
                .Where(Stays)
                .Select(b => b.PrincipalId)
                .ToList();
            var people = await db.Principals.Where(p => others.Contains(p.Id) && p.Kind == PrincipalKind.User).ToListAsync(ct);
            if (!people.Any(p => p.IsActive(now)))
                return true;
        }

        return false;
    }

    public async Task<bool> ReachesAsync(Guid principalId, Guid other, CancellationToken ct)
    {
        var looked = db.RolesAt(now)
            .Where(b => b.PrincipalId == principalId && (b.Role == "owner" || b.Role == "admin"))
            .Select(b => b.WorkspaceId);
        return !await db.RolesAt(now).AnyAsync(b => b.PrincipalId == other && !looked.Contains(b.WorkspaceId), ct);
    }

    public async Task<IReadOnlyList<Principal>> FindAgentsOfAsync(Guid owner, CancellationToken ct) =>
        await db
            .Principals.Where(p => p.OwnerId == owner && p.Kind == PrincipalKind.Agent && p.RetiredAt == null)
            .OrderBy(p => p.Name)
            .ToListAsync(ct);

    public Task<int> EndTokensAsync(Principal principal, CancellationToken ct) => db.EndTokensAsync(principal, ct);

    public async Task SuspendAsync(Principal who, Guid? through, string code, Actor by, CancellationToken ct)
    {
        var level = by.Kind is PrincipalKind.Service ? Level.Admin : await LevelOfAsync(by.Id, ct);
        var (suspension, evidence) = Suspension.Begin(db.WorkspaceId, who, through, code, await EndTokensAsync(who, ct), level, by, now);
        db.Suspensions.Add(suspension);
        db.Add(evidence);
        if (who.Kind is not PrincipalKind.User)
            return;

        // Nobody comes in any more by the word of somebody who is out of action.
        foreach (
            var invitation in await db
                .Invitations.Where(i => (i.InvitedBy == who.Id || i.LinkedBy == who.Id) && i.AcceptedAt == null && i.RevokedAt == null)
                .ToListAsync(ct)
        )
            Revoke(invitation, by);

        // Neither does an agent work on that signs in with what they know: somebody else gives it another secret or other keys first.
        var id = who.Id.ToString();
        var theirs = await db
            .Principals.Where(p =>
                p.Kind == PrincipalKind.Agent
                && p.RetiredAt == null
                && p.SuspendedAt == null
                && p.OwnerId != who.Id
                && (p.SecretIssuedBy == who.Id || p.KeysJson!.Contains(id))
            )
            .ToListAsync(ct);
        foreach (var agent in theirs.Where(a => a.IsKnownTo(who.Id)))
            await SuspendAsync(agent, who.Id, "credential.issuer_suspended", by, ct);
    }

    public async Task<int> SuspendAgentsOfAsync(Guid owner, string code, Actor by, CancellationToken ct)
    {
        var agents = (await FindAgentsOfAsync(owner, ct)).Where(a => a.SuspendedAt is null).ToList();
        foreach (var agent in agents)
            await SuspendAsync(agent, owner, code, by, ct);
        return agents.Count;
    }

    public async Task ResumeAsync(Principal who, string code, Actor by, CancellationToken ct)
    {
        var open = await db.Suspensions.Where(s => s.PrincipalId == who.Id && s.EndedAt == null).ToListAsync(ct);
        if (open.Count == 0)
        {
            // It was decided in another workspace, whose record is not written from here.
            open.Add(
                new()
                {
                    TenantId = db.TenantId,
                    WorkspaceId = db.WorkspaceId,
                    Id = Guid.CreateVersion7(now),
                    PrincipalId = who.Id,
                    Through = who.SuspendedThrough,
                    Since = who.SuspendedAt ?? now,
                }
            );
            db.Suspensions.Add(open[0]);
        }

        foreach (var suspension in open)
            db.Add(suspension.End(who, code, by, now));
    }

    public async Task LeftAsync(Guid principalId, Actor by, CancellationToken ct)
    {
        var left = (await db.RoleBindings.Where(b => b.PrincipalId == principalId).ToListAsync(ct)).Where(b => Stays(b) && b.Holds(now));
        if (!left.Any())
            await SuspendAgentsOfAsync(principalId, "owner.gone", by, ct);
    }

    public Principal AddAgent(string name, string purpose, AgentTier tier, Principal owner, DateTimeOffset endsAt, Guid registeredBy)
    {
        var id = Guid.CreateVersion7(now);

        // Made up, so that nobody can find out by trying which ones another tenant has.
        var slug = new string([.. name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-').Take(40)]).Trim('-');
        var agent = new Principal
        {
            TenantId = db.TenantId,
            Id = id,
            Kind = PrincipalKind.Agent,
            Name = name,
            Purpose = purpose,
            Tier = tier,
            OwnerId = owner.Id,
            ClientId = $"{(slug.Length == 0 ? "agent" : slug)}-{RandomNumberGenerator.GetHexString(10, lowercase: true)}",
            EndsAt = endsAt,
            CertifiedAt = now,
            CertifiedBy = registeredBy,
            RegisteredBy = registeredBy,
            CreatedAt = now,
        };
        db.Principals.Add(agent);
        db.RoleBindings.Add(
            new()
            {
                TenantId = db.TenantId,
                WorkspaceId = db.WorkspaceId,
                PrincipalId = id,
                Role = "agent",
                CreatedAt = now,
                GrantedBy = registeredBy,
            }
        );
        db.Add(NewClient(agent, AgentPermissions));
        return agent;
    }

    public async Task<IReadOnlyList<string>> FindAgentKeysAsync(Principal agent, CancellationToken ct)
    {
        if ((await ClientAsync(agent, ct))?.JsonWebKeySet is not { } set)
            return [];
        using var json = JsonDocument.Parse(set);
        return [.. json.RootElement.GetProperty("keys").EnumerateArray().Select(k => k.GetRawText())];
    }

    public async Task SetAgentKeysAsync(Principal agent, IReadOnlyList<string> keys, CancellationToken ct)
    {
        if (await ClientAsync(agent, ct) is not { } client)
            return;
        client.JsonWebKeySet =
            keys.Count == 0 ? null : JsonSerializer.Serialize(new { keys = keys.Select(k => JsonDocument.Parse(k).RootElement) });
        client.ConcurrencyToken = Guid.NewGuid().ToString();
    }

    /// <summary>Has an agent sign in with the secret of this hash and no other.</summary>
    internal async Task SetSecretAsync(Principal agent, string hash, Actor by, CancellationToken ct)
    {
        if (await ClientAsync(agent, ct) is not { } client)
            throw new InvalidOperationException("the agent has no client");
        (client.ClientSecret, client.ConcurrencyToken) = (hash, Guid.NewGuid().ToString());
        await EndTokensAsync(agent, ct);
        foreach (var before in await db.AgentSecrets.Where(s => s.AgentId == agent.Id && s.EndedAt == null).ToListAsync(ct))
            db.Add(before.End("secret.replaced", by, now));
        var (secret, evidence) = AgentSecret.Issue(db.WorkspaceId, agent, by, now);
        db.AgentSecrets.Add(secret);
        db.Add(evidence);

        agent.SecretIssuedBy = by.Id;

        // Those who remember who may do what look again, and open connections with them.
        db.Entry(agent).Property(a => a.Name).IsModified = true;
    }

    public async Task RetireAsync(Principal agent, Actor by, CancellationToken ct)
    {
        await EndTokensAsync(agent, ct);
        if (await ClientAsync(agent, ct) is { } client)
        {
            // Its tokens still name the client; under another id it gives nothing and takes no name.
            (client.ClientId, client.ClientSecret, client.JsonWebKeySet, client.Permissions) = ($"retired-{agent.Id:N}", null, null, "[]");
            client.ConcurrencyToken = Guid.NewGuid().ToString();
        }

        foreach (var secret in await db.AgentSecrets.Where(s => s.AgentId == agent.Id && s.EndedAt == null).ToListAsync(ct))
            db.Add(secret.End("agent.retired", by, now));
        // The rows stay to say where it worked.
        foreach (
            var role in (await db.RoleBindings.Where(b => b.PrincipalId == agent.Id && b.WorkspaceId == WorkspaceId).ToListAsync(ct)).Where(
                r => Stays(r) && r.Holds(now)
            )
        )
            role.Until = now;
        agent.Retire(now);
    }

    public async Task<bool> OwnsSomethingAsync(Guid principalId, CancellationToken ct) =>
        await db.RoleBindings.AnyAsync(b => b.PrincipalId == principalId && b.Role == "owner" && b.Until == null, ct);

    public async Task<DateTimeOffset?> HeldUntilAsync(Guid principalId, IReadOnlyList<string> roles, CancellationToken ct)
    {
        var held = (await FindRolesAsync(principalId, ct)).Where(b => roles.Contains(b.Role)).Select(b => b.Until).ToList();
        return held.Count == 0 || held.Contains(null) ? null : held.Max();
    }

    public async Task<string> LevelOfAsync(Guid principalId, CancellationToken ct) =>
        Level.Of((await FindRolesAsync(principalId, ct)).Select(b => b.Role));

    public async Task<bool> OwnsBeyondAsync(Guid principalId, Guid other, CancellationToken ct)
    {
        var here = WorkspaceId;
        var theirs = db.RolesAt(now).Where(b => b.PrincipalId == other && b.Role == "owner").Select(b => b.WorkspaceId);
        return await db.RolesAt(now)
            .AnyAsync(
                b => b.PrincipalId == principalId && b.Role == "owner" && b.WorkspaceId != here && !theirs.Contains(b.WorkspaceId),
                ct
            );
    }

    public async Task<IReadOnlyList<(Guid Id, IReadOnlySet<string> Roles)>> FindPeopleAsync(CancellationToken ct)
    {
        var workspaceId = WorkspaceId;
        var held = (await db.RolesAt(now).AsNoTracking().Where(b => b.WorkspaceId == workspaceId).ToListAsync(ct)).ToLookup(
            b => b.PrincipalId,
            b => b.Role
        );
        var ids = held.Select(h => h.Key).ToList();
        return
        [
            .. (
                await db.ActiveAt(now)
                    .AsNoTracking()
                    .Where(p => ids.Contains(p.Id) && p.Kind == PrincipalKind.User)
                    .Select(p => p.Id)
                    .ToListAsync(ct)
            ).Select(id => (id, PolicyBook.Implied(held[id]))),
        ];
    }

    public async Task LookAgainAsync(CancellationToken ct)
    {
        foreach (var workspace in await db.Workspaces.Where(w => w.RemovedAt == null).Select(w => w.Id).ToListAsync(ct))
            db.Jobs.Add(NewJob(db.TenantId, workspace, JobKind.LookAgain, Guid.Empty, now));
    }

    public async Task ElevateAsync(Actor who, string role, DateTimeOffset until, Guid runId, bool breakGlass, CancellationToken ct)
    {
        var run = await db.Runs.SingleAsync(r => r.Id == runId, ct);
        var elevation = new Elevation
        {
            TenantId = db.TenantId,
            WorkspaceId = db.WorkspaceId,
            Id = Guid.CreateVersion7(now),
            PrincipalId = who.Id,
            Role = role,
            Reason = run.Reason,
            RunId = runId,
            BreakGlass = breakGlass,
            Since = now,
            Until = until,
        };
        db.Elevations.Add(elevation);
        db.Add(elevation.Begin(who, now));
        var binding = await BindingAsync(who.Id, role, ct);
        SetRole(who.Id, role, binding, until, who.Id);
        (
            binding ?? db.RoleBindings.Local.Single(b => b.PrincipalId == who.Id && b.Role == role && b.WorkspaceId == db.WorkspaceId)
        ).ElevationId = elevation.Id;
        db.Jobs.Add(NewJob(db.TenantId, db.WorkspaceId, JobKind.EndElevation, elevation.Id, until));
    }

    /// <summary>What agents may ask the token server for.</summary>
    internal static IReadOnlyList<string> AgentPermissions { get; } =
    [
        OpenIddictConstants.Permissions.Endpoints.Token,
        OpenIddictConstants.Permissions.Endpoints.Revocation,
        OpenIddictConstants.Permissions.Endpoints.Introspection,
        OpenIddictConstants.Permissions.GrantTypes.ClientCredentials,
        OpenIddictConstants.Permissions.GrantTypes.TokenExchange,
        OpenIddictConstants.Permissions.Prefixes.Scope + Scopes.Read,
        OpenIddictConstants.Permissions.Prefixes.Scope + Scopes.Propose,
    ];

    internal static Application NewClient(Principal principal, IEnumerable<string> permissions) =>
        new()
        {
            Id = Guid.CreateVersion7(principal.CreatedAt),
            ClientId = principal.ClientId,
            ClientType = OpenIddictConstants.ClientTypes.Confidential,
            DisplayName = principal.Name,
            Permissions = JsonSerializer.Serialize(permissions),
            Properties = JsonSerializer.Serialize(new { tenant_id = principal.TenantId, principal_id = principal.Id }),
        };

    private async Task<Application?> ClientAsync(Principal agent, CancellationToken ct)
    {
        var clientId = agent.ClientId;
        return clientId is null ? null : await db.Set<Application>().SingleOrDefaultAsync(a => a.ClientId == clientId, ct);
    }
}
