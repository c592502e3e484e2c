// oidc-provider on a loopback socket, issuing access tokens to one client: JWTs (RFC 9068), signed
// or signed and encrypted, and opaque ones.
//
// A resource indicator names how its tokens are made:
//     https://tokens.example/FORMAT/LIFETIME?AUDIENCE
// FORMAT is `opaque`, an algorithm, or an algorithm and one of ENCRYPTIONS, as in RS256+RSA-OAEP.

import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

export const ALGORITHMS = ['RS256', 'ES256', 'PS256', 'EdDSA'];
export const ENCRYPTIONS =
  ['RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A256KW', 'A256KW', 'dir'];
export const CLIENT = { id: 'nightly-report', secret: 'a secret of the test alone' };
// The resource server itself, as a client: who asks about tokens.
export const API = { id: 'orders-api', secret: 'another: with spaces, a + and 100% of the rest' };
export const SCOPES = 'orders:read orders:write';

export async function start() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const encryptions = decryptionKeys();

  const provider = new Provider(issuer, {
    clients: [client(CLIENT, ['client_credentials']), client(API, [])],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, resource) {
          const { pathname, search } = new URL(resource);
          const [, format, lifetime] = pathname.split('/');
          const tokens = {
            accessTokenTTL: Number(lifetime),
            audience: decodeURIComponent(search.slice(1)),
            scope: SCOPES,
          };
          if (format === 'opaque') return { ...tokens, accessTokenFormat: 'opaque' };
          // the names of encryptions may have a plus as well
          const [, sign, encrypt] = /^(\w+)(?:\+(.+))?$/.exec(decodeURIComponent(format));
          const jwt = { sign: { alg: sign } };
          if (encrypt) jwt.encrypt = encryptions[encrypt].encrypt;
          return { ...tokens, accessTokenFormat: 'jwt', jwt };
        },
      },
    },
    jwks: { keys: ALGORITHMS.map(key) },
  });
  server.on('request', provider.callback());

  const basic = ({ id, secret }) => {
    const pair = [id, secret].map((part) => new URLSearchParams({ part }).toString().slice(5));
    return `Basic ${Buffer.from(pair.join(':')).toString('base64')}`;
  };
  const post = (path, form) => fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { authorization: basic(CLIENT) },
    body: new URLSearchParams(form),
  });

  return {
    issuer,
    introspection: `${issuer}/token/introspection`,
    // The private JWK that opens what was encrypted so.
    decryptionKey: (encryption) => encryptions[encryption].jwk,
    // A token as the client gets it: by the client credentials grant.
    async token({ format, audience, lifetime = 300, scope = 'orders:read' }) {
      const path = `${encodeURIComponent(format)}/${lifetime}?${encodeURIComponent(audience)}`;
      const resource = `https://tokens.example/${path}`;
      const answer = await post('/token', { grant_type: 'client_credentials', resource, scope });
      const body = await answer.json();
      if (answer.status !== 200) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    // RFC 7009.
    async revoke(token) {
      const answer = await post('/token/revocation', { token });
      if (answer.status !== 200) throw new Error(`not revoked: ${answer.status}`);
    },
    stop: () => server.close(),
  };
}

function client({ id, secret }, grants) {
  return {
    client_id: id,
    client_secret: secret,
    grant_types: grants,
    redirect_uris: [],
    response_types: [],
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

// Named by the algorithm of the key; for each, what the issuer encrypts with, and what opens it.
function decryptionKeys() {
  const pair = (kind, options, alg, enc) => {
    const { publicKey, privateKey } = generateKeyPairSync(kind, options);
    const kid = alg.toLowerCase();
    const jwk = { ...privateKey.export({ format: 'jwk' }), alg, kid, use: 'enc' };
    return { encrypt: { alg, enc, key: publicKey, kid }, jwk };
  };
  const secret = (bytes, alg, enc) => {
    const shared = createSecretKey(randomBytes(bytes));
    const kid = alg.toLowerCase();
    const jwk = { ...shared.export({ format: 'jwk' }), alg, kid, use: 'enc' };
    return { encrypt: { alg, enc, key: shared, kid }, jwk };
  };
  return {
    'RSA-OAEP': pair('rsa', { modulusLength: 2048 }, 'RSA-OAEP', 'A256CBC-HS512'),
    'RSA-OAEP-256': pair('rsa', { modulusLength: 2048 }, 'RSA-OAEP-256', 'A128CBC-HS256'),
    'ECDH-ES': pair('ec', { namedCurve: 'P-256' }, 'ECDH-ES', 'A256GCM'),
    'ECDH-ES+A256KW': pair('ec', { namedCurve: 'P-384' }, 'ECDH-ES+A256KW', 'A256CBC-HS512'),
    A256KW: secret(32, 'A256KW', 'A256CBC-HS512'),
    dir: secret(32, 'dir', 'A256GCM'),
  };
}
