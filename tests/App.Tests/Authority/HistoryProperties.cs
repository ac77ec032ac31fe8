using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Mumega.App.Tests.Authority;

/// <summary>
/// Random histories of a tenant in which one person plays false, with every account that they can come to act as, against the kernel on a real database.
/// They grow as trees: histories that begin alike share their beginning, so that each of them costs little more than its last step.
/// </summary>
public sealed class HistoryProperties
{
    private const int InTheSuite = 20_000;
    private const int Depth = 4;
    private const int Branches = 4;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_history_lets_one_person_pass_a_gate_alone_keep_what_nobody_entitled_gave_or_lift_what_limits_them()
    {
        var all = Environment.GetEnvironmentVariable("MUMEGA_TEST_HISTORIES") is { Length: > 0 } n
            ? int.Parse(n, CultureInfo.InvariantCulture)
            : InTheSuite;
        var first = Environment.GetEnvironmentVariable("MUMEGA_TEST_HISTORIES_FROM") is { Length: > 0 } from
            ? int.Parse(from, CultureInfo.InvariantCulture)
            : 0;
        var tallies = new[] { new Tally(), new Tally() };
        await Parallel.ForEachAsync(
            tallies,
            Ct,
            async (tally, ct) =>
            {
                await using var house = await House.OpenAsync(ct);
                using var empty = house.Save();
                for (var root = first + Array.IndexOf(tallies, tally); tally.Histories < all / tallies.Length; root += tallies.Length)
                {
                    house.Load(empty);
                    var history = new History(house, root, tally);
                    try
                    {
                        await GrowAsync(house, await BeginAsync(history, ct), Depth, all / tallies.Length, ct);
                    }
                    catch (HistoryBrokenException broken)
                    {
                        Assert.Fail(await ShortestAsync(house, empty, broken, ct));
                    }
                }
            }
        );

        var sum = new Tally(tallies);
        TestContext.Current.TestOutputHelper!.WriteLine($"{sum}");

        // Histories in which nothing happens would show nothing.
        Assert.True(sum.Histories >= all && sum.IsBusy, $"too little happened: {sum}");
    }

    /// <summary>What the product would have to do wrong is done to its database; an oracle that overlooks it would pass anything.</summary>
    [Theory]
    [InlineData("a gate was passed by nobody")]
    [InlineData("an owner for ever")]
    [InlineData("a role for ever from one for a time")]
    [InlineData("the budget was loosened")]
    [InlineData("the budget was spent twice")]
    [InlineData("the suspension ended")]
    [InlineData("the hold was lifted")]
    [InlineData("the exception was taken away")]
    public async Task What_must_not_be_is_noticed(string what)
    {
        await using var house = await House.OpenAsync(Ct);
        var history = new History(house, 0, new());
        await history.BeginAsync(Ct);
        await history.LimitAsync(Ct);
        await history.LookAsync(Ct);

        await history.ForgeAsync(what, Ct);

        await Assert.ThrowsAsync<HistoryBrokenException>(() => history.LookAsync(Ct));
    }

    private static async Task<History> BeginAsync(History history, CancellationToken ct)
    {
        await history.BeginAsync(ct);
        var seeds = new Random(history.Root);
        for (var step = seeds.Next(4, 12); step > 0; step--)
            await history.PlayAsync(seeds.Next(), ct);
        return history;
    }

    private static async Task GrowAsync(House house, History history, int depth, int until, CancellationToken ct)
    {
        if (depth == 0)
        {
            history.End();
            return;
        }

        using var here = house.Save();
        var seeds = new Random(unchecked((history.Steps[^1] * 31) + depth));
        var moved = false;
        for (var branch = 0; branch < Branches && !history.IsEnough(until); branch++)
        {
            var next = history.Fork();
            if (moved)
                house.Load(here);
            moved = await next.PlayAsync(seeds.Next(), ct) || depth > 1;
            await GrowAsync(house, next, depth - 1, until, ct);
        }
    }

    // Leaves out what is not needed for it to break, until every step is.
    private static async Task<string> ShortestAsync(
        House house,
        SqliteConnection empty,
        HistoryBrokenException broken,
        CancellationToken ct
    )
    {
        for (var at = 0; at < broken.History.Steps.Count; )
        {
            if (await ReplayAsync(house, empty, broken.History.Root, [.. broken.History.Steps.Where((_, i) => i != at)], ct) is { } shorter)
                broken = shorter;
            else
                at++;
        }

        var history = broken.History;
        return $"""
            {broken.Message}

            {string.Join('\n', history.Told)}

            root {history.Root}, steps {string.Join(", ", history.Steps)}
            """;
    }

    private static async Task<HistoryBrokenException?> ReplayAsync(
        House house,
        SqliteConnection empty,
        int root,
        IReadOnlyList<int> steps,
        CancellationToken ct
    )
    {
        house.Load(empty);
        var history = new History(house, root, new());
        try
        {
            await history.BeginAsync(ct);
            foreach (var step in steps)
                await history.PlayAsync(step, ct);
            return null;
        }
        catch (HistoryBrokenException broken)
        {
            return broken;
        }
    }
}

/// <summary>How much happened.</summary>
internal sealed class Tally(params IReadOnlyCollection<Tally> of)
{
    public int Histories = of.Sum(t => t.Histories);
    public int Steps = of.Sum(t => t.Steps);
    public int GatesPassed = of.Sum(t => t.GatesPassed);
    public int Joined = of.Sum(t => t.Joined);
    public int Refused = of.Sum(t => t.Refused);
    public int Ran = of.Sum(t => t.Ran);
    public int Limits = of.Sum(t => t.Limits);
    public int Tries = of.Sum(t => t.Tries);

    public bool IsBusy =>
        Steps > Histories
        && Ran > Steps / 5
        && Refused > Steps / 5
        && GatesPassed > Steps / 100
        && Joined > Steps / 100
        && Limits > Steps / 50
        && Tries > Steps / 50;

    public override string ToString() =>
        $"{Histories} histories of {Steps} steps: {Ran} runs succeeded, {GatesPassed} of them behind a gate, {Refused} acts were refused or denied, {Joined} accounts made, {Limits} limits set, {Tries} tries at lifting one";
}

/// <summary>Something happened that must not.</summary>
internal sealed class HistoryBrokenException(string what, History history) : Exception(what)
{
    public History History => history;
}
