using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;
using OpenIddict.Abstractions;
using OpenIddict.Validation;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Mumega.Api.Identity;

/// <summary>Somebody whose token was checked a moment ago.</summary>
/// <param name="Authority">The tenant's count of changes to who may do what, as it was then; the reads of the same request go by it.</param>
/// <param name="Renew">Checks the same credential again; null when it no longer holds.</param>
public sealed record Caller(Actor Actor, DateTimeOffset ExpiresAt, long Authority, Func<CancellationToken, Task<Caller?>> Renew);

/// <summary>
/// Turns a token into an actor. The signature is checked once per token and remembered; whether the token was revoked and whether its
/// principal still works is asked of the database on every request, so that both take effect on the next one, on every node.
/// </summary>
public sealed class Authenticator(IServiceScopeFactory scopes, Databases databases, TimeProvider clock)
{
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, Ticket> tickets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, string> logs = new();

    /// <summary>The caller behind an access token, or null when it does not hold.</summary>
    public async Task<Caller?> AuthenticateAsync(string token, string surface, CancellationToken ct)
    {
        var ticket = await ReadAsync(token, ct);
        if (ticket is null || ticket.ExpiresAt <= clock.GetUtcNow()) return null;

        var standing = await StandingAsync(ticket, ct);
        if (standing is null) return null;

        var actor = new Actor(ticket.TenantId, ticket.PrincipalId, standing.Kind, standing.Name, standing.OwnerId, await LogAsync(ticket.TenantId, ct),
            ticket.Scopes, ticket.Workspaces, surface);
        return new(actor, ticket.ExpiresAt, standing.Authority, again => AuthenticateAsync(token, surface, again));
    }

    private async Task<Ticket?> ReadAsync(string token, CancellationToken ct)
    {
        var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        if (tickets.TryGetValue(hash, out var known)) return known;

        await using var scope = scopes.CreateAsyncScope();
        ClaimsPrincipal principal;
        try
        {
            principal = await scope.ServiceProvider.GetRequiredService<OpenIddictValidationService>().ValidateAccessTokenAsync(token, ct);
        }
        catch (OpenIddictExceptions.ProtocolException)
        {
            return null;
        }

        if (Ticket.From(principal) is not { } ticket) return null;
        if (tickets.Count >= MaxRemembered) tickets.Clear();
        return tickets[hash] = ticket;
    }

    private async Task<Standing?> StandingAsync(Ticket ticket, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = databases.OpenTenant(ticket.TenantId);
        var found = await standingQuery(db, ticket.TenantId, ticket.PrincipalId, ticket.TokenId, ct);
        return found is { Status: Statuses.Valid, SuspendedAt: null } && (found.EndsAt is null || now < found.EndsAt) ? found : null;
    }

    // One per instance: a compiled query belongs to one provider's model.
    private readonly Func<MumegaDb, Guid, Guid, Guid, CancellationToken, Task<Standing?>> standingQuery =
        EF.CompileAsyncQuery((MumegaDb db, Guid tenant, Guid principal, Guid token, CancellationToken ct) => db.Principals.Where(p => p.Id == principal)
            .Select(p => new Standing(p.Kind, p.Name, p.OwnerId, p.SuspendedAt, p.EndsAt, db.Tokens.Where(t => t.Id == token).Select(t => t.Status).FirstOrDefault(),
                db.Tenants.Where(t => t.Id == tenant).Select(t => t.Authority).Single()))
            .SingleOrDefault());

    private async Task<string> LogAsync(Guid tenantId, CancellationToken ct)
    {
        if (logs.TryGetValue(tenantId, out var log)) return log;
        await using var db = databases.OpenPlatform();
        return logs[tenantId] = await db.Tenants.Where(t => t.Id == tenantId).Select(t => t.Log).SingleAsync(ct);
    }

    private sealed record Standing(PrincipalKind Kind, string Name, Guid? OwnerId, DateTimeOffset? SuspendedAt, DateTimeOffset? EndsAt, string? Status, long Authority);

    private sealed record Ticket(
        Guid TenantId, Guid PrincipalId, Guid TokenId, IReadOnlySet<string> Scopes, IReadOnlySet<Guid> Workspaces, DateTimeOffset ExpiresAt)
    {
        public static Ticket? From(ClaimsPrincipal principal)
        {
            if (!Guid.TryParse(principal.GetClaim("tenant_id"), out var tenant) || !Guid.TryParse(principal.GetClaim(Claims.Subject), out var subject)
                || !Guid.TryParse(principal.GetTokenId(), out var token)
                || !long.TryParse(principal.GetClaim(Claims.ExpiresAt), NumberStyles.None, CultureInfo.InvariantCulture, out var expires))
                return null;

            return new(tenant, subject, token, principal.GetScopes().ToHashSet(), principal.GetClaims("workspaces").Select(Guid.Parse).ToHashSet(),
                DateTimeOffset.FromUnixTimeSeconds(expires));
        }
    }
}
