using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Actions;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Secrets;
using Mumega.Infrastructure.Webhooks;

namespace Mumega.Infrastructure.Runs;

/// <summary>An action's input as it was read: the definition, the canonical text and the same as JSON.</summary>
public sealed record ReadInput(ActionDefinition Action, string Canonical, JsonElement Json);

/// <summary>What every act needs, gathered once: databases, policies, catalogue, clock.</summary>
public sealed class Desk(
    Databases databases,
    Authorities authorities,
    ActionCatalog catalog,
    InputSchemas schemas,
    Signals signals,
    TimeProvider clock,
    PublicAddress address,
    Vault vault,
    Confirmations confirmations,
    SecurityLog security
)
{
    private const int MaxAttempts = 12;

    public ActionCatalog Catalog => catalog;

    public Databases Databases => databases;

    public Signals Signals => signals;

    public TimeProvider Clock => clock;

    internal Confirmations Confirmations => confirmations;

    internal SecurityLog Security => security;

    /// <summary>Whether one of the signatures of a call from outside is made with the sealed secret.</summary>
    public bool Signed(Guid tenant, string sealedSecret, HookCall call)
    {
        var right = Encoding.ASCII.GetBytes(WebhookSender.Sign(vault, tenant, sealedSecret, call.Id, call.Timestamp, call.Body));
        return call.Signatures.Any(s => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(s), right));
    }

    public Outcome<ReadInput> Read(string kind, JsonElement input)
    {
        if (catalog.Find(kind) is not { } action)
            return new UnknownAction(kind);
        if (schemas.Read(action, input).Refused(out var why, out var canonical))
            return why;

        var json = JsonDocument.Parse(canonical).RootElement;
        return action.Faults(json) is { Count: > 0 } faults ? new InvalidInput(faults) : new ReadInput(action, canonical, json);
    }

    /// <summary>Opens the workspace and reads what decisions need. Dispose it.</summary>
    public async Task<Sitting> SitAsync(Actor by, Guid workspaceId, CancellationToken ct) =>
        (await SitAsync(by.TenantId, workspaceId, by.Id, _ => by, "", ct)).Sitting;

    /// <summary>The same for reads of a request whose authentication already read the tenant's count.</summary>
    public async Task<Sitting> SitAsync(Actor by, Guid workspaceId, long count, CancellationToken ct)
    {
        if (!authorities.TryRecall(by.TenantId, count, out var authority))
            return await SitAsync(by, workspaceId, ct);

        var db = databases.Open(by.TenantId, workspaceId);
        try
        {
            return await SitAsync(db, by, authority, ct);
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same for the platform acting on the tenant's behalf.</summary>
    public async Task<Sitting> SitAsPlatformAsync(Guid tenantId, Guid workspaceId, CancellationToken ct) =>
        (await SitAsync(tenantId, workspaceId, Guid.Empty, o => Actor.Platform(tenantId, o.Log), "", ct)).Sitting;

    // The connection stays open from here to the end, so that the queries of an act don't each fetch one.
    private async Task<(Sitting Sitting, SeenKey? Seen)> SitAsync(
        Guid tenantId,
        Guid workspaceId,
        Guid principalId,
        Func<Opening, Actor> who,
        string key,
        CancellationToken ct
    )
    {
        var db = databases.Open(tenantId, workspaceId);
        try
        {
            await db.Database.OpenConnectionAsync(ct);
            var opening = await db.Queries.Opening(db, tenantId, principalId, key, ct);
            var by = who(opening);
            var authority = await authorities.AsOfAsync(db, opening, ct);
            return (await SitAsync(db, by, authority, ct), opening.Seen);
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
    }

    private async Task<Sitting> SitAsync(MumegaDb db, Actor by, Authority authority, CancellationToken ct)
    {
        var now = clock.Now();
        var state = new WorkspaceState(
            db,
            authority.TenantKey,
            address.Value,
            now,
            secret => vault.Seal(db.TenantId, Purpose.Connection, secret)
        );
        return await Sitting.OpenAsync(this, db, by, authority, now, state, ct);
    }

    /// <summary>
    /// Runs one act of a principal: reads, changes, commits everything at once, and wakes who waits. An act that lost a race is done
    /// again on fresh rows. A repeated idempotency key returns what the first call led to.
    /// </summary>
    public async Task<Outcome<T>> ActAsync<T>(
        Actor by,
        Guid workspaceId,
        string key,
        object?[] request,
        Func<Sitting, Guid, Task<T?>> find,
        Func<Sitting, Task<Outcome<T>>> act,
        Func<T, Guid> idOf,
        CancellationToken ct,
        bool unseen = false
    )
        where T : class
    {
        if (string.IsNullOrWhiteSpace(key) || key.Length > 200)
            return new InvalidArgument("idempotencyKey", "between 1 and 200 characters.");

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(request))));
        for (var attempt = 1; ; attempt++)
        {
            var (opened, seen) = await SitAsync(by.TenantId, workspaceId, by.Id, _ => by, key, ct);
            await using var sitting = opened;
            if (!unseen && !sitting.MaySee)
                return await RefusedAsync(by, request, new NotFound("workspace", workspaceId.ToString()), null);

            if (seen is not null)
            {
                if (seen.RequestHash != hash)
                    return new IdempotencyConflict(key);
                return await find(sitting, seen.SubjectId) is { } first ? first : new NotFound("earlier answer", key);
            }

            try
            {
                if ((await act(sitting)).Refused(out var why, out var result))
                    return await RefusedAsync(by, request, why, unseen ? null : workspaceId);

                if (!sitting.IsRefusal)
                    sitting.Db.IdempotencyKeys.Add(
                        new()
                        {
                            TenantId = by.TenantId,
                            WorkspaceId = workspaceId,
                            PrincipalId = by.Id,
                            Key = key,
                            RequestHash = hash,
                            SubjectId = idOf(result),
                            CreatedAt = sitting.Now,
                        }
                    );
                await sitting.CommitAsync(ct);
                return result;
            }
            catch (OverBudgetException e)
            {
                return await RefusedAsync(by, request, e.Why, workspaceId);
            }
            catch (Exception e) when (Databases.IsRace(e))
            {
                if (attempt == MaxAttempts)
                    return new StaleVersion();
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 8 * attempt)), ct);
            }
        }
    }

    /// <summary>The outcome of an act that has no idempotency key, written down if it was refused.</summary>
    internal async Task<Outcome<T>> NotedAsync<T>(Actor by, string act, Guid? workspaceId, Outcome<T> outcome, CancellationToken ct)
        where T : class
    {
        if (outcome.Refused(out var why, out _))
            await RefusedAsync(by, [act], why, why is NotFound { Kind: "workspace" } ? null : workspaceId);
        return outcome;
    }

    // What a person mistyped or has to confirm first is no attempt at anything.
    private async Task<Refusal> RefusedAsync(Actor by, object?[] request, Refusal why, Guid? workspaceId)
    {
        if (why is InvalidInput or InvalidArgument or ConfirmationNeeded or StaleVersion or IdempotencyConflict or UnknownAction)
            return why;

        var act = request is ["propose" or "elevation", string kind, ..] ? $"{request[0]} {kind}" : $"{request[0]}";
        await security.RefusedAsync(by, act, why, workspaceId);
        return why;
    }
}

/// <summary>The address under which the outside reaches this installation, without a final slash.</summary>
public sealed record PublicAddress(string Value)
{
    /// <summary>Whether it is reached over TLS, wherever that ends.</summary>
    public bool IsSecure => Value.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
}
