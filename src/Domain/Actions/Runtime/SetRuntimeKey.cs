using System.Text.Json;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Actions.Runtime;

/// <summary>Sets a key of the workspace's runtime profile. Undone by setting the value that was there before.</summary>
public sealed class SetRuntimeKey : InternalAction
{
    public override string Kind => "runtime.set";

    public override string Family => "runtime";

    public override string Title => "Set a runtime key";

    public override string Description =>
        "Changes one key of the workspace's runtime profile; refuses when the value is no longer what you expected.";

    public override Blast Blast => Blast.Low;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["key", "value"],
              "properties": {
                "key": { "type": "string", "title": "Key", "description": "Small letters, digits, dots and hyphens.",
                         "pattern": "^[a-z0-9]+([.-][a-z0-9]+)*$", "minLength": 1, "maxLength": 100 },
                "value": { "title": "Value", "description": "Any JSON; null removes the key." },
                "expected": { "title": "Expected value", "description": "Set it only if this is the value now; null for no value." }
              }
            }
            """;

    public override string TargetType => "ProfileKey";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var key = input.Text("key");
        var entry = await call.State.FindProfileEntryAsync(key, ct);
        var after = Canonical(input.GetProperty("value"));
        var drifted = input.TryGetProperty("expected", out var expected) && Canonical(expected) != entry?.Value;

        return new(
            [
                new(
                    "drift",
                    !drifted,
                    drifted
                        ? $"{key} is {entry?.Value ?? "not set"}, not {Canonical(expected) ?? "unset"}."
                        : "The value is what was expected."
                ),
                new("change", after != entry?.Value, after == entry?.Value ? $"{key} already has this value." : "The value changes."),
            ],
            after is null ? $"{key} is removed." : $"{key} becomes {after}.",
            entry?.Value,
            after,
            $"Set {key} back to {entry?.Value ?? "no value"}.",
            $"{entry?.Version ?? 0}/{entry?.Value ?? "-"}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var key = input.Text("key");
        var entry = await call.State.FindProfileEntryAsync(key, ct);
        if (entry is null)
        {
            entry = new()
            {
                TenantId = call.By.TenantId,
                WorkspaceId = call.State.WorkspaceId,
                Key = key,
            };
            call.State.Add(entry);
        }

        var (before, after) = (entry.Value, Canonical(input.GetProperty("value")));
        entry.Set(after, call.Now);
        return new Change(
            after is null ? $"{key} is removed." : $"{key} is {after}.",
            new(
                Kind,
                JsonSerializer.SerializeToElement(
                    new
                    {
                        key,
                        value = Raw(before),
                        expected = Raw(after),
                    }
                ),
                $"Set {key} back."
            ),
            before,
            after
        );
    }

    private static string? Canonical(JsonElement value) => value.ValueKind == JsonValueKind.Null ? null : CanonicalJson.Write(value);

    private static JsonElement? Raw(string? json) => json is null ? null : JsonDocument.Parse(json).RootElement;
}
