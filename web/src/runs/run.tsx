import { Ban, Check, ChevronRight, CircleDashed, Clock, Minus, Undo2, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { RunQuery } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { ReceiptRow } from '../receipts/receipt-row';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Diff } from '../ui/diff';
import { Ago, asked, Badge, Button, Card, Empty, Loading, Panel, Problem, ReasonDialog, StateBadge, words } from '../ui/ui';
import { useKeys } from '../ui/use-keys';
import { useDecide } from './decide';
import { SetsOff } from './sets-off';

const runDocument = graphql(`
  query Run($id: ID!) {
    node(id: $id) {
      ... on Run {
        id action title family blast reversibility setsOff { transition title actionTitle blast reversibility } input target reason state heldFrom digest result surface createdAt updatedAt dispatchedAt
        proposedBy { name kind }
        decision { verdict reason policies policyVersion remedies gates { role quorum person { name } } }
        preflight { passed rollbackPlan checks { name passed detail } preview { summary before after } }
        approval { id state digest blocked round createdAt expiresAt gates { role quorum missing reason policy person { name } } decisions { verdict reason at by { name } for { name } } }
        rollback { status summary until runId }
        undoes { id title }
        packet { id title }
        receipts { id kind reasonCode action state step at digest undoes actor { name kind } fields }
      }
    }
  }
`);

const cancelDocument = graphql(`mutation Cancel($input: CancelRunInput!) { cancelRun(input: $input) { run { id state } errors { message } } }`);
const rollBackDocument = graphql(`mutation RollBack($input: RollBackRunInput!) { rollBackRun(input: $input) { run { id state } errors { message } } }`);
const settleDocument = graphql(`mutation Settle($input: SettleRunInput!) { settleRun(input: $input) { run { id state } errors { message } } }`);

type Run = Extract<RunQuery['node'], { digest: string }>;
type Asking = 'reject' | 'changes' | 'cancel' | 'rollback' | 'happened' | 'did-not';

export const RunPage = () => {
  const { id = '' } = useParams();
  const [{ data, error }, again] = useLiveQuery(runDocument, { id });
  if (error) return <Problem message="The run could not be loaded." retry={again} />;
  if (!data) return <Loading rows={5} />;
  if (!data.node || !('digest' in data.node)) return <Empty icon={<Ban />} title="There is no such run here">It may belong to another workspace.</Empty>;
  return <RunView run={data.node as Run} again={again} />;
};

const RunView = ({ run, again }: { run: Run; again: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const decide = useDecide();
  const [, cancel] = useMutation(cancelDocument);
  const [, rollBack] = useMutation(rollBackDocument);
  const [, settle] = useMutation(settleDocument);
  const [asking, setAsking] = useState<Asking>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  const { approval } = run;
  const decidable = run.state === 'AWAITING_APPROVAL' && approval && !approval.blocked;
  const approve = async () => { if (approval && (await decide.approve(approval))) again(); };

  useKeys((key) => {
    if (key === 'a' && decidable) void approve();
    else if (key === 'r' && decidable) setAsking('reject');
    else if (key === 'c' && decidable) setAsking('changes');
    else if (key === 'u') navigate(`/w/${workspace.key}/inbox`);
    else return false;
    return true;
  });

  const answer = async (reason: string) => {
    setBusy(true);
    setProblem(undefined);
    const base = { runId: run.id, reason, idempotencyKey: idempotencyKey() };
    let message: string | undefined;
    let next: string | undefined;
    if (asking === 'reject') {
      message = (await decide.reject(approval!, reason)) ? undefined : 'It could not be rejected. Look at the run again.';
    } else if (asking === 'changes') {
      message = (await decide.askChanges(approval!, reason)) ? undefined : 'It could not be sent back. Look at the run again.';
    } else if (asking === 'rollback') {
      const { data, error } = await rollBack({ input: base });
      message = error ? 'The request did not arrive.' : data?.rollBackRun.errors[0]?.message;
      next = data?.rollBackRun.run?.id;
    } else if (asking === 'cancel') {
      const { data, error } = await cancel({ input: base });
      message = error ? 'The request did not arrive.' : data?.cancelRun.errors[0]?.message;
    } else {
      const { data, error } = await settle({ input: { ...base, outcome: asking === 'happened' ? 'SUCCEEDED' : 'FAILED' } });
      message = error ? 'The request did not arrive.' : data?.settleRun.errors[0]?.message;
    }
    setBusy(false);
    setProblem(message);
    if (message) return;
    setAsking(undefined);
    again();
    if (next) navigate(`/w/${workspace.key}/runs/${next}`);
  };

  return (
    <>
      <nav aria-label="Breadcrumb" className="mb-3 flex items-center gap-1 text-[13px] text-faint">
        <Link to={`/w/${workspace.key}/runs`} className="hover:underline">Runs</Link><ChevronRight aria-hidden className="size-3.5" /><span className="truncate font-mono">{run.target}</span>
      </nav>
      <header className="mb-6 flex items-start justify-between gap-x-8 gap-y-4 max-sm:flex-col">
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-3">
            <h1 className="text-[1.6rem] font-semibold leading-tight tracking-tight">{run.title}</h1>
            <StateBadge state={run.state} />
          </div>
          <p className="mt-1.5 text-soft">
            <span className="font-medium text-ink">{run.proposedBy.name}</span> proposed it <Ago at={run.createdAt} /> through {run.surface}: “{run.reason}”
          </p>
          {run.packet && <p className="mt-1 text-sm text-soft">For the packet <Link className="font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/packets/${run.packet.id}`}>{run.packet.title}</Link>.</p>}
          {run.undoes && <p className="mt-1 text-sm text-soft">Undoes <Link className="font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/runs/${run.undoes.id}`}>{run.undoes.title}</Link>.</p>}
        </div>
        <div className="flex shrink-0 flex-wrap gap-2">
          {decidable && <><Button look="primary" hint="a" busy={decide.busy === approval.id} onClick={() => void approve()}><Check aria-hidden className="size-4" />Approve</Button><Button look="danger" hint="r" onClick={() => setAsking('reject')}>Reject</Button><Button hint="c" onClick={() => setAsking('changes')}>Ask for changes</Button></>}
          {run.state === 'UNKNOWN' && <><Button onClick={() => setAsking('happened')}>It happened</Button><Button onClick={() => setAsking('did-not')}>It did not happen</Button></>}
          {run.rollback.status === 'AVAILABLE' && <Button onClick={() => setAsking('rollback')}><Undo2 aria-hidden className="size-4" />Roll back</Button>}
          {['AWAITING_APPROVAL', 'QUEUED', 'HELD'].includes(run.state) && <Button look="quiet" onClick={() => setAsking('cancel')}>Withdraw</Button>}
        </div>
      </header>

      {decide.error && <div className="mb-4"><Problem message={decide.error} /></div>}
      {run.state === 'AWAITING_APPROVAL' && approval?.blocked && <p className="mb-4 rounded-xl bg-warn-soft px-4 py-2.5 text-sm text-warn">{approval.blocked}</p>}
      {run.result && <p className="mb-4 rounded-xl border border-line bg-surface px-4 py-2.5 text-sm">{run.result}</p>}

      <div className="grid gap-6 lg:grid-cols-[17rem_1fr]">
        <Timeline run={run} />
        <div className="min-w-0 space-y-6">
          {run.preflight && (
            <Panel title={['SUCCEEDED', 'FAILED', 'UNKNOWN'].includes(run.state) ? 'What ran' : 'What would run'} note={`${words(run.blast)} blast · ${words(run.reversibility)}`}>
              <p className="mb-3">{run.preflight.preview.summary}</p>
              {(run.preflight.preview.before ?? run.preflight.preview.after) != null && <Diff before={run.preflight.preview.before} after={run.preflight.preview.after} />}
              <p className="mt-3 text-sm text-soft"><span className="font-medium text-ink">Undo plan.</span> {run.preflight.rollbackPlan}</p>
              {run.setsOff.length > 0 && <div className="mt-3 text-sm text-soft"><span className="font-medium text-ink">Then by itself.</span> The workflow goes on without being asked; each step has its own gates.<div className="mt-1"><SetsOff steps={run.setsOff} /></div></div>}
            </Panel>
          )}
          <Panel title="Why" note={`Policies ${run.decision.policyVersion}`}>
            <p>{run.decision.reason}</p>
            {run.decision.policies.length > 0 && <p className="mt-2 flex flex-wrap gap-1.5">{run.decision.policies.map((p) => <code key={p} className="rounded bg-sunken px-1.5 py-0.5 font-mono text-[13px] text-soft">{p}</code>)}</p>}
            {run.state === 'DENIED' && run.decision.remedies.length > 0 && <><p className="mt-3 text-sm font-medium">What would change it</p><ul className="mt-1 list-disc pl-5 text-sm text-soft">{run.decision.remedies.map((r) => <li key={r}>{r}</li>)}</ul></>}
          </Panel>
          {run.preflight && (
            <Panel title="Checks">
              <ul className="space-y-1.5 text-sm">
                {run.preflight.checks.map((c) => (
                  <li key={c.name} className="flex gap-2.5">
                    {c.passed ? <Check aria-label="passed" className="mt-0.5 size-4 shrink-0 text-good" /> : <X aria-label="failed" className="mt-0.5 size-4 shrink-0 text-bad" />}
                    <span><span className="font-medium">{words(c.name)}.</span> <span className="text-soft">{c.detail}</span></span>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          {approval && (
            <Panel title="Gate" note={approval.round > 0 ? `Asked again ${approval.round} time${approval.round > 1 ? 's' : ''}` : undefined}>
              <ul className="space-y-1.5 text-sm">
                {approval.gates.map((g) => <li key={g.policy} className="flex flex-wrap items-center gap-2"><Badge tone={g.missing ? 'warn' : 'good'}>{g.quorum - g.missing} of {g.quorum} {asked(g)}</Badge><span className="text-soft">{g.reason}</span></li>)}
                {approval.decisions.map((d) => <li key={d.at} className="text-soft"><span className="font-medium text-ink">{d.by.name}</span> {d.for ? `for ${d.for.name} ` : ''}{d.verdict === 'APPROVE' ? 'approved' : d.verdict === 'REJECT' ? 'rejected' : 'asked for changes'} <Ago at={d.at} />{d.reason ? `: “${d.reason}”` : '.'}</li>)}
              </ul>
              <p className="mt-3 break-all font-mono text-xs text-faint" title="What an approval binds to">digest {approval.digest}</p>
            </Panel>
          )}
          <Panel title="Input"><pre tabIndex={0} aria-label="Input" className="max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-lg bg-sunken p-3 font-mono text-[13px] leading-6 text-soft">{JSON.stringify(run.input, null, 2)}</pre></Panel>
          <Panel title="Receipts" note={`${run.receipts.length}`} flush>
            <ol className="divide-y divide-line">{run.receipts.map((r) => <li key={r.id}><ReceiptRow receipt={r} /></li>)}</ol>
          </Panel>
        </div>
      </div>

      <ReasonDialog open={!!asking} busy={busy} error={problem} onClose={() => { setAsking(undefined); setProblem(undefined); }} onSubmit={(reason) => void answer(reason)}
        {...({
          reject: { title: 'Reject this request?', lead: 'It will not run. The proposer sees your reason.', action: 'Reject', danger: true },
          changes: { title: 'Ask for changes?', lead: 'It goes back to whoever proposed it, with what you say.', action: 'Ask for changes' },
          cancel: { title: 'Withdraw this request?', lead: 'It will not run. Whoever was asked sees that it is gone.', action: 'Withdraw', danger: true },
          rollback: { title: 'Roll it back?', lead: run.rollback.summary, action: 'Roll back' },
          happened: { title: 'It happened?', lead: 'The answer was lost. Say so only when you have asked the receiver.', action: 'Settle as done' },
          'did-not': { title: 'It did not happen?', lead: 'The answer was lost. Say so only when you have asked the receiver.', action: 'Settle as failed', danger: true },
        }[asking ?? 'cancel'])} />
    </>
  );
};

type Step = { name: string; text: ReactNode; mark: 'done' | 'now' | 'failed' | 'open' | 'skipped' };

const steps = (run: Run): Step[] => {
  const { state, approval, preflight } = run;
  const ended = ['REJECTED', 'EXPIRED', 'CANCELLED', 'DENIED', 'PREFLIGHT_FAILED'].includes(state);
  const ran = ['SUCCEEDED', 'FAILED', 'UNKNOWN'].includes(state);
  return [
    { name: 'Select', text: run.action, mark: 'done' },
    { name: 'Eligibility', text: state === 'DENIED' ? 'Denied by policy' : run.decision.verdict === 'ALLOW' ? 'Allowed' : 'Allowed behind gates', mark: state === 'DENIED' ? 'failed' : 'done' },
    { name: 'Preflight', text: !preflight ? 'Not reached' : preflight.passed ? `${preflight.checks.length} checks passed` : 'A check failed', mark: !preflight ? 'skipped' : preflight.passed ? 'done' : 'failed' },
    {
      name: 'Gate',
      text: !approval ? (ended ? 'Not reached' : 'Not needed') : state === 'AWAITING_APPROVAL' ? <>Decide <Ago at={approval.expiresAt} /></> : words(approval.state),
      mark: !approval ? 'skipped' : approval.state === 'APPROVED' ? 'done' : state === 'AWAITING_APPROVAL' || state === 'HELD' ? 'now' : 'failed',
    },
    {
      name: 'Execute',
      text: state === 'SUCCEEDED' ? 'Done' : state === 'FAILED' ? 'Failed' : state === 'UNKNOWN' ? 'Outcome unknown' : state === 'RUNNING' ? 'Running' : state === 'QUEUED' ? 'Queued' : state === 'HELD' ? 'Held by a stop' : ended ? 'Not reached' : 'Waits',
      mark: state === 'SUCCEEDED' ? 'done' : state === 'FAILED' ? 'failed' : ['RUNNING', 'QUEUED', 'UNKNOWN'].includes(state) ? 'now' : ended ? 'skipped' : 'open',
    },
    { name: 'Receipt', text: `${run.receipts.length} in the chain`, mark: ran || ended ? 'done' : 'open' },
    {
      name: 'Rollback',
      text: { NONE: ended ? 'Nothing to undo' : 'Not yet', AVAILABLE: 'Available', EXPIRED: 'Too late', BLOCKED: run.rollback.summary, PENDING: 'On its way', USED: 'Rolled back' }[run.rollback.status],
      mark: run.rollback.status === 'AVAILABLE' ? 'now' : run.rollback.status === 'USED' ? 'done' : run.rollback.status === 'NONE' && !ended ? 'open' : 'skipped',
    },
  ];
};

const marks = {
  done: [Check, 'bg-good-soft text-good'], now: [Clock, 'bg-accent-soft text-accent-text'], failed: [X, 'bg-bad-soft text-bad'],
  open: [CircleDashed, 'bg-sunken text-faint'], skipped: [Minus, 'bg-sunken text-faint'],
} as const;

const Timeline = ({ run }: { run: Run }) => (
  <Card className="self-start lg:sticky lg:top-6">
    <h2 className="border-b border-line px-5 py-3 text-sm font-semibold">Path</h2>
    <ol className="px-5 py-4">
      {steps(run).map((step, i, all) => {
        const [Icon, tint] = marks[step.mark];
        return (
          <li key={step.name} className="relative flex gap-3 pb-4 last:pb-0" aria-current={step.mark === 'now' ? 'step' : undefined}>
            {i < all.length - 1 && <span aria-hidden className="absolute bottom-0 left-3 top-6 w-px -translate-x-1/2 bg-line" />}
            <span aria-hidden className={`relative grid size-6 shrink-0 place-items-center rounded-full ${tint}`}><Icon className="size-3.5" strokeWidth={2.5} /></span>
            <span className="min-w-0 leading-tight"><span className="block text-sm font-medium leading-6">{step.name}</span><span className="block text-[13px] text-soft">{step.text}</span></span>
          </li>
        );
      })}
    </ol>
  </Card>
);
