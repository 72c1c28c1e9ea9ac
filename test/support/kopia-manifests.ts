// What a synthetic Kopia repository says: manifests and directory objects (kopia-repository-format §11, §12).
import type { SyntheticSnapshot } from "./synthetic-kopia.js"

const SUMMARY = { size: 42, files: 1, symlinks: 0, dirs: 1, maxTime: "2026-01-01T00:00:00Z", numFailed: 0 }
const HOUR = 3_600_000_000_000

/** From the start of a synthetic snapshot to its end. */
export const BACKUP_TAKES_MS = 42_000

/** A directory with one file. */
export function directoryObject(file: string, modified: Date): Buffer {
  const entry = { name: "file", type: "f", mode: "0644", size: 42, mtime: modified.toISOString(), obj: file }
  return Buffer.from(JSON.stringify({ stream: "kopia:directory", entries: [entry], summary: SUMMARY }) + "\n")
}

export function snapshotManifest(snapshot: SyntheticSnapshot, modified: Date, incomplete?: string): object {
  const { user, host, path } = snapshot.identity
  return {
    id: snapshot.id,
    labels: { type: "snapshot", hostname: host, username: user, path },
    modified: modified.toISOString(),
    data: {
      id: "",
      source: { host, userName: user, path },
      description: "",
      startTime: snapshot.start.toISOString(),
      endTime: new Date(snapshot.start.getTime() + BACKUP_TAKES_MS).toISOString(),
      ...(incomplete !== undefined && { incomplete }),
      stats: {
        totalSize: 42,
        excludedTotalSize: 0,
        fileCount: 1,
        cachedFiles: 0,
        nonCachedFiles: 1,
        dirCount: 1,
        excludedFileCount: 0,
        excludedDirCount: 0,
        ignoredErrorCount: 0,
        errorCount: 0,
      },
      rootEntry: {
        name: "data",
        type: "d",
        mode: "0755",
        mtime: "2026-01-01T00:00:00Z",
        obj: snapshot.root,
        summ: SUMMARY,
      },
    },
  }
}

/** The global policy that `kopia repository create` leaves. */
export function policyManifest(id: string, modified: Date): object {
  return {
    id,
    labels: { type: "policy", policyType: "global" },
    modified: modified.toISOString(),
    data: {
      retention: {
        keepLatest: 10,
        keepHourly: 48,
        keepDaily: 7,
        keepWeekly: 4,
        keepMonthly: 24,
        keepAnnual: 3,
        ignoreIdenticalSnapshots: false,
      },
      files: {},
      errorHandling: {},
      scheduling: {},
      compression: { compressorName: "none" },
      metadataCompression: { compressorName: "zstd-fastest" },
      splitter: {},
      actions: {},
      logging: {},
      upload: {},
    },
  }
}

export function maintenanceManifest(id: string, modified: Date): object {
  return {
    id,
    labels: { type: "maintenance" },
    modified: modified.toISOString(),
    data: {
      owner: "maintenance@synthetic",
      quick: { enabled: true, interval: HOUR },
      full: { enabled: true, interval: 24 * HOUR },
      logRetention: { maxTotalSize: 1_073_741_824, maxCount: 10_000, maxAge: 30 * 24 * HOUR },
      extendObjectLocks: false,
      listParallelism: 0,
    },
  }
}
