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
        Browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Environment.GetEnvironmentVariable("MUMEGA_TEST_CHROMIUM") is { Length: > 0 } path ? path : "/usr/bin/chromium",
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.DisposeAsync();
        playwright.Dispose();
    }
}

/// <summary>The application with its demo tenant, as <c>./mumega up</c> sets it up; a new one for every test.</summary>
public sealed class Studio : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly string folder;

    private Studio(WebApplication app, string folder, DemoSheet sheet) => (this.app, this.folder, Sheet) = (app, folder, sheet);

    public DemoSheet Sheet { get; }

    public string Address => Sheet.Address;

    public static async Task<Studio> OpenAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}";
        listener.Stop();

        var folder = Directory.CreateTempSubdirectory("mumega-browser-").FullName;
        var app = MumegaHost.Build([$"--Urls={address}", $"--PublicAddress={address}", $"--Data={folder}", "--Demo=true"], b => b.Logging.ClearProviders());
        var sheet = await app.PrepareAsync(CancellationToken.None);
        await app.StartAsync();
        return new(app, folder, sheet!);
    }

    /// <param name="chrome">The browser.</param>
    /// <param name="role">Who.</param>
    /// <param name="dark">With a dark system.</param>
    /// <param name="confirms">Whether the password is said again whenever an act wants it confirmed.</param>
    public async Task<IPage> SignInAsync(Chrome chrome, string role, bool dark = false, bool confirms = true)
    {
        var context = await chrome.Browser.NewContextAsync(new() { BaseURL = Address, ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, ViewportSize = new() { Width = 1280, Height = 860 } });
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
            await page.AddLocatorHandlerAsync(page.GetByRole(AriaRole.Dialog, new() { Name = "Is it you?" }), async dialog =>
            {
                await dialog.GetByLabel("Password").FillAsync(person.Password);
                await dialog.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
            });
        }

        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }
}
