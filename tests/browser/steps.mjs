// The seven steps of the source, clicked: S6-01 to S6-07, and S6-14 between them.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PLACEHOLDER =
  'Bearer realm="api", error="invalid_token", error_description="a placeholder was sent in place of the token"';
const INVALID =
  'Bearer realm="api", error="invalid_token", error_description="the access token is not valid"';

// `shoot` takes a picture of the page under a name.
export async function sevenSteps(context, estate, shoot) {
  const page = await context.newPage();
  const seen = watch(page);

  // next door, as a person does it
  await page.goto(`${estate.api}/portal/login`);
  await shoot(page, '1-next-door');
  const login = await logIn(page, 'test');
  assert.equal(await login.text(), 'signed in as test', 'S6-01');
  const [cookie] = await context.cookies();
  assert.deepEqual(
    [cookie.name, cookie.path, cookie.httpOnly, cookie.sameSite, cookie.secure],
    ['.ASPXAUTH', '/', true, 'Lax', false],
    'S6-01, its cookie',
  );

  const opened = await page.goto(`${estate.page}/index.htm`);
  assert.equal(opened.status(), 200, 'S6-02');
  await cards(page, 'S6-02', { ticket: ['valid', 'test'], token: ['missing', ''], same: 'not both' });
  await shoot(page, '2-opened');

  const early = await press(page, 'Request data', '/api/test');
  const { authorization, cookie: carried } = await early.request().allHeaders();
  assert.equal(authorization, 'Bearer undefined', 'S6-03, as the source sends it');
  assert.match(carried, /^\.ASPXAUTH=[0-9A-F]+$/, 'S6-03, with the ticket');
  await answered(page, 'S6-03', { status: 401, missing: 'token', challenge: PLACEHOLDER });
  // what the ticket proves says nothing to the API: it is the suppression that hides it
  await cards(page, 'S6-03', { ticket: ['valid', 'test'], token: ['missing', ''], same: 'not both' });
  await shoot(page, '3-too-early');

  const granted = await press(page, 'Request token', '/token', { key: 'Enter' });
  const asked = await granted.request().allHeaders();
  assert.equal(granted.status(), 200, 'S6-04');
  assert.equal(await granted.headerValue('set-cookie'), null, 'S6-04, sets no cookie');
  assert.deepEqual(
    [granted.request().postData(), asked.authorization, asked['x-requested-with']],
    ['grant_type=password', undefined, 'XMLHttpRequest'],
    'S6-04',
  );
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  assert.deepEqual(kept, [0, 0, ''], 'S6-04, the token is in memory alone');
  await cards(page, 'S6-04', { ticket: ['valid', 'test'], token: ['valid', 'test'], same: 'one user' });
  await shoot(page, '4-token');

  await press(page, 'Request data', '/api/test');
  const hello = 'Hello World, test by Bearer, test by Cookies';
  await answered(page, 'S6-05', { status: 200, body: hello });
  await shoot(page, '5-both');

  await press(page, 'Log in as other', '/portal/login');
  await press(page, 'Request data', '/api/test');
  await answered(page, 'S6-14', { status: 401, missing: 'none', challenge: INVALID });
  const two = { ticket: ['valid', 'other'], token: ['other', 'test'], same: 'two users' };
  await cards(page, 'S6-14', two);
  await shoot(page, '5-two-users');
  await press(page, 'Log in as test', '/portal/login');
  await press(page, 'Request data', '/api/test');
  await answered(page, 'S6-05 again', { status: 200, body: hello });

  await press(page, 'Log out', '/portal/logout');
  assert.deepEqual(await context.cookies(), [], 'S6-06');
  await cards(page, 'S6-06', { ticket: ['missing', ''], token: ['valid', 'test'], same: 'not both' });
  await shoot(page, '6-logged-out');

  await press(page, 'Request data', '/api/test');
  const session = { status: 401, missing: 'session', challenge: 'Cookie realm="app"' };
  await answered(page, 'S6-07', session);
  await shoot(page, '7-token-alone');

  await page.reload();
  await cards(page, 'a reload', { ticket: ['missing', ''], token: ['missing', ''], same: 'not both' });
  await press(page, 'Request token', '/token');
  await answered(page, 'S6-10', { status: 400, missing: 'none', challenge: 'none' });
  await shoot(page, '8-nobody');

  // a page sends to the login, and the login sends back (S1-03)
  const account = await page.goto(`${estate.api}/account`);
  assert.equal(page.url(), `${estate.api}/portal/login?ReturnUrl=%2Faccount`, 'S1-03');
  assert.equal(account.status(), 200, 'S1-03');
  await logIn(page, 'other');
  assert.equal(page.url(), `${estate.api}/account`, 'S1-03, and back');
  assert.equal(await page.textContent('body'), 'signed in as other\n', 'S1-03, and back');

  assert.deepEqual(seen.faults, [], 'no script failed, and nothing was against the policy');
  const known = new Set([estate.api, estate.page]);
  assert.deepEqual([...seen.origins].filter((origin) => !known.has(origin)), [], 'no other origin');
  await page.close();
}

// Light and dark, wide and narrow, judged by axe: contrast, names, roles.
export async function accessible(browser, estate, shoot) {
  for (const colorScheme of ['light', 'dark']) {
    const size = { width: colorScheme === 'dark' ? 390 : 1100, height: 900 };
    const context = await browser.newContext({ colorScheme, viewport: size });
    const page = await context.newPage();
    for (const path of ['/portal/login', '/']) {
      await page.goto(estate.api + path);
      if (path === '/') {
        await press(page, 'Log in as test', '/portal/login');
        await press(page, 'Request token', '/token');
        await press(page, 'Log in as other', '/portal/login');
        await press(page, 'Request data', '/api/test');
      }
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const told = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(' ')}`);
      assert.deepEqual(told, [], `${path}, ${colorScheme}`);
      await shoot(page, `${colorScheme}-${path === '/' ? 'page' : 'login'}`);
    }
    await context.close();
  }
}

// The portal's form, by hand; the answer of its post.
export async function logIn(page, name) {
  await page.getByLabel('User').fill(name);
  await page.getByLabel('Password').fill(name);
  const posted = page.waitForResponse((it) => it.request().method() === 'POST');
  await page.getByRole('button', { name: 'Log in' }).click();
  const answer = await posted;
  await page.waitForLoadState();
  return answer;
}

// Presses a button, by the mouse or by a key; the answer to the request that it makes.
export async function press(page, name, path, { key } = {}) {
  const button = page.getByRole('button', { name, exact: true });
  const answer = page.waitForResponse((it) =>
    new URL(it.url()).pathname === path && it.request().method() !== 'OPTIONS');
  if (key) await button.press(key);
  else await button.click();
  const found = await answer;
  await page.locator('main[aria-busy=false]').waitFor();
  return found;
}

// What a person sees of the two credentials.
async function cards(page, step, { ticket, token, same }) {
  const words = {
    missing: 'missing', other: 'of another user', valid: 'valid',
  };
  const expected = [[...ticket, words[ticket[0]]], [...token, words[token[0]]], same];
  await page.locator('#same:not(:text("…"))').waitFor();
  const found = await page.evaluate(() => {
    const card = (id) => {
      const it = document.getElementById(id);
      const text = (part) => it.querySelector(part).textContent;
      return [it.dataset.state, text('.state span'), text('.state b')];
    };
    return [card('ticket'), card('token'), document.getElementById('same').textContent];
  });
  assert.deepEqual(found, expected, `${step}: ticket, token, and both`);
}

// What a person sees of the answer.
async function answered(page, step, { status, missing = 'none', challenge = 'none', body }) {
  const found = await page.evaluate(() => {
    const part = (name) => document.querySelector(`[data-of=${name}]`).textContent;
    return {
      status: parseInt(document.querySelector('#answer .status').textContent),
      missing: part('missing'),
      challenge: part('challenge'),
      body: part('body'),
      state: document.getElementById('answer').dataset.state,
    };
  });
  const state = status === 200 ? 'open' : 'shut';
  const expected = { status, missing, challenge, body: body ?? found.body, state };
  assert.deepEqual(found, expected, `${step}: the answer`);
}

// What must not happen while a page is open.
function watch(page) {
  const seen = { faults: [], origins: new Set() };
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:') seen.origins.add(origin);
  });
  page.on('pageerror', (error) => seen.faults.push(error.message));
  page.on('console', (message) => {
    // a refusal is told as an error, too
    const isRefusal = /^Failed to load resource: .* status of 40[0-9]/.test(message.text());
    if (message.type() === 'error' && !isRefusal) seen.faults.push(message.text());
  });
  return seen;
}
