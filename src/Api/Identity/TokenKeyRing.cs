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

namespace Mumega.Api.Identity;

/// <summary>
/// The token server's keys: ES256 for signing, 256-bit AES for codes and refresh tokens. Kept sealed in the database, so that they survive
/// a restart; a new pair takes over after 90 days, and old ones verify for 30 more.
/// </summary>
public sealed class TokenKeyRing(Databases databases, Vault vault, TimeProvider clock)
    : IConfigureOptions<OpenIddictServerOptions>, IOptionsChangeTokenSource<OpenIddictServerOptions>
{
    private static readonly TimeSpan Use = TimeSpan.FromDays(90);
    private static readonly TimeSpan Overlap = TimeSpan.FromDays(30);

    private IReadOnlyList<(string Use, SecurityKey Key)> keys = [];
    private CancellationTokenSource changed = new();

    public string? Name => Options.DefaultName;

    /// <summary>Loads the keys, newest first, and makes what is missing or due. Safe to call again at any time.</summary>
    public async Task RotateAsync(CancellationToken ct)
    {
        await using var db = databases.OpenPlatform();
        var now = clock.Now();
        var known = await db.TokenKeys.Where(k => k.CreatedAt > now - Use - Overlap).ToListAsync(ct);
        foreach (var use in new[] { "sign", "encrypt" })
        {
            if (known.Any(k => k.Use == use && k.CreatedAt > now - Use)) continue;

            var key = new TokenKey { Id = Guid.CreateVersion7(now), Use = use, Sealed = vault.Seal(Guid.Empty, Purpose.TokenKey, NewKey(use)), CreatedAt = now };
            db.TokenKeys.Add(key);
            known.Add(key);
        }

        await db.SaveChangesAsync(ct);
        keys = [.. known.OrderByDescending(k => k.CreatedAt).Select(k => (k.Use, Open(k)))];
        await Interlocked.Exchange(ref changed, new()).CancelAsync();
    }

    public void Configure(OpenIddictServerOptions options)
    {
        foreach (var (use, key) in keys)
        {
            if (use == "sign") options.SigningCredentials.Add(new(key, SecurityAlgorithms.EcdsaSha256));
            else options.EncryptionCredentials.Add(new(key, SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512));
        }
    }

    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref changed).Token);

    private static string NewKey(string use)
    {
        if (use == "encrypt") return Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Convert.ToBase64String(ec.ExportPkcs8PrivateKey());
    }

    private SecurityKey Open(TokenKey key)
    {
        var bytes = Convert.FromBase64String(vault.Open(Guid.Empty, Purpose.TokenKey, key.Sealed));
        if (key.Use == "encrypt") return new SymmetricSecurityKey(bytes) { KeyId = key.Id.ToString("N") };

        var ec = ECDsa.Create();
        ec.ImportPkcs8PrivateKey(bytes, out _);
        return new ECDsaSecurityKey(ec) { KeyId = key.Id.ToString("N") };
    }
}
