// Two people type a recorded session again, each with a client of their own, at the same time.
import * as Y from 'yjs'
import fs from 'node:fs'
import zlib from 'node:zlib'
import { ObservableV2 } from 'lib0/observable'
import { open, synced, turn, watchRefusals, when } from './client.mjs'
import { serve, tell } from './lines.mjs'

const clientID = agent => 1_000_003 + agent

/**
 * Makes the Yjs update of each transaction. One document per agent: before a transaction it takes over what the transaction's ancestors have made, so that
 * positions mean what they meant to the person who typed.
 */
const record = trace => {
  const docs = []
  const taken = []
  const updates = []
  for (const [n, { agent, parents, patches }] of trace.txns.entries()) {
    if (docs[agent] === undefined) {
      docs[agent] = new Y.Doc()
      docs[agent].clientID = clientID(agent)
      taken[agent] = new Set()
    }
    const [doc, has] = [docs[agent], taken[agent]]
    const missing = []
    for (const todo = [...parents]; todo.length > 0;) {
      const p = todo.pop()
      if (has.has(p)) continue
      has.add(p)
      missing.push(p)
      todo.push(...trace.txns[p].parents)
    }
    for (const p of missing.sort((a, b) => a - b)) Y.applyUpdate(doc, updates[p])
    const made = []
    const note = update => made.push(update)
    doc.on('update', note)
    doc.transact(() => {
      const text = doc.getText('text')
      for (const [at, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(at, deleted)
        if (inserted !== '') text.insert(at, inserted)
      }
    })
    doc.off('update', note)
    has.add(n)
    updates.push(Y.mergeUpdates(made))
  }
  return updates
}

/** What a document must have before it contains an update: clocks, and deleted structs. */
const traces = update => {
  const { structs, ds } = Y.decodeUpdate(update)
  const clocks = new Map()
  for (const { id, length } of structs) clocks.set(id.client, Math.max(clocks.get(id.client) ?? 0, id.clock + length))
  const deleted = []
  for (const [client, ranges] of ds.clients) for (const { clock } of ranges) deleted.push(Y.createID(client, clock))
  return { clocks, deleted }
}

const contains = (doc, { clocks, deleted }) =>
  [...clocks].every(([client, clock]) => Y.getState(doc.store, client) >= clock) &&
  deleted.every(id => Y.getState(doc.store, id.client) > id.clock && Y.getItem(doc.store, id).deleted)

const progress = new ObservableV2()
let trace
let updates
let needs
let typed = 0
const clients = []

const typeAll = async agent => {
  const { doc } = clients[agent]
  for (const [n, txn] of trace.txns.entries()) {
    if (txn.agent !== agent) continue
    const arrived = () => txn.parents.every(p => contains(doc, needs[p]))
    if (!arrived()) await when(`the parents of transaction ${n}`, arrived, [[doc, 'afterTransaction']])
    doc.transact(transaction => {
      Y.applyUpdate(doc, updates[n])
      transaction.local = true // as if typed here: Yjs would take another's use of the client id for a collision
    }, 'keyboard')
    if (!contains(doc, needs[n])) throw new Error(`transaction ${n} stays pending in its author's own document`)
    typed++
    progress.emit('typed', [])
    await turn()
  }
}

serve({
  async open ({ file, url, room, tokens }) {
    trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(file)))
    updates = record(trace)
    needs = updates.map(traces)
    tokens.forEach((token, agent) => clients.push(open({ url, room, token, clientID: clientID(agent) })))
    for (const client of clients) watchRefusals(client, refusal => tell('refused', refusal))
    await Promise.all(clients.map(synced))
    return { transactions: updates.length, agents: new Set(trace.txns.map(txn => txn.agent)).size, endContent: trace.endContent }
  },
  // Types everything, and answers when each of the two has seen all of it.
  async type () {
    await Promise.all(clients.map((_, agent) => typeAll(agent)))
    for (const { doc, text } of clients) {
      await when('everything', () => needs.every(need => contains(doc, need)), [[doc, 'afterTransaction']])
      if (text.toString() !== trace.endContent) throw new Error('the text that a client shows is not endContent')
    }
    return clients.map(({ doc }, agent) => doc.clientID === clientID(agent))
  },
  typed: ({ count }) => when(`${count} transactions`, () => typed >= count, [[progress, 'typed']], { limit: 60_000 })
})
