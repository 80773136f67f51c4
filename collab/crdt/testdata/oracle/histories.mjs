// Random histories: several clients edit one document with operations and content
// of every kind, exchanging some of their updates on the way. All depends on the
// seed only.
import * as Y from 'yjs'

const generator = seed => {
  let a = (seed * 2654435761) >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const words = ['a', 'bc', 'hello ', '😀', 'x😀y', 'é', '日本語', '𝒳𝒴', 'the quick brown fox ', '\n', '<&"\'>', '\u0000\u2028']
const values = [
  1, -1, 0, -0, 63, 64, 1.5, 0.1, -1e300, 5e-324, 2147483647, 2147483648, -2147483648, 3000000000, 9007199254740991, NaN, Infinity, -Infinity,
  true, false, null, undefined, 'text', '', '😀', 123n, -1n, 2n ** 63n - 1n, -(2n ** 63n),
  [], [1, 'a', null, undefined, [[-0]]], {}, { a: 1, b: { c: [], u: undefined, n: 123n }, '': new Uint8Array([0, 255]) },
  new Uint8Array([1, 2, 3]), new Uint8Array(0)
]
const insertable = values.filter(v => v !== undefined && typeof v !== 'bigint') // into an array
// What a ContentJSON and an embed can hold.
const jsonValues = [1, -1.5, 0, 1e21, true, false, null, 'text', '😀"\\', [1, [null]], { a: { b: [] } }, {}, '']
const keys = ['k', 'key', 'ключ', '', 'a b']
const formats = [{ bold: true }, { bold: null }, { italic: 'x' }, { italic: null }, { link: { href: 'http://x/' } }, { link: { href: 'y' }, bold: true }, { a: 0 }, { em: {} }]

class History {
  constructor (seed) {
    this.random = generator(seed)
    this.updates = []
    this.peers = []
    this.tidies = this.random() < 0.5 // whether others hear of the formats that a client tidies up
    const n = 2 + this.int(3)
    for (let p = 0; p < n; p++) this.peers.push(this.join(new Set()))
  }

  int (n) { return Math.floor(this.random() * n) }
  pick (list) { return list[this.int(list.length)] }

  // join begins a client that has the updates in seen.
  join (seen) {
    const doc = new Y.Doc({ gc: this.random() < 0.7, guid: 'history' })
    do doc.clientID = 1 + this.int(this.random() < 0.5 ? 100 : 4294967295)
    while (this.peers.some(q => q.ids.has(doc.clientID)))
    const peer = { doc, seen, ids: new Set([doc.clientID]), held: [], undo: null }
    for (const n of seen) Y.applyUpdate(doc, this.updates[n], 'remote')
    doc.on('update', (u, origin, _, transaction) => {
      if (origin === 'remote' || (peer.receiving && !this.tidies)) return
      if (peer.holding) peer.held.push(u)
      else this.send(peer, u)
    })
    if (this.random() < 0.3) peer.undo = new Y.UndoManager([doc.getText('text'), doc.getMap('map'), doc.getArray('array'), doc.getXmlFragment('xml')], { captureTimeout: 0 })
    return peer
  }

  send (peer, u) {
    peer.seen.add(this.updates.length)
    this.updates.push(u)
  }

  // flush sends as one what a client has made in several transactions.
  flush (peer) {
    peer.holding = false
    if (peer.held.length > 0) this.send(peer, peer.held.length === 1 ? peer.held[0] : Y.mergeUpdates(peer.held))
    peer.held = []
  }

  receive (peer, n) {
    peer.receiving = true
    Y.applyUpdate(peer.doc, this.updates[n], 'remote')
    peer.seen.add(n)
    peer.receiving = false
  }

  // made gives a new type with a little in it.
  made () {
    switch (this.int(7)) {
      case 0: return new Y.Text(this.pick(words))
      case 1: return new Y.Map(this.random() < 0.5 ? [] : [[this.pick(keys), this.pick(values)]])
      case 2: return this.random() < 0.5 ? new Y.Array() : Y.Array.from([this.pick(insertable), this.pick(insertable)])
      case 3: return this.element()
      case 4: { const t = new Y.XmlText(); t.insert(0, this.pick(words)); return t }
      case 5: { const f = new Y.XmlFragment(); f.insert(0, [this.element()]); return f }
    }
    const hook = new Y.XmlHook(this.pick(['hook', 'Hook', '']))
    hook.set(this.pick(keys), this.pick(values))
    return hook
  }

  subdoc () {
    const guid = 'sub' + this.int(100)
    return new Y.Doc(this.pick([{ guid }, { guid, autoLoad: true }, { guid, meta: { a: [1, undefined] } }, { guid, gc: false, meta: 'm' }]))
  }

  element () {
    const roll = this.int(6)
    if (roll === 0) return new Y.XmlElement('hardBreak')
    if (roll === 1) { const t = new Y.XmlText(); t.insert(0, this.pick(words)); return t }
    if (roll === 2) return new Y.XmlHook('hook')
    const e = new Y.XmlElement(this.pick(['paragraph', 'heading', 'listItem']))
    if (this.random() < 0.7) { const t = new Y.XmlText(); t.insert(0, this.pick(words)); e.insert(0, [t]) }
    return e
  }

  edit (type) {
    if (type instanceof Y.Text) this.editText(type)
    else if (type instanceof Y.Array) this.editArray(type)
    else if (type instanceof Y.Map) this.editMap(type) // or a hook
    else if (type instanceof Y.XmlFragment) this.editXml(type) // or an element
  }

  editText (text) {
    const { int, pick } = { int: n => this.int(n), pick: l => this.pick(l) }
    const at = int(text.length + 1)
    const last = Math.min(at, text.length - 1)
    const roll = this.random()
    if (roll < 0.5 || text.length === 0) {
      if (this.random() < 0.3) for (const c of pick(words)) text.insert(Math.min(at, text.length), c)
      else if (this.random() < 0.3) text.insert(at, pick(words), pick(formats))
      else text.insert(at, pick(words))
    } else if (roll < 0.72) text.delete(last, Math.min(1 + int(4), text.length - last))
    else if (roll < 0.88) text.format(last, 1 + int(text.length - last), pick(formats))
    else if (roll < 0.93) text.insertEmbed(at, pick([{ image: pick(words) }, { n: null, deep: [{ x: [] }] }]), pick([undefined, { bold: true }]))
    else if (roll < 0.96) text.insertEmbed(at, this.made())
    else if (roll < 0.98) text.setAttribute(pick(keys), pick(values))
    else text.applyDelta([{ retain: last }, { insert: pick(words), attributes: pick(formats) }, { delete: 1 }])
  }

  editXml (xml) {
    const roll = this.random()
    if (roll < 0.4 || xml.length === 0) return xml.insert(this.int(xml.length + 1), [this.element()])
    const child = xml.get(this.int(xml.length))
    if (roll < 0.55) return xml.delete(this.int(xml.length), 1)
    if (child instanceof Y.XmlElement && child.nodeName !== 'hardBreak' && roll < 0.65) {
      if (this.random() < 0.2) child.removeAttribute('align')
      else child.setAttribute(this.pick(['level', 'align']), this.pick(['1', 'x', 2, true]))
    } else if (!(child instanceof Y.XmlElement) || child.nodeName !== 'hardBreak') this.edit(child)
  }

  editArray (array) {
    const roll = this.random()
    const at = this.int(array.length + 1)
    if (roll < 0.6 || array.length === 0) {
      const kind = this.int(8)
      if (kind < 2) array.insert(at, [this.made()])
      else if (kind === 2) array.insert(at, [this.subdoc(), this.pick(insertable)])
      else if (kind === 3) this.legacy(array, null)
      else array.insert(at, Array.from({ length: 1 + this.int(4) }, () => this.pick(insertable)))
    } else if (roll < 0.8) {
      const first = Math.min(at, array.length - 1)
      array.delete(first, Math.min(1 + this.int(3), array.length - first))
    } else this.edit(array.get(this.int(array.length)))
  }

  editMap (map) {
    const key = this.pick(keys)
    const roll = this.random()
    if (roll < 0.15) map.delete(key)
    else if (roll < 0.3) map.set(key, this.made())
    else if (roll < 0.33) map.set(key, this.subdoc())
    else if (roll < 0.38) this.legacy(map, key)
    else map.set(key, this.pick(values))
    if (this.random() < 0.3) this.edit(map.get(this.pick(keys)))
  }

  // legacy inserts what Y.Array refuses: a ContentJSON, as clients before Yjs 13 wrote them, undefined or BigInt; somewhere in a list, or as a key's value.
  legacy (type, key) {
    Y.transact(type.doc, transaction => {
      let left = null
      if (key !== null) left = type._map.get(key) ?? null
      else for (let i = type._start, n = this.int(8); i !== null && n > 0; i = i.right, n--) left = i
      const right = key !== null ? null : left === null ? type._start : left.right
      const length = key === null ? 1 + this.int(3) : 1
      const content = this.random() < 0.7
        ? new Y.ContentJSON(Array.from({ length }, () => this.random() < 0.1 ? undefined : this.pick(jsonValues)))
        : new Y.ContentAny(Array.from({ length }, () => this.pick(values)))
      const id = Y.createID(type.doc.clientID, Y.getState(type.doc.store, type.doc.clientID))
      new Y.Item(id, left, left && left.lastId, right, right && right.id, type, key, content).integrate(transaction, 0)
      if (type._searchMarker) type._searchMarker.length = 0
    })
  }

  // step lets one client edit, and the others hear of some of it.
  step () {
    const peer = this.pick(this.peers)
    const doc = peer.doc
    if (!peer.holding && this.random() < 0.1) peer.holding = true
    if (peer.undo && this.random() < 0.25) this.random() < 0.7 ? peer.undo.undo() : peer.undo.redo()
    else {
      doc.transact(() => {
        for (let n = 1 + (this.random() < 0.3 ? this.int(4) : 0); n > 0; n--) {
          const roll = this.random()
          if (roll < 0.4) this.editText(doc.getText('text'))
          else if (roll < 0.55) this.editMap(doc.getMap(this.random() < 0.8 ? 'map' : ''))
          else if (roll < 0.75) this.editArray(doc.getArray('array'))
          else if (roll < 0.95) this.editXml(doc.getXmlFragment('xml'))
          else this.editText(doc.get('line', Y.XmlText))
        }
      })
    }
    if (peer.holding && this.random() < 0.3) this.flush(peer)
    // Take over some updates of others, now and then all.
    for (const q of this.peers) {
      const all = this.random() < 0.2
      for (let n = 0; n < this.updates.length; n++) if (!q.seen.has(n) && (all || this.random() < 0.15)) this.receive(q, n)
    }
    if (this.random() < 0.02) {
      // A client comes again, under a new id.
      this.flush(peer)
      const again = this.join(peer.seen)
      for (const id of peer.ids) again.ids.add(id)
      this.peers[this.peers.indexOf(peer)] = again
    }
  }
}

export const histories = (seed, base64) => {
  const h = new History(seed)
  for (let steps = 10 + h.int(50); steps > 0; steps--) h.step()
  for (const p of h.peers) h.flush(p)
  return {
    updates: h.updates.map(base64),
    states: h.peers.map(p => base64(Y.encodeStateAsUpdate(p.doc))),
    vectors: h.peers.map(p => base64(Y.encodeStateVector(p.doc)))
  }
}
