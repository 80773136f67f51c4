// Takes a picture of every page, light and dark, on a phone and on a desk, in each language, for somebody to look at:
// `npm run screenshots`, or with `-- --only list,share --dark --korean` a part of them. They are written to screenshots/.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { still } from '../e2e/axe.mjs';
import { launch } from '../e2e/browser.mjs';
import { company, password } from '../e2e/company.mjs';
import { pages } from '../e2e/pages.mjs';
import { Server } from '../e2e/server.mjs';

const { values: chosen } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    folder: {
      type: 'string',
      default: join(dirname(fileURLToPath(import.meta.url)), '..', 'screenshots'),
    },
    light: { type: 'boolean', default: false },
    dark: { type: 'boolean', default: false },
    phone: { type: 'boolean', default: false },
    desk: { type: 'boolean', default: false },
    english: { type: 'boolean', default: false },
    korean: { type: 'boolean', default: false },
  },
});
/** Those of a table that were asked for by name, or all. */
const asked = (table) => {
  const named = table.filter(([name]) => chosen[name]);
  return named.length > 0 ? named : table;
};
const schemes = asked([['light'], ['dark']]);
const sizes = asked([
  ['phone', { width: 375, height: 812 }],
  ['desk', { width: 1280, height: 800 }],
]);
const languages = asked([
  ['english', 'en'],
  ['korean', 'ko'],
]);
const only = chosen.only.split(',').filter(Boolean);

await mkdir(chosen.folder, { recursive: true });
const browser = await launch();
const server = await Server.first();
try {
  const firm = await company(server);
  // Others are at work, so that there is somebody to be seen.
  for (const [email, id] of [
    ['priya@example.org', firm.plan.id],
    ['seojun@example.org', firm.plan.id],
    ['tom@example.org', firm.documents['Security review'].id],
  ]) {
    const context = await browser.newContext();
    await context.request.post(`${server.origin}/api/v1/session`, { data: { email, password } });
    const page = await context.newPage();
    await page.goto(`${server.origin}/d/${id}`);
    await page.locator('.surface[data-loaded=true] [contenteditable=true]').click();
  }
  let taken = 0;
  for (const [language, lang] of languages) {
    for (const [size, viewport] of sizes) {
      for (const [scheme] of schemes) {
        const visitors = new Map();
        /** A page of this language, size and scheme for a person, or for nobody. */
        const visitor = async (who) => {
          if (visitors.has(who)) return visitors.get(who);
          const context = await browser.newContext({
            viewport,
            colorScheme: scheme,
            locale: lang === 'ko' ? 'ko-KR' : 'en-GB',
            deviceScaleFactor: size === 'phone' ? 2 : 1,
            hasTouch: size === 'phone',
          });
          context.setDefaultTimeout(30_000);
          if (who) await context.request.post(`${server.origin}/api/v1/session`, { data: { email: who, password } });
          visitors.set(who, await context.newPage());
          return visitors.get(who);
        };
        for (const { name, as, path, ready } of pages(firm)) {
          if (only.length > 0 && !only.includes(name)) continue;
          const page = await visitor(as);
          await page.goto('about:blank');
          await page.goto(server.origin + path);
          await ready(page, lang);
          await still(page);
          const file = `${name}-${lang}-${viewport.width}-${scheme}.png`;
          await page.screenshot({ path: join(chosen.folder, file), animations: 'disabled' });
          taken++;
        }
        for (const page of visitors.values()) await page.context().close();
      }
      console.log(`${language}, ${size}: done`);
    }
  }
  console.log(`${taken} pictures in ${chosen.folder}`);
} finally {
  await browser.close();
  await server.close();
}
