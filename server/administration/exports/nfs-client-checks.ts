import type { CheckJson } from "../../http/contract/admin.js"
import type { NfsClientsJson } from "../../http/contract/nfs-clients.js"

/** So many strangers are named. */
const MOST_NAMED = 3

/** Whether somebody is connected to the NFS server who is in no declared cluster. Nothing where nothing is exported by us. */
export function nfsClientChecks(
  { clients, notices, problems, readAt }: NfsClientsJson,
  declaredExports: number,
): CheckJson[] {
  const name = "NFS clients"
  const strangers = notices.filter(({ code }) => code === "stranger")
  const [first] = strangers
  if (first !== undefined) {
    const named = strangers.slice(0, MOST_NAMED).map(({ message }) => message)
    const more = strangers.length - named.length
    const detail = [...named, ...(more > 0 ? [`and ${more} more`] : [])].join("; ")
    return [{ name, status: "warn", detail, hint: first.hint }]
  }
  if (declaredExports === 0) return []
  const [problem] = problems
  if (problem !== undefined) return [{ name, status: "warn", detail: problem.message, hint: problem.hint }]
  const now = clients.filter(
    ({ connections, state }) => (connections ?? 0) > 0 || state === "confirmed" || state === "connected",
  )
  const detail = `${now.length} connected, all of declared clusters (${readAt})`
  return [{ name, status: "ok", detail, hint: null }]
}
