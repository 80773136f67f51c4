// A working day without a mouse, from logging in to logging out: every step is a key.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, eventually, launch, shotsFolder } from './browser.mjs';
import { company, password } from './company.mjs';
import { Server } from './server.mjs';

let server, browser, hana, page;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  await company(server);
  hana = await Person.arrive(browser, 'Hana Kim', shots);
  ({ page } = hana);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const key = (name, times = 1) =>
  Array.from({ length: times }).reduce((before) => before.then(() => page.keyboard.press(name)), Promise.resolve());
const write = (words) => page.keyboard.type(words);

/** What has the focus: its name as far as it is easily told, whether the focus can be seen, and whether it is in a dialog. */
const here = () =>
  page.evaluate(() => {
    const at = document.activeElement;
    const labels = [...(at?.labels ?? [])].map((label) => label.textContent).join(' ');
    const style = at ? getComputedStyle(at) : null;
    return {
      name: at?.getAttribute('aria-label') ?? (labels || at?.textContent?.trim() || at?.tagName) ?? '',
      tag: at?.tagName ?? '',
      ring: style !== null && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
      modal: at?.closest('dialog, [role=dialog]') !== null,
    };
  });

/** Waits until what has this name has the focus. */
async function at(name, what = 'what has the focus') {
  let seen;
  await eventually(what, async () => {
    seen = (await here()).name;
    return typeof name === 'string' ? seen === name : name.test(seen);
  }).catch((error) => {
    throw new Error(`${error.message}: “${seen}” instead of ${name}`, { cause: error });
  });
}

/** Goes on with Tab until something with this name has the focus; whatever is passed shows that it has it. */
async function tabTo(name, by = 'Tab') {
  const passed = [];
  for (let i = 0; i < 90; i++) {
    const at = await here();
    if (typeof name === 'string' ? at.name === name : name.test(at.name)) return passed;
    await key(by);
    const next = await here();
    passed.push(next.name);
    // The body and the editor's text show no ring; the text has a caret.
    if (next.tag !== 'BODY' && !/^DIV$/.test(next.tag))
      assert.ok(next.ring, `“${next.name}” shows that it has the focus`);
  }
  throw new Error(`${by} never comes to ${name}; it passed ${passed.join(' | ')}`);
}

/** Tabs through a dialog: the focus never leaves it for the page, and comes back to where it was. */
async function staysInside(dialog) {
  const begin = (await here()).name;
  for (let i = 0, round = 0; i < 40 && round < 2; i++) {
    await key('Tab');
    // Between the last and the first element browsers let the focus pass through their own bar; then nothing of the page has it.
    const inside = await page.evaluate(
      (id) =>
        document.activeElement === document.body || document.activeElement?.closest(`[data-testid="${id}"]`) !== null,
      dialog,
    );
    assert.ok(inside, `the focus left the dialog ${dialog} for ${(await here()).name}`);
    if ((await here()).name === begin) round++;
  }
  assert.equal((await here()).modal, true);
}

const heading = (name) => page.getByRole('heading', { name, level: 1 }).waitFor();

test('a day without a mouse', { timeout: 240_000 }, async (t) => {
  const step = async (name, work) => {
    const begin = performance.now();
    try {
      await work();
      t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      await hana.shoot('failed-keyboard').catch(() => {});
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  };

  await step('logs in, after a mistake that is told', async () => {
    await page.goto(`${server.origin}/login`);
    await heading('Log in');
    await at('E-mail', 'the first field waits');
    await write('hana@example.org');
    await key('Tab');
    await write('a wrong password');
    await key('Enter');
    await page.getByRole('alert').waitFor();
    await tabTo('Password', 'Shift+Tab');
    await write(password);
    await key('Enter');
    await heading('Documents');
    await page.getByTestId('documents').waitFor();
  });

  await step('skips to the content, and goes through the list', async () => {
    await page.reload();
    await page.getByTestId('documents').waitFor();
    await key('Tab');
    await at('Skip to the content');
    await key('Enter');
    const passed = await tabTo('Search titles');
    assert.deepEqual(
      passed,
      ['New document', 'More kinds of documents', 'Search titles'],
      'the order is that of reading',
    );
    await tabTo('New document', 'Shift+Tab');
    await key('/');
    await at('Search titles', 'a key of its own leads there');
    await write('quarterly');
    const rows = page.getByTestId('documents').locator('li');
    await eventually('found', async () => (await rows.count()) === 1);
    await tabTo(/^Quarterly planning 2027/);
    await tabTo('Search titles', 'Shift+Tab');
    await key('Control+a');
    await key('Delete');
    await eventually('all are back', async () => (await rows.count()) > 10);
    const first = rows.first().getByRole('link');
    const third = rows.nth(2).getByRole('link');
    const has = (place) => place.evaluate((element) => element === document.activeElement);
    for (let i = 0; i < 9 && !(await has(first)); i++) await key('Tab');
    await key('ArrowDown', 2);
    assert.ok(await has(third), 'arrows move in the list');
    await key('ArrowUp', 2);
    assert.ok(await has(first));
  });

  await step('opens a menu, reads it, and leaves it', async () => {
    await key('Tab');
    const opener = (await here()).name;
    assert.match(opener, /^Actions for/);
    await key('Enter');
    await page.getByRole('menuitem').first().waitFor();
    await key('End');
    await key('Home');
    await at('Open in a new tab');
    await key('Escape');
    await at(opener, 'the focus comes back');
    await key('Enter');
    await write('r');
    await at('Rename', 'a letter goes to what begins with it');
    await key('Enter');
    await page.getByTestId('rename').waitFor();
    await at('Title');
    await staysInside('rename');
    await key('Escape');
    await page.getByTestId('rename').waitFor({ state: 'detached' });
    await at(opener, 'the focus comes back from the dialog, too');
  });

  await step('makes a document, and writes', async () => {
    await tabTo('New document', 'Shift+Tab');
    await key('Enter');
    await hana.loaded();
    await tabTo('Title');
    await key('Control+a');
    await write('Typed');
    await key('Enter');
    await tabTo('Document text');
    await write('Written by hand.');
    await eventually('it is there', async () => (await hana.text()).includes('Written by hand.'));
  });

  await step('shares it, with a focus that stays in the dialog and comes back', async () => {
    await tabTo('Share', 'Shift+Tab');
    await key('Enter');
    await page.getByTestId('members').waitFor();
    await at('Person');
    await staysInside('share-dialog');
    await tabTo('Person');
    await write('jonas');
    await page.getByRole('option', { name: 'Jonas Weber' }).waitFor();
    await key('Escape');
    await page.getByRole('option').first().waitFor({ state: 'hidden' });
    assert.ok(await page.getByTestId('share-dialog').isVisible(), 'the first Escape closes the list only');
    await key('ArrowDown');
    await key('Enter');
    await tabTo('Role');
    await write('Can view');
    await tabTo('Add');
    await key('Enter');
    await page.getByLabel('Role of Jonas Weber').waitFor();
    assert.equal(await page.getByLabel('Role of Jonas Weber').inputValue(), 'viewer');
    await eventually('the focus is still in the dialog', async () => (await here()).modal);
    await key('Escape');
    await page.getByTestId('share-dialog').waitFor({ state: 'detached' });
    await at('Share');
  });

  await step('reads notices, and closes them', async () => {
    await page.goto(server.origin);
    await page.getByTestId('documents').waitFor();
    await tabTo(/^Notifications/);
    const bell = (await here()).name;
    await key('Enter');
    await page.getByTestId('notices').waitFor();
    await tabTo('Mark all as read');
    await key('Escape');
    await at(bell);
  });

  await step('changes the language in the account, and goes to the log', async () => {
    await tabTo(/^Your account/);
    await key('Enter');
    await tabTo('Account settings');
    await key('Enter');
    await heading('Account settings');
    await page.getByTestId('devices').waitFor();
    await tabTo('Language');
    await key('ArrowDown');
    await heading('계정 설정');
    await at('언어', 'the focus stays');
    await key('ArrowUp');
    await heading('Account settings');
    await tabTo('Audit log', 'Shift+Tab');
    await key('Enter');
    await heading('Audit log');
  });

  await step('chooses a day from the calendar', async () => {
    await page.getByTestId('audit').waitFor();
    await tabTo('From: Any day');
    await key('Enter');
    await page.getByRole('grid').waitFor();
    await at(/^[^:]*\d{4}$/, 'the day has the focus');
    const today = await here();
    await key('ArrowUp');
    await eventually('another day has the focus', async () => (await here()).name !== today.name);
    await key('ArrowDown');
    await at(today.name);
    await key('Enter');
    await page.getByRole('grid').waitFor({ state: 'detached' });
    await at(/^From: [A-Z][a-z]{2} \d+, \d{4}$/, 'the focus comes back to the field');
    await page.getByTestId('audit').locator('tr').nth(1).waitFor();
  });

  await step('logs out', async () => {
    await tabTo(/^Your account/, 'Shift+Tab');
    await key('Enter');
    await tabTo('Log out');
    await key('Enter');
    await heading('Log in');
    await at('E-mail');
  });
  assert.deepEqual(hana.errors, []);
});
