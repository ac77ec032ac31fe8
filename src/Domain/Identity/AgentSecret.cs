using Mumega.Domain.Receipts;

namespace Mumega.Domain.Identity;

/// <summary>That an agent was given a client secret, and when it stopped working. The secret itself is told once and kept by the token server as a hash.</summary>
public sealed class AgentSecret : IReceipted
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required Guid AgentId { get; init; }

    public required Guid IssuedBy { get; init; }

    public required DateTimeOffset IssuedAt { get; init; }

    public DateTimeOffset? EndedAt { get; private set; }

    public int Receipts { get; set; }

    public string? LastReceipt { get; set; }

    public int Version { get; private set; }

    public static (AgentSecret Secret, Evidence Evidence) Issue(Guid workspaceId, Principal agent, Actor by, DateTimeOffset now)
    {
        var secret = new AgentSecret
        {
            TenantId = agent.TenantId,
            WorkspaceId = workspaceId,
            Id = Guid.CreateVersion7(now),
            AgentId = agent.Id,
            IssuedBy = by.Id,
            IssuedAt = now,
        };
        return (secret, secret.Note(by, now, "secret.issued", "ISSUED"));
    }

    /// <summary>It stops working: another took its place, or the agent is gone.</summary>
    public Evidence End(string code, Actor by, DateTimeOffset now)
    {
        EndedAt = now;
        return Note(by, now, code, "ENDED");
    }

    private Evidence Note(Actor by, DateTimeOffset now, string code, string state) =>
        ReceiptWriter.Append(this, ReceiptKind.Decided, by, now, "agent.secret", code, state, [("target", $"Agent::\"{AgentId}\"")]);
}
