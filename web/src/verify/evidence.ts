// Checks evidence in the browser: the same steps as `mumega verify`, over WebCrypto. Nothing leaves the page.

export type Result = 'valid' | 'invalid' | 'cannot_tell';
export type Check = { name: string; result: Result; detail: string };
export type View = { index: number; id: string; kind: string; at: string; fields: Record<string, unknown>; closed: number };
export type Report = { result: Result; origin?: string; size?: number; checks: Check[]; receipts: View[] };
export type Trust = { keys: string[]; earlier?: string };

type Receipt = { index: number; entry: string; path: string[]; disclosures: string[] };
type Bundle = { v: string; origin: string; keys: string[]; checkpoint: string; receipts: Receipt[]; growth: { from: number; proof: string[] }[] };
type Key = { name: string; id: string; raw: Uint8Array<ArrayBuffer> };
type Signed = { text: string; signatures: { name: string; id: string; signature: Uint8Array<ArrayBuffer> }[] };
type Checkpoint = { origin: string; size: number; root: Uint8Array<ArrayBuffer> };

const maxBytes = 64 * 1024 * 1024;
const encoder = new TextEncoder();

/** What is not in the form it should be in. */
class FormatError extends Error {}

const base64 = (text: string): Uint8Array<ArrayBuffer> => {
  try {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  } catch { /* said below */ }
  throw new FormatError('something is not base64');
};
const toBase64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));
const fromBase64Url = (text: string) => {
  try { return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)); } catch { throw new FormatError('something is not base64url'); }
};
const toBase64Url = (bytes: Uint8Array) => toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const hex = (bytes: Uint8Array) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((v, i) => v === b[i]);
const join = (...parts: Uint8Array[]) => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
};
const sha256 = async (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const leafHash = (entry: Uint8Array) => sha256(join(Uint8Array.of(0), entry));
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(join(Uint8Array.of(1), left, right));
const hash32 = (text: string) => { const bytes = base64(text); if (bytes.length !== 32) throw new FormatError('a hash does not have 32 bytes'); return bytes; };

// Sizes stay below 2^53; shifts of JavaScript only reach 32 bits.
const half = (n: number) => Math.floor(n / 2);
const odd = (n: number) => n % 2 === 1;

/** RFC 9162 section 2.1.3.2. */
export const verifyInclusion = async (leaf: Uint8Array<ArrayBuffer>, index: number, size: number, path: Uint8Array[], root: Uint8Array) => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || path.length > 63) return false;
  let [fn, sn, r] = [index, size - 1, leaf as Uint8Array];
  for (const p of path) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      r = await nodeHash(p, r);
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else r = await nodeHash(r, p);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && same(r, root);
};

/** A node on the way from a leaf to the root; its neighbour (base64), with which it is hashed into the next. */
export type Step = { hash: string; neighbour?: string; left?: boolean };

/** The way of RFC 9162 section 2.1.3.2 with everything that is met on it; the last step's hash is the root, if the path is right. */
export const climb = async (entry: string, index: number, size: number, path: string[]): Promise<Step[]> => {
  let [fn, sn, r] = [index, size - 1, (await leafHash(encoder.encode(entry))) as Uint8Array];
  const steps: Step[] = [];
  for (const neighbour of path) {
    const left = odd(fn) || fn === sn;
    steps.push({ hash: toBase64(r), neighbour, left });
    r = left ? await nodeHash(hash32(neighbour), r) : await nodeHash(r, hash32(neighbour));
    if (left) while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    [fn, sn] = [half(fn), half(sn)];
  }
  return [...steps, { hash: toBase64(r) }];
};

/** RFC 9162 section 2.1.4.2. */
export const verifyConsistency = async (first: number, second: number, firstRoot: Uint8Array, secondRoot: Uint8Array, proof: Uint8Array[]) => {
  if (first > second || proof.length > 64) return false;
  if (first === second) return proof.length === 0 && same(firstRoot, secondRoot);
  if (first === 0) return proof.length === 0;
  const path = Number.isInteger(Math.log2(first)) ? [firstRoot, ...proof] : [...proof];
  const start = path.shift();
  if (!start) return false;
  let [fn, sn] = [first - 1, second - 1];
  while (odd(fn)) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr]: Uint8Array[] = [start, start];
  for (const c of path) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      [fr, sr] = [await nodeHash(c, fr!), await nodeHash(c, sr!)];
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else sr = await nodeHash(sr!, c);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && same(fr!, firstRoot) && same(sr!, secondRoot);
};

const parseKey = async (vkey: string): Promise<Key> => {
  const m = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey.trim());
  const bytes = m && base64(m[3]!);
  if (!m || !bytes || bytes.length !== 33 || bytes[0] !== 1) throw new FormatError('this is not a verifier key');
  const id = hex((await sha256(join(encoder.encode(m[1]!), Uint8Array.of(10), bytes))).slice(0, 4));
  if (id !== m[2]) throw new FormatError('the key’s id does not belong to the key');
  return { name: m[1]!, id, raw: bytes.slice(1) };
};

const parseNote = (note: string): Signed => {
  const split = note.lastIndexOf('\n\n');
  const lines = split < 0 || !note.endsWith('\n') ? [] : note.slice(split + 2).split('\n').slice(0, -1);
  if (lines.length === 0 || lines.length > 100) throw new FormatError('a note has an empty line between text and signatures');
  return {
    text: note.slice(0, split + 1),
    signatures: lines.map((line) => {
      const m = /^\u2014 ([^\s+]+) (\S+)$/.exec(line);
      const bytes = m && base64(m[2]!);
      if (!m || !bytes || bytes.length < 5) throw new FormatError('this is not a signature line');
      return { name: m[1]!, id: hex(bytes.slice(0, 4)), signature: bytes.slice(4) };
    }),
  };
};

const parseCheckpoint = (text: string): Checkpoint => {
  const lines = text.split('\n');
  const size = Number(lines[1]);
  if (lines.length < 4 || !lines[0] || String(size) !== lines[1] || !Number.isSafeInteger(size) || size < 0) throw new FormatError('a checkpoint has an origin, a size and a root, each on a line');
  return { origin: lines[0], size, root: hash32(lines[2]!) };
};

/** The keys among the known ones that signed; a broken signature of a known key rejects the note. */
const signers = async (note: Signed, known: Key[]) => {
  const found: Key[] = [];
  for (const { name, id, signature } of note.signatures) {
    const key = known.find((k) => k.name === name && k.id === id);
    if (!key) continue;
    const imported = await crypto.subtle.importKey('raw', key.raw, 'Ed25519', false, ['verify']);
    if (signature.length !== 64 || !(await crypto.subtle.verify('Ed25519', imported, signature, encoder.encode(note.text)))) throw new FormatError(`the signature of ${name} is not over this text`);
    found.push(key);
  }
  return found;
};

const canonical = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(canonical).join(',')}]`
  : value !== null && typeof value === 'object' ? `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical((value as Record<string, unknown>)[k])}`).join(',')}}`
  : JSON.stringify(value);

type Entry = { _sd: string[]; _sd_alg: string; action: string; id: string; kind: string; log: string; n: number; prev: string | null; ts: string; v: string };
const parseEntry = (bytes: Uint8Array): Entry | undefined => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const entry = JSON.parse(text) as Entry;
    const texts = [entry._sd_alg, entry.action, entry.id, entry.kind, entry.log, entry.ts, entry.v];
    return bytes.length <= 16384 && canonical(entry) === text && texts.every((t) => typeof t === 'string') && Number.isSafeInteger(entry.n) && entry.n > 0
      && (entry.prev === null || typeof entry.prev === 'string') && Array.isArray(entry._sd) && entry._sd.every((d) => typeof d === 'string') && entry._sd_alg === 'sha-256' ? entry : undefined;
  } catch { return undefined; }
};

const read = (file: Uint8Array): Bundle => {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(file);
  if (!text.startsWith('c2sp.org/tlog-proof@v1\n')) {
    const bundle = JSON.parse(text) as Bundle;
    if (bundle?.v !== 'mumega-evidence/1') throw new FormatError(`the version “${bundle?.v ?? ''}” is not known here`);
    if (![bundle.keys, bundle.receipts, bundle.growth].every(Array.isArray) || typeof bundle.checkpoint !== 'string' || typeof bundle.origin !== 'string') throw new FormatError('a part of the bundle is missing');
    return bundle;
  }
  const [head, checkpoint] = [text.slice(0, text.indexOf('\n\n')), text.slice(text.indexOf('\n\n') + 2)];
  const lines = head.split('\n').slice(1);
  const extra = lines[0]?.startsWith('extra ') ? (JSON.parse(new TextDecoder().decode(base64(lines.shift()!.slice(6)))) as { entry: string; disclosures: string[] }) : undefined;
  const index = /^index (0|[1-9][0-9]*)$/.exec(lines.shift() ?? '');
  if (!extra || !index) throw new FormatError('the proof has no entry or no index');
  return { v: '', origin: parseCheckpoint(parseNote(checkpoint).text).origin, keys: [], checkpoint, receipts: [{ index: Number(index[1]), entry: extra.entry, path: lines, disclosures: extra.disclosures }], growth: [] };
};

/** Checks a file. Trust is what whoever checks knew before: pinned keys, a checkpoint that was kept. */
export const verifyEvidence = async (file: Uint8Array, trust: Trust): Promise<Report> => {
  const checks: Check[] = [];
  const receipts: View[] = [];
  const say = (name: string, result: Result, detail: string) => void checks.push({ name, result, detail });
  const report = (origin?: string, size?: number): Report => ({
    result: checks.some((c) => c.result === 'invalid') ? 'invalid' : checks.some((c) => c.result === 'cannot_tell') ? 'cannot_tell' : 'valid', origin, size, checks, receipts,
  });

  let bundle: Bundle;
  try {
    if (file.length > maxBytes) throw new FormatError(`the file has ${file.length} bytes; at most ${maxBytes} are read`);
    bundle = read(file);
  } catch (e) {
    say('format', 'cannot_tell', `this is neither a proof nor a bundle of evidence: ${(e as Error).message}`);
    return report();
  }

  try {
    const note = parseNote(bundle.checkpoint);
    const now = parseCheckpoint(note.text);
    if (now.origin !== bundle.origin) say('origin', 'invalid', `the checkpoint is of ${now.origin}, the bundle says ${bundle.origin}`);
    const earlier = trust.earlier?.trim() ? parseNote(trust.earlier.endsWith('\n') ? trust.earlier : `${trust.earlier}\n`) : undefined;
    const pinned = (await Promise.all(trust.keys.filter((k) => k.trim()).map(parseKey))).filter((k) => k.name === now.origin);
    const carried = (await Promise.all(bundle.keys.map(parseKey))).filter((k) => k.name === now.origin);
    if (pinned.length > 0) {
      const by = await signers(note, pinned);
      say('signature', by.length > 0 ? 'valid' : 'invalid', by.length > 0 ? `signed with the pinned key of ${now.origin}` : `none of the pinned keys of ${now.origin} signed this`);
    } else if (carried.length > 0 && (await signers(note, carried)).length === 0) say('signature', 'invalid', 'not even the key in the file signed this');
    else if (earlier && carried.length > 0 && (await signers(earlier, carried)).length > 0) say('signature', 'valid', 'signed with the key that signed the earlier checkpoint');
    else say('signature', 'cannot_tell', `no key of ${now.origin} is pinned, so anybody could have signed this`);

    if (earlier) {
      const held = parseCheckpoint(earlier.text);
      const growth = bundle.growth.find((g) => g.from === held.size);
      if (held.origin !== now.origin) say('growth', 'cannot_tell', `the earlier checkpoint is of another log, ${held.origin}`);
      else if (held.size > now.size) say('growth', 'invalid', `the log had ${held.size} receipts before and has ${now.size} now: a tail is gone`);
      else if (held.size === now.size) say('growth', same(held.root, now.root) ? 'valid' : 'invalid', same(held.root, now.root) ? 'the same as the earlier checkpoint' : 'another history of the same size');
      else if (!growth) say('growth', 'cannot_tell', `there is no proof in it that goes on from size ${held.size}`);
      else if (await verifyConsistency(held.size, now.size, held.root, now.root, growth.proof.map(hash32))) say('growth', 'valid', `goes on from the earlier checkpoint of ${held.size}`);
      else say('growth', 'invalid', `does not go on from the earlier checkpoint of ${held.size}: history was rewritten`);
    }

    const steps: { action: string; n: number; prev: string | null; leaf: string; id: string }[] = [];
    for (const receipt of bundle.receipts) {
      const name = `receipt ${receipt.index}`;
      const bytes = base64(receipt.entry);
      const leaf = await leafHash(bytes);
      const entry = parseEntry(bytes);
      if (!(await verifyInclusion(leaf, receipt.index, now.size, receipt.path.map(hash32), now.root))) { say(name, 'invalid', 'is not in the log at that place'); continue; }
      if (!entry) { say(name, 'invalid', 'its entry is not in the form of a receipt'); continue; }
      if (entry.v !== 'mumega-receipt/1') { say(name, 'cannot_tell', `the version “${entry.v}” is not known here`); continue; }
      if (entry.log !== now.origin) { say(name, 'invalid', `was written for another log, ${entry.log}`); continue; }

      const commitments = new Set(entry._sd);
      const fields: Record<string, unknown> = {};
      let problem: string | undefined;
      for (const disclosure of receipt.disclosures) {
        if (!commitments.has(toBase64Url(await sha256(encoder.encode(disclosure))))) { problem = 'a field was opened with another value than it was committed to, or belongs to another receipt'; break; }
        const triple = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64Url(disclosure))) as unknown;
        if (!Array.isArray(triple) || triple.length !== 3 || typeof triple[1] !== 'string' || Object.hasOwn(fields, triple[1])) { problem = 'a field was opened twice, or is not a field'; break; }
        fields[triple[1]] = triple[2];
      }
      if (problem) { say(name, 'invalid', problem); continue; }
      steps.push({ action: entry.action, n: entry.n, prev: entry.prev, leaf: toBase64(leaf), id: entry.id });
      receipts.push({ index: receipt.index, id: entry.id, kind: entry.kind, at: entry.ts, fields, closed: commitments.size - Object.keys(fields).length });
      say(name, 'valid', `${entry.kind}, ${Object.keys(fields).length} field(s) opened`);
    }
    if (bundle.receipts.length === 0) say('receipts', 'cannot_tell', 'there is no receipt in it');
    for (const action of new Set(steps.map((s) => s.action))) {
      const chain = steps.filter((s) => s.action === action).sort((a, b) => a.n - b.n);
      if (new Set(chain.map((s) => s.n)).size !== chain.length) say(`chain ${action}`, 'invalid', 'has a step twice');
      if (chain.some((s) => (s.n === 1) !== (s.prev === null))) say(`chain ${action}`, 'invalid', 'does not begin where it says');
      chain.forEach((s, i) => { const before = chain[i - 1]; if (before && s.n === before.n + 1 && s.prev !== before.leaf) say(`chain ${action}`, 'invalid', `step ${s.n} does not follow step ${before.n}`); });
    }
    if (new Set(steps.map((s) => s.id)).size !== steps.length) say('receipts', 'invalid', 'a receipt is in it twice');
    return report(now.origin, now.size);
  } catch (e) {
    say('format', 'invalid', (e as Error).message);
    return report(bundle.origin);
  }
};
