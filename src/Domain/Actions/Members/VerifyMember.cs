using System.Text.Json;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Members;

/// <summary>
/// A second person says that a member is who they are. Until then the member and the person who made their link count as one where approvals are
/// counted, since that person could have taken the link.
/// </summary>
public sealed class VerifyMember : InternalAction
{
    public override string Kind => "member.verify";

    public override string Family => "members";

    public override string Title => "Verify a member";

    public override string Description =>
        "Says that you know this person and that the account is theirs. Until then they and whoever made their invitation link count as one person in approvals.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Compensable;

    // The members' page has it.
    public override bool Listed => false;

    public override string InputSchema => SuspendMember.Schema;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    // It is their word, and not worth more than the time for which they may give it.
    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await GrantRole.GivingAsync(Level.Admin, null, call, ct);

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await SuspendMember.FindAsync(input, call, ct) is not { } who)
            return SuspendMember.Missing();

        var (open, another) = (who is { LetInBy: not null, VerifiedAt: null }, !call.IsOwn(who.Id));
        var inviter = who.LetInBy is { } id ? (await call.State.FindTenantPrincipalAsync(id, ct))?.Name : null;
        return new(
            [
                new(
                    "unverified",
                    open,
                    open ? $"{inviter} made their invitation link, and nobody has verified them." : "There is nothing to verify."
                ),
                new(
                    "somebody-else",
                    another,
                    another ? "You did not let them in." : "You let them in, or came in by the same person. Somebody else verifies them."
                ),
            ],
            $"{who.Name} counts as a person of their own in approvals.",
            $"counts as one with {inviter}",
            "a person of their own",
            "Suspend them if it turns out to be wrong.",
            $"{who.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await SuspendMember.FindAsync(input, call, ct) is not { } who)
            return new NotFound("person", input.Text("principal"));
        if (call.IsOwn(who.Id))
            return new NotIndependentMember();

        who.Verify(call.By.Id, call.Now);
        return new Change($"{who.Name} is verified.", null, "unverified", "verified");
    }
}

/// <summary>The person who let a member in, or came in the same way, would verify them.</summary>
public sealed record NotIndependentMember()
    : Refusal("Somebody who did not let them in, and did not come in by the same person, verifies them.");
