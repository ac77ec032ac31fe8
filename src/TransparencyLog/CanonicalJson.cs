using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mumega.TransparencyLog;

/// <summary>A value that the receipt profile of RFC 8785 does not allow.</summary>
public sealed class CanonicalJsonException(string message) : Exception(message);

/// <summary>
/// Canonical JSON (RFC 8785, JCS) under a narrow profile: integers within ±(2^53-1) and no fractions, no duplicate keys,
/// no lone surrogates, a bounded depth. Two equal values always give the same bytes.
/// </summary>
public static class CanonicalJson
{
    /// <summary>The largest integer that every JSON reader keeps exactly: 2^53 - 1.</summary>
    public const long MaxInteger = 9_007_199_254_740_991;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The canonical UTF-8 bytes of a JSON value.</summary>
    public static byte[] Bytes(JsonElement value, int maxDepth = 64) => Strict.GetBytes(Write(value, maxDepth));

    /// <summary>The canonical form of a JSON value as text. Throws <see cref="CanonicalJsonException"/> for what the profile refuses.</summary>
    public static string Write(JsonElement value, int maxDepth = 64)
    {
        var text = new StringBuilder();
        Append(text, value, maxDepth);
        return text.ToString();
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

            if (char.IsSurrogate(c)) throw new CanonicalJsonException("a lone surrogate is not valid Unicode");
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

    private static void Append(StringBuilder text, JsonElement value, int depth)
    {
        if (depth < 0) throw new CanonicalJsonException("the value is nested too deeply");
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                AppendObject(text, value, depth);
                break;
            case JsonValueKind.Array:
                text.Append('[');
                var first = true;
                foreach (var item in value.EnumerateArray())
                {
                    if (!first) text.Append(',');
                    first = false;
                    Append(text, item, depth - 1);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                AppendString(text, ReadString(value));
                break;
            case JsonValueKind.Number:
                text.Append(Integer(value).ToString(CultureInfo.InvariantCulture));
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

    private static void AppendObject(StringBuilder text, JsonElement value, int depth)
    {
        // RFC 8785 3.2.3 sorts by UTF-16 code units, which is what ordinal comparison of .NET strings does.
        var fields = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var field in value.EnumerateObject())
        {
            if (!fields.TryAdd(field.Name, field.Value)) throw new CanonicalJsonException($"duplicate key \"{field.Name}\"");
        }

        text.Append('{');
        var first = true;
        foreach (var (name, item) in fields)
        {
            if (!first) text.Append(',');
            first = false;
            AppendString(text, name);
            text.Append(':');
            Append(text, item, depth - 1);
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
        if (raw.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 || raw == "-0" || !value.TryGetInt64(out var number) || Math.Abs((decimal)number) > MaxInteger)
            throw new CanonicalJsonException($"{raw} is not an integer within ±(2^53-1); write other numbers as strings");
        return number;
    }
}
