import { Check, Inbox, Undo2, Users } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useQuery } from 'urql';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { useDecide } from '../runs/decide';
import { SetsOff } from '../runs/sets-off';
import { SideBySide } from '../ui/diff';
import { Delegations } from './delegations';
import { Ago, asked, Badge, Button, Card, Empty, Key, Loading, PageTitle, Problem, ReasonDialog, words } from '../ui/ui';
import { useKeys } from '../ui/use-keys';

const previewDocument = graphql(`query Preview($id: ID!) { node(id: $id) { ... on Run { id preflight { preview { before after } } } } }`);

const inboxDocument = graphql(`
  query Inbox($key: String!, $after: String) {
    workspace(key: $key) {
      id
      decisionReasons { code label verdict }
      delegations { id active from { principalId } to { name } until }
      approvalMeasures { waiting medianHours lateShare decided }
      approvals(first: 50, after: $after) {
        nodes {
          id digest blocked round createdAt expiresAt remindedAt escalatedAt withdrawable changes { what before after }
          gates { role quorum missing reason also person { name } }
          run { packet { id title } id title target reason blast reversibility setsOff { transition title actionTitle blast reversibility } state proposedBy { name kind } preflight { preview { summary } rollbackPlan } }
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
  const [asking, setAsking] = useState<{ id: string; kind: 'reject' | 'changes' | 'withdraw' }>();
  const [shown, setShown] = useState<string>();
  const [delegating, setDelegating] = useState(false);
  const decide = useDecide();

  const waiting = (data?.workspace?.approvals.nodes ?? []).filter((a) => a.run.state === 'AWAITING_APPROVAL');
  const at = Math.min(selected, Math.max(0, waiting.length - 1));
  const current = waiting[at];

  const approve = async (approval: { id: string; digest: string }) => {
    await decide.approve(approval);
    again();
  };

  useKeys((key) => {
    if (key === 'j') setSelected(Math.min(at + 1, waiting.length - 1));
    else if (key === 'k') setSelected(Math.max(at - 1, 0));
    else if (!current) return false;
    else if (key === 'a' && !current.blocked) void approve(current);
    else if (key === 'r' && !current.blocked) setAsking({ id: current.id, kind: 'reject' });
    else if (key === 'c' && !current.blocked) setAsking({ id: current.id, kind: 'changes' });
    else if (key === 'd') setShown((now) => (now === current.id ? undefined : current.id));
    else if (key === 'o') navigate(`/w/${workspace.key}/runs/${current.run.id}`);
    else return false;
    return true;
  });

  useEffect(() => { document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: 'nearest' }); }, [at]);

  const target = waiting.find((a) => a.id === asking?.id);
  const measures = data?.workspace?.approvalMeasures;
  const codes = data?.workspace?.decisionReasons.filter((r) => r.verdict === (asking?.kind === 'changes' ? 'REQUEST_CHANGES' : 'REJECT')) ?? [];
  return (
    <>
      <PageTitle title="Inbox" lead="What waits for a person. Nothing here has happened yet.">
        <Button onClick={() => setDelegating(true)}><Users aria-hidden className="size-4" />Delegation</Button>
      </PageTitle>
      <div className="-mt-2 mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-1 text-[13px] text-faint">
        <p>{measures && measures.decided > 0 ? `Last 30 days: ${measures.decided} decided, half of them within ${span(measures.medianHours)}, ${Math.round(measures.lateShare * 100)} % late.` : ' '}</p>
        <p className="hidden lg:block"><Key>j</Key> <Key>k</Key> move <Key>o</Key> open <Key>d</Key> compare <Key>a</Key> approve <Key>c</Key> changes <Key>r</Key> reject</p>
      </div>
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
                {approval.escalatedAt && <Badge tone="warn">Escalated to {approval.gates.map((g) => g.also).filter(Boolean).join(', ')}</Badge>}
                {approval.remindedAt && !approval.escalatedAt && <Badge tone="warn">Reminded</Badge>}
                {approval.round > 0 && <Badge tone="info">Changed since</Badge>}
                {approval.run.blast === 'HIGH' && <Badge tone="warn">High blast</Badge>}
                {approval.run.reversibility === 'IRREVERSIBLE' && <Badge tone="warn">Irreversible</Badge>}
              </div>
              <h2 className="mt-1.5 text-lg font-semibold leading-snug tracking-tight">
                <Link to={`/w/${workspace.key}/runs/${approval.run.id}`} className="hover:underline">{approval.run.title}</Link>
              </h2>
              <p className="mt-0.5 text-soft">{approval.run.preflight?.preview.summary}</p>
              {approval.run.packet && <p className="mt-0.5 text-sm text-soft">For <Link className="font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/packets/${approval.run.packet.id}`}>{approval.run.packet.title}</Link></p>}
              {approval.changes.length > 0 && (
                <details className="mt-2 text-sm"><summary className="cursor-pointer font-medium">What changed since it was first asked</summary>
                  <ul className="mt-1 space-y-2">{approval.changes.map((c) => <li key={c.what}><span className="text-faint">{words(c.what)}</span><SideBySide before={c.before} after={c.after} /></li>)}</ul>
                </details>
              )}
              <dl className="mt-3 grid gap-x-6 gap-y-1.5 text-sm sm:grid-cols-[6.5rem_1fr]">
                <Fact name="Their reason">{approval.run.reason}</Fact>
                <Fact name="Why gated">{approval.gates[0]?.reason ?? 'A gate asks for it.'} {[...new Set(approval.gates.map((g) => `${g.quorum - g.missing} of ${g.quorum} ${asked(g)}`))].join(', ')}.</Fact>
                <Fact name="Undo">{approval.run.preflight?.rollbackPlan}</Fact>
                {approval.run.setsOff.length > 0 && <Fact name="Then by itself"><SetsOff steps={approval.run.setsOff} /></Fact>}
              </dl>
              <div className="mt-4 flex flex-wrap items-center gap-2">
                {approval.blocked ? (
                  <>
                    <p className="text-sm text-warn">{approval.blocked}</p>
                    {approval.withdrawable && <Button onClick={() => setAsking({ id: approval.id, kind: 'withdraw' })}><Undo2 aria-hidden className="size-4" />Take it back</Button>}
                  </>
                ) : (
                  <>
                    <Button look="primary" hint={i === at ? 'a' : undefined} busy={decide.busy === approval.id} onClick={() => void approve(approval)}><Check aria-hidden className="size-4" />Approve</Button>
                    <Button look="danger" hint={i === at ? 'r' : undefined} onClick={() => setAsking({ id: approval.id, kind: 'reject' })}>Reject</Button>
                    <Button hint={i === at ? 'c' : undefined} onClick={() => setAsking({ id: approval.id, kind: 'changes' })}>Ask for changes</Button>
                  </>
                )}
                <Button look="quiet" aria-expanded={shown === approval.id} hint={i === at ? 'd' : undefined} onClick={() => setShown(shown === approval.id ? undefined : approval.id)}>Compare</Button>
                <Link to={`/w/${workspace.key}/runs/${approval.run.id}`} className="ml-auto rounded-lg px-3 py-2 text-sm font-medium text-accent-text hover:underline">Look at it first</Link>
              </div>
              {shown === approval.id && <Compare run={approval.run.id} />}
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
      <ReasonDialog open={!!target} busy={!!decide.busy} error={decide.error} codes={asking?.kind === 'withdraw' ? [] : codes} onClose={() => setAsking(undefined)}
        {...{
          reject: { title: 'Reject this request?', lead: target?.run.preflight?.preview.summary ?? '', action: 'Reject', danger: true },
          changes: { title: 'Ask for changes?', lead: 'It goes back to whoever proposed it, with what you say. Nothing runs until it was decided anew.', action: 'Ask for changes' },
          withdraw: { title: 'Take your decision back?', lead: 'It counts no longer; you can decide again.', action: 'Take it back' },
        }[asking?.kind ?? 'reject']}
        onSubmit={async (reason, code) => {
          if (!target || !asking) return;
          const done = asking.kind === 'reject' ? await decide.reject(target, reason, code) : asking.kind === 'changes' ? await decide.askChanges(target, reason, code) : await decide.withdraw(target.id, reason);
          if (done) { setAsking(undefined); again(); }
        }} />
      {delegating && <Delegations onClose={() => { setDelegating(false); again(); }} />}
    </>
  );
};

const span = (hours: number) => (hours < 1 / 60 ? 'a minute' : hours < 1 ? `${Math.round(hours * 60)} minutes` : hours < 48 ? `${hours.toFixed(1)} hours` : `${Math.round(hours / 24)} days`);

const Compare = ({ run }: { run: string }) => {
  const [{ data, error }] = useQuery({ query: previewDocument, variables: { id: run } });
  if (error) return <div className="mt-4"><Problem message="It could not be loaded." /></div>;
  const preview = data?.node && 'preflight' in data.node ? data.node.preflight?.preview : undefined;
  return <div className="mt-4">{preview ? <SideBySide before={preview.before} after={preview.after} /> : <div className="h-24 animate-pulse rounded-lg bg-sunken" />}</div>;
};

const Fact = ({ name, children }: { name: string; children: React.ReactNode }) => (
  <>
    <dt className="text-faint">{name}</dt>
    <dd className="min-w-0 break-words">{children}</dd>
  </>
);
