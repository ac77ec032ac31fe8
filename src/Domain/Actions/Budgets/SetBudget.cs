using System.Text.Json;
using Mumega.Domain.Budgets;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Budgets;

/// <summary>Sets how much may be proposed within a time. Undone by what was set before.</summary>
public sealed class SetBudget : InternalAction
{
    public override string Kind => "budget.set";

    public override string Family => "budgets";

    public override string Title => "Set a budget";

    public override string Description =>
        "Limits how many runs, or how much money, an agent, a person with all their agents, or the workspace may use within a sliding window.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The budgets' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["key", "scope", "minutes"],
              "properties": {
                "key": { "type": "string", "title": "Name", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 1, "maxLength": 60 },
                "scope": { "title": "Counted together", "enum": ["agent", "person", "workspace"] },
                "target": { "type": "string", "title": "Only", "description": "One agent or person; each by themselves when left out.", "format": "guid" },
                "family": { "type": "string", "title": "Only actions of", "description": "reads counts sensitive reads instead: receipts opened, rows of the audit log, evidence, credentials of agents.", "maxLength": 60 },
                "tier": { "title": "Only agents that work", "description": "Beside a person, in the background, or as a program; all when left out.", "enum": ["interactive", "background", "api"] },
                "minutes": { "type": "integer", "title": "Minutes", "minimum": 1, "maximum": 527040 },
                "runs": { "type": "integer", "title": "Runs at most", "minimum": 0, "maximum": 1000000 },
                "amount": { "type": "integer", "title": "Money at most, in the smallest unit", "minimum": 0, "maximum": 1000000000000 },
                "currency": { "type": "string", "title": "Currency", "pattern": "^[A-Z]{3}$" }
              }
            }
            """;

    public override string TargetType => "Budget";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override IReadOnlyList<InputFault> Faults(JsonElement input)
    {
        var faults = new List<InputFault>();
        bool Has(string name) => input.TryGetProperty(name, out _);
        if (!Has("runs") && !Has("amount"))
            faults.Add(new("/runs", "say how many runs, or how much money"));
        if (Has("amount") != Has("currency"))
            faults.Add(new("/currency", "amount and currency go together"));
        if (input.Text("scope") == "workspace" && Has("target"))
            faults.Add(new("/target", "the workspace is counted as a whole"));
        if (input.TextOrNull("family") == Budget.Reads)
        {
            if (Has("amount"))
                faults.Add(new("/amount", "reads cost no money"));
        }
        else if (input.TextOrNull("family") is { } family && new ActionCatalog().All.All(a => a.Family != family))
            faults.Add(new("/family", "there is no such family"));
        return faults;
    }

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindBudgetAsync(input.Text("key"), ct) is { } before && Read(input, call).IsLooserThan(before)
            ? await LooseningAsync(before, call, ct)
            : [];

    /// <summary>What it is to loosen a budget, or to take it away.</summary>
    internal static async Task<IReadOnlyCollection<string>> LooseningAsync(Budget budget, ActionCall call, CancellationToken ct)
    {
        var own = budget.SetBy != call.By.Id && call.Independence.IsAmong(call.By.Id, await LimitedAsync(budget, call, ct));
        return [.. AuthorityEffect.Lifting(budget.Level, own)];
    }

    // Whom it limits, and who stands behind them.
    private static async Task<IReadOnlyCollection<Guid>> LimitedAsync(Budget budget, ActionCall call, CancellationToken ct) =>
        budget.Target is { } id && await call.State.FindTenantPrincipalAsync(id, ct) is { } target ? [.. target.Concerned] : [];

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (input.TextOrNull("target") is not { } target)
            return [];
        var wanted = input.Text("scope") == "agent" ? PrincipalKind.Agent : PrincipalKind.User;
        return await call.State.FindPrincipalAsync(Guid.Parse(target), ct) is { } who && who.Kind == wanted
            ? []
            : [new("/target", $"there is no such {(wanted is PrincipalKind.Agent ? "agent" : "person")} here")];
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var before = await call.State.FindBudgetAsync(input.Text("key"), ct);
        var same =
            before is not null
            && JsonSerializer.Serialize(AsInput(before)) == JsonSerializer.Serialize(AsInput(Read(input, call)))
            && !await call.TakesOverAsync(before.Level, before.SetBy, await LimitedAsync(before, call, ct), ct);
        return new(
            [new("change", !same, same ? "It is set like this already." : "It changes what may be proposed.")],
            $"{input.Text("key")} allows {Read(input, call).Limit}.",
            before is null ? null : AsInput(before).Pretty(),
            input.Pretty(),
            before is null ? "Take it away." : "Set what was set before.",
            $"{before?.Version ?? -1}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (key, wanted) = (input.Text("key"), Read(input, call));
        var budget = await call.State.FindBudgetAsync(key, ct);
        var undo = budget is null
            ? new Undo("budget.remove", JsonSerializer.SerializeToElement(new { key }), "Take it away.")
            : new Undo(Kind, AsInput(budget), "Set what was set before.");
        var (before, theirs) = (
            budget?.Limit,
            budget is null
                || wanted.IsLooserThan(budget)
                || await call.TakesOverAsync(budget.Level, budget.SetBy, await LimitedAsync(budget, call, ct), ct)
        );
        if (budget is null)
            call.State.Add(budget = wanted);
        (budget.Scope, budget.Target, budget.Family, budget.Tier, budget.Window, budget.MaxRuns, budget.MaxAmount, budget.Currency) = (
            wanted.Scope,
            wanted.Target,
            wanted.Family,
            wanted.Tier,
            wanted.Window,
            wanted.MaxRuns,
            wanted.MaxAmount,
            wanted.Currency
        );

        // Making it stricter does not make it one's own, unless one is above those who set it: it stays at their level.
        if (theirs)
            (budget.SetBy, budget.Level) = (call.By.Id, await call.State.LevelOfAsync(call.By.Id, ct));
        return new Change($"{key} allows {budget.Limit}.", undo, before, budget.Limit);
    }

    internal static JsonElement AsInput(Budget b)
    {
        var fields = new Dictionary<string, object?>
        {
            ["key"] = b.Key,
            ["scope"] = b.Scope.ToString().ToLowerInvariant(),
            ["target"] = b.Target,
            ["family"] = b.Family,
            ["tier"] = b.Tier?.ToString().ToLowerInvariant(),
            ["minutes"] = (int)b.Window.TotalMinutes,
            ["runs"] = b.MaxRuns,
            ["amount"] = b.MaxAmount,
            ["currency"] = b.Currency,
        };
        return JsonSerializer.SerializeToElement(fields.Where(f => f.Value is not null).ToDictionary());
    }

    private static Budget Read(JsonElement input, ActionCall call) =>
        new()
        {
            TenantId = call.By.TenantId,
            WorkspaceId = call.State.WorkspaceId,
            Id = Guid.CreateVersion7(call.Now),
            Key = input.Text("key"),
            Scope = Enum.Parse<BudgetScope>(input.Text("scope"), ignoreCase: true),
            Target = input.TextOrNull("target") is { } target ? Guid.Parse(target) : null,
            Family = input.TextOrNull("family"),
            Tier = input.TextOrNull("tier") is { } tier ? Enum.Parse<AgentTier>(tier, ignoreCase: true) : null,
            Window = TimeSpan.FromMinutes(input.GetProperty("minutes").GetInt32()),
            MaxRuns = input.TryGetProperty("runs", out var runs) ? runs.GetInt32() : null,
            MaxAmount = input.TryGetProperty("amount", out var amount) ? amount.GetInt64() : null,
            Currency = input.TextOrNull("currency"),
            CreatedAt = call.Now,
        };
}

/// <summary>Takes a budget away. Undone by setting it again; what was used before counts again then.</summary>
public sealed class RemoveBudget : InternalAction
{
    public override string Kind => "budget.remove";

    public override string Family => "budgets";

    public override string Title => "Remove a budget";

    public override string Description => "Takes a limit away.";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The budgets' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            { "type": "object", "additionalProperties": false, "required": ["key"], "properties": { "key": { "type": "string", "title": "Name", "minLength": 1, "maxLength": 60 } } }
            """;

    public override string TargetType => "Budget";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindBudgetAsync(input.Text("key"), ct) is { } budget ? await SetBudget.LooseningAsync(budget, call, ct) : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var budget = await call.State.FindBudgetAsync(input.Text("key"), ct);
        return new(
            [new("budget", budget is not null, budget is null ? "There is no such budget." : "It is there.")],
            $"{input.Text("key")} limits nothing any more.",
            budget?.Limit,
            null,
            "Set it again.",
            $"{budget?.Version ?? -1}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindBudgetAsync(input.Text("key"), ct) is not { } budget)
            return new NotFound("budget", input.Text("key"));

        call.State.Remove(budget);
        return new Change(
            $"{budget.Key} limits nothing any more.",
            new("budget.set", SetBudget.AsInput(budget), "Set it again."),
            budget.Limit,
            null
        );
    }
}
