// One Hocuspocus node that keeps documents in memory only, at PORT of the loopback address. REDIS_PORT connects it with others.
import { Server } from '@hocuspocus/server'

const extensions = []
if (process.env.REDIS_PORT) {
  const { Redis } = await import('@hocuspocus/extension-redis')
  extensions.push(new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) }))
}
await new Server({ port: Number(process.env.PORT), address: '127.0.0.1', quiet: true, extensions }).listen()
