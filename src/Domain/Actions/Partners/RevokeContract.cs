using System.Globalization;
using System.Text.Json;

namespace Mumega.Domain.Actions.Partners;

/// <summary>Ends a contract at once: nothing more is shown under it, not even to a connection that is open. Undone by a new contract of the same terms.</summary>
public sealed class RevokeContract : InternalAction
{
    public override string Kind => "partner.revoke";

    public override string Family => "partners";

    public override string Title => "Revoke a partner's contract";

    public override string Description => "Ends a contract at once. What was shown under it is not recalled.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // It is a button beside the contract.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["contractId"],
              "properties": {
                "contractId": { "type": "string", "title": "Contract", "description": "The contract's id.", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }
              }
            }
            """;

    public override string TargetType => "Contract";

    public override string TargetId(JsonElement input) => input.Text("contractId");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var contract = await call.State.FindContractAsync(Guid.Parse(input.Text("contractId")), ct);
        var ended = contract?.Ended(call.Now);
        return new(
            [
                new(
                    "contract",
                    contract is not null,
                    contract is null ? "There is no such contract here." : $"It was used {contract.Receipts} time(s)."
                ),
                new("in force", contract is not null && ended is null, ended?.Message ?? "It is in force."),
            ],
            "Nothing more is shown under the contract.",
            "in force",
            "revoked",
            "Make a new contract of the same terms.",
            $"{ended is null}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindContractAsync(Guid.Parse(input.Text("contractId")), ct) is not { } contract)
            return new NotFound("contract", input.Text("contractId"));
        if (await call.State.FindPrincipalAsync(contract.PartnerId, ct) is not { } partner)
            return new NotFound("partner", contract.PartnerId.ToString());

        contract.Revoke(call.Now);
        if ((await call.State.FindContractsAsync(partner.Name, ct)).All(c => c.Id == contract.Id || c.Ended(call.Now) is not null))
        {
            await call.State.SetPartnerRoleAsync(partner, false, ct);
            await call.State.EndTokensAsync(partner, ct);
        }

        var again = JsonSerializer.SerializeToElement(
            new Dictionary<string, object>
            {
                ["partner"] = partner.Name,
                ["kinds"] = contract.SharedKinds,
                ["fields"] = contract.SharedFields,
                ["since"] = Stamp(contract.Since),
                ["until"] = Stamp(contract.Until),
            }
                .Concat(contract.Connection is { } connection ? [new("connection", connection)] : [])
                .ToDictionary(p => p.Key, p => p.Value)
        );
        return new Change(
            $"The contract with {partner.Name} is revoked.",
            new("partner.contract", again, $"Make the same contract with {partner.Name} again."),
            "in force",
            "revoked"
        );
    }

    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
