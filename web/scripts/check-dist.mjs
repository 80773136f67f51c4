// Builds the application into a folder of its own and compares it with the committed dist/, byte by byte: what the
// server embeds has to be what the source says.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function filesIn(folder) {
  const found = readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
  return found.filter((path) => statSync(path).isFile()).map((path) => relative(folder, path));
}

function differences(committed, built) {
  const names = new Set([...filesIn(committed), ...filesIn(built)]);
  const read = (folder, name) => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      if (error.code === 'ENOENT') return null;
      throw error;
    }
  };
  return [...names].sort().flatMap((name) => {
    const [before, after] = [read(committed, name), read(built, name)];
    if (before === null) return [`missing in dist/: ${name}`];
    if (after === null) return [`left over in dist/: ${name}`];
    return before.equals(after) ? [] : [`differs: ${name}`];
  });
}

const fresh = mkdtempSync(join(tmpdir(), 'bizsync-dist-'));
try {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  execFileSync(process.execPath, [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', fresh], {
    cwd: root,
    stdio: 'inherit',
  });
  const found = differences(join(root, 'dist'), fresh);
  if (found.length > 0) {
    console.error(`web/dist is not what its source builds; run "npm run build" in web/ and commit dist:`);
    for (const line of found) console.error(`  ${line}`);
    process.exitCode = 1;
  } else {
    console.log('web/dist matches its source.');
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
