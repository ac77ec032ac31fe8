using System.Text.Json;
using Microsoft.Playwright;
using Mumega.App.Tests.Identity;
using static Microsoft.Playwright.Assertions;

namespace Mumega.Browser.Tests;

/// <summary>Second factors, roles, invitations and the audit log, as people use them.</summary>
public sealed class AccountTests(Chrome chrome)
{
    [Fact]
    public async Task Somebody_adds_a_passkey_signs_in_with_it_and_confirms_an_act_with_it()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "admin", confirms: false);
        var devices = await page.Context.NewCDPSessionAsync(page);
        await devices.SendAsync("WebAuthn.enable");
        await devices.SendAsync(
            "WebAuthn.addVirtualAuthenticator",
            new()
            {
                ["options"] = new Dictionary<string, object>
                {
                    ["protocol"] = "ctap2",
                    ["transport"] = "internal",
                    ["hasResidentKey"] = true,
                    ["hasUserVerification"] = true,
                    ["isUserVerified"] = true,
                    ["automaticPresenceSimulation"] = true,
                },
            }
        );

        await page.GotoAsync("/w/studio/account");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("Work laptop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();

        // Whoever sits at somebody else's open session can't add one.
        var dialog = page.GetByRole(AriaRole.Dialog, new() { Name = "Is it you?" });
        await Expect(dialog.GetByText("You are about to add a passkey.")).ToBeVisibleAsync();
        await CheckAsync(page, "confirm");
        await dialog.GetByLabel("Password").FillAsync("not the password");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
        await Expect(dialog.GetByText("That did not fit. Try again.")).ToBeVisibleAsync();
        await dialog.GetByLabel("Password").FillAsync(studio.Sheet.People.Single(p => p.Role == "admin").Password);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog, new() { Name = "Your recovery codes" }).GetByRole(AriaRole.Listitem))
            .ToHaveCountAsync(10);
        await page.GetByRole(AriaRole.Button, new() { Name = "I kept them" }).ClickAsync();
        await Expect(page.GetByText("Work laptop")).ToBeVisibleAsync();
        await Expect(page.GetByText("10 recovery codes left")).ToBeVisibleAsync();
        await CheckAsync(page, "factors");

        // The password alone is not enough any more; the passkey alone is.
        var person = studio.Sheet.People.Single(p => p.Role == "admin");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByLabel("E-mail").FillAsync(person.Email);
        await page.GetByLabel("Password").FillAsync(person.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await Expect(page.GetByText("Your browser asks for it.")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Use a recovery code" })).ToBeVisibleAsync();
        await CheckAsync(page, "second-factor-passkey");
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Audit log" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Audit log" })).ToBeVisibleAsync();

        // A role is defined with the passkey, and nothing else.
        await page.GotoAsync("/w/studio/members?view=roles");
        await DefineAsync(page);
        await Expect(dialog.GetByText("Your browser asks for your passkey.")).ToBeVisibleAsync();
        await Expect(dialog.GetByLabel("Password")).ToHaveCountAsync(0);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Waiting for approval");
    }

    [Fact]
    public async Task An_authenticator_is_set_up_by_its_code_and_asked_for_at_the_next_sign_in()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await page.GotoAsync("/w/studio/account");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set up" }).ClickAsync();
        var setup = page.GetByRole(AriaRole.Dialog, new() { Name = "Set up your authenticator" });
        await Expect(setup.Locator("code")).ToBeVisibleAsync();
        var key = (await setup.Locator("code").InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal);
        await CheckAsync(page, "authenticator");
        await setup.GetByLabel("Code").FillAsync("000000");
        await setup.GetByRole(AriaRole.Button, new() { Name = "Turn it on" }).ClickAsync();
        await Expect(setup.GetByText("That did not fit. Try again.")).ToBeVisibleAsync();
        await setup.GetByLabel("Code").FillAsync(Totp.Code(key, 0));
        await setup.GetByRole(AriaRole.Button, new() { Name = "Turn it on" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog, new() { Name = "Your recovery codes" }).GetByRole(AriaRole.Listitem))
            .ToHaveCountAsync(10);
        await CheckAsync(page, "recovery-codes");
        await page.GetByRole(AriaRole.Button, new() { Name = "I kept them" }).ClickAsync();
        await Expect(page.GetByText("10 recovery codes left")).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        var person = studio.Sheet.People.Single(p => p.Role == "operator");
        await page.GetByLabel("E-mail").FillAsync(person.Email);
        await page.GetByLabel("Password").FillAsync(person.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await Expect(page.GetByLabel("Code")).ToBeVisibleAsync();
        await CheckAsync(page, "second-factor");
        await page.GetByLabel("Code").FillAsync(Totp.Code(key, 1));
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Audit log" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_role_is_defined_somebody_is_invited_to_it_comes_by_the_link_and_the_audit_log_has_it_all()
    {
        await using var studio = await Studio.OpenAsync();
        var admin = await studio.SignInAsync(chrome, "admin");
        var owner = await studio.SignInAsync(chrome, "owner");
        await admin.GotoAsync("/w/studio/members?view=roles");
        await DefineAsync(admin);
        await Expect(admin.Locator("h1 + span")).ToHaveTextAsync("Waiting for approval");
        await owner.GotoAsync(admin.Url);
        await owner.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(owner.Locator("h1 + span")).ToHaveTextAsync("Succeeded");

        await admin.GotoAsync("/w/studio/members?view=roles");
        await Expect(admin.GetByText("Your own", new() { Exact = true })).ToBeVisibleAsync();
        await admin.GetByRole(AriaRole.Button, new() { Name = "Policy" }).ClickAsync();
        await Expect(admin.GetByText("principal in Mumega::Role::\"page-editor\"")).ToBeVisibleAsync();

        await CheckAsync(admin, "roles");
        await admin.GetByRole(AriaRole.Button, new() { Name = "Change" }).ClickAsync();
        await CheckAsync(admin, "define-role");
        await admin.Keyboard.PressAsync("Escape");

        await admin.GotoAsync("/w/studio/members");
        await admin.GetByRole(AriaRole.Button, new() { Name = "Invite" }).ClickAsync();
        var dialog = admin.GetByRole(AriaRole.Dialog, new() { Name = "Invite somebody" });
        await dialog.GetByLabel("E-mail").FillAsync("nora@partner.example");
        await dialog.GetByLabel("Role").SelectOptionAsync("page-editor");
        await dialog.GetByLabel("Reason").FillAsync("She edits our pages.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Invite" }).ClickAsync();
        await admin.GetByRole(AriaRole.Button, new() { Name = "Make a link" }).ClickAsync();
        await Expect(admin.GetByLabel("Link", new() { Exact = true })).ToBeVisibleAsync();
        var link = await admin.GetByLabel("Link", new() { Exact = true }).InputValueAsync();
        await admin.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();

        var nora = await (await chrome.Browser.NewContextAsync(new() { BaseURL = studio.Address })).NewPageAsync();
        await nora.GotoAsync(link);
        await Expect(nora.GetByRole(AriaRole.Heading, new() { Name = "Join Studio" })).ToBeVisibleAsync();
        await CheckAsync(nora, "join");
        await nora.GetByLabel("Your name").FillAsync("Nora Hale");
        await nora.GetByLabel("Password").FillAsync("a long way from home");
        await nora.GetByRole(AriaRole.Button, new() { Name = "Join" }).ClickAsync();
        await nora.WaitForURLAsync("**/w/studio/inbox");
        await Expect(admin.GetByText("Came")).ToBeVisibleAsync();
        await CheckAsync(admin, "members-invited");

        // She may not read the audit log; the owner may, finds her in it and takes it along.
        await nora.GotoAsync("/w/studio/audit");
        await Expect(nora.GetByText("You may not read the audit log")).ToBeVisibleAsync();
        await owner.GotoAsync("/w/studio/audit");
        await Expect(owner.GetByRole(AriaRole.Row).Filter(new() { HasText = "nora@partner.example" }).First).ToBeVisibleAsync();
        await CheckAsync(owner, "audit");
        var download = await owner.RunAndWaitForDownloadAsync(() => owner.GetByLabel("Export as").SelectOptionAsync("cloudevents"));
        var lines = await File.ReadAllLinesAsync(await download.PathAsync(), TestContext.Current.CancellationToken);
        Assert.All(lines, line => Assert.Equal("1.0", JsonDocument.Parse(line).RootElement.GetProperty("specversion").GetString()));
        await owner.GetByRole(AriaRole.Button, new() { Name = "Sign-in" }).ClickAsync();
        await Expect(owner.GetByText("Signed in").First).ToBeVisibleAsync();
        await CheckAsync(owner, "audit-sign-in");
    }

    private static async Task CheckAsync(IPage page, string name)
    {
        await OperatorTests.CheckAsync(page, name, dark: false);
        await OperatorTests.CheckAsync(page, name, dark: true);
    }

    private static async Task DefineAsync(IPage page)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = "Define a role" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog, new() { Name = "Define a role" });
        await dialog.GetByLabel("Title").FillAsync("Page editor");
        await dialog.GetByLabel("Publish a page", new() { Exact = true }).CheckAsync();
        await dialog.GetByLabel("Reason", new() { Exact = true }).FillAsync("People who only edit pages.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
    }
}
