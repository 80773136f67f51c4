// Writes what the harness types and the large document that people join, both made by Yjs.
//
// usage: node gen.mjs FOLDER_WITH_YJS INTO AUTHORS UPDATES EDITS
//
// scripts.bin: how many authors, and of each its client id, how many updates, and of each its length and bytes; numbers are little-endian and of 32 bits.
// large.bin:   one update that holds a document of many edits by eight authors.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [from, into, ...counts] = process.argv.slice(2)
const [authors, updates, edits] = counts.map(Number)
const found = createRequire(path.resolve(from, 'package.json')).resolve('yjs')
const yjs = await import(pathToFileURL(found).href)
const Y = yjs.default ?? yjs

// The same numbers each time (xorshift32), so that every run offers the same load.
let seed = 0x2545f491
const random = () => {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) / 2 ** 32
}
const below = n => Math.floor(random() * n)
const letters = 'etaoinshrdlucmfwypvbgkjqxz   '
const word = n => Array.from({ length: n }, () => letters[below(letters.length)]).join('')

const scripts = []
const number = n => {
  const b = Buffer.alloc(4)
  b.writeUInt32LE(n)
  scripts.push(b)
}
number(authors)
for (let author = 0; author < authors; author++) {
  const doc = new Y.Doc()
  doc.clientID = 1000001 + author * 7919
  const text = doc.getText('content')
  number(doc.clientID)
  number(updates)
  let update = null
  doc.on('update', u => { update = u })
  let cursor = 0
  for (let i = 0; i < updates; i++) {
    // What typing looks like: one letter after the other, one time in five a short word (completed, or pasted), and now and then somewhere else.
    if (random() < 0.02) cursor = below(text.length + 1)
    const typed = word(random() < 0.2 ? 2 + below(5) : 1)
    text.insert(cursor, typed)
    cursor += typed.length
    number(update.length)
    scripts.push(Buffer.from(update))
  }
}

// Bursts of typing at random places, one in four followed by a deletion, and paragraphs of an editor's document.
const doc = new Y.Doc()
const text = doc.getText('content')
const fragment = doc.getXmlFragment('prosemirror')
doc.transact(() => {
  for (let done = 0; done < edits;) {
    doc.clientID = 2000003 + below(8) * 104729
    let at = below(text.length + 1)
    for (let n = 1 + below(8); n > 0; n--) {
      text.insert(at++, word(1))
      done++
    }
    if (random() < 0.25 && text.length > 50) {
      text.delete(Math.max(0, at - 3), 2)
      done++
    }
    if (random() < 0.02) {
      const paragraph = new Y.XmlElement('paragraph')
      paragraph.insert(0, [new Y.XmlText(word(40))])
      fragment.insert(below(fragment.length + 1), [paragraph])
      done++
    }
  }
})
const large = Y.encodeStateAsUpdate(doc)
const read = new Y.Doc()
Y.applyUpdate(read, large)
if (read.getText('content').toString() !== text.toString() || read.store.pendingStructs) throw new Error('the large document does not load')

// Renamed when complete: what is there is whole.
for (const [name, content] of [['large.bin', large], ['scripts.bin', Buffer.concat(scripts)]]) {
  fs.writeFileSync(path.join(into, name + '.part'), content)
  fs.renameSync(path.join(into, name + '.part'), path.join(into, name))
}
