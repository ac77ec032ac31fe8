using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.IdentityModel.Tokens;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Secrets;
using Mumega.Infrastructure.Workflows;
using Mumega.TransparencyLog;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;
using Scopes = Mumega.Domain.Identity.Scopes;

namespace Mumega.Api.Setup;

/// <summary>Sets up tenants with their people, agents and connections, before anybody could be asked for permission.</summary>
public sealed class Installation(Databases databases, IServiceProvider services, Vault vault, TimeProvider clock)
{
    /// <summary>Registers the web app with the token server; does nothing when it is there.</summary>
    public async Task EnsureWebClientAsync(string publicAddress, CancellationToken ct)
    {
        await using var scope = services.CreateAsyncScope();
        var applications = scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        var descriptor = new OpenIddictApplicationDescriptor
        {
            ClientId = TokenServer.WebClient,
            ClientType = ClientTypes.Public,
            ConsentType = ConsentTypes.Implicit,
            DisplayName = "Mission Control",
            RedirectUris = { new Uri($"{publicAddress}/session/callback") },
            Permissions =
            {
                Permissions.Endpoints.Authorization,
                Permissions.Endpoints.Token,
                Permissions.Endpoints.Revocation,
                Permissions.GrantTypes.AuthorizationCode,
                Permissions.GrantTypes.RefreshToken,
                Permissions.GrantTypes.TokenExchange,
                Permissions.ResponseTypes.Code,
            },
            Requirements = { Requirements.Features.ProofKeyForCodeExchange },
        };
        foreach (var name in Scopes.All)
            descriptor.Permissions.Add(Permissions.Prefixes.Scope + name);

        if (await applications.FindByClientIdAsync(TokenServer.WebClient, ct) is { } known)
            await applications.UpdateAsync(known, descriptor, ct);
        else
            await applications.CreateAsync(descriptor, ct);
    }

    public async Task<Tenant> AddTenantAsync(string key, string name, CancellationToken ct)
    {
        var now = clock.Now();
        var tenant = new Tenant
        {
            Id = Guid.CreateVersion7(now),
            Key = key,
            Name = name,
            Log = Tenant.OriginOf(RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", 26)),
            CreatedAt = now,
        };
        await using var db = databases.OpenTenant(tenant.Id);
        db.Tenants.Add(tenant);
        db.Principals.Add(
            new()
            {
                TenantId = tenant.Id,
                Id = Guid.Empty,
                Kind = PrincipalKind.Service,
                Name = "Mumega",
                CreatedAt = now,
            }
        );
        db.PolicyVersions.Add(
            new()
            {
                TenantId = tenant.Id,
                Number = 1,
                Text = PolicyBook.Seed,
                CreatedBy = Guid.Empty,
                CreatedAt = now,
            }
        );
        await db.SaveChangesAsync(ct);
        return tenant;
    }

    /// <summary>A tenant leaves: its sessions and tokens end, nobody of it signs in, nothing of it runs, its secrets are destroyed. Its receipts stay and verify. False when there is no such tenant, or it left before.</summary>
    public async Task<bool> CloseTenantAsync(string key, CancellationToken ct)
    {
        var now = clock.Now();
        Guid tenant;
        await using (var platform = databases.OpenPlatform())
            tenant = await platform.Tenants.Where(t => t.Key == key && t.ClosedAt == null).Select(t => t.Id).SingleOrDefaultAsync(ct);
        if (tenant == Guid.Empty)
            return false;

        await using var db = databases.OpenTenant(tenant);
        (await db.Tenants.SingleAsync(t => t.Id == tenant, ct)).ClosedAt = now;
        await db.SaveChangesAsync(ct);

        var principals = await db.Principals.Select(p => p.Id).ToListAsync(ct);
        var subjects = principals.Select(p => p.ToString()).ToList();
        await db.WriteAsync(
            () =>
                db
                    .Tokens.Where(t => subjects.Contains(t.Subject!))
                    .ExecuteUpdateAsync(set => set.SetProperty(t => t.Status, Statuses.Revoked), ct),
            ct
        );
        await using (var platform = databases.OpenPlatform())
            await platform.WriteAsync(() => platform.WebSessions.Where(s => principals.Contains(s.PrincipalId)).ExecuteDeleteAsync(ct), ct);
        foreach (var workspace in await db.Workspaces.Select(w => w.Id).ToListAsync(ct))
        {
            await using var room = databases.Open(tenant, workspace);
            await room.WriteAsync(() => room.Connections.ExecuteUpdateAsync(set => set.SetProperty(c => c.SealedSecret, ""), ct), ct);
            await room.WriteAsync(
                () => room.Schedules.ExecuteUpdateAsync(set => set.SetProperty(s => s.SealedSecret, (string?)null), ct),
                ct
            );
        }

        return true;
    }

    /// <summary>
    /// A person who lost password and factors gets in again: their sessions, tokens and factors end, and they get another password, which is returned. Null when nobody has that address. Whoever can run this runs the installation;
    /// the audit log of the tenant says that it was done.
    /// </summary>
    public async Task<string?> RecoverPersonAsync(string email, CancellationToken ct)
    {
        await using var scope = services.CreateAsyncScope();
        var factors = scope.ServiceProvider.GetRequiredService<Factors>();
        if (await factors.People.FindByEmailAsync(email) is not { } person)
            return null;

        // What lets somebody in now goes first: cut short anywhere, nobody is in who was not before, and it can be done again.
        var id = person.Id;
        await using (var db = databases.OpenTenant(person.TenantId))
        {
            var principal = await db.Principals.SingleAsync(p => p.Id == id, ct);
            await db.EndTokensAsync(principal, ct);

            // Who remembers who may do what looks again, and open connections with it.
            db.Entry(principal).Property(p => p.Name).IsModified = true;
            await db.SaveChangesAsync(ct);
        }

        var password = NewPassword(20);
        await factors.ForgetAllAsync(person);
        await factors.SetPasswordAsync(person, password);
        await factors.People.SetLockoutEndDateAsync(person, null);
        await factors.People.ResetAccessFailedCountAsync(person);
        await scope
            .ServiceProvider.GetRequiredService<Infrastructure.Runs.SecurityLog>()
            .NoteAsync(person.TenantId, "person.recovered", id, null, "by who runs the installation", ct);
        return password;
    }

    /// <summary>The operator of the installation says that a member is who they are, where nobody else of the tenant can. False when there is nothing to verify.</summary>
    public async Task<bool> VerifyMemberAsync(string email, CancellationToken ct)
    {
        await using var scope = services.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<UserManager<Person>>().FindByEmailAsync(email) is not { } person)
            return false;

        await using var db = databases.OpenTenant(person.TenantId);
        if (await db.Principals.SingleAsync(p => p.Id == person.Id, ct) is not { LetInBy: not null, VerifiedAt: null } member)
            return false;

        member.Verify(null, clock.Now());
        await db.SaveChangesAsync(ct);
        await scope
            .ServiceProvider.GetRequiredService<Infrastructure.Runs.SecurityLog>()
            .NoteAsync(person.TenantId, "member.verified", person.Id, null, "by the operator of the installation", ct);
        return true;
    }

    /// <summary>A password of letters and digits that are not taken for each other.</summary>
    internal static string NewPassword(int length) => RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz23456789", length);

    public async Task<Workspace> AddWorkspaceAsync(Tenant tenant, string key, string name, CancellationToken ct)
    {
        var now = clock.Now();
        var workspace = new Workspace
        {
            TenantId = tenant.Id,
            Id = Guid.CreateVersion7(now),
            Key = key,
            Name = name,
            CreatedAt = now,
        };
        await using var db = databases.OpenTenant(tenant.Id);
        db.Workspaces.Add(workspace);
        await db.SaveChangesAsync(ct);
        return workspace;
    }

    /// <summary>A person with a password. Throws when the password or e-mail is not acceptable.</summary>
    public async Task<Principal> AddPersonAsync(Tenant tenant, string name, string email, string password, CancellationToken ct)
    {
        var principal = await AddPrincipalAsync(tenant, name, PrincipalKind.User, null, null, ct);
        await using var scope = services.CreateAsyncScope();
        var person = new Person
        {
            Id = principal.Id,
            TenantId = tenant.Id,
            UserName = email,
            Email = email,
            EmailConfirmed = true,
            SecurityStamp = Guid.NewGuid().ToString(),
        };
        var result = await scope.ServiceProvider.GetRequiredService<UserManager<Person>>().CreateAsync(person, password);
        return result.Succeeded
            ? principal
            : throw new InvalidOperationException(string.Join(" ", result.Errors.Select(e => e.Description)));
    }

    /// <summary>An agent with its client credentials: a secret, or a public key (JWK) for private_key_jwt.</summary>
    public async Task<Principal> AddAgentAsync(
        Tenant tenant,
        string name,
        string clientId,
        Principal owner,
        string? secret,
        JsonWebKey? key,
        CancellationToken ct
    )
    {
        var principal = await AddPrincipalAsync(tenant, name, PrincipalKind.Agent, owner.Id, clientId, ct);
        await using var scope = services.CreateAsyncScope();
        var descriptor = new OpenIddictApplicationDescriptor
        {
            ClientId = clientId,
            ClientSecret = secret,
            ClientType = ClientTypes.Confidential,
            DisplayName = name,
            Permissions =
            {
                Permissions.Endpoints.Token,
                Permissions.Endpoints.Revocation,
                Permissions.Endpoints.Introspection,
                Permissions.GrantTypes.ClientCredentials,
                Permissions.GrantTypes.TokenExchange,
                Permissions.Prefixes.Scope + Scopes.Read,
                Permissions.Prefixes.Scope + Scopes.Propose,
            },
            Properties =
            {
                ["tenant_id"] = JsonSerializer.SerializeToElement(tenant.Id),
                ["principal_id"] = JsonSerializer.SerializeToElement(principal.Id),
            },
        };
        if (key is not null)
            descriptor.JsonWebKeySet = new() { Keys = { key } };
        await scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>().CreateAsync(descriptor, ct);
        return principal;
    }

    /// <summary>Says what an agent is for, how it works, and for how long.</summary>
    public async Task DescribeAsync(Principal agent, string purpose, AgentTier tier, TimeSpan lasts, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(agent.TenantId);
        var row = await db.Principals.SingleAsync(p => p.Id == agent.Id, ct);
        (row.Purpose, row.Tier, row.EndsAt, row.CertifiedAt) = (purpose, tier, clock.Now() + lasts, clock.Now());
        await db.SaveChangesAsync(ct);
    }

    public async Task GrantAsync(Workspace workspace, Principal principal, IEnumerable<string> roles, CancellationToken ct)
    {
        await using var db = databases.Open(workspace.TenantId, workspace.Id);
        foreach (var role in roles)
            db.RoleBindings.Add(
                new()
                {
                    TenantId = workspace.TenantId,
                    WorkspaceId = workspace.Id,
                    PrincipalId = principal.Id,
                    Role = role,
                    CreatedAt = clock.Now(),
                }
            );
        await db.SaveChangesAsync(ct);
    }

    /// <summary>A packet type and a workflow of the library, as their first versions.</summary>
    public async Task AddWorkflowAsync(Workspace workspace, string template, CancellationToken ct)
    {
        var (found, now) = (WorkflowTemplate.All.Single(t => t.Key == template), clock.Now());
        var document = WorkflowDocument.Read(found.Workflow);
        await using var db = databases.Open(workspace.TenantId, workspace.Id);
        db.PacketTypes.Add(
            new()
            {
                TenantId = workspace.TenantId,
                WorkspaceId = workspace.Id,
                Key = document.PacketType,
                Number = 1,
                Title = found.Type.GetProperty("title").GetString()!,
                Description = found.Type.TryGetProperty("description", out var description) ? description.GetString() : null,
                SchemaJson = CanonicalJson.Write(found.Type.GetProperty("schema")),
                CreatedBy = Guid.Empty,
                CreatedAt = now,
            }
        );
        db.Workflows.Add(
            new()
            {
                TenantId = workspace.TenantId,
                WorkspaceId = workspace.Id,
                Key = document.Workflow,
                Number = 1,
                Title = document.Title,
                PacketType = document.PacketType,
                DocumentJson = CanonicalJson.Write(found.Workflow),
                CreatedBy = Guid.Empty,
                CreatedAt = now,
            }
        );
        await db.SaveChangesAsync(ct);
    }

    /// <summary>A connection with its signing secret (<c>whsec_</c> and base64), which is sealed.</summary>
    public async Task AddConnectionAsync(
        Workspace workspace,
        string key,
        string name,
        Uri url,
        string secret,
        bool idempotent,
        Uri? probeUrl,
        CancellationToken ct
    )
    {
        await using var db = databases.Open(workspace.TenantId, workspace.Id);
        db.Connections.Add(
            new()
            {
                TenantId = workspace.TenantId,
                WorkspaceId = workspace.Id,
                Key = key,
                Name = name,
                Url = url,
                SealedSecret = vault.Seal(workspace.TenantId, Purpose.Connection, secret),
                Idempotent = idempotent,
                ProbeUrl = probeUrl,
            }
        );
        await db.SaveChangesAsync(ct);
    }

    private async Task<Principal> AddPrincipalAsync(
        Tenant tenant,
        string name,
        PrincipalKind kind,
        Guid? owner,
        string? clientId,
        CancellationToken ct
    )
    {
        var now = clock.Now();
        var principal = new Principal
        {
            TenantId = tenant.Id,
            Id = Guid.CreateVersion7(now),
            Kind = kind,
            Name = name,
            OwnerId = owner,
            ClientId = clientId,
            CreatedAt = now,
        };
        await using var db = databases.OpenTenant(tenant.Id);
        db.Principals.Add(principal);
        await db.SaveChangesAsync(ct);
        return principal;
    }
}
