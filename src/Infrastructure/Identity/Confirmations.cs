using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Identity;

/// <summary>Has people say with a fresh second factor that they mean what they are about to do, each act for itself.</summary>
public sealed class Confirmations(Databases databases, IServiceScopeFactory scopes, SecurityLog security, TimeProvider clock)
{
    /// <summary>Uses up the confirmation that was given for this act, with the next commit of the context; without one, asks for it.</summary>
    /// <param name="db">Where it is used up.</param>
    /// <param name="by">Whose.</param>
    /// <param name="what">The act in words, for the person.</param>
    /// <param name="act">What makes it this act and no other.</param>
    /// <param name="now">The time.</param>
    /// <param name="passwordWillDo">Whether the password is enough for who has no second factor, whatever the tenant wants.</param>
    /// <param name="ct">Cancels.</param>
    internal async Task<Outcome<Confirmation>> UseAsync(
        MumegaDb db,
        Actor by,
        string what,
        object?[] act,
        DateTimeOffset now,
        bool passwordWillDo,
        CancellationToken ct
    )
    {
        var purpose = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(act)));
        var known = await db
            .Confirmations.Where(c => c.PrincipalId == by.Id && c.Purpose == purpose && c.UsedAt == null)
            .OrderByDescending(c => c.At)
            .ToListAsync(ct);
        if (known.FirstOrDefault(c => c.Use(now)) is { } given)
            return given;

        await using var scope = scopes.CreateAsyncScope();
        var factors = scope.ServiceProvider.GetRequiredService<Factors>();
        if (await factors.People.FindByIdAsync(by.Id.ToString()) is not { } person)
            return new SecondFactorRequired();

        var methods = await factors.MethodsAsync(person);
        var tenantId = by.TenantId;
        if (
            methods.Count == 0
            && !passwordWillDo
            && await db.Tenants.Where(t => t.Id == tenantId).Select(t => t.RequiresSecondFactor).SingleAsync(ct)
        )
            return new SecondFactorRequired();
        if (methods.Count == 0)
            methods = ["password"];
        if (known.FirstOrDefault(c => c.IsOpen(now)) is { } open)
            return new ConfirmationNeeded(open.Id, methods, open.What);

        // In a commit of its own: the act itself commits nothing.
        await using var own = databases.OpenTenant(by.TenantId);
        var asked = new Confirmation
        {
            TenantId = by.TenantId,
            Id = Guid.CreateVersion7(now),
            PrincipalId = by.Id,
            Purpose = purpose,
            What = what.Length > 300 ? what[..300] : what,
            At = now,
        };
        own.Confirmations.Add(asked);
        await own.SaveChangesAsync(ct);
        return new ConfirmationNeeded(asked.Id, methods, asked.What);
    }

    /// <summary>
    /// The same for what concerns the caller's own account and no workspace. The confirmation is used up at once. Here the password is enough for who has no second factor, whatever the tenant wants: how
    /// else would anybody come to the first one?
    /// </summary>
    public async Task<Refusal?> UseAsync(Actor by, string what, object?[] act, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(by.TenantId);
        if ((await UseAsync(db, by, what, act, Clock.Now(clock), passwordWillDo: true, ct)).Refused(out var why, out _))
            return why;

        await db.SaveChangesAsync(ct);
        return null;
    }

    /// <summary>What a passkey has to sign to confirm it, as JSON for <c>navigator.credentials.get</c>; null when it is not the caller's or no longer open.</summary>
    public async Task<string?> ChallengeAsync(Actor by, Guid id, HttpContext http, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(by.TenantId);
        if (await FindAsync(db, by, id, ct) is not { } asked)
            return null;

        await using var scope = scopes.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<UserManager<Person>>().FindByIdAsync(by.Id.ToString()) is not { } person)
            return null;

        var made = await scope.ServiceProvider.GetRequiredService<IPasskeyHandler<Person>>().MakeRequestOptionsAsync(person, http);
        asked.Challenge = made.AssertionState;
        await db.SaveChangesAsync(ct);
        return made.RequestOptionsJson;
    }

    /// <summary>Gives one, if the factor fits.</summary>
    public async Task<Outcome<Confirmation>> GiveAsync(
        Actor by,
        Guid id,
        string method,
        string code,
        HttpContext http,
        CancellationToken ct
    )
    {
        await using var db = databases.OpenTenant(by.TenantId);
        if (by is not { Kind: PrincipalKind.User, Chain.Count: 0 } || await FindAsync(db, by, id, ct) is not { } asked)
            return new NotFound("confirmation", id.ToString());

        await using var scope = scopes.CreateAsyncScope();
        var factors = scope.ServiceProvider.GetRequiredService<Factors>();
        var person = await factors.People.FindByIdAsync(by.Id.ToString());
        if (person is null)
            return new NotFound("confirmation", id.ToString());

        // Who has a second factor can't fall back to the password.
        var methods = await factors.MethodsAsync(person);
        if (method == "password" ? methods.Count > 0 : !methods.Contains(method))
            return new InvalidArgument("method", "you do not have this one.");

        var wrong =
            method == "passkey"
                ? await CheckPasskeyAsync(scope.ServiceProvider, factors, person, asked, code, http)
                : await factors.CheckAsync(person, method, code);
        if (wrong is null)
            asked.Give(method, Clock.Now(clock));
        else
            asked.Miss();
        await db.SaveChangesAsync(ct);
        if (wrong is not null)
            await security.RefusedAsync(by, "confirm", wrong, null);
        return wrong is null ? asked : wrong;
    }

    /// <summary>Writes down that somebody signs in with the answer to this challenge; false when somebody did so before, on whichever node. A passkey that many devices share does not count its uses.</summary>
    public async Task<bool> SignInAsync(Person person, string challenge, CancellationToken ct)
    {
        var (now, digest) = (Clock.Now(clock), SHA256.HashData(Encoding.UTF8.GetBytes(challenge)));
        var once = new Confirmation
        {
            TenantId = person.TenantId,
            Id = new(digest[..16]),
            PrincipalId = person.Id,
            Purpose = Convert.ToHexStringLower(digest),
            What = "sign in.",
            At = now,
        };
        once.Give("passkey", now);
        once.Use(now);
        await using var db = databases.OpenTenant(person.TenantId);
        db.Confirmations.Add(once);
        try
        {
            await db.SaveChangesAsync(ct);
            return true;
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return false;
        }
    }

    private async Task<Confirmation?> FindAsync(MumegaDb db, Actor by, Guid id, CancellationToken ct)
    {
        var now = Clock.Now(clock);
        return await db.Confirmations.SingleOrDefaultAsync(c => c.Id == id && c.PrincipalId == by.Id, ct) is { } found && found.IsOpen(now)
            ? found
            : null;
    }

    private static async Task<Refusal?> CheckPasskeyAsync(
        IServiceProvider services,
        Factors factors,
        Person person,
        Confirmation asked,
        string credential,
        HttpContext http
    )
    {
        var result = await services
            .GetRequiredService<IPasskeyHandler<Person>>()
            .PerformAssertionAsync(
                new()
                {
                    CredentialJson = credential,
                    HttpContext = http,
                    AssertionState = asked.Challenge,
                }
            );
        asked.Challenge = null;
        if (!result.Succeeded || result.User.Id != person.Id)
            return new WrongFactor();

        await factors.People.AddOrUpdatePasskeyAsync(person, result.Passkey);
        return null;
    }
}
