using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Actions;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Domain.Runs;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>A budget was used up by somebody else in the meantime; the commit did not happen.</summary>
internal sealed class OverBudgetException(OverBudget why) : Exception(why.Message)
{
    public OverBudget Why => why;
}

/// <summary>
/// Counts proposals against the workspace's budgets. A share is reserved in the commit of the proposal, after everybody who counts under the
/// same name wrote the same row: so they come one after the other, on every node, and never more pass than are allowed.
/// </summary>
internal static class Spending
{
    /// <summary>Why a proposal would exceed a budget now, or null. Looks only; the reservation looks again.</summary>
    public static async Task<OverBudget?> LookAsync(Sitting s, ActionDefinition action, Money? cost, CancellationToken ct)
    {
        foreach (var (budget, counted) in await ConcernedAsync(s, action, ct))
        {
            if (await ExceededAsync(s.Db, budget, counted, cost, s.Now, ct) is { } why) return why;
        }

        return null;
    }

    /// <summary>Reserves a run's share with the commit, which fails when a budget is used up by then.</summary>
    public static async Task ReserveAsync(Sitting s, ActionDefinition action, Run run, Money? cost, CancellationToken ct)
    {
        var concerned = await ConcernedAsync(s, action, ct);
        if (concerned.Count == 0) return;

        var (db, now) = (s.Db, s.Now);
        db.Also(async stop =>
        {
            foreach (var (budget, counted) in concerned)
            {
                await TakeTurnAsync(db, budget, counted, stop);
                if (await ExceededAsync(db, budget, counted, cost, now, stop) is { } why) throw new OverBudgetException(why);
                await db.Queries.Rows.InsertAsync(db, [new BudgetUse { TenantId = db.TenantId, WorkspaceId = db.WorkspaceId, Budget = budget.Key, Counted = counted, RunId = run.Id, At = now, Amount = Of(cost, budget) }], stop);
            }
        });
    }

    /// <summary>Gives back what a run did not use: all of it when it never began, the money when it came to nothing.</summary>
    public static async Task SettleAsync(Sitting s, Run run, CancellationToken ct)
    {
        if (run.State is RunState.Succeeded) return;
        foreach (var use in await s.Db.BudgetUses.Where(u => u.RunId == run.Id).ToListAsync(ct))
        {
            if (run.State is RunState.Failed) use.Amount = 0;
            else use.GivenBackAt = s.Now;
        }
    }

    // What a workflow does by itself was let in when it started; stops and budgets themselves are never held up by a budget.
    private static async Task<List<(Budget Budget, string Counted)>> ConcernedAsync(Sitting s, ActionDefinition action, CancellationToken ct) =>
        s.By.Kind is PrincipalKind.Service || action.Family is "stops" or "budgets" ? []
        : [.. (await s.BudgetsAsync(ct)).SelectMany(b => b.Counts(s.By, action.Family).Distinct().Select(c => (Budget: b, Counted: c))).OrderBy(x => x.Budget.Key, StringComparer.Ordinal).ThenBy(x => x.Counted, StringComparer.Ordinal)];

    private static async Task TakeTurnAsync(MumegaDb db, Budget budget, string counted, CancellationToken ct)
    {
        if (await db.BudgetMeters.Where(m => m.Budget == budget.Key && m.Counted == counted).ExecuteUpdateAsync(set => set.SetProperty(m => m.Turns, m => m.Turns + 1), ct) > 0) return;

        // The first one; of two at once the second finds it taken, and is done again.
        await db.Queries.Rows.InsertAsync(db, [new BudgetMeter { TenantId = db.TenantId, WorkspaceId = db.WorkspaceId, Budget = budget.Key, Counted = counted, Turns = 1 }], ct);
    }

    private static async Task<OverBudget?> ExceededAsync(MumegaDb db, Budget budget, string counted, Money? cost, DateTimeOffset now, CancellationToken ct)
    {
        var since = now - budget.Window;
        var used = db.BudgetUses.AsNoTracking().Where(u => u.Budget == budget.Key && u.Counted == counted && u.At > since && u.GivenBackAt == null);
        DateTimeOffset? allowed = null;
        if (budget.MaxRuns is { } runs)
        {
            if (runs == 0) return new(budget.Key, budget.Limit, null);

            // There is room again when the use falls out of the window that stands where the last allowed one would.
            if (await used.OrderByDescending(u => u.At).Skip(runs - 1).Select(u => (DateTimeOffset?)u.At).FirstOrDefaultAsync(ct) is { } at) allowed = at + budget.Window;
        }

        if (budget.MaxAmount is { } most && Of(cost, budget) is > 0 and var wanted)
        {
            if (wanted > most) return new(budget.Key, budget.Limit, null);
            var left = most - await used.SumAsync(u => u.Amount, ct) - wanted;
            if (left < 0)
            {
                foreach (var use in await used.Where(u => u.Amount > 0).OrderBy(u => u.At).Select(u => new { u.At, u.Amount }).ToListAsync(ct))
                {
                    if ((left += use.Amount) < 0) continue;
                    if (allowed is null || use.At + budget.Window > allowed) allowed = use.At + budget.Window;
                    break;
                }
            }
        }

        return allowed is null ? null : new(budget.Key, budget.Limit, allowed);
    }

    private static long Of(Money? cost, Budget budget) => cost is not null && cost.Currency == budget.Currency ? cost.Amount : 0;
}
