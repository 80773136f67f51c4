// Tells the order in which Yjs holds the elements of documents: for each line on
// standard input, a list of updates in base64, one line with a JSON string as
// Doc.Order writes it.
import * as Y from 'yjs'
import readline from 'node:readline'

const from = first => {
  let out = ''
  for (let i = first; i !== null;) {
    let last = i
    let end = i.id.clock + i.length
    for (let n = i.right; n !== null && n.id.client === i.id.client && n.id.clock === end && n.deleted === i.deleted; n = n.right) {
      last = n
      end += n.length
    }
    out += ` ${i.id.client}:${i.id.clock}-${end}${i.deleted ? 'x' : ''}`
    i = last.right
  }
  return out
}
const order = updates => {
  const doc = new Y.Doc({ gc: false })
  // In one transaction, so that Yjs doesn't tidy up formats by deleting some.
  doc.transact(() => { for (const u of updates) Y.applyUpdate(doc, new Uint8Array(Buffer.from(u, 'base64'))) })
  const lines = []
  const type = (name, t) => {
    if (t._start !== null) lines.push(`${name}:${from(t._start)}`)
    for (const [key, last] of t._map) {
      let first = last
      while (first.left !== null) first = first.left
      lines.push(`${name} ${key}:${from(first)}`)
    }
  }
  for (const [name, t] of doc.share) type('root ' + name, t)
  for (const structs of doc.store.clients.values()) {
    for (const s of structs) if (s.content instanceof Y.ContentType) type(`${s.id.client}:${s.id.clock}`, s.content.type)
  }
  return lines
}
const compare = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))
readline.createInterface({ input: process.stdin }).on('line', line => {
  process.stdout.write(JSON.stringify(order(JSON.parse(line)).sort(compare).join('\n')) + '\n')
})
