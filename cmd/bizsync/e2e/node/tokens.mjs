// Writers of unique tokens who note which of them the server has acknowledged (subprotocol bizsync.v1).
import WebSocket from 'ws'
import * as decoding from 'lib0/decoding'
import { open, synced, random } from './client.mjs'
import { serve, tell } from './lines.mjs'

const messageAck = 120
const messageRefused = 121

class Writer {
  constructor (name, args, below) {
    this.name = name
    this.random = random(args.seed)
    this.typed = 0 // tokens so far
    this.acked = new Set() // of their numbers
    this.typing = -1 // the token that is just being typed
    const writer = this
    // Counts the update frames of each connection and notes what they bring.
    class Counting extends WebSocket {
      frames = [] // tokens that each update frame brings
      decided = 0 // the first so many are
      refused = new Set()

      send (data, ...rest) {
        // Message sync, step 2 or update. A step 2 brings all that the server doesn't have of what was typed so far.
        if (data[0] === 0 && data[1] === 1) this.frames.push(Array.from({ length: writer.typed }, (_, n) => n))
        if (data[0] === 0 && data[1] === 2) this.frames.push([writer.typing])
        super.send(data, ...rest)
      }
    }
    this.client = open({ ...args, options: { protocols: ['bizsync.v1'], WebSocketPolyfill: Counting } })
    const { provider } = this.client
    provider.messageHandlers[messageAck] = (_encoder, decoder) => this.ack(provider.ws, decoding.readVarUint(decoder))
    provider.messageHandlers[messageRefused] = (_encoder, decoder) => {
      const number = decoding.readVarUint(decoder)
      provider.ws.refused.add(number)
      tell('refused', { writer: this.name, number, code: decoding.readVarUint(decoder), reason: decoding.readVarString(decoder) })
    }
    provider.on('connection-close', event => {
      if (event !== null && event.code >= 4400) tell('closed', { writer: this.name, code: event.code, reason: event.reason })
    })
  }

  ack (socket, count) {
    if (count > socket.frames.length || count <= socket.decided) tell('wrong', { writer: this.name, count, sent: socket.frames.length, before: socket.decided })
    const news = []
    for (; socket.decided < count; socket.decided++) {
      if (socket.refused.has(socket.decided + 1)) continue
      for (const n of socket.frames[socket.decided]) {
        if (!this.acked.has(n)) news.push(n)
        this.acked.add(n)
      }
      socket.frames[socket.decided] = [] // done with
    }
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
  async start ({ url, room, tokens, seed }) {
    tokens.forEach((token, n) => writers.push(new Writer('abcdefgh'[n], { url, room, token, seed: seed + n })))
    await Promise.all(writers.map(writer => synced(writer.client)))
    for (const writer of writers) writer.run()
  },
  typed: () => writers.reduce((sum, writer) => sum + writer.typed, 0)
})
