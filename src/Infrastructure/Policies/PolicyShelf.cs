using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Policies;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Policies;

/// <summary>The policies in force, each version parsed once.</summary>
public sealed class PolicyShelf
{
    private readonly ConcurrentDictionary<(Guid Tenant, int Number), PolicyBook> books = new();

    /// <summary>Throws when the tenant has no policies: without them nothing can be decided, so nothing is allowed.</summary>
    public async Task<PolicyBook> CurrentAsync(MumegaDb db, CancellationToken ct)
    {
        var number = await db.PolicyVersions.MaxAsync(p => (int?)p.Number, ct) ?? throw new InvalidOperationException("The tenant has no policies.");
        if (books.TryGetValue((db.TenantId, number), out var book)) return book;

        var text = await db.PolicyVersions.Where(p => p.Number == number).Select(p => p.Text).SingleAsync(ct);
        return books.GetOrAdd((db.TenantId, number), _ => new(number, text));
    }
}
