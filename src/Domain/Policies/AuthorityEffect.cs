namespace Mumega.Domain.Policies;

/// <summary>
/// What an act does to authority, whatever it is called: policies see these as <c>context.effects</c>, and guardrails hang on them rather
/// than on the names of acts.
/// </summary>
public static class AuthorityEffect
{
    /// <summary>Somebody becomes an owner, permanently or for a time.</summary>
    public const string MakesOwner = "makes-owner";

    /// <summary>An owner loses something or is bound by something.</summary>
    public const string BindsOwner = "binds-owner";

    /// <summary>The same for an owner of another workspace, in which the actor is no owner.</summary>
    public const string BindsOwnerElsewhere = "binds-owner-elsewhere";

    /// <summary>A limit that an owner set is lifted or loosened.</summary>
    public const string LiftsOwnersLimit = "lifts-owners-limit";

    /// <summary>A limit that an administrator set is lifted or loosened.</summary>
    public const string LiftsAdminsLimit = "lifts-admins-limit";

    /// <summary>A limit is lifted or loosened by the person whom it limits.</summary>
    public const string LiftsOwnLimit = "lifts-own-limit";

    /// <summary>Something is given for longer than the actor holds the right to give it.</summary>
    public const string OutlivesOwnRight = "outlives-own-right";

    /// <summary>What lifting a limit of that level is.</summary>
    /// <param name="level">A <see cref="Level"/>.</param>
    /// <param name="own">Whether it limits the actor.</param>
    public static IEnumerable<string> Lifting(string level, bool own)
    {
        if (own)
            yield return LiftsOwnLimit;
        if (level == Level.Owner)
            yield return LiftsOwnersLimit;
        if (level == Level.Admin)
            yield return LiftsAdminsLimit;
    }
}

/// <summary>The level at which a limit was set; only that level or a higher one lifts it.</summary>
public static class Level
{
    public const string Owner = "owner";
    public const string Admin = "admin";
    public const string Member = "member";

    /// <summary>Whether one level is higher than the other.</summary>
    public static bool IsAbove(string level, string other) => Rank(level) > Rank(other);

    private static int Rank(string level) =>
        level switch
        {
            Owner => 2,
            Admin => 1,
            _ => 0,
        };

    /// <summary>The level of somebody with these roles.</summary>
    public static string Of(IEnumerable<string> roles)
    {
        var held = roles.ToHashSet(StringComparer.Ordinal);
        return held.Contains(Owner) ? Owner
            : held.Contains(Admin) ? Admin
            : Member;
    }
}
