import { ArrowRight, ChevronRight, Download, Package, Paperclip, Pencil, UserRound, X } from 'lucide-react';
import { useRef, useState } from 'react';
import { Link, useParams } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { PacketQuery } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { download } from '../api/download';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, asked, Badge, Button, Dialog, Empty, Field, Input, Loading, Panel, Problem, ReasonDialog, StateBadge, TextArea, words } from '../ui/ui';
import { PacketState } from './packets';
import { Related } from './related';
import { byField, fieldsOf, read, type Schema, SchemaForm, type Values, write } from './schema-form';
import { bytes, upload } from './upload';

const packetDocument = graphql(`
  query Packet($id: ID!, $key: String!, $events: Int!) {
    workspace(key: $key) { id filesAddress members { principalId name kind active roles } }
    node(id: $id) {
      ... on Packet {
        id packetId title type typeVersion payload state enteredAt closed labels version remark surface createdAt updatedAt pendingTransition
        createdBy { name } assignee { principalId name }
        pendingRun { id state approval { gates { role quorum missing person { name } } } }
        saga { failed to left stuck }
        definition { title schema }
        workflow { key number title document }
        task { title role priority dueAt overdue doneWhen }
        parent { id packetId title } children { id title state closed workflow { document } }
        links { kind packet { id packetId title } }
        attachments { name digest type size address }
        transitions { key title to action unattended verdict reason }
        history(first: $events) { nodes { number kind at data by { name } run { id title state } } pageInfo { hasNextPage } }
      }
    }
    viewer { me { principalId } }
  }
`);

const moveDocument = graphql(`mutation Move($input: MovePacketInput!) { movePacket(input: $input) { run { id state decision { reason } } errors { message } } }`);
const claimDocument = graphql(`mutation ClaimHere($input: ClaimTaskInput!) { claimTask(input: $input) { packet { id } errors { message } } }`);
const handBackDocument = graphql(`mutation HandBack($input: HandBackTaskInput!) { handBackTask(input: $input) { packet { id } errors { message } } }`);
const assignDocument = graphql(`mutation Assign($input: AssignTaskInput!) { assignTask(input: $input) { packet { id } errors { message } } }`);
const resumeDocument = graphql(`mutation Resume($input: ResumePacketInput!) { resumePacket(input: $input) { packet { id } errors { message } } }`);
const changeDocument = graphql(`
  mutation ChangePacket($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state decision { reason } preflight { checks { passed detail } } } errors { message ... on InvalidInput { faults { path message } } } } }
`);

type Found = Extract<PacketQuery['node'], { packetId: string }>;
type Members = NonNullable<PacketQuery['workspace']>['members'];
type Document = { states: Record<string, { title: string; editable?: boolean; description?: string }>; transitions: Record<string, { title: string; from: string[]; to: string }> };

export const PacketPage = () => {
  const { id = '' } = useParams();
  const workspace = useWorkspace();
  const [events, setEvents] = useState(25);
  const [{ data, error }, again] = useLiveQuery(packetDocument, { id, key: workspace.key, events });
  if (error) return <Problem message="The packet could not be loaded." retry={again} />;
  if (!data) return <Loading rows={5} />;
  if (!data.node || !('packetId' in data.node)) return <Empty icon={<Package />} title="There is no such packet here">It may belong to another workspace.</Empty>;
  return <PacketView key={data.node.id} packet={data.node as Found} members={data.workspace?.members ?? []} files={data.workspace?.filesAddress ?? ''} me={data.viewer.me.principalId} again={again} more={() => setEvents(100)} />;
};

type Asking = { kind: 'move'; transition: Found['transitions'][number] } | { kind: 'back' } | { kind: 'retry' } | { kind: 'skip' };

const PacketView = ({ packet, members, files, me, again, more }: { packet: Found; members: Members; files: string; me: string; again: () => void; more: () => void }) => {
  const workspace = useWorkspace();
  const document = packet.workflow.document as Document;
  const [, move] = useMutation(moveDocument);
  const [, claim] = useMutation(claimDocument);
  const [, handBack] = useMutation(handBackDocument);
  const [, assign] = useMutation(assignDocument);
  const [, resume] = useMutation(resumeDocument);
  const [asking, setAsking] = useState<Asking>();
  const [assigning, setAssigning] = useState(false);
  const [editing, setEditing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  const editable = !packet.pendingTransition && !packet.saga && !!document.states[packet.state]?.editable;
  // What takes the work further comes first, ending it last.
  const ends = (t: { to: string; action?: string | null }) => Number((document.states[t.to] as { kind?: string } | undefined)?.kind === 'final' && !t.action);
  const ways = packet.transitions.filter((t) => !t.unattended).sort((a, b) => ends(a) - ends(b));
  const clocks = packet.transitions.filter((t) => t.unattended);

  const doing = async (work: Promise<string | undefined>) => {
    setBusy(true);
    const message = await work;
    setBusy(false);
    setProblem(message);
    if (!message) { setAsking(undefined); setAssigning(false); }
    again();
    return !message;
  };

  const answer = async (reason: string) => {
    const base = { packetId: packet.id, reason, idempotencyKey: idempotencyKey() };
    await doing((async () => {
      if (asking?.kind === 'move') {
        const { data, error } = await move({ input: { ...base, transition: asking.transition.key, version: packet.version } });
        const run = data?.movePacket.run;
        return error ? 'It did not arrive. Try again.' : data?.movePacket.errors[0]?.message ?? (run?.state === 'DENIED' ? `Denied: ${run.decision.reason}` : undefined);
      }
      if (asking?.kind === 'back') { const { data, error } = await handBack({ input: base }); return error ? 'It did not arrive. Try again.' : data?.handBackTask.errors[0]?.message; }
      const { data, error } = await resume({ input: { ...base, skip: asking?.kind === 'skip' } });
      return error ? 'It did not arrive. Try again.' : data?.resumePacket.errors[0]?.message;
    })());
  };

  return (
    <>
      <nav aria-label="Breadcrumb" className="mb-3 flex items-center gap-1 text-[13px] text-faint">
        <Link to={`/w/${workspace.key}/packets`} className="hover:underline">Packets</Link><ChevronRight aria-hidden className="size-3.5" />
        <Link to={`/w/${workspace.key}/packets?workflow=${packet.workflow.key}`} className="hover:underline">{packet.workflow.title}</Link>
        {packet.parent && <><ChevronRight aria-hidden className="size-3.5" /><Link to={`/w/${workspace.key}/packets/${packet.parent.id}`} className="truncate hover:underline">{packet.parent.title}</Link></>}
      </nav>
      <header className="mb-6 flex items-start justify-between gap-x-8 gap-y-4 max-sm:flex-col">
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-3">
            <h1 className="text-[1.6rem] font-semibold leading-tight tracking-tight">{packet.title}</h1>
            <PacketState document={document} state={packet.state} closed={packet.closed} pending={packet.pendingTransition} />
          </div>
          <p className="mt-1.5 text-soft"><span className="font-medium text-ink">{packet.createdBy.name}</span> began it <Ago at={packet.createdAt} /> through {packet.surface}. In this state since <Ago at={packet.enteredAt} />.</p>
          {packet.labels.length > 0 && <p className="mt-2 flex flex-wrap gap-1.5">{packet.labels.map((l) => <Link key={l} to={`/w/${workspace.key}/packets?label=${encodeURIComponent(l)}`}><Badge>{l}</Badge></Link>)}</p>}
        </div>
        <div className="flex shrink-0 flex-wrap gap-2">
          {ways.map((t, i) => (
            <Button key={t.key} look={i === 0 && !ends(t) && t.verdict && t.verdict !== 'DENY' ? 'primary' : 'plain'} disabled={!t.verdict || t.verdict === 'DENY'} title={t.verdict && t.verdict !== 'DENY' ? undefined : t.reason} onClick={() => setAsking({ kind: 'move', transition: t })}>
              {t.title}<ArrowRight aria-hidden className="size-4" />
            </Button>
          ))}
        </div>
      </header>

      {problem && !asking && !assigning && <div className="mb-4"><Problem message={problem} /></div>}
      {packet.saga && (
        <div role="alert" className={`mb-4 flex flex-wrap items-center justify-between gap-3 rounded-xl px-4 py-3 text-sm ${packet.saga.stuck ? 'bg-bad-soft text-bad' : 'bg-warn-soft text-warn'}`}>
          <span><strong className="font-semibold">{packet.saga.stuck ? 'A compensation failed.' : 'What was done is being made good.'}</strong> {packet.saga.stuck ?? `${packet.saga.left.length} step(s) left, after “${document.transitions[packet.saga.failed]?.title}”.`}</span>
          {packet.saga.stuck && <span className="flex gap-2"><Button onClick={() => setAsking({ kind: 'retry' })}>Try again</Button><Button look="danger" onClick={() => setAsking({ kind: 'skip' })}>Taken care of</Button></span>}
        </div>
      )}
      {packet.pendingRun && (
        <p className="mb-4 rounded-xl bg-warn-soft px-4 py-2.5 text-sm text-warn">
          “{document.transitions[packet.pendingTransition!]?.title}” is on its way{packet.pendingRun.approval ? `: ${packet.pendingRun.approval.gates.filter((g) => g.missing).map((g) => `${g.missing} approval${g.missing === 1 ? '' : 's'} by ${asked(g)} missing`).join(', ')}` : ''}. <Link className="font-medium underline" to={`/w/${workspace.key}/runs/${packet.pendingRun.id}`}>Look at the run</Link>
        </p>
      )}
      {packet.remark && <p className="mb-4 rounded-xl border border-line bg-surface px-4 py-2.5 text-sm"><span className="font-medium">Remark.</span> {packet.remark}</p>}

      <div className="grid gap-6 lg:grid-cols-[1fr_19rem]">
        <div className="min-w-0 space-y-6">
          <Panel title={packet.definition.title} action={editable ? <button type="button" className={link} onClick={() => setEditing(true)}><Pencil aria-hidden className="size-3.5" />Edit</button> : undefined}>
            <Facts schema={packet.definition.schema as Schema} payload={packet.payload as Record<string, unknown>} />
          </Panel>
          <Attachments packet={packet} files={files} editable={editable} again={again} />
          <Related packet={packet} editable={editable} again={again} />
          <Panel title="History" note={`Version ${packet.version}`}>
            <History packet={packet} document={document} />
            {packet.history.pageInfo.hasNextPage && <button type="button" className={`${link} mt-3`} onClick={more}>Show more</button>}
          </Panel>
        </div>
        <div className="space-y-6">
          <Panel title="Task">
            {packet.task ? (
              <div className="text-sm">
                <p className="font-medium">{packet.task.title}</p>
                {packet.task.doneWhen && <p className="mt-1 text-soft">Done when: {packet.task.doneWhen}</p>}
                <p className="mt-2 flex flex-wrap items-center gap-1.5">
                  <Badge>{packet.task.role}</Badge>
                  {packet.task.priority !== 'NORMAL' && <Badge tone="accent">{words(packet.task.priority)}</Badge>}
                  {packet.task.dueAt && <Badge tone={packet.task.overdue ? 'warn' : 'neutral'}>due <Ago at={packet.task.dueAt} /></Badge>}
                </p>
                <p className="mt-3 flex items-center gap-2 text-soft"><UserRound aria-hidden className="size-4 text-faint" />{packet.assignee ? packet.assignee.name : 'Nobody has it yet'}</p>
                <div className="mt-3 flex flex-wrap gap-2">
                  {!packet.assignee && <Button look="primary" busy={busy} onClick={() => void doing((async () => { const { data, error } = await claim({ input: { packetId: packet.id, idempotencyKey: idempotencyKey() } }); return error ? 'It did not arrive. Try again.' : data?.claimTask.errors[0]?.message; })())}>Claim</Button>}
                  {packet.assignee?.principalId === me && <Button onClick={() => setAsking({ kind: 'back' })}>Hand back</Button>}
                  <Button look="quiet" onClick={() => { setProblem(undefined); setAssigning(true); }}>Assign</Button>
                </div>
              </div>
            ) : <p className="text-sm text-soft">Nobody has anything to do here{packet.closed ? ': it came to an end.' : ' now.'}</p>}
          </Panel>
          <Panel title="Where it can go" action={<Link className={link} to={`/w/${workspace.key}/workflows/${packet.workflow.key}?version=${packet.workflow.number}&state=${packet.state}`}>Draw it</Link>}>
            {packet.transitions.length === 0 ? <p className="text-sm text-soft">Nowhere: this is an end.</p> : (
              <ul className="space-y-2 text-sm">
                {[...ways, ...clocks].map((t) => (
                  <li key={t.key}>
                    <span className="font-medium">{t.title}</span> <span className="text-faint">→ {document.states[t.to]?.title ?? t.to}</span>
                    <span className={`block text-[13px] ${t.verdict === 'DENY' ? 'text-bad' : 'text-soft'}`}>{t.unattended ? 'By itself.' : t.verdict === 'ALLOW' ? 'You may.' : t.reason}</span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        </div>
      </div>

      <ReasonDialog open={!!asking} busy={busy} error={problem} onClose={() => { setAsking(undefined); setProblem(undefined); }} onSubmit={(reason) => void answer(reason)}
        {...(asking?.kind === 'move' ? { title: `${asking.transition.title}?`, lead: `It goes to ${document.states[asking.transition.to]?.title}${asking.transition.verdict === 'ALLOW_BEHIND_GATES' ? ` once approved: ${asking.transition.reason}` : '.'}`, action: asking.transition.title }
          : asking?.kind === 'back' ? { title: 'Hand the task back?', lead: 'Anybody with its role can take it then.', action: 'Hand back' }
          : asking?.kind === 'retry' ? { title: 'Try again?', lead: 'The compensation that failed is proposed once more.', action: 'Try again' }
          : { title: 'Is it taken care of?', lead: 'Say so only when you have made good by hand what the compensation would have. The workflow goes on without it.', action: 'Go on', danger: true })} />
      {assigning && (
        <AssignDialog members={members.filter((m) => m.active && packet.task && m.roles.concat(m.roles.includes('owner') ? ['admin'] : []).includes(packet.task.role))} busy={busy} error={problem} onClose={() => { setAssigning(false); setProblem(undefined); }}
          onSubmit={(to, reason) => void doing((async () => { const { data, error } = await assign({ input: { packetId: packet.id, to: to || null, reason, idempotencyKey: idempotencyKey() } }); return error ? 'It did not arrive. Try again.' : data?.assignTask.errors[0]?.message; })())} />
      )}
      {editing && <EditDialog packet={packet} again={again} onClose={() => setEditing(false)} />}
    </>
  );
};

const link = 'inline-flex items-center gap-1 rounded text-[13px] font-medium text-accent-text hover:underline';

const Facts = ({ schema, payload }: { schema: Schema; payload: Record<string, unknown> }) => (
  <dl className="space-y-3 text-sm">
    {[...new Set([...fieldsOf(schema).map(([name]) => name), ...Object.keys(payload)])].filter((name) => payload[name] !== undefined).map((name) => {
      const value = payload[name];
      const property = schema.properties?.[name];
      const long = typeof value === 'string' && (value.length > 200 || property?.format === 'markdown');
      return (
        <div key={name} className={long ? '' : 'grid gap-x-6 sm:grid-cols-[9rem_1fr]'}>
          <dt className="text-faint">{property?.title ?? name}</dt>
          <dd className="min-w-0 break-words">{long || typeof value === 'object' ? <pre tabIndex={0} aria-label={property?.title ?? name} className="mt-1 max-h-80 overflow-auto whitespace-pre-wrap break-words rounded-lg bg-sunken p-3 font-mono text-[13px] leading-6 text-soft">{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre> : String(value)}</dd>
        </div>
      );
    })}
    {Object.keys(payload).length === 0 && <p className="text-soft">Nothing is filled in.</p>}
  </dl>
);

const told: Record<string, (data: Record<string, unknown>, document: Document) => string> = {
  created: () => 'began it',
  edited: (d) => `changed ${Object.keys(d).join(', ')}`,
  requested: (d, w) => `asked for “${w.transitions[String(d.transition)]?.title ?? d.transition}”`,
  dropped: (d) => `it came to nothing: ${d.remark}`,
  moved: (d, w) => (d.from === d.to && d.remark ? `sent it back: ${d.remark}` : `${w.states[String(d.from)]?.title ?? d.from} → ${w.states[String(d.to)]?.title ?? d.to}${d.remark ? ` (${d.remark})` : ''}`),
  claimed: () => 'claimed the task',
  'handed back': (d) => `handed the task back: ${d.reason}`,
  assigned: (d) => (d.assignee ? `assigned the task: ${d.reason}` : `took the task from whoever had it: ${d.reason}`),
  migrated: (d) => `moved it to version ${d.workflowVersion} of its workflow`,
  compensating: () => 'makes good what was done',
  compensated: (d, w) => `made good “${w.transitions[String(d.transition)]?.title ?? d.transition}”`,
  stuck: (d) => `could not make good: ${d.why}`,
  resumed: (d) => `${d.skip ? 'took it as taken care of' : 'had it tried again'}: ${d.reason}`,
};

const History = ({ packet, document }: { packet: Found; document: Document }) => {
  const workspace = useWorkspace();
  return (
    <ol>
      {packet.history.nodes.map((e, i, all) => (
        <li key={e.number} className="relative flex gap-3 pb-4 text-sm last:pb-0">
          {i < all.length - 1 && <span aria-hidden className="absolute bottom-0 left-1 top-4 w-px bg-line" />}
          <span aria-hidden className={`relative mt-1.5 size-2 shrink-0 rounded-full ${e.kind === 'moved' ? 'bg-accent' : e.kind === 'stuck' ? 'bg-bad' : 'bg-line-strong'}`} />
          <span className="min-w-0 flex-1">
            <span className="font-medium">{e.by.name}</span> <span className="break-words text-soft">{told[e.kind]?.(e.data as Record<string, unknown>, document) ?? e.kind}</span>
            {e.run && <> <Link className="text-[13px] font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/runs/${e.run.id}`}>Run</Link> {!['SUCCEEDED'].includes(e.run.state) && e.kind === 'requested' && <StateBadge state={e.run.state} />}</>}
          </span>
          <span className="shrink-0 text-[13px] text-faint"><Ago at={e.at} /></span>
        </li>
      ))}
    </ol>
  );
};

const Attachments = ({ packet, files, editable, again }: { packet: Found; files: string; editable: boolean; again: () => void }) => {
  const workspace = useWorkspace();
  const [, change] = useMutation(changeDocument);
  const [progress, setProgress] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const input = useRef<HTMLInputElement>(null);

  const propose = async (action: string, more: object, reason: string) => {
    const { data, error } = await change({ input: { workspaceId: workspace.id, action, input: { packet: packet.packetId, ...more }, reason, idempotencyKey: idempotencyKey() } });
    const answer = data?.proposeAction;
    setProblem(error ? 'It did not arrive. Try again.' : answer?.errors[0]?.message ?? answer?.run?.preflight?.checks.find((c) => !c.passed)?.detail ?? (answer?.run?.state === 'DENIED' ? answer.run.decision.reason : undefined));
    again();
  };

  const send = async (file: File) => {
    setProblem(undefined);
    setProgress(0);
    const { answer, problem: refused } = await upload<{ digest: string }>(files, file, file.type || 'application/octet-stream', setProgress);
    setProgress(undefined);
    if (answer) void propose('packet.attach', { digest: answer.digest, name: file.name }, `Attached ${file.name}.`);
    else setProblem(refused);
  };

  const fetchFile = async (file: Found['attachments'][number]) => {
    if (!(await download(file.address, file.name))) setProblem('The file could not be fetched.');
  };

  if (packet.attachments.length === 0 && !editable) return null;
  return (
    <Panel title="Files" action={editable ? <button type="button" className={link} onClick={() => input.current?.click()}><Paperclip aria-hidden className="size-3.5" />Attach</button> : undefined}>
      <input ref={input} type="file" className="sr-only" tabIndex={-1} aria-label="File to attach" onChange={(e) => { const file = e.target.files?.[0]; if (file) void send(file); e.target.value = ''; }} />
      {problem && <div className="mb-3"><Problem message={problem} /></div>}
      {progress !== undefined && <div className="mb-3"><progress className="w-full" value={progress} aria-label="Upload" /></div>}
      {packet.attachments.length === 0 ? <p className="text-sm text-soft">None yet. Up to 10 MB each: documents, pictures, archives, text.</p> : (
        <ul className="divide-y divide-line">
          {packet.attachments.map((a) => (
            <li key={a.digest} className="flex items-center gap-3 py-2 text-sm first:pt-0 last:pb-0">
              <Paperclip aria-hidden className="size-4 shrink-0 text-faint" />
              <span className="min-w-0 flex-1 truncate font-medium">{a.name}</span>
              <span className="text-[13px] text-faint">{bytes(a.size)}</span>
              <button type="button" aria-label={`Download ${a.name}`} className="rounded-md p-1 text-faint hover:bg-sunken hover:text-ink" onClick={() => void fetchFile(a)}><Download className="size-4" /></button>
              {editable && <button type="button" aria-label={`Take ${a.name} off`} className="rounded-md p-1 text-faint hover:bg-sunken hover:text-ink" onClick={() => void propose('packet.detach', { digest: a.digest }, `Took ${a.name} off.`)}><X className="size-4" /></button>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
};

const AssignDialog = ({ members, busy, error, onClose, onSubmit }: { members: Members; busy: boolean; error?: string; onClose: () => void; onSubmit: (to: string, reason: string) => void }) => (
  <Dialog open onClose={onClose} title="Assign the task" lead="Only whoever holds its role can have it.">
    <form onSubmit={(e) => { e.preventDefault(); const form = new FormData(e.currentTarget); onSubmit(String(form.get('to')), String(form.get('reason')).trim()); }}>
      <div className="space-y-4 px-5 py-4">
        <Field label="To">{(p) => <select {...p} name="to"><option value="">Nobody in particular</option>{members.map((m) => <option key={m.principalId} value={m.principalId}>{m.name}{m.kind === 'AGENT' ? ' (agent)' : ''}</option>)}</select>}</Field>
        <Field label="Reason" help="Goes into the receipt." error={error}>{(p) => <TextArea {...p} name="reason" rows={2} required maxLength={2000} />}</Field>
      </div>
      <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Assign</Button></div>
    </form>
  </Dialog>
);

const EditDialog = ({ packet, again, onClose }: { packet: Found; again: () => void; onClose: () => void }) => {
  const workspace = useWorkspace();
  const schema = packet.definition.schema as Schema;
  const [, change] = useMutation(changeDocument);
  const [version] = useState(packet.version);
  const [title, setTitle] = useState(packet.title);
  const [labels, setLabels] = useState(packet.labels.join(', '));
  const [values, setValues] = useState<Values>(() => write(schema, packet.payload as Record<string, unknown>));
  const [reason, setReason] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async () => {
    const { payload, faults: unreadable } = read(schema, values);
    setFaults(unreadable);
    if (Object.keys(unreadable).length) return;
    setBusy(true);
    const input = { packet: packet.packetId, version, title, labels: [...new Set(labels.split(',').map((l) => l.trim()).filter(Boolean))], payload };
    const { data, error } = await change({ input: { workspaceId: workspace.id, action: 'packet.edit', input, reason, idempotencyKey: idempotencyKey() } });
    setBusy(false);
    const refusal = data?.proposeAction.errors[0];
    const run = data?.proposeAction.run;
    if (refusal && 'faults' in refusal) {
      const { fields, rest } = byField(schema, refusal.faults, '/payload');
      setFaults(fields);
      setProblem(rest.join('. ') || undefined);
    } else if (error || refusal) setProblem(refusal?.message ?? 'It did not arrive. Try again.');
    else if (run && ['DENIED', 'PREFLIGHT_FAILED'].includes(run.state)) setProblem(run.preflight?.checks.find((c) => !c.passed)?.detail ?? run.decision.reason);
    else { again(); onClose(); }
  };

  return (
    <Dialog open onClose={onClose} title="Edit the packet">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          {problem && <Problem message={problem} />}
          {version !== packet.version && <p className="rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">Somebody changed it while you were writing. Look at it again before you save.</p>}
          <Field label="Name">{(p) => <Input {...p} required maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} />}</Field>
          <SchemaForm schema={schema} values={values} faults={faults} onChange={(v) => { setValues(v); setFaults({}); }} />
          <Field label="Labels (optional)" help="Separated by commas.">{(p) => <Input {...p} value={labels} onChange={(e) => setLabels(e.target.value)} />}</Field>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <TextArea {...p} rows={2} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Save</Button></div>
      </form>
    </Dialog>
  );
};
