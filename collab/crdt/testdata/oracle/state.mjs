// What Yjs makes of random histories without Go's help: version 2, snapshots,
// garbage collection. One JSON request a line on standard input, one JSON answer a
// line on standard output; bytes are base64.
import * as Y from 'yjs'
import readline from 'node:readline'
import { histories } from './histories.mjs'

// Standard output is for answers.
console.log = console.warn = console.error

const bytes = s => new Uint8Array(Buffer.from(s, 'base64'))
const base64 = b => Buffer.from(b).toString('base64')
const history = seed => histories(seed, b => b).updates

const plain = v => {
  if (v === undefined || typeof v === 'bigint' || Object.is(v, -0)) return { $: Object.is(v, -0) ? '-0' : String(v) }
  if (v instanceof Uint8Array) return { $: base64(v) }
  if (Array.isArray(v)) return v.map(plain)
  if (v !== null && typeof v === 'object') return Object.fromEntries(Object.keys(v).sort().map(k => [k, plain(v[k])]))
  return v
}
const content = c => {
  if (c instanceof Y.ContentType) return { type: typeView(c.type) }
  if (c instanceof Y.ContentFormat) return { format: [c.key, plain(c.value)] }
  if (c instanceof Y.ContentEmbed) return { embed: plain(c.embed) }
  if (c instanceof Y.ContentDoc) return { doc: c.doc.guid }
  return c.getContent().map(plain)
}
const typeView = type => {
  const list = []
  for (let i = type._start; i !== null; i = i.right) {
    if (i.deleted) continue
    const c = content(i.content)
    if (Array.isArray(c)) list.push(...c)
    else list.push(c)
  }
  const map = {}
  for (const key of [...type._map.keys()].sort()) {
    if (!type._map.get(key).deleted) map[key] = content(type._map.get(key).content)
  }
  return { name: type.nodeName ?? type.hookName ?? null, list, map }
}
// A root in which nothing is left to see is like one that was never there.
const view = doc => {
  const roots = {}
  for (const name of [...doc.share.keys()].sort()) {
    const v = typeView(doc.share.get(name))
    if (v.list.length > 0 || Object.keys(v.map).length > 0) roots[name] = v
  }
  return JSON.stringify(roots)
}

// In a document that goes on, Yjs may have cut a surrogate pair since, which leaves
// two replacement characters: for comparing what was there before, both are the same.
const loose = view => view.replace(/\\ud[89a-f][0-9a-f]{2}|\ufffd/g, '?')

const describe = doc => ({
  view: view(doc),
  loose: loose(view(doc)),
  vector: base64(Y.encodeStateVector(doc)),
  // A snapshot begins with the delete set.
  snapshot: base64(Y.encodeSnapshot(Y.snapshot(doc))),
  state: base64(Y.encodeStateAsUpdate(doc)),
  pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null
})

// load applies updates in one local transaction, after which Yjs tidies up no formats.
const load = (updates, gc) => {
  const doc = new Y.Doc({ gc })
  doc.transact(() => updates.forEach(u => Y.applyUpdate(doc, u)))
  return doc
}

const answers = {
  // Every update of a history in version 2, what Yjs makes of that in version 1, and
  // the same for the whole of it, merged or encoded by a document.
  v2: ({ seed }) => {
    const updates = history(seed)
    const v2 = updates.map(Y.convertUpdateFormatV1ToV2)
    v2.push(Y.mergeUpdatesV2(v2.slice()))
    const v1 = v2.map(Y.convertUpdateFormatV2ToV1)
    const doc = load(updates, seed % 2 === 0)
    v2.push(Y.encodeStateAsUpdateV2(doc))
    v1.push(Y.encodeStateAsUpdate(doc))
    return { v2: v2.map(base64), v1: v1.map(base64) }
  },
  // Snapshots of a document that collects nothing, what was in it then, and what Yjs
  // makes of each when all updates have come.
  snapshots: ({ seed }) => {
    const updates = history(seed)
    const doc = new Y.Doc({ gc: false })
    const taken = []
    doc.transact(() => updates.forEach((u, i) => {
      Y.applyUpdate(doc, u)
      if ((seed + i) % 7 === 0 && doc.store.pendingStructs === null) taken.push({ after: i + 1, snapshot: Y.snapshot(doc) })
    }))
    return {
      updates: updates.map(base64),
      taken: taken.map(({ after, snapshot }) => ({
        after,
        bytes: base64(Y.encodeSnapshot(snapshot)),
        then: describe(load(updates.slice(0, after), false)),
        now: describe(Y.createDocFromSnapshot(doc, snapshot, new Y.Doc({ gc: false }))).loose
      }))
    }
  },
  // A history in a document that collects nothing, and in one that does and loads
  // the first one's state.
  collect: ({ seed }) => {
    const all = load(history(seed), false)
    const state = Y.encodeStateAsUpdate(all)
    return { state: base64(state), before: describe(all), collected: describe(load([state], true)) }
  },
  describe: ({ update }) => describe(load([bytes(update)], false))
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const request = JSON.parse(line)
  let out
  try { out = answers[request.op](request) } catch (e) { out = { error: String(e && e.stack || e) } }
  process.stdout.write(JSON.stringify(out) + '\n')
})
