using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using OpenIddict.Core;
using Application = OpenIddict.EntityFrameworkCore.Models.OpenIddictEntityFrameworkCoreApplication<System.Guid>;

namespace Mumega.Infrastructure.Identity;

/// <summary>Hashes client secrets as the token server does that checks them, so that one can be written in the commit of a receipt.</summary>
public sealed class ClientSecrets(
    IOpenIddictApplicationCache<Application> cache,
    ILogger<OpenIddictApplicationManager<Application>> log,
    IOptionsMonitor<OpenIddictCoreOptions> options,
    IOpenIddictApplicationStore<Application> store
) : OpenIddictApplicationManager<Application>(cache, log, options, store)
{
    public ValueTask<string> HashAsync(string secret, CancellationToken ct) => ObfuscateClientSecretAsync(secret, ct);
}
