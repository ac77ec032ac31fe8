import { Bot, Check, Hourglass, MailPlus, Minus, UserPlus, Users, X } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { graphql } from '../api/gql';
import type { AuthorityQuery, MembersQuery } from '../api/gql/graphql';
import { usePropose } from '../actions/use-propose';
import { Elevations } from '../elevations/elevations';
import { useWorkspace } from '../shell/shell';
import { Invitations, Invite } from './invitations';
import { Roles } from './roles';
import { useLiveQuery } from '../shell/use-live-query';
import { Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog, words } from '../ui/ui';

const membersDocument = graphql(`query Members($key: String!) { workspace(key: $key) { id members { principalId name kind active verified held { role until since } } } }`);
const authorityDocument = graphql(`
  query Authority($key: String!) {
    workspace(key: $key) {
      id
      members { principalId name kind }
      authorityOverrides { principalId act effect }
      authority { act title family cells { principalId verdict reason policies remedies gates { role quorum reason } } }
    }
  }
`);
const candidatesDocument = graphql(`query Candidates($key: String!) { workspace(key: $key) { id candidates { principalId name kind } roles { key title builtIn description } } }`);
type Member = NonNullable<MembersQuery['workspace']>['members'][number];

const about: Record<string, string> = {
  owner: 'Everything, and who else owns it.',
  admin: 'Policies, members, every action.',
  operator: 'Runs the work: actions, tasks, stops.',
  approver: 'Decides what waits for approval.',
  auditor: 'Reads everything, changes nothing.',
  agent: 'Proposes what policies let agents propose.',
};

export const Members = () => {
  const workspace = useWorkspace();
  const [query, setQuery] = useSearchParams();
  const shown = query.get('view') ?? '';
  const [granting, setGranting] = useState(false);
  const [inviting, setInviting] = useState(false);
  return (
    <>
      <PageTitle title="Members" lead="Who works here, and as what.">
        <div role="group" aria-label="View" className="flex rounded-lg border border-line-strong bg-surface p-0.5">
          {([['', 'Members'], ['roles', 'Roles'], ['authority', 'Who may do what'], ['elevations', 'Elevations']] as const).map(([view, label]) => (
            <button key={view} type="button" aria-pressed={shown === view} onClick={() => setQuery(view ? { view } : {}, { replace: true })}
              className={`h-8 rounded-md px-2.5 text-sm font-medium ${shown === view ? 'bg-accent-soft text-accent-text' : 'text-soft hover:text-ink'}`}>{label}</button>
          ))}
        </div>
        <Button onClick={() => setGranting(true)}><UserPlus aria-hidden className="size-4" />Grant a role</Button>
        <Button look="primary" onClick={() => setInviting(true)}><MailPlus aria-hidden className="size-4" />Invite</Button>
      </PageTitle>
      {shown === 'authority' ? <Authority /> : shown === 'elevations' ? <Elevations /> : shown === 'roles' ? <Roles /> : <><MemberList /><Invitations /></>}
      {inviting && <Invite onClose={() => setInviting(false)} />}
      {granting && <Grant onClose={() => setGranting(false)} workspace={workspace} />}
    </>
  );
};

const MemberList = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(membersDocument, { key: workspace.key });
  const { act, busy } = usePropose();
  const [changing, setChanging] = useState<Member>();
  const [verifying, setVerifying] = useState<Member>();
  const [taking, setTaking] = useState<{ member: Member; role: string }>();
  const [problem, setProblem] = useState<string>();
  const members = data?.workspace?.members;
  if (error) return <Problem message="The members could not be loaded." retry={again} />;
  if (!members) return <Loading />;
  if (members.length === 0) return <Empty icon={<Users />} title="Nobody yet" />;
  return (
    <>
      <Card className="overflow-hidden">
        <ul className="divide-y divide-line">
          {members.map((m) => (
            <li key={m.principalId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3">
              <span aria-hidden className="grid size-9 place-items-center rounded-full bg-sunken text-sm font-medium text-soft">{m.kind === 'AGENT' ? <Bot className="size-4" /> : m.name.split(' ').map((w) => w[0]).slice(0, 2).join('')}</span>
              <span className="min-w-0 flex-1 basis-48"><span className="block truncate font-medium">{m.name}</span><span className="block text-[13px] text-faint">{m.kind === 'USER' ? 'Person' : words(m.kind)}{m.active ? '' : ', suspended'}</span></span>
              <ul className="flex flex-wrap gap-1.5">
                {m.held.map((h) => (
                  <li key={h.role} className="inline-flex items-center gap-1 rounded-full border border-line bg-sunken py-0.5 pl-2.5 pr-1 text-xs font-medium text-soft" title={about[h.role]}>
                    {h.role}{h.until && <span className="font-normal text-faint">until <time dateTime={h.until} title={new Date(h.until).toLocaleString()}>{new Date(h.until).toLocaleDateString(undefined, { dateStyle: "medium" })}</time></span>}
                    <button type="button" aria-label={`Take the role ${h.role} from ${m.name}`} className="rounded-full p-0.5 hover:bg-surface hover:text-bad" onClick={() => { setProblem(undefined); setTaking({ member: m, role: h.role }); }}><X className="size-3" /></button>
                  </li>
                ))}
              </ul>
              {!m.verified && (
                <span className="inline-flex items-center gap-2">
                  <span title="Counts as one person with the one who made their invitation link"><Badge tone="warn">Not verified</Badge></span>
                  <Button look="quiet" onClick={() => { setProblem(undefined); setVerifying(m); }}>Verify<span className="sr-only"> {m.name}</span></Button>
                </span>
              )}
              {m.kind === 'USER' && <Button look="quiet" onClick={() => { setProblem(undefined); setChanging(m); }}>{m.active ? 'Suspend' : 'Let them come back'}</Button>}
            </li>
          ))}
        </ul>
      </Card>
      <ReasonDialog open={!!changing} title={changing?.active ? `Suspend ${changing.name}?` : `Let ${changing?.name} come back?`}
        lead={changing?.active ? 'Their sessions and tokens end at once in the whole tenant, and so do those of their agents. Their roles stay for when they come back.' : 'They may sign in again, and so may the agents that were suspended only through them.'}
        action={changing?.active ? 'Suspend' : 'Let them come back'} danger={changing?.active} busy={busy} error={problem} onClose={() => setChanging(undefined)} onSubmit={(reason) => void (async () => {
          const refused = await act(changing!.active ? 'member.suspend' : 'member.resume', { principal: changing!.principalId }, reason);
          setProblem(refused);
          if (!refused) setChanging(undefined);
          again();
        })()} />
      <ReasonDialog open={!!verifying} title={`Verify ${verifying?.name}?`}
        lead="Say that you know this person and that the account is theirs. Until then they and the person who made their invitation link count as one in approvals."
        action="Verify member" busy={busy} error={problem} onClose={() => setVerifying(undefined)} onSubmit={(reason) => void (async () => {
          const refused = await act('member.verify', { principal: verifying!.principalId }, reason);
          setProblem(refused);
          if (!refused) setVerifying(undefined);
          again();
        })()} />
      <ReasonDialog open={!!taking} title={`Take the role ${taking?.role} from ${taking?.member.name}?`} lead="It ends at once, open pages and connections included. It can be granted again." action="Take it away" danger busy={busy} error={problem}
        onClose={() => setTaking(undefined)} onSubmit={(reason) => void (async () => {
          const refused = await act('member.revoke', { principal: taking!.member.principalId, role: taking!.role }, reason);
          setProblem(refused);
          if (!refused) setTaking(undefined);
          again();
        })()} />
    </>
  );
};

const Grant = ({ onClose, workspace }: { onClose: () => void; workspace: { key: string } }) => {
  const [{ data, error }] = useQuery({ query: candidatesDocument, variables: { key: workspace.key }, requestPolicy: 'network-only' });
  const { act, busy } = usePropose();
  const [principal, setPrincipal] = useState('');
  const [role, setRole] = useState('');
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string>();
  const candidates = data?.workspace?.candidates;
  const chosen = candidates?.find((c) => c.principalId === principal);
  const known = data?.workspace?.roles ?? [];
  const roles = known.filter((r) => !r.builtIn || (r.key === 'agent') === (chosen?.kind === 'AGENT'));

  const submit = async () => {
    const refused = await act('member.grant', { principal, role, ...(until ? { until: new Date(until).toISOString() } : {}) }, reason);
    setProblem(refused);
    if (!refused) onClose();
  };

  return (
    <Dialog open onClose={onClose} title="Grant a role" lead="To somebody of the tenant. A role with an end takes itself away.">
      {!candidates && !error && <div className="p-5"><Loading rows={2} /></div>}
      {error && <div className="p-5"><Problem message="The people of the tenant could not be loaded." /></div>}
      {candidates?.length === 0 && <div className="p-5"><Empty icon={<Users />} title="You may not grant roles">Owners and admins do.</Empty></div>}
      {candidates && candidates.length > 0 && (
        <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
          <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
            <Field label="Who">{(p) => <select {...p} required value={principal} onChange={(e) => { setPrincipal(e.target.value); setRole(''); }}><option value="">Choose</option>{candidates.map((c) => <option key={c.principalId} value={c.principalId}>{c.name}{c.kind === 'AGENT' ? ' (agent)' : ''}</option>)}</select>}</Field>
            <Field label="Role" help={about[role] ?? known.find((r) => r.key === role)?.description ?? undefined}>{(p) => <select {...p} required disabled={!chosen} value={role} onChange={(e) => setRole(e.target.value)}><option value="">Choose</option>{roles.map((r) => <option key={r.key} value={r.key}>{r.title}</option>)}</select>}</Field>
            <Field label="Until (optional)" help="In your time zone; for good when left out.">{(p) => <Input {...p} type="datetime-local" value={until} onChange={(e) => setUntil(e.target.value)} />}</Field>
            <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
          </div>
          {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Grant</Button></div>
        </form>
      )}
    </Dialog>
  );
};

type Row = NonNullable<AuthorityQuery['workspace']>['authority'][number];
type Cell = Row['cells'][number];

const marks = {
  ALLOW: { icon: Check, text: 'may', tone: 'text-good' },
  ALLOW_BEHIND_GATES: { icon: Hourglass, text: 'may, once approved', tone: 'text-warn' },
  DENY: { icon: Minus, text: 'may not', tone: 'text-faint' },
} as const;

/** Each act against each member, and why: the same engine answers as decides. */
const Authority = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(authorityDocument, { key: workspace.key });
  const [chosen, setChosen] = useState<{ act: string; who: string }>();
  const { act, busy } = usePropose();
  const [excepting, setExcepting] = useState<'forbid' | 'permit' | 'none'>();
  const [problem, setProblem] = useState<string>();
  const members = data?.workspace?.members ?? [];
  const rows = data?.workspace?.authority;
  const families = useMemo(() => [...new Set(rows?.map((r) => r.family) ?? [])].sort((a, b) => Number(b === 'control') - Number(a === 'control')), [rows]);
  if (error) return <Problem message="It could not be worked out." retry={again} />;
  if (!rows) return <Loading rows={5} />;
  const row = rows.find((r) => r.act === chosen?.act);
  const cell = row?.cells.find((c) => c.principalId === chosen?.who);
  const exception = data?.workspace?.authorityOverrides.find((o) => o.principalId === chosen?.who && o.act === chosen.act);
  return (
    <div className="grid items-start gap-6 xl:grid-cols-[1fr_20rem]">
      <div tabIndex={0} role="region" aria-label="Who may do what" className="max-h-[75vh] overflow-auto rounded-xl border border-line bg-surface">
        <table className="w-full text-sm">
          <thead className="sticky top-0 z-10 bg-surface">
            <tr className="border-b border-line text-left text-[13px] text-soft">
              <th scope="col" className="min-w-52 px-4 py-2 align-bottom font-medium">Act</th>
              {members.map((m) => <th key={m.principalId} scope="col" className="max-w-24 px-2 py-2 text-center align-bottom font-medium leading-tight">{m.name}</th>)}
            </tr>
          </thead>
          {families.map((family) => (
            <tbody key={family} className="divide-y divide-line border-b border-line">
              <tr><th scope="colgroup" colSpan={members.length + 1} className="bg-sunken px-4 py-1.5 text-left text-xs font-medium text-faint">{family === 'control' ? 'People' : words(family)}</th></tr>
              {rows.filter((r) => r.family === family).map((r) => (
                <tr key={r.act}>
                  <th scope="row" className="px-4 py-1.5 text-left font-normal">{r.title}</th>
                  {r.cells.map((c) => <td key={c.principalId} className="px-3 py-1 text-center"><Mark cell={c} act={r.title} who={members.find((m) => m.principalId === c.principalId)?.name ?? ''} pressed={chosen?.act === r.act && chosen.who === c.principalId} onClick={() => setChosen({ act: r.act, who: c.principalId })} /></td>)}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
      <Card className="p-5 text-sm xl:sticky xl:top-6">
        <div aria-live="polite">
          {!row || !cell ? <p className="text-soft">Choose a mark to see why. An input, such as which page or how much, can still change the answer.</p> : (
            <>
              <h2 className="font-semibold">{members.find((m) => m.principalId === cell.principalId)?.name} {marks[cell.verdict].text}: {row.title}</h2>
              <p className="mt-2 text-soft first-letter:uppercase">{cell.reason}</p>
              <dl className="mt-4 space-y-3">

                  {cell.policies.length > 0 && <div><dt className="text-[13px] text-faint">Decided by</dt><dd className="mt-1 flex flex-wrap gap-1">{cell.policies.map((p) => <Badge key={p}>{p}</Badge>)}</dd></div>}
                  {cell.gates.length > 0 && <div><dt className="text-[13px] text-faint">Who has to agree</dt><dd className="mt-1">{cell.gates.map((g, i) => <span key={i} className="block">{g.quorum} × {g.role}{g.reason ? `: ${g.reason}` : ''}</span>)}</dd></div>}
                  {cell.verdict === 'DENY' && cell.remedies.length > 0 && <div><dt className="text-[13px] text-faint">What would allow it</dt><dd className="mt-1 space-y-1">{cell.remedies.map((r) => <span key={r} className="block">{r}</span>)}</dd></div>}

              </dl>
              <p className="mt-4 font-mono text-xs text-faint">{row.act}</p>
              <div className="mt-4 flex flex-wrap gap-2 border-t border-line pt-4">
                {exception ? <Button look="quiet" onClick={() => { setProblem(undefined); setExcepting('none'); }}>End the exception</Button>
                  : <Button look="quiet" onClick={() => { setProblem(undefined); setExcepting(cell.verdict === 'DENY' ? 'permit' : 'forbid'); }}>{cell.verdict === 'DENY' ? 'Permit by exception' : 'Forbid by exception'}</Button>}
              </div>
            </>
          )}
        </div>
      </Card>
      <ReasonDialog open={!!excepting} title={excepting === 'none' ? 'End the exception?' : `${excepting === 'permit' ? 'Permit' : 'Forbid'}: ${row?.title}?`} lead={excepting === 'none' ? 'Their roles decide again.' : `For ${members.find((m) => m.principalId === chosen?.who)?.name} alone, whatever their roles say. Who acts for them is bound by it too.`}
        action={excepting === 'none' ? 'End it' : excepting === 'permit' ? 'Permit' : 'Forbid'} danger={excepting === 'forbid'} busy={busy} error={problem} onClose={() => setExcepting(undefined)}
        onSubmit={(reason) => void (async () => {
          const refused = await act('member.override', { principal: chosen!.who, act: chosen!.act, effect: excepting }, reason);
          setProblem(refused);
          if (!refused) setExcepting(undefined);
          again();
        })()} />
    </div>
  );
};

const Mark = ({ cell, act, who, pressed, onClick }: { cell: Cell; act: string; who: string; pressed: boolean; onClick: () => void }) => {
  const { icon: Icon, text, tone } = marks[cell.verdict];
  return <button type="button" aria-pressed={pressed} aria-label={`${who} ${text}: ${act}`} className={`rounded-md p-1.5 hover:bg-sunken ${tone} ${pressed ? 'bg-sunken ring-2 ring-accent/60' : ''}`} onClick={onClick}><Icon aria-hidden className="size-4" /></button>;
};
