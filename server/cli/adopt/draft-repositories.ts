import type { ConventionSpec, VolumeName } from "../../../storage/identity/index.js"
import {
  type ConventionGuess,
  guessConventions,
  guessPathTemplates,
  type GuessedTemplate,
  type RepositoryContents,
  whyInexpressible,
  writtenOf,
} from "../../../storage/survey/index.js"
import { usualConvention } from "../../config/index.js"
import type { StoredAt } from "./choose-stores.js"
import { countOf, manyOf, shownFormat, shownTime } from "./describe.js"
import { isHalfMade } from "./half-made.js"
import type { KnownPassword } from "./passwords.js"
import type { AdoptNotice, RepositoryDraft } from "./proposal.js"
import { suggestVolumes } from "./suggest-volumes.js"

/** A repository, the cluster it was given to, and its place below a store. */
export interface Placed extends StoredAt {
  readonly contents: RepositoryContents
  readonly cluster: string
}

export interface Drafting {
  readonly passwords: readonly KnownPassword[]
  /** The namespace of volumes whose directories do not say it. */
  readonly namespace: string | undefined
}

export interface Drafts {
  readonly drafts: readonly RepositoryDraft[]
  /** Namespaces that were seen, by cluster. */
  readonly namespaces: ReadonlyMap<string, ReadonlySet<string>>
  readonly notices: readonly AdoptNotice[]
}

/** A document of more entries than this helps nobody, and takes long to check. */
const MOST_SINGLES = 500

/** Makes entries of repositories: Kopia's one each, restic's by the templates that explain their directories. */
export function draftRepositories(placed: readonly Placed[], drafting: Drafting): Drafts {
  const notices: AdoptNotice[] = []
  const drafts: RepositoryDraft[] = []
  const guesses = new Map(
    placed
      .filter(({ contents }) => contents.engine === "kopia")
      .map((one) => [one, guessConventions(one.contents.identities)]),
  )
  for (const [one, guess] of guesses) {
    if (isHalfMade(one.contents)) continue
    const why = whyInexpressible(one.path)
    if (why === undefined) drafts.push(kopiaDraft(one, guess, drafting, notices))
    else notices.push(leftOut(one.contents, why))
  }
  for (const cluster of new Set(placed.map((one) => one.cluster))) {
    const volumes = [...guesses].flatMap(([one, guess]) => (one.cluster === cluster ? guess.volumes : []))
    for (const store of new Set(placed.map((one) => one.store))) {
      const restic = placed.filter(
        (one) => one.cluster === cluster && one.store === store && one.contents.engine === "restic",
      )
      // Also other clusters' of the same store: no two places may lie in one another.
      const taken = drafts.filter((draft) => draft.store === store).map(({ path }) => path)
      drafts.push(...resticDrafts(restic, volumes, taken, drafting, notices))
    }
  }
  return { drafts, namespaces: namespacesOf(drafts, guesses), notices }
}

function kopiaDraft(
  { contents, cluster, store, path }: Placed,
  guess: ConventionGuess,
  { passwords }: Drafting,
  notices: AdoptNotice[],
): RepositoryDraft {
  const { identities, layout, id, password } = contents
  const listed = contents.snapshots !== undefined
  const conventions: readonly ConventionSpec[] =
    guess.conventions.length === 0 ? [usualConvention] : guess.conventions.map(({ spec }) => spec)
  const suggestion = suggestVolumes(guess.unclear)
  for (const { identity, why } of guess.unclear) {
    const text = `${identity.user}@${identity.host}:${identity.path}`
    notices.push({
      code: "unclear_identity",
      path: contents.path,
      message: `${text}: ${why}`,
      hint: "Say whose it is under `volumes:` of the repository, or that it is nobody's under `dismissed:`.",
    })
  }
  return {
    cluster,
    engine: "kopia",
    store,
    path,
    password: password === undefined ? undefined : passwords[password]?.reference,
    conventions,
    namespaces: ["*"],
    namespaceOf: {},
    members: [contents],
    telling: true,
    family: `kopia ${store}:${path}`,
    remarks: [
      `Kopia${shownFormat(contents)}${layout === undefined ? "" : `, ${shownLayout(layout)}`}${id === undefined ? "" : `, id ${id}`}.`,
      ...(listed
        ? [
            `${countOf(contents.snapshots, "snapshot")} of ${countOf(identities.length, "identity", "identities")}, newest ${shownTime(contents.newest)}.`,
            ...namespacesLine(guess.volumes),
            ...conventionLines(guess, identities.length),
          ]
        : ["check: its conventions could not be looked at; this is the usual one."]),
      ...suggestion,
    ],
  }
}

function shownLayout(layout: NonNullable<RepositoryContents["layout"]>): string {
  if (layout === "objects") return "files named as objects of a bucket are"
  return layout.length === 0 ? "flat" : `folders of ${layout.join(" and ")} characters`
}

function namespacesLine(volumes: readonly VolumeName[]): string[] {
  const namespaces = [...new Set(volumes.map(({ namespace }) => namespace))].sort()
  return namespaces.length === 0 ? [] : [`Namespaces seen: ${manyOf(namespaces)}.`]
}

function conventionLines({ conventions, unclear }: ConventionGuess, identities: number): string[] {
  if (identities === 0) return ["check: it holds no snapshots, so this is the usual convention."]
  if (conventions.length === 0) {
    return [
      "check: no convention explains its identities; this is the usual one, and by it every volume is unknown.",
    ]
  }
  const [first, ...others] = conventions.map(
    ({ spec, identities: named, snapshots }) =>
      `${writtenOf(spec)} explains ${countOf(named, "identity", "identities")} with ${countOf(snapshots, "snapshot")}`,
  )
  return [
    `${first}.`,
    ...others.map((line) => `Further: ${line}.`),
    ...(others.length === 0
      ? []
      : ["check: the first one must be what your movers restore from; the others only guard."]),
    ...(unclear.length === 0
      ? []
      : [`check: of ${countOf(unclear.length, "identity", "identities")} it is not clear whose they are.`]),
  ]
}

function resticDrafts(
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
  readonly members: readonly RepositoryContents[]
}

function templateDraft(
  { cluster, store, template, members }: ResticParts & { readonly template: GuessedTemplate },
  { passwords }: Drafting,
): RepositoryDraft {
  const { path, namespaceOf, only, doubt } = template
  const namespaces = Object.values(namespaceOf)
  const { password, remarks } = commonPassword(members, passwords)
  return {
    cluster,
    engine: "restic",
    store,
    path,
    password,
    conventions: [],
    namespaces: only === undefined ? ["*"] : [only],
    namespaceOf,
    members,
    telling: true,
    family: only === undefined ? `restic ${store}:${path}` : `restic ${store}`,
    remarks: [
      `restic, one repository for each volume: ${countOf(members.length, "repository", "repositories")}, ${resticCounts(members)}.`,
      ...(doubt === undefined ? [] : [`check: ${doubt}.`]),
      ...(only === undefined
        ? []
        : [
            "The namespace is written out, because {namespace} in its place would also mean other repositories here.",
          ]),
      ...(namespaces.length === 0
        ? []
        : ["check: `namespaceMap` says the namespace of each name; a new volume must be added to it."]),
      ...remarks,
    ],
  }
}

function singleDraft(
  { cluster, store, path, members }: ResticParts & { readonly path: string },
  { passwords }: Drafting,
): RepositoryDraft {
  const { password, remarks } = commonPassword(members, passwords)
  return {
    cluster,
    engine: "restic",
    store,
    path,
    password,
    conventions: [],
    namespaces: ["*"],
    namespaceOf: {},
    members,
    telling: false,
    family: `restic ${store}:${path}`,
    remarks: [
      `restic, ${resticCounts(members)}.`,
      "check: it is not known whose volume it is, so that as long as it stands here so no volume is fresh. Write " +
        "`path:` with {pvc} in place of its name and a `namespaceMap`, or `decides: no` if it is nobody's any more.",
      ...remarks,
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

function namespacesOf(
  drafts: readonly RepositoryDraft[],
  guesses: ReadonlyMap<Placed, ConventionGuess>,
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const add = (cluster: string, namespace: string): void => {
    found.set(cluster, (found.get(cluster) ?? new Set()).add(namespace))
  }
  for (const [{ cluster }, { volumes }] of guesses)
    for (const volume of volumes) add(cluster, volume.namespace)
  for (const { cluster, path, members, namespaceOf } of drafts) {
    for (const namespace of Object.values(namespaceOf)) add(cluster, namespace)
    const at = path.split("/").indexOf("{namespace}")
    if (at < 0) continue
    for (const member of members) {
      const segments = member.path.split("/")
      const namespace = segments.at(at - path.split("/").length)
      if (namespace !== undefined) add(cluster, namespace)
    }
  }
  return found
}

function leftOut({ path, engine }: RepositoryContents, why: string): AdoptNotice {
  return {
    code: "left_out",
    path,
    message: `the ${engine} repository is not in the document: ${why}`,
    hint: "Move or rename it, or run the command with its own path.",
  }
}

function whose({ path }: RepositoryContents): AdoptNotice {
  return {
    code: "whose",
    path,
    message: "it is not known whose volume this restic repository is",
    hint: "Say the namespace with --namespace NAME, or in the document by a path with {pvc} and `namespaceMap`.",
  }
}
