// One person with two tabs that share BroadcastChannel, and another person elsewhere who looks on.
import { Worker } from 'node:worker_threads'
import { open, synced, watchRefusals, when } from './client.mjs'
import { serve, tell } from './lines.mjs'

class Tab {
  constructor (name) {
    this.name = name
    this.last = 0
    this.waiting = new Map()
    this.worker = new Worker(new URL('./tab.mjs', import.meta.url))
    this.worker.on('message', ({ id, result, error, event, value }) => {
      if (event !== undefined) return tell(event, value)
      const { resolve, reject } = this.waiting.get(id)
      this.waiting.delete(id)
      if (error !== undefined) reject(new Error(error))
      else resolve(result)
    })
  }

  call (call, args) {
    return new Promise((resolve, reject) => {
      this.waiting.set(++this.last, { resolve, reject })
      this.worker.postMessage({ id: this.last, call, args })
    })
  }
}

const tabs = [new Tab('l'), new Tab('r')]
const [left, right] = tabs
let onlooker

const onlookerSees = token => when(`token ${token} at the onlooker`, () => onlooker.text.toString().includes(token + ';'), [[onlooker.doc, 'afterTransaction']])

serve({
  async open ({ url, room, token, onlookerToken, seed }) {
    onlooker = open({ url, room, token: onlookerToken })
    watchRefusals(onlooker, refusal => tell('refused', { onlooker: true, ...refusal }))
    await synced(onlooker)
    await Promise.all(tabs.map((tab, n) => tab.call('open', { url, room, token, tab: tab.name, seed: seed + n })))
  },
  // Each tab types and the other one sees it: with the server away, that is BroadcastChannel's doing.
  async hearEachOther () {
    const [fromLeft, fromRight] = await Promise.all(tabs.map(tab => tab.call('type')))
    await Promise.all([right.call('sees', { token: fromLeft }), left.call('sees', { token: fromRight })])
  },
  // Everybody comes back, and what each tab types then reaches the other person.
  async typeOn () {
    await Promise.all([...tabs.map(tab => tab.call('connected')), synced(onlooker)])
    for (const tab of tabs) await onlookerSees(await tab.call('type'))
  },
  // The other person sees the carets of both tabs within 5 s, under the account's name, and for 3 s nothing takes them away.
  async carets () {
    const { awareness } = onlooker.provider
    const ids = await Promise.all(tabs.map(tab => tab.call('clientID')))
    const states = () => ids.map(id => awareness.getStates().get(id))
    await when('both carets', () => states().every(state => state?.cursor !== undefined), [[awareness, 'change']], { limit: 5000, describe: () => JSON.stringify(states()) })
    await new Promise((resolve, reject) => {
      const look = ({ removed }) => {
        if (ids.some(id => removed.includes(id))) reject(new Error(`a caret was taken away: ${removed} of ${ids}`))
      }
      awareness.on('change', look)
      setTimeout(() => {
        awareness.off('change', look)
        resolve()
      }, 3000)
    })
    return { names: states().map(state => state.user.name), others: [...awareness.getStates().keys()].filter(id => !ids.includes(id) && id !== onlooker.doc.clientID).length }
  },
  // The tabs stop typing. Answers when all three show the same.
  async stop () {
    const typed = await Promise.all(tabs.map(tab => tab.call('stop')))
    for (const [n, tab] of tabs.entries()) {
      await onlookerSees(`${tab.name}${typed[n] - 1}`)
      for (const other of tabs) await other.call('sees', { token: `${tab.name}${typed[n] - 1}` })
    }
    const texts = [onlooker.text.toString(), ...await Promise.all(tabs.map(tab => tab.call('text')))]
    if (texts.some(text => text !== texts[0])) throw new Error(`they show different texts, of ${texts.map(text => text.length)} characters`)
    return typed
  }
})
