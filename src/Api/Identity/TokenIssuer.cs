using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.IdentityModel.JsonWebTokens;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Stops;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;
using Scopes = Mumega.Domain.Identity.Scopes;

namespace Mumega.Api.Identity;

/// <summary>Decides what tokens are made: for whom, for what, how long.</summary>
internal sealed class TokenIssuer(
    Databases databases,
    PublicAddress address,
    AuthorizationDetails details,
    SecurityLog security,
    TimeProvider clock
)
{
    /// <summary>How long an agent's access token lives.</summary>
    private static readonly TimeSpan AgentLifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long a person's access token lives.</summary>
    public static readonly TimeSpan PersonLifetime = TimeSpan.FromMinutes(10);

    private string Api => TokenServer.ResourceOf(address.Value);

    public async Task<Guid> TenantOfAsync(Guid person, CancellationToken ct)
    {
        await using var platform = databases.OpenPlatform();
        return await platform.Users.Where(u => u.Id == person).Select(u => u.TenantId).SingleOrDefaultAsync(ct);
    }

    /// <summary>A token for the API, limited to what the request's <c>authorization_details</c> say if they are asked for.</summary>
    public async Task<IResult> IssueAsync(
        Guid tenantId,
        ActChain chain,
        OpenIddictRequest request,
        IEnumerable<string> scopes,
        CancellationToken ct
    ) =>
        Limits(request, null).Refused(out var why, out var limits)
            ? Refuse(AuthorizationDetails.Invalid, why.Message)
            : await IssueAsync(tenantId, chain, scopes, limits.All, null, [], Api, ct);

    // What a request asks for within what it already has.
    private Outcome<Limited> Limits(OpenIddictRequest request, IReadOnlyList<ActLimit>? had)
    {
        if (request.GetParameter(TokenClaims.Details) is not { } parameter)
            return new Limited(had);
        // What stands behind a code or a refresh token was asked for at a time when nobody could say this.
        if (!request.IsTokenExchangeGrantType() && !request.IsClientCredentialsGrantType())
            return new InvalidArgument(TokenClaims.Details, "only with client credentials and when a token is exchanged.");
        if ((string?)parameter is not { } text)
            return new InvalidArgument(TokenClaims.Details, "once, as a JSON array.");
        if (details.Read(text).Refused(out var why, out var asked))
            return why;
        return ActLimit.Meet(had, asked) is { Count: > 0 } both
            ? new Limited(both)
            : new InvalidArgument(TokenClaims.Details, "the token that is exchanged is handed over for none of these acts.");
    }

    private sealed record Limited(IReadOnlyList<ActLimit>? All);

    /// <summary>
    /// Token exchange (RFC 8693). For the API: an agent gets a token to act on behalf of whoever handed it theirs, and stands in the chain
    /// from then on; or a narrower one of its own. With an audience: whoever acts with a token makes one that only that agent can exchange.
    /// </summary>
    public async Task<IResult> ExchangeAsync(
        OpenIddictRequest request,
        ClaimsPrincipal subject,
        (Guid Tenant, Guid Principal)? client,
        CancellationToken ct
    )
    {
        var answer = await ExchangeNowAsync(request, subject, client, ct);
        if (
            answer is ForbidHttpResult { Properties: { } refused }
            && ActChain.Of(subject) is { } chain
            && Guid.TryParse(subject.GetClaim(TokenClaims.Tenant), out var tenant)
        )
        {
            await security.RefusedAsync(
                tenant,
                client?.Principal ?? chain.Actor,
                "token server",
                "token exchange",
                refused.Items[OpenIddictServerAspNetCoreConstants.Properties.Error] ?? "",
                refused.Items[OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] ?? "",
                null
            );
        }

        return answer;
    }

    private async Task<IResult> ExchangeNowAsync(
        OpenIddictRequest request,
        ClaimsPrincipal subject,
        (Guid Tenant, Guid Principal)? client,
        CancellationToken ct
    )
    {
        if (request.ActorToken is not null)
            return Refuse(Errors.InvalidRequest, "The actor is the client itself; an actor_token is not taken.");
        if (request.SubjectTokenType is not TokenTypeIdentifiers.AccessToken)
            return Refuse(Errors.InvalidRequest, "Only an access token can be exchanged.");
        if (request.RequestedTokenType is not (null or TokenTypeIdentifiers.AccessToken))
            return Refuse(Errors.InvalidRequest, "Only an access token can be asked for.");
        if (
            ActChain.Of(subject) is not { } chain
            || !Guid.TryParse(subject.GetClaim(TokenClaims.Tenant), out var tenant)
            || !Guid.TryParse(subject.GetTokenId(), out var token)
        )
            return Refuse(Errors.InvalidGrant, "This is none of our access tokens.");
        if (client is { } c && c.Tenant != tenant)
            return Refuse(Errors.InvalidGrant, "The token belongs to another tenant.");
        if (TokenClaims.Thumbprint(subject) is not null)
            return Refuse(Errors.InvalidGrant, "A token that is bound to a certificate is not exchanged.");

        var own = client is { } x ? x.Principal == chain.Actor : subject.GetPresenters().Contains(request.ClientId!);
        var asked = request.GetScopes();
        var scopes = (asked.Length == 0 ? subject.GetScopes() : asked)
            .Where(s => client is null || s is Scopes.Read or Scopes.Propose)
            .ToArray();
        if (scopes.Except(subject.GetScopes()).Any())
            return Refuse(Errors.InvalidScope, "The token that is exchanged has not all of these scopes.");
        if (asked.Except(scopes).Any())
            return Refuse(Errors.InvalidScope, "An agent's token can't have all of these scopes.");

        if (Limits(request, AuthorizationDetails.Of(subject)).Refused(out var unlimited, out var limits))
            return Refuse(AuthorizationDetails.Invalid, unlimited.Message);

        var bounds = new Bounds(
            subject.GetClaims(TokenClaims.Workspaces).Select(Guid.Parse).ToHashSet(),
            subject.GetExpirationDate() ?? clock.GetUtcNow()
        );
        Guid[] lineage = [.. subject.GetClaims(TokenClaims.Lineage).Select(Guid.Parse), token];
        await using var db = databases.OpenTenant(tenant);
        if (await db.Tokens.CountAsync(t => lineage.Contains(t.Id) && t.Status == Statuses.Valid, ct) < lineage.Length)
            return Refuse(Errors.InvalidGrant, "The token was revoked.");

        if (request.GetAudiences() is { Length: > 0 } audiences)
        {
            // Who only holds what was handed to them hands on as themselves, so that they show in the chain.
            if (!own || !subject.GetAudiences().Contains(Api))
                return Refuse(Errors.InvalidTarget, "Exchange it for a token of your own first.");
            if (
                audiences is not [var name]
                || await db.ActiveAt(clock.GetUtcNow()).SingleOrDefaultAsync(p => p.ClientId == name && p.Kind == PrincipalKind.Agent, ct)
                    is not { } agent
            )
                return Refuse(Errors.InvalidTarget, "The audience is no agent of the tenant.");
            if (chain.All.Contains(agent.Id))
                return Refuse(Errors.InvalidTarget, "That agent already stands in the chain.");
            if (chain.For.Count + 1 > ActChain.MaxDepth)
                return Refuse(Errors.InvalidTarget, $"At most {ActChain.MaxDepth} agents act one on behalf of the other.");
            return await IssueAsync(tenant, chain, scopes, limits.All, bounds, lineage, name, ct);
        }

        if (client is null)
            return Refuse(Errors.InvalidTarget, "Name the agent that it is for as the audience.");
        if (own && subject.GetAudiences().Contains(Api))
            return await IssueAsync(tenant, chain, scopes, limits.All, bounds, lineage, Api, ct);
        if (!subject.GetAudiences().Contains(request.ClientId!))
            return Refuse(Errors.InvalidGrant, "The token was not made for this client.");
        if (chain.All.Contains(client.Value.Principal))
            return Refuse(Errors.InvalidGrant, "This agent already stands in the chain.");
        return await IssueAsync(tenant, chain.Then(client.Value.Principal), scopes, limits.All, bounds, lineage, Api, ct);
    }

    private async Task<IResult> IssueAsync(
        Guid tenantId,
        ActChain chain,
        IEnumerable<string> scopes,
        IReadOnlyList<ActLimit>? limits,
        Bounds? bounds,
        Guid[] lineage,
        string audience,
        CancellationToken ct
    )
    {
        var now = clock.Now();
        await using var db = databases.OpenTenant(tenantId);
        var everybody = chain.All.ToList();
        var active = await db.ActiveAt(now).AsNoTracking().Where(p => everybody.Contains(p.Id)).ToDictionaryAsync(p => p.Id, ct);
        if (active.Count < everybody.Distinct().Count())
            return Refuse(Errors.InvalidGrant, "The principal, or somebody it answers to, is suspended or gone.");

        if (await db.Tenants.AnyAsync(t => t.Id == tenantId && t.ClosedAt != null, ct))
            return Refuse(Errors.InvalidGrant, "The tenant has left.");

        var workspaces = await db.RolesAt(now)
            .Where(b => b.PrincipalId == chain.Actor)
            .Select(b => b.WorkspaceId)
            .Distinct()
            .ToListAsync(ct);
        // Where one of them is stopped, the token is good for nothing.
        var ids = everybody.Select(p => p.ToString()).ToList();
        var stopped = await db
            .Stops.Where(s => s.Boundary == StopBoundary.Agent && s.ReleasedAt == null && ids.Contains(s.Target!))
            .Select(s => s.WorkspaceId)
            .ToListAsync(ct);
        if (workspaces.Count > 0 && workspaces.TrueForAll(stopped.Contains))
            return Refuse(Errors.InvalidGrant, "A stop is engaged for this agent.");

        workspaces.RemoveAll(stopped.Contains);
        if (limits?.SelectMany(l => l.Workspaces ?? new HashSet<Guid>()).ToHashSet() is { Count: > 0 } named)
        {
            if (await db.Workspaces.CountAsync(w => named.Contains(w.Id), ct) < named.Count)
                return Refuse(AuthorizationDetails.Invalid, "The tenant has not all of these workspaces.");
            if (limits.All(l => l.Workspaces is not null))
                workspaces.RemoveAll(w => !named.Contains(w));
        }

        var identity = new ClaimsIdentity("mumega", Claims.Name, Claims.Role);
        identity
            .SetClaim(Claims.Subject, everybody[0].ToString())
            .SetClaim(Claims.Name, active[everybody[0]].Name)
            .SetClaim(TokenClaims.Tenant, tenantId.ToString())
            .SetClaims(
                TokenClaims.Workspaces,
                [.. workspaces.Where(w => bounds is null || bounds.Workspaces.Contains(w)).Select(w => w.ToString())]
            );
        if (chain.Claim() is { } act)
            identity.SetClaim(TokenClaims.Act, act);
        if (limits is not null)
            identity.AddClaim(new(TokenClaims.Details, AuthorizationDetails.Write(limits).ToJsonString(), JsonClaimValueTypes.JsonArray));
        if (lineage.Length > 0)
            identity.SetClaims(TokenClaims.Lineage, [.. lineage.Select(l => l.ToString())]);

        var lifetime = active[chain.Actor].Kind is PrincipalKind.Agent ? AgentLifetime : PersonLifetime;
        if (bounds is not null && bounds.Until - now < lifetime)
            lifetime = bounds.Until - now;
        if (lifetime <= TimeSpan.Zero)
            return Refuse(Errors.InvalidGrant, "The token is over.");

        identity
            .SetScopes(bounds is null ? scopes : scopes.Where(s => s != OpenIddictConstants.Scopes.OfflineAccess))
            .SetAudiences(audience)
            .SetResources(audience)
            .SetAccessTokenLifetime(lifetime)
            .SetDestinations(_ => [Destinations.AccessToken]);
        // What was granted is said in the answer (RFC 9396, section 7).
        var answer = new AuthenticationProperties();
        if (limits is not null)
            answer.SetParameter(TokenClaims.Details, JsonSerializer.SerializeToElement(AuthorizationDetails.Write(limits)));
        return Results.SignIn(new(identity), answer, OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
    }

    // What an exchanged token can't go beyond.
    private sealed record Bounds(IReadOnlySet<Guid> Workspaces, DateTimeOffset Until);

    private static IResult Refuse(string error, string why) =>
        Results.Forbid(
            new(
                new Dictionary<string, string?>
                {
                    [OpenIddictServerAspNetCoreConstants.Properties.Error] = error,
                    [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = why,
                }
            ),
            [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]
        );
}
