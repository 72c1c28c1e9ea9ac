import { afterEach } from "vitest"
import { openDatabase, type StateDatabase } from "../../../server/db/index.js"
import { Ledger, type ListedSnapshot } from "../../../server/ledger/index.js"
import { scratch } from "../../support/fixtures.js"

const opened: StateDatabase[] = []

afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

export function openLedger(directory = scratch()): {
  ledger: Ledger
  database: StateDatabase
  directory: string
} {
  const database = openDatabase(directory)
  opened.push(database)
  return { ledger: new Ledger(database), database, directory }
}

/** The ledger of the same directory as the next daemon finds it. */
export function restarted(database: StateDatabase): Ledger {
  opened.splice(opened.indexOf(database), 1)
  database.close()
  return openLedger(database.directory).ledger
}

/** A snapshot that started at this second; its root and id follow from it unless they are given. */
export function taken(second: number, other: Partial<ListedSnapshot> = {}): ListedSnapshot {
  return { id: `id${second}`, start: BigInt(second) * 1_000_000_000n + 1n, root: `k${second}`, ...other }
}
