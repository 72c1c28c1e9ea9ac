import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { parseTime, type Instant } from "../instant.js"
import type { EccSettings } from "./ecc.js"

/** The decrypted part of `kopia.repository`: what is needed to read. */
export interface RepositoryFormat {
  readonly version: number
  readonly hash: string
  readonly encryption: string
  readonly secret: Uint8Array
  readonly masterKey: Uint8Array
  readonly ecc: EccSettings | undefined
  /** Whether index blobs are kept by epochs (`x…`) or by compaction logs (`n…`, `m…`). */
  readonly epochs: boolean
  readonly upgradeLock: UpgradeLock | undefined
  readonly requiredFeatures: readonly RequiredFeature[]
}

export interface UpgradeLock {
  readonly ownerId: string
  readonly created: Instant
  /** All in nanoseconds. */
  readonly advanceNotice: bigint
  readonly drain: bigint
}

export interface RequiredFeature {
  readonly feature: string
  /** The writer says that an old program may read on after a warning. */
  readonly mayBeIgnored: boolean
}

const known = { versions: [1, 2, 3], features: ["index-v1", "index-v2"], ecc: "REED-SOLOMON-CRC32" } as const

/** Parses the JSON inside the format block (kopia-repository-format §4.2). */
export function parseRepositoryFormat(plain: Uint8Array, file: string): RepositoryFormat {
  const fields = new JsonFields(parseJson(plain, file), file).object("format")
  const ecc = fields.optionalString("ecc") ?? ""
  const overheadPercent = fields.optionalNumber("eccOverheadPercent") ?? 0
  const masterKey = fields.base64("masterKey")
  if (masterKey.length === 0)
    throw new StorageError("corrupt", `${file}: masterKey is empty`, { facts: { file } })
  return {
    version: fields.number("version"),
    hash: fields.string("hash"),
    encryption: fields.string("encryption"),
    secret: fields.get("secret") === undefined ? new Uint8Array() : fields.base64("secret"),
    masterKey,
    ecc: ecc === "" || overheadPercent === 0 ? undefined : { algorithm: ecc, overheadPercent },
    epochs: fields.optionalObject("epochParameters")?.optionalBoolean("Enabled") ?? false,
    upgradeLock: parseUpgradeLock(fields.optionalObject("upgradeLock")),
    requiredFeatures: (fields.optionalArray("requiredFeatures") ?? []).map((value) => {
      const required = new JsonFields(value, `${file}: requiredFeatures`)
      return {
        feature: required.string("feature"),
        mayBeIgnored: required.optionalObject("ifNotUnderstood")?.optionalBoolean("warn") ?? false,
      }
    }),
  }
}

/** Throws `unsupported` or `upgrading` for a repository that the engine itself would not open, or that we cannot. */
export function refuseUnreadable(format: RepositoryFormat, file: string, now: Instant): void {
  const refuse = (what: string) =>
    new StorageError("unsupported", `${file}: ${what}`, {
      facts: { file },
      hint: "A newer version of this program may know it.",
    })
  if (!known.versions.some((version) => version === format.version)) {
    throw refuse(`format version ${format.version} is not known`)
  }
  const feature = format.requiredFeatures.find(
    ({ feature, mayBeIgnored }) => !mayBeIgnored && !known.features.some((name) => name === feature),
  )
  if (feature !== undefined)
    throw refuse(`the repository requires ${JSON.stringify(feature.feature.slice(0, 64))}`)
  if (format.ecc !== undefined && format.ecc.algorithm !== known.ecc) {
    throw refuse(`its error correction is ${JSON.stringify(format.ecc.algorithm.slice(0, 64))}`)
  }
  if (format.upgradeLock !== undefined && isLocked(format.upgradeLock, now)) {
    throw new StorageError(
      "upgrading",
      `${file}: ${JSON.stringify(format.upgradeLock.ownerId.slice(0, 64))} holds the repository locked for an upgrade`,
      {
        facts: { file },
        hint: "Let the upgrade end, or take it back with `kopia repository upgrade rollback`.",
      },
    )
  }
}

/** kopia-repository-format §4.2: too short a notice locks at once, else the lock falls one drain before the notice ends. */
export function isLocked({ created, advanceNotice, drain }: UpgradeLock, now: Instant): boolean {
  return advanceNotice < drain || now >= created + advanceNotice - drain
}

function parseUpgradeLock(lock: JsonFields | undefined): UpgradeLock | undefined {
  if (lock === undefined) return undefined
  const duration = (name: string) => BigInt(Math.trunc(lock.optionalNumber(name) ?? 0))
  return {
    ownerId: lock.optionalString("ownerID") ?? "",
    created: parseTime(lock.string("creationTime")).instant,
    advanceNotice: duration("advanceNoticeDuration"),
    drain: duration("maxPermittedClockDrift") + 2n * duration("ioDrainTimeout"),
  }
}
