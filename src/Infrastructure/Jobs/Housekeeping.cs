using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Domain;
using Mumega.Infrastructure.Data;
using OpenIddict.Abstractions;

namespace Mumega.Infrastructure.Jobs;

/// <summary>Forgets what nobody can use any more: done jobs, ended sessions, dead tokens. Receipts and runs are never among it.</summary>
public sealed class Housekeeping(JobQueue jobs, Databases databases, IServiceScopeFactory scopes, TimeProvider clock)
{
    public async Task TidyAsync(CancellationToken ct)
    {
        var now = clock.Now();
        await jobs.PruneAsync(ct);
        await using (var db = databases.OpenPlatform())
            await db.WriteAsync(() => db.WebSessions.Where(s => s.ExpiresAt < now).ExecuteDeleteAsync(ct), ct);

        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IOpenIddictTokenManager>().PruneAsync(now.AddDays(-14), ct);
        await scope.ServiceProvider.GetRequiredService<IOpenIddictAuthorizationManager>().PruneAsync(now.AddDays(-14), ct);
    }
}
