import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { byField, read, type Schema, SchemaForm, type Values } from '../packets/schema-form';
import { Button, Dialog, Field, Problem, TextArea } from '../ui/ui';
import { type ActionType, type Agents, Eligibility } from './actions';

const proposeDocument = graphql(`
  mutation Propose($input: ProposeActionInput!) {
    proposeAction(input: $input) { run { id state } errors { code message ... on InvalidInput { faults { path message } } } }
  }
`);

const eligibilityDocument = graphql(`
  query Eligible($key: String!, $action: String!, $input: JSON!) {
    workspace(key: $key) { id eligibility(action: $action, input: $input) { verdict reason remedies stopped preflight { passed checks { name passed detail } preview { summary } rollbackPlan } } }
  }
`);

/** A form made from an action's JSON Schema. What the schema refuses comes back under the field it concerns. */
export const ProposeDialog = ({ action, agents, workspace, onClose }: { action: ActionType; agents: Agents; workspace: { id: string; key: string }; onClose: () => void }) => {
  const schema = action.inputSchema as Schema;
  const navigate = useNavigate();
  const [, propose] = useMutation(proposeDocument);
  const [values, setValues] = useState<Values>({});
  const [reason, setReason] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const key = useMemo(idempotencyKey, []);

  const { payload: input, faults: unreadable } = useMemo(() => read(schema, values), [schema, values]);
  const complete = Object.keys(unreadable).length === 0 && (schema.required ?? []).every((name) => name in input);
  const [settled, setSettled] = useState<typeof input>();
  const [{ data: preview }] = useQuery({ query: eligibilityDocument, variables: { key: workspace.key, action: action.kind, input: settled ?? {} }, pause: !settled, requestPolicy: 'network-only' });
  const answer = settled ? preview?.workspace?.eligibility : undefined;

  const submit = async () => {
    setFaults(unreadable);
    if (Object.keys(unreadable).length) return;
    setBusy(true);
    setProblem(undefined);
    const { data, error } = await propose({ input: { workspaceId: workspace.id, action: action.kind, input, reason, idempotencyKey: key } });
    setBusy(false);
    const refusal = data?.proposeAction.errors[0];
    if (refusal && 'faults' in refusal) {
      const { fields, rest } = byField(schema, refusal.faults, '');
      setFaults(fields);
      setProblem(rest.join('. ') || undefined);
    } else if (error || refusal) setProblem(refusal?.message ?? 'The proposal did not arrive. Try again.');
    else if (data?.proposeAction.run) navigate(`/w/${workspace.key}/runs/${data.proposeAction.run.id}`);
  };

  return (
    <Dialog open onClose={onClose} title={action.title} lead={action.description}>
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4" onBlur={() => setSettled(complete ? input : undefined)}>
          {problem && <Problem message={problem} />}
          <SchemaForm schema={schema} values={values} faults={faults} onChange={(v) => { setValues(v); setFaults({}); }} choices={(property) => (property.format !== 'agent' ? undefined
            : { none: 'Choose an agent', options: agents.map((x) => ({ value: x.principalId, label: `${x.name}${x.active ? '' : ' (suspended)'}` })) })} />
          <Field label="Reason" help="Why you want this; approvers and receipts show it.">{(p) => <TextArea {...p} rows={2} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
          {answer && (
            <div className="rounded-xl bg-sunken px-4 pb-3 text-sm" aria-live="polite">
              <Eligibility of={answer} />
              {answer.preflight && <ul className="mt-2 space-y-1 text-[13px] text-soft">{answer.preflight.checks.filter((c) => !c.passed).map((c) => <li key={c.name} className="text-bad">{c.detail}</li>)}<li>{answer.preflight.preview.summary}</li></ul>}
            </div>
          )}
        </div>
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3">
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" busy={busy}>Propose</Button>
        </div>
      </form>
    </Dialog>
  );
};
