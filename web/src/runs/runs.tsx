import { Activity } from 'lucide-react';
import { Link, useSearchParams } from 'react-router';
import { graphql } from '../api/gql';
import type { RunState } from '../api/gql/graphql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Button, Card, Empty, Loading, PageTitle, Problem, StateBadge } from '../ui/ui';

const runsDocument = graphql(`
  query Runs($key: String!, $state: [RunState!], $after: String) {
    workspace(key: $key) {
      id
      runs(first: 25, state: $state, after: $after) {
        nodes { id title target reason state createdAt proposedBy { name kind } rollback { status } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

const filters: { name: string; label: string; states: RunState[] | null }[] = [
  { name: 'all', label: 'All', states: null },
  { name: 'open', label: 'Open', states: ['AWAITING_APPROVAL', 'QUEUED', 'RUNNING', 'HELD', 'UNKNOWN'] },
  { name: 'done', label: 'Succeeded', states: ['SUCCEEDED'] },
  { name: 'not-done', label: 'Did not happen', states: ['DENIED', 'PREFLIGHT_FAILED', 'REJECTED', 'EXPIRED', 'CANCELLED', 'FAILED'] },
];

export const Runs = () => {
  const workspace = useWorkspace();
  const [query, setQuery] = useSearchParams();
  const filter = filters.find((f) => f.name === query.get('show')) ?? filters[0]!;
  const [{ data, error }, again] = useLiveQuery(runsDocument, { key: workspace.key, state: filter.states, after: query.get('after') });
  const runs = data?.workspace?.runs;

  return (
    <>
      <PageTitle title="Runs" lead="Every attempt at an action, whatever came of it." />
      <div role="group" aria-label="Filter" className="mb-4 flex flex-wrap gap-1">
        {filters.map((f) => (
          <button key={f.name} type="button" aria-pressed={f === filter} onClick={() => setQuery(f.name === 'all' ? {} : { show: f.name })}
            className={`rounded-full border px-3 py-1 text-sm font-medium ${f === filter ? 'border-transparent bg-accent-soft text-accent-text' : 'border-line text-soft hover:bg-sunken'}`}>{f.label}</button>
        ))}
      </div>
      {error && <Problem message="The runs could not be loaded." retry={again} />}
      {!runs && !error && <Loading />}
      {runs?.nodes.length === 0 && <Empty icon={<Activity />} title="No runs here">Propose an action, or let an agent do so.</Empty>}
      {runs && runs.nodes.length > 0 && (
        <Card className="divide-y divide-line overflow-hidden">
          {runs.nodes.map((run) => (
            <Link key={run.id} to={`/w/${workspace.key}/runs/${run.id}`} className="flex items-center gap-4 px-5 py-3.5 hover:bg-sunken focus-visible:-outline-offset-2">
              <div className="min-w-0 flex-1">
                <div className="flex items-baseline gap-2"><span className="font-medium">{run.title}</span><span className="truncate font-mono text-[13px] text-faint">{run.target}</span></div>
                <div className="truncate text-sm text-soft">{run.proposedBy.name}: {run.reason}</div>
              </div>
              {run.rollback.status === 'USED' && <span className="text-[13px] text-faint max-sm:hidden">rolled back</span>}
              <StateBadge state={run.state} />
              <span className="w-28 text-right text-[13px] text-faint max-sm:hidden"><Ago at={run.createdAt} /></span>
            </Link>
          ))}
        </Card>
      )}
      {runs && (runs.pageInfo.hasNextPage || query.get('after')) && (
        <div className="mt-4 flex justify-end gap-2">
          <Button disabled={!query.get('after')} onClick={() => setQuery((q) => { q.delete('after'); return q; })}>Newest</Button>
          <Button disabled={!runs.pageInfo.hasNextPage} onClick={() => setQuery((q) => { q.set('after', runs.pageInfo.endCursor!); return q; })}>Older</Button>
        </div>
      )}
    </>
  );
};
