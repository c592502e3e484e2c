// The resource server under test, and what is expected of its answers.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

export const AUDIENCE = 'https://api.example';
export const INVALID_TOKEN = /error="invalid_token"/;

const running = [];

// What is to be stopped at the end, whatever happens.
export function stopLater(stop) {
  running.push(stop);
}

export function stopAll() {
  for (const stop of running) stop();
}

// One request, and everything that is expected of its answer.
export async function row(name, api, method, path, token, status, challenge) {
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

// Starts resource_server on a free port and waits until it says which.
export function serve(binary, issuer, options) {
  return listening(binary, [
    '--listen', '127.0.0.1:0',
    '--issuer', issuer,
    '--audience', AUDIENCE,
    '--clock-tolerance', '0',
    '--allow-http-issuer',
    ...options,
  ], new URL(issuer).host);
}

// Starts a program and waits until it names an address of its own.
export function listening(program, args, notThis = '') {
  const child = spawn(program, args);
  stopLater(() => child.kill());
  let said = '';
  const address = new Promise((found, failed) => {
    const listen = (chunk) => {
      said += chunk;
      for (const [url] of said.matchAll(/\b127\.0\.0\.1:[1-9]\d*(?=\D)/g)) {
        if (url !== notThis) found(`http://${url}`);
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', failed);
    child.on('exit', (code) => failed(new Error(`${program} ended with ${code}:\n${said}`)));
  });
  const late = wait(60_000, null, { ref: false }).then(() => {
    throw new Error(`${program} names no address of 127.0.0.1:\n${said}`);
  });
  return Promise.race([address, late]);
}
