// The public conformance suite of GraphQL over HTTP. Usage: node audit.mjs URL TOKEN
import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), authorization: `Bearer ${token}` } });
let bad = 0;
let ok = 0;
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status === 'ok') ok++;
  else {
    bad++;
    console.log(`${result.status}: ${audit.name}: ${result.reason}`);
  }
}
console.log(`${ok} ok, ${bad} not`);
process.exit(bad === 0 && ok > 0 ? 0 : 1);
