// django-oauth-toolkit: its introspection answer has no sub, iss, aud or token_type.

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';

import { INVALID_TOKEN, listening, row, serve } from './support.mjs';

const CACHE = 1;
const script = join(dirname(fileURLToPath(import.meta.url)), 'django_issuer.py');

export async function djangoTokens(binary, python) {
  const issuer = await listening(python, [script]);
  const client = { id: 'nightly-report', secret: 'a secret of the test alone' };
  const portal = { id: 'portal', secret: 'a third one' };
  const api = { id: 'orders-api', secret: 'another: with spaces and a colon' };
  const post = async (path, { id, secret }, form) => fetch(`${issuer}/o/${path}/`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: id, client_secret: secret, ...form }),
  });
  const token = async (client, form) => {
    const answer = await post('token', client, form);
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    return body.access_token;
  };
  const asking = (endpoint, secret) => [
    '--introspection-endpoint', `${issuer}/o/${endpoint}/`,
    '--introspection-client-id', api.id,
    '--introspection-client-secret', secret,
    '--introspection-cache', String(CACHE),
    '--introspection-subject', 'username',
  ];

  const server = await serve(binary, issuer, asking('introspect', api.secret));
  const machine = await token(client, { grant_type: 'client_credentials', scope: 'orders:read' });
  const me = await row('django: accepted', server, 'GET', '/me', machine, 200);
  assert.equal(me.client_id, client.id);
  assert.equal(me.sub ?? null, null);
  await row('django: scope enough', server, 'GET', '/orders', machine, 200);
  await row('django: scope too small', server, 'POST', '/orders', machine, 403, /insufficient_scope/);

  const alice = await token(portal, {
    grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'orders:read orders:write',
  });
  const user = await row('django: a user by name', server, 'GET', '/me', alice, 200);
  assert.equal(user.sub, 'alice');
  await row('django: a user', server, 'POST', '/orders', alice, [200, 201]);
  await row('django: unknown', server, 'GET', '/me', 'no-token-of-anybody', 401, INVALID_TOKEN);

  const revoked = await post('revoke_token', portal, { token: alice });
  assert.equal(revoked.status, 200);
  await wait((CACHE + 1) * 1000);
  await row('django: revoked, after the cache', server, 'GET', '/me', alice, 401, INVALID_TOKEN);

  const misconfigured = await serve(binary, issuer, asking('introspect', 'not the secret'));
  await row('django: our own secret is wrong', misconfigured, 'GET', '/me', machine, 500);
}
