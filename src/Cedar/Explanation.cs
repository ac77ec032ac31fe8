namespace Mumega.Cedar;

/// <summary>Part of an expression with the value that it had.</summary>
/// <param name="Text">The expression, for example <c>context.amount</c>.</param>
/// <param name="Value">Its value; null when it had none, because the attribute or the entity is absent.</param>
public sealed record Seen(string Text, Value? Value);

/// <summary>A condition that decided against the request: one of a permit that was not met, or one of a forbid that was.</summary>
/// <param name="Text">The condition: of a chain of conditions only the part that mattered.</param>
/// <param name="Wanted">What it would have to be for the request to be allowed.</param>
/// <param name="Seen">The attributes it looks at, with their values.</param>
/// <param name="Problem">Why it could not be evaluated, if it could not.</param>
public sealed record Finding(Policy Policy, string Text, bool Wanted, IReadOnlyList<Seen> Seen, string? Problem);

/// <summary>One change that makes the difference: it was applied and the request asked again before being offered.</summary>
/// <param name="Because">The condition that it meets.</param>
public abstract record Remedy(string Because)
{
    /// <summary>The request and the entities after the change.</summary>
    public abstract (Request Request, Entities Entities) Apply(Request request, Entities entities);
}

/// <summary>An attribute of the context or of an entity has another value.</summary>
/// <param name="Entity">The entity; absent for the context.</param>
/// <param name="Path">The attribute, from the outermost record to the innermost.</param>
/// <param name="Before">The value it had; absent when it had none.</param>
/// <param name="After">The value it needs; absent when it has to go.</param>
public sealed record SetAttribute(EntityUid? Entity, IReadOnlyList<string> Path, Value? Before, Value? After, string Because)
    : Remedy(Because)
{
    public override (Request Request, Entities Entities) Apply(Request request, Entities entities)
    {
        if (Entity is null)
            return (request with { Context = Change(request.Context, 0) }, entities);
        var entity = entities.Find(Entity) ?? throw new ArgumentException($"entity `{Entity}` does not exist");
        return (request, entities.With(entity with { Attributes = Change(entity.Attributes, 0) }));
    }

    public override string ToString() =>
        $"{(Entity is null ? "context" : Entity)}.{string.Join('.', Path)} {(After is null ? "absent" : $"= {After}")}{(Before is null ? "" : $" instead of {Before}")}";

    private RecordValue Change(RecordValue record, int level) =>
        record.With(
            Path[level],
            level == Path.Count - 1 ? After : Change(record.Find(Path[level]) as RecordValue ?? RecordValue.Empty, level + 1)
        );
}

/// <summary>An entity becomes a member of another, for example a user of a role.</summary>
public sealed record AddParent(EntityUid Entity, EntityUid Parent, string Because) : Remedy(Because)
{
    public override (Request Request, Entities Entities) Apply(Request request, Entities entities)
    {
        var entity = entities.Find(Entity) ?? new(Entity, RecordValue.Empty, []);
        return (request, new(entities.All.Where(e => e.Uid != Entity).Append(entity with { Parents = [.. entity.Parents, Parent] })));
    }

    public override string ToString() => $"{Entity} in {Parent}";
}

/// <summary>Why a request was decided as it was, and what would change that.</summary>
/// <param name="Findings">What stood against it. None when it was accepted.</param>
/// <param name="Remedies">Single changes, each of which makes it accepted. None when it was accepted already, or none was found: not every way can be computed.</param>
public sealed record Explanation(Evaluation Evaluation, IReadOnlyList<Finding> Findings, IReadOnlyList<Remedy> Remedies);

/// <summary>Works backwards from what a request lacks to what it would need.</summary>
internal sealed class Explainer(PolicySet policies, Request request, Entities entities, Func<Evaluation, bool> accepted)
{
    // Each candidate costs a decision; a request that fails in more ways than this is not one change away.
    private const int MaxCandidates = 256;

    private readonly Env env = new(request, entities);
    private readonly List<Remedy> candidates = [];

    public Explanation Explain()
    {
        var evaluation = policies.Evaluate(request, entities);
        if (accepted(evaluation))
            return new(evaluation, [], []);

        var findings = new List<Finding>();
        foreach (var policy in policies.Policies)
        {
            if (!policy.InScope(env))
            {
                if (policy.Effect is Effect.Permit)
                    Join(policy);
                continue;
            }

            var permit = policy.Effect is Effect.Permit;
            var applies = policy.Test(env);
            if (permit ? applies is Truth.True : applies is Truth.False)
                continue;

            foreach (var condition in policy.Conditions)
            {
                var wanted = permit != condition.Unless;
                Find(policy, condition.Body, wanted, findings);
                Solve(condition.Body, wanted);
            }
        }

        return new(evaluation, findings, [.. candidates.DistinctBy(r => r.ToString()).Where(Helps)]);
    }

    private bool Helps(Remedy remedy)
    {
        try
        {
            var (changed, others) = remedy.Apply(request, entities);
            return accepted(policies.Evaluate(changed, others));
        }
        catch (ArgumentException)
        {
            // A membership that would make an entity its own ancestor.
            return false;
        }
    }

    private void Find(Policy policy, Expr expr, bool wanted, List<Finding> findings)
    {
        switch (expr)
        {
            case HasPath has:
                Find(policy, has.Tests, wanted, findings);
                return;
            case Not not:
                Find(policy, not.Operand, !wanted, findings);
                return;
            case And when wanted:
            case Or when !wanted:
                var decided = false;
                foreach (var operand in expr.Children)
                {
                    // Behind a condition that decided, one that can't be evaluated was guarded by it.
                    var truth = operand.Test(env);
                    if (truth == Of(wanted) || (truth is Truth.Failed && decided))
                        continue;
                    decided = true;
                    Find(policy, operand, wanted, findings);
                }

                return;
        }

        var outcome = expr.Test(env);
        if (outcome == Of(wanted))
            return;
        findings.Add(
            new(policy, Printer.Of(expr), wanted, [.. Looks(expr).DistinctBy(s => s.Text)], outcome is Truth.Failed ? env.Problem : null)
        );
    }

    private static Truth Of(bool value) => value ? Truth.True : Truth.False;

    private IEnumerable<Seen> Looks(Expr expr) =>
        expr switch
        {
            VariableExpr or GetAttribute => [new(Printer.Of(expr), expr.Evaluate(env))],
            HasAttribute { Parts: var (target, name) } =>
            [
                new(Printer.Of(new GetAttribute(target, name)), new GetAttribute(target, name).Evaluate(env)),
            ],
            Call { Parts: ("getTag" or "hasTag", _) and var (_, arguments) } =>
            [
                new(Printer.Of(new Call("getTag", arguments)), new Call("getTag", arguments).Evaluate(env)),
            ],
            _ => expr.Children.SelectMany(Looks),
        };

    /// <summary>The memberships without which the head of a permit does not match.</summary>
    private void Join(Policy policy)
    {
        var (principal, action, resource) = (policy.Scope[0], policy.Scope[1], policy.Scope[2]);
        if (!action.Matches(request.Action, entities.Ancestors(request.Action)))
            return;

        var member = principal.Matches(request.Principal, entities.Ancestors(request.Principal));
        if (resource.Matches(request.Resource, entities.Ancestors(request.Resource)))
            Below(principal, request.Principal);
        else if (member)
            Below(resource, request.Resource);

        void Below(Scope scope, EntityUid uid)
        {
            if (scope.Kind is ScopeKind.In || (scope.Kind is ScopeKind.IsIn && scope.Type == uid.Type))
                Offer(new AddParent(uid, scope.Entities[0], $"{scope.Word} in {scope.Entities[0]}"));
        }
    }

    private void Offer(Remedy remedy)
    {
        if (candidates.Count < MaxCandidates)
            candidates.Add(remedy);
    }

    /// <summary>Offers what would make the expression true, or false.</summary>
    private void Solve(Expr expr, bool wanted)
    {
        switch (expr)
        {
            case And or Or or If:
                foreach (var child in expr.Children)
                    Solve(child, wanted);
                if (expr is If { Parts.Test: var test })
                    Solve(test, !wanted);
                break;
            case HasPath has:
                Solve(has.Tests, wanted);
                break;
            case Not not:
                Solve(not.Operand, !wanted);
                break;
            case Equality { Parts: var (negated, left, right) }:
                if (right.Evaluate(env) is { } r)
                    Relate(left, negated == wanted ? "!=" : "==", r, expr);
                if (left.Evaluate(env) is { } l)
                    Relate(right, negated == wanted ? "!=" : "==", l, expr);
                break;
            case Comparison { Parts: var (op, left, right) }:
                var needed = wanted ? op : Opposite(op);
                if (right.Evaluate(env) is { } above)
                    Relate(left, needed, above, expr);
                if (left.Evaluate(env) is { } below)
                    Relate(right, Mirrored(needed), below, expr);
                break;
            case In { Parts: var (left, right) } when wanted:
                Enter(left, right, expr);
                break;
            case Is { Inside: { Parts: var (left, right) } } when wanted:
                Enter(left, right, expr);
                break;
            case GetAttribute:
                Put(expr, Value.Of(wanted), expr);
                break;
            case HasAttribute { Parts: var (target, name) } when !wanted:
                Put(new GetAttribute(target, name), null, expr);
                break;
            case Call { Parts: (var name, { Count: 2 } arguments) }:
                Elements(name, arguments[0], arguments[1], wanted, expr);
                break;
        }
    }

    private void Enter(Expr left, Expr right, Expr because)
    {
        if (left.Evaluate(env) is not EntityUid uid || uid == request.Action)
            return;
        IEnumerable<Value> groups = right.Evaluate(env) switch
        {
            EntityUid one => [one],
            SetValue set => set.Items,
            _ => [],
        };
        foreach (var group in groups.OfType<EntityUid>())
            Offer(new AddParent(uid, group, Printer.Of(because)));
    }

    private void Elements(string name, Expr set, Expr other, bool wanted, Expr because)
    {
        var (all, it) = (set.Evaluate(env) as SetValue, other.Evaluate(env));
        switch (name, it)
        {
            case ("contains", not null) when all is not null || wanted:
                Put(set, new SetValue(wanted ? [.. all?.Items ?? (IEnumerable<Value>)[], it] : all!.Items.Where(i => i != it)), because);
                break;
            case ("containsAll", SetValue needed) when wanted:
                Put(set, new SetValue([.. all?.Items ?? (IEnumerable<Value>)[], .. needed.Items]), because);
                break;
            case ("containsAny", SetValue needed) when wanted:
                foreach (var one in needed.Items)
                    Put(set, new SetValue([.. all?.Items ?? (IEnumerable<Value>)[], one]), because);
                break;
            case ("containsAny", SetValue unwanted) when all is not null:
                Put(set, new SetValue(all.Items.Where(i => !unwanted.Contains(i))), because);
                break;
        }

        if (name == "contains" && wanted && all is not null)
            foreach (var element in all.Items)
                Put(other, element, because);
        if (OfDecimals(name) is { } op)
        {
            if (it is DecimalValue right)
                Relate(set, wanted ? op : Opposite(op), right, because);
            if (set.Evaluate(env) is DecimalValue left)
                Relate(other, Mirrored(wanted ? op : Opposite(op)), left, because);
        }
    }

    private static string? OfDecimals(string method) =>
        method switch
        {
            "lessThan" => "<",
            "lessThanOrEqual" => "<=",
            "greaterThan" => ">",
            "greaterThanOrEqual" => ">=",
            _ => null,
        };

    private static string Opposite(string op) =>
        op switch
        {
            "<" => ">=",
            "<=" => ">",
            ">" => "<=",
            ">=" => "<",
            "==" => "!=",
            _ => "==",
        };

    private static string Mirrored(string op) =>
        op switch
        {
            "<" => ">",
            "<=" => ">=",
            ">" => "<",
            ">=" => "<=",
            _ => op,
        };

    /// <summary>Offers a value of the expression that stands in the relation to the given one; sums and differences are undone on the way to an attribute.</summary>
    private void Relate(Expr expr, string op, Value value, Expr because)
    {
        switch (expr)
        {
            case Arithmetic { Parts: ('+', var left, var right) } when value is LongValue { Raw: var sum }:
                if (right.TryLong(env, out var r))
                    Relate(left, op, (Int128)sum - r, because);
                if (left.TryLong(env, out var l))
                    Relate(right, op, (Int128)sum - l, because);
                break;
            case Arithmetic { Parts: ('-', var left, var right) } when value is LongValue { Raw: var difference }:
                if (right.TryLong(env, out var less))
                    Relate(left, op, (Int128)difference + less, because);
                if (left.TryLong(env, out var from))
                    Relate(right, Mirrored(op), (Int128)from - difference, because);
                break;
            case Negate { Operand: var operand } when value is LongValue { Raw: var negative }:
                Relate(operand, Mirrored(op), -(Int128)negative, because);
                break;
            case GetAttribute:
                if (Near(op, value) is { } near)
                    Put(expr, near, because);
                break;
        }
    }

    private void Relate(Expr expr, string op, Int128 value, Expr because)
    {
        if (value >= long.MinValue && value <= long.MaxValue)
            Relate(expr, op, Value.Of((long)value), because);
    }

    /// <summary>The value nearest to the given one that stands in the relation to it.</summary>
    private static Value? Near(string op, Value value)
    {
        if (op is "==" or "<=" or ">=")
            return value;
        var step = op is "<" ? -1 : 1;
        return value switch
        {
            BoolValue b when op is "!=" => Value.Of(!b.Raw),
            StringValue s when op is "!=" => Value.Of(s.Raw.Length == 0 ? "-" : ""),
            LongValue l => Next(l.Raw) is { } n ? Value.Of(n) : null,
            DecimalValue d => Next(d.Scaled) is { } n ? new DecimalValue(n) : null,
            DatetimeValue t => Next(t.Millis) is { } n ? new DatetimeValue(n) : null,
            DurationValue t => Next(t.Millis) is { } n ? new DurationValue(n) : null,
            _ => null,
        };

        long? Next(long number) => number == (step < 0 ? long.MinValue : long.MaxValue) ? null : number + step;
    }

    private void Put(Expr attribute, Value? value, Expr because)
    {
        if (attribute is GetAttribute && Place(attribute) is var (entity, path) && path.Length > 0)
            Offer(new SetAttribute(entity, path, attribute.Evaluate(env), value, Printer.Of(because)));
    }

    /// <summary>Whose attribute an expression reads: of an entity that is there, or (null) of the context.</summary>
    private (EntityUid? Entity, string[] Path)? Place(Expr expr)
    {
        if (expr is VariableExpr { Variable: Variable.Context })
            return (null, []);
        if (expr.Evaluate(env) is EntityUid uid && expr is VariableExpr or Literal)
            return entities.Find(uid) is null ? null : (uid, []);
        if (expr is not GetAttribute { Parts: var (target, name) })
            return null;

        return target.Evaluate(env) switch
        {
            EntityUid owner => entities.Find(owner) is null || owner == request.Action ? null : (owner, [name]),
            RecordValue when Place(target) is var (entity, path) => (entity, [.. path, name]),
            _ => null,
        };
    }
}
