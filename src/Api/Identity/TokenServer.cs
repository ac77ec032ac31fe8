using System.Security.Claims;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Mumega.Domain;
using Mumega.Infrastructure.Data;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;
using Scopes = Mumega.Domain.Identity.Scopes;

namespace Mumega.Api.Identity;

/// <summary>OAuth 2.1 and OpenID Connect: code with PKCE for people, client credentials for agents, rotating refresh tokens, introspection, revocation.</summary>
public static class TokenServer
{
    public const string WebClient = "mission-control";
    public const string Resource = "mumega";

    public static void AddTokenServer(this IServiceCollection services, string publicAddress)
    {
        services.AddSingleton<TokenKeyRing>();
        services.AddSingleton<IConfigureOptions<OpenIddictServerOptions>>(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<IOptionsChangeTokenSource<OpenIddictServerOptions>>(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<Authenticator>();

        services.AddOpenIddict()
            .AddCore(core => core.UseEntityFrameworkCore().UseDbContext<MumegaDb>().ReplaceDefaultEntities<Guid>())
            .AddServer(server =>
            {
                server.SetIssuer(new Uri(publicAddress));
                server.SetAuthorizationEndpointUris("connect/authorize").SetTokenEndpointUris("connect/token")
                    .SetIntrospectionEndpointUris("connect/introspect").SetRevocationEndpointUris("connect/revocation");
                server.AllowAuthorizationCodeFlow().AllowRefreshTokenFlow().AllowClientCredentialsFlow();
                server.RequireProofKeyForCodeExchange();
                server.Configure(o => o.CodeChallengeMethods.Remove(CodeChallengeMethods.Plain));
                server.RegisterScopes([.. Scopes.All]);
                server.DisableAccessTokenEncryption();
                server.SetAccessTokenLifetime(TimeSpan.FromMinutes(10)).SetRefreshTokenLifetime(TimeSpan.FromHours(12));
                server.SetRefreshTokenReuseLeeway(TimeSpan.Zero);
                server.UseAspNetCore().EnableAuthorizationEndpointPassthrough().EnableTokenEndpointPassthrough()
                    .DisableTransportSecurityRequirement(); // TLS ends in front of the process; plain HTTP is for localhost.
            })
            .AddValidation(validation =>
            {
                validation.UseLocalServer();
                validation.UseAspNetCore();
                validation.EnableTokenEntryValidation();
            });
    }

    public static void MapTokenServer(this WebApplication app)
    {
        app.MapMethods("/connect/authorize", [HttpMethods.Get, HttpMethods.Post], AuthorizeAsync);
        app.MapPost("/connect/token", TokenAsync);
    }

    private static async Task<IResult> AuthorizeAsync(HttpContext http, Databases databases, TimeProvider clock)
    {
        var request = http.GetOpenIddictServerRequest() ?? throw new InvalidOperationException("this is not an authorization request");
        var signedIn = await http.AuthenticateAsync(IdentityConstants.ApplicationScheme);
        if (!signedIn.Succeeded || !Guid.TryParse(signedIn.Principal.FindFirstValue(ClaimTypes.NameIdentifier), out var person))
            return Results.Redirect($"/sign-in?returnUrl={Uri.EscapeDataString(http.Request.PathBase + http.Request.Path + http.Request.QueryString)}");

        await using var platform = databases.OpenPlatform();
        var tenant = await platform.Users.Where(u => u.Id == person).Select(u => u.TenantId).SingleOrDefaultAsync(http.RequestAborted);
        return await IssueAsync(databases, clock, tenant, person, request.GetScopes(), http.RequestAborted);
    }

    private static async Task<IResult> TokenAsync(HttpContext http, Databases databases, TimeProvider clock, IOpenIddictApplicationManager applications)
    {
        var request = http.GetOpenIddictServerRequest() ?? throw new InvalidOperationException("this is not a token request");
        if (request.IsClientCredentialsGrantType())
        {
            var application = await applications.FindByClientIdAsync(request.ClientId!, http.RequestAborted) ?? throw new InvalidOperationException("the client is gone");
            var properties = await applications.GetPropertiesAsync(application, http.RequestAborted);
            return await IssueAsync(databases, clock, properties["tenant_id"].GetGuid(), properties["principal_id"].GetGuid(), request.GetScopes(), http.RequestAborted);
        }

        // A code or a refresh token: the person's standing is looked at again, and what the token may do can only have shrunk.
        var old = (await http.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme)).Principal!;
        return await IssueAsync(databases, clock, Guid.Parse(old.GetClaim("tenant_id")!), Guid.Parse(old.GetClaim(Claims.Subject)!), old.GetScopes(), http.RequestAborted);
    }

    private static async Task<IResult> IssueAsync(
        Databases databases, TimeProvider clock, Guid tenantId, Guid principalId, IEnumerable<string> scopes, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenantId);
        var principal = await db.Principals.AsNoTracking().SingleOrDefaultAsync(p => p.Id == principalId, ct);
        if (principal is null || !principal.IsActive(clock.Now())) return Refuse(Errors.InvalidGrant, "The principal is suspended or gone.");
        if (principal.OwnerId is { } ownerId && await db.Principals.AsNoTracking().SingleOrDefaultAsync(p => p.Id == ownerId, ct) is not { } owner)
            return Refuse(Errors.InvalidGrant, "The agent's owner is gone.");

        var workspaces = await db.RolesAt(clock.Now()).Where(b => b.PrincipalId == principalId).Select(b => b.WorkspaceId).Distinct().ToListAsync(ct);
        var identity = new ClaimsIdentity("mumega", Claims.Name, Claims.Role);
        identity.SetClaim(Claims.Subject, principalId.ToString()).SetClaim(Claims.Name, principal.Name).SetClaim("tenant_id", tenantId.ToString())
            .SetClaims("workspaces", [.. workspaces.Select(w => w.ToString())]);
        identity.SetScopes(scopes).SetResources(Resource).SetDestinations(_ => [Destinations.AccessToken]);
        return Results.SignIn(new(identity), authenticationScheme: OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
    }

    private static IResult Refuse(string error, string why) => Results.Forbid(
        new(new Dictionary<string, string?>
        {
            [OpenIddictServerAspNetCoreConstants.Properties.Error] = error,
            [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = why,
        }),
        [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]);
}
