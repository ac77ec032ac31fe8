using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Mumega.Browser.Tests;

/// <summary>The demo's agent, over the API.</summary>
internal sealed class Agent : IDisposable
{
    private readonly HttpClient http;

    private Agent(HttpClient http) => this.http = http;

    public string WorkspaceId { get; private set; } = "";

    public static async Task<Agent> SignInAsync(Studio studio)
    {
        var http = new HttpClient { BaseAddress = new(studio.Address) };
        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["client_id"] = studio.Sheet.AgentClientId,
                ["client_secret"] = studio.Sheet.AgentSecret,
                ["scope"] = "mumega:read mumega:propose",
            }
        );
        using var answer = await http.PostAsync("/connect/token", form, TestContext.Current.CancellationToken);
        var token = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.GetProperty("access_token").GetString());
        var agent = new Agent(http);
        agent.WorkspaceId = (await agent.AskAsync("{ viewer { workspaces { id } } }"))
            .GetProperty("viewer")
            .GetProperty("workspaces")[0]
            .GetProperty("id")
            .GetString()!;
        return agent;
    }

    /// <summary>Proposes an action and returns the run's id.</summary>
    public async Task<string> ProposeAsync(string action, object input, string reason)
    {
        var answer = (
            await AskAsync(
                "mutation($input: ProposeActionInput!) { proposeAction(input: $input) { run { id } errors { message } } }",
                new
                {
                    input = new
                    {
                        workspaceId = WorkspaceId,
                        action,
                        input,
                        reason,
                        idempotencyKey = Guid.NewGuid().ToString(),
                    },
                }
            )
        ).GetProperty("proposeAction");
        Assert.True(answer.GetProperty("errors").GetArrayLength() == 0, answer.ToString());
        return answer.GetProperty("run").GetProperty("id").GetString()!;
    }

    public async Task<JsonElement> AskAsync(string query, object? variables = null)
    {
        using var answer = await http.PostAsJsonAsync("/graphql", new { query, variables }, TestContext.Current.CancellationToken);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.False(json.TryGetProperty("errors", out _), json.ToString());
        return json.GetProperty("data");
    }

    public void Dispose() => http.Dispose();
}
