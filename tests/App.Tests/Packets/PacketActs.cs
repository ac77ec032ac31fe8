using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Packets;
using Mumega.Domain.Tasks;

namespace Mumega.App.Tests.Packets;

/// <summary>What people and agents do with packets, as tests say it.</summary>
internal static class PacketActs
{
    private const string PacketFields = """
        id packetId title type state closed version remark pendingTransition labels payload assignee { name } task { title role overdue assignee { name } } saga { failed left stuck } attachments { name digest type size address }
        """;

    public static async Task<JsonElement> CreatePacketAsync(
        this Client client,
        World world,
        string type,
        string title,
        object payload,
        object? more = null
    )
    {
        var input = JsonSerializer
            .SerializeToNode(
                new
                {
                    type,
                    title,
                    payload,
                }
            )!
            .AsObject();
        foreach (var (name, value) in JsonSerializer.SerializeToNode(more ?? new { })!.AsObject())
            input[name] = value?.DeepClone();
        var run = await client.UntilAsync((await client.ProposeAsync(world, "packet.create", input)).Run(), "SUCCEEDED");
        return (
            await client.AskAsync(
                $$"""query($id: ID!) { node(id: $id) { ... on Run { packet { {{PacketFields}} } } } }""",
                new { id = run.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("packet");
    }

    public static async Task<JsonElement> PacketAsync(this Client client, JsonElement packet) =>
        (
            await client.AskAsync(
                $$"""query($id: ID!) { node(id: $id) { ... on Packet { {{PacketFields}} } } }""",
                new { id = packet.GetProperty("id").GetString() }
            )
        ).GetProperty("node");

    /// <summary>Waits until the packet is in a state and nothing is on its way.</summary>
    public static Task<JsonElement> UntilStateAsync(this Client client, JsonElement packet, string state) =>
        Poll.UntilAsync(
            () => client.PacketAsync(packet),
            p =>
                p.State() == state
                && p.GetProperty("pendingTransition").ValueKind is JsonValueKind.Null
                && p.GetProperty("saga").ValueKind is JsonValueKind.Null
        );

    /// <summary>Waits until a transition is on its way and its run waits for somebody.</summary>
    public static Task<JsonElement> UntilPendingAsync(this Client client, JsonElement packet, string transition) =>
        Poll.UntilAsync(
            () => client.PacketAsync(packet),
            p =>
                p.GetProperty("pendingTransition").ValueKind is JsonValueKind.String
                && p.GetProperty("pendingTransition").GetString() == transition
        );

    public static async Task<JsonElement> PendingRunAsync(this Client client, JsonElement packet) =>
        (
            await client.AskAsync(
                "query($id: ID!) { node(id: $id) { ... on Packet { pendingRun { id state digest result approval { id state digest } } } } }",
                new { id = packet.GetProperty("id").GetString() }
            )
        )
            .GetProperty("node")
            .GetProperty("pendingRun");

    public static Task<HttpResponseMessage> PortalAsync(this MumegaApp app, World world, string slug) =>
        Portal.GetAsync($"{app.Address}/p/{world.Tenant.Key}/{slug}");

    private static readonly HttpClient Portal = new();

    public static async Task<JsonElement> MoveAsync(
        this Client client,
        JsonElement packet,
        string transition,
        int? version = null,
        string? key = null
    ) =>
        (
            await client.AskAsync(
                """
                mutation($input: MovePacketInput!) { movePacket(input: $input) { run { id state digest result transition decision { verdict reason } approval { id state digest blocked gates { role missing also } } }
                  errors { __typename code message path } } }
                """,
                new
                {
                    input = new
                    {
                        packetId = packet.GetProperty("id").GetString(),
                        transition,
                        version,
                        reason = "it is time",
                        idempotencyKey = key ?? Acts.Key(),
                    },
                }
            )
        ).GetProperty("movePacket");

    public static async Task<JsonElement> EditAsync(this Client client, World world, JsonElement packet, object changes)
    {
        var input = JsonSerializer.SerializeToNode(changes)!.AsObject();
        input["packet"] = packet.GetProperty("packetId").GetString();
        return await client.ProposeAsync(world, "packet.edit", input);
    }

    public static Task<JsonElement> ClaimAsync(this Client client, JsonElement packet) => OnTaskAsync(client, "claimTask", packet, new { });

    public static Task<JsonElement> HandBackAsync(this Client client, JsonElement packet) =>
        OnTaskAsync(client, "handBackTask", packet, new { reason = "no time" });

    public static Task<JsonElement> AssignAsync(this Client client, JsonElement packet, Guid? to) =>
        OnTaskAsync(client, "assignTask", packet, new { to, reason = "you know it best" });

    public static Task<JsonElement> ResumeAsync(this Client client, JsonElement packet, bool skip) =>
        OnTaskAsync(client, "resumePacket", packet, new { skip, reason = "looked at it" });

    public static async Task<JsonElement> SayAsync(
        this Client client,
        JsonElement run,
        string verdict,
        string? reason,
        string? reasonCode = null
    ) =>
        (
            await client.AskAsync(
                "mutation($input: DecideApprovalInput!) { decideApproval(input: $input) { approval { id state decisions { verdict reason reasonCode by { name } for { name } } gates { role missing also } run { id state } } errors { __typename code message ... on StaleDigest { changes { what before after } } } } }",
                new
                {
                    input = new
                    {
                        approvalId = run.GetProperty("approval").GetProperty("id").GetString(),
                        verdict,
                        digest = run.GetProperty("digest").GetString(),
                        reason,
                        reasonCode,
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("decideApproval");

    public static async Task<JsonElement> DelegateAsync(
        this Client client,
        World world,
        Guid to,
        DateTimeOffset? since = null,
        DateTimeOffset? until = null
    ) =>
        (
            await client.AskAsync(
                "mutation($input: DelegateApprovalsInput!) { delegateApprovals(input: $input) { delegation { id active from { name } to { name } } errors { __typename code message } } }",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        to,
                        since,
                        until = until ?? TimeProvider.System.GetUtcNow().AddDays(3),
                        reason = "on holiday",
                        idempotencyKey = Acts.Key(),
                    },
                }
            )
        ).GetProperty("delegateApprovals");

    /// <summary>Holds the packet in the database against what its history gives.</summary>
    public static async Task SameAsHistoryAsync(World world, JsonElement packet)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var db = world.App.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var id = packet.GetProperty("packetId").GetGuid();
        var row = await db.Packets.AsNoTracking().SingleAsync(p => p.Id == id, ct);
        var replayed = Packet.Replay(
            row.TenantId,
            row.WorkspaceId,
            row.Id,
            await db.PacketEvents.AsNoTracking().Where(e => e.PacketId == id).OrderBy(e => e.Number).ToListAsync(ct)
        );
        foreach (
            var property in typeof(Packet)
                .GetProperties()
                .Where(p =>
                    p.Name is not (nameof(Packet.Version) or nameof(Packet.Receipts) or nameof(Packet.LastReceipt))
                    && p.PropertyType is { IsGenericType: false } or { IsValueType: true }
                )
        )
        {
            if (property.Name is nameof(Packet.Saga) or nameof(Packet.PayloadJson))
                continue;
            Assert.Equal(property.GetValue(row)?.ToString(), property.GetValue(replayed)?.ToString());
        }

        // The task in the database is the one that the packet gives when it is projected anew.
        var document = (
            await db.Workflows.AsNoTracking().SingleAsync(w => w.Key == row.Workflow && w.Number == row.WorkflowVersion, ct)
        ).Document;
        Assert.Equal(
            JsonSerializer.Serialize(WorkTask.Of(row, document)),
            JsonSerializer.Serialize(await db.WorkTasks.AsNoTracking().SingleOrDefaultAsync(t => t.PacketId == id, ct))
        );
    }

    private static async Task<JsonElement> OnTaskAsync(Client client, string mutation, JsonElement packet, object more)
    {
        var input = JsonSerializer.SerializeToNode(more)!.AsObject();
        input["packetId"] = packet.GetProperty("id").GetString();
        input["idempotencyKey"] = Acts.Key();
        return (
            await client.AskAsync(
                $$"""mutation($input: {{char.ToUpperInvariant(mutation[0])}}{{mutation[1..]}}Input!) { {{mutation}}(input: $input) { packet { {{PacketFields}} } errors { __typename code message } } }""",
                new { input }
            )
        ).GetProperty(mutation);
    }
}
