// Serves the same tables as Mumega's benchmark, so that both answer the same question from the same rows.
// usage: node server.js postgres://user@host:port/database PORT
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const [connectionString, port] = process.argv.slice(2)
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, schemas: ['public'], poolConfig: { max: 20 } })],
  grafserv: { watch: false },
})
const server = createServer()
server.on('error', (error) => { console.error(error); process.exit(1) })
await instance.createServ(grafserv).addTo(server)
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
