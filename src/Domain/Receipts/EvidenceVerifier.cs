using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Receipts;

/// <summary>A receipt as evidence: its entry, its place in the log with the path to the root, and the fields that are opened.</summary>
/// <param name="Entry">The entry's bytes, base64.</param>
/// <param name="Path">The inclusion path, base64, lowest first.</param>
/// <param name="Disclosures">Opened fields in the encoding of RFC 9901; what is left out stays a commitment.</param>
public sealed record EvidenceReceipt(long Index, string Entry, IReadOnlyList<string> Path, IReadOnlyList<string> Disclosures);

/// <summary>The proof that the bundle's log goes on from an earlier checkpoint of that size.</summary>
public sealed record EvidenceGrowth(long From, IReadOnlyList<string> Proof);

/// <summary>Receipts with everything it takes to check them without asking us: one JSON file.</summary>
/// <param name="V">Always <see cref="Version"/>.</param>
/// <param name="Keys">The log's verifier keys. Whoever checks compares them with the ones that were pinned before.</param>
/// <param name="Checkpoint">The signed checkpoint (C2SP tlog-checkpoint), with cosignatures.</param>
public sealed record EvidenceBundle(
    string V,
    string Origin,
    IReadOnlyList<string> Keys,
    string Checkpoint,
    IReadOnlyList<EvidenceReceipt> Receipts,
    IReadOnlyList<EvidenceGrowth> Growth
)
{
    public const string Version = "mumega-evidence/1";

    /// <summary>Larger files are not read.</summary>
    public const int MaxBytes = 64 * 1024 * 1024;
}

/// <summary>What a check came to.</summary>
public enum CheckResult
{
    Valid,

    /// <summary>It is not what it says it is.</summary>
    Invalid,

    /// <summary>Something is missing that would tell: the format is not known, the key is not pinned, a proof is not there.</summary>
    CannotTell,
}

/// <summary>One thing that was checked, in words.</summary>
public sealed record EvidenceCheck(string Name, CheckResult Result, string Detail);

/// <summary>A receipt whose entry was read, with its opened fields.</summary>
public sealed record EvidenceView(
    long Index,
    string Id,
    string Kind,
    string At,
    IReadOnlyDictionary<string, JsonElement> Fields,
    int Closed
);

/// <summary>The outcome of checking a file: the worst of its checks.</summary>
public sealed record EvidenceReport(
    CheckResult Result,
    string? Origin,
    long? Size,
    IReadOnlyList<EvidenceCheck> Checks,
    IReadOnlyList<EvidenceView> Receipts
);

/// <summary>What whoever checks already knows and trusts.</summary>
/// <param name="Keys">Keys of logs, pinned when the partnership began.</param>
/// <param name="Earlier">A signed checkpoint of the log that is held from before; null when there is none.</param>
/// <param name="Quorum">How many of the witnesses must have cosigned.</param>
public sealed record Trust(IReadOnlyList<VerifierKey> Keys, SignedNote? Earlier, IReadOnlyList<VerifierKey> Witnesses, int Quorum);

/// <summary>
/// Checks evidence without database or network: signature, growth since an earlier checkpoint, inclusion, the entry's form, opened fields
/// and chains. It does not show that the world is as the receipt says, nor that nothing happened that has no receipt.
/// </summary>
public sealed class EvidenceVerifier
{
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web)
    {
        AllowDuplicateProperties = false,
        MaxDepth = 16,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    private readonly Trust trust;
    private readonly List<EvidenceCheck> checks = [];
    private readonly List<EvidenceView> views = [];
    private readonly List<(string Action, long N, string? Prev, string Leaf, string Id)> chain = [];

    private EvidenceVerifier(Trust trust) => this.trust = trust;

    /// <summary>Checks a bundle (JSON) or a single receipt (C2SP tlog-proof whose extra has entry and disclosures).</summary>
    public static EvidenceReport Verify(ReadOnlyMemory<byte> file, Trust trust)
    {
        var verifier = new EvidenceVerifier(trust);
        if (verifier.Read(file) is not { } bundle)
            return verifier.Report(null, null);

        try
        {
            return verifier.Verify(bundle);
        }
        catch (LogFormatException e)
        {
            verifier.Say("format", CheckResult.Invalid, e.Message);
            return verifier.Report(bundle.Origin, null);
        }
    }

    private EvidenceReport Report(string? origin, long? size)
    {
        var worst =
            checks.Exists(c => c.Result is CheckResult.Invalid) ? CheckResult.Invalid
            : checks.Exists(c => c.Result is CheckResult.CannotTell) ? CheckResult.CannotTell
            : CheckResult.Valid;
        return new(worst, origin, size, checks, views);
    }

    private void Say(string name, CheckResult result, string detail) => checks.Add(new(name, result, detail));

    private EvidenceBundle? Read(ReadOnlyMemory<byte> file)
    {
        if (file.Length > EvidenceBundle.MaxBytes)
        {
            Say("format", CheckResult.CannotTell, $"the file has {file.Length} bytes; at most {EvidenceBundle.MaxBytes} are read");
            return null;
        }

        try
        {
            if (file.Span.StartsWith("c2sp.org/tlog-proof"u8))
                return Single(new UTF8Encoding(false, true).GetString(file.Span));

            var bundle = JsonSerializer.Deserialize<EvidenceBundle>(file.Span, Strict);
            if (bundle?.V == EvidenceBundle.Version)
                return bundle;
            Say("format", CheckResult.CannotTell, bundle is null ? "the file is empty" : $"the version \"{bundle.V}\" is not known here");
        }
        catch (Exception e) when (e is JsonException or LogFormatException or ArgumentException or DecoderFallbackException)
        {
            Say("format", CheckResult.CannotTell, $"this is neither a proof nor a bundle of evidence: {e.Message}");
        }

        return null;
    }

    private sealed record Extra(string Entry, IReadOnlyList<string> Disclosures);

    private static EvidenceBundle Single(string text)
    {
        var proof = LogProof.Parse(text);
        var extra = proof.Extra is { } bytes ? JsonSerializer.Deserialize<Extra>(bytes.Span, Strict) : null;
        if (extra is null)
            throw new LogFormatException("the proof has no entry in its extra line");
        return new(
            EvidenceBundle.Version,
            Checkpoint.Parse(SignedNote.Parse(proof.Checkpoint).Text).Origin,
            [],
            proof.Checkpoint,
            [new(proof.Index, extra.Entry, [.. proof.Path.Select(Convert.ToBase64String)], extra.Disclosures)],
            []
        );
    }

    private EvidenceReport Verify(EvidenceBundle bundle)
    {
        var note = SignedNote.Parse(bundle.Checkpoint);
        var checkpoint = Checkpoint.Parse(note.Text);
        if (checkpoint.Origin != bundle.Origin)
            Say("origin", CheckResult.Invalid, $"the checkpoint is of {checkpoint.Origin}, the bundle says {bundle.Origin}");
        Signature(note, checkpoint, bundle);
        Witnesses(note);
        Growth(checkpoint, bundle);
        foreach (var receipt in bundle.Receipts)
            Receipt(receipt, checkpoint);
        if (bundle.Receipts.Count == 0)
            Say("receipts", CheckResult.CannotTell, "there is no receipt in it");
        Chains();
        return Report(checkpoint.Origin, checkpoint.Size);
    }

    private void Signature(SignedNote note, Checkpoint checkpoint, EvidenceBundle bundle)
    {
        var pinned = trust.Keys.Where(k => k.Name == checkpoint.Origin).ToList();
        if (pinned.Count > 0)
        {
            Say(
                "signature",
                note.Verify(pinned).Count > 0 ? CheckResult.Valid : CheckResult.Invalid,
                note.Verify(pinned).Count > 0
                    ? $"signed with the pinned key of {checkpoint.Origin}"
                    : $"none of the pinned keys of {checkpoint.Origin} signed this"
            );
            return;
        }

        var carried = bundle.Keys.Select(VerifierKey.Parse).Where(k => k.Name == checkpoint.Origin).ToList();
        if (carried.Count > 0 && note.Verify(carried).Count == 0)
            Say("signature", CheckResult.Invalid, "not even the key in the file signed this");
        else if (trust.Earlier is not null && carried.Count > 0 && trust.Earlier.Verify(carried).Count > 0)
            Say("signature", CheckResult.Valid, "signed with the key that signed the earlier checkpoint");
        else
            Say("signature", CheckResult.CannotTell, $"no key of {checkpoint.Origin} is pinned, so anybody could have signed this");
    }

    private void Witnesses(SignedNote note)
    {
        if (trust.Quorum == 0)
            return;
        var cosigned = note.Verify(trust.Witnesses);
        Say(
            "witnesses",
            cosigned.Count >= trust.Quorum ? CheckResult.Valid : CheckResult.Invalid,
            $"{cosigned.Count} of {trust.Quorum} witnesses cosigned{(cosigned.Count > 0 ? $", first {cosigned.Min(c => c.Signature.Time):u}" : "")}"
        );
    }

    private void Growth(Checkpoint now, EvidenceBundle bundle)
    {
        if (trust.Earlier is not { } held)
            return;

        var earlier = Checkpoint.Parse(held.Text);
        if (earlier.Origin != now.Origin)
            Say("growth", CheckResult.CannotTell, $"the earlier checkpoint is of another log, {earlier.Origin}");
        else if (earlier.Size > now.Size)
            Say("growth", CheckResult.Invalid, $"the log had {earlier.Size} receipts before and has {now.Size} now: a tail is gone");
        else if (earlier.Size == now.Size)
            Say(
                "growth",
                earlier.Root.Span.SequenceEqual(now.Root.Span) ? CheckResult.Valid : CheckResult.Invalid,
                earlier.Root.Span.SequenceEqual(now.Root.Span) ? "the same as the earlier checkpoint" : "another history of the same size"
            );
        else if (bundle.Growth.FirstOrDefault(g => g.From == earlier.Size) is not { } growth)
            Say("growth", CheckResult.CannotTell, $"there is no proof in it that goes on from size {earlier.Size}");
        else if (MerkleTree.VerifyConsistency(earlier.Size, now.Size, earlier.Root.ToArray(), now.Root.ToArray(), Hashes(growth.Proof)))
            Say("growth", CheckResult.Valid, $"goes on from the earlier checkpoint of {earlier.Size}");
        else
            Say("growth", CheckResult.Invalid, $"does not go on from the earlier checkpoint of {earlier.Size}: history was rewritten");
    }

    private void Receipt(EvidenceReceipt receipt, Checkpoint checkpoint)
    {
        var name = $"receipt {receipt.Index}";
        var entry = Bytes(receipt.Entry);
        var leaf = MerkleHash.Leaf(entry);
        if (
            receipt.Path.Count > 63
            || !MerkleTree.VerifyInclusion(leaf, receipt.Index, checkpoint.Size, Hashes(receipt.Path), checkpoint.Root.ToArray())
        )
        {
            Say(name, CheckResult.Invalid, "is not in the log at that place");
            return;
        }

        if (Fields(entry, out var problem) is not { } fields)
        {
            Say(name, CheckResult.Invalid, $"its entry is not in the form of a receipt: {problem}");
            return;
        }

        if (fields.GetProperty("v").GetString() != "mumega-receipt/1")
        {
            Say(name, CheckResult.CannotTell, $"the version \"{fields.GetProperty("v").GetString()}\" is not known here");
            return;
        }

        if (fields.GetProperty("log").GetString() != checkpoint.Origin)
        {
            Say(name, CheckResult.Invalid, $"was written for another log, {fields.GetProperty("log").GetString()}");
            return;
        }

        var commitments = fields.GetProperty("_sd").EnumerateArray().Select(d => d.GetString()!).ToHashSet(StringComparer.Ordinal);
        var opened = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var disclosure in receipt.Disclosures)
        {
            if (!commitments.Contains(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(disclosure)))))
            {
                Say(
                    name,
                    CheckResult.Invalid,
                    "a field was opened with another value than it was committed to, or belongs to another receipt"
                );
                return;
            }

            if (Open(disclosure) is not var (field, value) || !opened.TryAdd(field, value))
            {
                Say(name, CheckResult.Invalid, "a field was opened twice, or is not a field");
                return;
            }
        }

        chain.Add(
            (
                fields.GetProperty("action").GetString()!,
                fields.GetProperty("n").GetInt64(),
                fields.GetProperty("prev").GetString(),
                Convert.ToBase64String(leaf),
                fields.GetProperty("id").GetString()!
            )
        );
        views.Add(
            new(
                receipt.Index,
                fields.GetProperty("id").GetString()!,
                fields.GetProperty("kind").GetString()!,
                fields.GetProperty("ts").GetString()!,
                opened,
                commitments.Count - opened.Count
            )
        );
        Say(name, CheckResult.Valid, $"{fields.GetProperty("kind").GetString()}, {opened.Count} field(s) opened");
    }

    // Steps of one chain that lie in the file follow each other; those that do not are not claimed to be there.
    private void Chains()
    {
        foreach (var steps in chain.GroupBy(c => c.Action))
        {
            var ordered = steps.OrderBy(s => s.N).ToList();
            if (ordered.Select(s => s.N).Distinct().Count() != ordered.Count)
                Say($"chain {steps.Key}", CheckResult.Invalid, "has a step twice");
            if (ordered.Exists(s => (s.N == 1) != (s.Prev is null)))
                Say($"chain {steps.Key}", CheckResult.Invalid, "does not begin where it says");
            foreach (var (one, next) in ordered.Zip(ordered.Skip(1)))
            {
                if (next.N == one.N + 1 && next.Prev != one.Leaf)
                    Say($"chain {steps.Key}", CheckResult.Invalid, $"step {next.N} does not follow step {one.N}");
            }
        }

        if (chain.GroupBy(c => c.Id).Any(g => g.Count() > 1))
            Say("receipts", CheckResult.Invalid, "a receipt is in it twice");
    }

    private static JsonElement? Fields(byte[] entry, out string? problem)
    {
        problem = null;
        try
        {
            if (entry.Length > ReceiptWriter.MaxEntryBytes)
                throw new CanonicalJsonException("it is too long");

            using var document = JsonDocument.Parse(entry, new() { MaxDepth = 8 });
            var fields = document.RootElement;
            if (!CanonicalJson.Bytes(fields, maxDepth: 4).AsSpan().SequenceEqual(entry))
                throw new CanonicalJsonException("it is not canonical JSON");
            string[] texts = ["_sd_alg", "action", "id", "kind", "log", "ts", "v"];
            if (
                texts.Any(t => !fields.TryGetProperty(t, out var text) || text.ValueKind is not JsonValueKind.String)
                || !fields.TryGetProperty("n", out var n)
                || n.ValueKind is not JsonValueKind.Number
                || n.GetInt64() < 1
                || !fields.TryGetProperty("prev", out var prev)
                || prev.ValueKind is not (JsonValueKind.String or JsonValueKind.Null)
                || !fields.TryGetProperty("_sd", out var digests)
                || digests.ValueKind is not JsonValueKind.Array
                || digests.EnumerateArray().Any(d => d.ValueKind is not JsonValueKind.String)
                || fields.GetProperty("_sd_alg").GetString() != "sha-256"
            )
            {
                throw new CanonicalJsonException("a field is missing or of another type");
            }

            return fields.Clone();
        }
        catch (Exception e) when (e is JsonException or CanonicalJsonException or InvalidOperationException)
        {
            problem = e.Message;
            return null;
        }
    }

    private static (string Field, JsonElement Value)? Open(string disclosure)
    {
        try
        {
            using var triple = JsonDocument.Parse(
                System.Buffers.Text.Base64Url.DecodeFromChars(disclosure),
                new() { MaxDepth = 32, AllowDuplicateProperties = false }
            );
            return
                triple.RootElement is { ValueKind: JsonValueKind.Array } array
                && array.GetArrayLength() == 3
                && array[0].ValueKind is JsonValueKind.String
                && array[1].ValueKind is JsonValueKind.String
                ? (array[1].GetString()!, array[2].Clone())
                : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    private static List<byte[]> Hashes(IReadOnlyList<string> base64) =>
        [.. base64.Select(h => Bytes(h) is { Length: 32 } hash ? hash : throw new LogFormatException("a hash does not have 32 bytes"))];

    private static byte[] Bytes(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length)
            ? bytes[..length]
            : throw new LogFormatException("something is not base64");
    }
}
