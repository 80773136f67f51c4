// A client that knows nothing of the document, opens it, reads it and leaves.
import { open, close, synced } from './client.mjs'
import { serve } from './lines.mjs'

serve({
  async read (args) {
    const client = open(args)
    await synced(client)
    if (client.doc.store.pendingStructs !== null || client.doc.store.pendingDs !== null) throw new Error('the stored state is not complete')
    const read = { text: client.text.toString() }
    close(client)
    return read
  }
})
