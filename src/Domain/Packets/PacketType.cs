using System.Text.Json;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Packets;

/// <summary>A version of a kind of packets and of what their payload looks like. None is ever changed; packets keep the one they began with.</summary>
public sealed class PacketType : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>A short name, for example <c>refund</c>.</summary>
    public required string Key { get; init; }

    /// <summary>From 1; the highest is the one that new packets begin with.</summary>
    public required int Number { get; init; }

    public required string Title { get; init; }

    public string? Description { get; init; }

    /// <summary>JSON Schema (draft 2020-12) of the payload.</summary>
    public required string SchemaJson { get; init; }

    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public JsonElement Schema => JsonDocument.Parse(SchemaJson).RootElement;
}

/// <summary>A label of a packet, kept so that packets are found by it.</summary>
public sealed class PacketLabel : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string Label { get; init; }

    public required Guid PacketId { get; init; }
}
