import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { scratch } from "../../support/fixtures.js"
import { compiled } from "../../support/compiled.js"

const root = join(import.meta.dirname, "../../..")

/**
 * What the guest runs: the daemon with its packages, this Node, and the program of the scenarios, `main.ts` of a folder beside
 * this one. `end`: of the cable between the server and its client, the one at which the program runs.
 */
export function guestTree(scenarios: string, end: "server" | "client"): string {
  const tree = scratch()
  const app = join(tree, "app")
  // Built anew, so that a build that somebody runs at this moment does no harm.
  execFileSync(process.execPath, [join(root, "scripts/build.mjs"), join(app, "dist")])
  const sources = compiled("test/e2e/nfs-guest", `test/e2e/${scenarios}`, "test/support", "storage")
  for (const folder of ["test", "storage"])
    cpSync(join(sources, folder), join(app, folder), { recursive: true })
  cpSync(join(root, "package.json"), join(app, "package.json"))
  for (const folder of productionPackages())
    cpSync(join(root, folder), join(app, folder), { recursive: true })
  standInForVitest(join(app, "node_modules/vitest"))
  cpSync(process.execPath, join(tree, "node"), { dereference: true })
  const enter = end === "client" ? "nsenter --net=/run/netns/client " : ""
  const program = `${enter}/tree/node /tree/app/test/e2e/${scenarios}/main.js`
  writeFileSync(join(tree, "main"), `${PREPARE}exec ${program}\n`, { mode: 0o755 })
  return tree
}

/** Folders below node_modules, as the lock file knows them. */
export function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, { readonly dev?: boolean }>>
  }
  return Object.entries(packages)
    .filter(([folder, { dev }]) => folder !== "" && dev !== true && existsSync(join(root, folder)))
    .map(([folder]) => folder)
}

/** The support of our tests cleans up after each of them; the guest is thrown away as a whole. */
export function standInForVitest(folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), '{"name":"vitest","type":"module","exports":"./index.js"}')
  writeFileSync(
    join(folder, "index.js"),
    "export const afterEach = () => {}\nexport const afterAll = afterEach\n",
  )
}

/** Loads the kernel's parts, and lays the cable. */
const PREPARE = `#!/bin/sh
set -e
for module in loop overlay nfsd nfs nfsv3 nfsv4 veth; do modprobe $module; done
mount -t nfsd nfsd /proc/fs/nfsd
ip netns add client
ip link add server type veth peer name client netns client
ip address add 10.77.0.1/24 dev server
ip link set server up
ip -n client link set lo up
ip -n client address add 10.77.0.2/24 dev client
ip -n client link set client up
ln -sf /tree/node /usr/bin/node
`
