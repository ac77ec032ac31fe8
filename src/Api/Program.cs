using GraphQL;
using GraphQL.Types;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Mumega.Api;
using Mumega.Api.Setup;

if (args is ["--sdl"])
{
    // Prints the schema and exits; nothing is opened or served.
    Console.Out.Write(MumegaHost.Build([], b => b.Logging.ClearProviders()).Services.GetRequiredService<ISchema>().Print(new() { StringComparison = StringComparison.Ordinal }).ReplaceLineEndings("\n"));
    return;
}

if (args is ["--close-tenant", var key, .. var rest])
{
    // For whoever runs the installation: a tenant leaves.
    var host = MumegaHost.Build([.. rest, "--Jobs:Run=false"]);
    await host.PrepareAsync(CancellationToken.None);
    var closed = await host.Services.GetRequiredService<Installation>().CloseTenantAsync(key, CancellationToken.None);
    Console.WriteLine(closed ? $"The tenant {key} is closed. Its receipts stay." : $"There is no open tenant {key}.");
    Environment.ExitCode = closed ? 0 : 1;
    return;
}

var app = MumegaHost.Build(args);
var sheet = await app.PrepareAsync(CancellationToken.None);
await app.StartAsync();
if (sheet is not null) Announce(sheet, app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
await app.WaitForShutdownAsync();

static void Announce(DemoSheet sheet, string bound)
{
    Console.WriteLine($"\nMumega is running at {sheet.Address}   (bound to {bound})\n");
    foreach (var person in sheet.People) Console.WriteLine($"  {person.Role,-10} {person.Email,-28} {person.Password}");
    if (sheet.AgentClientId.Length == 0) return;
    Console.WriteLine($"\n  agent token: curl -s {sheet.Address}/connect/token -d grant_type=client_credentials -d client_id={sheet.AgentClientId} -d client_secret={sheet.AgentSecret} -d 'scope=mumega:read mumega:propose'");
    Console.WriteLine("  publish as the agent: ./mumega publish FILE.md\n");
}
