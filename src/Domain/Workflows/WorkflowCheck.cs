using System.Text.Json;
using Mumega.Domain.Actions;
using Mumega.Domain.Policies;

namespace Mumega.Domain.Workflows;

/// <summary>Checks a workflow before it may move anything: that every packet can come to an end, and that everything it names is there.</summary>
public static class WorkflowCheck
{
    /// <summary>The longest that a clock of a workflow runs.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    private static readonly string[] Roles = [.. PolicyBook.GateRoles, "agent"];

    /// <summary>Everything wrong with the document as such; none when it may be published.</summary>
    /// <param name="document">It satisfies its schema.</param>
    /// <param name="payload">The schema of its packets' payload.</param>
    public static IReadOnlyList<InputFault> Faults(WorkflowDocument document, JsonElement payload)
    {
        var faults = new List<InputFault>();
        var (states, transitions) = (document.States, document.Transitions);

        var initial = states.Where(s => s.Value.Kind is StateKind.Initial).Select(s => s.Key).ToList();
        if (initial.Count != 1)
            Add(
                "/states",
                initial.Count == 0
                    ? "no state has the kind initial, where packets begin"
                    : $"only one state is initial, not {string.Join(" and ", initial)}"
            );
        if (states.All(s => s.Value.Kind is not StateKind.Final))
            Add("/states", "no state has the kind final, where packets end");

        foreach (var (key, state) in states)
        {
            if (state.Task is not { } task)
                continue;
            if (!Roles.Contains(task.Role))
                Add($"/states/{key}/task/role", $"there is no role \"{task.Role}\"; there are {string.Join(", ", Roles)}");
            Span($"/states/{key}/task/due", task.Due);
            if (state.Kind is StateKind.Final)
                Add($"/states/{key}/task", "a packet in a final state is done; nobody has a task there");
        }

        foreach (var (key, t) in transitions)
        {
            var at = $"/transitions/{key}";
            foreach (var (from, i) in t.From.Select((f, i) => (f, i)))
            {
                if (Known($"{at}/from/{i}", from) && states[from].Kind is StateKind.Final)
                    Add($"{at}/from/{i}", $"\"{from}\" is final; nothing leads out of it");
            }

            Known($"{at}/to", t.To);
            if (t.Changes is { } changes)
                Known($"{at}/changes", changes);
            if (t.Otherwise is { } otherwise)
                Known($"{at}/otherwise/to", otherwise.To);
            if (t.Changes is not null && t.Gates is not { Count: > 0 } && t.Action is null)
                Add($"{at}/changes", "nobody is asked to approve this, so nobody can ask for changes");

            if (t is { Automatic: true, After: not null })
                Add($"{at}/after", "a transition is taken automatically or by the clock, not both");
            if (t.Unattended && t.Roles is { Count: > 0 })
                Add($"{at}/roles", "the workflow takes this by itself; leave the roles out, or make a second transition for people");
            if (!t.Unattended && t.Roles is not { Count: > 0 })
                Add($"{at}/roles", "nobody may take this transition; name roles, or make it automatic or timed");
            foreach (var (role, i) in (t.Roles ?? []).Select((r, i) => (r, i)))
            {
                if (!Roles.Contains(role))
                    Add($"{at}/roles/{i}", $"there is no role \"{role}\"; there are {string.Join(", ", Roles)}");
            }

            Span($"{at}/after", t.After);
            if (t.Guard is { } guard)
                faults.AddRange(Guard.Faults($"/document{at}/guard", guard, payload));
            if (t.Action is { } action)
                Step($"{at}/action", action, payload, faults, undo: false);
            if (t.Compensate is { } compensate)
            {
                Step($"{at}/compensate", compensate, payload, faults, undo: true);
                if (t.Action is null)
                    Add($"{at}/compensate", "this transition runs no action, so there is nothing to make good");
                else if (
                    compensate.Run == StepSpec.Undo
                    && new ActionCatalog().Find(t.Action.Run) is { Reversibility: not Reversibility.Reversible }
                )
                    Add($"{at}/compensate/run", $"{t.Action.Run} records no undo; name the action that makes good for it");
            }

            foreach (var (gate, i) in (t.Gates ?? []).Select((g, i) => (g, i)))
            {
                if (!PolicyBook.GateRoles.Contains(gate.Role))
                    Add(
                        $"{at}/gates/{i}/role",
                        $"nobody can open this gate: \"{gate.Role}\" is not a role of people ({string.Join(", ", PolicyBook.GateRoles)})"
                    );
                if (gate.Escalate is { } escalate && !PolicyBook.GateRoles.Contains(escalate))
                    Add($"{at}/gates/{i}/escalate", $"\"{escalate}\" is not a role of people ({string.Join(", ", PolicyBook.GateRoles)})");
                if (gate.Escalate == gate.Role)
                    Add($"{at}/gates/{i}/escalate", "escalates to the role that was asked already");
                Span($"{at}/gates/{i}/expires", gate.Expires);
                Span($"{at}/gates/{i}/remind", gate.Remind);
                if (
                    PolicyCheck.Span(gate.Remind ?? "") is { } remind
                    && remind >= (PolicyCheck.Span(gate.Expires ?? "") ?? PolicyBook.DefaultExpiry)
                )
                    Add($"{at}/gates/{i}/remind", "reminds only after the time is over");
            }
        }

        if (faults.Count == 0)
            Ways(document, faults);
        return faults;

        void Add(string path, string message) => faults.Add(new($"/document{path}", message));

        bool Known(string path, string state)
        {
            if (states.ContainsKey(state))
                return true;
            Add(path, $"there is no state \"{state}\"; there are {string.Join(", ", states.Keys)}");
            return false;
        }

        void Span(string path, string? text)
        {
            if (text is not null && (PolicyCheck.Span(text) is not { } span || span <= TimeSpan.Zero || span > Longest))
                Add(path, $"is a duration of up to {Longest.TotalDays:0} days such as 3d or 72h, not \"{text}\"");
        }
    }

    // Faults of paths as whole: what can't be reached, what leads nowhere, what never stops.
    private static void Ways(WorkflowDocument document, List<InputFault> faults)
    {
        var next = document.States.Keys.ToDictionary(s => s, _ => new HashSet<string>(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var t in document.Transitions.Values)
        {
            foreach (var from in t.From)
            {
                next[from].Add(t.To);
                if (t.Changes is { } changes)
                    next[from].Add(changes);
                if (t.Otherwise is { } otherwise)
                    next[from].Add(otherwise.To);
            }
        }

        var reached = Reach([document.Initial], s => next[s]);
        foreach (var state in document.States.Keys.Where(s => !reached.Contains(s)))
            faults.Add(new($"/document/states/{state}", "no packet can ever come here; lead a transition to it or take it out"));

        var ends = Reach(
            document.States.Where(s => s.Value.Kind is StateKind.Final).Select(s => s.Key),
            s => next.Where(n => n.Value.Contains(s)).Select(n => n.Key)
        );
        foreach (var state in document.States.Keys.Where(s => reached.Contains(s) && !ends.Contains(s)))
            faults.Add(
                new($"/document/states/{state}", "a packet here can never come to an end; lead a transition from it towards a final state")
            );

        foreach (var state in document.States.Keys)
        {
            var round = Reach(Automatic(state), Automatic);
            if (round.Contains(state))
                faults.Add(
                    new(
                        $"/document/states/{state}",
                        "automatic transitions lead from here back to here without end; let a person or the clock take one of them"
                    )
                );
        }

        IEnumerable<string> Automatic(string state) => document.Out(state).Where(t => t.Transition.Automatic).Select(t => t.Transition.To);
    }

    private static HashSet<string> Reach(IEnumerable<string> from, Func<string, IEnumerable<string>> next)
    {
        var found = new HashSet<string>(from, StringComparer.Ordinal);
        var waiting = new Queue<string>(found);
        while (waiting.TryDequeue(out var state))
        {
            foreach (var to in next(state).Where(found.Add))
                waiting.Enqueue(to);
        }

        return found;
    }

    private static void Step(string path, StepSpec step, JsonElement payload, List<InputFault> faults, bool undo)
    {
        path = $"/document{path}";
        if (undo && step.Run == StepSpec.Undo)
            return;
        if (new ActionCatalog() is var catalog && catalog.Find(step.Run) is not { } action)
        {
            faults.Add(
                new(
                    $"{path}/run",
                    $"there is no action \"{step.Run}\"; there are {string.Join(", ", catalog.All.Where(a => a.Listed).Select(a => a.Kind))}"
                )
            );
            return;
        }

        if (!action.Listed)
        {
            faults.Add(new($"{path}/run", $"{step.Run} is not run by workflows"));
            return;
        }

        using var schema = JsonDocument.Parse(action.InputSchema);
        var fields = schema.RootElement.GetProperty("properties").EnumerateObject().Select(p => p.Name).ToList();
        var required = schema.RootElement.TryGetProperty("required", out var names)
            ? names.EnumerateArray().Select(n => n.GetString()!).ToList()
            : [];
        var input = step.Input ?? new Dictionary<string, JsonElement>();
        foreach (var (name, source) in input)
        {
            if (!fields.Contains(name))
                faults.Add(new($"{path}/input/{name}", $"{step.Run} has no input of that name; it has {string.Join(", ", fields)}"));
            else if (Mapping.Fault(source, payload) is { } fault)
                faults.Add(new($"{path}/input/{name}", fault));
        }

        foreach (var name in required.Where(n => !input.ContainsKey(n)))
            faults.Add(new($"{path}/input", $"{step.Run} needs {name}; say where it comes from"));
    }
}
