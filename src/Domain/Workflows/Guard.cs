using System.Text.Json;
using Mumega.Cedar;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Workflows;

/// <summary>
/// The condition of a transition: a Cedar expression over who takes it (<c>principal</c>, in its roles) and the packet (<c>context.payload</c>,
/// <c>context.labels</c>, <c>context.surface</c>).
/// </summary>
public static class Guard
{
    private static readonly EntityUid Move = new("Mumega::Action", "packet.move");

    /// <summary>What keeps the text from being a guard over packets with that payload; the place is within the text.</summary>
    public static IReadOnlyList<InputFault> Faults(string path, string guard, JsonElement schema)
    {
        try
        {
            var policies = PolicySet.Parse(Policy(guard));
            if (policies.Policies.Count != 1 || policies.Policies[0].Conditions.Count != 1)
                return [new(path, "is one Cedar condition, nothing more")];

            return
            [
                .. new Validator(SchemaOf(schema))
                    .Validate(policies)
                    .Select(e => new InputFault(path, e.Message, e.Place.Line - 1, e.Place.Column)),
            ];
        }
        catch (CedarSyntaxException e)
        {
            return [.. e.Diagnostics.Select(d => new InputFault(path, d.Message, Math.Max(1, d.Line - 1), d.Column))];
        }
    }

    /// <summary>Whether it holds. One that can't be evaluated does not.</summary>
    public static bool Holds(string guard, Packet packet, JsonElement schema, Actor by, IReadOnlySet<string> roles)
    {
        var principal = new EntityUid($"Mumega::{by.Kind}", by.Id.ToString());
        var resource = new EntityUid("Mumega::Packet", packet.Id.ToString());
        var context = new RecordValue(
            new Dictionary<string, Value>
            {
                ["payload"] = InputShape.From(schema).Of(packet.PayloadJson),
                ["labels"] = Value.SetOf(packet.Labels),
                ["surface"] = Value.Of(by.Surface),
            }
        );
        var entities = new Entities([
            new(principal, RecordValue.Empty, [.. roles.Select(r => new EntityUid("Mumega::Role", r))]),
            new(resource, RecordValue.Empty, []),
            new(Move, RecordValue.Empty, []),
        ]);
        return PolicySet.Parse(Policy(guard)).Evaluate(new(principal, Move, resource, context), entities).Allowed;
    }

    // The condition begins on a line of its own, so that places count from it.
    private static string Policy(string guard) => $"permit (principal, action, resource) when {{\n{guard}\n}};";

    private static Schema SchemaOf(JsonElement payload)
    {
        var principals = Enum.GetNames<PrincipalKind>();
        return Schema.Parse(
            $$"""
            namespace Mumega {
              entity Role;
              {{string.Join('\n', principals.Select(p => $"entity {p} in [Role];"))}}
              entity Packet;
              action "packet.move" appliesTo { principal: [{{string.Join(
                ", ",
                principals
            )}}], resource: [Packet], context: { payload: {{InputShape.From(payload).Type}}, labels: Set<String>, surface: String } };
            }
            """
        );
    }
}
