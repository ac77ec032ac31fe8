using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>
/// The operations that our own web app has, written down when it is built. A browser's session may send these and no others, so that whoever gets hold of one, or of a script in a page, can do with it what the pages do.
/// Agents and partners come with tokens and ask what they like, within the limits.
/// </summary>
public sealed partial class RegisteredOperations(IWebHostEnvironment environment, GraphQLLimits limits)
{
    private const int MaxRemembered = 2_000;

    private readonly ConcurrentDictionary<string, bool> answered = new(StringComparer.Ordinal);
    private readonly Lazy<HashSet<string>> known = new(() =>
    {
        var file = environment.WebRootFileProvider.GetFileInfo("operations.json");
        if (!file.Exists)
            return [];

        using var stream = file.CreateReadStream();
        return [.. JsonSerializer.Deserialize<Dictionary<string, string>>(stream)!.Values.Select(Plain)];
    });

    /// <summary>Whether a browser's session may send it.</summary>
    public bool Allows(string document)
    {
        if (!limits.RegisteredOnly)
            return true;
        if (answered.TryGetValue(document, out var before))
            return before;
        if (answered.Count >= MaxRemembered)
            answered.Clear();
        return answered[document] = known.Value.Contains(Plain(document));
    }

    // The client adds __typename everywhere and asks what a refusal would take; neither makes it another operation. Nor does white space.
    private static string Plain(string document) =>
        Punctuation().Replace(Spaces().Replace(Added().Replace(document, " "), " "), "$1").Trim();

    [GeneratedRegex(@"\b__typename\b|\.\.\.\s*on\s+ConfirmationNeeded\s*\{\s*confirmationId\s+methods\s+what\s*(?:__typename\s*)?\}")]
    private static partial Regex Added();

    [GeneratedRegex(@"[\s,]+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@" ?([{}()\[\]:!=|@$.]) ?")]
    private static partial Regex Punctuation();
}
