// Writes the document of a first start, once: a store inside the state directory, and one cluster. Prints its path.
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const state = resolve(process.argv[2] ?? ".cistern")
const store = join(state, "store")
const file = join(state, "cistern.yaml")
mkdirSync(store, { recursive: true, mode: 0o700 })
if (!existsSync(file)) {
  writeFileSync(
    file,
    `# Applied at every start; edit it, or use: scripts/cistern apply -f FILE
stores:
  - name: default
    path: ${JSON.stringify(store)}
    allowRoot: true # for a first look; a real store is a mounted filesystem of its own
clusters:
  - name: home
    networks: [127.0.0.0/8, "::1/128"]
`,
    { mode: 0o600 },
  )
}
console.log(file)
