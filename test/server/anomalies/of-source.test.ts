import { describe, expect, it } from "vitest"
import {
  anomaliesOfSource,
  type AnomalyLimits,
  type SourceInput,
  usualLimits,
} from "../../../server/anomalies/index.js"
import type { Snapshot, Writer } from "../../../storage/index.js"
import { daily, DAY, HOUR, NOW, snapshot } from "./snapshots.js"

const GiB = 1024 ** 3
const usual = { files: 1000, bytes: GiB }

function found(
  snapshots: readonly Snapshot[],
  more: Partial<SourceInput> & { set?: Partial<AnomalyLimits> } = {},
) {
  const { set, ...input } = more
  return anomaliesOfSource({
    source: "home/app",
    snapshots,
    now: NOW,
    limits: { ...usualLimits, ...set },
    ...input,
  })
}

function codes(...input: Parameters<typeof found>): string[] {
  return found(...input).map(({ code }) => code)
}

const times = (count: number, figures: Partial<Snapshot>) => Array.from({ length: count }, () => figures)

describe("what fell", () => {
  it("is told with the snapshot that still has it", () => {
    const snapshots = daily([...times(5, usual), { files: 300, bytes: GiB }, { files: 310, bytes: GiB }])
    const [anomaly, ...more] = found(snapshots)
    expect(more).toEqual([])
    expect(anomaly).toMatchObject({
      code: "files_lost",
      severity: "warning",
      subject: { kind: "source", key: "home/app" },
      evidence: { usual: 1000, value: 310, percent: 69, lastGood: snapshots[4]?.id, first: snapshots[5]?.id },
    })
    expect(anomaly?.hint).toContain(snapshots[4]?.id)
  })

  it("is told of bytes where the files stay", () => {
    expect(codes(daily([...times(5, usual), { files: 1000, bytes: GiB / 10 }]))).toEqual(["bytes_lost"])
  })

  it("is told with two snapshots before it, and not with one", () => {
    expect(codes(daily([...times(2, usual), { files: 300, bytes: GiB }]))).toEqual(["files_lost"])
    expect(codes(daily([...times(1, usual), { files: 300, bytes: GiB }]))).toEqual([])
  })

  it("is usual after ten snapshots", () => {
    const low = { files: 300, bytes: GiB }
    expect(codes(daily([...times(12, usual), ...times(10, low)]))).toEqual(["files_lost"])
    expect(codes(daily([...times(12, usual), ...times(11, low)]))).toEqual([])
  })

  it("is told exactly from the limits on", () => {
    const with_ = (files: number, set: Partial<AnomalyLimits> = {}) =>
      codes(daily([...times(5, usual), { files, bytes: GiB }]), { set })
    expect(with_(500)).toEqual(["files_lost"])
    expect(with_(501)).toEqual([])
    expect(with_(501, { lostPercent: 49 })).toEqual(["files_lost"])
    expect(with_(300, { lostFiles: 701 })).toEqual([])
    expect(with_(300, { off: ["files_lost"] })).toEqual([])
  })

  it("is no news where it comes and goes", () => {
    const high = times(6, usual)
    const low = { files: 200, bytes: GiB }
    expect(codes(daily([...high, low, ...high, low, ...high, low]))).toEqual([])
    expect(codes(daily([...high, ...high, ...high, low]))).toEqual(["files_lost"])
  })

  it("is no news where sizes vary as much", () => {
    const varied = [1000, 600, 1400, 700, 1300, 900, 560, 1200]
    expect(codes(daily([...varied, 450].map((files) => ({ files, bytes: GiB }))))).toEqual([])
    expect(
      codes(daily([...varied.map((files) => files / 10 + 900), 450].map((files) => ({ files, bytes: GiB })))),
    ).toEqual(["files_lost"])
  })

  it("is news for a source that once was as small and grew", () => {
    const grew = [460, 520, 470, 530, 480, 700, 800, 900, ...Array.from({ length: 10 }, () => 1000), 200]
    expect(codes(daily(grew.map((files) => ({ files, bytes: GiB }))))).toEqual(["files_lost"])
  })

  it("is not guessed where the engine does not record it", () => {
    expect(codes(daily(times(8, { files: undefined, bytes: undefined })))).toEqual([])
  })
})

describe("an empty backup", () => {
  it("is critical, at once, and as long as one with files is there", () => {
    const empty = { files: 0, bytes: 0 }
    for (const count of [1, 5, 60]) {
      const snapshots = daily([usual, ...times(count, empty)])
      const [anomaly, ...more] = found(snapshots)
      expect(more).toEqual([])
      expect(anomaly).toMatchObject({
        code: "emptied",
        severity: "critical",
        evidence: { lastGood: snapshots[0]?.id },
      })
    }
  })

  it("is not guessed where the newest writer records nothing", () => {
    expect(codes(daily([...times(5, usual), { files: undefined, bytes: undefined }]))).toEqual([])
  })

  it("is nothing where there never was a file, and none where there are files of no bytes", () => {
    expect(codes(daily(times(5, { files: 0, bytes: 0 })))).toEqual([])
    expect(codes(daily([...times(5, { files: 3, bytes: 9 }), { files: 3, bytes: 0 }]))).toEqual([])
  })
})

describe("growth", () => {
  it("is told where it is out of line", () => {
    const snapshots = daily([...times(6, usual), { files: 1000, bytes: 30 * GiB }])
    expect(found(snapshots)).toMatchObject([
      { code: "growth", severity: "info", evidence: { usual: GiB, value: 30 * GiB } },
    ])
  })

  it("is not told of a source that is being filled, and not of little", () => {
    expect(codes(daily([0.01, 1, 20, 300].map((size) => ({ files: 10, bytes: size * GiB }))))).toEqual([])
    expect(codes(daily([...times(6, { files: 9, bytes: 1e6 }), { files: 9, bytes: 9e8 }]))).toEqual([])
  })
})

describe("writers", () => {
  const by = (host: string) => ({ ...usual, source: { user: "root", host, paths: ["/data"] } })

  it("that nobody expects are told, each once, with how often", () => {
    const snapshots = daily([by("volsync"), by("laptop"), by("volsync"), by("laptop"), by("volsync")])
    expect(found(snapshots, { writers: [{ user: "root", host: "volsync" }] })).toMatchObject([
      { code: "unknown_writer", severity: "warning", evidence: { writer: "root@laptop", snapshots: 2 } },
    ])
  })

  it("that come after a steady one are told where none are known", () => {
    expect(found(daily([...times(6, by("volsync")), by("laptop")]))).toMatchObject([
      {
        code: "unknown_writer",
        severity: "info",
        evidence: { writer: "root@laptop", expected: ["root@volsync"] },
      },
    ])
  })

  it("tell nothing where each run has another name, or the new one became the usual one", () => {
    expect(codes(daily(["a", "b", "c", "d", "e", "f", "g", "h"].map((pod) => by(`pod-${pod}`))))).toEqual([])
    expect(codes(daily([...times(6, by("old")), ...times(5, by("new"))]))).toEqual([])
  })
})

describe("times", () => {
  it("in the future are told, and hide no missed backup", () => {
    const snapshots = [...daily(times(6, usual), NOW - 5 * DAY), snapshot(NOW + 30 * DAY)]
    expect(found(snapshots)).toMatchObject([
      { code: "in_future", evidence: { count: 1 } },
      { code: "backup_missed", evidence: { newest: snapshots[5]?.id } },
    ])
    expect(codes([...daily(times(6, usual)), snapshot(NOW + 9 * 60_000)])).toEqual([])
  })

  it("missed are told by the interval that was learnt", () => {
    const snapshots = daily(times(8, usual))
    expect(codes(snapshots, { now: NOW + 47 * HOUR })).toEqual([])
    expect(found(snapshots, { now: NOW + 49 * HOUR })).toMatchObject([
      { code: "backup_missed", evidence: { intervalSeconds: 86_400, learnt: true } },
    ])
  })

  it("missed are told by the interval that was given, with a single snapshot", () => {
    const set = { intervalMs: HOUR }
    expect(codes(daily([usual]), { set, now: NOW + 2 * HOUR })).toEqual([])
    expect(codes(daily([usual]), { set, now: NOW + 2 * HOUR + 1 })).toEqual(["backup_missed"])
    expect(codes(daily([usual]), { now: NOW + 900 * DAY })).toEqual([])
  })

  it("missed are told of a young source only after long", () => {
    const young = daily(times(3, usual))
    expect(codes(young, { now: NOW + 4 * DAY })).toEqual([])
    expect(codes(young, { now: NOW + 5 * DAY + 1 })).toEqual(["backup_missed"])
    expect(codes(daily(times(2, usual)), { now: NOW + 900 * DAY })).toEqual([])
  })

  it("of nights and weekends are no missed backups", () => {
    const hours = Array.from({ length: 14 * 24 }, (_, at) => NOW - at * HOUR).filter((at) => {
      const hour = new Date(at).getUTCHours()
      return hour >= 8 && hour <= 18
    })
    const worked = hours.map((at) => snapshot(at))
    const newest = Math.max(...hours)
    expect(codes(worked, { now: newest + 15 * HOUR })).toEqual([])
    expect(codes(worked, { now: newest + 24 * HOUR })).toEqual(["backup_missed"])
    const weekdays = Array.from({ length: 60 }, (_, at) => NOW - at * DAY)
      .filter((at) => ![0, 6].includes(new Date(at).getUTCDay()))
      .map((at) => snapshot(at))
    // NOW is a Friday.
    expect(codes(weekdays, { now: NOW + 3 * DAY + HOUR })).toEqual([])
    expect(codes(weekdays, { now: NOW + 5 * DAY })).toEqual(["backup_missed"])
  })

  it("of one long pause are patience while little is known, and an outage once much is", () => {
    const paused = (before: number, pause: number) =>
      [...Array.from({ length: before }, (_, at) => pause + 6 + at), 5, 4, 3, 2, 1, 0].map((age) =>
        snapshot(NOW - age * DAY),
      )
    expect(codes(paused(3, 5), { now: NOW + 7 * DAY })).toEqual([])
    expect(codes(paused(3, 5), { now: NOW + 8 * DAY })).toEqual(["backup_missed"])
    expect(codes(paused(12, 5), { now: NOW + 49 * HOUR })).toEqual(["backup_missed"])
  })

  it("that retention thinned out make nobody patient", () => {
    const ages = [0, 1, 2, 3, 4, 5, 6, 24, 48, 72, 96, 24 * 7, 24 * 14, 24 * 21, 24 * 50].map(
      (hours) => hours * HOUR,
    )
    const thinned = ages.map((age) => snapshot(NOW - age))
    expect(codes(thinned, { now: NOW + 90 * 60_000 })).toEqual([])
    expect(codes(thinned, { now: NOW + 3 * HOUR })).toEqual(["backup_missed"])
  })

  it("of runs that never end are told", () => {
    const begun = (age: number) => snapshot(NOW - age, { incomplete: "checkpoint", files: 3, bytes: 3 })
    expect(codes([begun(23 * HOUR)])).toEqual([])
    expect(codes([begun(25 * HOUR)])).toEqual(["never_complete"])
    expect(codes([begun(25 * HOUR), snapshot(NOW)])).toEqual([])
    expect(codes([begun(3 * HOUR), begun(2 * HOUR), begun(HOUR)])).toEqual(["starts_over"])
    expect(codes([begun(3 * HOUR), begun(2 * HOUR), begun(HOUR), snapshot(NOW)])).toEqual([])
  })

  it("of one run's checkpoints, which all began at once, are one run", () => {
    const at = NOW - HOUR
    const same = Array.from({ length: 5 }, () => snapshot(at, { incomplete: "checkpoint" }))
    expect(codes(same)).toEqual([])
  })

  it("of marks that nobody touches are told, of living writers not", () => {
    const mark = (age: number): Writer => ({
      id: String(age),
      user: "app",
      host: "home",
      lastSeen: BigInt(NOW - age) * 1_000_000n,
      exclusive: undefined,
    })
    const marks = [mark(5 * HOUR), mark(6 * HOUR), mark(7 * HOUR)]
    expect(codes(daily([usual]), { marks })).toEqual(["starts_over"])
    expect(codes(daily([usual]), { marks: [mark(60_000), mark(HOUR), mark(2 * HOUR)] })).toEqual([])
  })

  it("close together are told while they are new", () => {
    const minute = Array.from({ length: 6 }, (_, at) => snapshot(NOW - at * 60_000))
    expect(codes(minute)).toEqual(["runs_too_often"])
    expect(codes(minute, { now: NOW + 25 * HOUR })).toEqual(["backup_missed"])
    expect(codes(minute.slice(1))).toEqual([])
    const daily_ = daily(times(3, usual), NOW - DAY)
    const half = Array.from({ length: 6 }, (_, at) => snapshot(NOW - at * 30 * 60_000))
    expect(codes([...daily_, ...half])).toEqual([])
    expect(codes([...daily_, ...half], { set: { intervalMs: DAY } })).toEqual(["runs_too_often"])
  })
})

describe("files that could not be read", () => {
  it("are told since when", () => {
    const snapshots = daily([usual, { ...usual, failedFiles: 1 }, { ...usual, failedFiles: 2 }])
    expect(found(snapshots)).toMatchObject([
      { code: "files_failed", evidence: { failed: 2, lastWithout: snapshots[0]?.id } },
    ])
    expect(codes(daily([{ ...usual, failedFiles: 1 }, usual]))).toEqual([])
  })
})
