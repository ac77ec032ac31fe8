import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useClient, useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { Button, Dialog, Empty, Field, Input, Loading, Problem, TextArea } from '../ui/ui';
import { byField, read, type Schema, SchemaForm, type Values } from './schema-form';

const typesDocument = graphql(`query PacketTypes($key: String!) { workspace(key: $key) { id packetTypes { key number title description schema } workflows { key title packetType } } }`);
const createDocument = graphql(`
  mutation CreatePacket($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state } errors { message ... on InvalidInput { faults { path message } } } } }
`);
const createdDocument = graphql(`query CreatedPacket($id: ID!) { node(id: $id) { ... on Run { id state packet { id } } } }`);

/** Begins a packet: a type, a workflow when there are several, and the form that the type's schema makes. */
export const NewPacket = ({ onClose, type, parent }: { onClose: () => void; type?: string; parent?: string }) => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const client = useClient();
  const [{ data, error }] = useQuery({ query: typesDocument, variables: { key: workspace.key } });
  const [, create] = useMutation(createDocument);
  const [chosen, setChosen] = useState(type);
  const [workflow, setWorkflow] = useState('');
  const [title, setTitle] = useState('');
  const [labels, setLabels] = useState('');
  const [reason, setReason] = useState('');
  const [values, setValues] = useState<Values>({});
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const key = useMemo(idempotencyKey, [chosen]);

  const types = data?.workspace?.packetTypes.filter((t) => data.workspace!.workflows.some((w) => w.packetType === t.key)) ?? [];
  const picked = types.find((t) => t.key === chosen) ?? (types.length === 1 ? types[0] : undefined);
  const ways = data?.workspace?.workflows.filter((w) => w.packetType === picked?.key) ?? [];
  const schema = (picked?.schema ?? {}) as Schema;

  const submit = async () => {
    if (!picked) return;
    const { payload, faults: unreadable } = read(schema, values);
    setFaults(unreadable);
    if (Object.keys(unreadable).length) return;
    setBusy(true);
    setProblem(undefined);
    const input = {
      type: picked.key, title, payload, ...(parent ? { parent } : {}), ...(ways.length > 1 ? { workflow } : {}),
      ...(labels.trim() ? { labels: [...new Set(labels.split(',').map((l) => l.trim()).filter(Boolean))] } : {}),
    };
    const { data: sent, error: failed } = await create({ input: { workspaceId: workspace.id, action: 'packet.create', input, reason, idempotencyKey: key } });
    const refusal = sent?.proposeAction.errors[0];
    if (refusal && 'faults' in refusal) {
      const { fields, rest } = byField(schema, refusal.faults, '/payload');
      setFaults(fields);
      setProblem(rest.join('. ') || undefined);
    } else if (failed || refusal) setProblem(refusal?.message ?? 'It did not arrive. Try again.');
    const run = sent?.proposeAction.run;
    if (!run) { setBusy(false); return; }

    // The run takes a moment; whoever waits for a gate is sent to the run instead.
    for (let i = 0; i < 50; i++) {
      const now = await client.query(createdDocument, { id: run.id }, { requestPolicy: 'network-only' });
      const node = now.data?.node;
      if (node && 'state' in node && node.state === 'SUCCEEDED' && node.packet) { navigate(`/w/${workspace.key}/packets/${node.packet.id}`); return; }
      if (node && 'state' in node && !['QUEUED', 'RUNNING'].includes(node.state)) break;
      await new Promise((r) => setTimeout(r, 100));
    }
    navigate(`/w/${workspace.key}/runs/${run.id}`);
  };

  return (
    <Dialog open onClose={onClose} title={parent ? "New part" : "New packet"} lead={parent ? "A piece of work that is a part of this one." : "A piece of work. It starts in the first state of its workflow."}>
      {!data && !error && <div className="p-5"><Loading rows={2} /></div>}
      {error && <div className="p-5"><Problem message="The packet types could not be loaded." /></div>}
      {data && types.length === 0 && <div className="p-5"><Empty icon={null} title="There is no workflow yet">Publish one on the page Workflows; three are ready to begin with.</Empty></div>}
      {types.length > 0 && (
        <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
          <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
            {problem && <Problem message={problem} />}
            {types.length > 1 && (
              <Field label="Type" help={picked?.description ?? undefined}>{(p) => (
                <select {...p} required value={picked?.key ?? ''} onChange={(e) => { setChosen(e.target.value); setValues({}); setFaults({}); }}>
                  <option value="">Choose</option>{types.map((t) => <option key={t.key} value={t.key}>{t.title}</option>)}
                </select>
              )}</Field>
            )}
            {picked && (
              <>
                {ways.length > 1 && <Field label="Workflow">{(p) => <select {...p} required value={workflow} onChange={(e) => setWorkflow(e.target.value)}><option value="">Choose</option>{ways.map((w) => <option key={w.key} value={w.key}>{w.title}</option>)}</select>}</Field>}
                <Field label="Name" help="How people call it in lists.">{(p) => <Input {...p} required maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} />}</Field>
                <SchemaForm schema={schema} values={values} faults={faults} onChange={(v) => { setValues(v); setFaults({}); }} />
                <Field label="Labels (optional)" help="Separated by commas.">{(p) => <Input {...p} value={labels} onChange={(e) => setLabels(e.target.value)} />}</Field>
                <Field label="Reason" help="Why it is needed; receipts show it.">{(p) => <TextArea {...p} rows={2} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
              </>
            )}
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3">
            <Button onClick={onClose}>Back</Button>
            <Button type="submit" look="primary" busy={busy} disabled={!picked}>Create</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
};
