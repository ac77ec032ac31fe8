using System.IdentityModel.Tokens.Jwt;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mumega.Api.Identity;
using Mumega.App.Tests.Packets;
using Mumega.Infrastructure.Data;
using OpenIddict.Server;

namespace Mumega.App.Tests.Identity;

/// <summary>The token server's keys change with time, on every node. An application of its own, because time moves for everybody in it.</summary>
public abstract class TokenKeyTests(MumegaApp app, MovableClock clock)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_key_is_known_on_every_node_before_it_signs_and_the_old_one_verifies_until_nothing_needs_it()
    {
        var world = await app.WorldAsync();
        await world.Hermes;
        List<(IServiceProvider Services, string Address)> nodes = [(app.Services, app.Address)];
        (Microsoft.AspNetCore.Builder.WebApplication Node, string Address)? twin =
            app.Databases.Kind is DatabaseKind.Sqlite ? null : await app.TwinAsync();
        await using var ends = twin?.Node;
        if (twin is { } other)
            nodes.Add((other.Node.Services, other.Address));
        async Task LookAsync()
        {
            foreach (var node in nodes)
                await node.Services.GetRequiredService<TokenKeyRing>().RotateAsync(Ct);
        }

        Task<Client> TokenAsync(int node) =>
            Client.WithTokenAsync(nodes[node % nodes.Count].Address, world.AgentClientId, world.AgentSecret);
        async Task HoldsEverywhereAsync(string? token)
        {
            foreach (var node in nodes)
            {
                using var client = Client.Bearer(node.Address, token!);
                Assert.Equal(
                    "Hermes",
                    (await client.AskAsync("{ viewer { me { name } } }"))
                        .GetProperty("viewer")
                        .GetProperty("me")
                        .GetProperty("name")
                        .GetString()
                );
            }
        }

        var (first, encrypts) = (Assert.Single(await KidsAsync(app.Address)), EncryptsWith(app.Services));
        await LookAsync();
        Assert.Equal([first], await KidsAsync(app.Address));

        // Its successor is made after 90 days, shown everywhere, and does not sign yet.
        clock.Advance(TimeSpan.FromDays(90));
        await LookAsync();
        var both = await KidsAsync(app.Address);
        var second = Assert.Single(both, k => k != first);
        foreach (var node in nodes)
            Assert.Equal(both.Order(), (await KidsAsync(node.Address)).Order());
        using var early = await TokenAsync(1);
        Assert.Equal(first, KidOf(early));
        Assert.All(nodes, node => Assert.Equal(encrypts, EncryptsWith(node.Services)));

        // A day later it signs. One node sees that first; the others take what it signs, and what the old one signed still holds.
        clock.Advance(TimeSpan.FromDays(1) - TimeSpan.FromMinutes(1));
        using var last = await TokenAsync(0);
        Assert.Equal(first, KidOf(last));
        clock.Advance(TimeSpan.FromMinutes(1));
        await nodes[^1].Services.GetRequiredService<TokenKeyRing>().RotateAsync(Ct);
        using var late = await TokenAsync(nodes.Count - 1);
        Assert.Equal(second, KidOf(late));
        await HoldsEverywhereAsync(late.Token);
        await HoldsEverywhereAsync(last.Token);

        // What codes and refresh tokens are encrypted with changes in the same way.
        await LookAsync();
        Assert.All(nodes, node => Assert.NotEqual(encrypts, EncryptsWith(node.Services)));
        Assert.Single(nodes.Select(n => EncryptsWith(n.Services)).Distinct());

        // After thirty more days nothing needs the old one, and it is gone for good.
        clock.Advance(TimeSpan.FromDays(30));
        await LookAsync();
        foreach (var node in nodes)
            Assert.Equal([second], await KidsAsync(node.Address));
        await using (var db = app.Databases.OpenPlatform())
            Assert.Equal(["encrypt", "sign"], await db.TokenKeys.Select(k => k.Use).Order().ToListAsync(Ct));
        using var later = await TokenAsync(0);
        await HoldsEverywhereAsync(later.Token);
    }

    [Fact]
    public async Task Nodes_that_make_a_key_at_once_make_the_same_one()
    {
        if (app.Databases.Kind is DatabaseKind.Sqlite)
            Assert.Skip("The embedded database has one process.");
        await app.WorldAsync();
        var (twin, address) = await app.TwinAsync();
        await using var _ = twin;
        TokenKeyRing[] rings = [app.Services.GetRequiredService<TokenKeyRing>(), twin.Services.GetRequiredService<TokenKeyRing>()];
        for (var i = 0; i < 10; i++)
        {
            clock.Advance(TimeSpan.FromDays(90));
            await Task.WhenAll(Enumerable.Range(0, 8).Select(n => rings[n % 2].RotateAsync(Ct)));
            var kids = await KidsAsync(app.Address);
            Assert.Equal(2, kids.Count);
            Assert.Equal(kids.Order(), (await KidsAsync(address)).Order());
            clock.Advance(TimeSpan.FromDays(31));
            foreach (var ring in rings)
                await ring.RotateAsync(Ct);
        }
    }

    private static string KidOf(Client client) => new JwtSecurityTokenHandler().ReadJwtToken(client.Token).Header.Kid;

    private static string EncryptsWith(IServiceProvider node) =>
        node.GetRequiredService<IOptionsMonitor<OpenIddictServerOptions>>().CurrentValue.EncryptionCredentials[0].Key.KeyId;

    private static async Task<List<string>> KidsAsync(string address)
    {
        using var http = new HttpClient();
        var keys = await http.GetFromJsonAsync<JsonElement>($"{address}/.well-known/jwks", Ct);
        return
        [
            .. keys.GetProperty("keys")
                .EnumerateArray()
                .Where(k => k.GetProperty("kty").GetString() == "EC")
                .Select(k => k.GetProperty("kid").GetString()!),
        ];
    }
}

public sealed class TokenKeysOnSqlite(ClockedSqliteApp app) : TokenKeyTests(app, app.Clock), IClassFixture<ClockedSqliteApp>;

public sealed class TokenKeysOnPostgres(ClockedPostgresApp app) : TokenKeyTests(app, app.Clock), IClassFixture<ClockedPostgresApp>;

/// <summary>Nodes of one installation start whenever they like.</summary>
[Collection(nameof(Alone))]
public sealed class StartsOnPostgres(PostgresApp app)
{
    [Fact]
    public async Task Servers_that_start_at_once_on_an_empty_database_take_turns()
    {
        if (app.Missing is { } why)
            Assert.Skip(why);
        var database = await TestServers.NewPostgresDatabaseAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => app.NeighbourAsync(database)));
        using var http = new HttpClient();
        var keys = new HashSet<string>();
        foreach (var node in nodes)
        {
            await using var ends = node;
            keys.Add(await http.GetStringAsync($"{node.Address}/.well-known/jwks", TestContext.Current.CancellationToken));
        }

        Assert.Single(keys);
    }
}
