using System.Text.Json;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Receipts;

/// <summary>Puts a legal hold on a chain of receipts: nothing of it is erased while the hold lasts. Undone by lifting it.</summary>
public sealed class HoldReceipts : HoldAction
{
    public override string Kind => "receipt.hold";

    public override string Title => "Put receipts on legal hold";

    public override string Description => "Keeps the fields of a run's receipts from being erased until the hold is lifted.";

    protected override bool Holds => true;

    protected override string Opposite => "receipt.unhold";
}

/// <summary>Lifts a legal hold.</summary>
public sealed class LiftHold : HoldAction
{
    public override string Kind => "receipt.unhold";

    public override string Title => "Lift a legal hold";

    public override string Description => "Lets fields of a run's receipts be erased again.";

    protected override bool Holds => false;

    protected override string Opposite => "receipt.hold";
}

/// <summary>What holding and lifting have in common.</summary>
public abstract class HoldAction : InternalAction
{
    public override string Family => "receipts";

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It is a button on the receipt's page.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["receiptId"],
              "properties": {
                "receiptId": { "type": "string", "title": "Receipt", "description": "A receipt of the chain.", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }
              }
            }
            """;

    public override string TargetType => "Receipt";

    protected abstract bool Holds { get; }

    protected abstract string Opposite { get; }

    public override string TargetId(JsonElement input) => input.Text("receiptId");

    // A hold is lifted at its level, and never by those whose deeds it keeps.
    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (Holds)
            return [];

        var chain = await call.State.FindChainAsync(Guid.Parse(input.Text("receiptId")), ct);
        if (chain.FirstOrDefault(l => l.Disclosure.HeldBy is not null) is not { } held)
            return [];

        var concerned = await ConcernedAsync(chain, call, ct);
        return
        [
            .. AuthorityEffect.Lifting(
                held.Disclosure.HeldLevel ?? Level.Admin,
                held.Disclosure.HeldBy != call.By.Id && call.Independence.IsAmong(call.By.Id, concerned)
            ),
        ];
    }

    // Whose deeds the chain keeps.
    private static async Task<IReadOnlyCollection<Guid>> ConcernedAsync(
        IReadOnlyList<ChainLink> chain,
        ActionCall call,
        CancellationToken ct
    ) => [.. chain.Select(l => l.Receipt.ActorId), .. (await call.State.FindRunAsync(chain[0].Receipt.SubjectId, ct))?.Chain ?? []];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var chain = await call.State.FindChainAsync(Guid.Parse(input.Text("receiptId")), ct);
        var first = chain.FirstOrDefault(l => l.Disclosure.HeldBy is not null)?.Disclosure;
        var held = first is not null;
        var over =
            Holds
            && first is not null
            && await call.TakesOverAsync(first.HeldLevel ?? Level.Admin, first.HeldBy, await ConcernedAsync(chain, call, ct), ct);
        return new(
            [
                new(
                    "receipt",
                    chain.Count > 0,
                    chain.Count > 0 ? $"Its chain has {chain.Count} receipt(s)." : "There is no such receipt here."
                ),
                new(
                    "hold",
                    held != Holds || over,
                    over ? "A legal hold is on it; from now on it is yours."
                        : held ? "A legal hold is on it."
                        : "No legal hold is on it."
                ),
            ],
            Holds ? "Nothing of the chain is erased until the hold is lifted." : "Fields of the chain may be erased again.",
            held ? "held" : "not held",
            Holds ? "held" : "not held",
            Holds ? "Lift the hold." : "Put the hold on again.",
            $"{held}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var chain = await call.State.FindChainAsync(Guid.Parse(input.Text("receiptId")), ct);
        if (chain.Count == 0)
            return new NotFound("receipt", input.Text("receiptId"));

        var level = Holds ? await call.State.LevelOfAsync(call.By.Id, ct) : null;
        foreach (var link in chain)
            (link.Disclosure.HeldBy, link.Disclosure.HeldLevel) = (Holds ? call.By.Id : null, level);
        return new Change(
            Holds ? $"{chain.Count} receipt(s) are on legal hold." : $"The legal hold on {chain.Count} receipt(s) is lifted.",
            new(Opposite, input, Holds ? "Lift the hold." : "Put the hold on again."),
            Holds ? "not held" : "held",
            Holds ? "held" : "not held"
        );
    }
}
