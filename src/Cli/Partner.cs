using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mumega.Cli;

/// <summary>What a partner does: make a key, and fetch the receipts that a contract shows, with proofs.</summary>
internal static class Partner
{
    private const string Help = """
        usage: mumega receipts --key FILE --client ID [--address URL] [--contract ID] [--from SIZE] [--after CURSOR] [--output FILE]

        Fetches the receipts that a contract shows, with their proofs, as one file for mumega verify.

          --key FILE       the private key that mumega key made
          --client ID      the client id that you were given
          --address URL    where the server is; http://localhost:5080 when not given
          --contract ID    which contract, when there are several
          --from SIZE      the size of a checkpoint that you kept: proves as well that the log goes on from there
          --after CURSOR   goes on from where the last fetch ended
          --output FILE    evidence.json when not given

        Each fetch leaves a receipt at the other side. Exit code: 0 fetched, 3 nothing new, 1 refused, 64 wrong usage.
        """;

    // As many as a file holds without becoming larger than a verifier reads.
    private const int Most = 10_000;

    private const int Usage = 64,
        Nothing = 3;

    /// <summary>Makes an ES256 key (RFC 7518): the private half into a file that only its owner reads, the public half to the output.</summary>
    public static int MakeKey(string[] args, TextWriter output, TextWriter errors)
    {
        if (args is not [var path] || path.StartsWith('-'))
        {
            errors.WriteLine("usage: mumega key FILE");
            return Usage;
        }

        if (File.Exists(path))
        {
            errors.WriteLine($"{path} exists; a key is never overwritten.");
            return 1;
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var parts = key.ExportParameters(true);
        var jwk = new JsonObject
        {
            ["kty"] = "EC",
            ["crv"] = "P-256",
            ["x"] = Base64Url.EncodeToString(parts.Q.X),
            ["y"] = Base64Url.EncodeToString(parts.Q.Y),
            ["use"] = "sig",
            ["alg"] = "ES256",
        };
        jwk["kid"] = Base64Url.EncodeToString(SHA256.HashData(parts.Q.X!)).Substring(0, 16);
        output.WriteLine(jwk.ToJsonString());

        jwk["d"] = Base64Url.EncodeToString(parts.D);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new StreamWriter(path, Encoding.UTF8, options);
        file.WriteLine(jwk.ToJsonString());
        errors.WriteLine($"The private half is in {path}; keep it. Give the line above to whoever makes the contract.");
        return 0;
    }

    public static async Task<int> FetchAsync(string[] args, TextWriter output, TextWriter errors)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (
                i + 1 == args.Length
                || args[i] is not ("--key" or "--client" or "--address" or "--contract" or "--from" or "--after" or "--output")
            )
            {
                (args[i] is "--help" ? output : errors).WriteLine(Help);
                return args[i] is "--help" ? 0 : Usage;
            }

            given[args[i]] = args[i + 1];
        }

        if (!given.TryGetValue("--key", out var keyFile) || !given.TryGetValue("--client", out var client))
        {
            errors.WriteLine(Help);
            return Usage;
        }

        try
        {
            using var http = new HttpClient
            {
                BaseAddress = new(given.GetValueOrDefault("--address", "http://localhost:5080").TrimEnd('/') + "/"),
            };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(http, keyFile, client));
            return await FetchAsync(http, given, output, errors);
        }
        catch (Exception e)
            when (e
                    is HttpRequestException
                        or IOException
                        or JsonException
                        or FormatException
                        or CryptographicException
                        or InvalidOperationException
            )
        {
            errors.WriteLine(e.Message);
            return 1;
        }
    }

    /// <summary>Signs in with a key: client credentials with private_key_jwt (RFC 7523).</summary>
    internal static async Task<string> TokenAsync(HttpClient http, string keyFile, string client)
    {
        var jwk = JsonNode.Parse(await File.ReadAllTextAsync(keyFile))!;
        byte[] Part(string name) =>
            Base64Url.DecodeFromChars(
                jwk[name]?.GetValue<string>() ?? throw new InvalidOperationException($"{keyFile} lacks \"{name}\"; is it the private half?")
            );
        using var key = ECDsa.Create(
            new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new() { X = Part("x"), Y = Part("y") },
                D = Part("d"),
            }
        );

        var server = await http.GetFromJsonAsync<JsonElement>(".well-known/openid-configuration");
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var header = Encode(
            new
            {
                alg = "ES256",
                typ = "client-authentication+jwt",
                kid = jwk["kid"]?.GetValue<string>(),
            }
        );
        var claims = Encode(
            new
            {
                iss = client,
                sub = client,
                aud = server.GetProperty("issuer").GetString(),
                jti = Guid.NewGuid(),
                iat = now,
                exp = now + 60,
            }
        );
        var signature = Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes($"{header}.{claims}"), HashAlgorithmName.SHA256));

        using var form = new FormUrlEncodedContent(
            new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["scope"] = "mumega:receipts",
                ["client_id"] = client,
                ["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ["client_assertion"] = $"{header}.{claims}.{signature}",
            }
        );
        using var answer = await http.PostAsync("connect/token", form);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return answer.IsSuccessStatusCode
            ? json.GetProperty("access_token").GetString()!
            : throw new HttpRequestException(
                $"The server refused the key: {(json.TryGetProperty("error_description", out var why) ? why.GetString() : answer.StatusCode.ToString())}"
            );
    }

    private static async Task<int> FetchAsync(HttpClient http, Dictionary<string, string> given, TextWriter output, TextWriter errors)
    {
        var contracts = (await AskAsync(http, "{ contracts { id contractId until ended } }", new { }))
            .GetProperty("contracts")
            .EnumerateArray()
            .Where(c =>
                given.TryGetValue("--contract", out var id)
                    ? c.GetProperty("contractId").GetString() == id
                    : c.GetProperty("ended").ValueKind is JsonValueKind.Null
            )
            .ToList();
        if (contracts.Count != 1)
        {
            errors.WriteLine(
                contracts.Count == 0 ? "There is no such contract in force." : "There are several contracts; name one with --contract:"
            );
            foreach (var contract in contracts)
                errors.WriteLine($"  {contract.GetProperty("contractId").GetString()}  until {contract.GetProperty("until").GetString()}");
            return 1;
        }

        // All of a file is proven against one checkpoint: the one that the first answer names.
        JsonNode? bundle = null;
        var (cursor, more, size) = (given.GetValueOrDefault("--after"), true, (long?)null);
        while (more && (bundle?["receipts"]!.AsArray().Count ?? 0) < Most)
        {
            var evidence = (
                await AskAsync(
                    http,
                    "query($id: ID!, $after: String, $from: Long, $checkpoint: Long) { contract(id: $id) { evidence(after: $after, from: $from, checkpoint: $checkpoint) { bundle endCursor hasNextPage } } }",
                    new
                    {
                        id = contracts[0].GetProperty("id").GetString(),
                        after = cursor,
                        from = given.TryGetValue("--from", out var from) ? (long?)long.Parse(from) : null,
                        checkpoint = size,
                    }
                )
            ).GetProperty("contract").GetProperty("evidence");
            if (evidence.ValueKind is JsonValueKind.Null)
                break;

            var part = JsonNode.Parse(evidence.GetProperty("bundle").GetString()!)!;
            size ??= long.Parse(part["checkpoint"]!.GetValue<string>().Split('\n')[1]);
            if (bundle is null)
                bundle = part;
            else
                foreach (var receipt in part["receipts"]!.AsArray())
                    bundle["receipts"]!.AsArray().Add(receipt!.DeepClone());
            (cursor, more) = (evidence.GetProperty("endCursor").GetString(), evidence.GetProperty("hasNextPage").GetBoolean());
        }

        if (bundle is null)
        {
            errors.WriteLine("Nothing new.");
            return Nothing;
        }

        var file = given.GetValueOrDefault("--output", "evidence.json");
        await File.WriteAllTextAsync(file, bundle.ToJsonString());
        output.WriteLine($"{bundle["receipts"]!.AsArray().Count} receipt(s) in {file}; check them with mumega verify {file} --key KEY");
        output.WriteLine($"{(more ? "There is more: go on" : "Go on later")} with --after {cursor}");
        return 0;
    }

    private static async Task<JsonElement> AskAsync(HttpClient http, string query, object variables)
    {
        using var answer = await http.PostAsJsonAsync("graphql", new { query, variables });
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return json.TryGetProperty("errors", out var errors)
            ? throw new HttpRequestException(errors[0].GetProperty("message").GetString())
            : json.GetProperty("data");
    }

    private static string Encode(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
}
