/** How long a look at a store's filesystem, or at a NAS system, may take before it is said that nobody knows. */
const LOOK_MS = 2_000

/** The answer; undefined when there is none, or none before a person would stop waiting. */
export async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined)
    }, LOOK_MS)
  })
  try {
    return await Promise.race([promise.catch(() => undefined), limit])
  } finally {
    clearTimeout(timer)
  }
}
