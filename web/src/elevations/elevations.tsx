import { ShieldAlert, ShieldPlus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { ElevationsQuery } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Loading, Panel, Problem, ReasonDialog } from '../ui/ui';

const elevationsDocument = graphql(`
  query Elevations($key: String!) {
    viewer { me { principalId } elevationRequests { requestId workspaceKey role minutes reason at answer } }
    workspace(key: $key) { id elevations { id role reason breakGlass since until endedAt uses justified review who { principalId name } reviewedBy { name } } }
  }
`);
const mineDocument = graphql(`query MyElevations { viewer { elevations { elevationId workspace workspaceKey role reason breakGlass until } } }`);
const requestDocument = graphql(`mutation RequestElevation($input: RequestElevationInput!) { requestElevation(input: $input) { request { requestId answer } errors { message } } }`);
const endDocument = graphql(`mutation EndElevation($input: EndElevationInput!) { endElevation(input: $input) { elevation { id endedAt } errors { message } } }`);
const reviewDocument = graphql(`mutation ReviewElevation($input: ReviewElevationInput!) { reviewElevation(input: $input) { elevation { id justified } errors { message } } }`);

type Elevation = NonNullable<ElevationsQuery['workspace']>['elevations'][number];

const left = (until: string, now: number) => {
  const minutes = Math.max(0, Math.round((Date.parse(until) - now) / 60_000));
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
};

/** Says that the person is elevated, wherever they are, for as long as it lasts. */
export const ElevationBanner = () => {
  const [{ data }, again] = useLiveQuery(mineDocument, {});
  const [{ fetching }, end] = useMutation(endDocument);
  const [now, setNow] = useState(Date.now);
  const live = (data?.viewer.elevations ?? []).filter((e) => Date.parse(e.until) > now);
  useEffect(() => {
    const timer = setInterval(() => { setNow(Date.now()); again(); }, 15_000);
    return () => clearInterval(timer);
  }, [again]);
  return live.map((e) => (
    <div key={e.elevationId} role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-warn/25 bg-warn-soft px-6 py-2 text-sm text-warn">
      <ShieldAlert aria-hidden className="size-4 shrink-0" />
      <span className="min-w-0 flex-1"><strong className="font-semibold">You are {e.role} of {e.workspace} for {left(e.until, now)}.</strong> {e.breakGlass ? 'You broke the glass: somebody looks over it.' : 'Everything that you see and do by it is on record.'}</span>
      <button type="button" disabled={fetching} className="rounded font-medium underline disabled:opacity-55" onClick={() => void end({ input: { elevationId: e.elevationId, reason: 'Done before its time.', idempotencyKey: idempotencyKey() } }).then(again)}>End it now</button>
    </div>
  ));
};

const answers = { WAITING: ['warn', 'Nobody answered yet'], GRANTED: ['good', 'Let in'], REJECTED: ['bad', 'Rejected'], EXPIRED: ['neutral', 'Nobody answered'] } as const;

export const Elevations = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(elevationsDocument, { key: workspace.key });
  const [{ fetching: ending }, end] = useMutation(endDocument);
  const [{ fetching: looking }, review] = useMutation(reviewDocument);
  const [asking, setAsking] = useState(false);
  const [doing, setDoing] = useState<{ elevation: Elevation; what: 'end' | 'justified' | 'not' }>();
  const [problem, setProblem] = useState<string>();
  if (error) return <Problem message="The elevations could not be loaded." retry={again} />;
  if (!data) return <Loading />;
  const elevations = data.workspace?.elevations ?? [];
  const start = (elevation: Elevation, what: 'end' | 'justified' | 'not') => { setProblem(undefined); setDoing({ elevation, what }); };
  const submit = async (reason: string) => {
    const input = { elevationId: doing!.elevation.id, reason, idempotencyKey: idempotencyKey() };
    const refused = doing!.what === 'end'
      ? await end({ input }).then((r) => (r.error ? 'It did not arrive. Try again.' : r.data?.endElevation.errors[0]?.message))
      : await review({ input: { ...input, justified: doing!.what === 'justified' } }).then((r) => (r.error ? 'It did not arrive. Try again.' : r.data?.reviewElevation.errors[0]?.message));
    setProblem(refused);
    if (!refused) setDoing(undefined);
    again();
  };
  return (
    <div className="space-y-6">
      <Panel title="What you asked for" note="A role for a while, here or elsewhere; somebody there lets you in." flush action={<Button onClick={() => setAsking(true)}><ShieldPlus aria-hidden className="size-4" />Be elevated</Button>}>
        {data.viewer.elevationRequests.length === 0 ? <p className="px-5 py-4 text-sm text-faint">Nothing within the last week.</p> : (
          <ul className="divide-y divide-line">
            {data.viewer.elevationRequests.map((r) => (
              <li key={r.requestId} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 text-sm">
                <span className="min-w-0 flex-1 basis-56"><span className="font-medium">{r.role} of {r.workspaceKey}</span> for {r.minutes} minutes<span className="block truncate text-[13px] text-faint">{r.reason}</span></span>
                <Badge tone={answers[r.answer][0]}>{answers[r.answer][1]}</Badge><span className="text-[13px] text-faint"><Ago at={r.at} /></span>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {elevations.length === 0 ? <Empty icon={<ShieldAlert />} title="Nobody was elevated here">Whoever is leaves a receipt for everything that they see.</Empty> : (
        <Card className="overflow-hidden">
          <ul className="divide-y divide-line">
            {elevations.map((e) => {
              const live = !e.endedAt && Date.parse(e.until) > Date.now();
              return (
                <li key={e.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3 text-sm">
                  <span className="min-w-0 flex-1 basis-64">
                    <span className="font-medium">{e.who.name}</span> as {e.role}, <Ago at={e.since} />
                    <span className="block text-[13px] text-faint">{e.reason}{e.review ? ` · ${e.reviewedBy?.name}: ${e.review}` : ''}</span>
                  </span>
                  <span className="tabular-nums text-[13px] text-faint">{e.uses} {e.uses === 1 ? 'record' : 'records'}</span>
                  {live && <Badge tone="warn">{left(e.until, Date.now())} left</Badge>}
                  {e.breakGlass && <Badge tone={e.justified == null ? 'bad' : 'neutral'}>{e.justified == null ? 'Broke the glass' : e.justified ? 'Justified' : 'Not justified'}</Badge>}
                  {e.breakGlass && e.justified == null && e.who.principalId !== data.viewer.me.principalId && <><Button look="quiet" onClick={() => start(e, 'justified')}>Justified</Button><Button look="quiet" onClick={() => start(e, 'not')}>Not justified</Button></>}
                  {live && <Button look="quiet" onClick={() => start(e, 'end')}>End</Button>}
                </li>
              );
            })}
          </ul>
        </Card>
      )}
      {asking && <Ask workspace={workspace} onClose={() => { setAsking(false); again(); }} />}
      <ReasonDialog open={!!doing} title={doing?.what === 'end' ? `End the elevation of ${doing.elevation.who.name}?` : doing?.what === 'justified' ? 'It was justified?' : 'It was not justified?'}
        lead={doing?.what === 'end' ? 'It ends at once, open pages and connections included.' : 'Say what you found. It goes into the receipts.'} action={doing?.what === 'end' ? 'End it' : 'Say so'} danger={doing?.what !== 'justified'}
        busy={ending || looking} error={problem} onClose={() => setDoing(undefined)} onSubmit={(reason) => void submit(reason)} />
    </div>
  );
};

const Ask = ({ workspace, onClose }: { workspace: { key: string }; onClose: () => void }) => {
  const [{ fetching }, request] = useMutation(requestDocument);
  const [form, setForm] = useState({ workspaceKey: workspace.key, role: 'admin', minutes: 60, breakGlass: false, reason: '' });
  const [problem, setProblem] = useState<string>();
  const set = (part: Partial<typeof form>) => setForm((f) => ({ ...f, ...part }));
  const submit = async () => {
    const { data, error } = await request({ input: { ...form, idempotencyKey: idempotencyKey() } });
    const refused = error ? 'It did not arrive. Try again.' : data?.requestElevation.errors[0]?.message;
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title="Be elevated" lead="Everything that you see and do by it leaves a receipt. It ends by itself.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="Workspace" help="Its key. It need not be one that you can see; you are not told whether it is there.">{(p) => <Input {...p} required maxLength={80} value={form.workspaceKey} onChange={(e) => set({ workspaceKey: e.target.value })} />}</Field>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Role">{(p) => <select {...p} value={form.role} onChange={(e) => set({ role: e.target.value })}>{['owner', 'admin', 'operator', 'approver', 'auditor'].map((r) => <option key={r}>{r}</option>)}</select>}</Field>
            <Field label="For">{(p) => <select {...p} value={form.minutes} onChange={(e) => set({ minutes: Number(e.target.value) })}>{[[15, '15 minutes'], [30, '30 minutes'], [60, 'an hour'], [120, '2 hours'], [240, '4 hours'], [480, '8 hours']].map(([m, t]) => <option key={m} value={m}>{t}</option>)}</select>}</Field>
          </div>
          <Field label="Reason" help="Whoever lets you in reads it.">{(p) => <Input {...p} required maxLength={2000} value={form.reason} onChange={(e) => set({ reason: e.target.value })} />}</Field>
          <label className="flex items-start gap-2.5 text-sm"><input type="checkbox" className="mt-0.5" checked={form.breakGlass} onChange={(e) => set({ breakGlass: e.target.checked })} /><span>Break the glass<span className="block text-[13px] text-faint">Come in at once without being let in. For owners, when nobody is there; somebody else looks over it afterwards.</span></span></label>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look={form.breakGlass ? 'danger' : 'primary'} busy={fetching}>{form.breakGlass ? 'Break the glass' : 'Ask'}</Button></div>
      </form>
    </Dialog>
  );
};
