import { Download, ScrollText, ShieldAlert } from 'lucide-react';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { download } from '../api/download';
import { graphql } from '../api/gql';
import type { ReceiptFilterInput } from '../api/gql/graphql';
import { readFilter } from '../receipts/filter';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Empty, filterControl, Loading, PageTitle, Problem, StateBadge, words } from '../ui/ui';

const auditDocument = graphql(`
  query Audit($key: String!, $after: String, $filter: ReceiptFilterInput) {
    workspace(key: $key) {
      id
      actors { principalId name }
      families { actions { kind title } }
      auditLog(first: 50, after: $after, filter: $filter) {
        nodes { receiptId at by { name email kind tier } cause { name email tier } root { name email } chain { name } surface tool decision code state reason traceId }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
const eventsDocument = graphql(`
  query SecurityEvents($key: String!, $after: String) {
    workspace(key: $key) { id securityEvents(first: 50, after: $after) { nodes { eventId at lastAt count code who address detail surface } pageInfo { hasNextPage endCursor } } }
  }
`);

const addressDocument = graphql(`query AuditAddress($key: String!) { workspace(key: $key) { id auditAddress } }`);

const verdicts: Record<string, ['good' | 'warn' | 'bad', string]> = { ALLOW: ['good', 'Allowed'], ALLOW_BEHIND_GATES: ['warn', 'Behind gates'], DENY: ['bad', 'Denied'] };

export const Audit = () => {
  const [query, setQuery] = useSearchParams();
  const view = query.get('view') ?? '';
  const filter = readFilter(query);
  return (
    <>
      <PageTitle title="Audit log" lead="Who did what, for whom, by which way, and what was decided. Each row is a receipt.">
        <div role="group" aria-label="View" className="flex rounded-lg border border-line-strong bg-surface p-0.5">
          {([['', 'Acts'], ['sign-in', 'Sign-in']] as const).map(([name, label]) => (
            <button key={name} type="button" aria-pressed={view === name} onClick={() => setQuery(name ? { view: name } : {}, { replace: true })}
              className={`h-8 rounded-md px-2.5 text-sm font-medium ${view === name ? 'bg-accent-soft text-accent-text' : 'text-soft hover:text-ink'}`}>{label}</button>
          ))}
        </div>
        {!view && <Export filter={filter} />}
      </PageTitle>
      {view === 'sign-in' ? <SignIns /> : <Acts filter={filter} />}
    </>
  );
};

const Export = ({ filter }: { filter: ReceiptFilterInput | undefined }) => {
  const workspace = useWorkspace();
  const [{ data }] = useQuery({ query: addressDocument, variables: { key: workspace.key } });
  const [problem, setProblem] = useState(false);
  const address = data?.workspace?.auditAddress;
  const save = async (format: string) => {
    const { kinds, action, actor, since, until } = filter ?? {};
    const wanted = Object.entries({ format, kind: kinds?.[0], action, actor, since, until }).filter(([, v]) => v).map(([k, v]) => [k, String(v)]);
    setProblem(!(await download(`${address}?${new URLSearchParams(wanted)}`, `audit-${workspace.key}.${format === 'csv' ? 'csv' : 'ndjson'}`)));
  };
  return (
    <>
      {problem && <Problem message="The audit log could not be exported." />}
      <label className="relative inline-flex h-9 items-center gap-2 rounded-lg border border-line-strong bg-surface px-3.5 text-sm font-medium shadow-xs focus-within:outline-2 focus-within:outline-accent/60 hover:bg-sunken">
        <Download aria-hidden className="size-4" />Export
        <select aria-label="Export as" value="" disabled={!address} onChange={(e) => void save(e.target.value)} className="absolute inset-0 cursor-pointer opacity-0">
          <option value="" disabled>Export as</option><option value="csv">CSV</option><option value="ndjson">NDJSON</option><option value="cloudevents">CloudEvents</option>
        </select>
      </label>
    </>
  );
};

const More = ({ info, query, setQuery }: { info: { hasNextPage: boolean; endCursor?: string | null }; query: URLSearchParams; setQuery: ReturnType<typeof useSearchParams>[1] }) => (
  <div className="mt-4 flex justify-between gap-2">
    {query.get('after') ? <Button onClick={() => setQuery((q) => { q.delete('after'); return q; })}>Newest</Button> : <span />}
    {info.hasNextPage && <Button onClick={() => setQuery((q) => { q.set('after', info.endCursor!); return q; })}>Older</Button>}
  </div>
);

const Acts = ({ filter }: { filter: ReceiptFilterInput | undefined }) => {
  const workspace = useWorkspace();
  const [query, setQuery] = useSearchParams();
  const [{ data, error }, again] = useLiveQuery(auditDocument, { key: workspace.key, after: query.get('after'), filter });
  const found = data?.workspace;
  const log = found?.auditLog;
  const set = (name: string, value: string) => setQuery((q) => { q.delete('after'); if (value) q.set(name, value); else q.delete(name); return q; }, { replace: true });
  if (error) return <Problem message="The audit log could not be loaded." retry={again} />;
  if (found && !log) return <Empty icon={<ScrollText />} title="You may not read the audit log">Owners, admins and auditors do.</Empty>;
  return (
    <>
      <search aria-label="Filter the audit log" className="mb-4 grid gap-3 sm:grid-cols-2 lg:grid-cols-[1fr_1fr_auto_auto]">
        <label className="text-[13px] text-soft">By<select className={filterControl} value={query.get('actor') ?? ''} onChange={(e) => set('actor', e.target.value)}><option value="">Anybody</option>{found?.actors.map((a) => <option key={a.principalId} value={a.principalId}>{a.name}</option>)}</select></label>
        <label className="text-[13px] text-soft">Tool<select className={filterControl} value={query.get('action') ?? ''} onChange={(e) => set('action', e.target.value)}><option value="">All</option>{found?.families.flatMap((f) => f.actions).map((a) => <option key={a.kind} value={a.kind}>{a.title}</option>)}</select></label>
        <label className="text-[13px] text-soft">From<input type="date" className={filterControl} value={query.get('since') ?? ''} onChange={(e) => set('since', e.target.value)} /></label>
        <label className="text-[13px] text-soft">To<input type="date" className={filterControl} value={query.get('until') ?? ''} onChange={(e) => set('until', e.target.value)} /></label>
      </search>
      {!log && <Loading rows={6} />}
      {log?.nodes.length === 0 && <Empty icon={<ScrollText />} title={filter ? 'Nothing like that happened' : 'Nothing happened yet'}>{filter ? 'Choose less.' : 'Every act shows up here.'}</Empty>}
      {log && log.nodes.length > 0 && (
        <>
          <div tabIndex={0} role="region" aria-label="Audit log" className="overflow-x-auto rounded-xl border border-line bg-surface">
            <table className="w-full min-w-[44rem] text-sm">
              <thead><tr className="border-b border-line text-left text-[13px] text-soft">{['When', 'Who', 'Tool', 'Outcome', 'Reason'].map((h) => <th key={h} scope="col" className="px-4 py-2 font-medium">{h}</th>)}</tr></thead>
              <tbody className="divide-y divide-line">
                {log.nodes.map((r) => {
                  const verdict = r.decision ? verdicts[r.decision] : undefined;
                  return (
                    <tr key={r.receiptId} className="align-top">
                      <td className="px-4 py-2.5"><Link to={`/w/${workspace.key}/receipts/${r.receiptId}`} className="text-accent-text hover:underline"><Ago at={r.at} /></Link></td>
                      <td className="px-4 py-2.5">
                        <span className="font-medium">{r.by.name}</span>
                        <span className="block text-[13px] text-faint">{r.by.email ?? [words(r.by.kind), r.by.tier && words(r.by.tier)].filter(Boolean).join(', ')}</span>
                        {r.cause.name !== r.by.name && <span className="block text-[13px] text-soft">asked for by {r.cause.name}</span>}
                        {r.root.name !== r.by.name && r.root.name !== r.cause.name && <span className="block text-[13px] text-soft" title={r.root.email ?? undefined}>for {[...r.chain.map((c) => c.name), ...(r.chain.length ? [] : [r.root.name])].join(' › ')}</span>}
                      </td>
                      <td className="px-4 py-2.5"><span className="font-mono text-[13px]">{r.tool}</span><span className="block text-[13px] text-faint">{r.surface}</span></td>
                      <td className="px-4 py-2.5"><span className="flex flex-wrap gap-1.5">{verdict && <Badge tone={verdict[0]}>{verdict[1]}</Badge>}<StateBadge state={r.state} /></span><span className="mt-0.5 block font-mono text-xs text-faint" title={r.traceId ? `Trace ${r.traceId}` : undefined}>{r.code}</span></td>
                      <td className="min-w-44 px-4 py-2.5 text-soft"><span className="line-clamp-2" title={r.reason ?? undefined}>{r.reason}</span></td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          <More info={log.pageInfo} query={query} setQuery={setQuery} />
        </>
      )}
    </>
  );
};

const codes: Record<string, ['good' | 'bad' | 'warn' | 'neutral', string]> = {
  'sign-in': ['good', 'Signed in'],
  'sign-in.failed': ['bad', 'Could not sign in'],
  'sign-in.locked': ['bad', 'Locked out'],
  'password.changed': ['neutral', 'Password changed'],
  'person.recovered': ['warn', 'Let in again by the operator'],
  'factor.added': ['neutral', 'Second factor added'],
  'factor.removed': ['warn', 'Second factor removed'],
  'invitation.refused': ['bad', 'Invitation refused'],
  'token.refused': ['bad', 'Token refused'],
  'act.refused': ['warn', 'Act refused'],
};

const SignIns = () => {
  const workspace = useWorkspace();
  const [query, setQuery] = useSearchParams();
  const [{ data, error }, again] = useLiveQuery(eventsDocument, { key: workspace.key, after: query.get('after') });
  const events = data?.workspace?.securityEvents;
  if (error) return <Problem message="It could not be loaded." retry={again} />;
  if (data?.workspace && !events) return <Empty icon={<ShieldAlert />} title="You may not read this">Owners, admins and auditors do.</Empty>;
  if (!events) return <Loading rows={5} />;
  if (events.nodes.length === 0) return <Empty icon={<ShieldAlert />} title="Nobody signed in yet" />;
  return (
    <>
      <Card className="divide-y divide-line">
        {events.nodes.map((e) => (
          <div key={e.eventId} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 text-sm">
            <span className="w-48"><Badge tone={codes[e.code]?.[0] ?? 'neutral'}>{codes[e.code]?.[1] ?? e.code}</Badge></span>
            <span className="min-w-0 flex-1 basis-40 font-medium">{e.who ?? <span className="text-faint">Nobody known</span>}{e.detail && <span className="ml-2 font-normal text-soft">{e.detail}</span>}</span>
            {e.count > 1 && <Badge>{e.count} times</Badge>}
            <span className="text-[13px] text-faint">{e.address ?? e.surface ?? 'unknown address'}</span>
            <span className="w-28 text-right text-[13px] text-faint"><Ago at={e.at} /></span>
          </div>
        ))}
      </Card>
      <More info={events.pageInfo} query={query} setQuery={setQuery} />
    </>
  );
};
