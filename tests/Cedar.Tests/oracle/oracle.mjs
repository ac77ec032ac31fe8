// Asks the official engine. Reads a file of JSON lines: first the entities, then one question a line; prints one answer a line.
import { readFileSync } from 'node:fs'
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs'

const [first, ...questions] = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const answers = questions.map(({ policies, principal, action, resource, context }) => {
  const answer = isAuthorized({ principal, action, resource, context, policies: { staticPolicies: policies }, entities: first })
  if (answer.type === 'failure') return JSON.stringify({ parsed: false, problem: answer.errors.map((e) => e.message).join('; ') })
  const { decision, diagnostics } = answer.response
  return JSON.stringify({ parsed: true, decision, reason: diagnostics.reason.sort(), errors: diagnostics.errors.map((e) => e.policyId).sort() })
})
process.stdout.write(answers.join('\n') + '\n')
