using System.Diagnostics;

namespace Mumega.App.Tests;

/// <summary>A Node script of tests/clients, run as a process of its own.</summary>
internal sealed class Node : IDisposable
{
    private readonly Process process;

    private Node(Process process) => this.process = process;

    public static Node Start(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("node")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.Combine(Repository.Root, "tests", "clients"),
        };
        start.ArgumentList.Add(script);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return new(Process.Start(start)!);
    }

    public async Task<string?> LineAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        return await process.StandardOutput.ReadLineAsync(limit.Token);
    }

    public async Task<(int Code, string Output)> EndAsync()
    {
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }
}

internal static class Repository
{
    public static string Root { get; } = Find(new(AppContext.BaseDirectory));

    /// <summary>The server that tests start as a process of its own: what was just built, or the same compiled ahead of time where <c>tests/run.sh</c> made that.</summary>
    public static string Server { get; } =
        Environment.GetEnvironmentVariable("MUMEGA_TEST_SERVER") is { Length: > 0 } path
            ? path
            : Path.Combine(Root, "src", "Api", "bin", "Debug", "net10.0", "Mumega.Api.dll");

    private static string Find(DirectoryInfo? folder) =>
        folder is null ? throw new InvalidOperationException("Mumega.sln was not found above the tests")
        : File.Exists(Path.Combine(folder.FullName, "Mumega.sln")) ? folder.FullName
        : Find(folder.Parent);
}
