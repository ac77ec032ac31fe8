using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Members;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Members;

/// <summary>
/// Makes or changes a role of the tenant's own. Like policies it holds in every workspace, so owners and admins propose it and another admin decides. Undone by the acts that it had, or by dropping it.
/// </summary>
public sealed class DefineRole : InternalAction
{
    public override string Kind => "role.define";

    public override string Family => "roles";

    public override string Title => "Define a role";

    public override string Description =>
        "Makes or changes a role of the tenant's own: what who holds it may do. It is given per workspace, like the built-in ones.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // The roles' page has it.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["key", "title", "acts"],
              "properties": {
                "key": { "type": "string", "title": "Name", "description": "Small letters, digits and hyphens; as policies name it.", "pattern": "^[a-z][a-z0-9-]{1,39}$" },
                "title": { "type": "string", "title": "Title", "minLength": 1, "maxLength": 80 },
                "description": { "type": "string", "title": "What it is for", "maxLength": 2000 },
                "acts": { "type": "array", "title": "May do", "description": "Actions of the catalogue, and acts such as workspace.read and approval.decide.", "minItems": 1, "maxItems": 200, "uniqueItems": true, "items": { "type": "string", "maxLength": 80 } }
              }
            }
            """;

    public override string TargetType => "CustomRole";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override Task<Refusal?> RefusalAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        Task.FromResult<Refusal?>(CustomRole.IsReserved(input.Text("key")) ? new ReservedRole(input.Text("key")) : null);

    public override IReadOnlyList<InputFault> Faults(JsonElement input)
    {
        var known = new ActionCatalog().All.Select(a => a.Kind).Concat(ControlAct.All).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. Acts(input)
                .Select((act, i) => (act, i))
                .Where(a => !known.Contains(a.act))
                .Select(a => new InputFault($"/acts/{a.i}", $"there is no act called {a.act}")),
        ];
    }

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var was = await call.State.FindCustomRoleAsync(input.Text("key"), ct);
        var same =
            was is not null
            && was.Title == input.Text("title")
            && was.Description == input.TextOrNull("description")
            && was.Acts.SequenceEqual(Acts(input));
        return new(
            [new("change", !same, same ? "It is like this already." : "It changes what its holders may do.")],
            was is null
                ? $"There is a role {input.Text("title")}."
                : $"The role {was.Title} changes, for everybody who holds it, in every workspace.",
            was?.Policy(),
            Of(call, input).Policy(),
            was is null ? "Drop it." : "Give it the acts that it had.",
            $"{was?.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (made, was) = (Of(call, input), await call.State.FindCustomRoleAsync(input.Text("key"), ct));
        var undo = was is null
            ? new Undo("role.drop", JsonSerializer.SerializeToElement(new { key = made.Key }), "Drop it.")
            : new Undo(
                Kind,
                JsonSerializer.SerializeToElement(
                    was.Description is null
                        ? (object)
                            new
                            {
                                key = was.Key,
                                title = was.Title,
                                acts = was.Acts,
                            }
                        : new
                        {
                            key = was.Key,
                            title = was.Title,
                            description = was.Description,
                            acts = was.Acts,
                        }
                ),
                "Give it the acts that it had."
            );
        var before = was?.Policy();
        if (was is null)
            call.State.Add(made);
        else
            (was.Title, was.Description, was.ActsJson) = (made.Title, made.Description, made.ActsJson);
        return new Change($"The role {made.Title} may do {made.Acts.Count} things.", undo, before, made.Policy());
    }

    private static string[] Acts(JsonElement input) => [.. input.GetProperty("acts").EnumerateArray().Select(a => a.GetString()!)];

    private static CustomRole Of(ActionCall call, JsonElement input) =>
        new()
        {
            TenantId = call.By.TenantId,
            Key = input.Text("key"),
            Title = input.Text("title"),
            Description = input.TextOrNull("description"),
            ActsJson = JsonSerializer.Serialize(Acts(input)),
            CreatedAt = call.Now,
        };
}

/// <summary>Drops a role of the tenant's own that nobody holds any more. Undone by defining it again.</summary>
public sealed class DropRole : InternalAction
{
    public override string Kind => "role.drop";

    public override string Family => "roles";

    public override string Title => "Drop a role";

    public override string Description => "Drops a role of the tenant's own that nobody holds any more.";

    public override bool PassesStops => true;

    public override Blast Blast => Blast.Medium;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override bool Listed => false;

    public override string InputSchema =>
        """{ "type": "object", "additionalProperties": false, "required": ["key"], "properties": { "key": { "type": "string", "title": "Name", "maxLength": 40 } } }""";

    public override string TargetType => "CustomRole";

    public override string TargetId(JsonElement input) => input.Text("key");

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindCustomRoleAsync(input.Text("key"), ct) is null
            ? [new("/key", "there is no such role of the tenant's own")]
            : [];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (role, holders) = (
            await call.State.FindCustomRoleAsync(input.Text("key"), ct),
            await call.State.CountBindingsAsync(input.Text("key"), ct)
        );
        return new(
            [
                new(
                    "unused",
                    holders == 0,
                    holders == 0 ? "Nobody holds it." : $"It is held {holders} time(s), in all workspaces together. Take it away first."
                ),
            ],
            $"There is no role {role?.Title} any more.",
            role?.Policy(),
            null,
            "Define it again.",
            $"{role?.Version}/{holders}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindCustomRoleAsync(input.Text("key"), ct) is not { } role)
            return new NotFound("role", input.Text("key"));

        call.State.Remove(role);
        return new Change(
            $"The role {role.Title} is dropped.",
            new(
                "role.define",
                JsonSerializer.SerializeToElement(
                    role.Description is null
                        ? (object)
                            new
                            {
                                key = role.Key,
                                title = role.Title,
                                acts = role.Acts,
                            }
                        : new
                        {
                            key = role.Key,
                            title = role.Title,
                            description = role.Description,
                            acts = role.Acts,
                        }
                ),
                "Define it again."
            ),
            role.Policy(),
            null
        );
    }
}

/// <summary>Makes an exception for one member: an act or a scope that they may not, or an act that they may, whatever their roles say. Undone by the exception that there was.</summary>
public sealed class OverrideAuthority : InternalAction
{
    public override string Kind => "member.override";

    public override string Family => "members";

    public override string Title => "Make an exception";

    public override string Description =>
        "Forbids or permits one act, or takes one scope away, for one person or agent in this workspace, and for those who act on their behalf. "
        + "It cannot lift what a policy forbids to everybody; change that policy instead.";

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["principal", "act", "effect"],
              "properties": {
                "principal": { "type": "string", "title": "Who", "format": "guid" },
                "act": { "type": "string", "title": "What", "description": "An action, an act such as approval.decide, or a scope such as mumega:decide.", "maxLength": 80 },
                "effect": { "title": "Effect", "enum": ["forbid", "permit", "none"] }
              }
            }
            """;

    public override string TargetType => "Principal";

    public override string TargetId(JsonElement input) => input.Text("principal");

    public override IReadOnlyList<InputFault> Faults(JsonElement input)
    {
        var (act, scope) = (input.Text("act"), Scopes.All.Contains(input.Text("act")));
        if (!scope && !ControlAct.All.Contains(act) && new ActionCatalog().Find(act) is null)
            return [new("/act", "there is no such act or scope")];
        return scope && input.Text("effect") == "permit"
            ? [new("/effect", "a scope can be taken away; giving one is the token's matter")]
            : [];
    }

    public override async Task<IReadOnlyCollection<string>> EffectsAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, act, effect) = Read(input);
        var effects = new List<string>();
        if (await call.State.FindRoleAsync(id, Level.Owner, ct) is not null)
            effects.Add(AuthorityEffect.BindsOwner);
        if (effect is OverrideEffect.Permit)
            effects.AddRange(await GrantRole.GivingAsync(Level.Admin, null, call, ct));
        if (effect is not OverrideEffect.Forbid && await call.State.FindOverrideAsync(id, act, ct) is { Effect: OverrideEffect.Forbid } was)
            effects.AddRange(AuthorityEffect.Lifting(was.Level, call.IsOwn(id)));
        return effects;
    }

    public override async Task<IReadOnlyList<InputFault>> FaultsAsync(JsonElement input, ActionCall call, CancellationToken ct) =>
        await call.State.FindPrincipalAsync(Guid.Parse(input.Text("principal")), ct) is { Kind: PrincipalKind.User or PrincipalKind.Agent }
            ? []
            : [new("/principal", "nobody with that id holds a role here")];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, act, effect) = Read(input);
        var was = await call.State.FindOverrideAsync(id, act, ct);
        var own = call.IsOwn(id) && effect is not OverrideEffect.Forbid;
        var change =
            was?.Effect != effect
            || (was is { Effect: OverrideEffect.Forbid } && await call.TakesOverAsync(was.Level, was.SetBy, [id], ct));
        var forbidden = effect is OverrideEffect.Permit ? await ForbiddenAsync(id, act, call, ct) : null;
        return new(
            [
                new("change", change, change ? "It changes what they may do." : "It is like this already."),
                new("somebody-else", !own, own ? "Nobody makes an exception for themselves." : "Somebody else makes it."),
                new(
                    "forbidden",
                    forbidden is null,
                    forbidden is null
                        ? "No policy forbids it to everybody."
                        : $"The policy {forbidden} forbids this, and an exception cannot lift that. Change the policy instead: add who is exempt to its unless."
                ),
            ],
            effect is null ? $"No exception for {act} any more." : $"{effect} {act}, whatever their roles say.",
            was?.Policy(),
            effect is { } e ? $"{e} {act}" : null,
            "Put back what was.",
            $"{was?.Effect}/{was?.Version}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (id, act, effect) = Read(input);
        if (await call.State.FindPrincipalAsync(id, ct) is not { } who)
            return new NotFound("principal", id.ToString());

        var was = await call.State.FindOverrideAsync(id, act, ct);
        var undo = new Undo(
            Kind,
            JsonSerializer.SerializeToElement(
                new
                {
                    principal = id,
                    act,
                    effect = was?.Effect.ToString().ToLowerInvariant() ?? "none",
                }
            ),
            "Put back what was."
        );
        var before = was?.Policy();
        if (effect is null && was is not null)
            call.State.Remove(was);
        else if (effect is { } other && was is not null)
            (was.Effect, was.SetBy, was.Level, was.SetAt) = (other, call.By.Id, await call.State.LevelOfAsync(call.By.Id, ct), call.Now);
        else if (effect is { } fresh)
            call.State.Add(
                new AuthorityOverride
                {
                    TenantId = call.By.TenantId,
                    WorkspaceId = call.State.WorkspaceId,
                    PrincipalId = id,
                    Act = act,
                    Kind = who.Kind,
                    Effect = fresh,
                    SetBy = call.By.Id,
                    Level = await call.State.LevelOfAsync(call.By.Id, ct),
                    SetAt = call.Now,
                }
            );
        return new Change(
            $"{who.Name}: {(effect is null ? "no exception for" : effect.ToString()!.ToLowerInvariant())} {act}.",
            undo,
            before,
            effect?.ToString()
        );
    }

    // A policy of the tenant's own that forbids the act to this person whatever the input; null when there is none.
    private static async Task<string?> ForbiddenAsync(Guid id, string act, ActionCall call, CancellationToken ct)
    {
        if (await call.State.FindPrincipalAsync(id, ct) is not { } who)
            return null;

        var roles = PolicyBook.Implied((await call.State.FindRolesAsync(id, ct)).Select(r => r.Role));
        var asThem = call.By with
        {
            Id = id,
            Kind = who.Kind,
            Name = who.Name,
            OwnerId = who.OwnerId,
            For = null,
            Scopes = Scopes.All.ToHashSet(),
            Workspaces = new HashSet<Guid> { call.State.WorkspaceId },
        };
        var decision = new PolicyBook(0, (await call.State.FindPoliciesAsync(ct)).Text).Decide(
            new(asThem, false, roles, call.State.WorkspaceId, act, new ActionCatalog().Find(act), null, null, who.Tier)
        );
        return decision is { Verdict: Verdict.Deny, Policies: [var first, ..] } ? first : null;
    }

    private static (Guid Principal, string Act, OverrideEffect? Effect) Read(JsonElement input) =>
        (
            Guid.Parse(input.Text("principal")),
            input.Text("act"),
            input.Text("effect") switch
            {
                "forbid" => OverrideEffect.Forbid,
                "permit" => OverrideEffect.Permit,
                _ => null,
            }
        );
}
