import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { Button, Dialog, Field, Input, Problem, TextArea } from '../ui/ui';
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

type Property = { type?: string; enum?: string[]; title?: string; description?: string; format?: string; maxLength?: number; minimum?: number };
type Schema = { required?: string[]; properties: Record<string, Property> };

/** A form made from an action's JSON Schema. What the schema refuses comes back under the field it concerns. */
export const ProposeDialog = ({ action, agents, workspace, onClose }: { action: ActionType; agents: Agents; workspace: { id: string; key: string }; onClose: () => void }) => {
  const schema = action.inputSchema as Schema;
  const navigate = useNavigate();
  const [, propose] = useMutation(proposeDocument);
  const [values, setValues] = useState<Record<string, string>>({});
  const [reason, setReason] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const key = useMemo(idempotencyKey, []);

  const { input, unreadable } = useMemo(() => read(schema, values), [schema, values]);
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
    if (refusal && 'faults' in refusal) setFaults(Object.fromEntries(refusal.faults.map((f) => [f.path.replace(/^\//, ''), f.message])));
    else if (error || refusal) setProblem(refusal?.message ?? 'The proposal did not arrive. Try again.');
    else if (data?.proposeAction.run) navigate(`/w/${workspace.key}/runs/${data.proposeAction.run.id}`);
  };

  return (
    <Dialog open onClose={onClose} title={action.title} lead={action.description}>
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4" onBlur={() => setSettled(complete ? input : undefined)}>
          {problem && <Problem message={problem} />}
          {Object.entries(schema.properties).map(([name, property]) => (
            <Field key={name} label={`${property.title ?? name}${schema.required?.includes(name) ? '' : ' (optional)'}`} help={property.description} error={faults[name]}>
              {(p) => {
                const common = { ...p, name, value: values[name] ?? '', required: schema.required?.includes(name), onChange: (e: { target: { value: string } }) => { setValues({ ...values, [name]: e.target.value }); setFaults({}); } };
                if (property.format === 'agent')
                  return <select {...common}><option value="">Choose an agent</option>{agents.map((a) => <option key={a.id} value={a.principalId}>{a.name}{a.active ? '' : ' (suspended)'}</option>)}</select>;
                if (property.enum) return <select {...common}><option value="">{schema.required?.includes(name) ? 'Choose' : 'Not said'}</option>{property.enum.map((o) => <option key={o}>{o}</option>)}</select>;
                if (property.type === 'boolean') return <select {...common}><option value="">Not said</option><option value="true">Yes</option><option value="false">No</option></select>;
                if (property.format === 'markdown') return <TextArea {...common} rows={9} className={`${p.className} font-mono`} />;
                if (property.type === 'string') return <Input {...common} maxLength={property.maxLength} />;
                if (property.type === 'integer') return <Input {...common} type="number" min={property.minimum} />;
                return <TextArea {...common} rows={3} placeholder={property.type === 'object' ? '{ }' : 'JSON, for example "text" or 12'} className={`${p.className} font-mono`} />;
              }}
            </Field>
          ))}
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

const read = (schema: Schema, values: Record<string, string>) => {
  const input: Record<string, unknown> = {};
  const unreadable: Record<string, string> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const text = values[name] ?? '';
    if (text === '') continue;
    if (property.type === 'string' || property.enum) input[name] = text;
    else if (property.type === 'integer') input[name] = Number(text);
    else {
      try { input[name] = JSON.parse(text); } catch { unreadable[name] = 'This is not valid JSON. Text needs quotation marks.'; }
    }
  }
  return { input, unreadable };
};
