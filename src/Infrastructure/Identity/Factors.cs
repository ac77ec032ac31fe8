using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Mumega.Domain;
using Mumega.Domain.Identity;

namespace Mumega.Infrastructure.Identity;

/// <summary>What a person proves themselves with beside the password: an authenticator (TOTP, RFC 6238), recovery codes, passkeys (WebAuthn).</summary>
public sealed class Factors(UserManager<Person> people, TimeProvider clock)
{
    private const string Provider = "mumega",
        LastCode = "last-code";

    // A code is looked at for two steps of 30 seconds on either side; it is not taken twice within that time.
    private static readonly TimeSpan Replay = TimeSpan.FromMinutes(3);

    public UserManager<Person> People => people;

    /// <summary>The methods that somebody has, the strongest first.</summary>
    public async Task<IReadOnlyList<string>> MethodsAsync(Person person)
    {
        var methods = new List<string>();
        if ((await people.GetPasskeysAsync(person)).Count > 0)
            methods.Add("passkey");
        if (await people.GetTwoFactorEnabledAsync(person))
            methods.Add("totp");
        if (methods.Count > 0 && await people.CountRecoveryCodesAsync(person) > 0)
            methods.Add("recovery");
        return methods;
    }

    /// <summary>Why this can't be somebody's password; null when it can.</summary>
    public async Task<Refusal?> WhyNotAsync(Person person, string? password)
    {
        foreach (var validator in people.PasswordValidators)
        {
            if (await validator.ValidateAsync(people, person, password) is { Succeeded: false } weak)
                return new InvalidArgument("password", string.Join(" ", weak.Errors.Select(e => e.Description)));
        }

        return null;
    }

    /// <summary>Another password in place of the one there is. In one commit: nobody is left without.</summary>
    public async Task SetPasswordAsync(Person person, string password)
    {
        person.PasswordHash = people.PasswordHasher.HashPassword(person, password);
        var result = await people.UpdateSecurityStampAsync(person);
        if (!result.Succeeded)
            throw new InvalidOperationException(string.Join(" ", result.Errors.Select(e => e.Description)));
    }

    /// <summary>Takes every second factor away.</summary>
    public async Task ForgetAllAsync(Person person)
    {
        foreach (var passkey in await people.GetPasskeysAsync(person))
            await people.RemovePasskeyAsync(person, passkey.CredentialId);
        await ForgetAuthenticatorAsync(person);
    }

    /// <summary>Takes the authenticator away, and with the last factor the recovery codes.</summary>
    public async Task ForgetAuthenticatorAsync(Person person)
    {
        await people.SetTwoFactorEnabledAsync(person, false);
        await people.ResetAuthenticatorKeyAsync(person);
        await ForgetCodesAsync(person);
    }

    /// <summary>Ten recovery codes in place of those that are left.</summary>
    public async Task<IReadOnlyList<string>> NewCodesAsync(Person person) =>
        [.. await people.GenerateNewTwoFactorRecoveryCodesAsync(person, 10) ?? []];

    /// <summary>With the last factor go the codes that stand in for it.</summary>
    public async Task ForgetCodesAsync(Person person)
    {
        if (!(await MethodsAsync(person)).Any(m => m != "recovery"))
            await people.GenerateNewTwoFactorRecoveryCodesAsync(person, 0);
    }

    /// <summary>Holds a code or password against what is known; a wrong one counts towards the lock on the account. Null when it fits.</summary>
    public async Task<Refusal?> CheckAsync(Person person, string method, string code)
    {
        if (await people.IsLockedOutAsync(person))
            return new TooManyTries(person.LockoutEnd ?? clock.GetUtcNow());

        var fits = method switch
        {
            "totp" => await IsFreshCodeAsync(person, code.Replace(" ", "", StringComparison.Ordinal)),
            "recovery" => (await people.RedeemTwoFactorRecoveryCodeAsync(person, code.Trim())).Succeeded,
            "password" => await people.CheckPasswordAsync(person, code),
            _ => false,
        };
        if (fits)
        {
            if (person.AccessFailedCount > 0)
                await people.ResetAccessFailedCountAsync(person);
            return null;
        }

        await people.AccessFailedAsync(person);
        return new WrongFactor();
    }

    private async Task<bool> IsFreshCodeAsync(Person person, string code)
    {
        if (code.Length != 6 || !await people.VerifyTwoFactorTokenAsync(person, people.Options.Tokens.AuthenticatorTokenProvider, code))
            return false;

        var (now, hash) = (clock.GetUtcNow(), Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(code))));
        var recent = (await people.GetAuthenticationTokenAsync(person, Provider, LastCode) ?? "")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(c => long.Parse(c.Split(':')[1], CultureInfo.InvariantCulture) > (now - Replay).ToUnixTimeSeconds())
            .ToList();
        if (recent.Any(c => c.StartsWith($"{hash}:", StringComparison.Ordinal)))
            return false;

        // Two requests with the same code at once: the account's stamp lets one of them through.
        return (
            await people.SetAuthenticationTokenAsync(
                person,
                Provider,
                LastCode,
                string.Join(' ', [.. recent, $"{hash}:{now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}"])
            )
        ).Succeeded;
    }
}
