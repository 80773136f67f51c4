// Who is in a document and how one gets out of it; and what an administrator reads in Korean.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, becomes, eventually, launch, shotsFolder } from './browser.mjs';
import { company, password } from './company.mjs';
import { Server } from './server.mjs';

let server, browser, firm, hana, jonas;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  firm = await company(server);
  [hana, jonas] = await Promise.all(['Hana Kim', 'Jonas Weber'].map((name) => Person.arrive(browser, name, shots)));
  await hana.logIn(server.origin, firm.admin, password);
  await jonas.logIn(server.origin, firm.member, password);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const member = (person, name) => person.page.getByTestId('members').locator(`[data-user="${name}"]`);

test('a guest can’t be made the owner', { timeout: 60_000 }, async () => {
  await hana.page.goto(`${server.origin}/d/${firm.plan.id}`);
  await hana.loaded();
  await hana.page.getByTestId('share').click();
  const roles = (name) => member(hana, name).locator('option').allInnerTexts();
  await member(hana, 'Yuki Tanaka').getByText('guest').waitFor();
  await becomes(() => roles('Yuki Tanaka'), ['Can view', 'Can edit']);
  await becomes(() => roles('Jonas Weber'), ['Can view', 'Can edit', 'Owner']);
  assert.equal(await member(hana, 'Hana Kim').getByRole('button').count(), 0, 'the only owner can’t leave');
  await member(hana, 'Yuki Tanaka').getByRole('combobox').selectOption('viewer');
  await eventually('the guest’s role is changed', async () => {
    const { data } = await hana.rest('GET', `/documents/${firm.plan.id}/members`);
    return data.find(({ user }) => user.guest)?.role === 'viewer';
  });
});

test('who doesn’t own a document sees who is in it, and leaves', { timeout: 90_000 }, async () => {
  const { page } = jonas;
  await page.goto(`${server.origin}/d/${firm.plan.id}`);
  await jonas.loaded();
  await page.getByTestId('share').click();
  await page.getByRole('heading', { name: 'People in “Quarterly planning 2027”' }).waitFor();
  await member(jonas, 'Hana Kim').getByText('Owner').waitFor();
  const dialog = page.getByTestId('share-dialog');
  assert.equal(await dialog.getByRole('combobox').count(), 0, 'nothing can be changed');
  assert.equal(await dialog.getByRole('button', { name: /^Remove/ }).count(), 0);
  await dialog.getByRole('button', { name: 'Leave this document' }).click();
  const question = page.getByTestId('confirm');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await question.waitFor({ state: 'detached' });
  assert.ok(await dialog.isVisible());
  await dialog.getByRole('button', { name: 'Leave this document' }).click();
  await question.getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByRole('heading', { name: 'Documents' }).waitFor();
  await page.getByTestId('documents').waitFor();
  await page.getByRole('link', { name: /^Quarterly planning/ }).waitFor({ state: 'detached' });
  await page.goto(`${server.origin}/d/${firm.plan.id}`);
  await page.getByRole('heading', { name: 'No such document' }).waitFor();
});

test('the list has a way out, too', { timeout: 60_000 }, async () => {
  const { page } = hana;
  const title = 'Brand guidelines';
  await page.goto(`${server.origin}/shared`);
  await page.getByRole('button', { name: `Actions for “${title}”` }).click();
  assert.equal(await page.getByRole('menuitem', { name: 'Move to trash' }).count(), 0, 'it is another one’s');
  await page.getByRole('menuitem', { name: 'Leave this document' }).click();
  await page.getByTestId('confirm').getByRole('button', { name: 'Leave', exact: true }).click();
  const said = page.getByTestId('flash').getByText(`You left “${title}”.`);
  await said.waitFor();
  assert.equal(await page.getByTestId('flash').getAttribute('role'), 'status', 'screen readers hear it');
  await page.getByRole('link', { name: title }).waitFor({ state: 'detached' });
});

test('the audit log speaks Korean, and so do its days', { timeout: 90_000 }, async () => {
  const { page } = hana;
  await page.evaluate(() => localStorage.setItem('bizsync.language', 'ko'));
  try {
    await page.goto(`${server.origin}/admin/audit`);
    const log = page.getByTestId('audit');
    await log.getByText('Linux의 Chrome').first().waitFor();
    const entry = (action, text) =>
      log.locator(`[data-action="${action}"]`).filter({ hasText: text }).first().waitFor();
    await entry('document.role', 'Yuki Tanaka: 보기 전용, 이전 편집 가능');
    await entry('document.unshare', 'Tom Ó Briain');
    await page.getByLabel('작업').selectOption('user.');
    await entry('user.create', '첫 관리자');
    assert.doesNotMatch(await log.innerText(), /[0-9a-f]{8}-[0-9a-f]{4}-/, 'nobody has to read ids');
    await page.getByRole('button', { name: '시작일: 전체 기간' }).click();
    const calendar = page.getByRole('dialog', { name: '시작일' });
    const now = new Date();
    await calendar.getByText(`${now.getFullYear()}년 ${now.getMonth() + 1}월`).waitFor();
    await calendar.locator('[aria-current=date]').click();
    const day = `${now.getFullYear()}. ${now.getMonth() + 1}. ${now.getDate()}.`;
    await page.getByRole('button', { name: `시작일: ${day}` }).waitFor();
    await entry('user.create', '첫 관리자');
    await hana.shoot('sharing-audit-ko');
  } finally {
    await page.evaluate(() => localStorage.removeItem('bizsync.language'));
  }
});

test('the overview has curves from the first look on, and a table of them', { timeout: 90_000 }, async () => {
  const { page } = hana;
  await page.goto(`${server.origin}/admin`);
  const tiles = page.getByTestId('statistics').locator('.tile');
  await tiles.nth(3).waitFor();
  await becomes(() => tiles.locator('.curve-now').count(), 4, 'the first sample is drawn');
  const corners = () =>
    tiles
      .first()
      .locator('.curve-line')
      .evaluate((line) => line.getAttribute('d').match(/[ML]/g).length);
  await eventually('the second one makes a curve', async () => (await corners()) >= 2);
  await page.getByText('Show these figures as a table').click();
  const table = page.getByRole('table', { name: 'Figures of the last minutes' });
  await table.waitFor();
  const heads = await table.getByRole('columnheader').allInnerTexts();
  assert.deepEqual(heads, ['Time', 'Open documents', 'Connections', 'Commit time, p99', 'Memory', 'Database']);
  assert.match(await table.getByRole('row').nth(1).innerText(), /\d MB.*\d kB/s, 'with units');
  const before = await table.getByRole('row').count();
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByTestId('audit').waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText('Show these figures as a table').click();
  await eventually('curves go on where they were', async () => (await table.getByRole('row').count()) > before);
});

test('who wants less motion gets none, and what is told is heard', { timeout: 60_000 }, async () => {
  const { page } = hana;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(server.origin);
  await page.getByTestId('documents').waitFor();
  await page.setViewportSize({ width: 375, height: 760 });
  await page.locator('.top-menu').click();
  const moving = () =>
    page.evaluate(() =>
      document
        .getAnimations()
        .map((one) => one.effect.getComputedTiming().duration)
        .filter((duration) => duration > 1),
    );
  assert.deepEqual(await moving(), []);
  await page.keyboard.press('Escape');
  await becomes(() => page.evaluate(() => document.activeElement?.className), 'icon-button top-menu');
  await page.setViewportSize({ width: 1100, height: 760 });
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  // A notice that comes in is in a region that screen readers follow.
  const { id } = firm.documents['Roadmap'];
  const tom = await Person.arrive(browser, 'Maximiliane', hana.shots);
  await tom.logIn(server.origin, 'maximiliane.von.hohenberg@example.org', password);
  await tom.rest('PUT', `/documents/${id}/members/${firm.users[firm.admin].id}`, { role: 'editor' }).catch(() => {});
  await tom.rest('DELETE', `/documents/${id}/members/${firm.users[firm.admin].id}`);
  const toast = page
    .getByTestId('toast')
    .getByText(/Roadmap/)
    .first();
  await toast.waitFor();
  const region = await toast.evaluate((at) => at.closest('[role=status], [aria-live]')?.getAttribute('role') ?? '');
  assert.equal(region, 'status');
  await tom.context.close();
  assert.deepEqual([...hana.errors, ...jonas.errors], []);
});
