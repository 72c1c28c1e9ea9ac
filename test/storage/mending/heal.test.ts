import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { findWhole, heal, type Healed, type Healing } from "../../../storage/mending/index.js"
import type { Proof } from "../../../storage/proof.js"
import type { Engine } from "../../../storage/repository.js"
import { btrfsMount } from "../../support/btrfs.js"
import { damages, filesBelow } from "../../support/damage.js"
import { expectedOf, fixture, fixtureCopy, scratch } from "../../support/fixtures.js"
import { failure, open as openKopia, passwordOf } from "../kopia/open.js"
import { openRestic } from "../../../storage/restic/index.js"
import { DirectoryTree } from "../../../storage/blobs/index.js"

const RESTIC = "restic/v2-by-0.18"
const KOPIA = "kopia/full-tree"
const now = new Date("2026-11-22T04:00:00Z")

const whole = { kopia: () => fixture(KOPIA), restic: () => fixture(RESTIC) }
const packs = { kopia: /^p\//, restic: /^data\// }
const indexes = { kopia: /^x\/n/, restic: /^(index|snapshots|keys)\// }

function proofOf(engine: Engine, repository: string, file: string): Promise<Proof | undefined> {
  return engine === "kopia"
    ? openKopia(repository, passwordOf(KOPIA)).proofOf(file)
    : openRestic({ files: new DirectoryTree(repository), password: undefined }).proofOf(file)
}

/** Every file with what an engine and a mover can see of it. */
function stateOf(directory: string): unknown {
  return filesBelow(directory, /./).map((path) => {
    const { mode, uid, gid, size, mtimeNs } = statSync(path, { bigint: true })
    const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex")
    return [relative(directory, path), mode, uid, gid, size, mtimeNs, sha256]
  })
}

interface Scene {
  readonly repository: string
  readonly file: string
  readonly healing: Healing
}

/** A copy of a fixture, one of whose files is about to be damaged; `file` is the pattern that chooses it. */
async function scene(engine: Engine, pattern: RegExp, aside = join(scratch(), "aside")): Promise<Scene> {
  const repository = fixtureCopy(engine === "kopia" ? KOPIA : RESTIC)
  const [path] = filesBelow(repository, pattern)
  if (path === undefined) throw new Error(`no file is like ${pattern}`)
  const file = relative(repository, path)
  const proof = await proofOf(engine, repository, file)
  if (proof === undefined) throw new Error(`nothing proves ${file}`)
  const from = { name: "yesterday", directory: whole[engine]() }
  return { repository, file, healing: { repository, engine, file, from, proof, aside, now } }
}

describe.each(["kopia", "restic"] as const)("a damaged file of a %s repository", (engine) => {
  it.each(
    [packs, indexes].flatMap((chosen, at) =>
      (["emptied", "cut short", "changed in one bit", "removed"] as const).map(
        (damage) => [at === 0 ? "pack" : "metadata file", damage, chosen[engine]] as const,
      ),
    ),
  )("%s, %s: is as it was, and what was there is kept", async (_kind, damage, pattern) => {
    const { repository, file, healing } = await scene(engine, pattern)
    damages[damage](join(repository, file))
    const damaged = damage === "removed" ? undefined : readFileSync(join(repository, file))
    if (damage === "removed") expect(await failure(heal(healing))).toMatchObject({ code: "invalid" })
    const healed = await heal({ ...healing, isNeeded: damage === "removed" })
    expect(stateOf(repository)).toEqual(stateOf(whole[engine]()))
    expect(healed.bytes).toBe(statSync(join(repository, file)).size)
    if (damaged === undefined) expect(healed.aside).toBeUndefined()
    else expect(readFileSync(join(kept(healed), "damaged")).equals(damaged)).toBe(true)
  })

  it("is looked for in the other states until one has it whole", async () => {
    const { repository, file, healing } = await scene(engine, packs[engine])
    const bad = fixtureCopy(engine === "kopia" ? KOPIA : RESTIC)
    damages["changed in one bit"](join(bad, file))
    const states = [
      { name: "a copy with another damage", directory: bad },
      { name: "nothing", directory: scratch() },
      healing.from,
      { name: "not needed any more", directory: repository },
    ]
    const looked = await findWhole(file, states, healing.proof)
    expect(looked.map(({ kind }) => kind)).toEqual(["other", "absent", "whole"])
    const refused = await failure(
      heal({ ...healing, from: { name: "a copy with another damage", directory: bad }, repository: bad }),
    )
    expect(refused.code).toBe("invalid")
  })

  it("stays as it is when the other state's is damaged, too", async () => {
    const { repository, file, healing } = await scene(engine, packs[engine])
    const bad = fixtureCopy(engine === "kopia" ? KOPIA : RESTIC)
    damages["cut short"](join(bad, file))
    damages["changed in one bit"](join(repository, file))
    const before = stateOf(repository)
    const refused = await failure(heal({ ...healing, from: { name: "bad", directory: bad } }))
    expect(refused).toMatchObject({ code: "invalid", facts: { file } })
    expect(stateOf(repository)).toEqual(before)
  })

  it("is not touched while it is whole", async () => {
    const { repository, healing } = await scene(engine, packs[engine])
    expect(await failure(heal(healing))).toMatchObject({ code: "invalid" })
    expect(stateOf(repository)).toEqual(stateOf(whole[engine]()))
  })

  it("is not followed where it is a link, nor is its folder", async () => {
    const { repository, file, healing } = await scene(engine, packs[engine])
    const elsewhere = join(scratch(), "outside")
    writeFileSync(elsewhere, "outside")
    damages.removed(join(repository, file))
    symlinkSync(elsewhere, join(repository, file))
    expect(await failure(heal(healing))).toMatchObject({ code: "io" })
    expect(readFileSync(elsewhere, "utf8")).toBe("outside")
    expect(lstatSync(join(repository, file)).isSymbolicLink()).toBe(true)

    const moved = join(scratch(), "moved")
    const folder = dirname(join(repository, file))
    renameSync(folder, moved)
    symlinkSync(moved, folder)
    expect(await failure(heal(healing))).toMatchObject({ code: "missing" })
    expect(readdirSync(moved).filter((name) => name.includes("tmp"))).toEqual([])
  })

  it("is kept by what can be read of it where the kept one lies on another filesystem", async () => {
    const aside = join(btrfsMount(), "aside")
    const { repository, file, healing } = await scene(engine, packs[engine], aside)
    damages["changed in one bit"](join(repository, file))
    const damaged = readFileSync(join(repository, file))
    const healed = await heal(healing)
    expect(healed.aside).toMatchObject({ unreadableBytes: 0 })
    expect(readFileSync(join(kept(healed), "damaged")).equals(damaged)).toBe(true)
    expect(JSON.parse(readFileSync(join(kept(healed), "about.json"), "utf8"))).toMatchObject({
      file,
      from: "yesterday",
      healed: now.toISOString(),
    })
  })
})

describe("a proof", () => {
  it("is had of no file that has no mark", async () => {
    const restic = fixture(RESTIC)
    expect(await proofOf("restic", restic, "config")).toBeUndefined()
    expect(await proofOf("restic", restic, "data/00/../../config")).toBeUndefined()
    const kopia = fixture(KOPIA)
    expect(await proofOf("kopia", kopia, ".shards")).toBeUndefined()
    expect(await proofOf("kopia", kopia, "kopia.repository.f")).toBeUndefined()
    expect(await proofOf("kopia", kopia, `p${"0".repeat(31)}.f`)).toBeUndefined()
  })

  it("does not hold for another pack of the same repository, nor for one content of many that is damaged", async () => {
    const { healing, repository } = await scene("kopia", packs.kopia)
    const [mine, other] = filesBelow(repository, packs.kopia)
    if (mine === undefined || other === undefined) throw new Error("two packs are needed")
    expect(await healing.proof.holds(readFileSync(other))).toBe(false)
    const bytes = readFileSync(mine)
    expect(await healing.proof.holds(bytes)).toBe(true)
    for (let at = 64; at < bytes.length - 2048; at += Math.ceil(bytes.length / 7)) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(await healing.proof.holds(changed), `byte ${at}`).toBe(false)
    }
  })
})

it("a healed repository of restic is whole for the real one", async () => {
  const { repository, file, healing } = await scene("restic", packs.restic)
  damages["changed in one bit"](join(repository, file))
  const { password } = expectedOf(RESTIC) as { password: string }
  const check = () =>
    spawnSync("restic", ["-r", repository, "--no-cache", "check", "--read-data"], {
      env: { PATH: process.env["PATH"], RESTIC_PASSWORD: password },
      encoding: "utf8",
    })
  expect(check().status).not.toBe(0)
  await heal(healing)
  expect(check()).toMatchObject({ status: 0 })
})

function kept({ aside }: Healed): string {
  if (aside === undefined) throw new Error("nothing was kept")
  return aside.folder
}
