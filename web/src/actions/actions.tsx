import { Lock, ShieldCheck, ShieldX } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '../api/gql';
import type { ActionsQuery } from '../api/gql/graphql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Badge, Button, Card, Loading, PageTitle, Problem, words } from '../ui/ui';
import { ProposeDialog } from './propose';

const actionsDocument = graphql(`
  query Actions($key: String!) {
    workspace(key: $key) {
      id
      families { name actions { kind title description blast reversibility inputSchema eligibility { verdict reason remedies policies policyVersion stopped gates { role quorum } } } }
      agents { id principalId name active }
    }
  }
`);

type Workspace = NonNullable<ActionsQuery['workspace']>;
export type ActionType = Workspace['families'][number]['actions'][number];
export type Agents = Workspace['agents'];

export const Actions = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(actionsDocument, { key: workspace.key });
  const [proposing, setProposing] = useState<ActionType>();
  const found = data?.workspace;

  return (
    <>
      <PageTitle title="Actions" lead="What can be done here, and what policy says about you doing it." />
      {error && <Problem message="The catalogue could not be loaded." retry={again} />}
      {!found && !error && <Loading />}
      <div className="space-y-8">
        {found?.families.map((family) => (
          <section key={family.name} aria-labelledby={`family-${family.name}`}>
            <h2 id={`family-${family.name}`} className="mb-2.5 text-[13px] font-semibold uppercase tracking-wider text-faint">{family.name}</h2>
            <div className="grid gap-3 sm:grid-cols-2">
              {family.actions.map((action) => (
                <Card key={action.kind} className="flex flex-col p-5">
                  <div className="flex items-start justify-between gap-3">
                    <h3 className="font-semibold">{action.title}</h3>
                    <Badge tone={action.reversibility === 'IRREVERSIBLE' ? 'warn' : 'neutral'}>{words(action.reversibility)}</Badge>
                  </div>
                  <p className="mt-1 text-sm text-soft">{action.description}</p>
                  <Eligibility of={action.eligibility} />
                  <div className="mt-auto flex items-center justify-between pt-4">
                    <code className="font-mono text-xs text-faint">{action.kind}</code>
                    <Button aria-label={`Propose: ${action.title}`} disabled={action.eligibility.verdict === 'DENY' || !!action.eligibility.stopped} onClick={() => setProposing(action)}>Propose</Button>
                  </div>
                </Card>
              ))}
            </div>
          </section>
        ))}
      </div>
      {proposing && found && <ProposeDialog action={proposing} agents={found.agents} workspace={workspace} onClose={() => setProposing(undefined)} />}
    </>
  );
};

export const Eligibility = ({ of }: { of: { verdict: string; reason: string; remedies: string[]; stopped?: string | null } }) => {
  const [Icon, tint, text] = of.stopped
    ? [ShieldX, 'text-bad', of.stopped]
    : ({ ALLOW: [ShieldCheck, 'text-good', 'You may do this.'], ALLOW_BEHIND_GATES: [Lock, 'text-warn', `Needs approval. ${of.reason}`], DENY: [ShieldX, 'text-bad', `Not for you: ${of.reason}`] } as const)[of.verdict as 'ALLOW'];
  return (
    <div className="mt-3 flex gap-2 text-[13px] leading-5">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${tint}`} />
      <div className="text-soft"><p>{text}</p>{of.remedies.length > 0 && <p className="text-faint">What it takes: {of.remedies.join(' or ')}</p>}</div>
    </div>
  );
};
