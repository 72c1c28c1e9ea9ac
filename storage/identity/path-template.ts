import { StorageError } from "../errors.js"
import { match, names, parseTemplate, render, type Template } from "./template.js"
import { isNamespace, isPvcName, type VolumeName, volumeKey } from "./volume-name.js"

/**
 * Where the repositories of single volumes lie below a store: `restic/{namespace}/{pvc}`, or `restic/{pvc}` where a map
 * says to which namespace each name belongs.
 */
export interface PathTemplate {
  readonly text: string
  readonly segments: readonly Template[]
  /** Every volume has a repository of its own. */
  readonly perVolume: boolean
  /** From the name in the path to its namespace; for templates without `{namespace}`. */
  readonly namespaceOf: ReadonlyMap<string, string>
}

export interface PathTemplateSpec {
  readonly path: string
  readonly cluster: string
  /** From a PVC's or app's name to its namespace. */
  readonly namespaceOf?: Readonly<Record<string, string>> | undefined
}

/** Throws StorageError `invalid` for a path that leaves its store or cannot tell volumes apart. */
export function parsePathTemplate({ path, cluster, namespaceOf = {} }: PathTemplateSpec): PathTemplate {
  const segments = safeSegments(path).map((segment) =>
    // The cluster is the same for all volumes, so that it is as good as written out.
    parseTemplate(segment).map((part) =>
      part.kind === "placeholder" && part.name === "cluster"
        ? { kind: "literal" as const, text: cluster }
        : part,
    ),
  )
  const flat = segments.flat()
  const perVolume = names(flat, "pvc")
  if (!perVolume && names(flat, "namespace")) {
    throw new StorageError("invalid", `the path ${JSON.stringify(path)} has {namespace} but no {pvc}`, {
      hint: "A repository for each volume needs both, or {pvc} alone with a map of namespaces.",
    })
  }
  const map = new Map(Object.entries(namespaceOf))
  for (const [pvc, namespace] of map) {
    if (isPvcName(pvc) && isNamespace(namespace)) continue
    throw new StorageError(
      "invalid",
      `not a name and its namespace: ${JSON.stringify(`${pvc}: ${namespace}`)}`,
    )
  }
  if (perVolume && !names(flat, "namespace") && map.size === 0) {
    throw new StorageError(
      "invalid",
      `the path ${JSON.stringify(path)} does not say the namespace of a volume`,
      {
        hint: "Write {namespace} in the path, or map each name to its namespace.",
      },
    )
  }
  return { text: path, segments, perVolume, namespaceOf: map }
}

/** The repository's path below the store; undefined when the template holds no place for this volume. */
export function pathFor(template: PathTemplate, volume: VolumeName): string | undefined {
  if (template.perVolume && !namesNamespace(template)) {
    if (template.namespaceOf.get(volume.pvc) !== volume.namespace) return undefined
  }
  const values = { ...volume, cluster: "" }
  return template.segments.map((segment) => render(segment, values)).join("/")
}

/**
 * The volumes that a directory below the store may be the repository of. More than one when the template joins names
 * within one segment (`{namespace}-{pvc}`).
 */
export function volumesAt(template: PathTemplate, directory: string): VolumeName[] {
  const segments = directory.split("/")
  if (!template.perVolume || segments.length !== template.segments.length) return []
  let bindings = [{}]
  for (const [i, segment] of template.segments.entries()) {
    bindings = bindings.flatMap((bound) => match(segment, segments[i] ?? "", bound))
  }
  const found = new Map<string, VolumeName>()
  for (const { pvc, namespace } of bindings as { pvc?: string; namespace?: string }[]) {
    if (pvc === undefined || !isPvcName(pvc)) continue
    const home = namespace ?? template.namespaceOf.get(pvc)
    if (home === undefined || !isNamespace(home)) continue
    const volume = { namespace: home, pvc }
    if (pathFor(template, volume) === directory) found.set(volumeKey(volume), volume)
  }
  return [...found.values()]
}

/** Directories that hold repositories, are no volume's by the template, and have the volume's name in theirs. */
export function similarDirectories(
  template: PathTemplate,
  volume: VolumeName,
  directories: readonly string[],
): string[] {
  if (!template.perVolume) return []
  return directories.filter(
    (directory) =>
      volumesAt(template, directory).length === 0 &&
      directory.split("/").some((segment) => segment.toLowerCase().includes(volume.pvc)),
  )
}

/** The folder that every repository of the template lies below; "" is the store's own. */
export function commonFolder(template: PathTemplate): string {
  const end = template.segments.findIndex((segment) => segment.some(({ kind }) => kind === "placeholder"))
  const fixed = end < 0 ? template.segments : template.segments.slice(0, end)
  return fixed
    .map((segment) => segment.map((part) => (part.kind === "literal" ? part.text : "")).join(""))
    .join("/")
}

/**
 * Whether two paths below one store, templates or not, can name the same directory, or one a directory in the other's. A segment
 * with a placeholder may be any name.
 */
export function pathsMeet(one: string, other: string): boolean {
  const [left, right] = [segmentsOf(one), segmentsOf(other)]
  return left.every((part, at) => {
    const opposite = right[at]
    return opposite === undefined || part === opposite || part.includes("{") || opposite.includes("{")
  })
}

function segmentsOf(path: string): string[] {
  return path === "" ? [] : path.split("/")
}

function namesNamespace({ segments }: PathTemplate): boolean {
  return names(segments.flat(), "namespace")
}

function safeSegments(path: string): string[] {
  const segments = path.split("/")
  const bad = segments.find((segment) => segment === "" || segment === "." || segment === "..")
  if (path === "" || bad !== undefined || /[\0\\]/.test(path)) {
    throw new StorageError("invalid", `not a path below a store: ${JSON.stringify(path)}`, {
      hint: 'Write it relative to the store, without ".", ".." or empty parts: "restic/{namespace}/{pvc}".',
    })
  }
  return segments
}
