using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.GraphQL.Transport;
using Mumega.Domain;

namespace Mumega.Api.GraphQL;

/// <summary>Whether there is more before or after a page, and the cursors to ask for it with.</summary>
public sealed record PageInfo(bool HasNextPage, bool HasPreviousPage, string? StartCursor, string? EndCursor);

/// <summary>A page of a list: at most 100 rows, 25 when not said, newest first.</summary>
internal static class Paging
{
    public const int Default = 25;
    public const int Max = 100;

    public static int Size(int? first) =>
        first is null or (>= 1 and <= Max)
            ? first ?? Default
            : throw new RefusalException(new InvalidArgument("first", $"between 1 and {Max}."));

    public static string Cursor(DateTimeOffset at, Guid id) => Encode($"{at.UtcTicks}/{id}");

    public static string Cursor(long position) => Encode(position.ToString(CultureInfo.InvariantCulture));

    public static string Cursor(int rank, Guid id) => Encode($"r{rank.ToString(CultureInfo.InvariantCulture)}/{id}");

    public static (int Rank, Guid Id)? Place(string? cursor)
    {
        if (cursor is null)
            return null;
        var parts = Decode(cursor).Split('/');
        return
            parts is [['r', .. var rank], var id]
            && int.TryParse(rank, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && Guid.TryParse(id, out var guid)
            ? (number, guid)
            : throw Bad();
    }

    public static (DateTimeOffset At, Guid Id)? TimeAndId(string? cursor)
    {
        if (cursor is null)
            return null;
        var parts = Decode(cursor).Split('/');
        return
            parts.Length == 2
            && long.TryParse(parts[0], out var ticks)
            && ticks is >= 0 and < 3_000_000_000_000_000_000
            && Guid.TryParse(parts[1], out var id)
            ? (new DateTimeOffset(ticks, TimeSpan.Zero), id)
            : throw Bad();
    }

    public static long? Position(string? cursor) =>
        cursor is null ? null
        : long.TryParse(Decode(cursor), NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position
        : throw Bad();

    /// <summary>Reads one row more than asked for, to know whether there is a next page.</summary>
    public static async Task<(List<T> Rows, PageInfo Info)> PageAsync<T>(
        IQueryable<T> query,
        int? first,
        string? after,
        Func<T, string> cursor,
        CancellationToken ct
    )
    {
        var rows = await query.Take(Size(first) + 1).ToListAsync(ct);
        return (rows, Info(rows, first, after, cursor));
    }

    /// <summary>Takes the one row more away again and says whether it was there.</summary>
    public static PageInfo Info<T>(List<T> rows, int? first, string? after, Func<T, string> cursor)
    {
        var size = Size(first);
        var more = rows.Count > size;
        if (more)
            rows.RemoveAt(size);
        return new(more, after is not null, rows.Count > 0 ? cursor(rows[0]) : null, rows.Count > 0 ? cursor(rows[^1]) : null);
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(text));

    private static string Decode(string cursor) =>
        cursor.Length <= 200 && Base64Url.IsValid(cursor) ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)) : throw Bad();

    private static RefusalException Bad() => new(new BadCursor());
}

/// <summary>The cursor is not one that this list gave out.</summary>
public sealed record BadCursor() : Refusal("This cursor does not belong to this list.");
