import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, rmSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DaemonProcess, startDaemon } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../support/mounts.js"
import { type SyntheticKopia, writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { until } from "../support/until.js"
import { documentOf, sharedKopia } from "./fleet.js"

const app = { user: "app", host: "home", path: "/data" }
const other = { user: "other", host: "home", path: "/data" }
const password = "rebuilt"

interface Nas {
  readonly store: string
  readonly kopia: SyntheticKopia
  readonly document: object
  readonly copy: string
}

/** A store in which two volumes have one backup each. */
function nas(store = scratch(), more: { store?: object } = {}): Nas {
  const kopia = writeSyntheticKopia(join(store, "kopia"), {
    password,
    snapshots: 2,
    identities: [app, other],
  })
  const document = documentOf(store, [{ ...sharedKopia, password: { value: password }, new: true }], more)
  return { store, kopia, document, copy: join(store, ".cistern/ledger.json") }
}

/** A daemon that answered for the store once and copied its ledger into it. */
async function known({ document, copy }: Nas): Promise<DaemonProcess> {
  const daemon = await startDaemon({ document })
  await daemon.answers("home/app", "restore")
  await until(
    () => Promise.resolve(existsSync(copy)),
    (there) => there,
    "the copy of the ledger",
  )
  return daemon
}

async function copyCheck(daemon: DaemonProcess): Promise<object | undefined> {
  const { body } = await daemon.admin("GET", "/api/v1/doctor")
  const { checks } = JSON.parse(body) as { checks: { name: string }[] }
  return checks.find(({ name }) => name === "ledger copy in store tank")
}

describe("a NAS whose state directory is lost", () => {
  it("still knows that a volume's only backup is gone, and does not call it fresh", async () => {
    const place = nas()
    const first = await known(place)
    await first.stop()
    rmSync(first.state, { recursive: true })
    place.kopia.removeSnapshot(place.kopia.snapshots.find(({ identity }) => identity === app)?.id ?? "")

    const second = await startDaemon({ document: place.document })
    await second.answers("home/app", "newest_known_gone")
    await second.answers("home/other", "restore")
    await second.answers("home/brand-new", "fresh")
    expect(second.output).toContain("copy of the ledger adopted")
    const accepted = await second.admin("POST", "/api/v1/repositories/shared/accept", {
      gone: "app@home:/data",
    })
    expect(accepted.status, accepted.body).toBe(200)
    await second.answers("home/app", "fresh")
    await second.stop()
    // What a person accepted is accepted in the copy of the next rebuild, too.
    const third = await startDaemon({ document: place.document })
    await third.answers("home/app", "fresh")
  })

  it("notices that the repository is an older copy of itself", async () => {
    const place = nas()
    const older = join(scratch(), "kopia")
    execFileSync("cp", ["-a", place.kopia.directory, older])
    const first = await known(place)
    place.kopia.appendSnapshot({ ...app, user: "third" })
    await first.answers("home/third", "restore")
    await first.stop()
    rmSync(first.state, { recursive: true })
    rmSync(place.kopia.directory, { recursive: true })
    execFileSync("cp", ["-a", older, place.kopia.directory])

    const second = await startDaemon({ document: place.document })
    await second.answers("home/third", "index_lost")
    await second.admin("POST", "/api/v1/repositories/shared/accept", { lostIndex: true })
    await second.answers("home/third", "newest_known_gone")
    await second.answers("home/app", "restore")
  })

  it("starts as new, and says why, where the copy is damaged", async () => {
    const place = nas()
    const first = await known(place)
    await first.kill()
    rmSync(first.state, { recursive: true })
    truncateSync(place.copy, 300)

    const second = await startDaemon()
    const { body } = await second.admin("POST", "/api/v1/apply", {
      document: JSON.stringify(place.document),
    })
    const { applied, notices } = JSON.parse(body) as { applied: boolean; notices: string[] }
    expect(applied, body).toBe(true)
    expect(notices).toEqual([expect.stringContaining(".cistern/ledger.json is not believed")])
    await second.answers("home/app", "restore")
    expect(second.output).toContain("copy of the ledger refused")
    await until(
      () => Promise.resolve(existsSync(place.copy)),
      (there) => there,
      "a new copy of the ledger",
    )
    expect(readFileSync(join(place.store, ".cistern/ledger.refused.json"))).toHaveLength(300)
    expect(await copyCheck(second)).toMatchObject({ status: "ok" })
  })
})

describe("a store that is mounted read-only", () => {
  it("has no copy written, which the doctor says", async () => {
    const disk = join(scratch(), "tank")
    const image = ext4Image(16)
    mountImage(image, disk)
    const place = nas(disk, { store: { allowRoot: false } })
    const first = await known(place)
    await first.stop()
    rmSync(place.copy)
    unmount(disk)
    mountImage(image, disk, "ro")
    const second = await startDaemon({ state: first.state })
    await second.answers("home/app", "restore")
    const found = await until(
      () => copyCheck(second),
      (check) => JSON.stringify(check).includes("warn"),
      "the doctor to warn",
    )
    expect(found).toMatchObject({ detail: "the store's filesystem is mounted read-only" })
    expect(existsSync(place.copy)).toBe(false)
  })
})
