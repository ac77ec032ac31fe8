using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Tenancy;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Receipts;

/// <summary>The kinds of receipt that the format "Mumega receipt 1" knows.</summary>
public static class ReceiptKind
{
    public const string Proposed = "proposed";
    public const string Decided = "decided";
    public const string Authorised = "authorised";
    public const string Dispatched = "dispatched";
    public const string Confirmed = "outcome.confirmed";
    public const string Failed = "outcome.failed";
    public const string Unknown = "outcome.unknown";
    public const string Reconciled = "reconciled";
    public const string Compensated = "compensated";
    public const string Stop = "stop";
    public const string Elevated = "elevated";
    public const string Disclosed = "disclosed";
    public const string Erased = "erased";
    public const string PolicyPromoted = "policy.promoted";
    public const string LogKey = "log.key";

    public static readonly IReadOnlyList<string> All =
    [
        Proposed,
        Decided,
        Authorised,
        Dispatched,
        Confirmed,
        Failed,
        Unknown,
        Reconciled,
        Compensated,
        Stop,
        Elevated,
        Disclosed,
        Erased,
        PolicyPromoted,
        LogKey,
    ];
}

/// <summary>Something that leaves a gap-free chain of receipts: a run, a stop, a contract.</summary>
public interface IReceipted : IWorkspaceOwned
{
    Guid Id { get; }

    /// <summary>How many receipts the chain has.</summary>
    int Receipts { get; set; }

    /// <summary>The leaf hash of the chain's last receipt, base64; absent before the first.</summary>
    string? LastReceipt { get; set; }
}

/// <summary>Immutable evidence that something happened. Never updated, never deleted; the database refuses both.</summary>
public sealed class Receipt : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>One of <see cref="ReceiptKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The run, stop or contract whose chain this belongs to.</summary>
    public required Guid SubjectId { get; init; }

    /// <summary>The step within the chain, from 1, without gaps.</summary>
    public required int Step { get; init; }

    /// <summary>The principal whose act this proves.</summary>
    public required Guid ActorId { get; init; }

    /// <summary>The action, for example <c>page.publish</c>.</summary>
    public required string Action { get; init; }

    /// <summary>A stable code of what was decided or happened, for example <c>gate.approved</c>.</summary>
    public required string ReasonCode { get; init; }

    /// <summary>The state that the run is in from here on.</summary>
    public required string State { get; init; }

    /// <summary>For the receipt of an undo: the receipt that it undoes.</summary>
    public Guid? UndoesReceiptId { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The trace in which it was written (W3C Trace Context), 32 hex digits; beside the entry, for finding it again.</summary>
    public string? TraceId { get; init; }

    /// <summary>The entry of the log, canonical JSON (RFC 8785) in UTF-8; hashed as stored, sent as stored.</summary>
    public required byte[] Entry { get; init; }

    /// <summary>The RFC 6962 leaf hash of <see cref="Entry"/>, base64.</summary>
    public required string Digest { get; init; }
}

/// <summary>
/// The opened fields of a receipt, kept apart from it so that they can be erased without touching the log:
/// an array of disclosure strings in the encoding of RFC 9901.
/// </summary>
public sealed class Disclosure : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ReceiptId { get; init; }

    /// <summary>A JSON array of strings, each <c>base64url(JSON [salt, name, value])</c>.</summary>
    public required string Opened { get; set; }

    /// <summary>A JSON array of the names whose value and salt were destroyed; absent when none was.</summary>
    public string? Erased { get; private set; }

    /// <summary>Who put a legal hold on it: nothing is erased while it lasts.</summary>
    public Guid? HeldBy { get; set; }

    /// <summary>The <see cref="Policies.Level"/> at which the hold was put on: only that level or a higher one lifts it.</summary>
    public string? HeldLevel { get; set; }

    /// <summary>The disclosure strings of the named fields, or of all.</summary>
    public IReadOnlyList<string> Open(IReadOnlyCollection<string>? names = null) =>
        [.. Strings().Where(d => names is null || names.Contains(NameOf(d)))];

    /// <summary>The names of the fields that can be opened.</summary>
    public IReadOnlyList<string> Names => [.. Strings().Select(NameOf)];

    /// <summary>The names of the fields whose value and salt were destroyed.</summary>
    public IReadOnlyList<string> ErasedNames => Erased is null ? [] : JsonSerializer.Deserialize<string[]>(Erased)!;

    /// <summary>The committed fields as one JSON object.</summary>
    public JsonElement Fields()
    {
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var disclosure in Strings())
        {
            var triple = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(disclosure)).RootElement;
            fields[triple[1].GetString()!] = triple[2].Clone();
        }

        return JsonSerializer.SerializeToElement(fields);
    }

    /// <summary>The same with only the fields that somebody may see. A copy, never written back.</summary>
    public Disclosure Only(Func<string, bool> may) =>
        new()
        {
            TenantId = TenantId,
            WorkspaceId = WorkspaceId,
            ReceiptId = ReceiptId,
            Opened = JsonSerializer.Serialize(Strings().Where(d => may(NameOf(d)))),
            Erased = Erased,
            HeldBy = HeldBy,
            HeldLevel = HeldLevel,
        };

    /// <summary>Destroys value and salt of the named fields. The commitments stay in the entry, and nobody can open them any more.</summary>
    public void Erase(IReadOnlyCollection<string> names)
    {
        var gone = Names.Where(names.Contains).ToList();
        if (gone.Count == 0)
            return;

        Erased = JsonSerializer.Serialize(ErasedNames.Concat(gone));
        Opened = JsonSerializer.Serialize(Strings().Where(d => !gone.Contains(NameOf(d))));
    }

    /// <summary>The texts inside the named fields, however deep: what has to go wherever it was repeated. Very short ones would be found everywhere.</summary>
    public IEnumerable<string> TextsOf(IReadOnlyCollection<string> names)
    {
        var fields = Fields();
        return fields
            .EnumerateObject()
            .Where(f => names.Contains(f.Name))
            .SelectMany(f => Texts(f.Value))
            .Where(t => t.Length >= ShortestCopy)
            .Distinct();
    }

    /// <summary>The names of the fields that repeat one of these texts.</summary>
    public IReadOnlyList<string> Repeating(IReadOnlyCollection<string> texts) =>
        [
            .. Fields()
                .EnumerateObject()
                .Where(f => Texts(f.Value).Any(t => texts.Any(wanted => t.Contains(wanted, StringComparison.Ordinal))))
                .Select(f => f.Name),
        ];

    private const int ShortestCopy = 4;

    private static IEnumerable<string> Texts(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
            JsonValueKind.Object => value.EnumerateObject().SelectMany(p => Texts(p.Value)),
            _ => [],
        };

    private string[] Strings() => JsonSerializer.Deserialize<string[]>(Opened)!;

    private static string NameOf(string disclosure) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(disclosure)).RootElement[1].GetString()!;
}

/// <summary>A receipt's place in its tenant's commit order, given after the commit; the cursor of every feed.</summary>
public sealed class ReceiptPlace
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ReceiptId { get; init; }

    public required Guid SubjectId { get; init; }

    public required int Step { get; init; }

    /// <summary>UTC ticks of the receipt, by which waiting receipts are put in order.</summary>
    public required long Ticks { get; init; }

    /// <summary>The leaf hash of the receipt's entry, 32 bytes: what the log is made of. Absent in rows from before there was a log.</summary>
    public byte[]? Leaf { get; init; }

    /// <summary>Counts from 1 within the tenant without gaps; absent until the receipt has been given its place.</summary>
    public long? Position { get; set; }
}

/// <summary>What one commit adds to the record: the receipt, its opened fields, and its wait for a place.</summary>
public sealed record Evidence(Receipt Receipt, Disclosure Disclosure, ReceiptPlace Place);

/// <summary>Writes receipts in the format "Mumega receipt 1".</summary>
public static class ReceiptWriter
{
    private static readonly JsonSerializerOptions Camel = new(JsonSerializerDefaults.Web);

    public const int MaxEntryBytes = 16 * 1024;

    /// <summary>Adds the next receipt to a subject's chain. Fields enter the entry as salted commitments; null ones are left out.</summary>
    public static Evidence Append(
        IReceipted subject,
        string kind,
        Actor actor,
        DateTimeOffset now,
        string action,
        string reasonCode,
        string state,
        IEnumerable<(string Name, object? Value)> fields,
        Guid? undoes = null
    )
    {
        var id = Guid.CreateVersion7(now);
        var step = ++subject.Receipts;
        var (opened, digests) = Commit(Common(subject, actor, action, reasonCode).Concat(fields));

        var entry = Entry(actor.Log, subject, id, kind, step, now, digests);
        var leaf = MerkleHash.Leaf(entry);
        var digest = Convert.ToBase64String(leaf);
        subject.LastReceipt = digest;

        return new(
            new()
            {
                TenantId = subject.TenantId,
                WorkspaceId = subject.WorkspaceId,
                Id = id,
                Kind = kind,
                SubjectId = subject.Id,
                Step = step,
                ActorId = actor.Id,
                Action = action,
                ReasonCode = reasonCode,
                State = state,
                UndoesReceiptId = undoes,
                At = now,
                TraceId = System.Diagnostics.Activity.Current?.TraceId.ToHexString(),
                Entry = entry,
                Digest = digest,
            },
            new()
            {
                TenantId = subject.TenantId,
                WorkspaceId = subject.WorkspaceId,
                ReceiptId = id,
                Opened = JsonSerializer.Serialize(opened),
            },
            new()
            {
                TenantId = subject.TenantId,
                WorkspaceId = subject.WorkspaceId,
                ReceiptId = id,
                SubjectId = subject.Id,
                Step = step,
                Ticks = now.UtcTicks,
                Leaf = leaf,
            }
        );
    }

    private static IEnumerable<(string, object?)> Common(IReceipted subject, Actor actor, string action, string reasonCode) =>
        [
            ("tenant", subject.TenantId),
            ("workspace", subject.WorkspaceId),
            (
                "actor",
                new
                {
                    id = actor.Id,
                    kind = actor.Kind.ToString().ToLowerInvariant(),
                    surface = actor.Surface,
                }
            ),
            ("on_behalf_of", actor.Chain is [{ Id: var root }, ..] ? root : actor.OwnerId),
            ("actor_chain", actor.Chain.Count == 0 ? null : actor.Chain.Select(l => l.Id)),
            ("action_type", action),
            ("reason_code", reasonCode),
            ("approver_auth", actor.Confirmed),
        ];

    private static (List<string> Opened, List<string> Digests) Commit(IEnumerable<(string Name, object? Value)> fields)
    {
        List<string> opened = [],
            digests = [];
        Span<byte> salt = stackalloc byte[16];
        foreach (var (name, value) in fields)
        {
            if (value is null)
                continue;
            RandomNumberGenerator.Fill(salt);
            var disclosure = Base64Url(JsonSerializer.SerializeToUtf8Bytes(new[] { Base64Url(salt), name, value }, Camel));
            opened.Add(disclosure);
            digests.Add(Base64Url(SHA256.HashData(Encoding.ASCII.GetBytes(disclosure))));
        }

        // Decoys up to a multiple of eight, so that the number of fields says nothing.
        Span<byte> decoy = stackalloc byte[32];
        while (digests.Count % 8 != 0)
        {
            RandomNumberGenerator.Fill(decoy);
            digests.Add(Base64Url(decoy));
        }

        digests.Sort(StringComparer.Ordinal);
        return (opened, digests);
    }

    // Written in key order by hand: every value is plain ASCII, so this is its own canonical form.
    private static byte[] Entry(string log, IReceipted subject, Guid id, string kind, int step, DateTimeOffset now, List<string> digests)
    {
        var text = new StringBuilder(256 + digests.Count * 46);
        text.Append("{\"_sd\":[")
            .AppendJoin(',', digests.Select(d => $"\"{d}\""))
            .Append("],\"_sd_alg\":\"sha-256\",\"action\":\"")
            .Append(subject.Id)
            .Append("\",\"id\":\"")
            .Append(id)
            .Append("\",\"kind\":\"")
            .Append(kind)
            .Append("\",\"log\":");
        CanonicalJson.AppendString(text, log);
        text.Append(",\"n\":")
            .Append(step)
            .Append(",\"prev\":")
            .Append(subject.LastReceipt is { } prev ? $"\"{prev}\"" : "null")
            .Append(",\"ts\":\"")
            .Append(now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"))
            .Append("\",\"v\":\"mumega-receipt/1\"}");

        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        return bytes.Length <= MaxEntryBytes ? bytes : throw new InvalidOperationException("a receipt's entry may have at most 16 KiB");
    }

    private static string Base64Url(ReadOnlySpan<byte> bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
