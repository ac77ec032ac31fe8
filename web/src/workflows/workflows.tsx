import { Plus, Workflow as WorkflowIcon } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem } from '../ui/ui';
import type { Document } from './diagram';
import { Schedules } from './schedules';

// The drawing is large and not everybody looks at it.
const Diagram = lazy(async () => ({ default: (await import('./diagram')).Diagram }));

const workflowsDocument = graphql(`
  query Workflows($key: String!) {
    workspace(key: $key) {
      id
      workflows { key number title packetType document createdAt counts { state count } }
    }
  }
`);
const workflowDocument = graphql(`
  query Workflow($key: String!, $workflow: String!, $number: Int) {
    workspace(key: $key) {
      id
      workflow(key: $workflow, number: $number) { key number title packetType document yaml createdAt createdBy { name } counts { state count } }
      workflowVersions(key: $workflow) { number createdAt createdBy { name } counts { state count } }
    }
  }
`);
const templatesDocument = graphql(`query Templates($key: String!) { workspace(key: $key) { id packetTypes { key } workflowTemplates { key title description packetType yaml } } }`);
const checkDocument = graphql(`query CheckWorkflow($key: String!, $yaml: String!) { workspace(key: $key) { id workflowCheck(yaml: $yaml) { faults { path message line column } document } } }`);
const proposeDocument = graphql(`
  mutation ProposeWorkflow($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state preflight { checks { passed detail } } } errors { message ... on InvalidInput { faults { path message } } } } }
`);

export const Workflows = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(workflowsDocument, { key: workspace.key });
  const [starting, setStarting] = useState(false);
  const found = data?.workspace;
  return (
    <>
      <PageTitle title="Workflows" lead="How work moves: states, who may take it further, what runs, who has to agree."><Button look="primary" onClick={() => setStarting(true)}><Plus aria-hidden className="size-4" />New workflow</Button></PageTitle>
      {error && <Problem message="The workflows could not be loaded." retry={again} />}
      {!found && !error && <Loading />}
      {found?.workflows.length === 0 && <Empty icon={<WorkflowIcon />} title="No workflow yet">Begin with one of three that are ready, and change what you like.</Empty>}
      <ul className="grid gap-4 sm:grid-cols-2">
        {found?.workflows.map((w) => {
          const document = w.document as Document & { description?: string };
          const open = w.counts.filter((c) => document.states[c.state]?.kind !== 'final').reduce((n, c) => n + c.count, 0);
          return (
            <li key={w.key}>
              <Link to={`/w/${workspace.key}/workflows/${w.key}`} className="block h-full rounded-xl border border-line bg-surface p-5 hover:border-line-strong">
                <span className="flex items-baseline justify-between gap-3"><span className="font-semibold">{w.title}</span><span className="text-[13px] text-faint">Version {w.number}</span></span>
                <span className="mt-1 block text-sm text-soft">{document.description}</span>
                <span className="mt-3 flex flex-wrap gap-1.5 text-[13px] text-faint"><Badge>{w.packetType}</Badge><Badge tone={open ? 'info' : 'neutral'}>{open} open</Badge></span>
              </Link>
            </li>
          );
        })}
      </ul>
      {found && found.workflows.length > 0 && <Schedules />}
      {starting && <TemplateDialog onClose={() => setStarting(false)} />}
    </>
  );
};

export const WorkflowPage = () => {
  const workspace = useWorkspace();
  const { workflow = '' } = useParams();
  const [query, setQuery] = useSearchParams();
  const number = Number(query.get('version')) || null;
  const [{ data, error }, again] = useLiveQuery(workflowDocument, { key: workspace.key, workflow, number });
  const [editing, setEditing] = useState(false);
  const [migrating, setMigrating] = useState<number>();
  const found = data?.workspace?.workflow;
  if (error) return <Problem message="The workflow could not be loaded." retry={again} />;
  if (!data) return <Loading rows={5} />;
  if (!found) return <Empty icon={<WorkflowIcon />} title="There is no such workflow here" />;

  const document = found.document as Document & { description?: string };
  const versions = data.workspace!.workflowVersions;
  const counts = Object.fromEntries(found.counts.map((c) => [c.state, c.count]));
  const here = query.get('state') ?? undefined;
  return (
    <>
      <PageTitle title={found.title} lead={document.description}>
        <label className="text-[13px] text-soft">Version <select className="ml-1 h-9 rounded-lg border border-line-strong bg-surface px-2 text-sm text-ink" value={found.number} onChange={(e) => setQuery({ version: e.target.value })}>{versions.map((v) => <option key={v.number} value={v.number}>{v.number}{v.number === versions[0]!.number ? ' (newest)' : ''}</option>)}</select></label>
        <Button look="primary" onClick={() => setEditing(true)}>Change</Button>
      </PageTitle>
      <Suspense fallback={<div className="h-[26rem] animate-pulse rounded-xl bg-sunken" />}><Diagram document={document} counts={counts} here={here} /></Suspense>
      <p className="mt-2 text-[13px] text-faint">Published <Ago at={found.createdAt} /> by {found.createdBy.name}, for packets of the type {found.packetType}. Moving lines are taken by the clock or by the workflow itself; broken ones when something fails.</p>
      <section className="mt-6 grid gap-6 lg:grid-cols-2">
        <Card>
          <h2 className="border-b border-line px-5 py-3 text-sm font-semibold">Ways</h2>
          <ul className="divide-y divide-line text-sm">
            {Object.entries(document.transitions).map(([key, t]) => (
              <li key={key} className="px-5 py-3">
                <span className="font-medium">{t.title}</span> <span className="text-faint">{t.from.map((f) => document.states[f]?.title).join(', ')} → {document.states[t.to]?.title}</span>
                <span className="mt-0.5 block text-[13px] text-soft">
                  {[t.action && `runs ${t.action.run}`, ...(t.gates ?? []).map((g) => `${g.quorum ?? 1} approval(s) by ${g.role}`), t.after && `after ${t.after}`, t.automatic && 'by itself', t.otherwise && `otherwise ${document.states[t.otherwise.to]?.title}${t.otherwise.compensate ? ', after making good' : ''}`].filter(Boolean).join(' · ') || 'no action of its own'}
                </span>
              </li>
            ))}
          </ul>
        </Card>
        <Card className="self-start">
          <h2 className="border-b border-line px-5 py-3 text-sm font-semibold">Versions</h2>
          <ul className="divide-y divide-line text-sm">
            {versions.map((v) => {
              const packets = v.counts.reduce((n, c) => n + c.count, 0);
              return (
                <li key={v.number} className="flex items-center gap-3 px-5 py-3">
                  <span className="flex-1"><span className="font-medium">{v.number}</span> <span className="text-soft">by {v.createdBy.name} <Ago at={v.createdAt} /></span></span>
                  <span className="text-[13px] text-faint">{packets} packet(s)</span>
                  {v.number !== versions[0]!.number && packets > 0 && <Button className="h-8" onClick={() => setMigrating(v.number)}>Migrate</Button>}
                </li>
              );
            })}
          </ul>
        </Card>
      </section>
      {editing && <EditWorkflow yaml={found.yaml} replaces={versions[0]!.number} onClose={() => setEditing(false)} />}
      {migrating && <Migrate workflow={found.key} from={migrating} to={versions[0]!.number} onClose={() => setMigrating(undefined)} />}
    </>
  );
};

const TemplateDialog = ({ onClose }: { onClose: () => void }) => {
  const workspace = useWorkspace();
  const [{ data }] = useQuery({ query: templatesDocument, variables: { key: workspace.key } });
  const [, propose] = useMutation(proposeDocument);
  const navigate = useNavigate();
  const [yaml, setYaml] = useState<string>();
  const [problem, setProblem] = useState<string>();
  if (yaml !== undefined) return <EditWorkflow yaml={yaml} replaces={0} onClose={onClose} />;

  const begin = async (template: NonNullable<typeof data>['workspace'] extends infer W ? NonNullable<W> extends { workflowTemplates: (infer T)[] } ? T : never : never) => {
    const type = template.packetType as { key: string };
    if (!data?.workspace?.packetTypes.some((t) => t.key === type.key)) {
      const { data: sent, error } = await propose({ input: { workspaceId: workspace.id, action: 'packet.type', input: type, reason: `The packets of ${template.title}.`, idempotencyKey: idempotencyKey() } });
      const run = sent?.proposeAction.run;
      if (error || !run) { setProblem(sent?.proposeAction.errors[0]?.message ?? 'It did not arrive. Try again.'); return; }
      if (!['QUEUED', 'RUNNING', 'SUCCEEDED'].includes(run.state)) { navigate(`/w/${workspace.key}/runs/${run.id}`); return; }
    }
    setYaml(template.yaml);
  };

  return (
    <Dialog open onClose={onClose} title="New workflow" lead="Begin with one that is ready; you change it before it is published.">
      <ul className="space-y-2 p-5">
        {problem && <li><Problem message={problem} /></li>}
        {data?.workspace?.workflowTemplates.map((t) => (
          <li key={t.key}><button type="button" className="w-full rounded-xl border border-line bg-surface px-4 py-3 text-left hover:border-line-strong hover:bg-sunken" onClick={() => void begin(t)}><span className="block font-medium">{t.title}</span><span className="block text-sm text-soft">{t.description}</span></button></li>
        ))}
      </ul>
    </Dialog>
  );
};

const EditWorkflow = ({ yaml, replaces, onClose }: { yaml: string; replaces: number; onClose: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [, propose] = useMutation(proposeDocument);
  const [text, setText] = useState(yaml);
  const [asked, setAsked] = useState(yaml);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [{ data }] = useQuery({ query: checkDocument, variables: { key: workspace.key, yaml: asked }, requestPolicy: 'network-only' });
  useEffect(() => { const wait = setTimeout(() => setAsked(text), 400); return () => clearTimeout(wait); }, [text]);
  const check = asked === text ? data?.workspace?.workflowCheck : undefined;

  const submit = async () => {
    if (!check?.document) return;
    setBusy(true);
    const { data: sent, error } = await propose({ input: { workspaceId: workspace.id, action: 'workflow.publish', input: { document: check.document, replaces }, reason, idempotencyKey: idempotencyKey() } });
    setBusy(false);
    const run = sent?.proposeAction.run;
    if (run) navigate(`/w/${workspace.key}/runs/${run.id}`);
    else setProblem(error ? 'It did not arrive. Try again.' : sent?.proposeAction.errors[0]?.message);
  };

  return (
    <Dialog open onClose={onClose} title={replaces ? 'Change the workflow' : 'New workflow'} lead="Packets that exist keep their version until they are migrated.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          {problem && <Problem message={problem} />}
          <Field label="Workflow" help="YAML.">{(p) => <textarea {...p} rows={18} spellCheck={false} className={`${p.className} font-mono text-[13px] leading-5`} value={text} onChange={(e) => setText(e.target.value)} />}</Field>
          <div aria-live="polite" className="text-sm">
            {!check ? <p className="text-faint">Checking…</p> : check.faults.length === 0 ? <p className="text-good">Everything it names is there, and every packet can come to an end.</p> : (
              <ul className="space-y-1 text-bad">{check.faults.map((f, i) => <li key={i}><code className="font-mono text-[13px]">{f.path.replace(/^\/document/, '') || '/'}{f.line ? `:${f.line}` : ''}</code> {f.message}</li>)}</ul>
            )}
          </div>
          <Field label="Reason" help="Whoever approves reads it.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy} disabled={!check || check.faults.length > 0}>Propose</Button></div>
      </form>
    </Dialog>
  );
};

const Migrate = ({ workflow, from, to, onClose }: { workflow: string; from: number; to: number; onClose: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ data: old }] = useQuery({ query: workflowDocument, variables: { key: workspace.key, workflow, number: from } });
  const [{ data: next }] = useQuery({ query: workflowDocument, variables: { key: workspace.key, workflow, number: to } });
  const [, propose] = useMutation(proposeDocument);
  const [states, setStates] = useState<Record<string, string>>({});
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const before = old?.workspace?.workflow;
  const after = next?.workspace?.workflow?.document as Document | undefined;

  const submit = async () => {
    setBusy(true);
    const { data, error } = await propose({ input: { workspaceId: workspace.id, action: 'packet.migrate', input: { workflow, from, to, states }, reason, idempotencyKey: idempotencyKey() } });
    setBusy(false);
    const run = data?.proposeAction.run;
    if (run?.state === 'PREFLIGHT_FAILED') setProblem(run.preflight?.checks.find((c) => !c.passed)?.detail);
    else if (run) navigate(`/w/${workspace.key}/runs/${run.id}`);
    else setProblem(error ? 'It did not arrive. Try again.' : data?.proposeAction.errors[0]?.message);
  };

  return (
    <Dialog open onClose={onClose} title={`Migrate from version ${from} to ${to}`} lead="Say where packets go. The run shows what moves where before anybody approves it.">
      {!before || !after ? <div className="p-5"><Loading rows={2} /></div> : (
        <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
          <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
            {problem && <Problem message={problem} />}
            {before.counts.filter((c) => (before.document as Document).states[c.state]?.kind !== 'final').map((c) => (
              <Field key={c.state} label={`${(before.document as Document).states[c.state]?.title ?? c.state} (${c.count})`}>{(p) => (
                <select {...p} required value={states[c.state] ?? (after.states[c.state] ? c.state : '')} onChange={(e) => setStates({ ...states, [c.state]: e.target.value })}><option value="">Choose</option>{Object.entries(after.states).map(([key, s]) => <option key={key} value={key}>{s.title}</option>)}</select>
              )}</Field>
            ))}
            <Field label="Reason" help="Whoever approves reads it.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Propose</Button></div>
        </form>
      )}
    </Dialog>
  );
};
