using Microsoft.AspNetCore.Identity;

namespace Mumega.Infrastructure.Identity;

/// <summary>How a person signs in. What the person may do hangs on the principal with the same id.</summary>
public sealed class Person : IdentityUser<Guid>
{
    public Guid TenantId { get; init; }
}

/// <summary>A browser's session: the tokens stay here, the browser only gets a cookie that names the row.</summary>
public sealed class WebSession
{
    /// <summary>SHA-256 of the cookie's value, lower-case hex.</summary>
    public required string Id { get; init; }

    public required Guid PrincipalId { get; init; }

    /// <summary>What the token server made its tokens under; absent for one from before this was kept.</summary>
    public Guid? Authorization { get; init; }

    /// <summary>Sealed.</summary>
    public required string AccessToken { get; set; }

    /// <summary>Sealed.</summary>
    public required string RefreshToken { get; set; }

    public required DateTimeOffset AccessExpiresAt { get; set; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last in use, to within the life of an access token.</summary>
    public required DateTimeOffset SeenAt { get; set; }

    /// <summary>What the browser says it is, shortened; absent when it says nothing.</summary>
    public string? Browser { get; init; }

    /// <summary>The address that it was begun from.</summary>
    public string? Address { get; init; }

    public int Version { get; private set; }
}

/// <summary>A key of the token server, sealed. Its id follows from the key before it, so that two nodes can't make two successors.</summary>
public sealed class TokenKey
{
    public required Guid Id { get; init; }

    /// <summary><c>sign</c> (ES256) or <c>encrypt</c> (256-bit symmetric).</summary>
    public required string Use { get; init; }

    public required string Sealed { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}
