/** Which lines went and came between two texts, by their longest common subsequence. */
export const diffLines = (before: string, after: string): { kind: 'same' | 'gone' | 'new'; text: string }[] => {
  const a = before.split('\n');
  const b = after.split('\n');
  if (a.length * b.length > 4_000_000) return [...a.map((text) => ({ kind: 'gone' as const, text })), ...b.map((text) => ({ kind: 'new' as const, text }))];

  const length = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);

  const lines: { kind: 'same' | 'gone' | 'new'; text: string }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push({ kind: 'same', text: a[i]! }); i++; j++; }
    else if (j < b.length && (i === a.length || length[i]![j + 1]! > length[i + 1]![j]!)) lines.push({ kind: 'new', text: b[j++]! });
    else lines.push({ kind: 'gone', text: a[i++]! });
  }
  return lines;
};

type Shown = ReturnType<typeof diffLines>[number] | { kind: 'left out'; text: string };

/** Leaves out long stretches that stay the same, but for three lines around each change. */
const nearChanges = (lines: ReturnType<typeof diffLines>): Shown[] => {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, i) => { if (line.kind !== 'same') near.fill(1, Math.max(0, i - 3), i + 4); });
  if (!near.includes(1)) return lines;
  const shown: Shown[] = [];
  for (let i = 0; i < lines.length;) {
    let end = i;
    while (end < lines.length && !near[end]) end++;
    if (end - i > 3) { shown.push({ kind: 'left out', text: `${end - i} lines stay as they are` }); i = end; }
    else shown.push(lines[i++]!);
  }
  return shown;
};

// Text that turns its direction around or hides in no width must not pass as what it is not.
const visible = (text: string) => text.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const look = { 'left out': 'my-1 border-y border-line py-0.5 text-faint', same: 'text-soft', gone: 'bg-bad-soft text-bad', new: 'bg-good-soft text-good' };
const sign = { 'left out': '⋯', same: ' ', gone: '−', new: '+' };

export const Diff = ({ before, after }: { before?: string | null; after?: string | null }) => {
  const lines: Shown[] = before == null || after == null
    ? (after ?? before ?? '').split('\n').map((text) => ({ kind: after == null ? ('gone' as const) : ('same' as const), text }))
    : nearChanges(diffLines(before, after));
  return (
    <div tabIndex={0} role="region" aria-label="What changes" className="max-h-[26rem] overflow-auto rounded-lg border border-line bg-sunken py-2 font-mono text-[13px] leading-6">
      {lines.map((line, i) => (
        <div key={i} className={`flex whitespace-pre-wrap break-words px-3 ${look[line.kind]}`}>
          <span aria-hidden className="w-5 shrink-0 select-none opacity-70">{sign[line.kind]}</span>
          <span className="min-w-0">{visible(line.text) || ' '}</span>
        </div>
      ))}
    </div>
  );
};

/** The same beside each other, line by line. */
export const SideBySide = ({ before, after }: { before?: string | null; after?: string | null }) => {
  const lines = diffLines(before ?? '', after ?? '');
  const rows: { left?: string; right?: string; kind: 'same' | 'changed' | 'left out' }[] = [];
  for (const line of nearChanges(lines)) {
    if (line.kind === 'left out') rows.push({ left: line.text, right: line.text, kind: 'left out' });
    else if (line.kind === 'same') rows.push({ left: line.text, right: line.text, kind: 'same' });
    else if (line.kind === 'gone') rows.push({ left: line.text, kind: 'changed' });
    else {
      const beside = rows.find((r, i) => r.kind === 'changed' && r.right === undefined && rows.slice(i).every((x) => x.kind === 'changed'));
      if (beside) beside.right = line.text; else rows.push({ right: line.text, kind: 'changed' });
    }
  }
  return (
    <div tabIndex={0} role="region" aria-label="Before and after" className="max-h-[26rem] overflow-auto rounded-lg border border-line bg-sunken font-mono text-[13px] leading-6">
      <table className="w-full table-fixed border-collapse">
        <thead><tr className="sticky top-0 bg-surface text-left font-sans text-xs text-faint"><th scope="col" className="w-1/2 border-b border-r border-line px-3 py-1.5 font-medium">Before</th><th scope="col" className="border-b border-line px-3 py-1.5 font-medium">After</th></tr></thead>
        <tbody>
          {rows.map((r, i) => (
            <tr key={i} className="align-top">
              {([['left', 'bg-bad-soft text-bad'], ['right', 'bg-good-soft text-good']] as const).map(([side, tint]) => (
                <td key={side} className={`whitespace-pre-wrap break-words px-3 ${side === 'left' ? 'border-r border-line' : ''} ${r.kind === 'left out' ? 'text-faint' : r.kind === 'same' ? 'text-soft' : r[side] === undefined ? '' : tint}`}>
                  {r.kind === 'changed' && r[side] !== undefined && <span className="sr-only">{side === 'left' ? 'Gone: ' : 'New: '}</span>}{visible(r[side] ?? '') || '\u00a0'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};
