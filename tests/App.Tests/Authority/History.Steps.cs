using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Authority;

internal sealed partial class History
{
    private const string Twice = "@quorum(\"1\")\n@expires(\"72h\")\n@reason(\"A page from an agent";

    private static readonly string[] Roles = ["owner", "admin", "approver", "operator"];

    private Task StepAsync(CancellationToken ct)
    {
        if (random.Next(4) == 0)
            return HonestAsync(ct);
        var by = Any(villain.Accounts);
        return random.Next(30) switch
        {
            0 or 1 or 2 => InviteAsync(by, ct),
            3 or 4 or 5 or 6 => JoinAsync(ct),
            7 => FalseAsync(by, "member.grant", new { principal = Any(villain.Accounts).Id, role = Any(Roles) }, ct),
            8 => FalseAsync(by, "elevation.take", new { role = Any(Roles), minutes = 60 }, ct),
            9 => BreakGlassAsync(by, ct),
            10 => SecretAsync(by, ct),
            11 => FalseAsync(
                by,
                "agent.register",
                new
                {
                    name = $"a{keys}",
                    purpose = "x",
                    tier = "api",
                    owner = Any([villain.Own.Id, owner.Own.Id, admin.Own.Id]),
                    endsAt = Clock.Now(house.Clock).AddDays(9),
                },
                ct
            ),
            12 => TransferAsync(by, ct),
            13 => FalseAsync(by, "runtime.set", new { key = "security.mode", value = $"{keys}" }, ct),
            14 => FalseAsync(by, "page.publish", Page(), ct),
            15 => FalseAsync(by, "role.define", Role("helper"), ct),
            16 or 17 or 18 or 19 => DecideAsync(villain, by, ApprovalVerdict.Approve, ct),
            20 => WithdrawAsync(by, ct),
            21 => FalseAsync(by, "member.verify", new { principal = Any(villain.Accounts).Id }, ct),
            22 or 23 or 24 => LiftAsync(by, ct),
            25 => RollBackAsync(by, ct),
            26 => ReviseAsync(by, ct),
            27 => DelegateAsync(by, Any(villain.Accounts), ct),
            28 => FalseAsync(
                by,
                "policy.replace",
                new { text = PolicyBook.Seed.Replace("@gate(", "@was(", StringComparison.Ordinal), replaces = policies },
                ct
            ),
            _ => random.Next(2) == 0
                ? FalseAsync(by, "member.suspend", new { principal = Any([owner, second, admin, approver]).Own.Id }, ct)
                : FalseAsync(by, "member.revoke", new { principal = owner.Own.Id, role = "owner" }, ct),
        };
    }

    // The others do their work: decide what is asked, and set limits; now and then they go, or rules change.
    private Task HonestAsync(CancellationToken ct)
    {
        switch (random.Next(20))
        {
            case 0:
                return BudgetAsync(ct);
            case 1:
                return EngageAsync(ct);
            case 2 when policies == 1:
                return RulesAsync(ct);
            case 3:
                return LimitAsync(admin, "agent.suspend", new { agentId = hers }, hers, ct);
            case 4:
                return SuspendAsync(Any([villain, approver]).Own.Id, ct);
            case 5:
                return HoldAsync(ct);
            case 6:
                return ExceptAsync(ct);
            case 7:
                told.Add("two hours pass");
                house.GoTo(passed += TimeSpan.FromHours(2));
                return Task.CompletedTask;
            case 8:
                return DecideAsync(approver, approver.Own, ApprovalVerdict.RequestChanges, ct);
            case 9:
                return DelegateAsync(Any([owner, admin, approver]).Own, Any([admin, approver, villain]).Own, ct);
            case 10:
                return DecideAsync(owner, owner.Own, ApprovalVerdict.Approve, ct);
            default:
                var who = Any([admin, approver]);
                return DecideAsync(who, who.Own, ApprovalVerdict.Approve, ct);
        }
    }

    /// <summary>Something that waits for an approval, something that was done, and every limit at once.</summary>
    public async Task LimitAsync(CancellationToken ct)
    {
        await ProposeAsync(admin, Act(admin.Own), "role.define", Role("helper"), ct);
        for (var page = 0; page <= Runs; page++)
            await FalseAsync(villain.Own, "page.publish", Page(), ct);
        await WorkAsync(ct);
        await BudgetAsync(ct);
        await HoldAsync(ct);
        await ExceptAsync(ct);
        await SuspendAsync(approver.Own.Id, ct);
        await WorkAsync(ct);
        await EngageAsync(ct);
        await WorkAsync(ct);
    }

    private object Page() =>
        new
        {
            slug = $"p{keys}",
            title = "P",
            markdown = "x",
        };

    private object Role(string key) =>
        new
        {
            key,
            title = $"H{keys}",
            acts = new[] { "workspace.read", "page.publish" },
        };

    private Task BudgetAsync(CancellationToken ct) => LimitAsync(owner, "budget.set", Watch(Runs), villain.Own.Id, ct);

    private object Watch(int runs) =>
        new
        {
            key = "watch",
            scope = "person",
            target = villain.Own.Id,
            minutes = 600,
            runs,
        };

    private Task SuspendAsync(Guid whom, CancellationToken ct) => LimitAsync(owner, "member.suspend", new { principal = whom }, whom, ct);

    private Task ExceptAsync(CancellationToken ct) => LimitAsync(owner, "member.override", Exception("forbid"), villain.Own.Id, ct);

    private object Exception(string effect) =>
        new
        {
            principal = villain.Own.Id,
            act = "page.publish",
            effect,
        };

    private async Task HoldAsync(CancellationToken ct)
    {
        await using var db = Room();
        var hersToo = villain.Accounts.Select(a => a.Id).ToList();
        if (
            AnyOrNone(await db.Receipts.AsNoTracking().Where(r => hersToo.Contains(r.ActorId)).OrderBy(r => r.Id).ToListAsync(ct)) is
            { } receipt
        )
            await LimitAsync(owner, "receipt.hold", new { receiptId = receipt.Id }, receipt.SubjectId, ct);
    }

    private async Task LimitAsync(Person by, string action, object input, Guid on, CancellationToken ct)
    {
        tally.Limits++;
        if (await ProposeAsync(by, Act(by.Own), action, input, ct) is not { } run)
            return;

        limits.Add(new(run.Id, action, on));
        var earlier = limits.Exists(l => l != limits[^1] && l.Action == action && l.On == on);
        Must(
            by != owner || earlier || run.Preflight?.Checks.Any(c => !c.Passed && c.Name is "active" or "change" or "hold") != true,
            "a limit that somebody set first is in the owner's way"
        );
    }

    private async Task InviteAsync(Account by, CancellationToken ct)
    {
        var until = random.Next(3) == 0 ? Clock.Now(house.Clock).AddHours(1) : (DateTimeOffset?)null;
        var (email, role) = ($"x{keys}@example.com", Any(Roles));
        var run = await FalseAsync(
            by,
            "member.invite",
            until is { } end
                ? new
                {
                    email,
                    role,
                    until = end,
                }
                : new { email, role },
            ct
        );

        // Mostly she does not wait to take it up.
        if (run is { State: RunState.Queued } && random.Next(4) != 0)
        {
            await WorkAsync(ct);
            await JoinAsync(ct);
        }
    }

    // The link of any invitation that there is; whoever makes it can take it.
    private async Task JoinAsync(CancellationToken ct)
    {
        await using var db = Room();
        if (AnyOrNone(await db.Invitations.Where(i => i.AcceptedAt == null && i.RevokedAt == null).ToListAsync(ct)) is not { } invitation)
            return;

        var by = Any(villain.Accounts.Where(a => a.Kind is PrincipalKind.User).ToList());
        if ((await kernel.LinkInvitationAsync(Act(by), room, invitation.Id, _ => new string('a', 64), ct)).Refused(out _, out _))
        {
            tally.Refused++;
            return;
        }

        await using var s = await house.Get<Desk>().SitAsPlatformAsync(tenant, room, ct);
        var found = await s.Db.Invitations.SingleAsync(i => i.Id == invitation.Id, ct);
        if (!await kernel.IsStillMeantAsync(s, found, ct))
            return;

        var made = new Account(Guid.NewGuid(), PrincipalKind.User, null);
        s.Db.Principals.Add(
            new()
            {
                TenantId = tenant,
                Id = made.Id,
                Kind = PrincipalKind.User,
                Name = $"x{made.Id:N}"[..8],
                LetInBy = found.LinkedBy,
                CreatedAt = s.Now,
            }
        );
        if (found.Accept(Act(made), s.Now).Refused(out _, out var evidence))
            return;

        s.Db.Add(evidence);
        s.Db.RoleBindings.Add(
            new()
            {
                TenantId = tenant,
                WorkspaceId = room,
                PrincipalId = made.Id,
                Role = found.Role,
                CreatedAt = s.Now,
                Until = found.Until,
                GrantedBy = found.InvitedBy,
            }
        );
        await s.CommitAsync(ct);
        villain.Accounts.Add(made);
        told.Add($"Mallory comes in again as {found.Role} by a link of {Of(by)}");
        tally.Joined++;
    }

    private async Task SecretAsync(Account by, CancellationToken ct)
    {
        await using var db = house.Get<Databases>().OpenTenant(tenant);
        if (
            AnyOrNone(await db.Principals.Where(p => p.Kind == PrincipalKind.Agent && p.RetiredAt == null).ToListAsync(ct)) is not { } agent
        )
            return;

        if ((await kernel.IssueSecretAsync(Act(by), room, agent.Id, "hash", "because", ct)).Refused(out _, out _))
            tally.Refused++;
        else if (villain.Accounts.All(a => a.Id != agent.Id))
        {
            villain.Accounts.Add(new(agent.Id, PrincipalKind.Agent, agent.OwnerId));
            told.Add($"Mallory as {Of(by)} gets a secret of the agent {agent.Name}");
        }
    }

    private async Task LiftAsync(Account by, CancellationToken ct)
    {
        tally.Tries++;
        switch (random.Next(8))
        {
            case 0:
                await FalseAsync(by, "budget.set", Watch(Any([Runs, 500])), ct);
                break;
            case 1:
                await FalseAsync(by, "budget.remove", new { key = "watch" }, ct);
                break;
            case 2 when stop != Guid.Empty:
                if ((await kernel.ReleaseStopAsync(Act(by), room, stop, null, "because", Key(), ct)).Refused(out _, out var run))
                    tally.Refused++;
                else
                    Note(villain, run, $"Mallory as {Of(by)} asks for the stop's release: {run.State}");
                break;
            case 3:
                await FalseAsync(by, "member.resume", new { principal = Any([villain, approver]).Own.Id }, ct);
                break;
            case 4:
                await FalseAsync(by, "member.override", Exception(Any(["none", "permit", "forbid"])), ct);
                break;
            case 5:
                await UnholdAsync(by, ct);
                break;
            case 6:
                await FirstHoldAsync(by, ct);
                break;
            default:
                await FalseAsync(by, "agent.resume", new { agentId = hers }, ct);
                break;
        }
    }

    private async Task UnholdAsync(Account by, CancellationToken ct)
    {
        var kept = limits.Where(l => l.Action == "receipt.hold").Select(l => l.On).ToList();
        await using var db = Room();
        if (
            AnyOrNone(await db.Receipts.AsNoTracking().Where(r => kept.Contains(r.SubjectId)).OrderBy(r => r.Id).ToListAsync(ct))
            is not { } receipt
        )
            return;

        if (random.Next(2) == 0)
            await FalseAsync(by, "receipt.unhold", new { receiptId = receipt.Id }, ct);
        else
            await FalseAsync(
                by,
                "receipt.erase",
                new
                {
                    receiptId = receipt.Id,
                    fields = new[] { "reason_text" },
                    basis = "other",
                },
                ct
            );
    }

    // What one puts on oneself, one might take off again.
    private async Task FirstHoldAsync(Account by, CancellationToken ct)
    {
        await using var db = Room();
        if (AnyOrNone(await db.Receipts.AsNoTracking().OrderBy(r => r.Id).ToListAsync(ct)) is { } receipt)
            await FalseAsync(by, "receipt.hold", new { receiptId = receipt.Id }, ct);
    }

    private async Task RollBackAsync(Account by, CancellationToken ct)
    {
        await using var db = Room();
        if (
            AnyOrNone(await db.Runs.AsNoTracking().Where(r => r.State == RunState.Succeeded).OrderBy(r => r.Id).ToListAsync(ct))
            is not { } done
        )
            return;

        if ((await kernel.RollBackAsync(ActAs(by), room, done.Id, "because", Key(), ct)).Refused(out _, out var run))
            tally.Refused++;
        else
            Note(villain, run, $"Mallory as {Of(by)} undoes {done.Action} by {run.Action}: {run.State}");
    }

    private async Task TransferAsync(Account by, CancellationToken ct)
    {
        await using var db = house.Get<Databases>().OpenTenant(tenant);
        if (
            AnyOrNone(await db.Principals.AsNoTracking().Where(p => p.Kind == PrincipalKind.Agent).OrderBy(p => p.Id).ToListAsync(ct)) is
            { } agent
        )
            await FalseAsync(by, "agent.transfer", new { agentId = agent.Id, owner = Any([villain, owner, admin]).Own.Id }, ct);
    }

    private async Task BreakGlassAsync(Account by, CancellationToken ct)
    {
        var role = Any(Roles);
        if (
            (await kernel.RequestElevationAsync(Act(by), "main", role, 60, random.Next(2) == 0, "because", Key(), ct)).Refused(
                out _,
                out var asked
            )
        )
            tally.Refused++;
        else if (asked.RunId is { } run)
        {
            told.Add($"Mallory as {Of(by)} asks to be {role} for an hour");
            pressed[run] = villain.Name;
        }
    }

    private async Task DelegateAsync(Account by, Account to, CancellationToken ct)
    {
        if (
            (await kernel.DelegateAsync(Act(by), room, to.Id, null, Clock.Now(house.Clock).AddHours(5), "because", Key(), ct)).Refused(
                out _,
                out _
            )
        )
            tally.Refused++;
        else
            told.Add($"{Of(by)} has {Of(to)} decide for them");
    }

    private async Task WithdrawAsync(Account by, CancellationToken ct)
    {
        await using var db = Room();
        if (
            AnyOrNone(await db.Approvals.AsNoTracking().Where(a => a.State == ApprovalState.Pending).OrderBy(a => a.Id).ToListAsync(ct))
            is not { } open
        )
            return;

        if ((await kernel.WithdrawAsync(Act(by), room, open.Id, "because", Key(), ct)).Refused(out _, out _))
            tally.Refused++;
        else
            told.Add($"Mallory as {Of(by)} takes a word back");
    }

    private async Task ReviseAsync(Account by, CancellationToken ct)
    {
        await using var db = Room();
        var open = db
            .Approvals.Where(a => a.State == ApprovalState.ChangesRequested || a.State == ApprovalState.Pending)
            .Select(a => a.RunId);
        if (AnyOrNone(await db.Runs.AsNoTracking().Where(r => open.Contains(r.Id)).OrderBy(r => r.Id).ToListAsync(ct)) is not { } run)
            return;

        var mine = villain.Accounts.FirstOrDefault(a => a.Id == run.ProposedBy) ?? by;
        var input = run.Action switch
        {
            "role.define" => JsonSerializer.SerializeToElement(Role(Any(["helper", "o-w-n-e-r"]))),
            "elevation.take" => JsonSerializer.SerializeToElement(new { role = Any(Roles), minutes = 60 }),
            _ => run.InputJson,
        };
        if ((await kernel.ReviseAsync(Act(mine), room, run.Id, input, "because", Key(), ct)).Refused(out _, out _))
            tally.Refused++;
        else
        {
            told.Add($"Mallory as {Of(mine)} revises {run.Action} {input}");
            pressed[run.Id] = villain.Name;
        }
    }

    private async Task EngageAsync(CancellationToken ct)
    {
        if (stop != Guid.Empty)
            return;

        var (boundary, target) = random.Next(2) == 0 ? (StopBoundary.Tenant, (string?)null) : (StopBoundary.Family, "runtime");
        if ((await kernel.EngageStopAsync(Act(owner.Own), room, boundary, target, "because", Key(), ct)).Refused(out _, out var engaged))
            return;

        stop = engaged.Id;
        tally.Limits++;
        told.Add($"Olivia stops the {boundary}");
    }

    private async Task RulesAsync(CancellationToken ct)
    {
        var text = PolicyBook.Seed.Replace(Twice, Twice.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), StringComparison.Ordinal);
        if (await ProposeAsync(owner, Act(owner.Own), "policy.replace", new { text, replaces = 1 }, ct) is not { } run)
            return;

        await DecideAsync(admin, admin.Own, ApprovalVerdict.Approve, ct, run.Id);
        await WorkAsync(ct);
        await using var db = Room();
        if (await db.Runs.AnyAsync(r => r.Id == run.Id && r.State == RunState.Succeeded, ct))
            (pageQuorum, policies) = (2, 2);
    }

    private async Task DecideAsync(Person who, Account by, ApprovalVerdict verdict, CancellationToken ct, Guid? runId = null)
    {
        await using var db = Room();
        var open = await db
            .Approvals.AsNoTracking()
            .Where(a => a.State == ApprovalState.Pending && (runId == null || a.RunId == runId))
            .OrderBy(a => a.Id)
            .ToListAsync(ct);
        if (AnyOrNone(open) is not { } approval)
            return;

        // The others look at what they let through: nobody is made more than they are, and no rule goes.
        var action = await db.Runs.Where(r => r.Id == approval.RunId).Select(r => r.Action).SingleAsync(ct);
        if (who != villain && runId is null && (action.StartsWith("elevation", StringComparison.Ordinal) || action == "policy.replace"))
            return;
        if (
            (await kernel.DecideAsync(Act(by), room, approval.Id, verdict, approval.Digest, null, "looked at it", Key(), ct)).Refused(
                out _,
                out _
            )
        )
            tally.Refused++;
        else
            told.Add($"{who.Name} as {Of(by)} says {verdict} to {action}");
    }

    private Task<Run?> FalseAsync(Account by, string action, object input, CancellationToken ct) =>
        ProposeAsync(villain, ActAs(by), action, input, ct);

    private async Task<Run?> ProposeAsync(Person who, Actor by, string action, object input, CancellationToken ct)
    {
        if (
            (await kernel.ProposeAsync(by, room, action, JsonSerializer.SerializeToElement(input), "because", Key(), ct)).Refused(
                out _,
                out var run
            )
        )
        {
            tally.Refused++;
            return null;
        }

        var account = who.Accounts.First(a => a.Id == by.Id);
        Note(who, run, $"{who.Name} as {Of(account)} proposes {action} {JsonSerializer.Serialize(input)}: {run.State}");
        return run;
    }

    private void Note(Person who, Run run, string what)
    {
        told.Add(what);
        pressed[run.Id] = who.Name;
        if (run.State is RunState.Denied or RunState.PreflightFailed)
            tally.Refused++;
    }

    private Actor Act(Account by) =>
        new(
            tenant,
            by.Id,
            by.Kind,
            "Somebody",
            by.Owner,
            log,
            Scopes.All.ToHashSet(),
            new HashSet<Guid> { room },
            by.Kind is PrincipalKind.User ? "web" : "graphql",
            null,
            "passkey"
        );

    // What Mallory exchanges tokens for: an agent that acts on behalf of one of her accounts.
    private Actor ActAs(Account by)
    {
        if (by.Kind is not PrincipalKind.Agent || random.Next(3) != 0)
            return Act(by);

        var person = Any(villain.Accounts.Where(a => a.Kind is PrincipalKind.User).ToList());
        return Act(by) with { For = [new ActorLink(person.Id, person.Kind, "Somebody", null)] };
    }
}
