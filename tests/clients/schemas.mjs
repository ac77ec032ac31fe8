// Reads lines of {"schema":…,"value":…} from a file and says what Ajv, the most used implementation of draft 2020-12, finds: 1 valid, 0 not, E no schema, ? it failed itself.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Ajv2020 } from 'ajv/dist/2020.js'

// One for all: each new one compiles the meta-schemas first.
const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false })
const answers = []
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const { schema, value } = JSON.parse(line)
  let check
  try {
    check = ajv.compile(schema)
  } catch {
    answers.push('E')
    continue
  }
  try {
    answers.push(check(value) ? '1' : '0')
  } catch {
    answers.push('?')
  }
}
console.log(answers.join(''))
