import { StorageError } from "../errors.js"
import {
  AFFIXES,
  type ConventionSpec,
  DATA_PATH,
  isNamespace,
  isPodName,
  isPvcName,
  type KopiaIdentity,
  parseConvention,
  USER_NAME_LENGTH,
  type VolumeName,
  volumeKey,
} from "../identity/index.js"
import type { IdentityCount } from "./contents.js"

export interface GuessedConvention {
  readonly spec: ConventionSpec
  readonly identities: number
  readonly snapshots: number
}

/** An identity of which it is not clear whose backups it holds. */
export interface UnclearIdentity extends IdentityCount {
  /** Whose it may be; undefined: nothing speaks for anybody. */
  readonly volume: VolumeName | undefined
  readonly why: string
}

export interface ConventionGuess {
  /** Those that explain the most snapshots first. Empty where no rule is seen. */
  readonly conventions: readonly GuessedConvention[]
  /** What they explain. */
  readonly volumes: readonly VolumeName[]
  readonly unclear: readonly UnclearIdentity[]
}

/** The way a name is built: one convention each. */
interface Shape {
  readonly spec: ConventionSpec
  /** Nothing is put around the PVC's name. */
  readonly bare: boolean
  readonly members: readonly Named[]
}

interface Named extends IdentityCount {
  readonly volume: VolumeName
}

/** A rule has more than one case. */
const FEWEST = 2

/** What pvc-plumber looks up, and so the most usual. */
const USUAL_AFFIX = "-backup"

/** Development versions of the fork's mover called every source so. */
const OLD_USER = "source"

/** Finds the conventions by which the identities of a Kopia repository are named. Pure; nothing that it says is certain. */
export function guessConventions(counts: readonly IdentityCount[]): ConventionGuess {
  const unclear: UnclearIdentity[] = []
  const groups = new Map<string, { host: string; path: string; members: Named[] }>()
  for (const count of counts) {
    const strange = strangenessOf(count.identity)
    const reading = readingOf(count.identity)
    if (strange !== undefined) unclear.push({ ...count, volume: undefined, why: strange })
    else if (reading === undefined) {
      unclear.push({ ...count, volume: undefined, why: "its names are none that a volume can have" })
    } else {
      const { host, path, volume } = reading
      const group = groups.get(`${host} ${path}`) ?? { host, path, members: [] }
      group.members.push({ ...count, volume })
      groups.set(`${host} ${path}`, group)
    }
  }
  const shapes = [...groups.values()].flatMap(({ host, path, members }) => {
    const { shapes: found, single } = shapesOf(host, path, members)
    for (const count of single) {
      unclear.push({ ...count, why: "no other identity is named by the same rule" })
    }
    return found
  })
  unclear.push(...shapes.flatMap(({ bare, members }) => (bare ? affixedAmong(members) : [])))
  const volumes = shapes.flatMap(({ members }) => members.map(({ volume }) => volume))
  const namespaces = new Set(volumes.map(({ namespace }) => namespace))
  return {
    conventions: shapes.map(conventionOf).sort(bySnapshots),
    volumes,
    unclear: unclear
      .map((count) => ({ ...count, volume: count.volume ?? oldVolume(count.identity, namespaces) }))
      .sort((one, other) => (textOf(one) < textOf(other) ? -1 : 1)),
  }
}

/** Of `source@media-lidarr`, where `media` is a namespace and no other one fits. */
function oldVolume({ user, host }: KopiaIdentity, namespaces: ReadonlySet<string>): VolumeName | undefined {
  if (user !== OLD_USER) return undefined
  const [only, ...others] = [...namespaces].filter((namespace) => host.startsWith(`${namespace}-`))
  if (only === undefined || others.length > 0) return undefined
  const pvc = host.slice(only.length + 1)
  return isPvcName(pvc) ? { namespace: only, pvc } : undefined
}

function strangenessOf({ user, host }: KopiaIdentity): string | undefined {
  if (isPodName(host)) return "it is named after a mover's pod, so its mover could not set its name"
  if (user === OLD_USER)
    return "the first versions of the mover named every volume so, and the volume in the host name"
  if (user.length === USER_NAME_LENGTH) return "its name was cut at 50 characters, or is another's beginning"
  return undefined
}

interface Reading {
  /** What follows the namespace in the host name. */
  readonly host: string
  /** The path, or the template of one that repeats the PVC's name. */
  readonly path: string
  readonly volume: VolumeName
}

function readingOf({ user, host, path }: KopiaIdentity): Reading | undefined {
  const [namespace = "", ...rest] = host.split(".")
  if (!isNamespace(namespace) || !isPvcName(user)) return undefined
  return {
    host: rest.map((part) => `.${part}`).join(""),
    path: path === `/pvc/${user}` ? "/pvc/{pvc}" : path,
    volume: { namespace, pvc: user },
  }
}

/** Divides identities of one kind of host and path by what is put around the PVC's name. */
function shapesOf(
  host: string,
  path: string,
  all: readonly Named[],
): { shapes: Shape[]; single: readonly Named[] } {
  const shapes: Shape[] = []
  let rest = all
  // Where the path repeats the name there is nothing around it.
  for (const affix of path.includes("{pvc}") ? [] : affixes) {
    const members = withoutAffix(affix, rest, all)
    const whole = affix.after === USUAL_AFFIX && members.length === all.length
    const spec = specOf(affix, host, path)
    if ((members.length < FEWEST && !whole) || spec === undefined) continue
    shapes.push({ spec, bare: false, members })
    const taken = new Set(members.map(textOf))
    rest = rest.filter((count) => !taken.has(textOf(count)))
  }
  const repeats = path.includes("{pvc}") || (path === DATA_PATH && shapes.length === 0)
  const bare = specOf({ before: "", after: "" }, host, path)
  if (bare !== undefined && (rest.length >= FEWEST || (rest.length > 0 && repeats))) {
    return { shapes: [...shapes, { spec: bare, bare: true, members: rest }], single: [] }
  }
  return { shapes, single: rest }
}

interface Affix {
  readonly before: string
  readonly after: string
}

/** The longest first, because "-nfs-dst" ends like "-dst". */
const affixes: readonly Affix[] = [
  ...AFFIXES.before.map((before) => ({ before, after: "" })),
  ...AFFIXES.after.map((after) => ({ before: "", after })),
].sort((one, other) => lengthOf(other) - lengthOf(one))

function lengthOf({ before, after }: Affix): number {
  return before.length + after.length
}

/** Those that bear it, under the volume's name without it; not where that name has backups of its own. */
function withoutAffix(
  { before, after }: Affix,
  counts: readonly Named[],
  all: readonly Named[],
): readonly Named[] {
  const known = new Set(all.map(({ volume }) => volumeKey(volume)))
  return counts.flatMap((count) => {
    const { namespace, pvc } = count.volume
    if (!pvc.startsWith(before) || !pvc.endsWith(after)) return []
    const volume = { namespace, pvc: pvc.slice(before.length, pvc.length - after.length) }
    return isPvcName(volume.pvc) && !known.has(volumeKey(volume)) ? [{ ...count, volume }] : []
  })
}

/** Undefined for names that no convention can hold. */
function specOf({ before, after }: Affix, host: string, path: string): ConventionSpec | undefined {
  const written = `${before}{pvc}${after}@{namespace}${host}:${path}`
  // The mover itself never writes such a path or host: somebody gave the names, and they are kept as they are.
  const verbatim = path.includes("{pvc}") || host !== ""
  const spec = verbatim ? { written, verbatim } : written
  if (/[{}]/.test(written.replace(/\{(?:pvc|namespace)\}/g, ""))) return undefined
  try {
    parseConvention(spec)
    return spec
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

/** By a rule without affixes, `radarr-backup` is a volume of that name; more likely it is `radarr` by another rule. */
function affixedAmong(members: readonly Named[]): UnclearIdentity[] {
  const found = new Map<string, UnclearIdentity>()
  for (const count of affixes.flatMap((affix) => withoutAffix(affix, members, members))) {
    const taken = count.identity.user
    const why = `it is taken for the volume ${taken}; by its name it may be ${count.volume.pvc}'s`
    if (!found.has(textOf(count))) found.set(textOf(count), { ...count, why })
  }
  return [...found.values()]
}

function conventionOf({ spec, members }: Shape): GuessedConvention {
  return {
    spec,
    identities: members.length,
    snapshots: members.reduce((sum, { snapshots }) => sum + snapshots, 0),
  }
}

function bySnapshots(one: GuessedConvention, other: GuessedConvention): number {
  return other.snapshots - one.snapshots || (writtenOf(one.spec) < writtenOf(other.spec) ? -1 : 1)
}

/** How a convention is written. */
export function writtenOf(spec: ConventionSpec): string {
  return typeof spec === "string" ? spec : spec.written
}

function textOf({ identity: { user, host, path } }: IdentityCount): string {
  return `${user}@${host}:${path}`
}
