import { stringify } from "yaml"
import { writtenByteSize } from "./byte-size.js"
import type {
  ConventionEntry,
  DeclaredDocument,
  DeclaredRepository,
  DrillsEntry,
  Place,
  RepositoryQuota,
  ScrubEntry,
} from "./document.js"

type Plain = Readonly<Record<string, unknown>>

/** The document in the shape people write, defaults spelled out: what is kept, exported, and parsed again. */
export function plainDocument(document: DeclaredDocument): Plain {
  return {
    stores: document.stores,
    clusters: document.clusters,
    repositories: document.repositories.map(plainRepository),
    exports: document.exports.map(withoutUndefined),
    ...(document.nfsServer === undefined ? {} : { nfsServer: withoutUndefined(document.nfsServer) }),
    ...(document.schedules.length === 0 ? {} : { schedules: document.schedules }),
    ...(document.quietHours === undefined ? {} : { quietHours: document.quietHours }),
    ...(document.scrub === undefined ? {} : { scrub: plainScrub(document.scrub) }),
    ...(document.drills === undefined ? {} : { drills: plainDrills(document.drills) }),
  }
}

/** YAML of the same. Secret values are references already: they were sealed when they were applied. */
export function renderDocument(document: DeclaredDocument): string {
  return stringify(plainDocument(document), { lineWidth: 0 })
}

function plainRepository(repository: DeclaredRepository): Plain {
  const { name, cluster, engine, place, conventions, quota, scrub, ...rest } = repository
  return withoutUndefined({
    name,
    cluster,
    engine,
    ...plainPlace(place),
    ...(engine === "kopia" ? { conventions: conventions.map(plainConvention) } : {}),
    ...rest,
    quota: quota && plainQuota(quota),
    scrub: scrub && plainScrub(scrub),
  })
}

function plainQuota({ limitBytes, ...rest }: RepositoryQuota): Plain {
  return { limit: writtenByteSize(limitBytes), ...rest }
}

function plainScrub({ limit, ...rest }: ScrubEntry): Plain {
  return limit === undefined ? rest : { ...rest, limit: writtenByteSize(limit) }
}

function plainDrills({ most, minFree, ...rest }: DrillsEntry): Plain {
  return {
    ...rest,
    ...(most === undefined ? {} : { most: writtenByteSize(most) }),
    ...(minFree === undefined ? {} : { minFree: writtenByteSize(minFree) }),
  }
}

function plainPlace(place: Place): Plain {
  const { kind, ...fields } = place
  return kind === "store" ? fields : { s3: withoutUndefined(fields) }
}

function plainConvention(convention: ConventionEntry): unknown {
  const { written, read, verbatim } = convention
  return written === read && !verbatim ? written : convention
}

function withoutUndefined(fields: object): Plain {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
