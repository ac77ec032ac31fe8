using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Runs;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using OpenIddict.Server.AspNetCore;
using OpenIddict.Validation;
using static OpenIddict.Abstractions.OpenIddictConstants;
using Scopes = Mumega.Domain.Identity.Scopes;

namespace Mumega.Api.Identity;

/// <summary>OAuth 2.1 and OpenID Connect: code with PKCE for people, client credentials for agents, rotating refresh tokens, introspection, revocation.</summary>
public static class TokenServer
{
    public const string WebClient = "mission-control";

    /// <summary>The resource that tokens for the API are made for.</summary>
    public static string ResourceOf(string publicAddress) => $"{publicAddress}/graphql";

    public static void AddTokenServer(this IServiceCollection services, string publicAddress)
    {
        services.AddSingleton<TokenKeyRing>().AddHostedService(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<IConfigureOptions<OpenIddictServerOptions>>(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<IOptionsChangeTokenSource<OpenIddictServerOptions>>(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<IOptionsChangeTokenSource<OpenIddictValidationOptions>>(p => p.GetRequiredService<TokenKeyRing>());
        services.AddSingleton<Authenticator>().AddSingleton<AuthorizationDetails>().AddSingleton<TokenIssuer>();

        services
            .AddOpenIddict()
            .AddCore(core => core.UseEntityFrameworkCore().UseDbContext<MumegaDb>().ReplaceDefaultEntities<Guid>())
            .AddServer(server =>
            {
                server.SetIssuer(new Uri(publicAddress));
                server
                    .SetAuthorizationEndpointUris("connect/authorize")
                    .SetTokenEndpointUris("connect/token")
                    .SetIntrospectionEndpointUris("connect/introspect")
                    .SetRevocationEndpointUris("connect/revocation");
                server.AllowAuthorizationCodeFlow().AllowRefreshTokenFlow().AllowClientCredentialsFlow().AllowTokenExchangeFlow();
                server.RequireProofKeyForCodeExchange();
                server.Configure(o => o.CodeChallengeMethods.Remove(CodeChallengeMethods.Plain));
                server.RegisterScopes([.. Scopes.All]);
                server.DisableAccessTokenEncryption();
                server.RegisterResources(ResourceOf(publicAddress)).IgnoreResourcePermissions();

                // An audience is an agent of the tenant, which no list at start can name: the exchange itself looks it up.
                server.RemoveEventHandler(OpenIddictServerHandlers.Exchange.ValidateAudiences.Descriptor).IgnoreAudiencePermissions();
                server
                    .SetAccessTokenLifetime(TokenIssuer.PersonLifetime)
                    .SetRefreshTokenLifetime(TimeSpan.FromHours(12))
                    .DisableSlidingRefreshTokenExpiration();

                // Who signs in with a certificate of theirs gets tokens that are worth nothing without it (RFC 8705).
                server.EnableSelfSignedTlsClientAuthentication().UseClientCertificateBoundAccessTokens();
                server.AddEventHandler<OpenIddictServerEvents.ProcessAuthenticationContext>(assertion =>
                    assertion
                        .UseScopedHandler<ClientAssertions>()
                        .SetOrder(OpenIddictServerHandlers.ValidateClientAssertion.Descriptor.Order + 1)
                );
                server.AddEventHandler<OpenIddictServerEvents.HandleConfigurationRequestContext>(metadata =>
                    metadata.UseInlineHandler(context =>
                    {
                        context.Metadata["authorization_details_types_supported"] = new OpenIddictParameter(
                            ImmutableArray.Create<string?>(ActLimit.Type)
                        );
                        return default;
                    })
                );
                server.SetRefreshTokenReuseLeeway(TimeSpan.Zero);
                server
                    .UseAspNetCore()
                    .EnableAuthorizationEndpointPassthrough()
                    .EnableTokenEndpointPassthrough()
                    .DisableTransportSecurityRequirement(); // TLS ends in front of the process; plain HTTP is for localhost.
            })
            .AddValidation(validation =>
            {
                validation.UseLocalServer();
                validation.UseAspNetCore();
                validation.EnableTokenEntryValidation();

                // A token is read once and remembered, but its certificate belongs to a connection: the authenticator looks at every one.
                validation.RemoveEventHandler(OpenIddictValidationHandlers.Protection.ValidateProofOfPossession.Descriptor);
            });
    }

    public static void MapTokenServer(this WebApplication app)
    {
        app.MapMethods("/connect/authorize", [HttpMethods.Get, HttpMethods.Post], AuthorizeAsync);
        app.MapPost("/connect/token", TokenAsync);

        // Protected resource metadata (RFC 9728).
        app.MapGet(
            "/.well-known/oauth-protected-resource/graphql",
            (PublicAddress address) =>
                Results.Json(
                    new
                    {
                        resource = ResourceOf(address.Value),
                        authorization_servers = new[] { $"{address.Value}/" },
                        scopes_supported = Scopes.All,
                        bearer_methods_supported = new[] { "header" },
                        resource_name = "Mumega",
                    }
                )
        );
    }

    private static async Task<IResult> AuthorizeAsync(HttpContext http, TokenIssuer issuer)
    {
        var request = http.GetOpenIddictServerRequest() ?? throw new InvalidOperationException("this is not an authorization request");
        // Signed in before the password was changed is not signed in.
        var signedIn = await http.AuthenticateAsync(IdentityConstants.ApplicationScheme);
        if (
            signedIn.Principal is { } cookie
            && await http.RequestServices.GetRequiredService<SignInManager<Person>>().ValidateSecurityStampAsync(cookie) is null
        )
            signedIn = AuthenticateResult.NoResult();
        if (!signedIn.Succeeded || !Guid.TryParse(signedIn.Principal.FindFirstValue(ClaimTypes.NameIdentifier), out var person))
            return Results.Redirect(
                $"/sign-in?returnUrl={Uri.EscapeDataString(http.Request.PathBase + http.Request.Path + http.Request.QueryString)}"
            );

        return await issuer.IssueAsync(
            await issuer.TenantOfAsync(person, http.RequestAborted),
            new(person, []),
            request,
            request.GetScopes(),
            http.RequestAborted
        );
    }

    private static async Task<IResult> TokenAsync(HttpContext http, TokenIssuer issuer, IOpenIddictApplicationManager applications)
    {
        var (request, ct) = (
            http.GetOpenIddictServerRequest() ?? throw new InvalidOperationException("this is not a token request"),
            http.RequestAborted
        );
        if (request.IsClientCredentialsGrantType())
        {
            var (tenant, principal) =
                await ClientAsync(applications, request.ClientId!, ct)
                ?? throw new InvalidOperationException("the client has no principal");
            return await issuer.IssueAsync(tenant, new(principal, []), request, request.GetScopes(), ct);
        }

        // A code or a refresh token: the person's standing is looked at again, and what the token may do can only have shrunk.
        var old = (await http.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme)).Principal!;
        return request.IsTokenExchangeGrantType()
            ? await issuer.ExchangeAsync(request, old, await ClientAsync(applications, request.ClientId!, ct), ct)
            : await issuer.IssueAsync(Guid.Parse(old.GetClaim(TokenClaims.Tenant)!), ActChain.Of(old)!, request, old.GetScopes(), ct);
    }

    /// <summary>The tenant and principal that a client is, or null for one that people use.</summary>
    private static async Task<(Guid Tenant, Guid Principal)?> ClientAsync(
        IOpenIddictApplicationManager applications,
        string clientId,
        CancellationToken ct
    )
    {
        var application = await applications.FindByClientIdAsync(clientId, ct) ?? throw new InvalidOperationException("the client is gone");
        var properties = await applications.GetPropertiesAsync(application, ct);
        return properties.TryGetValue("principal_id", out var principal) ? (properties["tenant_id"].GetGuid(), principal.GetGuid()) : null;
    }
}
