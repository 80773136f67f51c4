// Types a recording into a Y.Text by index, one transaction a patch, and says how
// long that takes. The Go side is BenchmarkEditTrace.
//   node edit-bench.mjs
import * as Y from 'yjs'
import fs from 'node:fs'
import zlib from 'node:zlib'

const file = new URL('../traces/automerge-paper.json.gz', import.meta.url)
const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(file)))
const patches = trace.txns.flatMap(t => t.patches)
for (let round = 0; round < 3; round++) {
  const start = performance.now()
  const doc = new Y.Doc()
  let bytes = 0
  doc.on('update', u => { bytes += u.length })
  const text = doc.getText('text')
  if (trace.startContent) text.insert(0, trace.startContent)
  for (const [at, deleted, inserted] of patches) {
    doc.transact(() => {
      if (deleted) text.delete(at, deleted)
      if (inserted) text.insert(at, inserted)
    })
  }
  if (text.toString() !== trace.endContent) throw new Error('the text differs')
  console.log(`${patches.length} patches in ${Math.round(performance.now() - start)} ms, updates of ${bytes} bytes`)
}
