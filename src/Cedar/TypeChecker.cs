using System.Collections.Immutable;

namespace Mumega.Cedar;

/// <summary>A type as the checker sees it: finer than the schema's, because a Bool may be known to be true or false.</summary>
internal abstract record Ty
{
    public static readonly Ty Never = new NeverTy();
    public static readonly Ty Bool = new BoolTy(null);
    public static readonly Ty True = new BoolTy(true);
    public static readonly Ty False = new BoolTy(false);
    public static readonly Ty Long = new NamedTy("Long");
    public static readonly Ty String = new NamedTy("String");

    public static Ty Of(CedarType type) =>
        type switch
        {
            PrimitiveType { Name: "Bool" } => Bool,
            PrimitiveType { Name: "Long" } => Long,
            PrimitiveType => String,
            ExtensionType extension => new NamedTy(extension.Name),
            EntityRefType entity => Entity(entity.Name),
            SetOfType set => new SetTy(Of(set.Element)),
            RecordOfType record => new RecordTy(
                record.Attributes.ToImmutableSortedDictionary(a => a.Key, a => (Of(a.Value.Type), a.Value.Required), StringComparer.Ordinal)
            ),
            _ => throw new InvalidOperationException(),
        };

    public static EntityTy Entity(string type) => new([type]);
}

/// <summary>The element of an empty set.</summary>
internal sealed record NeverTy : Ty
{
    public override string ToString() => "Never";
}

internal sealed record BoolTy(bool? Known) : Ty
{
    public override string ToString() =>
        Known switch
        {
            true => "True",
            false => "False",
            null => "Bool",
        };
}

/// <summary>Long, String or an extension type.</summary>
internal sealed record NamedTy(string Name) : Ty
{
    public override string ToString() => Name;
}

/// <summary>An entity of one of these types; of more than one only in permissive mode.</summary>
internal sealed record EntityTy(ImmutableSortedSet<string> Types) : Ty
{
    public bool Equals(EntityTy? other) => other is not null && Types.SetEquals(other.Types);

    public override int GetHashCode() => Types.Aggregate(0, (hash, type) => hash ^ type.GetHashCode(StringComparison.Ordinal));

    public override string ToString() => string.Join(" or ", Types);
}

internal sealed record SetTy(Ty Element) : Ty
{
    public override string ToString() => $"Set<{Element}>";
}

internal sealed record RecordTy(ImmutableSortedDictionary<string, (Ty Type, bool Required)> Fields, bool Open = false) : Ty
{
    public static readonly RecordTy Empty = (RecordTy)Of(RecordOfType.Empty);

    public bool Equals(RecordTy? other) =>
        other is not null
        && Open == other.Open
        && Fields.Count == other.Fields.Count
        && Fields.All(f => other.Fields.TryGetValue(f.Key, out var theirs) && theirs == f.Value);

    public override int GetHashCode() => Fields.Count;

    public override string ToString() =>
        $"{{{string.Join(", ", Fields.Select(f => $"{f.Key}{(f.Value.Required ? "" : "?")}: {f.Value.Type}"))}}}";
}

/// <summary>
/// Types expressions for one kind of request. Besides its type an expression yields what is known once it was true: attributes and tags that
/// exist ("capabilities"), each written as the text of the access.
/// </summary>
internal sealed class TypeChecker(
    TypeFacts facts,
    ValidationMode mode,
    ActionDef action,
    string principal,
    string resource,
    HashSet<(int Offset, string Message)> problems
)
{
    private static readonly ImmutableHashSet<string> Nothing = [];

    private readonly bool strict = mode is ValidationMode.Strict;
    private readonly Ty context = facts.Context(action);

    private readonly record struct Typed(Ty? Type, ImmutableHashSet<string> Known)
    {
        public static implicit operator Typed(Ty? type) => new(type, Nothing);
    }

    /// <summary>Whether the scope can match a request of this kind.</summary>
    public bool MayApply(IReadOnlyList<Expr> scope) => scope.All(part => Check(part, Nothing).Type != Ty.False);

    public void Check(Policy policy)
    {
        var known = Nothing;
        foreach (var condition in policy.Conditions)
        {
            var (type, then) = Check(condition.Body, known);
            if (type is not null and not BoolTy)
                Fail(condition.Body, $"expected Bool but saw {type}");
            if (type is BoolTy { Known: { } value } && value == condition.Unless)
                return;
            if (!condition.Unless)
                known = known.Union(then);
        }
    }

    private Ty? Fail(Expr at, string problem)
    {
        problems.Add((at.Offset, problem));
        return null;
    }

    private Typed Check(Expr expr, ImmutableHashSet<string> known)
    {
        switch (expr)
        {
            case Literal literal:
                return OfLiteral(literal.Value);
            case VariableExpr { Variable: Variable.Principal }:
                return facts.Entity(principal);
            case VariableExpr { Variable: Variable.Action }:
                return facts.Entity(action.Uid.Type);
            case VariableExpr { Variable: Variable.Resource }:
                return facts.Entity(resource);
            case VariableExpr:
                return context;
            case If conditional:
                return OfIf(conditional, known);
            case And and:
                return OfAnd(and, known);
            case Or or:
                return OfOr(or, known);
            case Not not:
                return Expect<BoolTy>(not.Operand, known, "Bool") is { } b ? new BoolTy(b.Known is { } k ? !k : null) : (Ty?)null;
            case Negate negate:
                return Expect(negate.Operand, Ty.Long, known);
            case Arithmetic { Parts: var (_, left, right) }:
                return Both(Expect(left, Ty.Long, known), Expect(right, Ty.Long, known)) ? Ty.Long : null;
            case Equality equality:
                return OfEquality(equality, known);
            case Comparison comparison:
                return OfComparison(comparison, known);
            case In { Parts: var (left, right) }:
                return OfIn(left, right, known);
            case Is { Inside: { } inside } both:
                return OfAll([new Is(both.Parts.Operand, both.Parts.Type), inside], known);
            case Is { Parts: var (operand, type, _) }:
                return Expect<EntityTy>(operand, known, "an entity") is { } e
                    ? e.Types.Contains(type)
                        ? e.Types.Count == 1
                            ? Ty.True
                            : Ty.Bool
                        : Ty.False
                    : null;
            case Like { Parts: var (operand, _) }:
                return Expect(operand, Ty.String, known) is null ? null : Ty.Bool;
            case GetAttribute get:
                return OfGet(get, known);
            case HasAttribute { Parts: var (target, name) }:
                return OfHas(target, name, known);
            case HasPath has:
                return OfAnd(has.Tests, known);
            case SetLiteral set:
                return OfSet(set, known);
            case RecordLiteral record:
                return OfRecord(record, known);
            case Call call:
                return OfCall(call, known);
            default:
                throw new InvalidOperationException(expr.GetType().Name);
        }
    }

    private Ty OfLiteral(Value value) =>
        value switch
        {
            BoolValue b => b.Raw ? Ty.True : Ty.False,
            LongValue => Ty.Long,
            StringValue => Ty.String,
            EntityUid uid => facts.Entity(uid.Type),
            _ => throw new InvalidOperationException(),
        };

    private Typed OfIf(If conditional, ImmutableHashSet<string> known)
    {
        var (test, then, otherwise) = conditional.Parts;
        var (t, whenTrue) = Check(test, known);
        switch (t)
        {
            case BoolTy { Known: true }:
                var sure = Check(then, known.Union(whenTrue));
                return new(sure.Type, whenTrue.Union(sure.Known));
            case BoolTy { Known: false }:
                return Check(otherwise, known);
        }

        if (t is not null and not BoolTy)
            t = Fail(test, $"expected Bool but saw {t}");
        var (a, b) = (Check(then, known.Union(whenTrue)), Check(otherwise, known));
        if (t is null || a.Type is null || b.Type is null)
            return (Ty?)null;
        return Common(a.Type, b.Type) is { } type
            ? new Typed(type, whenTrue.Union(a.Known).Intersect(b.Known))
            : Fail(conditional, Incompatible(a.Type, b.Type));
    }

    private Typed OfAnd(And and, ImmutableHashSet<string> known) => OfAll(and.Children, known);

    private Typed OfAll(IReadOnlyList<Expr> operands, ImmutableHashSet<string> known)
    {
        var (l, knownLeft) = CheckBool(operands[0], known);
        foreach (var operand in operands.Skip(1))
        {
            if (l == Ty.False)
                return Ty.False;

            var (r, knownRight) = CheckBool(operand, known.Union(knownLeft));
            if (r == Ty.False && l is not null)
                return Ty.False;
            (l, knownLeft) = l is null || r is null ? (null, Nothing) : (r == Ty.True ? l : Ty.Bool, knownLeft.Union(knownRight));
        }

        return new(l, knownLeft);
    }

    private Typed OfOr(Or or, ImmutableHashSet<string> known)
    {
        var (l, knownLeft) = CheckBool(or.Children[0], known);
        foreach (var operand in or.Children.Skip(1))
        {
            if (l == Ty.True)
                return Ty.True;

            var (r, knownRight) = CheckBool(operand, known);
            (l, knownLeft) = (l, r) switch
            {
                (null, _) or (_, null) => (null, Nothing),
                (BoolTy { Known: false }, _) => (r, knownRight),
                (_, BoolTy { Known: true }) => (Ty.True, Nothing),
                (_, BoolTy { Known: false }) => (l, knownLeft),
                _ => (Ty.Bool, knownLeft.Intersect(knownRight)),
            };
        }

        return new(l, knownLeft);
    }

    private Typed CheckBool(Expr expr, ImmutableHashSet<string> known)
    {
        var typed = Check(expr, known);
        return typed.Type is null or BoolTy ? typed : new(Fail(expr, $"expected Bool but saw {typed.Type}"), typed.Known);
    }

    private Typed OfEquality(Equality equality, ImmutableHashSet<string> known)
    {
        var (negated, left, right) = equality.Parts;
        var (l, r) = (Check(left, known).Type, Check(right, known).Type);
        if (l is null || r is null)
            return (Ty?)null;

        Ty type;
        if (Constant(left) is { } a && Constant(right) is { } b)
            type = a.Equals(b) ? Ty.True : Ty.False;
        else if (l is EntityTy x && r is EntityTy y && !x.Types.Overlaps(y.Types))
            type = Ty.False;
        else if (strict && Common(l, r) is null)
            return Fail(equality, Incompatible(l, r));
        else
            type = Ty.Bool;
        return negated && type is BoolTy { Known: { } k } ? new BoolTy(!k) : type;
    }

    private Value? Constant(Expr expr) =>
        expr switch
        {
            Literal literal => literal.Value,
            VariableExpr { Variable: Variable.Action } => action.Uid,
            _ => null,
        };

    private Typed OfComparison(Comparison comparison, ImmutableHashSet<string> known)
    {
        var (_, left, right) = comparison.Parts;
        var (l, r) = (Check(left, known).Type, Check(right, known).Type);
        if (l is null || r is null)
            return (Ty?)null;
        if (l is not NamedTy { Name: "Long" or "datetime" or "duration" })
            return Fail(left, $"expected Long, datetime or duration but saw {l}");
        return l == r ? Ty.Bool : Fail(right, $"expected {l} but saw {r}");
    }

    private Typed OfIn(Expr left, Expr right, ImmutableHashSet<string> known)
    {
        var l = Expect<EntityTy>(left, known, "an entity");
        var r = Check(right, known).Type;
        var ancestors = r switch
        {
            EntityTy entity => entity.Types,
            SetTy { Element: EntityTy entity } => entity.Types,
            SetTy { Element: NeverTy } => [],
            _ => null,
        };
        if (r is not null && ancestors is null)
            return Fail(right, $"expected an entity or a set of entities but saw {r}");
        if (l is null || ancestors is null)
            return (Ty?)null;

        if (Constant(left) is EntityUid it && facts.IsAction(it) && Actions(right) is { } groups)
            return groups.Any(g => facts.IsAction(g) && facts.Below(it, g)) ? Ty.True : Ty.False;
        return l.Types.Any(t => ancestors.Any(a => facts.Below(t, a))) ? Ty.Bool : Ty.False;
    }

    private List<EntityUid>? Actions(Expr expr) =>
        expr switch
        {
            Literal { Value: EntityUid uid } => [uid],
            VariableExpr { Variable: Variable.Action } => [action.Uid],
            SetLiteral set when set.Items.All(i => Constant(i) is EntityUid) => [.. set.Items.Select(i => (EntityUid)Constant(i)!)],
            _ => null,
        };

    private Typed OfGet(GetAttribute get, ImmutableHashSet<string> known)
    {
        var (target, name) = get.Parts;
        var type = Check(target, known).Type;
        if (type is null)
            return (Ty?)null;
        if (type is not (RecordTy or EntityTy))
            return Fail(target, $"expected a record or an entity but saw {type}");
        if (Field(type, name) is not { } field)
            return Fail(
                get,
                $"attribute `{name}` {(type is EntityTy ? $"on entity type `{type}`" : "in the record")} not found{Suggest(type, name)}"
            );
        return field.Required || known.Contains(Printer.Of(target) + "." + name)
            ? field.Type
            : Fail(
                get,
                $"unable to guarantee safety of access to optional attribute `{name}`{(type is EntityTy ? $" on entity type `{type}`" : "")}; test it with `has` first"
            );
    }

    private Typed OfHas(Expr target, string name, ImmutableHashSet<string> known)
    {
        var type = Check(target, known).Type;
        if (type is null)
            return (Ty?)null;
        if (type is not (RecordTy or EntityTy))
            return Fail(target, $"expected a record or an entity but saw {type}");

        var access = Printer.Of(target) + "." + name;
        if (Field(type, name) is not { } field)
            return MayHave(type, name) ? Ty.Bool : Ty.False;
        if (known.Contains(access) || (field.Required && type is RecordTy))
            return new(Ty.True, [access]);
        return new(Ty.Bool, [access]);
    }

    private bool MayHave(Ty type, string name) =>
        type switch
        {
            RecordTy record => record.Open,
            EntityTy { Types.Count: > 1 } many => many.Types.Any(t => facts.Attributes(t).Fields.ContainsKey(name)),
            _ => false,
        };

    private (Ty Type, bool Required)? Field(Ty type, string name)
    {
        if (type is RecordTy record)
            return record.Fields.TryGetValue(name, out var field) ? field : null;

        (Ty Type, bool Required)? found = null;
        foreach (var one in ((EntityTy)type).Types)
        {
            if (!facts.Attributes(one).Fields.TryGetValue(name, out var field))
                return null;
            if (found is null)
                found = field;
            else if (Common(found.Value.Type, field.Type) is { } common)
                found = (common, found.Value.Required && field.Required);
            else
                return null;
        }

        return found;
    }

    private string Suggest(Ty type, string name)
    {
        var names = type is RecordTy record ? record.Fields.Keys : ((EntityTy)type).Types.SelectMany(t => facts.Attributes(t).Fields.Keys);
        return Spelling.Closest(name, names) is { } close ? $"; did you mean `{close}`?" : "";
    }

    private Typed OfSet(SetLiteral set, ImmutableHashSet<string> known)
    {
        if (set.Items.Count == 0)
            return strict ? Fail(set, "empty set literals are forbidden in policies") : new SetTy(Ty.Never);

        Ty? element = null;
        var broken = false;
        foreach (var item in set.Items)
        {
            var type = Check(item, known).Type;
            if (type is null)
                broken = true;
            else if (element is null)
                element = type;
            else if (Common(element, type) is { } common)
                element = common;
            else
                broken |= Fail(item, Incompatible(element, type)) is null;
        }

        return broken ? null : new SetTy(element!);
    }

    private Typed OfRecord(RecordLiteral record, ImmutableHashSet<string> known)
    {
        var fields = record.Fields.Select(f => (f.Key, Check(f.Value, known).Type)).ToList();
        return fields.Any(f => f.Type is null)
            ? null
            : new RecordTy(fields.ToImmutableSortedDictionary(f => f.Key, f => (f.Type!, true), StringComparer.Ordinal));
    }

    private Typed OfCall(Call call, ImmutableHashSet<string> known)
    {
        var (name, arguments) = call.Parts;
        switch (name)
        {
            case "contains":
            {
                var set = Expect<SetTy>(arguments[0], known, "a set");
                var item = Check(arguments[1], known).Type;
                if (set is null || item is null)
                    return (Ty?)null;
                return strict && Common(set.Element, item) is null ? Fail(call, Incompatible(set.Element, item)) : Ty.Bool;
            }

            case "containsAll"
            or "containsAny":
            {
                var (one, other) = (Expect<SetTy>(arguments[0], known, "a set"), Expect<SetTy>(arguments[1], known, "a set"));
                if (one is null || other is null)
                    return (Ty?)null;
                return strict && Common(one, other) is null ? Fail(call, Incompatible(one, other)) : Ty.Bool;
            }

            case "isEmpty":
                return Expect<SetTy>(arguments[0], known, "a set") is null ? null : Ty.Bool;
            case "hasTag" or "getTag":
                return OfTag(call, known);
        }

        var signature = Signature(name);
        if (arguments.Count != signature.Arguments.Length)
            return Fail(
                call,
                $"wrong number of arguments in extension function application. Expected {signature.Arguments.Length}, got {arguments.Count}"
            );

        var fits = true;
        for (var i = 0; i < arguments.Count; i++)
            fits &= Expect(arguments[i], signature.Arguments[i], known) is not null;
        if (!fits)
            return (Ty?)null;

        if (Call.Functions.ContainsKey(name))
        {
            if (arguments[0] is not Literal { Value: var literal })
                return strict ? Fail(call, "extension constructors may not be called with non-literal expressions") : signature.Result;
            try
            {
                Call.Construct(name, [literal]);
            }
            catch (EvaluationException e)
            {
                return Fail(arguments[0], $"error during extension function argument validation: {e.Message}");
            }
        }

        return signature.Result;
    }

    private Typed OfTag(Call call, ImmutableHashSet<string> known)
    {
        var (has, target, tag) = (call.Parts.Name == "hasTag", call.Parts.Arguments[0], call.Parts.Arguments[1]);
        var (entity, name) = (Expect<EntityTy>(target, known, "an entity"), Expect(tag, Ty.String, known));
        if (entity is null || name is null)
            return (Ty?)null;

        var access = $"{Printer.Of(target)}#{Printer.Of(tag)}";
        var types = entity.Types.Select(t => facts.Type(t)?.Tags).ToList();
        if (has)
        {
            if (types.All(t => t is null))
                return Ty.False;
            return known.Contains(access) ? new(Ty.True, [access]) : new(Ty.Bool, [access]);
        }

        if (types.Any(t => t is null))
            return Fail(call, $"entities of type `{entity}` have no tags");
        if (!known.Contains(access))
            return Fail(
                call,
                $"unable to guarantee safety of access to tag `{Printer.Of(tag)}` on entity type `{entity}`; test it with `hasTag` first"
            );
        return types.Select(t => Ty.Of(t!)).Aggregate<Ty, Ty?>(null, (all, next) => all is null ? next : Common(all, next)) is { } type
            ? type
            : Fail(call, $"the tags of `{entity}` have different types");
    }

    private static (Ty[] Arguments, Ty Result) Signature(string name)
    {
        Ty ip = new NamedTy("ipaddr"),
            number = new NamedTy("decimal"),
            time = new NamedTy("datetime"),
            span = new NamedTy("duration");
        return name switch
        {
            "ip" => ([Ty.String], ip),
            "decimal" => ([Ty.String], number),
            "datetime" => ([Ty.String], time),
            "duration" => ([Ty.String], span),
            "lessThan" or "lessThanOrEqual" or "greaterThan" or "greaterThanOrEqual" => ([number, number], Ty.Bool),
            "isIpv4" or "isIpv6" or "isLoopback" or "isMulticast" => ([ip], Ty.Bool),
            "isInRange" => ([ip, ip], Ty.Bool),
            "offset" => ([time, span], time),
            "durationSince" => ([time, time], span),
            "toDate" => ([time], time),
            "toTime" => ([time], span),
            _ => ([span], Ty.Long),
        };
    }

    private T? Expect<T>(Expr expr, ImmutableHashSet<string> known, string what)
        where T : Ty
    {
        var type = Check(expr, known).Type;
        if (type is null or T)
            return (T?)type;
        Fail(expr, $"expected {what} but saw {type}");
        return null;
    }

    private Ty? Expect(Expr expr, Ty wanted, ImmutableHashSet<string> known)
    {
        var type = Check(expr, known).Type;
        return type is null || type == wanted ? type : Fail(expr, $"expected {wanted} but saw {type}");
    }

    private static bool Both(Ty? a, Ty? b) => a is not null && b is not null;

    private static string Incompatible(Ty a, Ty b) => $"the types {a} and {b} are not compatible";

    /// <summary>The least type that both fit, or null when there is none.</summary>
    private Ty? Common(Ty a, Ty b) =>
        (a, b) switch
        {
            (NeverTy, _) => b,
            (_, NeverTy) => a,
            (BoolTy x, BoolTy y) => x == y ? x : Ty.Bool,
            (NamedTy x, NamedTy y) => x == y ? x : null,
            (EntityTy x, EntityTy y) => x.Equals(y) ? x
            : strict ? null
            : new EntityTy(x.Types.Union(y.Types)),
            (SetTy x, SetTy y) => Common(x.Element, y.Element) is { } element ? new SetTy(element) : null,
            (RecordTy x, RecordTy y) => CommonRecord(x, y),
            _ => null,
        };

    private RecordTy? CommonRecord(RecordTy a, RecordTy b)
    {
        var fields = ImmutableSortedDictionary.CreateBuilder<string, (Ty, bool)>(StringComparer.Ordinal);
        var lost = a.Open || b.Open;
        foreach (var (name, x) in a.Fields)
        {
            if (b.Fields.TryGetValue(name, out var y) && Common(x.Type, y.Type) is { } type && (!strict || x.Required == y.Required))
                fields[name] = (type, x.Required && y.Required);
            else if (strict)
                return null;
            else
                lost = true;
        }

        if (b.Fields.Keys.Any(name => !a.Fields.ContainsKey(name)))
        {
            if (strict)
                return null;
            lost = true;
        }

        return new(fields.ToImmutable(), lost);
    }
}
