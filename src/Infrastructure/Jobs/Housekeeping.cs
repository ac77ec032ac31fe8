using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Domain;
using Mumega.Domain.Files;
using Mumega.Domain.Imports;
using Mumega.Domain.Jobs;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;
using OpenIddict.Abstractions;

namespace Mumega.Infrastructure.Jobs;

/// <summary>Forgets what nobody can use any more: done jobs, ended sessions, dead tokens, confirmations that were used or not, files that no packet ever had. Receipts and runs are never among it.</summary>
public sealed class Housekeeping(JobQueue jobs, Databases databases, IServiceScopeFactory scopes, TimeProvider clock)
{
    // Files that no packet ever had, and imports that nobody went on with.
    private async Task TidyAsync(Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        List<Guid> workspaces;
        await using (var db = databases.OpenTenant(tenant))
            workspaces = await db.Workspaces.Select(w => w.Id).ToListAsync(ct);
        var (unattached, unfinished, asked) = (now - StoredFile.Kept, now - PacketImport.Kept, now.AddDays(-1));
        await using (var db = databases.OpenTenant(tenant))
            await db.WriteAsync(() => db.Confirmations.Where(c => c.At < asked).ExecuteDeleteAsync(ct), ct);
        await using (var db = databases.OpenTenant(tenant))
            await db.WriteAsync(() => db.UsedAssertions.Where(a => a.ExpiresAt < asked).ExecuteDeleteAsync(ct), ct);
        foreach (var workspace in workspaces)
        {
            await using var db = databases.Open(tenant, workspace);
            await db.WriteAsync(
                () => db.StoredFiles.Where(f => f.AttachedAt == null && f.UploadedAt < unattached).ExecuteDeleteAsync(ct),
                ct
            );
            foreach (
                var import in await db
                    .PacketImports.Where(i =>
                        i.UploadedAt < unfinished && i.State != ImportState.Imported && i.State != ImportState.Cancelled
                    )
                    .ToListAsync(ct)
            )
            {
                import.Cancel(now);
                db.Jobs.Add(WorkspaceState.NewJob(tenant, workspace, JobKind.ImportPackets, import.Id, now));
            }

            await db.SaveChangesAsync(ct);
        }
    }

    public async Task TidyAsync(CancellationToken ct)
    {
        var now = clock.Now();
        await jobs.PruneAsync(ct);
        List<Guid> tenants;
        await using (var db = databases.OpenPlatform())
        {
            await db.WriteAsync(() => db.WebSessions.Where(s => s.ExpiresAt < now).ExecuteDeleteAsync(ct), ct);
            tenants = await db.Tenants.Select(t => t.Id).ToListAsync(ct);
        }

        foreach (var tenant in tenants)
            await TidyAsync(tenant, now, ct);

        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IOpenIddictTokenManager>().PruneAsync(now.AddDays(-14), ct);
        await scope.ServiceProvider.GetRequiredService<IOpenIddictAuthorizationManager>().PruneAsync(now.AddDays(-14), ct);
    }
}
