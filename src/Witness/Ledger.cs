using System.Text;
using Mumega.TransparencyLog;

namespace Mumega.Witness;

/// <summary>What the witness answers: an HTTP status and a body.</summary>
public sealed record Answer(int Status, string Body, bool IsSize = false);

/// <summary>
/// A witness as C2SP tlog-witness has it: cosigns a checkpoint only if it goes on from the last one that it cosigned, and remembers that, in one file
/// a log, before it answers. It needs nothing of the log but its key.
/// </summary>
public sealed class Ledger
{
    private readonly SignerKey key;
    private readonly IReadOnlyList<VerifierKey> logs;
    private readonly string folder;
    private readonly TimeProvider clock;
    private readonly Lock door = new();

    /// <param name="key">The witness's own key, of type <see cref="KeyType.Cosignature"/>.</param>
    /// <param name="logs">The keys of the logs that are witnessed.</param>
    /// <param name="folder">Where it remembers what it cosigned.</param>
    public Ledger(SignerKey key, IReadOnlyList<VerifierKey> logs, string folder, TimeProvider clock)
    {
        (this.key, this.logs, this.folder, this.clock) = (key, logs, folder, clock);
        Directory.CreateDirectory(folder);
    }

    public VerifierKey Key => key.Verifier;

    public Answer Add(string body)
    {
        AddCheckpoint asked;
        SignedNote note;
        Checkpoint checkpoint;
        try
        {
            asked = AddCheckpoint.Parse(body);
            note = SignedNote.Parse(asked.Checkpoint);
            checkpoint = Checkpoint.Parse(note.Text);
        }
        catch (LogFormatException e)
        {
            return new(400, e.Message);
        }

        var known = logs.Where(k => k.Name == checkpoint.Origin).ToList();
        if (known.Count == 0)
            return new(404, "this log is not witnessed here");
        if (!Signed(note, known))
            return new(403, "none of the log's keys signed this");
        if (asked.Old > checkpoint.Size)
            return new(400, "the old size is larger than the checkpoint's");

        lock (door)
        {
            var file = Path.Combine(folder, Convert.ToHexStringLower(MerkleHash.Leaf(Encoding.UTF8.GetBytes(checkpoint.Origin))));
            var last = File.Exists(file)
                ? Checkpoint.Parse(File.ReadAllText(file))
                : new Checkpoint(checkpoint.Origin, 0, MerkleTree.EmptyRoot);
            if (asked.Old != last.Size)
                return new(409, $"{last.Size}\n", IsSize: true);
            if (last.Size == checkpoint.Size && !last.Root.Span.SequenceEqual(checkpoint.Root.Span))
                return new(409, $"{last.Size}\n", IsSize: true);
            if (!MerkleTree.VerifyConsistency(last.Size, checkpoint.Size, last.Root.ToArray(), checkpoint.Root.ToArray(), asked.Proof))
                return new(422, "the proof does not lead from the old checkpoint to this one");

            Remember(file, checkpoint.Text);
        }

        return new(200, $"{key.Sign(note.Text, clock.GetUtcNow())}\n");
    }

    private static bool Signed(SignedNote note, List<VerifierKey> known)
    {
        try
        {
            return note.Verify(known).Count > 0;
        }
        catch (LogFormatException)
        {
            return false;
        }
    }

    // On disk before anybody sees the signature: after a crash it never cosigns a second history.
    private static void Remember(string file, string text)
    {
        var draft = $"{file}.new";
        using (var stream = new FileStream(draft, FileMode.Create, FileAccess.Write))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }

        File.Move(draft, file, overwrite: true);
    }
}
