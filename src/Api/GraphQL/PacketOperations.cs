using System.Text.Json;
using GraphQL;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;

namespace Mumega.Api.GraphQL;

public sealed record MovePacketInput([property: Id] string PacketId, string Transition, int? Version, string Reason, string IdempotencyKey);

public sealed record ClaimTaskInput([property: Id] string PacketId, string IdempotencyKey);

public sealed record HandBackTaskInput([property: Id] string PacketId, string Reason, string IdempotencyKey);

/// <param name="To">Who is to do it; nobody in particular when left out.</param>
public sealed record AssignTaskInput([property: Id] string PacketId, [property: Id] Guid? To, string Reason, string IdempotencyKey);

/// <param name="Skip">Takes what could not be made good as done outside, instead of trying again.</param>
public sealed record ResumePacketInput([property: Id] string PacketId, bool Skip, string Reason, string IdempotencyKey);

/// <param name="ApprovalId">Which approval.</param>
/// <param name="Digest">What the caller saw.</param>
public sealed record SeenApprovalInput([property: Id] string ApprovalId, string Digest);

public sealed record DecideApprovalsInput(
    IReadOnlyList<SeenApprovalInput> Approvals,
    ApprovalVerdict Verdict,
    string? ReasonCode,
    string? Reason,
    string IdempotencyKey
);

public sealed record WithdrawDecisionInput([property: Id] string ApprovalId, string? Reason, string IdempotencyKey);

public sealed record ReviseRunInput([property: Id] string RunId, JsonElement Input, string Reason, string IdempotencyKey);

/// <param name="WorkspaceId">Where it holds.</param>
/// <param name="To">Who decides for the caller.</param>
/// <param name="Since">From when; now when left out.</param>
public sealed record DelegateApprovalsInput(
    [property: Id] string WorkspaceId,
    [property: Id] Guid To,
    DateTimeOffset? Since,
    DateTimeOffset Until,
    string Reason,
    string IdempotencyKey
);

public sealed record EndDelegationInput([property: Id] string DelegationId, string IdempotencyKey);

public sealed record MovePacketPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record ClaimTaskPayload(PacketNode? Packet, IReadOnlyList<Refusal> Errors);

public sealed record HandBackTaskPayload(PacketNode? Packet, IReadOnlyList<Refusal> Errors);

public sealed record AssignTaskPayload(PacketNode? Packet, IReadOnlyList<Refusal> Errors);

public sealed record ResumePacketPayload(PacketNode? Packet, IReadOnlyList<Refusal> Errors);

public sealed record DecideApprovalsPayload(IReadOnlyList<ApprovalNode> Approvals, IReadOnlyList<Refusal> Errors);

public sealed record WithdrawDecisionPayload(ApprovalNode? Approval, IReadOnlyList<Refusal> Errors);

public sealed record ReviseRunPayload(RunNode? Run, IReadOnlyList<Refusal> Errors);

public sealed record DelegateApprovalsPayload(DelegationNode? Delegation, IReadOnlyList<Refusal> Errors);

public sealed record EndDelegationPayload(DelegationNode? Delegation, IReadOnlyList<Refusal> Errors);

/// <param name="WorkspaceId">Where the schedule is.</param>
/// <param name="Schedule">Its key; one that calls from outside start.</param>
public sealed record RenewScheduleSecretInput([property: Id] string WorkspaceId, string Schedule);

/// <param name="Secret">Told this once; calls are signed with it (Standard Webhooks).</param>
public sealed record RenewScheduleSecretPayload(string? Secret, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Gives a schedule that is called from outside another secret; the one before holds no longer.</summary>
    public static async Task<RenewScheduleSecretPayload> RenewScheduleSecret(IResolveFieldContext context, RenewScheduleSecretInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, [new NotFound("workspace", input.WorkspaceId)]);
        return (await request.Kernel.RenewSecretAsync(request.Actor, at.Workspace, input.Schedule, context.CancellationToken)).Refused(
            out var why,
            out var secret
        )
            ? new(null, [why])
            : new(secret.Value, []);
    }

    /// <summary>Takes a packet along a transition of its workflow: policy decides, preflight checks, a gate may hold it, a job runs it.</summary>
    public static async Task<MovePacketPayload> MovePacket(IResolveFieldContext context, MovePacketInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.PacketId, "Packet") is not { } at)
            return new(null, [new NotFound("packet", input.PacketId)]);
        return Answer(
            request,
            await request.Kernel.MoveAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.Transition,
                input.Version,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            ),
            (run, errors) => new MovePacketPayload(run, errors)
        );
    }

    /// <summary>Takes the task of a packet's state; the first to ask has it.</summary>
    public static Task<ClaimTaskPayload> ClaimTask(IResolveFieldContext context, ClaimTaskInput input) =>
        OnPacketAsync(
            context,
            input.PacketId,
            (k, by, at, ct) => k.ClaimAsync(by, at.Workspace, at.Id, input.IdempotencyKey, ct),
            (p, errors) => new ClaimTaskPayload(p, errors)
        );

    /// <summary>Gives a claimed task back to whoever holds its role.</summary>
    public static Task<HandBackTaskPayload> HandBackTask(IResolveFieldContext context, HandBackTaskInput input) =>
        OnPacketAsync(
            context,
            input.PacketId,
            (k, by, at, ct) => k.HandBackAsync(by, at.Workspace, at.Id, input.Reason, input.IdempotencyKey, ct),
            (p, errors) => new HandBackTaskPayload(p, errors)
        );

    /// <summary>Gives a task to somebody who may do it, or back to all.</summary>
    public static Task<AssignTaskPayload> AssignTask(IResolveFieldContext context, AssignTaskInput input) =>
        OnPacketAsync(
            context,
            input.PacketId,
            (k, by, at, ct) => k.AssignAsync(by, at.Workspace, at.Id, input.To, input.Reason, input.IdempotencyKey, ct),
            (p, errors) => new AssignTaskPayload(p, errors)
        );

    /// <summary>Lets a workflow go on that could not make good what it did.</summary>
    public static Task<ResumePacketPayload> ResumePacket(IResolveFieldContext context, ResumePacketInput input) =>
        OnPacketAsync(
            context,
            input.PacketId,
            (k, by, at, ct) => k.ResumeAsync(by, at.Workspace, at.Id, input.Skip, input.Reason, input.IdempotencyKey, ct),
            (p, errors) => new ResumePacketPayload(p, errors)
        );

    /// <summary>Approves or rejects several approvals of the very same content: all of them, or none.</summary>
    public static async Task<DecideApprovalsPayload> DecideApprovals(IResolveFieldContext context, DecideApprovalsInput input)
    {
        var request = context.Request();
        var found = new List<(Guid Workspace, Guid Id, string Digest)>();
        foreach (var approval in input.Approvals)
        {
            if (NodeId.Parse(approval.ApprovalId, "Approval") is not { } at || (found.Count > 0 && found[0].Workspace != at.Workspace))
                return new([], [new NotFound("approval", approval.ApprovalId)]);
            found.Add((at.Workspace, at.Id, approval.Digest));
        }

        if (found.Count == 0)
            return new([], [new InvalidArgument("approvals", "between 1 and 100, each once.")]);
        return (
            await request.Kernel.DecideTogetherAsync(
                request.Actor,
                found[0].Workspace,
                [.. found.Select(f => (f.Id, f.Digest))],
                input.Verdict,
                input.ReasonCode,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var decided)
            ? new([], [why])
            : new([.. decided.Approvals.Select(a => new ApprovalNode(a, request.Desk.Catalog, request.Now))], []);
    }

    /// <summary>Takes the caller's decision back while others are still missing.</summary>
    public static async Task<WithdrawDecisionPayload> WithdrawDecision(IResolveFieldContext context, WithdrawDecisionInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.ApprovalId, "Approval") is not { } at)
            return new(null, [new NotFound("approval", input.ApprovalId)]);
        return (
            await request.Kernel.WithdrawAsync(
                request.Actor,
                at.Workspace,
                at.Id,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var approval)
            ? new(null, [why])
            : new(new(approval, request.Desk.Catalog, request.Now), []);
    }

    /// <summary>Makes the changes that an approver asked for: another input for the same run.</summary>
    public static Task<ReviseRunPayload> ReviseRun(IResolveFieldContext context, ReviseRunInput input) =>
        OnRunAsync(
            context,
            input.RunId,
            (k, by, at, ct) => k.ReviseAsync(by, at.Workspace, at.Id, input.Input, input.Reason, input.IdempotencyKey, ct),
            (run, errors) => new ReviseRunPayload(run, errors)
        );

    /// <summary>Has another person decide for the caller until a time.</summary>
    public static async Task<DelegateApprovalsPayload> DelegateApprovals(IResolveFieldContext context, DelegateApprovalsInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, [new NotFound("workspace", input.WorkspaceId)]);
        return (
            await request.Kernel.DelegateAsync(
                request.Actor,
                at.Workspace,
                input.To,
                input.Since,
                input.Until,
                input.Reason,
                input.IdempotencyKey,
                context.CancellationToken
            )
        ).Refused(out var why, out var delegation)
            ? new(null, [why])
            : new(new(delegation, request.Now), []);
    }

    /// <summary>Ends a delegation before its time.</summary>
    public static async Task<EndDelegationPayload> EndDelegation(IResolveFieldContext context, EndDelegationInput input)
    {
        var request = context.Request();
        if (NodeId.Parse(input.DelegationId, "Delegation") is not { } at)
            return new(null, [new NotFound("delegation", input.DelegationId)]);
        return (
            await request.Kernel.EndDelegationAsync(request.Actor, at.Workspace, at.Id, input.IdempotencyKey, context.CancellationToken)
        ).Refused(out var why, out var delegation)
            ? new(null, [why])
            : new(new(delegation, request.Now), []);
    }

    private static async Task<T> OnPacketAsync<T>(
        IResolveFieldContext context,
        string packetId,
        Func<Infrastructure.Runs.Kernel, Actor, (Guid Workspace, Guid Id), CancellationToken, Task<Outcome<Packet>>> act,
        Func<PacketNode?, IReadOnlyList<Refusal>, T> payload
    )
    {
        var request = context.Request();
        if (NodeId.Parse(packetId, "Packet") is not { } at)
            return payload(null, [new NotFound("packet", packetId)]);
        return (await act(request.Kernel, request.Actor, at, context.CancellationToken)).Refused(out var why, out var packet)
            ? payload(null, [why])
            : payload(new(packet, request.Now), []);
    }
}
