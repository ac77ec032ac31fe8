import { ReceiptText } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLive } from '../shell/live';
import { useLiveQuery } from '../shell/use-live-query';
import { Button, Card, Empty, Loading, PageTitle, Problem } from '../ui/ui';
import { LogHealth } from './log';
import { ReceiptRow } from './receipt-row';

const receiptsDocument = graphql(`
  query Receipts($key: String!, $after: String, $kind: String) {
    workspace(key: $key) {
      id
      receipts(first: 50, after: $after, kind: $kind) {
        edges { cursor node { id kind reasonCode action state step at digest undoes actor { name kind } run { id target } fields } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

const kinds = ['proposed', 'decided', 'authorised', 'dispatched', 'outcome.confirmed', 'outcome.failed', 'outcome.unknown', 'reconciled', 'compensated', 'stop'];

export const Receipts = () => {
  const workspace = useWorkspace();
  const { recent } = useLive();
  const [query, setQuery] = useSearchParams();
  const kind = query.get('kind');
  const [{ data, error }, again] = useLiveQuery(receiptsDocument, { key: workspace.key, after: query.get('after'), kind });
  const page = data?.workspace?.receipts;
  const fresh = new Set(recent.map((r) => r.cursor));

  return (
    <>
      <PageTitle title="Receipts" lead="What happened, in the order of the record. Nothing here is ever changed or deleted.">
        <label className="flex items-center gap-2 text-sm text-soft">Kind
          <select value={kind ?? ''} onChange={(e) => setQuery(e.target.value ? { kind: e.target.value } : {})} className="h-9 rounded-lg border border-line-strong bg-surface px-2 text-sm text-ink">
            <option value="">All</option>
            {kinds.map((k) => <option key={k}>{k}</option>)}
          </select>
        </label>
      </PageTitle>
      <LogHealth />
      {error && <Problem message="The receipts could not be loaded." retry={again} />}
      {!page && !error && <Loading />}
      {page?.edges.length === 0 && <Empty icon={<ReceiptText />} title="No receipts here">Every step of every action leaves one; new ones appear by themselves.</Empty>}
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
