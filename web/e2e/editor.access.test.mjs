// Access that is taken away while somebody types: what is typed later is never stored, and the editor says so.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from './editors.mjs';

/** From the answer to a change of access until nothing typed is stored any more, and until it has been said, in ms. */
const stored = 2000;
const said = 3000;

let scene, ada, bo, members;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: 'Access' });
  [ada, bo] = scene.people;
  members = `/documents/${scene.documentId}/members`;
});

after(() => scene?.close());

/** In the page: notes when each word is typed, and when what says so is first there. */
function note(says) {
  const notes = { words: [], said: null };
  window.notes = notes;
  window.addEventListener('keydown', ({ key }) => key === ' ' && notes.words.push(Date.now()), true);
  const look = () => {
    if (document.querySelector(says)) notes.said ??= Date.now();
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
  look();
}

/** Has Bo type numbered words until well after `change`; answers what was noted, and when the change was answered. */
async function typeDuring(change, says) {
  await bo.editor.click();
  await bo.page.keyboard.press('Control+End');
  await bo.page.keyboard.press('Enter');
  await bo.page.evaluate(note, says);
  let changed = null;
  let failed = null;
  let number = 0;
  const next = () => bo.page.keyboard.type(`w${number++} `);
  // It is taken away while words are being stored.
  while (number < 20) await next();
  const changing = change().then(
    () => (changed = Date.now()),
    (error) => (failed = error),
  );
  const typesOn = 1000;
  while (failed === null && (changed === null || Date.now() < changed + stored + typesOn)) await next();
  await changing;
  if (failed) throw failed;
  await bo.page.locator(says).waitFor();
  return { changed, ...(await bo.page.evaluate(() => window.notes)) };
}

async function assertStopped({ changed, words, said: saidAt }) {
  const content = await ada.page.evaluate(async (path) => {
    const answer = await fetch(`/api/v1${path}/content?format=text`);
    return answer.ok ? answer.text() : Promise.reject(new Error(`content: ${answer.status}`));
  }, `/documents/${scene.documentId}`);
  const last = Math.max(
    ...[
      ...content
        .split('\n')
        .at(-1)
        .matchAll(/w(\d+)/g),
    ].map(([, number]) => Number(number)),
  );
  assert.ok(last >= 0, `nothing was stored at all:\n${content}`);
  assert.ok(words.at(-1) > changed + stored, 'typed on long enough');
  assert.ok(words.length > last + 1, 'something was typed that is not stored');
  const late = words[last] - changed;
  assert.ok(late <= stored, `stored what was typed ${late} ms after access was taken away:\n${content}`);
  assert.ok(saidAt - changed <= said, `said ${saidAt - changed} ms after access was taken away`);
  return `last stored word typed ${late} ms, said ${saidAt - changed} ms after the answer`;
}

test('access taken away while typing', { timeout: 180_000 }, async (t) => {
  const step = scene.stepper(t);
  const { data } = await ada.rest('GET', members);
  const { id } = data.find(({ user }) => user.name === 'Bo').user;

  await step('an editor becomes a viewer', async () => {
    const change = () => ada.rest('PUT', `${members}/${id}`, { role: 'viewer' });
    t.diagnostic(await assertStopped(await typeDuring(change, '[data-testid=view-only]')));
    await ada.shoot('1-viewer-owner');
    await bo.shoot('1-viewer');
  });

  await step('an editor is taken out', async () => {
    await ada.rest('PUT', `${members}/${id}`, { role: 'editor' });
    await scene.visit(bo);
    const change = () => ada.rest('DELETE', `${members}/${id}`);
    t.diagnostic(await assertStopped(await typeDuring(change, '[data-testid=banner]')));
    await bo.page.getByTestId('banner').getByText('You have no access').waitFor();
    await bo.mayWrite(false);
    await bo.shoot('2-taken-out');
  });

  scene.noErrors();
});
