import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { DirectoryTree, VolatileBlobMemory } from "../../../storage/blobs/index.js"
import { StorageError } from "../../../storage/errors.js"
import type { KeyMemory, Listing } from "../../../storage/repository.js"
import { openRestic } from "../../../storage/restic/index.js"
import { Secret } from "../../../storage/secret.js"
import { fixtureCopy } from "../../support/fixtures.js"
import { open } from "./restic-fixtures.js"

const PASSWORD = "restic password"

/** Keeps derived keys, so that thousands of damaged repositories are opened without stretching a key each time. */
class Keys implements KeyMemory {
  readonly #keys = new Map<string, Uint8Array>()
  async recall(label: string): Promise<Uint8Array | undefined> {
    return this.#keys.get(label)
  }
  async remember(label: string, _password: Secret, key: Uint8Array): Promise<void> {
    this.#keys.set(label, key)
  }
}

const keys = new Keys()

function list(directory: string, password: string | undefined): Promise<Listing> {
  return openRestic({
    files: new DirectoryTree(directory),
    password: password === undefined ? undefined : new Secret(password),
    keys,
  }).list()
}

async function failure(action: Promise<unknown>): Promise<StorageError> {
  const error: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof StorageError) return error
  throw new Error(`no StorageError: ${String(error)}`)
}

function only(directory: string, folder: string): string {
  const name = readdirSync(join(directory, folder))[0]
  if (name === undefined) throw new Error(`${folder} is empty`)
  return `${folder}/${name}`
}

/** Overwrites a file in place, as restic never does. */
function overwrite(directory: string, file: string, bytes: Uint8Array): void {
  chmodSync(join(directory, file), 0o600)
  writeFileSync(join(directory, file), bytes)
}

const flipped = (bytes: Buffer, at: number) => {
  const damaged = Buffer.from(bytes)
  damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at)
  return damaged
}

describe("damage", () => {
  const directory = fixtureCopy("restic/locks")
  const files = {
    config: "config",
    key: only(directory, "keys"),
    snapshot: only(directory, "snapshots"),
    lock: only(directory, "locks"),
    index: only(directory, "index"),
  }

  /** Tries every damaged form of one file, and puts the file back. */
  async function eachDamage(
    file: string,
    check: (what: string, damaged: Buffer) => Promise<void>,
  ): Promise<void> {
    const whole = readFileSync(join(directory, file))
    for (let at = 0; at < whole.length; at++) {
      for (const [what, damaged] of [
        [`byte ${at} flipped`, flipped(whole, at)],
        [`cut to ${at} bytes`, whole.subarray(0, at)],
      ] as const) {
        overwrite(directory, file, damaged)
        await check(what, damaged)
      }
    }
    overwrite(directory, file, Buffer.concat([whole, Buffer.from([0])]))
    await check("one byte longer", whole)
    overwrite(directory, file, whole)
    await expect(list(directory, PASSWORD)).resolves.toMatchObject({ snapshots: [{}, {}] })
  }

  for (const [kind, file] of [
    ["config", files.config],
    ["the key file", files.key],
    ["a snapshot", files.snapshot],
  ] as const) {
    it(`of ${kind} at any place is an error that names it, never a shorter list`, async () => {
      await eachDamage(file, async (what) => {
        const error = await failure(list(directory, PASSWORD))
        expect({ what, code: error.code, file: error.facts["file"] }).toEqual({ what, code: "corrupt", file })
      })
    })
  }

  for (const [kind, file] of [
    ["the key file", files.key],
    ["a snapshot", files.snapshot],
  ] as const) {
    it(`of ${kind} at any place is found without the password too`, async () => {
      await eachDamage(file, async (what) => {
        const error = await failure(list(directory, undefined))
        expect({ what, code: error.code, file: error.facts["file"] }).toEqual({ what, code: "corrupt", file })
      })
    })
  }

  it("of a lock at any place leaves a writer of whom nothing is known, and a notice", async () => {
    await eachDamage(files.lock, async (what, damaged) => {
      const { snapshots, writers, notices } = await list(directory, PASSWORD)
      expect(snapshots).toHaveLength(2)
      const writer = writers.find(({ id }) => files.lock.endsWith(id))
      if (damaged.length === 0) {
        expect({ what, writer }).toEqual({ what, writer: undefined })
        expect(notices).toMatchObject([{ code: "empty_file", file: files.lock }])
      } else {
        expect({ what, writer }).toMatchObject({ what, writer: { host: undefined, exclusive: undefined } })
        expect(notices).toMatchObject([{ code: "unreadable_lock", file: files.lock }])
      }
    })
  })

  it("of an index at any place is an error that names it", async () => {
    const repository = openRestic({
      files: new DirectoryTree(directory),
      password: new Secret(PASSWORD),
      keys,
    })
    await eachDamage(files.index, async (what) => {
      const error = await failure(repository.readIndexes())
      expect({ what, code: error.code, file: error.facts["file"] }).toEqual({
        what,
        code: "corrupt",
        file: files.index,
      })
    })
  })
})

describe("a file that is gone", () => {
  it("config: is said to be lost, beside keys and data", async () => {
    const directory = fixtureCopy("restic/two-keys")
    rmSync(join(directory, "config"))
    for (const password of ["first password", undefined]) {
      expect(await failure(list(directory, password))).toMatchObject({
        code: "corrupt",
        facts: { file: "config" },
      })
    }
  })

  it("config: is said to be lost beside nothing but packs", async () => {
    const directory = fixtureCopy("restic/two-keys")
    for (const name of ["config", "keys", "snapshots", "index", "locks"]) {
      rmSync(join(directory, name), { recursive: true })
    }
    expect(await failure(list(directory, undefined))).toMatchObject({
      code: "corrupt",
      facts: { file: "config" },
    })
  })

  for (const [name, password] of [
    ["keys", "first password"],
    ["keys", undefined],
    ["snapshots", "first password"],
    ["snapshots", undefined],
    ["data", "first password"],
    ["data", undefined],
  ] as const) {
    it(`${name}: is an error ${password === undefined ? "without" : "with"} the password`, async () => {
      const directory = fixtureCopy("restic/two-keys")
      rmSync(join(directory, name), { recursive: true })
      expect(await failure(list(directory, password))).toMatchObject({
        code: "corrupt",
        facts: { file: name },
      })
    })
  }

  it("all key files: nobody can open the repository", async () => {
    const directory = fixtureCopy("restic/two-keys")
    for (const name of readdirSync(join(directory, "keys"))) rmSync(join(directory, "keys", name))
    expect(await failure(list(directory, "first password"))).toMatchObject({
      code: "corrupt",
      facts: { file: "keys" },
    })
  })

  it("all index files: the snapshots that restic still lists cannot be restored", async () => {
    const directory = fixtureCopy("restic/two-keys")
    for (const name of readdirSync(join(directory, "index"))) rmSync(join(directory, "index", name))
    for (const password of ["first password", undefined]) {
      expect(await failure(list(directory, password))).toMatchObject({
        code: "index_lost",
        facts: { file: "index", snapshots: 2 },
      })
    }
  })

  it("locks: nobody is at work", async () => {
    const directory = fixtureCopy("restic/locks")
    rmSync(join(directory, "locks"), { recursive: true })
    expect(await list(directory, PASSWORD)).toMatchObject({ writers: [], snapshots: [{}, {}] })
  })
})

describe("one of two key files damaged", () => {
  const damagedKeys = () => {
    const directory = fixtureCopy("restic/two-keys")
    const file = only(directory, "keys")
    overwrite(directory, file, flipped(readFileSync(join(directory, file)), 40))
    return { directory, file }
  }

  it("leaves the other password working, with a notice", async () => {
    const { directory, file } = damagedKeys()
    const outcomes = await Promise.allSettled([
      open(directory, "first password").list(),
      open(directory, "zweites Paßwort").list(),
    ])
    const listings = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []))
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as unknown] : [],
    )
    expect(listings).toMatchObject([{ snapshots: [{}, {}], notices: [{ code: "damaged_key", file }] }])
    expect(errors).toMatchObject([{ code: "wrong_password", facts: { tried: 1, unusable: 1, file } }])
  })
})

describe("what must never happen", () => {
  it("is that the memory of blobs hides a snapshot that is gone, or answers for another repository", async () => {
    const memory = new VolatileBlobMemory()
    const directory = fixtureCopy("restic/two-keys")
    const options = {
      files: new DirectoryTree(directory),
      password: new Secret("first password"),
      memory,
      keys,
    }
    expect((await openRestic(options).list()).snapshots).toHaveLength(2)
    const moved = only(directory, "snapshots")
    const bytes = readFileSync(join(directory, moved))
    rmSync(join(directory, moved))
    expect((await openRestic(options).list()).snapshots).toHaveLength(1)

    const other = fixtureCopy("restic/rewritten-tagged")
    writeFileSync(join(other, moved), bytes)
    const stranger = openRestic({
      ...options,
      files: new DirectoryTree(other),
      password: new Secret(PASSWORD),
    })
    expect(await failure(stranger.list())).toMatchObject({ code: "corrupt", facts: { file: moved } })
  })

  it("is that a key file removed while we run still opens the repository", async () => {
    const directory = fixtureCopy("restic/two-keys")
    const repository = open(directory, "first password")
    expect((await repository.list()).snapshots).toHaveLength(2)
    rmSync(join(directory, "keys/73400436afe32a39af04a56518d6e4306ff0ee3e98e291c49946246138674227"))
    expect(await failure(repository.list())).toMatchObject({ code: "wrong_password", facts: { keys: 1 } })
  })
})
