// The public OpenID client against the token server: code with PKCE, refresh, private_key_jwt, token exchange, revocation.
// Usage: node oidc.mjs ADDRESS EMAIL PASSWORD AGENT_CLIENT_ID AGENT_PRIVATE_JWK. Prints a line a step, and ends with "done".
import * as client from 'openid-client';
import * as oauth from 'oauth4webapi';

const [address, email, password, agentId, jwk] = process.argv.slice(2);
const insecure = { execute: [client.allowInsecureRequests] };
const step = (name) => console.log(name);
const expectError = async (promise, code) => {
  const failed = await promise.then(() => undefined, (e) => e);
  if (!failed || (code && failed.error !== code)) throw new Error(`expected ${code}, got ${failed?.error ?? failed}`);
};

const web = await client.discovery(new URL(address), 'mission-control', undefined, client.None(), insecure);
step(`discovered ${web.serverMetadata().issuer}`);

// The person signs in as a browser would.
const signIn = await fetch(`${address}/session/sign-in`, { method: 'POST', headers: { 'content-type': 'application/json', 'graphql-require-preflight': '1' }, body: JSON.stringify({ email, password }) });
const cookie = signIn.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const url = client.buildAuthorizationUrl(web, {
  redirect_uri: `${address}/session/callback`, scope: 'mumega:read mumega:propose offline_access', code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, resource: `${address}/graphql`,
});
const redirected = await fetch(url, { headers: { cookie }, redirect: 'manual' });
const back = new URL(redirected.headers.get('location'));
const tokens = await client.authorizationCodeGrant(web, back, { pkceCodeVerifier: verifier, expectedState: state });
step('code with PKCE');
const ask = (token) => fetch(`${address}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ query: '{ viewer { me { name } } }' }) });
if ((await ask(tokens.access_token)).status !== 200) throw new Error('the token was not taken');

const second = await client.refreshTokenGrant(web, tokens.refresh_token);
step('refresh');
await expectError(client.refreshTokenGrant(web, tokens.refresh_token), 'invalid_grant');
step('the old refresh token is refused');

const key = await crypto.subtle.importKey('jwk', JSON.parse(jwk), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const signed = client.PrivateKeyJwt({ key, kid: JSON.parse(jwk).kid }, { [client.modifyAssertion]: (header) => { header.typ = 'client-authentication+jwt'; } });
const agent = await client.discovery(new URL(address), agentId, undefined, signed, insecure);
const own = await client.clientCredentialsGrant(agent, { scope: 'mumega:read' });
if ((await ask(own.access_token)).status !== 200) throw new Error('the agent was not let in');
step('private_key_jwt');

// The family of a refresh token that was used twice is dead, so the person signs in anew for what follows.
const again = client.randomPKCECodeVerifier();
const once = client.buildAuthorizationUrl(web, { redirect_uri: `${address}/session/callback`, scope: 'mumega:read mumega:propose', code_challenge: await client.calculatePKCECodeChallenge(again), code_challenge_method: 'S256', state, resource: `${address}/graphql` });
const later = await fetch(once, { headers: { cookie }, redirect: 'manual' });
const person = await client.authorizationCodeGrant(web, new URL(later.headers.get('location')), { pkceCodeVerifier: again, expectedState: state });
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const handed = await client.genericGrantRequest(web, exchange, { subject_token: person.access_token, subject_token_type: accessToken, audience: agentId });
const chained = await client.genericGrantRequest(agent, exchange, { subject_token: handed.access_token, subject_token_type: accessToken, scope: 'mumega:read' });
const claims = JSON.parse(Buffer.from(chained.access_token.split('.')[1], 'base64url').toString());
if (!claims.act?.sub || claims.act.sub === claims.sub) throw new Error('the chain does not show');
if ((await ask(chained.access_token)).status !== 200) throw new Error('the exchanged token was not taken');
step('token exchange');

// The lower layer on its own, for revocation.
const server = await oauth.processDiscoveryResponse(new URL(address), await oauth.discoveryRequest(new URL(address), { [oauth.allowInsecureRequests]: true }));
await oauth.processRevocationResponse(await oauth.revocationRequest(server, { client_id: 'mission-control' }, oauth.None(), person.access_token, { [oauth.allowInsecureRequests]: true }));
for (const dead of [person.access_token, chained.access_token]) if ((await ask(dead)).status !== 401) throw new Error('a revoked token was taken');
step('revocation, of the token and of what was made from it');
step('done');
