// Documents to read, and what Yjs reads in them: `node read.mjs FIRST COUNT` writes
// one line of JSON for each seed. Odd seeds are random histories, even ones documents
// with content of every kind, whose roots are read as several kinds.
import * as Y from 'yjs'
import { histories } from './histories.mjs'

// mulberry32: all depends on the seed only.
const generator = seed => {
  let a = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const base64 = b => Buffer.from(b).toString('base64')

// The numbers of KindArray and so on.
const constructors = [Y.Array, Y.Map, Y.Text, Y.XmlElement, Y.XmlFragment, Y.XmlHook, Y.XmlText]
const kindOf = type => constructors.indexOf(type.constructor)

const isType = v => v instanceof Y.AbstractType
const pathOf = type => type._item === null ? [...type.doc.share].find(([, t]) => t === type)[0] : type._item.id.client + ':' + type._item.id.clock

// show writes a value so that every difference can be seen. Half a surrogate pair, which UTF-8 hasn't, shows as U+FFFD.
const show = v => {
  if (isType(v)) return `type(${pathOf(v)})`
  if (v instanceof Y.Doc) return `doc(${v.guid})`
  if (v instanceof Uint8Array) return `bytes(${v.join(',')})`
  if (Array.isArray(v)) return '[' + Array.from(v, show).join(',') + ']'
  switch (typeof v) {
    case 'string': return JSON.stringify(v.toWellFormed())
    case 'number': return Object.is(v, -0) ? '-0' : String(v)
    case 'bigint': return v + 'n'
    case 'object': return v === null ? 'null' : '{' + Object.entries(v).map(([k, e]) => JSON.stringify(k) + ':' + show(e)).join(',') + '}'
  }
  return String(v)
}

// inOrder sorts keys at all depths, and marks what JSON.stringify refuses.
const inOrder = v => {
  if (typeof v === 'bigint') return `\u0001${v}\u0001`
  if (typeof v === 'string') return v.toWellFormed()
  if (Array.isArray(v)) return v.map(inOrder)
  if (v === null || typeof v !== 'object' || v instanceof Uint8Array || v instanceof Y.Doc) return v
  return Object.fromEntries(Object.keys(v).sort().map(k => [k, inOrder(v[k])]))
}
const json = v => JSON.stringify(inOrder(v))?.replace(/"\\u0001(-?\d+)\\u0001"/g, '$1') ?? 'undefined'

// attempt gives 'throws' where Yjs fails to read what it was handed.
const attempt = f => {
  try { return f() } catch { return 'throws' }
}

// read says all that Yjs's methods say of a type.
const read = type => {
  const kind = kindOf(type)
  const out = { kind, json: attempt(() => json(type.toJSON())) }
  if (kind === 1 || kind === 5) out.len = type.size
  else out.len = type.length
  if (kind === 2 || kind === 6) out.delta = show(type.toDelta())
  if (kind === 0 || kind === 3 || kind === 4) {
    out.list = show(type.toArray())
    const at = Math.floor(type.length / 2)
    out.middle = type.length > 0 ? show(type.get(at)) : 'none'
  }
  if (kind !== 0 && kind !== 4) {
    const keyed = kind === 1 || kind === 5 ? Object.fromEntries(type.entries()) : type.getAttributes()
    out.keyed = show(Object.fromEntries(Object.keys(keyed).sort().map(k => [k, keyed[k]])))
  }
  if (kind >= 2 && kind !== 5) out.string = attempt(() => type.toString().toWellFormed())
  return out
}

// inside gives the live types directly in a type.
const inside = type => {
  const types = []
  for (let i = type._start; i !== null; i = i.right) if (!i.deleted && i.content instanceof Y.ContentType) types.push(i.content.type)
  for (const i of type._map.values()) if (!i.deleted && i.content instanceof Y.ContentType) types.push(i.content.type)
  return types
}

const readAll = (updates, kinds) => {
  const doc = new Y.Doc()
  doc.transact(() => { for (const u of updates) Y.applyUpdate(doc, u) })
  for (const name of doc.share.keys()) kinds[name] ??= 0
  const types = {}
  const todo = []
  for (const [name, kind] of Object.entries(kinds)) todo.push(doc.get(name, constructors[kind]))
  while (todo.length > 0) {
    const type = todo.pop()
    types[pathOf(type)] = read(type)
    todo.push(...inside(type))
  }
  return { kinds, types }
}

// A document with content of every kind, by two or three people at once.
const document = seed => {
  const random = generator(seed)
  const int = n => Math.floor(random() * n)
  const pick = list => list[int(list.length)]
  const bits = new DataView(new ArrayBuffer(8))
  const float = () => {
    bits.setUint32(0, int(2 ** 32))
    bits.setUint32(4, int(2 ** 32))
    return bits.getFloat64(0)
  }
  const word = () => pick(['a', 'bc', 'zwei Wörter', '😀', 'é\n', '\u2028<&>"\\\u0007\u007f', '日本', '𝒳'])
  const number = () => pick([0, -0, 1, -1, 63, 64, 0.1, 1e21, 1e-7, 123456789012345680000, 5e-324, 2 ** 31, 2 ** 53, NaN, Infinity, float(), float(), int(1e6) / 1000])
  const scalar = () => pick([null, undefined, true, false, word, number, number, () => BigInt(int(1e9)) * -3n, () => new Uint8Array([int(256), 7])])
  const value = depth => {
    const roll = random()
    if (depth < 3 && roll < 0.12) return [value(depth + 1), value(depth + 1)]
    if (depth < 3 && roll < 0.3) return { [pick(['x', 'ключ', '𝒳', '\uffee', 'a b'])]: value(depth + 1), b: value(depth + 1) }
    const v = scalar()
    return typeof v === 'function' ? v() : v
  }
  // What an embed and a format can hold, as JSON.
  const plain = () => pick([true, 'x', 'y😀', 7, { href: 'https://example.org/?a=1&b=2', title: word() }, [1, null, 'z'], { nested: { deep: [word()] } }])
  const attributes = () => random() < 0.6 ? { [pick(['bold', 'italic', 'link', 'ychange', '𝒳', '\uffee'])]: random() < 0.25 ? null : plain() } : undefined
  let depth = 0
  const made = () => {
    depth++
    const roll = depth > 4 ? 6 : int(7)
    let type
    if (roll === 0) { type = new Y.Array(); type.insert(0, [word(), number(), { a: [null] }]) }
    else if (roll === 1) { type = new Y.Map([['k', word()], ['n', number()], ['t', made()]]) }
    else if (roll === 2) type = new Y.Text(word())
    else if (roll === 3) { type = new Y.XmlElement(pick(['Paragraph', 'listItem', 'ÄÖ', ''])); type.insert(0, [made()]); type.setAttribute(pick(['level', 'äö']), value(0)) }
    else if (roll === 4) { type = new Y.XmlFragment(); type.insert(0, [made()]) }
    else if (roll === 5) { type = new Y.XmlHook('hook' + int(3)); type.set('h', word()) }
    else { type = new Y.XmlText(word()); type.format(0, 1, { bold: plain() }) }
    depth--
    return type
  }
  // What today's Yjs doesn't make, but reads.
  const legacy = (doc, parent, key, content) => doc.transact(tr => {
    if (parent._searchMarker !== null) parent._searchMarker = [] // else they point to the wrong places
    const left = key === null ? null : parent._map.get(key) ?? null
    const right = key === null ? parent._start : null
    const id = Y.createID(doc.clientID, Y.getState(doc.store, doc.clientID))
    new Y.Item(id, left, left && left.lastId, right, right && right.id, parent, key, content).integrate(tr, 0)
  })
  const oldJSON = () => new Y.ContentJSON([pick([undefined, null, 'old', 1.5, -0]), { a: [word(), undefined], b: 1e300 }, [word()]])
  const text = t => {
    const at = int(t.length + 1)
    const roll = random()
    if (roll < 0.4) t.insert(at, word(), attributes())
    else if (roll < 0.55) t.insertEmbed(at, random() < 0.7 ? plain() : made(), attributes())
    else if (roll < 0.65) t.setAttribute(pick(['dir', 'x']), random() < 0.8 ? value(0) : made())
    else if (t.length > at) {
      if (roll < 0.8) t.delete(at, 1 + int(Math.min(3, t.length - at)))
      else t.format(at, 1 + int(t.length - at), attributes() ?? { italic: true })
    }
  }
  const list = (a, doc) => {
    const roll = random()
    const at = int(a.length + 1)
    if (roll < 0.2) a.insert(at, [made()])
    else if (roll < 0.3) legacy(doc, a, null, oldJSON())
    else if (roll < 0.4) a.insert(at, [new Y.Doc({ guid: 'sub' + int(9) })])
    else if (roll < 0.5 && a.length > at) a.delete(at, 1)
    else if (a instanceof Y.Array) a.insert(at, [value(0), value(0)].map(v => v === undefined || typeof v === 'bigint' ? null : v))
  }
  const map = (m, doc) => {
    const key = pick(['a', 'b', 'ключ', '𝒳', '\uffee', 'length'])
    const roll = random()
    if (roll < 0.2) m.delete(key)
    else if (roll < 0.4) m.set(key, made())
    else if (roll < 0.5) legacy(doc, m, key, random() < 0.5 ? oldJSON() : new Y.ContentString(word()))
    else if (roll < 0.55) m.set(key, new Y.Doc({ guid: 'sub' + int(9) }))
    else m.set(key, value(0))
  }
  const any = (t, doc) => {
    if (t instanceof Y.Text) text(t)
    else if (t instanceof Y.Map) map(t, doc)
    else if (t instanceof Y.XmlElement && random() < 0.4) t.setAttribute(pick(['id', 'Größe', '𝒳', '\uffee']), random() < 0.8 ? value(0) : made())
    else list(t, doc)
    const within = inside(t)
    if (within.length > 0 && random() < 0.5) any(pick(within), doc)
  }
  const docs = []
  for (let p = 1 + int(3); p > 0; p--) {
    const doc = new Y.Doc({ gc: random() < 0.5 })
    doc.clientID = 1 + p + int(1000) * 10
    docs.push(doc)
  }
  for (let s = 8 + int(25); s > 0; s--) {
    const doc = pick(docs)
    doc.transact(() => any(doc.get(...pick([['text', Y.Text], ['array', Y.Array], ['map', Y.Map], ['xml', Y.XmlFragment], ['rich', Y.XmlText], ['element', Y.XmlElement], ['hook', Y.XmlHook]])), doc))
    if (random() < 0.2) Y.applyUpdate(pick(docs), Y.encodeStateAsUpdate(doc))
  }
  const updates = docs.map(d => Y.encodeStateAsUpdate(d))
  const own = { array: 0, map: 1, text: 2, element: 3, xml: 4, hook: 5, rich: 6 }
  const other = Object.fromEntries(Object.keys(own).map(name => [name, int(7)]))
  return { updates, kinds: [own, other] }
}

const [first, count] = process.argv.slice(2).map(Number)
for (let seed = first; seed < first + count; seed++) {
  let updates
  let kinds = [{ text: 2, map: 1, '': 1, array: 0, xml: 4, line: 6 }]
  if (seed % 2 === 1) updates = histories(seed, b => b).updates
  else ({ updates, kinds } = document(seed))
  process.stdout.write(JSON.stringify({ seed, updates: updates.map(base64), readings: kinds.map(k => readAll(updates, k)) }) + '\n')
}
