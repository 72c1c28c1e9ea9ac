import { StorageError } from "../errors.js"
import type { ActiveExport } from "./etab.js"
import { canonicalClient, isAround, type NfsClient, type NfsExport } from "./export.js"
import { optionsOf } from "./exports-file.js"

/** Where what the server exports is not what is wanted, for one path and one client. */
export type ExportDifference =
  /** The server does not export it. */
  | { readonly kind: "missing"; readonly path: string; readonly client: string }
  /** It is exported otherwise; `wanted` and `active` are the options that differ. */
  | {
      readonly kind: "different"
      readonly path: string
      readonly client: string
      readonly wanted: readonly string[]
      readonly active: readonly string[]
    }
  /** Somebody may mount a wanted path, or a directory around or in it, whom nobody wanted there. */
  | { readonly kind: "foreign"; readonly path: string; readonly client: string; readonly writes: boolean }

/**
 * Compares what is wanted with what the server exports, both ways: also what others export of the same directories counts.
 * Only `settings` are compared. Empty: the server exports exactly this.
 */
export function compareExports(
  wanted: readonly NfsExport[],
  active: readonly ActiveExport[],
  settings: readonly ExportSetting[] = allSettings,
): ExportDifference[] {
  const differences: ExportDifference[] = []
  const byPath = new Map<string, ActiveExport[]>()
  for (const entry of active) byPath.set(entry.path, [...(byPath.get(entry.path) ?? []), entry])
  const matched = new Set<ActiveExport>()
  for (const one of wanted) {
    const { path, clients } = one
    for (const client of clients) {
      const network = canonicalClient(client.network)
      const found = byPath.get(path)?.find((entry) => networkOf(entry.client) === network)
      if (found === undefined) {
        differences.push({ kind: "missing", path, client: network })
        continue
      }
      matched.add(found)
      const difference = differenceOf(optionsOf(client, one), found, client, settings)
      if (difference !== undefined)
        differences.push({ kind: "different", path, client: network, ...difference })
    }
  }
  for (const entry of active) {
    const concerns = wanted.some(({ path }) => isAround(path, entry.path) || isAround(entry.path, path))
    if (matched.has(entry) || !concerns) continue
    const { path, client, options } = entry
    differences.push({ kind: "foreign", path, client, writes: settingOf("access", options) === "rw" })
  }
  return differences
}

/** Options that say the same thing in different words, or contradict each other: the last one written counts. */
const SETTINGS = {
  access: /^(rw|ro)$/,
  sync: /^(sync|async)$/,
  subtree: /^(no_)?subtree_check$/,
  port: /^(in)?secure$/,
  root: /^(no_)?root_squash$/,
  all: /^(no_)?all_squash$/,
  uid: /^anonuid=/,
  gid: /^anongid=/,
  security: /^sec=/,
  mountpoint: /^mountpoint(=|$)/,
  fsid: /^fsid=/,
  crossing: /^(no)?crossmnt$/,
  hiding: /^(no)?hide$/,
} as const

/** What an export says about its clients. */
export type ExportSetting = keyof typeof SETTINGS

export const allSettings = Object.keys(SETTINGS) as readonly ExportSetting[]

/** What every server tells of a client. */
const COMMON: readonly ExportSetting[] = ["access", "port", "root", "all", "uid", "gid", "security"]

/** What a server tells: that, and `more`. */
export function settingsWith(...more: readonly ExportSetting[]): readonly ExportSetting[] {
  return allSettings.filter((setting) => COMMON.includes(setting) || more.includes(setting))
}

/** What exportfs writes where nothing is said. */
const DEFAULTS: Readonly<Partial<Record<ExportSetting, string>>> = {
  uid: "anonuid=65534",
  gid: "anongid=65534",
  crossing: "nocrossmnt",
  hiding: "hide",
}

function differenceOf(
  wantedOptions: readonly string[],
  { options }: ActiveExport,
  { squash }: NfsClient,
  settings: readonly ExportSetting[],
): { wanted: string[]; active: string[] } | undefined {
  const wanted: string[] = []
  const active: string[] = []
  for (const setting of settings) {
    // Whom nobody becomes matters to nobody.
    if (squash === undefined && (setting === "uid" || setting === "gid")) continue
    const [want, have] = [settingOf(setting, wantedOptions), settingOf(setting, options)]
    if (want === have) continue
    if (want !== undefined) wanted.push(want)
    if (have !== undefined) active.push(have)
  }
  return wanted.length === 0 && active.length === 0 ? undefined : { wanted, active }
}

function settingOf(setting: ExportSetting, options: readonly string[]): string | undefined {
  const said = options.filter((option) => SETTINGS[setting].test(option)).at(-1)
  return said ?? DEFAULTS[setting]
}

/** The canonical network of a client of the table; undefined for names, patterns, netgroups and everybody. */
export function networkOf(client: string): string | undefined {
  try {
    return canonicalClient(client)
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}
