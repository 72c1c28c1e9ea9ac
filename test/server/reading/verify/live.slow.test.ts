import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../../storage/blobs/index.js"
import { openRepository, Secret, StorageError } from "../../../../storage/index.js"
import { verify, type VerifyMemory, type VerifyResult } from "../../../../storage/verify/index.js"
import { findProgram } from "../../../support/programs.js"
import { kopiaMover, type LiveMover, resticMover } from "./live-movers.js"

// Verifies run again and again while the real engines back up, forget, prune and maintain. None of them may call anything damaged.

const CAMPAIGN_MS = 60_000
const PASSWORD = "a live one"

function memory(): VerifyMemory {
  let image: Uint8Array | undefined
  return {
    load: () => Promise.resolve(image),
    save: (bytes) => {
      image = bytes
      return Promise.resolve()
    },
  }
}

interface Tally {
  rounds: number
  verified: number
  unstable: number
  snapshots: number
  again: number
}

async function campaign(mover: LiveMover): Promise<Tally> {
  const deadline = performance.now() + CAMPAIGN_MS
  const tally: Tally = { rounds: 0, verified: 0, unstable: 0, snapshots: 0, again: 0 }
  await mover.round(++tally.rounds)
  const state = { moves: true }
  const moving = (async () => {
    while (performance.now() < deadline) await mover.round(++tally.rounds)
  })().finally(() => (state.moves = false))
  const kept = memory()
  for (let turn = 0; state.moves; turn++) {
    const found = await look(mover, turn, kept)
    if (found === "unstable") tally.unstable++
    else {
      tally.verified++
      tally.snapshots += found.snapshots.length
      if (found.counts.rounds > 1) tally.again++
      expect(toldOf(found), `verify ${turn} after ${tally.rounds} rounds`).toEqual({
        bad: [],
        damaged: [],
        problem: undefined,
      })
    }
  }
  await moving
  const last = await look(mover, 1, undefined)
  expect(last).toMatchObject({ ok: true })
  return tally
}

/** By turns: places alone, everything read, and with what the last one remembered. */
async function look(
  mover: LiveMover,
  turn: number,
  kept: VerifyMemory | undefined,
): Promise<VerifyResult | "unstable"> {
  const files = new DirectoryTree(mover.repository)
  try {
    const repository = await openRepository({ files, password: new Secret(PASSWORD) })
    return await verify(repository, files, {
      level: turn % 2 === 0 ? "reachable" : "read",
      threads: 0,
      ...(turn % 4 < 2 || kept === undefined ? {} : { memory: kept }),
    })
  } catch (error) {
    // That is told, and is no damage.
    if (error instanceof StorageError && error.code === "unstable") return "unstable"
    throw error
  }
}

function toldOf({ bad, snapshots, problem }: VerifyResult) {
  return { bad, damaged: snapshots.filter(({ ok }) => !ok), problem: problem?.message }
}

function resticThatPrunes(): string | undefined {
  const program = findProgram("restic")
  const [, minor] =
    program === undefined
      ? []
      : (/restic 0\.(\d+)/.exec(execFileSync(program, ["version"], { encoding: "utf8" })) ?? [])
  return Number(minor) >= 18 ? program : undefined
}

describe("a verify while the real engine is at work", () => {
  const restic = resticThatPrunes()
  const kopia = findProgram("kopia")

  it.skipIf(restic === undefined)(
    "of a restic repository that is backed up to, forgotten and pruned calls nothing damaged (restic 0.18 or newer)",
    { timeout: 300_000 },
    async () => {
      const tally = await campaign(await resticMover(restic ?? "", PASSWORD))
      console.log("restic", tally)
      expect(tally.verified).toBeGreaterThan(5)
      expect(tally.rounds).toBeGreaterThan(5)
    },
  )

  it.skipIf(kopia === undefined)(
    "of a Kopia repository that is backed up to, expired and maintained calls nothing damaged (kopia)",
    { timeout: 300_000 },
    async () => {
      const tally = await campaign(await kopiaMover(kopia ?? "", PASSWORD))
      console.log("kopia", tally)
      expect(tally.verified).toBeGreaterThan(5)
      expect(tally.rounds).toBeGreaterThan(5)
    },
  )
})
