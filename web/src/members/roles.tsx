import { Plus, ShieldHalf } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '../api/gql';
import type { RolesQuery } from '../api/gql/graphql';
import { usePropose } from '../actions/use-propose';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Badge, Button, Card, Dialog, Field, Input, Loading, Problem, ReasonDialog, words } from '../ui/ui';

const rolesDocument = graphql(`
  query Roles($key: String!) { workspace(key: $key) { id roles { key title description builtIn acts policy holders } authority { act title family } } }
`);
type Role = NonNullable<RolesQuery['workspace']>['roles'][number];

/** The roles that can be held here, and making one of the tenant's own. */
export const Roles = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(rolesDocument, { key: workspace.key });
  const { act, busy } = usePropose();
  const [editing, setEditing] = useState<Role | 'new'>();
  const [dropping, setDropping] = useState<Role>();
  const [open, setOpen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const found = data?.workspace;
  if (error) return <Problem message="The roles could not be loaded." retry={again} />;
  if (!found) return <Loading rows={5} />;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-2xl text-sm text-soft">What a built-in role may do is said by the <a className="text-accent-text underline" href={`/w/${workspace.key}/policies`}>policies</a>. A role of your own is a policy made from what you choose; guardrails and gates hold for it too.</p>
        <Button look="primary" onClick={() => setEditing('new')}><Plus aria-hidden className="size-4" />Define a role</Button>
      </div>
      <Card className="divide-y divide-line">
        {found.roles.map((r) => (
          <div key={r.key} className="px-5 py-3.5">
            <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
              <ShieldHalf aria-hidden className={`size-4 shrink-0 ${r.builtIn ? 'text-faint' : 'text-accent-text'}`} />
              <span className="min-w-0 flex-1 basis-56"><span className="font-medium">{r.title}</span> {!r.builtIn && <Badge tone="accent">Your own</Badge>}<span className="block text-[13px] text-faint">{r.description ?? (r.builtIn ? '' : `${r.acts.length} acts`)}</span></span>
              <span className="text-[13px] text-faint">{r.holders === 0 ? 'Nobody holds it' : r.holders === 1 ? '1 holds it' : `${r.holders} hold it`}</span>
              {!r.builtIn && (
                <>
                  <Button look="quiet" aria-expanded={open === r.key} onClick={() => setOpen(open === r.key ? undefined : r.key)}>Policy</Button>
                  <Button look="quiet" onClick={() => setEditing(r)}>Change</Button>
                  <Button look="quiet" onClick={() => { setProblem(undefined); setDropping(r); }}>Drop</Button>
                </>
              )}
            </div>
            {open === r.key && r.policy && <pre className="mt-3 overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs leading-relaxed">{r.policy}</pre>}
          </div>
        ))}
      </Card>
      {editing && <Define role={editing === 'new' ? undefined : editing} acts={found.authority} onClose={() => { setEditing(undefined); again(); }} />}
      <ReasonDialog open={!!dropping} title={`Drop the role ${dropping?.title}?`} lead="Only a role that nobody holds can be dropped. It can be defined again." action="Drop it" danger busy={busy} error={problem} onClose={() => setDropping(undefined)}
        onSubmit={(reason) => void (async () => {
          const refused = await act('role.drop', { key: dropping!.key }, reason);
          setProblem(refused);
          if (!refused) setDropping(undefined);
          again();
        })()} />
    </>
  );
};

const Define = ({ role, acts, onClose }: { role: Role | undefined; acts: readonly { act: string; title: string; family: string }[]; onClose: () => void }) => {
  const { act, busy } = usePropose();
  const [title, setTitle] = useState(role?.title ?? '');
  const [key, setKey] = useState(role?.key ?? '');
  const [description, setDescription] = useState(role?.description ?? '');
  const [chosen, setChosen] = useState(() => new Set(role?.acts ?? ['workspace.read']));
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string>();
  const families = [...new Set(acts.map((a) => a.family))].sort((a, b) => Number(b === 'control') - Number(a === 'control'));
  const toggle = (name: string) => setChosen((now) => { const next = new Set(now); if (!next.delete(name)) next.add(name); return next; });
  const submit = async () => {
    const refused = await act('role.define', { key, title, ...(description ? { description } : {}), acts: [...chosen].sort() }, reason);
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title={role ? `Change the role ${role.title}` : 'Define a role'} lead="It holds in every workspace where it is granted. Another admin decides on it.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Title">{(p) => <Input {...p} required maxLength={80} autoFocus value={title} onChange={(e) => { setTitle(e.target.value); if (!role) setKey(e.target.value.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^[^a-z]+|-+$/g, '').slice(0, 40)); }} />}</Field>
            <Field label="Name" help="As policies name it.">{(p) => <Input {...p} required readOnly={!!role} pattern="[a-z][a-z0-9\-]{1,39}" value={key} onChange={(e) => setKey(e.target.value)} />}</Field>
          </div>
          <Field label="What it is for (optional)">{(p) => <Input {...p} maxLength={2000} value={description} onChange={(e) => setDescription(e.target.value)} />}</Field>
          <fieldset>
            <legend className="mb-1 text-sm font-medium">May do</legend>
            <div tabIndex={0} role="region" aria-label="Acts" className="max-h-64 space-y-3 overflow-y-auto rounded-lg border border-line-strong p-3">
              {families.map((family) => (
                <div key={family}>
                  <div className="mb-1 text-[13px] text-faint">{family === 'control' ? 'People' : words(family)}</div>
                  <div className="grid gap-x-4 gap-y-1 sm:grid-cols-2">
                    {acts.filter((a) => a.family === family).map((a) => <label key={a.act} className="flex items-start gap-2 text-sm"><input type="checkbox" className="mt-0.5 size-4 shrink-0 accent-accent" checked={chosen.has(a.act)} onChange={() => toggle(a.act)} />{a.title}</label>)}
                  </div>
                </div>
              ))}
            </div>
          </fieldset>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy} disabled={chosen.size === 0}>Propose</Button></div>
      </form>
    </Dialog>
  );
};
