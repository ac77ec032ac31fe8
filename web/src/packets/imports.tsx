import { FileSpreadsheet, Upload } from 'lucide-react';
import { type DragEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import type { ImportPlanInput, ImportQuery, ImportState } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog } from '../ui/ui';
import { fieldsOf, type Property, type Schema } from './schema-form';
import { bytes, upload } from './upload';

const importsDocument = graphql(`query Imports($key: String!) { workspace(key: $key) { id importsAddress packetImports { id fileName rows state checked faulty uploadedAt uploadedBy { name } } } }`);
const importDocument = graphql(`
  query Import($key: String!, $id: ID!, $after: String) {
    workspace(key: $key) { id packetTypes { key title schema } workflows { key title packetType } }
    node(id: $id) {
      ... on PacketImport {
        id importId fileName format size rows columns state checked faulty uploadedAt endedAt uploadedBy { name }
        plan { type workflow title payload labels labelsFrom }
        run { id state }
        faults(first: 20, after: $after) { nodes { number faults { path message } } pageInfo { hasNextPage endCursor } }
      }
    }
  }
`);
const previewDocument = graphql(`
  query ImportPreview($id: ID!, $plan: ImportPlanInput!) {
    node(id: $id) {
      ... on PacketImport {
        id
        preview(plan: $plan, first: 10) { errors { message ... on InvalidInput { faults { path message } } } rows { number title payload labels faults { path message } } }
      }
    }
  }
`);
const checkDocument = graphql(`mutation CheckImport($input: CheckPacketImportInput!) { checkPacketImport(input: $input) { import { id state } errors { message } } }`);
const cancelDocument = graphql(`mutation CancelImport($input: CancelPacketImportInput!) { cancelPacketImport(input: $input) { import { id state } errors { message } } }`);
const proposeDocument = graphql(`mutation ImportPackets($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state preflight { checks { passed detail } } decision { reason } } errors { message } } }`);

const states: Record<ImportState, ['neutral' | 'info' | 'warn' | 'good' | 'bad', string]> = {
  UPLOADED: ['info', 'Needs a mapping'],
  CHECKING: ['info', 'Looking at its rows'],
  CHECKED: ['warn', 'Ready to import'],
  FAILED: ['bad', 'Interrupted'],
  IMPORTED: ['good', 'Imported'],
  CANCELLED: ['neutral', 'Given up'],
};
const State = ({ state }: { state: ImportState }) => <Badge tone={states[state][0]}>{states[state][1]}</Badge>;

const typeOf = (file: File) => (/\.(ndjson|jsonl)$/i.test(file.name) ? 'application/x-ndjson' : /\.(csv|tsv)$/i.test(file.name) || file.type === 'text/csv' ? 'text/csv' : file.type || 'application/octet-stream');

export const Imports = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ data, error }, again] = useLiveQuery(importsDocument, { key: workspace.key });
  const [progress, setProgress] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const found = data?.workspace;

  const send = async (file: File) => {
    if (!found) return;
    setProblem(undefined);
    setProgress(0);
    const { answer, problem: refused } = await upload<{ id: string }>(`${found.importsAddress}?name=${encodeURIComponent(file.name)}`, file, typeOf(file), setProgress);
    setProgress(undefined);
    if (answer) navigate(`/w/${workspace.key}/packets/imports/${answer.id}`);
    else setProblem(refused);
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    const file = e.dataTransfer.files[0];
    if (file) void send(file);
  };

  return (
    <>
      <Back to={`/w/${workspace.key}/packets`}>Packets</Back>
      <PageTitle title="Import packets" lead="Each row of a file becomes a packet. All of its rows are looked at first; then they come in at once, or none does." />
      {problem && <div className="mb-4"><Problem message={problem} /></div>}
      <div onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}
        className={`flex flex-col items-center rounded-xl border border-dashed px-6 py-12 text-center ${over ? 'border-accent bg-accent-soft' : 'border-line-strong'}`}>
        <div aria-hidden className="mb-3 grid size-11 place-items-center rounded-full bg-sunken text-faint"><Upload className="size-5" /></div>
        <input ref={input} type="file" accept=".csv,.tsv,.ndjson,.jsonl,text/csv,application/x-ndjson" className="sr-only" tabIndex={-1} aria-label="File to import" onChange={(e) => { const file = e.target.files?.[0]; if (file) void send(file); e.target.value = ''; }} />
        {progress === undefined
          ? <Button look="primary" disabled={!found} onClick={() => input.current?.click()}>Choose a file</Button>
          : <div className="w-full max-w-sm"><progress className="w-full" value={progress} aria-label="Upload" /><p className="mt-1 text-[13px] text-soft">{progress < 1 ? 'Sending…' : 'Reading it…'}</p></div>}
        <p className="mt-3 max-w-md text-sm text-soft">or drop it here. CSV with a line of column names, or NDJSON with one object a line; UTF-8, up to 64 MB and 200,000 rows.</p>
      </div>
      <h2 className="mb-3 mt-8 text-lg font-semibold tracking-tight">Imports</h2>
      {error && <Problem message="The imports could not be loaded." retry={again} />}
      {!found && !error && <Loading rows={2} />}
      {found?.packetImports.length === 0 && <p className="text-sm text-soft">Nothing was imported yet.</p>}
      {found && found.packetImports.length > 0 && (
        <Card className="overflow-hidden">
          <ul className="divide-y divide-line">
            {found.packetImports.map((i) => (
              <li key={i.id}>
                <Link to={`/w/${workspace.key}/packets/imports/${i.id}`} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 hover:bg-sunken/60">
                  <span className="min-w-0 flex-1 basis-64"><span className="block truncate font-medium">{i.fileName}</span><span className="block text-[13px] text-faint">{i.rows.toLocaleString()} rows · {i.uploadedBy.name}</span></span>
                  {i.faulty > 0 && <Badge tone="bad">{i.faulty.toLocaleString()} with faults</Badge>}
                  <State state={i.state} />
                  <span className="w-24 text-right text-[13px] text-faint"><Ago at={i.uploadedAt} /></span>
                </Link>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
};

const Back = ({ to, children }: { to: string; children: string }) => <p className="mb-2 text-sm"><Link to={to} className="font-medium text-accent-text hover:underline">← {children}</Link></p>;

type Found = Extract<NonNullable<ImportQuery['node']>, { importId: string }>;
type Room = NonNullable<ImportQuery['workspace']>;

export const ImportPage = () => {
  const workspace = useWorkspace();
  const { id = '' } = useParams();
  const [pages, setPages] = useState<string[]>([]);
  const [{ data, error }, again] = useLiveQuery(importDocument, { key: workspace.key, id, after: pages.at(-1) ?? null });
  const [remap, setRemap] = useState(false);
  const found = data?.node && 'importId' in data.node ? data.node as Found : undefined;

  // Looking at rows leaves no receipts that would wake the page.
  const looking = found?.state === 'CHECKING';
  const ask = useRef(again);
  ask.current = again;
  useEffect(() => {
    if (!looking) return;
    const tick = setInterval(() => ask.current(), 700);
    return () => clearInterval(tick);
  }, [looking]);

  if (error) return <Problem message="The import could not be loaded." retry={again} />;
  if (!data) return <Loading />;
  if (!found) return <Empty icon={<FileSpreadsheet />} title="There is no such import here" />;
  const mapping = remap || found.state === 'UPLOADED' || found.state === 'FAILED';
  return (
    <>
      <Back to={`/w/${workspace.key}/packets/imports`}>Imports</Back>
      <PageTitle title={found.fileName} lead={<>{found.rows.toLocaleString()} rows, {found.format === 'CSV' ? 'CSV' : 'NDJSON'}, {bytes(found.size)}. Sent by {found.uploadedBy.name} <Ago at={found.uploadedAt} />.</>}><State state={found.state} /></PageTitle>
      {found.state === 'FAILED' && <div className="mb-4"><Problem message="Looking at the rows was interrupted by an error of ours; an operator can see it. Begin it again." /></div>}
      {found.state === 'CANCELLED' && <Empty icon={<FileSpreadsheet />} title="This import was given up">Nothing came in, and the file is gone. Send it again to begin anew.</Empty>}
      {found.state === 'IMPORTED' && <Done found={found} />}
      {looking && <Looking found={found} again={again} />}
      {found.state === 'CHECKED' && !mapping && <Checked found={found} again={again} remap={() => setRemap(true)} />}
      {!looking && found.state !== 'CANCELLED' && !mapping && found.faulty > 0 && <Faults found={found} pages={pages} setPages={setPages} />}
      {mapping && !looking && <Mapping found={found} room={data.workspace!} again={() => { setRemap(false); setPages([]); again(); }} />}
    </>
  );
};

const Done = ({ found }: { found: Found }) => {
  const workspace = useWorkspace();
  return (
    <Card className="mb-6 p-5">
      <h2 className="font-semibold">{(found.checked - found.faulty).toLocaleString()} packets came in</h2>
      <p className="mt-1 text-sm text-soft">{found.faulty > 0 ? `${found.faulty === 1 ? 'One row was left out; it is listed' : `${found.faulty.toLocaleString()} rows were left out; they are listed`} below.` : 'Every row became a packet.'} {found.endedAt && <Ago at={found.endedAt} />}</p>
      <p className="mt-4 flex gap-4 text-sm font-medium text-accent-text">
        <Link className="hover:underline" to={`/w/${workspace.key}/packets?workflow=${found.plan?.workflow ?? ''}`}>Show the packets</Link>
        {found.run && <Link className="hover:underline" to={`/w/${workspace.key}/runs/${found.run.id}`}>The run and its receipts</Link>}
      </p>
    </Card>
  );
};

const useCancel = (found: Found, again: () => void) => {
  const [{ fetching }, cancel] = useMutation(cancelDocument);
  const [problem, setProblem] = useState<string>();
  const run = async () => {
    const { data, error } = await cancel({ input: { importId: found.id, idempotencyKey: idempotencyKey() } });
    setProblem(error ? 'It did not arrive. Try again.' : data?.cancelPacketImport.errors[0]?.message);
    again();
  };
  return { run, busy: fetching, problem };
};

const Looking = ({ found, again }: { found: Found; again: () => void }) => {
  const cancel = useCancel(found, again);
  return (
    <Card className="p-5">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 className="font-semibold">Looking at every row</h2>
        <Button busy={cancel.busy} onClick={() => void cancel.run()}>Give up</Button>
      </div>
      {cancel.problem && <div className="mt-3"><Problem message={cancel.problem} /></div>}
      <progress className="mt-4 w-full" max={found.rows} value={found.checked} aria-label="Rows looked at" />
      <p aria-live="polite" className="mt-1 text-sm tabular-nums text-soft">{found.checked.toLocaleString()} of {found.rows.toLocaleString()}{found.faulty > 0 && <span className="text-bad">, {found.faulty.toLocaleString()} with faults</span>}. You can leave this page; it goes on.</p>
    </Card>
  );
};

const Checked = ({ found, again, remap }: { found: Found; again: () => void; remap: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const cancel = useCancel(found, again);
  const [{ fetching }, propose] = useMutation(proposeDocument);
  const [leaveOut, setLeaveOut] = useState(false);
  const [asking, setAsking] = useState(false);
  const [twice, setTwice] = useState(false);
  const [problem, setProblem] = useState<string>();
  const good = found.checked - found.faulty;

  const submit = async (reason: string) => {
    const input = { import: found.importId, ...(found.faulty > 0 ? { leaveOutFaulty: leaveOut } : {}), ...(twice ? { again: true } : {}) };
    const { data, error } = await propose({ input: { workspaceId: workspace.id, action: 'packet.import', input, reason, idempotencyKey: idempotencyKey() } });
    const run = data?.proposeAction.run;
    const failed = run?.state === 'PREFLIGHT_FAILED' ? run.preflight?.checks.find((c) => !c.passed)?.detail : run?.state === 'DENIED' ? run.decision.reason : undefined;
    if (failed?.startsWith('The same file')) setTwice(true);
    if (run && !failed) navigate(`/w/${workspace.key}/runs/${run.id}`);
    else setProblem(failed ?? (error ? 'It did not arrive. Try again.' : data?.proposeAction.errors[0]?.message));
  };

  return (
    <Card className="mb-6 p-5">
      <h2 className="font-semibold">{found.faulty === 0 ? `All ${good.toLocaleString()} rows can become packets` : `${good.toLocaleString()} rows can become packets, ${found.faulty.toLocaleString()} can't`}</h2>
      <p className="mt-1 text-sm text-soft">{found.faulty === 0 ? 'They come in at once; the receipt names the file by its digest.' : 'Mend the file or the mapping, or leave those rows out. Nothing comes in before you say so.'}</p>
      {(problem || cancel.problem) && !asking && <div className="mt-3"><Problem message={(problem ?? cancel.problem)!} /></div>}
      {found.faulty > 0 && good > 0 && (
        <label className="mt-4 flex items-center gap-2 text-sm"><input type="checkbox" className="size-4 accent-(--color-accent)" checked={leaveOut} onChange={(e) => setLeaveOut(e.target.checked)} />Leave out {found.faulty === 1 ? "the row with faults" : `the ${found.faulty.toLocaleString()} rows with faults`}</label>
      )}
      <div className="mt-4 flex flex-wrap gap-2">
        <Button look="primary" disabled={good === 0 || (found.faulty > 0 && !leaveOut)} onClick={() => { setProblem(undefined); setAsking(true); }}>Import {good.toLocaleString()} packets{twice ? ' again' : ''}</Button>
        <Button onClick={remap}>Change the mapping</Button>
        <Button look="quiet" busy={cancel.busy} onClick={() => void cancel.run()}>Give up</Button>
      </div>
      <ReasonDialog open={asking} title={`Import ${good.toLocaleString()} packets`} lead="They begin in the first state of their workflow." action={twice ? 'Import again' : 'Import'} busy={fetching} error={problem} initial={`Rows of ${found.fileName}.`} onClose={() => setAsking(false)} onSubmit={(reason) => void submit(reason)} />
    </Card>
  );
};

const Faults = ({ found, pages, setPages }: { found: Found; pages: string[]; setPages: (pages: string[]) => void }) => (
  <section aria-labelledby="faults">
    <h2 id="faults" className="mb-3 text-lg font-semibold tracking-tight">Rows with faults</h2>
    <Card className="overflow-x-auto">
      <table className="w-full text-sm">
        <thead><tr className="border-b border-line text-left text-[13px] text-soft"><th scope="col" className="px-5 py-2 font-medium">Row</th><th scope="col" className="px-5 py-2 font-medium">What is wrong</th></tr></thead>
        <tbody className="divide-y divide-line">
          {found.faults.nodes.map((r) => <tr key={r.number}><td className="px-5 py-2 align-top tabular-nums">{r.number.toLocaleString()}</td><td className="px-5 py-2">{r.faults.map((f, i) => <span key={i} className="block"><Fault fault={f} /></span>)}</td></tr>)}
        </tbody>
      </table>
    </Card>
    {(pages.length > 0 || found.faults.pageInfo.hasNextPage) && (
      <div className="mt-3 flex justify-end gap-2">
        <Button disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>Before</Button>
        <Button disabled={!found.faults.pageInfo.hasNextPage} onClick={() => setPages([...pages, found.faults.pageInfo.endCursor!])}>More</Button>
      </div>
    )}
  </section>
);

const Fault = ({ fault }: { fault: { path: string; message: string } }) => <><code className="font-mono text-[13px]">{fault.path.replace(/^\/payload\//, '').replace(/^\//, '') || 'the row'}</code> {fault.message}</>;

/** Where a field comes from: a column, a fixed text, or nowhere. */
type Choice = { column?: string; fixed?: string };
type Choices = { type: string; workflow: string; title: Choice; fields: Record<string, Choice>; labels: string; labelsFrom: string };

const pointer = (column: string) => `/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`;
const plain = (name: string) => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

const guess = (columns: readonly string[], ...names: (string | undefined)[]): Choice => {
  const column = columns.find((c) => names.some((n) => n && plain(n) === plain(c)));
  return column ? { column } : {};
};

const fixedValue = (text: string, property: Property | undefined): unknown => {
  if (property?.type === 'integer' || property?.type === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  if (property?.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
};

const sourceOf = (choice: Choice, property?: Property): unknown => (choice.column !== undefined ? pointer(choice.column) : choice.fixed !== undefined ? { value: fixedValue(choice.fixed, property) } : undefined);

const choiceOf = (source: unknown, columns: readonly string[]): Choice => {
  if (typeof source === 'string') return { column: columns.find((c) => pointer(c) === source) };
  if (source && typeof source === 'object' && 'value' in source) return { fixed: String(source.value) };
  return {};
};

const Mapping = ({ found, room, again }: { found: Found; room: Room; again: () => void }) => {
  const types = room.packetTypes.filter((t) => room.workflows.some((w) => w.packetType === t.key));
  const schemaOf = (type: string) => (types.find((t) => t.key === type)?.schema ?? {}) as Schema;
  const begin = (type: string): Choices => ({
    type,
    workflow: room.workflows.filter((w) => w.packetType === type).length === 1 ? room.workflows.find((w) => w.packetType === type)!.key : '',
    title: { ...guess(found.columns, 'name', 'title', 'subject') },
    fields: Object.fromEntries(fieldsOf(schemaOf(type)).map(([name, p]) => [name, guess(found.columns, name, p.title)])),
    labels: '',
    labelsFrom: found.columns.find((c) => ['labels', 'tags', 'label', 'tag'].includes(plain(c))) ?? '',
  });
  const [choices, setChoices] = useState<Choices>(() => {
    const plan = found.plan;
    if (!plan) return begin(types.length === 1 ? types[0]!.key : '');
    return {
      type: plan.type, workflow: plan.workflow ?? '', title: choiceOf(plan.title, found.columns), labels: plan.labels.join(', '), labelsFrom: found.columns.find((c) => pointer(c) === plan.labelsFrom) ?? '',
      fields: Object.fromEntries(fieldsOf(schemaOf(plan.type)).map(([name]) => [name, choiceOf((plan.payload as Record<string, unknown>)[name], found.columns)])),
    };
  });
  const [{ fetching }, check] = useMutation(checkDocument);
  const [problem, setProblem] = useState<string>();
  const schema = schemaOf(choices.type);
  const ways = room.workflows.filter((w) => w.packetType === choices.type);
  const title = sourceOf(choices.title);
  const plan: ImportPlanInput | undefined = useMemo(() => (!choices.type || !title ? undefined : {
    type: choices.type, workflow: choices.workflow || null, title,
    payload: Object.fromEntries(Object.entries(choices.fields).map(([name, c]) => [name, sourceOf(c, schema.properties?.[name])]).filter(([, s]) => s !== undefined)),
    labels: [...new Set(choices.labels.split(',').map((l) => l.trim()).filter(Boolean))],
    labelsFrom: choices.labelsFrom ? pointer(choices.labelsFrom) : null,
  }), [choices]);

  const submit = async () => {
    if (!plan) return;
    const { data, error } = await check({ input: { importId: found.id, plan, idempotencyKey: idempotencyKey() } });
    const refusal = data?.checkPacketImport.errors[0]?.message;
    if (error || refusal) setProblem(refusal ?? 'It did not arrive. Try again.');
    else again();
  };

  if (types.length === 0) return <Empty icon={<FileSpreadsheet />} title="There is no workflow yet">Publish one on the page Workflows; packets begin in its first state.</Empty>;
  return (
    <div className="grid items-start gap-6 xl:grid-cols-[22rem_1fr]">
      <form onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <Card className="p-5">
          <h2 className="mb-4 font-semibold">What becomes of the columns</h2>
          <div className="space-y-4">
            {problem && <Problem message={problem} />}
            <Field label="Type">{(p) => <select {...p} required value={choices.type} onChange={(e) => setChoices(begin(e.target.value))}><option value="">Choose</option>{types.map((t) => <option key={t.key} value={t.key}>{t.title}</option>)}</select>}</Field>
            {ways.length > 1 && <Field label="Workflow">{(p) => <select {...p} required value={choices.workflow} onChange={(e) => setChoices({ ...choices, workflow: e.target.value })}><option value="">Choose</option>{ways.map((w) => <option key={w.key} value={w.key}>{w.title}</option>)}</select>}</Field>}
            {choices.type && (
              <>
                <Source label="Name" required columns={found.columns} choice={choices.title} onChange={(title) => setChoices({ ...choices, title })} />
                {fieldsOf(schema).map(([name, p]) => (
                  <Source key={name} label={p.title ?? name} required={schema.required?.includes(name) ?? false} columns={found.columns} choice={choices.fields[name] ?? {}} onChange={(c) => setChoices({ ...choices, fields: { ...choices.fields, [name]: c } })} />
                ))}
                <Field label="Labels for all (optional)" help="Separated by commas.">{(p) => <Input {...p} value={choices.labels} onChange={(e) => setChoices({ ...choices, labels: e.target.value })} />}</Field>
                <Field label="More labels from (optional)">{(p) => <select {...p} value={choices.labelsFrom} onChange={(e) => setChoices({ ...choices, labelsFrom: e.target.value })}><option value="">No column</option>{found.columns.map((c) => <option key={c}>{c}</option>)}</select>}</Field>
              </>
            )}
            <Button type="submit" look="primary" busy={fetching} disabled={!plan} className="w-full">Look at all {found.rows.toLocaleString()} rows</Button>
          </div>
        </Card>
      </form>
      <Preview id={found.id} plan={plan} schema={schema} />
    </div>
  );
};

const Source = ({ label, required, columns, choice, onChange }: { label: string; required: boolean; columns: readonly string[]; choice: Choice; onChange: (choice: Choice) => void }) => (
  <Field label={`${label}${required ? '' : ' (optional)'}`}>
    {(p) => (
      <span className="flex gap-2">
        <select {...p} required={required} value={choice.fixed !== undefined ? 'fixed' : choice.column !== undefined ? `c:${choice.column}` : ''}
          onChange={(e) => onChange(e.target.value === 'fixed' ? { fixed: '' } : e.target.value ? { column: e.target.value.slice(2) } : {})}>
          <option value="">{required ? 'Choose' : 'Leave out'}</option>
          <optgroup label="From the column">{columns.map((c) => <option key={c} value={`c:${c}`}>{c}</option>)}</optgroup>
          <option value="fixed">The same for all…</option>
        </select>
        {choice.fixed !== undefined && <input aria-label={`${label}, the same for all`} className={p.className} autoFocus value={choice.fixed} onChange={(e) => onChange({ fixed: e.target.value })} />}
      </span>
    )}
  </Field>
);

const Preview = ({ id, plan, schema }: { id: string; plan?: ImportPlanInput; schema: Schema }) => {
  const [asked, setAsked] = useState(plan);
  useEffect(() => { const wait = setTimeout(() => setAsked(plan), 250); return () => clearTimeout(wait); }, [plan]);
  const [{ data, error }, again] = useQuery({ query: previewDocument, variables: { id, plan: asked! }, pause: !asked, requestPolicy: 'network-only' });
  const preview = data?.node && 'preview' in data.node ? data.node.preview : undefined;
  const fields = fieldsOf(schema).map(([name]) => name).filter((name) => asked && name in (asked.payload as object));
  if (!plan) return <Card className="p-5 text-sm text-soft">Choose a type and the column that packets are named by; the first rows show here as they would come in.</Card>;
  if (error) return <Problem message="The preview could not be made." retry={() => again()} />;
  if (!preview) return <Loading rows={3} />;
  const planFaults = preview.errors.flatMap((e) => ('faults' in e ? e.faults.map((f) => `${f.path.replace(/^\//, '')} ${f.message}`) : [e.message]));
  return (
    <section className="min-w-0">
      <h2 id="preview" className="mb-3 font-semibold">The first rows, as they would come in</h2>
      {planFaults.length > 0 ? <Problem message={planFaults.join('. ')} /> : (
        <div tabIndex={0} role="region" aria-labelledby="preview" className="overflow-x-auto rounded-xl border border-line bg-surface">
          <table className="w-full text-sm">
            <thead><tr className="border-b border-line text-left text-[13px] text-soft">{['Row', 'Name', ...fields.map((f) => schema.properties?.[f]?.title ?? f), 'Labels'].map((h) => <th key={h} scope="col" className="whitespace-nowrap px-4 py-2 font-medium">{h}</th>)}</tr></thead>
            <tbody className="divide-y divide-line">
              {preview.rows.map((r) => (
                <tr key={r.number} className={r.faults.length ? 'bg-bad-soft/50' : ''}>
                  <td className="px-4 py-2 align-top tabular-nums text-faint">{r.number}</td>
                  <td className="min-w-44 max-w-64 px-4 py-2 align-top"><span className="block truncate font-medium">{r.title}</span>{r.faults.map((f, i) => <span key={i} className="block text-[13px] text-bad"><Fault fault={f} /></span>)}</td>
                  {fields.map((f) => <td key={f} className="max-w-56 truncate px-4 py-2 align-top text-soft">{show((r.payload as Record<string, unknown> | null)?.[f])}</td>)}
                  <td className="px-4 py-2 align-top"><span className="flex gap-1">{r.labels.map((l) => <Badge key={l}>{l}</Badge>)}</span></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
};

const show = (value: unknown) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value));
