using System.Text.Json;
using Mumega.Domain.Runs;

namespace Mumega.Domain.Actions.Receipts;

/// <summary>
/// Destroys values that receipts committed to, with their salts: the log stays whole and says that there was something, and nobody can ever tell
/// what. Takes in the whole chain that the receipt belongs to, and what the run's own row repeats of it.
/// </summary>
public sealed class EraseFields : InternalAction
{
    // Without these a receipt would no longer say who did what where; none of them holds what somebody typed.
    private static readonly HashSet<string> Kept =
    [
        "tenant",
        "workspace",
        "actor",
        "on_behalf_of",
        "approver",
        "action_type",
        "reason_code",
        "run_state",
        "decision",
        "partner_seq",
    ];

    public override string Kind => "receipt.erase";

    public override string Family => "receipts";

    public override string Title => "Erase fields of receipts";

    public override string Description =>
        "Destroys chosen values of a run's receipts for good. The log stays whole; the erasure leaves a receipt of its own.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Irreversible;

    // It is a button on the receipt's page.
    public override bool Listed => false;

    public override string ReceiptKind => Domain.Receipts.ReceiptKind.Erased;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["receiptId", "fields", "basis"],
              "properties": {
                "receiptId": { "type": "string", "title": "Receipt", "description": "A receipt of the chain.", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" },
                "fields": { "type": "array", "title": "Fields", "description": "The names of the fields, for example parameters.email.", "minItems": 1, "maxItems": 50, "items": { "type": "string", "minLength": 1, "maxLength": 100 } },
                "basis": { "type": "string", "title": "Basis", "description": "Why they have to go.", "enum": ["data_subject_request", "retention", "entered_by_mistake", "other"] }
              }
            }
            """;

    public override string TargetType => "Receipt";

    public override string TargetId(JsonElement input) => input.Text("receiptId");

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        [
            .. Fields(input)
                .Select((f, i) => (f, i))
                .Where(x => Kept.Contains(x.f))
                .Select(x => new InputFault(
                    $"/fields/{x.i}",
                    $"{x.f} is kept: without it the receipt would no longer say who did what where."
                )),
        ];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (chain, fields) = (await ChainAsync(input, call, ct), Fields(input));
        var run = chain.Count == 0 ? null : await call.State.FindRunAsync(chain[0].Receipt.SubjectId, ct);
        var holding = chain.Count(l => l.Disclosure.Names.Any(fields.Contains));
        var missing = fields.Where(f => !chain.Any(l => l.Disclosure.Names.Contains(f))).ToList();
        var held = chain.Any(l => l.Disclosure.HeldBy is not null);
        var over = run is null || run.State.IsFinal();
        return new(
            [
                new(
                    "receipt",
                    chain.Count > 0,
                    chain.Count > 0 ? $"Its chain has {chain.Count} receipt(s)." : "There is no such receipt here."
                ),
                new(
                    "fields",
                    missing.Count == 0,
                    missing.Count == 0 ? $"{holding} receipt(s) hold them." : $"Nothing is there to erase of: {string.Join(", ", missing)}."
                ),
                new("finished", over, over ? "Nothing is going on any more." : $"The run is {run!.State.Name()}; wait until it is over."),
                new("legal hold", !held, held ? "A legal hold is on it. It wins until it is lifted." : "No legal hold is on it."),
            ],
            $"{string.Join(", ", fields)}: value and salt are destroyed in {holding} receipt(s){(run is null ? "" : " and in the run itself")}. Copies that partners were given, what an approver said with a decision, and backups are not reached.",
            null,
            null,
            "Irreversible: what is destroyed is gone.",
            $"{holding}/{held}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (chain, fields) = (await ChainAsync(input, call, ct), Fields(input));
        if (chain.Count == 0)
            return new NotFound("receipt", input.Text("receiptId"));

        // What stood there was repeated in checks, summaries and comparisons; it goes there too.
        var texts = chain.SelectMany(l => l.Disclosure.TextsOf(fields)).Distinct().ToList();
        foreach (var link in chain)
            link.Disclosure.Erase([.. fields, .. link.Disclosure.Repeating(texts).Where(f => !Kept.Contains(f))]);
        if (await call.State.FindRunAsync(chain[0].Receipt.SubjectId, ct) is { } run)
            run.Erase(fields, texts);
        await call.State.ForgetAsync(chain[0].Receipt.SubjectId, texts, ct);
        return new Change($"{string.Join(", ", fields)} erased from {chain.Count} receipt(s).", null, null, null);
    }

    private static List<string> Fields(JsonElement input) =>
        [.. input.GetProperty("fields").EnumerateArray().Select(f => f.GetString()!).Distinct()];

    // The words of a decision belong to the one who decided, and stand in the decision as well.
    private static readonly HashSet<string> Words =
    [
        "gate.approved",
        "gate.counted",
        "gate.rejected",
        "gate.changes_requested",
        "gate.withdrawn",
    ];

    private static async Task<IReadOnlyList<ChainLink>> ChainAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        [.. (await call.State.FindChainAsync(Guid.Parse(input.Text("receiptId")), ct)).Where(l => !Words.Contains(l.Receipt.ReasonCode))];
}
