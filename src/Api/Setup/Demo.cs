using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain.Identity;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Workflows;

namespace Mumega.Api.Setup;

/// <summary>A sign-in of the demo tenant.</summary>
public sealed record DemoPerson(string Name, string Role, string Email, string Password);

/// <summary>What the demo tenant was set up with; kept readable by its owner only, beside the embedded database.</summary>
public sealed record DemoSheet(
    string Address,
    string Workspace,
    IReadOnlyList<DemoPerson> People,
    string AgentClientId,
    string AgentSecret
);

/// <summary>One tenant to look around in: a person per role, an agent, and one request of the agent that waits.</summary>
public sealed class Demo(Databases databases, Installation installation, Kernel kernel)
{
    private const string Tenant = "demo";

    /// <summary>Sets it up once; later starts read the sheet back.</summary>
    public async Task<DemoSheet> EnsureAsync(string sheetPath, string address, CancellationToken ct)
    {
        await using (var db = databases.OpenPlatform())
        {
            if (await db.Tenants.AnyAsync(t => t.Key == Tenant, ct))
            {
                return File.Exists(sheetPath)
                    ? JsonSerializer.Deserialize<DemoSheet>(await File.ReadAllTextAsync(sheetPath, ct))! with
                    {
                        Address = address,
                    }
                    : new(address, "studio", [], "", "");
            }
        }

        List<(string Name, string[] Roles)> cast =
        [
            ("Ada Moreno", ["owner"]),
            ("Bela Novak", ["admin"]),
            ("Otto Lindqvist", ["operator", "approver"]),
            ("Petra Aydin", ["approver"]),
            ("Audra Okafor", ["auditor"]),
        ];
        var people = cast.Select(c => new DemoPerson(
                c.Name,
                c.Roles[0],
                $"{c.Name.Split(' ')[0].ToLowerInvariant()}@demo.mumega.local",
                Password()
            ))
            .ToList();
        var sheet = new DemoSheet(address, "studio", people, "hermes", Password());

        // Written first: if the set-up is cut short, the sign-ins are still known.
        await WriteAsync(sheetPath, sheet, ct);

        var tenant = await installation.AddTenantAsync(Tenant, "Northwind Studio", ct);
        var workspace = await installation.AddWorkspaceAsync(tenant, "studio", "Studio", ct);
        Principal? owner = null;
        foreach (var (person, (_, roles)) in people.Zip(cast))
        {
            var principal = await installation.AddPersonAsync(tenant, person.Name, person.Email, person.Password, ct);
            await installation.GrantAsync(workspace, principal, roles, ct);
            owner ??= principal;
        }

        var agent = await installation.AddAgentAsync(tenant, "Hermes", sheet.AgentClientId, owner!, sheet.AgentSecret, null, ct);
        await installation.GrantAsync(workspace, agent, ["agent"], ct);
        await installation.DescribeAsync(
            agent,
            "Drafts and publishes pages for the studio.",
            AgentTier.Interactive,
            TimeSpan.FromDays(180),
            ct
        );

        foreach (var template in WorkflowTemplate.All)
            await installation.AddWorkflowAsync(workspace, template.Key, ct);

        var by = new Actor(
            tenant.Id,
            agent.Id,
            PrincipalKind.Agent,
            agent.Name,
            owner!.Id,
            tenant.Log,
            new HashSet<string> { Scopes.Read, Scopes.Propose },
            new HashSet<Guid> { workspace.Id },
            "graphql"
        );
        await kernel.ProposeAsync(
            by,
            workspace.Id,
            "page.publish",
            JsonSerializer.SerializeToElement(
                new
                {
                    slug = "how-we-work",
                    title = "How we work with agents",
                    markdown = Page,
                }
            ),
            "The page that clients ask for most; drafted from the studio handbook.",
            "demo-first-page",
            ct
        );
        return sheet;
    }

    private static async Task WriteAsync(string path, DemoSheet sheet, CancellationToken ct)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new FileStream(path, options);
        await JsonSerializer.SerializeAsync(file, sheet, cancellationToken: ct);
    }

    private static string Password() => Installation.NewPassword(16);

    private const string Page = """
        Agents draft, check and tidy. People decide what leaves the house.

        ## What an agent may do alone

        - Draft pages and answers
        - Look things up, and say where they found them
        - Propose a change, with the reason and the way back

        ## What a person always decides

        | Step | Who | Within |
        | --- | --- | --- |
        | A page that clients will read | an approver | 72 hours |
        | A message that can't be taken back | an approver | 24 hours |
        | A security setting | two approvers | 24 hours |

        Every step leaves a receipt, and everything that can be undone says how.
        """;
}
