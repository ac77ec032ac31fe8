// The public clients of both push transports. Usage: node subscribe.mjs ws|sse URL TOKEN QUERY COUNT [VARIABLES]
// Prints READY when the server answered a plain query on the same connection, then a line of JSON for every event, and ends after COUNT.
import { createClient as ws } from 'graphql-ws';
import { createClient as sse } from 'graphql-sse';
import WebSocket from 'ws';

const [kind, url, token, query, count, variables = '{}'] = process.argv.slice(2);
const client = kind === 'ws'
  ? ws({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${token}` }, retryAttempts: 0, lazy: false })
  : sse({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });

const once = (request) => new Promise((resolve, reject) => {
  let value;
  client.subscribe(request, { next: (v) => { value = v; }, error: reject, complete: () => resolve(value) });
});

const plain = await once({ query: '{ viewer { me { name } } }' });
if (!plain?.data?.viewer) throw new Error(`no plain answer: ${JSON.stringify(plain)}`);

let left = Number(count);
client.subscribe({ query, variables: JSON.parse(variables) }, {
  next: (event) => {
    console.log(JSON.stringify(event));
    if (--left === 0) process.exit(0);
  },
  error: (e) => { console.log(JSON.stringify({ error: e instanceof Error ? e.message : e, code: e?.code })); process.exit(3); },
  complete: () => { console.log('COMPLETE'); process.exit(left === 0 ? 0 : 4); },
});
console.log('READY');
