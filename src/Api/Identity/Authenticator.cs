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
/// <param name="Token">The token that was shown.</param>
/// <param name="Session">The id of the browser's session that it came by; absent for a token.</param>
public sealed record Caller(
    Actor Actor,
    DateTimeOffset ExpiresAt,
    long Authority,
    Func<CancellationToken, Task<Caller?>> Renew,
    Guid Token,
    string? Session = null
);

/// <summary>What somebody shows: a token, where, and the client certificate of the connection if there is one.</summary>
/// <param name="Surface">Where it came in, for receipts.</param>
/// <param name="Resource">The resource that the token has to be made for (RFC 8707).</param>
/// <param name="Certificate">SHA-256 of the connection's client certificate, base64url (RFC 8705).</param>
public sealed record Credential(string Token, string Surface, string Resource, string? Certificate);

/// <summary>
/// Turns a token into an actor. The signature is checked once per token and remembered; whether the token, or one that it was made from, was
/// revoked and whether everybody in its chain still works is asked of the database on every request, so that both take effect on the next one,
/// on every node.
/// </summary>
public sealed class Authenticator(IServiceScopeFactory scopes, Databases databases, TimeProvider clock)
{
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, Ticket> tickets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, string> logs = new();

    /// <summary>The caller behind an access token, or null when it does not hold.</summary>
    public async Task<Caller?> AuthenticateAsync(Credential shown, CancellationToken ct)
    {
        var ticket = await ReadAsync(shown.Token, ct);
        if (
            ticket is null
            || ticket.ExpiresAt <= clock.GetUtcNow()
            || ticket.NotBefore > clock.GetUtcNow()
            || !ticket.Audiences.Contains(shown.Resource)
        )
            return null;

        // A token that is bound to a certificate is worth nothing without it, and nobody is told which.
        if (ticket.Certificate is not null && ticket.Certificate != shown.Certificate)
            return null;

        var standing = await StandingAsync(ticket, ct);
        if (standing is null)
            return null;

        IReadOnlyList<ActorLink>? chain = null;
        if (ticket.Chain.Count + ticket.Lineage.Count > 0 && (chain = await ChainAsync(ticket, ct)) is null)
            return null;

        // An elevation reaches beyond what the token named when it was made, for as long as it lasts; never for who acts on behalf of others.
        var workspaces =
            standing.Elevated && chain is null && ticket.Lineage.Count == 0 ? await ElevatedAsync(ticket, ct) : ticket.Workspaces;
        var actor = new Actor(
            ticket.TenantId,
            ticket.PrincipalId,
            standing.Kind,
            standing.Name,
            standing.OwnerId,
            await LogAsync(ticket.TenantId, ct),
            ticket.Scopes,
            workspaces,
            shown.Surface,
            chain,
            Limits: ticket.Limits
        );
        return new(actor, ticket.ExpiresAt, standing.Authority, again => AuthenticateAsync(shown, again), ticket.TokenId);
    }

    /// <summary>Whose token it is or was, if it is signed by us and not yet over; for the log of what was refused, never to let anybody in.</summary>
    internal async Task<(Guid Tenant, Guid? Principal)> WhoseAsync(string token, CancellationToken ct) =>
        await ReadAsync(token, ct) is { } ticket ? (ticket.TenantId, ticket.PrincipalId) : (Guid.Empty, null);

    private async Task<Ticket?> ReadAsync(string token, CancellationToken ct)
    {
        var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        if (tickets.TryGetValue(hash, out var known))
            return known;

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

        if (Ticket.From(principal) is not { } ticket)
            return null;
        if (tickets.Count >= MaxRemembered)
            tickets.Clear();
        return tickets[hash] = ticket;
    }

    private async Task<Standing?> StandingAsync(Ticket ticket, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = databases.OpenTenant(ticket.TenantId);
        var found = await standingQuery(db, ticket.TenantId, ticket.PrincipalId, ticket.TokenId, now, ct);
        return
            found is { Status: Statuses.Valid, SuspendedAt: null, RetiredAt: null, Answered: true, Closed: false }
            && (found.EndsAt is null || now < found.EndsAt)
            ? found
            : null;
    }

    private async Task<IReadOnlySet<Guid>> ElevatedAsync(Ticket ticket, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = databases.OpenTenant(ticket.TenantId);
        return (
            await db.RolesAt(now)
                .Where(b => b.PrincipalId == ticket.PrincipalId && b.ElevationId != null)
                .Select(b => b.WorkspaceId)
                .ToListAsync(ct)
        )
            .Union(ticket.Workspaces)
            .ToHashSet();
    }

    /// <summary>On whose behalf the token is used, or null when one of them may not act any more or a token before it was revoked.</summary>
    private async Task<IReadOnlyList<ActorLink>?> ChainAsync(Ticket ticket, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(ticket.TenantId);
        if (await db.Tokens.CountAsync(t => ticket.Lineage.Contains(t.Id) && t.Status == Statuses.Valid, ct) < ticket.Lineage.Count)
            return null;

        var links = await db.ActiveAt(clock.GetUtcNow())
            .Where(p => ticket.Chain.Contains(p.Id))
            .Select(p => new ActorLink(p.Id, p.Kind, p.Name, p.OwnerId))
            .ToDictionaryAsync(l => l.Id, ct);
        return links.Count == ticket.Chain.Count ? [.. ticket.Chain.Select(id => links[id])] : null;
    }

    // One per instance: a compiled query belongs to one provider's model.
    private readonly Func<MumegaDb, Guid, Guid, Guid, DateTimeOffset, CancellationToken, Task<Standing?>> standingQuery =
        EF.CompileAsyncQuery(
            (MumegaDb db, Guid tenant, Guid principal, Guid token, DateTimeOffset now, CancellationToken ct) =>
                db
                    .Principals.Where(p => p.Id == principal)
                    .Select(p => new Standing(
                        p.Kind,
                        p.Name,
                        p.OwnerId,
                        p.SuspendedAt,
                        p.RetiredAt,
                        p.EndsAt,
                        p.OwnerId == null
                            || (
                                db.Principals.Any(o => o.Id == p.OwnerId && o.SuspendedAt == null)
                                && db.RoleBindings.Any(b => b.PrincipalId == p.OwnerId && (b.Until == null || b.Until > now))
                            ),
                        p.Kind == PrincipalKind.User
                            && db.RoleBindings.Any(b => b.PrincipalId == p.Id && b.ElevationId != null && b.Until > now),
                        db.Tenants.Any(t => t.Id == tenant && t.ClosedAt != null),
                        db.Tokens.Where(t => t.Id == token).Select(t => t.Status).FirstOrDefault(),
                        db.Tenants.Where(t => t.Id == tenant).Select(t => t.Authority).Single()
                    ))
                    .SingleOrDefault()
        );

    private async Task<string> LogAsync(Guid tenantId, CancellationToken ct)
    {
        if (logs.TryGetValue(tenantId, out var log))
            return log;
        await using var db = databases.OpenPlatform();
        return logs[tenantId] = await db.Tenants.Where(t => t.Id == tenantId).Select(t => t.Log).SingleAsync(ct);
    }

    private sealed record Standing(
        PrincipalKind Kind,
        string Name,
        Guid? OwnerId,
        DateTimeOffset? SuspendedAt,
        DateTimeOffset? RetiredAt,
        DateTimeOffset? EndsAt,
        bool Answered,
        bool Elevated,
        bool Closed,
        string? Status,
        long Authority
    );

    private sealed record Ticket(
        Guid TenantId,
        Guid PrincipalId,
        Guid TokenId,
        IReadOnlySet<string> Scopes,
        IReadOnlySet<Guid> Workspaces,
        IReadOnlySet<string> Audiences,
        IReadOnlyList<Guid> Chain,
        IReadOnlyList<Guid> Lineage,
        IReadOnlyList<ActLimit>? Limits,
        string? Certificate,
        DateTimeOffset NotBefore,
        DateTimeOffset ExpiresAt
    )
    {
        public static Ticket? From(ClaimsPrincipal principal)
        {
            if (
                !Guid.TryParse(principal.GetClaim(TokenClaims.Tenant), out var tenant)
                || ActChain.Of(principal) is not { } chain
                || !Guid.TryParse(principal.GetTokenId(), out var token)
                || !long.TryParse(principal.GetClaim(Claims.ExpiresAt), NumberStyles.None, CultureInfo.InvariantCulture, out var expires)
            )
                return null;

            return new(
                tenant,
                chain.Actor,
                token,
                principal.GetScopes().ToHashSet(),
                principal.GetClaims(TokenClaims.Workspaces).Select(Guid.Parse).ToHashSet(),
                principal.GetAudiences().ToHashSet(StringComparer.Ordinal),
                chain.For,
                [.. principal.GetClaims(TokenClaims.Lineage).Select(Guid.Parse)],
                AuthorizationDetails.Of(principal),
                TokenClaims.Thumbprint(principal),
                TokenClaims.NotBefore(principal),
                DateTimeOffset.FromUnixTimeSeconds(expires)
            );
        }
    }
}
