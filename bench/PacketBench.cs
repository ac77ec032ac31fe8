using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Api.Setup;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Packets;
using Mumega.Domain.Tasks;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Data;

/// <summary>Board, list and inbox of a workspace with many packets, beside the bare SQL that each of them comes down to.</summary>
internal sealed partial class Bench
{
    private const int Asked = 60;
    private const int Waiting = 200;

    public async Task PacketsAsync(int count)
    {
        var me = await FillPacketsAsync(count);
        for (var i = 0; i < Waiting; i++)
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
                            slug = $"waits-{i}",
                            title = "Waits",
                            markdown = "Text.",
                        },
                        reason = "bench",
                        idempotencyKey = $"waits-{i}",
                    },
                }
            );
        await AnalyzeAsync();
        const string Fields = "nodes { id title state labels updatedAt assignee { name } workflow { title } task { title overdue } }";
        (string Name, string Query, object More, string Sql)[] asked =
        [
            (
                "list",
                $"query($w: ID!) {{ node(id: $w) {{ ... on Workspace {{ packets(first: 50) {{ {Fields} }} }} }} }}",
                new { },
                "SELECT \"Id\", \"Title\", \"State\", \"Payload\" FROM \"Packets\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w ORDER BY \"Id\" DESC LIMIT 50"
            ),
            (
                "list by state",
                $"query($w: ID!) {{ node(id: $w) {{ ... on Workspace {{ packets(first: 50, filter: {{ workflow: \"content-review\", states: [\"published\"] }}) {{ {Fields} }} }} }} }}",
                new { },
                "SELECT \"Id\", \"Title\", \"State\", \"Payload\" FROM \"Packets\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"Workflow\" = 'content-review' AND \"State\" = 'published' ORDER BY \"Id\" DESC LIMIT 50"
            ),
            (
                "list by label",
                $"query($w: ID!) {{ node(id: $w) {{ ... on Workspace {{ packets(first: 50, filter: {{ label: \"rare\" }}) {{ {Fields} }} }} }} }}",
                new { },
                "SELECT p.\"Id\", p.\"Title\", p.\"State\", p.\"Payload\" FROM \"PacketLabels\" l JOIN \"Packets\" p ON p.\"TenantId\" = l.\"TenantId\" AND p.\"WorkspaceId\" = l.\"WorkspaceId\" AND p.\"Id\" = l.\"PacketId\" WHERE l.\"TenantId\" = @t AND l.\"WorkspaceId\" = @w AND l.\"Label\" = 'rare' ORDER BY l.\"PacketId\" DESC LIMIT 50"
            ),
            (
                "list by a word in the name",
                $"query($w: ID!) {{ node(id: $w) {{ ... on Workspace {{ packets(first: 50, filter: {{ text: \"needle\" }}) {{ {Fields} }} }} }} }}",
                new { },
                "SELECT \"Id\", \"Title\", \"State\", \"Payload\" FROM \"Packets\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"Folded\" LIKE '%needle%' ORDER BY \"Id\" DESC LIMIT 50"
            ),
            (
                "board",
                "query($w: ID!) { node(id: $w) { ... on Workspace { board(workflow: \"content-review\", first: 20) { columns { state count packets { id title labels assignee { name } task { overdue } } } } } } }",
                new { },
                "SELECT \"State\", COUNT(*) FROM \"Packets\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"Workflow\" = 'content-review' GROUP BY \"State\""
            ),
            (
                "my tasks",
                "query($w: ID!) { node(id: $w) { ... on Workspace { tasks(first: 50, which: MINE) { nodes { title dueAt overdue packet { title } } } } } }",
                new { },
                "SELECT \"Id\", \"Title\", \"DueAt\" FROM \"WorkTasks\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"Assignee\" = @me ORDER BY \"Rank\", \"Id\" LIMIT 50"
            ),
            (
                "tasks of my roles",
                "query($w: ID!) { node(id: $w) { ... on Workspace { tasks(first: 50, which: MY_ROLES) { nodes { title dueAt overdue packet { title } } } } } }",
                new { },
                "SELECT \"Id\", \"Title\", \"DueAt\" FROM \"WorkTasks\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"Assignee\" IS NULL AND \"Role\" = 'operator' ORDER BY \"Rank\", \"Id\" LIMIT 50"
            ),
            (
                "approval inbox",
                "query($w: ID!) { node(id: $w) { ... on Workspace { approvals(first: 50) { nodes { id digest blocked expiresAt gates { role quorum missing } run { title target reason proposedBy { name kind } preflight { preview { summary } } } } } approvalMeasures { waiting medianHours lateShare } } } }",
                new { },
                "SELECT \"Id\", \"RunId\", \"Digest\" FROM \"Approvals\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w AND \"State\" = 'Pending' ORDER BY \"CreatedAt\" DESC LIMIT 50"
            ),
            (
                "task counts",
                "query($w: ID!) { node(id: $w) { ... on Workspace { taskCounts { mine myRoles overdue all } } } }",
                new { },
                "SELECT COUNT(*) FROM \"WorkTasks\" WHERE \"TenantId\" = @t AND \"WorkspaceId\" = @w"
            ),
        ];
        foreach (var (name, query, _, sql) in asked)
        {
            var (ours, bare) = (new List<double>(), new List<double>());
            for (var i = 0; i < Asked + 10; i++)
            {
                var start = Stopwatch.GetTimestamp();
                await GraphQLAsync(person, query, new { w = WorkspaceId });
                var took = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                start = Stopwatch.GetTimestamp();
                await BareAsync(sql, me);
                if (i < 10)
                    continue;
                ours.Add(took);
                bare.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            ours.Sort();
            bare.Sort();
            Print(
                new
                {
                    figure = "packets",
                    database = kind,
                    packets = count,
                    asked = name,
                    p50_ms = At(ours, 0.5),
                    p95_ms = At(ours, 0.95),
                    aim_p95_ms = 100,
                    sql_p50_ms = At(bare, 0.5),
                    ratio_to_sql = Math.Round(At(ours, 0.5) / At(bare, 0.5), 1),
                }
            );
        }

        await ImportAsync(count);

        static double At(List<double> sorted, double share) => Math.Round(sorted[(int)(share * (sorted.Count - 1))], 2);
    }

    /// <summary>A file with so many rows, from sending it to the last clock; and how long the slowest proposal of somebody else took meanwhile.</summary>
    private async Task ImportAsync(int rows)
    {
        var file = new StringBuilder("order,cents,currency,reason,tags\n");
        for (var i = 0; i < rows; i++)
            file.Append("ord-").Append(i).Append(",500,EUR,It arrived broken and the customer sent pictures.,\"vip, spring\"\n");
        var content = Encoding.UTF8.GetBytes(file.ToString());
        using var over = new CancellationTokenSource();
        var others = Task.Run(async () =>
        {
            var (slowest, done) = (0.0, 0);
            for (; !over.IsCancellationRequested; done++)
            {
                var start = Stopwatch.GetTimestamp();
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
                                slug = $"meanwhile-{done}",
                                title = "Meanwhile",
                                markdown = "Text.",
                            },
                            reason = "bench",
                            idempotencyKey = $"meanwhile-{done}",
                        },
                    }
                );
                slowest = Math.Max(slowest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                await Task.WhenAny(Task.Delay(20));
            }

            return (slowest, done);
        });

        var begun = Stopwatch.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/imports/{room.Workspace}")
        {
            Content = new ByteArrayContent(content),
        };
        request.Content.Headers.ContentType = new("text/csv");
        request.Headers.Add("graphql-require-preflight", "1");
        using var answer = await person.SendAsync(request);
        var import = await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
        var uploaded = Stopwatch.GetElapsedTime(begun);
        await GraphQLAsync(
            person,
            "mutation($input: CheckPacketImportInput!) { checkPacketImport(input: $input) { errors { message } } }",
            new
            {
                input = new
                {
                    importId = import.GetProperty("id").GetString(),
                    plan = new
                    {
                        type = "refund",
                        title = "/order",
                        payload = new
                        {
                            order = "/order",
                            cents = "/cents",
                            currency = "/currency",
                            reason = "/reason",
                        },
                        labelsFrom = "/tags",
                    },
                    idempotencyKey = "check",
                },
            }
        );
        await UntilAsync(async db => (await db.PacketImports.AsNoTracking().SingleAsync()).State is ImportState.Checked);
        var looked = Stopwatch.GetElapsedTime(begun);
        await GraphQLAsync(
            person,
            Propose,
            new
            {
                input = new
                {
                    workspaceId = WorkspaceId,
                    action = "packet.import",
                    input = new { import = import.GetProperty("importId").GetString() },
                    reason = "bench",
                    idempotencyKey = "import",
                },
            }
        );
        await UntilAsync(async db => (await db.PacketImports.AsNoTracking().SingleAsync()).State is ImportState.Imported);
        var letIn = Stopwatch.GetElapsedTime(begun);
        await UntilAsync(async db => !await db.ImportFiles.AnyAsync());
        var all = Stopwatch.GetElapsedTime(begun);
        await over.CancelAsync();
        var (slowest, proposals) = await others;
        Print(
            new
            {
                figure = "import",
                database = kind,
                rows,
                megabytes = content.Length / 1024 / 1024,
                upload_s = Seconds(uploaded),
                look_s = Seconds(looked - uploaded),
                let_in_s = Seconds(letIn - looked),
                clear_s = Seconds(all - letIn),
                rows_per_s = Math.Round(rows / letIn.TotalSeconds),
                proposals_meanwhile = proposals,
                slowest_proposal_ms = Math.Round(slowest),
            }
        );

        static double Seconds(TimeSpan span) => Math.Round(span.TotalSeconds, 1);
    }

    private async Task UntilAsync(Func<MumegaDb, Task<bool>> condition)
    {
        while (true)
        {
            await using (var db = Databases.Open(room.Tenant, room.Workspace))
            {
                if (await condition(db))
                    return;
            }

            await Task.WhenAny(Task.Delay(50));
        }
    }

    private async Task BareAsync(string sql, Guid me)
    {
        await using var db = Databases.Open(room.Tenant, room.Workspace);
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        Add(command, "@t", room.Tenant);
        Add(command, "@w", room.Workspace);
        if (sql.Contains("@me", StringComparison.Ordinal))
            Add(command, "@me", me);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            _ = reader.GetValue(0);
    }

    /// <summary>Packets in every state of three workflows, with labels and tasks; as rows, because how they come in is another figure.</summary>
    private async Task<Guid> FillPacketsAsync(int count)
    {
        var installation = app.Services.GetRequiredService<Installation>();
        Guid me;
        Workflow[] workflows;
        PacketType[] types;
        await using (var db = Databases.Open(room.Tenant, room.Workspace))
        {
            var workspace = await db.Workspaces.SingleAsync(w => w.Id == room.Workspace);
            foreach (var template in new[] { "content-review", "change-request", "customer-refund" })
                await installation.AddWorkflowAsync(workspace, template, default);
            me = await db.Principals.Where(p => p.Name == "Otto").Select(p => p.Id).SingleAsync();
            (workflows, types) = (await db.Workflows.ToArrayAsync(), await db.PacketTypes.ToArrayAsync());
        }

        var documents = workflows.ToDictionary(w => w.Key, w => w.Document);
        var random = new Random(1);
        var payload = JsonSerializer.SerializeToElement(
            new
            {
                slug = "a-page",
                title = "A page",
                markdown = new string('x', 400),
            }
        );
        var (begin, done) = (TimeProvider.System.GetUtcNow().AddDays(-30), 0);
        var by = new Actor(room.Tenant, me, PrincipalKind.User, "Otto", null, "log", new HashSet<string>(), new HashSet<Guid>(), "bench");
        while (done < count)
        {
            await using var db = Databases.Open(room.Tenant, room.Workspace);
            Packet? last = null;
            for (var n = 0; n < 1000; n++, done++)
            {
                var workflow = workflows[random.Next(workflows.Length)];
                var document = documents[workflow.Key];
                var at = begin.AddSeconds(done * 20);
                string[] labels = [$"label-{random.Next(20)}", .. random.Next(1000) == 0 ? ["rare"] : Array.Empty<string>()];
                var (packet, created) = Packet.Create(
                    room.Workspace,
                    Guid.CreateVersion7(at),
                    new($"Packet {done}{(random.Next(2000) == 0 ? " needle" : "")}", payload, null, labels, []),
                    types.Single(t => t.Key == workflow.PacketType),
                    workflow,
                    document,
                    by,
                    null,
                    at
                );
                db.Add(packet);
                db.Add(created);
                foreach (var label in labels)
                    db.Add(
                        new PacketLabel
                        {
                            TenantId = room.Tenant,
                            WorkspaceId = room.Workspace,
                            Label = label,
                            PacketId = packet.Id,
                        }
                    );

                // Most work is done; of the rest every fifth is somebody's.
                var state = random.Next(10) < 7 ? document.Order[^1] : document.Order[random.Next(document.Order.Count)];
                if (state != packet.State)
                    db.Add(packet.Move("moved", state, document, null, me, null, false, by, at));
                if (
                    packet.TaskOf(document) is not null
                    && random.Next(5) == 0
                    && !packet.Claim(document, by, at).Refused(out _, out var claimed)
                )
                    db.Add(claimed);
                if (WorkTask.Of(packet, document) is { } task)
                    db.Add(task);
                last = packet;
            }

            db.Add(last!.Note("bench.filled", by, begin));
            await db.SaveChangesAsync();
        }

        return me;
    }
}
