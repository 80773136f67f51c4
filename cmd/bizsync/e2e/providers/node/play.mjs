// Any number of people, each with a provider and an editor, who do what the test says.
import '../../node/lines.mjs' // first: libraries must not write to standard output
import * as Y from 'yjs'
import { createHash } from 'node:crypto'
import process from 'node:process'
import { serve, tell } from '../../node/lines.mjs'
import { open, sockets } from './clients.mjs'

process.setMaxListeners(100) // each y-websocket provider listens for the end of the process

const patience = 25_000
const clients = new Map()
let target = null // the process that dies when something is said to be saved

const client = id => {
  if (!clients.has(id)) throw new Error(`nobody is called ${id}`)
  return clients.get(id)
}

/** Resolves when check() is null, and fails with what it said last if that takes too long. */
const when = (check, of) => new Promise((resolve, reject) => {
  const end = settle => {
    clearTimeout(timer)
    for (const c of of) c.off('news', look)
    settle()
  }
  const look = () => {
    try {
      if (check() === null) end(resolve)
    } catch (error) {
      end(() => reject(error))
    }
  }
  const timer = setTimeout(() => end(() => reject(new Error(`not within ${patience} ms: ${check()}`))), patience)
  for (const c of of) c.on('news', look)
  look()
})

const hash = bytes => createHash('sha256').update(bytes).digest('hex')

/**
 * What a client has. State is of a document that was filled at once: in one that grew, structs are joined as its edits happened to arrive.
 */
const contents = ({ doc }) => {
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) return { pending: doc.clientID }
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  const state = Y.encodeStateAsUpdate(copy)
  return {
    vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
    deleted: [...Y.createDeleteSetFromStructStore(doc.store).clients].sort(([a], [b]) => a - b).map(([id, ranges]) => [id, ranges.map(({ clock, len }) => [clock, len])]),
    state: hash(state),
    rich: doc.getXmlFragment('default').toString(),
    code: doc.getText('code').toString()
  }
}

// Conditions that can be waited for. Each gives null, or what is missing.
const conditions = {
  synced: c => c.synced ? null : 'not synced',
  saved: c => c.saved ? null : `not saved: ${c.unsynced} changes`,
  unsaved: c => c.saved ? 'saved' : null,
  unsynced: (c, count) => c.unsynced === count ? null : `${c.unsynced} unsynced changes, not ${count}`,
  scopes: (c, scopes) => c.scopes.join() === scopes.join() ? null : `scopes ${c.scopes.join()}, not ${scopes.join()}`,
  denials: (c, count) => c.denials.length >= count ? null : `${c.denials.length} denials`,
  closes: (c, count) => c.codes.length >= count ? null : `${c.codes.length} times closed`,
  present: (c, names) => c.present().join() === [...names].sort().join() ? null : `present are ${c.present().join()}, not ${[...names].sort().join()}`,
  stateless: (c, payloads) => c.stateless.join() === payloads.join() ? null : `stateless ${c.stateless.join()}, not ${payloads.join()}`,
  has: (c, words) => {
    const all = c.doc.getXmlFragment('default').toString() + c.doc.getText('code').toString()
    const missing = words.filter(word => !all.includes(word))
    return missing.length === 0 ? null : `without ${missing.join()}`
  }
}

serve({
  /** Of a shared socket. */
  connections: ({ id }) => ({ opened: sockets.get(id).opened, codes: sockets.get(id).codes }),

  /**
   * Opens a document: id, provider, url, name, and perhaps token, headers, socket (the name of a shared one), asFunction, sessions, editor. Types words at once, before the server
   * has answered.
   */
  async open ({ id, editor, words = [], report = false, ...args }) {
    const editors = editor && (await import('./editors.mjs')).editors
    const c = open(args)
    clients.set(id, c)
    c.awareness.setLocalStateField('id', id)
    if (editor) c.editor = editors[editor]({ doc: c.doc, awareness: c.awareness, user: { name: id, color: '#30bced' } })
    c.typed = []
    // Tells whenever the provider says that all is saved what has been typed until then.
    if (report) {
      c.provider.on('unsyncedChanges', () => {
        if (c.provider.hasUnsyncedChanges) return
        const words = c.typed.splice(0)
        if (words.length > 0 && target !== null) {
          process.kill(target, 'SIGKILL')
          target = null
        }
        tell('saved', { id, words })
      })
    }
    for (const word of words) c.editor.type(word)
  },
  type ({ id, words }) {
    for (const word of words) {
      client(id).typed.push(word)
      client(id).editor.type(word)
    }
  },
  /** Types words that begin with prefix, one every few milliseconds, until the process ends. */
  typist ({ id, prefix }) {
    const c = client(id)
    const next = n => {
      const word = `${prefix}${n};`
      c.typed.push(word)
      c.editor.type(word)
      setTimeout(next, Math.random() * 20, n + 1)
    }
    next(1)
  },
  /** Kills a process at the very moment at which a client that reports says that something is saved. */
  arm ({ pid }) {
    target = pid
  },
  erase: ({ id, count }) => client(id).editor.erase(count),
  shows: ({ id }) => client(id).editor.text(),
  status: ({ id }) => client(id).status(),
  contents: ({ id }) => contents(client(id)),

  /** Waits until a condition holds for each of them. */
  until: ({ ids, what, value }) => Promise.all(ids.map(id =>
    when(() => conditions[what](client(id), value), [client(id)]).catch(error => { throw new Error(`${id}: ${error.message}`) }))),

  /** Waits until all of them have the same, and have all the words, and gives it. */
  async agree ({ ids, words = [] }) {
    const all = ids.map(client)
    const look = () => {
      for (const [n, c] of all.entries()) {
        const missing = conditions.has(c, words)
        if (missing !== null) return `${ids[n]} is ${missing}`
      }
      const [first, ...others] = all.map(c => JSON.stringify(contents(c)))
      const other = others.findIndex(o => o !== first)
      return other < 0 ? null : `${ids[0]} has ${first}, ${ids[other + 1]} has ${others[other]}`
    }
    await when(look, all)
    return contents(all[0])
  },

  /** Has a caret move: others forget who is there when their connection ends, and hear of them again when their state changes, or after 15 s. */
  move: ({ id }) => client(id).awareness.setLocalStateField('moved', Date.now()),

  say: ({ id, payload }) => client(id).say(payload),
  /** What the provider does at each forceSyncInterval. */
  force: ({ id }) => client(id).provider.forceSync(),
  token: ({ id, token }) => { client(id).token = token },
  refresh: ({ id }) => client(id).refresh(),
  detach: ({ id }) => client(id).detach(),
  attach: ({ id }) => client(id).attach(),
  close ({ id }) {
    client(id).editor?.end()
    client(id).close()
  }
})
