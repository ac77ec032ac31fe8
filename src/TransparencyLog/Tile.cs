using System.Globalization;

namespace Mumega.TransparencyLog;

/// <summary>
/// A tile of a log as C2SP tlog-tiles lays them out: up to 256 hashes of one height, 8 levels of the tree a tile. A full tile never changes.
/// </summary>
/// <param name="Level">0 for leaves; tile level L holds the nodes of tree level 8·L.</param>
/// <param name="Index">Counts from the left.</param>
/// <param name="Width">How many hashes it has: 256 when full, fewer at the right edge.</param>
public readonly record struct Tile(int Level, long Index, int Width = Tile.FullWidth)
{
    public const int FullWidth = 256;

    /// <summary>The number of tree levels in a tile.</summary>
    public const int Height = 8;

    public bool IsFull => Width == FullWidth;

    /// <summary>The path below <c>/tile/</c>, for example <c>0/x001/234.p/5</c> (C2SP tlog-tiles, section on paths).</summary>
    public string Path
    {
        get
        {
            var parts = new List<string> { Group(Index % 1000) };
            for (var rest = Index / 1000; rest > 0; rest /= 1000)
                parts.Insert(0, "x" + Group(rest % 1000));
            return $"{Level.ToString(CultureInfo.InvariantCulture)}/{string.Join('/', parts)}{(IsFull ? "" : $".p/{Width.ToString(CultureInfo.InvariantCulture)}")}";
        }
    }

    /// <summary>Reads such a path; null when it is not one, or not the one way of writing it.</summary>
    public static Tile? Parse(string path)
    {
        var width = FullWidth;
        var parts = path.Split('/');
        if (parts.Length >= 3 && parts[^2].EndsWith(".p", StringComparison.Ordinal))
        {
            if (!Number(parts[^1], 3, out var w) || w is < 1 or >= FullWidth)
                return null;
            width = (int)w;
            parts = [.. parts[..^2], parts[^2][..^2]];
        }

        if (parts.Length is < 2 or > 7 || !Number(parts[0], 2, out var level) || level > 63)
            return null;

        long index = 0;
        for (var i = 1; i < parts.Length; i++)
        {
            var group =
                i < parts.Length - 1
                    ? parts[i].StartsWith('x')
                        ? parts[i][1..]
                        : ""
                    : parts[i];
            if (group.Length != 3 || !group.All(char.IsAsciiDigit))
                return null;
            index = index * 1000 + int.Parse(group, CultureInfo.InvariantCulture);
        }

        var tile = new Tile((int)level, index, width);
        return tile.Path == path ? tile : null;
    }

    /// <summary>The tile that has the node's hash or what it is made from.</summary>
    public static Tile Of(TreeNode node) => new(node.Level / Height, node.Index << (node.Level % Height) >> Height);

    /// <summary>The node's hash, from the hashes of the tile that <see cref="Of"/> names. Throws <see cref="ArgumentException"/> when the tile has too few.</summary>
    public static byte[] Read(TreeNode node, ReadOnlySpan<byte> hashes)
    {
        var levels = node.Level % Height;
        var first = (int)((node.Index << levels) & (FullWidth - 1));
        var count = 1 << levels;
        if (hashes.Length < (first + count) * 32)
            throw new ArgumentException("the tile does not reach that far");
        return Root(hashes.Slice(first * 32, count * 32));
    }

    /// <summary>The root over the hashes, a power of two of them; of a full tile it is the hash in the tile above.</summary>
    public static byte[] Root(ReadOnlySpan<byte> hashes)
    {
        if (hashes.Length == 32)
            return hashes.ToArray();
        var half = hashes.Length / 2;
        return MerkleHash.Node(Root(hashes[..half]), Root(hashes[half..]));
    }

    /// <summary>The tiles of a tree of that size at one tile level: the number of full ones, and the width of the partial one behind them.</summary>
    public static (long Full, int Partial) At(int level, long size)
    {
        var nodes = level * Height >= 63 ? 0 : size >> (level * Height);
        return (nodes >> Height, (int)(nodes & (FullWidth - 1)));
    }

    private static string Group(long number) => number.ToString("000", CultureInfo.InvariantCulture);

    private static bool Number(string text, int digits, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && text.Length <= digits
        && (text.Length == 1 || text[0] != '0');
}
