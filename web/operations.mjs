// Writes down every operation that the web app has, for the server: a browser's session may send these and no others.
import { readFileSync, writeFileSync } from 'node:fs';
import { print } from 'graphql';

const source = readFileSync(new URL('./src/api/gql/graphql.ts', import.meta.url), 'utf8');
const operations = [...source.matchAll(/^export const (\w+)Document = (\{.*\}) as unknown as /gm)].map(([, name, json]) => [name, print(JSON.parse(json))]);
if (operations.length < 20) throw new Error(`only ${operations.length} operations were found`);
writeFileSync(new URL('../src/Api/wwwroot/operations.json', import.meta.url), JSON.stringify(Object.fromEntries(operations)));
