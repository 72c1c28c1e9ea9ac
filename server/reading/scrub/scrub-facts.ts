import { join } from "node:path"
import type { VolumeKey } from "../../db/index.js"
import type { Fact } from "../../findings/index.js"
import type { RepositorySubject } from "../parts.js"
import type { Cost, DamagedBlob, Oddity, ScrubFound } from "./found.js"

export interface FactTerms {
  readonly subject: RepositorySubject
  /** Absolute. */
  readonly directory: string
  readonly volumesIn: () => readonly VolumeKey[]
  readonly volumesOf: (identity: string) => readonly VolumeKey[]
  /** Unix milliseconds. */
  readonly now: number
}

/** Damaged files that are told one by one. */
const MOST_BLOBS = 200
const MOST_NAMES = 20
/** So long it is told that a ledger was lost; a deep verify within that time proves anew what it knew. */
const TELL_LOSS_MS = 30 * 86_400_000

/** Everything that a scrub has to tell of one place. Pure. */
export function scrubFacts(found: ScrubFound, terms: FactTerms): Fact[] {
  const { damaged, diskFails, unread, odd, foreign } = found
  const blobs = damaged.slice(0, MOST_BLOBS)
  return [
    ...(diskFails ? [diskFact(found, terms)] : []),
    ...blobs.map((blob) => damageFact(blob, found.cost, terms)),
    ...(damaged.length > blobs.length ? [moreFact(damaged, found.cost, terms)] : []),
    ...some(unread, (paths) =>
      several("files_unread", "warning", paths, terms, {
        title: "may not be read, or did not answer",
        hint: "Look at their owners and modes, and whether the disk or file server answers; the next run reads them again.",
      }),
    ),
    ...oddFacts(odd, terms),
    ...lossFacts(found, terms),
    ...some(foreign, (paths) =>
      several("foreign_files", "info", paths, terms, {
        title: "are none of the repository",
        hint: "Find out who put them there. Movers do not mind them, and nobody but you should remove them.",
      }),
    ),
  ]
}

const whatIs: Readonly<Record<DamagedBlob["code"], string>> = {
  corrupt: "has other bytes than it must have",
  io: "cannot be read from the disk",
  missing: "is gone, and is needed",
  misplaced: "lies where the engine does not look",
}

function damageFact({ blob, code, since }: DamagedBlob, cost: Cost, terms: FactTerms): Fact {
  const { directory, subject } = terms
  const costsNothing = cost.kind === "told" && cost.snapshots.length === 0
  const impact = `\`cistern impact ${blob} --at ${directory}\` tells what it costs`
  return {
    code: `file_${code}`,
    severity: costsNothing ? "warning" : "critical",
    subject: blobSubject(subject, blob),
    title: `${blob} of ${placeText(subject)} ${whatIs[code]}`,
    hint:
      code === "misplaced"
        ? `Move it where its name says; ${impact}.`
        : `${impact}; \`cistern mend ${blob} --at ${directory} --aside DIRECTORY\` brings it back from a filesystem snapshot that has it whole, or with --from from a copy.${code === "io" ? " Look at the kernel log and the disk, too." : ""}`,
    evidence: {
      place: subject.place,
      file: join(directory, blob),
      since: new Date(since).toISOString(),
      ...costEvidence(cost),
    },
    volumes: volumesHit(cost, terms),
  }
}

function costEvidence(cost: Cost): Fact["evidence"] {
  if (cost.kind === "untold") return { impact: "could not be told", why: cost.why, reason: cost.code }
  if (cost.kind !== "told") return {}
  const identities = [...new Set(cost.snapshots.map(({ identity }) => identity))]
  return {
    impact: "told",
    // Of all damaged files together.
    snapshots: cost.snapshots.length,
    identities: identities.slice(0, MOST_NAMES),
    contents: cost.lost,
  }
}

/** Where it cannot be told whom it costs, it may be all. */
function volumesHit(cost: Cost, { volumesIn, volumesOf }: FactTerms): readonly VolumeKey[] {
  if (cost.kind !== "told") return volumesIn()
  const identities = [...new Set(cost.snapshots.map(({ identity }) => identity))]
  const volumes = new Map<string, VolumeKey>()
  for (const volume of identities.flatMap(volumesOf))
    volumes.set(`${volume.cluster}/${volume.namespace}/${volume.pvc}`, volume)
  return [...volumes.values()]
}

function moreFact(damaged: readonly DamagedBlob[], cost: Cost, terms: FactTerms): Fact {
  const { subject, directory } = terms
  return {
    code: "more_files_damaged",
    severity: "critical",
    subject: placeSubject(subject),
    title: `${damaged.length} files of ${placeText(subject)} are damaged; ${MOST_BLOBS} are told one by one`,
    hint: `So many have one cause: look at the disk first. \`cistern scrub --at ${directory}\` names all.`,
    evidence: { count: damaged.length },
    volumes: volumesHit(cost, terms),
  }
}

function diskFact({ damaged }: ScrubFound, terms: FactTerms): Fact {
  const { subject, volumesIn } = terms
  return {
    code: "disk_fails",
    severity: "critical",
    subject: placeSubject(subject),
    title: `One file after the other of ${placeText(subject)} cannot be read: the scrub stopped`,
    hint: "Look at the kernel log and the disk (`cistern hardware`), and copy what still can be read.",
    evidence: { unreadable: damaged.filter(({ code }) => code === "io").length },
    volumes: volumesIn(),
  }
}

const oddTexts: Readonly<Record<Oddity, { code: string; title: string; hint: string }>> = {
  unsteady: {
    code: "unsteady_reads",
    title: "were wrong at one reading and right at the next",
    hint: "The data is well; test the memory, look at cables and the disk. Nothing that this machine writes can be trusted until then.",
  },
  changed: {
    code: "files_rewritten",
    title: "were written anew, which engines hardly ever do",
    hint: "Right after a new password or format of the repository; else find out who did it.",
  },
  ledger_row: {
    code: "ledger_rows_damaged",
    title: "have damaged rows in the ledger of scrubs, and were learnt anew as they are",
    hint: "Look at the disk and the memory under the state directory. `cistern verify --deep` proves Kopia's packs by the password instead.",
  },
}

function oddFacts(odd: ScrubFound["odd"], terms: FactTerms): Fact[] {
  return [...odd].flatMap(([which, paths]) => {
    const { code, title, hint } = oddTexts[which]
    return some(paths, () => several(code, "warning", paths, terms, { title, hint }))
  })
}

function lossFacts({ engine, ledgerLost }: ScrubFound, { subject, now, directory }: FactTerms): Fact[] {
  // What restic's files must be is in their names.
  if (ledgerLost === undefined || engine !== "kopia" || now - ledgerLost.at > TELL_LOSS_MS) return []
  const { at, file } = ledgerLost
  return [
    {
      code: "ledger_lost",
      severity: "warning",
      subject: placeSubject(subject),
      title: `The ledger of scrubs was damaged and is learnt anew: what of ${placeText(subject)} had rotted by then is not seen`,
      hint: `\`cistern verify --deep --at ${directory}\` proves every pack by the password. The damaged ledger was kept; look at the disk under the state directory.`,
      evidence: { at: new Date(at).toISOString(), kept: file },
    },
  ]
}

function some<T>(values: readonly T[], fact: (values: readonly T[]) => Fact): Fact[] {
  return values.length === 0 ? [] : [fact(values)]
}

function several(
  code: string,
  severity: Fact["severity"],
  paths: readonly string[],
  { subject }: FactTerms,
  { title, hint }: Pick<Fact, "title" | "hint">,
): Fact {
  const count = paths.length === 1 ? "1 file" : `${paths.length} files`
  return {
    code,
    severity,
    subject: placeSubject(subject),
    title: `${count} of ${placeText(subject)} ${paths.length === 1 ? singular(title) : title}`,
    hint,
    evidence: { place: subject.place, count: paths.length, files: paths.slice(0, MOST_NAMES) },
  }
}

function singular(title: string): string {
  return title
    .replace(/^were /, "was ")
    .replace(/^are none/, "is none")
    .replace(/^have /, "has a ")
    .replace(/^has a damaged rows/, "has a damaged row")
    .replace("and were learnt anew as they are", "and was learnt anew as it is")
}

function placeText({ store, path }: RepositorySubject): string {
  return `${store}:${path}`
}

function placeSubject(subject: RepositorySubject): Fact["subject"] {
  return { kind: "repository", key: placeText(subject) }
}

function blobSubject(subject: RepositorySubject, blob: string): Fact["subject"] {
  return { kind: "file", key: `${placeText(subject)}/${blob}` }
}
