using System.Text.Json;
using GraphQL;
using GraphQL.DataLoader;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Pages;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Stops;
using OpenIddict.Abstractions;
using OpenIddict.EntityFrameworkCore.Models;

namespace Mumega.Api.GraphQL;

/// <summary>An object with a global id, which <c>node(id:)</c> finds again.</summary>
[Name("Node")]
public interface INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    string Id { get; }
}

/// <summary>Somebody who can act: a person, an agent or the platform.</summary>
[Name("Principal"), Implements(typeof(INode))]
public sealed class PrincipalNode(Guid workspaceId, Principal principal, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Principal", workspaceId, principal.Id);

    /// <summary>The plain id, as action inputs and receipts name it.</summary>
    [Id]
    public Guid PrincipalId => principal.Id;

    public string Name => principal.Name;

    public PrincipalKind Kind => principal.Kind;

    /// <summary>Whether tokens of this principal are accepted.</summary>
    public bool Active => principal.IsActive(now);

    /// <summary>For an agent: the id by which it signs in (OAuth).</summary>
    public string? ClientId => principal.ClientId;

    /// <summary>For an agent: what it is for.</summary>
    public string? Purpose => principal.Purpose;

    /// <summary>For an agent: how it works.</summary>
    public AgentTier? Tier => principal.Tier;

    /// <summary>For an agent: who answers for it.</summary>
    public IDataLoaderResult<Who>? Owner(IResolveFieldContext context) =>
        principal.OwnerId is { } owner ? Who.Of(context.Request(), owner) : null;

    /// <summary>When it stops working by itself, unless somebody certifies it again.</summary>
    public DateTimeOffset? EndsAt => principal.EndsAt;

    /// <summary>When somebody last said that it is still needed.</summary>
    public DateTimeOffset? CertifiedAt => principal.CertifiedAt;

    public DateTimeOffset? SuspendedAt => principal.SuspendedAt;

    /// <summary>The owner through whom it is suspended, if it is not suspended itself.</summary>
    public IDataLoaderResult<Who>? SuspendedThrough(IResolveFieldContext context) =>
        principal.SuspendedThrough is { } owner ? Who.Of(context.Request(), owner) : null;

    /// <summary>Set once it is gone for good.</summary>
    public DateTimeOffset? RetiredAt => principal.RetiredAt;

    /// <summary>For an agent: what it signs in with, and when it last did. Absent for who may not see it.</summary>
    [Complexity(10, 1)]
    public async Task<CredentialsView?> Credentials(IResolveFieldContext context)
    {
        if (principal.Kind is not PrincipalKind.Agent)
            return null;
        var (request, ct) = (context.Request(), context.CancellationToken);
        var door = await request.DoorAsync(workspaceId);
        if (door.WhyNot(ControlAct.ReadCredentials) is not null)
            return null;
        if (await request.Reading.WhyNotAsync(door, ControlAct.ReadCredentials, 1, ct) is { } over)
            throw new Transport.RefusalException(over);

        await using var db = request.Open(workspaceId);
        var subject = principal.Id.ToString();
        var clientId = principal.ClientId;
        var secret = await db
            .AgentSecrets.AsNoTracking()
            .Where(s => s.AgentId == principal.Id && s.EndedAt == null)
            .OrderByDescending(s => s.IssuedAt)
            .FirstOrDefaultAsync(ct);
        var client = clientId is null
            ? null
            : await db.Set<OpenIddictEntityFrameworkCoreApplication<Guid>>()
                .AsNoTracking()
                .Where(a => a.ClientId == clientId)
                .Select(a => new { a.JsonWebKeySet, Secret = a.ClientSecret != null })
                .SingleOrDefaultAsync(ct);
        var tokens = db
            .Tokens.AsNoTracking()
            .Where(t => t.Subject == subject && t.Type == OpenIddictConstants.TokenTypeIdentifiers.AccessToken);
        var live = request.Now.UtcDateTime;
        return new(
            client?.Secret == true,
            secret?.IssuedAt,
            KeyIds(client?.JsonWebKeySet),
            await tokens.CountAsync(t => t.Status == OpenIddictConstants.Statuses.Valid && t.ExpirationDate > live, ct),
            await tokens.OrderByDescending(t => t.CreationDate).Select(t => t.CreationDate).FirstOrDefaultAsync(ct) is { } last
                ? new DateTimeOffset(last, TimeSpan.Zero)
                : null
        );
    }

    private static IReadOnlyList<string> KeyIds(string? set)
    {
        if (set is null)
            return [];
        using var json = JsonDocument.Parse(set);
        return
        [
            .. json
                .RootElement.GetProperty("keys")
                .EnumerateArray()
                .Select(k => k.TryGetProperty("kid", out var id) ? id.ToString() : k.GetProperty("kty").ToString()),
        ];
    }
}

/// <summary>What an agent signs in with.</summary>
/// <param name="HasSecret">Whether it may sign in with a client secret.</param>
/// <param name="SecretIssuedAt">When that was issued; absent when it has none, or had it from the start.</param>
/// <param name="Keys">The names of the public keys that it may sign in with.</param>
/// <param name="LiveTokens">How many of its access tokens hold now.</param>
/// <param name="LastTokenAt">When it last got one.</param>
[Name("AgentCredentials")]
public sealed record CredentialsView(
    bool HasSecret,
    DateTimeOffset? SecretIssuedAt,
    IReadOnlyList<string> Keys,
    int LiveTokens,
    DateTimeOffset? LastTokenAt
);

/// <summary>A principal as others see it: a name, whatever became of it.</summary>
public sealed record Who([property: Id] Guid PrincipalId, string Name, PrincipalKind Kind)
{
    internal static IDataLoaderResult<Who> Of(RequestContext request, Guid id) =>
        id == Guid.Empty
            ? new Loaded<Who>(new Who(id, "Mumega", PrincipalKind.Service))
            : request.PrincipalAsync(id).Then(p => p is null ? new Who(id, "Somebody", PrincipalKind.User) : new Who(p.Id, p.Name, p.Kind));
}

/// <summary>A hold that lasts until enough holders of a role have approved.</summary>
/// <param name="Missing">How many approvals are still lacking.</param>
/// <param name="Escalate">The role that is asked as well when the time is over.</param>
/// <param name="Also">The role that is asked as well since the time was over.</param>
[Name("Gate")]
public sealed record GateView(
    string Role,
    int Quorum,
    int Missing,
    string Policy,
    string? Reason,
    string? Escalate = null,
    string? Also = null
)
{
    /// <summary>The person who has to agree, where it is one person and no role.</summary>
    public IDataLoaderResult<Who?> Person(IResolveFieldContext context) =>
        Of(Role) is { } id ? Who.Of(context.Request(), id).Then(w => (Who?)w) : new Loaded<Who?>(null);

    internal static GateView Of(Gate gate, int missing) =>
        new(gate.Role, gate.Quorum, missing, gate.Policy, gate.Reason, gate.Escalate, gate.Also);

    private static Guid? Of(string role) => new Gate(role, 1, default, "", null).Person;
}

/// <summary>What policy said, which policies made it say so, and what would change it.</summary>
[Name("Decision")]
public sealed record DecisionView(
    Verdict Verdict,
    string Reason,
    IReadOnlyList<string> Policies,
    string PolicyVersion,
    IReadOnlyList<GateView> Gates,
    IReadOnlyList<string> Remedies
)
{
    internal static DecisionView Of(Decision d) =>
        new(d.Verdict, d.Reason, d.Policies, d.PolicyVersion, [.. d.Gates.Select(g => GateView.Of(g, g.Quorum))], d.Remedies);
}

/// <summary>A named condition that preflight looked at.</summary>
[Name("Check")]
public sealed record CheckView(string Name, bool Passed, string Detail);

/// <summary>What would change.</summary>
[Name("Preview")]
public sealed record PreviewView(string Summary, string? Before, string? After);

/// <summary>What the action found when it looked at live state.</summary>
[Name("Preflight")]
public sealed record PreflightView(bool Passed, IReadOnlyList<CheckView> Checks, PreviewView Preview, string RollbackPlan)
{
    internal static PreflightView? Of(Preflight? p) =>
        p is null
            ? null
            : new(
                p.Passed,
                [.. p.Checks.Select(c => new CheckView(c.Name, c.Passed, c.Detail))],
                new(p.Summary, p.Before, p.After),
                p.RollbackPlan
            );
}

/// <summary>A step that a workflow takes by itself.</summary>
/// <param name="Transition">The transition's name in the workflow.</param>
/// <param name="Title">The same for people.</param>
/// <param name="Action">The kind of the action that it runs.</param>
/// <param name="ActionTitle">The same for people.</param>
[Name("FollowUp")]
public sealed record FollowUpView(
    string Transition,
    string Title,
    string Action,
    string ActionTitle,
    Blast Blast,
    Reversibility Reversibility
);

/// <summary>Whether and how a run can be undone now.</summary>
[Name("RollbackPointer")]
public sealed record RollbackView(RollbackStatus Status, string Summary, DateTimeOffset? Until, [property: Id] string? RunId);

/// <summary>One governed attempt at one action.</summary>
[Name("Run"), Implements(typeof(INode))]
public sealed class RunNode(Run run, ActionCatalog catalog, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Run", run.WorkspaceId, run.Id);

    /// <summary>The action's kind, for example <c>page.publish</c>.</summary>
    public string Action => run.Action;

    /// <summary>The action's title, for people.</summary>
    public string Title => catalog.Find(run.Action)?.Title ?? run.Action;

    public string Family => run.Family;

    /// <summary>How far it reaches, with everything that it sets off: the farthest of them.</summary>
    public Blast Blast => Rating.Blast;

    /// <summary>Whether it can be undone, with everything that it sets off: the worst of them.</summary>
    public Reversibility Reversibility => Rating.Reversibility;

    /// <summary>What the packet's workflow may do by itself once this has run, the nearest first; each is a run of its own, behind its own gates.</summary>
    public IReadOnlyList<FollowUpView> SetsOff =>
        [
            .. (run.Decision.SetsOff ?? []).Select(f => new FollowUpView(
                f.Transition,
                f.Title,
                f.Action,
                catalog.Find(f.Action)?.Title ?? f.Action,
                f.Rating.Blast,
                f.Rating.Reversibility
            )),
        ];

    private Rating Rating => run.Decision.RatingOf(catalog.Find(run.Action)?.Rating ?? new(Blast.High, Reversibility.Irreversible));

    /// <summary>The input in its canonical form, as far as the caller may see it.</summary>
    public async Task<JsonElement> Input(IResolveFieldContext context)
    {
        var door = await context.Request().DoorAsync(run.WorkspaceId);
        return run.InputJson.EnumerateObject().All(p => door.Opens($"parameters.{p.Name}"))
            ? run.InputJson
            : JsonSerializer.SerializeToElement(
                run.InputJson.EnumerateObject().Where(p => door.Opens($"parameters.{p.Name}")).ToDictionary(p => p.Name, p => p.Value)
            );
    }

    public Task<string> Target(IResolveFieldContext context) => SeenAsync(context, "target", run.Target);

    /// <summary>Why it was proposed, in the proposer's words.</summary>
    public Task<string> Reason(IResolveFieldContext context) => SeenAsync(context, "reason_text", run.Reason);

    public RunState State => run.State;

    /// <summary>While held: the state it goes back to.</summary>
    public RunState? HeldFrom => run.HeldFrom;

    public DecisionView Decision => DecisionView.Of(run.Decision);

    /// <summary>Absent for a run that policy denied. Before and after are left out when the caller may not see all of the input.</summary>
    public async Task<PreflightView?> Preflight(IResolveFieldContext context)
    {
        var door = await context.Request().DoorAsync(run.WorkspaceId);
        var seen = PreflightView.Of(run.Preflight);
        return seen is null || run.InputJson.EnumerateObject().All(p => door.Opens($"parameters.{p.Name}"))
            ? seen
            : seen with
            {
                Checks = [.. seen.Checks.Select(c => c with { Detail = Closed })],
                Preview = new(Closed, null, null),
            };
    }

    /// <summary>The digest that an approval binds to.</summary>
    public string Digest => run.Digest;

    /// <summary>What came of it.</summary>
    public async Task<string?> Result(IResolveFieldContext context) =>
        run.Result is { } result ? await SeenAsync(context, "reason_text", result) : null;

    public RollbackView Rollback
    {
        get
        {
            var pointer = run.Rollback(now);
            return new(
                pointer.Status,
                pointer.Summary,
                pointer.Until,
                pointer.RunId is { } id ? NodeId.Of("Run", run.WorkspaceId, id) : null
            );
        }
    }

    /// <summary>The surface it came in by.</summary>
    public string Surface => run.Surface;

    public DateTimeOffset CreatedAt => run.CreatedAt;

    public DateTimeOffset UpdatedAt => run.UpdatedAt;

    public DateTimeOffset? DispatchedAt => run.DispatchedAt;

    public IDataLoaderResult<Who> ProposedBy(IResolveFieldContext context) => Who.Of(context.Request(), run.ProposedBy);

    /// <summary>The human gate, if there is one.</summary>
    public IDataLoaderResult<ApprovalNode?> Approval(IResolveFieldContext context) =>
        context.Request().ApprovalOfAsync(run.WorkspaceId, run.Id).Then(a => a is null ? null : new ApprovalNode(a, catalog, now));

    /// <summary>The packet that it takes along, or made.</summary>
    public IDataLoaderResult<PacketNode?> Packet(IResolveFieldContext context) =>
        run.PacketId is { } packet || (run.Action == "packet.create" && (packet = run.EffectId) != Guid.Empty)
            ? context.Request().PacketAsync(run.WorkspaceId, packet).Then(p => p is null ? null : new PacketNode(p, now))
            : new Loaded<PacketNode?>(null);

    /// <summary>The transition by which it takes a packet along.</summary>
    public string? Transition => run.Transition;

    /// <summary>The run that this one undoes.</summary>
    public IDataLoaderResult<RunNode?> Undoes(IResolveFieldContext context) =>
        run.UndoOf is { } id
            ? context.Request().RunAsync(run.WorkspaceId, id).Then(r => r is null ? null : new RunNode(r, catalog, now))
            : new Loaded<RunNode?>(null);

    // What stands where the caller may not see the value.
    internal const string Closed = "(not shown to you)";

    private async Task<string> SeenAsync(IResolveFieldContext context, string field, string value) =>
        (await context.Request().DoorAsync(run.WorkspaceId)).Opens(field) ? value : Closed;

    /// <summary>The run's chain of receipts, first step first.</summary>
    public Task<IReadOnlyList<ReceiptNode>> Receipts(IResolveFieldContext context) =>
        Reads.ReceiptsOfAsync(context.Request(), run.WorkspaceId, run.Id, context.CancellationToken);
}

/// <summary>One person's word on an approval.</summary>
[Name("ApprovalDecision")]
public sealed class DecisionNode(ApprovalDecision decision)
{
    public ApprovalVerdict Verdict => decision.Verdict;

    public string? Reason => decision.Reason;

    /// <summary>A reason of the tenant's list.</summary>
    public string? ReasonCode => decision.ReasonCode;

    public DateTimeOffset At => decision.At;

    /// <summary>On whose behalf, by delegation.</summary>
    public IDataLoaderResult<Who?> For(IResolveFieldContext context) =>
        decision.ForId is { } id ? Who.Of(context.Request(), id).Then(w => (Who?)w) : new Loaded<Who?>(null);

    public IDataLoaderResult<Who> By(IResolveFieldContext context) => Who.Of(context.Request(), decision.DeciderId);
}

/// <summary>A human gate on a run.</summary>
[Name("Approval"), Implements(typeof(INode))]
public sealed class ApprovalNode(Approval approval, ActionCatalog catalog, DateTimeOffset now) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Approval", approval.WorkspaceId, approval.Id);

    public ApprovalState State => approval.State;

    /// <summary>Send it back with the decision: it says what was seen.</summary>
    public string Digest => approval.Digest;

    public IDataLoaderResult<IReadOnlyList<GateView>> Gates(IResolveFieldContext context) =>
        context
            .Request()
            .RunAsync(approval.WorkspaceId, approval.RunId)
            .Then(run => (IReadOnlyList<GateView>)[.. approval.Gates(run!).Select(g => GateView.Of(g, approval.Missing(g)))]);

    public IReadOnlyList<DecisionNode> Decisions => [.. approval.Current.OrderBy(d => d.At).Select(d => new DecisionNode(d))];

    /// <summary>The digest of what would run without what tells one run from another; approvals with the same can be decided at once.</summary>
    public string Likeness => approval.Likeness;

    /// <summary>When those who have not decided are reminded.</summary>
    public DateTimeOffset? RemindAt => approval.RemindAt;

    public DateTimeOffset? RemindedAt => approval.RemindedAt;

    /// <summary>When the first deadline passed and another role was asked as well.</summary>
    public DateTimeOffset? EscalatedAt => approval.EscalatedAt;

    /// <summary>What changed with the last round.</summary>
    public IDataLoaderResult<IReadOnlyList<Difference>> Changes(IResolveFieldContext context)
    {
        var request = context.Request();
        return request
            .RunAsync(approval.WorkspaceId, approval.RunId)
            .Then(async run =>
            {
                // They quote the input and what it would change; where not all of it is shown, neither is this.
                var door = await request.DoorAsync(approval.WorkspaceId);
                return run!.InputJson.EnumerateObject().All(p => door.Opens($"parameters.{p.Name}"))
                    ? approval.Changes
                    : (IReadOnlyList<Difference>)
                        [
                            .. approval.Changes.Select(c =>
                                c.What is Differences.Gates or "policy" ? c : new(c.What, RunNode.Closed, RunNode.Closed)
                            ),
                        ];
            });
    }

    /// <summary>Whether the caller may take their decision back.</summary>
    public bool Withdrawable(IResolveFieldContext context) => approval.Withdrawable(context.Request().Actor.Id, now) is not null;

    /// <summary>How often what is approved changed since it was asked for.</summary>
    public int Round => approval.Round;

    public DateTimeOffset CreatedAt => approval.CreatedAt;

    public DateTimeOffset ExpiresAt => approval.ExpiresAt;

    public IDataLoaderResult<RunNode> Run(IResolveFieldContext context) =>
        context.Request().RunAsync(approval.WorkspaceId, approval.RunId).Then(r => new RunNode(r!, catalog, now));

    /// <summary>Why the caller may not decide this, or null when they may.</summary>
    public IDataLoaderResult<string?> Blocked(IResolveFieldContext context)
    {
        var request = context.Request();
        return request
            .RunAsync(approval.WorkspaceId, approval.RunId)
            .Then(async run =>
            {
                var (refusal, _, decider) = await request.DecidesAsync(approval.WorkspaceId);
                var asked = run!.Decision.Gates.Any(g => g.Person == request.Actor.Id);
                return ((asked ? null : refusal) ?? approval.WhyNot(run, request.Actor, decider, now))?.Message;
            });
    }
}

/// <summary>Immutable evidence that something happened ("Mumega receipt 1").</summary>
[Name("Receipt"), Implements(typeof(INode))]
public sealed class ReceiptNode(Receipt receipt) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Receipt", receipt.WorkspaceId, receipt.Id);

    /// <summary>For example <c>decided</c> or <c>outcome.confirmed</c>.</summary>
    public string Kind => receipt.Kind;

    /// <summary>A stable code of what was decided or happened, for example <c>gate.approved</c>.</summary>
    public string ReasonCode => receipt.ReasonCode;

    public string Action => receipt.Action;

    /// <summary>The state of the run or stop from here on.</summary>
    public string State => receipt.State;

    /// <summary>The step within its chain, from 1, without gaps.</summary>
    public int Step => receipt.Step;

    public DateTimeOffset At => receipt.At;

    /// <summary>The leaf hash (RFC 6962) of the entry, base64.</summary>
    public string Digest => receipt.Digest;

    /// <summary>The entry as it was hashed: canonical JSON (RFC 8785).</summary>
    public string Entry => System.Text.Encoding.UTF8.GetString(receipt.Entry);

    /// <summary>The receipt that this one undoes.</summary>
    [Id]
    public string? Undoes => receipt.UndoesReceiptId is { } id ? NodeId.Of("Receipt", receipt.WorkspaceId, id) : null;

    public IDataLoaderResult<Who> Actor(IResolveFieldContext context) => Who.Of(context.Request(), receipt.ActorId);

    /// <summary>The run whose chain this belongs to; absent for a stop or a contract.</summary>
    public IDataLoaderResult<RunNode?> Run(IResolveFieldContext context)
    {
        var request = context.Request();
        return request
            .RunAsync(receipt.WorkspaceId, receipt.SubjectId)
            .Then(r => r is null ? null : new RunNode(r, request.Desk.Catalog, request.Now));
    }

    /// <summary>
    /// The proof that the receipt is in its tenant's log: at the checkpoint of that size, or at the latest. Absent until it is sealed, which takes
    /// less than a second, and at a checkpoint that is smaller or never was.
    /// </summary>
    [Complexity(10)]
    public Task<InclusionView?> Inclusion(IResolveFieldContext context, long? checkpoint) =>
        InclusionView.OfAsync(context.Request(), receipt, checkpoint, context.CancellationToken);

    /// <summary>
    /// The receipt with its proof as one file (C2SP tlog-proof) that can be checked without asking us. Opens the named fields, or all; what stays
    /// closed is still proven to be there. Absent until the receipt is sealed.
    /// </summary>
    [Complexity(10)]
    public async Task<string?> ProofFile(IResolveFieldContext context, IReadOnlyList<string>? open)
    {
        var request = context.Request();
        if (await InclusionView.OfAsync(request, receipt, null, context.CancellationToken) is not { } inclusion)
            return null;

        var disclosure = await request.OpenedAsync(receipt.WorkspaceId, receipt.Id).GetResultAsync(context.CancellationToken);
        var extra = JsonSerializer.SerializeToUtf8Bytes(
            new { entry = Convert.ToBase64String(receipt.Entry), disclosures = disclosure?.Open(open) ?? [] },
            JsonSerializerOptions.Web
        );
        return new TransparencyLog.LogProof(
            extra,
            inclusion.Index,
            [.. inclusion.Path.Select(Convert.FromBase64String)],
            inclusion.Checkpoint
        ).ToString();
    }

    /// <summary>The names of fields whose values were erased. Their commitments are still in the entry.</summary>
    public IDataLoaderResult<IReadOnlyList<string>> Erased(IResolveFieldContext context) =>
        context.Request().DisclosureAsync(receipt.WorkspaceId, receipt.Id).Then(d => d?.ErasedNames ?? (IReadOnlyList<string>)[]);

    /// <summary>Whether a legal hold keeps its fields from being erased.</summary>
    public IDataLoaderResult<bool> Held(IResolveFieldContext context) =>
        context.Request().DisclosureAsync(receipt.WorkspaceId, receipt.Id).Then(d => d?.HeldBy is not null);

    /// <summary>The plain id, as action inputs name it.</summary>
    [Id]
    public Guid ReceiptId => receipt.Id;

    /// <summary>The committed fields, opened as far as the caller may see them.</summary>
    public IDataLoaderResult<JsonElement?> Fields(IResolveFieldContext context) =>
        context.Request().OpenedAsync(receipt.WorkspaceId, receipt.Id).Then(d => d?.Fields());

    /// <summary>The disclosures behind the commitments (RFC 9901 encoding), for whoever verifies.</summary>
    public IDataLoaderResult<IReadOnlyList<string>> Disclosures(IResolveFieldContext context) =>
        context
            .Request()
            .OpenedAsync(receipt.WorkspaceId, receipt.Id)
            .Then(d => (IReadOnlyList<string>)(d is null ? [] : JsonSerializer.Deserialize<string[]>(d.Opened)!));
}

/// <summary>A page of the public portal.</summary>
[Name("Page"), Implements(typeof(INode))]
public sealed class PageNode(Page page, string address) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Page", page.WorkspaceId, page.Id);

    public string Slug => page.Slug;

    public string Title => page.Title;

    /// <summary>The public address.</summary>
    public string Address => address;

    /// <summary>The live revision's number; absent while offline.</summary>
    public int? Live => page.Live;

    public int Revisions => page.Revisions;

    public DateTimeOffset? PublishedAt => page.PublishedAt;
}

/// <summary>An engaged or released stop.</summary>
[Name("Stop"), Implements(typeof(INode))]
public sealed class StopNode(Stop stop, Guid seenFrom) : INode
{
    /// <summary>The global id; opaque.</summary>
    [Id]
    public string Id => NodeId.Of("Stop", stop.WorkspaceId == seenFrom ? stop.WorkspaceId : seenFrom, stop.Id);

    public StopBoundary Boundary => stop.Boundary;

    /// <summary>The agent's id, the family or the connector's key.</summary>
    public string? Target => stop.Target;

    public string Reason => stop.Reason;

    public DateTimeOffset EngagedAt => stop.EngagedAt;

    public StopState State => stop.State;

    /// <summary>When nothing inside waited or ran any more; absent until then.</summary>
    public DateTimeOffset? EffectiveAt => stop.EffectiveAt;

    /// <summary>From engaging until nothing inside waited or ran, in milliseconds; absent until then.</summary>
    public int? TimeToStop => stop.TimeToStop;

    /// <summary>How many runs it held when it took effect.</summary>
    public int Held => stop.Held;

    /// <summary>How many calls that were under way it ended.</summary>
    public int Cancelled => stop.Cancelled;

    /// <summary>How many held runs go on at a time, while it is released in stages.</summary>
    public int? AtOnce => stop.StageSize;

    /// <summary>The stage of its release, from 1; 0 before.</summary>
    public int Stage => stop.Stage;

    public DateTimeOffset? ReleasedAt => stop.ReleasedAt;

    /// <summary>Whether it was engaged here; another workspace's tenant stop is released there.</summary>
    public bool EngagedHere => stop.WorkspaceId == seenFrom;

    public IDataLoaderResult<Who> EngagedBy(IResolveFieldContext context) => Who.Of(context.Request(), stop.EngagedBy);
}

/// <summary>Whether a stop boundary holds, as the last probe found it.</summary>
/// <param name="Armed">A probe found it to hold within the last minutes.</param>
/// <param name="Milliseconds">From engaging to being refused, in the last probe.</param>
/// <param name="Fault">What the last probe found wrong.</param>
[Name("StopLight")]
public sealed record StopLight(StopBoundary Boundary, bool Armed, DateTimeOffset? CheckedAt, int? Milliseconds, string? Fault)
{
    internal static StopLight Of(StopBoundary boundary, StopProbe? probe, DateTimeOffset now) =>
        new(boundary, probe?.Armed(now) == true, probe?.CheckedAt, probe?.Milliseconds, probe?.Fault);
}

/// <summary>One key of the runtime profile.</summary>
[Name("ProfileEntry")]
public sealed record ProfileView(string Key, JsonElement? Value, DateTimeOffset UpdatedAt)
{
    internal static ProfileView Of(ProfileEntry e) =>
        new(e.Key, e.Value is null ? null : JsonDocument.Parse(e.Value).RootElement, e.UpdatedAt);
}
