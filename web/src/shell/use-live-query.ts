import { useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import { type AnyVariables, type TypedDocumentNode, useClient, useQuery } from 'urql';
import { useLive } from './live';

/**
 * A query that is asked again whenever something happened in the workspace, without the page blinking. One request at a time: of two at once the
 * older answer could arrive last, and stay.
 */
export const useLiveQuery = <Data, Variables extends AnyVariables>(query: TypedDocumentNode<Data, Variables>, variables: Variables) => {
  const { tick } = useLive();
  const client = useClient();
  const [result] = useQuery<Data, Variables>({ query, variables, requestPolicy: 'cache-and-network' } as Parameters<typeof useQuery<Data, Variables>>[0]);
  const loading = result.fetching || result.stale;
  const now = useRef({ variables, loading });
  const wanted = useRef(false);
  const busy = useRef(false);
  useLayoutEffect(() => { now.current = { variables, loading }; });

  const again = useCallback(async () => {
    wanted.current = true;
    if (busy.current || now.current.loading) return;
    busy.current = true;
    try {
      while (wanted.current) {
        wanted.current = false;
        await client.query(query, now.current.variables, { requestPolicy: 'network-only' }).toPromise();
      }
    } finally {
      busy.current = false;
    }
  }, [client, query]);

  // What happened while an answer was on its way is asked for when it is there.
  useEffect(() => { if (!loading && wanted.current) void again(); }, [loading, again]);
  const seen = useRef(tick);
  useEffect(() => {
    if (seen.current === tick) return;
    seen.current = tick;
    void again();
  }, [tick, again]);
  return [result, () => void again()] as const;
};
