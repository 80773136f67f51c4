// Replays an editing trace in Yjs and writes the updates that it emits, each as a
// 32-bit little-endian length and its bytes.
//   node trace.mjs ../traces/automerge-paper.json.gz OUT
import * as Y from 'yjs'
import fs from 'node:fs'
import zlib from 'node:zlib'

const [input, output] = process.argv.slice(2)
const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(input)))
const out = []
const push = u => {
  const n = Buffer.alloc(4)
  n.writeUInt32LE(u.length)
  out.push(n, u)
}
const typist = clientID => {
  const doc = new Y.Doc()
  doc.clientID = clientID
  return doc
}
const patch = (text, patches) => {
  for (const [at, deleted, inserted] of patches) {
    if (deleted) text.delete(at, deleted)
    if (inserted) text.insert(at, inserted)
  }
}

let end
if (trace.kind === 'concurrent') {
  // One document per agent; before a transaction it takes over what that
  // transaction's ancestors have made.
  const docs = []
  const made = []
  const has = []
  for (const [n, { agent, parents, patches }] of trace.txns.entries()) {
    const doc = (docs[agent] ??= typist(1000003 + agent))
    const seen = (has[agent] ??= new Set())
    const missing = []
    const todo = [...parents]
    while (todo.length > 0) {
      const p = todo.pop()
      if (seen.has(p)) continue
      seen.add(p)
      missing.push(p)
      todo.push(...trace.txns[p].parents)
    }
    for (const p of missing.sort((a, b) => a - b)) for (const u of made[p]) Y.applyUpdate(doc, u)
    made[n] = []
    const record = u => made[n].push(u)
    doc.on('update', record)
    doc.transact(() => patch(doc.getText('text'), patches))
    doc.off('update', record)
    seen.add(n)
    made[n].forEach(push)
  }
  const all = new Y.Doc()
  for (const updates of made) for (const u of updates) Y.applyUpdate(all, u)
  end = all.getText('text').toString()
} else {
  const doc = typist(2804165478)
  doc.on('update', push)
  const text = doc.getText('text')
  if (trace.startContent) text.insert(0, trace.startContent)
  for (const { patches } of trace.txns) for (const p of patches) doc.transact(() => patch(text, [p]))
  end = text.toString()
}
if (end !== trace.endContent) throw new Error('the replay differs from endContent')
fs.writeFileSync(output + '.part', Buffer.concat(out))
fs.renameSync(output + '.part', output)
