import { useMemo, useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';

const decideDocument = graphql(`
  mutation Decide($input: DecideApprovalInput!) {
    decideApproval(input: $input) { approval { id state digest run { id state } } errors { code message } }
  }
`);

type Seen = { id: string; digest: string };

/** Deciding on what was seen: the digest goes along, and a stale one is refused in words. */
export const useDecide = () => {
  const [, send] = useMutation(decideDocument);
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<string>();

  return useMemo(() => {
    const decide = async (seen: Seen, verdict: 'APPROVE' | 'REJECT', reason: string | null) => {
      setBusy(seen.id);
      setError(undefined);
      const { data, error: failed } = await send({ input: { approvalId: seen.id, digest: seen.digest, verdict, reason, idempotencyKey: idempotencyKey() } });
      setBusy(undefined);
      const problem = failed ? 'The decision did not arrive. Try again.' : data?.decideApproval.errors[0]?.message;
      setError(problem);
      return !problem;
    };
    return { busy, error, approve: (seen: Seen) => decide(seen, 'APPROVE', null), reject: (seen: Seen, reason: string) => decide(seen, 'REJECT', reason) };
  }, [busy, error, send]);
};
