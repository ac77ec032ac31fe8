using Ganss.Xss;
using Markdig;

namespace Mumega.Infrastructure.Pages;

/// <summary>Markdown (CommonMark with tables, footnotes and task lists) as HTML that is safe to serve.</summary>
public static class Markdown
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .DisableHtml()
        .UsePipeTables()
        .UseFootnotes()
        .UseAutoLinks()
        .UseTaskLists()
        .UseEmphasisExtras()
        .UseAutoIdentifiers()
        .Build();

    // The sanitiser is the second wall: the parser already turns HTML into text.
    private static readonly HtmlSanitizer Sanitizer = new(
        new HtmlSanitizerOptions
        {
            AllowedTags = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
            {
                "h1",
                "h2",
                "h3",
                "h4",
                "h5",
                "h6",
                "p",
                "a",
                "ul",
                "ol",
                "li",
                "em",
                "strong",
                "del",
                "ins",
                "sub",
                "sup",
                "mark",
                "code",
                "pre",
                "blockquote",
                "table",
                "thead",
                "tbody",
                "tr",
                "th",
                "td",
                "hr",
                "br",
                "img",
                "div",
                "section",
                "input",
            },
            AllowedAttributes = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
            {
                "href",
                "src",
                "alt",
                "title",
                "id",
                "class",
                "type",
                "checked",
                "disabled",
                "start",
            },
            AllowedSchemes = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "https", "http", "mailto" },
            UriAttributes = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "href", "src" },
        }
    );

    public static string Render(string markdown) => Sanitizer.Sanitize(Markdig.Markdown.ToHtml(markdown, Pipeline));
}
