import { formatInstant, type Notice } from "../../../storage/index.js"
import type { IdentitySummary, PlaceView, Trouble } from "../../catalog/index.js"
import type { VolumeKey } from "../../db/index.js"
import { type PinFact, REASON_OF_FAILURE, REASONS } from "../../decision/index.js"
import type { Fact, Severity } from "../finding.js"
import type { FindingSource, ScopeReport } from "../finding-keeper.js"
import { MINUTE_MS } from "./severity.js"

/** One declared repository, as the catalog has it. */
export interface LookedRepository {
  readonly name: string
  /** Why nothing of it can be told now: its store hangs. */
  readonly unknown: string | undefined
  /** Why its directories cannot be searched for. */
  readonly searchTrouble: string | undefined
  readonly places: readonly PlaceView[]
}

export interface RepositorySourceParts {
  readonly repositories: () => readonly LookedRepository[]
  readonly pinOf: (place: string) => PinFact
  /** Identities of which the newest complete snapshot that was ever seen is gone, unexplained. */
  readonly newestGone: (place: string) => readonly { readonly identity: string; readonly start: bigint }[]
  /** Nothing is there, and nothing ever was, and that was declared. */
  readonly isFirst: (view: PlaceView) => boolean
  /** Subjects of all that may be told of the identities in these places. */
  readonly identitiesOf: (places: readonly string[]) => readonly string[]
  readonly volumesIn: (place: string) => readonly VolumeKey[]
  readonly volumesOf: (place: string, identity: string) => readonly VolumeKey[]
}

/** What the listings, pins and the ledger show of each repository. From memory. */
export function repositorySource(parts: RepositorySourceParts): FindingSource {
  return {
    name: "repositories",
    everyMs: MINUTE_MS,
    look: () => parts.repositories().map((repository) => reportOf(repository, parts)),
  }
}

export function reportOf(repository: LookedRepository, parts: RepositorySourceParts): ScopeReport {
  const { name, unknown, places, searchTrouble } = repository
  if (unknown !== undefined) return { scope: name, unknown }
  const fenced = places.filter(({ trouble }) => trouble?.kind === "fenced")
  // What nobody has listed yet cannot be told to be well, and what lies under a fence is not the repository.
  const unlisted = places.filter(
    ({ generation, trouble }) => generation === undefined && trouble === undefined,
  )
  const unsure = [...unlisted, ...fenced].map(({ spec }) => ({ kind: "repository", key: spec.place }))
  const identities = parts.identitiesOf(unsure.map(({ key }) => key))
  return {
    scope: name,
    facts: [
      ...(searchTrouble === undefined ? [] : [searchFact(name, searchTrouble)]),
      ...fencedFacts(repository, fenced, parts),
      ...places.flatMap((view) => (view.trouble?.kind === "fenced" ? [] : factsOf(view, parts))),
    ],
    ...(unsure.length === 0
      ? {}
      : {
          unsure: {
            subjects: [...unsure, ...identities.map((key) => ({ kind: "identity", key }))],
            why: `${unsure.length} of ${places.length} places cannot be listed now`,
          },
        }),
  }
}

/** Said once for all of a repository's places: they have one cause. */
function fencedFacts(
  { name, places }: LookedRepository,
  fenced: readonly PlaceView[],
  parts: RepositorySourceParts,
): Fact[] {
  const [first] = fenced
  if (first?.trouble?.kind !== "fenced") return []
  const { message, hint, code } = first.trouble.state
  const count = places.length === 1 ? "" : ` (${fenced.length} of ${places.length} directories)`
  return [
    {
      code: "repository_fenced",
      severity: "critical",
      subject: { kind: "repository", key: name },
      title: `Repository ${name} is not where it was${count}: ${message}`,
      hint,
      evidence: { code, directories: fenced.slice(0, MOST_FILES).map(({ spec }) => spec.directory) },
      volumes: fenced.flatMap(({ spec }) => parts.volumesIn(spec.place)),
    },
  ]
}

/** Of one place. */
export function factsOf(view: PlaceView, parts: RepositorySourceParts): Fact[] {
  const { spec, trouble, generation } = view
  const { place, directory } = spec
  const pin = parts.pinOf(place)
  return [
    ...(trouble?.kind === "failed" && !parts.isFirst(view) ? [troubleFact(view, trouble, parts)] : []),
    ...(pin.kind === "changed"
      ? [
          {
            code: "repository_changed",
            severity: "critical" as const,
            subject: { kind: "repository", key: place },
            title: `${directory} holds repository ${pin.found}, but ${pin.pinned} is pinned there`,
            hint: "Put the pinned repository back, or, if the change is meant, accept it: `cistern repositories accept`.",
            evidence: { directory, pinned: pin.pinned, found: pin.found },
            volumes: parts.volumesIn(place),
          },
        ]
      : []),
    ...(generation === undefined
      ? []
      : [
          ...noticeFacts(view, generation.header.notices),
          ...goneFacts(view, parts),
          ...[...generation.identities.values()].flatMap((summary) => unreadFacts(place, summary, parts)),
        ]),
  ]
}

function searchFact(name: string, trouble: string): Fact {
  return {
    code: "directories_not_found",
    severity: "critical",
    subject: { kind: "repository", key: name },
    title: `The directories of ${name} cannot be searched for: ${trouble}`,
    hint: "Check the path of the repositories, and that the daemon's user may read it.",
  }
}

function troubleFact(
  { spec, generation }: PlaceView,
  { error, since }: Extract<Trouble, { kind: "failed" }>,
  parts: RepositorySourceParts,
): Fact {
  const code = error.code === "internal" ? "repository_unreadable" : REASON_OF_FAILURE[error.code]
  const busy: Severity = "warning"
  return {
    code,
    severity: code === "repository_busy" || error.code === "timeout" ? busy : "critical",
    subject: { kind: "repository", key: spec.place },
    title: `${spec.directory}: ${error.message}`,
    hint: error.hint ?? `${REASONS[code]} \`cistern doctor\` tells more.`,
    evidence: {
      directory: spec.directory,
      cause: error.code,
      since: new Date(since.wall).toISOString(),
      listedAt: generation === undefined ? null : new Date(generation.begun.wall).toISOString(),
    },
    volumes: parts.volumesIn(spec.place),
  }
}

/** Notices of these codes want an act, the others are good to know. */
const worrying: ReadonlySet<Notice["code"]> = new Set(["damaged_key", "empty_file", "unreadable_lock"])
const MOST_FILES = 10

function noticeFacts({ spec }: PlaceView, notices: readonly Notice[]): Fact[] {
  const byCode = new Map<Notice["code"], Notice[]>()
  for (const notice of notices) byCode.set(notice.code, [...(byCode.get(notice.code) ?? []), notice])
  return [...byCode].map(([code, all]) => ({
    code: `notice_${code}`,
    severity: worrying.has(code) ? "warning" : "info",
    subject: { kind: "repository", key: spec.place },
    title: `${spec.directory}: ${all[0]?.message ?? code}${all.length === 1 ? "" : `, and ${all.length - 1} more like it`}`,
    hint: "The listing is certain all the same. Look at the named files before you remove anything.",
    evidence: { count: all.length, files: all.slice(0, MOST_FILES).map(({ file }) => file ?? null) },
  }))
}

function goneFacts({ spec: { place } }: PlaceView, { newestGone, volumesOf }: RepositorySourceParts): Fact[] {
  return newestGone(place).map(({ identity, start }) => ({
    code: "newest_known_gone",
    severity: "critical",
    subject: { kind: "identity", key: `${place} ${identity}` },
    title: `The newest complete snapshot of ${identity}, taken at ${formatInstant(start)}, is gone`,
    hint: "Bring the repository back to a later state, or, if the loss is meant, accept it: `cistern repositories accept --gone`.",
    evidence: { place, identity, start: formatInstant(start) },
    volumes: volumesOf(place, identity),
  }))
}

/** Its writer could not read some files: the snapshot is complete by its engine's account, and yet not all is in it. */
function unreadFacts(
  place: string,
  { identity, newestComplete }: IdentitySummary,
  { volumesOf }: RepositorySourceParts,
): Fact[] {
  const failed = newestComplete?.failedFiles ?? 0
  if (newestComplete === undefined || failed === 0) return []
  return [
    {
      code: "files_not_read",
      severity: "warning",
      subject: { kind: "identity", key: `${place} ${identity}` },
      title: `The mover could not read ${failed} ${failed === 1 ? "entry" : "entries"} for the newest snapshot of ${identity}`,
      hint: "They are not in the backup. Look at the mover's log, and as which user it runs.",
      evidence: {
        place,
        identity,
        snapshot: newestComplete.id,
        start: formatInstant(newestComplete.start),
        failed,
      },
      volumes: volumesOf(place, identity),
    },
  ]
}
