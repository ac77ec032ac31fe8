using System.Diagnostics;
using System.Text;
using CsCheck;

namespace Mumega.TransparencyLog.Tests;

public sealed class NoteTests
{
    private static readonly SignerKey Log = new("log.example/l/1", [.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
    private static readonly SignerKey Witness = new(
        "witness.example",
        [.. Enumerable.Range(50, 32).Select(i => (byte)i)],
        KeyType.Cosignature
    );

    [Fact]
    public void The_example_of_the_reference_implementation_verifies()
    {
        // From the documentation of golang.org/x/mod/sumdb/note.
        var key = VerifierKey.Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        var note = SignedNote.Parse(
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        Assert.Equal([key], note.Verify([key]).Select(v => v.Key));
    }

    [Fact]
    public void The_example_of_the_README_runs()
    {
        var (key, printed) = (Log, new StringWriter());
        void WriteLine(bool value) => printed.Write(value);
        var (log, nodes) = (new CompactRange(), new Dictionary<TreeNode, byte[]>());
        foreach (var entry in new[] { "one", "two", "three" })
            log.Append(MerkleHash.Leaf(Encoding.UTF8.GetBytes(entry)), nodes.Add);
        var checkpoint = new Checkpoint(key.Verifier.Name, log.Size, log.Root());
        var note = new SignedNote(checkpoint.Text, [key.Sign(checkpoint.Text)]);
        var path = MerkleTree.Inclusion(1, log.Size, node => nodes[node]);
        WriteLine(MerkleTree.VerifyInclusion(MerkleHash.Leaf("two"u8), 1, log.Size, path, log.Root()));

        Assert.Equal("True", printed.ToString());
        Assert.Single(note.Verify([key.Verifier]));
        var root = AppContext.BaseDirectory.Split($"{Path.DirectorySeparatorChar}tests{Path.DirectorySeparatorChar}")[0];
        var here = File.ReadAllLines(Path.Combine(root, "tests", "TransparencyLog.Tests", "NoteTests.cs"))
            .Select(l => l.Trim().Replace("WriteLine(", "Console.WriteLine(", StringComparison.Ordinal))
            .ToHashSet();
        var readme = File.ReadAllText(Path.Combine(root, "src", "TransparencyLog", "README.md"))
            .Split("```")[1]
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
        Assert.All(readme, line => Assert.Contains(line.Trim(), here));
    }

    [Fact]
    public void A_note_is_signed_cosigned_and_read_again()
    {
        var checkpoint = new Checkpoint("log.example/l/1", 42, MerkleHash.Leaf([1]));
        var at = new DateTimeOffset(2026, 11, 23, 3, 41, 54, TimeSpan.Zero);
        var note = new SignedNote(checkpoint.Text, [Log.Sign(checkpoint.Text)]).With(Witness.Sign(checkpoint.Text, at));
        var read = SignedNote.Parse(Encoding.UTF8.GetBytes(note.ToString()));

        Assert.Equal(checkpoint, Checkpoint.Parse(read.Text));
        Assert.Equal([Log.Verifier, Witness.Verifier], read.Verify([Log.Verifier, Witness.Verifier]).Select(v => v.Key));
        Assert.Equal(at, read.Signatures[1].Time);
        Assert.Single(read.Verify([Log.Verifier]));
        Assert.Empty(read.Verify([new SignerKey("log.example/l/1", new byte[32]).Verifier]));
        Assert.Equal(note.ToString(), read.ToString());

        var again = note.With(Witness.Sign(checkpoint.Text, at.AddMinutes(1)));
        Assert.Equal(2, again.Signatures.Count);
    }

    [Fact]
    public void A_broken_signature_of_a_known_key_rejects_the_note()
    {
        var text = new Checkpoint("log.example/l/1", 42, MerkleHash.Leaf([1])).Text;
        var other = new Checkpoint("log.example/l/1", 43, MerkleHash.Leaf([1])).Text;
        Assert.Throws<LogFormatException>(() => new SignedNote(other, [Log.Sign(text)]).Verify([Log.Verifier]));

        var cosigned = Witness.Sign(text, DateTimeOffset.UnixEpoch.AddSeconds(5));
        var later = cosigned.Signature.ToArray();
        later[7] = 6;
        Assert.Throws<LogFormatException>(() =>
            new SignedNote(text, [Log.Sign(text), cosigned with { Signature = later }]).Verify([Log.Verifier, Witness.Verifier])
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("text\n")]
    [InlineData("text\n\n")]
    [InlineData("text\n\nno dash\n")]
    [InlineData("text\n\n\u2014 name %%%\n")]
    [InlineData("text\n\n\u2014 name AAAA\n")]
    [InlineData("text\n\n\u2014 na+me AAAAAAAA\n")]
    [InlineData("text\n\n\u2014 name AAAAAAAA")]
    [InlineData("te\u0001xt\n\n\u2014 name AAAAAAAA\n")]
    [InlineData("text\r\n\n\u2014 name AAAAAAAA\n")]
    public void What_is_no_note_is_refused(string note) =>
        Assert.Throws<LogFormatException>(() => SignedNote.Parse(Encoding.UTF8.GetBytes(note)));

    [Fact]
    public void Bytes_that_are_no_text_and_notes_without_end_are_refused()
    {
        Assert.Throws<LogFormatException>(() => SignedNote.Parse([0xff, 0xfe, 10, 10]));
        Assert.Throws<LogFormatException>(() => SignedNote.Parse(new byte[1_000_001]));
        Assert.Throws<LogFormatException>(() =>
            SignedNote.Parse("text\n\n" + string.Concat(Enumerable.Repeat("\u2014 name AAAAAAAA\n", 101)))
        );
    }

    [Theory]
    [InlineData("o\n1\n")]
    [InlineData("\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n+1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n9223372036854775808\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n1\nAAAA\n")]
    [InlineData("o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n")]
    [InlineData("o\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void What_is_no_checkpoint_is_refused(string text) => Assert.Throws<LogFormatException>(() => Checkpoint.Parse(text));

    [Theory]
    [InlineData("name")]
    [InlineData("PeterNeumann+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3+ARpc")]
    public void What_is_no_key_is_refused(string vkey) => Assert.Throws<LogFormatException>(() => VerifierKey.Parse(vkey));

    [Fact]
    public void A_proof_is_written_and_read_again_and_damaged_ones_are_refused()
    {
        var proof = new LogProof(new byte[] { 1, 2, 3 }, 7, [MerkleHash.Leaf([1]), MerkleHash.Leaf([2])], "o\n1\nx\n\nsig\n");
        var text = proof.ToString();
        Assert.Equal(text, LogProof.Parse(text).ToString());
        Assert.Equal(
            (7, 2, "o\n1\nx\n\nsig\n"),
            (LogProof.Parse(text).Index, LogProof.Parse(text).Path.Count, LogProof.Parse(text).Checkpoint)
        );

        Assert.Throws<LogFormatException>(() => LogProof.Parse(text.Replace("@v1", "@v2", StringComparison.Ordinal)));
        Assert.Throws<LogFormatException>(() => LogProof.Parse(text.Replace("index 7", "index 07", StringComparison.Ordinal)));
        Assert.Throws<LogFormatException>(() => LogProof.Parse(text.Replace("AQID", "AQI", StringComparison.Ordinal)));
        Assert.Throws<LogFormatException>(() => LogProof.Parse((proof with { Path = [new byte[31]] }).ToString()));
        Assert.Throws<LogFormatException>(() =>
            LogProof.Parse((proof with { Path = [.. Enumerable.Repeat(MerkleHash.Leaf([]), 64)] }).ToString())
        );
        Gen.Int[0, text.IndexOf("\n\n", StringComparison.Ordinal)]
            .Sample(cut => Assert.Throws<LogFormatException>(() => LogProof.Parse(text[..cut])));
    }

    [Fact]
    public async Task OpenSSL_verifies_the_signatures()
    {
        var folder = Directory.CreateTempSubdirectory("mumega-openssl-");
        try
        {
            var text = new Checkpoint("log.example/l/1", 42, MerkleHash.Leaf([1])).Text;
            string[] files = [.. new[] { "key.der", "message", "signature" }.Select(f => Path.Combine(folder.FullName, f))];
            // RFC 8410: an Ed25519 public key as SubjectPublicKeyInfo.
            await File.WriteAllBytesAsync(
                files[0],
                [.. Convert.FromHexString("302a300506032b6570032100"), .. Log.Verifier.Key.Span],
                TestContext.Current.CancellationToken
            );
            await File.WriteAllTextAsync(files[1], text, TestContext.Current.CancellationToken);
            await File.WriteAllBytesAsync(files[2], Log.Sign(text).Signature.ToArray(), TestContext.Current.CancellationToken);
            Assert.Equal(0, await OpenSslAsync(files));

            await File.WriteAllTextAsync(
                files[1],
                text.Replace("42", "43", StringComparison.Ordinal),
                TestContext.Current.CancellationToken
            );
            Assert.NotEqual(0, await OpenSslAsync(files));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<int> OpenSslAsync(string[] files)
    {
        using var openssl = Process.Start(
            new ProcessStartInfo(
                "openssl",
                ["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", files[0], "-in", files[1], "-sigfile", files[2]]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        await openssl.WaitForExitAsync(TestContext.Current.CancellationToken);
        return openssl.ExitCode;
    }
}
