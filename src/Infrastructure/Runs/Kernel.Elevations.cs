using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Elevations;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

public sealed partial class Kernel
{
    // An open page asks the same again and again, not least because of the receipt that it just caused.
    private static readonly TimeSpan SameAgain = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(Guid Elevation, string What), DateTimeOffset> seen = new();

    private static readonly string[] ElevatedRoles = ["owner", "admin", "operator", "approver", "auditor"];

    /// <summary>
    /// Asks for a role in a workspace of the tenant, whether the caller can see it or not. The answer is the same for one that does not exist:
    /// that nobody has answered yet.
    /// </summary>
    public async Task<Outcome<ElevationRequest>> RequestElevationAsync(
        Actor by,
        string workspaceKey,
        string role,
        int minutes,
        bool breakGlass,
        string reason,
        string key,
        CancellationToken ct
    )
    {
        if (BadReason(reason) is { } bad)
            return bad;
        if (by is not { Kind: PrincipalKind.User, Chain.Count: 0 })
            return new HumanRequired();
        if (!by.Scopes.Contains(Scopes.Propose))
            return new ScopeRequired(Scopes.Propose);
        if (minutes is < Elevation.MinMinutes or > Elevation.MaxMinutes)
        {
            var tooLong = new ElevationTooLong(Elevation.MinMinutes, Elevation.MaxMinutes);
            await desk.Security.RefusedAsync(by, "elevation", tooLong, null);
            return tooLong;
        }

        if (!ElevatedRoles.Contains(role))
            return new InvalidArgument("role", $"one of {string.Join(", ", ElevatedRoles)}.");
        if (string.IsNullOrWhiteSpace(key) || key.Length > 200)
            return new InvalidArgument("idempotencyKey", "between 1 and 200 characters.");

        // Before anything is looked up, so that asking for a confirmation tells as little as the answer.
        if (by.IsPresent)
        {
            await using var confirming = desk.Databases.OpenTenant(by.TenantId);
            if (!await confirming.ElevationRequests.AnyAsync(r => r.PrincipalId == by.Id && r.IdempotencyKey == key, ct))
            {
                if (
                    (
                        await desk.Confirmations.UseAsync(
                            confirming,
                            by,
                            $"be elevated to {role} in {workspaceKey} for {minutes} minutes.",
                            ["elevation", workspaceKey, role, minutes, breakGlass, key],
                            Domain.Clock.Now(desk.Clock),
                            passwordWillDo: false,
                            ct
                        )
                    ).Refused(out var unconfirmed, out var given)
                )
                    return unconfirmed;

                await confirming.SaveChangesAsync(ct);
                by = by with { Confirmed = given.Method };
            }
        }

        var now = Domain.Clock.Now(desk.Clock);
        await using var db = desk.Databases.OpenTenant(by.TenantId);
        if (breakGlass && !await db.RoleBindings.AnyAsync(b => b.PrincipalId == by.Id && b.Role == "owner" && b.Until == null, ct))
            return new OwnersOnly();

        var request = await db.ElevationRequests.SingleOrDefaultAsync(r => r.PrincipalId == by.Id && r.IdempotencyKey == key, ct);
        if (
            request is not null
            && (request.WorkspaceKey, request.Role, request.Minutes, request.Reason) != (workspaceKey, role, minutes, reason)
        )
            return new IdempotencyConflict(key);
        if (request is null)
        {
            request = new()
            {
                TenantId = by.TenantId,
                Id = Guid.CreateVersion7(now),
                PrincipalId = by.Id,
                WorkspaceKey = workspaceKey[..Math.Min(80, workspaceKey.Length)],
                Role = role,
                Minutes = minutes,
                Reason = reason,
                IdempotencyKey = key,
                At = now,
            };
            db.ElevationRequests.Add(request);
            await db.SaveChangesAsync(ct);
        }

        if (
            request.RunId is not null
            || await db.Workspaces.Where(w => w.Key == workspaceKey).Select(w => (Guid?)w.Id).SingleOrDefaultAsync(ct) is not { } workspace
        )
            return request;

        // A process that dies here leaves a request without a run; repeated under the same key it gets one.
        if (
            desk.Read(breakGlass ? "elevation.break-glass" : "elevation.take", JsonSerializer.SerializeToElement(new { role, minutes }))
                .Refused(out var unreadable, out var read)
        )
            return unreadable;
        var guest = by with { Workspaces = new HashSet<Guid> { workspace } };
        if (
            (
                await desk.ActAsync(
                    guest,
                    workspace,
                    $"elevation/{request.Id}",
                    ["elevate", request.Id],
                    FindRun,
                    s => ProposeAsync(s, read, reason, key, undoes: null, ct),
                    r => r.Id,
                    ct,
                    unseen: true
                )
            ).Refused(out _, out var run)
        )
            return request;

        (request.InWorkspace, request.RunId) = (workspace, run.Id);
        await db.SaveChangesAsync(ct);
        return request;
    }

    /// <summary>Ends an elevation before its time: one's own, or as somebody who looks after the workspace.</summary>
    public Task<Outcome<Elevation>> EndElevationAsync(
        Actor by,
        Guid workspaceId,
        Guid elevationId,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        OnElevationAsync(
            by,
            workspaceId,
            elevationId,
            reason,
            key,
            "end",
            async (s, elevation) =>
            {
                if (
                    s.Decide(elevation.PrincipalId == by.Id ? ControlAct.EndElevation : ControlAct.ControlElevation) is
                    { Verdict: Verdict.Deny } no
                )
                    return no.AsRefusal();
                if (elevation.End(by, "elevation.ended", reason, s.Now).Refused(out var why, out var over))
                    return why;

                s.Db.Add(over);
                foreach (
                    var role in await s
                        .Db.RoleBindings.Where(b => b.ElevationId == elevationId && b.WorkspaceId == workspaceId)
                        .ToListAsync(ct)
                )
                    role.Until = s.Now;
                return elevation;
            },
            ct
        );

    /// <summary>Says whether breaking the glass was justified; by somebody else than who did it.</summary>
    public Task<Outcome<Elevation>> ReviewElevationAsync(
        Actor by,
        Guid workspaceId,
        Guid elevationId,
        bool justified,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        OnElevationAsync(
            by,
            workspaceId,
            elevationId,
            reason,
            key,
            $"review {justified}",
            (s, elevation) =>
            {
                if (by.Kind is not PrincipalKind.User)
                    return Task.FromResult<Outcome<Elevation>>(new HumanRequired());
                if (s.Decide(ControlAct.ControlElevation) is { Verdict: Verdict.Deny } no)
                    return Task.FromResult<Outcome<Elevation>>(no.AsRefusal());
                if (s.Independence.AreOne(by.Id, elevation.PrincipalId))
                    return Task.FromResult<Outcome<Elevation>>(new ReviewByAnother());
                if (elevation.Look(by, justified, reason, s.Now).Refused(out var why, out var looked))
                    return Task.FromResult<Outcome<Elevation>>(why);

                s.Db.Add(looked);
                return Task.FromResult<Outcome<Elevation>>(elevation);
            },
            ct
        );

    /// <summary>Records that somebody saw something by an elevation; call it before the answer leaves. The same again within a minute is not written again.</summary>
    public async Task SawAsync(
        Actor by,
        Guid workspaceId,
        Guid elevationId,
        string? operation,
        string document,
        string? variables,
        CancellationToken ct
    )
    {
        var (what, now) = (
            (elevationId, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{operation}\n{document}\n{variables}")))),
            Domain.Clock.Now(desk.Clock)
        );
        if (seen.TryGetValue(what, out var last) && now - last < SameAgain)
            return;
        if (seen.Count > 10_000)
            seen.Clear();

        for (var attempt = 1; ; attempt++)
        {
            await using var db = desk.Databases.Open(by.TenantId, workspaceId);
            var elevation = await db.Elevations.SingleAsync(e => e.Id == elevationId, ct);
            db.Add(
                elevation.Use(
                    by,
                    now,
                    "saw",
                    ("operation", operation),
                    ("document", document[..Math.Min(4000, document.Length)]),
                    ("variables", variables?[..Math.Min(4000, variables.Length)])
                )
            );
            try
            {
                await db.SaveChangesAsync(ct);
                seen[what] = now;
                desk.Signals.Receipts.Pulse();
                return;
            }
            catch (Exception e) when (Databases.IsRace(e) && attempt < 12)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 8 * attempt)), ct);
            }
        }
    }

    private async Task<Outcome<Elevation>> OnElevationAsync(
        Actor by,
        Guid workspaceId,
        Guid id,
        string reason,
        string key,
        string what,
        Func<Sitting, Elevation, Task<Outcome<Elevation>>> act,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await desk.ActAsync(
                by,
                workspaceId,
                key,
                ["elevation", what, id, reason],
                (s, found) => s.Db.Elevations.SingleOrDefaultAsync(e => e.Id == found, ct),
                async s =>
                    await s.Db.Elevations.SingleOrDefaultAsync(e => e.Id == id, ct) is { } elevation
                        ? await act(s, elevation)
                        : new NotFound("elevation", id.ToString()),
                e => e.Id,
                ct
            );
}
