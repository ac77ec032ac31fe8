import { useEffect, useState } from 'react';
import { Button, Field, Input, Problem } from '../ui/ui';

const problems: Record<string, string> = { expired: 'That sign-in took too long. Please try again.', refused: 'The sign-in was refused. Please try again.' };

export const SignIn = () => {
  const query = new URLSearchParams(location.search);
  const [problem, setProblem] = useState<string | undefined>(problems[query.get('problem') ?? '']);
  const [busy, setBusy] = useState(false);
  useEffect(() => { document.title = 'Sign in · Mission Control'; }, []);

  const submit = async (form: FormData) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const answer = await fetch('/session/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'graphql-require-preflight': '1' },
        body: JSON.stringify({ email: form.get('email'), password: form.get('password') }),
      });
      if (answer.ok) {
        const back = query.get('returnUrl');
        location.assign(back?.startsWith('/connect/authorize') ? back : `/session/start?returnUrl=${encodeURIComponent(query.get('next') ?? '/')}`);
        return;
      }
      setProblem(((await answer.json()) as { message: string }).message);
    } catch {
      setProblem('The server could not be reached.');
    }
    setBusy(false);
  };

  return (
    <main className="grid min-h-screen place-items-center px-5">
      <div className="w-full max-w-sm">
        <div className="mb-8 flex items-center gap-3">
          <img src="/mark.svg" alt="" className="size-10" />
          <div>
            <h1 className="text-xl font-semibold leading-tight tracking-tight">Mission Control</h1>
            <p className="text-sm text-soft">See what waits, decide, undo, stop.</p>
          </div>
        </div>
        <form className="space-y-4 rounded-2xl border border-line bg-surface p-6" onSubmit={(e) => { e.preventDefault(); void submit(new FormData(e.currentTarget)); }}>
          {problem && <Problem message={problem} />}
          <Field label="E-mail">{(p) => <Input {...p} name="email" type="email" autoComplete="username" required autoFocus />}</Field>
          <Field label="Password">{(p) => <Input {...p} name="password" type="password" autoComplete="current-password" required />}</Field>
          <Button type="submit" look="primary" busy={busy} className="w-full">Sign in</Button>
        </form>
        <p className="mt-4 text-center text-[13px] text-faint">The demo's sign-ins are printed by <code className="font-mono">./mumega up</code>.</p>
      </div>
    </main>
  );
};
