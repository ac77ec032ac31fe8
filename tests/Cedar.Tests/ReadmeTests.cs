namespace Mumega.Cedar.Tests;

public sealed class ReadmeTests
{
    /// <summary>The example of src/Cedar/README.md, line by line; a difference fails before anybody copies it.</summary>
    [Fact]
    public void The_example_compiles_and_runs()
    {
        var printed = new StringWriter();
        void WriteLine(string text) => printed.Write(text);

        var policies = PolicySet.Parse("permit(principal, action == Action::\"view\", resource) when { resource.owner == principal };");
        var entities = CedarJson.Entities(
            """[{"uid": {"type": "Photo", "id": "1"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "ada"}}}}]"""
        );
        var request = new Request(new("User", "ada"), new("Action", "view"), new("Photo", "1"), RecordValue.Empty);
        var answer = policies.Evaluate(request, entities);
        WriteLine($"{answer.Allowed} because of {answer.Determining[0].Id}");

        Assert.Equal("True because of policy0", printed.ToString());
        var here = File.ReadAllLines(Path.Combine(Repository.Root, "tests", "Cedar.Tests", "ReadmeTests.cs"))
            .Select(l => l.Trim().Replace("WriteLine(", "Console.WriteLine(", StringComparison.Ordinal))
            .ToHashSet();
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "src", "Cedar", "README.md"))
            .Split("```")[1]
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
        Assert.Equal(7, readme.Length);
        Assert.All(readme, line => Assert.Contains(line.Trim(), here));
    }
}

/// <summary>Where the repository lies.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Mumega.sln")))
                return at.FullName;
        }

        throw new InvalidOperationException("the repository's root was not found");
    }
}
