// A small company with its documents, as a server has it after some weeks: what the pages are looked at with.
import * as Y from 'yjs';

export const password = 'correct horse battery staple';

const people = [
  ['Hana Kim', 'hana@example.org', 'admin'],
  ['Jonas Weber', 'jonas@example.org', 'member'],
  ['Priya Raghavan', 'priya@example.org', 'member'],
  ['박서준', 'seojun@example.org', 'member'],
  ['Maximiliane von Hohenberg-Sonnenthal', 'maximiliane.von.hohenberg@example.org', 'member'],
  ['Tom Ó Briain', 'tom@example.org', 'admin'],
];

const titles = [
  'Quarterly planning 2027',
  'Hiring: backend engineer',
  '2026년 4분기 영업 회의록',
  'Onboarding checklist',
  'How we take notes in meetings, who keeps them, and where everybody can find them again a year later',
  'release-notes.md',
  'Customer interviews, November',
  'Incident of 12 November',
  'Brand guidelines',
  'Office move',
  'Reading list',
  'Price list 2027',
  '신규 입사자 안내',
  'Support rota',
  'Security review',
  'deploy.json',
  'Travel policy',
  'Workshop in Lisbon',
  'Press kit',
  'Ideas',
  'Board meeting, December',
  'Glossary',
  'Data processing agreement',
  'Roadmap',
  'Holiday calendar',
];

/** The content of a document with the first lines of something that people write. */
function someText() {
  const doc = new Y.Doc();
  const root = doc.getXmlFragment('default');
  const line = (name, text, attributes = {}) => {
    const element = new Y.XmlElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.insert(0, [new Y.XmlText(text)]);
    return element;
  };
  root.insert(0, [
    line('heading', 'Where we are', { level: 2 }),
    line('paragraph', 'Two of three teams have named what they will finish before spring; the third waits for prices.'),
    line('heading', 'What is next', { level: 2 }),
    line('paragraph', 'Everybody writes their part below until Thursday. We read it together on Friday at ten.'),
  ]);
  return Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64');
}

/** One person's programs: calls the interface with that person's cookie. */
async function caller(origin, email) {
  let cookie = '';
  const call = async (method, path, body, headers = {}) => {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        ...(cookie ? { Cookie: cookie } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    cookie = response.headers.get('Set-Cookie')?.split(';')[0] ?? cookie;
    return text ? JSON.parse(text) : undefined;
  };
  if (email) await call('POST', '/session', { email, password });
  return call;
}

/**
 * Fills a new server. Answers the people by e-mail address, documents by title, and what else the pages show: a link
 * for an invitation and one for a new password, a key's guest, an account without anything.
 */
export async function company(server) {
  const { origin } = server;
  const token = new URL(server.setupLink).hash.slice('#token='.length);
  const [[name, email], ...others] = people;
  const nobody = await caller(origin);
  const users = { [email]: await nobody('POST', '/setup', { token, name, email, password }) };
  const hana = await caller(origin, email);
  for (const [name, email, role] of others) {
    users[email] = await hana('POST', '/users', { name, email, role, password });
  }
  const invited = await hana('POST', '/users', { name: 'Noor Haddad', email: 'noor@example.org', role: 'member' });
  const newcomer = await hana('POST', '/users', {
    name: 'Ines Duarte',
    email: 'ines@example.org',
    role: 'member',
    password,
  });
  const reset = await hana('POST', `/users/${newcomer.id}/reset`);
  const gone = await hana('POST', '/users', {
    name: 'Leo Marchetti',
    email: 'leo@example.org',
    role: 'member',
    password,
  });
  await hana('PATCH', `/users/${gone.id}`, { disabled: true });

  for (const one of [invited, newcomer, gone]) users[one.email] = one;

  const calls = { [email]: hana };
  for (const [, email] of others) calls[email] = await caller(origin, email);
  const documents = {};
  for (const [at, title] of titles.entries()) {
    const [, owner] = people[at % 3 === 2 ? 1 + (at % (people.length - 1)) : 0];
    const text = /\.\w+$/.test(title);
    const content = text
      ? { kind: 'text', format: 'text', content: `# ${title}\n\n- The first line\n` }
      : { format: 'yjs', content: someText() };
    documents[title] = await calls[owner]('POST', '/documents', { title, ...content });
    const role = at % 2 === 0 ? 'editor' : 'viewer';
    if (owner !== email) {
      await calls[owner]('PUT', `/documents/${documents[title].id}/members/${users[email].id}`, { role });
    }
  }
  const plan = documents['Quarterly planning 2027'];
  for (const [at, [, email]] of others.entries()) {
    const role = at % 2 === 0 ? 'editor' : 'viewer';
    await hana('PUT', `/documents/${plan.id}/members/${users[email].id}`, { role });
  }
  const { key } = await hana('POST', '/api-keys', { name: 'Customer portal', scopes: ['tokens'] });
  await fetch(`${origin}/api/v1/documents/${plan.id}/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ role: 'editor', user: { id: 'c-4711', name: 'Yuki Tanaka' } }),
  });
  await hana('POST', '/api-keys', {
    name: 'Nightly export',
    scopes: ['documents:read'],
    expiresAt: new Date(Date.now() + 90 * 86_400_000).toISOString(),
  });
  await hana('PATCH', `/documents/${documents.Ideas.id}`, { title: 'Ideas for the spring' });
  await hana('DELETE', `/documents/${documents['Office move'].id}`);
  await hana('DELETE', `/documents/${documents['Reading list'].id}`);
  await hana('DELETE', `/documents/${documents['Holiday calendar'].id}`);
  await nobody('POST', '/session', { email: 'jonas@example.org', password: 'not this one' }).catch(() => {});
  await hana('PUT', `/documents/${plan.id}/members/${users['priya@example.org'].id}`, { role: 'editor' });
  await hana('DELETE', `/documents/${plan.id}/members/${users['tom@example.org'].id}`);
  return {
    users,
    documents,
    plan,
    member: 'jonas@example.org',
    admin: email,
    newcomer: newcomer.email,
    invitation: new URL(invited.invitation.url),
    reset: new URL(reset.url),
  };
}
