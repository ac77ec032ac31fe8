import { CheckCircle2, CircleHelp, FileUp, XCircle } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { Card, Field, Input, TextArea } from '../ui/ui';
import { type Report, type Result, verifyEvidence } from './evidence';

const verdicts: Record<Result, { title: string; text: string; look: string }> = {
  valid: { title: 'Valid', text: 'The receipts are in the log, the log is signed by the key that you trust, and the opened fields are the ones that were recorded.', look: 'border-good/30 bg-good-soft text-good' },
  invalid: { title: 'Invalid', text: 'This is not what it says it is. What failed is listed below.', look: 'border-bad/30 bg-bad-soft text-bad' },
  cannot_tell: { title: 'Can’t tell', text: 'Something is missing that would tell. What is missing is listed below.', look: 'border-warn/30 bg-warn-soft text-warn' },
};
const icons = { valid: CheckCircle2, invalid: XCircle, cannot_tell: CircleHelp };
const colours = { valid: 'text-good', invalid: 'text-bad', cannot_tell: 'text-warn' };

/** Checks receipts for anybody, signed in or not. The file never leaves the browser. */
export const VerifyPage = () => {
  const [file, setFile] = useState<{ name: string; bytes: Uint8Array }>();
  const [keys, setKeys] = useState('');
  const [earlier, setEarlier] = useState('');
  const [report, setReport] = useState<Report>();
  const [over, setOver] = useState(false);
  const [trust, setTrust] = useState(false);

  useEffect(() => { document.title = 'Verify a receipt · Mumega'; }, []);
  useEffect(() => {
    if (!file) return;
    let current = true;
    void verifyEvidence(file.bytes, { keys: keys.split('\n'), earlier }).then((found) => { if (current) { setReport(found); if (found.result === 'cannot_tell') setTrust(true); } });
    return () => { current = false; };
  }, [file, keys, earlier]);

  const take = useCallback(async (files: FileList | null) => {
    const chosen = files?.[0];
    if (!chosen) return;
    // What is too large is refused by its size alone.
    setFile({ name: chosen.name, bytes: chosen.size > 64 * 1024 * 1024 ? new Uint8Array(64 * 1024 * 1024 + 1) : new Uint8Array(await chosen.arrayBuffer()) });
  }, []);

  const verdict = report && verdicts[report.result];
  const VerdictIcon = report && icons[report.result];
  return (
    <main className="mx-auto max-w-3xl px-5 py-12">
      <div className="mb-8 flex items-center gap-3"><img src="/mark.svg" alt="" className="size-9" /><div><h1 className="text-[1.6rem] font-semibold leading-tight tracking-tight">Verify a receipt</h1><p className="text-soft">Everything happens in this page. The file is not sent anywhere.</p></div></div>

      <label onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={(e) => { e.preventDefault(); setOver(false); void take(e.dataTransfer.files); }}
        className={`flex cursor-pointer flex-col items-center rounded-xl border-2 border-dashed px-6 py-10 text-center focus-within:outline-2 focus-within:outline-accent ${over ? 'border-accent bg-accent-soft' : 'border-line-strong bg-surface hover:bg-sunken'}`}>
        <FileUp aria-hidden className="mb-2 size-6 text-faint" />
        <span className="font-medium">{file ? file.name : 'Drop a file here, or choose one'}</span>
        <span className="mt-1 text-sm text-soft">A receipt (.tlog-proof) or a bundle of evidence (.json), up to 64 MB</span>
        <input type="file" aria-label="Receipt or bundle of evidence" className="sr-only" onChange={(e) => void take(e.target.files)} />
      </label>

      <details className="mt-4 rounded-xl border border-line bg-surface" open={trust} onToggle={(e) => setTrust(e.currentTarget.open)}>
        <summary className="cursor-pointer px-5 py-3 text-sm font-medium">What you already trust</summary>
        <div className="space-y-4 border-t border-line px-5 py-4">
          <Field label="Verifier key of the log" help="The one that you pinned when you began to work together. One a line.">{(p) => keys.includes('\n') ? <TextArea {...p} rows={3} className={`${p.className} font-mono`} value={keys} onChange={(e) => setKeys(e.target.value)} /> : <Input {...p} className={`${p.className} font-mono`} spellCheck={false} value={keys} onChange={(e) => setKeys(e.target.value)} />}</Field>
          <Field label="A checkpoint that you kept (optional)" help="Shows whether a tail was removed or history rewritten since.">{(p) => <TextArea {...p} rows={5} className={`${p.className} font-mono`} spellCheck={false} value={earlier} onChange={(e) => setEarlier(e.target.value)} />}</Field>
        </div>
      </details>

      <div aria-live="polite" className="mt-6 space-y-4">
        {report && verdict && VerdictIcon && (
          <>
            <div className={`flex gap-3 rounded-xl border px-5 py-4 ${verdict.look}`}><VerdictIcon aria-hidden className="mt-0.5 size-5 shrink-0" /><div><h2 className="font-semibold">{verdict.title}</h2><p className="text-sm">{verdict.text}</p></div></div>
            <Card><ul className="divide-y divide-line">
              {report.checks.map((c, i) => { const Icon = icons[c.result]; return <li key={i} className="flex gap-3 px-5 py-2.5 text-sm"><Icon aria-label={c.result.replace('_', ' ')} className={`mt-0.5 size-4 shrink-0 ${colours[c.result]}`} /><span className="w-28 shrink-0 font-medium">{c.name}</span><span className="min-w-0 break-words text-soft">{c.detail}</span></li>; })}
            </ul></Card>
            {report.receipts.map((r) => (
              <Card key={r.index} className="px-5 py-4">
                <h3 className="font-medium">{r.kind}</h3>
                <p className="break-all text-[13px] text-faint">{r.at} · {r.id}</p>
                <dl className="mt-3 grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-4 gap-y-1 text-[13px]">
                  {Object.entries(r.fields).map(([name, value]) => <div key={name} className="contents"><dt className="text-faint">{name}</dt><dd className="min-w-0 break-words font-mono text-soft">{typeof value === 'string' ? value : JSON.stringify(value)}</dd></div>)}
                </dl>
                {r.closed > 0 && <p className="mt-2 text-[13px] text-faint">{r.closed} commitment(s) stay closed.</p>}
              </Card>
            ))}
            {report.result === 'valid' && <p className="text-[13px] text-faint">Not shown by this: whether the world is as the receipts say, and whether something happened that has no receipt.</p>}
          </>
        )}
      </div>
    </main>
  );
};
