// Starts, stops and kills the server under test: the real binary, with a data folder of its own on a loopback port.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const startLimit = 20_000;

async function binary(folder) {
  if (process.env.BIZSYNC_BIN) return process.env.BIZSYNC_BIN;
  const built = join(folder, 'bizsync');
  await promisify(execFile)('go', ['build', '-o', built, './cmd/bizsync'], { cwd: repository });
  return built;
}

export class Server {
  /** Where the server answers, as http://127.0.0.1:PORT. */
  origin = '';
  /** The link at which the first account is made, as printed by the first start. */
  setupLink = '';

  #folder;
  #program;
  #process;
  #output = '';

  /** Starts a server that has no data yet. */
  static async first() {
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), 'bizsync-e2e-'));
    server.#program = await binary(server.#folder);
    await server.#start('127.0.0.1:0', () => {
      const link = /https?:\/\/\S+\/setup#token=[^\s"\\]+/.exec(server.#output);
      if (!link) return false;
      server.setupLink = link[0];
      server.origin = new URL(link[0]).origin;
      return true;
    });
    await server.#ready();
    return server;
  }

  /** Kills the server as a power cut does, and waits until it is gone. */
  async kill() {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }

  /** Starts the server again on its data and its port. */
  async restart() {
    await this.#start(new URL(this.origin).host, () => true);
    await this.#ready();
  }

  /** Holds the process still: sockets stay open, nothing is answered. */
  freeze() {
    this.#process.kill('SIGSTOP');
  }

  thaw() {
    this.#process.kill('SIGCONT');
  }

  /** Ends the process, if it lives, and removes its data. */
  async close() {
    if (this.#process && this.#process.exitCode === null && this.#process.signalCode === null) {
      this.thaw();
      await this.kill();
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  output() {
    return this.#output;
  }

  async #start(address, started) {
    // Settings of whoever runs the test must not reach the server.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BIZSYNC_')));
    const args = ['--addr', address, '--data-dir', join(this.#folder, 'data')];
    const child = spawn(this.#program, args, { env, cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failure('said nothing about its address')), startLimit);
      const settle = (done) => {
        clearTimeout(timer);
        done();
      };
      const read = (chunk) => {
        this.#output += chunk;
        if (started()) settle(resolve);
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', read);
      child.once('error', (error) => settle(() => reject(error)));
      child.once('exit', (code) => settle(() => reject(this.#failure(`ended with code ${code}`))));
      if (started()) settle(resolve);
    });
  }

  async #ready() {
    const end = Date.now() + startLimit;
    while (Date.now() < end) {
      const answer = await fetch(`${this.origin}/readyz`).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      await pause(20);
    }
    throw this.#failure('did not get ready');
  }

  #failure(what) {
    return new Error(`the server ${what}. It printed:\n${this.#output}`);
  }
}
