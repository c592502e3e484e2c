// The source's page, and what its two credentials are at the moment. Every word about a credential
// is the server's: the ticket cannot be read here, and the token is opaque.

const api = document.documentElement.dataset.api; // '' where the API is of this origin
const find = (selector) => document.querySelector(selector);

let token; // here and nowhere else

find('#log-in').onclick = act(() => logIn('test'));
find('#log-in-other').onclick = act(() => logIn('other'));
find('#log-out').onclick = act(() => nextDoor('/portal/logout', {}));
find('#request-token').onclick = act(requestToken);
find('#forget-token').onclick = act(() => { token = undefined; });
find('#request-data').onclick = act(requestData);

const logIn = (name) => nextDoor('/portal/login', { username: name, password: name });

// The portal speaks up only where it refuses; what it did is seen by the ticket.
async function nextDoor(path, form) {
  const answer = await ask('POST', path, { form });
  if (answer.status !== 200) tell(`POST ${path}`, answer);
}

// For whom the ticket names. The old token does not come along.
async function requestToken() {
  const answer = await ask('POST', '/token', { form: { grant_type: 'password' } });
  token = answer.json?.access_token;
  if (token) answer.text = `an access token of ${token.length} characters`;
  tell('POST /token', answer);
}

// As in the source: before there is a token, this says "Bearer undefined".
async function requestData() {
  tell('GET /api/test', await ask('GET', '/api/test', { bearer: `${token}` }));
}

async function ask(method, path, { bearer, form } = {}) {
  const headers = { 'X-Requested-With': 'XMLHttpRequest' };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const body = form && new URLSearchParams(form);
  try {
    const answer = await fetch(api + path,
      { method, headers, body, cache: 'no-store', credentials: 'include' });
    const text = await answer.text();
    return {
      status: answer.status,
      challenge: answer.headers.get('WWW-Authenticate') ?? '',
      json: read(text),
      text,
    };
  } catch (error) { // nobody answered, or this origin may not read what was said
    return { status: 0, challenge: '', text: error.message };
  }
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Both credentials, judged by the server: the ticket by a page, the token by the API. Of two looks
// the later one counts.
let latest;
function look() {
  const answers = Promise.all([ask('GET', '/account'), ask('GET', '/api/me', { bearer: token })]);
  const mine = latest = answers.then((found) => mine === latest ? judge(...found) : latest);
  return mine;
}

function judge(page, data) {
  const ticketUser = page.status === 200 ? page.text.match(/signed in as (.+)/)?.[1] : undefined;
  const tokenUser = data.status === 200 ? data.json?.user : undefined;
  const both = ticketUser !== undefined && tokenUser !== undefined;
  const differ = both && ticketUser !== tokenUser;
  show('#ticket', page, ticketUser, false);
  show('#token', data, tokenUser, differ);
  find('#same').dataset.state = differ ? 'other' : both ? 'valid' : 'missing';
  find('#same').textContent = differ ? 'two users' : both ? 'one user' : 'not both';
}

function show(card, answer, user, differs) {
  const state = stateOf(answer, differs);
  find(card).dataset.state = state;
  find(`${card} .state b`).textContent = WORDS[state];
  find(`${card} .state span`).textContent = user ?? '';
  find(`${card} output`).textContent = said(answer);
}

// A refusal without an error code says that nothing was sent (RFC 6750, 3.1).
function stateOf({ status, json }, differs) {
  if (status === 200) return differs ? 'other' : 'valid';
  if (status !== 401 && status !== 400) return 'unknown';
  return json?.error ? 'invalid' : 'missing';
}

const WORDS = {
  invalid: 'not valid',
  missing: 'missing',
  other: 'of another user',
  unknown: 'unknown',
  valid: 'valid',
};

// What the server answered to a button.
function tell(asked, answer) {
  const { status, challenge, json, text } = answer;
  const panel = find('#answer');
  panel.dataset.state = status === 200 ? 'open' : 'shut';
  find('#answer .status').textContent = said(answer);
  const parts = { asked, missing: json?.missing?.join(', '), challenge, body: text };
  for (const [name, part] of Object.entries(parts)) {
    find(`[data-of=${name}]`).textContent = part || 'none';
  }
  find('#answer dl').hidden = false;
}

function said({ status, json }) {
  if (status === 0) return 'no answer';
  return [status, json?.detail ?? json?.error_description].filter(Boolean).join(' ');
}

// What a button does, and then a look at both credentials. One at a time.
function act(work) {
  return async () => {
    const page = find('main');
    if (page.ariaBusy === 'true') return;
    page.ariaBusy = 'true';
    try {
      await work();
      await look();
    } finally {
      page.ariaBusy = 'false';
    }
  };
}

addEventListener('focus', look); // somebody may have logged in or out next door
look();
