using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mumega.Domain.Identity;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Members;

/// <summary>The name belongs to a role that every tenant has, or looks like one.</summary>
public sealed record ReservedRole(string Key) : Refusal($"{Key} is, or looks like, a role that every tenant has. Choose another name.")
{
    public override IReadOnlyList<string> Path => ["input", "key"];
}

/// <summary>
/// A role of the tenant's own: a Cedar group, bound per workspace like the built-in ones, and a policy that is made from the acts it may do. Gates and forbids of the tenant hold for it as for any other.
/// </summary>
public sealed partial class CustomRole : ITenantOwned
{
    /// <summary>The roles that every tenant has.</summary>
    public static readonly IReadOnlyList<string> BuiltIn = ["owner", "admin", "operator", "approver", "auditor", "agent", "partner"];

    public required Guid TenantId { get; init; }

    /// <summary>The name in bindings and policies, unique in the tenant.</summary>
    public required string Key { get; init; }

    public required string Title { get; set; }

    public string? Description { get; set; }

    /// <summary>A JSON array of the acts that it permits: actions of the catalogue, and acts such as <c>approval.decide</c>.</summary>
    public required string ActsJson { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public int Version { get; private set; }

    public IReadOnlyList<string> Acts => JsonSerializer.Deserialize<string[]>(ActsJson)!;

    /// <summary>Whether a name is one of the built-in roles' or would be read as one.</summary>
    public static bool IsReserved(string key) =>
        BuiltIn.Contains(Letters().Replace(key, "").Replace('0', 'o').Replace('1', 'l').Replace("rn", "m", StringComparison.Ordinal))
        || BuiltIn.Any(b =>
            key == $"{b}s" || Letters().Replace(key, "") == b || Letters().Replace(key, "").Replace('0', 'o').Replace('1', 'i') == b
        );

    /// <summary>The policy that the role stands for, as people read it and the engine decides by it.</summary>
    public string Policy()
    {
        var text = new StringBuilder();
        text.Append(
            $"@id(\"role.{Key}\")\n@reason({Quoted($"The role {Title} may do this.")})\npermit (\n  principal in Mumega::Role::\"{Key}\",\n  action in [\n"
        );
        text.AppendJoin(",\n", Acts.Select(a => $"    Mumega::Action::\"{a}\"")).Append("\n  ],\n  resource\n);\n");
        return text.ToString();
    }

    internal static string Quoted(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    [GeneratedRegex("[^a-z0-9]")]
    private static partial Regex Letters();
}

public enum OverrideEffect
{
    Forbid,
    Permit,
}

/// <summary>
/// An exception for one person or agent in one workspace: one act that they may not do although their role lets them, or may although it does not; or one scope that counts for nothing. It holds along a chain: who acts for
/// somebody is bound by it too.
/// </summary>
public sealed class AuthorityOverride : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>An action of the catalogue, an act such as <c>approval.decide</c>, or a scope such as <c>mumega:decide</c>.</summary>
    public required string Act { get; init; }

    public required PrincipalKind Kind { get; init; }

    public required OverrideEffect Effect { get; set; }

    public required Guid SetBy { get; set; }

    /// <summary>The <see cref="Policies.Level"/> at which it was set: only that level or a higher one lifts a forbid.</summary>
    public string Level { get; set; } = Policies.Level.Admin;

    public required DateTimeOffset SetAt { get; set; }

    public int Version { get; private set; }

    /// <summary>The policy that it stands for.</summary>
    public string Policy()
    {
        var scope = Scopes.All.Contains(Act);
        var (verb, words) =
            Effect is OverrideEffect.Forbid ? ("forbid", "may not, by an exception for them") : ("permit", "may, by an exception for them");
        var action = scope ? "action" : $"action == Mumega::Action::\"{Act}\"";
        var circumstance = $"context.workspace == \"{WorkspaceId}\"{(scope ? $" && context.scope == \"{Act}\"" : "")}";
        return $"@id(\"override.{PrincipalId:N}.{WorkspaceId:N}.{Act}\")\n@reason(\"They {words}.\")\n{verb} (principal == Mumega::{Kind}::\"{PrincipalId}\", {action}, resource)\nwhen {{ {circumstance} }};\n";
    }
}
