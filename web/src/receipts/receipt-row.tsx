import { useState } from 'react';
import { Link } from 'react-router';
import { useWorkspace } from '../shell/shell';
import { Ago, Badge } from '../ui/ui';

type Row = { id: string; kind: string; reasonCode: string; action: string; state: string; step: number; at: string; digest: string; undoes?: string | null; actor: { name: string; kind: string }; fields?: unknown };

export const kinds = ['proposed', 'decided', 'authorised', 'dispatched', 'outcome.confirmed', 'outcome.failed', 'outcome.unknown', 'reconciled', 'compensated', 'policy.promoted', 'stop', 'disclosed', 'erased', 'log.key'];

const tone = (kind: string) =>
  ['outcome.confirmed', 'compensated', 'policy.promoted'].includes(kind) ? 'good' : kind === 'outcome.failed' ? 'bad' : ['outcome.unknown', 'stop', 'erased'].includes(kind) ? 'warn' : kind === 'proposed' ? 'accent' : kind === 'disclosed' ? 'info' : 'neutral';

export const ReceiptRow = ({ receipt, target, fresh }: { receipt: Row; target?: string; fresh?: boolean }) => {
  const [open, setOpen] = useState(false);
  const workspace = useWorkspace();
  return (
    <div data-receipt={receipt.kind} className={fresh ? 'bg-accent-soft/50' : ''}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex w-full items-center gap-3 px-5 py-2.5 text-left hover:bg-sunken focus-visible:-outline-offset-2">
        <span className="w-7 shrink-0 font-mono text-[13px] text-faint">{receipt.step}</span>
        <span className="w-36 shrink-0 max-sm:w-auto"><Badge tone={tone(receipt.kind)}>{receipt.kind}</Badge></span>
        <span className="min-w-0 flex-1 truncate text-sm"><span className="font-medium">{receipt.actor.name}</span> <span className="text-soft">{receipt.reasonCode}{target ? ` · ${target}` : ''}</span></span>
        <span className="hidden w-28 shrink-0 truncate font-mono text-xs text-faint sm:block" title="Digest of the entry">{receipt.digest.slice(0, 12)}…</span>
        <span className="w-28 shrink-0 text-right text-[13px] text-faint"><Ago at={receipt.at} /></span>
      </button>
      {open && (
        <div className="border-t border-line bg-sunken px-5 py-3 text-[13px]">
          <div className="flex flex-wrap items-start justify-between gap-2">
            <p className="break-all font-mono text-faint">digest {receipt.digest}</p>
            <Link to={`/w/${workspace.key}/receipts/${receipt.id}`} className="font-medium text-accent-text hover:underline">Receipt and proof</Link>
          </div>
          {receipt.undoes && <p className="mt-1 text-soft">Undoes an earlier receipt.</p>}
          {receipt.fields != null && <pre className="mt-2 overflow-x-auto whitespace-pre-wrap break-words font-mono leading-6 text-soft">{JSON.stringify(receipt.fields, null, 2)}</pre>}
        </div>
      )}
    </div>
  );
};
