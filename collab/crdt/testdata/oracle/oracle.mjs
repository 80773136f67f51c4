// The oracle: answers questions about updates with what Yjs itself makes of them.
// One JSON request a line on standard input, one JSON answer a line on standard
// output; bytes are base64.
import * as Y from 'yjs'
import readline from 'node:readline'

// Standard output is for answers.
console.log = console.warn = console.error

const bytes = s => new Uint8Array(Buffer.from(s, 'base64'))
const base64 = b => Buffer.from(b).toString('base64')

const pending = doc => doc.store.pendingStructs !== null || doc.store.pendingDs !== null

// view shows all root types of a document in a form that can be compared.
const itemView = type => {
  const list = []
  for (let i = type._start; i !== null; i = i.right) {
    if (i.deleted || i.content instanceof Y.ContentDeleted) continue
    const c = i.content
    if (c instanceof Y.ContentString) {
      const last = list[list.length - 1]
      if (last && last.s !== undefined) last.s += c.str
      else list.push({ s: c.str })
    } else if (c instanceof Y.ContentFormat) list.push({ f: [c.key, c.value] })
    else if (c instanceof Y.ContentEmbed) list.push({ e: c.embed })
    else if (c instanceof Y.ContentType) list.push({ t: typeView(c.type) })
    else if (c instanceof Y.ContentDoc) list.push({ d: c.doc.guid })
    else if (c instanceof Y.ContentBinary) list.push({ b: base64(c.content) })
    else for (const v of c.getContent()) list.push({ v: plain(v) })
  }
  const map = {}
  for (const key of [...type._map.keys()].sort()) {
    const i = type._map.get(key)
    if (i.deleted) continue
    const c = i.content
    map[key] = c instanceof Y.ContentType ? { t: typeView(c.type) } : c instanceof Y.ContentDoc ? { d: c.doc.guid } : c.getContent().map(plain)
  }
  return { list, map }
}
const typeView = type => ({ node: type.nodeName ?? null, ...itemView(type) })
const plain = v => {
  if (v === undefined) return { $: 'undefined' }
  if (typeof v === 'bigint') return { $: 'bigint', v: v.toString() }
  if (v instanceof Uint8Array) return { $: 'bytes', v: base64(v) }
  if (typeof v === 'number' && (Object.is(v, -0) || !Number.isFinite(v))) return { $: String(v), minus: Object.is(v, -0) }
  if (Array.isArray(v)) return v.map(plain)
  if (v !== null && typeof v === 'object') return Object.fromEntries(Object.keys(v).sort().map(k => [k, plain(v[k])]))
  return v
}
const view = doc => {
  const roots = {}
  for (const name of [...doc.share.keys()].sort()) roots[name] = itemView(doc.share.get(name))
  return JSON.stringify(roots)
}

// isText says whether a root can be told to be a Y.Text by what it holds: only what is not deleted counts, because that is all
// that lasts.
const isText = type => {
  for (let i = type._start; i !== null; i = i.right) {
    const c = i.content
    if (!i.deleted && (c instanceof Y.ContentString || c instanceof Y.ContentFormat || c instanceof Y.ContentEmbed)) return true
  }
  return false
}

// lines gives the text of a fragment, one block a line: what State.Text promises.
const lines = fragment => {
  const out = []
  let line = null
  const inline = type => {
    for (let i = type._start; i !== null; i = i.right) {
      if (i.deleted) continue
      const c = i.content
      if (c instanceof Y.ContentString) line = (line ?? '') + c.str
      else if (c instanceof Y.ContentType) block(c.type)
    }
  }
  const end = () => {
    if (line !== null) out.push(line)
    line = null
  }
  const block = type => {
    if (type instanceof Y.XmlText) { line = line ?? ''; inline(type); return }
    if (type.nodeName === 'hardBreak') { line = (line ?? '') + '\n'; return }
    if (!(type instanceof Y.XmlFragment)) return
    end()
    const before = out.length
    inline(type)
    if (line === null && out.length === before) line = ''
    end()
  }
  inline(fragment)
  end()
  return out.join('\n')
}

// load applies updates inside one local transaction: after a remote one, Yjs tidies
// up formats by deleting some, which depends on what came together.
// It notes after which updates something was pending.
const load = (updates, pendingAfter) => {
  const doc = new Y.Doc()
  doc.transact(() => {
    for (const [i, u] of (updates ?? []).entries()) { // Go writes an empty list as null
      Y.applyUpdate(doc, bytes(u))
      if (pending(doc)) pendingAfter.push(i)
    }
  })
  return doc
}

const describe = (doc, req) => {
  const out = { pending: pending(doc), sv: base64(Y.encodeStateVector(doc)) }
  const sv = Y.decodeStateVector(Y.encodeStateVector(doc))
  out.clocks = Object.fromEntries([...sv].map(([k, v]) => [String(k), v]))
  out.deletes = {}
  const ds = Y.createDeleteSetFromStructStore(doc.store)
  for (const [client, ranges] of ds.clients) out.deletes[String(client)] = ranges.map(r => [r.clock, r.clock + r.len])
  out.view = view(doc)
  // Before others make roots by asking for them.
  if (req.read) out.read = read(doc)
  out.text = {}
  for (const name of req.text ?? []) out.text[name] = isText(doc.getText(name)) ? doc.getText(name).toString() : lines(doc.getText(name))
  out.lines = {}
  for (const name of req.lines ?? []) out.lines[name] = lines(doc.get(name, Y.XmlFragment))
  if (req.state) out.state = base64(Y.encodeStateAsUpdate(doc))
  return out
}

// depth is how deep the types of a document are nested, deleted ones included if
// they were not collected.
const depth = doc => {
  let most = 0
  for (const structs of doc.store.clients.values()) {
    for (const s of structs) {
      if (!(s.content instanceof Y.ContentType)) continue
      let n = 1
      for (let i = s.parent._item; i !== null; i = i.parent._item) n++
      most = Math.max(most, n)
    }
  }
  return most
}

const { nest } = await import('./nest.mjs')
const { histories } = await import('./histories.mjs')
const { read } = await import('./views.mjs')

const answerLoad = req => {
  const pendingAfter = []
  return { ...describe(load(req.updates, pendingAfter), req), pendingAfter }
}

const answer = req => {
  switch (req.op) {
    case 'load': return answerLoad(req)
    case 'loads': return { documents: req.loads.map(answerLoad) }
    case 'throws': return {
      throws: req.updates.map(u => {
        try { Y.applyUpdate(new Y.Doc(), bytes(u)) } catch { return true }
        return false
      })
    }
    case 'merge': return { update: base64(Y.mergeUpdates(req.updates.map(bytes))) }
    case 'diff': return { update: base64(Y.diffUpdate(bytes(req.updates[0]), bytes(req.sv))) }
    case 'nest': return nest(req.depth)
    case 'depth': {
      const doc = new Y.Doc({ gc: false })
      for (const u of req.updates) Y.applyUpdate(doc, bytes(u))
      return { depth: depth(doc) }
    }
    case 'history': {
      const history = histories(req.seed, base64)
      return req.whole ? { ...history, whole: answerLoad({ ...req.whole, updates: history.updates }) } : history
    }
  }
  throw new Error('unknown op ' + req.op)
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  let out
  try { out = answer(JSON.parse(line)) } catch (e) { out = { error: String(e && e.stack || e) } }
  process.stdout.write(JSON.stringify(out) + '\n')
})
