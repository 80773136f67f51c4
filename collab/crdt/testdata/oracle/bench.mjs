// The Yjs side of the benchmark: one line of input names an operation, one line of
// output gives its milliseconds (or bytes). Run with --expose-gc.
//   node --expose-gc bench.mjs UPDATES
import * as Y from 'yjs'
import { writeUpdate } from 'y-protocols/sync'
import * as encoding from 'lib0/encoding'
import fs from 'node:fs'
import readline from 'node:readline'

const file = fs.readFileSync(process.argv[2])
const updates = []
for (let at = 0; at < file.length;) {
  const n = file.readUInt32LE(at)
  updates.push(new Uint8Array(file.subarray(at + 4, at + 4 + n)))
  at += 4 + n
}

const applyAll = () => {
  const doc = new Y.Doc()
  for (const u of updates) Y.applyUpdate(doc, u)
  return doc
}
// And builds the message that a server sends to the others for each, as y-protocols does.
const applyFrames = () => {
  const doc = new Y.Doc()
  let sent = 0
  doc.on('update', u => {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    writeUpdate(encoder, u)
    sent += encoding.toUint8Array(encoder).length
  })
  for (const u of updates) Y.applyUpdate(doc, u)
  return sent
}
const load = state => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, state)
  return doc
}
const mergeChunks = list => {
  while (list.length > 1) {
    const next = []
    for (let i = 0; i < list.length; i += 256) next.push(Y.mergeUpdates(list.slice(i, i + 256)))
    list = next
  }
  return list[0]
}
const timed = f => {
  globalThis.gc()
  const start = performance.now()
  for (let n = 1; ; n++) {
    if (f() === undefined) throw new Error('nothing made')
    const ms = performance.now() - start
    if (ms >= 300) return ms / n
  }
}
const heap = make => {
  const used = () => {
    globalThis.gc()
    globalThis.gc()
    const m = process.memoryUsage()
    return m.heapUsed + m.arrayBuffers
  }
  const before = used()
  const kept = make()
  const bytes = used() - before
  if (kept.store.clients.size === 0) throw new Error('nothing made')
  return bytes
}

const doc = applyAll()
const state = Y.encodeStateAsUpdate(doc)
const half = new Y.Doc()
for (const u of updates.slice(0, updates.length / 2)) Y.applyUpdate(half, u)
const halfVector = Y.encodeStateVector(half)

const operations = {
  apply: () => timed(applyAll),
  'apply frames': () => timed(applyFrames),
  encode: () => timed(() => Y.encodeStateAsUpdate(doc)),
  diff: () => timed(() => Y.encodeStateAsUpdate(doc, halfVector)),
  load: () => timed(() => load(state)),
  merge: () => timed(() => mergeChunks(updates)),
  text: () => timed(() => load(state).getText('text').toString()),
  bytes: () => state.length,
  heap: () => heap(() => load(state)),
  'heap applied': () => heap(applyAll)
}

console.log('ready')
readline.createInterface({ input: process.stdin }).on('line', line => console.log(operations[line]()))
