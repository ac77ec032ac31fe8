using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Secrets;

namespace Mumega.Infrastructure.Identity;

/// <summary>Keeps what people's second factors are made of, authenticator keys and recovery codes, sealed.</summary>
internal sealed class SealedUserStore(MumegaDb db, Vault vault, IdentityErrorDescriber errors)
    : UserOnlyStore<Person, MumegaDb, Guid>(db, errors)
{
    public override async Task<string?> GetTokenAsync(
        Person user,
        string loginProvider,
        string name,
        CancellationToken cancellationToken
    ) =>
        await base.GetTokenAsync(user, loginProvider, name, cancellationToken) is { } value
            ? vault.Open(user.Id, Purpose.SecondFactor, value)
            : null;

    public override Task SetTokenAsync(
        Person user,
        string loginProvider,
        string name,
        string? value,
        CancellationToken cancellationToken
    ) =>
        base.SetTokenAsync(
            user,
            loginProvider,
            name,
            value is null ? null : vault.Seal(user.Id, Purpose.SecondFactor, value),
            cancellationToken
        );
}
