using System.Globalization;

namespace Mumega.TransparencyLog;

/// <summary>What a log says of itself at one size (C2SP tlog-checkpoint).</summary>
/// <param name="Origin">The log's name, also the name of its key.</param>
/// <param name="Size">How many leaves it has.</param>
/// <param name="Root">The root over them, 32 bytes.</param>
public sealed record Checkpoint(string Origin, long Size, ReadOnlyMemory<byte> Root)
{
    /// <summary>The text that is signed: origin, size and root, each on a line.</summary>
    public string Text => $"{Origin}\n{Size.ToString(CultureInfo.InvariantCulture)}\n{Convert.ToBase64String(Root.Span)}\n";

    /// <summary>Reads the text of a checkpoint; lines behind the third are extensions and are left alone. Throws <see cref="LogFormatException"/>.</summary>
    public static Checkpoint Parse(string text)
    {
        var lines = text.Split('\n');
        if (lines.Length < 4 || lines[0].Length == 0 || lines[^1].Length > 0)
            throw new LogFormatException("a checkpoint has an origin, a size and a root, each on a line");
        if (
            !long.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            || size.ToString(CultureInfo.InvariantCulture) != lines[1]
        )
            throw new LogFormatException("the size of a checkpoint is a decimal number without leading zeros");

        var root = new byte[32];
        if (
            lines[2].Length != 44
            || !Convert.TryFromBase64String(lines[2], root, out var length)
            || length != 32
            || Convert.ToBase64String(root) != lines[2]
        )
            throw new LogFormatException("the root of a checkpoint is 32 bytes in base64");
        if (size == 0 && !root.AsSpan().SequenceEqual(MerkleTree.EmptyRoot))
            throw new LogFormatException("the root of an empty log is SHA-256 of nothing");
        return new(lines[0], size, root);
    }

    public bool Equals(Checkpoint? other) =>
        other is not null && Origin == other.Origin && Size == other.Size && Root.Span.SequenceEqual(other.Root.Span);

    public override int GetHashCode() => HashCode.Combine(Origin, Size);
}

/// <summary>Evidence that an entry is in a log: its place, the path to the root, and the signed checkpoint (C2SP tlog-proof, version 1).</summary>
/// <param name="Extra">Bytes that travel along; nothing vouches for them but what can be checked of themselves.</param>
/// <param name="Checkpoint">The signed checkpoint, verbatim.</param>
public sealed record LogProof(ReadOnlyMemory<byte>? Extra, long Index, IReadOnlyList<byte[]> Path, string Checkpoint)
{
    private const string Header = "c2sp.org/tlog-proof@v1";

    /// <summary>The proof as it is sent and stored.</summary>
    public override string ToString() =>
        $"{Header}\n{(Extra is { } extra ? $"extra {Convert.ToBase64String(extra.Span)}\n" : "")}index {Index.ToString(CultureInfo.InvariantCulture)}\n{string.Concat(Path.Select(p => $"{Convert.ToBase64String(p)}\n"))}\n{Checkpoint}";

    /// <summary>Reads one. Throws <see cref="LogFormatException"/>; a path of more than 63 hashes is none.</summary>
    public static LogProof Parse(string text)
    {
        var at = 0;
        if (Line() != Header)
            throw new LogFormatException($"a proof begins with {Header}");

        var line = Line();
        byte[]? extra = null;
        if (line.StartsWith("extra ", StringComparison.Ordinal))
        {
            extra = Bytes(line[6..]);
            line = Line();
        }

        if (
            !line.StartsWith("index ", StringComparison.Ordinal)
            || !long.TryParse(line.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || index.ToString(CultureInfo.InvariantCulture) != line[6..]
        )
            throw new LogFormatException("a proof has an index: a decimal number without leading zeros");

        var path = new List<byte[]>();
        while ((line = Line()).Length > 0)
        {
            if (path.Count == 63)
                throw new LogFormatException("the path is longer than any tree is high");
            path.Add(Bytes(line) is { Length: 32 } hash ? hash : throw new LogFormatException("a hash of the path does not have 32 bytes"));
        }

        return new(extra is null ? null : (ReadOnlyMemory<byte>)extra, index, path, text[at..]);

        string Line()
        {
            var end = text.IndexOf('\n', at);
            if (end < 0)
                throw new LogFormatException("the proof ends too early");
            var found = text[at..end];
            at = end + 1;
            return found;
        }
    }

    private static byte[] Bytes(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) && Convert.ToBase64String(bytes.AsSpan(0, length)) == base64
            ? bytes[..length]
            : throw new LogFormatException("this is not base64");
    }
}
