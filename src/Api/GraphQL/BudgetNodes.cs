using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;

namespace Mumega.Api.GraphQL;

/// <summary>How much may be proposed within a sliding window, and how much of it is used.</summary>
[Name("Budget")]
public sealed class BudgetView(Guid workspaceId, Budget budget)
{
    private const int Bars = 24;

    /// <summary>Its name; unique in the workspace.</summary>
    public string Key => budget.Key;

    /// <summary>Whose use is counted together.</summary>
    public BudgetScope Scope => budget.Scope;

    /// <summary>Only this agent or person; each by themselves when absent.</summary>
    public IDataLoaderResult<Who>? Target(IResolveFieldContext context) => budget.Target is { } who ? Who.Of(context.Request(), who) : null;

    /// <summary>Only actions of this family; all when absent. <c>reads</c> for sensitive reads instead of actions.</summary>
    public string? Family => budget.Family;

    /// <summary>Only what agents of this tier do; everything when absent.</summary>
    public AgentTier? Tier => budget.Tier;

    /// <summary>The length of the window.</summary>
    public int Minutes => (int)budget.Window.TotalMinutes;

    /// <summary>So many runs, or reads, at most.</summary>
    public int? MaxRuns => budget.MaxRuns;

    /// <summary>So much money at most, in the currency's smallest unit.</summary>
    public long? MaxAmount => budget.MaxAmount;

    public string? Currency => budget.Currency;

    /// <summary>What it allows, in words.</summary>
    public string Limit => budget.Limit;

    /// <summary>Who used how much in the window that ends now, the most first, at most 20.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<BudgetUseView>> Used(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspaceId);
        var used = await InWindow(db, context.Request().Now)
            .GroupBy(u => u.Counted)
            .Select(g => new
            {
                Counted = g.Key,
                Runs = g.Count(),
                Amount = g.Sum(u => u.Amount),
            })
            .OrderByDescending(u => u.Runs)
            .Take(20)
            .ToListAsync(context.CancellationToken);
        return
        [
            .. used.Select(u =>
            {
                Guid? who = Guid.TryParse(u.Counted, out var id) ? id : null;
                return budget.Family == Budget.Reads ? new BudgetUseView(who, (int)u.Amount, 0) : new(who, u.Runs, u.Amount);
            }),
        ];
    }

    /// <summary>The runs of the window in 24 equal parts, the oldest first.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<int>> Course(IResolveFieldContext context)
    {
        var now = context.Request().Now;
        await using var db = context.Request().Open(workspaceId);
        var bars = new int[Bars];
        foreach (
            var use in await InWindow(db, now).Select(u => new { u.At, u.Amount }).Take(100_000).ToListAsync(context.CancellationToken)
        )
            bars[Math.Clamp((int)((use.At - (now - budget.Window)).Ticks * Bars / budget.Window.Ticks), 0, Bars - 1)] +=
                budget.Family == Budget.Reads ? (int)use.Amount : 1;
        return bars;
    }

    private IQueryable<BudgetUse> InWindow(MumegaDb db, DateTimeOffset now)
    {
        var (key, since) = (budget.Key, now - budget.Window);
        return db.BudgetUses.AsNoTracking().Where(u => u.Budget == key && u.At > since && u.GivenBackAt == null);
    }
}

/// <summary>How much was used under one name.</summary>
/// <param name="PrincipalId">Whose use it is; absent for the workspace's.</param>
/// <param name="Runs">How many runs, or reads.</param>
/// <param name="Amount">How much money, in the currency's smallest unit.</param>
[Name("BudgetUse")]
public sealed record BudgetUseView([property: Id] Guid? PrincipalId, int Runs, long Amount)
{
    /// <summary>Whose use it is.</summary>
    public IDataLoaderResult<Who>? Who(IResolveFieldContext context) =>
        PrincipalId is { } id ? GraphQL.Who.Of(context.Request(), id) : null;
}

public sealed partial class WorkspaceNode
{
    /// <summary>The limits on what may be proposed here, by name, at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<BudgetView>> Budgets(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        return
        [
            .. (await db.Budgets.AsNoTracking().OrderBy(b => b.Key).Take(Paging.Max).ToListAsync(context.CancellationToken)).Select(
                b => new BudgetView(workspace.Id, b)
            ),
        ];
    }
}
