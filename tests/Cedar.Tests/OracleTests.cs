using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mumega.Cedar.Tests;

/// <summary>
/// Generated policies and requests, answered by this engine and by the official one (cedar-wasm, in Node): equal in what is accepted, in the
/// decision, and in the policies that determined it or failed.
/// </summary>
public sealed class OracleTests
{
    private const int Questions = 20_000;
    private const int Seed = 20261123;

    [Fact]
    public async Task Both_engines_answer_alike()
    {
        var generator = new Generator(Seed);
        var questions = Enumerable.Range(0, Questions).Select(_ => generator.Question()).ToList();
        var answers = await Oracle.AskAsync("decide", [Generator.Entities.ReplaceLineEndings(""), .. questions.Select(q => q.Json())]);

        var entities = CedarJson.Entities(Generator.Entities);
        var different = questions
            .Zip(answers)
            .Select(pair => (pair.First, Theirs: pair.Second, Ours: pair.First.Answer(entities)))
            .Where(x => x.Ours != Normal(x.Theirs))
            .ToList();
        Assert.True(
            different.Count == 0,
            $"{different.Count} of {Questions} differ:\n{string.Join("\n\n", different.OrderBy(d => d.First.Policies.Length).Take(6).Select(d => $"{d.First.Policies}\nours   {d.Ours}\ntheirs {d.Theirs}"))}"
        );

        // A generator that only makes nonsense, or only what is denied, would show nothing.
        Assert.InRange(answers.Count(a => a.Contains("\"parsed\":true", StringComparison.Ordinal)), Questions / 2, Questions - 1);
        Assert.InRange(answers.Count(a => a.Contains("\"allow\"", StringComparison.Ordinal)), Questions / 20, Questions);
    }

    [Fact]
    public async Task A_policy_has_the_same_JSON_form_whether_as_written_formatted_or_printed_from_JSON()
    {
        const int count = 3_000;
        var generator = new Generator(Seed + 1);
        var policies = Accepted(generator.Policy).Where(SafeInJavaScript).Take(count).Select(s => s.Policies[0]).ToList();
        var again = policies.Select(p => PolicySet.ParseJson(p.ToJson()).Policies[0]).ToList();
        var texts = policies.SelectMany((p, i) => (string[])[p.Text, Formatter.Format(p.Text), again[i].Text]).ToList();
        var answers = await Oracle.AskAsync("json", texts.Select(t => JsonSerializer.Serialize(t)));

        for (var i = 0; i < texts.Count; i++)
        {
            // `@note` and `@note("")` mean the same; JSON tells them apart.
            var (ours, theirs) = (
                JsonNode.Parse(policies[i / 3].ToJson()),
                JsonNode.Parse(answers[i].Replace("\"note\":\"\"", "\"note\":null", StringComparison.Ordinal))
            );
            Assert.True(JsonNode.DeepEquals(ours, theirs), $"{texts[i]}\nours   {ours!.ToJsonString()}\ntheirs {theirs!.ToJsonString()}");
        }

        Assert.All(policies.Zip(again), pair => Assert.Equal(pair.First.ToJson(), pair.Second.ToJson()));
    }

    [Fact]
    public async Task Linked_templates_decide_alike()
    {
        const int count = 2_000;
        var (generator, random) = (new Generator(Seed + 2), new Random(Seed));
        var entities = CedarJson.Entities(Generator.Entities);
        var (questions, ours) = (new List<string>(), new List<string>());
        for (var i = 0; i < count; i++)
        {
            var question = generator.Question();
            var template = Assert.Single(Accepted(generator.Template).First(SafeInJavaScript).Templates);
            var text = template.Text;
            var values = new JsonObject();
            if (text.Contains("?principal", StringComparison.Ordinal))
                values["?principal"] = Uid(random.Next(2) == 0 ? question.Principal : new("Team", "red"));
            if (text.Contains("?resource", StringComparison.Ordinal))
                values["?resource"] = Uid(random.Next(2) == 0 ? question.Resource : new("NS::Org", "o"));
            var set = new JsonObject
            {
                ["staticPolicies"] = new JsonObject(),
                ["templates"] = new JsonObject { ["t"] = JsonNode.Parse(template.ToJson()) },
                ["templateLinks"] = new JsonArray(
                    new JsonObject
                    {
                        ["templateId"] = "t",
                        ["newId"] = "linked",
                        ["values"] = values,
                    }
                ),
            };
            var request = JsonNode.Parse(question.Json())!.AsObject();
            request["policies"] = set;
            questions.Add(request.ToJsonString());

            var policies = PolicySet.ParseJson(set.ToJsonString());
            Assert.True(JsonNode.DeepEquals(set, JsonNode.Parse(policies.ToJson())), text);
            ours.Add(question.Answer(policies, entities, p => p.Id));
        }

        var answers = await Oracle.AskAsync("decide", [Generator.Entities.ReplaceLineEndings(""), .. questions]);
        Assert.All(
            ours.Zip(answers).Zip(questions),
            x => Assert.True(x.First.First == Normal(x.First.Second), $"{x.Second}\nours   {x.First.First}\ntheirs {x.First.Second}")
        );
        Assert.InRange(ours.Count(o => o.StartsWith("allow", StringComparison.Ordinal)), count / 20, count);

        static JsonObject Uid(EntityUid uid) => new() { ["type"] = uid.Type, ["id"] = uid.Id };
    }

    // JSON in Node has no integers beyond 53 bits.
    private static bool SafeInJavaScript(PolicySet set) =>
        !set.Policies.Concat(set.Templates).Any(p => p.Text.Contains("922337203685477580", StringComparison.Ordinal));

    // Some of what is generated is no Cedar, such as a comparison of a comparison.
    private static IEnumerable<PolicySet> Accepted(Func<string> generate)
    {
        while (true)
        {
            PolicySet? set = null;
            try
            {
                set = PolicySet.Parse(generate());
            }
            catch (CedarSyntaxException)
            {
                continue;
            }

            yield return set;
        }
    }

    private static string Normal(string theirs)
    {
        using var json = JsonDocument.Parse(theirs);
        var answer = json.RootElement;
        if (!answer.GetProperty("parsed").GetBoolean())
            return "refused";
        string List(string name) =>
            string.Join(' ', answer.GetProperty(name).EnumerateArray().Select(p => p.GetString()).Order(StringComparer.Ordinal));
        return $"{answer.GetProperty("decision").GetString()} [{List("reason")}] [{List("errors")}]";
    }
}

/// <summary>The official engine, in Node.</summary>
internal static class Oracle
{
    public static async Task<string[]> AskAsync(string what, IEnumerable<string> lines)
    {
        var home = Path.Combine(Repository.Root, "tests", "Cedar.Tests", "oracle");
        if (!Directory.Exists(Path.Combine(home, "node_modules")))
            Assert.Skip("cedar-wasm is not installed; ./mumega test cedar installs it");

        var file = Path.GetTempFileName();
        string[] asked = [.. lines];
        await File.WriteAllLinesAsync(file, asked, TestContext.Current.CancellationToken);
        using var node = Process.Start(
            new ProcessStartInfo("node", ["oracle.mjs", what, file]) { WorkingDirectory = home, RedirectStandardOutput = true }
        )!;
        var answers = (await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Split(
            '\n',
            StringSplitOptions.RemoveEmptyEntries
        );
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.Delete(file);
        Assert.Equal(what is "json" or "schema" ? asked.Length : asked.Length - 1, answers.Length);
        return answers;
    }
}

/// <summary>One policy text and one request.</summary>
internal sealed record Question(string Policies, EntityUid Principal, EntityUid Action, EntityUid Resource, string Context)
{
    public string Json() =>
        JsonSerializer.Serialize(
            new
            {
                policies = Policies,
                principal = new { type = Principal.Type, id = Principal.Id },
                action = new { type = Action.Type, id = Action.Id },
                resource = new { type = Resource.Type, id = Resource.Id },
                context = JsonDocument.Parse(Context).RootElement,
            }
        );

    public string Answer(Entities entities) => Parsed is { } policies ? Answer(policies, entities, p => $"policy{p.Position}") : "refused";

    /// <summary>The policies, if the text is Cedar without templates.</summary>
    public PolicySet? Parsed
    {
        get
        {
            try
            {
                var policies = PolicySet.Parse(Policies);
                return policies.Templates.Count > 0 ? null : policies;
            }
            catch (CedarSyntaxException)
            {
                return null;
            }
        }
    }

    public Request Request => new(Principal, Action, Resource, CedarJson.Record(Context));

    public string Answer(PolicySet policies, Entities entities, Func<Policy, string> name)
    {
        var answer = policies.Evaluate(Request, entities);
        string List(IEnumerable<Policy> found) => string.Join(' ', found.Select(name).Order(StringComparer.Ordinal));
        return $"{(answer.Allowed ? "allow" : "deny")} [{List(answer.Determining)}] [{List(answer.Errors.Select(e => e.Policy))}]";
    }
}

/// <summary>Makes policies that mostly make sense, some that type wrongly, and some whose text was damaged.</summary>
internal sealed class Generator(int seed)
{
    public const string Entities = """
        [
        {"uid":{"type":"User","id":"ada"},"attrs":{"age":36,"name":"Ada","tags":["a","b"],"boss":{"__entity":{"type":"User","id":"bob"}},"home":{"zip":"1","ip":{"__extn":{"fn":"ip","arg":"10.0.0.1"}}}},"parents":[{"type":"Team","id":"red"}],"tags":{"x":"1","y":"2"}},
        {"uid":{"type":"User","id":"bob"},"attrs":{"age":-1,"name":"Bob","tags":[]},"parents":[{"type":"Team","id":"blue"},{"type":"NS::Org","id":"o"}]},
        {"uid":{"type":"Team","id":"red"},"attrs":{},"parents":[{"type":"NS::Org","id":"o"}]},
        {"uid":{"type":"Team","id":"blue"},"attrs":{},"parents":[]},
        {"uid":{"type":"NS::Org","id":"o"},"attrs":{"open":true,"price":{"__extn":{"fn":"decimal","arg":"1.5"}}},"parents":[]},
        {"uid":{"type":"Doc","id":"1"},"attrs":{"owner":{"__entity":{"type":"User","id":"ada"}},"size":9007199254740991,"made":{"__extn":{"fn":"datetime","arg":"2024-02-29T12:00:00Z"}}},"parents":[{"type":"NS::Org","id":"o"}]},
        {"uid":{"type":"Action","id":"read"},"attrs":{},"parents":[{"type":"Action","id":"any"}]},
        {"uid":{"type":"Action","id":"any"},"attrs":{},"parents":[]}
        ]
        """;

    private static readonly EntityUid[] Uids =
    [
        new("User", "ada"),
        new("User", "bob"),
        new("User", "nobody"),
        new("Team", "red"),
        new("Team", "blue"),
        new("NS::Org", "o"),
        new("Doc", "1"),
        new("Doc", "2"),
    ];
    private static readonly EntityUid[] Actions = [new("Action", "read"), new("Action", "any"), new("Action", "write")];
    private static readonly string[] Contexts =
    [
        "{}",
        """{"n":1,"s":"a*b","r":{"k":true},"at":{"__extn":{"fn":"datetime","arg":"2024-03-01"}}}""",
        """{"n":-9007199254740991,"s":"","set":[1,"1",true]}""",
    ];
    private static readonly string[] Attributes =
    [
        "age",
        "name",
        "tags",
        "boss",
        "home",
        "owner",
        "size",
        "made",
        "open",
        "price",
        "n",
        "s",
        "r",
        "k",
        "set",
        "zip",
        "\"odd name\"",
    ];
    private static readonly string[] Damage =
    [
        "",
        " ",
        "(",
        ")",
        "{",
        "}",
        ";",
        ",",
        "::",
        "\"",
        "'",
        "@",
        "!",
        "==",
        "=",
        "&",
        "&&",
        "|",
        "if",
        "then",
        "else",
        "in",
        "is",
        "has",
        "like",
        "9999999999999999999",
        "\\",
        "//",
        "?",
        "principal",
        "__cedar",
        "-",
        "0x1",
        "\\u{110000}",
        "1.0",
        "[",
        "]",
    ];

    private readonly Random random = new(seed);

    public Question Question()
    {
        var text = new StringBuilder();
        for (var count = random.Next(1, 4); count > 0; count--)
            text.Append(Policy()).Append('\n');
        if (random.Next(8) == 0)
        {
            var at = random.Next(text.Length);
            if (random.Next(2) == 0)
                text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at));
            text.Insert(Math.Min(at, text.Length), Any(Damage));
        }

        return new(text.ToString(), Any(Uids), Any(Actions), Any(Uids), Any(Contexts));
    }

    /// <summary>A policy with a slot for the principal, the resource or both.</summary>
    public string Template()
    {
        var which = random.Next(3);
        string Slot(string who) => Any([$"{who} == ?{who}", $"{who} in ?{who}", $"{who} is {Any(Uids).Type} in ?{who}"]);
        return $"{Any(["permit", "permit", "forbid"])}({(which != 1 ? Slot("principal") : Scope("principal"))}, {ActionScope()}, {(which != 0 ? Slot("resource") : Scope("resource"))}){(random.Next(2) == 0 ? "" : $" when {{ {Bool(2)} }}")};";
    }

    public string Policy()
    {
        var text = new StringBuilder();
        if (random.Next(5) == 0)
            text.Append(CultureInfo.InvariantCulture, $"@note({Text()}) ");
        if (random.Next(20) == 0)
            text.Append("@note ");
        text.Append(random.Next(3) == 0 ? "forbid" : "permit")
            .Append('(')
            .Append(Scope("principal"))
            .Append(", ")
            .Append(ActionScope())
            .Append(", ")
            .Append(Scope("resource"))
            .Append(')');
        for (var count = random.Next(3); count > 0; count--)
            text.Append(random.Next(3) == 0 ? " unless { " : " when { ").Append(Bool(4)).Append(" }");
        return text.Append(';').ToString();
    }

    private string Scope(string who) =>
        random.Next(8) switch
        {
            0 => $"{who} == {Any(Uids)}",
            1 => $"{who} in {Any(Uids)}",
            2 => $"{who} is {Any(Uids).Type}",
            3 => $"{who} is {Any(Uids).Type} in {Any(Uids)}",
            _ => who,
        };

    private string ActionScope() =>
        random.Next(6) switch
        {
            0 => $"action == {Any(Actions)}",
            1 => $"action in {Any(Actions)}",
            2 => $"action in [{Any(Actions)}, {Any(Actions)}]",
            3 => "action in []",
            _ => "action",
        };

    private string Expression(int depth) =>
        random.Next(7) switch
        {
            0 => Bool(depth),
            1 => Long(depth),
            2 => Text(),
            3 => Entity(depth),
            4 => Set(depth),
            5 => $"{{a: {Bool(depth - 1)}, \"b c\": {Long(depth - 1)}}}",
            _ => Extension(depth),
        };

    private string Bool(int depth) =>
        depth <= 0
            ? Any(["true", "false"])
            : random.Next(26) switch
            {
                0 or 1 => $"({Bool(depth - 1)} && {Bool(depth - 1)})",
                2 or 3 => $"({Bool(depth - 1)} || {Bool(depth - 1)})",
                4 => $"!{Bool(0)}",
                5 => $"!({Bool(depth - 1)})",
                6 => $"{Long(depth - 1)} {Any(["<", "<=", ">", ">=", "==", "!="])} {Long(depth - 1)}",
                7 => $"{Entity(depth - 1)} {Any(["==", "!=", "in"])} {Entity(depth - 1)}",
                8 => $"{Entity(depth - 1)} in [{Entity(depth - 1)}, {Any(Uids)}]",
                9 => $"{Entity(depth - 1)} is {Any(Uids).Type}",
                10 => $"{Entity(depth - 1)} has {Any(Attributes)}",
                11 => $"context has {Any(["n", "s", "r.k", "set", "at", "r.k.z"])}",
                12 => $"{Text()} like {Any(["\"*\"", "\"a*\"", "\"*b\"", "\"a\\*b\"", "\"\"", "\"A*a\""])}",
                13 => $"{Set(depth - 1)}.contains({Expression(depth - 1)})",
                14 => $"{Set(depth - 1)}.{Any(["containsAll", "containsAny"])}({Set(depth - 1)})",
                15 => $"{Set(depth - 1)}.isEmpty()",
                16 => $"{Entity(depth - 1)}.hasTag({Any(["\"x\"", "\"y\"", "\"z\""])})",
                17 => $"{Entity(depth - 1)}.getTag({Any(["\"x\"", "\"y\"", "\"z\""])}) == {Text()}",
                18 => $"(if {Bool(depth - 1)} then {Bool(depth - 1)} else {Bool(depth - 1)})",
                19 => $"{Ip()}.{Any(["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", "isInRange(ip(\"10.0.0.0/8\"))"])}",
                20 => $"{Number()}.{Any(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])}({Number()})",
                21 => $"{Time()} {Any(["<", "<=", ">", ">=", "=="])} {Time()}",
                22 => $"{Span()} {Any(["<", "<=", ">", ">=", "=="])} {Span()}",
                23 => $"{Expression(depth - 1)} == {Expression(depth - 1)}",
                24 => random.Next(4) == 0 ? Expression(depth - 1) : Any(["true", "false"]),
                _ => $"{Any(["principal", "resource", "context"])}.{Any(Attributes[..^1])} == {Expression(depth - 1)}",
            };

    private string Long(int depth) =>
        depth <= 0
            ? Any(["0", "1", "-1", "42", "9223372036854775807", "-9223372036854775808"])
            : random.Next(10) switch
            {
                0 => $"({Long(depth - 1)} + {Long(depth - 1)})",
                1 => $"({Long(depth - 1)} - {Long(depth - 1)})",
                2 => $"({Long(depth - 1)} * {Long(depth - 1)})",
                3 => $"-({Long(depth - 1)})",
                4 => "principal.age",
                5 => "context.n",
                6 => "resource.size",
                7 => $"{Span()}.{Any(["toMilliseconds()", "toSeconds()", "toMinutes()", "toHours()", "toDays()"])}",
                8 => $"(if {Bool(depth - 1)} then {Long(depth - 1)} else {Long(depth - 1)})",
                _ => Long(0),
            };

    private string Text() =>
        Any(["\"\"", "\"a\"", "\"Ada\"", "\"a*b\"", "\"\\n\\t\\\"\\u{1F600}\"", "\"1\"", "principal.name", "context.s"]);

    private string Entity(int depth) =>
        random.Next(8) switch
        {
            0 or 1 => "principal",
            2 or 3 => "resource",
            4 => "action",
            5 when depth > 0 => Any(["principal.boss", "resource.owner", "resource.owner.boss"]),
            _ => Any(Uids).ToString(),
        };

    private string Set(int depth) =>
        random.Next(5) switch
        {
            0 => "principal.tags",
            1 => "context.set",
            2 => "[]",
            _ => $"[{string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Expression(depth - 2)))}]",
        };

    private string Extension(int depth) => depth <= 0 ? Ip() : Any([Ip(), Number(), Time(), Span()]);

    private string Ip() =>
        $"ip({Any(["\"10.0.0.1\"", "\"10.0.0.0/8\"", "\"127.0.0.1\"", "\"::1\"", "\"ff00::2\"", "\"1.2.3\"", "\"10.0.0.1/33\"", "\"2001:db8::/32\"", "\"010.0.0.1\"", "\"224.0.0.1\"", "context.s"])})";

    private string Number() =>
        $"decimal({Any(["\"1.5\"", "\"-0.0001\"", "\"922337203685477.5807\"", "\"922337203685477.5808\"", "\"1\"", "\"1.23456\"", "\"00.10\"", "\"-922337203685477.5808\""])})";

    private string Time() =>
        random.Next(5) switch
        {
            0 => $"{Time()}.offset({Span()})",
            1 => $"{Time()}.toDate()",
            _ =>
                $"datetime({Any(["\"2024-02-29\"", "\"2023-02-29\"", "\"1969-12-31T23:59:59.999Z\"", "\"2024-01-01T00:00:00+0100\"", "\"0000-01-01\"", "\"9999-12-31T23:59:59Z\"", "\"2024-1-1\"", "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:00:00+2400\""])})",
        };

    private string Span() =>
        random.Next(6) switch
        {
            0 => $"{Time()}.durationSince({Time()})",
            1 => $"{Time()}.toTime()",
            _ =>
                $"duration({Any(["\"1d2h3m4s5ms\"", "\"-1h\"", "\"\"", "\"5ms1d\"", "\"106751991167d\"", "\"106751991168d\"", "\"0ms\"", "\"1.5h\"", "\"-\"", "\"00001s\""])})",
        };

    private T Any<T>(T[] items) => items[random.Next(items.Length)];
}
