// Korean as an input method composes it, syllable by syllable, while somebody else edits the same paragraph.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from './editors.mjs';

let scene, ada, bo, ime;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: '한글' });
  [ada, bo] = scene.people;
  ime = await ada.context.newCDPSession(ada.page);
});

after(() => scene?.close());

const hangul = { first: 0xac00, medials: 21, finals: 28 };
const initials = [...'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'];

/** What the input method shows while a syllable is typed: 한 is ㅎ, 하, 한. */
function stages(syllable) {
  const code = syllable.codePointAt(0) - hangul.first;
  const final = code % hangul.finals;
  const initial = initials[Math.floor(code / (hangul.medials * hangul.finals))];
  const open = String.fromCodePoint(hangul.first + code - final);
  return final === 0 ? [initial, syllable] : [initial, open, syllable];
}

const frame = () => ada.page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));

/** Types Korean as the input method does; what isn't Hangul is typed as it is. */
async function compose(text) {
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (code < hangul.first || code > 0xd7a3) {
      await ada.page.keyboard.type(letter);
      continue;
    }
    for (const stage of stages(letter)) {
      await ime.send('Input.imeSetComposition', { text: stage, selectionStart: 1, selectionEnd: 1 });
      await frame();
    }
    await ime.send('Input.insertText', { text: letter });
  }
}

/** Has Bo write again and again until `work` is done; answers what he wrote in all. */
async function meanwhile(word, work) {
  let writing = true;
  let written = '';
  const writer = (async () => {
    for (let i = 0; writing; i = (i + 1) % word.length) {
      await bo.page.keyboard.type(word[i]);
      written += word[i];
    }
  })();
  try {
    await work();
  } finally {
    writing = false;
    await writer;
  }
  return written;
}

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
      const written = await meanwhile('bo writes ', () => compose(sentence));
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
    await compose(sentence);
    on = false;
    await splitter;
    const at = before.indexOf(']');
    await scene.sameText((text) => text === before.slice(0, at) + sentence + before.slice(at));
  });

  await step('a composition that is open while a letter arrives goes on', async () => {
    const before = await ada.text();
    await ime.send('Input.imeSetComposition', { text: 'ㅎ', selectionStart: 1, selectionEnd: 1 });
    await bo.page.keyboard.type('!');
    await bo.badgeIs('saved');
    await frame();
    await ime.send('Input.imeSetComposition', { text: '하', selectionStart: 1, selectionEnd: 1 });
    await frame();
    await ime.send('Input.imeSetComposition', { text: '한', selectionStart: 1, selectionEnd: 1 });
    await frame();
    await ime.send('Input.insertText', { text: '한' });
    const at = before.indexOf(']');
    const wanted = `${before.slice(0, at)}한${before.slice(at)}`;
    await scene.sameText((text) => text.replace(/!$/, '') === wanted);
    await scene.saved();
    await ada.shoot('1-hangul');
  });

  scene.noErrors();
});
