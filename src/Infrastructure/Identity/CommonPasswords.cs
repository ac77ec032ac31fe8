using Microsoft.AspNetCore.Identity;

namespace Mumega.Infrastructure.Identity;

/// <summary>
/// Refuses passwords that are guessed first (NIST SP 800-63B, section 5.1.1.2): those that many people use, the person's own name or address,
/// one thing repeated, and rows of the keyboard. Whatever is left is long enough that guessing takes longer than the sign-in allows.
/// </summary>
public sealed class CommonPasswords : IPasswordValidator<Person>
{
    // Of at least twelve characters, shorter ones are refused anyway; compared in small letters, with what is often put for letters undone.
    private static readonly HashSet<string> Common = new(StringComparer.Ordinal)
    {
        "administrator",
        "adminadminadmin",
        "changemeplease",
        "correcthorsebatterystaple",
        "iloveyouforever",
        "letmeinplease",
        "mypasswordis",
        "mypassword",
        "passphrase",
        "passwordpassword",
        "password",
        "passwort",
        "motdepasse",
        "contrasena",
        "qwertyuiop",
        "superman",
        "batman",
        "football",
        "baseball",
        "basketball",
        "princess",
        "sunshine",
        "starwars",
        "whatever",
        "trustno",
        "welcome",
        "welcometo",
        "monkey",
        "dragon",
        "master",
        "shadow",
        "michael",
        "jennifer",
        "liverpool",
        "chelsea",
        "barcelona",
        "juventus",
        "pokemon",
        "minecraft",
        "computer",
        "internet",
        "secret",
        "topsecret",
        "letmein",
        "login",
        "admin",
        "root",
        "access",
        "default",
        "changeme",
        "temporary",
        "temppassword",
        "summer",
        "winter",
        "spring",
        "autumn",
        "january",
        "december",
        "mumega",
        "missioncontrol",
    };

    private static readonly string[] Rows =
    [
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "qwertzuiopasdfghjklyxcvbnm",
        "012345678901234567890123456789",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    ];

    public Task<IdentityResult> ValidateAsync(UserManager<Person> manager, Person user, string? password) =>
        Task.FromResult(
            Problem(password ?? "", user.Email) is { } problem
                ? IdentityResult.Failed(new IdentityError { Code = "CommonPassword", Description = problem })
                : IdentityResult.Success
        );

    /// <summary>Why a password is guessed first, or null when it is not.</summary>
    internal static string? Problem(string password, string? email)
    {
        var letters = Undone(password);
        if (password.Distinct().Count() < 5)
            return "This repeats a few characters. Take something longer to guess.";
        if (
            Enumerable
                .Range(1, letters.Length / 2)
                .Any(part =>
                    letters.Length % part == 0 && letters == string.Concat(Enumerable.Repeat(letters[..part], letters.Length / part))
                )
        )
            return "This repeats itself. Take something longer to guess.";
        if (IsRows(password.ToLowerInvariant()) || IsRows(new string([.. password.ToLowerInvariant().Reverse()])))
            return "This is a row of the keyboard. Take something longer to guess.";

        // A common word with digits and signs around it is still that word.
        var word = Undone(
            new string([.. password.SkipWhile(c => !char.IsLetter(c)).Reverse().SkipWhile(c => !char.IsLetter(c)).Reverse()])
        );
        if (Common.Contains(word) || Common.Contains(new string([.. letters.Where(char.IsLetter)])))
            return "Many people use this password. Take another one.";

        var name = email?.Split('@')[0].ToLowerInvariant();
        return name is { Length: > 3 } && letters.Contains(Undone(name), StringComparison.Ordinal) && letters.Length < name.Length + 8
            ? "This is your own address. Take something longer to guess."
            : null;
    }

    private static string Undone(string text) =>
        new([
            .. text.ToLowerInvariant()
                .Select(c =>
                    c switch
                    {
                        '0' => 'o',
                        '1' or '!' => 'i',
                        '3' => 'e',
                        '4' or '@' => 'a',
                        '5' or '$' => 's',
                        '7' => 't',
                        _ => c,
                    }
                ),
        ]);

    // Made of pieces of rows, at least four long each.
    private static bool IsRows(string text)
    {
        for (var at = 0; at < text.Length; )
        {
            var length = Enumerable
                .Range(4, Math.Max(0, text.Length - at - 3))
                .TakeWhile(n => at + n <= text.Length && Rows.Any(row => row.Contains(text.Substring(at, n), StringComparison.Ordinal)))
                .LastOrDefault();
            if (length == 0)
                return false;
            at += length;
        }

        return text.Length > 0;
    }
}
