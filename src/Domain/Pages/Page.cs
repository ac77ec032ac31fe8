using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Pages;

/// <summary>A page of the public portal: an address with immutable revisions, of which at most one is live.</summary>
public sealed class Page : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>The last part of the public address; unique within the tenant.</summary>
    public required string Slug { get; init; }

    public string Title { get; private set; } = "";

    /// <summary>The number of the revision that visitors see; absent while the page is offline.</summary>
    public int? Live { get; private set; }

    public int Revisions { get; private set; }

    public DateTimeOffset? PublishedAt { get; private set; }

    public int Version { get; private set; }

    /// <summary>Adds a revision and makes it the live one.</summary>
    public PageRevision Publish(string title, string markdown, string html, string hash, Guid by, DateTimeOffset now)
    {
        var revision = new PageRevision
        {
            TenantId = TenantId,
            WorkspaceId = WorkspaceId,
            PageId = Id,
            Number = ++Revisions,
            Title = title,
            Markdown = markdown,
            Html = html,
            Hash = hash,
            CreatedBy = by,
            CreatedAt = now,
        };
        (Title, Live, PublishedAt) = (title, revision.Number, now);
        return revision;
    }

    /// <summary>Takes the page offline; its revisions stay.</summary>
    public void Unpublish() => (Live, PublishedAt) = (null, null);
}

/// <summary>One immutable version of a page.</summary>
public sealed class PageRevision : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PageId { get; init; }

    /// <summary>From 1 within the page.</summary>
    public required int Number { get; init; }

    public required string Title { get; init; }

    public required string Markdown { get; init; }

    /// <summary>The sanitised rendering that visitors get.</summary>
    public required string Html { get; init; }

    /// <summary>SHA-256 of title and Markdown, lower-case hex.</summary>
    public required string Hash { get; init; }

    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Which page of which workspace a tenant's public address belongs to. Addresses are public, so they are the tenant's.</summary>
public sealed class PortalAddress : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required string Slug { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid PageId { get; init; }
}
