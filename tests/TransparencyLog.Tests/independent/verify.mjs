// Checks what a log gave out with @sigstore/verify (checkpoint and Merkle path), or canonical JSON with canonicalize; neither is ours.
// `verify FILE` prints a line a check; `canonical FILE` prints each line of the file in its canonical form.
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import canonicalize from 'canonicalize'

const require = createRequire(import.meta.url)
const inside = (file) => require(join(dirname(require.resolve('@sigstore/verify')), 'tlog', file))

const ask = {
  verify() {
    const input = JSON.parse(readFileSync(process.argv[3], 'utf8'))
    const { verifyCheckpoint } = inside('checkpoint.js')
    const { verifyMerkleInclusion } = inside('merkle.js')
    const [, name, id, key] = /^(.*?)\+([0-9a-f]{8})\+(.*)$/.exec(input.Vkey)
    const raw = Buffer.from(key, 'base64').subarray(1)
    const publicKey = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki' })
    const log = { logID: Buffer.concat([Buffer.from(id, 'hex'), Buffer.alloc(28)]), publicKey, baseURL: `https://${name}`, validFor: { start: new Date(0), end: new Date(8e15) } }
    for (const { Name, Checkpoint, Entry, Index, Path } of input.Inclusions) {
      const entry = { canonicalizedBody: Buffer.from(Entry, 'base64'), inclusionProof: { logIndex: String(Index), hashes: Path.map((p) => Buffer.from(p, 'base64')), checkpoint: { envelope: Checkpoint } } }
      try {
        verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]))
        console.log(Name, 'ok')
      } catch (e) {
        console.log(Name, e.message)
      }
    }
  },
  canonical() {
    for (const line of readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean)) console.log(canonicalize(JSON.parse(line)))
  },
}
ask[process.argv[2]]()
