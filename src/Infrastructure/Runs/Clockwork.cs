using Cronos;
using Mumega.Domain;
using Mumega.Domain.Schedules;

namespace Mumega.Infrastructure.Runs;

/// <summary>When cron expressions fall due, in time zones.</summary>
internal static class Clockwork
{
    /// <summary>The first occasion after a time; refused when there is none.</summary>
    public static Outcome<Occasion> Next(string cron, string timeZone, DateTimeOffset after)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var zone))
            return new BadCron($"there is no time zone \"{timeZone}\" on this server; use an IANA name such as Europe/Berlin, or UTC");
        try
        {
            var fields = cron.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
            var expression = CronExpression.Parse(cron, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            return expression.GetNextOccurrence(after, zone) is { } next
                ? new Occasion(next.ToUniversalTime())
                : new BadCron($"\"{cron}\" never falls due");
        }
        catch (CronFormatException e)
        {
            return new BadCron($"\"{cron}\" is no cron expression of five or six fields: {e.Message}");
        }
    }
}
