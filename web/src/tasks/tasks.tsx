import { ListChecks } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { TaskList } from '../api/gql/graphql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Empty, Key, Loading, PageTitle, Problem, words } from '../ui/ui';
import { useKeys } from '../ui/use-keys';

const tasksDocument = graphql(`
  query Tasks($key: String!, $which: TaskList!, $after: String) {
    workspace(key: $key) {
      id
      taskCounts { mine myRoles overdue all }
      tasks(first: 50, after: $after, which: $which) {
        nodes { taskId title role priority dueAt overdue doneWhen openedAt assignee { name } packet { id title state } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
const claimDocument = graphql(`mutation Claim($input: ClaimTaskInput!) { claimTask(input: $input) { packet { id assignee { name } } errors { message } } }`);

const lists = [
  { key: 'MINE', name: 'Mine', count: 'mine', empty: 'Nothing is yours to do. Look at what your roles could take.' },
  { key: 'MY_ROLES', name: 'My roles', count: 'myRoles', empty: 'Nobody waits for your roles.' },
  { key: 'OVERDUE', name: 'Overdue', count: 'overdue', empty: 'Everything is in time.' },
  { key: 'ALL', name: 'All', count: 'all', empty: 'No packet asks anybody to do anything.' },
] as const;

export const Tasks = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [query, setQuery] = useSearchParams();
  const list = lists.find((l) => l.key === query.get('list')) ?? lists[0];
  const [{ data, error }, again] = useLiveQuery(tasksDocument, { key: workspace.key, which: list.key as TaskList, after: query.get('after') });
  const [, claim] = useMutation(claimDocument);
  const [selected, setSelected] = useState(0);
  const [problem, setProblem] = useState<string>();
  const tasks = data?.workspace?.tasks.nodes ?? [];
  const at = Math.min(selected, Math.max(0, tasks.length - 1));

  const take = async (packetId: string) => {
    const { data: sent, error: failed } = await claim({ input: { packetId, idempotencyKey: idempotencyKey() } });
    setProblem(failed ? 'It did not arrive. Try again.' : sent?.claimTask.errors[0]?.message);
    again();
  };

  useKeys((key) => {
    const task = tasks[at];
    if (key === 'j') setSelected(Math.min(at + 1, tasks.length - 1));
    else if (key === 'k') setSelected(Math.max(at - 1, 0));
    else if (!task) return false;
    else if (key === 'o') navigate(`/w/${workspace.key}/packets/${task.packet.id}`);
    else if (key === 'c' && !task.assignee) void take(task.packet.id);
    else return false;
    return true;
  });

  useEffect(() => { document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: 'nearest' }); }, [at]);

  return (
    <>
      <PageTitle title="Tasks" lead="What packets ask somebody to do next.">
        <p className="hidden text-[13px] text-faint lg:block"><Key>j</Key> <Key>k</Key> move <Key>o</Key> open <Key>c</Key> claim</p>
      </PageTitle>
      <div role="tablist" aria-label="Which tasks" className="mb-4 flex gap-1 border-b border-line">
        {lists.map((l) => (
          <button key={l.key} type="button" role="tab" aria-selected={l === list} onClick={() => { setSelected(0); setQuery(l.key === 'MINE' ? {} : { list: l.key }); }}
            className={`-mb-px border-b-2 px-3 py-2 text-sm font-medium ${l === list ? 'border-accent text-ink' : 'border-transparent text-soft hover:text-ink'}`}>
            {l.name} <span className="ml-0.5 tabular-nums text-faint">{data?.workspace?.taskCounts[l.count] ?? ''}</span>
          </button>
        ))}
      </div>
      <div className="space-y-3">
        {error && <Problem message="The tasks could not be loaded." retry={again} />}
        {problem && <Problem message={problem} />}
        {!data && !error && <Loading />}
        {data && tasks.length === 0 && <Empty icon={<ListChecks />} title={list.empty} />}
        {tasks.length > 0 && (
          <Card className="overflow-hidden">
            <ul className="divide-y divide-line">
              {tasks.map((task, i) => (
                <li key={task.taskId} data-row={i} aria-current={i === at} onMouseDown={() => setSelected(i)} className={`flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5 ${i === at ? 'bg-accent-soft/50' : ''}`}>
                  <div className="min-w-0 flex-1 basis-72">
                    <Link to={`/w/${workspace.key}/packets/${task.packet.id}`} className="font-medium hover:underline">{task.title}</Link>
                    <p className="truncate text-[13px] text-soft">{task.packet.title}{task.doneWhen ? ` · done when: ${task.doneWhen}` : ''}</p>
                  </div>
                  {task.priority !== 'NORMAL' && <Badge tone={task.priority === 'LOW' ? 'neutral' : 'accent'}>{words(task.priority)}</Badge>}
                  <span className={`text-[13px] ${task.overdue ? 'font-medium text-warn' : 'text-faint'}`}>{task.dueAt ? <>due <Ago at={task.dueAt} /></> : <>open <Ago at={task.openedAt} /></>}</span>
                  <span className="w-36 text-right text-[13px]">
                    {task.assignee ? <span className="text-soft">{task.assignee.name}</span> : <Button className="h-8" hint={i === at ? 'c' : undefined} onClick={() => void take(task.packet.id)}>Claim</Button>}
                  </span>
                </li>
              ))}
            </ul>
          </Card>
        )}
        {data && (data.workspace?.tasks.pageInfo.hasNextPage || query.get('after')) && (
          <div className="flex justify-end gap-2">
            <Button disabled={!query.get('after')} onClick={() => setQuery((q) => { q.delete('after'); return q; })}>First</Button>
            <Button disabled={!data.workspace?.tasks.pageInfo.hasNextPage} onClick={() => setQuery((q) => { q.set('after', data.workspace!.tasks.pageInfo.endCursor!); return q; })}>More</Button>
          </div>
        )}
      </div>
    </>
  );
};
