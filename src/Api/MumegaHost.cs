using System.Globalization;
using System.Net;
using System.Threading.RateLimiting;
using GraphQL.Types;
using Hangfire;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.EntityFrameworkCore;
using Mumega.Api.Audit;
using Mumega.Api.Files;
using Mumega.Api.GraphQL;
using Mumega.Api.GraphQL.Transport;
using Mumega.Api.Hooks;
using Mumega.Api.Identity;
using Mumega.Api.Imports;
using Mumega.Api.Log;
using Mumega.Api.Portal;
using Mumega.Api.Setup;
using Mumega.Domain;
using Mumega.Infrastructure;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.Jobs;

namespace Mumega.Api;

/// <summary>The whole application: one process serves API, web app and portal, and runs jobs unless told not to.</summary>
public static class MumegaHost
{
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? adjust = null)
    {
        Traces.Begin();
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        adjust?.Invoke(builder);

        var configuration = builder.Configuration;
        var data = Directory.CreateDirectory(configuration["Data"] ?? ".mumega").FullName;
        var database = configuration.GetSection("Database").Get<DatabaseOptions>() ?? new();
        if (database is { Kind: DatabaseKind.Sqlite, Connection: "" })
            database.Connection = $"Data Source={Path.Combine(data, "mumega.db")}";
        var jobs = configuration.GetSection("Jobs").Get<JobOptions>() ?? new();
        var limits = configuration.GetSection("GraphQL").Get<GraphQLLimits>() ?? new();
        var address = (configuration["PublicAddress"] ?? "http://localhost:5080").TrimEnd('/');

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 2 * 1024 * 1024;
            kestrel.ConfigureHttpsDefaults(https =>
            {
                // Agents may show a certificate of their own making; the token server holds it against their keys, and tokens against it.
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.AllowAnyClientCertificate();
            });
        });
        builder.Services.AddMumega(configuration, database, jobs, data, address);
        builder.Services.AddTokenServer(address);
        builder
            .Services.AddSingleton<WebSessions>()
            .AddSingleton<Invitations>()
            .AddSingleton<CallerOf>()
            .AddSingleton<Installation>()
            .AddSingleton<Demo>();
        builder.Services.AddMumegaGraphQL(limits);
        if (configuration.GetValue("Jobs:Run", true))
            builder.Services.AddMumegaJobs(database, jobs);
        var secure = new PublicAddress(address).IsSecure ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
        var proxies = configuration.GetSection("Proxies").Get<List<string>>() ?? [];
        builder.Services.Configure<ForwardedHeadersOptions>(forwarded =>
        {
            // Who asks, and over what, is told by these and nobody else.
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            forwarded.ForwardLimit = proxies.Count;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in proxies)
            {
                if (System.Net.IPNetwork.TryParse(proxy, out var network))
                    forwarded.KnownIPNetworks.Add(network);
                else if (IPAddress.TryParse(proxy, out var one))
                    forwarded.KnownProxies.Add(one);
                else
                    throw new InvalidOperationException($"Proxies: \"{proxy}\" is neither an IP address nor a network such as 10.0.0.0/8.");
            }
        });
        builder
            .Services.AddAuthentication(IdentityConstants.ApplicationScheme)
            .AddCookie(
                IdentityConstants.ApplicationScheme,
                cookie =>
                {
                    // Just long enough to get from the sign-in to the token; it does not slide.
                    (cookie.Cookie.Name, cookie.Cookie.SecurePolicy) = ("mumega_sign_in", secure);
                    (cookie.ExpireTimeSpan, cookie.SlidingExpiration) = (TimeSpan.FromMinutes(10), false);
                    cookie.LoginPath = "/sign-in";
                }
            )
            .AddCookie(
                IdentityConstants.TwoFactorUserIdScheme,
                cookie =>
                {
                    (cookie.Cookie.Name, cookie.Cookie.SecurePolicy) = ("mumega_second_factor", secure);
                    (cookie.ExpireTimeSpan, cookie.SlidingExpiration) = (TimeSpan.FromMinutes(5), false);
                }
            )
            .AddCookie(IdentityConstants.TwoFactorRememberMeScheme);
        builder.Services.AddAuthorization();
        var (attempts, tokens) = (configuration.GetValue("SignIn:PerMinute", 20), configuration.GetValue("SignIn:TokensPerMinute", 600));
        builder.Services.AddRateLimiter(limits =>
        {
            // Client secrets and codes are guessed here; whoever has one needs a token every few minutes.
            limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http =>
                http.Request.Path.StartsWithSegments("/connect") && !http.RequestServices.GetRequiredService<WebSessions>().IsOwn(http)
                    ? RateLimitPartition.GetSlidingWindowLimiter(
                        http.Connection.RemoteIpAddress?.ToString() ?? "",
                        _ =>
                            new()
                            {
                                PermitLimit = tokens,
                                Window = TimeSpan.FromMinutes(1),
                                SegmentsPerWindow = 6,
                                QueueLimit = 0,
                            }
                    )
                    : RateLimitPartition.GetNoLimiter("")
            );

            // Beside the lock on one person's account: one address does not try many people's passwords.
            limits.AddPolicy(
                WebSessions.SignInLimit,
                http =>
                    RateLimitPartition.GetSlidingWindowLimiter(
                        http.Connection.RemoteIpAddress?.ToString() ?? "",
                        _ =>
                            new()
                            {
                                PermitLimit = attempts,
                                Window = TimeSpan.FromMinutes(1),
                                SegmentsPerWindow = 6,
                                QueueLimit = 0,
                            }
                    )
            );
            limits.OnRejected = async (rejected, ct) =>
            {
                if (rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var wait))
                    rejected.HttpContext.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(
                        CultureInfo.InvariantCulture
                    );
                rejected.HttpContext.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                await rejected.HttpContext.Response.WriteAsJsonAsync(
                    new { code = "TOO_MANY_ATTEMPTS", message = "Too many sign-ins from here. Wait a minute and try again." },
                    ct
                );
            };
        });

        var app = builder.Build();
        if (proxies.Count > 0)
            app.UseForwardedHeaders();
        app.Use(SecureHeaders);
        app.UseDefaultFiles()
            .UseStaticFiles(
                new StaticFileOptions
                {
                    // File names of built assets carry a hash of their content.
                    OnPrepareResponse = file =>
                        file.Context.Response.Headers.CacheControl = file.Context.Request.Path.StartsWithSegments("/assets")
                            ? "public, max-age=31536000, immutable"
                            : "no-cache",
                }
            );

        // Before the token server, which answers by itself.
        app.UseRateLimiter();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseWebSockets(
            new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(30), KeepAliveTimeout = TimeSpan.FromSeconds(30) }
        );
        app.Map("/graphql", (HttpContext http, HttpTransport transport) => transport.HandleAsync(http));
        app.MapTokenServer();
        app.Services.GetRequiredService<WebSessions>().Map(app);
        app.MapPortal();
        app.MapLog();
        app.MapFiles();
        app.MapImports();
        app.MapHooks();
        app.MapAudit();
        app.Services.GetRequiredService<Invitations>().Map(app);
        app.MapGet("/healthz", () => Results.Text("ok"));
        app.MapGet("/readyz", ReadyAsync);
        app.MapFallbackToFile("index.html");
        return app;
    }

    /// <summary>
    /// Brings the database up to date and loads keys; then the application may serve. Nodes that start at once do so one after the other. Returns the demo's sign-ins when asked to set it up.
    /// </summary>
    public static async Task<DemoSheet?> PrepareAsync(this WebApplication app, CancellationToken ct)
    {
        var services = app.Services;
        var databases = services.GetRequiredService<Databases>();
        await using var turn = await databases.TakeTurnAsync(app.Logger, ct);
        await databases.MigrateAsync(ct);
        if (databases.Kind is DatabaseKind.Sqlite)
            await services.GetRequiredService<JobQueue>().ReleaseAllAsync(ct);
        await services.GetRequiredService<TokenKeyRing>().RotateAsync(ct);
        await services.GetRequiredService<LogSealer>().AdoptAsync(ct);

        var address = services.GetRequiredService<PublicAddress>().Value;
        await services.GetRequiredService<Installation>().EnsureWebClientAsync(address, ct);
        if (app.Configuration.GetValue("Jobs:Run", true))
        {
            // Both make the tables of Hangfire, in the schema that its role was let into just now.
            services.ScheduleMumegaJobs();
            app.UseHangfireDashboard(
                "/jobs",
                new DashboardOptions
                {
                    AsyncAuthorization = [new OperatorsOnly()],
                    IsReadOnlyFunc = _ => true,
                    DashboardTitle = "Mumega jobs",
                }
            );
        }

        // What the first request would otherwise wait for.
        services.GetRequiredService<ISchema>().Initialize();
        Infrastructure.Pages.Markdown.Render("*ready*");
        return app.Configuration.GetValue("Demo", false)
            ? await services
                .GetRequiredService<Demo>()
                .EnsureAsync(Path.Combine(app.Configuration["Data"] ?? ".mumega", "demo.json"), address, ct)
            : null;
    }

    private static Task SecureHeaders(HttpContext http, Func<Task> next)
    {
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.XFrameOptions = "DENY";
        if (!http.Request.Path.StartsWithSegments("/jobs"))
            headers.ContentSecurityPolicy =
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
        return next();
    }

    private static async Task<IResult> ReadyAsync(Databases databases, CancellationToken ct)
    {
        try
        {
            await using var db = databases.OpenPlatform();
            await db.Tenants.AnyAsync(ct);
            return Results.Text("ready");
        }
        catch (System.Data.Common.DbException)
        {
            return Results.Text("the database cannot be reached", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }

    /// <summary>The dashboard shows housekeeping, nothing of a tenant; people who run a workspace may look.</summary>
    private sealed class OperatorsOnly : IDashboardAsyncAuthorizationFilter
    {
        public async Task<bool> AuthorizeAsync(DashboardContext context)
        {
            var http = context.GetHttpContext();
            if (http.Request.Cookies[WebSessions.Cookie] is not { } cookie)
                return false;
            if (
                await http.RequestServices.GetRequiredService<WebSessions>().AuthenticateAsync(cookie, http.RequestAborted)
                is not { Actor: var actor }
            )
                return false;

            await using var db = http.RequestServices.GetRequiredService<Databases>().OpenTenant(actor.TenantId);
            return await db.RolesAt(http.RequestServices.GetRequiredService<TimeProvider>().Now())
                .AnyAsync(b => b.PrincipalId == actor.Id && (b.Role == "owner" || b.Role == "admin" || b.Role == "operator"));
        }
    }
}
