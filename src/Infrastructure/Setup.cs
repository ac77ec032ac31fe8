using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Mumega.Domain.Actions;
using Mumega.Domain.Webhooks;
using Mumega.Infrastructure.Actions;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Identity;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Secrets;
using Mumega.Infrastructure.Webhooks;

namespace Mumega.Infrastructure;

public static class Setup
{
    /// <summary>Adds the database, the kernel and what they stand on.</summary>
    public static void AddMumega(
        this IServiceCollection services,
        IConfiguration configuration,
        DatabaseOptions database,
        JobOptions jobs,
        string dataFolder,
        string publicAddress
    )
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(database).AddSingleton(jobs);
        services.AddSingleton(configuration.GetSection("Outbound").Get<OutboundOptions>() ?? new());
        services.AddSingleton(new PublicAddress(publicAddress));
        services.AddSingleton<Databases>();
        services.AddScoped(provider => provider.GetRequiredService<Databases>().OpenPlatform());

        services.AddSingleton<ActionCatalog>().AddSingleton<InputSchemas>().AddSingleton<Authorities>().AddSingleton<Signals>();
        services.AddSingleton<Housekeeping>().AddSingleton<StopProber>().AddSingleton<Reading>().AddSingleton<AuditLog>();
        services.AddSingleton<Desk>().AddSingleton<Kernel>().AddSingleton<Runner>().AddSingleton<JobQueue>();
        services
            .AddSingleton<IReadOnlyList<WitnessOptions>>(configuration.GetSection("Witnesses").Get<List<WitnessOptions>>() ?? [])
            .AddSingleton<LogWitnesses>();
        services
            .AddSingleton<ReceiptSequencer>()
            .AddSingleton<LogSealer>()
            .AddSingleton<LogAuditor>()
            .AddSingleton<ReceiptFeed>()
            .AddSingleton<Sharing>();
        services.AddSingleton(configuration.GetSection("Checkpoints").Get<CheckpointOptions>() ?? new()).AddSingleton<CheckpointDelivery>();
        services.AddSingleton<IWebhookSender, WebhookSender>();
        services.AddScoped<ClientSecrets>();

        var keys = Directory.CreateDirectory(configuration["Keys:Folder"] ?? Path.Combine(dataFolder, "keys"));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(keys.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        services.AddDataProtection().SetApplicationName("mumega").PersistKeysToFileSystem(keys);
        var sealing =
            configuration.GetSection("Keys:Encryption").Get<List<string>>() is { Count: > 0 } given ? [.. given.Select(Vault.Key)]
            : database.Kind is DatabaseKind.Sqlite ? Vault.KeysIn(keys)
            : throw new InvalidOperationException(
                "On a server database the key-encryption key comes from outside: set Keys__Encryption__0 to base64 of 32 bytes (openssl rand -base64 32), the same on every node."
            );
        services
            .AddSingleton(provider => new Vault(sealing, provider.GetRequiredService<IDataProtectionProvider>()))
            .AddSingleton<SecretRotation>();
        services.AddOptions<KeyManagementOptions>().Configure(o => o.XmlEncryptor = new VaultXmlEncryptor(new(sealing)));

        services
            .AddIdentityCore<Person>(o =>
            {
                o.User.RequireUniqueEmail = true;
                o.Password.RequiredLength = 12;
                o.Password.RequireNonAlphanumeric =
                    o.Password.RequireDigit =
                    o.Password.RequireUppercase =
                    o.Password.RequireLowercase =
                        false;
                o.Lockout.MaxFailedAccessAttempts = 5;
            })
            .AddEntityFrameworkStores<MumegaDb>()
            .AddSignInManager()
            .AddTokenProvider<AuthenticatorTokenProvider<Person>>(TokenOptions.DefaultAuthenticatorProvider)
            .AddPasswordValidator<CommonPasswords>();
        services
            .AddScoped<IUserStore<Person>, SealedUserStore>()
            .AddScoped<IPasskeyHandler<Person>, PasskeyHandler<Person>>()
            .AddScoped<Factors>()
            .AddSingleton<Confirmations>()
            .AddSingleton<SecurityLog>();
        var site = new Uri(publicAddress);
        services.Configure<IdentityPasskeyOptions>(o =>
        {
            (o.ServerDomain, o.UserVerificationRequirement) = (site.Host, "required");

            // By default it is held against the request's own Origin header, which whoever relays an answer can set.
            o.ValidateOrigin = c =>
                ValueTask.FromResult(
                    !c.CrossOrigin
                        && Uri.TryCreate(c.Origin, UriKind.Absolute, out var origin)
                        && origin.GetLeftPart(UriPartial.Authority) == site.GetLeftPart(UriPartial.Authority)
                );
        });
        services.AddHttpContextAccessor();
    }
}
