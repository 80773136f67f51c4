// Stock providers behind one face: the WebsocketProvider of y-websocket, and the HocuspocusProvider of versions 2, 3 and 4, each as its manual says.
import * as Y from 'yjs'
import WebSocket from 'ws'
import { ObservableV2 } from 'lib0/observable'
import * as hocuspocus2 from 'hocuspocus-provider-2'
import * as hocuspocus3 from 'hocuspocus-provider-3'
import * as hocuspocus4 from 'hocuspocus-provider-4'
import { WebsocketProvider } from 'y-websocket'

// As in browsers, where an error that nobody listens for does nothing.
globalThis.WebSocket = class extends WebSocket {
  constructor (...args) {
    super(...args)
    this.on('error', () => {})
  }
}

const versions = { 'hocuspocus-2': hocuspocus2, 'hocuspocus-3': hocuspocus3, 'hocuspocus-4': hocuspocus4 }

// Reconnecting takes moments.
const eager = { delay: 100, minDelay: 100, maxDelay: 200, initialDelay: 0 }

/** A WebSocket with many documents, of a version of the Hocuspocus provider. opened counts its connections, codes are of those that ended. */
class Socket {
  opened = 0
  codes = []

  constructor (provider, url, headers) {
    this.module = versions[provider]
    // A browser sends its own headers, the cookie among them.
    const WebSocketPolyfill = class extends globalThis.WebSocket {
      constructor (address) {
        super(address, { headers })
      }
    }
    this.ws = new this.module.HocuspocusProviderWebsocket({ url, WebSocketPolyfill, ...eager })
    this.ws.on('open', () => { this.opened++ })
    this.ws.on('close', ({ event }) => this.codes.push(event.code))
  }

  end () {
    this.ws.destroy()
  }
}

/** Those that are shared, by their names. */
export const sockets = new Map()

const shared = (name, provider, url, headers) => {
  if (!sockets.has(name)) sockets.set(name, new Socket(provider, url, headers))
  return sockets.get(name)
}

/** An open document. It emits "news" when anything that can be asked of it may have changed. */
class Client extends ObservableV2 {
  doc = new Y.Doc()
  scopes = [] // of each Authenticated
  denials = [] // the reason of each PermissionDenied
  stateless = [] // what others sent
  codes = [] // with which connections ended
  editor = null

  constructor () {
    super()
    this.doc.on('afterTransaction', this.#news)
  }

  #news = () => this.emit('news', [])

  /** Has an event of the provider, or of its awareness, be news. */
  hear (emitter, event, note = () => {}) {
    emitter.on(event, (...args) => {
      note(...args)
      this.#news()
    })
  }

  /** The ids of all who say that they are here. (Their names are their accounts', whatever they say.) */
  present () {
    return [...this.awareness.getStates().values()].map(({ id }) => id).filter(Boolean).sort()
  }

  status () {
    const { synced, saved, unsynced, scopes, denials, stateless, codes } = this
    return { synced, saved, unsynced, scopes, denials, stateless, codes, present: this.present() }
  }
}

class YWebsocket extends Client {
  constructor ({ url, name, token }) {
    super()
    this.provider = new WebsocketProvider(url, name, this.doc, { params: { token }, disableBc: true, maxBackoffTime: 200 })
    this.awareness = this.provider.awareness
    this.hear(this.awareness, 'update')
    this.hear(this.provider, 'sync')
    this.hear(this.provider, 'connection-close', event => { if (event !== null) this.codes.push(event.code) })
  }

  get synced () {
    return this.provider.synced
  }

  // It has no such notion.
  get saved () {
    return this.synced
  }

  close () {
    this.provider.destroy()
  }
}

class Hocuspocus extends Client {
  unsynced = 0

  constructor ({ provider, url, headers, socket, name, token = null, asFunction = false, sessions = false }) {
    super()
    this.token = token
    this.own = socket === undefined
    this.socket = this.own ? new Socket(provider, url, headers) : shared(socket, provider, url, headers)
    this.provider = new this.socket.module.HocuspocusProvider({
      websocketProvider: this.socket.ws,
      name,
      document: this.doc,
      token: asFunction ? () => new Promise(resolve => setTimeout(() => resolve(this.token), 5)) : token,
      sessionAwareness: sessions
    })
    this.awareness = this.provider.awareness
    this.hear(this.awareness, 'update')
    this.hear(this.provider, 'synced')
    this.hear(this.provider, 'unsyncedChanges', () => { this.unsynced = this.provider.unsyncedChanges })
    this.hear(this.provider, 'authenticated', () => this.scopes.push(this.provider.authorizedScope))
    this.hear(this.provider, 'authenticationFailed', ({ reason }) => this.denials.push(reason))
    this.hear(this.provider, 'close', ({ event }) => this.codes.push(event.code))
    this.hear(this.provider, 'stateless', ({ payload }) => this.stateless.push(payload))
    this.provider.attach?.() // since version 3
  }

  get synced () {
    return this.provider.synced
  }

  get saved () {
    return this.synced && !this.provider.hasUnsyncedChanges
  }

  say (payload) {
    this.provider.sendStateless(payload)
  }

  /** Sends the token again, which version 2 can't without opening the document anew. */
  refresh () {
    return this.provider.sendToken()
  }

  detach () {
    if (this.provider.detach) return this.provider.detach()
    this.provider.disconnect()
  }

  attach () {
    if (this.provider.attach) return this.provider.attach()
    this.provider.connect()
  }

  close () {
    this.provider.destroy()
    if (this.own) this.socket.end()
  }
}

export const open = args => args.provider === 'y-websocket' ? new YWebsocket(args) : new Hocuspocus(args)
