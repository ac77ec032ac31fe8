using System.Text.Json;
using System.Text.Json.Serialization;
using Mumega.Domain.Approvals;
using Mumega.Domain.Budgets;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Members;
using Mumega.Domain.Packets;
using Mumega.Domain.Pages;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Schedules;
using Mumega.Domain.Stops;
using Mumega.Domain.Tasks;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Webhooks;
using Mumega.Domain.Workflows;
using PrincipalEntity = Mumega.Domain.Identity.Principal;

namespace Mumega.Domain.Actions;

/// <summary>How far the effect of an action reaches.</summary>
public enum Blast
{
    Low,
    Medium,
    High,
}

/// <summary>Whether and how an action can be undone.</summary>
public enum Reversibility
{
    Reversible,
    Compensable,
    Irreversible,
}

/// <summary>How far something reaches and whether it can be undone.</summary>
public sealed record Rating(Blast Blast, Reversibility Reversibility)
{
    /// <summary>The worse of both in either respect.</summary>
    public Rating Or(Rating other) =>
        new(Blast > other.Blast ? Blast : other.Blast, Reversibility > other.Reversibility ? Reversibility : other.Reversibility);
}

/// <summary>A named condition that was looked at before running, with its answer.</summary>
public sealed record Check(string Name, bool Passed, string Detail);

/// <summary>What an action found when it looked at live state. Preflight never writes.</summary>
/// <param name="Checks">Named checks; one that failed keeps the action from running.</param>
/// <param name="Summary">What will happen, in one sentence.</param>
/// <param name="Before">The state that would change, for people; absent when there is none.</param>
/// <param name="After">The state afterwards, for people.</param>
/// <param name="RollbackPlan">How it would be undone, or why it can't be.</param>
/// <param name="StateVersion">Changes whenever the state that the preflight looked at changes.</param>
public sealed record Preflight(
    IReadOnlyList<Check> Checks,
    string Summary,
    string? Before,
    string? After,
    string RollbackPlan,
    string StateVersion
)
{
    [JsonIgnore]
    public bool Passed => Checks.All(c => c.Passed);
}

/// <summary>The action that would undo a change.</summary>
public sealed record Undo(string Action, JsonElement Input, string Summary);

/// <summary>What an action did.</summary>
/// <param name="Before">A digest or value of the state before, for the receipt.</param>
/// <param name="After">The same after.</param>
public sealed record Change(string Summary, Undo? Undo, string? Before, string? After);

/// <summary>A receipt of a chain with its opened fields.</summary>
public sealed record ChainLink(Receipt Receipt, Disclosure Disclosure);

/// <summary>The live state of one workspace, as far as actions may see and change it. Changes commit with the run.</summary>
public interface IWorkspaceState
{
    Guid WorkspaceId { get; }

    Task<Page?> FindPageAsync(string slug, CancellationToken ct);

    Task<PageRevision?> FindRevisionAsync(Guid pageId, int number, CancellationToken ct);

    /// <summary>The page's public address.</summary>
    string PageAddress(string slug);

    /// <summary>Whether another workspace of the tenant already uses the public address.</summary>
    Task<bool> IsAddressTakenAsync(string slug, CancellationToken ct);

    /// <summary>Markdown as sanitised HTML.</summary>
    string Render(string markdown);

    /// <summary>The policies in force.</summary>
    Task<PolicyVersion> FindPoliciesAsync(CancellationToken ct);

    /// <summary>How many people who may act hold the role in this workspace.</summary>
    Task<int> CountHoldersAsync(string role, CancellationToken ct);

    Task<ProfileEntry?> FindProfileEntryAsync(string key, CancellationToken ct);

    /// <summary>Somebody who holds a role here.</summary>
    Task<PrincipalEntity?> FindPrincipalAsync(Guid id, CancellationToken ct);

    /// <summary>Somebody of the tenant, whether they hold a role here or not.</summary>
    Task<PrincipalEntity?> FindTenantPrincipalAsync(Guid id, CancellationToken ct);

    /// <summary>The role that somebody holds here now.</summary>
    Task<RoleBinding?> FindRoleAsync(Guid principalId, string role, CancellationToken ct);

    /// <summary>Gives a role, or gives one that is held another end.</summary>
    void SetRole(Guid principalId, string role, RoleBinding? held, DateTimeOffset? until, Guid grantedBy);

    /// <summary>An active person other than this who owns the workspace for good; null when there is none.</summary>
    Task<RoleBinding?> FindOtherOwnerAsync(Guid than, CancellationToken ct);

    /// <summary>Has a role stay as it is with this commit: whoever takes it away at the same moment loses the race.</summary>
    void Vouch(RoleBinding stays);

    /// <summary>The roles that somebody holds here now.</summary>
    Task<IReadOnlyList<RoleBinding>> FindRolesAsync(Guid principalId, CancellationToken ct);

    /// <summary>Whether some workspace of the tenant has no other owner for good than this.</summary>
    Task<bool> IsLastOwnerAsync(Guid principalId, CancellationToken ct);

    /// <summary>Whether somebody owns or administers every workspace that another holds a role in.</summary>
    Task<bool> ReachesAsync(Guid principalId, Guid other, CancellationToken ct);

    /// <summary>The agents that a person answers for, but for retired ones.</summary>
    Task<IReadOnlyList<PrincipalEntity>> FindAgentsOfAsync(Guid owner, CancellationToken ct);

    /// <summary>Ends every token, session and held connection of a principal with this commit; returns how many tokens.</summary>
    Task<int> EndTokensAsync(PrincipalEntity principal, CancellationToken ct);

    /// <summary>Suspends a principal with a receipt, and ends its tokens.</summary>
    /// <param name="who">Whom.</param>
    /// <param name="through">The owner who caused it, if not they themselves.</param>
    /// <param name="code">Why, for the receipt.</param>
    /// <param name="by">Who decided it.</param>
    /// <param name="ct">Stops it.</param>
    Task SuspendAsync(PrincipalEntity who, Guid? through, string code, Actor by, CancellationToken ct);

    /// <summary>Suspends every active agent of a person; returns how many.</summary>
    Task<int> SuspendAgentsOfAsync(Guid owner, string code, Actor by, CancellationToken ct);

    /// <summary>Lets a principal act again, with a receipt.</summary>
    Task ResumeAsync(PrincipalEntity who, string code, Actor by, CancellationToken ct);

    /// <summary>After a role was taken away: who holds none any more in the whole tenant answers for nobody, so their agents are suspended.</summary>
    Task LeftAsync(Guid principalId, Actor by, CancellationToken ct);

    /// <summary>Adds an agent with the agent's role here and an OAuth client without credentials.</summary>
    PrincipalEntity AddAgent(string name, string purpose, AgentTier tier, PrincipalEntity owner, DateTimeOffset endsAt, Guid registeredBy);

    /// <summary>The public keys that an agent signs in with, as JWK.</summary>
    Task<IReadOnlyList<string>> FindAgentKeysAsync(PrincipalEntity agent, CancellationToken ct);

    Task SetAgentKeysAsync(PrincipalEntity agent, IReadOnlyList<string> keys, CancellationToken ct);

    /// <summary>Ends an agent for good: roles, credentials and tokens. The row stays.</summary>
    Task RetireAsync(PrincipalEntity agent, Actor by, CancellationToken ct);

    Task<Connection?> FindConnectionAsync(string key, CancellationToken ct);

    /// <summary>The whole chain that a receipt belongs to, first step first; empty when there is no such receipt here.</summary>
    Task<IReadOnlyList<ChainLink>> FindChainAsync(Guid receiptId, CancellationToken ct);

    /// <summary>The run with that id, or null: a chain may also belong to a stop or a contract.</summary>
    Task<Run?> FindRunAsync(Guid id, CancellationToken ct);

    /// <summary>Takes these texts out of what is kept beside a run: what changed while it waited, what people were asked to confirm, refusals, errors of jobs.</summary>
    Task ForgetAsync(Guid runId, IReadOnlyCollection<string> texts, CancellationToken ct);

    /// <summary>The contracts of this workspace with the partner of that name, newest first.</summary>
    Task<IReadOnlyList<Contract>> FindContractsAsync(string partner, CancellationToken ct);

    Task<Contract?> FindContractAsync(Guid id, CancellationToken ct);

    /// <summary>The tenant's partner of that name.</summary>
    Task<PrincipalEntity?> FindPartnerAsync(string name, CancellationToken ct);

    /// <summary>Adds a partner who signs in with a key of their own (private_key_jwt, RFC 7523); the public half as a JWK.</summary>
    PrincipalEntity AddPartner(string name, string jwk, DateTimeOffset now);

    /// <summary>Lets a partner in or keeps it out of this workspace: without the role its tokens do not name it.</summary>
    Task SetPartnerRoleAsync(PrincipalEntity partner, bool holds, CancellationToken ct);

    Task<Stop?> FindStopAsync(Guid id, CancellationToken ct);

    /// <summary>Whether somebody permanently owns a workspace of the tenant, whichever.</summary>
    Task<bool> OwnsSomethingAsync(Guid principalId, CancellationToken ct);

    /// <summary>When the last of these roles ends that somebody holds here: null when one of them has no end, or none is held.</summary>
    Task<DateTimeOffset?> HeldUntilAsync(Guid principalId, IReadOnlyList<string> roles, CancellationToken ct);

    /// <summary>The level at which somebody sets limits here.</summary>
    Task<string> LevelOfAsync(Guid principalId, CancellationToken ct);

    /// <summary>Whether somebody owns a workspace, other than this one, that the other does not own.</summary>
    Task<bool> OwnsBeyondAsync(Guid principalId, Guid other, CancellationToken ct);

    /// <summary>The active people who hold a role here, with their roles.</summary>
    Task<IReadOnlyList<(Guid Id, IReadOnlySet<string> Roles)>> FindPeopleAsync(CancellationToken ct);

    /// <summary>Has everything that waits for an approval, in every workspace, be held against the policies again.</summary>
    Task LookAgainAsync(CancellationToken ct);

    /// <summary>Gives whoever asked a role until a time, as an elevation with its receipts.</summary>
    Task ElevateAsync(Actor who, string role, DateTimeOffset until, Guid runId, bool breakGlass, CancellationToken ct);

    Task<Budget?> FindBudgetAsync(string key, CancellationToken ct);

    /// <summary>A role of the tenant's own.</summary>
    Task<CustomRole?> FindCustomRoleAsync(string key, CancellationToken ct);

    /// <summary>How often a role is held, in all workspaces of the tenant together.</summary>
    Task<int> CountBindingsAsync(string role, CancellationToken ct);

    /// <summary>The exception that was made for somebody here and that act.</summary>
    Task<AuthorityOverride?> FindOverrideAsync(Guid principalId, string act, CancellationToken ct);

    Task<Invitation?> FindInvitationAsync(Guid id, CancellationToken ct);

    /// <summary>Adds an invitation with its receipt.</summary>
    void Invite(Invitation invitation, Actor by);

    /// <summary>Takes an invitation back, with its receipt; the refusal when it is over already.</summary>
    Refusal? Revoke(Invitation invitation, Actor by);

    /// <summary>The tenant itself.</summary>
    Task<Tenant> FindTenantAsync(CancellationToken ct);

    /// <summary>The open workspace itself.</summary>
    Task<Workspace> FindWorkspaceAsync(CancellationToken ct);

    /// <summary>Releases a stop and wakes what it held.</summary>
    Task<Outcome<Stop>> ReleaseStopAsync(Stop stop, int? atOnce, Actor by, CancellationToken ct);

    /// <summary>That version of a packet type, or the highest; null when there is none.</summary>
    Task<PacketType?> FindPacketTypeAsync(string key, int? number, CancellationToken ct);

    /// <summary>That version of a workflow, or the highest; null when there is none.</summary>
    Task<Workflow?> FindWorkflowAsync(string key, int? number, CancellationToken ct);

    /// <summary>The keys of the workflows for packets of a type, by name.</summary>
    Task<IReadOnlyList<string>> WorkflowsForAsync(string packetType, CancellationToken ct);

    Task<Packet?> FindPacketAsync(Guid id, CancellationToken ct);

    /// <summary>The open packets under a version of a workflow, at most so many.</summary>
    Task<IReadOnlyList<Packet>> PacketsUnderAsync(string workflow, int version, int limit, CancellationToken ct);

    /// <summary>Keeps what happened to a packet and what follows from it: its task, its clocks, and what waits for its state.</summary>
    Task KeepAsync(Packet packet, PacketEvent happened, WorkflowDocument document, CancellationToken ct);

    Task<PacketImport?> FindImportAsync(Guid id, CancellationToken ct);

    /// <summary>The import that a file with this content came in by, the newest; null when none did.</summary>
    Task<PacketImport?> FindImportedAsync(string digest, CancellationToken ct);

    /// <summary>The first rows that can become packets.</summary>
    Task<IReadOnlyList<ImportRow>> SampleAsync(PacketImport import, int count, CancellationToken ct);

    /// <summary>Makes the rows that can become packets into packets with this commit.</summary>
    /// <param name="import">Whose rows.</param>
    /// <param name="pattern">What the packets have in common.</param>
    /// <param name="created">The same of their first event.</param>
    /// <param name="task">The same of the task that their first state opens, if it opens one.</param>
    void LetIn(PacketImport import, Packet pattern, PacketEvent created, WorkTask? task);

    /// <summary>A file that was uploaded here, by the SHA-256 of its content.</summary>
    Task<StoredFile?> FindFileAsync(string digest, CancellationToken ct);

    /// <summary>Keeps a file for good: a packet has it, or had it.</summary>
    void Attached(StoredFile file);

    Task<Schedule?> FindScheduleAsync(string key, CancellationToken ct);

    /// <summary>When a cron expression falls due next in a time zone (IANA name).</summary>
    Outcome<Occasion> NextOccasion(string cron, string timeZone, DateTimeOffset after);

    /// <summary>A new secret that calls from outside are signed with, and the same sealed for keeping.</summary>
    (string Secret, string Sealed) NewSecret();

    /// <summary>The reasons of the tenant's list that deciders choose from.</summary>
    Task<IReadOnlyList<DecisionReason>> FindReasonsAsync(CancellationToken ct);

    void Remove(object row);

    /// <summary>Lets a schedule wait for its next occasion.</summary>
    void Await(Schedule schedule);

    /// <summary>Tracks a new row for the commit.</summary>
    void Add(object row);
}

/// <summary>What an action is run with.</summary>
/// <param name="By">Who proposed it.</param>
/// <param name="Independence">Which accounts count as one person.</param>
/// <param name="RunId">The run; empty while nothing runs yet.</param>
/// <param name="EffectId">The id under which the run makes its effect; empty while nothing runs yet.</param>
public sealed record ActionCall(
    Actor By,
    IWorkspaceState State,
    DateTimeOffset Now,
    Independence Independence,
    Guid RunId = default,
    Guid EffectId = default
)
{
    /// <summary>Whether an account is the actor's own, or counts as one person with them.</summary>
    public bool IsOwn(Guid account) => Independence.AreOne(By.Id, account);

    /// <summary>
    /// Whether a limit that the actor sets takes the place of the one that stands: theirs is of a higher level, or it was set by somebody whom it limits. Else
    /// those who expect a limit could set it first, and lift it as their own.
    /// </summary>
    /// <param name="level">The <see cref="Level"/> of the one that stands.</param>
    /// <param name="setBy">Who set it.</param>
    /// <param name="limited">Whom it limits.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<bool> TakesOverAsync(string level, Guid? setBy, IReadOnlyCollection<Guid> limited, CancellationToken ct)
    {
        var mine = await State.LevelOfAsync(By.Id, ct);
        return Level.IsAbove(mine, level)
            || (mine == level && setBy is { } setter && Independence.IsAmong(setter, limited) && !Independence.IsAmong(By.Id, limited));
    }
}

/// <summary>
/// One governed action. A new one is one file below <c>Actions/</c>: it is found by scanning the assembly and shows up in the
/// catalogue, the propose form, eligibility and policies without further registration.
/// </summary>
public abstract class ActionDefinition
{
    /// <summary>A stable name, family first, for example <c>page.publish</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>Grows when the meaning of the action or its input changes.</summary>
    public virtual int Version => 1;

    public abstract string Family { get; }

    public abstract string Title { get; }

    public abstract string Description { get; }

    public abstract Blast Blast { get; }

    public abstract Reversibility Reversibility { get; }

    /// <summary>Both, by itself.</summary>
    public Rating Rating => new(Blast, Reversibility);

    /// <summary>JSON Schema of the input; titles and descriptions become the form.</summary>
    public abstract string InputSchema { get; }

    /// <summary>Whether people find it in the catalogue, as opposed to a verb of its own in the interface.</summary>
    public virtual bool Listed => true;

    /// <summary>Whether it goes ahead behind a stop, because it only takes work or authority away or ends the stop.</summary>
    public virtual bool PassesStops => false;

    /// <summary>Whether a person who proposes it says with a fresh second factor that they mean it.</summary>
    public virtual bool NeedsConfirmation => false;

    /// <summary>Why this input is refused for another reason than a fault of its form; null when it is not.</summary>
    public virtual Task<Refusal?> RefusalAsync(JsonElement input, ActionCall call, CancellationToken ct) => Task.FromResult<Refusal?>(null);

    /// <summary>The kind of object that the action is about; with <see cref="TargetId"/> the resource that policy decides on.</summary>
    public abstract string TargetType { get; }

    /// <summary>Which object of that kind.</summary>
    public abstract string TargetId(JsonElement input);

    /// <summary>The kind of the receipt that proves it was done.</summary>
    public virtual string ReceiptKind => Domain.Receipts.ReceiptKind.Confirmed;

    /// <summary>Faults of the input that its schema can't express; none when it may be proposed.</summary>
    public virtual IReadOnlyList<InputFault> Faults(JsonElement input) => [];

    /// <summary>Faults that only live state can tell, found before anything is proposed; none when it may be proposed.</summary>
    public virtual Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<InputFault>>([]);

    /// <summary>What a packet's workflow would do by itself once this ran; nothing for what begins no packet.</summary>
    public virtual Task<IReadOnlyList<FollowUp>> SetsOffAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<FollowUp>>([]);

    /// <summary>What it does to authority, as <see cref="AuthorityEffect"/> names it; nothing for most.</summary>
    public virtual Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyCollection<string>>([]);

    /// <summary>In whose name something would come about: each of them agrees first, unless they propose it themselves.</summary>
    public virtual IEnumerable<Guid> InTheNameOf(JsonElement input) => [];

    /// <summary>What it will cost at most, for budgets: the input's <c>cost</c> where the schema has one.</summary>
    public virtual Money? Cost(JsonElement input) =>
        input.TryGetProperty("cost", out var cost) && cost.ValueKind is JsonValueKind.Object
            ? new(cost.GetProperty("amount").GetInt64(), cost.Text("currency"))
            : null;

    /// <summary>The connection it goes out through, for stop boundaries.</summary>
    public virtual string? Connector(JsonElement input) => null;

    public abstract Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct);
}

/// <summary>An action whose effect lies in our own database and commits together with its receipt.</summary>
public abstract class InternalAction : ActionDefinition
{
    public abstract Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct);
}

/// <summary>What can be done about an external effect whose outcome was lost.</summary>
public enum Recovery
{
    Probe,
    Repeat,
    None,
}

/// <summary>An action whose effect lies outside. Its id is recorded as dispatched before the call leaves.</summary>
public abstract class ExternalAction : ActionDefinition
{
    public abstract Task<Recovery> RecoveryAsync(JsonElement input, ActionCall call, CancellationToken ct);

    public abstract Task<Delivery> DispatchAsync(
        JsonElement input,
        Guid effectId,
        ActionCall call,
        IWebhookSender sender,
        CancellationToken ct
    );

    public abstract Task<Delivery> ProbeAsync(
        JsonElement input,
        Guid effectId,
        ActionCall call,
        IWebhookSender sender,
        CancellationToken ct
    );
}

/// <summary>Every action that there is, by kind.</summary>
public sealed class ActionCatalog
{
    private static readonly Dictionary<string, ActionDefinition> ByKind = typeof(ActionDefinition)
        .Assembly.GetTypes()
        .Where(type => type is { IsAbstract: false } && type.IsAssignableTo(typeof(ActionDefinition)))
        .Select(type => (ActionDefinition)Activator.CreateInstance(type)!)
        .ToDictionary(action => action.Kind, StringComparer.Ordinal);

    public IEnumerable<ActionDefinition> All =>
        ByKind.Values.OrderBy(a => a.Family, StringComparer.Ordinal).ThenBy(a => a.Kind, StringComparer.Ordinal);

    public ActionDefinition? Find(string kind) => ByKind.GetValueOrDefault(kind);
}

/// <summary>No action has that name.</summary>
public sealed record UnknownAction(string Action) : Refusal($"There is no action called \"{Action}\".")
{
    public override IReadOnlyList<string> Path => ["action"];
}

internal static class Input
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>JSON as people read it.</summary>
    public static string Pretty(this JsonElement json) => JsonSerializer.Serialize(json, Indented);

    public static string Text(this JsonElement input, string name) => input.GetProperty(name).GetString()!;

    public static string? TextOrNull(this JsonElement input, string name) =>
        input.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static bool Flag(this JsonElement input, string name) =>
        input.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
