import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { describe, expect, it } from "vitest"
import { checkFence, type FenceRecord, takeFence, takeStoreFence } from "../../../storage/disk/index.js"
import { compiled } from "../../support/compiled.js"
import { scratch } from "../../support/fixtures.js"
import { ext4Image, mountBind, mountHung, mountImage, mountTmpfs, unmount } from "../../support/mounts.js"

/** As after a restart of the daemon: nothing but what was written down. */
function reloaded(record: FenceRecord): FenceRecord {
  return JSON.parse(JSON.stringify(record)) as FenceRecord
}

function codeAt(path: string, record: FenceRecord, device?: string): string {
  const state = checkFence(path, reloaded(record), { device })
  return state.kind === "fenced" ? state.code : state.kind
}

/** A mounted ext4 store with a sentinel. */
function mountedStore(): { image: string; store: string; record: FenceRecord } {
  const image = ext4Image()
  const store = join(scratch(), "store")
  mountImage(image, store)
  return { image, store, record: takeStoreFence(store, { sentinel: true }) }
}

describe("the fence of a store", () => {
  it("holds while nothing changed, and rests on the filesystem's UUID", () => {
    const { store, record } = mountedStore()
    expect(record.filesystem).toMatchObject({ type: "ext4", root: "/", strength: "uuid" })
    expect(record.filesystem.uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(record.mountPoint).toBe(store)
    expect(checkFence(store, reloaded(record))).toMatchObject({ kind: "holds", readOnly: false })
  })

  it("reads the same UUID as the system's own program", () => {
    const { image, record } = mountedStore()
    const said = execFileSync("dumpe2fs", ["-h", image], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
    expect(said).toContain(`Filesystem UUID:          ${String(record.filesystem.uuid)}`)
  })

  it("holds after a remount and after a reboot, when device numbers are others", () => {
    const { image, store, record } = mountedStore()
    const held = checkFence(store, record)
    const device = held.kind === "holds" ? held.device : undefined
    unmount(store)
    // Takes the loop device that the store had.
    mountImage(ext4Image(), join(scratch(), "elsewhere"))
    mountImage(image, store)
    const again = checkFence(store, reloaded(record), { device })
    expect(again.kind).toBe("holds")
    expect(again.kind === "holds" && again.device).not.toBe(device)
  })

  it("is broken when the store is not mounted, and nothing is written below", () => {
    const { store, record } = mountedStore()
    unmount(store)
    const state = checkFence(store, reloaded(record), { store: "tank" })
    expect(state).toMatchObject({ kind: "fenced", code: "not_mounted" })
    expect(state.kind === "fenced" && state.message).toContain(store)
    expect(state.kind === "fenced" && state.hint).toContain("run `cistern stores accept tank`")
    expect(readdirSync(store)).toEqual([])
  })

  it("is broken when another filesystem is mounted in the same place, even a copy of its files", () => {
    const { store, record } = mountedStore()
    const copy = join(scratch(), "copy")
    execFileSync("cp", ["-a", store, copy])
    unmount(store)
    mountImage(ext4Image(), store)
    execFileSync("cp", ["-a", `${copy}/.`, store])
    expect(existsSync(join(store, ".cistern/store.json"))).toBe(true)
    expect(codeAt(store, record)).toBe("other_filesystem")
  })

  it("is broken when a filesystem is mounted over it", () => {
    const { store, record } = mountedStore()
    mountTmpfs(store)
    expect(codeAt(store, record)).toBe("other_filesystem")
    unmount(store)
    expect(codeAt(store, record)).toBe("holds")
  })

  it("is broken when one further up is mounted over it", () => {
    const parent = join(scratch(), "mnt")
    const store = join(parent, "store")
    mountImage(ext4Image(), store)
    const record = takeStoreFence(store, { sentinel: true })
    mountTmpfs(parent)
    mkdirSync(store)
    expect(codeAt(store, record)).toBe("not_mounted")
  })

  it("is broken when another directory of the same filesystem is mounted there", () => {
    const image = ext4Image()
    const whole = join(scratch(), "whole")
    mountImage(image, whole)
    mkdirSync(join(whole, "a"))
    mkdirSync(join(whole, "b"))
    const store = join(scratch(), "store")
    mountBind(join(whole, "a"), store)
    const record = takeStoreFence(store, { sentinel: false })
    expect(codeAt(store, record)).toBe("holds")
    unmount(store)
    mountBind(join(whole, "b"), store)
    expect(codeAt(store, record)).toBe("other_filesystem")
  })

  it("holds, and says so, when the store is mounted read-only", () => {
    const { image, store, record } = mountedStore()
    unmount(store)
    mountImage(image, store, "ro")
    expect(checkFence(store, reloaded(record))).toMatchObject({ kind: "holds", readOnly: true })
  })

  it("is broken when the sentinel is gone, is another's or tells nothing", () => {
    const { store, record } = mountedStore()
    const sentinel = join(store, ".cistern/store.json")
    writeFileSync(sentinel, JSON.stringify({ id: "00000000-0000-4000-8000-000000000000" }))
    expect(codeAt(store, record)).toBe("sentinel_other")
    writeFileSync(sentinel, "half a sent")
    expect(codeAt(store, record)).toBe("unreadable")
    rmSync(join(store, ".cistern"), { recursive: true })
    expect(codeAt(store, record)).toBe("sentinel_missing")
  })

  it("is broken when the store's directory is gone or leads elsewhere", () => {
    const parent = scratch()
    mountImage(ext4Image(), join(parent, "disk"))
    const store = join(parent, "disk", "k8s")
    mkdirSync(store)
    const link = join(parent, "link")
    symlinkSync(store, link)
    const record = takeStoreFence(link, { sentinel: true })
    expect(codeAt(link, record)).toBe("holds")
    rmSync(link)
    mkdirSync(join(parent, "disk", "other"))
    symlinkSync(join(parent, "disk", "other"), link)
    expect(codeAt(link, record)).toBe("other_filesystem")
    rmSync(store, { recursive: true })
    expect(codeAt(store, record)).toBe("missing_directory")
  })

  it("refuses a path on the root filesystem before it writes, unless that is allowed", () => {
    const root = join("/", `cistern-test-${process.pid}`)
    mkdirSync(root)
    try {
      expect(() => takeStoreFence(root, { sentinel: true })).toThrow(
        expect.objectContaining({ code: "missing", hint: expect.stringContaining("allowRoot") as string }),
      )
      expect(readdirSync(root)).toEqual([])
      expect(takeStoreFence(root, { sentinel: true, allowRoot: true }).mountPoint).toBe("/")
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it("refuses a path where nothing is", () => {
    expect(() => takeStoreFence(join(scratch(), "nowhere"), { sentinel: true })).toThrow(
      expect.objectContaining({ code: "missing" }),
    )
  })

  it("adopts the sentinel that a store brings along", () => {
    const { store, record } = mountedStore()
    expect(takeStoreFence(store, { sentinel: true }).sentinel).toBe(record.sentinel)
  })

  it("writes nothing where the store's directory is itself a repository, or is only lent", () => {
    const store = join(scratch(), "store")
    mountImage(ext4Image(), store)
    const before = readdirSync(store)
    expect(takeStoreFence(store, { sentinel: false }).sentinel).toBeUndefined()
    takeFence(store)
    expect(readdirSync(store)).toEqual(before)
  })
})

describe("the fence of a repository's path", () => {
  it("notices a missing child filesystem while the store's own fence holds", () => {
    const { store, record } = mountedStore()
    const child = join(store, "kopia")
    mountImage(ext4Image(), child)
    const path = takeFence(child)
    expect(codeAt(child, path)).toBe("holds")
    unmount(child)
    expect(existsSync(child)).toBe(true)
    expect(codeAt(child, path)).toBe("not_mounted")
    expect(codeAt(store, record)).toBe("holds")
  })

  it("notices a filesystem that appears in a directory of the store", () => {
    const { store } = mountedStore()
    const path = join(store, "restic")
    mkdirSync(path)
    const record = takeFence(path)
    mountTmpfs(path)
    expect(codeAt(path, record)).toBe("other_filesystem")
  })
})

describe("a filesystem without an identity of its own", () => {
  it("is recorded as weak, and told from another one while the machine runs", () => {
    const place = join(scratch(), "memory")
    mountTmpfs(place)
    const record = takeFence(place)
    expect(record.filesystem).toMatchObject({ type: "tmpfs", uuid: undefined, strength: "weak" })
    const state = checkFence(place, record)
    const device = state.kind === "holds" ? state.device : undefined
    expect(codeAt(place, record, device)).toBe("holds")
    unmount(place)
    // Keeps the number of the first one from being given out again.
    mountTmpfs(join(scratch(), "in between"))
    mountTmpfs(place)
    expect(codeAt(place, record, device)).toBe("other_filesystem")
  })
})

describe("a hung mount", () => {
  const code = compiled("storage")
  const script = join(code, "check.mjs")
  writeFileSync(
    script,
    `import { parentPort, workerData } from "node:worker_threads"
     import { checkFence } from "./storage/disk/index.js"
     parentPort.postMessage("started")
     parentPort.postMessage(checkFence(workerData.path, workerData.record))`,
  )

  it("holds nobody but the thread that looks at it, and ends as a broken fence", async () => {
    const { store, record } = mountedStore()
    const place = join(scratch(), "hung")
    const { release } = mountHung(place)
    const stuck = new Worker(script, {
      workerData: { path: place, record: { ...record, realPath: place, mountPoint: place } },
    })
    const answers: unknown[] = []
    const ended = new Promise((resolve, reject) => stuck.once("exit", resolve).once("error", reject))
    const started = new Promise((resolve) => stuck.once("message", resolve))
    stuck.on("message", (message) => answers.push(message))
    await started

    const other = new Worker(script, { workerData: { path: store, record } })
    const otherAnswers: unknown[] = []
    other.on("message", (message) => otherAnswers.push(message))
    await new Promise((resolve, reject) => other.once("exit", resolve).once("error", reject))
    expect(otherAnswers[1]).toMatchObject({ kind: "holds" })
    expect(answers).toEqual(["started"])

    release()
    await ended
    expect(answers[1]).toMatchObject({ kind: "fenced", code: "unreadable" })
  })

  it("that was unmounted is answered without touching it", () => {
    const { store, record } = mountedStore()
    const elsewhere = join(scratch(), "hung")
    mountHung(elsewhere)
    // A path that leads into the hung mount, under a mount point that is no longer one.
    unmount(store)
    rmSync(store, { recursive: true })
    symlinkSync(elsewhere, store)
    expect(codeAt(store, record)).toBe("not_mounted")
  })
})
