namespace Mumega.Domain.Identity;

/// <summary>
/// Which accounts count as one person when approvals are counted. Somebody who made the link by which an account came in could have taken
/// that link: until a second person has verified who it is, both count as one.
/// </summary>
/// <param name="letInBy">For each account that nobody has verified yet, the person who made its link.</param>
public sealed class Independence(IReadOnlyDictionary<Guid, Guid> letInBy)
{
    public static readonly Independence Everybody = new(new Dictionary<Guid, Guid>());

    /// <summary>The account that stands for the person in the end: itself, or the one at the beginning of the chain of links.</summary>
    public Guid RootOf(Guid account)
    {
        // A ring can't come about, since an account exists before it makes a link; if one did, everybody in it would count as one.
        for (var steps = 0; steps < letInBy.Count && letInBy.TryGetValue(account, out var by); steps++)
            account = by;
        return account;
    }

    public bool AreOne(Guid one, Guid other) => RootOf(one) == RootOf(other);

    /// <summary>Whether an account counts as one with any of these.</summary>
    public bool IsAmong(Guid account, IEnumerable<Guid> others)
    {
        var root = RootOf(account);
        return others.Any(o => RootOf(o) == root);
    }
}
