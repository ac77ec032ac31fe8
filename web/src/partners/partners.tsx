import { Handshake } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { kinds } from '../receipts/receipt-row';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog, TextArea } from '../ui/ui';

const partnersDocument = graphql(`
  query Partners($key: String!) {
    workspace(key: $key) {
      id
      contracts { id contractId partner { principalId name } clientId kinds fields since until connection createdAt revokedAt ended uses shown usedAt }
      log { origin keys address }
    }
  }
`);
const proposeDocument = graphql(`
  mutation ProposeForPartner($input: ProposeActionInput!) {
    proposeAction(input: $input) { run { id state } errors { code message ... on InvalidInput { faults { path message } } } }
  }
`);

const shareable = kinds.filter((k) => k !== 'disclosed');
const commonFields = ['action_type', 'reason_code', 'target', 'decision', 'policy_version', 'state_after', 'effect_id', 'approver'];
const inAYear = () => new Date(Date.now() + 365 * 86_400_000).toISOString().slice(0, 10);

export const Partners = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ data, error }, again] = useLiveQuery(partnersDocument, { key: workspace.key });
  const [, propose] = useMutation(proposeDocument);
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [faults, setFaults] = useState<Record<string, string>>({});
  const key = useMemo(idempotencyKey, [adding, revoking]);
  const contracts = data?.workspace?.contracts;
  const known = new Set(contracts?.map((c) => c.partner.name));
  const [name, setName] = useState('');

  // A form that is longer than its window takes the eye to what has to be mended.
  useEffect(() => { if (Object.keys(faults).length > 0) document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(); }, [faults]);

  const send = async (action: string, input: object, reason: string) => {
    setBusy(true);
    setProblem(undefined);
    setFaults({});
    const { data: done, error: failed } = await propose({ input: { workspaceId: workspace.id, action, input, reason, idempotencyKey: key } });
    setBusy(false);
    const refusal = done?.proposeAction.errors[0];
    if (refusal && 'faults' in refusal) setFaults(Object.fromEntries(refusal.faults.map((f) => [f.path.split('/')[1] ?? '', f.message])));
    if (failed || refusal) return setProblem(refusal?.message ?? 'The proposal did not arrive. Try again.');
    if (done?.proposeAction.run) navigate(`/w/${workspace.key}/runs/${done.proposeAction.run.id}`);
  };

  const submit = (form: FormData) => {
    const text = (field: string) => String(form.get(field) ?? '').trim();
    void send('partner.contract', {
      partner: text('partner'),
      ...(text('publicKey') ? { publicKey: text('publicKey') } : {}),
      kinds: form.getAll('kinds'),
      fields: text('fields').split(/[\s,]+/).filter(Boolean),
      ...(text('since') ? { since: `${text('since')}T00:00:00Z` } : {}),
      until: `${text('until')}T00:00:00Z`,
      ...(text('connection') ? { connection: text('connection') } : {}),
    }, text('reason'));
  };

  return (
    <>
      <PageTitle title="Partners" lead="Who outside the house sees receipts of this workspace: which kinds, which fields, until when. Each access leaves a receipt.">
        <Button look="primary" onClick={() => { setProblem(undefined); setFaults({}); setName(''); setAdding(true); }}><Handshake aria-hidden className="size-4" />Share receipts</Button>
      </PageTitle>
      {error && <Problem message="The contracts could not be loaded." retry={again} />}
      {!contracts && !error && <Loading rows={2} />}
      {contracts?.length === 0 && <Empty icon={<Handshake />} title="Nobody outside sees anything">A partner checks your receipts without trusting you: it sees only what a contract opens, and can prove what it saw.</Empty>}
      <div className="space-y-3">
        {contracts?.map((c) => (
          <Card key={c.id} className={`p-5 ${c.ended ? 'opacity-75' : ''}`}>
            <div className="flex flex-wrap items-start justify-between gap-4">
              <div className="min-w-0">
                <div className="flex items-center gap-2"><h2 className="font-semibold">{c.partner.name}</h2><Badge tone={c.ended ? 'neutral' : 'good'}>{c.revokedAt ? 'Revoked' : c.ended ? 'Run out' : 'In force'}</Badge></div>
                <p className="mt-0.5 text-[13px] text-faint">until {new Date(c.until).toLocaleDateString('en', { dateStyle: 'medium' })}{c.usedAt ? <>, last looked <Ago at={c.usedAt} /></> : ', not used yet'}</p>
              </div>
              {!c.ended && <Button look="danger" onClick={() => { setProblem(undefined); setRevoking(c.contractId); }}>Revoke</Button>}
            </div>
            <dl className="mt-4 grid grid-cols-[minmax(6rem,auto)_1fr] gap-x-5 gap-y-1.5 text-sm">
              <dt className="text-faint">Kinds</dt><dd className="flex flex-wrap gap-1">{c.kinds.map((k) => <Badge key={k}>{k}</Badge>)}</dd>
              <dt className="text-faint">Opened fields</dt><dd className="break-words font-mono text-[13px] text-soft">{c.fields.join(', ') || <span className="font-sans">none: entries and proofs only</span>}</dd>
              <dt className="text-faint">Shown</dt><dd>{c.shown} receipt{Number(c.shown) === 1 ? '' : 's'} in {c.uses} access{c.uses === 1 ? '' : 'es'} <Link className="ml-1 text-accent-text underline" to={`/w/${workspace.key}/receipts?kind=disclosed&actor=${c.partner.principalId}`}>see each</Link></dd>
              <dt className="text-faint">Signs in as</dt><dd className="break-all font-mono text-[13px] text-soft">{c.clientId}</dd>
              {c.connection && <><dt className="text-faint">Checkpoints</dt><dd>sent by {c.connection}</dd></>}
            </dl>
          </Card>
        ))}
      </div>
      {data?.workspace && contracts && contracts.length > 0 && (
        <section className="mt-8 text-sm">
          <h2 className="mb-2 text-[13px] font-semibold uppercase tracking-wider text-faint">What to give a partner, out of band</h2>
          <Card className="px-5 py-4"><p className="mb-2 text-soft">The key that signs the log. Whoever pins it needs to trust nothing that comes later.</p>{data.workspace.log.keys.map((k) => <p key={k} className="break-all font-mono text-[13px]">{k}</p>)}</Card>
        </section>
      )}

      <Dialog open={adding} onClose={() => setAdding(false)} title="Share receipts with a partner" lead="Somebody else approves it. What was shown can’t be taken back.">
        <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); submit(new FormData(e.currentTarget)); }}>
          <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
            {problem && <Problem message={problem} />}
            <Field label="Partner" help="A name; one that is known here gets another contract." error={faults.partner}>{(p) => <Input {...p} name="partner" required minLength={2} maxLength={80} list="known-partners" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
            <datalist id="known-partners">{[...known].map((n) => <option key={n} value={n} />)}</datalist>
            {!known.has(name.trim()) && <Field label="Their public key" help="A JWK. The partner makes a pair with mumega key and keeps the private half." error={faults.publicKey}>{(p) => <TextArea {...p} name="publicKey" rows={3} required spellCheck={false} className={`${p.className} font-mono`} />}</Field>}
            <fieldset>
              <legend className="mb-1 text-sm font-medium">Kinds of receipts</legend>
              <div className="grid grid-cols-2 gap-x-4 gap-y-1 text-sm">{shareable.map((k) => <label key={k} className="flex items-center gap-2"><input type="checkbox" name="kinds" value={k} defaultChecked={k === 'outcome.confirmed'} className="size-4 accent-[var(--color-accent)]" />{k}</label>)}</div>
              {faults.kinds && <p className="mt-1 text-[13px] text-bad">{faults.kinds}</p>}
            </fieldset>
            <Field label="Opened fields" help="Names separated by spaces; parameters.* stands for every parameter. The others stay commitments." error={faults.fields}>{(p) => <TextArea {...p} name="fields" rows={2} defaultValue={commonFields.slice(0, 4).join(' ')} className={`${p.className} font-mono`} />}</Field>
            <div className="grid grid-cols-2 gap-4">
              <Field label="Receipts since (optional)" help="From now on without it." error={faults.since}>{(p) => <Input {...p} name="since" type="date" />}</Field>
              <Field label="Until" error={faults.until}>{(p) => <Input {...p} name="until" type="date" required defaultValue={inAYear()} />}</Field>
            </div>
            <Field label="Connection for checkpoints (optional)" help="The key of a connection; each new checkpoint is sent there." error={faults.connection}>{(p) => <Input {...p} name="connection" maxLength={80} />}</Field>
            <Field label="Reason" help="Approvers and receipts show it.">{(p) => <TextArea {...p} name="reason" rows={2} required maxLength={2000} />}</Field>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => setAdding(false)}>Back</Button><Button type="submit" look="primary" busy={busy}>Propose</Button></div>
        </form>
      </Dialog>
      <ReasonDialog open={!!revoking} title="Revoke this contract?" lead="From then on nothing is shown under it, also not to connections that are open. What was shown is not recalled." action="Revoke" danger busy={busy} error={problem}
        onClose={() => setRevoking(undefined)} onSubmit={(reason) => void send('partner.revoke', { contractId: revoking }, reason)} />
    </>
  );
};
