// Stock clients in documents of their own, who lose the right to be there while they type: what each typed and when that was acknowledged, when and how its connections ended.
// A visitor who types comes back for as long as it is there, whatever the close code says.
import WebSocket from '../../e2e/node/node_modules/ws/wrapper.mjs'
import process from 'node:process'
import { openWithAcks } from '../../e2e/node/acks.mjs'
import { close, open, when } from '../../e2e/node/client.mjs'
import { serve } from '../../e2e/node/lines.mjs'

process.setMaxListeners(1000) // each provider listens for the end of the process

const pace = 100 // milliseconds between two tokens of a visitor
const visitors = new Map() // by name

/** A socket as a page opens it, with the cookie of whoever is logged in. */
const withCookie = (cookie, origin) => class extends WebSocket {
  constructor (url, protocols) { super(url, protocols, { headers: { cookie, origin } }) }
}

class Visitor {
  constructor ({ name, url, room, token, cookie, origin, types }) {
    this.name = name
    this.typed = [] // when
    this.acked = {} // token -> when
    this.closes = [] // {at, code}
    this.refusals = [] // {at, code, frame}
    this.now = []
    const options = types ? { shouldReconnect: () => true } : {}
    if (token === undefined) options.params = {}
    this.client = openWithAcks({ url, room, token, options }, {
      brings: step => step === 2 ? this.typed.map((_, n) => n) : this.now,
      acked: numbers => { for (const n of numbers) this.acked[this.token(n)] ??= Date.now() },
      report: refusal => this.refusals.push({ at: Date.now(), code: refusal.code ?? 0, frame: refusal.frame ?? 0 }),
      ...(token === undefined ? { Socket: withCookie(cookie, origin) } : {})
    })
    this.client.provider.on('connection-close', event => this.closes.push({ at: Date.now(), code: event?.code ?? 0 }))
    if (types) this.timer = setInterval(() => this.type(), pace)
  }

  token (n) { return `${this.name}-${n};` }

  type () {
    const { doc, text } = this.client
    const n = this.typed.push(Date.now()) - 1
    this.now = [n]
    doc.transact(() => text.insert(0, this.token(n))) // of one account each, so that no other's is between its letters
    this.now = []
  }

  end () {
    clearInterval(this.timer)
    close(this.client)
  }
}

const textOf = async place => {
  const client = open(place)
  try {
    await when('synchronisation', () => client.provider.synced, [[client.provider, 'sync']])
    return client.text.toString()
  } finally {
    close(client)
  }
}

serve({
  /** Opens a document, and types there or not. Answers when it is open. */
  async enter (args) {
    const visitor = new Visitor(args)
    visitors.set(args.name, visitor)
    const { provider } = visitor.client
    await when('synchronisation', () => provider.synced, [[provider, 'sync']])
  },
  /** What has become of everybody. */
  seen: () => Object.fromEntries([...visitors].map(([name, { typed, acked, closes, refusals }]) => [name, { typed, acked, closes, refusals }])),
  leave () {
    for (const visitor of visitors.values()) visitor.end()
    visitors.clear()
  },
  /** How often a newcomer sees each token. */
  async read (place) {
    const seen = {}
    for (const token of (await textOf(place)).match(/[^;]*;/g) ?? []) seen[token] = (seen[token] ?? 0) + 1
    return seen
  }
})
