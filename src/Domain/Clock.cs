namespace Mumega.Domain;

public static class Clock
{
    /// <summary>The time in UTC, cut to milliseconds: what every database keeps and every receipt shows.</summary>
    public static DateTimeOffset Now(this TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMillisecond));
    }
}
