// oidc-provider: access tokens that are signed JWTs (RFC 9068).

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';

import { ALGORITHMS, CLIENT } from './oidc_provider.mjs';
import { AUDIENCE, INVALID_TOKEN, row, serve } from './support.mjs';

export async function signedTokens(binary, issuer) {
  // First the issuer by itself, by another library: if this fails, the fault is not ours.
  const keys = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`));
  for (const format of ALGORITHMS) {
    const token = await issuer.token({ format, audience: AUDIENCE });
    await jwtVerify(token, keys, { audience: AUDIENCE, issuer: issuer.issuer, typ: 'at+jwt' });
    assert.equal(decodeProtectedHeader(token).alg, format);
    console.log(`ok  ${format}: oidc-provider issues at+jwt`);
  }

  const api = await serve(binary, issuer.issuer, ['--algorithms', ALGORITHMS.join(',')]);
  await row('no token, public', api, 'GET', '/public', null, 200);
  await row('no token', api, 'GET', '/me', null, 401, /^Bearer (?!.*error)/);

  for (const format of ALGORITHMS) {
    const token = await issuer.token({ format, audience: AUDIENCE });
    const me = await row(`${format}: accepted`, api, 'GET', '/me', token, 200);
    assert.equal(me.sub, CLIENT.id);
    assert.equal(me.client_id, CLIENT.id);
    assert.equal(me.iss, issuer.issuer);
    assert.deepEqual([me.scope].flat().join(' '), 'orders:read');

    await row(`${format}: scope enough`, api, 'GET', '/orders', token, 200);
    await row(`${format}: scope too small`, api, 'POST', '/orders', token, 403,
      /error="insufficient_scope".*scope="orders:write"|scope="orders:write".*error="insufficient_scope"/);

    for (const [what, altered] of Object.entries(alterations(token))) {
      await row(`${format}: ${what}`, api, 'GET', '/me', altered, 401, INVALID_TOKEN);
    }
    const foreign = await issuer.token({ format, audience: 'https://other.example' });
    await row(`${format}: other audience`, api, 'GET', '/me', foreign, 401, INVALID_TOKEN);

    const both = await issuer.token({ format, audience: AUDIENCE, scope: 'orders:read orders:write' });
    await row(`${format}: scope to write`, api, 'POST', '/orders', both, [200, 201]);
  }

  // Four seconds of life: seen alive, then seen dead by the same server, cached or not.
  const short = await Promise.all(
    ALGORITHMS.map((format) => issuer.token({ format, audience: AUDIENCE, lifetime: 4 })),
  );
  for (const [at, token] of short.entries()) {
    await row(`${ALGORITHMS[at]}: short-lived, alive`, api, 'GET', '/me', token, 200);
  }
  await wait(5000);
  for (const [at, token] of short.entries()) {
    await row(`${ALGORITHMS[at]}: expired`, api, 'GET', '/me', token, 401, INVALID_TOKEN);
  }

  const picky = await serve(binary, issuer.issuer, ['--algorithms', 'ES256']);
  for (const format of ALGORITHMS) {
    const token = await issuer.token({ format, audience: AUDIENCE });
    const [status, challenge] = format === 'ES256' ? [200] : [401, INVALID_TOKEN];
    await row(`${format} where only ES256 is allowed`, picky, 'GET', '/me', token, status, challenge);
  }
}

function alterations(token) {
  const [header, payload, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  const other = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[bytes.length >> 1] ^= 1;
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
  return {
    'altered claims': `${header}.${other}.${signature}`,
    'altered signature': `${header}.${payload}.${bytes.toString('base64url')}`,
    'no signature': `${none}.${payload}.`,
  };
}
