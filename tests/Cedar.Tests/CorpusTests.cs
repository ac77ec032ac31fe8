using System.Diagnostics;
using System.Text.Json;

namespace Mumega.Cedar.Tests;

/// <summary>
/// The official conformance tests. <c>CEDAR_CORPUS</c> names the archive (<c>.tar.xz</c>) or folder that holds them; their data is not part of
/// the repository.
/// </summary>
public sealed class CorpusTests(Corpus corpus) : IClassFixture<Corpus>
{
    [Fact]
    public void Every_request_is_decided_for_the_same_reasons_and_with_the_same_errors()
    {
        var folder = corpus.OrSkip();
        var problems = new List<string>();
        var (tests, requests) = (0, 0);
        Parallel.ForEach(
            Corpus.Tests(folder),
            test =>
            {
                Interlocked.Increment(ref tests);
                try
                {
                    foreach (var problem in Check(test, ref requests))
                    {
                        lock (problems)
                            problems.Add($"{Path.GetFileName(test.File)}: {problem}");
                    }
                }
                catch (Exception e) when (e is CedarSyntaxException or CedarJsonException)
                {
                    lock (problems)
                        problems.Add($"{Path.GetFileName(test.File)}: {e.Message}");
                }
            }
        );

        Assert.True(tests > 0, "the corpus has no tests");
        Assert.True(
            problems.Count == 0,
            $"{problems.Count} problems in {tests} tests with {requests} requests:\n{string.Join('\n', problems.Order(StringComparer.Ordinal).Take(20))}"
        );
    }

    [Theory]
    [InlineData(ValidationMode.Strict)]
    [InlineData(ValidationMode.Permissive)]
    public void Every_policy_is_valid_or_not_as_the_official_engine_says(ValidationMode mode)
    {
        var folder = corpus.OrSkip();
        var results = Path.Combine(folder, "validation");
        if (!Directory.Exists(results))
            Assert.Skip("this corpus has no results of validation");

        var problems = new List<string>();
        var policies = 0;
        Parallel.ForEach(
            Corpus.Tests(folder),
            test =>
            {
                var expected = Path.Combine(results, Path.ChangeExtension(Path.GetFileName(test.File), ".validation.json"));
                if (!File.Exists(expected))
                    return;

                using var json = JsonDocument.Parse(File.ReadAllText(expected));
                var perPolicy = json.RootElement.GetProperty("policyValidation").GetProperty("perPolicy");
                var set = PolicySet.Parse(File.ReadAllText(test.Policies));
                var errors = new Validator(Schema.Parse(File.ReadAllText(test.Schema)))
                    .Validate(set, mode)
                    .ToLookup(e => $"policy{e.Policy.Position}", e => e.Message);
                foreach (var policy in perPolicy.EnumerateObject())
                {
                    Interlocked.Increment(ref policies);
                    var valid = policy.Value.GetProperty(mode is ValidationMode.Strict ? "strict" : "permissive").GetBoolean();
                    if (valid == (!errors[policy.Name].Any()))
                        continue;
                    lock (problems)
                        problems.Add(
                            $"{Path.GetFileName(test.File)} {policy.Name}: {(valid ? $"is valid, but: {string.Join("; ", errors[policy.Name])}" : "is not valid")}"
                        );
                }
            }
        );

        Assert.True(policies > 0, "the corpus has no results of validation");
        Assert.True(
            problems.Count == 0,
            $"{problems.Count} of {policies} policies differ:\n{string.Join('\n', problems.Order(StringComparer.Ordinal).Take(20))}"
        );
    }

    [Fact]
    public void Every_entity_and_request_is_valid_or_not_as_the_official_engine_says()
    {
        var folder = corpus.OrSkip();
        var results = Path.Combine(folder, "validation");
        if (!Directory.Exists(results))
            Assert.Skip("this corpus has no results of validation");

        var problems = new List<string>();
        var (entities, requests) = (0, 0);
        Parallel.ForEach(
            Corpus.Tests(folder),
            test =>
            {
                var expected = Path.Combine(results, Path.ChangeExtension(Path.GetFileName(test.File), ".validation.json"));
                if (!File.Exists(expected))
                    return;

                using var json = JsonDocument.Parse(File.ReadAllText(expected));
                var schema = Schema.Parse(File.ReadAllText(test.Schema));
                var validator = new DataValidator(schema);
                var perEntity = json
                    .RootElement.GetProperty("entityValidation")
                    .GetProperty("perEntity")
                    .EnumerateObject()
                    .ToDictionary(e => e.Name, e => !e.Value.EnumerateObject().Any());
                using var store = JsonDocument.Parse(File.ReadAllText(test.Entities));
                foreach (var entity in store.RootElement.EnumerateArray().Select(e => CedarJson.Entity(e, schema)))
                {
                    Interlocked.Increment(ref entities);
                    Compare($"{entity.Uid}", perEntity[$"{entity.Uid.Type}::{entity.Uid.Id}"], validator.Validate(entity));
                }

                var wanted = json
                    .RootElement.GetProperty("requestValidation")
                    .EnumerateArray()
                    .Select(r => r.GetProperty("strict").GetBoolean());
                foreach (var (request, valid) in test.Json.GetProperty("requests").EnumerateArray().Zip(wanted))
                {
                    Interlocked.Increment(ref requests);
                    Compare(request.GetProperty("description").GetString()!, valid, validator.Validate(RequestOf(request, schema)));
                }

                void Compare(string what, bool valid, IReadOnlyList<string> found)
                {
                    if (valid == (found.Count == 0))
                        return;
                    lock (problems)
                        problems.Add(
                            $"{Path.GetFileName(test.File)} {what}: {(valid ? $"is valid, but: {string.Join("; ", found)}" : "is not valid")}"
                        );
                }
            }
        );

        Assert.True(entities > 0 && requests > 0, "the corpus has no results of validation");
        Assert.True(
            problems.Count == 0,
            $"{problems.Count} of {entities} entities and {requests} requests differ:\n{string.Join('\n', problems.Order(StringComparer.Ordinal).Take(20))}"
        );
    }

    private static Request RequestOf(JsonElement request, Schema schema)
    {
        var action = CedarJson.Uid(request.GetProperty("action"));
        return new(
            CedarJson.Uid(request.GetProperty("principal")),
            action,
            CedarJson.Uid(request.GetProperty("resource")),
            CedarJson.Record(request.GetProperty("context"), type: schema.Actions.GetValueOrDefault(action)?.Context)
        );
    }

    private static List<string> Check(CorpusTest test, ref int requests)
    {
        var policies = PolicySet.Parse(File.ReadAllText(test.Policies));
        var schema = Schema.Parse(File.ReadAllText(test.Schema));
        var entities = CedarJson.Entities(File.ReadAllText(test.Entities), schema);
        var problems = new List<string>();
        foreach (var request in test.Json.GetProperty("requests").EnumerateArray())
        {
            Interlocked.Increment(ref requests);
            var answer = policies.Evaluate(RequestOf(request, schema), entities);
            Compare("decision", request.GetProperty("decision").GetString()!, answer.Allowed ? "allow" : "deny");
            Compare("reason", Sorted(request.GetProperty("reason")), Ids(answer.Determining));
            Compare("errors", Sorted(request.GetProperty("errors")), Ids(answer.Errors.Select(e => e.Policy)));

            void Compare(string what, string expected, string got)
            {
                if (expected != got)
                    problems.Add($"{request.GetProperty("description").GetString()}: {what} {got} instead of {expected}");
            }
        }

        return problems;
    }

    private static string Sorted(JsonElement names) =>
        string.Join(' ', names.EnumerateArray().Select(n => n.GetString()).Order(StringComparer.Ordinal));

    private static string Ids(IEnumerable<Policy> policies) =>
        string.Join(' ', policies.Select(p => $"policy{p.Position}").Order(StringComparer.Ordinal));
}

/// <summary>One test of the corpus, its file names resolved.</summary>
public sealed record CorpusTest(string File, JsonElement Json, string Policies, string Entities, string Schema);

/// <summary>The unpacked corpus.</summary>
public sealed class Corpus : IDisposable
{
    private readonly string? folder;
    private readonly string? unpacked;

    public Corpus()
    {
        var at = Environment.GetEnvironmentVariable("CEDAR_CORPUS") is { Length: > 0 } named ? named : Default();
        if (Directory.Exists(at))
        {
            folder = at;
        }
        else if (File.Exists(at))
        {
            folder = unpacked = Directory.CreateTempSubdirectory("cedar-corpus-").FullName;
            using var tar = Process.Start("tar", ["xf", at, "-C", unpacked]);
            tar.WaitForExit();
            if (tar.ExitCode != 0)
                throw new InvalidOperationException($"tar could not unpack {at}");
        }
    }

    /// <summary>Where it lies; null when it is not here.</summary>
    public string? Folder => folder;

    public string OrSkip()
    {
        if (folder is null)
            Assert.Skip("the Cedar corpus is not here; CEDAR_CORPUS names its archive or folder");
        return folder!;
    }

    public static IEnumerable<CorpusTest> Tests(string folder)
    {
        foreach (
            var file in Directory
                .EnumerateFiles(Path.Combine(folder, "corpus"), "*.json")
                .Where(f => !f.EndsWith(".entities.json", StringComparison.Ordinal))
        )
            yield return Read(file, name => Path.Combine(folder, "corpus", Path.GetFileName(name)));

        var handwritten = Path.Combine(folder, "handwritten");
        if (!Directory.Exists(handwritten))
            yield break;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(handwritten, "tests"), "*.json", SearchOption.AllDirectories))
            yield return Read(file, name => Path.Combine(handwritten, name));
    }

    public void Dispose()
    {
        if (unpacked is not null)
            Directory.Delete(unpacked, recursive: true);
    }

    private static CorpusTest Read(string file, Func<string, string> resolve)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var json = document.RootElement.Clone();
        string At(string name) => resolve(json.GetProperty(name).GetString()!);
        return new(file, json, At("policies"), At("entities"), At("schema"));
    }

    // Beside the repository, where whoever checks it out may keep it.
    private static string Default() => Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "cedar", "corpus.tar.xz"));
}
