// Two people in a document of plain text: CodeMirror, loaded for such documents only.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './browser.mjs';
import { Scene } from './editors.mjs';

let scene, ada, bo;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: 'press.go', kind: 'text' });
  [ada, bo] = scene.people;
  for (const person of scene.people) {
    person.text = () =>
      person.editor.evaluate((content) =>
        [...content.querySelectorAll('.cm-line')]
          .map((line) => {
            const copy = line.cloneNode(true);
            for (const caret of copy.querySelectorAll('.caret')) caret.remove();
            return copy.textContent.replace(/[\u200b\u2060\ufeff]/g, '');
          })
          .join('\n'),
      );
  }
});

after(() => scene?.close());

test('plain text together', { timeout: 180_000 }, async (t) => {
  const step = scene.stepper(t);
  const keys = ada.page.keyboard;

  await step('two write code, with its colours and each other’s carets', async () => {
    await ada.editor.click();
    await ada.type('package main');
    await keys.press('Enter');
    await scene.sameText((text) => text === 'package main\n');
    await bo.editor.click();
    await bo.page.keyboard.press('Control+End');
    await bo.type('// by Bo');
    await Promise.all([ada.seesCaretOf(bo), bo.seesCaretOf(ada)]);
    await keys.press('Control+Home');
    await Promise.all([ada.type('// by Ada, '), bo.type(' and friends')]);
    await scene.sameText((text) => text === '// by Ada, package main\n// by Bo and friends');
    await scene.saved();
    const colours = () =>
      ada.editor.evaluate((content) =>
        [...content.querySelectorAll('.cm-line span:not([class*=caret])')].map((span) => getComputedStyle(span).color),
      );
    await eventually('Go is coloured', async () => (await colours()).length > 0);
    assert.equal(await ada.page.getByTestId('language').innerText(), 'Go');
    await ada.shoot('1-plain');
  });

  await step('undo takes back one’s own', async () => {
    await keys.press('Control+z');
    await scene.sameText((text) => !text.includes('Ada') && text.endsWith('// by Bo and friends'));
    await keys.press('Control+y');
    await scene.sameText((text) => text === '// by Ada, package main\n// by Bo and friends');
  });

  await step('offline text merges', async () => {
    await bo.context.setOffline(true);
    await bo.badgeIs('offline');
    await bo.page.keyboard.press('Control+End');
    await bo.type('!');
    await keys.press('Control+Home');
    await ada.type('/');
    await bo.context.setOffline(false);
    await scene.sameText((text) => text.startsWith('///') && text.endsWith('!'));
    await scene.saved();
  });

  await step('the title’s end chooses the language, at once', async () => {
    await ada.page.getByTestId('title').fill('press.md');
    await keys.press('Enter');
    await eventually('Markdown', async () => (await ada.page.getByTestId('language').innerText()) === 'Markdown');
  });

  await step('a viewer reads and cannot type', async () => {
    const { data } = await ada.rest('GET', `/documents/${scene.documentId}/members`);
    const { user } = data.find((member) => member.user.name === 'Bo');
    await ada.rest('PUT', `/documents/${scene.documentId}/members/${user.id}`, { role: 'viewer' });
    await bo.page.getByTestId('view-only').waitFor();
    await eventually('not editable', async () => (await bo.editor.getAttribute('contenteditable')) === 'false');
    const before = await bo.text();
    await bo.editor.click();
    await bo.type('nothing');
    assert.equal(await bo.text(), before);
  });

  await step('the formatted editor was never loaded', async () => {
    const scripts = await ada.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    assert.ok(scripts.some((name) => name.includes('plainDocument')));
    assert.ok(!scripts.some((name) => name.includes('richDocument')));
  });

  scene.noErrors();
});
