using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mumega.Cedar;

/// <summary>
/// Decisions and parsing of Cedar, beside the official engine (cedar-wasm, in Node) on the same inputs in the same run. The set is that of a
/// house with many teams: nearly every policy is about somebody else.
/// </summary>
internal static class CedarBench
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(2);

    public static void Run()
    {
        foreach (var count in new[] { 10, 100, 1_000, 10_000 })
            Decide(count);
        Parse(10_000);
    }

    private static void Decide(int count)
    {
        var (text, entities, circumstances) = Inputs(count);
        var set = PolicySet.Parse(text);
        var store = CedarJson.Entities(entities);
        var context = CedarJson.Record(circumstances);
        var asked = new Request(new("User", "ada"), new("Action", "view"), new("Doc", "1"), context);
        var answer = set.Evaluate(asked, store);
        if (!answer.Allowed || answer.Determining.Count != 1)
            throw new InvalidOperationException($"{answer.Determining.Count} policies apply");

        var ours = Rate(() => set.Evaluate(asked, store));
        var fromJson = Rate(() => set.Evaluate(asked with { Context = CedarJson.Record(circumstances) }, CedarJson.Entities(entities)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
            set.Evaluate(asked, store);
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 10_000;

        var theirs = Official(
            "decide",
            JsonSerializer.Serialize(
                new
                {
                    policies = text,
                    entities = JsonDocument.Parse(entities).RootElement,
                    context = JsonDocument.Parse(circumstances).RootElement,
                }
            )
        );
        Print(
            new
            {
                figure = "cedar.decide",
                policies = count,
                per_second = ours,
                bytes_allocated = bytes,
                cedar_wasm_per_second = theirs,
                ratio = theirs is null ? null : (double?)Math.Round(ours / theirs.Value, 1),
            }
        );
        Print(
            new
            {
                figure = "cedar.decide_entities_from_json",
                policies = count,
                per_second = fromJson,
                cedar_wasm_per_second = theirs,
                ratio = theirs is null ? null : (double?)Math.Round(fromJson / theirs.Value, 1),
            }
        );
    }

    private static void Parse(int count)
    {
        var text = Inputs(count).Policies;
        var megabytes = text.Length / 1e6;
        var ours = Rate(() => PolicySet.Parse(text)) * megabytes;
        var theirs = Official("parse", JsonSerializer.Serialize(new { policies = text })) * megabytes;
        Print(
            new
            {
                figure = "cedar.parse",
                policies = count,
                megabytes_per_second = Math.Round(ours, 1),
                cedar_wasm_megabytes_per_second = theirs is null ? null : (double?)Math.Round(theirs.Value, 2),
                ratio = theirs is null ? null : (double?)Math.Round(ours / theirs.Value, 1),
            }
        );
    }

    private static (string Policies, string Entities, string Context) Inputs(int count)
    {
        var policies = string.Join(
            '\n',
            Enumerable
                .Range(0, count)
                .Select(i =>
                    (i % 5) switch
                    {
                        0 =>
                            $"permit (principal in Team::\"t{i}\", action in [Action::\"view\", Action::\"edit\"], resource in Folder::\"f{i % 50}\")\nwhen {{ principal.level >= 3 && (resource.owner == principal || context.mfa) }};",
                        1 =>
                            $"forbid (principal, action == Action::\"edit\", resource in Folder::\"f{i}\")\nunless {{ context.ip.isInRange(ip(\"10.0.0.0/8\")) }};",
                        2 =>
                            $"permit (principal == User::\"u{i}\", action, resource is Doc in Folder::\"f{i}\")\nwhen {{ resource has status && resource.status like \"draft*\" }};",
                        3 => $"permit (principal is Bot, action == Action::\"index\", resource == Doc::\"d{i}\");",
                        _ =>
                            $"@reason(\"closed\")\nforbid (principal in Team::\"t{i}\", action, resource)\nwhen {{ context.hour + 1 > 20 || [\"a\", \"b\"].contains(resource.kind) }};",
                    }
                )
        );
        const string entities = """
            [{"uid":{"type":"User","id":"ada"},"attrs":{"level":3},"parents":[{"type":"Team","id":"t0"},{"type":"Team","id":"x1"},{"type":"Team","id":"x2"}]},
            {"uid":{"type":"Doc","id":"1"},"attrs":{"owner":{"__entity":{"type":"User","id":"ada"}},"kind":"a","status":"draft-1"},"parents":[{"type":"Folder","id":"f0"}]},
            {"uid":{"type":"Folder","id":"f0"},"attrs":{},"parents":[{"type":"Folder","id":"top"}]}]
            """;
        return (policies, entities, """{"mfa":true,"hour":9,"ip":{"__extn":{"fn":"ip","arg":"10.1.2.3"}}}""");
    }

    private static double Rate(Action act)
    {
        for (var warm = Stopwatch.StartNew(); warm.Elapsed < Long / 2; )
            act();

        var (clock, done) = (Stopwatch.StartNew(), 0L);
        while (clock.Elapsed < Long)
        {
            act();
            done++;
        }

        return Math.Round(done / clock.Elapsed.TotalSeconds, done > 1_000 ? 0 : 3);
    }

    private static double? Official(string what, string input)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, input);
        using var node = Process.Start(
            new ProcessStartInfo("node", ["bench/cedar.mjs", what, file]) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var printed = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        File.Delete(file);
        return node.ExitCode == 0 ? double.Parse(printed, CultureInfo.InvariantCulture) : null;
    }

    private static void Print(object figure) => Console.WriteLine(JsonSerializer.Serialize(figure));
}
