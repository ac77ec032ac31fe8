import { useEffect, useRef } from 'react';
import { type AnyVariables, type TypedDocumentNode, useQuery } from 'urql';
import { useLive } from './live';

/** A query that is asked again whenever something happened in the workspace, without the page blinking. */
export const useLiveQuery = <Data, Variables extends AnyVariables>(query: TypedDocumentNode<Data, Variables>, variables: Variables) => {
  const { tick } = useLive();
  const [result, again] = useQuery<Data, Variables>({ query, variables, requestPolicy: 'cache-and-network' } as Parameters<typeof useQuery<Data, Variables>>[0]);
  const seen = useRef(tick);
  useEffect(() => {
    if (seen.current === tick) return;
    seen.current = tick;
    again({ requestPolicy: 'network-only' });
  }, [tick, again]);
  return [result, () => again({ requestPolicy: 'network-only' })] as const;
};
