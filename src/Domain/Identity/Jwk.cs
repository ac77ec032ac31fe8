using System.Text.Json;

namespace Mumega.Domain.Identity;

/// <summary>A public key as somebody hands it in: a JSON Web Key (RFC 7517).</summary>
internal static class Jwk
{
    /// <summary>Why it can't be used, or null when it can: only what the token server can verify, and nothing that should have stayed with its owner.</summary>
    public static string? Problem(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var key = json.RootElement;
            string? Part(string name) =>
                key.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
            if (key.ValueKind is not JsonValueKind.Object)
                return "a JWK is a JSON object.";
            if (key.TryGetProperty("d", out _) || key.TryGetProperty("p", out _))
                return "this holds the private half. Keep that to yourself, and make a new pair: this one is no longer secret.";
            return Part("kty") switch
            {
                "EC" when Part("crv") is "P-256" or "P-384" or "P-521" && Part("x") is not null && Part("y") is not null => null,
                "RSA" when Part("n") is { Length: >= 342 } && Part("e") is not null => null,
                _ => "an EC key (P-256, P-384 or P-521) or an RSA key of at least 2048 bits.",
            };
        }
        catch (JsonException)
        {
            return "this is not JSON.";
        }
    }
}
