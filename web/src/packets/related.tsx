import { Link2, Plus, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';
import { Badge, Button, Dialog, Field, Input, Panel, Problem } from '../ui/ui';
import { NewPacket } from './new-packet';
import { PacketState } from './packets';

const searchDocument = graphql(`query SearchPackets($key: String!, $text: String!) { workspace(key: $key) { id packets(first: 8, filter: { text: $text }) { nodes { id packetId title state closed } } } }`);
const relateDocument = graphql(`
  mutation RelatePacket($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state decision { reason } preflight { checks { passed detail } } } errors { message ... on InvalidInput { faults { path message } } } } }
`);

type Other = { id: string; packetId: string; title: string };
export type Relations = {
  packetId: string; version: number; parent?: Other | null;
  children: { id: string; title: string; state: string; closed: boolean; workflow: { document: unknown } }[];
  links: { kind: string; packet?: Other | null }[];
};

const kinds = ['relates to', 'blocks', 'is blocked by', 'duplicates', 'follows from'];
const link = 'inline-flex items-center gap-1 text-[13px] font-medium text-accent-text hover:underline';

/** Proposes an edit of what a packet belongs to; the message when it was refused. */
const useRelate = (packet: Relations, again: () => void) => {
  const workspace = useWorkspace();
  const [{ fetching }, relate] = useMutation(relateDocument);
  const save = async (change: object, reason: string) => {
    const { data, error } = await relate({ input: { workspaceId: workspace.id, action: 'packet.edit', input: { packet: packet.packetId, version: packet.version, ...change }, reason, idempotencyKey: idempotencyKey() } });
    const refusal = data?.proposeAction.errors[0];
    const run = data?.proposeAction.run;
    again();
    if (error) return 'It did not arrive. Try again.';
    if (refusal) return 'faults' in refusal ? refusal.faults.map((f) => f.message).join('. ') : refusal.message;
    return run && ['DENIED', 'PREFLIGHT_FAILED'].includes(run.state) ? run.preflight?.checks.find((c) => !c.passed)?.detail ?? run.decision.reason : undefined;
  };
  return { save, busy: fetching };
};

const asInput = (links: Relations['links']) => links.filter((l) => l.packet).map((l) => ({ kind: l.kind, packet: l.packet!.packetId }));

/** What a packet is a part of, its own parts, and what it has to do with. */
export const Related = ({ packet, editable, again }: { packet: Relations; editable: boolean; again: () => void }) => {
  const workspace = useWorkspace();
  const { save, busy } = useRelate(packet, again);
  const [linking, setLinking] = useState(false);
  const [adding, setAdding] = useState(false);
  const [problem, setProblem] = useState<string>();
  const to = (id: string) => `/w/${workspace.key}/packets/${id}`;
  const remove = async (change: object, reason: string) => setProblem(await save(change, reason));
  const nothing = !packet.parent && packet.children.length === 0 && packet.links.length === 0;
  return (
    <Panel title="Belongs together" action={(
      <span className="flex gap-4">
        <button type="button" className={link} onClick={() => setAdding(true)}><Plus aria-hidden className="size-3.5" />Part</button>
        {editable && <button type="button" className={link} onClick={() => setLinking(true)}><Link2 aria-hidden className="size-3.5" />Link</button>}
      </span>
    )}>
      {problem && <div className="mb-3"><Problem message={problem} /></div>}
      {nothing && <p className="text-sm text-soft">It stands alone: no parts, no links.</p>}
      <ul className="space-y-1.5 text-sm">
        {packet.parent && <Row kind="part of" other={packet.parent} to={to} remove={editable ? () => void remove({ parent: null }, `No part of ${packet.parent!.title} any more.`) : undefined} busy={busy} />}
        {packet.links.map((l, i) => l.packet && (
          <Row key={`${l.kind}/${l.packet.id}`} kind={l.kind} other={l.packet} to={to} busy={busy} remove={editable ? () => void remove({ links: asInput(packet.links.filter((_, n) => n !== i)) }, `The link to ${l.packet!.title} does not hold.`) : undefined} />
        ))}
      </ul>
      {packet.children.length > 0 && (
        <>
          <h3 className={`mb-1.5 text-[13px] text-faint ${packet.parent || packet.links.length ? 'mt-4' : ''}`}>Parts, {packet.children.filter((c) => c.closed).length} of {packet.children.length} closed</h3>
          <ul className="space-y-1.5 text-sm">
            {packet.children.map((c) => <li key={c.id} className="flex items-center gap-2"><Link className="min-w-0 flex-1 truncate font-medium hover:underline" to={to(c.id)}>{c.title}</Link><PacketState document={c.workflow.document as Parameters<typeof PacketState>[0]['document']} state={c.state} closed={c.closed} /></li>)}
          </ul>
        </>
      )}
      {linking && <LinkDialog packet={packet} again={again} onClose={() => setLinking(false)} />}
      {adding && <NewPacket parent={packet.packetId} onClose={() => { setAdding(false); again(); }} />}
    </Panel>
  );
};

const Row = ({ kind, other, to, remove, busy }: { kind: string; other: Other; to: (id: string) => string; remove?: () => void; busy: boolean }) => (
  <li className="flex items-center gap-2">
    <span className="shrink-0 text-soft">{kind}</span>
    <Link className="min-w-0 flex-1 truncate font-medium hover:underline" to={to(other.id)}>{other.title}</Link>
    {remove && <button type="button" disabled={busy} aria-label={`Remove: ${kind} ${other.title}`} className="rounded-md p-1 text-faint hover:bg-sunken hover:text-ink" onClick={remove}><X className="size-4" /></button>}
  </li>
);

const LinkDialog = ({ packet, again, onClose }: { packet: Relations; again: () => void; onClose: () => void }) => {
  const workspace = useWorkspace();
  const { save, busy } = useRelate(packet, again);
  const [kind, setKind] = useState(kinds[0]!);
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const [chosen, setChosen] = useState<Other>();
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string>();
  useEffect(() => { const wait = setTimeout(() => setAsked(text.trim()), 250); return () => clearTimeout(wait); }, [text]);
  const [{ data }] = useQuery({ query: searchDocument, variables: { key: workspace.key, text: asked }, pause: asked.length < 2 });
  const found = asked.length < 2 ? undefined : data?.workspace?.packets.nodes.filter((p) => p.packetId !== packet.packetId);

  const submit = async () => {
    if (!chosen) { setProblem('Choose a packet first.'); return; }
    const change = kind === 'part of' ? { parent: chosen.packetId } : { links: [...asInput(packet.links), { kind, packet: chosen.packetId }] };
    const refused = await save(change, reason);
    setProblem(refused);
    if (!refused) onClose();
  };

  return (
    <Dialog open onClose={onClose} title="Link to another packet">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="This packet">{(p) => <select {...p} value={kind} onChange={(e) => setKind(e.target.value)}>{[...kinds, 'part of'].map((k) => <option key={k} value={k}>{k === 'part of' ? 'is a part of' : k}</option>)}</select>}</Field>
          {chosen ? (
            <p className="flex items-center gap-2 text-sm"><span className="min-w-0 flex-1 truncate font-medium">{chosen.title}</span><Button className="h-8" onClick={() => setChosen(undefined)}>Another</Button></p>
          ) : (
            <div>
              <Field label="Packet" help="Part of its name, two letters at least.">{(p) => <Input {...p} type="search" autoComplete="off" value={text} onChange={(e) => setText(e.target.value)} />}</Field>
              <ul className="mt-2 space-y-1" aria-label="Packets found">
                {found?.map((p) => <li key={p.id}><button type="button" className="flex w-full items-center gap-3 rounded-lg border border-line px-3 py-2 text-left text-sm hover:border-line-strong hover:bg-sunken" onClick={() => { setChosen(p); setProblem(undefined); }}><span className="min-w-0 flex-1 truncate font-medium">{p.title}</span><Badge>{p.state}</Badge></button></li>)}
                {found?.length === 0 && <li className="text-sm text-soft">No packet is called like that.</li>}
              </ul>
            </div>
          )}
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy} disabled={!chosen}>Link</Button></div>
      </form>
    </Dialog>
  );
};
