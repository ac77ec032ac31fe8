using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mumega.App.Tests;

/// <summary>An outside receiver of webhooks on loopback that remembers every call and can misbehave on request.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication app;

    public Receiver()
    {
        var port = MumegaApp.FreePort();
        Host = $"127.0.0.1:{port}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://{Host}");
        app = builder.Build();
        app.MapPost(
            "/hooks/{mode}",
            async (string mode, HttpContext http) =>
            {
                var body = await new StreamReader(http.Request.Body).ReadToEndAsync();
                Calls.Enqueue(
                    new(
                        http.Request.Headers["webhook-id"]!,
                        http.Request.Headers["webhook-timestamp"]!,
                        http.Request.Headers["webhook-signature"]!,
                        body
                    )
                );
                Received.Release();
                switch (mode)
                {
                    case "fails-after":
                        http.Response.StatusCode = 500;
                        break;
                    case "refuses":
                        http.Response.StatusCode = 422;
                        break;
                    case "silent":
                        http.Abort();
                        break;
                    case "waits":
                        await Hold.WaitAsync(TimeSpan.FromSeconds(30), http.RequestAborted);
                        break;
                }
            }
        );
        app.MapGet("/probe/{id}", (string id) => Calls.Any(c => c.Id == id) ? Results.Ok() : Results.NotFound());
    }

    public string Host { get; }

    public ConcurrentQueue<Call> Calls { get; } = new();

    public SemaphoreSlim Received { get; } = new(0);

    /// <summary>Released when a waiting call may be answered.</summary>
    public SemaphoreSlim Hold { get; } = new(0);

    public Uri Url(string mode) => new($"http://{Host}/hooks/{mode}");

    public Uri Probe => new($"http://{Host}/probe");

    public IEnumerable<Call> Of(string id) => Calls.Where(c => c.Id == id);

    public Task StartAsync() => app.StartAsync();

    public ValueTask DisposeAsync() => app.DisposeAsync();

    internal sealed record Call(string Id, string Timestamp, string Signature, string Body);
}
