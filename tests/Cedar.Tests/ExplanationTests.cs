namespace Mumega.Cedar.Tests;

public sealed class ExplanationTests
{
    private static readonly EntityUid Ada = new("User", "ada"),
        Pay = new("Action", "pay"),
        Till = new("Till", "1");

    private static readonly Entities Store = new([
        new(Ada, Record(("limit", Value.Of(100)), ("suspended", Value.Of(false)), ("tags", Value.SetOf(["a"]))), []),
        new(Till, Record(("owner", Ada), ("open", Value.Of(false))), []),
        new(new("Role", "cashier"), RecordValue.Empty, [new("Role", "staff")]),
    ]);

    private static RecordValue Record(params (string Name, Value Value)[] fields) => new(fields.ToDictionary(f => f.Name, f => f.Value));

    private static Explanation Explain(string policies, RecordValue? context = null) =>
        PolicySet
            .Parse(policies)
            .Explain(new(Ada, Pay, Till, context ?? Record(("amount", Value.Of(250)), ("input", Record(("to", Value.Of("x")))))), Store);

    [Theory]
    [InlineData(
        "permit(principal, action, resource) when { context.amount <= principal.limit };",
        "context.amount = 100 instead of 250",
        "User::\"ada\".limit = 250 instead of 100"
    )]
    [InlineData("permit(principal, action, resource) when { context.amount + 10 < 100 };", "context.amount = 89 instead of 250")]
    [InlineData(
        "permit(principal, action, resource) when { principal.limit - context.amount >= 0 };",
        "User::\"ada\".limit = 250 instead of 100",
        "context.amount = 100 instead of 250"
    )]
    [InlineData("permit(principal, action, resource) when { -context.amount > -9 };", "context.amount = 8 instead of 250")]
    [InlineData("permit(principal, action, resource) when { context.input.to == \"y\" };", "context.input.to = \"y\" instead of \"x\"")]
    [InlineData(
        "permit(principal, action, resource) when { context.input has note && context.input.note == \"n\" };",
        "context.input.note = \"n\""
    )]
    [InlineData("permit(principal, action, resource) when { resource.open };", "Till::\"1\".open = true instead of false")]
    [InlineData(
        "permit(principal, action, resource) when { principal.tags.contains(\"b\") };",
        "User::\"ada\".tags = [\"a\", \"b\"] instead of [\"a\"]"
    )]
    [InlineData(
        "permit(principal, action, resource) when { [\"y\"].contains(context.input.to) };",
        "context.input.to = \"y\" instead of \"x\""
    )]
    [InlineData("permit(principal in Role::\"cashier\", action, resource);", "User::\"ada\" in Role::\"cashier\"")]
    [InlineData(
        "permit(principal is User in Role::\"cashier\", action == Action::\"pay\", resource is Till);",
        "User::\"ada\" in Role::\"cashier\""
    )]
    [InlineData("permit(principal, action, resource) when { resource.owner in [Role::\"staff\"] };", "User::\"ada\" in Role::\"staff\"")]
    [InlineData(
        "permit(principal, action, resource); forbid(principal, action, resource) when { context.amount > 200 };",
        "context.amount = 200 instead of 250"
    )]
    [InlineData("permit(principal, action, resource); forbid(principal, action, resource) unless { context has approved };")]
    [InlineData(
        "permit(principal, action, resource); forbid(principal, action, resource) when { context.input has to };",
        "context.input.to absent instead of \"x\""
    )]
    [InlineData("permit(principal, action, resource) when { context.amount < 10 && resource.open };")]
    [InlineData("permit(principal, action == Action::\"sing\", resource);")]
    [InlineData(
        "permit(principal, action, resource) when { context.amount < 10 }; forbid(principal, action, resource) when { context.amount < 20 };"
    )]
    public void Single_changes_that_would_do_are_offered(string policies, params string[] remedies) =>
        Assert.Equal(
            remedies.Order(StringComparer.Ordinal),
            Explain(policies).Remedies.Select(r => r.ToString()!).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void What_stood_against_it_is_said_with_the_values_seen()
    {
        var findings = Explain(
            """
            @id("small") permit(principal, action, resource) when { principal.limit > 5 && context.amount <= principal.limit && context.nothing.at == 1 } unless { principal.suspended };
            @id("broken") permit(principal, action, resource) when { context.missing > 3 };
            @id("no") forbid(principal, action, resource) when { context.amount > 200 || resource.open };
            @id("else") permit(principal == User::"bob", action, resource) when { context.amount == 1 };
            """
        ).Findings;
        Assert.Equal(
            [
                "small: context.amount <= principal.limit should be True [context.amount 250, principal.limit 100]",
                "broken: context.missing > 3 should be True [context.missing ] record does not have the attribute `missing`",
                "no: context.amount > 200 should be False [context.amount 250]",
            ],
            findings.Select(f =>
                $"{f.Policy.Id}: {f.Text} should be {f.Wanted} [{string.Join(", ", f.Seen.Select(s => $"{s.Text} {s.Value}"))}]{(f.Problem is null ? "" : $" {f.Problem}")}"
            )
        );
    }

    [Fact]
    public void What_is_allowed_needs_no_remedy()
    {
        var explained = Explain("permit(principal, action, resource);");
        Assert.True(explained.Evaluation.Allowed);
        Assert.Empty(explained.Findings);
        Assert.Empty(explained.Remedies);
    }

    /// <summary>Each remedy is applied here by other means, and the request asked again of each policy alone.</summary>
    [Fact]
    public void Every_remedy_offered_turns_the_decision()
    {
        var generator = new Generator(17);
        var entities = CedarJson.Entities(Generator.Entities);
        var offered = new Dictionary<Type, int>();
        foreach (var question in Enumerable.Range(0, 20_000).Select(_ => generator.Question()))
        {
            if (question.Parsed is not { } policies)
                continue;

            var explained = policies.Explain(question.Request, entities);
            Assert.Equal(policies.Evaluate(question.Request, entities).Allowed, explained.Evaluation.Allowed);
            foreach (var remedy in explained.Remedies)
            {
                Assert.False(explained.Evaluation.Allowed);
                offered[remedy.GetType()] = offered.GetValueOrDefault(remedy.GetType()) + 1;
                var (request, changed) = Apply(remedy, question.Request, entities);
                var each = policies.Policies.Select(p => PolicySet.Parse(p.Text).Evaluate(request, changed)).ToList();
                Assert.True(each.Any(e => e.Permits.Count > 0) && each.All(e => e.Forbids.Count == 0), $"{remedy}\n{question.Json()}");
            }
        }

        Assert.InRange(offered[typeof(SetAttribute)], 100, int.MaxValue);
        Assert.InRange(offered[typeof(AddParent)], 100, int.MaxValue);
    }

    private static (Request Request, Entities Entities) Apply(Remedy remedy, Request request, Entities entities) =>
        remedy switch
        {
            SetAttribute { Entity: null } set => (request with { Context = Set(request.Context, [.. set.Path], set.After) }, entities),
            SetAttribute set => (
                request,
                Changed(entities, set.Entity, e => e with { Attributes = Set(e.Attributes, [.. set.Path], set.After) })
            ),
            AddParent add => (request, Changed(entities, add.Entity, e => e with { Parents = [.. e.Parents, add.Parent] })),
            _ => throw new InvalidOperationException(),
        };

    private static Entities Changed(Entities entities, EntityUid uid, Func<Entity, Entity> change) =>
        new([.. entities.All.Where(e => e.Uid != uid), change(entities.Find(uid) ?? new(uid, RecordValue.Empty, []))]);

    private static RecordValue Set(RecordValue record, string[] path, Value? value)
    {
        var fields = record.Fields.ToDictionary();
        var name = path[0];
        if (path.Length > 1)
            fields[name] = Set((RecordValue)fields[name], path[1..], value);
        else if (value is null)
            fields.Remove(name);
        else
            fields[name] = value;
        return new(fields);
    }
}
