using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using static Mumega.Browser.Tests.OperatorTests;

namespace Mumega.Browser.Tests;

/// <summary>Packets, tasks, workflows and approvals as an operations team lives with them.</summary>
public sealed class WorkTests(Chrome chrome)
{
    [Fact]
    public async Task A_packet_goes_from_a_form_through_changes_to_a_live_page()
    {
        await using var studio = await Studio.OpenAsync();
        var (page, petra) = (await studio.SignInAsync(chrome, "operator"), await studio.SignInAsync(chrome, "approver"));
        await page.GetByRole(AriaRole.Link, new() { Name = "Packets" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "New packet" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByLabel("Type").SelectOptionAsync("content");
        await dialog.GetByLabel("Name").FillAsync("Opening hours");
        await dialog.GetByLabel("Address").FillAsync("Opening Hours");
        await dialog.GetByLabel("Title").FillAsync("Opening hours");
        await dialog.GetByLabel("Text").FillAsync("Nine to five.");
        await dialog.GetByLabel("Labels").FillAsync("web, hours");
        await dialog.GetByLabel("Reason").FillAsync("Clients ask for it.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(dialog.GetByText("must match")).ToBeVisibleAsync();
        await CheckAsync(page, "packet-new", dark: false);
        await dialog.GetByLabel("Address").FillAsync("opening-hours");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Opening hours", Level = 1 })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Claim" }).ClickAsync();
        await Expect(page.GetByText("claimed the task")).ToBeVisibleAsync();
        await page.GetByLabel("File to attach")
            .SetInputFilesAsync(
                new FilePayload
                {
                    Name = "hours.csv",
                    MimeType = "text/csv",
                    Buffer = "day,from,to\nMon,9,17\n"u8.ToArray(),
                }
            );
        await Expect(page.GetByText("hours.csv", new() { Exact = true })).ToBeVisibleAsync();
        await page.GetByLabel("File to attach")
            .SetInputFilesAsync(
                new FilePayload
                {
                    Name = "photo.png",
                    MimeType = "image/png",
                    Buffer = "%PDF-1.7"u8.ToArray(),
                }
            );
        await Expect(page.GetByText("The file was declared as image/png, and its content is application/pdf.")).ToBeVisibleAsync();
        await CheckAsync(page, "packet", dark: false);

        await page.GetByRole(AriaRole.Button, new() { Name = "Part", Exact = true }).ClickAsync();
        await dialog.GetByLabel("Type").SelectOptionAsync("refund");
        await dialog.GetByLabel("Name").FillAsync("A part of it");
        await dialog.GetByLabel("Order").FillAsync("ord-1");
        await dialog.GetByLabel("Amount in cents").FillAsync("500");
        await dialog.GetByLabel("Currency").SelectOptionAsync("EUR");
        await dialog.GetByLabel("Reason").First.FillAsync("Broken.");
        await dialog.GetByLabel("Reason").Last.FillAsync("It belongs to it.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(page.GetByText("part of", new() { Exact = true })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove: part of Opening hours" }).ClickAsync();
        await Expect(page.GetByText("It stands alone: no parts, no links.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Link", Exact = true }).ClickAsync();
        await dialog.GetByLabel("This packet").SelectOptionAsync("blocks");
        await dialog.GetByLabel("Packet", new() { Exact = true }).FillAsync("OPENING");
        await dialog.GetByRole(AriaRole.List, new() { Name = "Packets found" }).GetByText("Opening hours").ClickAsync();
        await dialog.GetByLabel("Reason").FillAsync("One after the other.");
        await CheckAsync(page, "packet-link", dark: true);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Link", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Opening hours" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Opening hours", Level = 1 })).ToBeVisibleAsync();

        await MoveAsync(page, "Submit and publish", "It is ready.");
        await Expect(page.GetByText("is on its way: 1 approval by approver missing")).ToBeVisibleAsync();
        var request = petra.GetByRole(AriaRole.Article).Filter(new() { HasText = "Opening hours" });
        await request.GetByRole(AriaRole.Button, new() { Name = "Ask for changes" }).ClickAsync();
        await petra.GetByLabel("Reason").FillAsync("Name the days.");
        await petra.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Ask for changes" }).ClickAsync();

        await Expect(page.GetByText("Remark. Name the days.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Edit" }).ClickAsync();
        await dialog.GetByLabel("Text").FillAsync("Monday to Friday, nine to five.");
        await dialog.GetByLabel("Reason").FillAsync("The days are named.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();

        // The form holds the same text; the page has it, and the version to go on from, once the edit was carried out.
        await Expect(page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await Expect(page.GetByText("Monday to Friday, nine to five.")).ToBeVisibleAsync();
        await MoveAsync(page, "Submit and publish", "The days are named.");
        await request.GetByRole(AriaRole.Button, new() { Name = "Compare" }).ClickAsync();
        await Expect(petra.GetByRole(AriaRole.Region, new() { Name = "Before and after" })).ToContainTextAsync("Monday to Friday");
        await CheckAsync(petra, "inbox-compare", dark: false);
        await request.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(page.GetByText("Draft → Published")).ToBeVisibleAsync();
        await CheckAsync(page, "packet-published", dark: true);

        await page.GetByRole(AriaRole.Link, new() { Name = "Draw it" }).ClickAsync();
        await Expect(page.GetByText("The packet is here")).ToBeVisibleAsync();
        await CheckAsync(page, "workflow", dark: false);
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" })
            .GetByRole(AriaRole.Link, new() { Name = "Packets" })
            .ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Board" }).ClickAsync();
        await page.GetByLabel("Workflow").SelectOptionAsync("content-review");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Published, 1" })).ToContainTextAsync("Opening hours");
        Assert.Contains("view=board", page.Url, StringComparison.Ordinal);
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Published, 1" })).ToContainTextAsync("Opening hours");
        await CheckAsync(page, "board", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "List" }).ClickAsync();
        await page.GetByLabel("Label").SelectOptionAsync("hours");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Opening hours" })).ToBeVisibleAsync();
        await CheckAsync(page, "packets", dark: false);
        await page.GetByLabel("In the name").FillAsync("nothing like it");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByText("Nothing matches")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_operator_clears_ten_approvals_with_the_keyboard_alone()
    {
        await using var studio = await Studio.OpenAsync();
        await ProposeAsync(studio, 9);
        var page = await studio.SignInAsync(chrome, "operator");
        var waiting = page.GetByRole(AriaRole.Article);
        await Expect(waiting).ToHaveCountAsync(10);
        await CheckAsync(page, "inbox-ten", dark: false);
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("k");
        await Expect(page.Locator("[data-row='1'][aria-current='true']")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("d");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Before and after" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("r");
        await page.Keyboard.TypeAsync("Not this one.");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(waiting).ToHaveCountAsync(9);
        await page.Keyboard.PressAsync("c");
        await page.Keyboard.TypeAsync("Shorter, please.");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(waiting).ToHaveCountAsync(8);
        for (var left = 7; left >= 0; left--)
        {
            await page.Keyboard.PressAsync("a");
            await Expect(waiting).ToHaveCountAsync(left);
        }

        await Expect(page.GetByText("Nothing waits for you")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_task_is_claimed_and_assigned_and_approvals_are_delegated()
    {
        await using var studio = await Studio.OpenAsync();
        await ProposeAsync(
            studio,
            1,
            "packet.create",
            n => new
            {
                type = "content",
                title = $"Packet {n}",
                payload = new
                {
                    slug = $"packet-{n}",
                    title = $"Packet {n}",
                    markdown = "Text.",
                },
            }
        );
        var page = await studio.SignInAsync(chrome, "operator");
        await Expect(page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("t");
        await page.GetByRole(AriaRole.Tab, new() { Name = "My roles" }).ClickAsync();
        await Expect(page.GetByText("Write the page")).ToBeVisibleAsync();
        await CheckAsync(page, "tasks", dark: false);
        await page.Keyboard.PressAsync("c");
        await Expect(page.GetByText("Nobody waits for your roles.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Tab, new() { Name = "Mine" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Write the page" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Hand back" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("No time today.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Hand back" }).ClickAsync();
        await Expect(page.GetByText("Nobody has it yet")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Assign" }).ClickAsync();
        await page.GetByLabel("To", new() { Exact = true }).SelectOptionAsync(new SelectOptionValue { Label = "Otto Lindqvist" });
        await page.GetByLabel("Reason").FillAsync("He knows it best.");
        await CheckAsync(page, "assign", dark: false);
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Assign" }).ClickAsync();
        await Expect(page.GetByText("assigned the task: He knows it best.")).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Inbox" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delegation" }).ClickAsync();
        await page.GetByLabel("Who decides for you").SelectOptionAsync(new SelectOptionValue { Label = "Bela Novak" });
        await page.GetByLabel("Reason").FillAsync("A week in the mountains.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Delegate" }).ClickAsync();
        await Expect(page.GetByText("Bela Novak for you")).ToBeVisibleAsync();
        await CheckAsync(page, "delegation", dark: true);
        var bela = await studio.SignInAsync(chrome, "admin");
        await bela.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(bela.GetByText("Nothing waits for you")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_workflow_is_changed_checked_as_it_is_written_and_proposed()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "owner");
        await page.GetByRole(AriaRole.Link, new() { Name = "Workflows" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Change request" }).ClickAsync();
        await Expect(page.GetByText("2 approval(s) by approver").First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Change", Exact = true }).ClickAsync();
        var editor = page.GetByRole(AriaRole.Textbox, new() { Name = "Workflow" });
        var text = await editor.InputValueAsync();
        await editor.FillAsync(text.Replace("to: done", "to: nowhere", StringComparison.Ordinal));
        await Expect(page.GetByText("there is no state \"nowhere\"").First).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Propose" })).ToBeDisabledAsync();
        await CheckAsync(page, "workflow-faults", dark: false);
        await editor.FillAsync(text.Replace("quorum: 2", "quorum: 1", StringComparison.Ordinal));
        await Expect(page.GetByText("every packet can come to an end")).ToBeVisibleAsync();
        await page.GetByLabel("Reason").FillAsync("One is enough for us.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Propose" }).ClickAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Waiting for approval");
    }

    [Fact]
    public async Task Rows_of_a_file_are_mapped_looked_at_and_imported()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "operator");
        await page.GetByRole(AriaRole.Link, new() { Name = "Packets" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Import" }).ClickAsync();
        await Expect(page.GetByText("Nothing was imported yet")).ToBeVisibleAsync();
        await page.GetByLabel("File to import")
            .SetInputFilesAsync(
                new FilePayload
                {
                    Name = "old.csv",
                    MimeType = "text/csv",
                    Buffer = [.. "Order\nPr"u8, 0xe9, .. "fixe\n"u8],
                }
            );
        await Expect(page.GetByText("The file is not UTF-8: byte 0xE9")).ToBeVisibleAsync();
        await CheckAsync(page, "imports", dark: false);
        var rows = string.Concat(
            Enumerable.Range(1, 6000).Select(n => $"ord-{n},{(n == 7 ? "lots" : "500")},Broken on arrival.,\"vip, spring\"\n")
        );
        await page.GetByLabel("File to import")
            .SetInputFilesAsync(
                new FilePayload
                {
                    Name = "refunds.csv",
                    MimeType = "text/csv",
                    Buffer = System.Text.Encoding.UTF8.GetBytes("Order,Amount,Reason,Tags\n" + rows),
                }
            );

        await page.GetByLabel("Type").SelectOptionAsync("refund");
        await Expect(page.GetByLabel("Reason")).ToHaveValueAsync("c:Reason");
        await page.GetByLabel("Name").SelectOptionAsync("c:Order");
        await page.GetByLabel("Amount in cents").SelectOptionAsync("c:Amount");
        await page.GetByLabel("Currency").SelectOptionAsync("fixed");
        await page.GetByLabel("Currency, the same for all").FillAsync("EUR");
        var preview = page.GetByRole(AriaRole.Region, new() { Name = "The first rows, as they would come in" });
        await Expect(preview.GetByRole(AriaRole.Row, new() { Name = "8 ord-7" })).ToContainTextAsync("cents");
        await Expect(preview.GetByText("spring").First).ToBeVisibleAsync();
        await CheckAsync(page, "import-mapping", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Look at all 6,000 rows" }).ClickAsync();
        await Expect(page.GetByText("5,999 rows can become packets, 1 can't")).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Import 5,999 packets" })).ToBeDisabledAsync();
        await CheckAsync(page, "import-checked", dark: true);
        await page.GetByLabel("Leave out the row with faults").CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Import 5,999 packets" }).ClickAsync();
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Import" }).ClickAsync();
        await Expect(page.Locator("h1 + span")).ToHaveTextAsync("Succeeded", new() { Timeout = 30_000 });
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" })
            .GetByRole(AriaRole.Link, new() { Name = "Packets" })
            .ClickAsync();
        await page.GetByLabel("Label").SelectOptionAsync("spring");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "ord-6000" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Import", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "refunds.csv" }).ClickAsync();
        await Expect(page.GetByText("5,999 packets came in")).ToBeVisibleAsync();
        await CheckAsync(page, "import-done", dark: false);
    }

    [Fact]
    public async Task A_schedule_is_set_changed_told_its_secret_and_removed()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "owner");
        await page.GetByRole(AriaRole.Link, new() { Name = "Workflows" }).ClickAsync();
        await Expect(page.GetByText("Nothing starts by itself yet")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "New schedule" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByLabel("Name", new() { Exact = true }).FillAsync("from-the-shop");
        await dialog.GetByLabel("Started by").SelectOptionAsync("cron");
        await dialog.GetByLabel("When", new() { Exact = true }).FillAsync("0 0 30 2 *");
        await dialog.GetByLabel("Begins a packet of the type").SelectOptionAsync("refund");
        await dialog.GetByLabel("Its name").FillAsync("A claim");
        await dialog.GetByLabel("Order").FillAsync("ord-1");
        await dialog.GetByLabel("Amount in cents").FillAsync("500");
        await dialog.GetByLabel("Currency").FillAsync("EUR");
        await dialog.GetByLabel("Reason").FillAsync("Weekly.");
        await dialog.GetByLabel("Why it is set like this").FillAsync("The shop asks for it.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        await Expect(dialog.GetByRole(AriaRole.Alert)).ToContainTextAsync("cron");
        await CheckAsync(page, "schedule", dark: false);
        await dialog.GetByLabel("Started by").SelectOptionAsync("webhook");
        await dialog.GetByLabel("Order").FillAsync("/data/order");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        await Expect(page.GetByText("when called from outside")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "New secret for from-the-shop" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a new secret" }).ClickAsync();
        await Expect(page.GetByLabel("Secret", new() { Exact = true }))
            .ToHaveValueAsync(new System.Text.RegularExpressions.Regex("^whsec_"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Change from-the-shop" }).ClickAsync();
        await Expect(dialog.GetByLabel("Order")).ToHaveValueAsync("/data/order");
        await dialog.GetByLabel("On", new() { Exact = true }).UncheckAsync();
        await dialog.GetByLabel("Why it is set like this").FillAsync("Not this week.");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Change" }).ClickAsync();
        await Expect(page.GetByText("Off", new() { Exact = true })).ToBeVisibleAsync();
        await CheckAsync(page, "schedules", dark: true);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove from-the-shop" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("The shop is closed.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Remove" }).ClickAsync();
        await Expect(page.GetByText("Nothing starts by itself yet")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_agent_is_registered_gets_a_secret_and_is_suspended_a_budget_is_set_and_an_elevation_shows()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "owner");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Agents" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("b");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Hermes" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Register an agent" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("Scout");
        await page.GetByLabel("What it is for").FillAsync("Looks for mentions of the studio and drafts answers.");
        await page.GetByLabel("Who answers for it").SelectOptionAsync(new SelectOptionValue { Label = "Otto Lindqvist" });
        await page.GetByLabel("Reason").FillAsync("We want to hear what people say.");
        await CheckAsync(page, "agent-register", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Register", Exact = true }).ClickAsync();

        // Otto answers for it, so Otto agrees first.
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Register an agent", Level = 1 })).ToBeVisibleAsync();
        var otto = await studio.SignInAsync(chrome, "operator");
        var asked = otto.GetByRole(AriaRole.Article).Filter(new() { HasText = "Scout" });
        await CheckAsync(otto, "inbox-consent", dark: false);
        await asked.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        await Expect(page.GetByText("Succeeded", new() { Exact = true }).First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Agents" }).ClickAsync();
        var scout = page.GetByRole(AriaRole.Listitem).Filter(new() { Has = page.GetByRole(AriaRole.Heading, new() { Name = "Scout" }) });
        await Expect(scout.GetByText("Nothing yet")).ToBeVisibleAsync();

        // The secret shows once.
        await scout.GetByRole(AriaRole.Button, new() { Name = "New secret" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("Its first one.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a secret" }).ClickAsync();
        await Expect(page.GetByText("mumega_")).ToBeVisibleAsync();
        await CheckAsync(page, "agent-secret", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "I have it" }).ClickAsync();
        await Expect(scout.GetByText("A secret", new() { Exact = true })).ToBeVisibleAsync();
        await scout.GetByRole(AriaRole.Button, new() { Name = "Suspend" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("It went astray.");
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = "Suspend" }).ClickAsync();
        await Expect(scout.GetByText("Suspended", new() { Exact = true })).ToBeVisibleAsync();
        await CheckAsync(page, "agents", dark: false);
        await CheckAsync(page, "agents", dark: true);

        await page.Keyboard.PressAsync("g");
        await page.Keyboard.PressAsync("u");
        await Expect(page.GetByText("No limits")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Set a budget" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("each-agent");
        await page.GetByLabel("Runs at most").FillAsync("3");
        await page.GetByLabel("Reason").FillAsync("No floods.");
        await CheckAsync(page, "budget-set", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Expect(page.GetByText("3 runs in an hour, for each agent.")).ToBeVisibleAsync();
        await ProposeAsync(studio, 3);
        await Expect(page.GetByText("Used up")).ToBeVisibleAsync();
        await CheckAsync(page, "budgets", dark: false);
        await CheckAsync(page, "budgets", dark: true);

        // Elevated, and everybody can see it at the top of every page.
        await page.GetByRole(AriaRole.Link, new() { Name = "Members" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Elevations" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Be elevated" }).ClickAsync();
        await page.GetByLabel("Role").SelectOptionAsync("operator");
        await page.GetByLabel("Reason").FillAsync("Nobody is there to run the page.");
        await page.GetByLabel("Break the glass").CheckAsync();
        await CheckAsync(page, "elevation-ask", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Break the glass" }).ClickAsync();
        await Expect(page.GetByText("You are operator of Studio")).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await CheckAsync(page, "elevations", dark: false);
        await CheckAsync(page, "elevations", dark: true);
        await page.GetByRole(AriaRole.Button, new() { Name = "End it now" }).ClickAsync();
        await Expect(page.GetByText("You are operator of Studio")).Not.ToBeVisibleAsync();
    }

    [Fact]
    public async Task Somebody_sees_where_they_are_signed_in_and_ends_it_there()
    {
        await using var studio = await Studio.OpenAsync();
        var (here, there) = (await studio.SignInAsync(chrome, "operator"), await studio.SignInAsync(chrome, "operator"));
        await here.GetByRole(AriaRole.Link, new() { Name = "Otto Lindqvist" }).ClickAsync();
        await Expect(here.GetByText("This one")).ToBeVisibleAsync();
        await CheckAsync(here, "account", dark: false);
        await CheckAsync(here, "account", dark: true);

        // Another password, after one proved to be who one is; it fits from then on.
        await here.GetByRole(AriaRole.Button, new() { Name = "Change", Exact = true }).ClickAsync();
        await here.GetByLabel("New password").FillAsync("passwordpassword");
        await here.GetByRole(AriaRole.Button, new() { Name = "Change it" }).ClickAsync();
        await Expect(here.GetByLabel("New password")).ToHaveAttributeAsync("aria-invalid", "true");
        await CheckAsync(here, "password", dark: false);
        await here.GetByLabel("New password").FillAsync("a sentence of my own");
        await here.GetByRole(AriaRole.Button, new() { Name = "Change it" }).ClickAsync();
        await Expect(here.GetByText("It is changed, and one other session ended.")).ToBeVisibleAsync();

        // The other page learns it by itself: its open connection ends.
        await Expect(there.GetByLabel("Password")).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await there.GetByLabel("E-mail").FillAsync(studio.Sheet.People.Single(p => p.Role == "operator").Email);
        await there.GetByLabel("Password").FillAsync("a sentence of my own");
        await there.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await Expect(there.GetByRole(AriaRole.Heading, new() { Name = "Inbox" })).ToBeVisibleAsync();

        // That one is ended by itself.
        await here.ReloadAsync();
        await here.GetByRole(AriaRole.Button, new() { Name = "End it" }).ClickAsync();
        await Expect(here.GetByRole(AriaRole.Button, new() { Name = "End it" })).ToHaveCountAsync(0);
        await Expect(there.GetByLabel("Password")).ToBeVisibleAsync(new() { Timeout = 20_000 });
    }

    [Fact]
    public async Task What_an_approval_sets_off_is_shown_before_it_is_given()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "approver");
        using var hermes = await Agent.SignInAsync(studio);
        var created = await hermes.ProposeAsync(
            "packet.create",
            new
            {
                type = "refund",
                title = "Order 7",
                payload = new
                {
                    order = "order-7",
                    cents = 1999,
                    currency = "EUR",
                    reason = "It came broken.",
                },
            },
            "They asked."
        );
        async Task<string?> PacketAsync() =>
            (await hermes.AskAsync("query($id: ID!) { node(id: $id) { ... on Run { packet { id } } } }", new { id = created }))
                .GetProperty("node")
                .GetProperty("packet")
                is { ValueKind: JsonValueKind.Object } packet
                ? packet.GetProperty("id").GetString()
                : null;
        string? packetId;
        for (var tries = 0; (packetId = await PacketAsync()) is null; tries++)
        {
            Assert.True(tries < 1000, "the packet does not begin");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await hermes.AskAsync(
            "mutation($input: MovePacketInput!) { movePacket(input: $input) { errors { message } } }",
            new
            {
                input = new
                {
                    packetId,
                    transition = "grant",
                    reason = "It is their right.",
                    idempotencyKey = "grant",
                },
            }
        );

        var card = page.GetByRole(AriaRole.Article).Filter(new() { HasText = "It is their right." });
        await Expect(card.GetByText("Then by itself")).ToBeVisibleAsync();
        await Expect(card.GetByText("Pay back: send a webhook")).ToBeVisibleAsync();
        await Expect(card.GetByText("Irreversible")).ToHaveCountAsync(2);
        await CheckAsync(page, "sets-off", dark: false);
        await CheckAsync(page, "sets-off", dark: true);
        await card.GetByRole(AriaRole.Link, new() { Name = "Look at it first" }).ClickAsync();
        await Expect(page.GetByText("High blast · Irreversible")).ToBeVisibleAsync();
        await Expect(page.GetByText("Pay back: send a webhook")).ToBeVisibleAsync();
        await CheckAsync(page, "sets-off-run", dark: false);
    }

    [Fact]
    public async Task A_role_is_granted_shown_in_the_matrix_and_taken_away()
    {
        await using var studio = await Studio.OpenAsync();
        var page = await studio.SignInAsync(chrome, "owner");
        await page.GetByRole(AriaRole.Link, new() { Name = "Members" }).ClickAsync();
        await Expect(page.GetByText("Otto Lindqvist").First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Grant a role" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByLabel("Who").SelectOptionAsync(new SelectOptionValue { Label = "Otto Lindqvist" });
        await dialog.GetByLabel("Role").SelectOptionAsync("auditor");
        await dialog.GetByLabel("Until").FillAsync("2030-01-01T09:00");
        await dialog.GetByLabel("Reason").FillAsync("He looks after the books for a while.");
        await CheckAsync(page, "member-grant", dark: true);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Grant" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Take the role auditor from Otto Lindqvist" })).ToBeVisibleAsync();
        await CheckAsync(page, "members", dark: false);
        await page.GetByRole(AriaRole.Button, new() { Name = "Who may do what" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Otto Lindqvist may not: Grant a role" }).ClickAsync();
        await Expect(page.GetByText("who works here is decided by owners and admins.")).ToBeVisibleAsync();
        await CheckAsync(page, "authority", dark: false);
        await CheckAsync(page, "authority", dark: true);
        await page.GetByRole(AriaRole.Button, new() { Name = "Members", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Take the role owner from Ada Moreno" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("I leave.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Take it away" }).ClickAsync();
        await Expect(page.GetByText("The last owner can't be removed.")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await page.GetByRole(AriaRole.Button, new() { Name = "Take the role auditor from Otto Lindqvist" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("The books are done.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Take it away" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Take the role auditor from Otto Lindqvist" })).ToHaveCountAsync(0);
    }

    private static async Task MoveAsync(IPage page, string transition, string reason)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = transition }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync(reason);
        await page.GetByRole(AriaRole.Alertdialog).GetByRole(AriaRole.Button, new() { Name = transition }).ClickAsync();
    }

    // What the demo's agent asks for.
    private static async Task ProposeAsync(Studio studio, int count, string action = "page.publish", Func<int, object>? input = null)
    {
        using var hermes = await Agent.SignInAsync(studio);
        for (var n = 1; n <= count; n++)
            await hermes.ProposeAsync(
                action,
                input?.Invoke(n)
                    ?? new
                    {
                        slug = $"page-{n}",
                        title = $"Page {n}",
                        markdown = $"Text {n}.",
                    },
                $"Needed for client {n}."
            );
    }
}
