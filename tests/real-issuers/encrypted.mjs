// oidc-provider: access tokens that are signed and then encrypted (RFC 7519, appendix A.2).

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeProtectedHeader } from 'jose';

import { CLIENT, ENCRYPTIONS } from './oidc_provider.mjs';
import { AUDIENCE, INVALID_TOKEN, row, serve, stopLater } from './support.mjs';

export async function encryptedTokens(binary, issuer) {
  const folder = mkdtempSync(join(tmpdir(), 'decryption-keys-'));
  stopLater(() => rmSync(folder, { recursive: true }));
  const flags = (encryption, jwk = issuer.decryptionKey(encryption)) => {
    const file = join(folder, `${encryption}.json`);
    writeFileSync(file, JSON.stringify(jwk));
    return ['--decryption-key', file];
  };
  const token = (encryption, words) =>
    issuer.token({ format: `RS256+${encryption}`, audience: AUDIENCE, ...words });

  // All keys at one server, each token opened by its own.
  const api = await serve(binary, issuer.issuer, ENCRYPTIONS.flatMap((it) => flags(it)));
  const keyless = await serve(binary, issuer.issuer, []);
  for (const encryption of ENCRYPTIONS) {
    const encrypted = await token(encryption);
    const { alg, enc } = decodeProtectedHeader(encrypted);
    const name = `${alg} with ${enc}`;
    assert.equal(encrypted.split('.').length, 5);
    assert.equal(alg, encryption);
    const me = await row(`${name}: accepted`, api, 'GET', '/me', encrypted, 200);
    assert.equal(me.client_id, CLIENT.id);
    assert.equal(me.iss, issuer.issuer);
    await row(`${name}: scope enough`, api, 'GET', '/orders', encrypted, 200);
    await row(`${name}: scope too small`, api, 'POST', '/orders', encrypted, 403, /insufficient_scope/);
    for (const [what, altered] of Object.entries(alterations(encrypted))) {
      await row(`${name}: ${what}`, api, 'GET', '/me', altered, 401, INVALID_TOKEN);
    }
    const foreign = await token(encryption, { audience: 'https://other.example' });
    await row(`${name}: other audience`, api, 'GET', '/me', foreign, 401, INVALID_TOKEN);
    await row(`${name}: no key`, keyless, 'GET', '/me', encrypted, 401, INVALID_TOKEN);
  }
  const signed = await issuer.token({ format: 'RS256', audience: AUDIENCE });
  await row('a signed token at the same door', api, 'GET', '/me', signed, 200);

  // A key is for the algorithm that it names.
  const jwk = { ...issuer.decryptionKey('RSA-OAEP'), alg: 'RSA-OAEP-256' };
  const other = await serve(binary, issuer.issuer, flags('renamed', jwk));
  const encrypted = await token('RSA-OAEP');
  await row('a key for another algorithm', other, 'GET', '/me', encrypted, 401, INVALID_TOKEN);
}

function alterations(token) {
  const flipped = (number) => token.split('.').map((segment, at) => {
    if (at !== number || !segment) return segment;
    const bytes = Buffer.from(segment, 'base64url');
    bytes[bytes.length >> 1] ^= 1;
    return bytes.toString('base64url');
  }).join('.');
  return {
    'altered iv': flipped(2),
    'altered ciphertext': flipped(3),
    'altered tag': flipped(4),
  };
}
