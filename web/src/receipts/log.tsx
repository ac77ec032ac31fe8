import { Download, ShieldAlert, ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import { useClient } from 'urql';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Button, Card, Problem } from '../ui/ui';
import { save } from './save';

const logDocument = graphql(`
  query Log($key: String!) {
    workspace(key: $key) { id log { origin address size waiting frozen keys checkpoints(first: 5) { nodes { size root note at cosigners } } } }
  }
`);

const evidenceDocument = graphql(`
  query Evidence($key: String!) { workspace(key: $key) { id evidence } }
`);

/** How the log stands, and the way to take evidence along. */
export const LogHealth = () => {
  const workspace = useWorkspace();
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [{ data }] = useLiveQuery(logDocument, { key: workspace.key });
  const log = data?.workspace?.log;
  const latest = log?.checkpoints.nodes[0];

  const exportEvidence = async () => {
    setBusy(true);
    setProblem(undefined);
    const { data: found, error } = await client.query(evidenceDocument, { key: workspace.key }, { requestPolicy: 'network-only' }).toPromise();
    setBusy(false);
    if (error || !found?.workspace?.evidence) setProblem('The evidence could not be put together. Try again.');
    else save(`evidence-${workspace.key}-${latest?.size ?? 0}.json`, found.workspace.evidence);
  };

  return (
    <Card className="mb-5">
      {log?.frozen && <div className="p-3"><Problem message={`The log is frozen and signs nothing: ${log.frozen} Work goes on and leaves receipts. Look into it before anything else.`} /></div>}
      <details>
        <summary className="flex min-h-14 cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 px-5 py-3 text-sm">
          {log?.frozen ? <ShieldAlert aria-hidden className="size-4 text-bad" /> : <ShieldCheck aria-hidden className="size-4 text-good" />}
          <span className="font-medium">{!log ? 'Looking at the log…' : log.frozen ? 'Frozen' : Number(log.waiting) > 0 ? `Sealing ${log.waiting}` : 'All sealed'}</span>
          {log && <span className="text-soft">{log.size} receipt{Number(log.size) === 1 ? '' : 's'} of this tenant in the log</span>}
          {latest && <span className="text-faint">last checkpoint <Ago at={latest.at} /></span>}
        </summary>
        {log && (
          <div className="space-y-4 border-t border-line px-5 py-4 text-sm">
            <p className="max-w-2xl text-soft">Every receipt is a leaf of a transparency log. Whoever keeps a checkpoint can show it if anything before it was ever changed. Give partners the key out of band.</p>
            <dl className="grid grid-cols-[minmax(5rem,auto)_1fr] gap-x-4 gap-y-1.5">
              <dt className="text-faint">Log</dt><dd className="break-all font-mono text-[13px]">{log.origin}</dd>
              <dt className="text-faint">Keys</dt><dd className="space-y-1">{log.keys.map((k) => <div key={k} className="break-all font-mono text-[13px]">{k}</div>)}</dd>
              <dt className="text-faint">Files</dt><dd className="break-all"><a className="font-mono text-[13px] text-accent-text hover:underline" href={`${log.address}/checkpoint`} target="_blank" rel="noreferrer">{log.address}/checkpoint</a></dd>
            </dl>
            {log.checkpoints.nodes.length > 0 && (
              <div className="overflow-x-auto"><table className="w-full min-w-[34rem] text-left text-[13px]">
                <caption className="sr-only">The latest checkpoints</caption>
                <thead className="text-faint"><tr><th className="py-1 pr-4 font-medium">Size</th><th className="py-1 pr-4 font-medium">Root</th><th className="py-1 pr-4 font-medium">Signed</th><th className="py-1 font-medium">Witnesses</th></tr></thead>
                <tbody>{log.checkpoints.nodes.map((c) => <tr key={c.size} className="border-t border-line"><td className="py-1.5 pr-4">{c.size}</td><td className="max-w-56 truncate py-1.5 pr-4 font-mono">{c.root}</td><td className="py-1.5 pr-4"><Ago at={c.at} /></td><td className="py-1.5">{c.cosigners.join(', ') || 'none'}</td></tr>)}</tbody>
              </table></div>
            )}
            {problem && <Problem message={problem} />}
            <div className="flex flex-wrap gap-2">
              <Button busy={busy} disabled={!latest} onClick={() => void exportEvidence()}><Download aria-hidden className="size-4" />Evidence of the newest 100</Button>
              <Button disabled={!latest} onClick={() => save(`checkpoint-${latest!.size}`, latest!.note)}>Keep this checkpoint</Button>
            </div>
          </div>
        )}
      </details>
    </Card>
  );
};
