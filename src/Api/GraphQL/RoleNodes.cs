using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Members;
using Mumega.Domain.Policies;

namespace Mumega.Api.GraphQL;

/// <summary>A role that can be held here.</summary>
/// <param name="BuiltIn">Every tenant has it; what it may do is said by the tenant's policies.</param>
/// <param name="Acts">What a role of the tenant's own permits; none for a built-in one.</param>
/// <param name="Policy">The policy that a role of the tenant's own stands for.</param>
/// <param name="Holders">How many hold it in this workspace now.</param>
[Name("Role")]
public sealed record RoleView(
    string Key,
    string Title,
    string? Description,
    bool BuiltIn,
    IReadOnlyList<string> Acts,
    string? Policy,
    int Holders
);

/// <summary>An exception for one member.</summary>
/// <param name="PrincipalId">For whom.</param>
/// <param name="Act">An action, an act such as <c>approval.decide</c>, or a scope.</param>
/// <param name="Policy">The policy that it stands for.</param>
[Name("AuthorityOverride")]
public sealed record OverrideView([property: Id] Guid PrincipalId, string Act, OverrideEffect Effect, string Policy, DateTimeOffset SetAt);

/// <summary>Somebody who was asked to work here.</summary>
[Name("Invitation")]
public sealed class InvitationView(Invitation invitation, DateTimeOffset now)
{
    /// <summary>To make a link for it, or take it back.</summary>
    [Id]
    public Guid InvitationId => invitation.Id;

    public string Email => invitation.Email;

    public string Role => invitation.Role;

    /// <summary>When the role ends; absent when it is for good.</summary>
    public DateTimeOffset? Until => invitation.Until;

    public InvitationState State => invitation.State(now);

    /// <summary>Whether a link was made for it.</summary>
    public bool Linked => invitation.TokenHash is not null;

    public DateTimeOffset CreatedAt => invitation.CreatedAt;

    /// <summary>Until when the link holds.</summary>
    public DateTimeOffset ExpiresAt => invitation.ExpiresAt;

    public IDataLoaderResult<Who> InvitedBy(IResolveFieldContext context) => Who.Of(context.Request(), invitation.InvitedBy);
}

public sealed partial class WorkspaceNode
{
    private static readonly Dictionary<string, (string Title, string Description)> BuiltInRoles = new(StringComparer.Ordinal)
    {
        ["owner"] = ("Owner", "Owns the workspace: everything an admin may, and who owns it, stops of the whole tenant, removing it."),
        ["admin"] = ("Admin", "Looks after members, agents, policies and budgets, and decides what asks for an admin."),
        ["operator"] = ("Operator", "Runs the workspace's actions, looks after runs, and stops work."),
        ["approver"] = ("Approver", "Decides what waits for an approval."),
        ["auditor"] = ("Auditor", "Reads everything, the audit log included, and changes nothing."),
        ["agent"] = ("Agent", "An agent that proposes."),
    };

    /// <summary>The roles that can be held here: those that every tenant has, then the tenant's own by title.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<RoleView>> Roles(IResolveFieldContext context)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var db = request.Open(workspace.Id);
        var workspaceId = workspace.Id;
        var held = await db.RolesAt(request.Now)
            .Where(b => b.WorkspaceId == workspaceId)
            .GroupBy(b => b.Role)
            .Select(g => new { g.Key, Count = g.Count() })
            .ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        return
        [
            .. BuiltInRoles.Select(r => new RoleView(
                r.Key,
                r.Value.Title,
                r.Value.Description,
                true,
                [],
                null,
                held.GetValueOrDefault(r.Key)
            )),
            .. (await db.CustomRoles.AsNoTracking().OrderBy(r => r.Title).Take(Paging.Max).ToListAsync(ct)).Select(r => new RoleView(
                r.Key,
                r.Title,
                r.Description,
                false,
                r.Acts,
                r.Policy(),
                held.GetValueOrDefault(r.Key)
            )),
        ];
    }

    /// <summary>The exceptions that hold for members here, at most 100.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<OverrideView>> AuthorityOverrides(IResolveFieldContext context)
    {
        await using var db = context.Request().Open(workspace.Id);
        var workspaceId = workspace.Id;
        return
        [
            .. (
                await db
                    .AuthorityOverrides.AsNoTracking()
                    .Where(o => o.WorkspaceId == workspaceId)
                    .OrderByDescending(o => o.SetAt)
                    .Take(Paging.Max)
                    .ToListAsync(context.CancellationToken)
            ).Select(o => new OverrideView(o.PrincipalId, o.Act, o.Effect, o.Policy(), o.SetAt)),
        ];
    }

    /// <summary>Who was invited here, the newest first, at most 100; none for who may not make links for them.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<InvitationView>> Invitations(IResolveFieldContext context)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        await using var sitting = await request.Desk.SitAsync(request.Actor, workspace.Id, ct);
        if (sitting.Decide(ControlAct.LinkInvitation).Verdict is Verdict.Deny)
            return [];
        return
        [
            .. (await sitting.Db.Invitations.AsNoTracking().OrderByDescending(i => i.CreatedAt).Take(Paging.Max).ToListAsync(ct)).Select(
                i => new InvitationView(i, request.Now)
            ),
        ];
    }
}

public sealed record LinkInvitationInput([property: Id] string WorkspaceId, [property: Id] Guid InvitationId);

/// <param name="Link">Told this once. Whoever has it and the address can come in.</param>
public sealed record LinkInvitationPayload(string? Link, DateTimeOffset? ExpiresAt, IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Makes a link for somebody who was invited; the one before it holds no longer.</summary>
    public static async Task<LinkInvitationPayload> LinkInvitation(IResolveFieldContext context, LinkInvitationInput input)
    {
        var (request, ct) = (context.Request(), context.CancellationToken);
        if (NodeId.Parse(input.WorkspaceId, "Workspace") is not { } at)
            return new(null, null, [new NotFound("workspace", input.WorkspaceId)]);

        string? token = null;
        var outcome = await request.Kernel.LinkInvitationAsync(
            request.Actor,
            at.Workspace,
            input.InvitationId,
            invitation =>
            {
                (token, var hash) = Identity.Invitations.NewToken(request.Actor.TenantId, invitation);
                return hash;
            },
            ct
        );
        return outcome.Refused(out var why, out var linked)
            ? new(null, null, [why])
            : new($"{request.PublicAddress}/join#{token}", linked.ExpiresAt, []);
    }
}
