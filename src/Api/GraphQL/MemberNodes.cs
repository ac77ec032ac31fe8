using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Runs;

namespace Mumega.Api.GraphQL;

/// <summary>What the policies say about somebody and an act, before there is an input.</summary>
/// <param name="PrincipalId">Who.</param>
/// <param name="Reason">Why, or why not.</param>
/// <param name="Policies">The policies that decided.</param>
/// <param name="Gates">Who else has to agree.</param>
/// <param name="Remedies">What would have to change for them to be allowed.</param>
[Name("AuthorityCell")]
public sealed record AuthorityCell(
    [property: Id] Guid PrincipalId,
    Verdict Verdict,
    string Reason,
    IReadOnlyList<string> Policies,
    IReadOnlyList<GateView> Gates,
    IReadOnlyList<string> Remedies
);

/// <summary>An act, and what the policies say about each member doing it here.</summary>
/// <param name="Act">An action of the catalogue, or an act such as <c>approval.decide</c>.</param>
/// <param name="Title">What it is called.</param>
/// <param name="Family">The action's family; <c>control</c> for acts that are no actions.</param>
[Name("AuthorityRow")]
public sealed record AuthorityRow(string Act, string Title, string Family, [property: Complexity(0, 1)] IReadOnlyList<AuthorityCell> Cells);

public sealed partial class WorkspaceNode
{
    private static readonly Dictionary<string, string> ControlTitles = new(StringComparer.Ordinal)
    {
        [ControlAct.Read] = "Read the workspace",
        [ControlAct.DecideApproval] = "Decide approvals",
        [ControlAct.Consent] = "Agree to what comes about in their name",
        [ControlAct.Delegate] = "Have somebody decide for them",
        [ControlAct.CancelRun] = "Withdraw runs of others",
        [ControlAct.RollBackRun] = "Roll runs back",
        [ControlAct.SettleRun] = "Settle unknown outcomes",
        [ControlAct.EngageStop] = "Stop work here",
        [ControlAct.EngageTenantStop] = "Stop the whole tenant",
        [ControlAct.ClaimTask] = "Take tasks",
        [ControlAct.AssignTask] = "Hand out tasks",
        [ControlAct.AgentSecret] = "Give agents secrets",
        [ControlAct.ControlElevation] = "End elevations of others, and look over them",
        [ControlAct.LinkInvitation] = "Make links for invitations",
        [ControlAct.ReadAudit] = "Read the audit log",
        [ControlAct.ReadEvidence] = "Take receipts away with their proofs",
        [ControlAct.ReadCredentials] = "See what agents sign in with",
        [ControlAct.WithdrawRun] = "Take back what they proposed",
        [ControlAct.EndElevation] = "End their own elevation",
        [ControlAct.ResumePacket] = "Let a stuck workflow go on",
    };

    /// <summary>
    /// What each member may do here and why, as the engine that decides it says: one row an act. For one act read its row, for one member its
    /// cells. An input can still change the answer; scopes of a token bound it further.
    /// </summary>
    /// <param name="context">Who asks.</param>
    /// <param name="principalIds">Of whom; all members when left out, 100 at most.</param>
    /// <param name="acts">Which acts; all when left out.</param>
    [Complexity(50, 40)]
    public async Task<IReadOnlyList<AuthorityRow>> Authority(
        IResolveFieldContext context,
        [Id] IReadOnlyList<Guid>? principalIds,
        IReadOnlyList<string>? acts
    )
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, ct);
        var members = (await Members(context))
            .Select(m => m.PrincipalId)
            .Where(id => principalIds is null || principalIds.Contains(id))
            .ToList();
        var sittings = new List<(Guid Id, Sitting Theirs)>();
        foreach (var id in members)
            sittings.Add((id, await sitting.OnBehalfOfAsync(id, request.Actor.Surface, ct)));

        return
        [
            .. request
                .Desk.Catalog.All.Select(a => (Act: a.Kind, a.Title, a.Family, Action: (ActionDefinition?)a))
                .Concat(ControlTitles.Select(c => (Act: c.Key, Title: c.Value, Family: "control", Action: (ActionDefinition?)null)))
                .Where(row => acts is null || acts.Contains(row.Act))
                .Select(row => new AuthorityRow(
                    row.Act,
                    row.Title,
                    row.Family,
                    [.. sittings.Select(s => Cell(s.Id, s.Theirs.Decide(row.Act, row.Action)))]
                )),
        ];

        static AuthorityCell Cell(Guid id, Decision decision)
        {
            var view = DecisionView.Of(decision);
            return new(id, view.Verdict, view.Reason, view.Policies, view.Gates, view.Remedies);
        }
    }

    /// <summary>People and agents of the tenant who could be given a role here, by name, at most 100; none for who may not give any.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="text">In their name.</param>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<CandidateView>> Candidates(IResolveFieldContext context, string? text)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, ct);
        if (sitting.Decide("member.grant", request.Desk.Catalog.Find("member.grant")).Verdict is Verdict.Deny)
            return [];

        return
        [
            .. (
                await sitting
                    .Db.Principals.AsNoTracking()
                    .Where(p => (p.Kind == PrincipalKind.User || p.Kind == PrincipalKind.Agent) && (text == null || p.Name.Contains(text)))
                    .OrderBy(p => p.Name)
                    .Take(Paging.Max)
                    .ToListAsync(ct)
            )
                .Where(p => p.IsActive(request.Now))
                .Select(p => new CandidateView(p.Id, p.Name, p.Kind)),
        ];
    }
}

/// <summary>Somebody who could be given a role.</summary>
[Name("Candidate")]
public sealed record CandidateView([property: Id] Guid PrincipalId, string Name, PrincipalKind Kind);
