using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

// A thin client of the public API: it knows nothing that any other agent could not know. `verify` asks nobody at all.
if (args is ["verify", .. var rest])
    return Mumega.Cli.Verify.Run(rest, Console.Out, Console.Error);
if (args is ["key", .. var path])
    return Mumega.Cli.Partner.MakeKey(path, Console.Out, Console.Error);
if (args is ["receipts", .. var how])
    return await Mumega.Cli.Partner.FetchAsync(how, Console.Out, Console.Error);
if (args is not ["publish", var file])
{
    Console.Error.WriteLine("usage: mumega publish FILE.md | verify FILE | key FILE | receipts --help");
    return 2;
}

if (!File.Exists(file))
{
    Console.Error.WriteLine($"{file}: no such file");
    return 2;
}

try
{
    return await Publish.RunAsync(file);
}
catch (HttpRequestException e)
{
    Console.Error.WriteLine($"The server could not be reached: {e.Message} Start it with ./mumega up, or set MUMEGA_ADDRESS.");
    return 1;
}

internal static partial class Publish
{
    private const string Propose = """
        mutation($input: ProposeActionInput!) { proposeAction(input: $input) {
          run { id state reason: result decision { reason remedies } preflight { preview { summary } rollbackPlan checks { name passed detail } } }
          errors { message } } }
        """;

    public static async Task<int> RunAsync(string file)
    {
        var (address, clientId, secret, workspace) = Credentials();
        using var http = new HttpClient { BaseAddress = new(address) };
        if (await TokenAsync(http, clientId, secret) is not { } token)
        {
            Console.Error.WriteLine("The server refused the agent's credentials. Set MUMEGA_CLIENT_ID and MUMEGA_CLIENT_SECRET.");
            return 1;
        }

        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        var found = await AskAsync(http, "query($key: String!) { workspace(key: $key) { id } }", new { key = workspace });
        if (found.GetProperty("workspace").ValueKind is JsonValueKind.Null)
        {
            Console.Error.WriteLine($"The agent sees no workspace \"{workspace}\". Set MUMEGA_WORKSPACE.");
            return 1;
        }

        var text = await File.ReadAllTextAsync(file);
        var title = Heading().Match(text) is { Success: true } heading
            ? heading.Groups[1].Value.Trim()
            : Path.GetFileNameWithoutExtension(file);
        var markdown = Heading().Replace(text, "", 1).Trim();
        var slug = NotInSlug().Replace(Path.GetFileNameWithoutExtension(file).ToLowerInvariant(), "-").Trim('-');

        var payload = (
            await AskAsync(
                http,
                Propose,
                new
                {
                    input = new
                    {
                        workspaceId = found.GetProperty("workspace").GetProperty("id").GetString(),
                        action = "page.publish",
                        input = new
                        {
                            slug,
                            title,
                            markdown,
                        },
                        reason = $"Publish {Path.GetFileName(file)}.",
                        idempotencyKey = Guid.NewGuid().ToString("N"),
                    },
                }
            )
        ).GetProperty("proposeAction");
        foreach (var error in payload.GetProperty("errors").EnumerateArray())
        {
            Console.Error.WriteLine(error.GetProperty("message").GetString());
            return 1;
        }

        return await FollowAsync(http, payload.GetProperty("run"), address);
    }

    // Waits for the outcome: at once where policy allows it, after a person's decision where it is gated.
    private static async Task<int> FollowAsync(HttpClient http, JsonElement run, string address)
    {
        var id = run.GetProperty("id").GetString();
        var said = "";
        while (true)
        {
            var state = run.GetProperty("state").GetString()!;
            if (state != said)
            {
                said = state;
                Console.WriteLine(
                    state switch
                    {
                        "AWAITING_APPROVAL" =>
                            $"waiting for approval: {run.GetProperty("decision").GetProperty("reason").GetString()}\n  decide it at {address}/",
                        "DENIED" =>
                            $"denied: {run.GetProperty("decision").GetProperty("reason").GetString()} {string.Join(" ", run.GetProperty("decision").GetProperty("remedies").EnumerateArray())}",
                        "PREFLIGHT_FAILED" =>
                            $"not possible now: {string.Join(" ", run.GetProperty("preflight").GetProperty("checks").EnumerateArray().Where(c => !c.GetProperty("passed").GetBoolean()).Select(c => c.GetProperty("detail").GetString()))}",
                        _ => $"{state.ToLowerInvariant()}{(run.GetProperty("reason").GetString() is { } result ? $": {result}" : "")}",
                    }
                );
            }

            if (state is "SUCCEEDED")
                return 0;
            if (state is not ("AWAITING_APPROVAL" or "QUEUED" or "RUNNING" or "HELD"))
                return 1;
            await Task.Delay(TimeSpan.FromMilliseconds(300));
            run = (
                await AskAsync(
                    http,
                    "query($id: ID!) { node(id: $id) { ... on Run { id state reason: result decision { reason remedies } preflight { checks { passed detail } } } } }",
                    new { id }
                )
            ).GetProperty("node");
        }
    }

    private static (string Address, string ClientId, string Secret, string Workspace) Credentials()
    {
        var sheet = Path.Combine(Environment.GetEnvironmentVariable("MUMEGA_DATA") ?? ".mumega", "demo.json");
        var demo = File.Exists(sheet) ? JsonDocument.Parse(File.ReadAllText(sheet)).RootElement : default;
        string From(string variable, string field, string otherwise) =>
            Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value
            : demo.ValueKind is JsonValueKind.Object ? demo.GetProperty(field).GetString()!
            : otherwise;
        return (
            From("MUMEGA_ADDRESS", "Address", "http://localhost:5080").TrimEnd('/'),
            From("MUMEGA_CLIENT_ID", "AgentClientId", ""),
            From("MUMEGA_CLIENT_SECRET", "AgentSecret", ""),
            From("MUMEGA_WORKSPACE", "Workspace", "studio")
        );
    }

    private static async Task<string?> TokenAsync(HttpClient http, string clientId, string secret)
    {
        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["client_id"] = clientId,
                ["client_secret"] = secret,
                ["scope"] = "mumega:read mumega:propose",
            }
        );
        using var answer = await http.PostAsync("/connect/token", form);
        return answer.IsSuccessStatusCode
            ? (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()
            : null;
    }

    private static async Task<JsonElement> AskAsync(HttpClient http, string query, object variables)
    {
        using var answer = await http.PostAsJsonAsync("/graphql", new { query, variables });
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return json.TryGetProperty("errors", out var errors)
            ? throw new HttpRequestException(errors[0].GetProperty("message").GetString())
            : json.GetProperty("data");
    }

    [GeneratedRegex(@"^#\s+(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotInSlug();
}
