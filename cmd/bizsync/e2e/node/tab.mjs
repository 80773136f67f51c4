// A browser tab: a thread of its own with a stock client that shares BroadcastChannel with the other tabs.
import { open, random, synced, watchRefusals, when } from './client.mjs'
import { serve, tell } from './lines.mjs'

let client
let name
let typed = 0
let timer

// Types a token at the end and moves the caret there.
const type = () => {
  const token = `${name}${typed++}`
  const { text, provider } = client
  text.insert(text.length, token + ';')
  provider.awareness.setLocalStateField('cursor', { at: text.length })
  return token
}

serve({
  async open ({ url, room, token, tab, seed }) {
    name = tab
    client = open({ url, room, token, options: { disableBc: false } })
    watchRefusals(client, refusal => tell('refused', { tab, ...refusal }))
    client.provider.awareness.setLocalStateField('user', { name: 'whatever the page says', color: '#123456' })
    await synced(client)
    const dice = random(seed)
    const next = () => {
      type()
      timer = setTimeout(next, dice(25))
    }
    next()
    return client.doc.clientID
  },
  type,
  sees: ({ token }) => when(`token ${token} in tab ${name}`, () => client.text.toString().includes(token + ';'), [[client.doc, 'afterTransaction']]),
  connected: () => synced(client),
  stop () {
    clearTimeout(timer)
    return typed
  },
  text: () => client.text.toString(),
  clientID: () => client.doc.clientID
})
