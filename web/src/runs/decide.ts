import { useMemo, useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';

const decideDocument = graphql(`
  mutation Decide($input: DecideApprovalInput!) {
    decideApproval(input: $input) { approval { id state digest run { id state } } errors { code message } }
  }
`);

const withdrawDocument = graphql(`mutation Withdraw($input: WithdrawDecisionInput!) { withdrawDecision(input: $input) { approval { id state } errors { message } } }`);

type Seen = { id: string; digest: string };

/** Deciding on what was seen: the digest goes along, and a stale one is refused in words. */
export const useDecide = () => {
  const [, send] = useMutation(decideDocument);
  const [, takeBack] = useMutation(withdrawDocument);
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<string>();

  return useMemo(() => {
    const decide = async (seen: Seen, verdict: 'APPROVE' | 'REJECT' | 'REQUEST_CHANGES', reason: string | null, reasonCode: string | null = null) => {
      setBusy(seen.id);
      setError(undefined);
      const { data, error: failed } = await send({ input: { approvalId: seen.id, digest: seen.digest, verdict, reasonCode, reason, idempotencyKey: idempotencyKey() } });
      setBusy(undefined);
      const problem = failed ? 'The decision did not arrive. Try again.' : data?.decideApproval.errors[0]?.message;
      setError(problem);
      return !problem;
    };
    const withdraw = async (approvalId: string, reason: string) => {
      setBusy(approvalId);
      setError(undefined);
      const { data, error: failed } = await takeBack({ input: { approvalId, reason, idempotencyKey: idempotencyKey() } });
      setBusy(undefined);
      const problem = failed ? 'It did not arrive. Try again.' : data?.withdrawDecision.errors[0]?.message;
      setError(problem);
      return !problem;
    };
    return {
      busy, error, withdraw,
      approve: (seen: Seen) => decide(seen, 'APPROVE', null),
      reject: (seen: Seen, reason: string, code?: string) => decide(seen, 'REJECT', reason, code ?? null),
      askChanges: (seen: Seen, reason: string, code?: string) => decide(seen, 'REQUEST_CHANGES', reason, code ?? null),
    };
  }, [busy, error, send, takeBack]);
};
