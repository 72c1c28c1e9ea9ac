import { z } from "zod"

// The wire contract of GET /exists/{namespace}/{pvc} (cluster-side §3.2, design 5.1). The order of keys is part of it.

/** What `?evidence=1` adds, and only then. `null`: not measured or not there. Times in RFC 3339, sizes in bytes. */
export const existsEvidence = z.strictObject({
  repository: z.string().nullable(),
  snapshots: z.int().nullable(),
  newest: z.string().nullable(),
  oldest: z.string().nullable(),
  bytes: z.int().nullable(),
  files: z.int().nullable(),
  verified: z.string().nullable(),
  drilled: z.string().nullable(),
  reason: z.string(),
})
export type ExistsEvidence = z.infer<typeof existsEvidence>

const named = {
  namespace: z.string(),
  pvc: z.string(),
  backend: z.string(),
}

/** The body. Status 200 goes with `restore` and `fresh`, 503 with `unknown`, 400 with `unknown` and empty names. */
export const existsBody = z.discriminatedUnion("decision", [
  z.strictObject({
    exists: z.literal(true),
    decision: z.literal("restore"),
    authoritative: z.literal(true),
    ...named,
    source: z.string().min(1).exactOptional(),
    evidence: existsEvidence.exactOptional(),
  }),
  z.strictObject({
    exists: z.literal(false),
    decision: z.literal("fresh"),
    authoritative: z.literal(true),
    ...named,
    source: z.string().min(1).exactOptional(),
    evidence: existsEvidence.exactOptional(),
  }),
  z.strictObject({
    exists: z.literal(false),
    decision: z.literal("unknown"),
    authoritative: z.literal(false),
    ...named,
    source: z.string().min(1).exactOptional(),
    error: z.string().min(1),
    evidence: existsEvidence.exactOptional(),
  }),
])
export type ExistsBody = z.infer<typeof existsBody>

type Unnamed<Body> = Body extends unknown ? Omit<Body, keyof typeof named> : never

/** The body without what the request already says. A certain answer with an error, or an unknown one without, cannot be written. */
export type ExistsAnswer = Unnamed<ExistsBody>
