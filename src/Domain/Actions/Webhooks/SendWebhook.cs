using System.Text.Json;
using Mumega.Domain.Webhooks;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Actions.Webhooks;

/// <summary>Sends a signed message (Standard Webhooks) through a named connection. Can't be undone, so it is always gated.</summary>
public sealed class SendWebhook : ExternalAction
{
    public override string Kind => "webhook.send";

    public override string Family => "webhooks";

    public override string Title => "Send a webhook";

    public override string Description => "Sends a signed message to the pinned address of a named connection. What was sent stays sent.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Irreversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["connection", "event", "data"],
              "properties": {
                "connection": { "type": "string", "title": "Connection", "description": "The key of a connection of this workspace.", "minLength": 1, "maxLength": 80 },
                "event": { "type": "string", "title": "Event", "description": "For example order.refunded.", "pattern": "^[a-z0-9_]+(\\.[a-z0-9_]+)*$", "minLength": 1, "maxLength": 100 },
                "data": { "type": "object", "title": "Data", "description": "The message's data. Whole numbers only; write others as strings." },
                "cost": {
                  "type": "object", "title": "Cost at most", "description": "What the receiver will charge, in the currency's smallest unit; counted against budgets.",
                  "additionalProperties": false, "required": ["amount", "currency"],
                  "properties": { "amount": { "type": "integer", "minimum": 0, "maximum": 1000000000000 }, "currency": { "type": "string", "pattern": "^[A-Z]{3}$" } }
                }
              }
            }
            """;

    public override string TargetType => "Connection";

    public override string TargetId(JsonElement input) => input.Text("connection");

    public override string Connector(JsonElement input) => input.Text("connection");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var key = input.Text("connection");
        var connection = await call.State.FindConnectionAsync(key, ct);
        return new(
            [
                new(
                    "connection",
                    connection is not null,
                    connection is null ? $"There is no connection \"{key}\" here." : $"{connection.Name} sends to {connection.Url.Host}."
                ),
            ],
            $"\"{input.Text("event")}\" is sent to {connection?.Url.ToString() ?? key}.",
            null,
            CanonicalJson.Write(input.GetProperty("data")),
            "Irreversible: a message that was received can't be taken back.",
            connection is null ? "-" : $"{connection.Url}/{connection.Idempotent}/{connection.ProbeUrl}"
        );
    }

    public override async Task<Recovery> RecoveryAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindConnectionAsync(input.Text("connection"), ct) switch
        {
            { ProbeUrl: not null } => Recovery.Probe,
            { Idempotent: true } => Recovery.Repeat,
            _ => Recovery.None,
        };

    public override async Task<Delivery> DispatchAsync(
        JsonElement input,
        Guid effectId,
        ActionCall call,
        IWebhookSender sender,
        CancellationToken ct
    ) =>
        await call.State.FindConnectionAsync(input.Text("connection"), ct) is not { } connection
            ? new(DeliveryResult.Refused, "The connection is gone.")
            : await sender.SendAsync(connection, new(effectId, input.Text("event"), Body(input, call)), ct);

    public override async Task<Delivery> ProbeAsync(
        JsonElement input,
        Guid effectId,
        ActionCall call,
        IWebhookSender sender,
        CancellationToken ct
    ) =>
        await call.State.FindConnectionAsync(input.Text("connection"), ct) is not { } connection
            ? new(DeliveryResult.Unknown, "The connection is gone.")
            : await sender.ProbeAsync(connection, effectId, ct);

    private static string Body(JsonElement input, ActionCall call) =>
        JsonSerializer.Serialize(
            new
            {
                type = input.Text("event"),
                timestamp = call.Now.UtcDateTime,
                data = input.GetProperty("data"),
            }
        );
}
