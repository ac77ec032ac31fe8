using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mumega.Domain.Schemas;

/// <summary>
/// JSON Schema, draft 2020-12: the core, applicator, unevaluated, validation and content vocabularies within one document. Names every fault with
/// its place (JSON Pointer, RFC 6901). References leave the document neither by address nor by <c>$dynamicRef</c> beyond it; patterns are matched in
/// linear time, so that look-around and back-references are not available.
/// </summary>
public sealed class JsonSchema
{
    /// <summary>How deep schemas may refer to one another.</summary>
    public const int MaxDepth = 64;

    private static readonly string[] Types = ["null", "boolean", "object", "array", "number", "string", "integer"];

    private readonly JsonElement root;
    private readonly bool formats;
    private readonly Dictionary<string, JsonElement> places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Regex> patterns = new(StringComparer.Ordinal);

    private JsonSchema(JsonElement root, bool formats) => (this.root, this.formats) = (root, formats);

    /// <summary>Reads a schema.</summary>
    /// <param name="schema">An object or a boolean.</param>
    /// <param name="faults">What is wrong with it, with its place in the schema; none when it can be used.</param>
    /// <param name="formats">Whether <c>format</c> is held to (date, time, date-time, email, uri, uuid, ipv4, ipv6), which the draft leaves open.</param>
    public static JsonSchema Read(JsonElement schema, out IReadOnlyList<InputFault> faults, bool formats = true)
    {
        var read = new JsonSchema(schema.Clone(), formats);
        var found = new List<InputFault>();
        read.Prepare(read.root, "", found);
        foreach (var (place, target) in read.references)
        {
            if (read.Resolve(target) is null)
                found.Add(new(place, $"refers to \"{target}\", which is not in this schema"));
        }

        faults = found;
        return read;
    }

    private readonly List<(string Place, string Target)> references = [];

    /// <summary>Every fault of a value; none when it is valid.</summary>
    public IReadOnlyList<InputFault> Faults(JsonElement value) => Evaluate(root, value, "", 0).Faults;

    private sealed class Found
    {
        public List<InputFault> Faults { get; } = [];

        public HashSet<string> Properties { get; } = new(StringComparer.Ordinal);

        public HashSet<int> Items { get; } = [];

        public bool Valid => Faults.Count == 0;

        public void Take(Found other)
        {
            Properties.UnionWith(other.Properties);
            Items.UnionWith(other.Items);
        }
    }

    // The schema of each place and anchor, its patterns, and what is not a schema.
    private void Prepare(JsonElement schema, string place, List<InputFault> faults)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            places[$"#{place}"] = schema;
            return;
        }

        if (schema.ValueKind is not JsonValueKind.Object)
        {
            faults.Add(new(place, "a schema is an object or a boolean"));
            return;
        }

        places[$"#{place}"] = schema;
        if (schema.TryGetProperty("$id", out var id) && id.ValueKind is JsonValueKind.String)
            places[id.GetString()!.TrimEnd('#')] = schema;
        foreach (var anchor in new[] { "$anchor", "$dynamicAnchor" })
        {
            if (schema.TryGetProperty(anchor, out var name) && name.ValueKind is JsonValueKind.String)
                places[$"#{name.GetString()}"] = schema;
        }

        foreach (var (key, value) in schema.EnumerateObject().Select(p => (p.Name, p.Value)))
        {
            var at = $"{place}/{Escape(key)}";
            switch (key)
            {
                case "$schema":
                    if (
                        value.ValueKind is not JsonValueKind.String
                        || value.GetString()!.TrimEnd('#') != "https://json-schema.org/draft/2020-12/schema"
                    )
                        Fault("only draft 2020-12 (https://json-schema.org/draft/2020-12/schema) is understood");
                    break;
                case "$ref" or "$dynamicRef":
                    if (value.ValueKind is JsonValueKind.String)
                        references.Add((at, value.GetString()!));
                    else
                        Fault("is a string");
                    break;
                case "type":
                    var types = value.ValueKind is JsonValueKind.Array ? [.. value.EnumerateArray()] : new[] { value };
                    if (types.Length == 0 || types.Any(t => t.ValueKind is not JsonValueKind.String || !Types.Contains(t.GetString())))
                        Fault($"names one or more of {string.Join(", ", Types)}");
                    break;
                case "enum":
                    if (value.ValueKind is not JsonValueKind.Array)
                        Fault("is a list of values");
                    break;
                case "pattern":
                    if (value.ValueKind is JsonValueKind.String)
                        Pattern(value.GetString()!);
                    else
                        Fault("is a string");
                    break;
                case "minLength"
                or "maxLength"
                or "minItems"
                or "maxItems"
                or "minProperties"
                or "maxProperties"
                or "minContains"
                or "maxContains":
                    if (
                        value.ValueKind is not JsonValueKind.Number
                        || Number(value) is not { } count
                        || count.Denominator != 1
                        || count.Numerator < 0
                    )
                        Fault("is a whole number from 0");
                    break;
                case "minimum" or "maximum" or "exclusiveMinimum" or "exclusiveMaximum":
                    if (value.ValueKind is not JsonValueKind.Number || Number(value) is null)
                        Fault("is a number");
                    break;
                case "multipleOf":
                    if (value.ValueKind is not JsonValueKind.Number || Number(value) is not { } factor || factor.Numerator <= 0)
                        Fault("is a number greater than 0");
                    break;
                case "uniqueItems":
                    if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                        Fault("is true or false");
                    break;
                case "required":
                    if (!Strings(value))
                        Fault("is a list of names");
                    break;
                case "dependentRequired":
                    if (value.ValueKind is not JsonValueKind.Object || value.EnumerateObject().Any(p => !Strings(p.Value)))
                        Fault("is lists of names");
                    break;
                case "format":
                    if (value.ValueKind is not JsonValueKind.String)
                        Fault("is a string");
                    break;
                case "items"
                or "contains"
                or "additionalProperties"
                or "propertyNames"
                or "not"
                or "if"
                or "then"
                or "else"
                or "unevaluatedItems"
                or "unevaluatedProperties":
                    Prepare(value, at, faults);
                    break;
                case "allOf" or "anyOf" or "oneOf" or "prefixItems":
                    if (value.ValueKind is not JsonValueKind.Array || value.GetArrayLength() == 0)
                        Fault("is a list of schemas, at least one");
                    else
                        foreach (var (part, i) in value.EnumerateArray().Select((p, i) => (p, i)))
                            Prepare(part, $"{at}/{i}", faults);
                    break;
                case "properties" or "patternProperties" or "dependentSchemas" or "$defs" or "definitions":
                    if (value.ValueKind is not JsonValueKind.Object)
                    {
                        Fault("is an object of schemas");
                        break;
                    }

                    foreach (var part in value.EnumerateObject())
                    {
                        if (key == "patternProperties")
                            Pattern(part.Name);
                        Prepare(part.Value, $"{at}/{Escape(part.Name)}", faults);
                    }

                    break;
            }

            void Fault(string message) => faults.Add(new(at, message));

            void Pattern(string text)
            {
                if (patterns.ContainsKey(text))
                    return;
                try
                {
                    // \d and \w mean ASCII in ECMA-262, and $ the very end.
                    patterns[text] = new(Ecma(text), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
                }
                catch (Exception e) when (e is ArgumentException or NotSupportedException)
                {
                    Fault($"\"{text}\" is no pattern that can be matched in linear time: {e.Message}");
                }
            }
        }
    }

    private Found Evaluate(JsonElement schema, JsonElement value, string at, int depth)
    {
        var found = new Found();
        if (schema.ValueKind is JsonValueKind.True)
            return found;
        if (schema.ValueKind is JsonValueKind.False)
        {
            found.Faults.Add(new(at, "is not allowed here"));
            return found;
        }

        if (depth > MaxDepth)
        {
            found.Faults.Add(new(at, "is nested too deeply for its schema"));
            return found;
        }

        void Fault(string message) => found.Faults.Add(new(at, message));
        bool Has(string key, out JsonElement keyword) => schema.TryGetProperty(key, out keyword);
        void In(JsonElement part)
        {
            var inner = Evaluate(part, value, at, depth + 1);
            found.Faults.AddRange(inner.Faults);
            if (inner.Valid)
                found.Take(inner);
        }

        foreach (var reference in new[] { "$ref", "$dynamicRef" })
        {
            if (Has(reference, out var target))
                In(Resolve(target.GetString()!)!.Value);
        }

        if (Has("type", out var type))
        {
            string[] wanted =
                type.ValueKind is JsonValueKind.Array ? [.. type.EnumerateArray().Select(t => t.GetString()!)] : [type.GetString()!];
            if (!wanted.Any(t => IsOf(value, t)))
                Fault($"must be {string.Join(" or ", wanted.Select(Word))}");
        }

        if (Has("enum", out var options) && !options.EnumerateArray().Any(o => Same(o, value)))
            Fault($"must be one of {string.Join(", ", options.EnumerateArray().Take(20).Select(o => o.GetRawText()))}");
        if (Has("const", out var fixedValue) && !Same(fixedValue, value))
            Fault($"must be {fixedValue.GetRawText()}");

        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                Numbers();
                break;
            case JsonValueKind.String:
                Strings();
                break;
            case JsonValueKind.Array:
                Lists();
                break;
            case JsonValueKind.Object:
                Objects();
                break;
        }

        if (Has("allOf", out var all))
            foreach (var part in all.EnumerateArray())
                In(part);
        if (Has("anyOf", out var any))
        {
            var tried = any.EnumerateArray().Select(p => Evaluate(p, value, at, depth + 1)).ToList();
            if (tried.All(t => !t.Valid))
                found.Faults.AddRange(Closest(tried));
            foreach (var good in tried.Where(t => t.Valid))
                found.Take(good);
        }

        if (Has("oneOf", out var one))
        {
            var tried = one.EnumerateArray().Select(p => Evaluate(p, value, at, depth + 1)).ToList();
            var good = tried.Where(t => t.Valid).ToList();
            if (good.Count == 0)
                found.Faults.AddRange(Closest(tried));
            else if (good.Count > 1)
                Fault("fits more than one of the alternatives, of which it may fit only one");
            else
                found.Take(good[0]);
        }

        if (Has("not", out var not) && Evaluate(not, value, at, depth + 1).Valid)
            Fault("is what it must not be");
        if (Has("if", out var condition))
        {
            var tried = Evaluate(condition, value, at, depth + 1);
            if (tried.Valid)
            {
                found.Take(tried);
                if (Has("then", out var then))
                    In(then);
            }
            else if (Has("else", out var otherwise))
            {
                In(otherwise);
            }
        }

        // What nothing else has looked at, last.
        if (value.ValueKind is JsonValueKind.Object && Has("unevaluatedProperties", out var restOfObject))
        {
            foreach (var property in value.EnumerateObject().Where(p => !found.Properties.Contains(p.Name)).ToList())
                Member(restOfObject, property);
        }

        if (value.ValueKind is JsonValueKind.Array && Has("unevaluatedItems", out var restOfList))
        {
            for (var i = 0; i < value.GetArrayLength(); i++)
            {
                if (!found.Items.Contains(i))
                    Item(restOfList, i);
            }
        }

        return found;

        void Numbers()
        {
            if (Number(value) is not { } number)
            {
                Fault("is a number beyond what is computed with");
                return;
            }

            if (Has("minimum", out var min) && number < Number(min)!.Value)
                Fault($"must be at least {min}");
            if (Has("maximum", out var max) && number > Number(max)!.Value)
                Fault($"must be at most {max}");
            if (Has("exclusiveMinimum", out var above) && number <= Number(above)!.Value)
                Fault($"must be greater than {above}");
            if (Has("exclusiveMaximum", out var below) && number >= Number(below)!.Value)
                Fault($"must be less than {below}");
            if (Has("multipleOf", out var factor) && (number / Number(factor)!.Value).Denominator != 1)
                Fault($"must be a multiple of {factor}");
        }

        void Strings()
        {
            var text = value.GetString()!;
            if (Has("minLength", out var min) && Length(text) < Count(min))
                Fault(Count(min) == 1 ? "must not be empty" : $"must have at least {min} characters");
            if (Has("maxLength", out var max) && Length(text) > Count(max))
                Fault($"may have at most {max} characters");
            if (Has("pattern", out var pattern) && !patterns[pattern.GetString()!].IsMatch(text))
                Fault($"must match {pattern}");
            if (formats && Has("format", out var format) && !IsFormat(format.GetString()!, text))
                Fault($"must be a {format}");
        }

        void Lists()
        {
            var length = value.GetArrayLength();
            if (Has("minItems", out var min) && length < Count(min))
                Fault($"must have at least {min} item(s)");
            if (Has("maxItems", out var max) && length > Count(max))
                Fault($"may have at most {max} items");
            if (Has("uniqueItems", out var unique) && unique.ValueKind is JsonValueKind.True)
            {
                for (var i = 1; i < length; i++)
                {
                    if (Enumerable.Range(0, i).Any(j => Same(value[i], value[j])))
                        found.Faults.Add(new($"{at}/{i}", "is in the list already"));
                }
            }

            var first = 0;
            if (Has("prefixItems", out var prefix))
            {
                first = prefix.GetArrayLength();
                for (var i = 0; i < Math.Min(first, length); i++)
                    Item(prefix[i], i);
            }

            if (Has("items", out var items))
            {
                for (var i = first; i < length; i++)
                    Item(items, i);
            }

            if (Has("contains", out var contains))
            {
                var hits = Enumerable.Range(0, length).Where(i => Evaluate(contains, value[i], $"{at}/{i}", depth + 1).Valid).ToList();
                found.Items.UnionWith(hits);
                var least = Has("minContains", out var minContains) ? Count(minContains) : 1;
                if (hits.Count < least)
                    Fault($"must contain at least {least} item(s) of the kind that is asked for");
                if (Has("maxContains", out var maxContains) && hits.Count > Count(maxContains))
                    Fault($"may contain at most {maxContains} item(s) of the kind that is asked for");
            }
        }

        void Item(JsonElement part, int i)
        {
            found.Faults.AddRange(Evaluate(part, value[i], $"{at}/{i}", depth + 1).Faults);
            found.Items.Add(i);
        }

        void Objects()
        {
            var members = value.EnumerateObject().ToList();
            if (Has("minProperties", out var min) && members.Count < Count(min))
                Fault($"must have at least {min} field(s)");
            if (Has("maxProperties", out var max) && members.Count > Count(max))
                Fault($"may have at most {max} fields");
            if (Has("required", out var required))
            {
                foreach (var name in required.EnumerateArray().Select(r => r.GetString()!))
                {
                    if (!value.TryGetProperty(name, out _))
                        found.Faults.Add(new($"{at}/{Escape(name)}", "is required"));
                }
            }

            if (Has("dependentRequired", out var dependent))
            {
                foreach (
                    var (given, name) in dependent
                        .EnumerateObject()
                        .Where(d => value.TryGetProperty(d.Name, out _))
                        .SelectMany(d => d.Value.EnumerateArray().Select(n => (d.Name, n.GetString()!)))
                )
                {
                    if (!value.TryGetProperty(name, out _))
                        found.Faults.Add(new($"{at}/{Escape(name)}", $"is required together with {given}"));
                }
            }

            if (Has("propertyNames", out var names))
            {
                foreach (var member in members)
                    found.Faults.AddRange(
                        Evaluate(names, JsonSerializer.SerializeToElement(member.Name), $"{at}/{Escape(member.Name)}", depth + 1)
                            .Faults.Select(f => f with { Message = $"as a name {f.Message}" })
                    );
            }

            var known = new HashSet<string>(StringComparer.Ordinal);
            if (Has("properties", out var properties))
            {
                foreach (var member in members)
                {
                    if (!properties.TryGetProperty(member.Name, out var part))
                        continue;
                    known.Add(member.Name);
                    Member(part, member);
                }
            }

            if (Has("patternProperties", out var byPattern))
            {
                foreach (
                    var (part, member) in byPattern
                        .EnumerateObject()
                        .SelectMany(p => members.Where(m => patterns[p.Name].IsMatch(m.Name)).Select(m => (p.Value, m)))
                )
                {
                    known.Add(member.Name);
                    Member(part, member);
                }
            }

            if (Has("additionalProperties", out var additional))
            {
                foreach (var member in members.Where(m => !known.Contains(m.Name)))
                    Member(additional, member);
            }

            if (Has("dependentSchemas", out var schemas))
            {
                foreach (var part in schemas.EnumerateObject().Where(d => value.TryGetProperty(d.Name, out _)))
                    In(part.Value);
            }
        }

        void Member(JsonElement part, JsonProperty member)
        {
            var inner = Evaluate(part, member.Value, $"{at}/{Escape(member.Name)}", depth + 1).Faults;
            found.Faults.AddRange(
                part.ValueKind is JsonValueKind.False ? inner.Select(f => f with { Message = "is not a field of this" }) : inner
            );
            found.Properties.Add(member.Name);
        }
    }

    // Of several alternatives the one that came closest says most.
    private static List<InputFault> Closest(List<Found> tried) => tried.MinBy(t => t.Faults.Count)!.Faults;

    private JsonElement? Resolve(string target)
    {
        if (target.Length == 0)
            target = "#";
        if (places.TryGetValue(target == "#" ? "#" : Uri.UnescapeDataString(target), out var found))
            return found;
        return places.TryGetValue(target.TrimEnd('#'), out found) ? found : null;
    }

    private static bool IsOf(JsonElement value, string type) =>
        type switch
        {
            "null" => value.ValueKind is JsonValueKind.Null,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "object" => value.ValueKind is JsonValueKind.Object,
            "array" => value.ValueKind is JsonValueKind.Array,
            "string" => value.ValueKind is JsonValueKind.String,
            "number" => value.ValueKind is JsonValueKind.Number,
            _ => value.ValueKind is JsonValueKind.Number && Number(value) is { } number && number.Denominator == 1,
        };

    private static string Word(string type) =>
        type switch
        {
            "integer" => "a whole number",
            "object" => "an object",
            "array" => "a list",
            "boolean" => "true or false",
            "null" => "null",
            _ => $"a {type}",
        };

    private static bool Same(JsonElement a, JsonElement b)
    {
        if (a.ValueKind is JsonValueKind.Number && b.ValueKind is JsonValueKind.Number)
            return Number(a) is { } x && Number(b) is { } y ? x == y : a.GetRawText() == b.GetRawText();
        if (a.ValueKind != b.ValueKind)
            return false;
        return a.ValueKind switch
        {
            JsonValueKind.String => a.GetString() == b.GetString(),
            JsonValueKind.Array => a.GetArrayLength() == b.GetArrayLength()
                && a.EnumerateArray().Zip(b.EnumerateArray()).All(p => Same(p.First, p.Second)),
            JsonValueKind.Object => a.EnumerateObject().Count() == b.EnumerateObject().Count()
                && a.EnumerateObject().All(p => b.TryGetProperty(p.Name, out var other) && Same(p.Value, other)),
            _ => true,
        };
    }

    // Exact, as the draft asks; null beyond a thousand digits.
    private static Fraction? Number(JsonElement json)
    {
        var text = json.GetRawText();
        var mark = text.IndexOfAny(['e', 'E']);
        var exponent = 0;
        if (
            mark >= 0
            && (
                !int.TryParse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent)
                || Math.Abs(exponent) > 1000
            )
        )
            return null;

        var digits = mark < 0 ? text : text[..mark];
        if (digits.Length > 1000)
            return null;
        if (digits.IndexOf('.', StringComparison.Ordinal) is >= 0 and var point)
            (digits, exponent) = (digits.Remove(point, 1), exponent - (digits.Length - point - 1));
        var whole = BigInteger.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return exponent >= 0
            ? Fraction.Of(whole * BigInteger.Pow(10, exponent), BigInteger.One)
            : Fraction.Of(whole, BigInteger.Pow(10, -exponent));
    }

    private readonly record struct Fraction(BigInteger Numerator, BigInteger Denominator)
    {
        public static Fraction Of(BigInteger numerator, BigInteger denominator)
        {
            var common = BigInteger.GreatestCommonDivisor(numerator, denominator);
            return new(numerator / common, denominator / common);
        }

        public static Fraction operator /(Fraction a, Fraction b) => Of(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

        public static bool operator <(Fraction a, Fraction b) => a.Numerator * b.Denominator < b.Numerator * a.Denominator;

        public static bool operator >(Fraction a, Fraction b) => b < a;

        public static bool operator <=(Fraction a, Fraction b) => !(b < a);

        public static bool operator >=(Fraction a, Fraction b) => !(a < b);
    }

    private static long Count(JsonElement keyword) => (long)BigInteger.Min(Number(keyword)!.Value.Numerator, long.MaxValue);

    // The draft counts characters, not UTF-16 units.
    private static int Length(string text) => text.EnumerateRunes().Count();

    private static bool Strings(JsonElement value) =>
        value.ValueKind is JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind is JsonValueKind.String);

    private static bool IsFormat(string format, string text) =>
        format switch
        {
            "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
            "date-time" => Formats.DateTime.IsMatch(text)
                && DateTimeOffset.TryParse(text.ToUpperInvariant(), CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
            "time" => Formats.Time.IsMatch(text),
            "email" => Formats.Email.IsMatch(text),
            "uri" => Uri.TryCreate(text, UriKind.Absolute, out var uri)
                && text.StartsWith(uri.Scheme, StringComparison.OrdinalIgnoreCase)
                && !text.Any(char.IsWhiteSpace),
            "uuid" => Guid.TryParseExact(text, "D", out _),
            "ipv4" => Formats.IPv4.IsMatch(text),
            "ipv6" => text.Contains(':', StringComparison.Ordinal)
                && !text.Contains('%', StringComparison.Ordinal)
                && System.Net.IPAddress.TryParse(text, out _),
            _ => true,
        };

    // Between .NET and ECMA-262: \d, \w and \s of the one are wider than of the other, and $ also matches before a last line break.
    private static string Ecma(string pattern)
    {
        var text = new System.Text.StringBuilder();
        var set = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                var next = pattern[++i];
                text.Append(
                    next switch
                    {
                        'd' => set ? "0-9" : "[0-9]",
                        'D' => set ? "\\D" : "[^0-9]",
                        'w' => set ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]",
                        'W' => set ? "\\W" : "[^a-zA-Z0-9_]",
                        'p' or 'P' when pattern.AsSpan(i + 1) is ['{', ..] => Category(pattern, ref i, next),
                        _ => $"\\{next}",
                    }
                );
                continue;
            }

            if (c == '[' && !set)
                set = true;
            else if (c == ']')
                set = false;
            text.Append(c == '$' && !set ? "\\z" : c.ToString());
        }

        return text.ToString();
    }

    private static string Category(string pattern, ref int i, char kind)
    {
        var end = pattern.IndexOf('}', i);
        if (end < 0)
            return $"\\{kind}";

        var name = pattern[(i + 2)..end];
        i = end;
        var known = name switch
        {
            "Letter" => "L",
            "digit" or "Decimal_Number" => "Nd",
            "Uppercase_Letter" => "Lu",
            "Lowercase_Letter" => "Ll",
            _ => name,
        };
        return $"\\{kind}{{{known}}}";
    }

    private static string Escape(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}

internal static partial class Formats
{
    [GeneratedRegex(
        @"^\d{4}-\d{2}-\d{2}[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)\z",
        RegexOptions.CultureInvariant | RegexOptions.ECMAScript
    )]
    public static partial Regex DateTime { get; }

    [GeneratedRegex(
        @"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)\z",
        RegexOptions.CultureInvariant | RegexOptions.ECMAScript
    )]
    public static partial Regex Time { get; }

    [GeneratedRegex(@"^[^@\s""]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\z", RegexOptions.CultureInvariant)]
    public static partial Regex Email { get; }

    [GeneratedRegex(@"^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!\z)|\z)){4}\z", RegexOptions.CultureInvariant | RegexOptions.ECMAScript)]
    public static partial Regex IPv4 { get; }
}
