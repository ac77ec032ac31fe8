using System.Security.Cryptography;
using GraphQL;
using Mumega.Domain;
using Mumega.Infrastructure.Identity;

namespace Mumega.Api.GraphQL;

/// <param name="WorkspaceId">Where the agent works.</param>
/// <param name="AgentId">The agent's plain id.</param>
/// <param name="Reason">Why it gets another one.</param>
public sealed record IssueAgentSecretInput([property: Id] string WorkspaceId, [property: Id] Guid AgentId, string Reason);

/// <param name="ClientId">The id that goes with it.</param>
/// <param name="Secret">Told this once; only a hash of it is kept.</param>
public sealed record IssueAgentSecretPayload(string? ClientId, string? Secret, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Gives an agent a client secret, in place of the one that it had: that one holds no longer, and its tokens end.</summary>
    public static async Task<IssueAgentSecretPayload> IssueAgentSecret(IResolveFieldContext context, IssueAgentSecretInput input)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, null, [new NotFound("workspace", input.WorkspaceId)]);

        // The prefix lets scanners for leaked secrets find it.
        var secret = $"mumega_{System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";
        var hash = await context.RequestServices!.GetRequiredService<ClientSecrets>().HashAsync(secret, ct);
        return (await request.Kernel.IssueSecretAsync(request.Actor, at.Workspace, input.AgentId, hash, input.Reason, ct)).Refused(
            out var why,
            out var agent
        )
            ? new(null, null, [why])
            : new(agent.ClientId, secret, []);
    }
}
