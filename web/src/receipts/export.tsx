import { Download } from 'lucide-react';
import { useRef, useState } from 'react';
import { useClient } from 'urql';
import { graphql } from '../api/gql';
import type { ReceiptFilterInput } from '../api/gql/graphql';
import { useWorkspace } from '../shell/shell';
import { Button, Dialog, Field, Input, Problem } from '../ui/ui';
import { save } from '../api/download';

const checkpointDocument = graphql(`query ExportCheckpoint($key: String!) { workspace(key: $key) { id log { checkpoint { size } } } }`);
const idsDocument = graphql(`
  query ExportIds($key: String!, $after: String, $filter: ReceiptFilterInput, $size: Long) {
    workspace(key: $key) { id receipts(first: 100, after: $after, filter: $filter) { nodes { id inclusion(checkpoint: $size) { index } } pageInfo { hasNextPage endCursor } } }
  }
`);
const evidenceDocument = graphql(`
  query ExportEvidence($key: String!, $ids: [ID!], $open: [String!], $from: Long, $checkpoint: Long) { workspace(key: $key) { id evidence(receipts: $ids, open: $open, from: $from, checkpoint: $checkpoint) } }
`);

// As many as a bundle holds without becoming larger than a verifier reads.
const most = 10_000;

type Bundle = { receipts: { index: number }[] };

/** Takes receipts and their proofs along as one file: those that the list shows, or all of them. */
export const ExportEvidence = ({ filter }: { filter?: ReceiptFilterInput }) => {
  const workspace = useWorkspace();
  const client = useClient();
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const [note, setNote] = useState<string>();
  const [how, setHow] = useState('all');
  const stopped = useRef(false);

  const close = () => { stopped.current = true; setOpen(false); setDone(undefined); };
  const ask = async <D, V extends object>(document: Parameters<typeof client.query<D, V>>[0], variables: V) => {
    const { data, error } = await client.query<D, V>(document, variables as never, { requestPolicy: 'network-only' }).toPromise();
    if (error || !data) throw new Error(error?.graphQLErrors[0]?.message ?? 'The server could not be reached. Nothing was saved; try again.');
    return data;
  };

  const run = async (fields: 'all' | 'none' | string[], from?: number) => {
    stopped.current = false;
    setProblem(undefined);
    setNote(undefined);
    setDone(0);
    try {
      const size = Number((await ask(checkpointDocument, { key: workspace.key })).workspace?.log.checkpoint?.size ?? 0);
      if (size === 0) throw new Error('Nothing is sealed yet; that takes less than a second.');

      let after: string | undefined;
      let bundle: Bundle | undefined;
      for (let more = true; more && (bundle?.receipts.length ?? 0) < most;) {
        const page = (await ask(idsDocument, { key: workspace.key, after, filter, size })).workspace!.receipts;
        const ids = page.nodes.filter((n) => n.inclusion).map((n) => n.id);
        if (ids.length > 0) {
          const part = JSON.parse((await ask(evidenceDocument, { key: workspace.key, ids, open: fields === 'all' ? undefined : fields === 'none' ? [] : fields, from, checkpoint: size })).workspace!.evidence!) as Bundle;
          if (bundle) bundle.receipts.push(...part.receipts); else bundle = part;
        }
        if (stopped.current) return;
        setDone(bundle?.receipts.length ?? 0);
        more = page.pageInfo.hasNextPage;
        after = page.pageInfo.endCursor ?? undefined;
        if (more && (bundle?.receipts.length ?? 0) >= most) setNote(`A file holds at most ${most.toLocaleString('en')} receipts; these are the newest. Narrow the filter for the others.`);
      }
      if (!bundle) throw new Error('No receipt matches.');

      bundle.receipts.sort((a, b) => a.index - b.index);
      save(`evidence-${workspace.key}-${size}.json`, JSON.stringify(bundle));
      setDone(bundle.receipts.length);
      setNote((n) => n ?? `Saved ${bundle.receipts.length} receipts, proven against the checkpoint of ${size}.`);
    } catch (e) {
      setProblem((e as Error).message);
    }
    setDone(undefined);
  };

  const busy = done !== undefined;
  return (
    <>
      <Button onClick={() => { setProblem(undefined); setNote(undefined); setOpen(true); }}><Download aria-hidden className="size-4" />Export evidence</Button>
      <Dialog open={open} onClose={close} title="Export evidence" lead="Receipts with their proofs as one file, which anybody can check on the verify page or with mumega verify.">
        <form onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const earlier = String(form.get('from') ?? '').trim();
          void run(how === 'some' ? String(form.get('names')).split(/[\s,]+/).filter(Boolean) : how === 'none' ? 'none' : 'all', earlier ? Number(earlier) : undefined);
        }}>
          <div className="space-y-4 px-5 py-4">
            {problem && <Problem message={problem} />}
            <p className="text-sm text-soft">{filter ? 'The receipts that the filter lets through.' : 'All receipts of this workspace.'}</p>
            <Field label="Fields" help="What is not opened stays a commitment, and is still proven to be there.">{(p) => <select {...p} value={how} onChange={(e) => setHow(e.target.value)}><option value="all">Open all that you may see</option><option value="some">Open only these</option><option value="none">Open none</option></select>}</Field>
            {how === 'some' && <Field label="Names" help="Separated by spaces, for example action_type target.">{(p) => <Input {...p} name="names" required className={`${p.className} font-mono`} />}</Field>}
            <Field label="Size of an earlier checkpoint (optional)" help="Proves as well that the log goes on from there.">{(p) => <Input {...p} name="from" type="number" min={1} />}</Field>
            <div aria-live="polite" className="min-h-10 text-sm">
              {busy && <><div className="mb-1.5 h-1.5 overflow-hidden rounded-full bg-sunken"><div className="h-full w-1/3 animate-pulse rounded-full bg-accent" style={{ width: `${Math.min(95, 5 + (done / (done + 200)) * 95)}%` }} /></div><span className="text-soft">{done.toLocaleString('en')} receipts so far…</span></>}
              {note && <span className="text-good">{note}</span>}
            </div>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={close}>{busy ? 'Stop' : 'Close'}</Button><Button type="submit" look="primary" busy={busy}>Export</Button></div>
        </form>
      </Dialog>
    </>
  );
};
