import { execFileSync } from "node:child_process"
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { type ScrubReport, VolatileLedger } from "../../../storage/scrub/index.js"
import { damages, filesBelow } from "../../support/damage.js"
import { fixtureCopy, scratch } from "../../support/fixtures.js"
import { scrubHere } from "./scrub-here.js"

const RESTIC = "restic/full-tree-by-0.19"
const KOPIA = "kopia/epochs"

/** What may befall a file, with the code that it is found by. Times are kept, as rot keeps them. */
const befalls: Readonly<Record<string, (file: string) => void>> = {
  "cut short": (file) => {
    keepingTime(file, damages["cut short"])
  },
  emptied: (file) => {
    keepingTime(file, damages.emptied)
  },
  "changed in one bit": flip,
  "changed in its first byte": (file) => {
    overwrite(file, 0, Buffer.of((readFileSync(file)[0] ?? 0) ^ 0x80))
  },
  "changed in its last byte": (file) => {
    const bytes = readFileSync(file)
    overwrite(file, bytes.length - 1, Buffer.of((bytes.at(-1) ?? 0) ^ 1))
  },
  "filled with zeros": (file) => {
    overwrite(file, 0, Buffer.alloc(statSync(file).size))
  },
  "one byte longer": (file) => {
    overwrite(file, statSync(file).size, Buffer.of(0))
  },
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  keepingTime(file, () => {
    const descriptor = openSync(file, "r+")
    writeSync(descriptor, bytes, 0, bytes.length, at)
    closeSync(descriptor)
  })
}

function flip(file: string): void {
  keepingTime(file, damages["changed in one bit"])
}

/** To the nanosecond, as Node cannot: files that an engine writes again are told apart by their times. */
function keepingTime(file: string, change: (file: string) => void): void {
  const clock = join(scratch(), "clock")
  execFileSync("touch", ["-r", file, clock])
  change(file)
  execFileSync("touch", ["-r", clock, file])
}

/** One file of each kind that lies in the repository. */
function kinds(directory: string): string[] {
  const found = new Map<string, string>()
  for (const file of filesBelow(directory, /./)) {
    const path = relative(directory, file)
    // With another layout every file lies in the wrong place: a test of its own.
    if (path === ".shards") continue
    const kind = path.includes("/") ? path.replaceAll("/", "").slice(0, 2) : path
    found.set(directory.includes("epochs") ? kind : path.split("/", 1).join(""), path)
  }
  return [...found.values()]
}

async function seen(directory: string): Promise<VolatileLedger> {
  const ledger = new VolatileLedger()
  const report = await scrubHere(directory, { ledger })
  expect(report.bad).toEqual([])
  return ledger
}

const names = ({ bad }: ScrubReport): unknown[] => bad.map(({ blob, code }) => [blob, code])

describe.each([RESTIC, "restic/locks", "kopia/cluster-shared", "kopia/format-1", "kopia/upgraded"])(
  "a scrub of %s",
  (name) => {
    it("reads every file, finds no damage, and can compare all of them from the second time on", async () => {
      const directory = fixtureCopy(name)
      const files = filesBelow(directory, /./)
      const ledger = new VolatileLedger()
      const first = await scrubHere(directory, { ledger })
      expect(first).toMatchObject({
        bad: [],
        unread: [],
        unsettled: [],
        unsteady: [],
        gone: 0,
        stopped: undefined,
      })
      expect(first.checked + first.recorded + first.foreign.length + first.temporary.length).toBe(
        files.length,
      )
      const second = await scrubHere(directory, { ledger })
      expect(second).toMatchObject({ bad: [], recorded: 0, checked: first.checked + first.recorded })
      expect(second.bytes).toBe(first.bytes)
    })
  },
)

describe.each([RESTIC, KOPIA])("in %s", (name) => {
  it.each(Object.entries(befalls))(
    "each kind of file that is %s is found by a ledger",
    async (_what, befall) => {
      const directory = fixtureCopy(name)
      const ledger = await seen(directory)
      const chosen = kinds(directory)
      expect(chosen.length).toBeGreaterThan(4)
      for (const path of chosen) befall(join(directory, path))
      const report = await scrubHere(directory, { ledger })
      expect(names(report)).toEqual(chosen.sort().map((path) => [path, "corrupt"]))
      // It stays so: what is damaged is not learnt.
      expect(names(await scrubHere(directory, { ledger }))).toEqual(names(report))
    },
  )

  it("two files that changed places are both found", async () => {
    const directory = fixtureCopy(name)
    const ledger = await seen(directory)
    const [one = "", other = ""] = filesBelow(directory, name === RESTIC ? /^data\// : /^p\//)
    renameSync(one, `${one}.aside`)
    renameSync(other, one)
    renameSync(`${one}.aside`, other)
    const report = await scrubHere(directory, { ledger })
    const both = [one, other].map((file) => relative(directory, file)).sort()
    expect(names(report)).toEqual(both.map((path) => [path, "corrupt"]))
  })

  it("a removed file is counted and not called damage: pruning looks the same", async () => {
    const directory = fixtureCopy(name)
    const ledger = await seen(directory)
    rmSync(filesBelow(directory, name === RESTIC ? /^data\// : /^p\//)[0] ?? "")
    expect(await scrubHere(directory, { ledger })).toMatchObject({ bad: [], gone: 1 })
  })

  it("a file in the wrong folder is found, where no right one lies beside it", async () => {
    const directory = fixtureCopy(name)
    const [file = "", other = ""] = filesBelow(directory, name === RESTIC ? /^data\// : /^p\//)
    const folder = name === RESTIC ? join(directory, "data/zz") : join(directory, "p")
    mkdirSync(folder, { recursive: true })
    const astray = join(folder, name === RESTIC ? basename(file) : basename(dirname(file)) + basename(file))
    renameSync(file, astray)
    cpSync(
      other,
      join(folder, name === RESTIC ? basename(other) : basename(dirname(other)) + basename(other)),
    )
    const report = await scrubHere(directory)
    expect(names(report)).toEqual([[relative(directory, astray), "misplaced"]])
    expect(report.foreign).toHaveLength(1)
  })

  it("a file without which nothing opens is missed", async () => {
    const directory = fixtureCopy(name)
    const file = name === RESTIC ? "config" : "kopia.repository.f"
    rmSync(join(directory, file))
    expect(names(await scrubHere(directory))).toEqual([[file, "missing"]])
  })

  it("temporary and foreign files are told and not read", async () => {
    const directory = fixtureCopy(name)
    const temporary = name === RESTIC ? `index/${"a".repeat(64)}-tmp-123` : "p/abc/def.f.tmp.0123456789abcdef"
    mkdirSync(dirname(join(directory, temporary)), { recursive: true })
    writeFileSync(join(directory, temporary), "half")
    writeFileSync(join(directory, "notes.txt"), "mine")
    const report = await scrubHere(directory)
    expect(report).toMatchObject({ bad: [], temporary: [temporary], foreign: ["notes.txt"] })
  })
})

describe("without a ledger", () => {
  it.each(Object.entries(befalls))(
    "every file of restic's but config is found by its name when %s",
    async (_what, befall) => {
      const directory = fixtureCopy(RESTIC)
      const chosen = filesBelow(directory, /\//).map((file) => relative(directory, file))
      for (const path of chosen) befall(join(directory, path))
      const report = await scrubHere(directory)
      expect(names(report)).toEqual(chosen.map((path) => [path, "corrupt"]))
      expect(report).toMatchObject({ checked: chosen.length, unknown: ["config"] })
    },
  )

  it("the packs of Kopia are unknown and not well", async () => {
    const directory = fixtureCopy(KOPIA)
    damages["changed in one bit"](filesBelow(directory, /^p\//)[0] ?? "")
    const { bad, unknown, checked } = await scrubHere(directory)
    expect(bad).toEqual([])
    expect(unknown.length + checked).toBe(filesBelow(directory, /./).length)
    // The words of epoch markers and watermarks are always the same.
    expect(checked).toBe(4)
  })

  it("what no encrypted blob can be is damage: nothing, or a page of zeros", async () => {
    const directory = fixtureCopy(KOPIA)
    const [pack = "", other = ""] = filesBelow(directory, /^p\//)
    overwrite(pack, 8192, Buffer.alloc(4096))
    truncateSync(other, 0)
    const index = filesBelow(directory, /^x\/n/)[0] ?? ""
    truncateSync(index, 0)
    const wanted = [pack, other, index].map((file) => relative(directory, file)).sort()
    expect(names(await scrubHere(directory))).toEqual(wanted.map((path) => [path, "corrupt"]))
  })

  it.each(["kopia.repository.f", ".shards", "xe8.f"])("%s proves itself", async (file) => {
    const directory = fixtureCopy(KOPIA)
    damages["cut short"](join(directory, file))
    const ledger = new VolatileLedger()
    expect(names(await scrubHere(directory, { ledger }))).toEqual([[file, "corrupt"]])
    expect(ledger.known(file)).toBeUndefined()
  })
})

describe("what an engine writes again", () => {
  it.each([
    [KOPIA, "kopia.maintenance.f"],
    [RESTIC, "config"],
  ])("in %s, %s with a new time is a new file, and is remembered anew", async (name, file) => {
    const directory = fixtureCopy(name)
    const ledger = await seen(directory)
    writeFileSync(join(directory, file), Buffer.alloc(200, 7))
    const changed = file === "config" ? [file] : []
    expect(await scrubHere(directory, { ledger })).toMatchObject({ bad: [], recorded: 1, changed })
    flip(join(directory, file))
    expect(names(await scrubHere(directory, { ledger }))).toEqual([[file, "corrupt"]])
  })

  it("is the layout, too: with another one, all files lie where Kopia does not look", async () => {
    const directory = fixtureCopy(KOPIA)
    const ledger = await seen(directory)
    const file = join(directory, ".shards")
    keepingTime(file, () => {
      writeFileSync(file, '{"default":[2,3],"maxNonShardedLength":20}')
    })
    const { bad } = await scrubHere(directory, { ledger })
    expect(bad[0]).toEqual({ blob: ".shards", code: "corrupt" })
    expect(bad).toContainEqual({
      blob: relative(directory, filesBelow(directory, /^p\//)[0] ?? ""),
      code: "misplaced",
    })
  })

  it("is nothing else: a pack with a new time and other bytes is damage", async () => {
    const directory = fixtureCopy(KOPIA)
    const ledger = await seen(directory)
    const pack = filesBelow(directory, /^p\//)[0] ?? ""
    writeFileSync(pack, Buffer.alloc(200, 7))
    expect(names(await scrubHere(directory, { ledger }))).toEqual([[relative(directory, pack), "corrupt"]])
  })

  it("a pack that was only touched is well", async () => {
    const directory = fixtureCopy(KOPIA)
    const ledger = await seen(directory)
    utimesSync(filesBelow(directory, /^p\//)[0] ?? "", 1, 1)
    expect(await scrubHere(directory, { ledger })).toMatchObject({ bad: [], recorded: 0 })
  })
})
