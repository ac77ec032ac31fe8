using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Mumega.Cedar;

/// <summary>A fixed-point number with at most four digits after the point, as Cedar's <c>decimal</c> extension has it.</summary>
/// <param name="Scaled">The value times 10,000.</param>
public sealed partial record DecimalValue(long Scaled) : Value
{
    public override string TypeName => "decimal";

    public static DecimalValue Parse(string text)
    {
        var match = Shape().Match(text);
        if (!match.Success)
            throw new EvaluationException($"`{text}` is not a well-formed decimal value");

        var whole = BigInteger.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        var scaled = whole * 10_000 + int.Parse(match.Groups[3].Value.PadRight(4, '0'), CultureInfo.InvariantCulture);
        if (match.Groups[1].Length > 0)
            scaled = -scaled;
        return scaled >= long.MinValue && scaled <= long.MaxValue
            ? new((long)scaled)
            : throw new EvaluationException($"`{text}` is out of range for decimal");
    }

    /// <summary>As <c>decimal()</c> would read it.</summary>
    internal string Written
    {
        get
        {
            var magnitude = Int128.Abs(Scaled);
            return $"{(Scaled < 0 ? "-" : "")}{magnitude / 10_000}.{(int)(magnitude % 10_000):0000}";
        }
    }

    public override string ToString() => $"decimal(\"{Written}\")";

    [GeneratedRegex(@"\A(-?)([0-9]+)\.([0-9]{1,4})\z")]
    private static partial Regex Shape();
}

/// <summary>An IPv4 or IPv6 address or range, as Cedar's <c>ipaddr</c> extension has it.</summary>
/// <param name="Address">The address as a number; for IPv4 its lower 32 bits.</param>
/// <param name="Prefix">The length of the network part in bits; all of them for a single address.</param>
public sealed partial record IpValue(UInt128 Address, bool V6, int Prefix) : Value
{
    private static readonly IpValue Loopback4 = Parse("127.0.0.0/8"),
        Loopback6 = Parse("::1");
    private static readonly IpValue Multicast4 = Parse("224.0.0.0/4"),
        Multicast6 = Parse("ff00::/8");

    public override string TypeName => "ipaddr";

    private int Width => V6 ? 128 : 32;

    private UInt128 HostMask => Prefix == Width ? 0 : UInt128.MaxValue >> (128 - Width + Prefix);

    private UInt128 Low => Address & ~HostMask;

    private UInt128 High => Address | HostMask;

    public bool IsLoopback => InRange(V6 ? Loopback6 : Loopback4);

    public bool IsMulticast => InRange(V6 ? Multicast6 : Multicast4);

    public bool InRange(IpValue range) => V6 == range.V6 && Low >= range.Low && High <= range.High;

    /// <summary>Throws <see cref="EvaluationException"/> when the text is not an address or range in the form that Cedar asks for.</summary>
    public static IpValue Parse(string text)
    {
        var parts = text.Split('/');
        var v6 = text.Contains(':');
        var wellFormed = parts.Length <= 2 && (v6 ? V6Shape().IsMatch(parts[0]) : V4Shape().IsMatch(parts[0]));
        if (
            !wellFormed
            || !IPAddress.TryParse(parts[0], out var address)
            || address.AddressFamily != (v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork)
        )
        {
            throw new EvaluationException($"`{text}` is not a well-formed IP address");
        }

        var width = v6 ? 128 : 32;
        var prefix = width;
        if (parts.Length == 2 && (!PrefixShape().IsMatch(parts[1]) || (prefix = int.Parse(parts[1], CultureInfo.InvariantCulture)) > width))
            throw new EvaluationException($"`{text}` has a prefix length out of range");

        UInt128 number = 0;
        foreach (var part in address.GetAddressBytes())
            number = (number << 8) | part;
        return new(number, v6, prefix);
    }

    /// <summary>As <c>ip()</c> would read it: the address, with its prefix when it is a range.</summary>
    internal string Written
    {
        get
        {
            var bytes = new byte[Width / 8];
            for (var i = 0; i < bytes.Length; i++)
                bytes[^(i + 1)] = (byte)(Address >> (8 * i));
            return Prefix == Width ? $"{new IPAddress(bytes)}" : $"{new IPAddress(bytes)}/{Prefix}";
        }
    }

    public override string ToString() => $"ip(\"{Written}\")";

    [GeneratedRegex(@"\A(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}\z")]
    private static partial Regex V4Shape();

    [GeneratedRegex(@"\A[0-9A-Fa-f:]{2,39}\z")]
    private static partial Regex V6Shape();

    [GeneratedRegex(@"\A(0|[1-9][0-9]{0,2})\z")]
    private static partial Regex PrefixShape();
}

/// <summary>A point in time in milliseconds since 1970-01-01T00:00:00Z, as Cedar's <c>datetime</c> extension has it.</summary>
public sealed partial record DatetimeValue(long Millis) : Value
{
    public override string TypeName => "datetime";

    public static DatetimeValue Parse(string text)
    {
        var match = Shape().Match(text);
        if (!match.Success)
            throw new EvaluationException($"`{text}` is not a well-formed datetime value");

        int Part(int group) => match.Groups[group].Success ? int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : 0;
        var offset = match.Groups[8].Success ? (Part(9) * 60 + Part(10)) * (match.Groups[8].Value == "-" ? -1 : 1) : 0;
        if (Part(9) > 23 || Part(10) > 59)
            throw new EvaluationException($"`{text}` has an offset out of range");
        if (Part(1) == 0)
            return new(DaysBeforeYearOne(text, Part(2), Part(3), Part(4), Part(5), Part(6), Part(7), offset));

        try
        {
            var utc = new DateTime(Part(1), Part(2), Part(3), Part(4), Part(5), Part(6), Part(7), DateTimeKind.Utc);
            return new((utc.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond - offset * 60_000L);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new EvaluationException($"`{text}` names a date or time that does not exist");
        }
    }

    // Year 0000 is valid ISO 8601 but outside System.DateTime; it is a leap year, like 2000.
    private static long DaysBeforeYearOne(string text, int month, int day, int hour, int minute, int second, int millis, int offset)
    {
        try
        {
            var within =
                new DateTime(2000, month, day, hour, minute, second, millis, DateTimeKind.Utc)
                - new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
            var yearOne = (DateTime.MinValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;
            return yearOne - 366L * 86_400_000 + (long)within.TotalMilliseconds - offset * 60_000L;
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new EvaluationException($"`{text}` names a date or time that does not exist");
        }
    }

    // The whole range of Millis goes beyond the years that datetime() can read; those are written as an offset.
    public override string ToString() =>
        Millis is >= -62_135_596_800_000 and <= 253_402_300_799_999
            ? $"datetime(\"{DateTime.UnixEpoch.AddMilliseconds(Millis):yyyy-MM-ddTHH:mm:ss.fffZ}\")"
            : $"datetime(\"1970-01-01\").offset({new DurationValue(Millis)})";

    [GeneratedRegex(
        @"\A([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?\z"
    )]
    private static partial Regex Shape();
}

/// <summary>A span of time in milliseconds, as Cedar's <c>duration</c> extension has it.</summary>
public sealed partial record DurationValue(long Millis) : Value
{
    public override string TypeName => "duration";

    public static DurationValue Parse(string text)
    {
        var match = Shape().Match(text);
        if (!match.Success || text.Length == 0 || text == "-")
            throw new EvaluationException($"`{text}` is not a well-formed duration value");

        BigInteger total = 0;
        ReadOnlySpan<long> units = [86_400_000, 3_600_000, 60_000, 1_000, 1];
        for (var i = 0; i < units.Length; i++)
        {
            if (match.Groups[i + 2].Success)
                total += BigInteger.Parse(match.Groups[i + 2].Value, CultureInfo.InvariantCulture) * units[i];
        }

        if (match.Groups[1].Length > 0)
            total = -total;
        return total >= long.MinValue && total <= long.MaxValue
            ? new((long)total)
            : throw new EvaluationException($"`{text}` is out of range for duration");
    }

    public override string ToString() => $"duration(\"{Millis}ms\")";

    [GeneratedRegex(@"\A(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?\z")]
    private static partial Regex Shape();
}
