using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.App.Tests.Receipts;

/// <summary>What somebody finds who has a file, an old checkpoint and the key that they pinned, and nothing else.</summary>
public sealed class EvidenceTests
{
    private static readonly SignerKey Key = new("receipts.example/l/one", new byte[32]);
    private readonly History history = new(Key.Verifier.Name, 12);

    private static Trust Trusting(string? earlier = null) => new([Key.Verifier], earlier is null ? null : SignedNote.Parse(earlier), [], 0);

    private static EvidenceReport Check(EvidenceBundle bundle, Trust? trust = null) =>
        EvidenceVerifier.Verify(JsonSerializer.SerializeToUtf8Bytes(bundle, JsonSerializerOptions.Web), trust ?? Trusting());

    private static void Finds(string problem, EvidenceReport report)
    {
        Assert.Equal(CheckResult.Invalid, report.Result);
        Assert.Contains(report.Checks, c => c.Result is CheckResult.Invalid && c.Detail.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void A_whole_bundle_is_valid_with_all_some_and_no_fields_open()
    {
        var bundle = history.Bundle(12, from: 5);
        var report = Check(bundle, Trusting(history.Sign(5)));
        Assert.True(report.Result is CheckResult.Valid, string.Join('\n', report.Checks));
        Assert.Equal("42", report.Receipts[0].Fields["amount"].GetRawText());

        var some = bundle with { Receipts = [.. bundle.Receipts.Select(r => r with { Disclosures = [.. r.Disclosures.Take(2)] })] };
        Assert.Equal(CheckResult.Valid, Check(some).Result);
        Assert.All(Check(some).Receipts, r => Assert.Equal(2, r.Fields.Count));
        Assert.Equal(
            CheckResult.Valid,
            Check(bundle with { Receipts = [.. bundle.Receipts.Select(r => r with { Disclosures = [] })] }).Result
        );
    }

    [Fact]
    public void A_changed_byte_is_found()
    {
        var bundle = history.Bundle(12);
        var bytes = Convert.FromBase64String(bundle.Receipts[3].Entry);
        bytes[40] ^= 1;
        Finds("is not in the log at that place", Check(With(bundle, 3, r => r with { Entry = Convert.ToBase64String(bytes) })));
    }

    [Fact]
    public void A_removed_tail_is_found()
    {
        // The keeper signs the shorter log anew: a checkpoint of its own, and yet the one of 12 is held.
        Finds("a tail is gone", Check(history.Bundle(9), Trusting(history.Sign(12))));
    }

    [Fact]
    public void A_swapped_pair_is_found()
    {
        var bundle = history.Bundle(12);
        var swapped = bundle with
        {
            Receipts = [bundle.Receipts[1] with { Index = 0 }, bundle.Receipts[0] with { Index = 1 }, .. bundle.Receipts.Skip(2)],
        };
        Finds("is not in the log at that place", Check(swapped));

        // Swapped inside the log as well, and signed: the checkpoint from before does not lead there.
        var other = new History(Key.Verifier.Name, 12, history, swap: (1, 2));
        Finds("history was rewritten", Check(other.Bundle(12, from: 5), Trusting(history.Sign(5))));
    }

    [Fact]
    public void A_forked_history_is_found()
    {
        var fork = new History(Key.Verifier.Name, 12);
        Finds("another history of the same size", Check(fork.Bundle(12), Trusting(history.Sign(12))));
        Finds("history was rewritten", Check(fork.Bundle(12, from: 7), Trusting(history.Sign(7))));
    }

    [Fact]
    public void A_checkpoint_signed_again_with_a_smaller_size_is_found()
    {
        Finds("a tail is gone", Check(history.Bundle(12) with { Checkpoint = history.Sign(6) }, Trusting(history.Sign(7))));
        Finds("is not in the log at that place", Check(history.Bundle(12) with { Checkpoint = history.Sign(6) }));
    }

    [Fact]
    public void A_receipt_of_another_tenant_is_found_even_where_the_log_holds_it()
    {
        var stranger = new History("receipts.example/l/two", 12);
        Finds(
            "is not in the log at that place",
            Check(With(history.Bundle(12), 3, r => r with { Entry = stranger.Bundle(12).Receipts[3].Entry }))
        );
        Finds("was written for another log", Check(new History(Key.Verifier.Name, 12, stranger).Bundle(12)));
    }

    [Fact]
    public void A_field_opened_with_another_value_is_found()
    {
        var bundle = history.Bundle(12);
        var forged = System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes("[\"AAAAAAAAAAAAAAAAAAAAAA\",\"amount\",43]"));
        Finds("another value", Check(With(bundle, 0, r => r with { Disclosures = [forged] })));
        Finds("belongs to another receipt", Check(With(bundle, 0, r => r with { Disclosures = bundle.Receipts[1].Disclosures })));
        Finds("opened twice", Check(With(bundle, 0, r => r with { Disclosures = [r.Disclosures[0], r.Disclosures[0]] })));
    }

    [Fact]
    public void Nobody_guesses_a_closed_field_from_its_commitment()
    {
        var entry = JsonDocument.Parse(Convert.FromBase64String(history.Bundle(12).Receipts[0].Entry)).RootElement;
        var commitments = entry.GetProperty("_sd").EnumerateArray().Select(d => d.GetString()).ToHashSet();
        for (var amount = 0; amount < 100_000; amount++)
        {
            var guess = System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"[\"\",\"amount\",{amount}]"));
            Assert.DoesNotContain(
                System.Buffers.Text.Base64Url.EncodeToString(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(guess))),
                commitments
            );
        }
    }

    [Fact]
    public void Without_a_pinned_key_nothing_is_certain_but_an_earlier_checkpoint_will_do()
    {
        var nobody = new Trust([], null, [], 0);
        Assert.Equal(CheckResult.CannotTell, Check(history.Bundle(12), nobody).Result);
        Assert.Equal(
            CheckResult.Valid,
            Check(history.Bundle(12, from: 5), nobody with { Earlier = SignedNote.Parse(history.Sign(5)) }).Result
        );
        Assert.Equal(CheckResult.CannotTell, Check(history.Bundle(12), Trusting(history.Sign(5))).Result);
        Assert.Equal(
            CheckResult.Invalid,
            Check(
                history.Bundle(12),
                nobody with
                {
                    Keys = [new SignerKey(Key.Verifier.Name, [.. Enumerable.Repeat((byte)7, 32)]).Verifier],
                }
            ).Result
        );
    }

    [Fact]
    public void Witnesses_are_counted()
    {
        var witness = new SignerKey("witness.example", [.. Enumerable.Repeat((byte)9, 32)], KeyType.Cosignature);
        var bundle = history.Bundle(12);
        var trust = Trusting() with { Witnesses = [witness.Verifier], Quorum = 1 };
        Finds("0 of 1 witnesses", Check(bundle, trust));
        var note = SignedNote.Parse(bundle.Checkpoint);
        Assert.Equal(
            CheckResult.Valid,
            Check(
                bundle with
                {
                    Checkpoint = note.With(witness.Sign(note.Text, DateTimeOffset.UnixEpoch.AddDays(20_000))).ToString(),
                },
                trust
            ).Result
        );
    }

    [Theory]
    [InlineData("", CheckResult.CannotTell)]
    [InlineData("{", CheckResult.CannotTell)]
    [InlineData("null", CheckResult.CannotTell)]
    [InlineData("{}", CheckResult.CannotTell)]
    [InlineData("""{"v":"mumega-evidence/2","origin":"o","keys":[],"checkpoint":"","receipts":[],"growth":[]}""", CheckResult.CannotTell)]
    [InlineData(
        """{"v":"mumega-evidence/1","v":"mumega-evidence/1","origin":"o","keys":[],"checkpoint":"","receipts":[],"growth":[]}""",
        CheckResult.CannotTell
    )]
    [InlineData("""{"v":"mumega-evidence/1","origin":"o","keys":[],"checkpoint":"","receipts":[],"growth":[]}""", CheckResult.Invalid)]
    [InlineData("""{"v":"mumega-evidence/1","origin":"o","keys":null,"checkpoint":"","receipts":[],"growth":[]}""", CheckResult.CannotTell)]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 1\n\n", CheckResult.CannotTell)]
    public void What_is_no_evidence_has_a_defined_answer(string file, CheckResult result)
    {
        var report = EvidenceVerifier.Verify(Encoding.UTF8.GetBytes(file), Trusting());
        Assert.Equal(result, report.Result);
        Assert.All(report.Checks, c => Assert.NotEmpty(c.Detail));
    }

    [Fact]
    public void Damaged_bundles_never_break_the_verifier_and_never_pass()
    {
        var good = JsonSerializer.SerializeToUtf8Bytes(history.Bundle(12, from: 5), JsonSerializerOptions.Web);
        var random = new Random(3);
        for (var i = 0; i < 3_000; i++)
        {
            var bytes = (byte[])good.Clone();
            var cut = random.Next(4) == 0;
            if (cut)
                bytes = bytes[..random.Next(bytes.Length)];
            else
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (!bytes.AsSpan().SequenceEqual(good))
                EvidenceVerifier.Verify(bytes, Trusting(history.Sign(5)));
        }

        var bundle = history.Bundle(12);
        Assert.NotEqual(CheckResult.Valid, Check(With(bundle, 2, r => r with { Path = [.. Enumerable.Repeat(r.Path[0], 70)] })).Result);
        Assert.NotEqual(CheckResult.Valid, Check(With(bundle, 2, r => r with { Index = -1 })).Result);
        Assert.NotEqual(CheckResult.Valid, Check(With(bundle, 2, r => r with { Path = ["AAAA"] })).Result);
        Assert.NotEqual(CheckResult.Valid, Check(bundle with { Keys = ["nonsense"], Origin = "elsewhere" }).Result);
        Assert.NotEqual(CheckResult.Valid, Check(bundle with { Receipts = [bundle.Receipts[0], bundle.Receipts[0]] }).Result);
    }

    [Theory]
    [InlineData(0, "VALID")]
    [InlineData(1, "INVALID")]
    [InlineData(2, "CAN'T TELL")]
    public async Task The_command_says_it_in_words_and_by_its_exit_code(int code, string word)
    {
        var folder = Directory.CreateTempSubdirectory("mumega-verify-");
        try
        {
            string At(string name) => Path.Combine(folder.FullName, name);
            var bundle = history.Bundle(12, from: 5);
            await File.WriteAllTextAsync(
                At("bundle.json"),
                JsonSerializer.Serialize(
                    code == 1 ? With(bundle, 0, r => r with { Disclosures = bundle.Receipts[1].Disclosures }) : bundle,
                    JsonSerializerOptions.Web
                ),
                TestContext.Current.CancellationToken
            );
            await File.WriteAllTextAsync(At("earlier"), history.Sign(5), TestContext.Current.CancellationToken);
            string[] trust = code == 2 ? [] : ["--key", Key.Verifier.ToString(), "--checkpoint", At("earlier")];

            var (exit, said) = await RunAsync(["verify", At("bundle.json"), .. trust]);
            Assert.True(exit == code, said);
            Assert.Contains($"\n{word}", said, StringComparison.Ordinal);
            (exit, said) = await RunAsync(["verify", "--json", At("bundle.json"), .. trust]);
            Assert.Equal(code, exit);
            Assert.Equal(
                new[] { "valid", "invalid", "cannot_tell" }[code],
                JsonDocument.Parse(said).RootElement.GetProperty("result").GetString()
            );

            await using (var large = File.Create(At("large")))
                large.SetLength(1L << 30);
            Assert.Equal(2, (await RunAsync(["verify", At("large")])).Exit);
            Assert.Equal(64, (await RunAsync(["verify", At("not-there")])).Exit);
            Assert.Equal(64, (await RunAsync(["verify", "--frobnicate"])).Exit);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(int Exit, string Said)> RunAsync(string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Mumega.Cli.dll"), .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var said =
            await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)
            + await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, said);
    }

    private static EvidenceBundle With(EvidenceBundle bundle, int at, Func<EvidenceReceipt, EvidenceReceipt> change) =>
        bundle with
        {
            Receipts = [.. bundle.Receipts.Select((r, i) => i == at ? change(r) : r)],
        };

    /// <summary>A log of receipts as the product writes them, or (from another's entries) as a forger would.</summary>
    private sealed class History
    {
        private readonly List<(byte[] Entry, string[] Disclosures)> receipts = [];
        private readonly Dictionary<TreeNode, byte[]> nodes = [];

        public History(string origin, int count, History? from = null, (int, int)? swap = null)
        {
            var actor = new Actor(
                Guid.NewGuid(),
                Guid.NewGuid(),
                PrincipalKind.Agent,
                "Hermes",
                null,
                origin,
                new HashSet<string>(),
                new HashSet<Guid>(),
                "graphql"
            );
            for (var i = 0; i < count; i++)
            {
                if (from is not null)
                {
                    receipts.Add(
                        from.receipts[
                            swap is var (a, b)
                                ? i == a
                                    ? b
                                    : i == b
                                        ? a
                                        : i
                                : i
                        ]
                    );
                    continue;
                }

                var subject = i % 3 == 0 ? new Subject() : last!;
                last = subject;
                var evidence = ReceiptWriter.Append(
                    subject,
                    ReceiptKind.Proposed,
                    actor,
                    new DateTimeOffset(2026, 11, 23, 3, i, 0, TimeSpan.Zero),
                    "page.publish",
                    "proposed",
                    "QUEUED",
                    [("amount", 42), ("note", $"n{i}")]
                );
                receipts.Add((evidence.Receipt.Entry, [.. evidence.Disclosure.Open(["amount", "note"])]));
            }

            var range = new CompactRange();
            foreach (var (entry, _) in receipts)
                range.Append(MerkleHash.Leaf(entry), nodes.Add);
        }

        private readonly Subject? last;

        public string Sign(long size)
        {
            var text = new Checkpoint(Key.Verifier.Name, size, MerkleTree.Root(size, n => nodes[n])).Text;
            return new SignedNote(text, [Key.Sign(text)]).ToString();
        }

        public EvidenceBundle Bundle(long size, long? from = null) =>
            new(
                EvidenceBundle.Version,
                Key.Verifier.Name,
                [Key.Verifier.ToString()],
                Sign(size),
                [
                    .. receipts
                        .Take((int)size)
                        .Select(
                            (r, i) =>
                                new EvidenceReceipt(
                                    i,
                                    Convert.ToBase64String(r.Entry),
                                    [.. MerkleTree.Inclusion(i, size, n => nodes[n]).Select(Convert.ToBase64String)],
                                    r.Disclosures
                                )
                        ),
                ],
                from is { } old ? [new(old, [.. MerkleTree.Consistency(old, size, n => nodes[n]).Select(Convert.ToBase64String)])] : []
            );
    }

    private sealed class Subject : IReceipted
    {
        public Guid TenantId { get; } = Guid.NewGuid();

        public Guid WorkspaceId { get; } = Guid.NewGuid();

        public Guid Id { get; } = Guid.NewGuid();

        public int Receipts { get; set; }

        public string? LastReceipt { get; set; }
    }
}
