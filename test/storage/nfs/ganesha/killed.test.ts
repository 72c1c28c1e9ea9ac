import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { expect, it } from "vitest"
import { compareExports, GaneshaServer, type NfsExport } from "../../../../storage/nfs/index.js"
import { compiled } from "../../../support/compiled.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"

const OWNER = "00112233aabbccdd"

it("leaves each export old or new when it is killed while it applies, and the next apply completes it", async () => {
  const machine = await GaneshaMachine.start()
  const server = new GaneshaServer(OWNER, machine.bus, machine.files)
  const root = scratch()
  const exported = (name: string, network = "192.168.10.0/24"): NfsExport => {
    const path = join(root, name)
    mkdirSync(path, { recursive: true })
    const clients = [{ network, access: "readWrite", squash: { uid: 568, gid: 568 } } as const]
    return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
  }
  const sets = [
    [exported("a"), exported("b"), exported("c")],
    [exported("b", "10.0.0.0/8"), exported("c"), exported("d")],
  ] as const
  const code = compiled("storage")
  const script = join(code, "apply.mjs")
  writeFileSync(
    script,
    `import { ganeshaBus } from "./storage/host/index.js"
     import { GaneshaServer } from "./storage/nfs/index.js"
     const { files, address, sets } = JSON.parse(process.argv[2])
     const server = new GaneshaServer("${OWNER}", ganeshaBus({ address }), files)
     for (let at = 0; ; at++) {
       await server.apply(sets[at % 2], { replace: false })
       if (at === 0) process.stdout.write("applied")
     }`,
  )
  const input = JSON.stringify({ files: machine.files, address: machine.address, sets })
  const differences = async (wanted: readonly NfsExport[]) => {
    const state = await server.state()
    return compareExports(wanted, state?.active ?? [], state?.settings)
  }
  for (let kill = 0; kill < 10; kill++) {
    const child = spawn(process.execPath, [script, input], { stdio: ["ignore", "pipe", "inherit"] })
    await once(child.stdout, "data")
    await setTimeout(17 * kill)
    child.kill("SIGKILL")
    await once(child, "exit")
    // A call that was under way ends by itself; the server answers one after the other.
    await machine.bus.call("ShowExports")
    const state = await server.state()
    const whole = sets.findIndex((set) => JSON.stringify(set) === JSON.stringify(state?.own))
    expect(whole).toBeGreaterThanOrEqual(0)
    const set = sets[whole] ?? []
    const known = sets.flat().map(({ path, clients }) => `${path} ${clients[0]?.network ?? ""}`)
    const active = state?.active ?? []
    for (const { path, client } of active) expect(known).toContain(`${path} ${client}`)
    expect(active.filter(({ path }) => path.endsWith("/b") || path.endsWith("/c"))).toHaveLength(2)
    // What is left to do can be seen.
    const { added, removed } = await server.plan(set, { replace: false })
    expect(added).toEqual([])
    const withdrawn = active.filter(({ path }) => !set.some((one) => one.path === path))
    for (const { path } of withdrawn) expect(removed.join()).toContain(`${path} `)
    await server.apply(set, { replace: false })
    expect(await differences(set)).toEqual([])
    expect((await server.state())?.active).toHaveLength(3)
  }
}, 180_000)
