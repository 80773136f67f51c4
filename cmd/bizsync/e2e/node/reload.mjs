// A page that keeps its document in IndexedDB, too, and is reloaded: what it has then includes what others wrote long ago.
import 'fake-indexeddb/auto'
import * as Y from 'yjs'
import WebSocket from 'ws'
import { IndexeddbPersistence } from 'y-indexeddb'
import { openWithAcks, saved } from './acks.mjs'
import { close, open, synced, watchRefusals, when } from './client.mjs'
import { serve, tell } from './lines.mjs'

let reader // somebody else, who looks on
let page
let brought // client ids of the structs in the update frames that the page sent

/** A socket whose incoming messages wait until it is let through: a slow network. */
class Slow extends WebSocket {
  static held = null // messages, or null: nothing is held

  set onmessage (listener) {
    super.onmessage = listener && (event => Slow.held === null ? listener(event) : Slow.held.push(() => listener(event)))
  }

  get onmessage () { return super.onmessage }

  static letThrough () {
    const held = Slow.held
    Slow.held = null
    for (const deliver of held) deliver()
  }
}

const update = frame => {
  // Behind the two numbers of the message comes the length, then the update.
  let at = 2
  while (frame[at++] >= 128);
  return Y.decodeUpdate(frame.subarray(at))
}

const openPage = async (args, { cacheFirst }) => {
  const doc = new Y.Doc()
  brought = new Set()
  const cache = () => new IndexeddbPersistence('page of bea', doc)
  let persistence
  if (cacheFirst) await (persistence = cache()).whenSynced
  else Slow.held = []
  const client = openWithAcks({ ...args, doc }, {
    Socket: Slow,
    brings: (_step, frame) => update(frame).structs.map(({ id }) => brought.add(id.client)),
    report: refusal => tell('refused', refusal)
  })
  if (!cacheFirst) {
    // The cache is read when the socket is open and nothing has come through it yet: Yjs then sends all that it finds there.
    await when('a connection', () => client.provider.wsconnected, [[client.provider, 'status']])
    await (persistence = cache()).whenSynced
    Slow.letThrough()
  }
  page = { ...client, persistence }
}

const closePage = async () => {
  close(page) // with the document its persistence ends
  await page.persistence.destroy()
}

serve({
  // Two others write; one of them leaves, one stays to look on.
  async others ({ url, room, tokens }) {
    const gone = open({ url, room, token: tokens[0] })
    reader = open({ url, room, token: tokens[1] })
    for (const [n, client] of [gone, reader].entries()) {
      watchRefusals(client, refusal => tell('refused', { other: n, ...refusal }))
      await synced(client)
      for (let i = 0; i < 50; i++) client.text.insert(client.text.length, `${'ac'[n]}${i};`)
    }
    await when('the first one\'s text', () => reader.text.toString().includes('a49;'), [[reader.doc, 'afterTransaction']])
    await when('the second one\'s text', () => gone.text.toString().includes('c49;'), [[gone.doc, 'afterTransaction']])
    const ids = [gone.doc.clientID, reader.doc.clientID]
    close(gone)
    return ids
  },
  load: (args) => openPage(args, args),
  // Types, and answers when that is acknowledged. The answer says whose structs the page has sent since it was loaded.
  async type ({ token }) {
    page.text.insert(0, token + ';')
    await saved(page)
    await when(`token ${token} at the reader`, () => reader.text.toString().includes(token + ';'), [[reader.doc, 'afterTransaction']])
    return { brought: [...brought], own: page.doc.clientID }
  },
  typeOffline ({ token }) { page.text.insert(0, token + ';') },
  leave: closePage,
  async text () {
    await saved(page)
    await when('the same text', () => page.text.toString() === reader.text.toString(), [[reader.doc, 'afterTransaction'], [page.doc, 'afterTransaction']])
    return page.text.toString()
  }
})
