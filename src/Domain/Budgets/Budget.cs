using Mumega.Domain.Identity;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Budgets;

/// <summary>Whose use is counted together: each agent's, each person's with all that acts for them, or the whole workspace's.</summary>
public enum BudgetScope
{
    Agent,
    Person,
    Workspace,
}

/// <summary>An amount of money in the currency's smallest unit.</summary>
/// <param name="Amount">For example cents; never negative.</param>
/// <param name="Currency">ISO 4217, for example <c>EUR</c>.</param>
public sealed record Money(long Amount, string Currency);

/// <summary>All that a budget allows is used. Nothing was done.</summary>
/// <param name="Budget">Its name.</param>
/// <param name="AllowedAt">When the same would be allowed again, if nothing else happens until then; absent when it never would.</param>
public sealed record OverBudget(string Budget, string Limit, DateTimeOffset? AllowedAt)
    : Refusal(
        AllowedAt is { } at
            ? $"The budget \"{Budget}\" allows {Limit}, and that is used. It would be allowed again at {at:u}."
            : $"The budget \"{Budget}\" allows {Limit}, which this alone exceeds."
    );

/// <summary>The budget counts money in one currency, and this costs in another.</summary>
/// <param name="Budget">Its name.</param>
/// <param name="Currency">ISO 4217: the budget's.</param>
public sealed record OtherCurrency(string Budget, string Currency)
    : Refusal($"The budget \"{Budget}\" counts in {Currency}. State the cost in {Currency}, or have the budget set in the other currency.");

/// <summary>How much may be proposed within a sliding window of time.</summary>
public sealed class Budget : IWorkspaceOwned
{
    /// <summary>The family of sensitive reads: a budget of it counts what is read, one without a family does not.</summary>
    public const string Reads = "reads";

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>A short name, unique in the workspace.</summary>
    public required string Key { get; init; }

    public required BudgetScope Scope { get; set; }

    /// <summary>Only this agent or person; each of them by themselves when absent.</summary>
    public Guid? Target { get; set; }

    /// <summary>Only actions of this family; all when absent. <see cref="Reads"/> for sensitive reads instead of actions.</summary>
    public string? Family { get; set; }

    /// <summary>The window, which ends now and slides along.</summary>
    public required TimeSpan Window { get; set; }

    /// <summary>So many runs, or reads, at most; not counted when absent.</summary>
    public int? MaxRuns { get; set; }

    /// <summary>So much money at most, in the currency's smallest unit; not counted when absent.</summary>
    public long? MaxAmount { get; set; }

    /// <summary>ISO 4217; there when <see cref="MaxAmount"/> is.</summary>
    public string? Currency { get; set; }

    /// <summary>Only what agents of this tier do; everything when absent.</summary>
    public AgentTier? Tier { get; set; }

    /// <summary>Who set it last; absent for what a tenant began with.</summary>
    public Guid? SetBy { get; set; }

    /// <summary>The <see cref="Policies.Level"/> at which it was set: only that level or a higher one loosens it.</summary>
    public string Level { get; set; } = Policies.Level.Admin;

    public required DateTimeOffset CreatedAt { get; init; }

    public int Version { get; private set; }

    /// <summary>Why a cost can't be counted here; null when it can.</summary>
    public OtherCurrency? WhyNot(Money? cost) =>
        MaxAmount is not null && cost is { Amount: > 0 } && cost.Currency != Currency ? new(Key, Currency!) : null;

    /// <summary>Whether it limits less than before, in any respect.</summary>
    public bool IsLooserThan(Budget before) =>
        (Scope, Target, Family, Tier, Currency) != (before.Scope, before.Target, before.Family, before.Tier, before.Currency)
        || Window < before.Window
        || IsMore(MaxRuns, before.MaxRuns)
        || IsMore(MaxAmount, before.MaxAmount);

    private static bool IsMore(long? limit, long? before) => before is { } was && (limit is not { } now || now > was);

    /// <summary>What it allows, in words.</summary>
    public string Limit =>
        $"{(Tier is null ? "" : $"{Tier.ToString()!.ToLowerInvariant()} agents: ")}{string.Join(" and ", new[] { MaxRuns is { } runs ? $"{runs} {(Family == Reads ? "read" : "run")}{(runs == 1 ? "" : "s")}" : null, MaxAmount is { } amount ? $"{amount} {Currency} (smallest unit)" : null }.OfType<string>())} in {Words(Window)}";

    /// <summary>Under which names a proposal is counted; none when the budget does not concern it.</summary>
    /// <param name="by">Who proposes, and on whose behalf.</param>
    /// <param name="family">The action's family.</param>
    /// <param name="tierOf">How each of them works.</param>
    public IEnumerable<string> Counts(Actor by, string family, Func<Guid, AgentTier?> tierOf)
    {
        // What the platform does of its own accord is nobody's use.
        if (((Family is not null || family == Reads) && Family != family) || (by.Kind is PrincipalKind.Service && by.Chain.Count == 0))
            return [];
        if (Tier is { } tier && !by.Chain.Select(l => l.Id).Append(by.Id).Any(id => tierOf(id) == tier))
            return [];
        return Scope switch
        {
            BudgetScope.Workspace => ["workspace"],
            BudgetScope.Person => Root(by) is { } person && (Target is null || Target == person) ? [person.ToString()] : [],
            _ => by
                .Chain.Where(l => l.Kind is PrincipalKind.Agent)
                .Select(l => l.Id)
                .Concat(by.Kind is PrincipalKind.Agent ? [by.Id] : [])
                .Where(id => (Target is null || Target == id) && (Tier is null || tierOf(id) == Tier))
                .Select(id => id.ToString()),
        };
    }

    // The person at the root of it all: ten agents share what their person has.
    private static Guid? Root(Actor by) =>
        by.Chain is [var root, ..]
            ? root.Kind is PrincipalKind.Agent
                ? root.OwnerId
                : root.Id
            : by.Kind is PrincipalKind.Agent
                ? by.OwnerId
                : by.Kind is PrincipalKind.User
                    ? by.Id
                    : null;

    private static string Words(TimeSpan window) =>
        window switch
        {
            { TotalDays: >= 1 } when window.Ticks % TimeSpan.TicksPerDay == 0 => window.TotalDays == 1
                ? "a day"
                : $"{window.TotalDays:0} days",
            { TotalHours: >= 1 } when window.Ticks % TimeSpan.TicksPerHour == 0 => window.TotalHours == 1
                ? "an hour"
                : $"{window.TotalHours:0} hours",
            { TotalMinutes: 1 } => "a minute",
            _ => $"{window.TotalMinutes:0.##} minutes",
        };
}

/// <summary>One run's share of a budget, or that of the reads of one minute: reserved when it is proposed, given back when nothing came of it.</summary>
public sealed class BudgetUse : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>The budget's name: set again after it was taken away, it still counts what was used.</summary>
    public required string Budget { get; init; }

    /// <summary>Under which name it is counted.</summary>
    public required string Counted { get; init; }

    /// <summary>The run; of reads, what stands for the minute.</summary>
    public required Guid RunId { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The money reserved, and after the run what was spent of it; of reads, how many there were in the minute that ends then.</summary>
    public required long Amount { get; set; }

    /// <summary>Set when it counts no longer.</summary>
    public DateTimeOffset? GivenBackAt { get; set; }
}

/// <summary>What everybody who uses a budget under one name writes first, so that they come one after the other.</summary>
public sealed class BudgetMeter : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>The budget's name: set again after it was taken away, it still counts what was used.</summary>
    public required string Budget { get; init; }

    public required string Counted { get; init; }

    public required long Turns { get; set; }
}
