import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import { idempotencyKey } from '../api/client';
import { useWorkspace } from '../shell/shell';

const proposeDocument = graphql(`
  mutation ProposeHere($input: ProposeActionInput!) { proposeAction(input: $input) { run { id state decision { reason } preflight { checks { passed detail } } } errors { message ... on InvalidInput { faults { path message } } } } }
`);

/** Proposes an action and says why nothing came of it, if so. A run that waits for approval is shown. */
export const usePropose = () => {
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [{ fetching }, propose] = useMutation(proposeDocument);
  const act = async (action: string, input: object, reason: string) => {
    const { data, error } = await propose({ input: { workspaceId: workspace.id, action, input, reason, idempotencyKey: idempotencyKey() } });
    const refusal = data?.proposeAction.errors[0];
    const run = data?.proposeAction.run;
    if (error) return 'It did not arrive. Try again.';
    if (refusal) return 'faults' in refusal ? refusal.faults.map((f) => `${f.path.replace(/^\//, '')} ${f.message}`).join('. ') : refusal.message;
    if (run?.state === 'DENIED') return run.decision.reason;
    if (run?.state === 'PREFLIGHT_FAILED') return run.preflight?.checks.find((c) => !c.passed)?.detail;
    if (run?.state === 'AWAITING_APPROVAL') navigate(`/w/${workspace.key}/runs/${run.id}`);
    return undefined;
  };
  return { act, busy: fetching };
};
