import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { type ScrubReport, VolatileLedger } from "../../../storage/scrub/index.js"
import type { StoredFile } from "../../../storage/scrub/stored-file.js"
import { Tally } from "../../../storage/scrub/tally.js"
import { filesBelow } from "../../support/damage.js"
import { fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { btrfsImage, mountFailingDisk, mountImage } from "../../support/mounts.js"
import { MIB, scrubHere, writePacks } from "./scrub-here.js"

function packs(count: number): { directory: string; files: string[] } {
  const directory = join(scratch(), "repository")
  return { directory, files: writePacks(directory, count) }
}

describe("a disk that cannot read a block", () => {
  it("is told apart from bytes that are wrong: btrfs refuses them, and all others are read", async () => {
    const image = btrfsImage()
    const place = join(scratch(), "disk")
    mountImage(image, place)
    const directory = join(place, "repository")
    const [rotten = "", flipped = ""] = writePacks(directory, 5)
    const block = readFileSync(rotten).subarray(65_536, 65_536 + 4096)
    const wrong = readFileSync(flipped)
    wrong[77] = (wrong[77] ?? 0) ^ 1
    writeFileSync(flipped, wrong)
    execFileSync("sync", ["--file-system", place])
    rotOnDisk(image, block)
    const report = await scrubHere(directory)
    expect(report.bad).toEqual(
      [
        { blob: relative(directory, rotten), code: "io" },
        { blob: relative(directory, flipped), code: "corrupt" },
      ].sort((a, b) => (a.blob < b.blob ? -1 : 1)),
    )
    expect(report).toMatchObject({ checked: 5, unknown: ["config"], stopped: undefined })
  })

  it("is never taken for one that was pruned empty: what it no longer lists is told", async () => {
    const place = join(scratch(), "disk")
    const disk = mountFailingDisk(place, 48)
    const directory = join(place, "repository")
    writePacks(directory, 300, 100 * 1024)
    disk.fail()
    const report = await scrubHere(directory).catch((error: unknown) => error)
    if (report instanceof Error) expect(report).toMatchObject({ code: "io" })
    else expect((report as ScrubReport).bad).toContainEqual(expect.objectContaining({ code: "io" }))
  })

  it("ends the scrub when one file after the other fails: reading on would only hurt it", () => {
    const file = { path: "p" } as StoredFile
    const inventory = {
      engine: "restic",
      files: [],
      damage: [],
      unread: [],
      temporary: [],
      foreign: [],
    } as const
    const tally = new Tally(inventory, undefined)
    for (let count = 0; count < 99; count++) tally.add(file, { kind: "bad", code: "io" })
    expect(tally.mustStop).toBe(false)
    tally.add(file, { kind: "gone" })
    for (let count = 0; count < 99; count++) tally.add(file, { kind: "bad", code: "io" })
    expect(tally.mustStop).toBe(false)
    tally.add(file, { kind: "bad", code: "io" })
    expect(tally.mustStop).toBe(true)
    expect(tally.report({ bytes: 0, seconds: 0, aborted: false })).toMatchObject({ stopped: "disk" })
  })
})

/** Changes the bytes below the filesystem, which has a checksum of them. */
function rotOnDisk(image: string, block: Buffer): void {
  const at = readFileSync(image).indexOf(block)
  expect(at).toBeGreaterThan(0)
  const descriptor = openSync(image, "r+")
  writeSync(descriptor, Buffer.of((block[9] ?? 0) ^ 1), 0, 1, at + 9)
  fsyncSync(descriptor)
  closeSync(descriptor)
  writeFileSync("/proc/sys/vm/drop_caches", "3")
}

describe("while others work in the repository", () => {
  it("a file that goes is no damage", async () => {
    const { directory, files } = packs(8)
    let removed = 0
    const report = await scrubHere(directory, {
      limit: 2 * MIB,
      onProgress: ({ bytes }) => {
        if (bytes === 0 || removed > 0) return
        for (const file of files) rmSync(file)
        removed = files.length
      },
    })
    expect(report.bad).toEqual([])
    expect(report.gone).toBeGreaterThan(0)
    expect(report.checked + report.gone).toBe(9)
  })

  it("a file that is still being written is looked at again when it has settled", async () => {
    const { directory, files } = packs(2)
    const [file = ""] = files
    const whole = readFileSync(file)
    truncateSync(file, 1000)
    const report = await scrubHere(directory, {
      settleMs: 500,
      onProgress: ({ files: looked }) => {
        if (looked > 0 && statSync(file).size === 1000) writeFileSync(file, whole)
      },
    })
    expect(report).toMatchObject({ bad: [], unsettled: [], checked: 3 })
  })

  it("a file that never settles is left for the next time", async () => {
    const { directory, files } = packs(2)
    const [file = ""] = files
    const writer = setInterval(() => {
      appendFileSync(file, "x")
    }, 5)
    try {
      const report = await scrubHere(directory, { settleMs: 300 })
      expect(report).toMatchObject({ bad: [], unsettled: [relative(directory, file)], checked: 2 })
    } finally {
      clearInterval(writer)
    }
  })

  it("stands back while it is asked to, and goes on after", async () => {
    const { directory } = packs(6)
    const pausedAt: number[] = []
    let paused = false
    const report = await scrubHere(directory, {
      limit: 4 * MIB,
      pause: () => paused,
      onProgress: (progress) => {
        if (progress.bytes > 0 && pausedAt.length === 0) paused = true
        if (progress.paused) pausedAt.push(progress.bytes)
        if (pausedAt.length === 20) paused = false
      },
    })
    expect(report).toMatchObject({ bad: [], checked: 7 })
    // Two seconds of it: within the first one all reading has stopped.
    expect(pausedAt).toHaveLength(20)
    expect(new Set(pausedAt.slice(10)).size).toBe(1)
    expect(pausedAt[19]).toBeLessThan(6 * MIB)
  })

  it("reads no faster than it may", async () => {
    const { directory } = packs(3)
    const { bytes, seconds } = await scrubHere(directory, { limit: 2 * MIB })
    expect(bytes).toBeGreaterThan(3 * MIB)
    // The first half a second's worth may come at once, and one read is as long as it is.
    expect(seconds).toBeGreaterThan(bytes / (2 * MIB) - 0.8)
  })
})

describe("a pass that was stopped", () => {
  it("goes on at the file, and the next one reads everything again", async () => {
    const { directory } = packs(6)
    const ledger = new VolatileLedger()
    const stop = new AbortController()
    const first = await scrubHere(directory, {
      ledger,
      limit: 2 * MIB,
      readers: 1,
      signal: stop.signal,
      onProgress: ({ bytes }) => {
        if (bytes > 2 * MIB) stop.abort()
      },
    })
    expect(first.stopped).toBe("aborted")
    expect(first.checked).toBeGreaterThan(0)
    expect(first.bytes).toBeLessThan(5 * MIB)
    const second = await scrubHere(directory, { ledger })
    expect(second.stopped).toBeUndefined()
    expect(second.skipped).toBe(first.checked + first.recorded)
    expect(second.checked + second.recorded + second.skipped).toBe(8)
    const third = await scrubHere(directory, { ledger })
    expect(third).toMatchObject({ skipped: 0, checked: 8 })
  })

  it("an abort before the beginning reads nothing", async () => {
    const { directory } = packs(2)
    const report = await scrubHere(directory, { signal: AbortSignal.abort() })
    expect(report).toMatchObject({ stopped: "aborted", checked: 0, bytes: 0 })
  })

  it("what was read within the time is left out, and what is new is read", async () => {
    const { directory } = packs(3)
    const ledger = new VolatileLedger()
    const day = 86_400_000
    let now = Date.now()
    const every = { ledger, everyMs: 30 * day, now: () => now }
    expect(await scrubHere(directory, every)).toMatchObject({ checked: 4, recorded: 1 })
    now += 29 * day
    expect(await scrubHere(directory, every)).toMatchObject({ checked: 0, skipped: 5, bytes: 0 })
    writePacks(join(directory, "../other"), 1)
    execFileSync("cp", ["-a", join(directory, "../other/data"), directory])
    expect(await scrubHere(directory, every)).toMatchObject({ checked: 1, skipped: 5 })
    now += 2 * day
    expect(await scrubHere(directory, every)).toMatchObject({ checked: 5, skipped: 1 })
  })
})

describe("the memory of the machine", () => {
  it("holds nothing of what was read afterwards, though it did before", async () => {
    const { directory, files } = packs(3)
    execFileSync("sync", ["--file-system", directory])
    for (const file of files) readFileSync(file)
    const cached = (): number[] =>
      files.map((file) =>
        Number(
          execFileSync("fincore", ["--bytes", "--noheadings", "--output", "RES", file], { encoding: "utf8" }),
        ),
      )
    expect(Math.min(...cached())).toBe(MIB)
    await scrubHere(directory)
    expect(cached()).toEqual([0, 0, 0])
  })
})

describe("a plain copy with a manifest", () => {
  function copy(): { root: string; manifest: string } {
    const root = fixtureCopy("restic/full-tree-by-0.19")
    const manifest = join(scratch(), "SHA256SUMS")
    writeFileSync(join(root, "back\\slash and\nline"), "odd")
    writeFileSync(join(root, "empty"), "")
    const command = 'cd "$0" && find . -type f -print0 | xargs -0 sha256sum'
    writeFileSync(manifest, execFileSync("bash", ["-c", command, root]))
    return { root, manifest }
  }

  it("finds what is other, missing and unknown", async () => {
    const { root, manifest } = copy()
    expect(await scrubHere(root, { manifest })).toMatchObject({
      engine: "copy",
      bad: [],
      unknown: [],
      checked: 16,
    })
    const [one = "", other = ""] = filesBelow(root, /^data\//)
    writeFileSync(one, "other")
    rmSync(other)
    writeFileSync(join(root, "new"), "new")
    const report = await scrubHere(root, { manifest })
    expect(report).toMatchObject({ checked: 15, unknown: ["new"] })
    expect(report.bad).toEqual([
      { blob: relative(root, one), code: "corrupt" },
      { blob: relative(root, other), code: "missing" },
    ])
  })

  it.each([
    "no hash",
    `${"a".repeat(64)}  /etc/passwd`,
    `${"a".repeat(64)}  ../x`,
    `${"a".repeat(64)}  a/../../x`,
  ])("refuses %j as one", async (line) => {
    const manifest = join(scratch(), "SHA256SUMS")
    writeFileSync(manifest, `${line}\n`)
    await expect(scrubHere(fixture("kopia/epochs"), { manifest })).rejects.toMatchObject({ code: "invalid" })
  })
})

describe("a place that is no repository", () => {
  it("is said to be none, and nothing else is said of it", async () => {
    await expect(scrubHere(scratch())).rejects.toMatchObject({ code: "not_a_repository" })
    await expect(scrubHere("/nonexistent")).rejects.toMatchObject({ code: "missing" })
    await expect(scrubHere(fixture("kopia/epochs"), { engine: "restic" })).rejects.toThrow(
      /is a kopia repository/,
    )
  })
})
