import { renameSync } from "node:fs"
import { join } from "node:path"
import { setImmediate as nextTurn } from "node:timers/promises"
import { expect } from "vitest"
import { startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { SeededBytes } from "../support/seeded.js"
import { type SyntheticKopia, writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, sharedKopia } from "./fleet.js"

export const identity = { user: "app", host: "home", path: "/data" }

const password = "state"

export function kopiaStore(snapshots: number): { store: string; kopia: SyntheticKopia } {
  const store = scratch()
  const kopia = writeSyntheticKopia(join(store, "kopia"), { password, snapshots, identities: [identity] })
  return { store, kopia }
}

export function declared(store: string): object {
  return documentOf(store, [{ ...sharedKopia, password: { value: password } }])
}

/** Kills the daemon again and again while it lists and records what a mover writes, and looks at what it then remembers. */
export async function killRounds(rounds: number): Promise<void> {
  const { store, kopia } = kopiaStore(3)
  const random = new SeededBytes("kill")
  let daemon = await startDaemon({ document: declared(store) })
  const { state } = daemon
  let written = 0
  for (let round = 0; round < rounds; round++) {
    const asking = neverFresh(daemon, "home/app")
    if (round % 2 === 0) await daemon.answers("home/app", "restore")
    const killAt = performance.now() + random.below(150)
    while (performance.now() < killAt) {
      kopia.appendSnapshot({ ...identity, user: `app-${written++}` })
      await nextTurn()
    }
    await daemon.kill()
    await asking
    daemon = await startDaemon({ state })
  }
  await daemon.answers("home/app", "restore")
  await daemon.answers(`home/app-${written - 1}`, "restore")
  await daemon.kill()

  // What the rounds recorded is still there: neither another repository nor an older one is believed.
  renameSync(kopia.directory, join(scratch(), "aside"))
  writeSyntheticKopia(kopia.directory, { password, snapshots: 1, identities: [identity], seed: "other" })
  const after = await startDaemon({ state })
  await after.answers("home/app", "repository_changed")
  await after.answers("home/brand-new", "repository_changed")
}

/** Asks until the daemon is gone. */
async function neverFresh(daemon: { exists(volume: string): Promise<{ decision: string }> }, volume: string) {
  for (;;) {
    const decision = await daemon.exists(volume).then(
      (answer) => answer.decision,
      () => "gone",
    )
    expect(decision).not.toBe("fresh")
    if (decision === "gone") return
  }
}
