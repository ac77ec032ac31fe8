using System.Security.Claims;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mumega.Api.GraphQL;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.Identity;

/// <summary>
/// The parameter, claim and answer <c>authorization_details</c> (RFC 9396), with one type:
/// <c>[{"type": "mumega_acts", "actions": ["page.publish"], "workspaces": ["…"], "locations": ["https://…/graphql"]}]</c>.
/// <c>actions</c> are kinds of actions or control acts, <c>workspaces</c> their global ids (absent for all), <c>locations</c> the API and nothing else.
/// What is not known is refused (section 5), never left out.
/// </summary>
internal sealed class AuthorizationDetails(ActionCatalog catalog, PublicAddress address)
{
    /// <summary>The error that answers what can't be read or is not known (RFC 9396, section 5).</summary>
    public const string Invalid = "invalid_authorization_details";

    private const int MaxText = 16_384;
    private const int MaxElements = 16;
    private const int MaxNames = 200;

    private readonly string api = TokenServer.ResourceOf(address.Value);

    /// <summary>What a request asks for, or why it can't be had.</summary>
    public Outcome<List<ActLimit>> Read(string text)
    {
        if (text.Length > MaxText)
            return Bad("", $"a JSON array of at most {MaxText} characters.");

        try
        {
            using var json = JsonDocument.Parse(text, new() { AllowDuplicateProperties = false, MaxDepth = 8 });
            return Read(json.RootElement);
        }
        catch (JsonException e)
        {
            return Bad("", $"this is not JSON, or has a name twice (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}).");
        }
    }

    private Outcome<List<ActLimit>> Read(JsonElement json)
    {
        if (json.ValueKind is not JsonValueKind.Array || json.GetArrayLength() is 0 or > MaxElements)
            return Bad("", $"an array of one to {MaxElements} objects.");

        var limits = new List<ActLimit>();
        foreach (var (at, element) in json.EnumerateArray().Index())
        {
            if (element.ValueKind is not JsonValueKind.Object)
                return Bad($"[{at}]", "an object.");
            if (
                element
                    .EnumerateObject()
                    .Select(p => p.Name)
                    .FirstOrDefault(n => n is not ("type" or "actions" or "workspaces" or "locations")) is
                { } unknown
            )
                return Bad($"[{at}]", $"there is no member {Printable(unknown)}.");
            if (
                !element.TryGetProperty("type", out var type)
                || type.ValueKind is not JsonValueKind.String
                || !type.ValueEquals(ActLimit.Type)
            )
                return Bad($"[{at}].type", $"the only type is {ActLimit.Type}.");
            if (Names(element, "actions") is not { Count: > 0 } acts)
                return Bad($"[{at}].actions", "an array of kinds of actions, one at least.");
            if (acts.FirstOrDefault(a => catalog.Find(a) is null && !ControlAct.All.Contains(a)) is { } none)
                return Bad($"[{at}].actions", $"there is no action {Printable(none)}.");
            if (element.TryGetProperty("locations", out _) && (Names(element, "locations") is not [var location] || location != api))
                return Bad($"[{at}].locations", $"nothing but {api}.");

            HashSet<Guid>? workspaces = null;
            if (element.TryGetProperty("workspaces", out _))
            {
                if (Names(element, "workspaces") is not { Count: > 0 } ids)
                    return Bad($"[{at}].workspaces", "an array of ids of workspaces, one at least.");
                workspaces = [];
                foreach (var id in ids)
                {
                    if (NodeId.Parse(id, "Workspace") is not { } node)
                        return Bad($"[{at}].workspaces", $"{Printable(id)} is no id of a workspace.");
                    workspaces.Add(node.Id);
                }
            }

            limits.Add(new(acts.ToHashSet(StringComparer.Ordinal), workspaces));
        }

        return limits;
    }

    /// <summary>What a token of ours is limited to; null for no limit. One that can't be read allows nothing.</summary>
    public static IReadOnlyList<ActLimit>? Of(ClaimsPrincipal principal)
    {
        var claims = principal.FindAll(TokenClaims.Details).Select(c => c.Value).ToList();
        if (claims.Count == 0)
            return null;

        var limits = new List<ActLimit>();
        foreach (var claim in claims)
        {
            // An array of one element arrives as that element.
            using var json = JsonDocument.Parse(claim);
            foreach (
                var element in json.RootElement.ValueKind is JsonValueKind.Array
                    ? json.RootElement.EnumerateArray().ToList()
                    : [json.RootElement]
            )
                limits.Add(
                    new(
                        Names(element, "actions")!.ToHashSet(StringComparer.Ordinal),
                        Names(element, "workspaces")?.Select(id => NodeId.Parse(id, "Workspace")!.Value.Id).ToHashSet()
                    )
                );
        }

        return limits;
    }

    /// <summary>The same as the claim and in the answer of the token server (section 7).</summary>
    public static JsonArray Write(IReadOnlyList<ActLimit> limits) =>
        [
            .. limits.Select(l =>
            {
                var element = new JsonObject { ["type"] = ActLimit.Type, ["actions"] = Array(l.Acts.Order(StringComparer.Ordinal)) };
                if (l.Workspaces is { } workspaces)
                    element["workspaces"] = Array(workspaces.Select(w => NodeId.Of("Workspace", w, w)).Order(StringComparer.Ordinal));
                return element;
            }),
        ];

    private static JsonArray Array(IEnumerable<string> names) => [.. names.Select(n => JsonValue.Create(n))];

    private static List<string>? Names(JsonElement element, string member) =>
        element.TryGetProperty(member, out var array)
        && array.ValueKind is JsonValueKind.Array
        && array.GetArrayLength() <= MaxNames
        && array.EnumerateArray().All(n => n.ValueKind is JsonValueKind.String)
            ? [.. array.EnumerateArray().Select(n => n.GetString()!)]
            : null;

    // RFC 6749 allows few characters in a description.
    private static string Printable(string text)
    {
        var said = new StringBuilder();
        foreach (var c in text.Take(60))
            said.Append(c is >= ' ' and <= '~' and not ('"' or '\\') ? c : '?');
        return said.ToString();
    }

    private static InvalidArgument Bad(string place, string why) => new($"{TokenClaims.Details}{place}", why);
}
