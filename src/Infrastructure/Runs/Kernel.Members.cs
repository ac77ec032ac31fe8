using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions.Members;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

public sealed partial class Kernel
{
    /// <summary>Has an invitation open by another secret, of which only the hash is kept.</summary>
    public async Task<Outcome<Invitation>> LinkInvitationAsync(
        Actor by,
        Guid workspaceId,
        Guid invitationId,
        Func<Invitation, string> hash,
        CancellationToken ct
    ) => await desk.NotedAsync(by, "linkInvitation", workspaceId, await LinkNowAsync(by, workspaceId, invitationId, hash, ct), ct);

    private async Task<Outcome<Invitation>> LinkNowAsync(
        Actor by,
        Guid workspaceId,
        Guid invitationId,
        Func<Invitation, string> hash,
        CancellationToken ct
    )
    {
        await using var s = await desk.SitAsync(by, workspaceId, ct);
        if (!s.MaySee)
            return new NotFound("workspace", workspaceId.ToString());
        if (s.Decide(ControlAct.LinkInvitation) is { Verdict: Verdict.Deny } no)
            return no.AsRefusal();
        if (s.StopFor("members") is { } stopped)
            return stopped;
        if (await s.Db.Invitations.SingleOrDefaultAsync(i => i.Id == invitationId, ct) is not { } invitation)
            return new NotFound("invitation", invitationId.ToString());

        // The person with the link lets somebody in just as the one who invited them did.
        if (await MayInviteAsync(s, invitation, ct) is { Verdict: Verdict.Deny } notTheirs)
            return notTheirs.AsRefusal();
        if (invitation.Link(hash(invitation), by, s.Now).Refused(out var why, out var evidence))
            return why;

        s.Db.Add(evidence);
        try
        {
            await s.CommitAsync(ct);
            return invitation;
        }
        catch (Exception e) when (Databases.IsRace(e))
        {
            return new StaleVersion();
        }
    }

    /// <summary>
    /// Whether those by whom somebody comes in, the one who invited them and the one who made the link, are still active and might still invite them.
    /// Asked when the link is taken.
    /// </summary>
    public async Task<bool> IsStillMeantAsync(Sitting s, Invitation invitation, CancellationToken ct)
    {
        foreach (var id in new[] { invitation.InvitedBy, invitation.LinkedBy ?? invitation.InvitedBy }.Distinct())
        {
            if ((await MayInviteAsync(await s.OnBehalfOfAsync(id, Actor.ScheduleSurface, ct), invitation, ct)).Verdict is Verdict.Deny)
                return false;
        }

        return true;
    }

    private static Task<Decision> MayInviteAsync(Sitting s, Invitation invitation, CancellationToken ct) =>
        s.DecideAsync(s.Desk.Catalog.Find("member.invite")!, InviteMember.InputOf(invitation), ct);
}
