using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Receipts;

/// <summary>A receipt with its place in the tenant's order; the place is the cursor to resume from.</summary>
public sealed record FeedItem(long Position, Receipt Receipt);

/// <summary>The subscriber did not keep up and was dropped; it can resume from its last cursor.</summary>
public sealed class SlowSubscriberException() : Exception("The subscriber was too slow; resume from the last cursor.");

/// <summary>
/// Live receipts of a workspace. One reader per workspace follows the database and hands each receipt to all subscribers; one that
/// does not keep up is dropped, never waited for.
/// </summary>
public sealed class ReceiptFeed(Databases databases, Signals signals, TimeProvider clock)
{
    private const int Buffer = 1024;
    private const int Batch = 200;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<(Guid Tenant, Guid Workspace), Room> rooms = new();

    /// <summary>Every receipt after the position, in order and without gaps; from now on when there is none.</summary>
    public async IAsyncEnumerable<FeedItem> FollowAsync(
        Guid tenantId,
        Guid workspaceId,
        long? after,
        [EnumeratorCancellation] CancellationToken ct
    )
    {
        var channel = Channel.CreateBounded<FeedItem>(new BoundedChannelOptions(Buffer) { SingleReader = true });
        var room = rooms.GetOrAdd((tenantId, workspaceId), _ => new());
        var last = await JoinAsync(room, tenantId, workspaceId, channel, ct);
        try
        {
            if (after is { } position)
            {
                last = position;
                while (await ReadAsync(tenantId, workspaceId, last, ct) is { Count: > 0 } missed)
                {
                    foreach (var item in missed)
                        yield return item;
                    last = missed[^1].Position;
                }
            }

            await foreach (var item in channel.Reader.ReadAllAsync(ct))
            {
                if (item.Position <= last)
                    continue;
                last = item.Position;
                yield return item;
            }
        }
        finally
        {
            lock (room)
                room.Subscribers.Remove(channel);
        }
    }

    private async Task<long> JoinAsync(Room room, Guid tenantId, Guid workspaceId, Channel<FeedItem> channel, CancellationToken ct)
    {
        await room.Starting.WaitAsync(ct);
        try
        {
            if (room.Reader is null || room.Reader.IsCompleted)
            {
                await using var db = databases.OpenPlatform();
                room.Last =
                    await db.ReceiptPlaces.Where(p => p.TenantId == tenantId && p.WorkspaceId == workspaceId).MaxAsync(p => p.Position, ct)
                    ?? 0;
                lock (room)
                    room.Subscribers.Add(channel);
                room.Reader = Task.Run(() => FollowAsync(room, tenantId, workspaceId), CancellationToken.None);
            }
            else
            {
                lock (room)
                    room.Subscribers.Add(channel);
            }

            return Interlocked.Read(ref room.Last);
        }
        finally
        {
            room.Starting.Release();
        }
    }

    private async Task FollowAsync(Room room, Guid tenantId, Guid workspaceId)
    {
        while (true)
        {
            lock (room)
            {
                if (room.Subscribers.Count == 0)
                    return;
            }

            var wake = signals.Feed.Next;
            List<FeedItem> items;
            try
            {
                items = await ReadAsync(tenantId, workspaceId, room.Last, CancellationToken.None);
            }
            catch (System.Data.Common.DbException)
            {
                await Task.Delay(Poll, clock);
                continue;
            }

            foreach (var item in items)
                Broadcast(room, item);
            if (items.Count > 0)
                Interlocked.Exchange(ref room.Last, items[^1].Position);
            else
                await Task.WhenAny(wake, Task.Delay(Poll, clock));
        }
    }

    private static void Broadcast(Room room, FeedItem item)
    {
        lock (room)
        {
            foreach (var subscriber in room.Subscribers.ToArray())
            {
                if (subscriber.Writer.TryWrite(item))
                    continue;
                subscriber.Writer.TryComplete(new SlowSubscriberException());
                room.Subscribers.Remove(subscriber);
            }
        }
    }

    private async Task<List<FeedItem>> ReadAsync(Guid tenantId, Guid workspaceId, long after, CancellationToken ct)
    {
        await using var db = databases.Open(tenantId, workspaceId);
        return await db.Queries.ReceiptsAfter(db, tenantId, workspaceId, after, Batch).ToListAsync(ct);
    }

    private sealed class Room
    {
        public readonly SemaphoreSlim Starting = new(1, 1);
        public readonly List<Channel<FeedItem>> Subscribers = [];
        public Task? Reader;
        public long Last;
    }
}
