using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Mumega.Api.Identity;

/// <summary>The claims of our tokens beyond those that OAuth has.</summary>
internal static class TokenClaims
{
    /// <summary>The tenant's id: immutable, unlike its name.</summary>
    public const string Tenant = "tenant_id";

    /// <summary>The workspaces that the token names.</summary>
    public const string Workspaces = "workspaces";

    /// <summary>The ids of the tokens that an exchanged one was made from; it is dead when one of them is revoked.</summary>
    public const string Lineage = "lineage";

    /// <summary>Who acts, for another (RFC 8693).</summary>
    public const string Act = "act";

    /// <summary>What the token is limited to (RFC 9396, section 9.1).</summary>
    public const string Details = "authorization_details";

    private const string Confirmation = "cnf";

    /// <summary>When the token begins to hold; the token server itself lets that pass.</summary>
    public static DateTimeOffset NotBefore(ClaimsPrincipal principal) =>
        long.TryParse(principal.GetClaim(Claims.NotBefore), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : DateTimeOffset.MinValue;

    /// <summary>The certificate that the token is bound to (RFC 8705, <c>x5t#S256</c>), or null.</summary>
    public static string? Thumbprint(ClaimsPrincipal principal)
    {
        if (principal.GetClaim(Confirmation) is not { } confirmation)
            return null;
        using var json = JsonDocument.Parse(confirmation);
        return json.RootElement.GetProperty("x5t#S256").GetString();
    }
}

/// <summary>Who acts with a token, and on whose behalf: the claims <c>sub</c> and <c>act</c> (RFC 8693, section 4.1).</summary>
/// <param name="Actor">Who acts.</param>
/// <param name="For">On whose behalf, the root first; empty for who acts for themselves.</param>
internal sealed record ActChain(Guid Actor, IReadOnlyList<Guid> For)
{
    /// <summary>So many may stand between the root and who acts, the latter counted.</summary>
    public const int MaxDepth = 3;

    public static ActChain? Of(ClaimsPrincipal principal)
    {
        if (!Guid.TryParse(principal.GetClaim(Claims.Subject), out var root))
            return null;
        if (principal.GetClaim(TokenClaims.Act) is not { } act)
            return new(root, []);

        // The outermost acts now; further in is whoever acted before.
        var actors = new List<Guid>();
        using var json = JsonDocument.Parse(act);
        for (JsonElement? link = json.RootElement; link is { } at; link = at.TryGetProperty(TokenClaims.Act, out var inner) ? inner : null)
        {
            if (!Guid.TryParse(at.GetProperty("sub").GetString(), out var id))
                return null;
            actors.Add(id);
        }

        return new(actors[0], [root, .. actors.Skip(1).Reverse()]);
    }

    /// <summary>Everybody in it, the root first.</summary>
    public IEnumerable<Guid> All => For.Append(Actor);

    /// <summary>The same with somebody else acting on behalf of all who did so far.</summary>
    public ActChain Then(Guid actor) => new(actor, [.. All]);

    /// <summary>The <c>act</c> claim; absent for who acts for themselves.</summary>
    public JsonObject? Claim()
    {
        JsonObject? claim = null;
        foreach (var id in All.Skip(1))
        {
            var link = new JsonObject { ["sub"] = id.ToString() };
            if (claim is not null)
                link[TokenClaims.Act] = claim;
            claim = link;
        }

        return claim;
    }
}
