using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Mumega.App.Tests.Identity;

/// <summary>What an authenticator app does (RFC 6238: SHA-1, six digits, 30 seconds).</summary>
internal static class Totp
{
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The code of a key, so many steps from now.</summary>
    public static string Code(string key, int steps)
    {
        var bits = string.Concat(
            key.TrimEnd('=')
                .Select(c => Convert.ToString(Base32.IndexOf(char.ToUpperInvariant(c), StringComparison.Ordinal), 2).PadLeft(5, '0'))
        );
        var bytes = Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(8 * i, 8), 2)).ToArray();
        var counter = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30 + steps);
#pragma warning disable CA5350 // The algorithm of authenticator apps.
        var hash = HMACSHA1.HashData(bytes, counter);
#pragma warning restore CA5350
        return ((BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(hash[^1] & 15, 4)) & int.MaxValue) % 1_000_000).ToString(
            "D6",
            CultureInfo.InvariantCulture
        );
    }
}
