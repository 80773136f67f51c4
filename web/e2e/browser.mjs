// Drives Chromium, one context a person, and watches the save badge from outside the application.
import assert from 'node:assert/strict';
import { access, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';

/** How long anything may take before the test fails, in milliseconds. */
export const patience = 30_000;

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  try {
    await access(executablePath);
  } catch {
    throw new Error(
      `there is no Chromium at ${executablePath}: install the package "chromium" (apt-get install chromium), ` +
        'or name its path in CHROMIUM',
    );
  }
  return chromium.launch({ executablePath, args: flags });
}

/**
 * Runs in the page before the application. It counts the update frames and acknowledgements on every socket by itself,
 * and at each change of the badge notes what the counts are, so that the test needn't believe the application's own.
 */
function watch() {
  const record = { badges: [], sent: 0, decided: 0, connections: 0 };
  window.watched = record;
  const varUint = (bytes, at) => {
    let value = 0;
    for (let shift = 1; ; shift *= 128, at++) {
      value += (bytes[at] & 127) * shift;
      if (bytes[at] < 128) return value;
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener('open', () => {
        record.connections++;
        record.sent = 0;
        record.decided = 0;
      });
      this.addEventListener('message', ({ data }) => {
        const bytes = new Uint8Array(data);
        if (bytes[0] === 120) record.decided = varUint(bytes, 1);
      });
    }
    send(data) {
      super.send(data);
      if (data[0] === 0 && (data[1] === 1 || data[1] === 2)) record.sent++;
    }
  };
  const look = () => {
    const state = document.querySelector('[data-testid=save-badge]')?.dataset.state;
    if (!state || state === record.badges.at(-1)?.state) return;
    record.badges.push({ state, sent: record.sent, decided: record.decided, connections: record.connections });
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] });
}

/** One person with a browser of their own. */
export class Person {
  constructor(name, context, page, shots) {
    this.name = name;
    this.context = context;
    this.page = page;
    this.shots = shots;
    this.errors = [];
    page.on('pageerror', (error) => this.errors.push(`${name}: ${error.stack ?? error}`));
    page.on('dialog', (dialog) => void dialog.accept());
    this.editor = page.getByTestId('editor');
    this.badge = page.getByTestId('save-badge');
  }

  static async arrive(browser, name, shots) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 760 } });
    context.setDefaultTimeout(patience);
    await context.addInitScript(watch);
    return new Person(name, context, await context.newPage(), shots);
  }

  async logIn(origin, email, password) {
    await this.page.goto(`${origin}/login`);
    await this.page.getByLabel('E-mail').fill(email);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Log in' }).click();
    await this.page.getByRole('heading', { name: 'Documents' }).waitFor();
  }

  /** Calls the REST interface as this person's browser does; fails unless the answer is a success. */
  async rest(method, path, body) {
    const answer = await this.page.evaluate(
      async ([method, path, body]) => {
        const init = { method };
        if (body !== undefined) {
          init.headers = { 'Content-Type': 'application/json' };
          init.body = JSON.stringify(body);
        }
        const response = await fetch(`/api/v1${path}`, init);
        return { ok: response.ok, status: response.status, text: await response.text() };
      },
      [method, path, body],
    );
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text ? JSON.parse(answer.text) : undefined;
  }

  async loaded() {
    await this.page.locator('.surface[data-loaded=true]').waitFor();
  }

  async mayWrite(may) {
    await becomes(() => this.editor.getAttribute('contenteditable'), String(may), `whether ${this.name} may write`);
  }

  async hasUnsaved(has) {
    await becomes(
      () => this.badge.getAttribute('data-unsaved'),
      String(has),
      `whether ${this.name} has unsaved changes`,
    );
  }

  async badgeIs(state) {
    await this.page.locator(`[data-testid=save-badge][data-state=${state}]`).waitFor();
  }

  /** The document as this person sees it, a line a paragraph, without others' carets. */
  text() {
    return this.editor.evaluate((editor) => {
      const copy = editor.cloneNode(true);
      for (const caret of copy.querySelectorAll('.caret')) caret.remove();
      // ProseMirror puts invisible joiners beside widgets.
      return [...copy.children].map((line) => line.textContent.replace(/[\u2060\ufeff]/g, '')).join('\n');
    });
  }

  /** Puts the caret behind the paragraph that contains `words`. */
  async goTo(words) {
    const line = this.editor.getByText(words).first();
    await line.click({ position: await line.evaluate((p) => ({ x: p.clientWidth - 2, y: p.clientHeight - 6 })) });
    await this.#frame();
    await this.page.keyboard.press('End');
    await this.#frame();
  }

  /** A person is never so quick that the next key comes before the browser has reported the last one's effect. */
  #frame() {
    return this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  async type(words) {
    await this.page.keyboard.type(words, { delay: 8 });
  }

  async seesCaretOf(other) {
    await this.page.getByTestId('caret').filter({ hasText: other.name }).first().waitFor();
  }

  async here(names) {
    await eventually(`${this.name} sees ${names.join(', ')} here`, async () => {
      const shown = await this.page
        .getByTestId('presence')
        .locator('.presence-faces [data-user]')
        .evaluateAll((items) => items.map((item) => item.dataset.user));
      return JSON.stringify(shown.sort()) === JSON.stringify([...names].sort());
    });
  }

  watched() {
    return this.page.evaluate(() => window.watched);
  }

  /** Keeps an eye on the event streams of a page; `open` are those that have not ended, `asked` those ever begun. */
  static streamsOf(page) {
    const streams = { asked: 0, open: new Set() };
    const isStream = (request) => /\/(stream|events)$/.test(new URL(request.url()).pathname);
    page.on('request', (request) => {
      if (!isStream(request)) return;
      streams.asked++;
      streams.open.add(request);
    });
    for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => streams.open.delete(request));
    return streams;
  }

  /** Adds a person to the document whose sharing dialog is open, by the first letters of the name. */
  async shareWith(name, role) {
    const dialog = this.page.getByTestId('share-dialog');
    await dialog.getByRole('combobox', { name: 'Person' }).fill(name);
    await dialog.getByRole('option', { name }).click();
    await dialog.getByLabel('Role', { exact: true }).selectOption(role);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByLabel(`Role of ${name}`).waitFor();
  }

  async logOut() {
    await this.page.getByTestId('me').getByRole('button').first().click();
    await this.page.getByTestId('logout').click();
  }

  /** Opens the bell's panel. */
  async openBell() {
    await this.page.getByTestId('bell').getByRole('button').first().click();
    const panel = this.page.getByRole('dialog', { name: 'Notifications' });
    await panel.waitFor();
    return panel;
  }

  /** Waits until the bell counts so many unread notices. */
  async unread(count) {
    const shown = this.page.getByTestId('unread');
    await eventually(`${this.name} has ${count} unread notices`, async () =>
      count === 0 ? (await shown.count()) === 0 : (await shown.allInnerTexts()).join() === String(count),
    );
  }

  async shoot(name) {
    await this.page.screenshot({ path: join(this.shots, `${name}.png`) });
  }
}

/** Waits until `check` answers something true. */
export async function eventually(what, check) {
  const end = Date.now() + patience;
  for (;;) {
    if (await check()) return;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(25);
  }
}

/** Waits until `read` answers `wanted`, because what is shown follows what happened by a moment; tells what it was else. */
export async function becomes(read, wanted, what) {
  const end = Date.now() + patience;
  for (;;) {
    const seen = await read();
    if (isDeepStrictEqual(seen, wanted)) return;
    if (Date.now() > end) assert.deepEqual(seen, wanted, what);
    await pause(25);
  }
}

export function shotsFolder() {
  return mkdtemp(join(tmpdir(), 'bizsync-screenshots-'));
}
