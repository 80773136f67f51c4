// Every page, for everybody: as axe-core and a screen reader's tree of Chromium see it, in the dark, on a phone, in each language.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serious } from './axe.mjs';
import { launch, patience } from './browser.mjs';
import { company, password } from './company.mjs';
import { pages } from './pages.mjs';
import { Server } from './server.mjs';

let server, browser, firm;

before(async () => {
  browser = await launch();
  server = await Server.first();
  firm = await company(server);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const desk = { width: 1100, height: 760 };
const phone = { width: 375, height: 812 };

/** Opens every page, or those with a name, one after another as whoever it is for, and has a look at each. */
async function walk(places, { lang = 'en', ...options }, look) {
  const visitors = new Map();
  try {
    for (const { name, as, path, ready } of places) {
      if (!visitors.has(as)) {
        const locale = lang === 'ko' ? 'ko-KR' : 'en-US';
        const context = await browser.newContext({ viewport: desk, locale, ...options });
        context.setDefaultTimeout(patience);
        if (as) await context.request.post(`${server.origin}/api/v1/session`, { data: { email: as, password } });
        visitors.set(as, await context.newPage());
      }
      const page = visitors.get(as);
      // From nowhere, so that an address that differs in its fragment alone is loaded, too.
      await page.goto('about:blank');
      await page.goto(server.origin + path);
      await ready(page);
      await look(page, name);
    }
  } finally {
    for (const page of visitors.values()) await page.context().close();
  }
}

/** Walks with two visitors side by side, each with a half of the pages. The last page ends others' connections: it is alone. */
async function lookAround(options, look, names) {
  const places = pages(firm).filter(({ name }) => !names || names.includes(name));
  const last = places.filter(({ name }) => name === 'list-trashed');
  const others = places.filter(({ name }) => name !== 'list-trashed');
  const half = (odd) => others.filter((_, at) => at % 2 === odd);
  await Promise.all([walk(half(0), options, look), walk(half(1), options, look)]);
  await walk(last, options, look);
}

/** Ours; what the reference's own bundle draws isn't. */
const ours = (name) => name !== 'docs';

/** What of a page as it is shown now is wider than the screen, or smaller than a finger. */
async function cramped(page) {
  const { wide, small } = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
    const small = [];
    // The editor's own bars have a test of their own.
    for (const control of top.querySelectorAll('button, select, input, summary, a.button, nav a, [role=option]')) {
      if (control.closest('.tools, .bar, .surface, .status, .skip, .outline')) continue;
      // A label is part of its box.
      const box = (control.closest('label') ?? control).getBoundingClientRect();
      if (box.height === 0 || getComputedStyle(control).visibility === 'hidden') continue;
      if (box.height < 40 || box.width < 40) {
        small.push(
          `${Math.round(box.width)} x ${Math.round(box.height)}: ${control.getAttribute('aria-label') ?? control.textContent.trim()} (${control.className})`,
        );
      }
    }
    return { wide, small };
  });
  return wide > 0 ? [`${wide} pixels too wide`, ...small] : small;
}

test('axe-core finds nothing serious on any page, light and dark', { timeout: 300_000 }, async () => {
  const found = [];
  await lookAround({ colorScheme: 'light' }, async (page, name) => {
    if (!ours(name)) return;
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const line of await serious(page)) found.push(`${name}, ${colorScheme}: ${line}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  });
  assert.deepEqual(found, []);
});

for (const lang of ['en', 'ko']) {
  test(`everything fits on a phone and under a finger, in ${lang}`, { timeout: 300_000 }, async () => {
    const found = [];
    await lookAround({ viewport: phone, hasTouch: true, lang }, async (page, name) => {
      if (!ours(name)) return;
      const spoken = await page.evaluate(() => document.documentElement.lang);
      if (spoken !== lang) found.push(`${name} is in ${spoken}`);
      for (const one of await cramped(page)) found.push(`${name}: ${one}`);
    });
    assert.deepEqual(found, []);
  });
}

test(
  'every page has a title of its own, one heading of the first level, and a main part',
  { timeout: 180_000 },
  async () => {
    const places = {
      login: 'Log in',
      setup: 'Set up BizSync',
      invite: 'Welcome to BizSync',
      'invite-dead': 'This invitation can’t be used',
      reset: 'Set a new password',
      list: 'Documents',
      owned: 'Owned by me',
      shared: 'Shared with me',
      trash: 'Trash',
      account: 'Account settings',
      keys: 'API keys',
      people: 'People',
      admin: 'Overview',
      audit: 'Audit log',
      'not-found': 'There is nothing at this address',
      'no-document': 'No such document',
      editor: 'Quarterly planning 2027',
    };
    const titles = {};
    await lookAround(
      {},
      async (page, name) => {
        titles[name] = (await page.title()).replace(/ · BizSync$/, '');
        assert.equal(await page.locator('main').count(), 1, `${name} has one main part`);
        if (name !== 'editor') assert.equal(await page.locator('h1').count(), 1, `${name} has one heading`);
      },
      Object.keys(places),
    );
    assert.deepEqual(titles, places);
  },
);

/** Roles of what one can do something with. */
const controls = new Set(
  'button link textbox searchbox combobox listbox option checkbox radio menuitem menuitemcheckbox menuitemradio slider spinbutton switch tab gridcell'.split(
    ' ',
  ),
);

/** What Chromium tells screen readers of a page: the role and the name of each control, and what takes the focus without being one. */
async function treeOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Accessibility.enable');
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const shown = nodes.filter(({ ignored }) => !ignored);
  const is = (node, name) => node.properties?.some((one) => one.name === name && one.value.value) ?? false;
  return {
    controls: shown
      .filter(({ role }) => controls.has(role?.value))
      .map(({ role, name }) => ({ role: role.value, name: name?.value?.trim() ?? '' })),
    strange: shown
      .filter((node) => is(node, 'focusable') && ['generic', 'none', ''].includes(node.role?.value ?? ''))
      .map(({ name, nodeId }) => name?.value ?? nodeId),
    dialogs: shown.filter(({ role }) => role?.value === 'dialog').map(({ name }) => name?.value ?? ''),
    landmarks: shown
      .filter(({ role }) => ['main', 'navigation', 'banner'].includes(role?.value))
      .map(({ role }) => role.value),
  };
}

test('a screen reader hears what each control is, in both languages', { timeout: 180_000 }, async () => {
  const seen = { en: {}, ko: {} };
  const places = ['list', 'list-menu', 'audit-calendar', 'editor', 'share', 'share-search'];
  for (const lang of ['en', 'ko']) {
    await lookAround({ lang }, async (page, name) => (seen[lang][name] = await treeOf(page)), places);
  }
  // What people have named themselves, and what is a name in every language.
  const data = [
    ...Object.keys(firm.documents),
    ...Object.values(firm.users).flatMap(({ name, email }) => [name, email]),
    'Where we are',
    'What is next',
    'BizSync',
    'to',
    'Redis',
  ];
  for (const place of places) {
    const { en, ko } = { en: seen.en[place], ko: seen.ko[place] };
    assert.ok(en.controls.length > 5, `${place} has controls`);
    for (const [lang, tree] of Object.entries({ en, ko })) {
      assert.deepEqual(
        tree.controls.filter(({ name }) => name === ''),
        [],
        `${place} in ${lang}: controls without a name`,
      );
      assert.deepEqual(tree.strange, [], `${place} in ${lang}: takes the focus and is nothing`);
      assert.ok(!tree.dialogs.includes(''), `${place} in ${lang}: dialogs have names`);
    }
    // Entries of the log come and go; what can be done with it doesn't.
    for (const tree of place === 'audit-calendar' ? [en, ko] : []) {
      tree.controls = tree.controls.filter(({ role }) => role !== 'link');
    }
    const roles = (tree) => tree.controls.map(({ role }) => role).join(' ');
    assert.equal(roles(ko), roles(en), `${place} is the same in both languages`);
    const english = en.controls
      .filter(({ name }, at) => ko.controls[at].name === name && /[A-Za-z]/.test(name))
      .map(({ name }) => name)
      .filter((name) => !data.some((one) => name.includes(one)) && !/^\d/.test(name));
    assert.deepEqual(english, [], `${place}: names that aren't translated`);
  }
  const names = (tree, role) => tree.controls.filter((one) => one.role === role).map(({ name }) => name);
  assert.ok(names(seen.en.editor, 'button').includes('Bold'), 'the toolbar is there');
  assert.deepEqual(seen.en.share.dialogs, ['Share “Quarterly planning 2027”']);
  for (const name of ['사용자', '권한']) assert.ok(names(seen.ko.share, 'combobox').includes(name), name);
});
