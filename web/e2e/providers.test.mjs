// Two people in one document, one page with y-websocket and one with the Hocuspocus provider: they see each other, and either badge tells the truth.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

const password = 'correct horse battery staple';

let server, browser, ada, bo, documentId;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  [ada, bo] = await Promise.all(['Ada', 'Bo'].map((name) => Person.arrive(browser, name, shots)));
  for (const person of [ada, bo]) {
    person.sockets = [];
    person.scripts = [];
    person.page.on('websocket', (socket) => person.sockets.push(new URL(socket.url()).pathname));
    person.page.on('request', (request) => person.scripts.push(new URL(request.url()).pathname));
  }
  // A notice would tell Bo's page of a new role before his provider does.
  await bo.context.route('**/notifications/stream', (route) => route.abort());
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Waits until both see the same text and it passes `check`. */
async function sameText(check) {
  let texts = [];
  await eventually('equal texts', async () => {
    texts = [await ada.text(), await bo.text()];
    return texts[0] === texts[1] && check(texts[0]);
  }).catch((error) => {
    throw new Error(`${error.message}\n--- Ada\n${texts[0]}\n--- Bo\n${texts[1]}`, { cause: error });
  });
  return texts[0];
}

const has =
  (...all) =>
  (text) =>
    all.every((words) => text.includes(words));

const saved = () => Promise.all([ada.badgeIs('saved'), bo.badgeIs('saved')]);

test('y-websocket and Hocuspocus in one document', { timeout: 180_000 }, async (t) => {
  const step = async (name, work) => {
    const begin = performance.now();
    try {
      await work();
      t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      for (const person of [ada, bo]) await person.shoot(`providers-failed-${person.name}`).catch(() => {});
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  };

  await step('both open it, each with a provider of their own', async () => {
    await ada.page.goto(server.setupLink);
    await ada.page.getByLabel('Your name').fill('Ada');
    await ada.page.getByLabel('E-mail').fill('ada@example.org');
    await ada.page.getByLabel('Password').fill(password);
    await ada.page.getByRole('button', { name: 'Create account' }).click();
    await ada.page.getByTestId('empty').waitFor();
    const { id } = await ada.rest('POST', '/documents', { title: 'Both' });
    documentId = id;
    const user = await ada.rest('POST', '/users', { name: 'Bo', email: 'bo@example.org', role: 'member', password });
    bo.id = user.id;
    await ada.rest('PUT', `/documents/${documentId}/members/${bo.id}`, { role: 'editor' });
    await ada.page.goto(`${server.origin}/d/${documentId}`);
    await ada.loaded();
    await bo.logIn(server.origin, 'bo@example.org', password);
    await bo.page.goto(`${server.origin}/d/${documentId}?provider=hocuspocus`);
    await bo.loaded();
    await saved();

    assert.deepEqual([...new Set(ada.sockets)], [`/collab/${documentId}`]);
    assert.deepEqual([...new Set(bo.sockets)], ['/collab']);
    const loads = (person) => person.scripts.some((path) => path.includes('hocuspocus'));
    assert.deepEqual([loads(ada), loads(bo)], [false, true], 'who loaded the Hocuspocus provider');
  });

  await step('they type at once, and see each other', async () => {
    await ada.editor.click();
    await ada.type('From Ada.');
    await ada.page.keyboard.press('Enter');
    await sameText(has('From Ada.'));
    await bo.editor.click();
    await bo.page.keyboard.press('Control+End');
    await bo.type('From Bo.');
    await sameText(has('From Ada.', 'From Bo.'));
    await ada.goTo('From Ada.');
    await bo.goTo('From Bo.');
    await Promise.all([ada.seesCaretOf(bo), bo.seesCaretOf(ada)]);
    await Promise.all([ada.type(' By y-websocket.'), bo.type(' By Hocuspocus.')]);
    await sameText((text) => text === 'From Ada. By y-websocket.\nFrom Bo. By Hocuspocus.');
    await saved();
    for (const person of [ada, bo]) await person.here(['Ada', 'Bo']);
    await ada.shoot('providers-1-ada');
    await bo.shoot('providers-2-bo');
  });

  await step('nothing is called saved while the server stands still', async () => {
    server.freeze();
    try {
      await bo.goTo('From Bo.');
      for (const letter of ' Frozen.') {
        await bo.type(letter);
        await bo.badgeIs('saving');
      }
      await bo.hasUnsaved(true);
      await bo.shoot('providers-3-frozen');
    } finally {
      server.thaw();
    }
    await saved();
    await sameText(has('Frozen.'));
  });

  await step('Bo types without a network, and both sides merge afterwards', async () => {
    await bo.context.setOffline(true);
    await bo.badgeIs('offline');
    await bo.hasUnsaved(false);
    await bo.goTo('From Bo.');
    await bo.type(' Offline.');
    await bo.hasUnsaved(true);
    await ada.goTo('From Ada.');
    await ada.type(' Meanwhile.');
    await ada.badgeIs('saved');
    assert.ok(!(await ada.text()).includes('Offline.'));
    await bo.shoot('providers-4-offline');
    await bo.context.setOffline(false);
    await sameText(has('Offline.', 'Meanwhile.'));
    await saved();
    await bo.hasUnsaved(false);
  });

  await step('what was saved is there after kill -9, and what is typed before the server is back', async () => {
    await server.kill();
    await Promise.all([ada.badgeIs('offline'), bo.badgeIs('offline')]);
    await ada.goTo('From Ada.');
    await ada.type(' A down.');
    await bo.goTo('From Bo.');
    await bo.type(' B down.');
    await server.restart();
    const text = await sameText(has('A down.', 'B down.'));
    await saved();
    await server.kill();
    await server.restart();
    await bo.page.reload();
    await bo.loaded();
    assert.equal(await sameText(() => true), text);
    await saved();
    await ada.goTo('From Ada.');
    await bo.goTo('From Bo.');
    await Promise.all([ada.seesCaretOf(bo), bo.seesCaretOf(ada)]);
    for (const person of [ada, bo]) await person.here(['Ada', 'Bo']);
  });

  await step('a new role comes over the living connection', async () => {
    const before = bo.sockets.length;
    await ada.rest('PUT', `/documents/${documentId}/members/${bo.id}`, { role: 'viewer' });
    await bo.page.getByTestId('view-only').waitFor();
    await bo.mayWrite(false);
    await bo.shoot('providers-5-viewer');
    await ada.goTo('From Ada.');
    await ada.type(' Seen.');
    await sameText(has('Seen.'));
    await ada.rest('PUT', `/documents/${documentId}/members/${bo.id}`, { role: 'editor' });
    await bo.page.getByTestId('view-only').waitFor({ state: 'detached' });
    await bo.goTo('From Bo.');
    await bo.type(' Again.');
    await sameText(has('Again.'));
    await saved();
    assert.equal(bo.sockets.length, before, "Bo's connections");
  });

  await step('the end of the document is explained', async () => {
    await ada.rest('DELETE', `/documents/${documentId}`);
    for (const person of [ada, bo]) {
      await person.page.getByRole('heading', { name: 'This document was deleted' }).waitFor();
    }
    await bo.shoot('providers-6-deleted');
  });

  assert.deepEqual([...ada.errors, ...bo.errors], [], 'uncaught errors in the pages');
});
