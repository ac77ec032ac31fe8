using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mumega.Domain;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>What somebody may see of what is sensitive in one workspace, and what is counted and written down of it.</summary>
public sealed class ReadDoor
{
    private readonly Func<string, string?, Decision> decide;
    private readonly Func<string, string?, bool> traces;
    private readonly ConcurrentDictionary<string, bool> fields = new(StringComparer.Ordinal);
    private volatile bool tracedField;

    internal ReadDoor(
        Actor by,
        Guid workspaceId,
        IReadOnlyList<(Budget Budget, string Counted)> budgets,
        Func<string, string?, Decision> decide,
        Func<string, string?, bool> traces
    )
    {
        (By, WorkspaceId, Budgets) = (by, workspaceId, budgets);
        (this.decide, this.traces) = (decide, traces);
    }

    internal Actor By { get; }

    internal Guid WorkspaceId { get; }

    internal IReadOnlyList<(Budget Budget, string Counted)> Budgets { get; }

    /// <summary>Whether a field of receipts is shown. Each name is decided once.</summary>
    public bool Opens(string field) =>
        fields.GetOrAdd(
            field,
            name =>
            {
                var opens = decide(ControlAct.OpenField, name).Verdict is Verdict.Allow;
                if (opens && traces(ControlAct.OpenField, name))
                    tracedField = true;
                return opens;
            }
        );

    /// <summary>Why policy does not allow a read; null when it does. Nobody approves a read, so one behind a gate is refused.</summary>
    public Refusal? WhyNot(string act) => decide(act, null) is { Verdict: not Verdict.Allow } no ? no.AsRefusal() : null;

    internal bool Traces(string act) => act == ControlAct.OpenField ? tracedField : traces(act, null);
}

/// <summary>
/// Sensitive reads: fields of receipts, rows of the audit log, evidence, what agents sign in with. They are counted against budgets of the family
/// <see cref="Budget.Reads"/>, by agent and by the person at the root, and written down where a policy says <c>@trace</c>. Where neither is, nothing is written.
/// </summary>
public sealed class Reading(Desk desk, SecurityLog security)
{
    private const int MaxAttempts = 12;

    // Reads are counted by the minute, so that many of them are one row.
    private static readonly TimeSpan Grain = TimeSpan.FromMinutes(1);

    /// <summary>Why a read may not happen; null when it may, and is counted and written down by then. A policy's refusal of the act is asked of the door before.</summary>
    /// <param name="door">Who reads, where.</param>
    /// <param name="act">The <see cref="ControlAct"/> that it is.</param>
    /// <param name="count">How many receipts, rows or agents.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<Refusal?> WhyNotAsync(ReadDoor door, string act, int count, CancellationToken ct)
    {
        if (count == 0)
            return null;
        if (door.Budgets.Count > 0 && await CountAsync(door, count, ct) is { } over)
        {
            await security.RefusedAsync(door.By, act, over, door.WorkspaceId);
            return over;
        }

        if (door.Traces(act))
            await security.ReadAsync(door.By, act, count, door.WorkspaceId);
        return null;
    }

    private async Task<OverBudget?> CountAsync(ReadDoor door, int count, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = desk.Databases.Open(door.By.TenantId, door.WorkspaceId);
            var now = Clock.Now(desk.Clock);
            db.Also(async stop =>
            {
                foreach (var (budget, counted) in door.Budgets)
                    await Spending.CountReadsAsync(db, budget, counted, count, MinuteOf(now), now, stop);
            });
            try
            {
                await db.CommitAsync(ct);
                return null;
            }
            catch (OverBudgetException e)
            {
                return e.Why;
            }
            catch (Exception e) when (Databases.IsRace(e) && attempt < MaxAttempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 8 * attempt)), ct);
            }
        }
    }

    // The end of the minute: what is counted falls out of a window no sooner than it may.
    private static (Guid Id, DateTimeOffset End) MinuteOf(DateTimeOffset now)
    {
        var minute = now.Ticks / Grain.Ticks;
        return (
            new(SHA256.HashData(Encoding.UTF8.GetBytes($"reads/{minute}"))[..16]),
            new DateTimeOffset((minute + 1) * Grain.Ticks, TimeSpan.Zero)
        );
    }
}
