// Random edits of all the shared types that applications use.
import * as Y from 'yjs'

const words = ['a', 'the ', 'quick ', 'brown\n', 'fox', ' jumps', 'ä', '日本', '🙂', '👩‍👩‍👧', ' over ', 'lazy dogs. ']
const keys = ['one', 'two', 'three', 'four']

const pick = (from, random) => from[random(from.length)]

const value = random => pick([
  () => random(1000) - 500, () => random(1000) / 8, () => pick(words, random), () => random(2) === 0, () => null,
  () => ({ n: random(10), list: [random(3), pick(words, random)] }), () => new Uint8Array([random(256), random(256)]),
  () => new Y.Map([[pick(keys, random), random(9)]]), () => Y.Array.from([random(9), pick(words, random)]), () => new Y.Text(pick(words, random))
], random)()

/** Somewhere in something of that length, and a length that fits there. */
const range = (length, most, random) => {
  const at = random(length)
  return [at, Math.min(length - at, 1 + random(most))]
}

/**
 * Positions in a text where an editor could put its caret: never between the two halves of a surrogate pair. (There Yjs would replace both halves, and where
 * nothing comes of the edit only in the client that tried.)
 */
const carets = text => {
  const units = text.toDelta().map(({ insert }) => typeof insert === 'string' ? insert : '\ufffc').join('')
  const at = [0]
  for (const character of units) at.push(at.at(-1) + character.length)
  return at
}

const insertion = (text, random) => pick(carets(text), random)

/** A position and a length, between two carets. */
const selection = (text, most, random) => {
  const at = carets(text)
  const [first, count] = range(at.length - 1, most, random)
  return [at[first], at[first + count] - at[first]]
}

const text = (doc, random) => {
  const text = doc.getText('text')
  switch (text.length < 20 ? 0 : random(8)) {
    case 5: return text.delete(...selection(text, 12, random))
    case 6: return text.format(...selection(text, 20, random), pick([{ bold: true }, { bold: null }, { color: pick(['red', 'blue'], random) }, { em: { n: 1 } }], random))
    case 7: return text.insertEmbed(insertion(text, random), { image: pick(words, random) })
    case 4: return text.insert(insertion(text, random), pick(words, random), { bold: random(2) === 0 || null })
    default: return text.insert(insertion(text, random), pick(words, random))
  }
}

const map = (doc, random) => {
  const map = doc.getMap('map')
  const key = pick(keys, random)
  const inner = map.get(key)
  if (inner instanceof Y.Map && random(2) === 0) return inner.set(pick(keys, random), value(random))
  if (inner instanceof Y.Text && random(2) === 0) return inner.insert(insertion(inner, random), pick(words, random))
  if (random(3) === 0) return map.delete(key)
  map.set(key, value(random))
}

const array = (doc, random) => {
  const array = doc.getArray('array')
  if (array.length > 5 && random(3) === 0) return array.delete(...range(array.length, 3, random))
  const inner = array.length > 0 ? array.get(random(array.length)) : null
  if (inner instanceof Y.Array && random(2) === 0) return inner.push([value(random)])
  array.insert(random(array.length + 1), Array.from({ length: 1 + random(3) }, () => value(random)))
}

const xml = (doc, random) => {
  const xml = doc.getXmlFragment('xml')
  if (xml.length > 4 && random(4) === 0) return xml.delete(...range(xml.length, 2, random))
  const inner = xml.length > 0 ? xml.get(random(xml.length)) : null
  if (inner instanceof Y.XmlText && random(2) === 0) return inner.insert(insertion(inner, random), pick(words, random))
  if (inner instanceof Y.XmlElement && random(3) === 0) return inner.setAttribute(pick(keys, random), pick(words, random))
  if (inner instanceof Y.XmlElement && random(2) === 0) return inner.insert(random(inner.length + 1), [new Y.XmlText(pick(words, random))])
  xml.insert(random(xml.length + 1), [random(2) === 0 ? new Y.XmlElement(pick(['p', 'h1'], random)) : new Y.XmlText(pick(words, random))])
}

/** Does one transaction of one to three edits. */
export const edit = (doc, random) => doc.transact(() => {
  for (let n = 1 + random(3); n > 0; n--) pick([text, text, text, map, array, xml], random)(doc, random)
})
