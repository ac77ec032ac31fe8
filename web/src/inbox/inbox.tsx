import { Check, Inbox } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { useDecide } from '../runs/decide';
import { Ago, Badge, Button, Card, Empty, Loading, PageTitle, Problem, ReasonDialog, words } from '../ui/ui';

const inboxDocument = graphql(`
  query Inbox($key: String!, $after: String) {
    workspace(key: $key) {
      id
      approvals(first: 50, after: $after) {
        nodes {
          id digest blocked createdAt expiresAt
          gates { role quorum missing reason }
          run { id title target reason blast reversibility state proposedBy { name kind } preflight { preview { summary } rollbackPlan } }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const InboxPage = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const [{ data, error }, again] = useLiveQuery(inboxDocument, { key: workspace.key, after: pages.at(-1) ?? null });
  const [selected, setSelected] = useState(0);
  const [rejecting, setRejecting] = useState<string>();
  const decide = useDecide();

  const waiting = (data?.workspace?.approvals.nodes ?? []).filter((a) => a.run.state === 'AWAITING_APPROVAL');
  const at = Math.min(selected, Math.max(0, waiting.length - 1));
  const current = waiting[at];

  const approve = useCallback(async (approval: { id: string; digest: string }) => {
    await decide.approve(approval);
    again();
  }, [decide, again]);

  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented || (e.target as HTMLElement).closest('input,textarea,select,[role=dialog],[role=alertdialog]')) return;
      if (e.key === 'j') setSelected(Math.min(at + 1, waiting.length - 1));
      else if (e.key === 'k') setSelected(Math.max(at - 1, 0));
      else if (!current) return;
      else if (e.key === 'a' && !current.blocked) void approve(current);
      else if (e.key === 'r' && !current.blocked) setRejecting(current.id);
      else if (e.key === 'o') navigate(`/w/${workspace.key}/runs/${current.run.id}`);
      else return;
      e.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [at, waiting.length, current, approve, navigate, workspace.key]);

  useEffect(() => { document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: 'nearest' }); }, [at]);

  const target = waiting.find((a) => a.id === rejecting);
  return (
    <>
      <PageTitle title="Inbox" lead="What waits for a person. Nothing here has happened yet.">
        <p className="hidden text-[13px] text-faint lg:block"><Key>j</Key> <Key>k</Key> move <Key>o</Key> open <Key>a</Key> approve <Key>r</Key> reject</p>
      </PageTitle>
      <div className="space-y-3">
        {error && <Problem message="The inbox could not be loaded." retry={again} />}
        {decide.error && <Problem message={decide.error} />}
        {!data && !error && <Loading />}
        {data && waiting.length === 0 && <Empty icon={<Inbox />} title="Nothing waits for you">New requests appear here by themselves, the moment an agent or a colleague proposes something that needs a decision.</Empty>}
        {waiting.map((approval, i) => (
          <Card key={approval.id} className={`transition-shadow ${i === at ? 'ring-2 ring-accent/60' : ''}`}>
            <article data-row={i} aria-current={i === at} className="p-5" onMouseDown={() => setSelected(i)}>
              <div className="flex flex-wrap items-center gap-x-2 gap-y-1 text-[13px] text-faint">
                <span className="font-medium text-soft">{approval.run.proposedBy.name}</span>
                <Badge tone={approval.run.proposedBy.kind === 'AGENT' ? 'accent' : 'neutral'}>{words(approval.run.proposedBy.kind)}</Badge>
                <span>asked <Ago at={approval.createdAt} /></span>
                <span aria-hidden>·</span>
                <span>decide <Ago at={approval.expiresAt} /></span>
              </div>
              <h2 className="mt-1.5 text-lg font-semibold leading-snug tracking-tight">
                <Link to={`/w/${workspace.key}/runs/${approval.run.id}`} className="hover:underline">{approval.run.title}</Link>
              </h2>
              <p className="mt-0.5 text-soft">{approval.run.preflight?.preview.summary}</p>
              <dl className="mt-3 grid gap-x-6 gap-y-1.5 text-sm sm:grid-cols-[6.5rem_1fr]">
                <Fact name="Their reason">{approval.run.reason}</Fact>
                <Fact name="Why gated">{approval.gates[0]?.reason ?? 'A gate asks for it.'} {approval.gates.map((g) => `${g.quorum - g.missing} of ${g.quorum} ${g.role}`).join(', ')}.</Fact>
                <Fact name="Undo">{approval.run.preflight?.rollbackPlan}</Fact>
              </dl>
              <div className="mt-4 flex flex-wrap items-center gap-2">
                {approval.blocked ? <p className="text-sm text-warn">{approval.blocked}</p> : (
                  <>
                    <Button look="primary" hint={i === at ? 'a' : undefined} busy={decide.busy === approval.id} onClick={() => void approve(approval)}><Check aria-hidden className="size-4" />Approve</Button>
                    <Button look="danger" hint={i === at ? 'r' : undefined} onClick={() => setRejecting(approval.id)}>Reject</Button>
                  </>
                )}
                <Link to={`/w/${workspace.key}/runs/${approval.run.id}`} className="ml-auto rounded-lg px-3 py-2 text-sm font-medium text-accent-text hover:underline">Look at it first</Link>
              </div>
            </article>
          </Card>
        ))}
        {data && (pages.length > 1 || data.workspace?.approvals.pageInfo.hasNextPage) && (
          <div className="flex justify-end gap-2">
            <Button disabled={pages.length === 1} onClick={() => setPages(pages.slice(0, -1))}>Newer</Button>
            <Button disabled={!data.workspace?.approvals.pageInfo.hasNextPage} onClick={() => setPages([...pages, data.workspace!.approvals.pageInfo.endCursor ?? null])}>Older</Button>
          </div>
        )}
      </div>
      <ReasonDialog open={!!target} title="Reject this request?" lead={target?.run.preflight?.preview.summary ?? ''} action="Reject" danger busy={!!decide.busy} error={decide.error}
        onClose={() => setRejecting(undefined)}
        onSubmit={async (reason) => { if (target && (await decide.reject(target, reason))) { setRejecting(undefined); again(); } }} />
    </>
  );
};

const Key = ({ children }: { children: string }) => <kbd className="ml-2 rounded border border-line-strong bg-surface px-1.5 font-mono text-xs">{children}</kbd>;

const Fact = ({ name, children }: { name: string; children: React.ReactNode }) => (
  <>
    <dt className="text-faint">{name}</dt>
    <dd className="min-w-0 break-words">{children}</dd>
  </>
);
