// The oracle of edits: plays in Yjs what was done in Go. One JSON request a line on
// standard input, one JSON answer a line on standard output; bytes are base64.
import * as Y from 'yjs'
import readline from 'node:readline'

// Standard output is for answers.
console.log = console.warn = console.error

const bytes = s => new Uint8Array(Buffer.from(s, 'base64'))
const base64 = b => Buffer.from(b).toString('base64')
const pending = doc => doc.store.pendingStructs !== null || doc.store.pendingDs !== null

// Values that JSON lacks are objects with the key '$'.
const plain = v => {
  if (v instanceof Y.AbstractType) return view(v)
  if (v instanceof Y.Doc) return { $: 'subdoc', v: v.guid }
  if (v === undefined) return { $: 'undefined' }
  if (typeof v === 'bigint') return { $: 'bigint', v: v.toString() }
  if (v instanceof Uint8Array) return { $: 'bytes', v: base64(v) }
  if (Object.is(v, -0)) return { $: 'minus' }
  if (Array.isArray(v)) return v.map(plain)
  if (v !== null && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]))
  return v
}
const value = v => {
  if (Array.isArray(v)) return v.map(value)
  if (v === null || typeof v !== 'object') return v
  switch (v.$) {
    case undefined: return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, value(x)]))
    case 'undefined': return undefined
    case 'bigint': return BigInt(v.v)
    case 'bytes': return bytes(v.v)
    case 'minus': return -0
    case 'subdoc': return new Y.Doc({ guid: v.v })
  }
  throw new Error('unknown value ' + v.$)
}

// view gives all that can be read of a type.
const view = t => {
  const keys = {}
  for (const key of [...t._map.keys()].sort()) {
    const item = t._map.get(key)
    if (!item.deleted) keys[key] = plain(item.content.getContent()[item.length - 1])
  }
  if (t instanceof Y.Text) return { delta: t.toDelta().map(op => [plain(op.insert), op.attributes ?? null]), keys }
  if (t instanceof Y.XmlFragment) return { name: t.nodeName ?? '', list: t.toArray().map(plain), keys }
  if (t instanceof Y.Array) return { list: t.toArray().map(plain), keys }
  return { keys }
}

const classes = [Y.Array, Y.Map, Y.Text, Y.XmlElement, Y.XmlFragment, Y.XmlHook, Y.XmlText]
const make = (kind, name) => name ? new classes[kind](name) : new classes[kind]()
const roots = { text: Y.Text, array: Y.Array, map: Y.Map, xml: Y.XmlFragment, line: Y.XmlText }
const viewDoc = doc => JSON.stringify(Object.entries(roots).map(([name, kind]) => view(doc.get(name, kind))))

// call does one call of a program; the type is named as a root or by its item's id.
const call = (doc, c) => {
  const t = c.root !== undefined ? doc.get(c.root, roots[c.root]) : Y.getItem(doc.store, Y.createID(c.id[0], c.id[1])).content.type
  const attributes = c.attrs === undefined ? undefined : { ...c.attrs }
  const set = (key, v) => t instanceof Y.Map ? t.set(key, v) : t.setAttribute(key, v)
  switch (c.do) {
    case 'insertText': return t.insert(c.at, c.v, attributes)
    case 'insertEmbed': return t.insertEmbed(c.at, c.v, attributes)
    case 'insert': return t.insert(c.at, c.v.map(value))
    case 'delete': return t.delete(c.at, c.n)
    case 'format': return t.format(c.at, c.n, attributes)
    case 'delta': return t.applyDelta(c.v)
    case 'set': return set(c.key, value(c.v))
    case 'unset': return t instanceof Y.Map ? t.delete(c.key) : t.removeAttribute(c.key)
    case 'insertType': return t instanceof Y.Text ? t.insertEmbed(c.at, make(c.kind, c.name)) : t.insert(c.at, [make(c.kind, c.name)])
    case 'setType': return set(c.key, make(c.kind, c.name))
  }
  throw new Error('unknown call ' + c.do)
}

// untidy makes a document of the roots above that leaves formats alone: after a
// remote transaction, Yjs tidies them up by deleting some, which an engine that only
// merges doesn't do. (A Y.Text that gets its name only after it was filled doesn't
// know that it has formats, and finds wrong places.)
const untidy = (client, options) => {
  const doc = new Y.Doc(options)
  if (client !== undefined) doc.clientID = client
  for (const [name, kind] of Object.entries(roots)) doc.get(name, kind)
  doc.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  return doc
}

// emitted gives the update that a change emits, or the empty one.
const emitted = (doc, change) => {
  let made = new Uint8Array([0, 0])
  const listen = u => { made = u }
  doc.on('update', listen)
  change()
  doc.off('update', listen)
  return made
}

const describe = doc => ({ view: viewDoc(doc), sv: base64(Y.encodeStateVector(doc)), pending: pending(doc) })

// play lets peers do what Go's peers did, and loads what those have emitted.
const play = ({ peers, updates }) => {
  const out = peers.map(({ client, steps }) => {
    const doc = untidy(client)
    const updates = []
    for (const s of steps) {
      if (s.receive !== undefined) Y.applyUpdate(doc, bytes(s.receive))
      else updates.push(base64(emitted(doc, () => doc.transact(() => s.calls.forEach(c => call(doc, c))))))
    }
    return { ...describe(doc), updates }
  })
  const doc = untidy()
  updates.forEach(u => Y.applyUpdate(doc, bytes(u)))
  return { peers: out, loaded: describe(doc) }
}

// undo lets one peer do things while others' updates come in. An UndoManager
// captures as one what is mine, and takes it back or does it again. Each step says
// what the document is like after it.
const undo = ({ client, steps }) => {
  const doc = untidy(client)
  const manager = new Y.UndoManager(Object.keys(roots).map(name => doc.get(name)), { captureTimeout: 1e9, trackedOrigins: new Set(['mine']) })
  return steps.map(s => {
    if (s.receive !== undefined) Y.applyUpdate(doc, bytes(s.receive))
    else if (s.calls !== undefined) doc.transact(() => s.calls.forEach(c => call(doc, c)), s.do)
    else manager[s.do]()
    return { view: viewDoc(doc) }
  })
}

// position makes relative positions in a document and resolves others.
const position = ({ updates, places, positions }) => {
  const doc = untidy(undefined, { gc: false })
  updates.forEach(u => Y.applyUpdate(doc, bytes(u)))
  const find = c => c.root !== undefined ? doc.get(c.root, roots[c.root]) : Y.getItem(doc.store, Y.createID(c.id[0], c.id[1])).content.type
  const made = places.map(c => {
    const p = Y.createRelativePositionFromTypeIndex(find(c), c.at, c.assoc)
    return { bytes: base64(Y.encodeRelativePosition(p)), json: JSON.stringify(Y.relativePositionToJSON(p)) }
  })
  const resolved = positions.map(b => {
    const p = Y.decodeRelativePosition(bytes(b))
    const a = Y.createAbsolutePositionFromRelativePosition(p, doc, false)
    if (a === null) return null
    const item = a.type._item
    return { index: a.index, root: item === null ? Y.findRootTypeKey(a.type) : undefined, id: item === null ? undefined : [item.id.client, item.id.clock] }
  })
  return { made, resolved }
}

const answer = req => {
  switch (req.op) {
    case 'play': return req.programs.map(play)
    case 'undo': return req.programs.map(undo)
    case 'position': return req.programs.map(position)
  }
  throw new Error('unknown op ' + req.op)
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  let out
  try { out = { answers: answer(JSON.parse(line)) } } catch (e) { out = { error: String(e && e.stack || e) } }
  process.stdout.write(JSON.stringify(out) + '\n')
})
