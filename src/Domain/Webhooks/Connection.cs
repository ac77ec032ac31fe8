using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Webhooks;

/// <summary>A named way out: an address that a workspace may send signed messages to. The host is pinned.</summary>
public sealed class Connection : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required string Key { get; init; }

    public required string Name { get; set; }

    public required Uri Url { get; init; }

    /// <summary>The Standard Webhooks signing secret, sealed; only the connector opens it.</summary>
    public required string SealedSecret { get; set; }

    /// <summary>Whether the receiver drops a message whose id it has seen, so that a repeat is safe.</summary>
    public required bool Idempotent { get; init; }

    /// <summary>Where the receiver can be asked about a message: <c>GET {ProbeUrl}/{id}</c>, 200 received, 404 not.</summary>
    public Uri? ProbeUrl { get; init; }
}

/// <summary>A message that leaves the building.</summary>
/// <param name="Id">The effect id; the receiver's idempotency key.</param>
public sealed record WebhookMessage(Guid Id, string Event, string Body);

/// <summary>What is known after trying to send.</summary>
/// <param name="Result">Whether the receiver confirmed, refused, or nothing is known.</param>
public sealed record Delivery(DeliveryResult Result, string Detail);

public enum DeliveryResult
{
    Confirmed,
    Refused,
    Unknown,
    Absent,
}

/// <summary>The outside world behind a connection.</summary>
public interface IWebhookSender
{
    /// <summary>Sends once. Never throws for what the network or the receiver does.</summary>
    Task<Delivery> SendAsync(Connection connection, WebhookMessage message, CancellationToken ct);

    /// <summary>Asks the receiver whether it has the message. <see cref="DeliveryResult.Absent"/> when it says no.</summary>
    Task<Delivery> ProbeAsync(Connection connection, Guid id, CancellationToken ct);

    /// <summary>Why the address may not be reached, or null when it may: scheme, port, and where the name resolves to.</summary>
    Task<string?> RefusalAsync(Uri url, CancellationToken ct);
}
