using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Api;
using Mumega.Api.GraphQL;
using Mumega.Api.Setup;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;

// One line of JSON a figure. Server and load share this machine, so only ratios of the same run mean something.
string[] parts = args.Length > 0 ? args : ["actions", "push", "read", "authority", "packets", "start", "cedar", "log"];
foreach (var kind in new[] { "sqlite", "postgres" })
{
    var postgres = Environment.GetEnvironmentVariable("MUMEGA_TEST_POSTGRES");
    if (!parts.Intersect(["actions", "push", "read", "authority", "packets"]).Any())
        break;
    if (kind == "postgres" && string.IsNullOrEmpty(postgres))
    {
        Console.WriteLine(
            JsonSerializer.Serialize(new { figure = "postgres", skipped = "MUMEGA_TEST_POSTGRES names no server, and none is installed" })
        );
        continue;
    }

    await using var bench = await Bench.OpenAsync(kind, postgres);
    if (parts.Contains("actions"))
        await bench.ActionsAsync();
    if (parts.Contains("push"))
        await bench.PushAsync(200);
    if (parts.Contains("read"))
        await bench.ReadAsync();
    if (parts.Contains("authority"))
        await bench.AuthorityAsync();
    if (parts.Contains("packets"))
        await bench.PacketsAsync(100_000);
}

if (parts.Contains("start"))
    await Bench.StartAsync();
if (parts.Contains("cedar"))
    CedarBench.Run();
if (parts.Contains("log"))
{
    await LogBench.RunAsync("sqlite", null);
    if (Environment.GetEnvironmentVariable("MUMEGA_TEST_POSTGRES") is { Length: > 0 } server)
        await LogBench.RunAsync("postgres", server);
    LogBench.Verify();
}

if (parts.Contains("proofs"))
{
    await LogBench.RunAsync("sqlite", null, proofs: true);
    if (Environment.GetEnvironmentVariable("MUMEGA_TEST_POSTGRES") is { Length: > 0 } server)
        await LogBench.RunAsync("postgres", server, proofs: true);
}

internal sealed partial class Bench : IAsyncDisposable
{
    private const string Propose =
        "mutation($input: ProposeActionInput!) { proposeAction(input: $input) { run { id digest approval { id } } errors { message } } }";
    private const string Decide =
        "mutation($input: DecideApprovalInput!) { decideApproval(input: $input) { approval { state } errors { message } } }";
    private const string Password = "correct horse battery";

    private readonly string kind;
    private readonly string folder = Directory.CreateTempSubdirectory("mumega-bench-").FullName;
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> outcomes = new();
    private WebApplication app = null!;
    private string address = "";
    private string token = "";
    private HttpClient agent = null!;
    private HttpClient person = null!;
    private (Guid Tenant, Guid Workspace) room;

    private Bench(string kind) => this.kind = kind;

    private string WorkspaceId => NodeId.Of("Workspace", room.Workspace, room.Workspace);

    private Databases Databases => app.Services.GetRequiredService<Databases>();

    public static async Task<Bench> OpenAsync(string kind, string? postgres)
    {
        var bench = new Bench(kind);
        string[] database = [];
        if (kind == "postgres")
        {
            var name = $"bench_{Guid.NewGuid():N}";
            await using var admin = new Npgsql.NpgsqlConnection(postgres);
            await admin.OpenAsync();
            await using var create = new Npgsql.NpgsqlCommand($"CREATE DATABASE {name}", admin);
            await create.ExecuteNonQueryAsync();
            database =
            [
                "--Database:Kind=Postgres",
                $"--Database:Connection={new Npgsql.NpgsqlConnectionStringBuilder(postgres) { Database = name, MaxPoolSize = 60, Username = "mumega_bench" }}",
                $"--Database:Owner={new Npgsql.NpgsqlConnectionStringBuilder(postgres) { Database = name }}",
                $"--Keys:Encryption:0={Convert.ToBase64String(new byte[32])}",
            ];
        }

        bench.address = $"http://localhost:{FreePort()}";
        bench.app = MumegaHost.Build(
            [
                $"--Urls={bench.address}",
                $"--PublicAddress={bench.address}",
                $"--Data={bench.folder}",
                "--GraphQL:RegisteredOnly=false",
                .. database,
            ],
            b => b.Logging.ClearProviders()
        );
        await bench.app.PrepareAsync(CancellationToken.None);
        await bench.app.StartAsync();
        await bench.PeopleAsync();
        _ = Task.Run(bench.WatchAsync);
        return bench;
    }

    /// <summary>Governed actions a second end to end: propose, approve, execute, receipts; beside the raw rate of single-row commits.</summary>
    public async Task ActionsAsync()
    {
        // Long enough for the runtime to have compiled the hot paths with what it learnt from running them.
        await ManyAsync(16, TimeSpan.FromSeconds(25), () => GovernAsync());
        await AnalyzeAsync();
        foreach (var clients in new[] { 1, 16 })
        {
            var raw = await ManyAsync(clients, TimeSpan.FromSeconds(4), RawCommitAsync());
            var governed = await ManyAsync(clients, TimeSpan.FromSeconds(10), () => GovernAsync());
            Print(
                new
                {
                    figure = "governed actions",
                    database = kind,
                    clients,
                    per_second = Round(governed.Rate),
                    p50_ms = Round(governed.P50),
                    p99_ms = Round(governed.P99),
                    raw_commits_per_second = Round(raw.Rate),
                    ratio_to_raw = Math.Round(governed.Rate / raw.Rate, 3),
                    aim = clients == 16 ? 0.2 : (double?)null,
                }
            );
        }
    }

    /// <summary>From the receipt's time, taken right before its commit, to the client.</summary>
    public async Task PushAsync(int subscribers)
    {
        await ManyAsync(4, TimeSpan.FromSeconds(5), () => GovernAsync());
        var latencies = new ConcurrentBag<double>();
        var sockets = await Task.WhenAll(Enumerable.Range(0, subscribers).Select(_ => SubscribeAsync(ms => latencies.Add(ms))));
        var rounds = 0;
        var clock = Stopwatch.StartNew();
        var warm = TimeSpan.FromSeconds(5);
        while (clock.Elapsed < warm + TimeSpan.FromSeconds(6))
        {
            if (clock.Elapsed < warm)
                (rounds, latencies) = (0, new());
            await GraphQLAsync(
                agent,
                Propose,
                new
                {
                    input = new
                    {
                        workspaceId = WorkspaceId,
                        action = "page.publish",
                        input = new
                        {
                            slug = $"push-{rounds++}",
                            title = "x",
                            markdown = "x",
                        },
                        reason = "bench",
                        idempotencyKey = Guid.NewGuid().ToString(),
                    },
                }
            );
            await Task.Delay(100);
        }

        await Task.Delay(500);
        var sorted = latencies.Order().ToList();
        foreach (var socket in sockets)
            socket.Dispose();
        Print(
            new
            {
                figure = "push",
                database = kind,
                subscribers,
                receipts = rounds * 3,
                delivered = sorted.Count,
                lost = rounds * 3 * subscribers - sorted.Count,
                p50_ms = Round(At(sorted, 0.5)),
                p99_ms = Round(At(sorted, 0.99)),
                aim_p99_ms = 50,
            }
        );
    }

    /// <summary>A GraphQL list of 50 receipts, beside PostGraphile's answer from the same table and the bare SQL for the same rows.</summary>
    public async Task ReadAsync()
    {
        for (var i = 0; i < 20; i++)
            await GovernAsync();
        await AnalyzeAsync();
        const string Query =
            "query($w: ID!) { node(id: $w) { ... on Workspace { receipts(first: 50) { nodes { id kind action state step at digest } } } } }";
        await ManyAsync(8, TimeSpan.FromSeconds(20), () => GraphQLAsync(agent, Query, new { w = WorkspaceId }));
        Func<TimeSpan, Task<(double Rate, double P50, double P99)>> ours = time =>
            ManyAsync(8, time, () => GraphQLAsync(agent, Query, new { w = WorkspaceId }));
        using var peer = kind == "postgres" ? await PostGraphile.StartAsync(Databases, room) : null;
        if (peer is not null)
            await peer.RateAsync(TimeSpan.FromSeconds(15));

        // In turns, because the speed of a shared machine drifts; the median of the pairs' ratios says more than one long run each.
        var turns = new List<(double Ours, double? Theirs)>();
        for (var i = 0; i < 5; i++)
            turns.Add(((await ours(TimeSpan.FromSeconds(2))).Rate, peer is null ? null : await peer.RateAsync(TimeSpan.FromSeconds(2))));
        var graphql = await ours(TimeSpan.FromSeconds(4));
        var sql = await ManyAsync(
            8,
            TimeSpan.FromSeconds(5),
            async () =>
            {
                await using var db = Databases.Open(room.Tenant, room.Workspace);
                await db.Database.OpenConnectionAsync();
                await using var command = db.Database.GetDbConnection().CreateCommand();
                command.CommandText =
                    "SELECT r.\"Id\", r.\"Kind\", r.\"Action\", r.\"State\", r.\"Step\", r.\"At\", r.\"Digest\" FROM \"ReceiptPlaces\" p JOIN \"Receipts\" r ON r.\"TenantId\" = p.\"TenantId\" AND r.\"WorkspaceId\" = p.\"WorkspaceId\" AND r.\"Id\" = p.\"ReceiptId\" WHERE p.\"TenantId\" = @tenant AND p.\"WorkspaceId\" = @workspace AND p.\"Position\" IS NOT NULL ORDER BY p.\"Position\" DESC LIMIT 50";
                Add(command, "@tenant", room.Tenant);
                Add(command, "@workspace", room.Workspace);
                await using var reader = await command.ExecuteReaderAsync();
                while (await reader.ReadAsync())
                    _ = reader.GetString(1);
            }
        );
        Print(
            new
            {
                figure = "read 50 receipts",
                database = kind,
                per_second = Round(graphql.Rate),
                p50_ms = Round(graphql.P50),
                p99_ms = Round(graphql.P99),
                bare_sql_per_second = Round(sql.Rate),
                ratio_to_sql = Math.Round(graphql.Rate / sql.Rate, 3),
                postgraphile_per_second = peer is null ? null : (double?)Round(Median(turns.Select(t => t.Theirs!.Value))),
                ratio_to_postgraphile = peer is null ? null : (double?)Math.Round(Median(turns.Select(t => t.Ours / t.Theirs!.Value)), 2),
                aim_ratio = 1.5,
            }
        );
    }

    /// <summary>From process start to ready, on an existing database, and what it keeps in memory when idle.</summary>
    public static async Task StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("mumega-bench-").FullName;
        var times = new List<double>();
        double memory = 0;
        for (var i = 0; i < 4; i++)
        {
            var address = $"http://localhost:{FreePort()}";
            var clock = Stopwatch.StartNew();
            using var process = Process.Start(
                new ProcessStartInfo(
                    "dotnet",
                    [
                        Path.Combine(AppContext.BaseDirectory, "Mumega.Api.dll"),
                        $"--Urls={address}",
                        $"--PublicAddress={address}",
                        $"--Data={folder}",
                        "--Logging:LogLevel:Default=None",
                    ]
                )
            )!;
            using var http = new HttpClient();
            while (true)
            {
                try
                {
                    if ((await http.GetAsync($"{address}/readyz")).IsSuccessStatusCode)
                        break;
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(10);
                }
            }

            if (i > 0)
                times.Add(clock.Elapsed.TotalMilliseconds);
            if (i == 3)
            {
                await Task.Delay(TimeSpan.FromSeconds(5));
                process.Refresh();
                memory = process.WorkingSet64 / 1024.0 / 1024.0;
            }

            process.Kill();
            await process.WaitForExitAsync();
        }

        Print(
            new
            {
                figure = "cold start",
                database = "sqlite",
                median_ms = Round(times.Order().ElementAt(1)),
                idle_memory_mb = Round(memory),
                aim_memory_mb = 200,
            }
        );
        Directory.Delete(folder, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        agent.Dispose();
        person.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    private async Task GovernAsync()
    {
        var slug = $"p-{Guid.NewGuid():N}";
        var run = (
            await GraphQLAsync(
                agent,
                Propose,
                new
                {
                    input = new
                    {
                        workspaceId = WorkspaceId,
                        action = "page.publish",
                        input = new
                        {
                            slug,
                            title = "Bench",
                            markdown = "Some *text*.",
                        },
                        reason = "bench",
                        idempotencyKey = slug,
                    },
                }
            )
        ).GetProperty("proposeAction").GetProperty("run");
        var done = outcomes.GetOrAdd(
            NodeId.Parse(run.GetProperty("id").GetString(), "Run")!.Value.Id,
            _ => new(TaskCreationOptions.RunContinuationsAsynchronously)
        );
        await GraphQLAsync(
            person,
            Decide,
            new
            {
                input = new
                {
                    approvalId = run.GetProperty("approval").GetProperty("id").GetString(),
                    verdict = "APPROVE",
                    digest = run.GetProperty("digest").GetString(),
                    idempotencyKey = slug,
                },
            }
        );
        await done.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>What PostgreSQL does by itself within a minute or so; without statistics the planner guesses.</summary>
    private async Task AnalyzeAsync()
    {
        if (kind != "postgres")
            return;
        await using var db = Databases.OpenPlatform();
        await db.Database.ExecuteSqlRawAsync("ANALYZE");
    }

    private static void Add(System.Data.Common.DbCommand command, string name, Guid value)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = (name, value);
        command.Parameters.Add(parameter);
    }

    private Func<Task> RawCommitAsync()
    {
        using (var db = Databases.OpenPlatform())
            db.Database.ExecuteSqlRaw("CREATE TABLE IF NOT EXISTS raw_commits (id varchar(40) PRIMARY KEY, payload varchar(400))");
        var payload = new string('x', 300);
        return async () =>
        {
            await using var db = Databases.OpenPlatform();
            await db.WriteAsync(
                () => db.Database.ExecuteSqlAsync($"INSERT INTO raw_commits VALUES ({Guid.NewGuid().ToString()}, {payload})"),
                default
            );
        };
    }

    private async Task WatchAsync()
    {
        await foreach (var item in app.Services.GetRequiredService<ReceiptFeed>().FollowAsync(room.Tenant, room.Workspace, null, default))
        {
            if (item.Receipt.Kind == "outcome.confirmed")
                outcomes.GetOrAdd(item.Receipt.SubjectId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private async Task<ClientWebSocket> SubscribeAsync(Action<double> seen)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        await socket.ConnectAsync(new(address.Replace("http", "ws", StringComparison.Ordinal) + "/graphql"), default);
        async Task Send(object message) =>
            await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, default);
        var buffer = new byte[16 * 1024];
        await Send(new { type = "connection_init", payload = new { authorization = $"Bearer {token}" } });
        await socket.ReceiveAsync(buffer, default);
        await Send(
            new
            {
                id = "1",
                type = "subscribe",
                payload = new
                {
                    query = "subscription($w: ID!) { receiptAppended(workspace: $w) { cursor node { id at } } }",
                    variables = new { w = WorkspaceId },
                },
            }
        );
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    var part = await socket.ReceiveAsync(buffer, default);
                    var now = TimeProvider.System.GetUtcNow();
                    var at = JsonDocument
                        .Parse(buffer.AsMemory(0, part.Count))
                        .RootElement.GetProperty("payload")
                        .GetProperty("data")
                        .GetProperty("receiptAppended")
                        .GetProperty("node")
                        .GetProperty("at")
                        .GetDateTimeOffset();
                    seen((now - at).TotalMilliseconds);
                }
            }
            catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException) { }
        });
        await Task.Delay(5);
        return socket;
    }

    private async Task PeopleAsync()
    {
        var ct = CancellationToken.None;
        var installation = app.Services.GetRequiredService<Installation>();
        var tenant = await installation.AddTenantAsync("bench", "Bench", ct);
        var workspace = await installation.AddWorkspaceAsync(tenant, "main", "Main", ct);
        room = (tenant.Id, workspace.Id);
        var ada = await installation.AddPersonAsync(tenant, "Ada", "ada@bench.test", Password, ct);
        var otto = await installation.AddPersonAsync(tenant, "Otto", "otto@bench.test", Password, ct);
        var hermes = await installation.AddAgentAsync(tenant, "Hermes", "hermes", ada, "secret-of-hermes", null, ct);
        await installation.GrantAsync(workspace, ada, ["owner"], ct);
        await installation.GrantAsync(workspace, otto, ["operator", "approver"], ct);
        await installation.GrantAsync(workspace, hermes, ["agent"], ct);

        agent = new() { BaseAddress = new(address) };
        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["client_id"] = "hermes",
                ["client_secret"] = "secret-of-hermes",
                ["scope"] = "mumega:read mumega:propose",
            }
        );
        using var answer = await agent.PostAsync("/connect/token", form);
        token = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()!;
        agent.DefaultRequestHeaders.Authorization = new("Bearer", token);

        person = new(new HttpClientHandler { CookieContainer = new(), AllowAutoRedirect = false }) { BaseAddress = new(address) };
        person.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var signIn = await person.PostAsJsonAsync("/session/sign-in", new { email = "otto@bench.test", password = Password });
        var next = "/session/start?returnUrl=%2Fdone";
        while (next is not "/done")
        {
            using var step = await person.GetAsync(next);
            next = step.Headers.Location!.ToString();
        }
    }

    internal static async Task<JsonElement> GraphQLAsync(HttpClient http, string query, object variables)
    {
        using var answer = await http.PostAsJsonAsync("/graphql", new { query, variables });
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return json.TryGetProperty("errors", out var errors)
            ? throw new InvalidOperationException(errors.ToString())
            : json.GetProperty("data");
    }

    internal static async Task<(double Rate, double P50, double P99)> ManyAsync(int clients, TimeSpan duration, Func<Task> work)
    {
        var times = new ConcurrentBag<double>();
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(
            Enumerable
                .Range(0, clients)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        while (clock.Elapsed < duration)
                        {
                            var start = Stopwatch.GetTimestamp();
                            await work();
                            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                        }
                    })
                )
        );
        var sorted = times.Order().ToList();
        return (sorted.Count / clock.Elapsed.TotalSeconds, At(sorted, 0.5), At(sorted, 0.99));
    }

    private static double Median(IEnumerable<double> values) => At([.. values.Order()], 0.5);

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];

    private static double Round(double value) => Math.Round(value, 1);

    private static void Print(object figure) => Console.WriteLine(JsonSerializer.Serialize(figure));

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>The peer, serving the same list from the same rows; absent where it isn't installed.</summary>
internal sealed class PostGraphile(Process process, HttpClient http, (Guid Tenant, Guid Workspace) room) : IDisposable
{
    private const string Query =
        "query($t: UUID!, $w: UUID!) { allReceipts(condition: {tenantId: $t, workspaceId: $w}, first: 50, orderBy: PRIMARY_KEY_DESC) { nodes { id kind action state step at digest } } }";

    public static async Task<PostGraphile?> StartAsync(Databases databases, (Guid Tenant, Guid Workspace) room)
    {
        var home = Path.Combine(Directory.GetCurrentDirectory(), "bench", "postgraphile");
        if (!Directory.Exists(Path.Combine(home, "node_modules")))
            return null;

        string database;
        await using (var db = databases.OpenPlatform())
            database = db.Database.GetConnectionString()!;
        var at = new Npgsql.NpgsqlConnectionStringBuilder(database);
        var port = Bench.FreePort();
        var who = string.IsNullOrEmpty(at.Password) ? at.Username : $"{at.Username}:{Uri.EscapeDataString(at.Password)}";
        var start = new ProcessStartInfo("node", ["server.js", $"postgres://{who}@{at.Host}:{at.Port}/{at.Database}", $"{port}"])
        {
            WorkingDirectory = home,
            RedirectStandardOutput = true,
        };
        start.Environment["NODE_ENV"] = "production";
        var process = Process.Start(start)!;
        if (await process.StandardOutput.ReadLineAsync() == "ready")
            return new(process, new() { BaseAddress = new($"http://127.0.0.1:{port}") }, room);

        process.Kill();
        process.Dispose();
        return null;
    }

    public async Task<double> RateAsync(TimeSpan time) =>
        (
            await Bench.ManyAsync(
                8,
                time,
                async () =>
                {
                    var answer = await Bench.GraphQLAsync(http, Query, new { t = room.Tenant, w = room.Workspace });
                    if (answer.GetProperty("allReceipts").GetProperty("nodes").GetArrayLength() != 50)
                        throw new InvalidOperationException("PostGraphile did not answer with 50 receipts");
                }
            )
        ).Rate;

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
        http.Dispose();
    }
}
