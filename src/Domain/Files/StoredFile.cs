using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Files;

/// <summary>A file, kept once by its content.</summary>
public sealed class StoredFile : IWorkspaceOwned
{
    /// <summary>The largest that is taken, in bytes.</summary>
    public const int MaxBytes = 10 * 1024 * 1024;

    /// <summary>How long a file waits to be attached.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>SHA-256 of the content, lower-case hex.</summary>
    public required string Digest { get; init; }

    /// <summary>Its media type, as its content shows.</summary>
    public required string Type { get; init; }

    public required long Size { get; init; }

    public required byte[] Content { get; init; }

    public required Guid UploadedBy { get; init; }

    public required DateTimeOffset UploadedAt { get; init; }

    /// <summary>When a packet first had it; a file that none ever had is forgotten after <see cref="Kept"/>.</summary>
    public DateTimeOffset? AttachedAt { get; set; }
}

/// <summary>The file is larger than what is taken.</summary>
public sealed record FileTooLarge(long Bytes, long MaxBytes)
    : Refusal($"The file has {Bytes:N0} bytes or more; at most {MaxBytes:N0} are taken. Split it, or link to it.");

/// <summary>The content of the file is not what it was said to be.</summary>
public sealed record FileTypeMismatch(string Declared, string Found)
    : Refusal($"The file was declared as {Declared}, and its content is {Found}. Send it under its own type.");

/// <summary>Files of that type are not taken.</summary>
public sealed record FileTypeRefused(string Type, IReadOnlyList<string> Accepted)
    : Refusal($"Files of the type {Type} are not taken; these are: {string.Join(", ", Accepted)}.");

/// <summary>What a file is, by its first bytes. Only what can be told apart by its content is taken.</summary>
public static class FileTypes
{
    private static readonly (string Type, byte[] Magic, int At)[] Magics =
    [
        ("application/pdf", "%PDF-"u8.ToArray(), 0),
        ("image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 0),
        ("image/jpeg", [0xff, 0xd8, 0xff], 0),
        ("image/gif", "GIF8"u8.ToArray(), 0),
        ("image/webp", "WEBP"u8.ToArray(), 8),
        ("application/zip", [0x50, 0x4b, 0x03, 0x04], 0),
        ("application/gzip", [0x1f, 0x8b], 0),
    ];

    // Documents that are archives inside: their content shows the archive.
    private static readonly Dictionary<string, string> Inside = new(StringComparer.Ordinal)
    {
        ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] = "application/zip",
        ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] = "application/zip",
        ["application/vnd.openxmlformats-officedocument.presentationml.presentation"] = "application/zip",
    };

    private static readonly string[] Texts = ["text/plain", "text/csv", "text/markdown", "application/json", "application/x-ndjson"];

    public static IReadOnlyList<string> Accepted { get; } = [.. Magics.Select(m => m.Type), .. Inside.Keys, .. Texts];

    /// <summary>The type to keep, or why the file is not taken.</summary>
    public static Outcome<string> Read(string declared, ReadOnlySpan<byte> content)
    {
        declared = declared.Split(';')[0].Trim().ToLowerInvariant();
        if (!Accepted.Contains(declared))
            return new FileTypeRefused(declared, Accepted);

        var found = Find(content);
        if (Texts.Contains(declared))
            return found == "text/plain" && (declared != "application/json" || IsJson(content))
                ? declared
                : new FileTypeMismatch(declared, found == "text/plain" ? "other text" : found);
        return found == Inside.GetValueOrDefault(declared, declared) ? declared : new FileTypeMismatch(declared, found);
    }

    private static string Find(ReadOnlySpan<byte> content)
    {
        foreach (var (type, magic, at) in Magics)
        {
            if (content.Length >= at + magic.Length && content.Slice(at, magic.Length).SequenceEqual(magic))
                return type;
        }

        // A program or a page that a browser would run is no text to us.
        if (content.StartsWith("MZ"u8) || content.StartsWith("\x7f\x45LF"u8))
            return "a program";
        return System.Text.Unicode.Utf8.IsValid(content) && content.IndexOf((byte)0) < 0 ? "text/plain" : "unknown binary data";
    }

    private static bool IsJson(ReadOnlySpan<byte> content)
    {
        try
        {
            var reader = new System.Text.Json.Utf8JsonReader(content);
            while (reader.Read()) { }
            return true;
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }
}
