import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  previewRepair,
  repairDirectory,
  repairsOf,
  type RepairRequest,
  undoRepair,
} from "../../../../storage/disk/index.js"
import { compiled } from "../../../support/compiled.js"
import { canary, finish, ownersBelow, storeAt, swapping } from "../../../support/directories.js"
import { ext4Image, mountBind, mountImage, requireRoot } from "../../../support/mounts.js"
import { until } from "../../../support/until.js"

const mover = { uid: 568, gid: 568, mode: undefined }
let number = 0

function record() {
  return {
    id: `20261121T030000Z-${(number++).toString(16).padStart(6, "0")}`,
    at: "2026-11-21T03:00:00Z",
    by: "test",
  }
}

function requestFor(store: RepairRequest["store"], more: Partial<RepairRequest> = {}): RepairRequest {
  return { store, path: "kopia", wanted: mover, recursive: true, hardLinks: false, ...more }
}

/** Plans and does it. */
function repair(request: RepairRequest, its = record()) {
  const plan = finish(previewRepair(request))
  const done = finish(repairDirectory(request, its, plan.digest))
  if (done.stale) throw new Error("the plan was stale")
  return { id: its.id, ...done }
}

/** A repository as a mover of another user left it. */
function wrongRepository() {
  requireRoot()
  const store = storeAt()
  const top = join(store.path, "kopia")
  mkdirSync(join(top, "p00"), { recursive: true, mode: 0o700 })
  chmodSync(top, 0o755)
  chmodSync(join(top, "p00"), 0o500)
  writeFileSync(join(top, "kopia.repository.f"), "format", { mode: 0o600 })
  writeFileSync(join(top, "p00/pack.f"), "pack", { mode: 0o400 })
  chownSync(join(top, "p00"), 1000, 1000)
  chownSync(join(top, "p00/pack.f"), 1000, 1000)
  return { store, top }
}

describe("a repair", () => {
  it("changes the directory alone, unless everything below is asked for", () => {
    const { store, top } = wrongRepository()
    const before = ownersBelow(top)
    const { plan, changed } = repair(requestFor(store, { recursive: false }))
    expect([plan.changes, changed]).toEqual([1, 1])
    expect(ownersBelow(top)).toEqual({ ...before, ".": "568:568 755" })
  })

  it("shows every kind of change before, and changes nothing by that", () => {
    const { store, top } = wrongRepository()
    const before = ownersBelow(store.path)
    const plan = finish(previewRepair(requestFor(store)))
    expect(plan).toMatchObject({ looked: 4, changes: 4 })
    expect(plan.examples.map(({ path, from, to }) => [path, from, to])).toEqual([
      ["", { uid: 0, gid: 0, mode: 0o755 }, { uid: 568, gid: 568, mode: 0o755 }],
      ["kopia.repository.f", { uid: 0, gid: 0, mode: 0o600 }, { uid: 568, gid: 568, mode: 0o600 }],
      ["p00", { uid: 1000, gid: 1000, mode: 0o500 }, { uid: 568, gid: 568, mode: 0o700 }],
      ["p00/pack.f", { uid: 1000, gid: 1000, mode: 0o400 }, { uid: 568, gid: 568, mode: 0o400 }],
    ])
    expect(ownersBelow(store.path)).toEqual(before)
    expect(readdirSync(join(top, "../.cistern"))).toEqual([])
  })

  it("gives all of it away, widens modes and touches no content", () => {
    const { store, top } = wrongRepository()
    const mtime = lstatSync(join(top, "p00/pack.f")).mtimeMs
    repair(requestFor(store, { wanted: { uid: 568, gid: 568, mode: 0o2750 } }))
    expect(ownersBelow(top)).toEqual({
      ".": "568:568 2750",
      "kopia.repository.f": "568:568 640",
      p00: "568:568 2750",
      "p00/pack.f": "568:568 440",
    })
    expect(readFileSync(join(top, "p00/pack.f"), "utf8")).toBe("pack")
    expect(lstatSync(join(top, "p00/pack.f")).mtimeMs).toBe(mtime)
    expect(finish(previewRepair(requestFor(store))).changes).toBe(0)
  })

  it("changes nothing when what was agreed to is not what would be done now", () => {
    const { store, top } = wrongRepository()
    const request = requestFor(store)
    const { digest } = finish(previewRepair(request))
    writeFileSync(join(top, "more"), "")
    const before = ownersBelow(top)
    expect(finish(repairDirectory(request, record(), digest))).toEqual({ stale: true })
    expect(ownersBelow(top)).toEqual(before)
    expect(repairsOf(store)).toEqual([])
    expect(readdirSync(join(store.path, ".cistern/repairs"))).toEqual([])
  })

  it("leaves devices, fifos, files of several names and other filesystems alone, and says so", () => {
    const { store, top } = wrongRepository()
    writeFileSync(join(store.path, "outside"), "")
    linkSync(join(store.path, "outside"), join(top, "hard"))
    execFileSync("mkfifo", [join(top, "fifo")])
    execFileSync("mknod", [join(top, "disk"), "b", "7", "0"])
    mountImage(ext4Image(), join(top, "mounted"))
    mkdirSync(join(store.path, "bound"))
    writeFileSync(join(store.path, "bound/file"), "")
    mountBind(join(store.path, "bound"), join(top, "bind"))
    const { plan } = repair(requestFor(store))
    expect(plan.hardLinked).toEqual({ count: 1, example: `${top}/hard` })
    expect(plan.special).toEqual({ count: 2, example: `${top}/disk` })
    expect(plan.elsewhere).toEqual({ count: 2, example: `${top}/bind` })
    expect(ownersBelow(store.path)).toMatchObject({
      outside: "0:0 644",
      "kopia/disk": expect.stringMatching(/^0:0/) as string,
      "kopia/mounted": "0:0 755",
      "kopia/bind/file": "0:0 644",
      "kopia/p00": "568:568 700",
    })
    repair(requestFor(store, { hardLinks: true }))
    expect(ownersBelow(store.path)).toMatchObject({ outside: "568:568 644" })
  })

  it("changes a link and never what it leads to, and takes set-uid from what changes hands", () => {
    const { store, top } = wrongRepository()
    const precious = canary()
    const before = precious.state()
    symlinkSync(precious.path, join(top, "link"))
    symlinkSync(join(precious.path, "file"), join(top, "filelink"))
    writeFileSync(join(top, "suid"), "")
    chmodSync(join(top, "suid"), 0o4755)
    repair(requestFor(store))
    expect(ownersBelow(top)).toMatchObject({
      link: "568:568 777",
      filelink: "568:568 777",
      suid: "568:568 755",
    })
    expect(precious.state()).toBe(before)
  })

  it("knows names that are not text, or hold a line end", () => {
    const { store, top } = wrongRepository()
    const names = [
      Buffer.from("line\nend"),
      Buffer.from([0x61, 0xff, 0xfe]),
      Buffer.from("ü"),
      Buffer.from("%41"),
    ]
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${top}/`), name]), "")
    const { id, changed } = repair(requestFor(store))
    expect(changed).toBe(8)
    const ownerOf = (name: Buffer) => lstatSync(Buffer.concat([Buffer.from(`${top}/`), name])).uid
    expect(names.map(ownerOf)).toEqual([568, 568, 568, 568])
    finish(undoRepair(store, id))
    expect(names.map(ownerOf)).toEqual([0, 0, 0, 0])
  })

  it("of a store without a folder of ours is refused, because it could not be undone", () => {
    const { store, top } = wrongRepository()
    execFileSync("rm", ["-r", join(store.path, ".cistern")])
    const before = ownersBelow(top)
    const request = requestFor(store)
    const { digest } = finish(previewRepair(request))
    expect(() => finish(repairDirectory(request, record(), digest))).toThrow(
      expect.objectContaining({ code: "missing" }) as Error,
    )
    expect(ownersBelow(top)).toEqual(before)
  })

  it("is refused while others may write to the folder of ours, or where it is a link", () => {
    const { store } = wrongRepository()
    const request = requestFor(store)
    const { digest } = finish(previewRepair(request))
    chmodSync(join(store.path, ".cistern"), 0o777)
    const act = () => finish(repairDirectory(request, record(), digest))
    expect(act).toThrow(
      expect.objectContaining({
        code: "corrupt",
        hint: expect.stringContaining("chmod go-w") as string,
      }) as Error,
    )
    renameSync(join(store.path, ".cistern"), join(store.path, "moved"))
    symlinkSync("moved", join(store.path, ".cistern"))
    expect(act).toThrow(
      expect.objectContaining({
        code: "corrupt",
        message: expect.stringContaining("a link") as string,
      }) as Error,
    )
  })

  it("changes nothing where the journal does not fit on the disk", () => {
    const path = storeAt().path
    mountImage(ext4Image(), path)
    const store = storeAt(path)
    mkdirSync(join(path, "kopia"))
    for (let at = 0; at < 200; at++) writeFileSync(join(path, "kopia", `f${at}`), "")
    useAllSpace(path)
    const before = ownersBelow(join(path, "kopia"))
    const request = requestFor(store)
    const { digest } = finish(previewRepair(request))
    expect(() => finish(repairDirectory(request, record(), digest))).toThrow(
      expect.objectContaining({ code: "io", hint: "Make room on the store's filesystem." }) as Error,
    )
    expect(ownersBelow(join(path, "kopia"))).toEqual(before)
  })
})

/** To the last block: what a big write leaves over, small ones take. */
function useAllSpace(directory: string): void {
  for (const size of [1024 * 1024, 4096]) {
    const fill = (): void => {
      for (let at = 0; ; at++) writeFileSync(join(directory, `filler-${size}-${at}`), Buffer.alloc(size))
    }
    expect(fill).toThrow("ENOSPC")
    execFileSync("sync", ["--file-system", directory])
  }
}

describe("an undo", () => {
  it("brings every owner and mode back, and is none any more after that", () => {
    const { store, top } = wrongRepository()
    const before = ownersBelow(top)
    const { id } = repair(requestFor(store, { wanted: { uid: 1000, gid: 1000, mode: 0o770 } }))
    expect(ownersBelow(top)).not.toEqual(before)
    expect(repairsOf(store).map((one) => one.id)).toEqual([id])
    expect(finish(undoRepair(store, id))).toMatchObject({ changed: 4, otherwise: { count: 0 } })
    expect(ownersBelow(top)).toEqual(before)
    expect(repairsOf(store)).toEqual([])
    expect(finish(undoRepair(store, id))).toBeUndefined()
  })

  it("leaves alone what somebody changed, replaced or removed since, and says so", () => {
    const { store, top } = wrongRepository()
    const { id } = repair(requestFor(store))
    chownSync(join(top, "kopia.repository.f"), 7, 7)
    execFileSync("sh", [
      "-c",
      `cp "${top}/p00/pack.f" "${top}/p00/new" && mv -f "${top}/p00/new" "${top}/p00/pack.f"`,
    ])
    const undone = finish(undoRepair(store, id))
    expect(undone).toMatchObject({ changed: 2, otherwise: { count: 2 } })
    expect(ownersBelow(top)).toMatchObject({
      "kopia.repository.f": "7:7 600",
      "p00/pack.f": "0:0 400",
      p00: "1000:1000 500",
    })
  })

  it("of another directory of the same name is refused", () => {
    const { store, top } = wrongRepository()
    const { id } = repair(requestFor(store))
    renameSync(top, `${top}.old`)
    mkdirSync(top)
    expect(() => finish(undoRepair(store, id))).toThrow(
      expect.objectContaining({ code: "unstable" }) as Error,
    )
  })

  it.each([
    ["cut in two", (text: string) => text.slice(0, text.length / 2)],
    ["without its end", (text: string) => text.split("\n").slice(0, -2).join("\n") + "\n"],
    ["with a path that leaves the directory", (text: string) => text.replace('"p00/pack.f"', '"../../x"')],
    ["of another kind", (text: string) => text.replace('"repair"', '"ledger"')],
    ["with an owner that is none", (text: string) => text.replace("[0,0,", "[-1,0,")],
  ])("by a journal %s changes nothing more than its good lines say, and is told", (_, damage) => {
    const { store, top } = wrongRepository()
    const { id } = repair(requestFor(store))
    const file = join(store.path, ".cistern/repairs", `${id}.jsonl`)
    writeFileSync(file, damage(readFileSync(file, "utf8")))
    expect(() => finish(undoRepair(store, id))).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
    expect(Object.values(ownersBelow(top)).every((one) => /^(568:568|0:0|1000:1000) /.test(one))).toBe(true)
  })

  it("by a journal that somebody else wrote is refused", () => {
    const { store } = wrongRepository()
    const { id } = repair(requestFor(store))
    const file = join(store.path, ".cistern/repairs", `${id}.jsonl`)
    chownSync(file, 568, 568)
    expect(() => finish(undoRepair(store, id))).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
    chownSync(file, 0, 0)
    renameSync(file, join(store.path, "elsewhere"))
    symlinkSync(join(store.path, "elsewhere"), file)
    expect(() => finish(undoRepair(store, id))).toThrow("cannot be read (ELOOP)")
  })

  it("brings back what a killed repair had changed, wherever it was killed", async () => {
    const { store, top } = wrongRepository()
    for (let folder = 0; folder < 40; folder++) {
      mkdirSync(join(top, `d${folder}`))
      for (let at = 0; at < 50; at++) writeFileSync(join(top, `d${folder}`, `f${at}`), "")
    }
    const before = ownersBelow(top)
    const code = compiled("storage")
    let halfWay = 0
    for (let round = 0; round < 5; round++) {
      const its = record()
      const script = `
        import { previewRepair, repairDirectory } from ${JSON.stringify(join(code, "storage/disk/index.js"))}
        const [request, record] = ${JSON.stringify([requestFor(store), its])}
        const finish = (steps) => { for (;;) { const { done, value } = steps.next(); if (done) return value } }
        const { digest } = finish(previewRepair(request))
        const steps = repairDirectory(request, record, digest)
        let at = 0
        for (;;) { const { done } = steps.next(); if (done) break; if (at++ === ${33 + round * 6}) process.kill(process.pid, "SIGKILL") }`
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" })
      await once(child, "close")
      const between = ownersBelow(top)
      const changed = Object.keys(before).filter((name) => between[name] !== before[name]).length
      if (changed > 0 && changed < Object.keys(before).length) halfWay++
      finish(undoRepair(store, its.id))
      expect(ownersBelow(top)).toEqual(before)
    }
    expect(halfWay).toBeGreaterThan(1)
  }, 120_000)
})

describe("between its plan and its end", () => {
  it("a repair leaves alone what was replaced by a link, or has something mounted over it, and does the rest", () => {
    const { store, top } = wrongRepository()
    const names = Array.from({ length: 5 }, (_, at) => `f${at}`)
    for (const folder of ["early", "linked", "mounted"]) {
      mkdirSync(join(top, folder))
      for (const name of names) writeFileSync(join(top, folder, name), "")
    }
    for (let at = 0; at < 200; at++) writeFileSync(join(top, "early", `more${at}`), "")
    const precious = canary(names)
    const before = precious.state()
    const request = requestFor(store)
    const plan = finish(previewRepair(request))
    const its = record()
    let acted = false
    const outcome = finish(repairDirectory(request, its, plan.digest), () => {
      if (acted || !existsSync(join(store.path, ".cistern/repairs", `${its.id}.jsonl`))) return
      acted = true
      renameSync(join(top, "linked"), join(top, "moved"))
      symlinkSync(precious.path, join(top, "linked"))
      mountBind(precious.path, join(top, "mounted"))
    })
    // The two folders, and the five files of each.
    expect(outcome).toMatchObject({ stale: false, changed: plan.changes - 12, otherwise: { count: 12 } })
    expect(precious.state()).toBe(before)
    expect(ownersBelow(top)).toMatchObject({ "p00/pack.f": "568:568 400", "moved/f0": "0:0 644" })
  })
})

describe("while somebody swaps a directory for a link", () => {
  it("a repair and its undoing change nothing outside", async () => {
    const { store, top } = wrongRepository()
    const names = Array.from({ length: 40 }, (_, at) => `f${at}`)
    for (const name of names) writeFileSync(join(top, "p00", name), "")
    const precious = canary(names)
    const before = precious.state()
    const swaps = await swapping(join(top, "p00"), precious.path)
    let [done, wrong] = [0, 0]
    for (let at = 0; (done < 50 || wrong < 50) && at < 10_000; at++) {
      const wanted = { uid: 500 + at, gid: 500 + at, mode: undefined }
      try {
        const { id, otherwise } = repair(requestFor(store, { wanted }))
        if (otherwise.count > 0) wrong++
        if (at % 2 === 0) finish(undoRepair(store, id))
        done++
      } catch {
        wrong++
      }
    }
    expect(await swaps.stop()).toBeGreaterThan(100)
    expect(precious.state()).toBe(before)
    expect(done).toBeGreaterThanOrEqual(50)
    expect(wrong).toBeGreaterThanOrEqual(50)
  }, 120_000)

  it("of the directory that is repaired, too", async () => {
    const { store, top } = wrongRepository()
    const precious = canary()
    const before = precious.state()
    const swaps = await swapping(top, precious.path)
    let [done, refused] = [0, 0]
    for (let at = 0; (done < 50 || refused < 50) && at < 50_000; at++) {
      try {
        repair(requestFor(store, { wanted: { uid: 500 + at, gid: 500, mode: 0o777 } }))
        done++
      } catch {
        refused++
      }
    }
    await swaps.stop()
    expect(precious.state()).toBe(before)
    expect(done).toBeGreaterThanOrEqual(50)
    expect(refused).toBeGreaterThanOrEqual(50)
    await until(() => lstatSync(top).isDirectory(), Boolean, "the directory to be back")
  }, 120_000)
})
