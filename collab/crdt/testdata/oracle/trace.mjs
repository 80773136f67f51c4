// Replays a sequential editing trace in Yjs and writes the updates that it emits:
// each as a 32-bit little-endian length and its bytes.
//   node trace.mjs ../traces/automerge-paper.json.gz OUT
import * as Y from 'yjs'
import fs from 'node:fs'
import zlib from 'node:zlib'

const [input, output] = process.argv.slice(2)
const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(input)))
const doc = new Y.Doc()
doc.clientID = 2804165478
const out = []
doc.on('update', u => {
  const n = Buffer.alloc(4)
  n.writeUInt32LE(u.length)
  out.push(n, u)
})
const text = doc.getText('text')
if (trace.startContent) text.insert(0, trace.startContent)
for (const { patches } of trace.txns) {
  for (const [at, deleted, inserted] of patches) {
    doc.transact(() => {
      if (deleted) text.delete(at, deleted)
      if (inserted) text.insert(at, inserted)
    })
  }
}
if (text.toString() !== trace.endContent) throw new Error('the replay differs from endContent')
fs.writeFileSync(output + '.part', Buffer.concat(out))
fs.renameSync(output + '.part', output)
