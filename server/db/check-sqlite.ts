import type { SqliteVerdict } from "../../storage/restore/index.js"
import { openSqlite } from "./sqlite.js"

/** Of what SQLite complains of, so much is told. */
const MOST_COMPLAINTS = 5

/**
 * What SQLite says of a database that was restored, with its write-ahead log or journal if those lie beside it: it is opened as the
 * application would open it after a crash, which may write, so that it has to be a copy that nobody needs. Takes as long as reading it,
 * and keeps its thread for that long. Never throws what the file is to blame for.
 */
export function checkSqlite(path: string): Promise<SqliteVerdict> {
  return Promise.resolve(check(path))
}

function check(path: string): SqliteVerdict {
  let database: ReturnType<typeof openSqlite> | undefined
  try {
    database = openSqlite(path, { fileMustExist: true })
    // The file comes out of a backup: what it says of itself is not believed.
    database.pragma("trusted_schema = OFF")
    database.pragma("cell_size_check = ON")
    const said = database.pragma(`integrity_check(${MOST_COMPLAINTS})`) as { integrity_check: string }[]
    const complaints = said.map(({ integrity_check: text }) => text).filter((text) => text !== "ok")
    if (said.length > 0 && complaints.length === 0) return { status: "ok", detail: "integrity_check: ok" }
    return { status: "failed", detail: complaints.join("; ") || "integrity_check said nothing" }
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown }
    if (typeof code !== "string" || !code.startsWith("SQLITE_")) throw error
    // Not its fault: an extension of the application, a disk without room.
    const isUnclear = /^SQLITE_(ERROR|FULL|BUSY|LOCKED|IOERR|CANTOPEN|NOMEM|PERM|READONLY|TOOBIG)/.test(code)
    return { status: isUnclear ? "unknown" : "failed", detail: `${String(message)} [${code}]` }
  } finally {
    database?.close()
  }
}
