import { KeyRound } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { graphql } from '../api/gql';
import type { ConfirmationMethod } from '../api/gql/graphql';
import { askBy, type Needed } from '../api/confirming';
import { canPasskeys, getPasskey } from '../api/passkeys';
import { Button, Dialog, Field, Input, Problem } from '../ui/ui';

const confirmDocument = graphql(`mutation Confirm($input: ConfirmInput!) { confirm(input: $input) { confirmed errors { message } } }`);
const challengeDocument = graphql(`query PasskeyChallenge($id: ID!) { viewer { passkeyChallenge(confirmationId: $id) } }`);

const fields: Record<string, { label: string; help: string; autoComplete: string; numeric?: boolean }> = {
  totp: { label: 'Code', help: 'Six digits from your authenticator app. Each is good for once.', autoComplete: 'one-time-code', numeric: true },
  recovery: { label: 'Recovery code', help: 'One of those that you kept. It is used up.', autoComplete: 'off' },
  password: { label: 'Password', help: 'You have no second factor yet. Set one up under your account.', autoComplete: 'current-password' },
};

const others: Record<string, string> = { passkey: 'Use a passkey', totp: 'Use the authenticator', recovery: 'Use a recovery code' };

/** Asks whether the person means what they are about to do, whenever an act wants to know. */
export const Confirmation = () => {
  const client = useClient();
  const [asked, setAsked] = useState<{ needed: Needed; answer: (confirmed: boolean) => void }>();
  const [method, setMethod] = useState('');
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  useEffect(() => askBy((needed) => new Promise((answer) => {
    setMethod(needed.methods.find((m) => m !== 'passkey' || canPasskeys()) ?? needed.methods[0]!);
    setCode('');
    setProblem(undefined);
    setAsked({ needed, answer });
  })), []);
  if (!asked) return null;

  const { needed } = asked;
  const close = (confirmed: boolean) => { asked.answer(confirmed); setAsked(undefined); };
  const give = async (text: string) => {
    const { data, error } = await client.mutation(confirmDocument, { input: { confirmationId: needed.confirmationId, method: method.toUpperCase() as ConfirmationMethod, code: text } }).toPromise();
    setBusy(false);
    if (data?.confirm.confirmed) close(true);
    else { setProblem(error ? 'It did not arrive. Try again.' : data?.confirm.errors[0]?.message); setCode(''); }
  };
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    if (method !== 'passkey') return give(code);
    try {
      const { data } = await client.query(challengeDocument, { id: needed.confirmationId }, { requestPolicy: 'network-only' }).toPromise();
      if (!data?.viewer.passkeyChallenge) throw new Error('over');
      await give(await getPasskey(data.viewer.passkeyChallenge));
    } catch {
      setBusy(false);
      setProblem('The passkey was not used. Try again, or choose another way.');
    }
  };
  const field = fields[method];
  return (
    <Dialog open onClose={() => close(false)} title="Is it you?" lead={`You are about to ${needed.what.charAt(0).toLowerCase()}${needed.what.slice(1)}`}>
      <form className="space-y-4 px-5 py-4" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        {field ? (
          <Field label={field.label} help={field.help} error={problem}>{(p) => <Input {...p} type={method === 'password' ? 'password' : 'text'} inputMode={field.numeric ? 'numeric' : undefined} autoComplete={field.autoComplete} required autoFocus value={code} onChange={(e) => setCode(e.target.value)} />}</Field>
        ) : (
          <>
            <p className="text-sm text-soft">Your browser asks for your passkey. It confirms this one act, and nothing else.</p>
            {problem && <Problem message={problem} />}
          </>
        )}
        <div className="flex flex-wrap items-center justify-end gap-2">
          {needed.methods.filter((m) => m !== method && (m !== 'passkey' || canPasskeys())).map((m) => <Button key={m} look="quiet" onClick={() => { setMethod(m); setProblem(undefined); setCode(''); }}>{others[m]}</Button>)}
          <span className="flex-1" />
          <Button onClick={() => close(false)}>Back</Button>
          <Button type="submit" look="primary" busy={busy} autoFocus={!field}><KeyRound aria-hidden className="size-4" />Confirm</Button>
        </div>
      </form>
    </Dialog>
  );
};
