// A script's conversation with the test that runs it: a line of JSON each. {id, call, args} comes in, {id, result} or {id, error} goes out, and
// {event, value} whenever there is something to tell. In a worker thread the same goes through its port, to the script that started it.
import readline from 'node:readline'
import process from 'node:process'
import { parentPort } from 'node:worker_threads'

// Standard output is for messages only; libraries log there, too.
console.log = console.info = console.debug = console.error

const send = message => parentPort === null ? process.stdout.write(JSON.stringify(message) + '\n') : parentPort.postMessage(message)

/** Tells the test something unasked. */
export const tell = (event, value) => send({ event, value })

/** Answers calls by the functions of those names until the test closes standard input. */
export const serve = handlers => {
  const answer = async ({ id, call, args }) => {
    try {
      send({ id, result: (await handlers[call](args ?? {})) ?? null })
    } catch (error) {
      send({ id, error: `${call}: ${error.stack ?? error}` })
    }
  }
  if (parentPort !== null) return parentPort.on('message', answer)
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', line => answer(JSON.parse(line)))
  lines.on('close', () => process.exit(0))
}
