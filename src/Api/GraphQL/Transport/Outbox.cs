using System.Threading.Channels;
using GraphQL;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>
/// What waits to be written to one connection. It is bounded and never waited for: a connection that does not keep up, or whose write takes
/// too long, is broken off, and its client resumes from its last cursor.
/// </summary>
internal sealed class Outbox : IAsyncDisposable
{
    private const int Capacity = 2048;
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(10);

    private readonly Channel<byte[]> waiting = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly TaskCompletionSource broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task writer;

    public Outbox(Func<byte[], CancellationToken, Task> write) => writer = Task.Run(() => WriteAsync(write));

    /// <summary>Completes when the connection can't be written to any more.</summary>
    public Task Broken => broken.Task;

    public void Send(byte[] message)
    {
        if (!waiting.Writer.TryWrite(message))
            broken.TrySetResult();
    }

    /// <summary>Writes what waits and takes no more.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        waiting.Writer.TryComplete();
        await Task.WhenAny(writer, Task.Delay(limit));
    }

    public async ValueTask DisposeAsync()
    {
        waiting.Writer.TryComplete();
        broken.TrySetResult();
        await Task.WhenAny(writer, Task.Delay(TimeSpan.FromSeconds(1)));
    }

    private async Task WriteAsync(Func<byte[], CancellationToken, Task> write)
    {
        try
        {
            await foreach (var message in waiting.Reader.ReadAllAsync())
            {
                using var limit = new CancellationTokenSource(WriteTimeout);
                await write(message, limit.Token);
            }
        }
        catch (Exception)
        {
            // Whatever went wrong with the connection, it is over; whoever holds it looks at Broken.
            broken.TrySetResult();
        }
    }
}

internal sealed class Observer(Action<ExecutionResult> next, Action<ExecutionResult> failed, Action completed) : IObserver<ExecutionResult>
{
    public void OnNext(ExecutionResult value) => next(value);

    public void OnError(Exception error)
    {
        failed(
            new ExecutionResult
            {
                Errors =
                [
                    (error as RefusalException ?? error.InnerException) switch
                    {
                        RefusalException refused => new RequestRefusedException(refused.Refusal.Code, refused.Message),
                        _ when (error as SlowSubscriberException ?? error.InnerException as SlowSubscriberException) is { } slow =>
                            new RequestRefusedException("TOO_SLOW", slow.Message),
                        _ => new RequestRefusedException("INTERNAL", "The subscription ended; resume from the last cursor."),
                    },
                ],
            }
        );
        completed();
    }

    public void OnCompleted() => completed();
}
