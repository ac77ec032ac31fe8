// Asks the official engine. The first argument says what, the second names a file of JSON lines; prints one answer a line.
import { readFileSync } from 'node:fs'
import { isAuthorized, policyToJson, schemaToJson, validate } from '@cedar-policy/cedar-wasm/nodejs'

const lines = readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const problem = (answer) => ({ problem: answer.errors.map((e) => e.message).join('; ') })

function decide(entities, { policies, principal, action, resource, context }) {
  const set = typeof policies === 'string' ? { staticPolicies: policies } : policies
  const answer = isAuthorized({ principal, action, resource, context, policies: set, entities })
  if (answer.type === 'failure') return { parsed: false, ...problem(answer) }
  const { decision, diagnostics } = answer.response
  return { parsed: true, decision, reason: diagnostics.reason.sort(), errors: diagnostics.errors.map((e) => e.policyId).sort() }
}

const ask = {
  // First the entities, then questions with policies and a request.
  decide: ([entities, ...questions]) => questions.map((question) => decide(entities, question)),
  // Texts of one policy each; answers with the JSON form.
  json: (texts) => texts.map((text) => { const answer = policyToJson(text); return answer.type === 'success' ? answer.json : problem(answer) }),
  // Texts of one schema each; answers with its JSON form.
  schema: (texts) => texts.map((text) => { const answer = schemaToJson(text); return answer.type === 'success' ? answer.json : problem(answer) }),
  // First the schema's text, then texts of one template each; answers whether it is valid. What can't apply to anything is an error in the
  // corpus and a warning in newer engines.
  templates: ([schema, ...texts]) => texts.map((text) => {
    const answer = validate({ schema, policies: { templates: { t: text } }, validationSettings: { mode: 'strict' } })
    return answer.type === 'success' ? answer.validationErrors.length === 0 && !answer.validationWarnings.some((w) => w.error.message.includes('unable to find an applicable action')) : problem(answer)
  }),
}

process.stdout.write(ask[process.argv[2]](lines).map((answer) => JSON.stringify(answer) + '\n').join(''))
