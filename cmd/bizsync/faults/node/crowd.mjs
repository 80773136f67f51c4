// A crowd of stock clients at several nodes who type unique tokens in several documents, and note which of them the server has acknowledged (bizsync.v1).
import * as Y from '../../e2e/node/node_modules/yjs/dist/yjs.mjs' // the file that the clients import
import { createHash } from 'node:crypto'
import process from 'node:process'
import { openWithAcks } from '../../e2e/node/acks.mjs'
import { close, open, random, when } from '../../e2e/node/client.mjs'
import { serve, tell } from '../../e2e/node/lines.mjs'

process.setMaxListeners(1000) // each provider listens for the end of the process

// All that is typed is this long, and typed between two such pieces: a place is a multiple of it, and what others type at the same time can't change that.
const size = 10
const scratch = '~~~~~~~~~;' // typed and deleted again

const acked = new Map() // room -> tokens that were acknowledged to whoever typed them
const writers = []
const away = [] // the places of those who have left
const guests = new Map() // name -> {place, client, lost}: clients that only look
const departures = [] // since the last call of departed: {node, room, gone}
let generation = 0
let typed = 0
let took = [] // of each acknowledgement since the last call of mark: {node, room, ms}
let pace = 0 // milliseconds between two tokens of a writer, about; 0: nobody types

class Writer {
  constructor (place, number, seed) {
    this.place = place
    this.name = generation.toString(36).padStart(2, '0') + number.toString(36).padStart(2, '0')
    this.random = random(seed)
    this.tokens = [] // when each was typed
    this.acked = new Set() // of their numbers
    this.now = [] // the number of the token that is being typed
    this.client = openWithAcks(place, {
      // A step 2 brings all that the server doesn't have of what was typed so far.
      brings: step => step === 2 ? this.tokens.map((_, n) => n) : this.now,
      acked: numbers => this.ack(numbers),
      report: refusal => tell('refused', { node: place.node, room: place.room, ...refusal })
    })
    const { doc, provider } = this.client
    provider.awareness.setLocalStateField('user', { name: this.name })
    // A provider that is disconnected takes everybody else away by itself.
    provider.awareness.on('change', ({ removed }) => {
      const gone = provider.wsconnected ? removed.filter(id => id !== doc.clientID) : []
      if (gone.length > 0) departures.push({ node: place.node, room: place.room, gone })
    })
  }

  ack (numbers) {
    const at = performance.now()
    for (const n of numbers) {
      if (this.acked.has(n)) continue
      this.acked.add(n)
      acked.get(this.place.room).add(this.token(n))
      took.push({ node: this.place.node, room: this.place.room, ms: at - this.tokens[n] })
    }
  }

  token (n) { return this.name + n.toString(36).padStart(size - 5, '0') + ';' }

  insert (piece, numbers) {
    const { doc, text } = this.client
    this.now = numbers
    doc.transact(() => text.insert(size * this.random(text.length / size + 1), piece))
    this.now = []
  }

  type () {
    const n = this.tokens.length
    this.tokens.push(performance.now())
    typed++
    this.insert(this.token(n), [n])
    return n
  }

  // Others see a caret that moves; to those who come back, it is also what shows them that anybody is here: Yjs takes a state that it knew before for old news.
  move () { this.client.provider.awareness.setLocalStateField('cursor', this.random(1000)) }

  step () {
    const { text } = this.client
    switch (this.random(8)) {
      case 0: return this.insert(scratch, [])
      case 1: {
        const at = text.toString().indexOf(scratch)
        return at < 0 ? undefined : text.delete(at, size)
      }
      case 2: return this.move()
      default: this.type()
    }
  }

  // Types at random intervals while there is a pace.
  run () {
    if (pace === 0 || this.gone) return
    this.step()
    this.timer = setTimeout(() => this.run(), this.random(2 * pace))
  }

  end () {
    this.gone = true
    clearTimeout(this.timer)
    close(this.client)
  }

  settled () {
    const { doc: { store }, provider } = this.client
    return provider.wsconnected && provider.synced && provider.ws.decided === provider.ws.frames.length && store.pendingStructs === null && store.pendingDs === null
  }

  describe () {
    const { doc, provider, text } = this.client
    return {
      name: this.name, node: this.place.node, connected: provider.wsconnected, synced: provider.synced, sent: provider.ws?.frames.length,
      decided: provider.ws?.decided, length: text.length, pending: doc.store.pendingStructs !== null
    }
  }
}

const byClient = (a, b) => a[0] - b[0]

/** Text, state vector and delete set, each in a form that doesn't depend on the order in which things arrived. */
const digest = doc => {
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) return { pending: true }
  const { ds, sv } = Y.snapshot(doc)
  const deleted = [...ds.clients].map(([client, ranges]) => {
    const joined = []
    for (const { clock, len } of [...ranges].sort((a, b) => a.clock - b.clock)) {
      if (joined.at(-1)?.[1] === clock) joined.at(-1)[1] = clock + len
      else joined.push([clock, clock + len])
    }
    return [client, joined]
  })
  const hash = part => createHash('sha256').update(JSON.stringify(part)).digest('hex').slice(0, 16)
  return { text: hash(doc.getText('text').toString()), vector: hash([...sv].sort(byClient)), deleted: hash(deleted.sort(byClient)) }
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const rooms = () => [...acked.keys()]
const writersOf = room => writers.filter(writer => writer.place.room === room)

/** The common digest of a room's writers, or undefined while they differ or something of theirs isn't decided. */
const agreed = room => {
  const group = writersOf(room)
  if (!group.every(writer => writer.settled())) return undefined
  const [first, ...others] = group.map(({ client }) => Y.snapshot(client.doc))
  if (!others.every(other => Y.equalSnapshots(first, other))) return undefined
  const [one, ...more] = group.map(({ client }) => digest(client.doc))
  return more.every(other => same(one, other)) ? one : undefined
}

/** What a client sees that knows nothing yet; undefined when it can't connect in time. */
const fresh = async (place, limit) => {
  const client = open(place)
  try {
    await when('synchronisation', () => client.provider.synced, [[client.provider, 'sync']], { limit })
    return digest(client.doc)
  } catch {
    return undefined
  } finally {
    close(client)
  }
}

const openAll = async (places, seed) => {
  generation++
  for (const place of places) {
    if (!acked.has(place.room)) acked.set(place.room, new Set())
    writers.push(new Writer(place, writers.length, seed + generation * 1000 + writers.length))
  }
}

/** Of a text's pieces: which acknowledged tokens are missing, and what is there more than once. */
const audit = room => {
  const seen = new Map()
  const text = writersOf(room)[0].client.text.toString()
  for (const piece of text.match(/[^;]*;?/g)) if (piece !== '' && piece !== scratch) seen.set(piece, (seen.get(piece) ?? 0) + 1)
  return {
    lost: [...acked.get(room)].filter(token => !seen.has(token)),
    repeated: [...seen].filter(([, times]) => times > 1).map(([token]) => token),
    torn: [...seen.keys()].filter(piece => piece.length !== size)
  }
}

let seed = 0

serve({
  async open (args) {
    seed = args.seed
    await openAll(args.places, seed)
    await Promise.all(writers.map(({ client: { provider } }) => when('synchronisation', () => provider.synced, [[provider, 'sync']])))
  },
  /** Everybody types about every so many milliseconds; 0: nobody does. */
  pace (args) {
    const before = pace
    pace = args.pace
    if (before === 0) for (const writer of writers) writer.run()
  },
  /** One person types one token; answers when it is acknowledged. */
  async one ({ node, room, limit }) {
    const writer = writersOf(room).find(({ place }) => place.node === node)
    const n = writer.type()
    await when('acknowledgement', () => writer.acked.has(n), [[writer.client.acks, 'ack']], { limit })
  },
  counts: () => ({ typed, acked: rooms().reduce((sum, room) => sum + acked.get(room).size, 0), writers: writers.length }),
  /** All clients end, with what they know, and new ones take their places. What was acknowledged stays noted. */
  async forget () {
    const places = writers.map(({ place }) => place)
    for (const writer of writers.splice(0)) writer.end()
    await openAll(places, seed)
    if (pace > 0) for (const writer of writers) writer.run()
  },
  move () { for (const writer of writers) writer.move() },
  /** Somebody opens a document and only looks. */
  async visit ({ name, place }) {
    const client = open(place)
    guests.set(name, { place, client, lost: false })
    client.provider.awareness.setLocalStateField('user', { name }) // the first state, which is empty, shows nobody: peers take its clock, 0, for old
    await when('synchronisation', () => client.provider.synced, [[client.provider, 'sync']])
  },
  /** The guest closes the document. */
  leave ({ name }) {
    close(guests.get(name).client)
    guests.delete(name)
  },
  /** The guest counts as gone, though nobody could tell the server so. */
  lose ({ name }) { guests.get(name).lost = true },
  /** Who is in a room, and which clients each of its writers is shown there. */
  company ({ room }) {
    const here = writersOf(room).map(({ place, client }) => ({ node: place.node, client: client.doc.clientID, shown: [...client.provider.awareness.getStates().keys()] }))
    const looking = [...guests.values()].filter(({ place, lost }) => place.room === room && !lost)
    return [...here, ...looking.map(({ place, client }) => ({ node: place.node, client: client.doc.clientID, shown: null }))]
  },
  /** Which clients the writers were told have left, since the last call. */
  departed: () => departures.splice(0),
  /** Those at a node end, with what they know, and nobody takes their places until comeBack. */
  leaveNode ({ node }) {
    const gone = writers.filter(({ place }) => place.node === node)
    for (const writer of gone) {
      writers.splice(writers.indexOf(writer), 1)
      writer.end()
      away.push(writer.place)
    }
  },
  async comeBack () {
    const before = writers.length
    await openAll(away.splice(0), seed)
    if (pace > 0) for (const writer of writers.slice(before)) writer.run()
  },
  mark () { took = [] },
  /** How long the acknowledgements took since mark, at these nodes and in these rooms. */
  latencies ({ nodes, rooms }) {
    const ms = took.filter(t => nodes.includes(t.node) && rooms.includes(t.room)).map(t => t.ms).sort((a, b) => a - b)
    const at = p => ms.length === 0 ? 0 : ms[Math.min(ms.length - 1, Math.floor(p * ms.length))]
    return { count: ms.length, p50: at(0.5), p99: at(0.99), max: at(1) }
  },
  /** Waits until all that was typed is decided, and all clients in a room, and new ones at each place of newcomers, agree. Says what each room is then, or why not. */
  async converge ({ newcomers, limit }) {
    const began = performance.now()
    const left = () => limit - (performance.now() - began)
    let digests
    let why
    for (;;) {
      digests = Object.fromEntries(rooms().map(room => [room, agreed(room)]))
      const behind = rooms().filter(room => digests[room] === undefined)
      if (behind.length > 0) {
        why = behind.map(room => ({ room, writers: writersOf(room).map(writer => writer.describe()) }))
      } else {
        const seen = await Promise.all(newcomers.map(async place => ({ node: place.node, room: place.room, digest: await fresh(place, Math.max(left(), 1000)) })))
        const wrong = seen.filter(({ room, digest }) => !same(digest, digests[room]))
        if (wrong.length === 0) return { digests, audits: Object.fromEntries(rooms().map(room => [room, audit(room)])) }
        why = { newcomers: wrong, clients: digests }
        await pause(200)
      }
      if (left() <= 0) return { why }
      await pause(20)
    }
  },
  /** What Yjs makes of these updates, in base64. */
  digest ({ updates }) {
    const doc = new Y.Doc()
    doc.transact(() => { for (const update of updates) Y.applyUpdate(doc, Buffer.from(update, 'base64')) })
    return digest(doc)
  }
})
