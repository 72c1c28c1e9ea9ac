import type { OwnershipSample } from "../../../storage/disk/index.js"
import {
  guessClusters,
  guessCopies,
  guessConventions,
  type RepositoryContents,
} from "../../../storage/survey/index.js"
import { type ChosenStores, chooseStores } from "./choose-stores.js"
import { decideRoles } from "./decide-roles.js"
import { countOf, manyOf } from "./describe.js"
import { draftExports, ownersOf } from "./draft-exports.js"
import { draftRepositories } from "./draft-repositories.js"
import type { Placed } from "./drafting.js"
import type { Evidence } from "./evidence.js"
import { isHalfMade } from "./half-made.js"
import { contentNotices, surveyNotices } from "./notices.js"
import type { KnownPassword } from "./passwords.js"
import {
  type AdoptNotice,
  type ClusterDraft,
  Names,
  type Proposal,
  type Proposed,
  type RepositoryDraft,
  type RepositoryEntryDraft,
} from "./proposal.js"

export interface Wishes {
  /** The name of the one cluster; undefined: it is guessed. */
  readonly cluster: string | undefined
  readonly namespace: string | undefined
  readonly passwords: readonly KnownPassword[]
  /** The networks of clusters by their names, and those that were given for the only one. */
  readonly networks: Networks
}

export interface Networks {
  readonly ofAll: readonly string[]
  readonly byCluster: ReadonlyMap<string, readonly string[]>
}

const USUAL_CLUSTER = "home"

/** Makes a document of what was found, with what there is to say of it. */
export function propose(evidence: Evidence, wishes: Wishes): Proposal {
  const chosen = chooseStores(evidence.survey)
  const placed = placedIn(evidence.contents, chosen, wishes.cluster)
  const { drafts, namespaces, notices } = draftRepositories(placed, wishes)
  const repositories = named(drafts, evidence.owners)
  const clusters = clustersOf(drafts, wishes)
  const everyNamespace = new Set([...namespaces.values()].flatMap((names) => [...names]))
  const { copies, more } = guessCopies(evidence.survey, everyNamespace)
  const withNetworks = clusters
    .filter(({ entry }) => entry.networks.length > 0)
    .map(({ entry }) => entry.name)
  const exports = draftExports(
    repositories.map(({ entry }) => entry).filter(({ telling }) => telling),
    evidence.owners,
  )
  const all = [
    ...chosen.notices,
    ...contentNotices(evidence.contents, wishes.passwords.length > 0),
    ...notices,
    ...guessedClusterNotices(clusters, wishes),
    ...surveyNotices(evidence, { copies, more, namespaces: everyNamespace }),
  ]
  return {
    remarks: [openingRemark(evidence), ...checkRemark],
    stores: chosen.stores.filter(({ entry }) => drafts.some(({ store }) => store === entry.name)),
    clusters,
    repositories,
    exports: exports.filter(({ entry }) => withNetworks.includes(entry.cluster)),
    closing: [
      ...exportRemarks(exports.filter(({ entry }) => !withNetworks.includes(entry.cluster))),
      ...notInDocument(all),
    ],
    notices: all,
  }
}

const checkRemark = [
  "It is a guess. Read every line that begins with `check`, put it right, and apply it: cistern apply -f FILE",
]

function openingRemark({ survey, contents }: Evidence): string {
  const engines = (["kopia", "restic"] as const).flatMap((engine) => {
    const count = contents.filter((one) => one.engine === engine).length
    const name = engine === "kopia" ? "Kopia" : "restic"
    return count === 0 ? [] : [countOf(count, `${name} repository`, `${name} repositories`)]
  })
  return `Proposed by \`cistern adopt\` for ${survey.top.realPath}, which holds ${engines.join(" and ")}. Nothing was changed there.`
}

function placedIn(
  contents: readonly RepositoryContents[],
  { places }: ChosenStores,
  wanted: string | undefined,
): Placed[] {
  const stored = contents.flatMap((one) => {
    const at = places.get(one.path)
    return at === undefined ? [] : [{ contents: one, ...at }]
  })
  const guesses = new Map(
    [...new Set(stored.map(({ store }) => store))].map((store) => [
      store,
      guessClusters(
        stored
          .filter((one) => one.store === store && !isHalfMade(one.contents))
          .map(({ path, contents: { engine, identities } }) => ({
            path,
            shared: engine === "kopia",
            namespaces: new Set(guessConventions(identities).volumes.map(({ namespace }) => namespace)),
          })),
      ),
    ]),
  )
  return stored.map((one) => ({
    ...one,
    cluster: wanted ?? guesses.get(one.store)?.get(one.path) ?? USUAL_CLUSTER,
  }))
}

function named(
  drafts: readonly RepositoryDraft[],
  owners: ReadonlyMap<string, OwnershipSample>,
): Proposed<RepositoryEntryDraft>[] {
  const roles = decideRoles(drafts)
  const names = new Names()
  return drafts.map((draft, at) => {
    const role = roles[at] ?? { decides: "guard" as const, remarks: [] }
    return {
      entry: { ...draft, name: names.take(nameOf(draft)), decides: role.decides },
      remarks: [...draft.remarks, ...faultLines(draft), ...ownerLines(draft, owners), ...role.remarks],
    }
  })
}

/** What its path says without placeholders; else its engine. */
function nameOf({ path, engine }: RepositoryDraft): string {
  const fixed = path
    .split("/")
    .filter((segment) => segment !== "" && !segment.includes("{"))
    .join("-")
  return fixed === "" ? engine : fixed
}

function faultLines({ members }: RepositoryDraft): string[] {
  const faulty = members.flatMap(({ path, error }) =>
    error === undefined || error.code === "wrong_password" || error.code === "password_missing"
      ? []
      : [{ path, error }],
  )
  const [first, ...others] = faulty
  if (first === undefined) return []
  return [
    `check: ${first.error.message}.${first.error.hint === undefined ? "" : ` ${first.error.hint}`}`,
    ...(others.length === 0
      ? []
      : [`check: something is also wrong with ${manyOf(others.map(({ path }) => path))}.`]),
  ]
}

function ownerLines(draft: RepositoryDraft, owners: ReadonlyMap<string, OwnershipSample>): string[] {
  const found = ownersOf([draft], owners)
  const modes = new Set(draft.members.flatMap(({ path }) => owners.get(path)?.mode ?? []))
  if (found.length === 0) return []
  const whose = manyOf(found.map(({ uid, gid, count }) => `${uid}:${gid} (${count})`))
  const shown = manyOf([...modes].sort().map((mode) => mode.toString(8).padStart(4, "0")))
  return [
    `Of the files and folders that were looked at, owners are ${whose}; mode of the directory ${shown}.`,
  ]
}

function clustersOf(drafts: readonly RepositoryDraft[], wishes: Wishes): Proposed<ClusterDraft>[] {
  const names = [...new Set(drafts.map(({ cluster }) => cluster))]
  return names.map((name) => {
    const networks = [...(wishes.networks.byCluster.get(name) ?? []), ...wishes.networks.ofAll]
    return {
      entry: { name, networks },
      remarks: [
        ...(wishes.cluster === undefined && names.length === 1
          ? ["check: the name of the cluster is only a name; --cluster NAME gives another one."]
          : []),
        ...(wishes.cluster === undefined && names.length > 1
          ? [
              "check: guessed from the topmost folders; if all of them are one cluster's, run it with --cluster NAME.",
            ]
          : []),
        ...(networks.length === 0
          ? [
              names.length > 1
                ? "check: of several clusters, each needs the `networks` that it asks from."
                : "With `networks`, NFS exports can be declared, and several clusters be told apart.",
            ]
          : []),
      ],
    }
  })
}

function guessedClusterNotices(
  clusters: readonly Proposed<ClusterDraft>[],
  { cluster }: Wishes,
): AdoptNotice[] {
  if (cluster !== undefined || clusters.length < 2) return []
  const names = manyOf(clusters.map(({ entry }) => entry.name))
  return [
    {
      code: "guessed_cluster",
      path: null,
      message: `the topmost folders were taken for clusters: ${names}`,
      hint: "If all of them are one cluster's, run it with --cluster NAME.",
    },
  ]
}

function exportRemarks(exports: ReturnType<typeof draftExports>): string[] {
  const example = exports.find(({ entry }) => entry.access === "readWrite") ?? exports[0]
  if (example === undefined) return []
  const { store, path, cluster, access, squash } = example.entry
  return [
    `No exports are proposed for clusters without \`networks\` (run it with --networks ${cluster}=CIDR). One would be:`,
    "  exports:",
    `    - store: ${store}`,
    ...(path === "" ? [] : [`      path: ${path}`]),
    `      cluster: ${cluster}`,
    `      access: ${access}`,
    ...(squash === undefined ? [] : [`      squash: { uid: ${squash.uid}, gid: ${squash.gid} }`]),
    ...example.remarks.map((remark) => `  ${remark}`),
  ]
}

/** So many lines of it are written into the document. */
const MOST_LINES = 30

function notInDocument(notices: readonly AdoptNotice[]): string[] {
  const lines = notices
    .filter(({ code }) =>
      ["left_out", "damaged", "half_made", "prepared", "copy", "stray_shards", "twin"].includes(code),
    )
    .map(({ path, message }) => `- ${path === null || path === "" ? "" : `${path}: `}${message}`)
  if (lines.length === 0) return []
  const more = lines.length - MOST_LINES
  return [
    "Also seen:",
    ...lines.slice(0, MOST_LINES),
    ...(more > 0 ? [`- and ${more} more; \`--json\` lists them.`] : []),
  ]
}
