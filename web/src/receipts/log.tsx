import { CircleAlert, CircleCheck, ShieldAlert, ShieldCheck } from 'lucide-react';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Button, Card, Problem } from '../ui/ui';
import { save } from '../api/download';

const logDocument = graphql(`
  query Log($key: String!) {
    workspace(key: $key) { id log { origin address size waiting frozen keys witnesses { name size at problem } checkpoints(first: 5) { nodes { size root note at cosigners } } } }
  }
`);

/** How the log stands: whether all is sealed, under which keys, and who else has seen it. */
export const LogHealth = () => {
  const workspace = useWorkspace();
  const [{ data }] = useLiveQuery(logDocument, { key: workspace.key });
  const log = data?.workspace?.log;
  const latest = log?.checkpoints.nodes[0];

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
              <dt className="text-faint">Witnesses</dt>
              <dd className="space-y-1">
                {log.witnesses.length === 0 && <span className="text-soft">None cosign this log. Without one, only who keeps a checkpoint can tell if it were set back.</span>}
                {log.witnesses.map((w) => (
                  <div key={w.name} className="flex items-start gap-2">
                    {w.problem ? <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" /> : <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />}
                    <span className="min-w-0"><span className="break-all font-mono text-[13px]">{w.name}</span> <span className="text-soft">{w.problem ?? (w.size == null ? 'has not cosigned yet' : Number(w.size) < Number(log.size) ? `has seen ${w.size} of ${log.size}` : 'has seen all')}</span>{w.at && <span className="text-faint">, last <Ago at={w.at} /></span>}</span>
                  </div>
                ))}
              </dd>
              <dt className="text-faint">Files</dt><dd className="break-all"><a className="font-mono text-[13px] text-accent-text hover:underline" href={`${log.address}/checkpoint`} target="_blank" rel="noreferrer">{log.address}/checkpoint</a></dd>
            </dl>
            {log.checkpoints.nodes.length > 0 && (
              <div className="overflow-x-auto"><table className="w-full min-w-[34rem] text-left text-[13px]">
                <caption className="sr-only">The latest checkpoints</caption>
                <thead className="text-faint"><tr><th className="py-1 pr-4 font-medium">Size</th><th className="py-1 pr-4 font-medium">Root</th><th className="py-1 pr-4 font-medium">Signed</th><th className="py-1 font-medium">Witnesses</th></tr></thead>
                <tbody>{log.checkpoints.nodes.map((c) => <tr key={c.size} className="border-t border-line"><td className="py-1.5 pr-4">{c.size}</td><td className="max-w-56 truncate py-1.5 pr-4 font-mono">{c.root}</td><td className="py-1.5 pr-4"><Ago at={c.at} /></td><td className="py-1.5">{c.cosigners.join(', ') || 'none'}</td></tr>)}</tbody>
              </table></div>
            )}
            <div className="flex flex-wrap gap-2">
              <Button disabled={!latest} onClick={() => save(`checkpoint-${latest!.size}`, latest!.note)}>Keep this checkpoint</Button>
            </div>
          </div>
        )}
      </details>
    </Card>
  );
};
