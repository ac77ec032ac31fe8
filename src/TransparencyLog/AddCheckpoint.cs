using System.Globalization;

namespace Mumega.TransparencyLog;

/// <summary>The body of a witness's <c>POST /add-checkpoint</c> (C2SP tlog-witness).</summary>
/// <param name="Old">The size that the witness is thought to have seen last; 0 for none.</param>
/// <param name="Proof">The consistency proof from there.</param>
/// <param name="Checkpoint">The signed checkpoint, verbatim.</param>
public sealed record AddCheckpoint(long Old, IReadOnlyList<byte[]> Proof, string Checkpoint)
{
    /// <summary>The body as it is sent.</summary>
    public override string ToString() =>
        $"old {Old.ToString(CultureInfo.InvariantCulture)}\n{string.Concat(Proof.Select(p => $"{Convert.ToBase64String(p)}\n"))}\n{Checkpoint}";

    /// <summary>Reads such a body. Throws <see cref="LogFormatException"/>; a proof of more than 63 hashes is none.</summary>
    public static AddCheckpoint Parse(string body)
    {
        var split = body.IndexOf("\n\n", StringComparison.Ordinal);
        if (split < 0)
            throw new LogFormatException("there is no empty line before the checkpoint");

        var lines = body[..split].Split('\n');
        if (
            !lines[0].StartsWith("old ", StringComparison.Ordinal)
            || !long.TryParse(lines[0].AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var old)
            || old.ToString(CultureInfo.InvariantCulture) != lines[0][4..]
        )
            throw new LogFormatException("the first line is `old` and a size");
        if (lines.Length > 64)
            throw new LogFormatException("the proof is longer than any tree is high");
        return new(old, [.. lines.Skip(1).Select(Hash)], body[(split + 2)..]);
    }

    private static byte[] Hash(string line)
    {
        var hash = new byte[33];
        return line.Length == 44 && Convert.TryFromBase64String(line, hash, out var length) && length == 32
            ? hash[..32]
            : throw new LogFormatException("a hash of the proof is not 32 bytes in base64");
    }
}
