import { CheckCircle2, ScrollText } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { idempotencyKey } from '../api/client';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Diff } from '../ui/diff';
import { Ago, Badge, Button, Card, Loading, PageTitle, Problem, ReasonDialog } from '../ui/ui';

const policiesDocument = graphql(`
  query Policies($key: String!) {
    workspace(key: $key) { id policies { number text createdAt createdBy } policyFrame { guardrails schema } }
  }
`);

const versionsDocument = graphql(`
  query PolicyVersions($key: String!, $after: String) {
    workspace(key: $key) { id policyVersions(first: 10, after: $after) { nodes { number text createdAt createdBy } pageInfo { hasNextPage endCursor } } }
  }
`);

const mayDocument = graphql(`
  query MayChangePolicies($key: String!, $input: JSON!) { workspace(key: $key) { id eligibility(action: "policy.replace", input: $input) { verdict reason stopped } } }
`);

const checkDocument = graphql(`
  query CheckPolicies($key: String!, $text: String!) { workspace(key: $key) { id policyCheck(text: $text) { formatted faults { policy line column message } } } }
`);

const replaceDocument = graphql(`
  mutation ReplacePolicies($input: ProposeActionInput!) {
    proposeAction(input: $input) { run { id } errors { code message ... on InvalidInput { faults { line column message } } } }
  }
`);

type Version = { number: number; text: string; createdAt: string; createdBy: string | null };
type View = 'policies' | 'guardrails' | 'schema' | 'history';
const views: { id: View; label: string; lead: string }[] = [
  { id: 'policies', label: 'In force', lead: 'The tenant’s own. They hold in every workspace, together with the guardrails.' },
  { id: 'guardrails', label: 'Guardrails', lead: 'The platform’s own. They come first, and nobody can change them.' },
  { id: 'schema', label: 'Schema', lead: 'What policies may speak of: who acts, on what, and each action with its input.' },
  { id: 'history', label: 'History', lead: 'Every version that was ever in force, and what it changed.' },
];

export const Policies = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(policiesDocument, { key: workspace.key });
  const [view, setView] = useState<View>('policies');
  const [editing, setEditing] = useState(false);
  const found = data?.workspace;
  const input = useMemo(() => (found ? { text: found.policies.text, replaces: found.policies.number } : {}), [found]);
  const [{ data: may }] = useQuery({ query: mayDocument, variables: { key: workspace.key, input }, pause: !found });
  const eligibility = may?.workspace?.eligibility;
  const allowed = eligibility && eligibility.verdict !== 'DENY' && !eligibility.stopped;

  return (
    <>
      <PageTitle title="Policies" lead="What decides who may do what. Written in Cedar, versioned, and changed only with a second person’s approval.">
        {found && !editing && <Button look="primary" disabled={!allowed} onClick={() => { setView('policies'); setEditing(true); }}>Change</Button>}
      </PageTitle>
      {error && <Problem message="The policies could not be loaded." retry={again} />}
      {!found && !error && <Loading rows={3} />}
      {found && editing && <Editor version={found.policies} onDone={() => setEditing(false)} />}
      {found && !editing && (
        <>
          {eligibility && !allowed && <p className="mb-4 text-sm text-soft">You can read the policies; changing them takes somebody else: {eligibility.stopped ?? eligibility.reason}</p>}
          <div role="tablist" aria-label="Policies" className="mb-3 flex gap-1 overflow-x-auto border-b border-line">
            {views.map(({ id, label }, i) => (
              <button key={id} id={`tab-${id}`} role="tab" type="button" aria-selected={view === id} aria-controls="policy-view" tabIndex={view === id ? 0 : -1} onClick={() => setView(id)}
                onKeyDown={(e) => {
                  const to = e.key === 'ArrowRight' ? i + 1 : e.key === 'ArrowLeft' ? i - 1 : undefined;
                  const next = to === undefined ? undefined : views[(to + views.length) % views.length];
                  if (next) { setView(next.id); document.getElementById(`tab-${next.id}`)?.focus(); }
                }}
                className={`-mb-px whitespace-nowrap border-b-2 px-3 py-2 text-sm font-medium ${view === id ? 'border-accent text-accent-text' : 'border-transparent text-soft hover:text-ink'}`}>{label}</button>
            ))}
          </div>
          <div id="policy-view" role="tabpanel" aria-labelledby={`tab-${view}`}>
            <p className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-soft">
              {view === 'policies' && <Badge tone="good">Version {found.policies.number}</Badge>}
              <span>{views.find((v) => v.id === view)?.lead}</span>
              {view === 'policies' && <span className="text-faint">Since <Ago at={found.policies.createdAt} />{found.policies.createdBy && ` by ${found.policies.createdBy}`}</span>}
            </p>
            {view === 'policies' && <Source label="Policies in force" text={found.policies.text} />}
            {view === 'guardrails' && <Source label="Guardrails" text={found.policyFrame.guardrails} />}
            {view === 'schema' && <Source label="Schema" text={found.policyFrame.schema} />}
            {view === 'history' && <History workspace={workspace.key} />}
          </div>
        </>
      )}
    </>
  );
};

/** Cedar with line numbers; comments, annotations and texts set apart. */
const Source = ({ text, label }: { text: string; label: string }) => (
  <div tabIndex={0} role="region" aria-label={label} className="overflow-x-auto rounded-xl border border-line bg-surface py-3 font-mono text-[13px] leading-6">
    {text.trimEnd().split('\n').map((line, i) => (
      <div key={i} className="flex px-4"><span aria-hidden className="mr-4 w-8 shrink-0 select-none text-right text-faint">{i + 1}</span><span className="whitespace-pre">{coloured(line)}</span></div>
    ))}
  </div>
);

const parts = /(\/\/.*$)|(@\w+)|("(?:\\.|[^"\\])*")|\b(permit|forbid|when|unless|appliesTo)\b|^(\s*(?:entity|action|namespace|type)\b)/g;
const colours = ['text-faint italic', 'text-accent-text', 'text-good', 'font-semibold', 'font-semibold'];
const coloured = (line: string) => {
  const out: (string | React.ReactNode)[] = [];
  let at = 0;
  for (const m of line.matchAll(parts)) {
    out.push(line.slice(at, m.index), <span key={m.index} className={colours[m.slice(1).findIndex(Boolean)]}>{m[0]}</span>);
    at = m.index + m[0].length;
  }
  return [...out, line.slice(at) || (at === 0 ? ' ' : '')];
};

const History = ({ workspace }: { workspace: string }) => {
  const [after, setAfter] = useState<string>();
  const [known, setKnown] = useState<Version[]>([]);
  const [{ data, error, fetching }, again] = useQuery({ query: versionsDocument, variables: { key: workspace, after }, requestPolicy: 'network-only' });
  const page = data?.workspace?.policyVersions;
  const all = [...known, ...(page?.nodes ?? []).filter((n) => !known.some((k) => k.number === n.number))];
  if (error) return <Problem message="The history could not be loaded." retry={again} />;
  if (!page && known.length === 0) return <Loading rows={2} />;
  return (
    <div className="space-y-3">
      {all.map((version, i) => (
        <Card key={version.number}>
          <details className="group" open={i === 0 && all.length > 1}>
            <summary className="flex cursor-pointer items-center gap-3 px-5 py-3.5">
              <span className="font-medium">Version {version.number}</span>
              <span className="text-[13px] text-faint"><Ago at={version.createdAt} /> · {version.createdBy ?? 'what a new tenant starts with'}</span>
              {i === 0 && <Badge tone="good">In force</Badge>}
            </summary>
            <div className="px-5 pb-5"><Diff before={all[i + 1]?.text ?? (version.number > 1 ? undefined : '')} after={version.text} /></div>
          </details>
        </Card>
      ))}
      {page?.pageInfo.hasNextPage && <Button busy={fetching} onClick={() => { setKnown(all); setAfter(page.pageInfo.endCursor ?? undefined); }}>Older versions</Button>}
    </div>
  );
};

const Editor = ({ version, onDone }: { version: Version; onDone: () => void }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLDivElement>(null);
  const [base] = useState(version);
  const [text, setText] = useState(base.text);
  const [settled, setSettled] = useState(base.text);
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [{ fetching: busy }, replace] = useMutation(replaceDocument);
  const key = useMemo(idempotencyKey, [text]);

  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 350);
    return () => clearTimeout(timer);
  }, [text]);
  const [{ data, stale, fetching }] = useQuery({ query: checkDocument, variables: { key: workspace.key, text: settled }, requestPolicy: 'network-only' });
  const check = data?.workspace?.policyCheck;
  const checking = stale || fetching || settled !== text;
  const faults = check?.faults ?? [];
  const lines = text.split('\n');
  const changed = text !== base.text;

  const go = (line: number, column: number) => {
    const offset = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + column - 1;
    area.current?.focus();
    area.current?.setSelectionRange(offset, offset);
    if (area.current) area.current.scrollTop = Math.max(0, (line - 6) * 24);
  };

  const submit = async (reason: string) => {
    setProblem(undefined);
    const { data: done, error } = await replace({ input: { workspaceId: workspace.id, action: 'policy.replace', input: { text, replaces: base.number }, reason, idempotencyKey: key } });
    const refusal = done?.proposeAction.errors[0];
    if (error || refusal) setProblem(refusal?.message ?? 'The proposal did not arrive. Try again.');
    else if (done?.proposeAction.run) navigate(`/w/${workspace.key}/runs/${done.proposeAction.run.id}`);
  };

  return (
    <>
      {version.number !== base.number && <div className="mb-4"><Problem message={`Version ${version.number} came into force while you were writing. Copy your changes, go back, and start from it.`} /></div>}
      <Card className="overflow-hidden">
        <div className="flex flex-wrap items-center justify-between gap-3 border-b border-line px-4 py-2.5">
          <span className="text-sm text-soft">Changing version {base.number}</span>
          <div className="flex gap-2">
            <Button look="quiet" disabled={!check?.formatted || checking} onClick={() => check?.formatted && setText(check.formatted)}>Format</Button>
            <Button onClick={onDone}>Back</Button>
            <Button look="primary" disabled={!changed || checking || faults.length > 0 || version.number !== base.number} onClick={() => setAsking(true)}>Propose</Button>
          </div>
        </div>
        <div className="flex h-[26rem] font-mono text-[13px] leading-6">
          <div ref={numbers} aria-hidden className="w-12 shrink-0 select-none overflow-hidden bg-sunken py-3 pr-3 text-right text-faint">
            {lines.map((_, i) => <div key={i} className={faults.some((f) => f.line === i + 1) ? 'font-semibold text-bad' : ''}>{i + 1}</div>)}
          </div>
          <textarea ref={area} aria-label="Policies" aria-describedby="policy-faults" aria-invalid={faults.length > 0 || undefined} spellCheck={false} wrap="off" value={text}
            onChange={(e) => setText(e.target.value)} onScroll={(e) => { if (numbers.current) numbers.current.scrollTop = e.currentTarget.scrollTop; }}
            className="min-w-0 flex-1 resize-none bg-surface px-3 py-3 text-ink outline-offset-[-2px]" />
        </div>
        <div id="policy-faults" role="status" className="min-h-12 border-t border-line bg-sunken/60 px-4 py-3 text-sm">
          {checking ? <span className="text-faint">Checking…</span>
            : faults.length === 0 ? <span className="flex items-center gap-2 text-good"><CheckCircle2 aria-hidden className="size-4" />{changed ? 'Valid against the schema.' : 'Valid. Nothing has changed yet.'}</span>
            : (
              <ul className="space-y-1">
                {faults.map((f, i) => (
                  <li key={i}><button type="button" onClick={() => go(f.line, f.column)} className="flex gap-3 rounded text-left hover:underline"><span className="w-14 shrink-0 font-mono text-[13px] text-faint">{f.line}:{f.column}</span><span className="text-bad">{f.message}</span></button></li>
                ))}
              </ul>
            )}
        </div>
      </Card>
      {changed && <section className="mt-6"><h2 className="mb-2 flex items-center gap-2 font-medium"><ScrollText aria-hidden className="size-4 text-faint" />What changes</h2><Diff before={base.text} after={text} /></section>}
      <ReasonDialog open={asking} title="Propose these policies" lead="Another owner or admin decides. Until then, nothing changes." action="Propose" busy={busy} error={problem} onClose={() => setAsking(false)} onSubmit={(reason) => void submit(reason)} />
    </>
  );
};
