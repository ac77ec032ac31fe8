// Serves the same tables as Mumega's benchmark, so that both answer the same question from the same rows.
// usage: node server.js postgres://user@host:port/database PORT
const { createServer } = require('node:http')
const { postgraphile } = require('postgraphile')

const [connectionString, port] = process.argv.slice(2)
const serve = postgraphile({ connectionString, max: 20 }, 'public', { disableQueryLog: true })
createServer(serve).listen(Number(port), '127.0.0.1', () => console.log('ready'))
