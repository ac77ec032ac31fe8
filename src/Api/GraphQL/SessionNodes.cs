using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;

namespace Mumega.Api.GraphQL;

/// <summary>Where the caller is signed in: a browser, or another client that holds tokens of theirs.</summary>
/// <param name="SessionId">To end it by.</param>
/// <param name="Current">Whether this request came by it.</param>
/// <param name="Client">The name of another client; absent for a browser.</param>
/// <param name="Browser">What the browser says it is.</param>
/// <param name="Address">Where it was begun from.</param>
/// <param name="SeenAt">When it was last in use, to within ten minutes.</param>
[Name("Session")]
public sealed record SessionView(
    [property: Id] string SessionId,
    bool Current,
    string? Client,
    string? Browser,
    string? Address,
    DateTimeOffset CreatedAt,
    DateTimeOffset SeenAt,
    DateTimeOffset ExpiresAt
);

public sealed partial class Viewer
{
    /// <summary>Everywhere that the caller is signed in, the last used first; none for agents and partners.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<SessionView>> Sessions(IResolveFieldContext context)
    {
        var request = context.Request();
        if (request.Actor is not { Kind: PrincipalKind.User, Chain.Count: 0 })
            return [];

        await using var db = request.OpenTenant();
        var token = request.Caller.Token;
        var own = await db
            .Tokens.Where(t => t.Id == token && t.Authorization != null)
            .Select(t => (Guid?)t.Authorization!.Id)
            .SingleOrDefaultAsync(context.CancellationToken);
        return
        [
            .. (await WebSessions.OpenAsync(db, request.Actor.Id, request.Now, context.CancellationToken))
                .Take(Paging.Max)
                .Select(s => new SessionView(
                    s.Id,
                    s.Client is null ? s.Id == request.Session : s.Authorization == own,
                    s.Client,
                    s.Browser,
                    s.Address,
                    s.Since,
                    s.SeenAt,
                    s.Until
                )),
        ];
    }
}

/// <param name="SessionId">One of the caller's own.</param>
public sealed record EndSessionInput([property: Id] string SessionId);

public sealed record EndSessionPayload(IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Signs the caller out in a browser or another client, at once; its tokens and open connections end.</summary>
    public static async Task<EndSessionPayload> EndSession(IResolveFieldContext context, EndSessionInput input)
    {
        var request = context.Request();
        if (request.WhyNotOwnAccount() is { } no)
            return new([no is HumanRequired ? new NotFound("session", input.SessionId) : no]);
        return await context
            .RequestServices!.GetRequiredService<WebSessions>()
            .EndAsync(request.Actor.TenantId, request.Actor.Id, input.SessionId, context.CancellationToken)
            ? new([])
            : new([new NotFound("session", input.SessionId)]);
    }
}
