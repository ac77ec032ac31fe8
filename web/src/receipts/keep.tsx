import { Eraser, Scale } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { Button, Dialog, Field, Problem, ReasonDialog, TextArea } from '../ui/ui';

const keepDocument = graphql(`
  mutation Keep($input: ProposeActionInput!) { proposeAction(input: $input) { run { id } errors { message } } }
`);

// The server refuses these anyway; without them a receipt would not say who did what.
const kept = ['tenant', 'workspace', 'actor', 'on_behalf_of', 'approver', 'action_type', 'reason_code', 'run_state', 'decision', 'partner_seq'];
const bases = { data_subject_request: 'Somebody asked for their data to be erased', retention: 'It was kept long enough', entered_by_mistake: 'It should never have been entered', other: 'Another reason' };

/** Erasing fields of a receipt's chain, and the legal hold that keeps them from being erased. */
export const Keep = ({ receipt }: { receipt: { receiptId: string; held: boolean; fields?: unknown } }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [, propose] = useMutation(keepDocument);
  const [open, setOpen] = useState<'erase' | 'hold'>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const key = useMemo(idempotencyKey, [open]);
  const fields = Object.keys((receipt.fields ?? {}) as object).filter((f) => !kept.includes(f));
  if (!workspace.myRoles.some((r) => ['owner', 'admin', 'operator'].includes(r))) return null;

  const send = async (action: string, input: object, reason: string) => {
    setBusy(true);
    const { data, error } = await propose({ input: { workspaceId: workspace.id, action, input: { receiptId: receipt.receiptId, ...input }, reason, idempotencyKey: key } });
    setBusy(false);
    setProblem(error ? 'The proposal did not arrive. Try again.' : data?.proposeAction.errors[0]?.message);
    if (data?.proposeAction.run) navigate(`/w/${workspace.key}/runs/${data.proposeAction.run.id}`);
  };

  return (
    <>
      <Button onClick={() => { setProblem(undefined); setOpen('hold'); }}><Scale aria-hidden className="size-4" />{receipt.held ? 'Lift the hold' : 'Legal hold'}</Button>
      {fields.length > 0 && <Button disabled={receipt.held} title={receipt.held ? 'A legal hold is on it' : undefined} onClick={() => { setProblem(undefined); setOpen('erase'); }}><Eraser aria-hidden className="size-4" />Erase fields</Button>}
      <ReasonDialog open={open === 'hold'} title={receipt.held ? 'Lift the legal hold?' : 'Put a legal hold on this?'} lead={receipt.held ? 'Fields of the whole chain may be erased again.' : 'Nothing of the whole chain is erased until the hold is lifted.'} action={receipt.held ? 'Lift it' : 'Hold'} busy={busy} error={problem}
        onClose={() => setOpen(undefined)} onSubmit={(reason) => void send(receipt.held ? 'receipt.unhold' : 'receipt.hold', {}, reason)} />
      <Dialog open={open === 'erase'} onClose={() => setOpen(undefined)} title="Erase fields" lead="Value and salt are destroyed in every receipt of this chain, and in the run. The log stays whole, and nobody can tell any more what stood there.">
        <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); const form = new FormData(e.currentTarget); void send('receipt.erase', { fields: form.getAll('fields'), basis: form.get('basis') }, String(form.get('reason'))); }}>
          <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
            {problem && <Problem message={problem} />}
            <fieldset>
              <legend className="mb-1 text-sm font-medium">Fields</legend>
              <div className="grid gap-1 text-sm sm:grid-cols-2">{fields.map((f) => <label key={f} className="flex items-center gap-2 font-mono text-[13px]"><input type="checkbox" name="fields" value={f} className="size-4 accent-[var(--color-accent)]" />{f}</label>)}</div>
            </fieldset>
            <Field label="Basis">{(p) => <select {...p} name="basis">{Object.entries(bases).map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
            <Field label="Reason" help="Goes into the receipt: don’t repeat what is to be erased.">{(p) => <TextArea {...p} name="reason" rows={2} required maxLength={2000} />}</Field>
            <p className="text-[13px] text-faint">Not reached: copies that partners were given, what an approver said with a decision, what the action changed elsewhere, and backups until they expire.</p>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => setOpen(undefined)}>Back</Button><Button type="submit" look="danger" busy={busy}>Propose erasing</Button></div>
        </form>
      </Dialog>
    </>
  );
};
