using Mumega.Domain;
using Mumega.Domain.Actions.Agents;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Infrastructure.Runs;

public sealed partial class Kernel
{
    /// <summary>Gives an agent a client secret, of which only the hash is known here. What it had before ends, and so do its tokens.</summary>
    public async Task<Outcome<Principal>> IssueSecretAsync(
        Actor by,
        Guid workspaceId,
        Guid agentId,
        string hash,
        string reason,
        CancellationToken ct
    )
    {
        if (BadReason(reason) is { } bad)
            return bad;

        return await desk.NotedAsync(
            by,
            "issueAgentSecret",
            workspaceId,
            await IssueSecretNowAsync(by, workspaceId, agentId, hash, reason, ct),
            ct
        );
    }

    private async Task<Outcome<Principal>> IssueSecretNowAsync(
        Actor by,
        Guid workspaceId,
        Guid agentId,
        string hash,
        string reason,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee)
            return new NotFound("workspace", workspaceId.ToString());
        if (await s.Call.State.FindPrincipalAsync(agentId, ct) is not { Kind: PrincipalKind.Agent, RetiredAt: null } agent)
            return new NotFound("agent", agentId.ToString());

        var effects = await SetAgentKeys.GivingCredentialAsync(agent, s.Call, ct);
        if (s.Decide(ControlAct.AgentSecret, effects: effects) is { Verdict: Verdict.Deny } no)
            return no.AsRefusal();
        if (s.StopFor("agents") is { } stopped)
            return stopped;
        if (await s.ConfirmAsync($"give {agent.Name} another secret.", ["secret", agentId, reason], ct) is { } unconfirmed)
            return unconfirmed;

        await ((WorkspaceState)s.Call.State).SetSecretAsync(agent, hash, by, ct);
        await s.CommitAsync(ct);
        return agent;
    }
}
