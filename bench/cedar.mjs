// The official engine on the inputs of CedarBench: how often a second. Policies are parsed once, as its stateful interface allows.
import { readFileSync } from 'node:fs'
import * as cedar from '../tests/Cedar.Tests/oracle/node_modules/@cedar-policy/cedar-wasm/nodejs/cedar_wasm.js'

const { policies, entities, context } = JSON.parse(readFileSync(process.argv[3], 'utf8'))
const act = {
  decide() {
    const parsed = cedar.preparsePolicySet('set', { staticPolicies: policies })
    if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed))
    const ask = () => cedar.statefulIsAuthorized({
      principal: { type: 'User', id: 'ada' }, action: { type: 'Action', id: 'view' }, resource: { type: 'Doc', id: '1' }, context, preparsedPolicySetId: 'set', entities,
    })
    const answer = ask()
    if (answer.response?.decision !== 'allow' || answer.response.diagnostics.reason.length !== 1) throw new Error(JSON.stringify(answer))
    return ask
  },
  parse: () => () => { if (cedar.checkParsePolicySet({ staticPolicies: policies }).type !== 'success') throw new Error('refused') },
}[process.argv[2]]()

const run = (milliseconds) => {
  const start = performance.now()
  let done = 0
  for (; performance.now() - start < milliseconds; done++) act()
  return (done * 1000) / (performance.now() - start)
}
run(1000)
console.log(run(2000))
