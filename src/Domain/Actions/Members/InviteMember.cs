using System.Net.Mail;
using System.Text.Json;
using Mumega.Domain.Members;

namespace Mumega.Domain.Actions.Members;

/// <summary>Asks somebody to work here. They come by a link, which whoever looks after the workspace makes once this ran. Undone by taking it back, as long as nobody came.</summary>
public sealed class InviteMember : InternalAction
{
    public override string Kind => "member.invite";

    public override string Family => "members";

    public override string Title => "Invite somebody";

    public override string Description =>
        "Asks somebody by their address to take a role here. Make a link for them when this ran; it holds for seven days and for one account.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["email", "role"],
              "properties": {
                "email": { "type": "string", "title": "Address", "minLength": 3, "maxLength": 254 },
                "role": { "type": "string", "title": "Role", "pattern": "^[a-z][a-z0-9-]{1,39}$" },
                "until": { "type": "string", "title": "Until", "description": "When the role ends by itself; for good when left out.", "format": "date-time" }
              }
            }
            """;

    public override string TargetType => "Invitation";

    public override string TargetId(JsonElement input) => input.Text("email");

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        MailAddress.TryCreate(input.Text("email"), out var address)
        && address.Address == input.Text("email")
        && address.Host.Contains('.', StringComparison.Ordinal)
            ? []
            : [new("/email", "is no e-mail address")];

    public override Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        GrantRole.GivingAsync(input.Text("role"), GrantRole.Until(input), call, ct);

    /// <summary>The input that an invitation came about by: those who make its link, or let somebody in by it, are asked about it again.</summary>
    public static JsonElement InputOf(Invitation invitation) =>
        JsonSerializer.SerializeToElement(
            invitation.Until is { } until
                ? (object)
                    new
                    {
                        email = invitation.Email,
                        role = invitation.Role,
                        until,
                    }
                : new { email = invitation.Email, role = invitation.Role }
        );

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var role = input.Text("role");
        if (role is "agent" or "partner")
            return [new("/role", "is no role of people")];
        if (!CustomRole.BuiltIn.Contains(role) && await call.State.FindCustomRoleAsync(role, ct) is null)
            return [new("/role", "there is no such role")];
        return GrantRole.Until(input) is { } until && (until <= call.Now || until > call.Now + GrantRole.Longest)
            ? [new("/until", "between now and five years from now")]
            : [];
    }

    public override Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult(
            new Preflight(
                [],
                $"{input.Text("email")} is asked to take the role {input.Text("role")}{(GrantRole.Until(input) is { } until ? $" until {until:u}" : "")}.",
                null,
                $"{input.Text("email")}: {input.Text("role")}",
                "Take the invitation back, as long as nobody came.",
                "-"
            )
        );

    public override Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var invitation = new Invitation
        {
            TenantId = call.By.TenantId,
            WorkspaceId = call.State.WorkspaceId,
            Id = Guid.CreateVersion7(call.Now),
            Email = input.Text("email"),
            Role = input.Text("role"),
            Until = GrantRole.Until(input),
            InvitedBy = call.By.Id,
            CreatedAt = call.Now,
        };
        call.State.Invite(invitation, call.By);
        return Task.FromResult<Outcome<Change>>(
            new Change(
                $"{invitation.Email} is invited.",
                new("member.uninvite", JsonSerializer.SerializeToElement(new { invitation = invitation.Id }), "Take the invitation back."),
                null,
                $"{invitation.Email}: {invitation.Role}"
            )
        );
    }
}

/// <summary>Takes an invitation back that nobody came by yet.</summary>
public sealed class TakeBackInvitation : InternalAction
{
    public override string Kind => "member.uninvite";

    public override string Family => "members";

    public override string Title => "Take an invitation back";

    public override string Description => "Its link holds no longer.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.Low;

    public override Reversibility Reversibility => Reversibility.Compensable;

    public override bool Listed => false;

    public override string InputSchema =>
        """{ "type": "object", "additionalProperties": false, "required": ["invitation"], "properties": { "invitation": { "type": "string", "format": "guid" } } }""";

    public override string TargetType => "Invitation";

    public override string TargetId(JsonElement input) => input.Text("invitation");

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var invitation = await call.State.FindInvitationAsync(Guid.Parse(input.Text("invitation")), ct);
        var open = invitation?.State(call.Now) is InvitationState.Open or InvitationState.Expired;
        return new(
            [new("open", open, open ? "Nobody came by it yet." : "It is over already.")],
            $"{invitation?.Email} is invited no longer.",
            invitation?.Email,
            null,
            "Invite them again.",
            $"{invitation?.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindInvitationAsync(Guid.Parse(input.Text("invitation")), ct) is not { } invitation)
            return new NotFound("invitation", input.Text("invitation"));
        if (call.State.Revoke(invitation, call.By) is { } why)
            return why;
        return new Change("The invitation is taken back.", null, "OPEN", "REVOKED");
    }
}
