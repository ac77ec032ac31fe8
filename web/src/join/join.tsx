import { useEffect, useState } from 'react';
import { Outside, post } from '../sign-in/sign-in';
import { Button, Field, Input, Loading, Problem } from '../ui/ui';

type Invitation = { tenant: string; workspace: string; email: string; role: string; hasAccount: boolean };

/** Where the link of an invitation leads. Its secret is behind the #, so that no server's log has it. */
export const Join = () => {
  const [token] = useState(() => location.hash.slice(1));
  const [found, setFound] = useState<Invitation>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'You are invited · Mission Control';
    void post<Invitation>('/session/invitation', { token }).then((answer) => (answer.ok ? setFound(answer.body) : setProblem(answer.message)));
  }, [token]);

  const submit = async (form: FormData) => {
    setBusy(true);
    setProblem(undefined);
    const accepted = await post('/session/accept', { token, name: form.get('name'), password: form.get('password') });
    if (!accepted.ok) {
      setProblem(accepted.message);
      setBusy(false);
      return;
    }
    const signedIn = await post<{ code?: string }>('/session/sign-in', { email: found!.email, password: form.get('password') });
    location.assign(signedIn.ok && !signedIn.body?.code ? '/session/start?returnUrl=%2F' : '/sign-in');
  };

  return (
    <Outside title={found ? `Join ${found.workspace}` : 'You are invited'} lead={found ? `${found.tenant} asks you to come as ${found.role}.` : 'Looking at your invitation.'}>
      {!found && !problem && <Loading rows={2} />}
      {!found && problem && <Problem message={problem} />}
      {found && (
        <form className="space-y-4 rounded-2xl border border-line bg-surface p-6" onSubmit={(e) => { e.preventDefault(); void submit(new FormData(e.currentTarget)); }}>
          {problem && <Problem message={problem} />}
          <Field label="E-mail" help={found.hasAccount ? 'You have an account here already.' : 'Your account will have this address.'}>{(p) => <Input {...p} value={found.email} readOnly autoComplete="username" />}</Field>
          {!found.hasAccount && <Field label="Your name">{(p) => <Input {...p} name="name" autoComplete="name" required maxLength={100} autoFocus />}</Field>}
          <Field label="Password" help={found.hasAccount ? undefined : 'At least 12 characters, and not one that is guessed first.'}>{(p) => <Input {...p} name="password" type="password" autoComplete={found.hasAccount ? 'current-password' : 'new-password'} required minLength={12} />}</Field>
          <Button type="submit" look="primary" busy={busy} className="w-full">Join</Button>
        </form>
      )}
    </Outside>
  );
};
