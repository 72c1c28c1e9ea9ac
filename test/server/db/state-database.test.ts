import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, describe, expect, it } from "vitest"
import { DatabaseError, openDatabase, Pins, type StateDatabase } from "../../../server/db/index.js"
import { openSqlite } from "../../../server/db/sqlite.js"
import { compiled } from "../../support/compiled.js"
import { scratch } from "../../support/fixtures.js"

const opened: StateDatabase[] = []
const children: ChildProcess[] = []

afterEach(() => {
  for (const database of opened.splice(0)) database.close()
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

function open(directory: string): StateDatabase {
  const database = openDatabase(directory)
  opened.push(database)
  return database
}

function close(database: StateDatabase): void {
  opened.splice(opened.indexOf(database), 1)
  database.close()
}

function failure(work: () => unknown): DatabaseError {
  try {
    work()
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
  throw new Error("it did not fail")
}

describe("the state database", () => {
  it("is created with its directory, for its owner only", () => {
    const directory = join(scratch(), "var", "cistern")
    open(directory)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const file of ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "lock.sqlite"]) {
      expect(statSync(join(directory, file)).mode & 0o777, file).toBe(0o600)
    }
  })

  it("writes through to the disk and checks references", () => {
    const { connection } = open(scratch())
    expect(connection.pragma("journal_mode", { simple: true })).toBe("wal")
    expect(connection.pragma("synchronous", { simple: true })).toBe(2)
    expect(connection.pragma("foreign_keys", { simple: true })).toBe(1)
  })

  it("keeps what was written over a restart", () => {
    const directory = scratch()
    const first = open(directory)
    const pin = { place: "p", engine: "kopia", repositoryId: "a", fingerprint: "a", pinnedAt: 1 } as const
    new Pins(first.connection).put(pin)
    close(first)
    expect(new Pins(open(directory).connection).all()).toEqual([pin])
  })

  it("is not opened twice by one process", () => {
    const directory = scratch()
    open(directory)
    expect(failure(() => openDatabase(directory))).toMatchObject({ code: "locked" })
  })

  it("can be opened again by the same process once it was closed", () => {
    const directory = scratch()
    close(open(directory))
    expect(() => open(directory)).not.toThrow()
  })

  it("refuses a file that is no database, and leaves it as it is", () => {
    const directory = scratch()
    writeFileSync(join(directory, "state.sqlite"), "something else, long enough to be looked at".repeat(100))
    const error = failure(() => openDatabase(directory))
    expect(error.code).toBe("corrupt")
    expect(error.message).toContain("state.sqlite")
    expect(error.hint).toContain("backup")
    expect(readFileSync(join(directory, "state.sqlite"), "utf8")).toContain("something else")
  })

  it("notices damaged pages at the start", () => {
    const directory = scratch()
    const first = open(directory)
    const pins = new Pins(first.connection)
    for (let n = 0; n < 500; n++) {
      pins.put({ place: `place-${n}`, engine: "kopia", repositoryId: "x", fingerprint: "x", pinnedAt: n })
    }
    close(first)
    const file = join(directory, "state.sqlite")
    const descriptor = openSync(file, "r+")
    for (let page = 1; page * 4096 < statSync(file).size; page++) {
      writeSync(descriptor, Buffer.alloc(512, 0xa5), 0, 512, page * 4096)
    }
    closeSync(descriptor)
    expect(failure(() => openDatabase(directory)).code).toBe("corrupt")
  })

  it("does not hold the directory after it failed to open", () => {
    const directory = scratch()
    const file = join(directory, "state.sqlite")
    writeFileSync(file, "not a database at all".repeat(100))
    failure(() => openDatabase(directory))
    writeFileSync(file, "")
    expect(() => open(directory)).not.toThrow()
  })

  it("says which directory it may not create", () => {
    const file = join(scratch(), "file")
    writeFileSync(file, "")
    const error = failure(() => openDatabase(join(file, "state")))
    expect(error.code).toBe("denied")
    expect(error.message).toContain(join(file, "state"))
    expect(error.hint).toContain("CISTERN_STATE")
  })
})

describe("a daemon that is killed", () => {
  const code = compiled("server/db", "storage")
  const script = join(code, "write-for-ever.mjs")
  writeFileSync(
    script,
    `import { writeSync } from "node:fs"
     import { openDatabase, Pins } from "./server/db/index.js"
     const pins = new Pins(openDatabase(process.argv[2]).connection)
     for (let n = pins.all().length; ; n++) {
       pins.put({ place: String(n), engine: "kopia", repositoryId: "x", fingerprint: "x", pinnedAt: n })
       writeSync(1, n + "\\n")
     }`,
  )

  /** Starts a writer and resolves with the last number it confirmed, after killing it at `killAt`. */
  async function writeAndKill(directory: string, killAt: number): Promise<number> {
    const child = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] })
    children.push(child)
    let confirmed = -1
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed = Number(line)
      if (confirmed === killAt) child.kill("SIGKILL")
    }
    return confirmed
  }

  it("loses nothing that it confirmed, at whatever moment", async () => {
    const directory = scratch()
    let before = 0
    for (const more of [1, 17, 60, 133]) {
      const confirmed = await writeAndKill(directory, before + more)
      expect(confirmed).toBeGreaterThanOrEqual(before + more)
      const database = open(directory)
      const places = new Pins(database.connection).all().map((pin) => Number(pin.place))
      expect(places.sort((a, b) => a - b).slice(0, confirmed + 1)).toEqual(
        Array.from({ length: confirmed + 1 }, (_, n) => n),
      )
      before = places.length
      close(database)
    }
  })

  it("holds the directory while it lives, is named, and lets go by dying", async () => {
    const directory = scratch()
    const child = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] })
    children.push(child)
    await new Promise((resolve) => child.stdout.once("data", resolve))
    const error = failure(() => openDatabase(directory))
    expect(error.code).toBe("locked")
    expect(error.message).toContain(`process ${String(child.pid)}`)
    const gone = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGKILL")
    await gone
    expect(() => open(directory)).not.toThrow()
  })
})

describe("migrations", () => {
  const first = { name: "0001-first", sql: "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT;" }
  const second = {
    name: "0002-second",
    sql: "ALTER TABLE one ADD COLUMN name TEXT; INSERT INTO one VALUES (1, 'x');",
  }
  const broken = {
    name: "0003-broken",
    sql: "CREATE TABLE two (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1);",
  }

  function applied(directory: string): string[] {
    const connection = openSqlite(join(directory, "state.sqlite"), { readonly: true })
    try {
      return connection.prepare<[], string>("SELECT name FROM migration ORDER BY name").pluck().all()
    } finally {
      connection.close()
    }
  }

  it("are applied in order, once each, and recorded by name", () => {
    const directory = scratch()
    openDatabase(directory, { migrations: [first] }).close()
    expect(applied(directory)).toEqual(["0001-first"])
    openDatabase(directory, { migrations: [first, second] }).close()
    openDatabase(directory, { migrations: [first, second] }).close()
    expect(applied(directory)).toEqual(["0001-first", "0002-second"])
  })

  it("leave nothing of one that fails, and keep those before it", () => {
    const directory = scratch()
    expect(() => openDatabase(directory, { migrations: [first, second, broken] })).toThrow("nowhere")
    expect(applied(directory)).toEqual(["0001-first", "0002-second"])
    const database = openDatabase(directory, { migrations: [first, second] })
    opened.push(database)
    expect(
      database.connection.prepare("SELECT name FROM sqlite_master WHERE name = 'two'").get(),
    ).toBeUndefined()
  })

  it("of a later version are refused by name before anything is changed", () => {
    const directory = scratch()
    openDatabase(directory, { migrations: [first, second] }).close()
    const error = failure(() => openDatabase(directory, { migrations: [first] }))
    expect(error.code).toBe("newer_schema")
    expect(error.message).toContain("0002-second")
    expect(applied(directory)).toEqual(["0001-first", "0002-second"])
  })

  it("are all found beside the code", () => {
    const directory = scratch()
    open(directory)
    expect(applied(directory)[0]).toBe("0001-state")
    expect(existsSync(join(directory, "state.sqlite"))).toBe(true)
  })
})
