// What other sites' pages try with the browser of somebody who is signed in, and what a stranger
// writes into addresses and cookies (CK-01, CK-09, CK-12, CK-13, CK-17, S6-17,
// S6-18).

import assert from 'node:assert/strict';

import { send, stranger } from './estate.mjs';
import { logIn, press } from './steps.mjs';

const WC = 'Cookie realm="app"';
const W0 = 'Bearer realm="api"';

export async function attacks(context, estate, done) {
  const evil = await stranger();
  const page = await context.newPage();
  await page.goto(`${estate.api}/portal/login`);
  await logIn(page, 'test');
  const [{ value: ticket }] = await context.cookies();

  await crossSitePosts(page, estate, evil);
  const [{ value: after }] = await context.cookies();
  assert.equal(after, ticket, 'nobody was signed in or out');
  done('cross-site posts, from the same site and from another one');

  await forgedOrigins(estate, ticket);
  done('cross-site posts that carry the cookie');

  await openRedirects(page, estate);
  done('open redirects, as a browser follows them');

  await twoCookies(estate, ticket);
  done('two cookies of one name');

  await tossedCookie(context, estate, evil);
  done('a cookie tossed by a page of another port, for a path');
}

// A form, and a script that does not read what it is told. A page on another port is of the same site:
// the cookie goes along, whatever `SameSite` says.
async function crossSitePosts(page, estate, evil) {
  const grant = { grant_type: 'password' };
  for (const [origin, isSameSite] of [[evil.sameSite, true], [evil.crossSite, false]]) {
    for (const how of [byForm, byScript]) {
      const post = (path, fields) => how(page, origin, estate.api + path, fields);
      const what = `${how.name} of ${origin}`;

      const data = await post('/api/test', { amount: '1000' });
      assert.equal(data.status, 401, `S6-17, ${what}`);
      if (how === byForm) assert.equal(data.challenge, W0, `S6-17, ${what}`);
      const missing = isSameSite ? '["token"]' : '["token", "session"]'; // whether the cookie came
      const reason = await estate.reasonOf('POST', '/api/test');
      assert.ok(reason.includes(`missing ${missing}: NoCredential`), `${reason}, ${what}`);

      const token = await post('/token', grant);
      assert.equal(token.status, 400, `S6-18, ${what}`);
      const error = isSameSite ? 'invalid_request' : 'invalid_grant'; // the cookie did not come
      if (how === byForm) assert.equal(JSON.parse(token.text).error, error, `S6-18, ${what}`);

      const other = { username: 'other', password: 'other' };
      const login = await post('/portal/login', other);
      assert.equal(login.status, 403, `CK-17, ${what}`);
      assert.equal((await post('/portal/logout', {})).status, 403, `CK-09, ${what}`);
    }
  }
}

async function byForm(page, origin, action, fields) {
  await page.goto(origin);
  return posted(page, action, () => page.evaluate(([action, fields]) => {
    const [form] = document.forms;
    form.action = action;
    for (const [name, value] of Object.entries(fields)) {
      const input = Object.assign(document.createElement('input'), { type: 'hidden', name, value });
      form.append(input);
    }
    form.submit();
  }, [action, fields]));
}

async function byScript(page, origin, action, fields) {
  await page.goto(origin);
  return posted(page, action, () => page.evaluate(([action, fields]) => fetch(action, {
    method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams(fields),
  }).then(() => {}), [action, fields]));
}

async function posted(page, action, act) {
  const answer = page.waitForResponse((it) => it.url() === action);
  await act();
  const found = await answer;
  await page.waitForLoadState();
  return {
    status: found.status(),
    challenge: await found.headerValue('www-authenticate'), // of a script's request nobody sees it
    text: found.request().isNavigationRequest() ? await found.text() : '',
  };
}

// As if there were no SameSite: the cookie is there, and the request says whose page made it.
async function forgedOrigins(estate, ticket) {
  const cookie = ['cookie', `.ASPXAUTH=${ticket}`];
  const form = { grant_type: 'password' };
  const foreign = [
    [['origin', 'https://evil.test'], ['sec-fetch-site', 'cross-site']],
    [['origin', 'https://evil.test']],
    [['origin', 'null']],
    [['origin', `${estate.api}.evil.test`]],
    [['origin', estate.api.replace(/:\d+$/, ':1')], ['sec-fetch-site', 'same-site']],
  ];
  for (const headers of foreign) {
    const post = (path, form) =>
      send(estate.api + path, { method: 'POST', headers: [cookie, ...headers], form });
    const token = await post('/token', form);
    assert.deepEqual([token.status, token.json.error], [400, 'invalid_request'], `S6-18, ${headers}`);
    assert.equal(token.text.includes('access_token'), false);
    const data = await post('/api/test', form);
    assert.deepEqual([data.status, data.challenge], [401, W0], `S6-17, ${headers}`);
    const login = await post('/portal/login', { username: 'other', password: 'other' });
    assert.deepEqual([login.status, login.cookies], [403, []], `CK-17, ${headers}`);
    const logout = await post('/portal/logout', {});
    assert.deepEqual([logout.status, logout.cookies], [403, []], `CK-09, ${headers}`);
  }
  // nor may the pages of others read what is said
  for (const headers of foreign) {
    const read = await fetch(`${estate.api}/api/test`, { headers });
    assert.equal(read.headers.get('access-control-allow-origin') === headers[0][1], false, `${headers}`);
  }
}

async function openRedirects(page, estate) {
  const elsewhere = [
    'https://evil.test', 'http://evil.test/', 'HTTPS:evil.test', 'https:evil.test', 'https:/evil.test',
    '//evil.test', '///evil.test', '/\\evil.test', '\\/evil.test', '\\\\evil.test', '/%5Cevil.test',
    '/%2Fevil.test', '/\t/evil.test', '/%09/evil.test', '\t//evil.test', ' //evil.test', '/\n/evil.test',
    '/%0a/evil.test', '/a%0d%0aX: y', '/./\\evil.test', '/..//evil.test', '//evil.test@localhost/',
    'javascript:alert(1)', 'data:text/html,x', 'evil.test', '@evil.test', '',
  ];
  for (const url of elsewhere) {
    const there = `${estate.api}/portal/login?ReturnUrl=${encodeURIComponent(url)}`;
    const form = { username: 'test', password: 'test' };
    const { status, location, cookies } = await send(there, { method: 'POST', form });
    const what = `CK-12, ${JSON.stringify(url)}`;
    assert.deepEqual([status, location, cookies.length], [200, undefined, 1], what);
    // and the browser, which has its own idea of an address
    await page.goto(there);
    await logIn(page, 'test');
    assert.equal(page.url(), there, what);
  }
  const twice = `${estate.api}/portal/login?ReturnUrl=%2Faccount&ReturnUrl=%2F%2Fevil.test`;
  await page.goto(twice);
  await logIn(page, 'test');
  assert.equal(new URL(page.url()).origin, estate.api, 'CK-12, two of them');

  // CK-13: a long way back is left out, so that no request grows with each turn
  const long = await send(`${estate.api}/account?${'a'.repeat(8000)}`, { headers: [['accept', 'text/html']] });
  assert.deepEqual([long.status, long.location], [302, '/portal/login'], 'CK-13');

  for (const url of ['/account', '/account?id=7', '/', '/index.htm#top']) {
    await page.goto(`${estate.api}/portal/login?ReturnUrl=${encodeURIComponent(url)}`);
    await logIn(page, 'test');
    assert.equal(page.url(), estate.api + url, 'places of this site are gone to');
  }
}

// CK-01: no session rather than a choice between two.
async function twoCookies(estate, ticket) {
  const token = async (user) => {
    const form = { grant_type: 'password', username: user, password: user };
    return send(`${estate.api}/token`, { method: 'POST', form });
  };
  const [test, other] = [await token('test'), await token('other')];
  const [ofOther] = other.cookies[0].split(';');
  const authorization = ['authorization', `Bearer ${test.json.access_token}`];
  const good = `.ASPXAUTH=${ticket}`;
  const ask = (...cookies) => {
    const headers = [authorization, ...cookies.map((line) => ['cookie', line])];
    return send(`${estate.api}/api/test`, { headers });
  };
  assert.equal((await ask(good)).status, 200);
  for (const cookies of [
    [`${good}; ${ofOther}`], [`${ofOther}; ${good}`], [`${good}; .ASPXAUTH=00`],
    [`.ASPXAUTH=00; ${good}`], [`${good}; ${good}`], [`${good}; .ASPXAUTH=`], [good, ofOther],
  ]) {
    const { status, challenge, json } = await ask(...cookies);
    const what = `CK-01, ${cookies.map((it) => it.replaceAll(/=[^;]{9,}/g, '=…'))}`;
    assert.deepEqual([status, challenge, json.missing], [401, WC, ['session']], what);
  }
}

// A port makes no other host: its page can add a cookie of the same name for a longer path, with a
// ticket that is the attacker's own and good. The API then sees two.
async function tossedCookie(context, estate, evil) {
  const form = { username: 'other', password: 'other' };
  const { cookies } = await send(`${estate.api}/portal/login`, { method: 'POST', form });
  const [tossed] = cookies[0].split(';');
  const page = await context.newPage();
  await page.goto(estate.page);
  await press(page, 'Log in as test', '/portal/login');
  await press(page, 'Request token', '/token');

  const sibling = await context.newPage();
  await sibling.goto(evil.sameSite);
  await sibling.evaluate((line) => { document.cookie = line; }, `${tossed}; path=/api`);
  assert.equal((await context.cookies(`${estate.api}/api/test`)).length, 2, 'both are there');

  const asked = await press(page, 'Request data', '/api/test');
  const carried = (await asked.request().allHeaders()).cookie;
  assert.equal(carried.split('.ASPXAUTH=').length, 3, 'both were sent');
  assert.equal(asked.status(), 401, 'CK-01, a tossed cookie signs nobody in');
  assert.equal(await page.textContent('[data-of=missing]'), 'session');
  await sibling.evaluate(() => { document.cookie = '.ASPXAUTH=; path=/api; max-age=0'; });
  assert.equal((await press(page, 'Request data', '/api/test')).status(), 200, 'and it heals');
}
