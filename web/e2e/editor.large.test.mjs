// Three hundred pages, and somebody else typing in them: nothing of what is far away may be felt at a key.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './browser.mjs';
import { Scene } from './editors.mjs';

/** A page is about 15 paragraphs of 30 words. */
const pages = 300;
const paragraphs = pages * 15;

/**
 * The longest that a letter may take to be painted, in milliseconds: far more than it takes, since everything and more
 * runs on the machine that runs this, and far less than it takes when a letter costs as much as the document is long.
 */
const limits = { half: 150, most: 600 };

let scene, ada, bo;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: 'Long', viewport: { width: 1280, height: 800 } });
  [ada, bo] = scene.people;
});

after(() => scene?.close());

/** Writes the document as a paste does, by pieces. */
async function fill() {
  const words = 'the harvest begins when apples redden and ends before the first frost comes over the hills '.repeat(2);
  const lines = Array.from({ length: paragraphs }, (_, i) =>
    i % 45 === 0 ? `<h2>Chapter ${i / 45 + 1}</h2>` : `<p>${i} ${words}</p>`,
  );
  for (let from = 0; from < lines.length; from += 1500) {
    await ada.editor.evaluate(
      (editor, html) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/html', html);
        editor.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      },
      lines.slice(from, from + 1500).join(''),
    );
  }
}

/** Times each letter of a text from its key to the frame after it, in milliseconds, shortest first. */
async function latencies(person, text) {
  await person.page.evaluate(() => {
    window.latencies = [];
    if (window.timing) return;
    window.timing = true;
    document.addEventListener(
      'keydown',
      (event) => {
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => window.latencies.push(performance.now() - event.timeStamp);
          channel.port2.postMessage(null);
        });
      },
      true,
    );
  });
  await person.page.keyboard.type(text, { delay: 60 });
  const all = await person.page.evaluate(() => window.latencies);
  return all.sort((a, b) => a - b);
}

const at = (sorted, share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);

function quick(t, what, times) {
  const [half, most] = [at(times, 0.5), at(times, 0.95)];
  t.diagnostic(`${what}: p50 ${half} ms, p95 ${most} ms`);
  assert.ok(half < limits.half, `p50 ${what}: ${half} ms`);
  assert.ok(most < limits.most, `p95 ${what}: ${most} ms`);
}

/** Remembers what the editor has for each block, to see later how many it has made anew. */
const remember = (person) =>
  person.editor.evaluate((editor) => {
    window.blocks = new Set(editor.pmViewDesc.node.content.content);
  });

const madeAnew = (person) =>
  person.editor.evaluate((editor) => {
    const blocks = editor.pmViewDesc.node.content.content;
    return blocks.filter((block) => !window.blocks.has(block)).length;
  });

test('a document of 300 pages stays quick', { timeout: 240_000 }, async (t) => {
  const step = scene.stepper(t);

  await step('it is written, and arrives', async () => {
    await ada.editor.click();
    await fill();
    await ada.badgeIs('saved');
    await bo.editor.getByText('Chapter 100', { exact: true }).waitFor({ state: 'attached' });
  });

  await step('it opens', async () => {
    const begin = performance.now();
    await scene.visit(bo);
    t.diagnostic(`open: ${Math.round(performance.now() - begin)} ms`);
    // The pieces join in a line.
    assert.ok((await bo.editor.evaluate((editor) => editor.childElementCount)) > paragraphs - 10);
  });

  await step('typing alone', async () => {
    await ada.page.keyboard.press('Control+Home');
    quick(t, 'alone', await latencies(ada, 'Typing at the beginning of a long document. '));
  });

  await step('a letter of another costs one block, not all of them', async () => {
    await bo.editor.click();
    await bo.page.keyboard.press('Control+End');
    await bo.type('Bo: ');
    const ends = (words) => eventually(`Ada sees ${words}`, async () => (await ada.text()).endsWith(words));
    await ends('over the hillsBo: ');
    await remember(ada);
    await bo.type('a few letters');
    await ends('Bo: a few letters');
    assert.equal(await madeAnew(ada), 1);
    await bo.page.keyboard.press('Enter');
    await bo.type('and a line');
    await ends('a few letters\nand a line');
    assert.equal(await madeAnew(ada), 2);
  });

  await step('typing while another types', async () => {
    let typing = true;
    const typist = (async () => {
      while (typing) await bo.page.keyboard.type('b', { delay: 120 });
    })();
    try {
      quick(t, 'with another', await latencies(ada, 'And typing while somebody else types at its end. '));
    } finally {
      typing = false;
      await typist;
    }
    await scene.saved();
  });

  await step('what was never in sight is where it is looked for', async () => {
    const top = (element) => Math.round(element.getBoundingClientRect().top);
    await ada.page.getByTestId('outline').getByRole('button', { name: 'Chapter 60', exact: true }).click();
    const chapter = ada.editor.getByText('Chapter 60', { exact: true });
    await eventually('the chapter is below the bars', async () => {
      const y = await chapter.evaluate(top);
      return y >= 100 && y < 300;
    });
    await ada.page.getByRole('button', { name: 'Follow Bo' }).click();
    await eventually("Bo's caret is in the middle", async () => {
      const y = await ada.page.getByTestId('caret').first().evaluate(top);
      return y > 150 && y < 650;
    });
    await ada.shoot('1-large');
  });

  scene.noErrors();
});
