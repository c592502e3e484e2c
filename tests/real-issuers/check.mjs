// Real tokens of a real issuer against examples/resource_server.
//
//     node check.mjs PATH_OF_RESOURCE_SERVER

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';

import { ALGORITHMS, CLIENT, start } from './issuer.mjs';

const AUDIENCE = 'https://api.example';
const [binary] = process.argv.slice(2);
const running = [];

try {
  const issuer = await start();
  running.push(issuer.stop);

  // First the issuer by itself, by another library: if this fails, the fault is not ours.
  const keys = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`));
  for (const algorithm of ALGORITHMS) {
    const token = await issuer.token({ algorithm, audience: AUDIENCE });
    await jwtVerify(token, keys, { audience: AUDIENCE, issuer: issuer.issuer, typ: 'at+jwt' });
    assert.equal(decodeProtectedHeader(token).alg, algorithm);
    console.log(`ok  ${algorithm}: oidc-provider issues at+jwt`);
  }
  assert.ok(binary, 'the path of resource_server is missing');

  const api = await serve(issuer, ALGORITHMS.join(','));
  await row('no token, public', api, 'GET', '/public', null, 200);
  await row('no token', api, 'GET', '/me', null, 401, /^Bearer (?!.*error)/);

  for (const algorithm of ALGORITHMS) {
    const token = await issuer.token({ algorithm, audience: AUDIENCE });
    const me = await row(`${algorithm}: accepted`, api, 'GET', '/me', token, 200);
    assert.equal(me.sub, CLIENT.id);
    assert.equal(me.client_id, CLIENT.id);
    assert.equal(me.iss, issuer.issuer);
    assert.deepEqual([me.scope].flat().join(' '), 'orders:read');

    await row(`${algorithm}: scope enough`, api, 'GET', '/orders', token, 200);
    await row(`${algorithm}: scope too small`, api, 'POST', '/orders', token, 403,
      /error="insufficient_scope".*scope="orders:write"|scope="orders:write".*error="insufficient_scope"/);

    for (const [what, altered] of Object.entries(alterations(token))) {
      await row(`${algorithm}: ${what}`, api, 'GET', '/me', altered, 401, /error="invalid_token"/);
    }
    const foreign = await issuer.token({ algorithm, audience: 'https://other.example' });
    await row(`${algorithm}: other audience`, api, 'GET', '/me', foreign, 401, /error="invalid_token"/);

    const both = await issuer.token({ algorithm, audience: AUDIENCE, scope: 'orders:read orders:write' });
    await row(`${algorithm}: scope to write`, api, 'POST', '/orders', both, [200, 201]);
  }

  // Two seconds of life: seen alive, then seen dead by the same server, cached or not.
  const short = await Promise.all(
    ALGORITHMS.map((algorithm) => issuer.token({ algorithm, audience: AUDIENCE, lifetime: 4 })),
  );
  for (const [at, token] of short.entries()) {
    await row(`${ALGORITHMS[at]}: short-lived, alive`, api, 'GET', '/me', token, 200);
  }
  await wait(5000);
  for (const [at, token] of short.entries()) {
    await row(`${ALGORITHMS[at]}: expired`, api, 'GET', '/me', token, 401, /error="invalid_token"/);
  }

  const picky = await serve(issuer, 'ES256');
  for (const algorithm of ALGORITHMS) {
    const token = await issuer.token({ algorithm, audience: AUDIENCE });
    const [status, challenge] = algorithm === 'ES256' ? [200] : [401, /error="invalid_token"/];
    await row(`${algorithm} where only ES256 is allowed`, picky, 'GET', '/me', token, status, challenge);
  }
  console.log('real issuers: all as expected');
} finally {
  for (const stop of running) stop();
}

// One request, and everything that is expected of its answer.
async function row(name, api, method, path, token, status, challenge) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(api + path, { method, headers });
  const text = await answer.text();
  const header = answer.headers.get('www-authenticate');
  const seen = `${name}: ${answer.status} ${header ?? ''}`;
  assert.ok([status].flat().includes(answer.status), `${seen}, expected ${status}`);
  if (challenge) assert.match(header ?? '', challenge, seen);
  else assert.equal(header, null, seen);
  console.log(`ok  ${seen}`);
  return answer.status === 200 && path === '/me' ? JSON.parse(text) : undefined;
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

// Starts resource_server on a free port and waits until it says which.
async function serve(issuer, algorithms) {
  const child = spawn(binary, [
    '--listen', '127.0.0.1:0',
    '--issuer', issuer.issuer,
    '--audience', AUDIENCE,
    '--algorithms', algorithms,
    '--clock-tolerance', '0',
    '--allow-http-issuer',
  ]);
  running.push(() => child.kill());
  let said = '';
  const address = new Promise((found, failed) => {
    const listen = (chunk) => {
      said += chunk;
      for (const [url] of said.matchAll(/\b127\.0\.0\.1:[1-9]\d*(?=\D)/g)) {
        if (!issuer.issuer.endsWith(url)) found(`http://${url}`);
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', failed);
    child.on('exit', (code) => failed(new Error(`resource_server ended with ${code}:\n${said}`)));
  });
  const late = wait(60_000, null, { ref: false }).then(() => {
    throw new Error(`resource_server names no address of 127.0.0.1:\n${said}`);
  });
  return Promise.race([address, late]);
}
