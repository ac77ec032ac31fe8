using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Receipts;

namespace Mumega.Infrastructure.Runs;

/// <summary>Somebody in an audit row.</summary>
/// <param name="Email">A person's address; absent for anybody else.</param>
/// <param name="Tier">How an agent works; absent for anybody else.</param>
public sealed record AuditParty(Guid Id, string Name, PrincipalKind Kind, string? Email, AgentTier? Tier);

/// <summary>What happened, by whom, for whom, and what was decided.</summary>
/// <param name="Position">Its place in the workspace's order of receipts.</param>
/// <param name="ReceiptId">The receipt that proves it.</param>
/// <param name="Subject">The run, stop or other chain that it belongs to.</param>
/// <param name="By">Who acted.</param>
/// <param name="Root">The person at the root: on whose behalf, or who answers for the agent; who acted where that is a person acting for themselves.</param>
/// <param name="Chain">On whose behalf, the root first.</param>
/// <param name="Surface">Where it came in.</param>
/// <param name="Tool">The action.</param>
/// <param name="Decision">What policy said of the run: ALLOW, ALLOW_BEHIND_GATES, DENY; absent for what is no run.</param>
/// <param name="Code">A stable code of what happened.</param>
/// <param name="State">The state from there on.</param>
/// <param name="Reason">The reason that was given or decided, where the reader may see it.</param>
/// <param name="Cause">Who proposed the run that it belongs to, or set off the workflow that did; who acted, for what is no run.</param>
/// <param name="TraceId">The trace (W3C Trace Context) in which the run was proposed; for what is no run, in which it was written.</param>
public sealed record AuditRow(
    long Position,
    Guid ReceiptId,
    Guid Subject,
    DateTimeOffset At,
    AuditParty By,
    AuditParty Cause,
    AuditParty Root,
    IReadOnlyList<AuditParty> Chain,
    string Surface,
    string Tool,
    string? Decision,
    string Code,
    string State,
    string? Reason,
    string? TraceId
);

/// <summary>The audit log: a workspace's receipts in the words of people who audit. It has nothing that no receipt has, so nothing can be missing from it.</summary>
public sealed class AuditLog(Desk desk, Kernel kernel, Reading reading)
{
    /// <summary>Rows before a place, newest first; or why the caller may not read them.</summary>
    public async Task<Outcome<List<AuditRow>>> ReadAsync(
        Actor reader,
        Guid workspaceId,
        long before,
        ReceiptQuery? wanted,
        int limit,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(reader, workspaceId, ct);
        var door = await s.DoorAsync(ct);
        if ((s.MaySee ? door.WhyNot(ControlAct.ReadAudit) : new NotFound("workspace", workspaceId.ToString())) is { } refused)
            return await desk.NotedAsync<List<AuditRow>>(reader, "audit.read", s.MaySee ? workspaceId : null, refused, ct);

        // Here, whatever the entrance: nobody reads it by an elevation without a trace.
        if (s.Elevation is { } elevation)
            await kernel.SawAsync(reader, workspaceId, elevation, "audit log", JsonSerializer.Serialize(wanted), null, ct);

        var db = s.Db;
        var items = new List<FeedItem>();
        await foreach (var item in db.ReceiptsBefore(before, wanted, limit).WithCancellation(ct))
            items.Add(item);
        if (await reading.WhyNotAsync(door, ControlAct.ReadAudit, items.Count, ct) is { } over)
            return over;

        var ids = items.Select(i => i.Receipt.Id).ToList();
        var opened = await db
            .Disclosures.AsNoTracking()
            .Where(d => ids.Contains(d.ReceiptId))
            .ToDictionaryAsync(d => d.ReceiptId, d => d.Only(door.Opens).Fields(), ct);
        var subjects = items.Select(i => i.Receipt.SubjectId).Distinct().ToList();
        var runs = await db.Runs.AsNoTracking().Where(r => subjects.Contains(r.Id)).ToDictionaryAsync(r => r.Id, ct);

        // A run's rows are of one cause, whoever wrote them.
        var causes = runs.Values.ToDictionary(
            r => r.Id,
            r => (Cause: r.ProposedBy != Guid.Empty || r.For.Count == 0 ? r.ProposedBy : r.For[^1], Chain: r.For)
        );
        var traces = await db
            .Receipts.AsNoTracking()
            .Where(r => runs.Keys.Contains(r.SubjectId) && r.Step == 1)
            .ToDictionaryAsync(r => r.SubjectId, r => r.TraceId, ct);
        var named = new HashSet<Guid>(items.Select(i => i.Receipt.ActorId).Concat(causes.Values.SelectMany(c => c.Chain.Append(c.Cause))));
        foreach (var fields in opened.Values)
            named.UnionWith(Ids(fields));
        var principals = await db.Principals.AsNoTracking().Where(p => named.Contains(p.Id)).ToDictionaryAsync(p => p.Id, ct);
        named.UnionWith(principals.Values.Select(p => p.OwnerId).OfType<Guid>());
        principals = await db.Principals.AsNoTracking().Where(p => named.Contains(p.Id)).ToDictionaryAsync(p => p.Id, ct);
        var people = await db.Users.AsNoTracking().Where(u => named.Contains(u.Id)).ToDictionaryAsync(u => u.Id, u => u.Email, ct);

        AuditParty Party(Guid id) =>
            principals.TryGetValue(id, out var p)
                ? new(id, p.Name, p.Kind, people.GetValueOrDefault(id), p.Tier)
                : new(id, "Mumega", PrincipalKind.Service, null, null);
        return items
            .Select(item =>
            {
                var (receipt, fields) = (item.Receipt, opened.GetValueOrDefault(item.Receipt.Id));
                var run = runs.GetValueOrDefault(receipt.SubjectId);
                var (causedBy, behalf) = run is null ? (receipt.ActorId, [.. Ids(fields)]) : causes[run.Id];
                IReadOnlyList<AuditParty> chain = [.. behalf.Select(Party)];
                var (by, cause) = (Party(receipt.ActorId), Party(causedBy));
                var first = chain.Count > 0 ? behalf[0] : causedBy;
                var root = principals.GetValueOrDefault(first)?.OwnerId is { } owner ? Party(owner) : Party(first);
                return new AuditRow(
                    item.Position,
                    receipt.Id,
                    receipt.SubjectId,
                    receipt.At,
                    by,
                    cause,
                    root,
                    chain,
                    Text(fields, "actor", "surface") ?? run?.Surface ?? "",
                    receipt.Action,
                    run?.Decision.Verdict switch
                    {
                        Verdict.Allow => "ALLOW",
                        Verdict.AllowBehindGates => "ALLOW_BEHIND_GATES",
                        Verdict.Deny => "DENY",
                        _ => null,
                    },
                    receipt.ReasonCode,
                    receipt.State,
                    Text(fields, "reason_text") ?? (receipt.State == "DENIED" ? run?.Decision.Reason : null),
                    run is null ? receipt.TraceId : traces.GetValueOrDefault(run.Id) ?? receipt.TraceId
                );
            })
            .ToList();
    }

    private static IEnumerable<Guid> Ids(JsonElement fields) =>
        fields.ValueKind is JsonValueKind.Object
        && fields.TryGetProperty("actor_chain", out var chain)
        && chain.ValueKind is JsonValueKind.Array
            ? chain.EnumerateArray().Select(c => c.GetGuid())
            : [];

    private static string? Text(JsonElement fields, params string[] path)
    {
        foreach (var name in path)
        {
            if (fields.ValueKind is not JsonValueKind.Object || !fields.TryGetProperty(name, out fields))
                return null;
        }

        return fields.ValueKind is JsonValueKind.String ? fields.GetString() : null;
    }
}
