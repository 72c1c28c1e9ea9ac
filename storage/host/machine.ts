import { availableParallelism, loadavg, uptime } from "node:os"

/** How the machine itself is. Bytes; loads of the last 1, 5 and 15 minutes. */
export interface MachineFigures {
  readonly uptimeSeconds: number
  readonly processors: number
  readonly load: readonly [number, number, number]
  readonly memory: {
    readonly totalBytes: number
    /** With caches that the kernel would give up. */
    readonly availableBytes: number
    readonly swapTotalBytes: number
    readonly swapFreeBytes: number
  }
}

/**
 * Memory by systeminformation, which reads /proc/meminfo and starts nothing for it. Its other functions start shells, some of
 * them while everything waits, and its list of disks wakes those that sleep: they are not used.
 */
export async function machineFigures(): Promise<MachineFigures> {
  // Ten megabytes that nobody needs who never asks.
  const { mem } = await import("systeminformation")
  const { total, available, swaptotal, swapfree } = await mem()
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  return {
    uptimeSeconds: Math.floor(uptime()),
    processors: availableParallelism(),
    load: [one, five, fifteen],
    memory: {
      totalBytes: total,
      availableBytes: available,
      swapTotalBytes: swaptotal,
      swapFreeBytes: swapfree,
    },
  }
}
