using GraphQL;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Identity;
using Mumega.Domain;
using Mumega.Domain.Identity;

namespace Mumega.Api.GraphQL;

/// <summary>A browser in which the caller is signed in.</summary>
/// <param name="SessionId">To end it by.</param>
/// <param name="Current">Whether this request came by it.</param>
/// <param name="Browser">What the browser says it is.</param>
/// <param name="Address">Where it was begun from.</param>
/// <param name="SeenAt">When it was last in use, to within ten minutes.</param>
[Name("Session")]
public sealed record SessionView([property: Id] string SessionId, bool Current, string? Browser, string? Address, DateTimeOffset CreatedAt, DateTimeOffset SeenAt, DateTimeOffset ExpiresAt);

public sealed partial class Viewer
{
    /// <summary>The browsers in which the caller is signed in, the last used first; none for who is no person.</summary>
    [Complexity(5, 1)]
    public async Task<IReadOnlyList<SessionView>> Sessions(IResolveFieldContext context)
    {
        var request = context.Request();
        if (request.Actor is not { Kind: PrincipalKind.User, Chain.Count: 0 }) return [];

        var (who, now) = (request.Actor.Id, request.Now);
        await using var db = request.Desk.Databases.OpenPlatform();
        return [.. (await db.WebSessions.AsNoTracking().Where(s => s.PrincipalId == who && s.ExpiresAt > now).OrderByDescending(s => s.SeenAt).Take(Paging.Max).ToListAsync(context.CancellationToken))
            .Select(s => new SessionView(s.Id, s.Id == request.Session, s.Browser, s.Address, s.CreatedAt, s.SeenAt, s.ExpiresAt))];
    }
}

/// <param name="SessionId">One of the caller's own.</param>
public sealed record EndSessionInput([property: Id] string SessionId);

public sealed record EndSessionPayload(IReadOnlyList<Refusal> Errors);

public sealed partial class Mutation
{
    /// <summary>Signs the caller out in one of their browsers, at once; its tokens and open connections end.</summary>
    public static async Task<EndSessionPayload> EndSession(IResolveFieldContext context, EndSessionInput input)
    {
        var request = context.Request();
        if (request.Actor is not { Kind: PrincipalKind.User, Chain.Count: 0 }) return new([new NotFound("session", input.SessionId)]);
        return await context.RequestServices!.GetRequiredService<WebSessions>().EndAsync(request.Actor.Id, input.SessionId, context.CancellationToken) ? new([]) : new([new NotFound("session", input.SessionId)]);
    }
}
