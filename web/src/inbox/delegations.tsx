import { useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Badge, Button, Dialog, Field, Input, Loading, Problem } from '../ui/ui';

const delegationsDocument = graphql(`
  query Delegations($key: String!) {
    viewer { me { principalId } }
    workspace(key: $key) { id members { principalId name kind active } delegations { id active since until reason from { principalId name } to { name } } }
  }
`);
const beginDocument = graphql(`mutation BeginDelegation($input: DelegateApprovalsInput!) { delegateApprovals(input: $input) { delegation { id } errors { message } } }`);
const endDocument = graphql(`mutation EndDelegation($input: EndDelegationInput!) { endDelegation(input: $input) { delegation { id } errors { message } } }`);

const day = (at: string) => new Date(at).toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
const local = (shift: number) => { const at = new Date(Date.now() + shift * 86_400_000); return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10); };

/** Who decides for whom, and until when. */
export const Delegations = ({ onClose }: { onClose: () => void }) => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(delegationsDocument, { key: workspace.key });
  const [, begin] = useMutation(beginDocument);
  const [, end] = useMutation(endDocument);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const me = data?.viewer.me.principalId;
  const delegations = data?.workspace?.delegations ?? [];

  const submit = async (form: FormData) => {
    setBusy(true);
    const since = String(form.get('since'));
    const { data: sent, error: failed } = await begin({
      input: {
        workspaceId: workspace.id, to: String(form.get('to')), since: since === local(0) ? null : new Date(`${since}T00:00:00`).toISOString(),
        until: new Date(Date.parse(`${form.get('until')}T00:00:00`) + 86_400_000).toISOString(), reason: String(form.get('reason')).trim(), idempotencyKey: idempotencyKey(),
      },
    });
    setBusy(false);
    setProblem(failed ? 'It did not arrive. Try again.' : sent?.delegateApprovals.errors[0]?.message);
    again();
  };

  return (
    <Dialog open onClose={onClose} title="Delegation" lead="Somebody decides for you while you are away. Each decision says for whom it was made; nobody decides on what they or you proposed.">
      <div className="min-h-0 flex-1 space-y-5 overflow-y-auto px-5 py-4">
        {error && <Problem message="It could not be loaded." retry={again} />}
        {problem && <Problem message={problem} />}
        {!data && !error && <Loading rows={2} />}
        {data && (
          <>
            {delegations.length > 0 && (
              <ul className="divide-y divide-line rounded-xl border border-line">
                {delegations.map((d) => (
                  <li key={d.id} className="flex items-center gap-3 px-4 py-2.5 text-sm">
                    <span className="min-w-0 flex-1"><span className="font-medium">{d.to.name}</span> for <span className="font-medium">{d.from.principalId === me ? 'you' : d.from.name}</span><span className="block text-[13px] text-soft">{day(d.since)} to {day(new Date(Date.parse(d.until) - 1000).toISOString())}: {d.reason}</span></span>
                    {d.active ? <Badge tone="good">Now</Badge> : <Badge>Later</Badge>}
                    {d.from.principalId === me && <Button className="h-8" onClick={async () => { const { data: sent } = await end({ input: { delegationId: d.id, idempotencyKey: idempotencyKey() } }); setProblem(sent?.endDelegation.errors[0]?.message); again(); }}>End</Button>}
                  </li>
                ))}
              </ul>
            )}
            <form className="space-y-4" onSubmit={(e) => { e.preventDefault(); void submit(new FormData(e.currentTarget)); }}>
              <Field label="Who decides for you">{(p) => <select {...p} name="to" required><option value="">Choose</option>{data.workspace?.members.filter((m) => m.kind === 'USER' && m.active && m.principalId !== me).map((m) => <option key={m.principalId} value={m.principalId}>{m.name}</option>)}</select>}</Field>
              <div className="grid gap-4 sm:grid-cols-2">
                <Field label="From">{(p) => <Input {...p} name="since" type="date" required min={local(0)} defaultValue={local(0)} />}</Field>
                <Field label="To, that day included">{(p) => <Input {...p} name="until" type="date" required min={local(0)} max={local(91)} defaultValue={local(4)} />}</Field>
              </div>
              <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} name="reason" required maxLength={400} />}</Field>
              <div className="flex justify-end"><Button type="submit" look="primary" busy={busy}>Delegate</Button></div>
            </form>
          </>
        )}
      </div>
    </Dialog>
  );
};
