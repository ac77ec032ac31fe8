using System.Globalization;

namespace Mumega.Cedar;

/// <summary>A parsed expression that evaluates itself. Immutable, so a policy may be used by many threads at once.</summary>
internal abstract class Expr
{
    public abstract Value Evaluate(Env env);

    public bool Bool(Env env) => Evaluate(env) is BoolValue b ? b.Raw : throw Expected("bool", Evaluate(env));

    public long Long(Env env) => Evaluate(env) is LongValue l ? l.Raw : throw Expected("long", Evaluate(env));

    public SetValue Set(Env env) => Evaluate(env) is SetValue s ? s : throw Expected("set", Evaluate(env));

    public EntityUid Entity(Env env) => Evaluate(env) is EntityUid e ? e : throw Expected("entity", Evaluate(env));

    public static EvaluationException Expected(string type, Value got) =>
        new($"type error: expected {type}, got {got.TypeName}");
}

/// <summary>What an expression is evaluated against.</summary>
internal sealed record Env(Request Request, Entities Entities);

internal sealed class Literal(Value value) : Expr
{
    public Value Value => value;

    public override Value Evaluate(Env env) => value;
}

internal enum Variable { Principal, Action, Resource, Context }

internal sealed class VariableExpr(Variable variable) : Expr
{
    public Variable Variable => variable;

    public override Value Evaluate(Env env) => variable switch
    {
        Variable.Principal => env.Request.Principal,
        Variable.Action => env.Request.Action,
        Variable.Resource => env.Request.Resource,
        Variable.Context => env.Request.Context,
        _ => throw new InvalidOperationException(),
    };
}

internal sealed class If(Expr test, Expr then, Expr otherwise) : Expr
{
    public (Expr Test, Expr Then, Expr Otherwise) Parts => (test, then, otherwise);

    public override Value Evaluate(Env env) => test.Bool(env) ? then.Evaluate(env) : otherwise.Evaluate(env);
}

internal sealed class And(Expr left, Expr right) : Expr
{
    public (Expr Left, Expr Right) Parts => (left, right);

    public override Value Evaluate(Env env) => Value.Of(left.Bool(env) && right.Bool(env));
}

internal sealed class Or(Expr left, Expr right) : Expr
{
    public (Expr Left, Expr Right) Parts => (left, right);

    public override Value Evaluate(Env env) => Value.Of(left.Bool(env) || right.Bool(env));
}

internal sealed class Not(Expr operand) : Expr
{
    public Expr Operand => operand;

    public override Value Evaluate(Env env) => Value.Of(!operand.Bool(env));
}

internal sealed class Negate(Expr operand) : Expr
{
    public Expr Operand => operand;

    public override Value Evaluate(Env env)
    {
        var value = operand.Long(env);
        return value == long.MinValue
            ? throw new EvaluationException($"integer overflow while attempting to negate the value `{value}`")
            : Value.Of(-value);
    }
}

internal sealed class Arithmetic(char op, Expr left, Expr right) : Expr
{
    public (char Op, Expr Left, Expr Right) Parts => (op, left, right);

    public override Value Evaluate(Env env)
    {
        var (a, b) = (left.Long(env), right.Long(env));
        try
        {
            return Value.Of(checked(op switch { '+' => a + b, '-' => a - b, '*' => a * b, _ => throw new InvalidOperationException() }));
        }
        catch (OverflowException)
        {
            var verb = op switch { '+' => "add", '-' => "subtract", _ => "multiply" };
            throw new EvaluationException($"integer overflow while attempting to {verb} the values `{a}` and `{b}`");
        }
    }
}

internal sealed class Equality(bool negated, Expr left, Expr right) : Expr
{
    public (bool Negated, Expr Left, Expr Right) Parts => (negated, left, right);

    public override Value Evaluate(Env env) => Value.Of(left.Evaluate(env).Equals(right.Evaluate(env)) != negated);
}

internal sealed class Comparison(string op, Expr left, Expr right) : Expr
{
    public (string Op, Expr Left, Expr Right) Parts => (op, left, right);

    public override Value Evaluate(Env env)
    {
        var (a, b) = (left.Evaluate(env), right.Evaluate(env));
        var order = (a, b) switch
        {
            (LongValue x, LongValue y) => x.Raw.CompareTo(y.Raw),
            (DatetimeValue x, DatetimeValue y) => x.Millis.CompareTo(y.Millis),
            (DurationValue x, DurationValue y) => x.Millis.CompareTo(y.Millis),
            (LongValue or DatetimeValue or DurationValue, _) => throw Expected(a.TypeName, b),
            _ => throw Expected("long", a),
        };
        return Value.Of(op switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 });
    }
}

internal sealed class In(Expr left, Expr right) : Expr
{
    public (Expr Left, Expr Right) Parts => (left, right);

    public override Value Evaluate(Env env)
    {
        var entity = left.Entity(env);
        switch (right.Evaluate(env))
        {
            case EntityUid ancestor:
                return Value.Of(env.Entities.IsIn(entity, ancestor));
            case SetValue set:
                var found = false;
                foreach (var item in set.Items)
                    found |= env.Entities.IsIn(entity, item as EntityUid ?? throw Expected("entity", item));
                return Value.Of(found);
            case var other:
                throw Expected("set or entity", other);
        }
    }
}

internal sealed class Is(Expr operand, string type) : Expr
{
    public (Expr Operand, string Type) Parts => (operand, type);

    public override Value Evaluate(Env env) => Value.Of(operand.Entity(env).Type == type);
}

/// <summary>A wildcard match; a null element of the pattern stands for <c>*</c>.</summary>
internal sealed class Like(Expr operand, IReadOnlyList<char?> pattern) : Expr
{
    public (Expr Operand, IReadOnlyList<char?> Pattern) Parts => (operand, pattern);

    public override Value Evaluate(Env env)
    {
        var value = operand.Evaluate(env);
        return Value.Of(Matches(value is StringValue s ? s.Raw : throw Expected("string", value)));
    }

    private bool Matches(string text)
    {
        int at = 0, p = 0, star = -1, resume = 0;
        while (at < text.Length)
        {
            if (p < pattern.Count && pattern[p] is { } c && c == text[at]) { at++; p++; }
            else if (p < pattern.Count && pattern[p] is null) { star = p++; resume = at; }
            else if (star >= 0) { p = star + 1; at = ++resume; }
            else return false;
        }

        while (p < pattern.Count && pattern[p] is null) p++;
        return p == pattern.Count;
    }
}

internal sealed class GetAttribute(Expr target, string name) : Expr
{
    public (Expr Target, string Name) Parts => (target, name);

    public override Value Evaluate(Env env)
    {
        switch (target.Evaluate(env))
        {
            case RecordValue record:
                return record.Fields.TryGetValue(name, out var field)
                    ? field
                    : throw new EvaluationException($"record does not have the attribute `{name}`");
            case EntityUid uid:
                var entity = env.Entities.Find(uid) ?? throw new EvaluationException($"entity `{uid}` does not exist");
                return entity.Attributes.Fields.TryGetValue(name, out var attribute)
                    ? attribute
                    : throw new EvaluationException($"`{uid}` does not have the attribute `{name}`");
            case var other:
                throw Expected("(record or entity)", other);
        }
    }
}

internal sealed class HasAttribute(Expr target, string name) : Expr
{
    public (Expr Target, string Name) Parts => (target, name);

    public override Value Evaluate(Env env) => target.Evaluate(env) switch
    {
        RecordValue record => Value.Of(record.Fields.ContainsKey(name)),
        EntityUid uid => Value.Of(env.Entities.Find(uid)?.Attributes.Fields.ContainsKey(name) ?? false),
        var other => throw Expected("(record or entity)", other),
    };
}

internal sealed class SetLiteral(IReadOnlyList<Expr> items) : Expr
{
    public IReadOnlyList<Expr> Items => items;

    public override Value Evaluate(Env env) => new SetValue(items.Select(item => item.Evaluate(env)));
}

internal sealed class RecordLiteral(IReadOnlyList<KeyValuePair<string, Expr>> fields) : Expr
{
    public IReadOnlyList<KeyValuePair<string, Expr>> Fields => fields;

    public override Value Evaluate(Env env) => new RecordValue(fields.ToDictionary(f => f.Key, f => f.Value.Evaluate(env), StringComparer.Ordinal));
}

/// <summary>A method such as <c>.contains()</c> or an extension function such as <c>ip()</c>.</summary>
internal sealed class Call(string name, IReadOnlyList<Expr> arguments) : Expr
{
    public (string Name, IReadOnlyList<Expr> Arguments) Parts => (name, arguments);

    /// <summary>Every callable name with its number of arguments, the receiver of a method included.</summary>
    public static readonly IReadOnlyDictionary<string, int> Methods = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["contains"] = 2,
        ["containsAll"] = 2,
        ["containsAny"] = 2,
        ["isEmpty"] = 1,
        ["getTag"] = 2,
        ["hasTag"] = 2,
        ["lessThan"] = 2,
        ["lessThanOrEqual"] = 2,
        ["greaterThan"] = 2,
        ["greaterThanOrEqual"] = 2,
        ["isIpv4"] = 1,
        ["isIpv6"] = 1,
        ["isLoopback"] = 1,
        ["isMulticast"] = 1,
        ["isInRange"] = 2,
        ["offset"] = 2,
        ["durationSince"] = 2,
        ["toDate"] = 1,
        ["toTime"] = 1,
        ["toMilliseconds"] = 1,
        ["toSeconds"] = 1,
        ["toMinutes"] = 1,
        ["toHours"] = 1,
        ["toDays"] = 1,
    };

    public static readonly IReadOnlyDictionary<string, int> Functions = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["ip"] = 1,
        ["decimal"] = 1,
        ["datetime"] = 1,
        ["duration"] = 1,
    };

    private const long Day = 86_400_000;

    /// <summary>What a function that makes an extension value returns for these arguments; null when there is no such function.</summary>
    public static Value? Construct(string function, Value[] arguments) => (function, arguments.Length) switch
    {
        ("ip" or "decimal" or "datetime" or "duration", 1) => new Call(function, []).Unary(arguments[0]),
        ("offset", 2) => new Call(function, []).Binary(arguments[0], arguments[1], null!),
        _ => null,
    };

    /// <summary>
    /// Whether the method belongs to the core language. A wrong number of arguments is then an error of syntax; for an extension's function it
    /// is one of evaluation, because which extensions there are is not the grammar's concern.
    /// </summary>
    public static bool IsCore(string method) => method is "contains" or "containsAll" or "containsAny" or "isEmpty" or "getTag" or "hasTag";

    public override Value Evaluate(Env env)
    {
        var wanted = Functions.TryGetValue(name, out var of) ? of : Methods[name];
        if (arguments.Count != wanted) throw new EvaluationException($"wrong number of arguments for `{name}`: {arguments.Count} instead of {wanted}");

        var first = arguments[0].Evaluate(env);
        return arguments.Count == 1 ? Unary(first) : Binary(first, arguments[1].Evaluate(env), env);
    }

    private Value Unary(Value it) => name switch
    {
        "ip" => IpValue.Parse(As<StringValue>(it, "string").Raw),
        "decimal" => DecimalValue.Parse(As<StringValue>(it, "string").Raw),
        "datetime" => DatetimeValue.Parse(As<StringValue>(it, "string").Raw),
        "duration" => DurationValue.Parse(As<StringValue>(it, "string").Raw),
        "isEmpty" => Value.Of(As<SetValue>(it, "set").Items.Count == 0),
        "isIpv4" => Value.Of(!As<IpValue>(it, "ipaddr").V6),
        "isIpv6" => Value.Of(As<IpValue>(it, "ipaddr").V6),
        "isLoopback" => Value.Of(As<IpValue>(it, "ipaddr").IsLoopback),
        "isMulticast" => Value.Of(As<IpValue>(it, "ipaddr").IsMulticast),
        "toDate" => new DatetimeValue(StartOfDay(As<DatetimeValue>(it, "datetime").Millis)),
        "toTime" => new DurationValue(Mod(As<DatetimeValue>(it, "datetime").Millis)),
        "toMilliseconds" => Value.Of(As<DurationValue>(it, "duration").Millis),
        "toSeconds" => Value.Of(As<DurationValue>(it, "duration").Millis / 1_000),
        "toMinutes" => Value.Of(As<DurationValue>(it, "duration").Millis / 60_000),
        "toHours" => Value.Of(As<DurationValue>(it, "duration").Millis / 3_600_000),
        "toDays" => Value.Of(As<DurationValue>(it, "duration").Millis / Day),
        _ => throw new InvalidOperationException(name),
    };

    private Value Binary(Value it, Value other, Env env) => name switch
    {
        "contains" => Value.Of(As<SetValue>(it, "set").Contains(other)),
        "containsAll" => Value.Of(As<SetValue>(it, "set").Items.IsSupersetOf(As<SetValue>(other, "set").Items)),
        "containsAny" => Value.Of(As<SetValue>(it, "set").Items.Overlaps(As<SetValue>(other, "set").Items)),
        "hasTag" => Value.Of(HasTag(it, As<StringValue>(other, "string").Raw, env)),
        "getTag" => GetTag(it, As<StringValue>(other, "string").Raw, env),
        "lessThan" => Value.Of(Decimals(it, other) < 0),
        "lessThanOrEqual" => Value.Of(Decimals(it, other) <= 0),
        "greaterThan" => Value.Of(Decimals(it, other) > 0),
        "greaterThanOrEqual" => Value.Of(Decimals(it, other) >= 0),
        "isInRange" => Value.Of(As<IpValue>(it, "ipaddr").InRange(As<IpValue>(other, "ipaddr"))),
        "offset" => new DatetimeValue(Checked(() => checked(As<DatetimeValue>(it, "datetime").Millis + As<DurationValue>(other, "duration").Millis))),
        "durationSince" => new DurationValue(Checked(() => checked(As<DatetimeValue>(it, "datetime").Millis - As<DatetimeValue>(other, "datetime").Millis))),
        _ => throw new InvalidOperationException(name),
    };

    private static bool HasTag(Value it, string tag, Env env) => env.Entities.Find(As<EntityUid>(it, "entity"))?.Tags.Fields.ContainsKey(tag) ?? false;

    private static Value GetTag(Value it, string tag, Env env)
    {
        var uid = As<EntityUid>(it, "entity");
        if (env.Entities.Find(uid) is not { } entity) throw new EvaluationException($"entity `{uid}` does not exist");
        return entity.Tags.Fields.TryGetValue(tag, out var value)
            ? value
            : throw new EvaluationException($"`{uid}` does not have the tag `{tag}`");
    }

    private static int Decimals(Value a, Value b) => As<DecimalValue>(a, "decimal").Scaled.CompareTo(As<DecimalValue>(b, "decimal").Scaled);

    private static long Mod(long millis) => ((millis % Day) + Day) % Day;

    private static long StartOfDay(long millis) => Checked(() => checked(millis - Mod(millis)));

    private static long Checked(Func<long> compute)
    {
        try
        {
            return compute();
        }
        catch (OverflowException)
        {
            throw new EvaluationException("overflow in a datetime operation");
        }
    }

    private static T As<T>(Value value, string type) where T : Value =>
        value as T ?? throw Expected(type, value);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{name}/{arguments.Count}");
}
