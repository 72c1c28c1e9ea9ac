import type { VolumeName } from "../../../storage/identity/index.js"
import {
  guessPathTemplates,
  type GuessedTemplate,
  type RepositoryContents,
} from "../../../storage/survey/index.js"
import { countOf, shownTime } from "./describe.js"
import { type Drafting, leftOut, type Placed } from "./drafting.js"
import { isHalfMade } from "./half-made.js"
import type { KnownPassword } from "./passwords.js"
import type { AdoptNotice, RepositoryDraft } from "./proposal.js"

/** A document of more entries than this helps nobody, and takes long to check. */
const MOST_SINGLES = 500

/** The entries of the restic repositories of one cluster in one store. `taken`: paths of other repositories there. */
export function resticDrafts(
  placed: readonly Placed[],
  volumes: readonly VolumeName[],
  taken: readonly string[],
  drafting: Drafting,
  notices: AdoptNotice[],
): RepositoryDraft[] {
  const [first] = placed
  if (first === undefined) return []
  const at = new Map(placed.map((one) => [one.path, one]))
  const contentsAt = (paths: readonly string[]): RepositoryContents[] =>
    paths.flatMap((path) => at.get(path)?.contents ?? [])
  const guess = guessPathTemplates([...at.keys()].sort(), {
    namespaces: new Set(volumes.map(({ namespace }) => namespace)),
    namespacesOf: byPvc(volumes),
    namespace: drafting.namespace,
    taken,
  })
  for (const { path, why } of guess.leftOut)
    for (const contents of contentsAt([path])) notices.push(leftOut(contents, why))
  for (const contents of contentsAt(guess.singles.slice(MOST_SINGLES)))
    notices.push(leftOut(contents, `there are more than ${MOST_SINGLES} like it`))
  const { cluster, store } = first
  return [
    ...guess.templates.map((template) =>
      templateDraft({ cluster, store, template, members: contentsAt(template.directories) }, drafting),
    ),
    ...guess.singles.slice(0, MOST_SINGLES).flatMap((path) => {
      const members = contentsAt([path]).filter((contents) => !isHalfMade(contents))
      for (const contents of members) notices.push(whose(contents))
      return members.map(() => singleDraft({ cluster, store, path, members }, drafting))
    }),
  ]
}

interface ResticParts {
  readonly cluster: string
  readonly store: string
  readonly path: string
  readonly members: readonly RepositoryContents[]
}

/** What one repository and a tree of them have in common; `remarks` are about the password. */
function resticDraft(
  { cluster, store, path, members }: ResticParts,
  { passwords }: Drafting,
): Omit<RepositoryDraft, "namespaces" | "namespaceOf" | "telling"> {
  const { password, remarks } = commonPassword(members, passwords)
  const family = `restic ${store}:${path}`
  return { cluster, engine: "restic", store, path, password, conventions: [], members, family, remarks }
}

function templateDraft(
  { template, ...parts }: Omit<ResticParts, "path"> & { readonly template: GuessedTemplate },
  drafting: Drafting,
): RepositoryDraft {
  const { path, namespaceOf, only, doubt } = template
  const draft = resticDraft({ ...parts, path }, drafting)
  const { members } = parts
  return {
    ...draft,
    namespaces: only === undefined ? ["*"] : [only],
    namespaceOf,
    telling: true,
    family: only === undefined ? draft.family : `restic ${parts.store}`,
    remarks: [
      `restic, one repository for each volume: ${countOf(members.length, "repository", "repositories")}, ${resticCounts(members)}.`,
      ...(doubt === undefined ? [] : [`check: ${doubt}.`]),
      ...(only === undefined
        ? []
        : [
            "The namespace is written out, because {namespace} in its place would also mean other repositories here.",
          ]),
      ...(Object.keys(namespaceOf).length === 0
        ? []
        : ["check: `namespaceMap` says the namespace of each name; a new volume must be added to it."]),
      ...draft.remarks,
    ],
  }
}

function singleDraft(parts: ResticParts, drafting: Drafting): RepositoryDraft {
  const draft = resticDraft(parts, drafting)
  return {
    ...draft,
    namespaces: ["*"],
    namespaceOf: {},
    telling: false,
    remarks: [
      `restic, ${resticCounts(parts.members)}.`,
      "check: it is not known whose volume it is, so that as long as it stands here so no volume is fresh. Write " +
        "`path:` with {pvc} in place of its name and a `namespaceMap`, or `decides: no` if it is nobody's any more.",
      ...draft.remarks,
    ],
  }
}

function resticCounts(members: readonly RepositoryContents[]): string {
  const listed = members.filter(({ snapshots }) => snapshots !== undefined)
  const snapshots = listed.reduce((sum, contents) => sum + (contents.snapshots ?? 0), 0)
  const newest = listed.reduce<bigint | undefined>(
    (latest, contents) =>
      latest === undefined || (contents.newest ?? latest) > latest ? (contents.newest ?? latest) : latest,
    undefined,
  )
  const versions = [...new Set(members.flatMap(({ formatVersion }) => formatVersion ?? []))].sort()
  const format = versions.length === 0 ? "" : `, format ${versions.join(" and ")}`
  return `${countOf(snapshots, "snapshot")}, newest ${shownTime(newest)}${format}`
}

/** One entry has one password: what opens all of them, else none, with which restic still shows names. */
function commonPassword(
  members: readonly RepositoryContents[],
  passwords: readonly KnownPassword[],
): { readonly password: KnownPassword["reference"] | undefined; readonly remarks: readonly string[] } {
  if (passwords.length === 0) return { password: undefined, remarks: [withoutPassword] }
  const asked = members.filter(
    ({ password, error }) => password !== undefined || error?.code === "wrong_password",
  )
  const used = new Set(asked.map(({ password }) => password))
  const [only] = used
  if (used.size === 1 && only !== undefined) return { password: passwords[only]?.reference, remarks: [] }
  if (asked.length === 0) return { password: undefined, remarks: [] }
  const opened = asked.filter(({ password }) => password !== undefined).length
  if (opened === 0)
    return { password: undefined, remarks: ["check: no password that was given opens it.", withoutPassword] }
  return {
    password: undefined,
    remarks: [
      `check: no one password opens all of them (${opened} of ${asked.length} were opened), and one entry has one password. ` +
        "Divide the entry by `namespaces`, with the same path and a password each.",
      withoutPassword,
    ],
  }
}

const withoutPassword =
  "Without its password a restic repository is listed by the names of its files: enough to restore a volume, and no volume that it is about can be fresh."

function byPvc(volumes: readonly VolumeName[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const { namespace, pvc } of volumes) found.set(pvc, (found.get(pvc) ?? new Set()).add(namespace))
  return found
}

function whose({ path }: RepositoryContents): AdoptNotice {
  return {
    code: "whose",
    path,
    message: "it is not known whose volume this restic repository is",
    hint: "Say the namespace with --namespace NAME, or in the document by a path with {pvc} and `namespaceMap`.",
  }
}
