using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.Domain.Approvals;
using Mumega.Domain.Identity;
using Mumega.Domain.Jobs;
using Mumega.Domain.Packets;
using Mumega.Domain.Policies;
using Mumega.Domain.Runs;
using Mumega.Domain.Stops;
using Mumega.Domain.Workflows;

namespace Mumega.Infrastructure.Runs;

/// <summary>
/// A packet about to take a transition: who may, under which gates, by which run; and what becomes of the packet when the run has come to its
/// end. All of it happens in the commit of whoever asks.
/// </summary>
internal sealed record Step(Packet Packet, WorkflowDocument Document, string Key, JsonElement Schema)
{
    private const string Compensating = "compensate ";
    private const string Move = "packet.move";

    /// <summary>How often what waits for a stop's release asks again.</summary>
    internal static readonly TimeSpan WhileStopped = TimeSpan.FromMinutes(1);

    private TransitionSpec Transition => Document.Transitions[Key];

    /// <summary>The step that a packet would take, or why it can't.</summary>
    public static async Task<Outcome<Step>> FindAsync(Sitting s, Guid packetId, string transition, CancellationToken ct)
    {
        if (await PacketAsync(s, packetId, ct) is not var (packet, document))
            return new NotFound("packet", packetId.ToString());
        if (packet.WhyNotMove(transition, document, s.By) is { } no)
            return no;
        return new Step(
            packet,
            document,
            transition,
            (await s.Call.State.FindPacketTypeAsync(packet.Type, packet.TypeVersion, ct))!.Schema
        );
    }

    /// <summary>Every way out of the packet's state, and what is said about the caller taking it.</summary>
    public static async Task<IReadOnlyList<Way>> WaysAsync(Sitting s, Guid packetId, CancellationToken ct)
    {
        if (await PacketAsync(s, packetId, ct) is not var (packet, document))
            return [];

        var schema = (await s.Call.State.FindPacketTypeAsync(packet.Type, packet.TypeVersion, ct))!.Schema;
        var ways = new List<Way>();
        foreach (var (key, transition) in document.Out(packet.State))
        {
            if (transition.Unattended)
                ways.Add(
                    new(
                        key,
                        transition,
                        null,
                        new WrongState("attended", transition.After is null ? "automatic" : $"after {transition.After}")
                    )
                );
            else if (packet.WhyNotMove(key, document, s.By) is { } no)
                ways.Add(new(key, transition, null, no));
            else
                ways.Add(await new Step(packet, document, key, schema).LookAsync(s, ct));
        }

        return ways;
    }

    private async Task<Way> LookAsync(Sitting s, CancellationToken ct)
    {
        JsonElement input;
        if (Transition.Action is not { } action)
            input = MoveInput();
        else if (Mapping.Apply(action, Packet.PayloadJson, Fact).Refused(out var missing, out var made))
            return new(Key, Transition, null, missing);
        else
            input = JsonSerializer.SerializeToElement(made);

        return s.Desk.Read(Transition.Action?.Run ?? Move, input).Refused(out var unreadable, out var read)
            ? new(Key, Transition, null, unreadable)
            : new(Key, Transition, await DecideAsync(s, read.Action, read.Json, ct), null);
    }

    /// <summary>Proposes the run of the step, in the authority of the sitting.</summary>
    public async Task<Outcome<Run>> ProposeAsync(Sitting s, string reason, string key, CancellationToken ct)
    {
        string kind;
        JsonElement input;
        if (Transition.Action is { } action)
        {
            if (Mapping.Apply(action, Packet.PayloadJson, Fact).Refused(out var missing, out var made))
                return missing;
            (kind, input) = (action.Run, JsonSerializer.SerializeToElement(made));
        }
        else
        {
            (kind, input) = (Move, MoveInput());
        }

        if (s.Desk.Read(kind, input).Refused(out var unreadable, out var read))
            return unreadable;
        if ((await Kernel.ProposeAsync(s, read, reason, key, undoes: null, ct, this)).Refused(out var why, out var run))
            return why;

        if (!run.State.IsFinal())
            await s.Call.State.KeepAsync(Packet, Packet.Request(Key, run, s.By, s.Now), Document, ct);
        else if (s.By.Kind is PrincipalKind.Service)
            await FailedAsync(
                s,
                Packet,
                Document,
                run,
                Key,
                run.Decision.Verdict is Verdict.Deny ? run.Decision.Reason : run.Preflight!.Checks.First(c => !c.Passed).Detail,
                ct
            );
        return run;
    }

    /// <summary>What policy and workflow together say about the step.</summary>
    public async Task<Decision> DecideAsync(Sitting s, ActionDefinition action, JsonElement json, CancellationToken ct)
    {
        // A harmless step that sets something else off is as heavy as what it sets off: nobody is asked any more who may want that. What goes on by itself was weighed with the step that set it off.
        var setsOff = Transition.Unattended ? [] : Document.SetOffBy(Key);
        var decision = await s.DecideAsync(action, json, ct, setsOff);
        if (decision.Verdict is Verdict.Deny)
            return decision;

        // Taking the way is an act that policy is asked about, whatever else runs with it.
        var way = action.Kind == Move ? decision : s.Decide(Move, s.Desk.Catalog.Find(Move), MoveInput(), setsOff);
        if (way.Verdict is Verdict.Deny)
            return way;

        if (!Transition.Unattended && !(Transition.Roles ?? []).Any(s.Roles.Contains))
            return Denied(
                decision,
                $"the workflow lets {string.Join(" or ", Transition.Roles!)} take this.",
                [.. Transition.Roles!.Select(r => $"The role {r} in this workspace.")]
            );
        if (Transition.Guard is { } guard && !Guard.Holds(guard, Packet, Schema, s.By, s.Roles))
            return Denied(decision, $"the workflow's condition does not hold: {guard}", []);

        return decision.Behind([.. action.Kind == Move ? [] : way.Gates, .. (Transition.Gates ?? []).Select(g => g.ToGate(Key))]) with
        {
            DependsOn = [.. decision.DependsOn ?? [], $"workflow {Document.Workflow}, version {Packet.WorkflowVersion}", .. Files(Packet)],
        };
    }

    // An approver looked at them too.
    private static IEnumerable<string> Files(Packet packet) => packet.Attachments.Select(a => $"file {a.Name}, SHA-256 {a.Digest}");

    /// <summary>What is said about a run now, with its step if it has one.</summary>
    public static async Task<Decision> DecideAsync(Sitting s, Run run, ActionDefinition action, CancellationToken ct)
    {
        if (run.PacketId is not { } id || run.Transition!.StartsWith(Compensating, StringComparison.Ordinal))
            return await s.DecideAsync(action, run.InputJson, ct);
        if (await PacketAsync(s, id, ct) is not var (packet, document))
            throw new InvalidOperationException("a run's packet is gone");

        var step = new Step(
            packet,
            document,
            run.Transition,
            (await s.Call.State.FindPacketTypeAsync(packet.Type, packet.TypeVersion, ct))!.Schema
        );
        return await step.DecideAsync(s, action, run.InputJson, ct);
    }

    /// <summary>A run that takes a packet along came to its end: the packet goes on, back, or waits for a person.</summary>
    public static async Task EndedAsync(Sitting s, Run run, CancellationToken ct)
    {
        if (await PacketAsync(s, run.PacketId!.Value, ct) is not var (packet, document))
            return;

        var (state, key) = (s.Call.State, run.Transition!);
        if (key.StartsWith(Compensating, StringComparison.Ordinal))
        {
            if (packet.Saga?.Run != run.Id)
                return;
            await state.KeepAsync(
                packet,
                run.State is RunState.Succeeded ? packet.Compensated(run, s.By, s.Now) : packet.GetStuck(run.Id, Why(run), s.By, s.Now),
                document,
                ct
            );
            return;
        }

        if (packet.PendingRun != run.Id)
            return;

        var transition = document.Transitions[key];
        if (run.State is RunState.Succeeded && transition.Unwind)
            await state.KeepAsync(packet, packet.BeginSaga(key, transition.To, document, run, run.Reason, s.By, s.Now), document, ct);
        else if (run.State is RunState.Succeeded)
            await state.KeepAsync(
                packet,
                packet.Move(key, transition.To, document, run.Id, Mover(packet, run), null, transition.Compensate is not null, s.By, s.Now),
                document,
                ct
            );
        else if (run.State is RunState.Cancelled)
            await state.KeepAsync(packet, packet.Drop(run.Id, Why(run), s.By, s.Now), document, ct);
        else if (
            transition.Changes is { } back
            && await s.Db.Queries.ApprovalOfRun(s.Db, run.Id, ct) is { } approval
            && approval.Current.Any(d => d.Verdict is ApprovalVerdict.RequestChanges)
        )
            await state.KeepAsync(
                packet,
                packet.Move(key, back, document, run.Id, Mover(packet, run), Why(run), false, s.By, s.Now),
                document,
                ct
            );
        else
            await FailedAsync(s, packet, document, run, key, Why(run), ct);
    }

    /// <summary>Does what a packet's workflow does by itself now: make good, follow the clock, go on automatically.</summary>
    public static async Task ContinueAsync(Sitting s, Guid packetId, CancellationToken ct)
    {
        if (await PacketAsync(s, packetId, ct) is not var (packet, document) || packet.PendingRun is not null)
            return;

        if (packet.Saga is { } saga)
        {
            if (saga is { Stuck: null, Run: null })
                await MakeGoodAsync(s, packet, document, saga, ct);
            return;
        }

        foreach (var (key, transition) in document.Out(packet.State).Where(t => t.Transition.Unattended))
        {
            if (transition.Timer is { } timer && s.Now < packet.EnteredAt + timer)
                continue;
            if ((await FindAsync(s, packetId, key, ct)).Refused(out _, out var step))
                return;
            if (transition.Guard is { } guard && !Guard.Holds(guard, packet, step.Schema, s.By, s.Roles))
                continue;

            var reason = transition.Timer is null
                ? $"{transition.Title}: the workflow goes on by itself."
                : $"{transition.Title}: {transition.After} have passed.";
            if ((await step.ProposeAsync(s, reason, $"workflow/{packet.Id}/{packet.EnteredBy}/{key}", ct)).Refused(out var why, out _))
            {
                if (why is Stopped)
                {
                    s.Enqueue(JobKind.ContinuePacket, packet.Id, s.Now + WhileStopped);
                    return;
                }

                await s.Call.State.KeepAsync(packet, packet.Drop(null, why.Message, s.By, s.Now), document, ct);
                s.Db.Add(packet.Note("workflow.refused", s.By, s.Now, ("transition", key), ("reason_text", why.Message)));
            }

            return;
        }
    }

    /// <summary>What a workflow does by itself failed again and again: the packet says so, and a person can take it further.</summary>
    public static async Task GiveUpAsync(Sitting s, Guid packetId, CancellationToken ct)
    {
        const string Why = "The work failed repeatedly; an operator can see the job.";
        if (
            await PacketAsync(s, packetId, ct) is not var (packet, document)
            || packet.PendingRun is not null
            || packet.Saga is { Stuck: not null }
        )
            return;

        await s.Call.State.KeepAsync(
            packet,
            packet.Saga is null ? packet.Drop(null, Why, s.By, s.Now) : packet.GetStuck(null, Why, s.By, s.Now),
            document,
            ct
        );
        s.Db.Add(packet.Note(packet.Saga is null ? "workflow.refused" : "workflow.stuck", s.By, s.Now, ("reason_text", Why)));
    }

    private static async Task MakeGoodAsync(Sitting s, Packet packet, WorkflowDocument document, Saga saga, CancellationToken ct)
    {
        if (saga.Left.Count == 0)
        {
            await s.Call.State.KeepAsync(
                packet,
                packet.Move(saga.Failed, saga.To, document, null, packet.MovedBy, packet.Remark, false, s.By, s.Now),
                document,
                ct
            );
            s.Db.Add(packet.Note("workflow.compensated", s.By, s.Now, ("transition", saga.Failed), ("reason_text", packet.Remark)));
            return;
        }

        var done = saga.Left[^1];
        var spec = document.Transitions[done.Transition].Compensate!;
        var (kind, input, undoes, problem) = (spec.Run, default(JsonElement), (Run?)null, (string?)null);
        if (kind == StepSpec.Undo)
        {
            undoes = await s.Db.Runs.SingleAsync(r => r.Id == done.Run, ct);
            if (undoes.Rollback(s.Now) is { Status: not RollbackStatus.Available } pointer)
                problem = pointer.Summary;
            else
                (kind, input) = (undoes.Undo!.Action, undoes.Undo.Input);
        }
        else if (Mapping.Apply(spec, packet.PayloadJson, f => FactOf(packet, f)).Refused(out var missing, out var made))
        {
            problem = missing.Message;
        }
        else
        {
            input = JsonSerializer.SerializeToElement(made);
        }

        Run? run = null;
        if (problem is null)
        {
            var failed = document.Transitions[saga.Failed].Title;
            var key = $"compensate/{packet.Id}/{packet.Events}/{done.Run}";
            if (s.Desk.Read(kind, input).Refused(out var unreadable, out var read))
                problem = unreadable.Message;
            else if (
                (
                    await Kernel.ProposeAsync(
                        s,
                        read,
                        $"Makes good for \"{document.Transitions[done.Transition].Title}\" because of \"{failed}\".",
                        key,
                        undoes,
                        ct,
                        null,
                        (packet.Id, Compensating + done.Transition)
                    )
                ).Refused(out var why, out run)
            )
            {
                if (why is Stopped)
                {
                    s.Enqueue(JobKind.ContinuePacket, packet.Id, s.Now + WhileStopped);
                    return;
                }

                problem = why.Message;
            }
        }

        if (run is not null)
            await s.Call.State.KeepAsync(packet, packet.Compensate(run, s.By, s.Now), document, ct);
        if (run is { State: RunState.Denied or RunState.PreflightFailed })
            problem = Why(run);
        if (problem is null)
            return;

        await s.Call.State.KeepAsync(packet, packet.GetStuck(run?.Id, problem, s.By, s.Now), document, ct);
        s.Db.Add(packet.Note("workflow.stuck", s.By, s.Now, ("transition", done.Transition), ("reason_text", problem)));
    }

    // Where it goes is the workflow's to say; without a word it stays, and somebody can try again.
    private static async Task FailedAsync(
        Sitting s,
        Packet packet,
        WorkflowDocument document,
        Run run,
        string key,
        string why,
        CancellationToken ct
    )
    {
        var happened = document.Transitions[key].Otherwise switch
        {
            { Compensate: true } otherwise => packet.BeginSaga(key, otherwise.To, document, run, why, s.By, s.Now),
            { } otherwise => packet.Move(key, otherwise.To, document, run.Id, Mover(packet, run), why, false, s.By, s.Now),
            null => packet.Drop(run.Id, why, s.By, s.Now),
        };
        await s.Call.State.KeepAsync(packet, happened, document, ct);
    }

    private static async Task<(Packet Packet, WorkflowDocument Document)?> PacketAsync(Sitting s, Guid id, CancellationToken ct) =>
        await s.Call.State.FindPacketAsync(id, ct) is { } packet
            ? (packet, (await s.Call.State.FindWorkflowAsync(packet.Workflow, packet.WorkflowVersion, ct))!.Document)
            : null;

    // What follows by itself is still the doing of whoever set it off.
    private static Guid Mover(Packet packet, Run run) => run.ProposedBy == Guid.Empty ? packet.MovedBy : run.ProposedBy;

    private static string Why(Run run) =>
        run.Result
        ?? (run.Decision.Verdict is Verdict.Deny ? run.Decision.Reason : run.Preflight?.Checks.FirstOrDefault(c => !c.Passed)?.Detail)
        ?? run.State.Name();

    private string Fact(string name) => FactOf(Packet, name);

    private static string FactOf(Packet packet, string name) =>
        name switch
        {
            "id" => packet.Id.ToString(),
            "title" => packet.Title,
            _ => packet.State,
        };

    private JsonElement MoveInput() => JsonSerializer.SerializeToElement(new { packet = Packet.Id, transition = Key });

    private static Decision Denied(Decision decision, string reason, IReadOnlyList<string> remedies) =>
        new(Verdict.Deny, [$"workflow"], decision.PolicyVersion, reason, [], remedies);
}
