using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
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
            bool Number(string name, int bytes = 1) => Part(name) is { } text && Base64Url.DecodeFromChars(text).Length >= bytes;
            return Part("kty") switch
            {
                "EC" when Part("crv") is "P-256" or "P-384" or "P-521" && Number("x") && Number("y") => null,
                "RSA" when Number("n", 256) && Number("e") => null,
                _ => "an EC key (P-256, P-384 or P-521) or an RSA key of at least 2048 bits.",
            };
        }
        catch (JsonException)
        {
            return "this is not JSON.";
        }
        catch (FormatException)
        {
            return "its numbers are no base64url (RFC 4648).";
        }
    }

    /// <summary>
    /// What is the same for every spelling of one key: its thumbprint by SHA-256 (RFC 7638), in base64url. The key has no <see cref="Problem"/>.
    /// </summary>
    public static string Thumbprint(string text)
    {
        using var json = JsonDocument.Parse(text);
        var key = json.RootElement;

        // Decoded and encoded again: base64url has unused bits, which must not make another thumbprint.
        string Number(string name) => Base64Url.EncodeToString(Base64Url.DecodeFromChars(key.GetProperty(name).GetString()));
        var members = key.GetProperty("kty").GetString() is "EC"
            ? $$"""{"crv":"{{key.GetProperty("crv").GetString()}}","kty":"EC","x":"{{Number("x")}}","y":"{{Number("y")}}"}"""
            : $$"""{"e":"{{Number("e")}}","kty":"RSA","n":"{{Number("n")}}"}""";
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(members)));
    }
}
