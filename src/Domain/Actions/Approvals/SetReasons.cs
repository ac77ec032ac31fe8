using System.Text.Json;
using Mumega.Domain.Approvals;

namespace Mumega.Domain.Actions.Approvals;

/// <summary>Says which reasons deciders choose from, in all workspaces. Undone by the list that was there before.</summary>
public sealed class SetReasons : InternalAction
{
    public override string Kind => "approval.reasons";

    public override string Family => "approvals";

    public override string Title => "Set the reasons to decide by";

    public override string Description =>
        "The list of reasons that people choose from when they reject or ask for changes, in all workspaces.";

    public override Blast Blast => Blast.Low;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["reasons"],
              "properties": {
                "reasons": { "type": "array", "title": "Reasons", "maxItems": 60, "items": {
                  "type": "object", "additionalProperties": false, "required": ["code", "label", "verdict"],
                  "properties": {
                    "code": { "type": "string", "title": "Code", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 40 },
                    "label": { "type": "string", "title": "Label", "minLength": 1, "maxLength": 100 },
                    "verdict": { "title": "For", "enum": ["approve", "reject", "request-changes"] }
                  } } }
              }
            }
            """;

    public override string TargetType => "ReasonList";

    public override string TargetId(JsonElement input) => "reasons";

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        [
            .. input
                .GetProperty("reasons")
                .EnumerateArray()
                .Select((r, i) => (Code: r.Text("code"), i))
                .GroupBy(r => r.Code)
                .Where(g => g.Count() > 1)
                .SelectMany(g => g.Skip(1))
                .Select(r => new InputFault($"/reasons/{r.i}/code", $"\"{r.Code}\" is in the list already")),
        ];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var now = AsInput(await call.State.FindReasonsAsync(ct));
        return new(
            [new("count", true, $"{input.GetProperty("reasons").GetArrayLength()} reason(s).")],
            "Deciders choose from another list.",
            now.Pretty(),
            input.Pretty(),
            "Put back the list that was there.",
            now.GetRawText()
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var now = await call.State.FindReasonsAsync(ct);
        var undo = new Undo(Kind, AsInput(now), "Put back the list that was there.");
        var wanted = input
            .GetProperty("reasons")
            .EnumerateArray()
            .Select(r => new DecisionReason
            {
                TenantId = call.By.TenantId,
                Code = r.Text("code"),
                Label = r.Text("label"),
                Verdict = r.Text("verdict") switch
                {
                    "approve" => ApprovalVerdict.Approve,
                    "reject" => ApprovalVerdict.Reject,
                    _ => ApprovalVerdict.RequestChanges,
                },
            })
            .ToList();
        foreach (var old in now.Where(o => wanted.All(w => w.Code != o.Code)))
            call.State.Remove(old);
        foreach (var next in wanted)
        {
            if (now.FirstOrDefault(o => o.Code == next.Code) is { } old)
                (old.Label, old.Verdict) = (next.Label, next.Verdict);
            else
                call.State.Add(next);
        }

        return new Change($"{wanted.Count} reason(s) to decide by.", undo, null, null);
    }

    private static JsonElement AsInput(IReadOnlyList<DecisionReason> reasons) =>
        JsonSerializer.SerializeToElement(
            new
            {
                reasons = reasons.Select(r => new
                {
                    code = r.Code,
                    label = r.Label,
                    verdict = r.Verdict switch
                    {
                        ApprovalVerdict.Approve => "approve",
                        ApprovalVerdict.Reject => "reject",
                        _ => "request-changes",
                    },
                }),
            }
        );
}
