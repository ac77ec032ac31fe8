import { ReceiptText, X } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLive } from '../shell/live';
import { useLiveQuery } from '../shell/use-live-query';
import { Button, Card, Empty, filterControl, Loading, PageTitle, Problem } from '../ui/ui';
import { ExportEvidence } from './export';
import { readFilter } from './filter';
import { LogHealth } from './log';
import { kinds, ReceiptRow } from './receipt-row';

const receiptsDocument = graphql(`
  query Receipts($key: String!, $after: String, $filter: ReceiptFilterInput) {
    workspace(key: $key) {
      id
      actors { principalId name }
      families { actions { kind title } }
      receipts(first: 50, after: $after, filter: $filter) {
        edges { cursor node { id kind reasonCode action state step at digest undoes actor { name kind } run { id target } fields } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const Receipts = () => {
  const workspace = useWorkspace();
  const { recent } = useLive();
  const [query, setQuery] = useSearchParams();
  const filter = readFilter(query);
  const [{ data, error }, again] = useLiveQuery(receiptsDocument, { key: workspace.key, after: query.get('after'), filter });
  const found = data?.workspace;
  const page = found?.receipts;
  const fresh = new Set(recent.map((r) => r.cursor));
  const set = (name: string, value: string) => setQuery((q) => { q.delete('after'); if (value) q.set(name, value); else q.delete(name); return q; }, { replace: true });
  const known = new Map(found?.families.flatMap((f) => f.actions.map((a) => [a.kind, a.title] as const)));

  return (
    <>
      <PageTitle title="Receipts" lead="What happened, in the order of the record. None is ever changed or removed."><ExportEvidence filter={filter} /></PageTitle>
      <LogHealth />
      <search aria-label="Filter receipts" className="mb-4 grid gap-3 sm:grid-cols-3 lg:grid-cols-[1fr_1fr_1.2fr_1.4fr_auto_auto]">
        <label className="text-[13px] text-soft">Kind
          <select className={filterControl} value={query.get('kind') ?? ''} onChange={(e) => set('kind', e.target.value)}><option value="">All</option>{kinds.map((k) => <option key={k}>{k}</option>)}</select>
        </label>
        <label className="text-[13px] text-soft">By
          <select className={filterControl} value={query.get('actor') ?? ''} onChange={(e) => set('actor', e.target.value)}><option value="">Anybody</option>{found?.actors.map((a) => <option key={a.principalId} value={a.principalId}>{a.name}</option>)}</select>
        </label>
        <label className="text-[13px] text-soft">Action
          <select className={filterControl} value={query.get('action') ?? ''} onChange={(e) => set('action', e.target.value)}>
            <option value="">All</option>
            {[...known].map(([kind, title]) => <option key={kind} value={kind}>{title}</option>)}
            {query.get('action') && !known.has(query.get('action')!) && <option>{query.get('action')}</option>}
          </select>
        </label>
        <label className="text-[13px] text-soft">Subject
          <input className={`${filterControl} font-mono`} placeholder={'Page::"prices"'} defaultValue={query.get('subject') ?? ''} onKeyDown={(e) => { if (e.key === 'Enter') set('subject', e.currentTarget.value.trim()); }} onBlur={(e) => set('subject', e.target.value.trim())} />
        </label>
        <label className="text-[13px] text-soft">From<input type="date" className={filterControl} value={query.get('since') ?? ''} onChange={(e) => set('since', e.target.value)} /></label>
        <label className="text-[13px] text-soft">To<input type="date" className={filterControl} value={query.get('until') ?? ''} onChange={(e) => set('until', e.target.value)} /></label>
      </search>
      {filter && (
        <div className="mb-3 flex items-center gap-3 text-[13px] text-soft">
          <span>{query.get('run') ? 'One run’s receipts' : 'Filtered'}{query.get('after') ? ', further back' : ''}</span>
          <button type="button" className="inline-flex items-center gap-1 rounded font-medium text-accent-text hover:underline" onClick={() => setQuery({})}><X aria-hidden className="size-3.5" />Show all</button>
        </div>
      )}
      {error && <Problem message={error.graphQLErrors[0]?.message ?? 'The receipts could not be loaded.'} retry={again} />}
      {!page && !error && <Loading />}
      {page?.edges.length === 0 && (filter
        ? <Empty icon={<ReceiptText />} title="Nothing matches">No receipt fits this filter.</Empty>
        : <Empty icon={<ReceiptText />} title="No receipts here">Every step of every action leaves one; new ones appear by themselves.</Empty>)}
      {page && page.edges.length > 0 && (
        <Card className="overflow-hidden"><ol className="divide-y divide-line">{page.edges.map((e) => <li key={e.node.id}><ReceiptRow receipt={e.node} target={e.node.run?.target} fresh={fresh.has(e.cursor)} /></li>)}</ol></Card>
      )}
      {page && (page.pageInfo.hasNextPage || query.get('after')) && (
        <div className="mt-4 flex justify-end gap-2">
          <Button disabled={!query.get('after')} onClick={() => setQuery((q) => { q.delete('after'); return q; })}>Newest</Button>
          <Button disabled={!page.pageInfo.hasNextPage} onClick={() => setQuery((q) => { q.set('after', page.pageInfo.endCursor!); return q; })}>Older</Button>
        </div>
      )}
    </>
  );
};
