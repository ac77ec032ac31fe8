import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import { useSubscription } from 'urql';
import { graphql } from '../api/gql';
import type { LiveReceiptsSubscription } from '../api/gql/graphql';

const receiptsDocument = graphql(`
  subscription LiveReceipts($workspace: ID!, $after: String) {
    receiptAppended(workspace: $workspace, after: $after) {
      cursor
      node { id kind reasonCode action state step at digest actor { name kind } run { id title target state } }
    }
  }
`);

export type LiveReceipt = LiveReceiptsSubscription['receiptAppended'];

const Context = createContext<{ tick: number; recent: LiveReceipt[]; connected: boolean }>({ tick: 0, recent: [], connected: false });

/** What arrives while the page is open: a counter that moves with every change, and the newest receipts. */
export const useLive = () => useContext(Context);

export const Live = ({ workspace, children }: { workspace: string; children: ReactNode }) => {
  const [recent, setRecent] = useState<LiveReceipt[]>([]);
  const [tick, setTick] = useState(0);
  const [connected, setConnected] = useState(false);
  const [after, setAfter] = useState<string>();
  const last = useRef<string>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useSubscription({ query: receiptsDocument, variables: { workspace, after: after ?? null } }, (_, data) => {
    const edge = data.receiptAppended;
    last.current = edge.cursor;
    setRecent((now) => (now.some((r) => r.cursor === edge.cursor) ? now : [edge, ...now].slice(0, 100)));
    // A burst of receipts is one change to look at.
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTick((n) => n + 1), 40);
    return data;
  });

  useEffect(() => {
    const up = () => { setConnected(true); setTick((n) => n + 1); };
    const down = () => { setConnected(false); setAfter(last.current); };
    addEventListener('live:connected', up);
    addEventListener('live:closed', down);
    return () => { removeEventListener('live:connected', up); removeEventListener('live:closed', down); };
  }, []);

  return <Context value={{ tick, recent, connected }}>{children}</Context>;
};
