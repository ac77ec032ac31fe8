using System.Text.Json;

namespace Mumega.Domain.Actions.Pages;

/// <summary>Takes a page offline. Undone by publishing the same text again.</summary>
public sealed class UnpublishPage : InternalAction
{
    public override string Kind => "page.unpublish";

    public override string Family => "pages";

    public override string Title => "Take a page offline";

    public override string Description => "The public address answers \"not found\" from then on; the revisions are kept.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["slug"],
              "properties": {
                "slug": { "type": "string", "title": "Address", "description": "The last part of the public address.",
                          "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 1, "maxLength": 80 },
                "revision": { "type": "integer", "title": "Live revision", "description": "Take it offline only if this revision is live.", "minimum": 1 }
              }
            }
            """;

    public override string TargetType => "Page";

    public override string TargetId(JsonElement input) => input.Text("slug");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var slug = input.Text("slug");
        var page = await call.State.FindPageAsync(slug, ct);
        var live = page?.Live is { } number ? await call.State.FindRevisionAsync(page.Id, number, ct) : null;
        var expected = input.TryGetProperty("revision", out var revision) ? revision.GetInt32() : (int?)null;
        var address = call.State.PageAddress(slug);

        return new(
            [
                new(
                    "live",
                    live is not null,
                    live is null ? $"Nothing is live at {address}." : $"Revision {live.Number} is live at {address}."
                ),
                new(
                    "drift",
                    expected is null || expected == live?.Number,
                    expected is null
                        ? "No particular revision is expected."
                        : $"Revision {expected} is expected live; {live?.Number ?? 0} is."
                ),
            ],
            $"{address} stops being readable.",
            live is null ? null : $"# {live.Title}\n\n{live.Markdown}",
            null,
            "Publish the same text again.",
            $"{page?.Revisions ?? 0}/{live?.Hash ?? "-"}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var slug = input.Text("slug");
        if (await call.State.FindPageAsync(slug, ct) is not { Live: { } number } page)
            return new NotFound("live page", slug);
        if (await call.State.FindRevisionAsync(page.Id, number, ct) is not { } live)
            return new NotFound("revision", $"{slug}/{number}");

        page.Unpublish();
        return new Change(
            $"{call.State.PageAddress(slug)} is offline.",
            new(
                "page.publish",
                JsonSerializer.SerializeToElement(
                    new
                    {
                        slug,
                        title = live.Title,
                        markdown = live.Markdown,
                        replaces = 0,
                    }
                ),
                "Publish the same text again."
            ),
            live.Hash,
            null
        );
    }
}
