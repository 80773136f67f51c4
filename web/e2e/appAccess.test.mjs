// The application for everybody: by keyboard alone, on a phone, in the dark, in Korean.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, becomes, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

const password = 'correct horse battery staple';

let server, browser, ada, page;
const documents = {};

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  ada = await Person.arrive(browser, 'Ada', shots);
  ({ page } = ada);
  await page.goto(server.setupLink);
  const { origin } = server;
  const token = new URL(server.setupLink).hash.slice('#token='.length);
  await ada.rest('POST', '/setup', { token, name: 'Ada', email: 'ada@example.org', password });
  for (const [name, email] of [
    ['Bo', 'bo@example.org'],
    ['김민수', 'minsu@example.org'],
  ]) {
    const user = await ada.rest('POST', '/users', { name, email, role: 'member', password });
    documents[name] = user.id;
  }
  for (const title of ['Harvest plan', '회의록', 'Notes'])
    documents[title] = await ada.rest('POST', '/documents', { title });
  documents.trashed = await ada.rest('POST', '/documents', { title: 'Old notes' });
  await ada.rest('DELETE', `/documents/${documents.trashed.id}`);
  await ada.rest('PUT', `/documents/${documents['Harvest plan'].id}/members/${documents.Bo}`, { role: 'editor' });
  await ada.rest('POST', '/api-keys', { name: 'Export', scopes: ['documents:read'] });
  await page.goto(origin);
  await page.getByTestId('documents').waitFor();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

test('the drawer of a phone opens, leads on and closes', { timeout: 60_000 }, async () => {
  await page.setViewportSize({ width: 375, height: 760 });
  try {
    await page.evaluate(() => localStorage.setItem('bizsync.language', 'ko'));
    await page.goto(server.origin);
    await page.getByRole('button', { name: '메뉴 열기' }).click();
    await page.getByRole('link', { name: '휴지통' }).click();
    await page.getByRole('heading', { name: '휴지통' }).waitFor();
    await page.getByRole('button', { name: '메뉴 열기' }).waitFor(); // the drawer closed
    await ada.shoot('access-1-trash-ko');
  } finally {
    await page.evaluate(() => localStorage.removeItem('bizsync.language'));
    await page.setViewportSize({ width: 1100, height: 760 });
  }
});

test('language and appearance are chosen, and stay', { timeout: 60_000 }, async () => {
  await page.goto(`${server.origin}/account`);
  await page.getByLabel('Language', { exact: true }).selectOption('ko');
  await page.getByRole('heading', { name: '계정 설정' }).waitFor();
  await page.getByRole('button', { name: '다크' }).click();
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.reload();
  await page.getByRole('heading', { name: '계정 설정' }).waitFor();
  await becomes(ground, dark);
  await page.getByRole('button', { name: '라이트' }).click();
  await eventually('it is light', async () => (await ground()) !== dark);
  await page.getByRole('button', { name: '시스템' }).click();
  await page.getByLabel('언어', { exact: true }).selectOption('en');
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
});

test('a document is made, shared and thrown away without a mouse', { timeout: 90_000 }, async () => {
  const key = (name) => page.keyboard.press(name);
  /** Tabs on until the element with the focus has a name. */
  const tabTo = async (name) => {
    for (let i = 0; i < 60; i++) {
      const at = await page.evaluate(() => {
        const { activeElement: here } = document;
        return here?.getAttribute('aria-label') ?? here?.textContent?.trim() ?? '';
      });
      if (at === name) return;
      await key('Tab');
    }
    throw new Error(`Tab never comes to “${name}”`);
  };
  await page.goto(server.origin);
  await page.getByTestId('documents').waitFor();
  await key('Tab');
  await tabTo('Skip to the content');
  await key('Enter');
  await tabTo('New document');
  await key('Enter');
  await ada.loaded();
  await tabTo('Share');
  await key('Enter');
  await page.getByTestId('members').waitFor();
  await page.keyboard.type('bo@');
  await page.getByRole('option', { name: 'Bo' }).waitFor();
  await key('Enter');
  await tabTo('Add');
  await key('Enter');
  await page.getByLabel('Role of Bo').waitFor();
  await key('Escape');
  await page.getByTestId('share-dialog').waitFor({ state: 'detached' });
  await becomes(() => page.evaluate(() => document.activeElement?.dataset.testid), 'share', 'the focus comes back');

  await page.goto(server.origin);
  await page.getByTestId('documents').waitFor();
  await key('/');
  await page.keyboard.type('Untitled');
  const list = page.getByTestId('documents').locator('li');
  await eventually('only the new one is listed', async () => (await list.count()) === 1);
  await tabTo('Actions for “Untitled”');
  await key('ArrowDown');
  await page.getByRole('menuitem').first().waitFor();
  await key('End');
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Move to trash');
  await key('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await key('Enter');
  await page.keyboard.type('m');
  await key('Enter');
  await page.getByTestId('flash').getByText('is in the trash').waitFor();
  await page.getByRole('searchbox').fill('');
  await eventually('the others are listed again', async () => (await list.count()) === 3);
  await list.first().getByRole('link').focus();
  await key('ArrowDown');
  assert.ok(
    await list
      .nth(1)
      .getByRole('link')
      .evaluate((link) => link === document.activeElement),
  );
  await key('Enter');
  await ada.loaded();
  assert.deepEqual(ada.errors, []);
});
