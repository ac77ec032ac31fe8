using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Actions.Policies;

/// <summary>
/// Puts the next version of the tenant's policies in force. Text that is not valid against the schema is refused before it is a proposal;
/// who proposed it never decides it alone. Undone by putting the former text in force again.
/// </summary>
public sealed class ReplacePolicies : InternalAction
{
    public override string Kind => "policy.replace";

    public override string Family => "policies";

    public override string Title => "Change the policies";

    public override string Description =>
        "Puts new policies in force in all workspaces. They are checked first, and a second person decides.";

    public override bool NeedsConfirmation => true;

    public override Blast Blast => Blast.High;

    public override Reversibility Reversibility => Reversibility.Reversible;

    // It has a page of its own.
    public override bool Listed => false;

    public override string InputSchema =>
        """
            {
              "type": "object", "additionalProperties": false, "required": ["text", "replaces"],
              "properties": {
                "text": { "type": "string", "title": "Policies", "description": "All policies of the tenant, in Cedar.", "format": "cedar", "minLength": 1, "maxLength": 200000 },
                "replaces": { "type": "integer", "title": "Replaces version", "description": "The number of the version that you changed.", "minimum": 1 }
              }
            }
            """;

    public override string ReceiptKind => Domain.Receipts.ReceiptKind.PolicyPromoted;

    public override string TargetType => "PolicySet";

    public override string TargetId(JsonElement input) => "policies";

    public override IReadOnlyList<InputFault> Faults(JsonElement input) =>
        [
            .. PolicyCheck
                .Faults(input.Text("text"))
                .Select(f => new InputFault("/text", f.Policy is null ? f.Message : $"{f.Policy}: {f.Message}", f.Line, f.Column)),
        ];

    public override async Task<Preflight> PreflightAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var (text, replaces) = (input.Text("text"), input.GetProperty("replaces").GetInt32());
        var now = await call.State.FindPoliciesAsync(ct);
        var stranded = new List<string>();
        foreach (var gate in PolicyBook.GatesIn(text).DistinctBy(g => (g.Role, g.Quorum)))
        {
            // What nobody could open before is not this change's doing.
            if (PolicyBook.GatesIn(now.Text).Any(g => g.Role == gate.Role && g.Quorum >= gate.Quorum))
                continue;
            if (await call.State.CountHoldersAsync(gate.Role, ct) is var holders && holders < gate.Quorum)
                stranded.Add($"{gate.Policy} needs {gate.Quorum} holder(s) of the role {gate.Role}; there are {holders}");
        }

        var problem = Problem(call, text, await call.State.FindPeopleAsync(ct));
        return new(
            [
                new(
                    "drift",
                    now.Number == replaces,
                    now.Number == replaces
                        ? $"Version {replaces} is in force."
                        : $"Version {replaces} was changed; version {now.Number} is in force."
                ),
                new("change", now.Text != text, now.Text != text ? "The policies change." : "These policies are in force already."),
                new(
                    "gates",
                    stranded.Count == 0,
                    stranded.Count == 0 ? "Every gate can be opened." : $"Nobody could open a gate: {string.Join("; ", stranded)}."
                ),
                new("way back", problem is null, problem ?? "The policies can be changed again, and an engaged stop released."),
            ],
            $"Version {replaces + 1} of the policies comes into force in every workspace.",
            now.Text,
            text,
            $"Put version {replaces} in force again.",
            $"{now.Number}/{Digest(now.Text)}"
        );
    }

    public override async Task<Outcome<Change>> ApplyAsync(JsonElement input, ActionCall call, CancellationToken ct)
    {
        var text = input.Text("text");
        var now = await call.State.FindPoliciesAsync(ct);
        if (now.Number != input.GetProperty("replaces").GetInt32())
            return new StaleVersion();

        var next = new PolicyVersion
        {
            TenantId = now.TenantId,
            Number = now.Number + 1,
            Text = text,
            CreatedBy = call.By.Id,
            CreatedAt = call.Now,
        };
        call.State.Add(next);
        await call.State.LookAgainAsync(ct);
        return new Change(
            $"Version {next.Number} of the policies is in force.",
            new(
                Kind,
                JsonSerializer.SerializeToElement(new { text = now.Text, replaces = next.Number }),
                $"Put the text of version {now.Number} in force again."
            ),
            Digest(now.Text),
            Digest(text)
        );
    }

    // Under the new policies an owner has to be able to change them again, with somebody else who decides it, and a stop has to be releasable by somebody
    // other than the one who engaged it. Held against the people that there are; where there is one alone, against a second owner who could be added.
    private string? Problem(ActionCall call, string text, IReadOnlyList<(Guid Id, IReadOnlySet<string> Roles)> people)
    {
        var book = new PolicyBook(0, text);
        List<(Guid Id, IReadOnlySet<string> Roles)> all = [.. people];
        if (all.DistinctBy(p => call.Independence.RootOf(p.Id)).Count() < 2)
            all.Add((Guid.CreateVersion7(call.Now), PolicyBook.Implied([Level.Owner])));

        if (!all.Any(p => p.Roles.Contains(Level.Owner) && Passes(p, Kind)))
            return "Nobody could change the policies again: no owner may, with somebody else to decide it.";
        return all.Any(p => Passes(p, "stop.release")) ? null : "Nobody could have an engaged stop released.";

        bool Passes((Guid Id, IReadOnlySet<string> Roles) proposer, string kind)
        {
            var decision = Ask(proposer, kind, new ActionCatalog().Find(kind)!);
            if (decision.Verdict is Verdict.Deny || Ask(proposer, ControlAct.Read, null).Verdict is Verdict.Deny)
                return false;

            var others = all.Where(p =>
                    !call.Independence.AreOne(p.Id, proposer.Id)
                    && Ask(p, ControlAct.Read, null).Verdict is not Verdict.Deny
                    && Ask(p, ControlAct.DecideApproval, null).Verdict is not Verdict.Deny
                )
                .ToList();
            return decision.Gates.All(g =>
                others.Where(p => p.Roles.Contains(g.Role)).DistinctBy(p => call.Independence.RootOf(p.Id)).Count() >= g.Quorum
            );
        }

        Decision Ask((Guid Id, IReadOnlySet<string> Roles) who, string act, ActionDefinition? action) =>
            book.Decide(
                new(
                    call.By with
                    {
                        Id = who.Id,
                        Kind = PrincipalKind.User,
                        OwnerId = null,
                        For = null,
                        Scopes = new HashSet<string>(Scopes.All),
                        Workspaces = new HashSet<Guid> { call.State.WorkspaceId },
                    },
                    false,
                    who.Roles,
                    call.State.WorkspaceId,
                    act,
                    action,
                    null
                )
            );
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
