// Measures in Chromium what a person waits for: the list, the editor, and each key in documents of 100 and 300 pages while
// three others type. `npm run measure` prints a table and fails when a figure misses its target; `--times 9` repeats more.
// Everything runs on this machine: the server, the browser and the others.
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { Person, launch, shotsFolder } from '../e2e/browser.mjs';
import { Server } from '../e2e/server.mjs';

const { values: settings } = parseArgs({
  options: { times: { type: 'string', default: '5' }, keys: { type: 'string', default: '200' } },
});
const password = 'correct horse battery staple';
const words = 'the quick brown fox jumps over a lazy dog while the others write about something else '.split(' ');

/** A document of so many pages of 500 words, a heading on each. */
function pages(count) {
  const doc = new Y.Doc();
  const root = doc.getXmlFragment('default');
  const paragraph = (name, text) => {
    const element = new Y.XmlElement(name);
    element.insert(0, [new Y.XmlText(text)]);
    if (name === 'heading') element.setAttribute('level', 2);
    return element;
  };
  doc.transact(() => {
    for (let page = 0; page < count; page++) {
      const lines = Array.from({ length: 5 }, (_, n) =>
        paragraph(
          'paragraph',
          Array.from({ length: 100 }, (_, i) => words[(page * 7 + n * 3 + i) % words.length]).join(' '),
        ),
      );
      root.insert(root.length, [paragraph('heading', `Page ${page + 1}`), ...lines]);
    }
  });
  return Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64');
}

const quantile = (all, q) => [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(q * all.length))];

/** Opens a page in a browser without any cache and says how long it took until `ready`, in milliseconds; or, since counting them takes time, how many bytes of scripts it has fetched. */
async function opening(browser, cookies, url, ready, counting = false) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 } });
  await context.addCookies(cookies);
  const page = await context.newPage();
  const scripts = new Map();
  if (counting) {
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.set(response.url(), response.body());
    });
  }
  const begin = performance.now();
  await page.goto(url, { waitUntil: 'commit' });
  await ready(page);
  const took = performance.now() - begin;
  let bytes = 0;
  for (const body of scripts.values()) bytes += gzipSync(await body).length;
  await context.close();
  return { took, bytes };
}

/** Types in the page, and says for each key how long it was from the key until the next frame had been painted. */
async function typing(page, keys) {
  await page.evaluate(() => {
    window.latencies = [];
    const editor = document.querySelector('[data-testid=editor]');
    editor.addEventListener(
      'keydown',
      (event) => {
        const channel = new MessageChannel();
        // A message that is sent in an animation frame arrives when that frame is out.
        channel.port1.onmessage = () => window.latencies.push(performance.now() - event.timeStamp);
        requestAnimationFrame(() => channel.port2.postMessage(null));
      },
      true,
    );
  });
  for (let n = 0; n < keys; n++) {
    await page.keyboard.press('abcdefghij '[n % 11] === ' ' ? 'Space' : 'abcdefghij'[n % 11]);
    await page.waitForTimeout(60);
  }
  return page.evaluate(() => window.latencies);
}

/** Has another person type on a page of a document, until the function that it answers is called. */
async function typeAlong(owner, document, id, page) {
  await owner.rest('PUT', `/documents/${document}/members/${id}`, { role: 'editor' });
  const { token } = await owner.rest('POST', `/documents/${document}/tokens`, { role: 'editor' });
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${server.origin.replace('http', 'ws')}/collab`, document, doc, {
    params: { token },
    disableBc: true,
  });
  await new Promise((synced) => provider.once('sync', synced));
  // A page is a heading and five paragraphs.
  const line = doc
    .getXmlFragment('default')
    .get(6 * (page - 1) + 2)
    .get(0);
  const timer = setInterval(() => line.insert(line.length, words[line.length % words.length].slice(0, 1)), 150);
  return () => {
    clearInterval(timer);
    provider.destroy();
  };
}

const browser = await launch();
const server = await Server.first();
const others = [];
let missed = false;
const figure = (what, value, most, unit) => {
  const bad = value > most;
  missed ||= bad;
  console.log(`${what}: ${value.toFixed(0)} ${unit} (at most ${most})${bad ? ' MISSED' : ''}`);
};
try {
  const ann = await Person.arrive(browser, 'Ann', await shotsFolder());
  await ann.page.goto(server.setupLink);
  await ann.page.getByLabel('Your name').fill('Ann');
  await ann.page.getByLabel('E-mail').fill('ann@example.org');
  await ann.page.getByLabel('Password').fill(password);
  await ann.page.getByRole('button', { name: 'Create account' }).click();
  await ann.page.getByTestId('empty').waitFor();
  for (let n = 1; n <= 60; n++) await ann.rest('POST', '/documents', { title: `Document ${n}` });
  const make = async (title, size) =>
    (await ann.rest('POST', '/documents', { title, format: 'yjs', content: pages(size) })).id;
  const small = await make('Two pages', 2);
  const large = await make('A hundred pages', 100);
  const longest = await make('Three hundred pages', 300);
  const cookies = await ann.context.cookies();

  const times = Number(settings.times);
  const list = [
    `${server.origin}/`,
    (page) =>
      page
        .getByRole('link', { name: /A hundred pages/ })
        .first()
        .waitFor(),
  ];
  const editor = [
    `${server.origin}/d/${small}`,
    (page) => page.locator('.surface[data-loaded=true] [contenteditable=true]').first().waitFor(),
  ];
  const median = async (place) => {
    const took = [];
    for (let n = 0; n < times; n++) took.push((await opening(browser, cookies, ...place)).took);
    return quantile(took, 0.5);
  };
  const kilobytes = async (place) => (await opening(browser, cookies, ...place, true)).bytes / 1000;
  figure('list, from the address to its rows, median', await median(list), 1000, 'ms');
  figure('editor, from the address to writable text, median', await median(editor), 1000, 'ms');
  figure('JavaScript of the first page, gzipped', await kilobytes(list), 250, 'kB');
  console.log(`JavaScript of the editor, all in all: ${(await kilobytes(editor)).toFixed(0)} kB`);

  const typists = [];
  for (const name of ['Bob', 'Cy', 'Dee']) {
    typists.push(await ann.rest('POST', '/users', { name, email: `${name}@example.org`, role: 'member', password }));
  }
  for (const [id, size, most] of [
    [large, 100, 50],
    [longest, 300, 100],
  ]) {
    for (const typist of typists)
      others.push(await typeAlong(ann, id, typist.id, Math.floor(size / 4) * (others.length + 1)));
    await ann.page.goto(`${server.origin}/d/${id}`);
    await ann.loaded();
    await ann.editor.getByText(`Page ${size / 2}`, { exact: true }).click();
    await ann.page.keyboard.press('End');
    const keys = await typing(ann.page, Number(settings.keys));
    console.log(`key to paint in ${size} pages, three others type: median ${quantile(keys, 0.5).toFixed(0)} ms`);
    figure('the same, 95 of 100', quantile(keys, 0.95), most, 'ms');
    for (const stop of others.splice(0)) stop();
  }
} finally {
  for (const stop of others) stop();
  await browser.close();
  await server.close();
}
process.exit(missed ? 1 : 0);
