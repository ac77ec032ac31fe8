import { Laptop } from 'lucide-react';
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql } from '../api/gql';
import { FactorsPanel } from './factors';
import { Ago, Badge, Button, Empty, Loading, PageTitle, Panel, Problem } from '../ui/ui';

const accountDocument = graphql(`query Account { viewer { me { name } sessions { sessionId current client browser address createdAt seenAt } } }`);
const endDocument = graphql(`mutation EndSession($input: EndSessionInput!) { endSession(input: $input) { errors { message } } }`);

const browsers: [RegExp, string][] = [[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/HeadlessChrome|Chrome\//, 'Chrome'], [/Safari\//, 'Safari']];
const systems: [RegExp, string][] = [[/iPhone|iPad/, 'iOS'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux']];
const named = (agent: string | null | undefined) => {
  if (!agent) return 'An unknown browser';
  const find = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  return [find(browsers) ?? 'A browser', find(systems)].filter(Boolean).join(' on ');
};

/** What belongs to the person, not to a workspace: their factors, and where they are signed in. */
export const Account = () => {
  const [{ data, error }, again] = useQuery({ query: accountDocument, requestPolicy: 'cache-and-network' });
  const [{ fetching }, end] = useMutation(endDocument);
  const [problem, setProblem] = useState<string>();
  const sessions = data?.viewer.sessions;
  const close = async (ids: string[]) => {
    setProblem(undefined);
    for (const sessionId of ids) {
      const answer = await end({ input: { sessionId } });
      const refused = answer.error ? 'It did not arrive. Try again.' : answer.data?.endSession.errors[0]?.message;
      if (refused) setProblem(refused);
    }
    again({ requestPolicy: 'network-only' });
  };
  const others = sessions?.filter((s) => !s.current) ?? [];
  return (
    <>
      <PageTitle title={data?.viewer.me.name ?? 'You'} lead="How you prove that it is you, and where you are signed in." />
      <div className="mb-6"><FactorsPanel onChanged={() => again({ requestPolicy: 'network-only' })} /></div>
      {error && !data && <Problem message="Your sessions could not be loaded." retry={() => again({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading rows={2} />}
      {problem && <div className="mb-4"><Problem message={problem} /></div>}
      {sessions?.length === 0 && <Empty icon={<Laptop />} title="No browser">You came with a token, not with a session.</Empty>}
      {sessions && sessions.length > 0 && (
        <Panel title="Sessions" flush action={others.length > 0 ? <Button busy={fetching} onClick={() => void close(others.map((s) => s.sessionId))}>End all others</Button> : undefined}>
          <ul className="divide-y divide-line">
            {sessions.map((s) => (
              <li key={s.sessionId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3 text-sm">
                <Laptop aria-hidden className="size-4 shrink-0 text-faint" />
                <span className="min-w-0 flex-1 basis-56"><span className="font-medium">{s.client ? `${s.client}, without a browser` : named(s.browser)}</span>{s.current && <> <Badge tone="good">This one</Badge></>}
                  <span className="block text-[13px] text-faint">{s.address ?? 'Unknown address'} · signed in <Ago at={s.createdAt} /> · last used <Ago at={s.seenAt} /></span></span>
                {!s.current && <Button look="quiet" disabled={fetching} onClick={() => void close([s.sessionId])}>End it</Button>}
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
};
