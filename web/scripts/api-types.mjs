// Writes src/api/schema.ts, the types of the REST interface, from the server's own description of it. With --check it
// only compares, and fails when the file is not what the description says.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapi, { astToString } from 'openapi-typescript';
import prettier from 'prettier';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'api');
const target = join(folder, 'schema.ts');

/** What the client needs of the description: each operation's input and its success. Every error is a Problem. */
function essence(description) {
  const { openapi: version, info, paths, components } = description;
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      operation.responses = Object.fromEntries(answers);
      for (const [, answer] of answers) delete answer.headers;
      const bodies = [operation.requestBody, ...answers.map(([, answer]) => answer)];
      for (const media of bodies.flatMap((body) => Object.values(body?.content ?? {}))) {
        delete media.example;
        delete media.examples;
      }
    }
  }
  return { openapi: version, info, paths, components: { schemas: components.schemas } };
}

const description = JSON.parse(readFileSync(join(folder, 'openapi.json'), 'utf8'));
const types = astToString(await openapi(essence(description), { defaultNonNullable: false }));
const text = await prettier.format(`// Made from openapi.json by "npm run types"; not to be edited.\n\n${types}`, {
  ...(await prettier.resolveConfig(target)),
  filepath: target,
});

if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/api/schema.ts is not what src/api/openapi.json describes; run "npm run types" in web/.');
  process.exitCode = 1;
}
