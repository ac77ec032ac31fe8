using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Mumega.App.Tests.Identity;

/// <summary>A passkey in software: answers WebAuthn's options as a browser does with one that several devices share (ES256, no attestation, uses not counted).</summary>
internal sealed class Passkey(string origin) : IDisposable
{
    private const byte Present = 0x01,
        Verified = 0x04,
        HasKey = 0x40;

    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly byte[] id = RandomNumberGenerator.GetBytes(32);
    private string user = "";

    /// <summary>The answer to <c>navigator.credentials.create</c>.</summary>
    public string Create(string options)
    {
        var asked = JsonDocument.Parse(options).RootElement;
        user = asked.GetProperty("user").GetProperty("id").GetString()!;
        var point = key.ExportParameters(false).Q;
        byte[] cose = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, .. point.X!, 0x22, 0x58, 0x20, .. point.Y!];
        var data = Data(
            asked.GetProperty("rp").GetProperty("id").GetString()!,
            Present | Verified | HasKey,
            [.. new byte[16], 0, (byte)id.Length, .. id, .. cose]
        );
        byte[] attestation =
        [
            0xA3,
            0x63,
            .. "fmt"u8,
            0x64,
            .. "none"u8,
            0x67,
            .. "attStmt"u8,
            0xA0,
            0x68,
            .. "authData"u8,
            0x58,
            (byte)data.Length,
            .. data,
        ];
        return Answer(
            new
            {
                clientDataJSON = Text(Client("webauthn.create", asked, origin)),
                attestationObject = Text(attestation),
                transports = new[] { "internal" },
            }
        );
    }

    /// <summary>The answer to <c>navigator.credentials.get</c>; from another page, or without having asked for a finger or PIN, where that is wanted.</summary>
    public string Get(string options, string? from = null, bool verified = true)
    {
        var asked = JsonDocument.Parse(options).RootElement;
        var client = Client("webauthn.get", asked, from ?? origin);
        var data = Data(asked.GetProperty("rpId").GetString()!, (byte)(Present | (verified ? Verified : 0)), []);
        var signature = key.SignData(
            [.. data, .. SHA256.HashData(client)],
            HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence
        );
        return Answer(
            new
            {
                clientDataJSON = Text(client),
                authenticatorData = Text(data),
                signature = Text(signature),
                userHandle = user,
            }
        );
    }

    public void Dispose() => key.Dispose();

    private string Answer(object response) =>
        JsonSerializer.Serialize(
            new
            {
                id = Text(id),
                rawId = Text(id),
                type = "public-key",
                authenticatorAttachment = "platform",
                clientExtensionResults = new { },
                response,
            }
        );

    private static byte[] Client(string type, JsonElement asked, string origin) =>
        JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                type,
                challenge = asked.GetProperty("challenge").GetString(),
                origin,
                crossOrigin = false,
            }
        );

    // The four bytes count the uses; one that several devices share leaves them at zero.
    private static byte[] Data(string domain, byte flags, byte[] credential) =>
        [.. SHA256.HashData(Encoding.UTF8.GetBytes(domain)), flags, .. new byte[4], .. credential];

    private static string Text(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);
}
