import { Bot, KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { useMutation } from 'urql';
import { graphql } from '../api/gql';
import type { AgentsQuery } from '../api/gql/graphql';
import { usePropose } from '../actions/use-propose';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Button, Card, Dialog, Empty, Field, Input, Loading, PageTitle, Problem, ReasonDialog, TextArea, words } from '../ui/ui';

const agentsDocument = graphql(`
  query Agents($key: String!) {
    workspace(key: $key) {
      id
      members { principalId name kind active }
      agents {
        id principalId name active clientId purpose tier endsAt certifiedAt suspendedAt retiredAt
        owner { principalId name } suspendedThrough { name }
        credentials { hasSecret keys liveTokens lastTokenAt }
      }
    }
  }
`);
const secretDocument = graphql(`mutation IssueSecret($input: IssueAgentSecretInput!) { issueAgentSecret(input: $input) { clientId secret errors { message } } }`);

type Agent = NonNullable<AgentsQuery['workspace']>['agents'][number];
type Verb = 'suspend' | 'resume' | 'retire' | 'secret';

const soon = 14 * 24 * 3600 * 1000;
const day = (at: string) => new Date(at).toLocaleDateString(undefined, { dateStyle: 'medium' });
const inDays = (days: number) => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString().slice(0, 10);

const verbs: Record<Exclude<Verb, 'secret'>, { title: string; lead: string; action: string; danger?: boolean }> = {
  suspend: { title: 'Suspend', lead: 'Its tokens and open connections end at once. It can be resumed.', action: 'Suspend', danger: true },
  resume: { title: 'Resume', lead: 'It may ask for tokens again. Those from before stay dead.', action: 'Resume' },
  retire: { title: 'Retire', lead: 'Its credentials, roles and tokens end for good. Receipts still say who it was. Somebody else has to agree.', action: 'Ask to retire', danger: true },
};

const standing = (agent: Agent): ['good' | 'warn' | 'bad' | 'neutral', string] =>
  agent.retiredAt ? ['neutral', 'Retired']
    : agent.suspendedAt ? ['bad', agent.suspendedThrough ? `Suspended with ${agent.suspendedThrough.name}` : 'Suspended']
      : agent.endsAt && Date.parse(agent.endsAt) < Date.now() ? ['bad', 'Not certified any more']
        : agent.endsAt && Date.parse(agent.endsAt) < Date.now() + soon ? ['warn', 'Certify soon']
          : ['good', 'Active'];

export const Agents = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(agentsDocument, { key: workspace.key });
  const { act, busy } = usePropose();
  const [{ fetching }, issue] = useMutation(secretDocument);
  const [doing, setDoing] = useState<{ agent: Agent; verb: Verb }>();
  const [certifying, setCertifying] = useState<Agent>();
  const [registering, setRegistering] = useState(false);
  const [secret, setSecret] = useState<{ clientId: string; secret: string }>();
  const [problem, setProblem] = useState<string>();
  const agents = data?.workspace?.agents;
  const people = data?.workspace?.members.filter((m) => m.kind === 'USER' && m.active) ?? [];
  const start = (agent: Agent, verb: Verb) => { setProblem(undefined); setDoing({ agent, verb }); };

  const submit = async (reason: string) => {
    const { agent, verb } = doing!;
    if (verb === 'secret') {
      const { data: issued, error: lost } = await issue({ input: { workspaceId: workspace.id, agentId: agent.principalId, reason } });
      const refused = lost ? 'It did not arrive. Try again.' : issued?.issueAgentSecret.errors[0]?.message;
      setProblem(refused);
      if (refused) return;
      setSecret({ clientId: issued!.issueAgentSecret.clientId!, secret: issued!.issueAgentSecret.secret! });
    } else {
      const refused = await act(`agent.${verb}`, { agentId: agent.principalId }, reason);
      setProblem(refused);
      if (refused) return;
    }

    setDoing(undefined);
    again();
  };

  return (
    <>
      <PageTitle title="Agents" lead="Who acts by themselves here, who answers for them, and until when.">
        <Button look="primary" onClick={() => setRegistering(true)}><Plus aria-hidden className="size-4" />Register an agent</Button>
      </PageTitle>
      {error && <Problem message="The agents could not be loaded." retry={again} />}
      {!agents && !error && <Loading />}
      {agents?.length === 0 && <Empty icon={<Bot />} title="No agents yet">Register one, give it a secret, and it can propose.</Empty>}
      {agents && agents.length > 0 && (
        <ul className="space-y-4">
          {agents.map((agent) => {
            const [tone, text] = standing(agent);
            return (
              <li key={agent.id}>
                <Card className={`p-5 ${agent.retiredAt ? 'opacity-75' : ''}`}>
                  <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
                    <span aria-hidden className="grid size-9 shrink-0 place-items-center rounded-full bg-sunken text-soft"><Bot className="size-4" /></span>
                    <div className="min-w-0 flex-1 basis-56">
                      <h2 className="flex flex-wrap items-center gap-2 font-semibold">{agent.name}<Badge tone={tone}>{text}</Badge>{agent.tier && <Badge>{words(agent.tier)}</Badge>}</h2>
                      <p className="mt-0.5 text-sm text-soft">{agent.purpose ?? 'Nobody said what it is for.'}</p>
                    </div>
                    {!agent.retiredAt && (
                      <div className="flex flex-wrap gap-1.5">
                        <Button look="quiet" onClick={() => setCertifying(agent)}>Certify</Button>
                        <Button look="quiet" onClick={() => start(agent, 'secret')}><KeyRound aria-hidden className="size-4" />New secret</Button>
                        <Button look="quiet" onClick={() => start(agent, agent.suspendedAt ? 'resume' : 'suspend')}>{agent.suspendedAt ? 'Resume' : 'Suspend'}</Button>
                        <Button look="quiet" onClick={() => start(agent, 'retire')}>Retire</Button>
                      </div>
                    )}
                  </div>
                  <dl className="mt-4 grid gap-x-6 gap-y-3 text-sm sm:grid-cols-2 lg:grid-cols-4">
                    <Fact name="Answers for it">{agent.owner?.name ?? 'Nobody'}</Fact>
                    <Fact name={agent.retiredAt ? 'Retired' : 'Works until'}>{agent.retiredAt ? day(agent.retiredAt) : agent.endsAt ? day(agent.endsAt) : 'No end set'}</Fact>
                    <Fact name="Signs in with">{[agent.credentials?.hasSecret && 'A secret', agent.credentials?.keys.length && `${agent.credentials.keys.length} key${agent.credentials.keys.length > 1 ? 's' : ''}`].filter(Boolean).join(', ') || (agent.retiredAt ? 'Nothing' : 'Nothing yet')}</Fact>
                    <Fact name="Last token">{agent.credentials?.lastTokenAt ? <><Ago at={agent.credentials.lastTokenAt} />{agent.credentials.liveTokens > 0 && `, ${agent.credentials.liveTokens} live`}</> : 'Never'}</Fact>
                  </dl>
                  {agent.clientId && <p className="mt-3 truncate font-mono text-xs text-faint" title="Client id">{agent.clientId}</p>}
                </Card>
              </li>
            );
          })}
        </ul>
      )}
      <ReasonDialog open={!!doing} title={doing ? doing.verb === 'secret' ? `A new secret for ${doing.agent.name}?` : `${verbs[doing.verb].title} ${doing.agent.name}?` : ''}
        lead={doing ? doing.verb === 'secret' ? 'It is shown once. The one before holds no longer, and its tokens end.' : verbs[doing.verb].lead : ''} action={doing ? doing.verb === 'secret' ? 'Make a secret' : verbs[doing.verb].action : ''}
        danger={!!doing && doing.verb !== 'secret' && verbs[doing.verb].danger} busy={busy || fetching} error={problem} onClose={() => setDoing(undefined)} onSubmit={(reason) => void submit(reason)} />
      {registering && <Register people={people} onClose={() => { setRegistering(false); again(); }} />}
      {certifying && <Certify agent={certifying} onClose={() => { setCertifying(undefined); again(); }} />}
      {secret && <Secret {...secret} onClose={() => setSecret(undefined)} />}
    </>
  );
};

const Fact = ({ name, children }: { name: string; children: React.ReactNode }) => <div><dt className="text-[13px] text-faint">{name}</dt><dd className="mt-0.5">{children}</dd></div>;

const Register = ({ people, onClose }: { people: { principalId: string; name: string }[]; onClose: () => void }) => {
  const { act, busy } = usePropose();
  const [name, setName] = useState('');
  const [purpose, setPurpose] = useState('');
  const [tier, setTier] = useState('background');
  const [owner, setOwner] = useState('');
  const [until, setUntil] = useState(inDays(180));
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string>();
  const submit = async () => {
    const refused = await act('agent.register', { name, purpose, tier, owner, endsAt: new Date(`${until}T00:00:00Z`).toISOString() }, reason);
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title="Register an agent" lead="It proposes what policies let agents propose. Give it a secret or a key afterwards.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="Name">{(p) => <Input {...p} required maxLength={80} value={name} onChange={(e) => setName(e.target.value)} />}</Field>
          <Field label="What it is for">{(p) => <TextArea {...p} required rows={2} maxLength={2000} value={purpose} onChange={(e) => setPurpose(e.target.value)} />}</Field>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Who answers for it">{(p) => <select {...p} required value={owner} onChange={(e) => setOwner(e.target.value)}><option value="">Choose</option>{people.map((m) => <option key={m.principalId} value={m.principalId}>{m.name}</option>)}</select>}</Field>
            <Field label="How it works">{(p) => <select {...p} value={tier} onChange={(e) => setTier(e.target.value)}><option value="interactive">Beside a person</option><option value="background">By itself</option><option value="api">A program that calls the API</option></select>}</Field>
          </div>
          <Field label="Works until" help="A year at most; then somebody certifies it again.">{(p) => <Input {...p} type="date" required min={inDays(1)} max={inDays(365)} value={until} onChange={(e) => setUntil(e.target.value)} />}</Field>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Register</Button></div>
      </form>
    </Dialog>
  );
};

const Certify = ({ agent, onClose }: { agent: Agent; onClose: () => void }) => {
  const { act, busy } = usePropose();
  const [purpose, setPurpose] = useState(agent.purpose ?? '');
  const [until, setUntil] = useState(inDays(180));
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string>();
  const submit = async () => {
    const refused = await act('agent.recertify', { agentId: agent.principalId, endsAt: new Date(`${until}T00:00:00Z`).toISOString(), ...(purpose ? { purpose } : {}) }, reason);
    setProblem(refused);
    if (!refused) onClose();
  };
  return (
    <Dialog open onClose={onClose} title={`Certify ${agent.name}`} lead="Say that it is still needed for what it is for, and until when.">
      <form className="flex min-h-0 flex-1 flex-col" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
        <div className="min-h-0 flex-1 space-y-4 overflow-y-auto px-5 py-4">
          <Field label="What it is for">{(p) => <TextArea {...p} required rows={2} maxLength={2000} value={purpose} onChange={(e) => setPurpose(e.target.value)} />}</Field>
          <Field label="Works until">{(p) => <Input {...p} type="date" required min={inDays(1)} max={inDays(365)} value={until} onChange={(e) => setUntil(e.target.value)} />}</Field>
          <Field label="Reason" help="Goes into the receipt.">{(p) => <Input {...p} required maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
        </div>
        {problem && <div className="border-t border-line px-5 py-3"><Problem message={problem} /></div>}
        <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3"><Button onClick={onClose}>Back</Button><Button type="submit" look="primary" busy={busy}>Certify</Button></div>
      </form>
    </Dialog>
  );
};

const Secret = ({ clientId, secret, onClose }: { clientId: string; secret: string; onClose: () => void }) => {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog open onClose={onClose} title="The secret, this once" lead="Only a hash of it is kept. Put it where the agent reads it; nobody can show it again.">
      <div className="space-y-4 px-5 py-4 text-sm">
        <div><div className="text-[13px] text-faint">Client id</div><code className="mt-1 block break-all font-mono">{clientId}</code></div>
        <div><div className="text-[13px] text-faint">Client secret</div><code className="mt-1 block break-all rounded-lg border border-line bg-sunken px-3 py-2 font-mono">{secret}</code></div>
      </div>
      <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3">
        <Button onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}>{copied ? 'Copied' : 'Copy the secret'}</Button>
        <Button look="primary" onClick={onClose}>I have it</Button>
      </div>
    </Dialog>
  );
};
