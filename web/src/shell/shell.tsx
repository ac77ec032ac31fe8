import { Activity, Bot, FileText, Gauge, Handshake, Inbox, LayoutGrid, ListChecks, LogOut, Moon, OctagonX, Package, ReceiptText, Scale, ScrollText, Sun, Users, Workflow } from 'lucide-react';
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import { NavLink, Navigate, Outlet, useLocation, useNavigate, useParams } from 'react-router';
import { useQuery } from 'urql';
import { graphql } from '../api/gql';
import type { ShellQuery } from '../api/gql/graphql';
import { Loading, Problem } from '../ui/ui';
import { useKeys } from '../ui/use-keys';
import { ElevationBanner } from '../elevations/elevations';
import { Live, useLive } from './live';
import { useLiveQuery } from './use-live-query';

const shellDocument = graphql(`
  query Shell { viewer { tenant me { principalId name kind } workspaces { id key name myRoles } } }
`);

const countsDocument = graphql(`
  query Counts($key: String!) { workspace(key: $key) { id approvals(first: 100) { nodes { id } pageInfo { hasNextPage } } taskCounts { mine } stops { id boundary reason } log { frozen } } }
`);

type Room = ShellQuery['viewer']['workspaces'][number];
const WorkspaceContext = createContext<Room>({ id: '', key: '', name: '', myRoles: [] });
export const useWorkspace = () => useContext(WorkspaceContext);

/** Sends to the first workspace that the person may see. */
export const Home = () => {
  const [{ data, error }] = useQuery({ query: shellDocument });
  if (error) return <Centered><Problem message="Mission Control could not be loaded." retry={() => location.reload()} /></Centered>;
  if (!data) return <Centered><Loading rows={3} /></Centered>;
  const first = data.viewer.workspaces[0];
  return first ? <Navigate to={`/w/${first.key}/inbox`} replace /> : <Centered><Problem message="You are not a member of any workspace yet. Ask an owner for access." /></Centered>;
};

const Centered = ({ children }: { children: ReactNode }) => <main className="mx-auto mt-[18vh] max-w-md px-6">{children}</main>;

export const Shell = () => {
  const { ws } = useParams();
  const [{ data, error }] = useQuery({ query: shellDocument });
  if (error) return <Centered><Problem message="Mission Control could not be loaded." retry={() => location.reload()} /></Centered>;
  if (!data) return <Centered><Loading rows={3} /></Centered>;

  const workspace = data.viewer.workspaces.find((w) => w.key === ws);
  if (!workspace) return <Navigate to="/" replace />;
  return (
    <WorkspaceContext value={workspace}>
      <Live key={workspace.id} workspace={workspace.id}>
        <Frame viewer={data.viewer} workspace={workspace} />
      </Live>
    </WorkspaceContext>
  );
};

const places = [
  { to: 'inbox', label: 'Inbox', icon: Inbox, key: 'i' },
  { to: 'tasks', label: 'Tasks', icon: ListChecks, key: 't' },
  { to: 'packets', label: 'Packets', icon: Package, key: 'k' },
  { to: 'actions', label: 'Actions', icon: LayoutGrid, key: 'a' },
  { to: 'runs', label: 'Runs', icon: Activity, key: 'r' },
  { to: 'receipts', label: 'Receipts', icon: ReceiptText, key: 'e' },
  { to: 'pages', label: 'Pages', icon: FileText, key: 'p' },
  { to: 'workflows', label: 'Workflows', icon: Workflow, key: 'w' },
  { to: 'policies', label: 'Policies', icon: Scale, key: 'o' },
  { to: 'members', label: 'Members', icon: Users, key: 'm' },
  { to: 'agents', label: 'Agents', icon: Bot, key: 'b' },
  { to: 'audit', label: 'Audit log', icon: ScrollText, key: 'l' },
  { to: 'partners', label: 'Partners', icon: Handshake, key: 'n' },
  { to: 'budgets', label: 'Budgets', icon: Gauge, key: 'u' },
  { to: 'stops', label: 'Stops', icon: OctagonX, key: 's' },
];

const Frame = ({ viewer, workspace }: { viewer: ShellQuery['viewer']; workspace: Room }) => {
  const [{ data }] = useLiveQuery(countsDocument, { key: workspace.key });
  const { connected } = useLive();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const waiting = data?.workspace?.approvals;
  const stops = data?.workspace?.stops ?? [];

  useEffect(() => { document.title = `${places.find((p) => pathname.includes(`/${p.to}`))?.label ?? (pathname.endsWith('/account') ? 'You' : 'Run')} · Mission Control`; }, [pathname]);

  // g then a letter goes somewhere, as in mail programs; before the page takes the letter for itself.
  const armed = useRef(0);
  useKeys((key, e) => {
    if (key === 'g') { armed.current = Date.now(); return false; }
    const place = places.find((p) => p.key === key);
    if (!place || Date.now() - armed.current >= 1200) return false;
    armed.current = 0;
    e.stopImmediatePropagation();
    navigate(`/w/${workspace.key}/${place.to}`);
    return true;
  }, { first: true });

  return (
    <div className="min-h-screen md:grid md:grid-cols-[15rem_1fr]">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:left-3 focus:top-3 focus:z-50 focus:rounded-lg focus:bg-surface focus:px-3 focus:py-2">Skip to content</a>
      <aside className="flex flex-col border-line bg-surface max-md:border-b md:sticky md:top-0 md:h-screen md:border-r">
        <div className="flex items-center gap-3 px-4 py-4">
          <img src="/mark.svg" alt="" className="size-8" />
          <div className="min-w-0">
            <div className="truncate text-sm font-semibold leading-tight">{viewer.tenant}</div>
            {viewer.workspaces.length > 1 ? (
              <select aria-label="Workspace" value={workspace.key} onChange={(e) => navigate(`/w/${e.target.value}/inbox`)} className="-ml-1 rounded bg-transparent text-[13px] text-soft">
                {viewer.workspaces.map((w) => <option key={w.id} value={w.key}>{w.name}</option>)}
              </select>
            ) : <div className="truncate text-[13px] text-faint">{workspace.name}</div>}
          </div>
        </div>
        <nav aria-label="Main" className="flex gap-1 px-2 max-md:overflow-x-auto max-md:pb-2 md:flex-col">
          {places.map(({ to, label, icon: Icon, key }) => (
            <NavLink key={to} to={`/w/${workspace.key}/${to}`} title={`g then ${key}`}
              className={({ isActive }) => `flex items-center gap-2.5 rounded-lg px-2.5 py-1.5 text-sm font-medium ${isActive ? 'bg-accent-soft text-accent-text' : 'text-soft hover:bg-sunken hover:text-ink'}`}>
              <Icon aria-hidden className="size-4 shrink-0" />
              <span className="flex-1">{label}</span>
              {to === 'inbox' && !!waiting?.nodes.length && (
                <span className="rounded-full bg-accent px-1.5 text-[11px] font-semibold leading-[1.15rem] text-accent-ink">{waiting.pageInfo.hasNextPage ? '99+' : waiting.nodes.length}</span>
              )}
              {to === 'tasks' && !!data?.workspace?.taskCounts.mine && (
                <span className="rounded-full bg-sunken px-1.5 text-[11px] font-semibold leading-[1.15rem] text-soft ring-1 ring-line-strong">{data.workspace.taskCounts.mine}</span>
              )}
              {to === 'stops' && stops.length > 0 && <span className="size-2 rounded-full bg-bad" aria-label={`${stops.length} engaged`} role="img" />}
            </NavLink>
          ))}
        </nav>
        <div className="mt-auto border-t border-line px-4 py-3 max-md:hidden">
          <div className="mb-2 flex items-center gap-2 text-xs text-faint" role="status">
            <span className={`size-1.5 rounded-full ${connected ? 'bg-good' : 'bg-line-strong'}`} aria-hidden />{connected ? 'Live' : 'Connecting…'}
          </div>
          <div className="flex items-center justify-between gap-2">
            <NavLink to={`/w/${workspace.key}/account`} title="Where you are signed in" className="-mx-1.5 min-w-0 rounded-md px-1.5 hover:bg-sunken">
              <span className="block truncate text-sm font-medium">{viewer.me.name}</span>
              <span className="block truncate text-xs text-faint">{workspace.myRoles.join(', ')}</span>
            </NavLink>
            <div className="flex"><ThemeToggle /><SignOut /></div>
          </div>
        </div>
      </aside>
      <div className="min-w-0">
        {data?.workspace?.log.frozen && (
          <div role="alert" className="border-b border-bad/25 bg-bad-soft px-6 py-2 text-sm text-bad">
            <strong className="font-semibold">The receipt log is frozen and signs nothing.</strong> {data.workspace.log.frozen} <NavLink className="font-medium underline" to={`/w/${workspace.key}/receipts`}>Look into it</NavLink>
          </div>
        )}
        <ElevationBanner />
        {stops.map((stop) => (
          <div key={stop.id} role="alert" className="border-b border-bad/25 bg-bad-soft px-6 py-2 text-sm text-bad">
            <strong className="font-semibold">A stop is engaged for this {stop.boundary.toLowerCase()}.</strong> {stop.reason}
          </div>
        ))}
        <main id="main" className="mx-auto max-w-5xl px-5 py-8 md:px-10"><Outlet /></main>
      </div>
    </div>
  );
};

const iconButton = 'rounded-md p-1.5 text-faint hover:bg-sunken hover:text-ink';

const ThemeToggle = () => {
  const isDark = () => document.documentElement.classList.contains('dark');
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const changed = () => setDark(isDark());
    addEventListener('theme', changed);
    return () => removeEventListener('theme', changed);
  }, []);
  return (
    <button type="button" aria-label={dark ? 'Use the light theme' : 'Use the dark theme'} className={iconButton}
      onClick={() => { document.documentElement.classList.toggle('dark', !dark); localStorage.setItem('theme', dark ? 'light' : 'dark'); setDark(!dark); }}>
      {dark ? <Sun className="size-4" /> : <Moon className="size-4" />}
    </button>
  );
};

const SignOut = () => (
  <button type="button" aria-label="Sign out" className={iconButton}
    onClick={async () => { await fetch('/session/sign-out', { method: 'POST', headers: { 'graphql-require-preflight': '1' } }); location.assign('/sign-in'); }}>
    <LogOut className="size-4" />
  </button>
);
