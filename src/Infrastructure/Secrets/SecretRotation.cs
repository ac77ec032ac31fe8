using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Mumega.Infrastructure.Data;

namespace Mumega.Infrastructure.Secrets;

/// <summary>What the vault's purposes are called.</summary>
public static class Purpose
{
    public const string Connection = "connections";
    public const string LogKey = "log-keys";
    public const string TokenKey = "token-keys";
    public const string Session = "web-sessions";
    public const string SecondFactor = "second-factors";
}

/// <summary>Brings everything that is sealed under the current key-encryption key, so that a former one can be taken out of the configuration. A row that somebody else changed meanwhile is left for the next time.</summary>
public sealed class SecretRotation(Databases databases, Vault vault, ILogger<SecretRotation> log)
{
    /// <summary>Returns how many values were brought over.</summary>
    public async Task<int> RotateAsync(CancellationToken ct)
    {
        var (current, moved) = (vault.Current, 0);
        List<Guid> tenants;
        await using (var db = databases.OpenPlatform())
        {
            foreach (var key in await db.TokenKeys.AsNoTracking().Where(k => !k.Sealed.StartsWith(current)).ToListAsync(ct))
            {
                var value = vault.Rewrap(Guid.Empty, Purpose.TokenKey, key.Sealed);
                moved += await db.WriteAsync(
                    () =>
                        db
                            .TokenKeys.Where(k => k.Id == key.Id && k.Sealed == key.Sealed)
                            .ExecuteUpdateAsync(set => set.SetProperty(k => k.Sealed, value), ct),
                    ct
                );
            }

            foreach (
                var session in await db
                    .WebSessions.AsNoTracking()
                    .Where(s => !s.AccessToken.StartsWith(current) || !s.RefreshToken.StartsWith(current))
                    .ToListAsync(ct)
            )
            {
                var (access, refresh) = (
                    vault.Rewrap(Guid.Empty, Purpose.Session, session.AccessToken),
                    vault.Rewrap(Guid.Empty, Purpose.Session, session.RefreshToken)
                );
                moved += await db.WriteAsync(
                    () =>
                        db
                            .WebSessions.Where(s => s.Id == session.Id && s.Version == session.Version)
                            .ExecuteUpdateAsync(
                                set => set.SetProperty(s => s.AccessToken, access).SetProperty(s => s.RefreshToken, refresh),
                                ct
                            ),
                    ct
                );
            }

            foreach (
                var factor in await db.UserTokens.AsNoTracking().Where(t => t.Value != null && !t.Value.StartsWith(current)).ToListAsync(ct)
            )
            {
                var value = vault.Rewrap(factor.UserId, Purpose.SecondFactor, factor.Value!);
                moved += await db.WriteAsync(
                    () =>
                        db
                            .UserTokens.Where(t =>
                                t.UserId == factor.UserId
                                && t.LoginProvider == factor.LoginProvider
                                && t.Name == factor.Name
                                && t.Value == factor.Value
                            )
                            .ExecuteUpdateAsync(set => set.SetProperty(t => t.Value, value), ct),
                    ct
                );
            }

            tenants = await db.Tenants.Select(t => t.Id).ToListAsync(ct);
        }

        foreach (var tenant in tenants)
            moved += await RotateAsync(tenant, current, ct);
        log.LogInformation("All sealed values were looked at, and {Moved} brought under the current key-encryption key.", moved);
        return moved;
    }

    private async Task<int> RotateAsync(Guid tenant, string current, CancellationToken ct)
    {
        var moved = 0;
        List<Guid> workspaces;
        await using (var db = databases.OpenTenant(tenant))
        {
            foreach (var key in await db.LogKeys.AsNoTracking().Where(k => !k.Sealed.StartsWith(current)).ToListAsync(ct))
            {
                var value = vault.Rewrap(tenant, Purpose.LogKey, key.Sealed);
                moved += await db.WriteAsync(
                    () =>
                        db
                            .LogKeys.Where(k => k.Id == key.Id && k.Sealed == key.Sealed)
                            .ExecuteUpdateAsync(set => set.SetProperty(k => k.Sealed, value), ct),
                    ct
                );
            }

            workspaces = await db.Workspaces.Select(w => w.Id).ToListAsync(ct);
        }

        foreach (var workspace in workspaces)
        {
            await using var db = databases.Open(tenant, workspace);
            foreach (var connection in await db.Connections.AsNoTracking().Where(c => !c.SealedSecret.StartsWith(current)).ToListAsync(ct))
            {
                var value = vault.Rewrap(tenant, Purpose.Connection, connection.SealedSecret);
                moved += await db.WriteAsync(
                    () =>
                        db
                            .Connections.Where(c => c.Key == connection.Key && c.SealedSecret == connection.SealedSecret)
                            .ExecuteUpdateAsync(set => set.SetProperty(c => c.SealedSecret, value), ct),
                    ct
                );
            }

            foreach (
                var schedule in await db
                    .Schedules.AsNoTracking()
                    .Where(s => s.SealedSecret != null && !s.SealedSecret.StartsWith(current))
                    .ToListAsync(ct)
            )
            {
                var value = vault.Rewrap(tenant, Purpose.Connection, schedule.SealedSecret!);
                moved += await db.WriteAsync(
                    () =>
                        db
                            .Schedules.Where(s => s.Id == schedule.Id && s.SealedSecret == schedule.SealedSecret)
                            .ExecuteUpdateAsync(set => set.SetProperty(s => s.SealedSecret, value), ct),
                    ct
                );
            }
        }

        return moved;
    }
}
