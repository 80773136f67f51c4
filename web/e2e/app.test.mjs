// What a small company does from the first day on: people are invited, documents are shared, taken back, lost and found.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, becomes, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

const password = 'correct horse battery staple';
const newPassword = 'a different battery staple';

let server, browser, ada, bo;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  [ada, bo] = await Promise.all(['Ada', 'Bo'].map((name) => Person.arrive(browser, name, shots)));
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const row = (person, title) => person.page.getByTestId('documents').locator('li').filter({ hasText: title });
const flash = (person) => person.page.getByTestId('flash');

/** Chooses something from the menu of a document in the list. */
async function choose(person, title, action) {
  await row(person, title)
    .getByRole('button', { name: `Actions for “${title}”` })
    .click();
  await person.page.getByRole('menuitem', { name: action }).click();
}

/** What a program gets that sends a key. */
async function withKey(key, path) {
  const response = await fetch(`${server.origin}/api/v1${path}`, { headers: { Authorization: `Bearer ${key}` } });
  return { status: response.status, body: await response.json() };
}

test('a company works with it', { timeout: 240_000 }, async (t) => {
  const step = async (name, work) => {
    const begin = performance.now();
    try {
      await work();
      t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      for (const person of [ada, bo]) await person.shoot(`failed-app-${person.name}`).catch(() => {});
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  };
  let documentId;

  await step('somebody is invited, and chooses a password', async () => {
    await ada.page.goto(server.setupLink);
    await ada.page.getByLabel('Your name').fill('Ada');
    await ada.page.getByLabel('E-mail').fill('ada@example.org');
    await ada.page.getByLabel('Password').fill(password);
    await ada.page.getByRole('button', { name: 'Create account' }).click();
    await ada.page.getByTestId('empty').waitFor();

    await ada.page.getByRole('link', { name: 'People' }).click();
    await ada.page.getByTestId('invite').click();
    const dialog = ada.page.getByTestId('add-person');
    await dialog.getByLabel('Name').fill('Bo');
    await dialog.getByLabel('E-mail').fill('bo@example.org');
    await dialog.getByRole('button', { name: 'Create invitation' }).click();
    const link = await ada.page.getByTestId('invitation').getByLabel('Invitation link').inputValue();
    await ada.page.getByTestId('people').locator('[data-user=Bo]').waitFor();
    await ada.shoot('app-1-invited');

    await bo.page.goto(link);
    await bo.page.getByLabel('Password').fill(password);
    await bo.page.getByRole('button', { name: 'Set password and log in' }).click();
    await bo.page.getByTestId('empty').waitFor();
    assert.equal(await bo.page.getByRole('link', { name: 'People' }).count(), 0, 'a member has no page of accounts');
    // The link works once.
    const second = await bo.context.newPage();
    await second.goto(link);
    await second.getByLabel('Password').fill(password);
    await second.getByRole('button', { name: 'Set password and log in' }).click();
    await second.getByRole('heading', { name: 'This invitation can’t be used' }).waitFor();
    await second.close();
  });

  await step('a document is shared with a person found by address, and written together', async () => {
    await ada.page.getByRole('link', { name: 'All documents' }).click();
    await ada.page.getByTestId('new-document').click();
    await ada.loaded();
    documentId = new URL(ada.page.url()).pathname.slice(3);
    await ada.page.getByTestId('title').fill('Harvest plan');
    await ada.page.keyboard.press('Enter');
    await ada.editor.click();
    await ada.type('Apples first.');
    await ada.page.getByTestId('share').click();
    const dialog = ada.page.getByTestId('share-dialog');
    const picker = dialog.getByRole('combobox', { name: 'Person' });
    await picker.fill('nobody-like-this');
    await dialog.getByText('Nobody has a name or address like that.').waitFor();
    // By keyboard: the first one found is taken with Enter.
    await picker.fill('bo@ex');
    await dialog.getByRole('option', { name: 'Bo' }).waitFor();
    await picker.press('Enter');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByLabel('Role of Bo').waitFor();
    await ada.shoot('app-2-shared');
    await dialog.getByRole('button', { name: 'Done' }).click();

    await bo.page.getByTestId('toast').getByText('Ada shared “Harvest plan” with you as editor').waitFor();
    await bo.page.getByRole('link', { name: 'Shared with me' }).click();
    await row(bo, 'Harvest plan').getByRole('link').click();
    await bo.loaded();
    await bo.editor.click();
    await bo.page.keyboard.press('Control+End');
    await bo.type(' Pears later.');
    await eventually('Ada sees it', async () => (await ada.text()) === 'Apples first. Pears later.');
  });

  await step('access is taken away while the other one types, and nothing of it arrives', async () => {
    let typed = 0;
    let typing = true;
    const typist = (async () => {
      for (; typing; typed++) await bo.page.keyboard.press('x', { delay: 15 });
    })();
    try {
      await eventually('some of it arrived', async () => (await ada.text()).includes('xxx'));
      await ada.page.getByTestId('share').click();
      await ada.page.getByRole('button', { name: 'Remove Bo' }).click();
      await ada.page.getByLabel('Role of Bo').waitFor({ state: 'detached' });
      await bo.page.getByTestId('banner').waitFor();
      const then = typed;
      await eventually('Bo goes on for ten keys', () => typed >= then + 10);
    } finally {
      typing = false;
      await typist;
    }
    await ada.page.getByRole('button', { name: 'Done' }).click();
    await bo.mayWrite(false);
    const kept = await ada.text();
    await ada.badgeIs('saved');
    assert.ok(kept.split('x').length - 1 < typed, 'what Bo typed afterwards is not there');
    await bo.shoot('app-3-taken-away');
    await bo.page.goto(`${server.origin}/d/${documentId}`);
    await bo.page.getByRole('heading', { name: 'No such document' }).waitFor();
    assert.equal(await ada.text(), kept);
    await bo.page.goto(server.origin);
    await bo.page.getByTestId('empty').waitFor();
  });

  await step('documents are renamed, duplicated, searched and sorted', async () => {
    await ada.page.goto(server.origin);
    await choose(ada, 'Harvest plan', 'Rename');
    const dialog = ada.page.getByTestId('rename');
    await dialog.getByLabel('Title').fill('Orchard plan');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row(ada, 'Orchard plan').waitFor();
    await choose(ada, 'Orchard plan', 'Duplicate');
    await flash(ada).getByText('“Orchard plan” is duplicated.').waitFor();
    await row(ada, 'Orchard plan (copy)').getByRole('link').click();
    await ada.loaded();
    await eventually('the copy has the content', async () => (await ada.text()).startsWith('Apples first.'));
    await ada.page.goto(server.origin);
    const made = await ada.rest('POST', '/documents', { title: 'Budget' });
    await ada.page.reload();
    await ada.page.getByLabel('Sort by').selectOption('title');
    const titles = () => ada.page.getByTestId('documents').locator('.row-title').allInnerTexts();
    const all = ['Budget', 'Orchard plan', 'Orchard plan (copy)'];
    await eventually('by title', async () => JSON.stringify(await titles()) === JSON.stringify(all));
    await ada.page.getByLabel('Sort by').selectOption('created');
    await eventually('newest first', async () => (await titles())[0] === 'Budget');
    await ada.page.keyboard.press('/');
    await ada.page.keyboard.type('COPY');
    await eventually('found', async () => (await titles()).join() === 'Orchard plan (copy)');
    await ada.page.getByRole('searchbox').fill('no such title');
    await ada.page.getByTestId('no-match').waitFor();
    await ada.rest('DELETE', `/documents/${made.id}`);
  });

  await step('what was thrown away comes back, or goes for good', async () => {
    await ada.page.goto(server.origin);
    await choose(ada, 'Orchard plan (copy)', 'Move to trash');
    await flash(ada).getByText('is in the trash').waitFor();
    await row(ada, 'Orchard plan (copy)').waitFor({ state: 'detached' });
    await ada.page.getByRole('button', { name: 'Undo' }).click();
    await row(ada, 'Orchard plan (copy)').waitFor();
    await choose(ada, 'Orchard plan (copy)', 'Move to trash');
    await row(ada, 'Orchard plan (copy)').waitFor({ state: 'detached' });
    await ada.page.getByRole('link', { name: 'Trash' }).click();
    await row(ada, 'Budget').getByText('in 30 days').waitFor();
    await ada.shoot('app-4-trash');
    await ada.page.getByRole('button', { name: 'Bring back “Budget”' }).click();
    await row(ada, 'Budget').waitFor({ state: 'detached' });
    await ada.page.getByRole('button', { name: 'Delete for good: “Orchard plan (copy)”' }).click();
    await ada.page.getByTestId('confirm').getByRole('button', { name: 'Delete for good' }).click();
    await ada.page.getByTestId('empty').waitFor();
    await ada.page.getByRole('link', { name: 'All documents' }).click();
    await row(ada, 'Budget').waitFor();
    await row(ada, 'Orchard plan (copy)').waitFor({ state: 'detached' });
  });

  await step('a plain-text document opens in the other editor', async () => {
    await ada.page.getByRole('button', { name: 'More kinds of documents' }).click();
    await ada.page.getByTestId('new-text').click();
    await ada.page.waitForURL(/\/d\//);
    await ada.page.locator('.cm-editor').waitFor();
    const id = new URL(ada.page.url()).pathname.slice(3);
    assert.equal((await ada.rest('GET', `/documents/${id}`)).kind, 'text');
  });

  await step('the owner hands a document over', async () => {
    await ada.page.goto(`${server.origin}/d/${documentId}`);
    await ada.loaded();
    await ada.page.getByTestId('share').click();
    await ada.shareWith('Bo', 'editor');
    await ada.page.getByLabel('Role of Bo').selectOption('owner');
    await ada.page.getByTestId('confirm').getByRole('button', { name: 'Make owner' }).click();
    await eventually('Bo owns it', async () => (await ada.rest('GET', `/documents/${documentId}`)).owner.name === 'Bo');
    await ada.page.getByTestId('confirm').waitFor({ state: 'detached' });
    await bo.page.goto(`${server.origin}/owned`);
    await row(bo, 'Orchard plan').waitFor();
  });

  await step('a key is made, works within its scopes, and is deleted', async () => {
    await ada.page.goto(`${server.origin}/account/keys`);
    await ada.page.getByTestId('no-keys').waitFor();
    await ada.page.getByTestId('create-key').click();
    const dialog = ada.page.getByTestId('new-key');
    await dialog.getByLabel('Name').fill('Nightly export');
    await dialog.getByLabel('Expires').selectOption('30');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    const made = ada.page.getByTestId('made-key');
    const key = await made.getByRole('textbox').inputValue();
    assert.match(key, /^bsk_/);
    await ada.shoot('app-5-key');
    assert.equal((await withKey(key, '/documents')).status, 200);
    assert.equal((await withKey(key, '/users')).body.code, 'insufficient_scope');
    await ada.page.reload();
    await ada.page.getByTestId('keys').getByText('Nightly export').waitFor();
    assert.equal(await made.count(), 0, 'the key is shown once');
    await ada.page.getByRole('button', { name: 'Delete the key “Nightly export”' }).click();
    await ada.page.getByTestId('confirm').getByRole('button', { name: 'Delete key' }).click();
    await ada.page.getByTestId('no-keys').waitFor();
    assert.equal((await withKey(key, '/documents')).status, 401);
  });

  await step('a new password logs the other devices out', async () => {
    const phone = await Person.arrive(browser, 'Phone', ada.shots);
    await phone.logIn(server.origin, 'bo@example.org', password);
    await bo.page.goto(`${server.origin}/account`);
    await eventually('both devices', async () => (await bo.page.getByTestId('devices').locator('li').count()) === 2);
    await bo.page.getByLabel('Current password').fill('not the password');
    await bo.page.getByLabel('New password').fill(newPassword);
    await bo.page.getByRole('button', { name: 'Change password' }).click();
    await bo.page.getByText('That is not your current password.').waitFor();
    await bo.page.getByLabel('Current password').fill(password);
    await bo.page.getByRole('button', { name: 'Change password' }).click();
    await bo.page.getByText('Your password is changed.').waitFor();
    await phone.page.getByRole('heading', { name: 'Log in' }).waitFor();
    await bo.page.reload();
    await bo.page.getByTestId('devices').locator('li').first().waitFor();
    await becomes(() => bo.page.getByTestId('devices').locator('li').count(), 1);
    await phone.logIn(server.origin, 'bo@example.org', newPassword);
    await phone.context.close();
  });

  await step('an administrator helps who forgot a password, and reads what was done', async () => {
    await ada.page.goto(`${server.origin}/people`);
    await ada.page.getByRole('button', { name: 'Actions for Bo' }).click();
    await ada.page.getByRole('menuitem', { name: 'Reset password' }).click();
    const link = await ada.page.getByTestId('invitation').getByRole('textbox').inputValue();
    const other = await Person.arrive(browser, 'Other', ada.shots);
    await other.page.goto(link);
    await other.page.getByRole('heading', { name: 'Set a new password' }).waitFor();
    await other.page.getByLabel('New password').fill(password);
    await other.page.getByRole('button', { name: 'Set password and log in' }).click();
    await other.page.getByRole('heading', { name: 'Documents' }).waitFor();
    await other.context.close();

    await ada.page.goto(`${server.origin}/admin`);
    await ada.page.getByTestId('statistics').locator('.tile').nth(3).waitFor();
    await ada.shoot('app-6-overview');
    await ada.page.getByRole('link', { name: 'Audit log' }).click();
    const log = ada.page.getByTestId('audit');
    await log.getByText('made a link for a new password').waitFor();
    await ada.page.getByLabel('What').selectOption('key.');
    await log.getByText('deleted an API key').waitFor();
    await log.getByText('created an API key').waitFor();
    await becomes(() => log.locator('[data-action^="document."]').count(), 0);
    await ada.page.getByLabel('Who').selectOption('Bo');
    await ada.page.getByTestId('no-entries').waitFor();
    await ada.page.getByRole('button', { name: 'Clear filters' }).click();
    await log.locator('[data-action="document.transfer"]').waitFor();
    await ada.shoot('app-7-audit');
  });

  await step('an account is deleted, and its documents go to the heir', async () => {
    await bo.logIn(server.origin, 'bo@example.org', password);
    await ada.page.goto(`${server.origin}/people`);
    await ada.page.getByRole('button', { name: 'Actions for Bo' }).click();
    await ada.page.getByRole('menuitem', { name: 'Delete account' }).click();
    await ada.page.getByTestId('confirm').getByRole('button', { name: 'Delete account' }).click();
    await ada.page.getByText('The account of Bo is deleted.').waitFor();
    await bo.page.getByRole('heading', { name: 'Log in' }).waitFor();
    await eventually('Ada owns it', async () => {
      const { owner, role } = await ada.rest('GET', `/documents/${documentId}`);
      return owner.name === 'Ada' && role === 'owner';
    });
  });

  assert.deepEqual([...ada.errors, ...bo.errors], [], 'uncaught errors in the pages');
});
