using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Pages;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Domain.Runs;
using Mumega.Domain.Runtime;
using Mumega.Domain.Stops;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Identity;
using OpenIddict.EntityFrameworkCore.Models;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// The database, seen from one workspace of one tenant. Owned rows of any other neither show nor can be written. Opened by
/// <see cref="Databases"/> only.
/// </summary>
public abstract class MumegaDb(DbContextOptions options) : IdentityUserContext<Person, Guid>(options)
{
    /// <summary>The tenant whose rows show; empty shows none.</summary>
    public Guid TenantId { get; internal init; }

    /// <summary>The workspace whose rows show; empty shows only what the tenant as such owns.</summary>
    public Guid WorkspaceId { get; internal init; }

    /// <summary>Lets one writer at a time through on SQLite; absent on the servers.</summary>
    internal SemaphoreSlim? Writer { get; init; }

    public DbSet<Tenant> Tenants => Set<Tenant>();
    public DbSet<Workspace> Workspaces => Set<Workspace>();
    public DbSet<RoleBinding> RoleBindings => Set<RoleBinding>();
    public DbSet<Principal> Principals => Set<Principal>();
    public DbSet<PolicyVersion> PolicyVersions => Set<PolicyVersion>();
    public DbSet<Run> Runs => Set<Run>();
    public DbSet<Approval> Approvals => Set<Approval>();
    public DbSet<ApprovalDecision> ApprovalDecisions => Set<ApprovalDecision>();
    public DbSet<Receipt> Receipts => Set<Receipt>();
    public DbSet<Disclosure> Disclosures => Set<Disclosure>();
    public DbSet<ReceiptPlace> ReceiptPlaces => Set<ReceiptPlace>();
    public DbSet<Job> Jobs => Set<Job>();
    public DbSet<Stop> Stops => Set<Stop>();
    public DbSet<Page> Pages => Set<Page>();
    public DbSet<PageRevision> PageRevisions => Set<PageRevision>();
    public DbSet<PortalAddress> PortalAddresses => Set<PortalAddress>();
    public DbSet<ProfileEntry> ProfileEntries => Set<ProfileEntry>();
    public DbSet<Connection> Connections => Set<Connection>();
    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();
    public DbSet<WebSession> WebSessions => Set<WebSession>();
    public DbSet<TokenKey> TokenKeys => Set<TokenKey>();
    public DbSet<OpenIddictEntityFrameworkCoreToken<Guid>> Tokens => Set<OpenIddictEntityFrameworkCoreToken<Guid>>();

    /// <summary>Adds what an act left behind to the next commit.</summary>
    public void Add(Evidence evidence)
    {
        Receipts.Add(evidence.Receipt);
        Disclosures.Add(evidence.Disclosure);
        ReceiptPlaces.Add(evidence.Place);
    }

    /// <summary>Runs a write that does not go through SaveChanges, such as a bulk update, as the only writer.</summary>
    public async Task<T> WriteAsync<T>(Func<Task<T>> write, CancellationToken ct)
    {
        if (Writer is null || Database.CurrentTransaction is not null) return await write();

        await Writer.WaitAsync(ct);
        try
        {
            return await write();
        }
        finally
        {
            Writer.Release();
        }
    }

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        SaveGuard.Check(this);
        return WriteAsync(() => base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken), cancellationToken);
    }

    public override int SaveChanges(bool acceptAllChangesOnSuccess) =>
        throw new NotSupportedException("Writes are asynchronous, so that one writer at a time can be waited for.");

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<string>().HaveMaxLength(400);
        configurationBuilder.Properties<Enum>().HaveConversion<string>().HaveMaxLength(40);
        if (Database.IsSqlite()) configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcTicks>();
        if (Database.IsNpgsql()) configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcOffset>();
    }

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.UseOpenIddict<Guid>();
        MumegaModel.Configure(builder, this);
    }

    /// <summary>Named filters, so that a single one can be reasoned about; both read members of the context.</summary>
    internal void Filter<T>(ModelBuilder model, bool byWorkspace) where T : class, ITenantOwned
    {
        model.Entity<T>().HasQueryFilter("tenant", row => row.TenantId == TenantId);
        if (byWorkspace) model.Entity<T>().HasQueryFilter("workspace", row => EF.Property<Guid>(row, nameof(WorkspaceId)) == WorkspaceId);
    }

    // SQLite neither orders nor compares DateTimeOffset.
    private sealed class UtcTicks() : ValueConverter<DateTimeOffset, long>(t => t.UtcTicks, ticks => new DateTimeOffset(ticks, TimeSpan.Zero));

    // PostgreSQL takes only offset 0.
    private sealed class UtcOffset() : ValueConverter<DateTimeOffset, DateTimeOffset>(t => t.ToUniversalTime(), t => t);
}

public sealed class SqliteDb(DbContextOptions<SqliteDb> options) : MumegaDb(options);

public sealed class PostgresDb(DbContextOptions<PostgresDb> options) : MumegaDb(options);

public sealed class SqlServerDb(DbContextOptions<SqlServerDb> options) : MumegaDb(options);
