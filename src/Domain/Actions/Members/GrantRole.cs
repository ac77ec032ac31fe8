using System.Globalization;
using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Members;

/// <summary>Gives somebody a role in this workspace, for good or until a time. Undone by taking it back, or by the end that it had.</summary>
public sealed class GrantRole : InternalAction
{
    /// <summary>The longest that a role with an end is given for.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(5 * 365);

    public override string Kind => "member.grant";

    public override string Family => "members";

    public override string Title => "Grant a role";

    public override string Description => "Gives a person or an agent of the tenant a role in this workspace, for good or until a time.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["principal", "role"],
              "properties": {
                "principal": { "type": "string", "title": "Who", "format": "guid" },
                "role": { "type": "string", "title": "Role", "pattern": "^[a-z][a-z0-9-]{1,39}$" },
                "until": { "type": "string", "title": "Until", "description": "When it ends by itself; for good when left out.", "format": "date-time" }
              }
            }
            """;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    public override Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        GivingAsync(input.Text("role"), Until(input), call, ct);

    /// <summary>What giving a role is, by whatever act it comes about.</summary>
    public static async Task<IReadOnlyCollection<string>> GivingAsync(
        string role,
        DateTimeOffset? until,
        ActionCall call,
        CancellationToken ct
    )
    {
        var effects = new List<string>();
        if (role == Level.Owner)
            effects.Add(AuthorityEffect.MakesOwner);

        // The right to give it is held by one of these roles, and ends with it.
        IReadOnlyList<string> by = role == Level.Owner ? [Level.Owner] : [Level.Owner, Level.Admin];
        if (await call.State.HeldUntilAsync(call.By.Id, by, ct) is { } end && (until is null || until > end))
            effects.Add(AuthorityEffect.OutlivesOwnRight);
        return effects;
    }

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindTenantPrincipalAsync(Guid.Parse(input.Text("principal")), ct) is not { } principal)
            return [new("/principal", "there is nobody with that id in this tenant")];

        var (role, faults) = (input.Text("role"), new List<InputFault>());
        if (principal.Kind is not (PrincipalKind.User or PrincipalKind.Agent))
            faults.Add(new("/principal", "roles are given to people and agents"));
        else if (role == "partner" || (!CustomRole.BuiltIn.Contains(role) && await call.State.FindCustomRoleAsync(role, ct) is null))
            faults.Add(new("/role", "there is no such role of people or agents"));
        else if (CustomRole.BuiltIn.Contains(role) && principal.Kind is PrincipalKind.User == (role == "agent"))
            faults.Add(
                new(
                    "/role",
                    principal.Kind is PrincipalKind.User
                        ? "is a role of agents"
                        : "agents have the role agent, and roles of the tenant's own"
                )
            );
        if (Until(input) is { } until && until <= call.Now)
            faults.Add(new("/until", "is over already"));
        else if (Until(input) > call.Now + Longest)
            faults.Add(new("/until", $"at most {Longest.TotalDays:0} days from now"));
        return faults;
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, role, until) = (Guid.Parse(input.Text("principal")), input.Text("role"), Until(input));
        if (await call.State.FindTenantPrincipalAsync(id, ct) is not { } principal)
            return new([new("principal", false, "They are gone.")], "Nothing can be granted.", null, null, "Nothing to undo.", "-");

        var held = await call.State.FindRoleAsync(id, role, ct);
        var same = held is not null && held.Until == until;
        var own = call.IsOwn(id);
        var loses = role == "owner" && held is { Until: null } && until is not null && await call.State.FindOtherOwnerAsync(id, ct) is null;
        return new(
            [
                new("change", !same, same ? "They hold it like this already." : "It changes what they may do."),
                new("somebody-else", !own, own ? "Nobody gives a role to themselves." : "Somebody else gives it."),
                new("active", principal.IsActive(call.Now), principal.IsActive(call.Now) ? "They are active." : "They are suspended."),
                new("last-owner", !loses, loses ? "The last owner stays one for good." : "An owner for good remains."),
            ],
            $"{principal.Name} holds the role {role} {(until is { } end ? $"until {end:u}" : "for good")}.",
            held is null ? "Not held" : Shown(held.Until),
            Shown(until),
            held is null ? "Take it back." : "Give it the end that it had.",
            $"{id}/{role}/{held?.Until?.UtcTicks}/{held is not null}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, role, until) = (Guid.Parse(input.Text("principal")), input.Text("role"), Until(input));
        if (await call.State.FindTenantPrincipalAsync(id, ct) is not { } principal)
            return new NotFound("principal", id.ToString());

        var held = await call.State.FindRoleAsync(id, role, ct);
        if (role == "owner" && held is { Until: null } && until is not null)
        {
            if (await call.State.FindOtherOwnerAsync(id, ct) is not { } stays)
                return new LastOwner();
            call.State.Vouch(stays);
        }

        var undo = held is null
            ? new Undo("member.revoke", JsonSerializer.SerializeToElement(new { principal = id, role }), "Take it back.")
            : new Undo(
                Kind,
                JsonSerializer.SerializeToElement(
                    held.Until is { } was
                        ? (object)
                            new
                            {
                                principal = id,
                                role,
                                until = was,
                            }
                        : new { principal = id, role }
                ),
                "Give it the end that it had."
            );
        call.State.SetRole(id, role, held, until, call.By.Id);
        return new Change(
            $"{principal.Name} holds the role {role} {(until is { } end ? $"until {end:u}" : "for good")}.",
            undo,
            held is null ? null : Shown(held.Until),
            Shown(until)
        );
    }

    internal static DateTimeOffset? Until(JsonElement input) =>
        input.TextOrNull("until") is { } until
            ? DateTimeOffset.Parse(until, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUniversalTime()
            : null;

    private static string Shown(DateTimeOffset? until) => until is { } end ? $"Held until {end:u}" : "Held for good";
}

/// <summary>Takes a role away. Undone by granting it again, to the end that it had.</summary>
public sealed class RevokeRole : InternalAction
{
    public override string Kind => "member.revoke";

    public override string Family => "members";

    public override string Title => "Take a role away";

    public override string Description => "Takes a role in this workspace away from somebody, at once, open connections included.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["principal", "role"],
              "properties": {
                "principal": { "type": "string", "title": "Who", "format": "guid" },
                "role": { "type": "string", "title": "Role", "pattern": "^[a-z][a-z0-9-]{1,39}$" }
              }
            }
            """;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    public override Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<IReadOnlyCollection<string>>(input.Text("role") == Level.Owner ? [AuthorityEffect.BindsOwner] : []);

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindRoleAsync(Guid.Parse(input.Text("principal")), input.Text("role"), ct) is null
            ? [new("/role", "they do not hold it here")]
            : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, role) = (Guid.Parse(input.Text("principal")), input.Text("role"));
        var (principal, held) = (await call.State.FindTenantPrincipalAsync(id, ct), await call.State.FindRoleAsync(id, role, ct));
        if (principal is null || held is null)
            return new(
                [new("held", false, "They do not hold it any more.")],
                "Nothing can be taken away.",
                null,
                null,
                "Nothing to undo.",
                "-"
            );

        var last = role == "owner" && held.Until is null && await call.State.FindOtherOwnerAsync(id, ct) is null;
        return new(
            [
                new(
                    "last-owner",
                    !last,
                    last ? "The last owner can't be removed. Make somebody else an owner first." : "An owner for good remains."
                ),
            ],
            $"{principal.Name} loses the role {role}.",
            $"{principal.Name}: {role}",
            null,
            "Grant it again.",
            $"{id}/{role}/{held.Until?.UtcTicks}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, role) = (Guid.Parse(input.Text("principal")), input.Text("role"));
        if (await call.State.FindRoleAsync(id, role, ct) is not { } held)
            return new NotFound("role", role);
        if (role == "owner" && held.Until is null)
        {
            if (await call.State.FindOtherOwnerAsync(id, ct) is not { } stays)
                return new LastOwner();
            call.State.Vouch(stays);
        }

        call.State.Remove(held);
        await call.State.LeftAsync(id, call.By, ct);
        return new Change(
            $"The role {role} was taken away.",
            new(
                "member.grant",
                JsonSerializer.SerializeToElement(
                    held.Until is { } until && until > call.Now
                        ? (object)
                            new
                            {
                                principal = id,
                                role,
                                until,
                            }
                        : new { principal = id, role }
                ),
                "Grant it again."
            ),
            role,
            null
        );
    }
}

/// <summary>A workspace has an owner for good, always.</summary>
public sealed record LastOwner() : Refusal("The last owner can't be removed. Make somebody else an owner first.");
