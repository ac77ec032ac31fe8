using Hangfire.Server;
using Microsoft.Extensions.Logging;
using Mumega.Domain;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;

namespace Mumega.Jobs;

/// <summary>
/// Drains due job rows in batches. Hangfire keeps it running and shows it on its dashboard; a commit wakes it, and a short poll catches
/// what another process committed.
/// </summary>
public sealed class Worker(JobQueue queue, Runner runner, Signals signals, JobOptions options, TimeProvider clock, ILogger<Worker> log)
    : IBackgroundProcess
{
    public void Execute(BackgroundProcessContext context) => DrainAsync(context.StoppingToken).GetAwaiter().GetResult();

    private async Task DrainAsync(CancellationToken ct)
    {
        var wake = signals.Jobs.Next;
        try
        {
            var jobs = await queue.ClaimAsync(ct);
            await runner.RunAsync(jobs, ct);
            if (jobs.Count > 0)
                return;

            var next = await queue.NextDueAsync(ct) is { } due ? due - clock.Now() : options.Poll;
            var pause =
                next < TimeSpan.Zero ? TimeSpan.Zero
                : next < options.Poll ? next
                : options.Poll;
            await Task.WhenAny(wake, Task.Delay(pause, ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested) { }
        catch (Exception e)
        {
            log.LogError(e, "The worker could not drain jobs; it tries again.");
            await Task.WhenAny(Task.Delay(options.Poll, ct));
        }
    }
}

/// <summary>Gives receipts their place as soon as they are committed.</summary>
public sealed class Sequencer(ReceiptSequencer sequencer, Signals signals, JobOptions options, ILogger<Sequencer> log) : IBackgroundProcess
{
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(4);

    public void Execute(BackgroundProcessContext context) => PlaceAsync(context.StoppingToken).GetAwaiter().GetResult();

    /// <summary>Places what waits, and waits a moment.</summary>
    public async Task PlaceAsync(CancellationToken ct)
    {
        var wake = signals.Receipts.Next;
        try
        {
            if (await sequencer.PlaceAsync(ct) > 0)
            {
                // A busy moment has several commits within milliseconds; one pass places them all. After a quiet one nobody waits.
                await Task.WhenAny(Task.Delay(Gather, ct));
                return;
            }

            await Task.WhenAny(wake, Task.Delay(options.Poll, ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested) { }
        catch (Exception e)
        {
            log.LogError(e, "Receipts could not be placed; it is tried again.");
            await Task.WhenAny(Task.Delay(options.Poll, ct));
        }
    }
}

/// <summary>Seals placed receipts into their tenants' logs, some times a second while there is something to seal.</summary>
public sealed class Sealer(LogSealer sealer, Signals signals, JobOptions options, TimeProvider clock, ILogger<Sealer> log)
    : IBackgroundProcess
{
    // Most of a seal is waiting for the database; on SQLite, for the turn to write.
    private const int AtOnce = 16;

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    private DateTimeOffset looked;

    public void Execute(BackgroundProcessContext context) => SealAsync(context.StoppingToken).GetAwaiter().GetResult();

    /// <summary>Seals what waits, and waits a moment.</summary>
    public async Task SealAsync(CancellationToken ct)
    {
        var wake = signals.Feed.Next;
        try
        {
            // What this process placed was marked; what another placed, or a crash left behind, is found by looking.
            if (clock.Now() - looked >= Look)
            {
                foreach (var tenant in await sealer.BehindAsync(ct))
                    sealer.Mark(tenant);
                looked = clock.Now();
            }

            var begun = clock.GetTimestamp();
            var tenants = sealer.TakeMarked();
            await Parallel.ForEachAsync(
                tenants,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
                async (tenant, stop) => await SealAsync(tenant, stop)
            );
            if (tenants.Count == 0)
                await Task.WhenAny(wake, Task.Delay(options.Poll, ct));
            else if (Gather - clock.GetElapsedTime(begun) is var rest && rest > TimeSpan.Zero)
                await Task.WhenAny(Task.Delay(rest, ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested) { }
        catch (Exception e)
        {
            log.LogError(e, "Receipts could not be sealed; it is tried again.");
            await Task.WhenAny(Task.Delay(options.Poll, ct));
        }
    }

    // One tenant's trouble keeps no other from being sealed.
    private async Task SealAsync(Guid tenant, CancellationToken ct)
    {
        try
        {
            if (!await sealer.SealAsync(tenant, ct))
                sealer.Mark(tenant);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            sealer.Mark(tenant);
            log.LogError(e, "The log of tenant {Tenant} could not be sealed; it is tried again.", tenant);
        }
    }
}

/// <summary>Has witnesses cosign new checkpoints, and takes them out of the building, at most once a second.</summary>
public sealed class Cosigner(LogSealer sealer, CheckpointDelivery delivery, Signals signals, ILogger<Cosigner> log) : IBackgroundProcess
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public void Execute(BackgroundProcessContext context) => CosignAsync(context.StoppingToken).GetAwaiter().GetResult();

    private async Task CosignAsync(CancellationToken ct)
    {
        var wake = signals.Sealed.Next;
        try
        {
            await sealer.CosignAsync(ct);
            await delivery.DeliverAsync(ct);
            await Task.WhenAny(Task.Delay(Pause, ct));
            await Task.WhenAny(wake, Task.Delay(Pause * 10, ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested) { }
        catch (Exception e)
        {
            log.LogError(e, "Checkpoints could not be taken out; it is tried again.");
            await Task.WhenAny(Task.Delay(Pause, ct));
        }
    }
}
