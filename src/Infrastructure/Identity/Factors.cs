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
    private const string Provider = "mumega", LastCode = "last-code";

    // A code is looked at for two steps of 30 seconds on either side; it is not taken twice within that time.
    private static readonly TimeSpan Replay = TimeSpan.FromMinutes(3);

    public UserManager<Person> People => people;

    /// <summary>The methods that somebody has, the strongest first.</summary>
    public async Task<IReadOnlyList<string>> MethodsAsync(Person person)
    {
        var methods = new List<string>();
        if ((await people.GetPasskeysAsync(person)).Count > 0) methods.Add("passkey");
        if (await people.GetTwoFactorEnabledAsync(person)) methods.AddRange(["totp", "recovery"]);
        return methods;
    }

    /// <summary>Holds a code or password against what is known; a wrong one counts towards the lock on the account. Null when it fits.</summary>
    public async Task<Refusal?> CheckAsync(Person person, string method, string code)
    {
        if (await people.IsLockedOutAsync(person)) return new TooManyTries(person.LockoutEnd ?? clock.GetUtcNow());

        var fits = method switch
        {
            "totp" => await IsFreshCodeAsync(person, code.Replace(" ", "", StringComparison.Ordinal)),
            "recovery" => (await people.RedeemTwoFactorRecoveryCodeAsync(person, code.Trim())).Succeeded,
            "password" => await people.CheckPasswordAsync(person, code),
            _ => false,
        };
        if (fits)
        {
            if (person.AccessFailedCount > 0) await people.ResetAccessFailedCountAsync(person);
            return null;
        }

        await people.AccessFailedAsync(person);
        return new WrongFactor();
    }

    private async Task<bool> IsFreshCodeAsync(Person person, string code)
    {
        if (code.Length != 6 || !await people.VerifyTwoFactorTokenAsync(person, people.Options.Tokens.AuthenticatorTokenProvider, code)) return false;

        var (now, hash) = (clock.GetUtcNow(), Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(code))));
        var recent = (await people.GetAuthenticationTokenAsync(person, Provider, LastCode) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(c => long.Parse(c.Split(':')[1], CultureInfo.InvariantCulture) > (now - Replay).ToUnixTimeSeconds()).ToList();
        if (recent.Any(c => c.StartsWith($"{hash}:", StringComparison.Ordinal))) return false;

        // Two requests with the same code at once: the account's stamp lets one of them through.
        return (await people.SetAuthenticationTokenAsync(person, Provider, LastCode, string.Join(' ', [.. recent, $"{hash}:{now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}"]))).Succeeded;
    }
}
