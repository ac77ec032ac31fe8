using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Identity;

/// <summary>This needs a fresh second factor, for this very act. Confirm it and send the same request again.</summary>
/// <param name="ConfirmationId">What to confirm.</param>
/// <param name="Methods">By which of these: <c>passkey</c>, <c>totp</c>, <c>recovery</c>; <c>password</c> for who has no second factor, where the tenant lets that be enough.</param>
/// <param name="What">What is confirmed, in words.</param>
public sealed record ConfirmationNeeded(Guid ConfirmationId, IReadOnlyList<string> Methods, string What)
    : Refusal($"Confirm that it is you: {What}");

/// <summary>The tenant wants a second factor for this, and the caller has none.</summary>
public sealed record SecondFactorRequired() : Refusal("This needs a second factor. Set one up under your account first.");

/// <summary>The code, password or passkey is wrong, or was used before.</summary>
public sealed record WrongFactor() : Refusal("That did not fit. Try again.");

/// <summary>Too many wrong ones. Wait and try again.</summary>
/// <param name="Until">When another try is looked at.</param>
public sealed record TooManyTries(DateTimeOffset Until) : Refusal("Too many wrong ones. Wait a few minutes and try again.");

/// <summary>
/// That a person said with a fresh second factor that they mean one act: its purpose is a digest of the act, of what it is about (for an approval the digest that was shown) and of the request's key. It is good for that act, once, for some minutes.
/// </summary>
public sealed class Confirmation : ITenantOwned
{
    /// <summary>How long it is waited for, and holds once it was given.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromMinutes(5);

    public const int MaxTries = 5;

    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>SHA-256 of act, subject and key, lower-case hex.</summary>
    public required string Purpose { get; init; }

    /// <summary>What is confirmed, in words.</summary>
    public required string What { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>What the passkey's answer is held against; absent when no passkey was asked for.</summary>
    public string? Challenge { get; set; }

    public int Tries { get; private set; }

    /// <summary>By which factor, once it was given.</summary>
    public string? Method { get; private set; }

    public DateTimeOffset? GivenAt { get; private set; }

    public DateTimeOffset? UsedAt { get; private set; }

    public int Version { get; private set; }

    public bool IsOpen(DateTimeOffset now) => GivenAt is null && now < At + Lasts && Tries < MaxTries;

    /// <summary>Counts a wrong one.</summary>
    public void Miss() => Tries++;

    public void Give(string method, DateTimeOffset now) => (Method, GivenAt, Challenge) = (method, now, null);

    /// <summary>Uses it up for the act that it was given for.</summary>
    public bool Use(DateTimeOffset now)
    {
        if (GivenAt is not { } given || UsedAt is not null || now >= given + Lasts)
            return false;

        UsedAt = now;
        return true;
    }
}
