using GraphQL;
using GraphQL.Types;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Mumega.Api;
using Mumega.Api.Setup;

if (args is ["--sdl"])
{
    // Prints the schema and exits; nothing is opened or served.
    Console.Out.Write(
        MumegaHost
            .Build([], b => b.Logging.ClearProviders())
            .Services.GetRequiredService<ISchema>()
            .Print(new() { StringComparison = StringComparison.Ordinal })
            .ReplaceLineEndings("\n")
    );
    return;
}

if (args is ["--close-tenant", var key, .. var rest])
{
    await AdministerAsync(
        rest,
        async installation =>
            await installation.CloseTenantAsync(key, CancellationToken.None)
                ? (true, $"The tenant {key} is closed. Its receipts stay.")
                : (false, $"There is no open tenant {key}.")
    );
    return;
}

if (args is ["--recover", var email, .. var others])
{
    await AdministerAsync(
        others,
        async installation =>
            await installation.RecoverPersonAsync(email, CancellationToken.None) is { } password
                ? (
                    true,
                    $"{email} signs in with this password now, changes it on their account page, and sets up second factors anew:\n\n  {password}\n\nTheir sessions and tokens are ended."
                )
                : (false, $"Nobody has the address {email}.")
    );
    return;
}

if (args is ["--verify-member", var address, .. var more])
{
    await AdministerAsync(
        more,
        async installation =>
            await installation.VerifyMemberAsync(address, CancellationToken.None)
                ? (true, $"{address} is verified and counts as a person of their own in approvals.")
                : (false, $"Nobody with the address {address} has to be verified.")
    );
    return;
}

var app = MumegaHost.Build(args);
var sheet = await app.PrepareAsync(CancellationToken.None);
await app.StartAsync();
if (sheet is not null)
    Announce(sheet, app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
await app.WaitForShutdownAsync();

// For whoever runs the installation, also beside a server that is running: nothing is set up and no job is touched.
static async Task AdministerAsync(string[] args, Func<Installation, Task<(bool Done, string Said)>> act)
{
    await using var host = MumegaHost.Build([.. args, "--Jobs:Run=false"], b => b.Logging.SetMinimumLevel(LogLevel.Warning));
    try
    {
        var (done, said) = await act(host.Services.GetRequiredService<Installation>());
        Console.WriteLine(said);
        Environment.ExitCode = done ? 0 : 1;
    }
    catch (System.Data.Common.DbException e)
    {
        Console.Error.WriteLine($"There is no installation here, or its database can't be reached: {e.Message}");
        Environment.ExitCode = 2;
    }
}

static void Announce(DemoSheet sheet, string bound)
{
    Console.WriteLine($"\nMumega is running at {sheet.Address}   (bound to {bound})\n");
    foreach (var person in sheet.People)
        Console.WriteLine($"  {person.Role, -10} {person.Email, -28} {person.Password}");
    if (sheet.AgentClientId.Length == 0)
        return;
    Console.WriteLine(
        $"\n  agent token: curl -s {sheet.Address}/connect/token -d grant_type=client_credentials -d client_id={sheet.AgentClientId} -d client_secret={sheet.AgentSecret} -d 'scope=mumega:read mumega:propose'"
    );
    Console.WriteLine("  publish as the agent: ./mumega publish FILE.md\n");
}
