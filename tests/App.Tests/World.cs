using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Mumega.Api.Setup;
using Mumega.Domain.Identity;
using Mumega.Domain.Tenancy;

namespace Mumega.App.Tests;

/// <summary>A tenant with the regulars: Ada owns the place and the agent Hermes, Otto operates and approves, Petra and Pavel approve, Audra only reads.</summary>
public sealed class World
{
    public const string Password = "correct horse battery";
    private static int counter;

    private readonly MumegaApp app;
    private readonly Installation installation;
    private readonly Dictionary<string, Task<Client>> clients = [];
    private readonly Dictionary<string, Principal> principals = [];
    private readonly string secret = Guid.NewGuid().ToString("N");

    private World(MumegaApp app, Installation installation, Tenant tenant, Workspace workspace) =>
        (this.app, this.installation, Tenant, Workspace) = (app, installation, tenant, workspace);

    public Tenant Tenant { get; }

    public Workspace Workspace { get; }

    public string WorkspaceId => Api.GraphQL.NodeId.Of("Workspace", Workspace.Id, Workspace.Id);

    public MumegaApp App => app;

    public string AgentSecret => secret;

    public string AgentClientId => $"hermes-{Tenant.Key}";

    public static async Task<World> CreateAsync(MumegaApp app, Installation installation)
    {
        var ct = TestContext.Current.CancellationToken;
        var key = $"t{Interlocked.Increment(ref counter)}-{RandomNumberGenerator.GetHexString(6, lowercase: true)}";
        var tenant = await installation.AddTenantAsync(key, $"Tenant {key}", ct);
        var world = new World(app, installation, tenant, await installation.AddWorkspaceAsync(tenant, "main", "Main", ct));
        await world.PrincipalAsync("Ada", "owner");
        return world;
    }

    public Task<Client> Ada => PersonAsync("Ada", "owner");

    public Task<Client> Otto => PersonAsync("Otto", "operator", "approver");

    public Task<Client> Petra => PersonAsync("Petra", "approver");

    public Task<Client> Pavel => PersonAsync("Pavel", "approver");

    public Task<Client> Audra => PersonAsync("Audra", "auditor");

    public Task<Client> Hermes =>
        ClientAsync(
            "Hermes",
            async () =>
            {
                var agent = await installation.AddAgentAsync(
                    Tenant,
                    "Hermes",
                    AgentClientId,
                    await OwnerAsync(),
                    secret,
                    null,
                    TestContext.Current.CancellationToken
                );
                await installation.GrantAsync(Workspace, agent, ["agent"], TestContext.Current.CancellationToken);
                principals["Hermes"] = agent;
                return await Client.WithTokenAsync(app.Address, AgentClientId, secret);
            }
        );

    /// <summary>One more agent of Ada's, with the agent's role here.</summary>
    public Task<Client> AgentAsync(string name) =>
        ClientAsync(
            name,
            async () =>
            {
                var clientId = $"{name}-{Workspace.Key}-{Tenant.Key}";
                var agent = await installation.AddAgentAsync(
                    Tenant,
                    name,
                    clientId,
                    await OwnerAsync(),
                    secret,
                    null,
                    TestContext.Current.CancellationToken
                );
                await installation.GrantAsync(Workspace, agent, ["agent"], TestContext.Current.CancellationToken);
                principals[name] = agent;
                return await Client.WithTokenAsync(app.Address, clientId, secret);
            }
        );

    public Guid IdOf(string name) => principals[name].Id;

    public Task<Client> PersonAsync(string name, params string[] roles) =>
        ClientAsync(
            name,
            async () =>
            {
                await PrincipalAsync(name, roles);
                return await Client.SignInAsync(app.Address, Email(name), Password);
            }
        );

    public string Email(string name) => $"{name.ToLowerInvariant()}@{Tenant.Key}.test";

    public async Task<World> OtherWorkspaceAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        var other = new World(app, installation, Tenant, await installation.AddWorkspaceAsync(Tenant, $"side-{counter}", "Side", ct));
        other.principals["Ada"] = principals["Ada"];
        other.isOther = true;
        return other;
    }

    // An agent may do what its owner may: in another room of the tenant, where Ada has nothing to say, that is somebody of that room.
    private async Task<Principal> OwnerAsync() => isOther ? await PrincipalAsync($"Olga-{Workspace.Key}", "owner") : principals["Ada"];

    private bool isOther;

    /// <summary>A workflow of the library.</summary>
    public Task WorkflowAsync(string template) => installation.AddWorkflowAsync(Workspace, template, TestContext.Current.CancellationToken);

    public Task ConnectAsync(string key, string mode, bool idempotent = false, bool probe = false) =>
        installation.AddConnectionAsync(
            Workspace,
            key,
            key,
            app.Receiver.Url(mode),
            "whsec_" + Convert.ToBase64String(new byte[32]),
            idempotent,
            probe ? app.Receiver.Probe : null,
            TestContext.Current.CancellationToken
        );

    private async Task<Principal> PrincipalAsync(string name, params string[] roles)
    {
        if (principals.TryGetValue(name, out var known))
            return known;
        var ct = TestContext.Current.CancellationToken;
        var principal = await installation.AddPersonAsync(Tenant, name, Email(name), Password, ct);
        await installation.GrantAsync(Workspace, principal, roles, ct);
        return principals[name] = principal;
    }

    private Task<Client> ClientAsync(string name, Func<Task<Client>> make)
    {
        lock (clients)
            return clients.TryGetValue(name, out var known) ? known : clients[name] = make();
    }
}

/// <summary>Somebody with a token or a browser session, talking GraphQL over HTTP.</summary>
public sealed class Client : IDisposable
{
    private readonly HttpClient http;

    private Client(HttpClient http) => this.http = http;

    public HttpClient Http => http;

    public string? Token { get; private init; }

    public string? Cookie { get; private init; }

    public static async Task<Client> WithTokenAsync(
        string address,
        string clientId,
        string secret,
        string scope = "mumega:read mumega:propose"
    )
    {
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["client_id"] = clientId,
                ["client_secret"] = secret,
                ["scope"] = scope,
            }
        );
        using var answer = await http.PostAsync($"{address}/connect/token", form);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(answer.IsSuccessStatusCode, json.ToString());
        return Bearer(address, json.GetProperty("access_token").GetString()!);
    }

    public static Client Bearer(string address, string token)
    {
        var http = new HttpClient { BaseAddress = new(address) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return new(http) { Token = token };
    }

    /// <summary>Signs in as the web app does: password, then code with PKCE behind the scenes, then a session cookie.</summary>
    public static async Task<Client> SignInAsync(string address, string email, string password)
    {
        var cookies = new CookieContainer();
        var http = new HttpClient(new HttpClientHandler { CookieContainer = cookies, AllowAutoRedirect = false })
        {
            BaseAddress = new(address),
        };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var signIn = await http.PostAsJsonAsync("/session/sign-in", new { email, password });
        Assert.Equal(HttpStatusCode.NoContent, signIn.StatusCode);

        var next = "/session/start?returnUrl=%2Fdone";
        while (next is not null and not "/done")
        {
            using var step = await http.GetAsync(next);
            next = step.Headers.Location?.ToString();
        }

        Assert.Equal("/done", next);
        return new(http) { Cookie = cookies.GetCookies(new Uri(address))["mumega_session"]!.Value };
    }

    /// <summary>How this person confirms what they are asked to; the password where they have nothing else. Null leaves such an answer as it is.</summary>
    public Func<IReadOnlyList<string>, (string Method, string Code)>? Confirms { get; set; } = _ => ("PASSWORD", World.Password);

    /// <summary>The data of an answer without errors; what has to be confirmed is, and is asked for again.</summary>
    public async Task<JsonElement> AskAsync(string query, object? variables = null)
    {
        var answer = await AnswerAsync(query, variables);

        // On a busy machine an answer may not be there in time; any client asks again, and the key makes the same act of it.
        for (var again = 0; again < 5 && IsLate(answer); again++)
            answer = await AnswerAsync(query, variables);
        if (Confirms is { } confirms && Needed(answer) is { } needed)
        {
            var (method, code) = confirms([.. needed.GetProperty("methods").EnumerateArray().Select(m => m.GetString()!)]);
            var confirmed = await AnswerAsync(
                "mutation($input: ConfirmInput!) { confirm(input: $input) { confirmed errors { code } } }",
                new
                {
                    input = new
                    {
                        confirmationId = needed.GetProperty("confirmationId").GetString(),
                        method,
                        code,
                    },
                }
            );
            Assert.True(confirmed.GetProperty("data").GetProperty("confirm").GetProperty("confirmed").GetBoolean(), confirmed.ToString());
            answer = await AnswerAsync(query, variables);
        }

        Assert.False(answer.TryGetProperty("errors", out var errors), errors.ToString());
        return answer.GetProperty("data");
    }

    private static bool IsLate(JsonElement answer) =>
        answer.TryGetProperty("errors", out var errors)
        && errors[0].TryGetProperty("extensions", out var more)
        && more.TryGetProperty("code", out var code)
        && code.GetString() is "TIMEOUT";

    /// <summary>The whole answer, errors and all.</summary>
    public async Task<JsonElement> AnswerAsync(string query, object? variables = null)
    {
        // Every refusal is asked what it would take, so that a test need not know which acts are confirmed.
        query = query.Replace("errors { ", "errors { ... on ConfirmationNeeded { confirmationId methods } ", StringComparison.Ordinal);
        using var answer = await http.PostAsJsonAsync("/graphql", new { query, variables });
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>What a mutation's answer wants confirmed, if its query asks for it by <c>... on ConfirmationNeeded</c>.</summary>
    private static JsonElement? Needed(JsonElement answer)
    {
        if (!answer.TryGetProperty("data", out var data) || data.ValueKind is not JsonValueKind.Object)
            return null;
        foreach (
            var payload in data.EnumerateObject()
                .Select(p => p.Value)
                .Where(p => p.ValueKind is JsonValueKind.Object && p.TryGetProperty("errors", out _))
        )
        {
            foreach (var error in payload.GetProperty("errors").EnumerateArray())
            {
                if (error.TryGetProperty("confirmationId", out _))
                    return error;
            }
        }

        return null;
    }

    public void Dispose() => http.Dispose();
}
