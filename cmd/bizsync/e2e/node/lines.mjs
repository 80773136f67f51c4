// A script's conversation with the test that runs it: a line of JSON each. {id, call, args} comes in, {id, result} or {id, error} goes out, and
// {event, value} whenever there is something to tell.
import readline from 'node:readline'
import process from 'node:process'

// Standard output is for messages only; libraries log there, too.
console.log = console.info = console.debug = console.error

const send = message => process.stdout.write(JSON.stringify(message) + '\n')

/** Tells the test something unasked. */
export const tell = (event, value) => send({ event, value })

/** Answers calls by the functions of those names until the test closes standard input. */
export const serve = handlers => {
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', async line => {
    const { id, call, args } = JSON.parse(line)
    try {
      send({ id, result: (await handlers[call](args ?? {})) ?? null })
    } catch (error) {
      send({ id, error: `${call}: ${error.stack ?? error}` })
    }
  })
  lines.on('close', () => process.exit(0))
}
