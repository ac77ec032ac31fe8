using System.Diagnostics;

namespace Mumega.Infrastructure.Runs;

/// <summary>
/// Traces (W3C Trace Context): a request that carries a <c>traceparent</c> goes on in it, any other begins one, and receipts say which they were written in. Whoever collects traces listens to the sources <c>Microsoft.AspNetCore</c> and <c>Mumega</c>.
/// </summary>
public static class Traces
{
    internal static readonly ActivitySource Source = new("Mumega");

    private static readonly Lazy<bool> Listening = new(() =>
    {
        // Without anybody listening there would be no trace to name.
        ActivitySource.AddActivityListener(
            new ActivityListener
            {
                ShouldListenTo = source => source.Name is "Microsoft.AspNetCore" or "Mumega",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData,
            }
        );
        return true;
    });

    /// <summary>Has every request and batch of jobs be in a trace, once a process.</summary>
    public static void Begin() => _ = Listening.Value;
}
