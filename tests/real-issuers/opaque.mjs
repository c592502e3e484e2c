// oidc-provider: opaque access tokens, introspection (RFC 7662) and revocation (RFC 7009).

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

import { API, CLIENT } from './oidc_provider.mjs';
import { AUDIENCE, INVALID_TOKEN, row, serve } from './support.mjs';

const CACHE = 2;

export async function opaqueTokens(binary, issuer) {
  const asking = (secret) => [
    '--introspection-endpoint', issuer.introspection,
    '--introspection-client-id', API.id,
    '--introspection-client-secret', secret,
    '--introspection-cache', String(CACHE),
  ];
  const opaque = (words) => issuer.token({ format: 'opaque', audience: AUDIENCE, ...words });
  const api = await serve(binary, issuer.issuer, asking(API.secret));

  const token = await opaque();
  assert.ok(!token.includes('.'), 'the token is no JWT');
  const me = await row('opaque: accepted', api, 'GET', '/me', token, 200);
  assert.equal(me.client_id, CLIENT.id);
  assert.equal(me.iss, issuer.issuer);
  assert.equal([me.scope].flat().join(' '), 'orders:read');
  await row('opaque: scope enough', api, 'GET', '/orders', token, 200);
  await row('opaque: scope too small', api, 'POST', '/orders', token, 403, /insufficient_scope/);
  const both = await opaque({ scope: 'orders:read orders:write' });
  await row('opaque: scope to write', api, 'POST', '/orders', both, [200, 201]);

  const jwt = await issuer.token({ format: 'RS256', audience: AUDIENCE });
  await row('a JWT at the same door', api, 'GET', '/me', jwt, 200);
  const foreign = await opaque({ audience: 'https://other.example' });
  await row('opaque: other audience', api, 'GET', '/me', foreign, 401, INVALID_TOKEN);
  const unknown = 'x'.repeat(token.length);
  await row('opaque: unknown', api, 'GET', '/me', unknown, 401, INVALID_TOKEN);

  await row('opaque: before it is revoked', api, 'GET', '/me', token, 200);
  await issuer.revoke(token);
  await wait((CACHE + 1) * 1000);
  await row('opaque: revoked, after the cache', api, 'GET', '/me', token, 401, INVALID_TOKEN);

  const short = await opaque({ lifetime: 2 });
  await row('opaque: short-lived, alive', api, 'GET', '/me', short, 200);
  await wait(3000);
  await row('opaque: expired', api, 'GET', '/me', short, 401, INVALID_TOKEN);

  const misconfigured = await serve(binary, issuer.issuer, asking('not the secret'));
  await row('our own secret is wrong', misconfigured, 'GET', '/me', await opaque(), 500);
}
