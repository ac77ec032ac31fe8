using Mumega.Domain.Packets;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Tasks;

/// <summary>
/// What somebody has to do next: a projection of a packet and its workflow, kept so that it can be listed. Deleting all of them and projecting
/// again gives the same.
/// </summary>
public sealed class WorkTask : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>Made from the packet and the occasion, so that projecting again gives the same.</summary>
    public required Guid Id { get; init; }

    public required Guid PacketId { get; init; }

    public required string Title { get; init; }

    /// <summary>Whose holders may claim it.</summary>
    public required string Role { get; init; }

    /// <summary>Who has it; absent while anybody with the role may claim it.</summary>
    public Guid? Assignee { get; init; }

    public required Priority Priority { get; init; }

    /// <summary>The same as a number that lists are ordered by, the most urgent first.</summary>
    public required int Rank { get; init; }

    public DateTimeOffset? DueAt { get; init; }

    public string? DoneWhen { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>The open task of a packet, or null when nobody has to do anything.</summary>
    public static WorkTask? Of(Packet packet, WorkflowDocument document) =>
        packet.TaskOf(document) is not { } task
            ? null
            : new()
            {
                TenantId = packet.TenantId,
                WorkspaceId = packet.WorkspaceId,
                Id = IdOf(packet),
                PacketId = packet.Id,
                Title = task.Title,
                Role = task.Role,
                Assignee = packet.Assignee,
                Priority = task.Priority,
                Rank = -(int)task.Priority,
                DueAt = task.DueAfter is { } due ? packet.EnteredAt + due : null,
                DoneWhen = task.DoneWhen,
                OpenedAt = packet.EnteredAt,
            };

    // From the packet and the event that opened the task.
    private static Guid IdOf(Packet packet) =>
        NamedId.Of($"mumega-task/1\n{packet.Id}\n{packet.EnteredBy}\n{packet.Saga?.Stuck is not null}");
}
