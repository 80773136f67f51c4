// The honest people of each document under attack, and whoever opens it later: stock clients and Yjs itself.
import * as Y from '../../node/node_modules/yjs/dist/yjs.mjs'
import process from 'node:process'
import { close, open, patience, synced, when } from '../../node/client.mjs'
import { serve, tell } from '../../node/lines.mjs'

process.setMaxListeners(100) // each provider listens for the end of the process

// What a frame of the server's does in a client happens in the client's event handlers: nobody else would hear of it.
process.on('uncaughtException', error => tell('broken', `${error.stack ?? error}`))

const rooms = new Map()

const known = ({ doc }, client) => Y.getState(doc.store, client)

/** JSON of anything that a document can hold. */
const json = value => JSON.stringify(value, (_key, v) => typeof v === 'bigint' ? `${v}n` : v)

/** Opens a stored state and reads all its roots as what they are taken for. */
const read = (update, kind) => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  const { pendingStructs, pendingDs } = doc.store
  if (pendingStructs !== null || pendingDs !== null) throw new Error(`pending: ${json({ pendingStructs, pendingDs })}`)
  for (const root of [...doc.share.keys()]) json(doc.get(root, root === 'text' ? Y.Text : kind).toJSON())
  json(doc.getText('text').toDelta())
  return doc
}

serve({
  // A victim and a witness enter a document and show who they are. Answers with the victim's client id.
  async enter ({ url, room, victim, witness }) {
    const clients = [open({ url, room, token: victim }), open({ url, room, token: witness })]
    await Promise.all(clients.map(synced))
    for (const { provider } of clients) provider.awareness.setLocalState({ user: { name: 'whoever' }, cursor: 0 })
    rooms.set(room, { victim: clients[0], witness: clients[1] })
    return { client: clients[0].doc.clientID, witness: clients[1].doc.clientID }
  },
  // The victim types, and the witness gets to see it: so it is committed. Answers with the victim's next clock and what the witness reads.
  async type ({ room, word }) {
    const { victim, witness } = rooms.get(room)
    const { clientID } = victim.doc
    victim.text.insert(victim.text.length, word)
    await when(`that others see ${word}`, () => known(witness, clientID) === known(victim, clientID), [[witness.doc, 'update']],
      { limit: patience / 2, describe: () => `(the victim wrote ${known(victim, clientID)}, the witness has ${known(witness, clientID)}; the victim's socket: ${victim.provider.wsconnected})` })
    return { clock: known(victim, clientID), text: witness.text.toString() }
  },
  // The victim moves its caret, and the witness gets to see it. Answers with everybody's presence as the witness sees it.
  async move ({ room, to }) {
    const { victim, witness } = rooms.get(room)
    victim.provider.awareness.setLocalStateField('cursor', to)
    const states = witness.provider.awareness.getStates()
    await when('the caret at its new place', () => states.get(victim.doc.clientID)?.cursor === to, [[witness.provider.awareness, 'change']],
      { limit: patience / 2, describe: () => JSON.stringify([...states]) })
    return [...states].map(([client, state]) => ({ client, state }))
  },
  // The witness gets to see somebody's presence.
  async see ({ room, client }) {
    const { awareness } = rooms.get(room).witness.provider
    await when(`the presence of ${client}`, () => awareness.getStates().has(client), [[awareness, 'change']], { limit: patience / 2 })
    return { client, state: awareness.getStates().get(client) }
  },
  leave ({ room }) {
    const { victim, witness } = rooms.get(room)
    close(victim)
    close(witness)
    rooms.delete(room)
  },
  // Yjs loads a stored state: nothing may be missing, all must be readable, changeable and deletable, before and after it was encoded again.
  load ({ state }) {
    const update = Buffer.from(state, 'base64')
    const doc = read(update, Y.Array)
    const text = doc.getText('text').toString()
    read(Y.encodeStateAsUpdate(read(update, Y.Map)), Y.Array)
    Y.applyUpdateV2(new Y.Doc(), Y.encodeStateAsUpdateV2(doc))

    doc.getText('text').insert(0, 'a letter')
    doc.transact(transaction => {
      for (const type of doc.share.values()) {
        for (let item = type._start; item !== null; item = item.right) item.delete(transaction)
        for (const item of type._map.values()) item.delete(transaction)
      }
    })
    if (doc.getText('text').toString() !== '') throw new Error('something can not be deleted')
    if (read(Y.encodeStateAsUpdate(doc), Y.Array).getText('text').toString() !== '') throw new Error('deleted and encoded again it is not empty')
    return { text, roots: doc.share.size }
  }
})
