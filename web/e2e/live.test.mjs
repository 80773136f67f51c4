// What the pages tell without being asked: notices, who is here, who is online, and that one was sent away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, becomes, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

const password = 'correct horse battery staple';

let server, browser, ann, bob, cy, admin, document;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  [ann, bob, cy] = await Promise.all(['Ann', 'Bob', 'Cy'].map((name) => Person.arrive(browser, name, shots)));
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens a socket to the document from a page, as a program without a caret does. */
function enterWithoutCaret(page, id) {
  return page.evaluate(
    (id) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/collab/${id}`);
        socket.binaryType = 'arraybuffer';
        window.program = socket;
        // Sync step 1 of an empty document; whatever comes back shows that the server has let us in.
        socket.onopen = () => socket.send(Uint8Array.of(0, 0, 1, 0));
        socket.onmessage = () => resolve();
        socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
      }),
    id,
  );
}

test('what happens is told as it happens', { timeout: 180_000 }, async (t) => {
  const step = async (name, work) => {
    const begin = performance.now();
    try {
      await work();
      t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      for (const person of [ann, bob, cy]) await person.shoot(`failed-${person.name}`).catch(() => {});
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  };
  const online = () => admin.getByTestId('online').locator(`[data-document="Plans"]`);
  const connectionOf = (name) => online().locator(`[data-user="${name}"]`);

  await step('accounts and a document', async () => {
    await ann.page.goto(server.setupLink);
    await ann.page.getByLabel('Your name').fill('Ann');
    await ann.page.getByLabel('E-mail').fill('ann@example.org');
    await ann.page.getByLabel('Password').fill(password);
    await ann.page.getByRole('button', { name: 'Create account' }).click();
    await ann.page.getByTestId('empty').waitFor();
    for (const name of ['Bob', 'Cy']) {
      const email = `${name.toLowerCase()}@example.org`;
      await ann.rest('POST', '/users', { name, email, role: 'member', password });
    }
    document = (await ann.rest('POST', '/documents', { title: 'Plans' })).id;
    await Promise.all([
      bob.logIn(server.origin, 'bob@example.org', password),
      cy.logIn(server.origin, 'cy@example.org', password),
      ann.page.goto(`${server.origin}/d/${document}`),
    ]);
    await ann.loaded();
    await (await bob.openBell()).getByText('Nothing yet').waitFor();
    await bob.page.keyboard.press('Escape');
  });

  await step('the bell rings when a document is shared, and leads to it', async () => {
    await ann.page.getByTestId('share').click();
    const dialog = ann.page.getByTestId('share-dialog');
    await ann.shareWith('Bob', 'editor');
    await dialog.getByRole('button', { name: 'Done' }).click();

    const words = 'Ann shared “Plans” with you as editor';
    assert.equal(await bob.page.getByTestId('toast').innerText(), words);
    await bob.unread(1);
    await bob.page.getByTestId('documents').getByText('Plans').waitFor(); // the list has it without reloading
    const panel = await bob.openBell();
    await bob.shoot('1-bell');
    await panel.getByRole('link', { name: words }).click();
    await bob.loaded();
    assert.equal(new URL(bob.page.url()).pathname, `/d/${document}`);
    await bob.unread(0);
    await eventually('the server knows that it was read', async () => {
      const { unread } = await bob.rest('GET', '/notifications');
      return unread === 0;
    });
    await ann.unread(0); // nobody is told of what they did themselves
  });

  await step('a changed role works at once, and is told', async () => {
    await bob.mayWrite(true);
    await ann.rest('PUT', `/documents/${document}/members/${(await bob.rest('GET', '/session')).id}`, {
      role: 'viewer',
    });
    await bob.page.getByTestId('view-only').waitFor();
    await bob.page.getByTestId('toast').getByText('Ann changed your role in “Plans” to viewer').waitFor();
    await bob.page.getByRole('button', { name: 'Dismiss' }).click();
    await bob.page.getByTestId('toast').waitFor({ state: 'detached' });
    await bob.unread(1);
    const panel = await bob.openBell();
    await panel.getByRole('button', { name: 'Mark all as read' }).click();
    await bob.unread(0);
    await bob.page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });

  await step('who is here includes those without a caret', async () => {
    await ann.here(['Ann', 'Bob']);
    const id = (await cy.rest('GET', '/session')).id;
    await ann.rest('PUT', `/documents/${document}/members/${id}`, { role: 'viewer' });
    await cy.page.getByTestId('toast').waitFor();
    await enterWithoutCaret(cy.page, document);
    await Promise.all([ann.here(['Ann', 'Bob', 'Cy']), bob.here(['Ann', 'Bob', 'Cy'])]);
    await ann.page.getByTestId('presence-menu').getByRole('button').click();
    const list = ann.page.getByTestId('presence-list');
    await list.getByText('View only · active now').first().waitFor();
    await list.filter({ hasText: /Ann \(you\)[^]*Bob[^]*Cy/ }).waitFor();
    await ann.shoot('2-who-is-here');
    await ann.page.keyboard.press('Escape');
    await cy.page.evaluate(() => {
      window.program.onclose = null;
      window.program.close();
    });
    await ann.here(['Ann', 'Bob']);
  });

  await step('an administrator sees who is online, live', async () => {
    admin = await ann.context.newPage();
    await admin.goto(`${server.origin}/admin`);
    await Promise.all([connectionOf('Ann').waitFor(), connectionOf('Bob').waitFor()]);
    await becomes(() => admin.getByTestId('counts').innerText(), '2 people in 1 document, 2 connections');
    await becomes(() => admin.getByTestId('state-redis').innerText(), 'Redis\nNot used');
    await becomes(() => admin.getByTestId('state-database').innerText(), 'Database\nSQLite, connected');
    await admin.getByTestId('nodes').getByText('answers you').waitFor();
    await enterWithoutCaret(cy.page, document);
    await connectionOf('Cy').waitFor();
    const filter = admin.getByRole('searchbox');
    await filter.fill('bob plans');
    await connectionOf('Cy').waitFor({ state: 'detached' });
    await connectionOf('Bob').waitFor();
    await filter.fill('nobody of this name');
    await admin.getByTestId('no-match').waitFor();
    await filter.fill('');
    await connectionOf('Cy').waitFor();
    await admin.screenshot({ path: `${ann.shots}/3-admin.png` });
  });

  await step('ending a connection is final until the page is loaded again', async () => {
    await connectionOf('Bob').getByRole('button').click();
    await admin.getByTestId('confirm').getByRole('button', { name: 'Cancel' }).click();
    await connectionOf('Bob').getByRole('button').click();
    await admin.getByTestId('confirm').getByRole('button', { name: 'End connection' }).click();
    await connectionOf('Bob').waitFor({ state: 'detached' });
    await admin.getByText('The connection of Bob to “Plans” was ended.').waitFor();
    await bob.page.getByRole('heading', { name: 'Your connection was ended' }).waitFor();
    await ann.here(['Ann', 'Cy']);
    const { connections } = await bob.watched();
    // Longer than a client that comes back by itself waits at most.
    await bob.page.evaluate(() => new Promise((done) => setTimeout(done, 3000)));
    assert.equal((await bob.watched()).connections, connections);
    await becomes(() => connectionOf('Bob').count(), 0);
    await bob.shoot('4-connection-ended');
    await bob.page.getByRole('button', { name: 'Reload' }).click();
    await bob.loaded();
    await connectionOf('Bob').waitFor();
  });

  await step('another device is logged out from the account page', async () => {
    const phone = await Person.arrive(browser, 'Phone', ann.shots);
    await phone.logIn(server.origin, 'bob@example.org', password);
    await phone.page.goto(`${server.origin}/account`);
    const devices = phone.page.getByTestId('devices').locator('li');
    await devices.nth(1).waitFor();
    await phone.page.getByTestId('devices').getByRole('button').click();
    await devices.nth(1).waitFor({ state: 'detached' });
    await bob.page.getByRole('heading', { name: 'You are logged out' }).waitFor();
    await phone.context.close();
  });

  await step('logging out ends the streams, in the other tabs too', async () => {
    const pages = [cy.page, await cy.context.newPage()];
    const streams = pages.map((page) => Person.streamsOf(page));
    await Promise.all(pages.map((page) => page.goto(server.origin)));
    await eventually('both tabs have a stream', () => streams.every(({ open }) => open.size === 1));
    await cy.logOut();
    for (const page of pages) await page.waitForURL(`${server.origin}/login`);
    await eventually('no stream is left', () => streams.every(({ open }) => open.size === 0));
    const asked = streams.map((one) => one.asked);
    await cy.page.evaluate(() => new Promise((done) => setTimeout(done, 1500)));
    assert.deepEqual(
      streams.map((one) => one.asked),
      asked,
      'nobody asks again after the log-out',
    );
  });

  await step('who is disabled is logged out, and may come back when enabled', async () => {
    await cy.logIn(server.origin, 'cy@example.org', password);
    await admin.goto(`${server.origin}/people`);
    const row = admin.getByTestId('people').locator('[data-user="Cy"]');
    await row.getByRole('button', { name: 'Disable Cy' }).click();
    await admin.getByTestId('confirm').getByRole('button', { name: 'Disable account' }).click();
    await row.getByText('disabled', { exact: true }).waitFor();
    await cy.page.getByRole('heading', { name: 'Log in' }).waitFor();
    await row.getByRole('button', { name: 'Enable Cy' }).click();
    await row.getByRole('button', { name: 'Disable Cy' }).waitFor();
    await cy.logIn(server.origin, 'cy@example.org', password);
  });

  assert.deepEqual(
    [ann, bob, cy].flatMap((person) => person.errors),
    [],
    'uncaught errors in the pages',
  );
});
