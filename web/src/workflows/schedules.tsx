import { CalendarClock, KeyRound, Pencil, Plus, Trash2 } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import type { SchedulesQuery } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { fieldsOf, type Schema } from '../packets/schema-form';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Problem, ReasonDialog, TextArea } from '../ui/ui';

const schedulesDocument = graphql(`
  query Schedules($key: String!) {
    workspace(key: $key) { id schedules { key trigger cron timeZone missed whenWorkflow whenState enabled hook nextAt lastAt started lastProblem starts } }
  }
`);
const definitionsDocument = graphql(`query ScheduleDefinitions($key: String!) { workspace(key: $key) { id packetTypes { key title schema } workflows { key title packetType document } } }`);
const proposeDocument = graphql(`
  mutation ProposeSchedule($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state decision { reason } preflight { checks { passed detail } } } errors { message ... on InvalidInput { faults { path message } } } } }
`);
const renewDocument = graphql(`mutation RenewSecret($input: RenewScheduleSecretInput!) { renewScheduleSecret(input: $input) { secret errors { message } } }`);

type Schedule = NonNullable<SchedulesQuery['workspace']>['schedules'][number];

/** What starts packets by itself: listed, set, changed, taken away, and the secret of a call from outside renewed. */
export const Schedules = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(schedulesDocument, { key: workspace.key });
  const [, propose] = useMutation(proposeDocument);
  const [{ fetching: renewing }, renew] = useMutation(renewDocument);
  const [editing, setEditing] = useState<Schedule | 'new'>();
  const [removing, setRemoving] = useState<string>();
  const [secretOf, setSecretOf] = useState<string>();
  const [secret, setSecret] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const schedules = data?.workspace?.schedules;

  const remove = async (reason: string) => {
    const { data: sent, error: failed } = await propose({ input: { workspaceId: workspace.id, action: 'schedule.remove', input: { key: removing }, reason, idempotencyKey: idempotencyKey() } });
    const answer = sent?.proposeAction;
    const refused = failed ? 'It did not arrive. Try again.' : answer?.errors[0]?.message ?? (answer?.run?.state === 'DENIED' ? answer.run.decision.reason : undefined);
    setProblem(refused);
    if (!refused) setRemoving(undefined);
    again();
  };
  const tell = async () => {
    const { data: sent, error: failed } = await renew({ input: { workspaceId: workspace.id, schedule: secretOf! } });
    const refused = failed ? 'It did not arrive. Try again.' : sent?.renewScheduleSecret.errors[0]?.message;
    setProblem(refused);
    setSecret(sent?.renewScheduleSecret.secret ?? undefined);
    if (refused) setSecretOf(undefined);
  };

  return (
    <section aria-labelledby="schedules" className="mt-10">
      <div className="mb-3 flex items-center justify-between gap-4">
        <h2 id="schedules" className="text-lg font-semibold tracking-tight">Started by themselves</h2>
        <Button onClick={() => setEditing('new')}><Plus aria-hidden className="size-4" />New schedule</Button>
      </div>
      {(error || (problem && !removing)) && <div className="mb-3"><Problem message={problem ?? 'The schedules could not be loaded.'} retry={error ? again : undefined} /></div>}
      {schedules?.length === 0 && <Empty icon={<CalendarClock />} title="Nothing starts by itself yet">A schedule begins packets by the clock, when it is called from outside, or when another packet comes into a state.</Empty>}
      {schedules && schedules.length > 0 && (
        <Card className="overflow-hidden">
          <ul className="divide-y divide-line">
            {schedules.map((s) => (
              <li key={s.key} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 text-sm">
                <span className="min-w-0 flex-1 basis-72">
                  <span className="font-medium">{s.key}</span> <span className="text-soft">{s.trigger === 'CRON' ? `${s.cron} (${s.timeZone})` : s.trigger === 'WEBHOOK' ? 'when called from outside' : `when ${s.whenWorkflow} comes into ${s.whenState}`}</span>
                  {s.hook && <code className="block truncate font-mono text-xs text-faint">{s.hook}</code>}
                  {s.lastProblem && <span className="block text-[13px] text-bad">{s.lastProblem}</span>}
                </span>
                {!s.enabled && <Badge>Off</Badge>}
                <span className="text-[13px] text-faint">{s.started.toLocaleString()} started{s.nextAt ? <>, next <Ago at={s.nextAt} /></> : ''}</span>
                <span className="flex gap-1">
                  {s.trigger === 'WEBHOOK' && <Icon label={`New secret for ${s.key}`} onClick={() => { setProblem(undefined); setSecret(undefined); setSecretOf(s.key); }}><KeyRound className="size-4" /></Icon>}
                  <Icon label={`Change ${s.key}`} onClick={() => setEditing(s)}><Pencil className="size-4" /></Icon>
                  <Icon label={`Remove ${s.key}`} onClick={() => { setProblem(undefined); setRemoving(s.key); }}><Trash2 className="size-4" /></Icon>
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {editing && <EditSchedule schedule={editing === 'new' ? undefined : editing} onClose={() => { setEditing(undefined); again(); }} />}
      <ReasonDialog open={!!removing} title={`Remove ${removing}`} lead="What it started stays. It can be set again." action="Remove" danger busy={false} error={problem} onClose={() => setRemoving(undefined)} onSubmit={(reason) => void remove(reason)} />
      {secretOf && (
        <Dialog open onClose={() => setSecretOf(undefined)} title={`Secret of ${secretOf}`} lead="Callers sign with it, as Standard Webhooks has it. The one before holds no longer.">
          <div className="space-y-4 p-5">
            {secret ? (
              <>
                <Field label="Secret" help="It is shown this once.">{(p) => <Input {...p} readOnly value={secret} className={`${p.className} font-mono`} onFocus={(e) => e.target.select()} />}</Field>
                <div className="flex justify-end gap-2"><Button onClick={() => void navigator.clipboard.writeText(secret)}>Copy</Button><Button look="primary" onClick={() => setSecretOf(undefined)}>Done</Button></div>
              </>
            ) : (
              <>
                <p className="text-sm text-soft">Whoever calls with the present secret is refused from then on, until they have the new one.</p>
                <div className="flex justify-end gap-2"><Button onClick={() => setSecretOf(undefined)}>Back</Button><Button look="danger" busy={renewing} onClick={() => void tell()}>Make a new secret</Button></div>
              </>
            )}
          </div>
        </Dialog>
      )}
    </section>
  );
};

const Icon = ({ label, onClick, children }: { label: string; onClick: () => void; children: React.ReactNode }) => (
  <button type="button" aria-label={label} title={label} className="rounded-md p-1.5 text-faint hover:bg-sunken hover:text-ink" onClick={onClick}>{children}</button>
);

type Starts = { type?: string; workflow?: string; title?: unknown; payload?: Record<string, unknown>; labels?: string[] };

const isFrom = (value: unknown): value is { from: string } => !!value && typeof value === 'object' && 'from' in value && typeof value.from === 'string';
const toText = (value: unknown): string => (value === undefined ? '' : isFrom(value) ? value.from : typeof value === 'string' ? value : JSON.stringify(value));

const EditSchedule = ({ schedule, onClose }: { schedule?: Schedule; onClose: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ data }] = useQuery({ query: definitionsDocument, variables: { key: workspace.key } });
  const [{ fetching }, propose] = useMutation(proposeDocument);
  const was = (schedule?.starts ?? {}) as Starts;
  const [key, setKey] = useState(schedule?.key ?? '');
  const [trigger, setTrigger] = useState(schedule?.trigger.toLowerCase() ?? 'cron');
  const [cron, setCron] = useState(schedule?.cron ?? '0 9 * * MON');
  const [timeZone, setTimeZone] = useState(schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [missed, setMissed] = useState(schedule?.missed === 'CATCH_UP' ? 'catch-up' : 'skip');
  const [whenWorkflow, setWhenWorkflow] = useState(schedule?.whenWorkflow ?? '');
  const [whenState, setWhenState] = useState(schedule?.whenState ?? '');
  const [enabled, setEnabled] = useState(schedule?.enabled ?? true);
  const [type, setType] = useState(was.type ?? '');
  const [workflow, setWorkflow] = useState(was.workflow ?? '');
  const [title, setTitle] = useState(toText(was.title));
  const [payload, setPayload] = useState<Record<string, string>>(() => Object.fromEntries(Object.entries(was.payload ?? {}).map(([name, value]) => [name, toText(value)])));
  const [reason, setReason] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string>();
  const once = useMemo(idempotencyKey, [key, trigger, cron, timeZone, missed, whenWorkflow, whenState, enabled, type, title, payload, reason]);
  const room = data?.workspace;
  const types = room?.packetTypes.filter((t) => room.workflows.some((w) => w.packetType === t.key)) ?? [];
  const schema = (types.find((t) => t.key === type)?.schema ?? {}) as Schema;
  const ways = room?.workflows.filter((w) => w.packetType === type) ?? [];
  const watched = room?.workflows.find((w) => w.key === whenWorkflow)?.document as { states: Record<string, { title: string }> } | undefined;
  const hint = trigger === 'webhook' ? '/data/…' : trigger === 'packet' ? '/packet/title or /packet/payload/…' : undefined;

  // A text that begins with a slash is a place in what triggered it; the clock brings nothing to read from.
  const source = (text: string, kind?: unknown): unknown => {
    if (hint && text.startsWith('/')) return { from: text };
    if (kind === 'integer' || kind === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
    if (kind === 'boolean') return text === 'true';
    if (kind === 'array' || kind === 'object') { try { return JSON.parse(text); } catch { return text; } }
    return text;
  };

  const submit = async () => {
    const starts = {
      type, title: source(title), payload: Object.fromEntries(Object.entries(payload).filter(([, v]) => v !== '').map(([name, v]) => [name, source(v, schema.properties?.[name]?.type)])),
      ...(ways.length > 1 ? { workflow } : {}), ...(was.labels ? { labels: was.labels } : {}),
    };
    const input = { key, trigger, enabled, starts, ...(trigger === 'cron' ? { cron, timeZone, missed } : trigger === 'packet' ? { whenWorkflow, whenState } : {}) };
    const { data: sent, error } = await propose({ input: { workspaceId: workspace.id, action: 'schedule.set', input, reason, idempotencyKey: once } });
    const answer = sent?.proposeAction;
    const refusal = answer?.errors[0];
    const run = answer?.run;
    if (refusal && 'faults' in refusal) {
      setFaults(Object.fromEntries(refusal.faults.map((f) => [f.path.replace(/^\//, ''), f.message])));
      setProblem(refusal.faults.map((f) => `${f.path.replace(/^\//, '')} ${f.message}`).join('. '));
    } else if (error || refusal) setProblem(refusal?.message ?? 'It did not arrive. Try again.');
    else if (run?.state === 'DENIED') setProblem(run.decision.reason);
    else if (run?.state === 'AWAITING_APPROVAL') navigate(`/w/${workspace.key}/runs/${run.id}`);
    else onClose();
  };

  return (
    <Dialog open onClose={onClose} title={schedule ? `Change ${schedule.key}` : 'New schedule'} lead="Packets begin on behalf of whoever sets it, with the authority that they have by then.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="Name" help="Small letters, digits and hyphens." error={faults.key}>{(p) => <Input {...p} required readOnly={!!schedule} pattern="[a-z0-9]+(-[a-z0-9]+)*" maxLength={60} value={key} onChange={(e) => setKey(e.target.value)} />}</Field>
          <Field label="Started by">{(p) => <select {...p} value={trigger} onChange={(e) => setTrigger(e.target.value)}><option value="cron">The clock</option><option value="webhook">A signed call from outside</option><option value="packet">Another packet's state</option></select>}</Field>
          {trigger === 'cron' && (
            <>
              <Field label="When" help="Cron: minute, hour, day, month, weekday." error={faults.cron}>{(p) => <Input {...p} required maxLength={100} value={cron} onChange={(e) => setCron(e.target.value)} className={`${p.className} font-mono`} />}</Field>
              <Field label="Time zone" error={faults.timeZone}>{(p) => <><Input {...p} required list="zones" value={timeZone} onChange={(e) => setTimeZone(e.target.value)} /><datalist id="zones">{['UTC', ...Intl.supportedValuesOf('timeZone')].map((z) => <option key={z} value={z} />)}</datalist></>}</Field>
              <Field label="Occasions that were missed">{(p) => <select {...p} value={missed} onChange={(e) => setMissed(e.target.value)}><option value="skip">Are skipped</option><option value="catch-up">Are caught up with</option></select>}</Field>
            </>
          )}
          {trigger === 'packet' && (
            <>
              <Field label="When a packet of" error={faults.whenWorkflow}>{(p) => <select {...p} required value={whenWorkflow} onChange={(e) => { setWhenWorkflow(e.target.value); setWhenState(''); }}><option value="">Choose</option>{room?.workflows.map((w) => <option key={w.key} value={w.key}>{w.title}</option>)}</select>}</Field>
              <Field label="comes into the state" error={faults.whenState}>{(p) => <select {...p} required value={whenState} onChange={(e) => setWhenState(e.target.value)}><option value="">Choose</option>{Object.entries(watched?.states ?? {}).map(([name, s]) => <option key={name} value={name}>{s.title}</option>)}</select>}</Field>
            </>
          )}
          <Field label="Begins a packet of the type" error={faults['starts/type']}>{(p) => <select {...p} required value={type} onChange={(e) => { setType(e.target.value); setPayload({}); setWorkflow(''); }}><option value="">Choose</option>{types.map((t) => <option key={t.key} value={t.key}>{t.title}</option>)}</select>}</Field>
          {ways.length > 1 && <Field label="Workflow">{(p) => <select {...p} required value={workflow} onChange={(e) => setWorkflow(e.target.value)}><option value="">Choose</option>{ways.map((w) => <option key={w.key} value={w.key}>{w.title}</option>)}</select>}</Field>}
          {type && (
            <>
              <Field label="Its name" help={hint && `Text, or a place in what triggered it: ${hint}`}>{(p) => <Input {...p} required maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} />}</Field>
              {fieldsOf(schema).map(([name, property]) => {
                const long = property.format === 'markdown' || (property.maxLength ?? 0) > 300;
                return (
                  <Field key={name} label={`${property.title ?? name}${schema.required?.includes(name) ? '' : ' (optional)'}`} help={property.description}>
                    {(p) => {
                      const common = { ...p, value: payload[name] ?? '', required: schema.required?.includes(name), onChange: (e: { target: { value: string } }) => setPayload({ ...payload, [name]: e.target.value }) };
                      return long ? <TextArea {...common} rows={4} /> : <Input {...common} />;
                    }}
                  </Field>
                );
              })}
            </>
          )}
          <label className="flex items-center gap-2 text-sm"><input type="checkbox" className="size-4 accent-(--color-accent)" checked={enabled} onChange={(e) => setEnabled(e.target.checked)} />On</label>
          <Field label="Why it is set like this" help="Receipts show it.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={fetching}>{schedule ? 'Change' : 'Set'}</Button></div>
      </form>
    </Dialog>
  );
};
