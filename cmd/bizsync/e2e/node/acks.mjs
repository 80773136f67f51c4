// A stock client that asks for acknowledgements: subprotocol bizsync.v1, messages 120 and 121.
import WebSocket from 'ws'
import * as decoding from 'lib0/decoding'
import { ObservableV2 } from 'lib0/observable'
import { open, watchRefusals, when } from './client.mjs'

const messageAck = 120
const messageRefused = 121

/**
 * Opens a document. brings is called for each update frame that is sent and gives what it brings, a list; acked is called with the lists of all frames that
 * are acknowledged then; report with whatever is refused, or wrong.
 *
 * @param {{brings?: (step: 2|'update', frame: Uint8Array) => Array, acked?: (brought: Array) => void, report: (what: object) => void, Socket?: typeof WebSocket}} calls
 */
export const openWithAcks = (args, { brings = () => [], acked = () => {}, report, Socket = WebSocket }) => {
  class Counting extends Socket {
    frames = [] // what each of this connection's update frames brings
    decided = 0 // the first so many are
    refused = new Set()

    send (data, ...rest) {
      // Message sync: step 2, or update, which has the number 2.
      if (data[0] === 0 && (data[1] === 1 || data[1] === 2)) this.frames.push(brings(data[1] === 1 ? 2 : 'update', data))
      super.send(data, ...rest)
    }
  }
  const client = open({ ...args, options: { ...args.options, protocols: ['bizsync.v1'], WebSocketPolyfill: Counting } })
  const { provider } = client
  client.acks = new ObservableV2()
  provider.messageHandlers[messageAck] = (_encoder, decoder) => {
    const socket = provider.ws
    const count = decoding.readVarUint(decoder)
    if (count > socket.frames.length || count <= socket.decided) report({ wrong: count, sent: socket.frames.length, before: socket.decided })
    const news = []
    for (; socket.decided < count; socket.decided++) {
      if (!socket.refused.has(socket.decided + 1)) news.push(...socket.frames[socket.decided])
      socket.frames[socket.decided] = null // done with
    }
    acked(news)
    client.acks.emit('ack', [])
  }
  provider.messageHandlers[messageRefused] = (_encoder, decoder) => {
    const frame = decoding.readVarUint(decoder)
    provider.ws.refused.add(frame)
    report({ frame, code: decoding.readVarUint(decoder), reason: decoding.readVarString(decoder) })
  }
  watchRefusals(client, report)
  return client
}

/** Resolves when all that the client has is acknowledged. */
export const saved = ({ provider, acks }) => when('acknowledgements',
  () => provider.synced && provider.ws.decided === provider.ws.frames.length, [[provider, 'sync'], [acks, 'ack']])
