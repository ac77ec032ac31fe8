using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Schedules;
using Mumega.Domain.Workflows;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>A way out of a packet's state: what policy says, or why it can't be taken by anybody now.</summary>
public sealed record Way(string Key, TransitionSpec Transition, Decision? Decision, Refusal? Refusal);

/// <summary>A call from outside as it came, with the signatures that it says are its own.</summary>
/// <param name="Timestamp">When it was sent, in seconds since 1970.</param>
public sealed record HookCall(string Id, long Timestamp, byte[] Body, IReadOnlyList<string> Signatures);

/// <summary>A secret, told once: base64 after <c>whsec_</c>.</summary>
public sealed record NewSecret(string Value);

public sealed partial class Kernel
{
    /// <summary>Takes a packet along a transition of its workflow: a run of its own, through the whole path.</summary>
    public async Task<Outcome<Run>> MoveAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        string transition,
        int? version,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await desk.ActAsync(
                by,
                workspaceId,
                key,
                ["move", packetId, transition, version, reason],
                FindRun,
                async s =>
                {
                    // Whatever else runs with it, taking a way is an act of packets.
                    if (s.StopFor("packets") is { } stopped)
                        return stopped;
                    if ((await Step.FindAsync(s, packetId, transition, ct)).Refused(out var no, out var step))
                        return no;
                    if (version is { } seen && seen != step.Packet.Version)
                        return new StaleVersion();
                    return await step.ProposeAsync(s, reason, key, ct);
                },
                r => r.Id,
                ct
            );

    /// <summary>The ways out of the state that a packet is in, and what is said about the caller taking each.</summary>
    public async Task<IReadOnlyList<Way>> WaysAsync(Actor by, Guid workspaceId, Guid packetId, CancellationToken ct)
    {
        await using var sitting = await desk.SitAsync(by, workspaceId, ct);
        return sitting.MaySee ? await Step.WaysAsync(sitting, packetId, ct) : [];
    }

    /// <summary>Keeps a file so that it can be attached. The same content is kept once.</summary>
    public async Task<Outcome<StoredFile>> UploadAsync(Actor by, Guid workspaceId, string declared, byte[] content, CancellationToken ct) =>
        await desk.NotedAsync(by, "upload", workspaceId, await UploadNowAsync(by, workspaceId, declared, content, ct), ct);

    private async Task<Outcome<StoredFile>> UploadNowAsync(
        Actor by,
        Guid workspaceId,
        string declared,
        byte[] content,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee)
            return new NotFound("workspace", workspaceId.ToString());
        if (WhyNot(s, "packet.attach") is { } no)
            return no;
        if (FileTypes.Read(declared, content).Refused(out var why, out var type))
            return why;

        var digest = Convert.ToHexStringLower(SHA256.HashData(content));
        if (await s.Call.State.FindFileAsync(digest, ct) is { } known)
            return known;

        var file = new StoredFile
        {
            TenantId = by.TenantId,
            WorkspaceId = workspaceId,
            Digest = digest,
            Type = type,
            Size = content.Length,
            Content = content,
            UploadedBy = by.Id,
            UploadedAt = s.Now,
        };
        s.Db.StoredFiles.Add(file);
        try
        {
            await s.CommitAsync(ct);
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            // Somebody else sent the same at the same time.
        }

        return file;
    }

    /// <summary>A file with its content.</summary>
    public async Task<Outcome<StoredFile>> FileAsync(Actor by, Guid workspaceId, string digest, CancellationToken ct) =>
        await desk.NotedAsync(by, "download", workspaceId, await FileNowAsync(by, workspaceId, digest, ct), ct);

    private async Task<Outcome<StoredFile>> FileNowAsync(Actor by, Guid workspaceId, string digest, CancellationToken ct)
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee || await s.Db.StoredFiles.AsNoTracking().SingleOrDefaultAsync(f => f.Digest == digest, ct) is not { } file)
            return new NotFound("file", digest);
        if (s.Elevation is { } elevation)
            await SawAsync(by, workspaceId, elevation, "file", digest, null, ct);
        return file;
    }

    /// <summary>A signed call from outside starts a packet, once for each id. Null when there is no such hook or the signature is not made with its secret.</summary>
    public async Task<Outcome<Run>?> StartByHookAsync(
        Guid tenantId,
        Guid workspaceId,
        string scheduleKey,
        HookCall call,
        JsonElement data,
        CancellationToken ct
    )
    {
        Actor by;
        await using (var s = await desk.SitAsPlatformAsync(tenantId, workspaceId, ct))
        {
            if (
                await s.Call.State.FindScheduleAsync(scheduleKey, ct)
                    is not { Trigger: Trigger.Webhook, Enabled: true, SealedSecret: { } secret } schedule
                || !desk.Signed(s.Db.TenantId, secret, call)
            )
                return null;
            by = (await s.OnBehalfOfAsync(schedule.SetBy, Starter.Surface, ct)).By;
        }

        return await desk.ActAsync(
            by,
            workspaceId,
            $"hook/{scheduleKey}/{call.Id}",
            ["hook", scheduleKey, data.GetRawText()],
            FindRun,
            async s =>
                await s.Call.State.FindScheduleAsync(scheduleKey, ct) is { Enabled: true } schedule
                    ? await Starter.StartAsync(
                        s,
                        schedule,
                        JsonSerializer.SerializeToElement(new { data }),
                        $"hook/{scheduleKey}/{call.Id}",
                        "called from outside.",
                        ct
                    )
                    : new NotFound("schedule", scheduleKey),
            r => r.Id,
            ct
        );
    }

    /// <summary>Gives a webhook's schedule another secret and tells it, this once.</summary>
    public async Task<Outcome<NewSecret>> RenewSecretAsync(Actor by, Guid workspaceId, string scheduleKey, CancellationToken ct) =>
        await desk.NotedAsync(by, "renewHookSecret", workspaceId, await RenewSecretNowAsync(by, workspaceId, scheduleKey, ct), ct);

    private async Task<Outcome<NewSecret>> RenewSecretNowAsync(Actor by, Guid workspaceId, string scheduleKey, CancellationToken ct)
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee)
            return new NotFound("workspace", workspaceId.ToString());
        if (s.Decide("schedule.set", desk.Catalog.Find("schedule.set")) is { Verdict: Verdict.Deny } no)
            return no.AsRefusal();
        if (s.StopFor("workflows") is { } stopped)
            return stopped;
        if (await s.ConfirmAsync($"give the hook {scheduleKey} another secret.", ["hook secret", scheduleKey], ct) is { } unconfirmed)
            return unconfirmed;
        if (await s.Call.State.FindScheduleAsync(scheduleKey, ct) is not { Trigger: Trigger.Webhook } schedule)
            return new NotFound("hook", scheduleKey);

        var (secret, kept) = s.Call.State.NewSecret();
        s.Db.Add(schedule.Renew(kept, by, s.Now));
        await s.CommitAsync(ct);
        return new NewSecret(secret);
    }

    /// <summary>Takes the task of a packet's state.</summary>
    public Task<Outcome<Packet>> ClaimAsync(Actor by, Guid workspaceId, Guid packetId, string key, CancellationToken ct) =>
        OnTaskAsync(
            by,
            workspaceId,
            packetId,
            key,
            ["claim", packetId],
            ControlAct.ClaimTask,
            "task.claimed",
            null,
            (s, packet, document) =>
                packet.TaskOf(document) is { } task && !s.Roles.Contains(task.Role)
                    ? new RoleRequired([task.Role])
                    : packet.Claim(document, by, s.Now),
            ct
        );

    /// <summary>Gives a claimed task back.</summary>
    public async Task<Outcome<Packet>> HandBackAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await OnTaskAsync(
                by,
                workspaceId,
                packetId,
                key,
                ["hand back", packetId, reason],
                ControlAct.ClaimTask,
                "task.handed_back",
                reason,
                (s, packet, _) => packet.HandBack(reason, by, s.Now),
                ct
            );

    /// <summary>Gives a task to somebody who may do it, or back to all.</summary>
    public async Task<Outcome<Packet>> AssignAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        Guid? to,
        string reason,
        string key,
        CancellationToken ct
    )
    {
        if (BadReason(reason) is { } bad)
            return bad;
        return await OnTaskAsync(
            by,
            workspaceId,
            packetId,
            key,
            ["assign", packetId, to, reason],
            ControlAct.AssignTask,
            "task.assigned",
            reason,
            async (s, packet, document) =>
            {
                if (to is { } id)
                {
                    if (await s.Call.State.FindPrincipalAsync(id, ct) is not { } somebody || !somebody.IsActive(s.Now))
                        return new NotFound("person", id.ToString());
                    if (packet.TaskOf(document) is { } task && !(await s.OnBehalfOfAsync(id, by.Surface, ct)).Roles.Contains(task.Role))
                        return new RoleRequired([task.Role]);
                }

                return packet.Assign(to, reason, document, by, s.Now);
            },
            ct,
            ("assignee", to)
        );
    }

    /// <summary>Lets a workflow go on that could not make good what it did: tries again, or takes it as done outside.</summary>
    public async Task<Outcome<Packet>> ResumeAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        bool skip,
        string reason,
        string key,
        CancellationToken ct
    ) =>
        BadReason(reason) is { } bad
            ? bad
            : await OnTaskAsync(
                by,
                workspaceId,
                packetId,
                key,
                ["resume", packetId, skip, reason],
                ControlAct.ResumePacket,
                skip ? "saga.skipped" : "saga.retried",
                reason,
                (s, packet, _) => packet.Resume(skip, reason, by, s.Now),
                ct
            );

    private Task<Outcome<Packet>> OnTaskAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        string key,
        object?[] request,
        string act,
        string code,
        string? reason,
        Func<Sitting, Packet, WorkflowDocument, Outcome<PacketEvent>> change,
        CancellationToken ct
    ) =>
        OnTaskAsync(
            by,
            workspaceId,
            packetId,
            key,
            request,
            act,
            code,
            reason,
            (s, packet, document) => Task.FromResult(change(s, packet, document)),
            ct
        );

    private Task<Outcome<Packet>> OnTaskAsync(
        Actor by,
        Guid workspaceId,
        Guid packetId,
        string key,
        object?[] request,
        string act,
        string code,
        string? reason,
        Func<Sitting, Packet, WorkflowDocument, Task<Outcome<PacketEvent>>> change,
        CancellationToken ct,
        params IEnumerable<(string, object?)> more
    ) =>
        desk.ActAsync(
            by,
            workspaceId,
            key,
            request,
            (s, id) => s.Call.State.FindPacketAsync(id, ct),
            async s =>
            {
                if (await s.Call.State.FindPacketAsync(packetId, ct) is not { } packet)
                    return new NotFound("packet", packetId.ToString());
                if (s.Decide(act) is { Verdict: Verdict.Deny } no)
                    return no.AsRefusal();
                if (s.StopFor("packets") is { } stopped)
                    return stopped;

                var document = (await s.Call.State.FindWorkflowAsync(packet.Workflow, packet.WorkflowVersion, ct))!.Document;
                if ((await change(s, packet, document)).Refused(out var why, out var happened))
                    return why;

                await s.Call.State.KeepAsync(packet, happened, document, ct);
                s.Db.Add(packet.Note(code, by, s.Now, [("reason_text", reason), .. more]));
                return packet;
            },
            p => p.Id,
            ct
        );
}
