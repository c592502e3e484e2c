// The example as a process, and requests to it that are exactly as they are written.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const running = [];

// Starts legacy_estate on free ports and waits until it says which: where its API is, and where the
// page comes from.
export async function start(binary, { pageElsewhere = false, flags = [] } = {}) {
  const page = pageElsewhere ? ['--page', '127.0.0.1:0'] : [];
  const child = spawn(binary, ['--listen', '127.0.0.1:0', ...page, ...flags]);
  running.push(() => child.kill());
  let said = '';
  // the line that it prints about a request to this path, the first since it was asked the last time
  let read = 0;
  const reasonOf = async (method, path) => {
    const line = new RegExp(`^\\d+ +${method} +${path}( .*)?\\n`, 'm');
    for (let tries = 0; tries < 500; tries += 1) {
      const found = said.slice(read).match(line);
      if (found) {
        read += found.index + found[0].length;
        return found[0].trim();
      }
      await wait(10);
    }
    throw new Error(`no line about ${method} ${path} in\n${said}`);
  };
  const origins = new Promise((found, failed) => {
    const listen = (chunk) => {
      said += chunk;
      const line = said.match(/^Open (http:\/\/localhost:\d+)\/(?:, or (http:\/\/localhost:\d+)\/)?.*\n/m);
      if (line) found({ api: line[1], page: line[2] ?? line[1], reasonOf });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', failed);
    child.on('exit', (code) => failed(new Error(`legacy_estate ended with ${code}:\n${said}`)));
  });
  const late = wait(60_000, null, { ref: false }).then(() => {
    throw new Error(`legacy_estate does not say where it is:\n${said}`);
  });
  return Promise.race([origins, late]);
}

// Another site's server. Its page posts a form, or sets a cookie, as soon as it is loaded.
export async function stranger() {
  const server = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end('<!doctype html><title>stranger</title><form method="post"></form>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(() => server.close());
  const { port } = server.address();
  // ports do not make sites: the first is of the same site as the estate, and of another origin
  return { sameSite: `http://localhost:${port}`, crossSite: `http://127.0.0.1:${port}` };
}

export function stop() {
  for (const end of running) end();
}

// Headers are a list of pairs, so that a name may stand twice.
export async function send(url, { method = 'GET', headers = [], form } = {}) {
  const body = form && new URLSearchParams(form).toString();
  if (body) headers = [...headers, ['content-type', 'application/x-www-form-urlencoded']];
  const { host } = new URL(url);
  const length = body ? [['content-length', body.length]] : [];
  const sent = request(url, { method, headers: [['host', host], ...headers, ...length].flat() });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  let json;
  try {
    json = JSON.parse(text);
  } catch { /* not everything is */ }
  return {
    status: answer.statusCode,
    location: answer.headers.location,
    challenge: answer.headers['www-authenticate'],
    cookies: answer.headers['set-cookie'] ?? [],
    json,
    text,
  };
}
