import { OctagonX } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { StopBoundary } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog, TextArea, words } from '../ui/ui';

const stopsDocument = graphql(`
  query Stops($key: String!) {
    workspace(key: $key) {
      id
      stops(all: true) { id boundary target reason state engagedAt effectiveAt timeToStop held cancelled atOnce stage releasedAt engagedHere engagedBy { principalId name } }
      stopLights { boundary armed checkedAt milliseconds fault }
      families { name }
      agents { principalId name }
    }
  }
`);
const engageDocument = graphql(`mutation Engage($input: EngageStopInput!) { engageStop(input: $input) { stop { id } errors { message } } }`);
const releaseDocument = graphql(`mutation Release($input: ReleaseStopInput!) { releaseStop(input: $input) { run { id } errors { message } } }`);

const boundaries: { value: StopBoundary; label: string; help: string }[] = [
  { value: 'WORKSPACE', label: 'This workspace', help: 'Nothing in this workspace is proposed or run.' },
  { value: 'AGENT', label: 'One agent', help: 'Nothing that this agent proposed runs.' },
  { value: 'FAMILY', label: 'One action family', help: 'Nothing of this family runs.' },
  { value: 'CONNECTOR', label: 'One connection', help: 'Nothing goes out through this connection.' },
  { value: 'TENANT', label: 'The whole tenant', help: 'Nothing runs in any workspace. Owners only.' },
];

const time = (milliseconds: number) => (milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`);

const effect = (stop: { effectiveAt?: string | null; timeToStop?: number | null; held: number; cancelled: number; stage: number; state: string }) =>
  stop.state === 'RELEASING' ? (stop.stage ? `Part ${stop.stage} goes on. If something fails, everything is held again.` : 'The first part is about to go on.')
  : stop.effectiveAt ? `Took effect within ${time(stop.timeToStop!)}. ${stop.held} held${stop.cancelled ? `, ${stop.cancelled} ended under way` : ''}.`
  : 'Taking effect: something is still under way.';

export const Stops = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ data, error }, again] = useLiveQuery(stopsDocument, { key: workspace.key });
  const [, engage] = useMutation(engageDocument);
  const [, release] = useMutation(releaseDocument);
  const [engaging, setEngaging] = useState(false);
  const [boundary, setBoundary] = useState<StopBoundary>('WORKSPACE');
  const [releasing, setReleasing] = useState<string>();
  const [atOnce, setAtOnce] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const found = data?.workspace;
  const engaged = found?.stops.filter((s) => !s.releasedAt) ?? [];
  const past = found?.stops.filter((s) => s.releasedAt) ?? [];
  const nameOf = (stop: { boundary: StopBoundary; target?: string | null }) => `${words(stop.boundary)}${stop.target ? ` · ${found?.agents.find((a) => a.principalId === stop.target)?.name ?? stop.target}` : ''}`;

  const submit = async (form: FormData) => {
    setBusy(true);
    const { data: done, error: failed } = await engage({ input: { workspaceId: workspace.id, boundary, target: (form.get('target') as string | null) || null, reason: String(form.get('reason')), idempotencyKey: idempotencyKey() } });
    setBusy(false);
    const message = failed ? 'The stop did not arrive. Try again.' : done?.engageStop.errors[0]?.message;
    setProblem(message);
    if (!message) { setEngaging(false); again(); }
  };

  return (
    <>
      <PageTitle title="Stops" lead="A stop takes effect at once and needs no approval. Somebody else releases it.">
        <Button look="danger" onClick={() => { setProblem(undefined); setEngaging(true); }}><OctagonX aria-hidden className="size-4" />Stop something</Button>
      </PageTitle>
      {error && <Problem message="The stops could not be loaded." retry={again} />}
      {!found && !error && <Loading rows={2} />}
      {found && (
        <section aria-label="Boundaries" className="mb-6">
          <Card className="grid grid-cols-2 divide-line sm:grid-cols-3 lg:grid-cols-5 lg:divide-x">
            {boundaries.map(({ value }) => {
              const light = found.stopLights.find((l) => l.boundary === value)!;
              const on = engaged.filter((s) => s.boundary === value).length;
              const look = on ? { dot: 'bg-bad', text: `${on} engaged` } : light.armed ? { dot: 'bg-good', text: 'Armed' } : light.fault ? { dot: 'bg-bad', text: 'Does not hold' } : { dot: 'bg-faint', text: light.checkedAt ? 'Not checked lately' : 'Not checked yet' };
              return (
                <div key={value} className="px-4 py-3.5">
                  <div className="text-[13px] font-medium">{words(value)}</div>
                  <div className="mt-1 flex items-center gap-1.5 text-[13px] text-soft"><span aria-hidden className={`size-2 shrink-0 rounded-full ${look.dot}`} />{look.text}</div>
                  <div className="mt-0.5 min-h-5 text-[13px] text-faint">{light.fault ?? (light.checkedAt ? <>checked <Ago at={light.checkedAt} /></> : '')}</div>
                </div>
              );
            })}
          </Card>
          <p className="mt-2 text-[13px] text-faint">Every minute each boundary is stopped for a made-up principal, to see that it holds. Nobody&rsquo;s work is touched.</p>
        </section>
      )}
      {found && engaged.length === 0 && <Empty icon={<OctagonX />} title="No stop is engaged">Work goes on as policy allows.</Empty>}
      <div className="space-y-3">
        {engaged.map((stop) => (
          <Card key={stop.id} className="flex flex-wrap items-center gap-4 border-bad/40 p-5">
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2"><Badge tone={stop.state === 'RELEASING' ? 'warn' : 'bad'}>{stop.state === 'RELEASING' ? `Releasing, ${stop.atOnce} at a time` : 'Engaged'}</Badge><span className="font-semibold">{nameOf(stop)}</span></div>
              <p className="mt-1 text-soft">{stop.reason}</p>
              <p className="mt-0.5 text-[13px] text-faint">{stop.engagedBy.name}, <Ago at={stop.engagedAt} />{stop.engagedHere ? '' : ', in another workspace'}</p>
              <p className="mt-0.5 min-h-5 text-[13px] text-faint">{effect(stop)}</p>
            </div>
            {stop.engagedHere && stop.state === 'ENGAGED' && <Button onClick={() => { setProblem(undefined); setAtOnce(''); setReleasing(stop.id); }}>Release</Button>}
          </Card>
        ))}
      </div>
      {past.length > 0 && (
        <section className="mt-8">
          <h2 className="mb-2.5 text-[13px] font-semibold uppercase tracking-wider text-faint">Earlier</h2>
          <Card className="divide-y divide-line">{past.map((stop) => <div key={stop.id} className="flex items-center justify-between gap-4 px-5 py-3 text-sm"><span className="min-w-0 truncate"><span className="font-medium">{nameOf(stop)}</span> <span className="text-soft">{stop.reason}</span></span><span className="shrink-0 text-[13px] text-faint">{stop.timeToStop == null ? '' : `stopped in ${time(stop.timeToStop)}, `}released <Ago at={stop.releasedAt!} /></span></div>)}</Card>
        </section>
      )}
      <Dialog open={engaging} onClose={() => setEngaging(false)} title="Stop something" lead="What waits inside the boundary is held; nothing new begins.">
        <form onSubmit={(e) => { e.preventDefault(); void submit(new FormData(e.currentTarget)); }}>
          <div className="space-y-4 px-5 py-4">
            {problem && <Problem message={problem} />}
            <Field label="What to stop" help={boundaries.find((b) => b.value === boundary)?.help}>
              {(p) => <select {...p} value={boundary} onChange={(e) => setBoundary(e.target.value as StopBoundary)}>{boundaries.map((b) => <option key={b.value} value={b.value}>{b.label}</option>)}</select>}
            </Field>
            {boundary === 'AGENT' && <Field label="Agent">{(p) => <select {...p} name="target" required>{found?.agents.map((a) => <option key={a.principalId} value={a.principalId}>{a.name}</option>)}</select>}</Field>}
            {boundary === 'FAMILY' && <Field label="Family">{(p) => <select {...p} name="target" required>{found?.families.map((f) => <option key={f.name}>{f.name}</option>)}</select>}</Field>}
            {boundary === 'CONNECTOR' && <Field label="Connection" help="The connection's key.">{(p) => <Input {...p} name="target" required />}</Field>}
            <Field label="Reason" help="Goes into the receipt, and everybody here sees it.">{(p) => <TextArea {...p} name="reason" rows={3} required maxLength={2000} />}</Field>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => setEngaging(false)}>Back</Button><Button type="submit" look="danger" busy={busy}>Stop now</Button></div>
        </form>
      </Dialog>
      <ReasonDialog open={!!releasing} title="Release this stop?" lead="What it held goes on from where it was." action="Release" busy={busy} error={problem} onClose={() => setReleasing(undefined)}
        extra={
          <Field label="How" help={atOnce ? 'The next ones go on when these have ended well. When one fails, everything is held again.' : 'Everything that it held goes on at once.'}>
            {(p) => <select {...p} value={atOnce} onChange={(e) => setAtOnce(e.target.value)}><option value="">All at once</option>{[1, 5, 25, 100].map((n) => <option key={n} value={n}>{n} at a time</option>)}</select>}
          </Field>
        }
        onSubmit={async (reason) => {
          setBusy(true);
          const { data: done, error: failed } = await release({ input: { stopId: releasing!, atOnce: atOnce ? Number(atOnce) : undefined, reason, idempotencyKey: idempotencyKey() } });
          setBusy(false);
          const message = failed ? 'The request did not arrive.' : done?.releaseStop.errors[0]?.message;
          setProblem(message);
          if (!message) { setReleasing(undefined); if (done?.releaseStop.run) navigate(`/w/${workspace.key}/runs/${done.releaseStop.run.id}`); }
        }} />
    </>
  );
};
