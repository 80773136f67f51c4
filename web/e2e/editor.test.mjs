// Two people and all that a document may hold: menus, tables, tasks, links, undo, following, and the keys alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './browser.mjs';
import { Scene } from './editors.mjs';

let scene, ada, bo;

before(async () => {
  scene = await Scene.open(['Ada', 'Bo'], { title: 'Harvest', viewport: { width: 1280, height: 800 } });
  [ada, bo] = scene.people;
});

after(() => scene?.close());

/** Empties the document and leaves Ada's caret in it. */
async function afresh() {
  await ada.editor.click();
  await ada.page.keyboard.press('Control+a');
  await ada.page.keyboard.press('Delete');
  await ada.page.keyboard.press('Control+Alt+0');
  await scene.sameText((text) => text === '');
}

const cells = (person) =>
  person.editor.evaluate((editor) =>
    [...editor.querySelectorAll('tr')].map((row) =>
      [...row.children].map((cell) => {
        const copy = cell.cloneNode(true);
        for (const caret of copy.querySelectorAll('.caret')) caret.remove();
        return copy.textContent.replace(/[\u2060\ufeff]/g, '');
      }),
    ),
  );

async function sameCells(wanted) {
  await eventually(`both see ${JSON.stringify(wanted)}`, async () => {
    const seen = await Promise.all([cells(ada), cells(bo)]);
    return seen.every((one) => JSON.stringify(one) === JSON.stringify(wanted));
  });
}

test('what a document may hold', { timeout: 300_000 }, async (t) => {
  const step = scene.stepper(t);
  const keys = ada.page.keyboard;

  await step('opening changes nothing: what is read is what was there', async () => {
    await scene.saved();
    for (const person of scene.people) assert.equal((await person.watched()).sent, 1, 'step 2 and no update');
  });

  await step('Markdown becomes headings, lists, tasks, quotes and marks', async () => {
    await ada.editor.click();
    await ada.type('# Plan');
    await keys.press('Enter');
    await ada.type('Some **bold** and `code`.');
    await keys.press('Enter');
    await ada.type('[ ] Order crates');
    await keys.press('Enter');
    await ada.type('Rent a press');
    await keys.press('Enter');
    await keys.press('Enter');
    await ada.type('> Quoted');
    await keys.press('Enter');
    await keys.press('Enter');
    await ada.type('1. First');
    await scene.sameText((text) => text.includes('First'));
    for (const selector of ['h1', 'strong', 'p code', 'ul[data-type=taskList] li', 'blockquote', 'ol li']) {
      await bo.editor.locator(selector).first().waitFor();
    }
  });

  await step('a task is ticked on one screen and done on the other', async () => {
    await ada.page.getByRole('checkbox', { name: 'Task, open: Order crates' }).click();
    await bo.page.getByRole('checkbox', { name: 'Task, done: Order crates' }).waitFor();
    await bo.page.getByRole('checkbox', { name: 'Task, open: Rent a press' }).click();
    await ada.page.getByRole('checkbox', { name: 'Task, done: Rent a press' }).waitFor();
    await ada.shoot('1-markdown');
  });

  await step('the slash menu is found by typing, in Korean too, and used by keys', async () => {
    await afresh();
    const menu = ada.page.getByTestId('slash-menu');
    await ada.type('/');
    await menu.waitFor();
    await eventually('all is offered', async () => (await menu.getByRole('option').count()) === 12);
    const active = await ada.editor.getAttribute('aria-activedescendant');
    assert.equal(await menu.locator('[aria-selected=true]').getAttribute('id'), active);
    await ada.shoot('2-slash');
    await keys.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await ada.type(' and a/b');
    assert.equal(await menu.count(), 0, 'a slash inside a word is a slash');
    await afresh();
    await ada.type('/표');
    await menu.getByRole('option', { name: 'Table' }).waitFor();
    await keys.press('Enter');
    await sameCells([
      ['', '', ''],
      ['', '', ''],
      ['', '', ''],
    ]);
  });

  await step('a table is filled, grown and cut by both', async () => {
    for (const word of ['Fruit', 'Week', 'Crates', 'Apples', '34', '120', 'Pears', '36', '80']) {
      await ada.type(word);
      if (word !== '80') await keys.press('Tab');
    }
    const first = ['Fruit', 'Week', 'Crates'];
    await sameCells([first, ['Apples', '34', '120'], ['Pears', '36', '80']]);
    await ada.page.getByTestId('table-bar').waitFor();
    await ada.shoot('3-table');
    await ada.page.getByRole('button', { name: 'Add a row below' }).click();
    await sameCells([first, ['Apples', '34', '120'], ['Pears', '36', '80'], ['', '', '']]);
    await bo.editor.getByText('Week').click();
    await bo.page.getByRole('button', { name: 'Delete the column' }).click();
    await sameCells([
      ['Fruit', 'Crates'],
      ['Apples', '120'],
      ['Pears', '80'],
      ['', ''],
    ]);
  });

  await step('a row and a column added at once converge, and no screen mends by itself', async () => {
    await ada.context.setOffline(true);
    await ada.badgeIs('offline');
    await ada.editor.getByText('Pears').click();
    await ada.page.getByRole('button', { name: 'Add a row above' }).click();
    await bo.editor.getByText('Crates').click();
    await bo.page.getByRole('button', { name: 'Add a column after' }).click();
    await bo.badgeIs('saved');
    await ada.context.setOffline(false);
    await scene.saved();
    await eventually('equal tables', async () => {
      const [one, other] = await Promise.all([cells(ada), cells(bo)]);
      return one.length === 5 && JSON.stringify(one) === JSON.stringify(other);
    });
    const settled = JSON.stringify(await cells(ada));
    await bo.goTo('Apples');
    await bo.type('!');
    await eventually('one mending', async () => (await cells(ada)).every((row) => row.length === 3));
    await scene.saved();
    assert.notEqual(JSON.stringify(await cells(ada)), settled);
    await sameCells(await cells(ada));
    await bo.page.getByRole('button', { name: 'Delete the table' }).click();
    await sameCells([]);
  });

  await step('a selection has its bubble, and links are made, shown, changed and removed', async () => {
    await afresh();
    await ada.type('See the orchard for more.');
    for (let i = 0; i < 5; i++) await keys.press('Control+ArrowLeft');
    await keys.press('Control+ArrowRight');
    await keys.press('Control+Shift+ArrowRight');
    const bubble = ada.page.getByTestId('bubble');
    await bubble.waitFor();
    await bubble.getByRole('button', { name: 'Bold' }).click();
    await bo.editor.locator('strong').waitFor();
    await ada.shoot('4-bubble');
    await keys.press('Control+k');
    const dialog = ada.page.getByTestId('link-dialog');
    await dialog.getByLabel('Address').fill('javascript:alert(1)');
    await keys.press('Enter');
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Address').fill('example.org/trees');
    await ada.shoot('5-link');
    await keys.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    const link = bo.editor.locator('a[href="https://example.org/trees"]');
    await link.waitFor();
    assert.match((await link.getAttribute('rel')) ?? '', /noopener/);
    await keys.press('ArrowLeft');
    await keys.press('ArrowRight');
    const card = ada.page.getByTestId('link-card');
    await card.waitFor();
    await card.getByRole('button', { name: 'Remove the link' }).click();
    await link.waitFor({ state: 'detached' });
  });

  await step('an image comes from its address, with a description', async () => {
    await afresh();
    await ada.context.route('https://pictures.example/**', (route) =>
      route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }),
    );
    await ada.type('/image');
    await keys.press('Enter');
    const dialog = ada.page.getByTestId('image-dialog');
    await dialog.getByLabel('Address of the image').fill('http://pictures.example/tree.svg');
    await keys.press('Enter');
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Address of the image').fill('https://pictures.example/tree.svg');
    await dialog.getByLabel('Description').fill('An apple tree');
    await keys.press('Enter');
    await bo.editor.locator('img[alt="An apple tree"]').waitFor({ state: 'attached' });
  });

  await step('code is coloured by its language, on both screens', async () => {
    await afresh();
    await ada.type('```go ');
    await ada.type('func main() {}');
    // A caret that stands inside a word parts its colour in two elements.
    await ada.editor.locator('.hljs-keyword').first().waitFor();
    await bo.editor.locator('.hljs-keyword').first().waitFor();
    await ada.editor.getByLabel('Language of the code').selectOption('python');
    await eventually('Go is no Python', async () => (await bo.editor.locator('.hljs-keyword').count()) === 0);
    const shown = bo.editor.getByLabel('Language of the code');
    await eventually('Bo sees it called Python', async () => (await shown.inputValue()) === 'python');
  });

  await step('undo takes back one’s own edits only', async () => {
    await afresh();
    await ada.type('Ada one.');
    await keys.press('Enter');
    await scene.sameText((text) => text.startsWith('Ada one.'));
    await bo.editor.click();
    await bo.page.keyboard.press('Control+End');
    await bo.type('Bo two.');
    await scene.sameText((text) => text === 'Ada one.\nBo two.');
    await ada.goTo('Ada one.');
    await ada.page.evaluate(() => new Promise((done) => setTimeout(done, 600)));
    await ada.type(' Ada three.');
    await scene.sameText((text) => text === 'Ada one. Ada three.\nBo two.');
    await keys.press('Control+z');
    await scene.sameText((text) => text === 'Ada one.\nBo two.');
    await bo.page.keyboard.press('Control+z');
    await scene.sameText((text) => text === 'Ada one.\n');
    // With Caps Lock the key of Shift and Z is a small z.
    for (const [redo, undo] of [
      ['Control+Shift+Z', 'Control+z'],
      ['Control+Shift+z', 'Control+z'],
      ['Control+y', 'Control+z'],
    ]) {
      await keys.press(redo);
      await scene.sameText((text) => text === 'Ada one. Ada three.\n');
      await keys.press(undo);
      await scene.sameText((text) => text === 'Ada one.\n');
    }
    await keys.press('Control+Shift+z');
    await scene.sameText((text) => text === 'Ada one. Ada three.\n');
  });

  await step('one person follows another, until she scrolls herself', async () => {
    await afresh();
    for (let i = 1; i <= 60; i++) {
      await keys.insertText(`Line ${i}`);
      await keys.press('Enter');
    }
    await scene.sameText((text) => text.includes('Line 60'));
    await ada.page.evaluate(() => window.scrollTo(0, 0));
    await bo.page.keyboard.press('Control+End');
    await ada.page.getByRole('button', { name: 'Follow Bo' }).click();
    await ada.page.getByTestId('follow').waitFor();
    const inSight = () =>
      ada.page
        .getByTestId('caret')
        .first()
        .evaluate((caret) => {
          const { top, bottom } = caret.getBoundingClientRect();
          return top > 0 && bottom < window.innerHeight;
        });
    await bo.goTo('Line 55');
    await eventually("Bo's caret is in sight", inSight);
    await ada.shoot('6-follow');
    await bo.page.keyboard.press('Control+Home');
    await eventually('and again at the beginning', async () => (await ada.page.evaluate(() => window.scrollY)) < 40);
    await ada.page.mouse.move(600, 500);
    await ada.page.mouse.wheel(0, 900);
    await ada.page.getByTestId('follow').waitFor({ state: 'detached' });
  });

  await step('the outline lists headings and leads to them', async () => {
    await afresh();
    await ada.type('# Beginning');
    for (let i = 0; i < 40; i++) await keys.press('Enter');
    await ada.type('## The end');
    await ada.page.evaluate(() => window.scrollTo(0, 0));
    const outline = ada.page.getByTestId('outline');
    if ((await outline.count()) === 0) await ada.page.getByTestId('outline-toggle').click();
    await outline.getByRole('button', { name: 'The end' }).click();
    await eventually('it is scrolled to', async () => (await ada.page.evaluate(() => window.scrollY)) > 300);
    await ada.shoot('7-outline');
  });

  await step('all of it without a mouse', async () => {
    await afresh();
    await ada.type('By keys');
    await keys.press('Control+a');
    await keys.press('Alt+F10');
    await keys.press('Home');
    for (let i = 0; i < 3; i++) await keys.press('ArrowRight');
    const focused = () => ada.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    while ((await focused()) !== 'Italic') await keys.press('ArrowRight');
    await keys.press('Enter');
    await bo.editor.locator('em').waitFor();
    await keys.press('Control+/');
    await ada.page.getByTestId('help').waitFor();
    await ada.shoot('8-help');
    await keys.press('Escape');
    await ada.page.getByTestId('help').waitFor({ state: 'detached' });
    await keys.press('Control+Alt+o');
    await keys.press('Control+Alt+2');
    await bo.editor.locator('h2').waitFor();
    await ada.page.getByTestId('count').filter({ hasText: '2 words' }).waitFor();
  });

  await step('it fits a telephone', async () => {
    await ada.page.setViewportSize({ width: 375, height: 700 });
    await ada.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const wide = await ada.page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(wide, 375, 'nothing sticks out');
    const toolbar = await ada.page.getByRole('toolbar', { name: 'Formatting' }).boundingBox();
    assert.ok(toolbar.y > 600, 'the buttons are where the thumb is');
    await ada.shoot('9-375');
  });

  await scene.saved();
  scene.noErrors();
});
