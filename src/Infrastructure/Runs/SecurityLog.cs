using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Mumega.Domain;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Runs;

/// <summary>Writes down what concerns sign-in and credentials and is no governed act.</summary>
public sealed class SecurityLog(Databases databases, TimeProvider clock, ILogger<SecurityLog> log)
{
    /// <param name="tenant">Whose log; empty when nobody knows, then only the process's own log has it.</param>
    /// <param name="code">A stable code.</param>
    /// <param name="principal">Whom it concerns.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="detail">In words, without any secret.</param>
    /// <param name="ct">Cancels.</param>
    public async Task NoteAsync(Guid tenant, string code, Guid? principal, string? address, string? detail, CancellationToken ct)
    {
        log.LogInformation("{Code} {Principal} from {Address}: {Detail}", code, principal, address, detail);
        if (tenant == Guid.Empty) return;

        var now = Clock.Now(clock);
        await using var db = databases.OpenTenant(tenant);
        db.SecurityEvents.Add(new()
        {
            TenantId = tenant,
            Id = Guid.CreateVersion7(now),
            Code = code,
            PrincipalId = principal,
            Address = address,
            Detail = detail is { Length: > 400 } ? detail[..400] : detail,
            TraceId = Activity.Current?.TraceId.ToHexString(),
            At = now,
        });
        await db.SaveChangesAsync(ct);
    }
}
