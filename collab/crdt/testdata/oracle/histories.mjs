// Random histories: several clients edit one document with operations of every
// kind, exchanging some of their updates on the way. All depends on the seed only.
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

const words = ['a', 'bc', 'hello ', '😀', 'x😀y', 'é', '日本語', '𝒳𝒴', 'the quick brown fox ', '\n']
const values = [1, -1, 0, -0, 1.5, 1e300, 3000000000, true, null, 'text', [1, 'a', null], { a: 1, b: { c: [], u: undefined, n: 123n } }, new Uint8Array([1, 2, 3])]

export const histories = (seed, base64) => {
  const random = generator(seed)
  const int = n => Math.floor(random() * n)
  const pick = list => list[int(list.length)]
  const peers = 2 + int(3)
  const updates = []
  const docs = []
  const seen = []
  for (let p = 0; p < peers; p++) {
    const doc = new Y.Doc({ gc: random() < 0.7 })
    doc.clientID = 1 + int(random() < 0.5 ? 100 : 4294967295)
    if (docs.some(d => d.clientID === doc.clientID)) doc.clientID += p
    docs.push(doc)
    seen.push(new Set())
  }
  let applying = false
  docs.forEach((doc, p) => doc.on('update', u => {
    if (applying) return
    seen[p].add(updates.length)
    updates.push(u)
  }))
  const receive = (p, n) => {
    applying = true
    Y.applyUpdate(docs[p], updates[n])
    seen[p].add(n)
    applying = false
  }
  const element = () => {
    const roll = int(5)
    if (roll === 0) return new Y.XmlElement('hardBreak')
    if (roll === 1) { const t = new Y.XmlText(); t.insert(0, pick(words)); return t }
    const e = new Y.XmlElement(pick(['paragraph', 'heading', 'listItem']))
    if (random() < 0.7) { const t = new Y.XmlText(); t.insert(0, pick(words)); e.insert(0, [t]) }
    return e
  }
  const editText = text => {
    const at = int(text.length + 1)
    const roll = random()
    if (roll < 0.55 || text.length === 0) {
      if (random() < 0.3) for (const c of pick(words)) text.insert(Math.min(at, text.length), c)
      else text.insert(at, pick(words))
    } else if (roll < 0.8) text.delete(Math.min(at, text.length - 1), Math.min(1 + int(4), text.length - Math.min(at, text.length - 1)))
    else if (roll < 0.92) { const n = Math.min(at, text.length - 1); text.format(n, 1 + int(text.length - n), { [pick(['bold', 'italic'])]: pick([true, null, 'x']) }) }
    else text.insertEmbed(at, { image: pick(words) })
  }
  const editXml = xml => {
    const roll = random()
    if (roll < 0.4 || xml.length === 0) return xml.insert(int(xml.length + 1), [element()])
    const child = xml.get(int(xml.length))
    if (roll < 0.55) return xml.delete(int(xml.length), 1)
    if (child instanceof Y.XmlText) return editText(child)
    if (child.nodeName !== 'hardBreak') {
      if (roll < 0.65) child.setAttribute(pick(['level', 'align']), pick(['1', 'x']))
      else editXml(child)
    }
  }
  const editArray = array => {
    const roll = random()
    if (roll < 0.6 || array.length === 0) {
      const made = []
      for (let i = 1 + int(4); i > 0; i--) made.push(pick(values))
      const kind = int(8)
      if (kind === 0) array.insert(int(array.length + 1), [new Y.Text(pick(words))])
      else if (kind === 1) array.insert(int(array.length + 1), [new Y.Map()])
      else if (kind === 2) array.insert(int(array.length + 1), [new Y.Array()])
      else if (kind === 3) array.insert(int(array.length + 1), [new Y.Doc({ guid: 'sub' + int(100) })])
      else array.insert(int(array.length + 1), made)
    } else if (roll < 0.8) {
      const at = int(array.length)
      array.delete(at, Math.min(1 + int(3), array.length - at))
    } else {
      const v = array.get(int(array.length))
      if (v instanceof Y.Text) editText(v)
      else if (v instanceof Y.Map) editMap(v)
      else if (v instanceof Y.Array) editArray(v)
    }
  }
  const editMap = map => {
    const key = pick(['k', 'key', 'ключ'])
    const roll = random()
    if (roll < 0.15) map.delete(key)
    else if (roll < 0.25) map.set(key, new Y.Map())
    else if (roll < 0.3) map.set(key, new Y.Array())
    else map.set(key, random() < 0.1 ? undefined : pick(values))
    const v = map.get('k')
    if (v instanceof Y.Map && random() < 0.3) editMap(v)
    if (v instanceof Y.Array && random() < 0.3) editArray(v)
  }
  const steps = 10 + int(50)
  for (let s = 0; s < steps; s++) {
    const p = int(peers)
    const doc = docs[p]
    doc.transact(() => {
      for (let n = 1 + (random() < 0.3 ? int(4) : 0); n > 0; n--) {
        const roll = random()
        if (roll < 0.45) editText(doc.getText('text'))
        else if (roll < 0.6) editMap(doc.getMap('map'))
        else if (roll < 0.78) editArray(doc.getArray('array'))
        else editXml(doc.getXmlFragment('xml'))
      }
    })
    // Take over some updates of others, now and then all.
    for (let q = 0; q < peers; q++) {
      const all = random() < 0.2
      for (let n = 0; n < updates.length; n++) if (!seen[q].has(n) && (all || random() < 0.15)) receive(q, n)
    }
  }
  return {
    updates: updates.map(base64),
    states: docs.map(d => base64(Y.encodeStateAsUpdate(d))),
    vectors: docs.map(d => base64(Y.encodeStateVector(d)))
  }
}
