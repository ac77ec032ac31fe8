using System.Numerics;
using System.Security.Cryptography;

namespace Mumega.TransparencyLog;

/// <summary>
/// A node of a Merkle tree whose subtree is full: the one of height <paramref name="Level"/> over the leaves from
/// <paramref name="Index"/>·2^Level on. Level 0 is a leaf.
/// </summary>
public readonly record struct TreeNode(int Level, long Index);

/// <summary>Reads the hash of a full subtree.</summary>
public delegate byte[] NodeReader(TreeNode node);

/// <summary>Proofs of a Merkle tree as RFC 6962 section 2.1 and RFC 9162 section 2.1 have it, over SHA-256. Hashes have 32 bytes.</summary>
public static class MerkleTree
{
    /// <summary>The root of the tree without leaves: SHA-256 of nothing (RFC 9162 section 2.1.1).</summary>
    public static byte[] EmptyRoot => SHA256.HashData([]);

    /// <summary>The root of the first <paramref name="size"/> leaves (RFC 9162 section 2.1.1).</summary>
    public static byte[] Root(long size, NodeReader read)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        return size == 0 ? EmptyRoot : Range(0, size, read);
    }

    /// <summary>The path that proves that the leaf at <paramref name="index"/> is in the tree of that size, lowest first (RFC 9162 section 2.1.3.1).</summary>
    public static IReadOnlyList<byte[]> Inclusion(long index, long size, NodeReader read)
    {
        if (index < 0 || index >= size)
            throw new ArgumentOutOfRangeException(nameof(index), "the leaf is not in the tree");

        var path = new List<byte[]>();
        var (from, to) = (0L, size);
        while (to - from > 1)
        {
            var middle = from + Split(to - from);
            path.Add(index < middle ? Range(middle, to, read) : Range(from, middle, read));
            (from, to) = index < middle ? (from, middle) : (middle, to);
        }

        path.Reverse();
        return path;
    }

    /// <summary>The proof that the tree of the first size is a beginning of the one of the second (RFC 9162 section 2.1.4.1); empty for equal sizes and from nothing.</summary>
    public static IReadOnlyList<byte[]> Consistency(long first, long second, NodeReader read)
    {
        if (first < 0 || first > second)
            throw new ArgumentOutOfRangeException(nameof(first), "the first tree is the larger one");
        if (first == second || first == 0)
            return [];

        var proof = new List<byte[]>();
        var (from, to, whole) = (0L, second, true);
        while (first != to)
        {
            var middle = from + Split(to - from);
            if (first <= middle)
            {
                proof.Add(Range(middle, to, read));
                to = middle;
            }
            else
            {
                proof.Add(Range(from, middle, read));
                (from, whole) = (middle, false);
            }
        }

        if (!whole)
            proof.Add(Range(from, to, read));
        proof.Reverse();
        return proof;
    }

    /// <summary>Whether the path leads from the leaf to the root (RFC 9162 section 2.1.3.2). A path longer than the tree is high does not.</summary>
    public static bool VerifyInclusion(byte[] leafHash, long index, long size, IReadOnlyList<byte[]> path, byte[] root)
    {
        if (index < 0 || index >= size || path.Count > 63)
            return false;

        var (fn, sn, r) = (index, size - 1, leafHash);
        foreach (var p in path)
        {
            if (sn == 0)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                r = MerkleHash.Node(p, r);
                while ((fn & 1) == 0 && fn != 0)
                    (fn, sn) = (fn >> 1, sn >> 1);
            }
            else
            {
                r = MerkleHash.Node(r, p);
            }

            (fn, sn) = (fn >> 1, sn >> 1);
        }

        return sn == 0 && r.AsSpan().SequenceEqual(root);
    }

    /// <summary>Whether the proof shows that the first tree is a beginning of the second (RFC 9162 section 2.1.4.2).</summary>
    public static bool VerifyConsistency(long first, long second, byte[] firstRoot, byte[] secondRoot, IReadOnlyList<byte[]> proof)
    {
        if (first < 0 || first > second || proof.Count > 64)
            return false;
        if (first == second)
            return proof.Count == 0 && firstRoot.AsSpan().SequenceEqual(secondRoot);
        if (first == 0)
            return proof.Count == 0 && firstRoot.AsSpan().SequenceEqual(EmptyRoot);

        List<byte[]> path = BitOperations.IsPow2(first) ? [firstRoot, .. proof] : [.. proof];
        if (path.Count == 0)
            return false;

        var (fn, sn) = (first - 1, second - 1);
        while ((fn & 1) == 1)
            (fn, sn) = (fn >> 1, sn >> 1);
        var (fr, sr) = (path[0], path[0]);
        foreach (var c in path.Skip(1))
        {
            if (sn == 0)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                (fr, sr) = (MerkleHash.Node(c, fr), MerkleHash.Node(c, sr));
                while ((fn & 1) == 0 && fn != 0)
                    (fn, sn) = (fn >> 1, sn >> 1);
            }
            else
            {
                sr = MerkleHash.Node(sr, c);
            }

            (fn, sn) = (fn >> 1, sn >> 1);
        }

        return sn == 0 && fr.AsSpan().SequenceEqual(firstRoot) && sr.AsSpan().SequenceEqual(secondRoot);
    }

    // The hash over leaves [from, to); from is a multiple of the largest power of two below the length, so its parts are full subtrees.
    private static byte[] Range(long from, long to, NodeReader read)
    {
        var count = to - from;
        if (BitOperations.IsPow2(count))
        {
            var level = BitOperations.Log2((ulong)count);
            return read(new(level, from >> level));
        }

        var middle = from + Split(count);
        return MerkleHash.Node(Range(from, middle, read), Range(middle, to, read));
    }

    /// <summary>The largest power of two smaller than the count, where RFC 9162 splits a tree.</summary>
    private static long Split(long count) => 1L << BitOperations.Log2((ulong)(count - 1));
}

/// <summary>
/// The right edge of a growing tree: the roots of its full subtrees, largest first. Enough to append leaves and to know the root
/// (RFC 9162 section 2.1.2), in memory that grows with the logarithm of the size. Not safe for several threads at once.
/// </summary>
public sealed class CompactRange
{
    private readonly List<byte[]> roots;

    public CompactRange() => roots = [];

    /// <summary>Goes on from the roots of the full subtrees of a tree of that size. Throws <see cref="ArgumentException"/> when their number does not fit.</summary>
    public CompactRange(long size, IEnumerable<byte[]> roots)
    {
        this.roots = [.. roots];
        Size = size;
        if (size < 0 || this.roots.Count != BitOperations.PopCount((ulong)size) || this.roots.Any(r => r.Length != 32))
            throw new ArgumentException("these are not the subtrees of a tree of that size");
    }

    /// <summary>How many leaves there are.</summary>
    public long Size { get; private set; }

    /// <summary>The roots of the full subtrees, largest first: one for each bit of the size.</summary>
    public IReadOnlyList<byte[]> Roots => roots;

    /// <summary>Adds a leaf by its hash. Each subtree that became full is handed over, the leaf itself first.</summary>
    public void Append(byte[] leafHash, Action<TreeNode, byte[]>? full = null)
    {
        var (hash, index) = (leafHash, Size);
        full?.Invoke(new(0, index), hash);
        for (var level = 1; (index & 1) == 1; level++)
        {
            hash = MerkleHash.Node(roots[^1], hash);
            roots.RemoveAt(roots.Count - 1);
            index >>= 1;
            full?.Invoke(new(level, index), hash);
        }

        roots.Add(hash);
        Size++;
    }

    /// <summary>The root of the tree.</summary>
    public byte[] Root()
    {
        if (roots.Count == 0)
            return MerkleTree.EmptyRoot;

        var root = roots[^1];
        for (var i = roots.Count - 2; i >= 0; i--)
            root = MerkleHash.Node(roots[i], root);
        return root;
    }
}
