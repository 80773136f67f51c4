// The messages of y-protocols, as its own functions write and read them. One JSON
// request on standard input, one JSON answer on standard output; bytes are base64.
//   { texts, states, reasons }  what the messages are to say
//   { read: { sync, awareness, auth } }  messages to read
import * as Y from 'yjs'
import * as auth from 'y-protocols/auth'
import * as awareness from 'y-protocols/awareness'
import * as sync from 'y-protocols/sync'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import fs from 'node:fs'

const bytes = s => new Uint8Array(Buffer.from(s, 'base64'))
const base64 = b => Buffer.from(b).toString('base64')
// Types of y-websocket.
const messageSync = 0
const messageAwareness = 1
const messageAuth = 2
const messageQueryAwareness = 3

const message = (type, write) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  write(encoder)
  return base64(encoding.toUint8Array(encoder))
}

// Two clients write a text, letter by letter when it is short. Nothing is deleted:
// how items are cut then is an engine's own affair.
const written = text => {
  const docs = [new Y.Doc(), new Y.Doc()]
  const updates = []
  docs.forEach((doc, i) => {
    doc.clientID = [7, 4000000000][i]
    doc.on('update', (u, origin) => { if (origin !== 'remote') updates.push(u) })
    for (const u of updates) Y.applyUpdate(doc, u, 'remote')
    const t = doc.getText('text')
    for (const c of text.length < 20 ? text : [text]) t.insert(t.length, c)
  })
  return { doc: docs[1], updates }
}

const texts = text => {
  const { doc, updates } = written(text)
  const half = new Y.Doc()
  for (const u of updates.slice(0, updates.length / 2)) Y.applyUpdate(half, u)
  const vector = Y.encodeStateVector(half)
  return {
    updates: updates.map(base64),
    vector: base64(vector),
    step1: message(messageSync, e => sync.writeSyncStep1(e, doc)),
    step2: message(messageSync, e => sync.writeSyncStep2(e, doc)),
    step2Half: message(messageSync, e => sync.writeSyncStep2(e, doc, vector)),
    update: updates.map(u => message(messageSync, e => sync.writeUpdate(e, u)))
  }
}

// The people of a document: [client, clock, state], as they come.
const people = list => {
  const doc = new Y.Doc()
  const a = new awareness.Awareness(doc)
  for (const [client, clock, state] of list) {
    a.meta.set(client, { clock, lastUpdated: 0 })
    if (state !== null) a.states.set(client, state)
  }
  const frame = message(messageAwareness, e => encoding.writeVarUint8Array(e, awareness.encodeAwarenessUpdate(a, list.map(p => p[0]))))
  doc.destroy()
  return { frame, states: list.map(p => JSON.stringify(p[2])) }
}

const readSync = list => {
  const doc = new Y.Doc()
  const replies = []
  for (const m of list) {
    const decoder = decoding.createDecoder(bytes(m))
    if (decoding.readVarUint(decoder) !== messageSync) throw new Error('no sync message')
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, messageSync)
    sync.readSyncMessage(decoder, encoder, doc, 'remote', e => { throw e })
    if (decoding.hasContent(decoder)) throw new Error('bytes behind a message')
    replies.push(encoding.length(encoder) > 1 ? base64(encoding.toUint8Array(encoder)) : '')
  }
  return { text: doc.getText('t').toString(), replies }
}

const readAwareness = list => {
  const doc = new Y.Doc()
  const a = new awareness.Awareness(doc)
  a.setLocalState(null)
  for (const m of list) {
    const decoder = decoding.createDecoder(bytes(m))
    if (decoding.readVarUint(decoder) !== messageAwareness) throw new Error('no awareness message')
    awareness.applyAwarenessUpdate(a, decoding.readVarUint8Array(decoder), 'remote')
    if (decoding.hasContent(decoder)) throw new Error('bytes behind a message')
  }
  const out = Object.fromEntries([...a.states].map(([client, state]) => [client, JSON.stringify(state)]))
  doc.destroy()
  return out
}

const readAuth = list => list.map(m => {
  const decoder = decoding.createDecoder(bytes(m))
  if (decoding.readVarUint(decoder) !== messageAuth) throw new Error('no auth message')
  let said
  auth.readAuthMessage(decoder, null, (_, reason) => { said = reason })
  return said
})

const request = JSON.parse(fs.readFileSync(0, 'utf8'))
const answer = {
  texts: (request.texts ?? []).map(texts),
  people: (request.people ?? []).map(people),
  denied: (request.reasons ?? []).map(r => message(messageAuth, e => auth.writePermissionDenied(e, r))),
  query: message(messageQueryAwareness, () => {}),
  read: request.read && { sync: readSync(request.read.sync), awareness: readAwareness(request.read.awareness), auth: readAuth(request.read.auth) }
}
process.stdout.write(JSON.stringify(answer))
