using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Mumega.Api;
using Mumega.Api.Setup;
using Mumega.Browser.Tests;

[assembly: AssemblyFixture(typeof(Chrome))]

namespace Mumega.Browser.Tests;

/// <summary>One real Chromium for all tests.</summary>
public sealed class Chrome : IAsyncLifetime
{
    private IPlaywright playwright = null!;

    public IBrowser Browser { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        playwright = await Playwright.CreateAsync();
        Browser = await playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = Environment.GetEnvironmentVariable("MUMEGA_TEST_CHROMIUM") is { Length: > 0 } path
                    ? path
                    : "/usr/bin/chromium",
                Args =
                [
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            }
        );
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.DisposeAsync();
        playwright.Dispose();
        Studio.End();
    }
}

/// <summary>
/// The application with its demo tenant, as <c>./mumega up</c> sets it up; a new one for every test. It is a copy of one that was set up for the same address, which is in what waits for approval: at
/// another, something else would run.
/// </summary>
public sealed class Studio : IAsyncDisposable
{
    private static readonly ConcurrentBag<(string Address, string Folder)> Idle = [];

    private readonly WebApplication app;
    private readonly string folder;
    private readonly (string Address, string Folder) template;

    private Studio(WebApplication app, string folder, DemoSheet sheet, (string Address, string Folder) template) =>
        (this.app, this.folder, Sheet, this.template) = (app, folder, sheet, template);

    public DemoSheet Sheet { get; }

    public string Address => Sheet.Address;

    public static async Task<Studio> OpenAsync()
    {
        var template = Idle.TryTake(out var idle) ? idle : await SetUpAsync();
        var folder = Directory.CreateTempSubdirectory("mumega-browser-").FullName;
        foreach (var file in Directory.EnumerateFiles(template.Folder, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(template.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        var app = Build(folder, template.Address);
        var sheet = await app.PrepareAsync(CancellationToken.None);
        await app.StartAsync();
        return new(app, folder, sheet!, template);
    }

    /// <summary>Ends what studios were copied from. Call when none is open.</summary>
    public static void End()
    {
        while (Idle.TryTake(out var template))
            Directory.Delete(template.Folder, recursive: true);
    }

    private static async Task<(string Address, string Folder)> SetUpAsync()
    {
        var (address, folder) = ($"http://localhost:{FreePort()}", Directory.CreateTempSubdirectory("mumega-browser-").FullName);
        await using (var app = Build(folder, address, "--Jobs:Run=false"))
            await app.PrepareAsync(CancellationToken.None);
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        return (address, folder);
    }

    // Below what the system hands out by itself, so that no connection has it when it is used again.
    private static int FreePort()
    {
        while (true)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(20_000, 32_000));
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException)
            {
                // Taken; another one.
            }
        }
    }

    private static WebApplication Build(string folder, string address, params string[] more) =>
        MumegaHost.Build(
            [$"--Urls={address}", $"--PublicAddress={address}", $"--Data={folder}", "--Demo=true", .. more],
            b => b.Logging.ClearProviders()
        );

    /// <param name="chrome">The browser.</param>
    /// <param name="role">Who.</param>
    /// <param name="dark">With a dark system.</param>
    /// <param name="confirms">Whether the password is said again whenever an act wants it confirmed.</param>
    public async Task<IPage> SignInAsync(Chrome chrome, string role, bool dark = false, bool confirms = true)
    {
        var context = await chrome.Browser.NewContextAsync(
            new()
            {
                BaseURL = Address,
                ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
                ViewportSize = new() { Width = 1280, Height = 860 },
            }
        );
        context.SetDefaultTimeout(10_000);
        var page = await context.NewPageAsync();
        await page.GotoAsync("/");
        var person = Sheet.People.Single(p => p.Role == role);
        await page.GetByLabel("E-mail").FillAsync(person.Email);
        await page.GetByLabel("Password").FillAsync(person.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.WaitForURLAsync("**/w/studio/inbox");
        if (confirms)
        {
            await page.AddLocatorHandlerAsync(
                page.GetByRole(AriaRole.Dialog, new() { Name = "Is it you?" }),
                async dialog =>
                {
                    await dialog.GetByLabel("Password").FillAsync(person.Password);
                    await dialog.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
                }
            );
        }

        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
        Idle.Add(template);
    }
}
