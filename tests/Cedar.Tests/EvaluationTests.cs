namespace Mumega.Cedar.Tests;

public sealed class EvaluationTests
{
    private static readonly EntityUid Ada = new("App::User", "ada");
    private static readonly EntityUid Admins = new("App::Role", "admins");
    private static readonly EntityUid Read = new("App::Action", "read");
    private static readonly EntityUid Doc = new("App::Doc", "1");

    private static readonly Entities Store = new([
        new(Ada, Record(("age", Value.Of(36)), ("name", Value.Of("Ada")), ("tags", Value.SetOf(["a", "b"]))), [Admins])
        {
            Tags = Record(("team", Value.Of("red"))),
        },
        new(Doc, Record(("owner", Ada)), []),
    ]);

    private static RecordValue Record(params (string Name, Value Value)[] fields) => new(fields.ToDictionary(f => f.Name, f => f.Value));

    private static Evaluation Ask(string policies, RecordValue? context = null) =>
        PolicySet.Parse(policies).Evaluate(new(Ada, Read, Doc, context ?? RecordValue.Empty), Store);

    [Theory]
    [InlineData("1 + 2 * 3 == 7")]
    [InlineData("(1 + 2) * 3 == 9")]
    [InlineData("-9223372036854775808 < 0")]
    [InlineData("principal in App::Role::\"admins\"")]
    [InlineData("principal is App::User in App::Role::\"admins\"")]
    [InlineData("principal has age && principal.age >= 36")]
    [InlineData("!(principal has height)")]
    [InlineData("principal[\"name\"] like \"A*a\"")]
    [InlineData("\"a*b\" like \"a\\*b\" && !(\"axb\" like \"a\\*b\")")]
    [InlineData("principal.tags.containsAll([\"a\"]) && principal.tags.containsAny([\"z\", \"b\"]) && !principal.tags.contains(\"z\")")]
    [InlineData("[1, 2] == [2, 1, 1] && [].isEmpty()")]
    [InlineData("{a: 1, \"b c\": 2}.a == 1 && {a: 1} == {\"a\": 1}")]
    [InlineData("if principal.age > 30 then true else 1 / 0 == 1", false)]
    [InlineData("if principal.age > 30 then true else principal.height == 1")]
    [InlineData("true || principal.height == 1")]
    [InlineData("resource.owner == principal && resource.owner.name == \"Ada\"")]
    [InlineData("principal.hasTag(\"team\") && principal.getTag(\"team\") == \"red\" && !principal.hasTag(\"x\")")]
    [InlineData("ip(\"10.1.2.3\").isInRange(ip(\"10.0.0.0/8\")) && ip(\"::1\").isLoopback() && ip(\"1.2.3.4\").isIpv4()")]
    [InlineData("decimal(\"1.50\") == decimal(\"1.5\") && decimal(\"-0.1\").lessThan(decimal(\"0.0\"))")]
    [InlineData(
        "datetime(\"2026-11-23\") < datetime(\"2026-11-23T00:00:00.001Z\") && datetime(\"2026-11-23T01:00:00+0100\") == datetime(\"2026-11-23\")"
    )]
    [InlineData(
        "duration(\"1d2h3m4s5ms\").toMilliseconds() == 93784005 && datetime(\"2026-11-23\").offset(duration(\"1h\")).toTime() == duration(\"60m\")"
    )]
    [InlineData("context has user.id && context.user.id == 7")]
    [InlineData("\"\\u{1F600}\" != \"\\x41\"")]
    public void An_expression_evaluates_as_the_specification_says(string expression, bool parses = true)
    {
        var text = $"permit (principal, action, resource) when {{ {expression} }};";
        if (!parses)
        {
            Assert.Throws<CedarSyntaxException>(() => PolicySet.Parse(text));
            return;
        }

        var answer = Ask(text, Record(("user", Record(("id", Value.Of(7))))));
        Assert.Empty(answer.Errors.Select(e => e.Message));
        Assert.True(answer.Allowed);
    }

    [Theory]
    [InlineData("9223372036854775807 + 1 > 0", "overflow")]
    [InlineData("-principal.age == \"x\" || principal.name < 3", "long")]
    [InlineData("principal.height == 1", "does not have the attribute")]
    [InlineData("1 && true", "expected bool")]
    [InlineData("App::User::\"nobody\".age == 1", "does not exist")]
    [InlineData("ip(\"300.1.1.1\").isIpv4()", "not a well-formed IP")]
    [InlineData("decimal(\"1.23456\") == decimal(\"1.0\")", "not a well-formed decimal")]
    [InlineData("datetime(\"2026-02-30\") == datetime(\"2026-03-02\")", "does not exist")]
    public void A_policy_that_errs_is_skipped_and_reported(string expression, string message)
    {
        var answer = Ask($"permit (principal, action, resource); forbid (principal, action, resource) when {{ {expression} }};");
        Assert.Contains(message, Assert.Single(answer.Errors).Message, StringComparison.Ordinal);
        Assert.True(answer.Allowed);
    }

    [Fact]
    public void Nothing_is_allowed_by_default_and_a_forbid_wins()
    {
        Assert.False(Ask("").Allowed);
        Assert.False(Ask("permit (principal == App::User::\"bob\", action, resource);").Allowed);
        var answer = Ask(
            "@id(\"yes\") permit (principal, action, resource); @id(\"no\") forbid (principal, action in [App::Action::\"read\"], resource is App::Doc) unless { principal.age > 40 };"
        );
        Assert.False(answer.Allowed);
        Assert.Equal(["no"], answer.Determining.Select(p => p.Id));
    }

    [Theory]
    [InlineData("permit (principal, action, resource)", 1, 37, "expected `;`")]
    [InlineData("permit (principal, action);", 1, 26, "expected `,`")]
    [InlineData("allow (principal, action, resource);", 1, 1, "expected `permit` or `forbid`")]
    [InlineData("permit (principal, action, resource)\nwhen { principal.frob() };", 2, 18, "no method `frob`")]
    [InlineData("permit (principal, action, resource) when { 9223372036854775808 == 1 };", 1, 45, "out of range")]
    [InlineData("permit (principal, action, resource) when { \"open };", 1, 45, "not closed")]
    [InlineData("@a @a permit (principal, action, resource);", 1, 5, "duplicate annotation")]
    [InlineData("permit (principal, action == User::\"x\", resource);", 1, 30, "not an action")]
    [InlineData("permit (principal, action, resource) when { {a: 1, a: 2} == 1 };", 1, 52, "duplicate key")]
    public void Text_that_is_not_Cedar_is_refused_with_its_place(string text, int line, int column, string message)
    {
        var error = Assert.Throws<CedarSyntaxException>(() => PolicySet.Parse(text)).Diagnostic;
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal((line, column), (error.Line, error.Column));
    }

    [Fact]
    public void An_entity_that_is_its_own_ancestor_is_refused()
    {
        EntityUid a = new("T", "a"),
            b = new("T", "b");
        Assert.Throws<ArgumentException>(() => new Entities([new(a, RecordValue.Empty, [b]), new(b, RecordValue.Empty, [a])]));
        Assert.Throws<ArgumentException>(() => new Entities([new(a, RecordValue.Empty, []), new(a, RecordValue.Empty, [])]));
    }
}
