import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router';
import { Provider } from 'urql';
import { client } from './api/client';
import './app.css';
import { Actions } from './actions/actions';
import { InboxPage } from './inbox/inbox';
import { Account } from './account/account';
import { Confirmation } from './account/confirm';
import { Audit } from './audit/audit';
import { Join } from './join/join';
import { Agents } from './agents/agents';
import { Budgets } from './budgets/budgets';
import { Members } from './members/members';
import { ImportPage, Imports } from './packets/imports';
import { PacketPage } from './packets/packet';
import { Packets } from './packets/packets';
import { Pages } from './pages/pages';
import { Partners } from './partners/partners';
import { Policies } from './policies/policies';
import { Receipts } from './receipts/receipts';
import { RunPage } from './runs/run';
import { Runs } from './runs/runs';
import { Home, Shell } from './shell/shell';
import { SignIn } from './sign-in/sign-in';
import { ReceiptPage } from './receipts/receipt';
import { Stops } from './stops/stops';
import { Tasks } from './tasks/tasks';
import { VerifyPage } from './verify/verify';
import { WorkflowPage, Workflows } from './workflows/workflows';

const router = createBrowserRouter([
  { path: '/sign-in', element: <SignIn /> },
  { path: '/join', element: <Join /> },
  { path: '/verify', element: <VerifyPage /> },
  { path: '/', element: <Home /> },
  {
    path: '/w/:ws',
    element: <Shell />,
    children: [
      { index: true, element: <Navigate to="inbox" replace /> },
      { path: 'inbox', element: <InboxPage /> },
      { path: 'tasks', element: <Tasks /> },
      { path: 'packets', element: <Packets /> },
      { path: 'packets/imports', element: <Imports /> },
      { path: 'packets/imports/:id', element: <ImportPage /> },
      { path: 'packets/:id', element: <PacketPage /> },
      { path: 'workflows', element: <Workflows /> },
      { path: 'workflows/:workflow', element: <WorkflowPage /> },
      { path: 'actions', element: <Actions /> },
      { path: 'runs', element: <Runs /> },
      { path: 'runs/:id', element: <RunPage /> },
      { path: 'receipts', element: <Receipts /> },
      { path: 'receipts/:id', element: <ReceiptPage /> },
      { path: 'pages', element: <Pages /> },
      { path: 'policies', element: <Policies /> },
      { path: 'members', element: <Members /> },
      { path: 'account', element: <Account /> },
      { path: 'agents', element: <Agents /> },
      { path: 'budgets', element: <Budgets /> },
      { path: 'audit', element: <Audit /> },
      { path: 'partners', element: <Partners /> },
      { path: 'stops', element: <Stops /> },
    ],
  },
  { path: '*', element: <Navigate to="/" replace /> },
]);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Provider value={client}>
      <RouterProvider router={router} />
      <Confirmation />
    </Provider>
  </StrictMode>,
);
