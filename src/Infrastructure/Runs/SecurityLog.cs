using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Mumega.Domain;
using Mumega.Domain.Audit;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>Writes down what concerns sign-in and credentials and is no governed act, what was refused before it became one, and reads that a policy wants written down.</summary>
public sealed class SecurityLog(Databases databases, TimeProvider clock, ILogger<SecurityLog> log)
{
    // The same refusal again is counted in memory, and written this often at most.
    private static readonly TimeSpan Flush = TimeSpan.FromSeconds(1);

    // How often each was refused since it was last written. What is here has somebody who writes it.
    private readonly ConcurrentDictionary<Guid, int> pending = new();

    /// <param name="tenant">Whose log; empty when nobody knows, then only the process's own log has it.</param>
    /// <param name="code">A stable code.</param>
    /// <param name="principal">Whom it concerns.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="detail">In words, without any secret.</param>
    /// <param name="ct">Cancels.</param>
    public async Task NoteAsync(Guid tenant, string code, Guid? principal, string? address, string? detail, CancellationToken ct)
    {
        log.LogInformation("{Code} {Principal} from {Address}: {Detail}", code, principal, address, detail);
        if (tenant == Guid.Empty)
            return;

        var now = Clock.Now(clock);
        await using var db = databases.OpenTenant(tenant);
        db.SecurityEvents.Add(
            new()
            {
                TenantId = tenant,
                Id = Guid.CreateVersion7(now),
                Code = code,
                PrincipalId = principal,
                Address = address,
                Detail = Cut(detail),
                TraceId = Activity.Current?.TraceId.ToHexString(),
                At = now,
                LastAt = now,
            }
        );
        await db.SaveChangesAsync(ct);
    }

    /// <summary>
    /// Writes down that somebody was refused: who, what and why. The same within a quarter of an hour is one row with a count, on whichever node, so that a flood
    /// fills nothing. What the caller made up, such as an id, tells no two refusals apart.
    /// </summary>
    /// <param name="by">Who was refused.</param>
    /// <param name="act">What they asked for, by its stable name.</param>
    /// <param name="why">Why not.</param>
    /// <param name="workspace">Where, if they may know of it.</param>
    public Task RefusedAsync(Actor by, string act, Refusal why, Guid? workspace) =>
        RefusedAsync(by.TenantId, by.Id, by.Surface, act, why.Code, why.Message, workspace);

    /// <summary>The same for somebody who is no actor yet.</summary>
    public Task RefusedAsync(Guid tenant, Guid principal, string surface, string act, string code, string message, Guid? workspace) =>
        CountAsync("act.refused", tenant, principal, surface, $"{act}/{code}", $"{act}: {code}. {message}", workspace, 1);

    /// <summary>Writes down that somebody read what is sensitive: who, what, where and how much of it, in one row a quarter of an hour.</summary>
    /// <param name="by">Who read, and on whose behalf.</param>
    /// <param name="act">The <see cref="Domain.Policies.ControlAct"/>.</param>
    /// <param name="count">How many receipts, rows or agents.</param>
    /// <param name="workspace">Where.</param>
    public Task ReadAsync(Actor by, string act, int count, Guid workspace) =>
        CountAsync(
            "read.traced",
            by.TenantId,
            by.Id,
            by.Surface,
            $"{act}/{string.Join('/', by.Chain.Select(l => l.Id))}",
            by.Chain.Count == 0 ? act : $"{act}, on behalf of {string.Join(" > ", by.Chain.Select(l => l.Name))}",
            workspace,
            count
        );

    private async Task CountAsync(
        string code,
        Guid tenant,
        Guid principal,
        string surface,
        string same,
        string detail,
        Guid? workspace,
        int count
    )
    {
        var now = Clock.Now(clock);
        var window = now.Ticks / SecurityEvent.Window.Ticks;
        var id = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{code}/{tenant}/{principal}/{same}/{workspace}/{window}"))[..16]);
        var first = false;
        pending.AddOrUpdate(
            id,
            _ =>
            {
                first = true;
                return 0;
            },
            (_, n) =>
            {
                first = false;
                return n + count;
            }
        );
        if (!first)
            return;

        var row = new SecurityEvent
        {
            TenantId = tenant,
            Id = id,
            Code = code,
            PrincipalId = principal == Guid.Empty ? null : principal,
            WorkspaceId = workspace,
            Surface = surface,
            Detail = Cut(detail),
            TraceId = Activity.Current?.TraceId.ToHexString(),
            At = now,
            LastAt = now,
            Count = count,
        };
        try
        {
            // Not cancelled with the request: a client that hangs up is written down too.
            if (!await AgainAsync(row, count))
                await AddAsync(row);
        }
        finally
        {
            _ = FollowAsync(row);
        }
    }

    private async Task AddAsync(SecurityEvent row)
    {
        try
        {
            await using var db = databases.OpenTenant(row.TenantId);
            db.SecurityEvents.Add(row);
            await db.SaveChangesAsync(CancellationToken.None);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            await AgainAsync(row, row.Count);
        }
    }

    // Writes what is counted meanwhile, until a second passes in which nothing is.
    private async Task FollowAsync(SecurityEvent row)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Flush, clock);
                if (pending.TryRemove(new(row.Id, 0)))
                    return;

                var count = pending[row.Id];
                await AgainAsync(row, count);
                pending.AddOrUpdate(row.Id, 0, (_, n) => n - count);
            }
        }
        catch (Exception e)
        {
            pending.TryRemove(row.Id, out var lost);
            log.LogError(e, "{Count} of {Detail} could not be written down", lost, row.Detail);
        }
    }

    private async Task<bool> AgainAsync(SecurityEvent row, int count)
    {
        await using var db = databases.OpenTenant(row.TenantId);
        var (id, at) = (row.Id, Clock.Now(clock));
        return await db.WriteAsync(
                () =>
                    db
                        .SecurityEvents.Where(e => e.Id == id)
                        .ExecuteUpdateAsync(
                            set => set.SetProperty(e => e.Count, e => e.Count + count).SetProperty(e => e.LastAt, at),
                            CancellationToken.None
                        ),
                CancellationToken.None
            ) > 0;
    }

    private static string? Cut(string? detail) => detail is { Length: > 400 } ? detail[..400] : detail;
}
