using System.Net;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Mumega.Browser.Tests;

public sealed class OperatorTests(Chrome chrome)
{
    [Fact]
    public async Task An_operator_approves_the_waiting_page_and_rolls_it_back()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        using var http = new HttpClient();
        var address = $"{studio.Address}/p/demo/how-we-work";
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(http, address));

        await Expect(page.GetByText("goes live at")).ToBeVisibleAsync();
        await Expect(page.GetByText("A page from an agent is read by a person before visitors see it.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Publish a page" }).ClickAsync();
        await Expect(page.GetByText("Undo plan.")).ToBeVisibleAsync();
        await Expect(page.GetByText("What an agent may do alone").First).ToBeVisibleAsync();
        await Expect(page.Locator("[data-receipt]")).ToHaveCountAsync(3);

        await page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();

        // The receipt of the outcome shows up without a reload.
        await Expect(page.Locator("[data-receipt='outcome.confirmed']")).ToBeVisibleAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, address));

        await page.GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("The client asked us to wait.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await Expect(page.Locator("[data-receipt='compensated']")).ToBeVisibleAsync();
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(http, address));

        await page.Locator("[data-receipt='compensated'] button").ClickAsync();
        await Expect(page.GetByText("Undoes an earlier receipt.")).ToBeVisibleAsync();
        await page.GetByText("Undoes", new() { Exact = false }).First.GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByText("Rolled back")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_inbox_is_worked_by_keyboard_and_page_scripts_hold_no_token()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("a");
        await Expect(page.GetByText("Nothing waits for you")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("e");
        await Expect(page.Locator("[data-receipt='outcome.confirmed']")).ToBeVisibleAsync();

        var seen = await page.EvaluateAsync<string>(
            "() => document.cookie + JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage })"
        );
        Assert.DoesNotContain("eyJ", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("mumega_session", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_owner_cannot_decide_on_their_own_agent_and_reads_why()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "owner");
        await Expect(page.GetByText("A request of your own agent is decided by somebody else.")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Approve" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_person_proposes_by_a_form_made_from_the_schema_and_sees_faults_at_their_field()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await page.GetByRole(AriaRole.Link, new() { Name = "Actions" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose: Publish a page" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByLabel("Address").FillAsync("Not good");
        await dialog.GetByLabel("Title").FillAsync("Prices");
        await dialog.GetByLabel("Text").FillAsync("Fair ones.");
        await dialog.GetByLabel("Reason").FillAsync("Asked for.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await Expect(dialog.GetByText("must match")).ToBeVisibleAsync();

        await dialog.GetByLabel("Address").FillAsync("prices");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await Expect(page.Locator("[data-receipt='outcome.confirmed']")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_stop_is_engaged_shown_and_released_by_somebody_else()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await page.GetByRole(AriaRole.Link, new() { Name = "Stops" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop something" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Reason").FillAsync("Something looks off.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop now" }).ClickAsync();
        await Expect(page.GetByText("A stop is engaged for this workspace.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Runs" }).ClickAsync();
        await Expect(page.GetByText("Held by a stop")).ToBeVisibleAsync();

        var other = await studio.SignInAsync(chrome, "admin");
        await other.GetByRole(AriaRole.Link, new() { Name = "Stops" }).ClickAsync();
        await other.GetByRole(AriaRole.Button, new() { Name = "Release" }).ClickAsync();
        await other.GetByLabel("Reason").FillAsync("Looked into it.");
        await other.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Release" }).ClickAsync();
        await Expect(other.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
        await Expect(page.GetByText("Waiting for approval")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_admin_changes_the_policies_and_the_owner_puts_them_in_force()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "admin");
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("o");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change" }).ClickAsync();
        var editor = page.GetByRole(AriaRole.Textbox, new() { Name = "Policies" });
        var text = await editor.InputValueAsync();

        await editor.FillAsync(
            text + "\n@id(\"home\") @gate(\"approver\")\nforbid (principal, action == Mumega::Action::\"page.publsh\", resource);\n"
        );
        var line = text.Split('\n').Length + 2;
        await Expect(page.GetByText("did you mean `Mumega::Action::\"page.publish\"`?")).ToBeVisibleAsync();
        await Expect(page.GetByText($"{line}:30")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Propose" })).ToBeDisabledAsync();
        await CheckAsync(page, "policies-faults", dark: false);

        await editor.FillAsync((await editor.InputValueAsync()).Replace("publsh", "publish", StringComparison.Ordinal));
        await Expect(page.GetByText("Valid against the schema.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Format" }).ClickAsync();
        await Expect(editor)
            .ToHaveValueAsync(new System.Text.RegularExpressions.Regex("@id\\(\"home\"\\)\n@gate\\(\"approver\"\\)\nforbid"));
        await Expect(page.GetByText("Valid against the schema.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("The home page is read twice.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Waiting for approval");
        await Expect(page.GetByText("lines stay as they are").First).ToBeVisibleAsync();

        var other = await studio.SignInAsync(chrome, "owner");
        await other.GotoAsync(new Uri(page.Url).PathAndQuery);
        await other.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(other.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
        await page.GetByRole(AriaRole.Link, new() { Name = "Policies" }).ClickAsync();
        await Expect(page.GetByText("Version 2")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Tab, new() { Name = "History" }).ClickAsync();
        await Expect(page.GetByText("what a new tenant starts with")).ToBeVisibleAsync();
        await CheckAsync(page, "policies-history", dark: false);
    }

    [Fact]
    public async Task A_receipt_is_taken_along_and_checked_by_somebody_without_an_account()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await page.GetByRole(AriaRole.Link, new() { Name = "Receipts" }).ClickAsync();
        await page.GetByText("All sealed").ClickAsync();
        var key = await page.Locator("dd", new() { HasText = "receipts.mumega.local/l/" }).Nth(1).InnerTextAsync();
        var checkpoint = await SavedAsync(page, "Keep this checkpoint");
        await page.GetByRole(AriaRole.Button, new() { Name = "Export evidence" }).ClickAsync();
        await Expect(page.GetByText("All receipts of this workspace.")).ToBeVisibleAsync();
        var bundle = await SavedAsync(page, "Export");
        await Expect(page.GetByText("proven against the checkpoint")).ToBeVisibleAsync();
        await CheckAsync(page, "export", dark: false);
        await page.Keyboard.PressAsync("Escape");
        await page.Locator("[data-receipt='proposed'] button").First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Receipt and proof" }).ClickAsync();
        await Expect(page.GetByText("Checked in your browser: it leads to the root.")).ToBeVisibleAsync();
        await CheckAsync(page, "receipt", dark: false);
        var proof = await SavedAsync(page, "Proof file");

        var context = await chrome.Browser.NewContextAsync(new() { BaseURL = studio.Address });
        var verify = await context.NewPageAsync();
        await verify.GotoAsync("/verify");
        await Expect(verify.GetByText("The file is not sent anywhere.")).ToBeVisibleAsync();
        await context.SetOfflineAsync(true);
        await verify.GetByLabel("Receipt or bundle of evidence").SetInputFilesAsync(File("one.tlog-proof", proof));
        await Expect(verify.GetByRole(AriaRole.Heading, new() { Name = "Can’t tell" })).ToBeVisibleAsync();
        await verify.GetByLabel("Verifier key of the log").FillAsync(key);
        await Expect(verify.GetByRole(AriaRole.Heading, new() { Name = "Valid", Exact = true })).ToBeVisibleAsync();

        await verify.GetByLabel("A checkpoint that you kept").FillAsync(checkpoint);
        await verify.GetByLabel("Receipt or bundle of evidence").SetInputFilesAsync(File("all.json", bundle));
        await Expect(verify.GetByText("the same as the earlier checkpoint")).ToBeVisibleAsync();
        await Expect(verify.GetByRole(AriaRole.Heading, new() { Name = "Valid", Exact = true })).ToBeVisibleAsync();
        await CheckAsync(verify, "verify-valid", dark: false);

        foreach (
            var (damaged, problem) in new[]
            {
                (bundle.Replace("\"index\":1,", "\"index\":0,", StringComparison.Ordinal), "is not in the log at that place"),
                (Swapped(bundle), "another value than it was committed to"),
                (bundle.Replace("\\n3\\n", "\\n4\\n", StringComparison.Ordinal), "is not over this text"),
            }
        )
        {
            Assert.NotEqual(bundle, damaged);
            await verify.GetByLabel("Receipt or bundle of evidence").SetInputFilesAsync(File("damaged.json", damaged));
            await Expect(verify.GetByRole(AriaRole.Heading, new() { Name = "Invalid" })).ToBeVisibleAsync();
            await Expect(verify.GetByText(problem).First).ToBeVisibleAsync();
        }

        await CheckAsync(verify, "verify-invalid", dark: false);
        await verify.GetByLabel("Receipt or bundle of evidence").SetInputFilesAsync(File("nothing.json", "hello"));
        await Expect(verify.GetByText("this is neither a proof nor a bundle of evidence")).ToBeVisibleAsync();

        static FilePayload File(string name, string text) =>
            new()
            {
                Name = name,
                MimeType = "application/octet-stream",
                Buffer = System.Text.Encoding.UTF8.GetBytes(text),
            };

        // Every opened field of the first receipt belongs to the second.
        static string Swapped(string bundle)
        {
            var json = System.Text.Json.Nodes.JsonNode.Parse(bundle)!;
            json["receipts"]![0]!["disclosures"] = json["receipts"]![1]!["disclosures"]!.DeepClone();
            return json.ToJsonString();
        }
    }

    [Fact]
    public async Task Receipts_are_shared_with_a_partner_a_value_is_erased_and_both_show()
    {
        await using var studio = await Studio.OpenAsync();
        var (page, petra) = (await studio.SignInAsync(chrome, "operator"), await studio.SignInAsync(chrome, "approver"));
        async Task ApproveAsync()
        {
            await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Waiting for approval");
            await petra.GotoAsync(new Uri(page.Url).PathAndQuery);
            await petra.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
            await Expect(petra.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
            await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Succeeded");
        }

        await page.GetByRole(AriaRole.Link, new() { Name = "Partners" }).ClickAsync();
        await Expect(page.GetByText("Nobody outside sees anything")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Share receipts" }).ClickAsync();
        await page.GetByLabel("Partner", new() { Exact = true }).FillAsync("Acme Audit");
        await page.GetByLabel("Their public key").FillAsync("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}");
        await page.GetByLabel("Reason").FillAsync("Their yearly audit begins.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await Expect(page.GetByText("this holds the private half").Last).ToBeVisibleAsync();
        await CheckAsync(page, "partner-form", dark: false);
        await page.GetByLabel("Their public key")
            .FillAsync(
                "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
            );
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await ApproveAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Partners" }).ClickAsync();
        await Expect(page.GetByText("In force")).ToBeVisibleAsync();
        await CheckAsync(page, "partners-one", dark: false);

        // The demo's page waits; it is rejected, so that its run is over.
        await page.GetByRole(AriaRole.Link, new() { Name = "Inbox" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Publish a page" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Reject" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("It names a client.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Reject" }).ClickAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Rejected");
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" })
            .GetByRole(AriaRole.Link, new() { Name = "Receipts" })
            .ClickAsync();
        await page.GetByLabel("Kind").SelectOptionAsync("proposed");
        await page.GetByRole(AriaRole.Combobox, new() { NameRegex = new("^By") })
            .SelectOptionAsync(new SelectOptionValue { Label = "Hermes" });
        await Expect(page.Locator("[data-receipt]")).ToHaveCountAsync(1);
        await page.Locator("[data-receipt='proposed'] button").ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Receipt and proof" }).ClickAsync();
        var receipt = page.Url;
        await page.GetByRole(AriaRole.Button, new() { Name = "Erase fields" }).ClickAsync();
        await page.GetByLabel("parameters.markdown").CheckAsync();
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Reason" }).FillAsync("The client asked for it.");
        await CheckAsync(page, "erase", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose erasing" }).ClickAsync();
        await ApproveAsync();
        await page.GotoAsync(new Uri(receipt).PathAndQuery);
        await Expect(page.GetByText("erased; the commitment stays in the log")).ToBeVisibleAsync();
        await Expect(page.GetByText("Checked in your browser: it leads to the root.")).ToBeVisibleAsync();
        await CheckAsync(page, "receipt-erased", dark: true);
    }

    private static async Task<string> SavedAsync(IPage page, string button)
    {
        var download = await page.RunAndWaitForDownloadAsync(() =>
            page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync()
        );
        using var text = new StreamReader(await download.CreateReadStreamAsync());
        return await text.ReadToEndAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_page_breaks_an_accessibility_rule(bool dark)
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator", dark);
        await CheckAsync(page, "inbox", dark);
        await page.GetByRole(AriaRole.Link, new() { Name = "Publish a page" }).ClickAsync();
        await Expect(page.GetByText("Undo plan.")).ToBeVisibleAsync();
        await CheckAsync(page, "run-waiting", dark);
        await page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(page.Locator("[data-receipt='outcome.confirmed']")).ToBeVisibleAsync();
        await CheckAsync(page, "run-done", dark);
        foreach (
            var (place, text) in new[]
            {
                ("Tasks", "Nothing is yours to do"),
                ("Packets", "No open packets"),
                ("Workflows", "Customer refund"),
                ("Actions", "Send a webhook"),
                ("Runs", "Publish a page"),
                ("Receipts", "gate.approved"),
                ("Pages", "How we work with agents"),
                ("Policies", "Operators run the workspace"),
                ("Partners", "Nobody outside sees anything"),
                ("Stops", "No stop is engaged"),
                ("Inbox", "Nothing waits for you"),
            }
        )
        {
            await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" })
                .GetByRole(AriaRole.Link, new() { Name = place })
                .ClickAsync();
            await Expect(page.GetByText(text).First).ToBeVisibleAsync();
            if (place == "Receipts")
                await page.GetByText("All sealed").ClickAsync();
            await CheckAsync(page, place.ToLowerInvariant() + (place == "Inbox" ? "-empty" : ""), dark);
        }

        await page.GetByRole(AriaRole.Link, new() { Name = "Actions" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose: Publish a page" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
        await CheckAsync(page, "propose", dark);
        await page.Keyboard.PressAsync("Escape");

        var context = await chrome.Browser.NewContextAsync(
            new() { BaseURL = studio.Address, ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light }
        );
        var out1 = await context.NewPageAsync();
        await out1.GotoAsync("/sign-in");
        await Expect(out1.GetByLabel("E-mail")).ToBeVisibleAsync();
        await CheckAsync(out1, "sign-in", dark);
        await out1.GotoAsync("/verify");
        await Expect(out1.GetByText("The file is not sent anywhere.")).ToBeVisibleAsync();
        await CheckAsync(out1, "verify", dark);
        await out1.GotoAsync("/p/demo/how-we-work");
        await CheckAsync(out1, "portal", dark);
    }

    // MUMEGA_SCREENSHOTS names a folder to keep a picture of every page in.
    internal static async Task CheckAsync(IPage page, string name, bool dark)
    {
        // Colours that are still on their way from one to the other have a contrast that nobody chose.
        await page.EmulateMediaAsync(new() { ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light });
        await page.EvaluateAsync(
            """
            async (dark) => {
              const frame = () => new Promise(requestAnimationFrame);
              const themed = !!document.querySelector('script[src="/theme.js"]');
              while (themed && document.documentElement.classList.contains('dark') !== dark) await frame();
              await frame();
              await frame();
              await Promise.all(document.getAnimations().filter(a => a.effect?.getComputedTiming().endTime !== Infinity).map(a => a.finished.catch(() => {})));
            }
            """,
            dark
        );
        if (Environment.GetEnvironmentVariable("MUMEGA_SCREENSHOTS") is { Length: > 0 } folder)
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{(dark ? "dark" : "light")}.png"), FullPage = true });

        var result = await page.RunAxe();
        Assert.True(
            result.Violations.Length == 0,
            string.Join("\n", result.Violations.Select(v => $"{name}: {v.Id}: {v.Help}: {string.Join(", ", v.Nodes.Select(n => n.Html))}"))
        );
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string address)
    {
        using var answer = await http.GetAsync(address, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
