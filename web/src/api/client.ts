import { Client, cacheExchange, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import { createClient } from 'graphql-ws';
import { confirmingFetch } from './confirming';

export const signIn = () => {
  const here = location.pathname + location.search;
  if (!location.pathname.startsWith('/sign-in')) location.replace(`/sign-in?next=${encodeURIComponent(here)}`);
};

// Says so when the connection is up again, so that pages can catch up on what they missed.
const socket = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  lazy: true,
  retryAttempts: Infinity,
  shouldRetry: () => true,
  on: {
    connected: () => dispatchEvent(new Event('live:connected')),
    closed: (event) => {
      dispatchEvent(new Event('live:closed'));
      if ((event as CloseEvent).code === 4403) signIn();
    },
  },
});

export const client = new Client({
  url: '/graphql',
  fetch: confirmingFetch,
  preferGetMethod: false,
  fetchOptions: { headers: { 'graphql-require-preflight': '1' }, credentials: 'same-origin' },
  exchanges: [
    cacheExchange,
    mapExchange({
      onError(error) {
        if (error.response?.status === 401 || error.graphQLErrors.some((e) => e.extensions?.code === 'UNAUTHENTICATED')) signIn();
      },
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: request.query ?? '', variables: request.variables }, { ...sink, error: (e) => sink.error(e as Error) }) }),
      }),
    }),
  ],
});

/** A new key for every intention: a repeated click with the same key does nothing twice. */
export const idempotencyKey = () => crypto.randomUUID();
