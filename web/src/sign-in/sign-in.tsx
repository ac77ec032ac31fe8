import { KeyRound } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { canPasskeys, getPasskey } from '../api/passkeys';
import { Button, Field, Input, Problem } from '../ui/ui';

type Method = 'passkey' | 'totp' | 'recovery';
const instead: Record<Method, string> = { passkey: 'Use a passkey', totp: 'Use the authenticator', recovery: 'Use a recovery code' };
const problems: Record<string, string> = { expired: 'That sign-in took too long. Please try again.', refused: 'The sign-in was refused. Please try again.' };

/** Posts to one of the addresses beside GraphQL; the message of a refusal, or the body. */
export const post = async <T,>(path: string, body: unknown): Promise<{ ok: boolean; status: number; body?: T; message?: string }> => {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', 'graphql-require-preflight': '1' }, body: JSON.stringify(body) });
    const text = await answer.text();
    const json = text ? (JSON.parse(text) as T & { message?: string }) : undefined;
    return { ok: answer.ok, status: answer.status, body: json, message: answer.ok ? undefined : json?.message ?? 'It was refused.' };
  } catch {
    return { ok: false, status: 0, message: 'The server could not be reached.' };
  }
};

export const Outside = ({ title, lead, children }: { title: string; lead: string; children: ReactNode }) => (
  <main className="grid min-h-screen place-items-center px-5 py-10">
    <div className="w-full max-w-sm">
      <div className="mb-8 flex items-center gap-3">
        <img src="/mark.svg" alt="" className="size-10" />
        <div>
          <h1 className="text-xl font-semibold leading-tight tracking-tight">{title}</h1>
          <p className="text-sm text-soft">{lead}</p>
        </div>
      </div>
      {children}
    </div>
  </main>
);

export const SignIn = () => {
  const query = new URLSearchParams(location.search);
  const [problem, setProblem] = useState<string | undefined>(problems[query.get('problem') ?? '']);
  const [busy, setBusy] = useState(false);
  const [step, setStep] = useState<'password' | Method>('password');
  const [methods, setMethods] = useState<readonly Method[]>([]);
  useEffect(() => { document.title = 'Sign in · Mission Control'; }, []);

  const enter = () => {
    const back = query.get('returnUrl');
    location.assign(back?.startsWith('/connect/authorize') ? back : `/session/start?returnUrl=${encodeURIComponent(query.get('next') ?? '/')}`);
  };
  const submit = async (form: FormData) => {
    setBusy(true);
    setProblem(undefined);
    const answer = step === 'password'
      ? await post<{ code?: string; methods?: Method[] }>('/session/sign-in', { email: form.get('email'), password: form.get('password') })
      : await post<{ code?: string; methods?: Method[] }>('/session/second-factor', { method: step, code: form.get('code') });
    if (answer.ok && answer.body?.code === 'SECOND_FACTOR') {
      // A passkey that this browser can't use is not offered; a recovery code still does.
      const usable = (answer.body.methods ?? []).filter((m) => m !== 'passkey' || canPasskeys());
      setMethods(usable);
      setStep(usable.includes('totp') ? 'totp' : usable[0] ?? 'recovery');
    } else if (answer.ok) return enter();
    else setProblem(answer.message);
    setBusy(false);
  };
  const passkey = async () => {
    setBusy(true);
    setProblem(undefined);
    const options = await post<object>(`/session/passkey/options${step === 'password' ? '' : '?second=true'}`, {});
    try {
      if (!options.ok) throw new Error(options.message);
      const answer = await post('/session/passkey', { credential: await getPasskey(JSON.stringify(options.body)) });
      if (answer.ok) return enter();
      setProblem(answer.message);
    } catch {
      setProblem(options.message ?? 'No passkey was used.');
    }
    setBusy(false);
  };

  return (
    <Outside title="Mission Control" lead="See what waits, decide, undo, stop.">
      <form key={step} className="space-y-4 rounded-2xl border border-line bg-surface p-6" onSubmit={(e) => { e.preventDefault(); void (step === 'passkey' ? passkey() : submit(new FormData(e.currentTarget))); }}>
        {problem && <Problem message={problem} />}
        {step === 'password' ? (
          <>
            <Field label="E-mail">{(p) => <Input {...p} name="email" type="email" autoComplete="username" required autoFocus />}</Field>
            <Field label="Password">{(p) => <Input {...p} name="password" type="password" autoComplete="current-password" required />}</Field>
          </>
        ) : step === 'passkey' ? (
          <p className="text-sm text-soft">Your account has a passkey. Your browser asks for it.</p>
        ) : step === 'totp' ? (
          <Field label="Code" help="Six digits from your authenticator app.">{(p) => <Input {...p} name="code" inputMode="numeric" autoComplete="one-time-code" required autoFocus />}</Field>
        ) : (
          <Field label="Recovery code" help="One of those that you kept. It is used up.">{(p) => <Input {...p} name="code" autoComplete="off" required autoFocus />}</Field>
        )}
        <Button type="submit" look="primary" busy={busy} autoFocus={step === 'passkey'} className="w-full">{step === 'password' ? 'Sign in' : 'Go on'}</Button>
        {step === 'password' && canPasskeys() && <Button className="w-full" disabled={busy} onClick={() => void passkey()}><KeyRound aria-hidden className="size-4" />Sign in with a passkey</Button>}
        {step !== 'password' && methods.filter((m) => m !== step).map((m) => <Button key={m} look="quiet" className="w-full" onClick={() => { setProblem(undefined); setStep(m); }}>{instead[m]}</Button>)}
      </form>
      <p className="mt-4 text-center text-[13px] text-faint">The demo's sign-ins are printed by <code className="font-mono">./mumega up</code>.</p>
    </Outside>
  );
};
