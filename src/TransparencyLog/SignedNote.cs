using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Mumega.TransparencyLog;

/// <summary>Bytes that are not in the format that they should be in.</summary>
public sealed class LogFormatException(string message) : Exception(message);

/// <summary>How a key signs (C2SP signed-note, "signature types").</summary>
public enum KeyType : byte
{
    /// <summary>Ed25519 over the text of the note.</summary>
    Ed25519 = 1,

    /// <summary>A witness's Ed25519 over the text with a time (C2SP tlog-cosignature, version 1).</summary>
    Cosignature = 4,
}

/// <summary>The public half of a key that signs notes (C2SP signed-note). Equal when name, type and key are.</summary>
public sealed record VerifierKey
{
    private readonly byte[] key;

    public VerifierKey(string name, KeyType type, byte[] key)
    {
        if (!SignedNote.IsName(name))
            throw new LogFormatException("a key's name has neither spaces nor plus signs");
        if (key.Length != 32)
            throw new LogFormatException("an Ed25519 key has 32 bytes");
        (Name, Type, this.key) = (name, type, key);
    }

    public string Name { get; }

    public KeyType Type { get; }

    /// <summary>The 32 bytes of the key (RFC 8032).</summary>
    public ReadOnlyMemory<byte> Key => key;

    /// <summary>The first 4 bytes of SHA-256(name ‖ LF ‖ type ‖ key), big-endian.</summary>
    public uint Id => BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData([.. Encoding.UTF8.GetBytes(Name), 10, (byte)Type, .. key]));

    /// <summary>Reads <c>name+hex(id)+base64(type ‖ key)</c>. Throws <see cref="LogFormatException"/>, also when the id is not the key's.</summary>
    public static VerifierKey Parse(string vkey)
    {
        var parts = vkey.Split('+', 3);
        var bytes = new byte[33];
        if (parts.Length != 3 || !Convert.TryFromBase64String(parts[2], bytes, out var length) || length != 33)
            throw new LogFormatException("this is not a verifier key");
        if (bytes[0] is not ((byte)KeyType.Ed25519 or (byte)KeyType.Cosignature))
            throw new LogFormatException($"keys of type {bytes[0]} are not supported");

        var key = new VerifierKey(parts[0], (KeyType)bytes[0], bytes[1..]);
        return key.ToString() == vkey ? key : throw new LogFormatException("the key's id does not belong to the key");
    }

    /// <summary>The text form, <c>name+hex(id)+base64(type ‖ key)</c>.</summary>
    public override string ToString() => $"{Name}+{Id:x8}+{Convert.ToBase64String([(byte)Type, .. key])}";

    public bool Equals(VerifierKey? other) =>
        other is not null && Name == other.Name && Type == other.Type && key.AsSpan().SequenceEqual(other.key);

    public override int GetHashCode() => HashCode.Combine(Name, Id);

    /// <summary>Whether the signature is this key's over the text of the note.</summary>
    public bool Verify(string text, ReadOnlySpan<byte> signature)
    {
        if (Type is KeyType.Ed25519)
            return signature.Length == 64 && Ed25519Verify(Encoding.UTF8.GetBytes(text), signature);
        return signature.Length == 72 && Ed25519Verify(Cosigned(BinaryPrimitives.ReadUInt64BigEndian(signature), text), signature[8..]);
    }

    internal static byte[] Cosigned(ulong seconds, string text) => Encoding.UTF8.GetBytes($"cosignature/v1\ntime {seconds}\n{text}");

    private bool Ed25519Verify(byte[] message, ReadOnlySpan<byte> signature) =>
        Ed25519.Verify(signature.ToArray(), 0, key, 0, message, 0, message.Length);
}

/// <summary>The private half of a key that signs notes.</summary>
public sealed class SignerKey
{
    private readonly Ed25519PrivateKeyParameters seed;

    /// <param name="seed">The 32 bytes of an Ed25519 private key (RFC 8032).</param>
    public SignerKey(string name, ReadOnlySpan<byte> seed, KeyType type = KeyType.Ed25519)
    {
        this.seed = new(seed.ToArray());
        Verifier = new(name, type, this.seed.GeneratePublicKey().GetEncoded());
    }

    public VerifierKey Verifier { get; }

    /// <summary>Signs the text of a note.</summary>
    /// <param name="at">For a cosignature: when the witness saw it. Ignored by a log's key.</param>
    public NoteSignature Sign(string text, DateTimeOffset at = default)
    {
        var seconds = (ulong)Math.Max(0, at.ToUnixTimeSeconds());
        var message = Verifier.Type is KeyType.Cosignature ? VerifierKey.Cosigned(seconds, text) : Encoding.UTF8.GetBytes(text);
        var signature = new byte[64];
        seed.Sign(Ed25519.Algorithm.Ed25519, null, message, 0, message.Length, signature, 0);
        if (Verifier.Type is not KeyType.Cosignature)
            return new(Verifier.Name, Verifier.Id, signature);

        var timed = new byte[72];
        BinaryPrimitives.WriteUInt64BigEndian(timed, seconds);
        signature.CopyTo(timed, 8);
        return new(Verifier.Name, Verifier.Id, timed);
    }
}

/// <summary>One signature line of a note.</summary>
/// <param name="KeyId">Which of the name's keys made it; a hint, checked against the key.</param>
public sealed record NoteSignature(string Name, uint KeyId, ReadOnlyMemory<byte> Signature)
{
    /// <summary>For a cosignature (72 bytes): when the witness saw the note.</summary>
    public DateTimeOffset? Time =>
        Signature.Length == 72 && BinaryPrimitives.ReadUInt64BigEndian(Signature.Span) is <= 253_402_300_799 and var seconds
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
            : null;

    /// <summary>The line without its end, <c>— name base64(id ‖ signature)</c>.</summary>
    public override string ToString()
    {
        var bytes = new byte[4 + Signature.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, KeyId);
        Signature.Span.CopyTo(bytes.AsSpan(4));
        return $"\u2014 {Name} {Convert.ToBase64String(bytes)}";
    }

    /// <summary>Reads such a line. Throws <see cref="LogFormatException"/>.</summary>
    public static NoteSignature Parse(string line)
    {
        var parts = line.Split(' ');
        if (parts.Length != 3 || parts[0] != "\u2014" || !SignedNote.IsName(parts[1]))
            throw new LogFormatException("this is not a signature line");

        var bytes = new byte[parts[2].Length];
        if (
            !Convert.TryFromBase64String(parts[2], bytes, out var length)
            || length < 5
            || Convert.ToBase64String(bytes.AsSpan(0, length)) != parts[2]
        )
            throw new LogFormatException("a signature is not base64");
        return new(parts[1], BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsMemory(4, length - 4));
    }
}

/// <summary>A text with signatures behind it (C2SP signed-note).</summary>
public sealed class SignedNote
{
    private const int MaxBytes = 1_000_000;
    private const int MaxSignatures = 100;

    private static readonly UTF8Encoding Strict = new(false, true);

    /// <param name="text">Ends in a line feed and has no other control characters. Throws <see cref="LogFormatException"/> when it is not so.</param>
    public SignedNote(string text, IReadOnlyList<NoteSignature> signatures)
    {
        if (!text.EndsWith('\n') || text.Any(c => (c < ' ' && c != '\n') || c == '\u007f'))
            throw new LogFormatException("the text of a note ends in a line feed and has no other control characters");
        (Text, Signatures) = (text, signatures);
    }

    /// <summary>What is signed, with its final line feed.</summary>
    public string Text { get; }

    public IReadOnlyList<NoteSignature> Signatures { get; }

    /// <summary>Whether the text can name a key: not empty, without spaces and plus signs.</summary>
    public static bool IsName(string name) => name.Length > 0 && !name.Any(c => char.IsWhiteSpace(c) || c is '+' || char.IsControl(c));

    /// <summary>Reads a note. Throws <see cref="LogFormatException"/> when it is not one, or is larger than 1 MB or has more than 100 signatures.</summary>
    public static SignedNote Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
            throw new LogFormatException("a note may have at most 1 MB");
        try
        {
            return Parse(Strict.GetString(bytes));
        }
        catch (DecoderFallbackException)
        {
            throw new LogFormatException("a note is text in UTF-8");
        }
    }

    /// <summary>The same from text.</summary>
    public static SignedNote Parse(string note)
    {
        var split = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (split < 0 || !note.EndsWith('\n'))
            throw new LogFormatException("a note has an empty line between text and signatures, and ends in a line feed");

        var lines = note[(split + 2)..].Split('\n')[..^1];
        if (lines.Length is 0 or > MaxSignatures)
            throw new LogFormatException("a note has between 1 and 100 signatures");
        return new(note[..(split + 1)], [.. lines.Select(NoteSignature.Parse)]);
    }

    /// <summary>
    /// The known keys that signed. Signatures of unknown keys are ignored; throws <see cref="LogFormatException"/> when one of a known key does
    /// not verify, as the specification asks.
    /// </summary>
    public IReadOnlyList<(VerifierKey Key, NoteSignature Signature)> Verify(IEnumerable<VerifierKey> known)
    {
        var found = new List<(VerifierKey, NoteSignature)>();
        var keys = known.ToList();
        foreach (var signature in Signatures)
        {
            if (keys.FirstOrDefault(k => k.Name == signature.Name && k.Id == signature.KeyId) is not { } key)
                continue;
            if (!key.Verify(Text, signature.Signature.Span))
                throw new LogFormatException($"the signature of {key.Name} is not over this text");
            if (!found.Exists(f => f.Item1 == key))
                found.Add((key, signature));
        }

        return found;
    }

    /// <summary>The same note with one more signature; a former one of the same key makes room.</summary>
    public SignedNote With(NoteSignature signature) =>
        new(Text, [.. Signatures.Where(s => (s.Name, s.KeyId) != (signature.Name, signature.KeyId)), signature]);

    /// <summary>The note as it is sent and stored.</summary>
    public override string ToString() => $"{Text}\n{string.Concat(Signatures.Select(s => $"{s}\n"))}";
}
