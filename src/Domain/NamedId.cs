using System.Security.Cryptography;
using System.Text;

namespace Mumega.Domain;

/// <summary>Ids that follow from a name, so that whoever makes one for the same thing makes the same one.</summary>
public static class NamedId
{
    /// <summary>A name-based id (RFC 9562, version 8) from the SHA-256 of the name in UTF-8.</summary>
    public static Guid Of(string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(name));
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new(hash.AsSpan(0, 16), bigEndian: true);
    }
}
