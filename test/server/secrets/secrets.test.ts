import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterEach, describe, expect, it } from "vitest"
import { openDatabase, SealedSecrets, type StateDatabase, StretchedKeys } from "../../../server/db/index.js"
import {
  openSecrets,
  readSecretFile,
  readSecretSetting,
  readSecretVariable,
  type Secrets,
} from "../../../server/secrets/index.js"
import { Secret } from "../../../storage/secret.js"
import { scratch } from "../../support/fixtures.js"

const opened: StateDatabase[] = []

afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

const PASSWORD = "correct horse battery staple"

function open(directory = scratch(), keyFile = join(directory, "key")) {
  const database = openDatabase(directory)
  opened.push(database)
  return { ...openSecrets(database, keyFile, { KOPIA: PASSWORD, EMPTY: "" }), database, directory, keyFile }
}

function reopen(before: {
  database: StateDatabase
  directory: string
  keyFile: string
}): ReturnType<typeof open> {
  opened.splice(opened.indexOf(before.database), 1)
  before.database.close()
  return open(before.directory, before.keyFile)
}

function failure(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error("it did not fail")
}

describe("the key file", () => {
  it("is created at the first start, random, for its owner only", () => {
    const [one, other] = [open(), open()]
    expect(statSync(one.keyFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(one.keyFile)).toHaveLength(32)
    expect(readFileSync(one.keyFile).equals(readFileSync(other.keyFile))).toBe(false)
  })

  it("is kept from then on", () => {
    const first = open()
    const key = readFileSync(first.keyFile)
    expect(readFileSync(reopen(first).keyFile).equals(key)).toBe(true)
  })

  it("may lie outside the state directory", () => {
    const keyFile = join(scratch(), "elsewhere")
    const { directory } = open(scratch(), keyFile)
    expect(readdirSync(directory)).not.toContain("elsewhere")
    expect(readFileSync(keyFile)).toHaveLength(32)
  })

  for (const mode of [0o604, 0o644, 0o602]) {
    it(`is refused with mode ${mode.toString(8)}`, () => {
      const first = open()
      chmodSync(first.keyFile, mode)
      expect(failure(() => reopen(first))).toMatchObject({
        code: "key_file",
        hint: `Run \`chmod 600 ${first.keyFile}\`.`,
      })
    })
  }

  it("may be readable by its group, as Kubernetes mounts secrets", () => {
    const first = open()
    chmodSync(first.keyFile, 0o440)
    expect(() => reopen(first)).not.toThrow()
  })

  for (const length of [0, 31, 33, 4096]) {
    it(`is refused with ${length} bytes`, () => {
      const first = open()
      writeFileSync(first.keyFile, Buffer.alloc(length, 7))
      const error = failure(() => reopen(first))
      expect(error).toMatchObject({ code: "key_file" })
      expect(error.message).toContain(`${length} bytes`)
    })
  }

  it("is refused where it is a directory or cannot be created", () => {
    const directory = scratch()
    mkdirSync(join(directory, "key"))
    expect(failure(() => open(directory))).toMatchObject({ code: "key_file" })
    expect(failure(() => open(scratch(), join(directory, "no", "such", "folder")))).toMatchObject({
      code: "key_file",
    })
  })

  it("is refused when it is another than the values were sealed with, and they are named", () => {
    const first = open()
    first.store.put("repositories/shared/password", new Secret(PASSWORD), 1)
    copyFileSync(open().keyFile, first.keyFile)
    const error = failure(() => reopen(first))
    expect(error).toMatchObject({ code: "key_file" })
    expect(error.message).toContain("repositories/shared/password")
  })

  it("is never made anew while values are sealed with the one that is gone", () => {
    const first = open()
    first.store.put("a", new Secret(PASSWORD), 1)
    rmSync(first.keyFile)
    expect(failure(() => reopen(first))).toMatchObject({ code: "key_file" })
    expect(readdirSync(first.directory)).not.toContain("key")
  })

  it("may be another where only stretched keys are lost", async () => {
    const first = open()
    await first.keys.remember("label", new Secret(PASSWORD), Buffer.from("key"))
    rmSync(first.keyFile)
    const next = reopen(first)
    expect(await next.keys.recall("label", new Secret(PASSWORD))).toBeUndefined()
    await next.keys.remember("label", new Secret(PASSWORD), Buffer.from("key"))
    expect(await reopen(next).keys.recall("label", new Secret(PASSWORD))).toEqual(
      new Uint8Array(Buffer.from("key")),
    )
  })
})

describe("a sealed value", () => {
  it("comes back over a restart, exactly", () => {
    const first = open()
    const value = "  spaces, \n newlines, ünicode \u0000 "
    first.store.put("a", new Secret(value), 1)
    const { store } = reopen(first)
    expect(store.resolve({ sealed: "a" }).secret.reveal()).toBe(value)
    expect(store.names()).toEqual(["a"])
    expect(store.has("a")).toBe(true)
    expect(store.holds("a", value)).toBe(true)
    expect(store.holds("a", `${value}x`)).toBe(false)
    expect(store.holds("b", value)).toBe(false)
    store.remove("a")
    expect(store.has("a")).toBe(false)
  })

  it("is nowhere in the state directory as it is", () => {
    const { store, directory } = open()
    store.put("a", new Secret(PASSWORD), 1)
    for (const file of readdirSync(directory)) {
      expect(readFileSync(join(directory, file)).includes(PASSWORD), file).toBe(false)
    }
  })

  it("cannot be moved to another name, changed or cut", () => {
    const { store, database } = open()
    store.put("a", new Secret(PASSWORD), 1)
    const table = new SealedSecrets(database.connection)
    const sealed = Buffer.from(table.get("a") ?? [])
    const resolve = (bytes: Uint8Array) => {
      table.put("b", bytes, 1)
      return failure(() => store.resolve({ sealed: "b" }))
    }
    expect(resolve(sealed)).toMatchObject({ code: "damaged" })
    for (let length = 0; length < sealed.length; length++) {
      table.put("a", sealed.subarray(0, length), 1)
      expect(failure(() => store.resolve({ sealed: "a" }))).toMatchObject({
        name: "SecretError",
        code: "damaged",
      })
    }
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Buffer.from(sealed)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      table.put("a", flipped, 1)
      expect(failure(() => store.resolve({ sealed: "a" }))).toMatchObject({ code: "damaged" })
    }
    table.put("a", sealed, 1)
    expect(store.resolve({ sealed: "a" }).secret.reveal()).toBe(PASSWORD)
  })

  it("is named when it is not there", () => {
    const error = failure(() => open().store.resolve({ sealed: "repositories/x/password" }))
    expect(error).toMatchObject({ code: "missing" })
    expect(error.message).toContain("repositories/x/password")
  })
})

describe("a secret in a file", () => {
  function file(content: string | Uint8Array, mode = 0o600): string {
    const path = join(scratch(), "password")
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }
  const text = (content: string | Uint8Array) => readSecretFile(file(content)).secret.reveal()

  it("is trimmed as restic trims it", () => {
    expect(text(`${PASSWORD}\n`)).toBe(PASSWORD)
    expect(text(`\uFEFF \t${PASSWORD}\r\n\r\n`)).toBe(PASSWORD)
    expect(text(`\u00a0${PASSWORD}\u0085\u2003`)).toBe(PASSWORD)
    expect(text(`a\uFEFF`)).toBe("a\uFEFF")
  })

  it("may be UTF-16 with a byte order mark", () => {
    expect(text(Buffer.from(`\uFEFF${PASSWORD}\r\n`, "utf16le"))).toBe(PASSWORD)
    expect(text(Buffer.from(`\uFEFF${PASSWORD}\n`, "utf16le").swap16())).toBe(PASSWORD)
  })

  it("draws a warning when everybody may read it, and is used", () => {
    expect(readSecretFile(file(PASSWORD)).warning).toBeUndefined()
    expect(readSecretFile(file(PASSWORD, 0o640)).warning).toBeUndefined()
    const open = readSecretFile(file(PASSWORD, 0o644))
    expect(open.warning).toContain("everybody")
    expect(open.secret.reveal()).toBe(PASSWORD)
  })

  it("is read anew each time", () => {
    const path = file("first")
    const { store } = open()
    expect(store.resolve({ file: path }).secret.reveal()).toBe("first")
    writeFileSync(path, "second")
    expect(store.resolve({ file: path }).secret.reveal()).toBe("second")
  })

  for (const [what, content, code] of [
    ["empty", "", "empty"],
    ["only white space", " \n", "empty"],
    ["not text", Uint8Array.of(0xc3, 0x28), "unreadable"],
    ["too large", "x".repeat(65_537), "unreadable"],
  ] as const) {
    it(`is refused when it is ${what}, by its path`, () => {
      const path = file(content)
      const error = failure(() => readSecretFile(path))
      expect(error).toMatchObject({ name: "SecretError", code })
      expect(error.message).toContain(path)
    })
  }

  it("is refused when it is missing or a directory, by its path", () => {
    const directory = scratch()
    expect(failure(() => readSecretFile(join(directory, "x")))).toMatchObject({ code: "missing" })
    expect(failure(() => readSecretFile(directory))).toMatchObject({ code: "unreadable" })
  })
})

describe("a secret in a variable", () => {
  it("counts exactly as it is", () => {
    expect(readSecretVariable("A", { A: ` ${PASSWORD}\n` }).reveal()).toBe(` ${PASSWORD}\n`)
    expect(open().store.resolve({ env: "KOPIA" }).secret.reveal()).toBe(PASSWORD)
  })

  it("is named when it is not set or empty", () => {
    const { store } = open()
    expect(failure(() => store.resolve({ env: "NOWHERE" }))).toMatchObject({
      code: "missing",
      message: "the variable NOWHERE is not set",
    })
    expect(failure(() => store.resolve({ env: "EMPTY" }))).toMatchObject({ code: "empty" })
  })

  it("may be in a file that NAME_FILE names, not in both", () => {
    const path = join(scratch(), "password")
    writeFileSync(path, `${PASSWORD}\n`)
    expect(readSecretSetting("P", { P_FILE: path })?.secret.reveal()).toBe(PASSWORD)
    expect(readSecretSetting("P", { P: PASSWORD, P_FILE: "" })?.secret.reveal()).toBe(PASSWORD)
    expect(readSecretSetting("P", { P: "" })).toBeUndefined()
    const error = failure(() => readSecretSetting("P", { P: PASSWORD, P_FILE: path }))
    expect(error.message).toBe("P and P_FILE are both set")
  })
})

describe("stretched keys", () => {
  const key = Buffer.from("0123456789abcdef0123456789abcdef")

  it("come back over a restart, for the same label and password only", async () => {
    const first = open()
    await first.keys.remember("restic/r1/k1", new Secret(PASSWORD), key)
    const { keys } = reopen(first)
    expect(await keys.recall("restic/r1/k1", new Secret(PASSWORD))).toEqual(new Uint8Array(key))
    expect(await keys.recall("restic/r1/k1", new Secret(`${PASSWORD} `))).toBeUndefined()
    expect(await keys.recall("restic/r1/k2", new Secret(PASSWORD))).toBeUndefined()
  })

  it("keep label and password apart", async () => {
    const { keys } = open()
    await keys.remember("ab", new Secret("c"), key)
    expect(await keys.recall("a", new Secret("bc"))).toBeUndefined()
    expect(await keys.recall("abc", new Secret(""))).toBeUndefined()
  })

  it("are as if never kept when their bytes were changed or exchanged", async () => {
    const { keys, database } = open()
    await keys.remember("one", new Secret("1"), key)
    await keys.remember("two", new Secret("2"), Buffer.from("other"))
    const names = database.connection.prepare<[], string>("SELECT name FROM stretched_key").pluck().all()
    const table = new StretchedKeys(database.connection)
    const [a, b] = names.map((name) => ({ name, sealed: Buffer.from(table.get(name) ?? []) }))
    if (a === undefined || b === undefined) throw new Error("two keys were kept")
    table.put(a.name, b.sealed, 1)
    table.put(b.name, a.sealed, 1)
    expect(await keys.recall("one", new Secret("1"))).toBeUndefined()
    expect(await keys.recall("two", new Secret("2"))).toBeUndefined()
  })
})

describe("nothing secret", () => {
  it("is in any error, however it is printed", () => {
    const directory = scratch()
    const large = join(directory, "large")
    writeFileSync(large, PASSWORD.repeat(10_000))
    const garbled = join(directory, "garbled")
    writeFileSync(garbled, Buffer.concat([Buffer.from(PASSWORD), Uint8Array.of(0xff)]))
    const first = open()
    first.store.put("a", new Secret(PASSWORD), 1)
    const key = readFileSync(first.keyFile)
    const { store, database }: Secrets & { database: StateDatabase } = first
    const errors = [
      failure(() => readSecretFile(large)),
      failure(() => readSecretFile(garbled)),
      failure(() => readSecretSetting("P", { P: PASSWORD, P_FILE: "/x" })),
      failure(() => {
        database.connection.exec("UPDATE secret SET sealed = zeroblob(99)")
        store.resolve({ sealed: "a" })
      }),
      failure(() => {
        writeFileSync(first.keyFile, Buffer.concat([key, key]))
        reopen(first)
      }),
    ]
    for (const error of errors) {
      const printed = [
        inspect(error, { depth: 9, showHidden: true }),
        error.stack ?? "",
        JSON.stringify(error),
      ].join()
      expect(printed).not.toContain(PASSWORD)
      expect(printed).not.toContain(key.toString("hex"))
      expect(error.cause).toBeUndefined()
    }
  })

  it("shows when a resolved secret is printed", () => {
    const resolved = open().store.resolve({ value: PASSWORD })
    expect(inspect(resolved) + JSON.stringify(resolved)).not.toContain(PASSWORD)
  })
})
