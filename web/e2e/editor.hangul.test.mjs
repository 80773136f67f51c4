// Korean as an input method composes it, syllable by syllable, while somebody else edits the same paragraph.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from './editors.mjs';
import { InputMethod, meanwhile } from './hangul.mjs';

let scene, ada, bo, ime;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: '한글' });
  [ada, bo] = scene.people;
  ime = await InputMethod.of(ada);
});

after(() => scene?.close());

test('no syllable is lost, doubled or torn', { timeout: 240_000 }, async (t) => {
  const step = scene.stepper(t);
  const sentence = '함께 쓰는 문서에서 글자가 깨지면 안 됩니다. ';

  await step('both begin in one paragraph', async () => {
    await ada.editor.click();
    await ada.type('[]');
    await ada.page.keyboard.press('ArrowLeft');
    await scene.sameText((text) => text === '[]');
  });

  for (const [where, key] of [
    ['before', 'Home'],
    ['behind', 'End'],
  ]) {
    await step(`while Bo writes ${where} it`, async () => {
      const before = await ada.text();
      await bo.editor.click();
      await bo.page.keyboard.press(key);
      const written = await meanwhile(bo, 'bo writes ', () => ime.compose(sentence));
      assert.ok(written.length > 20, `Bo wrote ${written.length} letters`);
      const inner = before.slice(before.indexOf('[') + 1, before.indexOf(']'));
      const wanted = `[${inner}${sentence}]`;
      const text = await scene.sameText((now) => now.length === before.length + sentence.length + written.length);
      assert.ok(text.includes(wanted), `${text}\ndoes not contain\n${wanted}`);
      assert.ok(text.includes(written), `${text}\ndoes not contain\n${written}`);
    });
  }

  await step('while Bo splits and joins the paragraph behind it', async () => {
    const before = await ada.text();
    await bo.page.keyboard.press('End');
    let on = true;
    const splitter = (async () => {
      while (on) {
        await bo.page.keyboard.press('Enter');
        await bo.page.keyboard.press('Backspace');
      }
    })();
    await ime.compose(sentence);
    on = false;
    await splitter;
    const at = before.indexOf(']');
    await scene.sameText((text) => text === before.slice(0, at) + sentence + before.slice(at));
  });

  await step('a composition that is open while a letter arrives goes on', async () => {
    const before = await ada.text();
    await ime.show('ㅎ');
    await bo.page.keyboard.type('!');
    await bo.badgeIs('saved');
    await ime.show('하');
    await ime.show('한');
    await ime.commit('한');
    const at = before.indexOf(']');
    const wanted = `${before.slice(0, at)}한${before.slice(at)}`;
    await scene.sameText((text) => text.replace(/!$/, '') === wanted);
    await scene.saved();
    await ada.shoot('1-hangul');
  });

  scene.noErrors();
});
