using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.Tokens;
using Mumega.Domain;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Secrets;
using OpenIddict.Server;
using OpenIddict.Validation;

namespace Mumega.Api.Identity;

/// <summary>
/// The token server's keys: ES256 for signing, 256-bit AES for codes and refresh tokens. Kept sealed in the database, so that they survive
/// a restart. After 90 days a key gets a successor, which every node shows and takes for a day before any signs with it; the former one verifies for 30 days more and is destroyed.
/// </summary>
public sealed class TokenKeyRing(Databases databases, Vault vault, TimeProvider clock, ILogger<TokenKeyRing> log)
    : BackgroundService,
        IConfigureOptions<OpenIddictServerOptions>,
        IOptionsChangeTokenSource<OpenIddictServerOptions>,
        IOptionsChangeTokenSource<OpenIddictValidationOptions>
{
    private static readonly TimeSpan Use = TimeSpan.FromDays(90);
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(1);
    private static readonly TimeSpan Overlap = TimeSpan.FromDays(30);

    // Far more often than a day: a node that never looked in that time serves nobody anyway.
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(10);

    private readonly SemaphoreSlim looking = new(1, 1);
    private IReadOnlyList<(Guid Id, string Use, SecurityKey Key)> keys = [];
    private CancellationTokenSource signing = new(),
        verifying = new();

    public string? Name => Options.DefaultName;

    /// <summary>Loads the keys, makes what is missing or due, and drops what nothing needs any more. Safe to call again at any time, on any node.</summary>
    public async Task RotateAsync(CancellationToken ct)
    {
        await looking.WaitAsync(ct);
        try
        {
            var now = clock.Now();
            var known = await LookAsync(now, ct);
            if (known.Select(k => k.Id).SequenceEqual(keys.Select(k => k.Id)))
                return;

            keys = [.. known.Select(k => (k.Id, k.Use, keys.FirstOrDefault(o => o.Id == k.Id).Key ?? Open(k)))];

            // In this order: what verifies takes its keys from what signs.
            await Interlocked.Exchange(ref signing, new()).CancelAsync();
            await Interlocked.Exchange(ref verifying, new()).CancelAsync();
        }
        finally
        {
            looking.Release();
        }
    }

    /// <summary>Every node looks for what another made, whether it runs jobs or not.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Look, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RotateAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogError(e, "The token server's keys could not be looked after; it is tried again.");
            }
        }
    }

    public void Configure(OpenIddictServerOptions options)
    {
        foreach (var (_, use, key) in keys)
        {
            if (use == "sign")
                options.SigningCredentials.Add(new(key, SecurityAlgorithms.EcdsaSha256));
            else
                options.EncryptionCredentials.Add(new(key, SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512));
        }
    }

    IChangeToken IOptionsChangeTokenSource<OpenIddictServerOptions>.GetChangeToken() =>
        new CancellationChangeToken(Volatile.Read(ref signing).Token);

    IChangeToken IOptionsChangeTokenSource<OpenIddictValidationOptions>.GetChangeToken() =>
        new CancellationChangeToken(Volatile.Read(ref verifying).Token);

    public override void Dispose()
    {
        looking.Dispose();
        signing.Dispose();
        verifying.Dispose();
        base.Dispose();
    }

    /// <summary>What is in use, of each use the one first that signs or encrypts.</summary>
    private async Task<List<TokenKey>> LookAsync(DateTimeOffset now, CancellationToken ct)
    {
        while (true)
        {
            await using var db = databases.OpenPlatform();
            var known = (await db.TokenKeys.ToListAsync(ct)).ToLookup(k => k.Use);
            var inUse = new List<TokenKey>();
            foreach (var use in new[] { "sign", "encrypt" })
            {
                List<TokenKey> line = [.. known[use].OrderBy(k => k.CreatedAt)];
                if (line.Count == 0 || line[^1].CreatedAt + Use <= now)
                {
                    line.Add(
                        new()
                        {
                            Id = IdAfter(use, line.LastOrDefault()?.Id ?? Guid.Empty),
                            Use = use,
                            Sealed = vault.Seal(Guid.Empty, Purpose.TokenKey, NewKey(use)),
                            CreatedAt = now,
                        }
                    );
                    db.TokenKeys.Add(line[^1]);
                }

                // The first of all has nobody to wait for.
                var current = line[Math.Max(0, line.FindLastIndex(k => k.CreatedAt + Ahead <= now))];
                var needed = Math.Max(0, line.FindLastIndex(k => k.CreatedAt + Ahead + Overlap <= now));
                db.TokenKeys.RemoveRange(line.Take(needed));
                inUse.AddRange([current, .. line.Skip(needed).Where(k => k != current)]);
            }

            try
            {
                await db.SaveChangesAsync(ct);
                return inUse;
            }
            catch (Exception e) when (Databases.IsRace(e))
            {
                // Another node was faster, and what it did is there now.
            }
        }
    }

    // A random name would let two nodes make two successors at once, of which each knew its own.
    private static Guid IdAfter(string use, Guid former) => NamedId.Of($"mumega token key {use} {former:N}");

    private static string NewKey(string use)
    {
        if (use == "encrypt")
            return Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Convert.ToBase64String(ec.ExportPkcs8PrivateKey());
    }

    private SecurityKey Open(TokenKey key)
    {
        var bytes = Convert.FromBase64String(vault.Open(Guid.Empty, Purpose.TokenKey, key.Sealed));
        if (key.Use == "encrypt")
            return new SymmetricSecurityKey(bytes) { KeyId = key.Id.ToString("N") };

        var ec = ECDsa.Create();
        ec.ImportPkcs8PrivateKey(bytes, out _);
        return new ECDsaSecurityKey(ec) { KeyId = key.Id.ToString("N") };
    }
}
