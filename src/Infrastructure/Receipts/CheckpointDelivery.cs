using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Data;
using Mumega.TransparencyLog;

namespace Mumega.Infrastructure.Receipts;

/// <summary>Where checkpoints are written to. From the configuration section <c>Checkpoints</c>.</summary>
public sealed class CheckpointOptions
{
    /// <summary>
    /// A folder, best on another machine's disk or a mounted object store: <c>{log id}/checkpoint</c> is the latest, <c>{log id}/{size}</c> each that was
    /// current when it was written. Nothing is ever deleted there. Empty for none.
    /// </summary>
    public string Folder { get; set; } = "";

    /// <summary>How long at least between two deliveries to the same place.</summary>
    public TimeSpan Every { get; set; } = TimeSpan.FromMinutes(1);

    internal const string Latest = "checkpoint";

    /// <summary>The folder of the log that a checkpoint belongs to, or null when there is none.</summary>
    internal string? FolderOf(string note) => Folder.Length == 0 ? null : Path.Combine(Folder, note.Split('\n')[0].Split('/')[^1]);

    /// <summary>What the folder holds against the latest checkpoint of the database, or null: more receipts, or other ones.</summary>
    internal async Task<string?> ProblemAsync(string note, CancellationToken ct)
    {
        if (FolderOf(note) is not { } folder || Path.Combine(folder, Latest) is var path && !File.Exists(path))
            return null;

        var (ours, theirs) = (
            Checkpoint.Parse(SignedNote.Parse(note).Text),
            Checkpoint.Parse(SignedNote.Parse(await File.ReadAllTextAsync(path, ct)).Text)
        );
        return theirs.Size > ours.Size
                ? $"The folder of checkpoints has seen {theirs.Size} receipts; this database holds {ours.Size}. It was set back, for example by restoring a backup."
            : theirs.Size == ours.Size && !theirs.Root.Span.SequenceEqual(ours.Root.Span)
                ? $"The folder of checkpoints holds another history of {theirs.Size} receipts."
            : null;
    }
}

/// <summary>Takes checkpoints out of the building: into a folder, and to partners by the connections that their contracts name.</summary>
public sealed class CheckpointDelivery(Databases databases, CheckpointOptions options, IWebhookSender sender, TimeProvider clock)
{
    private DateTimeOffset next;

    /// <summary>Delivers what is new of every tenant, if the pause is over. What could not be delivered is tried again after the next one.</summary>
    public async Task DeliverAsync(CancellationToken ct)
    {
        if (clock.Now() < next)
            return;

        next = clock.Now() + options.Every;
        await using var platform = databases.OpenPlatform();
        foreach (var tenant in await platform.Tenants.Select(t => t.Id).ToListAsync(ct))
        {
            await using var db = databases.OpenTenant(tenant);
            if (await db.LogHeads.AsNoTracking().SingleOrDefaultAsync(ct) is not { Frozen: null })
                continue;
            if (await db.LogCheckpoints.AsNoTracking().OrderByDescending(c => c.Size).FirstOrDefaultAsync(ct) is not { } latest)
                continue;

            var cosignatures = await db
                .LogCosignatures.AsNoTracking()
                .Where(c => c.Size == latest.Size)
                .OrderBy(c => c.At)
                .Select(c => c.Line)
                .ToListAsync(ct);
            var note = latest.Note + string.Concat(cosignatures.Select(line => $"{line}\n"));
            await WriteAsync(latest.Size, note, ct);
            foreach (var workspace in await db.Workspaces.Select(w => w.Id).ToListAsync(ct))
                await SendAsync(tenant, workspace, latest.Size, note, ct);
        }
    }

    private async Task SendAsync(Guid tenant, Guid workspace, long size, string note, CancellationToken ct)
    {
        await using var db = databases.Open(tenant, workspace);
        var now = clock.Now();
        var waiting = await db
            .Contracts.AsNoTracking()
            .Where(c => c.Connection != null && c.RevokedAt == null && c.Until > now && c.Delivered < size)
            .ToListAsync(ct);
        foreach (var contract in waiting)
        {
            if (await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Key == contract.Connection, ct) is not { } connection)
                continue;

            // The same checkpoint always has the same id, so that a receiver may drop a repeat.
            var id = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{contract.Id}/{size}")).AsSpan(0, 16));
            var body = JsonSerializer.Serialize(
                new
                {
                    type = "log.checkpoint",
                    timestamp = now.UtcDateTime,
                    data = new { size, checkpoint = note },
                }
            );
            if ((await sender.SendAsync(connection, new(id, "log.checkpoint", body), ct)).Result is not DeliveryResult.Confirmed)
                continue;

            await db.WriteAsync(
                () => db.Contracts.Where(c => c.Id == contract.Id).ExecuteUpdateAsync(c => c.SetProperty(x => x.Delivered, size), ct),
                ct
            );
        }
    }

    // Written whole or not at all. The guard has looked at what lies there before anything was signed.
    private async Task WriteAsync(long size, string note, CancellationToken ct)
    {
        if (options.FolderOf(note) is not { } folder)
            return;

        Directory.CreateDirectory(folder);
        foreach (
            var path in new[]
            {
                Path.Combine(folder, size.ToString(CultureInfo.InvariantCulture)),
                Path.Combine(folder, CheckpointOptions.Latest),
            }
        )
        {
            await File.WriteAllTextAsync($"{path}.new", note, ct);
            File.Move($"{path}.new", path, overwrite: true);
        }
    }
}
