using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Secrets;
using static OpenIddict.Abstractions.OpenIddictConstants;
using Scopes = Mumega.Domain.Identity.Scopes;

namespace Mumega.Api.Identity;

/// <summary>
/// Back end for the web front end: does code + PKCE against our own token server and keeps the tokens. The browser gets an HttpOnly cookie
/// that names the session; page scripts never see a token.
/// </summary>
public sealed class WebSessions(
    Databases databases,
    Authenticator authenticator,
    IDataProtectionProvider protection,
    Vault vault,
    IServer server,
    PublicAddress address,
    TimeProvider clock,
    Signals signals
) : IDisposable
{
    public const string Cookie = "mumega_session";
    internal const string SignInLimit = "sign-in";
    private const string LoginCookie = "mumega_login";
    private const string OwnHeader = "mumega-own-call";
    private const string PasskeyCookie = "mumega_passkey";
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12),
        PasskeyLifetime = TimeSpan.FromMinutes(5);

    private readonly IDataProtector logins = protection.CreateProtector("web-login");
    private readonly ITimeLimitedDataProtector passkeyChallenges = protection.CreateProtector("web-passkey").ToTimeLimitedDataProtector();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> refreshing = new(StringComparer.Ordinal);
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });

    // Sessions' tokens are fetched from this very process, all from one address: no limit for guessing applies to that.
    private readonly string own = Random();

    /// <summary>Whether a request is one that this process sends to itself.</summary>
    public bool IsOwn(HttpContext context) =>
        CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(context.Request.Headers[OwnHeader].ToString()),
            Encoding.UTF8.GetBytes(own)
        );

    private sealed record Login(string State, string Verifier, string ReturnUrl);

    public void Map(WebApplication app)
    {
        app.MapPost("/session/sign-in", SignInAsync).RequireRateLimiting(SignInLimit);
        app.MapPost("/session/second-factor", SecondFactorAsync).RequireRateLimiting(SignInLimit);
        app.MapPost("/session/passkey/options", PasskeyOptionsAsync).RequireRateLimiting(SignInLimit);
        app.MapPost("/session/passkey", PasskeyAsync).RequireRateLimiting(SignInLimit);
        app.MapGet("/session/start", Start);
        app.MapGet("/session/callback", CallbackAsync);
        app.MapPost("/session/sign-out", SignOutAsync);
    }

    /// <summary>The caller behind the browser's cookie, its tokens refreshed when they are about to end; null when there is no session.</summary>
    public async Task<Caller?> AuthenticateAsync(string cookie, CancellationToken ct)
    {
        var id = Hash(cookie);
        await using var db = databases.OpenPlatform();
        var session = await db.FindWebSessionAsync(id, ct);
        var now = clock.GetUtcNow();
        if (session is null || session.ExpiresAt <= now)
            return null;
        if (session.AccessExpiresAt - now < TimeSpan.FromSeconds(30) && !await RefreshAsync(db, session, ct))
            return null;

        var caller = await authenticator.AuthenticateAsync(Shown(Opened(session.AccessToken)), ct);
        return caller is null
            ? null
            : caller with
            {
                ExpiresAt = session.ExpiresAt,
                Renew = again => AuthenticateAsync(cookie, again),
                Session = id,
            };
    }

    public void Dispose() => http.Dispose();

    private sealed record Credentials(string? Email, string? Password);

    private sealed record SecondFactor(string? Method, string? Code);

    private sealed record PasskeyAnswer(string? Credential);

    private static async Task<IResult> SignInAsync(
        HttpContext context,
        Credentials credentials,
        SignInManager<Person> signIn,
        Factors factors,
        SecurityLog security,
        CancellationToken ct
    )
    {
        if (!HasPreflightHeader(context))
            return Results.StatusCode(StatusCodes.Status403Forbidden);

        var person = await signIn.UserManager.FindByNameAsync(credentials.Email ?? "");
        var methods = person is null ? [] : await factors.MethodsAsync(person);

        // The framework asks for an authenticator only. Who has passkeys and none is as little signed in by the password alone.
        var passkeyOnly = methods.Contains("passkey") && !methods.Contains("totp");
        var result = passkeyOnly
            ? await signIn.CheckPasswordSignInAsync(person!, credentials.Password ?? "", lockoutOnFailure: true)
            : await signIn.PasswordSignInAsync(
                credentials.Email ?? "",
                credentials.Password ?? "",
                isPersistent: false,
                lockoutOnFailure: true
            );
        if (passkeyOnly && result.Succeeded)
        {
            await context.SignInAsync(
                IdentityConstants.TwoFactorUserIdScheme,
                new(new ClaimsIdentity([new(ClaimTypes.Name, person!.Id.ToString())], IdentityConstants.TwoFactorUserIdScheme))
            );
            result = Microsoft.AspNetCore.Identity.SignInResult.TwoFactorRequired;
        }

        if (result.RequiresTwoFactor)
            return Results.Json(
                new
                {
                    code = "SECOND_FACTOR",
                    message = "Go on with your second factor.",
                    methods,
                }
            );
        if (result.Succeeded)
            return Results.NoContent();

        await security.NoteAsync(
            person?.TenantId ?? Guid.Empty,
            result.IsLockedOut ? "sign-in.locked" : "sign-in.failed",
            person?.Id,
            Address(context),
            "password",
            ct
        );
        return result.IsLockedOut
            ? Locked()
            : Results.Json(new { code = "WRONG_CREDENTIALS", message = "E-mail or password is wrong." }, statusCode: 401);
    }

    /// <summary>The second step of signing in with a code. With a passkey it is the same as signing in with it alone.</summary>
    private static async Task<IResult> SecondFactorAsync(
        HttpContext context,
        SecondFactor factor,
        SignInManager<Person> signIn,
        Factors factors,
        SecurityLog security,
        CancellationToken ct
    )
    {
        if (!HasPreflightHeader(context))
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        if (await signIn.GetTwoFactorAuthenticationUserAsync() is not { } person)
            return Results.Json(new { code = "SIGN_IN_FIRST", message = "Sign in with your password first." }, statusCode: 401);
        if (factor is not { Method: "totp" or "recovery", Code: { Length: > 0 } code })
            return Results.Json(new { code = "BAD_REQUEST", message = "Send a method (totp, recovery) and a code." }, statusCode: 400);

        if (await factors.CheckAsync(person, factor.Method, code) is { } wrong)
        {
            await security.NoteAsync(
                person.TenantId,
                wrong is TooManyTries ? "sign-in.locked" : "sign-in.failed",
                person.Id,
                Address(context),
                factor.Method,
                ct
            );
            return wrong is TooManyTries
                ? Locked()
                : Results.Json(new { code = "WRONG_FACTOR", message = "That code did not fit, or was used before." }, statusCode: 401);
        }

        await context.SignOutAsync(IdentityConstants.TwoFactorUserIdScheme);
        await signIn.SignInAsync(person, isPersistent: false, factor.Method);
        return Results.NoContent();
    }

    /// <summary>What a passkey has to sign; after the password one of that person's, which need not be one that the browser finds by itself.</summary>
    private async Task<IResult> PasskeyOptionsAsync(
        HttpContext context,
        IPasskeyHandler<Person> passkeys,
        SignInManager<Person> signIn,
        bool second = false
    )
    {
        if (!HasPreflightHeader(context))
            return Results.StatusCode(StatusCodes.Status403Forbidden);

        var made = await passkeys.MakeRequestOptionsAsync(second ? await signIn.GetTwoFactorAuthenticationUserAsync() : null, context);
        context.Response.Cookies.Append(
            PasskeyCookie,
            passkeyChallenges.Protect(made.AssertionState ?? "", PasskeyLifetime),
            CookieOptions(context, PasskeyLifetime)
        );
        return Results.Text(made.RequestOptionsJson, "application/json");
    }

    /// <summary>Signs in with a passkey alone: it is something that one has, opened by something that one knows or is.</summary>
    private async Task<IResult> PasskeyAsync(
        HttpContext context,
        PasskeyAnswer answer,
        IPasskeyHandler<Person> passkeys,
        SignInManager<Person> signIn,
        Confirmations confirmations,
        SecurityLog security,
        CancellationToken ct
    )
    {
        if (!HasPreflightHeader(context))
            return Results.StatusCode(StatusCodes.Status403Forbidden);

        var state = Kept(context, PasskeyCookie, passkeyChallenges);
        context.Response.Cookies.Delete(PasskeyCookie);
        var result =
            state is null || answer.Credential is null
                ? null
                : await passkeys.PerformAssertionAsync(
                    new()
                    {
                        CredentialJson = answer.Credential,
                        HttpContext = context,
                        AssertionState = state,
                    }
                );
        if (result is not { Succeeded: true, User: { } person })
            return Wrong();
        if (await signIn.UserManager.IsLockedOutAsync(person))
            return Locked();
        if (!await confirmations.SignInAsync(person, state!, ct))
        {
            await security.NoteAsync(person.TenantId, "sign-in.failed", person.Id, Address(context), "passkey, answered before", ct);
            return Wrong();
        }

        await context.SignOutAsync(IdentityConstants.TwoFactorUserIdScheme);
        await signIn.UserManager.AddOrUpdatePasskeyAsync(person, result.Passkey);
        await signIn.SignInAsync(person, isPersistent: false, "passkey");
        return Results.NoContent();
    }

    private static IResult Wrong() => Results.Json(new { code = "WRONG_FACTOR", message = "That passkey did not fit." }, statusCode: 401);

    private static IResult Locked() =>
        Results.Json(new { code = "LOCKED_OUT", message = "Too many attempts. Wait five minutes and try again." }, statusCode: 429);

    private static string? Address(HttpContext context) => context.Connection.RemoteIpAddress?.ToString();

    private IResult Start(HttpContext context, string? returnUrl)
    {
        var login = new Login(Random(), Random(), IsLocal(returnUrl) ? returnUrl! : "/");
        context.Response.Cookies.Append(
            LoginCookie,
            logins.Protect(JsonSerializer.Serialize(login)),
            CookieOptions(context, TimeSpan.FromMinutes(10))
        );
        var challenge = System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(login.Verifier)));
        return Results.Redirect(
            QueryString(
                "/connect/authorize",
                ("client_id", TokenServer.WebClient),
                ("response_type", "code"),
                ("redirect_uri", Callback),
                ("scope", string.Join(' ', [.. Scopes.All, "offline_access"])),
                ("state", login.State),
                ("code_challenge", challenge),
                ("code_challenge_method", "S256")
            )
        );
    }

    private async Task<IResult> CallbackAsync(HttpContext context, string? code, string? state, CancellationToken ct)
    {
        var login = Kept(context, LoginCookie, logins) is { } text ? JsonSerializer.Deserialize<Login>(text) : null;
        context.Response.Cookies.Delete(LoginCookie);
        if (
            login is null
            || code is null
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(login.State), Encoding.UTF8.GetBytes(state ?? ""))
        )
            return Results.Redirect("/sign-in?problem=expired");

        var answer = await AskTokensAsync(
            new()
            {
                ["grant_type"] = "authorization_code",
                ["code"] = code,
                ["redirect_uri"] = Callback,
                ["code_verifier"] = login.Verifier,
            },
            ct
        );
        if (answer is null)
            return Results.Redirect("/sign-in?problem=refused");

        // The browser is signed in through the session from here on; the sign-in cookie has done its work.
        await context.RequestServices.GetRequiredService<SignInManager<Person>>().SignOutAsync();
        var value = Random();
        var caller = await authenticator.AuthenticateAsync(Shown(answer.Access), ct);
        await using var db = databases.OpenPlatform();
        db.WebSessions.Add(
            new()
            {
                Id = Hash(value),
                PrincipalId = caller!.Actor.Id,
                Authorization = await db
                    .Tokens.Where(t => t.Id == caller.Token)
                    .Select(t => t.Authorization == null ? null : (Guid?)t.Authorization.Id)
                    .SingleOrDefaultAsync(ct),
                AccessToken = Sealed(answer.Access),
                RefreshToken = Sealed(answer.Refresh),
                AccessExpiresAt = clock.Now().AddSeconds(answer.Seconds),
                ExpiresAt = clock.Now() + Lifetime,
                CreatedAt = clock.Now(),
                SeenAt = clock.Now(),
                Browser = context.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent
                    ? agent[..Math.Min(400, agent.Length)]
                    : null,
                Address = context.Connection.RemoteIpAddress?.ToString(),
            }
        );
        await db.SaveChangesAsync(ct);
        await context
            .RequestServices.GetRequiredService<SecurityLog>()
            .NoteAsync(caller.Actor.TenantId, "sign-in", caller.Actor.Id, Address(context), null, ct);
        context.Response.Cookies.Append(Cookie, value, CookieOptions(context, Lifetime));
        return Results.Redirect(login.ReturnUrl);
    }

    private async Task<IResult> SignOutAsync(HttpContext context, CancellationToken ct)
    {
        if (!HasPreflightHeader(context))
            return Results.StatusCode(StatusCodes.Status403Forbidden);

        if (context.Request.Cookies[Cookie] is { } cookie)
        {
            var id = Hash(cookie);
            await using var db = databases.OpenPlatform();
            if (await db.WebSessions.SingleOrDefaultAsync(s => s.Id == id, ct) is { } session)
                await EndAsync(db, session, ct);
        }

        context.Response.Cookies.Delete(Cookie);
        return Results.NoContent();
    }

    /// <summary>Ends one of a person's sessions, wherever it is; false when there is no such one of theirs.</summary>
    public async Task<bool> EndAsync(Guid tenant, Guid principalId, string id, CancellationToken ct)
    {
        if (id.StartsWith(Client, StringComparison.Ordinal))
            return Guid.TryParse(id[Client.Length..], out var client) && await EndClientAsync(tenant, principalId, client, ct);

        await using var db = databases.OpenPlatform();
        if (await db.WebSessions.SingleOrDefaultAsync(s => s.Id == id && s.PrincipalId == principalId, ct) is not { } session)
            return false;

        await EndAsync(db, session, ct);
        return true;
    }

    /// <summary>Ends all that a person has open, browsers and tokens of every client, but what this request came by; returns how many sessions of either kind.</summary>
    public async Task<int> EndAllButAsync(Caller caller, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(caller.Actor.TenantId);
        var own = await db
            .Tokens.Where(t => t.Id == caller.Token)
            .Select(t => t.Authorization == null ? null : (Guid?)t.Authorization.Id)
            .SingleOrDefaultAsync(ct);
        var open = (await OpenAsync(db, caller.Actor.Id, clock.Now(), ct)).Count(s => s.Id != caller.Session && s.Authorization != own);
        var principal = await db.Principals.SingleAsync(p => p.Id == caller.Actor.Id, ct);
        await db.EndTokensAsync(principal, ct, own, caller.Session);

        // Those who remember who may do what look again, and open connections with them.
        db.Entry(principal).Property(p => p.Name).IsModified = true;
        await db.SaveChangesAsync(ct);
        signals.Authority.Pulse();
        return open;
    }

    /// <summary>Where a person is signed in: a browser here, or another client that holds tokens.</summary>
    /// <param name="Id">To end it by.</param>
    /// <param name="Authorization">What its tokens were made under.</param>
    /// <param name="Client">The client's name; absent for a browser.</param>
    public sealed record Open(
        string Id,
        Guid? Authorization,
        string? Client,
        string? Browser,
        string? Address,
        DateTimeOffset Since,
        DateTimeOffset SeenAt,
        DateTimeOffset Until
    );

    /// <summary>Everywhere that a person is signed in, the last used first.</summary>
    public static async Task<IReadOnlyList<Open>> OpenAsync(MumegaDb db, Guid person, DateTimeOffset now, CancellationToken ct)
    {
        var subject = person.ToString();
        var browsers = (await db.WebSessions.AsNoTracking().Where(s => s.PrincipalId == person && s.ExpiresAt > now).ToListAsync(ct))
            .Select(s => new Open(s.Id, s.Authorization, null, s.Browser, s.Address, s.CreatedAt, s.SeenAt, s.ExpiresAt))
            .ToList();
        var shown = browsers.Select(b => b.Authorization).ToHashSet();
        var held = await db
            .Tokens.AsNoTracking()
            .Where(t => t.Subject == subject && t.Status == Statuses.Valid && t.Authorization != null)
            .Select(t => new
            {
                t.Authorization!.Id,
                t.Application!.ClientId,
                t.Application.DisplayName,
                t.CreationDate,
                t.ExpirationDate,
            })
            .ToListAsync(ct);
        var clients = held.Where(t => t.ExpirationDate > now.UtcDateTime && !shown.Contains(t.Id))
            .GroupBy(t => t.Id)
            .Select(g => new Open(
                $"{Client}{g.Key}",
                g.Key,
                g.First().DisplayName ?? g.First().ClientId,
                null,
                null,
                Utc(g.Min(t => t.CreationDate)),
                Utc(g.Max(t => t.CreationDate)),
                Utc(g.Max(t => t.ExpirationDate))
            ));
        return [.. browsers.Concat(clients).OrderByDescending(s => s.SeenAt)];
    }

    private const string Client = "client-";

    private static DateTimeOffset Utc(DateTime? at) => new(DateTime.SpecifyKind(at ?? default, DateTimeKind.Utc));

    private async Task<bool> EndClientAsync(Guid tenant, Guid principalId, Guid authorization, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        var subject = principalId.ToString();
        var tokens = await db
            .Tokens.Where(t => t.Subject == subject && t.Status == Statuses.Valid && t.Authorization!.Id == authorization)
            .ToListAsync(ct);
        foreach (var token in tokens)
            token.Status = Statuses.Revoked;
        await db.SaveChangesAsync(ct);
        signals.Authority.Pulse();
        return tokens.Count > 0;
    }

    private async Task EndAsync(MumegaDb db, WebSession session, CancellationToken ct)
    {
        foreach (var token in new[] { session.RefreshToken, session.AccessToken })
        {
            using var answer = await PostAsync(
                "connect/revocation",
                new() { ["client_id"] = TokenServer.WebClient, ["token"] = Opened(token) },
                ct
            );
        }

        db.WebSessions.Remove(session);
        await db.SaveChangesAsync(ct);
        signals.Authority.Pulse();
    }

    // One refresh at a time per session: a refresh token is good for one use.
    private async Task<bool> RefreshAsync(MumegaDb db, WebSession session, CancellationToken ct)
    {
        var gate = refreshing.GetOrAdd(session.Id, _ => new(1, 1));
        await gate.WaitAsync(ct);
        try
        {
            await db.Entry(session).ReloadAsync(ct);
            if (session.AccessExpiresAt - clock.GetUtcNow() >= TimeSpan.FromSeconds(30))
                return true;

            var answer = await AskTokensAsync(
                new() { ["grant_type"] = "refresh_token", ["refresh_token"] = Opened(session.RefreshToken) },
                ct
            );
            if (answer is null)
                return false;

            (session.AccessToken, session.RefreshToken) = (Sealed(answer.Access), Sealed(answer.Refresh));
            (session.AccessExpiresAt, session.SeenAt) = (clock.Now().AddSeconds(answer.Seconds), clock.Now());
            await db.SaveChangesAsync(ct);
            return true;
        }
        finally
        {
            gate.Release();
            refreshing.TryRemove(session.Id, out _);
        }
    }

    private sealed record TokenAnswer(string Access, string Refresh, int Seconds);

    private async Task<TokenAnswer?> AskTokensAsync(Dictionary<string, string> form, CancellationToken ct)
    {
        form["client_id"] = TokenServer.WebClient;
        using var answer = await PostAsync("connect/token", form, ct);
        if (!answer.IsSuccessStatusCode)
            return null;

        var json = await answer.Content.ReadFromJsonAsync<JsonElement>(ct);
        return new(
            json.GetProperty("access_token").GetString()!,
            json.GetProperty("refresh_token").GetString()!,
            json.GetProperty("expires_in").GetInt32()
        );
    }

    private async Task<HttpResponseMessage> PostAsync(string path, Dictionary<string, string> form, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Self(), path)) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Add(OwnHeader, own);
        return await http.SendAsync(request, ct);
    }

    // The token server is this very process; whatever stands in front of it plays no part.
    private Uri Self()
    {
        var own = server.Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new(
            own.Replace("[::]", "127.0.0.1", StringComparison.Ordinal)
                .Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)
                .Replace("//+", "//127.0.0.1", StringComparison.Ordinal)
        );
    }

    private Credential Shown(string token) => new(token, "web", TokenServer.ResourceOf(address.Value), null);

    private string Callback => $"{address.Value}/session/callback";

    // What this installation put into a cookie; null when it is absent, forged or too old.
    private static string? Kept(HttpContext context, string cookie, IDataProtector protector)
    {
        try
        {
            return context.Request.Cookies[cookie] is { } text ? protector.Unprotect(text) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>A header that no foreign page can send without asking first; with the cookie's SameSite it keeps forged requests out.</summary>
    public static bool HasPreflightHeader(HttpContext context) => context.Request.Headers.ContainsKey("graphql-require-preflight");

    private static bool IsLocal(string? url) => url is { Length: > 0 } && url[0] == '/' && (url.Length == 1 || url[1] is not ('/' or '\\'));

    // Also behind a proxy that ends TLS: what counts is how the outside reaches us.
    private CookieOptions CookieOptions(HttpContext context, TimeSpan age) =>
        new()
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            Secure = context.Request.IsHttps || address.IsSecure,
            Path = "/",
            MaxAge = age,
            IsEssential = true,
        };

    private string Sealed(string token) => vault.Seal(Guid.Empty, Purpose.Session, token);

    private string Opened(string token) => vault.Open(Guid.Empty, Purpose.Session, token);

    private static string Random() => System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    private static string Hash(string value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)));

    private static string QueryString(string path, params (string Name, string Value)[] fields) =>
        $"{path}?{string.Join('&', fields.Select(f => $"{f.Name}={Uri.EscapeDataString(f.Value)}"))}";
}
