using System.Security.Cryptography;
using System.Text;

namespace Mumega.TransparencyLog.Tests;

public sealed class MerkleTreeTests
{
    // The tree that the reference implementations of RFC 6962 test with.
    private static readonly byte[][] Entries =
    [
        .. new[] { "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f" }.Select(
            Convert.FromHexString
        ),
    ];

    private static readonly string[] Roots =
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    [Fact]
    public void Roots_are_those_of_the_reference_tree()
    {
        var (range, nodes) = (new CompactRange(), new Dictionary<TreeNode, byte[]>());
        for (var size = 0; ; size++)
        {
            Assert.Equal(Roots[size], Convert.ToHexStringLower(range.Root()));
            Assert.Equal(Roots[size], Convert.ToHexStringLower(MerkleTree.Root(size, n => nodes[n])));
            if (size == Entries.Length)
                break;
            range.Append(MerkleHash.Leaf(Entries[size]), nodes.Add);
        }
    }

    [Theory]
    [InlineData(0, 1, "")]
    [InlineData(
        0,
        8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
    )]
    [InlineData(
        5,
        8,
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    )]
    [InlineData(2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    [InlineData(
        1,
        5,
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
    )]
    public void Paths_are_those_of_the_reference_tree(int index, int size, string path)
    {
        var log = new Naive(Entries);
        var found = MerkleTree.Inclusion(index, size, log.Read);
        Assert.Equal(path, string.Join(' ', found.Select(Convert.ToHexStringLower)));
    }

    [Fact]
    public void Proofs_of_every_size_up_to_a_thousand_hold_and_only_they()
    {
        var log = new Naive([.. Enumerable.Range(0, 1_000).Select(i => Encoding.ASCII.GetBytes($"entry {i}"))]);
        var random = new Random(6962);
        for (var size = 1; size <= 1_000; size++)
        {
            var root = log.Root(0, size);
            Assert.Equal(root, MerkleTree.Root(size, log.Read));
            var indexes = size <= 64 ? Enumerable.Range(0, size) : [0, size - 1, .. Enumerable.Range(0, 6).Select(_ => random.Next(size))];
            foreach (var index in indexes)
            {
                var path = MerkleTree.Inclusion(index, size, log.Read);
                Assert.Equal(log.Path(index, 0, size), path);
                Assert.True(MerkleTree.VerifyInclusion(log.Leaves[index], index, size, path, root));
                if (size > 1)
                {
                    Assert.False(MerkleTree.VerifyInclusion(log.Leaves[(index + 1) % size], index, size, path, root));
                    Assert.False(MerkleTree.VerifyInclusion(log.Leaves[index], (index + 1) % size, size, path, root));
                    Assert.False(MerkleTree.VerifyInclusion(log.Leaves[index], index, size, [.. path.Skip(1)], root));
                }

                Assert.False(MerkleTree.VerifyInclusion(log.Leaves[index], index, size, [.. path, root], root));
                Assert.False(MerkleTree.VerifyInclusion(log.Leaves[index], index, index, path, root));
            }

            var firsts =
                size <= 64
                    ? Enumerable.Range(0, size + 1)
                    : [0, 1, size / 2, size - 1, size, .. Enumerable.Range(0, 4).Select(_ => random.Next(size))];
            foreach (var first in firsts)
            {
                var (old, proof) = (log.Root(0, first), MerkleTree.Consistency(first, size, log.Read));
                Assert.True(MerkleTree.VerifyConsistency(first, size, old, root, proof), $"{first} {size}");
                if (first == 0 || first == size)
                    continue;

                var forged = (byte[])old.Clone();
                forged[random.Next(32)] ^= 1;
                Assert.False(MerkleTree.VerifyConsistency(first, size, forged, root, proof));
                Assert.False(MerkleTree.VerifyConsistency(first, size, old, forged, proof));
                Assert.False(MerkleTree.VerifyConsistency(first, size, old, root, [.. proof.Skip(1)]));
                Assert.False(MerkleTree.VerifyConsistency(first, size, old, root, [.. proof, root]));
                Assert.False(MerkleTree.VerifyConsistency(size, first, root, old, proof));
            }
        }
    }

    [Fact]
    public void A_range_goes_on_from_its_roots()
    {
        var range = new CompactRange();
        for (var i = 0; i < 300; i++)
        {
            range.Append(SHA256.HashData([(byte)i, (byte)(i >> 8)]));
            Assert.Equal(range.Root(), new CompactRange(range.Size, range.Roots).Root());
        }

        Assert.Throws<ArgumentException>(() => new CompactRange(3, [new byte[32]]));
        Assert.Throws<ArgumentException>(() => new CompactRange(1, [new byte[31]]));
    }

    [Fact]
    public void Tiles_hold_what_proofs_need()
    {
        const int size = 70_000;
        var (range, nodes, tiles) = (new CompactRange(), new Dictionary<TreeNode, byte[]>(), new Dictionary<(int, long), List<byte>>());
        for (var i = 0; i < size; i++)
        {
            range.Append(
                SHA256.HashData(BitConverter.GetBytes(i)),
                (node, hash) =>
                {
                    nodes[node] = hash;
                    if (node.Level % Tile.Height != 0)
                        return;
                    if (!tiles.TryGetValue((node.Level / Tile.Height, node.Index >> 8), out var tile))
                        tiles[(node.Level / Tile.Height, node.Index >> 8)] = tile = [];
                    tile.AddRange(hash);
                }
            );
        }

        foreach (var (node, hash) in nodes)
        {
            var tile = Tile.Of(node);
            Assert.Equal(hash, Tile.Read(node, tiles[(tile.Level, tile.Index)].ToArray()));
        }

        for (var level = 0; level <= 2; level++)
        {
            var (full, partial) = Tile.At(level, size);
            Assert.Equal(full * 256 + partial, tiles.Where(t => t.Key.Item1 == level).Sum(t => t.Value.Count / 32));
        }

        Assert.Equal(range.Root(), MerkleTree.Root(size, n => nodes[n]));
        Assert.Throws<ArgumentException>(() => Tile.Read(new(0, 5), new byte[64]));
    }

    [Theory]
    [InlineData(0, 0, 256, "0/000")]
    [InlineData(0, 1_234_067, 256, "0/x001/x234/067")]
    [InlineData(1, 999, 5, "1/999.p/5")]
    [InlineData(3, 1_000, 255, "3/x001/000.p/255")]
    public void Tile_paths_are_those_of_the_specification(int level, long index, int width, string path)
    {
        var tile = new Tile(level, index, width);
        Assert.Equal(path, tile.Path);
        Assert.Equal(tile, Tile.Parse(path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0/1")]
    [InlineData("0/0001")]
    [InlineData("00/001")]
    [InlineData("0/001.p/0")]
    [InlineData("0/001.p/256")]
    [InlineData("0/001.p/05")]
    [InlineData("0/x000/001")]
    [InlineData("0/001/002")]
    [InlineData("64/001")]
    [InlineData("-1/001")]
    [InlineData("0/x999/x999/x999/x999/x999/x999/999")]
    [InlineData("0/../../etc")]
    public void Other_paths_are_none(string path) => Assert.Null(Tile.Parse(path));

    /// <summary>The tree as RFC 9162 section 2.1 defines it, recursion and all.</summary>
    private sealed class Naive(byte[][] entries)
    {
        private readonly Dictionary<(int, int), byte[]> known = [];

        public byte[][] Leaves { get; } = [.. entries.Select(e => MerkleHash.Leaf(e))];

        public byte[] Read(TreeNode node) => Root((int)(node.Index << node.Level), (int)((node.Index + 1) << node.Level));

        public byte[] Root(int from, int to)
        {
            if (from == to)
                return SHA256.HashData([]);
            if (to - from == 1)
                return Leaves[from];
            if (known.TryGetValue((from, to), out var hash))
                return hash;
            var middle = from + Split(to - from);
            return known[(from, to)] = SHA256.HashData([1, .. Root(from, middle), .. Root(middle, to)]);
        }

        public List<byte[]> Path(int index, int from, int to)
        {
            if (to - from == 1)
                return [];
            var middle = from + Split(to - from);
            return index < middle ? [.. Path(index, from, middle), Root(middle, to)] : [.. Path(index, middle, to), Root(from, middle)];
        }

        private static int Split(int count)
        {
            var k = 1;
            while (k * 2 < count)
                k *= 2;
            return k;
        }
    }
}
