// oidc-provider on a loopback socket, issuing JWT access tokens (RFC 9068) to one client.
//
// A resource indicator names how its tokens are made:
//     https://tokens.example/ALGORITHM/LIFETIME?AUDIENCE

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

export const ALGORITHMS = ['RS256', 'ES256', 'PS256', 'EdDSA'];
export const CLIENT = { id: 'nightly-report', secret: 'a secret of the test alone' };

export async function start() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;

  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    }],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, resource) {
          const { pathname, search } = new URL(resource);
          const [, algorithm, lifetime] = pathname.split('/');
          return {
            accessTokenFormat: 'jwt',
            accessTokenTTL: Number(lifetime),
            audience: decodeURIComponent(search.slice(1)),
            jwt: { sign: { alg: algorithm } },
            scope: 'orders:read orders:write',
          };
        },
      },
    },
    jwks: { keys: ALGORITHMS.map(key) },
  });
  server.on('request', provider.callback());

  return {
    issuer,
    // A token as the client gets it: by the client credentials grant.
    async token({ algorithm, audience, lifetime = 300, scope = 'orders:read' }) {
      const resource = `https://tokens.example/${algorithm}/${lifetime}?${encodeURIComponent(audience)}`;
      const basic = [CLIENT.id, CLIENT.secret].map(encodeURIComponent).join(':');
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
      });
      const body = await answer.json();
      if (answer.status !== 200) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    stop: () => server.close(),
  };
}

function key(alg) {
  const [kind, options] = {
    ES256: ['ec', { namedCurve: 'P-256' }],
    EdDSA: ['ed25519', {}],
    PS256: ['rsa', { modulusLength: 2048 }],
    RS256: ['rsa', { modulusLength: 2048 }],
  }[alg];
  const jwk = generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, alg, kid: alg.toLowerCase(), use: 'sig' };
}
