// Many stock clients in several documents who edit at random, vanish, edit on and come back. In the end all that are in one document must agree.
import * as Y from 'yjs'
import { createHash } from 'node:crypto'
import process from 'node:process'
import { close, open, random, synced, watchRefusals, when } from './client.mjs'
import { edit } from './edits.mjs'
import { serve, tell } from './lines.mjs'

process.setMaxListeners(100) // each provider listens for the end of the process

const sorted = value => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]))
}

/**
 * A document's state in a form that doesn't depend on the order in which it arrived: how structs happen to be joined, the order of clients on the wire and
 * whether a deleted struct still knows its neighbours. All else is in it.
 */
const canonical = doc => {
  const { structs, ds } = Y.decodeUpdate(Y.encodeStateAsUpdate(doc))
  const units = []
  for (const s of structs) {
    const { client, clock } = s.id
    const gone = s.constructor.name === 'GC' || s.content.constructor.name === 'ContentDeleted'
    for (let k = 0; k < s.length; k++) {
      const unit = [client, clock + k]
      if (!gone) {
        const origin = k > 0 ? [client, clock + k - 1] : s.origin && [s.origin.client, s.origin.clock]
        const right = s.rightOrigin && [s.rightOrigin.client, s.rightOrigin.clock]
        const parent = typeof s.parent === 'string' ? s.parent : s.parent && [s.parent.client, s.parent.clock]
        const content = s.content.constructor.name === 'ContentString'
          ? s.content.str.charCodeAt(k)
          : s.content.constructor.name === 'ContentAny' ? s.content.arr[k] : { ...s.content, type: s.content.type?.constructor.name }
        unit.push(origin, right, k > 0 || origin || right ? null : [parent, s.parentSub], content)
      }
      units.push(unit)
    }
  }
  const deleted = [...ds.clients].map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, len]).sort((a, b) => a[0] - b[0])])
  const byClient = (a, b) => a[0] - b[0] || a[1] - b[1]
  return {
    vector: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(byClient),
    deleted: deleted.sort(byClient),
    units: units.sort(byClient),
    text: doc.getText('text').toDelta(),
    map: doc.getMap('map').toJSON(),
    array: doc.getArray('array').toJSON(),
    xml: doc.getXmlFragment('xml').toString()
  }
}

/** A digest of each part of canonical, so that a difference shows where it is. */
const digest = doc => {
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) throw new Error('a document has pending structs')
  const parts = canonical(doc)
  return Object.fromEntries(Object.entries(parts).map(([name, part]) =>
    [name, createHash('sha256').update(JSON.stringify(sorted(part))).digest('hex').slice(0, 16)]))
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

/** Resolves when all clients of a group are in step with each other. */
const agreed = async (name, group) => {
  const equal = () => {
    if (!group.every(({ doc, provider }) => provider.synced && doc.store.pendingStructs === null && doc.store.pendingDs === null)) return false
    const [first, ...others] = group.map(({ doc }) => Y.snapshot(doc))
    return others.every(other => Y.equalSnapshots(first, other))
  }
  const describe = () => JSON.stringify(group.map(({ doc, provider }) =>
    ({ synced: provider.synced, pending: doc.store.pendingStructs !== null, vector: [...Y.snapshot(doc).sv].sort() })))
  await when(`agreement in ${name}`, equal, group.flatMap(({ doc, provider }) => [[doc, 'afterTransaction'], [provider, 'sync']]), { limit: 20_000, describe })
  const digests = group.map(({ doc }) => digest(doc))
  for (const d of digests) if (!same(d, digests[0])) throw new Error(`${name}: ${JSON.stringify(d)} differs from ${JSON.stringify(digests[0])}`)
  return digests[0]
}

class Member {
  constructor (args, seed) {
    this.client = open(args)
    this.random = random(seed)
    this.edits = 0
    this.offline = 0 // edits made while away
    this.cuts = 0
    watchRefusals(this.client, refusal => tell('refused', { room: args.room, ...refusal }))
  }

  // Goes away in one of several ways, or comes back.
  move () {
    const { provider } = this.client
    if (!provider.shouldConnect) return provider.connect()
    this.cuts++
    if (this.random(2) === 0) return provider.disconnect()
    provider.ws?.terminate() // the network's doing: it comes back by itself
  }

  step () {
    if (this.random(12) === 0) this.move()
    if (!this.client.provider.wsconnected) this.offline++
    edit(this.client.doc, this.random)
    this.edits++
  }

  // Edits at random intervals.
  play (edits) {
    return new Promise((resolve, reject) => {
      const next = () => {
        try {
          this.step()
        } catch (error) {
          return reject(error)
        }
        if (this.edits === edits) return resolve()
        setTimeout(next, this.random(30))
      }
      next()
    })
  }
}

const groups = new Map()
const clientsOf = room => groups.get(room).map(({ client }) => client)

serve({
  async open ({ url, rooms, seed }) {
    for (const { room, tokens } of rooms) groups.set(room, tokens.map(token => new Member({ url, room, token }, seed++)))
    await Promise.all([...groups.values()].flat().map(({ client }) => synced(client)))
  },
  play: ({ edits }) => Promise.all([...groups.values()].flat().map(member => member.play(edits))),
  // Everybody comes back. Answers with the milliseconds until the members of the last document agree.
  async settle ({ rooms }) {
    const began = performance.now()
    for (const { client } of [...groups.values()].flat()) client.provider.connect()
    await Promise.all(rooms.map(({ room }) => agreed(room, clientsOf(room))))
    return Math.round(performance.now() - began)
  },
  // Newcomers agree with the members of a document, and to the byte with each other.
  async compare ({ url, rooms }) {
    const digests = {}
    for (const { room, tokens } of rooms) {
      const newcomers = async () => {
        const two = [open({ url, room, token: tokens[0] }), open({ url, room, token: tokens[1] })]
        await Promise.all(two.map(synced))
        return two
      }
      const before = await agreed(room, clientsOf(room))
      // Whoever loads formatted text may remove marks that have become useless; that is an edit, and everybody gets it.
      const first = await newcomers()
      digests[room] = await agreed(room, [...clientsOf(room), ...first])
      if (!same(before.text, digests[room].text) || !same(before.vector, digests[room].vector)) throw new Error(`${room}: newcomers changed it`)
      first.forEach(close)
      const second = await newcomers()
      if (!same(await agreed(room, [...clientsOf(room), ...second]), digests[room])) throw new Error(`${room}: it changes by being opened`)
      const [a, b] = second.map(({ doc }) => Buffer.from(Y.encodeStateAsUpdate(doc)))
      if (!a.equals(b)) throw new Error(`${room}: two fresh clients encode ${a.length} and ${b.length} different bytes`)
      second.forEach(close)
    }
    return digests
  },
  digest ({ state }) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, Buffer.from(state, 'base64'))
    return digest(doc)
  },
  counts () {
    const all = [...groups.values()].flat()
    const sum = count => all.reduce((n, member) => n + count(member), 0)
    return { clients: all.length, edits: sum(m => m.edits), offline: sum(m => m.offline), cuts: sum(m => m.cuts) }
  }
})
