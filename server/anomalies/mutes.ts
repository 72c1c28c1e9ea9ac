/** As findings keep them: until when something is not told, in Unix milliseconds. */
export interface Mute {
  readonly code: string
  readonly subjectKind: string
  readonly subject: string
  readonly until: number
}

/** What a mute is about. */
export interface Mutable {
  readonly code: string
  readonly subject: { readonly kind: string; readonly key: string }
}

/** Whether somebody asked not to be told of exactly this, and that still counts: a mute ends with its `until`. Pure. */
export function isMuted({ code, subject }: Mutable, mutes: readonly Mute[], now: number): boolean {
  return mutes.some(
    (mute) =>
      mute.code === code &&
      mute.subjectKind === subject.kind &&
      mute.subject === subject.key &&
      now < mute.until,
  )
}
