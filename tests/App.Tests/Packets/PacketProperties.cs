using System.Text.Json;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Tasks;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Workflows;

namespace Mumega.App.Tests.Packets;

/// <summary>Whatever happens to a packet: its history gives it again, its state is one of its workflow's, and its task follows from it.</summary>
public sealed class PacketProperties
{
    private static readonly Guid Tenant = Guid.NewGuid();
    private static readonly Guid Workspace = Guid.NewGuid();
    private static readonly ActionDefinition Any = new ActionCatalog().Find("page.unpublish")!;

    [Fact]
    public void A_history_replayed_gives_the_packet_and_the_same_open_task()
    {
        var (closed, sagas) = (0, 0);
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var template = WorkflowTemplate.All[random.Next(WorkflowTemplate.All.Count)];
            var document = WorkflowDocument.Read(template.Workflow);
            var history = new List<PacketEvent>();
            var (packet, created) = Begin(document);
            history.Add(created);
            for (var step = 0; step < 20 && !packet.Closed; step++)
            {
                if (Step(packet, document, random) is { } happened)
                    history.Add(happened);
                Assert.True(document.States.ContainsKey(packet.State), $"seed {seed}: {packet.State} is no state of {template.Key}");
            }

            var replayed = Packet.Replay(Tenant, Workspace, packet.Id, history.Select(Stored));
            Assert.Equal(JsonSerializer.Serialize(packet), JsonSerializer.Serialize(replayed));
            Assert.Equal(
                JsonSerializer.Serialize(WorkTask.Of(packet, document)),
                JsonSerializer.Serialize(WorkTask.Of(replayed, document))
            );
            Assert.Equal(Enumerable.Range(1, history.Count), history.Select(h => h.Number));
            if (packet.Closed)
                closed++;
            if (history.Any(h => h.Kind == PacketChange.Compensating))
                sagas++;
        }

        Assert.InRange(closed, 500, 3000);
        Assert.InRange(sagas, 100, 3000);
    }

    [Fact]
    public void The_workflows_that_ship_have_no_fault()
    {
        Assert.Equal(["change-request", "content-review", "customer-refund"], WorkflowTemplate.All.Select(t => t.Key));
        foreach (var template in WorkflowTemplate.All)
        {
            var document = WorkflowDocument.Read(template.Workflow);
            Assert.Empty(WorkflowCheck.Faults(document, template.Type.GetProperty("schema")));

            // What is shown as YAML is the same document.
            Assert.False(WorkflowYaml.Read(WorkflowYaml.Write(template.Workflow.GetRawText())).Refused(out _, out var again));
            Assert.Equal(
                TransparencyLog.CanonicalJson.Write(template.Workflow),
                TransparencyLog.CanonicalJson.Write(JsonSerializer.SerializeToElement(again))
            );
        }
    }

    private static (Packet Packet, PacketEvent Created) Begin(WorkflowDocument document)
    {
        var type = new PacketType
        {
            TenantId = Tenant,
            WorkspaceId = Workspace,
            Key = document.PacketType,
            Number = 1,
            Title = "T",
            SchemaJson = "{}",
            CreatedBy = Guid.Empty,
            CreatedAt = default,
        };
        var workflow = new Workflow
        {
            TenantId = Tenant,
            WorkspaceId = Workspace,
            Key = document.Workflow,
            Number = 1,
            Title = "W",
            PacketType = type.Key,
            DocumentJson = "{}",
            CreatedBy = Guid.Empty,
            CreatedAt = default,
        };
        return Packet.Create(
            Workspace,
            Guid.NewGuid(),
            new("Title", JsonSerializer.SerializeToElement(new { a = 1 }), null, ["one"], []),
            type,
            workflow,
            document,
            Person(1),
            null,
            At(0)
        );
    }

    private static PacketEvent? Step(Packet packet, WorkflowDocument document, Random random)
    {
        var (by, now) = (Person(random.Next(1, 4)), At(packet.Events));
        if (packet.Saga is { } saga)
        {
            if (saga.Stuck is not null)
                return Happened(packet.Resume(random.Next(2) == 0, "looked", by, now));
            if (saga.Left.Count == 0)
                return packet.Move(saga.Failed, saga.To, document, null, packet.MovedBy, packet.Remark, false, by, now);
            if (saga.Run is null)
                return packet.Compensate(Propose(by, now), by, now);
            return random.Next(3) == 0 ? packet.GetStuck(saga.Run, "no", by, now) : packet.Compensated(Propose(by, now), by, now);
        }

        if (packet.PendingRun is { } pending)
        {
            var spec = document.Transitions[packet.PendingTransition!];
            return random.Next(4) switch
            {
                0 => packet.Drop(pending, "came to nothing", by, now),
                1 when spec.Otherwise is { Compensate: true } otherwise => packet.BeginSaga(
                    packet.PendingTransition!,
                    otherwise.To,
                    document,
                    Propose(by, now),
                    "failed",
                    by,
                    now
                ),
                1 when spec.Unwind => packet.BeginSaga(packet.PendingTransition!, spec.To, document, Propose(by, now), "put back", by, now),
                _ => packet.Move(packet.PendingTransition!, spec.To, document, pending, by.Id, null, spec.Compensate is not null, by, now),
            };
        }

        var ways = document.Out(packet.State).Select(t => t.Key).ToList();
        switch (random.Next(8))
        {
            case 0:
                return Happened(
                    packet.Edit(
                        new(
                            Title: $"Title {random.Next(9)}",
                            Labels: ["two", "three"],
                            SetsParent: true,
                            Parent: random.Next(2) == 0 ? Guid.NewGuid() : null
                        ),
                        document,
                        by,
                        Guid.NewGuid(),
                        now
                    )
                );
            case 1:
                return Happened(packet.Claim(document, by, now));
            case 2:
                return Happened(packet.HandBack("no time", by, now));
            case 3:
                return Happened(packet.Assign(random.Next(3) == 0 ? null : by.Id, "yours", document, Person(9), now));
            default:
                var key = ways[random.Next(ways.Count)];
                var platform = by with { Id = Guid.Empty, Kind = PrincipalKind.Service };
                var mover = document.Transitions[key].Unattended ? platform : by;
                return packet.WhyNotMove(key, document, mover) is null ? packet.Request(key, Propose(mover, now), mover, now) : null;
        }
    }

    private static PacketEvent? Happened(Domain.Outcome<PacketEvent> outcome) => outcome.Refused(out _, out var happened) ? null : happened;

    // As it comes back from the database.
    private static PacketEvent Stored(PacketEvent e) => JsonSerializer.Deserialize<PacketEvent>(JsonSerializer.Serialize(e))!;

    private static Run Propose(Actor by, DateTimeOffset now) =>
        Run.Propose(
            Any,
            """{"slug":"a"}""",
            Workspace,
            "because",
            by,
            new(Verdict.Allow, [], "v1", "", [], []),
            new([], "", null, null, "", ""),
            now,
            "key"
        ).Run;

    private static Actor Person(int n) =>
        new(
            Tenant,
            new Guid(n, 0, 0, new byte[8]),
            PrincipalKind.User,
            $"Person {n}",
            null,
            "log",
            new HashSet<string>(),
            new HashSet<Guid>(),
            "test"
        );

    private static DateTimeOffset At(int n) => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddHours(n);
}
