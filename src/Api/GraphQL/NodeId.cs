using System.Buffers.Text;
using System.Text;

namespace Mumega.Api.GraphQL;

/// <summary>A global id: the type, the workspace and the key of an object, opaque to clients (Relay's object identification).</summary>
public readonly record struct NodeId(string Type, Guid WorkspaceId, string Key)
{
    public static string Of(string type, Guid workspaceId, object key) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{type}:{workspaceId:N}:{key}"));

    public static NodeId? Parse(string? id)
    {
        if (id is null || id.Length > 400 || !Base64Url.IsValid(id))
            return null;
        var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(id)).Split(':', 3);
        return parts.Length == 3 && Guid.TryParseExact(parts[1], "N", out var workspace) ? new(parts[0], workspace, parts[2]) : null;
    }

    /// <summary>The workspace and the GUID of an object of this type, or null for anything else.</summary>
    public static (Guid Workspace, Guid Id)? Parse(string? id, string type) =>
        Parse(id) is { } node && node.Type == type && Guid.TryParse(node.Key, out var key) ? (node.WorkspaceId, key) : null;
}
