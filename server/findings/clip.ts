import { createHash } from "node:crypto"
import type { VolumeKey } from "../db/index.js"
import { type Evidence, type Fact, isWorse, keyOf } from "./finding.js"

/** Bounds of what is kept of one finding: its texts may come from a hostile repository. */
const MOST_TITLE = 1_000
const MOST_HINT = 4_000
const MOST_KEY = 2_000
const MOST_EVIDENCE_BYTES = 16 * 1024
const MOST_VOLUMES = 10_000

/** A fact as it is kept. */
export interface KeptFact {
  readonly fact: Fact
  readonly key: string
  /** JSON. */
  readonly evidence: string
  /** Sorted; no more than are kept by name. */
  readonly volumes: readonly VolumeKey[]
  /** How many there are. */
  readonly volumeCount: number
  /** Equal for equal facts, however they were put together. */
  readonly told: string
}

/** Facts within bounds, each thing once (the worst of what was said of it), in an order that does not depend on the given one. */
export function keptFacts(facts: readonly Fact[]): KeptFact[] {
  const byKey = new Map<string, KeptFact>()
  for (const given of facts) {
    const kept = keep(given)
    const same = byKey.get(kept.key)
    if (same === undefined || isBefore(kept, same)) byKey.set(kept.key, kept)
  }
  return [...byKey.values()].sort((one, other) => (isBefore(one, other) ? -1 : 1))
}

/** The worst first; among equals an order that is always the same. */
function isBefore(one: KeptFact, other: KeptFact): boolean {
  if (one.fact.severity !== other.fact.severity) return isWorse(one.fact.severity, other.fact.severity)
  return one.key === other.key ? one.told < other.told : one.key < other.key
}

function keep(given: Fact): KeptFact {
  const fact: Fact = {
    ...given,
    title: cut(given.title, MOST_TITLE),
    hint: cut(given.hint, MOST_HINT),
    subject: { kind: given.subject.kind, key: shortKey(given.subject.key) },
  }
  const all = distinct(given.volumes ?? [])
  const volumes = all.slice(0, MOST_VOLUMES)
  const evidence = evidenceJson(given.evidence ?? {})
  const { code, severity, subject, title, hint } = fact
  const told = createHash("sha256")
    .update(JSON.stringify([code, severity, subject.kind, subject.key, title, hint, evidence, all.length]))
    .update(JSON.stringify(volumes.map(textOf)))
    .digest("base64")
  return { fact, key: keyOf(fact), evidence, volumes, volumeCount: all.length, told }
}

function cut(text: string, most: number): string {
  // A pair of surrogates that is cut in two is no text any more.
  return text.length <= most ? text : `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…`
}

/** Two long keys that begin alike stay two. */
function shortKey(key: string): string {
  if (key.length <= MOST_KEY) return key
  return `${cut(key, MOST_KEY)}#${createHash("sha256").update(key).digest("hex").slice(0, 16)}`
}

/** The fields that fit, in their order; `cut` says that some did not. */
function evidenceJson(evidence: Evidence): string {
  const whole = JSON.stringify(evidence)
  if (Buffer.byteLength(whole) <= MOST_EVIDENCE_BYTES) return whole
  const kept: Record<string, unknown> = { cut: true }
  let bytes = 0
  for (const [name, value] of Object.entries(evidence)) {
    bytes += Buffer.byteLength(JSON.stringify([name, value]))
    if (bytes <= MOST_EVIDENCE_BYTES) kept[name] = value
  }
  return JSON.stringify(kept)
}

function textOf({ cluster, namespace, pvc }: VolumeKey): string {
  return `${cluster}/${namespace}/${pvc}`
}

function distinct(volumes: readonly VolumeKey[]): VolumeKey[] {
  const byText = new Map(volumes.map((volume) => [textOf(volume), volume]))
  return [...byText].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, volume]) => volume)
}
