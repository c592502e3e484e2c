// Real tokens of real issuers against examples/resource_server.
//
//     node check.mjs PATH_OF_RESOURCE_SERVER PATH_OF_PYTHON

import assert from 'node:assert/strict';

import { djangoTokens } from './django.mjs';
import { encryptedTokens } from './encrypted.mjs';
import { start } from './oidc_provider.mjs';
import { opaqueTokens } from './opaque.mjs';
import { signedTokens } from './signed.mjs';
import { stopAll, stopLater } from './support.mjs';

const [binary, python] = process.argv.slice(2);
assert.ok(python, 'usage: node check.mjs PATH_OF_RESOURCE_SERVER PATH_OF_PYTHON');

try {
  const issuer = await start();
  stopLater(issuer.stop);
  await signedTokens(binary, issuer);
  await encryptedTokens(binary, issuer);
  await opaqueTokens(binary, issuer);
  await djangoTokens(binary, python);
  console.log('real issuers: all as expected');
} finally {
  stopAll();
}
