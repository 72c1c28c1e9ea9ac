import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import {
  ChosenNfsServer,
  type MadeNfsServer,
} from "../../../../server/administration/exports/chosen-nfs-server.js"
import { FoundNfsServer } from "../../../../server/administration/exports/found-nfs-server.js"
import { nfsServerMaker } from "../../../../server/administration/exports/nfs-servers.js"
import { SynologyState } from "../../../../server/administration/exports/synology-state.js"
import type { NfsServerEntry } from "../../../../server/config/index.js"
import { StorageError } from "../../../../storage/errors.js"
import { KernelServer, type NfsServer } from "../../../../storage/nfs/index.js"
import { Secret } from "../../../../storage/secret.js"
import { FakeDsm } from "../../../support/fake-dsm.js"
import { FakeTrueNas } from "../../../support/fake-truenas.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"

const closing: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function kernel(machine: ExportfsMachine): KernelServer {
  return new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
}

/** Another way to be the NFS server of this machine. */
function other(running: boolean): NfsServer {
  const served = kernel(new ExportfsMachine())
  return {
    kind: "ganesha",
    state: async () => {
      const state = await served.state()
      return state && { ...state, running }
    },
    refusals: (wanted) => served.refusals(wanted),
    plan: (wanted, options) => served.plan(wanted, options),
    apply: (wanted, options) => served.apply(wanted, options),
  }
}

describe("the NFS server that is found", () => {
  it.each([
    [8, true, "kernel"],
    [8, false, "kernel"],
    [0, true, "ganesha"],
    [0, false, "kernel"],
  ])(
    "is the one that runs: %d threads of the kernel, the other one running: %s",
    async (threads, running, kind) => {
      const machine = new ExportfsMachine()
      machine.runs(threads)
      const found = new FoundNfsServer([kernel(machine), other(running)], () => false)
      expect(await found.state()).toMatchObject({ running: threads > 0 || running })
      expect(found.kind).toBe(kind)
    },
  )

  it("is the one that can be asked, and the reason where none can be", async () => {
    const silent: NfsServer = {
      ...other(true),
      state: () => Promise.reject(new StorageError("unreadable", "D-Bus cannot be asked")),
    }
    const machine = new ExportfsMachine()
    machine.runs(0)
    const found = new FoundNfsServer([kernel(machine), silent], () => false)
    expect(await found.state()).toMatchObject({ running: false })
    expect(found.kind).toBe("kernel")
    await expect(new FoundNfsServer([silent], () => false).state()).rejects.toThrow("D-Bus cannot be asked")
  })

  it("is none where there is none, and says so when it is to export", async () => {
    const found = new FoundNfsServer([], () => false)
    expect(await found.state()).toBeUndefined()
    await expect(found.apply([], { replace: false })).rejects.toMatchObject({ code: "missing" })
  })

  it.each([
    ["/etc/synoinfo.conf", "synology"],
    ["/usr/bin/midclt", "truenas"],
  ])("is never the kernel's where a NAS system writes its exports: %s", async (file, kind) => {
    const machine = new ExportfsMachine()
    const found = new FoundNfsServer([kernel(machine)], (asked) => asked === file)
    for (const work of [found.state(), found.apply([], { replace: false })]) {
      await expect(work).rejects.toMatchObject({
        code: "unsupported",
        hint: expect.stringContaining(`kind: ${kind}`) as string,
      })
    }
  })
})

describe("the NFS server that is declared", () => {
  function chosen(entries: readonly (NfsServerEntry | undefined)[]) {
    let at = 0
    const closed: string[] = []
    const make = ({ kind }: NfsServerEntry): MadeNfsServer | undefined => {
      if (kind === "none") return undefined
      const server = { ...other(true), kind: kind === "auto" ? ("kernel" as const) : kind }
      const close = (): Promise<void> => Promise.resolve(void closed.push(kind))
      return { server, mayHold: () => false, isStale: () => false, close }
    }
    const server = new ChosenNfsServer({ entry: () => entries[at], make })
    return { server, closed, next: () => at++ }
  }

  it("stays the same as long as the declaration does, and leaves one that has to be closed", async () => {
    const { server, closed, next } = chosen([{ kind: "kernel" }, { kind: "ganesha" }])
    const first = server.current
    expect(server.current).toBe(first)
    expect(server.takeFormer()).toBeUndefined()
    next()
    expect(server.current?.kind).toBe("ganesha")
    const former = server.takeFormer()
    expect(former).toMatchObject({ server: first, withdraws: true })
    expect(server.takeFormer()).toBeUndefined()
    await former?.close()
    await server.close()
    expect(closed).toEqual(["kernel", "ganesha"])
  })

  it("is closed at the end, and so is one before it that nobody took", async () => {
    const { server, closed, next } = chosen([{ kind: "kernel" }, { kind: "ganesha" }])
    expect(server.current?.kind).toBe("kernel")
    next()
    expect(server.current?.kind).toBe("ganesha")
    await server.close()
    expect(closed.sort()).toEqual(["ganesha", "kernel"])
  })

  it("is what may hold something of ours: none does where another declaration leaves them to somebody else", () => {
    let entry: NfsServerEntry = { kind: "kernel" }
    const server = new ChosenNfsServer({
      entry: () => entry,
      make: ({ kind }) =>
        kind === "none"
          ? undefined
          : {
              server: other(true),
              mayHold: () => true,
              isStale: () => false,
              close: () => Promise.resolve(),
            },
    })
    expect(server.mayHold).toBe(true)
    entry = { kind: "none" }
    expect(server.mayHold).toBe(false)
  })

  it("leaves none behind that was in use, however often it changes before anybody looks", () => {
    const { server, next } = chosen([
      { kind: "kernel" },
      { kind: "ganesha" },
      { kind: "none" },
      { kind: "auto" },
    ])
    const all = [0, 1, 2, 3].map(() => {
      const { current } = server
      next()
      return current?.kind
    })
    expect(all).toEqual(["kernel", "ganesha", undefined, "kernel"])
    expect(server.takeFormer()).toMatchObject({ server: { kind: "kernel" }, withdraws: false })
    expect(server.takeFormer()).toMatchObject({ server: { kind: "ganesha" }, withdraws: true })
    expect(server.takeFormer()).toBeUndefined()
  })

  it("withdraws nothing where nobody follows, or the same kind does", () => {
    const none = chosen([undefined, { kind: "none" }])
    expect(none.server.current?.kind).toBe("kernel")
    none.next()
    expect(none.server.takeFormer()).toMatchObject({ withdraws: false })
    const again = chosen([{ kind: "auto" }, { kind: "kernel" }])
    expect(again.server.current?.kind).toBe("kernel")
    again.next()
    expect(again.server.takeFormer()).toMatchObject({ withdraws: false })
  })
})

describe("making an NFS server", () => {
  const said: unknown[] = []
  const maker = (resolve: (reference: object) => Secret, stateDirectory = scratch()) =>
    nfsServerMaker({
      owner: "0123456789abcdef",
      stateDirectory,
      resolve,
      log: { warn: (fields, message) => void said.push(fields, message) },
    })

  function made(entry: NfsServerEntry, resolve: (reference: object) => Secret, state?: string): NfsServer {
    const one = maker(resolve, state)(entry)
    if (one === undefined) throw new Error("there is none")
    closing.push(one.close)
    return one.server
  }

  it("speaks to a TrueNAS by its API, whichever of its addresses is declared", async () => {
    const fake = await FakeTrueNas.start()
    closing.push(() => fake.stop())
    for (const url of [fake.url, fake.url.replace("wss:", "https:")]) {
      const entry = { kind: "truenas", url, user: fake.user, secret: { env: "KEY" } } as const
      const fingerprint = fake.fingerprint.replaceAll(":", "").toLowerCase()
      const server = made({ ...entry, fingerprint }, () => new Secret(fake.key))
      expect(server.kind).toBe("truenas")
      expect(await server.state()).toMatchObject({ own: [] })
    }
  })

  it("speaks to a DSM, and remembers over restarts which login it refused", async () => {
    const dsm = await FakeDsm.start()
    closing.push(() => dsm.stop())
    const state = scratch()
    const password = dsm.accounts.get("cistern")?.password ?? ""
    const entry = {
      kind: "synology",
      url: dsm.url,
      user: "cistern",
      secret: { env: "PASSWORD" },
      fingerprint: dsm.fingerprint.replaceAll(":", "").toLowerCase(),
    } as const
    expect(await made(entry, () => new Secret(password), state).state()).toMatchObject({ own: [] })
    const logins = (): number => dsm.seen.filter(({ call }) => call.includes("login")).length
    for (let restart = 0; restart < 3; restart++) {
      await expect(made(entry, () => new Secret("wrong one"), state).state()).rejects.toMatchObject({
        code: "wrong_password",
      })
    }
    expect(logins()).toBe(2)
    expect(readFileSync(join(state, "synology.json"), "utf8")).not.toContain("wrong one")
    expect(readFileSync(join(state, "synology.json"), "utf8")).not.toContain(password)
    expect(await made(entry, () => new Secret(password), state).state()).toMatchObject({ own: [] })
  })

  it("says why it cannot be asked: a secret that cannot be had, an address that can be none", async () => {
    const entry = { kind: "truenas", user: "a", secret: { env: "KEY" }, fingerprint: undefined } as const
    const missing = made({ ...entry, url: "wss://192.0.2.1" }, () => {
      throw new Error("there is no variable KEY")
    })
    await expect(missing.state()).rejects.toMatchObject({
      code: "password_missing",
      message: "there is no variable KEY",
    })
    await expect(missing.apply([], { replace: false })).rejects.toThrow("there is no variable KEY")
    const clear = made({ ...entry, url: "ws://192.0.2.1" }, () => new Secret("7-abcdefghijklmnopqrst"))
    await expect(clear.plan([], { replace: false })).rejects.toMatchObject({ code: "invalid" })
  })

  it("is done anew when the secret can be had at last, and when it changed", async () => {
    const fake = await FakeTrueNas.start()
    closing.push(() => fake.stop())
    const fingerprint = fake.fingerprint.replaceAll(":", "").toLowerCase()
    const entry = {
      kind: "truenas",
      url: fake.url,
      user: fake.user,
      secret: { file: "/k" },
      fingerprint,
    } as const
    let key: string | undefined
    const make = maker(() => {
      if (key === undefined) throw new Error("/k cannot be read")
      return new Secret(key)
    })
    const server = new ChosenNfsServer({ entry: () => entry, make })
    closing.push(() => server.close())
    await expect(server.current?.state()).rejects.toThrow("/k cannot be read")
    key = `7-${"x".repeat(64)}`
    await expect(server.current?.state()).rejects.toThrow("TrueNAS does not accept")
    const wrong = server.current
    expect(server.current).toBe(wrong)
    key = undefined
    expect(server.current).toBe(wrong)
    key = fake.key
    expect(await server.current?.state()).toMatchObject({ own: [] })
    expect(server.takeFormer()).toMatchObject({ withdraws: false })
    expect(server.takeFormer()).toMatchObject({ withdraws: false })
    expect(server.takeFormer()).toBeUndefined()
  })

  it("is not done where somebody else serves", () => {
    expect(maker(() => new Secret(""))({ kind: "none" })).toBeUndefined()
  })
})

describe("what is remembered of a Synology", () => {
  it("outlives the process, and one part does not touch the other", () => {
    const directory = scratch()
    const login = { revision: "r", at: 1, code: 400 }
    const rules = { exports: [], rules: [], unsure: [] }
    new SynologyState(directory).logins.write(login)
    new SynologyState(directory).rules.write(rules)
    const again = new SynologyState(directory)
    expect(again.logins.read()).toEqual(login)
    expect(again.rules.read()).toEqual(rules)
    again.logins.write(undefined)
    expect(new SynologyState(directory).logins.read()).toBeUndefined()
    expect(new SynologyState(directory).rules.read()).toEqual(rules)
  })

  it("is another revision for another account or password, and the same for the same", () => {
    const state = new SynologyState(scratch())
    const first = state.revisionOf("cistern", new Secret("a"))
    expect(state.revisionOf("cistern", new Secret("a"))).toBe(first)
    expect(state.revisionOf("cistern", new Secret("b"))).not.toBe(first)
    expect(state.revisionOf("other", new Secret("a"))).not.toBe(first)
    expect(new SynologyState(scratch()).revisionOf("cistern", new Secret("a"))).not.toBe(first)
  })

  it("is an error where it cannot be read: what is ours cannot be guessed", () => {
    const directory = scratch()
    for (const text of ["", "{", '{"rules":', '{"other":1}', "[]"]) {
      writeFileSync(join(directory, "synology.json"), text)
      const read = (): unknown => new SynologyState(directory).rules.read()
      expect(read, text).toThrow(StorageError)
      expect(read, text).toThrow("cannot be read")
    }
  })
})
