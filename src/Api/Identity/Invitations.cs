using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Files;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Identity;

/// <summary>
/// How somebody who was invited comes in: <c>POST /session/invitation</c> tells what a link is for, <c>POST /session/accept</c> takes it, for a new account or one that is there. Account, role and receipt are one commit.
/// </summary>
public sealed class Invitations(
    Databases databases,
    IServiceScopeFactory scopes,
    SecurityLog security,
    Desk desk,
    Kernel kernel,
    TimeProvider clock
)
{
    private sealed record Link(string? Token, string? Name, string? Password);

    public void Map(WebApplication app)
    {
        app.MapPost("/session/invitation", LookAsync).RequireRateLimiting(WebSessions.SignInLimit);
        app.MapPost("/session/accept", AcceptAsync).RequireRateLimiting(WebSessions.SignInLimit);
    }

    /// <summary>A link's secret: where the invitation is, and 256 random bits of which only the hash is kept.</summary>
    public static (string Token, string Hash) NewToken(Guid tenant, Invitation invitation)
    {
        byte[] token =
        [
            .. tenant.ToByteArray(),
            .. invitation.WorkspaceId.ToByteArray(),
            .. invitation.Id.ToByteArray(),
            .. RandomNumberGenerator.GetBytes(32),
        ];
        return (Base64Url.EncodeToString(token), Hash(token));
    }

    private async Task<IResult> LookAsync(HttpContext http, Link link, CancellationToken ct)
    {
        if (!WebSessions.HasPreflightHeader(http))
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        if (await FindAsync(link.Token, ct) is not { } found)
            return Void();

        await using var db = found.Db;
        var (email, tenantId, workspaceId) = (Normal(found.Invitation.Email), db.TenantId, db.WorkspaceId);
        return Results.Json(
            new
            {
                tenant = await db.Tenants.Where(t => t.Id == tenantId).Select(t => t.Name).SingleAsync(ct),
                workspace = await db.Workspaces.Where(w => w.Id == workspaceId).Select(w => w.Name).SingleAsync(ct),
                found.Invitation.Email,
                found.Invitation.Role,
                hasAccount = await db.Users.AnyAsync(u => u.NormalizedEmail == email, ct),
            }
        );
    }

    private async Task<IResult> AcceptAsync(HttpContext http, Link link, CancellationToken ct)
    {
        if (!WebSessions.HasPreflightHeader(http))
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        if (await FindAsync(link.Token, ct) is not { } found)
            return Void();

        await using var db = found.Db;
        await using (var s = await desk.SitAsPlatformAsync(db.TenantId, db.WorkspaceId, ct))
        {
            if (s.StopFor("members") is { } stopped)
                return Answers.Refused(stopped);
            if (!await kernel.IsStillMeantAsync(s, found.Invitation, ct))
            {
                await security.NoteAsync(
                    db.TenantId,
                    "invitation.refused",
                    found.Invitation.LinkedBy,
                    http.Connection.RemoteIpAddress?.ToString(),
                    "the inviter may no longer invite",
                    ct
                );
                return Void();
            }
        }

        await using var scope = scopes.CreateAsyncScope();
        var (people, now, email) = (
            scope.ServiceProvider.GetRequiredService<UserManager<Person>>(),
            Domain.Clock.Now(clock),
            Normal(found.Invitation.Email)
        );
        var person = await people.FindByEmailAsync(found.Invitation.Email);
        Principal principal;
        if (person is null)
        {
            if (link.Name?.Trim() is not { Length: > 0 and <= 100 } name)
                return Answers.Refused(new InvalidArgument("name", "between 1 and 100 characters."));

            principal = new()
            {
                TenantId = db.TenantId,
                Id = Guid.CreateVersion7(now),
                Kind = PrincipalKind.User,
                Name = name,
                LetInBy = found.Invitation.LinkedBy ?? found.Invitation.InvitedBy,
                CreatedAt = now,
            };
            person = new()
            {
                Id = principal.Id,
                TenantId = db.TenantId,
                UserName = found.Invitation.Email,
                NormalizedUserName = email,
                Email = found.Invitation.Email,
                NormalizedEmail = email,
                EmailConfirmed = true,
                SecurityStamp = Guid.NewGuid().ToString(),
                LockoutEnabled = true,
            };
            if (await scope.ServiceProvider.GetRequiredService<Factors>().WhyNotAsync(person, link.Password) is { } weak)
                return Answers.Refused(weak);

            person.PasswordHash = people.PasswordHasher.HashPassword(person, link.Password!);
            db.Principals.Add(principal);
            db.Users.Add(person);
        }
        else
        {
            // An account of another tenant is told apart from a wrong password by nobody.
            var wrong =
                person.TenantId != db.TenantId
                    ? new WrongFactor()
                    : await scope.ServiceProvider.GetRequiredService<Factors>().CheckAsync(person, "password", link.Password ?? "");
            if (wrong is not null)
            {
                await security.NoteAsync(
                    db.TenantId,
                    "invitation.refused",
                    null,
                    http.Connection.RemoteIpAddress?.ToString(),
                    "wrong password",
                    ct
                );
                return Answers.Refused(
                    StatusCodes.Status401Unauthorized,
                    "WRONG_CREDENTIALS",
                    "There is an account with this address. Its password is wrong."
                );
            }

            var id = person.Id;
            principal = await db.Principals.SingleAsync(p => p.Id == id, ct);
        }

        var log = await db.Tenants.Where(t => t.Id == principal.TenantId).Select(t => t.Log).SingleAsync(ct);
        var by = new Actor(
            db.TenantId,
            principal.Id,
            PrincipalKind.User,
            principal.Name,
            null,
            log,
            new HashSet<string>(),
            new HashSet<Guid> { db.WorkspaceId },
            "web"
        );
        if (found.Invitation.Accept(by, now).Refused(out var why, out var evidence))
            return Answers.Refused(why);

        db.Add(evidence);
        var (workspaceId, role) = (db.WorkspaceId, found.Invitation.Role);
        if (
            await db.RoleBindings.SingleOrDefaultAsync(
                b => b.PrincipalId == principal.Id && b.Role == role && b.WorkspaceId == workspaceId,
                ct
            ) is
            { } held
        )
            held.Until = found.Invitation.Until;
        else
            db.RoleBindings.Add(
                new()
                {
                    TenantId = db.TenantId,
                    WorkspaceId = workspaceId,
                    PrincipalId = principal.Id,
                    Role = role,
                    CreatedAt = now,
                    Until = found.Invitation.Until,
                    GrantedBy = found.Invitation.InvitedBy,
                }
            );
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return Void();
        }

        desk.Signals.Authority.Pulse();
        desk.Signals.Receipts.Pulse();
        return Results.NoContent();
    }

    /// <summary>The invitation that a token opens, in an open context; null when it opens none, whatever the reason.</summary>
    private async Task<(MumegaDb Db, Invitation Invitation)?> FindAsync(string? token, CancellationToken ct)
    {
        if (
            token is null
            || token.Length > 200
            || !Base64Url.IsValid(token)
            || Base64Url.DecodeFromChars(token) is not { Length: 80 } bytes
        )
            return null;

        var (tenant, workspace, id) = (new Guid(bytes[..16]), new Guid(bytes[16..32]), new Guid(bytes[32..48]));
        var (now, hash) = (Domain.Clock.Now(clock), Convert.FromHexString(Hash(bytes)));
        var db = databases.Open(tenant, workspace);
        if (
            await db.Invitations.SingleOrDefaultAsync(i => i.Id == id, ct) is { TokenHash: { } kept } invitation
            && invitation.State(now) is InvitationState.Open
            && CryptographicOperations.FixedTimeEquals(Convert.FromHexString(kept), hash)
            && await db.Workspaces.AnyAsync(w => w.Id == workspace && w.RemovedAt == null, ct)
            && await db.Tenants.AnyAsync(t => t.Id == tenant && t.ClosedAt == null, ct)
        )
            return (db, invitation);

        await db.DisposeAsync();
        return null;
    }

    private static IResult Void()
    {
        var refusal = new InvitationVoid();
        return Answers.Refused(StatusCodes.Status404NotFound, refusal.Code, refusal.Message);
    }

    private static string Normal(string email) => email.Normalize().ToUpperInvariant();

    private static string Hash(byte[] token) => Convert.ToHexStringLower(SHA256.HashData(token));
}
