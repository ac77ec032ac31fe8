using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.Domain.Pages;

namespace Mumega.Domain.Actions.Pages;

/// <summary>Puts a Markdown page at its public address. Undone by taking it offline, or by publishing what was there before.</summary>
public sealed class PublishPage : InternalAction
{
    public override string Kind => "page.publish";

    public override string Family => "pages";

    public override string Title => "Publish a page";

    public override string Description => "Puts a Markdown page at its public address, or replaces what is there.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["slug", "title", "markdown"],
              "properties": {
                "slug": { "type": "string", "title": "Address", "description": "The last part of the public address: small letters, digits and hyphens.",
                          "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 1, "maxLength": 80 },
                "title": { "type": "string", "title": "Title", "minLength": 1, "maxLength": 200 },
                "markdown": { "type": "string", "title": "Text", "description": "CommonMark. HTML in it is shown as text.", "format": "markdown",
                              "minLength": 1, "maxLength": 100000 },
                "replaces": { "type": "integer", "title": "Replaces revision", "description": "Publish only if this revision is live; 0 for none.", "minimum": 0 }
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
        var taken = page is null && await call.State.IsAddressTakenAsync(slug, ct);
        var expected = input.TryGetProperty("replaces", out var replaces) ? replaces.GetInt32() : (int?)null;
        var address = call.State.PageAddress(slug);

        return new(
            [
                new("address", !taken, taken ? $"{address} is already in use." : $"{address} is free or ours."),
                new("content", !string.IsNullOrWhiteSpace(input.Text("markdown")), "The page has text."),
                new(
                    "drift",
                    expected is null || expected == (live?.Number ?? 0),
                    expected is null
                        ? "No particular revision is expected."
                        : $"Revision {expected} is expected live; {live?.Number ?? 0} is."
                ),
            ],
            live is null
                ? $"\"{input.Text("title")}\" goes live at {address}."
                : $"\"{input.Text("title")}\" replaces revision {live.Number} at {address}.",
            live is null ? null : Source(live.Title, live.Markdown),
            Source(input.Text("title"), input.Text("markdown")),
            live is null ? $"Take {address} offline again." : $"Publish revision {live.Number} again.",
            $"{page?.Revisions ?? 0}/{live?.Hash ?? "-"}/{taken}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (slug, title, markdown) = (input.Text("slug"), input.Text("title"), input.Text("markdown"));
        var page = await call.State.FindPageAsync(slug, ct);
        if (page is null)
        {
            page = new()
            {
                TenantId = call.By.TenantId,
                WorkspaceId = call.State.WorkspaceId,
                Id = Guid.CreateVersion7(call.Now),
                Slug = slug,
            };
            call.State.Add(page);
            call.State.Add(
                new PortalAddress
                {
                    TenantId = page.TenantId,
                    Slug = slug,
                    WorkspaceId = page.WorkspaceId,
                    PageId = page.Id,
                }
            );
        }

        var before = page.Live is { } live ? await call.State.FindRevisionAsync(page.Id, live, ct) : null;
        var revision = page.Publish(title, markdown, call.State.Render(markdown), Hash(title, markdown), call.By.Id, call.Now);
        call.State.Add(revision);

        var undo = before is null
            ? new Undo(
                "page.unpublish",
                JsonSerializer.SerializeToElement(new { slug, revision = revision.Number }),
                "Take the page offline again."
            )
            : new Undo(
                Kind,
                JsonSerializer.SerializeToElement(
                    new
                    {
                        slug,
                        title = before.Title,
                        markdown = before.Markdown,
                        replaces = revision.Number,
                    }
                ),
                $"Publish revision {before.Number} again."
            );
        return new Change($"\"{title}\" is live at {call.State.PageAddress(slug)}.", undo, before?.Hash, revision.Hash);
    }

    private static string Source(string title, string markdown) => $"# {title}\n\n{markdown}";

    internal static string Hash(string title, string markdown) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{title}\0{markdown}")));
}
