using System.Globalization;
using System.Text;

namespace Mumega.Cedar;

/// <summary>A value of the Cedar language: Bool, Long, String, an entity reference, a set, a record or an extension value.</summary>
public abstract record Value
{
    /// <summary>The name of the type as the Cedar specification spells it, used in error messages.</summary>
    public abstract string TypeName { get; }

    public static Value Of(bool value) => value ? BoolValue.True : BoolValue.False;

    public static Value Of(long value) => new LongValue(value);

    public static Value Of(string value) => new StringValue(value);

    public static Value SetOf(IEnumerable<Value> items) => new SetValue(items);

    public static Value SetOf(IEnumerable<string> items) => new SetValue(items.Select(Of));
}

public sealed record BoolValue(bool Raw) : Value
{
    public static readonly BoolValue True = new(true);
    public static readonly BoolValue False = new(false);

    public override string TypeName => "bool";

    public override string ToString() => Raw ? "true" : "false";
}

public sealed record LongValue(long Raw) : Value
{
    public override string TypeName => "long";

    public override string ToString() => Raw.ToString(CultureInfo.InvariantCulture);
}

public sealed record StringValue(string Raw) : Value
{
    public override string TypeName => "string";

    public override string ToString() => Text.Quote(Raw);
}

/// <summary>A reference to an entity, for example <c>Mumega::User::"ada"</c>.</summary>
public sealed record EntityUid : Value
{
    private readonly int hash;

    /// <param name="type">The entity type with its namespaces, parts joined by <c>::</c>.</param>
    /// <param name="id">The entity's id within its type; any string.</param>
    public EntityUid(string type, string id)
    {
        Type = type;
        Id = id;
        hash = HashCode.Combine(type.GetHashCode(StringComparison.Ordinal), id.GetHashCode(StringComparison.Ordinal));
    }

    /// <summary>The entity type with its namespaces, parts joined by <c>::</c>.</summary>
    public string Type { get; }

    /// <summary>The entity's id within its type.</summary>
    public string Id { get; }

    public override string TypeName => $"(entity of type `{Type}`)";

    public bool Equals(EntityUid? other) =>
        ReferenceEquals(this, other) || (other is not null && hash == other.hash && Id == other.Id && Type == other.Type);

    // Worked out once: every decision looks entities up by it.
    public override int GetHashCode() => hash;

    public override string ToString() => $"{Type}::{Text.Quote(Id)}";
}

/// <summary>An unordered collection of distinct values.</summary>
public sealed record SetValue : Value
{
    private readonly HashSet<Value> items;

    public SetValue(IEnumerable<Value> items) => this.items = [.. items];

    public IReadOnlySet<Value> Items => items;

    public override string TypeName => "set";

    public bool Contains(Value value) => items.Contains(value);

    public bool Equals(SetValue? other) => other is not null && items.SetEquals(other.items);

    public override int GetHashCode() => items.Aggregate(items.Count, (hash, item) => hash ^ item.GetHashCode());

    public override string ToString() => $"[{string.Join(", ", items.Select(i => i.ToString()).Order(StringComparer.Ordinal))}]";

    internal HashSet<Value> Raw => items;
}

/// <summary>A map from attribute names to values.</summary>
public sealed record RecordValue : Value
{
    public static readonly RecordValue Empty = new(new Dictionary<string, Value>());

    private readonly Dictionary<string, Value> fields;

    public RecordValue(IReadOnlyDictionary<string, Value> fields) => this.fields = new(fields, StringComparer.Ordinal);

    public IReadOnlyDictionary<string, Value> Fields => fields;

    public override string TypeName => "record";

    public bool Equals(RecordValue? other) =>
        other is not null
        && fields.Count == other.fields.Count
        && fields.All(f => other.fields.TryGetValue(f.Key, out var theirs) && theirs == f.Value);

    public override int GetHashCode() => fields.Aggregate(fields.Count, (hash, f) => hash ^ HashCode.Combine(f.Key, f.Value));

    public override string ToString() =>
        $"{{{string.Join(", ", fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{Text.Quote(f.Key)}: {f.Value}"))}}}";

    internal Value? Find(string name) => fields.GetValueOrDefault(name);

    /// <summary>The record with one attribute set, or without it when the value is null.</summary>
    internal RecordValue With(string name, Value? value)
    {
        var changed = new Dictionary<string, Value>(fields, StringComparer.Ordinal);
        if (value is null)
            changed.Remove(name);
        else
            changed[name] = value;
        return new(changed);
    }
}

internal static class Text
{
    /// <summary>A Cedar string literal of any text, with the escapes that the grammar names.</summary>
    public static string Quote(string raw)
    {
        var text = new StringBuilder("\"");
        foreach (var c in raw)
        {
            text.Append(
                c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '\0' => "\\0",
                    _ when char.IsControl(c) => $"\\u{{{(int)c:x}}}",
                    _ => c.ToString(),
                }
            );
        }

        return text.Append('"').ToString();
    }
}

/// <summary>An expression could not be evaluated. The policy it belongs to is skipped and the error reported.</summary>
public sealed class EvaluationException(string message) : Exception(message);
