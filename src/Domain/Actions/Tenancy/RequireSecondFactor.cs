using System.Text.Json;

namespace Mumega.Domain.Actions.Tenancy;

/// <summary>Says for the whole tenant whether a password alone may confirm what weighs. Undone by the opposite.</summary>
public sealed class RequireSecondFactor : InternalAction
{
    public override string Kind => "tenant.second-factor";

    public override string Family => "workspaces";

    public override string Title => "Require second factors";

    public override string Description =>
        "From then on nobody of the tenant confirms with a password alone: who has no authenticator and no passkey sets one up first.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override string InputSchema =>
        """{ "type": "object", "additionalProperties": false, "required": ["required"], "properties": { "required": { "type": "boolean", "title": "Required" } } }""";

    public override string TargetType => "Workspace";

    public override string TargetId(JsonElement input) => "tenant";

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (tenant, required) = (await call.State.FindTenantAsync(ct), input.GetProperty("required").GetBoolean());
        return new(
            [
                new(
                    "change",
                    tenant.RequiresSecondFactor != required,
                    tenant.RequiresSecondFactor != required ? "It changes what confirms." : "It is like this already."
                ),
            ],
            required ? "Nobody confirms with a password alone any more." : "Who has no second factor confirms with the password again.",
            Shown(tenant.RequiresSecondFactor),
            Shown(required),
            "Put it back.",
            $"{tenant.RequiresSecondFactor}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (tenant, required) = (await call.State.FindTenantAsync(ct), input.GetProperty("required").GetBoolean());
        tenant.RequiresSecondFactor = required;
        return new Change(
            required ? "Second factors are required." : "Second factors are optional.",
            new(Kind, JsonSerializer.SerializeToElement(new { required = !required }), "Put it back."),
            Shown(!required),
            Shown(required)
        );
    }

    private static string Shown(bool required) => required ? "Required" : "Optional";
}
