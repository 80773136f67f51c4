// Two people in a document of plain text: CodeMirror, loaded for such documents only.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serious } from './axe.mjs';
import { eventually } from './browser.mjs';
import { Scene } from './editors.mjs';
import { InputMethod, meanwhile } from './hangul.mjs';

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

test('plain text together', { timeout: 240_000 }, async (t) => {
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
    await ada.page.getByTestId('language').filter({ hasText: 'Go' }).waitFor();
    await ada.shoot('1-plain');
  });

  await step('undo takes back one’s own edits only, and each key of redo brings them back', async () => {
    // A text put in at once, after the caret was moved, is one edit to undo, however slow the machine.
    const begun = '// by Ada, package main\n// by Bo and friends';
    await keys.press('End');
    await keys.insertText(' // Ada 1');
    await scene.sameText((text) => text === '// by Ada, package main // Ada 1\n// by Bo and friends');
    await bo.page.keyboard.press('Control+Home');
    await bo.page.keyboard.press('End');
    await bo.page.keyboard.insertText(', Bo 2');
    await scene.sameText((text) => text === '// by Ada, package main // Ada 1, Bo 2\n// by Bo and friends');
    await keys.press('Control+Home');
    await keys.insertText('// Ada 3: ');
    const all = '// Ada 3: // by Ada, package main // Ada 1, Bo 2\n// by Bo and friends';
    await scene.sameText((text) => text === all);

    const without3 = all.replace('// Ada 3: ', '');
    for (const redo of ['Control+y', 'Control+Shift+Z', 'Control+Shift+z']) {
      await keys.press('Control+z');
      await scene.sameText((text) => text === without3);
      await keys.press('Control+z');
      await scene.sameText((text) => text === without3.replace(' // Ada 1', ''));
      await keys.press(redo);
      await scene.sameText((text) => text === without3);
      await keys.press(redo);
      await scene.sameText((text) => text === all);
    }
    await bo.page.keyboard.press('Control+z');
    await scene.sameText((text) => text === all.replace(', Bo 2', ''));
    // All that Ada ever wrote, and nothing of Bo's.
    for (let i = 0; i < 40; i++) await keys.press('Control+z');
    await scene.sameText((text) => text === '// by Bo and friends');
    for (let i = 0; i < 40; i++) await keys.press('Control+y');
    await scene.sameText((text) => text === all.replace(', Bo 2', ''));
    await keys.press('Control+z');
    await keys.press('Control+z');
    await scene.sameText((text) => text === begun);
    await scene.saved();
  });

  await step('Korean is composed whole while another writes in the same line', async () => {
    const ime = await InputMethod.of(ada);
    const sentence = '함께 쓰는 줄에서 글자가 깨지면 안 됩니다. ';
    await keys.press('Control+End');
    await keys.press('Enter');
    await keys.type('<>');
    await keys.press('ArrowLeft');
    await scene.sameText((text) => text.endsWith('\n<>'));
    let inner = '';
    for (const key of ['Home', 'End']) {
      const before = await ada.text();
      await bo.page.keyboard.press('Control+End');
      await bo.page.keyboard.press(key);
      const written = await meanwhile(bo, 'bo writes ', () => ime.compose(sentence));
      assert.ok(written.length > 20, `Bo wrote ${written.length} letters`);
      inner += sentence;
      const text = await scene.sameText((now) => now.length === before.length + sentence.length + written.length);
      assert.ok(text.includes(`<${inner}>`), `${text}\ndoes not contain\n<${inner}>`);
      assert.ok(text.includes(written), `${text}\ndoes not contain\n${written}`);
    }

    // A syllable that stays open while letters arrive beside it and before it.
    const before = await ada.text();
    await ime.show('ㅎ');
    await bo.page.keyboard.type('!');
    // From one wrap of the line to the one before.
    for (let i = 0; i < 6; i++) await bo.page.keyboard.press('Home');
    await bo.page.keyboard.type('?');
    await bo.badgeIs('saved');
    await ime.show('하');
    await ime.show('한');
    await ime.commit('한');
    const line = before.lastIndexOf('\n') + 1;
    const whole = `${before.slice(0, line)}?${before.slice(line)}!`.replace(`<${inner}>`, `<${inner}한>`);
    await scene.sameText((text) => text === whole);
    await ada.shoot('2-plain-hangul');
  });

  await step('offline text merges', async () => {
    await bo.context.setOffline(true);
    await bo.badgeIs('offline');
    await bo.page.keyboard.press('Control+End');
    await bo.type('offline');
    await keys.press('Control+Home');
    await ada.type('/');
    await bo.context.setOffline(false);
    await scene.sameText((text) => text.startsWith('///') && text.endsWith('offline'));
    await scene.saved();
  });

  await step('axe-core finds nothing serious', async () => {
    assert.deepEqual(await serious(ada.page), []);
    await ada.editor.click();
    await keys.press('Control+f');
    await ada.page.locator('.cm-search').waitFor();
    assert.deepEqual(await serious(ada.page), []);
    await keys.press('Escape');
    await ada.page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await serious(ada.page), []);
    await ada.shoot('3-plain-dark');
    await ada.page.emulateMedia({ colorScheme: 'light' });
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
    await bo.mayWrite(false);
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
