import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { Chain, SettableClock } from "../../../support/answers.js"
import { filesBelow } from "../../../support/damage.js"
import { scratch } from "../../../support/fixtures.js"
import { type SyntheticKopia, writeSyntheticKopia } from "../../../support/synthetic-kopia.js"
import { until } from "../../../support/until.js"

const app = { user: "app", host: "home", path: "/data" }
const other = { user: "other", host: "home", path: "/data" }
const password = "a password that must stay here"
const HOUR = 3_600_000

const running: Chain[] = []
afterEach(async () => {
  for (const chain of running.splice(0)) await chain.stop()
})

/** A store with a repository in it, and what was done to it before. */
class Nas {
  readonly store = scratch()
  readonly clock = new SettableClock()
  readonly kopia: SyntheticKopia

  constructor() {
    this.kopia = writeSyntheticKopia(join(this.store, "kopia"), {
      password,
      snapshots: 4,
      identities: [app, other],
    })
  }

  own(name: string): string {
    return join(this.store, ".cistern", name)
  }

  document(more: { path?: string; exports?: object[] } = {}): object {
    return {
      stores: [{ name: "nas", path: this.store, allowRoot: true }],
      clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
      repositories: [
        {
          name: "shared",
          cluster: "home",
          engine: "kopia",
          store: "nas",
          path: more.path ?? "kopia",
          password: { value: password },
          conventions: ["{pvc}@{namespace}:/data"],
          decides: "restore",
          new: true,
        },
      ],
      exports: more.exports ?? [],
    }
  }

  /** A daemon on a new state directory, or on this one. */
  chain(state = scratch()): Chain {
    const chain = new Chain({ state, clock: this.clock })
    running.push(chain)
    return chain
  }

  /** Applies the document to a new state, as after a rebuild. */
  async rebuilt(): Promise<{ chain: Chain; notices: readonly string[] }> {
    const chain = this.chain()
    const text = JSON.stringify(this.document())
    const request = { document: text, dryRun: false, remove: false, accept: [] }
    return { chain, ...(await chain.administration.apply(request, "admin")) }
  }

  /** Removes the newest snapshot of `app`, as a disk that comes back with an older state would. */
  loseNewest(): void {
    const newest = this.kopia.snapshots.filter(({ identity }) => identity === app).at(-1)
    this.kopia.removeSnapshot(newest?.id ?? "")
  }
}

async function check(chain: Chain): Promise<{ status: string; detail: string; hint: string | null }> {
  const { checks } = await chain.administration.doctor()
  const found = checks.find(({ name }) => name === "ledger copy in store nas")
  if (found === undefined) throw new Error("the doctor does not speak of the copy")
  return found
}

/** Lets a copy that is due be written, and waits for what came of it. */
async function copied(chain: Chain, sign: (detail: string) => boolean = () => true): Promise<void> {
  chain.copies.tick()
  await until(
    () => check(chain),
    ({ detail, status }) => status === "warn" || (detail.startsWith("up to date") && sign(detail)),
    "the copy of the ledger",
  )
}

/** A store that a daemon knew and copied its ledger into. */
async function known(): Promise<{ nas: Nas; chain: Chain }> {
  const nas = new Nas()
  const chain = nas.chain()
  await chain.apply(nas.document())
  expect(await chain.verdict("home/app")).toBe("restore")
  await copied(chain)
  return { nas, chain }
}

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 10) ^ 1, bytes.length - 10)
  writeFileSync(file, bytes)
}

const OTHER_STORE = "00000000-0000-4000-8000-000000000000"

function replaceText(file: string, what: RegExp, by: string): void {
  writeFileSync(file, readFileSync(file, "utf8").replace(what, by))
}

describe("the copy of the ledger in a store", () => {
  it("is written after the first listing, beside the sentinel, for its owner only, without a secret", async () => {
    const nas = new Nas()
    const chain = nas.chain()
    await chain.apply(nas.document())
    chain.copies.tick()
    expect(existsSync(nas.own("ledger.json"))).toBe(false)
    expect(await chain.verdict("home/app")).toBe("restore")
    await copied(chain)
    expect(readdirSync(nas.own("")).sort()).toEqual(["ledger.json", "store.json"])
    expect(statSync(nas.own("ledger.json")).mode & 0o777).toBe(0o600)
    const text = readFileSync(nas.own("ledger.json"), "utf8")
    expect(text).toContain("app@home:/data")
    expect(text).not.toContain(password)
  })

  it("is written again after a day, keeps the one before, and is left alone while nothing changes", async () => {
    const { nas, chain } = await known()
    const first = readFileSync(nas.own("ledger.json"))
    nas.clock.wallOffset += 25 * HOUR
    const before = (await check(chain)).detail
    await copied(chain, (detail) => detail !== before)
    expect(readFileSync(nas.own("ledger.json"))).toEqual(first)
    expect(existsSync(nas.own("ledger.previous.json"))).toBe(false)

    nas.kopia.appendSnapshot({ ...app, user: "third" })
    await chain.lookAgain()
    const then = (await check(chain)).detail
    chain.copies.tick()
    expect((await check(chain)).detail).toBe(then)
    nas.clock.wallOffset += 25 * HOUR
    await copied(chain, (detail) => detail !== then)
    expect(readFileSync(nas.own("ledger.previous.json"))).toEqual(first)
    expect(readFileSync(nas.own("ledger.json"), "utf8")).toContain("third@home:/data")
  })

  it("is written when the daemon ends", async () => {
    const { nas, chain } = await known()
    nas.kopia.appendSnapshot({ ...app, user: "third" })
    await chain.lookAgain()
    await chain.copies.stop()
    expect(readFileSync(nas.own("ledger.json"), "utf8")).toContain("third@home:/data")
  })

  it("that cannot be written is said by the doctor, and logged once", async () => {
    const { nas, chain } = await known()
    mkdirSync(join(nas.own("ledger.previous.json"), "in the way"), { recursive: true })
    nas.kopia.appendSnapshot({ ...app, user: "third" })
    await chain.lookAgain()
    for (let tries = 0; tries < 3; tries++) {
      nas.clock.wallOffset += 25 * HOUR
      chain.copies.tick()
      await until(
        () => check(chain),
        ({ status }) => status === "warn",
        "the doctor to warn",
      )
    }
    expect((await check(chain)).hint).not.toBeNull()
    expect(chain.logged.filter((line) => line.startsWith("no copy of the ledger"))).toHaveLength(1)
    expect(await chain.verdict("home/app")).toBe("restore")
    rmSync(nas.own("ledger.previous.json"), { recursive: true })
    nas.clock.wallOffset += 2 * HOUR
    chain.copies.tick()
    await until(
      () => check(chain),
      ({ status }) => status === "ok",
      "the copy to be written",
    )
  })

  it("is written nowhere but in a folder that is the store's own", async () => {
    const nas = new Nas()
    const chain = nas.chain()
    await chain.apply(nas.document())
    expect(await chain.verdict("home/app")).toBe("restore")
    const away = join(scratch(), "away")
    renameSync(nas.own(""), away)
    symlinkSync(away, nas.own("").replace(/\/$/, ""))
    await copied(chain)
    expect(await check(chain)).toMatchObject({ status: "warn" })
    expect(readdirSync(away)).toEqual(["store.json"])
  })

  it("is not written into a store whose fence does not hold", async () => {
    const nas = new Nas()
    const chain = nas.chain()
    await chain.apply(nas.document())
    expect(await chain.verdict("home/app")).toBe("restore")
    const sentinel = readFileSync(nas.own("store.json"), "utf8")
    writeFileSync(nas.own("store.json"), sentinel.replace(/"id": "[^"]*/, `"id": "${OTHER_STORE}`))
    await copied(chain)
    expect((await check(chain)).detail).toContain("sentinel")
    expect(readdirSync(nas.own(""))).toEqual(["store.json"])
  })

  const places: [string, { path?: string; exports?: object[] }, string][] = [
    ["where the store itself is the repository", { path: "" }, "no folder of ours"],
    [
      "where the whole store is exported",
      { exports: [{ store: "nas", path: "", cluster: "home" }] },
      "is exported",
    ],
  ]
  it.each(places)("is none %s", async (_, more, why) => {
    const nas = new Nas()
    const folder = nas.kopia.directory
    if (more.path === "")
      for (const name of readdirSync(folder)) renameSync(join(folder, name), join(nas.store, name))
    const chain = nas.chain()
    await chain.apply(nas.document(more))
    await chain.lookAgain()
    expect(await chain.verdict("home/app")).toBe("restore")
    chain.copies.tick()
    await chain.copies.stop()
    expect(await check(chain)).toMatchObject({ status: "ok", detail: expect.stringContaining(why) as string })
    expect(existsSync(nas.own("ledger.json"))).toBe(false)
  })
})

describe("a rebuilt NAS", () => {
  it("adopts the copy and misses what was lost meanwhile", async () => {
    const { nas } = await known()
    nas.loseNewest()
    const { chain, notices } = await nas.rebuilt()
    expect(notices).toEqual([
      expect.stringMatching(
        /^Store nas: the copy of the ledger of .* was adopted \(.*\): 1 repository pinned, 2 snapshots remembered\.$/,
      ),
    ])
    expect(chain.logged.join("\n")).toContain("copy of the ledger adopted")
    expect(await chain.verdict("home/app")).toBe("newest_known_gone")
    expect(await chain.verdict("home/other")).toBe("restore")
    expect(await chain.verdict("home/brand-new")).toBe("fresh")
  })

  it("does not take an emptied place for a new one", async () => {
    const { nas } = await known()
    rmSync(nas.kopia.directory, { recursive: true })
    const { chain } = await nas.rebuilt()
    expect(await chain.verdict("home/app")).toBe("repository_missing")
  })

  it("does not believe another repository in the place", async () => {
    const { nas } = await known()
    rmSync(nas.kopia.directory, { recursive: true })
    writeSyntheticKopia(nas.kopia.directory, { password, snapshots: 0, identities: [app], seed: "another" })
    const { chain } = await nas.rebuilt()
    expect(await chain.verdict("home/app")).toBe("repository_changed")
  })

  it("misses index files that are gone", async () => {
    const { nas, chain: before } = await known()
    const first = new Set(filesBelow(nas.kopia.directory, /^x.*\.f$/))
    nas.kopia.appendSnapshot({ ...app, user: "third" })
    await before.lookAgain()
    await before.copies.stop()
    for (const file of filesBelow(nas.kopia.directory, /^x.*\.f$/)) if (!first.has(file)) rmSync(file)
    const { chain } = await nas.rebuilt()
    expect(await chain.verdict("home/third")).toBe("index_lost")
    expect(await chain.verdict("home/brand-new")).toBe("index_lost")
  })

  it("says nothing of a store that has no copy", async () => {
    expect((await new Nas().rebuilt()).notices).toEqual([])
  })

  it("that adopted nothing at first does so when its store is accepted", async () => {
    const { nas } = await known()
    nas.loseNewest()
    const away = join(scratch(), "away")
    renameSync(nas.own("ledger.json"), away)
    const { chain } = await nas.rebuilt()
    expect(await chain.verdict("home/app")).toBe("restore")
    copyFileSync(away, nas.own("ledger.json"))
    const { notices } = await chain.administration.acceptStore("nas", "admin")
    expect(notices).toEqual([expect.stringContaining("was adopted")])
    await chain.lookAgain()
    expect(await chain.verdict("home/app")).toBe("newest_known_gone")
    expect((await chain.administration.acceptStore("nas", "admin")).notices).toEqual([])
  })
})

describe("a copy that is not believed", () => {
  const harms: [string, (file: string) => void, string][] = [
    [
      "cut",
      (file) => {
        truncateSync(file, statSync(file).size - 1)
      },
      "damaged",
    ],
    [
      "one bit wrong",
      (file) => {
        flip(file)
      },
      "checksum",
    ],
    [
      "empty",
      (file) => {
        writeFileSync(file, "")
      },
      "no copy of a ledger",
    ],
    [
      "nonsense",
      (file) => {
        writeFileSync(file, "\0".repeat(1_000_000))
      },
      "no copy of a ledger",
    ],
    [
      "of a later version",
      (file) => {
        writeFileSync(file, '{"format":"cistern-ledger","version":7}\n')
      },
      "a later version",
    ],
    [
      "of another store",
      (file) => {
        replaceText(file, /"store":"[^"]*/, `"store":"${OTHER_STORE}`)
      },
      "another store",
    ],
    [
      "far too large",
      (file) => {
        truncateSync(file, 40 * 1024 * 1024 * 1024)
      },
      "bytes, more than",
    ],
    [
      "a link",
      (file) => {
        rmSync(file)
        symlinkSync("/etc/passwd", file)
      },
      "it is a link",
    ],
    [
      "a folder",
      (file) => {
        rmSync(file)
        mkdirSync(file)
      },
      "it is no file",
    ],
  ]
  it.each(harms)("because it is %s holds up nothing, and is said and set aside", async (_, harm, why) => {
    const { nas } = await known()
    nas.loseNewest()
    harm(nas.own("ledger.json"))
    const { chain, notices } = await nas.rebuilt()
    expect(notices).toHaveLength(1)
    expect(notices[0]).toContain(why === "damaged" ? "checksum" : why)
    expect(notices[0]).toContain("set aside as .cistern/ledger.refused.json")
    expect(chain.logged.join("\n")).toContain("copy of the ledger refused")
    expect(await chain.verdict("home/app")).toBe("restore")
    await copied(chain)
    expect(readdirSync(nas.own("")).sort()).toEqual(["ledger.json", "ledger.refused.json", "store.json"])
    expect((await nas.rebuilt()).notices).toEqual([expect.stringContaining("was adopted")])
  })

  it("gives way to the one before it", async () => {
    const { nas } = await known()
    nas.loseNewest()
    renameSync(nas.own("ledger.json"), nas.own("ledger.previous.json"))
    writeFileSync(nas.own("ledger.json"), "nonsense")
    const { chain, notices } = await nas.rebuilt()
    expect(notices).toEqual([
      expect.stringContaining("is not believed"),
      expect.stringContaining("adopted (.cistern/ledger.previous.json)"),
    ])
    expect(await chain.verdict("home/app")).toBe("newest_known_gone")
  })

  it("is no reason to wait when it is a pipe that nobody writes to", async () => {
    const { nas } = await known()
    rmSync(nas.own("ledger.json"))
    execFileSync("mkfifo", [nas.own("ledger.json")])
    expect((await nas.rebuilt()).notices).toEqual([expect.stringContaining("it is no file")])
  })
})
