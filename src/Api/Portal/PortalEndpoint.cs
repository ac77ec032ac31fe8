using System.Globalization;
using System.Text.Encodings.Web;
using Microsoft.EntityFrameworkCore;
using Mumega.Infrastructure.Data;

namespace Mumega.Api.Portal;

/// <summary>The public face of published pages: <c>GET /p/{tenant}/{slug}</c>. No scripts, no cookies.</summary>
public static class PortalEndpoint
{
    public static void MapPortal(this WebApplication app) => app.MapGet("/p/{tenant}/{slug}", ServeAsync);

    private static async Task<IResult> ServeAsync(string tenant, string slug, HttpContext http, Databases databases)
    {
        var ct = http.RequestAborted;
        http.Response.Headers.ContentSecurityPolicy =
            "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        http.Response.Headers.CacheControl = "no-cache";

        await using var platform = databases.OpenPlatform();
        var owner = await platform
            .Tenants.AsNoTracking()
            .Where(t => t.Key == tenant && t.ClosedAt == null)
            .Select(t => new { t.Id, t.Name })
            .SingleOrDefaultAsync(ct);
        if (owner is null)
            return Missing();

        await using var all = databases.OpenTenant(owner.Id);
        var address = await all.PortalAddresses.AsNoTracking().SingleOrDefaultAsync(a => a.Slug == slug, ct);
        if (address is null)
            return Missing();

        if (!await all.Workspaces.AnyAsync(w => w.Id == address.WorkspaceId && w.RemovedAt == null, ct))
            return Missing();

        await using var db = databases.Open(owner.Id, address.WorkspaceId);
        var live = await (
            from page in db.Pages
            where page.Id == address.PageId && page.Live != null
            join revision in db.PageRevisions
                on new { PageId = page.Id, Number = page.Live!.Value } equals new { revision.PageId, revision.Number }
            select new
            {
                revision.Title,
                revision.Html,
                revision.Hash,
                page.PublishedAt,
            }
        )
            .AsNoTracking()
            .SingleOrDefaultAsync(ct);
        if (live is null)
            return Missing();

        var tag = $"\"{live.Hash}\"";
        http.Response.Headers.ETag = tag;
        if (http.Request.Headers.IfNoneMatch == tag)
            return Results.StatusCode(StatusCodes.Status304NotModified);

        var encode = HtmlEncoder.Default;
        var date = live.PublishedAt?.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
        return Results.Content(
            Layout(
                encode.Encode(live.Title),
                $"<p class=\"by\">{encode.Encode(owner.Name)} · {date}</p><h1>{encode.Encode(live.Title)}</h1>{live.Html}"
            ),
            "text/html; charset=utf-8"
        );
    }

    private static IResult Missing() =>
        Results.Content(
            Layout("Not found", "<h1>Not found</h1><p>There is no page at this address, or it was taken offline.</p>"),
            "text/html; charset=utf-8",
            statusCode: StatusCodes.Status404NotFound
        );

    private static string Layout(string title, string body) =>
        $$"""
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{title}}</title>
            <style>:root{color-scheme:light dark;--ink:#1b1d23;--soft:#5c6270;--line:#e3e5ea;--paper:#fff;--link:#3b4cca}
            @media(prefers-color-scheme:dark){:root{--ink:#e8eaf0;--soft:#a0a6b5;--line:#30343f;--paper:#15171c;--link:#9aa8ff} }
            body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.65 ui-serif,Georgia,"Times New Roman",serif}
            main{max-width:42rem;margin:0 auto;padding:4.5rem 1.5rem 6rem}h1,h2,h3{font-family:ui-sans-serif,system-ui,sans-serif;line-height:1.2;letter-spacing:-.015em}
            h1{font-size:2.25rem;margin:.25rem 0 1.5rem}h2{margin-top:2.5rem}.by{color:var(--soft);font:14px ui-sans-serif,system-ui,sans-serif;margin:0}
            a{color:var(--link)}table{border-collapse:collapse;width:100%;font:15px/1.5 ui-sans-serif,system-ui,sans-serif}th,td{text-align:left;padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line)}
            pre,code{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:1rem;border:1px solid var(--line);border-radius:8px}img{max-width:100%}blockquote{margin:0;padding-left:1rem;border-left:3px solid var(--line);color:var(--soft)}</style>
            </head><body><main>{{body}}</main></body></html>
            """;
}
