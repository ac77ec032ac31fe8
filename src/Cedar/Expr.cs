using System.Globalization;

namespace Mumega.Cedar;

/// <summary>What a condition came to.</summary>
internal enum Truth : byte
{
    False,
    True,
    Failed,
}

/// <summary>
/// A parsed expression that evaluates itself. Immutable, so a policy may be used by many threads at once. Failure is a value (null, or
/// <see cref="Truth.Failed"/>) whose reason the <see cref="Env"/> holds: a policy that errs must not cost more than one that holds.
/// </summary>
internal abstract class Expr
{
    private const int Unplaced = -1;

    protected Expr(params ReadOnlySpan<Expr> children)
    {
        foreach (var child in children)
            Depth = Math.Max(Depth, child.Depth + 1);
    }

    protected Expr(IEnumerable<Expr> children)
    {
        foreach (var child in children)
            Depth = Math.Max(Depth, child.Depth + 1);
    }

    /// <summary>Where it stands in its text, or -1 when it has none.</summary>
    public int Offset { get; init; } = Unplaced;

    /// <summary>How many expressions lie below it, along the longest way.</summary>
    public int Depth { get; }

    public virtual IReadOnlyList<Expr> Children => [];

    /// <summary>Whether the result depends on the children alone, so that it can be worked out before any request is known.</summary>
    public virtual bool Pure => false;

    /// <summary>The same expression over other children, given in the order of <see cref="Children"/>.</summary>
    public virtual Expr Over(IReadOnlyList<Expr> children) => this;

    /// <summary>The value, or null when it failed.</summary>
    public abstract Value? Evaluate(Env env);

    public virtual Truth Test(Env env) =>
        Evaluate(env) switch
        {
            BoolValue b => b.Raw ? Truth.True : Truth.False,
            null => Truth.Failed,
            var other => env.Fails(Wrong("bool", other)),
        };

    /// <summary>Evaluates to a Long without making a value of it; false when it failed.</summary>
    public virtual bool TryLong(Env env, out long number)
    {
        switch (Evaluate(env))
        {
            case LongValue l:
                number = l.Raw;
                return true;
            case var other:
                number = 0;
                if (other is not null)
                    env.Fail(Wrong("long", other));
                return false;
        }
    }

    protected EntityUid? Entity(Env env)
    {
        var value = Evaluate(env);
        if (value is EntityUid uid)
            return uid;
        if (value is not null)
            env.Fail(Wrong("entity", value));
        return null;
    }

    protected static EntityUid? EntityOf(Expr expr, Env env) => expr.Entity(env);

    public static string Wrong(string type, Value got) => $"type error: expected {type}, got {got.TypeName}";

    /// <summary>The expression with everything worked out that no request can change. A part that fails is left to fail when it is reached.</summary>
    public Expr Folded()
    {
        if (Children.Count == 0)
            return Pure && Evaluate(Env.Nothing) is { } constant ? new Literal(constant) : this;

        var children = Children.Select(c => c.Folded()).ToList();
        var over = Over(children);
        return Pure && children.All(c => c is Literal) && over.Evaluate(Env.Nothing) is { } value
            ? new Literal(value) { Offset = Offset }
            : over;
    }
}

/// <summary>An expression that is true, false or fails.</summary>
internal abstract class BoolExpr : Expr
{
    protected BoolExpr(params ReadOnlySpan<Expr> children)
        : base(children) { }

    protected BoolExpr(IEnumerable<Expr> children)
        : base(children) { }

    public sealed override Value? Evaluate(Env env) =>
        Test(env) switch
        {
            Truth.True => BoolValue.True,
            Truth.False => BoolValue.False,
            _ => null,
        };

    public abstract override Truth Test(Env env);

    protected static Truth As(bool value) => value ? Truth.True : Truth.False;
}

/// <summary>An expression that is a Long or fails.</summary>
internal abstract class LongExpr(params ReadOnlySpan<Expr> children) : Expr(children)
{
    public sealed override Value? Evaluate(Env env) => TryLong(env, out var number) ? Value.Of(number) : null;

    public abstract override bool TryLong(Env env, out long number);
}

/// <summary>What expressions are evaluated against, and why the last one failed.</summary>
internal sealed class Env(Request request, Entities entities)
{
    public static readonly Env Nothing = new(new(new("", ""), new("", ""), new("", ""), RecordValue.Empty), Cedar.Entities.None);

    private Entity? principal,
        resource;

    public Request Request => request;

    public Entities Entities => entities;

    public string? Problem { get; private set; }

    public Value? Fail(string problem)
    {
        if (this != Nothing)
            Problem = problem;
        return null;
    }

    public Truth Fails(string problem)
    {
        Fail(problem);
        return Truth.Failed;
    }

    public Entity? Find(EntityUid uid) =>
        ReferenceEquals(uid, request.Principal) ? principal ??= entities.Find(uid)
        : ReferenceEquals(uid, request.Resource) ? resource ??= entities.Find(uid)
        : entities.Find(uid);
}

internal sealed class Literal(Value value) : Expr
{
    private readonly Truth truth = value switch
    {
        BoolValue { Raw: true } => Truth.True,
        BoolValue => Truth.False,
        _ => Truth.Failed,
    };

    public Value Value => value;

    public override Value Evaluate(Env env) => value;

    public override Truth Test(Env env) => truth is Truth.Failed ? base.Test(env) : truth;
}

internal enum Variable
{
    Principal,
    Action,
    Resource,
    Context,
}

internal sealed class VariableExpr(Variable variable) : Expr
{
    public Variable Variable => variable;

    public override Value Evaluate(Env env) =>
        variable switch
        {
            Variable.Principal => env.Request.Principal,
            Variable.Action => env.Request.Action,
            Variable.Resource => env.Request.Resource,
            _ => env.Request.Context,
        };
}

internal sealed class If(Expr test, Expr then, Expr otherwise) : Expr(test, then, otherwise)
{
    public (Expr Test, Expr Then, Expr Otherwise) Parts => (test, then, otherwise);

    public override IReadOnlyList<Expr> Children => [test, then, otherwise];

    public override Expr Over(IReadOnlyList<Expr> children) => new If(children[0], children[1], children[2]) { Offset = Offset };

    public override Value? Evaluate(Env env) =>
        test.Test(env) switch
        {
            Truth.True => then.Evaluate(env),
            Truth.False => otherwise.Evaluate(env),
            _ => null,
        };
}

/// <summary>Conditions that must all hold, looked at from left to right until one does not. One node for a whole chain, however long.</summary>
internal sealed class And(IReadOnlyList<Expr> operands) : BoolExpr(operands)
{
    private readonly Expr[] operands = [.. operands];

    public override IReadOnlyList<Expr> Children => operands;

    public override Expr Over(IReadOnlyList<Expr> children) => new And(children) { Offset = Offset };

    public override Truth Test(Env env)
    {
        foreach (var operand in operands)
        {
            var truth = operand.Test(env);
            if (truth is not Truth.True)
                return truth;
        }

        return Truth.True;
    }
}

/// <summary>Conditions of which one must hold, looked at from left to right until one does.</summary>
internal sealed class Or(IReadOnlyList<Expr> operands) : BoolExpr(operands)
{
    private readonly Expr[] operands = [.. operands];

    public override IReadOnlyList<Expr> Children => operands;

    public override Expr Over(IReadOnlyList<Expr> children) => new Or(children) { Offset = Offset };

    public override Truth Test(Env env)
    {
        foreach (var operand in operands)
        {
            var truth = operand.Test(env);
            if (truth is not Truth.False)
                return truth;
        }

        return Truth.False;
    }
}

internal sealed class Not(Expr operand) : BoolExpr(operand)
{
    public Expr Operand => operand;

    public override IReadOnlyList<Expr> Children => [operand];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Not(children[0]) { Offset = Offset };

    public override Truth Test(Env env) =>
        operand.Test(env) switch
        {
            Truth.True => Truth.False,
            Truth.False => Truth.True,
            _ => Truth.Failed,
        };
}

internal sealed class Negate(Expr operand) : LongExpr(operand)
{
    public Expr Operand => operand;

    public override IReadOnlyList<Expr> Children => [operand];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Negate(children[0]) { Offset = Offset };

    public override bool TryLong(Env env, out long number)
    {
        if (!operand.TryLong(env, out number))
            return false;
        if (number == long.MinValue)
        {
            env.Fail($"integer overflow while attempting to negate the value `{number}`");
            return false;
        }

        number = -number;
        return true;
    }
}

internal sealed class Arithmetic(char op, Expr left, Expr right) : LongExpr(left, right)
{
    public (char Op, Expr Left, Expr Right) Parts => (op, left, right);

    public override IReadOnlyList<Expr> Children => [left, right];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Arithmetic(op, children[0], children[1]) { Offset = Offset };

    public override bool TryLong(Env env, out long number)
    {
        number = 0;
        if (!left.TryLong(env, out var a) || !right.TryLong(env, out var b))
            return false;

        var exact = op switch
        {
            '+' => (Int128)a + b,
            '-' => (Int128)a - b,
            _ => (Int128)a * b,
        };
        if (exact > long.MaxValue || exact < long.MinValue)
        {
            var verb = op switch
            {
                '+' => "add",
                '-' => "subtract",
                _ => "multiply",
            };
            env.Fail($"integer overflow while attempting to {verb} the values `{a}` and `{b}`");
            return false;
        }

        number = (long)exact;
        return true;
    }
}

internal sealed class Equality(bool negated, Expr left, Expr right) : BoolExpr(left, right)
{
    public (bool Negated, Expr Left, Expr Right) Parts => (negated, left, right);

    public override IReadOnlyList<Expr> Children => [left, right];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Equality(negated, children[0], children[1]) { Offset = Offset };

    public override Truth Test(Env env) =>
        left.Evaluate(env) is { } a && right.Evaluate(env) is { } b ? As((ReferenceEquals(a, b) || a.Equals(b)) != negated) : Truth.Failed;
}

internal sealed class Comparison(string op, Expr left, Expr right) : BoolExpr(left, right)
{
    public (string Op, Expr Left, Expr Right) Parts => (op, left, right);

    public override IReadOnlyList<Expr> Children => [left, right];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Comparison(op, children[0], children[1]) { Offset = Offset };

    public override Truth Test(Env env)
    {
        if (left.Evaluate(env) is not { } a || right.Evaluate(env) is not { } b)
            return Truth.Failed;

        int order;
        switch (a, b)
        {
            case (LongValue x, LongValue y):
                order = x.Raw.CompareTo(y.Raw);
                break;
            case (DatetimeValue x, DatetimeValue y):
                order = x.Millis.CompareTo(y.Millis);
                break;
            case (DurationValue x, DurationValue y):
                order = x.Millis.CompareTo(y.Millis);
                break;
            case (LongValue or DatetimeValue or DurationValue, _):
                return env.Fails(Wrong(a.TypeName, b));
            default:
                return env.Fails(Wrong("long", a));
        }

        return As(
            op switch
            {
                "<" => order < 0,
                "<=" => order <= 0,
                ">" => order > 0,
                _ => order >= 0,
            }
        );
    }
}

internal sealed class In(Expr left, Expr right) : BoolExpr(left, right)
{
    public (Expr Left, Expr Right) Parts => (left, right);

    public override IReadOnlyList<Expr> Children => [left, right];

    public override Expr Over(IReadOnlyList<Expr> children) => new In(children[0], children[1]) { Offset = Offset };

    public override Truth Test(Env env)
    {
        if (EntityOf(left, env) is not { } entity)
            return Truth.Failed;
        switch (right.Evaluate(env))
        {
            case EntityUid ancestor:
                return As(env.Entities.IsIn(entity, ancestor));
            case SetValue set:
                var found = false;
                foreach (var item in set.Raw)
                {
                    if (item is not EntityUid ancestor)
                        return env.Fails(Wrong("entity", item));
                    found |= env.Entities.IsIn(entity, ancestor);
                }

                return As(found);
            case null:
                return Truth.Failed;
            case var other:
                return env.Fails(Wrong("set or entity", other));
        }
    }
}

/// <summary><c>is</c>, and with a second operand <c>is … in</c>.</summary>
internal sealed class Is(Expr operand, string type, Expr? within = null) : BoolExpr(operand, within ?? operand)
{
    private readonly In? inside = within is null ? null : new(operand, within);

    public (Expr Operand, string Type, Expr? Within) Parts => (operand, type, within);

    /// <summary>The <c>in</c> half, if there is one.</summary>
    public In? Inside => inside;

    public override IReadOnlyList<Expr> Children => within is null ? [operand] : [operand, within];

    public override Expr Over(IReadOnlyList<Expr> children) =>
        new Is(children[0], type, children.ElementAtOrDefault(1)) { Offset = Offset };

    public override Truth Test(Env env)
    {
        if (EntityOf(operand, env) is not { } uid)
            return Truth.Failed;
        return uid.Type != type ? Truth.False
            : inside is null ? Truth.True
            : inside.Test(env);
    }
}

/// <summary>A wildcard match; a null element of the pattern stands for <c>*</c>.</summary>
internal sealed class Like(Expr operand, IReadOnlyList<char?> pattern) : BoolExpr(operand)
{
    private readonly char?[] pattern = [.. pattern];

    public (Expr Operand, IReadOnlyList<char?> Pattern) Parts => (operand, pattern);

    public override IReadOnlyList<Expr> Children => [operand];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new Like(children[0], pattern) { Offset = Offset };

    public override Truth Test(Env env) =>
        operand.Evaluate(env) switch
        {
            StringValue s => As(Matches(s.Raw)),
            null => Truth.Failed,
            var other => env.Fails(Wrong("string", other)),
        };

    private bool Matches(string text)
    {
        int at = 0,
            p = 0,
            star = -1,
            resume = 0;
        while (at < text.Length)
        {
            if (p < pattern.Length && pattern[p] is { } c && c == text[at])
            {
                at++;
                p++;
            }
            else if (p < pattern.Length && pattern[p] is null)
            {
                star = p++;
                resume = at;
            }
            else if (star >= 0)
            {
                p = star + 1;
                at = ++resume;
            }
            else
                return false;
        }

        while (p < pattern.Length && pattern[p] is null)
            p++;
        return p == pattern.Length;
    }
}

internal sealed class GetAttribute(Expr target, string name) : Expr(target)
{
    public (Expr Target, string Name) Parts => (target, name);

    public override IReadOnlyList<Expr> Children => [target];

    public override Expr Over(IReadOnlyList<Expr> children) => new GetAttribute(children[0], name) { Offset = Offset };

    public override Value? Evaluate(Env env)
    {
        switch (target.Evaluate(env))
        {
            case RecordValue record:
                return record.Find(name) ?? env.Fail($"record does not have the attribute `{name}`");
            case EntityUid uid:
                if (env.Find(uid) is not { } entity)
                    return env.Fail($"entity `{uid}` does not exist");
                return entity.Attributes.Find(name) ?? env.Fail($"`{uid}` does not have the attribute `{name}`");
            case null:
                return null;
            case var other:
                return env.Fail(Wrong("(record or entity)", other));
        }
    }
}

internal sealed class HasAttribute(Expr target, string name) : BoolExpr(target)
{
    public (Expr Target, string Name) Parts => (target, name);

    public override IReadOnlyList<Expr> Children => [target];

    public override Expr Over(IReadOnlyList<Expr> children) => new HasAttribute(children[0], name) { Offset = Offset };

    public override Truth Test(Env env) =>
        target.Evaluate(env) switch
        {
            RecordValue record => As(record.Find(name) is not null),
            EntityUid uid => As(env.Find(uid)?.Attributes.Find(name) is not null),
            null => Truth.Failed,
            var other => env.Fails(Wrong("(record or entity)", other)),
        };
}

/// <summary><c>a has b.c</c>, which means <c>a has b &amp;&amp; a.b has c</c>.</summary>
internal sealed class HasPath : BoolExpr
{
    private readonly Expr target;

    public HasPath(Expr target, IReadOnlyList<string> names, int offset)
        : base(target)
    {
        this.target = target;
        Path = names;
        Offset = offset;
        var tests = new List<Expr>();
        foreach (var name in names)
        {
            tests.Add(new HasAttribute(target, name) { Offset = offset });
            target = new GetAttribute(target, name) { Offset = offset };
        }

        Tests = new(tests) { Offset = offset };
    }

    public Expr Target => target;

    public IReadOnlyList<string> Path { get; }

    /// <summary>What it means.</summary>
    public And Tests { get; }

    public override IReadOnlyList<Expr> Children => [target];

    public override Expr Over(IReadOnlyList<Expr> children) => new HasPath(children[0], Path, Offset);

    public override Truth Test(Env env) => Tests.Test(env);
}

internal sealed class SetLiteral(IReadOnlyList<Expr> items) : Expr(items)
{
    public IReadOnlyList<Expr> Items => items;

    public override IReadOnlyList<Expr> Children => items;

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) => new SetLiteral(children) { Offset = Offset };

    public override Value? Evaluate(Env env)
    {
        var values = new Value[items.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (items[i].Evaluate(env) is not { } value)
                return null;
            values[i] = value;
        }

        return new SetValue(values);
    }
}

internal sealed class RecordLiteral(IReadOnlyList<KeyValuePair<string, Expr>> fields) : Expr(fields.Select(f => f.Value))
{
    public IReadOnlyList<KeyValuePair<string, Expr>> Fields => fields;

    public override IReadOnlyList<Expr> Children => [.. fields.Select(f => f.Value)];

    public override bool Pure => true;

    public override Expr Over(IReadOnlyList<Expr> children) =>
        new RecordLiteral([.. fields.Zip(children, (f, child) => KeyValuePair.Create(f.Key, child))]) { Offset = Offset };

    public override Value? Evaluate(Env env)
    {
        var values = new Dictionary<string, Value>(fields.Count, StringComparer.Ordinal);
        foreach (var (name, expr) in fields)
        {
            if (expr.Evaluate(env) is not { } value)
                return null;
            values[name] = value;
        }

        return new RecordValue(values);
    }
}

/// <summary>A method such as <c>.contains()</c> or an extension function such as <c>ip()</c>.</summary>
internal sealed class Call(string name, IReadOnlyList<Expr> arguments) : Expr(arguments)
{
    private const long Day = 86_400_000;

    /// <summary>Methods with the number of their operands, the receiver counted.</summary>
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

    private readonly bool complete = arguments.Count == Arity(name);

    public (string Name, IReadOnlyList<Expr> Arguments) Parts => (name, arguments);

    public override IReadOnlyList<Expr> Children => arguments;

    public override bool Pure => name is not ("hasTag" or "getTag");

    public override Expr Over(IReadOnlyList<Expr> children) => new Call(name, children) { Offset = Offset };

    /// <summary>What a function that makes an extension value returns for these arguments; null when there is no such function.</summary>
    /// <exception cref="EvaluationException">The arguments are not what the function takes.</exception>
    public static Value? Construct(string function, Value[] arguments)
    {
        if ((function, arguments.Length) is not (("ip" or "decimal" or "datetime" or "duration", 1) or ("offset", 2)))
            return null;

        var env = new Env(Env.Nothing.Request, Entities.None);
        return new Call(function, [.. arguments.Select(a => new Literal(a))]).Evaluate(env) ?? throw new EvaluationException(env.Problem!);
    }

    /// <summary>
    /// Whether the method belongs to the core language. A wrong number of arguments is then an error of syntax; for an extension's function it
    /// is one of evaluation, because which extensions there are is not the grammar's concern.
    /// </summary>
    public static bool IsCore(string method) => method is "contains" or "containsAll" or "containsAny" or "isEmpty" or "getTag" or "hasTag";

    public override Value? Evaluate(Env env)
    {
        if (!complete)
            return env.Fail($"wrong number of arguments for `{name}`: {arguments.Count} instead of {Arity(name)}");
        if (arguments[0].Evaluate(env) is not { } first)
            return null;

        try
        {
            if (arguments.Count == 1)
                return Unary(first);
            return arguments[1].Evaluate(env) is { } second ? Binary(first, second, env) : null;
        }
        catch (EvaluationException e)
        {
            return env.Fail(e.Message);
        }
    }

    private static int Arity(string name) => Functions.TryGetValue(name, out var of) ? of : Methods[name];

    private Value Unary(Value it) =>
        name switch
        {
            "ip" => IpValue.Parse(As<StringValue>(it, "string").Raw),
            "decimal" => DecimalValue.Parse(As<StringValue>(it, "string").Raw),
            "datetime" => DatetimeValue.Parse(As<StringValue>(it, "string").Raw),
            "duration" => DurationValue.Parse(As<StringValue>(it, "string").Raw),
            "isEmpty" => Value.Of(As<SetValue>(it, "set").Raw.Count == 0),
            "isIpv4" => Value.Of(!As<IpValue>(it, "ipaddr").V6),
            "isIpv6" => Value.Of(As<IpValue>(it, "ipaddr").V6),
            "isLoopback" => Value.Of(As<IpValue>(it, "ipaddr").IsLoopback),
            "isMulticast" => Value.Of(As<IpValue>(it, "ipaddr").IsMulticast),
            "toDate" => new DatetimeValue(
                InRange((Int128)As<DatetimeValue>(it, "datetime").Millis - Mod(As<DatetimeValue>(it, "datetime").Millis))
            ),
            "toTime" => new DurationValue(Mod(As<DatetimeValue>(it, "datetime").Millis)),
            "toMilliseconds" => Value.Of(As<DurationValue>(it, "duration").Millis),
            "toSeconds" => Value.Of(As<DurationValue>(it, "duration").Millis / 1_000),
            "toMinutes" => Value.Of(As<DurationValue>(it, "duration").Millis / 60_000),
            "toHours" => Value.Of(As<DurationValue>(it, "duration").Millis / 3_600_000),
            "toDays" => Value.Of(As<DurationValue>(it, "duration").Millis / Day),
            _ => throw new InvalidOperationException(name),
        };

    private Value? Binary(Value it, Value other, Env env) =>
        name switch
        {
            "contains" => Value.Of(As<SetValue>(it, "set").Contains(other)),
            "containsAll" => Value.Of(As<SetValue>(it, "set").Raw.IsSupersetOf(As<SetValue>(other, "set").Raw)),
            "containsAny" => Value.Of(As<SetValue>(it, "set").Raw.Overlaps(As<SetValue>(other, "set").Raw)),
            "hasTag" => Value.Of(HasTag(As<EntityUid>(it, "entity"), As<StringValue>(other, "string").Raw, env)),
            "getTag" => GetTag(As<EntityUid>(it, "entity"), As<StringValue>(other, "string").Raw, env),
            "lessThan" => Value.Of(Decimals(it, other) < 0),
            "lessThanOrEqual" => Value.Of(Decimals(it, other) <= 0),
            "greaterThan" => Value.Of(Decimals(it, other) > 0),
            "greaterThanOrEqual" => Value.Of(Decimals(it, other) >= 0),
            "isInRange" => Value.Of(As<IpValue>(it, "ipaddr").InRange(As<IpValue>(other, "ipaddr"))),
            "offset" => new DatetimeValue(
                InRange((Int128)As<DatetimeValue>(it, "datetime").Millis + As<DurationValue>(other, "duration").Millis)
            ),
            "durationSince" => new DurationValue(
                InRange((Int128)As<DatetimeValue>(it, "datetime").Millis - As<DatetimeValue>(other, "datetime").Millis)
            ),
            _ => throw new InvalidOperationException(name),
        };

    private static bool HasTag(EntityUid uid, string tag, Env env) => env.Find(uid)?.Tags.Find(tag) is not null;

    private static Value? GetTag(EntityUid uid, string tag, Env env)
    {
        if (env.Find(uid) is not { } entity)
            return env.Fail($"entity `{uid}` does not exist");
        return entity.Tags.Find(tag) ?? env.Fail($"`{uid}` does not have the tag `{tag}`");
    }

    private static int Decimals(Value a, Value b) => As<DecimalValue>(a, "decimal").Scaled.CompareTo(As<DecimalValue>(b, "decimal").Scaled);

    private static long Mod(long millis) => ((millis % Day) + Day) % Day;

    private static long InRange(Int128 millis) =>
        millis >= long.MinValue && millis <= long.MaxValue
            ? (long)millis
            : throw new EvaluationException("overflow in a datetime operation");

    private static T As<T>(Value value, string type)
        where T : Value => value as T ?? throw new EvaluationException(Wrong(type, value));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{name}/{arguments.Count}");
}
