using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.App.Tests.Runs;
using Mumega.Domain.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Receipts;

/// <summary>Partners see what their contract opens, and nothing else; each access leaves a receipt.</summary>
public abstract class SharingTests(MumegaApp app)
{
    private const string Slice =
        "query($after: String) { contracts { id ended receipts(first: 100, after: $after) { nodes { receiptId kind step chainId entry fields disclosures inclusion { index size path checkpoint } } pageInfo { hasNextPage endCursor } } } }";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_partner_sees_the_kinds_and_fields_of_its_contract_and_can_prove_them()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var partner = await Partner.OpenAsync(world, ["outcome.confirmed"], ["action_type", "parameters.*", "target"]);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "shared")).Run(), "SUCCEEDED");

        var shown = await partner.SliceAsync(1);
        var receipt = Assert.Single(shown);
        Assert.Equal("outcome.confirmed", receipt.GetProperty("kind").GetString());
        Assert.Equal(["action_type"], receipt.GetProperty("fields").EnumerateObject().Select(f => f.Name));

        var evidence = (await partner.Client.AskAsync("{ contracts { evidence(from: 2) { bundle hasNextPage } } }"))
            .GetProperty("contracts")[0]
            .GetProperty("evidence");
        var keys = (
            await otto.AskAsync("query($key: String!) { workspace(key: $key) { log { keys } } }", new { key = world.Workspace.Key })
        )
            .GetProperty("workspace")
            .GetProperty("log")
            .GetProperty("keys");
        var report = EvidenceVerifier.Verify(
            Encoding.UTF8.GetBytes(evidence.GetProperty("bundle").GetString()!),
            new([.. keys.EnumerateArray().Select(k => VerifierKey.Parse(k.GetString()!))], null, [], 0)
        );
        Assert.True(report.Result is CheckResult.Valid, string.Join('\n', report.Checks));
        Assert.Equal(["action_type"], Assert.Single(report.Receipts).Fields.Keys);
    }

    [Fact]
    public async Task Every_access_is_recorded_before_it_is_answered_and_numbered_without_gaps()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var partner = await Partner.OpenAsync(world, ["proposed", "outcome.confirmed"], ["target"]);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "watched")).Run(), "SUCCEEDED");
        await partner.SliceAsync(2);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => partner.Client.AskAsync(Slice)));

        var contract = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { contracts { contractId uses shown usedAt partner { name } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("contracts")[0];
        var uses = contract.GetProperty("uses").GetInt32();
        Assert.InRange(uses, 9, 60);
        Assert.Equal("Acme Audit", contract.GetProperty("partner").GetProperty("name").GetString());

        // A receipt shows when it has its place, a moment after its commit.
        var receipts = await Poll.UntilAsync(
            async () =>
                (
                    await otto.AskAsync(
                        "query($key: String!) { workspace(key: $key) { receipts(first: 100, filter: { kinds: [\"disclosed\"] }) { nodes { step fields actor { name kind } run { id } } } } }",
                        new { key = world.Workspace.Key }
                    )
                )
                    .GetProperty("workspace")
                    .GetProperty("receipts")
                    .GetProperty("nodes")
                    .EnumerateArray()
                    .ToList(),
            found => found.Count >= uses
        );
        Assert.Equal(Enumerable.Range(1, uses), receipts.Select(r => r.GetProperty("step").GetInt32()).Order());
        Assert.All(
            receipts,
            r =>
            {
                Assert.Equal("PARTNER", r.GetProperty("actor").GetProperty("kind").GetString());
                Assert.Equal(
                    r.GetProperty("step").GetInt32(),
                    r.GetProperty("fields").GetProperty("partner_seq").GetProperty("seq").GetInt32()
                );
                Assert.InRange(r.GetProperty("fields").GetProperty("receipts").GetArrayLength(), 1, 2);
            }
        );

        // What was recorded as shown is never shown itself.
        Assert.DoesNotContain(await partner.SliceAsync(2), r => r.GetProperty("kind").GetString() == "disclosed");
    }

    [Fact]
    public async Task A_partner_can_do_nothing_else()
    {
        var world = await app.WorldAsync();
        var other = await world.OtherWorkspaceAsync();
        var otto = await world.Otto;
        var run = await otto.UntilAsync((await otto.ProposePageAsync(world, "secret")).Run(), "SUCCEEDED");
        using var partner = await Partner.OpenAsync(world, ["outcome.confirmed"], []);
        using var rival = await Partner.OpenAsync(world, ["outcome.confirmed"], [], name: "Rival Audit");

        var client = partner.Client;
        Assert.Equal(
            0,
            (await client.AskAsync("{ viewer { workspaces { id } } }")).GetProperty("viewer").GetProperty("workspaces").GetArrayLength()
        );
        foreach (
            var id in new[]
            {
                world.WorkspaceId,
                run.GetProperty("id").GetString(),
                run.GetProperty("receipts")[0].GetProperty("id").GetString(),
                rival.Id,
            }
        )
            Assert.Equal(
                JsonValueKind.Null,
                (await client.AskAsync("query($id: ID!) { node(id: $id) { id } }", new { id })).GetProperty("node").ValueKind
            );
        Assert.Equal(
            JsonValueKind.Null,
            (await client.AskAsync("query($key: String!) { workspace(key: $key) { id } }", new { key = world.Workspace.Key }))
                .GetProperty("workspace")
                .ValueKind
        );
        Assert.Equal(
            JsonValueKind.Null,
            (await client.AskAsync("query($id: ID!) { contract(id: $id) { id } }", new { id = rival.Id })).GetProperty("contract").ValueKind
        );
        Assert.Equal(
            [partner.Id],
            (await client.AskAsync("{ contracts { id } }"))
                .GetProperty("contracts")
                .EnumerateArray()
                .Select(c => c.GetProperty("id").GetString())
        );

        foreach (var room in new[] { world.WorkspaceId, other.WorkspaceId })
        {
            var payload = (
                await client.AskAsync(
                    "mutation($input: ProposeActionInput!) { proposeAction(input: $input) { errors { __typename } } }",
                    new
                    {
                        input = new
                        {
                            workspaceId = room,
                            action = "page.unpublish",
                            input = new { slug = "secret" },
                            reason = "x",
                            idempotencyKey = Acts.Key(),
                        },
                    }
                )
            ).GetProperty("proposeAction");
            Assert.Equal("NotFound", payload.Error());
        }

        // Nothing that was there before the contract began, and nobody else looks through it.
        Assert.Empty(await partner.SliceAsync(0));
        var peek = await otto.AnswerAsync(
            "query($id: ID!) { node(id: $id) { ... on Contract { receipts { nodes { entry } } } } }",
            new { id = partner.Id }
        );
        Assert.Contains("Only the partner", peek.ToString(), StringComparison.Ordinal);
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        Assert.Equal(0, await db.Receipts.CountAsync(r => r.Kind == ReceiptKind.Disclosed, Ct));
    }

    [Fact]
    public async Task Revoking_ends_it_at_once_also_for_a_subscription_that_is_open()
    {
        var world = await app.WorldAsync();
        var (otto, petra) = (await world.Otto, await world.Petra);
        using var partner = await Partner.OpenAsync(world, ["proposed", "outcome.confirmed"], ["target"]);
        using var socket = Node.Start(
            "subscribe.mjs",
            "ws",
            $"{app.Address}/graphql",
            partner.Client.Token!,
            "subscription($c: ID!) { receiptShared(contract: $c, after: \"MA\") { cursor node { kind } } }",
            "100",
            JsonSerializer.Serialize(new { c = partner.Id })
        );
        Assert.Equal("READY", await socket.LineAsync());
        await otto.UntilAsync((await otto.ProposePageAsync(world, "live")).Run(), "SUCCEEDED");
        Assert.Contains("proposed", await socket.LineAsync(), StringComparison.Ordinal);
        Assert.Contains("outcome.confirmed", await socket.LineAsync(), StringComparison.Ordinal);

        var revoked = await otto.UntilAsync(
            (await otto.ProposeAsync(world, "partner.revoke", new { contractId = partner.ContractId })).Run(),
            "SUCCEEDED"
        );
        await otto.UntilAsync((await otto.ProposePageAsync(world, "after")).Run(), "SUCCEEDED");
        var end = await socket.LineAsync() ?? "";
        while (end.Contains("\"node\"", StringComparison.Ordinal) && !end.Contains("error", StringComparison.Ordinal))
            end = await socket.LineAsync() ?? "";
        Assert.DoesNotContain("\"data\":{\"receiptShared\":{", end, StringComparison.Ordinal);

        // Its tokens are dead, and there is no new one that names the workspace.
        Assert.Contains("errors", (await partner.Client.AnswerAsync("{ contracts { id } }")).ToString(), StringComparison.Ordinal);
        using var again = await partner.SignInAsync();
        Assert.Equal(0, (await again.AskAsync("{ contracts { id } }")).GetProperty("contracts").GetArrayLength());

        // Undone, it is the same contract anew, through its own gate.
        var back = (await otto.RollBackAsync(revoked)).Run();
        await petra.DecideAsync(back);
        await otto.UntilAsync(back, "SUCCEEDED");
        using var renewed = await partner.SignInAsync();
        Assert.Single(
            (await renewed.AskAsync("{ contracts { id ended } }")).GetProperty("contracts").EnumerateArray(),
            c => c.GetProperty("ended").ValueKind is JsonValueKind.Null
        );
        Assert.NotEmpty(
            (
                await renewed.AskAsync(
                    "query($id: ID!) { contract(id: $id) { receipts { nodes { kind } } } }",
                    new { id = (await renewed.AskAsync("{ contracts { id } }")).GetProperty("contracts")[0].GetProperty("id").GetString() }
                )
            )
                .GetProperty("contract")
                .GetProperty("receipts")
                .GetProperty("nodes")
                .EnumerateArray()
        );
    }

    [Fact]
    public async Task A_contract_that_cannot_be_is_refused_with_the_place_and_the_remedy()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        object Input(object? kinds = null, string until = "2099-01-01T00:00:00Z", string? key = null) =>
            key is null
                ? new
                {
                    partner = "Nobody Yet",
                    kinds = kinds ?? new[] { "proposed" },
                    fields = new[] { "target" },
                    until,
                }
                : new
                {
                    partner = "Nobody Yet",
                    kinds = kinds ?? new[] { "proposed" },
                    fields = new[] { "target" },
                    until,
                    publicKey = key,
                };

        foreach (
            var (input, fault) in new (object, string)[]
            {
                (Input(new[] { "proposed", "disclosed" }), "/kinds/1 there is no kind \"disclosed\" to share"),
                (Input(until: "next year, perhaps never"), "/until a time as RFC 3339 has it"),
                (Input(key: "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}"), "keep that to yourself"),
                (Input(key: "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}"), "an EC key"),
            }
        )
        {
            var refused = await otto.ProposeAsync(world, "partner.contract", input);
            Assert.Equal("InvalidInput", refused.Error());
            Assert.Contains(fault, refused.GetProperty("errors")[0].GetProperty("message").GetString(), StringComparison.OrdinalIgnoreCase);
        }

        var keyless = (await otto.ProposeAsync(world, "partner.contract", Input(until: "2020-01-01T00:00:00Z"))).Run();
        Assert.Equal("PREFLIGHT_FAILED", keyless.State());
        Assert.Equal(
            ["key", "until"],
            keyless
                .GetProperty("preflight")
                .GetProperty("checks")
                .EnumerateArray()
                .Where(c => !c.GetProperty("passed").GetBoolean())
                .Select(c => c.GetProperty("name").GetString())
        );

        var agents = (await (await world.Hermes).ProposeAsync(world, "partner.contract", Input())).Run();
        Assert.Equal("DENIED", agents.State());
    }

    [Fact]
    public async Task The_command_line_of_a_partner_fetches_evidence_and_goes_on_where_it_ended()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var partner = await Partner.OpenAsync(world, ["outcome.confirmed"], ["action_type"]);
        async Task<(int Code, string Said)> FetchAsync(params string[] more)
        {
            var said = new StringWriter();
            return (
                await Cli.Partner.FetchAsync(
                    [
                        "--key",
                        partner.KeyFile,
                        "--client",
                        partner.ClientId,
                        "--address",
                        app.Address,
                        "--output",
                        partner.KeyFile + ".json",
                        .. more,
                    ],
                    said,
                    said
                ),
                said.ToString()
            );
        }

        Assert.Equal(3, (await FetchAsync()).Code);
        await otto.UntilAsync((await otto.ProposePageAsync(world, "fetched")).Run(), "SUCCEEDED");
        await partner.SliceAsync(1);
        var (code, said) = await FetchAsync();
        Assert.True(code == 0, said);
        var log = (await otto.AskAsync("query($key: String!) { workspace(key: $key) { log { keys } } }", new { key = world.Workspace.Key }))
            .GetProperty("workspace")
            .GetProperty("log")
            .GetProperty("keys")[0]
            .GetString()!;
        var report = new StringWriter();
        Assert.Equal(0, Cli.Verify.Run([partner.KeyFile + ".json", "--key", log], report, report));

        var cursor = said[(said.IndexOf("--after ", StringComparison.Ordinal) + 8)..].Trim();
        Assert.Equal(3, (await FetchAsync("--after", cursor)).Code);
        Assert.Equal(1, (await FetchAsync("--contract", Guid.NewGuid().ToString())).Code);
        Assert.Equal(64, (await FetchAsync("--unknown")).Code);
        Assert.Equal(1, Cli.Partner.MakeKey([partner.KeyFile], report, report));
    }

    [Fact]
    public async Task More_receipts_than_an_answer_holds_come_as_one_file_under_one_checkpoint()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        using var partner = await Partner.OpenAsync(world, ["proposed", "outcome.confirmed"], ["action_type"]);
        await Task.WhenAll(
            Enumerable
                .Range(0, 51)
                .Select(async n => await otto.UntilAsync((await otto.ProposePageAsync(world, $"page-{n}")).Run(), "SUCCEEDED"))
        );

        var file = partner.KeyFile + ".json";
        await Poll.UntilAsync(
            async () =>
            {
                var said = new StringWriter();
                await Cli.Partner.FetchAsync(
                    ["--key", partner.KeyFile, "--client", partner.ClientId, "--address", app.Address, "--output", file],
                    said,
                    said
                );
                return said.ToString();
            },
            said => said.StartsWith("102 receipt(s)", StringComparison.Ordinal)
        );
        var keys = (
            await otto.AskAsync("query($key: String!) { workspace(key: $key) { log { keys } } }", new { key = world.Workspace.Key })
        )
            .GetProperty("workspace")
            .GetProperty("log")
            .GetProperty("keys");
        var report = EvidenceVerifier.Verify(
            await File.ReadAllBytesAsync(file, Ct),
            new([.. keys.EnumerateArray().Select(k => VerifierKey.Parse(k.GetString()!))], null, [], 0)
        );
        Assert.True(report.Result is CheckResult.Valid, string.Join('\n', report.Checks));
        Assert.Equal(102, report.Receipts.Count);
    }

    [Fact]
    public async Task New_checkpoints_are_sent_to_the_connection_that_the_contract_names()
    {
        var world = await app.WorldAsync();
        var otto = await world.Otto;
        await world.ConnectAsync("acme", "ok");
        using var partner = await Partner.OpenAsync(world, ["outcome.confirmed"], [], connection: "acme");
        await otto.UntilAsync((await otto.ProposePageAsync(world, "sent")).Run(), "SUCCEEDED");

        var origin = world.Tenant.Log;
        var call = await Poll.UntilAsync(
            () => Task.FromResult(app.Receiver.Calls.FirstOrDefault(c => c.Body.Contains(origin, StringComparison.Ordinal))),
            c => c is not null
        );
        var body = JsonDocument.Parse(call!.Body).RootElement;
        Assert.Equal("log.checkpoint", body.GetProperty("type").GetString());
        var note = SignedNote.Parse(body.GetProperty("data").GetProperty("checkpoint").GetString()!);
        Assert.Equal(body.GetProperty("data").GetProperty("size").GetInt64(), Checkpoint.Parse(note.Text).Size);
        await Poll.UntilAsync(
            async () =>
            {
                await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
                return await db.Contracts.AsNoTracking().SingleAsync(Ct);
            },
            c => c.Delivered > 0
        );
        Assert.Equal(
            app.Receiver.Calls.Where(c => c.Body.Contains(origin, StringComparison.Ordinal)).Select(c => c.Id).Distinct().Count(),
            app.Receiver.Calls.Count(c => c.Body.Contains(origin, StringComparison.Ordinal))
        );
    }
}

/// <summary>A partner with a contract and a key of its own.</summary>
internal sealed class Partner : IDisposable
{
    private readonly World world;

    private Partner(World world, string keyFile, string clientId, string id, string contractId, Client client) =>
        (this.world, KeyFile, ClientId, Id, ContractId, Client) = (world, keyFile, clientId, id, contractId, client);

    public string KeyFile { get; }

    public string ClientId { get; }

    public string Id { get; }

    public string ContractId { get; }

    public Client Client { get; }

    public static async Task<Partner> OpenAsync(
        World world,
        string[] kinds,
        string[] fields,
        string name = "Acme Audit",
        string? connection = null
    )
    {
        var keyFile = Path.Combine(Path.GetTempPath(), $"partner-{Guid.NewGuid():N}.jwk");
        var said = new StringWriter();
        Assert.Equal(0, Cli.Partner.MakeKey([keyFile], said, new StringWriter()));

        var (otto, petra) = (await world.Otto, await world.Petra);
        var input = new Dictionary<string, object>
        {
            ["partner"] = name,
            ["publicKey"] = said.ToString().Trim(),
            ["kinds"] = kinds,
            ["fields"] = fields,
            ["until"] = "2099-01-01T00:00:00Z",
        };
        if (connection is not null)
            input["connection"] = connection;
        var run = (await otto.ProposeAsync(world, "partner.contract", input)).Run();
        Assert.Equal("AWAITING_APPROVAL", run.State());
        Assert.Null((await petra.DecideAsync(run)).Error());
        await otto.UntilAsync(run, "SUCCEEDED");

        var contract = (
            await otto.AskAsync(
                "query($key: String!) { workspace(key: $key) { contracts { id contractId clientId partner { name } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("contracts")
            .EnumerateArray()
            .First(c => c.GetProperty("partner").GetProperty("name").GetString() == name);
        var clientId = contract.GetProperty("clientId").GetString()!;
        return new(
            world,
            keyFile,
            clientId,
            contract.GetProperty("id").GetString()!,
            contract.GetProperty("contractId").GetString()!,
            await SignInAsync(world, keyFile, clientId)
        );
    }

    public Task<Client> SignInAsync() => SignInAsync(world, KeyFile, ClientId);

    /// <summary>Waits until that many receipts are sealed and shown.</summary>
    public async Task<List<JsonElement>> SliceAsync(int count)
    {
        List<JsonElement> found = [];
        await Poll.UntilAsync(
            async () =>
                found = [
                    .. (
                        await Client.AskAsync(
                            "{ contracts { receipts(first: 100) { nodes { receiptId kind step chainId entry fields disclosures inclusion { index size path checkpoint } } } } }"
                        )
                    )
                        .GetProperty("contracts")[0]
                        .GetProperty("receipts")
                        .GetProperty("nodes")
                        .EnumerateArray(),
                ],
            f => f.Count >= count
        );
        Assert.Equal(count, found.Count);
        return found;
    }

    public void Dispose()
    {
        Client.Dispose();
        File.Delete(KeyFile);
        File.Delete(KeyFile + ".json");
    }

    private static async Task<Client> SignInAsync(World world, string keyFile, string clientId)
    {
        using var http = new HttpClient { BaseAddress = new(world.App.Address + "/") };
        return Client.Bearer(world.App.Address, await Cli.Partner.TokenAsync(http, keyFile, clientId));
    }
}

public sealed class SharingOnSqlite(SqliteApp app) : SharingTests(app);

public sealed class SharingOnPostgres(PostgresApp app) : SharingTests(app);

public sealed class SharingOnSqlServer(SqlServerApp app) : SharingTests(app);
