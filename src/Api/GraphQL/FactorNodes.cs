using System.Text.Encodings.Web;
using GraphQL;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.GraphQL;

/// <summary>What the caller proves themselves with beside the password.</summary>
/// <param name="Authenticator">Whether an authenticator app is set up.</param>
/// <param name="RecoveryCodes">How many recovery codes are left.</param>
/// <param name="Passkeys">The passkeys, the newest first.</param>
[Name("Factors")]
public sealed record FactorsView(bool Authenticator, int RecoveryCodes, IReadOnlyList<PasskeyView> Passkeys);

/// <param name="PasskeyId">To remove it by.</param>
[Name("Passkey")]
public sealed record PasskeyView([property: Id] string PasskeyId, string? Name, DateTimeOffset CreatedAt);

public sealed partial class Viewer
{
    /// <summary>The caller's second factors; null for who is no person.</summary>
    [Complexity(5, 1)]
    public async Task<FactorsView?> Factors(IResolveFieldContext context)
    {
        await using var desk = await FactorDesk.FindAsync(context);
        if (desk is null)
            return null;

        var passkeys = await desk.People.GetPasskeysAsync(desk.Person);
        return new(
            await desk.People.GetTwoFactorEnabledAsync(desk.Person),
            await desk.People.CountRecoveryCodesAsync(desk.Person),
            [
                .. passkeys
                    .OrderByDescending(p => p.CreatedAt)
                    .Select(p => new PasskeyView(System.Buffers.Text.Base64Url.EncodeToString(p.CredentialId), p.Name, p.CreatedAt)),
            ]
        );
    }

    /// <summary>What a passkey has to sign to confirm an act, as JSON for <c>navigator.credentials.get</c>; null when there is nothing open with that id.</summary>
    public Task<string?> PasskeyChallenge(IResolveFieldContext context, [Id] Guid confirmationId) =>
        context
            .RequestServices!.GetRequiredService<Confirmations>()
            .ChallengeAsync(context.Request().Actor, confirmationId, FactorDesk.Http(context), context.CancellationToken);
}

public enum ConfirmationMethod
{
    Passkey,
    Totp,
    Recovery,
    Password,
}

/// <param name="Code">The code, the password, or the passkey's answer as JSON.</param>
public sealed record ConfirmInput([property: Id] Guid ConfirmationId, ConfirmationMethod Method, string Code);

public sealed record ConfirmPayload(bool Confirmed, IReadOnlyList<Refusal> Errors);

/// <param name="IdempotencyKey">The same again when the request is repeated after it was confirmed.</param>
public sealed record AccountInput(string IdempotencyKey);

/// <param name="Key">The secret, for typing it in.</param>
/// <param name="Address">The same as <c>otpauth:</c> address, for a QR code.</param>
public sealed record BeginAuthenticatorPayload(string? Key, string? Address, IReadOnlyList<Refusal> Errors);

/// <param name="Password">The new one: at least 12 characters, and not one that is guessed first.</param>
public sealed record ChangePasswordInput(string Password, string IdempotencyKey);

/// <param name="EndedSessions">How many other sessions were ended: browsers, and other clients that had tokens.</param>
public sealed record ChangePasswordPayload(int EndedSessions, IReadOnlyList<Refusal> Errors);

/// <param name="Code">What the app shows.</param>
public sealed record ConfirmAuthenticatorInput(string Code);

/// <param name="Codes">Each is good for once in place of the app or the passkey. Told this once.</param>
public sealed record RecoveryCodesPayload(IReadOnlyList<string> Codes, IReadOnlyList<Refusal> Errors);

/// <param name="Options">JSON for <c>navigator.credentials.create</c>.</param>
/// <param name="State">To be sent back with the credential; sealed.</param>
public sealed record BeginPasskeyPayload(string? Options, string? State, IReadOnlyList<Refusal> Errors);

/// <param name="Credential">What the browser made, as JSON.</param>
public sealed record AddPasskeyInput(string Name, string Credential, string State);

/// <param name="PasskeyId">One of the caller's own.</param>
public sealed record RemovePasskeyInput([property: Id] string PasskeyId, string IdempotencyKey);

/// <param name="Codes">Recovery codes, for who had no other factor: each is good for once in place of the passkey. Told this once.</param>
public sealed record AddPasskeyPayload(FactorsView? Factors, IReadOnlyList<string> Codes, IReadOnlyList<Refusal> Errors);

public sealed record FactorsPayload(FactorsView? Factors, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Says with a factor that the caller means what was asked for before. Then the same request is sent again.</summary>
    public static async Task<ConfirmPayload> Confirm(IResolveFieldContext context, ConfirmInput input)
    {
        var request = context.Request();
        return (
            await context
                .RequestServices!.GetRequiredService<Confirmations>()
                .GiveAsync(
                    request.Actor,
                    input.ConfirmationId,
                    input.Method.ToString().ToLowerInvariant(),
                    input.Code,
                    FactorDesk.Http(context),
                    context.CancellationToken
                )
        ).Refused(out var why, out _)
            ? new(false, [why])
            : new(true, []);
    }

    /// <summary>Gives the caller another password and ends their sessions in other browsers.</summary>
    public static async Task<ChangePasswordPayload> ChangePassword(IResolveFieldContext context, ChangePasswordInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(0, [closed]);

        await using var desk = opened;
        if (await desk.Factors.WhyNotAsync(desk.Person, input.Password) is { } weak)
            return new(0, [weak]);
        if (await desk.ConfirmAsync(context, "change your password.", "password", input.IdempotencyKey) is { } why)
            return new(0, [why]);

        await desk.Factors.SetPasswordAsync(desk.Person, input.Password);
        await desk.NoteAsync(context, "password.changed", "by themselves");
        return new(
            await context
                .RequestServices!.GetRequiredService<WebSessions>()
                .EndAllButAsync(context.Request().Caller, context.CancellationToken),
            []
        );
    }

    /// <summary>Makes the key of an authenticator app. It counts once a code of it was confirmed. Who has one takes it away first.</summary>
    public static async Task<BeginAuthenticatorPayload> BeginAuthenticator(IResolveFieldContext context, AccountInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(null, null, [closed]);

        await using var desk = opened;
        if (await desk.People.GetTwoFactorEnabledAsync(desk.Person))
            return new(null, null, [new WrongState("READY", "ABSENT")]);
        if (await desk.ConfirmAsync(context, "set up an authenticator.", "authenticator", input.IdempotencyKey) is { } why)
            return new(null, null, [why]);

        await desk.People.ResetAuthenticatorKeyAsync(desk.Person);
        var key = (await desk.People.GetAuthenticatorKeyAsync(desk.Person))!;
        var name = UrlEncoder.Default.Encode(desk.Person.Email!);
        return new(key, $"otpauth://totp/Mumega:{name}?secret={key}&issuer=Mumega&digits=6", []);
    }

    /// <summary>Turns the authenticator on that was just set up, and gives ten recovery codes.</summary>
    public static async Task<RecoveryCodesPayload> ConfirmAuthenticator(IResolveFieldContext context, ConfirmAuthenticatorInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new([], [closed]);

        await using var desk = opened;
        if (await desk.People.GetTwoFactorEnabledAsync(desk.Person) || await desk.People.GetAuthenticatorKeyAsync(desk.Person) is null)
            return new([], [new WrongState("READY", "BEGUN")]);
        if (await desk.Factors.CheckAsync(desk.Person, "totp", input.Code) is { } wrong)
            return new([], [wrong]);

        await desk.People.SetTwoFactorEnabledAsync(desk.Person, true);
        await desk.NoteAsync(context, "factor.added", "authenticator");
        return new(await desk.Factors.NewCodesAsync(desk.Person), []);
    }

    /// <summary>Makes ten recovery codes in place of those that are left.</summary>
    public static async Task<RecoveryCodesPayload> RenewRecoveryCodes(IResolveFieldContext context, AccountInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new([], [closed]);

        await using var desk = opened;
        if ((await desk.Factors.MethodsAsync(desk.Person)).Count == 0)
            return new([], [new SecondFactorRequired()]);
        if (await desk.ConfirmAsync(context, "make new recovery codes.", "recovery codes", input.IdempotencyKey) is { } why)
            return new([], [why]);

        await desk.NoteAsync(context, "factor.added", "recovery codes");
        return new(await desk.Factors.NewCodesAsync(desk.Person), []);
    }

    /// <summary>Takes the authenticator away, and with the last factor the recovery codes.</summary>
    public static async Task<FactorsPayload> RemoveAuthenticator(IResolveFieldContext context, AccountInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(null, [closed]);

        await using var desk = opened;
        if (await desk.ConfirmAsync(context, "take the authenticator away.", "no authenticator", input.IdempotencyKey) is { } why)
            return new(null, [why]);

        await desk.Factors.ForgetAuthenticatorAsync(desk.Person);
        await desk.NoteAsync(context, "factor.removed", "authenticator");
        return new(await new Viewer().Factors(context), []);
    }

    /// <summary>Begins to add a passkey.</summary>
    public static async Task<BeginPasskeyPayload> BeginPasskey(IResolveFieldContext context, AccountInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(null, null, [closed]);

        await using var desk = opened;
        if (await desk.ConfirmAsync(context, "add a passkey.", "passkey", input.IdempotencyKey) is { } why)
            return new(null, null, [why]);

        var made = await desk.Passkeys.MakeCreationOptionsAsync(
            new()
            {
                Id = desk.Person.Id.ToString(),
                Name = desk.Person.Email!,
                DisplayName = context.Request().Actor.Name,
            },
            FactorDesk.Http(context)
        );
        return new(made.CreationOptionsJson, desk.Protector.Protect(made.AttestationState ?? "", TimeSpan.FromMinutes(5)), []);
    }

    /// <summary>Adds the passkey that the browser made. From then on the password alone signs nobody in; who had no other factor gets ten recovery codes.</summary>
    public static async Task<AddPasskeyPayload> AddPasskey(IResolveFieldContext context, AddPasskeyInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(null, [], [closed]);

        await using var desk = opened;
        if (input.Name.Trim() is not { Length: > 0 and <= 60 } name)
            return new(null, [], [new InvalidArgument("name", "between 1 and 60 characters.")]);

        string state;
        try
        {
            state = desk.Protector.Unprotect(input.State);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return new(null, [], [new WrongFactor()]);
        }

        var result = await desk.Passkeys.PerformAttestationAsync(
            new()
            {
                CredentialJson = input.Credential,
                HttpContext = FactorDesk.Http(context),
                AttestationState = state,
            }
        );
        if (!result.Succeeded || result.UserEntity?.Id != desk.Person.Id.ToString())
            return new(null, [], [new WrongFactor()]);

        var first = (await desk.Factors.MethodsAsync(desk.Person)).Count == 0;
        result.Passkey.Name = name;
        await desk.People.AddOrUpdatePasskeyAsync(desk.Person, result.Passkey);
        await desk.NoteAsync(context, "factor.added", $"passkey {name}");
        return new(await new Viewer().Factors(context), first ? await desk.Factors.NewCodesAsync(desk.Person) : [], []);
    }

    /// <summary>Takes a passkey away, and with the last factor the recovery codes.</summary>
    public static async Task<FactorsPayload> RemovePasskey(IResolveFieldContext context, RemovePasskeyInput input)
    {
        if ((await FactorDesk.OpenAsync(context)).Refused(out var closed, out var opened))
            return new(null, [closed]);

        await using var desk = opened;
        var found = (await desk.People.GetPasskeysAsync(desk.Person)).FirstOrDefault(p =>
            System.Buffers.Text.Base64Url.EncodeToString(p.CredentialId) == input.PasskeyId
        );
        if (found is null)
            return new(null, [new NotFound("passkey", input.PasskeyId)]);
        if (await desk.ConfirmAsync(context, $"take the passkey {found.Name} away.", input.PasskeyId, input.IdempotencyKey) is { } why)
            return new(null, [why]);

        await desk.People.RemovePasskeyAsync(desk.Person, found.CredentialId);
        await desk.Factors.ForgetCodesAsync(desk.Person);
        await desk.NoteAsync(context, "factor.removed", $"passkey {found.Name}");
        return new(await new Viewer().Factors(context), []);
    }
}

/// <summary>What changing one's own factors needs, for one field.</summary>
internal sealed class FactorDesk : IAsyncDisposable
{
    private readonly AsyncServiceScope scope;

    private FactorDesk(AsyncServiceScope scope, Person person) => (this.scope, Person) = (scope, person);

    public Person Person { get; }

    public Factors Factors => scope.ServiceProvider.GetRequiredService<Factors>();

    public UserManager<Person> People => Factors.People;

    public IPasskeyHandler<Person> Passkeys => scope.ServiceProvider.GetRequiredService<IPasskeyHandler<Person>>();

    public ITimeLimitedDataProtector Protector =>
        scope
            .ServiceProvider.GetRequiredService<IDataProtectionProvider>()
            .CreateProtector("passkeys", Person.Id.ToString())
            .ToTimeLimitedDataProtector();

    /// <summary>To change something: refused for who is no person, or acts for one, and for a token that may not propose.</summary>
    public static async Task<Outcome<FactorDesk>> OpenAsync(IResolveFieldContext context)
    {
        if (context.Request().WhyNotOwnAccount() is { } no)
            return no;
        return await FindAsync(context) is { } desk ? desk : new HumanRequired();
    }

    /// <summary>To look: null for who is no person, or acts for one.</summary>
    public static async Task<FactorDesk?> FindAsync(IResolveFieldContext context)
    {
        if (context.Request().Actor is not { Kind: PrincipalKind.User, Chain.Count: 0 } actor)
            return null;

        var scope = context.RequestServices!.GetRequiredService<IServiceScopeFactory>().CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<UserManager<Person>>().FindByIdAsync(actor.Id.ToString()) is { } person)
            return new(scope, person);

        await scope.DisposeAsync();
        return null;
    }

    public static HttpContext Http(IResolveFieldContext context) =>
        context.RequestServices!.GetRequiredService<IHttpContextAccessor>().HttpContext
        ?? throw new InvalidOperationException("factors are used over HTTP");

    public Task<Refusal?> ConfirmAsync(IResolveFieldContext context, string what, string act, string key) =>
        context
            .RequestServices!.GetRequiredService<Confirmations>()
            .UseAsync(context.Request().Actor, what, ["account", act, key], context.CancellationToken);

    public Task NoteAsync(IResolveFieldContext context, string code, string detail) =>
        context
            .RequestServices!.GetRequiredService<SecurityLog>()
            .NoteAsync(
                context.Request().Actor.TenantId,
                code,
                context.Request().Actor.Id,
                Http(context).Connection.RemoteIpAddress?.ToString(),
                detail,
                context.CancellationToken
            );

    public ValueTask DisposeAsync() => scope.DisposeAsync();
}
