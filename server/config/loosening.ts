import { createHash } from "node:crypto"
import { overlappingNetworks } from "../clusters/index.js"
import type { Change, FieldChange } from "./diff.js"
import type { Document } from "./document.js"

/** A part of a diff that could turn an `unknown` into a `restore` or a `fresh`: somebody must say by name that it is meant. */
export interface Acknowledgement {
  /** Made of the change itself: the same change has the same id, and no other change has it. */
  readonly id: string
  readonly why: string
}

type Rule = (field: FieldChange) => string | undefined

const always =
  (why: string): Rule =>
  () =>
    why

const repositoryRules: Readonly<Record<string, Rule>> = {
  decides: ({ before, after }) =>
    before === "no" && after === "guard"
      ? undefined
      : `what it decides changes from ${before ?? "nothing"} to ${after ?? "nothing"}`,
  new: ({ after }) =>
    after === "true" ? "it is declared new: an empty place will count as certain" : undefined,
  conventions: always("other identities will count as those of its volumes"),
  namespaces: always("it will be about other volumes"),
  namespaceMap: always("its names will be taken for volumes of other namespaces"),
  volumes: always("identities will count as those of other volumes"),
  dismissed: always("identities that looked like a volume's no longer hold it back"),
}

const clusterRules: Readonly<Record<string, Rule>> = {
  requireToken: ({ after }) =>
    after === "false" ? "requests without a token of this cluster will be answered" : undefined,
}

const storeRules: Readonly<Record<string, Rule>> = {
  path: always("the store will be another directory, and what is in it will be new repositories"),
  allowRoot: ({ after }) =>
    after === "true"
      ? "a directory on the root filesystem will do, so an unmounted disk may look empty"
      : undefined,
}

/** What of a diff must be acknowledged, in its order. `before` and `after` say what is decided by whom. */
export function loosenings(changes: readonly Change[], before: Document, after: Document): Acknowledgement[] {
  return changes.flatMap((change) => {
    switch (change.of) {
      case "repository":
        return ofRepository(change, before, after)
      case "cluster":
        return [...byRules(change, clusterRules), ...movedNetworks(change, before, after)]
      case "store":
        return byRules(change, storeRules)
      case "export":
      case "server":
      case "schedule":
      case "hours":
      case "scrub":
      case "drills":
        return []
    }
  })
}

function ofRepository(change: Change, before: Document, after: Document): Acknowledgement[] {
  const decided = (document: Document) =>
    document.repositories.find(({ name }) => name === change.name)?.decides ?? "no"
  const had = decided(before)
  if (change.kind === "removed" && had !== "no") {
    return [acknowledgement(change, "removed", `it no longer ${verbs[had]}`, [had])]
  }
  if (change.kind === "replaced" && had !== "no") {
    const why = `what was at its place no longer ${verbs[had]}`
    return [acknowledgement(change, "replaced", why, change.fields)]
  }
  // What decides nothing, before and after, cannot loosen anything.
  if (had === "no" && decided(after) === "no") return []
  return byRules(change, repositoryRules)
}

/** Requests from these addresses were about the volumes of another cluster. */
function movedNetworks(change: Change, before: Document, after: Document): Acknowledgement[] {
  const own = after.clusters.filter(({ name }) => name === change.name)
  const others = before.clusters.filter(({ name }) => name !== change.name)
  const moved = overlappingNetworks([...others, ...own]).filter(
    ({ second }) => second.cluster === change.name,
  )
  return moved.map(({ first, second }) =>
    acknowledgement(
      change,
      "networks",
      `${second.network} was in ${first.network} of cluster ${first.cluster}`,
      [first, second],
    ),
  )
}

const verbs = { restore: "restores", guard: "guards" } as const

function byRules(change: Change, rules: Readonly<Record<string, Rule>>): Acknowledgement[] {
  return change.fields.flatMap((field) => {
    const why = rules[field.field]?.(field)
    return why === undefined ? [] : [acknowledgement(change, field.field, why, field)]
  })
}

function acknowledgement(change: Change, rule: string, why: string, content: unknown): Acknowledgement {
  const hash = createHash("sha256")
    .update(JSON.stringify([change.of, change.name, rule, content]))
    .digest("hex")
    .slice(0, 8)
  return { id: `${change.name}/${rule}-${hash}`, why: `${change.of} ${change.name}: ${why}` }
}
