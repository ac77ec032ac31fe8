import { Gauge, Plus } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '../api/gql';
import type { BudgetsQuery } from '../api/gql/graphql';
import { usePropose } from '../actions/use-propose';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog, words } from '../ui/ui';

const budgetsDocument = graphql(`
  query Budgets($key: String!) {
    workspace(key: $key) {
      id
      families { name }
      budgets { key scope family tier minutes maxRuns maxAmount currency limit target { name } course used { runs amount who { name } } }
    }
  }
`);

type Budget = NonNullable<BudgetsQuery['workspace']>['budgets'][number];

const whose = { AGENT: 'each agent', PERSON: 'each person with their agents', WORKSPACE: 'the workspace' } as const;

export const Budgets = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(budgetsDocument, { key: workspace.key });
  const { act, busy } = usePropose();
  const [setting, setSetting] = useState(false);
  const [removing, setRemoving] = useState<Budget>();
  const [problem, setProblem] = useState<string>();
  const budgets = data?.workspace?.budgets;
  return (
    <>
      <PageTitle title="Budgets" lead="How much may be proposed within a time, and how much of it is used.">
        <Button look="primary" onClick={() => setSetting(true)}><Plus aria-hidden className="size-4" />Set a budget</Button>
      </PageTitle>
      {error && <Problem message="The budgets could not be loaded." retry={again} />}
      {!budgets && !error && <Loading />}
      {budgets?.length === 0 && <Empty icon={<Gauge />} title="No limits">Nothing but policies bounds what is proposed here. A budget bounds how much of it.</Empty>}
      {budgets && budgets.length > 0 && (
        <ul className="grid gap-4 lg:grid-cols-2">
          {budgets.map((b) => (
            <li key={b.key}>
              <Card className="flex h-full flex-col p-5">
                <div className="flex items-start justify-between gap-3">
                  <div><h2 className="font-semibold">{b.key}</h2><p className="mt-0.5 text-sm text-soft">{b.limit}, for {b.target?.name ?? whose[b.scope]}{b.family && b.family !== 'reads' ? `, ${b.family} only` : ''}{b.tier ? `, ${words(b.tier)} agents only` : ''}.</p></div>
                  <Button look="quiet" onClick={() => { setProblem(undefined); setRemoving(b); }}>Remove</Button>
                </div>
                <Course bars={b.course} minutes={b.minutes} of={b.family === 'reads' ? 'reads' : 'runs'} />
                <ul className="mt-4 space-y-2 text-sm">
                  {b.used.length === 0 && <li className="text-faint">Nothing used in this window.</li>}
                  {b.used.slice(0, 5).map((u, i) => <Use key={i} name={u.who?.name ?? 'The workspace'} budget={b} runs={u.runs} amount={u.amount} />)}
                </ul>
              </Card>
            </li>
          ))}
        </ul>
      )}
      {setting && <SetBudget families={data?.workspace?.families.map((f) => f.name) ?? []} onClose={() => { setSetting(false); again(); }} />}
      <ReasonDialog open={!!removing} title={`Remove ${removing?.key}?`} lead="Nothing limits it any more. Set again, it counts what was used before." action="Remove" danger busy={busy} error={problem} onClose={() => setRemoving(undefined)}
        onSubmit={(reason) => void (async () => {
          const refused = await act('budget.remove', { key: removing!.key }, reason);
          setProblem(refused);
          if (!refused) setRemoving(undefined);
          again();
        })()} />
    </>
  );
};

const Use = ({ name, budget, runs, amount }: { name: string; budget: Budget; runs: number; amount: number }) => {
  const share = Math.max(budget.maxRuns ? runs / budget.maxRuns : 0, budget.maxAmount ? amount / budget.maxAmount : 0);
  const said = [budget.maxRuns != null && `${runs} of ${budget.maxRuns}`, budget.maxAmount != null && `${(amount / 100).toFixed(2)} of ${(budget.maxAmount / 100).toFixed(2)} ${budget.currency}`].filter(Boolean).join(', ');
  return (
    <li>
      <div className="flex justify-between gap-3"><span className="truncate">{name}</span><span className="tabular-nums text-soft">{said}{share >= 1 && <> <Badge tone="bad">Used up</Badge></>}</span></div>
      <div aria-hidden className="mt-1 h-1.5 overflow-hidden rounded-full bg-sunken"><div className={`h-full rounded-full ${share >= 1 ? 'bg-bad' : share > 0.8 ? 'bg-warn' : 'bg-accent'}`} style={{ width: `${Math.min(100, share * 100)}%` }} /></div>
    </li>
  );
};

/** The runs or reads of the window in equal parts, the oldest at the left. */
const Course = ({ bars, minutes, of }: { bars: number[]; minutes: number; of: string }) => {
  const most = Math.max(1, ...bars);
  return (
    <figure className="mt-4">
      <div role="img" aria-label={`${bars.reduce((a, b) => a + b, 0)} ${of} in the last ${minutes} minutes`} className="flex h-12 items-end gap-0.5">
        {bars.map((b, i) => <div key={i} className={`flex-1 rounded-sm ${b ? 'bg-accent/70' : 'bg-line'}`} style={{ height: `${b ? 8 + (92 * b) / most : 4}%` }} />)}
      </div>
      <figcaption className="mt-1 flex justify-between text-xs text-faint"><span>{minutes % 1440 === 0 ? `${minutes / 1440} d` : minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`} ago</span><span>now</span></figcaption>
    </figure>
  );
};

const windows = [[1, 'a minute'], [60, 'an hour'], [1440, 'a day'], [10080, 'a week'], [43200, '30 days']] as const;

const SetBudget = ({ families, onClose }: { families: string[]; onClose: () => void }) => {
  const { act, busy } = usePropose();
  const [form, setForm] = useState({ key: '', scope: 'agent', family: '', tier: '', minutes: 60, runs: '', amount: '', currency: 'EUR', reason: '' });
  const [problem, setProblem] = useState<string>();
  const set = (part: Partial<typeof form>) => setForm((f) => ({ ...f, ...part }));
  const reads = form.family === 'reads';
  const submit = async () => {
    const refused = await act('budget.set', {
      key: form.key, scope: form.scope, minutes: form.minutes, ...(form.family ? { family: form.family } : {}), ...(form.tier ? { tier: form.tier } : {}),
      ...(form.runs ? { runs: Number(form.runs) } : {}), ...(form.amount && !reads ? { amount: Math.round(Number(form.amount) * 100), currency: form.currency } : {}),
    }, form.reason);
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title="Set a budget" lead="One of the same name is replaced.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="Name" help="Small letters, digits and hyphens.">{(p) => <Input {...p} required pattern="[a-z0-9]+(-[a-z0-9]+)*" maxLength={60} value={form.key} onChange={(e) => set({ key: e.target.value })} />}</Field>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Counted together">{(p) => <select {...p} value={form.scope} onChange={(e) => set({ scope: e.target.value })}><option value="agent">Each agent</option><option value="person">Each person with their agents</option><option value="workspace">The workspace</option></select>}</Field>
            <Field label="Only agents that work">{(p) => (
              <select {...p} value={form.tier} onChange={(e) => set({ tier: e.target.value })}>
                <option value="">Any way</option><option value="interactive">Beside a person</option><option value="background">In the background</option><option value="api">As a program</option>
              </select>
            )}</Field>
            <Field label="Counts" help={reads ? 'Receipts opened, rows of the audit log, evidence, and what agents sign in with.' : undefined}>{(p) => <select {...p} value={form.family} onChange={(e) => set({ family: e.target.value })}><option value="">Every family</option>{families.map((f) => <option key={f} value={f}>{words(f)}</option>)}<option value="reads">Sensitive reads</option></select>}</Field>
            <Field label={reads ? 'Reads at most' : 'Runs at most'}>{(p) => <Input {...p} type="number" min={0} value={form.runs} onChange={(e) => set({ runs: e.target.value })} />}</Field>
            <Field label="Within">{(p) => <select {...p} value={form.minutes} onChange={(e) => set({ minutes: Number(e.target.value) })}>{windows.map(([m, t]) => <option key={m} value={m}>{t}</option>)}</select>}</Field>
            {!reads && <Field label="Money at most" help="Counts what inputs state as cost.">{(p) => <Input {...p} type="number" min={0} step="0.01" value={form.amount} onChange={(e) => set({ amount: e.target.value })} />}</Field>}
            {!reads && <Field label="Currency">{(p) => <Input {...p} pattern="[A-Z]{3}" maxLength={3} value={form.currency} onChange={(e) => set({ currency: e.target.value.toUpperCase() })} />}</Field>}
          </div>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={form.reason} onChange={(e) => set({ reason: e.target.value })} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Set</Button></div>
      </form>
    </Dialog>
  );
};
