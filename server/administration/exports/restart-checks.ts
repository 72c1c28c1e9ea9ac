import { StorageError } from "../../../storage/index.js"
import type { NfsServer } from "../../../storage/nfs/index.js"
import type { CheckJson } from "../../http/contract/admin.js"

/** Whether a restart of the NFS server brings the exports back, where the server is one that forgets them. */
export function restartChecks(server: Pick<NfsServer, "afterRestart"> | undefined): CheckJson[] {
  const name = "exports after a restart"
  try {
    const after = server?.afterRestart?.()
    if (after === undefined || after.kept.length + after.waiting.length === 0) return []
    const { main, line, lost, kept, waiting } = after
    if (lost.length > 0) {
      const detail = `a restart of NFS-Ganesha loses ${lost.join(", ")} until Cistern opens them again, because ${main} does not load Cistern's file`
      return [{ name, status: "warn", detail, hint: `Add this line to ${main}: ${line}` }]
    }
    const later =
      waiting.length === 0 ? "" : `; ${waiting.length} are opened by Cistern once their filesystem is mounted`
    return [{ name, status: "ok", detail: `NFS-Ganesha opens ${kept.length} by itself${later}`, hint: null }]
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return [{ name, status: "warn", detail: error.message, hint: error.hint ?? null }]
  }
}
