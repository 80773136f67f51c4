// What Yjs reads of a type, in a form that Go can write as well: strings, one for
// each kind of value, so that nothing is lost on the way (undefined, BigInt, -0).
import * as Y from 'yjs'

const hex = b => Buffer.from(b.buffer, b.byteOffset, b.byteLength).toString('hex')
const number = n => {
  if (Number.isNaN(n)) return '#NaN'
  const b = Buffer.alloc(8)
  b.writeDoubleBE(n)
  return '#' + b.toString('hex')
}
const quoted = s => '"' + s.toWellFormed?.().replace(/["\\]/g, '\\$&') + '"'
const object = entries => '{' + [...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([k, v]) => quoted(k) + ':' + v).join(',') + '}'

// value writes a value as Y.Map.get and Y.Array.get give it.
export const value = v => {
  if (v === undefined) return 'undefined'
  if (v === null) return 'null'
  switch (typeof v) {
    case 'boolean': return String(v)
    case 'number': return number(v)
    case 'bigint': return v + 'n'
    case 'string': return quoted(v)
  }
  if (v instanceof Uint8Array) return 'bytes ' + hex(v)
  if (v instanceof Y.Doc) return 'subdoc ' + quoted(v.guid) + value(v._item === null ? {} : v._item.content.opts)
  if (v instanceof Y.AbstractType) return type(v)
  if (Array.isArray(v)) return '[' + v.map(value).join(',') + ']'
  return object(Object.entries(v).map(([k, x]) => [k, value(x)]))
}

const delta = t => '[' + t.toDelta().map(op => '(' + value(op.insert) + (op.attributes ? value(op.attributes) : '') + ')').join(',') + ']'
const entries = t => object([...t._map].filter(([, item]) => !item.deleted).map(([k]) => [k, value(t.get ? t.get(k) : t.getAttribute(k))]))
const attributes = t => object([...t._map].filter(([, item]) => !item.deleted).map(([k]) => [k, value(t.getAttribute(k))]))
const list = t => '[' + t.toArray().map(value).join(',') + ']'

// type writes all that can be read of a type.
export const type = t => {
  const length = t.length
  if (t instanceof Y.XmlText) return `xmltext ${length} ${quoted(t.toString())} ${delta(t)} ${attributes(t)}`
  if (t instanceof Y.Text) return `text ${length} ${quoted(t.toString())} ${delta(t)} ${attributes(t)}`
  if (t instanceof Y.XmlElement) return `element ${quoted(t.nodeName)} ${length} ${quoted(t.toString())} ${list(t)} ${attributes(t)}`
  if (t instanceof Y.XmlFragment) return `fragment ${length} ${quoted(t.toString())} ${list(t)}`
  if (t instanceof Y.XmlHook) return `hook ${quoted(t.hookName)} ${entries(t)}`
  if (t instanceof Y.Map) return `map ${entries(t)}`
  if (t instanceof Y.Array) return `array ${length} ${list(t)}`
  throw new Error('a type of no kind')
}

// The root types of histories, by name.
export const roots = {
  text: Y.Text, map: Y.Map, '': Y.Map, array: Y.Array, xml: Y.XmlFragment, line: Y.XmlText
}

// read gives what Yjs reads of the root types that a document has: their values and
// what toJSON makes of them.
export const read = doc => {
  const out = {}
  for (const [name, kind] of Object.entries(roots)) {
    if (!doc.share.has(name)) continue
    const t = doc.get(name, kind)
    out[name] = type(t) + ' json ' + value(t.toJSON())
  }
  return out
}
