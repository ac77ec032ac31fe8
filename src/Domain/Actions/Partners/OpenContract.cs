using System.Globalization;
using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Partners;
using Mumega.TransparencyLog;

namespace Mumega.Domain.Actions.Partners;

/// <summary>
/// Lets a partner see receipts of this workspace: which kinds, which fields, until when. A partner that is new here is registered with the public
/// half of its own key, so that no secret is ever handed over. Undone by revoking the contract.
/// </summary>
public sealed class OpenContract : InternalAction
{
    public override string Kind => "partner.contract";

    public override string Family => "partners";

    public override string Title => "Share receipts with a partner";

    public override string Description =>
        "Shows receipts of chosen kinds, with chosen fields opened, to a partner until a date. Each access leaves a receipt.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // It has a page of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["partner", "kinds", "fields", "until"],
              "properties": {
                "partner": { "type": "string", "title": "Partner", "description": "The partner's name.", "minLength": 2, "maxLength": 80 },
                "publicKey": { "type": "string", "title": "Public key", "description": "A JWK (RFC 7517), for a partner that is new here. `mumega key` makes a pair.", "minLength": 20, "maxLength": 4000 },
                "kinds": { "type": "array", "title": "Kinds", "description": "The kinds of receipts.", "minItems": 1, "maxItems": 20, "items": { "type": "string", "minLength": 1, "maxLength": 40 } },
                "fields": { "type": "array", "title": "Fields", "description": "The fields that are opened; the others stay commitments. parameters.* stands for all parameters.", "maxItems": 50, "items": { "type": "string", "minLength": 1, "maxLength": 100 } },
                "since": { "type": "string", "title": "Since", "description": "Receipts from this time on; from now on without it.", "minLength": 20, "maxLength": 30 },
                "until": { "type": "string", "title": "Until", "description": "When it ends, for example 2027-06-30T00:00:00Z.", "minLength": 20, "maxLength": 30 },
                "connection": { "type": "string", "title": "Connection", "description": "The key of a connection by which new checkpoints are sent.", "minLength": 1, "maxLength": 80 }
              }
            }
            """;

    public override string TargetType => "Partner";

    public override string TargetId(JsonElement input) => input.Text("partner");

    public override IReadOnlyList<InputFault> Faults(JsonElement input)
    {
        var faults = new List<InputFault>();
        foreach (var (kind, i) in input.GetProperty("kinds").EnumerateArray().Select((k, i) => (k.GetString()!, i)))
        {
            if (!Contract.Kinds.Contains(kind))
                faults.Add(new($"/kinds/{i}", $"there is no kind \"{kind}\" to share; there are {string.Join(", ", Contract.Kinds)}."));
        }

        if (Time(input, "until") is null)
            faults.Add(new("/until", "a time as RFC 3339 has it, for example 2027-06-30T00:00:00Z."));
        if (input.TextOrNull("since") is not null && Time(input, "since") is null)
            faults.Add(new("/since", "a time as RFC 3339 has it, for example 2026-01-01T00:00:00Z."));
        if (input.TextOrNull("publicKey") is { } key && Jwk.Problem(key) is { } problem)
            faults.Add(new("/publicKey", problem));
        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var name = input.Text("partner");
        var partner = await call.State.FindPartnerAsync(name, ct);
        var (key, until) = (input.TextOrNull("publicKey"), Time(input, "until")!.Value);
        var connection = input.TextOrNull("connection");
        var open = (await call.State.FindContractsAsync(name, ct)).Count(c => c.Ended(call.Now) is null);
        var reachable = connection is null || await call.State.FindConnectionAsync(connection, ct) is not null;
        return new(
            [
                new(
                    "key",
                    partner is null == (key is not null),
                    (partner, key) switch
                    {
                        (null, null) => $"{name} is new here: give the public half of a key of theirs.",
                        (not null, not null) => $"{name} is known here and has a key; leave the public key out.",
                        (null, _) => $"{name} is new here and signs in with a key of its own.",
                        _ => $"{name} is known here.",
                    }
                ),
                new("until", until > call.Now, until > call.Now ? $"It ends at {Stamp(until)}." : "It would have ended already."),
                new(
                    "connection",
                    reachable,
                    connection is null ? "Checkpoints are not sent; the partner fetches them."
                        : reachable ? $"Checkpoints are sent by {connection}."
                        : $"There is no connection \"{connection}\" here."
                ),
            ],
            $"{name} sees receipts of {input.GetProperty("kinds").GetArrayLength()} kind(s) with {input.GetProperty("fields").GetArrayLength()} field name(s) opened until {Stamp(until)}.",
            $"{open} contract(s) in force",
            CanonicalJson.Write(input),
            "Revoke the contract: from then on nothing is shown. What was shown is not recalled.",
            $"{partner?.Id}/{open}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var name = input.Text("partner");
        if (await call.State.FindPartnerAsync(name, ct) is not { } partner)
        {
            if (input.TextOrNull("publicKey") is not { } key)
                return new NotFound("partner", name);
            partner = call.State.AddPartner(name, key, call.Now);
        }

        var contract = new Contract
        {
            TenantId = call.By.TenantId,
            WorkspaceId = call.State.WorkspaceId,
            Id = Guid.CreateVersion7(call.Now),
            PartnerId = partner.Id,
            KindsJson = JsonSerializer.Serialize(Texts(input, "kinds")),
            FieldsJson = JsonSerializer.Serialize(Texts(input, "fields")),
            Since = Time(input, "since") ?? call.Now,
            Until = Time(input, "until")!.Value,
            Connection = input.TextOrNull("connection"),
            CreatedBy = call.By.Id,
            CreatedAt = call.Now,
        };
        call.State.Add(contract);
        await call.State.SetPartnerRoleAsync(partner, true, ct);
        return new Change(
            $"{name} may see receipts until {Stamp(contract.Until)}.",
            new("partner.revoke", JsonSerializer.SerializeToElement(new { contractId = contract.Id }), $"Revoke the contract with {name}."),
            null,
            contract.Id.ToString()
        );
    }

    private static IEnumerable<string> Texts(JsonElement input, string name) =>
        input.GetProperty(name).EnumerateArray().Select(v => v.GetString()!).Distinct();

    private static DateTimeOffset? Time(JsonElement input, string name) =>
        input.TextOrNull(name) is { } text
        && DateTimeOffset.TryParseExact(
            text,
            ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"],
            CultureInfo.InvariantCulture,
            DateTimeStyles.None,
            out var time
        )
            ? time
            : null;

    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
