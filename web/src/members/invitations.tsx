import { Copy, MailPlus } from 'lucide-react';
import { useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { usePropose } from '../actions/use-propose';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Dialog, Field, Input, Panel, Problem } from '../ui/ui';

const invitationsDocument = graphql(`
  query Invitations($key: String!) { workspace(key: $key) { id invitations { invitationId email role until state linked createdAt expiresAt invitedBy { name } } } }
`);
const linkDocument = graphql(`mutation LinkInvitation($input: LinkInvitationInput!) { linkInvitation(input: $input) { link expiresAt errors { message } } }`);
const rolesDocument = graphql(`query InvitableRoles($key: String!) { workspace(key: $key) { id roles { key title description } } }`);

const tones = { OPEN: 'info', ACCEPTED: 'good', REVOKED: 'neutral', EXPIRED: 'warn' } as const;
const states = { OPEN: 'Open', ACCEPTED: 'Came', REVOKED: 'Taken back', EXPIRED: 'Too old' } as const;

/** Who was asked to work here and has not come, and those who did. Shown to who may make links. */
export const Invitations = () => {
  const workspace = useWorkspace();
  const [{ data }, again] = useLiveQuery(invitationsDocument, { key: workspace.key });
  const [, link] = useMutation(linkDocument);
  const { act, busy } = usePropose();
  const [made, setMade] = useState<{ email: string; link: string }>();
  const [copied, setCopied] = useState(false);
  const [problem, setProblem] = useState<string>();
  const invitations = data?.workspace?.invitations ?? [];
  if (invitations.length === 0) return null;
  return (
    <div className="mt-6">
      <Panel title="Invitations" flush>
        {problem && <div className="px-5 pt-4"><Problem message={problem} /></div>}
        <ul className="divide-y divide-line">
          {invitations.map((i) => (
            <li key={i.invitationId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3 text-sm">
              <span className="min-w-0 flex-1 basis-56"><span className="block truncate font-medium">{i.email}</span><span className="block text-[13px] text-faint">as {i.role}, invited by {i.invitedBy.name} <Ago at={i.createdAt} /></span></span>
              <Badge tone={tones[i.state]}>{states[i.state]}</Badge>
              {(i.state === 'OPEN' || i.state === 'EXPIRED') && (
                <>
                  <Button onClick={() => void (async () => {
                    const { data: answer, error } = await link({ input: { workspaceId: workspace.id, invitationId: i.invitationId } });
                    setProblem(error ? 'It did not arrive. Try again.' : answer?.linkInvitation.errors[0]?.message);
                    if (answer?.linkInvitation.link) { setCopied(false); setMade({ email: i.email, link: answer.linkInvitation.link }); }
                    again();
                  })()}>{i.linked ? 'New link' : 'Make a link'}</Button>
                  <Button look="quiet" busy={busy} aria-label={`Take the invitation of ${i.email} back`} onClick={() => void act('member.uninvite', { invitation: i.invitationId }, 'Not needed any more.').then((refused) => { setProblem(refused); again(); })}>Take back</Button>
                </>
              )}
            </li>
          ))}
        </ul>
      </Panel>
      {made && (
        <Dialog open onClose={() => setMade(undefined)} title={`A link for ${made.email}`} lead="Shown this one time; it holds for seven days and for one account. A link from before holds no longer.">
          <div className="px-5 py-4"><Field label="Link">{(p) => <Input {...p} readOnly value={made.link} onFocus={(e) => e.target.select()} autoFocus />}</Field></div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => setMade(undefined)}>Done</Button><Button look="primary" onClick={() => void navigator.clipboard.writeText(made.link).then(() => setCopied(true))}><Copy aria-hidden className="size-4" />{copied ? 'Copied' : 'Copy'}</Button></div>
        </Dialog>
      )}
    </div>
  );
};

export const Invite = ({ onClose }: { onClose: () => void }) => {
  const workspace = useWorkspace();
  const [{ data }] = useLiveQuery(rolesDocument, { key: workspace.key });
  const { act, busy } = usePropose();
  const [role, setRole] = useState('');
  const [problem, setProblem] = useState<string>();
  const roles = data?.workspace?.roles.filter((r) => r.key !== 'agent') ?? [];
  const submit = async (form: FormData) => {
    const until = String(form.get('until'));
    const refused = await act('member.invite', { email: String(form.get('email')).trim(), role, ...(until ? { until: new Date(until).toISOString() } : {}) }, String(form.get('reason')));
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title="Invite somebody" lead="By their address. Then make a link and hand it to them.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(new FormData(e.currentTarget)); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="E-mail">{(p) => <Input {...p} name="email" type="email" required maxLength={254} autoFocus />}</Field>
          <Field label="Role" help={roles.find((r) => r.key === role)?.description ?? undefined}>{(p) => <select {...p} required value={role} onChange={(e) => setRole(e.target.value)}><option value="">Choose</option>{roles.map((r) => <option key={r.key} value={r.key}>{r.title}</option>)}</select>}</Field>
          <Field label="Until (optional)" help="When the role ends by itself, in your time zone.">{(p) => <Input {...p} name="until" type="datetime-local" />}</Field>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} name="reason" required maxLength={2000} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}><MailPlus aria-hidden className="size-4" />Invite</Button></div>
      </form>
    </Dialog>
  );
};
