using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Infrastructure.Data;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Receipts;

/// <summary>A witness that cosigns checkpoints. From the configuration section <c>Witnesses</c>.</summary>
public sealed class WitnessOptions
{
    /// <summary>The address below which <c>/add-checkpoint</c> lies.</summary>
    public required Uri Url { get; set; }

    /// <summary>Its verifier key (C2SP signed-note, type 4).</summary>
    public required string Key { get; set; }
}

/// <summary>How a witness stands with one log.</summary>
/// <param name="Size">The size of the last checkpoint that it cosigned; absent before the first.</param>
/// <param name="Problem">Why it did not cosign the last time; absent when it did.</param>
public sealed record WitnessState(string Name, long? Size, DateTimeOffset? At, string? Problem);

/// <summary>
/// Sends checkpoints to witnesses (C2SP tlog-witness) and keeps their cosignatures. A witness that has seen more than this database holds, or
/// another history, freezes the log: a restored backup must not become a second history.
/// </summary>
public sealed class LogWitnesses(
    Databases databases,
    IReadOnlyList<WitnessOptions> options,
    CheckpointOptions checkpoints,
    TimeProvider clock
) : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = TimeSpan.FromSeconds(5),
        MaxResponseContentBufferSize = 64 * 1024,
    };
    private readonly IReadOnlyList<(Uri Url, VerifierKey Key)> witnesses = [.. options.Select(o => (o.Url, VerifierKey.Parse(o.Key)))];
    private readonly ConcurrentDictionary<(Guid Tenant, string Witness), string> problems = new();

    public bool Any => witnesses.Count > 0;

    /// <summary>Has the latest checkpoint of a tenant cosigned by every witness that has not done so. Returns false when one has to be asked again.</summary>
    public async Task<bool> CosignAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        if (await db.LogHeads.AsNoTracking().SingleOrDefaultAsync(ct) is not { Frozen: null } head || head.Size == 0)
            return true;

        var note = await db.LogCheckpoints.AsNoTracking().Where(c => c.Size == head.Size).Select(c => c.Note).SingleAsync(ct);
        var seen = await db
            .LogCosignatures.AsNoTracking()
            .GroupBy(c => c.Witness)
            .Select(g => new { g.Key, Size = g.Max(c => c.Size) })
            .ToDictionaryAsync(c => c.Key, c => c.Size, ct);
        var all = true;
        foreach (var (url, key) in witnesses)
        {
            var old = seen.GetValueOrDefault(key.ToString());
            if (old == head.Size)
                continue;

            var problem = await CosignAsync(db, tenant, url, key, note, head.Size, old, ct);
            if (problem is null)
                problems.TryRemove((tenant, key.Name), out _);
            else
                problems[(tenant, key.Name)] = problem;
            all &= problem is null;
        }

        return all;
    }

    /// <summary>
    /// Asks, before a process signs for the first time, whether a witness or the folder of checkpoints has seen more than is here. Freezes the log if so; returns false when no
    /// witness could be asked, so that nothing is signed until one can.
    /// </summary>
    public async Task<bool> GuardAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        var latest = await db.LogCheckpoints.AsNoTracking().OrderByDescending(c => c.Size).FirstOrDefaultAsync(ct);
        if (latest is null)
            return true;

        if (await checkpoints.ProblemAsync(latest.Note, ct) is { } problem)
            await FreezeAsync(db, problem, ct);
        if (witnesses.Count == 0)
            return true;

        var asked = false;
        foreach (var (url, key) in witnesses)
        {
            var (status, body) = await PostAsync(url, new(latest.Size, [], latest.Note), ct);
            asked |= status is not null;
            if (status is HttpStatusCode.Conflict && Size(body) is { } theirs && theirs >= latest.Size)
                await FreezeAsync(db, Behind(key, theirs, latest.Size), ct);
        }

        return asked;
    }

    /// <summary>How the witnesses stand with a tenant's log.</summary>
    public async Task<IReadOnlyList<WitnessState>> StatesAsync(Guid tenant, CancellationToken ct)
    {
        await using var db = databases.OpenTenant(tenant);
        var states = new List<WitnessState>();
        foreach (var (_, key) in witnesses)
        {
            var name = key.ToString();
            var last = await db
                .LogCosignatures.AsNoTracking()
                .Where(c => c.Witness == name)
                .OrderByDescending(c => c.Size)
                .FirstOrDefaultAsync(ct);
            states.Add(new(key.Name, last?.Size, last?.At, problems.GetValueOrDefault((tenant, key.Name))));
        }

        return states;
    }

    public void Dispose() => http.Dispose();

    private async Task<string?> CosignAsync(
        MumegaDb db,
        Guid tenant,
        Uri url,
        VerifierKey key,
        string note,
        long size,
        long old,
        CancellationToken ct
    )
    {
        // Once as we remember it, once as the witness says.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var proof = old == 0 ? [] : await new LogReader(db, tenant).ConsistencyAsync(old, size, ct);
            var (status, body) = await PostAsync(url, new(old, proof, note), ct);
            switch (status)
            {
                case null:
                    return "it could not be reached";
                case HttpStatusCode.OK:
                    return await KeepAsync(db, tenant, key, note, size, body, ct);
                case HttpStatusCode.Conflict when Size(body) is { } theirs && theirs < size:
                    old = theirs;
                    continue;
                case HttpStatusCode.Conflict when Size(body) is { } theirs:
                    await FreezeAsync(db, Behind(key, theirs, size), ct);
                    return "it has seen another history";
                case HttpStatusCode.UnprocessableEntity:
                    await FreezeAsync(
                        db,
                        $"The witness {key.Name} says that this log does not go on from what it cosigned at {old} receipts.",
                        ct
                    );
                    return "it says that history was rewritten";
                default:
                    return $"it answered {(int)status.Value}: {body.Trim()}";
            }
        }

        return "it changed its mind about what it saw";
    }

    private async Task<string?> KeepAsync(
        MumegaDb db,
        Guid tenant,
        VerifierKey key,
        string note,
        long size,
        string body,
        CancellationToken ct
    )
    {
        try
        {
            var text = SignedNote.Parse(note).Text;
            var line = body.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(NoteSignature.Parse)
                .FirstOrDefault(s => s.Name == key.Name && s.KeyId == key.Id && key.Verify(text, s.Signature.Span));
            if (line is null)
                return "its signature does not verify";

            db.LogCosignatures.Add(
                new()
                {
                    TenantId = tenant,
                    Size = size,
                    Witness = key.ToString(),
                    Line = line.ToString(),
                    At = clock.Now(),
                }
            );
            await db.SaveChangesAsync(ct);
            return null;
        }
        catch (LogFormatException e)
        {
            return e.Message;
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            // Another process kept it.
            db.ChangeTracker.Clear();
            return null;
        }
    }

    private async Task<(HttpStatusCode? Status, string Body)> PostAsync(Uri url, AddCheckpoint request, CancellationToken ct)
    {
        try
        {
            using var content = new StringContent(request.ToString(), Encoding.UTF8, "text/plain");
            using var answer = await http.PostAsync(new Uri($"{url.ToString().TrimEnd('/')}/add-checkpoint"), content, ct);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync(ct));
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            return (null, "");
        }
    }

    private static long? Size(string body) =>
        long.TryParse(body.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null;

    private static string Behind(VerifierKey key, long theirs, long ours) =>
        theirs > ours
            ? $"The witness {key.Name} has seen {theirs} receipts; this database holds {ours}. It was set back, for example by restoring a backup."
            : $"The witness {key.Name} has cosigned another history of {theirs} receipts.";

    private static Task<int> FreezeAsync(MumegaDb db, string problem, CancellationToken ct) =>
        db.WriteAsync(
            () =>
                db.LogHeads.ExecuteUpdateAsync(h => h.SetProperty(x => x.Frozen, problem).SetProperty(x => x.Epoch, x => x.Epoch + 1), ct),
            ct
        );
}
