using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;

namespace Mumega.App.Tests.Approvals;

/// <summary>Whatever people do, in whatever order: nobody who stands behind a request counts towards its quorum, and nobody counts twice.</summary>
public sealed class QuorumProperties
{
    private static readonly Guid Tenant = Guid.NewGuid();
    private static readonly Guid Workspace = Guid.NewGuid();
    private static readonly string[] Roles = ["approver", "admin", "auditor"];

    [Fact]
    public void No_sequence_of_delegations_role_changes_decisions_and_withdrawals_lets_a_proposers_chain_count()
    {
        var (approved, escalated, refused) = (0, 0, 0);
        for (var seed = 0; seed < 4000; seed++)
        {
            var scene = new Scene(new(seed));
            for (var step = 0; step < 25 && scene.Approval.State is ApprovalState.Pending or ApprovalState.ChangesRequested; step++)
            {
                scene.Step();
                scene.Hold(seed);
            }

            if (scene.Approval.State is ApprovalState.Approved)
                approved++;
            if (scene.Approval.EscalatedAt is not null)
                escalated++;
            refused += scene.Refused;
        }

        // Sequences that lead nowhere would show nothing.
        Assert.InRange(approved, 400, 4000);
        Assert.InRange(escalated, 100, 4000);
        Assert.InRange(refused, 4000, 100_000);
    }

    private sealed class Scene
    {
        private readonly Random random;
        private readonly Guid[] people = [.. Enumerable.Range(0, 6).Select(_ => Guid.NewGuid())];
        private readonly Dictionary<Guid, HashSet<string>> roles;
        private readonly HashSet<(Guid From, Guid To)> delegations = [];
        private readonly HashSet<Guid> behind = [];

        // Now and then somebody's account was let in by another of them.
        private readonly Dictionary<Guid, Guid> letInBy = [];
        private readonly Independence independence;
        private readonly Run run;
        private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public Scene(Random random)
        {
            this.random = random;
            roles = people.ToDictionary(p => p, _ => new HashSet<string>(Roles.Where(_ => random.Next(2) == 0)));
            for (var n = random.Next(4); n > 0; n--)
                Delegate();
            for (var i = 1; i < people.Length; i++)
            {
                if (random.Next(8) == 0)
                    letInBy[people[i]] = people[random.Next(i)];
            }

            independence = new(letInBy);

            // A person proposes, or an agent of somebody's.
            var owner = people[random.Next(people.Length)];
            var agent = random.Next(2) == 0;
            var by = agent ? Act(Guid.NewGuid()) with { Kind = PrincipalKind.Agent, OwnerId = owner } : Act(owner);
            behind.Add(owner);
            if (!agent)
                behind.UnionWith(delegations.Where(d => d.To == owner).Select(d => d.From));

            Gate[] gates =
            [
                .. Roles
                    .Take(random.Next(1, 3))
                    .Select(
                        (r, i) =>
                            new Gate(
                                r,
                                random.Next(1, 4),
                                TimeSpan.FromDays(1),
                                $"gate-{i}",
                                null,
                                random.Next(2) == 0 ? "auditor" : null,
                                TimeSpan.FromHours(4)
                            )
                    ),
            ];
            var decision = new Decision(Verdict.AllowBehindGates, [], "v1", "because", gates, []);
            var preflight = new Preflight([], "It happens.", null, null, "It is undone.", "1");
            var action = new ActionCatalog().Find("page.unpublish")!;
            run = Run.Propose(action, """{"slug":"a"}""", Workspace, "because", by, decision, preflight, now, "key", null, behind).Run;
            Approval = Approval.For(run, now);
        }

        public Approval Approval { get; private set; }

        public int Refused { get; private set; }

        public void Step()
        {
            var who = people[random.Next(people.Length)];
            now += TimeSpan.FromHours(random.Next(4));
            switch (random.Next(10))
            {
                case 0:
                    Delegate();
                    break;
                case 1:
                    if (delegations.Count > 0)
                        delegations.Remove(delegations.ElementAt(random.Next(delegations.Count)));
                    break;
                case 2:
                    var role = Roles[random.Next(Roles.Length)];
                    if (!roles[who].Remove(role))
                        roles[who].Add(role);
                    break;
                case 3:
                    Count(Approval.Withdraw(run, null, Act(who), now));
                    break;
                case 4:
                    Approval.Remind(run, Act(Guid.Empty), now);
                    if (now >= Approval.ExpiresAt && run.State is RunState.AwaitingApproval)
                        Approval.TimeOver(run, Act(Guid.Empty), now);
                    break;
                case 5 when random.Next(4) == 0:
                    var (decision, next) = (run.Decision, new Preflight([], "Else.", null, null, "It is undone.", $"{random.Next()}"));
                    run.Renew(decision, next, Act(Guid.Empty), now);
                    Approval.Renew(run, [], now);
                    break;
                default:
                    var standpoints = new List<Standpoint> { new(roles[who]) };
                    standpoints.AddRange(delegations.Where(d => d.To == who).Select(d => new Standpoint(roles[d.From], d.From)));
                    var verdict = random.Next(20) == 0 ? ApprovalVerdict.RequestChanges : ApprovalVerdict.Approve;
                    Count(
                        Approval.Decide(
                            run,
                            verdict,
                            Approval.Digest,
                            null,
                            "because",
                            Act(who),
                            new(standpoints, [.. delegations.Where(d => d.From == who).Select(d => d.To)], independence),
                            now
                        )
                    );
                    break;
            }
        }

        public void Hold(int seed)
        {
            var counted = Approval.Current.ToList();
            Assert.All(
                counted,
                d =>
                    Assert.False(
                        behind.Contains(d.DeciderId) || (d.ForId is { } other && behind.Contains(other)),
                        $"seed {seed}: somebody behind the request counts"
                    )
            );
            var words = counted.SelectMany(d => d.ForId is { } other ? new[] { d.DeciderId, other } : [d.DeciderId]).ToList();
            Assert.True(words.Count == words.Distinct().Count(), $"seed {seed}: somebody counts twice");

            // Whatever accounts somebody let in: as many persons as there are words, and none of them behind the request.
            var persons = counted.Select(d => Person(d.DeciderId)).ToList();
            Assert.True(
                persons.Count == persons.Distinct().Count(),
                $"seed {seed}: one person counts twice, by accounts of their own making"
            );
            Assert.True(
                !persons.Intersect(behind.Select(Person)).Any(),
                $"seed {seed}: a person behind the request counts, by an account of their own making"
            );
            if (Approval.State is ApprovalState.Approved)
                Assert.All(
                    Approval.Gates(run),
                    g =>
                        Assert.True(
                            counted.Count(d => d.Verdict is ApprovalVerdict.Approve && g.Asks.Any(d.Holds)) >= g.Quorum,
                            $"seed {seed}: approved without the quorum"
                        )
                );
            Assert.Equal(Approval.State is ApprovalState.Approved, run.State is RunState.Queued);
        }

        // The oracle's own way: who is reached by following the links back, by hand.
        private Guid Person(Guid account) => letInBy.TryGetValue(account, out var by) ? Person(by) : account;

        private void Count<T>(Domain.Outcome<T> outcome)
            where T : class
        {
            if (outcome.Refused(out _, out _))
                Refused++;
        }

        private void Delegate()
        {
            var (from, to) = (people[random.Next(people.Length)], people[random.Next(people.Length)]);
            if (from != to)
                delegations.Add((from, to));
        }

        private static Actor Act(Guid id) =>
            new(
                Tenant,
                id,
                id == Guid.Empty ? PrincipalKind.Service : PrincipalKind.User,
                "x",
                null,
                "log",
                new HashSet<string>(),
                new HashSet<Guid>(),
                "test"
            );
    }
}
