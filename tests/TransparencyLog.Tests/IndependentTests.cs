using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Mumega.TransparencyLog.Tests;

/// <summary>
/// Software that we did not write checks what a log gives out: golang.org/x/mod/sumdb (Debian's golang-golang-x-mod-dev), @sigstore/verify and
/// canonicalize (npm). What was tampered with has to be refused by them too.
/// </summary>
public sealed class IndependentTests
{
    private static readonly string Home = Path.Combine(
        AppContext.BaseDirectory.Split($"{Path.DirectorySeparatorChar}tests{Path.DirectorySeparatorChar}")[0],
        "tests",
        "TransparencyLog.Tests",
        "independent"
    );
    private static readonly SignerKey Log = new("receipts.example/l/7f3a", [.. Enumerable.Range(1, 32).Select(i => (byte)i)]);

    private sealed record InclusionCase(string Name, string Checkpoint, string Entry, long Index, string[] Path);

    private sealed record ConsistencyCase(string Name, string First, string Second, string[] Proof);

    [Fact]
    public async Task Go_verifies_checkpoints_inclusion_and_consistency_and_refuses_tampering()
    {
        if (!Directory.Exists("/usr/share/gocode/src/golang.org/x/mod/sumdb") || !File.Exists("/usr/bin/go"))
            Assert.Skip("Go with golang.org/x/mod is not installed; ./mumega test log installs it");
        var (good, bad, grown, shrunk) = Cases();
        var said = await RunAsync(
            "go",
            ["run", "verify.go"],
            new
            {
                Vkey = Log.Verifier.ToString(),
                Inclusions = good.Concat(bad),
                Consistencies = grown.Concat(shrunk),
            }
        );
        Check(said, good.Select(c => c.Name).Concat(grown.Select(c => c.Name)), bad.Select(c => c.Name).Concat(shrunk.Select(c => c.Name)));
    }

    [Fact]
    public async Task Sigstore_verifies_checkpoints_and_inclusion_and_refuses_tampering()
    {
        SkipWithoutPackages();
        var (good, bad, _, _) = Cases();
        Check(
            await RunAsync("node", ["verify.mjs", "verify"], new { Vkey = Log.Verifier.ToString(), Inclusions = good.Concat(bad) }),
            good.Select(c => c.Name),
            bad.Select(c => c.Name)
        );
    }

    [Fact]
    public async Task Canonical_JSON_is_the_one_of_another_implementation()
    {
        SkipWithoutPackages();
        var random = new Random(8785);
        var documents = Enumerable.Range(0, 5_000).Select(_ => JsonSerializer.SerializeToElement(Any(random, 3))).ToList();
        var file = Path.GetTempFileName();
        await File.WriteAllLinesAsync(file, documents.Select(d => d.GetRawText()), TestContext.Current.CancellationToken);
        var theirs = await RunAsync("node", ["verify.mjs", "canonical", file]);
        File.Delete(file);
        Assert.Equal(documents.Select(d => CanonicalJson.Write(d, numbers: CanonicalNumbers.Doubles)), theirs);
    }

    private static object? Any(Random random, int depth) =>
        random.Next(depth > 0 ? 8 : 6) switch
        {
            0 => null,
            1 => random.Next(2) == 0,
            2 => random.NextInt64(-CanonicalJson.MaxInteger, CanonicalJson.MaxInteger),
            3 or 4 => Text(random),
            5 => BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue)) is var number && double.IsFinite(number)
                ? number
                : 0.1,
            6 => Enumerable.Range(0, random.Next(4)).Select(_ => Any(random, depth - 1)).ToArray(),
            _ => Enumerable.Range(0, random.Next(5)).Select(_ => Text(random)).Distinct().ToDictionary(k => k, _ => Any(random, depth - 1)),
        };

    private static string Text(Random random)
    {
        var text = new StringBuilder();
        for (var length = random.Next(6); length > 0; length--)
            text.Append(
                random.Next(5) switch
                {
                    0 => ((char)random.Next(0x20)).ToString(),
                    1 => "\ud83d\ude00",
                    2 => ((char)random.Next(0x80, 0xd800)).ToString(),
                    3 => ((char)random.Next(0xe000, 0x10000)).ToString(),
                    _ => ((char)random.Next(0x20, 0x7f)).ToString(),
                }
            );
        return text.ToString();
    }

    private static (List<InclusionCase> Good, List<InclusionCase> Bad, List<ConsistencyCase> Grown, List<ConsistencyCase> Shrunk) Cases()
    {
        const int size = 1_000;
        var (range, nodes, sizes) = (new CompactRange(), new Dictionary<TreeNode, byte[]>(), new Dictionary<long, string>());
        byte[] Entry(long i) => Encoding.UTF8.GetBytes($$"""{"n":{{i}},"v":"mumega-receipt/1"}""");
        string Sign(long n, byte[] root)
        {
            var text = new Checkpoint(Log.Verifier.Name, n, root).Text;
            return new SignedNote(text, [Log.Sign(text)]).ToString();
        }

        for (var i = 0; i < size; i++)
        {
            range.Append(MerkleHash.Leaf(Entry(i)), nodes.Add);
            sizes[range.Size] = Sign(range.Size, range.Root());
        }

        string[] Base64(IEnumerable<byte[]> hashes) => [.. hashes.Select(Convert.ToBase64String)];
        InclusionCase Case(string name, long index, long of) =>
            new(name, sizes[of], Convert.ToBase64String(Entry(index)), index, Base64(MerkleTree.Inclusion(index, of, n => nodes[n])));
        ConsistencyCase Growth(string name, long first, long second) =>
            new(name, sizes[first], sizes[second], Base64(MerkleTree.Consistency(first, second, n => nodes[n])));

        var random = new Random(42);
        List<InclusionCase> good = [Case("first", 0, size), Case("last", size - 1, size), Case("only", 0, 1)];
        for (var i = 0; i < 60; i++)
        {
            var of = random.Next(1, size + 1);
            good.Add(Case($"random-{i}", random.Next(of), of));
        }

        var sound = Case("sound", 400, 777);
        var forged = Convert.FromBase64String(sound.Path[2]);
        forged[0] ^= 1;
        List<InclusionCase> bad =
        [
            sound with
            {
                Name = "another-entry",
                Entry = Convert.ToBase64String(Entry(401)),
            },
            sound with
            {
                Name = "another-index",
                Index = 401,
            },
            sound with
            {
                Name = "a-bit-of-the-path",
                Path = [.. sound.Path[..2], Convert.ToBase64String(forged), .. sound.Path[3..]],
            },
            sound with
            {
                Name = "a-shorter-path",
                Path = sound.Path[1..],
            },
            sound with
            {
                Name = "a-longer-path",
                Path = [.. sound.Path, sound.Path[0]],
            },
            sound with
            {
                Name = "another-size",
                Checkpoint = sizes[776],
            },
            sound with
            {
                Name = "a-changed-checkpoint",
                Checkpoint = sizes[777].Replace("\n777\n", "\n778\n", StringComparison.Ordinal),
            },
            sound with
            {
                Name = "another-signature",
                Checkpoint = sizes[777].Split("\n\n")[0] + "\n\n" + sizes[776].Split("\n\n")[1],
            },
        ];
        List<ConsistencyCase> grown =
        [
            Growth("from-one", 1, size),
            Growth("by-one", 999, size),
            Growth("power", 512, 777),
            Growth("equal", 5, 5),
        ];
        for (var i = 0; i < 40; i++)
        {
            var second = random.Next(2, size + 1);
            grown.Add(Growth($"growth-{i}", random.Next(1, second), second));
        }

        var whole = Growth("whole", 300, 900);
        var rewritten = new CompactRange();
        for (var i = 0; i < 900; i++)
            rewritten.Append(MerkleHash.Leaf(Entry(i == 17 ? 18 : i)));
        List<ConsistencyCase> shrunk =
        [
            whole with
            {
                Name = "a-rewritten-history",
                Second = Sign(900, rewritten.Root()),
            },
            whole with
            {
                Name = "a-cut-proof",
                Proof = whole.Proof[1..],
            },
            whole with
            {
                Name = "another-first",
                First = sizes[301],
            },
            whole with
            {
                Name = "a-removed-tail",
                First = sizes[900],
                Second = sizes[300],
            },
        ];
        return (good, bad, grown, shrunk);
    }

    private static void Check(string[] said, IEnumerable<string> good, IEnumerable<string> bad)
    {
        var answers = said.Select(s => s.Split(' ', 2)).ToDictionary(s => s[0], s => s[1]);
        Assert.All(good, name => Assert.Equal("ok", answers[name]));
        Assert.All(bad, name => Assert.NotEqual("ok", answers[name]));
    }

    private static void SkipWithoutPackages()
    {
        if (!Directory.Exists(Path.Combine(Home, "node_modules")))
            Assert.Skip("the npm packages are not installed; ./mumega test log installs them");
    }

    private static async Task<string[]> RunAsync(string program, string[] arguments, object input)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(input), TestContext.Current.CancellationToken);
        try
        {
            return await RunAsync(program, [.. arguments, file]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<string[]> RunAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Home, RedirectStandardOutput = true };
        (start.Environment["GO111MODULE"], start.Environment["GOPATH"], start.Environment["GOFLAGS"]) = ("off", "/usr/share/gocode", "");
        start.Environment["GOCACHE"] = Path.Combine(Path.GetTempPath(), "mumega-go-cache");
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        return said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
