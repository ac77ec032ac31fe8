using System.Text.Json;
using Mumega.Domain.Tenancy;

namespace Mumega.Domain.Identity;

public enum PrincipalKind
{
    User,
    Agent,
    Partner,
    Service,
}

/// <summary>How an agent works: beside a person, by itself in the background, or as a program that calls the API.</summary>
public enum AgentTier
{
    Interactive,
    Background,
    Api,
}

/// <summary>Who can act: a person, an agent, a partner or the platform itself.</summary>
public sealed class Principal : ITenantOwned
{
    public required Guid TenantId { get; init; }

    public required Guid Id { get; init; }

    public required PrincipalKind Kind { get; init; }

    public required string Name { get; set; }

    /// <summary>The person who answers for an agent; absent for anybody else.</summary>
    public Guid? OwnerId { get; set; }

    /// <summary>The OAuth client id of an agent; unique over all tenants. Absent once it is retired.</summary>
    public string? ClientId { get; set; }

    /// <summary>What an agent is for.</summary>
    public string? Purpose { get; set; }

    /// <summary>How an agent works; absent for anybody else.</summary>
    public AgentTier? Tier { get; set; }

    /// <summary>Set while suspended: every token and connection of the principal is dead.</summary>
    public DateTimeOffset? SuspendedAt { get; private set; }

    /// <summary>The owner whose suspension, or leaving, suspended this agent; absent when it was suspended itself.</summary>
    public Guid? SuspendedThrough { get; private set; }

    /// <summary>Who suspended it.</summary>
    public Guid? SuspendedBy { get; private set; }

    /// <summary>The <see cref="Policies.Level"/> at which it was suspended: only that level or a higher one lets it act again.</summary>
    public string? SuspendedLevel { get; private set; }

    /// <summary>When an agent stops working by itself, unless somebody certifies it again before.</summary>
    public DateTimeOffset? EndsAt { get; set; }

    /// <summary>When somebody last said that the agent is still needed.</summary>
    public DateTimeOffset? CertifiedAt { get; set; }

    /// <summary>Who said so.</summary>
    public Guid? CertifiedBy { get; set; }

    /// <summary>Who made the link by which a person's account came in; absent for accounts that the platform set up.</summary>
    public Guid? LetInBy { get; init; }

    /// <summary>Who has verified that the account belongs to another person than the one who made its link.</summary>
    public Guid? VerifiedBy { get; private set; }

    public DateTimeOffset? VerifiedAt { get; private set; }

    /// <summary>Who registered an agent.</summary>
    public Guid? RegisteredBy { get; init; }

    /// <summary>Who issued the client secret that an agent signs in with now.</summary>
    public Guid? SecretIssuedBy { get; set; }

    /// <summary>The keys that an agent signs in with or ever did, as JSON; use <see cref="Keys"/>.</summary>
    public string? KeysJson { get; private set; }

    /// <summary>The keys that an agent signs in with or ever did, and who set each.</summary>
    public IReadOnlyList<AgentKey> Keys => KeysJson is null ? [] : JsonSerializer.Deserialize<List<AgentKey>>(KeysJson)!;

    /// <summary>The people who know what an agent signs in with, or brought it about: they stand behind everything that it proposes.</summary>
    public IEnumerable<Guid> Stewards => new[] { RegisteredBy, SecretIssuedBy }.OfType<Guid>().Concat(KeySetters);

    /// <summary>Whom it concerns when it is limited: itself, and for an agent who answers for it and who stands behind it.</summary>
    public IEnumerable<Guid> Concerned => Stewards.Append(OwnerId ?? Id).Append(Id);

    /// <summary>Whether somebody knows what the agent signs in with now, because they gave it.</summary>
    public bool IsKnownTo(Guid person) => SecretIssuedBy == person || KeySetters.Contains(person);

    private IEnumerable<Guid> KeySetters => Keys.Where(k => k.Current).Select(k => k.SetBy);

    /// <summary>
    /// Has the agent sign in with these keys and no others. The person who first set a key stays behind it after others keep it or bring it
    /// back: they may hold its private half.
    /// </summary>
    /// <param name="thumbprints">The keys' thumbprints (RFC 7638).</param>
    /// <param name="by">Who sets them.</param>
    public void SetKeys(IReadOnlyCollection<string> thumbprints, Guid by)
    {
        var had = Keys;
        var brought = thumbprints
            .Where(t => !had.Any(k => k.Thumbprint == t && (k.Current || k.SetBy == by)))
            .Select(t => new AgentKey(t, by, true));
        KeysJson = JsonSerializer.Serialize(
            had.Select(k => k with { Current = thumbprints.Contains(k.Thumbprint) }).Concat(brought).Distinct()
        );
    }

    /// <summary>Set once an agent is retired for good. The row stays, so that receipts still say who it was; nothing else of it does.</summary>
    public DateTimeOffset? RetiredAt { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public int Version { get; private set; }

    public bool IsActive(DateTimeOffset now) => SuspendedAt is null && RetiredAt is null && (EndsAt is null || now < EndsAt);

    /// <summary>Suspends it, itself or through its owner. What was suspended through the owner may be suspended itself on top.</summary>
    public void Suspend(DateTimeOffset now, Guid by, string level, Guid? through = null)
    {
        if (SuspendedAt is not null && through is not null)
            return;
        (SuspendedAt, SuspendedThrough, SuspendedBy, SuspendedLevel) = (SuspendedAt ?? now, through, by, level);
    }

    public void Resume() => (SuspendedAt, SuspendedThrough, SuspendedBy, SuspendedLevel) = (null, null, null, null);

    /// <summary>Says that the account belongs to a person of its own.</summary>
    /// <param name="by">Who says so; absent for the operator of the installation.</param>
    /// <param name="now">When.</param>
    public void Verify(Guid? by, DateTimeOffset now) => (VerifiedBy, VerifiedAt) = (by ?? Guid.Empty, now);

    public void Retire(DateTimeOffset now) => (RetiredAt, ClientId) = (now, null);
}

/// <summary>A public key that an agent signs in with, or did.</summary>
/// <param name="Thumbprint">The key's thumbprint by SHA-256 (RFC 7638), in base64url.</param>
/// <param name="SetBy">Who had the agent sign in with it.</param>
/// <param name="Current">Whether it still does.</param>
public sealed record AgentKey(string Thumbprint, Guid SetBy, bool Current);

/// <summary>The authenticated principal of one request, as an argument to every act. There is no ambient user.</summary>
/// <param name="Log">The origin of the tenant's receipt log, which every receipt names.</param>
/// <param name="Scopes">The OAuth scopes of the token: a ceiling that no policy can lift.</param>
/// <param name="Workspaces">The workspaces that the token names.</param>
/// <param name="Surface">Where the request came in, for example <c>graphql</c>.</param>
/// <param name="For">On whose behalf, the person or agent at the root first; empty for who acts for themselves. Each of them has to be allowed too;
/// for what the platform does for a workflow, those who set it off, whose stops and budgets apply.</param>
/// <param name="Confirmed">The factor by which they said that they mean this very act, if they were asked.</param>
/// <param name="Limits">What the token is limited to (RFC 9396), each on its own; absent where it is limited to nothing but its scopes.</param>
public sealed record Actor(
    Guid TenantId,
    Guid Id,
    PrincipalKind Kind,
    string Name,
    Guid? OwnerId,
    string Log,
    IReadOnlySet<string> Scopes,
    IReadOnlySet<Guid> Workspaces,
    string Surface,
    IReadOnlyList<ActorLink>? For = null,
    string? Confirmed = null,
    IReadOnlyList<ActLimit>? Limits = null
)
{
    /// <summary>Whether a person is there to be asked whether they mean it: on every surface but those on which the platform acts later.</summary>
    public bool IsPresent => Kind is PrincipalKind.User && Surface is not (WorkflowSurface or ScheduleSurface);

    /// <summary>On whose behalf, the root first.</summary>
    public IReadOnlyList<ActorLink> Chain => For ?? [];

    /// <summary>The surface of what a published workflow does by itself; nobody else acts on it.</summary>
    public const string WorkflowSurface = "workflow";

    /// <summary>The surface of what somebody set up to happen later.</summary>
    public const string ScheduleSurface = "schedule";

    /// <summary>The platform acting on a tenant's behalf, for example when a deadline passes.</summary>
    public static Actor Platform(Guid tenantId, string log) =>
        new(tenantId, Guid.Empty, PrincipalKind.Service, "Mumega", null, log, new HashSet<string>(), new HashSet<Guid>(), "job");
}

/// <summary>Somebody on whose behalf another acts.</summary>
public sealed record ActorLink(Guid Id, PrincipalKind Kind, string Name, Guid? OwnerId)
{
    /// <summary>A principal as a link.</summary>
    public static ActorLink Of(Principal principal) => new(principal.Id, principal.Kind, principal.Name, principal.OwnerId);
}

/// <summary>The OAuth scopes that tokens may carry.</summary>
public static class Scopes
{
    public const string Read = "mumega:read";
    public const string Propose = "mumega:propose";
    public const string Decide = "mumega:decide";
    public const string Stop = "mumega:stop";

    /// <summary>What a partner gets: receipts under its contracts, nothing else.</summary>
    public const string Receipts = "mumega:receipts";

    public static readonly IReadOnlyList<string> All = [Read, Propose, Decide, Stop, Receipts];
}
