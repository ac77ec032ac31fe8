using System.Text.Json;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Identity;

/// <summary>Finds out who sends a request: a bearer token, or the browser's session cookie together with a header that foreign pages can't send.</summary>
public sealed class CallerOf(
    Authenticator authenticator,
    WebSessions sessions,
    Signals signals,
    SecurityLog security,
    PublicAddress address,
    TimeProvider clock
)
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, DateTimeOffset> noted = new(StringComparer.Ordinal);

    // Half of the two seconds within which a lost right has to be gone on every node.
    internal static readonly TimeSpan Recheck = TimeSpan.FromSeconds(1);

    private readonly string resource = TokenServer.ResourceOf(address.Value);

    /// <summary>The caller of an HTTP request. Forged is set when a cookie came without the header that proves our own page sent it.</summary>
    public async Task<(Caller? Caller, bool Forged)> RequestAsync(HttpContext http)
    {
        if (Bearer(http.Request.Headers.Authorization) is { } token)
            return (await authenticator.AuthenticateAsync(Shown(token, http), http.RequestAborted), false);
        if (http.Request.Cookies[WebSessions.Cookie] is not { } cookie)
            return (null, false);
        return WebSessions.HasPreflightHeader(http) ? (await sessions.AuthenticateAsync(cookie, http.RequestAborted), false) : (null, true);
    }

    /// <summary>The caller of a socket's handshake, whose Origin was checked before.</summary>
    public async Task<Caller?> HandshakeAsync(HttpContext http)
    {
        if (Bearer(http.Request.Headers.Authorization) is { } token)
            return await authenticator.AuthenticateAsync(Shown(token, http), http.RequestAborted);

        // Without an Origin this is no browser, and a cookie proves nothing.
        return http.Request.Headers.Origin.Count > 0 && http.Request.Cookies[WebSessions.Cookie] is { } cookie
            ? await sessions.AuthenticateAsync(cookie, http.RequestAborted)
            : null;
    }

    /// <summary>The caller that a socket's <c>connection_init</c> names: <c>{"payload": {"authorization": "Bearer …"}}</c>.</summary>
    public async Task<Caller?> InitAsync(JsonElement message, HttpContext http, CancellationToken ct)
    {
        if (!message.TryGetProperty("payload", out var payload) || payload.ValueKind is not JsonValueKind.Object)
            return null;

        var header = payload
            .EnumerateObject()
            .FirstOrDefault(p => p.Name.Equals("authorization", StringComparison.OrdinalIgnoreCase))
            .Value;
        return header.ValueKind is JsonValueKind.String && Bearer(header.GetString()) is { } token
            ? await authenticator.AuthenticateAsync(Shown(token, http), ct)
            : null;
    }

    /// <summary>Completes when the caller's credential no longer holds. Looks at once when authority changed here, and every second.</summary>
    public async Task WatchAsync(Caller caller, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var changed = signals.Authority.Next;
            if (await caller.Renew(ct) is not { } again)
                return;
            caller = again;
            await Task.WhenAny(changed, Task.Delay(Recheck, ct));
        }
    }

    /// <summary>What an answer 401 says about how to come in (RFC 6750, with the metadata of RFC 9728): that a token did not hold, if one was sent.</summary>
    public string Challenge(HttpContext http) =>
        $"Bearer {(Bearer(http.Request.Headers.Authorization) is null ? "" : "error=\"invalid_token\", ")}resource_metadata=\"{address.Value}/.well-known/oauth-protected-resource/graphql\"";

    /// <summary>Writes down that a token was refused: in the tenant's log if it once was one of ours, and at most once a minute for the same address and tenant.</summary>
    public async Task NoteRefusalAsync(HttpContext http)
    {
        if (Bearer(http.Request.Headers.Authorization) is not { } token)
            return;

        var (tenant, principal) = await authenticator.WhoseAsync(token, http.RequestAborted);
        var (from, now) = (http.Connection.RemoteIpAddress?.ToString(), clock.GetUtcNow());
        if (noted.Count > 10_000)
            noted.Clear();
        if (noted.TryGetValue($"{tenant}/{from}", out var last) && now - last < TimeSpan.FromMinutes(1))
            return;

        noted[$"{tenant}/{from}"] = now;
        await security.NoteAsync(
            tenant,
            "token.refused",
            principal,
            from,
            principal is null ? "no token of ours" : "expired, revoked, for something else, or without its certificate",
            http.RequestAborted
        );
    }

    private Credential Shown(string token, HttpContext http) =>
        new(
            token,
            "graphql",
            resource,
            http.Connection.ClientCertificate is { } certificate
                ? System.Buffers.Text.Base64Url.EncodeToString(
                    certificate.GetCertHash(System.Security.Cryptography.HashAlgorithmName.SHA256)
                )
                : null
        );

    private static string? Bearer(string? header) =>
        header is not null && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && header.Length > 7
            ? header[7..].Trim()
            : null;
}
