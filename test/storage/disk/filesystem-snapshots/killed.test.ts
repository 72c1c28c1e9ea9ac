import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { beforeAll, describe, expect, it } from "vitest"
import {
  type FilesystemSnapshot,
  type FilesystemSnapshots,
  settleRollBack,
  unfinishedRollBacks,
} from "../../../../storage/disk/index.js"
import { compiled } from "../../../support/compiled.js"
import { folderIn, snapshotsOf, snapshotStore } from "../../../support/snapshot-store.js"
import { subvolume } from "../../../support/btrfs.js"
import { listing, writeOddTree } from "../../../support/tree.js"

let script: string

beforeAll(() => {
  const code = compiled("storage")
  script = join(code, "roll-back.js")
  writeFileSync(
    script,
    `import { rollBack } from "./storage/disk/index.js"
const { place, snapshot, directory, killAt } = JSON.parse(process.argv[2])
console.log("ready")
await rollBack(place, snapshot, directory, {
  onStep: (step) => { if (step === killAt) process.kill(process.pid, "SIGKILL") },
})
`,
  )
})

interface Site {
  readonly store: string
  readonly directory: string
  readonly snapshots: FilesystemSnapshots
  readonly snapshot: FilesystemSnapshot
  readonly then: string
  readonly now: string
}

async function site(make: (store: string) => string): Promise<Site> {
  const { store } = snapshotStore()
  const directory = make(store)
  writeOddTree(directory)
  mkdirSync(join(directory, "many"))
  for (let file = 0; file < 400; file++) writeFileSync(join(directory, `many/${file}`), "x")
  const then = listing(directory)
  const snapshots = snapshotsOf(directory, store)
  const snapshot = await snapshots.create({ reason: "before-prune" })
  writeFileSync(join(directory, "new"), "")
  return { store, directory, snapshots, snapshot, then, now: listing(directory) }
}

/** Rolls back in a process of its own, which ends itself at a step, or is ended after so many milliseconds. */
async function killed({ snapshots, snapshot, directory }: Site, at: string | number): Promise<void> {
  const input = JSON.stringify({ place: snapshots.place, snapshot, directory, killAt: at })
  const child = spawn(process.execPath, [script, input], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  await once(child.stdout, "data")
  if (typeof at === "number") {
    await setTimeout(at)
    child.kill("SIGKILL")
  }
  await ended
}

/** What is found after a kill is told truly; settled, the directory is one of the two, whole. */
async function settle({ store, directory, then, now }: Site): Promise<string> {
  const found = await unfinishedRollBacks(store)
  expect(found.length).toBeLessThanOrEqual(1)
  const state = found[0]?.state ?? "none"
  const aside = String(found[0]?.aside)
  const copy = String(found[0]?.copy)
  if (state === "before") expect(listing(directory)).toBe(now)
  if (state === "between") {
    expect(existsSync(directory)).toBe(false)
    expect(listing(aside)).toBe(now)
    expect(listing(copy)).toBe(then)
  }
  if (state === "after") expect([listing(directory), listing(aside)]).toEqual([then, now])
  expect(state).not.toBe("unclear")
  for (const { id } of found) await settleRollBack(store, id)
  expect(await unfinishedRollBacks(store)).toEqual([])
  const folder = join(store, ".cistern/set-aside")
  const kept = existsSync(folder) ? readdirSync(folder) : []
  if (state === "before" || state === "between") {
    expect(listing(directory)).toBe(now)
    expect(kept).toEqual([])
  }
  if (state === "after") expect(listing(directory)).toBe(then)
  return state
}

const kinds = {
  "a folder": (store: string) => folderIn(store, "kopia/app"),
  "a subvolume": (store: string) => subvolume(join(store, "own")),
}

describe.each(Object.entries(kinds))("a roll back of %s that is killed", (_, make) => {
  it.each([
    ["begun", "before"],
    ["copied", "before"],
    ["compared", "before"],
    ["set_aside", "between"],
    ["in_place", "after"],
    ["ended", "none"],
  ] as const)("after it has %s is found as %s, and settled", async (step, state) => {
    const one = await site(make)
    await killed(one, step)
    expect(await settle(one)).toBe(state)
  })

  it("at any moment is found and settled, until one comes to its end", async () => {
    const one = await site(make)
    const states = new Set<string>()
    for (let kill = 0; listing(one.directory) !== one.then; kill++) {
      await killed(one, 90 * kill)
      states.add(await settle(one))
    }
    expect(states).toContain("before")
  })
})
