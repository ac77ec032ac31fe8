namespace Mumega.Domain.Identity;

/// <summary>
/// What a token is handed over for: some acts, everywhere or in some workspaces. One element of <c>authorization_details</c> (RFC 9396) of the
/// type <see cref="Type"/>. Like a scope it is a ceiling and gives nobody anything.
/// </summary>
/// <param name="Acts">Kinds of actions, as the catalogue names them, and of <see cref="Policies.ControlAct"/>.</param>
/// <param name="Workspaces">The workspaces; absent for all that the token names.</param>
public sealed record ActLimit(IReadOnlySet<string> Acts, IReadOnlySet<Guid>? Workspaces)
{
    /// <summary>The value of <c>type</c>.</summary>
    public const string Type = "mumega_acts";

    /// <summary>Whether the act is one of them, there.</summary>
    public bool Covers(string act, Guid workspaceId) => Acts.Contains(act) && Workspaces?.Contains(workspaceId) != false;

    /// <summary>What both lists allow; either may be absent, which allows everything.</summary>
    public static IReadOnlyList<ActLimit>? Meet(IReadOnlyList<ActLimit>? one, IReadOnlyList<ActLimit>? other)
    {
        if (one is null || other is null)
            return one ?? other;

        var both =
            from a in one
            from b in other
            let acts = a.Acts.Intersect(b.Acts).ToHashSet(StringComparer.Ordinal)
            let workspaces = a.Workspaces is null ? b.Workspaces
            : b.Workspaces is null ? a.Workspaces
            : a.Workspaces.Intersect(b.Workspaces).ToHashSet()
            where acts.Count > 0 && workspaces?.Count != 0
            select new ActLimit(acts, workspaces);
        return [.. both];
    }
}
