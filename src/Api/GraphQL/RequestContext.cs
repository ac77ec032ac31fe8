using System.Collections.Concurrent;
using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.GraphQL;

/// <summary>One request: who asks, and what was already looked up for it. Tenant and principal come from here and nowhere else.</summary>
public sealed class RequestContext(Caller caller, IServiceProvider services, bool readOnly) : Dictionary<string, object?>
{
    private readonly Actor actor = caller.Actor;
    private readonly ConcurrentDictionary<Guid, Task<WorkspaceNode?>> visible = new();
    private readonly ConcurrentDictionary<Guid, Task<MayDecide>> deciders = new();
    private readonly ConcurrentDictionary<Guid, Task<ReadDoor>> doors = new();
    private readonly ConcurrentDictionary<string, object> batches = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<Guid, bool>> counted = new();

    private volatile bool forgotten;

    /// <summary>The browser's session that the request came by; absent for a token.</summary>
    public string? Session => caller.Session;

    public Caller Caller => caller;

    public Actor Actor => actor;

    /// <summary>The elevations by which the caller saw a workspace in this request.</summary>
    public ConcurrentDictionary<Guid, Guid> Elevated { get; } = new();

    /// <summary>Whether only queries may run, as in a GET.</summary>
    public bool ReadOnly => readOnly;

    public Desk Desk { get; } = services.GetRequiredService<Desk>();

    public Reading Reading { get; } = services.GetRequiredService<Reading>();

    public Kernel Kernel { get; } = services.GetRequiredService<Kernel>();

    public DateTimeOffset Now => Domain.Clock.Now(Desk.Clock);

    public string PublicAddress { get; } = services.GetRequiredService<PublicAddress>().Value;

    /// <summary>
    /// Why the caller may not change their own password, factors and sessions: they are no person, act for one, or hold a token that may
    /// not propose.
    /// </summary>
    public Refusal? WhyNotOwnAccount() =>
        actor is not { Kind: PrincipalKind.User, Chain.Count: 0 } ? new HumanRequired()
        : !actor.Scopes.Contains(Scopes.Propose) ? new ScopeRequired(Scopes.Propose)
        : null;

    public MumegaDb Open(Guid workspaceId) => Desk.Databases.Open(actor.TenantId, workspaceId);

    public MumegaDb OpenTenant() => Desk.Databases.OpenTenant(actor.TenantId);

    /// <summary>The same asked anew, whatever was remembered.</summary>
    public async Task<bool> StillSeesAsync(Guid workspaceId)
    {
        await using var sitting = await Desk.SitAsync(actor, workspaceId, CancellationToken.None);
        return sitting.MaySee;
    }

    /// <summary>Whether the caller may see the workspace. Another tenant's never exists.</summary>
    public async Task<bool> MaySeeAsync(Guid workspaceId) => await WorkspaceAsync(workspaceId) is not null;

    /// <summary>The workspace if the caller may see it, decided by policy once per request.</summary>
    public Task<WorkspaceNode?> WorkspaceAsync(Guid workspaceId) =>
        visible.GetOrAdd(
            workspaceId,
            async id =>
            {
                await using var sitting = await SitAsync(id);
                if (sitting.Elevation is { } elevation)
                    Elevated[id] = elevation;
                return await sitting.SeeAsync(CancellationToken.None) is { } seen ? new(seen.Workspace, seen.TenantKey) : null;
            }
        );

    /// <summary>Why the caller may decide nothing at all in the workspace, if so, and the roles by which they decide; looked up once per request.</summary>
    public Task<MayDecide> DecidesAsync(Guid workspaceId) =>
        deciders.GetOrAdd(
            workspaceId,
            async id =>
            {
                await using var sitting = await SitAsync(id);
                var decider = await sitting.DeciderAsync(CancellationToken.None);
                return new(
                    sitting.Decide(ControlAct.DecideApproval) is { Verdict: Verdict.Deny } no ? no.AsRefusal() : null,
                    sitting.Roles,
                    decider
                );
            }
        );

    // What authentication read holds for the request; a subscription outlives it.
    private Task<Sitting> SitAsync(Guid workspaceId) =>
        forgotten
            ? Desk.SitAsync(actor, workspaceId, CancellationToken.None)
            : Desk.SitAsync(actor, workspaceId, caller.Authority, CancellationToken.None);

    /// <summary>Drops what was looked up, so that the next event of a subscription shows what holds by then.</summary>
    public void Forget()
    {
        forgotten = true;
        visible.Clear();
        deciders.Clear();
        doors.Clear();
        batches.Clear();
    }

    /// <summary>The names of principals, loaded together.</summary>
    public IDataLoaderResult<Principal?> PrincipalAsync(Guid id) =>
        Batch<Guid, Principal>(
                "principal",
                async ids =>
                {
                    await using var db = OpenTenant();
                    return await db.Principals.AsNoTracking().Where(p => ids.Contains(p.Id)).ToDictionaryAsync(p => p.Id);
                }
            )
            .Load(id);

    /// <summary>The approvals of runs of one workspace, loaded together.</summary>
    public IDataLoaderResult<Approval?> ApprovalOfAsync(Guid workspaceId, Guid runId) =>
        Batch<Guid, Approval>(
                $"approval/{workspaceId}",
                async ids =>
                {
                    await using var db = Open(workspaceId);
                    if (ids.Count == 1)
                    {
                        return await db.FindApprovalOfRunAsync(ids.Single(), CancellationToken.None) is { } only
                            ? new Dictionary<Guid, Approval> { [only.RunId] = only }
                            : [];
                    }

                    return await db
                        .Approvals.AsNoTracking()
                        .Include(a => a.Decisions)
                        .Where(a => ids.Contains(a.RunId))
                        .ToDictionaryAsync(a => a.RunId);
                }
            )
            .Load(runId);

    /// <summary>Runs of one workspace by id, loaded together.</summary>
    public IDataLoaderResult<Domain.Runs.Run?> RunAsync(Guid workspaceId, Guid runId) =>
        Batch<Guid, Domain.Runs.Run>(
                $"run/{workspaceId}",
                async ids =>
                {
                    await using var db = Open(workspaceId);
                    return await db.Runs.AsNoTracking().Where(r => ids.Contains(r.Id)).ToDictionaryAsync(r => r.Id);
                }
            )
            .Load(runId);

    /// <summary>Packets of one workspace by id, loaded together.</summary>
    public IDataLoaderResult<Domain.Packets.Packet?> PacketAsync(Guid workspaceId, Guid packetId) =>
        Batch<Guid, Domain.Packets.Packet>(
                $"packet/{workspaceId}",
                async ids =>
                {
                    await using var db = Open(workspaceId);
                    return await db.Packets.AsNoTracking().Where(p => ids.Contains(p.Id)).ToDictionaryAsync(p => p.Id);
                }
            )
            .Load(packetId);

    /// <summary>The open tasks of packets of one workspace, loaded together.</summary>
    public IDataLoaderResult<Domain.Tasks.WorkTask?> TaskOfAsync(Guid workspaceId, Guid packetId) =>
        Batch<Guid, Domain.Tasks.WorkTask>(
                $"task/{workspaceId}",
                async ids =>
                {
                    await using var db = Open(workspaceId);
                    return await db.WorkTasks.AsNoTracking().Where(t => ids.Contains(t.PacketId)).ToDictionaryAsync(t => t.PacketId);
                }
            )
            .Load(packetId);

    /// <summary>Versions of workflows of one workspace, loaded together.</summary>
    public IDataLoaderResult<Domain.Workflows.Workflow?> WorkflowAsync(Guid workspaceId, string key, int number) =>
        Batch<(string, int), Domain.Workflows.Workflow>(
                $"workflow/{workspaceId}",
                async wanted =>
                {
                    await using var db = Open(workspaceId);
                    var keys = wanted.Select(w => w.Item1).ToHashSet();
                    return (await db.Workflows.AsNoTracking().Where(w => keys.Contains(w.Key)).ToListAsync()).ToDictionary(w =>
                        (w.Key, w.Number)
                    );
                }
            )
            .Load((key, number));

    /// <summary>What is remembered beside receipts: what was erased and what is held, and of the values what the caller may see. Loaded together.</summary>
    public IDataLoaderResult<Domain.Receipts.Disclosure?> DisclosureAsync(Guid workspaceId, Guid receiptId) =>
        Batch<Guid, Domain.Receipts.Disclosure>(
                $"disclosure/{workspaceId}",
                async ids =>
                {
                    var door = await DoorAsync(workspaceId);
                    await using var db = Open(workspaceId);
                    return (await db.Disclosures.AsNoTracking().Where(d => ids.Contains(d.ReceiptId)).ToListAsync()).ToDictionary(
                        d => d.ReceiptId,
                        d => d.Only(door.Opens)
                    );
                }
            )
            .Load(receiptId);

    /// <summary>The same to show the values: a sensitive read, once a request for each receipt.</summary>
    public IDataLoaderResult<Domain.Receipts.Disclosure?> OpenedAsync(Guid workspaceId, Guid receiptId) =>
        Batch<Guid, Domain.Receipts.Disclosure>(
                $"opened/{workspaceId}",
                async ids =>
                {
                    var all = ids.Select(id => (Id: id, Found: DisclosureAsync(workspaceId, id))).ToList();
                    var opened = new Dictionary<Guid, Domain.Receipts.Disclosure>();
                    foreach (var (id, found) in all)
                    {
                        if (await found.GetResultAsync() is { } disclosure)
                            opened[id] = disclosure;
                    }

                    // What was refused once is not let in by asking again.
                    var known = counted.GetOrAdd(workspaceId, _ => new());
                    List<Guid> fresh = [.. opened.Keys.Where(id => !known.ContainsKey(id))];
                    var door = await DoorAsync(workspaceId);
                    if (await Reading.WhyNotAsync(door, ControlAct.OpenField, fresh.Count, CancellationToken.None) is { } refused)
                        throw new Transport.RefusalException(refused);
                    fresh.ForEach(id => known[id] = true);
                    return opened;
                }
            )
            .Load(receiptId);

    /// <summary>What the caller may see of what is sensitive in the workspace, decided by policy once per request.</summary>
    public Task<ReadDoor> DoorAsync(Guid workspaceId) =>
        doors.GetOrAdd(
            workspaceId,
            async id =>
            {
                await using var sitting = await SitAsync(id);
                return await sitting.DoorAsync(CancellationToken.None);
            }
        );

    private BatchLoader<TKey, T> Batch<TKey, T>(string name, Func<IReadOnlyCollection<TKey>, Task<Dictionary<TKey, T>>> load)
        where TKey : notnull
        where T : class => (BatchLoader<TKey, T>)batches.GetOrAdd(name, _ => new BatchLoader<TKey, T>(load));
}

/// <summary>How the caller stands towards approvals of a workspace.</summary>
/// <param name="Refusal">Why they may decide nothing at all, if so.</param>
public sealed record MayDecide(Domain.Refusal? Refusal, IReadOnlySet<string> Roles, Decider Decider);

public static class RequestContexts
{
    public static RequestContext Request(this IResolveFieldContext context) => (RequestContext)context.UserContext;
}

/// <summary>Gathers keys while fields are resolved and loads them in one query when the first result is asked for.</summary>
public sealed class BatchLoader<TKey, T>(Func<IReadOnlyCollection<TKey>, Task<Dictionary<TKey, T>>> load)
    where TKey : notnull
    where T : class
{
    private readonly Lock door = new();
    private Wave current = new();

    public IDataLoaderResult<T?> Load(TKey key)
    {
        lock (door)
        {
            if (current.Loading is not null)
                current = new();
            current.Keys.Add(key);
            return new Result(this, current, key);
        }
    }

    private Task<Dictionary<TKey, T>> RunAsync(Wave wave)
    {
        lock (door)
            return wave.Loading ??= load(wave.Keys);
    }

    private sealed class Wave
    {
        public readonly HashSet<TKey> Keys = [];
        public Task<Dictionary<TKey, T>>? Loading;
    }

    private sealed class Result(BatchLoader<TKey, T> loader, Wave wave, TKey key) : IDataLoaderResult<T?>
    {
        public async Task<T?> GetResultAsync(CancellationToken cancellationToken = default) =>
            (await loader.RunAsync(wave)).GetValueOrDefault(key);

        async Task<object?> IDataLoaderResult.GetResultAsync(CancellationToken cancellationToken) =>
            await GetResultAsync(cancellationToken);
    }
}

/// <summary>A result that needs no loading.</summary>
public sealed class Loaded<T>(T value) : IDataLoaderResult<T>
{
    public Task<T> GetResultAsync(CancellationToken cancellationToken = default) => Task.FromResult(value);

    Task<object?> IDataLoaderResult.GetResultAsync(CancellationToken cancellationToken) => Task.FromResult<object?>(value);
}
