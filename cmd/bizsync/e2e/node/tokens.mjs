// Writers of unique tokens who note which of them the server has acknowledged (subprotocol bizsync.v1).
import { openWithAcks } from './acks.mjs'
import { synced, random } from './client.mjs'
import { serve, tell } from './lines.mjs'

class Writer {
  constructor (name, args) {
    this.name = name
    this.random = random(args.seed)
    this.typed = 0 // tokens so far
    this.typing = -1 // the token that is just being typed
    this.acked = new Set() // of their numbers
    this.client = openWithAcks(args, {
      // A step 2 brings all that the server doesn't have of what was typed so far.
      brings: step => step === 2 ? Array.from({ length: this.typed }, (_, n) => n) : [this.typing],
      acked: tokens => this.ack(tokens),
      report: refusal => tell('refused', { writer: name, ...refusal })
    })
  }

  ack (tokens) {
    const news = tokens.filter(n => !this.acked.has(n))
    for (const n of news) this.acked.add(n)
    if (news.length > 0) tell('acked', news.map(n => this.token(n)))
  }

  token (n) { return `${this.name}${n}` }

  // A token goes anywhere between two others.
  type () {
    const { doc, text } = this.client
    const before = text.toString()
    const at = before.indexOf(';', this.random(before.length + 1)) + 1 // 0 behind the last
    this.typing = this.typed++
    doc.transact(() => text.insert(at, this.token(this.typing) + ';'))
  }

  // Types at random intervals for as long as the process lives.
  run () {
    this.type()
    setTimeout(() => this.run(), this.random(20))
  }
}

const writers = []

serve({
  async start ({ url, room, tokens, seed, generation }) {
    tokens.forEach((token, n) => writers.push(new Writer(`${'abcdefgh'[n]}${generation}-`, { url, room, token, seed: seed + n })))
    await Promise.all(writers.map(writer => synced(writer.client)))
    for (const writer of writers) writer.run()
  },
  typed: () => writers.reduce((sum, writer) => sum + writer.typed, 0)
})
