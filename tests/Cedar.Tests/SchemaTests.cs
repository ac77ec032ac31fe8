using System.Diagnostics;
using System.Text;

namespace Mumega.Cedar.Tests;

public sealed class SchemaTests
{
    private const string Text = """
        namespace App {
          type Address = { zip: String, street?: String };
          entity Team;
          entity User in [Team] { name: String, age?: Long, home: Address, tagsOf: Set<String> } tags Long;
          entity Color enum ["red", "blue"];
          entity Doc { owner: User, color: Color, price: decimal };
          action any;
          action read, "write it" in [any] appliesTo { principal: User, resource: [Doc], context: { ip: ipaddr, note?: String } };
        }
        """;

    private static readonly Schema App = Schema.Parse(Text);

    private static IReadOnlyList<string> Check(
        string condition,
        ValidationMode mode = ValidationMode.Strict,
        string scope = "principal, action, resource"
    ) => [.. new Validator(App).Validate(PolicySet.Parse($"permit({scope}) when {{ {condition} }};"), mode).Select(e => e.Message)];

    [Theory]
    [InlineData("principal.name == \"Ada\" && principal.home.zip like \"1*\"")]
    [InlineData("principal has age && principal.age > 3")]
    [InlineData("principal.home has street && principal.home.street == \"x\"")]
    [InlineData("principal.hasTag(\"a\") && principal.getTag(\"a\") > 1")]
    [InlineData("resource.owner == principal || resource.color == App::Color::\"red\"")]
    [InlineData("action == App::Action::\"read\" && context.ip.isInRange(ip(\"10.0.0.0/8\"))")]
    [InlineData("principal in App::Team::\"a\" && resource.price.lessThan(decimal(\"1.0\"))")]
    [InlineData("if context has note then context.note == \"x\" else true")]
    [InlineData("false && principal.whatever")]
    public void A_policy_that_cannot_fail_is_valid(string condition) => Assert.Empty(Check(condition));

    [Theory]
    [InlineData("principal.nam == \"Ada\"", "attribute `nam` on entity type `App::User` not found; did you mean `name`?")]
    [InlineData("principal.age > 3", "unable to guarantee safety of access to optional attribute `age`")]
    [InlineData("principal.getTag(\"a\") > 1", "unable to guarantee safety of access to tag")]
    [InlineData("principal.name > 3", "expected Long, datetime or duration but saw String")]
    [InlineData("principal.name == 3", "the types String and Long are not compatible")]
    [InlineData("[].contains(1)", "empty set literals are forbidden")]
    [InlineData("context.ip == ip(\"x\")", "error during extension function argument validation")]
    [InlineData("context.ip == ip(principal.name)", "extension constructors may not be called with non-literal expressions")]
    [InlineData("principal is App::Usr", "unrecognized entity type `App::Usr`; did you mean `App::User`?")]
    [InlineData("action == App::Action::\"reed\"", "unrecognized action `App::Action::\"reed\"`; did you mean")]
    [InlineData("resource.color == App::Color::\"green\"", "is not one of the ids of the enumerated type")]
    [InlineData("principal.name", "expected Bool but saw String")]
    public void A_policy_that_could_fail_is_not_valid_and_the_message_says_why(string condition, string problem) =>
        Assert.Contains(problem, Assert.Single(Check(condition)), StringComparison.Ordinal);

    [Fact]
    public void A_mistake_has_its_place()
    {
        var policies = PolicySet.Parse(
            "permit(principal, action, resource);\n@id(\"two\")\npermit(principal == App::Usr::\"a\", action, resource);\nforbid(principal, action, resource)\nunless { true &&\n  principal.home.zap == \"1\" };"
        );
        Assert.Equal(
            [
                "two 3:21: unrecognized entity type `App::Usr`; did you mean `App::User`?",
                "policy2 6:18: attribute `zap` in the record not found; did you mean `zip`?",
            ],
            new Validator(App).Validate(policies).Select(e => $"{e.Policy.Id} {e}")
        );
    }

    /// <summary>The official engine says the same of templates.</summary>
    [Fact]
    public async Task Templates_are_valid_or_not_as_the_official_engine_says()
    {
        string[] heads =
        [
            "principal == ?principal, action, resource",
            "principal in ?principal, action, resource",
            "principal is App::User in ?principal, action, resource",
            "principal is App::Doc in ?principal, action, resource",
            "principal, action, resource == ?resource",
            "principal, action, resource is App::Doc in ?resource",
            "principal, action, resource is App::Nope in ?resource",
            "principal == ?principal, action == App::Action::\"read\", resource in ?resource",
            "principal == ?principal, action == App::Action::\"any\", resource",
        ];
        string[] conditions =
        [
            "",
            " when { principal.name == \"a\" }",
            " when { principal.nope }",
            " when { resource.owner == principal && context.ip.isIpv4() }",
            " unless { principal.age > 1 }",
        ];
        var texts = heads.SelectMany(h => conditions.Select(c => $"permit({h}){c};")).ToList();
        var answers = await Oracle.AskAsync(
            "templates",
            [System.Text.Json.JsonSerializer.Serialize(Text), .. texts.Select(t => System.Text.Json.JsonSerializer.Serialize(t))]
        );
        Assert.All(
            texts.Zip(answers),
            pair =>
            {
                var errors = new Validator(App).Validate(PolicySet.Parse(pair.First));
                Assert.True(
                    (pair.Second == "true") == (errors.Count == 0),
                    $"{pair.First}\nours {string.Join("; ", errors)}\ntheirs {pair.Second}"
                );
            }
        );
        Assert.Contains("true", answers);
        Assert.Contains("false", answers);
    }

    [Fact]
    public void Permissive_mode_lets_types_meet_that_cannot_fail() =>
        Assert.Empty(Check("principal.name == 3 || [].contains(1)", ValidationMode.Permissive));

    [Fact]
    public void A_scope_that_no_request_can_match_is_not_valid() =>
        Assert.Contains(
            "unable to find an applicable action",
            Assert.Single(Check("true", scope: "principal is App::Doc, action, resource")),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("entity A in [B];", "1:14: there is no entity type `B`")]
    [InlineData("entity User; entity A in [Usr];", "did you mean `User`?")]
    [InlineData("entity A; entity A;", "the entity type `A` is declared twice")]
    [InlineData("entity A { x: Sting };", "there is no type `Sting`; did you mean `String`?")]
    [InlineData("type T = { t: T };", "declared by means of itself")]
    [InlineData("entity A { x: Long, x: String };", "the attribute `x` is declared twice")]
    [InlineData("action a in [b];", "there is no action `Action::\"b\"`")]
    [InlineData("action a in [b]; action b in [a];", "is a member of itself")]
    [InlineData("action a appliesTo { principal: A };", "at least one principal type and one resource type")]
    [InlineData("entity A", "expected `;`, found the end of the text")]
    [InlineData("entity A enum [];", "needs at least one id")]
    public void A_schema_that_does_not_hold_together_is_refused_with_its_place(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<CedarSyntaxException>(() => Schema.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(
        """{"uid":{"type":"App::User","id":"a"},"attrs":{"name":"A","home":{"zip":"1"},"tagsOf":["x"]},"parents":[{"type":"App::Team","id":"t"}],"tags":{"k":1}}""",
        null
    )]
    [InlineData(
        """{"uid":{"type":"App::Doc","id":"1"},"attrs":{"owner":{"type":"App::User","id":"a"},"color":{"type":"App::Color","id":"red"},"price":"1.5"}}""",
        null
    )]
    [InlineData("""{"uid":{"type":"App::User","id":"a"},"attrs":{"home":{"zip":"1"},"tagsOf":[]}}""", "lacks the attribute `name`")]
    [InlineData(
        """{"uid":{"type":"App::User","id":"a"},"attrs":{"name":1,"home":{"zip":"1"},"tagsOf":[]}}""",
        "is 1, not of the type String"
    )]
    [InlineData(
        """{"uid":{"type":"App::User","id":"a"},"attrs":{"name":"A","home":{"zip":"1","stret":"x"},"tagsOf":[]}}""",
        "did you mean `street`?"
    )]
    [InlineData("""{"uid":{"type":"App::User","id":"a"},"attrs":{"name":"A","home":{"zip":"1"},"tagsOf":[1]}}""", "an element of")]
    [InlineData(
        """{"uid":{"type":"App::Doc","id":"1"},"attrs":{"owner":{"type":"App::User","id":"a"},"color":{"type":"App::Color","id":"green"},"price":"1.5"}}""",
        "is not one of the ids"
    )]
    [InlineData(
        """{"uid":{"type":"App::Team","id":"t"},"attrs":{},"parents":[{"type":"App::User","id":"a"}]}""",
        "may not have the parent"
    )]
    [InlineData("""{"uid":{"type":"App::Team","id":"t"},"attrs":{},"tags":{"a":1}}""", "entities of its type have none")]
    [InlineData("""{"uid":{"type":"App::Tem","id":"t"}}""", "unrecognized entity type `App::Tem`; did you mean `App::Team`?")]
    public void Entities_are_held_against_the_schema(string json, string? problem)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        var found = new DataValidator(App).Validate(CedarJson.Entity(document.RootElement, App));
        if (problem is null)
            Assert.Empty(found);
        else
            Assert.Contains(problem, Assert.Single(found), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("App::User", "read", "App::Doc", """{"ip":"10.0.0.1"}""", null)]
    [InlineData("App::User", "read", "App::Doc", "{}", "the context lacks the attribute `ip`")]
    [InlineData("App::User", "read", "App::Doc", """{"ip":"10.0.0.1","not":"x"}""", "did you mean `note`?")]
    [InlineData("App::Team", "read", "App::Doc", """{"ip":"10.0.0.1"}""", "may not be the principal")]
    [InlineData("App::User", "read", "App::Team", """{"ip":"10.0.0.1"}""", "may not be the resource")]
    [InlineData("App::User", "rea", "App::Doc", "{}", "unrecognized action")]
    public void Requests_are_held_against_the_schema(string principal, string action, string resource, string context, string? problem)
    {
        var uid = new EntityUid("App::Action", action);
        using var json = System.Text.Json.JsonDocument.Parse(context);
        var found = new DataValidator(App).Validate(
            new Request(
                new(principal, "a"),
                uid,
                new(resource, "1"),
                CedarJson.Record(json.RootElement, type: App.Actions.GetValueOrDefault(uid)?.Context)
            )
        );
        if (problem is null)
            Assert.Empty(found);
        else
            Assert.Contains(problem, Assert.Single(found), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"uid":{"type":"A","id":"1"}},{"uid":{"type":"A","id":"1"}}]""", "duplicate entity")]
    [InlineData(
        """[{"uid":{"type":"A","id":"1"},"parents":[{"type":"A","id":"2"}]},{"uid":{"type":"A","id":"2"},"parents":[{"type":"A","id":"1"}]}]""",
        "its own ancestor"
    )]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":1,"a":2}}]""", "a")]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":1.5}}]""", "$[0].attrs.a: 1.5 is not a 64-bit integer")]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":9223372036854775808}}]""", "is not a 64-bit integer")]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":null}}]""", "Cedar has no null")]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":{"__extn":{"fn":"nope","arg":"1"}}}}]""", "not an extension function")]
    [InlineData("""[{"uid":{"type":"A","id":"1"},"attrs":{"a":{"__extn":{"fn":"ip","arg":"1"}}}}]""", "not a well-formed IP address")]
    [InlineData("""[{"uid":{"type":"A","id":"\ud800"}}]""", "not valid Unicode")]
    [InlineData("""[{"uid":{"type":"if","id":"1"}}]""", "is not the name of an entity type")]
    [InlineData("{}", "expected an array")]
    [InlineData("[", "$: ")]
    public void Entities_that_are_not_are_refused_with_their_place(string json, string problem) =>
        Assert.Contains(problem, Assert.Throws<CedarJsonException>(() => CedarJson.Entities(json)).Message, StringComparison.Ordinal);

    // Found by asking the official engine: only an annotation may be called by a reserved word.
    [Theory]
    [InlineData("context.is == 1", false)]
    [InlineData("{if: 1} == {\"if\": 1}", false)]
    [InlineData("context has like", false)]
    [InlineData("context[\"is\"] == 1", true)]
    [InlineData("{principal: 1}.principal == 1", true)]
    public void Reserved_words_name_no_attribute_unless_quoted(string condition, bool accepted)
    {
        var parsed = Record.Exception(() => PolicySet.Parse($"@if permit(principal, action, resource) when {{ {condition} }};"));
        if (accepted)
            Assert.Null(parsed);
        else
            Assert.Contains("is a reserved word", Assert.IsType<CedarSyntaxException>(parsed).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("{a:", "}")]
    [InlineData("if true then ", "")]
    [InlineData("!(", ")")]
    [InlineData("ip(", ")")]
    public void A_hundred_thousand_levels_are_a_clear_error(string open, string close)
    {
        var text =
            $"permit(principal, action, resource) when {{ {string.Concat(Enumerable.Repeat(open, 100_000))}true{string.Concat(Enumerable.Repeat(close, 100_000))} }};";
        Assert.Contains(
            "nested too deeply",
            Assert.Throws<CedarSyntaxException>(() => PolicySet.Parse(text)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("context", ".a", "nested too deeply")]
    [InlineData("1", " + 1", "nested too deeply")]
    [InlineData("1", " * 1", "nested too deeply")]
    [InlineData("context has a", ".a", "nested too deeply")]
    [InlineData("true", " && true", null)]
    [InlineData("false", " || true", null)]
    public void A_hundred_thousand_links_are_an_answer_or_a_clear_error(string start, string link, string? problem)
    {
        var text = $"permit(principal, action, resource) when {{ {start}{string.Concat(Enumerable.Repeat(link, 100_000))} }};";
        if (problem is not null)
        {
            Assert.Contains(problem, Assert.Throws<CedarSyntaxException>(() => PolicySet.Parse(text)).Message, StringComparison.Ordinal);
            return;
        }

        var policies = PolicySet.Parse(text);
        Assert.True(policies.Evaluate(new(new("A", "a"), new("Action", "a"), new("A", "a"), RecordValue.Empty), Entities.None).Allowed);
        Assert.Empty(new Validator(Schema.Parse("entity A; action a appliesTo { principal: A, resource: A };")).Validate(policies));
        Assert.Single(PolicySet.Parse(Formatter.Format(text)).Policies);
    }

    [Fact]
    public void Half_a_character_is_an_error_with_its_place()
    {
        foreach (
            var text in new[]
            {
                "permit(principal, action, resource) when { \"\ud800\" == \"\" };",
                "permit(principal, action, resource) when { \"a\" like \"\udc00*\" };",
                "@a(\"\ud800x\") permit(principal, action, resource);",
                "permit(principal, action, resource) \ud800;",
            }
        )
            Assert.Contains(
                "not valid Unicode",
                Assert.Throws<CedarSyntaxException>(() => PolicySet.Parse(text)).Message,
                StringComparison.Ordinal
            );
    }

    /// <summary>Any text at all gives policies, a schema or a positioned error. <c>CEDAR_FUZZ_SECONDS</c> makes it run longer than the ten seconds of the suite.</summary>
    [Fact]
    public void Damaged_text_never_breaks_a_parser()
    {
        var seconds = double.TryParse(
            Environment.GetEnvironmentVariable("CEDAR_FUZZ_SECONDS"),
            System.Globalization.CultureInfo.InvariantCulture,
            out var asked
        )
            ? asked
            : 10;
        var random = new Random(4711);
        var generator = new Generator(4711);
        var clock = Stopwatch.StartNew();
        var (texts, accepted) = (0, 0);
        for (; clock.Elapsed.TotalSeconds < seconds || texts < 1_000; texts++)
        {
            var schema = random.Next(3) == 0;
            var text = new StringBuilder(schema ? Text : generator.Question().Policies);
            for (var damage = random.Next(0, 5); damage > 0 && text.Length > 0; damage--)
            {
                var at = random.Next(text.Length);
                if (random.Next(3) == 0)
                    text.Remove(at, Math.Min(random.Next(1, 9), text.Length - at));
                else if (random.Next(2) == 0)
                    text.Insert(at, (char)random.Next(random.Next(2) == 0 ? 128 : 0x10000));
                else
                    text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 20), text.Length - at)));
            }

            var before = Stopwatch.GetTimestamp();
            try
            {
                if (schema)
                    Schema.Parse(text.ToString());
                else
                {
                    PolicySet.Parse(text.ToString());
                    PolicySet.Parse(Formatter.Format(text.ToString()));
                }

                accepted++;
            }
            catch (CedarSyntaxException e)
            {
                Assert.True(e.Diagnostic is { Line: > 0, Column: > 0, Message.Length: > 0 }, text.ToString());
            }

            Assert.True(Stopwatch.GetElapsedTime(before) < TimeSpan.FromSeconds(5), $"took too long: {text}");
        }

        Assert.InRange(accepted, texts / 20, texts - texts / 20);
    }
}
