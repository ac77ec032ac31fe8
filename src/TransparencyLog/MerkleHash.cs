using System.Security.Cryptography;

namespace Mumega.TransparencyLog;

/// <summary>The two domain-separated hashes of a Merkle tree (RFC 6962 section 2.1, RFC 9162 section 2.1.1), over SHA-256.</summary>
public static class MerkleHash
{
    /// <summary>SHA-256(0x00 ‖ entry): 32 bytes.</summary>
    public static byte[] Leaf(ReadOnlySpan<byte> entry)
    {
        var input = new byte[entry.Length + 1];
        entry.CopyTo(input.AsSpan(1));
        return SHA256.HashData(input);
    }

    /// <summary>SHA-256(0x01 ‖ left ‖ right): 32 bytes.</summary>
    public static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Span<byte> input = stackalloc byte[65];
        input[0] = 1;
        left.CopyTo(input[1..]);
        right.CopyTo(input[33..]);
        return SHA256.HashData(input);
    }
}
