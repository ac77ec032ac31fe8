using System.Text.Json;

namespace Mumega.Cedar.Tests;

/// <summary>The forms in which policies and schemas are written: text, formatted text, JSON.</summary>
public sealed class FormsTests(Corpus corpus) : IClassFixture<Corpus>
{
    [Fact]
    public void The_formatter_keeps_comments_and_breaks_what_is_too_long() =>
        Assert.Equal(
            """
            // About this file.

            // Ada may read.
            @id("ada")
            @note
            permit (principal == User::"ada", action in [Action::"read", Action::"list"], resource is Doc) // always
            when { principal.age > -1 && !resource.closed };

            forbid (
              // whoever it is
              principal,
              action == Action::"a-rather-long-name-of-an-action",
              resource is Namespace::Of::Something in Namespace::Of::Something::"else"
            )
            unless {
              (context.first == "a rather long literal" || context.second == "another rather long literal") &&
              [1, 2, 3].contains(context["odd name"]) && // both
              (if context.third then 1 else 2) == 1
            };

            // The end.

            """,
            Formatter.Format(
                """
                // About this file.

                  // Ada may read.
                @id ( "ada" ) @note
                permit(principal==User::"ada",action in[Action::"read",Action::"list"],resource is Doc)// always
                when{principal.age>-1&&!resource.closed};
                forbid(
                // whoever it is
                principal,action==Action::"a-rather-long-name-of-an-action",resource is Namespace::Of::Something in Namespace::Of::Something::"else")
                unless { (context.first=="a rather long literal"||context.second=="another rather long literal")&&[1,2,3].contains(context["odd name"]) && // both
                 (if context.third then 1 else 2)==1 };
                // The end.
                """
            )
        );

    [Fact]
    public void Formatted_text_means_the_same_and_stays_as_it_is()
    {
        var generator = new Generator(99);
        var texts = Enumerable.Range(0, 2_000).Select(_ => generator.Question().Policies).ToList();
        if (corpus.Folder is { } folder)
            texts.AddRange(Directory.EnumerateFiles(Path.Combine(folder, "corpus"), "*.cedar").Take(2_000).Select(File.ReadAllText));

        var formatted = 0;
        Parallel.ForEach(
            texts,
            text =>
            {
                PolicySet before;
                try
                {
                    before = PolicySet.Parse(text);
                }
                catch (CedarSyntaxException)
                {
                    Assert.Throws<CedarSyntaxException>(() => Formatter.Format(text));
                    return;
                }

                Interlocked.Increment(ref formatted);
                var once = Formatter.Format(text);
                Assert.Equal(before.Policies.Select(p => p.ToJson()), PolicySet.Parse(once).Policies.Select(p => p.ToJson()));
                Assert.Equal(once, Formatter.Format(once));
                foreach (var policy in before.Policies.Concat(before.Templates))
                    Assert.Equal(
                        policy.ToJson(),
                        PolicySet
                            .ParseJson(policy.ToJson())
                            .Policies.Concat(PolicySet.ParseJson(policy.ToJson()).Templates)
                            .Single()
                            .ToJson()
                    );
            }
        );
        Assert.InRange(formatted, 1_000, texts.Count);
    }

    [Fact]
    public async Task The_JSON_syntax_of_a_schema_means_the_same_as_its_text()
    {
        var texts = new List<string>
        {
            """namespace A { type T = {a: Long, "b c"?: Set<String>}; entity U in [V, U] = {t: T, v: A::V, ip: ipaddr} tags Bool; entity V; entity E enum ["a"]; action x, "y y" in [z] appliesTo {principal: [U], resource: V, context: T}; action z; } entity Top { e: A::E }; action w in [A::Action::"z"];""",
        };
        if (corpus.Folder is { } folder)
            texts.AddRange(
                Directory.EnumerateFiles(Path.Combine(folder, "corpus"), "*.cedarschema").Take(1_000).Select(File.ReadAllText).Distinct()
            );
        var answers = await Oracle.AskAsync("schema", texts.Select(t => JsonSerializer.Serialize(t)));
        Assert.All(texts.Zip(answers), pair => Assert.Equal(Dump(Schema.Parse(pair.First)), Dump(Schema.ParseJson(pair.Second))));
    }

    [Theory]
    [InlineData("[]", "$: expected an object")]
    [InlineData(
        """{"A":{"entityTypes":{"U":{"memberOfTypes":["V"]}}}}""",
        "$.A.entityTypes.U.memberOfTypes[0]: there is no entity type `V`"
    )]
    [InlineData(
        """{"":{"entityTypes":{"U":{"shape":{"type":"Record","attributes":{"a":{"type":"Lung"}}}}}}}""",
        "$..entityTypes.U.shape.attributes.a: there is no type `Lung`; did you mean `Long`?"
    )]
    [InlineData("""{"":{"entityTypes":{"U":{"shape":{"type":"Record"}}}}}""", "a record needs `attributes`")]
    [InlineData("""{"":{"entityTypes":{"U":{"enum":[]}}}}""", "needs at least one id")]
    [InlineData("""{"":{"actions":{"a":{"memberOf":[{"id":"b"}]}}}}""", "there is no action `Action::\"b\"`")]
    [InlineData("""{"":{"actions":{"a":{"appliesTo":{"principalTypes":[]}}}}}""", "expected `resourceTypes`")]
    [InlineData("""{"":{"entityTypes":{"U":{"shape":{"type":"Extension","name":"uuid"}}}}}""", "there is no extension type `uuid`")]
    [InlineData("""{"":{"entitiTypes":{}}}""", "expected only commonTypes, entityTypes, actions, annotations")]
    [InlineData("""{"":{},"":{}}""", "$: ")]
    public void A_schema_in_JSON_that_does_not_hold_together_is_refused_with_its_place(string json, string problem) =>
        Assert.Contains(problem, Assert.Throws<CedarJsonException>(() => Schema.ParseJson(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{}", null)]
    [InlineData(
        """{"effect":"allow","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]}""",
        "$.effect: expected permit or forbid, not `allow`"
    )]
    [InlineData("""{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"}}""", "$: expected `resource`")]
    [InlineData(
        """{"effect":"permit","principal":{"op":"=="},"action":{"op":"All"},"resource":{"op":"All"}}""",
        "$.principal: expected `entity`"
    )]
    [InlineData(
        """{"effect":"permit","principal":{"op":"==","slot":"?resource"},"action":{"op":"All"},"resource":{"op":"All"}}""",
        "`?resource` can't stand here"
    )]
    [InlineData(
        """{"effect":"permit","principal":{"op":"All"},"action":{"op":"==","entity":{"type":"User","id":"a"}},"resource":{"op":"All"}}""",
        "is not an action"
    )]
    [InlineData(
        """{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[{"kind":"when","body":{"contians":{}}}]}""",
        "there is no operator or function `contians`; did you mean `contains`?"
    )]
    [InlineData(
        """{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[{"kind":"when","body":{"Var":"prinzipal"}}]}""",
        "expected principal, action, resource or context"
    )]
    [InlineData(
        """{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[{"kind":"when","body":{"Value":1.5}}]}""",
        "$.conditions[0].body.Value: 1.5 is not a 64-bit integer"
    )]
    [InlineData("""{"staticPolicies":{},"templateLinks":[{"templateId":"t","newId":"l","values":{}}]}""", "there is no template `t`")]
    [InlineData("""{"staticPolicies":[]}""", "expected policies by id")]
    public void A_policy_in_JSON_that_is_none_is_refused_with_its_place(string json, string? problem)
    {
        var thrown = Record.Exception(() => PolicySet.ParseJson(json));
        if (problem is null)
            Assert.Null(thrown);
        else
            Assert.Contains(problem, Assert.IsType<CedarJsonException>(thrown).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Very_long_and_very_deep_JSON_policies_have_an_answer()
    {
        var terms = string.Join(" || ", Enumerable.Range(0, 50_000).Select(i => $"context.n == {i}"));
        var policy = PolicySet.Parse($"permit(principal, action, resource) when {{ {terms} }};").Policies[0];
        var again = PolicySet.ParseJson(policy.ToJson());
        var request = new Request(
            new("A", "a"),
            new("Action", "a"),
            new("A", "a"),
            new(new Dictionary<string, Value> { ["n"] = Value.Of(49_999) })
        );
        Assert.True(again.Evaluate(request, Entities.None).Allowed);

        var deep = string.Concat(Enumerable.Repeat("""{"!":{"arg":""", 950)) + """{"Value":true}""" + new string('}', 1_900);
        var thrown = Assert.Throws<CedarJsonException>(() =>
            PolicySet.ParseJson(
                $$"""{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[{"kind":"when","body":{{deep}}}]}"""
            )
        );
        Assert.Contains("nested too deeply", thrown.Message, StringComparison.Ordinal);
        Assert.Throws<CedarJsonException>(() => PolicySet.ParseJson(new string('[', 100_000)));
    }

    [Fact]
    public void Every_mistake_is_reported_at_once()
    {
        var thrown = Assert.Throws<CedarSyntaxException>(() =>
            PolicySet.Parse(
                """
                permit (principal, action, resource) when { context.a == 9999999999999999999 && {a: 1, a: 2} == 'x' };
                permit (principal, action, ressource);
                permit (principal, action, resource);
                forbid (principal, action, resource) unless { principal.contians(1) };
                @a @a forbid (principal == ?resource, action, resource) when { ?principal == "\q" };
                """
            )
        );
        Assert.Equal(
            [
                "1:58: integer literal `9999999999999999999` is out of range",
                "1:88: duplicate key `a` in a record",
                "1:97: unexpected character `'`",
                "1:98: `x` is not a variable; did you mean a string or an entity?",
                "1:99: unexpected character `'`",
                "2:28: expected `resource`, found `ressource`",
                "4:57: there is no method `contians`; did you mean `contains`?",
                "5:5: duplicate annotation `@a`",
                "5:28: the slot of the principal is `?principal`, not `?resource`",
                "5:64: a slot may only stand in the head of a policy, behind `==` or `in`",
            ],
            thrown.Diagnostics.Select(d => d.ToString()).ToArray()
        );

        var schema = Assert.Throws<CedarSyntaxException>(() =>
            Schema.Parse("entity A { x Long };\nentity B in;\nnamespace N { action a appliesTo { principal: A }; entity; }")
        );
        Assert.Equal([1, 2, 3, 3], schema.Diagnostics.Select(d => d.Line));
        Assert.Equal(
            ["1:16: there is no type `Lng`; did you mean `Long`?", "2:14: there is no entity type `C`"],
            Assert
                .Throws<CedarSyntaxException>(() => Schema.Parse("entity A { x?: Lng };\nentity B in [C];"))
                .Diagnostics.Select(d => d.ToString())
        );
    }

    [Fact]
    public void Templates_are_linked_or_refused_with_the_reason()
    {
        var set = PolicySet.Parse(
            "@id(\"owns\") permit(principal == ?principal, action, resource in ?resource); permit(principal is User in ?principal, action, resource);"
        );
        Assert.Empty(set.Policies);
        Assert.Equal(["owns", "policy1"], set.Templates.Select(t => t.Id));

        EntityUid ada = new("User", "ada"),
            doc = new("Doc", "1");
        var request = new Request(ada, new("Action", "read"), doc, RecordValue.Empty);
        Assert.False(set.Evaluate(request, Entities.None).Allowed);
        var linked = set.Link("owns", "ada-1", principal: ada, resource: doc);
        Assert.Equal(["ada-1"], linked.Evaluate(request, Entities.None).Determining.Select(p => p.Id));
        Assert.Equal("@id(\"owns\")\npermit (principal == User::\"ada\", action, resource in Doc::\"1\");", linked.Policies[0].Text);
        Assert.False(linked.Evaluate(request with { Principal = new("User", "bob") }, Entities.None).Allowed);

        Assert.Contains(
            "needs a value for `?resource`",
            Assert.Throws<ArgumentException>(() => set.Link("owns", "x", principal: ada)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "has no slot `?resource`",
            Assert.Throws<ArgumentException>(() => set.Link("policy1", "x", ada, doc)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "there is no template `nope`",
            Assert.Throws<ArgumentException>(() => set.Link("nope", "x")).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "there is already a policy `ada-1`",
            Assert.Throws<ArgumentException>(() => linked.Link("owns", "ada-1", ada, doc)).Message,
            StringComparison.Ordinal
        );
    }

    private static string Dump(Schema schema) =>
        string.Join(
            '\n',
            schema
                .EntityTypes.Values.Select(e =>
                    $"{e.Name} in [{List(e.MemberOf)}] {e.Attributes} tags {e.Tags} enum {(e.Ids is null ? "-" : List(e.Ids))}"
                )
                .Concat(
                    schema.Actions.Values.Select(a =>
                        $"{a.Uid} in [{List(a.MemberOf)}] for {List(a.Principals)} on {List(a.Resources)} with {a.Context}"
                    )
                )
                .Order(StringComparer.Ordinal)
        );

    private static string List<T>(IEnumerable<T> items) =>
        string.Join(", ", items.Select(i => i!.ToString()).Order(StringComparer.Ordinal));
}
