using System.Text.Json;

namespace Mumega.App.Tests;

/// <summary>The mutations as tests say them.</summary>
internal static class Acts
{
    private const string RunFields = """
        id state digest result heldFrom rollback { status summary runId } preflight { passed checks { name passed detail } preview { summary before after } rollbackPlan }
        decision { verdict policies policyVersion reason remedies } approval { id state digest round blocked gates { role missing } }
        """;

    public static string Key() => Guid.NewGuid().ToString("N");

    public static async Task<JsonElement> ProposeAsync(
        this Client client,
        World? world,
        string action,
        object input,
        string? key = null,
        string reason = "because",
        string? workspaceId = null
    ) =>
        (
            await client.AskAsync(
                $$"""mutation($input: ProposeActionInput!) { proposeAction(input: $input) { run { {{RunFields}} } errors { __typename code message path ... on InvalidInput { faults { path message } } } } }""",
                new
                {
                    input = new
                    {
                        workspaceId = workspaceId ?? world!.WorkspaceId,
                        action,
                        input,
                        reason,
                        idempotencyKey = key ?? Key(),
                    },
                }
            )
        ).GetProperty("proposeAction");

    public static Task<JsonElement> ProposePageAsync(this Client client, World world, string slug, string markdown = "Hello *there*.") =>
        client.ProposeAsync(
            world,
            "page.publish",
            new
            {
                slug,
                title = $"Page {slug}",
                markdown,
            }
        );

    public static async Task<JsonElement> DecideAsync(
        this Client client,
        JsonElement run,
        string verdict = "APPROVE",
        string? digest = null,
        string? key = null
    ) =>
        (
            await client.AskAsync(
                """mutation($input: DecideApprovalInput!) { decideApproval(input: $input) { approval { id state digest round run { id state } } errors { __typename code message ... on StaleDigest { current } } } }""",
                new
                {
                    input = new
                    {
                        approvalId = run.GetProperty("approval").GetProperty("id").GetString(),
                        verdict,
                        digest = digest ?? run.GetProperty("digest").GetString(),
                        reason = "looked at it",
                        idempotencyKey = key ?? Key(),
                    },
                }
            )
        ).GetProperty("decideApproval");

    public static async Task<JsonElement> RollBackAsync(this Client client, JsonElement run, string? key = null) =>
        (
            await client.AskAsync(
                $$"""mutation($input: RollBackRunInput!) { rollBackRun(input: $input) { run { {{RunFields}} } errors { __typename code message ... on AlreadyRolledBack { runId } } } }""",
                new
                {
                    input = new
                    {
                        runId = run.GetProperty("id").GetString(),
                        reason = "changed our mind",
                        idempotencyKey = key ?? Key(),
                    },
                }
            )
        ).GetProperty("rollBackRun");

    public static async Task<JsonElement> CancelAsync(this Client client, JsonElement run) =>
        (
            await client.AskAsync(
                $$"""mutation($input: CancelRunInput!) { cancelRun(input: $input) { run { {{RunFields}} } errors { __typename code message } } }""",
                new
                {
                    input = new
                    {
                        runId = run.GetProperty("id").GetString(),
                        reason = "no longer needed",
                        idempotencyKey = Key(),
                    },
                }
            )
        ).GetProperty("cancelRun");

    public static async Task<JsonElement> SettleAsync(this Client client, JsonElement run, string outcome) =>
        (
            await client.AskAsync(
                $$"""mutation($input: SettleRunInput!) { settleRun(input: $input) { run { {{RunFields}} } errors { __typename code message } } }""",
                new
                {
                    input = new
                    {
                        runId = run.GetProperty("id").GetString(),
                        outcome,
                        reason = "asked the receiver",
                        idempotencyKey = Key(),
                    },
                }
            )
        ).GetProperty("settleRun");

    public static async Task<JsonElement> EngageAsync(this Client client, World world, string boundary, string? target = null) =>
        (
            await client.AskAsync(
                """mutation($input: EngageStopInput!) { engageStop(input: $input) { stop { id boundary target } errors { __typename code message } } }""",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        boundary,
                        target,
                        reason = "something is off",
                        idempotencyKey = Key(),
                    },
                }
            )
        ).GetProperty("engageStop");

    public static async Task<JsonElement> ReleaseAsync(this Client client, JsonElement stop, int? atOnce = null) =>
        (
            await client.AskAsync(
                $$"""mutation($input: ReleaseStopInput!) { releaseStop(input: $input) { run { {{RunFields}} } errors { __typename code message } } }""",
                new
                {
                    input = new
                    {
                        stopId = stop.GetProperty("id").GetString(),
                        atOnce,
                        reason = "it is fine again",
                        idempotencyKey = Key(),
                    },
                }
            )
        ).GetProperty("releaseStop");

    public static async Task<JsonElement> RunAsync(this Client client, JsonElement run) =>
        (
            await client.AskAsync(
                $$"""query($id: ID!) { node(id: $id) { ... on Run { {{RunFields}} receipts { id kind reasonCode state step digest entry undoes fields disclosures } } } }""",
                new { id = run.GetProperty("id").GetString() }
            )
        ).GetProperty("node");

    /// <summary>Waits until the run has left for one of the states; fails after ten seconds.</summary>
    public static async Task<JsonElement> UntilAsync(this Client client, JsonElement run, params string[] states)
    {
        var deadline = TimeProvider.System.GetTimestamp() + 20 * TimeProvider.System.TimestampFrequency;
        while (true)
        {
            var now = await client.RunAsync(run);
            if (states.Contains(now.GetProperty("state").GetString()))
                return now;
            Assert.True(
                TimeProvider.System.GetTimestamp() < deadline,
                $"the run is {now.GetProperty("state")}, not {string.Join(" or ", states)}: {now}"
            );
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public static JsonElement Run(this JsonElement payload)
    {
        Assert.Equal(0, payload.GetProperty("errors").GetArrayLength());
        return payload.GetProperty("run");
    }

    /// <summary>The type of the only error of a payload.</summary>
    public static string? Error(this JsonElement payload) =>
        payload.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("__typename").GetString()).FirstOrDefault();

    public static string State(this JsonElement run) => run.GetProperty("state").GetString()!;
}
