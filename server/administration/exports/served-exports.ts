import type { NfsServer } from "../../../storage/nfs/index.js"
import type { Declared } from "./declared-exports.js"

/** The same declarations, those refused that the server in use cannot export as they are wanted. */
export async function refusedBy(
  server: Pick<NfsServer, "refusals">,
  declared: readonly Declared[],
): Promise<Declared[]> {
  const wanted = declared.filter(({ verdict }) => verdict.kind === "wanted").map(({ asked }) => asked)
  const refusals = new Map((await server.refusals(wanted)).map((refusal) => [refusal.path, refusal]))
  return declared.map((one): Declared => {
    const refusal = one.verdict.kind === "wanted" ? refusals.get(one.asked.path) : undefined
    if (refusal === undefined) return one
    const { message, hint } = refusal
    return { ...one, verdict: { kind: "refused", problem: { code: "server_cannot", message, hint } } }
  })
}
