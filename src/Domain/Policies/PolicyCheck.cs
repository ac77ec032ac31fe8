using System.Globalization;
using Mumega.Cedar;

namespace Mumega.Domain.Policies;

/// <summary>Something that keeps policy text from being put in force.</summary>
/// <param name="Policy">The id of the policy; absent where the text is not Cedar at all.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public sealed record PolicyFault(string? Policy, int Line, int Column, string Message);

/// <summary>Checks policy text before it may decide anything: the language, the schema (strictly), and Mumega's own annotations.</summary>
public static class PolicyCheck
{
    private static readonly Lazy<Validator> Validator = new(() => new(PolicySchema.Schema));

    /// <summary>Everything wrong with the text, in its order; none when it may be put in force.</summary>
    public static IReadOnlyList<PolicyFault> Faults(string text)
    {
        PolicySet policies;
        try
        {
            policies = PolicySet.Parse(text);
        }
        catch (CedarSyntaxException e)
        {
            return [.. e.Diagnostics.Select(d => new PolicyFault(null, d.Line, d.Column, d.Message))];
        }

        var faults = Validator
            .Value.Validate(policies)
            .Select(e => new PolicyFault(e.Policy.Id, e.Place.Line, e.Place.Column, e.Message))
            .ToList();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var policy in policies.Policies.Concat(policies.Templates))
        {
            if (!ids.Add(policy.Id))
                Add("another policy has the same id");
            if (policy.Id.StartsWith("guardrail.", StringComparison.Ordinal))
                Add("ids that begin with guardrail. belong to the platform");
            if (policy.IsTemplate)
                Add("a template decides nothing by itself; write the policy out");

            var notes = policy.Annotations;
            if (notes.TryGetValue("gate", out var role))
            {
                if (policy.Effect is Effect.Permit)
                    Add("a gate is a forbid that holds until somebody approves; a permit can't be one");
                if (!PolicyBook.GateRoles.Contains(role))
                    Add($"nobody can open this gate: \"{role}\" is not a role of people ({string.Join(", ", PolicyBook.GateRoles)})");
            }
            else if (notes.Keys.FirstOrDefault(k => k is "quorum" or "expires" or "escalate" or "remind") is { } alone)
            {
                Add($"@{alone} says something about a gate, and there is no @gate");
            }

            if (notes.ContainsKey("trace") && (policy.Effect is Effect.Permit || notes.ContainsKey("gate")))
                Add("a trace is a forbid that refuses nothing and has a read written down; it is neither a permit nor a gate");
            if (
                notes.TryGetValue("quorum", out var quorum)
                && (!int.TryParse(quorum, NumberStyles.None, CultureInfo.InvariantCulture, out var people) || people is < 1 or > 20)
            )
                Add($"@quorum is a number of people from 1 to 20, not \"{quorum}\"");
            if (
                notes.TryGetValue("expires", out var expires)
                && (Span(expires) is not { } span || span <= TimeSpan.Zero || span > TimeSpan.FromDays(90))
            )
                Add($"@expires is a duration of up to 90 days such as 72h, not \"{expires}\"");

            if (notes.TryGetValue("escalate", out var escalate) && !PolicyBook.GateRoles.Contains(escalate))
                Add($"@escalate: \"{escalate}\" is not a role of people ({string.Join(", ", PolicyBook.GateRoles)})");
            if (
                notes.TryGetValue("remind", out var remind)
                && (Span(remind) is not { } early || early <= TimeSpan.Zero || early >= (Span(expires ?? "") ?? PolicyBook.DefaultExpiry))
            )
                Add($"@remind is a duration shorter than @expires such as 24h, not \"{remind}\"");

            void Add(string message)
            {
                var place = policy.Place;
                faults.Add(new(policy.Id, place.Line, place.Column, message));
            }
        }

        return [.. faults.OrderBy(f => f.Line).ThenBy(f => f.Column)];
    }

    internal static TimeSpan? Span(string text)
    {
        try
        {
            return TimeSpan.FromMilliseconds(DurationValue.Parse(text).Millis);
        }
        catch (Exception e) when (e is EvaluationException or OverflowException)
        {
            return null;
        }
    }
}
