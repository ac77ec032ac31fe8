using System.Security.Cryptography;
using System.Text;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Mumega.Api.Identity;

/// <summary>
/// What the token server does not ask of a client assertion by itself: that it lives for five minutes at most, has an id (<c>jti</c>), and is used once, on
/// whichever node (RFC 7523, section 3, items 4, 6 and 7).
/// </summary>
internal sealed class ClientAssertions(
    Databases databases,
    IOpenIddictApplicationManager applications,
    SecurityLog security,
    TimeProvider clock
) : OpenIddict.Server.IOpenIddictServerHandler<ProcessAuthenticationContext>
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5),
        Skew = TimeSpan.FromSeconds(30);

    public async ValueTask HandleAsync(ProcessAuthenticationContext context)
    {
        // The request may name the client; the assertion does in any case.
        if (context.ClientAssertionPrincipal is not { } assertion || assertion.GetClaim(Claims.Subject) is not { } client)
            return;

        var (now, ct) = (clock.GetUtcNow(), context.CancellationToken);
        if (await applications.FindByClientIdAsync(client, ct) is not { } application)
            return;

        var properties = await applications.GetPropertiesAsync(application, ct);
        var tenant = properties.TryGetValue("tenant_id", out var known) ? known.GetGuid() : Guid.Empty;
        var principal = properties.TryGetValue("principal_id", out var who) ? who.GetGuid() : (Guid?)null;
        if (
            await WhyNotAsync(
                client,
                tenant,
                assertion.GetClaim(Claims.JwtId),
                assertion.GetExpirationDate(),
                assertion.GetCreationDate(),
                now,
                ct
            )
            is not { } why
        )
            return;

        await security.NoteAsync(tenant, "assertion.refused", principal, null, why, ct);
        context.Reject(Errors.InvalidClient, why);
    }

    private async Task<string?> WhyNotAsync(
        string client,
        Guid tenant,
        string? id,
        DateTimeOffset? expires,
        DateTimeOffset? issued,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        if (expires is not { } until || until > now + Longest + Skew)
            return "A client assertion expires five minutes from now at most.";
        if (issued > now + Skew)
            return "The client assertion was issued in the future.";
        if (id is not { Length: > 0 and <= 200 })
            return "A client assertion has an id (jti) of at most 200 characters.";
        if (tenant == Guid.Empty)
            return null;

        await using var db = databases.OpenTenant(tenant);
        db.UsedAssertions.Add(
            new()
            {
                TenantId = tenant,
                Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{client}\n{id}"))),
                ExpiresAt = until,
            }
        );
        try
        {
            await db.SaveChangesAsync(ct);
            return null;
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return "This client assertion was used before.";
        }
    }
}
