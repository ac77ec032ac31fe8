using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.GraphQL.Transport;
using Mumega.Domain.Budgets;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.GraphQL;

[Name("AuditEdge")]
public sealed record AuditEdge(string Cursor, AuditRowView Node);

/// <summary>A page of the audit log, newest first.</summary>
[Name("AuditConnection")]
public sealed record AuditConnection(
    [property: Complexity(0, 1)] IReadOnlyList<AuditEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<AuditRowView> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

/// <summary>Somebody in the audit log.</summary>
[Name("AuditParty")]
public sealed record AuditPartyView(
    [property: Id] Guid PrincipalId,
    string Name,
    Domain.Identity.PrincipalKind Kind,
    string? Email,
    Domain.Identity.AgentTier? Tier
)
{
    internal static AuditPartyView Of(AuditParty p) => new(p.Id, p.Name, p.Kind, p.Email, p.Tier);
}

/// <summary>What happened, by whom, for whom, and what was decided.</summary>
/// <param name="ReceiptId">The global id of the receipt that proves it.</param>
/// <param name="By">Who wrote it: the one who acted, or Mumega for what a job did.</param>
/// <param name="Cause">Who proposed the run that it belongs to, or set off the workflow that did.</param>
/// <param name="Root">The person at the root of it.</param>
/// <param name="Chain">On whose behalf, the root first.</param>
/// <param name="Tool">The action.</param>
/// <param name="Decision">What policy said of the run; absent for what is no run.</param>
/// <param name="TraceId">The trace (W3C Trace Context) in which it was written.</param>
[Name("AuditRow")]
public sealed record AuditRowView(
    [property: Id] string ReceiptId,
    DateTimeOffset At,
    AuditPartyView By,
    AuditPartyView Cause,
    AuditPartyView Root,
    IReadOnlyList<AuditPartyView> Chain,
    string Surface,
    string Tool,
    string? Decision,
    string Code,
    string State,
    string? Reason,
    string? TraceId
);

/// <summary>Something about signing in or a credential, or what was refused before it became a run.</summary>
/// <param name="At">When it happened first.</param>
/// <param name="LastAt">When it happened last.</param>
/// <param name="Count">How often, within a quarter of an hour.</param>
/// <param name="Surface">Where it came in; absent for sign-ins.</param>
/// <param name="Here">Whether it happened in this workspace; false for what concerns the tenant as such or is not known.</param>
[Name("SecurityEvent")]
public sealed record SecurityEventView(
    [property: Id] Guid EventId,
    DateTimeOffset At,
    DateTimeOffset LastAt,
    int Count,
    string Code,
    string? Who,
    string? Address,
    string? Detail,
    string? Surface,
    bool Here,
    string? TraceId
);

[Name("SecurityEventEdge")]
public sealed record SecurityEventEdge(string Cursor, SecurityEventView Node);

/// <summary>A page of security events, newest first.</summary>
[Name("SecurityEventConnection")]
public sealed record SecurityEventConnection(
    [property: Complexity(0, 1)] IReadOnlyList<SecurityEventEdge> Edges,
    [property: Complexity(0, 1)] IReadOnlyList<SecurityEventView> Nodes,
    [property: Complexity(0, 1)] PageInfo PageInfo
);

public sealed partial class WorkspaceNode
{
    /// <summary>Where the audit log is had as a file, as the query string <c>format</c> says: csv, ndjson or cloudevents.</summary>
    public string AuditAddress => $"/audit/{workspace.Id}";

    /// <summary>The audit log: every receipt in the words of people who audit. Null for who may not read it.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="first">At most 100; 25 when left out.</param>
    /// <param name="after">The cursor to go on from.</param>
    /// <param name="filter">Which rows.</param>
    [Complexity<PageCost>]
    public async Task<AuditConnection?> AuditLog(IResolveFieldContext context, int? first, string? after, ReceiptFilterInput? filter)
    {
        var (request, size) = (context.Request(), Paging.Size(first));
        var outcome = await context
            .RequestServices!.GetRequiredService<AuditLog>()
            .ReadAsync(
                request.Actor,
                workspace.Id,
                Paging.Position(after) ?? long.MaxValue,
                filter?.Query(workspace.Id),
                size + 1,
                context.CancellationToken
            );
        if (outcome.Refused(out var refused, out var rows))
            return refused is OverBudget ? throw new RefusalException(refused) : null;
        var info = Paging.Info(rows, first, after, r => Paging.Cursor(r.Position));
        IReadOnlyList<AuditEdge> edges =
        [
            .. rows.Select(r => new AuditEdge(
                Paging.Cursor(r.Position),
                new(
                    NodeId.Of("Receipt", workspace.Id, r.ReceiptId),
                    r.At,
                    AuditPartyView.Of(r.By),
                    AuditPartyView.Of(r.Cause),
                    AuditPartyView.Of(r.Root),
                    [.. r.Chain.Select(AuditPartyView.Of)],
                    r.Surface,
                    r.Tool,
                    r.Decision,
                    r.Code,
                    r.State,
                    r.Reason,
                    r.TraceId
                )
            )),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }

    /// <summary>Who of the tenant signed in, who could not, and which factors came and went, newest first. Null for who may not read it.</summary>
    [Complexity<PageCost>]
    public async Task<SecurityEventConnection?> SecurityEvents(IResolveFieldContext context, int? first, string? after)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, ct);
        var door = await sitting.DoorAsync(ct);
        if (!sitting.MaySee || door.WhyNot(ControlAct.ReadAudit) is not null)
            return null;

        var events = sitting.Db.SecurityEvents.AsNoTracking();
        if (Paging.TimeAndId(after) is var (at, id))
            events = events.Where(e => e.At < at || (e.At == at && e.Id < id));
        var (rows, info) = await Paging.PageAsync(
            events.OrderByDescending(e => e.At).ThenByDescending(e => e.Id),
            first,
            after,
            e => Paging.Cursor(e.At, e.Id),
            ct
        );
        if (await request.Reading.WhyNotAsync(door, ControlAct.ReadAudit, rows.Count, ct) is { } over)
            throw new RefusalException(over);

        var ids = rows.Select(r => r.PrincipalId).OfType<Guid>().Distinct().ToList();
        var names = await sitting.Db.Principals.AsNoTracking().Where(p => ids.Contains(p.Id)).ToDictionaryAsync(p => p.Id, p => p.Name, ct);
        IReadOnlyList<SecurityEventEdge> edges =
        [
            .. rows.Select(r => new SecurityEventEdge(
                Paging.Cursor(r.At, r.Id),
                new(
                    r.Id,
                    r.At,
                    r.LastAt,
                    r.Count,
                    r.Code,
                    r.PrincipalId is { } who ? names.GetValueOrDefault(who) : null,
                    r.Address,
                    r.WorkspaceId is null || r.WorkspaceId == workspace.Id ? r.Detail : null,
                    r.Surface,
                    r.WorkspaceId == workspace.Id,
                    r.TraceId
                )
            )),
        ];
        return new(edges, [.. edges.Select(e => e.Node)], info);
    }
}
