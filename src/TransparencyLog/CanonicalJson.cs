using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mumega.TransparencyLog;

/// <summary>A value that the receipt profile of RFC 8785 does not allow.</summary>
public sealed class CanonicalJsonException(string message) : Exception(message);

/// <summary>Which numbers canonical JSON may hold.</summary>
public enum CanonicalNumbers
{
    /// <summary>Integers within ±(2^53-1), written without fraction or exponent: what every JSON reader keeps exactly.</summary>
    Integers,

    /// <summary>Every finite IEEE 754 double, as RFC 8785 section 3.2.2.3 writes it.</summary>
    Doubles,
}

/// <summary>
/// Canonical JSON (RFC 8785, JCS): no duplicate keys, no lone surrogates, a bounded depth. Two equal values always give the same bytes. The
/// profile of receipts allows integers only; <see cref="CanonicalNumbers.Doubles"/> is the whole of the RFC.
/// </summary>
public static class CanonicalJson
{
    /// <summary>The largest integer that every JSON reader keeps exactly: 2^53 - 1.</summary>
    public const long MaxInteger = 9_007_199_254_740_991;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The canonical UTF-8 bytes of a JSON value.</summary>
    public static byte[] Bytes(JsonElement value, int maxDepth = 64, CanonicalNumbers numbers = CanonicalNumbers.Integers) =>
        Strict.GetBytes(Write(value, maxDepth, numbers));

    /// <summary>The canonical form of a JSON value as text. Throws <see cref="CanonicalJsonException"/> for what the profile refuses.</summary>
    public static string Write(JsonElement value, int maxDepth = 64, CanonicalNumbers numbers = CanonicalNumbers.Integers)
    {
        var text = new StringBuilder();
        Append(text, value, maxDepth, numbers);
        return text.ToString();
    }

    /// <summary>A double as ECMAScript writes it, which RFC 8785 section 3.2.2.3 takes over: the fewest digits that read back as the same number.</summary>
    public static string Number(double value)
    {
        if (!double.IsFinite(value))
            throw new CanonicalJsonException("not a number, or infinite: JSON has neither");
        if (value == 0)
            return "0";

        // One digit, a point, the others, and the exponent: digits times ten to the power of (point - digits.Length).
        var shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        var split = shortest.IndexOf('E', StringComparison.Ordinal);
        var (mantissa, exponent) =
            split < 0
                ? (shortest, 0)
                : (shortest[..split], int.Parse(shortest.AsSpan(split + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        var whole = mantissa.IndexOf('.', StringComparison.Ordinal) is var dot && dot < 0 ? mantissa.Length : dot;
        var all = mantissa.Replace(".", "", StringComparison.Ordinal);
        var digits = all.TrimStart('0');
        var point = whole - (all.Length - digits.Length) + exponent;
        digits = digits.TrimEnd('0');

        var text = point switch
        {
            > 21 or <= -6 =>
                $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits.AsSpan(1)}e{(point > 0 ? "+" : "-")}{Math.Abs(point - 1)}",
            <= 0 => $"0.{new string('0', -point)}{digits}",
            _ when digits.Length <= point => digits + new string('0', point - digits.Length),
            _ => $"{digits.AsSpan(0, point)}.{digits.AsSpan(point)}",
        };
        return value < 0 ? $"-{text}" : text;
    }

    /// <summary>A string as RFC 8785 section 3.2.2.2 writes it.</summary>
    public static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
            {
                text.Append(c).Append(value[++i]);
                continue;
            }

            if (char.IsSurrogate(c))
                throw new CanonicalJsonException("a lone surrogate is not valid Unicode");
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\t' => text.Append("\\t"),
                '\n' => text.Append("\\n"),
                '\f' => text.Append("\\f"),
                '\r' => text.Append("\\r"),
                < ' ' => text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    private static void Append(StringBuilder text, JsonElement value, int depth, CanonicalNumbers numbers)
    {
        if (depth < 0)
            throw new CanonicalJsonException("the value is nested too deeply");
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                AppendObject(text, value, depth, numbers);
                break;
            case JsonValueKind.Array:
                text.Append('[');
                var first = true;
                foreach (var item in value.EnumerateArray())
                {
                    if (!first)
                        text.Append(',');
                    first = false;
                    Append(text, item, depth - 1, numbers);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                AppendString(text, ReadString(value));
                break;
            case JsonValueKind.Number:
                text.Append(
                    numbers is CanonicalNumbers.Doubles ? Number(value.GetDouble()) : Integer(value).ToString(CultureInfo.InvariantCulture)
                );
                break;
            case JsonValueKind.True:
                text.Append("true");
                break;
            case JsonValueKind.False:
                text.Append("false");
                break;
            case JsonValueKind.Null:
                text.Append("null");
                break;
            default:
                throw new CanonicalJsonException("there is no value");
        }
    }

    private static void AppendObject(StringBuilder text, JsonElement value, int depth, CanonicalNumbers numbers)
    {
        // RFC 8785 3.2.3 sorts by UTF-16 code units, which is what ordinal comparison of .NET strings does.
        var fields = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var field in value.EnumerateObject())
        {
            if (!fields.TryAdd(field.Name, field.Value))
                throw new CanonicalJsonException($"duplicate key \"{field.Name}\"");
        }

        text.Append('{');
        var first = true;
        foreach (var (name, item) in fields)
        {
            if (!first)
                text.Append(',');
            first = false;
            AppendString(text, name);
            text.Append(':');
            Append(text, item, depth - 1, numbers);
        }

        text.Append('}');
    }

    private static string ReadString(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new CanonicalJsonException("a lone surrogate is not valid Unicode");
        }
    }

    private static long Integer(JsonElement value)
    {
        var raw = value.GetRawText();
        if (
            raw.AsSpan().IndexOfAny('.', 'e', 'E') >= 0
            || raw == "-0"
            || !value.TryGetInt64(out var number)
            || Math.Abs((decimal)number) > MaxInteger
        )
            throw new CanonicalJsonException($"{raw} is not an integer within ±(2^53-1); write other numbers as strings");
        return number;
    }
}
