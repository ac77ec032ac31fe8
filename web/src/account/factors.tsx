import { Fingerprint, KeyRound, LifeBuoy, Lock, ShieldCheck, Smartphone } from 'lucide-react';
import { QRCodeSVG } from 'qrcode.react';
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { canPasskeys, makePasskey } from '../api/passkeys';
import { Ago, Badge, Button, Dialog, Field, Input, Loading, Panel, Problem } from '../ui/ui';

const factorsDocument = graphql(`query Factors { viewer { factors { authenticator recoveryCodes passkeys { passkeyId name createdAt } } } }`);
const changePasswordDocument = graphql(`mutation ChangePassword($input: ChangePasswordInput!) { changePassword(input: $input) { endedSessions errors { __typename message } } }`);
const beginAuthenticatorDocument = graphql(`mutation BeginAuthenticator($input: AccountInput!) { beginAuthenticator(input: $input) { key address errors { __typename message } } }`);
const confirmAuthenticatorDocument = graphql(`mutation ConfirmAuthenticator($input: ConfirmAuthenticatorInput!) { confirmAuthenticator(input: $input) { codes errors { __typename message } } }`);
const renewDocument = graphql(`mutation RenewRecoveryCodes($input: AccountInput!) { renewRecoveryCodes(input: $input) { codes errors { __typename message } } }`);
const removeDocument = graphql(`mutation RemoveAuthenticator($input: AccountInput!) { removeAuthenticator(input: $input) { errors { __typename message } } }`);
const beginPasskeyDocument = graphql(`mutation BeginPasskey($input: AccountInput!) { beginPasskey(input: $input) { options state errors { __typename message } } }`);
const addPasskeyDocument = graphql(`mutation AddPasskey($input: AddPasskeyInput!) { addPasskey(input: $input) { codes errors { __typename message } } }`);
const removePasskeyDocument = graphql(`mutation RemovePasskey($input: RemovePasskeyInput!) { removePasskey(input: $input) { errors { __typename message } } }`);

type Refusals = { errors: readonly { __typename: string; message: string }[] } | undefined;
// Who does not confirm changed their mind; that is no fault to tell them of.
const said = (answer: Refusals, failed: boolean) => (failed ? 'It did not arrive. Try again.' : answer?.errors[0] && answer.errors[0].__typename !== 'ConfirmationNeeded' ? answer.errors[0].message : undefined);

/** What the person proves themselves with beside the password. */
export const FactorsPanel = ({ onChanged }: { onChanged: () => void }) => {
  const [changing, setChanging] = useState(false);
  const [changed, setChanged] = useState<string>();
  const [{ data, error }, again] = useQuery({ query: factorsDocument, requestPolicy: 'cache-and-network' });
  const [, begin] = useMutation(beginAuthenticatorDocument);
  const [, renew] = useMutation(renewDocument);
  const [, remove] = useMutation(removeDocument);
  const [, beginKey] = useMutation(beginPasskeyDocument);
  const [, addKey] = useMutation(addPasskeyDocument);
  const [, removeKey] = useMutation(removePasskeyDocument);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState('');
  const [setup, setSetup] = useState<{ key: string; address: string }>();
  const [codes, setCodes] = useState<readonly string[]>();
  const [naming, setNaming] = useState(false);
  const factors = data?.viewer.factors;
  const during = async (what: string, act: () => Promise<string | undefined>) => {
    setBusy(what);
    setProblem(undefined);
    const refused = await act().catch(() => 'It was not done. Try again.');
    setProblem(refused);
    setBusy('');
    again({ requestPolicy: 'network-only' });
    return refused;
  };
  const passkey = (name: string) => during('passkey', async () => {
    const { data: begun, error: failed } = await beginKey({ input: { idempotencyKey: idempotencyKey() } });
    if (!begun?.beginPasskey.options || !begun.beginPasskey.state) return said(begun?.beginPasskey, !!failed);
    const credential = await makePasskey(begun.beginPasskey.options);
    const { data: added, error: lost } = await addKey({ input: { name, credential, state: begun.beginPasskey.state } });
    if (added?.addPasskey.codes.length) setCodes(added.addPasskey.codes);
    return said(added?.addPasskey, !!lost);
  });

  if (error && !data) return <Problem message="Your second factors could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />;
  if (!data) return <Loading rows={2} />;
  if (!factors) return null;
  return (
    <Panel title="Password and second factors" flush note={factors.authenticator || factors.passkeys.length > 0 ? undefined : 'None yet: acts that weigh are confirmed with your password'}>
      {problem && <div className="px-5 pt-4"><Problem message={problem} /></div>}
      <ul className="divide-y divide-line text-sm">
        <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5">
          <Lock aria-hidden className="size-4 shrink-0 text-faint" />
          <span className="min-w-0 flex-1 basis-56"><span className="font-medium">Password</span><span role="status" className="block text-[13px] text-faint">{changed ?? 'Changing it signs you out everywhere else.'}</span></span>
          <Button look="quiet" onClick={() => setChanging(true)}>Change</Button>
        </li>
        <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5">
          <Smartphone aria-hidden className="size-4 shrink-0 text-faint" />
          <span className="min-w-0 flex-1 basis-56"><span className="font-medium">Authenticator app</span>{factors.authenticator && <> <Badge tone="good">On</Badge></>}
            <span className="block text-[13px] text-faint">{factors.authenticator ? 'Asked for when you sign in.' : 'A code of six digits that changes every 30 seconds.'}</span></span>
          {factors.authenticator ? (
            <Button look="quiet" aria-label="Remove the authenticator" busy={busy === 'remove'} onClick={() => void during('remove', async () => {
              const { data: gone, error: failed } = await remove({ input: { idempotencyKey: idempotencyKey() } });
              return said(gone?.removeAuthenticator, !!failed);
            })}>Remove</Button>
          ) : (
            <Button busy={busy === 'begin'} onClick={() => void during('begin', async () => {
              const { data: begun, error: failed } = await begin({ input: { idempotencyKey: idempotencyKey() } });
              if (begun?.beginAuthenticator.key && begun.beginAuthenticator.address) setSetup({ key: begun.beginAuthenticator.key, address: begun.beginAuthenticator.address });
              return said(begun?.beginAuthenticator, !!failed);
            })}>Set up</Button>
          )}
        </li>
        {factors.passkeys.map((p) => (
          <li key={p.passkeyId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5">
            <KeyRound aria-hidden className="size-4 shrink-0 text-faint" />
            <span className="min-w-0 flex-1 basis-56"><span className="font-medium">{p.name ?? 'Passkey'}</span><span className="block text-[13px] text-faint">Passkey, added <Ago at={p.createdAt} /></span></span>
            <Button look="quiet" aria-label={`Remove the passkey ${p.name}`} busy={busy === p.passkeyId} onClick={() => void during(p.passkeyId, async () => {
              const { data: gone, error: failed } = await removeKey({ input: { passkeyId: p.passkeyId, idempotencyKey: idempotencyKey() } });
              return said(gone?.removePasskey, !!failed);
            })}>Remove</Button>
          </li>
        ))}
        <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5">
          <Fingerprint aria-hidden className="size-4 shrink-0 text-faint" />
          <span className="min-w-0 flex-1 basis-56"><span className="font-medium">Passkey</span><span className="block text-[13px] text-faint">{canPasskeys() ? 'Fingerprint, face or a security key. Signs you in; your password alone no longer does.' : 'This browser has no passkeys.'}</span></span>
          <Button disabled={!canPasskeys()} busy={busy === 'passkey'} onClick={() => setNaming(true)}>Add</Button>
        </li>
        {(factors.authenticator || factors.passkeys.length > 0) && (
          <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5">
            <LifeBuoy aria-hidden className="size-4 shrink-0 text-faint" />
            <span className="min-w-0 flex-1 basis-56"><span className="font-medium">Recovery codes</span><span className="block text-[13px] text-faint">{factors.recoveryCodes} recovery codes left. Each is good for once in place of your other factors.</span></span>
            <Button look="quiet" busy={busy === 'codes'} onClick={() => void during('codes', async () => {
              const { data: made, error: failed } = await renew({ input: { idempotencyKey: idempotencyKey() } });
              if (made?.renewRecoveryCodes.codes.length) setCodes(made.renewRecoveryCodes.codes);
              return said(made?.renewRecoveryCodes, !!failed);
            })}>New recovery codes</Button>
          </li>
        )}
      </ul>
      {changing && <ChangePassword onClose={() => setChanging(false)} onDone={(ended) => { setChanging(false); setChanged(`It is changed${ended === 0 ? '' : ended === 1 ? ', and one other session ended' : `, and ${ended} other sessions ended`}.`); onChanged(); }} />}
      {setup && <SetUp address={setup.address} onClose={() => { setSetup(undefined); again({ requestPolicy: 'network-only' }); }} onDone={(made) => { setSetup(undefined); setCodes(made); again({ requestPolicy: 'network-only' }); }} />}
      {codes && (
        <Dialog open onClose={() => setCodes(undefined)} title="Your recovery codes" lead="Each is good for once in place of your app or passkey. They are shown this one time; keep them where you will find them without your phone.">
          <ul className="grid grid-cols-2 gap-x-6 gap-y-1.5 px-5 py-4 font-mono text-sm">{codes.map((c) => <li key={c}>{c}</li>)}</ul>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => void navigator.clipboard.writeText(codes.join('\n'))}>Copy</Button><Button look="primary" onClick={() => setCodes(undefined)}>I kept them</Button></div>
        </Dialog>
      )}
      {naming && (
        <Dialog open onClose={() => setNaming(false)} title="Add a passkey" lead="A name by which you will know it again.">
          <form onSubmit={(e) => { e.preventDefault(); setNaming(false); void passkey(String(new FormData(e.currentTarget).get('name'))); }}>
            <div className="px-5 py-4"><Field label="Name">{(p) => <Input {...p} name="name" required maxLength={60} autoFocus defaultValue="This device" />}</Field></div>
            <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={() => setNaming(false)}>Back</Button><Button type="submit" look="primary">Go on</Button></div>
          </form>
        </Dialog>
      )}
    </Panel>
  );
};

const ChangePassword = ({ onClose, onDone }: { onClose: () => void; onDone: (ended: number) => void }) => {
  const [{ fetching }, change] = useMutation(changePasswordDocument);
  const [problem, setProblem] = useState<string>();
  return (
    <Dialog open onClose={onClose} title="Change your password" lead="You are asked for a second factor first, or for the password that you have now.">
      <form onSubmit={(e) => { e.preventDefault(); const form = new FormData(e.currentTarget); void (async () => {
        setProblem(undefined);
        const { data, error } = await change({ input: { password: String(form.get('password')), idempotencyKey: idempotencyKey() } });
        const refused = said(data?.changePassword, !!error);
        if (refused) setProblem(refused.replace(/^password: /, ''));
        else if (data?.changePassword.errors.length === 0) onDone(data.changePassword.endedSessions);
      })(); }}>
        <div className="px-5 py-4"><Field label="New password" help="At least 12 characters, and not one that is guessed first." error={problem}>{(p) => <Input {...p} name="password" type="password" autoComplete="new-password" required minLength={12} autoFocus />}</Field></div>
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={fetching}>Change it</Button></div>
      </form>
    </Dialog>
  );
};

const SetUp = ({ address, onClose, onDone }: { address: string; onClose: () => void; onDone: (codes: readonly string[]) => void }) => {
  const [{ fetching }, confirm] = useMutation(confirmAuthenticatorDocument);
  const [code, setCode] = useState('');
  const [problem, setProblem] = useState<string>();
  const secret = new URL(address).searchParams.get('secret') ?? '';
  return (
    <Dialog open onClose={onClose} title="Set up your authenticator" lead="Scan this with the app, or type the key in. Then say what the app shows.">
      <form onSubmit={(e) => { e.preventDefault(); void (async () => {
        const { data, error } = await confirm({ input: { code } });
        if (data?.confirmAuthenticator.codes.length) onDone(data.confirmAuthenticator.codes);
        else { setProblem(error ? 'It did not arrive. Try again.' : data?.confirmAuthenticator.errors[0]?.message); setCode(''); }
      })(); }}>
        <div className="grid gap-5 px-5 py-4 sm:grid-cols-[auto_1fr]">
          <div className="w-fit rounded-lg bg-white p-3"><QRCodeSVG value={address} size={160} title="Key of the authenticator" /></div>
          <div className="space-y-4">
            <div><div className="text-[13px] text-faint">Key</div><code className="break-words font-mono text-sm">{secret.match(/.{1,4}/g)?.join(' ')}</code></div>
            <Field label="Code" error={problem}>{(p) => <Input {...p} inputMode="numeric" autoComplete="one-time-code" required autoFocus maxLength={7} value={code} onChange={(e) => setCode(e.target.value)} />}</Field>
          </div>
        </div>
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={fetching}><ShieldCheck aria-hidden className="size-4" />Turn it on</Button></div>
      </form>
    </Dialog>
  );
};
