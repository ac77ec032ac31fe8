using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Budgets;
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
    /// <param name="s">Who proposes it.</param>
    /// <param name="action">What.</param>
    /// <param name="cost">What it will cost at most.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="but">A run whose share is not counted, because it is given back.</param>
    public static async Task<Refusal?> LookAsync(Sitting s, ActionDefinition action, Money? cost, CancellationToken ct, Run? but = null)
    {
        foreach (var (budget, counted) in await ConcernedAsync(s, action, ct))
        {
            if (budget.WhyNot(cost) is { } other)
                return other;
            if (await ExceededAsync(s.Db, budget, counted, cost, s.Now, ct, but?.Id) is { } why)
                return why;
        }

        return null;
    }

    /// <summary>Reserves a run's share with the commit, which fails when a budget is used up by then.</summary>
    /// <param name="s">Who proposes it.</param>
    /// <param name="action">What.</param>
    /// <param name="run">The run.</param>
    /// <param name="cost">What it will cost at most.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="again">Whether it has reserved a share before, which it gives back.</param>
    public static async Task ReserveAsync(
        Sitting s,
        ActionDefinition action,
        Run run,
        Money? cost,
        CancellationToken ct,
        bool again = false
    )
    {
        var concerned = await ConcernedAsync(s, action, ct);
        if (concerned.Count == 0 && !again)
            return;

        var (db, now) = (s.Db, s.Now);
        db.Also(async stop =>
        {
            if (again)
                await db.BudgetUses.Where(u => u.RunId == run.Id).ExecuteDeleteAsync(stop);
            foreach (var (budget, counted) in concerned)
            {
                await TakeTurnAsync(db, budget, counted, stop);
                if (await ExceededAsync(db, budget, counted, cost, now, stop) is { } why)
                    throw new OverBudgetException(why);
                await db.Queries.Rows.InsertAsync(
                    db,
                    [
                        new BudgetUse
                        {
                            TenantId = db.TenantId,
                            WorkspaceId = db.WorkspaceId,
                            Budget = budget.Key,
                            Counted = counted,
                            RunId = run.Id,
                            At = now,
                            Amount = Of(cost, budget),
                        },
                    ],
                    stop
                );
            }
        });
    }

    /// <summary>Gives back what a run did not use: all of it when it never began, the money when it came to nothing.</summary>
    public static async Task SettleAsync(Sitting s, Run run, CancellationToken ct)
    {
        if (run.State is RunState.Succeeded)
            return;
        foreach (var use in await s.Db.BudgetUses.Where(u => u.RunId == run.Id).ToListAsync(ct))
        {
            if (run.State is RunState.Failed)
                use.Amount = 0;
            else
                use.GivenBackAt = s.Now;
        }
    }

    /// <summary>The budgets that an act counts against, and under which names. What a workflow does counts for those who set it off; stops and budgets themselves are never held up by a budget.</summary>
    internal static async Task<List<(Budget Budget, string Counted)>> ConcernedAsync(
        Sitting s,
        ActionDefinition action,
        CancellationToken ct
    ) =>
        action.Family is "stops" or "budgets"
            ? []
            :
            [
                .. (await s.BudgetsAsync(ct))
                    .SelectMany(b => b.Counts(s.By, action.Family, s.TierOf).Distinct().Select(c => (Budget: b, Counted: c)))
                    .OrderBy(x => x.Budget.Key, StringComparer.Ordinal)
                    .ThenBy(x => x.Counted, StringComparer.Ordinal),
            ];

    /// <summary>Counts reads against a budget of the family <see cref="Budget.Reads"/>, in one row a minute. Throws when they exceed it.</summary>
    internal static async Task CountReadsAsync(
        MumegaDb db,
        Budget budget,
        string counted,
        int count,
        (Guid Id, DateTimeOffset End) minute,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        await TakeTurnAsync(db, budget, counted, ct);
        var most = budget.MaxRuns ?? 0;
        if (count > most)
            throw new OverBudgetException(new(budget.Key, budget.Limit, null));

        var since = now - budget.Window;
        var all = db.BudgetUses.Where(u => u.Budget == budget.Key && u.Counted == counted);
        var used = all.AsNoTracking().Where(u => u.At > since && u.GivenBackAt == null);
        var left = most - await used.SumAsync(u => u.Amount, ct) - count;
        if (left < 0)
        {
            foreach (var use in await used.OrderBy(u => u.At).Select(u => new { u.At, u.Amount }).ToListAsync(ct))
            {
                if ((left += use.Amount) >= 0)
                    throw new OverBudgetException(new(budget.Key, budget.Limit, use.At + budget.Window));
            }
        }

        if (
            await all.Where(u => u.RunId == minute.Id).ExecuteUpdateAsync(set => set.SetProperty(u => u.Amount, u => u.Amount + count), ct)
            > 0
        )
            return;

        await all.Where(u => u.At <= since).ExecuteDeleteAsync(ct);
        await db.Queries.Rows.InsertAsync(
            db,
            [
                new BudgetUse
                {
                    TenantId = db.TenantId,
                    WorkspaceId = db.WorkspaceId,
                    Budget = budget.Key,
                    Counted = counted,
                    RunId = minute.Id,
                    At = minute.End,
                    Amount = count,
                },
            ],
            ct
        );
    }

    private static async Task TakeTurnAsync(MumegaDb db, Budget budget, string counted, CancellationToken ct)
    {
        if (
            await db
                .BudgetMeters.Where(m => m.Budget == budget.Key && m.Counted == counted)
                .ExecuteUpdateAsync(set => set.SetProperty(m => m.Turns, m => m.Turns + 1), ct) > 0
        )
            return;

        // The first one; of two at once the second finds it taken, and is done again.
        await db.Queries.Rows.InsertAsync(
            db,
            [
                new BudgetMeter
                {
                    TenantId = db.TenantId,
                    WorkspaceId = db.WorkspaceId,
                    Budget = budget.Key,
                    Counted = counted,
                    Turns = 1,
                },
            ],
            ct
        );
    }

    private static async Task<OverBudget?> ExceededAsync(
        MumegaDb db,
        Budget budget,
        string counted,
        Money? cost,
        DateTimeOffset now,
        CancellationToken ct,
        Guid? but = null
    )
    {
        var since = now - budget.Window;
        var used = db
            .BudgetUses.AsNoTracking()
            .Where(u => u.Budget == budget.Key && u.Counted == counted && u.At > since && u.GivenBackAt == null);
        if (but is { } run)
            used = used.Where(u => u.RunId != run);
        DateTimeOffset? allowed = null;
        if (budget.MaxRuns is { } runs)
        {
            if (runs == 0)
                return new(budget.Key, budget.Limit, null);

            // There is room again when the use falls out of the window that stands where the last allowed one would.
            if (await used.OrderByDescending(u => u.At).Skip(runs - 1).Select(u => (DateTimeOffset?)u.At).FirstOrDefaultAsync(ct) is { } at)
                allowed = at + budget.Window;
        }

        if (budget.MaxAmount is { } most && Of(cost, budget) is > 0 and var wanted)
        {
            if (wanted > most)
                return new(budget.Key, budget.Limit, null);
            var left = most - await used.SumAsync(u => u.Amount, ct) - wanted;
            if (left < 0)
            {
                foreach (
                    var use in await used.Where(u => u.Amount > 0).OrderBy(u => u.At).Select(u => new { u.At, u.Amount }).ToListAsync(ct)
                )
                {
                    if ((left += use.Amount) < 0)
                        continue;
                    if (allowed is null || use.At + budget.Window > allowed)
                        allowed = use.At + budget.Window;
                    break;
                }
            }
        }

        return allowed is null ? null : new(budget.Key, budget.Limit, allowed);
    }

    private static long Of(Money? cost, Budget budget) => cost is not null && cost.Currency == budget.Currency ? cost.Amount : 0;
}
