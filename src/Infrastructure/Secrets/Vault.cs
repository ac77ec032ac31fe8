using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;

namespace Mumega.Infrastructure.Secrets;

/// <summary>
/// Seals what the database may hold but not tell. Each value has a key of its own (AES-256-GCM), which is wrapped by its tenant's; a tenant's key is derived (HKDF-SHA-256) from a
/// key-encryption key that never is in the database. Tenant and purpose are bound to both layers, so a sealed value is worth nothing anywhere else.
/// </summary>
/// <remarks>A sealed value is <c>m1.{key id}.{wrapped key}.{nonce, ciphertext and tag}</c>, the last two in base64url.</remarks>
public sealed class Vault
{
    private const int KeyBytes = 32,
        NonceBytes = 12,
        TagBytes = 16;
    private const string Version = "m1";

    private readonly IReadOnlyList<(string Id, byte[] Key)> keys;
    private readonly IDataProtectionProvider? earlier;

    /// <param name="keys">The key-encryption keys, 32 bytes each: the first seals, all of them open.</param>
    /// <param name="earlier">Opens what was sealed before there was a vault.</param>
    public Vault(IReadOnlyList<byte[]> keys, IDataProtectionProvider? earlier = null)
    {
        if (keys.Count == 0 || keys.Any(k => k.Length != KeyBytes))
            throw new ArgumentException("A key-encryption key has 32 bytes.", nameof(keys));
        this.keys = [.. keys.Select(k => (Convert.ToHexStringLower(SHA256.HashData([.. "mumega/kek-id/1"u8, .. k]))[..8], k))];
        this.earlier = earlier;
    }

    /// <summary>A vault whose key is in a file of the folder that its owner alone may read; the file is made when it is missing.</summary>
    public static IReadOnlyList<byte[]> KeysIn(DirectoryInfo folder)
    {
        var path = Path.Combine(folder.FullName, "encryption.keys");
        if (!File.Exists(path))
        {
            // One process at a time: moving a file into place "without overwriting" looks first and renames then, so two that start at once
            // could each see their own key, and what the first one sealed would be lost.
            using var turn = TakeTurn($"{path}.lock");
            if (!File.Exists(path))
                Write(path, $"{Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes))}\n");
        }

        return [.. File.ReadAllLines(path).Where(l => l.Trim().Length > 0).Select(Key)];
    }

    // Ends with the process that holds it, however that ends.
    private static FileStream TakeTurn(string path)
    {
        FileStream? turn = null;
        IOException? last = null;
        var taken = SpinWait.SpinUntil(
            () =>
            {
                try
                {
                    turn = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                    return true;
                }
                catch (IOException e) when (e is not DirectoryNotFoundException)
                {
                    last = e;
                    return false;
                }
            },
            TimeSpan.FromSeconds(30)
        );
        return taken ? turn! : throw new IOException($"The file {path} could not be had for 30 seconds.", last);
    }

    // Whole and on the disk under another name first, so that nobody reads half a file.
    private static void Write(string path, string text)
    {
        var draft = $"{path}.new";

        // What a process left that was ended here may have another mode, which opening it would keep.
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(draft, options))
        {
            file.Write(Encoding.ASCII.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
    }

    /// <summary>A key-encryption key as configuration has it: base64 of 32 bytes.</summary>
    public static byte[] Key(string text)
    {
        var bytes = new byte[KeyBytes + 1];
        return Convert.TryFromBase64String(text.Trim(), bytes, out var length) && length == KeyBytes
            ? bytes[..KeyBytes]
            : throw new InvalidOperationException("A key-encryption key is base64 of 32 bytes, for example from: openssl rand -base64 32");
    }

    /// <summary>The beginning of everything that is sealed with the current key.</summary>
    public string Current => $"{Version}.{keys[0].Id}.";

    /// <param name="tenant">Whose it is; empty for what is the platform's.</param>
    /// <param name="purpose">What it is for; it has to be named again to open it.</param>
    /// <param name="secret">What to seal.</param>
    public string Seal(Guid tenant, string purpose, string secret)
    {
        var (id, master) = keys[0];
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        try
        {
            return $"{Version}.{id}.{Base64Url.EncodeToString(Encrypt(TenantKey(master, tenant), key, Bound("key", tenant, purpose)))}.{Base64Url.EncodeToString(Encrypt(key, Encoding.UTF8.GetBytes(secret), Bound("value", tenant, purpose)))}";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Opens what was sealed for the same tenant and purpose. Throws <see cref="CryptographicException"/> for anything else.</summary>
    public string Open(Guid tenant, string purpose, string value)
    {
        if (!value.StartsWith($"{Version}.", StringComparison.Ordinal))
            return (earlier ?? throw new CryptographicException("This was not sealed here.")).CreateProtector(purpose).Unprotect(value);

        var key = OpenKey(tenant, purpose, value, out var parts);
        try
        {
            return Encoding.UTF8.GetString(Decrypt(key, Base64Url.DecodeFromChars(parts[3]), Bound("value", tenant, purpose)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>The same value under the current key. What it holds is neither read nor encrypted again, only its key is.</summary>
    public string Rewrap(Guid tenant, string purpose, string value)
    {
        if (value.StartsWith(Current, StringComparison.Ordinal))
            return value;
        if (!value.StartsWith($"{Version}.", StringComparison.Ordinal))
            return Seal(tenant, purpose, Open(tenant, purpose, value));

        var key = OpenKey(tenant, purpose, value, out var parts);
        return $"{Current}{Base64Url.EncodeToString(Encrypt(TenantKey(keys[0].Key, tenant), key, Bound("key", tenant, purpose)))}.{parts[3]}";
    }

    private byte[] OpenKey(Guid tenant, string purpose, string value, out string[] parts)
    {
        var split = parts = value.Split('.');
        if (parts.Length != 4 || keys.FirstOrDefault(k => k.Id == split[1]) is not { Key: { } master })
            throw new CryptographicException("The key that this was sealed with is not here.");
        return Decrypt(TenantKey(master, tenant), Base64Url.DecodeFromChars(parts[2]), Bound("key", tenant, purpose));
    }

    private static byte[] TenantKey(byte[] master, Guid tenant) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, master, KeyBytes, tenant.ToByteArray(bigEndian: true), "mumega/tenant-kek/1"u8.ToArray());

    private static byte[] Bound(string layer, Guid tenant, string purpose) =>
        Encoding.UTF8.GetBytes($"mumega/1\n{layer}\n{tenant}\n{purpose}");

    private static byte[] Encrypt(byte[] key, byte[] plain, byte[] bound)
    {
        var result = new byte[NonceBytes + plain.Length + TagBytes];
        RandomNumberGenerator.Fill(result.AsSpan(0, NonceBytes));
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(
            result.AsSpan(0, NonceBytes),
            plain,
            result.AsSpan(NonceBytes, plain.Length),
            result.AsSpan(NonceBytes + plain.Length),
            bound
        );
        return result;
    }

    private static byte[] Decrypt(byte[] key, byte[] value, byte[] bound)
    {
        if (value.Length < NonceBytes + TagBytes)
            throw new CryptographicException("Too short to be sealed.");
        var plain = new byte[value.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        aes.Decrypt(
            value.AsSpan(0, NonceBytes),
            value.AsSpan(NonceBytes, plain.Length),
            value.AsSpan(value.Length - TagBytes),
            plain,
            bound
        );
        return plain;
    }
}
