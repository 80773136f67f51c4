// Sets a scene for the editor's tests: a server, a document, and people who have it open, each in a browser of their own.
import assert from 'node:assert/strict';
import { Person, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

export const password = 'correct horse battery staple';

export class Scene {
  people = [];

  /** Opens a new document for people of the given names; the first owns it, the others may edit. */
  static async open(names, { title = 'Scene', kind = 'rich', viewport } = {}) {
    const scene = new Scene();
    try {
      await scene.#open(names, title, kind, viewport);
      return scene;
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  async #open(names, title, kind, viewport) {
    this.shots = await shotsFolder();
    console.log(`screenshots: ${this.shots}`);
    this.browser = await launch();
    this.server = await Server.first();
    for (const name of names) this.people.push(await Person.arrive(this.browser, name, this.shots));
    const [owner, ...others] = this.people;
    await owner.page.goto(this.server.setupLink);
    await owner.page.getByLabel('Your name').fill(owner.name);
    await owner.page.getByLabel('E-mail').fill(`${owner.name.toLowerCase()}@example.org`);
    await owner.page.getByLabel('Password').fill(password);
    await owner.page.getByRole('button', { name: 'Create account' }).click();
    await owner.page.getByTestId('empty').waitFor();
    const body = kind === 'rich' ? { title } : { title, kind };
    this.documentId = (await owner.rest('POST', '/documents', body)).id;
    for (const other of others) {
      const email = `${other.name.toLowerCase()}@example.org`;
      const { id } = await owner.rest('POST', '/users', { name: other.name, email, role: 'member', password });
      await owner.rest('PUT', `/documents/${this.documentId}/members/${id}`, { role: 'editor' });
      await other.logIn(this.server.origin, email, password);
    }
    for (const person of this.people) {
      if (viewport) await person.page.setViewportSize(viewport);
      await this.visit(person);
    }
  }

  get path() {
    return `/d/${this.documentId}`;
  }

  async visit(person) {
    await person.page.goto(`${this.server.origin}${this.path}`);
    await person.loaded();
  }

  /** Waits until all see the same text and it passes `check`; answers it. */
  async sameText(check = () => true) {
    let texts = [];
    await eventually('equal texts', async () => {
      texts = await Promise.all(this.people.map((person) => person.text()));
      return texts.every((text) => text === texts[0]) && check(texts[0]);
    }).catch((error) => {
      const seen = this.people.map((person, i) => `--- ${person.name}\n${texts[i]}`).join('\n');
      throw new Error(`${error.message}\n${seen}`, { cause: error });
    });
    return texts[0];
  }

  async saved() {
    for (const person of this.people) await person.badgeIs('saved');
  }

  /** A step of a story: says how long it took, and shows every screen when it fails. */
  stepper(t) {
    return async (name, work) => {
      const begin = performance.now();
      try {
        await work();
        t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
      } catch (error) {
        for (const person of this.people) await person.shoot(`failed-${person.name}`).catch(() => {});
        throw new Error(`${name}: ${error.message}`, { cause: error });
      }
    };
  }

  noErrors() {
    assert.deepEqual(
      this.people.flatMap((person) => person.errors),
      [],
      'uncaught errors in the pages',
    );
  }

  async close() {
    await this.browser?.close();
    await this.server?.close();
  }
}
