import { Badge, words } from '../ui/ui';

interface Step { transition: string; title: string; actionTitle: string; blast: string; reversibility: string }

/** What a workflow does by itself once a run has succeeded, the nearest first. */
export const SetsOff = ({ steps }: { steps: readonly Step[] }) => (
  <ol className="space-y-1">
    {steps.map((step) => (
      <li key={step.transition} className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span>{step.title}{step.title !== step.actionTitle && `: ${step.actionTitle.toLowerCase()}`}</span>
        {step.blast !== 'LOW' && <Badge tone={step.blast === 'HIGH' ? 'warn' : 'neutral'}>{words(step.blast)} blast</Badge>}
        {step.reversibility !== 'REVERSIBLE' && <Badge tone={step.reversibility === 'IRREVERSIBLE' ? 'warn' : 'neutral'}>{words(step.reversibility)}</Badge>}
      </li>
    ))}
  </ol>
);
