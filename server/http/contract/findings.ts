import { z } from "zod"

// What is wrong, from wherever it was found, over the admin socket like contract/admin.ts. Times are RFC 3339.

const time = z.string()
const count = z.int().min(0)
const text = z.string().trim().min(1).max(1_000)
const volume = z.strictObject({ cluster: z.string(), namespace: z.string(), pvc: z.string() })

export const findingState = z.enum(["open", "acknowledged", "closed"])
/** `critical`: backups are lost, or will not be made or restored. `warning`: somebody should look. `info`: good to know. */
export const findingSeverity = z.enum(["critical", "warning", "info"])

export const findingJson = z.strictObject({
  id: z.int(),
  code: z.string(),
  severity: findingSeverity,
  state: findingState,
  /** What it is about: `key` tells it from others of its kind. */
  subject: z.strictObject({ kind: z.string(), key: z.string() }),
  title: z.string(),
  /** The next step. */
  hint: z.string(),
  /** How many volumes it touches. */
  volumes: count,
  /** Who found it, and where. */
  source: z.string(),
  scope: z.string(),
  firstSeen: time,
  /** When it was opened last; it may have been gone for a while. */
  openedAt: time,
  /** How often it was opened. */
  opened: count,
  /** At which look it was there last. */
  lastSeen: time,
  timesSeen: count,
  /** It was not there at the last look. It comes and goes, so that it is not believed to be gone yet. */
  absentSince: time.nullable(),
  /** Since then nobody could look whether it is still there. */
  unknownSince: time.nullable(),
  acknowledged: z
    .strictObject({
      at: time,
      by: z.string(),
      why: z.string(),
      /** Null: until it is gone. */
      until: time.nullable(),
    })
    .nullable(),
  muted: z.strictObject({ at: time, by: z.string(), why: z.string(), until: time }).nullable(),
  closed: z
    .strictObject({ at: time, why: z.enum(["gone", "by hand"]), by: z.string().nullable() })
    .nullable(),
})
export type FindingJson = z.infer<typeof findingJson>

/** Open ones that are not muted. */
const counts = z.strictObject({ critical: count, warning: count, info: count })

/**
 * GET /api/v1/findings?state=&severity=&code=&source=&kind=&subject=&volume=&muted=&limit=&after= : the worst first, of those the newest.
 * `state` and `severity` may name several, with commas; without `state` those that are not closed. `volume` is
 * [cluster/]namespace/pvc. `muted`: true or false.
 */
export const findingsJson = z.strictObject({
  findings: z.array(findingJson),
  /** Of all that fit, not only of this page. */
  open: counts,
  /** Of all that fit. */
  total: count,
  /** For `after`; null: this page is the last one. */
  next: z.string().nullable(),
  /** What could not be looked at, the longest first: nothing of it is known to be well. */
  unknown: z.array(
    z.strictObject({
      source: z.string(),
      scope: z.string(),
      since: time,
      why: z.string(),
      lookedAt: time.nullable(),
    }),
  ),
  /** How many of them there are. */
  unknownTotal: count,
})
export type FindingsJson = z.infer<typeof findingsJson>

/** GET /api/v1/findings/{id}?after= : one of them, with a page of its volumes. */
export const findingShownJson = z.strictObject({
  finding: findingJson,
  evidence: z.record(z.string(), z.unknown()),
  touched: z.strictObject({ volumes: z.array(volume), next: z.string().nullable() }),
  /** Oldest first. `by` null: nobody did it. */
  events: z.array(
    z.strictObject({ at: time, kind: z.string(), by: z.string().nullable(), why: z.string().nullable() }),
  ),
})
export type FindingShownJson = z.infer<typeof findingShownJson>

/** POST /api/v1/findings/{id}/acknowledge. `until` left out: until it is gone. What gets worse is open again. */
export const acknowledgeFindingRequest = z.strictObject({
  why: text,
  until: z.iso.datetime().exactOptional(),
})
export type AcknowledgeFindingRequest = z.infer<typeof acknowledgeFindingRequest>
/** POST /api/v1/findings/{id}/reopen */
export const reopenFindingRequest = z.strictObject({ why: text.exactOptional() })
/** POST /api/v1/findings/{id}/close. What is still there: 409 `still_seen`. */
export const closeFindingRequest = z.strictObject({ why: text })

const muteName = { code: text, subject: z.strictObject({ kind: text, key: z.string().max(4_000) }) }
/** POST /api/v1/findings/mute: nobody hears of this code of this subject for a while, whoever finds it. */
export const muteFindingRequest = z.strictObject({ ...muteName, until: z.iso.datetime(), why: text })
export type MuteFindingRequest = z.infer<typeof muteFindingRequest>
/** POST /api/v1/findings/unmute */
export const unmuteFindingRequest = z.strictObject(muteName)
export type UnmuteFindingRequest = z.infer<typeof unmuteFindingRequest>
/** GET /api/v1/findings/mutes, and what mute and unmute answer with. */
export const mutesJson = z.strictObject({
  mutes: z.array(
    z.strictObject({
      code: z.string(),
      subject: z.strictObject({ kind: z.string(), key: z.string() }),
      at: time,
      until: time,
      by: z.string(),
      why: z.string(),
    }),
  ),
})
export type MutesJson = z.infer<typeof mutesJson>

export const findingPaths = {
  findings: "/api/v1/findings",
  mute: "/api/v1/findings/mute",
  unmute: "/api/v1/findings/unmute",
  mutes: "/api/v1/findings/mutes",
} as const
