using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Mumega.Domain.Approvals;
using Mumega.Domain.Audit;
using Mumega.Domain.Budgets;
using Mumega.Domain.Elevations;
using Mumega.Domain.Files;
using Mumega.Domain.Identity;
using Mumega.Domain.Imports;
using Mumega.Domain.Jobs;
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
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Receipts;
using OpenIddict.Abstractions;
using OpenIddict.EntityFrameworkCore.Models;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// The database, seen from one workspace of one tenant. Owned rows of any other neither show nor can be written. Opened by
/// <see cref="Databases"/> only.
/// </summary>
public abstract class MumegaDb(DbContextOptions options) : IdentityUserContext<Person, Guid>(options)
{
    /// <summary>The tenant whose rows show; empty shows none.</summary>
    public Guid TenantId { get; private set; }

    /// <summary>The workspace whose rows show; empty shows only what the tenant as such owns.</summary>
    public Guid WorkspaceId { get; private set; }

    /// <summary>Queries that are asked on every act, translated once for this database.</summary>
    internal CompiledQueries Queries { get; private set; } = null!;

    private readonly List<Evidence> evidence = [];
    private readonly List<Func<CancellationToken, Task>> bulk = [];
    private SemaphoreSlim? writer;

    public DbSet<Tenant> Tenants => Set<Tenant>();
    public DbSet<Workspace> Workspaces => Set<Workspace>();
    public DbSet<RoleBinding> RoleBindings => Set<RoleBinding>();
    public DbSet<Principal> Principals => Set<Principal>();
    public DbSet<Suspension> Suspensions => Set<Suspension>();
    public DbSet<AgentSecret> AgentSecrets => Set<AgentSecret>();
    public DbSet<Elevation> Elevations => Set<Elevation>();
    public DbSet<ElevationRequest> ElevationRequests => Set<ElevationRequest>();
    public DbSet<UsedAssertion> UsedAssertions => Set<UsedAssertion>();
    public DbSet<Confirmation> Confirmations => Set<Confirmation>();
    public DbSet<Invitation> Invitations => Set<Invitation>();
    public DbSet<CustomRole> CustomRoles => Set<CustomRole>();
    public DbSet<AuthorityOverride> AuthorityOverrides => Set<AuthorityOverride>();
    public DbSet<SecurityEvent> SecurityEvents => Set<SecurityEvent>();
    public DbSet<Budget> Budgets => Set<Budget>();
    public DbSet<BudgetUse> BudgetUses => Set<BudgetUse>();
    public DbSet<BudgetMeter> BudgetMeters => Set<BudgetMeter>();
    public DbSet<PolicyVersion> PolicyVersions => Set<PolicyVersion>();
    public DbSet<Run> Runs => Set<Run>();
    public DbSet<Approval> Approvals => Set<Approval>();
    public DbSet<ApprovalDecision> ApprovalDecisions => Set<ApprovalDecision>();
    public DbSet<Delegation> Delegations => Set<Delegation>();
    public DbSet<DecisionReason> DecisionReasons => Set<DecisionReason>();
    public DbSet<PacketType> PacketTypes => Set<PacketType>();
    public DbSet<Workflow> Workflows => Set<Workflow>();
    public DbSet<Packet> Packets => Set<Packet>();
    public DbSet<PacketLabel> PacketLabels => Set<PacketLabel>();
    public DbSet<PacketEvent> PacketEvents => Set<PacketEvent>();
    public DbSet<WorkTask> WorkTasks => Set<WorkTask>();
    public DbSet<Schedule> Schedules => Set<Schedule>();
    public DbSet<PacketImport> PacketImports => Set<PacketImport>();
    public DbSet<ImportFile> ImportFiles => Set<ImportFile>();
    public DbSet<ImportRow> ImportRows => Set<ImportRow>();
    public DbSet<StoredFile> StoredFiles => Set<StoredFile>();
    public DbSet<Receipt> Receipts => Set<Receipt>();
    public DbSet<Disclosure> Disclosures => Set<Disclosure>();
    public DbSet<Contract> Contracts => Set<Contract>();
    public DbSet<ReceiptPlace> ReceiptPlaces => Set<ReceiptPlace>();
    public DbSet<LogHead> LogHeads => Set<LogHead>();
    public DbSet<LogTile> LogTiles => Set<LogTile>();
    public DbSet<LogCheckpoint> LogCheckpoints => Set<LogCheckpoint>();
    public DbSet<LogCosignature> LogCosignatures => Set<LogCosignature>();
    public DbSet<LogKey> LogKeys => Set<LogKey>();
    public DbSet<Job> Jobs => Set<Job>();
    public DbSet<Stop> Stops => Set<Stop>();
    public DbSet<StopProbe> StopProbes => Set<StopProbe>();
    public DbSet<Page> Pages => Set<Page>();
    public DbSet<PageRevision> PageRevisions => Set<PageRevision>();
    public DbSet<PortalAddress> PortalAddresses => Set<PortalAddress>();
    public DbSet<ProfileEntry> ProfileEntries => Set<ProfileEntry>();
    public DbSet<Connection> Connections => Set<Connection>();
    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();
    public DbSet<WebSession> WebSessions => Set<WebSession>();
    public DbSet<TokenKey> TokenKeys => Set<TokenKey>();
    public DbSet<OpenIddictEntityFrameworkCoreToken<Guid>> Tokens => Set<OpenIddictEntityFrameworkCoreToken<Guid>>();

    /// <summary>Points a context, which may have served somebody else before, at what it may see.</summary>
    internal MumegaDb For(Guid tenantId, Guid workspaceId, CompiledQueries queries, SemaphoreSlim? oneWriter)
    {
        (TenantId, WorkspaceId, Queries, writer) = (tenantId, workspaceId, queries, oneWriter);
        evidence.Clear();
        bulk.Clear();
        Database.AutoSavepointsEnabled = false;
        return this;
    }

    /// <summary>The approval that a run waits or waited for, with what was decided.</summary>
    public Task<Approval?> FindApprovalOfRunAsync(Guid runId, CancellationToken ct) => Queries.ApprovalOfRun(this, runId, ct);

    /// <summary>The open workspace's receipts before a place, newest first; those that are wanted, if that is said.</summary>
    public IAsyncEnumerable<FeedItem> ReceiptsBefore(long place, ReceiptQuery? wanted, int limit)
    {
        if (wanted is null)
            return Queries.ReceiptsBefore(this, TenantId, WorkspaceId, place, limit);

        var (tenantId, workspaceId) = (TenantId, WorkspaceId);
        var receipts = Receipts.AsQueryable();
        if (wanted.Kinds is { Count: > 0 } kinds)
            receipts = receipts.Where(r => kinds.Contains(r.Kind));
        if (wanted.Action is { } action)
            receipts = receipts.Where(r => r.Action == action);
        if (wanted.Actor is { } actor)
            receipts = receipts.Where(r => r.ActorId == actor);
        if (wanted.Chain is { } chain)
            receipts = receipts.Where(r => r.SubjectId == chain);
        if (wanted.Target is { } target)
            receipts = receipts.Where(r => Runs.Any(run => run.Id == r.SubjectId && run.Target == target));
        if (wanted.Since is { } since)
            receipts = receipts.Where(r => r.At >= since);
        if (wanted.Until is { } until)
            receipts = receipts.Where(r => r.At < until);
        return (
            from at in ReceiptPlaces
            where at.TenantId == tenantId && at.WorkspaceId == workspaceId && at.Position < place
            join receipt in receipts
                on new
                {
                    at.TenantId,
                    at.WorkspaceId,
                    at.ReceiptId,
                } equals new
                {
                    receipt.TenantId,
                    receipt.WorkspaceId,
                    ReceiptId = receipt.Id,
                }
            orderby at.Position descending
            select new FeedItem(at.Position!.Value, receipt)
        )
            .AsNoTracking()
            .Take(limit)
            .AsAsyncEnumerable();
    }

    /// <summary>The roles that are held at a time, of the whole tenant.</summary>
    public IQueryable<RoleBinding> RolesAt(DateTimeOffset now) => RoleBindings.Where(b => b.Until == null || b.Until > now);

    /// <summary>Who of the tenant may act at a time: an agent while an active person who belongs to the tenant answers for it.</summary>
    public IQueryable<Principal> ActiveAt(DateTimeOffset now) =>
        Principals.Where(p =>
            p.SuspendedAt == null
            && p.RetiredAt == null
            && (p.EndsAt == null || p.EndsAt > now)
            && (
                p.OwnerId == null
                || (
                    Principals.Any(o => o.Id == p.OwnerId && o.SuspendedAt == null)
                    && RoleBindings.Any(b => b.PrincipalId == p.OwnerId && (b.Until == null || b.Until > now))
                )
            )
        );

    /// <summary>Whom somebody decides for, and who for them, at a time: what <see cref="Delegation.Holds"/> says of one.</summary>
    public IQueryable<Delegation> DelegationsAt(DateTimeOffset now) =>
        Delegations.Where(d => d.EndedAt == null && d.Since <= now && d.Until > now);

    /// <summary>The browser session with this id, if there is one.</summary>
    public Task<WebSession?> FindWebSessionAsync(string id, CancellationToken ct) => Queries.WebSession(this, id, ct);

    /// <summary>Ends a principal's valid tokens, and a person's sessions, with the next commit; returns how many tokens.</summary>
    /// <param name="principal">Whose.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="but">The authorization whose tokens stay, with the session that has them.</param>
    /// <param name="session">That session.</param>
    public async Task<int> EndTokensAsync(Principal principal, CancellationToken ct, Guid? but = null, string? session = null)
    {
        var subject = principal.Id.ToString();
        var tokens = await Tokens
            .Include(t => t.Authorization)
            .Where(t => t.Subject == subject && t.Status == OpenIddictConstants.Statuses.Valid)
            .ToListAsync(ct);
        tokens.RemoveAll(t => but is not null && t.Authorization?.Id == but);
        foreach (var token in tokens)
            token.Status = OpenIddictConstants.Statuses.Revoked;
        if (principal.Kind is PrincipalKind.User)
            WebSessions.RemoveRange(await WebSessions.Where(s => s.PrincipalId == principal.Id && s.Id != session).ToListAsync(ct));
        return tokens.Count;
    }

    /// <summary>Adds what an act left behind to the next commit.</summary>
    public void Add(Evidence left) => evidence.Add(left);

    /// <summary>The receipts that the next commit adds.</summary>
    internal IReadOnlyList<Guid> EvidenceIds => [.. evidence.Select(e => e.Receipt.Id)];

    internal bool HasEvidence => evidence.Count > 0;

    /// <summary>Has the next commit also do this, after its changes and in the same transaction: for many rows at once.</summary>
    internal void Also(Func<CancellationToken, Task> write) => bulk.Add(write);

    /// <summary>Runs a write that does not go through SaveChanges, such as a bulk update, as the only writer.</summary>
    public async Task<T> WriteAsync<T>(Func<Task<T>> write, CancellationToken ct)
    {
        // Absent on the servers; SQLite lets one writer at a time through.
        if (writer is null || Database.CurrentTransaction is not null)
            return await write();

        await writer.WaitAsync(ct);
        try
        {
            return await write();
        }
        finally
        {
            writer.Release();
        }
    }

    public override async Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default) =>
        (await CommitAsync(cancellationToken)).Rows;

    /// <summary>Commits everything at once, and says what others may want to hear of.</summary>
    internal async Task<Commit> CommitAsync(CancellationToken cancellationToken)
    {
        // Looking for changes costs as much as writing them, and every look at the tracker would do it again.
        ChangeTracker.DetectChanges();
        ChangeTracker.AutoDetectChangesEnabled = false;
        try
        {
            var authority = SaveGuard.Check(this, evidence);
            var jobs = ChangeTracker.Entries<Job>().Any(e => e.State is EntityState.Added);
            var rows = await WriteAsync(
                () =>
                    authority || evidence.Count > 0 || bulk.Count > 0
                        ? SaveTogetherAsync(authority, cancellationToken)
                        : base.SaveChangesAsync(true, cancellationToken),
                cancellationToken
            );
            return new(rows, jobs, authority);
        }
        finally
        {
            ChangeTracker.AutoDetectChangesEnabled = true;
        }
    }

    private async Task<int> SaveTogetherAsync(bool authority, CancellationToken ct)
    {
        await using var transaction = Database.CurrentTransaction is null ? await Database.BeginTransactionAsync(ct) : null;
        if (authority)
        {
            // Whoever reads the count before or after this commit can tell whether what they remember still holds.
            var tenantId = TenantId;
            await Tenants
                .Where(t => t.Id == tenantId)
                .ExecuteUpdateAsync(set => set.SetProperty(t => t.Authority, t => t.Authority + 1), ct);
        }

        var saved = await base.SaveChangesAsync(true, ct);
        foreach (var write in bulk)
            await write(ct);
        if (evidence.Count > 0)
        {
            await Queries.Rows.InsertAsync(this, [.. evidence.Select(e => e.Receipt)], ct);
            await Queries.Rows.InsertAsync(this, [.. evidence.Select(e => e.Disclosure)], ct);
            await Queries.Rows.InsertAsync(this, [.. evidence.Select(e => e.Place)], ct);
        }

        if (transaction is not null)
            await transaction.CommitAsync(ct);
        evidence.Clear();
        bulk.Clear();
        return saved;
    }

    public override int SaveChanges(bool acceptAllChangesOnSuccess) =>
        throw new NotSupportedException("Writes are asynchronous, so that one writer at a time can be waited for.");

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<string>().HaveMaxLength(400);
        configurationBuilder.Properties<Enum>().HaveConversion<string>().HaveMaxLength(40);
        if (Database.IsSqlite())
            configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcTicks>();
        if (Database.IsNpgsql())
            configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcOffset>();
    }

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.UseOpenIddict<Guid>();
        MumegaModel.Configure(builder, this);
    }

    /// <summary>Named filters, so that a single one can be reasoned about; both read members of the context.</summary>
    internal void Filter<T>(ModelBuilder model, bool byWorkspace)
        where T : class, ITenantOwned
    {
        model.Entity<T>().HasQueryFilter("tenant", row => row.TenantId == TenantId);
        if (byWorkspace)
            model.Entity<T>().HasQueryFilter("workspace", row => EF.Property<Guid>(row, nameof(WorkspaceId)) == WorkspaceId);
    }

    // SQLite neither orders nor compares DateTimeOffset.
    private sealed class UtcTicks()
        : ValueConverter<DateTimeOffset, long>(t => t.UtcTicks, ticks => new DateTimeOffset(ticks, TimeSpan.Zero));

    // PostgreSQL takes only offset 0.
    private sealed class UtcOffset() : ValueConverter<DateTimeOffset, DateTimeOffset>(t => t.ToUniversalTime(), t => t);
}

/// <summary>Which receipts are wanted; null where it does not matter.</summary>
/// <param name="Kinds">Of any of these kinds.</param>
/// <param name="Action">Of this action.</param>
/// <param name="Actor">By this principal.</param>
/// <param name="Chain">Of the chain of this run, stop or contract.</param>
/// <param name="Target">Of runs about this.</param>
/// <param name="Since">At this time or later.</param>
/// <param name="Until">Before this time.</param>
public sealed record ReceiptQuery(
    IReadOnlyList<string>? Kinds,
    string? Action,
    Guid? Actor,
    Guid? Chain,
    string? Target,
    DateTimeOffset? Since,
    DateTimeOffset? Until
);

/// <summary>What a commit did: whether it left jobs that are due, and whether it changed who may do what.</summary>
internal readonly record struct Commit(int Rows, bool Jobs, bool Authority);

public sealed class SqliteDb(DbContextOptions<SqliteDb> options) : MumegaDb(options);

public sealed class PostgresDb(DbContextOptions<PostgresDb> options) : MumegaDb(options);

public sealed class SqlServerDb(DbContextOptions<SqlServerDb> options) : MumegaDb(options);
