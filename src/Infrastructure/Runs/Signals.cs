namespace Mumega.Infrastructure.Runs;

/// <summary>Wakes whoever waits inside this process. A missed wake only costs the poll interval; the truth is in the database.</summary>
public sealed class Signals
{
    /// <summary>A job became due.</summary>
    public Wake Jobs { get; } = new();

    /// <summary>Receipts were committed and wait for their place.</summary>
    public Wake Receipts { get; } = new();

    /// <summary>Receipts were given their place.</summary>
    public Wake Feed { get; } = new();

    /// <summary>A checkpoint was signed.</summary>
    public Wake Sealed { get; } = new();

    /// <summary>A token, a suspension or a role changed: who holds a connection is looked at again.</summary>
    public Wake Authority { get; } = new();

    public sealed class Wake
    {
        private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Take it before looking at the database, so that no change between look and wait is missed.</summary>
        public Task Next => Volatile.Read(ref next).Task;

        public void Pulse() => Interlocked.Exchange(ref next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
