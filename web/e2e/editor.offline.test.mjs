// What is typed without the server outlives the page: the browser keeps it, and the next opening uploads it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, eventually } from './browser.mjs';
import { Scene, password } from './editors.mjs';

let scene, ada, bo;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: 'Kept' });
  [ada, bo] = scene.people;
});

after(() => scene?.close());

/** How many stretches of unsaved edits the browser keeps. */
function keptBy(person) {
  return person.page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('bizsync');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const counting = opening.result.transaction('unsaved').objectStore('unsaved').count();
          counting.onsuccess = () => {
            opening.result.close();
            resolve(counting.result);
          };
        };
      }),
  );
}

test('unsaved text outlives its page', { timeout: 240_000 }, async (t) => {
  const step = scene.stepper(t);

  await step('what is saved leaves nothing behind in the browser', async () => {
    await ada.editor.click();
    await ada.type('Apples.');
    await scene.sameText((text) => text === 'Apples.');
    await ada.badgeIs('saved');
    await eventually('nothing kept', async () => (await keptBy(ada)) === 0);
  });

  await step('offline text is kept, the badge says so, and leaving warns', async () => {
    await ada.context.setOffline(true);
    await ada.badgeIs('offline');
    await ada.page.keyboard.press('Control+End');
    await ada.type(' Written in a tunnel.');
    await ada.page.locator('[data-testid=save-badge][data-unsaved=true][data-kept=true]').waitFor();
    assert.match(await ada.badge.innerText(), /Offline — unsaved changes kept in this browser/);
    await ada.shoot('1-kept');
    const warned = new Promise((resolve) => ada.page.once('dialog', (dialog) => resolve(dialog.type())));
    const closed = ada.page.waitForEvent('close');
    await ada.page.close({ runBeforeUnload: true });
    assert.equal(await warned, 'beforeunload');
    await closed;
  });

  await step('meanwhile somebody else writes in the same line', async () => {
    await bo.goTo('Apples.');
    await bo.type(' Pears, says Bo.');
    await bo.badgeIs('saved');
    assert.ok(!(await bo.text()).includes('tunnel'));
  });

  await step('another account in the same browser neither sees nor uploads it', async () => {
    await ada.context.setOffline(false);
    const page = await ada.context.newPage();
    const cy = new Person('Cy', ada.context, page, scene.shots);
    await page.goto(scene.server.origin);
    const { id } = await cy.rest('POST', '/users', {
      name: 'Cy',
      email: 'cy@example.org',
      role: 'member',
      password,
    });
    await cy.rest('PUT', `/documents/${scene.documentId}/members/${id}`, { role: 'editor' });
    await cy.rest('DELETE', '/session');
    await cy.logIn(scene.server.origin, 'cy@example.org', password);
    await scene.visit(cy);
    await cy.badgeIs('saved');
    assert.equal(await cy.text(), 'Apples. Pears, says Bo.');
    assert.ok((await keptBy(cy)) > 0);
    await cy.rest('DELETE', '/session');
    await cy.logIn(scene.server.origin, 'ada@example.org', password);
    await page.close();
  });

  await step('the next opening uploads it, says so and keeps it no longer', async () => {
    ada.page = await ada.context.newPage();
    ada.editor = ada.page.getByTestId('editor');
    ada.badge = ada.page.getByTestId('save-badge');
    await scene.visit(ada);
    const text = await scene.sameText((now) => now.includes('Written in a tunnel.') && now.includes('says Bo.'));
    assert.equal(text.split('Written in a tunnel.').length, 2, 'it is there once');
    await ada.badgeIs('saved');
    await ada.page.getByTestId('restored').waitFor();
    await ada.shoot('2-restored');
    await ada.hasUnsaved(false);
    await eventually('nothing kept', async () => (await keptBy(ada)) === 0);
  });

  await step('a page that is killed while the server is away loses nothing', async () => {
    await scene.server.kill();
    await ada.badgeIs('offline');
    await ada.goTo('Apples.');
    await ada.page.keyboard.press('Enter');
    await ada.type('Typed before the crash.');
    await ada.page.locator('[data-testid=save-badge][data-kept=true]').waitFor();
    await ada.page.close();
    await scene.server.restart();
    ada.page = await ada.context.newPage();
    ada.editor = ada.page.getByTestId('editor');
    ada.badge = ada.page.getByTestId('save-badge');
    await scene.visit(ada);
    await scene.sameText((text) => text.endsWith('\nTyped before the crash.'));
    await scene.saved();
  });

  await step(
    'text written before one knew that access was taken away waits, and says so when it is uploaded',
    async () => {
      const members = `/documents/${scene.documentId}/members`;
      const { data } = await ada.rest('GET', members);
      const { id } = data.find(({ user }) => user.name === 'Bo').user;
      await bo.context.setOffline(true);
      await bo.badgeIs('offline');
      await bo.editor.click();
      await bo.page.keyboard.press('Control+End');
      await bo.type(' Bo knows nothing yet.');
      await bo.page.locator('[data-testid=save-badge][data-kept=true]').waitFor();
      await ada.rest('DELETE', `${members}/${id}`);
      await bo.context.setOffline(false);
      await bo.page.getByTestId('banner').getByText('You have no access').waitFor();
      assert.ok((await keptBy(bo)) > 0);
      assert.ok(!(await ada.text()).includes('Bo knows'), 'nothing of it arrives without access');

      await ada.rest('PUT', `${members}/${id}`, { role: 'editor' });
      await scene.visit(bo);
      await scene.sameText((text) => text.includes('Bo knows nothing yet.'));
      await bo.page.getByTestId('restored').waitFor();
      await eventually('nothing kept', async () => (await keptBy(bo)) === 0);
    },
  );

  scene.noErrors();
});
