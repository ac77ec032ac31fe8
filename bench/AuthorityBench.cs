using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Api.Identity;
using Mumega.Infrastructure.Runs;

internal sealed partial class Bench
{
    /// <summary>What the full decision costs a request: token, scopes, policies, stops, budgets; by itself, and as a share of a request that does nothing else but a small read.</summary>
    public async Task AuthorityAsync()
    {
        const int Rounds = 4_000;
        var (authenticator, desk, kernel) = (
            app.Services.GetRequiredService<Authenticator>(),
            app.Services.GetRequiredService<Desk>(),
            app.Services.GetRequiredService<Kernel>()
        );
        var shown = new Credential(token, "graphql", $"{address}/graphql", null);
        var caller = (await authenticator.AuthenticateAsync(shown, CancellationToken.None))!;
        var input = JsonSerializer.SerializeToElement(
            new
            {
                slug = "bench-page",
                title = "A page",
                markdown = "Text.",
            }
        );

        // A budget to look at, as a workspace that cares has one.
        using (
            var set = await person.PostAsJsonAsync(
                "/graphql",
                new
                {
                    query = Propose,
                    variables = new
                    {
                        input = new
                        {
                            workspaceId = WorkspaceId,
                            action = "budget.set",
                            input = new
                            {
                                key = "bench",
                                per = "agent",
                                runs = 1_000_000,
                                window = 3600,
                            },
                            reason = "To be looked at.",
                            idempotencyKey = "bench-budget",
                        },
                    },
                }
            )
        )
            set.EnsureSuccessStatusCode();

        var tokens = await TimesAsync(
            Rounds,
            async () =>
            {
                await authenticator.AuthenticateAsync(shown, CancellationToken.None);
            }
        );
        var decisions = await TimesAsync(
            Rounds,
            async () =>
            {
                await using var sitting = await desk.SitAsync(caller.Actor, room.Workspace, caller.Authority, CancellationToken.None);
                var action = desk.Catalog.Find("page.publish")!;
                _ = (sitting.Decide(action.Kind, action, input), sitting.StopFor(action, input));
            }
        );
        var eligibility = await TimesAsync(
            Rounds,
            async () =>
            {
                await kernel.EligibilityAsync(caller.Actor, room.Workspace, "page.publish", input, CancellationToken.None);
            }
        );
        var requests = await TimesAsync(
            Rounds,
            async () =>
            {
                using var answer = await agent.PostAsJsonAsync("/graphql", new { query = "{ viewer { me { name } } }" });
                await answer.Content.ReadAsByteArrayAsync();
            }
        );

        Print(
            new
            {
                figure = "authority",
                database = kind,
                token_us = new { p50 = Micro(tokens, 0.5), p99 = Micro(tokens, 0.99) },
                policies_and_stops_us = new { p50 = Micro(decisions, 0.5), p99 = Micro(decisions, 0.99) },
                with_preflight_and_budget_us = new { p50 = Micro(eligibility, 0.5), p99 = Micro(eligibility, 0.99) },
                request_us = new { p50 = Micro(requests, 0.5), p99 = Micro(requests, 0.99) },
                share_of_request = Math.Round((Micro(tokens, 0.5) + Micro(decisions, 0.5)) / (double)Micro(requests, 0.5), 3),
            }
        );
    }

    private static async Task<List<double>> TimesAsync(int rounds, Func<Task> once)
    {
        for (var i = 0; i < rounds / 4; i++)
            await once();
        var times = new List<double>(rounds);
        for (var i = 0; i < rounds; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            await once();
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
        }

        times.Sort();
        return times;
    }

    private static long Micro(List<double> sorted, double share) => (long)Math.Round(At(sorted, share));
}
