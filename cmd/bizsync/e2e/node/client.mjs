// Stock clients: a Y.Doc and the WebsocketProvider of y-websocket, as an application would use them.
import * as Y from 'yjs'
import WebSocket from 'ws'
import * as auth from 'y-protocols/auth'
import { WebsocketProvider } from 'y-websocket'

/** The longest that anything may take which should take moments, in milliseconds. */
export const patience = 25_000

/**
 * Opens a document. options go to the provider; clientID, if given, is the document's from the beginning.
 *
 * @param {{url: string, room: string, token: string, clientID?: number, options?: object}} args
 */
export const open = ({ url, room, token, clientID, doc = new Y.Doc(), options = {} }) => {
  if (clientID !== undefined) doc.clientID = clientID
  const provider = new WebsocketProvider(url, room, doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
    maxBackoffTime: 200,
    params: { token },
    ...options
  })
  return { doc, provider, text: doc.getText('text') }
}

/** Calls report for each refusal: of a frame, or of the connection for good. */
export const watchRefusals = ({ provider }, report) => {
  const messageAuth = 2
  provider.messageHandlers[messageAuth] = (_encoder, decoder) => auth.readAuthMessage(decoder, provider.doc, (_doc, reason) => report({ reason }))
  provider.on('connection-close', event => {
    if (event !== null && event.code >= 4400) report({ code: event.code, reason: event.reason })
  })
}

/** Ends a client and forgets all that it knows. */
export const close = ({ doc, provider }) => {
  provider.destroy()
  provider.awareness.destroy()
  doc.destroy()
}

/**
 * Resolves when check() is true: now, or after one of the events. describe() is for the error message if that takes too long.
 *
 * @param {string} what
 * @param {() => boolean} check
 * @param {Array<[{on: Function, off: Function}, string]>} sources
 */
export const when = (what, check, sources, { limit = patience, describe = () => '' } = {}) =>
  new Promise((resolve, reject) => {
    const end = settle => {
      clearTimeout(timer)
      for (const [emitter, event] of sources) emitter.off(event, look)
      settle()
    }
    const look = () => {
      let now
      try {
        now = check()
      } catch (error) {
        return end(() => reject(error))
      }
      if (now) end(resolve)
    }
    const timer = setTimeout(() => end(() => reject(new Error(`${what}: not within ${limit} ms ${describe()}`))), limit)
    for (const [emitter, event] of sources) emitter.on(event, look)
    look()
  })

/** Resolves when the provider has the server's state. */
export const synced = ({ provider }) => when('synchronisation', () => provider.synced, [[provider, 'sync']])

/** A turn of the event loop, in which sockets are read. */
export const turn = () => new Promise(resolve => setImmediate(resolve))

/** Seeded random numbers (mulberry32, public domain): a function that gives integers from 0 to n-1. */
export const random = seed => n => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n)
}
