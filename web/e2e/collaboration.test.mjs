// Three people in three browsers and the real server: what the page claims about editing together and about being saved.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Person, eventually, launch, shotsFolder } from './browser.mjs';
import { Server } from './server.mjs';

const password = 'correct horse battery staple';

let server, browser, ada, bo, cy, documentPath;

before(async () => {
  const shots = await shotsFolder();
  console.log(`screenshots: ${shots}`);
  browser = await launch();
  server = await Server.first();
  [ada, bo, cy] = await Promise.all(['Ada', 'Bo', 'Cy'].map((name) => Person.arrive(browser, name, shots)));
  // A notice would tell Bo's page of his new role before he types what is to be refused.
  await bo.context.route('**/notifications/stream', (route) => route.abort());
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Waits until all three see the same text and it passes `check`. */
async function sameText(people, check) {
  let texts = [];
  try {
    await eventually('equal texts', async () => {
      texts = await Promise.all(people.map((person) => person.text()));
      return texts.every((text) => text === texts[0]) && check(texts[0]);
    });
  } catch (error) {
    throw new Error(`${error.message}\n${people.map((p, i) => `--- ${p.name}\n${texts[i]}`).join('\n')}`, {
      cause: error,
    });
  }
  return texts[0];
}

/** "Saved" is only ever shown when the socket has carried an ack for every update frame. */
async function badgeWasTruthful(person) {
  const { badges } = await person.watched();
  const saved = badges.filter(({ state }) => state === 'saved');
  assert.ok(saved.length > 0, `${person.name}'s badge never said saved`);
  for (const { sent, decided } of saved) {
    assert.equal(decided, sent, `${person.name}'s badge said saved with ${sent} frames sent and ${decided} decided`);
  }
}

// One story in one test: each step stands on the one before, so the first failure ends it.
test('three people write one document', { timeout: 240_000 }, async (t) => {
  const step = async (name, work) => {
    const begin = performance.now();
    try {
      await work();
      t.diagnostic(`${name} (${Math.round(performance.now() - begin)} ms)`);
    } catch (error) {
      for (const person of [ada, bo, cy]) await person.shoot(`failed-${person.name}`).catch(() => {});
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  };

  await step('set-up by the printed link', async () => {
    await ada.page.goto(server.setupLink);
    await ada.page.getByLabel('Your name').fill('Ada');
    await ada.page.getByLabel('E-mail').fill('ada@example.org');
    await ada.page.getByLabel('Password').fill(password);
    await ada.shoot('1-setup');
    await ada.page.getByRole('button', { name: 'Create account' }).click();
    await ada.page.getByTestId('empty').waitFor();
    await ada.shoot('2-empty-list');
  });

  await step('a document is created, named and saved', async () => {
    await ada.page.getByTestId('new-document').click();
    await ada.loaded();
    documentPath = new URL(ada.page.url()).pathname;
    await ada.page.getByTestId('title').fill('Harvest plan');
    await ada.page.keyboard.press('Enter');
    await ada.editor.click();
    await ada.type('Apples');
    await ada.page.keyboard.press('Enter');
    await ada.type('Pears');
    await ada.badgeIs('saved');
  });

  await step('two people get accounts, and the document is shared with them', async () => {
    for (const [name, email] of [
      ['Bo', 'bo@example.org'],
      ['Cy', 'cy@example.org'],
    ]) {
      await ada.rest('POST', '/users', { name, email, role: 'member', password });
    }
    await ada.page.getByTestId('share').click();
    const dialog = ada.page.getByTestId('share-dialog');
    for (const [name, role] of [
      ['Bo', 'editor'],
      ['Cy', 'viewer'],
    ]) {
      await ada.shareWith(name, role);
    }
    await ada.shoot('3-share');
    await dialog.getByRole('button', { name: 'Done' }).click();
  });

  await step('the others log in and find it in their lists', async () => {
    for (const person of [bo, cy]) {
      await person.logIn(server.origin, `${person.name.toLowerCase()}@example.org`, password);
      await person.page.getByText('Harvest plan').click();
      await person.loaded();
    }
    await sameText([ada, bo, cy], (text) => text === 'Apples\nPears');
    for (const person of [ada, bo, cy]) await person.here(['Ada', 'Bo', 'Cy']);
  });

  await step('two type at once and see each other', async () => {
    await ada.goTo('Apples');
    await bo.goTo('Pears');
    await Promise.all([ada.seesCaretOf(bo), bo.seesCaretOf(ada)]);
    await Promise.all([ada.type(' in August, said Ada.'), bo.type(' in September, said Bo.')]);
    await sameText([ada, bo, cy], (text) => text === 'Apples in August, said Ada.\nPears in September, said Bo.');
    await Promise.all([ada.badgeIs('saved'), bo.badgeIs('saved')]);
    await ada.shoot('4-together-ada');
    await bo.shoot('5-together-bo');
  });

  await step('two type into one line at once, and each word stays in order', async () => {
    await bo.goTo('Pears');
    await ada.goTo('Pears');
    await Promise.all([ada.type(' abcdefghijklmnopqrst'), bo.type(' ABCDEFGHIJKLMNOPQRST')]);
    await sameText([ada, bo, cy], (text) => {
      const typed = text.slice(text.indexOf('said Bo.') + 'said Bo.'.length);
      const of = (letters) => typed.replace(letters, '');
      return of(/[^a-z]/g) === 'abcdefghijklmnopqrst' && of(/[^A-Z]/g) === 'ABCDEFGHIJKLMNOPQRST';
    });
  });

  await step('a click is not lost while somebody else types', async () => {
    let typing = true;
    const typist = (async () => {
      for (let i = 0; typing; i++) await ada.page.keyboard.press(i % 40 < 20 ? 'z' : 'Backspace');
    })();
    try {
      for (let i = 0; i < 24; i++) {
        const [first, second] = (await bo.text()).split('\n');
        const wanted = i % 2 === 0 ? 'Apples' : 'Pears';
        // At the line's beginning, far from where Ada's backspaces could take the letter away again.
        await bo.editor
          .getByText(wanted)
          .first()
          .click({ position: { x: 12, y: 12 } });
        await bo.page.keyboard.type('x');
        const [firstNow, secondNow] = (await bo.text()).split('\n');
        const count = (line) => line.split('x').length;
        const hit = count(firstNow) > count(first) ? 'Apples' : count(secondNow) > count(second) ? 'Pears' : 'neither';
        assert.equal(hit, wanted, `the line that click ${i} led to`);
        await bo.page.keyboard.press('Backspace');
      }
    } finally {
      typing = false;
      await typist;
    }
    await sameText([ada, bo, cy], (text) => !text.includes('x'));
  });

  await step('the viewer sees edits live and cannot type', async () => {
    await cy.page.getByTestId('view-only').waitFor();
    await cy.mayWrite(false);
    const seen = await cy.text();
    await cy.editor.click();
    await cy.type('Cy was here');
    await ada.goTo('Apples');
    await ada.type(' Live!');
    const text = await sameText([ada, bo, cy], (now) => now.includes('Live!'));
    assert.equal(text.replace(' Live!', ''), seen);
    await cy.badgeIs('saved');
    await cy.shoot('6-viewer');
  });

  await step('typing offline: the badge says so, and both sides merge afterwards', async () => {
    await ada.context.setOffline(true);
    await ada.badgeIs('offline');
    await ada.goTo('Apples');
    await ada.type(' Written offline by Ada.');
    await bo.goTo('Pears');
    await bo.type(' Written meanwhile by Bo.');
    await bo.badgeIs('saved');
    assert.equal(await ada.badge.getAttribute('data-state'), 'offline');
    await ada.hasUnsaved(true);
    assert.match(await ada.badge.innerText(), /Offline/);
    assert.ok(!(await bo.text()).includes('Written offline'), "Bo saw Ada's edit while she was offline");
    await ada.shoot('7-offline');
    await ada.context.setOffline(false);
    await sameText(
      [ada, bo, cy],
      (text) => text.includes('Written offline by Ada.') && text.includes('Written meanwhile by Bo.'),
    );
    await ada.badgeIs('saved');
  });

  await step('what was typed offline survives leaving the page for the list', async () => {
    await ada.context.setOffline(true);
    await ada.badgeIs('offline');
    await ada.goTo('Apples');
    await ada.type(' Left behind.');
    await ada.page.getByRole('link', { name: 'All documents' }).click();
    await ada.page.getByRole('heading', { name: 'Documents' }).waitFor();
    await ada.context.setOffline(false);
    await sameText([bo, cy], (text) => text.includes('Left behind.'));
    await ada.page.goBack();
    await ada.loaded();
    await sameText([ada, bo, cy], (text) => text.includes('Left behind.'));
    await ada.here(['Ada', 'Bo', 'Cy']);
  });

  await step('nothing is called saved while the server stands still', async () => {
    await ada.badgeIs('saved');
    const before = (await ada.watched()).badges.length;
    server.freeze();
    try {
      await ada.goTo('Apples');
      for (const letter of ' Frozen.') {
        await ada.type(letter);
        await ada.badgeIs('saving');
      }
      // Longer than the badge takes to call something saved that is.
      await ada.page.evaluate(() => new Promise((done) => setTimeout(done, 1500)));
      assert.equal(await ada.badge.getAttribute('data-state'), 'saving');
      const seen = (await ada.watched()).badges.slice(before);
      assert.deepEqual([...new Set(seen.map(({ state }) => state))], ['saving']);
      await ada.shoot('8-frozen');
    } finally {
      server.thaw();
    }
    await ada.badgeIs('saved');
    await sameText([ada, bo, cy], (text) => text.includes('Frozen.'));
  });

  await step('what was saved is there after kill -9, and the pages go on by themselves', async () => {
    const text = await ada.text();
    await server.kill();
    await Promise.all([ada.badgeIs('offline'), bo.badgeIs('offline')]);
    await bo.goTo('Pears');
    await bo.type(' Typed while it was down.');
    await server.restart();
    await badgeWasTruthful(ada); // of the page before its reload
    await ada.page.reload();
    await ada.loaded();
    const merged = await sameText([ada, bo, cy], (now) => now.includes('Typed while it was down.'));
    assert.equal(merged.replace(' Typed while it was down.', ''), text);
    await Promise.all([ada.badgeIs('saved'), bo.badgeIs('saved')]);
    await ada.here(['Ada', 'Bo', 'Cy']);
  });

  await step('what an editor types whose right was taken away is not called saved, and nobody sees it', async () => {
    await ada.page.getByTestId('share').click();
    await ada.page.getByLabel('Role of Bo').selectOption('viewer');
    await eventually('the role is changed', async () => {
      const { data } = await ada.rest('GET', `/documents/${documentPath.slice(3)}/members`);
      return data.some(({ user, role }) => user.name === 'Bo' && role === 'viewer');
    });
    await ada.page.getByRole('button', { name: 'Done' }).click();
    const before = await ada.text();
    // The first letters: at the first refusal the page learns of the new role and lets nothing more be typed.
    await bo.type('unwanted');
    await bo.page.getByTestId('view-only').waitFor();
    await bo.badgeIs('refused');
    await bo.page.getByTestId('banner').waitFor();
    assert.notEqual(await bo.text(), before, 'Bo keeps what was refused, to copy it');
    await ada.goTo('Apples');
    await ada.type(' Still writing.');
    await ada.badgeIs('saved');
    assert.equal((await ada.text()).replace(' Still writing.', ''), before);
    assert.equal(await bo.badge.getAttribute('data-state'), 'refused');
    await bo.shoot('9-refused');
    await badgeWasTruthful(bo);
    await bo.page.reload();
    await bo.loaded();
    await sameText([ada, bo, cy], (text) => text.replace(' Still writing.', '') === before);
  });

  await step('the badge never said saved before the last ack', async () => {
    for (const person of [ada, cy]) await badgeWasTruthful(person);
  });

  await step('logging out and deleting are explained instead of retried', async () => {
    await cy.rest('DELETE', '/session');
    await cy.page.getByRole('heading', { name: 'You are logged out' }).waitFor();
    await cy.shoot('10-logged-out');
    await cy.page.getByRole('button', { name: 'Go on here' }).click();
    await cy.page.getByTestId('banner').getByRole('alert').waitFor();
    await cy.rest('POST', '/session', { email: 'cy@example.org', password });
    await cy.page.getByRole('button', { name: 'Go on here' }).click();
    await cy.badgeIs('saved');
    await ada.rest('DELETE', `/documents/${documentPath.slice(3)}`);
    for (const person of [bo, cy]) {
      await person.page.getByRole('heading', { name: 'This document was deleted' }).waitFor();
    }
    await bo.shoot('11-deleted');
  });

  assert.deepEqual(
    [ada, bo, cy].flatMap((person) => person.errors),
    [],
    'uncaught errors in the pages',
  );
});
