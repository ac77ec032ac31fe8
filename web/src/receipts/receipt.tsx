import { ArrowLeft, CheckCircle2, Download, XCircle } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router';
import { graphql } from '../api/gql';
import type { ReceiptQuery } from '../api/gql/graphql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Button, Card, Loading, PageTitle, Problem, words } from '../ui/ui';
import { climb, type Step } from '../verify/evidence';
import { Keep } from './keep';
import { save } from '../api/download';

const receiptDocument = graphql(`
  query Receipt($id: ID!) {
    node(id: $id) {
      ... on Receipt {
        id kind reasonCode action state step at digest entry undoes fields erased held receiptId proofFile
        actor { name kind } run { id title target }
        inclusion { index size path checkpoint }
      }
    }
  }
`);

type Receipt = Extract<ReceiptQuery['node'], { entry: string }>;

export const ReceiptPage = () => {
  const { id } = useParams();
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(receiptDocument, { id: id! });
  const receipt = data?.node && 'entry' in data.node ? (data.node as Receipt) : undefined;

  return (
    <>
      <Link to={`/w/${workspace.key}/receipts`} className="mb-3 inline-flex items-center gap-1 text-sm text-soft hover:text-ink"><ArrowLeft aria-hidden className="size-4" />Receipts</Link>
      {error && <Problem message="The receipt could not be loaded." retry={again} />}
      {data && !receipt && <Problem message="There is no such receipt here." />}
      {!data && !error && <Loading rows={3} />}
      {receipt && (
        <>
          <PageTitle title={words(receipt.kind.replaceAll('.', ' '))} lead={<>{receipt.actor.name} · {receipt.reasonCode} · <Ago at={receipt.at} /></>}>
            <Keep receipt={receipt} />
            <Button disabled={!receipt.proofFile} onClick={() => save(`receipt-${receipt.digest.slice(0, 8).replaceAll('/', '_')}.tlog-proof`, receipt.proofFile!)}><Download aria-hidden className="size-4" />Proof file</Button>
          </PageTitle>
          <div className="grid gap-5 lg:grid-cols-[1fr_22rem]">
            <div className="min-w-0 space-y-5">
              <Card className="px-5 py-4">
                <h2 className="mb-3 font-medium">What it says</h2>
                <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-5 gap-y-1.5 text-sm">
                  {receipt.run && <><dt className="text-faint">run</dt><dd><Link className="font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/runs/${receipt.run.id}`}>{receipt.run.title}</Link> <span className="text-soft">{receipt.run.target}</span></dd></>}
                  <dt className="text-faint">step</dt><dd>{receipt.step} of its chain, from here on {receipt.state.toLowerCase().replaceAll('_', ' ')}</dd>
                  {receipt.undoes && <><dt className="text-faint">undoes</dt><dd><Link className="font-medium text-accent-text hover:underline" to={`/w/${workspace.key}/receipts/${receipt.undoes}`}>an earlier receipt</Link></dd></>}
                  {Object.entries((receipt.fields ?? {}) as Record<string, unknown>).map(([name, value]) => (
                    <div key={name} className="contents"><dt className="text-faint">{name}</dt><dd className="min-w-0 whitespace-pre-wrap break-words font-mono text-[13px] text-soft">{plain(value)}</dd></div>
                  ))}
                  {receipt.erased.map((name) => <div key={name} className="contents"><dt className="text-faint">{name}</dt><dd className="italic text-faint">erased; the commitment stays in the log</dd></div>)}
                </dl>
                {receipt.held && <p className="mt-3 text-[13px] text-warn">On legal hold: nothing here is erased while it lasts.</p>}
              </Card>
              <Card className="px-5 py-4">
                <h2 className="mb-2 font-medium">As it was recorded</h2>
                <p className="mb-2 text-sm text-soft">The bytes that the log holds. Fields are in it as salted commitments, so that any of them can be shown or kept closed.</p>
                <pre tabIndex={0} aria-label="Entry" className="max-h-72 overflow-auto whitespace-pre-wrap break-all rounded-lg bg-sunken p-3 font-mono text-xs leading-5 text-soft">{JSON.stringify(JSON.parse(receipt.entry), null, 1)}</pre>
              </Card>
            </div>
            <Proof receipt={receipt} />
          </div>
        </>
      )}
    </>
  );
};

/** A field's value for people: an object as its parts, a list as its items. */
const plain = (value: unknown): string =>
  typeof value === 'string' ? value
    : Array.isArray(value) ? value.map(plain).join('\n')
      : value && typeof value === 'object' ? Object.entries(value).map(([name, part]) => `${name} ${typeof part === 'object' ? JSON.stringify(part) : part}`).join(' · ')
        : JSON.stringify(value);

/** The way from the receipt up to the signed root, worked out here and compared. */
const Proof = ({ receipt }: { receipt: Receipt }) => {
  const [steps, setSteps] = useState<Step[]>();
  const inclusion = receipt.inclusion;
  const root = inclusion?.checkpoint.split('\n')[2];
  useEffect(() => {
    if (!inclusion) return;
    let current = true;
    void climb(receipt.entry, Number(inclusion.index), Number(inclusion.size), inclusion.path).then((found) => { if (current) setSteps(found); });
    return () => { current = false; };
  }, [receipt.entry, inclusion]);
  const reached = steps?.at(-1)?.hash === root;

  return (
    <Card className="self-start px-5 py-4">
      <h2 className="font-medium">Proof</h2>
      {!inclusion || !steps ? <p className="mt-1 text-sm text-soft">{inclusion ? 'Working it out…' : 'Not sealed yet; that takes less than a second.'}</p> : (
        <>
          <p className="mt-1 text-sm text-soft">Receipt {Number(inclusion.index) + 1} of {inclusion.size}. {inclusion.path.length === 1 ? 'One step hashes' : `${inclusion.path.length} steps hash`} it with its neighbours up to the root that the log signed.</p>
          <ol className="my-4 flex flex-col-reverse" aria-label="Path to the signed root, from the receipt up">
            {steps.map((step, i) => (
              <li key={i} className="grid grid-cols-[1fr_1.25rem_1fr] items-center font-mono text-[11px]">
                <span className={`truncate pr-1.5 text-right ${step.neighbour && step.left ? 'text-faint' : i === 0 && steps.length > 1 ? 'font-sans text-xs font-medium text-ink' : 'invisible'}`} title={step.neighbour}>{i === 0 && !step.left ? 'this receipt' : step.neighbour?.slice(0, 10)}</span>
                <span aria-hidden className="relative flex h-9 items-center justify-center">
                  {i > 0 && <span className="absolute bottom-0 top-1/2 w-px bg-line-strong" />}
                  {i < steps.length - 1 && <span className="absolute bottom-1/2 top-0 w-px bg-line-strong" />}
                  {step.neighbour && <span className={`absolute top-1/2 h-px w-1/2 bg-line-strong ${step.left ? 'left-0' : 'right-0'}`} />}
                  <span className={`z-10 size-3 rounded-full border-2 ${i === steps.length - 1 ? 'border-good bg-good' : i === 0 ? 'border-accent bg-accent' : 'border-line-strong bg-surface'}`} />
                </span>
                <span className={`truncate pl-1.5 ${step.neighbour && !step.left ? 'text-faint' : i === 0 || i === steps.length - 1 ? 'font-sans text-xs font-medium text-ink' : 'invisible'}`} title={step.neighbour ?? step.hash}>
                  {i === steps.length - 1 ? 'signed root' : i === 0 && step.left ? 'this receipt' : step.neighbour?.slice(0, 10)}
                </span>
              </li>
            ))}
          </ol>
          <p className={`flex items-center gap-2 text-sm ${reached ? 'text-good' : 'text-bad'}`}>{reached ? <CheckCircle2 aria-hidden className="size-4" /> : <XCircle aria-hidden className="size-4" />}{reached ? 'Checked in your browser: it leads to the root.' : 'It does not lead to the root.'}</p>
          <details className="mt-3 text-[13px]"><summary className="cursor-pointer text-soft">Signed checkpoint</summary><pre tabIndex={0} aria-label="Signed checkpoint" className="mt-2 overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs leading-5 text-soft">{inclusion.checkpoint}</pre></details>
          <p className="mt-3 text-[13px] text-faint">Check it anywhere: download the proof file, and drop it on <Link to="/verify" className="underline">the verify page</Link> or run <code className="font-mono">mumega verify</code>.</p>
        </>
      )}
    </Card>
  );
};
