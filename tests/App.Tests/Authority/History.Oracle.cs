using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Domain.Runs;
using Mumega.Infrastructure.Data;

namespace Mumega.App.Tests.Authority;

internal sealed partial class History
{
    private const int Runs = 2;

    /// <summary>Looks at what ran since the last time, and at what must hold throughout.</summary>
    /// <exception cref="HistoryBrokenException">It does not.</exception>
    public async Task LookAsync(CancellationToken ct)
    {
        await using var db = Room();
        var ran = await db.Runs.AsNoTracking().Where(r => r.State == RunState.Succeeded && !looked.Contains(r.Id)).ToListAsync(ct);
        foreach (var run in ran)
        {
            looked.Add(run.Id);
            tally.Ran++;
            await GateAsync(db, run, ct);
        }

        await RolesAsync(db, ct);
        foreach (var limit in limits.Where(l => looked.Contains(l.Run)))
            await HoldsAsync(db, limit, ct);
    }

    // A gate asks for so many people beside the one who pressed, whatever accounts they have; whose name is used, and who makes an owner, is among them.
    private async Task GateAsync(MumegaDb db, Run run, CancellationToken ct)
    {
        var byAgent = run.ProposerKind is PrincipalKind.Agent;
        var needed = run.Action switch
        {
            "page.publish" or "page.unpublish" when byAgent => pageQuorum,
            "runtime.set" when byAgent => 2,
            "role.define" or "policy.replace" or "elevation.take" or "receipt.erase" => 1,
            _ => 0,
        };
        var mallorys = pressed[run.Id] == villain.Name;
        var approval = await db.Approvals.AsNoTracking().Include(a => a.Decisions).SingleOrDefaultAsync(a => a.RunId == run.Id, ct);
        var words = approval?.Decisions.Where(d => d.Round == approval.Round && d.Verdict is ApprovalVerdict.Approve).ToList() ?? [];
        var active = await db.Principals.AsNoTracking().Where(p => p.SuspendedAt == null).Select(p => p.Id).ToListAsync(ct);
        var persons = words
            .Where(w => active.Contains(w.DeciderId))
            .Select(w => RealOf(w.DeciderId))
            .Where(p => p.Name != pressed[run.Id])
            .Distinct()
            .Count();
        Must(persons >= needed, $"{run.Action} ran with {persons} of {needed} persons beside the one who proposed it");
        if (needed > 0)
            tally.GatesPassed++;

        bool Agreed(Guid person) => words.Exists(w => w.DeciderId == person || w.ForId == person);
        if (
            mallorys
            && run.Action is "agent.register" or "agent.transfer"
            && Guid.Parse(run.InputJson.GetProperty("owner").GetString()!) is var name
        )
            Must(RealOf(name).Name == pressed[run.Id] || Agreed(name), "an agent is in the name of somebody who did not agree");
        if (run.Action == "elevation.take" && run.InputJson.GetProperty("role").GetString() == "owner")
            Must(Agreed(owner.Own.Id) || Agreed(second.Own.Id), "somebody became an owner without an owner");
        if (mallorys)
            Must(run.Action != "policy.replace", "Mallory changed the rules, and nobody honest agreed to that");
        if (run.Action == "stop.release")
            Must(
                !ownersAreTwo
                    && await db.RoleBindings.AnyAsync(b => b.PrincipalId == run.ProposedBy && (b.Role == "owner" || b.Role == "admin"), ct),
                "the owner's stop was released by somebody below"
            );
        if (run.Action == "agent.resume" && mallorys)
            Must(villain.Accounts.TrueForAll(a => a.Id != hers), "Mallory let the agent work again that she acts as");
    }

    // An owner for ever is nobody but the one who was; and what somebody had for a time gives nothing for ever.
    private async Task RolesAsync(MumegaDb db, CancellationToken ct)
    {
        var permanent = await db.RoleBindings.AsNoTracking().Where(b => b.Until == null).ToListAsync(ct);
        Must(
            permanent.TrueForAll(b => b.Role != "owner" || b.PrincipalId == owner.Own.Id || b.PrincipalId == second.Own.Id),
            "somebody else owns the place for ever"
        );
        Must(permanent.Exists(b => b.Role == "owner" && b.PrincipalId == owner.Own.Id), "the owner is an owner no more");
        if (villainForATime || !villainIsAdmin)
            Must(
                permanent.TrueForAll(b =>
                    b.Role == "agent"
                    || villain.Accounts.TrueForAll(a => a.Id != b.PrincipalId)
                    || (b.PrincipalId == villain.Own.Id && !villainForATime)
                ),
                "Mallory gave a role for ever without having the right for ever"
            );
        Must(
            !await db.Principals.AnyAsync(p => (p.Id == owner.Own.Id || p.Id == second.Own.Id) && p.SuspendedAt != null, ct),
            "an owner was suspended, and no owner did it"
        );
    }

    // Only owners lift these, and the one who is here doesn't.
    private async Task HoldsAsync(MumegaDb db, Limit limit, CancellationToken ct)
    {
        switch (limit.Action)
        {
            case "budget.set":
                Must(await db.Budgets.AnyAsync(b => b.Key == "watch" && b.MaxRuns <= Runs, ct), "the budget on Mallory was loosened");
                var since = await db.Runs.Where(r => r.Id == limit.Run).Select(r => r.UpdatedAt).SingleAsync(ct);
                var spent = await db.Runs.CountAsync(
                    r => r.ProposedBy == limit.On && r.CreatedAt > since && r.UndoOf == null && r.State == RunState.Succeeded,
                    ct
                );
                Must(spent <= Runs, $"Mallory had {spent} runs of a budget of {Runs}");
                break;
            case "member.suspend":
                Must(await db.Principals.AnyAsync(p => p.Id == limit.On && p.SuspendedAt != null, ct), "an owner's suspension ended");
                break;
            case "member.override":
                Must(
                    await db.AuthorityOverrides.AnyAsync(o => o.PrincipalId == limit.On && o.Effect == OverrideEffect.Forbid, ct),
                    "an owner's exception was taken away"
                );
                break;
            case "receipt.hold":
                var chain = db.Receipts.Where(r => r.SubjectId == limit.On).Select(r => r.Id);
                Must(await db.Disclosures.AnyAsync(d => chain.Contains(d.ReceiptId) && d.HeldBy != null, ct), "an owner's hold was lifted");
                break;
        }
    }

    /// <summary>Does to the database what the product must never do.</summary>
    public async Task ForgeAsync(string what, CancellationToken ct)
    {
        await using var db = Room();
        switch (what)
        {
            case "a gate was passed by nobody":
                await db
                    .Runs.Where(r => r.Action == "role.define")
                    .ExecuteUpdateAsync(r => r.SetProperty(x => x.State, RunState.Succeeded), ct);
                break;
            case "an owner for ever":
                db.RoleBindings.Add(Binding(villain.Own.Id, "owner"));
                break;
            case "a role for ever from one for a time":
                var puppet = new Account(approver.Own.Id, PrincipalKind.User, null);
                villain.Accounts.Add(puppet);
                villainForATime = true;
                break;
            case "the budget was loosened":
                await db.Budgets.ExecuteUpdateAsync(b => b.SetProperty(x => x.MaxRuns, 500), ct);
                break;
            case "the budget was spent twice":
                var set = limits.First(l => l.Action == "budget.set").Run;
                await db
                    .Runs.Where(r => r.Id == set)
                    .ExecuteUpdateAsync(r => r.SetProperty(x => x.UpdatedAt, DateTimeOffset.UnixEpoch), ct);
                break;
            case "the suspension ended":
                await db.Principals.ExecuteUpdateAsync(p => p.SetProperty(x => x.SuspendedAt, (DateTimeOffset?)null), ct);
                break;
            case "the hold was lifted":
                await db.Disclosures.ExecuteUpdateAsync(d => d.SetProperty(x => x.HeldBy, (Guid?)null), ct);
                break;
            case "the exception was taken away":
                await db.AuthorityOverrides.ExecuteDeleteAsync(ct);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }

        await db.SaveChangesAsync(ct);
    }

    private void Must(bool holds, string what)
    {
        if (!holds)
            throw new HistoryBrokenException(what, this);
    }
}
