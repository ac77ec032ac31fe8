using Microsoft.Extensions.Logging.Abstractions;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Secrets;
using Mumega.Jobs;

// A process that places and seals receipts and does nothing else, to be killed: KIND CONNECTION KEYS. Says "sealing" when it has done so once.
var databases = new Databases(new() { Kind = Enum.Parse<DatabaseKind>(args[0]), Connection = args[1] });
var (signals, jobs) = (new Signals(), new JobOptions { Poll = TimeSpan.FromMilliseconds(5) });
var sealer = new LogSealer(
    databases,
    new LogWitnesses(databases, [], new(), TimeProvider.System),
    signals,
    new Vault(Vault.KeysIn(Directory.CreateDirectory(args[2]))),
    TimeProvider.System
);
var placing = new Sequencer(new ReceiptSequencer(databases, sealer, signals), signals, jobs, NullLogger<Sequencer>.Instance);
var sealing = new Sealer(sealer, signals, jobs, TimeProvider.System, NullLogger<Sealer>.Instance);

await placing.PlaceAsync(CancellationToken.None);
await sealing.SealAsync(CancellationToken.None);
Console.WriteLine("sealing");
await Task.WhenAll(ForeverAsync(placing.PlaceAsync), ForeverAsync(sealing.SealAsync));

static async Task ForeverAsync(Func<CancellationToken, Task> once)
{
    await Task.Yield();
    while (true)
        await once(CancellationToken.None);
}
