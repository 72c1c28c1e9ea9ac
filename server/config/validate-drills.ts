import type { Document } from "./document.js"
import type { Fault } from "./merge.js"

/** Scratch space in a repository would be written into by us, and found as a repository by others. Names alone: links are seen later. */
export function drillFaults({ drills, stores, repositories }: Document): Fault[] {
  const scratch = drills?.scratch
  if (scratch === undefined) return []
  const around = repositories.find(({ place }) => {
    if (place.kind !== "store") return false
    const store = stores.find(({ name }) => name === place.store)
    if (store === undefined) return false
    const fixed = place.path.split("/")
    const open = fixed.findIndex((part) => part.includes("{"))
    const parts = open < 0 ? fixed : fixed.slice(0, open)
    const top = [store.path, ...parts.filter((part) => part !== "")].join("/")
    return scratch === top || scratch.startsWith(top.endsWith("/") ? top : `${top}/`)
  })
  if (around === undefined) return []
  const message = `it lies in repository ${around.name}: drills need a place of their own`
  return [{ path: ["drills", "scratch"], message }]
}
