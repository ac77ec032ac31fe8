using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Api;
using Mumega.App.Tests.Packets;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Authority;

/// <summary>
/// Random histories of a tenant in which one person plays false, with every account that they can come to act as, against the kernel on a real database.
/// The oracle follows who really presses, and knows nothing of how the product decides.
/// </summary>
public sealed class HistoryProperties
{
    private const int InTheSuite = 600;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_history_lets_one_person_pass_a_gate_alone_keep_what_nobody_entitled_gave_or_lift_what_limits_them()
    {
        var all = Environment.GetEnvironmentVariable("MUMEGA_TEST_HISTORIES") is { Length: > 0 } n
            ? int.Parse(n, CultureInfo.InvariantCulture)
            : InTheSuite;
        var tallies = new Tally[2];
        await Parallel.ForAsync(
            0,
            tallies.Length,
            Ct,
            async (worker, ct) =>
            {
                tallies[worker] = new();
                await using var house = await House.OpenAsync(ct);
                for (var seed = worker; seed < all; seed += tallies.Length)
                    await new History(house, seed, tallies[worker]).PlayAsync(ct);
            }
        );

        var (passed, joined, refused, ran) = (
            tallies.Sum(t => t.GatesPassed),
            tallies.Sum(t => t.Joined),
            tallies.Sum(t => t.Refused),
            tallies.Sum(t => t.Ran)
        );
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{all} histories: {ran} runs succeeded, {passed} of them behind a gate, {joined} accounts made, {refused} acts refused, denied or failed; {tallies.Sum(t => t.Limits)} tries at limits"
        );

        // Histories in which nothing happens would show nothing.
        Assert.True(
            passed > all / 20 && joined > all / 20 && refused > all && ran > all && tallies.Sum(t => t.Limits) > all / 20,
            $"too little happened: {passed} {joined} {refused} {ran}"
        );
    }

    private sealed class Tally
    {
        public int GatesPassed,
            Joined,
            Refused,
            Ran,
            Limits;
    }

    /// <summary>The product without its web server and workers, on a database of its own.</summary>
    private sealed class House : IAsyncDisposable
    {
        private readonly Microsoft.AspNetCore.Builder.WebApplication app;
        private readonly string folder;

        private House(Microsoft.AspNetCore.Builder.WebApplication app, string folder, MovableClock clock) =>
            (this.app, this.folder, Clock) = (app, folder, clock);

        public MovableClock Clock { get; }

        public T Get<T>()
            where T : notnull => app.Services.GetRequiredService<T>();

        public static async Task<House> OpenAsync(CancellationToken ct)
        {
            var folder = Directory
                .CreateDirectory(
                    Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"mumega-histories-{Guid.NewGuid():N}")
                )
                .FullName;
            var clock = new MovableClock();
            var app = MumegaHost.Build(
                [$"--Data={folder}", $"--Urls=http://localhost:{MumegaApp.FreePort()}", "--Jobs:Run=false"],
                b =>
                {
                    b.Logging.ClearProviders();
                    b.Services.AddSingleton<TimeProvider>(clock);
                }
            );
            await app.PrepareAsync(ct);
            return new(app, folder, clock);
        }

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed record Account(Guid Id, PrincipalKind Kind, Guid? Owner);

    // One person and every account that they can act as: their own, those that came in by a link that they made, agents that they know the secret of.
    private sealed class Person(string name, Account own)
    {
        public string Name => name;

        public List<Account> Accounts { get; } = [own];

        public Account Own => own;
    }

    private sealed class History(House house, int seed, Tally tally)
    {
        private const string Twice = "@quorum(\"1\")\n@expires(\"72h\")\n@reason(\"A page from an agent";

        private readonly Random random = new(seed);
        private readonly List<string> told = [];
        private readonly Kernel kernel = house.Get<Kernel>();
        private readonly Dictionary<Guid, Person> pressed = [];
        private readonly List<Guid> runs = [];
        private readonly HashSet<Guid> checkedRuns = [];
        private readonly Guid tenant = Guid.NewGuid(),
            room = Guid.NewGuid();
        private readonly string log = Tenant.OriginOf(Guid.NewGuid().ToString("N")[..26]);
        private Person owner = null!,
            admin = null!,
            approver = null!,
            villain = null!;
        private bool villainIsAdmin,
            villainForATime;
        private Guid hers;
        private int keys,
            pageQuorum = 1,
            policies = 1;
        private DateTimeOffset? budgetSet,
            stopEngaged,
            suspendedAgent;
        private Guid stop;

        public async Task PlayAsync(CancellationToken ct)
        {
            await SetUpAsync(ct);
            for (var step = random.Next(6, 10); step > 0; step--)
            {
                await StepAsync(ct);
                if (await WorkAsync(ct))
                    await GatesAsync(ct);
            }

            await HoldAsync(ct);
        }

        private async Task SetUpAsync(CancellationToken ct)
        {
            var now = Clock.Now(house.Clock);
            await using (var db = house.Get<Databases>().OpenTenant(tenant))
            {
                db.Tenants.Add(
                    new()
                    {
                        Id = tenant,
                        Key = $"t{tenant:N}"[..30],
                        Name = "T",
                        Log = log,
                        CreatedAt = now,
                    }
                );
                db.Principals.Add(
                    new()
                    {
                        TenantId = tenant,
                        Id = Guid.Empty,
                        Kind = PrincipalKind.Service,
                        Name = "Mumega",
                        CreatedAt = now,
                    }
                );
                db.PolicyVersions.Add(
                    new()
                    {
                        TenantId = tenant,
                        Number = 1,
                        Text = PolicyBook.Seed,
                        CreatedBy = Guid.Empty,
                        CreatedAt = now,
                    }
                );
                db.Workspaces.Add(
                    new()
                    {
                        TenantId = tenant,
                        Id = room,
                        Key = "main",
                        Name = "Main",
                        CreatedAt = now,
                    }
                );
                Person Make(string name)
                {
                    var id = Guid.NewGuid();
                    db.Principals.Add(
                        new()
                        {
                            TenantId = tenant,
                            Id = id,
                            Kind = PrincipalKind.User,
                            Name = name,
                            CreatedAt = now,
                        }
                    );
                    return new(name, new(id, PrincipalKind.User, null));
                }

                (owner, admin, approver, villain) = (Make("Olivia"), Make("Adam"), Make("Petra"), Make("Mallory"));
                hers = Guid.NewGuid();
                db.Principals.Add(
                    new()
                    {
                        TenantId = tenant,
                        Id = hers,
                        Kind = PrincipalKind.Agent,
                        Name = "Hermes",
                        OwnerId = owner.Own.Id,
                        ClientId = $"h-{hers:N}",
                        Tier = AgentTier.Background,
                        CreatedAt = now,
                    }
                );
                db.Add(
                    WorkspaceState.NewClient(
                        new()
                        {
                            TenantId = tenant,
                            Id = hers,
                            Kind = PrincipalKind.Agent,
                            Name = "Hermes",
                            ClientId = $"h-{hers:N}",
                            CreatedAt = now,
                        },
                        []
                    )
                );
                await db.SaveChangesAsync(ct);
            }

            villainIsAdmin = random.Next(4) != 0;
            villainForATime = random.Next(4) == 0;
            await using var there = house.Get<Databases>().Open(tenant, room);
            void Bind(Guid who, string role, DateTimeOffset? until = null) =>
                there.RoleBindings.Add(
                    new()
                    {
                        TenantId = tenant,
                        WorkspaceId = room,
                        PrincipalId = who,
                        Role = role,
                        CreatedAt = now,
                        Until = until,
                    }
                );
            Bind(owner.Own.Id, "owner");
            Bind(admin.Own.Id, "admin");
            Bind(admin.Own.Id, "approver");
            Bind(approver.Own.Id, "approver");
            Bind(approver.Own.Id, "operator");
            Bind(hers, "agent");
            Bind(villain.Own.Id, villainIsAdmin ? "admin" : "operator", villainForATime ? now.AddHours(4) : null);
            if (random.Next(2) == 0)
                Bind(villain.Own.Id, "approver", villainForATime ? now.AddHours(4) : null);
            await there.SaveChangesAsync(ct);
        }

        private Task StepAsync(CancellationToken ct)
        {
            if (random.Next(4) == 0)
                return HonestAsync(ct);
            var by = Any(villain.Accounts);
            return random.Next(21) switch
            {
                0 or 1 or 18 => InviteAsync(by, ct),
                2 or 3 or 19 or 20 => JoinAsync(ct),
                4 => ProposeAsync(
                    villain,
                    by,
                    "member.grant",
                    new { principal = Any(villain.Accounts).Id, role = Any(["owner", "admin", "approver", "operator"]) },
                    ct
                ),
                5 => ProposeAsync(villain, by, "elevation.take", new { role = Any(["owner", "admin", "approver"]), minutes = 60 }, ct),
                6 => SecretAsync(by, ct),
                7 => ProposeAsync(
                    villain,
                    by,
                    "agent.register",
                    new
                    {
                        name = $"a{keys}",
                        purpose = "x",
                        tier = "api",
                        owner = random.Next(2) == 0 ? villain.Own.Id : owner.Own.Id,
                        endsAt = Clock.Now(house.Clock).AddDays(9),
                    },
                    ct
                ),
                8 => ProposeAsync(villain, by, "runtime.set", new { key = "security.mode", value = $"{keys}" }, ct),
                9 => ProposeAsync(
                    villain,
                    by,
                    "page.publish",
                    new
                    {
                        slug = $"p{keys}",
                        title = "P",
                        markdown = "x",
                    },
                    ct
                ),
                10 => ProposeAsync(
                    villain,
                    by,
                    "role.define",
                    new
                    {
                        key = "helper",
                        title = $"H{keys}",
                        acts = new[] { "workspace.read", "page.publish" },
                    },
                    ct
                ),
                11 or 12 or 13 => DecideAsync(villain, by, ApprovalVerdict.Approve, ct),
                14 => ProposeAsync(villain, by, "member.verify", new { principal = Any(villain.Accounts).Id }, ct),
                15 => LiftAsync(by, ct),
                16 => ReviseAsync(by, ct),
                _ => ProposeAsync(
                    villain,
                    by,
                    random.Next(2) == 0 ? "member.suspend" : "member.revoke",
                    random.Next(2) == 0
                        ? new { principal = Any([owner, admin, approver]).Own.Id }
                        : new { principal = owner.Own.Id, role = "owner" },
                    ct
                ),
            };
        }

        // The others do their work: decide what is asked, and set limits; now and then they go, or rules change.
        private Task HonestAsync(CancellationToken ct)
        {
            switch (random.Next(9))
            {
                case 0:
                    budgetSet = Clock.Now(house.Clock);
                    return ProposeAsync(
                        owner,
                        owner.Own,
                        "budget.set",
                        new
                        {
                            key = "watch",
                            scope = "person",
                            target = villain.Own.Id,
                            minutes = 600,
                            runs = 500,
                        },
                        ct
                    );
                case 1:
                    return EngageAsync(ct);
                case 2 when pageQuorum == 1 && policies == 1:
                    return RulesAsync(ct);
                case 3:
                    suspendedAgent = Clock.Now(house.Clock);
                    return ProposeAsync(admin, admin.Own, "agent.suspend", new { agentId = hers }, ct);
                case 4:
                    return ProposeAsync(
                        owner,
                        owner.Own,
                        "member.suspend",
                        new { principal = random.Next(2) == 0 ? villain.Own.Id : approver.Own.Id },
                        ct
                    );
                case 5:
                    told.Add("two hours pass");
                    house.Clock.Advance(TimeSpan.FromHours(2));
                    return Task.CompletedTask;
                case 6:
                    return DecideAsync(approver, approver.Own, ApprovalVerdict.RequestChanges, ct);
                default:
                    var who = Any([admin, approver, approver]);
                    return DecideAsync(who, who.Own, ApprovalVerdict.Approve, ct);
            }
        }

        private async Task InviteAsync(Account by, CancellationToken ct)
        {
            var until = random.Next(3) == 0 ? Clock.Now(house.Clock).AddHours(1) : (DateTimeOffset?)null;
            var (email, role) = ($"x{keys}@example.com", Any(["owner", "admin", "approver", "operator"]));
            await ProposeAsync(
                villain,
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
        }

        // The link of any invitation that there is; whoever makes it can take it.
        private async Task JoinAsync(CancellationToken ct)
        {
            await using var db = house.Get<Databases>().Open(tenant, room);
            if (
                AnyOrNone(await db.Invitations.Where(i => i.AcceptedAt == null && i.RevokedAt == null).ToListAsync(ct))
                is not { } invitation
            )
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
                AnyOrNone(await db.Principals.Where(p => p.Kind == PrincipalKind.Agent && p.RetiredAt == null).ToListAsync(ct))
                is not { } agent
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
            tally.Limits++;
            switch (random.Next(3))
            {
                case 0:
                    await ProposeAsync(
                        villain,
                        by,
                        "budget.set",
                        new
                        {
                            key = "watch",
                            scope = "person",
                            target = villain.Own.Id,
                            minutes = 600,
                            runs = 5000,
                        },
                        ct
                    );
                    break;
                case 1 when stop != Guid.Empty:
                    if ((await kernel.ReleaseStopAsync(Act(by), room, stop, null, "because", Key(), ct)).Refused(out _, out var run))
                        tally.Refused++;
                    else
                        Note(villain, run, $"Mallory as {Of(by)} releases the stop");
                    break;
                default:
                    await ProposeAsync(villain, by, "agent.resume", new { agentId = hers }, ct);
                    break;
            }
        }

        private async Task ReviseAsync(Account by, CancellationToken ct)
        {
            await using var db = house.Get<Databases>().Open(tenant, room);
            var open = await db.Approvals.Where(a => a.State == ApprovalState.ChangesRequested).Select(a => a.RunId).ToListAsync(ct);
            if (AnyOrNone(await db.Runs.Where(r => open.Contains(r.Id)).ToListAsync(ct)) is not { } run)
                return;

            var mine = villain.Accounts.FirstOrDefault(a => a.Id == run.ProposedBy) ?? by;
            var input =
                run.Action == "role.define"
                    ? JsonSerializer.SerializeToElement(
                        new
                        {
                            key = Any(["helper", "o-w-n-e-r"]),
                            title = $"R{keys}",
                            acts = new[] { "workspace.read" },
                        }
                    )
                    : run.InputJson;
            if ((await kernel.ReviseAsync(Act(mine), room, run.Id, input, "because", Key(), ct)).Refused(out _, out _))
                tally.Refused++;
            else
                told.Add($"Mallory as {Of(mine)} revises {run.Action}");
        }

        private async Task EngageAsync(CancellationToken ct)
        {
            if (stop != Guid.Empty)
                return;
            var (boundary, target) = random.Next(2) == 0 ? (StopBoundary.Tenant, (string?)null) : (StopBoundary.Family, "runtime");
            if (
                (await kernel.EngageStopAsync(Act(owner.Own), room, boundary, target, "because", Key(), ct)).Refused(out _, out var engaged)
            )
                return;

            (stop, stopEngaged) = (engaged.Id, Clock.Now(house.Clock));
            told.Add($"Olivia stops the {boundary}");
        }

        private async Task RulesAsync(CancellationToken ct)
        {
            var run = await ProposeAsync(
                owner,
                owner.Own,
                "policy.replace",
                new
                {
                    text = PolicyBook.Seed.Replace(
                        Twice,
                        Twice.Replace("\"1\"", "\"2\"", StringComparison.Ordinal),
                        StringComparison.Ordinal
                    ),
                    replaces = 1,
                },
                ct
            );
            if (run is null)
                return;

            await DecideAsync(admin, admin.Own, ApprovalVerdict.Approve, ct, run.Id);
            await WorkAsync(ct);
            await using var db = house.Get<Databases>().Open(tenant, room);
            if (await db.Runs.AnyAsync(r => r.Id == run.Id && r.State == RunState.Succeeded, ct))
                (pageQuorum, policies) = (2, 2);
        }

        private async Task DecideAsync(Person who, Account by, ApprovalVerdict verdict, CancellationToken ct, Guid? runId = null)
        {
            await using var db = house.Get<Databases>().Open(tenant, room);
            var open = await db
                .Approvals.Where(a => a.State == ApprovalState.Pending && (runId == null || a.RunId == runId))
                .ToListAsync(ct);
            if (AnyOrNone(open) is not { } approval)
                return;

            // The others look at what they let through: nothing that makes somebody an owner.
            if (
                who != villain
                && runId is null
                && await db.Runs.AnyAsync(r => r.Id == approval.RunId && r.Action.StartsWith("elevation"), ct)
            )
                return;
            if (
                (await kernel.DecideAsync(Act(by), room, approval.Id, verdict, approval.Digest, null, "looked at it", Key(), ct)).Refused(
                    out _,
                    out _
                )
            )
            {
                tally.Refused++;
                return;
            }

            told.Add(
                $"{who.Name} as {Of(by)} says {verdict} to {(await db.Runs.AsNoTracking().SingleAsync(r => r.Id == approval.RunId, ct)).Action}"
            );
        }

        private async Task<Run?> ProposeAsync(Person who, Account by, string action, object input, CancellationToken ct)
        {
            if (
                (await kernel.ProposeAsync(Act(by), room, action, JsonSerializer.SerializeToElement(input), "because", Key(), ct)).Refused(
                    out _,
                    out var run
                )
            )
            {
                tally.Refused++;
                return null;
            }

            Note(who, run, $"{who.Name} as {Of(by)} proposes {action} {JsonSerializer.Serialize(input)}: {run.State}");
            if (run.State is RunState.Denied or RunState.PreflightFailed)
                tally.Refused++;
            return run;
        }

        private void Note(Person who, Run run, string what)
        {
            told.Add(what);
            pressed[run.Id] = who;
            runs.Add(run.Id);
        }

        private async Task<bool> WorkAsync(CancellationToken ct)
        {
            var worked = false;
            for (var turn = 0; turn < 4 && await house.Get<JobQueue>().ClaimAsync(ct) is { Count: > 0 } due; turn++)
            {
                await house.Get<Runner>().RunAsync(due, ct);
                worked = true;
            }

            return worked;
        }

        // What the oracle knows: who pressed, who said yes as whom, and what has to be so.
        private async Task GatesAsync(CancellationToken ct)
        {
            await using var db = house.Get<Databases>().Open(tenant, room);
            foreach (
                var run in await db.Runs.AsNoTracking().Where(r => r.State == RunState.Succeeded && runs.Contains(r.Id)).ToListAsync(ct)
            )
            {
                if (!checkedRuns.Add(run.Id))
                    continue;
                tally.Ran++;
                await GateAsync(db, run, ct);
            }
        }

        private async Task HoldAsync(CancellationToken ct)
        {
            await using var db = house.Get<Databases>().Open(tenant, room);

            // An owner for ever is nobody but the one who was; and what somebody had for a time gives nothing for ever.
            var permanent = await db.RoleBindings.AsNoTracking().Where(b => b.Until == null).ToListAsync(ct);
            Must(permanent.All(b => b.Role != "owner" || b.PrincipalId == owner.Own.Id), "Mallory owns the place for ever");
            Must(permanent.Any(b => b.Role == "owner" && b.PrincipalId == owner.Own.Id), "the owner is an owner no more");
            if (villainForATime || !villainIsAdmin)
                Must(
                    permanent.All(b =>
                        b.Role == "agent"
                        || villain.Accounts.All(a => a.Id != b.PrincipalId)
                        || (b.PrincipalId == villain.Own.Id && !villainForATime)
                    ),
                    "Mallory gave a role for ever without having the right for ever"
                );

            var people = await db.Principals.AsNoTracking().ToListAsync(ct);
            Must(people.Single(p => p.Id == owner.Own.Id).SuspendedAt is null, "Mallory suspended the owner");
            if (stopEngaged is not null)
                Must(
                    await db.Stops.AnyAsync(x => x.Id == stop && x.ReleasedAt == null, ct) || !Lifted("releases"),
                    "Mallory released the owner's stop"
                );
            if (
                budgetSet is not null
                && await db.Budgets.AsNoTracking().SingleOrDefaultAsync(b => b.Key == "watch", ct) is { SetBy: var by } budget
            )
                Must(budget.MaxRuns <= 500 || by == owner.Own.Id, "Mallory loosened the budget on Mallory");
            if (suspendedAgent is not null && people.Single(p => p.Id == hers) is { SuspendedAt: null } && checkedRuns.Count > 0)
                Must(!await ResumedByAsync(db, ct), "Mallory let the agent work again that an admin suspended, while knowing its secret");
        }

        // The owner's stop: while an owner or another admin is there beside the one who engaged it, the admin Mallory may release it at the admins' level; not for a tenant.
        private bool Lifted(string verb) =>
            !villainIsAdmin
            && told.Exists(t => t.Contains(verb, StringComparison.Ordinal) && t.StartsWith("Mallory", StringComparison.Ordinal));

        private async Task<bool> ResumedByAsync(MumegaDb db, CancellationToken ct) =>
            villain.Accounts.Exists(a => a.Id == hers)
            && await db
                .Runs.AsNoTracking()
                .AnyAsync(
                    r =>
                        r.Action == "agent.resume"
                        && r.State == RunState.Succeeded
                        && r.Target.Contains(hers.ToString())
                        && villain.Accounts.Select(a => a.Id).Contains(r.ProposedBy),
                    ct
                );

        private async Task GateAsync(MumegaDb db, Run run, CancellationToken ct)
        {
            var needed = run.Action switch
            {
                "page.publish" when run.ProposerKind is PrincipalKind.Agent => pageQuorum,
                "runtime.set" when run.ProposerKind is PrincipalKind.Agent => 2,
                "role.define" or "policy.replace" or "elevation.take" => 1,
                _ => 0,
            };
            if (needed == 0)
                return;

            tally.GatesPassed++;
            var approval = await db.Approvals.AsNoTracking().Include(a => a.Decisions).SingleOrDefaultAsync(a => a.RunId == run.Id, ct);
            var words =
                approval
                    ?.Decisions.Where(d => d.Round == approval.Round && d.Verdict is ApprovalVerdict.Approve)
                    .Select(d => d.DeciderId)
                    .ToList()
                ?? [];
            var suspended = (
                await db
                    .Principals.AsNoTracking()
                    .Where(p => words.Contains(p.Id) && p.SuspendedAt != null)
                    .Select(p => p.Id)
                    .ToListAsync(ct)
            ).ToHashSet();
            var persons = words.Where(w => !suspended.Contains(w)).Select(RealOf).Where(p => p != pressed[run.Id]).Distinct().Count();
            Must(persons >= needed, $"{run.Action} ran with {persons} of {needed} persons beside the one who proposed it");
            if (run.Action == "elevation.take" && run.InputJson.GetProperty("role").GetString() == "owner")
                Must(words.Contains(owner.Own.Id), "somebody became an owner without an owner");
        }

        private Person RealOf(Guid account) =>
            new[] { villain, owner, admin, approver }.First(p => p.Accounts.Exists(a => a.Id == account));

        private void Must(bool holds, string what) =>
            Assert.True(holds, holds ? null : $"history {seed}: {what}\n  {string.Join("\n  ", told)}");

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

        private string Of(Account account) =>
            account.Id == villain.Own.Id ? "Mallory"
            : account.Kind is PrincipalKind.Agent ? "an agent"
            : RealOf(account.Id) is { } p && p.Own.Id == account.Id ? p.Name
            : "a puppet";

        private string Key() => $"k{keys++}";

        private T Any<T>(IReadOnlyList<T> some) => some[random.Next(some.Count)];

        private T? AnyOrNone<T>(IReadOnlyList<T> some)
            where T : class => some.Count == 0 ? null : Any(some);
    }
}
