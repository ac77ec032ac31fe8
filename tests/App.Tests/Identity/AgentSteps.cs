using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace Mumega.App.Tests.Identity;

/// <summary>What tests of agents do over and over: register one, let it sign in, hand it a token.</summary>
public abstract class AgentSteps(MumegaApp app)
{
    private protected MumegaApp App => app;

    private protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    private protected const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";

    internal sealed record Answer(JsonElement Json)
    {
        public string? Token() => Json.TryGetProperty("access_token", out var token) ? token.GetString() : null;

        public string? Error() => Json.TryGetProperty("error", out var error) ? error.GetString() : null;
    }

    private protected async Task<Guid> RegisterAsync(World world, Client by, string name, string owner = "Otto")
    {
        var run = (
            await by.ProposeAsync(
                world,
                "agent.register",
                new
                {
                    name,
                    purpose = "Looks around.",
                    tier = "interactive",
                    owner = world.IdOf(owner),
                    endsAt = TimeProvider.System.GetUtcNow().AddDays(30),
                }
            )
        ).Run();

        // In somebody else's name an agent comes about with their word only.
        if (run.State() == "AWAITING_APPROVAL")
            Assert.Null((await (await world.PersonAsync(owner)).DecideAsync(run)).Error());
        run = await by.UntilAsync(run, "SUCCEEDED");
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        Assert.NotNull(run.GetProperty("rollback").GetProperty("summary").GetString());
        return await db.Principals.Where(p => p.Name == name).OrderByDescending(p => p.CreatedAt).Select(p => p.Id).FirstAsync(Ct);
    }

    private protected async Task<Domain.Identity.Principal> PrincipalAsync(World world, string name)
    {
        await using var db = app.Databases.OpenTenant(world.Tenant.Id);
        var id = world.IdOf(name);
        return await db.Principals.SingleAsync(p => p.Id == id, Ct);
    }

    private protected async Task<string> StateAsync(World world, JsonElement run)
    {
        await using var db = app.Databases.Open(world.Tenant.Id, world.Workspace.Id);
        var id = Guid.Parse(Api.GraphQL.NodeId.Parse(run.GetProperty("id").GetString()!)!.Value.Key);
        return Domain.Runs.RunStates.Name(await db.Runs.Where(r => r.Id == id).Select(r => r.State).SingleAsync(Ct));
    }

    private protected static async Task<JsonElement> IssueAsync(World world, Client by, Guid agent) =>
        (
            await by.AskAsync(
                "mutation($input: IssueAgentSecretInput!) { issueAgentSecret(input: $input) { clientId secret errors { __typename message } } }",
                new
                {
                    input = new
                    {
                        workspaceId = world.WorkspaceId,
                        agentId = agent,
                        reason = "it needs one",
                    },
                }
            )
        ).GetProperty("issueAgentSecret");

    private protected static async Task<(string ClientId, string Secret)> SecretAsync(World world, Client by, Guid agent)
    {
        var issued = await IssueAsync(world, by, agent);
        Assert.Null(issued.Error());
        return (issued.GetProperty("clientId").GetString()!, issued.GetProperty("secret").GetString()!);
    }

    private protected static async Task<JsonElement> AgentAsync(World world, Client by, Guid agent) =>
        (
            await by.AskAsync(
                "query($key: String!) { workspace(key: $key) { agents { principalId name active clientId purpose tier owner { name } suspendedThrough { name } retiredAt credentials { secretIssuedAt keys liveTokens lastTokenAt } } } }",
                new { key = world.Workspace.Key }
            )
        )
            .GetProperty("workspace")
            .GetProperty("agents")
            .EnumerateArray()
            .Single(a => a.GetProperty("principalId").GetGuid() == agent);

    private protected static string ClientIdOf(World world, string name) =>
        name == "Hermes" ? world.AgentClientId : $"{name}-{world.Workspace.Key}-{world.Tenant.Key}";

    /// <summary>A person's own access token, by code and PKCE.</summary>
    private protected async Task<string> PersonTokenAsync(World world, string name, string scope)
    {
        var (code, verifier) = await TokenTests.CodeAsync(app, world, "S256", name, scope);
        return (
            await TokenAsync(
                ("grant_type", "authorization_code"),
                ("client_id", "mission-control"),
                ("code", code),
                ("redirect_uri", $"{app.Address}/session/callback"),
                ("code_verifier", verifier)
            )
        ).Token()!;
    }

    /// <summary>Makes a token that only that agent can exchange: by the person's client, or by the agent that acts with it.</summary>
    private protected Task<Answer> HandOverAsync(
        string token,
        string to,
        World? world = null,
        string? by = null,
        (string ClientId, string Secret)? agent = null
    )
    {
        var client = agent ?? (by is null ? null : (ClientIdOf(world!, by), world!.AgentSecret));
        (string, string)[] credentials = client is { } c
            ? [("client_id", c.ClientId), ("client_secret", c.Secret)]
            : [("client_id", "mission-control")];
        return TokenAsync([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", AccessToken),
            ("audience", to),
            .. credentials,
        ]);
    }

    private protected Task<Answer> ExchangeAsync(World world, string agent, string token, params (string, string)[] more) =>
        ExchangeAsync((ClientIdOf(world, agent), world.AgentSecret), token, more);

    private protected Task<Answer> ExchangeAsync((string ClientId, string Secret) agent, string token, params (string, string)[] more) =>
        TokenAsync([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", AccessToken),
            ("client_id", agent.ClientId),
            ("client_secret", agent.Secret),
            .. more,
        ]);

    private protected async Task<Answer> SignInAsync(string clientId, ECDsa key, string name, string scope = "mumega:read") =>
        await TokenAsync(
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", TokenTests.Assertion(app, clientId, key, name))
        );

    private protected Task<Answer> TokenAsync(params (string Name, string Value)[] fields) => PostAsync("/connect/token", fields);

    private protected async Task<Answer> PostAsync(string path, params (string Name, string Value)[] fields)
    {
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        using var answer = await http.PostAsync($"{app.Address}{path}", form, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return new(text.Length == 0 ? JsonSerializer.SerializeToElement(new { }) : JsonDocument.Parse(text).RootElement);
    }

    private protected static JsonElement Claims(string token) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
}
