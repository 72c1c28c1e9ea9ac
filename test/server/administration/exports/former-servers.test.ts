import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { StorageError } from "../../../../storage/errors.js"
import { KernelServer } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"
import { WatchedServer } from "../../../support/watched-server.js"

// A document that names another NFS server than before. Each is the real exportfs with tables of its own.

interface Declared {
  readonly machine: ExportfsMachine
  readonly server: WatchedServer
  closed: number
  /** It counts as another one when this changes. */
  secret: string
}

let servers: Record<"kernel" | "ganesha", Declared>
let chain: Chain
let store: string

beforeEach(async () => {
  const declared = (kind: "kernel" | "ganesha"): Declared => {
    const machine = new ExportfsMachine()
    const real = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
    return { machine, server: new WatchedServer(real, kind), closed: 0, secret: "one" }
  }
  servers = { kernel: declared("kernel"), ganesha: declared("ganesha") }
  store = scratch()
  mkdirSync(join(store, "kopia"))
  chain = new Chain({
    state: scratch(),
    makeNfsServer: ({ kind }) => {
      if (kind !== "kernel" && kind !== "ganesha") return undefined
      const one = servers[kind]
      const { secret } = one
      const close = (): Promise<void> => {
        one.closed++
        return Promise.resolve()
      }
      return { server: one.server, mayHold: () => true, isStale: () => one.secret !== secret, close }
    },
  })
  chain.administration.exportKeeper.start(3_600_000)
  await declare("kernel")
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

function declare(kind: "kernel" | "ganesha" | "none"): Promise<void> {
  return chain.apply({
    nfsServer: { kind },
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["192.168.10.0/24"] }],
    exports: [{ store: "nas", path: "kopia", cluster: "home" }],
  })
}

const exports = (kind: "kernel" | "ganesha"): boolean =>
  servers[kind].machine.etab.includes(`${store}/kopia\t`)

describe("the NFS server that was used before", () => {
  it("of another kind has our exports withdrawn, and is left", async () => {
    expect(exports("kernel")).toBe(true)
    await declare("ganesha")
    expect([exports("kernel"), exports("ganesha")]).toEqual([false, true])
    expect([servers.kernel.closed, servers.ganesha.closed]).toEqual([1, 0])
  })

  it("is left once", async () => {
    await declare("ganesha")
    const before = servers.kernel.server.calls.length
    await chain.administration.exportKeeper.look()
    expect(servers.kernel.server.calls).toHaveLength(before)
    expect(servers.kernel.closed).toBe(1)
  })

  it("keeps what it has where it is the same one with another secret: nobody is disturbed", async () => {
    const { server, machine } = servers.kernel
    const before = server.count("apply")
    servers.kernel.secret = "two"
    await chain.administration.exportKeeper.look()
    expect(server.count("apply")).toBe(before)
    expect(machine.etab).toContain(`${store}/kopia\t`)
    expect(servers.kernel.closed).toBe(1)
  })

  it("keeps what it has where somebody else is to keep the exports", async () => {
    await declare("none")
    expect(exports("kernel")).toBe(true)
    expect(servers.kernel.closed).toBe(1)
  })

  it("that does not answer is left all the same, said, and no obstacle for the other one", async () => {
    servers.kernel.server.before = (call) => {
      if (call === "apply") throw new StorageError("timeout", "exportfs did not answer")
    }
    await declare("ganesha")
    expect(exports("ganesha")).toBe(true)
    expect(servers.kernel.closed).toBe(1)
    expect(chain.logged.join("\n")).toContain(
      "could not be withdrawn from the NFS server that was used before",
    )
    expect(chain.administration.exportKeeper.problem).toBeUndefined()
  })
})
