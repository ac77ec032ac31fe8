import { Columns3, FileUp, List, Package, Plus, X } from 'lucide-react';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { graphql } from '../api/gql';
import type { PacketFilterInput } from '../api/gql/graphql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Empty, filterControl, Loading, PageTitle, Problem } from '../ui/ui';
import { NewPacket } from './new-packet';

const framesDocument = graphql(`query PacketFrame($key: String!) { workspace(key: $key) { id labels workflows { key title document } } }`);
const listDocument = graphql(`
  query Packets($key: String!, $after: String, $filter: PacketFilterInput) {
    workspace(key: $key) {
      id
      packets(first: 50, after: $after, filter: $filter) {
        nodes { id title type state closed labels updatedAt pendingTransition assignee { name } workflow { key title document } task { title role overdue } saga { stuck } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
const boardDocument = graphql(`
  query PacketBoard($key: String!, $workflow: String!, $filter: PacketFilterInput) {
    workspace(key: $key) {
      id
      board(workflow: $workflow, first: 20, filter: $filter) {
        workflow { key number title }
        columns { state title kind count packets { id title labels enteredAt pendingTransition assignee { name } task { overdue } saga { stuck } } }
      }
    }
  }
`);

type Document = { states: Record<string, { title: string; kind?: string }>; transitions: Record<string, { title: string; from: string[]; to: string }> };


/** The filter as it stands in the address, so that it can be kept and sent on. */
const read = (query: URLSearchParams): PacketFilterInput => ({
  workflow: query.get('workflow') ?? undefined,
  states: query.get('state') ? [query.get('state')!] : undefined,
  label: query.get('label') ?? undefined,
  text: query.get('text') || undefined,
  closed: query.get('closed') === 'all' ? undefined : query.get('closed') === 'yes',
});

export const Packets = () => {
  const workspace = useWorkspace();
  const [query, setQuery] = useSearchParams();
  const [{ data: frame }] = useLiveQuery(framesDocument, { key: workspace.key });
  const [creating, setCreating] = useState(false);
  const workflows = frame?.workspace?.workflows ?? [];
  const board = query.get('view') === 'board';
  const workflow = query.get('workflow') ?? (board ? workflows[0]?.key : undefined);
  const set = (name: string, value: string) => setQuery((q) => { q.delete('after'); if (name === 'workflow') q.delete('state'); if (value) q.set(name, value); else q.delete(name); return q; }, { replace: true });
  const states = (workflows.find((w) => w.key === workflow)?.document as Document | undefined)?.states ?? {};
  const narrowed = ['state', 'label', 'text', 'closed'].some((n) => query.get(n)) || (!board && query.get('workflow'));

  return (
    <>
      <PageTitle title="Packets" lead="Pieces of work on their way through a workflow.">
        <div role="group" aria-label="View" className="flex rounded-lg border border-line-strong bg-surface p-0.5">
          {([['', 'List', List], ['board', 'Board', Columns3]] as const).map(([view, label, Icon]) => (
            <button key={view} type="button" aria-pressed={board === (view === 'board')} onClick={() => set('view', view)}
              className={`inline-flex h-8 items-center gap-1.5 rounded-md px-2.5 text-sm font-medium ${board === (view === 'board') ? 'bg-accent-soft text-accent-text' : 'text-soft hover:text-ink'}`}><Icon aria-hidden className="size-4" />{label}</button>
          ))}
        </div>
        <Link to={`/w/${workspace.key}/packets/imports`} className="inline-flex h-9 items-center gap-2 rounded-lg border border-line-strong bg-surface px-3.5 text-sm font-medium shadow-xs hover:bg-sunken"><FileUp aria-hidden className="size-4" />Import</Link>
        <Button look="primary" onClick={() => setCreating(true)}><Plus aria-hidden className="size-4" />New packet</Button>
      </PageTitle>
      <search aria-label="Filter packets" className="mb-4 grid gap-3 sm:grid-cols-3 lg:grid-cols-[1.2fr_1fr_1fr_1fr_1.4fr]">
        <label className="text-[13px] text-soft">Workflow
          <select className={filterControl} value={workflow ?? ''} onChange={(e) => set('workflow', e.target.value)}>{!board && <option value="">All</option>}{workflows.map((w) => <option key={w.key} value={w.key}>{w.title}</option>)}</select>
        </label>
        <label className="text-[13px] text-soft">State
          <select className={filterControl} disabled={!workflow || board} value={query.get('state') ?? ''} onChange={(e) => set('state', e.target.value)}><option value="">All</option>{Object.entries(states).map(([key, s]) => <option key={key} value={key}>{s.title}</option>)}</select>
        </label>
        <label className="text-[13px] text-soft">Label
          <select className={filterControl} value={query.get('label') ?? ''} onChange={(e) => set('label', e.target.value)}><option value="">All</option>{frame?.workspace?.labels.map((l) => <option key={l}>{l}</option>)}</select>
        </label>
        <label className="text-[13px] text-soft">Which
          <select className={filterControl} value={query.get('closed') ?? ''} onChange={(e) => set('closed', e.target.value)}><option value="">Open</option><option value="yes">Closed</option><option value="all">All</option></select>
        </label>
        <label className="text-[13px] text-soft">In the name
          <input type="search" className={filterControl} defaultValue={query.get('text') ?? ''} onKeyDown={(e) => { if (e.key === 'Enter') set('text', e.currentTarget.value.trim()); }} onBlur={(e) => set('text', e.target.value.trim())} />
        </label>
      </search>
      {narrowed && (
        <p className="mb-3 text-[13px] text-soft">Filtered. <button type="button" className="inline-flex items-center gap-1 rounded font-medium text-accent-text hover:underline" onClick={() => setQuery(board ? { view: 'board', ...(workflow ? { workflow } : {}) } : {})}><X aria-hidden className="size-3.5" />Show all</button></p>
      )}
      {board ? workflow && <BoardView workflow={workflow} filter={{ ...read(query), workflow: undefined, states: undefined, closed: query.get('closed') === 'yes' ? true : undefined }} onCreate={() => setCreating(true)} />
        : <ListView filter={read(query)} after={query.get('after')} narrowed={!!narrowed} page={(after) => setQuery((q) => { if (after) q.set('after', after); else q.delete('after'); return q; })} onCreate={() => setCreating(true)} />}
      {creating && <NewPacket onClose={() => setCreating(false)} />}
    </>
  );
};

const ListView = ({ filter, after, narrowed, page, onCreate }: { filter: PacketFilterInput; after: string | null; narrowed: boolean; page: (after?: string) => void; onCreate: () => void }) => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(listDocument, { key: workspace.key, after, filter });
  const packets = data?.workspace?.packets;
  if (error) return <Problem message={error.graphQLErrors[0]?.message ?? 'The packets could not be loaded.'} retry={again} />;
  if (!packets) return <Loading />;
  if (packets.nodes.length === 0) return narrowed
    ? <Empty icon={<Package />} title="Nothing matches">No packet fits this filter.</Empty>
    : <Empty icon={<Package />} title="No open packets"><button type="button" className="font-medium text-accent-text hover:underline" onClick={onCreate}>Create one</button>, or let an agent, a schedule or a call from outside begin it.</Empty>;
  return (
    <>
      <Card className="overflow-hidden">
        <ul className="divide-y divide-line">
          {packets.nodes.map((p) => (
            <li key={p.id}>
              <Link to={`/w/${workspace.key}/packets/${p.id}`} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 hover:bg-sunken/60">
                <span className="min-w-0 flex-1 basis-64">
                  <span className="block truncate font-medium">{p.title}</span>
                  <span className="block truncate text-[13px] text-faint">{p.workflow.title}{p.task ? ` · ${p.task.title}` : ''}</span>
                </span>
                <span className="flex flex-wrap items-center gap-1.5">{p.labels.map((l) => <Badge key={l}>{l}</Badge>)}</span>
                {p.saga?.stuck && <Badge tone="bad">Stuck</Badge>}
                {p.task?.overdue && <Badge tone="warn">Overdue</Badge>}
                <PacketState document={p.workflow.document as Document} state={p.state} closed={p.closed} pending={p.pendingTransition} />
                <span className="w-28 truncate text-[13px] text-soft">{p.assignee?.name ?? (p.task ? p.task.role : '')}</span>
                <span className="w-24 text-right text-[13px] text-faint"><Ago at={p.updatedAt} /></span>
              </Link>
            </li>
          ))}
        </ul>
      </Card>
      {(packets.pageInfo.hasNextPage || after) && (
        <div className="mt-4 flex justify-end gap-2">
          <Button disabled={!after} onClick={() => page()}>Newest</Button>
          <Button disabled={!packets.pageInfo.hasNextPage} onClick={() => page(packets.pageInfo.endCursor!)}>Older</Button>
        </div>
      )}
    </>
  );
};

/** Where a packet stands, in the words of its workflow. */
export const PacketState = ({ document, state, closed, pending }: { document: Document; state: string; closed: boolean; pending?: string | null }) => (
  <span className="inline-flex items-center gap-1.5">
    <Badge tone={closed ? 'neutral' : 'info'}>{document.states[state]?.title ?? state}</Badge>
    {pending && <Badge tone="warn">{document.transitions[pending]?.title ?? pending}…</Badge>}
  </span>
);

const BoardView = ({ workflow, filter, onCreate }: { workflow: string; filter: PacketFilterInput; onCreate: () => void }) => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(boardDocument, { key: workspace.key, workflow, filter });
  const board = data?.workspace?.board;
  if (error) return <Problem message={error.graphQLErrors[0]?.message ?? 'The board could not be loaded.'} retry={again} />;
  if (!board) return <Loading />;
  return (
    <div tabIndex={0} role="region" aria-label={`Board of ${board.workflow.title}`} className="-mx-5 overflow-x-auto px-5 pb-3 md:-mx-10 md:px-10">
      <div className="flex min-w-max gap-4">
        {board.columns.map((column) => (
          <section key={column.state} aria-label={`${column.title}, ${column.count}`} className="w-64 shrink-0">
            <h2 className="mb-2 flex items-center justify-between px-1 text-sm font-semibold">{column.title}<span className="text-[13px] font-normal tabular-nums text-faint">{column.count.toLocaleString()}</span></h2>
            <ul className="min-h-24 space-y-2 rounded-xl bg-sunken p-2">
              {column.packets.map((p) => (
                <li key={p.id}>
                  <Link to={`/w/${workspace.key}/packets/${p.id}`} className="block rounded-lg border border-line bg-surface p-3 shadow-xs hover:border-line-strong">
                    <span className="block text-sm font-medium leading-snug">{p.title}</span>
                    <span className="mt-1.5 flex flex-wrap items-center gap-1.5 text-xs text-faint">
                      {p.labels.map((l) => <Badge key={l}>{l}</Badge>)}
                      {p.saga?.stuck && <Badge tone="bad">Stuck</Badge>}
                      {p.task?.overdue && <Badge tone="warn">Overdue</Badge>}
                      {p.pendingTransition && <Badge tone="warn">On its way</Badge>}
                    </span>
                    <span className="mt-1.5 flex items-center justify-between text-xs text-faint"><span className="truncate">{p.assignee?.name}</span><Ago at={p.enteredAt} /></span>
                  </Link>
                </li>
              ))}
              {column.packets.length === 0 && <li className="px-1 py-3 text-center text-[13px] text-faint">{column.kind === 'INITIAL' ? <button type="button" className="font-medium text-accent-text hover:underline" onClick={onCreate}>Create one</button> : 'None'}</li>}
              {column.count > column.packets.length && (
                <li className="px-1 pt-1 text-center"><Link className="text-[13px] font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/packets?workflow=${board.workflow.key}&state=${column.state}&closed=all`}>All {column.count.toLocaleString()}</Link></li>
              )}
            </ul>
          </section>
        ))}
      </div>
    </div>
  );
};
