using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Tenancy;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Authority;

internal sealed record Account(Guid Id, PrincipalKind Kind, Guid? Owner);

/// <summary>One person and every account that they can act as: their own, those that came in by a link that they made, agents that they know the secret of.</summary>
internal sealed class Person(string name, Account own)
{
    public string Name => name;

    public List<Account> Accounts { get; private init; } = [own];

    public Account Own => own;

    public Person Copy() => new(name, own) { Accounts = [.. Accounts] };
}

/// <summary>A limit that somebody entitled set: the run that set it, and on what.</summary>
internal sealed record Limit(Guid Run, string Action, Guid On);

/// <summary>
/// One history of a tenant in which Mallory plays false, with every account that she can come to act as. The steps are drawn from seeds of their own, so that a
/// history can be played again, and with some steps left out. What must hold is asked of who really pressed, and knows nothing of how the product decides.
/// </summary>
internal sealed partial class History
{
    private readonly House house;
    private readonly Tally tally;
    private readonly Kernel kernel;
    private readonly Guid tenant;
    private readonly Guid room;
    private readonly string log;
    private readonly List<int> steps = [];
    private readonly List<string> told = [];
    private readonly Dictionary<Guid, string> pressed = [];
    private readonly HashSet<Guid> looked = [];
    private readonly List<Limit> limits = [];
    private Random random;
    private Person owner = null!;
    private Person second = null!;
    private Person admin = null!;
    private Person approver = null!;
    private Person villain = null!;
    private bool villainIsAdmin;
    private bool villainForATime;
    private bool ownersAreTwo;
    private Guid hers;
    private int keys;
    private int pageQuorum = 1;
    private int policies = 1;
    private Guid stop;
    private TimeSpan passed;

    /// <summary>Nothing happened in it yet.</summary>
    public History(House house, int root, Tally tally)
    {
        (this.house, this.tally, Root) = (house, tally, root);
        (kernel, random) = (house.Get<Kernel>(), new(root));
        (tenant, room, log) = (Guid.NewGuid(), Guid.NewGuid(), Tenant.OriginOf(Guid.NewGuid().ToString("N")[..26]));
    }

    private History(History from)
    {
        (house, tally, Root, kernel, random) = (from.house, from.tally, from.Root, from.kernel, from.random);
        (tenant, room, log, hers, stop) = (from.tenant, from.room, from.log, from.hers, from.stop);
        (steps, told, limits) = ([.. from.steps], [.. from.told], [.. from.limits]);
        (pressed, looked) = (new(from.pressed), [.. from.looked]);
        (owner, second, admin, approver, villain) = (from.owner, from.second, from.admin, from.approver, from.villain.Copy());
        (villainIsAdmin, villainForATime, ownersAreTwo, keys) = (from.villainIsAdmin, from.villainForATime, from.ownersAreTwo, from.keys);
        (pageQuorum, policies, passed) = (from.pageQuorum, from.policies, from.passed);
    }

    /// <summary>Draws the people and what they hold.</summary>
    public int Root { get; }

    /// <summary>What the steps so far were drawn from.</summary>
    public IReadOnlyList<int> Steps => steps;

    /// <summary>What happened, in words.</summary>
    public IReadOnlyList<string> Told => told;

    /// <summary>Whether enough histories were played.</summary>
    public bool IsEnough(int histories) => tally.Histories >= histories;

    /// <summary>Makes the tenant and its people.</summary>
    public async Task BeginAsync(CancellationToken ct)
    {
        house.GoTo(passed);
        await SetUpAsync(ct);
    }

    /// <summary>Another history that went the same way until now; the database is the caller's matter.</summary>
    public History Fork() => new(this);

    /// <summary>Plays one step, lets the jobs be done, and looks at what came of it.</summary>
    /// <returns>Whether anything came of it; false when all was refused.</returns>
    /// <exception cref="HistoryBrokenException">Something is so that must not be.</exception>
    public async Task<bool> PlayAsync(int seed, CancellationToken ct)
    {
        tally.Steps++;
        house.GoTo(passed);
        steps.Add(seed);
        random = new(seed);

        // What there is no occasion for is no step.
        var before = (told.Count, tally.Refused);
        for (var draws = 0; draws < 8 && before == (told.Count, tally.Refused); draws++)
            await StepAsync(ct);
        if (told.Count == before.Count)
            return false;

        await WorkAsync(ct);
        await LookAsync(ct);
        return true;
    }

    /// <summary>It is over.</summary>
    public void End() => tally.Histories++;

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

            (owner, second, admin, approver, villain) = (Make("Olivia"), Make("Oscar"), Make("Adam"), Make("Petra"), Make("Mallory"));
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
        ownersAreTwo = random.Next(2) == 0;
        await using var there = house.Get<Databases>().Open(tenant, room);
        void Bind(Guid who, string role, DateTimeOffset? until = null) => there.RoleBindings.Add(Binding(who, role, until));
        Bind(owner.Own.Id, "owner");
        if (ownersAreTwo)
            Bind(second.Own.Id, "owner");
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

    private RoleBinding Binding(Guid who, string role, DateTimeOffset? until = null) =>
        new()
        {
            TenantId = tenant,
            WorkspaceId = room,
            PrincipalId = who,
            Role = role,
            CreatedAt = Clock.Now(house.Clock),
            Until = until,
        };

    private async Task WorkAsync(CancellationToken ct)
    {
        for (var turn = 0; turn < 4 && await house.Get<JobQueue>().ClaimAsync(ct) is { Count: > 0 } due; turn++)
            await house.Get<Runner>().RunAsync(due, ct);
    }

    private MumegaDb Room() => house.Get<Databases>().Open(tenant, room);

    private Person RealOf(Guid account) =>
        new[] { villain, owner, second, admin, approver }.First(p => p.Accounts.Exists(a => a.Id == account));

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
