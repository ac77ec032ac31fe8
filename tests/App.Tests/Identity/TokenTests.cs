using System.IdentityModel.Tokens.Jwt;
using System.Net;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;
using Mumega.Api.Identity;
using Mumega.Api.Setup;
using Mumega.App.Tests.Runs;

namespace Mumega.App.Tests.Identity;

public abstract class TokenTests(MumegaApp app)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_revoked_token_is_refused_on_the_next_request()
    {
        var world = await app.WorldAsync();
        var hermes = await world.Hermes;
        await hermes.AskAsync("{ viewer { tenant } }");
        var (status, _) = await PostAsync(
            "/connect/revocation",
            ("client_id", world.AgentClientId),
            ("client_secret", world.AgentSecret),
            ("token", hermes.Token!)
        );
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await hermes.AnswerAsync("{ viewer { tenant } }")));
    }

    [Fact]
    public async Task Introspection_says_active_to_whom_the_token_concerns_and_nothing_to_a_stranger()
    {
        var (world, other) = (await app.WorldAsync(), await app.WorldAsync());
        var (hermes, _) = (await world.Hermes, await other.Hermes);
        var (_, own) = await PostAsync(
            "/connect/introspect",
            ("client_id", world.AgentClientId),
            ("client_secret", world.AgentSecret),
            ("token", hermes.Token!)
        );
        Assert.True(own.GetProperty("active").GetBoolean());
        var (_, strange) = await PostAsync(
            "/connect/introspect",
            ("client_id", other.AgentClientId),
            ("client_secret", other.AgentSecret),
            ("token", hermes.Token!)
        );
        Assert.Equal(
            """{"active":false}""",
            strange.ToString().Replace(" ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task An_agent_signs_in_with_its_own_key()
    {
        var world = await app.WorldAsync();
        await world.Hermes;
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(
            new ECDsaSecurityKey(ECDsa.Create(ec.ExportParameters(false))) { KeyId = "k1" }
        );
        var clientId = $"keyed-{world.Tenant.Key}";
        var installation = app.Services.GetRequiredService<Installation>();
        var agent = await installation.AddAgentAsync(
            world.Tenant,
            "Keyed",
            clientId,
            new()
            {
                TenantId = world.Tenant.Id,
                Id = world.IdOf("Ada"),
                Kind = Domain.Identity.PrincipalKind.User,
                Name = "Ada",
                CreatedAt = default,
            },
            null,
            key,
            Ct
        );
        await installation.GrantAsync(world.Workspace, agent, ["agent"], Ct);

        var (status, json) = await PostAsync(
            "/connect/token",
            ("grant_type", "client_credentials"),
            ("scope", "mumega:read"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", Assertion(clientId, ec))
        );
        Assert.True(status is HttpStatusCode.OK, json.ToString());
        using var client = Client.Bearer(app.Address, json.GetProperty("access_token").GetString()!);
        await client.AskAsync("{ viewer { tenant } }");

        // Used once, with an id, for five minutes at most.
        async Task<HttpStatusCode> SignInAsync(string assertion) =>
            (
                await PostAsync(
                    "/connect/token",
                    ("grant_type", "client_credentials"),
                    ("scope", "mumega:read"),
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", assertion)
                )
            ).Status;
        var once = Assertion(clientId, ec);
        Assert.Equal(HttpStatusCode.OK, await SignInAsync(once));
        Assert.Equal(HttpStatusCode.Unauthorized, await SignInAsync(once));
        Assert.Equal(HttpStatusCode.Unauthorized, await SignInAsync(Assertion(app, clientId, ec, "k1", id: null)));
        Assert.Equal(HttpStatusCode.Unauthorized, await SignInAsync(Assertion(app, clientId, ec, "k1", seconds: 365 * 86_400)));
        Assert.Equal(HttpStatusCode.OK, await SignInAsync(Assertion(app, clientId, ec, "k1", seconds: 290)));
        var both = await Task.WhenAll(Enumerable.Repeat(Assertion(clientId, ec), 8).Select(SignInAsync));
        Assert.Equal(1, both.Count(s => s is HttpStatusCode.OK));

        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (refused, _) = await PostAsync(
            "/connect/token",
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", Assertion(clientId, stranger))
        );
        Assert.Equal(HttpStatusCode.Unauthorized, refused);
    }

    [Fact]
    public async Task A_public_OpenID_client_does_code_refresh_private_key_exchange_and_revocation()
    {
        var world = await app.WorldAsync();
        await world.Hermes;
        await world.Otto;
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var clientId = $"npm-{world.Tenant.Key}";
        var installation = app.Services.GetRequiredService<Installation>();
        var agent = await installation.AddAgentAsync(
            world.Tenant,
            "Npm",
            clientId,
            new()
            {
                TenantId = world.Tenant.Id,
                Id = world.IdOf("Ada"),
                Kind = Domain.Identity.PrincipalKind.User,
                Name = "Ada",
                CreatedAt = default,
            },
            null,
            JsonWebKeyConverter.ConvertFromECDsaSecurityKey(
                new ECDsaSecurityKey(ECDsa.Create(ec.ExportParameters(false))) { KeyId = "k1" }
            ),
            Ct
        );
        await installation.GrantAsync(world.Workspace, agent, ["agent"], Ct);
        var p = ec.ExportParameters(true);
        var jwk = JsonSerializer.Serialize(
            new
            {
                kty = "EC",
                crv = "P-256",
                kid = "k1",
                x = Base64UrlEncoder.Encode(p.Q.X!),
                y = Base64UrlEncoder.Encode(p.Q.Y!),
                d = Base64UrlEncoder.Encode(p.D!),
            }
        );

        using var node = Node.Start("oidc.mjs", app.Address, world.Email("Otto"), World.Password, clientId, jwk);
        var (code, output) = await node.EndAsync();
        Assert.True(code == 0, output);
        Assert.EndsWith("done\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_code_needs_its_verifier_and_works_once_and_a_refresh_token_rotates()
    {
        var world = await app.WorldAsync();
        await world.Otto;
        var (code, verifier) = await CodeAsync(world, "S256");
        Assert.Equal(HttpStatusCode.BadRequest, (await RedeemAsync(code, "wrong" + verifier)).Status);

        (code, verifier) = await CodeAsync(world, "S256");
        var first = await RedeemAsync(code, verifier);
        Assert.Equal(HttpStatusCode.OK, first.Status);
        using var client = Client.Bearer(app.Address, first.Json.GetProperty("access_token").GetString()!);
        await client.AskAsync("{ viewer { tenant } }");

        var refresh = first.Json.GetProperty("refresh_token").GetString()!;
        var second = await PostAsync(
            "/connect/token",
            ("grant_type", "refresh_token"),
            ("client_id", TokenServer.WebClient),
            ("refresh_token", refresh)
        );
        Assert.Equal(HttpStatusCode.OK, second.Status);
        Assert.NotEqual(refresh, second.Json.GetProperty("refresh_token").GetString());
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (
                await PostAsync(
                    "/connect/token",
                    ("grant_type", "refresh_token"),
                    ("client_id", TokenServer.WebClient),
                    ("refresh_token", refresh)
                )
            ).Status
        );

        // A replayed code kills what was issued from it.
        Assert.Equal(HttpStatusCode.BadRequest, (await RedeemAsync(code, verifier)).Status);
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await client.AnswerAsync("{ viewer { tenant } }")));
    }

    [Fact]
    public async Task A_code_flow_without_PKCE_or_with_plain_is_refused()
    {
        var world = await app.WorldAsync();
        await world.Otto;
        await Assert.ThrowsAnyAsync<Exception>(() => CodeAsync(world, "plain"));
        await Assert.ThrowsAnyAsync<Exception>(() => CodeAsync(world, null));
    }

    public static TheoryData<string> Forgeries => ["none", "hs256", "foreign-key", "cut", "empty"];

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task A_forged_token_is_refused(string kind)
    {
        var world = await app.WorldAsync();
        var token = (await world.Hermes).Token!;
        var parts = token.Split('.');
        var payload = parts[1];
        string Header(string alg) =>
            System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"{{alg}}","typ":"at+jwt"}"""));
        var forged = kind switch
        {
            "none" => $"{Header("none")}.{payload}.",
            "hs256" =>
                $"{Header("HS256")}.{payload}.{System.Buffers.Text.Base64Url.EncodeToString(HMACSHA256.HashData("public"u8, Encoding.ASCII.GetBytes($"{Header("HS256")}.{payload}")))}",
            "foreign-key" => Foreign($"{Header("ES256")}.{payload}"),
            "cut" => $"{parts[0]}.{payload}.{parts[2][..^4]}AAAA",
            _ => "x",
        };
        using var mallory = Client.Bearer(app.Address, forged);
        Assert.Equal("UNAUTHENTICATED", GovernedActionTests.Code(await mallory.AnswerAsync("{ viewer { tenant } }")));
    }

    [Fact]
    public async Task A_scope_that_the_token_lacks_is_a_ceiling()
    {
        var world = await app.WorldAsync();
        await world.Hermes;
        using var reader = await Client.WithTokenAsync(app.Address, world.AgentClientId, world.AgentSecret, "mumega:read");
        var run = (await reader.ProposePageAsync(world, "ceiling")).Run();
        Assert.Equal("DENIED", run.State());
        Assert.Contains("guardrail.scope", run.GetProperty("decision").GetProperty("policies").EnumerateArray().Select(p => p.GetString()));
    }

    [Fact]
    public async Task Five_wrong_passwords_lock_a_person_out_and_signing_out_ends_the_session()
    {
        var world = await app.WorldAsync();
        var petra = await world.Petra;
        using var signOut = await petra.Http.PostAsync("/session/sign-out", null, Ct);
        Assert.Equal(HttpStatusCode.NoContent, signOut.StatusCode);
        using var old = new HttpClient(new HttpClientHandler { UseCookies = false }) { BaseAddress = new(app.Address) };
        old.DefaultRequestHeaders.Add("Cookie", $"mumega_session={petra.Cookie}");
        old.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var after = await old.PostAsJsonAsync("/graphql", new { query = "{ viewer { tenant } }" }, Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);

        HttpStatusCode last = default;
        for (var i = 0; i < 6; i++)
        {
            using var answer = await old.PostAsJsonAsync("/session/sign-in", new { email = world.Email("Petra"), password = "wrong" }, Ct);
            last = answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, last);
    }

    [Fact]
    public async Task Keys_survive_a_restart_and_are_ES256()
    {
        using var http = new HttpClient();
        var configuration = await http.GetFromJsonAsync<JsonElement>(
            $"{(await app.WorldAsync()).App.Address}/.well-known/openid-configuration",
            Ct
        );
        var keys = await http.GetFromJsonAsync<JsonElement>(configuration.GetProperty("jwks_uri").GetString(), Ct);
        var before = keys.GetProperty("keys")
            .EnumerateArray()
            .Where(k => k.GetProperty("kty").GetString() == "EC")
            .Select(k => k.GetProperty("kid").GetString())
            .ToList();
        Assert.Single(before);

        // What a restart does: the ring is loaded from the database again.
        await app.Services.GetRequiredService<TokenKeyRing>().RotateAsync(Ct);
        var after = await http.GetFromJsonAsync<JsonElement>(configuration.GetProperty("jwks_uri").GetString(), Ct);
        Assert.Equal(
            before,
            after
                .GetProperty("keys")
                .EnumerateArray()
                .Where(k => k.GetProperty("kty").GetString() == "EC")
                .Select(k => k.GetProperty("kid").GetString())
        );
    }

    /// <summary>The public half as a JWK with a name.</summary>
    internal static string PublicJwk(ECDsa pair, string name)
    {
        var point = pair.ExportParameters(false).Q;
        return JsonSerializer.Serialize(
            new
            {
                kty = "EC",
                crv = "P-256",
                kid = name,
                use = "sig",
                alg = "ES256",
                x = System.Buffers.Text.Base64Url.EncodeToString(point.X),
                y = System.Buffers.Text.Base64Url.EncodeToString(point.Y),
            }
        );
    }

    private string Assertion(string clientId, ECDsa key) => Assertion(app, clientId, key, "k1");

    internal static string Assertion(MumegaApp app, string clientId, ECDsa key, string name, string? id = "", int seconds = 60) =>
        new JwtSecurityTokenHandler().WriteToken(
            new JwtSecurityToken(
                new JwtHeader(new SigningCredentials(new ECDsaSecurityKey(key) { KeyId = name }, SecurityAlgorithms.EcdsaSha256))
                {
                    ["typ"] = "client-authentication+jwt",
                },
                new JwtPayload(
                    clientId,
                    $"{app.Address}/",
                    [
                        new Claim("sub", clientId),
                        .. id is null ? Array.Empty<Claim>() : [new Claim("jti", id.Length > 0 ? id : Guid.NewGuid().ToString())],
                    ],
                    null,
                    DateTime.UnixEpoch.AddSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + seconds)
                )
            )
        );

    private static string Foreign(string content)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return $"{content}.{System.Buffers.Text.Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256))}";
    }

    private Task<(HttpStatusCode Status, JsonElement Json)> RedeemAsync(string code, string verifier) =>
        PostAsync(
            "/connect/token",
            ("grant_type", "authorization_code"),
            ("client_id", TokenServer.WebClient),
            ("code", code),
            ("redirect_uri", $"{app.Address}/session/callback"),
            ("code_verifier", verifier)
        );

    /// <summary>Signs in and stops before the code is redeemed.</summary>
    private Task<(string Code, string Verifier)> CodeAsync(World world, string? method) =>
        CodeAsync(app, world, method, "Otto", "mumega:read offline_access");

    internal static async Task<(string Code, string Verifier)> CodeAsync(
        MumegaApp app,
        World world,
        string? method,
        string name,
        string scope
    )
    {
        using var http = new HttpClient(new HttpClientHandler { CookieContainer = new(), AllowAutoRedirect = false })
        {
            BaseAddress = new(app.Address),
        };
        http.DefaultRequestHeaders.Add("graphql-require-preflight", "1");
        using var signIn = await http.PostAsJsonAsync("/session/sign-in", new { email = world.Email(name), password = World.Password }, Ct);
        var verifier = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        var challenge =
            method == "S256" ? System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))) : verifier;
        var pkce = method is null ? "" : $"&code_challenge={challenge}&code_challenge_method={method}";
        using var answer = await http.GetAsync(
            $"/connect/authorize?client_id={TokenServer.WebClient}&response_type=code&redirect_uri={Uri.EscapeDataString($"{app.Address}/session/callback")}&scope={Uri.EscapeDataString(scope)}{pkce}",
            Ct
        );
        return (System.Web.HttpUtility.ParseQueryString(answer.Headers.Location!.Query)["code"]!, verifier);
    }

    private async Task<(HttpStatusCode Status, JsonElement Json)> PostAsync(string path, params (string Name, string Value)[] fields)
    {
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(fields.ToDictionary(f => f.Name, f => f.Value));
        using var answer = await http.PostAsync($"{app.Address}{path}", form, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }
}

public sealed class TokensOnSqlite(SqliteApp app) : TokenTests(app);

public sealed class TokensOnPostgres(PostgresApp app) : TokenTests(app);
